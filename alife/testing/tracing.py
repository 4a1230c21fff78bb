"""Looking at programs and values without running anything: what JAX traces, compared and described."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..types import Tree

HOST = ("callback", "debug_print", "infeed", "outfeed")
"""Parts of the names of primitives that leave the device."""


def fingerprint(function: Callable[..., Any], *args: Tree) -> str:
    """Equal for functions that JAX traces to the same operations on the same constants.

    Args:
        args: pytrees of arrays or of `jax.ShapeDtypeStruct`.

    >>> one, two, x = 1.0, 2.0, jnp.float32(0)
    >>> fingerprint(lambda x: x + one, x) == fingerprint(lambda x: x + two, x)
    False
    """
    traced = jax.make_jaxpr(function)(*args)
    told = hashlib.sha256(_without_addresses(str(traced)).encode())
    for constant in _constants(traced):
        told.update(freeze(constant).encode())
    return told.hexdigest()


def host_calls(function: Callable[..., Any], *args: Tree) -> list[str]:
    """Names of the operations in a function that call back to Python."""
    names = {equation.primitive.name for equation in equations(jax.make_jaxpr(function)(*args))}
    return sorted(name for name in names if any(part in name for part in HOST))


def constants(function: Callable[..., Any], *args: Tree) -> list[Any]:
    """Arrays that a traced function holds instead of being given them."""
    return [value for value in _constants(jax.make_jaxpr(function)(*args)) if hasattr(value, "shape")]


def freeze(value: Any) -> str:
    """A text that differs when a value, or anything in a tree of values, differs."""
    leaves, tree = jax.tree.flatten(value)
    told = hashlib.sha256(str(tree).encode())
    for leaf in leaves:
        if isinstance(leaf, jax.Array | np.ndarray) and not isinstance(leaf, jax.core.Tracer):
            array = plain(leaf)
            told.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        else:
            told.update(_without_addresses(repr(leaf)).encode())
    return told.hexdigest()


def holds_tracer(value: Any) -> bool:
    """True where a value that exists only during tracing is somewhere in the tree."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value))


def plain(leaf: Any) -> np.ndarray:
    """An array as NumPy; PRNG keys as their numbers."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    return np.asarray(leaf)


def describe(value: Any) -> str:
    """Type and shape of each leaf.

    >>> describe({"x": jnp.zeros((2, 3)), "n": jnp.int32(1)})
    "['n'] int32[], ['x'] float32[2, 3]"
    """
    leaves = jax.tree_util.tree_leaves_with_path(value)
    said = [f"{jax.tree_util.keystr(path)} {_kind(leaf)}".strip() for path, leaf in leaves[:8]]
    return ", ".join(said) + (" ..." if len(leaves) > 8 else "") if leaves else repr(value)


def layout(value: Any) -> tuple[Any, ...]:
    """What two moments of one world share: tree, shapes and dtypes."""
    leaves, tree = jax.tree.flatten(value)
    return (tree, *((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves))


def difference(seen: Tree, expected: Tree, tolerance: float = 0.0) -> str:
    """The leaf in which two trees of one layout differ most, in words; empty where none does.

    Args:
        tolerance: allowed difference of reals, as a part of the largest number in the leaf; integers must be equal.

    >>> difference({"x": np.array([1.0, 2.0])}, {"x": np.array([1.0, 2.5])}, 1e-3)
    "['x'] differs by up to 0.5 (values up to 2.5)"
    """
    if layout(seen) != layout(expected):
        return f"{describe(seen)} instead of {describe(expected)}"
    worst, said = 0.0, ""
    for (path, a), b in zip(jax.tree_util.tree_leaves_with_path(seen), jax.tree.leaves(expected), strict=True):
        one, two = plain(a), plain(b)
        if one.size == 0 or np.array_equal(one, two, equal_nan=np.issubdtype(one.dtype, np.inexact)):
            continue
        wide = np.complex128 if np.issubdtype(one.dtype, np.complexfloating) else np.float64
        gap = float(np.max(np.abs(one.astype(wide) - two.astype(wide))))
        size = float(np.max(np.abs(two.astype(wide))))
        allowed = tolerance * max(size, 1e-3) if np.issubdtype(one.dtype, np.inexact) else 0.0
        if not gap <= allowed and not gap <= worst:
            worst, said = gap, f"{jax.tree_util.keystr(path)} differs by up to {gap:.3g} (values up to {size:.3g})"
    return said.strip()


def _without_addresses(text: str) -> str:
    """The text of a program or an object without the places in memory, which differ from one call to the next."""
    return re.sub(r"0x[0-9a-fA-F]+", "", text)


def _kind(leaf: Any) -> str:
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return f"{leaf.dtype}{list(leaf.shape)}"
    return type(leaf).__name__


def equations(program: Any) -> Iterator[Any]:
    """Every equation of a program, those inside loops and inner functions too."""
    for inner in _programs(program):
        yield from inner.eqns


def _constants(program: Any) -> Iterator[Any]:
    yield from getattr(program, "consts", ())
    for equation in getattr(program, "jaxpr", program).eqns:
        for inner in _inner(equation):
            yield from _constants(inner)


def _programs(program: Any) -> Iterator[Any]:
    program = getattr(program, "jaxpr", program)
    yield program
    for equation in program.eqns:
        for inner in _inner(equation):
            yield from _programs(inner)


def _inner(equation: Any) -> Iterator[Any]:
    """Programs among an equation's parameters: the body of a loop, the branches of a choice."""
    for value in equation.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if hasattr(part, "eqns") or hasattr(getattr(part, "jaxpr", None), "eqns"):
                yield part
