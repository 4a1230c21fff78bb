"""Search artificial worlds for life.

```
search.ask -> genotype -> worlds.engine (+ substrate.step_state) -> worlds.schedule + substrate.render_state -> frames
   -> model.embed_images -> z -> score -> search.tell -> storage append -> browse, replay, export
```

`alife.evaluate` is the way from genotypes to scores, `alife.run` the loop around it; who reads these two knows the
program.  A plugin is a module with functions marked `@alife.hookimpl`, see `alife.hookspecs`.

```
make_substrate, make_model, make_search     things by their registered names
rollout, evaluate_genotypes                 one world, and a population of worlds
run_search, resume_search                   a whole search into an archive
open_archive, find_lifeforms                what was found
Registry, default_registry                  what is installed
```
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .hookspecs import hookimpl as hookimpl

if TYPE_CHECKING:
    from .browser.notebook import NotebookPage as NotebookPage
    from .evaluate import evaluate_genotypes as evaluate_genotypes
    from .find import find_lifeforms as find_lifeforms
    from .making import make_model as make_model
    from .making import make_search as make_search
    from .making import make_substrate as make_substrate
    from .registry import Registry as Registry
    from .registry import default_registry as default_registry
    from .run import resume_search as resume_search
    from .run import run_search as run_search
    from .storage import open_archive as open_archive
    from .worlds.engine import rollout as rollout

# imported when first used: a plugin, or `alife list`, needs few of them
_HOMES = {
    "evaluate_genotypes": ".evaluate",
    "NotebookPage": ".browser.notebook",
    "find_lifeforms": ".find",
    "make_model": ".making",
    "make_search": ".making",
    "make_substrate": ".making",
    "Registry": ".registry",
    "default_registry": ".registry",
    "resume_search": ".run",
    "run_search": ".run",
    "open_archive": ".storage",
    "rollout": ".worlds.engine",
}

__all__ = ["hookimpl", *_HOMES]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("alife")
    if name not in _HOMES:
        raise AttributeError(f"module 'alife' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
