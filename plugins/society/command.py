"""`alife experiment`: what societies are said to do, tried beside controls."""

from __future__ import annotations

import json
from pathlib import Path

import click

from alife.errors import BadOption, UnknownName


@click.command("experiment")
@click.argument("name", required=False)
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="How many, from 0.")
@click.option(
    "--epochs", type=click.IntRange(1), default=10, show_default=True, help="Of 512 steps, that a world lives."
)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="Write a page of it (.md), or its numbers (.json), too."
)
def experiment_command(name: str | None, seeds: int, epochs: int, target: Path | None) -> int:
    """Try what is said of societies of agents, beside controls: NAME, or a list of them without one."""
    from .experiments import EXPERIMENTS, load, page, report

    if name is None:
        width = max(map(len, EXPERIMENTS))
        for known, experiment in EXPERIMENTS.items():
            click.echo(f"{known:{width}}  {experiment.hypothesis}")
        return 0
    if name not in EXPERIMENTS:
        raise UnknownName("experiment", name, EXPERIMENTS, "`alife experiment` lists them")
    if target is not None and (target.suffix not in (".json", ".md") or not target.absolute().parent.is_dir()):
        raise BadOption(f"{target} cannot be written; expected a .md or .json file in a folder that exists")
    society, genotype = load(name)
    numbers = list(range(seeds))
    found = EXPERIMENTS[name].run(society, genotype, numbers, epochs, lambda line: click.echo(line, err=True))
    said = report(name, found, numbers, epochs)
    click.echo(said)
    if target is not None and target.suffix == ".md":
        target.write_text(page(name, said, f"alife experiment {name} --seeds {seeds} --epochs {epochs}"), "utf-8")
    elif target is not None:
        values = {"experiment": name, "epochs": epochs, "seeds": numbers, "values": found.values}
        target.write_text(json.dumps(values), "utf-8")
    return 0
