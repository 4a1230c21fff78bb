"""Scores with a target against numbers that can be checked by head, and what an expression reads."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.registry import Entry, default_registry
from alife.score import ScoreExpression
from alife.search.resemblance import agreement, image, negative, prompt, softmax_prompt, video
from alife.types import Population

REGISTRY = default_registry()
EAST, NORTH = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
BETWEEN = jnp.array([0.6, 0.8])


def population(z, targets=None, negatives=None, moving=None, members=None):
    stacked = [None if rows is None else jnp.stack(rows) for rows in (targets, negatives)]
    return Population(z, {}, jnp.zeros((1, z.shape[-1])), 0, *stacked, video=moving, members=members)


def test_prompts_are_a_timeline():
    frames = jnp.stack([EAST, EAST, NORTH, NORTH])[None]
    score = ScoreExpression("prompt", REGISTRY, [])
    assert float(score(population(frames, [EAST, NORTH]))[0]) == 1.0
    assert float(score(population(frames, [NORTH, EAST]))[0]) == 0.0


def test_a_negative_costs_what_is_seen_of_the_nearest_one():
    frames = jnp.stack([EAST, BETWEEN])[None]  # of the negatives they show 0.6 and 0.96
    negatives = [BETWEEN, jnp.array([0.8, 0.6])]
    wanted = float(prompt(population(frames, [EAST]))[0])
    assert wanted == pytest.approx(0.8)
    assert float(prompt(population(frames, [EAST], negatives))[0]) == pytest.approx(wanted - (0.8 + 1.0) / 2)
    assert float(prompt(population(frames, [EAST], negatives), negative=0.5)[0]) == pytest.approx(wanted - 0.45)
    assert float(prompt(population(frames, [EAST], negatives), negative=0)[0]) == pytest.approx(wanted)


def test_being_the_opposite_of_a_negative_earns_nothing():
    frames = jnp.stack([NORTH, -EAST, EAST])[:, None]
    plain, less = prompt(population(frames, [NORTH])), prompt(population(frames, [NORTH], [EAST]))
    assert np.allclose(plain - less, [0, 0, 1])


def test_video_looks_at_the_one_vector_of_a_world():
    frames = jnp.stack([EAST, EAST])[None]
    assert float(video(population(frames, [NORTH], moving=NORTH[None]))[0]) == 1.0
    assert float(video(population(frames, [NORTH, EAST], moving=NORTH[None]))[0]) == 0.5
    assert float(video(population(frames, [NORTH], [NORTH], moving=NORTH[None]))[0]) == 0.0


HALVES = jnp.array([[True, True, False, False], [False, False, True, True]])


def joined(*parts):
    return jnp.concatenate(parts) / jnp.sqrt(len(parts))


def test_agreement_is_the_prompt_score_of_the_least_pleased_member():
    worlds = jnp.stack([joined(EAST, EAST), joined(EAST, BETWEEN), joined(NORTH, EAST)])[:, None]
    both = population(worlds, [joined(EAST, EAST)], members=HALVES)
    assert np.allclose(agreement(both), [1.0, 0.6, 0.0], atol=1e-6)
    assert np.allclose(prompt(both), [1.0, 0.8, 0.5], atol=1e-6)
    unlike = population(worlds, [joined(EAST, EAST)], [joined(BETWEEN, NORTH)], members=HALVES)
    assert np.allclose(agreement(unlike), [1 - 0.6, 0.6 - 0.8, 0 - 0.8], atol=1e-6)  # the second: min(1 - 0.6, -0.2)


def test_who_knows_no_text_is_not_asked():
    worlds = jnp.stack([joined(EAST, NORTH), joined(NORTH, EAST)])[:, None]
    silent = jnp.concatenate([EAST, jnp.zeros(2)])  # the second member has no text
    assert np.allclose(agreement(population(worlds, [silent], members=HALVES)), [1.0, 0.0], atol=1e-6)


def test_agreement_of_one_model_is_its_prompt_score():
    z = jax.random.normal(jax.random.key(0), (3, 4, 6))
    z /= jnp.linalg.norm(z, axis=-1, keepdims=True)
    one = population(z, [z[0, 0]], [z[1, 1]])
    assert np.array_equal(agreement(one), prompt(one))
    assert np.allclose(agreement(one._replace(members=jnp.ones((1, 6), bool))), prompt(one), atol=1e-6)


def test_more_targets_than_frames_and_negative_weights_are_refused():
    frames = jnp.stack([EAST, NORTH])[None]
    for score in (prompt, agreement):
        with pytest.raises(BadOption, match="at least 3 frames and there are 2"):
            score(population(frames, [EAST, NORTH, EAST]))
    assert video(population(frames, [EAST, NORTH, EAST], moving=EAST[None])).shape == (1,)
    with pytest.raises(BadOption, match="negative is -1"):
        ScoreExpression("prompt(negative=-1)", REGISTRY, [])(population(frames, [EAST]))


@pytest.mark.parametrize(
    "text, reads", [("prompt + 0.1*motion", False), ("0.5*video + open_ended", True), ("second_hand", True)]
)
def test_an_expression_knows_whether_it_reads_the_video(monkeypatch, text, reads):
    entry = Entry("score", "second_hand", jax.jit(lambda population: population.video[:, 0]), "test", "")
    monkeypatch.setitem(REGISTRY.scores._entries, "second_hand", entry)
    expression = ScoreExpression(text, REGISTRY, [])
    assert "video" in expression.reads
    expression.check(population(jnp.zeros((3, 2, 2)), [EAST], moving=jnp.zeros((3, 2))))
    assert ("video" in expression.reads) is reads


def published(z, texts, temperature=None):
    """The published supervised target scores, as plainly as they can be written, for as many frames as texts."""
    kernel = np.asarray(texts, np.float64) @ np.asarray(z, np.float64).T
    if temperature is None:
        return -np.mean(np.diag(kernel))
    odds = np.exp(kernel / temperature)
    by_row, by_column = odds / odds.sum(1, keepdims=True), odds / odds.sum(0, keepdims=True)
    return np.mean([-np.log(np.diag(by_row)).mean(), -np.log(np.diag(by_column)).mean()])


def unit_vectors(seed, *shape):
    z = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return z / np.linalg.norm(z, axis=-1, keepdims=True)


def test_target_scores_are_the_published_ones_with_their_sign_flipped():
    z, texts = unit_vectors(0, 5, 3, 16), unit_vectors(1, 3, 16)
    seen = Population(z, {}, np.zeros((1, 16)), 0, targets=texts)
    assert np.allclose(prompt(seen), [-published(world, texts) for world in z], atol=1e-6)
    for temperature in (0.1, 0.5):
        expected = [-published(world, texts, temperature) for world in z]
        assert np.allclose(softmax_prompt(seen, temperature), expected, atol=1e-4)


def test_softmax_prompt_wants_each_stretch_of_frames_to_be_its_own():
    first, second = jnp.eye(2)
    right = jnp.stack([first, first, second, second])
    mixed = jnp.broadcast_to((first + second) / jnp.sqrt(2.0), (4, 2))
    seen = Population(jnp.stack([right, mixed, right[::-1]]), {}, jnp.zeros((1, 2)), 0, targets=jnp.eye(2))
    sure, unsure, wrong = softmax_prompt(seen, temperature=0.1)
    assert 0 >= sure > -0.01 and abs(unsure + np.log(2)) < 1e-4 and wrong < -5
    with pytest.raises(BadOption, match="more than 0"):
        softmax_prompt(seen, temperature=0)


def test_image_looks_at_pictures_only_and_negative_is_what_prompt_subtracts():
    z, texts = unit_vectors(2, 4, 2, 8), unit_vectors(3, 2, 8)
    seen = Population(z, {}, np.zeros((1, 8)), 0, targets=texts, negatives=unit_vectors(4, 3, 8), pictures=texts[1:])
    assert np.allclose(image(seen), (z @ texts[1]).mean(1), atol=1e-6)
    assert np.allclose(prompt(seen), prompt(seen, negative=0) - negative(seen), atol=1e-6)
    for score, option in ((image, "--image"), (negative, "--negative")):
        with pytest.raises(BadOption, match=option):
            score(seen._replace(pictures=None, negatives=None))
