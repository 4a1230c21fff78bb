"""The chronicle of one world: a life of any length, epoch by epoch, in an archive.

A search runs many short lives; here one goes on.  Every epoch is a lifeform of the archive (its pictures, its
measures, what the model makes of them), the state of the world is the checkpoint, and the numbers of every step lie
beside it: all or nothing, as every generation.  So a chronicle that is killed goes on in the middle of the life,
exactly, and it is browsed, exported, checked and replayed like a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, Num

from .budget import START, advance, seconds_left, why_stop
from .config import RunConfig, from_json, replace
from .errors import BadOption
from .evaluate import Evaluator, Observation, bind_score, evaluate
from .lifeforms import kept_rows, layout_of
from .memory import Memory
from .pipeline import Pipeline
from .registry import Registry, default_registry, registry_with
from .run import checkpoint, go_on, restore
from .score import ScoreExpression
from .storage import Archive, ArchiveWriter, Lifeform, create_archive, open_archive, resume_archive
from .storage.remote import RemotePath
from .substrate import measure_meanings
from .targets import Targets, targets_of, with_seen
from .types import OPERATORS, ArrayLike, PRNGKey, Tree, Verdict
from .worlds.engine import expressed, measure
from .worlds.epochs import Epoch, begin, live, records_of
from .worlds.schedule import Schedule

CHRONICLE = "chronicle"
"""What stands in a configuration in place of the name of a search."""


class Report(NamedTuple):
    """An epoch, safely archived."""

    epoch: int
    """From 0."""
    steps: int
    """Taken since the world began."""
    rate: float
    """Steps per second, in this epoch."""
    seconds_left: float
    measures: Mapping[str, float]
    """At its last step."""


class Life(Evaluator):
    """An evaluator of one world that lives on: every look at it is its next epoch.

    Args:
        pipeline: substrate, model, steps of an epoch, pictures.
        key: of the world.
        genotype: its own.
    """

    def __init__(self, pipeline: Pipeline, key: PRNGKey, genotype: Num[np.ndarray, " G"]) -> None:
        config = pipeline.config
        schedule = Schedule(config.steps, int(config.frames or 1))
        super().__init__(pipeline.space, pipeline.model, schedule, config.img_size, config.memory_mb)
        self.key, self.genotype, self.epoch = key, genotype, 0
        self._params = self.space.unflatten(genotype)
        self._begin = jax.jit(lambda key, params: begin(self.space.substrate, key, params))
        self._live = jax.jit(self._next, donate_argnums=2)
        self.state = self._begin(key, self._params)

    def _next(self, key: PRNGKey, params: Tree, state: Tree, before: Array) -> Epoch:
        ends = jnp.asarray(self.schedule.ends)
        return live(
            self.space.substrate, key, params, state, before, ends, steps=self.schedule.steps, img_size=self.img_size
        )

    @cached_property
    def state_layout(self) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
        """What is kept of every step: name -> shape and type."""
        return {name: (leaf.shape, np.dtype(leaf.dtype)) for name, leaf in self._shapes_of(records_of).items()}

    @cached_property
    def measure_names(self) -> list[str]:
        """Names of the substrate's measures, sorted."""
        return sorted(self._shapes_of(measure))

    def _shapes_of(self, look: Callable[[Any, Tree, Tree], dict[str, Array]]) -> dict[str, Any]:
        """Shapes of what a look at a moment gives."""
        substrate = self.space.substrate
        return jax.eval_shape(
            lambda params, state: look(substrate, state, expressed(substrate, params)), self._params, self.state
        )

    def observe(self, genotypes: Num[ArrayLike, "1 G"], keys: Key[Array, "1"], *, video: bool = False) -> Observation:
        """The next epoch of the life, whatever is asked for; that this is its genotype and key is the caller's care."""
        before = jnp.int32(self.epoch * self.schedule.steps)
        epoch = self._live(self.key, self._params, self.state, before)
        self.state, self.epoch = epoch.state, self.epoch + 1
        z, moving = jax.tree.map(np.asarray, self.embedder.frames(epoch.frames[None], video=video))
        valid = np.asarray(epoch.finite)[None] & np.isfinite(z).all((1, 2))
        measures = {name: np.asarray(value)[None] for name, value in epoch.measures.items()}
        records = {name: np.asarray(values)[None] for name, values in epoch.records.items()}
        return Observation(np.asarray(epoch.frames)[None], z, measures, valid, moving, records)


def chronicle(
    config: RunConfig,
    *,
    out: str | Path | RemotePath,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Report], None] = lambda report: None,
) -> Archive:
    """Let a world live for many epochs, and keep it in a new archive.

    Args:
        config: the world; its `steps` are those of an epoch, `frames` its pictures of an epoch, `generations` or
            `minutes` how long it lives.  Without a genotype it gets one from the prior, by the seed.
        out: directory of the new archive; it must not exist.
        registry: what may be named; None = what is installed.
        stop: asked after every epoch; True ends it early, resumable.
        tell: told of every epoch.

    Raises:
        AlifeError: with the reason; whatever was archived before stays.
    """
    registry = registry or default_registry()
    config = replace(config, search={"name": CHRONICLE}, population=1, plugins=registry.files)
    pipeline = Pipeline(config, registry)
    life = _life(pipeline)
    score = _score(pipeline, life)  # what is wrong with it is said before anything is written
    layout = layout_of(life, config.substrate, clip=False, peak=None)
    with create_archive(out, layout, config=config.as_json(), provenance=pipeline.provenance()) as writer:
        _write(life, score, writer, config, stop, tell)
    return open_archive(out)


def resume_chronicle(
    path: str | Path | RemotePath,
    *,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[Report], None] = lambda report: None,
    budget: Mapping[str, Any] | None = None,
    anyway: bool = False,
) -> Archive:
    """Go on with a life exactly where its last archived epoch ended; arguments as of `alife.run.resume_search`.

    Raises:
        AlifeError: with the reason; what was archived before stays.
    """
    with resume_archive(path) as writer:
        made = from_json(writer.archive.config)
        config = replace(made, **budget) if budget else made
        pipeline = Pipeline(made, registry or registry_with(made.plugins))
        go_on(writer, pipeline, anyway, "life: bring the old code back, begin a new chronicle, or say --anyway")
        life = _life(pipeline)
        _write(life, _score(pipeline, life), writer, config, stop, tell)
    return open_archive(path)


def is_chronicle(archive: Archive) -> bool:
    """Whether an archive holds one world's life instead of what a search has found."""
    return bool(archive.config["search"].get("name") == CHRONICLE)


def require_chronicle(archive: Archive, what: str) -> None:
    """Raises BadOption unless an archive is a chronicle; `what` was asked of it."""
    if not is_chronicle(archive):
        raise BadOption(f"{archive.path} is what a search has found; {what} needs a chronicle, see `alife chronicle`")


def _life(pipeline: Pipeline) -> Life:
    return Life(pipeline, *pipeline.own_world())


def _score(pipeline: Pipeline, life: Life) -> tuple[ScoreExpression, Targets]:
    """What is noted of every epoch, and what it compares with."""
    config = with_seen(pipeline.config, life.embedder, life.img_size)
    targets = targets_of(config, life.embedder)
    return bind_score(config.score, pipeline.registry, life, 1, targets), targets


def _write(
    life: Life,
    score: tuple[ScoreExpression, Targets],
    writer: ArchiveWriter,
    config: RunConfig,
    stop: Callable[[], bool],
    tell: Callable[[Report], None],
) -> None:
    expression, targets = score
    progress = {**START, **writer.progress}
    memory = Memory(writer.archive, life.model.dim)
    life.epoch = writer.generation + 1
    if life.epoch:
        life.state = restore(life.state, writer.checkpoint)
    told = list(measure_meanings(life.space.substrate))  # as their author tells them
    names = sorted(life.measure_names, key=lambda name: told.index(name) if name in told else len(told))
    clock = time.monotonic()
    while not stop() and not why_stop(config, life.epoch, progress):
        epoch = life.epoch
        alone = evaluate(life, expression, life.genotype[None], life.key[None], memory.rows, memory.count, targets)
        if not alone.valid[0]:
            raise BadOption(
                f"epoch {epoch} of this world gives NaN or infinite numbers; what was before is safe in {writer.path}"
            )
        verdict = Verdict(
            keep=np.array([True]),
            parents=np.array([[epoch - 1, -1]]),
            operator=np.array([OPERATORS.index("given")]),
        )
        rows = kept_rows(life.genotype[None], alone, verdict, np.array([False]), epoch, memory.numbers)
        clock, seconds = time.monotonic(), time.monotonic() - clock
        progress = advance(progress, alone, seconds, False)
        writer.append(rows, generation=epoch, checkpoint=checkpoint(life.state), progress=progress)
        memory.add(rows)
        measures = {name: float(alone.measures[name][0]) for name in names}
        steps = life.schedule.steps
        left = seconds_left(config, epoch + 1, progress)
        tell(Report(epoch, (epoch + 1) * steps, steps / seconds, left, measures))


def lived_again(pipeline: Pipeline, lifeforms: Sequence[Lifeform]) -> Iterator[tuple[Lifeform, Observation]]:
    """The epochs that these lifeforms are, run again from the beginning of the world, in their order."""
    life, wanted = _life(pipeline), {lifeform.generation: lifeform for lifeform in lifeforms}
    for epoch in range(max(wanted, default=-1) + 1):
        seen = life.observe(life.genotype[None], life.key[None])
        if epoch in wanted:
            yield wanted[epoch], seen


def moments(archive: Archive) -> dict[str, Num[np.ndarray, " T"]]:
    """What a chronicle has kept of every step, name -> one number for each step of the life so far.

    Raises:
        BadOption: no chronicle, or of a substrate that tells no numbers of its steps.
    """
    found = _records(archive, "moments")
    if not found:
        name = archive.config["substrate"]
        raise BadOption(f"substrate {name!r} tells no numbers of its steps: it has no `moment`, see docs/abilities.md")
    return found


def individuals(archive: Archive) -> dict[str, Num[np.ndarray, "T N"]]:
    """Who lived in every step: `id` of each slot, -1 = nobody, and the id of its `parent`, -1 = a founder.

    Raises:
        BadOption: no chronicle, or of a substrate that does not tell individuals apart.
    """
    found = _records(archive, "individuals")
    if not found:
        name = archive.config["substrate"]
        raise BadOption(
            f"substrate {name!r} does not tell who lives in it: it has no `individuals`, see docs/abilities.md"
        )
    return found


def _records(archive: Archive, kind: str) -> dict[str, np.ndarray]:
    require_chronicle(archive, f"`{kind}`")
    pieces: dict[str, list[np.ndarray]] = {}
    for i in range(len(archive)):
        for name, values in (archive[i].states or {}).items():
            if name.startswith(f"{kind}/"):
                pieces.setdefault(name.removeprefix(f"{kind}/"), []).append(values)
    return {name: np.concatenate(parts) for name, parts in pieces.items()}


class Statistics(NamedTuple):
    """A number over the steps of each of E epochs."""

    mean: Num[np.ndarray, " E"]
    deviation: Num[np.ndarray, " E"]
    low: Num[np.ndarray, " E"]
    high: Num[np.ndarray, " E"]
    histogram: Num[np.ndarray, "E B"]
    """Steps in each of B bins, which are the same for all epochs."""
    edges: Num[np.ndarray, " B+1"]


def epoch_statistics(archive: Archive, bins: int = 32) -> dict[str, Statistics]:
    """Mean, spread and histogram of every number of a chronicle, epoch by epoch.

    Args:
        archive: a chronicle.
        bins: of the histograms, as many from the least to the greatest value of the whole life.
    """
    steps, found = archive.config["steps"], {}
    for name, values in moments(archive).items():
        rows = values.reshape(-1, steps)
        edges = np.histogram_bin_edges(values, bins)
        counts = np.stack([np.histogram(row, edges)[0] for row in rows])
        found[name] = Statistics(rows.mean(1), rows.std(1), rows.min(1), rows.max(1), counts, edges)
    return found
