"""One world that goes on for as long as somebody watches, and can be changed and touched meanwhile."""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, UInt8

from alife.errors import BadOption
from alife.substrate import Substrate
from alife.types import PRNGKey, Tree

from .engine import (
    ByIdentity,
    all_finite,
    call,
    check_img_size,
    check_methods,
    check_step,
    draw,
    expressed,
    measure,
    to_bytes,
)


class Sight(NamedTuple):
    """What is seen of a world at one moment."""

    frame: UInt8[Array, "H W 3"]
    measures: dict[str, Float[Array, ""]]
    finite: Bool[Array, ""]
    """False while picture or measures hold a NaN or an infinity."""


class LiveWorld:
    """A world from its beginning, with the keys of `rollout`: left alone, it goes through the same history.

    Args:
        substrate: the family of dynamics.
        key: PRNG key of this world.
        params: genotype as the substrate's own tree.
        img_size: edge of a picture, pixels.

    Raises:
        PluginError: the substrate raises, or breaks its contract.
    """

    def __init__(self, substrate: Substrate, key: PRNGKey, params: Tree, img_size: int) -> None:
        check_img_size(img_size)
        check_methods(substrate)
        self._programs = _programs(ByIdentity(substrate), img_size)
        self._init_key, self._step_key = jax.random.split(key)
        self.can_be_poked = getattr(substrate, "poke", None) is not None
        """Whether it can be touched."""
        self.step = 0
        """Steps since it began."""
        self.state: Tree
        """This moment."""
        self.change(params)
        self.restart()

    def change(self, params: Tree) -> None:
        """Goes on by another genotype, from the state that it is in."""
        self._params = self._programs.express(params)

    def restart(self) -> None:
        """Begins anew, with the genotype that it has now."""
        self.state, self.step = self._programs.begin(self._init_key, self._params), 0

    def advance(self, steps: int) -> Sight:
        """What is seen so many steps later, >= 0."""
        self.state = self._programs.go(self.state, self._params, self._step_key, self.step, steps)
        self.step += steps
        return self._programs.look(self.state, self._params)

    def poke(self, place: tuple[float, float], radius: float, strength: float) -> None:
        """Touches it.

        Args:
            place: how far to the right and down in the picture, each in [0, 1].
            radius: of what is touched, edges of the picture, in (0, 1].
            strength: in [-1, 1]; below 0 something is taken away.

        Raises:
            BadOption: numbers out of range, or a substrate that cannot be touched.
        """
        if not self.can_be_poked:
            raise BadOption("this substrate cannot be touched: it has no `poke`")
        given = np.array([*place, radius, strength], np.float32)
        if not (np.all((given >= [0, 0, 0, -1]) & (given <= 1)) and radius > 0):
            raise BadOption(f"touched at {place}, {radius=}, {strength=}; expected places and a radius from 0 to 1")
        self.state = self._programs.poke(self.state, self._params, given[:2], given[2], given[3])


class _Programs:
    """What is compiled for a substrate, once for all of its worlds; a number of steps is data."""

    def __init__(self, substrate: Substrate, img_size: int) -> None:
        self._substrate, self._img_size = substrate, img_size

    @cached_property
    def express(self) -> Any:
        return jax.jit(partial(expressed, self._substrate))

    @cached_property
    def begin(self) -> Any:
        def begin(key: PRNGKey, params: Tree) -> Tree:
            state = call(self._substrate, "init_state", key, params)
            check_step(self._substrate, state, params)
            return state

        return jax.jit(begin)

    @cached_property
    def go(self) -> Any:
        def go(state: Tree, params: Tree, key: PRNGKey, first: Array, steps: Array) -> Tree:
            def step(number: Array, state: Tree) -> Tree:
                return call(self._substrate, "step_state", jax.random.fold_in(key, number), state, params)

            return jax.lax.fori_loop(first, first + steps, step, state)

        return jax.jit(go)

    @cached_property
    def look(self) -> Any:
        def look(state: Tree, params: Tree) -> Sight:
            image = draw(self._substrate, state, params, self._img_size)
            measures = measure(self._substrate, state, params)
            return Sight(to_bytes(image), measures, jnp.all(jnp.isfinite(image)) & all_finite(measures))

        return jax.jit(look)

    @cached_property
    def poke(self) -> Any:
        return jax.jit(lambda *given: call(self._substrate, "poke", *given))


@lru_cache(maxsize=8)
def _programs(held: ByIdentity, img_size: int) -> _Programs:
    return _Programs(held.substrate, img_size)
