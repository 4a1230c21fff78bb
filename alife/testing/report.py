"""What a check says: the error it raises, the line it becomes, and the loop that runs a list of checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Subject = TypeVar("Subject")


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
    """Empty where it passed."""
    seconds: float

    def __str__(self) -> str:
        said = f"\n      {self.message}" if self.message else ""
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.name}  ({self.seconds:.1f} s){said}"


def run_checks(checks: Sequence[Callable[[Subject], None]], subject: Subject) -> list[Result]:
    """Run every check; what goes wrong in one does not keep the others from running.

    One fault often fails many checks alike (a step that raises fails all that step): it is told once, and the
    others say where.
    """
    results: list[Result] = []
    told: dict[str, str] = {}
    for check in checks:
        started, message = time.perf_counter(), ""
        try:
            check(subject)
        except CheckFailed as failure:
            message = str(failure)
        except Exception as cause:
            message = f"it raised {first_line(cause)}"
        name = check_name(check)
        if message:
            first = told.setdefault(message, name)
            message = message if first == name else f"for the same reason as {first}"
        results.append(Result(name, not message, message, time.perf_counter() - started))
    return results


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
