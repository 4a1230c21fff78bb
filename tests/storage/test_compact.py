"""An archive written anew holds the same, goes on as if nothing had happened, and is never lost on the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists, ArchiveLocked
from alife.storage import check_archive, open_archive, resume_archive
from alife.storage.compact import compact_archive
from alife.storage.documents import seal
from alife.storage.events import add_event, read_events
from alife.storage.files import Files, WriterLock
from alife.storage.repair import repair_archive
from alife.storage.root import read_document
from alife.storage.stored import ranges

from .contents import Failing, Leaving, content, damage, lineage

Start = Callable[..., "object"]


@pytest.fixture
def run(toy: ModuleType, tmp_path: Path) -> Path:
    """A run alone in its directory, with all that may lie in one."""
    path = tmp_path / "runs" / "a"
    path.parent.mkdir()
    toy.run(path, 4)
    add_event(path, "note", 3, "it divides")
    (path / "notes.txt").write_text("mine")
    (path / "id/quarantine/1").mkdir(parents=True)
    (path / "id/quarantine/1/frames").write_bytes(b"of a repair")
    return path


def checkpoint(path: Path) -> dict[str, object]:
    stored = open_archive(path)._stored
    found = stored.checkpoint(stored.about["checkpoints"][0])
    return {name: (value.dtype, value.shape, value.tobytes()) for name, value in found.items()}


def assert_same(path: Path, whole: Path) -> None:
    assert (report := check_archive(path)).ok, report
    one, other = open_archive(path), open_archive(whole)
    assert content(one) == content(other) and lineage(one) == lineage(other)
    for name, column in one.table().items():
        np.testing.assert_array_equal(column, other.column(name))
    documents = [read_document(at)["attributes"] for at in (path, whole)]
    for attributes in documents:
        del attributes["archive"]["crc"]
    assert documents[0] == documents[1]
    assert checkpoint(path) == checkpoint(whole)


def test_it_holds_the_same_in_fewer_files(toy: ModuleType, run: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    (run / "frames/c.9.0.0.0.0").write_bytes(b"of a writer that was killed")
    (run / "score/c.0.partial").write_bytes(b"the same")
    assert len(list((run / "search").glob("?"))) == 3
    done = compact_archive(run)
    assert done.kept is None and done.files[1] < done.files[0]
    assert done.files[1] == len([path for path in run.rglob("*") if path.is_file()])
    assert_same(run, whole)
    assert len(list((run / "search").glob("?"))) == 2 and not list(run.rglob("*.partial"))
    assert [file.name for file in (run / "frames").glob("c.*")] == ["c.0.0.0.0.0"]
    assert read_events(run) == read_events(whole) and (run / "notes.txt").read_text() == "mine"
    assert (run / "id/quarantine/1/frames").read_bytes() == b"of a repair"
    assert list(run.parent.iterdir()) == [run]


def test_a_run_goes_on_as_if_it_had_not_been_compacted(toy: ModuleType, run: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    for generations in (5, 10):
        compact_archive(run, level=1)
        toy.run(run, generations)
    toy.run(whole, 10)
    assert_same(run, whole)


def test_killed_at_any_moment_nothing_is_lost(toy: ModuleType, run: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    files, said = Leaving(run.parent, every=50), []
    compact_archive(run, files=files)
    for place in files.copies:
        path = place / "a"
        try:
            open_archive(path)
            said.append("there")
        except ArchiveError as error:
            assert str(error).startswith(f"`alife compact {path}` was stopped") and "again" in str(error)
            with pytest.raises(ArchiveError, match=r"is being compacted; `alife compact .*` finishes"):
                toy.create(path)
            said.append("between")
        compact_archive(path)
        assert list(place.iterdir()) == [path] and (path / "notes.txt").exists()
        assert read_events(path) == read_events(whole)
        assert_same(path, whole)
    assert "between" in said and len(said) > 8


def test_while_one_writes_it_is_refused(toy: ModuleType, run: Path) -> None:
    before = toy.tree(run)
    with resume_archive(run), pytest.raises(ArchiveLocked, match="a is being written by process"):
        compact_archive(run)
    assert toy.tree(run) == before and list(run.parent.iterdir()) == [run]


def test_who_opened_the_old_lock_does_not_write_the_new_archive(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alife.storage import files

    lock = files._lock

    def late(file: object) -> None:
        monkeypatch.setattr(files, "_lock", lock)
        compact_archive(run)
        lock(file)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "_lock", late)
    with pytest.raises(ArchiveLocked):
        WriterLock(run)
    resume_archive(run).close()


def test_what_is_said_meanwhile_is_kept(run: Path) -> None:
    class Talking(Files):
        def copy(self, source: Path, target: Path) -> None:
            add_event(run, "favourite", len(read_events(run)))
            super().copy(source, target)

    compact_archive(run, files=Talking())
    assert [event["kind"] for event in read_events(run)] == ["note", "favourite", "favourite"]
    add_event(run, "favourite", 0)
    assert check_archive(run).ok


@pytest.mark.parametrize("room", [0, 3_000, 40_000])
def test_a_full_disk_leaves_the_archive_as_it_was(toy: ModuleType, run: Path, room: int) -> None:
    before = toy.tree(run)
    with pytest.raises(ArchiveError, match=r"cannot compact .*a, nothing of it is lost \(No space left on device"):
        compact_archive(run, files=Failing(room))
    assert toy.tree(run) == before and list(run.parent.iterdir()) == [run]


def test_what_does_not_come_back_as_it_was_takes_no_place(toy: ModuleType, run: Path) -> None:
    class Lying(Files):
        def write(self, path: Path, data: bytes) -> None:
            if path.parent.name == "embedding" and path.name.startswith("c."):
                data = data[:-1] + bytes([data[-1] ^ 1])
            super().write(path, data)

    before = toy.tree(run)
    with pytest.raises(ArchiveError, match="did not come back as they were; the old archive stays"):
        compact_archive(run, files=Lying())
    assert toy.tree(run) == before and list(run.parent.iterdir()) == [run]


@pytest.mark.parametrize("array", ["frames", "score", "clip", "substrates/toy/genotype", "search/0/key"])
def test_damage_is_put_aside_first(toy: ModuleType, run: Path, array: str) -> None:
    last = min((run / array).glob("c*"))
    damage(last) if "search" not in array else last.write_bytes(b"")
    before = toy.tree(run)
    with pytest.raises(ArchiveDamaged, match=r"damaged.*check-archive"):
        compact_archive(run)
    assert toy.tree(run) == before and list(run.parent.iterdir()) == [run]


@pytest.mark.parametrize("array", ["frames", "score", "clip_start", "substrates/toy/state/cells", "search/0"])
def test_what_a_repair_has_put_aside_stays_so(toy: ModuleType, run: Path, tmp_path: Path, array: str) -> None:
    if "search" in array:
        shutil.rmtree(run / array)
    else:
        damage(min((run / array).glob("c.1*")))
    repair_archive(run)
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    compact_archive(run)
    one, other = (read_document(path)["attributes"]["archive"] for path in (run, whole))
    assert {**one, "checkpoints": 0, "crc": 0} == {**other, "checkpoints": 0, "crc": 0}
    for path in (run, whole):
        assert (report := check_archive(path)).ok, report
    assert content(open_archive(run)) == content(open_archive(whole))
    for path in (run, whole):
        toy.run(path, 7)
    assert content(open_archive(run)) == content(open_archive(whole)) and check_archive(run).ok


def test_what_is_put_aside_is_not_served_even_by_mistake(run: Path) -> None:
    damage(min((run / "score").glob("c.1*")))
    repair_archive(run)
    compact_archive(run)
    document = read_document(run)
    lost = document["attributes"]["archive"].pop("quarantine")["record"]
    for name in ("zarr.json", "id/root"):
        (run / name).write_bytes(seal(document))
    archive = open_archive(run)
    assert ranges(np.setdiff1d(np.arange(len(archive)), archive.sound)) == lost


def test_a_repair_can_step_back_after_it(toy: ModuleType, run: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(run, tmp_path / "whole"))
    compact_archive(run)
    for path in (run, whole):
        shutil.rmtree(path / "search/0")
        repair_archive(path)
        assert open_archive(path).generation == 2 and check_archive(path).ok
        toy.run(path, 4)
    assert content(open_archive(run)) == content(open_archive(whole)) and lineage(open_archive(run))


def test_another_archive_under_the_name_of_the_old_one_is_not_removed(toy: ModuleType, run: Path) -> None:
    other = run.with_name("a.before-compact")
    toy.create(other, config={"world": "another"}).close()
    with pytest.raises(ArchiveExists, match=r"a.before-compact exists and is another archive"):
        compact_archive(run)
    assert open_archive(other).config == {"world": "another"} and check_archive(run).ok


def test_through_a_link_the_archive_itself_is_compacted(run: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    os.symlink(run, link)
    (run / "frames").chmod(0o755)
    run.chmod(0o700)
    compact_archive(link)
    assert link.is_symlink() and check_archive(link).ok and run.stat().st_mode & 0o777 == 0o700


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    for path in ("nothing", "plain"):
        with pytest.raises(ArchiveError, match="expected a run directory"):
            compact_archive(tmp_path / path)
