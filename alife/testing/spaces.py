"""Genotype spaces without a substrate, and evaluations without worlds: what a search is tried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from ..types import ArrayLike, Evaluation, PRNGKey


class Box:
    """Real vectors, standard normal prior; an `alife.types.Space`.

    Args:
        size: numbers in one genotype.
        starts: genotypes that a run begins with; None = there are none.
        bounds: least and greatest value of every number.
    """

    name: str = "box"
    dtype: np.dtype = np.dtype(np.float32)
    layout, scale = "real numbers", 1.0
    blends, mixes = True, False

    def __init__(
        self, size: int = 5, starts: Num[Array, "S G"] | None = None, bounds: tuple[float, float] = (-np.inf, np.inf)
    ) -> None:
        self.size, self.starts, self.shapes = size, starts, ((size,),)
        low, high = (np.full(size, bound, self.dtype) for bound in bounds)
        self.bounds = low, high
        self.centre = np.zeros(size, np.float32)

    def checked(self, rows: Num[np.ndarray, "N g"], what: str) -> Num[np.ndarray, "N G"]:
        """The rows, as genotypes."""
        return rows.astype(self.dtype)

    def sample(self, key: PRNGKey, n: int) -> Num[Array, "N G"]:
        """n genotypes from the prior."""
        return jax.random.normal(key, (n, self.size))

    def mutate(self, key: PRNGKey, genotypes: Num[Array, "N G"], sigma: float) -> Num[Array, "N G"]:
        """Changed copies."""
        return genotypes + sigma * jax.random.normal(key, genotypes.shape)

    def crossover(self, key: PRNGKey, first: Num[Array, "N G"], second: Num[Array, "N G"]) -> Num[Array, "N G"]:
        """Mixtures of pairs."""
        return jnp.where(jax.random.bernoulli(key, shape=first.shape), first, second)


class Bits(Box):
    """Zeros and ones; mutation turns one of them round."""

    name, dtype = "bits", np.dtype(np.int32)
    layout = "zeros and ones"
    blends = False

    def __init__(self, size: int = 5, starts: Num[Array, "S G"] | None = None) -> None:
        super().__init__(size, starts, bounds=(0, 1))

    def sample(self, key: PRNGKey, n: int) -> Num[Array, "N G"]:
        """n genotypes from the prior."""
        return jax.random.randint(key, (n, self.size), 0, 2)

    def mutate(self, key: PRNGKey, genotypes: Num[Array, "N G"], sigma: float) -> Num[Array, "N G"]:
        """Changed copies."""
        place = jax.random.randint(key, (len(genotypes),), 0, self.size)
        return genotypes.at[jnp.arange(len(genotypes)), place].set(1 - genotypes[jnp.arange(len(genotypes)), place])


def evaluation(
    scores: Sequence[float] | ArrayLike, z: Any = None, valid: Any = None, axes: ArrayLike | None = None
) -> Evaluation:
    """An evaluation with these scores, embeddings and places on axes.

    Args:
        scores: one for each world; -inf takes its place where the world is not valid.
        z: embeddings [N, K, D], brought to length 1; None = random ones.
        valid: of each world; None = all are.
        axes: places [N, A].
    """
    n = len(scores)
    valid = np.ones(n, bool) if valid is None else np.asarray(valid)
    if z is None:
        z = np.random.default_rng(0).normal(size=(n, 1, 4))
    z = np.asarray(z, np.float32)
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    scores = np.where(valid, np.asarray(scores, np.float32), -np.inf)
    frames, keys = np.zeros((n, 1, 1, 1, 3), np.uint8), jax.random.split(jax.random.key(0), n)
    return Evaluation(scores, z, {}, valid, frames, keys, axes)
