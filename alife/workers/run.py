"""Where a run on workers begins, and where it is taken up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..config import RunConfig, from_json, replace
from ..errors import BadOption
from ..registry import Registry, registry_with
from ..run import MIXED, go_on, require_same_code
from ..setup import Setup
from ..spread import core_count
from ..storage import (
    Archive,
    ArchiveWriter,
    create_archive,
    create_union,
    open_archive,
    resume_archive,
    resume_union,
)
from ..storage.remote import RemotePath, place_of
from .crew import Crew
from .islands import Islands
from .steady import Steady


def search_on_workers(
    config: RunConfig,
    *,
    out: str | Path | RemotePath,
    registry: Registry,
    workers: int,
    address: str | None = None,
    stop: Callable[[], bool] = lambda: False,
    before: Callable[[Setup], None] = lambda setup: None,
    begun: Callable[[RunConfig], None] = lambda config: None,
) -> Archive:
    """Search a world on several processes, and keep what is found in a new archive.

    Args:
        config: of the run; with `steady` it is one search whose worlds the workers run, else each searches an island.
        out: directory of the new archive, which every machine must find under this name; it must not exist.
        registry: what may be named; its plugins must be files or packages that every machine has.
        workers: processes, 1 or more.
        address: of a Ray cluster, HOST:PORT or `auto`; None = this machine.
        stop: asked twice a second; True ends the run early, resumable.
        before: told of a run in which everything has been found good, before anything is written; may raise.
        begun: told the whole configuration once everything in it has been found good.

    Raises:
        AlifeError: with the reason; whatever was archived before stays.
    """
    place = place_of(out)
    if isinstance(place, RemotePath) and place.base.startswith("memory:"):
        raise BadOption(f"{place} lasts as long as one process, and workers have their own; give another --out")
    with Crew(workers, address) as crew:
        setup = Setup(replace(config, plugins=registry.files), registry)
        require_suited(setup)
        before(setup)
        config, layout = setup.config, setup.pipeline.layout()
        said: dict[str, Any] = {"config": config.as_json(), "provenance": setup.pipeline.provenance()}
        if config.steady:
            with create_archive(out, layout, **said) as writer:
                begun(config)
                Steady(setup, writer, crew).run(stop)
        else:
            with create_union(out, layout, **said) as root:
                begun(config)
                Islands(setup, root, crew, workers).run(stop)
    return open_archive(out)


def resume_on_workers(
    path: str | Path | RemotePath,
    *,
    workers: int | None = None,
    address: str | None = None,
    registry: Registry | None = None,
    stop: Callable[[], bool] = lambda: False,
    budget: Mapping[str, Any] | None = None,
    anyway: bool = False,
) -> Archive:
    """Go on with a run on workers, from what its islands, or its one search, have committed.

    Args:
        path: the archive.
        workers: processes; more than there are islands make new ones, with fewer islands take turns; None = as many as
            there are islands, for a steady run as cores.
        address, registry, stop, budget, anyway: as for `search_on_workers` and `alife.resume_search`.

    Raises:
        AlifeError: with the reason; what was archived before stays.
    """
    archive = open_archive(path)
    config = from_json(archive.config)
    count = workers or (archive.island_count if archive.on_islands else core_count())
    with Crew(count, address) as crew:
        setup = Setup(replace(config, **(budget or {})), registry or registry_with(config.plugins))
        with resume_archive(path) if config.steady else resume_union(path) as writer:
            if isinstance(writer, ArchiveWriter):
                go_on(writer, setup.pipeline, anyway, MIXED)
                Steady(setup, writer, crew).run(stop)
            else:
                require_same_code(archive, setup.pipeline, anyway, MIXED)
                Islands(setup, writer, crew, count).run(stop)
    return open_archive(path)


def require_suited(setup: Setup) -> None:
    """Raises BadOption where a search cannot do what is asked of it."""
    config, search, name = setup.config, setup.search, setup.config.search["name"]
    if config.steady and not hasattr(search, "in_flight"):
        known = "map_elites, illuminate, novelty_search, Sep_CMA_ES, CMA_ES or random"
        raise BadOption(
            f"search {name!r} must be told of the worlds that it has asked for in their order, and --steady tells of "
            f"them as they end; use --search {known}, or leave --steady away: each worker then searches an island"
        )
    if not config.steady and hasattr(search, "finished"):
        raise BadOption(
            f"search {name!r} goes through a list of worlds, and every island would go through the same; leave "
            "--workers away, or give each machine a part of its own"
        )
