"""What JAX is told once for a process: programs are kept on disk, and a GPU's memory is taken as it is needed."""

from __future__ import annotations

import os
from pathlib import Path

import jax

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # read when JAX starts; a GPU may be shared


def cache_folder() -> Path | None:
    """Where what is slow to make is kept; it need not exist.  None where the user wants nothing kept."""
    wanted = os.environ.get("ALIFE_CACHE", "")
    if wanted == "off":
        return None
    return Path(wanted) if wanted else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "alife"


def use_compilation_cache() -> None:
    """Switch JAX's persistent compilation cache on, unless the user has chosen one or set ALIFE_CACHE=off.

    It lies in `$ALIFE_CACHE`, else in `$XDG_CACHE_HOME/alife`, else in `~/.cache/alife`.  A folder that cannot be
    written is no error: programs are then compiled each time.
    """
    home = cache_folder()
    if home is None or jax.config.values["jax_compilation_cache_dir"]:
        return
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(home, os.W_OK):
        jax.config.update("jax_compilation_cache_dir", str(home))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
