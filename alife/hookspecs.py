"""Every hook, on one page.

A plugin is a module (or any object) with functions of these names, marked `@alife.hookimpl`; an installed package
names it under the entry-point group `alife`, a single file is loaded with `--plugin FILE.py`.  What ships uses the
same hooks.  Each `register_*` is handed a `register` function; a `factory` is a callable (usually the class) or a
string `"package.module:attribute"`, which is imported only when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    import click

    from .run import GenerationReport

hookspec = pluggy.HookspecMarker("alife")
hookimpl = pluggy.HookimplMarker("alife")


@hookspec
def register_substrates(register: Callable[..., None]) -> None:
    """`register(name, factory, *, summary, horizon, test_options={}, source="", peers={}, needs={})`

    horizon: steps that one world runs for unless a world file says otherwise.
    test_options: constructor options that make it tiny, for the conformance checks.
    source: the publication it follows.
    peers: what published programs take, for `alife bench`: {"NAME": (milliseconds per step, per 224 px frame)}.
    needs: modules that it cannot do without, and what `pip install` brings each by: {"gymnax": "alife[envs-gymnax]"}.
        Where one is not there the substrate is not either, and who names it is told what to install.
    """


@hookspec
def register_models(register: Callable[..., None]) -> None:
    """`register(name, factory, *, summary, test_options={}, source="")`

    `NAME:REST` on a command line or in a world file gives REST to the constructor's option `which`.  A parameter
    `registry` is no option: the factory is handed the `alife.registry.Registry` it is registered in, to make other
    models by name.  See `alife.model.Model` for what a model has.
    """


@hookspec
def register_scores(register: Callable[..., None]) -> None:
    """`register(name, function, *, summary, test_options={}, source="")`

    `function(population, **options) -> [N]`, see `alife.types.Population`; higher is better.
    """


@hookspec
def register_searches(register: Callable[..., None]) -> None:
    """`register(name, factory, *, summary, test_options={}, source="")`"""


@hookspec
def register_commands(register: Callable[[click.Command], None]) -> None:
    """`register(command)`: adds a click command to the `alife` command line."""


@hookspec
def generation_finished(report: GenerationReport) -> Any:
    """A generation has been evaluated, told to the search and safely archived.

    The report holds the numbers for people (generation, evaluations per second, best, coverage, seconds left), the
    evaluation itself (None where islands search on workers) and the path of the archive.  An exception stops the run
    after it is closed properly.
    """
