"""Contact sheets hold every picture where it belongs, and show the lifeforms that differ most."""

from __future__ import annotations

import numpy as np
import pytest

from alife.errors import BadOption
from alife.storage.sheet import GROUND, best_columns, contact_sheet, fit, most_different

COLOURS = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250], [250, 250, 20], [20, 250, 250]], np.uint8)


def plain(count: int, size: int = 32) -> np.ndarray:
    """Pictures of one colour each."""
    return np.broadcast_to(COLOURS[np.arange(count) % 5][:, None, None], (count, size, size, 3)).copy()


def inside(sheet: np.ndarray, colour: np.ndarray) -> tuple[int, int, int]:
    """Pixels of exactly this colour: how many, the first row and the first column of them."""
    rows, columns = np.nonzero((sheet == colour).all(-1))
    return len(rows), int(rows.min()), int(columns.min())


def test_every_picture_is_there_in_reading_order() -> None:
    sheet = contact_sheet(plain(5), [f"#{i}" for i in range(5)], columns=3, tile=64, title="five")
    counts, tops, lefts = zip(*(inside(sheet, colour) for colour in COLOURS), strict=True)
    assert all(0.9 * 64**2 < count <= 64**2 for count in counts)  # less the hairline and the corners
    assert tops[0] == tops[1] == tops[2] < tops[3] == tops[4]
    assert lefts[0] == lefts[3] < lefts[1] == lefts[4] < lefts[2]


def test_corners_are_soft_and_the_ground_dark() -> None:
    sheet = contact_sheet(plain(1), [""], tile=64)
    margin = (sheet.shape[1] - 64) // 2
    assert tuple(sheet[0, 0]) == tuple(sheet[margin, margin]) == GROUND
    assert tuple(sheet[margin + 32, margin + 32]) == tuple(COLOURS[0])


def test_labels_and_title_take_room_only_when_given() -> None:
    bare = contact_sheet(plain(4), [""] * 4, tile=64).shape
    labelled = contact_sheet(plain(4), ["a", "", "", ""], tile=64).shape
    titled = contact_sheet(plain(4), [""] * 4, tile=64, title="t").shape
    assert bare[1] == labelled[1] == titled[1]
    assert bare[0] < labelled[0]
    assert bare[0] < titled[0]


def test_a_long_label_stays_under_its_own_tile() -> None:
    short = contact_sheet(plain(2), ["", "b"], columns=2, tile=64)
    long = contact_sheet(plain(2), ["a very long label " * 9, "b"], columns=2, tile=64)
    middle = long.shape[1] // 2
    assert np.array_equal(short[:, middle:], long[:, middle:])
    assert not np.array_equal(short, long)


def test_the_same_sheet_every_time() -> None:
    sheets = [contact_sheet(plain(7), ["x"] * 7, title="t") for _ in range(2)]
    assert np.array_equal(*sheets)


@pytest.mark.parametrize("count", range(1, 101))
def test_sheets_have_pleasant_proportions(count: int) -> None:
    columns = best_columns(count)
    rows = -(-count // columns)
    assert (rows - 1) * columns < count <= rows * columns
    assert rows * columns - count < max(2, columns / 1.6)  # the last row is never nearly empty
    assert count < 4 or 1 <= columns / rows <= 3


def test_small_pictures_become_crisp_blocks() -> None:
    board = (np.indices((4, 4)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, -1)
    assert np.array_equal(fit(board, 20), board.repeat(5, 0).repeat(5, 1))


def test_cells_stay_equally_wide_where_the_sizes_do_not_divide() -> None:
    stripes = (np.arange(6) % 2 * 255).astype(np.uint8)[None, :, None].repeat(6, 0).repeat(3, -1)
    shown = fit(stripes, 16)[0, :, 0] / 255
    light = [shown[1:7].sum(), shown[7:12].sum(), shown[12:].sum()]  # around the bright cells 1, 3 and 5
    assert light == pytest.approx([16 / 6] * 3, abs=0.01)


def test_large_pictures_are_averaged_over_their_area() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    mean = noise.reshape(32, 3, 32, 3, 3).mean((1, 3))
    assert np.abs(fit(noise, 32) - mean).max() <= 1


@pytest.mark.parametrize(
    ("count", "labels", "options", "said"),
    [
        (0, 0, {}, "at least one picture"),
        (3, 2, {}, "3 pictures have 2 labels"),
        (3, 3, {"columns": 0}, "columns is 0"),
        (3, 3, {"tile": 8}, "tile is 8"),
    ],
)
def test_wrong_input_is_named(count: int, labels: int, options: dict[str, int], said: str) -> None:
    with pytest.raises(BadOption, match=said):
        contact_sheet(plain(count), [""] * labels, **options)


# --- the most different


def on_circle(*degrees: float) -> np.ndarray:
    turn = np.deg2rad(np.array(degrees))
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def test_each_next_one_is_the_farthest_from_all_before() -> None:
    z = on_circle(0, 10, 100, 180, 250)
    assert most_different(z, 5, first=0).tolist() == [0, 3, 2, 4, 1]  # 180; then 100 is 80 off, 250 is 70 off, 10 last


def test_length_does_not_count_only_direction() -> None:
    z = on_circle(0, 10, 100, 180, 250) * np.array([[1], [9], [0.1], [3], [2]])
    assert most_different(z, 5, first=0).tolist() == [0, 3, 2, 4, 1]


def test_without_a_first_one_it_begins_with_the_outsider() -> None:
    assert most_different(on_circle(0, 5, 10, 90), 1).tolist() == [3]


def test_no_row_twice_even_among_equals_and_no_more_than_there_are() -> None:
    assert most_different(on_circle(0, 0, 0), 9, first=1).tolist() == [1, 0, 2]


def test_clusters_are_each_seen_once_before_any_is_seen_twice() -> None:
    centres = np.eye(12)[np.repeat(np.arange(12), 50)]
    z = centres + 0.05 * np.random.default_rng(0).normal(size=centres.shape)
    chosen = most_different(z, 12)
    assert sorted(chosen // 50) == list(range(12))
    assert chosen.tolist() == most_different(z.astype(np.float32), 12).tolist()


@pytest.mark.parametrize(("n", "first", "said"), [(0, None, "asked for the 0"), (2, 3, "first is 3"), (2, -1, "first")])
def test_impossible_choices_are_named(n: int, first: int | None, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        most_different(on_circle(0, 1, 2), n, first)
