"""`complexity`: how much the pictures of a world resist compression."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.options import whole
from alife.types import Population

LEVELS = 16
"""Shades of each colour that are told apart."""


def complexity(population: Population, scale: int = 4) -> Float[Array, " N"]:
    """Compressed size of a world's frames, as a share of what their shades can hold.

    The size is that of an ideal arithmetic coder, which is told what differs from the pixel to the left, from the one
    above, or from the same one a frame earlier, or the shades as they are: whichever takes least.  In [0, 1], higher is
    more complex: 0 for still, empty worlds.  Frames are shrunk by averaging first, which leaves little of noise and
    much of structure; with scale=1 noise is the most complex of all.

    Args:
        population: worlds of one generation.
        scale: pixels averaged to one, along each side, 1 or more.

    Raises:
        BadOption: a scale that is not a whole number, or larger than a frame.

    Source: compressed size as complexity: Zenil 2010 (doi:10.25088/ComplexSystems.19.1.1); the coder is our own.

    >>> frames = jnp.zeros((2, 1, 64, 64, 3), jnp.uint8).at[1, :, ::16].set(255)
    >>> empty, striped = complexity(Population(jnp.zeros((2, 1, 2)), {}, jnp.zeros((1, 2)), 0, frames=frames))
    >>> bool(0 == empty < striped < 0.1)
    True
    """
    frames = population.frames
    if frames is None:
        raise BadOption("score complexity looks at frames; this population has none")
    whole("score complexity: scale", scale, 1, frames.shape[2], "pixels of a frame")
    return jax.lax.map(lambda world: _share(world, scale), jnp.asarray(frames))


def _share(frames: UInt8[Array, "K H W 3"], scale: int) -> Float[Array, ""]:
    """Bits of one world's shades after the best prediction, per bit that they could hold."""
    k, edge = len(frames), frames.shape[1] // scale
    blocks = frames[:, : edge * scale, : edge * scale].reshape(k, edge, scale, edge, scale, 3)
    shades = (jnp.mean(blocks, (2, 4)) * (LEVELS / 256)).astype(jnp.int32)
    sizes = [_entropy(jnp.diff(shades, axis=axis, prepend=0)) for axis in (0, 1, 2)]
    return jnp.minimum(jnp.min(jnp.stack(sizes)) / jnp.log2(LEVELS), 1)  # differences of noise are noisier still


def _entropy(differences: Int[Array, "K h w 3"]) -> Float[Array, ""]:
    """Bits per number that an ideal coder needs which knows how often each occurs."""
    often = jnp.bincount(differences.ravel() + LEVELS - 1, length=2 * LEVELS - 1) / differences.size
    return -jnp.sum(jax.scipy.special.xlogy(often, often)) / jnp.log(2)


@hookimpl
def register_scores(register: Callable[..., None]) -> None:
    register("complexity", complexity, summary="frames resist compression", source="Zenil 2010")
