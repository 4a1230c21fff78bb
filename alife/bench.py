"""`alife bench`: how fast this machine steps worlds, beside calibration lines that make figures comparable."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import click

from .hookspecs import hookimpl

BATCH, REPEATS = 16, 5
EXTRA_OPTIONS: dict[str, list[dict[str, Any]]] = {"life": [{"size": 1024}]}
"""Options measured besides a substrate's defaults."""
PEERS = {"lenia": "ASAL 3.5, CAX 2.3", "life": "ASAL 0.016, CAX 0.106", "life size=1024": "CAX 31"}
"""Milliseconds per world and step of published code on one core at batch 16, measured once on one machine."""


@click.command("bench")
@click.argument("substrates", nargs=-1)
def bench(substrates: tuple[str, ...]) -> None:
    """Measure SUBSTRATES (all of them when none is named) on one core: milliseconds per world and step."""
    from .registry import default_registry

    registry = default_registry()
    entries = [registry.substrates[name] for name in (substrates or registry.substrates)]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads
    click.echo(f"one core, batch {BATCH}, median of {REPEATS} runs")
    for name, milliseconds in calibration():
        click.echo(f"  {name:32} {milliseconds:9.4f} ms")
    for entry in entries:
        for options in ({}, *EXTRA_OPTIONS.get(entry.name, [])):
            label = " ".join([entry.name, *(f"{key}={value}" for key, value in options.items())])
            spent = milliseconds_per_step(entry.make(**options))
            peer = f"   ({PEERS[label]} on another machine)" if label in PEERS else ""
            click.echo(f"  {label:32} {spent:9.4f} ms per world and step{peer}")


def milliseconds_per_step(substrate: Any) -> float:
    """Milliseconds of one world's step: many steps less few, over a batch stepped as a search does it."""
    import jax
    import jax.numpy as jnp

    from .evaluate import Evaluator
    from .genotype import GenotypeSpace
    from .worlds.schedule import Schedule

    space = GenotypeSpace(substrate, type(substrate).__name__)
    keys = jax.random.split(jax.random.key(0), BATCH)
    genotypes = space.sample(jax.random.key(1), BATCH)

    class Blind:
        """A model that sees nothing, so that only the world is measured."""

        image_size, dim, identity = 8, 1, "blind"

        def embed_images(self, images: Any) -> Any:
            return jnp.ones((len(images), 1))

    def seconds(steps: int) -> float:
        evaluator = Evaluator(space, Blind(), Schedule(steps, 1))
        return median_seconds(lambda: evaluator.observe(genotypes, keys))

    few, many = 16, 64
    while (difference := seconds(many) - seconds(few)) < 0.2 and many < 65_536:
        many *= 4
    return difference / (many - few) / BATCH * 1000


def calibration() -> list[tuple[str, float]]:
    """What this core does, in milliseconds: a real transform, a matrix product, a copy."""
    import jax
    import jax.numpy as jnp

    fields = jnp.ones((48, 128, 128))
    matrix = jnp.ones((2048, 2048))
    wide = jnp.ones(64 * 2**20 // 4)
    transform, product = jax.jit(jnp.fft.rfft2), jax.jit(jnp.matmul)
    copy = jax.jit(lambda x: x + 1)

    def spent(function: Callable[..., Any], *args: Any) -> float:
        return median_seconds(lambda: jax.block_until_ready(function(*args))) * 1000

    return [
        ("rfft2 128x128 (one of 48)", spent(transform, fields) / 48),
        ("matmul 2048", spent(product, matrix, matrix)),
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
