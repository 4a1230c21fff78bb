"""Any class with the four methods runs as it is: from a file, as an object, through an entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import alife
from alife.cli import run_command
from alife.errors import BadOption, PluginError
from alife.registry import Registry, default_registry
from alife.replay import replay
from alife.run import resume_search, run_search
from alife.storage import open_archive
from alife.testing.toy import Toy

from ..browser.conftest import serving
from ..browser.test_server import ask, post, unpacked
from . import published
from .published import Carried, Drift, Neural, Rule

FILE = Path(published.__file__)
SMALL = ["--set", "steps=6", "--frames", "2", "--population", "4", "--set", "img_size=24", "--model", "pixels"]
FEW = {"steps": 6, "frames": 2, "population": 4, "img_size": 24, "model": "pixels", "generations": 2}
CLASSES = [Drift, Carried, Rule, Neural]


@pytest.mark.parametrize("made", CLASSES, ids=lambda made: made.__name__)
def test_a_class_of_a_file_is_searched_resumed_replayed_and_browsed(made, tmp_path, capsys):
    run = tmp_path / "run"
    command = ["search", f"{FILE}:{made.__name__}", "--generations", "2", "--out", str(run), *SMALL]
    assert run_command(command) == 0, capsys.readouterr().err
    assert run_command(["resume", str(run), "--generations", "3"]) == 0
    archive = open_archive(run)
    assert archive.generation == 2 and archive.config["substrate"] == made.__name__
    assert archive.config["plugins"] == [f"{FILE}:{made.__name__}"]
    assert {verdict.verdict for verdict in replay(archive, range(len(archive)))} == {"same bytes"}
    with serving([run]) as address:
        stage = post(address, "/api/runs/0/lifeforms/1/live", {"side": 32})[1]
        assert stage["genotype"] == archive[1].genotype.tolist() and stage["genes"]
        status, body = ask(address, f"/api/live/{stage['world']}", "POST", b'{"steps": 2}', Origin=address)
        assert status == 200 and unpacked(body)["finite"] == [1]


@pytest.mark.parametrize("made", CLASSES, ids=lambda made: made.__name__)
def test_a_class_in_python_is_found_again_by_other_processes(made, tmp_path):
    archive = run_search(made, out=tmp_path / "run", **FEW)
    said = subprocess.run(
        [sys.executable, "-m", "alife", "replay", str(archive.path), "0"],
        capture_output=True,
        text=True,
        cwd=FILE.parents[2],
    )
    assert said.returncode == 0 and "same bytes" in said.stdout, said.stderr


def test_a_ready_made_one_that_keeps_its_arguments_is_found_again_too(tmp_path):
    archive = run_search(Drift(grid_size=24, dt=0.2), out=tmp_path / "run", **FEW)
    assert archive.config["options"] == {"grid_size": 24, "dt": 0.2}
    resume_search(tmp_path / "run", budget={"generations": 3})
    assert {verdict.verdict for verdict in replay(archive, [0, 1])} == {"same bytes"}


def test_one_that_nobody_could_find_again_runs_here_and_says_so_elsewhere(tmp_path, capsys):
    class Hidden(Drift):
        def __init__(self, grid_size):
            super().__init__(2 * grid_size)

    archive = run_search(Hidden(8), out=tmp_path / "run", **FEW)
    assert archive.config["plugins"] == [] and len(archive)
    registry = Registry()
    registry.take(Hidden(8))
    assert {verdict.verdict for verdict in replay(archive, [0], registry)} == {"same bytes"}
    assert run_command(["replay", str(archive.path), "0"]) == 2
    assert "substrate 'Hidden' is not installed" in capsys.readouterr().err


def test_what_is_no_substrate_is_refused_in_words(tmp_path):
    with pytest.raises(PluginError, match="expected the name of a world, or a substrate: a class with step_state"):
        run_search(42, out=tmp_path / "run")
    with pytest.raises(BadOption, match="takes no options"):
        run_search(Toyish(3), out=tmp_path / "run", options={"size": 4}, **FEW)


class Toyish(Toy):
    """Does not keep what it was made with."""

    def __init__(self, times: int) -> None:
        super().__init__(8 * times)
        self.made = object()


def install(place: Path, entry: str, module: str) -> None:
    """A package as pip would leave it: its module, and what it says of itself."""
    said = place / "fake_worlds-1.2.dist-info"
    said.mkdir(parents=True)
    (said / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-worlds\nVersion: 1.2\n")
    (said / "entry_points.txt").write_text(f"[alife]\n{entry}\n")
    (place / "fake_worlds.py").write_text(module)


@pytest.mark.parametrize(
    "entry, name", [("drifting = fake_worlds:Drift", "drifting"), ("fake = fake_worlds", "drift_by_hook")]
)
def test_an_installed_package_is_found_through_its_entry_point(entry, name, tmp_path, monkeypatch, capsys):
    hook = (
        "\nimport alife\n@alife.hookimpl\ndef register_substrates(register):\n"
        "    register('drift_by_hook', Drift, summary='', horizon=6)\n"
    )
    install(tmp_path / "site", entry, FILE.read_text() + hook)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "fake_worlds", raising=False)
    registry = Registry()
    (plugin,) = [plugin for plugin in registry.plugins if "fake-worlds" in plugin.where]
    assert plugin.where == "package fake-worlds 1.2" and plugin.brings == (name,) and plugin.seconds > 0
    archive = run_search(name, out=tmp_path / "run", registry=registry, **FEW)
    assert {verdict.verdict for verdict in replay(archive, [0], registry)} == {"same bytes"}
    # without the package, who asks is told what to install
    with pytest.raises(PluginError, match="pip install fake-worlds"):
        next(iter(replay(archive, [0], Registry(installed=False))))


def test_every_plugin_tells_what_it_brings_and_how_long_it_took(capsys):
    assert run_command(["list", "plugins", "--json"]) == 0
    told = {plugin["name"]: plugin for plugin in json.loads(capsys.readouterr().out)["plugins"]}
    life = told["alife.plugins.life"]
    assert life["hooks"] == ["register_substrates"] and life["brings"] == ["life"] and life["seconds"] > 0
    assert not [name for name, plugin in told.items() if plugin["error"] or not plugin["brings"]]


def test_loading_is_told_when_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ALIFE_TRACE_PLUGINS", "1")
    broken = tmp_path / "broken.py"
    broken.write_text("import alife, nowhere")
    with pytest.raises(PluginError):
        Registry([broken])
    said = capsys.readouterr().err.splitlines()
    assert any(
        "plugin alife.plugins.life (built in)" in line and "register_substrates -> life" in line for line in said
    )
    assert "ModuleNotFoundError" in said[-1]


def test_near_names_are_suggested_for_a_class_of_a_file(capsys):
    assert run_command(["search", f"{FILE}:Drifts", "--generations", "1"]) == 2
    assert "there is no class 'Drifts' in it; did you mean Drift?" in capsys.readouterr().err


def test_the_fixtures_of_the_pytest_plugin(alife_registry, alife_plugin, toy_world):
    alife_registry.take(Drift)
    assert "Drift" in alife_registry.substrates and "Drift" not in default_registry().substrates
    registry = alife_plugin("import alife\n@alife.hookimpl\ndef register_scores(register):\n    register('one', abs)")
    assert "one" in registry.scores and Path(registry.files[0]).is_file()
    lived = alife.rollout(toy_world, jax.random.key(0), np.zeros(2, np.float32), steps=3, frames=2, img_size=16)
    assert lived.frames.shape == (2, 16, 16, 3) and np.isfinite(lived.measures["light"])


BREAKS = """
import jax.numpy as jnp
import alife
from alife.testing.toy import Toy

class Breaks(Toy):
    def step_state(self, rng, state, params):
        return jnp.log(state - 0.5)

class Asks(Toy):
    def step_state(self, rng, state, params):
        return state if state.sum() > 0 else -state

@alife.hookimpl
def register_substrates(register):
    register("broken", Breaks, summary="it breaks", horizon=77, test_options={"size": 4})
"""


def test_what_the_file_says_of_a_class_counts(tmp_path):
    file = tmp_path / "breaks.py"
    file.write_text(BREAKS)
    entries = Registry([f"{file}:Breaks", f"{file}:Asks"]).substrates
    assert entries["Breaks"].horizon == 77 and entries["Breaks"].summary == "it breaks"
    assert entries["Asks"].horizon == 256 and "broken" not in entries


def test_a_world_that_breaks_says_so_and_who_looks_for_it_finds_it(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "breaks.py"
    file.write_text(BREAKS)
    assert run_command(["run", f"{file}:Breaks", "--to", "black.png", "--size", "16"]) == 0
    assert "NaN or infinite numbers, which are drawn as black" in capsys.readouterr().err
    assert run_command(["search", f"{file}:Breaks", "--generations", "1", *SMALL]) == 0
    (advice,) = [line for line in capsys.readouterr().out.splitlines() if "alife check" in line]
    assert f"`alife check {file}:Breaks`" in advice
    assert run_command(["check", f"{file}:Breaks"]) == 1
    told = capsys.readouterr().out
    assert "FAIL  stays finite" in told and "--    poke  (it has none)" in told and "of 21 checks passed" in told


def test_the_line_that_raises_is_named(tmp_path, capsys):
    file = tmp_path / "breaks.py"
    file.write_text(BREAKS)
    assert run_command(["check", f"{file}:Asks"]) == 1
    line = BREAKS.splitlines().index("        return state if state.sum() > 0 else -state") + 1
    told = capsys.readouterr().out
    assert f"(breaks.py, line {line})" in told and told.count("seen: ") == 1


@pytest.mark.parametrize("command", [["check"], ["search"], ["run", "--to", "x.png"]])
def test_a_file_alone_is_asked_for_its_class(command, tmp_path, capsys):
    file = tmp_path / "breaks.py"
    file.write_text(BREAKS)
    assert run_command([*command, str(file)]) == 2
    assert f"say which class in it is meant: {file}:Breaks or {file}:Asks" in capsys.readouterr().err


def test_a_class_of_a_file_is_shown_like_any_other(capsys):
    assert run_command(["list", "substrates", f"{FILE}:Drift"]) == 0
    assert "grid_size  16" in " ".join(capsys.readouterr().out.split("\n"))
