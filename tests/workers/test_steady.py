"""One search whose worlds others run: order of arrival, losses, and what is on its way when a run is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from alife.errors import AlifeError
from alife.lifeforms import layout_of
from alife.registry import default_registry
from alife.replay import replay
from alife.run import keys_of_generation
from alife.setup import Setup
from alife.storage import Archive, check_archive, create_archive, open_archive, resume_archive
from alife.workers.run import require_suited
from alife.workers.steady import Steady

from .crews import Crew
from .test_islands import config_of, rows


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """How far workers are ahead must not hang on how long this machine takes."""
    monkeypatch.setattr("alife.workers.steady.COVER", 0.0)


def steady(path: Path, crew: Crew, stop: int | None = None, **changed: Any) -> tuple[Archive, Steady]:
    """A new run, or one that is taken up; left after so many generations."""
    setup = Setup(config_of(steady=True, **changed), default_registry())
    require_suited(setup)
    evaluator, config = setup.pipeline.evaluator, setup.config
    layout = layout_of(evaluator, config.substrate, clip=False, peak=None)
    said = {"config": config.as_json(), "provenance": setup.pipeline.provenance()}
    with resume_archive(path) if path.exists() else create_archive(path, layout, **said) as writer:
        led = Steady(setup, writer, crew)
        led.run(lambda: stop is not None and writer.generation + 1 >= stop)
    return open_archive(path), led


@pytest.mark.parametrize("search", ["map_elites", "illuminate", "natural_niches", "Sep_CMA_ES", "random"])
def test_worlds_count_in_the_order_in_which_they_end(tmp_path: Path, search: str) -> None:
    archive, _ = steady(tmp_path / "run", Crew(3, seed=1), search={"name": search})
    assert archive.generation == 5 and check_archive(archive.path).ok
    columns = archive.table()
    assert (np.diff(columns["evaluation"]) > 0).all() and archive.progress["evaluations"] == 24
    assert ((columns["parent"] < columns["id"][:, None]) & (columns["parent"] >= -1)).all()
    assert len({tuple(seed) for seed in columns["seed"].tolist()}) == len(archive), "each ran with a key of its own"
    other, _ = steady(tmp_path / "other", Crew(3, seed=2), search={"name": search})
    assert rows(other) != rows(archive), "another order is another run"
    again, _ = steady(tmp_path / "again", Crew(3, seed=1), search={"name": search})
    assert rows(again) == rows(archive), "the same order is the same run"


def test_everything_that_is_found_can_be_run_again(tmp_path: Path) -> None:
    archive, _ = steady(tmp_path / "run", Crew(2, seed=4), search={"name": "map_elites"})
    verdicts = list(replay(archive, range(min(4, len(archive)))))
    assert verdicts and all(verdict.verdict == "same bytes" for verdict in verdicts)


def test_lineage_is_that_of_the_search(tmp_path: Path) -> None:
    """Who mutates a genotype by nothing shows by its children who their parents are."""
    still = {"name": "map_elites", "sigma": 1e-9, "line": 0}
    archive, _ = steady(tmp_path / "run", Crew(3, seed=1), search=still, generations=10)
    born = [life for life in archive if life.parents]
    assert born
    for life in born:
        np.testing.assert_allclose(life.genotype, archive[life.parents[0]].genotype, atol=1e-4)


@pytest.mark.parametrize("seed", range(2))
def test_a_lost_worker_loses_no_world(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    lost: list[int] = []

    def lose(worker: Any, method: str, turn: int) -> str:
        if method == "observe" and random.random() < 0.2 and len(lost) < 20:
            lost.append(turn)
            return str(random.choice(["before", "after"]))
        return ""

    crew = Crew(3, lose, seed)
    archive, led = steady(tmp_path / "run", crew, search={"name": "random"}, generations=12)
    assert lost and archive.progress["evaluations"] == 48 == len(archive)
    ran = {tuple(seed) for seed in archive.column("seed").tolist()}
    keys = [keys_of_generation(led.setup.generation_key, number, 4)[1] for number in range(led.asked)]
    asked = {tuple(words) for some in keys for words in jax.random.key_data(some).tolist()}
    assert len(ran) == 48 and ran <= asked, "each once, and only what was asked for"


def test_what_is_on_its_way_is_run_again_when_a_run_is_taken_up(tmp_path: Path) -> None:
    before, led = steady(tmp_path / "run", Crew(3), 3, search={"name": "map_elites"}, generations=9)
    kept = rows(before)
    again = Steady(led.setup, resume_archive(tmp_path / "run"), Crew(3))
    waiting = {tuple(one.words.tolist()) for one in again.queue}
    assert again.asked == led.asked and len(waiting) >= 3
    again.searching.writer.close()
    after, _ = steady(tmp_path / "run", Crew(3), search={"name": "map_elites"}, generations=9)
    assert rows(after)[: len(kept)] == kept and after.generation == 8


def test_one_slow_world_holds_nobody_up(tmp_path: Path) -> None:
    """All others go on, and it counts when it ends."""
    slow: list[Any] = []

    class Slow(Crew):
        def done(self, calls: Any, seconds: float) -> list[Any]:
            first = next((call for call in calls if self.waiting[id(call.worker)] and id(call.worker) in slow), None)
            if first is not None and self.turn < 40:
                calls = [call for call in calls if id(call.worker) not in slow]
            return super().done(calls, seconds)

    crew = Slow(3)
    kept = crew.hire

    def hire(work: type) -> Any:
        worker = kept(work)
        slow.extend([] if slow else [id(worker)])
        return worker

    crew.hire = hire  # type: ignore[method-assign]
    archive, _ = steady(tmp_path / "run", crew, search={"name": "random"}, generations=12)
    assert len(archive) == 48


def test_who_must_be_told_in_order_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AlifeError, match=r"order, and --steady tells.*use --search map_elites"):
        steady(tmp_path / "run", Crew(1), search={"name": "PSO"})
