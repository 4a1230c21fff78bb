"""Genotypes as flat vectors: one flatten for searches, archives and files alike."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Num

from .errors import BadGenotype, PluginError
from .substrate import Substrate, check_tree, describe_tree
from .types import ArrayLike, PRNGKey, Tree

PRIOR_SAMPLES = 256


def places(params: Tree) -> dict[str, tuple[int, int]]:
    """Where each leaf of a parameter tree lies in the flat genotype: first place, and one past the last.

    Args:
        params: a tree of arrays, or of their shapes.

    >>> places({"beta": np.zeros(6), "alpha": {"bias": np.zeros(2)}})
    {'alpha/bias': (0, 2), 'beta': (2, 8)}
    """
    found, first = {}, 0
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        last = first + int(np.prod(np.shape(leaf), dtype=int))
        found[jax.tree_util.keystr(path, simple=True, separator="/")] = (first, last)
        first = last
    return found


class GenotypeSpace:
    """All genotypes of one substrate, seen as vectors of one dtype (the `Space` that searches are handed).

    The order is that of `jax.tree` (dict keys sorted), each leaf row by row: the order of published ASAL genotypes.

    Args:
        substrate: whose parameters these are.
        name: of the substrate, for messages.
        start: the genotype a world file names, if any, or several.

    Raises:
        PluginError: `default_params` fails or gives leaves that are not numbers.
    """

    def __init__(self, substrate: Substrate, name: str, start: Any = None) -> None:
        self.substrate, self.name = substrate, name
        try:
            example = jax.eval_shape(substrate.default_params, jax.random.key(0))
        except Exception as cause:
            raise PluginError(
                f"substrate {name!r} raised in default_params: {cause!r}; run `alife check {name}`"
            ) from cause
        leaves, self._tree = jax.tree.flatten(example)
        if not leaves:
            raise PluginError(f"substrate {name!r} has no parameters: default_params returned {example!r}")
        self._shapes = [leaf.shape for leaf in leaves]
        self._dtypes = [np.dtype(leaf.dtype) for leaf in leaves]
        kinds = {"real" if np.issubdtype(d, np.floating) else "integer" for d in self._dtypes}
        if len(kinds) > 1:
            raise BadGenotype(
                f"substrate {name!r} mixes real and integer parameters {[str(d) for d in self._dtypes]}; "
                "expected all of one kind: let default_params return the searched ones and make the rest options"
            )
        self.dtype = np.dtype(np.float32 if kinds == {"real"} else np.int32)
        self.size = int(sum(np.prod(shape, dtype=int) for shape in self._shapes))
        self._example = example
        self._starts = None if start is None else self._coerce_all(start)

    @property
    def layout(self) -> str:
        """What a genotype is made of, in words: how many numbers of which kind, and the leaves of its tree."""
        kind = "real" if self.dtype == np.float32 else "integer"
        return f"{self.size} {kind} number(s): {describe_tree(self._example)}"

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the leaves, in the order of the flat genotype."""
        return tuple(self._shapes)

    @property
    def starts(self) -> Num[Array, "S G"] | None:
        """The genotypes that the world names, or None."""
        return None if self._starts is None else jnp.asarray(self._starts)

    @cached_property
    def centre(self) -> Float[np.ndarray, " G"]:
        """Middle of the prior: the mean of 256 samples, and exactly 0 where it cannot be told from 0."""
        mean, deviation = self._prior
        return np.where(np.abs(mean) > 5 * deviation / np.sqrt(PRIOR_SAMPLES), mean, 0).astype(np.float32)

    @cached_property
    def scale(self) -> float:
        """How far one number of a sample typically lies from the middle of the prior (1 where none does)."""
        size = float(np.sqrt(np.mean(np.square(self._prior[1]))))
        return size if size > 0 else 1.0

    @cached_property
    def _prior(self) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " G"]]:
        """Mean and standard deviation of every number over samples of the prior."""
        with jax.ensure_compile_time_eval():  # a search may ask while it is being compiled
            samples = np.asarray(self.sample(jax.random.key(0), PRIOR_SAMPLES), np.float32)
        return samples.mean(0), samples.std(0)

    @property
    def blends(self) -> bool:
        """Whether what lies between two genotypes is of their kind, too: real numbers, which the substrate does not
        change in a way of its own."""
        return self.dtype == np.float32 and getattr(self.substrate, "mutate", None) is None

    @property
    def mixes(self) -> bool:
        """Whether the substrate mixes two genotypes in a way of its own."""
        return getattr(self.substrate, "crossover", None) is not None

    def flatten(self, params: Tree) -> Num[Array, " G"]:
        """The vector of a parameter tree.

        Raises:
            BadGenotype: another tree, or leaves of other shapes.
        """
        check_tree(params, self._example, self.name)
        return ravel_pytree(params)[0].astype(self.dtype)

    def unflatten(self, genotype: Num[ArrayLike, " G"]) -> Tree:
        """The parameter tree of a vector."""
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in self._shapes])[:-1]
        parts = jnp.split(jnp.asarray(genotype), ends)
        leaves = [p.reshape(s).astype(d) for p, s, d in zip(parts, self._shapes, self._dtypes, strict=True)]
        return jax.tree.unflatten(self._tree, leaves)

    def sample(self, key: PRNGKey, n: int) -> Num[Array, "N G"]:
        """n genotypes from the substrate's own prior."""
        return self._draw(jax.random.split(key, n))

    @cached_property
    def _draw(self) -> Callable[[PRNGKey], Num[Array, "N G"]]:
        """The prior as one program: a substrate may draw its genotypes by hundreds of small steps."""
        return jax.jit(jax.vmap(lambda key: self.flatten(self.substrate.default_params(key))))

    def mutate(self, key: PRNGKey, genotypes: Num[Array, "N G"], sigma: float) -> Num[Array, "N G"]:
        """Changed copies: the substrate's own `mutate` if it has one, else gaussian noise of sigma x scale.

        Integers without a `mutate` are drawn anew from the substrate's own prior: one of them always, at any place, and
        each other one with the probability sigma.
        """
        own = getattr(self.substrate, "mutate", None)
        if own is not None:
            keys = jax.random.split(key, len(genotypes))
            return jax.vmap(lambda k, g: self.flatten(own(k, self.unflatten(g))))(keys, jnp.asarray(genotypes))
        if self.dtype != np.float32:
            draw_key, place_key, others_key = jax.random.split(key, 3)
            place = jax.random.randint(place_key, (len(genotypes), 1), 0, self.size)
            others = jax.random.bernoulli(others_key, jnp.minimum(1.0, sigma), genotypes.shape)
            return jnp.where(
                others | (jnp.arange(self.size) == place), self.sample(draw_key, len(genotypes)), genotypes
            )
        return genotypes + sigma * self.scale * jax.random.normal(key, genotypes.shape)

    def crossover(self, key: PRNGKey, first: Num[Array, "N G"], second: Num[Array, "N G"]) -> Num[Array, "N G"]:
        """Mixtures of pairs: the substrate's own `crossover` if it has one, else each number from either of the two."""
        own = getattr(self.substrate, "crossover", None)
        if own is None:
            return jnp.where(jax.random.bernoulli(key, shape=first.shape), first, second)
        keys, unflatten = jax.random.split(key, len(first)), self.unflatten
        return jax.vmap(lambda k, a, b: self.flatten(own(k, unflatten(a), unflatten(b))))(keys, first, second)

    def _coerce_all(self, value: Any) -> Num[np.ndarray, "S G"]:
        several = (
            isinstance(value, list | tuple) and value and all(isinstance(one, list | tuple | str) for one in value)
        )
        return np.stack([self.coerce(one) for one in (value if several else [value])])

    def coerce(self, value: Any) -> Num[np.ndarray, " G"]:
        """A genotype as people write it: one number for all places, a list of numbers, or the substrate's own text.

        Raises:
            BadGenotype: wrong length, not a number, NaN, or text that the substrate does not read.
        """
        expected = f"{self.layout} for substrate {self.name!r}"
        if isinstance(value, str):
            read = getattr(self.substrate, "from_text", None)
            if read is None:
                raise BadGenotype(f"genotype is the text {value!r}; expected {expected}, which reads no text")
            return np.asarray(self.flatten(read(value)))
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise BadGenotype(f"genotype is {value!r}; expected {expected}") from None
        if array.size == 1:
            array = np.full(self.size, float(array.reshape(())))
        if array.shape != (self.size,):
            raise BadGenotype(f"genotype has shape {array.shape}; expected {expected}")
        return self.checked(array[None], "genotype")[0]

    def checked(self, rows: Num[np.ndarray, "N g"], what: str) -> Num[np.ndarray, "N G"]:
        """Genotypes as the substrate takes them, if that is what they are.

        Args:
            rows: one genotype each, as numbers of any kind.
            what: they come from, for messages.

        Raises:
            BadGenotype: wrong length, NaN, not whole numbers where those are needed, or out of bounds.
        """
        expected = f"{self.layout} for substrate {self.name!r}"
        if rows.shape[1] != self.size:
            raise BadGenotype(f"{what} has {rows.shape[1]} numbers; expected {expected}")
        bad = np.argwhere(~np.isfinite(rows))
        if len(bad):
            raise BadGenotype(
                f"{what} has {len(bad)} NaN or infinite number(s), the first at {_place(rows, bad[0])}; "
                f"expected {expected}"
            )
        if self.dtype != np.float32 and not np.array_equal(rows, np.round(rows)):
            broken = np.argwhere(rows != np.round(rows))[0]
            raise BadGenotype(f"{what} is not made of integers at {_place(rows, broken)}; expected {expected}")
        limits = np.finfo(np.float32) if self.dtype == np.float32 else np.iinfo(np.int32)
        low, high = (np.clip(bound.astype(np.float64), limits.min, limits.max) for bound in self.bounds)
        outside = np.argwhere((rows < low) | (rows > high))
        if len(outside):
            row, i = outside[0]
            raise BadGenotype(
                f"{what} has {rows[row, i]:g} at {_place(rows, outside[0])}; "
                f"{self.name!r} allows {low[i]:g} to {high[i]:g} there"
            )
        return rows.astype(self.dtype)

    @cached_property
    def bounds(self) -> tuple[Num[np.ndarray, " G"], Num[np.ndarray, " G"]]:
        """What each number may be: the substrate's own bounds where it has them, else all that the dtype holds."""
        own = getattr(self.substrate, "bounds", None)
        if own is not None:
            with jax.ensure_compile_time_eval():  # a search may ask while it is being compiled
                low, high = (np.asarray(self.flatten(bound)) for bound in own())
            return low, high
        if self.dtype == np.float32:
            return np.full(self.size, -np.inf, np.float32), np.full(self.size, np.inf, np.float32)
        limits = np.iinfo(np.int32)
        return np.full(self.size, limits.min, np.int32), np.full(self.size, limits.max, np.int32)


def _place(rows: np.ndarray, index: np.ndarray) -> str:
    """Where a number stands, in words."""
    return f"place {index[1]}" + (f" of row {index[0]}" if len(rows) > 1 else "")
