"""Archives of every format there ever was open, hold what they held, and go on once they are brought to today's."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import zarr

from alife.errors import ArchiveDamaged, ArchiveError
from alife.run import resume_search
from alife.storage import Archive, check_archive, open_archive, resume_archive
from alife.storage.compact import compact_archive
from alife.storage.root import read_document
from alife.storage.schema import FORMAT

from .contents import content, damage, is_damaged

ASSETS = sorted(Path(__file__).with_name("archives").glob("*.zip"))

FORMAT_1 = {
    "alignment": 0x5A43BE62,
    "clustering": 0x75DBAF1A,
    "embedding": 0x0481F615,
    "evaluation": 0xB703573F,
    "frames": 0x72650D7B,
    "generation": 0x0866A394,
    "genotype": 0xCE30ABFA,
    "id": 0xB703573F,
    "in_view": 0x07371BA3,
    "milling": 0xEC72BCB4,
    "operator": 0x0FD59B8D,
    "parent": 0xA84E1BF6,
    "replaced": 0x421BB803,
    "score": 0x9E74C75A,
    "seed": 0x162DAE21,
    "spacing": 0x3D1D7854,
    "turning": 0xF08CEA31,
    "valid": 0x6BBF3ED3,
}
"""CRC-32 of all that this archive held when it was made, read with plain zarr: 20 lifeforms of boids, 5 generations."""


def unpacked(asset: Path, place: Path) -> Path:
    """The archive in a zip file, as a directory."""
    with zipfile.ZipFile(asset) as packed:
        packed.extractall(place / asset.stem)
    found = next((place / asset.stem).rglob("id/zarr.json"))
    return found.parent.parent


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An archive of format 1."""
    return unpacked(Path(__file__).with_name("archives") / "format_1.zip", tmp_path)


def checksums(archive: Archive) -> dict[str, int]:
    """CRC-32 of every column and part that format 1 had."""
    values = dict(archive.table())
    for part in ("genotype", "embedding", "frames"):
        values[part] = np.stack([getattr(lifeform, part) for lifeform in archive])
    return {name: zlib.crc32(np.ascontiguousarray(values[name]).tobytes()) for name in FORMAT_1}


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.stem)
def test_every_archive_ever_made_opens_and_is_sound(asset: Path, tmp_path: Path) -> None:
    path = unpacked(asset, tmp_path)
    archive = open_archive(path)
    assert (report := check_archive(path)).ok, report
    whole = content(archive)
    assert len(whole) == len(archive) > 0 and not any(map(is_damaged, whole))
    assert [lifeform.id for lifeform in archive.best(2)] and archive.nearest(0, n=2)
    assert len(archive.table()["elite"]) == len(archive) and archive[0].config == archive.config
    group = zarr.open_group(path, mode="r")
    np.testing.assert_array_equal(group["score"], archive.column("score"))


def test_format_1_holds_what_it_held(old: Path) -> None:
    archive = open_archive(old)
    assert checksums(archive) == FORMAT_1
    assert archive.config["substrate"] == "boids" and archive.provenance["versions"]["alife"] == "0.1.0"
    assert archive.progress["evaluations"] == 20 and archive.created == "2026-11-27T23:38:19+00:00"
    first, best = archive[0], archive.best()[0]
    assert (first.seed, first.operator, first.parents) == ((1866698521, 3646497036), "sample", ())
    assert (best.id, round(best.score, 6), best.generation) == (19, 0.212592, 4)
    assert first.elite and not first.sampled and first.substrate == "boids"
    assert first.clip is first.states is first.peak is None


def test_format_1_is_only_read_until_it_is_compacted(old: Path) -> None:
    with pytest.raises(ArchiveError, match=r"has format 1 and can be read; to go on writing it, `alife compact"):
        resume_archive(old)
    before = open_archive(old)
    whole = content(before)
    compact_archive(old)
    archive = open_archive(old)
    assert read_document(old)["attributes"]["archive"]["format"] == FORMAT
    assert checksums(archive) == FORMAT_1 and content(archive) == whole
    assert (archive.origins, archive.progress) == (before.origins, before.progress)
    assert (archive.created, archive.generation) == (before.created, before.generation)
    assert check_archive(old).ok and list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize(
    "asset", [asset for asset in ASSETS if asset.stem.count("_") == 1], ids=lambda asset: asset.stem
)
def test_an_old_run_goes_on(asset: Path, tmp_path: Path) -> None:
    path = unpacked(asset, tmp_path)
    compact_archive(path)
    before = content(open_archive(path))
    archive = resume_search(path, budget={"generations": 7}, anyway=True)
    assert (archive.generation, len(archive), archive.progress["evaluations"]) == (6, 28, 28)
    assert content(archive)[:20] == before and (report := check_archive(path)).ok, report
    assert archive[-1].frames.shape == archive[0].frames.shape


def test_damage_in_format_1_is_carried_as_damage_and_the_old_archive_stays(old: Path) -> None:
    damage(old / "frames/c.0.0.0.0.0")
    shutil.rmtree(old / "search/1")
    before = content(open_archive(old))
    lost = [i for i, row in enumerate(before) if is_damaged(row)]
    done = compact_archive(old)
    assert done.kept == old.with_name(f"{old.name}.format-1") and content(open_archive(done.kept)) == before
    archive = open_archive(old)
    assert content(archive) == before and lost
    with pytest.raises(ArchiveDamaged, match=f"lifeform {lost[0]} of .*: damaged frames"):
        archive[lost[0]].frames  # noqa: B018
    compact_archive(old)
    assert content(open_archive(old)) == before and done.kept.exists()
