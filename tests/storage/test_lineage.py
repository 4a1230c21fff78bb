"""Who comes from whom, against the plain definition."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alife.storage.lineage import ancestors, children, descendants


@st.composite
def family(draw: st.DrawFn) -> np.ndarray:
    """Lifeforms, each with none, one or two older parents."""
    count = draw(st.integers(1, 12))
    return np.array([[draw(st.integers(-1, i - 1)), draw(st.integers(-1, i - 1))] for i in range(count)])


def plain_ancestors(parent: np.ndarray, i: int) -> set[int]:
    own = {int(p) for p in parent[i] if p >= 0}
    return own.union(*(plain_ancestors(parent, p) for p in own))


@settings(deadline=None)  # the first one loads SciPy
@given(family())
def test_all_three_agree_with_the_definition(parent: np.ndarray) -> None:
    everybody = range(len(parent))
    lines = [plain_ancestors(parent, i) for i in everybody]
    for i in everybody:
        assert ancestors(parent, i).tolist() == sorted(lines[i])
        assert descendants(parent, i).tolist() == [j for j in everybody if i in lines[j]]
        assert children(parent, i).tolist() == [j for j in everybody if i in parent[j]]


def test_what_cannot_be_a_parent_is_none() -> None:
    parent = np.array([[7, -9], [0, 1], [10**12, 1], [2, 3]])  # as damage may leave it
    assert ancestors(parent, 3).tolist() == [0, 1, 2]
    assert descendants(parent, 0).tolist() == [1, 2, 3]


@pytest.mark.parametrize("kind", ["chain", "generations"])
def test_a_million_lifeforms_are_no_wait(kind: str) -> None:
    count = 1_000_000
    ids = np.arange(count)
    parent = np.full((count, 2), -1)
    if kind == "chain":  # as deep as a family can be
        parent[:, 0] = ids - 1
    else:
        parent[100:] = ids[100:, None] - np.random.default_rng(0).integers(1, 100, (count - 100, 2))
    spent = []
    for walk, i, relatives in ((ancestors, count - 1, 700_000), (descendants, 90, 700_000)):
        walk(parent[:10], 5)  # loads SciPy
        start = time.process_time()
        assert len(walk(parent, i)) > relatives
        spent.append(time.process_time() - start)
    assert max(spent) < 1.5  # about 0.1 on an idle core
