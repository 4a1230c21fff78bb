"""How the rule of `learned_qd` is learned: evolution of its weights over small random problems.

```
python -m alife.search.learned_qd_training rule.npz
```

writes a rule, and the same one every time on one machine.  Each meta-generation draws fresh problems, lets every
candidate rule run the same quality-diversity search on each of them, and moves a separable CMA-ES towards the rules
whose last populations cover the axes with good members.

Source: Faldor, Lange and Cully 2025 (arXiv:2502.02190), in small: their problems are those of a black-box benchmark
with random projections as axes, and their meta-search is the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from alife.types import ArrayLike

from .learned_qd import OWN, SHAPES, competition

NUMBERS, AXES = 6, 2
"""Numbers in a genotype of a problem; axes, each a random direction of genotypes."""
SIZE, CHILDREN, GENERATIONS = 32, 16, 48
"""Of the search that a candidate rule runs on a problem."""
SIGMA, LINE = 0.1, 0.2
REACH = 2.0
"""Axes run from -REACH to REACH; random genotypes have a standard deviation of 1."""
BINS = 8
KINDS = 3

Rule = Callable[[Float[Array, " M"], Float[Array, "M A"], Bool[Array, " M"]], Float[Array, " M"]]
"""Scores, places and who is alive in; the strength of each in the competition out."""


class Problem(NamedTuple):
    """A random quality-diversity problem, and all that is left to chance in a search on it."""

    kind: Float[ArrayLike, " 3"]
    """Which function its cost is, a sphere, an ellipsoid or a Rastrigin function: 1 there, 0 elsewhere."""
    turn: Float[ArrayLike, "G G"]
    """Rotation of genotypes."""
    best: Float[ArrayLike, " G"]
    """The genotype of cost 0."""
    directions: Float[ArrayLike, "A G"]
    """Of the axes, at right angles, each of unit length."""
    first: Float[ArrayLike, "S G"]
    """Genotypes that the search begins with."""
    couples: Int[ArrayLike, "T 2 N"]
    """Members whose children each generation makes."""
    noise: Float[ArrayLike, "T N g"]
    """Standard normal numbers that children differ by: one for each number, and one for the line."""


def problems(seed: int, count: int) -> Problem:
    """Random problems, on a first axis of every field; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Float[np.ndarray, "..."]:
        return rng.standard_normal((count, *shape)).astype(np.float32)

    return Problem(
        kind=np.eye(KINDS, dtype=np.float32)[rng.integers(KINDS, size=count)],
        turn=np.linalg.qr(normal(NUMBERS, NUMBERS))[0],
        best=normal(NUMBERS),
        directions=np.linalg.qr(normal(NUMBERS, AXES))[0].swapaxes(1, 2),
        first=0.5 * normal(SIZE, NUMBERS),
        couples=rng.integers(SIZE, size=(count, GENERATIONS, 2, CHILDREN)),
        noise=normal(GENERATIONS, CHILDREN, NUMBERS + 1),
    )


def judge(problem: Problem, genotypes: Float[Array, "N G"]) -> tuple[Float[Array, " N"], Float[Array, "N A"]]:
    """Score of each genotype, in (0, 1], and its place on the axes."""
    away = (genotypes - problem.best) @ problem.turn
    square = jnp.sum(away**2, axis=1)
    stretched = jnp.sum((away * jnp.logspace(-0.5, 0.5, NUMBERS)) ** 2, axis=1)
    waves = jnp.sum(1 - jnp.cos(2 * jnp.pi * away), axis=1)
    cost = jnp.stack([square, stretched, (square + waves) / 2], axis=1) @ problem.kind
    return jnp.exp(-cost / NUMBERS), jnp.clip(genotypes @ problem.directions.T, -REACH, REACH)


def evolve(rule: Rule, problem: Problem) -> tuple[Float[Array, " S"], Float[Array, "S A"]]:
    """Scores and places of the last population of a search on a problem, in which the rule says who survives."""
    genotypes = jnp.asarray(problem.first)
    members: tuple[Array, ...] = genotypes, *judge(problem, genotypes)

    def generation(members: tuple[Array, ...], chance: tuple[ArrayLike, ArrayLike]) -> tuple[tuple[Array, ...], None]:
        first, second = members[0][chance[0]]
        born = first + SIGMA * chance[1][:, :-1] + LINE * chance[1][:, -1:] * (second - first)
        born = born, *judge(problem, born)
        together = [jnp.concatenate(pair) for pair in zip(members, born, strict=True)]
        strength = rule(together[1], together[2], jnp.ones(SIZE + CHILDREN, bool))
        best = jax.lax.top_k(strength, SIZE)[1]
        return tuple(part[best] for part in together), None

    members, _ = jax.lax.scan(generation, members, (problem.couples, problem.noise))
    return members[1], members[2]


def qd_score(scores: Float[Array, " S"], places: Float[Array, "S A"]) -> Float[Array, ""]:
    """Best score in each of BINS x BINS cells, mean over cells: in [0, 1], higher is better, empty cells count as 0."""
    cells = jnp.clip(jnp.floor((places / REACH + 1) / 2 * BINS), 0, BINS - 1).astype(int)
    return jnp.mean(jnp.zeros((BINS,) * AXES).at[tuple(cells.T)].max(scores))


def quality(rule: Rule, trials: Problem) -> Float[Array, " P"]:
    """QD-score that a rule reaches on each of P problems."""
    return jax.vmap(lambda trial: qd_score(*evolve(rule, trial)))(trials)


@jax.jit
def merit(weights: Float[Array, "C W"], trials: Problem) -> Float[Array, " C"]:
    """How much better each of C rules is than all of them on average, in standard deviations, mean over problems."""
    scores = jax.lax.map(lambda row: quality(partial(competition, row), trials), weights)
    return jnp.mean((scores - scores.mean(0)) / (scores.std(0) + 1e-9), axis=1)


def random_rule(seed: int) -> Float[np.ndarray, " W"]:
    """Weights before anything is learned: normal, divided by the root of the inputs of each layer."""
    inputs, rng = (OWN, SHAPES[1][0], SHAPES[2][0]), np.random.default_rng(seed)
    parts = [rng.standard_normal(int(np.prod(shape))) / np.sqrt(n) for shape, n in zip(SHAPES, inputs, strict=True)]
    return np.concatenate(parts).astype(np.float32)


def learn(seed: int = 0, generations: int = 120, candidates: int = 32, count: int = 8) -> Float[np.ndarray, " W"]:
    """Weights of a rule, learned from nothing.

    Args:
        seed: of all that is left to chance.
        generations: steps of the meta-search, >= 1.
        candidates: rules tried in each, >= 4.
        count: problems on which each of them is tried, >= 1.
    """
    from evosax.algorithms import Sep_CMA_ES  # takes a second to import

    key, start = jax.random.key(seed), jnp.asarray(random_rule(seed))
    strategy = Sep_CMA_ES(population_size=candidates, solution=start)
    params = strategy.default_params.replace(std_init=0.5)
    state = strategy.init(key, start, params)
    for generation in range(generations):
        weights, state = strategy.ask(jax.random.fold_in(key, generation), state, params)
        cost = -merit(weights, problems(seed + generation, count))
        state, _ = strategy.tell(key, weights, cost, state, params)  # this strategy draws nothing when told
    return np.asarray(state.mean, np.float32)


if __name__ == "__main__":
    np.savez(Path(sys.argv[1]), weights=learn())
