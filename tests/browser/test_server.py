"""What the server answers, whom it refuses, and that it lives on."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from http.client import HTTPConnection
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from alife.browser import Server
from alife.browser.bundle import pack
from alife.browser.notebook import NotebookPage
from alife.cli import run_command
from alife.commands.browsing import newest_run
from alife.errors import ArchiveError, BadOption
from alife.storage import Genes, Layout, create_archive, open_archive
from alife.storage.files import is_written

from .conftest import serving


def unpacked(raw: bytes) -> dict[str, np.ndarray]:
    """What `unpack` of the page makes of an answer."""
    start = 4 + int.from_bytes(raw[:4], "little")
    assert start % 8 == 0
    return {
        name: np.frombuffer(raw, kind, int(np.prod(shape)), start + place).reshape(shape)
        for name, kind, shape, place in json.loads(raw[4:start])
    }


def ask(address: str, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Status and body; the path goes out as it is written, as no browser would send it."""
    host = address.removeprefix("http://")
    connection = HTTPConnection(host, timeout=60)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    return answer.status, said


def post(address: str, path: str, wish: object) -> tuple[int, dict]:
    """What the page's own POST brings."""
    status, body = ask(address, path, "POST", json.dumps(wish).encode(), Origin=address)
    return status, json.loads(body)


def test_arrays_survive_the_way() -> None:
    arrays = {"a": np.arange(3, dtype=np.int32), "b": np.ones((2, 1, 3), np.uint8), "c": np.zeros(0, np.float32)}
    back = unpacked(pack(arrays))
    assert all(np.array_equal(back[name], array) and back[name].dtype == array.dtype for name, array in arrays.items())


def test_it_says_what_the_archive_says(served: str, runs: list[Path]) -> None:
    archive = open_archive(runs[0])
    abouts = json.loads(ask(served, "/api/runs")[1])
    assert [about["lifeforms"] for about in abouts] == [len(archive), 12] and abouts[1]["name"] == runs[1].name
    table = unpacked(ask(served, "/api/runs/0/table")[1])
    np.testing.assert_array_equal(table["score"], archive.column("score").astype(np.float32))
    np.testing.assert_array_equal(table["map/shown"], archive.column("valid"))
    assert all(((table[axis] >= 0) & (table[axis] <= 1)).all() for axis in ("map/x", "map/y"))
    life = json.loads(ask(served, "/api/runs/0/lifeforms/5")[1])
    assert life["id"] == 5 and life["parents"] == list(archive[5].parents) and life["seed"] == list(archive[5].seed)
    assert life["genotype"] == archive[5].genotype.tolist() and "alike" in life
    frames = unpacked(ask(served, "/api/runs/0/lifeforms/5/frames")[1])["frames"]
    np.testing.assert_array_equal(frames, archive[5].frames)


def test_pictures_are_as_large_as_asked_for(served: str, runs: list[Path]) -> None:
    archive = open_archive(runs[0])
    same = unpacked(ask(served, "/api/runs/0/pictures?ids=3,1&side=32")[1])
    assert same["id"].tolist() == [3, 1]
    np.testing.assert_array_equal(same["frames"], np.stack([archive[3].frames, archive[1].frames]))
    half = unpacked(ask(served, "/api/runs/0/pictures?ids=3&side=16")[1])["frames"][0]
    blocks = archive[3].frames.reshape(-1, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.abs(half - blocks).max() <= 1
    double = unpacked(ask(served, "/api/runs/0/pictures?ids=3&side=64")[1])["frames"][0]
    np.testing.assert_array_equal(double, archive[3].frames.repeat(2, 1).repeat(2, 2))


def test_a_replay_gives_its_verdict(served: str) -> None:
    status, body = ask(served, "/api/runs/0/lifeforms/2/replay", "POST", Origin=served)
    assert status == 200 and json.loads(body) == {"verdict": "same bytes", "difference": 0.0, "reasons": []}


def test_a_plugin_that_is_missing_is_named(served: str) -> None:
    status, body = ask(served, "/api/runs/1/lifeforms/2/replay", "POST", Origin=served)
    assert status == 409 and "mine.py" in json.loads(body)["error"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/api/runs/2/table", 404, "'2' is not one of the whole numbers 0 to 1"),
        ("/api/runs/-1/table", 404, "whole numbers"),
        ("/api/runs/0/lifeforms/99999", 404, "'99999' is not one of the whole numbers"),
        ("/api/runs/0/lifeforms/%31%32%33%34", 404, "whole numbers"),
        ("/api/runs/0/lifeforms/" + "9" * 5000, 404, "whole numbers"),
        ("/api/runs/0/lifeforms/<script>", 404, "whole numbers"),
        ("/api/runs/0/lifeforms/²", 404, "whole numbers"),
        ("/api/runs/000000000000000000099999", 404, "whole numbers"),
        ("/api/runs/0/pictures?ids=1&side=000000000000000096000", 400, "8 to 512"),
        ("/api/runs/0/pictures?ids=0000000000005", 400, "expected ids=3,1,4"),
        ("/api/runs/0/table?map=x", 400, "expected directions or neighbours"),
        ("/api/runs/0/pictures", 400, "expected ids=3,1,4"),
        ("/api/runs/0/pictures?ids=1,,2", 400, "expected ids=3,1,4"),
        ("/api/runs/0/pictures?ids=" + ",".join(["1"] * 65), 400, "1 to 64 numbers"),
        ("/api/runs/0/pictures?ids=1&side=100000", 400, "8 to 512"),
        ("/" + "a" * 9000, 414, "at most 8192 characters"),
        ("/../../etc/passwd", 404, ""),
        ("/page/../app.py", 404, ""),
        ("/%2e%2e/app.py", 404, ""),
        ("/main.js/../../app.py", 404, ""),
    ],
)
def test_what_is_not_there_is_refused_plainly(served: str, path: str, status: int, said: str) -> None:
    found, body = ask(served, urllib.request.quote(path, safe="/?=&%,.-<>"))
    assert found == status and said in body.decode()
    assert b"Traceback" not in body and ask(served, "/")[0] == 200


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Host": "evil.example"}, 421),
        ("GET", {"Host": "evil.example:80", "Origin": "http://evil.example:80"}, 421),
        ("GET", {"Origin": "http://evil.example"}, 403),
        ("GET", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {}, 403),
    ],
)
def test_other_sites_are_refused(served: str, method: str, headers: dict[str, str], status: int) -> None:
    path = "/api/runs" if method == "GET" else "/api/runs/0/lifeforms/2/replay"
    assert ask(served, path, method, **headers)[0] == status
    assert ask(served, path)[0] == (200 if method == "GET" else 405)


def test_only_this_machine_is_listened_to(served: str) -> None:
    port = int(served.rpartition(":")[2])
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in others:
        with socket.socket() as knocking:
            assert knocking.connect_ex((other, port)) != 0


def test_every_answer_forbids_other_hosts(served: str) -> None:
    for path in ("/", "/main.js", "/api/runs", "/nothing"):
        try:
            headers = urllib.request.urlopen(served + path).headers
        except urllib.error.HTTPError as error:
            headers = error.headers
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_is_small_and_names_no_other_host() -> None:
    svg = "http://www.w3.org/2000/svg"  # a name, which nobody loads
    assets = [file.read_text().replace(svg, "") for file in (files("alife.browser") / "page").iterdir()]
    assert len(assets) > 5 and sum(map(len, assets)) < 1_500_000
    assert not [found for text in assets for found in re.findall(r"(?:https?:)?//[\w.]+\.\w+", text)]
    assert not [text for text in assets if "innerHTML" in text or "eval(" in text]


@pytest.mark.parametrize("name", ["index", "beside"])
def test_a_page_names_all_its_modules_at_once(name: str) -> None:
    page = files("alife.browser") / "page"
    text = (page / f"{name}.html").read_text()
    named, waiting, needed = re.findall(r'(?:href|src)="(\w+\.js)"', text), re.findall(r'src="(\w+\.js)"', text), set()
    while waiting:
        needed.add(module := waiting.pop())
        found = re.findall(r'^import .* from "\./(\w+\.js)";', (page / module).read_text(), re.MULTILINE)
        waiting += set(found) - needed
    assert sorted(named) == sorted(needed)


def test_every_module_is_of_some_page() -> None:
    page = files("alife.browser") / "page"
    texts = "".join(file.read_text() for file in page.iterdir() if file.name.endswith(".html"))
    assert [file.name for file in page.iterdir() if file.name.endswith(".js") and file.name not in texts] == []


def test_only_a_notebook_shows_it_in_a_frame(served: str, runs: list[Path]) -> None:
    page = NotebookPage(runs[0])
    for address, who in ((served, "'self'"), (page.address, "http://localhost:* http://127.0.0.1:*")):
        policy = urllib.request.urlopen(f"{address}/").headers["Content-Security-Policy"]
        assert policy.endswith(f"frame-ancestors {who}")
    page.close()


@pytest.mark.parametrize(
    ("path", "status", "begins"),
    [
        ("lifeforms/5/share/npz", 200, b"PK"),
        ("lifeforms/5/share/png", 200, b"\x89PNG"),
        ("lifeforms/5/share/gif", 200, b"GIF8"),
        ("lifeforms/5/share/html", 200, b"<!DOCTYPE html>"),
        ("share/csv", 200, b"id,"),
        ("share/png", 200, b"\x89PNG"),
        ("share/exe", 409, b'{"error":'),
        ("lifeforms/5/share/csv", 409, b'{"error":'),
        ("lifeforms/99999/share/png", 404, b'{"error":'),
    ],
)
def test_files_are_taken_away(served: str, path: str, status: int, begins: bytes) -> None:
    found, body = ask(served, f"/api/runs/0/{path}")
    assert found == status and body[: len(begins)].lower() == begins.lower()


def test_damage_is_told_and_the_rest_is_shown(runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(runs[0], copy)
    for file in (copy / "frames").glob("c*"):
        file.write_bytes(b"")
    with serving([copy]) as address:
        assert unpacked(ask(address, "/api/runs/0/pictures?ids=1,2")[1])["id"].tolist() == []
        status, body = ask(address, "/api/runs/0/lifeforms/1/frames")
        assert status == 410 and "damaged frames" in json.loads(body)["error"]
        assert ask(address, "/api/runs/0/lifeforms/1")[0] == 200


def test_what_a_search_adds_is_there_after_a_reload(runs: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(runs[0], copy)
    with serving([copy]) as address:
        before = len(unpacked(ask(address, "/api/runs/0/table")[1])["map/x"])
        assert run_command(["resume", str(copy), "--generations", "5"]) == 0
        assert len(unpacked(ask(address, "/api/runs/0/table")[1])["map/x"]) > before


def test_an_empty_archive_has_an_empty_field(tmp_path: Path) -> None:
    genes = Layout({"toy": Genes(3, np.float32)}, frames=(3, 24, 24), dim=2, measures={})
    create_archive(tmp_path / "run", genes, config={}).close()
    with serving([tmp_path / "run"]) as address:
        assert all(len(column) == 0 for column in unpacked(ask(address, "/api/runs/0/table")[1]).values())
        assert ask(address, "/api/runs/0/lifeforms/0")[0] == 404


def test_what_cannot_be_served_is_said_at_once(tmp_path: Path, runs: list[Path], capsys) -> None:
    with pytest.raises(ArchiveError, match="expected a run directory"):
        Server([tmp_path])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(BadOption, match=f"port {port} cannot be used"):
            Server(runs, port)
    assert run_command(["browse", str(tmp_path / "nothing")]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_the_newest_run_is_opened_when_none_is_named(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="alife search"):
        newest_run(tmp_path)
    newest = max(runs, key=lambda run: (run / "zarr.json").stat().st_mtime)
    assert newest_run(runs[0].parent) == newest


def test_a_crowd_is_turned_away_and_the_server_lives(served: str) -> None:
    place = ("127.0.0.1", int(served.rpartition(":")[2]))
    crowd = [socket.create_connection(place, timeout=60) for _ in range(300)]  # they come, and say nothing
    status = ask(served, "/")[0]
    assert status in (200, 503)
    for one in crowd:
        one.close()
    end = time.monotonic() + 60
    while ask(served, "/")[0] != 200:
        assert time.monotonic() < end, "it did not recover"


def test_a_thousand_websockets_find_nothing(served: str) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x"}
    assert {ask(served, "/api/live/x", **upgrade)[0] for _ in range(1000)} <= {400, 404, 405}
    assert {ask(served, "/", Origin="http://evil.example", **upgrade)[0] for _ in range(10)} == {403}
    assert ask(served, "/")[0] == 200


@pytest.mark.parametrize("body", [b"", b"[" * 100_000, b"{", b"\xff", b"null", b"1" * 5_000_000, b'{"side": 1e999}'])
def test_nonsense_is_refused_plainly(served: str, body: bytes) -> None:
    status, said = ask(served, "/api/runs/0/lifeforms/5/live", "POST", body, Origin=served)
    assert status in (400, 413) and b"expected" in said and ask(served, "/")[0] == 200


def test_a_run_that_has_gone_is_said_plainly(mine: Path) -> None:
    with serving([mine]) as address:
        shutil.rmtree(mine)
        for path in ("", "/table", "/find?q=score", "/lifeforms/1/share/npz"):
            status, body = ask(address, f"/api/runs/0{path}")
            assert status in (409, 410) and "mine" in json.loads(body)["error"], path
        assert ask(address, "/")[0] == 200


@pytest.mark.parametrize(
    ("holder", "writes"),
    [
        ({"pid": os.getpid(), "host": socket.gethostname()}, True),
        ({"pid": os.getpid(), "host": "elsewhere"}, False),
        ({"pid": 10**30, "host": socket.gethostname()}, False),
        ({"pid": "x", "host": socket.gethostname()}, False),
        ([], False),
        (None, False),
    ],
)
def test_whether_a_run_is_written_is_told_without_its_lock(tmp_path: Path, holder: object, writes: bool) -> None:
    assert not is_written(tmp_path)
    (tmp_path / "id").mkdir()
    (tmp_path / "id" / "writer").write_text("" if holder is None else json.dumps(holder))
    assert is_written(tmp_path) is writes
