"""Experiments: what is claimed is compared with controls seed by seed, and told whatever it is."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from alife.cli import run_command
from alife.config import catalog_names
from alife.plugins.society import TINY, experiments
from alife.plugins.society.experiments import EXPERIMENTS, Found, Run, compared, pattern, report
from alife.plugins.society.settings import DIALS
from alife.plugins.society.society import Society

PAGES = Path(__file__).resolve().parents[3] / "docs" / "experiments"


def test_a_claim_holds_where_it_holds_in_every_seed_against_every_control() -> None:
    values = {"bred": {"wits": [2.0, 3.0]}, "drift": {"wits": [1.0, 2.0]}, "founders": {"wits": [1.0, 2.9]}}
    said = report("selection", Found(values, ["wits"]), [0, 1], 4)
    assert "supported: higher in 2 of 2 against drift, 2 of 2 against founders" in said
    values["founders"]["wits"] = [1.0, 3.0]
    said = report("selection", Found(values, ["wits"]), [0, 1], 4)
    assert "not supported: higher in 2 of 2 against drift, 1 of 2 against founders" in said
    assert EXPERIMENTS["selection"].hypothesis in said and "2.5" in said  # the mean


def test_arms_differ_in_what_they_say_and_in_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "STEPS", 8)
    society, genotype = Society(**{**TINY, "brain": "eat_only"}), jnp.zeros(len(DIALS))
    run = compared({"they eat": {}, "again": {}, "they do nothing": {"brain": "zero"}}, ("eaten_per_capita",))
    told: list[str] = []
    found = run(society, genotype, [0, 1], 2, told.append)
    eaten = {arm: values["eaten_per_capita"] for arm, values in found.values.items()}
    assert eaten["they eat"] == eaten["again"] and min(eaten["they eat"]) > 0 == max(eaten["they do nothing"])
    assert len(told) == 6 and found.higher == ("eaten_per_capita",)


def test_the_arena_tells_who_eats_from_who_does_not() -> None:
    genotype = jnp.zeros(len(DIALS))
    for brain, eats in (("eat_only", True), ("zero", False)):
        arena = Run(Society(**{**TINY, "brain": brain, "births": "none", "epoch": 10**6}), genotype)
        assert (arena.arena(arena.live(0, 0), 0) > 0) == eats


def test_the_pattern_is_that_of_wolfram() -> None:
    start = np.zeros(8, bool)
    start[4] = True
    rows = ["".join("#" if bit else "." for bit in row) for row in pattern(110, start, 3)]
    assert rows == ["....#...", "...##...", "..###...", ".##.#..."]


def test_the_largest_society_is_compared_with_every_smaller_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(experiments, "STEPS", 2)
    society, genotype = Society(**{**TINY, "brain": "zero", "size": 64}), jnp.zeros(len(DIALS))
    found = EXPERIMENTS["scaling"].run(society, genotype, [0], 1, lambda line: None)
    assert list(found.values) == ["24 agents", "12 agents", "6 agents", "half the width", "half the time"]
    assert report("scaling", found, [0], 1).count("supported: higher in") == len(found.higher) == 5


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_has_a_world_and_a_page_with_what_came_out(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert EXPERIMENTS[name].world in catalog_names()
    assert EXPERIMENTS[name].hypothesis in page and f"alife experiment {name}" in page
    assert "supported: higher in" in page


def test_the_command_lists_them_and_refuses_what_is_none(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["experiment"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(EXPERIMENTS)
    assert run_command(["experiment", "bridgse"]) == 2
    assert "bridges" in capsys.readouterr().err
    assert run_command(["experiment", "bridges", "--to", str(tmp_path / "bridges.xls")]) == 2
    assert ".md or .json" in capsys.readouterr().err
