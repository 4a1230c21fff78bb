"""The checks as classes for pytest: inherit one, name what is tested, and each check is a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from .contract import CONTRACTS, Contract, declared_failures
from .report import check_name, run_checks


class Conformance:
    """What the four classes share; inherit one of them."""

    factory: ClassVar[Callable[..., Any]]
    """What is tested: a class, or a score's function."""
    options: ClassVar[Mapping[str, Any]] = {}
    """That make it small."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Name of a check -> why it fails here; declared by the tested class itself too."""
    _contract: ClassVar[Contract]

    def __init_subclass__(cls, **said: Any) -> None:
        super().__init_subclass__(**said)
        if "factory" not in vars(cls):
            return  # one of the four, or a class between
        if not isinstance(cls.factory, type):
            cls.factory = staticmethod(cls.factory)  # a function in a class would become a method
        subject: list[Any] = []  # made with the first test, and shared by all

        def test_of(check: Callable[[Any], str | None]) -> Callable[[Any], None]:
            def test(self: Any) -> None:
                if not subject:
                    subject.append(cls._contract.subject(cls.factory, cls.options))
                name = check_name(check)
                declared = declared_failures(cls.factory) | dict(cls.expected_failures)
                reasons = {name: declared[name]} if name in declared else {}
                (result,) = run_checks([check], subject[0], expected_failures=reasons)
                assert result.passed, f"{name}: {result.message}"

            test.__doc__ = check.__doc__
            return test

        for check in cls._contract.checks:
            setattr(cls, f"test_{check.__name__.removeprefix('check_')}", test_of(check))


class SubstrateConformance(Conformance):
    """A test for each of `SUBSTRATE_CHECKS`."""

    _contract = CONTRACTS["substrate"]


class ModelConformance(Conformance):
    """A test for each of `MODEL_CHECKS`."""

    _contract = CONTRACTS["model"]


class ScoreConformance(Conformance):
    """A test for each of `SCORE_CHECKS`."""

    _contract = CONTRACTS["score"]


class SearchConformance(Conformance):
    """A test for each of `SEARCH_CHECKS`."""

    _contract = CONTRACTS["search"]
