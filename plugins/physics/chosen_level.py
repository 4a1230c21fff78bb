"""The level that an option names: one that ships, a file, or a random one that is worth trying."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np

from alife.errors import BadOption, UnknownName

from .control import Hand
from .edits import settled
from .life import Rules, begin, decide_and_step, level_of
from .locomotion import random_walker
from .random_level import random_level
from .scene import CHANNELS, Scene
from .shipped import named_level
from .sizes import SIZES, Pairs, Room
from .trial import controllable

DRAWN = 16
"""Random levels that are drawn at most, one after the other, until one is worth trying."""
IDLE = 256
"""Decisions for which nothing is done, to see whether a level solves itself."""


def chosen_level(level: str, size: str = "") -> Scene:
    """The scene that a word stands for.

    Args:
        level: name of a level that ships; a level file, which ends in .json; "random:SEED" or "walker:SEED".
        size: of a random level, "S", "M" or "L"; "" = M.

    Raises:
        UnknownName, BadOption, BadWorld: with what there is.
    """
    drawn = re.fullmatch(r"(random|walker):(\d+)", level)
    if drawn is None and re.match("(random|walker):", level):
        raise BadOption(f"level is {level!r:.60}; expected a whole number after the colon, such as random:7")
    if drawn is None:
        return named_level(level)
    if size and size not in SIZES:
        raise UnknownName("size", size, SIZES)
    key = jax.random.key(int(drawn[2]) % 2**31)
    if drawn[1] == "walker":
        return jax.jit(random_walker)(key)
    return worth_trying(key, SIZES[size or "M"])


def worth_trying(key: jax.Array, room: Room) -> Scene:
    """The first of some random levels that does not solve itself, and in which something can be done.

    Raises:
        BadOption: there is none among 16.
    """
    pairs = Pairs(room)
    rules = Rules(pairs, Hand(), IDLE, 0.0)

    @jax.jit
    def draw(key: jax.Array) -> tuple[Scene, jax.Array]:
        scene = settled(random_level(key, room), pairs)
        level = level_of(scene, pairs)
        nothing = jnp.zeros(CHANNELS)
        life = jax.lax.fori_loop(
            0, IDLE, lambda _, life: decide_and_step(life, level, nothing, rules), begin(level, rules)
        )
        early = life.done & (life.time < IDLE)  # solved or lost by doing nothing
        return scene, controllable(level) & ~early

    for one in jax.random.split(key, DRAWN):
        scene, good = draw(one)
        if good:
            return jax.tree.map(np.asarray, scene)
    raise BadOption(f"{DRAWN} random levels solve themselves, or nothing in them can be driven; choose another seed")
