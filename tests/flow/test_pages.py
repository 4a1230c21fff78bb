"""Every substrate has a page that tells the truth: its names are all there, its picture too, its commands run."""

from __future__ import annotations

import re
import shlex
from itertools import takewhile
from pathlib import Path

import jax
import pytest

from alife.cli import run_command
from alife.config import catalog_names, catalog_summary
from alife.registry import default_registry
from alife.worlds.engine import rollout

from .test_readme import small

SHARED = {"alife.plugins.envs": "envs", "alife.plugins.physics": "physics"}
"""Plugins whose substrates have one page together."""
PAGES = Path(__file__).resolve().parents[2] / "docs" / "substrates"
LARGEST_PICTURE = 400_000
"""Bytes; a page is read on a phone."""


@pytest.fixture(params=default_registry().substrates.values(), ids=lambda entry: entry.name)
def entry(request):
    return request.param


@pytest.fixture
def page(entry):
    return page_of(entry).read_text("utf-8")


def page_of(entry) -> Path:
    return PAGES / f"{SHARED.get(entry.plugin, entry.name)}.md"


def test_its_names_are_all_there(entry, page):
    substrate = entry.make(**entry.test_options)
    run = rollout(substrate, jax.random.key(0), substrate.default_params(jax.random.key(1)), steps=1, img_size=8)
    worlds = [name for name in catalog_names() if catalog_summary(name)[0] == entry.name]
    assert len(worlds) >= 3 or entry.needs  # a world that ships runs everywhere
    for name in [entry.name, *worlds, *run.measures, *substrate.parameters()]:
        assert f"`{name}`" in page, name


def test_its_pictures_exist(entry, page):
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)
    assert pictures
    for picture in pictures:
        assert 1000 < (PAGES / picture).stat().st_size < LARGEST_PICTURE


def test_its_commands_run(entry, page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```bash\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("alife ")]
    if entry.plugin in SHARED:
        lines = [line for line in lines if entry.name in line.split()]
    assert any(line.startswith(("alife run", "alife search")) for line in lines)
    for line in lines:
        command = small(shlex.split(line, comments=True)[1:])
        if command[0] == "run":  # of several worlds the first one: each of the catalog is run by test_runs.py
            worlds = list(takewhile(lambda word: not word.startswith("-"), command[1:]))
            assert {*worlds} <= {*catalog_names(), *default_registry().substrates}
            command = [command[0], worlds[0], *command[1 + len(worlds) :]]
        assert run_command(command) == 0, (line, capsys.readouterr().err)


@pytest.mark.parametrize("page", sorted(path.stem for path in PAGES.glob("*.md") if "```python" in path.read_text()))
def test_its_python_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", (PAGES / f"{page}.md").read_text("utf-8"), re.DOTALL):
        exec(block, {})


def test_every_page_is_of_a_substrate_that_ships():
    known = default_registry().substrates
    assert {*PAGES.glob("*.md")} == {page_of(entry) for entry in (*known.values(), *known.absent.values())}
