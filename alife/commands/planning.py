"""`alife plan`: what a search will take, before it runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .options import asked_for, remarks
from .searching import free_place, search_command
from .tables import new_table, print_table

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..plan import Plan
    from ..storage.remote import Place

LEFT_OUT = ("repeat", "anyway", "devices", "workers", "ray")
"""Options of a search that change nothing of what one run takes."""
OPTIONS = [option for option in search_command.params if option.name not in LEFT_OUT]


@click.command("plan", params=OPTIONS)
@click.option(
    "--devices",
    type=click.IntRange(1, 4096),
    default=8,
    show_default=True,
    metavar="D",
    help="Say what up to D devices or workers would take.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs: seconds, bytes and shares.")
def plan_command(world: str | None, out: Place | None, devices: int, as_json: bool, **asked: Any) -> int:
    """Say what a search of WORLD will take on this machine: time, memory, disk; measured in about ten seconds.

    Takes what `alife search` takes, and runs a few generations of that search into an archive that is thrown away.
    """
    from ..plan import plan
    from ..setup import Setup

    config, registry = asked_for(world, **asked)
    with remarks():
        setup = Setup(config, registry)
        found = plan(setup, out or free_place(config.name))
    if as_json:
        click.echo(json.dumps(found.as_json(devices), indent=2))
        return 0
    show(found, setup.config, devices)
    return 0


def show(found: Plan, config: RunConfig, devices: int) -> None:
    """Print a plan: what it takes, what is free, and what more devices would change."""
    from ..fit import in_words, two_digits

    parts = {name: share for name, share in found.breakdown.parts.shares.items() if name != "clips" or share}
    search = parts.pop("ask") + parts.pop("tell")
    parts = {**parts, "search": search}
    table = new_table("", "takes", "is free", "made of")
    table.add_row("compiling", duration(found.breakdown.compiling), "", "")
    shares = ", ".join(f"{name} {_percent(share)}" for name, share in parts.items())
    table.add_row("a generation", duration(found.breakdown.parts.total), "", shares)
    count = found.generations
    many = f"{count:,.0f}" if config.minutes is None else f"about {two_digits(count)}"
    table.add_row(f"{many} generations", duration(found.seconds), "", "")
    needs, known = found.needs, found.free_memory is not None
    here = "on accelerators" if needs.accelerated else "for worlds that run at once"
    memory = {
        f"for this process (weights {in_words(found.weights)})": found.process,
        here: needs.worlds,
        "for a generation": needs.generation,
        "for embeddings": found.remembered,
    }
    made_of = ", ".join(f"{in_words(size)} {what}" for what, size in memory.items())
    table.add_row("memory", in_words(found.memory), in_words(found.free_memory or 0) if known else "unknown", made_of)
    if found.free_on_devices is not None:
        table.add_row("accelerators", in_words(needs.worlds + found.weights), in_words(found.free_on_devices), "")
    kept = f"{_percent(found.breakdown.disk.kept)} of the worlds measured were kept"
    each = f"{found.lifeforms:,} lifeforms at most, {in_words(found.lifeform)} each; {kept}"
    table.add_row(
        "disk", in_words(found.disk), "unknown" if found.free_disk is None else in_words(found.free_disk), each
    )
    print_table(table)
    shared = new_table("devices or workers", "on devices", "efficiency", "by workers", "efficiency")
    rows = found.shared(devices)
    for row in rows:
        cells = ((rows[0].devices, row.devices), (rows[0].workers, row.workers))
        said = [text for alone, spent in cells for text in (duration(spent), _percent(alone / spent / row.number))]
        shared.add_row(str(row.number), *said)
    print_table(shared)
    click.echo(assumptions(found, config))


def assumptions(found: Plan, config: RunConfig) -> str:
    """What the figures rest on, in one line."""
    measured = found.breakdown
    whole = (measured.worlds, measured.steps) == (config.population, config.steps)
    scaled = "" if whole else f", scaled up to {config.population} worlds and {config.steps} steps"
    return (
        f"measured: {measured.generations} generations of {measured.worlds} worlds of {measured.steps} steps{scaled}; "
        "assumed: the machine stays as busy, pictures compress as well, all worlds are kept, and devices divide worlds "
        "and model evenly, workers whole generations"
    )


def duration(seconds: float) -> str:
    """Seconds in two digits and a unit that fits.

    >>> duration(0.0123), duration(75), duration(7200), duration(864_000)
    ('12 ms', '75 s', '2.0 hours', '10 days')
    """
    from ..fit import two_digits

    for unit, size, most in (("ms", 1e-3, 1), ("s", 1, 120), ("minutes", 60, 7200), ("hours", 3600, 172_800)):
        if seconds < most:
            return f"{two_digits(seconds / size)} {unit}"
    return f"{two_digits(seconds / 86400)} days"


def _percent(share: float) -> str:
    """A share in whole percent, and in two digits below ten."""
    return f"{100 * share:.0f} %" if share >= 0.0995 or share == 0 else f"{100 * share:.1f} %"
