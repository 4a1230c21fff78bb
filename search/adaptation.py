"""One generation of CMA-ES for many small strategies side by side, all in one program.

The strategy is that of Hansen's tutorial (arXiv:1604.00772) without negative weights.  One thing differs: a step is
whitened by the Cholesky factor of the covariance in place of its symmetric root, as by Krause, Arbonès and Igel at
NeurIPS 2016: the same lengths in turned directions, and a factor is some twenty times cheaper than eigenvectors.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


class Emitters(NamedTuple):
    """E evolution strategies, each a normal distribution and what it remembers of its way."""

    mean: Float[Array, "*E G"]
    sigma: Float[Array, "*E"]
    """Overall step size, in the units of the genotype."""
    covariance: Float[Array, "*E_G_H"]
    """Shape of the distribution: a matrix [G, G], or variances [G]."""
    factor: Float[Array, "*E_G_H"]
    """Its lower Cholesky factor, or deviations [G]."""
    drift: Float[Array, "*E G"]
    """Evolution path of the covariance."""
    stride: Float[Array, "*E G"]
    """Whitened evolution path of the step size."""
    age: Int[Array, "*E"]
    """Generations it has learned from since it began."""
    origin: Int[Array, "*E"]
    """Evaluation number of the elite at which it began, -1 = none."""
    worn: Bool[Array, "*E"]
    """Whether it begins again before it is next asked."""


def adapted(
    emitter: Emitters, genotypes: Float[Array, "B G"], rank: Int[Array, " B"], parents: Int[Array, ""]
) -> Emitters:
    """One generation of CMA-ES: the distribution after it has seen what it drew.

    Args:
        emitter: that drew the genotypes.
        genotypes: its share of the generation.
        rank: 0 for the best.
        parents: how many of the best count; 0 leaves the emitter as it is.

    Source: Hansen 2016 (arXiv:1604.00772); for variances only, Ros and Hansen 2008 (doi:10.1007/978-3-540-87700-4_30).
    """
    size, full = genotypes.shape[1], emitter.covariance.ndim == 2
    weights = recombination(rank, parents)
    mass = 1 / jnp.sum(weights**2)
    share, hold, one, many = learning_rates(size, mass, full)
    steps = (genotypes - emitter.mean) / emitter.sigma
    step = weights @ steps

    white = jax.scipy.linalg.solve_triangular(emitter.factor, step, lower=True) if full else step / emitter.factor
    stride = (1 - hold) * emitter.stride + jnp.sqrt(hold * (2 - hold) * mass) * white
    expected = np.sqrt(size) * (1 - 1 / (4 * size) + 1 / (21 * size**2))
    length, damping = jnp.linalg.norm(stride), 1 + 2 * jnp.maximum(0, jnp.sqrt((mass - 1) / (size + 1)) - 1) + hold
    sigma = emitter.sigma * jnp.exp(hold / damping * (length / expected - 1))

    # a long stride means that sigma is about to grow: the drift then waits, or both would grow for one cause
    lived = jnp.sqrt(1 - (1 - hold) ** (2 * (emitter.age + 1)))
    steady = (length / lived < (1.4 + 2 / (size + 1)) * expected).astype(length.dtype)
    drift = (1 - share) * emitter.drift + steady * jnp.sqrt(share * (2 - share) * mass) * step
    kept = 1 - one - many + (1 - steady) * one * share * (2 - share)
    if full:
        spread = one * jnp.outer(drift, drift) + many * (steps * weights[:, None]).T @ steps
    else:
        spread = one * drift**2 + many * weights @ steps**2
    covariance = kept * emitter.covariance + spread
    factor = jnp.linalg.cholesky(covariance) if full else jnp.sqrt(covariance)

    mean, age = emitter.mean + emitter.sigma * step, emitter.age + 1
    moved = emitter._replace(
        mean=mean, sigma=sigma, covariance=covariance, factor=factor, drift=drift, stride=stride, age=age
    )
    return chosen_of(parents > 0, moved, emitter)


def recombination(rank: Int[Array, " B"], parents: Int[Array, ""]) -> Float[Array, " B"]:
    """What each world counts in the new mean: falls with the logarithm of its rank, 0 past the parents; sums to 1.

    >>> [f"{w:.3f}" for w in recombination(jnp.array([1, 0, 2]), jnp.array(2))]  # ln(2.5 / 2) to ln(2.5 / 1)
    ['0.196', '0.804', '0.000']
    """
    raw = jnp.where(rank < parents, jnp.log(jnp.maximum(parents, 1) + 0.5) - jnp.log(rank + 1), 0)
    return raw / jnp.where(parents > 0, jnp.sum(raw), 1)


def learning_rates(size: int, mass: Float[Array, ""], full: bool) -> tuple[Any, Any, Any, Any]:
    """How much one generation counts: for the drift, the stride, and in the covariance the drift and the parents.

    Args:
        size: numbers of a genotype.
        mass: effective number of parents.
        full: whether all of the covariance is learned, or variances only, which takes (size + 2) / 3 times less.
    """
    share = (4 + mass / size) / (size + 4 + 2 * mass / size)
    hold = (mass + 2) / (size + mass + 5)
    faster = 1 if full else (size + 2) / 3
    one = jnp.minimum(1, faster * 2 / ((size + 1.3) ** 2 + mass))
    many = jnp.minimum(1 - one, faster * 2 * (mass - 2 + 1 / mass) / ((size + 2) ** 2 + mass))
    return share, hold, one, many


def chosen_of(choice: Bool[Array, "*E"], these: Emitters, those: Emitters) -> Emitters:
    """Emitters from `these` where chosen, else from `those`."""
    return jax.tree.map(
        lambda a, b: jnp.where(choice.reshape(choice.shape + (1,) * (a.ndim - choice.ndim)), a, b), these, those
    )
