"""One run as the page sees it: columns, places on the map, pictures, and all about one lifeform."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, cast

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from ..errors import ArchiveDamaged, BadOption
from ..said import recipe, way_of
from ..storage import Archive, Lifeform, open_archive
from ..storage.events import add_events, favourites, notes, tags
from ..storage.files import is_written
from ..storage.remote import Place
from .neighbourhood import neighbour_map
from .projection import Projection
from .sharing import ENDINGS

LARGEST_SIDE = 512
"""Edge of a picture that is asked for, pixels, at most."""
MOST_PICTURED = 64
"""Lifeforms whose pictures are asked for at once, at most."""
MAPS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "directions": lambda z: Projection(z)(z),
    "neighbours": neighbour_map,
}
"""What a map can go by."""
KEEPING = Lock()
"""One world is kept after the other."""
NEIGHBOURS = 8
MOST_OTHERS = 8
"""Parents of a litter besides the first one, at most."""
RELATIVES, ABREAST = 24, 7
"""Ancestors that a family tree shows, and as many descendants; and those of one step side by side, at most."""


class Gallery:
    """A run; everything is read under one lock, as answers come from several threads.

    Args:
        path: of the run directory.

    Raises:
        ArchiveError: there is no archive that can be read.
    """

    def __init__(self, path: Place) -> None:
        self.archive: Archive = open_archive(path)
        self.lock = Lock()
        self._mapping, self._making = Lock(), Lock()
        self._origins, self._pipeline = 0, cast("Callable[[int], Any]", None)
        self._places = dict[str, Float[np.ndarray, "n 2"]]()

    def about(self) -> dict[str, Any]:
        """What is said above the map, as it is now."""
        with self.lock:
            self.archive.refresh()
            archive, progress = self.archive, self.archive.progress
            return {
                "name": archive.path.name,
                "path": str(archive.path),
                "lifeforms": len(archive),
                "frames": archive.frames_shape[0],
                "numbers": ["score", *archive.measures, "generation"],
                "generation": archive.generation,
                "evaluations": progress.get("evaluations", 0),
                "rate": progress.get("evaluations", 0) / max(progress.get("seconds", 0), 1e-9),
                "best": progress.get("best"),
                "writing": is_written(archive.path),
                "endings": ENDINGS,
            }

    def table(self, by: str = "directions") -> dict[str, np.ndarray]:
        """Place on the map and numbers of each lifeform committed by now; shown where there is one to look at.

        Args:
            by: what the map goes by, one of `MAPS`.
        """
        with self._mapping:
            with self.lock:
                self.archive.refresh()
                columns, sound = self.archive.records()
                old = self._places.get(by)
                z = self.archive.last_embeddings()[0] if old is None or len(old) != len(sound) else None
            if z is not None:
                self._places[by] = MAPS[by](z)
            return self._table(columns, sound, self._places[by])

    def _table(
        self, columns: Mapping[str, np.ndarray], sound: Bool[np.ndarray, " n"], places: Float[np.ndarray, "n 2"]
    ) -> dict[str, np.ndarray]:
        return {
            "map/x": places[:, 0],
            "map/y": places[:, 1],
            **{name: columns[name].astype(np.float32) for name in ("score", *self.archive.measures, "generation")},
            "map/shown": (sound & columns["valid"] & ~np.isnan(places[:, 0])).astype(np.uint8),
        }

    def pictures(self, ids: Sequence[int], side: int) -> dict[str, np.ndarray]:
        """Their frames, as large as asked for, and of which lifeforms these are: damaged ones are left out."""
        with self.lock:
            found = {i: frames for i in ids if (frames := self._frames(i)) is not None}
        frames = np.zeros((len(found), self.archive.frames_shape[0], side, side, 3), np.uint8)
        for place, pictures in enumerate(found.values()):
            frames[place] = _resized(pictures, side)
        return {"id": np.array(list(found), np.int32), "frames": frames}

    def _frames(self, i: int) -> UInt8[np.ndarray, "K H W 3"] | None:
        return _or(lambda: self.archive[i].frames, None)

    def lifeform(self, i: int) -> dict[str, Any]:
        """All about one.

        Raises:
            NoSuchLifeform: there is none of that number.
            ArchiveDamaged: its record is not as it was written.
        """
        with self.lock:
            life, events = self.archive[i], _or(lambda: self.archive.events, [])
            return {
                "id": life.id,
                "score": _number(life.score),
                "measures": {name: _number(value) for name, value in life.measures.items()},
                "substrate": life.substrate,
                "generation": life.generation,
                "origin": way_of(life),
                "seed": list(life.seed),
                "parents": list(life.parents),
                "favourite": i in favourites(events),
                "note": notes(events).get(i, ""),
                "tags": list(tags(events).get(i, ())),
                "alike": _or(lambda: [other.id for other in self.archive.nearest(i, NEIGHBOURS)], []),
                "genotype": _or(lambda: [_number(value) for value in life.genotype.tolist()], None),
                "recipe": recipe(self.archive, i)._asdict(),
                "provenance": life.provenance,
            }

    def moments(self, i: int) -> dict[str, Any]:
        """How unlike all others, and how unlike its own past, it looks at each moment that the model saw: in [0, 2]."""
        with self.lock:
            life = self.archive[i]
            z = np.asarray(life.embedding)
            others = self.archive.index.cosines(z.T)
            others[i] = np.nan
            steps = self.archive.steps
        past = np.where(np.tri(len(z), k=-1, dtype=bool), z @ z.T, -1)
        novelty = 1 - np.nanmax(others, axis=0, initial=-1)
        return {
            "steps": steps,
            "novelty": [_number(float(value)) for value in novelty],
            "change": [0.0, *(_number(float(value)) for value in 1 - past.max(1)[1:])],
        }

    def family(self, i: int) -> dict[str, Any]:
        """Its ancestors and descendants, and who comes from whom; of more than a few dozen, the nearest."""
        with self.lock:
            parents = self.archive.records()[0]["parent"]
            above, below = self.archive.ancestors(i), self.archive.descendants(i)
        near = {i: 0}
        for step, known in ((-1, above), (1, below)):
            wave, members = [i], set(known.tolist())
            while wave and len(near) < RELATIVES * (1 if step < 0 else 2):
                level = near[wave[0]] + step
                found = parents[wave].ravel() if step < 0 else np.flatnonzero(np.isin(parents, wave).any(1))
                wave = [one for one in dict.fromkeys(found.tolist()) if one in members and one not in near][:ABREAST]
                near |= dict.fromkeys(wave, level)
        ties = [[int(p), one] for one in near for p in parents[one] if int(p) in near]
        return {
            "levels": [[one, level] for one, level in near.items()],
            "ties": ties,
            "ancestors": above.tolist(),
            "descendants": below.tolist(),
        }

    def frames(self, i: int) -> UInt8[np.ndarray, "K H W 3"]:
        """Its whole life where that was kept, else the moments that the model saw; raises as `lifeform` does."""
        with self.lock:
            life = self.archive[i]
            return life.frames if life.clip is None else life.clip

    def genes(self, i: int) -> list[dict[str, Any]]:
        """What its genotype is made of, see `alife.browser.live.genes`, with the numbers; raises as `replay` does."""
        from .live import genes

        with self.lock:
            life = self.archive[i]
            genotype = np.asarray(life.genotype)
        known = genes(self._pipelines(life.origin).space, genotype)
        return [{**gene._asdict(), "values": genotype[gene.first : gene.last].tolist()} for gene in known]

    def living(self, i: int, side: int) -> Any:
        """It once more, to be watched and changed: an `alife.browser.live.Living`; raises as `replay` does."""
        from ..replay import key_of
        from .live import Living

        with self.lock:
            life = self.archive[i]
            genotype = np.asarray(life.genotype)
        return Living(self._pipelines(life.origin), key_of(life), genotype, side)

    def _pipelines(self, origin: int) -> Any:
        from ..replay import pipelines

        with self._making:
            if origin >= self._origins:  # something new has come about since
                archive = open_archive(self.archive.path)
                self._origins, self._pipeline = len(archive.origins), pipelines(archive)
            return self._pipeline(origin)

    def litter(self, i: int, wish: dict[str, Any], side: int) -> list[Any]:
        """Its young, to be watched: changed copies, or where there are several parents changed mixtures of two of them.

        Args:
            i: the lifeform, whose key they live by.
            wish: `parents` (genotypes of young that were picked before; without it, its own), `others` (ids of
                lifeforms that are parents too), `sigma` (how far they are changed, in typical distances from the middle
                of the prior) and `seed`.
            side: edge of their pictures, pixels.

        Raises:
            BadOption, BadGenotype: what is wished cannot be.
            NoSuchLifeform: one of the others is not there.
        """
        from ..replay import key_of
        from .live import litter

        with self.lock:
            life = self.archive[i]
            others = _others(self.archive, life, wish)
            genotypes = [np.asarray(one.genotype) for one in (life, *others)]
        return litter(key_of(life), genotypes, self._pipelines(life.origin), wish, side)

    def keep(self, i: int, wish: dict[str, Any]) -> tuple[Place, int]:
        """Files a world of `genotype` made from it, and from the first of `others`, see `alife.keep.keep_world`."""
        from ..keep import keep_world
        from .live import as_genotype

        archive = open_archive(self.archive.path)
        parents = [archive[i], *_others(archive, archive[i], wish)][:2]
        pipeline = self._pipelines(parents[0].origin)
        with KEEPING:
            return keep_world(archive, parents, as_genotype(pipeline.space, wish.get("genotype")), pipeline)

    def mark(self, i: int, wish: dict[str, Any]) -> None:
        """Says what a person thinks of it: any of the kinds of `alife.storage.events`, and its value."""
        add_events(self.archive.path, [(kind, i, value) for kind, value in wish.items()])

    def replay(self, i: int) -> dict[str, Any]:
        """Runs it again from its record; raises as `alife.replay.replay` does."""
        from ..replay import replay  # brings JAX, which looking at pictures does without

        # A reader of its own: it takes seconds, and the page goes on asking for pictures.
        verdict = next(iter(replay(open_archive(self.archive.path), [i])))
        return {"verdict": verdict.verdict, "difference": _number(verdict.difference), "reasons": list(verdict.reasons)}


def _or(read: Callable[[], Any], otherwise: Any) -> Any:
    """What is read; where that is damaged, something else."""
    try:
        return read()
    except ArchiveDamaged:
        return otherwise


def _number(value: float) -> Any:
    """JSON has no NaN and no infinity."""
    return value if np.isfinite(value) else None


def _others(archive: Archive, life: Lifeform, wish: dict[str, Any]) -> list[Lifeform]:
    """Lifeforms that are parents beside one, as they are wished.

    Raises:
        BadOption: no list of a few ids, or a lifeform of another kind of world.
        NoSuchLifeform: one of them is not there.
    """
    ids = wish.get("others", [])
    if not isinstance(ids, list) or len(ids) > MOST_OTHERS or not all(type(other) is int for other in ids):
        raise BadOption(f"others is {ids!r:.60}; expected a list of at most {MOST_OTHERS} ids of lifeforms")
    others = [archive[other] for other in dict.fromkeys(ids) if other != life.id]
    strange = next((other.id for other in others if other.origin != life.origin), None)
    if strange is not None:
        raise BadOption(f"lifeform {strange} comes from another run than {life.id}; expected parents of one kind")
    return others


def _resized(frames: UInt8[np.ndarray, "K H W 3"], side: int) -> UInt8[np.ndarray, "K S S 3"]:
    """Smaller by averages, larger as crisp blocks, as `storage.sheet.fit` does, which takes eight times as long."""
    if frames.shape[1:3] == (side, side):
        return frames
    how = Image.Resampling.NEAREST if side >= frames.shape[1] else Image.Resampling.BOX
    return np.stack([np.asarray(Image.fromarray(frame).resize((side, side), how)) for frame in frames])


def requested_ids(text: str, known: int) -> list[int] | None:
    """Numbers of lifeforms from an address, or None if they are none of them.

    >>> requested_ids("3,1", 4), requested_ids("3,9", 4), requested_ids("../x", 4)
    ([3, 1], None, None)
    """
    words = text.split(",")
    if not 1 <= len(words) <= MOST_PICTURED or not all(
        word.isascii() and word.isdigit() and len(word) <= 12 for word in words
    ):
        return None
    ids = [int(word) for word in words]
    return ids if max(ids) < known else None
