"""Every registered search on a real substrate: stopped after any generation and resumed, it ends byte-equal."""

from __future__ import annotations

import shutil
import zlib

import numpy as np
import pytest

from alife.errors import BadGenotype
from alife.registry import default_registry
from alife.run import resume_search, run_search
from alife.storage import check_archive, open_archive
from alife.types import OPERATORS

from .test_kills import chunks

GENERATIONS = 5
TINY = {"steps": 4, "frames": 2, "model": "pixels", "population": 8, "img_size": 32, "generations": GENERATIONS}
SEARCHES = list(default_registry().searches.values())


def search_into(place, entry, stop):
    """A few generations of boids, or of life for a search of integers."""
    search = {"name": entry.name, **entry.test_options}
    for option in {"axes", "objectives", "resources"} & set(search):  # what it watches, in words of a real substrate
        search[option] = ["component(i=0)", "motion", "open_ended", "component(i=1)"][: len(search[option])]
    try:
        small = {"n_boids": 24, "n_nbrs": 4}
        return run_search("boids", out=place, search=search, score="open_ended", options=small, stop=stop, **TINY)
    except BadGenotype as error:
        assert "integers" in str(error)
        return run_search("life", out=place, search=search, score="open_ended", options={"size": 32}, stop=stop, **TINY)


@pytest.mark.parametrize("entry", SEARCHES, ids=lambda entry: entry.name)
def test_stopped_and_resumed_is_byte_equal(entry, tmp_path):
    killed, generations = tmp_path / "killed", iter(range(GENERATIONS + 1))
    after = (
        zlib.crc32(entry.name.encode()) % (GENERATIONS - 1) if entry.name != "given" else 0
    )  # any, but always the same

    def keep_a_copy() -> bool:
        """Asked before each generation: what a kill in this moment would leave."""
        if next(generations) == after + 1:
            shutil.copytree(tmp_path / "straight", killed)
        return False

    straight = search_into(tmp_path / "straight", entry, keep_a_copy)
    assert len(straight) and check_archive(tmp_path / "straight").ok
    assert (straight.column("operator") < len(OPERATORS)).all()
    replaced = straight.column("replaced")
    assert (replaced < np.arange(len(straight))).all()
    assert open_archive(killed).generation == after
    resume_search(killed)
    assert chunks(killed) == chunks(tmp_path / "straight")
