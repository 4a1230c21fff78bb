"""Compiled programs are kept on disk, so that the second start of anything takes a second."""

from __future__ import annotations

import os
from pathlib import Path

import jax


def use_compilation_cache() -> None:
    """Switch JAX's persistent compilation cache on, unless the user has chosen one or set ALIFE_CACHE=off.

    It lies in `$ALIFE_CACHE`, else in `$XDG_CACHE_HOME/alife`, else in `~/.cache/alife`.  A folder that cannot be
    written is no error: programs are then compiled each time.
    """
    wanted = os.environ.get("ALIFE_CACHE", "")
    if wanted == "off" or jax.config.values["jax_compilation_cache_dir"]:
        return
    home = Path(wanted) if wanted else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alife"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(home, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(home))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
