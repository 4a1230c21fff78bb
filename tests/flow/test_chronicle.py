"""One world's long life in an archive: the same life as in one go, whatever interrupts it, and its family tree."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife import open_archive
from alife.branch import branch
from alife.chronicle import chronicle, epoch_statistics, moments, resume_chronicle
from alife.chronicle_tables import phylogeny
from alife.cli import run_command
from alife.config import RunConfig
from alife.errors import BadOption, UnknownName
from alife.genotype import GenotypeSpace
from alife.registry import Registry
from alife.replay import replay
from alife.storage import Archive
from alife.worlds.engine import rollout

STEPS, EPOCHS = 8, 4


class Crowd:
    """Numbers that grow; in every third step the oldest of three dies and the next one has a child in its slot."""

    def default_params(self, rng: Any) -> Any:
        return jax.random.uniform(rng, (2,))

    def init_state(self, rng: Any, params: Any) -> Any:
        return {
            "t": jnp.int32(0),
            "id": jnp.arange(3),
            "parent": jnp.full(3, -1),
            "heat": jax.random.uniform(rng, (4,)),
        }

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        t = state["t"] + 1
        slot, newest = jnp.argmin(state["id"]), jnp.max(state["id"])
        parent = jnp.sort(state["id"])[1]
        born = (t % 3 == 0) & (jnp.arange(3) == slot)
        heat = jnp.where(params[1] > 5, jnp.where(t > 12, jnp.nan, 0.5), state["heat"])
        return {
            "t": t,
            "id": jnp.where(born, newest + 1, state["id"]),
            "parent": jnp.where(born, parent, state["parent"]),
            "heat": jnp.mod(heat + params[0] * jax.random.uniform(rng, (4,)), 1.0),
        }

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jnp.broadcast_to(state["heat"][:3], (img_size, img_size, 3))

    def measures(self, state: Any, params: Any) -> Any:
        """Numbers.

        warmth: mean, from 0 to 1
        """
        return {"warmth": state["heat"].mean()}

    def moment(self, state: Any, params: Any) -> Any:
        return {"hottest": state["heat"].max(), "time": state["t"].astype(jnp.float32)}

    def individuals(self, state: Any, params: Any) -> Any:
        return {"id": state["id"], "parent": state["parent"]}


class Silent(Crowd):
    """Tells nothing of its steps."""

    moment = individuals = None  # type: ignore[assignment]


def config(**changes: Any) -> RunConfig:
    values = {"substrate": "Crowd", "steps": STEPS, "frames": 2, "img_size": 16, "model": "pixels", "seed": 3}
    return RunConfig(**{**values, "score": "open_ended", "generations": EPOCHS, **changes})


@pytest.fixture(scope="module")
def registry() -> Registry:
    made = Registry()
    made.take(Crowd)
    made.take(Silent)
    return made


@pytest.fixture(scope="module")
def life(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return chronicle(config(), out=tmp_path_factory.mktemp("lives") / "whole", registry=registry)


def contents(archive: Archive) -> list[Any]:
    rows = [archive[i] for i in range(len(archive))]
    return [
        [row.frames.tobytes(), row.embedding.tobytes(), row.measures, row.score, row.parents]
        + [values.tobytes() for _, values in sorted((row.states or {}).items())]
        for row in rows
    ]


def test_a_life_in_epochs_is_the_life_in_one_go(life: Archive, registry: Registry) -> None:
    draw_key, key = jax.random.split(jax.random.key(3, impl="threefry2x32"))
    space = GenotypeSpace(Crowd(), "crowd")
    params = space.unflatten(space.sample(draw_key, 1)[0])
    whole = rollout(Crowd(), key, params, steps=STEPS * EPOCHS, frames=2 * EPOCHS, img_size=16, as_bytes=True)
    assert np.array_equal(np.concatenate([life[i].frames for i in range(EPOCHS)]), whole.frames)
    assert life[EPOCHS - 1].measures["warmth"] == float(whole.measures["warmth"])
    assert [life[i].parents for i in range(EPOCHS)] == [(), (0,), (1,), (2,)]


def test_a_life_that_is_interrupted_goes_on_as_if_it_had_not_been(
    life: Archive, registry: Registry, tmp_path: Path
) -> None:
    for generations in (1, 3, EPOCHS):
        if generations == 1:
            chronicle(config(generations=1), out=tmp_path / "parts", registry=registry)
        else:
            resume_chronicle(tmp_path / "parts", registry=registry, budget={"generations": generations})
    assert contents(open_archive(tmp_path / "parts")) == contents(life)
    other = chronicle(config(seed=4), out=tmp_path / "other", registry=registry)
    assert contents(other) != contents(life)


def test_it_stops_when_it_is_asked_to_and_keeps_what_was(life: Archive, registry: Registry, tmp_path: Path) -> None:
    told: list[int] = []
    part = chronicle(
        config(),
        out=tmp_path / "part",
        registry=registry,
        stop=lambda: len(told) == 2,
        tell=lambda report: told.append(report.steps),
    )
    assert told == [STEPS, 2 * STEPS]
    assert contents(part) == contents(life)[:2]


def test_every_step_leaves_its_numbers(life: Archive) -> None:
    numbers = moments(life)
    assert numbers["time"].tolist() == list(range(1, STEPS * EPOCHS + 1))
    statistics = epoch_statistics(life, bins=4)["time"]
    assert statistics.mean.tolist() == [4.5, 12.5, 20.5, 28.5]
    assert (statistics.low[1], statistics.high[1]) == (9, 16)
    assert statistics.histogram.tolist() == [[8, 0, 0, 0], [0, 8, 0, 0], [0, 0, 8, 0], [0, 0, 0, 8]]


def test_the_family_tree_of_those_in_it(life: Archive, tmp_path: Path) -> None:
    tree = phylogeny(life)
    births = STEPS * EPOCHS // 3
    assert tree["id"].tolist() == list(range(3 + births))
    assert tree["parent"].tolist() == [-1, -1, -1, *range(1, births + 1)]
    assert tree["origin_time"].tolist() == [0, 0, 0, *range(3, STEPS * EPOCHS + 1, 3)]
    assert tree["destruction_time"].tolist()[:-3] == list(range(3, STEPS * EPOCHS + 1, 3))
    assert np.isinf(tree["destruction_time"][-3:]).all()
    assert tree["generation"].tolist()[:9] == [0, 0, 0, 1, 1, 2, 2, 3, 3]
    assert run_command(["export", str(life.path), "--table", "individuals", "--to", str(tmp_path / "who.csv")]) == 0
    with (tmp_path / "who.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[4] == {
        "id": "4", "ancestor_list": "[2]", "origin_time": "6", "destruction_time": "15.0", "generation": "1"
    }  # fmt: skip
    assert list(rows[0])[:4] == ["id", "ancestor_list", "origin_time", "destruction_time"]


def test_every_epoch_replays_to_the_same_bytes(life: Archive, registry: Registry) -> None:
    assert [verdict.verdict for verdict in replay(life, [1, 3], registry)] == ["same bytes"] * 2


def test_films_and_sheets_show_it_in_order(life: Archive, tmp_path: Path) -> None:
    import imageio.v3 as imageio

    assert run_command(["export", str(life.path), "--to", str(tmp_path / "life.gif")]) == 0
    assert run_command(["export", str(life.path), "--to", str(tmp_path / "life.png")]) == 0
    film = imageio.imread(tmp_path / "life.gif")
    stored = np.concatenate([life[i].frames for i in range(EPOCHS)])
    assert np.abs(film[..., :3].astype(int)[:, 8, 8] - stored[:, 8, 8]).max() < 24  # a gif has few colours


def test_a_world_that_breaks_ends_its_chronicle_and_loses_nothing(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="epoch 1 of this world gives NaN"):
        chronicle(config(genotype=[0.5, 9.0]), out=tmp_path / "broken", registry=registry)
    assert len(open_archive(tmp_path / "broken")) == 1


def test_a_wrong_score_is_said_before_anything_is_written(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="warmht"):
        chronicle(config(score="warmht"), out=tmp_path / "none", registry=registry)
    assert not (tmp_path / "none").exists()


def test_a_search_begins_with_the_genotype_of_a_life(life: Archive, registry: Registry) -> None:
    begun = branch(str(life.path), None, registry)
    assert begun.search == {} and begun.population == 16 and begun.genotype == [life[0].genotype.tolist()] * EPOCHS


def test_what_is_no_chronicle_says_so(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str], life: Archive
) -> None:
    quiet = chronicle(config(substrate="Silent", generations=1), out=tmp_path / "quiet", registry=registry)
    assert run_command(["export", str(quiet.path), "--table", "individuals", "--to", str(tmp_path / "a.csv")]) == 2
    assert "does not tell who lives in it" in capsys.readouterr().err
    assert run_command(["export", str(quiet.path), "--table", "moments", "--to", str(tmp_path / "a.csv")]) == 2
    assert "tells no numbers of its steps" in capsys.readouterr().err
    assert run_command(["export", str(life.path), "1", "--table", "moments", "--to", str(tmp_path / "a.csv")]) == 2
    assert run_command(["export", str(life.path), "--table", "moments", "--to", str(tmp_path / "a.png")]) == 2
    assert not list(tmp_path.glob("a.*"))


def test_the_command_lives_resumes_and_says_what_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, small = str(tmp_path / "run"), ["--set", "img_size=16", "--model", "pixels", "--frames", "2"]
    tiny = [*small, "--set", "steps=4", "--set", "options.width=32", "--set", "options.rows=16"]
    assert run_command(["chronicle", "rule110", "--epochs", "2", "--out", place, *tiny]) == 0
    said = capsys.readouterr()
    assert "epoch 2: step 8" in said.err and f"alife resume {place} --generations 4" in said.out
    assert run_command(["resume", place, "--generations", "3"]) == 0
    assert len(open_archive(place)) == 3
    assert run_command(["resume", place]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run_command(["chronicle", "rule110", "--out", place, *tiny]) == 2
