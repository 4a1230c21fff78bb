"""The evaluation: weights are arguments, motion is looked at only where a score asks, all of it can be one program."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import alife
from alife.errors import BadOption, PluginError
from alife.evaluate import Evaluator, bind_score, evaluate
from alife.genotype import GenotypeSpace
from alife.model import pooled
from alife.registry import default_registry
from alife.targets import Targets
from alife.types import Population
from alife.worlds.schedule import Schedule

REGISTRY = default_registry()
SPACE = GenotypeSpace(alife.make_substrate("life", size=32), "life")
N = 5


class Heavy:
    """A random projection with a quarter of a million weights; motion is the difference of last and first frame."""

    image_size, dim, identity = 16, 341, "heavy"

    def __init__(self) -> None:
        self.weights = jax.random.normal(jax.random.key(0), (16 * 16 * 3, self.dim))
        self.watched, self.left_alone = 0, 0

    def embed_images(self, images, weights=None):
        self.left_alone += weights is None
        z = images.reshape(len(images), -1) @ (self.weights if weights is None else weights) + 1
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)

    def embed_video(self, frames, weights=None):
        self.watched += 1
        return self.embed_images(frames[:, -1] - frames[:, 0], weights)


class Outside(Heavy):
    """The same, kept away from JAX's tracing; a program must not be handed its weights."""

    traceable = False

    def embed_images(self, images, weights=None):
        assert isinstance(images, np.ndarray) and weights is None
        return np.asarray(super().embed_images(images))


def evaluator_of(model, frames=3):
    return Evaluator(SPACE, model, Schedule(6, frames), 16)


def population_of(n=N):
    return np.asarray(SPACE.sample(jax.random.key(1), n)), jax.random.split(jax.random.key(2), n)


def test_no_weights_are_constants_of_the_program():
    evaluator = evaluator_of(Heavy())
    genotypes, keys = population_of(evaluator.lanes)
    lowered = evaluator._program.lower(genotypes, keys, evaluator._lengths, evaluator.embedder.weights)
    constants = re.findall(r"dense<\"0x([0-9A-F]+)\"", lowered.as_text())
    assert max([0, *map(len, constants)]) < 4096
    baked = jax.jit(lambda g, k: evaluator.chunk(g, k, evaluator._lengths, None)).lower(genotypes, keys)
    assert len(baked.as_text()) > 1e6 > len(lowered.as_text())  # what it looks like when they are


def test_the_weights_given_are_those_that_count():
    evaluator = evaluator_of(Heavy())
    genotypes, keys = population_of(evaluator.lanes)
    own = evaluator._program(genotypes, keys, evaluator._lengths, evaluator.embedder.weights)
    other = evaluator._program(genotypes, keys, evaluator._lengths, -2 * evaluator.embedder.weights)
    assert np.array_equal(own.frames, other.frames) and not np.allclose(own.z, other.z, atol=0.1)
    assert evaluator._program._cache_size() == 1


def test_a_run_hands_the_weights_over():
    evaluator = evaluator_of(Heavy())
    assert evaluator.measure_names is not None
    evaluator.observe(*population_of(), video=True)
    evaluator.embedder.pictures(np.zeros((2, 16, 16, 3), np.float32))
    assert evaluator.model.watched and not evaluator.model.left_alone


@pytest.mark.parametrize("make", [Heavy, Outside])
def test_motion_is_looked_at_only_where_a_score_reads_it(make):
    model = make()
    evaluator = evaluator_of(model)
    targets = Targets(np.eye(model.dim, dtype=np.float32)[:1])
    for text, reads in [("prompt", False), ("prompt + 0.1*video", True)]:
        expression = bind_score(text, REGISTRY, evaluator, N, targets)
        evaluate(evaluator, expression, *population_of(), targets=targets)
        assert ("video" in expression.reads) is reads and bool(model.watched) is reads


def test_video_is_what_the_model_sees_in_all_frames_or_their_mean():
    genotypes, keys = population_of()
    model = Heavy()
    seen = evaluator_of(model).observe(genotypes, keys, video=True)
    frames = seen.frames.astype(np.float32) / 255
    assert np.allclose(seen.video, model.embed_video(frames), atol=1e-5)
    plain = evaluator_of(alife.make_model("pixels", size=4)).observe(genotypes, keys, video=True)
    assert np.allclose(plain.video, pooled(plain.z), atol=1e-6)
    assert np.allclose(np.linalg.norm(plain.video, axis=1), 1, atol=1e-5)
    assert evaluator_of(model).observe(genotypes, keys).video is None


def test_no_byte_of_z_or_video_depends_on_the_batch():
    genotypes, keys = population_of(19)
    evaluator = evaluator_of(Heavy())
    everything = evaluator.observe(genotypes, keys, video=True)
    some = evaluator.observe(genotypes[7:9], keys[7:9], video=True)
    assert np.array_equal(everything.z[7:9], some.z) and np.array_equal(everything.video[7:9], some.video)


def test_a_film_shows_the_same_history_as_the_frames():
    genotypes, keys = population_of(19)
    evaluator = evaluator_of(Heavy())
    films = evaluator.film(genotypes, keys, 6)
    assert films.shape == (19, 6, 16, 16, 3)
    assert np.array_equal(films[:, 1::2], evaluator.observe(genotypes, keys).frames)
    assert np.array_equal(films[7:8], evaluator.film(genotypes[7:8], keys[7:8], 6))
    with pytest.raises(BadOption, match="frames is 7, more than the 6 steps"):
        evaluator.film(genotypes, keys, 7)


def test_states_and_peaks_come_in_the_order_of_the_worlds():
    genotypes, keys = population_of(19)
    seen = Evaluator(SPACE, Heavy(), Schedule(6, 3), 16, keep_states=True, peak="population").observe(genotypes, keys)
    every = Evaluator(SPACE, Heavy(), Schedule(6, 6), 16, keep_states=True).observe(genotypes, keys)
    assert np.array_equal(seen.states["state"], every.states["state"][:, 1::2]) and every.peak is None
    population = every.states["state"].mean((2, 3))
    assert np.array_equal(seen.peak.step, population.argmax(1) + 1)
    assert np.array_equal(seen.peak.frame, every.frames[np.arange(19), seen.peak.step - 1])
    assert np.allclose(seen.peak.value, population.max(1))


def test_from_genotypes_to_scores_is_one_program_when_jitted_whole():
    evaluator = evaluator_of(Heavy())
    targets = Targets(np.eye(evaluator.model.dim, dtype=np.float32)[:2], np.eye(evaluator.model.dim)[2:3])
    expression = bind_score("prompt + video + novelty(k=1)", REGISTRY, evaluator, N, targets)
    genotypes, keys = population_of()
    memory = np.eye(evaluator.model.dim, dtype=np.float32)[:4]

    @jax.jit
    def whole(genotypes, keys, weights, memory, targets):
        seen = evaluator.chunk(genotypes, keys, evaluator._lengths, weights, video=True)
        return expression(Population(seen.z, seen.measures, memory, 4, targets.wanted, targets.unwanted, seen.video))

    arguments = (genotypes, keys, evaluator.embedder.weights, memory, targets)
    assert "callback" not in whole.lower(*arguments).as_text()
    parted = evaluate(evaluator, expression, genotypes, keys, memory, 4, targets)
    assert np.allclose(whole(*arguments), parted.scores, atol=1e-4)


def test_python_users_give_prompts_and_pictures(tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 20), (255, 255, 255)).save(tmp_path / "white.png")
    model = alife.make_model("pixels", size=4)
    said = {"model": model, "score": "prompt", "steps": 4, "frames": 2, "img_size": 16}
    genotypes = np.array([[0], [6152]], np.int32)
    scored = alife.evaluate_genotypes(
        SPACE.substrate, genotypes, jax.random.key(0), images=[tmp_path / "white.png"], **said
    )
    white = np.asarray(model.embed_images(jnp.ones((1, 16, 16, 3))))[0]
    assert np.allclose(scored.scores, (scored.z @ white).mean(1), atol=1e-5)
    with pytest.raises(BadOption, match="knows no text"):
        alife.evaluate_genotypes(SPACE.substrate, genotypes, jax.random.key(0), prompts=["white"], **said)


@pytest.mark.parametrize(
    "ability, given, said",
    [
        ("embed_text", lambda texts: np.ones((1, 3)), r"embed_text returned shape \(1, 3\) for 1 texts"),
        ("embed_text", lambda texts: np.full((1, 341), np.nan), "embed_text returned NaN"),
        ("embed_text", lambda texts: 1 / 0, "embed_text raised ZeroDivisionError"),
        ("embed_video", lambda frames, weights: frames[:, 0, 0, 0], r"embed_video returned shape .* 3 frames"),
    ],
)
def test_a_model_that_breaks_its_contract_is_named(ability, given, said):
    model = Heavy()
    model.embed_text = lambda texts: np.eye(1, 341)
    setattr(model, ability, given)
    with pytest.raises(PluginError, match=said):
        alife.evaluate_genotypes(
            SPACE.substrate,
            population_of()[0],
            jax.random.key(0),
            model=model,
            score="video",
            prompts=["x"],
            steps=4,
            frames=3,
            img_size=16,
        )
