"""Lifeforms that live on the server while somebody watches: stepped when a picture is asked for, and never else."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Num

from ..errors import BadOption
from ..genotype import GenotypeSpace, places
from ..options import whole
from ..pipeline import Pipeline
from ..types import PRNGKey
from ..worlds.live import LiveWorld

MOST_STEPS = 1024
"""Steps from one picture to the next, at most."""
LITTER = 9
"""Changed copies that one is asked to choose from."""
SIGMA = 0.2
"""How far they are changed where nothing else is said, see `GenotypeSpace.mutate`."""


class Gene(NamedTuple):
    """Numbers of a genotype that belong together."""

    name: str
    meaning: str
    unit: str
    low: float
    """Ends of a slider."""
    high: float
    first: int
    """Place of the first one in the genotype, and one past the last."""
    last: int


def genes(space: GenotypeSpace, genotype: Num[np.ndarray, " G"]) -> list[Gene]:
    """What a genotype is made of: as its substrate declares it, else the leaves of its tree.

    Sliders of what is not declared go over the substrate's bounds, else so far around the value as the prior goes.
    """
    declare = getattr(space.substrate, "parameters", None)
    declared = declare() if declare else {}
    known = [
        Gene(name, p.meaning, p.unit, float(p.low), float(p.high), *p.place) for name, p in declared.items() if p.place
    ]
    if known:
        return known
    tree = jax.eval_shape(space.substrate.default_params, jax.random.key(0))
    low, high = space.bounds
    if space.dtype == np.float32:
        reach = 3 * space.scale
        low = np.where(np.isfinite(low), low, np.minimum(genotype, space.centre) - reach)
        high = np.where(np.isfinite(high), high, np.maximum(genotype, space.centre) + reach)
    return [
        Gene(name or "genotype", "", "", float(low[first:last].min()), float(high[first:last].max()), first, last)
        for name, (first, last) in places(tree).items()
        if last > first
    ]


class Living:
    """A world that is watched.

    Args:
        pipeline: what it is run with.
        key: PRNG key of its world.
        genotype: its own.
        side: edge of its pictures, pixels.
    """

    def __init__(self, pipeline: Pipeline, key: PRNGKey, genotype: Num[np.ndarray, " G"], side: int) -> None:
        self.lock = Lock()
        self._space = pipeline.space
        self._world = LiveWorld(pipeline.substrate, key, self._space.unflatten(genotype), side)
        self.about = {
            "genes": [gene._asdict() for gene in genes(self._space, genotype)],
            "genotype": genotype.tolist(),
            "whole": self._space.dtype != np.float32,
            "steps": pipeline.config.steps,
            "poke": self._world.can_be_poked,
        }

    def act(self, wish: dict[str, Any]) -> dict[str, np.ndarray]:
        """Does what is wished, and gives the picture after it.

        Args:
            wish: any of `genotype` (go on by this one), `restart` (true: begin anew), `poke` ([right, down, radius,
                strength]) and `steps` (how many to go), in this order.

        Raises:
            BadOption, BadGenotype: what is wished cannot be.
        """
        with self.lock:
            if wish.get("genotype") is not None:
                self._world.change(self._space.unflatten(as_genotype(self._space, wish["genotype"])))
            if wish.get("restart"):
                self._world.restart()
            if wish.get("poke") is not None:
                x, y, radius, strength = _numbers(wish["poke"], 4, "poke")
                self._world.poke((x, y), radius, strength)
            seen = self._world.advance(whole("steps", wish.get("steps", 0), 0, MOST_STEPS))
            return {
                "frame": np.asarray(seen.frame),
                "step": np.array([self._world.step], np.int32),
                "finite": np.array([seen.finite], np.uint8),
            }


class Young(NamedTuple):
    """One of a litter."""

    living: Living
    of: tuple[int, ...]
    """Places of its parents in the list of all that were given, one or two."""


def litter(
    key: PRNGKey, genotypes: Sequence[Num[np.ndarray, " G"]], pipeline: Pipeline, wish: dict[str, Any], side: int
) -> list[Young]:
    """See `alife.browser.gallery.Gallery.litter`; the genotypes are the lifeform's own and those of the others."""
    space, given = pipeline.space, wish.get("parents")
    if given is not None and not (isinstance(given, list) and 0 < len(given) <= LITTER):
        raise BadOption(f"parents is {given!r:.40}; expected a list of 1 to {LITTER} genotypes")
    own = genotypes[:1] if given is None else [as_genotype(space, one) for one in given]
    parents = np.stack([*own, *genotypes[1:]])
    sigma, seed = wish.get("sigma", SIGMA), whole("seed", wish.get("seed", 0), 0, 2**32 - 1)
    if isinstance(sigma, bool) or not isinstance(sigma, int | float) or not 0 < sigma <= 10:
        raise BadOption(f"sigma is {sigma!r:.40}; expected a number above 0, up to 10")
    mutate_key, mix_key = jax.random.split(jax.random.key(seed))
    first = np.arange(LITTER) % len(own)  # all descend from the lifeform by whose key they live
    second = (first + 1 + np.random.default_rng(seed).integers(max(1, len(parents) - 1), size=LITTER)) % len(parents)
    born = jnp.asarray(parents[first])
    if len(parents) > 1:
        born = space.crossover(mix_key, born, jnp.asarray(parents[second]))
    low, high = space.bounds
    young = np.clip(np.asarray(space.mutate(mutate_key, born, sigma)), low, high)
    pairs = [tuple(dict.fromkeys(pair)) for pair in zip(first.tolist(), second.tolist(), strict=True)]
    return [Young(Living(pipeline, key, one, side), of) for one, of in zip(young, pairs, strict=True)]


def as_genotype(space: GenotypeSpace, numbers: Any) -> Num[np.ndarray, " G"]:
    """Numbers as a genotype.

    Raises:
        BadOption, BadGenotype: they are none.
    """
    return space.checked(np.array([_numbers(numbers, space.size, "genotype")]), "genotype")[0]


def _numbers(given: Any, count: int, what: str) -> list[float]:
    fits = isinstance(given, list) and len(given) == count
    if not fits or not all(isinstance(number, int | float) and not isinstance(number, bool) for number in given):
        raise BadOption(f"{what} is {given!r:.60}; expected a list of {count} numbers")
    if any(isinstance(number, int) and abs(number) > 2**53 for number in given):
        raise BadOption(f"{what} holds a number that is too large; expected at most {2**53}")
    return [float(number) for number in given]
