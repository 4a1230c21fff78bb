"""`physics_design`: levels that evolve, judged by those who try to solve them, or by their pictures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from alife.errors import BadOption, UnknownName
from alife.types import Parameter, PRNGKey, Tree

from .contacts import Motion
from .control import Controller
from .edits import edited, mixed, settled, weights_of
from .genotype import MEANINGS, decoded, encoded
from .joints import joints_of
from .life import Level, Life, Rules, begin, decide_and_step, level_of
from .parameters import parts
from .picture import picture
from .prepared import prepare
from .random_level import random_level
from .scene import BLUE, GREEN, Scene
from .sizes import SIZES, WALLS, Pairs

APART = 0.1
"""Joints whose points lie farther apart than this, metres, when all has been shifted to close them, are let go."""


class PhysicsDesign:
    """Levels as genotypes: where shapes lie and what they are, joints, motors, thrusters, roles, gravity.

    Every genotype is a legal level, whatever its numbers; young ones differ by one change of a kind that `edits` weighs
    (a shape added, moved, resized ...), and mixed ones take whole groups of joined shapes from either parent.  A small
    population of controllers tries each level at the same time: `learnability` is highest where half of them solve it.
    One player does nothing: what it solves is no task.

    Args:
        size: "S", "M" or "L", see `alife.plugins.physics.sizes`.
        players: how many random controllers (networks on sets) try a level, or a file, .npy or .npz, of their
            genotypes, one in each row, as `alife export` of a search of `physics_level` with `controller = "set"`
            gives them.
        hidden: units of the players' networks.
        edits: weights of changes, by name, instead of ours; see `alife.plugins.physics.edits.EDITS`.
        timeout: decisions after which an episode ends.

    Source: Matthews, Beukman, Lu and Foerster 2024 (Kinetix, arXiv:2410.23208); learnability as in Rutherford et al.
    2024 (arXiv:2408.15099).
    """

    deterministic = True

    def __init__(
        self,
        size: str = "M",
        players: int | str = 7,
        hidden: int = 16,
        edits: Mapping[str, float] | None = None,
        timeout: int = 256,
    ) -> None:
        if size not in SIZES:
            raise UnknownName("size", size, SIZES)
        if timeout < 1:
            raise BadOption(f"timeout is {timeout}; expected 1 or more decisions")
        self.room = SIZES[size]
        self.pairs = Pairs(self.room)
        self.weights = weights_of(edits or {})
        control = Controller("set", "proprioception", "continuous", self.room, self.pairs, hidden).checked()
        self.rules = Rules(self.pairs, control, timeout, 0.1)
        self.players = _players(players, control)

    def default_params(self, rng: PRNGKey) -> Tree:
        """A random level."""
        return encoded(settled(random_level(rng, self.room), self.pairs))

    def mutate(self, rng: PRNGKey, params: Tree) -> Tree:
        """A level with one change."""
        return encoded(edited(rng, decoded(params, self.room), self.weights, self.pairs))

    def crossover(self, rng: PRNGKey, first: Tree, second: Tree) -> Tree:
        """Groups of joined shapes from either."""
        return encoded(mixed(rng, decoded(first, self.room), decoded(second, self.room)))

    def express(self, params: Tree) -> Level:
        """The level that a genotype stands for."""
        return level_of(closed(decoded(params, self.room), self.pairs), self.pairs)

    def init_state(self, rng: PRNGKey, params: Level) -> Life:
        """The level, once for each player; the first one does nothing."""
        count = len(jax.tree.leaves(self.players)[0]) + 1
        return jax.tree.map(lambda x: jnp.broadcast_to(x, (count, *jnp.shape(x))), begin(params, self.rules))

    def step_state(self, rng: PRNGKey, state: Life, params: Level) -> Life:
        """One decision of every player, a thirtieth of a second."""
        idle = jax.tree.map(jnp.zeros_like, jax.tree.map(lambda x: x[:1], self.players))
        idle["out"]["bias"] = idle["out"]["bias"].at[:, 4:].set(-20.0)  # thrusters are off, not half on
        everybody = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), idle, self.players)
        step = partial(decide_and_step, level=params, rules=self.rules)
        return jax.vmap(lambda life, weights: step(life, weights=weights))(state, everybody)

    def render_state(self, state: Life, params: Level, img_size: int) -> Float[Array, "H W 3"]:
        """The arena as the first player that acts meets it."""
        return picture(jax.tree.map(lambda x: x[1], state), params, img_size)

    def measures(self, state: Life, params: Level) -> dict[str, Float[Array, ""]]:
        """Numbers of a level and of those who try it.

        solved: share of the players that solve it, 0 to 1
        learnability: p (1 - p) of that share p, at most 0.25; 0 where doing nothing solves it
        idle_solves: 1 where doing nothing solves it
        controllable: 1 where a motor or thruster acts on something that hangs on green or blue
        shapes: that are there, beyond the walls
        actuators: motors and thrusters that work
        spread: mean distance between the players' green shapes and where doing nothing leaves them, metres
        """
        scene, prepared = params.scene, params.prepared
        solved = jnp.mean(state.won[1:].astype(jnp.float32))
        idle = state.won[0].astype(jnp.float32)
        green = scene.shapes.role == GREEN
        away = jnp.hypot(*jnp.moveaxis(state.motion.x[1:] - state.motion.x[0], 1, 0)) * green
        motors = prepared.joints.active & prepared.joints.motor_on & ~prepared.joints.fixed
        return {
            "solved": solved,
            "learnability": solved * (1 - solved) * (1 - idle),
            "idle_solves": idle,
            "controllable": controllable(params).astype(jnp.float32),
            "shapes": jnp.sum(scene.shapes.active[WALLS:]).astype(jnp.float32),
            "actuators": (jnp.sum(motors) + jnp.sum(prepared.thrusters.active)).astype(jnp.float32),
            "spread": jnp.mean(jnp.sum(away, axis=1)),
        }

    def parameters(self) -> dict[str, Parameter]:
        """Parts of the genotype."""
        return parts(self, MEANINGS, -5.0, 5.0)

    def keep_state(self, state: Life, params: Level) -> dict[str, Array]:
        """Places and rotations of the first player that acts."""
        return {"x": state.motion.x[1], "rotation": state.motion.rotation[1]}


def controllable(level: Level) -> Bool[Array, ""]:
    """Whether any motor or thruster acts on something that hangs on a green or blue shape."""
    shapes, prepared = level.scene.shapes, level.prepared
    special = shapes.active & ((shapes.role == GREEN) | (shapes.role == BLUE))
    hangs = level.linked @ special.astype(jnp.float32) > 0
    motors = prepared.joints.active & prepared.joints.motor_on & ~prepared.joints.fixed
    driven = motors & (hangs[prepared.joints.a] | hangs[prepared.joints.b])
    return jnp.any(driven) | jnp.any(prepared.thrusters.active & hangs[prepared.thrusters.shape])


def closed(scene: Scene, pairs: Pairs) -> Scene:
    """A level whose joints are closed, those that cannot be let go."""
    scene = settled(scene, pairs)
    shapes = scene.shapes
    at_rest = Motion(shapes.position.T, shapes.rotation, jnp.zeros((3, len(shapes.role))))
    pivots = joints_of(at_rest, prepare(scene, pairs))
    ends = shapes.position[pivots.shapes] + pivots.arms
    apart = jnp.hypot(*(ends[:, 1] - ends[:, 0]).T)
    return scene._replace(joints=scene.joints._replace(active=scene.joints.active & (apart < APART)))


def _players(players: int | str, control: Controller) -> Tree:
    """Weights of all players, stacked."""
    if isinstance(players, int):
        if players < 1:
            raise BadOption(f"players is {players}; expected 1 or more, or a file of genotypes")
        return jax.jit(jax.vmap(control.params))(jax.random.split(jax.random.key(0), players))
    example = jax.eval_shape(control.params, jax.random.key(0))
    flat, unflatten = ravel_pytree(jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), example))
    try:
        found = np.load(Path(players), allow_pickle=False)
        rows = np.asarray(found if isinstance(found, np.ndarray) else found[found.files[0]], np.float32)
    except (OSError, ValueError, IndexError) as cause:
        raise BadOption(f"players: {players} cannot be read as an array: {cause}; expected .npy or .npz") from None
    if rows.ndim != 2 or rows.shape[1] != len(flat) or not len(rows) or not np.isfinite(rows).all():
        raise BadOption(
            f"players: {players} holds an array of the shape {list(rows.shape)}; expected one finite genotype of "
            f"{len(flat)} numbers in each row"
        )
    return jax.vmap(unflatten)(jnp.asarray(rows))
