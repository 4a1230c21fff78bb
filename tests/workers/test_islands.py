"""Islands, led without processes: what they find, exchange, lose and take up again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alife.config import RunConfig, load_world
from alife.errors import AlifeError
from alife.lifeforms import layout_of
from alife.registry import default_registry
from alife.run import run_search
from alife.setup import Setup
from alife.storage import Archive, check_archive, create_union, open_archive, resume_union
from alife.types import OPERATORS
from alife.workers.islands import DEATHS, Islands
from alife.workers.run import require_suited

from ..storage.contents import content
from .crews import Crew

WORLD: dict[str, Any] = {
    "steps": 4,
    "frames": 2,
    "population": 4,
    "generations": 6,
    "img_size": 16,
    "options": {"n_particles": 24},
    "model": {"name": "pixels"},
}


def config_of(**changed: Any) -> RunConfig:
    return load_world("particle_life", default_registry().horizons, **{**WORLD, **changed})


def islands(path: Path, count: int, crew: Crew, **changed: Any) -> tuple[Archive, Islands]:
    """A new run of so many islands."""
    setup = Setup(config_of(**changed), default_registry())
    evaluator, config = setup.pipeline.evaluator, setup.config
    layout = layout_of(evaluator, config.substrate, clip=False, peak=None)
    said = {"config": config.as_json(), "provenance": setup.pipeline.provenance()}
    with create_union(path, layout, **said) as root:
        led = Islands(setup, root, crew, count)
        led.run(lambda: False)
    return open_archive(path), led


def again(path: Path, crew: Crew, count: int, **changed: Any) -> tuple[Archive, Islands]:
    """The same run, taken up."""
    setup = Setup(config_of(**changed), default_registry())
    with resume_union(path) as root:
        led = Islands(setup, root, crew, count)
        led.run(lambda: False)
    return open_archive(path), led


def rows(archive: Archive, *, but: tuple[str, ...] = ("config",)) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in but} for row in content(archive)]


@pytest.mark.parametrize("search", ["map_elites", "Sep_CMA_ES"])
def test_one_worker_finds_what_a_search_alone_finds(tmp_path: Path, search: str) -> None:
    found, _ = islands(tmp_path / "workers", 1, Crew(1), search={"name": search})
    alone = run_search(config_of(search={"name": search}), out=tmp_path / "alone")
    assert len(found) > 6 and rows(found) == rows(alone)
    np.testing.assert_array_equal(found.column("parent"), alone.column("parent"))


def test_islands_are_of_one_seed_and_differ(tmp_path: Path) -> None:
    first, _ = islands(tmp_path / "one", 2, Crew(2), migrate=0, search={"name": "random"})
    second, _ = islands(tmp_path / "two", 2, Crew(2, seed=5), migrate=0, search={"name": "random"})
    assert first.island_count == 2 and first.island.tolist() != second.island.tolist(), "they come in another order"
    by_island = [
        [sorted((row["evaluation"], row["genotype"]) for row, at in zip(rows(one), one.island, strict=True) if at == i)
         for i in range(2)]
        for one in (first, second)
    ]  # fmt: skip
    assert by_island[0] == by_island[1], "and find the same"
    assert not {genotype for _, genotype in by_island[0][0]} & {genotype for _, genotype in by_island[0][1]}


@pytest.mark.parametrize("search", ["map_elites", "illuminate", "CMA_ES"])
def test_what_one_finds_goes_to_the_next(tmp_path: Path, search: str) -> None:
    archive, _ = islands(tmp_path / "run", 3, Crew(3), migrate=2, generations=8, search={"name": search})
    columns = archive.table()
    came = np.flatnonzero(columns["operator"] == OPERATORS.index("migrant"))
    assert len(came) >= 3
    parents = columns["parent"][came, 0]
    assert (parents >= 0).all() and (parents < came).all() and (columns["parent"][came, 1] == -1).all()
    assert (archive.island[parents] != archive.island[came]).all()
    same = [
        bool(np.array_equal(archive[int(a)].genotype, archive[int(b)].genotype))
        for a, b in zip(came, parents, strict=True)
    ]
    assert all(same) or search == "CMA_ES", "an algorithm with a step size takes no more than a step towards them"
    assert archive[int(came[0])].operator == "migrant"


def test_nobody_goes_anywhere_where_migration_is_off(tmp_path: Path) -> None:
    archive, _ = islands(tmp_path / "run", 2, Crew(2), migrate=0, search={"name": "map_elites"})
    assert OPERATORS.index("migrant") not in archive.column("operator")


def test_novelty_counts_what_the_others_have_found(tmp_path: Path) -> None:
    aim: dict[str, Any] = {"score": "novelty", "search": {"name": "random"}, "migrate": 0}
    archive, _ = islands(tmp_path / "run", 2, Crew(2), **aim)
    alone = run_search(config_of(**aim), out=tmp_path / "alone").column("score")
    here = archive.column("score")[archive.island == 0]
    assert (here <= alone + 1e-7).all() and (here < alone - 1e-7).any(), "the same worlds are less new among more"


@pytest.mark.parametrize("seed", range(2))
def test_workers_that_are_lost_lose_nothing_that_was_acknowledged(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    lost: list[str] = []

    def lose(worker: Any, method: str, turn: int) -> str:
        fate = str(random.choice(["before", "after", ""], p=[0.15, 0.15, 0.7])) if len(lost) < 8 and turn > 6 else ""
        fate = fate if method == "work" else ""
        lost.extend([fate] if fate else [])
        return fate

    crew = Crew(3, lose, seed)
    archive, led = islands(tmp_path / "run", 3, crew, migrate=2, generations=8, search={"name": "map_elites"})
    assert lost and crew.hired == 3 + len(lost)
    assert check_archive(archive.path).ok and len(archive) == sum(led.root.counts)
    columns = archive.table()
    for island in range(3):
        mine = archive.island == island
        assert columns["generation"][mine].max() == 7
        numbers = columns["evaluation"][mine]
        assert (np.diff(numbers) > 0).all(), "no world counts twice"
    assert ((columns["parent"] < columns["id"][:, None]) & (columns["parent"] >= -1)).all()


@pytest.mark.parametrize("fate", ["before", "after"])
def test_an_island_goes_on_as_if_its_worker_had_never_been_lost(tmp_path: Path, fate: str) -> None:
    def lose(worker: Any, method: str, turn: int) -> str:
        return fate if method == "work" and turn in (4, 7, 9) else ""

    undisturbed, _ = islands(tmp_path / "whole", 1, Crew(1), search={"name": "map_elites"})
    disturbed, led = islands(tmp_path / "lost", 1, Crew(1, lose), search={"name": "map_elites"})
    assert len(led.root.stores) > 1 and rows(disturbed) == rows(undisturbed)
    np.testing.assert_array_equal(disturbed.column("parent"), undisturbed.column("parent"))
    np.testing.assert_array_equal(disturbed.column("replaced"), undisturbed.column("replaced"))


def test_goes_on_where_it_was_left_with_more_islands_or_fewer_workers(tmp_path: Path) -> None:
    before, _ = islands(tmp_path / "run", 2, Crew(2), generations=3, search={"name": "map_elites"})
    kept = rows(before)
    same, _ = again(tmp_path / "run", Crew(1), 1, generations=5, search={"name": "map_elites"})
    assert same.island_count == 2 and rows(same)[: len(kept)] == kept
    assert [same.table()["generation"][same.island == i].max() for i in range(2)] == [4, 4], "they took turns"
    more, led = again(tmp_path / "run", Crew(3), 3, generations=5, search={"name": "map_elites"})
    assert more.island_count == 3 and led.tally.least == 5
    assert check_archive(more.path).ok


def test_islands_take_turns_where_there_are_fewer_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alife.workers.islands.STINT", 0.0)
    monkeypatch.setattr("alife.workers.islands.TURN", 0.0)
    islands(tmp_path / "run", 3, Crew(3), generations=1, search={"name": "random"}, migrate=0)
    archive, led = again(tmp_path / "run", Crew(1), 1, generations=None, evaluations=96, search={"name": "random"})
    each = led.tally.generations.values()
    assert max(each) - min(each) <= 4 and sum(each) >= 24
    assert check_archive(archive.path).ok and archive.progress["evaluations"] == 4 * sum(each)


def test_a_budget_of_worlds_is_that_of_all_islands(tmp_path: Path) -> None:
    archive, _ = islands(
        tmp_path / "run", 2, Crew(2), generations=None, evaluations=40, search={"name": "random"}, migrate=0
    )
    assert 40 <= archive.progress["evaluations"] <= 48


def test_a_target_that_one_reaches_ends_all(tmp_path: Path) -> None:
    archive, led = islands(tmp_path / "run", 2, Crew(2), target=-99.0, search={"name": "random"}, generations=50)
    assert "target" in led.tally.why_stop() and archive.progress["evaluations"] < 50


def test_an_island_that_nobody_survives_ends_the_run_with_words(tmp_path: Path) -> None:
    crew = Crew(1, lambda worker, method, turn: "before" if method == "work" else "")
    with pytest.raises(AlifeError, match=f"{DEATHS} workers of island 0 were lost.*alife resume"):
        islands(tmp_path / "run", 1, crew)
    assert crew.hired == DEATHS, "each is counted once"
    assert len(open_archive(tmp_path / "run")) == 0


def test_workers_of_another_make_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def other(self: Any) -> dict[str, Any]:
        found = known(self)
        return {**found, "versions": {**found["versions"], "jax": "0.0.1"}} if here.pop() else found

    from alife.pipeline import Pipeline

    known: Callable[[Any], dict[str, Any]] = Pipeline.provenance
    here = [False, True, False, False]
    monkeypatch.setattr(Pipeline, "provenance", other)
    with pytest.raises(AlifeError, match=r"another make.*versions jax: .* here, 0\.0\.1 there"):
        islands(tmp_path / "run", 1, Crew(1))


def test_what_a_worker_cannot_write_ends_the_run_and_loses_nothing(tmp_path: Path) -> None:
    before, _ = islands(tmp_path / "run", 1, Crew(1), generations=2, search={"name": "random"})
    count = len(before)
    (tmp_path / "run" / "islands" / "0.1").write_text("in the way")
    with pytest.raises(AlifeError, match=r"islands/0\.1"):
        again(tmp_path / "run", Crew(1), 1, generations=4, search={"name": "random"})
    (tmp_path / "run" / "islands" / "0.1").unlink()
    after, _ = again(tmp_path / "run", Crew(1), 1, generations=4, search={"name": "random"})
    assert len(after) == 2 * count


def test_a_list_of_worlds_is_not_for_islands() -> None:
    config = load_world("rule_sweep", default_registry().horizons)
    with pytest.raises(AlifeError, match="every island would go through the same"):
        require_suited(Setup(config, default_registry()))
