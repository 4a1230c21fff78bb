"""`alife new`: something to begin with."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import click

from ..loading import KINDS


@click.group("new")
def new_command() -> None:
    """Begin something of your own: `alife new plugin NAME`."""


@new_command.command("plugin")
@click.argument("name")
@click.option("--kind", default=KINDS[0], show_default=True, metavar="|".join(KINDS), help="What it brings.")
@click.option("--picture/--no-picture", default=True, help="Run it once, for the picture in its README.")
def plugin_command(name: str, kind: str, picture: bool) -> int:
    """Write a package NAME with one plugin that works: module, test, README, and what installs and tests it."""
    from ..new import write_package

    made = write_package(name, kind, Path())
    click.echo(f"wrote {name}/: {made.module.name}, a test, pyproject.toml, README.md and .github/workflows/test.yml")
    if picture:
        click.echo(f"running it once: {made.command}", err=True)
        words = [sys.executable, "-m", *shlex.split(made.command)]
        ran = subprocess.run(words, cwd=made.place, capture_output=True, text=True, check=False)
        failed = ran.returncode != 0
        click.echo(ran.stderr.strip() if failed else f"wrote {made.picture}", err=failed)
    installed = made.command.replace(f" --plugin {made.module.name}", "")
    click.echo(f"next:\n  cd {name}\n  pip install -e .          # from then on `alife` knows {name}")
    click.echo(f"  alife check {name}         # also as tests: pytest\n  {installed}")
    return 0
