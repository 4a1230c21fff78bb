"""What is installed: substrates, models, scores, searches and commands, with who brought them.

Everything arrives through the hooks of `hookspecs.py`, in this order: the modules that ship (`alife.plugins`,
`alife.search`, `alife.bench`), installed packages (entry-point group `alife`), single files.  A plugin that fails to
load is kept in `Registry.plugins` with its error and is never fatal.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from . import hookspecs
from .errors import AlifeError, BadOption, PluginError, UnknownName, suggest

if TYPE_CHECKING:
    import click

KINDS = ("substrate", "model", "score", "search")
BUILT_IN_PACKAGES = ("alife.plugins", "alife.search")
"""Every module in these that has hooks is a plugin that ships."""
BUILT_IN_MODULES = ("alife.bench",)


@dataclass(frozen=True)
class Entry:
    """One registered thing: how to make it, and what is said about it."""

    kind: str
    name: str
    factory: Callable[..., Any] | str
    plugin: str
    summary: str
    horizon: int = 0
    test_options: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    peers: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """What published programs take on one core, by name: milliseconds per world and step, and per picture."""
    registry: Registry | None = field(default=None, repr=False, compare=False)
    """Where it is registered: handed to a factory with a parameter `registry`, which makes other things by name."""

    def resolve(self) -> Callable[..., Any]:
        """The factory itself, imported if it was given as "module:attribute".

        Raises:
            PluginError: it cannot be imported.
        """
        if not isinstance(self.factory, str):
            return self.factory
        module, _, attribute = self.factory.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as cause:
            raise PluginError(
                f"{self.kind} {self.name!r} of plugin {self.plugin!r} names {self.factory!r}, "
                f"which cannot be imported: {cause!r}"
            ) from cause

    def make(self, **options: Any) -> Any:
        """Construct it; options go to its constructor.

        Raises:
            BadOption: an option that the constructor does not have, or refuses.
            PluginError: the constructor fails.
        """
        factory = self.resolve()
        known = self.options()
        for name in options:
            if known is not None and name not in known:
                raise BadOption(self._no_option(name, options[name], known))
        given = {"registry": self.registry} if "registry" in (self._parameters() or ()) else {}
        try:
            return factory(**options, **given)
        except AlifeError:
            raise
        except (TypeError, ValueError) as cause:
            raise BadOption(f"{self.kind} {self.name!r} refuses {options}: {cause}") from cause
        except Exception as cause:
            raise PluginError(f"{self.kind} {self.name!r} of plugin {self.plugin!r} raised: {cause!r}") from cause

    def options(self) -> dict[str, Any] | None:
        """Option names with their defaults (`inspect.Parameter.empty` = needed); None when it takes any."""
        known = self._parameters()
        return None if known is None else {name: default for name, default in known.items() if name != "registry"}

    def _no_option(self, name: str, value: Any, known: Mapping[str, Any]) -> str:
        if name == "which":  # the user may never have written that word
            return f"{self.kind} {self.name!r} comes in one form; {value!r} cannot be chosen, write {self.name} alone"
        return f"{self.kind} {self.name!r} has no option {name!r}; {suggest(name, known)}"

    def _parameters(self) -> dict[str, Any] | None:
        try:
            parameters = inspect.signature(self.resolve()).parameters.values()
        except ValueError:
            return None
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return None
        skipped = 1 if self.kind == "score" else 0  # a score's first argument is the population
        return {p.name: p.default for p in list(parameters)[skipped:]}


class Catalogue(Mapping[str, Entry]):
    """All entries of one kind, by name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, Entry] = {}

    def __getitem__(self, name: str) -> Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._entries, f"`alife list {plural(self.kind)}` shows them") from None

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
        other = self._entries.get(entry.name)
        if other is not None:
            raise PluginError(
                f"{self.kind} {entry.name!r} is registered by {other.plugin!r} and by {entry.plugin!r}; "
                "rename one of them, or uninstall one of the plugins"
            )
        self._entries[entry.name] = entry


@dataclass(frozen=True)
class Plugin:
    """One plugin that was found, and what became of it."""

    name: str
    where: str
    error: str = ""


class Registry:
    """Everything found at the moment of making it.

    Args:
        files: single-file plugins, as `--plugin` gives them.
        built_in: False leaves out what ships (for tests).
        installed: False leaves out installed packages (for tests).

    Raises:
        PluginError: one of `files` does not load: who names a file wants to know.
    """

    def __init__(self, files: Sequence[str | Path] = (), *, built_in: bool = True, installed: bool = True) -> None:
        self.substrates, self.models, self.scores, self.searches = (Catalogue(kind) for kind in KINDS)
        self.commands: dict[str, click.Command] = {}
        self.plugins: list[Plugin] = []
        self.files = list(dict.fromkeys(str(Path(file).resolve()) for file in files))
        self.hooks = pluggy.PluginManager("alife")
        self.hooks.add_hookspecs(hookspecs)
        if built_in:
            for name in (*_modules(BUILT_IN_PACKAGES), *BUILT_IN_MODULES):
                self._load(name, "built in", partial(importlib.import_module, name))
        if installed:
            for point in entry_points(group="alife"):
                where = f"package {point.dist.name} {point.dist.version}" if point.dist else "installed"
                self._load(point.name, where, point.load)
        for file in self.files:
            self._load(file, "file", partial(load_file, file))
            if self.plugins and self.plugins[-1].name == file and self.plugins[-1].error:
                raise PluginError(f"plugin file {file}: {self.plugins[-1].error}")

    def _load(self, name: str, where: str, load: Callable[[], Any]) -> None:
        error = ""
        try:
            plugin = load()
            if not _has_hooks(plugin):
                if where == "built in":
                    return  # a plain module beside the plugins
                raise PluginError("it has no function marked @alife.hookimpl, so it brings nothing")
            self.hooks.register(plugin, name)
            try:
                self.hooks.check_pending()  # a mistyped hook, before anything is taken in
                self._collect(plugin, name)
            except BaseException:
                self.hooks.unregister(plugin)
                raise
        except (Exception, SystemExit) as cause:
            error = str(cause) if isinstance(cause, AlifeError) else f"{type(cause).__name__}: {cause}"
        self.plugins.append(Plugin(name, where, error))

    def _collect(self, plugin: Any, name: str) -> None:
        """Take in what one plugin registers: all of it, or nothing when any of it is wrong."""
        staged: list[Entry] = []

        def stage(kind: str, *args: Any, **said: Any) -> None:
            staged.append(replace(_entry(kind, name, *args, **said), registry=self))

        commands: list[click.Command] = []
        for kind in KINDS:
            hook = getattr(plugin, f"register_{plural(kind)}", None)
            if hook is not None:
                hook(register=partial(stage, kind))
        hook = getattr(plugin, "register_commands", None)
        if hook is not None:
            hook(register=commands.append)
        before = {kind: dict(self.of_kind(kind)._entries) for kind in KINDS}
        try:
            for entry in staged:
                self.of_kind(entry.kind).add(entry)
            for command in commands:
                if command.name in self.commands:
                    raise PluginError(f"command {command.name!r} is registered twice; {name!r} is the second")
        except BaseException:
            for kind in KINDS:
                self.of_kind(kind)._entries = before[kind]
            raise
        self.commands.update({str(command.name): command for command in commands})

    @property
    def horizons(self) -> dict[str, int]:
        """Steps that each substrate runs for by default."""
        return {name: entry.horizon for name, entry in self.substrates.items()}

    def of_kind(self, kind: str) -> Catalogue:
        """The catalogue of a kind: "substrate", "model", "score" or "search"."""
        return getattr(self, plural(kind))


def plural(kind: str) -> str:
    """The plural of a kind.

    >>> plural("search"), plural("model")
    ('searches', 'models')
    """
    return kind + ("es" if kind.endswith("ch") else "s")


@cache
def default_registry() -> Registry:
    """The registry of what ships and what is installed, made once per process."""
    return Registry()


def registry_with(files: Sequence[str | Path]) -> Registry:
    """What ships and what is installed, with plugin files on top where there are any."""
    return Registry(files) if files else default_registry()


def load_file(file: str) -> Any:
    """Import one Python file under a name of its own.

    Raises:
        PluginError: it does not exist.
    """
    path = Path(file)
    if not path.is_file():
        raise PluginError("there is no such file")
    name = f"alife_plugin_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError("it is not a Python file; expected a name ending in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _modules(packages: Sequence[str]) -> Iterator[str]:
    for package in packages:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            yield f"{package}.{module.name}"


def _entry(kind: str, plugin: str, name: str, factory: Callable[..., Any] | str, **said: Any) -> Entry:
    if not isinstance(name, str) or not name.isidentifier():
        raise PluginError(f"{kind} name {name!r} is not a word; expected letters, digits and _")
    if not callable(factory) and not (isinstance(factory, str) and ":" in factory):
        raise PluginError(f"{kind} {name!r}: factory {factory!r} is neither callable nor 'module:attribute'")
    known = {"summary", "test_options", "source"} | ({"horizon", "peers"} if kind == "substrate" else set())
    for key in said:
        if key not in known:
            raise PluginError(f"{kind} {name!r}: register() takes no {key!r}; {suggest(key, sorted(known))}")
    if kind == "substrate" and not (isinstance(said.get("horizon"), int) and said["horizon"] > 0):
        raise PluginError(
            f"substrate {name!r}: horizon is {said.get('horizon')!r}; expected register(..., horizon=STEPS), 1 or more"
        )
    said.setdefault("summary", "")
    return Entry(kind, name, factory, plugin, **said)


def _has_hooks(plugin: Any) -> bool:
    names = [name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "alife_spec")]
    return any(hasattr(getattr(plugin, name, None), "alife_impl") for name in names)
