"""What a step and a picture of Flow Lenia cost on one core: ours, and the way the field writes it, from the same run.

python tests/benchmarks/bench_flow_lenia.py [--core N] [--worlds N] [--steps N] [--repeats N]

The field's way: channels last, complex transforms, convolutions for the slopes, and 121 shifted copies of the world
(11 x 11 neighbours), stacked, of which the new matter is the sum.  Times are CPU seconds of the process, so that a busy
machine disturbs them less.
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

    from alife.plugins.flow_lenia import FlowLenia

    print(f"jax {jax.__version__}, core {options.core}, {options.worlds} worlds, 128 x 128, 10 kernels; ms per world")
    fields = jax.random.uniform(jax.random.key(0), (48, 128, 128))
    transform = jax.jit(jax.numpy.fft.rfft2)
    report({"rfft2 of one field, batch 48": (lambda: transform(fields), 48)}, options.repeats)
    compare("one species", FlowLenia(), options)
    compare("4 species, choosing", FlowLenia(species=4), options)
    compare("4 species, averaging", FlowLenia(species=4, mix="average"), options)
    compare("one species, up to 4.35 cells a step", FlowLenia(limit=4.35), options, field=False)


def compare(name: str, world: Any, options: argparse.Namespace, field: bool = True) -> None:
    """Prints what a world costs in our way and in the field's."""
    import jax
    import jax.numpy as jnp

    keys = jax.random.split(jax.random.key(0), options.worlds)
    genes = jax.vmap(lambda key: world.express(world.default_params(key)))(keys)
    states = jax.vmap(world.init_state)(keys, genes)

    def run(step: Callable[..., Any], count: int) -> Callable[[], Any]:
        def one(key: Any, state: Any, gene: Any) -> Any:
            return jax.lax.fori_loop(0, count, lambda i, s: step(jax.random.fold_in(key, i), s, gene), state)

        program = jax.jit(lambda k, s, g: jax.lax.map(lambda each: one(*each), (k, s, g)))
        return lambda: program(keys, states, genes)

    draw = jax.jit(lambda s, g: jax.lax.map(lambda each: world.render_state(*each, img_size=224), (s, g)))
    rows = {
        f"{name}: step": (run(world.step_state, options.steps), options.worlds * options.steps),
        f"{name}: picture, 224 px": (lambda: jnp.asarray(draw(states, genes)), options.worlds),
    }
    if field:
        rows[f"{name}: step, the field's way"] = (run(field_step(world), 2), options.worlds * 2)
    found = report(rows, options.repeats)
    if field:
        print(f"{name}: step, the field's way / ours: {found[2] / found[0]:.0f}")


def field_step(world: Any) -> Callable[..., Any]:
    """A step in the obvious way."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    size, away, spread, count = world.world_size, 5, world.sigma, world.kernels
    shifts = jnp.array([(i, j) for i in range(-away, away + 1) for j in range(-away, away + 1)])
    place = jnp.stack(jnp.meshgrid(jnp.arange(size), jnp.arange(size), indexing="ij"), -1) + 0.5
    across = jnp.array([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])

    def slope(field: Any) -> Any:
        framed = jnp.pad(field, 1, mode="wrap")
        return jnp.stack([jax.scipy.signal.convolve2d(framed, k, mode="valid") for k in (across.T, across)], -1)

    def step(key: Any, state: Any, genes: Any) -> Any:
        flat = lambda x: x.reshape(-1, *x.shape[2:])[:count]  # noqa: E731  # without what fills up the last pair
        matter = state.matter[0]
        weights = jnp.broadcast_to(genes.h[0], (size, size, count))
        if state.carried is not None and world.chooses:
            weights = genes.h[state.carried]
        elif state.carried is not None:
            weights = jnp.moveaxis(state.carried, 0, -1) @ genes.h
        spectra = jnp.moveaxis(flat(genes.kernels.spectra), 0, -1).astype(np.complex64)
        seen = jnp.fft.ifft2(spectra * jnp.fft.fft2(matter)[..., None], axes=(0, 1)).real
        growth = 2 * jnp.exp(-(((seen - flat(genes.kernels.m)) / flat(genes.kernels.s)) ** 2) / 2) - 1
        alpha = jnp.clip((matter / world.theta) ** 2, 0, 1)[..., None]
        flow = (1 - alpha) * slope((growth * weights).sum(-1)) - alpha * slope(matter)
        target = place + jnp.clip(world.dt * flow, spread - away, away - spread)

        def from_one(shift: Any) -> tuple[Any, Any]:
            far = jnp.abs((place - jnp.roll(target, shift, (0, 1)) + size / 2) % size - size / 2)
            shared = jnp.clip(0.5 + spread - far, 0, min(1, 2 * spread)).prod(-1) / (4 * spread**2)
            return jnp.roll(matter, shift, (0, 1)) * shared, jnp.roll(weights, shift, (0, 1))

        if state.carried is None:
            return state._replace(matter=jax.vmap(lambda shift: from_one(shift)[0])(shifts).sum(0)[None])
        amounts, loads = jax.vmap(from_one)(shifts)
        if world.chooses:
            choice = jax.random.categorical(key, jnp.log(amounts), axis=0)
            mixed = (loads * jax.nn.one_hot(choice, len(shifts), axis=0)[..., None]).sum(0)
        else:
            mixed = (loads * amounts[..., None]).sum(0) / (amounts.sum(0) + 1e-10)[..., None]
        # What is carried is kept as numbers of species here; a cell's weights tell which (or how much of the first).
        near = jnp.abs(mixed[None] - genes.h[:, None, None]).sum(-1)
        carried = near.argmin(0) if world.chooses else state.carried.at[0].set(near[0] / near.sum(0))
        return state._replace(matter=amounts.sum(0)[None], carried=carried.astype(state.carried.dtype))

    return step


def report(rows: dict[str, tuple[Callable[[], Any], int]], repeats: int) -> list[float]:
    """Interleaves the repeats, prints medians and least times, and gives the least."""
    import jax

    times: dict[str, list[float]] = {name: [] for name in rows}
    for repeat in range(repeats + 1):
        for name, (call, count) in rows.items():
            start = time.process_time()
            jax.block_until_ready(call())
            if repeat:  # the first one compiles
                times[name].append((time.process_time() - start) / count * 1e3)
    for name, values in times.items():
        print(f"{name:48s} median {median(values):8.3f} ms   least {min(values):8.3f} ms", flush=True)
    return [min(values) for values in times.values()]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--core", type=int, default=0, help="core to run on")
    parser.add_argument("--worlds", type=int, default=16)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
