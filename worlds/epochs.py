"""A world's life in pieces: epochs of many steps, each with its pictures, and with numbers of every step in it.

What is kept of a step are numbers, and who is alive; states stay where they are.  A life in epochs is, step by step,
the life that `alife.worlds.engine.rollout` runs in one go.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num, UInt8

from alife.errors import PluginError
from alife.substrate import Substrate
from alife.types import PRNGKey, Tree

from .engine import all_finite, call, check_step, draw, expressed, measure, to_bytes

INDIVIDUALS = ("id", "parent")
"""What a substrate says of those who live in it, see `alife.substrate`."""


class Epoch(NamedTuple):
    """A world after some more steps."""

    state: Tree
    frames: UInt8[Array, "K H W 3"]
    measures: dict[str, Float[Array, ""]]
    """At the last step."""
    finite: Bool[Array, ""]
    """False where a picture, a measure or a number of a step is NaN or infinite."""
    records: dict[str, Num[Array, "T *any"]]
    """`moments/NAME`, one number for each step, and `individuals/id` and `individuals/parent`; where there are any."""


def begin(substrate: Substrate, key: PRNGKey, params: Tree) -> Tree:
    """The first state of the life that this key and these params give."""
    state = call(substrate, "init_state", jax.random.split(key)[0], expressed(substrate, params))
    check_step(substrate, state, expressed(substrate, params))
    return state


def live(
    substrate: Substrate,
    key: PRNGKey,
    params: Tree,
    state: Tree,
    before: Int[Array, ""],
    ends: Int[Array, " K"],
    *,
    steps: int,
    img_size: int,
) -> Epoch:
    """An epoch of a life; traceable.

    Args:
        substrate: the family of dynamics.
        key: of the whole life.
        params: its genotype, as the substrate's own tree.
        state: after the epochs before.
        before: steps taken until then.
        ends: steps of this epoch after which a picture is taken, ascending, the last one `steps`.
        steps: of this epoch (T).
        img_size: edge of a picture, pixels.
    """
    step_key, params = jax.random.split(key)[1], expressed(substrate, params)
    blank = jnp.zeros((len(ends), img_size, img_size, 3), jnp.uint8)

    def step(carry: tuple[Tree, Array, Array, Array], number: Array) -> tuple[tuple[Tree, Array, Array, Array], dict]:
        state, frames, taken, finite = carry
        state = call(substrate, "step_state", jax.random.fold_in(step_key, before + number), state, params)

        def take() -> tuple[Array, Array, Array]:
            image = draw(substrate, state, params, img_size)
            pictures = jax.lax.dynamic_update_index_in_dim(frames, to_bytes(image), taken, 0)
            return pictures, taken + 1, finite & jnp.all(jnp.isfinite(image))

        frames, taken, finite = jax.lax.cond(
            number + 1 == ends[jnp.minimum(taken, len(ends) - 1)], take, lambda: (frames, taken, finite)
        )
        return (state, frames, taken, finite), records_of(substrate, state, params)

    start = (state, blank, jnp.int32(0), jnp.bool_(True))
    (state, frames, _, finite), records = jax.lax.scan(step, start, jnp.arange(steps, dtype=before.dtype))
    measures = measure(substrate, state, params)
    for name, values in records.items():
        if not name.startswith("individuals/"):
            finite &= jnp.all(jnp.isfinite(values))
    return Epoch(state, frames, measures, finite & all_finite(measures), records)


def records_of(substrate: Substrate, state: Tree, params: Tree) -> dict[str, Num[Array, "..."]]:
    """What is kept of a step, by name; `params` are expressed.

    Raises:
        PluginError: `moment` or `individuals` gives something else than numbers by name.
    """
    records: dict[str, Array] = {}
    if getattr(substrate, "moment", None) is not None:
        numbers = call(substrate, "moment", state, params)
        if not isinstance(numbers, dict) or any(jnp.shape(value) != () for value in numbers.values()):
            raise PluginError(
                f"{type(substrate).__name__}.moment returned {numbers!r}; expected a dict of single numbers"
            )
        records = {f"moments/{name}": jnp.asarray(value, jnp.float32) for name, value in sorted(numbers.items())}
    if getattr(substrate, "individuals", None) is not None:
        who = call(substrate, "individuals", state, params)
        if not isinstance(who, dict) or sorted(who) != sorted(INDIVIDUALS):
            raise PluginError(
                f"{type(substrate).__name__}.individuals returned {who!r}; expected a dict of id and parent, whole "
                "numbers, one of each for every slot"
            )
        records |= {f"individuals/{name}": jnp.asarray(who[name], jnp.int32) for name in INDIVIDUALS}
    return records
