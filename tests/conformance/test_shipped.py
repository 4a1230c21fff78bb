"""Everything that is registered keeps its contract, at its own test options."""

from __future__ import annotations

import pytest

from alife.registry import default_registry
from alife.testing import check_model, check_score, check_search, check_substrate

REGISTRY = default_registry()


def failures(results) -> list[str]:
    return [str(result) for result in results if not result.passed]


@pytest.mark.parametrize("name", list(REGISTRY.substrates))
def test_substrate_keeps_the_contract(name: str) -> None:
    entry = REGISTRY.substrates[name]
    results = check_substrate(entry.make, entry.test_options)
    assert failures(results) == []
    (declared,) = [result.message for result in results if result.name == "declared"]
    assert entry.source and entry.summary and not declared, declared


@pytest.mark.parametrize("name", list(REGISTRY.models))
def test_model_keeps_the_contract(name: str) -> None:
    entry = REGISTRY.models[name]
    assert failures(check_model(entry.make, entry.test_options)) == []


@pytest.mark.parametrize("name", list(REGISTRY.scores))
def test_score_keeps_the_contract(name: str) -> None:
    assert failures(check_score(REGISTRY.scores[name].resolve(), REGISTRY.scores[name].test_options)) == []


# Of the many algorithms that one factory makes by name, one: tests/flow/test_every_search.py goes through them all.
FACTORIES = {name: entry.resolve() for name, entry in REGISTRY.searches.items()}
MAKERS = {getattr(factory, "func", factory): name for name, factory in FACTORIES.items()}


@pytest.mark.parametrize("name", sorted(MAKERS.values()))
def test_search_keeps_the_contract(name: str) -> None:
    entry = REGISTRY.searches[name]
    assert failures(check_search(entry.make, entry.test_options)) == []
