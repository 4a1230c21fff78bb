"""Shapes, declared once, and the values that travel between the parts.

Letters: N population, T steps, K frames, H W height and width, D embedding, G genotype, P prompts and pictures to look
like, Q negatives, L lifeforms that people like, M rows of a memory or members of an ensemble, A axes, S genotypes that
a search holds or begins with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, Num, Shaped, UInt8

Tree: TypeAlias = Any
"""Any pytree of arrays."""

ArrayLike: TypeAlias = jax.Array | np.ndarray
"""A JAX or a NumPy array."""

KEY_KIND = "threefry2x32"
"""The kind of every key of a run: two words, whatever a user's JAX is set to, so that records stay comparable."""

PRNGKey: TypeAlias = Key[Array, ""]
"""One typed PRNG key, as `jax.random.key(seed)` makes it."""


class Parameter(NamedTuple):
    """A number of a substrate that a person may turn, as its `parameters()` declares it."""

    low: float
    """Least value that a slider offers."""
    high: float
    """Greatest value that a slider offers, above `low`."""
    unit: str
    """Unit of the value; empty for a pure number."""
    meaning: str
    """What it does, and what turning it up changes: one line for people."""
    place: tuple[int, int] | None = None
    """First place in the flat genotype, and one past the last; None where it is the constructor option of this name."""


class Peak(NamedTuple):
    """The moment in which a chosen measure of a world was highest; of many worlds, one entry each."""

    value: Float[ArrayLike, "*N"]
    """What the measure was; finite, or NaN where no step gave a finite number."""
    step: Int[ArrayLike, "*N"]
    """Steps taken before that moment, 1..T, the first of equals; 0 where no step gave a finite number."""
    frame: Float[ArrayLike, "*N H W 3"] | UInt8[ArrayLike, "*N H W 3"]
    """Its picture, 0..255 where pictures are bytes; that of the start where no step gave a finite number."""


class Evaluation(NamedTuple):
    """What is known of a population of worlds once they have been run, drawn, embedded and scored."""

    scores: Float[ArrayLike, " N"]
    """Higher is better; -inf where the world is not valid."""
    z: Float[ArrayLike, "N K D"]
    """Unit embeddings of the K frames, in time order; zeros where the world is not valid."""
    measures: Mapping[str, Float[ArrayLike, " N"]]
    """The substrate's named numbers at the last step."""
    valid: Bool[ArrayLike, " N"]
    """False where any frame, measure, embedding or score was NaN or infinite."""
    frames: UInt8[ArrayLike, "N K H W 3"]
    """The pictures, 0..255."""
    keys: Key[ArrayLike, " N"]
    """The PRNG key that each world was run with."""
    axes: Float[ArrayLike, "N A"] | None = None
    """Where each world lies on the axes that the search names, in its order, see `alife.axes`; finite where the world
    is valid; None for a search without axes."""
    states: Mapping[str, Shaped[ArrayLike, "N K ..."]] | None = None
    """Leaf path -> the states at the moments of the frames, see `alife.worlds.kept`; None unless they are kept."""
    peak: Peak | None = None
    """When a chosen measure was highest; None unless one was chosen."""


class Population(NamedTuple):
    """What a score sees: worlds that have been run together, and what the run has kept so far."""

    z: Float[ArrayLike, "N K D"]
    """Unit embeddings of the K frames of each world, in time order; zeros where the world is not valid."""
    measures: Mapping[str, Float[ArrayLike, " N"]]
    """The substrate's named numbers at the last step."""
    memory: Float[ArrayLike, "M D"]
    """Unit embeddings of the last frame of every lifeform in the archive; rows from `remembered` on are zeros."""
    remembered: int
    """How many rows of `memory` are lifeforms."""
    targets: Float[ArrayLike, "P D"] | None = None
    """Unit embeddings of what the frames should show: the prompts, then the pictures, each in the order given."""
    negatives: Float[ArrayLike, "Q D"] | None = None
    """Unit embeddings of what no frame should show."""
    video: Float[ArrayLike, "N D"] | None = None
    """One unit vector for all frames of a world together; None only where no score of the expression reads it."""
    frames: UInt8[ArrayLike, "N K H W 3"] | None = None
    """The pictures, 0..255; None only where no score of the expression reads them."""
    pictures: Float[ArrayLike, "P D"] | None = None
    """Those of the targets that are pictures."""
    members: Bool[ArrayLike, "M D"] | None = None
    """Which of the D numbers come from which model of an ensemble; None where there is one model."""
    liked: Float[ArrayLike, "L D"] | None = None
    """Unit embeddings of the last frames of lifeforms that people like."""


class Verdict(NamedTuple):
    """What a search decided about the genotypes it was just told of."""

    keep: Bool[ArrayLike, " N"]
    """True for worlds to be kept in the archive as lifeforms."""
    parents: Int[ArrayLike, "N 2"]
    """Evaluation numbers (0, 1, 2 ... over the whole run) of the parents; -1 = none."""
    operator: Int[ArrayLike, " N"]
    """How the genotype came about: an index into `OPERATORS`."""
    replaced: Int[ArrayLike, " N"] | None = None
    """Evaluation number of the lifeform whose place each kept world took, which it has put out of the search's
    population; -1 = it took an empty place.  None for a search without places."""


OPERATORS = ("sample", "mutate", "crossover", "distribution", "given", "line", "sweep", "migrant")
"""Ways a genotype comes about: drawn from the substrate's own prior; changed from one parent; mixed from two; drawn
from a search distribution; handed in by the user; moved from one parent along the line to another; next in an
enumeration.  An archive holds places in this list: it may only grow at its end."""


@runtime_checkable
class Space(Protocol):
    """The genotypes of one substrate, as a search sees them: flat vectors of one dtype."""

    size: int
    """Numbers in one genotype (G)."""
    dtype: np.dtype
    """float32 for real genotypes, int32 for integer ones."""
    name: str
    """Name of the substrate, for messages."""

    @property
    def layout(self) -> str:
        """What a genotype is made of, in words."""

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the arrays that a genotype is made of, in its order, each row by row."""

    @property
    def bounds(self) -> tuple[Num[np.ndarray, " G"], Num[np.ndarray, " G"]]:
        """Least and greatest value of each number; infinite for real ones, all of int32 for integers, where the
        substrate names none."""

    @property
    def starts(self) -> Num[Array, "S G"] | None:
        """Genotypes that the run begins with, such as the one that a world file names; None = there are none."""

    @property
    def centre(self) -> Float[np.ndarray, " G"]:
        """Middle of the substrate's own prior."""

    @property
    def scale(self) -> float:
        """How far one number of a genotype typically lies from the middle of the prior, > 0."""

    @property
    def blends(self) -> bool:
        """Whether what lies between two genotypes is of their kind, too: real numbers, which the substrate does not
        change in a way of its own."""

    @property
    def mixes(self) -> bool:
        """Whether the substrate mixes two genotypes in a way of its own."""

    def checked(self, rows: Num[np.ndarray, "N g"], what: str) -> Num[np.ndarray, "N G"]:
        """The genotypes in `rows`, or BadGenotype with what is wrong with them; `what` says whose they are."""

    def sample(self, key: PRNGKey, n: int) -> Num[Array, "N G"]:
        """n genotypes from the substrate's own prior."""

    def mutate(self, key: PRNGKey, genotypes: Num[Array, "N G"], sigma: float) -> Num[Array, "N G"]:
        """Changed copies: the substrate's own `mutate` if it has one, else gaussian noise of sigma x scale."""

    def crossover(self, key: PRNGKey, first: Num[Array, "N G"], second: Num[Array, "N G"]) -> Num[Array, "N G"]:
        """Mixtures of pairs: the substrate's own `crossover` if it has one, else each number from either of the two."""
