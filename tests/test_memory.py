"""What a run remembers: coverage against a slow reference, however the lifeforms came in."""

from __future__ import annotations

import numpy as np
import pytest

from alife.memory import Memory
from alife.storage import Rows


class Nothing:
    """An archive without lifeforms."""

    def __len__(self):
        return 0


def rows(z, first):
    fields = dict.fromkeys(Rows._fields)
    return Rows(**{**fields, "embedding": z[:, None, :], "evaluation": np.arange(first, first + len(z))})


def unit(n, seed):
    z = np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)
    return z / np.linalg.norm(z, axis=1, keepdims=True)


@pytest.mark.parametrize("sizes", [[2], [5, 3], [1, 1, 1], [700, 600, 1], [3, 0, 4]])
def test_coverage_is_the_mean_distance_to_the_nearest(sizes):
    memory, all_z = Memory(Nothing(), 8), unit(sum(sizes), 0)
    start = 0
    for size in sizes:
        memory.add(rows(all_z[start : start + size], start))
        start += size
    cosines = np.where(np.eye(len(all_z), dtype=bool), -1, all_z.astype(np.float64) @ all_z.T)
    assert memory.coverage == pytest.approx(1 - cosines.max(1).mean(), abs=1e-5)
    assert memory.count == start and np.array_equal(memory.rows[:start], all_z)
    assert not memory.rows[start:].any() and memory.numbers == list(range(start))


def test_only_elites_are_looked_back_at_and_all_numbers_known():
    memory, elites, all_z = Memory(Nothing(), 8), Memory(Nothing(), 8), unit(40, 3)
    elite = np.arange(40) % 3 == 0
    for part in (slice(0, 10), slice(10, 40)):
        memory.add(rows(all_z[part], part.start)._replace(elite=elite[part]))
        elites.add(rows(all_z[part][elite[part]], part.start))
    assert memory.count == elites.count == 14 and memory.numbers == list(range(40))
    assert np.array_equal(memory.rows, elites.rows) and memory.coverage == elites.coverage


def test_coverage_of_nothing_and_of_one_is_zero():
    memory = Memory(Nothing(), 8)
    assert memory.coverage == 0
    memory.add(rows(unit(1, 0), 0))
    assert memory.coverage == 0
