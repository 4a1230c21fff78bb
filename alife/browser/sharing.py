"""What can be taken away from the page: files as `alife export` writes them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..errors import UnknownName
from ..storage import Archive

FILMS = ("gif", "mp4", "webm", "webp", "png")
ENDINGS = {"lifeform": (*FILMS, "npz", "html"), "run": (*FILMS, "html", "csv", "parquet")}
"""What a lifeform, and a run, can be written as."""


def written(archive: Archive, i: int | None, ending: str) -> bytes:
    """The bytes of a file.

    Args:
        archive: of the run.
        i: the lifeform; None = the run.
        ending: of the file, one of `ENDINGS`.

    Raises:
        UnknownName: an ending that is none of them.
        AlifeError: what is to be written is damaged, or cannot be run again.
    """
    what = "run" if i is None else "lifeform"
    if ending not in ENDINGS[what]:
        raise UnknownName("ending", ending, ENDINGS[what])
    from ..export import export_film, write_record, write_sheet
    from ..export_table import write_table
    from ..page import write_page

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{archive.path.name}.{ending}"
        if ending == "html":
            write_page(archive, target, title=archive.path.resolve().name, lifeform=i)
        elif ending == "npz":
            write_record(archive, i or 0, target)
        elif ending in ("csv", "parquet"):
            write_table(archive, target)
        elif i is None:
            write_sheet(archive, target, title=archive.path.name)
        else:
            export_film(archive, i, target)
        return target.read_bytes()
