"""`alife new plugin`: what it writes passes its own tests untouched, shows something, and is found once installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

import pytest
from PIL import Image

from alife.cli import run_command
from alife.loading import KINDS
from alife.new import COMMANDS
from alife.registry import Registry

LONGEST = 30
"""Lines of a module, fewer than."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_passes_its_own_tests_and_shows_something(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    short = "--size 64" if kind == "substrate" else "--set steps=20 --set img_size=32"
    monkeypatch.setitem(COMMANDS, kind, f"{COMMANDS[kind]} {short}")
    assert run_command(["new", "plugin", "my_own", "--kind", kind]) == 0
    place, said = tmp_path / "my_own", capsys.readouterr().out
    assert "alife check my_own" in said
    module = place / "alife_my_own.py"
    assert len(module.read_text().splitlines()) < LONGEST
    readme = (place / "README.md").read_text()
    picture = place / readme.rpartition("](")[2].rstrip(")\n")
    assert Image.open(picture).convert("RGB").resize((64, 64)).getextrema() != ((0, 0),) * 3
    assert (place / ".github/workflows/test.yml").exists()
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=place, capture_output=True, text=True
    )
    assert tests.returncode == 0 and " passed" in tests.stdout, tests.stdout
    # once it is installed, its entry point brings it under its name
    entry = tomllib.loads((place / "pyproject.toml").read_text())["project"]["entry-points"]["alife"]
    said = tmp_path / "site" / "alife_my_own-0.1.0.dist-info"
    said.mkdir(parents=True)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: alife-my-own\nVersion: 0.1.0\n")
    (said / "entry_points.txt").write_text("[alife]\n" + "".join(f"{n} = {m}\n" for n, m in entry.items()))
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "alife_my_own", raising=False)
    registry = Registry()
    assert registry.of_kind(kind)["my_own"].plugin == "my_own" and registry.of_kind(kind)["my_own"].summary


def test_what_cannot_be_a_name_is_refused_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, said in (("My-World", "such as my_world"), ("class", "expected a word"), ("../up", "such as up")):
        assert run_command(["new", "plugin", name]) == 2
        assert said in capsys.readouterr().err
    assert run_command(["new", "plugin", "mine", "--kind", "substrat"]) == 2
    assert "did you mean substrate" in capsys.readouterr().err
    (tmp_path / "there").mkdir()
    assert run_command(["new", "plugin", "there"]) == 2
    assert "there exists" in capsys.readouterr().err and os.listdir(tmp_path) == ["there"]


HARMFUL = """
import jax, jax.numpy as jnp
from alife.testing.toy import Toy

class Hangs(Toy):
    def init_state(self, rng, params):
        while True:
            pass

class Eats(Toy):
    def init_state(self, rng, params):
        self.eaten = [bytearray(b"x") * (10 << 20) for _ in range(1000)]

class Dies(Toy):
    def init_state(self, rng, params):
        import os
        os._exit(7)

class Fails(Toy):
    def render_state(self, state, params, img_size):
        return 2 + super().render_state(state, params, img_size)

class Meant(Fails):
    expected_failures = {"picture range": "it is brighter than screens can be"}

class Quits(Toy):
    def __init__(self):
        raise SystemExit(3)
"""


@pytest.mark.parametrize(
    "name, options, said",
    [
        ("Hangs", ["--seconds", "12"], "it still runs after 12 s; stopped"),
        ("Eats", ["--memory-mb", "1500"], "MB; stopped"),
        ("Dies", [], "its process ended by itself, with 7"),
        ("Fails", [], "FAIL  picture range"),
        ("Quits", [], "its process ended by itself, with 3"),
    ],
)
def test_what_harms_is_stopped_and_reported(name, options, said, tmp_path, capsys):
    file = tmp_path / "harmful.py"
    file.write_text(HARMFUL)
    assert run_command(["check", f"{file}:{name}", *options]) == 1
    told = capsys.readouterr().out
    assert said in told and "to mend it: " in told and "checks passed" in told


def test_a_failure_that_the_class_declares_is_no_failure(tmp_path, capsys):
    file = tmp_path / "harmful.py"
    file.write_text(HARMFUL)
    assert run_command(["check", f"{file}:Meant"]) == 0
    assert "fails, as declared: it is brighter than screens can be" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, said", [("lenja", "did you mean lenia"), ("nowhere.py:World", "no such file"), ("{file}:Hang", "Hangs")]
)
def test_what_cannot_be_checked_is_said(name, said, tmp_path, capsys):
    file = tmp_path / "harmful.py"
    file.write_text(HARMFUL)
    assert run_command(["check", name.format(file=file)]) == 2
    assert said in capsys.readouterr().err


def test_every_kind_of_thing_can_be_checked_by_name(capsys):
    for name in ("motion", "random"):
        assert run_command(["check", name]) == 0
    assert capsys.readouterr().out.count("checks passed") == 2
