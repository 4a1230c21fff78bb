"""Archives on object storage: what holds on a disk holds there, and what fails says so."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

pytest.importorskip("obstore")

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists
from alife.storage import (
    check_archive,
    compact_archive,
    create_archive,
    merge_archives,
    open_archive,
    repair_archive,
    resume_archive,
)
from alife.storage.bucket import Bucket, Refused, StoreError
from alife.storage.events import add_event, read_events
from alife.storage.remote import RemotePath, place_of

from .contents import Dying, Overtaken, assert_sound, one_more

NUMBERS = itertools.count()


@pytest.mark.parametrize("where", ["memory", "s3"])
def test_a_run_is_what_it_is_on_a_disk(
    toy: ModuleType, place: RemotePath, whole: Any, where: str, request: pytest.FixtureRequest
) -> None:
    if where == "s3":
        place = place_of(f"{request.getfixturevalue('bucket')}/deep/run")  # type: ignore[assignment]
    with toy.create(place) as writer:
        toy.go_on(writer, 2)
        assert len(writer.archive) == len(open_archive(str(place)))
    for generations in (4, 6):
        assert_sound(toy, place, whole)
        one_more(toy, place, generations)
    assert_sound(toy, place, whole)
    archive = open_archive(place)
    assert archive.generation == 5 and str(archive.path) == str(place) and str(place) in repr(archive)
    assert [one.id for one in archive.nearest(3, 4)] == [one.id for one in whole.nearest(3, 4)]
    with pytest.raises(ArchiveExists, match=rf"{place} exists; give another place, or `alife resume {place}`"):
        toy.create(place)


def test_zarr_reads_it_and_refuses_what_several_writers_have_made(toy: ModuleType, bucket: str, whole: Any) -> None:
    import obstore.store
    import zarr
    from zarr.storage import ObjectStore

    place = place_of(f"{bucket}/run")
    with toy.create(place) as writer:
        toy.go_on(writer, 4)
    store = ObjectStore(obstore.store.from_url(str(place)), read_only=True)
    for consolidated in (True, False):
        frames = zarr.open_group(store, mode="r", use_consolidated=consolidated)["frames"]
        np.testing.assert_array_equal(frames[:], [one.frames for one in whole[: frames.shape[0]]])
    resume_archive(place).close()
    for consolidated in (True, False):
        with pytest.raises(Exception, match="alife_writers"):
            zarr.open_group(store, mode="r", use_consolidated=consolidated)["frames"]


def test_brought_to_a_disk_it_is_an_archive_like_any_other(
    toy: ModuleType, place: RemotePath, whole: Any, tmp_path: Path
) -> None:
    import zarr

    toy.create(place).close()
    for generations in (2, 3, 5):
        one_more(toy, place, generations)
    for key in place.bucket.keys(place.key):
        file = tmp_path / "run" / key.removeprefix(f"{place.key}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(place.bucket.read(key)[0])
    toy.assert_prefix(open_archive(tmp_path / "run"), whole)
    toy.run(tmp_path / "run", 6)
    compact_archive(tmp_path / "run")
    toy.assert_prefix(open_archive(tmp_path / "run"), whole)
    assert check_archive(tmp_path / "run").ok
    assert zarr.open_group(tmp_path / "run", mode="r")["frames"].shape[0] == len(whole)


def test_a_bucket_that_goes_is_no_damage(toy: ModuleType, bucket: str) -> None:
    import boto3

    with toy.create(f"{bucket}/run") as writer:
        toy.go_on(writer, 3)
        archive = open_archive(f"{bucket}/run")
        name, client = bucket.removeprefix("s3://"), boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        for one in client.list_objects_v2(Bucket=name)["Contents"]:
            client.delete_object(Bucket=name, Key=one["Key"])
        client.delete_bucket(Bucket=name)
        with pytest.raises(ArchiveError, match="there is no such bucket") as error:
            archive[0].frames  # noqa: B018
        assert not isinstance(error.value, ArchiveDamaged)
        rows, state = toy.next_generation(writer.checkpoint, 3, 6)
        safe = r"cannot write .*: there is no such bucket .*\. Everything up to generation 2 is safe"
        with pytest.raises(ArchiveError, match=safe):
            writer.append(rows, generation=3, checkpoint=state, progress={})
    with pytest.raises(ArchiveError, match="there is no such bucket"):
        open_archive(f"{bucket}/run")


def test_a_network_that_is_down_is_no_damage(
    toy: ModuleType, place: RemotePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    with toy.create(place) as writer:
        toy.go_on(writer, 3)
    archive = open_archive(place)

    def down(self: Bucket, key: str, *_: Any) -> Any:
        raise StoreError(5, "connection refused", key)

    for name in ("read", "about"):
        with monkeypatch.context() as patch:
            patch.setattr(Bucket, name, down)
            for look in (
                lambda: archive[2].frames,
                lambda: check_archive(place),
                lambda: open_archive(place)[2].frames,
            ):
                with pytest.raises(ArchiveError, match="connection refused") as error:
                    look()
                assert not isinstance(error.value, ArchiveDamaged)
    assert check_archive(place).ok


def test_a_store_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alife.storage.bucket.RETRIES", 0)
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:9", "ALLOW_HTTP": "1", "ACCESS_KEY_ID": "me"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    for use in (open_archive, resume_archive, check_archive, read_events):
        with pytest.raises(ArchiveError, match=r"s3://nowhere-\d+/run.*error sending request.*see to the network"):
            use(f"s3://nowhere-{next(NUMBERS)}/run")


def test_what_it_takes_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ArchiveError, match=r"s3://lacking lies on object storage.*pip install 'alife\[objects\]'"):
        open_archive("s3://lacking/run")


def test_a_shard_that_a_writer_replaces_while_it_is_read(
    toy: ModuleType, place: RemotePath, whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = toy.create(place)
    toy.go_on(writer, 1)
    archive, read = open_archive(place), Bucket.read
    rest = iter(range(2, 6))

    def late(self: Bucket, key: str, span: Any = None, same: Any = None) -> Any:
        if same is not None and "clip" in key:  # it has looked where the pieces are
            with monkeypatch.context() as patch:
                patch.setattr(Bucket, "read", read)
                toy.go_on(writer, next(rest, 6))
        return read(self, key, span, same)

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "read", late)
        films = [one.clip for one in archive]
    assert next(rest, None) is None
    for film, one in zip(films, whole, strict=False):
        np.testing.assert_array_equal(film, one.clip)


def test_what_people_say(toy: ModuleType, place: RemotePath) -> None:
    toy.run_remote(place, 2) if hasattr(toy, "run_remote") else toy.create(place).close()
    one_more(toy, place, 2)
    assert read_events(place) == []

    def other() -> None:
        add_event(place, "note", 3, "meanwhile")

    add_event(place, "favourite", 2, files=Overtaken(0, other))
    assert [(one["number"], one["kind"]) for one in read_events(place)] == [(0, "note"), (1, "favourite")]
    assert open_archive(place).favourites == [2] and check_archive(place).ok
    with pytest.raises(ArchiveError, match=r"cannot write .*Permission denied; what was said .* is safe"):
        add_event(place, "favourite", 1, files=Dying(0, how=lambda: StoreError(13, "Permission denied")))


@pytest.mark.parametrize("do", [repair_archive, compact_archive, lambda run: merge_archives(["a", "b"], run)])
def test_what_is_done_on_a_disk_only_says_so(do: Callable[[str], object]) -> None:
    with pytest.raises(ArchiveError, match=r"s3://bucket/run lies on object storage.*aws s3 cp --recursive s3://"):
        do("s3://bucket/run")


def test_runs_there_can_be_merged_on_a_disk(toy: ModuleType, place: RemotePath, whole: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        toy.create(place / "islands" / name, config={"island": name}).close()
        one_more(toy, place / "islands" / name, 6)
    assert sorted(one.name for one in (place / "islands").iterdir()) == ["a", "b"]
    merge_archives([place / "islands/a", place / "islands/b"], tmp_path / "both")
    assert len(open_archive(tmp_path / "both")) == 2 * len(whole) and check_archive(tmp_path / "both").ok


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo://bucket/run", "no store is addressed by foo://; known: s3"),
        ("s4://bucket/run", "did you mean s3"),
        ("s3://bucket", "expected a bucket and a name in it, such as s3://bucket/run"),
        ("s3:///run", "expected a bucket and a name in it"),
    ],
)
def test_addresses_that_lead_nowhere(text: str, message: str) -> None:
    with pytest.raises(ArchiveError, match=message):
        open_archive(text)


def test_places(place: RemotePath) -> None:
    run = place_of("S3://bucket//runs/a.b/")
    assert str(run) == "s3://bucket/runs/a.b" and (run.name, run.suffix) == ("a.b", ".b")
    assert str(run / "islands" / "x") == f"{run}/islands/x" and str(run.parent) == "s3://bucket/runs"
    assert str(run.with_name("c")) == "s3://bucket/runs/c" and place_of(run) is run and run.resolve() == run
    assert place_of("runs/a") == Path("runs/a") and place_of(Path("a:b")) == Path("a:b")
    assert not place.exists()
    place.bucket.put(f"{place.key}/x/y", b"0123456789")
    assert place.is_dir() and not place.is_file() and (place / "x/y").is_file() and not (place.parent / "run").exists()
    with (place / "x/y").open("rb") as opened:
        assert opened.seek(0, 2) == 10 and opened.read() == b""
        assert opened.seek(3) == 3 and opened.read(4) == b"3456" and opened.read() == b"789"
    with pytest.raises(FileNotFoundError):
        (place / "x").read_bytes()
    with pytest.raises(Refused):
        place.bucket.put(f"{place.key}/x/y", b"", "create")


def test_a_creation_needs_no_directory_above(toy: ModuleType, place: RemotePath) -> None:
    member = place / "islands" / "0-1"
    create_archive(member, toy.LAYOUT, config={}).close()
    assert open_archive(str(member)).generation == -1
