"""Beginning again elsewhere: restarts with growing populations (IPOP), in turn with short ones (BIPOP).

A descent ends when it gains nothing any more or its steps have become too small to see.  The next one begins at a
sample of the prior, with the first step size again.  A run evaluates N worlds in a generation, whatever a descent
wants: so a descent of N x 2^r worlds at a time is told after 2^r generations.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.types import KEY_KIND, ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .evolution_strategies import EvolutionStrategy, State
from .random_sampling import unrelated, with_starts

GAIN = 1e-6
"""Least gain of score that counts, in units of the scores' first spread: float32 shows little less."""
STEP = 1e-5
"""Widest spread of a population that has come to rest, in units of the first step size."""
DOUBLINGS = 9
"""Most times that a population doubles."""


class Descent(NamedTuple):
    """One way down, of L = N x 2^doublings worlds at a time, and what the run has spent on earlier ones."""

    asked: Float[ArrayLike, "L G"]
    """Genotypes of the worlds in flight."""
    scores: Float[ArrayLike, " L"]
    """Theirs, as far as they are known."""
    filled: Int[ArrayLike, ""]
    """How many of them are known."""
    doublings: Int[ArrayLike, ""]
    best: Float[ArrayLike, ""]
    """Highest score of this descent."""
    idle: Int[ArrayLike, ""]
    """Times that the algorithm has been told since then."""
    evaluations: Int[ArrayLike, ""]
    """Worlds of this descent."""
    small: Bool[ArrayLike, ""]
    """BIPOP: it is one of the short descents with few worlds."""
    largest: Int[ArrayLike, ""]
    """Doublings of the latest descent that is not small."""
    spent: Int[ArrayLike, "2"]
    """Worlds of all large and all small descents that have ended, but the first."""


class RestartState(NamedTuple):
    """The algorithm, and where it is on its way."""

    search: State
    descent: Descent


class Restarting:
    """An evolution strategy that begins again; every valid world is kept.

    A descent ends when its best score has not grown for 10 + 30 G / L times, or its worlds lie as close together as
    float32 can tell.  `ipop` then doubles the population.  `bipop` does so only when small descents have been given as
    many worlds as those with doubled populations; a small one has a random population of at most half of the largest,
    and a first step 1 to 100 times shorter.

    Args:
        name: of the algorithm.
        restarts: "ipop" or "bipop".
        options: of the algorithm, see `EvolutionStrategy`.

    Source: Auger and Hansen 2005 (doi:10.1109/CEC.2005.1554902), Hansen 2009 (doi:10.1145/1570256.1570333).  There
    populations are any number, here N x 2^r; tolerances are those of float64 there, and their best of every generation
    must stay the same, which it never does when scores are noisy.
    """

    def __init__(self, name: str, **options: Any) -> None:
        self._core = EvolutionStrategy(name, **options)
        self.restarts = self._core.options["restarts"]

    def init(self, key: PRNGKey, space: Space, population: int) -> RestartState:
        """The first descent, of one generation at a time; see `EvolutionStrategy.init`."""
        self._space, self._population = space, population
        return RestartState(self._core.init(key, space, population), self._descent(0, False, 0, np.zeros(2, np.int32)))

    def ask(self, key: PRNGKey, state: RestartState) -> tuple[Num[Array, "N G"], RestartState]:
        """The next N of the worlds that the algorithm has proposed, which it does when all before are known."""
        search, descent = state
        if descent.filled == 0:
            asked, search = self._core.propose(key, search, len(descent.scores))
            descent = descent._replace(asked=asked)
        genotypes = jnp.asarray(descent.asked[self._in_flight(descent)])
        return with_starts(genotypes, self._space, int(search.told) == 0), RestartState(search, descent)

    def tell(
        self, state: RestartState, genotypes: Num[Any, "N G"], evaluation: Evaluation
    ) -> tuple[RestartState, Verdict]:
        """Note the scores; learn when they are complete; then begin again if this descent has ended."""
        search, descent = state
        asked, scores, now = np.array(descent.asked), np.array(descent.scores), self._in_flight(descent)
        asked[now], scores[now] = genotypes, evaluation.scores
        filled = now.stop % len(scores)
        descent = descent._replace(asked=asked, scores=scores, filled=_whole(filled))
        if filled == 0:
            search = self._core.learn(search, asked, scores)
            descent = judged(descent, float(search.unit))
            if self._ended(descent):
                search, descent = self._again(search, descent)
        return RestartState(search.counted(), descent), unrelated(evaluation, "distribution")

    def _in_flight(self, descent: Descent) -> slice:
        """Which of the proposed worlds are being evaluated."""
        return slice(int(descent.filled), int(descent.filled) + self._population)

    def _ended(self, descent: Descent) -> bool:
        patience = 10 + math.ceil(30 * self._space.size / len(descent.scores))
        asked = np.asarray(descent.asked)
        at_rest = np.ptp(asked, axis=0).max() < STEP * self._core.options["sigma"] * self._space.scale
        return bool(descent.idle >= patience or at_rest or not np.isfinite(asked).all())

    def _again(self, search: State, descent: Descent) -> tuple[State, Descent]:
        """The next descent; all that is random in it comes from the key with which the last worlds were drawn."""
        key = jax.random.wrap_key_data(jnp.asarray(search.key), impl=KEY_KIND)
        at, begin, size, step = jax.random.split(jax.random.fold_in(key, 1), 4)
        spent = np.array(descent.spent)
        spent[int(descent.small)] += int(descent.evaluations) if descent.largest > 0 else 0
        largest, small = int(descent.largest), self.restarts == "bipop" and bool(spent[1] < spent[0])
        if not small:
            largest = min(largest + 1, DOUBLINGS)
        doublings, shrunk = largest, 1.0
        if small:
            doublings = int((largest - 1) * float(jax.random.uniform(size)) ** 2)
            shrunk = 10 ** (-2 * float(jax.random.uniform(step)))
        place = self._core.frame.inside(self._space.sample(at, 1)[0])
        inner = self._core.begin(begin, place, self._population * 2**doublings, shrunk)
        return search._replace(inner=inner), self._descent(doublings, small, largest, spent)

    def _descent(self, doublings: int, small: bool, largest: int, spent: Int[np.ndarray, "2"]) -> Descent:
        """A descent of which nothing is known yet."""
        count = self._population * 2**doublings
        return Descent(
            asked=np.zeros((count, self._space.size), np.float32),
            scores=np.full(count, -np.inf, np.float32),
            filled=_whole(0),
            doublings=_whole(doublings),
            best=np.asarray(-np.inf, np.float32),
            idle=_whole(0),
            evaluations=_whole(0),
            small=np.asarray(small),
            largest=_whole(largest),
            spent=spent,
        )


def judged(descent: Descent, unit: float) -> Descent:
    """The descent with its best score, and how long it has gone without a gain, after all worlds in flight are known.

    Args:
        descent: with the scores of L worlds.
        unit: in which gains of score are counted.
    """
    best = np.max(descent.scores)
    gained = best > descent.best + GAIN * unit if np.isfinite(descent.best) else np.isfinite(best)
    return descent._replace(
        best=np.asarray(max(best, descent.best), np.float32),
        idle=_whole(0 if gained else int(descent.idle) + 1),
        evaluations=_whole(int(descent.evaluations) + len(descent.scores)),
    )


def _whole(number: int) -> Int[np.ndarray, ""]:
    return np.asarray(number, np.int32)
