"""A substrate under test, with the two programs that all checks share, so that little is compiled."""

from __future__ import annotations

import contextlib
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from ..errors import AlifeError
from ..loading import factory_of
from ..substrate import METHODS
from ..types import PRNGKey, Tree
from ..worlds.cache import use_compilation_cache
from .report import CheckFailed, first_line, made_by
from .tracing import describe, fingerprint, freeze, layout

SIZE = 37
"""Edge of the pictures drawn, pixels: a number that does not divide."""

ENDS = (0, 1, 7, 2000)
"""Steps after which a world is looked at."""

WORLDS = 3
"""Worlds that are run."""

CROWD = 8
"""Worlds that take one step together."""


class History(NamedTuple):
    """One world, looked at after 0, 1, 7 and 2000 steps (the leading axis M of all but the first two)."""

    params: Tree
    expressed: Tree
    """What the methods got as `params`."""
    state: Tree
    frames: Any
    """Pictures [M, S, S, 3]."""
    measures: Any
    reward: Any


class SubstrateSubject:
    """A substrate under test.

    Args:
        factory: makes it; called with options as keywords.  Or a ready-made one, made again where it tells how.
        options: that make it small, so that checking is quick.
    """

    def __init__(self, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
        use_compilation_cache()
        self.factory, self.options = factory_of(factory, options)

    @cached_property
    def substrate(self) -> Any:
        """The instance that most checks look at."""
        return made_by(self.factory, self.options, "substrate")

    def make(self, **changed: Any) -> Any:
        """A fresh instance, some options changed."""
        return self.factory(**{**self.options, **changed})

    def numbers(self) -> dict[str, int | float]:
        """The constructor's options that are numbers, with the values they have here."""
        parameters = inspect.signature(self.factory).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):  # a factory that passes everything on
            parameters = inspect.signature(type(self.substrate)).parameters
        values = {name: self.options.get(name, p.default) for name, p in parameters.items()}
        return {name: v for name, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}

    def _others(self) -> Iterator[tuple[str, float, Any]]:
        """Name, changed value and instance for every numeric option and each other value that it takes."""
        for name, value in self.numbers().items():
            for other in (value + 1, 2 * value) if isinstance(value, int) else (value * 0.75, value * 1.5 + 0.1):
                try:
                    yield name, other, self.make(**{name: other})
                except (AlifeError, ValueError, TypeError):
                    continue  # refused, as is its right

    @cached_property
    def shapes(self) -> tuple[Tree, Tree, Tree]:
        """Shapes and dtypes of a genotype, of what the methods get as `params`, and of a state."""
        return shapes_of(self.substrate)

    @cached_property
    def keys(self) -> Key[Array, "2 N"]:
        """Two rows: the keys of the worlds' params, and the keys that the worlds are run with."""
        return jax.random.split(jax.random.key(0), (2, WORLDS))

    @cached_property
    def crowd_keys(self) -> Key[Array, "2 N"]:
        """Keys as `keys`, for more worlds; the first ones are the same."""
        more = jax.random.split(jax.random.key(1), (2, CROWD - WORLDS))
        return jnp.concatenate([self.keys, more], axis=1)

    @cached_property
    def crowd(self) -> Any:
        """The compiled first step of 8 worlds side by side: `crowd(params, keys)`."""
        with quickly_compiled():
            return jax.jit(jax.vmap(partial(first_step, self.substrate))).lower(*self.crowded).compile()

    @cached_property
    def crowded(self) -> tuple[Tree, Key[Array, " N"]]:
        """Genotypes and keys of 8 worlds."""
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *self.params), self.crowd_keys[1]

    @cached_property
    def variants(self) -> list[Variant]:
        """The substrate with other options, one changed at a time, until it makes a difference or fails."""
        found: dict[str, Variant] = {}
        for name, value, made in self._others():
            known = found.get(name)
            if known is None or known.traced == self.traced:
                found[name] = Variant(name, value, *_looked_at(made))
        return list(found.values())

    @cached_property
    def params(self) -> list[Tree]:
        """A genotype for each world of the crowd; the first ones are those of `worlds`."""
        born = jax.jit(partial(call, self.substrate, "default_params"))
        return [born(key) for key in self.crowd_keys[0]]

    @cached_property
    def history(self) -> Callable[[Tree, Any], History]:
        """The compiled life of one world: `history(params, key of the world)`."""
        return jax.jit(partial(live, self.substrate))

    def require_layout(self) -> None:
        """Raise CheckFailed unless a step gives back the tree, shapes and dtypes that it was given."""
        _, expressed, state = self.shapes
        after = shape_of(self.substrate, "step_state", jax.random.key(0), state, expressed)
        if layout(after) != layout(state):
            raise CheckFailed(
                f"init_state gives {describe(state)}, step_state {describe(after)}",
                "the same tree, shapes and dtypes",
                "convert at the end of step_state, for instance with .astype(state.dtype)",
            )

    @cached_property
    def worlds(self) -> list[History]:
        """The lives of three worlds, one after the other."""
        self.require_layout()  # what is wrong there is said there
        return [self.history(params, key) for params, key in zip(self.params, self.keys[1], strict=False)]

    @cached_property
    def many(self) -> History:
        """The same as one tree, worlds in front of every other axis [N, M, ...]."""
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *self.worlds)

    def moment(self, number: int, world: int = 0) -> Tree:
        """The state of a world after `ENDS[number]` steps."""
        return jax.tree.map(lambda leaf: leaf[number], self.worlds[world].state)

    @cached_property
    def traced(self) -> dict[str, str]:
        """What JAX makes of each method."""
        return trace(self.substrate)


class Variant(NamedTuple):
    """A substrate with one option changed."""

    name: str
    value: float
    traced: dict[str, str] | None
    """What JAX makes of each method; None where one of them fails."""
    failure: str
    """Why."""


def _looked_at(made: Any) -> tuple[dict[str, str] | None, str]:
    try:
        return trace(made), ""
    except CheckFailed as failure:
        return None, str(failure)


@contextlib.contextmanager
def quickly_compiled() -> Iterator[None]:
    """Programs that run once or twice are compiled with little optimisation: the same numbers, but for rounding."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", before)


def live(substrate: Any, params: Tree, world_key: PRNGKey) -> History:
    """A world from its genotype and key to step 2000, as the engine runs it; traceable."""
    expressed, begun, step_key = begin(substrate, params, world_key)

    def step(i: Array, state: Tree) -> Tree:
        return call(substrate, "step_state", jax.random.fold_in(step_key, i), state, expressed)

    def look(carry: tuple[Tree, Array], length: Array) -> tuple[tuple[Tree, Array], tuple[Any, ...]]:
        state, first = carry
        state = jax.lax.fori_loop(first, first + length, step, state)
        frames = call(substrate, "render_state", state, expressed, img_size=SIZE)
        numbers = optional(substrate, "measures", state, expressed)
        return (state, first + length), (state, frames, numbers, optional(substrate, "reward", state, expressed))

    lengths = jnp.asarray(np.diff(ENDS, prepend=0))
    return History(params, expressed, *jax.lax.scan(look, (begun, jnp.zeros_like(lengths[0])), lengths)[1])


def begin(substrate: Any, params: Tree, world_key: PRNGKey) -> tuple[Tree, Tree, PRNGKey]:
    """What the methods get as `params`, the first state, and the key that the keys of the steps come from."""
    expressed = express(substrate, params)
    init_key, step_key = jax.random.split(world_key)
    return expressed, call(substrate, "init_state", init_key, expressed), step_key


def first_step(substrate: Any, params: Tree, world_key: PRNGKey) -> tuple[Tree, Any]:
    """State and picture of a world after one step; traceable."""
    expressed, state, step_key = begin(substrate, params, world_key)
    state = call(substrate, "step_state", jax.random.fold_in(step_key, 0), state, expressed)
    return state, call(substrate, "render_state", state, expressed, img_size=SIZE)


def shapes_of(substrate: Any) -> tuple[Tree, Tree, Tree]:
    """Shapes and dtypes of a genotype, of what the methods get as `params`, and of a state."""
    key = jax.random.key(0)
    params = shape_of(substrate, "default_params", key)
    expressed = shape_of(substrate, "express", params) if has(substrate, "express") else params
    return params, expressed, shape_of(substrate, "init_state", key, expressed)


def shape_of(substrate: Any, method: str, *args: Tree, **named: Any) -> Tree:
    """Shapes and dtypes of what a method gives, found without running it."""
    try:
        return jax.eval_shape(partial(call, substrate, method, **named), *args)
    except TypeError as cause:
        raise CheckFailed(
            f"{method} gives something that JAX does not know: {first_line(cause)}",
            "a tree (dict, tuple, registered dataclass) of arrays",
            "keep texts and settings on `self`; register your own classes with jax.tree_util",
        ) from cause


def trace(substrate: Any) -> dict[str, str]:
    """What JAX makes of each method, as texts that are equal for equal programs."""
    key = jax.random.key(0)
    params, expressed, state = shapes_of(substrate)
    arguments = {
        "default_params": (key,),
        "express": (params,),
        "init_state": (key, expressed),
        "step_state": (key, state, expressed),
        "render_state": (state, expressed),
        "measures": (state, expressed),
        "keep_state": (state, expressed),
        "moment": (state, expressed),
        "individuals": (state, expressed),
        "reward": (state, expressed),
        "mutate": (key, params),
        "crossover": (key, params, params),
    }
    size = {"render_state": {"img_size": SIZE}}
    return {
        method: fingerprint(partial(call, substrate, method, **size.get(method, {})), *given)
        for method, given in arguments.items()
        if has(substrate, method)
    } | {method: freeze(call(substrate, method)) for method in ("bounds", "parameters") if has(substrate, method)}


def call(substrate: Any, method: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method; what it raises becomes a failed check that names it."""
    if not has(substrate, method):
        raise CheckFailed(f"no method {method}", ", ".join(METHODS), f"write {method}")
    try:
        return getattr(substrate, method)(*args, **kwargs)
    except Exception as cause:
        raise CheckFailed(
            f"{method} raised {first_line(cause)}{_where(cause, substrate)}",
            "no error; it was called as `alife.substrate` says, with values that JAX traces",
            f"run {method} under jax.jit on its own; Python's `if`, `int` and `float` cannot look into such values",
        ) from cause


def _where(cause: Exception, substrate: Any) -> str:
    """The line of the substrate's own file in which something was raised, if it was there."""
    try:
        own = inspect.getfile(type(substrate))
    except (TypeError, OSError):
        return ""
    lines = [frame.lineno for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == own]
    return f" ({Path(own).name}, line {lines[-1]})" if lines else ""


def has(substrate: Any, method: str) -> bool:
    return callable(getattr(substrate, method, None))


def express(substrate: Any, params: Tree) -> Tree:
    """What the methods get as `params`."""
    return call(substrate, "express", params) if has(substrate, "express") else params


def optional(substrate: Any, method: str, *args: Any) -> Any:
    """What an ability gives, or None where there is none."""
    return call(substrate, method, *args) if has(substrate, method) else None
