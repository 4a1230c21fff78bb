"""How the shipped weights came about: `alife train-builtin` runs this, step for step the same, and resumes exactly.

Each batch is half drawn pictures, half frames of substrates once `FRAMES_JOIN` steps have passed (simulating them takes
minutes, so they are made when they are first needed).  Pictures come in pairs of one structure in two colourings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from alife.errors import BadOption, first_line

from .concepts import CONCEPTS, STATIC
from .corpus import DRAW, PER_KIND, Pictures, painted, recoloured, shard
from .frames import Frames, frames_of_worlds
from .losses import loss
from .motions import trained_motion
from .tower import STATIC_DIM, initial_weights

SEED = 1
"""Decides everything."""
PAIRS = 64
"""Structures in one batch, each in two colourings."""
STEPS = 5000
FRAMES_JOIN = 600
FRAMES_SHARE = 24
"""Pairs of a batch that are frames of substrates, from then on."""
SAVE_EVERY = 250
NOTE_EVERY = 10
AVERAGE = 0.998
"""The shipped weights are a running mean of those trained: each step keeps so much of the mean, less at first."""


class Learner(NamedTuple):
    """All that a step changes."""

    weights: Any
    mean: Any
    optimiser: Any


def optimiser(steps: int) -> optax.GradientTransformation:
    """AdamW with a short warm-up and a cosine to nothing."""
    rate = optax.warmup_cosine_decay_schedule(0.0, 1.5e-3, min(300, steps), steps, 1e-5)
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.adamw(rate, b2=0.98, weight_decay=0.02, mask=lambda tree: jax.tree.map(lambda x: x.ndim > 1, tree)),
    )


def first_learner(seed: int) -> Learner:
    """Before the first step."""
    tower_key, table_key = jax.random.split(jax.random.key(seed, impl="threefry2x32"))
    table = jax.random.normal(table_key, (len(CONCEPTS), STATIC_DIM)) / np.sqrt(STATIC_DIM)
    scales = {f"scale_{name}": jnp.log(jnp.float32(10)) for name in ("choice", "concept", "caption")}
    bias = jnp.full(STATIC.stop, -3.0)
    weights = initial_weights(tower_key) | scales | {"concepts": table, "bias": bias}
    return Learner(weights, weights, optimiser(STEPS).init(weights))


@jax.jit
def learn(
    learner: Learner, batch: Pictures, key: Array, step: int | Array
) -> tuple[Learner, Float[Array, ""], dict[str, Array]]:
    """One step."""
    (value, parts), slope = jax.value_and_grad(loss, has_aux=True)(learner.weights, batch.images, batch.truth, key)
    change, state = optimiser(STEPS).update(slope, learner.optimiser, learner.weights)
    weights = optax.apply_updates(learner.weights, change)
    keep = jnp.minimum(AVERAGE, (1 + step) / (10 + step))
    mean = jax.tree.map(lambda m, w: keep * m + (1 - keep) * w, learner.mean, weights)
    return Learner(weights, mean, state), value, parts


_paint = jax.jit(lambda *args: jax.lax.map(lambda one: painted(*one), args))
_recolour = jax.jit(lambda *args: jax.lax.map(lambda one: recoloured(*one), args))


class Batches:
    """The batch of every step, by its number alone.

    Args:
        seed: of the run.
        place: folder where frames of substrates are kept once they have been simulated.
    """

    def __init__(self, seed: int, place: Path) -> None:
        self.seed, self.place = seed, place
        self.key = jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), 1)
        self._shard: tuple[int, Any] = (-1, None)
        self._frames: Frames | None = None

    def __call__(self, step: int) -> Pictures:
        """Pictures and truth; neighbours in the batch are two colourings of one structure."""
        drawn = PAIRS - (FRAMES_SHARE if step >= FRAMES_JOIN else 0)
        rng = np.random.default_rng([self.seed, step])
        keys = jax.random.split(jax.random.fold_in(self.key, step), 2 * PAIRS)
        images, truth = self._drawn(step, drawn, keys[: 2 * drawn])
        if drawn < PAIRS:
            some = rng.integers(0, len(self.frames.images), PAIRS - drawn).repeat(2)
            pictures = jnp.asarray(self.frames.images[some], jnp.float32) / 255
            more = _recolour(keys[2 * drawn :], pictures, jnp.asarray(self.frames.kinds[some]))
            images, truth = jnp.concatenate([images, more[0]]), jnp.concatenate([truth, more[1]])
        return Pictures(images, truth)

    @property
    def frames(self) -> Frames:
        """Frames of substrates, simulated when they are first asked for."""
        if self._frames is None:
            file = self.place / "frames.npz"
            if not file.exists():
                save(file, frames_of_worlds(self.seed, worlds=3, random=16, pictures=3)._asdict())
            with np.load(file) as saved:
                self._frames = Frames(**saved)
        return self._frames

    def _drawn(self, step: int, count: int, keys: Array) -> tuple[Array, Array]:
        """The next fields of the present shard, in an order of its own."""
        per_shard = len(DRAW) * PER_KIND // PAIRS
        number, turn = divmod(step, per_shard)
        if self._shard[0] != number:
            drawn = shard(self.seed, number)
            order = np.random.default_rng([self.seed, number, 7]).permutation(len(drawn.fields))
            self._shard = (number, jax.tree.map(lambda x: np.asarray(x)[order], drawn))
        fields, said = self._shard[1]
        rows = (turn * PAIRS + np.arange(count)).repeat(2)
        return _paint(keys, fields[rows], {name: values[rows] for name, values in said.items()})


def train(place: Path, *, until: int = STEPS, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Train, or go on training, and keep weights and loss curve in a folder.

    Args:
        place: folder for `state.npz` and `curve.json`; what is there is resumed.
        until: stop after so many steps in all; the schedule of the rate stays that of STEPS.
        tell: is given a line now and then.

    Returns:
        the loss curve: {"step": [...], "loss": [...]}, each the mean of NOTE_EVERY steps.
    """
    if not 1 <= until <= STEPS:
        raise BadOption(f"train-builtin got {until} steps; expected 1 to {STEPS}")
    place.mkdir(parents=True, exist_ok=True)
    learner, done, curve = _load(place, first_learner(SEED))
    batches, noted = Batches(SEED, place), curve.pop("noted")
    keys = jax.random.fold_in(jax.random.key(SEED, impl="threefry2x32"), 2)
    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(batches, done)
        for step in range(done, until):
            batch = waiting.result()
            if step + 1 < until:
                waiting = ahead.submit(batches, step + 1)
            learner, value, parts = learn(learner, batch, jax.random.fold_in(keys, step), step)
            noted.append(float(value))
            if len(noted) == NOTE_EVERY:
                curve["step"].append(step + 1)
                curve["loss"].append(round(float(np.mean(noted)), 5))
                told = " ".join(f"{name} {float(part):.3f}" for name, part in parts.items())
                tell(f"step {step + 1} loss {np.mean(noted):.4f} {told}")
                noted = []
            if (step + 1) % SAVE_EVERY == 0 or step + 1 == until:
                _save(place, learner, step + 1, curve | {"noted": noted})
    return curve


def _save(place: Path, learner: Learner, step: int, curve: Mapping[str, Any]) -> None:
    """The whole state."""
    leaves = {f"leaf_{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(learner))}
    save(place / "state.npz", {"step": step, "curve": json.dumps(curve), **leaves})


def save(file: Path, arrays: Mapping[str, Any]) -> None:
    """Arrays as .npz, under its real name only once all of it is there."""
    partial = file.with_name(f".partial-{file.name}")
    np.savez(partial, **arrays)
    os.replace(partial, file)


def _load(place: Path, first: Learner) -> tuple[Learner, int, dict[str, Any]]:
    file = place / "state.npz"
    if not file.exists():
        return first, 0, {"step": [], "loss": [], "noted": []}
    try:
        with np.load(file) as saved:
            leaves = [jnp.asarray(saved[f"leaf_{i}"]) for i in range(len(jax.tree.leaves(first)))]
            step, curve = int(saved["step"]), json.loads(str(saved["curve"]))
    except (OSError, ValueError, KeyError, BadZipFile) as cause:
        raise BadOption(f"{file} is damaged ({first_line(cause)}); delete it to begin anew") from None
    return jax.tree.unflatten(jax.tree.structure(first), leaves), step, curve


def shipped(place: Path) -> dict[str, np.ndarray]:
    """The weights that go into the package, half as precise as those trained, with those of the motions.

    Raises:
        BadOption: the folder holds no training.
    """
    if not (place / "state.npz").exists():
        raise BadOption(f"{place} holds no training; expected a folder that `alife train-builtin` has written to")
    learner, _, _ = _load(place, first_learner(SEED))
    unused = ("bias", "scale_choice", "scale_concept", "scale_caption")
    weights = {name: value for name, value in learner.mean.items() if name not in unused}
    return {name: np.asarray(value, np.float16) for name, value in (weights | trained_motion(SEED)).items()}
