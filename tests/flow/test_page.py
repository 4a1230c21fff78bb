"""`alife export RUN --to page.html`: one file that needs nothing else, shows what it should and trusts no text."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from alife.cli import run_command
from alife.errors import ArchiveDamaged, ArchiveError, BadOption, NoSuchLifeform
from alife.page import write_page
from alife.page.choice import side_by_side
from alife.page.family import GAP, ROW, family, layout
from alife.page.pictures import LOOP_FRAMES
from alife.said import WAYS
from alife.storage import Genes, Layout, Rows, create_archive, open_archive
from alife.types import OPERATORS

from .chromium import MISSED, Chromium

HOSTILE = "</script></title><img src=x onerror=hacked=1>\"'&amp; $body \u2028\u202e{}"
VOID = {"meta", "img", "input", "br", "link"}
PARENTS = [-1, -1, 0, 1, 2, 2, 4, 5, 3, 8, 9, -1]
"""First parents: 0 -> 2 -> (4 -> 6, 5 -> 7) and 1 -> 3 -> 8 -> 9 -> 10; 11 has no kin."""


def make(path: Path, parents: list[int] = PARENTS, **config: object) -> Path:
    """An archive of made-up lifeforms, one a generation, each at another angle; the last has a film."""
    n, random = len(parents), np.random.default_rng(3)
    genes = Layout({"toy": Genes(3, np.float32)}, frames=(3, 24, 24), dim=2, measures={"mass": ""}, clip=True)
    given = {"score": "open_ended", "search": {"name": "random"}, "plugins": ["/home/me/mine.py"], **config}
    ids, none = np.arange(n), np.full(n, -1)
    angle = np.repeat(ids[:, None] / max(n, 1), 3, axis=1)
    rows = Rows(
        genotype=np.repeat(ids[:, None], 3, axis=1).astype(np.float32),
        parent=np.stack([np.array(parents, int), none], axis=1),
        replaced=none,
        operator=np.array([0 if parent < 0 else 1 for parent in parents], int),
        evaluation=ids,
        seed=np.stack([ids, ids], axis=1).astype(np.uint32),
        score=(ids / 10).astype(np.float32),
        measures={"mass": np.full(n, 2.5, np.float32)},
        valid=ids != 3,
        embedding=np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype(np.float32),
        frames=random.integers(0, 256, (n, 3, 24, 24, 3), dtype=np.uint8),
        generation=ids,
        clip=[random.integers(0, 256, (40 if i == 11 else 0, 24, 24, 3), dtype=np.uint8) for i in ids],
    )
    with create_archive(path, genes, config=given, provenance={"versions": {"alife": "1"}}) as writer:
        writer.append(rows, generation=0, checkpoint={}, progress={})
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """An archive whose every text is hostile; not to be changed."""
    hostile = {"score": HOSTILE, "search": {"name": HOSTILE}, "prompts": [HOSTILE], "summary": HOSTILE}
    return make(tmp_path_factory.mktemp("page") / HOSTILE.replace("/", "|"), **hostile)


@pytest.fixture(scope="module")
def page(run) -> Path:
    """Its page, of 8 of the 12."""
    target = run.parent / "page.html"
    write_page(open_archive(run), target, title=HOSTILE, tiles=8)
    return target


class Reader(HTMLParser):
    """Elements of a page with their attributes and, by id, all text inside; fails where one is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, class_: str) -> list[dict[str, str]]:
        """Attributes of the elements of a class."""
        return [attributes for _, attributes in self.elements if class_ in attributes.get("class", "").split()]


def test_nothing_is_fetched_and_only_our_own_style_and_script_may_run(page):
    text = page.read_text("utf-8")
    for _, attributes in Reader(text).elements:
        assert "style" not in attributes and not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href"):
            assert re.match(r"#|data:image/webp;base64,|$", attributes.get(name, "")), attributes
    (policy,) = re.findall(r'Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy and "http" not in policy
    for kind in ("style", "script"):
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        assert f"{kind}-src 'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'" in policy
        assert not re.search(r"url\(|@import|https?:|innerHTML|eval\(|fetch\(|XMLHttp|WebSocket", inside)


def test_text_of_users_stays_text(page):
    read = Reader(page.read_text("utf-8"))
    tags = [tag for tag, _ in read.elements]
    assert tags.count("script") == 1 and tags.count("title") >= 1
    assert all(a["class"] == "loop" for tag, a in read.elements if tag == "img")
    assert read.text.count("<img src=x onerror=hacked=1>") > 8  # head, title, configuration and every recipe
    assert "/home/me" not in read.text and "mine.py" in read.text


def test_every_lifeform_has_pictures_and_a_recipe(run, page):
    read, text = Reader(page.read_text("utf-8")), page.read_text("utf-8")
    tiles, lives = read.all("tile"), read.all("life")
    shown = {tile["href"][1:] for tile in tiles}
    assert len(tiles) == 8 and shown <= {life["id"] for life in lives}
    assert "3" not in shown  # which is not valid
    assert len(read.all("loop")) == 8
    for tile, loop in zip(tiles, read.all("loop"), strict=True):
        picture = Image.open(io.BytesIO(base64.b64decode(loop["src"].partition(",")[2])))
        assert picture.n_frames == (LOOP_FRAMES if tile["href"] == "#11" else 3)  # its film where there is one
        assert picture.size == (96, 96)
    assert "11" in shown
    for life in lives:
        assert f"[{life['id']}]\nlifeform.frames" in read.text
        assert re.search(rf"alife replay '.*' {life['id']}$", read.text, re.MULTILINE)
        assert f'<symbol id="s{life["id"]}" viewBox="0 0 1 1"><image ' in text
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for tag, a in read.elements if tag in ("a", "use")} <= {*ids, "family"}


def test_the_same_archive_gives_the_same_bytes(run, page, tmp_path):
    write_page(open_archive(run), tmp_path / "again.html", title=HOSTILE, tiles=8)
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_a_page_of_one_lifeform_has_its_ancestors_and_its_like(run, tmp_path):
    ids = write_page(open_archive(run), tmp_path / "ten.html", title="ten", tiles=6, lifeform=10)
    assert ids[0] == 10 and {9, 8} < set(ids) and {11} < set(ids) and len(ids) == 6
    (chosen,) = (tile for tile in Reader((tmp_path / "ten.html").read_text()).all("tile") if "aria-current" in tile)
    assert chosen["href"] == "#10"
    with pytest.raises(NoSuchLifeform, match=r"ids 0\.\.11"):
        write_page(open_archive(run), tmp_path / "none.html", title="none", lifeform=12)


def test_what_is_damaged_is_left_out_and_an_empty_archive_is_refused(tmp_path):
    place = make(tmp_path / "run")
    file = next(file for file in sorted((place / "frames").rglob("*")) if file.is_file() and file.name != "zarr.json")
    raw = bytearray(file.read_bytes())
    raw[300] ^= 255
    file.write_bytes(raw)
    archive, lost = open_archive(place), []
    for i in range(len(archive)):
        try:
            assert len(archive[i].frames)
        except ArchiveDamaged:
            lost.append(i)
    assert lost
    shown = write_page(archive, tmp_path / "page.html", title="", tiles=12)
    assert sorted(shown) == [i for i in range(12) if i not in (*lost, 3)]
    with pytest.raises(ArchiveDamaged, match=f"lifeform {lost[0]} "):
        write_page(archive, tmp_path / "lost.html", title="", lifeform=lost[0])
    with pytest.raises(ArchiveError, match="no lifeform yet"):
        write_page(open_archive(make(tmp_path / "empty", [])), tmp_path / "empty.html", title="")
    with pytest.raises(BadOption, match="there is no folder"):
        write_page(archive, tmp_path / "no" / "where.html", title="")
    assert {file.name for file in tmp_path.iterdir()} == {"run", "empty", "page.html"}


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make(Path("mine"))
    for arguments in (["mine", "--tiles", "5"], ["mine", "2"]):
        assert run_command(["export", *arguments, "--to", "page.html"]) == 0
        read = Reader(Path("page.html").read_text("utf-8"))
        assert len(read.all("tile")) == (5 if "--tiles" in arguments else 11)
        assert "alife search --from mine:2" in read.text or "--tiles" in arguments
    for arguments in (["mine"], ["mine", "2"]):
        capsys.readouterr()
        assert run_command(["export", *arguments, "--to", "page.txt"]) == 2
        assert ".html" in capsys.readouterr().err


def test_every_way_to_a_genotype_has_words():
    assert set(WAYS) == set(OPERATORS)


def lives(parents: dict[int, list[int]]) -> dict[int, SimpleNamespace]:
    """Stand for lifeforms, one per generation."""
    return {i: SimpleNamespace(id=i, parents=tuple(p), generation=i) for i, p in parents.items()}


def test_a_long_line_is_drawn_as_one():
    members = family(lives({0: [], **{i: [i - 1] for i in range(1, 100)}}), [99, 0])
    assert list(members) == [0, 99] and members[99].parent == 0 and members[99].passed == 98


def test_ancestors_are_kept_where_lines_part():
    members = family(lives({0: [], 1: [0], 2: [1], 3: [2], 4: [2], 5: [4, 3], 6: []}), [3, 5, 6])
    assert list(members) == [2, 3, 5, 6]
    assert [members[i].parent for i in members] == [None, 2, 2, None]
    assert members[5].others == (3,) and members[2].passed == 2
    assert layout(members).alone == [6]


def test_a_tree_has_less_than_twice_as_many_members_as_are_shown_and_none_lies_on_another():
    random = np.random.default_rng(0)
    records = lives({i: [int(random.integers(max(0, i - 90), i))] if i > 8 else [] for i in range(1000)})
    shown = sorted(random.choice(1000, 48, replace=False).tolist())
    members = family(records, shown)
    assert set(shown) <= set(members) and len(members) < 2 * len(shown)
    tree = layout(members)
    places = np.array(list(tree.places.values()))
    far = np.abs(places[:, None] - places[None])
    apart = (far[..., 0] >= GAP - 1e-6) | (far[..., 1] >= ROW - 1e-6)
    assert (apart | np.eye(len(places), dtype=bool)).all()
    for i, place in tree.places.items():
        parent = members[i].parent
        assert parent is None or tree.places[parent].x <= place.x - GAP + 1e-6
    columns = [tree.columns[generation] for generation in sorted(tree.columns)]
    assert columns == sorted(columns)


def test_alike_lie_side_by_side():
    angles = np.random.default_rng(1).permutation(np.linspace(0, 3, 20))
    order = side_by_side(angles.tolist(), np.stack([np.cos(angles), np.sin(angles)], axis=1))
    assert order in (sorted(order), sorted(order, reverse=True))


@pytest.mark.skipif(MISSED, reason="no Chromium is installed")
def test_in_a_browser_from_the_disk_without_a_network(run, tmp_path):
    page = tmp_path / "page.html"
    write_page(open_archive(run), page, title=HOSTILE)
    with Chromium(tmp_path / "profile") as browser:
        browser.open(page)
        assert browser.run("typeof hacked") == "undefined" and "<img src=x" in browser.run("document.title")
        assert browser.run("[...document.images].every(image => image.complete && image.naturalWidth == 96)")

        first, second = browser.run(
            "[...document.querySelectorAll('.tile')].slice(0, 2).map(tile => tile.hash.slice(1))"
        )
        opened = "document.getElementById('view').open && document.getElementById('slot').firstChild.id"
        browser.click(".tile")
        browser.wait(f"{opened} == '{first}'")
        assert browser.run("getComputedStyle(document.querySelector('#slot .loop')).display") == "block"
        browser.key("ArrowRight", 39)
        browser.wait(f"{opened} == '{second}'")
        browser.key("Escape", 27)
        browser.wait(f"document.activeElement.hash == '#{second}' && !location.hash")

        browser.key("ArrowLeft", 37)
        browser.key("Enter", 13)
        browser.wait(f"{opened} == '{first}'")
        browser.key("Escape", 27)
        browser.wait(f"document.activeElement.hash == '#{first}' && !location.hash")

        browser.hover("#tree .node[data-id='2']")
        browser.wait("document.querySelectorAll('.lit .self').length == 1")
        after = browser.run("[...document.querySelectorAll('.node.after')].map(node => node.dataset.id)")
        assert after == ["4", "5", "6", "7"]

        browser.click("#tree .node[data-id='4']")
        browser.wait(f"{opened} == '4'")
        browser.key("Escape", 27)
        browser.wait("document.activeElement.dataset.id == '4' && !location.hash")  # back where it was opened

        browser.click("#pause")
        browser.wait("getComputedStyle(document.querySelector('.tile .loop')).display == 'none'")
        browser.open(page, "#10")
        browser.wait(f"{opened} == '10'")
        assert browser.complaints == []
