"""What is wrong with the rows of an archive: files, checksums, lineage, places and owners.

Everything is read in blocks, so an archive may be larger than the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from alife.storage.chunks import file_damage
from alife.storage.documents import file_keys, file_rows
from alife.storage.lifeform import name_lifeforms
from alife.storage.rows import NOWHERE
from alife.storage.schema import substrate_home
from alife.storage.stored import Columns, Stored, ranges

Finding = tuple[str, Int[np.ndarray, " m"]]
"""A sentence for people, and the ids concerned."""

NOBODY = np.zeros(0, np.int64)


def findings(stored: Stored, *, full: bool) -> Iterator[Finding]:
    """Everything that is wrong with the committed rows; with the bytes of all parts only if `full`."""
    yield from _wrong_shapes(stored)
    yield from _broken_files(stored)
    codes = np.full(stored.committed, -1)
    yield from _wrong_records(stored, codes)
    yield from _wrong_owners(stored, codes)
    yield from _wrong_ends(stored)
    for part in stored.parts if full else ():
        if part != "record":
            yield from _damaged(stored, part)
    if full and stored.about.get("quarantine"):
        yield from _unreadable(stored)


def kind_of(path: str) -> str:
    """What an array holds: its own name, or that which it has in the group of its substrate.

    >>> kind_of("score"), kind_of("substrates/lenia/genotype"), kind_of("substrates/lenia/state/a/b")
    ('score', 'genotype', 'state')
    """
    return path.split("/")[2] if path.startswith("substrates/") else path


def is_flat(stored: Stored, path: str) -> bool:
    """Whether an array holds what differs in length, of one lifeform after the other."""
    kind = kind_of(path)
    return kind in ("clip", "state") or (kind == "genotype" and f"{path}_end" in stored.documents)


def spans(stored: Stored, path: str) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """What of a flat array belongs to whom: ids, first places, and those after the last; as far as that can be read."""
    ids, rows = (np.arange(stored.committed),) * 2 if path == "clip" else stored.rows_of[path.split("/")[1]]
    if kind_of(path) == "genotype":
        ends, _ = stored.rows(f"{path}_end", 0, stored.documents[f"{path}_end"]["shape"][0])
        return ids, np.concatenate([[0], ends[:-1]])[rows], ends[rows]
    part = "clip" if path == "clip" else "states"
    starts, lengths = (stored.rows(f"{part}_{name}", 0, stored.committed)[0] for name in ("start", "length"))
    return ids, starts[ids], (starts + lengths)[ids]


def concerned(stored: Stored, path: str, low: int, high: int) -> Int[np.ndarray, " m"]:
    """Ids of the lifeforms that rows low..high-1 of an array are about."""
    if is_flat(stored, path):
        ids, starts, ends = spans(stored, path)
        return ids[(starts < high) & (ends > low) & (starts < ends)]
    if path.startswith("substrates/"):
        ids, rows = stored.rows_of[path.split("/")[1]]
        after = int(kind_of(path) == "genotype_end")  # where one ends, the next one begins
        return ids[(rows >= low) & (rows < high + after)]
    return np.arange(low, min(high, stored.committed))


def _wrong_shapes(stored: Stored) -> Iterator[Finding]:
    """Lengths that do not fit each other, as no writer leaves them."""
    owned = {
        name: stored.documents[f"{substrate_home(name)}/lifeform"]["shape"][0] for name in stored.about["substrates"]
    }
    if sum(owned.values()) != stored.committed:
        yield f"the substrates have {sum(owned.values())} rows; expected {stored.committed}, one per lifeform", NOBODY
    moments: dict[str, int] = {}
    for path, node in stored.row_arrays.items():
        found, name = node["shape"][0], path.split("/")[1] if "/" in path else ""
        if kind_of(path) == "state":
            expected = moments.setdefault(name, found)
        elif is_flat(stored, path):
            continue
        else:
            expected = owned[name] if name else stored.committed
        if found != expected:
            yield f"{path} has {found} rows; expected {expected}", NOBODY


def _broken_files(stored: Stored) -> Iterator[Finding]:
    for path, key, low, high in _files(stored):
        if damage := file_damage(stored.root / key, stored.row_arrays[path], high - low):
            ids = concerned(stored, path, low, high)
            yield f"{key} {damage}: {name_lifeforms(ids) if len(ids) else 'of no lifeform'}", ids


def _damaged(stored: Stored, part: str) -> Iterator[Finding]:
    step, bad = stored.block(part), [NOBODY]
    for low in range(0, stored.committed, step):
        high = min(low + step, stored.committed)
        wrong = ~stored.part(part, low, high)[1] & ~stored.quarantined(part, low, high)
        bad.append(low + np.flatnonzero(wrong))
    if len(ids := np.concatenate(bad)):
        yield f"{name_lifeforms(ids)}: damaged {part}", ids


def _wrong_records(stored: Stored, codes: Int[np.ndarray, " n"]) -> Iterator[Finding]:
    """Records that differ from their checksum, or hold what no run writes; notes the substrate of all the others."""
    found: dict[str, list[np.ndarray]] = {}
    places = [_Places(stored, part) for part in ("clip", "states") if part in stored.parts]
    step = stored.block("record")
    for low in range(0, stored.committed, step):
        high = min(low + step, stored.committed)
        columns, sound = stored.record(low, high)
        ids = np.arange(low, high)
        codes[low:high][sound] = columns["substrate"][sound]
        wrong = {"damaged record": ~sound & ~stored.quarantined("record", low, high)}
        wrong |= {problem: sound & where for problem, where in impossible(stored, columns, ids).items()}
        wrong |= {f"wrong place in {one.part}": sound & one.wrong(columns, sound) for one in places}
        for problem, where in wrong.items():
            found.setdefault(problem, []).append(ids[where])
    for problem, blocks in found.items():
        if len(ids := np.concatenate(blocks)):
            yield f"{name_lifeforms(ids)}: {problem}", ids
    for one in places:
        yield from one.rest()


def impossible(stored: Stored, columns: Columns, ids: Int[np.ndarray, " n"]) -> Mapping[str, Bool[np.ndarray, " n"]]:
    """What no run writes, although every checksum is right."""
    parents, replaced = columns["parent"], columns["replaced"]
    operators = stored.documents["operator"]["attributes"]["flag_values"]
    generation, last = columns["generation"], stored.about["generation"]
    least = NOWHERE if "island" in stored.about else -1  # some live in other stores of the run
    return {
        "the id is not the number of the row": columns["id"] != ids,
        "a parent is not an earlier lifeform": ((parents < least) | (parents >= ids[:, None])).any(axis=1),
        "what it replaced is not an earlier lifeform": (replaced < least) | (replaced >= ids),
        "the generation was never committed": (generation < 0) | (generation > last),
        "the operator is none that is known": ~np.isin(columns["operator"], operators),
        "the substrate is none of this archive": columns["substrate"] >= len(stored.about["substrates"]),
        "the origin is none of this archive": columns["origin"] >= len(stored.document["attributes"]["origins"]),
    }


class _Places:
    """Where in flat arrays the moments of lifeforms lie: each where the one before it ends."""

    def __init__(self, stored: Stored, part: str) -> None:
        self.part, self._unsound = part, 0
        leaves = [stored.documents.get("clip")] if part == "clip" else [_a_leaf(stored, n) for n in _names(stored)]
        self._totals: list[int] = [0 if leaf is None else leaf["shape"][0] for leaf in leaves]
        # Of each array the end of the last lifeform seen, and how many unreadable records came before it.
        self._seen = [(0, 0)] * len(leaves)

    def wrong(self, columns: Columns, sound: Bool[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Which of the next lifeforms do not lie where they must."""
        starts, lengths = columns[f"{self.part}_start"], columns[f"{self.part}_length"]
        codes = columns["substrate"] if self.part == "states" else np.zeros(len(sound), int)
        unsound, wrong = self._unsound + np.cumsum(~sound), np.zeros(len(sound), bool)
        for code, total in enumerate(self._totals):
            mine = np.flatnonzero(sound & (codes == code))
            if not len(mine):
                continue
            start, length, end = starts[mine], lengths[mine], (starts + lengths)[mine]
            before = np.concatenate([[self._seen[code][0]], end[:-1]])
            gap = np.diff(unsound[mine], prepend=self._seen[code][1]) > 0  # something unreadable may lie between
            wrong[mine] = (start < before) | (length < 0) | (end > total) | ((start > before) & ~gap)
            self._seen[code] = int(end[-1]), int(unsound[mine][-1])
        self._unsound = int(unsound[-1])
        return wrong

    def rest(self) -> Iterator[Finding]:
        """What lies behind the last lifeform."""
        for (end, unsound), total in zip(self._seen, self._totals, strict=True):
            if end != total and unsound == self._unsound:
                yield f"{self.part}: {total} moments are there, the lifeforms have {end}", NOBODY


def _wrong_owners(stored: Stored, codes: Int[np.ndarray, " n"]) -> Iterator[Finding]:
    """Lists of genotypes in which a lifeform is missing, or is not where it must be."""
    claims = np.zeros(stored.committed, int)
    wrong = [NOBODY]
    for code, name in enumerate(_names(stored)):
        ids, readable = stored.owners(name)
        listed = ids[readable & (ids >= 0) & (ids < stored.committed)]
        np.add.at(claims, listed, 1)
        wrong.append(listed[np.diff(listed, prepend=-1) < 1])
        wrong.append(np.setxor1d(listed[codes[listed] >= 0], np.flatnonzero(codes == code)))
        if not readable.all() and not len(wrong[-1]):
            yield f"{substrate_home(name)}/lifeform is damaged, in rows {ranges(np.flatnonzero(~readable))}", NOBODY
    ids = np.union1d(np.concatenate(wrong), np.flatnonzero(claims != 1))
    if len(ids):
        yield f"{name_lifeforms(ids)}: the genotype belongs to another lifeform, or to none", ids


def _wrong_ends(stored: Stored) -> Iterator[Finding]:
    """Genotypes of several lengths that do not lie one after the other."""
    for name in _names(stored):
        path = f"{substrate_home(name)}/genotype"
        if not is_flat(stored, path):
            continue
        total, count = (stored.documents[key]["shape"][0] for key in (path, f"{path}_end"))
        ends, readable = stored.rows(f"{path}_end", 0, count)
        bounds = np.concatenate([[0], ends])
        bad = ~readable | (np.diff(bounds) < 0) | (ends > total)
        bad[-1:] |= ends[-1:] != total
        ids, rows = stored.rows_of[name]
        if len(ids := ids[bad[rows]]):
            yield f"{name_lifeforms(ids)}: wrong place in {path}", ids


def _unreadable(stored: Stored) -> Iterator[Finding]:
    """Files that no checksum of a row looks into, as all that they hold is in quarantine."""
    for path, key, low, high in _files(stored):
        if not stored.rows(path, low, high)[1].all():
            yield f"{key} cannot be read", NOBODY


def _files(stored: Stored) -> Iterator[tuple[str, str, int, int]]:
    """Array, file, and the rows low..high-1 that the file holds."""
    for path, document in stored.row_arrays.items():
        rows, length = file_rows(document), document["shape"][0]
        for number, key in enumerate(file_keys(path, document, 0, length)):
            yield path, key, number * rows, min((number + 1) * rows, length)


def _names(stored: Stored) -> list[str]:
    return stored.about["substrates"]


def _a_leaf(stored: Stored, name: str) -> Mapping[str, Any] | None:
    home = f"{substrate_home(name)}/state/"
    return next((node for path, node in stored.row_arrays.items() if path.startswith(home)), None)
