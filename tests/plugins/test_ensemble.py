"""`ensemble`: vectors put together and taken apart, text and motion of some members, members by name."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.embedding import Embedder
from alife.errors import BadOption, UnknownName
from alife.model import pooled
from alife.plugins.ensemble import Ensemble
from alife.registry import Registry, default_registry
from alife.testing import check_model

TOYS = '''
import jax.numpy as jnp
import numpy as np
import alife


class Colours:
    """Three means, times weights; knows text."""

    image_size, dim = 24, 3

    def __init__(self, gain=1.0):
        self.weights = jnp.array([gain, 1.0, 1.0])
        self.identity = f"colours-{gain}"

    def embed_images(self, images, weights=None):
        z = (images.mean((1, 2)) + 0.01) * (self.weights if weights is None else weights)
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)

    def embed_text(self, texts):
        return np.eye(3, dtype=np.float32)[[["red", "green", "blue"].index(text) for text in texts]]


class Moves(Colours):
    """Two numbers, without weights; knows text and motion."""

    image_size, dim, identity = 16, 2, "moves"

    def __init__(self):
        pass

    def embed_images(self, images):
        light = images.mean((1, 2, 3))
        z = jnp.stack([light + 0.01, 1 - light], axis=1)
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)

    def embed_video(self, frames):
        return self.embed_images((frames[:, -1] - frames[:, 0] + 1) / 2)

    def embed_text(self, texts):
        return np.eye(2, dtype=np.float32)[[len(text) % 2 for text in texts]]


class Apart(Moves):
    """The same outside of JAX, without text."""

    traceable, embed_text, embed_video = False, None, None

    def embed_images(self, images):
        assert isinstance(images, np.ndarray)
        return np.asarray(super().embed_images(images))


@alife.hookimpl
def register_models(register):
    for one in (Colours, Moves, Apart):
        register(one.__name__.lower(), one, summary="a toy")
'''


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugin") / "toys.py"
    path.write_text(TOYS)
    return Registry([path])


def noise(*shape):
    return jax.random.uniform(jax.random.key(0), shape)


def test_cosines_are_means_of_the_members_cosines(registry):
    both, images = Ensemble("colours+moves", registry), noise(4, 24, 24, 3)
    z = both.embed_images(images)
    one, other = (member.embed_images(images) for member in both.members)
    assert np.allclose(z @ z.T, (one @ one.T + other @ other.T) / 2, atol=1e-6)
    texts = both.embed_text(["red", "green"])
    words = [member.embed_text(["red", "green"]) for member in both.members]
    assert np.allclose(z @ texts.T, (one @ words[0].T + other @ words[1].T) / 2, atol=1e-6)
    assert (both.dim, both.image_size, both.parts) == (5, 24, (slice(0, 3), slice(3, 5)))
    assert both.identity == "ensemble-1(colours-1.0+moves)"


def test_members_without_text_leave_it_to_the_others(registry):
    some = Ensemble("pixels+colours", registry)
    texts = some.embed_text(["red", "blue"])
    assert not texts[:, some.parts[0]].any()
    assert np.array_equal(texts[:, some.parts[1]], np.eye(3)[[0, 2]])
    assert Ensemble("pixels+texture").embed_text is None and not Embedder(Ensemble("pixels+texture")).knows_text


def test_motion_is_pooled_for_members_that_know_none(registry):
    both, frames = Ensemble("colours+moves", registry), noise(2, 3, 24, 24, 3)
    watched = both.embed_video(frames)
    colours, moves = both.members
    means = pooled(colours.embed_images(frames.reshape(6, 24, 24, 3)).reshape(2, 3, 3))
    assert np.allclose(watched, np.concatenate([means, moves.embed_video(frames)], axis=1) / np.sqrt(2), atol=1e-6)
    assert not np.allclose(watched, both.embed_video(frames[:, ::-1]), atol=1e-3)
    assert Ensemble("pixels+colours", registry).embed_video is None


def test_weights_of_the_members_are_handed_on(registry):
    both, images = Ensemble("colours+moves", registry), noise(2, 16, 16, 3)
    assert jax.tree.structure(both.weights) == jax.tree.structure((jnp.zeros(3), None))
    doubled = (both.weights[0] * jnp.array([5.0, 1.0, 1.0]), None)
    assert np.allclose(both.embed_images(images, both.weights), both.embed_images(images), atol=1e-6)
    louder = Ensemble([{"name": "colours", "gain": 5.0}, "moves"], registry)
    assert np.allclose(both.embed_images(images, doubled), louder.embed_images(images), atol=1e-6)
    assert Ensemble("pixels+texture").weights is None


def test_a_member_outside_of_jax_takes_the_ensemble_with_it(registry):
    mixed, images = Ensemble("colours+apart", registry), np.asarray(noise(3, 16, 16, 3))
    assert mixed.traceable is False and Embedder(mixed).weights is None
    inside = Ensemble("colours+moves", registry)
    assert np.allclose(mixed.embed_images(images), inside.embed_images(images), atol=1e-6)
    assert Embedder(mixed).members.tolist() == [[1, 1, 1, 0, 0], [0, 0, 0, 1, 1]]


def test_it_keeps_the_contract_with_text_motion_and_weights(registry):
    for which in ("colours+moves", "colours+apart"):
        results = check_model(registry.models["ensemble"].make, {"which": which})
        assert [str(result) for result in results if not result.passed and result.name != "text"] == []


def test_members_are_found_where_the_ensemble_is_registered(registry):
    assert type(registry.models["ensemble"].make(which="moves+pixels").members[0]).__name__ == "Moves"
    assert "registry" not in (registry.models["ensemble"].options() or ())
    with pytest.raises(UnknownName, match="no model is called 'moves'"):
        default_registry().models["ensemble"].make(which="moves+pixels")


@pytest.mark.parametrize("which", ["pixels", "", "pixels+", ["pixels"], [{"colour": 1}, "pixels"]])
def test_fewer_than_two_members_are_refused(which):
    with pytest.raises(BadOption, match="expected two or more models, such as builtin\\+texture"):
        Ensemble(which)


def test_members_may_have_options_of_their_own(registry):
    nested = Ensemble(["ensemble:pixels+colours", {"name": "pixels", "size": 4}], registry)
    assert nested.dim == 3 * 28**2 + 3 + 3 * 16
    with pytest.raises(BadOption, match="did you mean size"):
        Ensemble([{"name": "pixels", "siz": 4}, "texture"])
