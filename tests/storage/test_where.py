"""Conditions over columns: what they choose, and what is said of a text that is none."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alife.errors import BadOption
from alife.storage.where import conditions, select

TABLE = {
    "id": np.arange(5),
    "parent": np.zeros((5, 2), int),
    "score": np.array([0.1, 0.4, 0.5, -np.inf, 0.9], np.float32),
    "mass": np.array([1, 2, np.nan, 4, 1e9], np.float32),
    "generation": np.array([0, 0, 1, 1, 3]),
    "operator": np.array([0, 1, 1, 0, 1], np.uint8),
    "elite": np.array([True, True, False, True, False]),
}
WORDS = {
    "names": {"operator": ("sample", "mutate")},
    "marks": {"favourite": [4, 0]},
    "tags": {"odd": {2}, "two words": {1, 2}, "nobody": ()},
}


def chosen(text: str) -> list[int]:
    return np.flatnonzero(select(text, TABLE, **WORDS)).tolist()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("  ", [0, 1, 2, 3, 4]),
        ("mass<2", [0]),
        ("mass<=2", [0, 1]),
        ("mass > 2", [3, 4]),
        ("mass>=1e9", [4]),
        ("score=0.1", [0]),  # as a person writes it, although the column holds 0.1 as float32
        ("score == 0.4", [1]),
        ("score<-1e30", [3]),
        ("score>-inf score<inf", [0, 1, 2, 4]),
        ("id=3", [3]),
        ("generation=1", [2, 3]),
        ("generation!=1", [0, 1, 4]),
        ("generation=0.5", []),
        ("operator=mutate", [1, 2, 4]),
        ("operator != mutate", [0, 3]),
        ("elite", [0, 1, 3]),
        ("not elite", [2, 4]),
        ("!elite", [2, 4]),
        ("elite=false", [2, 4]),
        ("favourite", [0, 4]),
        ("not favourite elite", [1, 3]),
        ("tag=odd", [2]),
        ('tag = "two words"', [1, 2]),
        ("not tag=odd elite", [0, 1, 3]),
        ("tag!=odd", [0, 1, 3, 4]),
        ("tag=nobody", []),
        ("mass<2 score>=0.4", []),
        ("score>=0.4 operator=mutate not elite", [2, 4]),
        ("score>=0.4 and operator=mutate and mass<3", [1]),
    ],
)
def test_conditions_must_all_hold(text: str, ids: list[int]) -> None:
    assert chosen(text) == ids


@pytest.mark.parametrize("text", ["mass<2", "mass!=2", "not mass<2", "not mass!=2", "mass>=-inf", "!mass=1"])
def test_a_missing_number_meets_no_condition(text: str) -> None:
    assert 2 not in chosen(text)


@given(
    sign=st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
    limit=st.floats(width=32, allow_nan=False),
    spaces=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    turned=st.booleans(),
)
def test_a_comparison_is_that_of_python(sign: str, limit: float, spaces: tuple[int, int], turned: bool) -> None:
    functions = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
    compare = {**functions, "=": operator.eq, "!=": operator.ne}[sign]
    expected = [i for i, mass in enumerate(TABLE["mass"].tolist()) if mass == mass and compare(mass, limit) != turned]
    before, after = (" " * count for count in spaces)
    assert chosen(f"{'not ' if turned else ''}mass{before}{sign}{after}{limit!r}") == expected


@pytest.mark.parametrize(
    ("text", "said", "under"),
    [
        ("score>0 mas<2", "no column is called 'mas'; did you mean mass", "mas"),
        ("parent=3", "no column is called 'parent'", "parent"),
        ("favorite", "did you mean favourite", "favorite"),
        ("score>0 or elite", "no column is called 'or'", "or"),
        ("elite mass", "mass is a number; say how large", "mass"),
        ("mass<heavy", "'heavy' is none", "heavy"),
        ("mass<nan", "'nan' is none", "nan"),
        ("score>0 mass <", "mass < is compared with nothing", "<"),
        ("mass>0 score=>1", "no comparison is written =>; did you mean >=", "=>"),
        ("score =< 1", "no comparison is written =<; did you mean <=", "=<"),
        ("operator<mutate", "operator needs a name, such as operator=sample", "operator"),
        ("operator", "operator needs a name", "operator"),
        ("operator=mutat", "no operator is called 'mutat'; did you mean mutate", "mutat"),
        ("tag", "tag needs a tag's name, such as tag=odd", "tag"),
        ("tag=od", "no tag is called 'od'; did you mean odd", "od"),
        ("elite>0", "elite is yes or no; say elite, or not elite", "elite"),
        ("elite 0<mass<2", "this cannot be read", "0"),
        ("score>0 <3", "this cannot be read", "<"),
        ('tag="odd', "this cannot be read", "t"),
    ],
)
def test_bad_texts_say_where_and_what_instead(text: str, said: str, under: str) -> None:
    with pytest.raises(BadOption) as caught:
        chosen(text)
    message, line, carets = str(caught.value).split("\n")
    assert said in message
    assert line == f"  {text}"
    start = carets.index("^")
    assert line[start : start + carets.count("^")] == under


def test_of_a_long_text_only_the_place_is_shown() -> None:
    with pytest.raises(BadOption) as caught:
        chosen("elite " * 50 + "mas<2 " + "elite " * 50)
    _, line, carets = str(caught.value).split("\n")
    assert len(line) < 80 and line[carets.index("^") :].startswith("mas<2")


def test_without_tags_none_is_suggested() -> None:
    with pytest.raises(BadOption, match="no tag is called 'odd'; there is none"):
        select("tag=odd", TABLE)


def test_conditions_can_be_looked_at_without_a_table() -> None:
    assert [condition.name for condition in conditions("mass<2 not elite tag=odd")] == ["mass", "elite", "tag"]
