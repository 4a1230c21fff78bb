"""The runs of a page: those it was opened with, and those that come about while it is used."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

from ..errors import AlifeError, BadOption
from ..storage.remote import Place
from .finder import Finder
from .gallery import Gallery

START_SECONDS = 120.0
"""A search that has begun nothing by then is taken for failed."""
MOST_MINUTES = 1440.0


class Runs:
    """Runs by their place in a list that only grows.

    Args:
        paths: of run directories.

    Raises:
        ArchiveError: one of them cannot be read.
    """

    def __init__(self, paths: Sequence[Place]) -> None:
        self._lock = Lock()
        self.galleries = [Gallery(path.resolve()) for path in paths]
        self._finders: dict[int, Finder] = {}

    def prepare(self) -> None:
        """Works out the map that is asked for first, while a browser is still starting."""
        with suppress(AlifeError):  # whoever asks for it is told
            self.galleries[0].table()

    def finder(self, place: int) -> Finder:
        """What answers the find bar for a run."""
        with self._lock:
            if place not in self._finders:
                self._finders[place] = Finder(self.galleries[place].archive.path)
            return self._finders[place]

    def add(self, path: Place) -> int:
        """Its place, where it has none a new one at the end."""
        with self._lock:
            known = [gallery.archive.path for gallery in self.galleries]
            if path.resolve() not in known:
                self.galleries.append(Gallery(path.resolve()))
                return len(known)
            place = known.index(path.resolve())
        self.galleries[place].about()  # something new is in it
        return place

    def branch(self, gallery: Gallery, i: int, minutes: float) -> Place:
        """Begins a search from a lifeform, in a process of its own, and gives its run as soon as there is one.

        Raises:
            NoSuchLifeform: there is none of that number.
            BadOption: minutes out of range.
            AlifeError: the search refuses, in its own words.
        """
        number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
        if not number or not 0 < minutes <= MOST_MINUTES:
            raise BadOption(f"minutes is {minutes!r:.40}; expected a number up to {MOST_MINUTES:g}")
        run, life = gallery.archive.path, gallery.archive[i]
        name = f"{run.name}-from-{life.id}"
        places = itertools.chain([run.with_name(name)], (run.with_name(f"{name}-{k}") for k in itertools.count(2)))
        place = next(path for path in places if not path.exists())
        command = [sys.executable, "-m", "alife", "search", "--from", f"{run}:{life.id}"]
        # A file for what it says, not a pipe: the search goes on when this server has ended and nobody reads.
        with tempfile.TemporaryFile("w+") as said:
            search = subprocess.Popen(
                [*command, "--minutes", str(minutes), "--out", str(place)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )
            threading.Thread(target=search.wait, daemon=True).start()
            end = time.monotonic() + START_SECONDS
            while not (place / "zarr.json").exists():
                if search.returncode is not None:
                    said.seek(0)
                    raise AlifeError(f"the search did not begin: {said.read().strip()[-500:] or search.returncode}")
                if time.monotonic() > end:
                    search.terminate()
                    raise AlifeError(f"the search had not begun after {START_SECONDS:g} seconds")
                time.sleep(0.1)
        return place
