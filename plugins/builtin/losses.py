"""What the embedded model is asked for, with exact truth: nothing that may be true counts as false."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from alife.types import PRNGKey

from .concepts import ATTRIBUTES, STATIC, places_of
from .tower import Weights, see, unit

ATTRIBUTES_SEEN = tuple(name for name in ATTRIBUTES if name != "motion")
EMPHASIS = {"kind": 3.0, "count": 2.0, "colour": 2.0, "ground": 1.5}
"""How much an attribute weighs in the loss; 1 where nothing is said."""
MOST_TOLD = 4
"""Concepts of the longest captions."""


class Captions(NamedTuple):
    """Phrases made of what pictures of a batch show."""

    concepts: Float[Array, "M C"]
    """1 for every concept of a caption."""
    shown: Int[Array, "B M"]
    """1 where a picture shows all of a caption, 0 where it lacks some of it, -1 where nobody can tell."""


def captions(key: PRNGKey, truth: Int[Array, "B C"]) -> Captions:
    """One caption for each picture: one to four of the concepts that it shows."""
    size_key, pick_key = jax.random.split(key)
    sizes = jax.random.randint(size_key, (len(truth), 1), 1, MOST_TOLD + 1)
    chance = jax.random.uniform(pick_key, truth.shape) - 2.0 * (truth != 1)
    chance = chance.at[:, places_of("kind")].add(0.3 * (truth[:, places_of("kind")] == 1))  # people name the kind
    nth = jax.lax.top_k(chance, MOST_TOLD)[0]
    least = jnp.take_along_axis(nth, sizes - 1, axis=1)
    told = ((chance >= least) & (truth == 1)).astype(jnp.float32)
    false = told @ (truth == 0).astype(jnp.float32).T
    unknown = told @ (truth == -1).astype(jnp.float32).T
    shown = jnp.where(false > 0, 0, jnp.where(unknown > 0, -1, 1))
    return Captions(told, jnp.where(told.sum(1)[:, None] > 0, shown, -1).T)


def loss(
    weights: Weights, images: Float[Array, "B H W 3"], truth: Int[Array, "B C"], key: Key[Array, ""]
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The sum of all parts, and each of them; pictures 2 i and 2 i + 1 are of one structure."""
    words, structure = see(weights, images)
    z = unit(words)
    table = unit(weights["concepts"])[STATIC]
    cosine = z @ table.T
    said = captions(key, truth)
    parts = {
        "choice": _choice(jnp.exp(weights["scale_choice"]) * cosine, truth),
        "concept": _concept(jnp.exp(weights["scale_concept"]) * cosine + weights["bias"], truth),
        "caption": _caption(jnp.exp(weights["scale_caption"]) * (z @ unit(said.concepts @ table).T), said.shown),
        "structure": 0.5 * _pairs(unit(structure) / 0.1),
    }
    return sum(parts.values(), jnp.float32(0)), parts


def _mean(values: Array, where: Array) -> Float[Array, ""]:
    return (values * where).sum() / jnp.maximum(where.sum(), 1.0)


def _choice(logits: Float[Array, "B C"], truth: Int[Array, "B C"]) -> Float[Array, ""]:
    """Within every attribute the true values are to be chosen; what is unknown is left out."""
    total, weight = jnp.float32(0), 0.0
    for name in ATTRIBUTES_SEEN:
        place = places_of(name)
        true = (truth[:, place] == 1).astype(jnp.float32)
        known = jnp.where(truth[:, place] == -1, -jnp.inf, logits[:, place])
        chances = jax.nn.log_softmax(jnp.where(true.any(1, keepdims=True), known, 0.0))
        surprise = -jnp.where(true > 0, chances, 0).sum(1) / jnp.maximum(true.sum(1), 1)
        total += EMPHASIS.get(name, 1.0) * _mean(surprise, true.any(1))
        weight += EMPHASIS.get(name, 1.0)
    return 4 * total / weight


def _concept(logits: Float[Array, "B C"], truth: Int[Array, "B C"]) -> Float[Array, ""]:
    """Each concept on its own: yes or no."""
    surprise = jax.nn.softplus(jnp.where(truth == 1, -logits, logits))
    return 4 * _mean(surprise, truth >= 0)


def _caption(logits: Float[Array, "B M"], shown: Int[Array, "B M"]) -> Float[Array, ""]:
    """Every caption is to find the pictures that show it among all others."""
    known = jnp.where(shown == -1, -jnp.inf, logits)
    found = jax.nn.logsumexp(jnp.where(shown == 1, known, -jnp.inf), axis=0)
    useful = (shown == 1).any(0) & (shown == 0).any(0)
    surprise = jax.nn.logsumexp(known, axis=0) - found
    return _mean(jnp.where(useful, surprise, 0.0), useful)


def _pairs(x: Float[Array, "B Z"]) -> Float[Array, ""]:
    """Two colourings of one structure are nearer to each other than to anything else."""
    likeness = x @ (0.1 * x).T
    likeness = jnp.where(jnp.eye(len(x), dtype=bool), -jnp.inf, likeness)
    partner = jnp.arange(len(x)) ^ 1
    return -jnp.take_along_axis(jax.nn.log_softmax(likeness), partner[:, None], axis=1).mean()
