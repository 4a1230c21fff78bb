"""The algorithms of evosax, behind ask and tell; `alife.search.strategies` says what is known of each.

evosax minimises, and sees genotypes in units of their scale, counted from the middle of the prior.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num, UInt32

from alife.hookspecs import hookimpl
from alife.types import KEY_KIND, ArrayLike, Evaluation, PRNGKey, Space, Tree, Verdict

from .random_sampling import unrelated, with_starts
from .strategies import OPTIONS, STRATEGIES, TABLE, Strategy, options_of
from .strategies_built import build, check_population, check_space, checked_options

ANY_ORDER = ("CMA_ES", "Sep_CMA_ES")
"""Algorithms that learn from samples whatever the order and the generation they were drawn in."""
HOPELESS = 1e15
"""Cost of a world that is not valid, where costs of many generations are compared: finite, so that means stay so."""


class State(NamedTuple):
    """One descent of an algorithm, and what has to be remembered around it."""

    inner: Tree
    """The algorithm's own state."""
    begun: Bool[ArrayLike, ""]
    """False until the algorithm has the evaluated population that it begins with, if it needs one."""
    told: Int[ArrayLike, ""]
    """Generations told so far."""
    unit: Float[ArrayLike, ""]
    """Spread of the scores first told, in which costs are counted; 0 = none has been told."""
    key: UInt32[ArrayLike, "2"]
    """For what the algorithm draws while it is told."""

    def counted(self) -> State:
        """One generation more."""
        return self._replace(told=np.asarray(np.asarray(self.told) + 1, np.int32))


class Frame(NamedTuple):
    """Where an algorithm's unit and origin lie in the genotypes of a space."""

    centre: Float[ArrayLike, " G"]
    scale: Float[ArrayLike, ""]
    low: Num[ArrayLike, " G"]
    high: Num[ArrayLike, " G"]

    def inside(self, genotypes: Num[ArrayLike, "*N G"]) -> Float[Array, "*N G"]:
        """Genotypes as the algorithm sees them."""
        return (jnp.asarray(genotypes) - self.centre) / self.scale

    def outside(self, population: Float[Array, "N G"]) -> Float[Array, "N G"]:
        """What the algorithm sees as genotypes, within bounds."""
        return jnp.clip(self.centre + self.scale * population, self.low, self.high)


class EvolutionStrategy:
    """One algorithm of evosax; every valid world is kept.

    Args:
        name: of the algorithm, one of `alife.search.strategies.STRATEGIES`.
        options: those that `alife.search.strategies.options_of` names for it, of
            sigma: first step size, in units of the typical size of a genotype's number, > 0;
            learning_rate: step of the optimizer in one generation, in the same units, > 0;
            populations: how many populations the worlds of a generation are divided into, >= 2;
            generations: length of its schedule, after which it stands still, >= 2.

    Raises:
        BadOption: an option that it does not have, or out of range.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self.strategy = STRATEGIES[name]
        if name in ANY_ORDER:
            self.in_flight = ()
        self.options = checked_options(self.strategy, options)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Start at the world's own genotype, or in the middle of the prior; in generation 0 where that is needed first.

        Raises:
            BadGenotype: integer genotypes, or more numbers than the algorithm can take.
            BadOption: a population that it cannot take.
        """
        check_space(self.strategy, space)
        check_population(self.strategy, population, self.options.get("populations", 1))
        self._space, self._population = space, population
        self.frame = Frame(
            *(jnp.asarray(numbers, jnp.float32) for numbers in (space.centre, space.scale, *space.bounds))
        )
        self._sample = jax.jit(partial(space.sample, n=population))
        self._one = partial(_sample_one, space, self.frame) if self.strategy.operator == "sample" else None
        begun = np.asarray(not self.strategy.from_population)
        inner = self.begin(key, self._places(key), population)
        return State(inner, begun, np.zeros((), np.int32), jnp.zeros(()), _words(key))

    def begin(self, key: PRNGKey, at: Float[Array, "*P G"], population: int, shrunk: float = 1.0) -> Tree:
        """The algorithm's own state at the start of a descent of `population` worlds at a time.

        Args:
            key: for what it draws.
            at: where, as the algorithm sees it; one place for each of its populations.
            population: worlds told at a time.
            shrunk: what to multiply the first step size with.
        """
        algorithm, params = self._build(population)
        if self.strategy.from_population:
            nobody = jnp.zeros((population, self._space.size)), jnp.full(population, HOPELESS)
            return _strong(algorithm.init(key, *nobody, params))
        if shrunk != 1:
            params = params.replace(std_init=shrunk * params.std_init)
        return _strong(algorithm.init(key, at, params))

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """The algorithm's next genotypes; samples of the prior until it has a population to begin with."""
        if state.begun:
            genotypes, state = self.propose(key, state, self._population)
        else:
            genotypes, state = self._sample(key), state._replace(key=_words(key))
        return with_starts(genotypes, self._space, int(state.told) == 0), state

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Learn from the scores; a generation without a valid world teaches nothing."""
        operator = self.strategy.operator if state.begun else "sample"
        return self.learn(state, genotypes, evaluation.scores).counted(), unrelated(evaluation, operator)

    def welcome(self, asked: Num[ArrayLike, "N G"], migrants: Num[ArrayLike, "M G"]) -> Num[np.ndarray, "M G"]:
        """Genotypes of other searches, moved towards the middle of those asked for until they lie as near as these.

        One from far away would tear the step size up with it.

        Source: Hansen 2011 (arXiv:1110.4181), injection of solutions whose length is clipped.
        """
        asked, migrants = np.asarray(asked), np.asarray(migrants)
        middle = asked.mean(axis=0)
        reach = np.linalg.norm(asked - middle, axis=1).max()
        way = migrants - middle
        far = np.linalg.norm(way, axis=1, keepdims=True)
        return (middle + way * np.minimum(1, reach / np.maximum(far, 1e-30))).astype(asked.dtype)

    def propose(self, key: PRNGKey, state: State, population: int) -> tuple[Float[Array, "L G"], State]:
        """So many genotypes at a time."""
        genotypes, inner, words = _ask(*self._build(population), self.frame, key, state.inner)
        return genotypes, state._replace(inner=inner, key=words)

    def learn(self, state: State, genotypes: Num[Any, "L G"], scores: Float[ArrayLike, " L"]) -> State:
        """Tell the algorithm what all of the worlds it proposed are worth."""
        if not np.isfinite(np.asarray(scores)).any():
            return state
        built, told = self._build(len(scores)), (state.key, genotypes, scores, state.unit)
        tell = _tell if state.begun else _begin_with
        inner, unit = tell(*built, self.frame, state.inner, *told, self.strategy.remembers)
        return state._replace(inner=inner, unit=unit, begun=np.asarray(True))

    def _places(self, key: PRNGKey) -> Float[Array, "*P G"]:
        """Where to start, for each of the populations: the world's own genotypes, the middle, samples of the prior."""
        space, count = self._space, self.options.get("populations")
        own = np.asarray(space.centre)[None] if space.starts is None else np.asarray(space.starts)
        if count is None:
            return self.frame.inside(own[0])
        return self.frame.inside(np.concatenate([own, np.asarray(space.sample(key, count))])[:count])

    def _build(self, population: int) -> tuple[Any, Any]:
        options = {name: value for name, value in self.options.items() if name != "restarts"}
        return build(self.strategy.name, self._space.size, population, sample=self._one, **options)


@partial(jax.jit, static_argnames="algorithm")
def _ask(
    algorithm: Any, params: Tree, frame: Frame, key: PRNGKey, inner: Tree
) -> tuple[Float[Array, "L G"], Tree, UInt32[Array, "2"]]:
    population, inner = algorithm.ask(key, inner, params)
    return frame.outside(population), _strong(inner), _words(key)


@partial(jax.jit, static_argnames=("algorithm", "remembers"))
def _tell(
    algorithm: Any,
    params: Tree,
    frame: Frame,
    inner: Tree,
    words: UInt32[Array, "2"],
    genotypes: Num[Array, "L G"],
    scores: Float[Array, " L"],
    unit: Float[Array, ""],
    remembers: bool,
) -> tuple[Tree, Float[Array, ""]]:
    unit, costs = _costs(scores, unit, remembers)
    key = jax.random.wrap_key_data(words, impl=KEY_KIND)
    told, _ = algorithm.tell(key, frame.inside(genotypes), costs, inner, params)
    if hasattr(inner, "grad"):  # a world has no gradient that GuidedES could be guided by; it says so by NaN
        told = told.replace(grad=jnp.zeros_like(told.mean))
    return _strong(told), unit


@partial(jax.jit, static_argnames=("algorithm", "remembers"))
def _begin_with(
    algorithm: Any,
    params: Tree,
    frame: Frame,
    inner: Tree,
    words: UInt32[Array, "2"],
    genotypes: Num[Array, "L G"],
    scores: Float[Array, " L"],
    unit: Float[Array, ""],
    remembers: bool,
) -> tuple[Tree, Float[Array, ""]]:
    """What takes the place of `_tell` where nobody has been there before."""
    unit, costs = _costs(scores, unit, remembers)
    key = jax.random.wrap_key_data(words, impl=KEY_KIND)
    return _strong(algorithm.init(key, frame.inside(genotypes), costs, params)), unit


def _costs(
    scores: Float[Array, " L"], unit: Float[Array, ""], remembers: bool
) -> tuple[Float[Array, ""], Float[Array, " L"]]:
    """The unit of costs, and the scores as costs in it; a world that is not valid is worse than all others."""
    valid = jnp.isfinite(scores)
    best, worst = jnp.max(scores, where=valid, initial=-jnp.inf), jnp.min(scores, where=valid, initial=jnp.inf)
    unit = jnp.where(unit > 0, unit, (best - worst) / 4)  # of a few dozen worlds: about one standard deviation
    per = jnp.where(unit > 0, unit, 1)
    beyond = HOPELESS if remembers else (best - 2 * worst) / per + 1
    return unit, jnp.where(valid, -scores / per, beyond)


def _strong(tree: Tree) -> Tree:
    """The same numbers as arrays that an archive gives back: a Python number's weak dtype would be another program."""
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, jnp.asarray(leaf).dtype), tree)


def _sample_one(space: Space, frame: Frame, key: PRNGKey) -> Float[Array, " G"]:
    return frame.inside(space.sample(key, 1)[0])


def _words(key: PRNGKey) -> UInt32[Array, "2"]:
    """Another key, as an array that can be archived."""
    return jax.random.bits(jax.random.fold_in(key, 1), (2,), jnp.uint32)


def make(name: str, **options: Any) -> Any:
    """The search with an algorithm of evosax, one that begins again where `restarts` says so."""
    if options.get("restarts", "none") == "none":
        return EvolutionStrategy(name, **options)
    from .restarts import Restarting

    return Restarting(name, **options)


def factory(strategy: Strategy) -> Callable[..., Any]:
    """What makes a search of this name, with the algorithm's own options and words."""
    made = partial(make, strategy.name)
    kind = inspect.Parameter.KEYWORD_ONLY
    options = [inspect.Parameter(name, kind, default=value) for name, value in options_of(strategy).items()]
    made.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    made.__doc__ = described(strategy)
    return made


def described(strategy: Strategy) -> str:
    """What a user may want to know of an algorithm."""
    lines = [f"{strategy.about[0].upper()}{strategy.about[1:]}."]
    if strategy.experimental:
        lines.append(f"Experimental: {strategy.experimental}.")
    options = [f"    {name}: {OPTIONS[name]}" for name in options_of(strategy)]
    lines += ["\n".join(["Args:", *options])] if options else []
    return "\n\n".join([*lines, f"Source: {strategy.source}, as implemented by evosax."])


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    for strategy in TABLE:
        summary = f"{strategy.about} (evosax); real genotypes"
        if strategy.experimental:
            summary = f"experimental: {strategy.about} (evosax); {strategy.experimental}"
        register(strategy.name, factory(strategy), summary=summary, source=strategy.source)
