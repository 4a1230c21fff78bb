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
from jaxtyping import Array, Bool, Float, Int, UInt8

from alife.errors import AlifeError, BadOption, PluginError, first_line
from alife.substrate import METHODS, Substrate, check_tree
from alife.types import PRNGKey, Tree

from .cache import use_compilation_cache
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


def rollout(
    substrate: Substrate,
    key: PRNGKey,
    params: Tree,
    *,
    steps: int,
    frames: int | str = "final",
    img_size: int = 224,
    as_bytes: bool = False,
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

    Raises:
        BadOption: a count out of range.
        BadGenotype: params that are not of the substrate's tree and shapes.
        PluginError: the substrate raises, or breaks its contract.
    """
    lengths = Schedule(steps, frames).lengths
    check_img_size(img_size)
    check_methods(substrate)
    example = jax.eval_shape(lambda key: _call(substrate, "default_params", key), jax.random.key(0))
    check_tree(params, example, _name(substrate))
    return _program(_ByIdentity(substrate), img_size, as_bytes)(key, params, jnp.asarray(lengths))


class _ByIdentity(NamedTuple):
    """A substrate as a key of a cache: plugins need not be hashable, and equal ones may still differ."""

    substrate: Any

    def __hash__(self) -> int:
        return id(self.substrate)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByIdentity) and self.substrate is other.substrate


@lru_cache(maxsize=16)
def _program(held: _ByIdentity, img_size: int, as_bytes: bool) -> Callable[..., Rollout]:
    return jax.jit(lambda key, params, lengths: simulate(held.substrate, key, params, lengths, img_size, as_bytes))


def simulate(
    substrate: Substrate,
    key: PRNGKey,
    params: Tree,
    lengths: Int[Array, " K"],
    img_size: int,
    as_bytes: bool = False,
) -> Rollout:
    """The traceable heart of `rollout`; `lengths` are the steps from one frame to the next."""
    init_key, step_key = jax.random.split(key)
    if getattr(substrate, "express", None) is not None:
        params = _call(substrate, "express", params)
    state = _call(substrate, "init_state", init_key, params)
    check_step(substrate, state, params)

    def step(number: Array, moment: tuple[Tree, Array | None]) -> tuple[Tree, Array | None]:
        # a step's key is folded from its number; for substrates that draw nothing it is optimised away
        state = _call(substrate, "step_state", jax.random.fold_in(step_key, number), moment[0], params)
        return state, None if moment[1] is None else moment[1] + _reward(substrate, state, params)

    def chunk(carry: tuple[Tree, Array], length: Array) -> tuple[tuple[Tree, Array], tuple[Array, Array]]:
        moment, first = carry
        moment = jax.lax.fori_loop(first, first + length, step, moment)
        image = draw(substrate, moment[0], params, img_size)
        finite = jnp.all(jnp.isfinite(image))
        return (moment, first + length), (to_bytes(image) if as_bytes else image, finite)

    earns = getattr(substrate, "reward", None) is not None
    start = ((state, jnp.float32(0) if earns else None), jnp.zeros((), lengths.dtype))
    ((state, earned), _), (frames, finite) = jax.lax.scan(chunk, start, lengths)
    measures = measure(substrate, state, params)
    if earned is not None:
        measures = dict(sorted({**measures, "reward": earned}.items()))
    finite = jnp.all(finite) & jnp.all(jnp.isfinite(jnp.stack([jnp.float32(0), *measures.values()])))
    return Rollout(frames, finite, measures, state)


def draw(substrate: Substrate, state: Tree, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
    """One picture, checked against the contract while tracing."""
    image = _call(substrate, "render_state", state, params, img_size=img_size)
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
    numbers = _call(substrate, "measures", state, params)
    if not isinstance(numbers, dict) or not all(isinstance(n, str) and _is_number(v) for n, v in numbers.items()):
        raise PluginError(f"{_name(substrate)}.measures returned {numbers!r}; expected a dict of single numbers")
    return {name: jnp.asarray(value, jnp.float32) for name, value in sorted(numbers.items())}


def _reward(substrate: Substrate, state: Tree, params: Tree) -> Float[Array, ""]:
    reward = _call(substrate, "reward", state, params)
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
        if getattr(substrate, "express", None) is not None:
            params = _call(substrate, "express", params)
        return _call(substrate, "init_state", key, params)

    leaves = jax.tree.leaves(jax.eval_shape(start, jax.random.key(0), params))
    return sum(int(np.prod(leaf.shape)) * leaf.dtype.itemsize for leaf in leaves)


def check_methods(substrate: Any) -> None:
    """Raise PluginError unless the four methods are there."""
    missing = [name for name in METHODS if not callable(getattr(substrate, name, None))]
    if missing:
        raise PluginError(f"{_name(substrate)} lacks {', '.join(missing)}; a substrate has {', '.join(METHODS)}")


def check_step(substrate: Substrate, state: Tree, params: Tree) -> None:
    """Raise PluginError unless one step keeps the state's tree, shapes and dtypes."""
    after = jax.eval_shape(lambda k, s, p: _call(substrate, "step_state", k, s, p), jax.random.key(0), state, params)
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


def _call(substrate: Substrate, method: str, *args: Any, **kwargs: Any) -> Any:
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
