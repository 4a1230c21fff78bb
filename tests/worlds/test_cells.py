"""Sorting particles into cells, against looking each of them up."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from alife.worlds.cells import into_cells, line_of


@pytest.mark.parametrize(("n", "edge", "columns", "side"), [(1, 3, None, 1.0), (300, 7, None, 2.5), (300, 4, 40, 1.0)])
def test_everyone_is_in_the_cell_of_its_position(n: int, edge: int, columns: int | None, side: float) -> None:
    x = np.random.default_rng(n).random((n, 2)) * side
    cells = into_cells(jnp.asarray(x, jnp.float32), side, edge, columns)
    columns = columns or edge
    assert sorted(cells.order.tolist()) == list(range(n))
    assert cells.start.shape == (edge * columns + 1,)
    for number in range(edge * columns):
        members = np.asarray(cells.order[cells.start[number] : cells.start[number + 1]])
        at = np.floor(x[members] * [edge, columns] / side).astype(int)
        assert (at == divmod(number, columns)).all()
        assert (np.diff(members) > 0).all()  # so that sums are taken in one order, always


def test_all_in_one_cell_fit() -> None:
    cells = into_cells(jnp.full((500, 2), 0.95), 1.0, 10)
    assert (cells.start[:-1] == 0).all()
    assert cells.start[-1] == 500


def test_a_position_rounded_up_to_the_edge_is_in_the_last_cell() -> None:
    x = jnp.array([[1.0, 0.0], [0.0, 1.0]])
    assert into_cells(x, 1.0, 4).start[jnp.array([3, 4, 12, 13])].tolist() == [0, 1, 1, 2]
    assert line_of(jnp.array([-1e-9, 2.0]), 1.0, 4).tolist() == [0, 3]


def test_many_particles_in_many_cells_do_not_overflow_a_word() -> None:
    x = np.random.default_rng(0).random((60_000, 2), np.float32)  # 256 x 256 cells: 3.9 of 4.29 thousand millions
    cells = into_cells(jnp.asarray(x), 1.0, 256)
    at = np.floor(x[np.asarray(cells.order)] * 256).astype(int) @ [256, 1]
    assert (np.diff(at) >= 0).all()
