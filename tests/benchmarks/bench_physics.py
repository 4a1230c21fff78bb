"""Physics steps per second, ours and those of Jax2D, and what a whole decision and a picture cost, on one core.

Run with `python tests/benchmarks/bench_physics.py`; Jax2D is left out where it (and chex) is not installed.

All slots of a size are used: boxes and balls of random sizes and rotations that lie in a heap in the middle, some of
them joined by motors that run and pushed by thrusters.  64 such scenes are run at once, for half a second before what
is timed, so that they touch; both solvers get the same scenes and are told the same.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import importlib.util
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from alife.plugins.physics.builder import Builder
from alife.plugins.physics.contacts import Motion
from alife.plugins.physics.control import Controller
from alife.plugins.physics.life import SKIP, Life, Rules, begin, decide_and_step, level_of
from alife.plugins.physics.picture import picture
from alife.plugins.physics.scene import BLUE, GREEN, Scene
from alife.plugins.physics.sizes import SIZES, WALLS, Pairs, Room
from alife.plugins.physics.solver import advance

sys.path.insert(0, str(Path(__file__).parents[2]))

WORLDS = 64
WARM, TIMED = 30, 120
"""Physics steps before what is timed, and those that are."""


def heap(room: Room, rng: np.random.Generator) -> Scene:
    """Every slot in use."""
    level, shapes = Builder(room), []
    for i in range(room.polygons - WALLS):
        width, height = rng.uniform(0.25, 0.6, 2)
        place = 1.8 + 0.7 * (i % 3) + rng.uniform(-0.1, 0.1), 0.9 + 0.6 * (i // 3)
        shapes.append(level.box(*place, width, height, rotation=rng.uniform(-1, 1), role=GREEN if i == 0 else 0))
    for i in range(room.circles):
        place = 1.5 + 0.6 * i + rng.uniform(-0.1, 0.1), 1.5 + 0.3 * rng.random()
        shapes.append(level.ball(*place, rng.uniform(0.12, 0.25), role=BLUE if i == 0 else 0))
    for j in range(room.joints):
        a, b = shapes[j % len(shapes)], shapes[-1 - j % 2] if j < 2 else shapes[j + 1]
        level.hinge(a, b, *(level.scene().shapes.position[a] + 0.1), motor=True, binding=j % 4, power=0.3)
    for t in range(room.thrusters):
        shape = shapes[-1 - t]
        level.thruster(shape, *level.scene().shapes.position[shape], rng.uniform(0, 3), power=0.1, binding=t % 2)
    return level.scene()


def seconds(run: Callable, *arguments: Any, repeats: int = 5) -> float:
    """Processor time, the least of several runs: other programs then hardly matter."""
    times = []
    for _ in range(repeats):
        begins = time.process_time()
        jax.block_until_ready(run(*arguments))
        times.append(time.process_time() - begins)
    return min(times)


def compiled(function: Callable, *arguments: Any) -> tuple[Callable, float]:
    begins = time.process_time()
    program = jax.jit(function).lower(*arguments).compile()
    return program, time.process_time() - begins


def repeated(step: Callable, state: Any, steps: Any) -> Any:
    return jax.lax.fori_loop(0, steps, lambda _, state: step(state), state)


class Ours:
    """Lives of the scenes, with a small network as controller."""

    def __init__(self, scenes: Scene, room: Room) -> None:
        pairs = Pairs(room)
        controller = Controller("mlp", "proprioception", "continuous", room, pairs, 16)
        self.rules = Rules(pairs, controller, 0, 0.1)
        self.levels = jax.jit(jax.vmap(lambda scene: level_of(scene, pairs)))(scenes)
        self.weights = jax.tree.map(
            jnp.zeros_like, jax.vmap(controller.params)(jax.random.split(jax.random.key(0), WORLDS))
        )
        self.lives = jax.jit(jax.vmap(lambda level: begin(level, self.rules)))(self.levels)

        def physics(lives: Life, levels: Any, told: Any, steps: Any) -> Life:
            def step(life: Life, level: Any, told: Any) -> Life:
                motors, thrusts = told[: room.joints], told[room.joints :]
                motion, impulses = advance(life.motion, life.impulses, level.prepared, pairs, motors, thrusts)
                return life._replace(motion=motion, impulses=impulses)

            return repeated(lambda lives: jax.vmap(step)(lives, levels, told), lives, steps)

        def whole(lives: Life, levels: Any, weights: Any, decisions: Any) -> Life:
            def step(lives: Life) -> Life:
                lives = lives._replace(done=jnp.zeros(WORLDS, bool))
                return jax.vmap(lambda life, level, own: decide_and_step(life, level, own, self.rules))(
                    lives, levels, weights
                )

            return repeated(step, lives, decisions)

        self.thrusters = room.thrusters
        self.told = jnp.ones((WORLDS, room.joints + room.thrusters)) * 0.5
        zero = jnp.int32(0)
        self.physics, self.compiling = compiled(physics, self.lives, self.levels, self.told, zero)
        self.decided, self.compiling_whole = compiled(whole, self.lives, self.levels, self.weights, zero)
        self.warm = self.physics(self.lives, self.levels, self.told, jnp.int32(WARM))

    def rate(self) -> float:
        """Physics steps per second, of all worlds together."""
        return WORLDS * TIMED / seconds(self.physics, self.warm, self.levels, self.told, jnp.int32(TIMED))

    def whole(self) -> tuple[float, float]:
        """Physics steps per second of whole decisions, and how much longer they take than physics that goes the same.

        Weights are 0: so the network computes all that it would, and says nothing to motors, half to thrusters.
        """
        motors = self.told.shape[1] - self.thrusters
        told = self.told.at[:, :motors].set(0)
        alone = decided = math.inf
        for _ in range(7):  # in turns, so that both meet the same neighbours on the machine
            steps = self.warm, self.levels, told, jnp.int32(TIMED)
            alone = min(alone, seconds(self.physics, *steps, repeats=1))
            decisions = self.warm, self.levels, self.weights, jnp.int32(TIMED // SKIP)
            decided = min(decided, seconds(self.decided, *decisions, repeats=1))
        return WORLDS * TIMED / decided, decided / alone

    def touching(self) -> float:
        """Contact points that touch, per world, at the beginning of what is timed."""
        return float(self.warm.impulses.touching.sum()) / WORLDS

    def picture(self, size: int) -> tuple[float, float]:
        """Milliseconds, and seconds to compile."""
        life, level = jax.tree.map(lambda part: part[0], (self.warm, self.levels))
        draw, compiling = compiled(lambda life, level: picture(life, level, size), life, level)
        return seconds(draw, life, level, repeats=15) * 1e3, compiling


class Theirs:
    """The same scenes in Jax2D."""

    def __init__(self, scenes: list[Scene], room: Room, told: Any) -> None:
        from tests.plugins.physics.in_jax2d import engine, state_of

        world, constants = engine(room)
        self.told = told
        self.states = jax.tree.map(lambda *parts: jnp.stack(parts), *map(state_of, scenes))

        def physics(states: Any, told: Any, steps: Any) -> Any:
            step = jax.vmap(lambda state, told: world.step(state, constants, told)[0])
            return repeated(lambda states: step(states, told), states, steps)

        self.physics, self.compiling = compiled(physics, self.states, told, jnp.int32(0))
        self.warm = self.physics(self.states, told, jnp.int32(WARM))

    def rate(self) -> float:
        return WORLDS * TIMED / seconds(self.physics, self.warm, self.told, jnp.int32(TIMED))

    def places(self) -> Any:
        return jnp.concatenate([self.warm.polygon.position, self.warm.circle.position], axis=1)


def apart(ours: Motion, theirs: Any) -> float:
    """Median distance of shapes in the two, metres: that they do run the same scenes."""
    return float(jnp.median(jnp.linalg.norm(ours.x.transpose(0, 2, 1) - theirs, axis=-1)[:, WALLS:]))


def main() -> None:
    print(f"rigid bodies, {WORLDS} heaps at once, one core; processor time")
    for name, room in SIZES.items():
        rng = np.random.default_rng(0)
        scenes = [heap(room, rng) for _ in range(WORLDS)]
        ours = Ours(jax.tree.map(lambda *parts: jnp.stack(parts), *scenes), room)
        rate = ours.rate()
        print(f"{name}: {rate:9,.0f} steps/s, compiled in {ours.compiling:4.1f} s", end="")
        print(f"   {ours.touching():4.1f} contact points touch", flush=True)
        if importlib.util.find_spec("jax2d") and importlib.util.find_spec("chex"):
            theirs = Theirs(scenes, room, ours.told)
            other = theirs.rate()
            print(
                f"   Jax2D {other:9,.0f} steps/s, compiled in {theirs.compiling:4.1f} s   ratio {rate / other:.1f}",
                end="",
            )
            print(
                f"   shapes apart after {WARM} steps: {apart(ours.warm.motion, theirs.places()) * 1e3:.1f} mm",
                flush=True,
            )
        whole, longer = ours.whole()
        print(f"   with controller, reward, observation {whole:9,.0f} steps/s, ", end="")
        print(f"{longer:.2f} times the time of physics alone, compiled in {ours.compiling_whole:.1f} s")
        for size in (125, 512):
            milliseconds, compiling = ours.picture(size)
            print(f"   picture of {size} pixels {milliseconds:6.2f} ms, compiled in {compiling:.1f} s", flush=True)


if __name__ == "__main__":
    main()
