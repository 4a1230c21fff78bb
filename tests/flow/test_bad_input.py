"""Every mistake is one clear line after `error:`, exit code 2, no traceback, and nothing lost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alife.cli import run_command
from alife.storage import open_archive

from .worlds import TINY, WORLD, broken, write


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A small finished run; tests copy it before they harm it."""
    place = tmp_path_factory.mktemp("finished") / "run"
    assert run_command(["search", "life", "--out", str(place), "--generations", "2", "--search", "random", *TINY]) == 0
    return place


def refused(capsys, *arguments) -> str:
    """The one line that a refused command prints."""
    assert run_command([str(a) for a in arguments]) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "Traceback" not in captured.err
    return lines[0]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["serch"], "did you mean search"),
        (["search", "lena"], "did you mean lenia"),
        (["search", "orbum"], "did you mean orbium"),
        (["search", "life", "--search", "illuminat"], "did you mean illuminate"),
        (["search", "life", "--model", "textur"], "did you mean texture"),
        (["search", "life", "--score", "open_endd"], "did you mean open_ended"),
        (["search", "life", "--set", "step=3"], "did you mean steps"),
        (["search", "life", "--set", "world_size=3"], "options.world_size"),
        (["search", "life", "--set", "options.siz=32"], "did you mean size"),
        (["search", "life", "--set", "search.sigm=1", "--search", "illuminate"], "did you mean sigma"),
        (["search", "life", "--set", "steps"], "expected key=value"),
        (["search", "life", "--set", "steps=many"], "steps is 'many'; expected a whole number"),
        (["search", "life", "--generations", "0"], "generations is 0; expected"),
        (["search", "life", "--evaluations", "-4"], "evaluations is -4; expected"),
        (["search", "life", "--minutes", "-1"], "minutes is -1.0; expected"),
        (["search", "life", "--generations", "1", "--minutes", "1"], "at most one of"),
        (["search", "life", "--population", "0"], "population is 0; expected"),
        (["search", "life", "--frames", "0"], "frames is 0; expected"),
        (["search", "life", "--set", "steps=4", "--frames", "5"], "more than the 4 steps"),
        (["search", "life", "--seed", "-1"], "seed is -1; expected"),
        (["search", "life", "--set", "img_size=4"], "img_size is 4; expected"),
        (["search", "life", "--search", "Sep_CMA_ES"], "--search illuminate or --search random"),
        (["search", "lenia", "--prompt", "a cell", "--model", "texture"], "model that knows text"),
        (["search", "life", "--plugin", "nowhere.py"], "no such file"),
        (["search", "life", "--set", "genotype=[1,2]"], "expected 1 integer"),
        (["search", "life", "--set", "genotype=B99"], "B99"),
        (["search", "lenia", "--set", "genotype=nan"], "NaN"),
        (["list", "substrats"], "did you mean substrates"),
        (["check", "lena"], "did you mean lenia"),
        (["import", "lif", "x.rle"], "did you mean life"),
        (["import", "life", "nowhere.rle"], "nowhere.rle"),
        (["run", "orbium", "--to", "orbium.xyz"], ".gif"),
        (["run", "orbium", "--to", "no/such/folder/o.gif"], "no/such/folder"),
        (["run", "orbium"], "--to"),
        (["resume", "nowhere"], "nowhere"),
        (["bench", "lena"], "did you mean lenia"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_and_numbers(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *arguments)
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize(
    "text, said",
    [
        ('substrate = "life"\nstep = 3', "no key 'step'; did you mean steps"),
        ('substrate = "life"\nsteps = "many"', "steps is 'many'; expected a whole number"),
        ('substrate = "life"\noptions = 3', "options is 3; expected a table"),
        ('substrate = "lif"', "did you mean life"),
        ("steps = 3", "'substrate' is missing"),
        ("substrate = ", "not TOML"),
        ('substrate = "life"\n[options]\nsiz = 64', "did you mean size"),
    ],
)
def test_wrong_world_files_name_file_key_and_expectation(capsys, tmp_path, text, said):
    path = write(tmp_path / "world.toml", text)
    message = refused(capsys, "search", path, "--out", tmp_path / "run", "--generations", "1")
    assert said in message
    assert "world.toml" in message or "option" in message
    assert not (tmp_path / "run").exists()


def test_a_missing_world_file(capsys, tmp_path):
    assert "no such file" in refused(capsys, "run", tmp_path / "none.toml", "--to", tmp_path / "o.gif")


def test_an_existing_place_is_left_alone(capsys, tmp_path):
    (tmp_path / "run").mkdir()
    kept = write(tmp_path / "run" / "thesis.txt", "years of work")
    assert "exists" in refused(capsys, "search", "life", "--out", tmp_path / "run", "--generations", "1", *TINY)
    assert kept.read_text() == "years of work"


@pytest.mark.parametrize(
    "command", [["replay", "RUN", "0"], ["export", "RUN", "--to", "o.png"], ["check-archive", "RUN"], ["resume", "RUN"]]
)
def test_a_directory_that_is_no_run(capsys, tmp_path, command):
    (tmp_path / "some").mkdir()
    arguments = [str(tmp_path / "some") if a == "RUN" else a for a in command]
    assert "alife search" in refused(capsys, *arguments)


def test_an_id_that_is_not_there(capsys, finished):
    assert "999" in refused(capsys, "replay", finished, "999")
    assert "999" in refused(capsys, "export", finished, "999", "--to", "o.npz")


@pytest.mark.parametrize("harm", ["truncate", "remove", "garbage"])
def test_a_damaged_root_document(capsys, tmp_path, finished, harm):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    for document in (run / "zarr.json", run / "id/root"):  # its copy stands in until that is damaged too
        assert run_command(["replay", str(run), "0"]) == 0
        if harm == "remove":
            document.unlink()
        else:
            document.write_text(document.read_text()[:100] if harm == "truncate" else "{}")
        assert "check-archive" in refused(capsys, "resume", run) or document.parent != run
    for command in (["resume", run], ["replay", run, "0"], ["export", run, "--to", tmp_path / "o.png"]):
        refused(capsys, *command)


def test_damaged_frames_are_named_and_the_rest_is_served(capsys, tmp_path, finished):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    chunk = max(
        (p for p in (run / "frames").rglob("*") if p.is_file() and p.name != "zarr.json"),
        key=lambda p: p.stat().st_size,
    )
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 0xFF
    chunk.write_bytes(bytes(data))
    assert run_command(["check-archive", str(run), "--full"]) == 1
    assert "lifeform" in capsys.readouterr().out
    assert np_scores(run) == np_scores(finished)
    assert run_command(["check-archive", str(run), "--repair"]) == 0
    assert run_command(["check-archive", str(run), "--full"]) == 0
    assert np_scores(run) == np_scores(finished)


def test_a_run_goes_on_after_a_repair(capsys, tmp_path, finished):
    """Embeddings that are lost no longer count when scores look back; everything else does."""
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (chunk,) = (run / "embedding").glob("c.0*")
    chunk.write_bytes(chunk.read_bytes()[:-40])
    assert "--repair" in refused(capsys, "resume", run, "--generations", "9")
    assert run_command(["check-archive", str(run), "--repair"]) == 0
    assert run_command(["resume", str(run), "--generations", "9"]) == 0
    assert open_archive(run).generation == 8 and len(open_archive(run)) > len(open_archive(finished))


def np_scores(run: Path) -> list[float]:
    return open_archive(run).column("score").tolist()


@pytest.mark.parametrize(
    "method, body, said",
    [
        ("init_state", "raise RuntimeError('boom')", "Broken.init_state raised RuntimeError: boom"),
        ("step_state", "raise RuntimeError('boom')", "Broken.step_state raised RuntimeError: boom"),
        ("step_state", "return state[:2]", "must keep shape and dtype"),
        ("render_state", "return jnp.zeros((3, 3))", "expected float[32, 32, 3]"),
    ],
)
def test_plugins_that_break_their_contract(capsys, tmp_path, method, body, said):
    plugin = broken(tmp_path / "bad.py", method, body)
    place = tmp_path / "run"
    message = refused(
        capsys, "search", "broken", "--plugin", plugin, "--out", place, "--generations", "1", "--set", "img_size=32"
    )
    assert said in message and not place.exists()


def test_a_plugin_that_raises_on_import(capsys, tmp_path):
    plugin = write(tmp_path / "bad.py", "raise RuntimeError('boom at import')")
    assert "boom at import" in refused(capsys, "search", "life", "--plugin", plugin)


def test_worlds_of_nan_are_counted_and_never_kept(capsys, tmp_path):
    plugin = broken(tmp_path / "bad.py", "render_state", "return jnp.full((img_size, img_size, 3), jnp.nan)")
    arguments = ["search", "broken", "--plugin", str(plugin), "--out", str(tmp_path / "run"), "--generations", "2"]
    assert run_command([*arguments, "--population", "4", "--set", "img_size=32"]) == 0
    captured = capsys.readouterr()
    assert "8 invalid" in captured.err and "holds no lifeform" in captured.out
    assert len(open_archive(tmp_path / "run")) == 0


def test_a_full_disk_loses_nothing(tmp_path):
    """A limit on file size stands for a full disk: the run stops with an error, and goes on when there is room."""
    run = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "alife",
        "search",
        "life",
        "--out",
        str(run),
        "--generations",
        "60",
        "--search",
        "random",
        *WORLD,  # whose embeddings are short: a few generations fit
    ]
    limited = f"ulimit -f 40; exec {' '.join(command)}"
    stopped = subprocess.run(["bash", "-c", limited], capture_output=True, text=True)
    assert stopped.returncode == 2, stopped.stderr
    assert "Traceback" not in stopped.stderr and "error:" in stopped.stderr
    kept = open_archive(run)
    assert 0 < kept.generation < 59
    assert run_command(["resume", str(run)]) == 0
    assert open_archive(run).generation == 59
