"""Discrete neural cellular automata: cells in one of a few states, and one small network that chooses the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt8

from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.plugins.nca import LAYERS, SEEN, SIZE, Plane, network, think
from alife.plugins.network import layer_parameters
from alife.types import Parameter, PRNGKey, Tree
from alife.worlds.lattice import PALETTE, disc, random_fractions, upscale

Cells: TypeAlias = UInt8[Array, "h w"]


class Genes(NamedTuple):
    """A genotype as the dynamics read it."""

    start: Float[Array, " S"]
    """Logits of the states at the start."""
    tables: Float[Array, "3 4 S S S"]
    """What the network sees in the row above, its own and the one below, for all states of the three cells there."""
    layers: Tree
    """The rest of the network."""


class DNCA:
    """Cells in one of a few states, on a torus; a network sees each with its neighbours and draws its next state.

    A state enters the network as one number per state, 1 for the cell's own and 0 for the others; the network is that
    of `alife.plugins.nca`.  Its answers are logits: a cell takes each state with probability proportional to
    exp((answer + identity_bias if it is the cell's own state) / temperature).

    The genotype is {"init": logits of the states at the start, "net_params": the network}: 516 numbers for 8 states.

    Args:
        size: edge of the world, cells, from 4 to 4096.
        d_state: how many states there are, from 2 to 8.
        temperature: how much chance decides, in units of the network's answers, from 1e-6 up.
        identity_bias: what a cell's own state gains, in the same units; more makes cells stay as they are.

    Raises:
        BadOption: an option of the wrong type or range.

    Source: Kumar et al. 2024 (arXiv:2412.17799), with one group of states.
    """

    def __init__(
        self, size: int = SIZE, d_state: int = 8, temperature: float = 1e-3, identity_bias: float = 0.0
    ) -> None:
        self.size = whole("size", size, 4, 4096, "cells")
        self.d_state = whole("d_state", d_state, 2, len(PALETTE), "states, one for each colour")
        self.temperature = real("temperature", temperature, 1e-6, 1e6)
        self.identity_bias = real("identity_bias", identity_bias, -1e6, 1e6)

    def parameters(self) -> dict[str, Parameter]:
        """The options, the start and the layers of the network."""
        return {
            "size": Parameter(16, 512, "cells", "edge of the world"),
            "d_state": Parameter(2, 8, "states", "how many states, and colours, there are"),
            "temperature": Parameter(1e-6, 1, "logits", "how much chance decides; more is noisier"),
            "identity_bias": Parameter(-2, 2, "logits", "what a cell's own state gains; more is calmer"),
            "init": Parameter(-3, 3, "logit", "share of each state at the start: up for more", (0, self.d_state)),
        } | layer_parameters(self, LAYERS)

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` the default ones are, and the options of such a world."""
        size = round(SIZE * times**0.5)
        return size * size, {"size": size}

    def default_params(self, rng: PRNGKey) -> Tree:
        """A start in which all states are equally common, and a random network."""
        return {"init": jnp.zeros((1, self.d_state)), "net_params": network(rng, self.d_state)}

    def express(self, params: Tree) -> Genes:
        """The network's first layer as tables: a state enters it as 1 and the rest 0, so all it does is look up."""
        layers = params["net_params"]["params"]
        left, middle, right = layers["Conv_0"]["kernel"].transpose(1, 0, 3, 2)  # each: rows, outputs, states
        tables = left[..., :, None, None] + middle[..., None, :, None] + right[..., None, None, :]
        tables = tables.at[1].add(layers["Conv_0"]["bias"][:, None, None, None])
        return Genes(params["init"][0], tables, {name: layers[name] for name in ("Conv_1", "Conv_2")})

    def init_state(self, rng: PRNGKey, params: Genes) -> Cells:
        """Every cell drawn by itself."""
        return self._draw(rng, list(params.start))

    def step_state(self, rng: PRNGKey, state: Cells, params: Genes) -> Cells:
        """Every cell draws its next state from what the network answers."""
        return self._draw(rng, [logits / self.temperature for logits in self._answers(state, params)])

    def render_state(self, state: Cells, params: Genes, img_size: int) -> Float[Array, "H W 3"]:
        """Every state in its colour of the palette, nearest-neighbour."""
        return upscale(jnp.asarray(PALETTE)[state], img_size)

    def poke(self, state: Cells, params: Genes, place: Float[Array, "2"], radius: Array, strength: Array) -> Cells:
        """The cells take the second state, or the first."""
        near = disc(state.shape, place[::-1] * self.size, radius * self.size)
        return jnp.where(near, (strength > 0).astype(state.dtype), state)

    def measures(self, state: Cells, params: Genes) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is.

        entropy: of the states over the world, bits, in [0, log2 d_state]; 0 where all cells are alike.
        majority: fraction of the cells in the commonest state, in [1/d_state, 1].
        activity: fraction of the cells whose likeliest next state is another, in [0, 1]; 0 for what stands still.
        edges: fraction of the pairs of cells side by side, or one above the other, that differ, in [0, 1].
        chance: mean probability that a cell takes another than its likeliest state, in [0, 1 - 1/d_state].
        """
        share = jnp.stack([jnp.mean(state == kind) for kind in range(self.d_state)])
        logits = jnp.stack(self._answers(state, params))
        ways = [jnp.mean(state != jnp.roll(state, 1, axis)) for axis in (0, 1)]
        return {
            "entropy": -jnp.sum(share * jnp.log2(jnp.where(share > 0, share, 1.0))),
            "majority": share.max(),
            "activity": jnp.mean(jnp.argmax(logits, axis=0) != state),
            "edges": (ways[0] + ways[1]) / 2,
            "chance": 1 - jnp.mean(jax.nn.softmax(logits / self.temperature, axis=0).max(0)),
        }

    def _answers(self, state: Cells, params: Genes) -> list[Plane]:
        """The logits of the next state, before the temperature: a plane for each state."""
        answers = think(see(state, params.tables), params.layers)
        if self.identity_bias == 0:
            return answers
        return [answer + self.identity_bias * (state == kind) for kind, answer in enumerate(answers)]

    def _draw(self, rng: PRNGKey, logits: Sequence[Array]) -> Cells:
        return choose(random_fractions(rng, (self.size, self.size)), logits)


def see(state: Cells, tables: Float[Array, "3 4 S S S"]) -> Float[Array, "4 h w"]:
    """The first layer of the network: 3 x 3 weights for each state, added up over a cell and its neighbours.

    A cell and those on its left and right are looked up together: three numbers are added instead of nine times S.
    """
    kinds, cells = tables.shape[-1], state.astype(jnp.int32)
    row = (jnp.roll(cells, 1, 1) * kinds + cells) * kinds + jnp.roll(cells, -1, 1)
    rows = [jnp.roll(row, 1, 0), row, jnp.roll(row, -1, 0)]
    flat = tables.reshape(*tables.shape[:2], -1)
    # each output by itself, so that the cells, not the outputs, lie side by side
    return jnp.stack([flat[0, out][rows[0]] + flat[1, out][rows[1]] + flat[2, out][rows[2]] for out in range(SEEN)])


def choose(u: Float[Array, "h w"], logits: Sequence[Float[Array, "*cells"]]) -> Cells:
    """A state for every cell, drawn with probabilities softmax(logits) by one random number.

    The probabilities lie one after the other on a line, and the state is the one that u falls on.  They come out
    right to about 2^-24, the distance between two values of u.

    Args:
        u: random numbers in [0, 1).
        logits: one plane for each state, or one number for all cells.

    >>> choose(jnp.array([[0.0, 0.2, 0.3, 0.99]]), [jnp.zeros(()), jnp.log(jnp.float32(3))]).tolist()
    [[0, 0, 1, 1]]
    """
    highest = reduce(jnp.maximum, logits)
    weights = [jnp.exp(logit - highest) for logit in logits]
    ends = [weights[0]]
    for weight in weights[1:]:
        ends.append(ends[-1] + weight)
    place = u * ends[-1]
    return reduce(jnp.add, [(place >= end).astype(jnp.uint8) for end in ends[:-1]])


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "dnca",
        "alife.plugins.dnca:DNCA",
        summary="discrete neural cellular automata: a small network draws every cell's next state",
        horizon=1000,
        test_options={"size": 16},
        source="Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (8.57, 0.17)},
    )
