"""`alife run`: worlds to look at."""

from __future__ import annotations

from pathlib import Path

import click

from .options import configure, named_worlds, plugin_option, remarks, seed_option, set_option


@click.command("run")
@click.argument("worlds", nargs=-1, required=True, metavar="WORLD...")
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="File: .gif .mp4 .webm .webp, or .png for the last moment.",
)
@click.option("--size", type=click.IntRange(8, 4096), help="Edge of a picture, pixels [default: 256; several: 128].")
@click.option(
    "--frames", type=click.IntRange(1, 100_000), help="Pictures [default: one per step, at most 300; several: 64]."
)
@click.option("--fps", type=click.FloatRange(0.1, 240), default=30.0, show_default=True, help="Pictures per second.")
@seed_option
@set_option
@plugin_option
def run_command(
    worlds: tuple[str, ...],
    target: Path,
    size: int | None,
    frames: int | None,
    fps: float,
    seed: int | None,
    settings: tuple[str, ...],
    plugins: tuple[str, ...],
) -> int:
    """Watch a WORLD: its own genotype where it names one, else one drawn from the substrate's prior by the seed.

    Several worlds become one picture, side by side; `all` stands for every ready-made one.
    """
    from ..config import catalog_names
    from ..export import write_worlds

    every = [name for world in worlds for name in (catalog_names() if world == "all" else [world])]
    names, registry = named_worlds(every, plugins)
    configs = [configure(name, registry, settings, seed=seed) for name in names]
    click.echo(f"running {', '.join(names)}", err=True)
    with remarks():
        write_worlds(target, configs, registry, frames=frames, img_size=size, fps=fps)
    click.echo(f"wrote {target}")
    return 0
