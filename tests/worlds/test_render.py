"""The rasteriser paints what full-size blending paints, in the same order, and only where the shapes are."""

from __future__ import annotations

from functools import partial

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest

from alife.worlds.render import draw_discs, draw_triangles

LEVEL = 1 / 255
BLACK, WHITE = np.zeros(3), np.ones(3)


def pixels(img_size: int, side: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of every pixel, float64."""
    axis = np.linspace(0, side, img_size)
    return np.meshgrid(axis, axis, indexing="ij")


def blended(coverages: list[np.ndarray], colours: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Each shape over the whole picture, one after the other."""
    picture = np.ones((*coverages[0].shape, 3)) * ground
    for coverage, colour in zip(coverages, colours, strict=True):
        picture = picture * (1 - coverage[..., None]) + coverage[..., None] * colour
    return picture


def slow_discs(x, radius, colour, ground, img_size, side, sharpness) -> np.ndarray:
    px, py = pixels(img_size, side)
    covers = []
    for (cx, cy), r in zip(x, radius, strict=True):
        with np.errstate(over="ignore"):
            covers.append(1 - 1 / (1 + np.exp(-sharpness * (np.hypot(px - cx, py - cy) - r))))
    return blended(covers, colour, ground)


def slow_triangles(x, heading, colour, ground, img_size, side, size, sharpness) -> np.ndarray:
    """Barycentric coordinates from the corners themselves, by solving for them."""
    px, py = pixels(img_size, side)
    points = np.stack([px.ravel(), py.ravel(), np.ones(px.size)])
    covers = []
    for at, (hx, hy) in zip(x, heading, strict=True):
        to_world = np.array([[hx, -hy], [hy, hx]])  # columns: ahead, left
        corners = at[:, None] + size * to_world @ np.array([[0, 0, 3], [1, -1, 0]])
        barycentric = np.linalg.solve(np.vstack([corners, np.ones(3)]), points)
        with np.errstate(over="ignore"):
            covers.append((1 / (1 + np.exp(-sharpness * barycentric))).prod(0).reshape(px.shape))
    return blended(covers, colour, ground)


def scattered(n: int, side: float, seed: int, margin: float = 0.1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Places (some outside the picture), headings and colours."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    x = rng.uniform(-margin * side, (1 + margin) * side, (n, 2))
    return x, np.stack([np.cos(angle), np.sin(angle)], -1), rng.random((n, 3))


def f32(*arrays: np.ndarray) -> list[jax.Array]:
    return [jnp.asarray(a, jnp.float32) for a in arrays]


@pytest.mark.parametrize(
    ("n", "img_size", "side", "largest", "sharpness"),
    [(400, 64, 1.0, 0.01, 2000.0), (60, 97, 1.0, 0.04, 750.0), (30, 40, 12.0, 3.0, 1.5), (20, 8, 1.0, 0.7, 30.0)],
)
def test_discs_match_full_size_blending(n: int, img_size: int, side: float, largest: float, sharpness: float) -> None:
    x, _, colour = scattered(n, side, seed=n)
    radius = np.random.default_rng(n).uniform(0.2, 1, n) * largest
    expected = slow_discs(x, radius, colour, BLACK, img_size, side, sharpness)
    drawn = draw_discs(
        *f32(x, radius, colour), jnp.zeros(3), img_size=img_size, side=side, sharpness=sharpness, largest=largest
    )
    assert drawn.shape == (img_size, img_size, 3)
    assert np.abs(drawn - expected).max() <= LEVEL


@pytest.mark.parametrize(
    ("n", "img_size", "side", "size", "sharpness"),
    [(128, 112, 1.0, 0.015, 40.0), (10, 64, 1.0, 0.2, 40.0), (20, 50, 5.0, 0.3, 8.0)],
)
def test_triangles_match_full_size_blending(n: int, img_size: int, side: float, size: float, sharpness: float) -> None:
    x, heading, colour = scattered(n, side, seed=n)
    expected = slow_triangles(x, heading, colour, WHITE, img_size, side, size, sharpness)
    drawn = draw_triangles(
        *f32(x, heading, colour), jnp.ones(3), img_size=img_size, side=side, size=size, sharpness=sharpness
    )
    assert np.abs(drawn - expected).max() <= LEVEL


def test_a_dense_clump_matches_too() -> None:
    # Faint rims that are left out must not add up where hundreds of discs meet.
    rng = np.random.default_rng(0)
    x, colour, radius = 0.5 + 0.02 * rng.standard_normal((1500, 2)), rng.random((1500, 3)), np.full(1500, 0.00316)
    expected = slow_discs(x, radius, colour, BLACK, 224, 1.0, 2000.0)
    drawn = draw_discs(*f32(x, radius, colour), jnp.zeros(3), img_size=224, side=1.0, sharpness=2000.0, largest=0.00316)
    assert np.abs(drawn - expected).max() <= LEVEL


def test_later_shapes_lie_over_earlier_ones() -> None:
    x, red_blue = jnp.full((2, 2), 0.5), jnp.array([[1.0, 0, 0], [0, 0, 1.0]])
    draw = partial(draw_discs, x, jnp.full(2, 0.2), img_size=33, side=1.0, sharpness=200.0, largest=0.2)
    assert np.allclose(draw(red_blue, jnp.zeros(3))[16, 16], [0, 0, 1], atol=1e-4)
    assert np.allclose(draw(red_blue[::-1], jnp.zeros(3))[16, 16], [1, 0, 0], atol=1e-4)


def test_the_first_axis_is_the_first_coordinate_and_the_ends_are_pixels() -> None:
    corner = draw_discs(
        jnp.array([[1.0, 0.0]]), jnp.ones(1) * 0.01, jnp.ones((1, 3)), jnp.zeros(3),
        img_size=11, side=1.0, sharpness=2000.0, largest=0.01,
    )  # fmt: skip
    assert np.argwhere(np.asarray(corner[:, :, 0]) > 0.5).tolist() == [[10, 0]]


def test_a_triangle_points_where_it_heads() -> None:
    shape = draw_triangles(
        jnp.array([[0.2, 0.5]]), jnp.array([[1.0, 0.0]]), jnp.zeros((1, 3)), jnp.ones(3),
        img_size=101, side=1.0, size=0.2, sharpness=300.0,
    )  # fmt: skip
    width = (np.asarray(shape[:, :, 0]) < 0.5).sum(1)  # across the first axis, from the short edge to the tip
    assert width[10] == 0 and width[25] > width[45] > width[65] > 0 and width[85] == 0


def test_shapes_far_away_leave_the_picture_alone() -> None:
    x = jnp.array([[-50.0, 0.5], [0.5, 1e6], [7.0, -3.0]])
    drawn = draw_discs(
        x, jnp.full(3, 0.1), jnp.zeros((3, 3)), jnp.ones(3), img_size=16, side=1.0, sharpness=100.0, largest=0.1
    )
    assert (drawn == 1).all()


def test_a_place_that_is_not_a_number_shows() -> None:
    # The engine finds broken worlds by NaNs in their pictures; a shape must not vanish instead.
    x = jnp.array([[jnp.nan, 0.5]])
    drawn = draw_discs(
        x, jnp.ones(1), jnp.ones((1, 3)), jnp.zeros(3), img_size=16, side=1.0, sharpness=100.0, largest=0.1
    )
    assert jnp.isnan(drawn).any()


def test_many_pictures_at_once_are_the_same_as_one_by_one() -> None:
    many = [scattered(20, 1.0, seed) for seed in range(3)]
    x, heading, colour = (jnp.stack(f32(*part)) for part in zip(*many, strict=True))
    radius = jnp.full((3, 20), 0.05)
    discs = partial(draw_discs, ground=jnp.zeros(3), img_size=32, side=1.0, sharpness=300.0, largest=0.05)
    triangles = partial(draw_triangles, ground=jnp.ones(3), img_size=32, side=1.0, size=0.05, sharpness=40.0)
    for draw, parts in ((discs, (x, radius, colour)), (triangles, (x, heading, colour))):
        together = jax.jit(jax.vmap(draw))(*parts)
        for picture, *one in zip(together, *parts, strict=True):
            assert np.allclose(picture, draw(*one), atol=1e-6)


def made(jaxpr) -> list[int]:
    """How many numbers every operation of a program makes, loops entered once."""
    inner = [sub for eqn in jaxpr.eqns for sub in jax.extend.core.jaxprs_in_params(eqn.params)]
    return [v.aval.size for eqn in jaxpr.eqns for v in eqn.outvars] + [n for sub in inner for n in made(sub)]


@pytest.mark.parametrize("n", [10, 5000])
def test_no_array_has_both_a_particle_and_a_picture_axis(n: int) -> None:
    x, heading, colour = f32(*scattered(n, 1.0, 0))
    discs = partial(draw_discs, ground=jnp.zeros(3), img_size=224, side=1.0, sharpness=2000.0, largest=0.004)
    triangles = partial(draw_triangles, ground=jnp.zeros(3), img_size=224, side=1.0, size=0.015, sharpness=40.0)
    picture = 224**2 * 3
    assert max(made(jax.make_jaxpr(discs)(x, jnp.full(n, 0.003), colour).jaxpr)) <= picture
    assert max(made(jax.make_jaxpr(triangles)(x, heading, colour).jaxpr)) <= picture


def test_the_work_for_one_disc_follows_its_size_and_not_the_picture() -> None:
    def work(img_size: int, largest: float) -> int:
        draw = partial(draw_discs, img_size=img_size, side=0.01 * (img_size - 1), sharpness=2000.0, largest=largest)
        program = jax.make_jaxpr(draw)(jnp.zeros((2, 2)), jnp.zeros(2), jnp.zeros((2, 3)), jnp.zeros(3))
        (loop,) = [eqn for eqn in program.jaxpr.eqns if eqn.primitive.name in ("scan", "while")]
        bodies = jax.extend.core.jaxprs_in_params(loop.params)
        return sum(n for body in bodies for n in made(body) if n < img_size**2)  # the picture is changed in place

    assert work(640, 0.02) == work(64, 0.02)
    assert work(640, 0.2) > 10 * work(640, 0.02)
