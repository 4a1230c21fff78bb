"""What is written is read back, by us and by plain zarr and xarray; whatever does not fit is refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray
import zarr

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists, ArchiveLocked, BadOption, PluginError, UnknownName
from alife.storage import Archive, Genes, Layout, Peak, Rows, check_archive, open_archive, resume_archive
from alife.types import OPERATORS

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def archive(finished: Path) -> Archive:
    return open_archive(finished)


def test_what_is_written_is_read_back(toy: ModuleType, archive: Archive) -> None:
    state, known = toy.start_state(), 0
    for generation in range(archive.generation + 1):
        rows, state = toy.next_generation(state, generation, known)
        for i, lifeform in enumerate(archive[known : known + len(rows.genotype)]):
            assert (lifeform.id, lifeform.generation) == (known + i, generation)
            np.testing.assert_array_equal(lifeform.genotype, rows.genotype[i])
            np.testing.assert_array_equal(lifeform.embedding, rows.embedding[i])
            np.testing.assert_array_equal(lifeform.frames, rows.frames[i])
            assert lifeform.score == rows.score[i] and lifeform.valid == rows.valid[i]
            assert lifeform.measures == {name: column[i] for name, column in rows.measures.items()}
            assert lifeform.parents == tuple(p for p in rows.parent[i] if p >= 0)
            assert lifeform.operator == OPERATORS[rows.operator[i]] and lifeform.substrate == "toy"
            assert (lifeform.elite, lifeform.sampled) == (rows.elite[i], rows.sampled[i])
            np.testing.assert_equal(lifeform.clip, rows.clip[i] if len(rows.clip[i]) else None)
            moments = {leaf: values[i] for leaf, values in rows.states.items()}
            np.testing.assert_equal(lifeform.states, moments if len(moments["cells"]) else None)
            peak = None if np.isnan(rows.peak.value[i]) else Peak(*(column[i] for column in rows.peak))
            np.testing.assert_equal(lifeform.peak, peak)
            assert lifeform.evaluation == rows.evaluation[i] and lifeform.seed == tuple(rows.seed[i])
        known += len(rows.genotype)
    assert len(archive) == known
    assert archive.config == {"world": "toy", "seed": 1} and archive.provenance == {"engine": "0"}
    assert archive.progress == {"evaluations": int(state["evaluations"])}
    assert archive.measures == ("mass", "x") and archive.substrates == ("toy",)
    assert archive[0].config == archive.config and archive[0].provenance == archive.provenance


def test_the_checkpoint_comes_back_as_it_was(toy: ModuleType, tmp_path: Path) -> None:
    with toy.create(tmp_path / "run") as writer:
        assert writer.checkpoint == {} and writer.generation == -1 and writer.progress == {}
        rows, state = toy.next_generation(toy.start_state(), 0, 0)
        writer.append(rows, generation=0, checkpoint=state, progress={"best": None})
        kept = writer.checkpoint
    with resume_archive(tmp_path / "run") as again:
        assert again.generation == 0 and again.progress == {"best": None}
        for found in (kept, again.checkpoint):
            assert found.keys() == state.keys()
            for name, value in state.items():
                assert found[name].dtype == value.dtype and found[name].shape == value.shape
                np.testing.assert_array_equal(found[name], value)


def test_indices_are_those_of_a_list(archive: Archive) -> None:
    ids = list(range(len(archive)))
    assert [lifeform.id for lifeform in archive] == ids
    assert [lifeform.id for lifeform in archive[5:1:-2]] == ids[5:1:-2]
    assert archive[-1].id == archive[np.int64(len(archive) - 1)].id == ids[-1]
    for wrong in (len(archive), -len(archive) - 1):
        with pytest.raises(
            IndexError, match=rf"no lifeform {wrong}; this archive holds {len(ids)} \(ids 0..{ids[-1]}\)"
        ):
            archive[wrong]


def test_the_best_are_valid_and_of_equals_the_oldest(toy: ModuleType, tmp_path: Path) -> None:
    rows, state = toy.next_generation(toy.start_state(), 3, 0)
    score = np.array([1, 5, 3, 9, 3, 3, -np.inf, 3, 0], np.float32)
    rows = rows._replace(score=score, valid=np.arange(9) != 3, elite=None, parent=np.full((9, 2), -1))
    with toy.create(tmp_path / "run") as writer:
        writer.append(rows, generation=0, checkpoint=state, progress={})
        best = [[lifeform.id for lifeform in writer.archive.best(n)] for n in (1, 3, 99)]
    assert best == [[1], [1, 2, 4], [1, 2, 4, 5, 7, 0, 8, 6]]


def test_the_nearest_have_the_largest_cosine(archive: Archive) -> None:
    last = np.stack([lifeform.embedding[-1] for lifeform in archive])
    alive = archive.column("valid") & archive.column("elite")
    expected = [i for i in np.argsort(-(last @ last[2])) if alive[i] and i != 2]
    assert [lifeform.id for lifeform in archive.nearest(2, n=4)] == expected[:4]
    own = archive[2].embedding[-1]
    assert [lifeform.id for lifeform in archive.nearest(own * 7, n=3)] == [2, *expected[:2]]
    assert len(archive.nearest(own, n=999)) == alive.sum()
    for wrong in (own[:2], np.zeros(4), np.full(4, np.nan)):
        with pytest.raises(BadOption, match="query has shape"):
            archive.nearest(wrong)


def test_columns(archive: Archive) -> None:
    table = archive.table()
    assert set(table) == {
        *("id", "parent", "replaced", "generation", "operator", "evaluation", "seed", "score", "valid", "mass", "x"),
        *("substrate", "origin", "elite", "sampled", "clip_start", "clip_length", "states_start", "states_length"),
        *("peak", "peak_step"),
    }
    assert {len(column) for column in table.values()} == {len(archive)}
    np.testing.assert_array_equal(archive.column("mass"), [lifeform.measures["mass"] for lifeform in archive])
    with pytest.raises(UnknownName, match="did you mean score"):
        archive.column("scores")


def test_a_reader_keeps_what_it_opened_until_it_refreshes(toy: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "run"
    toy.run(path, 1)
    reader = open_archive(path)
    first, scores = len(reader), reader.column("score")
    reader.nearest(0)
    toy.run(path, 6)
    assert len(reader) == first == len(list(reader))
    np.testing.assert_array_equal(reader.column("score"), scores)
    reader.refresh()
    whole = open_archive(path)
    assert len(reader) == len(whole) > first
    np.testing.assert_array_equal(reader.column("score"), whole.column("score"))
    assert [x.id for x in reader.nearest(0)] == [x.id for x in whole.nearest(0)]


def test_an_archive_without_lifeforms(toy: ModuleType, tmp_path: Path) -> None:
    toy.create(tmp_path / "run").close()
    archive = open_archive(tmp_path / "run")
    assert len(archive) == 0 and archive.generation == -1 and list(archive) == archive[:] == archive.best(3) == []
    assert len(archive.column("score")) == 0 and archive.nearest(np.ones(4)) == []
    with pytest.raises(IndexError, match="holds 0"):
        archive[0]


def test_zarr_and_xarray_agree_with_us_whether_consolidated_or_not(archive: Archive) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        groups = [zarr.open_group(archive.path, mode="r", use_consolidated=use) for use in (True, False)]
        sets = [xarray.open_zarr(archive.path, consolidated=use) for use in (True, False)]
        found = [dict(group.members(max_depth=None)) for group in groups]
        tree = xarray.open_datatree(archive.path, engine="zarr")
        whole: Any = zarr.open(archive.path, mode="r")
    frames = np.stack([lifeform.frames for lifeform in archive])
    for name, column in {**archive.table(), "frames": frames}.items():
        for other in (*groups, *sets, whole):
            np.testing.assert_array_equal(other[name], column, err_msg=name)
    assert sets[0]["frames"].dims == ("lifeform", "frame", "y", "x", "rgb")
    assert sets[0]["operator"].attrs["flag_meanings"].split() == list(OPERATORS)
    assert sets[0].coords.keys() >= {"id", "generation", "step"}
    assert sets[0]["step"].values.tolist() == [5, 10] and sets[0]["step"].attrs["units"] == "steps"
    assert sets[0]["mass"].attrs["long_name"] == "how much there is"
    assert found[0].keys() <= found[1].keys()  # without the root document the oldest checkpoint is seen as well
    np.testing.assert_array_equal(tree["substrates/toy/genotype"], np.stack([x.genotype for x in archive]))
    some = next(x for x in archive if x.clip is not None and x.states is not None)
    for name, mine in {"clip": some.clip, "substrates/toy/state/cells": some.states["cells"]}.items():
        part = "clip" if name == "clip" else "states"
        start, length = (archive.column(f"{part}_{what}")[some.id] for what in ("start", "length"))
        np.testing.assert_array_equal(whole[name][start : start + length], mine)


def test_the_layout_is_that_of_the_specification(toy: ModuleType, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.undo()  # real chunk sizes
    layout = replace(toy.LAYOUT, frames=(8, 128, 128), dim=256, steps=None)
    with toy.create(tmp_path / "run", layout=layout) as writer:
        arrays = zarr.open_group(writer.path, mode="r")
        assert arrays["frames"].chunks == (1, 8, 128, 128, 3) and arrays["frames"].shards == (64, 8, 128, 128, 3)
        assert arrays["embedding"].chunks == (64, 8, 256) and arrays["score"].chunks == (8192,)
        assert arrays["embedding"].shards == (1024, 8, 256)
        (codec,) = arrays["frames"].compressors
        assert codec.to_dict() == {"name": "zstd", "configuration": {"level": 3, "checksum": True}}
        names = [codec.to_dict()["name"] for codec in arrays["embedding"].compressors]
        assert names == ["blosc", "crc32c"]
        assert arrays.attrs["archive"]["format"] == 2


def test_reading_does_not_bring_jax(finished: Path) -> None:
    lines = [
        "import sys, alife.storage as s",
        "jax = 'jax' in sys.modules",
        "import alife",
        f"a = s.open_archive({str(finished)!r}); a.best(2)[0].frames",
        "sys.exit('jax' in sys.modules and not jax)",
    ]
    assert subprocess.run([sys.executable, "-c", "\n".join(lines)]).returncode == 0


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"measures": {"score": ""}}, PluginError, "names a measure 'score'"),
        ({"measures": {"clip_start": ""}}, PluginError, "names a measure 'clip_start'"),
        ({"measures": {"a/b": ""}}, PluginError, "expected letters"),
        ({"substrates": {"../up": Genes(3, np.float32)}}, PluginError, "name that can be a directory's"),
        ({"substrates": {"toy": Genes(-1, np.float32)}}, BadOption, "genotype size of toy is -1"),
        ({"dim": 0}, BadOption, "dim is 0"),
        ({"frames": (2, 0, 3)}, BadOption, "H is 0"),
    ],
)
def test_layouts_that_cannot_be(toy: ModuleType, changed: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        replace(toy.LAYOUT, **changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"config": {"rate": float("nan")}}, r"config\['rate'\] is nan; expected plain JSON"),
        ({"provenance": {"a": np.ones(1)}}, r"provenance\['a'\]"),
    ],
)
def test_what_cannot_be_created_leaves_nothing(
    toy: ModuleType, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadOption, match=message):
        toy.create(tmp_path / "run", **changed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"genotype": np.zeros((5, 4), np.float32)}, r"substrates/toy/genotype has shape \(5, 4\); expected \(5, 3\)"),
        ({"score": np.zeros(4, np.float32)}, r"score has shape \(4,\)"),
        ({"frames": np.zeros((5, 2, 6, 5, 3), np.float32)}, "frames holds float32"),
        ({"operator": np.full(5, 9)}, "operator is 9"),
        ({"operator": np.full(5, -1)}, "operator holds int64"),
        ({"parent": np.full((5, 2), 3)}, "lifeform 0 has parent 3; expected an earlier"),
        ({"measures": {"mas": np.zeros(5)}}, r"measures are \['mas'\]; expected \['mass', 'x'\]"),
        ({"substrate": "boids"}, "are of substrate 'boids'; this archive holds toy"),
        ({"clip": [np.zeros((1, 6, 5, 3), np.uint8)] * 4}, "clip is given for 4 lifeforms; expected 5"),
        ({"clip": [np.zeros((1, 5, 6, 3), np.uint8)] * 5}, r"clip has shape \(1, 5, 6, 3\)"),
        ({"states": {"cells": [np.zeros((1, 4), np.float16)] * 5}}, r"states has .*cells'\]; expected .*mind/age'\]"),
        (
            {"states": {"cells": [np.zeros((2, 4))] * 5, "mind/age": [np.zeros(1, np.int32)] * 5}},
            "other numbers of moments",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_change_nothing(
    toy: ModuleType, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    rows, state = toy.next_generation(toy.start_state(), 0, 0)
    with toy.create(tmp_path / "run") as writer:
        before = toy.tree(writer.path)
        with pytest.raises(BadOption, match=message):
            writer.append(rows._replace(**changed), generation=0, checkpoint=state, progress={})
        with pytest.raises(BadOption, match="generation is 1; expected 0"):
            writer.append(rows, generation=1, checkpoint=state, progress={})
        with pytest.raises(BadOption, match=r"progress\['best'\] is -inf"):
            writer.append(rows, generation=0, checkpoint=state, progress={"best": -np.inf})
        with pytest.raises(BadOption, match="'a//b'"):
            writer.append(rows, generation=0, checkpoint={"a//b": np.zeros(1)}, progress={})
        assert toy.tree(writer.path) == before
        writer.append(rows, generation=0, checkpoint=state, progress={})
    with pytest.raises(ArchiveError, match="cannot append, it was closed"):
        writer.append(rows, generation=1, checkpoint=state, progress={})


def test_places_that_are_no_archive(toy: ModuleType, tmp_path: Path, copy: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "other").mkdir()
    zarr.create_group(tmp_path / "other")
    for act in (open_archive, resume_archive):
        with pytest.raises(
            ArchiveError, match=r"no zarr.json in .*; expected a run directory, as `alife search` makes"
        ):
            act(tmp_path)
        with pytest.raises(ArchiveError, match="file is not a directory"):
            act(tmp_path / "file")
        with pytest.raises(ArchiveError, match="is not that of an archive"):
            act(tmp_path / "other")
    with pytest.raises(ArchiveExists, match="copy exists; give another place, or `alife resume"):
        toy.create(copy)
    with pytest.raises(ArchiveError, match=r"cannot make an archive at .*run \(File exists, .*file\)"):
        toy.create(tmp_path / "file/run")
    document = json.loads((copy / "zarr.json").read_text())
    document["attributes"]["archive"]["format"] = 3
    for place in ("zarr.json", "id/root"):
        (copy / place).write_text(json.dumps(document))
    with pytest.raises(ArchiveError, match="has format 3, this alife reads up to 2; update alife"):
        open_archive(copy)


def test_a_second_writer_is_refused_by_name(toy: ModuleType, copy: Path, process: Start) -> None:
    holder = process("hold", copy)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with pytest.raises(ArchiveLocked, match=f"is being written by process {holder.pid} on "):
        resume_archive(copy)
    assert len(open_archive(copy)) > 0  # readers are welcome
    holder.kill()
    holder.communicate()
    with resume_archive(copy), pytest.raises(ArchiveLocked):
        resume_archive(copy)
    resume_archive(copy).close()


@pytest.mark.parametrize("part", ["genotype", "embedding", "frames"])
def test_a_damaged_part_is_named_and_the_rest_stays_readable(copy: Path, part: str) -> None:
    path = f"substrates/toy/{part}" if part == "genotype" else part
    for file in (copy / path).glob("c.1*"):
        file.write_bytes(file.read_bytes()[:-9])
    archive = open_archive(copy)
    bad = []
    for lifeform in archive:
        try:
            getattr(lifeform, part)
        except ArchiveDamaged as damage:
            assert f"lifeform {lifeform.id} of" in str(damage) and f"damaged {part}" in str(damage)
            bad.append(lifeform.id)
    assert 0 < len(bad) < len(archive) and bad == list(range(bad[0], bad[-1] + 1))
    assert len(archive.best(99)) == (archive.column("valid") & archive.column("elite")).sum()
    if part == "embedding":
        assert not {lifeform.id for lifeform in archive.nearest(0, n=99)} & set(bad)


def two_kinds(random: np.random.Generator) -> tuple[Layout, list[Rows]]:
    """Lifeforms of two substrates in turn, one of which has genotypes of any length, and no clip, state or peak."""
    kinds = {"worms": Genes(None, np.int32), "boids": Genes(2, np.float32)}
    layout = Layout(kinds, frames=(1, 2, 2), dim=3, measures={"mass": ""})
    batches, known = [], 0
    for turn, n in enumerate((3, 2, 0, 9, 1, 4)):
        lengths = random.integers(0, 7, n)
        ragged = [random.integers(0, 99, size).astype(np.int32) for size in lengths]
        batches.append(
            Rows(
                genotype=random.normal(size=(n, 2)) if turn % 2 else ragged,
                parent=np.full((n, 2), known - 1),
                replaced=np.full(n, -1),
                operator=np.zeros(n, np.uint8),
                evaluation=np.arange(known, known + n),
                seed=np.zeros((n, 2), np.uint32),
                score=random.normal(size=n),
                measures={} if turn % 2 else {"mass": random.random(n)},
                valid=np.ones(n, bool),
                embedding=random.normal(size=(n, 1, 3)),
                frames=random.integers(0, 256, (n, 1, 2, 2, 3), dtype=np.uint8),
                generation=np.full(n, turn // 2),
                substrate="boids" if turn % 2 else "worms",
            )
        )
        known += n
    return layout, batches


def test_several_substrates_and_genotypes_of_any_length(toy: ModuleType, tmp_path: Path) -> None:
    layout, batches = two_kinds(np.random.default_rng(0))
    toy.create(tmp_path / "run", layout=layout).close()
    for turn, rows in enumerate(batches):
        with resume_archive(tmp_path / "run") as writer:  # what the unfinished files hold is found again each time
            writer.append(rows, generation=turn, checkpoint={}, progress={})
    archive = open_archive(tmp_path / "run")
    found = list(archive)
    expected = [
        (rows.substrate, genotype, generation)
        for rows in batches
        for genotype, generation in zip(rows.genotype, rows.generation, strict=True)
    ]
    assert len(archive) == len(expected) == 19
    for lifeform, (substrate, genotype, generation) in zip(found, expected, strict=True):
        assert (lifeform.substrate, lifeform.generation) == (substrate, generation)
        np.testing.assert_array_equal(lifeform.genotype, genotype.astype(lifeform.genotype.dtype))
        assert lifeform.clip is None and lifeform.states is None and lifeform.peak is None
        assert lifeform.measures.keys() == ({"mass"} if substrate == "worms" else set())
    group: Any = zarr.open(archive.path, mode="r")
    assert group["substrates/boids/lifeform"][:].tolist() == [x.id for x in found if x.substrate == "boids"]
    ends = group["substrates/worms/genotype_end"][:]
    np.testing.assert_array_equal(np.diff(ends, prepend=0), [len(x.genotype) for x in found if x.substrate == "worms"])
    assert check_archive(archive.path).ok


def test_what_made_a_lifeform_is_told_of_each(toy: ModuleType, tmp_path: Path) -> None:
    toy.run(tmp_path / "run", 1)
    moved = {"config": {"world": "toy", "seed": 1}, "provenance": {"engine": "1"}}
    for generations, origin in ((2, None), (4, moved), (6, None), (8, moved)):
        with resume_archive(tmp_path / "run", origin=origin) as writer:
            toy.go_on(writer, generations)
    archive = open_archive(tmp_path / "run")
    assert [origin["provenance"]["engine"] for origin in archive.origins] == ["0", "1"]
    engines = {0: "0", 1: "0", 2: "1", 3: "1", 4: "0", 5: "0", 6: "1", 7: "1"}
    assert {x.generation: x.provenance["engine"] for x in archive} == {
        generation: engine for generation, engine in engines.items() if generation not in (1, 7)
    }


def test_a_damaged_root_document_is_read_from_its_copy(toy: ModuleType, finished: Path, copy: Path) -> None:
    (copy / "zarr.json").write_bytes((copy / "zarr.json").read_bytes()[:-9])
    toy.assert_prefix(open_archive(copy), open_archive(finished))
    assert len(open_archive(copy)) == len(open_archive(finished))
    with pytest.raises(ArchiveDamaged, match=r"zarr.json is damaged; its copy is whole: .*--repair` puts it back"):
        resume_archive(copy)
    (copy / "id/root").unlink()
    with pytest.raises(ArchiveDamaged, match=r"zarr\.json is damaged, and so is its copy"):
        open_archive(copy)


def test_the_most_unlike(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [lifeform.id for lifeform in archive.diverse(5)]
    z, alive = archive.last_embeddings()[0], archive.alive
    assert found[0] == archive.best(1)[0].id and set(found) <= set(alive.tolist())
    nearest = np.sort((z[alive] @ z[found[:4]].T).max(1))
    assert (z[found[4]] @ z[found[:4]].T).max() == pytest.approx(nearest[0])
    # Seen from as many directions as there are dimensions nothing is lost.
    monkeypatch.setattr("alife.storage.query.MANY", 0)
    assert [lifeform.id for lifeform in archive.diverse(5)] == found
    assert [lifeform.id for lifeform in archive.diverse(9, archive.select("mass<0.5"))] != found


def test_relatives(archive: Archive) -> None:
    for lifeform in archive:
        older = archive.ancestors(lifeform.id).tolist()
        assert set(lifeform.parents) <= set(older) and all(lifeform.id in archive.descendants(i) for i in older)
