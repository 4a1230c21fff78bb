"""Evaluations with less in them, by which the parts of one compiled program are told apart."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .evaluate import Evaluator, Observation
from .run import keys_of_generation
from .setup import Setup
from .types import PRNGKey, Tree

TURNS = 3
"""Times that programs are run, in turns, lest a busy moment falls on one of them alone; slow ones run once."""
PATIENCE = 40
"""A single measurement is long enough when it takes this part of all the time that there is."""


class Blind:
    """A model that sees nothing."""

    dim, identity = 1, "blind"

    def __init__(self, image_size: int = 8) -> None:
        self.image_size = image_size

    def embed_images(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B 1"]:
        """The same number for every picture."""
        return jnp.ones((len(images), 1))


class Unseen:
    """A substrate of which nothing is drawn; all else is as it was."""

    def __init__(self, substrate: Any) -> None:
        self._substrate = substrate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._substrate, name)

    def render_state(self, state: Tree, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """A black picture."""
        return jnp.zeros((img_size, img_size, 3))


class Empty(Unseen):
    """A substrate with the genotypes of another, and no world."""

    express = measures = reward = keep_state = None

    def init_state(self, rng: PRNGKey, params: Tree) -> Int[Array, ""]:
        """A number."""
        return jnp.int32(0)

    def step_state(self, rng: PRNGKey, state: Int[Array, ""], params: Tree) -> Int[Array, ""]:
        """The same number."""
        return state


def blinded(evaluator: Evaluator, kind: Callable[[Any], Any] = lambda world: world, **kept: Any) -> Evaluator:
    """The same evaluation without the model.

    Args:
        evaluator: the whole one.
        kind: makes of the substrate one with less in it.
        kept: what else is kept of each world, as the whole one has it.
    """
    space, size = copy.copy(evaluator.space), evaluator.img_size
    space.substrate = kind(space.substrate)
    made = Evaluator(space, Blind(size), evaluator.schedule, size, evaluator.memory_mb, **kept)
    made.spread = evaluator.spread
    return made


class Sample:
    """Some worlds of the first generation over some steps, and by them what a whole generation takes.

    Args:
        setup: of the search.
        seconds: to spend in all; a fortieth of them is enough for one measurement.
    """

    def __init__(self, setup: Setup, seconds: float) -> None:
        config, self._whole = setup.config, setup.pipeline.evaluator
        self._kept: dict[str, Any] = {"keep_states": config.keep_states, "peak": config.peak}
        ask_key, self._keys = keys_of_generation(setup.generation_key, 0, config.population)
        self._genotypes = np.asarray(setup.call("ask", ask_key, setup.state)[0])
        spread = self._whole.spread
        self.worlds = min(config.population, spread.lanes * spread.workers)
        """How many run."""
        least = max(self._whole.schedule.count, config.clip)
        self._few = self._far = self._whole.shortened(least)
        first, spent = self._seconds(self._few), self._seconds(self._few)
        self.compiling = max(0.0, first - spent)
        """Seconds until it was compiled, or found in the cache."""
        while spent < seconds / PATIENCE and self.worlds < config.population:
            self.worlds = min(2 * self.worlds, config.population)
            spent = self._least(self._few)
        enough, self._step, more = seconds / PATIENCE, 0.0, spent
        while self._far.schedule.steps < config.steps and more - spent < enough:
            times = 4 if more < enough else 2
            self._far = self._whole.shortened(min(times * self._far.schedule.steps, config.steps))
            more = self._least(self._far)
            self._step = max(0.0, more - spent) / (self._far.schedule.steps - least)
        self._turns = TURNS if spent < 2 * enough else 1
        self.times = config.population / self.worlds
        """How many times as many worlds a generation has."""
        self.generation = (more + (config.steps - self.steps) * self._step) * self.times
        """Seconds until all worlds of a generation have been seen."""
        if more > 2 * enough:
            self._far = self._few

    @property
    def steps(self) -> int:
        """Steps that they run for."""
        return self._far.schedule.steps

    def observe(self, genotypes: Any, keys: Any, *, video: bool = False) -> Observation:
        """As `Evaluator.observe`; worlds that are not run look like those that are."""
        seen = self._far.observe(genotypes[: self.worlds], keys[: self.worlds], video=video)
        return jax.tree.map(lambda leaf: leaf[np.arange(len(genotypes)) % self.worlds], seen)

    def divided(self, seconds: float) -> Mapping[str, float]:
        """What `seconds` for seeing all worlds are spent on: simulate, render, embed, and overhead."""
        less = [blinded(self._few, **self._kept), blinded(self._few, Unseen, **self._kept), blinded(self._few, Empty)]
        programs = [self._few, *less]
        for program in less:
            self._seconds(program)  # compiles
        turns = [[self._seconds(program) for program in programs] for _ in range(self._turns)]
        all_of_it, blind, unseen, empty = (statistics.median(times) for times in zip(*turns, strict=True))
        parts = {
            "simulate": max(0.0, unseen - empty) + (self._whole.schedule.steps - self._few.schedule.steps) * self._step,
            "render": max(0.0, blind - unseen),
            "embed": max(0.0, all_of_it - blind),
            "overhead": empty,
        }
        return {name: part * seconds / sum(parts.values()) for name, part in parts.items()}

    def _least(self, evaluator: Evaluator) -> float:
        """Seconds of one run, the better of two: a busy moment would count as often as what is left out."""
        return min(self._seconds(evaluator), self._seconds(evaluator))

    def _seconds(self, evaluator: Evaluator) -> float:
        start = time.perf_counter()
        jax.block_until_ready(evaluator.observe(self._genotypes[: self.worlds], self._keys[: self.worlds]))
        return time.perf_counter() - start
