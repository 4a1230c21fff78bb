"""The least time that a core needs for what a generation computes: its arithmetic and its bytes at full speed.

The compiler counts both for one step, one picture and one embedding, each compiled alone.  A loop inside them whose
turns depend on data counts once, and what is done by a library, such as a transform, may not count at all: so the floor
is never too high by that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .evaluate import Evaluator
from .types import Tree
from .worlds.engine import call, draw, expressed

TURNS = 64
"""Times that a buffer is copied within one program, so that starting it does not count."""
SMALLEST, LARGEST = 2**14, 2**26
"""Bytes of the buffers whose copying is timed, least and most."""


class Work(NamedTuple):
    """What a program does, as its compiler counts it."""

    flops: float
    """Operations on numbers."""
    read: float
    """Bytes that its parts read and write, in caches or not."""
    held: float
    """Bytes that lie in memory while it runs: what it is given, makes and uses meanwhile."""

    def __mul__(self, times: float) -> Work:  # type: ignore[override]
        """The same, so many times one after the other."""
        return Work(self.flops * times, self.read * times, self.held)


class Core(NamedTuple):
    """What a core does at its best."""

    flops: float
    """Operations in a second, in a product of matrices."""
    copied: Callable[[float], float]
    """Bytes read and written in a second, where so many bytes are held: those that fit into a cache are fast."""

    def seconds(self, work: Work) -> float:
        """Least time for some work: of its arithmetic and its bytes what takes longer."""
        return max(work.flops / self.flops, work.read / self.copied(work.held))


def work_of(function: Callable[..., Any], *shapes: Any) -> Work:
    """What a function of arrays of these shapes does.

    >>> work_of(lambda x: x + 1, jax.ShapeDtypeStruct((1000,), jnp.float32))[:2]
    (1000.0, 8000.0)
    """
    compiled = jax.jit(function).lower(*shapes).compile()
    cost, memory = compiled.cost_analysis() or {}, compiled.memory_analysis()
    sizes = ("argument_size_in_bytes", "output_size_in_bytes", "temp_size_in_bytes")
    held = float(sum(getattr(memory, size, 0) for size in sizes))
    return Work(float(cost.get("flops", 0)), float(cost.get("bytes accessed", 0)), held)


def work_of_generation(evaluator: Evaluator, population: int) -> dict[str, Work]:
    """What stepping, drawing and embedding the worlds of a generation takes, chunk after chunk."""
    space, lanes, size = evaluator.space, evaluator.lanes, evaluator.img_size
    substrate, frames = space.substrate, evaluator.schedule.count
    key = jax.ShapeDtypeStruct((), jax.random.key(0).dtype)
    params = jax.eval_shape(lambda g: expressed(substrate, space.unflatten(g)), _shape(space.size, dtype=space.dtype))
    state = jax.eval_shape(lambda key, params: call(substrate, "init_state", key, params), key, params)

    def step(key: Tree, state: Tree, params: Tree) -> Tree:
        return call(substrate, "step_state", key, state, params)

    def picture(state: Tree, params: Tree) -> Tree:
        return draw(substrate, state, params, size)

    def many(function: Callable[..., Any], *shapes: Tree) -> Work:
        if lanes == 1:
            return work_of(function, *shapes)
        wide = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((lanes, *leaf.shape), leaf.dtype), shapes)
        return work_of(jax.vmap(function), *wide)

    chunks = -(-population // lanes)
    work = {
        "simulate": many(step, key, state, params) * (chunks * evaluator.schedule.steps),
        "render": many(picture, state, params) * (chunks * frames),
    }
    if evaluator.embedder.traceable:
        weights = evaluator.embedder.weights
        # all pictures of a chunk share one look at the weights; where there are none, a model may loop over pictures
        pictures = 1 if weights is None else lanes * frames
        seen = work_of(evaluator.embedder.images, _shape(pictures, size, size, 3, dtype=jnp.float32), weights)
        work["embed"] = seen * (chunks * lanes * frames // pictures)
    return work


def this_core(product: float, size: int) -> Core:
    """What this core does.

    Args:
        product: seconds that it takes for a product of two square matrices.
        size: rows of each.
    """
    known: dict[int, float] = {}

    def copied(held: float) -> float:
        size = int(np.clip(2 ** np.ceil(np.log2(max(1.0, held))), SMALLEST, LARGEST))
        if size not in known:
            known[size] = _copied(size)
        return known[size]

    return Core(2 * size**3 / product, copied)


def _copied(held: int) -> float:
    """Bytes read and written in a second, of a buffer and its copy that are so large together."""
    from .bench import median_seconds

    buffer = jnp.ones(held // 8)
    turns = max(TURNS, LARGEST // held)
    program = jax.jit(lambda x: jax.lax.fori_loop(0, turns, lambda _, x: x + 1, x))
    return turns * held / median_seconds(lambda: jax.block_until_ready(program(buffer)))


def _shape(*sizes: int, dtype: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(sizes, dtype)
