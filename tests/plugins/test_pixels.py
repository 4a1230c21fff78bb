"""Pixels is the published small picture, for every size and every colour."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.pixels import Pixels

from .pictures import picture


def published(image: np.ndarray) -> np.ndarray:
    """As ASAL defines it: normal colours, blocks of 8 x 8 pixels, channel by channel, unit length."""
    normal = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    side = len(image) // 8
    blocks = normal.reshape(side, 8, side, 8, 3).mean((1, 3))
    z = blocks.transpose(2, 0, 1).ravel()
    return z / np.linalg.norm(z)


def test_is_the_published_one_at_224() -> None:
    image = picture("creatures", 1, 224, recolour=True)
    z = Pixels().embed_images(jnp.asarray(image)[None])
    assert z.shape == (1, Pixels().dim) == (1, 2352)
    np.testing.assert_allclose(z[0], published(image), atol=1e-6)


@pytest.mark.parametrize("size", [1, 5, 28, 40, 64, 100])
def test_unit_length_at_any_size(size: int) -> None:
    images = jnp.asarray(np.stack([picture("blobs", seed, size) for seed in (1, 2)]))
    z = Pixels(size=7).embed_images(images)
    np.testing.assert_allclose(jnp.linalg.norm(z, axis=1), 1, atol=1e-5)


def test_the_same_picture_is_near_at_another_size() -> None:
    model = Pixels(size=8)
    small, large = (model.embed_images(jnp.asarray(picture("blobs", 1, size))[None])[0] for size in (60, 224))
    assert float(small @ large) > 0.999


@pytest.mark.parametrize("colour", [(0, 0, 0), (1, 1, 1), (0.485, 0.456, 0.406)])
def test_even_pictures_have_a_direction(colour: tuple[float, float, float]) -> None:
    z = Pixels(size=4).embed_images(jnp.broadcast_to(jnp.array(colour, jnp.float32), (1, 16, 16, 3)))
    assert float(jnp.linalg.norm(z)) == pytest.approx(1, abs=1e-5)


def test_place_and_colour_matter() -> None:
    image = np.zeros((32, 32, 3), np.float32)
    image[:16, :16, 0] = 1
    red_above, red_below, blue_above = Pixels(size=4).embed_images(jnp.stack([image, image[::-1], image[..., ::-1]]))
    assert float(red_above @ red_below) < 0.9
    assert float(red_above @ blue_above) < 0.9


def test_bytes_do_not_depend_on_the_batch() -> None:
    embed = jax.jit(Pixels().embed_images)
    images = np.stack([picture("maze", seed, 96) for seed in range(8)])
    np.testing.assert_array_equal(embed(images)[:1], embed(images[:1]))
    np.testing.assert_array_equal(embed(images)[:3], embed(images[:3]))


def test_identity_follows_what_changes_the_embedding() -> None:
    assert Pixels().identity == Pixels(image_size=64).identity
    assert Pixels().identity != Pixels(size=8).identity


@pytest.mark.parametrize("options", [{"size": 0}, {"image_size": -1}])
def test_refuses_options_that_mean_nothing(options: dict[str, int]) -> None:
    with pytest.raises(BadOption, match="1 or more"):
        Pixels(**options)


def test_knows_no_text() -> None:
    assert not hasattr(Pixels(), "embed_text")
