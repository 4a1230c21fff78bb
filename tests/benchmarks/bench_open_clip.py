"""Milliseconds per picture of our towers and of torch's, side by side on one core; needs the extra `clip`.

    python tests/benchmarks/bench_open_clip.py [ARCHITECTURE] [--batch 16] [--repeats 5]

Both run untrained weights in float32 on pictures of the model's own size.  Processor time counts, which a busy machine
disturbs less; the two take turns, and the median of each is told.
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before JAX and torch start their threads

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

sys.path.insert(0, str(Path(__file__).parents[2]))

from alife.plugins.open_clip.models import OpenClip
from tests.plugins.open_clip.twins import import_open_clip, noise


def seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def compare(name: str, batch: int, repeats: int) -> tuple[float, float]:
    """Milliseconds per picture: ours, torch's."""
    open_clip = import_open_clip()
    import torch

    torch.set_num_threads(1)
    twin = open_clip.create_model(name).eval()
    model = OpenClip(f"{name}:random")
    images = noise(model.image_size, batch)
    program = jax.jit(model.embed_images)
    plain = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())

    def ours() -> Any:
        return jax.block_until_ready(program(images, model.weights))

    def theirs() -> Any:
        with torch.inference_mode():
            return twin.encode_image(plain, normalize=True)

    compiling = seconds(ours)
    theirs()
    times = [(seconds(ours), seconds(theirs)) for _ in range(repeats)]
    print(f"{name}, {batch} pictures of {model.image_size} pixels, one core; first call {compiling:.1f} s")
    mine, torchs = (1e3 / batch * statistics.median(side) for side in zip(*times, strict=True))
    return mine, torchs


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("architecture", nargs="?", default="ViT-B-32")
    arguments.add_argument("--batch", type=int, default=16)
    arguments.add_argument("--repeats", type=int, default=5)
    given = arguments.parse_args()
    mine, torchs = compare(given.architecture, given.batch, given.repeats)
    print(f"ours {mine:.1f} ms per picture, torch {torchs:.1f}: {torchs / mine:.2f} times as fast")
