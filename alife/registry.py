"""What is installed: substrates, models, scores, searches and commands, with who brought them.

Everything arrives through the hooks of `hookspecs.py`, in this order: the modules that ship (`alife.plugins`,
`alife.search`, `alife.bench`), installed packages (entry-point group `alife`), single files.  A plugin that fails to
load is kept in `Registry.plugins` with its error and is never fatal.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from . import hookspecs
from .entry import Entry, entry_of
from .errors import AlifeError, PluginError, UnknownName
from .loading import (
    KINDS,
    hooks_of,
    kind_of,
    load_spec,
    modules_of,
    name_of,
    plugin_of,
    plural,
    rebuilt,
    spec_of,
    split,
)

if TYPE_CHECKING:
    import click

BUILT_IN_PACKAGES = ("alife.plugins", "alife.search")
"""Every module in these that has hooks is a plugin that ships."""
BUILT_IN_MODULES = ("alife.bench",)
TRACE = "ALIFE_TRACE_PLUGINS"
"""Environment variable: where it is set, every plugin that is loaded is told on stderr."""


class Catalogue(Mapping[str, Entry]):
    """All entries of one kind, by name; those that lack what they need are not among them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}
        self.absent: dict[str, Entry] = {}
        """What is registered, and needs packages that are not installed."""

    def __getitem__(self, name: str) -> Entry:
        entry = self._entries.get(name) or self.absent.get(name)
        if entry is None:
            raise UnknownName(self.kind, name, self._entries, f"`alife list {plural(self.kind)}` shows them")
        lacks = entry.lacks() if name in self.absent else ""
        if lacks:
            raise PluginError(lacks)
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def make(self, said: Mapping[str, Any]) -> tuple[Entry, Any]:
        """The entry that a table of a configuration names by `name`, and the thing made with the table's options."""
        entry = self[said["name"]]
        return entry, entry.make(**{key: value for key, value in said.items() if key != "name"})

    def able(self, ability: str) -> list[str]:
        """Names of those that have an optional ability, such as `embed_text`; broken ones are passed over."""
        found = []
        for name, entry in self.items():
            with suppress(PluginError):
                found += [name] if hasattr(entry.resolve(), ability) else []
        return found

    def add(self, entry: Entry) -> None:
        """Take an entry in; a second one of the same name is an error that names both plugins."""
        other = self._entries.get(entry.name) or self.absent.get(entry.name)
        if other is not None:
            raise PluginError(
                f"{self.kind} {entry.name!r} is registered by {other.plugin!r} and by {entry.plugin!r}; "
                "rename one of them, or uninstall one of the plugins"
            )
        (self.absent if entry.lacks() else self._entries)[entry.name] = entry


@dataclass(frozen=True)
class Plugin:
    """One plugin that was found, and what became of it."""

    name: str
    where: str
    """"built in", "file", "object", or the package that brought it, with its version."""
    error: str = ""
    """Why it did not load; empty where it did."""
    hooks: tuple[str, ...] = ()
    """Names of the hooks that it has."""
    brings: tuple[str, ...] = ()
    """Names of the things that it registered."""
    seconds: float = 0.0
    """That loading it took."""


class Registry:
    """Everything found at the moment of making it.

    Args:
        files: single-file plugins, as `--plugin` gives them: FILE.py, or FILE.py:Class for a class or function alone.
        built_in: False leaves out what ships (for tests).
        installed: False leaves out installed packages (for tests).

    Raises:
        PluginError: one of `files` does not load: who names a file wants to know.
    """

    def __init__(self, files: Sequence[str | Path] = (), *, built_in: bool = True, installed: bool = True) -> None:
        self.substrates, self.models, self.scores, self.searches = (Catalogue(kind) for kind in KINDS)
        self.commands: dict[str, click.Command] = {}
        self.plugins: list[Plugin] = []
        self.files = list(dict.fromkeys(":".join(filter(None, split(file))) for file in files))
        self.hooks = pluggy.PluginManager("alife")
        self.hooks.add_hookspecs(hookspecs)
        if built_in:
            for name in (*modules_of(BUILT_IN_PACKAGES), *BUILT_IN_MODULES):
                self._load(name, "built in", partial(importlib.import_module, name))
        if installed:
            for point in entry_points(group="alife"):
                where = f"package {point.dist.name} {point.dist.version}" if point.dist else "installed"
                self._load(point.name, where, partial(_of_entry_point, point))
        for file in self.files:
            self._load(file, "file", partial(load_spec, file))
            if self.plugins[-1].error:
                raise PluginError(f"plugin file {file}: {self.plugins[-1].error}")

    def take(self, thing: Any) -> str:
        """Register a class, an instance or a function on its own, and give the name that it has from now on.

        Raises:
            PluginError: it is no substrate, model, score or search, or one of that name is there.
        """
        name = name_of(thing)
        self._load(name, "object", partial(plugin_of, thing))
        if self.plugins[-1].error:
            raise PluginError(self.plugins[-1].error)
        return name

    def _load(self, name: str, where: str, load: Callable[[], Any]) -> None:
        error, brings, hooks, begun = "", tuple[str, ...](), list[str](), time.perf_counter()
        try:
            plugin = load()
            hooks = hooks_of(plugin)
            if not hooks:
                if where == "built in":
                    return  # a plain module beside the plugins
                raise PluginError(
                    "it has no function marked @alife.hookimpl, so it brings nothing; a class in it is meant by "
                    "FILE.py:Class"
                )
            self.hooks.register(plugin, name)
            try:
                self.hooks.check_pending()  # a mistyped hook, before anything is taken in
                brings = self._collect(plugin, name)
            except BaseException:
                self.hooks.unregister(plugin)
                raise
        except (Exception, SystemExit) as cause:
            error = str(cause) if isinstance(cause, AlifeError) else f"{type(cause).__name__}: {cause}"
        taken = time.perf_counter() - begun
        self.plugins.append(Plugin(name, where, error, tuple(hooks), brings, taken))
        if os.environ.get(TRACE):
            said = error or f"{', '.join(hooks)} -> {', '.join(brings) or 'nothing to name'}"
            print(f"alife: plugin {name} ({where}) in {taken * 1000:.1f} ms: {said}", file=sys.stderr)

    def _collect(self, plugin: Any, name: str) -> tuple[str, ...]:
        """Take in what one plugin registers: all of it, or nothing when any of it is wrong."""
        staged: list[Entry] = []

        def stage(kind: str, *args: Any, **said: Any) -> None:
            staged.append(replace(entry_of(kind, name, *args, **said), registry=self))

        commands: list[click.Command] = []
        for kind in KINDS:
            hook = getattr(plugin, f"register_{plural(kind)}", None)
            if hook is not None:
                hook(register=partial(stage, kind))
        hook = getattr(plugin, "register_commands", None)
        if hook is not None:
            hook(register=commands.append)
        before = {kind: (dict(self.of_kind(kind)._entries), dict(self.of_kind(kind).absent)) for kind in KINDS}
        try:
            for entry in staged:
                self.of_kind(entry.kind).add(entry)
            for command in commands:
                if command.name in self.commands:
                    raise PluginError(f"command {command.name!r} is registered twice; {name!r} is the second")
        except BaseException:
            for kind in KINDS:
                self.of_kind(kind)._entries, self.of_kind(kind).absent = before[kind]
            raise
        self.commands.update({str(command.name): command for command in commands})
        return (*(entry.name for entry in staged), *(f"alife {command.name}" for command in commands))

    @property
    def horizons(self) -> dict[str, int]:
        """Steps that each substrate runs for by default, also of those that lack a package: who makes one is told."""
        known = {**self.substrates, **self.substrates.absent}
        return {name: entry.horizon for name, entry in sorted(known.items())}

    def of_kind(self, kind: str) -> Catalogue:
        """The catalogue of a kind: "substrate", "model", "score" or "search"."""
        return getattr(self, plural(kind))


def own_world(thing: Any, registry: Registry) -> tuple[str, Registry, list[str], dict[str, Any]]:
    """A substrate of a Python user's own, to be run by name.

    Args:
        thing: its class, or one ready made.
        registry: what else may be named.

    Returns:
        The name, a registry that knows it, where other processes find it (empty = nowhere), and its options.

    Raises:
        PluginError: it is no substrate, or one of that name is registered.
    """
    if kind_of(thing) != "substrate":
        raise PluginError(
            f"{thing!r:.100} cannot be run; expected the name of a world, or a substrate: a class with step_state, see "
            "alife.substrate"
        )
    known = Registry(registry.files)
    options = dict[str, Any]()
    made = None if isinstance(thing, type) else rebuilt(thing)
    if made is not None:
        thing, options = made
    spec = spec_of(thing) if isinstance(thing, type) else None
    return known.take(thing), known, [spec] if spec else [], options


@cache
def default_registry() -> Registry:
    """The registry of what ships and what is installed, made once per process."""
    return Registry()


def registry_with(files: Sequence[str | Path]) -> Registry:
    """What ships and what is installed, with plugin files on top where there are any."""
    return Registry(files) if files else default_registry()


def _of_entry_point(point: EntryPoint) -> Any:
    """What an installed package names: a module with hooks, or a class or function alone, by the point's name."""
    found = point.load()
    return found if hooks_of(found) or inspect.ismodule(found) else plugin_of(found, point.name)
