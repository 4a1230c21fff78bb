"""From genotypes to scores: simulate, draw, embed, score.

Simulating, drawing and embedding are one compiled program over a small chunk of worlds.  On a CPU a chunk has a fixed
size that depends only on the substrate, and one worker per core takes the next chunk when it is free: so all cores
work, and no byte depends on the size of the population.  On accelerators a chunk is as wide as the memory budget
allows, and the devices take turns.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, Num, UInt8

from .errors import AlifeError, BadGenotype, BadOption, PluginError, first_line
from .genotype import GenotypeSpace
from .model import Model
from .registry import Registry, default_registry
from .score import ScoreExpression
from .substrate import Substrate
from .types import ArrayLike, Evaluation, Population, PRNGKey
from .worlds.engine import check_img_size, check_methods, simulate, state_bytes
from .worlds.schedule import Schedule

LANE_BYTES = 8192
"""States smaller than this are stepped several to a chunk on a CPU: a loop turn costs more than a tiny world."""
MAX_LANES = 16


class Evaluator:
    """The compiled pipeline of one substrate, model and schedule, reused for every generation.

    Args:
        space: the substrate and how its genotypes are flattened.
        model: sees the frames.
        schedule: when frames are taken.
        img_size: edge of a frame, pixels; None = what the model likes best.
        memory_mb: budget for worlds being evaluated at the same time, megabytes.

    Raises:
        PluginError: the substrate or the model breaks its contract (found while compiling).
    """

    def __init__(
        self, space: GenotypeSpace, model: Model, schedule: Schedule, img_size: int | None = None, memory_mb: int = 2048
    ) -> None:
        self.space, self.model, self.schedule = space, model, schedule
        self.img_size = model.image_size if img_size is None else img_size
        check_img_size(self.img_size)
        check_methods(space.substrate)
        if memory_mb < 1:
            raise BadOption(f"memory_mb is {memory_mb}; expected 1 or more megabytes")
        self.traceable = bool(getattr(model, "traceable", True))
        per_world = self._bytes_per_world()
        affordable = max(1, memory_mb * 2**20 // per_world)
        self.fixed = jax.default_backend() == "cpu"
        if self.fixed:
            self.lanes = int(np.clip(LANE_BYTES // max(1, self._state_bytes), 1, MAX_LANES))
            self.workers = int(np.clip(affordable // self.lanes, 1, core_count()))
        else:
            self.workers = len(jax.devices())
            self.lanes = max(1, affordable // self.workers)
        self._one_at_a_time = threading.Lock()  # a model that is not JAX need not bear two callers
        self._lengths = jnp.asarray(schedule.lengths)
        self._program = jax.jit(self._chunk)

    def _bytes_per_world(self) -> int:
        """A generous guess: the state with working copies, and K frames as floats and as bytes."""
        params = jax.eval_shape(self.space.substrate.default_params, jax.random.key(0))
        self._state_bytes = state_bytes(self.space.substrate, params)
        return 24 * self._state_bytes + self.schedule.count * self.img_size**2 * 3 * 6 + 1

    def _chunk(self, genotypes: Num[Array, "C G"], keys: Key[Array, " C"], lengths: Array) -> tuple[Any, ...]:
        substrate = self.space.substrate

        def world(genotype: Array, key: PRNGKey) -> tuple[Any, ...]:
            run = simulate(substrate, key, self.space.unflatten(genotype), lengths, self.img_size, as_bytes=True)
            return run.frames, run.measures, run.finite

        if len(genotypes) == 1:  # one world needs no batch dimension: real transforms and matmuls stay plain
            frames, measures, valid = jax.tree.map(lambda x: x[None], world(genotypes[0], keys[0]))
        else:
            frames, measures, valid = jax.vmap(world)(genotypes, keys)
        if not self.traceable:
            return frames, None, measures, valid
        z = self.embed(frames.reshape(-1, *frames.shape[2:]).astype(jnp.float32) / 255)
        return frames, z.reshape(*frames.shape[:2], -1), measures, valid

    def embed(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B D"]:
        """Unit embeddings of pictures, checked against the model's contract."""
        name = type(self.model).__name__
        try:
            z = self.model.embed_images(images)
        except AlifeError:
            raise
        except Exception as cause:
            raise PluginError(
                f"model {name}.embed_images raised {type(cause).__name__}: {first_line(cause)}"
            ) from cause
        if jnp.shape(z) != (len(images), self.model.dim):
            raise PluginError(
                f"model {name}.embed_images returned shape {jnp.shape(z)} for {len(images)} pictures; "
                f"expected ({len(images)}, {self.model.dim})"
            )
        return z

    def measure_names(self) -> list[str]:
        """Names of the substrate's measures; traces the whole evaluation, as the first run else would."""
        genotypes = jax.ShapeDtypeStruct((self.lanes, self.space.size), self.space.dtype)
        shapes = self._program.eval_shape(genotypes, jax.random.split(jax.random.key(0), self.lanes), self._lengths)
        return sorted(shapes[2])

    def observe(
        self, genotypes: Num[ArrayLike, "N G"], keys: Key[Array, " N"]
    ) -> tuple[
        UInt8[np.ndarray, "N K H W 3"],
        Float[np.ndarray, "N K D"],
        dict[str, Float[np.ndarray, " N"]],
        Bool[np.ndarray, " N"],
    ]:
        """Frames, embeddings, measures and validity of N worlds, in order, whatever the batching."""
        genotypes = np.asarray(genotypes)
        if genotypes.ndim != 2 or genotypes.shape[1] != self.space.size or not len(genotypes):
            raise BadGenotype(f"genotypes have shape {genotypes.shape}; expected (N, {self.space.size}), N >= 1")
        lanes = self.lanes if self.fixed else min(self.lanes, -(-len(genotypes) // self.workers))
        starts = list(range(0, len(genotypes), lanes))
        first = self._run_chunk(genotypes, keys, lanes, 0, 0)  # compiles once, before the workers start
        with ThreadPoolExecutor(self.workers) as pool:
            rest = pool.map(
                lambda job: self._run_chunk(genotypes, keys, lanes, job[1], job[0] % self.workers),
                enumerate(starts[1:], 1),
            )
            chunks = [first, *rest]
        frames, z, measures, valid = jax.tree.map(lambda *parts: np.concatenate(parts)[: len(genotypes)], *chunks)
        valid &= np.isfinite(z).all((1, 2))
        z = np.where(valid[:, None, None], z, 0).astype(np.float32)
        return frames, z, measures, valid

    def _run_chunk(self, genotypes: np.ndarray, keys: Key[Array, " N"], lanes: int, start: int, worker: int) -> Any:
        """One chunk as NumPy arrays; a short last chunk is filled up with repetitions."""
        rows = np.minimum(np.arange(start, start + lanes), len(genotypes) - 1)
        device = jax.devices()[worker % len(jax.devices())]
        arguments = jax.device_put((genotypes[rows], keys[rows], self._lengths), device)
        frames, z, measures, valid = jax.tree.map(np.asarray, self._program(*arguments))
        if z is None:
            images = frames.reshape(-1, *frames.shape[2:]).astype(np.float32) / 255
            with self._one_at_a_time:
                z = np.asarray(self.embed(images))
            z = z.reshape(*frames.shape[:2], -1)
        return frames, z, measures, valid


def evaluate_genotypes(
    substrate: Substrate,
    genotypes: Num[ArrayLike, "N G"],
    key: PRNGKey,
    *,
    model: Model,
    score: str = "open_ended",
    steps: int,
    frames: int | str = 8,
    img_size: int | None = None,
    registry: Registry | None = None,
) -> Evaluation:
    """Run, draw, embed and score N worlds of one substrate.

    Args:
        substrate: the family of dynamics.
        genotypes: one world each, flat vectors.
        key: split into one key for each world.
        model: sees the frames.
        score: expression, see `alife.score`; higher is better.
        steps: how long each world runs, steps.
        frames: how many pictures, see `alife.worlds.schedule.Schedule`.
        img_size: edge of a picture, pixels; None = what the model likes best.
        registry: where score names are looked up; None = what is installed.

    Raises:
        BadOption, BadGenotype, UnknownName, PluginError: with the reason.
    """
    space = GenotypeSpace(substrate, type(substrate).__name__)
    evaluator = Evaluator(space, model, Schedule(steps, frames), img_size)
    expression = ScoreExpression(score, registry or default_registry(), evaluator.measure_names())
    genotypes = np.asarray(genotypes)
    return evaluate(evaluator, expression, genotypes, jax.random.split(key, len(genotypes)))


def evaluate(
    evaluator: Evaluator,
    expression: ScoreExpression,
    genotypes: Num[np.ndarray, "N G"],
    keys: Key[Array, " N"],
    memory: Float[np.ndarray, "M D"] | None = None,
    remembered: int = 0,
    texts: Float[np.ndarray, "P D"] | None = None,
) -> Evaluation:
    """The whole way of a population: observe, then score; -inf for worlds that are not valid."""
    frames, z, measures, valid = evaluator.observe(genotypes, keys)
    if memory is None:
        memory = np.zeros((1, z.shape[-1]), np.float32)
    scores = np.asarray(expression(Population(z, measures, memory, remembered, texts)))
    valid = valid & np.isfinite(scores)
    return Evaluation(np.where(valid, scores, -np.inf), z, measures, valid, frames, keys)


def core_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
