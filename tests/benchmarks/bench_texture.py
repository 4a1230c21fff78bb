"""How well `texture` and `builtin` tell kinds of pictures apart, and how fast, beside plain embeddings.

    python tests/benchmarks/bench_texture.py          purity and milliseconds per 224-pixel picture, on one core
    python tests/benchmarks/bench_texture.py --fit    writes plugins/data/texture.json anew

Purity is the share of the 5 nearest neighbours of the same kind, over the kinds of tests/plugins/pictures.py, on
seeds that the table of constants and the weights were not chosen on.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from alife.model import Model
from alife.plugins import texture
from alife.plugins.builtin.model import Builtin, Structure
from alife.plugins.pixels import Pixels
from tests.plugins.pictures import KINDS, collection, purity

Embed = Callable[[np.ndarray], np.ndarray]
SETTINGS = {
    "grey": {},
    "recoloured": {"recolour": True},
    "grey, zoomed and turned": {"move": True},
    "recoloured, zoomed and turned": {"recolour": True, "move": True},
}
TUNING, HELD_OUT = 0, 100_000
TABLE = Path(__file__).parents[2] / "plugins" / "data" / "texture.json"


def sets(first_seed: int, per_kind: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The pictures of all settings, on seeds that no other setting uses."""
    return {
        name: collection(per_kind, first_seed + 1_000 * i, **options)  # type: ignore[arg-type]
        for i, (name, options) in enumerate(SETTINGS.items())
    }


def fit(per_kind: int = 16) -> None:
    """Centre and scale of every raw number over the tuning pictures, to four digits."""
    images = np.concatenate([pictures for pictures, _ in sets(TUNING, per_kind).values()])
    measured, _ = jax.jit(lambda pictures: jax.lax.map(texture.measure, pictures))(images)
    table = {
        name: {
            "centre": [float(f"{v:.4g}") for v in values.mean(0)],
            "scale": [float(f"{v:.4g}") for v in values.std(0)],
        }
        for name, values in sorted(measured.items())
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(block)}" for name, block in table.items()]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"wrote {TABLE} from {len(images)} pictures")


def unit(z: np.ndarray) -> np.ndarray:
    z = z - z.mean(0)
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def colour_histogram(images: np.ndarray) -> np.ndarray:
    counts = [np.concatenate([np.histogram(channel, 16, (0, 1))[0] for channel in image.T]) for image in images]
    return unit(np.stack(counts))


def radial_spectrum(images: np.ndarray) -> np.ndarray:
    grey = images.mean(-1)
    power = np.abs(np.fft.fft2(grey - grey.mean((1, 2), keepdims=True))) ** 2
    line = np.fft.fftfreq(grey.shape[1], 1 / grey.shape[1])
    ring = np.hypot(line[:, None], line).round().astype(int).ravel()
    rings = np.stack([np.bincount(ring, p.ravel())[1:100] for p in power])
    return unit(np.log(rings / rings.sum(1, keepdims=True) + 1e-6))


def model_embedding(model: Model) -> Embed:
    embed = program(model)
    return lambda images: np.concatenate([embed(images[i : i + 8]) for i in range(0, len(images), 8)])


def program(model: Model) -> Callable[[np.ndarray], jax.Array]:
    """The compiled model; weights go in as an argument."""
    weights = getattr(model, "weights", None)
    compiled = jax.jit(model.embed_images)
    return lambda images: compiled(*((images,) if weights is None else (images, weights)))


def together(*embeddings: Embed) -> Embed:
    """Side by side, as the model `ensemble` has them."""
    return lambda images: np.concatenate([embed(images) for embed in embeddings], axis=1) / np.sqrt(len(embeddings))


def milliseconds(embed: Callable[[jax.Array], jax.Array], batch: int = 8) -> float:
    """Median over 30 calls, per picture."""
    images = jnp.asarray(collection(1, 7)[0][:batch])
    jax.block_until_ready(embed(images))
    times = []
    for _ in range(30):
        start = time.perf_counter()
        jax.block_until_ready(embed(images))
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times)) / batch


def compare(per_kind: int) -> None:
    held_out = sets(HELD_OUT, per_kind)
    print(f"5-nearest-neighbour purity, {len(KINDS)} kinds x {per_kind} pictures; by chance {1 / len(KINDS):.2f}")
    first, builtin = model_embedding(texture.Texture()), model_embedding(Builtin())
    embeddings: dict[str, Embed] = {
        "texture": first,
        "builtin": builtin,
        "structure": model_embedding(Structure()),
        "texture + builtin": together(first, builtin),
        "texture, colour=0": model_embedding(texture.Texture(colour=0)),
        "pixels": model_embedding(Pixels()),
        "colour histogram": colour_histogram,
        "radial spectrum": radial_spectrum,
    }
    print(f"{'':18}" + "  ".join(SETTINGS))
    for name, embed in embeddings.items():
        marks = [f"{purity(embed(images), labels):>{len(s)}.3f}" for s, (images, labels) in held_out.items()]
        print(f"{name:18}" + "  ".join(marks))
    for name, model in {"texture": texture.Texture(), "builtin": Builtin(), "pixels": Pixels()}.items():
        print(f"{name:18}{milliseconds(program(model)):.2f} ms per 224-pixel picture, batch 8, one core")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--fit", action="store_true", help="write the table of constants instead")
    arguments.add_argument("--per-kind", type=int, default=16)
    given = arguments.parse_args()
    fit(given.per_kind) if given.fit else compare(given.per_kind)
