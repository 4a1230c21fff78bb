"""Rigid bodies in two dimensions, and tasks for them: levels, creatures and controllers that evolve.

```
sizes, scene, builder, level_file, shipped   what a scene is, how it is put together, read and written
prepared -> contacts -> joints, order -> solver   one step of physics
observe -> control -> life -> measures       what a controller senses and says; how a life goes
picture, mosaic                              how it looks, and several at once
chosen_level -> level                        the substrate `physics_level`
terrain, morphology -> creature              the substrate `physics_creature`
random_level, edits, genotype, trial -> design   the substrate `physics_design`
our_levels, our_machines, parts              how the levels that ship are built
editor, editor_page, command                 `alife level`: built and played by hand
```
"""

from __future__ import annotations

from collections.abc import Callable

import click

from alife.hookspecs import hookimpl

from .command import level_command

SOURCE = "Matthews, Beukman, Lu and Foerster 2024 (Kinetix, arXiv:2410.23208)"


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "physics_level",
        "alife.plugins.physics.level:PhysicsLevel",
        summary="a body in a level of joints, motors and thrusters; the controller that solves it is searched for",
        horizon=256,
        test_options={"level": "car", "hidden": 4},
        source=SOURCE,
    )
    register(
        "physics_creature",
        "alife.plugins.physics.creature:PhysicsCreature",
        summary="creatures of boxes, circles and motors, whose bodies and controllers evolve together",
        horizon=256,
        test_options={"controller": "mlp", "hidden": 4, "bodies": 3, "circles": 1},
        source=SOURCE,
    )
    register(
        "physics_design",
        "alife.plugins.physics.design:PhysicsDesign",
        summary="levels that evolve: tried by a few controllers, hardest to foresee where half of them succeed",
        horizon=256,
        test_options={"size": "S", "players": 2, "hidden": 4},
        source=SOURCE,
    )


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(level_command)
