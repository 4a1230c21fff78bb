"""What it takes to run one world of a configuration: substrate, model and the compiled evaluation."""

from __future__ import annotations

import json
import threading
from functools import cached_property
from typing import Any, cast

import jax
import numpy as np
from jaxtyping import Num

from .config import RunConfig
from .devices import devices_in_use
from .evaluate import Evaluator
from .genotype import GenotypeSpace
from .lifeforms import layout_of
from .model import Model
from .provenance import provenance
from .registry import Entry, Registry
from .storage import Layout
from .types import KEY_KIND, PRNGKey
from .worlds.schedule import Schedule

EVALUATED = ("substrate", "options", "model", "steps", "frames", "img_size", "memory_mb", "keep_states", "peak")
"""What of a configuration an evaluation depends on, besides the model's weights."""
KEPT = 4
"""Evaluations that a process keeps for the next run: tracing one takes seconds, and `--repeat` asks for one again."""

_lately: dict[tuple[Any, ...], Evaluator] = {}
_one_at_a_time = threading.Lock()


class Pipeline:
    """Substrate, genotypes, model and evaluation of a configuration, made from what is registered.

    Model and evaluation are made when they are first asked for: a film needs neither, and a model can be large.

    Raises:
        AlifeError: an unknown name, a wrong option, or a plugin that fails to be made.
    """

    def __init__(self, config: RunConfig, registry: Registry) -> None:
        self.config, self.registry = config, registry
        self.substrate_entry = registry.substrates[config.substrate]
        self.substrate = self.substrate_entry.make(**config.options)
        self.space = GenotypeSpace(self.substrate, config.substrate, config.genotype)

    @cached_property
    def model_entry(self) -> Entry:
        """What the model is registered as."""
        return self.registry.models[self.config.model["name"]]

    @cached_property
    def model(self) -> Model:
        """Who looks at the worlds."""
        return self.registry.models.make(self.config.model)[1]

    @cached_property
    def evaluator(self) -> Evaluator:
        """The compiled way from genotypes to embeddings; shared with what this process lately made for an equal one."""
        read = {name: getattr(self.config, name) for name in EVALUATED}
        read_as = json.dumps(read, sort_keys=True, default=id)
        key = (self.registry, self.model.identity, devices_in_use(), read_as)
        with _one_at_a_time:
            made = _lately.pop(key, None) or self._evaluator()
            _lately[key] = made  # the newest is last
            if len(_lately) > KEPT:
                del _lately[next(iter(_lately))]
        return made

    def layout(self) -> Layout:
        """What an archive of the run needs room for."""
        config = self.config
        return layout_of(self.evaluator, config.substrate, clip=config.clip > 0, peak=config.peak)

    def own_world(self) -> tuple[PRNGKey, Num[np.ndarray, " G"]]:
        """Key and genotype of the world that the configuration names: its own genotype, or one drawn by its seed."""
        draw_key, key = jax.random.split(jax.random.key(self.config.seed, impl=KEY_KIND))
        genotype = self.space.sample(draw_key, 1)[0] if self.space.starts is None else self.space.starts[0]
        return key, np.asarray(genotype)

    def _evaluator(self) -> Evaluator:
        config = self.config
        schedule = Schedule(config.steps, cast(int, config.frames))  # a RunConfig has filled it in
        kept: dict[str, Any] = {"keep_states": config.keep_states, "peak": config.peak}
        return Evaluator(self.space, self.model, schedule, config.img_size, config.memory_mb, **kept)

    def provenance(self) -> dict[str, Any]:
        """See `alife.provenance`."""
        evaluator = self.evaluator
        return provenance(self.substrate_entry, self.model_entry, self.model, evaluator.schedule, evaluator.img_size)
