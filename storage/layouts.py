"""What archives have room for: read from their documents, and joined for archives that are merged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from alife.errors import ArchiveDamaged, BadOption
from alife.storage.chunks import read_whole
from alife.storage.schema import Genes, Layout, substrate_home
from alife.storage.stored import Stored


def layout_of(stored: Stored) -> Layout:
    """What an archive has room for, read from its documents.

    Raises:
        ArchiveDamaged: the moments at which frames were taken cannot be read.
    """
    documents = stored.documents
    _, count, height, width, _ = documents["frames"]["shape"]
    steps = stored.about.get("steps")
    if "step" in documents:
        steps = read_whole(stored.root, "step", documents["step"])
        if steps is None:
            raise ArchiveDamaged(f"{stored.root}: step is damaged; see `alife check-archive {stored.root}`")
    return Layout(
        {name: _genes_of(documents, substrate_home(name)) for name in stored.about["substrates"]},
        frames=(count, height, width),
        dim=documents["embedding"]["shape"][2],
        measures={name: documents[name]["attributes"]["long_name"] for name in stored.about["measures"]},
        steps=None if steps is None else list(map(int, steps)),
        clip="clip" in documents,
        peak=documents["peak"]["attributes"]["measure"] if "peak_frame" in documents else None,
    )


def _genes_of(documents: Mapping[str, Any], home: str) -> Genes:
    node, states = documents[f"{home}/genotype"], f"{home}/state/"
    return Genes(
        node["shape"][1] if len(node["shape"]) == 2 else None,
        np.dtype(node["data_type"]),
        {
            path.removeprefix(states): (tuple(found["shape"][1:]), np.dtype(found["data_type"]))
            for path, found in documents.items()
            if path.startswith(states) and found["node_type"] == "array"
        },
    )


def joined(layouts: Mapping[str, Layout]) -> Layout:
    """Room for the lifeforms of several archives.

    Args:
        layouts: run -> what its archive has room for.

    Raises:
        BadOption: two of them do not fit together; says which, and what differs.
    """
    _require_same(
        {run: layout.frames for run, layout in layouts.items()},
        lambda frames: "{} pictures of {} x {} pixels of each lifeform".format(*frames),
        "merge only runs with as many pictures of one size",
    )
    _require_same(
        {run: layout.dim for run, layout in layouts.items()},
        lambda dim: f"embeddings of {dim} numbers",
        "they cannot be compared: merge only runs of one model",
    )
    _require_same(
        {run: layout.peak for run, layout in layouts.items() if layout.peak is not None},
        lambda peak: f"the moments at which {peak} was greatest",
        "merge only runs with the same --peak, or without",
    )
    parts = list(layouts.values())
    steps = [layout.steps for layout in parts]
    genes, measures = dict[str, dict[str, Genes]](), dict[str, str]()
    for run, layout in layouts.items():
        for name, of in layout.substrates.items():
            genes.setdefault(name, {})[run] = of
        for name, meaning in layout.measures.items():
            measures.setdefault(name, meaning)
    return Layout(
        {name: _joined_genes(name, of) for name, of in genes.items()},
        frames=parts[0].frames,
        dim=parts[0].dim,
        measures=measures,
        steps=steps[0] if steps.count(steps[0]) == len(steps) else None,
        clip=any(layout.clip for layout in parts),
        peak=next((layout.peak for layout in parts if layout.peak is not None), None),
    )


def _joined_genes(name: str, genes: Mapping[str, Genes]) -> Genes:
    """Rows of several lengths where the runs do not agree, of a type that holds the numbers of all."""
    _require_same(
        {run: of.states for run, of in genes.items() if of.states},
        lambda states: f"states of {name} made of {_spelt(states)}",
        "merge only runs that keep the same, or none",
    )
    sizes = {of.size for of in genes.values()}
    return Genes(
        sizes.pop() if len(sizes) == 1 else None,
        np.result_type(*(of.dtype for of in genes.values())),
        next((of.states for of in genes.values() if of.states), {}),
    )


def _spelt(states: Mapping[str, tuple[tuple[int, ...], Any]]) -> str:
    return ", ".join(f"{leaf} {np.dtype(dtype).name}{list(shape)}" for leaf, (shape, dtype) in sorted(states.items()))


def _require_same(given: Mapping[str, Any], told: Callable[[Any], str], advice: str) -> None:
    """Of each run the same."""
    (first, was), *others = given.items() or [("", None)]
    for run, has in others:
        if has != was:
            raise BadOption(f"{first} has {told(was)}, {run} has {told(has)}; {advice}")
