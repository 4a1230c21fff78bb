"""Boids that learn how to steer: a small network looks at the nearest others and turns the bird left or right."""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from alife.hookspecs import hookimpl
from alife.plugins.flock import Flock, left_of
from alife.plugins.network import layer_parameters, random_network
from alife.types import Parameter, PRNGKey, Tree

AGILITY = 60.0
"""Sideways acceleration of the sharpest turn, per unit of time."""
MAGNIFIED = 50.0
"""Ways to neighbours are small numbers; a network sees them so many times larger."""
LAYERS = {
    "Dense_0": (4, 8, "looks at each neighbour"),
    "Dense_1": (8, 8, "looks on"),
    "Dense_2": (8, 8, "weighs the mean of what was seen"),
    "Dense_3": (8, 1, "turns the bird"),
}
"""The network's layers: inputs, outputs, and what each does."""


class Boids(Flock):
    """Birds that steer by what a small network makes of the nearest others, each seen with the bird's own eyes.

    Every neighbour enters as four numbers: where it is (ahead and to the left, times 50) and where it heads (ahead
    and to the left).  Two layers look at each neighbour, the mean over all in view goes through two more, and what
    comes out is how sharply to turn: left (1) or right (-1).  Who sees nobody flies straight on.

    The genotype is the network: {"net_params": {"params": {"Dense_0": {"bias", "kernel"}, ..., "Dense_3": ...}}}, 193
    numbers.

    Args:
        n_boids: how many there are.
        n_nbrs: how many others each of them sees at most, the nearest.
        visual_range: how far they see, world units, at most half of the world.
        speed, dt, side, wrap, bird_size, sharpness: see `alife.plugins.flock.Flock`.

    Source: Reynolds 1987 (doi:10.1145/37401.37406); with a network instead of rules Kumar et al. 2024
    (arXiv:2412.17799), where distances, too, end at the edges unless `wrap` is set.
    """

    def default_params(self, rng: PRNGKey) -> Tree:
        """A random network: kernels of variance 1/inputs, no biases."""
        shapes = {name: (inputs, outputs) for name, (inputs, outputs, _) in LAYERS.items()}
        return {"net_params": random_network(rng, shapes)}

    def steer(
        self,
        params: Tree,
        v: Float[Array, "2 B"],
        near: Float[Array, "2 K B"],
        r: Float[Array, "2 K B"],
        found: Bool[Array, "K B"],
    ) -> Float[Array, "2 B"]:
        """Accelerations to the left, of as much as the network says."""
        layers, left = params["net_params"]["params"], left_of(v)
        seen = jnp.stack(
            [what[0] * axis[0] + what[1] * axis[1] for what in (MAGNIFIED * r, near) for axis in (v, left)]
        )
        each = jnp.tanh(dense(layers["Dense_1"], jnp.tanh(dense(layers["Dense_0"], seen))))
        count = jnp.sum(found, axis=0)
        mean = jnp.sum(jnp.where(found, each, 0), axis=1) / jnp.maximum(count, 1)
        turn = jnp.tanh(dense(layers["Dense_3"], jnp.tanh(dense(layers["Dense_2"], mean))))
        return AGILITY * jnp.where(count > 0, turn, 0) * left

    def parameters(self) -> dict[str, Parameter]:
        """Options, and the layers of the network."""
        return super().parameters() | layer_parameters(self, {name: does for name, (_, _, does) in LAYERS.items()})


def dense(layer: Tree, x: Float[Array, "I *B"]) -> Float[Array, "O *B"]:
    """A layer of a network for many inputs at once; these are the last axes, which suits the vector units."""
    beside = (..., *[None] * (x.ndim - 1))
    y = layer["bias"][beside]
    for weights, value in zip(layer["kernel"], x, strict=True):  # a product of matrices this thin is slower
        y = y + weights[beside] * value
    return y


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "boids",
        Boids,
        summary="flocks of 128 birds, each steered by a small network that sees its nearest neighbours",
        horizon=1000,
        test_options={"n_boids": 12, "n_nbrs": 4, "visual_range": 0.3},
        source="Reynolds 1987 (doi:10.1145/37401.37406); Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (1.73, 24.0)},
    )
