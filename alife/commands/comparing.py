"""`alife compare`: which search finds more, over the worlds it has evaluated."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .tables import new_table, print_table

if TYPE_CHECKING:
    from rich.text import Text

    from ..compare import Comparison


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--axes", metavar="MEASURE[,MEASURE]", help="Cells of a 32 x 32 grid over measures, not of looks.")
@click.option("--cells", type=click.IntRange(1, 100_000), help="Cells of looks [default: 256, or one per 4 lifeforms].")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Draw the curves: a .png file.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write the curves: a .csv file.")
def compare_command(
    runs: tuple[str, ...], axes: str | None, cells: int | None, target: Path | None, table: Path | None
) -> int:
    """Compare RUNs: best score, coverage, QD-score and novelty over the worlds evaluated; more is better in all four.

    Runs that differ only in seed and budget are one group, of which median and [quartiles] are told, as far as all of
    them got.  RUN is a run directory or a pattern in quotes.  Only lifeforms count: what a search did not keep is not
    in its archive.

    \b
    best      highest score so far
    coverage  share of the cells reached, the same cells for all runs: k-means of all
              runs' last frames as the model sees them, or --axes
    QD-score  sum over cells of the best score in the cell, less the lowest score
              of any run compared
    novelty   mean of 1 - cosine to the nearest other lifeform of the run so far

    Two groups of three runs or more are told apart by a Mann-Whitney test (p, two-sided).
    """
    from ..compare import compare_runs, write_curves
    from ..storage.media import check_target

    for file, ending in ((target, ".png"), (table, ".csv")):
        if file is not None:
            check_target(file, (ending,))
    comparison = compare_runs(
        runs, axes=[axis.strip() for axis in (axes or "").split(",") if axis.strip()], cells=cells
    )
    for note in comparison.notes:
        click.echo(f"note: {note}", err=True)
    _print(comparison)
    if target is not None:
        from ..compare_plot import write_plot

        write_plot(comparison, target)
        click.echo(f"wrote {target}")
    if table is not None:
        write_curves(comparison, table)
        click.echo(f"wrote {table}")
    return 0


def _print(comparison: Comparison) -> None:
    """A block of rows for each stage, in which the highest median of every column is marked."""
    from ..compare import significance
    from ..compare_figures import FIGURES

    table = new_table("worlds evaluated", "group", "runs", *FIGURES.values())
    for stage in comparison.stages:
        columns = [_column(comparison, figure, stage) for figure in FIGURES]
        for row, group in enumerate(comparison.groups):
            cells = [column[row] for column in columns]
            last = row == len(comparison.groups) - 1
            first = str(stage) if row == 0 else ""
            table.add_row(first, group.label, str(len(group.runs)), *cells, end_section=last)
    print_table(table)
    marked = "; * = highest median" if comparison.comparable else ""
    click.echo(f"median [quartiles] over runs{marked}; {comparison.cells}; only lifeforms count")
    counts = [len(group.runs) for group in comparison.groups]
    for figure, p in significance(comparison).items():
        how = (
            f"Mann-Whitney, {counts[0]} against {counts[1]} runs, {2 / math.comb(sum(counts), counts[0]):.2g} at least"
        )
        said = "not known" if math.isnan(p) else f"{p:.2g}"
        click.echo(f"{FIGURES[figure]} at {comparison.stages[-1]} worlds: p = {said} ({how})")


def _column(comparison: Comparison, figure: str, stage: int) -> list[Text]:
    from rich.text import Text

    place = comparison.at(stage)
    quartiles = [group.quartiles(figure)[:, place].tolist() for group in comparison.groups]
    medians = [median for _, median, _ in quartiles if not math.isnan(median)]
    cells = []
    for group, (low, median, high) in zip(comparison.groups, quartiles, strict=True):
        spread = f" [{low:.3g}, {high:.3g}]" if len(group.runs) > 1 else ""
        best = figure in comparison.comparable and medians and median == max(medians)
        text = "none" if math.isnan(median) else f"{median:.4g}{spread}{' *' if best else ''}"
        cells.append(Text(text, "bold" if best else ""))
    return cells
