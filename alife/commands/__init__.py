"""The commands that ship, one file per thing that people do."""

from __future__ import annotations

from .archives import check_archive_command, export_command, replay_command
from .beginning import new_command
from .browsing import browse_command
from .checking import check_command
from .chronicling import chronicle_command
from .comparing import compare_command
from .finding import find_command
from .importing import import_command
from .listing import list_command
from .looking import caption_command, embed_command
from .marking import mark_command
from .planning import plan_command
from .rewriting import compact_command, merge_command
from .searching import resume_command, search_command
from .watching import run_command

BUILT_IN = (
    search_command,
    plan_command,
    chronicle_command,
    resume_command,
    replay_command,
    export_command,
    browse_command,
    find_command,
    compare_command,
    mark_command,
    run_command,
    check_archive_command,
    merge_command,
    compact_command,
    list_command,
    check_command,
    new_command,
    import_command,
    embed_command,
    caption_command,
)
