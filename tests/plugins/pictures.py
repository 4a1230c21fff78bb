"""Pictures that look like simulations, of many kinds, made fast and the same every time.

They judge image embeddings: pictures of one kind should lie near each other.  Every kind is a function from a random
generator to a square field of brightness in [0, 1] on a torus; `picture` draws it at any size, in grey or random
colours, as it is or zoomed and turned.

>>> picture("life", seed=3, size=32).shape
(32, 32, 3)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

Field = Float[np.ndarray, "N N"]

SIDE = 112
"""Cells along the edge of a field: two pixels each at 224."""


def picture(
    kind: str, seed: int, size: int = 224, *, recolour: bool = False, move: bool = False
) -> Float[np.ndarray, "H W 3"]:
    """One picture: grey unless `recolour`; with `move`, zoomed by 0.7 to 1.6, turned and shifted at random."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    field = KINDS[kind](rng)
    zoom, angle, shift = (0.7 * (1.6 / 0.7) ** rng.random(), rng.uniform(0, 2 * np.pi), rng.random(2) * SIDE)
    drawn = draw(field, size, zoom, angle, shift) if move else draw(field, size)
    palette = random_palette(rng) if recolour else np.array([[0.0] * 3, [0.5] * 3, [1.0] * 3])
    return colour(drawn, palette).astype(np.float32)


def collection(
    per_kind: int, seed: int, size: int = 224, *, recolour: bool = False, move: bool = False
) -> tuple[Float[np.ndarray, "B H W 3"], Int[np.ndarray, " B"]]:
    """`per_kind` pictures of every kind, and the number of the kind of each; seeds must differ by 1,000 or more."""
    pictures = [picture(kind, seed + i, size, recolour=recolour, move=move) for kind in KINDS for i in range(per_kind)]
    return np.stack(pictures), np.repeat(np.arange(len(KINDS)), per_kind)


def purity(z: Float[np.ndarray, "B D"], labels: Int[np.ndarray, " B"], neighbours: int = 5) -> float:
    """Share of the nearest neighbours (by cosine, itself left out) that are of the picture's own kind: in [0, 1]."""
    cosine = z @ z.T
    np.fill_diagonal(cosine, -np.inf)
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :neighbours]
    return float((labels[nearest] == labels[:, None]).mean())


def draw(
    field: Field, size: int, zoom: float = 1.0, angle: float = 0.0, shift: np.ndarray | None = None
) -> Float[np.ndarray, "H W"]:
    """The field as size x size pixels, each the mean of 2 x 2 samples; the torus goes on past its edge."""
    side, fine = field.shape[0], 2 * size
    grid = ((np.arange(fine) + 0.5) / fine - 0.5) * side / zoom
    y, x = np.meshgrid(grid, grid, indexing="ij")
    rows, columns = np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x
    dy, dx = (side / 2, side / 2) if shift is None else shift
    samples = field[np.floor(rows + dy).astype(int) % side, np.floor(columns + dx).astype(int) % side]
    return samples.reshape(size, 2, size, 2).mean((1, 3))


def random_palette(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Colours for 0, one half and 1, with ends that can be told apart; bright on dark or dark on bright."""
    while True:
        low, high = rng.random((2, 3))
        if np.linalg.norm(high - low) > 0.5:
            return np.stack([low, (low + high) / 2 + rng.uniform(-0.2, 0.2, 3), high]).clip(0, 1)


def colour(drawn: Float[np.ndarray, "H W"], palette: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "H W 3"]:
    """Brightness to colours, linearly between the three of the palette."""
    return np.stack([np.interp(drawn, [0, 0.5, 1], channel) for channel in palette.T], axis=-1)


# --- reaction and diffusion: the Swift-Hohenberg equation, whose quadratic term turns mazes into spots


def _swift_hohenberg(rng: np.random.Generator, quadratic: float) -> Field:
    waves = rng.uniform(7, 14)  # across the picture
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE, 1 / SIDE), np.fft.rfftfreq(SIDE, 1 / SIDE), indexing="ij"))
    decay = 1 / (1 - 0.5 * (0.3 - (1 - (k / waves) ** 2) ** 2))
    u = rng.normal(0, 0.3, (SIDE, SIDE))
    for _ in range(60):
        u = np.fft.irfft2(decay * np.fft.rfft2(u + 0.5 * u * u * (quadratic - u)), (SIDE, SIDE))
    return _stretch(u)


def spots(rng: np.random.Generator) -> Field:
    """Turing spots in a hexagonal array with defects."""
    return _swift_hohenberg(rng, rng.uniform(0.8, 1.1))


def maze(rng: np.random.Generator) -> Field:
    """A labyrinth of stripes of one width."""
    return _swift_hohenberg(rng, 0.0)


# --- cellular automata


def _neighbours(cells: np.ndarray) -> np.ndarray:
    rows = cells + np.roll(cells, 1, 0) + np.roll(cells, -1, 0)
    return rows + np.roll(rows, 1, 1) + np.roll(rows, -1, 1)


def life(rng: np.random.Generator, steps: int = 0) -> Field:
    """Conway's Life after some time (0 = a random one)."""
    cells = (rng.random((SIDE, SIDE)) < rng.uniform(0.2, 0.45)).astype(np.int8)
    for _ in range(steps or rng.integers(30, 120)):
        total = _neighbours(cells)
        cells = ((total == 3) | ((total == 4) & (cells == 1))).astype(np.int8)
    return cells.astype(float)


def patches(rng: np.random.Generator) -> Field:
    """Two colours after some rounds of majority vote."""
    cells = (rng.random((SIDE, SIDE)) < rng.uniform(0.47, 0.53)).astype(np.int8)
    for _ in range(rng.integers(4, 12)):
        cells = (_neighbours(cells) > 4).astype(np.int8)
    return cells.astype(float)


def elementary(rng: np.random.Generator) -> Field:
    """Space-time diagram of one of Wolfram's automata with triangles."""
    rule = rng.choice([18, 22, 30, 54, 90, 110, 126, 146, 150])
    table = (rule >> np.arange(8)) & 1
    row = (rng.random(SIDE) < 0.5).astype(np.int8)
    rows = []
    for _ in range(SIDE + 20):
        rows.append(row)
        row = table[4 * np.roll(row, 1) + 2 * row + np.roll(row, -1)]
    return np.stack(rows[20:]).astype(float)


def excitable(rng: np.random.Generator) -> Field:
    """Spirals of a cyclic automaton: each state is eaten by the next."""
    states = int(rng.integers(6, 9))
    cells = rng.integers(0, states, (SIDE, SIDE))
    for _ in range(rng.integers(60, 110)):
        after = (cells + 1) % states
        eaten = [np.roll(cells, step, axis) == after for axis in (0, 1) for step in (1, -1)]
        cells = np.where(np.any(eaten, axis=0), after, cells)
    return np.abs(2 * cells / (states - 1) - 1)


# --- things in space


def _offsets(centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From a centre (in cells) to every cell, the short way round."""
    line = np.arange(SIDE) + 0.5
    dy, dx = ((line - c + SIDE / 2) % SIDE - SIDE / 2 for c in centre)
    return dy[:, None], dx[None, :]


def discs(rng: np.random.Generator) -> Field:
    """Particles of one size, scattered."""
    field, radius = np.zeros((SIDE, SIDE)), rng.uniform(1.5, 3.5)
    for centre in rng.random((rng.integers(40, 120), 2)) * SIDE:
        field = np.maximum(field, np.hypot(*_offsets(centre)) < radius)
    return field


def flock(rng: np.random.Generator) -> Field:
    """Short strokes, neighbours pointing in similar directions."""
    field, length, heading = np.zeros((SIDE, SIDE)), rng.uniform(3, 6), rng.uniform(0, 2 * np.pi)
    for centre in rng.random((rng.integers(40, 100), 2)) * SIDE:
        turn = heading + 0.8 * np.sin(2 * np.pi * centre[0] / SIDE) + rng.normal(0, 0.2)
        dy, dx = _offsets(centre)
        along, across = np.cos(turn) * dx + np.sin(turn) * dy, np.cos(turn) * dy - np.sin(turn) * dx
        field = np.maximum(field, np.hypot(across, np.maximum(np.abs(along) - length, 0)) < 1.0)
    return field


def branching(rng: np.random.Generator) -> Field:
    """Diffusion-limited aggregation: random walkers stick where they touch."""
    stuck = np.zeros((SIDE, SIDE), np.int8)
    seeds = rng.integers(0, SIDE, (rng.integers(1, 5), 2))
    stuck[seeds[:, 0], seeds[:, 1]] = 1
    walkers = rng.integers(0, SIDE, (rng.integers(2000, 3000), 2))
    for _ in range(500):
        walkers = (walkers + rng.integers(-1, 2, walkers.shape)) % SIDE
        touching = _neighbours(stuck)[walkers[:, 0], walkers[:, 1]] > 0
        stuck[walkers[touching, 0], walkers[touching, 1]] = 1
        walkers = walkers[~touching]
    return stuck.astype(float)


def creatures(rng: np.random.Generator) -> Field:
    """A few Lenia-like bodies: a soft disc with a brighter crescent and a hole."""
    field = np.zeros((SIDE, SIDE))
    for centre in rng.random((rng.integers(2, 7), 2)) * SIDE:
        dy, dx = _offsets(centre)
        size, turn = rng.uniform(7, 12), rng.uniform(0, 2 * np.pi)
        r = np.hypot(dy, dx) / size
        side = 1 + 0.7 * (np.cos(turn) * dx + np.sin(turn) * dy) / size
        field = np.maximum(field, np.exp(-((r - 0.6) ** 2) / 0.06) * side)
    return field / field.max()


def blobs(rng: np.random.Generator) -> Field:
    """Soft bumps of different sizes."""
    field = np.zeros((SIDE, SIDE))
    for centre in rng.random((rng.integers(8, 20), 2)) * SIDE:
        dy, dx = _offsets(centre)
        field += rng.uniform(0.5, 1) * np.exp(-(dy**2 + dx**2) / (2 * rng.uniform(3, 9) ** 2))
    return _stretch(field)


def cells(rng: np.random.Generator) -> Field:
    """Voronoi cells with dark walls."""
    centres = rng.random((rng.integers(25, 80), 2)) * SIDE
    near = np.sort(np.stack([np.hypot(*_offsets(c)) for c in centres]), axis=0)[:2]
    return np.clip((near[1] - near[0]) / 3, 0, 1)


def rings(rng: np.random.Generator) -> Field:
    """Target waves round one to four centres."""
    centres = rng.random((rng.integers(1, 5), 2)) * SIDE
    near = np.stack([np.hypot(*_offsets(c)) for c in centres]).min(0)
    return 0.5 + 0.5 * np.cos(2 * np.pi * near / rng.uniform(7, 14))


def spirals(rng: np.random.Generator) -> Field:
    """Rotating waves of an excitable medium, each round the nearest of a few centres."""
    centres, pitch = rng.random((rng.integers(1, 5), 2)) * SIDE, rng.uniform(7, 14)
    away = np.stack([np.hypot(*_offsets(c)) for c in centres])
    arms = rng.choice([-1, 1], len(centres))
    turn = np.stack([arm * np.arctan2(*_offsets(c)) for arm, c in zip(arms, centres, strict=True)])
    nearest = away.argmin(0)[None]
    phase = np.take_along_axis(2 * np.pi * away / pitch + turn, nearest, 0)[0]
    return (0.5 + 0.5 * np.cos(phase)) ** rng.uniform(1, 3)


# --- waves and noise


def _band_noise(rng: np.random.Generator, low: float, high: float) -> Field:
    """Smooth noise with wavelengths between side/high and side/low."""
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE, 1 / SIDE), np.fft.rfftfreq(SIDE, 1 / SIDE), indexing="ij"))
    kept = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * ((k >= low) & (k <= high))
    return np.fft.irfft2(kept, (SIDE, SIDE))


def _stretch(field: Field) -> Field:
    low, high = np.percentile(field, [1, 99])
    return np.clip((field - low) / (high - low), 0, 1)


def stripes(rng: np.random.Generator) -> Field:
    """Bands across the picture, a little bent."""
    y, x = np.meshgrid(*[np.arange(SIDE) / SIDE] * 2, indexing="ij")
    waves, angle = rng.uniform(6, 14), rng.uniform(0, np.pi)
    ky, kx = round(waves * np.sin(angle)), round(waves * np.cos(angle))
    bend = _band_noise(rng, 1, 3)
    phase = 2 * np.pi * (ky * y + kx * x) + rng.uniform(0, 1.2) * bend / bend.std()
    return 1 / (1 + np.exp(-rng.uniform(1, 6) * np.sin(phase)))


def interference(rng: np.random.Generator) -> Field:
    """Three to five plane waves of like wavelength, added."""
    y, x = np.meshgrid(*[np.arange(SIDE) / SIDE] * 2, indexing="ij")
    field, waves = np.zeros((SIDE, SIDE)), rng.uniform(5, 12)
    for angle in rng.uniform(0, np.pi, rng.integers(3, 6)):
        ky, kx = round(waves * np.sin(angle)), round(waves * np.cos(angle))
        field += np.cos(2 * np.pi * (ky * y + kx * x + rng.random()))
    return _stretch(field)


def static(rng: np.random.Generator) -> Field:
    """White noise."""
    return rng.random((SIDE, SIDE))


def dust(rng: np.random.Generator) -> Field:
    """Single cells, sparse, in random places."""
    return (rng.random((SIDE, SIDE)) < rng.uniform(0.02, 0.1)).astype(float)


def clouds(rng: np.random.Generator) -> Field:
    """Noise with power falling as a power of the frequency."""
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE, 1 / SIDE), np.fft.rfftfreq(SIDE, 1 / SIDE), indexing="ij"))
    falling = np.fft.rfft2(rng.normal(size=(SIDE, SIDE))) * np.maximum(k, 1) ** -rng.uniform(1.3, 2.0)
    return _stretch(np.fft.irfft2(falling, (SIDE, SIDE)))


def network(rng: np.random.Generator) -> Field:
    """Thin threads that meet: where smooth noise crosses its middle."""
    noise = _band_noise(rng, 2, rng.uniform(6, 10))
    return np.exp(-((noise / noise.std()) ** 2) / 0.02)


KINDS: dict[str, Callable[[np.random.Generator], Field]] = {
    make.__name__: make
    for make in (
        spots, maze, life, patches, elementary, excitable, discs, flock, branching, creatures,
        blobs, cells, rings, spirals, stripes, interference, static, dust, clouds, network,
    )
}  # fmt: skip
"""Every kind by its name."""
