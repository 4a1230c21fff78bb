"""Every substrate and every model that is registered keeps its contract, at its own test options."""

from __future__ import annotations

import pytest

from alife.registry import default_registry
from alife.testing import check_model, check_substrate


@pytest.mark.parametrize("name", list(default_registry().substrates))
def test_substrate_keeps_the_contract(name: str) -> None:
    entry = default_registry().substrates[name]
    assert [str(result) for result in check_substrate(entry.make, entry.test_options) if not result.passed] == []


@pytest.mark.parametrize("name", list(default_registry().models))
def test_model_keeps_the_contract(name: str) -> None:
    entry = default_registry().models[name]
    assert [str(result) for result in check_model(entry.make, entry.test_options) if not result.passed] == []
