"""Which devices worlds run on: all that JAX finds, or the first few of them."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from .errors import BadOption

AXIS = "worlds"
"""Name of the one axis of a mesh: the population lies along it."""

_first: int | None = None


def use_devices(count: int) -> None:
    """From now on, worlds of this process run on the first `count` devices.

    On a CPU these are virtual devices, which share its cores; they can be made only before JAX has started.

    Args:
        count: 1 or more.

    Raises:
        BadOption: there are not so many.

    >>> use_devices(1)
    >>> len(devices_in_use())
    1
    """
    global _first
    if count < 1:
        raise BadOption(f"devices is {count}; expected 1 or more")
    if count > 1:
        _make_virtual(count)
    there = jax.local_devices()
    if len(there) < count:
        late = "; a CPU has as many as are asked for before JAX starts" if is_cpu(there) else ""
        raise BadOption(f"devices is {count}, and JAX sees {len(there)} ({there[0].device_kind}){late}; ask for fewer")
    _first = count


def devices_asked() -> int | None:
    """What `use_devices` was told; None = nothing: all there are."""
    return _first


def devices_in_use() -> tuple[jax.Device, ...]:
    """The devices that worlds run on, at least one."""
    return tuple(jax.local_devices()[:_first])


def is_cpu(devices: Sequence[jax.Device]) -> bool:
    """Whether they share the cores and the memory of a CPU."""
    return devices[0].platform == "cpu"


def free_bytes(devices: Sequence[jax.Device]) -> int | None:
    """Memory that is free on each of the devices, bytes; None where they do not say."""
    told = [device.memory_stats() or {} for device in devices]
    if not all("bytes_limit" in stats for stats in told):
        return None
    return min(max(0, stats["bytes_limit"] - stats.get("bytes_in_use", 0)) for stats in told)


def mesh_of(devices: Sequence[jax.Device]) -> Mesh:
    """The devices in a row."""
    return Mesh(np.array(devices), (AXIS,))


def placed(devices: Sequence[jax.Device], *, split: bool) -> Sharding:
    """Where an array goes: cut along its first axis, an equal share for each device, or a whole copy on each."""
    if len(devices) == 1:
        return SingleDeviceSharding(devices[0])
    return NamedSharding(mesh_of(devices), PartitionSpec(AXIS) if split else PartitionSpec())


def _make_virtual(count: int) -> None:
    """As many CPU devices, where JAX has not started yet and nothing else was said of them."""
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        return  # it has started: what there is must do
