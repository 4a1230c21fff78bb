"""The page as a person drives it, in a real browser that reaches nothing but the server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alife.storage import open_archive

from ..flow.chromium import BINARY, PATIENCE, Chromium

pytestmark = pytest.mark.skipif(BINARY is None, reason="no Chromium is installed")

ARRIVED = "document.getElementById('count').textContent.includes('lifeforms')"
OPENED = "document.querySelector('#life h2')?.textContent"


@pytest.fixture(scope="module")
def browser(served: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with Chromium(tmp_path_factory.mktemp("profile"), width=1440, height=900, loopback=True) as browser:
        yield browser


@pytest.fixture
def page(browser: Chromium, served: str) -> Iterator[Chromium]:
    """The first run, just opened; afterwards it has to be without complaint, and to have asked nobody else."""
    browser.complaints.clear()
    browser.call("Page.navigate", url="about:blank")
    browser.visit(f"{served}/")
    browser.wait(ARRIVED)
    yield browser
    assert [said for said in browser.complaints if not said.startswith(f"{served}/")] == []


def seen(page: Chromium, place: Path) -> np.ndarray:
    """The field as it is on the screen, [y, x, rgb]."""
    page.screenshot(place)
    return np.asarray(Image.open(place).convert("RGB"))[80:]


def test_life_is_the_first_thing_seen_and_it_moves(page: Chromium, runs: list[Path], tmp_path: Path) -> None:
    archive = open_archive(runs[0])
    alive, end = np.concatenate([life.frames for life in archive]).mean() / 255, time.monotonic() + PATIENCE
    # Cells of life are white on black: as much of the field is white as of the stored pictures, and it does not rest.
    while not 0.4 * alive < ((first := seen(page, tmp_path / "a.png")) > 200).all(2).mean() < 2 * alive:
        assert time.monotonic() < end, "no pictures of life"
    while np.array_equal(first, seen(page, tmp_path / "b.png")):
        assert time.monotonic() < end, "nothing moves"
    page.click("#play")
    page.wait("document.getElementById('play').textContent == 'Play'")
    while not np.array_equal(seen(page, tmp_path / "c.png"), seen(page, tmp_path / "d.png")):
        assert time.monotonic() < end, "it does not rest"
    assert page.run("document.getElementById('count').textContent") == f"{len(archive)} lifeforms"
    assert page.run("document.title") == "life"
    page.wait("document.getElementById('atlas').clientHeight > 0.9 * (innerHeight - 60)")


def test_a_lifeform_opens_plays_and_proves_itself(page: Chromium, served: str) -> None:
    page.click("#atlas")
    page.wait(OPENED)
    opened = page.run(OPENED)
    assert page.run("location.hash") == f"#life={opened.split()[1]}"
    page.wait("document.getElementById('film').width == 32")  # the stored picture, pixel by pixel
    page.click("#replay")
    page.wait("document.querySelector('.verdict').textContent == 'same bytes'")
    page.click("#close")
    assert page.run("document.getElementById('life').hidden") and page.run("location.hash") == ""


def test_an_address_brings_a_lifeform_back(page: Chromium, served: str) -> None:
    page.call("Page.navigate", url="about:blank")
    page.visit(f"{served}/#life=3")
    page.wait(f"{OPENED} == 'Lifeform 3'")
    page.call("Page.navigate", url="about:blank")
    page.visit(f"{served}/#life=99999")
    page.wait("document.querySelector('#life .failed')?.textContent.includes('whole numbers')")
    page.complaints[:] = [said for said in page.complaints if "404" not in said]


def test_the_keyboard_reaches_everything(page: Chromium) -> None:
    page.run("document.getElementById('atlas').focus()")
    page.key("ArrowRight", 39)
    hint = page.run("document.getElementById('hint').textContent")
    assert hint.startswith("lifeform ")
    page.key("ArrowLeft", 37)
    page.wait(f"document.getElementById('hint').textContent != {hint!r}")
    page.key("Enter", 13)
    page.wait(OPENED)
    page.key("Escape", 27)
    page.wait("document.getElementById('life').hidden && document.activeElement.id == 'atlas'")


def test_hostile_texts_stay_texts(page: Chromium) -> None:
    page.run(
        "(() => { const e = document.getElementById('runs'); e.value = 1; e.dispatchEvent(new Event('change')); })()"
    )
    page.wait("document.title.includes('<img src=x')")
    page.click("#atlas")
    page.wait(OPENED)
    assert page.run("typeof hacked") == "undefined"
    assert page.run("document.querySelectorAll('img').length") == 0


def test_zooming_in_shows_fewer_and_larger_ones(page: Chromium) -> None:
    page.run(
        "(() => { const e = document.getElementById('size'); e.value = 240; e.dispatchEvent(new Event('input')); })()"
    )
    page.run("document.getElementById('atlas').focus()")
    for _ in range(3):
        page.key("+", 187)
    page.wait("/^showing \\d+ of \\d+ lifeforms$/.test(document.getElementById('count').textContent)")
    page.click("#fit")
    page.wait("document.getElementById('count').textContent.includes('lifeforms')")
