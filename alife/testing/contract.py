"""A contract: the checks of one kind of thing, and what they look at; run as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .model_subject import ModelSubject
from .models import MODEL_CHECKS
from .report import Result, run_checks
from .scores import SCORE_CHECKS, ScoreSubject
from .searches import SEARCH_CHECKS, SearchSubject
from .subject import SubstrateSubject
from .substrates import SUBSTRATE_CHECKS


class Contract(NamedTuple):
    """What a thing of one kind must keep."""

    subject: Callable[..., Any]
    """Made from a factory and options: what the checks look at."""
    checks: Sequence[Callable[[Any], str | None]]

    def check(
        self,
        factory: Callable[..., Any],
        options: Mapping[str, Any] | None = None,
        *,
        expected_failures: Mapping[str, str] | None = None,
        **told: Any,
    ) -> list[Result]:
        """Run every check.

        Args:
            factory: makes what is checked, such as its class, with `options` as keywords; or a ready-made one; or the
                function of a score.
            options: that make it small: a few seconds then suffice.
            expected_failures: name of a check -> why it fails here, besides those that the class itself declares.
            told: see `alife.testing.report.run_checks`.
        """
        declared = declared_failures(factory) | dict(expected_failures or {})
        return run_checks(self.checks, self.subject(factory, options or {}), expected_failures=declared, **told)


def declared_failures(thing: Any) -> dict[str, str]:
    """What a class, a ready-made one or a function declares to fail, and why."""
    return dict(getattr(thing, "expected_failures", {}))


CONTRACTS = {
    "substrate": Contract(SubstrateSubject, SUBSTRATE_CHECKS),
    "model": Contract(ModelSubject, MODEL_CHECKS),
    "score": Contract(ScoreSubject, SCORE_CHECKS),
    "search": Contract(SearchSubject, SEARCH_CHECKS),
}
"""By kind."""
check_substrate = CONTRACTS["substrate"].check
check_model = CONTRACTS["model"].check
check_score = CONTRACTS["score"].check
check_search = CONTRACTS["search"].check
