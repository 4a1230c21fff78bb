"""The axes that a search asks for: numbers that say where a world lies among all others.

An axis is a text, of one of two kinds:

```
speed          a measure, a score or a sum of them, as `alife.score` reads it; `component(i=3)`: of the embedding
calm | wild    two opposite texts: how much more the last frame looks like the second one, in [-2, 2]
```
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from .config import BETWEEN
from .errors import BadOption
from .evaluate import Evaluator, bind_score
from .registry import Registry
from .targets import Targets, require_text
from .types import ArrayLike, Evaluation, Population


class Axes:
    """The axes of one search, ready to be asked where worlds lie.

    Args:
        texts: one for each axis.
        registry: where names of scores and models are looked up.
        evaluator: of the run.
        model_name: of the model, for messages.
        n: worlds in a generation.
        targets: what the scores of an axis may compare with.

    Raises:
        BadOption: a text that is no axis, or a pair of texts where the model knows no text.
        UnknownName: a name that is neither a score nor a measure.
    """

    def __init__(
        self,
        texts: Sequence[str],
        registry: Registry,
        evaluator: Evaluator,
        model_name: str,
        n: int,
        targets: Targets,
    ) -> None:
        self.texts = tuple(texts)
        self.reads: frozenset[str] = frozenset()
        """Fields of the population that they look at."""
        self._terms: list[Callable[[Population], ArrayLike]] = []
        for text in self.texts:
            if BETWEEN in text:
                pair = _pair(text)
                require_text(evaluator.embedder, model_name, registry)
                self._terms.append(_between(*evaluator.embedder.texts(pair)))
                continue
            expression = bind_score(text, registry, evaluator, n, targets)
            self.reads |= expression.reads
            self._terms.append(expression)

    def __call__(self, population: Population) -> Float[np.ndarray, "N A"]:
        """Where every world lies."""
        return np.stack([np.asarray(term(population), np.float32) for term in self._terms], axis=1)

    def tell_of_stillness(self, evaluation: Evaluation) -> None:
        """Warn of axes on which all valid worlds of a generation lie at one place."""
        places = np.asarray(evaluation.axes)[np.asarray(evaluation.valid)]
        for text, column in zip(self.texts, places.T, strict=True):
            if len(column) > 1 and np.all(column == column[0]):
                warnings.warn(
                    f"axis {text!r} is {column[0]:g} for all {len(column)} worlds of the first generation: a search "
                    "over it finds one world; another axis may serve better, such as component(i=0)",
                    stacklevel=2,
                )


def chosen_axes(measures: Sequence[str]) -> list[str]:
    """Two axes for a search whose user named none: measures of the substrate, then components of the embedding.

    >>> chosen_axes(["mass", "speed", "spread"]), chosen_axes(["mass"])
    (['mass', 'speed'], ['mass', 'component(i=0)'])
    """
    return [*measures, *(f"component(i={i})" for i in range(2))][:2]


def _between(low: Float[np.ndarray, " D"], high: Float[np.ndarray, " D"]) -> Callable[[Population], ArrayLike]:
    """How much more the last frames look like one text than like its opposite."""
    return lambda population: np.asarray(population.z)[:, -1] @ (high - low)


def _pair(text: str) -> tuple[str, str]:
    pair = [part.strip() for part in text.split(BETWEEN)]
    if len(pair) != 2 or not all(pair):
        raise BadOption(f"axis {text!r} cannot be read; expected two opposite texts, such as 'calm | wild'")
    return pair[0], pair[1]
