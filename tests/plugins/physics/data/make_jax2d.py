"""Writes jax2d.npz: how Jax2D 1.0.2 itself moves the scenes of golden.py, frame by frame.

Run with `python -m tests.plugins.physics.data.make_jax2d` in the root of the project; it needs jax2d and chex.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from tests.plugins.physics.golden import CASES, FILE, STEPS
from tests.plugins.physics.in_jax2d import engine, state_of

room = next(iter(CASES.values())).scene.room
world, constants = engine(room)


@jax.jit
@jax.vmap
def run(state, told):
    def step(state, _):
        bodies = state.polygon, state.circle
        x, rotation, v, spin = (
            jnp.concatenate([getattr(body, name) for body in bodies])
            for name in ("position", "rotation", "velocity", "angular_velocity")
        )
        return world.step(state, constants, told)[0], jnp.concatenate([x, rotation[:, None], v, spin[:, None]], axis=1)

    return jax.lax.scan(step, state, None, STEPS + 1)[1]


def main() -> None:
    states = jax.tree.map(lambda *parts: jnp.stack(parts), *(state_of(case.scene) for case in CASES.values()))
    told = jnp.stack([jnp.concatenate(case.arrays()[1:]) for case in CASES.values()])
    seen = dict(zip(CASES, np.asarray(run(states, told), np.float32), strict=True))
    np.savez_compressed(
        FILE, **{name: rows[:, np.asarray(CASES[name].scene.shapes.active)] for name, rows in seen.items()}
    )


if __name__ == "__main__":
    main()
