"""Everything that a configuration names, made and checked before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from .axes import Axes, chosen_axes
from .config import RunConfig, replace
from .errors import AlifeError, BadOption, PluginError, first_line
from .evaluate import bind_score, read_by
from .pipeline import Pipeline
from .registry import Registry
from .targets import require_text, targets_of, tell_of_motions, with_seen
from .types import KEY_KIND, Tree


class Setup:
    """Everything a configuration names, made and checked against each other before anything runs.

    Args:
        config: of the run.
        registry: what may be named.
        island: number of a search among several of one configuration, each with random numbers of its own; those of
            island 0 are the ones that a search alone has.

    Raises:
        AlifeError: with the reason; nothing has been written yet.
    """

    def __init__(self, config: RunConfig, registry: Registry, island: int = 0) -> None:
        self.registry = registry
        self.pipeline = pipeline = Pipeline(config, registry)
        if "name" not in config.search:
            name = "illuminate" if config.score == "illumination" else self._climber()
            config = replace(config, search={"name": name, **config.search})
        evaluator = pipeline.evaluator
        if (
            "axes" not in config.search
            and (registry.searches[config.search["name"]].options() or {}).get("axes", ()) is None
        ):
            config = replace(config, search={**config.search, "axes": chosen_axes(evaluator.measure_names)})
        _, self.search = registry.searches.make(config.search)
        if config.prompts or config.negatives:
            require_text(evaluator.embedder, config.model["name"], registry)
        self.config = config = with_seen(config, evaluator.embedder, evaluator.img_size)
        self.targets = targets_of(config, evaluator.embedder)
        self.expression = bind_score(config.score, registry, evaluator, config.population, self.targets)
        self.axes = self._axes(getattr(self.search, "axes", ()))
        reads = read_by(self.expression, self.axes)
        self._require_looked_at(reads)
        if "video" not in reads:
            tell_of_motions(pipeline.model, [*config.prompts, *config.negatives])
        key = jax.random.key(config.seed, impl=KEY_KIND)
        first_key, self.generation_key = jax.random.split(jax.random.fold_in(key, island) if island else key)
        self.state = self.call("init", first_key, pipeline.space, config.population)
        asked = self.call("ask", first_key, self.state)  # pure: says now what would fail in the first generation
        expected = (config.population, pipeline.space.size)
        if not isinstance(asked, tuple) or np.shape(asked[0]) != expected:
            seen = np.shape(asked[0]) if isinstance(asked, tuple) else type(asked).__name__
            raise PluginError(
                f"search {config.search['name']!r}.ask returned {seen}; expected genotypes of shape {expected}"
            )

    def call(self, method: str, *args: Any) -> Any:
        """Call a method of the search; what it raises becomes one error that names it."""
        try:
            return getattr(self.search, method)(*args)
        except AlifeError:
            raise
        except Exception as cause:
            name = f"search {self.config.search['name']!r}.{method}"
            raise PluginError(f"{name} raised {type(cause).__name__}: {first_line(cause)}") from cause

    def _axes(self, texts: Sequence[str]) -> Axes | None:
        config, evaluator = self.config, self.pipeline.evaluator
        if not texts:
            return None
        return Axes(texts, self.registry, evaluator, config.model["name"], config.population, self.targets)

    def _require_looked_at(self, reads: frozenset[str]) -> None:
        """What somebody has said of how worlds should look must count."""
        config = self.config
        if (config.prompts or config.images) and not reads & {"targets", "pictures"}:
            raise BadOption(
                f"score {config.score!r} looks at no prompt and no picture; use --score prompt or video, or add one"
            )
        if config.liked and "liked" not in reads:
            raise BadOption(f"score {config.score!r} looks at no lifeform that is liked; use --score liked, or add it")
        if config.negatives and "negatives" not in reads:
            raise BadOption(
                f"score {config.score!r} looks at no negative; say what the world should be with --prompt TEXT, or "
                f"--score '{config.score} - negative'"
            )

    def finished(self, state: Tree) -> bool:
        """Whether the search has nothing more to try; most searches always have."""
        return hasattr(self.search, "finished") and bool(self.call("finished", state))

    def _climber(self) -> str:
        return "Sep_CMA_ES" if self.pipeline.space.dtype == np.float32 else "random"
