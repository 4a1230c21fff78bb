"""Lenia with many channels and kernels: a soup of three fields in which creatures swim, divide and hunt."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.errors import BadOption, UnknownName
from alife.hookspecs import hookimpl
from alife.types import Parameter, PRNGKey
from alife.worlds.fields import Convolution, creature_measures, gaussian, moments, ring_kernel, window
from alife.worlds.lattice import disc, upscale

EMBRYO = 32
"""Edge of the square of cells that a genotype describes."""
REACH = 1.0
"""How far a genotype may move m, s and h from the pattern's, in logit space."""
SPREAD = 0.1
"""Standard deviation of the prior, in logit space."""

Genotype = Float[Array, " G"]


class Genes(NamedTuple):
    """A genotype as the dynamics read it."""

    m: Float[Array, " k"]
    """Where each kernel's growth is highest: weighted mean of the cells it sees, in (0, 1)."""
    s: Float[Array, " k"]
    """How far from m growth still is high, in (0, 1)."""
    h: Float[Array, " k"]
    """Strength of each kernel, in (0, 1)."""
    cells: Float[Array, "C e e"]
    """The embryo."""


class State(NamedTuple):
    """One moment.  The field itself is never rolled: the dynamics do not care where it lies."""

    cells: Float[Array, "C h w"]
    """In [0, 1]."""
    centre: Int[Array, "2"]
    """Row and column of the cell that a picture shows in its middle; grows on when a creature rounds the torus."""
    mass: Float[Array, ""]
    """Sum of the cells one step ago."""


class Lenia:
    """Lenia with several channels and kernels, bred from a published pattern.

    A genotype moves a pattern's parameters and its embryo in logit space: value = sigmoid(logit(pattern) + genotype).
    It is [m, s, h (one number per kernel each), 32 x 32 x C cells (row, column, channel)]; zeros are the pattern.
    Offsets of m, s and h beyond -1 and 1 count as -1 and 1.  Genotypes published for ASAL load as they are.

    Args:
        pattern: code of the pattern: 5N7KKM (swarm) or VT049W (divides).
        world_size: edge of the torus, cells.
        window: edge of the square around the creature that is shown, cells.

    Raises:
        UnknownName: no such pattern.
        BadOption: sizes that do not fit.

    Source: Chan 2020 (arXiv:2005.03742); as a search space Kumar et al. 2024 (arXiv:2412.17799).
    """

    def __init__(self, pattern: str = "5N7KKM", world_size: int = 128, window: int = 64) -> None:
        _check_edge("world_size", world_size, EMBRYO, 4096)
        _check_edge("window", window, 1, world_size)
        published = _published(pattern)
        kernels = published["kernels"]
        self.world_size, self.window = world_size, window
        self.radius, self.rate = published["R"], published["T"]
        self._base = _logit(np.concatenate([[k[name] for k in kernels] for name in "msh"] + [_embryo(published)]))
        self._channels = len(published["cells"])
        # Kernels that feed one channel are neighbours, so that their results are used up while still in cache.
        self._order = sorted(range(len(kernels)), key=lambda k: kernels[k]["c1"])
        self._targets = [kernels[k]["c1"] for k in self._order]
        self._convolve = Convolution(
            np.stack([_kernel(world_size, self.radius, kernels[k]) for k in self._order]),
            [kernels[k]["c0"] for k in self._order],
        )

    def parameters(self) -> dict[str, Parameter]:
        """The parts of the genotype, and the room there is."""
        kernels = len(self._order)
        said = {
            "m": "how much a kernel likes to see, from the pattern's: more makes denser creatures",
            "s": "how exactly it must be that much, from the pattern's: more lets more grow",
            "h": "how much each kernel counts, from the pattern's",
        }
        rule = {
            name: Parameter(-REACH, REACH, "logits", meaning, (place * kernels, (place + 1) * kernels))
            for place, (name, meaning) in enumerate(said.items())
        }
        return rule | {
            "cells": Parameter(-3, 3, "logits", "the embryo, from the pattern's", (3 * kernels, len(self._base))),
            "world_size": Parameter(64, 512, "cells", "edge of the torus: more room to swim and to spread"),
        }

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` this world's are, and the options of such a world."""
        edge = round(self.world_size * times**0.5)
        return edge * edge, {"world_size": edge}

    def default_params(self, rng: PRNGKey) -> Genotype:
        """A near relative of the pattern."""
        return SPREAD * jax.random.normal(rng, self._base.shape)

    def express(self, params: Genotype | Genes) -> Genes:
        """Kernel parameters and embryo of a genotype; what is expressed already stays as it is."""
        if isinstance(params, Genes):
            return params
        kernels = len(self._order)
        reach = jnp.where(jnp.arange(len(self._base)) < 3 * kernels, REACH, jnp.inf)
        values = jax.nn.sigmoid(self._base + jnp.clip(params, -reach, reach))
        m, s, h = values[: 3 * kernels].reshape(3, kernels)
        return Genes(m, s, h, jnp.moveaxis(values[3 * kernels :].reshape(EMBRYO, EMBRYO, self._channels), -1, 0))

    def init_state(self, rng: PRNGKey, params: Genotype | Genes) -> State:
        """The embryo in the middle of an empty world, one step old."""
        genes = self.express(params)
        before = (self.world_size - EMBRYO) // 2
        after = self.world_size - EMBRYO - before
        cells = jnp.pad(genes.cells, ((0, 0), (before, after), (before, after)))
        return State(self._advance(cells, genes), jnp.full(2, self.world_size // 2, jnp.int32), cells.sum())

    def step_state(self, rng: PRNGKey, state: State, params: Genotype | Genes) -> State:
        """1/T of a time unit later; nothing in it is random.

        The published program keeps the creature in the middle by rolling the field before every step, by whole cells
        and rounding towards zero.  Here only the number of cells is kept, and the field is rolled for pictures.  Like
        the published program it divides by the mass before the last step: that decides between two cells at times.
        """
        mass, moment = moments(state.cells, state.centre)
        shift = jnp.trunc(moment / jnp.maximum(state.mass, jnp.finfo(jnp.float32).tiny)).astype(jnp.int32)
        return State(self._advance(state.cells, self.express(params)), state.centre + shift, mass)

    def render_state(self, state: State, params: Genotype | Genes, img_size: int) -> Float[Array, "H W 3"]:
        """The cells around the creature, the three channels as red, green and blue."""
        return upscale(jnp.moveaxis(window(state.cells, state.centre, self.window), 0, -1), img_size)

    def poke(
        self, state: State, params: Genotype | Genes, place: Float[Array, "2"], radius: Array, strength: Array
    ) -> State:
        """Matter in all channels, or less of it."""
        middle = state.centre + (place[::-1] - 0.5) * self.window
        near = disc(state.cells.shape[1:], middle, radius * self.window)
        return state._replace(cells=jnp.clip(state.cells + jnp.where(near, strength, 0), 0, 1))

    def keep_state(self, state: State, params: Genotype | Genes) -> dict[str, Array]:
        """The cells and the centre; the mass, which float16 may not hold, is their sum a step ago."""
        return {"cells": state.cells.astype(jnp.float16), "centre": state.centre}

    def measures(self, state: State, params: Genotype | Genes) -> dict[str, Float[Array, ""]]:
        """See `alife.worlds.fields.creature_measures`; the centre is counted on when the creature rounds the torus."""
        genes = self.express(params)
        later = self._advance(state.cells, genes)
        return creature_measures(
            state.cells,
            (later, self._advance(later, genes)),
            state.centre,
            radius=self.radius,
            rate=self.rate,
            near=self.window,
        )

    measures.__doc__ = creature_measures.__doc__  # what people read of each number

    def _advance(self, cells: Float[Array, "C h w"], genes: Genes) -> Float[Array, "C h w"]:
        """Every channel grows by what the kernels that feed it make of what they see."""
        order, targets = np.array(self._order), np.array(self._targets)
        m, narrow, weight = genes.m[order], 1 / genes.s[order], genes.h[order] / self.rate
        # Growth is weight * (2 gaussian - 1); the part that is the same everywhere is taken off once per channel.
        channels = list(cells - jnp.zeros(len(cells)).at[targets].add(weight)[:, None, None])
        for k, seen in enumerate(self._convolve(cells)):
            channels[targets[k]] += 2 * weight[k] * gaussian((seen - m[k]) * narrow[k])
        return jnp.clip(jnp.stack(channels), 0, 1)


def _published(pattern: str) -> dict[str, Any]:
    text = files("alife.plugins").joinpath("data/lenia_aquarium.json").read_text("utf-8")
    patterns = json.loads(text)["patterns"]
    if pattern not in patterns:
        raise UnknownName("pattern", str(pattern), patterns)
    return patterns[pattern]


def _kernel(world_size: int, radius: float, kernel: dict[str, Any]) -> Float[np.ndarray, "h w"]:
    return ring_kernel(world_size, radius * kernel["r"], kernel["b"], lambda r: np.exp(-(((r - 0.5) / 0.15) ** 2) / 2))


def _embryo(published: dict[str, Any]) -> Float[np.ndarray, " n"]:
    """The pattern in the middle of an empty embryo, in a genotype's order."""
    cells = np.moveaxis(np.array(published["cells"], float), 0, -1)
    before = [(EMBRYO - edge) // 2 for edge in cells.shape[:2]]
    margins = [(n, EMBRYO - edge - n) for n, edge in zip(before, cells.shape[:2], strict=True)]
    return np.pad(cells, [*margins, (0, 0)]).ravel()


def _logit(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    inside = np.clip(values, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside)).astype(np.float32)


def _check_edge(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadOption(f"{name} is {value!r}; expected a whole number of cells from {low} to {high}")


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "lenia",
        "alife.plugins.lenia:Lenia",
        summary="continuous life in three channels with 15 kernels, bred from the Aquarium patterns",
        horizon=256,
        test_options={"world_size": 48, "window": 32},
        source="Chan 2020 (arXiv:2005.03742); Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (2.45, 0.08), "CAX": (2.29, None)},
    )
