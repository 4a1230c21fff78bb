"""`alife check`: does a plugin keep its contract?  In a process of its own, which is ended when it takes too much."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..errors import PluginError, UnknownName
from ..loading import KINDS, is_spec, kind_of, load_member, refuse_bare_file, said_of
from ..registry import registry_with
from .options import plugin_option

PERIOD = 0.2
"""Seconds between two looks at the process."""


@click.command("check")
@click.argument("name")
@click.option("--seconds", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Limit for one check.")
@click.option("--memory-mb", type=click.IntRange(min=64), default=8192, show_default=True, help="Limit of its process.")
@click.option("--here", type=int, hidden=True, help="Descriptor to which the process of the checks tells what it sees.")
@plugin_option
def check_command(name: str, seconds: float, memory_mb: int, here: int | None, plugins: tuple[str, ...]) -> int:
    """Prove that a substrate, model, score or search keeps its contract: exit code 0 = it does, 1 = it does not.

    NAME is a registered name, or FILE.py:Class for a class or function in a file.
    """
    if here is not None:
        with os.fdopen(here, "w") as told:
            _check(name, plugins, told)
        return 0
    passed, count = 0, 0
    for result in _watched(name, plugins, seconds, memory_mb):
        click.echo(result["said"])
        passed, count = passed + result["passed"], count + result["there"]
    click.echo(f"{name}: {passed} of {count} checks passed")
    return 0 if passed == count else 1


def _check(name: str, plugins: tuple[str, ...], told: Any) -> None:
    """Runs the checks, and tells of each before it begins and when it has ended, a line of JSON each time."""
    from ..testing import CONTRACTS, Result
    from ..testing.contract import declared_failures

    def tell(**said: Any) -> None:
        told.write(json.dumps(said) + "\n")
        told.flush()

    def ended(result: Result) -> None:
        tell(passed=result.passed and not result.absent, there=not result.absent, said=str(result))

    try:
        for kind, thing, factory, options in _subjects(name, plugins):
            CONTRACTS[kind].check(
                factory,
                options,
                expected_failures=declared_failures(thing),
                begun=lambda check: tell(begun=check),
                ended=ended,
            )
    except (PluginError, UnknownName) as error:
        tell(error=str(error))


def _subjects(name: str, plugins: tuple[str, ...]) -> list[tuple[str, Any, Any, dict[str, Any]]]:
    """Kind, thing, what makes it, and options of everything of this name."""
    if is_spec(name):
        try:
            thing = load_member(name)
        except Exception as cause:
            raise PluginError(f"{name}: {cause}") from cause
        return [(kind_of(thing) or KINDS[0], thing, thing, dict(said_of(thing).get("test_options", {})))]
    refuse_bare_file(name)
    registry = registry_with(plugins)
    found = [
        (kind, known[name])
        for kind, known in ((kind, registry.of_kind(kind)) for kind in KINDS)
        if name in known or name in known.absent
    ]
    if not found:
        known = [other for kind in KINDS for other in registry.of_kind(kind)]
        hint = "A class in a file is FILE.py:Class; what a plugin file registers needs --plugin FILE.py"
        raise UnknownName(" or ".join(KINDS), name, known, hint)
    things = [(kind, entry.resolve(), entry) for kind, entry in found]
    return [
        (kind, thing, thing if kind == "score" else entry.make, dict(entry.test_options))
        for kind, thing, entry in things
    ]


def _watched(name: str, plugins: tuple[str, ...], seconds: float, memory_mb: int) -> Iterator[dict[str, Any]]:
    """What the process of the checks tells, check by check; it is ended when it takes too much.

    Raises:
        PluginError: what is to be checked cannot be had.
    """
    read, write = os.pipe()
    files = [part for plugin in plugins for part in ("--plugin", plugin)]
    command = [sys.executable, "-m", "alife", "check", name, *files, "--here", str(write)]
    process = subprocess.Popen(command, pass_fds=(write,), stdin=subprocess.DEVNULL)
    os.close(write)
    running, since, unread = "loading it", time.monotonic(), b""
    try:
        while True:
            if select.select([read], [], [], PERIOD)[0]:
                piece = os.read(read, 1 << 16)
                *lines, unread = (unread + piece).split(b"\n")
                for line in map(json.loads, lines):
                    if "error" in line:
                        raise PluginError(line["error"])
                    running, since = line.get("begun", ""), time.monotonic()
                    if "said" in line:
                        yield line
                if not piece:
                    break
            taken, used = time.monotonic() - since, resident_mb(process.pid)
            if running and taken > seconds:
                yield _stopped(running, f"it still runs after {seconds:g} s", "a loop that ends, or --seconds more")
                return
            if used > memory_mb:
                yield _stopped(
                    running, f"it takes {used:,.0f} MB", f"smaller options, or more --memory-mb than {memory_mb}"
                )
                return
        if process.wait() != 0:
            yield _stopped(running, f"its process ended by itself, with {process.returncode}", "what it says above")
    finally:
        os.close(read)
        process.kill()
        process.wait()


def _stopped(running: str, seen: str, mend: str) -> dict[str, Any]:
    where = running or "after the last check"
    said = f"FAIL  {where}  seen: {seen}; stopped, no check after it was run; to mend it: {mend}"
    return {"passed": False, "there": True, "said": said}


def resident_mb(pid: int) -> float:
    """Memory that a process holds now, megabytes; 0 where it has ended, or where nobody tells."""
    pages = Path(f"/proc/{pid}/statm")
    try:
        return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        pass  # no Linux, or no such process
    if shutil.which("ps") is None:
        return 0.0
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(said.strip() or 0) / 1024
