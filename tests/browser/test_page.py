"""The page as a person drives it, in a real browser that reaches nothing but the server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import alife
from alife.cli import run_command
from alife.storage import open_archive

from ..flow.chromium import MISSED, PATIENCE, Chromium
from .conftest import serving

pytestmark = pytest.mark.skipif(MISSED, reason="no Chromium is installed")

ARRIVED = "document.getElementById('count').textContent.includes('lifeforms')"
OPENED = "document.querySelector('#life[data-whole] h2')?.textContent"


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
    page.visit(f"{served}/#run=9&life=99999")
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
    page.wait(f"document.title.includes('<img src=x') && {ARRIVED}")
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


COUNT = "document.getElementById('count').textContent"


def put(page: Chromium, selector: str, value: str, event: str = "input") -> None:
    """Writes into a field, and tells it as typing does."""
    page.run(
        f"(() => {{ const e = document.querySelector({selector!r}); e.value = {value!r};"
        f" e.dispatchEvent(new Event({event!r}, {{bubbles: true}})); }})()"
    )


def test_a_line_finds_and_the_address_remembers_it(page: Chromium, served: str, runs: list[Path]) -> None:
    archive = open_archive(runs[0])
    middle = float(np.median(archive.column("score")))
    some = len(archive.select(f"score>={middle}"))
    put(page, "#find", f"score>={middle}")
    page.wait(f"{COUNT} == '{some} of {len(archive)} lifeforms'")
    page.call("Page.navigate", url="about:blank")
    page.visit(f"{served}/#q=score%3E%3D{middle}")
    page.wait(f"{COUNT} == '{some} of {len(archive)} lifeforms'")
    put(page, "#find", "like:5")
    page.wait("document.getElementById('said').textContent.startsWith('the most alike first, as model texture')")
    put(page, "#find", "scor>1")
    page.wait("document.getElementById('said').textContent.includes('no column is called')")
    put(page, "#find", "")
    page.wait(f"{COUNT} == '{len(archive)} lifeforms'")
    page.complaints[:] = [said for said in page.complaints if "409" not in said]


def test_a_picture_is_dropped_and_its_like_is_found(page: Chromium) -> None:
    page.run(
        "(async () => { const c = new OffscreenCanvas(32, 32), g = c.getContext('2d'); g.fillRect(4, 4, 9, 9);"
        " const d = new DataTransfer(); d.items.add(new File([await c.convertToBlob()], 'a.png', {type: 'image/png'}));"
        " document.dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true, cancelable: true})); })()"
    )
    page.wait("/^picture:[0-9a-f]{12}$/.test(document.getElementById('find').value)")
    page.wait("document.getElementById('said').textContent.includes('the most alike first')")


def test_a_histogram_is_brushed_and_the_field_follows(page: Chromium, runs: list[Path]) -> None:
    everyone = len(open_archive(runs[0]))
    page.click("#number")
    page.wait("document.querySelectorAll('#numbers .chart').length > 3")
    x, y = page.middle("[data-number=score]")
    page.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, button="left", clickCount=1)
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x + 300, y=y, button="left", buttons=1)
    page.call("Input.dispatchMouseEvent", type="mouseReleased", x=x + 300, y=y, button="left", clickCount=1)
    page.wait("/^score>=/.test(document.getElementById('find').value)")
    page.wait(f"/^\\d+ of {everyone} lifeforms$/.test({COUNT})")
    page.click("[data-number=score]")
    page.wait("document.getElementById('find').value == ''")
    put(page, "#numbers select", "score", "change")
    page.wait("location.hash.includes('across=score')")
    put(page, "[data-axis=Alike]", "neighbours", "change")
    page.wait("location.hash.includes('map=neighbours')")
    page.click("#number")


def test_the_table_says_the_same_and_sorts(page: Chromium, runs: list[Path]) -> None:
    archive = open_archive(runs[0])
    page.click("#list")
    page.wait(f"document.querySelectorAll('tbody tr').length == {len(archive)}")
    page.click("thead th:nth-child(2) button")
    page.wait("document.querySelector('thead th:nth-child(2)').ariaSort == 'descending'")
    assert page.run("Number(document.querySelector('tbody a').textContent)") == archive.best(1)[0].id
    page.click("tbody a")
    page.wait(f"{OPENED} == 'Lifeform {archive.best(1)[0].id}'")
    page.click("#close")
    page.click("#list")
    page.wait("!document.getElementById('atlas').hidden")


def test_a_lifeform_lives_is_changed_and_touched(page: Chromium) -> None:
    page.click("#atlas")
    page.wait(OPENED)
    page.click("#live")
    page.wait("/^step \\d+, \\d+ more than/.test(document.querySelector('.stage .step')?.textContent)")
    page.click("#running")
    page.click("#again")
    page.wait("document.querySelector('.stage .step').textContent == 'step 0 of 8'")
    page.click("#once")
    page.wait("document.querySelector('.stage .step').textContent == 'step 1 of 8'")
    assert page.run("document.querySelector('.changed').textContent") == ""
    put(page, ".gene input", "0")
    page.wait("document.querySelector('.changed li')?.textContent.includes('→ 0')")
    page.click("#back")
    page.wait("document.querySelector('.changed').textContent == ''")
    picture = "document.getElementById('film').toDataURL()"
    before = page.run(picture)
    page.click("#film")
    page.wait(f"{picture} != {before!r}")
    page.click("#record")
    page.wait("!!document.getElementById('live')")


def test_nine_young_live_and_one_is_picked(page: Chromium) -> None:
    page.click("#atlas")
    page.wait(OPENED)
    page.click("#breed")
    page.wait("document.querySelectorAll('.nine canvas').length == 9")
    page.click(".nine .pick")
    page.wait("document.querySelector('.litter .same').textContent.startsWith('generation 1')")
    page.wait("document.querySelectorAll('.nine canvas').length == 9")
    page.click("#undo")
    page.wait("document.querySelector('.litter .same').textContent.startsWith('pick the one')")
    page.wait("document.querySelectorAll('.nine canvas').length == 9")
    page.click("[aria-label='Mix number 1']")
    page.click("[aria-label='Mix number 4']")
    page.wait("document.getElementById('mix').textContent == 'Mix these 2'")
    page.click("#mix")
    page.wait("document.querySelector('.litter .same').textContent.startsWith('generation 1: mixtures')")
    put(page, "#with", "3 and 4")
    page.wait("document.querySelectorAll('.nine canvas').length == 9")
    page.wait("document.getElementById('with').value == '3 and 4'")
    page.click("#done")
    page.wait("!!document.getElementById('live')")


def test_the_family_is_drawn_and_walked(page: Chromium, served: str) -> None:
    page.call("Page.navigate", url="about:blank")
    page.visit(f"{served}/#run=1&life=4")
    page.wait("document.querySelector('.family [aria-current]')?.dataset.id == '4'")
    assert page.run("[...document.querySelectorAll('.family a')].map(a => a.dataset.id)") == ["0", "2", "4", "6"]
    assert page.run("document.querySelectorAll('.family path').length") == 3
    page.click(".family a[data-id='2']")
    page.wait(f"{OPENED} == 'Lifeform 2'")


def test_what_is_made_is_kept_marked_and_searched_from(browser: Chromium, mine: Path) -> None:
    browser.complaints.clear()
    with serving([mine], edit=True) as address:
        browser.visit(f"{address}/#life=5")
        browser.wait(OPENED)
        browser.click("#favourite")
        browser.wait("document.getElementById('favourite').ariaPressed == 'true'")
        browser.click("#live")
        browser.wait("!!document.querySelector('.gene input')")
        put(browser, ".gene input", "224")
        browser.click("#keep")
        browser.wait("!!document.querySelector('.there')")
        browser.click(".there")
        browser.wait("document.title == 'mine-kept'")
        browser.wait(f"{OPENED} == 'Lifeform 1'")
        assert browser.run("document.getElementById('runs').selectedOptions[0].textContent") == "mine-kept"
        put(browser, "[aria-label=Minutes]", "0.05")
        browser.click("#branch")
        browser.wait("document.title == 'mine-kept-from-1'")
        # it is followed: they come without a reload
        browser.wait(f"/^\\d+ lifeforms$/.test({COUNT})")
        browser.call("Page.navigate", url="about:blank")
    assert open_archive(mine).favourites == [5]
    assert [said for said in browser.complaints if not said.startswith("http://127.0.0.1")] == []


def test_a_lifeform_and_a_run_are_taken_away(page: Chromium, served: str) -> None:
    page.call("Page.navigate", url="about:blank")
    page.visit(f"{served}/#life=5&view=number")
    page.wait(OPENED)
    page.run("window.kept = []; URL.createObjectURL = (blob) => { kept.push(blob.size); return 'blob:x'; }; 0")
    for place, ending in (("#life", "npz"), ("#life", "png"), ("#numbers", "csv")):
        page.click(f"{place} [data-ending={ending}]")
        said = f"[...document.querySelectorAll('{place} .verdict')].map((e) => e.textContent).join()"
        page.wait(f"{said}.includes('the .{ending} is among your downloads')")
    assert min(page.run("kept")) > 200 and len(page.run("kept")) == 3
    page.complaints.clear()  # the made-up blob is no file


def test_without_webgl_the_canvas_draws(browser: Chromium, served: str, runs: list[Path], tmp_path: Path) -> None:
    without = "const get = HTMLCanvasElement.prototype.getContext; HTMLCanvasElement.prototype.getContext ="
    without += " function (kind, ...more) { return kind == 'webgl2' ? null : get.call(this, kind, ...more); }"
    script = browser.call("Page.addScriptToEvaluateOnNewDocument", source=without)["identifier"]
    browser.complaints.clear()
    try:
        browser.call("Page.navigate", url="about:blank")
        browser.visit(f"{served}/")
        browser.wait(ARRIVED)
        test_life_is_the_first_thing_seen_and_it_moves(browser, runs, tmp_path)
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script)
    assert [said for said in browser.complaints if not said.startswith(f"{served}/")] == []


def test_a_notebook_shows_the_page_in_a_cell(browser: Chromium, runs: list[Path], tmp_path: Path) -> None:
    page, handler = alife.NotebookPage(runs[0], height=500), partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    (tmp_path / "cell.html").write_text(f"<body style='margin: 0'>{page._repr_html_()}")
    browser.complaints.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as notebook:
        threading.Thread(target=notebook.serve_forever, daemon=True).start()
        browser.visit(f"http://127.0.0.1:{notebook.server_port}/cell.html")
        alive = np.concatenate([life.frames for life in open_archive(runs[0])]).mean() / 255
        end = time.monotonic() + PATIENCE
        while not 0.2 * alive < (seen(browser, tmp_path / "cell.png")[:400] > 200).all(2).mean() < 2 * alive:
            assert time.monotonic() < end, "no life in the cell"
        browser.call("Page.navigate", url="about:blank")
        notebook.shutdown()
    page.close()
    assert [said for said in browser.complaints if "Refused" in said or "Security Policy" in said] == []


def test_back_leads_to_the_lifeform_before(page: Chromium) -> None:
    page.run("location.hash = 'life=3'")
    page.wait(f"{OPENED} == 'Lifeform 3'")
    page.click("#near a")
    page.wait(f"{OPENED} != 'Lifeform 3'")
    page.run("history.back()")
    page.wait(f"{OPENED} == 'Lifeform 3' && location.hash == '#life=3'")


def test_what_is_typed_survives_what_a_search_adds(browser: Chromium, mine: Path) -> None:
    browser.complaints.clear()
    count = len(open_archive(mine))
    with serving([mine]) as address:
        browser.visit(f"{address}/#view=number&q=nonsense%3E1")
        browser.wait("document.getElementById('said').textContent.includes('no column is called')")
        browser.wait(f"{COUNT} == '{count} lifeforms'")  # all of them, beside what was wrong
        put(browser, "#find", "")
        browser.run("document.querySelector('.ends input').focus()")
        browser.run("document.querySelector('.ends input').value = '0.25'")
        assert run_command(["resume", str(mine), "--generations", "5"]) == 0
        browser.wait(f"Number(/[0-9]+/.exec({COUNT})) > {count}")
        typed = browser.run("[document.activeElement.dataset.focus, document.activeElement.value]")
        assert typed == ["score least", "0.25"]
        browser.call("Page.navigate", url="about:blank")


def test_runs_stand_side_by_side_and_one_line_asks_all(browser: Chromium, runs: list[Path], mine: Path) -> None:
    """Each is a whole page of its own: it moves, it is asked, and one of its lifeforms is opened."""
    browser.complaints.clear()
    with serving([runs[0], mine]) as address:
        browser.visit(f"{address}/")
        browser.wait("!document.getElementById('beside').hidden")
        browser.click("#beside")
        browser.wait("location.pathname == '/beside.html'")
        page = "document.querySelectorAll('iframe')[k].contentDocument"
        pane = f"(k, of) => {{ try {{ return of({page}) }} catch {{ return null }} }}"
        count = f"(({pane})(%d, (page) => page.getElementById('count').textContent))"
        for k in range(2):
            browser.wait(f"/^\\d+ lifeforms$/.test({count % k})")
        line = f"score>{np.median(open_archive(mine).column('score'))}"
        put(browser, "#find", line)
        expected = len(open_archive(mine).select(line))
        for k in range(2):
            browser.wait(f"{count % k} == '{expected} of {len(open_archive(mine))} lifeforms'")
        browser.click("#light")
        for k in range(2):
            browser.wait(f"({pane})({k}, (page) => page.documentElement.classList.contains('light'))")
        browser.click("#light")
        browser.click("#panes section:last-child .bar button")
        browser.wait("document.querySelectorAll('iframe').length == 1")
        assert browser.run("location.hash").startswith("#run=life&q=score%3E")
        browser.call("Page.navigate", url="about:blank")
    assert [said for said in browser.complaints if not said.startswith("http://127.0.0.1")] == []
