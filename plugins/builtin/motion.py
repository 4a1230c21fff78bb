"""How K frames move: a few dozen numbers that say it nearly by themselves, and a small network that reads them.

A frame is reduced to how far each pixel is from the ground colour of the film, at 48 x 48.  Compared are neighbours in
time: how much changes, where the mass goes, how its amount, its spread and the number of its pieces change, and how
well a shift, a turn or a zoom of one frame explains the next.
"""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .measured import ground_of
from .tower import Weights

SIDE = 48
RADII, ANGLES = 10, 48
"""Grid of the polar pictures, from which turns (along the angles) and zooms (along the log radii) are read."""


def chances(weights: Weights, films: Float[Array, "B K 96 96 3"]) -> Float[Array, "B M"]:
    """How likely each motion is, in the order of `ATTRIBUTES["motion"]`; they add up to 1.

    Args:
        weights: of the model, of which those named motion_* are used.
        films: frames in time order, one or more; a single frame stands still.
    """
    return jax.nn.softmax(logits(weights, jax.lax.map(features, films)))


def logits(weights: Weights, numbers: Float[Array, "B F"]) -> Float[Array, "B M"]:
    """The small network."""
    hidden = jnp.tanh((numbers - weights["motion_centre"]) / weights["motion_spread"])
    hidden = jax.nn.gelu(hidden @ weights["motion_in"] + weights["motion_in_bias"])
    return hidden @ weights["motion_out"] + weights["motion_out_bias"]


def features(film: Float[Array, "K 96 96 3"]) -> Float[Array, " F"]:
    """Means, spreads and trends over the pairs of neighbours in time."""
    small = film.reshape(len(film), SIDE, 2, SIDE, 2, 3).mean((2, 4))
    if len(film) == 1:
        small = jnp.repeat(small, 2, axis=0)
    ground = ground_of(small[0])
    away = jnp.sqrt(jnp.square(small - ground).sum(-1) + 1e-8)
    fields = away / jnp.maximum(away.max(), 0.1)
    one = jax.vmap(_moment)(fields)
    pairs = jax.vmap(_pair)(fields[:-1], fields[1:])
    polar = jax.vmap(_polar)(fields)
    turns = jax.vmap(_turn)(polar[:-1], polar[1:])
    zooms = jax.vmap(_zoom)(polar[:-1], polar[1:])
    steps = jnp.diff(one, axis=0)
    later = jax.vmap(_likeness)(fields[:-2], fields[2:]) if len(fields) > 2 else jnp.ones(1)
    told = jnp.concatenate([pairs, turns, zooms, steps], axis=1)
    swing = jnp.mean(jnp.sign(steps[1:]) * jnp.sign(steps[:-1]) < 0, axis=0) if len(steps) > 1 else jnp.zeros(4)
    return jnp.concatenate([told.mean(0), jnp.abs(told).mean(0), told.std(0), swing, one.mean(0), later.mean()[None]])


def _moment(field: Float[Array, "Y X"]) -> Float[Array, " 4"]:
    """Logarithms of mass, of the area it covers, of its spread round its middle, and of the number of its pieces."""
    mass = field.mean()
    area = jax.nn.sigmoid((field - 0.4) * 20).mean()
    line = jnp.asarray(_line())
    weight = field / (field.sum() + 1e-6)
    cy, cx = (weight.sum(1) * line).sum(), (weight.sum(0) * line).sum()
    spread = (weight.sum(1) * (line - cy) ** 2).sum() + (weight.sum(0) * (line - cx) ** 2).sum()
    soft = _blurred(field)
    peak = (soft >= _highest(soft) - 1e-6) & (soft > 0.25 * soft.max())
    return jnp.log(jnp.stack([mass + 1e-3, area + 1e-3, spread + 1e-3, peak.sum() + 1.0]))


def _pair(a: Float[Array, "Y X"], b: Float[Array, "Y X"]) -> Float[Array, " 5"]:
    """Change, likeness as they are and at the best shift, how far that shift is, and how far the middle went."""
    change = jnp.abs(b - a).mean() / (0.5 * (a.mean() + b.mean()) + 1e-3)
    fa, fb = (jnp.fft.rfft2(f - f.mean()) for f in (a, b))
    match = jnp.fft.irfft2(jnp.conj(fa) * fb, s=a.shape)
    power = jnp.sqrt(jnp.square(a - a.mean()).sum() * jnp.square(b - b.mean()).sum()) + 1e-6
    best = jnp.argmax(match)
    dy, dx = ((jnp.stack([best // SIDE, best % SIDE]) + SIDE // 2) % SIDE - SIDE // 2) / SIDE
    return jnp.stack([change, match[0, 0] / power, match.max() / power, jnp.hypot(dx, dy), _went(a, b)])


def _went(a: Float[Array, "Y X"], b: Float[Array, "Y X"]) -> Float[Array, ""]:
    """Distance between the middles of two fields, on the torus."""
    wave = jnp.exp(2j * np.pi * jnp.asarray(_line()))

    def middle(field: Array) -> Array:
        return jnp.stack([(field.sum(1) * wave).sum(), (field.sum(0) * wave).sum()])

    turn = jnp.angle(middle(b) * jnp.conj(middle(a)) + 1e-9) / (2 * np.pi)
    return jnp.linalg.norm(turn)


def _polar(field: Float[Array, "Y X"]) -> Float[Array, "RADII ANGLES"]:
    """The field by log radius and angle about the middle of the picture."""
    rows, columns = _places()
    return field[rows, columns]


def _turn(a: Float[Array, "RADII ANGLES"], b: Float[Array, "RADII ANGLES"]) -> Float[Array, " 2"]:
    """Likeness at the best turn above likeness without one, and the size of that turn."""
    a, b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    match = jnp.fft.irfft(jnp.conj(jnp.fft.rfft(a)) * jnp.fft.rfft(b), n=ANGLES).sum(0)
    power = jnp.sqrt(jnp.square(a).sum() * jnp.square(b).sum()) + 1e-3
    best = (jnp.argmax(match) + ANGLES // 2) % ANGLES - ANGLES // 2
    return jnp.stack([(match.max() - match[0]) / power, jnp.abs(best) / ANGLES])


def _zoom(a: Float[Array, "RADII ANGLES"], b: Float[Array, "RADII ANGLES"]) -> Float[Array, " 2"]:
    """How much better b is a grown a, and a shrunk one: likeness at two radii out or in, above that in place."""
    return jnp.stack([_likeness(a[:-2], b[2:]), _likeness(a[2:], b[:-2])]) - _likeness(a, b)


def _likeness(a: Array, b: Array) -> Float[Array, ""]:
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / (jnp.sqrt(jnp.square(a).sum() * jnp.square(b).sum()) + 1e-3)


def _blurred(field: Float[Array, "Y X"]) -> Float[Array, "Y X"]:
    for axis in (0, 1):
        field = (jnp.roll(field, 1, axis) + 2 * field + jnp.roll(field, -1, axis)) / 4
    return field


def _highest(field: Float[Array, "Y X"]) -> Float[Array, "Y X"]:
    """The highest within two pixels."""
    for axis in (0, 1):
        shifted = [jnp.roll(field, step, axis) for step in (-2, -1, 1, 2)]
        field = jnp.max(jnp.stack([field, *shifted]), axis=0)
    return field


def _line() -> Float[np.ndarray, " SIDE"]:
    return (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE


@cache
def _places() -> tuple[np.ndarray, np.ndarray]:
    radius = 3.0 * (22.0 / 3.0) ** (np.arange(RADII) / (RADII - 1))
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    rows = np.rint(SIDE / 2 - 0.5 + radius[:, None] * np.sin(angle)).astype(int)
    return rows, np.rint(SIDE / 2 - 0.5 + radius[:, None] * np.cos(angle)).astype(int)
