"""`alife find`: lifeforms by what they look like, by their numbers, by their relatives."""

from __future__ import annotations

import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from alife.cli import run_command
from alife.embedding import Embedder
from alife.errors import ArchiveDamaged, BadOption
from alife.find import Likeness, find_lifeforms
from alife.making import make_model
from alife.seen import seen_by
from alife.storage import open_archive
from alife.storage.events import add_event
from alife.storage.media import write_picture
from alife.storage.sheet import most_different

from .test_looking import COLOURS
from .worlds import TINY, write


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished run in which lifeforms have parents; not to be changed but by the index."""
    place = tmp_path_factory.mktemp("finished") / "run"
    command = ["search", "life", "--out", str(place), "--generations", "6", "--set", "search.size=8", *TINY]
    assert run_command([*command, "--model", "texture"]) == 0
    return place


@pytest.fixture
def archive(finished):
    return open_archive(finished)


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    """The same run without an index, to be changed at will."""
    return Path(shutil.copytree(finished, tmp_path / "copy", ignore=shutil.ignore_patterns("index")))


@pytest.fixture(scope="module")
def colours(tmp_path_factory) -> Path:
    """A plugin file with a model that knows three words."""
    return write(tmp_path_factory.mktemp("plugin") / "colours.py", COLOURS)


class Brightness:
    """Sees how bright a picture is, and counts how often it looks."""

    image_size, dim, identity, traceable = 16, 2, "brightness", False
    looked = 0

    def embed_images(self, images):
        Brightness.looked += 1
        means = images.mean((1, 2, 3))
        return np.stack([np.cos(means), np.sin(means)], axis=1).astype(np.float32)

    def embed_text(self, texts):
        angle = {"dark": 0.0, "grey": 0.5, "white": 1.0}
        return np.array([[np.cos(angle[text]), np.sin(angle[text])] for text in texts], np.float32)


def said_of(capsys, *arguments) -> tuple[list[int], str]:
    """The ids that `alife find` shows, in order, and all that it says."""
    capsys.readouterr()
    assert run_command(["find", *map(str, arguments)]) == 0
    said = capsys.readouterr().out
    return [int(line.split()[0]) for line in said.splitlines() if line.strip()[:1].isdigit()], said


def last_z(archive) -> np.ndarray:
    return np.stack([lifeform.embedding[-1] for lifeform in archive])


def brightness(archive) -> np.ndarray:
    return np.array([lifeform.frames[-1].mean() / 255 for lifeform in archive])


def test_the_highest_scores_come_first_and_it_is_always_said_how_many_there_are(capsys, finished, archive):
    ids, said = said_of(capsys, finished, "-n", 3)
    assert ids == [lifeform.id for lifeform in archive.best(3)]
    assert f"showing 3 of {len(archive)}: highest score first" in said
    assert all(name in said for name in archive.measures)


def test_sorted_by_a_measure_either_way(capsys, finished, archive):
    population = archive.column("population")
    ids, said = said_of(capsys, finished, "--sort", "-population", "-n", 99)
    assert population[ids].tolist() == sorted(population, reverse=True) and "highest population first" in said
    ids, said = said_of(capsys, finished, "--sort", "population", "-n", 99)
    assert population[ids].tolist() == sorted(population) and f"showing {len(archive)} of {len(archive)}" in said


def test_conditions(capsys, finished, archive):
    population, generation = archive.column("population"), archive.column("generation")
    limit = float(np.median(population))
    expected = np.flatnonzero((population < limit) & (generation >= 1)).tolist()
    ids, said = said_of(capsys, finished, "--where", f"population < {limit!r} generation>=1", "--sort", "id", "-n", 99)
    assert ids == expected and f"showing {len(expected)} of {len(expected)}" in said
    assert said_of(capsys, finished, "--where", "generation>99")[0] == []
    assert said_of(capsys, finished, "--where", "substrate=life", "--sort", "id", "-n", 2)[0] == [0, 1]


def test_what_people_have_marked(capsys, copy):
    add_event(copy, "favourite", 3)
    add_event(copy, "tag", 5, "odd")
    assert said_of(capsys, copy, "--where", "favourite")[0] == [3]
    assert said_of(capsys, copy, "--where", "tag=odd not favourite")[0] == [5]


def test_the_nearest_to_a_lifeform_are_those_of_brute_force(capsys, finished, archive):
    z = last_z(archive)
    expected = [i for i in np.argsort(-(z @ z[2]), kind="stable").tolist() if i != 2]
    ids, said = said_of(capsys, finished, "--like", 2, "-n", 99)
    np.testing.assert_allclose((z @ z[2])[ids], (z @ z[2])[expected], atol=1e-6)  # equals may change places
    assert sorted(ids) == sorted(expected)
    assert f"of {len(archive) - 1}: the most alike first, as model texture sees them" in said


def test_sums_of_likenesses(archive):
    z = last_z(archive)
    q = z[0] + z[1] - z[2]
    found = find_lifeforms(archive, Likeness(like=[0, 1], unlike=[2]), n=5)
    expected = z @ q / np.linalg.norm(q)
    np.testing.assert_allclose(found.similarity, expected[found.ids], atol=1e-5)
    assert found.similarity[0] == pytest.approx(np.delete(expected, [0, 1]).max(), abs=1e-5)


def test_words_and_what_they_should_not_be_like(archive):
    light = brightness(archive)
    embedder = Embedder(Brightness())
    for word, wanted in (("dark", light.argmin()), ("white", light.argmax())):
        found = find_lifeforms(archive, Likeness(texts=[word]), n=1, embedder=embedder)
        assert light[found.ids[0]] == light[wanted]
    away = find_lifeforms(archive, Likeness(minus=["dark"]), n=1, embedder=embedder)
    assert light[away.ids[0]] == light.max()


def test_what_another_model_sees_is_kept(copy):
    archive, embedder = open_archive(copy), Embedder(Brightness())
    Brightness.looked = 0
    first = find_lifeforms(archive, Likeness(texts=["grey"]), embedder=embedder)
    looked = Brightness.looked
    again = find_lifeforms(open_archive(copy), Likeness(texts=["grey"]), embedder=embedder)
    assert looked and Brightness.looked == looked
    assert np.array_equal(first.similarity, again.similarity)
    for file in (copy / "id" / "index").glob("*.f32"):
        file.write_bytes(b"\xff" * file.stat().st_size)
    damaged = find_lifeforms(open_archive(copy), Likeness(texts=["grey"]), embedder=embedder)
    assert Brightness.looked > looked and np.array_equal(first.similarity, damaged.similarity)


def test_a_run_whose_model_knows_no_text_is_seen_by_one_that_does(capsys, finished):
    ids, said = said_of(capsys, finished, "a glider", "--minus", "noise", "-n", 2)
    assert len(ids) == 2 and "as model builtin sees them" in said


def test_a_model_of_a_plugin_by_words(capsys, finished, colours):
    plugin = ["--plugin", colours, "--model", "colours"]
    ids, said = said_of(capsys, finished, "red", "green", "blue", "-n", 4, *plugin)
    assert len(ids) == 4 and "as model colours sees them" in said


def test_a_picture_finds_the_lifeform_that_it_is_of(capsys, tmp_path, finished, archive):
    wanted = archive.best()[0]
    write_picture(tmp_path / "it.png", wanted.frames[-1])
    ids, said = said_of(capsys, finished, "--image", tmp_path / "it.png", "-n", 1)
    assert np.array_equal(archive[ids[0]].frames[-1], wanted.frames[-1])
    assert "1.000" in said and "as model texture sees them" in said


def test_the_most_different_of_those_that_meet_conditions(archive):
    z, score = last_z(archive), archive.column("score")
    ids = np.flatnonzero(archive.column("generation") >= 1)
    found = find_lifeforms(archive, where="generation>=1", different=True, n=4)
    expected = ids[most_different(z[ids], 4, first=int(np.argmax(score[ids])))]
    assert found.ids.tolist() == expected.tolist() and found.total == len(ids)


def test_relatives(capsys, finished, archive):
    parent = archive.column("parent")
    child = int(np.flatnonzero((parent >= 0).any(1))[-1])
    line = {child}
    for i in range(child, -1, -1):
        line |= set(archive[i].parents) if i in line else set()
    oldest = min(line)
    ids, _ = said_of(capsys, finished, "--ancestors", child, "--sort", "id", "-n", 99)
    assert ids == sorted(line - {child}) and ids
    ids, _ = said_of(capsys, finished, "--descendants", oldest, "--sort", "id", "-n", 99)
    assert child in ids and oldest not in ids


def test_a_sheet_of_exactly_those(capsys, tmp_path, finished):
    target = tmp_path / "found.png"
    _, said = said_of(capsys, finished, "--where", "generation=0", "-n", 2, "--to", target)
    assert f"wrote {target}" in said and iio.imread(target).shape[1] > 300


def damage(run: Path, part: str) -> None:
    """Overwrite the middle of each file of one part."""
    for file in (run / part).glob("c*"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)


def test_damaged_lifeforms_are_left_out_and_counted(capsys, copy):
    damage(copy, "embedding")
    archive = open_archive(copy)
    found = find_lifeforms(archive, different=True)
    assert found.damaged == np.isnan(seen_by(archive).take(np.arange(len(archive)))[:, 0]).sum() > 0
    assert found.total == len(archive) - found.damaged
    assert run_command(["find", str(copy), "--different"]) == 0
    assert f"note: {found.damaged} damaged lifeforms are left out" in capsys.readouterr().err
    with pytest.raises(ArchiveDamaged, match="lifeform 0 "):
        find_lifeforms(archive, Likeness(like=[0]))


def refused(capsys, *arguments) -> str:
    capsys.readouterr()
    assert run_command(["find", *map(str, arguments)]) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RUN", "--where", "populaton<1"], "did you mean population"),
        (["RUN", "--where", "score>0 population<many"], "\n                     ^^^^"),
        (["RUN", "--sort", "popul"], "did you mean population"),
        (["RUN", "--sort", "parent"], "no column is called 'parent'"),
        (["RUN", "--like", "999"], "there is no lifeform 999; this archive holds"),
        (["RUN", "--ancestors", "999"], "(ids 0.."),
        (["RUN", "--image", "nowhere.png"], "nowhere.png: there is no such file"),
        (["RUN", "--like", "1", "--unlike", "1"], "nothing is left to compare with"),
        (["RUN", "--like", "1", "--sort", "score"], "expected one of them"),
        (["RUN", "--different", "--sort", "score"], "expected one of them"),
        (["RUN", "words", "--model", "texture"], "model 'texture' sees pictures and knows none"),
        (["RUN", "words", "--model", "bultin"], "did you mean builtin"),
        (["RUN", " "], "is empty"),
        (["RUN", "--where", "generation>99", "--to", "none.png"], "nothing to draw"),
        (["RUN", "--to", "sheet.gif"], "expected .png"),
        (["RUN", "-n", "0"], "0 is not in the range"),
        (["nowhere"], "nowhere is not a directory"),
    ],
)
def test_what_find_refuses(capsys, monkeypatch, tmp_path, finished, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in refused(capsys, *[finished if part == "RUN" else part for part in arguments])


def test_words_need_somebody_who_looks(archive):
    with pytest.raises(BadOption, match="expected an embedder"):
        find_lifeforms(archive, Likeness(texts=["dark"]))


def test_the_own_model_is_not_asked_again(archive):
    assert seen_by(archive, Embedder(make_model("texture"))) is archive.index
