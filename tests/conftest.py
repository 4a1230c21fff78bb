"""Test-wide switches: annotated shapes are checked at run time while the tests run."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import install_import_hook

# The modules where people's words come in (config, registry, cli, commands) are left out: they are handed wrong types
# on purpose, and their own messages are what is tested; memory and replay are, to be tried on made-up archives.
NUMBERS = ("evaluate", "export", "export_table", "genotype", "lifeforms", "pipeline", "run", "score", "spread")
CHECKED = (*NUMBERS, "plugins", "search", "storage", "worlds")

checker = ModuleType("alife_type_checker")
checker.check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # type: ignore[attr-defined]  # an int is a float
sys.modules[checker.__name__] = checker
install_import_hook([f"alife.{module}" for module in CHECKED], "alife_type_checker.check")


# Where programs are many and short-lived, they are compiled with little optimisation: three quarters of the time there
# would be the compiler's.  What numbers and bytes must be is asked of programs as users run them, in the other folders.
FOLDERS = ("authors", "browser", "conformance", "flow", "plugins/society", "search", "storage")
FILES = ("plugins/builtin/test_training.py", "worlds/test_live.py")
HASTY = {Path(__file__).parent / place for place in (*FOLDERS, *FILES)}


@pytest.fixture(autouse=True, scope="module")
def programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compiled programs of one test file are of no use to the next, and hundreds of them are gigabytes."""
    hasty = not HASTY.isdisjoint([request.path, *request.path.parents])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", str(hasty))  # the same for processes that a test starts
        jax.config.update("jax_disable_most_optimizations", hasty)
        yield
        jax.config.update("jax_disable_most_optimizations", False)
    jax.clear_caches()
