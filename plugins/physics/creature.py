"""`physics_creature`: bodies and controllers that evolve together, on a ground of one's choice."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.errors import BadOption, UnknownName
from alife.options import one_of, whole
from alife.types import Parameter, PRNGKey, Tree

from .control import Controller
from .joints import gaps
from .life import MOST_DECISIONS, Level, Life, Rules, begin, centre, decide_and_step, level_of, pushed
from .measures import measured
from .morphology import MEANINGS, Plan, cppn, creature, extent, genes_of, grown, mirrored
from .observe import RATE
from .parameters import CONTROLLER, parts
from .picture import picture
from .scene import GROUND
from .sizes import WALLS, Pairs
from .terrain import START, TERRAINS, ground_scene

OBJECTIVES = {
    "walk": "metres to the right",
    "back": "metres to the left",
    "rise": "metres of the centre of mass over the ground, a second",
    "thrift": "metres to the right, less a tenth of the effort of each second",
}
"""What creatures are rewarded for."""
ENCODINGS = ("direct", "cppn")
PALETTE = np.array([[38, 84, 124], [239, 71, 111], [255, 196, 61], [6, 190, 150], [90, 79, 207], [242, 132, 45],
                    [30, 160, 210], [160, 200, 70], [200, 110, 190]]) / 255  # fmt: skip
"""Of bodies, in their order."""
WIDTH, BEFORE = 3.0, 1.1
"""Metres of ground that a picture shows, and how much of it lies to the left of the creature."""


TORN = 0.3
"""A creature whose joint is open by so much has torn apart, metres; jumps and falls open them by a third of it."""


class PhysicsCreature:
    """Creatures of boxes, circles, joints, motors and thrusters, whose bodies and controllers are one genotype.

    Whatever the numbers, a genotype is a creature: the first body always exists, each other one hangs on one before
    it, by a joint that closes, and all lie 2 cm over the ground when life begins.  Bodies of one creature never collide
    with each other.  The picture follows the creature.

    Args:
        terrain: "plain", "steps", "hurdles" or "hills".
        task: what is rewarded: "walk" (to the right), "back", "rise" or "thrift".
        controller: "open_loop", "mlp", "recurrent", "linear" or "set", see `alife.plugins.physics.control`.
        senses: what networks on an observation are given.
        encoding: "direct" (35 genes for each body) or "cppn" (a network says them).
        mirror: limbs come in pairs; `bodies` must be odd.
        bodies: how many there are at most.
        circles: how many of them may be circles.
        thrusters: how many there are at most.
        hidden: units of a controller's network.
        timeout: decisions after which a life ends; a decision is made every thirtieth of a second.

    Source: rigid bodies and actions as in Kinetix (Matthews et al. 2024, arXiv:2410.23208); trees of bodies after Sims
    1994 (doi:10.1145/192161.192167).
    """

    deterministic = True

    def __init__(
        self,
        terrain: str = "plain",
        task: str = "walk",
        controller: str = "open_loop",
        senses: str = "proprioception",
        encoding: str = "direct",
        mirror: bool = False,
        bodies: int = 8,
        circles: int = 4,
        thrusters: int = 0,
        hidden: int = 8,
        timeout: int = 256,
    ) -> None:
        for what, name, known in (
            ("terrain", terrain, TERRAINS), ("task", task, OBJECTIVES), ("encoding", encoding, ENCODINGS),
        ):  # fmt: skip
            if name not in known:
                raise UnknownName(what, name, known)
        whole("bodies", bodies, 2, 16)
        if one_of("mirror", mirror, (False, True)) and not bodies % 2:
            raise BadOption(f"bodies is {bodies}; with mirror an odd number is expected, one and pairs, such as 7")
        for what, count, most in (("circles", circles, bodies), ("thrusters", thrusters, bodies)):
            if not 0 <= count <= most:
                raise BadOption(f"{what} is {count}; expected 0 to {most}, the number of bodies")
        self.task, self.encoding, self.mirror = task, encoding, mirror
        self.plan = Plan(bodies, circles, thrusters)
        self.ground = ground_scene(terrain, *self.plan)
        pairs = Pairs(self.ground.room)
        control = Controller(controller, senses, "continuous", self.ground.room, pairs, hidden).checked()
        self.controller, self.rules = (
            control,
            Rules(pairs, control, whole("timeout", timeout, 1, MOST_DECISIONS, "decisions"), 0.0),
        )

    @property
    def _coded(self) -> int:
        """Bodies whose genes a genotype holds."""
        return 1 + (self.plan.bodies - 1) // 2 if self.mirror else self.plan.bodies

    def default_params(self, rng: PRNGKey) -> Tree:
        """A body and a controller from their priors."""
        body_key, control_key = jax.random.split(rng)
        body = cppn(body_key, self._coded) if self.encoding == "cppn" else genes_of(body_key, self._coded)
        return {"body": body, "controller": self.controller.params(control_key)}

    def express(self, params: Tree) -> Tree:
        """The creature that a genotype stands for, on its ground."""
        genes = grown(params["body"], self._coded) if self.encoding == "cppn" else params["body"]
        genes = mirrored(genes) if self.mirror else genes
        scene, bodies = creature(genes, self.plan, self.ground, START)
        low, high = extent(bodies)
        level = level_of(scene, self.rules.pairs)
        colours = level.colours.at[WALLS : WALLS + self.plan.bodies].set(PALETTE[: self.plan.bodies])
        order = jnp.where(bodies.circle, jnp.cumsum(bodies.circle) - 1, self.plan.circles)
        of_circles = jnp.zeros((self.plan.circles, 3)).at[order].set(PALETTE[: self.plan.bodies], mode="drop")
        colours = colours.at[self.ground.room.polygons :].set(of_circles)
        wide, tall = high - low
        return {
            "level": level._replace(colours=colours),
            "controller": params["controller"],
            "aspect": wide / tall,
        }

    def init_state(self, rng: PRNGKey, params: Tree) -> Life:
        """The creature as it was built."""
        return begin(params["level"], self.rules)

    def step_state(self, rng: PRNGKey, state: Life, params: Tree) -> Life:
        """One decision, a thirtieth of a second."""
        level: Level = params["level"]
        after = decide_and_step(state, level, params["controller"], self.rules)
        ahead = centre(after.motion, level) - centre(state.motion, level)
        effort = (after.tally.effort - state.tally.effort) / RATE
        height = (centre(after.motion, level)[1] - GROUND) / RATE
        earned = {"walk": ahead[0], "back": -ahead[0], "rise": height, "thrift": ahead[0] - 0.1 * effort}[self.task]
        # what tears apart is no creature any more, and its world is not valid
        torn = jnp.any((gaps(after.motion, level.prepared) > TORN) & level.prepared.joints.active)
        motion = after.motion._replace(x=jnp.where(torn, jnp.nan, after.motion.x))
        return after._replace(motion=motion, earned=jnp.where(state.done, 0.0, earned))

    def render_state(self, state: Life, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """Three metres of ground around the creature, which stands a little to the left."""
        level: Level = params["level"]
        return picture(state, level, img_size, WIDTH, centre(state.motion, level)[0] - BEFORE)

    def reward(self, state: Life, params: Tree) -> Float[Array, ""]:
        """Of the last step, see `task`."""
        return state.earned

    def measures(self, state: Life, params: Tree) -> dict[str, Float[Array, ""]]:
        return measured(state, params["level"]) | {"aspect": params["aspect"]}

    measures.__doc__ = f"{str(measured.__doc__).rstrip()}\n    aspect: width over height, when its life begins\n    "

    def poke(self, state: Life, params: Tree, place: Float[Array, "2"], radius: Array, strength: Array) -> Life:
        """What moves is pushed away from there, or drawn to it."""
        level: Level = params["level"]
        left = centre(state.motion, level)[0] - BEFORE
        at = jnp.stack([left + WIDTH * place[0], WIDTH * (1 - place[1])])
        return pushed(state, level, at, WIDTH * radius, strength)

    def parameters(self) -> dict[str, Parameter]:
        """Parts of the genotype."""
        control = {f"controller/{name}": meaning for name, meaning in CONTROLLER.items()}
        body = MEANINGS if self.encoding == "direct" else {"": "weights of the network that says what bodies are"}
        return parts(self, control | {f"body/{name}": meaning for name, meaning in body.items()})

    def keep_state(self, state: Life, params: Tree) -> dict[str, Array]:
        """Places and rotations, from which a scene can be drawn."""
        return {"x": state.motion.x, "rotation": state.motion.rotation}
