"""Several archives in one: every lifeform is there with all it had, related to whom it was, and no run is changed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from alife.errors import ArchiveError, ArchiveExists, ArchiveLocked, BadOption
from alife.storage import Genes, Layout, Peak, Rows, check_archive, create_archive, open_archive, resume_archive
from alife.storage.events import add_events, read_events
from alife.storage.merge import merge_archives
from alife.storage.query import ancestors

from .contents import Failing, Leaving, Quick, content, damage, lineage

PLAIN = Layout({"a": Genes(3, np.float32)}, frames=(2, 4, 4), dim=3, measures={"mass": "how much", "x": ""})
CELLS = {"cells": ((2,), np.float16)}


def rows_of(random: np.random.Generator, layout: Layout, substrate: str, known: int) -> Rows:
    """Some lifeforms of a substrate with all that a layout has room for."""
    n, genes, (k, h, w) = int(random.integers(0, 7)), layout.substrates[substrate], layout.frames
    sizes = np.full(n, genes.size) if genes.size else random.integers(1, 6, n)
    genotypes = [(random.normal(size=size) * 9).astype(genes.dtype) for size in sizes]
    moments = random.integers(0, 3, n)
    states = {
        leaf: [random.normal(size=(m, *shape)).astype(dtype) for m in moments]
        for leaf, (shape, dtype) in genes.states.items()
    }
    pictures = random.integers(0, 256, (n, h, w, 3), dtype=np.uint8)
    return Rows(
        genotype=np.array(genotypes, genes.dtype).reshape(n, genes.size) if genes.size else genotypes,
        parent=random.integers(-1, max(known, 1), (n, 2)) if known else np.full((n, 2), -1),
        replaced=random.integers(-1, max(known, 1), n) if known else np.full(n, -1),
        operator=random.integers(0, 3, n).astype(np.uint8),
        evaluation=np.arange(n),
        seed=random.integers(0, 2**32, (n, 2), dtype=np.uint32),
        score=random.normal(size=n).astype(np.float32),
        measures={name: random.normal(size=n).astype(np.float32) for name in layout.measures},
        valid=random.random(n) < 0.9,
        embedding=random.normal(size=(n, k, layout.dim)).astype(np.float32),
        frames=random.integers(0, 256, (n, k, h, w, 3), dtype=np.uint8),
        elite=random.random(n) < 0.5,
        sampled=random.random(n) < 0.5,
        clip=[random.integers(0, 256, (t, h, w, 3), dtype=np.uint8) for t in moments] if layout.clip else None,
        states=states or None,
        peak=Peak(random.random(n).astype(np.float32), np.arange(n) + 1, pictures) if layout.peak else None,
        substrate=substrate,
    )


def grow(path: Path, layout: Layout, seed: int, identity: str = "m") -> Path:
    """An archive of eight generations of such lifeforms."""
    random = np.random.default_rng(seed)
    made = {"config": {"score": "x", "seed": seed}, "provenance": {"model": {"identity": identity}}}
    with create_archive(path, layout, **made, files=Quick()) as writer:
        for generation in range(8):
            if generation == 5:
                writer.begin_origin({**made, "config": {"score": "x", "seed": seed + 100}})
            rows = rows_of(random, layout, str(random.choice(list(layout.substrates))), len(writer.archive))
            progress = {"evaluations": generation + 1, "finished": False}
            writer.append(rows, generation=generation, checkpoint={"g": np.array(generation)}, progress=progress)
    return path


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


VARIETY: Mapping[str, list[Layout]] = {
    "all alike": [PLAIN] * 3,
    "two substrates": [PLAIN, replace(PLAIN, substrates={"b": Genes(5, np.int32)}, measures={"x": "", "y": ""})],
    "several within one": [replace(PLAIN, substrates={"a": Genes(3, np.float32), "b": Genes(2, np.uint8)}), PLAIN],
    "genotypes of two lengths": [PLAIN, replace(PLAIN, substrates={"a": Genes(4, np.float32)})],
    "genotypes of any length": [replace(PLAIN, substrates={"a": Genes(None, np.float32)})] * 2,
    "numbers of two types": [
        replace(PLAIN, substrates={"a": Genes(3, np.uint8)}),
        replace(PLAIN, substrates={"a": Genes(3, np.int16)}),
    ],
    "only one keeps everything": [
        PLAIN,
        replace(PLAIN, substrates={"a": Genes(3, np.float32, CELLS)}, clip=True, peak="mass", steps=(5, 9)),
    ],
    "both keep everything": [replace(PLAIN, substrates={"a": Genes(3, np.float32, CELLS)}, clip=True, peak="mass")] * 2,
}


@pytest.mark.parametrize("case", VARIETY)
def test_every_lifeform_is_there_with_all_it_had(
    toy: ModuleType, tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alife.storage.rewrite.BATCH_BYTES", 6000)
    layouts = VARIETY[case]
    runs = [grow(tmp_path / f"run{i}", layout, i) for i, layout in enumerate(layouts)]
    before = [toy.tree(run) for run in runs]
    assert merge_archives(runs, tmp_path / "all", files=Quick()) == {}
    assert [toy.tree(run) for run in runs] == before
    assert (report := check_archive(tmp_path / "all")).ok, report
    merged, parts = open_archive(tmp_path / "all"), [open_archive(run) for run in runs]
    assert set(merged.substrates) == {name for part in parts for name in part.substrates}
    assert set(merged.measures) == {name for part in parts for name in part.measures}
    found, known, firsts = content(merged), lineage(merged), np.cumsum([0, *map(len, parts)])
    assert len(merged) == firsts[-1] > 20
    for part, first in zip(parts, firsts[:-1], strict=True):
        shift = [[p + first if p >= 0 else -1 for p in row] for row in lineage(part)]
        assert known[first : first + len(part)] == shift
        rows = zip(
            content(part), found[first : first + len(part)], part, merged[first : first + len(part)], strict=True
        )
        for was, has, mine, theirs in rows:
            if case == "numbers of two types":
                assert mine.genotype.tolist() == theirs.genotype.tolist() and theirs.genotype.dtype == np.int16
                was, has = without(was, "genotype"), without(has, "genotype")
            nothing = {"clip": mine.clip is None, "states": mine.states is None, "peak": mine.peak is None}
            for name, absent in nothing.items():
                assert (getattr(theirs, name) is None) == absent
            assert was == {name: has[name] for name in was}
            assert mine.measures == theirs.measures and mine.provenance == theirs.provenance


def test_ids_islands_origins_and_progress(tmp_path: Path) -> None:
    runs = [grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two"))]
    parts = [open_archive(run) for run in runs]
    merge_archives(runs, tmp_path / "all")
    merged = open_archive(tmp_path / "all")
    assert merged.islands == [
        {
            "run": str(run),
            "created": part.created,
            "lifeforms": [first, first + len(part)],
            "left_out": [],
            "generation": 7,
            "progress": {"evaluations": 8, "finished": False},
        }
        for run, part, first in zip(runs, parts, (0, len(parts[0])), strict=True)
    ]
    assert merged.progress == {"evaluations": 16} and merged.generation == 7 and merged.config["seed"] == 0
    assert [(o["config"]["seed"], o["run"]) for o in merged.origins] == [
        *((seed, str(runs[0])) for seed in (0, 100)),
        *((seed, str(runs[1])) for seed in (1, 101)),
    ]
    assert [x.config["seed"] for x in merged] == [x.config["seed"] for part in parts for x in part]
    roots = {x.id for x in merged if not x.parents}
    assert roots == {
        x.id + first for part, first in zip(parts, (0, len(parts[0])), strict=True) for x in part if not x.parents
    }
    second = np.arange(len(parts[0]), len(merged))
    for i in second:
        assert set(ancestors(merged, int(i)).tolist()) <= set(second.tolist())


def test_what_is_said_comes_along_in_order_of_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two"))]
    said = [("note", 2, "old"), ("favourite", 1, True)], [("tag", 2, "small"), ("steer", None, {"go": 1})]
    from datetime import datetime

    from alife.storage import events

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2030 - len(moments), 1, 1, tzinfo=tz)

    moments: list[int] = []
    monkeypatch.setattr(events, "datetime", Clock)
    for run, things in zip(runs, said, strict=True):
        add_events(run, things)
        moments.append(1)
    merge_archives(runs, tmp_path / "all")
    first = len(open_archive(runs[0]))
    found = read_events(tmp_path / "all")
    assert [(e["number"], e["kind"], e["lifeform"]) for e in found] == [
        *((0, "tag", first + 2), (1, "steer", None), (2, "note", 2), (3, "favourite", 1)),
    ]
    assert check_archive(tmp_path / "all").ok


def test_damaged_lifeforms_are_left_out_and_islands_of_islands_keep_their_numbers(
    toy: ModuleType, tmp_path: Path
) -> None:
    runs = [grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two", "three"))]
    damage(min((runs[1] / "frames").glob("c.1.*")))
    whole = open_archive(runs[1])
    assert merge_archives(runs[:2], tmp_path / "some") == {str(runs[1]): [4, 5, 6, 7]}
    damage(min((tmp_path / "some/frames").glob("c.0.*")))
    assert merge_archives([runs[2], tmp_path / "some"], tmp_path / "all") == {str(tmp_path / "some"): [0, 1, 2, 3]}
    assert check_archive(tmp_path / "all").ok
    merged = open_archive(tmp_path / "all")
    assert [(island["run"], island["left_out"]) for island in merged.islands] == [
        *((str(runs[2]), []), (str(runs[0]), [0, 1, 2, 3]), (str(runs[1]), [4, 5, 6, 7])),
    ]
    first, end = merged.islands[2]["lifeforms"]
    kept = [i for i in range(len(whole)) if i not in (4, 5, 6, 7)]
    moved = {i: first + place for place, i in enumerate(kept)}
    assert end == len(merged) == first + len(kept)
    for i, now in moved.items():
        np.testing.assert_array_equal(merged[now].frames, whole[i].frames)
        assert merged[now].parents == tuple(moved[p] for p in whole[i].parents if p in moved)
        assert merged[now].config == whole[i].config
    assert [origin["run"] for origin in merged.origins] == [
        str(run) for run in (runs[2], runs[0], runs[1]) for _ in "ab"
    ]


def test_it_goes_on_as_another_search_only(tmp_path: Path) -> None:
    runs = [grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two"))]
    merge_archives(runs, tmp_path / "all")
    with pytest.raises(ArchiveError, match=r"all was merged from several runs; .* `alife search --from .*all`"):
        resume_archive(tmp_path / "all")


@pytest.mark.parametrize(
    ("other", "identity", "message"),
    [
        (replace(PLAIN, frames=(2, 5, 4)), "m", "2 pictures of 4 x 4 pixels .*, .*two has 2 pictures of 5 x 4 pixels"),
        (replace(PLAIN, frames=(3, 4, 4)), "m", "two has 3 pictures of 4 x 4 pixels of each lifeform; merge only runs"),
        (PLAIN, "n", "one has embeddings of the model m, .*two of n; they cannot be compared"),
        (replace(PLAIN, dim=4), "m", "embeddings of 3 numbers, .*two has embeddings of 4 numbers"),
        (replace(PLAIN, peak="x"), "m", "greatest, .*two has the moments at which x was greatest; .* same --peak"),
        (
            replace(PLAIN, substrates={"a": Genes(3, np.float32, {"cells": ((3,), np.float16)})}),
            "m",
            r"states of a made of cells float16\[2\], .*two has states of a made of cells float16\[3\]; merge only",
        ),
    ],
)
def test_runs_that_do_not_fit_together_are_refused(tmp_path: Path, other: Layout, identity: str, message: str) -> None:
    layout = replace(PLAIN, substrates={"a": Genes(3, np.float32, CELLS)}, peak="mass")
    runs = [grow(tmp_path / "one", layout, 0), grow(tmp_path / "two", other, 1, identity)]
    with pytest.raises(BadOption, match=message):
        merge_archives(runs, tmp_path / "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_what_cannot_be_merged_is_refused(tmp_path: Path) -> None:
    one, two = (grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two")))
    all_of_them = tmp_path / "all"
    for runs, message in (
        ([one], "1 run is given; expected two or more to merge"),
        ([one, two, tmp_path / "nowhere" / ".." / "one"], "one is given twice"),
    ):
        with pytest.raises(BadOption, match=message):
            merge_archives(runs, all_of_them)
    with pytest.raises(ArchiveExists, match="two exists"):
        merge_archives([one, two], two)
    with pytest.raises(ArchiveError, match="expected a run directory"):
        merge_archives([one, tmp_path], all_of_them)
    merge_archives([one, two], all_of_them)
    with pytest.raises(BadOption, match=r"one is in .*all and in .*one; its lifeforms would be there twice"):
        merge_archives([all_of_them, one], tmp_path / "more")


@pytest.mark.parametrize("room", [0, 5_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, room: int) -> None:
    runs = [grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two"))]
    with pytest.raises(ArchiveError, match=r"cannot make an archive at .*all \(No space left on device"):
        merge_archives(runs, tmp_path / "all", files=Failing(room))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_killed_at_any_moment_there_is_all_or_nothing(toy: ModuleType, tmp_path: Path) -> None:
    place = tmp_path / "runs"
    place.mkdir()
    runs = [grow(place / name, PLAIN, seed) for seed, name in enumerate(("one", "two"))]
    files = Leaving(place, every=30)
    merge_archives(runs, place / "all", files=files)
    whole = content(open_archive(place / "all"))
    for copy in files.copies:
        assert not (copy / "all").exists()
        merge_archives([copy / "one", copy / "two"], copy / "all")
        assert content(open_archive(copy / "all")) == whole
        assert sorted(path.name for path in copy.iterdir()) == ["all", "one", "two"]
    assert len(files.copies) > 4


def test_two_do_not_build_in_one_place(tmp_path: Path) -> None:
    runs = [grow(tmp_path / name, PLAIN, seed) for seed, name in enumerate(("one", "two"))]
    shutil.copytree(runs[0], tmp_path / "all.partial")
    with resume_archive(tmp_path / "all.partial"), pytest.raises(ArchiveLocked, match=r"all.partial is being written"):
        merge_archives(runs, tmp_path / "all")
