"""Life: every cellular automaton of the family that Conway's Game of Life belongs to, 32 cells to a machine word.

A step counts the neighbours of 32 cells at once with binary adders and looks the counts up in the rule, which is data:
one compiled program runs all 262,144 rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int32, UInt8, UInt32

from alife.errors import AlifeError, BadGenotype, BadOption, BadWorld
from alife.hookspecs import hookimpl
from alife.plugins.life_formats import CONWAY, COUNTS, RULES, parse_rle, parse_rule, read_rle
from alife.types import Parameter, PRNGKey
from alife.worlds.lattice import WORD, count_neighbours, disc, from_below, pack, unpack, upscale

MUTATED_CELLS = 1 / 64
"""Fraction of a pattern's cells that a mutation flips, on average."""


Genotype: TypeAlias = Int32[Array, "..."]
"""A rule, or a square of cells, 0 or 1."""
RuleWords: TypeAlias = UInt32[Array, "18"]
"""A rule ready for use: per bit of it a word, all ones where the bit is set, else zero."""


class World(NamedTuple):
    """A genotype made ready: what `express` returns and the other methods read."""

    rule: RuleWords
    """What the cells follow."""
    genotype: Genotype
    """As it came; where it is a pattern, the world starts from it."""


class Life:
    """Life-like rules on a torus: a cell's next value depends on its own and on how many of its 8 neighbours live.

    The genotype is one integer in [0, 2^18): bit s*9+n is the next value of a cell in state s with n live neighbours
    (Conway's rule is 6152).  With `genotype="pattern"` it is a square of 0s and 1s instead, under a fixed rule.

    Args:
        size: edge of the world, cells; a multiple of 32.
        genotype: what is searched: the "rule", or the "pattern" in the middle at the start.
        rule: the fixed rule of `genotype="pattern"`, as text such as B36/S23 or as integer; Conway's unless given.
        pattern: the fixed start of `genotype="rule"`, as run-length text (RLE), put in the middle; random unless given.
        density: range of the fraction of live cells in a random start; every world draws its own, uniformly.
        soup: edge of the random square in the middle, cells; unless given, the whole world for rules, 16 for patterns.

    Raises:
        BadOption: an option out of range, or one that has no meaning beside the others.

    Source: Gardner 1970 (Scientific American 223, October); rules as integers and the random start as in Kumar et al.
    2024 (arXiv:2412.17799).
    """

    def __init__(
        self,
        size: int = 64,
        genotype: str = "rule",
        rule: str | int | None = None,
        pattern: str | None = None,
        density: Sequence[float] = (0.05, 0.4),
        soup: int | None = None,
    ) -> None:
        _check_size(size)
        _check_meaning(genotype, rule, pattern, soup)
        self.size, self.searches_rule, self.density = size, genotype == "rule", _check_density(density)
        self.soup = (size if self.searches_rule else 16) if soup is None else soup
        if not (isinstance(self.soup, int) and 0 < self.soup <= size):
            raise BadOption(f"soup is {soup!r}; expected a number of cells from 1 to the world's {size}")
        with _reported_as(BadOption, "rule"):
            self.rule = CONWAY if rule is None else parse_rule(str(rule))
        with _reported_as(BadOption, "pattern"):
            self.pattern = None if pattern is None else _centred(parse_rle(str(pattern)), size)

    def default_params(self, rng: PRNGKey) -> Genotype:
        """A rule drawn uniformly from all, or a random pattern."""
        if self.searches_rule:
            return jax.random.randint(rng, (), 0, RULES, jnp.int32)
        return self._random_cells(rng).astype(jnp.int32)

    def parameters(self) -> dict[str, Parameter]:
        """What is searched: the rule, or the cells of the pattern."""
        if self.searches_rule:
            return {"rule": Parameter(0, RULES - 1, "", "bit s*9+n: what state s becomes with n live around", (0, 1))}
        return {"pattern": Parameter(0, 1, "cell", "the cells at the start, row by row", (0, self.soup**2))}

    def scaled(self, times: float) -> tuple[int, dict[str, Any]]:
        """How many cells about `times` this world's are, and the options of such a world."""
        size = max(1, round(self.size * times**0.5 / WORD)) * WORD
        return size * size, {"size": size}

    def bounds(self) -> tuple[Genotype, Genotype]:
        """The least and the greatest value of every number of a genotype."""
        shape, high = ((), RULES - 1) if self.searches_rule else ((self.soup, self.soup), 1)
        return jnp.zeros(shape, jnp.int32), jnp.full(shape, high, jnp.int32)

    def express(self, params: Genotype) -> World:
        """The rule as words that a step can use directly."""
        rule = params if self.searches_rule else jnp.int32(self.rule)
        bits = (rule >> jnp.arange(2 * COUNTS)) & 1
        return World((-bits).astype(jnp.uint32), params)

    def init_state(self, rng: PRNGKey, params: World) -> UInt32[Array, "R w"]:
        """The pattern, or random cells, in the middle of a dead world."""
        if self.pattern is not None:
            return pack(jnp.asarray(self.pattern))
        cells = self._random_cells(rng) if self.searches_rule else params.genotype != 0
        return pack(_centred(cells, self.size, jnp.pad))

    def step_state(self, rng: PRNGKey, state: UInt32[Array, "R w"], params: World) -> UInt32[Array, "R w"]:
        """The next generation; nothing in it is random."""
        return step(state, params.rule)

    def render_state(self, state: UInt32[Array, "R w"], params: World, img_size: int) -> Float[Array, "H W 3"]:
        """Live cells in white on black, nearest-neighbour."""
        grey = upscale(unpack(state).astype(jnp.float32)[:, :, None], img_size)
        return jnp.broadcast_to(grey, (img_size, img_size, 3))

    def keep_state(self, state: UInt32[Array, "R w"], params: World) -> UInt8[Array, "h w"]:
        """The cells one by one, 1 where one lives."""
        return unpack(state).astype(jnp.uint8)

    def poke(
        self, state: UInt32[Array, "R w"], params: World, place: Float[Array, "2"], radius: Array, strength: Array
    ) -> UInt32[Array, "R w"]:
        """Cells come to life, every other one, so that they do not all die of the crowd; or all die."""
        height, width = state.shape[0] * WORD, state.shape[1]
        near = disc((height, width), place[::-1] * jnp.array([height, width]), radius * width)
        sown = near & (np.add.outer(np.arange(height) // 2, np.arange(width)) % 2 == 0)
        return jnp.where(strength > 0, state | pack(sown), state & ~pack(near))

    def measures(self, state: UInt32[Array, "R w"], params: World) -> dict[str, Float[Array, ""]]:
        """What kind of moment this is; every number is in [0, 1].

        population: fraction of the cells that live.
        activity: fraction of the cells that the next step changes; 0 for still lifes.
        entropy: of the 2 x 2 blocks, bits per cell; 1 for even noise, 0 where all blocks are alike.
        """
        return {
            "population": _fraction(state),
            "activity": _fraction(state ^ step(state, params.rule)),
            "entropy": block_entropy(state),
        }

    def mutate(self, rng: PRNGKey, params: Genotype) -> Genotype:
        """Flips one bit of a rule, or one in 64 of a pattern's cells: so many on average, always at least one."""
        if self.searches_rule:
            bits = _at_least_one(rng, 2 * COUNTS, 1 / (2 * COUNTS))
            return params ^ jnp.sum(bits << jnp.arange(2 * COUNTS), dtype=jnp.int32)
        return params ^ _at_least_one(rng, params.size, MUTATED_CELLS).reshape(params.shape)

    def crossover(self, rng: PRNGKey, first: Genotype, second: Genotype) -> Genotype:
        """Takes every bit of the rule, or every cell of the pattern, from either parent with equal chance."""
        from_first = jax.random.randint(rng, first.shape, 0, RULES, jnp.int32)
        return (first & from_first) | (second & ~from_first)

    def from_text(self, text: str) -> Genotype:
        """A rule such as B3/S23, S23/B3, 23/3 or 6152; for patterns, run-length text that fits into the soup.

        Raises:
            BadGenotype: text that is not one.
        """
        with _reported_as(BadGenotype, "genotype"):
            if self.searches_rule:
                return jnp.int32(parse_rule(text))
            return jnp.asarray(_centred(parse_rle(text), self.soup), jnp.int32)

    @staticmethod
    def from_file(path: str | Path) -> list[tuple[str, dict[str, Any], int]]:
        """The world in an RLE pattern file: name, options and rule, on the torus it names or one with room to grow.

        Raises:
            BadWorld: a file that is missing, not text, or not a pattern of a life-like rule.
        """
        with _reported_as(BadWorld, str(path)):
            try:
                text = Path(path).read_text(encoding="utf-8")
            except OSError as cause:
                raise BadWorld(f"{path}: {cause.strerror}; expected an RLE pattern file") from None
            found = read_rle(text)
            size = found.torus or _roomy(max(parse_rle(found.body).shape))
            options: dict[str, Any] = {"size": size, "pattern": found.body}
            Life(**options)  # a torus this world cannot have is told now, not when it is run
            return [(found.name or Path(path).stem, options, found.rule)]

    def _random_cells(self, rng: PRNGKey) -> Bool[Array, "h w"]:
        of_density, of_cells = jax.random.split(rng)
        low, high = self.density
        density = jax.random.uniform(of_density, minval=low, maxval=high)
        return jax.random.uniform(of_cells, (self.soup, self.soup)) < density


def step(words: UInt32[Array, "R w"], rule: RuleWords) -> UInt32[Array, "R w"]:
    """The next generation of cells in words, see `alife.worlds.lattice`.

    Args:
        words: the cells.
        rule: the words of `World.rule`.
    """
    ones, twos, fours, eights = count_neighbours(words)
    # A tree of choices: each level halves what is left by one binary digit; first of all the cell's own value.
    table = [_choose(words, rule[COUNTS + n], rule[n]) for n in range(COUNTS)]
    pairs = [_choose(ones, table[n + 1], table[n]) for n in range(0, 8, 2)]
    low, high = _choose(twos, pairs[1], pairs[0]), _choose(twos, pairs[3], pairs[2])
    return _choose(eights, table[8], _choose(fours, high, low))


def block_entropy(words: UInt32[Array, "R w"]) -> Float[Array, ""]:
    """Shannon entropy of the 2 x 2 blocks of cells, bits per cell: in [0, 1], lower where there is more order.

    Every cell is the corner of one block; 1 when all 16 blocks are equally common.
    """
    below = from_below(words)
    corners = [words, below, jnp.roll(words, -1, axis=1), jnp.roll(below, -1, axis=1)]
    blocks = [jnp.full_like(words, 0xFFFFFFFF)]
    for corner in corners:
        blocks = [block & side for block in blocks for side in (corner, ~corner)]
    p = jnp.stack([_fraction(block) for block in blocks])
    return -jnp.sum(p * jnp.log2(jnp.where(p > 0, p, 1.0))) / len(corners)


def _choose(where: Array, yes: Array, no: Array) -> Array:
    """Per bit: yes where the bit is set, else no."""
    return no ^ (where & (yes ^ no))


def _fraction(words: UInt32[Array, "R w"]) -> Float[Array, ""]:
    """Set bits among all."""
    return jnp.sum(jax.lax.population_count(words)).astype(jnp.float32) / (words.size * WORD)


def _at_least_one(rng: PRNGKey, n: int, rate: float) -> Int32[Array, " n"]:
    """n bits, each set with probability `rate`; where none would be, one of them at random."""
    of_bits, of_place = jax.random.split(rng)
    bits = jax.random.bernoulli(of_bits, rate, (n,))
    one = jnp.arange(n) == jax.random.randint(of_place, (), 0, n)
    return jnp.where(bits.any(), bits, one).astype(jnp.int32)


def _centred(cells: Any, size: int, pad: Callable[..., Any] = np.pad) -> Any:
    """The cells in the middle of a dead square."""
    if max(cells.shape) > size:
        height, width = cells.shape
        raise ValueError(f"the pattern is {width} cells wide and {height} high; expected at most {size} each way")
    before = [(size - edge) // 2 for edge in cells.shape]
    return pad(cells, [(n, size - edge - n) for n, edge in zip(before, cells.shape, strict=True)])


def _roomy(edge: int) -> int:
    """A world that leaves a pattern its own size on every side, at least 64 cells."""
    return max(64, -(-3 * edge // WORD) * WORD)


@contextmanager
def _reported_as(error: type[AlifeError], what: str) -> Iterator[None]:
    """Turns what a parser or an option check says into the error for the thing the user handed in."""
    try:
        yield
    except (ValueError, BadOption) as cause:
        raise error(f"{what}: {cause}") from None


def _check_size(size: Any) -> None:
    if isinstance(size, int) and size > 0 and size % WORD == 0:
        return
    near = max(WORD, size // WORD * WORD) if isinstance(size, int) else 64
    raise BadOption(f"size is {size!r}; expected a positive multiple of {WORD} cells such as {near} or {near + WORD}")


def _check_meaning(genotype: str, rule: Any, pattern: Any, soup: Any) -> None:
    """No option is accepted and ignored."""
    if genotype not in ("rule", "pattern"):
        raise BadOption(f"genotype is {genotype!r}; expected 'rule' or 'pattern'")
    if genotype == "rule" and rule is not None:
        raise BadOption(
            f"rule is {rule!r}, but the rule is searched: give it as the genotype, or set genotype='pattern'"
        )
    if genotype == "pattern" and pattern is not None:
        raise BadOption(
            "pattern is given, but the pattern is searched: give it as the genotype, or set genotype='rule'"
        )
    if pattern is not None and soup is not None:
        raise BadOption(
            f"soup is {soup!r} and pattern is given too; a world starts from one of them: leave out the other"
        )


def _check_density(density: Any) -> tuple[float, float]:
    try:
        low, high = map(float, density)
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not 0 <= low <= high <= 1:
        raise BadOption(f"density is {density!r}; expected two fractions [low, high] with 0 <= low <= high <= 1")
    return low, high


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "life",
        "alife.plugins.life:Life",
        summary="every life-like rule (B3/S23 and 262,143 others), bit-packed",
        horizon=1024,
        test_options={"size": 32},
        source="Gardner 1970; Kumar et al. 2024 (arXiv:2412.17799)",
        peers={"ASAL": (0.005, 0.08), "CAX": (0.106, None)},
    )
