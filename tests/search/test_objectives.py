"""Scores without a target against numbers that can be checked by head, and expressions over them."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption, PluginError, UnknownName
from alife.registry import Entry, default_registry
from alife.score import ScoreExpression
from alife.search.complexity import complexity
from alife.search.objectives import component, illumination, motion, novelty, open_ended, open_endedness, surprise
from alife.types import Population

REGISTRY = default_registry()
ALONG = jnp.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])


def population(z, memory=None, measures=None, targets=None):
    remembered = 0 if memory is None else int((jnp.abs(memory).sum(1) > 0).sum())
    memory = jnp.zeros((1, z.shape[-1])) if memory is None else memory
    frames = np.zeros((*z.shape[:2], 8, 8, 3), np.uint8)
    return Population(z, measures or {}, memory, remembered, targets, video=z[:, -1], frames=frames)


def test_open_ended_looks_only_backwards():
    # frame 1 is 0.8 like frame 0; frame 2 is 0.6 like frame 1: 1 - (0.8 + 0.6) / 2
    assert float(open_endedness(ALONG)) == pytest.approx(0.3)


def test_open_ended_of_a_loop_is_lower_than_of_a_journey():
    turn = jnp.array([[1.0, 0, 0], [0, 1.0, 0], [1.0, 0, 0], [0, 1.0, 0]])
    travel = jnp.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    assert float(open_endedness(turn)) < float(open_endedness(travel))


def test_novelty_counts_archive_and_generation_but_not_itself():
    worlds = ALONG[:, None, :]
    alone = novelty(population(worlds), k=1)
    assert np.allclose(alone, [0.2, 0.2, 0.4])
    known = novelty(population(worlds, memory=jnp.array([[0.0, 1.0], [0.0, 0.0]])), k=1)
    assert np.allclose(known, [0.2, 0.2, 0.0], atol=1e-6)


def test_novelty_takes_what_there_is_when_there_are_fewer_than_k():
    assert np.allclose(novelty(population(ALONG[:2, None, :]), k=5), [0.2, 0.2])


def test_illumination_is_distance_to_the_nearest():
    assert np.allclose(illumination(population(ALONG[:, None, :])), [0.2, 0.2, 0.4])
    assert illumination(population(ALONG[:1, None, :])).tolist() == [1.0]


def test_worlds_that_are_not_valid_change_no_score_of_the_others():
    worlds = ALONG[:, None, :]
    with_nan = jnp.concatenate([worlds, jnp.zeros((3, 1, 2))])
    for score in (novelty, illumination):
        assert np.allclose(score(population(worlds)), score(population(with_nan))[:3])


def test_the_published_number_of_open_endedness_counts_the_first_frame_as_0():
    # the first frame 0, then 0.8 and 0.6; an opposite frame counts as 0 as well
    assert np.allclose(open_ended(population(ALONG[None]), asal=True), [-(0.8 + 0.6) / 3])
    assert np.allclose(open_ended(population(jnp.array([[[1.0, 0.0], [-1.0, 0.0]]])), asal=True), [0.0])


def test_surprise_is_the_novelty_of_the_least_surprised_member():
    # the first model sees both worlds alike in all but 0.2, the second sees them as unlike as can be
    z = jnp.array([[[1.0, 0.0, 1.0, 0.0]], [[0.8, 0.6, 0.0, 1.0]]]) / jnp.sqrt(2.0)
    members = jnp.array([[True, True, False, False], [False, False, True, True]])
    assert np.allclose(surprise(population(z)._replace(members=members), k=1), [0.2, 0.2])
    memory = jnp.array([[0.0, 1.0, 0.0, 1.0]]) / jnp.sqrt(2.0)
    known = population(z, memory)._replace(members=members)
    assert np.allclose(
        surprise(known, k=1), [0.2, 0.0], atol=1e-6
    )  # to the second model the second world is nothing new
    with pytest.raises(BadOption, match="ensemble:texture"):
        surprise(population(z))


def test_complexity_sees_structure_more_than_noise_and_stillness():
    y, x = np.mgrid[:64, :64]
    noise = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    pattern = (127 + 120 * np.sin(x * y / 90.0)[None, :, :, None] * np.array([1, 1, 1])).astype(np.uint8)
    moving = np.stack([pattern[0], pattern[0].transpose(1, 0, 2)[::-1]])
    still = np.stack([pattern[0], pattern[0]])
    worlds = np.stack([np.zeros_like(still), still, moving, noise])
    empty, one, two, noisy = complexity(population(jnp.zeros((4, 2, 2)))._replace(frames=worlds))
    assert empty == 0 < one < two and noisy < two
    fine = np.asarray(complexity(population(jnp.zeros((4, 2, 2)))._replace(frames=worlds), scale=1))
    assert np.argmax(fine) == 3 and fine[3] == 1, "differences of noise would take more than the noise itself"
    with pytest.raises(BadOption, match="1 to 64"):
        complexity(population(jnp.zeros((4, 2, 2)))._replace(frames=worlds), scale=65)


def test_a_component_is_a_number_of_the_last_frame():
    assert component(population(ALONG[None]), i=1).tolist() == [1.0]
    with pytest.raises(BadOption, match="0 to 1"):
        component(population(ALONG[None]), i=2)


def test_motion_is_the_distance_from_frame_to_frame():
    # 0.8 and 0.6 from one frame to the next, whatever came before them
    assert np.allclose(motion(population(jnp.stack([ALONG, ALONG[jnp.array([0, 1, 0])]]))), [0.3, 0.2])


@pytest.mark.parametrize(
    "text, expected",
    [
        ("speed", 2.0),
        ("2*speed - mass/4", 3.0),
        ("-(speed + mass)*0.5", -3.0),
        ("open_ended + 0.2*speed", 0.7),
        ("novelty(k=1)", 1.0),
        ("  speed ", 2.0),
    ],
)
def test_expressions(text, expected):
    one = Population(ALONG[None], {"speed": jnp.array([2.0]), "mass": jnp.array([4.0])}, jnp.zeros((1, 2)), 0)
    assert float(ScoreExpression(text, REGISTRY, ["mass", "speed"])(one)[0]) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text, error, said",
    [
        ("open_endd", UnknownName, "did you mean open_ended"),
        ("sped", UnknownName, "did you mean speed"),
        ("1 + 2", BadOption, "names no score"),
        ("speed +", BadOption, "cannot be read"),
        ("__import__('os').system('x')", BadOption, "not allowed"),
        ("speed ** 2", BadOption, "not allowed"),
        ("speed > 1", BadOption, "not allowed"),
        ("novelty(kk=1)", BadOption, "did you mean k"),
        ("novelty(k=speed)", BadOption, "plain values"),
        ("speed(k=1)", BadOption, "takes no options"),
        ("True", BadOption, "not allowed"),
        ("novelty(k={[]:1})", BadOption, "plain values"),
        ("-" * 5000 + "speed", BadOption, "cannot be read"),
    ],
)
def test_bad_expressions_say_what_is_wrong(text, error, said):
    with pytest.raises(error, match=said):
        ScoreExpression(text, REGISTRY, ["speed"])


@pytest.mark.parametrize(
    "text, carets",
    [
        ("open_ended + 0.2*sped", "                   ^^^^"),
        ("  2**speed", "  ^^^^^^^^"),
        ("open_ended +", "              ^"),
        ("speed + (mass", "          ^"),
        ("speed + mas", "          ^^^"),
        ("novelty(k=2) - surprise(n=2)", "                          ^^^"),
        ("1*" * 60 + "sped", " " * 38 + "^^^^"),
    ],
)
def test_a_caret_stands_under_the_place(text, carets):
    with pytest.raises((BadOption, UnknownName)) as error:
        ScoreExpression(text, REGISTRY, ["speed", "mass"])
    _, shown, below = str(error.value).splitlines()
    assert below == carets and shown.strip() in text


def test_one_frame_has_no_history_and_no_prompt_no_text():
    for text in ("open_ended", "motion", "prompt", "video", "agreement"):
        with pytest.raises(BadOption, match=r"--frames|--prompt"):
            ScoreExpression(text, REGISTRY, [])(population(ALONG[:, None, :]))


def test_a_score_that_breaks_its_contract_is_named(monkeypatch):
    entry = Entry("score", "flat", lambda population: jnp.zeros(()), "test", "")
    monkeypatch.setitem(REGISTRY.scores._entries, "flat", entry)
    with pytest.raises(PluginError, match=r"score 'flat' returned shape \(\)"):
        ScoreExpression("flat", REGISTRY, [])(population(ALONG[:, None, :]))


def test_every_score_is_on_the_page():
    page = (Path(__file__).parents[2] / "docs" / "scores.md").read_text("utf-8")
    assert [name for name in REGISTRY.scores if f"| `{name}" not in page] == []
