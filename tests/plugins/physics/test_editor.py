"""`alife level`: what the server does with levels, and a level built and played in a real browser."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest

from alife.browser import Host, Refusal
from alife.cli import run_command
from alife.errors import AlifeError, BadOption, BadWorld
from alife.plugins.physics.editor import Workshop
from alife.plugins.physics.level_file import read_level, write_level
from alife.plugins.physics.scene import BLUE, GREEN
from alife.plugins.physics.shipped import level_names, named_level
from alife.plugins.physics.sizes import SIZES

from ...flow.chromium import MISSED, Chromium


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def same(a: object, b: object) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


@pytest.mark.parametrize("name", level_names())
def test_what_is_opened_and_saved_is_the_same_level(name: str, desk: Path) -> None:
    workshop = Workshop(name)
    assert workshop.save({"state": workshop.about()["state"]}) == {"file": f"{name}.json"}
    assert same(read_level(f"{name}.json"), named_level(name))


def test_a_play_is_the_life_that_a_search_would_see(desk: Path) -> None:
    """Driven to the right, the car meets its goal; told nothing, it stays where it is; and nothing moves afterwards."""
    workshop = Workshop("car")
    begun = workshop.play({"state": workshop.begins_with})
    (body,) = (i for i, role in enumerate(named_level("car").shapes.role) if role == GREEN)
    resting = workshop.step({"play": begun["play"], "told": [0] * 6, "decisions": 8})
    assert abs(resting["poses"][body][0] - begun["poses"][body][0]) < 0.01 and not resting["done"]
    moment, places = resting, []
    while not moment["done"]:
        assert moment["decisions"] < 256
        moment = workshop.step({"play": begun["play"], "told": [-1, 0, 0, 0, 0, 0], "decisions": 8})
        places.append(moment["poses"][body][0])
    assert moment["won"] and np.all(np.diff(places) > 0)
    after = workshop.step({"play": begun["play"], "told": [1, 0, 0, 0, 0, 0]})
    assert after == moment


def test_a_larger_room_keeps_the_level(desk: Path) -> None:
    workshop = Workshop("car")
    grown = workshop.resize({"state": workshop.begins_with, "size": "L"})["state"]
    assert [len(grown[name]) for name in ("polygon", "circle", "joint", "thruster")] == list(SIZES["L"])
    workshop.save({"state": grown})
    assert read_level("car.json").joints.active.sum() == named_level("car").joints.active.sum()
    with pytest.raises(BadWorld, match="does not fit"):
        workshop.resize({"state": grown, "size": "S"})


def test_no_file_is_lost(desk: Path) -> None:
    write_level(named_level("maze"), "mine.json")
    with pytest.raises(BadOption, match="is there already"):
        Workshop("car", Path("mine.json"))
    workshop = Workshop("mine.json")
    workshop.save({"state": workshop.begins_with})
    workshop.save({"state": workshop.begins_with})  # its own writing is not another's
    Path("mine.json").write_text("other")
    with pytest.raises(Refusal, match="another program"):
        workshop.save({"state": workshop.begins_with})
    assert Path("mine.json").read_text() == "other"
    fresh = Workshop("yet.json")
    assert not any(shape["active"] for shape in fresh.begins_with["circle"])
    fresh.save({"state": fresh.begins_with})
    assert read_level("yet.json").room == SIZES["L"]


def test_a_full_disk_is_told(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop = Workshop("car")

    def full(*_: object) -> None:
        Path("car.json.new").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alife.plugins.physics.editor.write_level", full)
    with pytest.raises(BadOption, match=r"No space left.*download"):
        workshop.save({"state": workshop.begins_with})
    assert list(desk.iterdir()) == []


@pytest.mark.parametrize(
    ("act", "wish", "message"),
    [
        ("play", {}, "env_state"),
        ("save", {"state": {"polygon": 3}}, "env_state"),
        ("open", {"text": "{"}, "no JSON"),
        ("open", {"level": "../car"}, "no level is called"),
        ("resize", {"size": "XL"}, "expected S, M, L"),
        ("step", {"told": [0] * 5}, "expected 6 numbers"),
        ("step", {"told": [0, 0, 0, 0, -1, 0]}, "channel 4"),
        ("step", {"told": [0, 0, 0, float("nan"), 0, 0]}, "channel 3"),
        ("step", {"told": [0] * 6, "play": 7}, "another play"),
    ],
)
def test_what_cannot_be_is_refused(act: str, wish: dict, message: str, desk: Path) -> None:
    with pytest.raises((AlifeError, Refusal), match=message):
        getattr(Workshop("car"), act)(wish)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("level caar", "car"),
        ("level car --to my.txt", "ends in .json"),
        ("level broken.json", "no JSON"),
        ("level maze --size S", "does not fit"),
    ],
)
def test_bad_words_on_the_command_line(line: str, message: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.json").write_text("{")
    assert run_command([*line.split(), "--no-open"]) == 2
    said = capsys.readouterr().err
    assert message in said and "Traceback" not in said


def test_the_command_says_where_the_page_is(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(Host, "run", lambda host: None)
    monkeypatch.setattr("webbrowser.open", shown.append)
    assert run_command(["level", "random:3", "--size", "S", "--no-open"]) == 0
    assert capsys.readouterr().out.startswith("http://127.0.0.1:") and not shown


@pytest.fixture
def served(desk: Path) -> Iterator[str]:
    host = Host(Workshop("own.json", size="S").app)
    thread = threading.Thread(target=host.run)
    thread.start()
    yield host.address
    host.stop()
    thread.join()


def test_the_server_is_for_its_own_page(served: str) -> None:
    with urllib.request.urlopen(served) as page:
        assert "default-src 'none'" in page.headers["Content-Security-Policy"] and b"editor.js" in page.read()
    for address in ("editor.js", "dom.js", "style.css"):
        assert urllib.request.urlopen(f"{served}/{address}").status == 200
    elsewhere = {"Origin": "http://example.com"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(f"{served}/api/save", b"{}", elsewhere, method="POST"))
    mine = urllib.request.Request(f"{served}/api/save", b'{"state": 3}', {"Origin": served}, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(mine)
    assert "env_state" in json.loads(refused.value.read())["error"]


class Hand:
    """A mouse over the level, by metres."""

    def __init__(self, page: Chromium) -> None:
        self._page = page

    def drag(self, *points: tuple[float, float]) -> None:
        left, top, side = self._page.run(
            "(() => { const b = document.getElementById('scene').getBoundingClientRect();"
            " return [b.x, b.y, b.width]; })()"
        )
        kinds = ["mousePressed", *["mouseMoved"] * len(points), "mouseReleased"]
        for kind, (x, y) in zip(kinds, [points[0], *points, points[-1]], strict=True):
            place = {"x": left + x * side / 5, "y": top + (5 - y) * side / 5}
            self._page.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, buttons=1, **place)

    def make(self, tool: str, *points: tuple[float, float]) -> None:
        self._page.click(f"#tool-{tool}")
        self.drag(*points)

    def set(self, field: str, value: str) -> None:
        self._page.run(
            f"(() => {{ const f = document.querySelector({field!r}); f.value = '{value}';"
            " f.dispatchEvent(new Event('change')); })()"
        )


@pytest.mark.skipif(MISSED, reason="no Chromium is installed")
def test_a_car_is_built_saved_and_driven_home(served: str, tmp_path: Path) -> None:
    with Chromium(tmp_path / "profile", width=1280, height=900, loopback=True) as page:
        page.visit(served)
        page.wait("!!document.querySelector('#tool-Box')")
        hand = Hand(page)
        hand.make("Box", (0.6, 0.7), (1.6, 0.9))
        hand.set("[data-focus='Role']", "1")
        for x in (0.8, 1.4):
            hand.make("Ball", (x, 0.62), (x + 0.2, 0.62))
        hand.make("Hinge", (0.8, 0.75))
        hand.make("Hinge", (1.4, 0.75))  # there is room for one joint
        assert "room for 1 joints: choose a larger size" in page.run("document.getElementById('said').textContent")
        page.click("#undo")
        page.click("#redo")
        page.key("Escape", 27)
        hand.set("#size", "M")
        page.wait("document.getElementById('panel').textContent.includes('of 3 circles')")
        hand.make("Hinge", (1.4, 0.75))
        hand.make("Ball", (3.5, 0.8), (3.8, 0.8))
        hand.set("[data-focus='Role']", "2")
        page.run("document.querySelector('[data-focus=\"Fixed in its place\"]').click()")
        hand.drag((3.5, 0.8), (4.0, 0.9), (4.3, 0.7))  # what is chosen is moved along
        page.click("#save")
        page.wait("document.getElementById('said').textContent == 'saved as own.json'")
        scene = read_level(tmp_path / "own.json")
        (goal,) = np.flatnonzero(np.asarray(scene.shapes.role) == BLUE)
        assert np.allclose(scene.shapes.position[goal], (4.3, 0.7), atol=0.02) and not scene.shapes.moves[goal]
        (body,) = np.flatnonzero(np.asarray(scene.shapes.role) == GREEN)
        assert scene.room == SIZES["M"] and scene.joints.active.tolist() == [True, True]
        assert set(map(int, scene.joints.a)) == {int(body)} and scene.joints.motor_on.all()
        page.click("#play")
        page.wait("/^[0-9.]+ s/.test(document.getElementById('said').textContent)")
        page.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowRight", windowsVirtualKeyCode=39)
        page.wait("document.getElementById('said').textContent.endsWith('solved, green touches blue')")
        page.click("#play")
        page.wait("!!document.querySelector('#tool-Box')")
        assert [said for said in page.complaints if not said.startswith((f"{served}/", "blob:"))] == []
