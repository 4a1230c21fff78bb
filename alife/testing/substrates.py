"""What every substrate must keep, one check per promise; `abilities` has those for what a substrate may have besides.

Each check takes a `SubstrateSubject` and raises `CheckFailed`.  They are ordered from cause to consequence: the first
one that fails is the one to mend first.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import AlifeError
from ..genotype import GenotypeSpace
from ..substrate import METHODS
from ..types import Tree
from .abilities import ABILITY_CHECKS
from .costs import check_declared, check_memory, check_speed
from .report import CheckFailed
from .subject import ENDS, SIZE, WORLDS, SubstrateSubject, call, quickly_compiled, shape_of, trace
from .tracing import describe, difference, freeze, holds_tracer, host_calls, plain

CLOSE = 1e-3
"""Reals computed in two ways after one step may differ by this part of the largest: far above rounding, far below
anything that a mistake makes."""


def check_methods(subject: SubstrateSubject) -> None:
    """The four methods are there and take what the engine hands them."""
    calls: dict[str, tuple[int, dict[str, int]]] = {
        "default_params": (1, {}),
        "init_state": (2, {}),
        "step_state": (3, {}),
        "render_state": (2, {"img_size": SIZE}),
    }
    for method in METHODS:
        function = getattr(subject.substrate, method, None)
        if not callable(function):
            raise CheckFailed(f"no method {method}", ", ".join(METHODS), f"write {method}")
        count, named = calls[method]
        try:
            inspect.signature(function).bind(*[None] * count, **named)
        except TypeError as cause:
            raise CheckFailed(
                f"{method}{inspect.signature(function)}, which does not accept what it is called with: {cause}",
                "the arguments of `alife.substrate.Substrate`, img_size by keyword",
                f"change the signature of {method}",
            ) from cause


def check_params(subject: SubstrateSubject) -> None:
    """Genotypes are arrays of one kind of number, finite, and survive being made a flat vector."""
    params = jax.jit(partial(call, subject.substrate, "default_params"))(jax.random.key(0))
    try:
        space = GenotypeSpace(subject.substrate, type(subject.substrate).__name__)
        back = space.unflatten(space.flatten(params))
    except AlifeError as cause:
        raise CheckFailed(
            str(cause), "a tree of arrays, all real or all integer", "return only what a search may vary"
        ) from cause
    changed = difference(back, params)
    if changed:
        raise CheckFailed(
            f"genotype {describe(params)} comes back changed from its flat vector of {space.dtype}: {changed}",
            "the same numbers",
            "keep reals to float32 and integers to int32",
        )
    _expect_finite(params, "default_params gave")


def check_state_keeps_its_layout(subject: SubstrateSubject) -> None:
    """A step gives back the tree, shapes and dtypes it was given."""
    subject.require_layout()


def check_picture_size(subject: SubstrateSubject) -> None:
    """Pictures are real arrays of the size asked for, whatever it is."""
    _, expressed, state = subject.shapes
    for size in (SIZE, 24, 224):
        image = shape_of(subject.substrate, "render_state", state, expressed, img_size=size)
        real = hasattr(image, "dtype") and jnp.issubdtype(image.dtype, jnp.floating)
        if not real or image.shape != (size, size, 3):
            raise CheckFailed(
                f"render_state(..., img_size={size}) gives {describe(image)}",
                f"float32[{size}, {size}, 3]",
                "use img_size for the edge, and `alife.worlds` to draw lattices and discs at any size",
            )


def check_picture_range(subject: SubstrateSubject) -> None:
    """Pictures are finite and within [0, 1], from the first step to the last."""
    seen = np.asarray(subject.many.frames)
    low, high = float(seen.min()), float(seen.max())  # NaN where any is
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise CheckFailed(
            f"pictures of edge {SIZE} hold numbers from {low:.3g} to {high:.3g}",
            "red, green and blue in [0, 1]",
            "guard divisions, roots and logarithms in render_state"
            if np.isnan(low)
            else "scale or clip at the end of render_state",
        )


def check_picture_follows_state(subject: SubstrateSubject) -> None:
    """When the state changes, sooner or later so does the picture."""
    states = [plain(leaf) for leaf in jax.tree.leaves(subject.many.state)]
    frames = np.asarray(subject.many.frames)
    # in time where worlds move at all; a substrate of still worlds is compared from world to world
    moves = any((leaf != leaf[:, :1]).any() for leaf in states)
    seen, states = (frames, states) if moves else (frames[:, 0], [leaf[:, 0] for leaf in states])
    axis = (slice(None), slice(1)) if moves else (slice(1),)
    if (seen == seen[axis]).all() and any((leaf != leaf[axis]).any() for leaf in states):
        raise CheckFailed(
            f"states differ {f'between steps {ENDS}' if moves else 'between worlds'}, their pictures do not",
            "pictures that show the state",
            "draw `state` in render_state, bright enough to see",
        )


def check_same_key_same_history(subject: SubstrateSubject) -> None:
    """A fresh instance given the same keys repeats the history, bit by bit."""
    fresh = subject.make()
    if trace(fresh) == subject.traced:
        return  # the same programs: nothing is left to chance
    again = SubstrateSubject(lambda: fresh, {}).worlds[0]
    changed = difference(again, subject.worlds[0])
    if changed:
        raise CheckFailed(
            f"a second instance with the same options and keys lives another life: {changed}",
            "the same bytes",
            "draw every random number with jax.random from the key that the method is given",
        )


def check_keys_matter(subject: SubstrateSubject) -> None:
    """Different keys give different worlds, unless the substrate says `deterministic = True`: then they must not."""
    if getattr(subject.substrate, "deterministic", False):
        other = subject.history(subject.params[0], subject.keys[1, 1])
        changed = difference(other.state, subject.worlds[0].state)
        if changed:
            raise CheckFailed(
                f"deterministic = True, and yet two keys give the same genotype different histories: {changed}",
                "one history for each genotype",
                "remove `deterministic`",
            )
        return
    if len({freeze((world.params, world.state)) for world in subject.worlds}) == 1:
        raise CheckFailed(
            f"{WORLDS} different keys give the same genotype and the same history",
            "different worlds",
            "use `rng` in default_params or init_state; or write `deterministic = True` in the class",
        )


def check_jit_equals_eager(subject: SubstrateSubject) -> None:
    """A step means the same when Python runs it operation by operation."""
    step_key = jax.random.split(subject.keys[1, 0])[1]
    expressed = subject.worlds[0].expressed
    with quickly_compiled():
        plainly = call(subject.substrate, "step_state", jax.random.fold_in(step_key, 0), subject.moment(0), expressed)
    changed = difference(plainly, subject.moment(1), CLOSE)
    if changed:
        raise CheckFailed(
            f"one step run plainly differs from the compiled one: {changed}",
            "the same state",
            "use jax.numpy and jax.random only; numpy.random and Python values are frozen when a step is compiled",
        )


def check_vmap_equals_single(subject: SubstrateSubject) -> None:
    """A world among others lives as it does alone."""
    beside = jax.tree.map(lambda leaf: leaf[:WORLDS], subject.crowd(*subject.crowded))
    alone = jax.tree.map(lambda leaf: leaf[:, 1], (subject.many.state, subject.many.frames))
    changed = difference(beside, alone, CLOSE)
    if changed:
        raise CheckFailed(
            f"after a step, worlds under jax.vmap differ from the same worlds one by one: {changed}",
            "the same states and pictures",
            "give every random draw its own key, and never reduce over an axis that is not the world's",
        )


def check_stays_finite(subject: SubstrateSubject) -> None:
    """No NaN and no infinity in 2,000 steps."""
    for moment, end in enumerate(ENDS):
        state = jax.tree.map(lambda leaf, m=moment: leaf[:, m], subject.many.state)
        _expect_finite(state, f"after {end} steps the state holds")


def check_types_settle(subject: SubstrateSubject) -> None:
    """A step that is given what a step gave is the same program: nothing is traced anew from step to step."""
    _, expressed, state = subject.shapes
    first = shape_of(subject.substrate, "step_state", jax.random.key(0), state, expressed)
    loose = [
        jax.tree_util.keystr(path) or "the state"
        for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(state), jax.tree.leaves(first), strict=True)
        if getattr(a, "weak_type", False) != getattr(b, "weak_type", False)
    ]
    if loose:
        raise CheckFailed(
            f"{', '.join(loose)} has a type of its own in init_state or step_state only, a plain Python number's",
            "one type, so that one program serves all steps",
            "write jnp.float32(0) or jnp.zeros(()) instead of 0.0 where the state is made",
        )


def check_no_host_calls(subject: SubstrateSubject) -> None:
    """Nothing in a step, start or picture calls back to Python: it would stop every world at every step."""
    _, expressed, state = subject.shapes
    key = jax.random.key(0)
    for method, *args in (
        ("init_state", key, expressed),
        ("step_state", key, state, expressed),
        ("render_state", state, expressed),
    ):
        named = {"img_size": SIZE} if method == "render_state" else {}
        found = host_calls(partial(call, subject.substrate, method, **named), *args)
        if found:
            raise CheckFailed(
                f"{method} contains {', '.join(found)}",
                "operations that stay on the device",
                "remove jax.debug.print and callbacks, or write the part in jax.numpy",
            )


def check_options_are_kept(subject: SubstrateSubject) -> None:
    """Every numeric option of the constructor works at other values, and changes something."""
    for name, value, _, failure in subject.variants:
        if failure:
            raise CheckFailed(
                f"option {name}={value!r} is accepted, but then: {failure}",
                "a substrate that works, or an error from the constructor",
                f"refuse such a {name} with alife.errors.BadOption",
            )
    ignored = [variant.name for variant in subject.variants if variant.traced == subject.traced]
    if ignored:
        raise CheckFailed(
            f"option {', '.join(ignored)} is accepted, and changes nothing",
            "that every option counts",
            "use it or remove it; if it counts only beside another option, let test_options give that one",
        )


def check_instances_are_independent(subject: SubstrateSubject) -> None:
    """Making and using other instances does not change this one."""
    before, _ = subject.traced, subject.variants  # others have been made and looked at since
    changed = [method for method, text in trace(subject.substrate).items() if text != before.get(method)]
    if changed:
        raise CheckFailed(
            f"after instances with other options were made, {', '.join(changed)} of the first one changed",
            "that instances share nothing",
            "keep options on `self`, not on the class or the module",
        )


def check_instance_stays_as_made(subject: SubstrateSubject) -> None:
    """Methods leave nothing behind on the instance: what is kept while JAX traces is a leak."""
    fresh = subject.make()
    if not hasattr(fresh, "__dict__"):
        return
    before = {name: freeze(value) for name, value in vars(fresh).items()}
    trace(fresh)
    for name, value in vars(fresh).items():
        cached = hasattr(getattr(type(fresh), name, None), "attrname")  # functools.cached_property, computed once
        if holds_tracer(value) or (before.get(name) != freeze(value) and not (cached and name not in before)):
            what = "holds a traced value" if holds_tracer(value) else "was changed or added"
            raise CheckFailed(
                f"self.{name} {what} by a call",
                "an instance that is never written to after its constructor",
                "put what changes into the state, and what depends on the genotype into `express`",
            )


def _expect_finite(tree: Tree, what: str) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = plain(leaf)
        bad = int(array.size - np.isfinite(array).sum()) if np.issubdtype(array.dtype, np.inexact) else 0
        if bad:
            raise CheckFailed(
                f"{what} {bad} NaN or infinite numbers of {array.size} {jax.tree_util.keystr(path)}".rstrip(),
                "finite numbers",
                "guard divisions, roots and logarithms, and clip what can grow without end",
            )


SUBSTRATE_CHECKS: tuple[Callable[[SubstrateSubject], str | None], ...] = (
    check_methods,
    check_params,
    *ABILITY_CHECKS[:1],  # express comes before everything that gets its result
    check_state_keeps_its_layout,
    check_picture_size,
    check_stays_finite,
    check_picture_range,
    check_picture_follows_state,
    check_same_key_same_history,
    check_keys_matter,
    check_jit_equals_eager,
    check_vmap_equals_single,
    check_types_settle,
    check_no_host_calls,
    check_options_are_kept,
    check_instances_are_independent,
    check_instance_stays_as_made,
    check_memory,
    *ABILITY_CHECKS[1:],
    check_declared,
    check_speed,
)
"""All of them, in the order in which they run."""
