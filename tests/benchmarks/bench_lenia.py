"""What one step of Lenia costs on one core: ours, and the dense way it is usually written, from the same run.

python tests/benchmarks/bench_lenia.py [--core N] [--worlds N] [--steps N] [--repeats N]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any


def main() -> None:
    options = parse()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})  # before jax counts the cores
    os.environ.setdefault("JAX_PLATFORMS", "cpu")

    import jax
    import jax.numpy as jnp

    from alife.plugins.lenia import Lenia

    world = Lenia()
    genotypes = jax.vmap(world.default_params)(jax.random.split(jax.random.key(0), options.worlds))
    genes = jax.vmap(world.express)(genotypes)
    states = jax.vmap(lambda g: world.init_state(jax.random.key(0), g))(genes)

    def run(step: Callable[..., Any], state: Any, genes: Any) -> Any:
        return jax.lax.fori_loop(0, options.steps, lambda _, s: step(s, genes), state)

    def ours(s: Any, g: Any) -> Any:
        return world.step_state(jax.random.key(0), s, g)

    dense, cells = dense_step(world), jnp.moveaxis(states.cells, 1, -1)
    fields = jax.random.uniform(jax.random.key(0), (48, world.world_size, world.world_size))
    transform = jax.jit(jnp.fft.rfft2)
    looped = jax.jit(lambda s, g: jax.lax.map(lambda sg: run(ours, *sg), (s, g)))
    wide = jax.jit(jax.vmap(lambda s, g: run(ours, s, g)))
    dense_looped = jax.jit(lambda s, g: jax.lax.map(lambda sg: run(dense, *sg), (s, g)))
    dense_wide = jax.jit(jax.vmap(lambda s, g: run(dense, s, g)))
    rows = {
        "rfft2 of one field, batch 48": (lambda: transform(fields), 48),
        "ours, looped over worlds": (lambda: looped(states, genes), options.worlds * options.steps),
        "ours, vmap": (lambda: wide(states, genes), options.worlds * options.steps),
        "dense complex, vmap": (lambda: dense_wide(cells, genes), options.worlds * options.steps),
        "dense complex, looped": (lambda: dense_looped(cells, genes), options.worlds * options.steps),
    }
    report(rows, options)


def dense_step(world: Any) -> Callable[..., Any]:
    """Lenia in the obvious way: channels last, complex transforms, routing by one-hot matrix products, all centred."""
    import jax.numpy as jnp
    import numpy as np

    from alife.plugins.lenia import _kernel, _published

    published = _published("5N7KKM")
    kernels, size, rate = published["kernels"], world.world_size, world.rate
    spectra = np.stack([np.fft.fft2(_kernel(size, world.radius, k)) for k in kernels], -1).astype(np.complex64)
    reads = np.eye(3, dtype=np.float32)[:, [k["c0"] for k in kernels]]
    feeds = np.eye(3, dtype=np.float32)[[k["c1"] for k in kernels]]
    away = (np.mgrid[:size, :size] - size // 2).astype(np.float32)

    def step(cells: Any, genes: Any) -> Any:
        moment = (cells.sum(-1) * away).sum((1, 2)) / cells.sum()
        cells = jnp.roll(cells, -moment.astype(int), axis=(0, 1))
        seen = jnp.fft.ifft2(spectra * (jnp.fft.fft2(cells, axes=(0, 1)) @ reads), axes=(0, 1)).real
        growth = genes.h * (2 * jnp.exp(-(((seen - genes.m) / genes.s) ** 2) / 2) - 1)
        return jnp.clip(cells + growth @ feeds / rate, 0, 1)

    return step


def report(rows: dict[str, tuple[Callable[[], Any], int]], options: argparse.Namespace) -> None:
    """Interleaves the repeats, so that a noisy minute hits all rows, and prints medians and the ratio."""
    import jax

    times: dict[str, list[float]] = {name: [] for name in rows}
    for repeat in range(options.repeats + 1):
        for name, (call, count) in rows.items():
            start = time.perf_counter()
            jax.block_until_ready(call())
            if repeat:  # the first one compiles
                times[name].append((time.perf_counter() - start) / count * 1e3)
    print(f"jax {jax.__version__}, core {options.core}, {options.worlds} worlds x {options.steps} steps")
    for name, values in times.items():
        print(f"{name:32s} median {median(values):7.4f} ms   least {min(values):7.4f} ms")
    ours = median(times["ours, looped over worlds"])
    for name in ("dense complex, vmap", "dense complex, looped"):
        print(f"{name} / ours: {median(times[name]) / ours:.1f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--core", type=int, default=0, help="core to run on")
    parser.add_argument("--worlds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
