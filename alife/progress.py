"""What a person sees while a search runs: a line that moves on a terminal, a quiet line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from .hookspecs import hookimpl
from .run import GenerationReport

QUIET_SECONDS = 10.0
"""Without a terminal a line is printed at most this often."""


class Progress:
    """A plugin of the hook `generation_finished` that prints progress; use it as a context manager."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.last: GenerationReport | None = None
        self._live: Any = None
        self._printed = 0.0
        self._shown: GenerationReport | None = None

    def __enter__(self) -> Progress:
        if self.stream.isatty():
            from rich.console import Console
            from rich.status import Status

            self._live = Status("compiling the world ...", console=Console(file=self.stream))
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
        if self.last is not None and self.last is not self._shown:
            print(line(self.last), file=self.stream)

    @hookimpl
    def generation_finished(self, report: GenerationReport) -> None:
        """Show the newest numbers."""
        self.last = report
        if self._live is not None:
            self._live.update(line(report))
        elif time.monotonic() - self._printed > QUIET_SECONDS:
            print(line(report), file=self.stream, flush=True)
            self._printed, self._shown = time.monotonic(), report


def line(report: GenerationReport) -> str:
    """One generation in one line."""
    invalid = f", {report.invalid} invalid" if report.invalid else ""
    left = f", {duration(report.seconds_left)} left" if report.seconds_left > 0 else ""
    return (
        f"generation {report.generation + 1}: {report.evaluations} worlds{invalid}, {report.lifeforms} kept, "
        f"{report.rate:.1f}/s, best {report.best:.3f}, coverage {report.coverage:.3f}{left}"
    )


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(9.4), duration(100), duration(7300)
    ('9s', '1m40s', '2h01m')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"
