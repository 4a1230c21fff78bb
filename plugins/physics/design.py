"""`physics_design`: levels that evolve, judged by those who try to solve them, or by their pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from alife.errors import BadOption, UnknownName
from alife.options import one_of, whole
from alife.types import Parameter, PRNGKey, Tree

from .contacts import Motion
from .control import Controller
from .edits import edited, mixed, settled, weights_of
from .genotype import MEANINGS, decoded, encoded
from .joints import gaps
from .life import MOST_DECISIONS, Life, Rules, level_of, poked
from .parameters import CONTROLLER, parts
from .picture import picture
from .prepared import prepare
from .random_level import random_level
from .scene import Scene
from .sizes import SIZES, Pairs
from .trial import Task, all_begin, all_step, fairness, judged

STEP = 0.15
"""Deviation of what is added to each weight of a solver that changes."""
APART = 0.1
"""Joints whose points lie farther apart than this, metres, when all has been shifted to close them, are let go."""


class PhysicsDesign:
    """Levels as genotypes: where shapes lie and what they are, joints, motors, thrusters, roles, gravity.

    Every genotype is a legal level, whatever its numbers; young ones differ by one change of a kind that `edits` weighs
    (a shape added, moved, resized ...), and mixed ones take whole groups of joined shapes from either parent.  A small
    population of controllers tries each level at the same time: `learnability` is highest where half of them solve it.
    One player does nothing: what it solves is no task.

    With `solver` a genotype is a level and the controller that is to solve it.  Either changes; a mixture of two is the
    level of one, or one mixed of both, with the controller of the other or of the one: who solves one level is tried on
    another.

    Args:
        size: "S", "M" or "L", see `alife.plugins.physics.sizes`.
        players: how many random controllers (networks on sets) try a level, or a file, .npy or .npz, of their
            genotypes, one in each row, as `alife export` of a search of `physics_level` with `controller = "set"`
            gives them.
        solver: whether the genotype holds a controller, too; it is the first player, and seen in the pictures.
        hidden: units of the players' networks.
        edits: weights of changes, by name, instead of ours; see `alife.plugins.physics.edits.EDITS`.
        timeout: decisions after which an episode ends.

    Source: Matthews, Beukman, Lu and Foerster 2024 (Kinetix, arXiv:2410.23208); learnability as in Rutherford et al.
    2024 (arXiv:2408.15099); levels with their solvers, and transfers between them, as in Wang et al. 2019 (POET,
    arXiv:1901.01753), kept by a minimal criterion as in Brant and Stanley 2017 (doi:10.1145/3071178.3071186).
    """

    deterministic = True

    def __init__(
        self,
        size: str = "M",
        players: int | str = 7,
        solver: bool = False,
        hidden: int = 16,
        edits: Mapping[str, float] | None = None,
        timeout: int = 256,
    ) -> None:
        if size not in SIZES:
            raise UnknownName("size", size, SIZES)
        self.room = SIZES[size]
        self.pairs = Pairs(self.room)
        self.weights = weights_of(edits or {})
        self.controller = Controller("set", "proprioception", "continuous", self.room, self.pairs, hidden).checked()
        self.rules = Rules(self.pairs, self.controller, whole("timeout", timeout, 1, MOST_DECISIONS, "decisions"), 0.1)
        self.players = _players(players, self.controller)
        self.solver = one_of("solver", solver, (False, True))

    def default_params(self, rng: PRNGKey) -> Tree:
        """A random level, and with `solver` a controller."""
        if not self.solver:
            return encoded(settled(random_level(rng, self.room), self.pairs))
        level_key, solver_key = jax.random.split(rng)
        level = encoded(settled(random_level(level_key, self.room), self.pairs))
        return {"level": level, "solver": self.controller.params(solver_key)}

    def mutate(self, rng: PRNGKey, params: Tree) -> Tree:
        """A level with one change, or, one time in two, its solver with another."""
        if not self.solver:
            return self._edited(rng, params)
        coin, edit_key, noise_key = jax.random.split(rng, 3)
        flat, unflatten = ravel_pytree(params["solver"])
        other = unflatten(flat + STEP * jax.random.normal(noise_key, flat.shape))
        teach = jax.random.bernoulli(coin)
        return {
            "level": _either(teach, params["level"], self._edited(edit_key, params["level"])),
            "solver": _either(teach, other, params["solver"]),
        }

    def crossover(self, rng: PRNGKey, first: Tree, second: Tree) -> Tree:
        """Groups of joined shapes from either; or, one time in two, the level of one for the solver of the other."""
        if not self.solver:
            return self._mixed(rng, first, second)
        coin, mix_key = jax.random.split(rng)
        moves = jax.random.bernoulli(coin)
        return {
            "level": _either(moves, first["level"], self._mixed(mix_key, first["level"], second["level"])),
            "solver": _either(moves, second["solver"], first["solver"]),
        }

    def _edited(self, rng: PRNGKey, level: Tree) -> Tree:
        return encoded(edited(rng, decoded(level, self.room), self.weights, self.pairs))

    def _mixed(self, rng: PRNGKey, first: Tree, second: Tree) -> Tree:
        return encoded(mixed(rng, decoded(first, self.room), decoded(second, self.room)))

    def express(self, params: Tree) -> Task:
        """The level that a genotype stands for, and who tries it."""
        level = level_of(closed(decoded(params["level"] if self.solver else params, self.room), self.pairs), self.pairs)
        if not self.solver:
            return Task(level, self.players)
        first = jax.tree.map(lambda own, others: jnp.concatenate([own[None], others]), params["solver"], self.players)
        return Task(level, first)

    def init_state(self, rng: PRNGKey, params: Task) -> Life:
        """The level, once for each player, and first for one who does nothing."""
        return all_begin(params.level, self.rules, len(jax.tree.leaves(params.players)[0]))

    def step_state(self, rng: PRNGKey, state: Life, params: Task) -> Life:
        """One decision of every player, a thirtieth of a second."""
        return all_step(state, params.level, params.players, self.rules)

    def render_state(self, state: Life, params: Task, img_size: int) -> Float[Array, "H W 3"]:
        """The arena as the first player that acts meets it."""
        return picture(jax.tree.map(lambda x: x[1], state), params.level, img_size)

    def reward(self, state: Life, params: Task) -> Float[Array, ""]:
        """What the first player that acts earned in the last step."""
        return state.earned[1]

    def measures(self, state: Life, params: Task) -> dict[str, Float[Array, ""]]:
        numbers = judged(state, params.level)
        return numbers | fairness(state) if self.solver else numbers

    measures.__doc__ = f"{str(judged.__doc__).rstrip()}\n\n    With `solver`:\n{str(fairness.__doc__).rstrip()}\n    "

    def poke(self, state: Life, params: Task, place: Float[Array, "2"], radius: Array, strength: Array) -> Life:
        """What moves is pushed away from there, or drawn to it, for all players."""
        return jax.vmap(lambda life: poked(life, params.level, place, radius, strength))(state)

    def parameters(self) -> dict[str, Parameter]:
        """Parts of the genotype."""
        if not self.solver:
            return parts(self, MEANINGS, -5.0, 5.0)
        control = {f"solver/{name}": meaning for name, meaning in CONTROLLER.items()}
        return parts(self, control | {f"level/{name}": meaning for name, meaning in MEANINGS.items()}, -5.0, 5.0)

    def keep_state(self, state: Life, params: Task) -> dict[str, Array]:
        """Places and rotations of the first player that acts."""
        return {"x": state.motion.x[1], "rotation": state.motion.rotation[1]}


def _either(first: Bool[Array, ""], one: Tree, other: Tree) -> Tree:
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), one, other)


def closed(scene: Scene, pairs: Pairs) -> Scene:
    """A level whose joints are closed, those that cannot be let go."""
    scene = settled(scene, pairs)
    shapes = scene.shapes
    at_rest = Motion(shapes.position.T, shapes.rotation, jnp.zeros((3, len(shapes.role))))
    apart = gaps(at_rest, prepare(scene, pairs))
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
