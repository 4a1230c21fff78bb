"""`texture`: what a picture is made of, as a unit vector, with nothing trained and nothing to download.

Two pictures are near when the same kind of stuff fills them (spots, a maze, gliders, branches), wherever it lies and
whichever way it points.  One Fourier transform at the picture's own size, cut to its 32 lowest frequencies, feeds
every part of the embedding (`BLOCKS`): how much structure there is at each scale and how far it has one direction
(the power spectrum), whether it is sparse or even, lines or dots, clustered or spread (moments of wavelet bands),
and, with its own small weight, colour.  Each number is centred and scaled by `data/texture.json`, so that pictures of
unlike kinds have a cosine near 0.

What changes the picture and hardly the embedding (cosines over 20 kinds of pictures):
- a shift round the torus, a quarter turn, a mirror image: above 0.998; any other turn: median 0.97;
- the pixel count, since frequencies are counted per picture: median 0.98 between 128 and 224 pixels; 0.86 between 64
  and 224, because single cells are no longer sharp there;
- other colours, bright on dark or dark on bright: only the colour part changes, if the new palette is a turn, a
  mirror image or a negative of the old one in colour space.
A zoom by 1.25 leaves a median of 0.94, less for soft pictures: scale is part of what a picture is.  A picture with
nothing on it has a vector of its own, at right angles to every other but for the colour part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from alife import hookimpl
from alife.errors import BadOption

VERSION = "texture-1"
"""Part of the identity of every embedding: to be raised by any change of what `embed_images` returns."""

BLOCKS = {
    "spectrum": 1.7,  # share of the power in each half octave
    "fine": 1.0,  # share of the power above all of them: sharp edges and single pixels
    "direction": 1.2,  # how far each half octave has one direction, or two at right angles
    "peaks": 0.7,  # kurtosis of the fine octaves: few strong things or many even ones
    "polarity": 2.4,  # skewness of the fine octaves: things on a ground (either way), or no ground at all
    "crossing": 2.4,  # how much other directions are found where one is: dots and corners, or lines
    "envelope": 1.4,  # power spectrum of each octave's strength: clusters, patches, even cover
    "pixels": 2.3,  # kurtosis and skewness of the pixels themselves
}
"""Parts of the structure with their weights, chosen by 5-nearest-neighbour purity: see bench_texture.py."""

GRID = 64  # samples along the edge once frequencies above 32 per picture are cut off
RINGS = 2.0 ** np.arange(0, 5.5, 0.5)  # centres of the half octaves, cycles per picture
DIRECTED_RINGS = slice(4, None)  # below 4 cycles a ring has too few waves to tell a direction from chance
OCTAVES = (16, 8, 4)  # centres of the wavelets, cycles per picture
FINE_OCTAVES = 2  # so many of them have enough periods in one picture for higher moments
DIRECTIONS = 4  # wavelets point along 0, 45, 90 and 135 degrees
FAINT = 1e-5  # variance, squared brightness: below it a picture counts as blank (0.8 of 255 grey levels)


class Texture:
    """Embeds pictures by their structure and colour; knows no text.

    Args:
        image_size: edge at which frames are best drawn, pixels; any size from 16 is understood.
        colour: length of the colour part against that of the structure, 0 (blind to colour) or more.

    Raises:
        BadOption: an option out of range; pictures that are not square or smaller than 16 pixels.

    Source: after Portilla & Simoncelli 2000 (statistics of wavelet bands) and Bruna & Mallat 2013 (scattering), with
    power spectra in place of their second wavelet layer.

    >>> z = Texture().embed_images(jnp.zeros((1, 32, 32, 3)))
    >>> z.shape, round(float(jnp.linalg.norm(z)), 3)
    ((1, 60), 1.0)
    """

    def __init__(self, image_size: int = 128, colour: float = 0.15) -> None:
        if image_size < 16:
            raise BadOption(f"texture got image_size={image_size}; it needs pictures of 16 pixels or more, say 128")
        if not 0 <= colour < np.inf:
            raise BadOption(f"texture got colour={colour}; it is the weight of the colour part: 0 or more, say 0.15")
        self.image_size = int(image_size)
        self.colour = float(colour)
        self.dim = sum(len(centre) for centre, _ in _table().values()) + 1
        told = json.dumps([VERSION, self.colour, BLOCKS, _table_text()])
        self.identity = f"{VERSION}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"

    def embed_images(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, 16 pixels or more."""
        height, width = images.shape[1:3]
        if height != width or height < 16:
            raise BadOption(
                f"texture got pictures of {height} x {width} pixels; it needs square ones of 16 or more, "
                f"such as {self.image_size} x {self.image_size}"
            )
        one = partial(_embed, colour=self.colour)
        # One picture after the other on a CPU: the same bytes whatever the batch, and all of it stays in cache.
        return jax.lax.platform_dependent(images, cpu=partial(jax.lax.map, one), default=jax.vmap(one))


def _embed(image: Float[Array, "H W 3"], colour: float) -> Float[Array, " D"]:
    """A unit vector: structure, colour, and one number that only a blank picture has."""
    measured, variance = measure(image)
    alive = variance / (variance + FAINT)
    parts = {name: _standard(name, values) for name, values in measured.items()}
    whole = np.sqrt(sum(weight**2 for weight in BLOCKS.values()))
    structure = [alive * weight / whole * parts[name] for name, weight in BLOCKS.items()]
    z = jnp.concatenate([*structure, colour * parts["colour"], (1 - alive)[None]])
    return z / jnp.linalg.norm(z)


def _standard(name: str, values: Float[Array, " D"]) -> Float[Array, " D"]:
    """Centred, scaled and held within 4 standard deviations; a typical block has length 1."""
    centre, scale = (np.asarray(numbers, np.float32) for numbers in _table()[name])
    deviation = (values - centre) / scale
    return deviation / (1 + jnp.abs(deviation) / 4) / np.sqrt(len(centre))


def measure(image: Float[Array, "H W 3"]) -> tuple[dict[str, Float[Array, " D"]], Float[Array, ""]]:
    """The raw numbers of every block and of the colour part, and the variance of the picture (channels added up)."""
    channels = jnp.moveaxis(image.astype(jnp.float32), -1, 0)
    whole = jnp.fft.rfft2(channels, norm="forward")
    mean = whole[:, 0, 0].real
    centred = channels - mean[:, None, None]  # before squaring: float32 would lose the variance of a faint picture
    variance = jnp.square(centred).sum(0).mean()
    low = _cut(whole.at[:, 0, 0].set(0), GRID)
    smooth = jnp.fft.irfft2(low, norm="forward")
    measured = _power(low, variance)
    measured |= _join([_moments_of_octave(low, octave, variance) for octave in range(FINE_OCTAVES)])
    measured |= _join([_strength_of_octave(low, octave, variance) for octave in range(len(OCTAVES))])
    measured |= {"pixels": jnp.stack(_moments(centred, FAINT)), "colour": _colour(mean, smooth)}
    return measured, variance


def _cut(spectrum: Complex[Array, "C rows columns"], side: int) -> Complex[Array, "C side half"]:
    """The half spectrum of the same picture on a grid of side x side; a smaller picture is filled up with zeros."""
    half = min(side, spectrum.shape[1]) // 2
    gap = jnp.zeros((len(spectrum), side - 2 * half, half + 1), spectrum.dtype)
    rows = jnp.concatenate([spectrum[:, :half, : half + 1], gap, spectrum[:, -half:, : half + 1]], axis=1)
    return jnp.pad(rows, ((0, 0), (0, 0), (0, side // 2 - half)))


def _power(low: Complex[Array, "C side half"], variance: Float[Array, ""]) -> dict[str, Float[Array, " D"]]:
    """Where the power lies, by frequency and direction."""
    power = _square(low).sum(0).ravel()
    rings = jnp.dot(_rings(), power, precision="highest")  # [ring, (all, cos 2a, sin 2a, cos 4a, sin 4a)]
    share = rings[:, 0] / (variance + FAINT)
    bias = rings[DIRECTED_RINGS, 1:].reshape(-1, 2, 2)
    amplitude = jnp.sqrt(jnp.square(bias).sum(-1)) / (rings[DIRECTED_RINGS, :1] + _floor(variance))
    fine = jnp.log(jnp.maximum(1 - share.sum(), 0) + 1e-3)
    return {"spectrum": jnp.log(share + 1e-4), "fine": fine[None], "direction": amplitude.ravel()}


def _moments_of_octave(
    low: Complex[Array, "C side half"], octave: int, variance: Float[Array, ""]
) -> dict[str, Float[Array, " D"]]:
    """Third and fourth moments of one octave, all directions together."""
    field = jnp.fft.irfft2(_cut(low, len(_round(octave))) * _round(octave), norm="forward")
    peaks, polarity = _moments(field, _floor(variance))
    return {"peaks": peaks[None], "polarity": polarity[None]}


def _strength_of_octave(
    low: Complex[Array, "C side half"], octave: int, variance: Float[Array, ""]
) -> dict[str, Float[Array, " D"]]:
    """How the strength of one octave, in each direction, is spread over the picture."""
    bank = _bank(octave)
    spectrum = _mirrored(_cut(low, bank.directed.shape[-1]))
    waves = jnp.fft.ifft2(spectrum * bank.directed[:, None], norm="forward")  # [direction, channel, y, x]
    strength = jnp.sqrt(_square(waves).sum(1))
    energy = jnp.square(strength).mean((1, 2)).sum() + _floor(variance)
    flat = strength.reshape(DIRECTIONS, -1)
    together = jnp.dot(flat, flat.T, precision="highest") / flat.shape[1]
    crossing = jnp.stack([jnp.diag(jnp.roll(together, -turn, axis=1)).sum() for turn in (1, 2)])
    uneven = _square(jnp.fft.rfft2(strength, norm="forward")).sum(0).ravel()
    envelope = jnp.dot(bank.envelope, uneven, precision="highest")
    return {"crossing": crossing / energy, "envelope": jnp.log(envelope / energy + 1e-3)}


def _join(octaves: list[dict[str, Float[Array, "..."]]]) -> dict[str, Float[Array, " D"]]:
    """The same block of every octave, one after the other."""
    return {name: jnp.concatenate([octave[name] for octave in octaves]) for name in octaves[0]}


def _floor(variance: Float[Array, ""]) -> Float[Array, ""]:
    """Power below which an octave says nothing: rounding, or next to nothing of this picture."""
    return 1e-4 * variance + 0.1 * FAINT


def _moments(
    field: Float[Array, "C Y X"], floor: Float[Array, ""] | float
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Logarithm of the kurtosis and size of the skewness of a vector field; a turn of colour space changes neither."""
    square = jnp.square(field).sum(0)
    variance = square.mean() + floor
    skewness = jnp.linalg.norm((field * square).mean((1, 2))) / variance**1.5
    return jnp.log(jnp.square(square).mean() / variance**2 + 0.5), skewness


def _colour(mean: Float[Array, " C"], smooth: Float[Array, "C Y X"]) -> Float[Array, " D"]:
    """Mean, spread (log) and correlation of red, green and blue."""
    pairs = jnp.stack([(smooth[a] * smooth[b]).mean() for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0))])
    spread = jnp.sqrt(pairs[:3] + FAINT)
    return jnp.concatenate([mean, jnp.log(spread), pairs[3:] / (spread * jnp.roll(spread, -1))])


def _square(values: Complex[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Squared modulus, without the root that abs would take."""
    return jnp.square(values.real) + jnp.square(values.imag)


def _mirrored(half: Complex[Array, "C side half"]) -> Complex[Array, "C side side"]:
    """The whole spectrum of a real picture from its right half."""
    left = jnp.conj(jnp.roll(jnp.flip(half[..., 1:-1], (-2, -1)), 1, -2))
    return jnp.concatenate([half, left], axis=-1)


# --- fixed arrays, made once


def _polar(side: int, half: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequency (cycles per picture), direction (radians) and how often each place of the spectrum counts."""
    ky = np.fft.fftfreq(side, 1 / side)[:, None]
    kx = (np.arange(side // 2 + 1) if half else np.fft.fftfreq(side, 1 / side))[None]
    counts = np.where((kx == 0) | (kx == side // 2), 1.0, 2.0) if half else np.ones_like(kx)
    return np.hypot(ky, kx), np.arctan2(ky, kx), counts


def _bump(frequency: np.ndarray, centre: float) -> np.ndarray:
    """1 at the centre, 0 an octave away; the squares of neighbouring octaves add up to 1."""
    octaves = np.log2(np.maximum(frequency, 1e-6) / centre)
    return np.where(np.abs(octaves) < 1, np.cos(np.pi / 2 * octaves), 0)


@cache
def _rings() -> Float[np.ndarray, "ring 5 place"]:
    """Triangles of half an octave, times 1 and the waves over the direction with two and four turns."""
    frequency, angle, counts = _polar(GRID, half=True)
    waves = [np.ones_like(angle), *(wave(turns * angle) for turns in (2, 4) for wave in (np.cos, np.sin))]
    away = np.abs(np.log2(np.maximum(frequency, 0.5) / RINGS[:, None, None])) / 0.5
    rings = np.clip(1 - away, 0, None) * counts
    return (rings[:, None] * np.stack(waves)).reshape(len(RINGS), 5, -1).astype(np.float32)


@cache
def _round(octave: int) -> Float[np.ndarray, "side half"]:
    """One octave in all directions, on a grid half as fine again as it needs: cubes of it must not alias to 0."""
    return _bump(_polar(6 * OCTAVES[octave], half=True)[0], OCTAVES[octave]).astype(np.float32)


class _Bank(NamedTuple):
    """Filters of one octave by direction, as factors on the spectrum of a grid just fine enough for it."""

    directed: Complex[np.ndarray, "direction side side"]
    envelope: Float[np.ndarray, "ring place"]


@cache
def _bank(octave: int) -> _Bank:
    centre = OCTAVES[octave]
    side = max(4 * centre, 16)
    frequency, _, counts = _polar(side, half=True)
    lower = [_bump(frequency, 2.0**i) ** 2 * counts for i in range(int(np.log2(centre)) + 1)]
    everywhere, angle, _ = _polar(side, half=False)
    turned = [angle - np.pi * i / DIRECTIONS for i in range(DIRECTIONS)]
    directed = [_bump(everywhere, centre) * np.clip(np.cos(a), 0, None) ** (DIRECTIONS - 1) for a in turned]
    return _Bank(
        np.stack(directed).astype(np.complex64),
        np.stack(lower).reshape(len(lower), -1).astype(np.float32),
    )


@cache
def _table_text() -> str:
    return (Path(__file__).parent / "data" / "texture.json").read_text()


@cache
def _table() -> dict[str, tuple[list[float], list[float]]]:
    """Centre and scale of every raw number, over the pictures that bench_texture.py draws."""
    return {name: (block["centre"], block["scale"]) for name, block in json.loads(_table_text()).items()}


@hookimpl
def register_models(register: Callable[..., None]) -> None:
    register(
        "texture",
        "alife.plugins.texture:Texture",
        summary="training-free: structure at many scales and directions, and colour; knows no text",
        test_options={"image_size": 64},
        source="after Portilla & Simoncelli 2000, doi:10.1023/A:1026553619983",
    )
