"""The lifeforms that a generation adds, from what a run hands over to what the arrays take."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Num, Shaped, UInt8, UInt32

from alife.errors import BadOption
from alife.storage.documents import DOCUMENT
from alife.storage.schema import checksum_of, part_checksums, parts_of, record_columns, substrate_home

NOWHERE = np.iinfo(np.int64).min
"""Less than any number of a lifeform, in this store or another."""


class Peak(NamedTuple):
    """The moment at which a measure was greatest, of one lifeform or of several."""

    value: Float[np.ndarray, " n"]
    """What the measure was then; NaN where it never was a number."""
    step: Int[np.ndarray, " n"]
    """Steps taken until then, 1 or more."""
    frame: UInt8[np.ndarray, "n H W 3"]
    """Picture of that moment, 0..255."""


class Rows(NamedTuple):
    """The lifeforms of one substrate and one origin that are added together, n of them or none.

    Their ids are the row numbers that follow.
    """

    genotype: Num[np.ndarray, "n G"] | Sequence[Num[np.ndarray, " g"]]
    """Of several lengths only where the archive was made for that."""
    parent: Int[np.ndarray, "n 2"]
    """Ids of the parents; -1 = none; below that those of other stores, see `alife.storage.union.elsewhere`."""
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
    """Those that the archive knows and that are not here are NaN."""
    valid: Bool[np.ndarray, " n"]
    embedding: Float[np.ndarray, "n K D"]
    """Unit vectors."""
    frames: Int[np.ndarray, "n K H W 3"]
    """Pictures in time order, 0..255."""
    elite: Bool[np.ndarray, " n"] | None = None
    """True where the search keeps it; None = everywhere."""
    sampled: Bool[np.ndarray, " n"] | None = None
    """True where it was drawn into the unbiased sample of all worlds that were run; None = nowhere."""
    generation: Int[np.ndarray, " n"] | None = None
    """In which each was found; None = in the one that is being committed."""
    clip: Sequence[UInt8[np.ndarray, "T H W 3"]] | None = None
    """The whole life of each in pictures, of any number; None = no pictures."""
    states: Mapping[str, Sequence[Shaped[np.ndarray, "M *leaf"]]] | None = None
    """Leaf of the state -> of each lifeform the moments kept; None = none."""
    peak: Peak | None = None
    substrate: str = ""
    """Name of their substrate; empty = the only one of the archive."""
    origin: int = -1
    """Place in the archive's origins; -1 = what the writer began with."""


def row_values(
    rows: Rows, attributes: Mapping[str, Any], documents: Mapping[str, Any], generation: int
) -> dict[str, np.ndarray]:
    """What to append to each array: path -> values, with ids, places and checksums added.

    Args:
        attributes: of the root document as it is.
        documents: of the arrays with rows, as they are.
        generation: the number of the commit.

    Raises:
        BadOption: a shape, type, name, operator or parent that does not fit; says which.
    """
    about, count = attributes["archive"], len(rows.evaluation)
    substrate = _substrate(rows.substrate, about["substrates"])
    ids = np.arange(about["committed"], about["committed"] + count)
    given: dict[str, Any] = {
        **{name: getattr(rows, name) for name in ("parent", "replaced", "operator", "evaluation", "seed", "score")},
        **{name: getattr(rows, name) for name in ("valid", "embedding", "frames")},
        **_all_measures(rows.measures, about["measures"], count),
        "id": ids,
        "generation": np.full(count, generation) if rows.generation is None else rows.generation,
        "substrate": np.full(count, about["substrates"].index(substrate)),
        "origin": np.full(count, rows.origin),
        "elite": np.ones(count, bool) if rows.elite is None else rows.elite,
        "sampled": np.zeros(count, bool) if rows.sampled is None else rows.sampled,
        **_peak(rows.peak, documents, count),
    }
    values = {path: _fitted(path, value, documents[path], count) for path, value in given.items()}
    _require_operators(values["operator"], documents["operator"]["attributes"]["flag_values"])
    for column in ("parent", "replaced"):
        _require_earlier(column, np.atleast_2d(values[column].T).T, ids, least=NOWHERE if "island" in about else -1)
    home, sums = substrate_home(substrate), dict[str, np.ndarray]()
    values[f"{home}/lifeform"] = ids
    for part, (columns, checksums) in {
        "genotype": _genotypes(rows.genotype, home, documents, count),
        "clip": _flat_part("clip", {} if rows.clip is None else {"clip": rows.clip}, ["clip"], documents, count),
        "states": _flat_part("states", *_leaves(rows.states, home, documents), documents, count),
    }.items():
        values.update(columns)
        sums[part] = checksums
    sums["record"] = part_checksums(values[name] for name in record_columns(documents))
    parts = parts_of(documents)
    sums |= {part: part_checksums([values[part]]) for part in parts if part not in sums}
    return {**values, "row_crc": np.stack([sums[part] for part in parts], axis=1)}


Columns = dict[str, np.ndarray]


def _genotypes(given: Any, home: str, documents: Mapping[str, Any], count: int) -> tuple[Columns, np.ndarray]:
    path = f"{home}/genotype"
    document = documents[path]
    if len(document["shape"]) == 2:
        genotype = _fitted(path, given, document, count)
        return {path: genotype}, part_checksums([genotype])
    flat = [_fitted(path, one, document, len(one)) for one in given]
    ends = document["shape"][0] + np.cumsum([len(one) for one in flat], dtype=np.int64)
    _require_count(path, len(flat), count)
    return {path: _joined(flat, document), f"{path}_end": ends}, _sums([[one] for one in flat])


def _leaves(
    states: Mapping[str, Sequence[np.ndarray]] | None, home: str, documents: Mapping[str, Any]
) -> tuple[Mapping[str, Sequence[np.ndarray]], list[str]]:
    """Where the leaves of states go: path -> moments of each lifeform; and all such places of the substrate."""
    known = sorted(path for path in documents if path.startswith(f"{home}/state/"))
    return {f"{home}/state/{leaf}": moments for leaf, moments in (states or {}).items()}, known


def _flat_part(
    part: str,
    given: Mapping[str, Sequence[np.ndarray]],
    known: list[str],
    documents: Mapping[str, Any],
    count: int,
) -> tuple[Columns, np.ndarray]:
    """Moments of every lifeform, one after the other, and where they begin; all arrays of a part in step."""
    if part not in parts_of(documents):
        if given:
            raise BadOption(f"{part} are given; this archive was made without room for them")
        return {}, np.zeros(count, np.uint32)
    if given and sorted(given) != known:
        raise BadOption(f"{part} has {sorted(given)}; expected {known}, as this archive was made")
    columns = {path: [_fitted(path, one, documents[path], len(one)) for one in given[path]] for path in sorted(given)}
    lengths = np.zeros(count, np.int64)
    for path, pieces in columns.items():
        _require_count(path, len(pieces), count)
        lengths = np.array([len(piece) for piece in pieces], np.int64)
    for path, pieces in columns.items():
        if [len(piece) for piece in pieces] != lengths.tolist():
            raise BadOption(f"{path} has other numbers of moments than {sorted(columns)[-1]}; expected as many")
    begin = documents[known[0]]["shape"][0] if known else 0
    places = {f"{part}_start": begin + np.cumsum(lengths) - lengths, f"{part}_length": lengths}
    sums = _sums([[pieces[i] for pieces in columns.values()] for i in range(count)])
    return {**places, **{path: _joined(pieces, documents[path]) for path, pieces in columns.items()}}, sums


def _joined(pieces: Sequence[np.ndarray], document: Mapping[str, Any]) -> np.ndarray:
    empty = np.zeros((0, *document["shape"][1:]), document["data_type"])
    return np.concatenate([empty, *pieces])


def _sums(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    return np.array([checksum_of(row) for row in rows], np.uint32)


def _peak(peak: Peak | None, documents: Mapping[str, Any], count: int) -> dict[str, Any]:
    if "peak_frame" not in documents:
        if peak is not None:
            raise BadOption("peak is given; this archive was made without room for it")
        return {}
    if peak is None:
        nothing = np.zeros((count, *documents["peak_frame"]["shape"][1:]), np.uint8)
        peak = Peak(np.full(count, np.nan), np.full(count, 0), nothing)
    return {"peak": peak.value, "peak_step": peak.step, "peak_frame": peak.frame}


def _all_measures(given: Mapping[str, Any], known: Sequence[str], count: int) -> dict[str, Any]:
    if not set(given) <= set(known):
        raise BadOption(f"measures are {sorted(given)}; expected {sorted(known)}, as this archive was made")
    return {name: given.get(name, np.full(count, np.nan, np.float32)) for name in known}


def _substrate(name: str, known: Sequence[str]) -> str:
    if not name and len(known) == 1:
        return known[0]
    if name not in known:
        raise BadOption(f"lifeforms are of substrate {name!r}; this archive holds {', '.join(known)}")
    return name


def _require_count(path: str, found: int, count: int) -> None:
    if found != count:
        raise BadOption(f"{path} is given for {found} lifeforms; expected {count}")


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
    if value.dtype == dtype:
        return value
    if dtype.kind == "f" and value.dtype.kind in "fiu":
        return value.astype(dtype)  # infinite scores are meant, and fit
    fits = value.dtype.kind == dtype.kind or {value.dtype.kind, dtype.kind} <= {"i", "u"}
    if not fits or not np.array_equal(value.astype(dtype), value):
        raise BadOption(f"{path} holds {value.dtype} numbers; expected such as fit {dtype}, as this archive was made")
    return value.astype(dtype)


def _require_operators(operators: np.ndarray, known: list[int]) -> None:
    wrong = operators[~np.isin(operators, known)]
    if len(wrong):
        raise BadOption(f"operator is {wrong[0]}; expected one of {known}")


def _require_earlier(column: str, others: np.ndarray, ids: np.ndarray, least: int) -> None:
    """Whatever is named lives already; below -1 are the lifeforms of other stores, where there are any."""
    wrong = np.argwhere((others < least) | (others >= ids[:, None]))
    if len(wrong):
        row, slot = wrong[0]
        raise BadOption(
            f"lifeform {ids[row]} has {column} {others[row, slot]}; expected an earlier lifeform's id, or -1 for none"
        )
