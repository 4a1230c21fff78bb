"""What a run needs is told from shapes, what is free is what the system says, and a run that fits is let go."""

from __future__ import annotations

from pathlib import Path

import pytest

from alife import fit
from alife.config import load_world
from alife.errors import DoesNotFit
from alife.fit import free_disk, free_memory, needs_of, require_fit
from alife.registry import default_registry
from alife.run import Setup, run_search

SMALL = {"steps": 8, "frames": 2, "img_size": 32, "options": {"size": 32}, "model": "pixels", "generations": 5}


def setup(**changes) -> Setup:
    registry = default_registry()
    return Setup(load_world("life", registry.horizons, **{**SMALL, **changes}), registry)


def test_needs_grow_with_what_makes_them_grow():
    plain = needs_of(setup(population=4))
    assert plain.lifeforms == 20 and plain.disk == 20 * plain.lifeform
    assert needs_of(setup(population=8)).generation == 2 * plain.generation
    assert needs_of(setup(population=4, generations=50)).remembered == 10 * plain.remembered
    larger = needs_of(setup(population=4, img_size=64))
    assert larger.generation - plain.generation == 4 * 3 * 2 * 3 * (64**2 - 32**2) and larger.worlds > plain.worlds
    assert needs_of(setup(population=4, clip=8)).lifeform > plain.lifeform


def test_a_run_by_the_clock_is_not_asked_for_the_disk():
    assert needs_of(setup(generations=None, minutes=1)).disk == 0


def test_a_lifeform_takes_no_less_than_is_said(tmp_path):
    """What is said is what it takes where pictures compress best, so that nobody is refused who would have fitted."""
    archive = run_search("life", out=tmp_path / "run", population=16, **SMALL)
    files = [file for file in archive.path.rglob("c.*") if "search" not in file.parts]
    assert len(archive) * needs_of(setup()).lifeform < sum(file.stat().st_size for file in files)


@pytest.mark.parametrize(
    "files, expected",
    [
        ({"memory.max": "5000", "memory.current": "2000"}, 3000),
        ({"memory.max": "max", "memory.current": "2000"}, 9000 * 1024),
        ({"memory/memory.limit_in_bytes": "700", "memory/memory.usage_in_bytes": "900"}, 0),
        ({}, 9000 * 1024),
    ],
    ids=["a limit", "no limit", "the older kind, overdrawn", "no container"],
)
def test_free_memory_is_the_least_that_anybody_allows(files, expected, tmp_path, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(fit, "CGROUP", tmp_path)
    monkeypatch.setattr(fit, "_free_of_machine", lambda: 9000 * 1024)
    assert free_memory() == expected


def test_free_disk_of_a_place_that_is_still_to_come():
    assert free_disk(Path("no/such/place")) == pytest.approx(free_disk(Path(".")), rel=0.1)


def test_what_does_not_fit_is_refused_with_figures_and_advice(monkeypatch):
    made, check = setup(population=4), require_fit(Path("runs/one"))
    check(made)
    needs = needs_of(made)
    monkeypatch.setattr(fit, "free_disk", lambda place: needs.disk - 1)
    with pytest.raises(DoesNotFit, match=r"disk.*20 times .* free for runs/one; .*--out.*--anyway"):
        check(made)
    monkeypatch.setattr(fit, "free_memory", lambda: 2 * needs.memory - 1)
    with pytest.raises(DoesNotFit, match=r"memory.*--population.*img_size.*memory_mb.*--anyway"):
        check(made)
    monkeypatch.setattr(fit, "free_disk", lambda place: needs.disk)
    monkeypatch.setattr(fit, "free_memory", lambda: None)
    check(made)
