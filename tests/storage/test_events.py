"""What people say of lifeforms is kept whatever happens, and disturbs no search that writes meanwhile."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import zarr

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveLocked, BadOption, NoSuchLifeform, UnknownName
from alife.storage import check_archive, event_log, open_archive
from alife.storage.events import (
    add_event,
    add_events,
    check_events,
    favourites,
    notes,
    read_events,
    repair_events,
    tags,
)

Start = Callable[..., "subprocess.Popen[str]"]

ADDER = """
import sys
from alife.storage.events import add_event
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
for i in range(count):
    add_event(path, "tag", i % 3, f"{name}-{i}")
    print(f"{name}-{i}", flush=True)
"""


def adder(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ADDER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


class Stop(BaseException):
    """Whoever marked a lifeform is gone."""


def stop() -> None:
    raise Stop


def values(path: Path) -> list[object]:
    return [event["value"] for event in read_events(path)]


@pytest.fixture
def marked(copy: Path) -> Path:
    """An archive of which people have said something."""
    add_events(copy, [("favourite", 2, True), ("tag", 2, "glider"), ("note", 3, "it divides")])
    add_event(copy, "tag", 2, "small")
    return copy


def test_what_was_said_comes_back_in_order(copy: Path) -> None:
    assert read_events(copy) == [] and check_events(copy) == []
    first = add_event(copy, "favourite", 4)
    add_events(copy, [("favourite", 1, True), ("tag", 1, "glider"), ("tag", 1, "small"), ("note", -1, "hm")])
    add_events(copy, [("favourite", 4, False), ("untag", 1, "glider"), ("note", -1, "it divides ∞")])
    add_event(copy, "steer", None, {"score": "motion", "weight": 0.1})
    events, last = read_events(copy), len(open_archive(copy)) - 1
    assert first == events[0] and [event["number"] for event in events] == list(range(9))
    assert all(set(event) == {"number", "time", "kind", "lifeform", "value"} for event in events)
    assert events[0]["time"].endswith("+00:00") and events[0]["lifeform"] == 4
    assert favourites(events) == [1] and tags(events) == {1: ("small",)} and notes(events) == {last: "it divides ∞"}
    assert events[-1]["lifeform"] is None and events[-1]["value"] == {"score": "motion", "weight": 0.1}
    assert check_events(copy) == [] and check_archive(copy).ok


def test_zarr_reads_the_log_without_this_package(marked: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        group = zarr.open_group(marked, mode="r", use_consolidated=False)
        assert "events" in dict(group.members())
    assert group["events"].attrs["events"] == read_events(marked)


@pytest.mark.parametrize(
    "said, error, message",
    [
        (("favorite", 0, True), UnknownName, "no kind of event is called 'favorite'; did you mean favourite or note?"),
        (("note", 99, "x"), NoSuchLifeform, "there is no lifeform 99; this archive holds 15 (ids 0..14)"),
        (("note", 0, "  "), BadOption, "note is '  '; expected a text"),
        (("note", 0, None), BadOption, "note is None; expected a text"),
        (("note", 0, "caf\udce9"), BadOption, "expected a text"),
        (("tag", 0, "two words"), BadOption, "tag is 'two words'; expected one word, without spaces"),
        (("favourite", 0, "yes"), BadOption, "favourite is 'yes'; expected True, or False to take it back"),
        (("favourite", None, True), BadOption, "a favourite is said of no lifeform"),
        (("steer", None, float("inf")), BadOption, "expected plain JSON"),
    ],
)
def test_what_cannot_be_said(copy: Path, said: tuple, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as found:
        add_events(copy, [("favourite", 0, True), said])
    assert message in str(found.value)
    assert read_events(copy) == [] and not (copy / "events").exists()


def test_of_nothing_nothing_can_be_said(tmp_path: Path) -> None:
    for call in (lambda: read_events(tmp_path / "none"), lambda: add_event(tmp_path / "none", "favourite", 0)):
        with pytest.raises(ArchiveError, match="is not a directory; expected a run directory"):
            call()


def test_several_people_at_once_lose_nothing(copy: Path) -> None:
    adders = [adder(copy, name, 20) for name in "abcd"]
    seen = 0
    while any(process.poll() is None for process in adders):
        events = read_events(copy)
        assert check_events(copy) == [] and len(events) >= seen
        seen = len(events)
    assert [process.communicate()[1] for process in adders] == [""] * 4
    assert sorted(values(copy)) == sorted(f"{name}-{i}" for name in "abcd" for i in range(20))
    for name in "abcd":  # each in its own order
        own = [value for value in values(copy) if str(value).startswith(name)]
        assert own == [f"{name}-{i}" for i in range(20)]
    assert [event["number"] for event in read_events(copy)] == list(range(80))


def test_a_search_that_writes_meanwhile(toy: ModuleType, tmp_path: Path, finished: Path, process: Start) -> None:
    path = tmp_path / "run"
    toy.run(path, 2)
    held = process("hold", path)
    assert held.stdout and held.stdout.readline() == "held\n"
    add_event(path, "favourite", 0)  # another process has the right to write
    held.communicate("")
    marker = adder(path, "a", 30)
    toy.run(path, 4)
    assert marker.wait() == 0 and values(path) == [True, *(f"a-{i}" for i in range(30))]
    shutil.rmtree(path / "events")
    (path / "id/events.copy").unlink()
    assert toy.tree(path) == toy.tree(finished)


def test_dying_after_every_file_operation(toy: ModuleType, copy: Path, tmp_path: Path) -> None:
    files = toy.Stopping(10**9, stop)
    path = Path(shutil.copytree(copy, tmp_path / "whole"))
    add_event(path, "tag", 0, "first", files=files)
    count = 10**9 - files.left
    assert count > 15
    for said in (["first"], ["first", "second"]):
        for after in range(count):
            path = Path(shutil.copytree(copy, tmp_path / f"{said[-1]}-{after}"))
            files = toy.Stopping(after, stop)
            try:
                for tag in said[:-1]:
                    add_event(path, "tag", 0, tag)
                add_event(path, "tag", 0, said[-1], files=files)
            except Stop:
                pass
            assert values(path) in (said[:-1], said), after
            assert check_events(path) == [], after
            before = values(path)
            add_event(path, "tag", 0, "next")  # the lock is free, and what was left is in nobody's way
            assert values(path) == [*before, "next"] and not list(path.rglob("*.partial"))
        assert check_archive(path).ok


def test_killed_processes_lose_nothing_they_were_told_of(copy: Path) -> None:
    told: list[str] = []
    for kill in range(3):
        process = adder(copy, f"k{kill}", 10**6)
        assert process.stdout
        told.append(process.stdout.readline().strip())
        time.sleep(0.02 * kill)
        process.send_signal(signal.SIGKILL)
        told += process.communicate()[0].split()
        found = values(copy)
        assert set(told) <= set(found) and len(found) <= len(told) + kill + 1
        assert check_events(copy) == []


@pytest.mark.parametrize("key", [event_log.EVENTS, event_log.COPY])
def test_damage_is_named_never_served_and_repaired(marked: Path, key: str) -> None:
    truth, whole = read_events(marked), (marked / key).read_bytes()
    damages = [
        whole[: len(whole) // 2],
        b"",
        b"{}",
        b"[1]",
        bytes(len(whole)),
        whole.replace(b"glider", b"glidar"),
        None,
    ]
    for place in range(0, len(whole), len(whole) // 12):
        damages.append(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
    quarantine, archive = marked / "id/quarantine", open_archive(marked)
    for damaged in damages:
        (marked / key).unlink()
        if damaged is not None:
            (marked / key).write_bytes(damaged)
        assert len(check_events(marked)) == 1 and key in check_events(marked)[0]
        if key == event_log.EVENTS:
            for call in (lambda: read_events(marked), lambda: add_event(marked, "favourite", 0)):
                with pytest.raises(ArchiveDamaged, match=r"events/zarr.json is damaged.*--repair"):
                    call()
        else:
            assert read_events(marked) == truth
        assert archive[2].frames.any()
        assert any("now hold the 4 events" in done for done in repair_events(marked, quarantine))
        assert read_events(marked) == truth and check_events(marked) == [] and repair_events(marked, quarantine) == []
    assert {file.read_bytes() for file in quarantine.iterdir()} == {*damages} - {None}
    add_event(marked, "favourite", 0)
    assert favourites(read_events(marked)) == [2, 0]


def test_a_log_that_is_lost_twice_begins_anew(marked: Path) -> None:
    for key in (event_log.EVENTS, event_log.COPY):
        (marked / key).write_bytes(b"lost")
    assert "none of its events can be read" in check_events(marked)[0]
    assert "now hold the 0 events" in repair_events(marked, marked / "id/quarantine")[-1]
    assert [file.read_bytes() for file in (marked / "id/quarantine").iterdir()] == [b"lost"] * 2
    add_event(marked, "favourite", 0)
    assert favourites(read_events(marked)) == [0]


def test_a_newer_log_is_left_alone(marked: Path) -> None:
    newer = event_log._sealed({"format": 2, "events": {"any": "thing"}})
    (marked / event_log.EVENTS).write_bytes(newer)
    with pytest.raises(ArchiveError, match="format 2, this alife reads up to 1; update alife"):
        add_event(marked, "favourite", 0)
    assert (marked / event_log.EVENTS).read_bytes() == newer


def test_whoever_waits_too_long_is_told(marked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "PATIENCE", 0.1)
    with (marked / event_log.LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ArchiveLocked, match=r"marking lifeforms of .* for 0.1 s; try again"):
            add_event(marked, "favourite", 0)
    add_event(marked, "favourite", 0)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_nothing_more(toy: ModuleType, marked: Path, code: int) -> None:
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    before = read_events(marked)
    for after in range(4):
        with pytest.raises(ArchiveError, match=f"{os.strerror(code)}; what was said .* before is safe"):
            add_event(marked, "favourite", 0, files=toy.Stopping(after, fail))
        assert read_events(marked) == before
    add_event(marked, "favourite", 0)
    assert len(read_events(marked)) == len(before) + 1


def test_a_directory_without_permission(marked: Path) -> None:
    for place in (marked, *marked.rglob("*")):
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        if os.access(marked, os.W_OK):
            pytest.skip("this user writes wherever it likes")
        assert len(read_events(marked)) == 4
        with pytest.raises(ArchiveError, match=r"cannot write .*Permission denied"):
            add_event(marked, "favourite", 0)
    finally:
        for place in (marked, *marked.rglob("*")):
            place.chmod(0o755)


def test_the_document_is_as_it_says(marked: Path) -> None:
    document = json.loads((marked / event_log.EVENTS).read_bytes())
    assert (document["zarr_format"], document["node_type"]) == (3, "group")
    assert set(document["attributes"]) == {"format", "events", "crc"}
    assert (marked / event_log.EVENTS).read_bytes() == (marked / event_log.COPY).read_bytes()
