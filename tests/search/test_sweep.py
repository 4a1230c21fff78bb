"""A sweep runs every genotype of a discrete world once, ranks as sorting does, refuses what it cannot count."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.run import resume_search, run_search
from alife.search.sweep import MOST, Sweep
from alife.storage import open_archive
from alife.testing.spaces import Bits, Box, evaluation

RULES = 2**18


class Digits(Bits):
    """Two numbers, 3 to 5 and 10 to 16: 21 genotypes."""

    def __init__(self):
        super().__init__(2)
        self.bounds = np.array([3, 10], np.int32), np.array([5, 16], np.int32)


def swept(search, space, generations, n=4, score=lambda genotypes: -genotypes.sum(1), seed=0):
    """(genotypes in order, who was kept, whom each replaced, the last state)."""
    state = search.init(jax.random.key(seed), space, n)
    told, kept, replaced = [], [], []
    for g in range(generations):
        genotypes, state = search.ask(jax.random.key(g), state)
        state, verdict = search.tell(state, genotypes, evaluation(score(genotypes)))
        told.append(genotypes)
        kept.append(verdict.keep)
        replaced.append(verdict.replaced)
    return np.concatenate(told), np.concatenate(kept), np.concatenate(replaced), state


@pytest.mark.parametrize("order", ["counted", "shuffled"])
def test_every_genotype_once(order):
    told, kept, _, _ = swept(Sweep(order, keep=100), Digits(), 6)
    assert len({tuple(genotype) for genotype in told[:21]}) == 21
    assert kept[:21].all() and not kept[21:].any(), "after the last one nothing is kept again"
    assert (told.min(0) == [3, 10]).all() and (told.max(0) == [5, 16]).all()


def test_counted_is_in_order_and_shuffled_is_not_and_the_seed_decides():
    counted = swept(Sweep("counted"), Digits(), 3)[0]
    assert counted[:8].tolist() == [*([3, i] for i in range(10, 17)), [4, 10]]
    one, again, other = (swept(Sweep(), Digits(), 3, seed=seed)[0].tolist() for seed in (1, 1, 2))
    assert one == again and one not in (other, counted.tolist())


def test_the_ranking_is_what_sorting_gives():
    scores = np.random.default_rng(0).normal(size=(6, 7)).astype(np.float32)
    told, kept, replaced, state = swept(Sweep(keep=5), Digits(), 5, score=lambda g: scores[g[:, 0], g[:, 1] - 10])
    values = scores[told[:20, 0], told[:20, 1] - 10]
    assert np.allclose(np.sort(state.scores), np.sort(values)[-5:])
    best: list[int] = []
    for first in range(0, 20, 4):  # the same, as plainly as it can be written
        before, best = best, sorted([*best, *range(first, first + 4)], key=lambda i: -values[i])[:5]
        entered = [i for i in range(first, first + 4) if i in best]
        assert np.flatnonzero(kept[first : first + 4]).tolist() == [i - first for i in entered]
        dropped = {i for i in before if i not in best}
        assert {int(replaced[i]) for i in entered} - {-1} == dropped
    assert set(np.asarray(state.number)) == set(best)


def test_worlds_that_are_not_valid_are_passed_over():
    search = Sweep(keep=100)
    state = search.init(jax.random.key(0), Digits(), 4)
    genotypes, state = search.ask(jax.random.key(0), state)
    state, verdict = search.tell(state, genotypes, evaluation(np.zeros(4), valid=[True, False, True, False]))
    assert np.asarray(verdict.keep).tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    "space, said",
    [
        (Box(), "--search map_elites, --search Sep_CMA_ES or --search random"),
        (Bits(64), r"about 10\^19.*illuminate or --search random"),
        (Bits(20_000), r"about 10\^6020\."),
    ],
)
def test_what_cannot_be_enumerated_is_refused(space, said):
    with pytest.raises(BadGenotype, match=said):
        Sweep().init(jax.random.key(0), space, 4)


@pytest.mark.parametrize("options", [{"order": "sorted"}, {"keep": 0}])
def test_bad_options(options):
    with pytest.raises(BadOption, match="expected"):
        Sweep(**options)


def test_all_life_rules_are_numbered():
    search = Sweep()
    search.init(jax.random.key(0), _life_space(), 4)
    assert search.total == RULES


def _life_space():
    from alife.genotype import GenotypeSpace
    from alife.registry import default_registry

    return GenotypeSpace(default_registry().substrates["life"].make(), "life")


def test_a_run_ends_by_itself_and_goes_on_where_it_was_stopped(tmp_path):
    """16 patterns of 2 x 2 cells under Conway's rule; a run of them is complete after four generations of four."""
    tiny = {"options": {"genotype": "pattern", "soup": 2, "size": 32}, "steps": 2, "frames": 2, "model": "pixels"}
    tiny |= {"population": 4, "search": {"name": "sweep"}, "score": "population", "img_size": 32}
    whole = run_search("life", out=tmp_path / "whole", minutes=30, **tiny)
    assert whole.progress["evaluations"] == len(whole) == 16 and whole.progress["finished"]
    run_search("life", out=tmp_path / "parts", generations=2, **tiny)
    parts = resume_search(tmp_path / "parts", budget={"minutes": 30})
    for name in ("score", "evaluation", "operator"):
        assert np.array_equal(parts.column(name), open_archive(tmp_path / "whole").column(name))
    # all die but the block, a still life, and the four corners of three cells that become one
    assert {tuple(x.genotype) for x in whole if x.score > 0} == {
        tuple(x.genotype) for x in whole if x.genotype.sum() > 2
    }


def test_numbers_with_one_value_are_no_obstacle_however_many_there_are():
    space = Bits(100)
    space.bounds = np.zeros(100, np.int32), np.eye(100, dtype=np.int32)[-1] + np.eye(100, dtype=np.int32)[3]
    told = swept(Sweep("counted"), space, 1)[0]
    assert told[:, [3, 99]].tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and told.sum() == 4


def test_the_last_genotypes_that_can_be_numbered():
    space, search = Bits(2), Sweep(keep=4)
    space.bounds = np.array([0, 0], np.int32), np.array([0, MOST - 1], np.int32)
    state = search.init(jax.random.key(0), space, 4)._replace(done=np.array(MOST - 2, np.int32))
    genotypes, state = search.ask(jax.random.key(0), state)
    assert ((genotypes >= 0) & (genotypes < MOST)).all()
    state, verdict = search.tell(state, genotypes, evaluation(np.zeros(4)))
    assert np.asarray(verdict.keep).tolist() == [True, True, False, False] and search.finished(state)
