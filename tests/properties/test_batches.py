"""No byte of a world depends on who is run beside it, nor on the memory budget, and little on haste in compiling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.evaluate import Evaluator
from alife.genotype import GenotypeSpace
from alife.registry import default_registry
from alife.worlds.schedule import Schedule

N = 19


@pytest.mark.parametrize("name", list(default_registry().substrates))
def test_results_do_not_depend_on_the_batch(name, in_haste):
    entry = default_registry().substrates[name]
    space = GenotypeSpace(entry.make(**entry.test_options), name)
    world = space, default_registry().models["pixels"].make(), Schedule(6, 2), 32
    peak = next(iter(Evaluator(*world).measure_names), None)
    roomy, tight = (Evaluator(*world, memory_mb, keep_states=True, peak=peak) for memory_mb in (2048, 1))
    genotypes = np.asarray(space.sample(jax.random.key(0), N))
    keys = jax.random.split(jax.random.key(1), N)

    def observe(rows, evaluator=roomy):
        return evaluator.observe(genotypes[rows], keys[jnp.asarray(rows)])

    everything = observe(np.arange(N))
    assert everything.valid.all() and len(np.unique(everything.frames, axis=0)) > 1
    for rows in ([0], [7], [18, 2, 2], list(range(5, 16))):
        part = observe(np.array(rows))
        for whole, some in zip(jax.tree.leaves(everything), jax.tree.leaves(part), strict=True):
            assert np.array_equal(whole[np.array(rows)], some)
    small = observe(np.arange(N), tight)
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(everything), jax.tree.leaves(small), strict=True))
    with in_haste():  # what the other tests have to say of these programs rests on this
        hasty = observe(np.arange(N), Evaluator(*world, keep_states=True, peak=peak))
    alike = np.abs(hasty.frames.astype(int) - everything.frames).mean((1, 2, 3, 4)) < 0.1
    for measure, values in everything.measures.items():
        alike &= np.isclose(hasty.measures[measure], values, rtol=1e-3, atol=1e-4).reshape(N, -1).all(1)
    assert alike.mean() > 0.8, "more worlds differ than those in which rounding turns a choice"
