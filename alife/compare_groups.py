"""Which runs are one group, what to call it, and what else differs between groups."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .compare_read import Found
from .storage.remote import Place

LABEL = 32
"""Characters of a value in a label, at most."""

_NO_DIFFERENCE = ("seed", "generations", "evaluations", "minutes", "summary", "memory_mb", "plugins")
_NAMES = ("search.name", "score", "prompts", "images", "negatives", "liked", "name", "substrate", "model.name")
"""Facts that need no `key=` before them."""
_AIMS = ("score", "prompts", "images", "negatives", "liked")
_ORDER = ("search.name", "search.", *_AIMS, "name", "substrate", "options.", "model.")
"""Facts by which people think of an experiment, first things first."""


def group_runs(runs: Sequence[Found]) -> list[tuple[str, list[Found]]]:
    """Runs that differ in nothing but seed and budget are a group: its label and its runs, in the order given."""
    groups: dict[str, list[Found]] = {}
    for run in runs:
        groups.setdefault(json.dumps(facts(run), sort_keys=True), []).append(run)
    members = list(groups.values())
    texts = labels([facts(own[0]) for own in members], [_folder([run.path for run in own]) for own in members])
    return list(zip(texts, members, strict=True))


def facts(run: Found) -> dict[str, Any]:
    """All of a run's configuration that makes it another experiment: what is not seed or budget, tables laid flat."""
    said: dict[str, Any] = {}
    for key, value in run.config.items():
        if isinstance(value, Mapping):
            said |= {f"{key}.{inner}": option for inner, option in value.items()}
        else:
            said[key] = value
    said["model.identity"] = run.identity
    return {key: value for key, value in said.items() if key not in _NO_DIFFERENCE and value not in (None, [], "")}


def labels(groups: Sequence[Mapping[str, Any]], folders: Sequence[str]) -> list[str]:
    """The shortest texts that tell groups apart, by the fewest facts; the folder's name where no fact differs.

    >>> labels([{"search.name": "random", "steps": 8}, {"search.name": "illuminate", "steps": 8}], ["a", "b"])
    ['random', 'illuminate']
    >>> labels([{"search.name": "random"}, {"search.name": "random", "search.sigma": 0.2}], ["a", "b"])
    ['sigma default', 'sigma=0.2']
    """
    keys = telling(groups)
    if not keys:
        return list(folders)
    texts = []
    for group in groups:
        parts = [_text(key, group[key]) for key in keys if key in group]
        texts.append(" ".join(parts) or " ".join(f"{key.rpartition('.')[2]} default" for key in keys))
    same = {text for text in texts if texts.count(text) > 1}  # cut to one length, or pictures of one name
    return [f"{text} ({folder})" if text in same else text for text, folder in zip(texts, folders, strict=True)]


def telling(groups: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The fewest keys whose values differ between all groups; those that people think in come first."""
    varying = differing(groups)
    for size in range(1, 4):
        for keys in itertools.combinations(varying, size):
            if len({json.dumps([group.get(key) for key in keys]) for group in groups}) == len(groups):
                return keys
    return tuple(varying)


def differing(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keys that have not the same value in all groups."""
    keys = {key for group in groups for key in group}
    varying = [key for key in keys if len({json.dumps(group.get(key)) for group in groups}) > 1]
    return sorted(varying, key=lambda key: (_rank(key), key))


def _rank(key: str) -> int:
    fits = [i for i, known in enumerate(_ORDER) if key == known or (known.endswith(".") and key.startswith(known))]
    return min(fits, default=len(_ORDER))


def _text(key: str, value: Any) -> str:
    """A fact in a label; of pictures the names of their files."""
    values = value if isinstance(value, list) else [value]
    plain = [Path(v["file"]).name if isinstance(v, Mapping) and "file" in v else str(v) for v in values]
    text = ", ".join(plain)
    text = text if len(text) <= LABEL else text[: LABEL - 1] + "…"
    return text if key in _NAMES else f"{key.rpartition('.')[2]}={text}"


def _folder(paths: Sequence[Place]) -> str:
    """What the names of folders begin with, all of the name for one.

    >>> _folder([Path("runs/lenia-1"), Path("runs/lenia-2")]), _folder([Path("runs/lenia-1")])
    ('lenia', 'lenia-1')
    """
    names = [path.resolve().name for path in paths]
    if len(names) == 1:
        return names[0]
    same = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same).rstrip("-_. ") or names[0]


def remarks(groups: Sequence[Sequence[Found]]) -> tuple[set[str], list[str]]:
    """The figures in which groups do not compare, and what a reader of the rest must know."""
    every = [facts(group[0]) for group in groups]
    varying = differing(every)
    spoiled, notes = set[str](), list[str]()
    if aims := [key for key in varying if key in _AIMS]:
        spoiled |= {"best", "qd_score"}
        notes.append(f"{' and '.join(aims)} differ: best scores and QD-scores do not compare between groups")
    if "substrate" in varying:
        notes.append("substrates differ: looks compare, as one model saw them, but the worlds are not the same problem")
    if "model.identity" in varying:
        spoiled.add("novelty")
        notes.append("models differ: their novelty does not compare and is left out")
    if more := _unsaid(varying, telling(every)):
        notes.append(f"what else differs: {', '.join(more)}")
    return spoiled, notes + _damage(groups) + _twins(groups)


def _unsaid(varying: Sequence[str], told: Sequence[str]) -> list[str]:
    """Keys that differ and that no label and no other note speaks of; options of what a label names belong to it."""
    said = {*told, *_AIMS, "substrate", *(["model.identity"] if "model.name" in varying else [])}
    tables = {key.partition(".")[0] for key in told if key.endswith(".name")}
    return [key for key in varying if key not in said and key.partition(".")[0] not in tables]


def _damage(groups: Sequence[Sequence[Found]]) -> list[str]:
    damaged = [run for group in groups for run in group if run.left_out]
    return [f"{run.left_out} damaged lifeforms are left out; alife check-archive {run.path}" for run in damaged]


def _twins(groups: Sequence[Sequence[Found]]) -> list[str]:
    """Runs of one seed are one run told twice."""
    notes = []
    for group in groups:
        seeds: dict[Any, Place] = {}
        for run in group:
            other = seeds.setdefault(run.config.get("seed"), run.path)
            if other != run.path:
                notes.append(f"{other} and {run.path} have the same seed: they count as two and are one")
    return notes
