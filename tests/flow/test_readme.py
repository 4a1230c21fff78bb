"""The README does what it says: every command and every line of code in it runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from alife.cli import run_command
from alife.storage import open_archive

from .worlds import write

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of each block of code."""
    return re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The `alife` commands of a page's bash blocks, in order."""
    lines = [line for kind, block in blocks(page) if kind == "bash" for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("alife ")]


def small(command: list[str]) -> list[str]:
    """The same command, so small that it takes seconds: what is given last counts."""
    if command[0] == "resume":
        return [*command, "--generations", "3"]
    if command[0] == "plan":
        return [
            *command,
            "--population",
            "2",
            "--generations",
            "2",
            "--frames",
            "2",
            "--set",
            "img_size=32",
            "--set",
            "steps=12",
        ]
    if command[0] == "search":
        budget = ["--minutes", "0.01"] if "--minutes" in command else ["--generations", "2"]
        return [*command, *budget, "--population", "4", "--frames", "2", "--set", "img_size=32", "--set", "steps=12"]
    if command[0] == "chronicle":
        tiny = ["--set", "steps=4", "--set", "img_size=32", "--frames", "2", "--model", "pixels"]
        return [*command, "--epochs", "2", *tiny]
    if command[0] == "experiment":  # minutes; what they find is on their pages
        return command[:1]
    if command[0] == "run":
        return [*command, "--size", "16", "--frames", "2", "--set", "steps=12"]
    return command


def test_everything_in_order(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("alife.browser.serve", lambda runs, **_: [open_archive(run) for run in runs])  # would go on
    python = [block for kind, block in blocks(README) if kind == "python"]
    (plugin,) = (block for block in python if block.startswith("# heat.py"))
    write(tmp_path / "heat.py", plugin)
    seen = set()
    for command in commands(README):
        assert run_command(small(command)) == 0, (command, capsys.readouterr())
        seen.add(command[0])
    assert seen >= {"search", "resume", "export", "replay", "check-archive", "check"}
    for name in ("sheet.png", "seven.gif", "table.csv"):
        assert (tmp_path / name).stat().st_size > 100
    (reading,) = (block for block in python if "open_archive" in block)
    names: dict = {}
    exec(reading, names)
    assert names["best"].frames.shape[-1] == 3 and len(names["alike"]) == 5


@pytest.mark.parametrize("page", ["archive", "searches", "scores", "scaling"])
def test_commands_of_the_pages_run(page, tmp_path, monkeypatch, capsys, request):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    if "s3://bucket" in text:
        text = text.replace("s3://bucket", request.getfixturevalue("bucket"))
    found = [command for command in commands(text) if "FIRST:" not in " ".join(command)]  # another machine
    assert found
    for command in found:
        assert run_command(small(command)) == 0, (command, capsys.readouterr())
    for block in (block for kind, block in blocks(text) if kind == "python"):
        exec(block, {})


def test_names_of_everything_that_ships_are_there():
    from alife.config import catalog_names
    from alife.registry import default_registry

    registry = default_registry()
    shipped = [*catalog_names(), *registry.substrates, *registry.models, *registry.scores, *registry.searches]
    assert [name for name in shipped if f"`{name}`" not in README] == []


@pytest.mark.parametrize("marker", ["main line", "test line"])
def test_set_up_is_one_line(marker):
    (block,) = re.findall(rf"<!-- {marker} -->\n```bash\n(.*?)```\n<!-- end -->", README, re.DOTALL)
    assert len(block.strip().splitlines()) == 1
