"""The training of the small network that tells motions apart: films drawn by rule, a minute on one core."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from .films import MOVES, film
from .motion import features, logits
from .tower import Weights

PER_MOTION = 300
"""Films of every motion that the network learns from."""
HIDDEN = 48
STEPS = 1500


def motion_numbers(seed: int, per_motion: int) -> tuple[Float[np.ndarray, "N F"], Int[np.ndarray, " N"]]:
    """Features of films of every motion, and which motion each shows."""
    motions = np.repeat(np.arange(len(MOVES)), per_motion)
    keys = jax.random.split(jax.random.key(seed, impl="threefry2x32"), len(motions))
    draw = jax.jit(lambda *all_: jax.lax.map(lambda one: features(film(*one)), all_))
    return np.asarray(draw(keys, jnp.asarray(motions))), motions


def trained_motion(seed: int) -> dict[str, Float[np.ndarray, "..."]]:
    """The weights named motion_*, trained from nothing."""
    numbers, motions = motion_numbers(seed, PER_MOTION)
    fixed = {"motion_centre": numbers.mean(0), "motion_spread": 2 * numbers.std(0) + 1e-3}
    key = jax.random.key(seed, impl="threefry2x32")
    first = jax.random.normal(key, (numbers.shape[1], HIDDEN)) / np.sqrt(numbers.shape[1])
    weights = {"motion_in": first, "motion_in_bias": jnp.zeros(HIDDEN), "motion_out": jnp.zeros((HIDDEN, len(MOVES)))}
    weights["motion_out_bias"] = jnp.zeros(len(MOVES))
    optimiser = optax.adamw(optax.cosine_decay_schedule(3e-3, STEPS), weight_decay=0.05)

    def surprise(weights: Weights, rows: Array) -> Array:
        chances = logits({**weights, **fixed}, jnp.asarray(numbers)[rows])
        return optax.softmax_cross_entropy_with_integer_labels(chances, jnp.asarray(motions)[rows]).mean()

    def step(carry: tuple, key: Array) -> tuple[tuple, None]:
        weights, state = carry
        rows = jax.random.randint(key, (128,), 0, len(numbers))
        change, state = optimiser.update(jax.grad(surprise)(weights, rows), state, weights)
        return (optax.apply_updates(weights, change), state), None

    keys = jax.random.split(jax.random.fold_in(key, 1), STEPS)
    (weights, _), _ = jax.jit(lambda carry: jax.lax.scan(step, carry, keys))((weights, optimiser.init(weights)))
    return {name: np.asarray(value) for name, value in {**fixed, **weights}.items()}
