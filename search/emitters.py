"""Emitters: many small CMA-ES side by side, which fill the cells of a search with the best worlds they come across.

A search of this kind has cells and a team of emitters.  Each emitter draws its share of a generation from its own
normal distribution; the cells say what each world was worth to them; every emitter moves towards what was worth most,
and begins again at an elite when it finds nothing more.  `cma_me` and `cma_mae` differ in what they call worth;
`alife.search.adaptation` is how an emitter moves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from alife.errors import BadGenotype, BadOption
from alife.options import one_of, real, whole
from alife.types import OPERATORS, ArrayLike, PRNGKey, Space, Verdict

from .adaptation import Emitters, adapted, chosen_of
from .map_elites import Elites
from .random_sampling import with_starts
from .variation import require_reals, some_of, within

FULL_NUMBERS = 256
"""Up to so many numbers a covariance is full unless the user says otherwise: a state of some megabytes."""
MOST_NUMBERS = 1000
"""A full covariance of more numbers than this is refused: gigabytes, and cubic time."""
SHARE = 32
"""Worlds that an emitter gets at least, where the user does not say how many emitters there are."""
TEAM = 16
"""Emitters at most, where the user does not say."""
LEAST_SHARE = 4
CONDITION = 1e6
"""Squared ratio of the longest to the shortest axis that a float32 factor can bear."""
SHORTEST = 1e-6
"""Step, in units of the scale of the space, that float32 can hardly tell from none."""


class Plan(NamedTuple):
    """What the user says about the emitters, and the search about their parents."""

    sigma: float
    """First step size, in units of the typical size of a genotype's number."""
    emitters: int | None
    """That share a generation equally; None = up to 16 of 32 worlds or more."""
    covariance: str | None
    """"full", "diagonal", or None = full up to 256 numbers."""
    restart: str
    """"no_improvement" = an emitter begins again when no cell has gained by its worlds; "basic" = only when that is so
    and all its worlds are worth the same, or its distribution has worn thin."""
    parents: str
    """"added" = all worlds by which a cell has gained; "half" = the better half of a share."""

    @classmethod
    def checked(cls, name: str, sigma: Any, emitters: Any, covariance: Any, restart: Any, parents: str) -> Plan:
        """The plan, if its parts are what they should be.

        Raises:
            BadOption: with what was expected.
        """
        if emitters is not None:
            whole(f"search {name}: emitters", emitters, 1, 1_000_000)
        if covariance is not None:
            one_of(f"search {name}: covariance", covariance, ("full", "diagonal"))
        one_of(f"search {name}: restart", restart, ("no_improvement", "basic"))
        sigma = real(f"search {name}: sigma", sigma, 1e-6, 1e6, "in units of the typical size of a genotype's number")
        return cls(sigma, emitters, covariance, restart, parents)


class Team:
    """The emitters of one search, made for one space and one population.

    Args:
        name: of the search, for messages.
        space: of real genotypes.
        population: worlds in a generation (N).
        plan: what the user says about them.

    Raises:
        BadGenotype: integer genotypes, or too many numbers for a full covariance.
        BadOption: the population cannot be shared equally, or gives less than 4 worlds to an emitter.
    """

    def __init__(self, name: str, space: Space, population: int, plan: Plan) -> None:
        require_reals(name, space)
        if plan.covariance == "full" and space.size > MOST_NUMBERS:
            raise BadGenotype(
                f"search {name}: a full covariance of {space.size} numbers is too large; expected {MOST_NUMBERS} at "
                'most. Say covariance="diagonal"'
            )
        self.count, self.share = shared(name, population, plan.emitters)
        self.full = space.size <= FULL_NUMBERS if plan.covariance is None else plan.covariance == "full"
        self._plan, self._space, self._sigma = plan, space, plan.sigma * space.scale
        self._start = jnp.asarray(space.centre) if space.starts is None else space.starts[0]

    def rest(self) -> Emitters:
        """Emitters that have not begun."""
        count, size = self.count, self._space.size
        shape = jnp.eye(size) if self.full else jnp.ones(size)
        return Emitters(
            mean=jnp.broadcast_to(self._start, (count, size)),
            sigma=jnp.full(count, self._sigma),
            covariance=jnp.broadcast_to(shape, (count, *shape.shape)),
            factor=jnp.broadcast_to(shape, (count, *shape.shape)),
            drift=jnp.zeros((count, size)),
            stride=jnp.zeros((count, size)),
            age=jnp.zeros(count, int),
            origin=jnp.full(count, -1),
            worn=jnp.ones(count, bool),
        )

    def ask(
        self, key: PRNGKey, emitters: Emitters, elites: Elites, first: Bool[Array, ""]
    ) -> tuple[Float[Array, "N G"], Emitters]:
        """Every emitter's share, one after the other; the worn ones begin at random elites before they draw."""
        choose, draw = jax.random.split(key)
        emitters = self._begun(choose, emitters, elites)
        noise = jax.random.normal(draw, (self.count, self.share, self._space.size))
        steps = jnp.einsum("egh,ebh->ebg", emitters.factor, noise) if self.full else emitters.factor[:, None] * noise
        drawn = emitters.mean[:, None] + emitters.sigma[:, None, None] * steps
        genotypes = within(self._space, drawn.reshape(-1, self._space.size))
        return with_starts(genotypes, self._space, first), emitters

    def _begun(self, key: PRNGKey, emitters: Emitters, elites: Elites) -> Emitters:
        chosen = some_of(key, elites.number >= 0, self.count)
        number = elites.number[chosen]  # -1 where there is no elite yet
        mean = jnp.where((number >= 0)[:, None], elites.genotypes[chosen], self._start)
        fresh = self.rest()._replace(mean=mean, origin=number, worn=jnp.zeros(self.count, bool))
        return chosen_of(emitters.worn, fresh, emitters)

    def learn(
        self,
        emitters: Emitters,
        genotypes: Float[ArrayLike, "N G"],
        stage: Shaped[Array, " N"],
        value: Float[Array, " N"],
        first: Bool[Array, ""],
    ) -> Emitters:
        """Every emitter moved towards the best of its share, and marked as worn where it is.

        Args:
            emitters: that drew the genotypes.
            genotypes: of the generation.
            stage: what counts first in a world, more than 0 if its cell has gained by it; higher is better.
            value: what counts second; -inf or NaN for worlds that are not valid, which never count as parents.
            first: whether the first of the genotypes are the world's own, which no emitter drew.
        """
        stage, value, drawn = (x.reshape(self.count, self.share) for x in (stage, value, self._drawn(first)))
        usable = drawn & jnp.isfinite(value)
        added = jnp.sum(usable & (stage > 0), axis=1)
        half = jnp.minimum(self.share // 2, jnp.sum(usable, axis=1))
        order = jnp.lexsort((-value, -stage.astype(int), ~usable))
        shares = jnp.asarray(genotypes).reshape(self.count, self.share, -1)
        parents = added if self._plan.parents == "added" else half
        moved = jax.vmap(adapted)(emitters, shares, jnp.argsort(order), parents)
        best, worst = jnp.where(usable, value, -jnp.inf), jnp.where(usable, value, jnp.inf)
        alike = jnp.max(best, axis=1) <= jnp.min(worst, axis=1)  # also where none is usable
        idle = (added == 0) & (alike | (self._plan.restart == "no_improvement"))
        return moved._replace(worn=idle | jax.vmap(self._exhausted)(moved))

    def _drawn(self, first: Bool[Array, ""]) -> Bool[Array, " N"]:
        starts = 0 if self._space.starts is None else len(self._space.starts)
        return ~first | (jnp.arange(self.count * self.share) >= starts)

    def _exhausted(self, emitter: Emitters) -> Bool[Array, ""]:
        """Whether a distribution has become too thin, too small or too large for float32."""
        axes = jnp.diagonal(emitter.factor) if self.full else emitter.factor
        longest, shortest = jnp.max(axes), jnp.min(axes)
        sound = (longest**2 < CONDITION * shortest**2) & (emitter.sigma * longest > SHORTEST * self._space.scale)
        finite = jnp.isfinite(emitter.sigma * longest) & jnp.all(jnp.isfinite(emitter.mean))
        return ~(sound & finite)

    def verdict(self, emitters: Emitters, keep: Bool[Array, " N"], replaced: Int[Array, " N"]) -> Verdict:
        """The verdict about the worlds that these emitters asked for: a world's parent is where its emitter began."""
        origin = jnp.repeat(emitters.origin, self.share)
        parents = jnp.stack([origin, jnp.full_like(origin, -1)], axis=1)
        return Verdict(keep, parents, jnp.full(len(origin), OPERATORS.index("distribution")), replaced)


def shared(name: str, population: int, emitters: int | None) -> tuple[int, int]:
    """How many emitters there are, and how many worlds of a generation each gets.

    Args:
        name: of the search, for messages.
        population: worlds in a generation.
        emitters: as the user says; None = as many as can have 32 worlds each, 16 at most.

    Raises:
        BadOption: the worlds cannot be shared equally, or are less than 4 to an emitter.

    >>> shared("cma_me", 540, 15), shared("cma_me", 1024, None), shared("cma_me", 17, None)
    ((15, 36), (16, 64), (1, 17))
    """
    divisors = [count for count in range(1, population // LEAST_SHARE + 1) if population % count == 0]
    if not divisors:
        raise BadOption(f"search {name}: population is {population}; expected {LEAST_SHARE} or more")
    if emitters is None:
        count = max(c for c in divisors if c == 1 or (c <= TEAM and population // c >= SHARE))
        return count, population // count
    if emitters not in divisors:
        near = sorted(sorted(divisors, key=lambda count: abs(count - emitters))[:3])
        wide = max(LEAST_SHARE, round(population / emitters)) * emitters
        raise BadOption(
            f"search {name}: emitters is {emitters} for a population of {population}; expected equal shares of "
            f"{LEAST_SHARE} worlds or more: emitters={', '.join(map(str, near))}, or --population {wide}"
        )
    return emitters, population // emitters
