"""What the page of `alife browse` takes, in a real headless Chromium; every figure beside the bar it has to reach.

    python tests/benchmarks/bench_browse.py [--only NAME ...] [--lifeforms 10000 100000] [--in DIRECTORY]

start    from the command to life on the screen; size of the page's files
atlas    frames a second while the map is panned and zoomed; how soon a picture under the mouse moves
find     an answer of the find bar, as the page waits for it
live     pictures a second of a world of Lenia, 128 x 128 cells, on the server and in the page

The browser is running when the command is given, and draws WebGL on the processor, beside the server: on two cores both
share them.  Exits with 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "flow"))

from bench_archive import Board, layout, pictures, rows
from chromium import Chromium

from alife.plugins.builtin.model import Builtin
from alife.run import run_search
from alife.storage import create_archive

BATCH = 5000
START_BARS = {10_000: 2.0, 100_000: 5.0}
HOOKS = """
window.seen = {arrived: 0, first: 0, drawn: []};
const gl = WebGL2RenderingContext.prototype, load = gl.texSubImage3D, paint = gl.drawArraysInstanced;
gl.texSubImage3D = function (...given) { seen.arrived++; return load.apply(this, given); };
gl.drawArraysInstanced = function (...given) {
  seen.drawn.push(performance.now());
  if (seen.arrived && !seen.first) seen.first = performance.timeOrigin + performance.now();
  return paint.apply(this, given);
};
"""
"""What the page loads on the graphics card, and when it draws."""
WARM = """(() => {
  const gl = document.createElement('canvas').getContext('webgl2'), pixel = new Uint8Array(4);
  gl.clear(gl.COLOR_BUFFER_BIT);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
})()"""
"""A browser that has drawn before: a fresh one takes a second to make ready for drawing."""
GESTURE = """new Promise((done) => {
  const map = document.getElementById('atlas');
  const at = {clientX: 700, clientY: 450, bubbles: true, cancelable: true, pointerId: 1};
  map.setPointerCapture = () => {};
  const from = seen.drawn.length, begin = performance.now();
  map.dispatchEvent(new PointerEvent('pointerdown', at));
  let k = 0;
  const turn = () => {
    map.dispatchEvent(new WheelEvent('wheel', {...at, deltaY: k % 80 < 40 ? -60 : 60}));
    map.dispatchEvent(new PointerEvent('pointermove', {...at, clientX: 700 + 200 * Math.sin(k / 12)}));
    if (++k < 160) requestAnimationFrame(turn);
    else done(1000 * (seen.drawn.length - from) / (performance.now() - begin));
  };
  requestAnimationFrame(turn);
})"""
HOVER = """new Promise((done) => {
  document.getElementById('play').click();
  setTimeout(() => {
    const from = seen.drawn.length, begin = performance.now();
    document.getElementById('atlas').dispatchEvent(new PointerEvent('pointermove', {clientX: 600, clientY: 500}));
    const look = () => (seen.drawn.length > from + 1 ? done(performance.now() - begin) : setTimeout(look, 1));
    look();
  }, 1500);
})"""
ASKED = """(async () => {
  const spent = [];
  for (let k = 0; k < 7; k++) {
    const begin = performance.now();
    await (await fetch('/api/runs/0/find?q=' + encodeURIComponent(LINE))).json();
    spent.push(performance.now() - begin);
  }
  return spent.sort((a, b) => a - b)[3];
})()"""


def archive(place: Path, count: int) -> Path:
    """So many made-up lifeforms with 8 pictures each, seen by a model that knows text."""
    random, path, model = np.random.default_rng(0), place / f"run-{count}", Builtin()
    if path.exists():
        return path
    config = {"substrate": "toy", "steps": 64, "model": {"name": "builtin"}}
    known = {"model": {"identity": model.identity}}
    with create_archive(path, layout((8, 16, 16), model.dim), config=config, provenance=known) as writer:
        for turn in range(count // BATCH):
            drawn = pictures(random, BATCH, 8, 16)
            batch = rows(random, BATCH * turn, drawn, model.dim)
            writer.append(batch, generation=turn, checkpoint={}, progress={})
    return path


@contextmanager
def browsing(run: Path) -> Iterator[tuple[Chromium, float]]:
    """The page of a run with pictures on it, and the seconds that it took from the command on."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        Chromium(Path(profile), width=1440, height=900, loopback=True) as page,
    ):
        page.run(WARM)
        page.call("Page.addScriptToEvaluateOnNewDocument", source=HOOKS)
        begin = time.time()
        command = [sys.executable, "-m", "alife", "browse", str(run), "--no-open"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            page.visit(server.stdout.readline().split()[0])
            page.wait("seen.first > 0")
            yield page, page.run("seen.first") / 1000 - begin
        finally:
            server.terminate()
            server.wait()


def start(board: Board, place: Path, count: int) -> None:
    """Until there is life on the screen: the first time ever, and again."""
    run, spent = archive(place, count), []
    for _ in range(3):
        with browsing(run) as (_, seconds):
            spent.append(seconds)
    board.tell(f"{count:,} lifeforms: first pictures, first time", spent[0], "s")
    board.tell(f"{count:,} lifeforms: first pictures", statistics.median(spent[1:]), "s", START_BARS.get(count))
    size = sum(len(file.read_bytes()) for file in (files("alife.browser") / "page").iterdir())
    board.tell("files of the page", size / 1e6, "MB", 1.5)


def atlas(board: Board, place: Path, count: int) -> None:
    """How it moves under the hand."""
    with browsing(archive(place, count)) as (page, _):
        time.sleep(3)
        board.tell(f"{count:,} lifeforms: frames a second, from 30 on", -page.run(GESTURE), "(minus)", -30)
        page.run("document.getElementById('fit').click()")
        board.tell(f"{count:,} lifeforms: a picture under the mouse moves after", page.run(HOVER), "ms", 150)


def find(board: Board, place: Path, count: int) -> None:
    """What the find bar takes once the model is loaded."""
    with browsing(archive(place, count)) as (page, _):
        for line in ("like:5", "two rings", "two rings - noise mass<0.5", "mass<0.5 speed>1"):
            script = ASKED.replace("LINE", repr(line))
            page.run(script)
            board.tell(f"{count:,} lifeforms: {line}", page.run(script), "ms", 300)


def live(board: Board, place: Path, count: int) -> None:
    """A world of Lenia as it is watched."""
    if not (place / "lenia").exists():
        run_search("lenia", out=place / "lenia", generations=1, population=4)
    with browsing(place / "lenia") as (page, _):
        page.run("location.hash = 'life=0'")
        page.run("location.reload()")
        page.wait("!!document.getElementById('live')")
        page.run("document.getElementById('live').click()")
        step = "Number(/\\d+/.exec(document.querySelector('.stage .step')?.textContent))"
        page.wait(f"{step} > 20")
        before, begin = page.run(step), time.perf_counter()
        time.sleep(10)
        rate = (page.run(step) - before) / (time.perf_counter() - begin)
        board.tell("lenia 128 x 128, alive: pictures a second, from 20 on", -rate, "(minus)", -20)


PARTS: dict[str, Any] = {work.__name__: work for work in (start, atlas, find, live)}


def main() -> int:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--lifeforms", nargs="+", type=int, default=[10_000, 100_000])
    parser.add_argument("--in", dest="place", help="directory to work in, which is kept")
    given = parser.parse_args()
    board = Board()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(given.place or temporary)
        for name in given.only:
            for count in given.lifeforms[: 1 if name == "live" else None]:
                PARTS[name](board, place, count)
    return 1 if board.missed else 0


if __name__ == "__main__":
    sys.exit(main())
