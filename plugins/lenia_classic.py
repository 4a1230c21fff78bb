"""Classic Lenia: one field, one kernel, and the several hundred species found in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.plugins.lenia_catalogue import check_species, find_species, parse_cells, parse_shells, read_catalogue
from alife.types import Parameter, PRNGKey
from alife.worlds.fields import Convolution, centre_of_mass, creature_measures, gaussian, ring_kernel, window
from alife.worlds.lattice import disc, upscale

SPREAD = 0.1
"""Standard deviation of the prior, in logit space."""
REACH = 1.0
"""How far a genotype may move m and s from the species', in logit space."""
ROOM = 4
"""A world is at least so many times as wide as the pattern in it."""

COLOURS = np.array(
    [
        [0.016, 0.020, 0.055],
        [0.043, 0.094, 0.235],
        [0.039, 0.247, 0.400],
        [0.047, 0.435, 0.475],
        [0.243, 0.620, 0.455],
        [0.678, 0.741, 0.365],
        [0.980, 0.820, 0.400],
        [1.000, 0.965, 0.850],
    ],
    np.float32,
)
"""Red, green, blue of the values 0, 1/7 ... 1: night, sea, moss, gold, white, each step as much lighter as the last."""

CORES: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda r: (4 * r * (1 - r)) ** 4,
    2: lambda r: np.exp(4 - 1 / np.maximum(r * (1 - r), 1e-9)),
    3: lambda r: ((r >= 0.25) & (r <= 0.75)) * 1.0,
    4: lambda r: ((r >= 0.25) & (r <= 0.75)) + 0.5 * (r < 0.25),
}
"""Profile of a kernel's shell by kn, from its inner edge (0) to its outer edge (1)."""

GROWTHS: dict[int, Callable[[Array], Array]] = {
    1: lambda x: 2 * jnp.maximum(0, 1 - x * x / 9) ** 4 - 1,
    2: lambda x: 2 * gaussian(x) - 1,
    3: lambda x: 2.0 * (jnp.abs(x) <= 1) - 1,
}
"""Growth by gn, in [-1, 1], at a distance of x times s from m."""

Genotype = Float[Array, " G"]
Cells = Float[Array, "h w"]


class Genes(NamedTuple):
    """A genotype as the dynamics read it."""

    m: Float[Array, ""]
    """Where growth is highest: weighted mean of the cells around, in (0, 1)."""
    s: Float[Array, ""]
    """How far from m growth still is high, in (0, 1)."""
    cells: Cells
    """The pattern that a world starts with."""


class LeniaClassic:
    """Lenia with one channel and one kernel, bred from a species of the catalogue.

    A genotype [m, s, cells row by row] moves the species in logit space: value = sigmoid(logit(species) + genotype);
    zeros are the species itself.  Offsets of m and s beyond -1 and 1 count as -1 and 1.  Options given beside the
    species replace its own; the pattern is not rescaled.

    Args:
        species: code such as O2u, or full name; not looked up when all options of a species are given.
        R: radius of the kernel, cells.
        T: steps per time unit.
        b: heights of the kernel's shells, innermost first, as fractions such as "1/2,1".
        m: where growth is highest, in (0, 1).
        s: how wide growth is, in (0, 1).
        kn: profile of a shell: 1 polynomial, 2 exponential, 3 step, 4 step with half a centre.
        gn: growth: 1 polynomial, 2 gaussian, 3 step.
        cells: the pattern as run-length text, see `alife.plugins.lenia_catalogue.parse_cells`.
        world_size: edge of the torus, cells; the least power of two from 64 that is 4 times the pattern unless given.
        window: edge of the square around the creature that is shown, cells; the whole world, unmoved, unless given.

    Raises:
        UnknownName: no such species.
        BadOption: an option of the wrong type or range.

    Source: Chan 2019 (arXiv:1812.05433).
    """

    def __init__(
        self,
        species: str = "O2u",
        R: float | None = None,
        T: float | None = None,
        b: str | None = None,
        m: float | None = None,
        s: float | None = None,
        kn: int | None = None,
        gn: int | None = None,
        cells: str | None = None,
        world_size: int | None = None,
        window: int | None = None,
    ) -> None:
        given = {"R": R, "T": T, "b": b, "m": m, "s": s, "kn": kn, "gn": gn, "cells": cells}
        options = _complete(species, given)
        pattern = parse_cells(options["cells"])
        self.radius, self.rate, self._growth = options["R"], options["T"], GROWTHS[options["gn"]]
        self._shape, self._outside = pattern.shape, "wrap" if _is_endless(pattern) else "constant"
        self.world_size = _world_size(world_size, max(pattern.shape))
        self.window = _window(window, self.world_size)
        kernel = ring_kernel(self.world_size, self.radius, parse_shells(str(options["b"])), CORES[options["kn"]])
        self._convolve = Convolution(kernel[None], [0])
        inside = np.clip(np.concatenate([[options["m"], options["s"]], pattern.ravel()]), 1e-6, 1 - 1e-6)
        self._base = np.log(inside / (1 - inside)).astype(np.float32)

    def parameters(self) -> dict[str, Parameter]:
        """The parts of the genotype, and the room there is."""
        denser = "how much the kernel likes to see, from the species': more makes denser creatures"
        wider = "how exactly it must be that much, from the species': more lets more grow"
        return {
            "m": Parameter(-REACH, REACH, "logits", denser, (0, 1)),
            "s": Parameter(-REACH, REACH, "logits", wider, (1, 2)),
            "cells": Parameter(-3, 3, "logits", "the pattern, from the species'", (2, len(self._base))),
            "world_size": Parameter(self.world_size, 4 * self.world_size, "cells", "edge of the torus: more room"),
        }

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` this world's are, and the options of such a world."""
        edge = round(self.world_size * times**0.5)
        return edge * edge, {"world_size": edge}

    def default_params(self, rng: PRNGKey) -> Genotype:
        """A near relative of the species."""
        return SPREAD * jax.random.normal(rng, self._base.shape)

    def express(self, params: Genotype | Genes) -> Genes:
        """Growth and pattern of a genotype; what is expressed already stays as it is."""
        if isinstance(params, Genes):
            return params
        offsets = jnp.concatenate([jnp.clip(params[:2], -REACH, REACH), params[2:]])
        values = jax.nn.sigmoid(self._base + offsets)
        return Genes(values[0], values[1], values[2:].reshape(self._shape))

    def init_state(self, rng: PRNGKey, params: Genotype | Genes) -> Cells:
        """The pattern in the middle of an empty world; an endless one goes on outside its box."""
        margins = [((self.world_size - n) // 2, self.world_size - n - (self.world_size - n) // 2) for n in self._shape]
        return jnp.pad(self.express(params).cells, margins, mode=self._outside)

    def step_state(self, rng: PRNGKey, state: Cells, params: Genotype | Genes) -> Cells:
        """1/T of a time unit later; nothing in it is random."""
        return self._advance(state, self.express(params))

    def render_state(self, state: Cells, params: Genotype | Genes, img_size: int) -> Float[Array, "H W 3"]:
        """The world, or the cells around the creature; from night blue (0) through sea green and gold to white (1)."""
        if self.window is not None:
            state = window(state[None], centre_of_mass(state[None]), self.window)[0]
        return upscale(_coloured(state), img_size)

    def poke(
        self, state: Cells, params: Genotype | Genes, place: Float[Array, "2"], radius: Array, strength: Array
    ) -> Cells:
        """Matter, or less of it."""
        edge, middle = self.world_size, place[::-1] * self.world_size
        if self.window is not None:
            edge, middle = self.window, centre_of_mass(state[None]) + (place[::-1] - 0.5) * self.window
        return jnp.clip(state + jnp.where(disc(state.shape, middle, radius * edge), strength, 0), 0, 1)

    def measures(self, state: Cells, params: Genotype | Genes) -> dict[str, Float[Array, ""]]:
        """See `alife.worlds.fields.creature_measures`; near means within the window, else within half the world."""
        genes = self.express(params)
        later = self._advance(state, genes)
        return creature_measures(
            state[None],
            (later[None], self._advance(later, genes)[None]),
            centre_of_mass(state[None]),
            radius=self.radius,
            rate=self.rate,
            near=self.window or self.world_size // 2,
        )

    measures.__doc__ = creature_measures.__doc__  # what people read of each number

    def _advance(self, cells: Cells, genes: Genes) -> Cells:
        (seen,) = self._convolve(cells[None])
        return jnp.clip(cells + self._growth((seen - genes.m) / genes.s) / self.rate, 0, 1)

    @staticmethod
    def from_file(path: str | Path) -> list[tuple[str, dict[str, Any], float]]:
        """Every species in a catalogue file: its name, the options that make its world, and the genotype 0.

        Raises:
            BadWorld: not a catalogue, or a species that cannot be read; the message names the entry.
        """
        return [(species.name, dict(species.options), 0.0) for species in read_catalogue(path)]


def _complete(species: str, given: dict[str, Any]) -> dict[str, Any]:
    """The options given, and the species' own for the rest."""
    options = {name: value for name, value in given.items() if value is not None}
    if len(options) < len(given):
        options = find_species(species).options | options
    check_species(options)
    return options


def _is_endless(pattern: Float[np.ndarray, "h w"]) -> bool:
    """Whether a pattern is a whole torus rather than a creature in its bounding box.

    The catalogue has a few creatures that reach round the torus they were found on, a power of two wide.  Cut off at
    their box they would explode; repeated they live on any torus that is a multiple of theirs.
    """
    height, width = pattern.shape
    whole = height == width >= 64 and width & (width - 1) == 0
    return whole and all(edge.max() > 0.5 for edge in (pattern[0], pattern[-1], pattern[:, 0], pattern[:, -1]))


def _world_size(world_size: Any, pattern: int) -> int:
    if world_size is None:
        return max(64, 1 << (ROOM * pattern - 1).bit_length())
    if not isinstance(world_size, int) or isinstance(world_size, bool) or not pattern <= world_size <= 8192:
        raise BadOption(
            f"world_size is {world_size!r}; expected a whole number of cells from the pattern's {pattern} to 8192"
        )
    return world_size


def _window(edge: Any, world_size: int) -> int | None:
    if edge is None:
        return None
    if not isinstance(edge, int) or isinstance(edge, bool) or not 1 <= edge <= world_size:
        raise BadOption(f"window is {edge!r}; expected a whole number of cells from 1 to the world's {world_size}")
    return edge


def _coloured(cells: Cells) -> Float[Array, "h w 3"]:
    places = np.linspace(0, 1, len(COLOURS), dtype=np.float32)
    return jnp.stack([jnp.interp(cells, places, channel) for channel in COLOURS.T], axis=-1)


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "lenia_classic",
        "alife.plugins.lenia_classic:LeniaClassic",
        summary="continuous life with one kernel, bred from Orbium and the other species of the catalogue",
        horizon=256,
        test_options={"species": "O2u", "world_size": 48},
        source="Chan 2019 (arXiv:1812.05433)",
    )
