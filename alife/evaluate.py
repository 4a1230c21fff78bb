"""From genotypes to scores: simulate, draw, embed, score.

Simulating, drawing and embedding are one compiled program over chunks of worlds, the model's weights one of its
arguments; `alife.spread` says how wide a chunk is and who runs it.

Scoring is a second, tiny program over the whole population, because scores such as `novelty` compare its worlds with
each other and with the archive; what passes between the two is embeddings and measures.  Both can be traced: inside
`jax.jit`, `Evaluator.chunk` and the score expression are one program.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, Num, Shaped, UInt8

from .devices import devices_in_use, is_cpu, placed
from .embedding import Embedder
from .errors import BadGenotype, BadOption
from .genotype import GenotypeSpace
from .model import Model
from .registry import Registry, default_registry
from .score import ScoreExpression
from .spread import Spread, spread
from .substrate import Substrate
from .targets import Targets, embed_targets, with_vectors
from .types import ArrayLike, Evaluation, Peak, Population, PRNGKey, Tree
from .worlds.engine import Rollout, check_img_size, check_methods, simulate, state_bytes
from .worlds.schedule import Schedule

if TYPE_CHECKING:
    from .axes import Axes


COPIES = 24
"""Sizes of its state that a world takes while it runs, working copies and all: a generous guess."""
PICTURES = 6
"""Sizes of its pictures in bytes that drawing and embedding them takes: once as bytes, once as reals."""


class Observation(NamedTuple):
    """What was seen of N worlds, in order."""

    frames: UInt8[ArrayLike, "N K H W 3"]
    z: Any
    """Unit embeddings [N, K, D]; zeros where the world is not valid."""
    measures: Mapping[str, Float[ArrayLike, " N"]]
    valid: Bool[ArrayLike, " N"]
    video: Any = None
    """One unit vector [N, D] for all frames of a world, where it was asked for."""
    states: Mapping[str, Shaped[ArrayLike, "N K ..."]] | None = None
    """Leaf path -> the states at the moments of the frames, where they are kept."""
    peak: Peak | None = None
    """When a chosen measure was highest, where one was chosen."""


class Evaluator:
    """The compiled pipeline of one substrate, model and schedule, reused for every generation.

    Args:
        space: the substrate and how its genotypes are flattened.
        model: sees the frames.
        schedule: when frames are taken.
        img_size: edge of a frame, pixels; None = what the model likes best.
        memory_mb: budget for worlds being evaluated at the same time, megabytes; on each accelerator.
        keep_states: also give the states at the moments of the frames.
        peak: also give the moment in which this measure is highest.
        devices: to run on; None = those in use, see `alife.devices`.

    Raises:
        PluginError: the substrate or the model breaks its contract (found while compiling).
        UnknownName: the substrate has no such measure (found while compiling).
    """

    def __init__(
        self,
        space: GenotypeSpace,
        model: Model,
        schedule: Schedule,
        img_size: int | None = None,
        memory_mb: int = 2048,
        *,
        keep_states: bool = False,
        peak: str | None = None,
        devices: Sequence[jax.Device] | None = None,
    ) -> None:
        self.space, self.model, self.schedule = space, model, schedule
        self.img_size = model.image_size if img_size is None else img_size
        self.memory_mb, self._kept = memory_mb, {"keep_states": keep_states, "peak": peak}
        self.devices = tuple(devices or devices_in_use())
        check_img_size(self.img_size)
        check_methods(space.substrate)
        if memory_mb < 1:
            raise BadOption(f"memory_mb is {memory_mb}; expected 1 or more megabytes")
        self.embedder = Embedder(model)
        self._spread = cache(self._spread_of)  # once: what is free changes all the time
        self.spread = self._spread(schedule.count, states=schedule.count if keep_states else 0)
        self._one_at_a_time = threading.Lock()  # a model that is not JAX need not bear two callers
        self._lengths = jnp.asarray(schedule.lengths)
        self._program = jax.jit(self._seen, static_argnames="video")
        self._films = jax.jit(self._filmed, static_argnames="spread")

    def _spread_of(self, pictures: int, states: int = 0) -> Spread:
        """A generous guess of a world's needs: its state with working copies and kept ones; pictures, also as bytes."""
        params = jax.eval_shape(self.space.substrate.default_params, jax.random.key(0))
        state, pixels = state_bytes(self.space.substrate, params), pictures * self.img_size**2 * 3
        seen = states * state + pixels + 1
        return spread(state, (COPIES + states) * state + pixels * PICTURES + 1, seen, self.memory_mb, self.devices)

    @property
    def lanes(self) -> int:
        """Worlds in one chunk."""
        return self.spread.lanes

    def shortened(self, steps: int) -> Evaluator:
        """The same compiled program over another horizon, with as many frames.

        Args:
            steps: how long each world runs, steps; at least one for each frame.
        """
        other = copy(self)
        other.schedule = Schedule(steps, self.schedule.count)
        other._lengths = jnp.asarray(other.schedule.lengths)
        return other

    @cached_property
    def _weights(self) -> list[Tree]:
        """The model's weights on the devices of every turn, moved there once."""
        return [jax.device_put(self.embedder.weights, placed(group, split=False)) for group in self.spread.turns]

    def _seen(
        self, genotypes: Num[Array, "C G"], keys: Key[Array, " C"], lengths: Array, weights: Tree, video: bool = False
    ) -> Observation:
        """All worlds of one call from genotypes to embeddings: what is compiled."""
        return self.spread.program(partial(self.chunk, video=video))(genotypes, keys, lengths, weights)

    def chunk(
        self, genotypes: Num[Array, "C G"], keys: Key[Array, " C"], lengths: Array, weights: Tree, video: bool = False
    ) -> Observation:
        """A few worlds from genotypes to embeddings, in one program; without z where the model cannot be traced."""
        run = self._worlds(genotypes, keys, lengths, **self._kept)
        seen = Observation(run.frames, None, run.measures, run.finite, states=run.states, peak=run.peak)
        if not self.embedder.traceable:
            return seen
        z, moving = self.embedder.frames(run.frames, weights, video=video)
        return seen._replace(z=z, video=moving)

    def _filmed(self, genotypes: Num[Array, "C G"], keys: Key[Array, " C"], lengths: Array, spread: Spread) -> Array:
        """The pictures alone of all worlds of one call."""
        return spread.program(lambda *chunk: self._worlds(*chunk).frames)(genotypes, keys, lengths)

    def _worlds(self, genotypes: Num[Array, "C G"], keys: Key[Array, " C"], lengths: Array, **kept: Any) -> Rollout:
        def world(genotype: Array, key: PRNGKey) -> Rollout:
            params = self.space.unflatten(genotype)
            run = simulate(self.space.substrate, key, params, lengths, self.img_size, as_bytes=True, **kept)
            return run._replace(state=None)

        if len(genotypes) == 1:  # one world needs no batch dimension: real transforms and matmuls stay plain
            return jax.tree.map(lambda x: x[None], world(genotypes[0], keys[0]))
        return jax.vmap(world)(genotypes, keys)

    @cached_property
    def shapes(self) -> Observation:
        """Shapes and types of what is seen of a call; traces the whole evaluation, as the first run else would."""
        count = self.spread.size(len(self.devices) * self.lanes)
        genotypes = jax.ShapeDtypeStruct((count, self.space.size), self.space.dtype)
        keys = jax.random.split(jax.random.key(0), count)
        return self._program.eval_shape(genotypes, keys, self._lengths, self.embedder.weights, video=False)

    @property
    def measure_names(self) -> list[str]:
        """Names of the substrate's measures, sorted."""
        return sorted(self.shapes.measures)

    @property
    def state_layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype]] | None:
        """Leaf path -> shape and type of what is kept of one state; None where no states are kept."""
        if self.shapes.states is None:
            return None
        return {name: (leaf.shape[2:], np.dtype(leaf.dtype)) for name, leaf in self.shapes.states.items()}

    def observe(self, genotypes: Num[ArrayLike, "N G"], keys: Key[Array, " N"], *, video: bool = False) -> Observation:
        """What is seen of N worlds in their order, whatever the batching.

        As NumPy arrays, but for pictures and states on accelerators: those stay there until somebody reads them.
        """
        seen = self.spread.over(self._checked(genotypes), keys, partial(self._call, video=video))
        valid = seen.valid & np.isfinite(seen.z).all((1, 2))
        if seen.video is None:
            return seen._replace(z=_or_zero(seen.z, valid), valid=valid)
        valid &= np.isfinite(seen.video).all(1)
        return seen._replace(z=_or_zero(seen.z, valid), valid=valid, video=_or_zero(seen.video, valid))

    def film(
        self, genotypes: Num[ArrayLike, "N G"], keys: Key[Array, " N"], count: int
    ) -> UInt8[np.ndarray, "N T H W 3"]:
        """The whole lives of N worlds in `count` pictures each, evenly spaced, the last one after the last step.

        The worlds run as they do in `observe`, so that a film shows the same history as the frames.

        Raises:
            BadOption: more pictures than steps, or none.
            BadGenotype: genotypes of another shape, or none.
        """
        lengths, spread = jnp.asarray(Schedule(self.schedule.steps, count).lengths), self._spread(count)

        def run(genotypes: np.ndarray, keys: Key[Array, " C"], turn: int) -> np.ndarray:
            return np.asarray(self._films(*self._placed(genotypes, keys, lengths, turn), spread=spread))

        return spread.over(self._checked(genotypes), keys, run)

    def _checked(self, genotypes: Num[ArrayLike, "N G"]) -> Num[np.ndarray, "N G"]:
        genotypes = np.asarray(genotypes)
        if genotypes.ndim != 2 or genotypes.shape[1] != self.space.size or not len(genotypes):
            raise BadGenotype(f"genotypes have shape {genotypes.shape}; expected (N, {self.space.size}), N >= 1")
        return genotypes

    def _placed(
        self, genotypes: np.ndarray, keys: Key[Array, " C"], lengths: Array, turn: int
    ) -> tuple[Array, Array, Array]:
        """The arguments of a call on the devices whose turn it is."""
        split, whole = (placed(self.spread.turns[turn], split=split) for split in (True, False))
        return jax.device_put((genotypes, keys, lengths), (split, split, whole))

    def _call(self, genotypes: np.ndarray, keys: Key[Array, " C"], turn: int, video: bool) -> Observation:
        """One call of the program."""
        arguments = self._placed(genotypes, keys, self._lengths, turn)
        seen = self._program(*arguments, self._weights[turn], video=video)
        # the rest comes to the host: it is small, and searches that remember it would be compiled once more for arrays
        # that are bound to devices
        stays = {} if is_cpu(self.devices) else {"frames": seen.frames, "states": seen.states}
        seen = jax.device_get(seen._replace(**dict.fromkeys(stays)))._replace(**stays)
        if self.embedder.traceable:
            return seen
        with self._one_at_a_time:
            z, moving = jax.tree.map(np.asarray, self.embedder.frames(np.asarray(seen.frames), video=video))
        return seen._replace(z=z, video=moving)


def evaluate_genotypes(
    substrate: Substrate,
    genotypes: Num[ArrayLike, "N G"],
    key: PRNGKey,
    *,
    model: Model,
    score: str = "open_ended",
    prompts: Sequence[str] = (),
    images: Sequence[str | Path] = (),
    negatives: Sequence[str] = (),
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
        prompts: texts that the frames should show, in time order.
        images: files of pictures that they should look like, in time order, after the prompts.
        negatives: texts that no frame should show.
        steps: how long each world runs, steps.
        frames: how many pictures, see `alife.worlds.schedule.Schedule`.
        img_size: edge of a picture, pixels; None = what the model likes best.
        registry: where score names are looked up; None = what is installed.

    Raises:
        BadOption, BadGenotype, UnknownName, PluginError: with the reason.
    """
    space = GenotypeSpace(substrate, type(substrate).__name__)
    evaluator = Evaluator(space, model, Schedule(steps, frames), img_size)
    genotypes = np.asarray(genotypes)
    pictures = with_vectors([str(image) for image in images], evaluator.embedder, evaluator.img_size)
    targets = embed_targets(evaluator.embedder, prompts=prompts, images=pictures, negatives=negatives)
    expression = bind_score(score, registry or default_registry(), evaluator, len(genotypes), targets)
    return evaluate(evaluator, expression, genotypes, jax.random.split(key, len(genotypes)), targets=targets)


def bind_score(text: str, registry: Registry, evaluator: Evaluator, n: int, targets: Targets) -> ScoreExpression:
    """A score for populations of n worlds; what it would raise when they have been run, it raises now."""
    expression = ScoreExpression(text, registry, evaluator.measure_names)
    k, dim, members = evaluator.schedule.count, evaluator.model.dim, evaluator.embedder.members
    measures = {name: np.zeros(n, np.float32) for name in expression.measures}
    z, memory, video = (np.zeros(shape, np.float32) for shape in ((n, k, dim), (1, dim), (n, dim)))
    frames = np.broadcast_to(np.uint8(0), (n, k, evaluator.img_size, evaluator.img_size, 3))
    population = Population(z, measures, memory, 0, targets.wanted, targets.unwanted, video, frames, targets.pictures)
    expression.check(population._replace(members=members, liked=targets.liked))
    return expression


def evaluate(
    evaluator: Evaluator,
    expression: ScoreExpression,
    genotypes: Num[np.ndarray, "N G"],
    keys: Key[Array, " N"],
    memory: Float[np.ndarray, "M D"] | None = None,
    remembered: int = 0,
    targets: Targets | None = None,
    axes: Axes | None = None,
) -> Evaluation:
    """The whole way of a population: observe, then score; -inf for worlds that are not valid."""
    seen = evaluator.observe(genotypes, keys, video="video" in read_by(expression, axes))
    return judged(seen, keys, evaluator, expression, memory, remembered, targets, axes)


def read_by(expression: ScoreExpression, axes: Axes | None) -> frozenset[str]:
    """What of a population a score and the axes of a search read."""
    return expression.reads | (axes.reads if axes else frozenset())


def judged(
    seen: Observation,
    keys: Key[Array, " N"],
    evaluator: Evaluator,
    expression: ScoreExpression,
    memory: Float[np.ndarray, "M D"] | None = None,
    remembered: int = 0,
    targets: Targets | None = None,
    axes: Axes | None = None,
) -> Evaluation:
    """Scores of worlds that have been run, wherever that was; -inf for those that are not valid."""
    reads = read_by(expression, axes)
    if memory is None:
        memory = np.zeros((1, evaluator.model.dim), np.float32)
    targets = targets or Targets()
    population = Population(
        z=seen.z,
        measures=seen.measures,
        memory=memory,
        remembered=remembered,
        targets=targets.wanted,
        negatives=targets.unwanted,
        video=seen.video,
        frames=np.asarray(seen.frames) if "frames" in reads else None,
        pictures=targets.pictures,
        members=evaluator.embedder.members,
        liked=targets.liked,
    )
    scores = np.asarray(expression(population))
    places = axes(population) if axes else None
    valid = seen.valid & np.isfinite(scores) & (True if places is None else np.isfinite(places).all(axis=1))
    scores = np.where(valid, scores, -np.inf)
    return Evaluation(scores, seen.z, seen.measures, valid, seen.frames, keys, places, seen.states, seen.peak)


def _or_zero(z: Float[np.ndarray, "N *D"], valid: Bool[np.ndarray, " N"]) -> Float[np.ndarray, "N *D"]:
    """Vectors of valid worlds, zeros for the others."""
    return np.where(valid.reshape(-1, *[1] * (z.ndim - 1)), z, 0).astype(np.float32)
