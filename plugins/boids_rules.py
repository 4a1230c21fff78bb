"""Boids as Reynolds described them: keep together, keep apart, keep in step; how much of each is the genotype."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Bool, Float

from alife.genotype import places
from alife.hookspecs import hookimpl
from alife.plugins.flock import Flock
from alife.types import Parameter, PRNGKey, Tree

STRENGTH = {"alignment": 3.0, "cohesion": 20.0, "separation": 30.0}
"""Coefficients where the genotype is 0, per unit of time: all three rules show."""
STRONGEST = 6.0
"""Genotypes count up to here: at 400 times the strength a bird does at once what the rules say."""


class Rules(NamedTuple):
    """A genotype made ready."""

    alignment: Float[Array, ""]
    """Coefficients, per unit of time, >= 0: how fast a bird takes over the mean heading of its neighbours."""
    cohesion: Float[Array, ""]
    """Pull towards the middle of the neighbours, for a middle that is one visual range away."""
    separation: Float[Array, ""]
    """Push away from neighbours that are too near, for one that is infinitely near."""
    distance: Float[Array, ""]
    """What is too near, in visual ranges, in (0, 1)."""


class BoidsRules(Flock):
    """Birds that follow three rules: alignment, cohesion and separation.

    A bird turns towards the mean heading of the neighbours it sees (alignment), towards their middle (cohesion), and
    away from each that is too near, the more the nearer it is (separation).  The genotype is four numbers a, c, d, s:

    alignment: coefficient 3 e^a per unit of time.
    cohesion: coefficient 20 e^c per unit of time.
    distance: sigmoid(d) visual ranges; nearer than that is too near.
    separation: coefficient 30 e^s per unit of time.

    Args:
        n_boids: how many there are.
        n_nbrs: how many others each of them sees at most, the nearest.
        visual_range: how far they see, world units, at most half of the world.
        speed, dt, side, wrap, bird_size, sharpness: see `alife.plugins.flock.Flock`.

    Source: Reynolds 1987 (doi:10.1145/37401.37406).  Differs in that all fly at one speed in a plane, that separation
    falls off linearly to its distance, and that the three accelerations are added.
    """

    def default_params(self, rng: PRNGKey) -> Tree:
        """Four numbers from a standard normal distribution."""
        return dict(zip(sorted(Rules._fields), jax.random.normal(rng, (4,)), strict=True))

    def express(self, params: Tree) -> Rules:
        """Coefficients and distance."""
        strength = {name: base * jnp.exp(jnp.minimum(params[name], STRONGEST)) for name, base in STRENGTH.items()}
        return Rules(**strength, distance=sigmoid(params["distance"]))

    def steer(
        self,
        params: Rules,
        v: Float[Array, "2 B"],
        near: Float[Array, "2 K B"],
        r: Float[Array, "2 K B"],
        found: Bool[Array, "K B"],
    ) -> Float[Array, "2 B"]:
        """The three rules, added."""
        count = jnp.maximum(jnp.sum(found, axis=0), 1)

        def mean(what: Array) -> Array:
            return jnp.sum(jnp.where(found, what, 0), axis=1) / count

        way = r / self.visual_range
        far = jnp.sqrt(jnp.maximum(way[0] ** 2 + way[1] ** 2, 1e-12))
        too_near = jnp.maximum(1 - far / params.distance, 0)
        return (
            params.alignment * mean(near - v[:, None])
            + params.cohesion * mean(way)
            - params.separation * mean(way / far * too_near)
        )

    def parameters(self) -> dict[str, Parameter]:
        """Options, and the four numbers of the genotype."""
        tree = places(jax.eval_shape(self.default_params, jax.random.key(0)))
        said = {
            "alignment": (-5, 4, "3 e^this per unit of time: how fast birds take over their neighbours' heading"),
            "cohesion": (-5, 4, "20 e^this per unit of time: pull towards the middle of the neighbours"),
            "distance": (-4, 4, "sigmoid of this, visual ranges: nearer neighbours are too near"),
            "separation": (-5, 4, "30 e^this per unit of time: push away from neighbours that are too near"),
        }
        rules = {name: Parameter(low, high, "", meaning, tree[name]) for name, (low, high, meaning) in said.items()}
        return super().parameters() | rules


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "boids_rules",
        BoidsRules,
        summary="flocks of 128 birds that keep together, apart and in step, each as much as the genotype says",
        horizon=1000,
        test_options={"n_boids": 12, "n_nbrs": 4, "visual_range": 0.3},
        source="Reynolds 1987 (doi:10.1145/37401.37406)",
        peers={"CAX": (0.28, None)},
    )
