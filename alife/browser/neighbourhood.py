"""A map by neighbours: who is alike lies together, even where no direction as a whole tells them apart."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from .projection import Projection

Force = Callable[[np.ndarray], np.ndarray]
"""From squared distances to how far two move along the line between them, in lengths of it."""

SAMPLE = 4000
"""Lifeforms that are laid out by forces, at most; the others go where the nearest of these are."""
NEIGHBOURS, STRANGERS, ROUNDS = 15, 5, 200
A, B = 1.577, 0.895
"""Of the curve 1 / (1 + A d^(2 B)), how much two at distance d belong together: for neighbours about 0.1 apart."""
FARTHEST = 4.0
"""Most that a force moves a point in a round."""


def neighbour_map(z: Float[np.ndarray, "n D"]) -> Float[np.ndarray, "n 2"]:
    """Places between 0 and 1 on which neighbours in the model's space are neighbours; the same ones every time.

    Points begin where the two main directions put them; neighbours pull each other, and strangers, drawn by lot, push.

    Args:
        z: unit vectors; rows of NaN get a place of NaN.

    Source: UMAP, McInnes, Healy, Melville 2018 (arXiv:1802.03426), in its plainest form.
    """
    found = np.full((len(z), 2), np.nan, np.float32)
    ids = np.flatnonzero(~np.isnan(z).any(1))
    if len(ids) < 3:
        found[ids] = Projection(z)(z)[ids]
        return found
    random = np.random.default_rng(0)
    chosen = ids if len(ids) <= SAMPLE else np.sort(random.choice(ids, SAMPLE, replace=False))
    near = _nearest(z[chosen], z[chosen], min(NEIGHBOURS, len(chosen) - 1) + 1)[:, 1:]
    laid = _laid_out(10 * Projection(z[chosen])(z[chosen]).astype(np.float64), near, random)
    low, high = laid.min(0), laid.max(0)
    laid = (laid - low) / np.maximum(high - low, 1e-12)
    found[chosen] = laid
    rest = np.setdiff1d(ids, chosen)
    if len(rest):
        found[rest] = laid[_nearest(z[rest], z[chosen], 3)].mean(1)
    return found


def _nearest(z: Float[np.ndarray, "n D"], known: Float[np.ndarray, "m D"], k: int) -> Int[np.ndarray, "n k"]:
    """Of each vector the k most alike of others, the most alike first."""
    found = np.empty((len(z), k), np.int64)
    for start in range(0, len(z), 1024):
        alike = z[start : start + 1024] @ known.T
        some = np.argpartition(-alike, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(alike, some, 1), axis=1, kind="stable")
        found[start : start + 1024] = np.take_along_axis(some, order, 1)
    return found


def _laid_out(
    places: Float[np.ndarray, "n 2"], near: Int[np.ndarray, "n k"], random: np.random.Generator
) -> Float[np.ndarray, "n 2"]:
    n, one, other = len(places), np.repeat(np.arange(len(places)), near.shape[1]), near.ravel()
    for turn in range(ROUNDS):
        pull = _moves(places, one, other, lambda d: -2 * A * B * d ** (B - 1) / (1 + A * d**B))
        strangers = random.integers(0, n, (n, STRANGERS)).ravel()
        self = np.repeat(np.arange(n), STRANGERS)
        push = _moves(places, self, strangers, lambda d: 2 * B / ((0.001 + d) * (1 + A * d**B)))
        places = places + (1 - turn / ROUNDS) * (pull / near.shape[1] * 2 + push)
    return places


def _moves(places: np.ndarray, one: np.ndarray, other: np.ndarray, force: Force) -> Float[np.ndarray, "n 2"]:
    """The sum of the moves of each point `one` along the line from its partner."""
    way = places[one] - places[other]
    square = np.maximum((way**2).sum(1), 1e-9)
    move = np.clip(force(square)[:, None] * way, -FARTHEST, FARTHEST)
    return np.stack([np.bincount(one, move[:, axis], len(places)) for axis in range(2)], axis=1)
