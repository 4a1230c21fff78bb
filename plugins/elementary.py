"""Elementary cellular automata: a row of cells, each looking at itself and its two neighbours, drawn row under row.

32 cells are stepped at once as bits of a word.  The last rows are kept in a ring: a step writes one row and moves none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, UInt8, UInt32

from alife.errors import BadGenotype, BadOption
from alife.hookspecs import hookimpl
from alife.options import real, whole
from alife.types import Parameter, PRNGKey
from alife.worlds.lattice import WORD, from_above, from_below, pack, unpack, upscale

RULES, NEIGHBOURHOODS, BLOCK = 256, 8, 8

Genotype: TypeAlias = Int32[Array, ""]
Row: TypeAlias = UInt32[Array, "w 1"]
"""Cells of one moment, 32 to a word; as in `alife.worlds.lattice`, but with the row standing upright."""
RuleWords: TypeAlias = UInt32[Array, "8"]
"""A rule ready for use: for each neighbourhood a word, all ones where the next cell is 1, else zero."""


class History(NamedTuple):
    """The last rows of a world."""

    words: UInt32[Array, "w T"]
    """One moment to a column; moment t is in column t mod T, and columns not yet reached are zero."""
    time: Int32[Array, ""]
    """Number of the newest moment; the start is 0."""


class Elementary:
    """The 256 rules of a row of two-state cells, on a ring: each next cell depends on three cells.

    The genotype is Wolfram's number of the rule: bit 4 left + 2 self + right is the next cell.  As text it is
    "rule 110" or "110".

    Args:
        width: cells of the row; a multiple of 32.
        rows: moments that are kept and drawn, at least 2.
        start: "random", "single" for one live cell in the middle, or the cells in the middle as text such as "1101".
        density: chance of a cell to live in a random start, in [0, 1].

    Raises:
        BadOption: an option out of range, or one that has no meaning beside the others.

    Source: Wolfram 1983 (Reviews of Modern Physics 55, 601).
    """

    def __init__(self, width: int = 128, rows: int = 128, start: str = "random", density: float = 0.5) -> None:
        if not isinstance(width, int) or width <= 0 or width % WORD or width > 2**20:
            raise BadOption(f"width is {width!r}; expected a multiple of {WORD} cells, from {WORD} to {2**20}")
        self.width, self.rows = width, whole("rows", rows, 2, 65536)
        self.density = real("density", density, 0, 1, "a fraction of the cells")
        self._cells = None if start == "random" else _placed(start, width)
        self.deterministic = self._cells is not None
        if self.deterministic and density != 0.5:
            raise BadOption(f"density is {density!r}, but the start is {start!r}: leave out density, or start='random'")

    def parameters(self) -> dict[str, Parameter]:
        """The options that are numbers, and the rule."""
        options = {
            "width": Parameter(32, 1024, "cells, by 32", "length of the row"),
            "rows": Parameter(16, 1024, "moments", "how many are shown"),
        }
        if not self.deterministic:
            options["density"] = Parameter(0.0, 1.0, "fraction", "live cells in the random start")
        return options | {"rule": Parameter(0, RULES - 1, "", "number of the rule", (0, 1))}

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` the default ones are, and the options of such a world."""
        width = max(1, round(128 * times / WORD)) * WORD
        return width, {"width": width}

    def default_params(self, rng: PRNGKey) -> Genotype:
        """Any rule, with equal chance."""
        return jax.random.randint(rng, (), 0, RULES, jnp.int32)

    def bounds(self) -> tuple[Genotype, Genotype]:
        """The first rule and the last."""
        return jnp.int32(0), jnp.int32(RULES - 1)

    def from_text(self, text: str) -> Genotype:
        """A rule such as "rule 110", "Rule110" or "110".

        Raises:
            BadGenotype: text that is not one.
        """
        found = re.fullmatch(r"\s*(?:rule)?\s*(\d{1,3})\s*", text, re.IGNORECASE)
        if not found or int(found[1]) >= RULES:
            raise BadGenotype(f"genotype is {text!r}; expected a rule from 0 to {RULES - 1} such as 'rule 110'")
        return jnp.int32(int(found[1]))

    def mutate(self, rng: PRNGKey, params: Genotype) -> Genotype:
        """Changes what follows on one of the eight neighbourhoods."""
        return params ^ (1 << jax.random.randint(rng, (), 0, NEIGHBOURHOODS, jnp.int32))

    def crossover(self, rng: PRNGKey, first: Genotype, second: Genotype) -> Genotype:
        """Takes what follows on every neighbourhood from either parent with equal chance."""
        from_first = jax.random.randint(rng, (), 0, RULES, jnp.int32)
        return (first & from_first) | (second & ~from_first)

    def express(self, params: Genotype) -> RuleWords:
        """The rule as words that a step can use directly."""
        return (-((params >> jnp.arange(NEIGHBOURHOODS)) & 1)).astype(jnp.uint32)

    def init_state(self, rng: PRNGKey, params: RuleWords) -> History:
        """The first row, and room for the others."""
        if self._cells is None:
            cells = jax.random.uniform(rng, (self.width,)) < self.density
        else:
            cells = jnp.asarray(self._cells)
        words = jnp.zeros((self.width // WORD, self.rows), jnp.uint32).at[:, :1].set(pack(cells[:, None]))
        return History(words, jnp.int32(0))

    def step_state(self, rng: PRNGKey, state: History, params: RuleWords) -> History:
        """One more row; nothing in it is random."""
        row, time = step(self._newest(state), params), state.time + 1
        return History(jax.lax.dynamic_update_slice(state.words, row, (0, time % self.rows)), time)

    def render_state(self, state: History, params: RuleWords, img_size: int) -> Float[Array, "H W 3"]:
        """The kept rows from the oldest at the top to the newest, live cells white; stretched to a square."""
        grey = upscale(self._shown(state)[:, :, None].astype(jnp.float32), img_size)
        return jnp.broadcast_to(grey, (img_size, img_size, 3))

    def keep_state(self, state: History, params: RuleWords) -> UInt8[Array, "T w"]:
        """The rows as they are drawn, 1 where a cell lives; rows not yet reached are 0."""
        return self._shown(state).astype(jnp.uint8)

    def measures(self, state: History, params: RuleWords) -> dict[str, Float[Array, ""]]:
        """What kind of world this is; every number is in [0, 1].

        density: fraction of the newest row's cells that live.
        activity: fraction of the newest row's cells that the next step changes; 0 where it has come to rest.
        entropy: of the blocks of 8 cells in the kept rows, bits per cell; 1 for even noise, 0 where all are alike.
        """
        row = self._newest(state)
        return {
            "density": _fraction(row),
            "activity": _fraction(row ^ step(row, params)),
            "entropy": block_entropy(state.words, state.time + 1),
        }

    def _shown(self, state: History) -> Bool[Array, "T w"]:
        """The cells of the kept rows, the oldest first."""
        oldest = jnp.where(state.time < self.rows, 0, state.time + 1) % self.rows
        return unpack(jnp.roll(state.words, -oldest, axis=1)).T

    def _newest(self, state: History) -> Row:
        return jax.lax.dynamic_slice(state.words, (0, state.time % self.rows), (self.width // WORD, 1))


def step(row: Row, rule: RuleWords) -> Row:
    """The next row.

    >>> cells = jnp.zeros((32, 1), bool).at[5].set(True)
    >>> unpack(step(pack(cells), Elementary().express(jnp.int32(90))))[3:8, 0].astype(int).tolist()
    [0, 1, 0, 1, 0]
    """
    table = [rule[n] for n in range(NEIGHBOURHOODS)]
    for digit in (from_below(row), row, from_above(row)):  # right, self, left: each halves what is left of the table
        table = [no ^ (digit & (yes ^ no)) for no, yes in zip(table[::2], table[1::2], strict=True)]
    return table[0]


def block_entropy(words: UInt32[Array, "w T"], filled: Int32[Array, ""]) -> Float[Array, ""]:
    """Shannon entropy of the blocks of 8 cells side by side in the first `filled` columns, bits per cell, in [0, 1]."""
    blocks = words[:, :, None] >> jnp.arange(0, WORD, BLOCK, dtype=jnp.uint32) & (2**BLOCK - 1)
    seen = (jnp.arange(words.shape[1]) < filled).astype(jnp.float32)
    count = jnp.zeros(2**BLOCK).at[blocks].add(jnp.broadcast_to(seen[:, None], blocks.shape))
    p = count / count.sum()
    return -jnp.sum(p * jnp.log2(jnp.where(p > 0, p, 1.0))) / BLOCK


def _fraction(row: Row) -> Float[Array, ""]:
    return jnp.sum(jax.lax.population_count(row)).astype(jnp.float32) / (row.size * WORD)


def _placed(start: Any, width: int) -> Bool[np.ndarray, " width"]:
    """The cells of a start that is not random, in the middle of a dead row."""
    text = "1" if start == "single" else start
    if not isinstance(text, str) or not re.fullmatch("[01]+", text) or len(text) > width:
        raise BadOption(f"start is {start!r}; expected 'random', 'single', or up to {width} cells such as '1101'")
    first = (width - len(text) + 1) // 2
    return np.pad(np.array([cell == "1" for cell in text]), (first, width - first - len(text)))


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "elementary",
        "alife.plugins.elementary:Elementary",
        summary="Wolfram's 256 rules of a row of cells, drawn as the history that they weave",
        horizon=256,
        test_options={"width": 32, "rows": 20},
        source="Wolfram 1983 (Reviews of Modern Physics 55, 601)",
    )
