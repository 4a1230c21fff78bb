"""Several stores that are read as one archive: order, lineage, takeover, damage, and a merge into one."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from alife.errors import ArchiveDamaged, ArchiveError, ArchiveExists, ArchiveLocked
from alife.storage import (
    ArchiveWriter,
    Store,
    UnionWriter,
    check_archive,
    compact_archive,
    create_archive,
    create_union,
    elsewhere,
    merge_archives,
    open_archive,
    repair_archive,
    resume_archive,
    resume_union,
)
from alife.storage.events import add_events
from alife.storage.files import Files
from alife.storage.remote import RemotePath

from .contents import content

SAID = {"config": {"world": "toy", "seed": 1}, "provenance": {"engine": "0"}}


class Island:
    """One writer of one store, which tells the union of what it has committed."""

    def __init__(self, toy: ModuleType, root: UnionWriter, island: int) -> None:
        self.toy, self.root = toy, root
        self.store = root.open_store(island)
        root.commit()
        self.taken = root.taken(island)
        path, generation = root.path / self.store.key, self.taken.generation
        self.writer: ArchiveWriter = create_archive(path, toy.LAYOUT, **SAID, generation=generation, island=island)
        self.state = self.taken.checkpoint or toy.start_state()

    def generation(self, *, told: bool = True) -> None:
        generation, known = self.writer.generation + 1, len(self.writer.archive)
        rows, self.state = self.toy.next_generation(self.state, generation, known)
        if known == 0 and len(rows.parent) and self.taken.lifeforms:
            rows.parent[0, 0] = elsewhere(self.store.island, self.taken.lifeforms - 1)  # the last of the one before it
        self.writer.append(rows, generation=generation, checkpoint=self.state, progress={"evaluations": 8})
        if told:
            self.root.add(self.store, len(rows.evaluation))
            self.root.commit({"evaluations": 8}, generation)


@pytest.fixture
def union(toy: ModuleType, tmp_path: Path) -> UnionWriter:
    """Two islands, the second of which was taken over by another writer, and one lifeform that comes from the first."""
    root = create_union(tmp_path / "run", toy.LAYOUT, **SAID)
    first, second = Island(toy, root, 0), Island(toy, root, 1)
    for island in (first, second, first, first, second, second, first):
        island.generation()
    second.generation(told=False)  # and is killed before anybody hears of it
    again = Island(toy, root, 1)
    again.generation()
    first.generation()
    again.generation()
    return root


def test_is_read_as_one_archive(union: UnionWriter, toy: ModuleType, tmp_path: Path) -> None:
    archive = open_archive(union.path)
    alone = {store: open_archive(union.path / store.key) for store in union.stores}
    assert len(archive) == sum(map(len, alone.values())) and [len(one) for one in alone.values()] == union.counts
    assert archive.column("id").tolist() == list(range(len(archive)))
    whole = content(archive)
    members = {store: content(one) for store, one in alone.items()}
    order = np.asarray(archive._stored.store)  # type: ignore[union-attr]
    for number, store in enumerate(union.stores):
        mine = [whole[i] for i in np.flatnonzero(order == number)]
        for ours, theirs in zip(mine, members[store], strict=True):
            assert {k: v for k, v in ours.items() if k != "evaluation"} == {
                k: v for k, v in theirs.items() if k != "evaluation"
            }
    assert not np.all(np.diff(order.astype(int)) >= 0), "they came in turns"
    numbers = archive.column("evaluation")
    assert len({(int(n)) for n in numbers}) == len(archive), "no two are of one evaluation"
    assert archive.best(3)[0].score == max(one.best(1)[0].score for one in alone.values())
    found = archive.nearest(archive.best(1)[0].id, 2)
    assert len(found) == 2 and archive.select("mass>0").size and archive.progress == {"evaluations": 8}


def test_lineage_goes_from_store_to_store(union: UnionWriter) -> None:
    archive = open_archive(union.path)
    parents, store = archive.column("parent"), np.asarray(archive._stored.store)  # type: ignore[union-attr]
    assert ((parents >= -1) & (parents < archive.column("id")[:, None])).all()
    heir = int(np.flatnonzero(store == union.stores.index(Store(1, 1)))[0])
    assert parents[heir, 0] == np.flatnonzero(store == union.stores.index(Store(1, 0)))[-1]
    assert parents[heir, 0] in archive.ancestors(heir)
    for number, one in enumerate(union.stores):
        own, ids = open_archive(union.path / one.key).column("parent"), np.flatnonzero(store == number)
        here = own >= 0
        np.testing.assert_array_equal(parents[ids][here], ids[own[here]])


def test_a_writer_that_is_taken_over_does_no_harm(toy: ModuleType, tmp_path: Path) -> None:
    root = create_union(tmp_path / "run", toy.LAYOUT, **SAID)
    zombie = Island(toy, root, 0)
    for _ in range(3):
        zombie.generation(told=False)
    heir = Island(toy, root, 0)  # finds the three
    kept = content(open_archive(root.path))
    assert heir.taken.generation == 2 and len(kept) == heir.taken.lifeforms == len(zombie.writer.archive)
    for _ in range(4):
        zombie.generation(told=False)
    heir.generation()
    now = open_archive(root.path)
    assert content(now)[: len(kept)] == kept and len(now) == len(kept) + len(heir.writer.archive)
    assert check_archive(root.path).ok
    root.close()
    with resume_union(root.path):
        assert len(open_archive(root.path)) == len(now)


def test_what_nobody_heard_of_is_found_again(toy: ModuleType, tmp_path: Path) -> None:
    root = create_union(tmp_path / "run", toy.LAYOUT, **SAID)
    islands = [Island(toy, root, number) for number in range(2)]
    for island in islands:
        for _ in range(3):
            island.generation(told=False)
    assert len(open_archive(root.path)) == 0
    with pytest.raises(ArchiveLocked, match="being written"):
        resume_union(root.path)
    root.close()
    with resume_union(root.path) as again:
        assert again.counts == [len(island.writer.archive) for island in islands]
    assert len(open_archive(root.path)) == sum(again.counts) > 0


def test_a_reader_keeps_what_it_has_and_sees_more_when_it_asks(toy: ModuleType, tmp_path: Path) -> None:
    root = create_union(tmp_path / "run", toy.LAYOUT, **SAID)
    archive, island = open_archive(root.path), Island(toy, root, 0)
    assert len(archive) == 0 and archive.best(1) == [] and archive.frames_shape == (2, 6, 5, 3)
    island.generation()
    archive.refresh()
    before = content(archive)
    island.generation()
    island.generation()
    assert content(archive) == before
    archive.refresh()
    assert content(archive)[: len(before)] == before and len(archive) > len(before)


@pytest.mark.parametrize("after", range(0, 28, 3))
def test_a_commit_is_all_or_nothing(toy: ModuleType, tmp_path: Path, after: int) -> None:
    root = create_union(tmp_path / "run", toy.LAYOUT, **SAID)
    island = Island(toy, root, 0)
    island.generation()
    before = content(open_archive(root.path))
    island.generation(told=False)
    island.generation(told=False)

    def stop() -> None:
        raise OSError("stopped")

    root._files = toy.Stopping(after, stop)
    root.add(island.store, len(island.writer.archive) - len(before))
    try:
        root.commit()
    except ArchiveError as error:
        assert "islands have committed is safe" in str(error)
    root.close()
    found = open_archive(root.path)
    assert content(found)[: len(before)] == before and len(found) in (len(before), len(island.writer.archive))
    with resume_union(root.path):
        assert len(open_archive(root.path)) == len(island.writer.archive)


def test_damage_is_named_by_the_numbers_of_the_union_and_put_aside(union: UnionWriter) -> None:
    union.close()
    store = union.stores[0]
    for file in (union.path / store.key / "frames").glob("c.0*"):
        file.write_bytes(file.read_bytes()[:-9])
    report = check_archive(union.path)
    mine = np.flatnonzero(np.asarray(open_archive(union.path)._stored.store) == 0)  # type: ignore[union-attr]
    assert report.damaged == mine[: len(report.damaged)].tolist() and store.key in str(report)
    with pytest.raises(ArchiveDamaged, match="damaged frames"):
        _ = open_archive(union.path)[int(mine[0])].frames
    repaired = repair_archive(union.path)
    assert repaired.report.ok and 0 < len(repaired.report.quarantined) <= len(report.damaged)
    assert set(repaired.report.quarantined) <= set(report.damaged), "one was black, and could be made again"


def test_a_damaged_order_says_where_the_lifeforms_are(union: UnionWriter) -> None:
    file = union.path / "store" / "c.0"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ArchiveDamaged, match=r"islands/0\.0"):
        open_archive(union.path)
    assert not check_archive(union.path).opened


def test_is_merged_into_one_and_not_compacted(union: UnionWriter, tmp_path: Path) -> None:
    union.close()
    with pytest.raises(ArchiveError, match="alife merge"):
        compact_archive(union.path)
    assert merge_archives([union.path], tmp_path / "one") == {}
    one, archive = open_archive(tmp_path / "one"), open_archive(union.path)
    assert content(one) == content(archive)
    np.testing.assert_array_equal(one.column("parent"), archive.column("parent"))
    assert check_archive(tmp_path / "one").ok


def test_what_people_say_of_its_lifeforms_is_kept(union: UnionWriter) -> None:
    add_events(union.path, [("favourite", 3, True)])
    assert open_archive(union.path).favourites == [3]


def test_is_made_once_and_by_who_may(union: UnionWriter, toy: ModuleType) -> None:
    with pytest.raises(ArchiveExists):
        create_union(union.path, toy.LAYOUT, **SAID)
    with pytest.raises(ArchiveError, match="alife resume"):
        resume_archive(union.path)


def test_zarr_reads_it(union: UnionWriter) -> None:
    import zarr

    root = zarr.open(union.path, mode="r")
    assert root["store"].shape == root["id"].shape == (len(open_archive(union.path)),)  # type: ignore[union-attr, index]
    frames = zarr.open(union.path / union.stores[0].key, mode="r")["frames"]  # type: ignore[index]
    assert frames.shape[0] == union.counts[0]  # type: ignore[union-attr]


def test_files_that_cannot_be_written_are_one_error(toy: ModuleType, tmp_path: Path) -> None:
    class Full(Files):
        def write(self, path: Path, data: bytes) -> None:
            raise OSError(28, os.strerror(28))

    with pytest.raises(ArchiveError, match="No space left"):
        create_union(tmp_path / "run", toy.LAYOUT, **SAID, files=Full())
    assert not (tmp_path / "run").exists()


def test_on_object_storage_who_takes_it_up_stops_the_one_before(toy: ModuleType, place: RemotePath) -> None:
    root = create_union(place, toy.LAYOUT, **SAID)
    first, second = Island(toy, root, 0), Island(toy, root, 1)
    for island in (first, second, first, second, first):
        island.generation()
    other = resume_union(place)
    with pytest.raises(ArchiveLocked, match=f"{place} is written by somebody else now"):
        first.generation()
    again = Island(toy, other, 0)
    assert again.taken.generation == 3, "what its writer had committed counts, though the root had not heard of it"
    for _ in range(4):
        again.generation()
    resume_union(place).close()
    archive = open_archive(place)
    assert (report := check_archive(place)).ok, report
    alone = [content(open_archive(place / store.key)) for store in archive._stored.stores]  # type: ignore[union-attr]
    whole, order = content(archive), np.asarray(archive._stored.store)  # type: ignore[union-attr]
    for number, theirs in enumerate(alone):
        mine = [whole[i] for i in np.flatnonzero(order == number)]
        assert [one["genotype"] for one in mine] == [one["genotype"] for one in theirs[: len(mine)]]
    assert len(archive) == sum(map(len, alone)) and sorted(set(order)) == [0, 1, 2]
