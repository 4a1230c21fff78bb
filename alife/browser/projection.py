"""Where lifeforms lie on the map: alike near alike."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

SAMPLE = 20_000
"""Lifeforms that the directions are computed from, at most: more would not turn them visibly."""


class Projection:
    """The two directions in which embeddings differ most, fixed when it is made, so that a map stays as it is.

    What lies on the map is between 0 and 1 on both axes: halfway between where the direction puts it, and its place in
    the order along that direction.  So no outlier squeezes the rest into a corner, and no crowd hides in a dot.

    Args:
        z: unit vectors of lifeforms; rows of NaN are left out.

    >>> z = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 1]]
    >>> (Projection(z)(z)[:, 0] > 0.5).tolist()
    [True, True, False, False, False]
    """

    def __init__(self, z: Float[np.ndarray, "n D"]) -> None:
        z = z[~np.isnan(z[:, 0])]
        if len(z) > SAMPLE:  # by lot, as every third one of a run may be of one kind
            z = z[np.random.default_rng(0).choice(len(z), SAMPLE, replace=False)]
        self._centre = z.mean(0) if len(z) else np.zeros(z.shape[1], np.float32)
        centred = z - self._centre
        _, axes = np.linalg.eigh(centred.T @ centred)
        axes = axes[:, :-3:-1]
        if axes.shape[1] < 2:
            axes = np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))
        # The sign of a direction is arbitrary, and has to be the same every time.
        self._axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(0)[None], 0) < 0, -1, 1)
        self._order = np.sort(centred @ self._axes, axis=0)

    def __call__(self, z: Float[np.ndarray, "m D"]) -> Float[np.ndarray, "m 2"]:
        """Places of some lifeforms; NaN where their vectors are."""
        along, places = (z - self._centre) @ self._axes, np.full((len(z), 2), np.nan, np.float32)
        for axis in range(2):
            order = self._order[:, axis]
            if not len(order):
                continue
            low, width = order[0], max(order[-1] - order[0], 1e-12)
            ranks = (np.searchsorted(order, along[:, axis]) + np.searchsorted(order, along[:, axis], side="right")) / 2
            linear = np.clip((along[:, axis] - low) / width, 0, 1)
            places[:, axis] = (linear + np.clip((ranks - 0.5) / max(len(order) - 1, 1), 0, 1)) / 2
        return places
