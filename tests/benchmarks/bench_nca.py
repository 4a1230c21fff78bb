"""Time per world of a step and of a frame of both neural cellular automata, ours and as published, on one core.

Run with `python tests/benchmarks/bench_nca.py`.

The published way: channels last, library convolutions, a float mask from one random float per cell, and for discrete
cells a one-hot input and a random number for every state of every cell.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(
        0, {int(os.environ.get("CORE", min(os.sched_getaffinity(0))))}
    )  # before JAX starts its threads

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from alife.plugins.dnca import DNCA
from alife.plugins.nca import NCA
from alife.worlds.lattice import PALETTE

WORLDS, STEPS, ROUNDS, FRAME = 16, 10, 9, 224


def library_network(cells: jax.Array, params: Any) -> jax.Array:
    """The network by the library's convolutions, cells [h, w, C]."""

    def conv(x: jax.Array, layer: Any) -> jax.Array:
        order = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(x, layer["kernel"], (1, 1), "VALID", dimension_numbers=order)
        return y + layer["bias"]

    layers = params["net_params"]["params"]
    x = conv(jnp.pad(cells, ((1, 1), (1, 1), (0, 0)), mode="wrap")[None], layers["Conv_0"])
    return conv(jax.nn.relu(conv(x, layers["Conv_1"])), layers["Conv_2"])[0]


def library_nca(key: jax.Array, cells: jax.Array, params: Any) -> jax.Array:
    mask = jax.random.bernoulli(key, 0.5, cells.shape[:2]).astype(jnp.float32)[:, :, None]
    return jnp.clip(cells + 0.01 * mask * library_network(cells, params), 0, 1)


def library_dnca(key: jax.Array, cells: jax.Array, params: Any) -> jax.Array:
    return jax.random.categorical(key, library_network(jax.nn.one_hot(cells, 8), params) / 1e-3)


def picture(cells: jax.Array) -> jax.Array:
    colours = (
        jnp.asarray(PALETTE)[cells] if cells.ndim == 2 else jnp.pad(cells, ((0, 0), (0, 0), (0, 3 - cells.shape[2])))
    )
    return jax.image.resize(colours, (FRAME, FRAME, 3), "nearest")


def stepper(step: Callable, states: jax.Array, params: Any, chunk: int) -> Callable[[], Any]:
    """Runs every world for some steps, `chunk` worlds at once."""

    def run(world: tuple) -> jax.Array:
        key, state, params = world
        return jax.lax.fori_loop(0, STEPS, lambda i, s: step(jax.random.fold_in(key, i), s, params), state)

    program = jax.jit(lambda *batch: jax.lax.map(run, batch, batch_size=chunk))
    keys = jax.random.split(jax.random.key(0), WORLDS)
    return lambda: program(keys, states, params)


def painter(draw: Callable, *worlds: Any) -> Callable[[], Any]:
    program = jax.jit(lambda *batch: jax.lax.map(lambda world: draw(*world), batch))
    return lambda: program(*worlds)


def milliseconds(programs: dict[str, Callable[[], Any]], units: dict[str, int]) -> dict[str, float]:
    """Least time of each per world (and step); they take turns, so that a busy moment hits all."""
    best = {name: float("inf") for name in programs}
    for program in programs.values():
        jax.block_until_ready(program())
    for _ in range(ROUNDS):
        for name, program in programs.items():
            begin = time.perf_counter()
            jax.block_until_ready(program())
            best[name] = min(best[name], time.perf_counter() - begin)
    return {name: seconds / (WORLDS * units[name]) * 1e3 for name, seconds in best.items()}


def compare(name: str, substrate: Any, library_step: Callable) -> None:
    keys = jax.random.split(jax.random.key(1), WORLDS)
    genotypes = jax.vmap(substrate.default_params)(keys)
    params = jax.vmap(getattr(substrate, "express", lambda p: p))(genotypes)
    states = jax.vmap(substrate.init_state)(keys, params)
    last = states.astype(jnp.int32) if states.ndim == 3 else states.transpose(0, 2, 3, 1)
    programs = {
        "ours": stepper(substrate.step_state, states, params, 1),
        "theirs": stepper(library_step, last, genotypes, WORLDS),
        "theirs, one at a time": stepper(library_step, last, genotypes, 1),
        "our frame": painter(lambda s, p: substrate.render_state(s, p, img_size=FRAME), states, params),
        "their frame": painter(picture, last),
    }
    took = milliseconds(programs, {part: 1 if "frame" in part else STEPS for part in programs})
    theirs = took["theirs"], took["theirs, one at a time"]
    print(
        f"{name:7} ours {took['ours']:6.3f}   library {theirs[0]:6.2f} (one at a time {theirs[1]:5.2f})"
        f"   ratio {theirs[0] / took['ours']:5.1f} ({theirs[1] / took['ours']:4.1f})"
        f"   frame {took['our frame']:6.3f}, library {took['their frame']:6.3f}"
    )


def main() -> None:
    print(f"{WORLDS} worlds of 128 x 128 cells, one core; milliseconds per world and step, and per {FRAME} px frame")
    compare("nca d1", NCA(), library_nca)
    compare("nca d3", NCA(d_state=3), library_nca)
    compare("dnca", DNCA(), library_dnca)
    for size in (64, 128, 256, 512):
        keys = jax.random.split(jax.random.key(1), WORLDS)
        for name, substrate in (("nca d1", NCA(size=size)), ("dnca", DNCA(size=size))):
            params = jax.vmap(substrate.default_params)(keys)
            params = jax.vmap(getattr(substrate, "express", lambda p: p))(params)
            states = jax.vmap(substrate.init_state)(keys, params)
            took = milliseconds({"ours": stepper(substrate.step_state, states, params, 1)}, {"ours": STEPS})["ours"]
            print(f"{name:7} {size:4} x {size:<4} {took:7.3f} ms, {took * 1e6 / size**2:5.1f} ns per cell")


if __name__ == "__main__":
    main()
