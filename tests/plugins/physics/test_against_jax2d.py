"""Our steps against those of Jax2D 1.0.2 itself, which `data/make_jax2d.py` has written down.

The scenes have no exact ties, and no arms far longer than what they turn: there the scheme makes 1e-6 a millimetre.
"""

from __future__ import annotations

import numpy as np
import pytest

from .golden import CASES, FILE, FREE, STEPS
from .runs import Frames, histories

JOINED = "car"


@pytest.fixture(scope="module")
def ours() -> dict[str, Frames]:
    return histories(CASES, STEPS)


def both(ours: dict[str, Frames], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Place and rotation, then velocities, of all that is there."""
    seen, there = ours[name], np.asarray(CASES[name].scene.shapes.active)
    rows = np.concatenate([seen.x, seen.rotation[..., None], seen.v], axis=-1)[:, there]
    with np.load(FILE) as kept:
        return rows, kept[name]


@pytest.mark.parametrize("name", FREE)
def test_what_touches_nothing_moves_as_in_jax2d_to_rounding(ours: dict[str, Frames], name: str) -> None:
    assert not ours[name].touching.any()
    mine, theirs = both(ours, name)
    assert np.allclose(mine[..., :3], theirs[..., :3], rtol=0, atol=3e-5)  # up to 24 radians
    assert np.allclose(mine[..., 3:], theirs[..., 3:], rtol=0, atol=5e-5)  # up to 18 m/s


@pytest.mark.parametrize("name", [name for name in CASES if name not in (*FREE, JOINED)])
def test_what_collides_moves_as_in_jax2d(ours: dict[str, Frames], name: str) -> None:
    assert ours[name].touching.any()
    mine, theirs = both(ours, name)
    assert np.allclose(mine[..., :3], theirs[..., :3], rtol=0, atol=1e-4)
    assert np.allclose(mine[..., 3:], theirs[..., 3:], rtol=0, atol=1e-3)


def test_what_is_joined_and_touches_stays_within_millimetres(ours: dict[str, Frames]) -> None:
    # Jax2D moves lever arms of contacts along with what joints shift within a step; ours stay until the next one
    assert ours[JOINED].touching.any()
    mine, theirs = both(ours, JOINED)
    assert np.abs(mine[..., :2] - theirs[..., :2]).max() < 2e-3
    assert mine[-1, 4, 0] - mine[0, 4, 0] > 0.3  # it drove
