"""Tables that commands print: every text stands in them as it is, whatever brackets or colons it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def new_table(*columns: str) -> Table:
    """An empty table with these headings."""
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE)


def print_table(table: Table) -> None:
    """Print a table as wide as the terminal; as wide as it needs where there is none."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 240
    console.print(table)
