"""Frames of the substrates for the corpus: every ready-made world, and genotypes drawn at random.

What a frame is called is known only where a world is famous for its looks (`SHOWS`, `TYPICAL`); everything else about
it is measured (`measured.simulated`).  Three substrates are held out of training, to judge the model on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Int8, UInt8

from alife.config import RunConfig, catalog_names, load_world
from alife.errors import AlifeError
from alife.genotype import GenotypeSpace
from alife.registry import default_registry
from alife.worlds.engine import rollout

from .concepts import ATTRIBUTES
from .things import SIDE

HELD_OUT = ("elementary", "flow_lenia", "particle_life_plus")
"""Substrates that the model never sees while it learns."""

LATER = ("confetti",)
"""Worlds that joined the catalog after the weights were trained: the recipe stays what it was."""

SHOWS: dict[str, tuple[str, ...]] = {
    "bustle": ("spots",),
    "mitosis": ("spots",),
    "restless": ("spots",),
    "sponge": ("spots",),
    "honeycomb": ("spots",),
    "caterpillars": ("spots",),
    "fingerprint": ("maze",),
    "labyrinth": ("maze",),
    "unrest": ("maze",),
    "worms": ("worms", "maze"),
    "turmoil": ("clouds",),
    "dunes": ("patches", "waves"),
    "lava": ("patches",),
    "lichen": ("patches",),
    "masonry": ("patches",),
    "rain": ("stripes", "line"),
    "ripples": ("stripes", "waves", "maze"),
    "surf": ("waves",),
    "conway_soup": ("pixels",),
    "rule_sweep": ("pixels", "noise"),
    "highlife": ("pixels",),
    "gosper_gun": ("pixels",),
    "orbium": ("blob", "glow"),
    "gyropteron": ("blob", "glow"),
    "helicium": ("blob", "glow"),
    "paraptera": ("blob", "glow"),
    "aquarium": ("blob", "glow"),
    "eyes": ("bubble", "cells"),
    "membranes": ("bubble", "cells"),
    "tissue": ("bubble", "cells"),
}
"""Kinds of which every ready-made world here is one; the kinds it does not name stay unknown beside them only where
they are alike (`ALIKE`)."""

TYPICAL: dict[str, tuple[str, ...]] = {"boids": ("flock",), "boids_rules": ("flock",), "life": ("pixels",)}
"""Kinds that every world of a substrate shows, whatever its genotype."""

ALIKE: tuple[frozenset[str], ...] = tuple(
    map(
        frozenset,
        (
            ("disc", "spots", "glow", "blob", "bubble", "flower"),
            ("stripes", "waves", "maze", "worms", "rings", "spiral", "line"),
            ("network", "cells", "maze", "bubble", "branching"),
            ("patches", "clouds", "blob", "maze", "waves", "noise"),
            ("pixels", "noise", "square", "checker", "fractal", "patches"),
            ("flock", "triangle", "disc", "line"),
            ("branching", "snowflake", "worms"),
        ),
    )
)
"""Kinds that a person might say of one picture: where one is known of a frame, the others in its sets are unknown."""


class Frames(NamedTuple):
    """Pictures of worlds, with what is known of their kind and where they come from."""

    images: UInt8[np.ndarray, "N SIDE SIDE 3"]
    kinds: Int8[np.ndarray, "N kinds"]
    substrates: np.ndarray
    worlds: np.ndarray


def frames_of_worlds(
    seed: int, *, worlds: int, random: int, pictures: int, substrates: tuple[str, ...] | None = None
) -> Frames:
    """Run worlds and draw them at some moments of the last two thirds of their time.

    Args:
        seed: decides every genotype and key.
        worlds: runs of every ready-made world, each with its own key.
        random: genotypes drawn from the prior of every substrate.
        pictures: moments of each run.
        substrates: only these; None = all but those held out.
    """
    registry = default_registry()
    wanted = [name for name in registry.substrates if name not in HELD_OUT] if substrates is None else substrates
    images, kinds, owners, names = [], [], [], []
    for config, runs in _configurations(wanted, worlds, random):
        known = kinds_known(SHOWS.get(config.name) or TYPICAL.get(config.substrate, ()))
        for frame in _run(config, seed, runs, pictures):
            images.append(frame)
            kinds.append(known)
            owners.append(config.substrate)
            names.append(config.name)
    return Frames(np.stack(images), np.stack(kinds), np.array(owners), np.array(names))


def _configurations(wanted: Any, worlds: int, random: int) -> Iterator[tuple[RunConfig, int]]:
    registry = default_registry()
    for name in wanted:
        if random:
            yield load_world(name, registry.horizons), random
    for name in catalog_names():
        config = load_world(name, registry.horizons)
        if config.substrate in wanted and worlds and name not in LATER:
            yield config, worlds


def _run(config: RunConfig, seed: int, runs: int, pictures: int) -> Iterator[np.ndarray]:
    """Frames of one world with several keys; a genotype that gives NaN is left out."""
    registry = default_registry()
    substrate = registry.substrates[config.substrate].make(**config.options)
    space = GenotypeSpace(substrate, config.substrate, config.genotype)
    first = jax.random.key(seed, impl="threefry2x32")
    for number in range(runs):
        draw_key, key = jax.random.split(jax.random.fold_in(first, number))
        own = space.starts if config.name != config.substrate else None
        genotype = space.sample(draw_key, 1)[0] if own is None else own[0]
        params = space.unflatten(genotype)
        steps = min(config.steps, 2000)
        taken = min(3 * pictures // 2 + 1, steps)
        run = rollout(substrate, key, params, steps=steps, frames=taken, img_size=SIDE, as_bytes=True)
        if bool(run.finite):
            yield from np.asarray(run.frames)[-pictures:]


def kinds_known(shown: tuple[str, ...]) -> Int8[np.ndarray, " kinds"]:
    """1 for the kinds shown, -1 for those like them, 0 for the others; all -1 where nothing is known.

    >>> int(kinds_known(()).max())
    -1
    """
    names = ATTRIBUTES["kind"]
    if not shown:
        return np.full(len(names), -1, np.int8)
    for name in shown:
        if name not in names:
            raise AlifeError(f"{name!r} is not a kind of picture; expected one of {', '.join(names)}")
    near = frozenset().union(*(group for group in ALIKE if group & set(shown)))
    return np.array([1 if name in shown else -1 if name in near else 0 for name in names], np.int8)
