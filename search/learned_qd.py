"""`learned_qd`: who survives is decided by a small attention network that was itself found by evolution."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num

from alife.errors import BadOption
from alife.hookspecs import hookimpl
from alife.options import whole
from alife.types import ArrayLike, Evaluation, PRNGKey, Space, Verdict

from .cells import best_of, checked_axes, seated
from .variation import Origin, checked_line, checked_sigma, offspring

LEARNED = Path(__file__).with_name("learned_qd.npz")
"""The rule that ships, as `python -m alife.search.learned_qd_training` makes it."""

HEADS, HIDDEN = 4, 8
OWN = 3  # what a member knows of itself: 1, its rank, how far its score stands out
SEEN = 4  # what it sees of another: how far away, whether fitter, and the other's rank and standing
SHAPES = ((HEADS, OWN, SEEN), (OWN + HEADS * (SEEN + 1), HIDDEN), (HIDDEN,))
"""Of the queries, the hidden layer and the output of the rule."""
WEIGHTS = sum(int(np.prod(shape)) for shape in SHAPES)


class State(NamedTuple):
    """The population (S seats), the rule, and how the generation in flight came about."""

    genotypes: Num[Array, "S G"]
    scores: Float[Array, " S"]
    places: Float[Array, "S A"]
    """On the axes, in the units of each."""
    number: Int[Array, " S"]
    """Evaluation number of each member, -1 = an empty seat."""
    evaluations: Int[Array, ""]
    """Worlds told so far."""
    origin: Origin
    """Of the generation in flight."""
    weights: Float[Array, " W"]
    """Of the rule; they stay as they are."""


class LearnedQd:
    """A population in which members compete by a learned rule: scores and places on the axes in, survivors out.

    Every member looks at all others through a few heads of attention, which see how far away the other is and how its
    score compares, and turns what it sees into one number; the `size` members with the highest numbers survive.  The
    rule knows neither how many axes there are nor their units, nor the size of the population.

    Args:
        axes: where worlds may differ from each other, see `alife.axes`.
        size: members of the population (S), >= 2.
        sigma: mutation strength, in units of the typical size of a genotype's number, > 0.
        line: how far children move along the line to another member, in units of its length; 0 = not at all.
        rule: file of weights that `python -m alife.search.learned_qd_training` wrote; None = the one that ships.

    Source: Faldor, Lange and Cully 2025 (arXiv:2502.02190).  Theirs is a transformer of two layers over scores and
    places; here one layer attends to relations between members, so that one rule serves any number of axes.
    """

    in_flight = ("origin",)

    def __init__(
        self,
        axes: Sequence[str] | None = None,
        size: int = 128,
        sigma: float = 0.1,
        line: float = 0.2,
        rule: str | None = None,
    ) -> None:
        self.axes = checked_axes("learned_qd", axes)
        self.size = whole("size", size, 2, 1_000_000, "members of the population")
        self.sigma = checked_sigma(sigma)
        self.line = checked_line(line)
        self._weights = read_rule(LEARNED if rule is None else Path(rule))

    def init(self, key: PRNGKey, space: Space, population: int) -> State:
        """An empty population."""

        def breed(key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
            genotypes, origin = offspring(key, space, population, state.genotypes, state.number, self.sigma, self.line)
            return genotypes, state._replace(origin=origin)

        self._breed, self._select = jax.jit(breed), jax.jit(self._select_eagerly)
        return State(
            genotypes=jnp.zeros((self.size, space.size), space.dtype),
            scores=jnp.full(self.size, -jnp.inf),
            places=jnp.zeros((self.size, len(self.axes))),
            number=jnp.full(self.size, -1),
            evaluations=jnp.zeros((), int),
            origin=Origin.unborn(population),
            weights=jnp.asarray(self._weights),
        )

    def ask(self, key: PRNGKey, state: State) -> tuple[Num[Array, "N G"], State]:
        """Samples of the prior while nobody lives, children of random members from then on."""
        return self._breed(key, state)

    def tell(self, state: State, genotypes: Num[Any, "N G"], evaluation: Evaluation) -> tuple[State, Verdict]:
        """Members and children compete for the seats."""
        return self._select(state, genotypes, evaluation.scores, evaluation.axes, evaluation.valid)

    def _select_eagerly(
        self,
        state: State,
        genotypes: Num[ArrayLike, "N G"],
        scores: Float[ArrayLike, " N"],
        places: Float[ArrayLike, "N A"],
        valid: Bool[ArrayLike, " N"],
    ) -> tuple[State, Verdict]:
        all_scores = jnp.concatenate([state.scores, jnp.where(valid, scores, -jnp.inf)])
        all_places = jnp.concatenate([state.places, jnp.where(jnp.asarray(valid)[:, None], places, 0)])
        alive = jnp.concatenate([state.number >= 0, jnp.asarray(valid)])
        strength = competition(state.weights, all_scores, all_places, alive)
        enters, seat, replaced = seated(best_of(strength, self.size) & alive, state.number)
        members = state._replace(
            genotypes=state.genotypes.at[seat].set(genotypes, mode="drop"),
            scores=state.scores.at[seat].set(all_scores[self.size :], mode="drop"),
            places=state.places.at[seat].set(all_places[self.size :], mode="drop"),
            number=state.number.at[seat].set(state.evaluations + jnp.arange(len(enters)), mode="drop"),
            evaluations=state.evaluations + len(enters),
        )
        return members, state.origin.verdict(enters, replaced)


def competition(
    weights: Float[ArrayLike, " W"],
    scores: Float[Array, " M"],
    places: Float[Array, "M A"],
    alive: Bool[Array, " M"],
) -> Float[Array, " M"]:
    """How strong each member is in the competition for seats, by the learned rule; -inf for the dead.

    A head gives every other member a weight that depends on how far away it is and how its score compares; besides
    all others it may attend to nobody, so that a member without fitter neighbours can tell that it has none.  The
    numbers seen by all heads go through one hidden layer.

    Args:
        weights: of the rule, `WEIGHTS` numbers.
        scores: higher is better; anything where not alive.
        places: on the axes, in the units of each.
        alive: members that take part.
    """
    query, hidden, out = _parts(jnp.asarray(weights))
    own = standing(scores, alive)
    distance = spacing(places, alive)
    fitter = (scores[None, :] > scores[:, None]) * 1.0
    queries = jnp.einsum("if,hfp->hip", own, query)
    logits = queries[..., :1] * distance + queries[..., 1:2] * fitter + queries[..., 2:] @ own[:, 1:].T
    others = alive[None, :] & ~jnp.eye(len(alive), dtype=bool)
    logits = jnp.where(others, logits, -jnp.inf)
    nobody = jnp.zeros_like(logits[..., :1])
    top = jnp.maximum(jnp.max(logits, axis=-1, keepdims=True), nobody)
    raw = jnp.exp(logits - top)
    nobody = jnp.exp(nobody - top)
    total = nobody + jnp.sum(raw, axis=-1, keepdims=True)
    seen = [jnp.sum(raw * distance, -1, keepdims=True), jnp.sum(raw * fitter, -1, keepdims=True), raw @ own[:, 1:]]
    heads = jnp.concatenate([*seen, nobody], axis=-1) / total
    features = jnp.concatenate([own, jnp.moveaxis(heads, 0, 1).reshape(len(alive), -1)], axis=1)
    return jnp.where(alive, jnp.tanh(features @ hidden) @ out, -jnp.inf)


def standing(scores: Float[Array, " M"], alive: Bool[Array, " M"]) -> Float[Array, "M 3"]:
    """1, the rank in [-1, 1] (best 1, ties share), and tanh of the standardised score; zeros where not alive.

    >>> standing(jnp.array([3.0, 1.0, 2.0, 9.0]), jnp.array([True, True, True, False]))[:, 1].tolist()
    [1.0, -1.0, 0.0, 0.0]
    """
    count = jnp.maximum(jnp.sum(alive), 2)
    known = jnp.where(alive, scores, jnp.nan)
    wins = jnp.sum(known[:, None] > known[None, :], axis=1) - jnp.sum(known[:, None] < known[None, :], axis=1)
    filled = jnp.where(alive, scores, 0)
    mean = jnp.sum(filled) / count
    spread = jnp.sqrt(jnp.sum(jnp.where(alive, filled - mean, 0) ** 2) / count)
    stands = jnp.tanh((filled - mean) / jnp.where(spread > 0, spread, 1))
    return jnp.where(alive[:, None], jnp.stack([jnp.ones_like(mean) + 0 * filled, wins / (count - 1), stands], 1), 0)


def spacing(places: Float[Array, "M A"], alive: Bool[Array, " M"]) -> Float[Array, "M M"]:
    """Distances between members: log(1 + x), where x is about 1 between neighbours in an even population.

    Axes are standardised first, so that their units do not matter; then x is the distance as a part of the mean
    distance, times the number of members along one axis, were they spread evenly.
    """
    count = jnp.maximum(jnp.sum(alive), 2)
    mean = jnp.sum(jnp.where(alive[:, None], places, 0), axis=0) / count
    centred = jnp.where(alive[:, None], places - mean, 0)
    spread = jnp.sqrt(jnp.sum(centred**2, axis=0) / count)
    unit = centred / jnp.where(spread > 0, spread, 1)
    square = sum((unit[:, None, a] - unit[None, :, a]) ** 2 for a in range(unit.shape[1]))
    distance = jnp.where(alive[:, None] & alive[None, :], jnp.sqrt(square), 0)
    typical = jnp.sum(distance) / (count * (count - 1))
    along = count ** (1 / unit.shape[1])
    return jnp.log1p(distance * along / jnp.where(typical > 0, typical, 1))


def read_rule(path: Path) -> Float[np.ndarray, " W"]:
    """Weights of a rule.

    Raises:
        BadOption: no such file, or not a rule.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            weights = np.asarray(stored["weights"], np.float32)
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as cause:
        raise BadOption(
            f"rule {str(path)!r} cannot be read ({cause}); expected a file of learned_qd_training"
        ) from cause
    if weights.shape != (WEIGHTS,) or not np.isfinite(weights).all():
        raise BadOption(f"rule {str(path)!r} has weights of shape {weights.shape}; expected {WEIGHTS} finite numbers")
    return weights


def _parts(weights: Float[Array, " W"]) -> list[Float[Array, "..."]]:
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES])[:-1]
    return [part.reshape(shape) for part, shape in zip(jnp.split(weights, ends), SHAPES, strict=True)]


@hookimpl
def register_searches(register: Callable[..., None]) -> None:
    register(
        "learned_qd",
        "alife.search.learned_qd:LearnedQd",
        summary="quality-diversity whose rule of survival was learned; axes; any genotype that can be mutated",
        test_options={"axes": ["a", "b"], "size": 8},
        source="Faldor, Lange and Cully 2025, arXiv:2502.02190",
    )
