"""Test-wide switches: every annotated shape in the package is checked at run time while the tests run."""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxtyping import install_import_hook

install_import_hook("alife", "beartype.beartype")
