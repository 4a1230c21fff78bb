"""What it takes to run one world of a configuration: substrate, model and the compiled evaluation."""

from __future__ import annotations

from typing import Any, cast

from .config import RunConfig
from .evaluate import Evaluator
from .genotype import GenotypeSpace
from .provenance import provenance
from .registry import Registry
from .worlds.schedule import Schedule


class Pipeline:
    """Substrate, genotypes, model and evaluation of a configuration, made from what is registered.

    Raises:
        AlifeError: an unknown name, a wrong option, or a plugin that fails to be made.
    """

    def __init__(self, config: RunConfig, registry: Registry) -> None:
        self.config = config
        self.substrate_entry = registry.substrates[config.substrate]
        self.substrate = self.substrate_entry.make(**config.options)
        self.space = GenotypeSpace(self.substrate, config.substrate, config.genotype)
        self.model_entry, self.model = registry.models.make({"name": "texture", **config.model})
        schedule = Schedule(config.steps, cast(int, config.frames))  # a RunConfig has filled it in
        self.evaluator = Evaluator(self.space, self.model, schedule, config.img_size, config.memory_mb)

    def provenance(self) -> dict[str, Any]:
        """See `alife.provenance`."""
        return provenance(self.substrate_entry, self.model_entry, self.model)
