"""Instances of the algorithms in the table of `alife.search.strategies`, and what each of them takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from alife.errors import BadGenotype, BadOption, suggest
from alife.options import one_of, real, whole
from alife.types import Space

from .strategies import STRATEGIES, Strategy, options_of
from .variation import require_reals


def checked_options(strategy: Strategy, options: dict[str, Any]) -> dict[str, Any]:
    """All options of an algorithm: those given where they are right, else its defaults.

    Raises:
        BadOption: one that it does not have, or out of range.
    """
    known = options_of(strategy)
    for name in options:
        if name not in known:
            raise BadOption(f"search {strategy.name!r} has no option {name!r}; {suggest(name, known)}")
    checks = {
        "sigma": lambda value: real("sigma", value, 1e-6, 1e6, "in units of the genotype's scale"),
        "learning_rate": lambda value: real("learning_rate", value, 1e-6, 1e6, "in units of the genotype's scale"),
        "populations": lambda value: whole("populations", value, 2, 1024),
        "generations": lambda value: whole("generations", value, 2, 1_000_000),
        "restarts": lambda value: one_of("restarts", value, ("none", "ipop", "bipop")),
    }
    return {name: checks[name](value) for name, value in (known | options).items()}


def check_space(strategy: Strategy, space: Space) -> None:
    """See that the algorithm can vary such genotypes.

    Raises:
        BadGenotype: it cannot; the message names searches that can.
    """
    require_reals(strategy.name, space)
    if strategy.most is not None and space.size > strategy.most:
        raise BadGenotype(
            f"search {strategy.name} looks at all pairs of numbers and takes {strategy.most} of them or fewer; "
            f"genotypes of {space.name!r} are {space.size} numbers. Use --search Sep_CMA_ES"
        )


def check_population(strategy: Strategy, population: int, groups: int = 1) -> None:
    """See that the algorithm can take so many worlds in a generation.

    Raises:
        BadOption: it cannot; the message says what it takes.
    """
    step, least = groups * (2 if strategy.even else 1), 4 * groups
    if population >= least and population % step == 0:
        return
    kind = {1: "", 2: "an even number, "}.get(step, f"a multiple of {step}, ")
    raise BadOption(f"search {strategy.name}: population is {population}; expected {kind}{least} or more")


@lru_cache(maxsize=64)  # its programs are compiled anew for every instance
def build(
    name: str,
    size: int,
    population: int,
    sigma: float | None = None,
    learning_rate: float | None = None,
    populations: int | None = None,
    generations: int | None = None,
    sample: Callable[..., Any] | None = None,
) -> tuple[Any, Any]:
    """An instance of an algorithm, and its parameters.

    Args:
        name: of the algorithm.
        size: numbers in a genotype (G).
        population: worlds told at a time.
        sigma, learning_rate, populations, generations: see `EvolutionStrategy`.
        sample: draws one genotype of the prior from a key, for the algorithm that does nothing else.

    Raises:
        BadOption: the evosax that is installed has no such algorithm.
    """
    import evosax.algorithms as algorithms  # takes a second
    import optax
    from evosax.core.fitness_shaping import centered_rank_fitness_shaping_fn

    strategy = STRATEGIES[name]
    if not hasattr(algorithms, name):
        raise BadOption(f"search {name}: the evosax that is installed has no such algorithm; pip install -U evosax")
    made = getattr(algorithms, name)
    given = dict(strategy.given) | {"metrics_fn": _no_metrics}
    takes = inspect.signature(made).parameters
    if "std_schedule" in takes and sigma is not None:
        given["std_schedule"] = optax.constant_schedule(sigma)
    if learning_rate is not None:
        given["optimizer"] = optax.adam(learning_rate)
    if strategy.ranks:
        given["fitness_shaping_fn"] = centered_rank_fitness_shaping_fn
    if populations is not None:
        given["num_populations"], population = populations, population // populations
    if generations is not None:
        given["num_generations"] = generations
    if sample is not None:
        given["sampling_fn"] = sample
    if "num_groups" in takes:
        given["num_groups"] = _groups(population - 1)
    algorithm = made(population_size=population, solution=jnp.zeros(size), **given)
    if strategy.elite is not None:
        algorithm.elite_ratio = strategy.elite
    return algorithm, jax.tree.map(jnp.asarray, _parameters(strategy, algorithm, size, sigma))


def _parameters(strategy: Strategy, algorithm: Any, size: int, sigma: float | None) -> Any:
    """evosax's parameters, with the table's and the first step size in their places."""
    params = algorithm.default_params.replace(**strategy.params)
    if hasattr(params, "std_init"):
        params = params.replace(std_init=jnp.asarray(sigma, jnp.float32))
    if sigma is not None and hasattr(params, "radius_max"):
        params = params.replace(radius_max=sigma, radius_min=0.005 * sigma)
    if hasattr(params, "kernel_std"):
        params = params.replace(kernel_std=math.sqrt(size))  # two samples of the prior feel each other
    if hasattr(params, "c_d"):
        params = params.replace(c_c=jnp.minimum(params.c_c, 1))  # a rate; above 1 where the genotype is short
    if hasattr(params, "c1"):
        params = params.replace(c1=jnp.maximum(params.c1, 0))  # a rate; below 0 for fewer than five numbers
    return params


def _groups(members: int) -> int:
    """Into how many equal groups to divide so many members: near the square root.

    >>> _groups(15), _groups(31)
    (3, 31)
    """
    divisors = [d for d in range(2, members + 1) if members % d == 0]
    return min(divisors, key=lambda d: abs(d - math.sqrt(members)))


def _no_metrics(*_: Any) -> dict[str, Any]:
    return {}
