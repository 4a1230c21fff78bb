"""What is written is read back, by us and by plain zarr and xarray; whatever does not fit is refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import xarray
import zarr

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists, ArchiveLocked, BadOption, PluginError, UnknownName
from alife.storage import Archive, open_archive, resume_archive
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
            assert lifeform.operator == OPERATORS[rows.operator[i]]
            assert lifeform.evaluation == rows.evaluation[i] and lifeform.seed == tuple(rows.seed[i])
        known += len(rows.genotype)
    assert len(archive) == known
    assert archive.config == {"world": "toy", "seed": 1} and archive.provenance == {"engine": "0"}
    assert archive.progress == {"evaluations": int(state["evaluations"])}
    assert archive.measures == ("mass", "x") and archive.substrate == "toy"


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
    rows = rows._replace(score=score, valid=np.arange(9) != 3, parent=np.full((9, 2), -1))
    with toy.create(tmp_path / "run") as writer:
        writer.append(rows, generation=0, checkpoint=state, progress={})
        best = [[lifeform.id for lifeform in writer.archive.best(n)] for n in (1, 3, 99)]
    assert best == [[1], [1, 2, 4], [1, 2, 4, 5, 7, 0, 8, 6]]


def test_the_nearest_have_the_largest_cosine(archive: Archive) -> None:
    last = np.stack([lifeform.embedding[-1] for lifeform in archive])
    valid = archive.column("valid")
    expected = [i for i in np.argsort(-(last @ last[2])) if valid[i] and i != 2]
    assert [lifeform.id for lifeform in archive.nearest(2, n=4)] == expected[:4]
    own = archive[2].embedding[-1]
    assert [lifeform.id for lifeform in archive.nearest(own * 7, n=3)] == [2, *expected[:2]]
    assert len(archive.nearest(own, n=999)) == valid.sum()
    for wrong in (own[:2], np.zeros(4), np.full(4, np.nan)):
        with pytest.raises(BadOption, match="query has shape"):
            archive.nearest(wrong)


def test_columns(archive: Archive) -> None:
    table = archive.table()
    assert set(table) == {
        *("id", "parent", "replaced", "generation", "operator", "evaluation", "seed", "score", "valid", "mass", "x")
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
    assert found[0].keys() <= found[1].keys()  # without the root document the oldest checkpoint is seen as well
    np.testing.assert_array_equal(tree["substrates/toy/genotype"], np.stack([x.genotype for x in archive]))


def test_the_layout_is_that_of_the_specification(toy: ModuleType, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.undo()  # real chunk sizes
    with toy.create(tmp_path / "run", frames=(8, 128, 128), dim=256) as writer:
        arrays = zarr.open_group(writer.path, mode="r")
        assert arrays["frames"].chunks == (1, 8, 128, 128, 3) and arrays["frames"].shards == (64, 8, 128, 128, 3)
        assert arrays["embedding"].chunks == (256, 8, 256) and arrays["score"].chunks == (8192,)
        (codec,) = arrays["frames"].compressors
        assert codec.to_dict() == {"name": "zstd", "configuration": {"level": 3, "checksum": True}}
        names = [codec.to_dict()["name"] for codec in arrays["embedding"].compressors]
        assert names == ["blosc", "crc32c"]
        assert arrays.attrs["archive"]["format"] == 1


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
        ({"measures": ["score"]}, PluginError, "names a measure 'score'"),
        ({"measures": ["mass", "mass"]}, PluginError, "given\\s+twice"),
        ({"measures": ["a/b"]}, PluginError, "expected letters"),
        ({"substrate": "../up"}, PluginError, "name that can be a directory's"),
        ({"dim": 0}, BadOption, "dim is 0"),
        ({"frames": (2, 0, 3)}, BadOption, "H is 0"),
        ({"config": {"rate": float("nan")}}, BadOption, r"config\['rate'\] is nan; expected plain JSON"),
        ({"provenance": {"a": np.ones(1)}}, BadOption, r"provenance\['a'\]"),
    ],
)
def test_what_cannot_be_created_leaves_nothing(
    toy: ModuleType, tmp_path: Path, changed: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
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
        ({"measures": {"mass": np.zeros(5)}}, r"measures are \['mass'\]; expected \['mass', 'x'\]"),
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
    document["attributes"]["archive"]["format"] = 2
    (copy / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(ArchiveError, match="has format 2, this alife reads up to 1; update alife"):
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
    assert len(archive.best(99)) == archive.column("valid").sum()
    if part == "embedding":
        assert not {lifeform.id for lifeform in archive.nearest(0, n=99)} & set(bad)
