"""Pictures drawn by rule are what they are said to be, and what is measured of a picture is true."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from alife.plugins.builtin import corpus, films
from alife.plugins.builtin.concepts import ATTRIBUTES, CONCEPTS, PLACE, STATIC, places_of
from alife.plugins.builtin.dice import Dice
from alife.plugins.builtin.frames import ALIKE, HELD_OUT, SHOWS, TYPICAL, kinds_known
from alife.plugins.builtin.losses import captions
from alife.plugins.builtin.measured import measured_field, simulated
from alife.plugins.builtin.palettes import NAMED, hsv, named_colour, rgb
from alife.plugins.builtin.things import SIDE, UNKNOWN


def drawn(kind: str, n: int = 24) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    fields, said = corpus._drawer(kind)(jax.random.split(jax.random.key(7), n))
    return np.asarray(fields), {name: np.asarray(values) for name, values in said.items()}


def test_counts_are_the_numbers_of_things():
    fields, said = drawn("disc", 60)
    low, high = np.array([1, 2, 3, 4, 12]), np.array([1, 2, 3, 8, 25])
    seen = np.array([ndimage.label(field > 0.4)[1] for field in fields])
    sharp = (said["count"] != UNKNOWN) & (said["edge"] == 1)
    assert sharp.sum() > 20
    inside = (low[said["count"]] <= seen) & (seen <= high[said["count"]])
    assert inside[sharp].mean() > 0.9  # a thing may lie across the edge


def test_large_and_small_are_what_they_cover():
    fields, said = drawn("square", 60)
    areas = np.array([(field > 0.5).sum() / max(1, ndimage.label(field > 0.4)[1]) for field in fields]) / SIDE**2
    large, small = areas[said["size"] == 1], areas[said["size"] == 0]
    assert len(large) > 5 and len(small) > 5 and large.min() > small.max()


@pytest.mark.parametrize("kind", ["maze", "noise", "dust", "rings", "empty"])
def test_fields_are_brightness(kind):
    fields, said = drawn(kind, 4)
    assert fields.min() >= 0 and fields.max() <= 1 and fields.shape[1:] == (SIDE, SIDE)
    assert {ATTRIBUTES["kind"][value] for value in said["kind"]} == {"disc" if kind == "dust" else kind}


def test_every_kind_is_drawn():
    kinds = [name for name in corpus.DRAW if name != "dust"]
    assert sorted(kinds) == sorted(ATTRIBUTES["kind"])


@pytest.mark.parametrize(("angle", "name"), [(0, "horizontal"), (90, "vertical"), (45, "diagonal"), (22, None)])
def test_orientation_is_along_the_stripes(angle, name):
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    turn = np.deg2rad(angle)
    field = 0.5 + 0.5 * np.sin(40 * (np.cos(turn) * y - np.sin(turn) * x))
    said = int(measured_field(jnp.asarray(field, jnp.float32))["orientation"])
    assert said == (UNKNOWN if name is None else ATTRIBUTES["orientation"].index(name))


def test_symmetry_is_seen():
    rng = np.random.default_rng(0)
    half = ndimage.gaussian_filter(rng.random((SIDE, SIDE)), 4)
    half = (half - half.min()) / np.ptp(half)
    quarter = half + half[::-1] + half[:, ::-1] + half[::-1, ::-1]
    names = [
        ATTRIBUTES["symmetry"][int(measured_field(jnp.asarray(field, jnp.float32))["symmetry"])]
        for field in (half + half[:, ::-1], quarter + quarter.T, half)
    ]
    assert names == ["mirrored", "radial", "asymmetric"]


def test_a_frame_is_read():
    image = np.zeros((SIDE, SIDE, 3), np.float32)
    image[..., 2] = 0.8
    image[40:50, 20:30] = [0.95, 0.02, 0.02]
    said = {name: int(value) for name, value in simulated(jnp.asarray(image)).items()}
    names = {name: ATTRIBUTES[name][value] for name, value in said.items() if value != UNKNOWN}
    assert names["ground"] == "blue" and names["colour"] == "red" and names["density"] == "sparse"
    assert names["edge"] == "sharp"
    blank = simulated(jnp.full((SIDE, SIDE, 3), 0.98))
    assert CONCEPTS[places_of("kind").start + int(blank["kind"])] == "kind:empty"
    assert int(blank["ground"]) == ATTRIBUTES["ground"].index("white")


@pytest.mark.parametrize("place", range(12))
def test_a_named_colour_is_called_by_its_name(place):
    dice = Dice(jax.random.key(place))
    for _ in range(8):
        colour = named_colour(dice, jnp.int32(place))
        away = [float(NAMED[name].distance(colour)) for name in ATTRIBUTES["colour"]]
        assert int(np.argmin(away)) == place and away[place] < 1e-3
        assert jnp.allclose(rgb(*hsv(colour)), colour, atol=1e-5)


def test_the_truth_about_colours_is_on_the_picture():
    fields, said = drawn("disc", 40)
    keys = jax.random.split(jax.random.key(0), len(fields))
    images, truth = jax.lax.map(lambda one: corpus.painted(*one), (keys, fields, said))
    for field, image, row in zip(fields, np.asarray(images), np.asarray(truth), strict=True):
        if row[places_of("colour")].max() == 1 and (field > 0.99).sum() > 8:
            name = ATTRIBUTES["colour"][int(row[places_of("colour")].argmax())]
            assert float(NAMED[name].distance(jnp.asarray(np.median(image[field > 0.99], 0)))) < 0.4
        if row[places_of("ground")].max() == 1:
            name = ATTRIBUTES["ground"][int(row[places_of("ground")].argmax())]
            assert float(NAMED[name].distance(jnp.asarray(np.median(image[field < 0.01], 0)))) < 0.4


def test_captions_know_what_they_find():
    truth = np.full((3, STATIC.stop), -1)
    red, green = PLACE["colour:red"], PLACE["colour:green"]
    truth[:, places_of("colour")] = 0
    truth[0, red] = truth[1, green] = 1
    truth[2] = -1  # nothing is known of the third
    said = captions(jax.random.key(0), jnp.asarray(truth))
    assert np.flatnonzero(said.concepts[0]).tolist() == [red]
    assert said.shown[:, 0].tolist() == [1, 0, -1] and said.shown[:, 1].tolist() == [0, 1, -1]
    assert said.shown[:, 2].tolist() == [-1, -1, -1]  # nothing can be told of it, so it teaches nothing


def test_known_kinds_leave_their_likes_open():
    known = dict(zip(ATTRIBUTES["kind"], kinds_known(("maze",)).tolist(), strict=True))
    assert known["maze"] == 1 and known["stripes"] == -1 and known["flock"] == 0


def test_the_tables_of_frames_name_what_exists():
    from alife.config import catalog_names
    from alife.registry import default_registry

    substrates = set(default_registry().substrates)
    assert set(SHOWS) <= set(catalog_names()) and set(TYPICAL) | set(HELD_OUT) <= substrates
    kinds = set(ATTRIBUTES["kind"])
    assert set().union(*SHOWS.values(), *TYPICAL.values(), *ALIKE) <= kinds


def test_motions_are_drawn_in_the_order_of_their_words():
    assert tuple(films.MOVES) == ATTRIBUTES["motion"]
