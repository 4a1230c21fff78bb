"""Scores as people write them: weighted sums such as `open_ended + 0.2*speed`, bound to what is registered.

A name is a registered score or a measure of the substrate.  Allowed are + - * / with numbers, brackets, and options
in call form: `novelty(k=3)`.  Higher is better, always.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .errors import AlifeError, BadOption, PluginError, UnknownName, first_line, point_at, suggest
from .registry import Registry
from .types import Population

Term = Callable[[Population], Any]
_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


class ScoreExpression:
    """A score compiled from text; calling it gives one number for each world of a population.

    Args:
        text: the expression.
        registry: where score names are looked up.
        measures: names of the substrate's measures.

    Raises:
        BadOption: the text is not such an expression, or a score refuses its options.
        UnknownName: a name that is neither a score nor a measure.
    """

    def __init__(self, text: str, registry: Registry, measures: Sequence[str]) -> None:
        self.text = text
        self.names: set[str] = set()
        self._registry, self.measures = registry, tuple(measures)
        self.reads = frozenset(Population._fields)
        """Fields of the population that it looks at; all of them until `check` has seen which."""
        try:
            tree = ast.parse(text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            offset = getattr(error, "offset", None) or len(text.strip()) + 1  # 0 or none: it ends too early
            raise BadOption(
                f"score cannot be read; expected a sum such as 'open_ended + 0.2*speed'{self._under(offset - 1)}"
            ) from None
        self._term = self._bind(tree.body)
        if not self.names:
            raise BadOption(f"score {text!r} names no score; expected a sum such as 'open_ended + 0.2*speed'")
        self._program = jax.jit(self._evaluate)

    def __call__(self, population: Population) -> Float[Array, " N"]:
        """Higher is better; one number per world, NaN where the expression divides by zero."""
        return self._program(population)

    def check(self, population: Population) -> None:
        """Raise now what populations of this one's shapes would make it raise, and see what it reads."""
        traced = jax.make_jaxpr(self._evaluate)(population).jaxpr
        looked_at = {id(given) for step in traced.eqns for given in step.invars} | {
            id(given) for given in traced.outvars
        }
        places = iter(traced.invars)  # one for each array, field by field
        sizes = {name: len(jax.tree.leaves(getattr(population, name))) for name in population._fields}
        seen = {name: [id(next(places)) in looked_at for _ in range(size)] for name, size in sizes.items()}
        self.reads = frozenset(name for name, found in seen.items() if any(found))

    def _evaluate(self, population: Population) -> Float[Array, " N"]:
        return jnp.broadcast_to(jnp.asarray(self._term(population), jnp.float32), population.z.shape[:1])

    def _bind(self, node: ast.expr) -> Term:
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as number):
                value = np.float32(number)  # of NumPy: 1/0 is then infinite, and no world valid, instead of an error
                return lambda _: value
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                term = self._bind(operand)
                return lambda population: -term(population)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                first, second, combine = self._bind(left), self._bind(right), _OPERATORS[type(op)]
                return lambda population: combine(first(population), second(population))
            case ast.Name(id=name):
                return self._named(node, name, {})
            case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
                return self._named(node, name, self._options(name, keywords), keywords)
        raise BadOption(
            f"score: {ast.unparse(node)!r} is not allowed; expected names, numbers, + - * / and options such as "
            f"novelty(k=3){self._below(node)}"
        )

    def _options(self, name: str, keywords: list[ast.keyword]) -> dict[str, Any]:
        try:
            return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in keywords}
        except (ValueError, TypeError):
            raise BadOption(
                f"score: options of {name} must be plain values, as in novelty(k=3){self._below(keywords[0])}"
            ) from None

    def _below(self, node: ast.expr | ast.keyword) -> str:
        """The expression on a line of its own, with a caret under every character of a part of it."""
        return self._under(node.col_offset, node.end_col_offset)

    def _under(self, first: int, last: int | None = None) -> str:
        return point_at(self.text.strip(), max(0, first), last)

    def _named(self, node: ast.expr, name: str, options: dict[str, Any], keywords: Sequence[ast.keyword] = ()) -> Term:
        self.names.add(name)
        if name in self._registry.scores:
            entry = self._registry.scores[name]
            known = entry.options() or {}
            for option, keyword in zip(options, keywords, strict=True):
                if option not in known:
                    near = suggest(option, known)
                    raise BadOption(f"score {name!r} has no option {option!r}; {near}{self._below(keyword)}")
            function = entry.resolve()
            return lambda population: _guarded(function, name, population, options)
        if name in self.measures:
            if options:
                raise BadOption(f"{name} is a measure of the world and takes no options{self._below(node)}")
            return lambda population: population.measures[name]
        measures = ", ".join(self.measures) or "none"
        hint = f"`alife list scores` shows the scores; measures of this world: {measures}"
        names = [*self._registry.scores, *self.measures]
        raise UnknownName("score or measure", name, names, hint + self._below(node))


def _guarded(function: Callable[..., Any], name: str, population: Population, options: dict[str, Any]) -> Any:
    """What a score raises or returns wrongly becomes one error that names it."""
    try:
        value = function(population, **options)
    except AlifeError:
        raise
    except Exception as cause:
        raise PluginError(f"score {name!r} raised {type(cause).__name__}: {first_line(cause)}") from cause
    if jnp.shape(value) != population.z.shape[:1]:
        raise PluginError(f"score {name!r} returned shape {jnp.shape(value)}; expected one number for each world")
    return value
