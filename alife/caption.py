"""Words for what a run found: kinds of lifeforms that look alike, and the phrases that name them.

```
last frames -> z (stored, or embedded again) -> kinds_of -> kinds;   phrases -> texts
z . texts, less what a phrase has in common with every kind -> captions of lifeforms and names of kinds
```

Some phrases lie near every picture of a model ("hubs"): named by the plain cosine, most lifeforms would be called the
same.  So each phrase is first reduced by 1 - 1/m of its mean cosine with the m kinds.  That is the mean over kinds, not
over lifeforms, for a kind that fills most of the archive is no less itself; and with the factor a run of a single kind,
which has nothing to be told from, is named by the plain cosine, a run of many by what sets them apart.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from .embedding import Embedder
from .errors import ArchiveError, BadOption
from .model import Model
from .registry import Registry
from .seen import seen_by
from .storage import Archive
from .storage.media import check_target, whole_file, write_picture
from .storage.sheet import contact_sheet, most_different

MAX_KINDS = 12
"""Kinds found when no number is asked for; more are hard to keep in mind."""
CANDIDATES = 96
"""Lifeforms, the most different ones, among which the first of every kind is looked for."""
ALIKE = 0.02
"""Mean distance (1 - cosine) to the nearest centre below which pictures are too alike to be told apart."""
ROUNDS = 50
"""Of k-means, at most; a few are enough as a rule."""
NAMES = 3
"""Phrases given to a lifeform or kind, the best first."""
TILES, TILE = 8, 128
"""Of a kind on a sheet: lifeforms shown, and edge of a tile in pixels."""
ENDINGS = (".csv", ".json", ".png")


class Kind(NamedTuple):
    """Lifeforms that look alike."""

    phrases: tuple[str, ...]
    """What tells it from the other kinds; the first is its name, which no other kind has."""
    ids: tuple[int, ...]
    """Its lifeforms, the most typical first."""
    best: int
    """The lifeform with the highest score."""


class Captions(NamedTuple):
    """An archive in words."""

    kinds: list[Kind]
    """The largest first."""
    captions: dict[int, dict[str, float]]
    """Of every lifeform the nearest phrases, best first, each with its plain cosine in [-1, 1]."""
    damaged: int
    """Lifeforms left out because they cannot be read."""


def caption_archive(archive: Archive, embedder: Embedder, phrases: Sequence[str], kinds: int | None = None) -> Captions:
    """Name every lifeform and sort them into kinds, by how their last frames look.

    Args:
        archive: of a run.
        embedder: a model that knows text; lifeforms it has not seen are embedded again.
        phrases: what lifeforms may be called.
        kinds: how many kinds; None = see `kinds_of`.

    Raises:
        ArchiveError: there is no lifeform, or none that can be read.
        BadOption: no phrases, or kinds below 1.
    """
    if not len(archive):
        raise ArchiveError(f"{archive.path} holds no lifeform yet; search longer: alife resume {archive.path}")
    if not phrases:
        raise BadOption("there are no phrases to name lifeforms with; expected one or more")
    texts = embedder.texts(phrases)
    ids, z = last_frames(archive, embedder)
    centres, member = kinds_of(z, kinds)
    common = (1 - 1 / len(centres)) * (centres @ texts.T).mean(0)
    scores = np.array([archive[i].score for i in ids])
    named = []
    for k, own in enumerate(_name(centres @ texts.T - common)):
        mine = np.flatnonzero(member == k)
        typical = mine[np.argsort(-(z[mine] @ centres[k]), kind="stable")]
        best = int(ids[mine[np.argmax(scores[mine])]])
        named.append(Kind(tuple(phrases[p] for p in own), tuple(ids[typical].tolist()), best))
    named.sort(key=lambda kind: (-len(kind.ids), min(kind.ids)))
    captions = {}
    for i, cosines in zip(ids.tolist(), z @ texts.T, strict=True):
        nearest = np.argsort(common - cosines, kind="stable")[:NAMES]
        captions[i] = {phrases[p]: float(cosines[p]) for p in nearest}
    return Captions(named, captions, len(archive) - len(archive.sound) + len(archive.alive) - len(ids))


def last_frames(archive: Archive, embedder: Embedder) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n D"]]:
    """Ids of the lifeforms that can be read, and the unit embedding of each one's last frame.

    Raises:
        ArchiveError: none can be read.
    """
    z = seen_by(archive, embedder).take(archive.alive)
    readable = ~np.isnan(z[:, 0])
    ids, z = archive.alive[readable], z[readable]
    if not len(ids):
        raise ArchiveError(f"no lifeform of {archive.path} can be read; `alife check-archive {archive.path}` says why")
    return ids, z


def kinds_of(
    z: Float[np.ndarray, "n D"], count: int | None = None
) -> tuple[Float[np.ndarray, "k D"], Int[np.ndarray, " n"]]:
    """Groups of unit vectors that lie close together: the unit centre of each, and the group of each vector.

    Spherical k-means.  The first centres are chosen one by one among the most different vectors, each time the one
    that brings all vectors nearest to a centre: the same vectors always give the same groups.

    Args:
        z: unit vectors, one or more.
        count: how many groups, at most one per vector; None = the fewest with which the mean distance (1 - cosine) to
            the nearest centre falls to a quarter, or below 0.02; 12 at most.

    Raises:
        BadOption: count below 1.

    >>> z = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    >>> kinds_of(z)[1].tolist(), kinds_of(z, 1)[1].tolist()
    ([0, 1, 0], [0, 0, 0])
    """
    if count is not None and count < 1:
        raise BadOption(f"kinds is {count}; expected 1 or more")
    centres = _first_centres(z, count)
    for _ in range(ROUNDS):
        member = np.argmax(z @ centres.T, axis=1)
        moved = np.stack([_centre(z[member == k], centre) for k, centre in enumerate(centres)])
        if np.array_equal(moved, centres):
            break
        centres = moved
    used = np.unique(member)
    return centres[used], np.searchsorted(used, member)


def _first_centres(z: Float[np.ndarray, "n D"], count: int | None) -> Float[np.ndarray, "k D"]:
    candidates = z[np.sort(most_different(z, max(CANDIDATES, count or 0)))]
    distance = np.maximum(0, 1 - z @ candidates.T)
    nearest = np.full(len(z), np.inf)
    chosen: list[int] = []
    spread = 1 - float(np.linalg.norm(z.mean(0)))  # mean distance to the centre of all
    while len(chosen) < min(count or MAX_KINDS, len(candidates)):
        if count is None and chosen and nearest.mean() <= max(spread / 4, ALIKE):
            break
        chosen.append(int(np.argmin(np.minimum(distance, nearest[:, None]).mean(0))))
        nearest = np.minimum(nearest, distance[:, chosen[-1]])
    return candidates[chosen]


def _centre(z: Float[np.ndarray, "n D"], before: Float[np.ndarray, " D"]) -> Float[np.ndarray, " D"]:
    mean = z.sum(0)
    length = np.linalg.norm(mean)
    return mean / length if length > 0 else before


def _name(scores: Float[np.ndarray, "k P"]) -> list[list[int]]:
    """The phrases of each kind, best first; the first ones are all different, as far as there are enough phrases."""
    names: dict[int, int] = {}
    for place in np.argsort(-scores, axis=None, kind="stable"):
        kind, phrase = divmod(int(place), scores.shape[1])
        if kind not in names and (phrase not in names.values() or len(names) >= scores.shape[1]):
            names[kind] = phrase
    ranked = np.argsort(-scores, axis=1, kind="stable").tolist()
    return [[names[k], *(p for p in ranked[k] if p != names[k])][:NAMES] for k in range(len(scores))]


def read_phrases(file: Path) -> list[str]:
    """The phrases of a text file, one a line; empty lines and lines that begin with # are left out.

    Raises:
        BadOption: it is missing, is no text, or holds no phrase.
    """
    try:
        lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as cause:
        said = "there is no such file" if isinstance(cause, FileNotFoundError) else f"cannot be read: {cause}"
        raise BadOption(f"{file}: {said}; expected a text file with one phrase a line") from None
    phrases = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not phrases:
        raise BadOption(f"{file} holds no phrase; expected one a line, such as: a ring of red dots")
    return phrases


def known_phrases(model: Model, registry: Registry) -> list[str]:
    """The captions that ship: the model's own `phrases()`, else those of the first model that has some.

    Raises:
        BadOption: no installed model brings any.
    """
    own = getattr(model, "phrases", None)
    if own is not None:
        return list(own())
    for name in registry.models.able("phrases"):
        return list(registry.models[name].resolve().phrases())  # type: ignore[attr-defined]
    raise BadOption("no installed model brings phrases; give your own: --phrases FILE, one a line")


def write_captions(archive: Archive, found: Captions, target: Path) -> None:
    """An archive in words as a file: .csv (a row per lifeform), .json (all of it), .png (a sheet of the kinds).

    Raises:
        BadOption: another ending, or a place that cannot be written to.
    """
    check_target(target, ENDINGS)
    if target.suffix.lower() == ".png":
        write_picture(target, sheet_of_kinds(archive, found))
        return
    kind_of = {i: kind.phrases[0] for kind in found.kinds for i in kind.ids}
    rows = [
        {"id": i, "kind": kind_of[i], "phrases": phrases, "score": archive[i].score}
        for i, phrases in found.captions.items()
    ]
    with whole_file(target) as place, place.open("w", newline="", encoding="utf-8") as file:
        if target.suffix.lower() == ".json":
            kinds = [{"name": kind.phrases[0], **kind._asdict()} for kind in found.kinds]
            json.dump({"run": str(archive.path), "kinds": kinds, "lifeforms": rows}, file, indent=2)
            return
        table = csv.writer(file)
        table.writerow(["id", "kind", *(f"phrase_{n + 1}" for n in range(NAMES)), "similarity", "score"])
        table.writerows(_plain(row) for row in rows)


def _plain(row: dict[str, Any]) -> list[Any]:
    """A lifeform as one line of a table."""
    phrases = list(row["phrases"])
    filled = phrases + [""] * (NAMES - len(phrases))
    return [row["id"], row["kind"], *filled, round(row["phrases"][phrases[0]], 4), row["score"]]


def sheet_of_kinds(archive: Archive, found: Captions) -> UInt8[np.ndarray, "h w 3"]:
    """A row of tiles for every kind: its most typical lifeforms, each with its id and caption."""
    rows = []
    for kind in found.kinds:
        shown = archive.readable(kind.ids[:TILES])
        if not shown:
            continue
        frames = np.stack([lifeform.frames[-1] for lifeform in shown])
        labels = [f"{lifeform.id}: {next(iter(found.captions[lifeform.id]))}" for lifeform in shown]
        title = f"{kind.phrases[0]} ({len(kind.ids)})"
        rows.append(contact_sheet(frames, labels, columns=TILES, tile=TILE, title=title))
    if not rows:
        raise ArchiveError(f"no lifeform of {archive.path} can be drawn; `alife check-archive {archive.path}` says why")
    return np.concatenate(rows)
