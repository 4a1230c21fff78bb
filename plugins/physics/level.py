"""`physics_level`: a level, the same for all; the genotype is the controller that is to solve it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
from jaxtyping import Array, Float

from alife.errors import UnknownName
from alife.options import whole
from alife.types import Parameter, PRNGKey, Tree

from .chosen_level import chosen_level
from .control import Controller
from .level_file import read_level
from .life import MOST_DECISIONS, Life, Rules, begin, decide_and_step, level_of, poked
from .measures import measured
from .padding import padded
from .parameters import CONTROLLER, parts
from .picture import picture
from .sizes import SIZES, Pairs


class PhysicsLevel:
    """A task for a body that is given: bring green to blue, and never to red.

    A decision is made every thirtieth of a second, of what six channels are told: four for motors, two for thrusters,
    to which the level binds its own.  `reward` is 1 when green touches blue, -1 when it touches red, which both end
    the episode, and `nearer` for each metre that green comes nearer.  After the end nothing moves.

    Args:
        level: name of a level that ships; a level file as Kinetix writes them, .json; "random:SEED", a random level
            that does not solve itself; or "walker:SEED", a random body on legs.
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
        level: str = "car",
        controller: str = "mlp",
        senses: str = "proprioception",
        actions: str = "continuous",
        hidden: int = 16,
        size: str = "",
        timeout: int = 256,
        nearer: float = 0.1,
    ) -> None:
        scene = chosen_level(level, size)
        if size:
            if size not in SIZES:
                raise UnknownName("size", size, SIZES)
            scene = padded(scene, SIZES[size])
        pairs = Pairs(scene.room)
        control = Controller(controller, senses, actions, scene.room, pairs, hidden).checked()
        self.controller, self.rules = (
            control,
            Rules(pairs, control, whole("timeout", timeout, 1, MOST_DECISIONS, "decisions"), nearer),
        )
        self.level = jax.jit(lambda scene: level_of(scene, pairs))(scene)

    def default_params(self, rng: PRNGKey) -> Tree:
        """A controller from the prior."""
        return self.controller.params(rng)

    def init_state(self, rng: PRNGKey, params: Tree) -> Life:
        """The level as its file has it."""
        return begin(self.level, self.rules)

    def step_state(self, rng: PRNGKey, state: Life, params: Tree) -> Life:
        """One decision, a thirtieth of a second."""
        return decide_and_step(state, self.level, params, self.rules)

    def render_state(self, state: Life, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """The arena, y up."""
        return picture(state, self.level, img_size)

    def reward(self, state: Life, params: Tree) -> Float[Array, ""]:
        """Of the last step."""
        return state.earned

    def measures(self, state: Life, params: Tree) -> dict[str, Float[Array, ""]]:
        return measured(state, self.level)

    measures.__doc__ = measured.__doc__

    def poke(self, state: Life, params: Tree, place: Float[Array, "2"], radius: Array, strength: Array) -> Life:
        """What moves is pushed away from there, or drawn to it."""
        return poked(state, self.level, place, radius, strength)

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
