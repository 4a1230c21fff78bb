"""What a result depends on besides its configuration: versions, sources, machine."""

from __future__ import annotations

import hashlib
import inspect
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from .model import Model
from .registry import Entry
from .types import KEY_KIND
from .worlds.schedule import Schedule

PACKAGES = ("alife", "jax", "jaxlib", "numpy", "zarr", "evosax", "flax", "pluggy")


def provenance(
    substrate: Entry, model: Entry, made: Model, schedule: Schedule, img_size: int
) -> dict[str, dict[str, Any]]:
    """Plain values that say what made a run: stored with it, compared on replay.

    Args:
        substrate, model: as they are registered.
        made: the model itself.
        schedule: how long worlds run, and when their frames are taken.
        img_size: edge of a frame, pixels.
    """
    settings = jax.config.values
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "substrate": _plugin(substrate),
        "model": {**_plugin(model), "identity": made.identity},
        "pictures": {"steps": schedule.steps, "moments": schedule.ends.tolist(), "img_size": img_size},
        "numbers": {
            "x64": settings["jax_enable_x64"],
            "matmul_precision": settings["jax_default_matmul_precision"] or "default",
            "keys": KEY_KIND,
            "partitionable_keys": settings["jax_threefry_partitionable"],
        },
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "device": f"{jax.default_backend()}: {jax.devices()[0].device_kind}",
        },
    }


def _plugin(entry: Entry) -> dict[str, str]:
    """Who brought it: `package` is "built in", "file", or the name and version of an installed package."""
    found = entry.registry.plugins if entry.registry else []
    where = next((plugin.where for plugin in found if plugin.name == entry.plugin), "")
    return {"name": entry.name, "plugin": entry.plugin, "package": where, "source": source_hash(entry)}


def differences(then: Mapping[str, Any], now: Mapping[str, Any], only: Sequence[str] = ()) -> list[str]:
    """What changed since a run was made, in words; empty when nothing did; `only` = these keys alone.

    >>> differences({"versions": {"jax": "1"}}, {"versions": {"jax": "2"}})
    ['versions jax: 1 then, 2 now']
    """
    changes = []
    for part in then:
        for key, was in then[part].items():
            has = now.get(part, {}).get(key)
            if was != has and (not only or key in only):
                changes.append(f"{part} {key}: {was} then, {has} now")
    return changes


def source_hash(entry: Entry) -> str:
    """SHA-256 of the files that define a plugin's class and those it inherits from; empty when there are none."""
    factory = entry.resolve()
    classes = inspect.getmro(factory)[:-1] if isinstance(factory, type) else [factory]
    try:
        files = dict.fromkeys(inspect.getfile(part) for part in classes)
        return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()
    except (TypeError, OSError):
        return ""


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
