"""A repair puts right what can be told from the rest, puts the rest aside, and loses nothing whenever it dies."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from alife.cli import run_command
from alife.errors import ArchiveDamaged, ArchiveError, ArchiveLocked
from alife.storage import Genes, check_archive, open_archive, repair_archive, resume_archive
from alife.storage.documents import seal
from alife.storage.events import add_events, read_events

from .conftest import GENERATIONS, _toy
from .damage import Held, Swift, another, files_of, fresh_copy, held, put, swap, undecodable, without_quarantine

COLUMNS = sorted(_toy.LAYOUT._fixed_columns() | {"mass": {}, "x": {}})
OTHERS = sorted({*_toy.LAYOUT.documents()} - {*COLUMNS, "row_crc"})
"""Each of them is damaged in one case at least, in every case two columns of the record and a third of the others."""

LATER = GENERATIONS + 2


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`whole`, `longer` (the same some generations later) and `other` (of another run)."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ROWS", "SHARD", "CLIP_CHUNK", "CHUNK_BYTES", "FILE_BYTES"):
            patch.setattr(_toy.schema, name, getattr(_toy.schema, name))
        _toy.small_chunks()
        place = tmp_path_factory.mktemp("repair")
        for name, generations in (("whole", GENERATIONS), ("longer", LATER)):
            with _toy.create(place / name, files=Swift()) as writer:
                _toy.go_on(writer, generations)
        another(_toy, place / "other", GENERATIONS)
        yield place


@pytest.fixture
def run(places: Path, tmp_path: Path) -> Path:
    return fresh_copy(places / "whole", tmp_path / "run")


@pytest.fixture(scope="module")
def longer(places: Path) -> Held:
    return held(open_archive(places / "longer"))


def go_on(toy: ModuleType, path: Path, generations: int = LATER) -> None:
    with resume_archive(path, files=Swift()) as writer:
        toy.go_on(writer, generations)


def same(toy: ModuleType, path: Path, other: Path) -> bool:
    return without_quarantine(toy.tree(path)) == without_quarantine(toy.tree(other))


def some_damage(run: Path, other: Path, arrays: list[str], dice: random.Random) -> list[str]:
    """Damages one file of each array, in any way; returns the files."""
    damaged = []
    for array in arrays:
        keys = files_of(run)[array]
        key, kind = dice.choice(keys), dice.randrange(4)
        if kind == 3 and len(keys) > 1:
            swap(run, *keys[:2])
            damaged += keys[:2]
        else:
            ways = dict(undecodable((run / key).read_bytes(), dice))
            ways["of another archive"] = (other / key).read_bytes()
            put(run / key, ways[dice.choice(list(ways))])
            damaged.append(key)
    return damaged


@pytest.mark.parametrize("case", range(-(-len(COLUMNS) // 2)))
def test_what_is_sound_stays_and_the_run_goes_on(
    toy: ModuleType, run: Path, places: Path, longer: Held, case: int
) -> None:
    arrays = COLUMNS[2 * case :][:2] + OTHERS[case % 3 :: 3]
    damaged = some_damage(run, places / "other", arrays, random.Random(case))
    as_found = {key: (run / key).read_bytes() for key in damaged if (run / key).exists()}
    before, seen = check_archive(run), held(open_archive(run))
    assert before.damaged and all(longer[key] == value for key, value in seen.items())

    repair = repair_archive(run, files=Swift())
    assert repair.report.ok and {*repair.report.quarantined} <= {*before.damaged}, repair
    after = held(open_archive(run))
    assert all(longer[key] == value for key, value in after.items()) and seen.keys() <= after.keys()
    for key, data in as_found.items():
        kept = run / "id/quarantine/0" / key
        assert (kept if kept.exists() else run / key).read_bytes() == data
    assert repair_archive(run, files=Swift()).done == []

    go_on(toy, run)
    assert check_archive(run).ok
    last = held(open_archive(run))
    assert all(longer[key] == value for key, value in last.items())
    assert {i for i, _ in longer.keys() - last.keys()} == {*repair.report.quarantined}


@pytest.mark.parametrize("array", ["id", "substrates/toy/lifeform", "row_crc", "step", "origin", "substrate"])
def test_what_the_rest_tells_is_put_back(toy: ModuleType, run: Path, places: Path, array: str) -> None:
    keys = files_of(run)[array]
    for key in keys:
        (run / key).unlink()
    assert "missing" in str(check_archive(run)) or array == "step"
    repair = repair_archive(run, files=Swift())
    assert repair.done[-1] == f"{len(keys)} files written anew" and not repair.report.quarantined
    assert same(toy, run, places / "whole")


def test_checksums_of_another_archive_are_made_again(toy: ModuleType, run: Path, places: Path) -> None:
    key = files_of(run)["row_crc"][0]
    put(run / key, (places / "other" / key).read_bytes())
    assert repair_archive(run, files=Swift()).report.quarantined == []
    assert same(toy, run, places / "whole")


def test_lost_checksums_are_not_made_again_of_what_was_exchanged(run: Path, longer: Held) -> None:
    """Of two exchanged files one still has its checksums, and gives away the other."""
    (run / files_of(run)["row_crc"][1]).unlink()
    swap(run, *files_of(run)["score"][:2])
    (run / files_of(run)["embedding"][2]).unlink()
    repair = repair_archive(run, files=Swift())
    assert repair.done[:2] == [
        "lifeforms 8-14: checksums made again from what can be read",
        "lifeforms 0-14: record put aside",
    ]
    assert repair.report.ok and all(longer[key] == value for key, value in held(open_archive(run)).items())


def test_black_pictures_need_no_file(toy: ModuleType, run: Path, places: Path) -> None:
    key = files_of(run)["frames"][2]
    black = [i for i in range(8, 12) if not open_archive(run)[i].frames.any()]
    (run / key).unlink()
    assert check_archive(run).damaged == [8, 9, 10, 11]
    assert repair_archive(run, files=Swift()).report.quarantined == [i for i in range(8, 12) if i not in black]
    assert black and not open_archive(run)[black[0]].frames.any()


def test_what_is_put_aside_is_blank_and_never_served(run: Path) -> None:
    archive = open_archive(run)
    (run / files_of(run)["score"][0]).unlink()
    (run / files_of(run)["embedding"][-1]).unlink()
    repair = repair_archive(run, files=Swift())
    assert repair.done[:2] == ["lifeforms 0-7: record put aside", "lifeforms 12-14: embedding put aside"]
    assert str(repair).endswith(
        "every other byte is as it was written\nin quarantine since a repair: lifeforms 0-7, 12-14"
    )
    about = json.loads((run / "zarr.json").read_bytes())["attributes"]["archive"]
    assert about["quarantine"] == {
        "record": [[0, 7]], "embedding": [[12, 14]], "clip": [[0, 7]], "states": [[0, 7]]
    }  # fmt: skip
    after = open_archive(run)
    assert after.sound.tolist() == list(range(8, 15)) and after[12].score == archive[12].score
    for act in (lambda: after[0], lambda: after[13].embedding, lambda: after.nearest(12)):
        with pytest.raises(ArchiveDamaged):
            act()
    columns, _ = after.records()
    assert not columns["valid"][:8].any() and not columns["elite"][:8].any() and (columns["parent"][:8] == -1).all()
    assert {found.id for found in after.nearest(8)} <= {*range(9, 12)}
    assert "found:" in (run / "id/quarantine/0/report.txt").read_text()


def test_documents(toy: ModuleType, run: Path, places: Path) -> None:
    data = (run / "zarr.json").read_bytes()
    for key in ("zarr.json", "id/root"):
        for kind, changed in list(undecodable(data, random.Random(key)))[::3]:
            put(run / key, changed)
            assert repair_archive(run, files=Swift()).report.ok, kind
            assert same(toy, run, places / "whole")
        put(run / key, (places / "other/zarr.json").read_bytes())
        repair_archive(run, files=Swift())
        assert same(toy, run, places / "whole")
    for path in run.rglob("zarr.json"):
        if path.parent != run and "search/1" not in path.as_posix():
            path.write_bytes(b"{}")
    assert repair_archive(run, files=Swift()).report.ok
    assert same(toy, run, places / "whole")


def test_a_root_document_from_long_ago(toy: ModuleType, run: Path, places: Path) -> None:
    old = (run / "zarr.json").read_bytes()
    go_on(toy, run)
    put(run / "zarr.json", old)
    assert not check_archive(run, full=False).ok
    with pytest.raises(ArchiveDamaged, match="is older than its copy"):
        resume_archive(run)
    assert repair_archive(run, files=Swift()).report.ok
    assert same(toy, run, places / "longer")


def test_a_damaged_checkpoint_is_stepped_back_from(toy: ModuleType, run: Path, places: Path) -> None:
    for _, changed in list(undecodable((run / "search/0/es/mean/c.0").read_bytes(), random.Random(5)))[::3]:
        fresh_copy(places / "whole", run)
        put(run / "search/0/es/mean/c.0", changed)
        repair = repair_archive(run, files=Swift())
        archive = open_archive(run)
        assert repair.report.ok and archive.generation == 2 and len(archive) == 6
        assert archive.progress == {"evaluations": 9}
        assert repair.done[:2] == [
            "the checkpoint of generation 3 (search/0) is damaged",
            f"back to generation 2, as its checkpoint is sound; `alife resume {run}` makes what came after it once "
            "more, byte for byte (lifeforms 6-14)",
        ]
        go_on(toy, run)
        assert same(toy, run, places / "longer")


def test_an_older_damaged_checkpoint_is_left_out(toy: ModuleType, run: Path, places: Path) -> None:
    (run / "search/2/key/c.0").unlink()
    assert repair_archive(run, files=Swift()).report.ok and open_archive(run).generation == 3
    go_on(toy, run)
    assert same(toy, run, places / "longer")


def test_a_run_without_a_sound_checkpoint_can_only_be_begun_from(run: Path) -> None:
    for slot in (0, 2):
        (run / f"search/{slot}/key/c.0").write_bytes(b"")
    repair = repair_archive(run, files=Swift())
    assert repair.report.ok and f"`alife search --from {run}`" in repair.done[2] and len(open_archive(run)) == 15
    with pytest.raises(ArchiveError, match="cannot go on: the state of its search was damaged"):
        resume_archive(run)


def test_what_people_said_is_put_right(run: Path) -> None:
    add_events(run, [("tag", 3, "glider"), ("favourite", 4, None)])
    for key in ("events/zarr.json", "id/events.copy"):
        for kind, changed in list(undecodable((run / key).read_bytes(), random.Random(key)))[1::3]:
            put(run / key, changed)
            assert not check_archive(run, full=False).ok, kind
            assert repair_archive(run, files=Swift()).report.ok, kind
            assert [event["lifeform"] for event in read_events(run)] == [3, 4]


class Keeping(Swift):
    """Keeps a copy of an archive as it is right before a finished file appears, of every few of them."""

    def __init__(self, path: Path) -> None:
        self.path, self.count, self.copies = path, 0, list[Path]()

    def replace(self, source: Path, target: Path) -> None:
        if self.count % 9 == 0:
            self.copies.append(fresh_copy(self.path, self.path.with_name(f"left-{self.count}")))
        self.count += 1
        super().replace(source, target)


def test_dying_at_any_moment_of_a_repair(toy: ModuleType, run: Path, longer: Held) -> None:
    """Whatever it leaves serves nothing but the truth, as much as before, and the next repair ends alike."""
    for array, number in (("embedding", 0), ("clip", 1), ("row_crc", 0), ("frames", 2), ("elite", 0)):
        (run / files_of(run)[array][number]).unlink()
    (run / "search/0/done/c").write_bytes(b"")
    (run / "zarr.json").write_bytes(b"{}")
    seen, files = held(open_archive(run)), Keeping(run)
    whole = repair_archive(run, files=files)
    assert whole.report.ok and files.count > 60
    for path in files.copies:
        found = held(open_archive(path))
        assert all(longer[key] == value for key, value in found.items())
        assert {key for key in seen if key[0] < len(open_archive(path))} <= found.keys()
        again = repair_archive(path, files=Swift())
        assert again.report.ok and again.report.quarantined == whole.report.quarantined
        assert without_quarantine(toy.tree(path)) == without_quarantine(toy.tree(run))


def test_a_writer_keeps_a_repair_out(run: Path) -> None:
    with resume_archive(run, files=Swift()), pytest.raises(ArchiveLocked):
        repair_archive(run)


def test_genotypes_of_several_lengths_and_substrates(toy: ModuleType, tmp_path: Path) -> None:
    """Whose a genotype is, is told by the records; where one ends is not, but no other is lost with it."""
    whole = tmp_path / "whole"
    substrates = {"toy": toy.LAYOUT.substrates["toy"], "free": Genes(None, np.float32)}
    with toy.create(whole, Swift(), replace(toy.LAYOUT, substrates=substrates)) as writer:
        for generation in range(4):
            rows, state = toy.next_generation(toy.start_state(), 5 if generation % 2 else 0, 0)
            rows = rows._replace(substrate="toy")
            if generation % 2:
                free = [gene[: 1 + i % 3] for i, gene in enumerate(rows.genotype)]
                rows = rows._replace(substrate="free", genotype=free, states=None)
            writer.append(rows, generation=generation, checkpoint=state, progress={})
    truth = held(open_archive(whole))
    for array in [array for array in files_of(whole) if array.startswith("substrates/")]:
        for keys in (files_of(whole)[array][:1],):
            run = fresh_copy(whole, tmp_path / "run")
            for key in keys:
                (run / key).unlink()
            before = check_archive(run)
            assert not before.ok, keys
            repair = repair_archive(run, files=Swift())
            assert repair.report.ok and {*repair.report.quarantined} <= {*before.damaged}, repair
            assert bool(repair.report.quarantined) == (not array.endswith("/lifeform")), array
            after = held(open_archive(run))
            assert all(truth[key] == value for key, value in after.items())
            assert {i for i, _ in truth.keys() - after.keys()} == {*repair.report.quarantined}
            resume_archive(run, files=Swift()).close()


def test_an_older_format_is_compacted_first(run: Path) -> None:
    document = json.loads((run / "zarr.json").read_bytes())
    document["attributes"]["archive"]["format"] = 1
    document["attributes"]["archive"]["substrate"] = "toy"
    document["attributes"] |= document["attributes"]["origins"][0]
    (run / "zarr.json").write_bytes(seal(document))
    (run / "id/root").unlink()
    with pytest.raises(ArchiveError, match=f"has format 1, which is not repaired; `alife compact {run}`"):
        repair_archive(run)


def test_the_command(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["check-archive", str(run)]) == 0
    (run / files_of(run)["embedding"][0]).unlink()
    assert run_command(["check-archive", str(run), "--full"]) == 1
    assert "lifeforms 0-3: damaged embedding" in capsys.readouterr().out
    assert run_command(["check-archive", str(run), "--repair"]) == 0
    assert "lifeforms 0-3: embedding put aside" in capsys.readouterr().out
    assert run_command(["check-archive", str(run), "--full"]) == 0
    shutil.rmtree(run)
    assert run_command(["check-archive", str(run), "--repair"]) == 2
