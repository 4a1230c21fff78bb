"""The find bar: what a line means, and who answers it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from alife.browser.finder import ALIKE, MOST_PICTURES, Finder, Question, read_question
from alife.errors import AlifeError, BadOption
from alife.find import Likeness, find_lifeforms
from alife.registry import default_registry
from alife.seen import who_looks
from alife.storage import open_archive

from .test_server import ask, post


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("", Question()),
        ("two rings", Question(texts=("two rings",))),
        ("rings + blue dots - grey noise", Question(texts=("rings", "blue dots"), minus=("grey noise",))),
        ("a ring -noise", Question(texts=("a ring",), minus=("noise",))),
        ('-"grey noise" spots', Question(texts=("spots",), minus=("grey noise",))),
        ('rings - "grey noise" like:3', Question(texts=("rings",), minus=("grey noise",), unlike=(3,))),
        ("like:3 -like:4 unlike:5", Question(like=(3,), unlike=(4, 5))),
        ("score > 0.4 mass<2 rings", Question(texts=("rings",), where="score > 0.4 mass<2")),
        ("not elite favourite tag=odd", Question(where="not elite favourite tag=odd")),
        ("not a ring", Question(texts=("not a ring",))),
        ("picture:ab12 + spots", Question(texts=("spots",), pictures=("ab12",))),
    ],
)
def test_what_a_line_means(line: str, meant: Question) -> None:
    assert read_question(line, ["favourite", "elite"]) == meant


@pytest.mark.parametrize(
    ("line", "said"),
    [("like:x", "expected its number"), ('a "b', "another"), ("unlike:", "number"), ("0.1<score<0.3", "a name first")],
)
def test_what_a_line_cannot_say(line: str, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        read_question(line)


def test_it_finds_what_the_command_finds(runs: list[Path]) -> None:
    archive, finder = open_archive(runs[0]), Finder(runs[0])
    found = finder.find("like:5 score>0")
    again = find_lifeforms(archive, Likeness(like=[5]), where="score>0", n=ALIKE)
    assert found["ids"] == again.ids.tolist() and 5 not in found["ids"] and found["model"] == "texture"
    text = finder.find("white dots - grey noise")
    name, embedder = who_looks(archive, True, False, default_registry)
    wanted = find_lifeforms(archive, Likeness(["white dots"], ["grey noise"]), n=ALIKE, embedder=embedder)
    assert text["ids"] == wanted.ids.tolist() and text["model"] == name == "builtin"


def test_conditions_alone_choose_and_do_not_rank(runs: list[Path]) -> None:
    archive, finder = open_archive(runs[0]), Finder(runs[0])
    middle = float(np.median(archive.column("score")))
    found = finder.find(f"score>={middle}")
    assert found["ids"] == archive.select(f"score>={middle}").tolist() and found["model"] is None
    assert 0 < found["total"] < len(archive) and finder.find("")["total"] == len(archive.alive)


def test_a_picture_finds_the_lifeform_that_it_shows(runs: list[Path]) -> None:
    archive, finder = open_archive(runs[0]), Finder(runs[0])
    picture = io.BytesIO()
    Image.fromarray(archive[7].frames[-1]).save(picture, "png")
    name = finder.remember(picture.getvalue())
    best = finder.find(f"picture:{name}")["ids"][0]
    np.testing.assert_array_equal(archive[best].frames[-1], archive[7].frames[-1])
    for shade in range(MOST_PICTURES):
        other = io.BytesIO()
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(other, "png")
        finder.remember(other.getvalue())
    with pytest.raises(AlifeError, match="drop it on the page again"):
        finder.find(f"picture:{name}")
    with pytest.raises(BadOption, match="no picture"):
        finder.remember(b"GIF89a nothing")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mas<2", "no column is called"),
        ("score=>1", "did you mean >="),
        ("like:9999", "no lifeform 9999"),
        ("like:x", "number"),
    ],
)
def test_a_line_is_refused_plainly(served: str, line: str, said: str) -> None:
    status, body = ask(served, f"/api/runs/0/find?q={quote(line)}")
    assert status == 409 and said in json.loads(body)["error"]
    assert ask(served, "/api/runs/0/find?q=")[0] == 200


def test_words_that_a_model_does_not_know_are_told(runs: list[Path]) -> None:
    found = Finder(runs[0]).find("spots wobblegong")
    assert len(found["ids"]) and "wobblegong" in " ".join(found["remarks"])


def test_what_is_dropped_must_be_a_picture(served: str) -> None:
    status, said = post(served, "/api/runs/0/pictures", "text")
    assert status == 409 and "no picture" in said["error"]
