"""What cannot be is refused in one line that names it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from alife.errors import AlifeError, BadGenotype, BadOption
from alife.genotype import GenotypeSpace
from alife.plugins.society import TINY
from alife.plugins.society.settings import DIALS, dials_of
from alife.plugins.society.society import Society
from alife.registry import default_registry

from .moments import KEY


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"agents": 0}, "agents is 0"),
        ({"agents": 4, "founders": 5}, "founders is 5.*slot"),
        ({"founders": 0}, "founders is 0"),
        ({"robots": -1}, "robots is -1"),
        ({"terrain": "moon"}, "terrain is 'moon'.*noise.*four_islands_weather"),
        ({"size": 7}, "size is 7"),
        ({"size": 16, "lattice": 5}, "lattice is 5"),
        ({"size": 8, "lattice": 1, "patch": 4}, "patch is 4"),
        ({"width": 10}, "width is 10.*multiple of 4"),
        ({"brain": "big"}, "brain is 'big'"),
        ({"robot_brain": "big"}, "robot_brain"),
        ({"sight": 0}, "sight is 0"),
        ({"sight": float("nan")}, "sight is nan"),
        ({"robot_ticks": 65}, "robot_ticks"),
        ({"weather_every": 0}, "weather_every"),
        ({"reseed": "never"}, "reseed is 'never'"),
        ({"births": "never"}, "births is 'never'"),
        ({"messages": "loud"}, "messages is 'loud'"),
        ({"epoch": 0}, "epoch"),
        ({"search": []}, "search is"),
        ({"search": ["world", "world"]}, "none twice"),
        ({"search": "world"}, "search is 'world'"),
        ({"search": ["soul"]}, "soul"),
    ],
)
def test_options_that_make_no_society_are_refused(options: dict, said: str) -> None:
    with pytest.raises(BadOption, match=said) as caught:
        Society(**options)
    assert "\n" not in str(caught.value)


def test_options_that_there_are_not_are_named() -> None:
    entry = default_registry().substrates["society"]
    with pytest.raises(AlifeError, match="agent_count"):
        entry.make(agent_count=3)


def test_genotypes_are_of_one_length() -> None:
    for search, size in ((["world"], len(DIALS)), (["brain", "world"], None)):
        space = GenotypeSpace(Society(**TINY, search=search), "society")
        assert size in (None, space.size)
        with pytest.raises(BadGenotype, match=str(space.size)):
            space.coerce([0.0] * (space.size + 1))
        declared = Society(**TINY, search=search).parameters()
        params = space.unflatten(np.arange(space.size, dtype=np.float32))
        for i, name in enumerate(DIALS):  # sliders turn the numbers they are named after
            assert declared[name].place == (int(params["world"][i]), int(params["world"][i]) + 1)


def test_zeros_are_the_published_numbers_and_one_is_twice_as_much() -> None:
    zero, one, low = (dials_of(np.full(len(DIALS), g, np.float32) + jax.numpy.zeros(())) for g in (0, 1, -99))
    for name, dial in DIALS.items():
        assert float(getattr(zero, name)) == pytest.approx(dial.default)
        doubled = dial.from_zero or 2 * dial.default
        assert float(getattr(one, name)) == pytest.approx(min(doubled, dial.high)), name
        assert float(getattr(low, name)) == pytest.approx(dial.low)


def test_a_world_without_robots_has_none() -> None:
    society = Society(**{**TINY, "robots": 0, "brain": "eat_only"})
    world = society.express(society.default_params(KEY))
    state = jax.jit(society.init_state)(KEY, world)
    assert not state.robots.active.any() and not state.robots.energy.any()


def test_a_dial_sets_how_many_robots_there_are() -> None:
    society = Society(**{**TINY, "robots": 4, "brain": "zero"})
    genes = np.zeros(len(DIALS), np.float32)
    genes[list(DIALS).index("robot_share")] = -1
    state = jax.jit(society.init_state)(KEY, society.express({"world": jax.numpy.asarray(genes)}))
    assert state.robots.active.tolist() == [True, True, False, False]
