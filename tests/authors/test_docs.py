"""The pages for authors do what they say: every block runs, in order, and no hook or ability is missing."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import pytest

from alife import hookspecs
from alife.cli import run_command
from alife.loading import HOOKS
from alife.registry import default_registry
from alife.substrate import ABILITIES
from alife.testing import check_substrate

from ..flow.test_readme import ROOT, blocks, small

UNUSED = {"reward"}
"""Abilities that nothing which is always there has: tasks come from other libraries, see docs/substrates/envs.md."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("alife.browser.serve", lambda runs, **_: None)  # would go on


@pytest.mark.parametrize("name", ["write_a_substrate", "plugins"])
def test_every_block_runs_in_order(name, tmp_path, monkeypatch, capsys):
    ran = []
    for kind, block in blocks((ROOT / "docs" / f"{name}.md").read_text("utf-8")):
        file = re.match(r"# (\w+\.py)\n", block)
        if kind == "python" and file:
            Path(file[1]).write_text(block)
        elif kind == "python":
            exec(block.replace("steps=20)", "steps=4, img_size=32)"), {"__name__": "page"})
        for line in block.splitlines() if kind == "bash" else ():
            if line.startswith("cd "):
                monkeypatch.chdir(line.removeprefix("cd "))
                monkeypatch.syspath_prepend(str(Path.cwd()))
            else:
                command = shlex.split(line, comments=True)[1:]
                command += ["--no-picture"] if command[0] == "new" else []
                assert run_command(small(command)) == 0, (line, capsys.readouterr().err)
                ran.append(command[0])
    assert {"check", "search"} <= set(ran)


def test_what_the_page_about_abilities_shows_keeps_the_contract():
    page = (ROOT / "docs" / "abilities.md").read_text("utf-8")
    ((_, block),) = blocks(page)
    names: dict = {}
    exec(block, names)
    assert [str(result) for result in check_substrate(names["Rings"]) if not result.passed] == []
    assert [ability for ability in ABILITIES if not hasattr(names["Rings"], ability)] == []
    assert sorted(re.findall(r"^\| `(\w+)", page, re.MULTILINE)) == sorted(ABILITIES)


@pytest.mark.parametrize("ability", [name for name in ABILITIES if name not in UNUSED])
def test_every_ability_is_used_by_something_that_ships(ability):
    page = (ROOT / "docs" / "abilities.md").read_text("utf-8")
    (row,) = re.findall(rf"^\| `{ability}\b.*$", page, re.MULTILINE)
    (example,) = re.findall(r"\.\./plugins/(\w+)\.py", row)
    assert hasattr(default_registry().substrates[example].make(), ability)


def test_the_hooks_are_those_of_the_program():
    page = (ROOT / "docs" / "plugins.md").read_text("utf-8")
    (table,) = re.findall(r"<!-- hooks -->\n(.*?)<!-- end -->", page, re.DOTALL)
    told = dict(re.findall(r"^\| `(\w+\(\w+\))` \| (.*?) \|$", table, re.MULTILINE))
    assert {text.partition("(")[0] for text in told} == set(HOOKS)
    for name in HOOKS:
        hook = getattr(hookspecs, name)
        (argument,) = inspect.signature(hook).parameters
        assert told[f"{name}({argument})"] == (inspect.getdoc(hook) or "").partition("\n")[0]
