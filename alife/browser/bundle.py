"""Arrays for a page in one answer: a line of JSON that says where each lies, then their bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

ALIGNED = 8
"""Bytes: every array begins at a multiple of it, so that a page looks at the answer in place."""


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays by name, for `unpack` of `page/api.js`.

    The first four bytes are the length of the JSON (little endian), which is filled up with spaces.

    >>> pack({"score": np.zeros(2, np.float32)})[4:]
    b'[["score", "float32", [2], 0]]      \\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'
    """
    parts, listed, place = [], [], 0
    for name, array in arrays.items():
        raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        listed.append([name, array.dtype.name, list(array.shape), place])
        parts.append(raw + bytes(-len(raw) % ALIGNED))
        place += len(parts[-1])
    head = json.dumps(listed).encode()
    head += b" " * (-(len(head) + 4) % ALIGNED)
    return b"".join([len(head).to_bytes(4, "little"), head, *parts])
