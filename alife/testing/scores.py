"""What every score must keep, one check per promise.

Each check takes a `ScoreSubject` and raises `CheckFailed`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import jax
import numpy as np

from ..types import Population
from .report import CheckFailed, first_line

N, K, D = 6, 4, 8
"""Worlds, frames and numbers of a vector in the population that a score is shown."""
CLOSE = 1e-4


class ScoreSubject:
    """A score under test, and what it says of a made-up population.

    Args:
        function: called with a population, and options as keywords.
        options: for it.
    """

    def __init__(self, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.function, self.options = function, dict(options)

    def score(self, population: Population, **changed: Any) -> np.ndarray:
        """What the compiled score says; what it raises becomes a failed check."""
        try:
            seen = jax.jit(lambda p: self.function(p, **{**self.options, **changed}))(population)
        except Exception as cause:
            raise CheckFailed(
                f"it raised {first_line(cause)}",
                "a number for each world; it was called under jax.jit with an alife.types.Population",
                "write it in jax.numpy; fields that are not always there are None, and a BadOption says what to give",
            ) from cause
        return np.asarray(seen)

    @cached_property
    def population(self) -> Population:
        """Worlds unlike each other, with everything that a score may look at."""
        return population(0)

    @cached_property
    def scores(self) -> np.ndarray:
        """Of that population."""
        return self.score(self.population)


def population(seed: int) -> Population:
    """A made-up population of N worlds, with everything that a score may look at."""
    rng = np.random.default_rng(seed)

    def unit(*shape: int) -> np.ndarray:
        z = rng.normal(size=(*shape, D))
        return (z / np.linalg.norm(z, axis=-1, keepdims=True)).astype(np.float32)

    z, memory = unit(N, K), unit(12)
    memory[8:] = 0
    measures = {name: rng.random(N, np.float32) for name in ("mass", "reward")}
    frames = rng.integers(0, 256, (N, K, 16, 16, 3)).astype(np.uint8)
    members = np.arange(D) // (D // 2) == np.arange(2)[:, None]
    texts = {"targets": unit(2), "negatives": unit(2), "pictures": unit(1), "liked": unit(2)}
    return Population(z, measures, memory, 8, video=unit(N), frames=frames, members=members, **texts)


def check_shape(subject: ScoreSubject) -> None:
    """One real number for each world."""
    scores = subject.scores
    if scores.shape != (N,) or not np.issubdtype(scores.dtype, np.floating):
        raise CheckFailed(f"{scores.dtype}{list(scores.shape)} for {N} worlds", f"float32[{N}]", "reduce other axes")


def check_finite(subject: ScoreSubject) -> None:
    """Finite for ordinary worlds, and for their neighbours where some are not valid and have vectors of zeros."""
    holes = np.array(subject.population.z)
    holes[1] = 0
    for what, given in (("", subject.population), (" beside a world that is not valid", _with(subject, z=holes))):
        scores = subject.score(given)[np.arange(N) != 1]
        if not np.isfinite(scores).all():
            raise CheckFailed(f"NaN or infinity{what}", "finite numbers", "guard divisions, roots and logarithms")


def check_tells_worlds_apart(subject: ScoreSubject) -> None:
    """Worlds unlike each other do not all get one number."""
    if np.ptp(subject.scores) < 1e-9:
        raise CheckFailed(f"{subject.scores[0]:.6g} for {N} unlike worlds", "different numbers", "look at each world")


def check_order_does_not_matter(subject: ScoreSubject) -> None:
    """Worlds keep their scores when they come in another order."""
    order, given = np.array([3, 1, 5, 0, 4, 2]), subject.population
    turned = given._replace(
        z=np.asarray(given.z)[order],
        measures={name: np.asarray(values)[order] for name, values in given.measures.items()},
        video=np.asarray(given.video)[order],
        frames=np.asarray(given.frames)[order],
    )
    gap = float(np.abs(subject.score(turned) - subject.scores[order]).max())
    if not gap < CLOSE:
        raise CheckFailed(
            f"scores change by up to {gap:.3g} when worlds change places",
            "the same score in any place",
            "compare each world with all others, not with the one before it",
        )


def check_empty_memory(subject: ScoreSubject) -> None:
    """Rows of `memory` from `remembered` on are nobody: they do not count."""
    filled = np.array(subject.population.memory)
    filled[8:] = np.asarray(subject.population.z)[:4, -1]  # the worlds themselves: who looks here sees them at once
    gap = float(np.abs(subject.score(_with(subject, memory=filled)) - subject.scores).max())
    if not gap < CLOSE:
        raise CheckFailed(
            f"scores change by {gap:.3g} with rows of memory beyond `remembered`",
            "scores that look at the first `remembered` rows alone",
            "mask the others: jnp.arange(len(memory)) < population.remembered",
        )


def check_options(subject: ScoreSubject) -> None:
    """Every numeric option has a say: some other value changes some score, or is refused."""
    parameters = list(inspect.signature(subject.function).parameters.values())[1:]
    for p in parameters:
        value = subject.options.get(p.name, p.default)
        if isinstance(value, bool):
            others: tuple[Any, ...] = (not value,)
        elif isinstance(value, int | float):
            others = (value + 1, value * 2 + 1, value / 2 if isinstance(value, float) else value + 2)
        else:
            continue
        seen = []
        for other in others:
            try:
                seen += [subject.score(population(seed), **{p.name: other}) for seed in (0, 1)]
            except CheckFailed:
                seen = []
                break  # refused, as is its right
        plain = [subject.score(population(seed)) for seed in (0, 1)] * len(others)
        if seen and all(np.allclose(a, b, atol=1e-9) for a, b in zip(seen, plain, strict=True)):
            raise CheckFailed(f"option {p.name} changes nothing", "that it counts", "use it or remove it")


def _with(subject: ScoreSubject, **changed: Any) -> Population:
    return subject.population._replace(**changed)


SCORE_CHECKS: tuple[Callable[[ScoreSubject], None], ...] = (
    check_shape,
    check_finite,
    check_tells_worlds_apart,
    check_order_does_not_matter,
    check_empty_memory,
    check_options,
)
"""All of them, in the order in which they run."""
