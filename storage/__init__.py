"""The archive: where a run keeps every lifeform, so that nothing acknowledged is ever lost.

```
with create_archive("RUN", Layout(...), ...) as writer:       or resume_archive("RUN"), after whatever happened
    writer.append(Rows(...), generation=0, checkpoint={...}, progress={...})     all of it or nothing
open_archive("RUN").best(9)                      from any process, while the run goes on
create_union("RUN", Layout(...), ...)            several stores, one for each writer, that are read as one archive
check_archive("RUN")                             is every byte as it was written?
repair_archive("RUN")                            puts right what it can, and the rest aside
compact_archive("RUN")                           the same anew, smaller, in today's format
merge_archives(["RUN", "RUN"], "NEW")            several in one, to look at
```

A run directory is one Zarr v3 group; `zarr.open` and `xarray.open_zarr` read it without this package.  Reading order:
schema (what is kept), documents (Zarr's own metadata), chunks (rows as bytes), files (how bytes get on the disk),
bucket, remote and objects (on object storage), rows and tails (what they are), writer (the commit), root and begin
(create and resume), stored and archive (reading), union and union_writer (several stores as one), soundness and check,
mended and repair; rewrite (reading all of it), layouts and building (writing it anew), merge and compact.
"""

from alife.storage.archive import Archive, open_archive
from alife.storage.begin import create_archive, resume_archive
from alife.storage.check import Report, check_archive
from alife.storage.compact import compact_archive
from alife.storage.lifeform import Lifeform
from alife.storage.merge import merge_archives
from alife.storage.repair import Repair, repair_archive
from alife.storage.rows import Peak, Rows
from alife.storage.schema import Genes, Layout
from alife.storage.union import Store, elsewhere
from alife.storage.union_writer import Taken, UnionWriter, create_union, resume_union
from alife.storage.writer import ArchiveWriter

__all__ = [
    "Archive",
    "ArchiveWriter",
    "Genes",
    "Layout",
    "Lifeform",
    "Peak",
    "Repair",
    "Report",
    "Rows",
    "Store",
    "Taken",
    "UnionWriter",
    "check_archive",
    "compact_archive",
    "create_archive",
    "create_union",
    "elsewhere",
    "merge_archives",
    "open_archive",
    "repair_archive",
    "resume_archive",
    "resume_union",
]
