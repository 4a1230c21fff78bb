"""What the embedded model can and cannot do, measured on pictures and films that it never learned from, on substrates
held out of its training, and (rankings) on all ready-made worlds, most of which it has seen with other seeds.

The table that stands beside the shipped weights (`evaluation.json`) is what `evaluate` gives for them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from alife.plugins.texture import Texture
from alife.registry import default_registry
from alife.types import ArrayLike

from .concepts import ATTRIBUTES, CONCEPTS, places_of
from .corpus import Pictures, painted, shard
from .films import MOVES, film
from .frames import HELD_OUT, Frames, frames_of_worlds
from .lexicon import describe
from .losses import ATTRIBUTES_SEEN, captions
from .model import Builtin, Structure
from .tower import SIDE

UNSEEN = 100_003
"""Seed of every picture here; no other recipe uses it."""
SHARDS = 4
CANDIDATES = 512
"""Pictures among which a caption has to find one that shows it."""
FILMS = 40
"""Of every motion."""

RANKINGS: dict[str, tuple[str, ...]] = {
    "spots": ("bustle", "mitosis", "restless", "sponge", "honeycomb", "caterpillars"),
    "a maze": ("fingerprint", "labyrinth", "unrest", "worms"),
    "a flock of birds": ("convoy", "formation", "midges", "starlings", "murmuration", "skein", "whirlpool"),
    "branching": ("drawn branching",),
    "concentric rings": ("drawn rings",),
    "a spiral": ("drawn spiral",),
    "stripes": ("rain", "ripples", "surf", "rule184"),
    "nothing, an empty world": ("drawn empty",),
    "nested triangles": ("rule90", "rule30"),
    "one glowing thing in the dark": ("orbium", "gyropteron", "helicium", "paraptera", "aquarium", "open_lenia"),
}
"""Prompt -> pictures of which one must come first, among every ready-made world and the drawn ones."""


def evaluate(model: Builtin, structure: Structure, tell: Callable[[str], None] = print) -> dict[str, Any]:
    """Every figure, rounded to three digits.

    Args:
        model: whose words are judged.
        structure: the other head of the same weights.
        tell: is given a line for every part as it is done.
    """
    pictures = unseen_pictures()
    z = _embed(model, pictures.images)
    table: dict[str, Any] = {"identity": model.identity}
    for name, value in {
        "zero-shot accuracy": lambda: zero_shot(model, z, pictures.truth),
        "retrieval": lambda: retrieval(model, z, pictures.truth),
        "motion accuracy": lambda: motions(model),
        "purity on held-out substrates": lambda: held_out_purity(model, structure),
        "rankings": lambda: rankings(model, pictures),
    }.items():
        table[name] = value()
        tell(f"{name}: {table[name]}")
    return table


def unseen_pictures() -> Pictures:
    """Drawn pictures of all kinds."""
    shards = [shard(UNSEEN, number) for number in range(SHARDS)]
    fields = np.concatenate([drawn.fields for drawn in shards])
    said = {name: np.concatenate([drawn.said[name] for drawn in shards]) for name in shards[0].said}
    keys = jax.random.split(jax.random.key(UNSEEN, impl="threefry2x32"), len(fields))
    images, truth = jax.jit(lambda *args: jax.lax.map(lambda one: painted(*one), args))(keys, fields, said)
    return Pictures(np.asarray(images), np.asarray(truth))


def zero_shot(model: Builtin, z: Float[np.ndarray, "B D"], truth: Int[ArrayLike, "B C"]) -> dict[str, float]:
    """Share of pictures whose nearest value, of those an attribute has, is true; where the truth is known."""
    accuracy, truth = {}, np.asarray(truth)
    for name in ATTRIBUTES_SEEN:
        place = places_of(name)
        texts = model.embed_text([describe([concept]) for concept in CONCEPTS[place]])
        chosen = (z @ texts.T).argmax(1)
        known = (truth[:, place] == 1).any(1)
        right = truth[:, place][np.arange(len(truth)), chosen] == 1
        accuracy[name] = round(float(right[known].mean()), 3)
    return accuracy


def retrieval(model: Builtin, z: Float[np.ndarray, "B D"], truth: Int[ArrayLike, "B C"]) -> dict[str, float]:
    """Share of captions (1 to 4 concepts) of which the first, or one of the first five, of 512 pictures shows all."""
    truth = np.asarray(truth)
    some = np.random.default_rng(UNSEEN).permutation(len(z))[:CANDIDATES]
    said = captions(jax.random.key(UNSEEN, impl="threefry2x32"), jnp.asarray(truth[some]))
    told, shown = np.asarray(said.concepts), np.asarray(said.shown)
    useful = np.flatnonzero((shown == 1).any(0))
    names = [[CONCEPTS[i] for i in np.flatnonzero(told[row])] for row in useful]
    texts = model.embed_text([describe(concepts) for concepts in names])
    order = np.argsort(-(z[some] @ texts.T), axis=0, kind="stable")
    hits = np.take_along_axis(shown[:, useful], order[:5], axis=0) == 1
    return {"R@1": round(float(hits[0].mean()), 3), "R@5": round(float(hits.any(0).mean()), 3)}


def motions(model: Builtin) -> float:
    """Share of drawn films whose nearest word of motion is the true one."""
    truth = np.repeat(np.arange(len(MOVES)), FILMS)
    keys = jax.random.split(jax.random.key(UNSEEN, impl="threefry2x32"), len(truth))

    def one(key: Array, motion: Array) -> Array:
        return model.embed_video(film(key, motion)[None], model.weights)[0]

    z = np.asarray(jax.jit(lambda *args: jax.lax.map(lambda a: one(*a), args))(keys, jnp.asarray(truth)))
    texts = model.embed_text([describe([f"motion:{name}"]) for name in MOVES])
    return round(float(((z @ texts.T).argmax(1) == truth).mean()), 3)


def held_out_purity(model: Builtin, structure: Structure) -> dict[str, float]:
    """Share of the 5 nearest pictures that are of the same ready-made world, over worlds of substrates never seen.

    Pictures of one run are not counted as neighbours of each other.
    """
    frames = frames_of_worlds(UNSEEN, worlds=4, random=0, pictures=3, substrates=HELD_OUT)
    images = frames.images.astype(np.float32) / 255
    seen = {
        "builtin": _embed(model, images),
        "structure": _embed(structure, images),
        "texture": _embed(Texture(image_size=SIDE), images),
    }
    seen["texture + builtin"] = np.concatenate([seen["texture"], seen["builtin"]], axis=1)
    seen["texture + structure"] = np.concatenate([seen["texture"], seen["structure"]], axis=1)
    runs = np.arange(len(images)) // 3
    return {name: round(purity(z, frames.worlds, runs), 3) for name, z in seen.items()}


def purity(z: Float[np.ndarray, "B D"], labels: np.ndarray, runs: np.ndarray, neighbours: int = 5) -> float:
    """Share of the nearest pictures of other runs that have the picture's own label, in [0, 1]."""
    likeness = np.where(runs[:, None] == runs[None], -np.inf, z @ z.T)
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :neighbours]
    return float((labels[nearest] == labels[:, None]).mean())


def gallery(pictures: Pictures) -> Frames:
    """Every ready-made world once, and a drawn picture of each kind that no substrate makes."""
    worlds = frames_of_worlds(UNSEEN, worlds=1, random=0, pictures=1, substrates=tuple(default_registry().substrates))
    kinds = np.asarray(pictures.truth)[:, places_of("kind")]
    drawn = {
        f"drawn {name}": np.asarray(pictures.images)[np.flatnonzero(kinds[:, place] == 1)[0]]
        for place, name in enumerate(ATTRIBUTES["kind"])
        if name in ("branching", "rings", "spiral", "empty")
    }
    images = np.concatenate([worlds.images, np.round(255 * np.stack(list(drawn.values()))).astype(np.uint8)])
    names = np.concatenate([worlds.worlds, np.array(list(drawn))])
    return Frames(images, worlds.kinds, worlds.substrates, names)


def rankings(model: Builtin, drawn: Pictures) -> dict[str, Any]:
    """For every prompt the picture that comes first, and how many are among those expected."""
    pictures = gallery(drawn)
    z = _embed(model, pictures.images.astype(np.float32) / 255)
    texts = model.embed_text(list(RANKINGS))
    first = {prompt: str(pictures.worlds[(z @ text).argmax()]) for prompt, text in zip(RANKINGS, texts, strict=True)}
    right = sum(first[prompt] in wanted for prompt, wanted in RANKINGS.items())
    return {"right": f"{right} of {len(RANKINGS)}", "first": first}


def milliseconds(model: Any, size: int = 224, batch: int = 16) -> float:
    """Time for one picture in a batch, median of nine; on the cores that this process may use."""
    images = jax.random.uniform(jax.random.key(0), (batch, size, size, 3))
    program = jax.jit(model.embed_images)
    taken = []
    for _ in range(10):
        start = time.perf_counter()
        jax.block_until_ready(program(images, model.weights))
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:])) / batch * 1000


def _embed(model: Any, images: Float[ArrayLike, "B H W 3"]) -> Float[np.ndarray, "B D"]:
    """Vectors of many pictures, 64 at a time."""
    weights = getattr(model, "weights", None)
    program = jax.jit(model.embed_images)
    arguments = () if weights is None else (weights,)
    return np.concatenate([np.asarray(program(images[i : i + 64], *arguments)) for i in range(0, len(images), 64)])
