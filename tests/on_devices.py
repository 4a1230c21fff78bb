"""What several virtual CPU devices make of worlds: run by test_devices.py, in a process that has them.

Prints lines of JSON: what held of one search, and of each substrate named.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax
import numpy as np
import pytest

from alife import evaluate, spread
from alife.evaluate import Evaluator
from alife.genotype import GenotypeSpace
from alife.registry import default_registry
from alife.run import run_search
from alife.worlds.schedule import Schedule

COMPILED = ("boids", "lenia", "life")
"""Their programs are compiled for all devices together, too; those of the others are traced."""


@contextmanager
def as_accelerators() -> Iterator[None]:
    """CPU devices are treated as accelerators are."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (evaluate, spread):
            patch.setattr(module, "is_cpu", lambda devices: False)
        yield


def of_substrate(name: str) -> dict[str, bool]:
    """Its worlds are the same on every device, and close to that where all devices share a program."""
    entry = default_registry().substrates[name]
    space = GenotypeSpace(entry.make(**entry.test_options), name)
    world = space, default_registry().models["pixels"].make(size=4), Schedule(4, 2), 32
    turns = Evaluator(*world)
    n = max(turns.lanes + 1, 27)
    genotypes, keys = np.asarray(space.sample(jax.random.key(0), n)), jax.random.split(jax.random.key(1), n)
    few = slice(0, turns.lanes + 1)
    everything = turns.observe(genotypes[few], keys[few])  # the last world on the second device
    alone = turns.observe(genotypes[few][-1:], keys[few][-1:])  # on the first
    pairs = zip(jax.tree.leaves(everything), jax.tree.leaves(alone), strict=True)
    held = {"same bytes": all(np.array_equal(many[-1:], one) for many, one in pairs)}
    with as_accelerators():
        mesh = Evaluator(*world)
        mesh.spread = mesh.spread._replace(lanes=2)
        if name not in COMPILED:
            return {**held, "traced": mesh.shapes.z.shape == (8 * 2, 2, 48)}
        together = mesh.observe(genotypes[:27], keys[:27])  # two rounds on each device, the last ones filled up
    plain = turns.observe(genotypes[:27], keys[:27])
    held["pictures stay"] = len(together.frames.sharding.device_set) == 8
    held["pictures"] = bool(np.abs(np.asarray(together.frames).astype(int) - plain.frames).max() <= 1)
    held["vectors"] = np.allclose(together.z, plain.z, atol=1e-3) and np.array_equal(together.valid, plain.valid)
    measures = plain.measures.items()
    held["measures"] = all(np.allclose(together.measures[m], value, rtol=1e-3, atol=1e-4) for m, value in measures)
    return held


def of_search() -> dict[str, bool]:
    """A whole search gives the same lifeforms, and compiles nothing after its first generation."""
    compiled, before = [], []
    jax.monitoring.register_event_duration_secs_listener(lambda event, *_, **__: compiled.append(event))

    def stop() -> bool:
        before.append(sum("backend_compile" in event for event in compiled))
        return False

    said = {"options": {"size": 32}, "steps": 8, "frames": 2, "img_size": 32, "population": 20, "model": "pixels"}
    said |= {"score": "open_ended + novelty", "search": {"name": "illuminate"}, "generations": 4, "clip": 4}
    with tempfile.TemporaryDirectory() as place:
        plain = run_search("life", out=Path(place) / "plain", **said)
        with as_accelerators(), pytest.MonkeyPatch.context() as patch:
            patch.setattr("alife.pipeline._lately", {})
            together = run_search("life", out=Path(place) / "together", stop=stop, **said)
        scores = [archive.column("score") for archive in (plain, together)]
        frames = [np.stack([lifeform.frames for lifeform in archive]) for archive in (plain, together)]
    return {
        "same lifeforms": np.array_equal(*frames) and np.allclose(*scores, atol=1e-4),
        "compiled once": before[1] > before[0] and len(set(before[1:])) == 1,
    }


if __name__ == "__main__":
    assert len(jax.devices()) == 8
    print(json.dumps(["", of_search()]))
    for substrate in sys.argv[1:]:
        print(json.dumps([substrate, of_substrate(substrate)]), flush=True)
