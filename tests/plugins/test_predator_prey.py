"""Energy is accounted for, nobody is eaten twice, children are like their parents, and drift lends brains to others."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.predator_prey import PredatorPrey
from alife.plugins.predator_prey_births import bear
from alife.plugins.predator_prey_brain import SECTORS, look, surroundings, turned
from alife.plugins.predator_prey_life import Life, animals_at, cell_of, graze, heads, hunt
from alife.plugins.predator_prey_values import VALUES, World, world_of

KEY = jax.random.key(0)
SMALL: dict[str, Any] = {
    "n_prey": 80,
    "n_predators": 20,
    "size": 20,
    "prey_founders": 40,
    "predator_founders": 8,
    "hidden": 4,
}
PLAIN = world_of(dict.fromkeys(VALUES, jnp.float32(0)))


@pytest.fixture(scope="module")
def small() -> PredatorPrey:
    return PredatorPrey(**SMALL)


@pytest.fixture(scope="module")
def step(small: PredatorPrey):
    return jax.jit(small.step_state)


@pytest.fixture(scope="module")
def drift():
    """A step of another world: without selection, and without founders to come."""
    return jax.jit(PredatorPrey(**SMALL, selection="drift", reseed="none").step_state)


@pytest.fixture(scope="module")
def start(small: PredatorPrey) -> Life:
    return small.init_state(KEY, PLAIN)


@pytest.fixture(scope="module")
def lived(step, start: Life) -> Life:
    """The first 401 moments of a small world, along a leading axis."""
    moments = [start]
    for i in range(400):
        moments.append(step(jax.random.fold_in(KEY, i), moments[-1], PLAIN))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *moments)


def at(lived: Life, i: int) -> Life:
    return jax.tree.map(lambda leaf: leaf[i], lived)


@jax.jit
def catch(x: jax.Array, can: jax.Array, reach: jax.Array, turn: jax.Array) -> tuple[jax.Array, jax.Array]:
    return hunt(x, cell_of(x, 10), can, reach, 10, turn)


def changed(state: Life, **animals: Any) -> Life:
    return state._replace(animals=state.animals._replace(**animals))


def only(state: Life, *slots: int) -> Life:
    """The same world in which nobody else lives."""
    alive = jnp.zeros(len(state.animals.alive), bool).at[jnp.array(slots, jnp.int32)].set(True)
    return changed(state, alive=alive, energy=jnp.where(alive, 1.0, 0.0))


# --- space


@pytest.mark.parametrize("ahead", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_the_world_has_no_edge(small: PredatorPrey, step, start: Life, ahead: tuple[int, int]) -> None:
    """Who leaves on one side comes in on the other, as far on as anywhere else."""
    heading = jnp.broadcast_to(jnp.array(ahead, jnp.float32), (100, 2))
    edge = jnp.where(heading > 0, small.size - 1e-3, jnp.where(heading < 0, 1e-3, 7.0))
    genome = jnp.zeros_like(start.animals.genome)  # straight on, at half of the greatest speed
    crossing = only(changed(start, x=edge, heading=heading, genome=genome), 0)
    away = step(KEY, crossing, PLAIN).animals.x[0] - edge[0]
    moved = (np.asarray(away) + small.size / 2) % small.size - small.size / 2
    assert moved == pytest.approx(np.array(ahead) * 0.5 * float(PLAIN.prey_speed), abs=1e-4)


def test_a_predator_catches_across_the_edge() -> None:
    x = jnp.array([[0.1, 5.0], [9.9, 5.0]])
    caught, target = catch(x, jnp.ones(2, bool), jnp.array([0.9]), jnp.int32(0))
    assert caught.tolist() == [True] and target.tolist() == [0]


def test_what_is_seen_turns_with_the_animal_and_goes_round_the_edge() -> None:
    """Prey in one corner are ahead on the left of whoever looks at them so, from whichever side."""
    prey = jnp.array([[0.5, 0.5]])
    counts = [animals_at(cell_of(prey, 16), jnp.ones(1, bool), 256), jnp.zeros(256)]
    fields = surroundings(jnp.zeros((16, 16)), counts, jnp.float32(1))
    angle = np.deg2rad(30)
    glance = jax.jit(lambda place, heading: look(place, heading, fields, jnp.zeros(1), jnp.float32(6)))
    for turn in np.arange(4) * np.pi / 2 + 0.1:
        heading = jnp.array([[np.cos(turn), np.sin(turn)]], jnp.float32)
        way = 6 * np.array([np.cos(turn + angle), np.sin(turn + angle)])
        place = (jnp.array([[0.5, 0.5]]) - way.astype(np.float32)) % 16
        seen = glance(place, heading)[0, :-2].reshape(-1, 3)
        assert int(jnp.argmax(seen[1 + SECTORS :, 1])) == 0


def test_a_turn_is_a_rotation_to_the_left() -> None:
    after = turned(jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([1.0, 0.0]))
    assert np.rad2deg(np.arctan2(float(after[0, 1]), float(after[0, 0]))) == pytest.approx(33.4, abs=0.1)
    assert after[1].tolist() == [0, 1]


# --- energy


def test_energy_changes_by_growth_and_upkeep_alone(small: PredatorPrey, lived: Life) -> None:
    told = {name: np.asarray(v) for name, v in jax.vmap(lambda s: small.moment(s, PLAIN))(lived).items()}
    total = told["plants"].astype(float) + told["prey_energy"] + told["predator_energy"]
    flow = told["grown"].astype(float) + told["placed"] - told["spent"] - told["wasted"]
    np.testing.assert_allclose(np.diff(total), flow[1:], atol=1e-3)
    assert told["grazed"].sum() > 10 and told["hunted"].sum() > 10 and told["prey_births"].sum() > 0


def test_a_crowd_in_one_cell_eats_no_more_than_there_is() -> None:
    plants, cell = jnp.ones((2, 2)), jnp.zeros(30, jnp.int32)
    left, eaten = graze(plants, cell, jnp.ones(30, bool).at[0].set(False), jnp.float32(0.1))
    assert left.reshape(-1).tolist() == [0, 1, 1, 1]
    assert float(jnp.sum(eaten)) == pytest.approx(1, abs=1e-5) and eaten[0] == 0 and np.ptp(eaten[1:]) == 0


@pytest.mark.parametrize("turn", range(3))
def test_a_prey_is_eaten_once(turn: int) -> None:
    """Three predators at one prey: one gets it; the others nothing, though they touch it."""
    x = jnp.array([[5.0, 5.0], [1.0, 1.0], [5.1, 5.0], [5.0, 5.1], [4.9, 5.0]])
    reach = jnp.full(2, 0.9)
    caught, target = catch(x, jnp.ones(5, bool), reach, jnp.int32(turn))
    assert caught.tolist() == [True, False] and sorted(target.tolist()) == [0, 2, 2]
    caught, _ = catch(x, jnp.array([True, True, False, False, False]), reach, jnp.int32(turn))
    assert not caught.any()


def test_who_is_gone_was_caught_or_has_starved(small: PredatorPrey, lived: Life) -> None:
    alive, uid = np.asarray(lived.animals.alive), np.asarray(lived.animals.uid)
    gone = alive[:-1] & ~(alive[1:] & (uid[1:] == uid[:-1]))
    caught, starved = np.asarray(lived.flows.caught)[1:], np.asarray(lived.flows.starved)[1:]
    assert np.array_equal(gone[:, : small.n_prey].sum(1), caught + starved[:, 0]) and caught.sum() > 10
    assert np.array_equal(gone[:, small.n_prey :].sum(1), starved[:, 1])


def test_full_plants_hide_prey(small: PredatorPrey, step, start: Life) -> None:
    """Half a cell away it is caught on bare ground, and not among plants."""
    x = jnp.zeros_like(start.animals.x).at[0].set(jnp.array([5.5, 5.5])).at[80].set(jnp.array([5.5, 6.0]))
    genome = jnp.zeros_like(start.animals.genome).at[:, -1].set(-50.0)  # at rest
    state = changed(only(start, 0, 80), x=x, genome=genome)._replace(fertile=jnp.ones_like(start.fertile))
    caught = [
        int(step(KEY, state._replace(plants=jnp.full((20, 20), full)), PLAIN).flows.caught) for full in (0.0, 1.0)
    ]
    assert caught == [1, 0]


# --- births


def test_a_child_is_its_parents_but_for_noise(small: PredatorPrey, start: Life) -> None:
    rich = only(start, 3, 85)
    rich = changed(rich, energy=jnp.where(rich.animals.alive, 8.0, 0.0))
    born = jax.jit(lambda key: bear(key, rich.animals, limit, jnp.float32(0.3), 80, jnp.int32(50), jnp.int32(7)))
    limit, deviations = jnp.full(100, 6.0), []
    for seed in range(12):
        after, births = born(jax.random.key(seed))
        assert births.tolist() == [1, 1] and after.alive.nonzero()[0].tolist() == [0, 3, 80, 85]
        for child, parent, uid in ((0, 3, 50), (80, 85, 51)):
            deviations.append(np.asarray(after.genome[child] - rich.animals.genome[parent]))
            assert np.array_equal(after.genome[parent], rich.animals.genome[parent])
            assert np.array_equal(after.x[child], rich.animals.x[parent])
            assert float(after.energy[child]) == float(after.energy[parent]) == 4
            hue = float(after.hue[child] - rich.animals.hue[parent])
            assert 0 < abs((hue + 0.5) % 1 - 0.5) < 0.1
            assert int(after.uid[child]) == uid and int(after.parent_uid[child]) == int(rich.animals.uid[parent])
            assert int(after.birth_step[child]) == 7 and int(after.generation[child]) == 1
    noise = np.concatenate(deviations)
    assert noise.std() == pytest.approx(0.3, rel=0.05) and abs(noise.mean()) < 0.02
    assert np.mean(np.abs(noise) < 0.3) == pytest.approx(0.683, abs=0.03)  # a normal distribution


def test_everyone_has_a_number_and_a_parent_that_lived(small: PredatorPrey, lived: Life) -> None:
    known: dict[int, int] = {}
    told = jax.vmap(lambda state: small.individuals(state, PLAIN))(lived)
    for ids, parents, alive in zip(
        *(np.asarray(a) for a in (told["id"], told["parent"], lived.animals.alive)), strict=True
    ):
        for number, parent in zip(ids.tolist(), parents.tolist(), strict=True):
            if number >= 0:
                assert known.setdefault(number, parent) == parent and (parent == -1 or parent in known)
        living = ids[ids >= 0]
        assert len(living) == len(set(living.tolist())) == alive.sum()
    assert max(known) == int(lived.next_uid[-1]) - 1 and len(known) > 60


@pytest.mark.parametrize("dies_out", ["prey", "predators"])
def test_founders_come_when_a_species_has_died_out(small: PredatorPrey, step, start: Life, dies_out: str) -> None:
    survivor, species = (80, 0) if dies_out == "prey" else (0, 1)
    after = step(KEY, only(start, survivor), PLAIN)
    expected = [min(24, SMALL["prey_founders"]), SMALL["predator_founders"]][species]
    assert heads(after.animals.alive, 80)[species] == expected == after.flows.founders[species]
    assert int(after.reseeded) == 1 and int(after.next_uid) == int(start.next_uid) + expected
    part = slice(0, expected) if species == 0 else slice(80, 80 + expected)
    assert np.all(np.asarray(after.animals.parent_uid[part]) == -1)
    assert float(after.flows.placed) == pytest.approx(float(after.animals.energy[part].sum()))
    assert np.asarray(after.animals.genome[part]).std() == pytest.approx(1, abs=0.1)
    again = step(jax.random.key(5), only(start, survivor), PLAIN)
    assert not np.allclose(again.animals.genome[part], after.animals.genome[part])  # not the same founders for ever


def test_without_reseeding_an_empty_world_stays_empty(small: PredatorPrey, drift, start: Life) -> None:
    state = only(start)
    for i in range(20):
        state = drift(jax.random.fold_in(KEY, i), state, PLAIN)
    assert not state.animals.alive.any() and all(np.isfinite(v) for v in small.measures(state, PLAIN).values())
    assert np.asarray(small.render_state(state, PLAIN, img_size=32)).max() <= 1


# --- worlds


def test_worlds_side_by_side_live_as_alone(small: PredatorPrey, step) -> None:
    keys = jax.random.split(KEY, 3)
    params = jax.vmap(lambda key: small.express(small.default_params(key)))(keys)
    beside = jax.vmap(small.init_state)(keys, params)
    alone = [jax.tree.map(lambda leaf, i=i: leaf[i], (beside, params)) for i in range(3)]
    together = jax.jit(jax.vmap(small.step_state))
    for _ in range(5):
        beside = together(keys, beside, params)
        alone = [(step(key, state, own), own) for key, (state, own) in zip(keys, alone, strict=True)]
    for i, (state, _) in enumerate(alone):
        for one, other in zip(jax.tree.leaves(state), jax.tree.leaves(beside), strict=True):
            np.testing.assert_allclose(one, other[i], rtol=1e-3, atol=1e-4)


def test_the_same_key_gives_the_same_history(step, lived: Life, start: Life) -> None:
    state = start
    for i in range(20):
        state = step(jax.random.fold_in(KEY, i), state, PLAIN)
    assert all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(at(lived, 20)), strict=True)
    )


def test_a_genotype_of_zeros_is_the_defaults_and_no_number_leaves_its_range(small: PredatorPrey) -> None:
    assert len(VALUES) == 15 and sorted(World._fields) == sorted(VALUES)
    for number, power in ((0.0, 0), (1e6, 1), (-1e6, -1)):
        world = small.express(dict.fromkeys(VALUES, jnp.float32(number)))
        for name, (value, ratio, _, _) in VALUES.items():
            assert float(getattr(world, name)) == pytest.approx(value * ratio**power, rel=1e-4)
    places = [small.parameters()[name].place for name in sorted(VALUES)]
    assert places == [(i, i + 1) for i in range(15)]


@pytest.mark.parametrize("strength", [1.0, 0.5, -1.0])
def test_a_touch_feeds_or_kills(small: PredatorPrey, lived: Life, strength: float) -> None:
    state, place, radius = at(lived, 200), jnp.array([0.25, 0.75]), jnp.float32(0.2)  # to the right, down
    after = small.poke(state, PLAIN, place, radius, jnp.float32(strength))
    away = np.asarray(state.animals.x) / small.size - [0.75, 0.25]
    near = np.hypot(*((away + 0.5) % 1 - 0.5).T) <= 0.2
    alive = np.asarray(state.animals.alive)
    assert (near & alive).any()
    if strength > 0:
        assert np.array_equal(after.animals.alive, alive) and float(after.plants.sum()) > float(state.plants.sum())
        assert float(jnp.max(after.plants - state.fertile * PLAIN.capacity)) < 1e-5
    else:
        assert np.array_equal(after.animals.alive, alive & ~near) and float(after.plants[15, 5]) == 0


def test_a_picture_shows_cool_prey_warm_predators_and_nobody_else(small: PredatorPrey, start: Life) -> None:
    x = jnp.zeros_like(start.animals.x).at[0].set(jnp.array([5.0, 5.0])).at[80].set(jnp.array([14.0, 14.0]))
    state = changed(only(start, 0, 80), x=x, hue=jnp.full(100, 0.25))._replace(plants=jnp.zeros_like(start.plants))
    frame = np.asarray(small.render_state(state, PLAIN, img_size=200))
    (red, _, blue), (red_too, _, blue_too) = frame[50, 50], frame[140:146, 140:146].reshape(-1, 3).max(0)
    assert blue > red + 0.2 and red_too > blue_too + 0.2
    assert frame[:20, :20].max() < 0.1  # where the empty slots are


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n_prey": 0}, "n_prey"),
        ({"n_predators": 0}, "n_predators"),
        ({"n_prey": 10, "prey_founders": 11}, "prey_founders.*10 slots"),
        ({"n_predators": 3, "predator_founders": 4}, "predator_founders.*3 slots"),
        ({"patchiness": 1.5}, "patchiness"),
        ({"size": 1}, "size"),
        ({"selection": "artificial"}, "selection"),
        ({"reseed": "always"}, "reseed"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(BadOption, match=named):
        PredatorPrey(**options)


# --- selection


def test_under_drift_a_brain_steers_another_body(step, drift, start: Life) -> None:
    """Brains at rest but one: under natural selection its own body moves on, under drift somebody else's."""
    rest = jnp.zeros_like(start.animals.genome).at[:, -1].set(-50.0).at[3, -1].set(50.0)  # the last weighs for speed
    state = changed(start, genome=rest, alive=jnp.ones(100, bool), energy=jnp.ones(100))
    for run, expected in ((step, 3), (drift, (3 - 31) % 80)):
        way = np.asarray(run(KEY, state, PLAIN).animals.x - state.animals.x)
        assert np.flatnonzero(np.hypot(*((way + 10) % 20 - 10).T) > 0.01).tolist() == [expected]
