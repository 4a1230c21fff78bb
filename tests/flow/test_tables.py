"""The table of an archive: a phylogeny in the ALife standard, the same in every format."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import zarr

from alife.cli import run_command
from alife.export_table import destruction_times, table_blocks
from alife.storage import open_archive
from alife.types import OPERATORS

from .worlds import TINY


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Path:
    """A run of a search with places, two of whose lifeforms are marked."""
    place = tmp_path_factory.mktemp("found") / "run"
    how = ["search", "life", "--search", "map_elites", "--set", "search.bins=3", "--generations", "8"]
    assert run_command([*how, "--out", str(place), *TINY]) == 0
    marks = ["--favourite", "--tag", "glider", "--tag", "small", "--note", 'it "moves", then\ndivides ∞']
    assert run_command(["mark", str(place), "0", "2", *marks]) == 0
    assert run_command(["mark", str(place), "2", "--no-favourite"]) == 0
    return place


def rows_of(path: Path) -> list[dict[str, str]]:
    """A .csv, line by line."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def table(found) -> list[dict[str, str]]:
    """Its table."""
    assert run_command(["export", str(found), "--to", str(found.with_name("table.csv"))]) == 0
    return rows_of(found.with_name("table.csv"))


def ancestors(row: dict[str, str]) -> list[int]:
    """What a reader of the standard makes of a list."""
    return [] if row["ancestor_list"] == "[none]" else json.loads(row["ancestor_list"])


def test_the_standard_columns_come_first_and_nothing_is_left_out(table, found):
    archive = open_archive(found)
    assert list(table[0])[:4] == ["id", "ancestor_list", "origin_time", "destruction_time"]
    assert {*archive.table()} - {"parent", "seed"} <= {*table[0]}
    assert list(table[0])[-4:] == ["rank", "favourite", "tags", "note"]
    assert [int(row["id"]) for row in table] == list(range(len(archive)))


def test_the_table_is_the_phylogeny(table, found):
    for row, lifeform in zip(table, open_archive(found), strict=True):
        assert ancestors(row) == list(dict.fromkeys(lifeform.parents)) and " " not in row["ancestor_list"]
        assert all(i < lifeform.id and int(table[i]["origin_time"]) <= lifeform.generation for i in ancestors(row))
        assert int(row["origin_time"]) == lifeform.generation and row["operator"] == lifeform.operator
        assert float(row["destruction_time"]) >= lifeform.generation
    assert any(ancestors(row) for row in table) and not ancestors(table[0])


def test_a_lifeform_ends_when_another_takes_its_place(table):
    taken = {int(row["replaced"]): row for row in table if int(row["replaced"]) >= 0}
    assert taken and len(taken) < len(table)
    for row in table:
        end = float(row["destruction_time"])
        assert end == (int(taken[int(row["id"])]["origin_time"]) if int(row["id"]) in taken else math.inf)


def test_rank_goes_by_score(table):
    first = next(row for row in table if row["rank"] == "1")
    assert float(first["score"]) == max(float(row["score"]) for row in table)
    assert sorted(table, key=lambda row: int(row["rank"])) == sorted(table, key=lambda row: -float(row["score"]))


def test_what_people_said_is_in_it(table):
    marks = [(row["favourite"], row["tags"], row["note"]) for row in table]
    said = ("glider small", 'it "moves", then divides ∞')
    assert marks[:3] == [("True", *said), ("False", "", ""), ("False", *said)]
    assert {*marks[3:]} == {("False", "", "")}


def test_parquet_holds_the_same_with_types(table, found, tmp_path):
    assert run_command(["export", str(found), "--to", str(tmp_path / "table.parquet")]) == 0
    columns = pyarrow.parquet.read_table(tmp_path / "table.parquet")
    assert columns.column_names == list(table[0]) and columns.num_rows == len(table)
    read = {"int64": int, "uint32": int, "float": float, "double": float, "bool": "True".__eq__, "string": str}
    for name in columns.column_names:
        of = read[str(columns.schema.field(name).type)]
        assert columns[name].to_pylist() == [of(row[name]) if row[name] else None for row in table], name
    types = {name: str(columns.schema.field(name).type) for name in ("id", "score", "valid", "ancestor_list")}
    assert types == {"id": "int64", "score": "float", "valid": "bool", "ancestor_list": "string"}


def made_up(**changed) -> dict[str, np.ndarray]:
    """Columns of four lifeforms: 0 and 1 come first, 2 takes the place of 0, 3 comes of both 1 and 2."""
    columns = {
        "id": np.arange(4),
        "parent": np.array([[-1, -1], [-1, -1], [0, -1], [1, 2]]),
        "generation": np.array([0, 0, 1, 4]),
        "replaced": np.array([-1, -1, 0, -1]),
        "operator": np.array([0, 0, 1, 2], np.uint8),
        "score": np.array([1, 3, 3, np.nan], np.float32),
        "valid": np.array([True, True, True, False]),
    }
    return {**columns, **changed}


def block(columns: dict[str, np.ndarray]) -> dict[str, list]:
    """The whole table of a small archive as Python values."""
    (only,) = table_blocks(columns, {"operator": OPERATORS, "substrate": ("life", "lenia")}, [])
    return {name: values.tolist() for name, values in only.items()}


def test_a_table_by_hand():
    table = block(made_up(substrate=np.array([0, 1, 1, 0], np.uint8)))
    assert table["ancestor_list"] == ["[none]", "[none]", "[0]", "[1,2]"]
    assert table["destruction_time"] == [1, math.inf, math.inf, math.inf]
    assert table["operator"] == [OPERATORS[0], OPERATORS[0], OPERATORS[1], OPERATORS[2]]
    assert table["substrate"] == ["life", "lenia", "lenia", "life"]
    assert table["rank"] == [3, 1, 1, 4]


def test_a_parent_that_is_both_is_named_once():
    assert block(made_up(parent=np.array([[-1, -1], [-1, -1], [1, 1], [-1, 2]])))["ancestor_list"][2:] == ["[1]", "[2]"]


def test_what_the_search_never_kept_ends_as_it_comes():
    ends = destruction_times(made_up(elite=np.array([True, False, True, False])))
    assert ends.tolist() == [1, 0, math.inf, 4]


def test_the_first_to_take_a_place_ends_the_life():
    ends = destruction_times(made_up(replaced=np.array([-1, -1, 0, 0])))
    assert ends.tolist() == [1, math.inf, math.inf, math.inf]


def test_what_a_lifeform_does_not_have_is_nothing():
    mass = np.array([1, np.nan, 0, np.inf], np.float32)
    assert block(made_up(mass=mass))["mass"] == [1, None, 0, math.inf]


def test_measures_with_names_of_the_table_keep_both():
    table = block(made_up(rank=np.zeros(4, np.float32), note=np.ones(4, np.float32)))
    assert table["measure_rank"] == [0] * 4 and table["rank"] == [3, 1, 1, 4] and table["note"] == [None] * 4


def test_an_empty_archive_has_headings():
    empty = block({name: column[:0] for name, column in made_up().items()})
    assert empty == {name: [] for name in block(made_up())}


def test_a_damaged_log_leaves_the_numbers(table, found, tmp_path, capsys):
    run = Path(shutil.copytree(found, tmp_path / "run"))
    (run / "events/zarr.json").write_text("{}")
    assert run_command(["export", str(run), "--to", str(tmp_path / "table.csv")]) == 0
    assert "note: favourite, tags and note are empty" in capsys.readouterr().err
    blank = {"favourite": "", "tags": "", "note": ""}
    assert rows_of(tmp_path / "table.csv") == [{**row, **blank} for row in table]


def test_damaged_lifeforms_are_left_out_and_named(table, found, tmp_path, capsys):
    run = Path(shutil.copytree(found, tmp_path / "run"))
    zarr.open_array(run / "evaluation", mode="r+")[2] = 77  # not what its checksum says
    assert run_command(["export", str(run), "--to", str(tmp_path / "table.csv")]) == 0
    assert "note: left out: lifeform 2 of" in capsys.readouterr().err
    sound = rows_of(tmp_path / "table.csv")
    assert [row["id"] for row in sound] == [row["id"] for row in table if row["id"] != "2"]
    assert [row["score"] for row in sound] == [row["score"] for row in table if row["id"] != "2"]
    assert not any(2 in ancestors(row) for row in sound)


def test_an_ancestor_that_is_left_out_is_not_named():
    kept = np.array([0, 2, 3])
    table = block({name: column[kept] for name, column in made_up().items()})
    assert table["id"] == [0, 2, 3] and table["ancestor_list"] == ["[none]", "[0]", "[2]"]
    assert table["destruction_time"] == [1, math.inf, math.inf]


def test_parquet_without_pyarrow_says_what_to_install(found, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("alife.export_table.find_spec", lambda name: None)
    assert run_command(["export", str(found), "--to", str(tmp_path / "t.parquet")]) == 2
    assert "pip install 'alife[parquet]'" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_pyarrow_is_not_needed_for_csv(found, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert run_command(["export", str(found), "--to", str(tmp_path / "t.csv")]) == 0


def test_unknown_endings(found, tmp_path, capsys):
    assert run_command(["export", str(found), "--to", str(tmp_path / "t.xlsx")]) == 2
    assert ".csv .parquet" in capsys.readouterr().err
    assert run_command(["export", str(found), "0", "--to", str(tmp_path / "t.csv")]) == 2
    assert ".csv .parquet without an ID" in capsys.readouterr().err
