"""The world-stepping engine: one world from a genotype to its frames.

Nothing grows with the number of steps: an outer scan runs over the K chunks of the schedule and keeps one picture
each, an inner loop with a trip count that is data steps the state in place.  So one compiled program serves every
horizon with the same K.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped, UInt8

from alife.errors import AlifeError, BadOption, PluginError, UnknownName, first_line
from alife.substrate import METHODS, Substrate, check_tree
from alife.types import Peak, PRNGKey, Tree

from .cache import use_compilation_cache
from .kept import Best, better, by_path, halved, none_yet
from .schedule import Schedule

use_compilation_cache()  # before anything compiles


class Rollout(NamedTuple):
    """One world after it has run."""

    frames: Float[Array, "K H W 3"] | UInt8[Array, "K H W 3"]
    """Pictures in time order, red green blue in [0, 1] (0..255 where bytes were asked for)."""
    finite: Bool[Array, ""]
    """False when a picture or a measure holds a NaN or an infinity."""
    measures: dict[str, Float[Array, ""]]
    """The substrate's named numbers at the last step, and `reward`, the sum of its rewards over all steps; empty where
    it has none."""
    state: Tree
    """The last moment."""
    states: dict[str, Shaped[Array, "K ..."]] | None = None
    """Leaf path -> what is kept of the states at the moments of the frames; None unless asked for."""
    peak: Peak | None = None
    """The moment in which the measure asked for was highest."""


class Moment(NamedTuple):
    """What goes from step to step."""

    state: Tree
    earned: Float[Array, ""] | None
    """Sum of the rewards so far; None where the substrate has none."""
    best: Best | None
    """None unless a peak is asked for."""


def rollout(
    substrate: Substrate,
    key: PRNGKey,
    params: Tree,
    *,
    steps: int,
    frames: int | str = "final",
    img_size: int = 224,
    as_bytes: bool = False,
    keep_states: bool = False,
    peak: str | None = None,
) -> Rollout:
    """Run one world and draw it at the moments of a schedule.

    Args:
        substrate: the family of dynamics.
        key: PRNG key of this world; the same key and params give the same history.
        params: genotype as the substrate's own tree.
        steps: how long it runs (T), steps.
        frames: see `alife.worlds.schedule.Schedule`.
        img_size: edge of a picture, pixels.
        as_bytes: pictures as 0..255 in one byte, for films: a quarter of the memory.
        keep_states: also keep the state at the moment of each frame, in the types that are stored: reals as float16,
            unless the substrate's `keep_state` says otherwise.
        peak: also keep the moment in which this measure is highest.

    Raises:
        BadOption: a count out of range.
        UnknownName: the substrate has no such measure.
        BadGenotype: params that are not of the substrate's tree and shapes.
        PluginError: the substrate raises, or breaks its contract.
    """
    lengths = Schedule(steps, frames).lengths
    check_img_size(img_size)
    check_methods(substrate)
    example = jax.eval_shape(lambda key: call(substrate, "default_params", key), jax.random.key(0))
    check_tree(params, example, _name(substrate))
    program = _program(ByIdentity(substrate), img_size, as_bytes, keep_states, peak)
    return program(key, params, jnp.asarray(lengths))


class ByIdentity(NamedTuple):
    """A substrate as a key of a cache: plugins need not be hashable, and equal ones may still differ."""

    substrate: Any

    def __hash__(self) -> int:
        return id(self.substrate)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ByIdentity) and self.substrate is other.substrate


@lru_cache(maxsize=16)
def _program(held: ByIdentity, *settings: Any) -> Callable[..., Rollout]:
    return jax.jit(lambda key, params, lengths: simulate(held.substrate, key, params, lengths, *settings))


def simulate(
    substrate: Substrate,
    key: PRNGKey,
    params: Tree,
    lengths: Int[Array, " K"],
    img_size: int,
    as_bytes: bool = False,
    keep_states: bool = False,
    peak: str | None = None,
) -> Rollout:
    """The traceable heart of `rollout`; `lengths` are the steps from one frame to the next."""
    init_key, step_key = jax.random.split(key)
    params = expressed(substrate, params)
    state = call(substrate, "init_state", init_key, params)
    check_step(substrate, state, params)

    def step(number: Array, moment: Moment) -> Moment:
        # a step's key is folded from its number; for substrates that draw nothing it is optimised away
        state = call(substrate, "step_state", jax.random.fold_in(step_key, number), moment.state, params)
        earned = None if moment.earned is None else moment.earned + _reward(substrate, state, params)
        if moment.best is None or peak is None:
            return Moment(state, earned, None)
        # behind a barrier, lest looking at a state changes how XLA computes it, and so its last bits
        seen = jax.lax.optimization_barrier(state)
        value = _one(_measured(substrate, seen, params, earned), peak, substrate)
        return Moment(state, earned, better(moment.best, value, number + 1, seen))

    def chunk(carry: tuple[Moment, Array], length: Array) -> tuple[tuple[Moment, Array], tuple[Any, ...]]:
        moment, first = carry
        moment = jax.lax.fori_loop(first, first + length, step, moment)
        image = draw(substrate, moment.state, params, img_size)
        kept = keep(substrate, moment.state, params) if keep_states else None
        finite = jnp.all(jnp.isfinite(image))
        return (moment, first + length), (to_bytes(image) if as_bytes else image, finite, kept)

    earns = getattr(substrate, "reward", None) is not None
    none = jnp.zeros((), lengths.dtype)
    start = Moment(state, jnp.float32(0) if earns else None, None if peak is None else none_yet(state, none))
    (moment, _), (frames, finite, states) = jax.lax.scan(chunk, (start, none), lengths)
    measures = _measured(substrate, moment.state, params, moment.earned)
    finite = jnp.all(finite) & all_finite(measures)
    highest = None if moment.best is None else _drawn(substrate, moment.best, params, img_size, as_bytes)
    return Rollout(frames, finite, measures, moment.state, states, highest)


def expressed(substrate: Substrate, params: Tree) -> Tree:
    """What the later methods get as `params`, see `alife.substrate`."""
    return params if getattr(substrate, "express", None) is None else call(substrate, "express", params)


def keep(substrate: Substrate, state: Tree, params: Tree) -> dict[str, Shaped[Array, "..."]]:
    """What is worth keeping of a state, leaf path -> array: what the substrate says, or all of it, reals as float16."""
    if getattr(substrate, "keep_state", None) is None:
        return by_path(halved(state))
    return by_path(call(substrate, "keep_state", state, params))


def _drawn(substrate: Substrate, best: Best, params: Tree, img_size: int, as_bytes: bool) -> Peak:
    image = draw(substrate, best.state, params, img_size)
    return Peak(best.value, best.step, to_bytes(image) if as_bytes else image)


def draw(substrate: Substrate, state: Tree, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
    """One picture, checked against the contract while tracing."""
    image = call(substrate, "render_state", state, params, img_size=img_size)
    shape, dtype = jnp.shape(image), jnp.result_type(image)
    if shape != (img_size, img_size, 3) or not jnp.issubdtype(dtype, jnp.floating):
        raise PluginError(
            f"{_name(substrate)}.render_state returned {dtype}{list(shape)}; "
            f"expected float[{img_size}, {img_size}, 3], red green blue in [0, 1]"
        )
    return image.astype(jnp.float32)


def measure(substrate: Substrate, state: Tree, params: Tree) -> dict[str, Float[Array, ""]]:
    """The substrate's measures as float32 scalars; empty where it has none."""
    if getattr(substrate, "measures", None) is None:
        return {}
    numbers = call(substrate, "measures", state, params)
    if not isinstance(numbers, dict) or not all(isinstance(n, str) and _is_number(v) for n, v in numbers.items()):
        raise PluginError(f"{_name(substrate)}.measures returned {numbers!r}; expected a dict of single numbers")
    return {name: jnp.asarray(value, jnp.float32) for name, value in sorted(numbers.items())}


def all_finite(measures: dict[str, Float[Array, ""]]) -> Bool[Array, ""]:
    """False where a measure is NaN or infinite."""
    return jnp.all(jnp.isfinite(jnp.stack([jnp.float32(0), *measures.values()])))


def _measured(substrate: Substrate, state: Tree, params: Tree, earned: Array | None) -> dict[str, Float[Array, ""]]:
    """The measures of a moment, `reward` among them where the substrate has it."""
    measures = measure(substrate, state, params)
    return measures if earned is None else dict(sorted({**measures, "reward": earned}.items()))


def _one(measures: dict[str, Array], name: str, substrate: Substrate) -> Float[Array, ""]:
    if name not in measures:
        raise UnknownName("measure", name, measures, f"a peak needs one that {_name(substrate)} has")
    return measures[name]


def _reward(substrate: Substrate, state: Tree, params: Tree) -> Float[Array, ""]:
    reward = call(substrate, "reward", state, params)
    if not _is_number(reward):
        raise PluginError(f"{_name(substrate)}.reward returned {reward!r}; expected a single number")
    return jnp.asarray(reward, jnp.float32)


def to_bytes(frames: Float[Array, "*K H W 3"]) -> UInt8[Array, "*K H W 3"]:
    """Pictures as they are stored: 0..255, rounded to the nearest; NaN becomes 0.

    >>> to_bytes(jnp.array([[[0.0, 0.5, 1.0]]])).tolist()
    [[[0, 128, 255]]]
    """
    return jnp.round(jnp.clip(jnp.nan_to_num(frames), 0, 1) * 255).astype(jnp.uint8)


def state_bytes(substrate: Substrate, params: Any) -> int:
    """Bytes of one world's state; `params` may be shapes only."""

    def start(key: PRNGKey, params: Tree) -> Tree:
        return call(substrate, "init_state", key, expressed(substrate, params))

    leaves = jax.tree.leaves(jax.eval_shape(start, jax.random.key(0), params))
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in leaves)


def check_methods(substrate: Any) -> None:
    """Raise PluginError unless the four methods are there."""
    missing = [name for name in METHODS if not callable(getattr(substrate, name, None))]
    if missing:
        raise PluginError(f"{_name(substrate)} lacks {', '.join(missing)}; a substrate has {', '.join(METHODS)}")


def check_step(substrate: Substrate, state: Tree, params: Tree) -> None:
    """Raise PluginError unless one step keeps the state's tree, shapes and dtypes."""
    after = jax.eval_shape(lambda k, s, p: call(substrate, "step_state", k, s, p), jax.random.key(0), state, params)
    before = jax.eval_shape(lambda s: s, state)
    tree, seen = str(jax.tree.structure(before)), str(jax.tree.structure(after))
    if tree != seen:
        raise PluginError(f"{_name(substrate)}.step_state changed the state's tree to {seen}; init_state gave {tree}")
    for (path, was), now in zip(jax.tree_util.tree_leaves_with_path(before), jax.tree.leaves(after), strict=True):
        if (was.shape, was.dtype) != (now.shape, now.dtype):
            raise PluginError(
                f"{_name(substrate)}.step_state changed state{jax.tree_util.keystr(path)} "
                f"from {was.dtype}{list(was.shape)} to {now.dtype}{list(now.shape)}; a step must keep shape and dtype"
            )


def check_img_size(img_size: int) -> None:
    """Raise BadOption unless it is a whole number from 8 to 4096."""
    if not isinstance(img_size, int) or isinstance(img_size, bool) or not 8 <= img_size <= 4096:
        raise BadOption(f"img_size is {img_size!r}; expected a whole number of pixels from 8 to 4096")


def call(substrate: Substrate, method: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method of a plugin; what it raises becomes one PluginError that says where."""
    function: Callable[..., Any] = getattr(substrate, method)
    try:
        return function(*args, **kwargs)
    except AlifeError:
        raise
    except Exception as cause:
        raise PluginError(
            f"{_name(substrate)}.{method} raised {type(cause).__name__}: {first_line(cause)}; "
            f"`alife check` shows which part of the contract fails"
        ) from cause


def _is_number(value: Any) -> bool:
    return not isinstance(value, str) and jnp.shape(value) == ()


def _name(substrate: Any) -> str:
    return type(substrate).__name__
