"""Kills workers of a running search, again and again, and looks whether a lifeform is lost that was acknowledged.

    python tests/benchmarks/bench_worker_kills.py [KILLS] [WORKERS]

Acknowledged is what a worker's store has committed before its process is killed: it is read from the disk right before
the kill.  All of it must be in the archive afterwards, to the byte of every checksum, and each once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from alife.storage import check_archive, open_archive

WORLD = ["life", "--set", "steps=16", "--set", "img_size=32", "--set", "migrate=4", "--model", "pixels"]


def workers_of(pid: int) -> list[int]:
    """Processes of islands that come from another, which are at work."""
    parents: dict[int, list[int]] = {}
    names: dict[int, str] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(place.name))
            names[int(place.name)] = (place / "cmdline").read_text()
        except OSError:
            continue
    found, new = list[int](), [pid]
    while new:
        found += new
        new = [child for one in new for child in parents.get(one, [])]
    return [one for one in found if names.get(one, "").startswith("ray::Islander.work")]


def committed(run: Path) -> dict[str, dict[int, tuple[int, ...]]]:
    """Of each store the checksums of its lifeforms, by evaluation number."""
    found = {}
    for store in (run / "islands").glob("*.*"):
        if (store / "zarr.json").is_file() and not store.name.endswith(".partial"):
            archive = open_archive(store)
            columns, _ = archive._stored.record(0, len(archive))
            sums, _ = archive._stored.rows("row_crc", 0, len(archive))
            found[store.name] = dict(zip(columns["evaluation"].tolist(), map(tuple, sums.tolist()), strict=True))
    return found


def all_have_begun(run: Path) -> bool:
    """Whether the newest store of each island has lifeforms."""
    newest: dict[int, tuple[int, Path]] = {}
    for place in (run / "islands").glob("*.[0-9]*"):
        if place.name.endswith(".partial"):
            continue
        island, attempt = map(int, place.name.split("."))
        newest[island] = max(newest.get(island, (-1, place)), (attempt, place))
    return all((place / "frames" / "c.0.0.0.0.0").exists() for _, place in newest.values())


def main(kills: int = 200, workers: int = 2) -> None:
    begun, random = time.monotonic(), np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        run = Path(place) / "run"
        command = [sys.executable, "-m", "alife", "search", *WORLD, "--search", "map_elites", "--out", str(run)]
        process = subprocess.Popen(
            [*command, "--workers", str(workers), "--minutes", "600"], stderr=subprocess.STDOUT, stdout=subprocess.PIPE
        )
        acknowledged: dict[str, dict[int, tuple[int, ...]]] = {}
        done, known, before_early = 0, set[int](), False
        while done < kills:
            assert process.poll() is None, process.communicate()[0].decode()
            victims = [pid for pid in workers_of(process.pid) if pid not in known]
            if not victims:
                time.sleep(0.02)
                continue
            time.sleep(float(random.exponential(0.5)))
            early = not all_have_begun(run)  # while it starts or compiles: now and then, as an island may be given up
            if early and (before_early or random.random() < 0.7):
                continue
            before_early = early
            for store, rows in committed(run).items():
                acknowledged.setdefault(store, {}).update(rows)
            victim = int(random.choice(victims))
            known.add(victim)
            os.kill(victim, signal.SIGKILL)
            done += 1
            if done % 20 == 0:
                count = sum(map(len, acknowledged.values()))
                print(f"  {done} kills, {count} lifeforms acknowledged, {time.monotonic() - begun:.0f} s", flush=True)
        time.sleep(5)
        process.send_signal(signal.SIGINT)
        process.wait(120)
        archive, now = open_archive(run), committed(run)
        stores = {store.key.partition("/")[2]: number for number, store in enumerate(archive._stored.stores)}
        counts = np.bincount(archive._stored.store, minlength=len(stores))
        before = [(name, *one) for name, rows in acknowledged.items() for one in rows.items()]
        lost = sum(now.get(name, {}).get(number) != sums for name, number, sums in before)
        missing = sum(max(0, len(rows) - counts[stores[name]]) for name, rows in acknowledged.items())
        numbers = archive.column("evaluation")
        twice = len(numbers) - len(np.unique(numbers))
        report = check_archive(run)
        print(
            f"{done} workers killed in {time.monotonic() - begun:.0f} s: {len(before)} lifeforms were acknowledged "
            f"before a kill, {lost + missing} lost, {twice} twice; {len(archive)} in the archive, "
            f"{'every byte as it was written' if report.ok else report}"
        )
        assert lost == missing == twice == 0 and report.ok


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
