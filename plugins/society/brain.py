"""Brains of agents: what is seen goes through attention to a recurrent cell, and out come 44 numbers.

The weights are the genome.  They are kept as a tree of arrays, one slot in a row, in 16 bits: a step reads every
weight of every brain that is alive once, so its time is that of reading them, and half as many bytes take half of it.
Beside a mutation of 0.01, what 16 bits round off (a part in 2048) is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid
from jaxtyping import Array, Bool, Float

from alife.types import PRNGKey

from .settings import Settings
from .space import MESSAGE, RECORD, SEEN, TAG

HEADS = 4
AGENT = 2 + 2 + RECORD + TAG + 2 * MESSAGE
"""Numbers in which an agent is seen, by itself and by others: energy, age, place, last action, tag, outbox, inbox."""
OUTBOX = slice(AGENT - 2 * MESSAGE, AGENT - MESSAGE)
INBOX = slice(AGENT - MESSAGE, AGENT)
"""Where messages stand in them."""
ROBOT = 3 + 2 * MESSAGE
"""Numbers in which a robot is seen: energy, place, memory, program."""
OUTPUTS = RECORD + 2 * MESSAGE
"""The action record, what is shown, what is sent."""
SIDE_BY_SIDE = {"self_attend": 3, "attend": 2}
"""Layers that are several kernels in one: of queries, keys and values, and of keys and values."""
CELLS = {"lstm": 4, "gru": 3, "mlp": 1}
"""Gates of the cell at the heart of a brain."""


class Seen(NamedTuple):
    """What B agents see."""

    own: Float[Array, "B A"]
    others: Float[Array, "B Ka A"]
    robots: Float[Array, "B Kr O"]
    patch: Float[Array, "B P"]
    """Layers of the terrain around."""
    there: Bool[Array, "B K"]
    """Which of the others, then of the robots, exist; nothing that does not has any effect."""


def shapes_of(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Weights of one brain, in the order of the flat genome; the last row of each layer is its bias."""
    if settings.brain not in CELLS:
        return {"none": (1, 1)}
    h, gates = settings.width, CELLS[settings.brain]
    inner = 2 * h if settings.brain == "mlp" else 3 * h
    layers = {
        "see_agent": (AGENT, h), "see_robot": (ROBOT, h),
        "self_attend": (h, 3 * h), "self_out": (h, h),
        "query": (h, h), "attend": (h, 2 * h), "out": (h, h),
        "see_terrain": (patch_size(settings), h), "think_terrain": (h, h),
        "cell": (inner, gates * h), "act": (h, h), "do": (h, OUTPUTS),
    }  # fmt: skip
    return {name: (inputs + 1, outputs) for name, (inputs, outputs) in sorted(layers.items())}


def patch_size(settings: Settings) -> int:
    """Numbers of the terrain that an agent sees."""
    return (2 * settings.patch + 1) ** 2 * (len(SEEN) + settings.sees_bit)


def weights(settings: Settings) -> int:
    """Numbers in one brain.

    >>> weights(Settings())
    136172
    """
    return sum(int(np.prod(shape)) for shape in shapes_of(settings).values())


def random_brain(key: PRNGKey, settings: Settings) -> dict[str, Float[Array, "..."]]:
    """A newborn mind: orthogonal kernels of gain sqrt 2, no biases."""
    shapes = shapes_of(settings)
    if settings.brain not in CELLS:
        return {name: jnp.zeros(shape) for name, shape in shapes.items()}
    sizes = [(inputs - 1) * outputs for inputs, outputs in shapes.values()]
    drawn = jnp.split(jax.random.normal(key, (sum(sizes),)), np.cumsum(sizes)[:-1])
    kernels = [
        kernel
        for part, (name, (inputs, outputs)) in zip(drawn, shapes.items(), strict=True)
        for kernel in part.reshape(SIDE_BY_SIDE.get(name, 1), inputs - 1, -1)
    ]
    made = iter(orthogonal(kernels))
    return {
        name: jnp.pad(jnp.concatenate([next(made) for _ in range(SIDE_BY_SIDE.get(name, 1))], axis=1), ((0, 1), (0, 0)))
        for name in shapes
    }


def orthogonal(kernels: Sequence[Float[Array, "_ _"]]) -> list[Float[Array, "_ _"]]:
    """The orthogonal kernels of gain sqrt 2 that are nearest to kernels of normal numbers; all directions are alike.

    By Newton and Schulz' iteration, in products of matrices alone: 30 turns bring a direction that is ten thousand
    times too short to within rounding of its length, and such short ones only square kernels have.  (LAPACK's QR
    decomposition has been seen to block for ever where XLA runs several of them beside other work.)

    >>> (kernel,) = orthogonal([jax.random.normal(jax.random.key(0), (3, 5))])
    >>> bool(jnp.allclose(kernel @ kernel.T, 2 * jnp.eye(3), atol=1e-5))
    True
    """

    def nearer(_: Array, x: Array) -> Array:
        return 1.5 * x - 0.5 * (x @ x.swapaxes(-1, -2)) @ x

    wide = [kernel if kernel.shape[0] <= kernel.shape[1] else kernel.T for kernel in kernels]
    edge = max(min(kernel.shape) for kernel in wide)
    done: dict[int, Array] = {}
    # those that fit into a square are done together: what is padded with zeros keeps them
    small = [i for i, kernel in enumerate(wide) if max(kernel.shape) <= max(edge, AGENT)]
    square = max((max(wide[i].shape) for i in small), default=0)
    groups = [small, *([i] for i in range(len(wide)) if i not in small)]
    for group in filter(None, groups):
        high, long = (square, square) if group is small else wide[group[0]].shape
        stack = jnp.stack(
            [jnp.pad(w, ((0, high - w.shape[0]), (0, long - w.shape[1]))) for w in (wide[i] for i in group)]
        )
        start = stack / jnp.linalg.norm(stack, axis=(1, 2), keepdims=True)
        found = np.sqrt(2) * jax.lax.fori_loop(0, 30 if high == long else 20, nearer, start)
        done |= {i: found[n, : wide[i].shape[0], : wide[i].shape[1]] for n, i in enumerate(group)}
    return [done[i] if wide[i] is kernel else done[i].T for i, kernel in enumerate(kernels)]


def think(
    genome: dict[str, Float[Array, "B ..."]],
    seen: Seen,
    hidden: Float[Array, "B 2 H"],
    key: PRNGKey,
    kind: str,
) -> tuple[Float[Array, "B O"], Float[Array, "B 2 H"]]:
    """What B agents do, each number in [-1, 1], and what they remember.

    Args:
        genome: weights, one brain in a row.
        seen: what they see.
        hidden: what they remember, cell and output.
        key: for brains that throw dice.
        kind: of brain, see `alife.plugins.society.settings.Settings`.
    """
    count = len(seen.own)
    if kind not in CELLS:
        idle = jnp.zeros((count, OUTPUTS))
        if kind == "random":
            return jax.random.uniform(key, idle.shape, minval=-1, maxval=1), hidden
        return (idle.at[:, 3].set(1.0) if kind == "eat_only" else idle), hidden

    def dense(name: str, x: Array) -> Array:
        kernel, bias = genome[name][:, :-1], genome[name][:, -1]
        return jnp.einsum("b...i,bio->b...o", x, kernel) + bias.reshape(count, *[1] * (x.ndim - 2), -1)

    agents = jnp.tanh(dense("see_agent", jnp.concatenate([seen.own[:, None], seen.others], axis=1)))
    own, others = agents[:, 0], agents[:, 1:]
    tokens = jnp.concatenate([others, jnp.tanh(dense("see_robot", seen.robots))], axis=1)
    query, keys, values = map(_heads, jnp.split(dense("self_attend", tokens), 3, axis=-1))
    tokens = dense("self_out", _attend(query, keys, values, seen.there))
    query, keys, values = map(_heads, [dense("query", own[:, None]), *jnp.split(dense("attend", tokens), 2, axis=-1)])
    others = dense("out", _attend(query, keys, values, seen.there)[:, 0])
    others = jnp.where(jnp.any(seen.there, axis=1, keepdims=True), others, 0)
    terrain = dense("think_terrain", jnp.tanh(dense("see_terrain", seen.patch)))
    inner, hidden = _cell(kind, dense, jnp.concatenate([others, terrain], axis=1), hidden)
    return jnp.tanh(dense("do", jnp.tanh(dense("act", inner)))), hidden


def _heads(x: Float[Array, "B T H"]) -> Float[Array, "B heads T d"]:
    return x.reshape(*x.shape[:2], HEADS, -1).swapaxes(1, 2)


def _attend(
    query: Float[Array, "B heads T d"],
    keys: Float[Array, "B heads K d"],
    values: Float[Array, "B heads K d"],
    there: Bool[Array, "B K"],
) -> Float[Array, "B T H"]:
    """Means of the values, weighted by how well their keys fit; of those that are there only."""
    fit = jnp.einsum("bhtd,bhkd->bhtk", query, keys) / np.sqrt(query.shape[-1])
    weight = jax.nn.softmax(jnp.where(there[:, None, None], fit, -1e9), axis=-1)
    mean = jnp.einsum("bhtk,bhkd->bhtd", weight, values)
    return mean.swapaxes(1, 2).reshape(len(mean), query.shape[2], -1)


def _cell(kind: str, dense: Any, x: Float[Array, "B I"], hidden: Float[Array, "B 2 H"]) -> tuple[Array, Array]:
    """Long short-term memory, a gated recurrent unit, or no memory at all."""
    if kind == "mlp":
        return jnp.tanh(dense("cell", x)), hidden
    before, said = hidden[:, 0], hidden[:, 1]
    if kind == "gru":
        # the candidate sees the memory through the same weights, let through by the reset gate after them
        update, reset, candidate = jnp.split(dense("cell", jnp.concatenate([x, said], axis=1)), 3, axis=1)
        update = sigmoid(update)
        said = update * said + (1 - update) * jnp.tanh(sigmoid(reset) * candidate)
        return said, jnp.stack([before, said], axis=1)
    enter, keep, new, show = jnp.split(dense("cell", jnp.concatenate([x, said], axis=1)), 4, axis=1)
    before = sigmoid(keep) * before + sigmoid(enter) * jnp.tanh(new)
    said = sigmoid(show) * jnp.tanh(before)
    return said, jnp.stack([before, said], axis=1)
