"""Neural cellular automata: cells with real values, and one small network that tells all of them how to change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.plugins.network import layer_parameters, random_network
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.lattice import convolve, disc, random_fractions, random_half, upscale, weighted

SIZE = 128
"""Edge of a world unless told otherwise, cells."""
SEEN, HIDDEN = 4, 16
"""What the network makes of a cell's surroundings, and what it makes of that: numbers per cell."""
LAYERS = {
    "Conv_0": "looks at a cell and its 8 neighbours",
    "Conv_1": "thinks about what was seen",
    "Conv_2": "says what becomes of the cell",
}
"""The network's layers, and what each does."""

Cells: TypeAlias = Float[Array, "C h w"]
Plane: TypeAlias = Float[Array, "h w"]


class NCA:
    """Cells with one or more numbers in [0, 1], on a torus, that change as a small network says.

    The network sees a cell and its 8 neighbours (4 numbers come of it), thinks about that (16 numbers, none below 0)
    and says how fast each of the cell's own numbers changes.  In every step each cell follows it only with some
    probability, so that no clock is shared.

    The genotype is the network: {"net_params": {"params": {"Conv_0": {"bias", "kernel"}, "Conv_1", "Conv_2"}}},
    kernels as (row, column, in, out); 137 numbers for one number per cell, 243 for three.

    Args:
        size: edge of the world, cells, from 4 to 4096.
        d_state: numbers per cell, from 1 to 16; the first three are shown in red, green and blue.
        dt: what one step adds of the network's answer, >= 0.
        p_drop: probability that a cell sits a step out, from 0 to 0.999.

    Raises:
        BadOption: an option of the wrong type or range.

    Source: Mordvintsev et al. 2020 (doi:10.23915/distill.00023); as a substrate for searches Kumar et al. 2024
    (arXiv:2412.17799), whose program has an option dt of 0.1 but steps by 0.01 whatever it is set to.
    """

    def __init__(self, size: int = SIZE, d_state: int = 1, dt: float = 0.01, p_drop: float = 0.5) -> None:
        self.size = whole("size", size, 4, 4096, "cells")
        self.d_state = whole("d_state", d_state, 1, 16, "numbers per cell")
        self.dt = real("dt", dt, 0, 100)
        self.p_drop = real("p_drop", p_drop, 0, 0.999)

    def parameters(self) -> dict[str, Parameter]:
        """The options, and the layers of the network."""
        return {
            "size": Parameter(16, 512, "cells", "edge of the world"),
            "d_state": Parameter(1, 3, "numbers per cell", "1 is shown in red, 3 as red, green and blue"),
            "dt": Parameter(0.001, 0.1, "", "what a step adds of the network's answer; more is faster and rougher"),
            "p_drop": Parameter(0.0, 0.9, "", "probability that a cell sits a step out; more is slower and noisier"),
        } | layer_parameters(self, LAYERS)

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` the default ones are, and the options of such a world."""
        size = round(SIZE * times**0.5)
        return size * size, {"size": size}

    def default_params(self, rng: PRNGKey) -> Tree:
        """A random network: kernels of variance 1/inputs, no biases."""
        return {"net_params": network(rng, self.d_state)}

    def init_state(self, rng: PRNGKey, params: Tree) -> Cells:
        """Every number of every cell anything in [0, 1)."""
        return jax.random.uniform(rng, (self.d_state, self.size, self.size))

    def step_state(self, rng: PRNGKey, state: Cells, params: Tree) -> Cells:
        """Each cell that does not sit out adds dt times the network's answer; numbers stay in [0, 1]."""
        return self._next(state, params, self._awake(rng))

    def render_state(self, state: Cells, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """The first three numbers of each cell as red, green and blue (black where there are fewer)."""
        shown = jnp.pad(state[:3], ((0, max(0, 3 - self.d_state)), (0, 0), (0, 0)))
        return upscale(shown.transpose(1, 2, 0), img_size)

    def poke(self, state: Cells, params: Tree, place: Float[Array, "2"], radius: Array, strength: Array) -> Cells:
        """All numbers of the cells go up, or down."""
        near = disc(state.shape[1:], place[::-1] * self.size, radius * self.size)
        return jnp.clip(state + jnp.where(near, strength, 0), 0, 1)

    def measures(self, state: Cells, params: Tree) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is.

        mean: of all numbers, in [0, 1].
        contrast: standard deviation over the world, mean over the channels, in [0, 0.5]; 0 for an even ground.
        activity: mean size of the change in a step in which no cell sits out, in [0, 1]; 0 for what stands still.
        saturation: fraction of the numbers that are 0 or 1, in [0, 1].
        edges: mean difference to the neighbours on the right and below, in [0, 1]; high for noise and checkers.
        """
        ways = [jnp.mean(jnp.abs(state - jnp.roll(state, 1, axis))) for axis in (1, 2)]
        return {
            "mean": state.mean(),
            "contrast": jnp.std(state, axis=(1, 2)).mean(),
            "activity": jnp.mean(jnp.abs(self._next(state, params, None) - state)),
            "saturation": jnp.mean((state <= 0) | (state >= 1)),
            "edges": (ways[0] + ways[1]) / 2,
        }

    def _awake(self, rng: PRNGKey) -> Bool[Array, "h w"] | None:
        """The cells that follow the network in this step; None for all."""
        shape = (self.size, self.size)
        if self.p_drop == 0:
            return None
        return random_half(rng, shape) if self.p_drop == 0.5 else random_fractions(rng, shape) >= self.p_drop

    def _next(self, state: Cells, params: Tree, awake: Bool[Array, "h w"] | None) -> Cells:
        layers = params["net_params"]["params"]
        answers = think(convolve(state, layers["Conv_0"]["kernel"], layers["Conv_0"]["bias"]), layers)
        # Channel by channel down to the end: stacked any earlier, the planes would be put together element by element.
        changes = [self.dt * (answer if awake is None else jnp.where(awake, answer, 0)) for answer in answers]
        return jnp.stack([jnp.clip(plane + change, 0, 1) for plane, change in zip(state, changes, strict=True)])


def network(rng: PRNGKey, channels: int) -> Tree:
    """The random network of a cell with so many numbers: three layers, 9 channels + 4, 4 x 16 and 16 x channels."""
    shapes = [(3, 3, channels, SEEN), (1, 1, SEEN, HIDDEN), (1, 1, HIDDEN, channels)]
    return random_network(rng, dict(zip(LAYERS, shapes, strict=True)))


def think(seen: Float[Array, "4 h w"], layers: Tree) -> list[Plane]:
    """What the network answers to what it has seen, one plane per number of a cell.

    The 16 thoughts of a cell are never written to memory: all of it is one loop over the cells.
    """
    hidden, answer = layers["Conv_1"], layers["Conv_2"]
    thoughts = [jax.nn.relu(y) for y in _pointwise(list(seen), hidden)]
    return _pointwise(thoughts, answer)


def _pointwise(planes: Sequence[Plane], layer: Tree) -> list[Plane]:
    kernel, bias = layer["kernel"][0, 0], layer["bias"]
    return [weighted(planes, kernel[:, out], bias[out]) for out in range(len(bias))]


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "nca",
        "alife.plugins.nca:NCA",
        summary="neural cellular automata: cells with real values that a small network changes",
        horizon=1000,
        test_options={"size": 16},
        source="Mordvintsev et al. 2020 (doi:10.23915/distill.00023); Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (3.8, 0.13), "CAX": (0.83, None)},
    )
