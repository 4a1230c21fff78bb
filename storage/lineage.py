"""Who comes from whom, from the column `parent` alone: a parent is always older, so its id is lower.

The walks are SciPy's, in C: a million lifeforms take a fraction of a second even where each is the child of the one
before, which would be a million steps of any loop over generations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int


def ancestors(parent: Int[np.ndarray, "n 2"], i: int) -> Int[np.ndarray, " m"]:
    """Ids of all that lifeform i comes from, oldest first, without itself.

    Args:
        parent: ids of the parents of each lifeform, -1 = none.
        i: a row of it.

    >>> ancestors(np.array([[-1, -1], [0, -1], [-1, -1], [1, 0]]), 3).tolist()
    [0, 1]
    """
    return _reached(_to_parents(parent[: i + 1], 0), i)


def descendants(parent: Int[np.ndarray, "n 2"], i: int) -> Int[np.ndarray, " m"]:
    """Ids of all that come from lifeform i, oldest first, without itself.

    Args:
        parent: ids of the parents of each lifeform, -1 = none.
        i: a row of it.

    >>> descendants(np.array([[-1, -1], [0, -1], [-1, -1], [1, 0]]), 0).tolist()
    [1, 3]
    """
    return _reached(_to_parents(parent[i:], i).tocsc().T, 0) + i


def children(parent: Int[np.ndarray, "n 2"], i: int) -> Int[np.ndarray, " m"]:
    """Ids of the lifeforms that lifeform i is a parent of, oldest first.

    >>> children(np.array([[-1, -1], [0, -1], [-1, -1], [1, 0]]), 0).tolist()
    [1, 3]
    """
    return np.flatnonzero((parent == i).any(axis=1))


def _to_parents(parent: Int[np.ndarray, "n 2"], first: int) -> Any:
    """The graph with an edge from each lifeform to its parents; ids below `first` are left out and count from it."""
    from scipy.sparse import csr_array  # loaded by those who ask for relatives only

    # what is no older lifeform comes of damage, and would send the walk out of its arrays
    known = (parent >= first) & (parent - first < np.arange(len(parent))[:, None])
    starts = np.zeros(len(parent) + 1, np.int32)
    np.cumsum(known[:, 0].astype(np.int32) + known[:, 1], out=starts[1:])
    edges = (parent[known] - first).astype(np.int32)
    return csr_array((np.ones(len(edges)), edges, starts), shape=(len(parent), len(parent)))


def _reached(graph: Any, i: int) -> Int[np.ndarray, " m"]:
    from scipy.sparse.csgraph import breadth_first_order

    return np.sort(breadth_first_order(graph, i, return_predecessors=False)[1:]).astype(np.int64)
