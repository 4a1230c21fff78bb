"""Continuous fields on a torus: ring kernels, circular convolutions, and where the creature in a field is.

Fields are channels first, [C, h, w]; rows count down, columns to the right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from alife.errors import BadOption

_POWERS_OF_TWO = (1.0, 0.69314442, 0.24018671, 0.05531669, 0.00922838, 0.00095403)
"""2^x on [-1, 0] as a polynomial, lowest power first: the best fit of its degree, off by less than 7e-8."""

BORDER = 8
"""Cells of border that `repeat_local` copies: more copies less often, but carries more of it along."""


def wrap(offset: Any, size: int) -> Any:
    """Shortest way round a torus, in whole cells: each number moved into [-(size // 2), size - size // 2).

    >>> wrap(np.array([0, 3, 4, 7]), 8).tolist()
    [0, 3, -4, -1]
    """
    return (offset + size // 2) % size - size // 2


def ring_kernel(
    size: int, radius: float, heights: Sequence[float], core: Callable[[np.ndarray], np.ndarray]
) -> Float[np.ndarray, "h w"]:
    """Concentric shells of equal width around the cell [0, 0], summing to 1: how a cell weighs the cells around it.

    Args:
        size: edge of the torus, cells.
        radius: outer edge of the outermost shell, cells.
        heights: weight of each shell, innermost first.
        core: profile of one shell from its inner edge (0) to its outer edge (1).

    Raises:
        BadOption: a radius that is too large for the torus, or so small that the kernel is empty.

    Source: Chan 2019 (arXiv:1812.05433).

    >>> ring_kernel(8, 2, [1], core=lambda r: (r > 0) * 1.0)[:2, :2].tolist()  # 8 neighbours, 1/8 each
    [[0.0, 0.125], [0.125, 0.125]]
    """
    if radius > size / 2:
        raise BadOption(f"the kernel reaches {radius:g} cells far; expected at most half the world's {size} cells")
    away = wrap(np.arange(size), size)
    distance = np.hypot(away[:, None], away[None, :]) / radius * len(heights)
    shell = np.minimum(distance.astype(int), len(heights) - 1)
    kernel = np.where(distance < len(heights), np.asarray(heights, float)[shell] * core(distance % 1), 0.0)
    if not kernel.sum() > 0:
        raise BadOption(
            f"a kernel of radius {radius:g} cells and shells {list(heights)} is empty; take a larger radius"
        )
    return kernel / kernel.sum()


def gaussian(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """exp(-x^2 / 2), in [0, 1]; absolute error below 5e-7.

    Two thirds of the time of `jnp.exp`, which must also be right for large and for positive arguments.

    >>> [round(float(gaussian(jnp.float32(x))), 4) for x in (0.0, 1.0, 2.0)]
    [1.0, 0.6065, 0.1353]
    """
    halvings = jnp.minimum(x * x * np.float32(0.5 / math.log(2)), 126.0)
    whole = jnp.floor(halvings)
    part = whole - halvings
    value = jnp.full_like(part, _POWERS_OF_TWO[-1])
    for coefficient in _POWERS_OF_TWO[-2::-1]:
        value = value * part + np.float32(coefficient)
    # 2^-whole, written straight into the exponent of a float32
    return value * jax.lax.bitcast_convert_type((127 - whole.astype(jnp.int32)) << 23, jnp.float32)


def laplacian(cells: Float[Array, "C h2 w2"]) -> Float[Array, "C h w"]:
    """Sum of the four nearest cells minus four times the cell itself, for all cells but those on the border.

    Over the square of a cell's edge it is the second derivative.

    >>> laplacian(jnp.arange(3.0)[:, None] ** 2 + jnp.zeros((1, 3, 3))).tolist()
    [[[2.0]]]
    """
    vertical = cells[:, :-2, 1:-1] + cells[:, 2:, 1:-1]
    return vertical + cells[:, 1:-1, :-2] + cells[:, 1:-1, 2:] - 4 * cells[:, 1:-1, 1:-1]


def repeat_local(
    step: Callable[[Float[Array, "C h2 w2"]], Float[Array, "C h w"]], cells: Float[Array, "C h w"], times: int
) -> Float[Array, "C h w"]:
    """Steps of a rule that looks one cell far, on a torus.

    The world is copied with a border of cells from its far sides, which the steps then use up: a border of 8 serves 8
    steps, and in none of them has a row to be moved, which is what most of the time of a step would go to.

    Args:
        step: from cells with a border of one to the next cells, without it.
        cells: at the start, at least 8 each way.
        times: steps, >= 0.

    >>> move_right = lambda cells: cells[:, 1:-1, :-2]
    >>> repeat_local(move_right, jnp.eye(8)[None], times=11)[0, 0].tolist()
    [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """

    def several(cells: Float[Array, "C h w"], n: int) -> Float[Array, "C h w"]:
        cells = jnp.pad(cells, ((0, 0), (n, n), (n, n)), mode="wrap")
        for _ in range(n):
            # kept apart from the next step: fused with it, every cell would be computed once for each neighbour
            cells = jax.lax.optimization_barrier(step(cells))
        return cells

    cells = jax.lax.fori_loop(0, times // BORDER, lambda _, c: several(c, BORDER), cells)
    return several(cells, times % BORDER) if times % BORDER else cells


class Convolution:
    """Circular convolutions of the channels of a field with fixed even kernels, all channels and kernels at once.

    An even kernel has a real spectrum, so two real results travel as the real and the imaginary part of one complex
    transform: half as many transforms, and each of them faster per number than a real one.

    Args:
        kernels: centred on the cell [0, 0]; even, k(-x) = k(x), as ring kernels are.
        sources: the channel that each kernel reads.

    >>> shifted_by_none = np.zeros((1, 4, 4)); shifted_by_none[0, 0, 0] = 1
    >>> Convolution(shifted_by_none, [0])(jnp.ones((1, 4, 4)))[0].shape
    (4, 4)
    """

    def __init__(self, kernels: Float[np.ndarray, "k h w"], sources: Sequence[int]) -> None:
        self._spectra = np.fft.fft2(kernels).real.astype(np.float32)
        self._sources = [int(channel) for channel in sources]

    def __call__(self, cells: Float[Array, "C h w"]) -> list[Float[Array, "h w"]]:
        """One field per kernel, in their order."""
        spectra = _spectra(cells)
        pairs = [(spectra[channel], kernel) for channel, kernel in zip(self._sources, self._spectra, strict=True)]
        results = []
        for (a, k), (b, g) in zip(pairs[::2], pairs[1::2], strict=False):
            both = jnp.fft.ifft2(jax.lax.complex(a.real * k - b.imag * g, a.imag * k + b.real * g))
            results += [both.real, both.imag]
        if len(pairs) % 2:
            (a, k), (height, width) = pairs[-1], cells.shape[1:]
            results.append(jnp.fft.irfft2((a * k)[:, : width // 2 + 1], s=(height, width)))
        return results


def moments(cells: Float[Array, "C h w"], centre: Int[Array, "2"]) -> tuple[Float[Array, ""], Float[Array, "2"]]:
    """Sum of all cells, and that sum weighted with row and column counted from the cell `centre`.

    The torus is cut opposite `centre`: every cell counts where it is nearest.
    """
    flat = cells.sum(0)
    away = [wrap(jnp.arange(n) - centre[axis], n).astype(flat.dtype) for axis, n in enumerate(flat.shape)]
    return flat.sum(), jnp.stack([flat.sum(1) @ away[0], flat.sum(0) @ away[1]])


def lean(cells: Float[Array, "C h w"], centre: Int[Array, "2"]) -> Float[Array, "2"]:
    """Row and column of the centre of mass, counted from the cell `centre`, cells; zeros in an empty world."""
    mass, moment = moments(cells, centre)
    return moment / jnp.maximum(mass, jnp.finfo(mass.dtype).tiny)


def centre_of_mass(cells: Float[Array, "C h w"]) -> Int[Array, "2"]:
    """The cell in which a creature's centre of mass lies, wherever on the torus it is.

    A circular mean finds the creature, and two looks from there correct for its shape.
    """
    flat = cells.sum(0)
    centre = jnp.stack([_circular_mean(flat.sum(1)), _circular_mean(flat.sum(0))])
    for _ in range(2):
        centre = centre + jnp.round(lean(cells, centre)).astype(jnp.int32)
    return centre % jnp.array(flat.shape)


def window(cells: Float[Array, "C h w"], centre: Int[Array, "2"], edge: int) -> Float[Array, "C e e"]:
    """The square of cells around `centre`, which comes to lie at [edge // 2, edge // 2]."""
    rows, columns = ((centre[axis] - edge // 2 + jnp.arange(edge)) % cells.shape[axis + 1] for axis in (0, 1))
    return cells[:, rows][:, :, columns]


def creature_measures(
    now: Float[Array, "C h w"],
    later: tuple[Float[Array, "C h w"], Float[Array, "C h w"]],
    centre: Int[Array, "2"],
    *,
    radius: float,
    rate: float,
    near: int,
) -> dict[str, Float[Array, ""]]:
    """Named numbers about the creature in a field, in units of its kernel: lengths in radii, times in time units.

    mass: sum of all cells over radius^2.
    centre_x, centre_y: centre of mass, radii to the right of and above the middle of the world.
    speed: way of the centre of mass per time unit, radii, >= 0.
    angular_velocity: change of its heading per time unit, half turns, counterclockwise > 0; 0 below speed 0.01.
    is_empty: 1 where some channel has no cell of 0.1 or more, else 0.
    is_full: 1 where the cells farthest from the creature sum to more than 0.1, else 0.
    is_spread: 1 where less than 0.9 of the mass is near the creature, else 0.

    Args:
        now: the moment that is measured.
        later: the two moments after it.
        centre: a cell near the centre of mass; it may have gone round the torus.
        radius: of the kernel, cells.
        rate: steps per time unit.
        near: edge of the square that counts as near, cells.

    Source: thresholds as in Faldor and Cully 2024 (arXiv:2406.04235).
    """
    places = [lean(cells, centre) for cells in (now, *later)]
    ways = [places[1] - places[0], places[2] - places[1]]
    speed = jnp.linalg.norm(ways[0]) / radius * rate
    headings = [jnp.arctan2(-way[0], way[1]) / jnp.pi for way in ways]
    turn = (headings[1] - headings[0] + 1) % 2 - 1
    height, width = now.shape[1:]
    position = centre + places[0] - jnp.array([height // 2, width // 2])
    mass, alone = now.sum(), window(now, centre, height)
    border = alone[:, 0].sum() + alone[:, -1].sum() + alone[:, :, 0].sum() + alone[:, :, -1].sum()
    return {
        "mass": mass / radius**2,
        "centre_x": position[1] / radius,
        "centre_y": -position[0] / radius,
        "speed": speed,
        "angular_velocity": jnp.where(speed > 0.01, turn * rate, 0.0),
        "is_empty": (now < 0.1).all((1, 2)).any().astype(jnp.float32),
        "is_full": (border > 0.1).astype(jnp.float32),
        "is_spread": (window(now, centre, near).sum() < 0.9 * mass).astype(jnp.float32),
    }


def _spectra(cells: Float[Array, "C h w"]) -> list[Complex[Array, "h w"]]:
    """Spectrum of every channel; two channels share one complex transform."""
    spectra = []
    for a, b in zip(cells[::2], cells[1::2], strict=False):
        both = jnp.fft.fft2(jax.lax.complex(a, b))
        mirrored = jnp.conj(_mirror(both))
        spectra += [(both + mirrored) * 0.5, (both - mirrored) * -0.5j]
    if len(cells) % 2:
        half = jnp.fft.rfft2(cells[-1])
        rest = jnp.conj(jnp.roll(half[::-1], 1, axis=0)[:, (cells.shape[2] - 1) // 2 : 0 : -1])
        spectra.append(jnp.concatenate([half, rest], axis=1))
    return spectra


def _mirror(spectrum: Complex[Array, "h w"]) -> Complex[Array, "h w"]:
    """The spectrum at minus every frequency."""
    return jnp.roll(spectrum[::-1, ::-1], 1, axis=(0, 1))


def _circular_mean(weights: Float[Array, " n"]) -> Int[Array, ""]:
    """The place on a ring that the weights surround."""
    n = len(weights)
    angles = 2 * np.pi * np.arange(n) / n
    angle = jnp.arctan2(weights @ np.sin(angles).astype(np.float32), weights @ np.cos(angles).astype(np.float32))
    return jnp.round(angle * (n / (2 * np.pi))).astype(jnp.int32)
