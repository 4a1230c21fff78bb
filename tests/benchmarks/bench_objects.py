"""What a generation costs on object storage, against a disk: python tests/benchmarks/bench_objects.py

Sixteen lifeforms of eight pictures of 224 pixels a generation.  The store is in this process and on this machine, so
these are the costs of asking, without those of a network: `--delay 0.02` adds that many seconds to every request.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from bench_archive import layout, pictures, rows
from moto.server import ThreadedMotoServer

from alife.storage import create_archive, open_archive, resume_archive
from alife.storage.bucket import Bucket

N, K, SIDE, DIM, GENERATIONS = 16, 8, 224, 512, 12


def seconds(place: Any) -> tuple[list[float], float, float]:
    """Of every commit, of taking the archive up, and of reading it all."""
    random, spent = np.random.default_rng(0), []
    frames = pictures(random, N, K, SIDE)
    with create_archive(place, layout((K, SIDE, SIDE), DIM), config={}) as writer:
        for generation in range(GENERATIONS):
            new = rows(random, generation * N, frames, DIM)
            state = {"mean": random.normal(size=45), "key": np.zeros(2, np.uint32)}
            began = time.perf_counter()
            writer.append(new, generation=generation, checkpoint=state, progress={})
            spent.append(time.perf_counter() - began)
    began = time.perf_counter()
    resume_archive(place).close()
    taken = time.perf_counter() - began
    began = time.perf_counter()
    archive = open_archive(place)
    archive.table()
    for one in archive[:N]:
        one.frames  # noqa: B018
    return spent, taken, time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that every request takes longer")
    delay = parser.parse_args().delay
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    said = {"ENDPOINT_URL": address, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "mine"}
    os.environ |= {f"AWS_{name}": value for name, value in {**said, "DEFAULT_REGION": "us-east-1"}.items()}
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="bucket")
    for name in ("read", "about", "put"):
        whole = getattr(Bucket, name)
        setattr(Bucket, name, lambda *given, whole=whole: time.sleep(delay) or whole(*given))
    with tempfile.TemporaryDirectory(dir=".") as folder:
        for place in (Path(folder) / "run", "memory://run", "s3://bucket/run"):
            spent, taken, read = seconds(place)
            print(
                f"{str(place)[:12]:12}  commit {1e3 * float(np.median(spent)):6.0f} ms (longest {1e3 * max(spent):.0f})"
                f"   resume {taken:5.2f} s   open, table and {N} lifeforms {read:5.2f} s"
            )
    server.stop()


if __name__ == "__main__":
    main()
