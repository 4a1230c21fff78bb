"""How plugins come in: modules, files, and classes or functions on their own."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from . import hookspecs
from .errors import PluginError, suggest

KINDS = ("substrate", "model", "score", "search")
MARKS = {"substrate": "step_state", "model": "embed_images", "search": "ask"}
"""The method by which a class on its own is known for what it is; a function is a score."""
HORIZON = 256
"""Steps that worlds of a substrate run for where neither its registration nor an attribute `horizon` says it."""
HOOKS = tuple(name for name in dir(hookspecs) if hasattr(getattr(hookspecs, name), "alife_spec"))
"""Names of all hooks."""


def plural(kind: str) -> str:
    """The plural of a kind.

    >>> plural("search"), plural("model")
    ('searches', 'models')
    """
    return kind + ("es" if kind.endswith("ch") else "s")


def hooks_of(plugin: Any) -> list[str]:
    """Names of the hooks that a plugin has."""
    return [name for name in HOOKS if hasattr(getattr(plugin, name, None), "alife_impl")]


def kind_of(thing: Any) -> str | None:
    """What a class, an instance or a function is: one of `KINDS`, or None.

    >>> kind_of(lambda population: population.z), kind_of("text")
    ('score', None)
    """
    for kind, mark in MARKS.items():
        if callable(getattr(thing, mark, None)):
            return kind
    return "score" if inspect.isroutine(thing) else None


def name_of(thing: Any) -> str:
    """The name by which a thing on its own is registered: that of its class or function."""
    return str(getattr(thing, "__name__", type(thing).__name__))


def plugin_of(thing: Any, name: str = "") -> Any:
    """A plugin that brings nothing but one class, instance or function, under its own or another name.

    Raises:
        PluginError: it is none of the kinds of things that there are.
    """
    kind = kind_of(thing)
    if kind is None:
        marks = ", ".join(f"{method} (a {kind})" for kind, method in MARKS.items())
        raise PluginError(
            f"{name_of(thing)} is nothing to register; expected a class with {marks}, or a function (a score)"
        )
    told: dict[str, Any] = {"summary": (inspect.getdoc(thing) or "").partition("\n")[0]}
    if kind == "substrate":
        told["horizon"] = getattr(thing, "horizon", HORIZON)
    told.update(said_of(thing))

    def register_it(register: Callable[..., None]) -> None:
        register(name or name_of(thing), thing, **told)

    return SimpleNamespace(**{f"register_{plural(kind)}": hookspecs.hookimpl(register_it)})


def said_of(thing: Any) -> dict[str, Any]:
    """What the module of a class, instance or function tells where it registers it itself: a horizon, for instance."""
    own = thing if hasattr(thing, "__name__") else type(thing)
    hook = getattr(sys.modules.get(own.__module__), f"register_{plural(kind_of(thing) or '')}", None)
    said: dict[str, Any] = {}

    def register(name: str, factory: Any, **told: Any) -> None:
        if factory is own:
            said.update(told)

    if hook is not None and hasattr(hook, "alife_impl"):
        hook(register=register)
    return said


def is_ready(thing: Any) -> bool:
    """Whether it is a substrate, model or search itself, and not what makes one."""
    return not isinstance(thing, type) and kind_of(thing) in MARKS


def factory_of(thing: Any, options: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """What makes a thing, and with which options: a class as it is; a ready-made one again, where it tells how.

    >>> class Heat:
    ...     def __init__(self, size=8):
    ...         self.size = size
    ...     step_state = None
    >>> factory_of(Heat, {"size": 4})[1]
    {'size': 4}
    """
    if not is_ready(thing):
        return thing, dict(options)
    return rebuilt(thing) or (lambda: thing, {})


def split(spec: str | Path) -> tuple[str, str]:
    """Where a plugin is, and the class or function there that is meant; empty = what its hooks register.

    A file becomes absolute; what does not look like one is the name of a module.

    >>> split("/a/heat.py:Heat"), split("/a/heat.py"), split("heat.worlds:Heat")
    (('/a/heat.py', 'Heat'), ('/a/heat.py', ''), ('heat.worlds', 'Heat'))
    """
    where, colon, attribute = str(spec).rpartition(":")
    if not colon or not attribute.isidentifier() or Path(str(spec)).is_file():
        where, attribute = str(spec), ""
    module = attribute and not where.endswith(".py") and all(map(str.isidentifier, where.split(".")))
    return where if module else str(Path(where).resolve()), attribute


def is_spec(text: str) -> bool:
    """Whether a text names a class or function in a file or module, and no registered name.

    >>> is_spec("heat.py:Heat"), is_spec("lenia")
    (True, False)
    """
    return bool(split(text)[1])


def load_spec(spec: str) -> Any:
    """A plugin from FILE.py, from FILE.py:Class, or from package.module:Class.

    Raises:
        PluginError: there is no such file, or no such thing in it.
    """
    where, attribute = split(spec)
    return plugin_of(load_member(spec), attribute) if attribute else load_file(where)


def load_member(spec: str) -> Any:
    """The class or function that FILE.py:Class or package.module:Class names.

    Raises:
        PluginError: there is no such file, or no such thing in it; near names are suggested.
    """
    where, attribute = split(spec)
    module = load_file(where) if where.endswith(".py") else importlib.import_module(where)
    found = getattr(module, attribute, None)
    if found is None:
        raise PluginError(f"there is no class {attribute!r} in it; {suggest(attribute, _own(module))}")
    return found


def refuse_bare_file(text: str) -> None:
    """Raise PluginError where a text names a file and no class in it; says which ones there are."""
    if not text.endswith(".py") or not Path(text).is_file():
        return
    own = _own(load_file(text))
    names = [f"{text}:{name}" for name, thing in own.items() if isinstance(thing, type) and kind_of(thing)]
    raise PluginError(f"{text} is a file; say which class in it is meant: {' or '.join(names)}")


def _own(module: Any) -> dict[str, Any]:
    """What a module defines itself, by name."""
    return {name: thing for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__}


def spec_of(thing: type) -> str | None:
    """Where another process finds a class again, as `load_spec` takes it; None where nobody could.

    A class of a notebook, or one made inside a function, cannot be found.
    """
    module = sys.modules.get(thing.__module__)
    file = getattr(module, "__file__", None)
    if module is None or not file or getattr(module, thing.__name__, None) is not thing:
        return None
    if module.__name__ != "__main__" and module.__package__:  # its file alone could not import its neighbours
        return f"{module.__name__}:{thing.__name__}"
    return f"{Path(file).resolve()}:{thing.__name__}"


def rebuilt(instance: Any) -> tuple[type, dict[str, Any]] | None:
    """The class of an instance and the options that make an equal one; None where the instance does not tell.

    An instance tells when it keeps each argument of its constructor, a plain value, under the argument's own name, and
    a second one made from these is the same in everything that it holds.

    >>> from fractions import Fraction
    >>> class Heat:
    ...     def __init__(self, size=8):
    ...         self.size = size
    >>> rebuilt(Heat(16))[1], rebuilt(Fraction(1, 2))
    ({'size': 16}, None)
    """
    from .testing.tracing import freeze

    names = list(inspect.signature(type(instance)).parameters)
    try:
        options = {name: getattr(instance, name) for name in names}
        json.dumps(options)
        twin = type(instance)(**options)
        same = freeze(vars(twin)) == freeze(vars(instance))
    except Exception:  # what an unknown constructor does with its own values is anybody's guess
        return None
    return (type(instance), options) if same else None


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


def modules_of(packages: Sequence[str]) -> Iterator[str]:
    """Full names of all modules in some packages."""
    for package in packages:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            yield f"{package}.{module.name}"
