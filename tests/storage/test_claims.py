"""Writers on object storage: who dies loses nothing acknowledged, who comes back from the dead does no harm."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("obstore")

from alife.errors import ArchiveError, ArchiveExists, ArchiveLocked
from alife.storage import (
    check_archive,
    open_archive,
    resume_archive,
)
from alife.storage.bucket import StoreError
from alife.storage.objects import RemoteFiles
from alife.storage.remote import RemotePath

from .contents import Dying, Overtaken, Stop, assert_sound, copy_of, one_more

NUMBERS = itertools.count()


def test_dying_at_any_put_of_a_resumption_and_a_generation(
    toy: ModuleType, place: RemotePath, whole: Any, one_by_one: None
) -> None:
    toy.create(place).close()
    one_more(toy, place, 3)
    files = Dying(10**9)
    one_more(toy, copy_of(place), 4, files)
    count, reached = 10**9 - files.left, []
    roots = {at + near for at in files.roots for near in (-1, 0, 1)}
    for after in sorted({*range(0, count, 5), *roots}):
        left = copy_of(place)
        with pytest.raises(Stop):
            one_more(toy, left, 4, Dying(after))
        reached.append(open_archive(left).generation)
        assert_sound(toy, left, whole)
        if after in roots or after % 4 == 0:
            one_more(toy, left, 6)
            assert_sound(toy, left, whole)
            assert open_archive(left).generation == 5
    assert reached == sorted(reached) and set(reached) == {2, 3} and count > 100 and len(files.roots) == 2


def test_dying_at_every_put_of_a_beginning(toy: ModuleType, place: RemotePath, one_by_one: None) -> None:
    for after in itertools.count():
        new = place / str(after)
        try:
            toy.create(new, files=Dying(after)).close()
            break
        except Stop:
            with pytest.raises(ArchiveError, match=r"no zarr.json in|is not a directory"):
                open_archive(new)
            toy.create(new).close()  # what was begun is gone
            assert check_archive(new).ok
    assert check_archive(new).ok and after > 20
    (place / "litter/id/writer").bucket.put(f"{place.key}/litter/id/writer", b"killed here")
    with pytest.raises(ArchiveExists, match=r"there are objects below .*litter, and no archive.*remove them"):
        toy.create(place / "litter")


def test_two_who_begin_at_once(toy: ModuleType, place: RemotePath) -> None:
    def other() -> None:
        toy.create(place, config={"mine": True}).close()

    with pytest.raises(ArchiveExists, match="is being made by somebody else"):
        toy.create(place, files=Overtaken(0, other))
    assert open_archive(place).config == {"mine": True} and check_archive(place).ok


def test_who_takes_an_archive_up_stops_the_one_before(toy: ModuleType, place: RemotePath, whole: Any) -> None:
    first = toy.create(place)
    toy.go_on(first, 2)
    second = resume_archive(place)
    with pytest.raises(ArchiveLocked, match=rf"{place} is written by somebody else now.*stop one of the two"):
        toy.go_on(first, 3)
    with pytest.raises(ArchiveError, match="cannot append, an earlier one failed"):
        toy.go_on(first, 3)
    assert open_archive(place).generation == first.generation == 1
    toy.go_on(second, 6)
    assert_sound(toy, place, whole)
    assert open_archive(place).generation == 5


def other_generation(toy: ModuleType, place: RemotePath) -> None:
    """Two generations of lifeforms that the writer before would never have made."""
    with resume_archive(place) as writer:
        for number in range(2):
            state = {**toy.start_state(), "key": np.array([number, 99], np.uint32)}
            rows, state = toy.next_generation(state, 3, len(writer.archive))
            zeros = {"score": rows.score * 0, "operator": rows.operator * 0, "frames": rows.frames * 0}
            writer.append(
                rows._replace(**zeros), generation=writer.generation + 1, checkpoint=state, progress={"other": number}
            )


def test_a_writer_that_wakes_up_at_any_put_does_no_harm(toy: ModuleType, place: RemotePath, one_by_one: None) -> None:
    for resumed in (False, True):
        first = place / f"first-{resumed}"
        toy.create(first).close()
        one_more(toy, first, 3)
        expected, contents = copy_of(first), []
        other_generation(toy, expected)
        wanted = open_archive(expected)
        for after in itertools.count(0, 3):
            left = copy_of(first)
            files = Overtaken(10**9, lambda left=left: other_generation(toy, left))
            with resume_archive(left, files=files) as writer:
                files.left = after
                try:
                    toy.go_on(writer, 4)
                    break
                except ArchiveLocked:
                    contents.append(after)
            toy.assert_prefix(open_archive(left), wanted)
            assert len(open_archive(left)) == len(wanted) and open_archive(left).progress == {"other": 1}
            assert (report := check_archive(left)).ok, report
            resume_archive(left).close()
        assert len(contents) > 15


def test_a_commit_whose_answer_gets_lost_is_a_commit(toy: ModuleType, place: RemotePath, whole: Any) -> None:
    class Twice(RemoteFiles):
        def put(self, path: RemotePath, data: bytes, when: Any = "overwrite") -> Any:
            super().put(path, data, when)
            return super().put(path, data, when)  # as a client does that has heard nothing

    with toy.create(place, files=Twice()) as writer:
        toy.go_on(writer, 3)
    one_more(toy, place, 6, Twice())
    assert_sound(toy, place, whole)


def test_a_store_that_refuses_to_be_written(toy: ModuleType, place: RemotePath, whole: Any, one_by_one: None) -> None:
    def denied() -> StoreError:
        return StoreError(13, "Permission denied", str(place))

    with pytest.raises(ArchiveError, match=rf"cannot make an archive at {place} \(Permission denied"):
        toy.create(place, files=Dying(3, how=denied))
    toy.create(place).close()
    one_more(toy, place, 3)
    with pytest.raises(ArchiveError, match=rf"cannot write {place}: Permission denied; nothing is lost"):
        one_more(toy, place, 4, Dying(3, how=denied))
    for after in (0, 40):
        files = Dying(10**9, how=denied)
        with resume_archive(place, files=files) as writer:
            files.left = after
            safe = rf"cannot write {place}: Permission denied. Everything up to generation 2 is safe \(6 lifeforms\)"
            with pytest.raises(ArchiveError, match=rf"{safe}; put that right, then `alife resume {place}`"):
                toy.go_on(writer, 4)
    one_more(toy, place, 6)
    assert_sound(toy, place, whole)
