"""Texture sees what fills a picture: kinds lie together, whatever their place, direction, colours and size."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins import texture
from alife.plugins.texture import Texture

from .pictures import KINDS, collection, life, picture, purity

EMBED = jax.jit(Texture().embed_images)


GOLDEN = [-0.085, 0.010, 0.059, -0.272, 0.110, -0.059, -0.245, -0.324, -0.148, -0.190, -0.042, -0.038, 0.0]
"""Every fifth number or so of one picture's embedding."""


def embed(images: np.ndarray) -> np.ndarray:
    return np.asarray(EMBED(np.asarray(images, np.float32)))


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Between pictures of the same place in two stacks."""
    return (embed(a) * embed(b)).sum(1)


def grey(fields: list[np.ndarray]) -> np.ndarray:
    """Fields as pictures of one pixel per cell."""
    return np.repeat(np.stack(fields)[..., None], 3, axis=-1).astype(np.float32)


@pytest.fixture(scope="module")
def zoo() -> np.ndarray:
    """One picture of each kind, recoloured, on seeds that nothing was tuned on."""
    return np.stack([picture(kind, 300_000, 128, recolour=True) for kind in KINDS])


@pytest.fixture(scope="module")
def moved() -> tuple[np.ndarray, np.ndarray]:
    """Ten pictures of each kind, recoloured, zoomed and turned."""
    return collection(10, 200_000, 128, recolour=True, move=True)


def test_one_unit_vector_per_picture(zoo: np.ndarray) -> None:
    z = embed(zoo)
    assert z.shape == (len(KINDS), Texture().dim)
    assert z.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("size", [16, 63, 100])
def test_any_size_from_16(size: int) -> None:
    z = Texture().embed_images(jnp.asarray(picture("maze", 1, size))[None])
    assert np.linalg.norm(z) == pytest.approx(1, abs=1e-5)


def test_even_pictures_are_nothing_whatever_their_colour(zoo: np.ndarray) -> None:
    even = [np.full((128, 128, 3), colour) for colour in (0, 1, 0.5, (0.7, 0.1, 0.3))]
    rng = np.random.default_rng(0)
    even.append(0.7 + rng.uniform(-1, 1, (128, 128, 3)) / 1_000)  # less than a grey level
    z = embed(np.stack(even))
    assert np.isfinite(z).all()
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, atol=1e-5)
    assert (z @ z.T).min() > 0.9
    assert np.abs(z @ embed(zoo).T).max() < 0.2  # the colour part is all they share


def test_a_fading_world_goes_steadily_to_nothing() -> None:
    strengths = [1, 0.1, 0.03, 0.01, 0.003, 0.001, 0]
    z = embed(np.stack([strength * picture("life", 1, 128) for strength in strengths]))
    to_nothing = z @ z[-1]
    assert (np.diff(to_nothing) > 0).all()
    assert to_nothing[0] < 0.1


def test_one_glider_is_not_nothing() -> None:
    cells = np.zeros((128, 128))
    cells[[60, 61, 62, 62, 62], [61, 62, 60, 61, 62]] = 1
    z = embed(grey([cells, np.roll(cells, (40, 77), (0, 1)), np.zeros((128, 128))]))
    assert z[0] @ z[1] > 0.995
    assert z[0] @ z[2] < 0.1


def test_place_and_mirror_images_do_not_matter(zoo: np.ndarray) -> None:
    assert cosines(zoo, np.roll(zoo, (31, 77), (1, 2))).min() > 0.995
    assert cosines(zoo, zoo[:, :, ::-1]).min() > 0.995
    assert cosines(zoo, np.rot90(zoo, axes=(1, 2))).min() > 0.995


def test_colours_do_not_matter_to_a_colour_blind_one(zoo: np.ndarray) -> None:
    blind = jax.jit(Texture(colour=0).embed_images)
    z, swapped, negative = blind(zoo), blind(zoo[..., [2, 0, 1]]), blind(1 - zoo)
    np.testing.assert_allclose(z, swapped, atol=2e-4)
    np.testing.assert_allclose(z, negative, atol=2e-4)
    assert (np.asarray(z) * embed(zoo)).sum(1).max() < 0.9999  # the other one does see them


@pytest.mark.parametrize(("size", "at_least"), [(64, 0.7), (96, 0.9), (224, 0.9)])
def test_the_same_picture_at_another_size(zoo: np.ndarray, size: int, at_least: float) -> None:
    others = embed(np.stack([picture(kind, 300_000, size, recolour=True) for kind in KINDS]))
    same = (embed(zoo) * others).sum(1)
    assert np.median(same) > at_least


def test_small_changes_change_little(zoo: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    noisy = np.clip(zoo + rng.normal(0, 0.005, zoo.shape), 0, 1)
    assert cosines(zoo, noisy).min() > 0.995
    assert cosines(zoo, np.round(zoo * 255) / 255).min() > 0.999


def test_moments_of_one_world_are_nearer_than_other_kinds() -> None:
    """What the scores for open-endedness and illumination live on."""
    settled = [life(np.random.default_rng(5), steps) for steps in (150, 170, 200, 250)]
    z = embed(grey(settled))
    others = embed(np.stack([picture(kind, 1, 112) for kind in KINDS if kind != "life"]))
    assert (z @ z.T).min() > (z @ others.T).max()
    assert (z @ z.T).min() > 0.9


def test_cosines_spread_and_unlike_kinds_are_near_zero(moved: tuple[np.ndarray, np.ndarray]) -> None:
    images, labels = moved
    z = embed(images)
    same = labels[:, None] == labels
    cosine = z @ z.T
    assert np.median(cosine[same]) > 0.7
    assert abs(np.median(cosine[~same])) < 0.15
    assert np.percentile(cosine[~same], 5) < -0.4


def test_kinds_lie_together(moved: tuple[np.ndarray, np.ndarray]) -> None:
    """Purity on new seeds; the colours alone, the pixels and the power spectrum alone all stay below it."""
    images, labels = moved
    z = embed(images)
    assert purity(z, labels) > 0.72
    colours = images.mean((1, 2)) - 0.5
    assert purity(colours / np.linalg.norm(colours, axis=1, keepdims=True), labels) < 0.2
    assert purity(z[np.random.default_rng(0).permutation(len(z))], labels) < 0.2
    rings = len(texture.RINGS)
    spectrum = z[:, :rings] / np.linalg.norm(z[:, :rings], axis=1, keepdims=True)
    assert purity(spectrum, labels) < 0.55


def test_bytes_do_not_depend_on_the_batch(zoo: np.ndarray) -> None:
    eight = embed(zoo[:8])
    np.testing.assert_array_equal(eight[:1], embed(zoo[:1]))
    np.testing.assert_array_equal(eight[:3], embed(zoo[:3]))


def test_works_under_vmap_and_gives_the_same(zoo: np.ndarray) -> None:
    worlds = jnp.asarray(zoo[:4]).reshape(2, 2, 128, 128, 3)
    z = jax.vmap(Texture().embed_images)(worlds)
    np.testing.assert_allclose(z.reshape(4, -1), embed(zoo[:4]), atol=1e-5)


def test_the_table_is_that_of_the_pictures() -> None:
    """Centre and scale put the raw numbers of new pictures round 0 with a spread of 1."""
    images, _ = collection(3, 400_000, 224, recolour=True)
    measured, _ = jax.jit(lambda pictures: jax.lax.map(texture.measure, pictures))(images)
    for name, values in measured.items():
        centre, scale = texture._table()[name]
        deviation = (np.asarray(values) - centre) / scale
        assert np.abs(deviation.mean(0)).max() < 1, name
        assert 0.3 < deviation.std(0).min() <= deviation.std(0).max() < 2, name


def test_what_version_1_returns() -> None:
    """A change of these numbers needs another VERSION, or old archives would be compared with new embeddings."""
    y, x = jnp.meshgrid(jnp.arange(96) / 96, jnp.arange(96) / 96, indexing="ij")
    waves = 0.5 + 0.5 * jnp.sin(2 * jnp.pi * (5 * x + 3 * y)) * jnp.cos(2 * jnp.pi * 9 * y)
    image = waves[..., None] * jnp.array([1, 0.5, 0.2])
    z = np.asarray(Texture().embed_images(image[None]))[0]
    assert texture.VERSION == "texture-1"
    np.testing.assert_allclose(z[[0, 5, 8, 11, 14, 27, 30, 35, 45, 49, 52, 55, 59]], GOLDEN, atol=2e-3)


def test_identity_follows_what_changes_the_embedding() -> None:
    assert Texture().identity == Texture(image_size=64).identity
    assert Texture().identity != Texture(colour=0.5).identity


@pytest.mark.parametrize("options", [{"image_size": 8}, {"colour": -1}, {"colour": float("nan")}])
def test_refuses_options_that_mean_nothing(options: dict[str, float]) -> None:
    with pytest.raises(BadOption, match=f"texture got {next(iter(options))}"):
        Texture(**options)


@pytest.mark.parametrize("shape", [(1, 8, 8, 3), (1, 32, 64, 3)])
def test_refuses_pictures_it_cannot_read(shape: tuple[int, ...]) -> None:
    with pytest.raises(BadOption, match="square"):
        Texture().embed_images(jnp.zeros(shape))


def test_knows_no_text() -> None:
    assert not hasattr(Texture(), "embed_text")
