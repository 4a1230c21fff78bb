"""Checks of what a substrate may have besides its four methods; each passes where the ability is not there."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from ..types import Tree
from .report import CheckFailed
from .subject import SIZES, SubstrateSubject, call, has, shape_of
from .tracing import describe, difference, layout, plain


def check_express(subject: SubstrateSubject) -> None:
    """`express(params)` gives arrays, and its result serves all later methods as `params`."""
    if not has(subject.substrate, "express"):
        return
    _, expressed, state = subject.shapes
    shape_of(subject.substrate, "step_state", jax.random.key(0), state, expressed)
    shape_of(subject.substrate, "render_state", state, expressed, img_size=SIZES[0])


def check_measures(subject: SubstrateSubject) -> None:
    """`measures(state, params)` gives single finite numbers, under the same names at every moment."""
    if not has(subject.substrate, "measures"):
        return
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


def check_reward(subject: SubstrateSubject) -> None:
    """`reward(state, params)` is one finite number."""
    if not has(subject.substrate, "reward"):
        return
    if np.ndim(subject.many.reward) != 2:
        raise CheckFailed(f"reward gives {_one_moment(subject.many.reward)}", "one number", "reduce it to a scalar")
    _expect_finite("reward", plain(subject.many.reward))


def check_mutate(subject: SubstrateSubject) -> None:
    """`mutate(rng, params)` gives a genotype of the same layout, and not always the same one."""
    _check_variation(subject, "mutate", parents=1)


def check_crossover(subject: SubstrateSubject) -> None:
    """`crossover(rng, params, params)` gives a genotype of the same layout, and not always the first parent."""
    _check_variation(subject, "crossover", parents=2)


def check_bounds(subject: SubstrateSubject) -> None:
    """`bounds()` gives (low, high), shaped as a genotype, low at most high, and default_params stays within."""
    if not has(subject.substrate, "bounds"):
        return
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


def _check_variation(subject: SubstrateSubject, method: str, parents: int) -> None:
    if not has(subject.substrate, method):
        return
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


ABILITY_CHECKS: tuple[Callable[[SubstrateSubject], None], ...] = (
    check_express,
    check_measures,
    check_reward,
    check_mutate,
    check_crossover,
    check_bounds,
)
"""All of them."""
