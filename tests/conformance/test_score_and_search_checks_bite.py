"""Every check of scores and of searches rejects a toy that is broken in its way, and good toys pass them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadGenotype
from alife.testing import (
    SCORE_CHECKS,
    SEARCH_CHECKS,
    CheckFailed,
    ScoreSubject,
    SearchSubject,
    check_score,
    check_search,
)
from alife.testing.report import check_name
from alife.types import OPERATORS, Evaluation, Population, Verdict

SAYS = r"seen: .*; expected: .*; to mend it: "


def nearness(population: Population, k: int = 2, sharp: float = 1.0) -> Any:
    """How near the nearest remembered lifeforms are."""
    known = jnp.arange(len(population.memory)) < population.remembered
    cosines = jnp.where(known, population.z[:, -1] @ jnp.asarray(population.memory).T, -1.0)
    return sharp * jnp.sort(cosines, axis=1)[:, -k:].mean(1)


def one_number(population: Population) -> Any:
    return population.z.mean()


def whole_numbers(population: Population) -> Any:
    return jnp.arange(len(population.z))


def divides(population: Population) -> Any:
    return 1 / jnp.abs(population.z).sum((1, 2)).min() + population.z[:, 0, 0]


def flat(population: Population) -> Any:
    return jnp.ones(len(population.z))


def neighbour(population: Population) -> Any:
    return (population.z[:, -1] * jnp.roll(population.z[:, -1], 1, axis=0)).sum(1)


def everybody(population: Population) -> Any:
    return (population.z[:, -1] @ population.memory.T).max(1)


def deaf(population: Population, weight: float = 1.0) -> Any:
    return population.z[:, 0, 0]


def asks_python(population: Population) -> Any:
    return np.asarray(population.z)[:, 0, 0]


BROKEN_SCORES: dict[str, list[Callable[..., Any]]] = {
    "shape": [one_number, whole_numbers, asks_python],
    "finite": [divides],
    "tells worlds apart": [flat],
    "order does not matter": [neighbour],
    "empty memory": [everybody],
    "options": [deaf],
}


@pytest.mark.parametrize("check", SCORE_CHECKS, ids=check_name)
def test_score_check_bites(check: Callable[[ScoreSubject], None]) -> None:
    for toy in BROKEN_SCORES[check_name(check)]:
        with pytest.raises(CheckFailed, match=SAYS):
            check(ScoreSubject(toy, {}))


def test_a_good_score_passes_every_check() -> None:
    assert [str(result) for result in check_score(nearness) if not result.passed] == []


class State(NamedTuple):
    parents: Any
    number: Any
    told: Any


class Climb:
    """Changed copies of the best of the last generation."""

    def init(self, key: Any, space: Any, population: int) -> Any:
        self.space = space
        first = space.sample(key, population)
        if space.starts is not None:
            first = first.at[: len(space.starts)].set(space.starts)
        return State(first, jnp.int32(-1), jnp.int32(0))

    def ask(self, key: Any, state: Any) -> Any:
        young = jnp.clip(self.space.mutate(key, state.parents, 0.1), *self.space.bounds)
        return jnp.where(state.told == 0, state.parents, young), state

    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        n, best = len(genotypes), int(np.argmax(evaluation.scores))
        way = OPERATORS.index("sample" if state.number < 0 else "mutate")
        verdict = Verdict(evaluation.valid, np.stack([np.full(n, state.number), np.full(n, -1)], 1), np.full(n, way))
        return State(jnp.tile(genotypes[best], (n, 1)), jnp.int32(state.told + best), state.told + n), verdict


class NoTell:
    init, ask = Climb.init, Climb.ask


class OneTooFew(Climb):
    def ask(self, key: Any, state: Any) -> Any:
        return Climb.ask(self, key, state)[0][1:], state


class Doubles(Climb):
    def ask(self, key: Any, state: Any) -> Any:
        return np.asarray(Climb.ask(self, key, state)[0], np.float64), state


class Diverges(Climb):
    def ask(self, key: Any, state: Any) -> Any:
        return Climb.ask(self, key, state)[0] * jnp.where(state.told > 0, jnp.inf, 1), state


class ForeseesParents(Climb):
    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        state, verdict = Climb.tell(self, state, genotypes, evaluation)
        return state, verdict._replace(parents=verdict.parents + 1000)


class OwnOperator(Climb):
    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        state, verdict = Climb.tell(self, state, genotypes, evaluation)
        return state, verdict._replace(operator=np.full(len(genotypes), 99))


class NoVerdict(Climb):
    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        return Climb.tell(self, state, genotypes, evaluation)[0], evaluation.valid


class OwnDice(Climb):
    def ask(self, key: Any, state: Any) -> Any:
        return Climb.ask(self, jax.random.key(np.random.randint(1 << 30)), state)


class OneKey(Climb):
    def ask(self, key: Any, state: Any) -> Any:
        return Climb.ask(self, jax.random.key(0), state)


class OnSelf(Climb):
    best: Any = None

    def ask(self, key: Any, state: Any) -> Any:
        genotypes, state = Climb.ask(self, key, state)
        return genotypes if self.best is None else genotypes + self.best, state

    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        self.best = 0.1 * genotypes[0]
        return Climb.tell(self, state, genotypes, evaluation)


class ForgetsStarts(Climb):
    def init(self, key: Any, space: Any, population: int) -> Any:
        return Climb.init(self, key, space, population)._replace(parents=space.sample(key, population))


class KeepsTheDead(Climb):
    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        state, verdict = Climb.tell(self, state, genotypes, evaluation)
        return state, verdict._replace(keep=np.ones(len(genotypes), bool))


class MeansOfScores(Climb):
    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        state, verdict = Climb.tell(self, state, genotypes, evaluation)
        shift = jnp.mean(evaluation.scores) - jnp.max(evaluation.scores)
        return state._replace(parents=state.parents + 1e-6 * shift), verdict


class NamesNothing(Climb):
    in_flight = ("origin",)


class NamesOneNumber(Climb):
    in_flight = ("told",)


class InFlight(NamedTuple):
    way: Any
    note: Any


class NamesHalf:
    """Notes of each world how it came about, and says so in another order."""

    in_flight = ("note",)

    def init(self, key: Any, space: Any, population: int) -> Any:
        self.space = space
        return InFlight(jnp.zeros(population, int), jnp.zeros(population, int))

    def ask(self, key: Any, state: Any) -> Any:
        drawn = jax.random.randint(key, (len(state.way),), 0, 2)
        return self.space.sample(key, len(state.way)), InFlight(drawn, drawn)

    def tell(self, state: Any, genotypes: Any, evaluation: Evaluation) -> Any:
        return state, Verdict(evaluation.valid, np.full((len(genotypes), 2), -1), state.way)


class HalvesOfBits(Climb):
    def ask(self, key: Any, state: Any) -> Any:
        genotypes, state = Climb.ask(self, key, state)
        return genotypes.astype(jnp.float32) / 2 if genotypes.dtype == jnp.int32 else genotypes, state


class TripsOverBits(Climb):
    def init(self, key: Any, space: Any, population: int) -> Any:
        if space.dtype != np.float32:
            raise RuntimeError("no idea")
        return Climb.init(self, key, space, population)


BROKEN_SEARCHES: dict[str, list[type]] = {
    "methods": [NoTell],
    "genotypes": [OneTooFew, Doubles, Diverges],
    "verdicts": [ForeseesParents, OwnOperator, NoVerdict],
    "ask is pure": [OwnDice],
    "keys matter": [OneKey],
    "state is all there is": [OnSelf],
    "starts": [ForgetsStarts],
    "invalid worlds": [KeepsTheDead, MeansOfScores],
    "any order": [NamesNothing, NamesOneNumber, NamesHalf],
    "integers": [HalvesOfBits, TripsOverBits],
}


@pytest.mark.parametrize("check", SEARCH_CHECKS, ids=check_name)
def test_search_check_bites(check: Callable[[SearchSubject], None]) -> None:
    for toy in BROKEN_SEARCHES[check_name(check)]:
        with pytest.raises(CheckFailed, match=SAYS):
            check(SearchSubject(toy, {}))


def test_a_good_search_passes_every_check() -> None:
    assert [str(result) for result in check_search(Climb) if not result.passed] == []


def test_a_search_may_refuse_integers_in_words() -> None:
    class RealOnly(Climb):
        def init(self, key: Any, space: Any, population: int) -> Any:
            if space.dtype != np.float32:
                raise BadGenotype("it takes real numbers")
            return Climb.init(self, key, space, population)

    assert [str(result) for result in check_search(RealOnly) if not result.passed] == []
