"""`given`: genotypes that somebody hands in, one after the other, each kept as a lifeform."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Num, UInt32

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.types import Evaluation, PRNGKey, Space, Verdict

from .random_sampling import unrelated

ARRAYS = ("params", "genotype")
"""What genotypes are called in a file: by ASAL, and by `alife export`."""


class State(NamedTuple):
    """How far the list has been worked through."""

    done: Int[Array, ""]
    """Genotypes evaluated so far; counts on when the list begins again."""
    checksum: UInt32[Array, ""]
    """Of the list, so that a run is never resumed with another one."""


class Given:
    """The genotypes of a file in their order; the first time through, every valid world is kept.

    After the last one the run ends; what is left of its last generation is filled up from the beginning of the list,
    and not kept again.

    Args:
        file: an `.npz` file with genotypes as rows of `params` (as ASAL writes them) or as `genotype` (as
            `alife export` does); unless given, the world's own genotype is the whole list.
        first: take only so many, from the beginning; all unless given.

    Raises:
        BadOption: a file that is missing or holds no genotypes, or a count below 1.
    """

    def __init__(self, file: str | None = None, first: int | None = None) -> None:
        if first is not None and (type(first) is not int or first < 1):
            raise BadOption(f"first is {first!r}; expected a number of genotypes, 1 or more")
        self.file = file
        self._rows = None if file is None else read_genotypes(file)[:first]

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Checks every genotype against the substrate's."""
        if self._rows is None:
            rows = np.asarray(space.sample(key, 1) if space.starts is None else space.starts)
        else:
            rows = space.checked(self._rows, str(self.file))
        self._genotypes, self._population, self._checksum = rows, population, zlib.crc32(rows.tobytes())
        return State(jnp.int32(0), jnp.uint32(self._checksum))

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[np.ndarray, "N G"], State]:
        """The next N of the list."""
        if int(state.checksum) != self._checksum:
            raise BadOption(f"{self.file or 'the genotype'} is not what the run began with; bring the old one back")
        places = int(state.done) + np.arange(self._population)
        return self._genotypes[places % len(self._genotypes)], state

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Keep what is valid and has not been kept before."""
        n = len(evaluation.scores)
        fresh = int(state.done) + np.arange(n) < len(self._genotypes)
        verdict = unrelated(evaluation, "given")
        return state._replace(done=state.done + n), verdict._replace(keep=verdict.keep & fresh)

    def finished(self, state: State) -> bool:
        """Whether the list has been worked through."""
        return int(state.done) >= len(self._genotypes)


def read_genotypes(file: str | Path) -> Num[np.ndarray, "N G"]:
    """The rows of an `.npz` file of genotypes, as they stand there.

    Raises:
        BadOption: a file that is missing, of another kind, or without genotypes.
    """
    expected = f"expected an .npz file with genotypes as rows of {' or '.join(map(repr, ARRAYS))}"
    try:
        opened = np.load(file, allow_pickle=False)
        # a single array, .npy, has no names
        with nullcontext({}) if isinstance(opened, np.ndarray) else opened as arrays:
            names = list(arrays)
            name = next((name for name in ARRAYS if name in names), None)
            rows = None if name is None else np.asarray(arrays[name])
    except OSError as cause:
        raise BadOption(f"{file}: {cause.strerror or cause}; {expected}") from None
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error):
        raise BadOption(f"{file} is not a file of plain arrays, or is damaged; {expected}") from None
    if rows is None:
        raise BadOption(
            f"{file} holds {names or 'a single array without a name'}; {expected}: np.savez(file, params=...)"
        )
    if rows.ndim == 1:  # whole numbers are genotypes of one number each, such as rules; others are one genotype
        rows = rows[:, None] if name == "params" and rows.dtype.kind in "iu" else rows[None]
    if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "iuf":
        raise BadOption(f"{name!r} of {file} is {rows.dtype}{list(rows.shape)}; {expected}")
    return rows


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "given",
        "alife.search.given:Given",
        summary="genotypes from a file, in order, each kept",
        source="files as Kumar et al. 2024 publish them",
    )
