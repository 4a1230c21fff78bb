"""Evolution strategies of evosax, behind ask and tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from alife.errors import BadGenotype, BadOption
from alife.hookspecs import hookimpl
from alife.types import Evaluation, PRNGKey, Space, Tree, Verdict

from .random_sampling import unrelated, with_start


class SepCmaEs:
    """Separable CMA-ES: learns a mean and one step size per number; for real genotypes up to a million numbers.

    Args:
        sigma: first step size, in units of the typical size of a genotype's number, > 0.

    Source: Ros and Hansen 2008 (doi:10.1007/978-3-540-87700-4_30), as implemented by evosax, which minimises.
    """

    def __init__(self, sigma: float = 1.0) -> None:
        if not sigma > 0:
            raise BadOption(f"search Sep_CMA_ES: sigma is {sigma}; expected more than 0")
        self.sigma = sigma

    def init(self, key: PRNGKey, space: Space, population: int) -> Tree:
        """Start at the world's own genotype, or in the middle of the substrate's prior.

        Raises:
            BadGenotype: integer genotypes.
            BadOption: fewer than four worlds in a generation.
        """
        if space.dtype != np.float32:
            raise BadGenotype(
                f"search Sep_CMA_ES varies real numbers; genotypes of {space.name!r} are {space.size} integer(s). "
                "Use --search illuminate or --search random"
            )
        if population < 4:
            raise BadOption(f"search Sep_CMA_ES: population is {population}; expected 4 or more")
        from evosax.algorithms import Sep_CMA_ES  # takes a second to import

        self._space, start = space, space.start
        mean = jnp.asarray(space.centre) if start is None else start
        self._strategy = Sep_CMA_ES(population_size=population, solution=mean)
        self._params = self._strategy.default_params.replace(std_init=self.sigma * space.scale)
        return self._strategy.init(key, mean, self._params)

    def ask(self, key: PRNGKey, state: Tree) -> tuple[Num[Array, "N G"], Tree]:
        """Samples of the distribution; the first of the run is its mean where the world names a genotype."""
        genotypes, state = self._strategy.ask(key, state, self._params)
        return with_start(genotypes, self._space, state.generation_counter == 0), state

    def tell(self, state: Tree, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[Tree, Verdict]:
        """Move the distribution towards the better half; worlds that are not valid count as worst."""
        scores = jnp.asarray(evaluation.scores)
        worst = jnp.min(jnp.where(jnp.isfinite(scores), scores, jnp.inf), initial=0.0)
        cost = -jnp.where(jnp.isfinite(scores), scores, worst - 1)
        key = jax.random.key(0)  # this strategy draws nothing when told
        state, _ = self._strategy.tell(key, jnp.asarray(genotypes), cost, state, self._params)
        return state, unrelated(evaluation, "distribution")


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "Sep_CMA_ES",
        "alife.search.evolution_strategies:SepCmaEs",
        summary="separable CMA-ES (evosax): climbs a score; real genotypes",
        source="Ros and Hansen 2008",
    )
