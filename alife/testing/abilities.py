"""Checks of what a substrate may have besides its four methods; each passes where the ability is not there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import PluginError
from ..types import Parameter, Tree
from ..worlds.epochs import records_of
from .report import ABSENT, CheckFailed, first_line
from .subject import SIZE, SubstrateSubject, call, has, shape_of
from .tracing import describe, difference, layout, plain


def where_there_is(
    ability: str,
) -> Callable[[Callable[[SubstrateSubject], None]], Callable[[SubstrateSubject], str | None]]:
    """A check of an ability, which remarks that there is nothing to check where the substrate does not have it."""

    def decorate(check: Callable[[SubstrateSubject], None]) -> Callable[[SubstrateSubject], str | None]:
        @wraps(check)
        def checked(subject: SubstrateSubject) -> str | None:
            return check(subject) if has(subject.substrate, ability) else ABSENT  # type: ignore[func-returns-value]

        return checked

    return decorate


@where_there_is("express")
def check_express(subject: SubstrateSubject) -> None:
    """`express(params)` gives arrays, and its result serves all later methods as `params`."""
    _, expressed, state = subject.shapes
    shape_of(subject.substrate, "step_state", jax.random.key(0), state, expressed)
    shape_of(subject.substrate, "render_state", state, expressed, img_size=SIZE)


@where_there_is("measures")
def check_measures(subject: SubstrateSubject) -> None:
    """`measures(state, params)` gives single finite numbers, under the same names at every moment."""
    numbers = subject.many.measures
    if not isinstance(numbers, dict) or any(np.ndim(value) != 2 for value in numbers.values()):
        raise CheckFailed(f"measures gives {_one_moment(numbers)}", "{name: single number}", "reduce each to a scalar")
    for name, values in numbers.items():
        _expect_finite(f"measure {name!r}", plain(values))
    _, expressed, state = subject.shapes
    again = shape_of(subject.substrate, "measures", state, expressed)
    if set(again) != set(numbers):
        raise CheckFailed(
            f"measures {sorted(again)} in one call, {sorted(numbers)} in another",
            "the same names always",
            "give every measure a number at every moment, 0 where it means nothing",
        )


@where_there_is("keep_state")
def check_keep_state(subject: SubstrateSubject) -> None:
    """`keep_state(state, params)` gives arrays of numbers, the same ones at every moment, and they hold the state."""
    _, expressed, state = subject.shapes
    kept = shape_of(subject.substrate, "keep_state", state, expressed)
    leaves = jax.tree.leaves(kept)
    if not leaves or not all(jnp.issubdtype(leaf.dtype, jnp.number) or leaf.dtype == bool for leaf in leaves):
        raise CheckFailed(f"keep_state gives {describe(kept)}", "arrays of numbers", "leave out keys and empty trees")
    keep = jax.jit(jax.vmap(partial(call, subject.substrate, "keep_state"), in_axes=(0, None)))
    for world in subject.worlds:
        for path, leaf in jax.tree_util.tree_leaves_with_path(keep(world.state, world.expressed)):
            _expect_finite(f"what keep_state gives {jax.tree_util.keystr(path)}".rstrip(), plain(leaf))


@where_there_is("moment")
def check_moment(subject: SubstrateSubject) -> None:
    """`moment(state, params)` gives single finite numbers, under the same names at every moment."""
    for name, values in _records(subject, "moments").items():
        _expect_finite(f"moment {name!r}", values)


@where_there_is("individuals")
def check_individuals(subject: SubstrateSubject) -> None:
    """`individuals(state, params)` gives the numbers of those alive, each once, and of their parents, who are older."""
    found = _records(subject, "individuals")
    for ids, parents in zip(found["id"], found["parent"], strict=True):
        if ids.ndim != 1 or ids.shape != parents.shape:
            raise CheckFailed(
                f"individuals gives id {list(ids.shape)} and parent {list(parents.shape)}",
                "one whole number for each slot in both",
                "give a slot where nobody is the id -1",
            )
        alive = ids >= 0
        if len(np.unique(ids[alive])) < alive.sum():
            raise CheckFailed("individuals gives one id twice", "everyone has an own one", "count births, never slots")
        if (parents[alive] >= ids[alive]).any():
            raise CheckFailed(
                "individuals gives somebody a parent that is younger",
                "the id of a parent is below that of its child, and -1 is a founder's",
                "count births over the whole life of the world, and keep the count in the state",
            )


def _records(subject: SubstrateSubject, kind: str) -> dict[str, np.ndarray]:
    """What is kept of every step, of the moments that were collected."""
    records = jax.jit(jax.vmap(partial(records_of, subject.substrate), in_axes=(0, None)))
    found: dict[str, list[np.ndarray]] = {}
    for world in subject.worlds:
        try:
            seen = records(world.state, world.expressed)
        except PluginError as error:
            said, _, expected = str(error).partition("; expected ")
            raise CheckFailed(said, expected, "see docs/abilities.md") from error
        for name, values in seen.items():
            if name.startswith(f"{kind}/"):
                found.setdefault(name.removeprefix(f"{kind}/"), []).append(plain(values))
    return {name: np.concatenate(values) for name, values in found.items()}


@where_there_is("poke")
def check_poke(subject: SubstrateSubject) -> None:
    """`poke(state, params, place, radius, strength)` gives a state of the same layout, finite, and not the same one."""
    poke = jax.jit(partial(call, subject.substrate, "poke"))
    changed = False
    for world in subject.worlds:
        state = jax.tree.map(lambda leaf: leaf[-1], world.state)
        for strength in (1.0, -1.0):
            after = poke(state, world.expressed, jnp.array([0.5, 0.5]), jnp.float32(0.3), jnp.float32(strength))
            if layout(after) != layout(state):
                raise CheckFailed(f"poke gives {describe(after)}", f"{describe(state)}", "give the state's own layout")
            for leaf in jax.tree.leaves(after):
                _expect_finite("a state after poke", plain(leaf))
            changed |= bool(difference(after, state))
    if not changed:
        raise CheckFailed("poke changes nothing", "another state", "change what lies within radius of the place")


@where_there_is("reward")
def check_reward(subject: SubstrateSubject) -> None:
    """`reward(state, params)` is one finite number."""
    if np.ndim(subject.many.reward) != 2:
        raise CheckFailed(f"reward gives {_one_moment(subject.many.reward)}", "one number", "reduce it to a scalar")
    _expect_finite("reward", plain(subject.many.reward))


@where_there_is("mutate")
def check_mutate(subject: SubstrateSubject) -> None:
    """`mutate(rng, params)` gives a genotype of the same layout, and not always the same one."""
    _check_variation(subject, "mutate", parents=1)


@where_there_is("crossover")
def check_crossover(subject: SubstrateSubject) -> None:
    """`crossover(rng, params, params)` gives a genotype of the same layout, and not always the first parent."""
    _check_variation(subject, "crossover", parents=2)


@where_there_is("bounds")
def check_bounds(subject: SubstrateSubject) -> None:
    """`bounds()` gives (low, high), shaped as a genotype, low at most high, and default_params stays within."""
    bounds = call(subject.substrate, "bounds")
    params = subject.shapes[0]
    if not (isinstance(bounds, tuple | list) and len(bounds) == 2):
        raise CheckFailed(f"bounds gives {bounds!r}", "(low, high)", "return two trees shaped as a genotype")
    for side in bounds:
        if [np.shape(leaf) for leaf in jax.tree.leaves(side)] != [leaf.shape for leaf in jax.tree.leaves(params)]:
            raise CheckFailed(
                f"bounds gives {describe(side)}", f"{describe(params)}", "shape both sides as default_params does"
            )
    low, high, born = (jax.tree.leaves(tree) for tree in (*bounds, subject.many.params))
    for least, most, seen in zip(low, high, born, strict=True):
        if not bool(np.all(np.asarray(least) <= np.asarray(most))):
            raise CheckFailed("bounds with low above high", "low at most high", "return (low, high) in this order")
        if not bool(np.all((np.asarray(least) <= plain(seen)) & (plain(seen) <= np.asarray(most)))):
            raise CheckFailed(
                f"default_params gives numbers from {plain(seen).min():.3g} to {plain(seen).max():.3g}, outside bounds",
                "genotypes within bounds()",
                "widen the bounds, or clip in default_params",
            )


@where_there_is("parameters")
def check_parameters(subject: SubstrateSubject) -> None:
    """`parameters()` declares options that the constructor takes from end to end, or places in the genotype."""
    declared = call(subject.substrate, "parameters")
    if not isinstance(declared, dict) or not all(isinstance(p, Parameter) for p in declared.values()):
        raise CheckFailed(
            f"parameters gives {declared!r:.200}", "{name: alife.types.Parameter}", "declare each with Parameter(...)"
        )
    size = sum(int(np.prod(leaf.shape, dtype=int)) for leaf in jax.tree.leaves(subject.shapes[0]))
    for name, parameter in declared.items():
        if not (np.isfinite(parameter.low) and np.isfinite(parameter.high) and parameter.low < parameter.high):
            raise CheckFailed(
                f"parameter {name!r} from {parameter.low} to {parameter.high}", "low below high", "give a finite range"
            )
        if not parameter.meaning.strip():
            raise CheckFailed(f"parameter {name!r} without a meaning", "one line for people", "say what it does")
        if parameter.place is None:
            _expect_option(subject, name, (parameter.low, parameter.high))
        elif not 0 <= parameter.place[0] < parameter.place[1] <= size:
            raise CheckFailed(
                f"parameter {name!r} at {parameter.place}",
                f"places in the genotype's 0 to {size}",
                "take them from alife.genotype.places",
            )


@where_there_is("scaled")
def check_scaled(subject: SubstrateSubject) -> None:
    """`scaled(times)` gives (parts, options): more parts for more times, and options that the constructor takes."""
    sizes = []
    for times in (1, 4):
        told = call(subject.substrate, "scaled", times)
        if not (isinstance(told, tuple) and len(told) == 2 and isinstance(told[0], int) and isinstance(told[1], dict)):
            raise CheckFailed(f"scaled gives {told!r:.200}", "(parts, {option: value})", "return a count and options")
        sizes.append(told[0])
        _make_with(subject, told[1])
    if not 3 <= sizes[1] / sizes[0] <= 5:
        raise CheckFailed(
            f"scaled(1) has {sizes[0]} parts and scaled(4) {sizes[1]}", "four times as many", "scale cells or particles"
        )


def _expect_option(subject: SubstrateSubject, name: str, values: tuple[float, float]) -> None:
    """Both ends of a slider are taken, as whole numbers where the option is one."""
    now = subject.numbers().get(name)
    if now is None:
        raise CheckFailed(
            f"parameter {name!r} is no option", f"one of {sorted(subject.numbers())}", "name an option, or give a place"
        )
    for value in values:
        _make_with(subject, {name: int(value) if isinstance(now, int) else float(value)})


def _make_with(subject: SubstrateSubject, options: dict[str, Any]) -> None:
    try:
        subject.make(**options)
    except Exception as cause:
        raise CheckFailed(
            f"the constructor refuses {options}: {first_line(cause)}", "it to take them", "declare what it takes"
        ) from cause


def _check_variation(subject: SubstrateSubject, method: str, parents: int) -> None:
    params = subject.shapes[0]
    given = [params] * parents
    child = shape_of(subject.substrate, method, jax.random.key(0), *given)
    if layout(child) != layout(params):
        raise CheckFailed(
            f"{method} gives {describe(child)}", f"a genotype: {describe(params)}", "keep tree, shapes and dtypes"
        )
    born = [jax.tree.map(lambda leaf, i=i: leaf[i], subject.many.params) for i in range(parents)]
    vary = jax.jit(jax.vmap(lambda key: call(subject.substrate, method, key, *born)))
    children = vary(jax.random.split(jax.random.key(1), 8))
    for leaf in jax.tree.leaves(children):
        _expect_finite(method, plain(leaf))
    same: Tree = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (8, *leaf.shape)), born[0])
    alike = difference(born[0], born[-1]) == "" and parents == 2
    if not difference(children, same) and not alike:
        raise CheckFailed(
            f"{method} gave back its first parent for 8 different keys", "new genotypes", "use `rng` to change it"
        )


def _expect_finite(what: str, values: np.ndarray) -> None:
    if not np.isfinite(values).all():
        raise CheckFailed(f"{what} is NaN or infinite", "finite numbers", "guard divisions, roots and logarithms")


def _one_moment(numbers: Tree) -> str:
    """What the substrate returned for one world and one moment, of what was collected over all."""
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(np.shape(leaf)[2:], np.asarray(leaf).dtype), numbers)
    return describe(one)


ABILITY_CHECKS: tuple[Callable[[SubstrateSubject], str | None], ...] = (
    check_express,
    check_measures,
    check_keep_state,
    check_moment,
    check_individuals,
    check_poke,
    check_reward,
    check_mutate,
    check_crossover,
    check_bounds,
    check_parameters,
    check_scaled,
)
"""All of them."""
