"""`alife bench`: how fast worlds are stepped and drawn here, beside calibration lines that make figures comparable."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from .hookspecs import hookimpl

if TYPE_CHECKING:
    from .config import RunConfig
    from .registry import Entry, Registry

BATCH, REPEATS = 16, 5
IMG_SIZE = 224
PRODUCT_SIZE = 2048
PRODUCT = f"matmul {PRODUCT_SIZE}"
SCALES = (1, 4, 16, 64, 256, 1024)
"""Sizes of `--scale`, in multiples of the default world."""
MOST_PARTS = 400_000
"""No world of `--scale` has more cells or particles, but the default one."""


@click.command("bench")
@click.argument("substrates", nargs=-1)
@click.option("--scale", is_flag=True, help="Larger and larger worlds of each kind instead.")
@click.option(
    "--breakdown",
    is_flag=True,
    help="Say instead where a generation of a search goes; what is named may also be a world or a .toml file.",
)
def bench(substrates: tuple[str, ...], scale: bool, breakdown: bool) -> None:
    """Measure SUBSTRATES (all of them when none is named) on one core: milliseconds per world.

    Published programs were measured on one core of another machine, on which a real transform of 128 x 128 takes
    0.018 ms: compare it with the first line.
    """
    from .config import load_world
    from .registry import default_registry

    registry = default_registry()
    if breakdown and scale:
        raise click.UsageError("--scale and --breakdown are given; expected at most one of them")
    named = substrates or tuple(registry.substrates)
    configs = [load_world(world, registry.horizons) for world in named if breakdown]
    entries = [registry.substrates[name] for name in named if not breakdown]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads
    batch = "" if breakdown else f" batch {BATCH},"
    click.echo(f"one core,{batch} median of {REPEATS} runs")
    peaks = calibration()
    for name, milliseconds in peaks:
        click.echo(f"  {name:32} {milliseconds:10.5f} ms")
    for config in configs:
        _show_breakdown(config, registry, dict(peaks)[PRODUCT] / 1000)
    for entry in entries:
        if scale:
            _show_scales(entry)
        else:
            _show_default(entry)


def _show_default(entry: Entry) -> None:
    substrate = entry.make()
    measured = (("step", milliseconds_per_step(substrate)), (f"{IMG_SIZE} px frame", milliseconds_per_frame(substrate)))
    for place, (what, ours) in enumerate(measured):
        theirs = [(name, figures[place]) for name, figures in entry.peers.items()]
        beside = "".join(f"   {name} {figure:g} ms: {figure / ours:,.1f} x" for name, figure in theirs if figure)
        click.echo(f"  {entry.name:18} {what:13} {ours:10.5f} ms{beside}")


def _show_breakdown(config: RunConfig, registry: Registry, product: float) -> None:
    """What each part of a generation takes, and how far it is from the least that this core could take for it."""
    from .breakdown import measure
    from .floor import this_core, work_of_generation
    from .setup import Setup

    setup = Setup(config, registry)
    population, found = setup.config.population, measure(setup)
    core, work = this_core(product, PRODUCT_SIZE), work_of_generation(setup.pipeline.evaluator, population)
    click.echo(
        f"  {config.name}: a generation of {population} worlds of {config.steps} steps takes "
        f"{1000 * found.parts.total:.2f} ms; measured: {found.worlds} worlds of {found.steps} steps"
    )
    for name, share in found.parts.shares.items():
        ours = 1000 * share * found.parts.total
        line = f"    {name:10} {ours:11.3f} ms {100 * share:5.1f} %"
        if name in work and (floor := 1000 * core.seconds(work[name])):
            done = f"{work[name].flops / 1e9:.3g} GFLOP, {work[name].read / 1e9:.3g} GB"
            line += f"   floor {floor:10.3f} ms ({done}): {ours / floor:6.1f} times the floor"
        click.echo(line)


def _show_scales(entry: Entry) -> None:
    """One line per size; a substrate says with `scaled` what a larger world of its kind is."""
    substrate = entry.make()
    if getattr(substrate, "scaled", None) is None:
        return
    first: float | None = None
    for times in SCALES:
        parts, options = substrate.scaled(times)
        if parts > MOST_PARTS and times > 1:
            break
        spent = milliseconds_per_step(entry.make(**options), batch=2)
        first = first or spent / parts
        said = " ".join(f"{key}={_short(value)}" for key, value in options.items())
        click.echo(
            f"  {entry.name:18} {parts:8,} parts {spent:10.4f} ms per step, "
            f"{spent / parts / first:5.2f} x per part   {said}"
        )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def milliseconds_per_step(substrate: Any, batch: int = BATCH) -> float:
    """Milliseconds of one world's step: many steps less few, over a batch stepped as a search does it."""
    import jax

    from .evaluate import Evaluator
    from .genotype import GenotypeSpace
    from .lesser import Blind
    from .worlds.schedule import Schedule

    space = GenotypeSpace(substrate, type(substrate).__name__)
    batch = max(batch, Evaluator(space, Blind(), Schedule(1, 1)).lanes)  # tiny worlds are stepped several at once
    keys = jax.random.split(jax.random.key(0), batch)
    genotypes = space.sample(jax.random.key(1), batch)

    def seconds(steps: int) -> float:
        evaluator = Evaluator(space, Blind(), Schedule(steps, 1))
        return median_seconds(lambda: evaluator.observe(genotypes, keys))

    few, many = 2, 6
    while (difference := seconds(many) - seconds(few)) < 0.2 and many < 65_536:
        many *= 4
    return difference / (many - few) / batch * 1000


def milliseconds_per_frame(substrate: Any) -> float:
    """Milliseconds of one world's picture, one after the other over a batch, a few steps into their lives."""
    import jax

    from .genotype import GenotypeSpace
    from .worlds.engine import rollout

    space = GenotypeSpace(substrate, type(substrate).__name__)
    genotypes = [space.unflatten(row) for row in space.sample(jax.random.key(1), BATCH)]
    keys = jax.random.split(jax.random.key(0), BATCH)
    runs = [rollout(substrate, key, params, steps=4, img_size=8) for key, params in zip(keys, genotypes, strict=True)]
    worlds = jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *[run.state for run in runs])
    express = getattr(substrate, "express", None) or (lambda params: params)
    params = jax.jit(jax.vmap(express))(jax.tree.map(lambda *leaves: jax.numpy.stack(leaves), *genotypes))

    def draw_all(batch: Any) -> Any:
        return jax.lax.map(lambda one: substrate.render_state(*one, img_size=IMG_SIZE), batch)

    program = jax.jit(draw_all)
    return median_seconds(lambda: jax.block_until_ready(program((worlds, params)))) / BATCH * 1000


def calibration() -> list[tuple[str, float]]:
    """What this core does, in milliseconds: a real transform, a matrix product, a copy."""
    import jax
    import jax.numpy as jnp

    fields = jnp.ones((48, 128, 128))
    matrix = jnp.ones((PRODUCT_SIZE, PRODUCT_SIZE))
    wide = jnp.ones(64 * 2**20 // 4)
    transform, product = jax.jit(jnp.fft.rfft2), jax.jit(jnp.matmul)
    copy = jax.jit(lambda x: x + 1)

    def spent(function: Callable[..., Any], *args: Any) -> float:
        return median_seconds(lambda: jax.block_until_ready(function(*args))) * 1000

    return [
        ("rfft2 128x128 (one of 48)", spent(transform, fields) / 48),
        (PRODUCT, spent(product, matrix, matrix)),
        ("copy 64 MB", spent(copy, wide)),
    ]


def median_seconds(function: Callable[[], Any]) -> float:
    """Median of several runs after one that compiles."""
    function()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@hookimpl
def register_commands(register: Callable[[click.Command], None]) -> None:
    register(bench)
