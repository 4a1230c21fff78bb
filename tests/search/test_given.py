"""Genotypes handed in as a file: each is run and kept once, whatever the population, and bad files are refused."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from alife.errors import BadGenotype, BadOption
from alife.genotype import GenotypeSpace
from alife.run import resume_search, run_search
from alife.search.given import Given
from alife.storage import open_archive
from alife.testing.spaces import evaluation

from ..worlds.test_schedule import Counter


class Numbers(Counter):
    """A world of which only the genotype matters."""

    def __init__(self, size, whole):
        self.size, self.whole = size, whole

    def default_params(self, rng):
        return jax.random.randint(rng, (self.size,), 0, 2) if self.whole else jax.random.normal(rng, (self.size,))


def Box(size=5, start=None):
    return GenotypeSpace(Numbers(size, whole=False), "box", start)


def Bits(size=5):
    return GenotypeSpace(Numbers(size, whole=True), "bits")


ROWS = np.arange(35, dtype=np.float32).reshape(7, 5)


@pytest.fixture
def file(tmp_path):
    np.savez(tmp_path / "found.npz", params=ROWS)
    return str(tmp_path / "found.npz")


def worked_through(search, space, generations, n=3):
    state, kept = search.init(jax.random.key(0), space, n), []
    for g in range(generations):
        genotypes, state = search.ask(jax.random.key(g), state)
        state, verdict = search.tell(state, genotypes, evaluation(np.zeros(n)))
        kept += [row.tolist() for row in np.asarray(genotypes)[np.asarray(verdict.keep)]]
    return kept


def test_every_row_is_kept_once_and_in_order(file):
    assert worked_through(Given(file), Box(), 5) == ROWS.tolist()
    assert worked_through(Given(file, first=4), Box(), 5) == ROWS[:4].tolist()


def test_one_number_each_and_single_records(tmp_path):
    np.savez(tmp_path / "rules.npz", params=np.array([6152, 7]))
    assert worked_through(Given(str(tmp_path / "rules.npz")), Bits(1), 2) == [[6152], [7]]
    np.savez(tmp_path / "record.npz", genotype=ROWS[0], score=1.0)
    assert worked_through(Given(str(tmp_path / "record.npz")), Box(), 1) == [ROWS[0].tolist()]


def test_without_a_file_it_is_the_worlds_own_genotype():
    assert worked_through(Given(), Box(start=ROWS[2].tolist()), 1) == [ROWS[2].tolist()]


def test_an_archive_of_them_resumes_and_holds_each_once(tmp_path):
    rules = np.arange(10) * 1000
    np.savez(tmp_path / "rules.npz", params=rules)
    given = {"name": "given", "file": str(tmp_path / "rules.npz")}
    world = {"options": {"size": 32}, "steps": 4, "frames": 2, "img_size": 16, "population": 4, "score": "open_ended"}
    run_search("life", out=tmp_path / "run", search=given, evaluations=4, **world)
    np.savez(tmp_path / "rules.npz", params=rules + 1)
    with pytest.raises(BadOption, match="not what the run began with"):
        resume_search(tmp_path / "run", budget={"evaluations": 20})
    assert len(open_archive(tmp_path / "run")) == 4
    np.savez(tmp_path / "rules.npz", params=rules)
    archive = resume_search(tmp_path / "run", budget={"evaluations": 20})
    assert archive.progress["evaluations"] == 12 and archive.progress["finished"], "it ends with the list"
    assert [x.genotype.tolist() for x in archive] == [[rule] for rule in rules.tolist()]
    assert {x.operator for x in archive} == {"given"}


@pytest.mark.parametrize(
    "write, space, error, said",
    [
        (lambda p: None, Box(), BadOption, "No such file"),
        (lambda p: p.write_text("hello"), Box(), BadOption, "plain arrays, or is damaged"),
        (lambda p: np.savez(p, weights=ROWS), Box(), BadOption, r"holds \['weights'\]"),
        (lambda p: np.savez(p, params=np.array([{}, None])), Box(), BadOption, "plain arrays"),
        (lambda p: np.savez(p, params=np.array(["a"])), Box(), BadOption, "'params' of"),
        (lambda p: np.savez(p, params=ROWS[:0]), Box(), BadOption, "'params' of"),
        (lambda p: np.savez(p, params=ROWS), Box(6), BadGenotype, r"has 5 numbers; expected 6 real number\(s\)"),
        (
            lambda p: np.savez(p, params=ROWS / [1, 1, 1, 1, 0]),
            Box(),
            BadGenotype,
            "NaN or infinite number.*place 4 of row 0",
        ),
        (lambda p: np.savez(p, params=ROWS.astype(float) * 1e38), Box(), BadGenotype, "allows -3.40"),
        (lambda p: np.savez(p, params=ROWS * 1j), Box(), BadOption, "complex"),
        (lambda p: np.save(p.open("wb"), ROWS), Box(), BadOption, "a single array without a name"),
        (lambda p: np.savez(p, params=ROWS + 0.5), Bits(), BadGenotype, "not made of integers at place 0 of row 0"),
    ],
)
def test_what_is_not_a_list_of_genotypes_is_refused(write, space, error, said, tmp_path):
    path = tmp_path / "found.npz"
    with np.errstate(all="ignore"):
        write(path)
    with pytest.raises(error, match=said):
        Given(str(path)).init(jax.random.key(0), space, 3)


def test_damaged_files_are_refused(file):
    whole = Path(file).read_bytes()
    for cut in (10, len(whole) // 2, len(whole) - 30):
        Path(file).write_bytes(whole[:cut])
        with pytest.raises(BadOption, match=r"expected an \.npz file"):
            Given(file)


def test_a_count_below_one_is_refused(file):
    with pytest.raises(BadOption, match="first is 0"):
        Given(file, first=0)
