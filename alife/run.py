"""The loop around the pipeline: ask, evaluate, tell, archive; again until the budget is spent.

Every random number comes from the run's seed and the generation's number, and the search's state is part of what one
generation commits: so a run that is killed at any moment and resumed ends as if it had never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from .axes import Axes, chosen_axes
from .budget import START, advance, seconds_left, why_stop
from .config import RunConfig, from_json, load_world, replace
from .errors import AlifeError, ArchiveDamaged, ArchiveError, BadOption, PluginError, first_line
from .evaluate import bind_score, evaluate
from .lifeforms import kept_rows, layout_of, sampled_worlds, with_clips, with_given
from .memory import Memory
from .pipeline import Pipeline
from .provenance import differences
from .registry import Registry, default_registry, own_world, registry_with
from .storage import Archive, ArchiveWriter, create_archive, open_archive, resume_archive
from .targets import require_text, targets_of, tell_of_motions, with_seen
from .types import KEY_KIND, Evaluation, PRNGKey, Tree


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
    evaluation: Evaluation
    path: Path
    """The archive."""


class Setup:
    """Everything a configuration names, made and checked against each other before anything runs.

    Raises:
        AlifeError: with the reason; nothing has been written yet.
    """

    def __init__(self, config: RunConfig, registry: Registry) -> None:
        self.registry = registry
        self.pipeline = pipeline = Pipeline(config, registry)
        if "name" not in config.search:
            name = "illuminate" if config.score == "illumination" else self._climber()
            config = replace(config, search={"name": name, **config.search})
        evaluator = pipeline.evaluator
        if (
            "axes" not in config.search
            and (registry.searches[config.search["name"]].options() or {}).get("axes", ()) is None
        ):
            config = replace(config, search={**config.search, "axes": chosen_axes(evaluator.measure_names)})
        _, self.search = registry.searches.make(config.search)
        if config.prompts or config.negatives:
            require_text(evaluator.embedder, config.model["name"], registry)
        self.config = config = with_seen(config, evaluator.embedder, evaluator.img_size)
        self.targets = targets_of(config, evaluator.embedder)
        self.expression = bind_score(config.score, registry, evaluator, config.population, self.targets)
        self.axes = self._axes(getattr(self.search, "axes", ()))
        reads = self.expression.reads | (self.axes.reads if self.axes else frozenset())
        self._require_looked_at(reads)
        if "video" not in reads:
            tell_of_motions(pipeline.model, [*config.prompts, *config.negatives])
        first_key, self.generation_key = jax.random.split(jax.random.key(config.seed, impl=KEY_KIND))
        self.state = self.call("init", first_key, pipeline.space, config.population)
        asked = self.call("ask", first_key, self.state)  # pure: says now what would fail in the first generation
        expected = (config.population, pipeline.space.size)
        if not isinstance(asked, tuple) or np.shape(asked[0]) != expected:
            seen = np.shape(asked[0]) if isinstance(asked, tuple) else type(asked).__name__
            raise PluginError(
                f"search {config.search['name']!r}.ask returned {seen}; expected genotypes of shape {expected}"
            )

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of the search; what it raises becomes one error that names it."""
        try:
            return getattr(self.search, method)(*args)
        except AlifeError:
            raise
        except Exception as cause:
            name = f"search {self.config.search['name']!r}.{method}"
            raise PluginError(f"{name} raised {type(cause).__name__}: {first_line(cause)}") from cause

    def _axes(self, texts: Sequence[str]) -> Axes | None:
        config, evaluator = self.config, self.pipeline.evaluator
        if not texts:
            return None
        return Axes(texts, self.registry, evaluator, config.model["name"], config.population, self.targets)

    def _require_looked_at(self, reads: frozenset[str]) -> None:
        """What somebody has said of how worlds should look must count."""
        config = self.config
        if (config.prompts or config.images) and not reads & {"targets", "pictures"}:
            raise BadOption(
                f"score {config.score!r} looks at no prompt and no picture; use --score prompt or video, or add one"
            )
        if config.liked and "liked" not in reads:
            raise BadOption(f"score {config.score!r} looks at no lifeform that is liked; use --score liked, or add it")
        if config.negatives and "negatives" not in reads:
            raise BadOption(
                f"score {config.score!r} looks at no negative; say what the world should be with --prompt TEXT, or "
                f"--score '{config.score} - negative'"
            )

    def finished(self, state: Tree) -> bool:
        """Whether the search has nothing more to try; most searches always have."""
        return hasattr(self.search, "finished") and bool(self.call("finished", state))

    def _climber(self) -> str:
        return "Sep_CMA_ES" if self.pipeline.space.dtype == np.float32 else "random"


def run_search(
    world: Any,
    *,
    out: str | Path,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    before: Callable[[Setup], None] = lambda setup: None,
    begun: Callable[[RunConfig], None] = lambda config: None,
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
    setup = Setup(config, registry)
    before(setup)
    config, evaluator = setup.config, setup.pipeline.evaluator
    layout = layout_of(evaluator, config.substrate, clip=config.clip > 0, peak=config.peak)
    provenance = setup.pipeline.provenance()
    with create_archive(Path(out), layout, config=config.as_json(), provenance=provenance) as writer:
        begun(setup.config)
        _search(setup, writer, Path(out), stop)
    return open_archive(out)


def resume_search(
    path: str | Path,
    *,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    budget: Mapping[str, Any] | None = None,
    anyway: bool = False,
) -> Archive:
    """Go on with a search exactly where its last archived generation ended; with a life: `alife.chronicle`.

    Args:
        path: the archive.
        registry: what may be named; None = what is installed and the run's own plugin files.
        stop: asked after every generation; True ends the run early, resumable.
        budget: {"generations" | "evaluations" | "minutes": number} in place of the run's own, counted from its start.
        anyway: go on although the source of the substrate or the model is not what the run began with.

    Raises:
        AlifeError: with the reason; what was archived before stays.
    """
    with resume_archive(Path(path)) as writer:
        if writer.progress.get("kept"):
            raise ArchiveError(f"{path} holds worlds kept by hand; search on from them: alife search --from {path}")
        config = from_json(writer.archive.config)
        if budget:
            config = replace(config, **budget)
        setup = Setup(config, registry or registry_with(config.plugins))
        go_on(writer, setup.pipeline, anyway, "archive: bring the old code back, start a new search, or say --anyway")
        _search(setup, writer, Path(path), stop)
    return open_archive(path)


def go_on(writer: ArchiveWriter, pipeline: Pipeline, anyway: bool, advice: str) -> None:
    """Says what makes the lifeforms from now on; raises ArchiveError where that is other code than before.

    Args:
        writer: of the archive that is taken up.
        pipeline: what runs its worlds now.
        anyway: go on although the source of the substrate or the model has changed.
        advice: what two worlds would be mixed in, and what to do.
    """
    provenance = pipeline.provenance()
    changed = differences(writer.archive.origins[-1]["provenance"], provenance, only=("source", "identity"))
    if changed and not anyway:
        raise ArchiveError(
            f"{writer.path} was last run with other code: {'; '.join(changed)}. Going on would mix two worlds in one "
            f"{advice}"
        )
    # with the run's own budget: one that is given later changes no lifeform
    writer.begin_origin({"config": writer.archive.config, "provenance": provenance})


def _search(setup: Setup, writer: ArchiveWriter, path: Path, stop: Callable[[], bool]) -> None:
    n = setup.config.population
    state = setup.state if writer.generation < 0 else restore(setup.state, writer.checkpoint)
    progress = {**START, **writer.progress}
    memory = Memory(writer.archive, setup.pipeline.model.dim)
    clock = time.monotonic()
    while not stop() and not why_stop(setup.config, writer.generation + 1, progress):
        generation = writer.generation + 1
        ask_key, world_keys = keys_of_generation(setup.generation_key, generation, n)
        genotypes, state = setup.call("ask", ask_key, state)
        genotypes = np.asarray(genotypes)
        evaluation = evaluate(
            setup.pipeline.evaluator,
            setup.expression,
            genotypes,
            world_keys,
            memory.rows,
            memory.count,
            setup.targets,
            setup.axes,
        )
        if setup.axes and generation == 0:
            setup.axes.tell_of_stillness(evaluation)
        state, verdict = setup.call("tell", state, genotypes, evaluation)
        if generation == 0:
            verdict = with_given(verdict, genotypes, setup.pipeline.space.starts)
        sampled = sampled_worlds(setup.generation_key, generation, n, setup.config.sample)
        rows = kept_rows(genotypes, evaluation, verdict, sampled, progress["evaluations"], memory.numbers)
        rows = with_clips(rows, setup.pipeline.evaluator, setup.config.clip)
        clock, seconds = time.monotonic(), time.monotonic() - clock
        progress = advance(progress, evaluation, seconds, setup.finished(state))
        writer.append(rows, generation=generation, checkpoint=checkpoint(state), progress=progress)
        memory.add(rows)
        report = GenerationReport(
            generation=generation,
            evaluations=progress["evaluations"],
            lifeforms=memory.count,
            invalid=progress["invalid"],
            best=float("nan") if progress["best"] is None else progress["best"],
            coverage=memory.coverage,
            rate=len(genotypes) / seconds,
            seconds=progress["seconds"],
            seconds_left=seconds_left(setup.config, generation + 1, progress),
            evaluation=evaluation,
            path=path,
        )
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
