"""The embedded model's eye: a small vision transformer with one token of global statistics.

A picture of 96 x 96 is cut into 36 patches of 16 x 16.  Each patch is read as four quarters by one small network, the
four are merged, and a few transformer blocks let the patches speak with each other and with a token that knows the
power spectrum (by scale and direction) and the colours of the whole picture: what Fourier says at once, attention would
have to learn.  Two heads: one in the space of the words, one for structure alone.

Everything is a plain function of a tree of arrays, so that the weights are an argument of the compiled program.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.types import ArrayLike, PRNGKey

SIDE = 96
PATCH = 16
WIDTH = 160
HEADS = 5
BLOCKS = 4
WIDER = 3
"""How many times wider the inner layer of a block is."""
STATIC_DIM = 112
"""Numbers of an embedding that one picture decides."""
STRUCTURE_DIM = 64

Weights = Mapping[str, Float[ArrayLike, "..."]]
"""Arrays by name."""

RINGS = 2.0 ** np.arange(0, 5.6, 0.5)
"""Centres of the half octaves of the statistics, cycles per picture."""
LEVELS = 4
"""Steps of each of red, green and blue in the histogram of the statistics."""


def initial_weights(key: PRNGKey) -> dict[str, Float[Array, "..."]]:
    """Weights before training."""
    patches, quarter = (SIDE // PATCH) ** 2, (PATCH // 2) ** 2 * 3
    statistics = 5 * len(RINGS) + LEVELS**3 + 6
    shapes = {
        "stem_in": (quarter, 96),
        "stem_out": (4 * 96, WIDTH),
        "statistics_in": (statistics, WIDTH),
        "statistics_out": (WIDTH, WIDTH),
        "qkv": (BLOCKS, WIDTH, 3 * WIDTH),
        "mixed": (BLOCKS, WIDTH, WIDTH),
        "wide": (BLOCKS, WIDTH, WIDER * WIDTH),
        "narrow": (BLOCKS, WIDER * WIDTH, WIDTH),
        "words": (2 * WIDTH, STATIC_DIM),
        "structure": (2 * WIDTH, STRUCTURE_DIM),
    }
    keys = jax.random.split(key, len(shapes) + 1)
    weights = {
        name: jax.random.normal(k, shape) / np.sqrt(shape[-2])
        for (name, shape), k in zip(shapes.items(), keys[1:], strict=True)
    }
    for name in ("mixed", "narrow"):  # so that the blocks begin as a gentle change
        weights[name] = weights[name] / np.sqrt(2 * BLOCKS)
    biases = {"stem_in": 96, "stem_out": WIDTH, "statistics_in": WIDTH, "statistics_out": WIDTH}
    weights |= {f"{name}_bias": jnp.zeros(n) for name, n in biases.items()}
    weights |= {"wide_bias": jnp.zeros((BLOCKS, WIDER * WIDTH)), "narrow_bias": jnp.zeros((BLOCKS, WIDTH))}
    weights |= {"norm_1": jnp.ones((BLOCKS, WIDTH)), "norm_2": jnp.ones((BLOCKS, WIDTH)), "norm": jnp.ones(2 * WIDTH)}
    weights["places"] = 0.1 * jax.random.normal(keys[0], (patches, WIDTH))
    return weights


BLOCK_WEIGHTS = ("qkv", "mixed", "wide", "wide_bias", "narrow", "narrow_bias", "norm_1", "norm_2")


def see(weights: Weights, images: Float[Array, "B 96 96 3"]) -> tuple[Float[Array, "B S"], Float[Array, "B Z"]]:
    """Vectors of the two heads, not yet of unit length, as precise as the weights.

    Args:
        weights: as `initial_weights` makes them.
        images: red green blue in [0, 1].
    """
    precision = weights["stem_in"].dtype
    statistics = jax.vmap(_statistics)(images).astype(precision)  # from a float32 spectrum, whatever the weights are
    images = images.astype(precision)
    token = jax.nn.gelu(statistics @ weights["statistics_in"] + weights["statistics_in_bias"])
    token = token @ weights["statistics_out"] + weights["statistics_out_bias"]
    x = jnp.concatenate([token[:, None], _patches(weights, images) + weights["places"]], axis=1)
    x, _ = jax.lax.scan(_block, x, {name: weights[name] for name in BLOCK_WEIGHTS}, unroll=BLOCKS)
    seen = jnp.concatenate([x[:, 0], x[:, 1:].mean(1)], axis=-1)
    seen = _norm(seen, weights["norm"])
    return seen @ weights["words"], seen @ weights["structure"]


def _patches(weights: Weights, images: Float[Array, "B 96 96 3"]) -> Float[Array, "B P W"]:
    n, half = SIDE // PATCH, PATCH // 2
    cut = images.reshape(-1, n, 2, half, n, 2, half, 3).transpose(0, 1, 4, 2, 5, 3, 6, 7)
    quarters = cut.reshape(len(images), n * n, 4, half * half * 3) - 0.5
    read = jax.nn.gelu(quarters @ weights["stem_in"] + weights["stem_in_bias"])
    return read.reshape(len(images), n * n, -1) @ weights["stem_out"] + weights["stem_out_bias"]


def _block(x: Float[Array, "B T W"], weights: Weights) -> tuple[Float[Array, "B T W"], None]:
    x = x + _attend(_norm(x, weights["norm_1"]), weights)
    wide = jax.nn.gelu(_norm(x, weights["norm_2"]) @ weights["wide"] + weights["wide_bias"])
    return x + wide @ weights["narrow"] + weights["narrow_bias"], None


def _attend(x: Float[Array, "B T W"], weights: Weights) -> Float[Array, "B T W"]:
    batch, tokens, width = x.shape
    q, k, v = jnp.moveaxis((x @ weights["qkv"]).reshape(batch, tokens, 3, HEADS, -1), (2, 3), (0, 2))
    likeness = jax.nn.softmax(q @ k.swapaxes(-1, -2) / (width // HEADS) ** 0.5, axis=-1)
    return (likeness @ v).swapaxes(1, 2).reshape(batch, tokens, width) @ weights["mixed"]


def _norm(x: Float[Array, "*shape W"], scale: Float[ArrayLike, " W"]) -> Float[Array, "*shape W"]:
    """Layers are scaled to unit variance about their mean."""
    x = x - x.mean(-1, keepdims=True)
    return x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-5) * scale


def unit(x: Float[ArrayLike, "*shape D"]) -> Float[Array, "*shape D"]:
    """Vectors of length 1."""
    return jnp.asarray(x) * jax.lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-12)


def _statistics(image: Float[Array, "96 96 3"]) -> Float[Array, " F"]:
    """Log power by half octave and its bias to one direction; histogram, mean and spread of the colours."""
    mean = image.mean((0, 1))
    spectrum = jnp.fft.rfft2(jnp.moveaxis(image - mean, -1, 0), norm="forward")
    power = (jnp.square(spectrum.real) + jnp.square(spectrum.imag)).sum(0).ravel()
    rings = (_rings() @ power).reshape(len(RINGS), 5)
    bias = rings[:, 1:] / (rings[:, :1] + 1e-5)
    logs = 0.25 * jnp.log(rings[:, 0] + 1e-6) + 2
    some = image[::3, ::3].reshape(-1, 3)
    near = jax.nn.relu(1 - jnp.abs(some[:, :, None] * (LEVELS - 1) - jnp.arange(LEVELS)))
    pairs = (near[:, 0, :, None] * near[:, 1, None, :]).reshape(len(some), -1)
    histogram = jnp.sqrt(pairs.T @ near[:, 2] / len(some)).ravel()
    return jnp.concatenate([logs, 2 * bias.ravel(), 2 * histogram, mean, image.std((0, 1)) * 2])


@cache
def _rings() -> Float[np.ndarray, "ring5 place"]:
    """Triangles of half an octave times 1 and the waves over the direction with two and four turns."""
    ky = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None]
    kx = np.arange(SIDE // 2 + 1)[None]
    counts = np.where((kx == 0) | (kx == SIDE // 2), 1.0, 2.0)
    angle = np.arctan2(ky, kx)
    waves = np.stack([np.ones_like(angle), *(wave(t * angle) for t in (2, 4) for wave in (np.cos, np.sin))])
    away = np.abs(np.log2(np.maximum(np.hypot(ky, kx), 0.5) / RINGS[:, None, None])) / 0.5
    rings = np.clip(1 - away, 0, None) * counts
    return (rings[:, None] * waves).reshape(5 * len(RINGS), -1).astype(np.float32)
