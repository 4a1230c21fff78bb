"""The embedded model with the weights that ship: it sees, it reads, and it says so when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import AlifeError, BadOption
from alife.plugins.builtin import model as module
from alife.plugins.builtin.model import WEIGHTS, Builtin, Structure, resized
from alife.plugins.builtin.tower import SIDE

BESIDE = WEIGHTS.parent


@pytest.fixture(scope="module")
def builtin() -> Builtin:
    return Builtin()


def discs(
    places: list[tuple[float, float]], radius: float, colour: tuple, ground: tuple, size: int = SIDE
) -> np.ndarray:
    """A picture of discs; places, radius and the edge's softness in pictures."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    away = np.min([np.hypot(x - a, y - b) for a, b in places], axis=0)
    inside = np.clip(0.5 + (radius - away) * SIDE, 0, 1)[..., None]
    return (np.array(ground) * (1 - inside) + np.array(colour) * inside).astype(np.float32)


def circle(n: int) -> list[tuple[float, float]]:
    return [(0.5 + 0.3 * np.cos(t), 0.5 + 0.3 * np.sin(t)) for t in 2 * np.pi * np.arange(n) / n]


RED, BLACK, WHITE, BLUE = (0.95, 0.05, 0.05), (0.02,) * 3, (0.97,) * 3, (0.1, 0.25, 0.9)
PICTURES = {
    "a ring of red discs": discs(circle(14), 0.05, RED, BLACK),
    "one large blue disc on a white ground": discs([(0.5, 0.5)], 0.3, BLUE, WHITE),
    "three white discs on a blue ground": discs([(0.2, 0.3), (0.7, 0.25), (0.5, 0.75)], 0.09, WHITE, BLUE),
    "black and white stripes": np.repeat(np.sin(np.arange(SIDE) / 3)[:, None, None] > 0, SIDE, 1)
    * np.ones(3, np.float32),
    "noise": np.random.default_rng(0).random((SIDE, SIDE, 3), np.float32),
}


@pytest.mark.parametrize("size", [96, 224])
def test_each_text_finds_its_picture(builtin, size):
    images = np.stack([np.asarray(jax.image.resize(p, (size, size, 3), "nearest")) for p in PICTURES.values()])
    cosines = np.asarray(builtin.embed_images(images)) @ builtin.embed_text(list(PICTURES)).T
    assert cosines.argmax(0).tolist() == list(range(len(PICTURES)))


def test_a_film_shows_its_motion(builtin):
    def film(places):
        return np.stack([discs([place], radius, RED, BLACK) for place, radius in places])

    times = np.linspace(0, 1, 8)
    films = np.stack(
        [
            film([((0.5, 0.5), 0.12) for _ in times]),
            film([((0.2 + 0.6 * t, 0.3 + 0.3 * t), 0.12) for t in times]),
            film([((0.5, 0.5), 0.08 + 0.22 * t) for t in times]),
            film([((0.5, 0.5), 0.30 - 0.22 * t) for t in times]),
        ]
    )
    words = ["still", "moving", "growing", "shrinking"]
    cosines = np.asarray(builtin.embed_video(films)) @ builtin.embed_text(words).T
    assert cosines.argmax(1).tolist() == [0, 1, 2, 3]


def test_one_picture_shows_no_motion(builtin):
    z = np.asarray(builtin.embed_images(PICTURES["noise"][None]))
    assert float(z[0] @ builtin.embed_text(["growing"])[0]) == 0


def test_structure_is_blind_to_colour_but_not_to_shape():
    first, second = discs(circle(9), 0.07, RED, BLACK), discs(circle(9), 0.07, BLUE, WHITE)
    stripes = PICTURES["black and white stripes"]
    z = np.asarray(Structure().embed_images(np.stack([first, second, stripes])))
    assert z[0] @ z[1] > 0.7 > z[0] @ z[2] + 0.3


def test_unknown_words_are_told_and_ignored(builtin):
    with pytest.warns(UserWarning, match="wibbly"):
        told = builtin.embed_text(["wibbly red dots"])
    assert np.allclose(told, builtin.embed_text(["red dots"]))
    with pytest.raises(BadOption, match="open_clip:ViT-B-32"):
        builtin.embed_text(["wibbly bamboozle"])


@pytest.mark.parametrize("size", [96, 97, 224, 512])
def test_resizing_keeps_the_mean(size):
    images = jax.random.uniform(jax.random.key(0), (1, size, size, 3))
    small = resized(images)
    assert small.shape == (1, SIDE, SIDE, 3)
    assert jnp.allclose(small.mean((1, 2)), images.mean((1, 2)), atol=0.01)


def test_small_pictures_stay_blocks():
    image = np.indices((48, 48)).sum(0) % 2 * np.ones((1, 3, 1, 1))
    image = np.moveaxis(image, 1, -1).astype(np.float32)
    assert set(np.unique(resized(image))) == {0.0, 1.0}


def test_pictures_that_are_not_square_are_refused(builtin):
    with pytest.raises(BadOption, match="40 x 50"):
        builtin.embed_images(np.zeros((1, 40, 50, 3), np.float32))


def test_wrong_weights_are_refused_in_one_line(tmp_path: Path):
    from safetensors.numpy import save_file

    with pytest.raises(AlifeError, match=r"no file .*train-builtin"):
        Builtin(str(tmp_path / "none.safetensors"))
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(WEIGHTS.read_bytes()[:1000])
    with pytest.raises(AlifeError, match="damaged"):
        Builtin(str(broken))
    save_file({"other": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(AlifeError, match="holds other weights"):
        Builtin(str(tmp_path / "other.safetensors"))


def test_identity_follows_the_weights(tmp_path: Path, builtin):
    from safetensors.numpy import load_file, save_file

    changed = load_file(WEIGHTS)
    changed["stem_in"] = changed["stem_in"] * np.float16(1.01)
    save_file(changed, tmp_path / "changed.safetensors")
    assert Builtin(str(tmp_path / "changed.safetensors")).identity != builtin.identity


def test_the_table_is_of_these_weights_and_meets_its_bars(builtin):
    table = json.loads((BESIDE / "evaluation.json").read_text())
    assert table["identity"] == builtin.identity
    bars = {"kind": 0.9, "colour": 0.9, "count": 0.8, "density": 0.9, "size": 0.9}
    assert {name: table["zero-shot accuracy"][name] >= bar for name, bar in bars.items()} == dict.fromkeys(bars, True)
    assert sum(path.stat().st_size for path in BESIDE.iterdir() if path.is_file()) < 8e6
    assert module.VERSION in builtin.identity
