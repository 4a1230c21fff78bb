"""What every search must keep, one check per promise.

Each check takes a `SearchSubject` and raises `CheckFailed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import BadGenotype
from ..loading import factory_of
from ..run import checkpoint, restore
from ..types import OPERATORS, Verdict
from .report import CheckFailed, first_line, made_by
from .spaces import Bits, Box, evaluation
from .tracing import difference

N = 8
"""Worlds of a generation."""
GENERATIONS = 4


class Generation(NamedTuple):
    """What was asked and told, and the state after it."""

    genotypes: np.ndarray
    verdict: Any
    state: Any


class SearchSubject:
    """A search under test, and a few generations of it on a toy problem, begun with two genotypes.

    Args:
        factory: makes it; called with options as keywords.
        options: for the factory.
    """

    def __init__(self, factory: Callable[..., Any], options: Mapping[str, Any]) -> None:
        self.factory, self.options = factory_of(factory, options)

    def make(self) -> Any:
        """A fresh instance."""
        return made_by(self.factory, self.options, "search")

    @cached_property
    def search(self) -> Any:
        """The instance that most checks look at; it has been started."""
        made = self.make()
        self.began(made)
        return made

    @cached_property
    def space(self) -> Box:
        """Real numbers, or integers where the search says that it needs them."""
        starts = jnp.arange(10.0).reshape(2, 5)
        try:
            self.make().init(jax.random.key(0), Box(starts=starts), N)
            return Box(starts=starts)
        except BadGenotype:
            return Bits(starts=(starts % 2).astype(jnp.int32))
        except Exception as cause:
            raise _raised("init", cause) from cause

    def began(self, search: Any) -> Any:
        """The state that it begins with."""
        try:
            return search.init(jax.random.key(0), self.space, N)
        except Exception as cause:
            raise _raised("init", cause) from cause

    def ask(self, search: Any, state: Any, g: int) -> tuple[np.ndarray, Any]:
        """Genotypes of generation g, and the state after asking."""
        try:
            answer = search.ask(jax.random.fold_in(jax.random.key(1), g), state)
        except Exception as cause:
            raise _raised("ask", cause) from cause
        if not isinstance(answer, tuple) or len(answer) != 2:
            raise CheckFailed(
                f"ask gives {type(answer).__name__}", "(genotypes [N, G], state)", "return both, genotypes first"
            )
        return np.asarray(answer[0]), answer[1]

    def live(self, search: Any, state: Any, g: int, valid: Any = True) -> Generation:
        """One generation: asked, judged by the distance from 0, and told."""
        genotypes, state = self.ask(search, state, g)
        return self.tell(search, state, genotypes, valid)

    def tell(self, search: Any, state: Any, genotypes: np.ndarray, valid: Any = True) -> Generation:
        """What the search says of genotypes, judged by the distance from 0."""
        valid = np.broadcast_to(valid, len(genotypes))
        axes = genotypes[:, : len(getattr(search, "axes", ()))].astype(np.float32)
        z = np.where(valid[:, None, None], np.tanh(genotypes[:, None, :4].astype(np.float32)) + 1e-3, 1)
        told = evaluation(-(genotypes.astype(np.float32) ** 2).sum(1), z=z, valid=valid, axes=axes)
        told = told._replace(
            z=np.where(valid[:, None, None], told.z, 0).astype(np.float32), axes=np.where(valid[:, None], axes, np.nan)
        )
        try:
            answer = search.tell(state, genotypes, told)
        except Exception as cause:
            raise _raised("tell", cause) from cause
        if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[1], Verdict):
            raise CheckFailed(
                "tell gives no verdict", "(state, alife.types.Verdict)", "say which worlds to keep, and their parents"
            )
        return Generation(genotypes, answer[1], answer[0])

    @cached_property
    def states(self) -> list[Any]:
        """The state at the beginning, and after each of a few generations."""
        return [self.began(self.search), *(generation.state for generation in self.generations)]

    @cached_property
    def generations(self) -> list[Generation]:
        """A few of them, one after the other."""
        lived: list[Generation] = []
        state = self.began(self.search)
        for g in range(GENERATIONS):
            lived.append(self.live(self.search, state, g))
            state = lived[-1].state
        return lived


def check_methods(subject: SearchSubject) -> None:
    """init, ask and tell are there."""
    for method in ("init", "ask", "tell"):
        if not callable(getattr(subject.make(), method, None)):
            raise CheckFailed(f"no method {method}", "init, ask and tell, see alife.search", f"write {method}")


def check_genotypes(subject: SearchSubject) -> None:
    """Every generation is N finite genotypes of the space, within its bounds."""
    for generation in subject.generations:
        genotypes, (low, high) = generation.genotypes, subject.space.bounds
        if genotypes.shape != (N, subject.space.size):
            raise CheckFailed(
                f"ask gives shape {genotypes.shape}",
                f"({N}, {subject.space.size}), a genotype for each world",
                "ask for as many as `population` says",
            )
        if genotypes.dtype != subject.space.dtype:
            raise CheckFailed(
                f"genotypes are {genotypes.dtype}", f"{subject.space.dtype}, as space.dtype says", "keep the dtype"
            )
        if not np.isfinite(genotypes).all() or (genotypes < low).any() or (genotypes > high).any():
            raise CheckFailed("genotypes NaN, infinite or outside space.bounds", "genotypes within", "clip them")


def check_verdicts(subject: SearchSubject) -> None:
    """Verdicts have an entry for each world; parents are evaluations that have been."""
    for g, generation in enumerate(subject.generations):
        verdict = generation.verdict
        shapes = np.shape(verdict.keep), np.shape(verdict.parents), np.shape(verdict.operator)
        if shapes != ((N,), (N, 2), (N,)):
            raise CheckFailed(
                f"keep, parents and operator of shapes {shapes}", f"({N},), ({N}, 2) and ({N},)", "one for each world"
            )
        parents, operator = np.asarray(verdict.parents), np.asarray(verdict.operator)
        if (parents < -1).any() or (parents >= (g + 1) * N).any():
            raise CheckFailed(
                f"parents from {parents.min()} to {parents.max()} in generation {g}",
                f"numbers of evaluations before, 0 to {g * N - 1}, or -1 for none",
                "count evaluations over the whole run: generation * N + place",
            )
        if (operator < 0).any() or (operator >= len(OPERATORS)).any():
            raise CheckFailed(
                f"operators {sorted(set(operator.tolist()))}",
                f"places in alife.types.OPERATORS, 0 to {len(OPERATORS) - 1}",
                "use OPERATORS.index('mutate') and the like",
            )


def check_ask_is_pure(subject: SearchSubject) -> None:
    """Asked twice with one key and state, it gives the same genotypes and leaves the state as it was."""
    state = subject.states[2]
    before = checkpoint(state)
    first, _ = subject.ask(subject.search, state, 7)
    second, _ = subject.ask(subject.search, state, 7)
    changed = difference(checkpoint(state), before)
    if not np.array_equal(first, second) or changed:
        raise CheckFailed(
            f"the second answer differs{f', and ask changed the state: {changed}' if changed else ''}",
            "the same genotypes and an unchanged state",
            "draw every random number from `key`, and return a new state instead of writing into the old one",
        )


def check_keys_matter(subject: SearchSubject) -> None:
    """Different keys give different generations, unless what it says comes from a list."""
    generation = subject.generations[1]
    if set(np.asarray(generation.verdict.operator).tolist()) <= {OPERATORS.index("given"), OPERATORS.index("sweep")}:
        return
    if len({subject.ask(subject.search, subject.states[1], g)[0].tobytes() for g in range(4)}) == 1:
        raise CheckFailed("4 different keys give the same genotypes", "different ones", "use `key` in ask")


def check_state_is_all_there_is(subject: SearchSubject) -> None:
    """A fresh instance goes on from the stored arrays of a state exactly as the first one does."""
    fresh = subject.make()
    try:
        state = restore(subject.began(fresh), checkpoint(subject.states[3]))
    except CheckFailed:
        raise
    except Exception as cause:
        raise CheckFailed(
            f"its state cannot be stored as arrays: {first_line(cause)}",
            "a pytree of arrays of fixed shapes",
            "keep numbers as jnp arrays, in a NamedTuple or a dict",
        ) from cause
    again = subject.live(fresh, state, 3)
    if not np.array_equal(again.genotypes, subject.generations[3].genotypes) or difference(
        checkpoint(again.state), checkpoint(subject.states[4])
    ):
        raise CheckFailed(
            "a search that was stored and brought back goes on otherwise",
            "the same genotypes and the same state",
            "keep everything that changes in the state, and nothing on `self`",
        )


def check_starts(subject: SearchSubject) -> None:
    """The first generation begins with the genotypes that the world names, unless it comes to all of them anyway."""
    first = subject.generations[0]
    if (np.asarray(first.verdict.operator) == OPERATORS.index("sweep")).all():
        return
    starts = np.asarray(subject.space.starts)
    if not np.array_equal(first.genotypes[: len(starts)], starts):
        raise CheckFailed(
            "the first generation does not begin with space.starts",
            "those genotypes first, where there are any",
            "put space.starts before the samples of generation 0",
        )


def check_invalid_worlds(subject: SearchSubject) -> None:
    """Worlds that are not valid are never kept, and do no harm; not even where all of them are invalid."""
    search, state = subject.search, subject.states[0]
    for g, valid in enumerate((np.arange(N) % 2 == 0, np.zeros(N, bool), np.arange(N) % 2 == 1)):
        genotypes, verdict, state = subject.live(search, state, g, valid)
        if (np.asarray(verdict.keep) & ~valid).any():
            raise CheckFailed("a world that is not valid was kept", "keep = False for it", "use evaluation.valid")
        if not np.isfinite(genotypes).all():
            raise CheckFailed(
                "genotypes are NaN after worlds that are not valid",
                "finite genotypes",
                "leave out worlds with evaluation.valid = False: their scores are -inf",
            )


def check_any_order(subject: SearchSubject) -> None:
    """Where `in_flight` names what it noted of worlds in flight, those of two askings can be told of together."""
    search = subject.search
    fields = getattr(search, "in_flight", ())
    missing = [name for name in fields if not hasattr(subject.states[2], name)]
    if missing:
        raise CheckFailed(
            f"its state has no {', '.join(missing)}", "fields of the state", "let `in_flight` name fields of the state"
        )
    one, first = subject.ask(search, subject.states[2], 11)
    other, second = subject.ask(search, first, 12)
    for name in fields:
        if any(np.shape(leaf)[:1] != (N,) for leaf in jax.tree.leaves(getattr(first, name))):
            raise CheckFailed(f"{name} has no row for each world", f"arrays of {N} rows", "leave it out of `in_flight`")
    late = np.arange(N) % 2 == 1

    def mixed(early: Any, later: Any) -> Any:
        return np.where(late.reshape(-1, *[1] * (np.ndim(early) - 1)), later, early)

    rows = {name: jax.tree.map(mixed, getattr(first, name), getattr(second, name)) for name in fields}
    said = subject.tell(search, second._replace(**rows), mixed(one, other)).verdict
    alone = [subject.tell(search, state, asked).verdict for state, asked in ((first, one), (second, other))]
    for part in ("parents", "operator"):
        if not np.array_equal(getattr(said, part), mixed(*(np.asarray(getattr(one, part)) for one in alone))):
            raise CheckFailed(
                f"told of worlds of two askings, it mistakes their {part}",
                "the verdict that each of them would have had",
                "name in `in_flight` every field of the state that has a row for each genotype asked for",
            )


def check_integers(subject: SearchSubject) -> None:
    """Integer genotypes stay integers within their bounds, or are refused in words."""
    space, search = Bits(), subject.make()
    try:
        state = search.init(jax.random.key(0), space, N)
    except BadGenotype:
        return
    except Exception as cause:
        raise CheckFailed(
            f"init raised {first_line(cause)} for integer genotypes",
            "a search that takes them, or alife.errors.BadGenotype",
            "raise BadGenotype with what it needs",
        ) from cause
    genotypes, _ = subject.ask(search, state, 0)
    if genotypes.dtype != np.int32 or not np.isin(genotypes, (0, 1)).all():
        raise CheckFailed(
            f"genotypes {genotypes.dtype} from {genotypes.min()} to {genotypes.max()} where only 0 and 1 may be",
            "int32 within space.bounds",
            "use space.sample and space.mutate, or raise alife.errors.BadGenotype",
        )


def _raised(method: str, cause: Exception) -> CheckFailed:
    return CheckFailed(f"{method} raised {first_line(cause)}", "no error", f"alife.search says how {method} is called")


SEARCH_CHECKS: tuple[Callable[[SearchSubject], None], ...] = (
    check_methods,
    check_genotypes,
    check_verdicts,
    check_ask_is_pure,
    check_keys_matter,
    check_state_is_all_there_is,
    check_starts,
    check_invalid_worlds,
    check_any_order,
    check_integers,
)
"""All of them, in the order in which they run."""
