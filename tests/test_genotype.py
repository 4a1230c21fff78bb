"""Genotypes as vectors: the published order, both dtypes, what people type."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype, PluginError
from alife.genotype import GenotypeSpace
from alife.registry import default_registry
from alife.worlds.engine import rollout

from .worlds.test_schedule import Counter


class Toy(Counter):
    """A world whose parameters are given."""

    def __init__(self, params):
        self.params = params

    def default_params(self, rng):
        return jax.tree.map(lambda leaf: leaf + jnp.zeros_like(leaf), self.params)


TREE = {"b": jnp.arange(6.0).reshape(2, 3), "a": {"y": jnp.array(9.0), "x": jnp.array([7.0, 8.0])}}


def test_order_is_sorted_keys_row_by_row():
    space = GenotypeSpace(Toy(TREE), "toy")
    vector = space.flatten(TREE)
    assert vector.tolist() == [7, 8, 9, 0, 1, 2, 3, 4, 5] and space.size == 9
    back = space.unflatten(vector)
    assert jax.tree.all(jax.tree.map(np.array_equal, back, TREE))


def test_integers_stay_exact():
    space = GenotypeSpace(Toy(jnp.array(262_143, jnp.int32)), "toy")
    assert space.dtype == np.int32
    assert int(space.unflatten(space.flatten(jnp.array(262_143, jnp.int32)))) == 262_143


def test_own_mutation_is_used():
    class Own(Toy):
        def mutate(self, rng, params):
            return params + 5

    ones = jnp.ones((3, 1), jnp.int32)
    assert GenotypeSpace(Own(jnp.array(0, jnp.int32)), "toy").mutate(jax.random.key(0), ones, 1.0).tolist() == [[6]] * 3


@pytest.mark.parametrize("sigma, least, most", [(0.0, 1, 1), (0.25, 2.2, 3.4), (5.0, 8, 8)])
def test_integers_without_a_mutation_are_drawn_anew_from_the_prior(sigma, least, most):
    class Whole(Toy):
        def default_params(self, rng):
            return jax.random.randint(rng, (8,), 1000, 1_000_000)

    zeros = jnp.zeros((400, 8), jnp.int32)
    young = GenotypeSpace(Whole(None), "toy").mutate(jax.random.key(0), zeros, sigma)
    changed = (young != 0).sum(1)
    assert young.dtype == jnp.int32 and changed.min() >= 1 and least <= changed.mean() <= most
    assert ((young == 0) | (young >= 1000)).all() and (young != 0).any(0).all()


def test_noise_is_measured_in_the_size_of_the_prior():
    class Wide(Toy):
        def default_params(self, rng):
            return 7000 * (jnp.arange(2000) < 1) + 50 * jax.random.normal(rng, (2000,))

    space = GenotypeSpace(Wide(None), "toy")
    assert space.scale == pytest.approx(50, rel=0.05)
    assert space.centre[0] == pytest.approx(7000, rel=0.01) and not space.centre[1:].any()
    moved = space.mutate(jax.random.key(0), jnp.zeros((1, 2000)), 0.1)
    assert float(jnp.std(moved)) == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    "value, expected", [(0, [0.0, 0, 0]), ([1, 2, 3], [1.0, 2, 3]), (np.float32(2), [2.0, 2, 2]), ([4], [4.0, 4, 4])]
)
def test_what_people_type(value, expected):
    assert GenotypeSpace(Toy(jnp.zeros(3)), "toy").coerce(value).tolist() == expected


@pytest.mark.parametrize(
    "value, said",
    [
        ([1, 2], r"shape \(2,\)"),
        ([1, 2, float("nan")], "at place 2"),
        ("B3/S23", "reads no text"),
        ([[1, 2, 3]], "shape"),
        (["a"], "expected 3"),
    ],
)
def test_what_does_not_fit_is_refused(value, said):
    with pytest.raises(BadGenotype, match=said):
        GenotypeSpace(Toy(jnp.zeros(3)), "toy").coerce(value)


def test_fractions_are_no_integers():
    with pytest.raises(BadGenotype, match="not made of integers"):
        GenotypeSpace(Toy(jnp.array(0, jnp.int32)), "toy").coerce(0.5)


def test_bounds_are_kept():
    class Bounded(Toy):
        def bounds(self):
            return jnp.array(0, jnp.int32), jnp.array(9, jnp.int32)

    space = GenotypeSpace(Bounded(jnp.array(0, jnp.int32)), "toy")
    assert space.coerce(9).tolist() == [9]
    with pytest.raises(BadGenotype, match="10 at place 0; 'toy' allows 0 to 9"):
        space.coerce(10)
    with pytest.raises(BadGenotype, match="allows -2"):
        GenotypeSpace(Toy(jnp.array(0, jnp.int32)), "toy").coerce(2**40)


def test_mixed_trees_and_empty_ones_are_named():
    with pytest.raises(BadGenotype, match="mixes real and integer"):
        GenotypeSpace(Toy((jnp.zeros(2), jnp.array(1, jnp.int32))), "toy")
    with pytest.raises(PluginError, match="no parameters"):
        GenotypeSpace(Toy({}), "toy")


def test_another_tree_is_refused_and_both_are_named():
    space = GenotypeSpace(Toy(TREE), "toy")
    for wrong in ({"a": TREE["a"]}, {**TREE, "b": jnp.zeros((3, 2))}):
        with pytest.raises(BadGenotype, match=r"genotype is a/x\[2\] a/y\[\].* expected a/x\[2\] a/y\[\] b\[2,3\]"):
            space.flatten(wrong)
        with pytest.raises(BadGenotype, match="expected a/x"):
            rollout(Toy(TREE), jax.random.key(0), wrong, steps=1)


@pytest.mark.parametrize("name", ["bounds", "centre", "scale"])
def test_a_search_may_ask_for_the_first_time_while_it_is_being_compiled(name):
    space = GenotypeSpace(default_registry().substrates["life"].make(), "life")
    expected = jax.tree.map(np.asarray, getattr(GenotypeSpace(space.substrate, "life"), name))
    inside = jax.jit(lambda: jax.tree.map(jnp.asarray, getattr(space, name)))()
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(inside), jax.tree.leaves(expected), strict=True))
