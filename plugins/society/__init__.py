"""`society`: agents with evolving brains, robots that messages program, land with weather.

`society` is the substrate and `settings` what it can be set to; `stepping` is one step, in which `living` (agents
look and think, with their `brain`), `effects`, `births`, `robots` and `terrain` meet; `numbers` are counted, `picture`
draws, `communication` asks whether anybody listens.
"""

from __future__ import annotations

from collections.abc import Callable

import click

from alife.hookspecs import hookimpl

from .command import experiment_command
from .society import Society

TINY = {"agents": 12, "robots": 3, "size": 16, "patch": 1, "width": 8, "sees_agents": 3, "epoch": 8}
"""Options of a society that is quick to compile and to run."""


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "society",
        Society,
        summary="agents with evolving brains that eat, talk, fight and build, among robots that messages program",
        horizon=512,
        test_options=TINY,
        source="Lu, Beukman, Matthews, Foerster 2024 (JaxLife, arXiv:2409.00853)",
    )


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(experiment_command)
