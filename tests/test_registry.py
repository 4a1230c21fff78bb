"""The plugin story: files, packages, broken ones, duplicates."""

from __future__ import annotations

import inspect
import re
import sys

import pytest

import alife
from alife import hookspecs
from alife.cli import run_command
from alife.errors import BadOption, PluginError, UnknownName
from alife.registry import Registry, default_registry

WORLD = """
import jax.numpy as jnp
import alife

class Blink:
    def __init__(self, period=2):
        self.period = period
    def default_params(self, rng):
        return jnp.zeros(2)
    def init_state(self, rng, params):
        return jnp.zeros((), jnp.int32)
    def step_state(self, rng, state, params):
        return (state + 1) % self.period
    def render_state(self, state, params, img_size):
        return jnp.ones((img_size, img_size, 3)) * (state > 0)

@alife.hookimpl
def register_substrates(register):
    register("NAME", Blink, summary="on and off", horizon=10)
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_single_file_is_a_plugin(tmp_path):
    registry = Registry([write(tmp_path, "blink.py", WORLD.replace("NAME", "blink"))])
    assert registry.substrates["blink"].make(period=3).period == 3
    assert registry.substrates["blink"].horizon == 10
    assert "lenia" in registry.substrates


def test_duplicates_name_both_plugins(tmp_path):
    first = write(tmp_path, "one.py", WORLD.replace("NAME", "blink"))
    second = write(tmp_path, "two.py", WORLD.replace("NAME", "blink"))
    with pytest.raises(PluginError, match=r"'blink' is registered by .*one\.py.* and by .*two\.py"):
        Registry([first, second])


@pytest.mark.parametrize(
    "text, said",
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "no function marked"),
        (
            "import alife\n@alife.hookimpl\ndef register_substrates(register):\n    register('a b', dict, horizon=1)",
            "not a word",
        ),
        (
            "import alife\n@alife.hookimpl\ndef register_substrates(register):\n    register('ab', 3, horizon=1)",
            "neither callable",
        ),
        (
            "import alife\n@alife.hookimpl\ndef register_substrates(register):\n    register('ab', dict)",
            "horizon is None",
        ),
        (
            "import alife\n@alife.hookimpl\ndef register_models(register):\n    register('ab', dict, sumary='')",
            "did you mean summary",
        ),
        ("import alife\n@alife.hookimpl\ndef register_model(register):\n    pass", "no function marked|unknown hook"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path, text, said):
    with pytest.raises(PluginError, match=said):
        Registry([write(tmp_path, "broken.py", text)])


def test_a_broken_package_is_listed_and_never_fatal(monkeypatch):
    class Point:
        name, dist = "broken", None

        def load(self):
            raise RuntimeError("boom at import")

    monkeypatch.setattr("alife.registry.entry_points", lambda group: [Point()])
    registry = Registry()
    assert [p.error for p in registry.plugins if p.name == "broken"] == ["RuntimeError: boom at import"]
    assert "life" in registry.substrates


def test_a_plugin_brings_all_or_nothing(monkeypatch):
    class Half:
        @alife.hookimpl
        def register_substrates(self, register):
            register("whole", dict, horizon=1)
            register("lenia", dict, horizon=1)

    class Point:
        name, dist = "half", None

        def load(self):
            return Half()

    monkeypatch.setattr("alife.registry.entry_points", lambda group: [Point()])
    registry = Registry()
    assert "whole" not in registry.substrates
    assert next(p.error for p in registry.plugins if p.name == "half").startswith("substrate 'lenia' is registered by")


def test_what_ships_loads():
    assert [p for p in default_registry().plugins if p.error] == []


def test_every_hook_has_a_plugin_that_ships():
    hooks = [name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "alife_spec")]
    registry = default_registry()
    users = {name for name in hooks if getattr(registry.hooks.hook, name).get_hookimpls()}
    from alife.progress import Progress

    users |= {name for name in hooks if hasattr(getattr(Progress, name, None), "alife_impl")}
    assert users == set(hooks)
    assert all(inspect.getdoc(getattr(hookspecs, name)) for name in hooks)


def test_names_are_suggested():
    with pytest.raises(UnknownName, match="no substrate is called 'lena'; did you mean lenia"):
        default_registry().substrates["lena"]
    with pytest.raises(BadOption, match="did you mean size"):
        default_registry().substrates["life"].make(siz=3)


NEEDY = WORLD.replace("horizon=10)", "horizon=10, needs=NEEDS)").replace("NAME", "blink")
ABSENT = {"nothing_of_this_name": "alife[nothing]"}


def test_what_lacks_a_package_is_not_there_and_says_what_to_install(tmp_path, capsys):
    file = write(tmp_path, "blink.py", NEEDY.replace("NEEDS", str(ABSENT)))
    registry = Registry([file])
    assert "blink" not in registry.substrates and "blink" not in list(registry.substrates)
    said = "substrate 'blink' needs the package nothing_of_this_name: pip install 'alife[nothing]'"
    with pytest.raises(PluginError, match=re.escape(said)):
        registry.substrates["blink"]
    for words in ("run blink --to x.png", "check blink", "list substrates blink"):
        assert run_command([*words.split(), "--plugin", str(file)]) == 2
        assert f"error: {said}" in capsys.readouterr().err
    assert run_command(["list", "substrates", "--plugin", str(file)]) == 0
    assert capsys.readouterr().out.rstrip().splitlines()[-1].strip() == said


def test_what_has_its_packages_is_as_any_other(tmp_path):
    registry = Registry([write(tmp_path, "blink.py", NEEDY.replace("NEEDS", "{'json': 'json'}"))])
    assert registry.substrates["blink"].make(period=3).period == 3


def test_a_package_is_looked_for_and_not_imported(tmp_path, monkeypatch):
    write(tmp_path, "heavy_thing.py", "raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = Registry([write(tmp_path, "blink.py", NEEDY.replace("NEEDS", "{'heavy_thing': 'heavy'}"))])
    assert "blink" in registry.substrates and "heavy_thing" not in sys.modules


def test_a_name_is_taken_though_its_package_is_not_installed(tmp_path):
    first = write(tmp_path, "one.py", NEEDY.replace("NEEDS", str(ABSENT)))
    second = write(tmp_path, "two.py", WORLD.replace("NAME", "blink"))
    with pytest.raises(PluginError, match="'blink' is registered by"):
        Registry([first, second])


@pytest.mark.parametrize("needs", ["['json']", "{'os.path': 'os'}"])
def test_needs_of_another_kind_are_refused(tmp_path, needs):
    with pytest.raises(PluginError, match=r"needs is .* expected"):
        Registry([write(tmp_path, "blink.py", NEEDY.replace("NEEDS", needs))])
