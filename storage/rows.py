"""The lifeforms that a generation adds, from what a run hands over to what the arrays take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num, UInt32

from alife.errors import BadOption
from alife.storage.documents import DOCUMENT
from alife.storage.schema import PARTS, part_checksums, record_columns


class Rows(NamedTuple):
    """The lifeforms that one generation adds, n of them or none; their ids are the row numbers that follow."""

    genotype: Num[np.ndarray, "n G"]
    parent: Int[np.ndarray, "n 2"]
    """Ids of the parents; -1 = none."""
    replaced: Int[np.ndarray, " n"]
    """Id of the lifeform whose place in the search each one took; -1 = none."""
    operator: Int[np.ndarray, " n"]
    """Index into `alife.types.OPERATORS`."""
    evaluation: Int[np.ndarray, " n"]
    """Number of the evaluation over the whole run, from 0."""
    seed: UInt32[np.ndarray, "n 2"]
    """The words of the PRNG key that the world was run with."""
    score: Float[np.ndarray, " n"]
    """Higher is better."""
    measures: Mapping[str, Float[np.ndarray, " n"]]
    valid: Bool[np.ndarray, " n"]
    embedding: Float[np.ndarray, "n K D"]
    """Unit vectors."""
    frames: Int[np.ndarray, "n K H W 3"]
    """Pictures in time order, 0..255."""


def row_values(rows: Rows, about: Mapping[str, Any], documents: Mapping[str, Any], generation: int) -> dict[str, Any]:
    """What to append to each array: path -> values, with ids and checksums added.

    Args:
        about: the `archive` attribute of the root document.
        documents: of the arrays.

    Raises:
        BadOption: a shape, type, operator or parent that does not fit; says which.
    """
    start, count, home = about["committed"], len(rows.genotype), f"substrates/{about['substrate']}"
    ids = np.arange(start, start + count)
    _require_measures(rows.measures, about["measures"])
    given = rows._asdict()
    given.update(given.pop("measures"), id=ids, generation=np.full(count, generation))
    given.update({f"{home}/genotype": given.pop("genotype"), f"{home}/lifeform": ids})
    if "replaced" not in documents:
        del given["replaced"]  # an archive begun before there was such a column
    values = {path: _fitted(path, value, documents[path], count) for path, value in given.items()}
    _require_operators(values["operator"], documents["operator"]["attributes"]["flag_values"])
    for column in {"parent", "replaced"} & set(values):
        _require_earlier(column, np.atleast_2d(values[column].T).T, ids)
    parts = {"record": record_columns(documents), "genotype": (f"{home}/genotype",)}
    sums = [part_checksums(values[path] for path in parts.get(part, (part,))) for part in PARTS]
    return {**values, "row_crc": np.stack(sums, axis=1)}


def plain_array(name: str, value: Any) -> np.ndarray:
    """A copy of one array of a checkpoint.

    Raises:
        BadOption: it is not made of numbers, or its name cannot be that of an array.
    """
    steps = name.split("/")
    if any(not step or step.startswith((".", "__")) or step == DOCUMENT for step in steps):
        raise BadOption(f"a checkpoint array is called {name!r}; expected names of files, joined by slashes")
    array = np.array(value)
    if array.dtype.kind not in "biufc":
        raise BadOption(f"checkpoint array {name!r} is of type {array.dtype}; expected numbers that NumPy knows")
    return array


def plain_json(name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as it comes back from JSON.

    Raises:
        BadOption: part of it is not plain JSON, which has neither arrays nor infinite numbers.
    """
    for key, item in value.items():
        try:
            json.dumps(item, allow_nan=False)
        except (TypeError, ValueError) as cause:
            raise BadOption(f"{name}[{key!r}] is {item!r}; expected plain JSON ({cause})") from None
    return json.loads(json.dumps(dict(value)))


def _fitted(path: str, given: Any, document: Mapping[str, Any], count: int) -> np.ndarray:
    value, dtype = np.asarray(given), np.dtype(document["data_type"])
    shape = (count, *document["shape"][1:])
    if value.shape != shape:
        raise BadOption(f"{path} has shape {value.shape}; expected {shape}, as this archive was made")
    if dtype.kind == "f" and value.dtype.kind in "fiu":
        return value.astype(dtype)  # infinite scores are meant, and fit
    fits = value.dtype.kind == dtype.kind or {value.dtype.kind, dtype.kind} <= {"i", "u"}
    if not fits or not np.array_equal(value.astype(dtype), value):
        raise BadOption(f"{path} holds {value.dtype} numbers; expected such as fit {dtype}, as this archive was made")
    return value.astype(dtype)


def _require_measures(given: Mapping[str, Any], expected: list[str]) -> None:
    if set(given) != set(expected):
        raise BadOption(f"measures are {sorted(given)}; expected {sorted(expected)}, as this archive was made")


def _require_operators(operators: np.ndarray, known: list[int]) -> None:
    wrong = operators[~np.isin(operators, known)]
    if len(wrong):
        raise BadOption(f"operator is {wrong[0]}; expected one of {known}")


def _require_earlier(column: str, others: np.ndarray, ids: np.ndarray) -> None:
    wrong = np.argwhere((others < -1) | (others >= ids[:, None]))
    if len(wrong):
        row, slot = wrong[0]
        raise BadOption(
            f"lifeform {ids[row]} has {column} {others[row, slot]}; expected an earlier lifeform's id, or -1 for none"
        )
