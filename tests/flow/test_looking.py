"""`alife embed` and `alife caption`: what a model sees, in numbers and in words."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from alife.caption import caption_archive, kinds_of, last_frames
from alife.cli import run_command
from alife.errors import ArchiveDamaged, ArchiveError, BadOption
from alife.storage.media import write_picture

from .worlds import TINY, write

COLOURS = """
import warnings
import jax.numpy as jnp
import alife
from alife.errors import BadOption

KNOWN = {"red": 0, "green": 1, "blue": 2}

class Colours:
    image_size, dim, identity = 16, 4, "colours-1"
    def embed_images(self, images):
        return unit(jnp.pad(images.mean((1, 2)), ((0, 0), (0, 1)), constant_values=0.01))
    def embed_text(self, texts):
        rows = []
        for text in texts:
            known = [word for word in text.split() if word in KNOWN]
            if not known:
                raise BadOption(f"colours knows no word of {text!r}")
            if len(known) < len(text.split()):
                warnings.warn(f"not all of {text!r} is known")
            rows.append([sum(KNOWN[word] == i for word in known) for i in range(3)] + [0.01])
        return unit(jnp.array(rows, jnp.float32))
    @staticmethod
    def phrases():
        return ["red", "green", "blue"]

def unit(z):
    return z / jnp.linalg.norm(z, axis=1, keepdims=True)

@alife.hookimpl
def register_models(register):
    register("colours", Colours, summary="knows red, green and blue")
"""


@pytest.fixture(scope="module")
def colours(tmp_path_factory) -> Path:
    """A plugin file with a model that knows three words."""
    return write(tmp_path_factory.mktemp("plugin") / "colours.py", COLOURS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A small finished run."""
    place = tmp_path_factory.mktemp("finished") / "run"
    assert run_command(["search", "life", "--out", str(place), "--generations", "3", "--search", "random", *TINY]) == 0
    return place


def picture(path: Path, *halves: tuple[int, int, int]) -> str:
    """A picture of coloured bars, higher than wide so that its ends are cut."""
    bars = np.repeat(np.array([halves], np.uint8), 20 // len(halves), axis=1)
    write_picture(
        path, np.concatenate([np.full((6, 20, 3), 99, np.uint8), *[bars] * 20, np.full((6, 20, 3), 99, np.uint8)])
    )
    return str(path)


def refused(capsys, *arguments) -> str:
    """The one line that a refused command prints."""
    capsys.readouterr()
    assert run_command([str(a) for a in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    return lines[0]


def cosines(capsys, *arguments) -> dict:
    """What `alife embed --json` prints."""
    capsys.readouterr()
    assert run_command(["embed", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_pictures_against_texts(capsys, tmp_path, colours):
    red, mixed = picture(tmp_path / "red.png", (255, 0, 0)), picture(tmp_path / "mixed.png", (255, 0, 0), (0, 0, 255))
    said = cosines(capsys, "red", red, "blue", mixed, "--plugin", colours, "--model", "colours")
    assert (said["rows"], said["columns"], said["model"]) == ([red, mixed], ["red", "blue"], "colours")
    assert np.allclose(said["cosines"], [[1, 0], [0.707, 0.707]], atol=0.01)


def test_pictures_or_texts_alone_are_compared_with_each_other(capsys, tmp_path, colours):
    files = [picture(tmp_path / "red.png", (255, 0, 0)), picture(tmp_path / "blue.png", (0, 0, 255))]
    for things in (files, ["red", "blue"]):
        said = cosines(capsys, *things, "--plugin", colours, "--model", "colours")
        assert said["rows"] == said["columns"] == things and np.allclose(said["cosines"], np.eye(2), atol=0.01)
    assert cosines(capsys, *files, "--model", "texture")["cosines"][0][0] == pytest.approx(1, abs=1e-5)


def test_the_table_shows_names_and_numbers(capsys, tmp_path, colours):
    red = picture(tmp_path / "red.png", (255, 0, 0))
    assert run_command(["embed", red, "red", "very blue", "--plugin", str(colours), "--model", "colours"]) == 0
    said = capsys.readouterr()
    assert "very blue" in said.out and "1.000" in said.out and "red.png" in said.out
    assert said.err == "note: not all of 'very blue' is known\n"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nowhere.png"], "nowhere.png: there is no such file"),
        (["some/where.png", "red"], "some/where.png: there is no such file"),
        (["colours.py"], "colours.py is no picture"),
        (["pink"], "colours knows no word of 'pink'"),
        (["red", "--model", "texture"], "model 'texture' sees pictures and knows none; use --model"),
        (["red", "--model", "colour"], "did you mean colours"),
        ([], "Missing argument"),
    ],
)
def test_what_embed_refuses(capsys, monkeypatch, colours, arguments, said):
    monkeypatch.chdir(colours.parent)
    message = refused(capsys, "embed", "--plugin", colours, "--model", "colours", *arguments)
    assert said in message and ("texture" not in arguments or "colours" in message.partition("use --model")[2])


def test_a_run_in_words(capsys, tmp_path, colours, finished):
    files = {ending: tmp_path / f"words.{ending}" for ending in ("csv", "json", "png")}
    for file in files.values():
        command = ["caption", finished, "--plugin", colours, "--model", "colours", "--kinds", 2, "--to", file]
        assert run_command([str(part) for part in command]) == 0
    shown = capsys.readouterr().out
    kinds = json.loads(files["json"].read_text())["kinds"]
    assert len(kinds) == 2 and all(kind["name"] in shown and kind["best"] in kind["ids"] for kind in kinds)
    rows = list(csv.DictReader(files["csv"].open()))
    assert [int(row["id"]) for row in rows] == sorted(i for kind in kinds for i in kind["ids"]) == list(range(12))
    assert {row["phrase_1"] for row in rows} <= {"red", "green", "blue"}
    assert files["png"].stat().st_size > 1000


def test_phrases_of_your_own(capsys, tmp_path, colours, finished):
    file = write(tmp_path / "own.txt", "# mine\n\ngreen blue\n")
    command = ["caption", str(finished), "--plugin", str(colours), "--model", "colours", "--phrases", str(file)]
    assert run_command(command) == 0
    assert "green blue" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["RUN", "--phrases", "nowhere.txt"], "nowhere.txt: there is no such file"),
        (["RUN", "--phrases", "empty.txt"], "empty.txt holds no phrase"),
        (["RUN", "--phrases", "bytes.txt"], "bytes.txt: cannot be read"),
        (["RUN", "--kinds", "0"], "kinds is 0; expected 1 or more"),
        (["RUN", "--to", "words.txt"], "expected .csv or .json or .png"),
        (["RUN", "--model", "texture"], "model 'texture' sees pictures and knows none"),
        (["RUN", "--model", "colour"], "did you mean colours"),
        (["nowhere"], "nowhere"),
    ],
)
def test_what_caption_refuses(capsys, tmp_path, monkeypatch, colours, finished, arguments, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "empty.txt", "# nothing\n\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    given = [finished if part == "RUN" else part for part in arguments]
    assert said in refused(capsys, "caption", "--plugin", colours, "--model", "colours", *given)


class Made:
    """An archive of made-up embeddings; of some lifeforms the frames are damaged."""

    path, created = Path("made"), ""

    def __init__(self, z, model="seen-1", damaged=()):
        self.z, self.damaged, self.sound = np.asarray(z, np.float32), damaged, np.arange(len(z))
        self.alive, self.provenance = self.sound, {"model": {"identity": model}}

    def __len__(self):
        return len(self.z)

    def __getitem__(self, i):
        return Life(self.z[i], float(i), i in self.damaged)

    @property
    def index(self):
        return SimpleNamespace(take=lambda ids: self.z[ids])


class Life:
    """A lifeform whose last frame is its embedding, in steps of 255."""

    def __init__(self, z, score, damaged):
        self.z, self.score, self.damaged = z, score, damaged

    @property
    def frames(self):
        if self.damaged:
            raise ArchiveDamaged("made so")
        return (np.broadcast_to(self.z, (2, 2, 2, len(self.z))) * 255).astype(np.uint8)


class Seer:
    """Stands for a model: texts are the vectors themselves, pictures their mean colour."""

    def __init__(self, **texts):
        self.vectors = {name: np.array(z, np.float32) / np.linalg.norm(z) for name, z in texts.items()}
        self.model = SimpleNamespace(identity="seen-1", dim=3)
        self.batches: list[int] = []

    def texts(self, names):
        return np.stack([self.vectors[name] for name in names])

    def pictures(self, images):
        self.batches.append(len(images))
        mean = images.mean((1, 2))
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def around(axis: int, n: int, spread: float = 0.05) -> np.ndarray:
    """n unit vectors near one axis of three."""
    z = np.random.default_rng(axis).normal(scale=spread, size=(n, 3))
    z[:, axis] += 1
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def test_kinds_are_found_however_they_are_ordered():
    z = np.concatenate([around(0, 20), around(1, 5), around(2, 50)])
    order = np.random.default_rng(7).permutation(len(z))
    for rows in (np.arange(len(z)), order):
        centres, member = kinds_of(z[rows])
        truth = np.repeat([0, 1, 2], [20, 5, 50])[rows]
        assert len(centres) == 3 and len({*zip(truth.tolist(), member.tolist(), strict=True)}) == 3
        assert np.allclose(np.linalg.norm(centres, axis=1), 1)


def test_the_number_of_kinds():
    assert len(kinds_of(around(0, 30, 0.01))[0]) == 1  # all alike
    assert len(kinds_of(around(0, 30), 4)[0]) == 4
    assert len(kinds_of(np.eye(3)[[0, 0, 1]], 9)[0]) == 2  # no more than there are different ones
    with pytest.raises(BadOption, match="kinds is -1"):
        kinds_of(np.eye(3), -1)


def test_a_phrase_that_lies_near_everything_names_nothing_special():
    z = np.pad(np.concatenate([around(0, 9), around(1, 3), around(2, 3)]), ((0, 0), (0, 1)))
    hub = Seer(hub=(1, 1, 1, 0), one=(1, 0, 0, 2), two=(0, 1, 0, 2), three=(0, 0, 1, 2))
    assert (np.argmax(z @ hub.texts(list(hub.vectors)).T, axis=1) == 0).all()  # by the plain cosine all are the same
    found = caption_archive(Made(z), hub, list(hub.vectors))
    assert [len(kind.ids) for kind in found.kinds] == [9, 3, 3]
    assert "hub" not in [kind.phrases[0] for kind in found.kinds]
    assert len({kind.phrases[0] for kind in found.kinds}) == 3
    assert "hub" not in [next(iter(captions)) for captions in found.captions.values()]
    assert [kind.best for kind in found.kinds] == [8, 11, 14]


def test_a_run_of_one_kind_is_named_by_the_plain_cosine():
    seer = Seer(wrong=(0, 1, 0), right=(1, 0.1, 0))
    (kind,) = caption_archive(Made(around(0, 9, 0.01)), seer, ["wrong", "right"]).kinds
    assert kind.phrases == ("right", "wrong") and len(kind.ids) == 9


def test_no_two_kinds_have_the_same_name_and_the_typical_ones_come_first():
    z = np.concatenate([around(0, 8), around(1, 8)])
    found = caption_archive(Made(z), Seer(a=(1, 0.75, 0), b=(0.1, 0.1, 1)), ["b", "a"])
    assert [kind.phrases for kind in found.kinds] == [("a", "b"), ("b", "a")]
    for kind in found.kinds:
        middle = z[list(kind.ids)].mean(0)
        assert kind.ids[0] == max(kind.ids, key=lambda i: z[i] @ middle)


def test_more_kinds_than_phrases():
    found = caption_archive(Made(np.eye(3)), Seer(only=(1, 0, 0)), ["only"], kinds=3)
    assert [kind.phrases for kind in found.kinds] == [("only",)] * 3


def test_what_the_model_has_seen_is_not_embedded_again_and_what_it_has_not_is():
    z = np.abs(np.concatenate([around(0, 70), around(1, 60)]))
    seer = Seer(x=(1, 0, 0))
    assert np.array_equal(last_frames(Made(z), seer)[1], z.astype(np.float32)) and seer.batches == []
    ids, again = last_frames(Made(z, model="another", damaged=(3, 129)), seer)
    assert seer.batches == [64, 64, 64]  # one shape, so one compiled program
    assert ids.tolist() == [i for i in range(130) if i not in (3, 129)]
    assert np.allclose(again, z[ids] / np.linalg.norm(z[ids], axis=1, keepdims=True), atol=0.02)


def test_damaged_lifeforms_are_left_out_and_counted():
    made = Made(np.eye(3), model="another", damaged=(1,))
    assert caption_archive(made, Seer(x=(1, 0, 0)), ["x"]).damaged == 1
    with pytest.raises(ArchiveError, match="can be read"):
        caption_archive(Made(np.eye(3), model="another", damaged=(0, 1, 2)), Seer(x=(1, 0, 0)), ["x"])


def test_an_empty_archive_and_no_phrases_are_refused():
    with pytest.raises(ArchiveError, match="no lifeform yet"):
        caption_archive(Made(np.zeros((0, 3))), Seer(x=(1, 0, 0)), ["x"])
    with pytest.raises(BadOption, match="no phrases"):
        caption_archive(Made(np.eye(3)), Seer(x=(1, 0, 0)), [])
