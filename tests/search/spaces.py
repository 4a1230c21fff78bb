"""A genotype space without a substrate, and evaluations without worlds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from alife.types import Evaluation


class Box:
    """Real vectors, standard normal prior."""

    name, dtype = "box", np.dtype(np.float32)

    def __init__(self, size: int = 5, starts=None, bounds=(-np.inf, np.inf)) -> None:
        self.size, self.starts, self.scale, self.shapes = size, starts, 1.0, ((size,),)
        self.bounds = tuple(np.full(size, bound, self.dtype) for bound in bounds)
        self.layout = f"{size} numbers"
        self.centre = np.zeros(size, np.float32)

    def checked(self, rows, what):
        return rows.astype(self.dtype)

    def sample(self, key, n):
        return jax.random.normal(key, (n, self.size))

    def mutate(self, key, genotypes, sigma):
        return genotypes + sigma * jax.random.normal(key, genotypes.shape)


class Bits(Box):
    """Integers; mutation flips one bit."""

    name, dtype = "bits", np.dtype(np.int32)

    def __init__(self, size: int = 5, starts=None) -> None:
        super().__init__(size, starts, bounds=(0, 1))

    def sample(self, key, n):
        return jax.random.randint(key, (n, self.size), 0, 2)

    def mutate(self, key, genotypes, sigma):
        place = jax.random.randint(key, (len(genotypes),), 0, self.size)
        return genotypes.at[jnp.arange(len(genotypes)), place].set(1 - genotypes[jnp.arange(len(genotypes)), place])


def evaluation(scores, z=None, valid=None, axes=None) -> Evaluation:
    """An evaluation with these scores, embeddings and places on axes."""
    n = len(scores)
    valid = np.ones(n, bool) if valid is None else np.asarray(valid)
    if z is None:
        z = np.random.default_rng(0).normal(size=(n, 1, 4))
    z = np.asarray(z, np.float32)
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    scores = np.where(valid, np.asarray(scores, np.float32), -np.inf)
    frames, keys = np.zeros((n, 1, 1, 1, 3), np.uint8), jax.random.split(jax.random.key(0), n)
    return Evaluation(scores, z, {}, valid, frames, keys, axes)
