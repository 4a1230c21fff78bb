"""`multi_objective`: every cell of a grid holds the best trade-offs between several objectives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Num

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.options import one_of, whole
from alife.types import KEY_KIND, Evaluation, PRNGKey, Space, Verdict

from .cells import checked_axes, checked_grid, checked_ranges, known_ranges
from .variation import Origin, born, checked_line, checked_sigma, some_of


class Fronts(NamedTuple):
    """Up to F worlds in each of S cells, none of which is at least as good as another in all O objectives."""

    genotypes: Num[Array, "S F G"]
    objectives: Float[Array, "S F O"]
    number: Int[Array, "S F"]
    """Evaluation number of each member, -1 = an empty place."""


class State(NamedTuple):
    """What the search remembers."""

    fronts: Fronts
    low: Float[Array, " A"]
    """Low end of every axis; NaN until it is known."""
    high: Float[Array, " A"]
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """How the generation in flight came about."""


class MultiObjective:
    """Multi-objective MAP-Elites: a grid of axes, with a small Pareto front in every cell.

    A world enters the front of its cell unless a member is at least as good in every objective; members that are worse
    in one and better in none leave.  Where the front is full, somebody must go: see `full`.  Parents are drawn from
    cells that are all equally likely, then from the members of the cell.  The run's score plays no part.

    Args:
        axes: what the axes of the grid measure, see `alife.axes`; None = the run chooses two.
        objectives: two or more texts of the same kind; higher is better in each.
        bins: cells along each axis, a number for all of them or one for each.
        ranges: low and high end of each axis; None = as far as the first generation reaches, and half as far again on
            both sides.  Worlds outside count for the outermost cell.
        front: members of a cell at most (F), >= 2.
        full: "crowding" = who lies closest to its neighbours in the front leaves, which may be the newcomer; "random" =
            any member leaves for the newcomer.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another member, in units of its length; 0 = not at all.

    Raises:
        BadOption: with the reason.

    Source: Pierrot, Richard, Beguir and Cully 2022 (arXiv:2202.03057), whose fronts are "random"; crowding as in Deb et
    al. 2002 (doi:10.1109/4235.996017).
    """

    in_flight = ("origin",)

    def __init__(
        self,
        axes: Sequence[str] | None = None,
        objectives: Sequence[str] = ("open_ended", "motion"),
        bins: int | Sequence[int] = 16,
        ranges: Sequence[Sequence[float]] | None = None,
        front: int = 10,
        full: str = "crowding",
        sigma: float = 0.1,
        line: float = 0.2,
    ) -> None:
        niches = checked_axes("multi_objective", axes)
        self.low, self.high = checked_ranges("multi_objective", ranges, niches)
        self.grid = checked_grid("multi_objective", bins, niches)
        if not isinstance(objectives, list | tuple) or len(objectives) < 2:
            raise BadOption(
                f"search multi_objective: objectives is {objectives!r}; expected two or more texts, such as "
                "['open_ended', 'motion']. For one objective use --search map_elites"
            )
        self.axes = (*niches, *checked_axes("multi_objective", objectives))
        self.front = whole("front", front, 2, 1000, "members of one cell")
        self.full = one_of("full", full, ("crowding", "random"))
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """Empty fronts."""
        self._space, self._population = space, population
        self._ask, self._tell = jax.jit(self._breed), jax.jit(self._compete)
        places, niches = (self.grid.count, self.front), len(self.low)
        fronts = Fronts(
            genotypes=jnp.zeros((*places, space.size), space.dtype),
            objectives=jnp.zeros((*places, len(self.axes) - niches)),
            number=jnp.full(places, -1),
        )
        return State(fronts, self.low, self.high, jnp.zeros((), int), Origin.unborn(population))

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Children of random members; as long as there are none, samples of the substrate's prior."""
        genotypes, origin = self._ask(key, state.fronts)
        return genotypes, state._replace(origin=origin)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Let the newcomers compete for the fronts of their cells."""
        return self._tell(state, genotypes, evaluation.axes, evaluation.valid)

    def _breed(self, key: PRNGKey, fronts: Fronts) -> tuple[Num[Array, "N G"], Origin]:
        choose_cell, choose_member, change = jax.random.split(key, 3)
        present = fronts.number >= 0
        cell = some_of(choose_cell, jnp.any(present, axis=1), 2 * self._population)
        upto = jnp.cumsum(present[cell], axis=1)
        rank = jax.random.uniform(choose_member, (len(cell), 1)) * upto[:, -1:]
        member = jnp.argmax(upto > rank, axis=1)
        first, second = jnp.split(cell * self.front + member, 2)
        members = fronts.genotypes.reshape(-1, self._space.size)
        return born(change, self._space, members, fronts.number.reshape(-1), first, second, self.sigma, self.line)

    def _compete(self, state: State, genotypes: Array, places: Array, valid: Array) -> tuple[State, Verdict]:
        niches, objectives = jnp.split(jnp.asarray(places), [len(self.low)], axis=1)
        low, high = known_ranges(state.low, state.high, niches, valid)
        cell = self.grid.index(niches, low, high)
        number = state.evaluations + jnp.arange(len(cell))
        before = state.fronts
        able = valid & ~covered(before.objectives[cell], before.number[cell] >= 0, objectives)
        after, seat = self._seated(before, cell, objectives, number, able)
        keep = able & (after.number[cell, seat] == number)
        to = jnp.where(keep, cell, self.grid.count)  # nowhere, for those that did not get in
        after = after._replace(genotypes=before.genotypes.at[to, seat].set(genotypes, mode="drop"))
        state = State(after, low, high, state.evaluations + len(cell), state.origin)
        return state, state.origin.verdict(keep, jnp.where(keep, before.number[cell, seat], -1))

    def _seated(
        self,
        fronts: Fronts,
        cell: Int[Array, " N"],
        objectives: Float[Array, "N O"],
        number: Int[Array, " N"],
        able: Bool[Array, " N"],
    ) -> tuple[Fronts, Int[Array, " N"]]:
        """The fronts, all but genotypes, once those able to have entered one after the other; and where each sat."""

        def enter(turn: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            held, numbers, seat = carry
            i = order[turn]
            there, newcomer = numbers[cell[i]] >= 0, objectives[i]
            refused = covered(held[cell[i]][None], there[None], newcomer[None])[0]
            stays = there & ~jnp.all(newcomer >= held[cell[i]], axis=1)
            key = jax.random.fold_in(jax.random.key(0, impl=KEY_KIND), number[i])
            place = self._place(key, held[cell[i]], newcomer, there, stays)
            refused |= place == self.front
            taken = jnp.where(stays, numbers[cell[i]], -1).at[place].set(number[i], mode="drop")
            to = jnp.where(refused, self.grid.count, cell[i])
            held = held.at[to, place].set(newcomer, mode="drop")
            return held, numbers.at[to].set(taken, mode="drop"), seat.at[i].set(jnp.minimum(place, self.front - 1))

        order = jnp.nonzero(able, size=len(able), fill_value=0)[0]
        carry = fronts.objectives, fronts.number, jnp.zeros(len(cell), int)
        held, numbers, seat = jax.lax.fori_loop(0, jnp.sum(able), enter, carry)
        return fronts._replace(objectives=held, number=numbers), seat

    def _place(
        self,
        key: PRNGKey,
        held: Float[Array, "F O"],
        newcomer: Float[Array, " O"],
        there: Bool[Array, " F"],
        stays: Bool[Array, " F"],
    ) -> Int[Array, ""]:
        """Where a newcomer sits: in place of who it beats, else in an empty one, else who must go; F = nowhere."""
        if self.full == "random":
            leaves = jax.random.randint(key, (), 0, self.front)
        else:
            leaves = jnp.argmin(crowding(jnp.concatenate([held, newcomer[None]])))
        free = jnp.where(jnp.any(there & ~stays), jnp.argmax(there & ~stays), jnp.argmax(~there))
        return jnp.where(jnp.all(stays), leaves, free)


def covered(
    held: Float[Array, "N F O"], there: Bool[Array, "N F"], newcomers: Float[Array, "N O"]
) -> Bool[Array, " N"]:
    """Whether a member of its front is at least as good as a newcomer in all objectives.

    Args:
        held: objectives of the members of the front of each newcomer.
        there: which of them exist.
        newcomers: objectives.

    >>> held = jnp.array([[[1.0, 5.0], [9.0, 9.0]]] * 2)
    >>> covered(held, jnp.array([[True, False]] * 2), jnp.array([[1.0, 4.0], [2.0, 4.0]])).tolist()
    [True, False]
    """
    return jnp.any(there & jnp.all(held >= newcomers[:, None], axis=2), axis=1)


def crowding(front: Float[Array, "M O"]) -> Float[Array, " M"]:
    """How alone each member of a front is: the distance between its two neighbours in each objective, summed.

    In units of the width of the front, from 0 to O; infinite for who is first or last in an objective.

    Source: Deb, Pratap, Agarwal and Meyarivan 2002 (doi:10.1109/4235.996017).

    >>> crowding(jnp.array([[0.0, 4.0], [1.0, 3.0], [2.0, 1.0], [4.0, 0.0]])).tolist()  # 2/4 + 3/4, 3/4 + 3/4
    [inf, 1.25, 1.5, inf]
    """
    order = jnp.argsort(front, axis=0)
    values = jnp.take_along_axis(front, order, axis=0)
    width = values[-1] - values[0]
    apart = (values[2:] - values[:-2]) / jnp.where(width > 0, width, 1)
    ends = jnp.full((1, front.shape[1]), jnp.inf)
    apart = jnp.concatenate([ends, apart, ends])
    return jnp.sum(jnp.take_along_axis(apart, jnp.argsort(order, axis=0), axis=0), axis=1)


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "multi_objective",
        "alife.search.multi_objective:MultiObjective",
        summary="the best trade-offs between objectives in every cell of a grid; any genotype that can be mutated",
        test_options={"axes": ["a"], "objectives": ["b", "c"], "bins": 4, "front": 3},
        source="Pierrot et al. 2022, arXiv:2202.03057",
    )
