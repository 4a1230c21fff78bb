"""Tables in Python source, read without running it: torch and its gigabytes stay out of the process."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

_OPERATORS = {ast.Div: lambda a, b: a / b, ast.Mult: lambda a, b: a * b, ast.Add: lambda a, b: a + b}


@cache
def tables(path: Path, also: Path | None = None) -> dict[str, Any]:
    """Every name that a module gives a plain value at its top level: numbers, texts, tuples, lists and dicts.

    What cannot be computed this way is its own text, such as "nn.SiLU".

    Args:
        path: the module.
        also: another module, whose values it uses.
    """
    names: dict[str, Any] = dict(tables(also)) if also else {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.setdefault(node.name, node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            # the first assignment is the table; a later one only wraps it
            names.setdefault(node.targets[0].id, _value(node.value, names))
    return names


@cache
def local_tables(path: Path, local: str) -> dict[str, dict[str, Any]]:
    """For each function of a module that begins with `local = dict(...)`: that dict."""
    found = {}
    for function in ast.parse(path.read_text("utf-8")).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in function.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == local:
                found[function.name] = _value(node.value, {})
    return found


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names.get(node.id, node.id)
        case ast.Tuple() | ast.List():
            return tuple(_value(item, names) for item in node.elts)
        case ast.Dict():
            return _mapping([(None if k is None else _value(k, names), v) for k, v in _pairs(node)], names)
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, names)
        case ast.BinOp() if type(node.op) in _OPERATORS:
            return _OPERATORS[type(node.op)](_value(node.left, names), _value(node.right, names))
        case ast.Call(func=ast.Name(id=name), args=[]) if name == "dict" or isinstance(
            names.get(name), ast.FunctionDef
        ):
            given = _mapping([(word.arg, word.value) for word in node.keywords], names)
            return given if name == "dict" else _called(names[name], given, names)
    return ast.unparse(node)


def _pairs(node: ast.Dict) -> list[tuple[ast.expr | None, ast.expr]]:
    return list(zip(node.keys, node.values, strict=True))


def _mapping(pairs: list[tuple[Any, ast.expr]], names: dict[str, Any]) -> dict[Any, Any]:
    """A dict; a pair without a key is a `**mapping`."""
    made: dict[Any, Any] = {}
    for key, value in pairs:
        made.update(_value(value, names) if key is None else {key: _value(value, names)})
    return made


def _called(function: ast.FunctionDef, given: dict[str, Any], names: dict[str, Any]) -> Any:
    """What a function that is one `return` gives for keyword arguments."""
    parameters = [a.arg for a in function.args.args]
    defaults = [_value(default, names) for default in function.args.defaults]
    inner = {**names, **dict(zip(parameters[len(parameters) - len(defaults) :], defaults, strict=True))}
    inner |= {name: value for name, value in given.items() if name in parameters}
    if function.args.kwarg:
        inner[function.args.kwarg.arg] = {name: v for name, v in given.items() if name not in parameters}
    end = function.body[-1]
    return _value(end.value, inner) if isinstance(end, ast.Return) and end.value else ast.unparse(function)
