"""Axes of searches: measures, scores and opposite texts, chosen by the run where nobody does, refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from alife.cli import run_command
from alife.registry import default_registry
from alife.run import run_search
from alife.storage import open_archive

TINY = {"steps": 4, "frames": 2, "img_size": 32, "population": 8, "generations": 2, "options": {"size": 32}}
COMMAND = ["search", "life", "--population", "8", "--generations", "1", "--frames", "2", "--set", "steps=4"]
COMMAND += ["--set", "img_size=32", "--set", "options.size=32", "--score", "activity"]


def grid(axes=None, **options):
    return {"name": "map_elites", "bins": 4, **({} if axes is None else {"axes": axes}), **options}


def test_the_run_takes_the_first_two_measures_and_says_so_in_its_configuration(tmp_path):
    archive = run_search("life", out=tmp_path / "run", score="open_ended", search=grid(), model="pixels", **TINY)
    assert archive.config["search"]["axes"] == ["activity", "entropy"]


def test_a_grid_keeps_the_best_of_every_cell(tmp_path):
    ranges = [[0, 1], [0, 1]]
    search = grid(["population", "1 - activity"], ranges=ranges)
    archive = run_search("life", out=tmp_path / "run", score="entropy", search=search, model="pixels", **TINY)
    places = np.stack([archive.column("population"), 1 - archive.column("activity")], axis=1)
    cells = [tuple(np.clip(np.floor(4 * place), 0, 3)) for place in places]
    best: dict[tuple, int] = {}
    for i, cell in enumerate(cells):  # ids are in the order of evaluation; one a generation enters a cell
        replaced = best.get(cell)
        assert archive[i].replaced == replaced
        assert replaced is None or archive[i].score > archive[replaced].score
        best[cell] = i
    assert len(best) > 1


def test_opposite_texts_are_an_axis(tmp_path):
    search = grid(["dots | stripes", "component(i=1)"])
    archive = run_search("life", out=tmp_path / "run", score="activity", search=search, **TINY)
    assert archive.config["model"]["name"] == "builtin", "who understands the texts"
    model = default_registry().models["builtin"].make()
    low, high = np.asarray(model.embed_text(["dots", "stripes"]))
    along = [x.embedding[-1] @ (high - low) for x in archive]
    cells = {float(np.float32(value)) for value in along}
    assert len(archive) >= 2 and np.ptp(list(cells)) > 0 and max(map(abs, along)) <= 2


@pytest.mark.parametrize(
    "options, said",
    [
        (["--set", 'search.axes=["activty", "entropy"]'], "did you mean activity"),
        (["--set", 'search.axes=["calm | ", "entropy"]'], "two opposite texts"),
        (["--set", 'search.axes=["a | b | c"]'], "two opposite texts"),
        (["--set", 'search.axes=["dots | stripes"]', "--model", "texture"], "sees pictures and knows none"),
        (["--set", "search.axes=[]"], "axes"),
        (["--set", "search.axes=[1, 2]"], "axes"),
        (["--set", 'search.axes=["entropy"]', "--set", "search.ranges=[[0, 1], [0, 1]]"], "ranges"),
        (["--set", 'search.axes=["entropy"]', "--set", "search.bins=[4, 4]"], "bins"),
        (["--set", "search.bins=0"], "bins"),
    ],
)
def test_what_is_no_axis_is_refused(options, said, tmp_path, capsys):
    command = [*COMMAND, "--search", "map_elites", *options, "--out", str(tmp_path / "run")]
    assert run_command(command) == 2
    told = capsys.readouterr().err
    assert said in told and "Traceback" not in told and not (tmp_path / "run").exists()


def test_an_axis_that_never_varies_is_pointed_out(tmp_path, capsys):
    axes = ["--search", "map_elites", "--set", 'search.axes=["0*entropy + 3", "activity"]', "--model", "pixels"]
    assert run_command([*COMMAND, *axes, "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr().err
    assert "note: axis '0*entropy + 3' is 3 for all" in told and "axis 'activity'" not in told
    assert len(open_archive(tmp_path / "run"))
