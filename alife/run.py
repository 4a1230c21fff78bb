"""The loop around the pipeline: ask, evaluate, tell, archive; again until the budget is spent.

Every random number comes from the run's seed and the generation's number, and the search's state is part of what one
generation commits: so a run that is killed at any moment and resumed ends as if it had never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from .budget import START, advance, seconds_left, why_stop
from .config import RunConfig, from_json, load_world, replace
from .errors import ArchiveDamaged, ArchiveError, BadOption
from .evaluate import Observation, judged, read_by
from .lifeforms import kept_rows, sampled_worlds, with_clips, with_given
from .memory import Memory
from .migrants import Migrants
from .pipeline import Pipeline
from .provenance import differences
from .registry import Registry, default_registry, own_world, registry_with
from .setup import Setup
from .storage import Archive, ArchiveWriter, Rows, Taken, create_archive, open_archive, resume_archive
from .storage.remote import Place, RemotePath
from .types import Evaluation, PRNGKey, Tree, Verdict


@dataclass(frozen=True)
class GenerationReport:
    """One generation, safely archived: the numbers that people follow, and the evaluation itself."""

    generation: int
    evaluations: int
    """Worlds run since the run began."""
    lifeforms: int
    """Worlds that the search has kept; those that only a sample keeps are not counted."""
    invalid: int
    """Worlds of the run that gave NaN or infinite numbers; the search keeps none of them."""
    best: float
    """Highest score of the run so far."""
    coverage: float
    """Mean distance (1 - cosine) from a lifeform to its nearest, over the latest 4096: in [0, 2]."""
    rate: float
    """Evaluations per second, in this generation."""
    seconds: float
    """Spent on the run, all its processes together."""
    seconds_left: float
    """Until the budget is spent, as far as can be told."""
    evaluation: Evaluation | None
    """None where the worlds were run by a worker, who keeps it."""
    path: Place
    """The archive."""


def run_search(
    world: Any,
    *,
    out: str | Path | RemotePath,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    before: Callable[[Setup], None] = lambda setup: None,
    begun: Callable[[RunConfig], None] = lambda config: None,
    workers: int | None = None,
    ray: str | None = None,
    **changes: Any,
) -> Archive:
    """Search a world and keep what is found in a new archive.

    Args:
        world: name of a substrate or of a world in the catalog, path of a `.toml` file, a whole configuration, or a
            substrate of your own, as a class (its options are `options={...}`) or ready made.  What runs again later,
            in another process, is what that process can find: a class of a file or module, a ready-made one where it
            keeps the arguments of its constructor; for others, hand `replay` and `resume_search` a registry.
        out: directory of the new archive; it must not exist.
        registry: what may be named; None = what is installed.
        stop: asked after every generation; True ends the run early, resumable.
        before: told of a run in which everything has been found good, before anything is written; may raise.
        begun: told the whole configuration once everything in it has been found good.
        workers: processes that search, see `alife.workers`; None = this one alone.
        ray: HOST:PORT of the Ray cluster where they are; None = on this machine.
        changes: keys of `alife.config.RunConfig`, such as `generations=20, score="open_ended"`.

    Raises:
        AlifeError: with the reason; whatever was archived before stays.
    """
    registry = registry or default_registry()
    if isinstance(world, RunConfig):
        config = replace(world, **changes, plugins=registry.files)
    elif isinstance(world, str):
        config = load_world(world, registry.horizons, **changes, plugins=registry.files)
    else:
        name, registry, specs, options = own_world(world, registry)
        changes = {"options": options, **changes} if options else changes
        config = load_world(name, registry.horizons, **changes, plugins=[*registry.files, *specs])
    if workers:
        from .workers import search_on_workers

        given: dict[str, Any] = {"out": out, "registry": registry, "stop": stop, "before": before, "begun": begun}
        return search_on_workers(config, workers=workers, address=ray, **given)
    if config.steady or ray is not None:
        said = "steady" if config.steady else "ray"
        raise BadOption(f"{said} is given and no workers; expected how many, such as --workers 2")
    setup = Setup(config, registry)
    before(setup)
    config, layout = setup.config, setup.pipeline.layout()
    provenance = setup.pipeline.provenance()
    with create_archive(out, layout, config=config.as_json(), provenance=provenance) as writer:
        begun(setup.config)
        search_until(setup, writer, stop)
    return open_archive(out)


def resume_search(
    path: str | Path | RemotePath,
    *,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    budget: Mapping[str, Any] | None = None,
    anyway: bool = False,
    workers: int | None = None,
    ray: str | None = None,
) -> Archive:
    """Go on with a search exactly where its last archived generation ended; with a life: `alife.chronicle`.

    Args:
        path: the archive.
        registry: what may be named; None = what is installed and the run's own plugin files.
        stop: asked after every generation; True ends the run early, resumable.
        budget: {"generations" | "evaluations" | "minutes": number} in place of the run's own, counted from its start.
        anyway: go on although the source of the substrate or the model is not what the run began with.
        workers, ray: where the run was begun on workers, see `alife.workers.resume_on_workers`.

    Raises:
        AlifeError: with the reason; what was archived before stays.
    """
    archive = open_archive(path)
    if archive.on_islands or archive.config.get("steady"):
        from .workers import resume_on_workers

        again: dict[str, Any] = {"registry": registry, "stop": stop, "budget": budget, "anyway": anyway}
        return resume_on_workers(path, workers=workers, address=ray, **again)
    if workers or ray is not None:
        raise BadOption(
            f"{path} is one search and was not begun on workers; go on with it here, or begin with its best on "
            f"workers: alife search --from {path} --workers 2"
        )
    with resume_archive(path) as writer:
        if writer.progress.get("kept"):
            raise ArchiveError(f"{path} holds worlds kept by hand; search on from them: alife search --from {path}")
        config = from_json(writer.archive.config)
        if budget:
            config = replace(config, **budget)
        setup = Setup(config, registry or registry_with(config.plugins))
        go_on(writer, setup.pipeline, anyway, MIXED)
        search_until(setup, writer, stop)
    return open_archive(path)


MIXED = "archive: bring the old code back, start a new search, or say --anyway"
"""What two worlds would be mixed in, and what to do."""


def go_on(writer: ArchiveWriter, pipeline: Pipeline, anyway: bool, advice: str) -> None:
    """Says what makes the lifeforms from now on; raises ArchiveError where that is other code than before.

    Args:
        writer: of the archive that is taken up.
        pipeline: what runs its worlds now.
        anyway: go on although the source of the substrate or the model has changed.
        advice: what two worlds would be mixed in, and what to do.
    """
    require_same_code(writer.archive, pipeline, anyway, advice)
    # with the run's own budget: one that is given later changes no lifeform
    writer.begin_origin({"config": writer.archive.config, "provenance": pipeline.provenance()})


def require_same_code(archive: Archive, pipeline: Pipeline, anyway: bool, advice: str) -> None:
    """Raises ArchiveError where a run was last run with other code; arguments as of `go_on`."""
    changed = differences(archive.origins[-1]["provenance"], pipeline.provenance(), only=("source", "identity"))
    if changed and not anyway:
        raise ArchiveError(
            f"{archive.path} was last run with other code: {'; '.join(changed)}. Going on would mix two worlds in one "
            f"{advice}"
        )


class Searching:
    """A search under way in an archive: `generation` is one more, asked, evaluated, told and archived.

    Args:
        setup: what the run's configuration names.
        writer: of the archive.
        memory: what is known of what has been found; None = what the archive holds.
        taken: where it goes on from another store; None = from what the archive holds.
    """

    def __init__(
        self, setup: Setup, writer: ArchiveWriter, *, memory: Memory | None = None, taken: Taken | None = None
    ) -> None:
        self.setup, self.writer = setup, writer
        generation, progress, saved = writer.generation, writer.progress, writer.checkpoint
        if taken is not None:
            generation, progress, saved = taken.generation, taken.progress, taken.checkpoint
        self.state = setup.state if generation < 0 else restore(setup.state, saved)
        self.progress: dict[str, Any] = {**START, **progress}
        self.memory = memory or Memory(writer.archive, setup.pipeline.model.dim)
        self.said: dict[str, Any] = {}
        """What else the run says of itself, as plain JSON."""
        self.novelty: Float[np.ndarray, " e"] = np.zeros(0, np.float32)
        """Of each elite of the last generation the distance (1 - cosine) from its nearest when it was found."""
        self._clock = time.monotonic()

    def why_stop(self) -> str:
        """Why it should go no further, in words; empty = it should."""
        return why_stop(self.setup.config, self.writer.generation + 1, self.progress)

    def generation(self, migrants: Migrants | None = None) -> tuple[GenerationReport, Rows]:
        """One more generation, and what of it is now in the archive.

        Args:
            migrants: lifeforms of other searches, that take the place of the last ones asked for.
        """
        setup, config, evaluator = self.setup, self.setup.config, self.setup.pipeline.evaluator
        generation, n = self.writer.generation + 1, config.population
        ask_key, world_keys = keys_of_generation(setup.generation_key, generation, n)
        genotypes, state = setup.call("ask", ask_key, self.state)
        genotypes = np.asarray(genotypes)
        if migrants is not None:
            genotypes = migrants.among(genotypes, setup.search)
        seen = evaluator.observe(genotypes, world_keys, video="video" in read_by(setup.expression, setup.axes))
        evaluation = self.judge(seen, world_keys)
        if setup.axes and generation == 0:
            setup.axes.tell_of_stillness(evaluation)
        state, verdict = setup.call("tell", state, genotypes, evaluation)
        if generation == 0:
            verdict = with_given(verdict, genotypes, setup.pipeline.space.starts)
        rows = self.keep(genotypes, evaluation, verdict, generation, migrants)
        return self.commit(rows, evaluation, state, generation), rows

    def judge(self, seen: Observation, keys: Any) -> Evaluation:
        """Scores of worlds that have been run, beside all that is remembered."""
        setup, memory = self.setup, self.memory
        known = memory.rows, memory.remembered
        return judged(seen, keys, setup.pipeline.evaluator, setup.expression, *known, setup.targets, setup.axes)

    def keep(
        self,
        genotypes: np.ndarray,
        evaluation: Evaluation,
        verdict: Verdict,
        generation: int,
        migrants: Migrants | None = None,
    ) -> Rows:
        """What goes into the archive of a generation."""
        config, memory = self.setup.config, self.memory
        sampled = sampled_worlds(self.setup.generation_key, generation, len(genotypes), config.sample)
        rows = kept_rows(genotypes, evaluation, verdict, sampled, self.progress["evaluations"], memory.numbers)
        rows = rows._replace(parent=memory.ids(rows.parent), replaced=memory.ids(rows.replaced))
        if migrants is not None:
            rows = migrants.told_of(rows, self.progress["evaluations"] + len(genotypes))
        return with_clips(rows, self.setup.pipeline.evaluator, config.clip)

    def commit(
        self,
        rows: Rows,
        evaluation: Evaluation,
        state: Tree,
        generation: int,
        besides: Mapping[str, np.ndarray] | None = None,
    ) -> GenerationReport:
        """Puts a generation into the archive, and goes on from there.

        Args:
            besides: what else it takes to go on, name -> array.
        """
        setup, memory = self.setup, self.memory
        self._clock, seconds = time.monotonic(), time.monotonic() - self._clock
        progress = {**advance(self.progress, evaluation, seconds, setup.finished(state)), **self.said}
        saved = {**checkpoint(state), **(besides or {})}
        self.writer.append(rows, generation=generation, checkpoint=saved, progress=progress)
        self.novelty = memory.add(rows)
        self.state, self.progress = state, progress
        return GenerationReport(
            generation=generation,
            evaluations=progress["evaluations"],
            lifeforms=memory.count,
            invalid=progress["invalid"],
            best=float("nan") if progress["best"] is None else progress["best"],
            coverage=memory.coverage,
            rate=len(evaluation.scores) / seconds,
            seconds=progress["seconds"],
            seconds_left=seconds_left(setup.config, generation + 1, progress),
            evaluation=evaluation,
            path=self.writer.path,
        )


def search_until(setup: Setup, writer: ArchiveWriter, stop: Callable[[], bool]) -> None:
    """The loop: generation after generation, until the budget is spent or `stop` says so."""
    searching = Searching(setup, writer)
    while not stop() and not searching.why_stop():
        report, _ = searching.generation()
        setup.registry.hooks.hook.generation_finished(report=report)


@partial(jax.jit, static_argnames="n")
def keys_of_generation(key: PRNGKey, generation: int | Array, n: int) -> tuple[PRNGKey, Key[Array, " N"]]:
    """One key for the search and one for each of n worlds."""
    ask_key, world_key = jax.random.split(jax.random.fold_in(key, generation))
    return ask_key, jax.random.split(world_key, n)


def checkpoint(state: Tree) -> dict[str, np.ndarray]:
    """A search's state as named arrays: names are the paths of its tree."""
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        ".".join(["state", *filter(None, [jax.tree_util.keystr(path, simple=True, separator=".")])]): np.asarray(leaf)
        for path, leaf in leaves
    }


def restore(state: Tree, saved: Mapping[str, np.ndarray]) -> Tree:
    """The state whose arrays were saved; `state` gives the tree.

    Raises:
        ArchiveDamaged: the names differ.
    """
    names = list(checkpoint(state))
    if set(names) != set(saved):
        raise ArchiveDamaged(
            f"the checkpoint holds {sorted(saved)}; this version of the search expects {sorted(names)}; "
            "resume with the version that wrote it, see the archive's provenance"
        )
    return jax.tree.unflatten(jax.tree.structure(state), [jnp.asarray(saved[name]) for name in names])
