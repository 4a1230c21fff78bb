"""Makes the archives of today's format that the tests keep for ever, each in one small zip file.

    python tests/storage/make_archive_asset.py [DIRECTORY]

To be run once, when a format is final: from then on they have to open, whatever becomes of the code.  The same code
writes the same bytes, but for what the machine computes differently.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import toy_run

from alife.run import run_search
from alife.storage import merge
from alife.storage.documents import seal
from alife.storage.event_log import write_log
from alife.storage.files import Files
from alife.storage.root import read_document
from alife.storage.schema import FORMAT

WHEN = "2026-01-01T00:00:00+00:00"

RUN: dict[str, Any] = {
    "options": {"n_boids": 16, "n_nbrs": 4},
    "steps": 24,
    "frames": 3,
    "img_size": 16,
    "model": {"name": "texture"},
    "population": 4,
    "generations": 5,
    "seed": 0,
    "clip": 6,
    "peak": "milling",
    "sample": 0.5,
    "keep_states": True,
}
"""What can be kept, all of it."""


def main(directory: Path) -> None:
    """Writes a run that can go on, an archive of toys with everything there is, and one that was merged from two."""
    with tempfile.TemporaryDirectory() as place:
        run, toys, others, merged = (Path(place) / name for name in ("run", "toys", "others", "merged"))
        run_search("boids", out=run, **RUN)
        toy_run.run(toys, 4)
        said = [
            {"kind": "note", "lifeform": 3, "value": "it divides"},
            {"kind": "favourite", "lifeform": 0, "value": True},
        ]
        write_log(toys, [{"number": i, "time": WHEN, **event} for i, event in enumerate(said)], Files())
        toy_run.run(others, 3)
        for path in (run, toys, others):
            date(path)
        merge.merge_archives([toys, others], merged)
        date(merged)
        for path, name in ((run, ""), (toys, "_toys"), (merged, "_merged")):
            pack(path, directory / f"format_{FORMAT}{name}.zip")


def date(path: Path) -> None:
    """Takes out of an archive when it was made, how long that took, and where the runs of it lay."""
    document = read_document(path)
    attributes = document["attributes"]
    attributes["created"] = WHEN
    for entry in [attributes, *attributes["archive"]["checkpoints"]]:
        if "seconds" in entry["progress"]:
            entry["progress"]["seconds"] = 1.0
    for entry in [*attributes["origins"], *attributes.get("islands", [])]:
        if "run" in entry:
            entry["run"] = Path(entry["run"]).name
    for key in ("zarr.json", "id/root"):
        (path / key).write_bytes(seal(document))


def pack(path: Path, target: Path) -> None:
    """A zip file of all files of a directory, the same for the same files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            packed.writestr(zipfile.ZipInfo(file.relative_to(path).as_posix()), file.read_bytes(), zipfile.ZIP_DEFLATED)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("archives"))
