"""`random`: genotypes from the substrate's own prior.  The baseline that every search should beat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Num

from alife.hookspecs import hookimpl
from alife.types import OPERATORS, Evaluation, PRNGKey, Space, Verdict


class State(NamedTuple):
    """Nothing is learned: only whether the world's own genotype has been tried."""

    started: Bool[Array, ""]


class RandomSampling:
    """Independent samples of the prior; every valid world is kept."""

    in_flight: tuple[str, ...] = ()

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Nothing to prepare."""

        def draw(key: PRNGKey, state: State) -> Num[Array, "N G"]:
            return with_starts(space.sample(key, population), space, ~state.started)

        self._draw = jax.jit(draw)
        return State(jnp.asarray(False))

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Fresh samples; the first of the run are the world's own genotypes where it names some."""
        return self._draw(key, state), State(jnp.asarray(True))

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Keep what is valid."""
        return state, unrelated(evaluation, "sample")


def with_starts(genotypes: Num[Array, "N G"], space: Space, first: Bool[Array, ""] | bool) -> Num[Array, "N G"]:
    """The genotypes, the first of them those that the run begins with when `first`."""
    if space.starts is None:
        return genotypes
    starts = space.starts[: len(genotypes)]
    return genotypes.at[: len(starts)].set(jnp.where(jnp.asarray(first), starts, genotypes[: len(starts)]))


def unrelated(evaluation: Evaluation, operator: str) -> Verdict:
    """The verdict of a search without parents: every valid world is kept."""
    n = len(evaluation.scores)
    return Verdict(np.asarray(evaluation.valid), np.full((n, 2), -1), np.full(n, OPERATORS.index(operator)))


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "random",
        "alife.search.random_sampling:RandomSampling",
        summary="samples of the prior: what every search should beat; any genotype",
        source="Bergstra and Bengio 2012, JMLR 13:281-305",
    )
