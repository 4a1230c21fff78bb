"""Chance for pictures: one key, and a fresh part of it for every number that is drawn."""

from __future__ import annotations

import jax
from jaxtyping import Array, Bool, Float, Int

from alife.types import PRNGKey


class Dice:
    """Draws numbers in the order in which they are asked for; no part of the key is used twice.

    >>> dice = Dice(jax.random.key(0))
    >>> bool(dice.between(0, 1) == dice.between(0, 1))
    False
    """

    def __init__(self, key: PRNGKey) -> None:
        self._key, self._drawn = key, 0

    def key(self) -> PRNGKey:
        """A key of its own."""
        self._drawn += 1
        return jax.random.fold_in(self._key, self._drawn)

    def between(self, low: float | Array, high: float | Array, shape: tuple[int, ...] = ()) -> Float[Array, "..."]:
        """Even chances from low to high."""
        return jax.random.uniform(self.key(), shape, minval=low, maxval=high)

    def chance(self, share: float) -> Bool[Array, ""]:
        """True in this share of cases."""
        return jax.random.uniform(self.key()) < share

    def whole(self, low: int | Array, high: int | Array) -> Int[Array, ""]:
        """A whole number, low <= n < high."""
        return jax.random.randint(self.key(), (), low, high)

    def normal(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Bell-shaped, of unit variance."""
        return jax.random.normal(self.key(), shape)
