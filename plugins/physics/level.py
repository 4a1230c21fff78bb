"""`physics_level`: a level, the same for all; the genotype is the controller that is to solve it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from alife.errors import BadOption, UnknownName
from alife.options import whole
from alife.types import Parameter, PRNGKey, Tree

from .chosen_level import chosen_level
from .control import Controller
from .level_file import read_level
from .life import MOST_DECISIONS, Level, Life, Rules, begin, decide_and_step, level_of, poked
from .measures import measured
from .mosaic import mosaic, tiles_across, within
from .padding import stacked
from .parameters import CONTROLLER, parts
from .picture import picture
from .sizes import SIZES, Pairs


class PhysicsLevel:
    """A task for a body that is given: bring green to blue, and never to red.

    A decision is made every thirtieth of a second, of what six channels are told: four for motors, two for thrusters,
    to which the level binds its own.  `reward` is 1 when green touches blue, -1 when it touches red, which both end
    the episode, and `nearer` for each metre that green comes nearer.  After the end nothing moves.

    With several levels the same controller tries them all, side by side in the picture: rewards and measures are means,
    and `success` is the share that it solves.

    Args:
        level: name of a level that ships; a level file as Kinetix writes them, .json; "random:SEED", a random level
            that does not solve itself; "walker:SEED", a random body on legs; or a list of several such.
        controller: "open_loop" (six sines, 24 numbers), "mlp", "recurrent" or "linear" (networks on an observation),
            "set" (a network on sets of shapes, joints and thrusters, the same for scenes of every size).
        senses: what the networks on an observation are given, see `alife.plugins.physics.observe`.
        actions: "continuous", "discrete" (one of eleven at a time) or "multi_discrete".
        hidden: units of a network.
        size: "S", "M" or "L" to make room in, or "" for as much as the level has.
        timeout: decisions after which an episode ends.
        nearer: reward for each metre that green comes nearer to blue.

    Source: Matthews, Beukman, Lu and Foerster 2024 (Kinetix, arXiv:2410.23208); rigid bodies after Jax2D.
    """

    deterministic = True

    def __init__(
        self,
        level: str | Sequence[str] = "car",
        controller: str = "mlp",
        senses: str = "proprioception",
        actions: str = "continuous",
        hidden: int = 16,
        size: str = "",
        timeout: int = 256,
        nearer: float = 0.1,
    ) -> None:
        if size and size not in SIZES:
            raise UnknownName("size", size, SIZES)
        words: list[Any] = list(level) if isinstance(level, list | tuple) else [level]
        if not words or not all(isinstance(word, str) for word in words):
            raise BadOption(f"level is {level!r:.60}; expected the name of a level, or a list of several")
        scene = stacked([chosen_level(word, size) for word in words], SIZES.get(size))
        self.count = len(words)
        pairs = Pairs(scene.room)
        control = Controller(controller, senses, actions, scene.room, pairs, hidden).checked()
        timeout = whole("timeout", timeout, 1, MOST_DECISIONS, "decisions")
        self.controller, self.rules = control, Rules(pairs, control, timeout, nearer)
        prepared: Level = jax.jit(jax.vmap(lambda scene: level_of(scene, pairs)))(scene)
        self.level = prepared if self.count > 1 else jax.tree.map(lambda x: x[0], prepared)

    def _each(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """Something done in each level: for one alone as it is."""
        return jax.vmap(act) if self.count > 1 else act

    def default_params(self, rng: PRNGKey) -> Tree:
        """A controller from the prior."""
        return self.controller.params(rng)

    def init_state(self, rng: PRNGKey, params: Tree) -> Life:
        """The level as its file has it."""
        return self._each(lambda level: begin(level, self.rules))(self.level)

    def step_state(self, rng: PRNGKey, state: Life, params: Tree) -> Life:
        """One decision, a thirtieth of a second."""
        return self._each(lambda life, level: decide_and_step(life, level, params, self.rules))(state, self.level)

    def render_state(self, state: Life, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """The arena, y up; of several a tile each."""
        tile = img_size // tiles_across(self.count)
        drawn = self._each(lambda life, level: picture(life, level, tile))(state, self.level)
        return mosaic(drawn, img_size) if self.count > 1 else drawn

    def reward(self, state: Life, params: Tree) -> Float[Array, ""]:
        """Of the last step."""
        return jnp.mean(state.earned)

    def measures(self, state: Life, params: Tree) -> dict[str, Float[Array, ""]]:
        return jax.tree.map(jnp.mean, self._each(measured)(state, self.level))

    measures.__doc__ = measured.__doc__

    def poke(self, state: Life, params: Tree, place: Float[Array, "2"], radius: Array, strength: Array) -> Life:
        """What moves is pushed away from there, or drawn to it."""
        across = tiles_across(self.count)

        def touch(life: Life, level: Level, tile: Array) -> Life:
            at = within(place, tile, self.count)
            here = jnp.all((at >= 0) & (at <= 1))
            return poked(life, level, at, across * radius, strength * here)

        return self._each(touch)(state, self.level, jnp.arange(self.count) if self.count > 1 else jnp.int32(0))

    def parameters(self) -> dict[str, Parameter]:
        """Parts of the genotype."""
        return parts(self, CONTROLLER)

    def keep_state(self, state: Life, params: Tree) -> dict[str, Array]:
        """Places and rotations, from which a scene can be drawn."""
        return {"x": state.motion.x, "rotation": state.motion.rotation}

    @staticmethod
    def from_file(path: str | Path) -> list[tuple[str, dict[str, Any], None]]:
        """A level file, as a world in which its controller is searched for."""
        read_level(path)
        return [(Path(path).stem, {"level": str(Path(path).resolve())}, None)]
