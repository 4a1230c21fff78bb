"""All workers of a run must be of one make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import AlifeError
from ..provenance import differences

PARTS = ("versions", "substrate", "model", "numbers")
"""Of a provenance, what must be the same: worlds that are run with other code are other worlds."""


def require_same(ours: Mapping[str, Any], theirs: Mapping[str, Any], where: Mapping[str, Any]) -> None:
    """Raises AlifeError where a worker has other versions or sources than who leads the run.

    Args:
        ours, theirs: see `alife.provenance`.
        where: host and process of the worker.
    """
    changed = differences({part: ours[part] for part in PARTS}, theirs)
    if changed:
        said = "; ".join(change.replace(" then", " here").replace(" now", " there") for change in changed[:5])
        raise AlifeError(
            f"the worker on {where['host']} is of another make than this machine: {said}. Worlds would not be the same "
            "worlds; install the same versions everywhere, such as by one image or `pip install -r` of one list"
        )
