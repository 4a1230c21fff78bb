"""One registered thing: how to make it, and what is said about it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .errors import AlifeError, BadOption, PluginError, suggest
from .loading import is_ready, kind_of

if TYPE_CHECKING:
    from .registry import Registry


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
    needs: Mapping[str, str] = field(default_factory=dict)
    """Top-level modules that it cannot do without, each with what `pip install` brings it by."""
    instance: Any = field(default=None, repr=False, compare=False)
    """The thing itself, where it was handed over ready made; it takes no options."""
    registry: Registry | None = field(default=None, repr=False, compare=False)
    """Where it is registered: handed to a factory with a parameter `registry`, which makes other things by name."""

    def lacks(self) -> str:
        """What has to be installed first, in one sentence; empty where everything it needs is there.

        Modules are looked for and not imported: it takes no time to have plugins for what is not used.
        """
        absent = [module for module in self.needs if find_spec(module) is None]
        if not absent:
            return ""
        packages = " ".join(f"'{package}'" for package in dict.fromkeys(self.needs[module] for module in absent))
        what = f"package{'s' * (len(absent) > 1)} {', '.join(absent)}"
        return f"{self.kind} {self.name!r} needs the {what}: pip install {packages}"

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
        if self.instance is not None:
            if options:
                raise BadOption(f"{self.kind} {self.name!r} was handed over ready made and takes no options: {options}")
            return self.instance
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


def entry_of(kind: str, plugin: str, name: str, factory: Callable[..., Any] | str, **said: Any) -> Entry:
    """An entry from what a hook was told, see `alife.hookspecs`.

    Raises:
        PluginError: a name that is no word, no factory, or a keyword that there is not.
    """
    if not isinstance(name, str) or not name.isidentifier():
        raise PluginError(f"{kind} name {name!r} is not a word; expected letters, digits and _")
    ready = is_ready(factory) and kind_of(factory) == kind
    if not callable(factory) and not ready and not (isinstance(factory, str) and ":" in factory):
        raise PluginError(f"{kind} {name!r}: factory {factory!r} is neither callable nor 'module:attribute'")
    known = {"summary", "test_options", "source"} | ({"horizon", "peers", "needs"} if kind == "substrate" else set())
    for key in said:
        if key not in known:
            raise PluginError(f"{kind} {name!r}: register() takes no {key!r}; {suggest(key, sorted(known))}")
    if kind == "substrate" and not (isinstance(said.get("horizon"), int) and said["horizon"] > 0):
        raise PluginError(
            f"substrate {name!r}: horizon is {said.get('horizon')!r}; expected register(..., horizon=STEPS), 1 or more"
        )
    needs = said.get("needs", {})
    if not (isinstance(needs, Mapping) and all(isinstance(m, str) and m.isidentifier() for m in needs)):
        raise PluginError(f"{kind} {name!r}: needs is {needs!r}; expected {{module without dots: what pip installs}}")
    said.setdefault("summary", "")
    if ready:
        return Entry(kind, name, type(factory), plugin, instance=factory, **said)
    return Entry(kind, name, factory, plugin, **said)
