"""`alife compare`: hand-made archives whose figures can be checked by head."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alife import compare_figures
from alife.cli import run_command
from alife.compare import Comparison, compare_runs, mann_whitney
from alife.compare_figures import FIGURES, novelty, qd_gains
from alife.compare_groups import labels
from alife.compare_plot import COLOURS, SIZE, draw
from alife.compare_read import find_runs
from alife.errors import ArchiveError, BadOption, UnknownName
from alife.storage import Genes, Layout, Rows, create_archive, schema
from alife.storage.files import Files

EAST, NORTH, WEST = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)
Lifeform = tuple[int, float, Sequence[float]]
"""Number of its evaluation, score, and the embedding of its last frame."""


class Unsynced(Files):
    """Does not wait for the disk: dozens of archives that are thrown away."""

    def sync(self, path: Path) -> None:
        pass


def make(
    path: Path,
    found: Sequence[Lifeform],
    evaluations: int,
    *,
    seed: int = 0,
    identity: str = "eye-1",
    measures: Mapping[str, Sequence[float]] | None = None,
    **config: Any,
) -> Path:
    """The archive of a run that has found these lifeforms; measures: name -> one value for each."""
    n, values = len(found), measures or {}
    dim = len(found[0][2]) if n else 2
    z = np.array([[place, place] for _, _, place in found], np.float32).reshape(n, 2, dim)
    said = {"substrate": "toy", "search": {"name": "random"}, "score": "mass", **config, "seed": seed}
    layout = Layout({"toy": Genes(1, np.float32)}, frames=(2, 2, 2), dim=dim, measures=dict.fromkeys(values, ""))
    provenance = {"model": {"identity": identity}}
    with create_archive(path, layout, config=said, provenance=provenance, files=Unsynced()) as writer:
        rows = Rows(
            genotype=np.zeros((n, 1), np.float32),
            parent=np.full((n, 2), -1),
            replaced=np.full(n, -1),
            operator=np.zeros(n, np.uint8),
            evaluation=np.array([number for number, _, _ in found], np.int64),
            seed=np.zeros((n, 2), np.uint32),
            score=np.array([score for _, score, _ in found], np.float32),
            measures={name: np.array(column, np.float32) for name, column in values.items()},
            valid=np.ones(n, bool),
            embedding=z,
            frames=np.zeros((n, 2, 2, 2, 3), np.uint8),
        )
        writer.append(rows, generation=0, checkpoint={}, progress={"evaluations": evaluations})
    return path


@pytest.fixture
def pair(tmp_path) -> list[Path]:
    """Two seeds of one search, one of which went on for longer."""
    first = make(tmp_path / "run-1", [(0, 1, EAST), (2, 3, EAST), (3, 2, NORTH)], 6, seed=1)
    return [first, make(tmp_path / "run-2", [(1, 5, NORTH)], 9, seed=2, generations=7)]


def several(folder: Path, name: str, scores: Sequence[float], **config: Any) -> list[Path]:
    """Runs with one lifeform and one score each."""
    return [
        make(folder / f"{name}-{seed}", [(0, score, EAST), (1, 0, NORTH)], 4, seed=seed, **config)
        for seed, score in enumerate(scores)
    ]


def curve(comparison: Comparison, figure: str, run: int, group: int = 0) -> list[float]:
    return comparison.groups[group].curves[figure][run].tolist()


def refused(capsys, *arguments: Any) -> str:
    """The one line that a refused command prints."""
    capsys.readouterr()
    assert run_command(["compare", *map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    return err


def test_the_figures_are_what_they_are_said_to_be(pair) -> None:
    found = compare_runs(pair, cells=2)
    assert found.points.tolist() == list(range(1, 10)) and found.stages == (2, 4, 6)
    nan = [np.nan] * 3  # the first run ended after six worlds
    np.testing.assert_array_equal(curve(found, "best", 0), [1, 1, 3, 3, 3, 3, *nan])
    np.testing.assert_array_equal(curve(found, "coverage", 0), [0.5, 0.5, 0.5, 1, 1, 1, *nan])
    np.testing.assert_array_equal(curve(found, "qd_score", 0), [0, 0, 2, 3, 3, 3, *nan])  # above 1, the lowest of both
    np.testing.assert_allclose(curve(found, "novelty", 0), [np.nan, np.nan, 0, 1 / 3, 1 / 3, 1 / 3, *nan], atol=1e-7)
    np.testing.assert_array_equal(curve(found, "best", 1), [np.nan, *[5] * 8])
    np.testing.assert_array_equal(curve(found, "coverage", 1), [0, *[0.5] * 8])
    np.testing.assert_array_equal(curve(found, "qd_score", 1), [0, *[4] * 8])
    assert np.isnan(curve(found, "novelty", 1)).all()  # nothing to compare one lifeform with


def test_medians_go_as_far_as_all_seeds_have_got(pair) -> None:
    (group,) = compare_runs(pair, cells=2).groups
    low, median, high = group.quartiles("best")
    np.testing.assert_array_equal(median, [np.nan, 3, 4, 4, 4, 4, *[np.nan] * 3])
    assert (low[5], high[5]) == (3.5, 4.5)


def test_a_grid_over_measures_lies_between_their_ends(tmp_path) -> None:
    found: list[Lifeform] = [(0, 1, EAST), (1, 1, EAST), (2, 1, EAST)]
    one = make(tmp_path / "a", found, 3, measures={"mass": [0, 0.1, 32], "x": [0, 0, 0]})
    two = make(tmp_path / "b", found, 3, seed=1, measures={"mass": [5, 5, 5], "x": [0, 0, 0]})
    along = compare_runs([one, two], axes=["mass"])
    assert curve(along, "coverage", 0) == [1 / 32, 1 / 32, 2 / 32] and curve(along, "coverage", 1)[-1] == 1 / 32
    assert curve(compare_runs([one, two], axes=["mass", "x"]), "coverage", 0)[-1] == 2 / 1024  # x never varies
    assert "mass 0 to 32" in along.cells


def test_the_order_of_runs_changes_no_figure(tmp_path) -> None:
    random = np.random.default_rng(0)
    runs = []
    for seed in range(3):
        z = random.normal(size=(40, 6))
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        runs.append(make(tmp_path / str(seed), [(i, i, row) for i, row in enumerate(z.tolist())], 40, seed=seed))
    one, other = compare_runs(runs), compare_runs(runs[::-1])
    assert one.cells.startswith("30 cells")  # one for every four lifeforms
    for figure in FIGURES:
        np.testing.assert_array_equal(one.groups[0].curves[figure], other.groups[0].curves[figure][::-1])


def test_novelty_equals_the_slow_definition(monkeypatch) -> None:
    monkeypatch.setattr(compare_figures, "BLOCK", 7)
    z = np.random.default_rng(1).normal(size=(50, 3))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    counts = np.array([0, 1, 2, 3, 17, 17, 50])

    def slow(count: int) -> float:
        rows = [max((z[i] @ z[j] for j in range(count) if j != i), default=np.nan) for i in range(count)]
        return 1 - np.mean(rows) if rows else np.nan

    np.testing.assert_allclose(novelty(z, counts), [slow(count) for count in counts])


def test_novelty_of_a_large_run_asks_some_and_compares_with_all(monkeypatch) -> None:
    monkeypatch.setattr(compare_figures, "QUERIES", 5)
    z = np.array([[np.cos(angle), np.sin(angle)] for angle in np.arange(12) * 0.01])
    np.testing.assert_allclose(novelty(z, np.array([12])), [1 - np.cos(0.01)])  # the next one is hardly ever asked


def test_only_a_better_one_in_its_cell_adds_to_the_qd_score() -> None:
    gains = qd_gains(np.array([0, 1, 0, 0, 1]), np.array([1.0, 2.0, 0.5, 4.0, 2.5]), lowest=0.5)
    assert gains.tolist() == [0.5, 1.5, 0, 3, 0.5]


def test_runs_that_differ_in_seed_and_budget_are_one_group(tmp_path) -> None:
    illuminate = {"search": {"name": "illuminate", "sigma": 0.5}}
    runs = [*several(tmp_path, "random", [1, 2]), *several(tmp_path, "other", [3, 4], minutes=2.0, **illuminate)]
    runs.append(make(tmp_path / "long", [(0, 1, EAST)], 9, seed=9, generations=3, memory_mb=64, **illuminate))
    groups = compare_runs(runs).groups
    assert [(group.label, len(group.runs)) for group in groups] == [("random", 2), ("illuminate", 3)]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([{"search.name": "random", "score": "a"}, {"search.name": "illuminate", "score": "b"}], "random|illuminate"),
        ([{"score": "a", "model.name": "m"}, {"score": "b", "model.name": "n"}], "a|b"),
        ([{"search.name": "s"}, {"search.name": "s", "search.sigma": 0.2}], "sigma default|sigma=0.2"),
        ([{"search.name": "s"}, {"search.name": "t"}, {"search.name": "t", "search.k": 3}], "s|t|t k=3"),
        ([{"prompts": ["a", "b"]}, {"prompts": ["c"]}], "a, b|c"),
        ([{"images": [{"file": "x/a.png", "z": "1"}]}, {"images": [{"file": "b.png", "z": "2"}]}], "a.png|b.png"),
        (
            [{"images": [{"file": "a.png", "z": "1"}]}, {"images": [{"file": "a.png", "z": "2"}]}],
            "a.png (f0)|a.png (f1)",
        ),
        ([{"score": "x" * 50 + "1"}, {"score": "x" * 50 + "2"}], f"{'x' * 31}… (f0)|{'x' * 31}… (f1)"),
        ([{"score": "a"}], "f0"),
    ],
)
def test_labels_are_the_shortest_that_tell_groups_apart(groups, expected) -> None:
    assert "|".join(labels(groups, [f"f{i}" for i in range(len(groups))])) == expected


def test_one_group_has_the_name_of_its_folders(pair) -> None:
    assert [group.label for group in compare_runs(pair).groups] == ["run"]
    assert [group.label for group in compare_runs(pair[:1]).groups] == ["run-1"]


def test_what_does_not_compare_is_said_and_not_marked(tmp_path, capsys) -> None:
    runs = [*several(tmp_path, "a", [1, 2, 3]), *several(tmp_path, "b", [7, 8, 9], score="speed", steps=9)]
    found = compare_runs(runs)
    assert found.comparable == {"coverage", "novelty"}
    assert "score differ: best scores and QD-scores do not compare" in found.notes[0] and "steps" in found.notes[1]
    assert run_command(["compare", *map(str, runs)]) == 0
    out = capsys.readouterr().out
    assert "coverage at 4 worlds: p = 1" in out and "best score at" not in out
    other = make(tmp_path / "other", [(0, 1, WEST)], 4, seed=5, substrate="another")
    assert "substrates differ" in compare_runs([runs[0], other]).notes[0]
    same = make(tmp_path / "twin", [(0, 1, WEST)], 4)
    assert "the same seed" in compare_runs([runs[0], same]).notes[0]


def test_the_table_marks_the_best_median_and_tells_how_sure_that_is(tmp_path, capsys) -> None:
    several(tmp_path, "random", [1, 2, 3])
    several(tmp_path, "climb", [4, 5, 6], search={"name": "climb"})
    assert run_command(["compare", str(tmp_path / "random-*"), str(tmp_path / "climb-*")]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "\x1b" not in out
    rows = [line.split() for line in out.splitlines() if "climb" in line or "random" in line]
    assert rows[-2][:7] == ["4", "random", "3", "2", "[1.5,", "2.5]", "1"]
    assert rows[-1][:7] == ["climb", "3", "5", "[4.5,", "5.5]", "*", "1"]
    assert "best score at 4 worlds: p = 0.1 (Mann-Whitney, 3 against 3 runs, 0.1 at least)" in out


def test_brackets_and_colons_stand_in_the_table_as_they_are(tmp_path, capsys) -> None:
    runs = [*several(tmp_path, "a", [1], prompts=["[red] a :cat:"]), *several(tmp_path, "b", [1], prompts=["b"])]
    assert run_command(["compare", *map(str, runs)]) == 0
    assert "[red] a :cat:" in capsys.readouterr().out


@pytest.mark.parametrize("sizes", [(3, 4), (6, 6), (12, 13)])
def test_p_values_are_those_of_scipy(sizes) -> None:
    from scipy.stats import mannwhitneyu

    a, b = (np.random.default_rng(n + i).normal(i / 2, size=n) for i, n in enumerate(sizes))
    method = "exact" if sum(sizes) < 20 else "asymptotic"
    assert mann_whitney(a, b) == pytest.approx(mannwhitneyu(a, b, method=method).pvalue, rel=0.05)


def test_equal_groups_have_p_1() -> None:
    assert mann_whitney(np.ones(3), np.ones(4)) == 1


def test_the_picture_shows_every_group_in_its_colour(tmp_path) -> None:
    runs = several(tmp_path, "random", [1, 2])
    found: list[Lifeform] = [(0, 5, EAST), (1, 2, (0.6, 0.8)), (2, 3, NORTH)]
    targets = [{"file": "a$b.png", "model": "", "z": ""}]  # a dollar is no formula
    runs += [make(tmp_path / f"climb-{seed}", found, 4, seed=seed, images=targets) for seed in range(3)]
    target = tmp_path / "compare.png"
    assert run_command(["compare", *map(str, runs), "--to", str(target), "--cells", "3"]) == 0
    picture = Image.open(io.BytesIO(target.read_bytes()))
    assert picture.format == "PNG" and picture.size == SIZE
    pixels = np.asarray(picture.convert("RGB"))
    for colour, drawn in zip(COLOURS, (True, True, False), strict=False):
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        halves = [half for rows in np.split(pixels[100:], 2) for half in np.split(rows, 2, axis=1)]
        assert all((half == rgb).all(-1).any() == drawn for half in halves), colour
    assert (pixels == 255).all(-1).mean() > 0.7


def test_a_single_point_can_be_drawn(tmp_path) -> None:
    picture = draw(compare_runs([make(tmp_path / "one", [(0, 1, EAST)], 1)]))
    assert picture.shape == (SIZE[1], SIZE[0], 3)


def test_the_curves_are_written_as_a_table(tmp_path, pair) -> None:
    target = tmp_path / "table.csv"
    assert run_command(["compare", *map(str, pair), "--cells", "2", "--csv", str(target)]) == 0
    with target.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["evaluations"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    last = {"group": "run", "runs": "2", "best_q1": "3.5", "best": "4", "qd_score": "3.5", "novelty": ""}
    assert last.items() <= rows[-1].items() and rows[0]["best"] == ""


def test_contact_sheets_beside_runs_and_runs_named_twice_are_passed_over(tmp_path, pair) -> None:
    (tmp_path / "run-1.png").write_bytes(b"")
    assert find_runs([tmp_path / "*", pair[0]]) == pair


def test_damaged_lifeforms_are_left_out_and_told_of(tmp_path, monkeypatch) -> None:
    for name, value in (("ROWS", 8), ("SHARD", 4), ("CHUNK_BYTES", 128)):  # eight records share a file
        monkeypatch.setattr(schema, name, value)
    path = make(tmp_path / "run", [(i, i, EAST) for i in range(10)], 10, measures={"mass": range(10)})
    first, second = sorted(file for file in (path / "score").rglob("*") if file.is_file() and file.name != "zarr.json")
    first.write_bytes(b"no numbers")
    found = compare_runs([path], axes=["mass"])
    assert found.notes == (f"8 damaged lifeforms are left out; alife check-archive {path}",)
    np.testing.assert_array_equal(curve(found, "best", 0), [*[np.nan] * 8, 8, 9])
    second.write_bytes(b"no numbers")
    with pytest.raises(ArchiveError, match="none that can be read; see `alife check-archive`"):
        compare_runs([path])


def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path, pair, capsys) -> None:
    empty = make(tmp_path / "empty", [], 4)
    other = make(tmp_path / "other", [(0, 1, EAST)], 4, identity="eye-2", measures={"mass": [1]})
    assert "RUN" in refused(capsys)
    assert "expected a run directory" in refused(capsys, pair[0], tmp_path / "nothing")
    assert "nothing fits" in refused(capsys, tmp_path / "no-*")
    assert f"{empty} holds no lifeform yet" in refused(capsys, pair[0], empty)
    said = refused(capsys, *pair, other)
    assert f"{pair[0]} by eye-1; {other} by eye-2" in said and "one model at a time" in said
    assert "no measure is called 'mass'" in refused(capsys, *pair, other, "--axes", "mass")
    assert "one measure, or two different ones" in refused(capsys, other, "--axes", "mass,mass")
    assert "leave one out" in refused(capsys, other, "--axes", "mass", "--cells", "4")
    assert ".png" in refused(capsys, *pair, "--to", tmp_path / "a.gif")
    assert ".csv" in refused(capsys, *pair, "--csv", tmp_path / "a.png")


def test_runs_of_different_models_compare_by_measures_without_novelty(tmp_path) -> None:
    runs = [
        make(tmp_path / name, [(0, 1, EAST), (1, 1, WEST)], 2, identity=name, measures={"mass": [1, 2]})
        for name in ("a", "b")
    ]
    with pytest.raises(BadOption, match="say --axes mass"):
        compare_runs(runs)
    found = compare_runs(runs, axes=["mass"])
    assert [group.label for group in found.groups] == ["identity=a", "identity=b"]
    assert "novelty" not in found.comparable and np.isnan(curve(found, "novelty", 0)).all()
    with pytest.raises(UnknownName, match="did you mean mass"):
        compare_runs(runs, axes=["mas"])
