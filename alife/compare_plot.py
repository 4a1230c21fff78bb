"""The picture of a comparison: four panels, a line and a band for every group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from .compare import Comparison, Group
from .compare_figures import FIGURES
from .storage.media import write_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (1600, 1000)
"""Width and height, pixels."""
DPI = 100
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by people of every colour vision; from Okabe and Ito 2008, without yellow, which is faint on white."""
DASHES = ("-", "--", ":", "-.")
"""For more groups than colours."""
INK, QUIET, LINES = "#22252b", "#6b7280", "#e5e7eb"
MEANINGS = {
    "best": "highest so far",
    "coverage": "share of cells reached",
    "qd_score": "sum over cells of the best, above the lowest of all",
    "novelty": "mean 1 - cosine to the nearest other lifeform",
}


def write_plot(comparison: Comparison, target: Path) -> None:
    """A comparison as a .png file of 1600 x 1000 pixels.  Raises as `write_picture` does."""
    write_picture(target, draw(comparison))


def draw(comparison: Comparison) -> UInt8[np.ndarray, "H W 3"]:
    """Medians as lines and quartiles as bands, over the worlds evaluated; thin where only some runs got to."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with rc_context({"font.family": "DejaVu Sans", "font.size": 13, "text.color": INK, "text.parse_math": False}):
        figure = Figure(figsize=(SIZE[0] / DPI, SIZE[1] / DPI), dpi=DPI, facecolor="white")
        canvas = FigureCanvasAgg(figure)
        panels = figure.subplots(2, 2, sharex=True)
        for panel, name in zip(panels.flat, FIGURES, strict=True):
            for number, group in enumerate(comparison.groups):
                _draw_group(panel, comparison, group, name, _style(number))
            _dress(panel, comparison, name)
        for panel in panels[1]:
            panel.set_xlabel("worlds evaluated", color=INK)
        _head(figure, comparison)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _style(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number // len(COLOURS) % len(DASHES)]}


def _draw_group(panel: Axes, comparison: Comparison, group: Group, name: str, style: dict[str, Any]) -> None:
    points = comparison.points
    low, median, high = group.quartiles(name)
    panel.plot(points, median, linewidth=2.6, label=f"{group.label} ({_runs(group)})", **style, zorder=3)
    if len(group.runs) > 1:
        panel.fill_between(points, low, high, color=style["color"], alpha=0.16, linewidth=0, zorder=2)
    for run, curve in zip(group.runs, group.curves[name], strict=True):
        if run.evaluations > group.end:
            late = points >= group.end
            panel.plot(points[late], curve[late], linewidth=1, alpha=0.6, **style, zorder=2)


def _runs(group: Group) -> str:
    return f"{len(group.runs)} run{'s' if len(group.runs) > 1 else ''}"


def _dress(panel: Axes, comparison: Comparison, name: str) -> None:
    panel.set_title(FIGURES[name], loc="left", fontsize=16, fontweight="bold", pad=12)
    panel.set_title(MEANINGS[name], loc="right", fontsize=12, color=QUIET, pad=12)
    panel.grid(color=LINES, linewidth=1)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(LINES)
    panel.tick_params(colors=QUIET, labelcolor=INK, labelbottom=True)
    panel.set_xlim(0, 1.01 * float(comparison.points[-1]))
    if name in ("coverage", "qd_score"):
        panel.set_ylim(bottom=0)
    if name == "novelty":
        panel.set_ylim(0, 1.15 * _settled(comparison))
    if len(comparison.groups) > 1 and name not in comparison.comparable:
        panel.text(0.5, 0.03, "does not compare between groups", transform=panel.transAxes, ha="center", color=QUIET)


def _settled(comparison: Comparison) -> float:
    """The highest novelty after the first twentieth: the first few lifeforms are far apart, and would hide the rest."""
    late = comparison.points >= comparison.points[-1] / 20
    values = np.concatenate([group.curves["novelty"][:, late].ravel() for group in comparison.groups])
    return float(np.max(values, initial=0, where=np.isfinite(values))) or 1.0


def _head(figure: Any, comparison: Comparison) -> None:
    """What belongs to all four panels: the legend, once, and what the cells are."""
    handles, names = figure.axes[0].get_legend_handles_labels()
    columns = min(len(names), 4 if max(map(len, names)) < 36 else 2)
    rows = -(-len(names) // columns)
    style = {"ncols": columns, "frameon": False, "fontsize": 14, "handlelength": 2.2}
    legend = figure.legend(handles, names, loc="upper center", **style)
    for line in legend.get_lines():
        line.set_linewidth(4)
    uneven = any(len({run.evaluations for run in group.runs}) > 1 for group in comparison.groups)
    thin = ", thin: where only some runs got to" if uneven else ""
    said = f"lines: medians, bands: quartiles over seeds{thin}; {comparison.cells}; only lifeforms count"
    figure.text(0.5, 0.012, said, ha="center", fontsize=12, color=QUIET)
    figure.subplots_adjust(left=0.06, right=0.975, bottom=0.095, top=0.925 - 0.03 * rows, wspace=0.13, hspace=0.3)
