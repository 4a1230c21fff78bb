"""What a check says: the error it raises, the line it becomes, and the loop that runs a list of checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ..errors import suggest

Subject = TypeVar("Subject")

ABSENT = "(it has none)"
"""What the check of an optional ability remarks where it is not there."""
SAME = "for the same reason as"
"""How a failure begins that was told before."""


class CheckFailed(AssertionError):
    """A part of the contract is broken: what was seen, what was expected, and how to mend it.

    >>> raise CheckFailed("3 channels", "1 channel", "drop two")
    Traceback (most recent call last):
    alife.testing.report.CheckFailed: seen: 3 channels; expected: 1 channel; to mend it: drop two
    """

    def __init__(self, seen: str, expected: str, mend: str) -> None:
        super().__init__(f"seen: {seen}; expected: {expected}; to mend it: {mend}")


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    >>> print(Result("frames", True, "", 0.25))
    ok    frames  (0.2 s)
    """

    name: str
    passed: bool
    message: str
    """What was wrong and how to mend it; of a check that passed, what it has to remark, mostly nothing."""
    seconds: float

    @property
    def absent(self) -> bool:
        """True for an ability that is not there, so that nothing was checked."""
        return self.message == ABSENT

    def __str__(self) -> str:
        if self.absent:
            return f"--    {self.name}  {ABSENT}"
        if self.message.startswith(SAME):
            return f"FAIL  {self.name}  {self.message}"
        said = f"\n      {self.message}" if self.message else ""
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.name}  ({self.seconds:.1f} s){said}"


def run_checks(
    checks: Sequence[Callable[[Subject], str | None]],
    subject: Subject,
    *,
    expected_failures: Mapping[str, str] | None = None,
    begun: Callable[[str], object] = lambda name: None,
    ended: Callable[[Result], object] = lambda result: None,
) -> list[Result]:
    """Run every check; what goes wrong in one does not keep the others from running.

    One fault often fails many checks alike (a step that raises fails all that step): it is told once, and the
    others say where.

    Args:
        checks: each raises what is wrong, and may return a remark.
        subject: what they look at.
        expected_failures: name of a check -> why it fails here.  One that is declared must fail, and then passes.
        begun: told the name of each check before it runs.
        ended: told its outcome.
    """
    results: list[Result] = []
    told: dict[str, str] = {}
    declared = dict(expected_failures or {})
    for check in checks:
        name, failed, started = check_name(check), "", time.perf_counter()
        begun(name)
        try:
            message = check(subject) or ""
        except CheckFailed as failure:
            failed = message = str(failure)
        except Exception as cause:
            failed = message = f"it raised {first_line(cause)}"
        if failed:
            first = told.setdefault(failed, name)
            message = failed if first == name else f"{SAME} {first}"
        passed, reason = not failed, declared.pop(name, None)
        if reason is not None:
            passed = bool(failed)
            said = f"fails, as declared: {reason}", f"declared to fail ({reason}), and it passes: take that back"
            message = said[0] if failed else said[1]
        results.append(Result(name, passed, message, time.perf_counter() - started))
        ended(results[-1])
    for name in declared:
        near = suggest(name, [check_name(check) for check in checks])
        results.append(Result(name, False, f"declared to fail, and there is no such check; {near}", 0.0))
        ended(results[-1])
    return results


def made_by(factory: Callable[..., Any], options: Mapping[str, Any], kind: str) -> Any:
    """What is to be checked, constructed; what its constructor raises becomes a failed check."""
    try:
        return factory(**options)
    except Exception as cause:
        raise CheckFailed(
            f"constructing it with {dict(options)} raised {first_line(cause)}",
            f"a {kind}",
            "give options that its constructor takes",
        ) from cause


def check_name(check: Callable[..., Any]) -> str:
    """The name of a check as people read it.

    >>> def check_unit_length(subject): ...
    >>> check_name(check_unit_length)
    'unit length'
    """
    return check.__name__.removeprefix("check_").replace("_", " ")


def first_line(cause: BaseException) -> str:
    """An exception in one line.

    >>> first_line(ValueError("bad\\nworse"))
    'ValueError: bad'
    """
    said = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {said[0]}" if said else type(cause).__name__
