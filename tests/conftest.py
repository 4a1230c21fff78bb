"""Test-wide switches: annotated shapes are checked at run time while the tests run."""

from __future__ import annotations

import os
import sys
from types import ModuleType

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

# The modules where people's words come in (config, registry, cli, commands) are left out: they are handed wrong types
# on purpose, and their own messages are what is tested.
CHECKED = ("evaluate", "export", "genotype", "pipeline", "plugins", "replay", "run", "score", "search", "storage", "worlds")

checker = ModuleType("alife_type_checker")
checker.check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # type: ignore[attr-defined]  # an int is a float
sys.modules[checker.__name__] = checker
install_import_hook([f"alife.{module}" for module in CHECKED], "alife_type_checker.check")
