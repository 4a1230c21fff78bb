"""A search that begins where another one ended: with lifeforms of its archive."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from .chronicle import is_chronicle
from .config import RunConfig, from_json, load_world, merged
from .errors import BadOption
from .liked import place_and_ids
from .registry import Registry
from .storage import Archive, Lifeform, open_archive


def branch(origin: str, world: str | None, registry: Registry, **changes: Any) -> RunConfig:
    """The configuration of a search whose first generation begins with lifeforms of an archive.

    Args:
        origin: RUN:ID for one lifeform (RUN:3,7 for several), or RUN for its best, as many as a generation has worlds.
        world: to be searched, as `load_world` takes it, of the same substrate; None = the archive's own, with its
            score, model and search.
        registry: what may be named.
        changes: keys of `RunConfig` on top.

    Raises:
        BadOption: an archive without lifeforms, or of another substrate than the world.
        NoSuchLifeform: the archive holds no lifeform of that number.
        ArchiveError: there is no archive.
    """
    path, ids = place_and_ids(origin, "--from")
    archive = open_archive(path)
    first = archive[ids[0]] if ids else _best(archive, 1)[0]
    if world is None:
        known = from_json(first.config).as_json()
        if is_chronicle(archive):  # which no search has made: the world goes on, its budget and population do not
            known |= {"search": {}, "population": RunConfig.population, "generations": None}
        config = RunConfig(**merged(known, changes))
    else:
        config = load_world(world, registry.horizons, **changes)
    if len(ids) > config.population:
        raise BadOption(f"--from names {len(ids)} lifeforms; expected at most the {config.population} of a generation")
    of = config.substrate if config.substrate in archive.substrates else None
    lifeforms = [archive[i] for i in ids] if ids else _best(archive, config.population, of)
    others = [lifeform for lifeform in lifeforms if lifeform.substrate != config.substrate]
    if others:
        raise BadOption(
            f"lifeform {others[0].id} of {path} is of {others[0].substrate!r}, and the search is of a world of "
            f"{config.substrate!r}; expected the same substrate"
        )
    named = f"{path}:{','.join(str(lifeform.id) for lifeform in lifeforms)}"
    genotypes = [lifeform.genotype.tolist() for lifeform in lifeforms]
    return RunConfig(**{**config.as_json(), "genotype": genotypes, "origin": named})


def _best(archive: Archive, n: int, substrate: str | None = None) -> Sequence[Lifeform]:
    """Up to n of the best lifeforms, damaged ones left out."""
    best = archive.best(max(1, len(archive)), substrate)
    found = list(islice((lifeform for lifeform in best if lifeform.readable), n))
    if not found:
        raise BadOption(f"{archive.path} holds no lifeform to begin with")
    return found
