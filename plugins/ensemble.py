"""`ensemble`: several models side by side, each with an equal say.

An embedding is the members' unit vectors one after the other, divided by the root of their number M: so the cosine of
two pictures is the mean of the members' cosines.  The score `agreement` takes the vectors apart again (`parts`) and
asks whether all members see the prompts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife import hookimpl
from alife.config import model_table
from alife.errors import BadOption
from alife.model import Model, Motions, pooled
from alife.registry import Registry, default_registry
from alife.types import ArrayLike, Tree

Function: TypeAlias = Callable[..., Any]

VERSION = "ensemble-1"
"""Part of the identity of every embedding: to be raised by any change of how vectors are put together."""


class Ensemble:
    """Several models as one.

    It knows text if one member does: a text vector has zeros for members that do not, and the others share its unit
    length, so with T of M members that know text the cosine of a picture and a text is the mean of their T cosines,
    times the root of T / M.

    Args:
        which: the members: names joined by +, such as "builtin+texture"; or a list of names, `NAME:WHICH` texts and
            tables with a name and options.
        registry: where they are registered; None = what is installed.

    Raises:
        BadOption: fewer than two members, or options that one of them refuses.
        UnknownName: a member that is not registered.

    >>> both = Ensemble("pixels+texture")
    >>> z = both.embed_images(jnp.zeros((1, 32, 32, 3)))
    >>> z.shape, round(float(jnp.linalg.norm(z)), 3), [part.stop for part in both.parts]
    ((1, 2412), 1.0, [2352, 2412])
    """

    def __init__(
        self, which: str | Sequence[str | Mapping[str, Any]] = "builtin+texture", registry: Registry | None = None
    ) -> None:
        self.members: list[Any] = list(_made(which, default_registry() if registry is None else registry))
        ends = list(accumulate(member.dim for member in self.members))
        self.parts = tuple(slice(end - member.dim, end) for end, member in zip(ends, self.members, strict=True))
        self.dim = ends[-1]
        # The largest: a member makes pictures smaller without loss, and never sees one that was blown up.
        self.image_size = max(member.image_size for member in self.members)
        self.identity = f"{VERSION}({'+'.join(member.identity for member in self.members)})"
        self.traceable = all(map(_traceable, self.members))
        self._see, self._watch = self._functions("embed_images"), self._functions("embed_video")

    @property
    def weights(self) -> Tree:
        """Those of the members, in order; None where no member has any."""
        weights = tuple(getattr(member, "weights", None) for member in self.members)
        return None if all(part is None for part in weights) else weights

    def embed_images(self, images: Float[ArrayLike, "B H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors of pictures: the members' vectors one after the other."""
        return self._joined(see(images, *own) for see, own in zip(self._see, self._given(weights), strict=True))

    @property
    def embed_text(self) -> Callable[[list[str]], Float[np.ndarray, "P D"]] | None:
        """Unit vectors of texts, zero for members that know none; None where no member knows text."""
        return self._embed_text if any(_can(member, "embed_text") for member in self.members) else None

    @property
    def embed_video(self) -> Callable[..., Float[Array, "B D"]] | None:
        """Unit vectors of frames in time order; None where no member knows motion."""
        return self._embed_video if any(self._watch) else None

    @property
    def motions_in(self) -> Callable[[str], Motions] | None:
        """Words of motion, as the first member says that knows them; None where none does."""
        return next((member.motions_in for member in self.members if _can(member, "motions_in")), None)

    def _embed_text(self, texts: list[str]) -> Float[np.ndarray, "P D"]:
        z = [
            np.asarray(member.embed_text(texts)) if _can(member, "embed_text") else np.zeros((len(texts), member.dim))
            for member in self.members
        ]
        able = sum(_can(member, "embed_text") for member in self.members)
        return (np.concatenate(z, axis=1) / np.sqrt(able)).astype(np.float32)

    def _embed_video(self, frames: Float[ArrayLike, "B K H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        def one(see: Function, watch: Function | None, own: tuple[Tree, ...]) -> Array:
            if watch is not None:
                return watch(frames, *own)
            z = see(frames.reshape(-1, *frames.shape[2:]), *own)
            return pooled(jnp.asarray(z).reshape(*frames.shape[:2], -1))

        return self._joined(map(one, self._see, self._watch, self._given(weights)))

    def _joined(self, vectors: Iterator[Array]) -> Float[Array, "B D"]:
        return jnp.concatenate([jnp.asarray(z) for z in vectors], axis=1) / np.float32(np.sqrt(len(self.members)))

    def _given(self, weights: Tree) -> list[tuple[Tree, ...]]:
        """What each member is handed besides pictures: its weights, or nothing where it has none."""
        own = weights or self.weights or (None,) * len(self.members)
        return [() if part is None else (part,) for part in own]

    def _functions(self, method: str) -> list[Any]:
        """A method of every member, None where it has none; compiled here where nobody compiles the whole."""
        found = [getattr(member, method, None) for member in self.members]
        alone = [not self.traceable and _traceable(member) for member in self.members]
        return [jax.jit(one) if one and mine else one for one, mine in zip(found, alone, strict=True)]


def _made(which: str | Sequence[str | Mapping[str, Any]], registry: Registry) -> Iterator[Model]:
    tables = [model_table(said) for said in (which.split("+") if isinstance(which, str) else which)]
    if len(tables) < 2 or not all(table.get("name") for table in tables):
        raise BadOption(f"ensemble got {which!r}; expected two or more models, such as builtin+texture")
    for table in tables:
        yield registry.models.make(table)[1]


def _can(member: Any, ability: str) -> bool:
    return getattr(member, ability, None) is not None


def _traceable(member: Any) -> bool:
    return bool(getattr(member, "traceable", True))


@hookimpl
def register_models(register: Callable[..., None]) -> None:
    register(
        "ensemble",
        "alife.plugins.ensemble:Ensemble",
        summary="several models side by side, such as ensemble:builtin+texture; knows text if one of them does",
        test_options={
            "which": [{"name": "pixels", "size": 4, "image_size": 32}, {"name": "texture", "image_size": 32}]
        },
    )
