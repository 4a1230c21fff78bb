"""Worlds that are watched, changed, bred, kept and searched from."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from alife.browser.live import LITTER
from alife.browser.theatre import MOST_WORLDS
from alife.errors import ArchiveError
from alife.replay import replay
from alife.run import resume_search
from alife.storage import open_archive
from alife.storage.files import is_written

from .conftest import serving
from .test_server import ask, post, unpacked


def act(address: str, world: str, **wish: object) -> dict[str, np.ndarray]:
    status, body = ask(address, f"/api/live/{world}", "POST", json.dumps(wish).encode(), Origin=address)
    assert status == 200, body
    return unpacked(body)


def test_left_alone_it_lives_the_life_of_its_record(served: str, runs: list[Path]) -> None:
    life = open_archive(runs[0])[5]
    stage = post(served, "/api/runs/0/lifeforms/5/live", {"side": 32})[1]
    assert stage["genotype"] == life.genotype.tolist() and stage["steps"] == 8 and stage["poke"]
    act(served, stage["world"], steps=3)
    seen = act(served, stage["world"], steps=5)
    assert seen["step"] == [8] and seen["finite"] == [1]
    np.testing.assert_array_equal(seen["frame"], life.frames[-1])
    act(served, stage["world"], restart=True, steps=0)
    np.testing.assert_array_equal(act(served, stage["world"], steps=8)["frame"], life.frames[-1])


def test_it_is_changed_by_its_genotype_and_by_touch(served: str) -> None:
    stage = post(served, "/api/runs/0/lifeforms/5/live", {"side": 32})[1]
    first = act(served, stage["world"])["frame"]
    cleared = act(served, stage["world"], poke=[0.5, 0.5, 1, -1])["frame"]
    assert first.any() and not cleared.any()
    sown = act(served, stage["world"], poke=[0.25, 0.75, 0.1, 1])["frame"]
    rows, columns = np.nonzero(sown[..., 0])
    assert abs(rows.mean() / 32 - 0.75) < 0.05 and abs(columns.mean() / 32 - 0.25) < 0.05
    nothing_is_born = [0] * len(stage["genotype"])
    assert not act(served, stage["world"], genotype=nothing_is_born, steps=2)["frame"].any()


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"steps": -1}, "expected a whole number from 0"),
        ({"steps": 1e9}, "expected a whole number from 0"),
        ({"genotype": [1, 2, 3]}, "expected a list of"),
        ({"genotype": "x"}, "expected a list of"),
        ({"poke": [0.5, 0.5, 0.1]}, "expected a list of 4"),
        ({"poke": [2, 0, 0.1, 1]}, "expected places and a radius from 0 to 1"),
        ({"poke": [0.5, 0.5, 0, 1]}, "expected places and a radius from 0 to 1"),
    ],
)
def test_what_cannot_be_wished(served: str, wish: dict, said: str) -> None:
    world = post(served, "/api/runs/0/lifeforms/5/live", {"side": 32})[1]["world"]
    status, answer = post(served, f"/api/live/{world}", wish)
    assert status == 409 and said in answer["error"]
    assert act(served, world)["finite"] == [1]


@pytest.mark.parametrize("wish", [[1], None, {"side": 4}, {"side": 1e9}, {"side": "32"}, {}])
def test_what_is_no_wish(served: str, wish: object) -> None:
    status, answer = post(served, "/api/runs/0/lifeforms/5/live", wish)
    assert status == 400 and "expected" in answer["error"]


def test_worlds_make_room_for_others(served: str) -> None:
    first = post(served, "/api/runs/0/lifeforms/5/live", {"side": 32})[1]["world"]
    for _ in range(MOST_WORLDS):
        post(served, "/api/runs/0/lifeforms/5/live", {"side": 32})
    status, said = post(served, f"/api/live/{first}", {})
    assert status == 404 and "open it again" in said["error"]


def test_nine_young_differ_and_the_picked_one_is_their_next_parent(served: str) -> None:
    wish = {"side": 32, "seed": 4, "sigma": 0.2}
    young = post(served, "/api/runs/0/lifeforms/5/breed", wish)[1]
    assert len(young) == LITTER and len({tuple(one["genotype"]) for one in young}) > 1
    assert [one["genotype"] for one in post(served, "/api/runs/0/lifeforms/5/breed", wish)[1]] == [
        one["genotype"] for one in young
    ]
    again = post(served, "/api/runs/0/lifeforms/5/breed", {**wish, "parents": [young[3]["genotype"]]})[1]
    (parent,) = young[3]["genotype"]  # a rule, a bit for each of the 18 things that can happen to a cell
    assert all((one["genotype"][0] ^ parent).bit_count() < 6 for one in again)
    assert post(served, "/api/runs/0/lifeforms/5/breed", {**wish, "sigma": -1})[0] == 409


def test_young_of_several_are_mixtures_of_two(served: str, runs: list[Path]) -> None:
    archive = open_archive(runs[0])
    wish = {"side": 32, "seed": 4, "sigma": 0.2, "others": [7, 9]}
    young = post(served, "/api/runs/0/lifeforms/5/breed", wish)[1]
    rules = [int(archive[i].genotype[0]) for i in (5, 7, 9)]
    assert {tuple(one["of"]) for one in young} == {(0, 1), (0, 2)}
    for one in young:  # a bit that both have, or that neither has, differs by mutation alone
        first, second = (rules[parent] for parent in one["of"])
        assert ((one["genotype"][0] ^ first) & ~(first ^ second)).bit_count() < 6
    picked = {**wish, "others": [], "parents": [one["genotype"] for one in young[:3]]}
    assert {of for one in post(served, "/api/runs/0/lifeforms/5/breed", picked)[1] for of in one["of"]} == {0, 1, 2}


@pytest.mark.parametrize(
    "wish, said",
    [
        ({"others": [10**6]}, "lifeform"),
        ({"others": 7}, "expected a list"),
        ({"others": ["7"]}, "expected a list"),
        ({"others": list(range(20))}, "at most"),
        ({"parents": []}, "expected a list of 1 to"),
        ({"parents": [[1, 2, 3]]}, "expected a list of 1 numbers"),
    ],
)
def test_who_cannot_be_a_parent(served: str, wish: dict, said: str) -> None:
    status, answer = post(served, "/api/runs/0/lifeforms/5/breed", {"side": 32, **wish})
    assert status == 409 and said in answer["error"]


@pytest.mark.parametrize("what", ["keep", "mark", "branch"])
def test_a_page_only_reads_unless_told_otherwise(served: str, runs: list[Path], what: str) -> None:
    before = sorted(path.name for path in runs[0].parent.iterdir())
    status, said = post(served, f"/api/runs/0/lifeforms/5/{what}", {"genotype": [0], "favourite": True})
    assert status == 403 and "alife browse --edit" in said["error"]
    assert sorted(path.name for path in runs[0].parent.iterdir()) == before


def test_what_is_kept_is_a_lifeform_beside_its_parent(mine: Path) -> None:
    with serving([mine], edit=True) as address:
        young = post(address, "/api/runs/0/lifeforms/5/breed", {"side": 32, "seed": 1, "sigma": 0.2})[1]
        genotype = young[0]["genotype"]
        kept = post(address, "/api/runs/0/lifeforms/5/keep", {"genotype": genotype})[1]
        assert kept == {"run": 1, "name": "mine-kept", "id": 1}
        life = json.loads(ask(address, "/api/runs/1/lifeforms/1")[1])
        assert life["genotype"] == genotype and life["parents"] == [0] and life["origin"] == "changed from 0"
        verdict = post(address, "/api/runs/1/lifeforms/1/replay", {})[1]
        assert verdict["verdict"] == "same bytes"
        assert [run["name"] for run in json.loads(ask(address, "/api/runs")[1])] == ["mine", "mine-kept"]
        assert post(address, "/api/runs/0/lifeforms/5/keep", {"genotype": genotype})[1] == kept
        assert post(address, "/api/runs/0/lifeforms/5/keep", {"genotype": [1, 2, 3]})[0] == 409


def test_a_mixture_is_kept_with_both_its_parents(mine: Path) -> None:
    with serving([mine], edit=True) as address:
        for other in (7, 9):  # 5 is there already the second time
            (young, *_) = post(address, "/api/runs/0/lifeforms/5/breed", {"side": 32, "others": [other]})[1]
            wish = {"genotype": young["genotype"], "others": [other]}
            kept = post(address, "/api/runs/0/lifeforms/5/keep", wish)[1]
            assert post(address, "/api/runs/0/lifeforms/5/keep", wish)[1] == kept
    collection = open_archive(mine.with_name("mine-kept"))
    assert [life.parents for life in collection] == [(), (), (0, 1), (), (0, 3)]
    assert [life.operator for life in collection] == ["given", "given", "crossover", "given", "crossover"]
    own = [collection[k].genotype.tolist() for k in (0, 1, 3)]
    assert own == [open_archive(mine)[i].genotype.tolist() for i in (5, 7, 9)]
    assert {verdict.verdict for verdict in replay(collection, range(5))} == {"same bytes"}


def test_marks_are_events_of_the_archive(mine: Path) -> None:
    with serving([mine], edit=True) as address:
        said = {"favourite": True, "note": "<b>it divides</b>", "tag": "ring"}
        assert post(address, "/api/runs/0/lifeforms/5/mark", said) == (200, {})
        life = json.loads(ask(address, "/api/runs/0/lifeforms/5")[1])
        assert (life["favourite"], life["note"], life["tags"]) == (True, "<b>it divides</b>", ["ring"])
        assert post(address, "/api/runs/0/lifeforms/5/mark", {"note": ""}) == (200, {})
        assert json.loads(ask(address, "/api/runs/0/lifeforms/5")[1])["note"] == ""
        status, answer = post(address, "/api/runs/0/lifeforms/5/mark", {"favorite": True})
        assert status == 409 and "favourite" in answer["error"]
        found = json.loads(ask(address, "/api/runs/0/find?q=favourite")[1])
        assert found["ids"] == [5]
    assert open_archive(mine).favourites == [5]


def test_a_search_begins_from_a_lifeform_and_is_followed(mine: Path) -> None:
    with serving([mine], edit=True) as address:
        status, begun = post(address, "/api/runs/0/lifeforms/5/branch", {"minutes": 0.05})
        assert (status, begun) == (200, {"run": 1})
        end = time.monotonic() + 120
        while (about := json.loads(ask(address, "/api/runs/1")[1]))["writing"] or not about["lifeforms"]:
            assert time.monotonic() < end, about
            time.sleep(0.1)
        assert about["name"] == "mine-from-5" and about["evaluations"] >= about["lifeforms"] > 0
        first = open_archive(mine.with_name("mine-from-5"))[0]
        np.testing.assert_array_equal(first.genotype, open_archive(mine)[5].genotype)
        assert post(address, "/api/runs/0/lifeforms/5/branch", {"minutes": 0})[0] == 409


def test_moments_and_family_are_those_of_the_archive(served: str, runs: list[Path]) -> None:
    archive = open_archive(runs[0])
    moments = json.loads(ask(served, "/api/runs/0/lifeforms/5/moments")[1])
    z, others = archive[5].embedding, archive.last_embeddings()[0][np.arange(len(archive)) != 5]
    np.testing.assert_allclose(moments["novelty"], 1 - (z @ others.T).max(1), atol=1e-5)
    np.testing.assert_allclose(moments["change"], [0, 1 - z[0] @ z[1]], atol=1e-5)
    assert moments["steps"] == archive.steps == [4, 8]
    family = json.loads(ask(served, "/api/runs/1/lifeforms/4/family")[1])
    assert dict(map(tuple, family["levels"])) == {4: 0, 2: -1, 0: -2, 6: 1}
    assert sorted(map(tuple, family["ties"])) == [(0, 2), (2, 4), (4, 6)]
    assert (family["ancestors"], family["descendants"]) == ([0, 2], [6])


def test_genes_say_what_the_numbers_mean(served: str, runs: list[Path]) -> None:
    (rule,) = json.loads(ask(served, "/api/runs/0/lifeforms/5/genes")[1])
    assert rule["name"] == "rule" and rule["values"] == open_archive(runs[0])[5].genotype.tolist() and rule["meaning"]
    status, body = ask(served, "/api/runs/1/lifeforms/2/genes")
    assert status == 409 and "mine.py" in json.loads(body)["error"]


def test_what_is_kept_can_be_changed_and_kept_again(mine: Path) -> None:
    with serving([mine], edit=True) as address:
        assert post(address, "/api/runs/0/lifeforms/5/keep", {"genotype": [224]})[1]["id"] == 1
        assert post(address, "/api/runs/1/lifeforms/1/live", {"side": 32})[0] == 200
        assert post(address, "/api/runs/1/lifeforms/1/keep", {"genotype": [225]})[1] == {
            "run": 1,
            "name": "mine-kept",
            "id": 2,
        }
        assert json.loads(ask(address, "/api/runs/1/lifeforms/2")[1])["parents"] == [1]
        for i in range(3):
            assert post(address, f"/api/runs/1/lifeforms/{i}/replay", {})[1]["verdict"] == "same bytes"
    kept = open_archive(mine.with_name("mine-kept"))
    assert len(kept.origins) == 1 and kept.config["origin"] == str(mine)
    with pytest.raises(ArchiveError, match="alife search --from"):
        resume_search(kept.path)


def test_several_are_kept_at_once_and_none_is_lost(mine: Path) -> None:
    with serving([mine], edit=True) as address, ThreadPoolExecutor(4) as pool:
        wishes = [{"genotype": [rule]} for rule in (224, 225, 226, 227)]
        kept = list(pool.map(lambda wish: post(address, "/api/runs/0/lifeforms/5/keep", wish), wishes))
    assert sorted(answer["id"] for _, answer in kept) == [1, 2, 3, 4]
    archive = open_archive(mine.with_name("mine-kept"))
    assert sorted(life.genotype.tolist()[0] for life in archive[1:]) == [224, 225, 226, 227]
    assert {life.parents for life in archive[1:]} == {(0,)}


def test_a_run_of_that_name_is_no_collection(mine: Path) -> None:
    own = Path(shutil.copytree(mine, mine.with_name("mine-kept")))
    before = (own / "zarr.json").read_bytes()
    with serving([mine], edit=True) as address:
        status, said = post(address, "/api/runs/0/lifeforms/5/keep", {"genotype": [224]})
        assert status == 409 and "a run of its own" in said["error"]
    assert (own / "zarr.json").read_bytes() == before


def test_a_search_outlives_the_page_that_began_it(mine: Path) -> None:
    with serving([mine], edit=True) as address:
        assert post(address, "/api/runs/0/lifeforms/5/branch", {"minutes": 0.1})[0] == 200
    run, end = mine.with_name("mine-from-5"), time.monotonic() + 120
    while is_written(run):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert open_archive(run).progress["seconds"] >= 6


@pytest.mark.parametrize("number", ["1" + 400 * "0", "1e400", "NaN", "-Infinity", "true", '"x"', "[]"])
def test_numbers_that_are_none(served: str, number: str) -> None:
    world = post(served, "/api/runs/0/lifeforms/5/live", {"side": 32})[1]["world"]
    for body in (f'{{"poke": [{number}, 0, 0.1, 1]}}', f'{{"genotype": [{number}]}}'):
        status, said = ask(served, f"/api/live/{world}", "POST", body.encode(), Origin=served)
        assert status == 409 and b"expected" in said
    assert act(served, world)["finite"] == [1]
