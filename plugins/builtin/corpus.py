"""What the embedded model learns from: pictures drawn by rule and frames of substrates, with the truth about each.

The truth is exact: for every concept a picture says 1 (it shows that), 0 (it does not) or -1 (nobody can tell).  Drawn
pictures come in shards that depend on the seed and the shard's number alone, so no picture needs to be kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from alife.types import ArrayLike, PRNGKey

from .concepts import ATTRIBUTES, CONCEPTS, places_of
from .dice import Dice
from .figures import FIGURES, dust
from .measured import measured_field, measured_picture, simulated
from .palettes import colour_said, paint
from .textures import TEXTURES
from .things import SHAPES, SIDE, UNKNOWN, Drawn, Said, things

DRAW: dict[str, Callable[[Dice], Drawn]] = {
    **{shape: partial(things, kind=shape) for shape in SHAPES},
    **FIGURES,
    **TEXTURES,
    "dust": dust,
}
"""All that is drawn by rule, by kind; `dust` is a second way to draw discs."""
PER_KIND = 32
"""Pictures of every name in DRAW in one shard."""

Truth = Int[Array, " C"]


class Shard(NamedTuple):
    """Fields before they are painted, and what is known of them."""

    fields: Float[Array, "N SIDE SIDE"]
    said: Mapping[str, Int[Array, " N"]]


class Pictures(NamedTuple):
    """Pictures with their truth."""

    images: Float[ArrayLike, "B SIDE SIDE 3"]
    truth: Int[ArrayLike, "B C"]


def truth_of(*answers: Said) -> Truth:
    """One number for every concept that a picture can show; several answers about one attribute are all true."""
    rows = []
    for name, values in ATTRIBUTES.items():
        if name == "motion":
            continue
        given = [answer.get(name, jnp.int32(UNKNOWN)) for answer in answers]
        shown = sum(jax.nn.one_hot(value, len(values), dtype=jnp.int32) for value in given)
        known = jnp.stack(given).max() >= 0
        rows.append(jnp.where(known, jnp.minimum(shown, 1), -1))
    return jnp.concatenate(rows).astype(jnp.int8)


@cache
def _drawer(name: str) -> Callable[[Key[Array, " n"]], tuple[Array, Said]]:
    """Draws fields of one name in DRAW, one after the other."""

    def one(key: PRNGKey) -> tuple[Array, Said]:
        dice = Dice(key)
        field, said = DRAW[name](dice)
        field = _mirrored(dice, field)
        said = measured_field(field) | said
        blank = {attribute: jnp.int32(UNKNOWN) for attribute in ATTRIBUTES if attribute != "motion"}
        return field, blank | {attribute: jnp.asarray(value, jnp.int32) for attribute, value in said.items()}

    return jax.jit(lambda keys: jax.lax.map(one, keys))


def _mirrored(dice: Dice, field: Array) -> Array:
    """Turned over at random: what lies horizontally, vertically or aslant stays so."""
    field = jnp.where(dice.chance(0.5), field[::-1], field)
    return jnp.where(dice.chance(0.5), field[:, ::-1], field)


@lru_cache(maxsize=1)
def shard(seed: int, number: int, per_kind: int = PER_KIND) -> Shard:
    """All kinds, `per_kind` fields of each; not to be written into."""
    key = jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), number)
    keys = jax.random.split(key, len(DRAW))
    drawn = [_drawer(name)(jax.random.split(k, per_kind)) for name, k in zip(DRAW, keys, strict=True)]
    fields, said = jax.tree.map(lambda *parts: np.concatenate([np.asarray(part) for part in parts]), *drawn)
    return Shard(fields, said)


def painted(key: PRNGKey, field: Float[Array, "SIDE SIDE"], said: Said) -> tuple[Array, Truth]:
    """A field in colours, with a little noise at times."""
    dice = Dice(key)
    kind = said["kind"]
    picture = paint(dice, field, jnp.where(kind == UNKNOWN, 0, kind))
    first, second = colour_said(picture)
    truth = truth_of(said | measured_picture(picture.image) | first, second)
    return _grainy(dice, picture.image), truth


def recoloured(key: PRNGKey, image: Float[Array, "SIDE SIDE 3"], kinds: Int[Array, " kinds"]) -> tuple[Array, Truth]:
    """A frame in its own or other colours, bright on dark or dark on bright, shifted round its torus.

    Args:
        kinds: what is known of its kind, 1, 0 or -1 for each; it takes the place of what a picture cannot say.
    """
    dice = Dice(key)
    turned = image[..., jax.random.permutation(dice.key(), 3)]
    mixed = jnp.einsum("yxc,cd->yxd", turned, _turn_of_hue(dice))
    image = jnp.where(dice.chance(0.4), image, jnp.where(dice.chance(0.5), turned, jnp.clip(mixed, 0, 1)))
    image = jnp.where(dice.chance(0.25), 1 - image, image)
    image = jnp.roll(_mirrored(dice, image), jnp.stack([dice.whole(0, SIDE), dice.whole(0, SIDE)]), (0, 1))
    truth = truth_of(simulated(image))
    place = places_of("kind")
    told = jnp.where(truth[place].max() == 1, truth[place], kinds.astype(jnp.int8))
    return _grainy(dice, image), truth.at[place].set(told)


def _turn_of_hue(dice: Dice) -> Float[Array, "3 3"]:
    """A turn of colour space about grey."""
    angle = dice.between(0, 2 * np.pi)
    axis = np.full(3, 1 / np.sqrt(3))
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return jnp.cos(angle) * jnp.eye(3) + jnp.sin(angle) * across + (1 - jnp.cos(angle)) * np.outer(axis, axis)


def _grainy(dice: Dice, image: Array) -> Array:
    """With some noise in four of ten cases: bytes of even chance, two at a time, are bell-shaped enough."""
    amount, key = dice.between(0, 0.15), dice.key()

    def grains() -> Array:
        bits = jax.random.bits(key, (2, SIDE, SIDE, 3), jnp.uint8).astype(jnp.float32).sum(0)
        return jnp.clip(image + amount * (bits / 255 - 1), 0, 1)

    return jax.lax.cond(dice.chance(0.4), grains, lambda: image)


def shown(truth: Sequence[int]) -> list[str]:
    """Names of what a picture shows, for eyes."""
    return [CONCEPTS[i] for i, value in enumerate(truth) if value == 1]
