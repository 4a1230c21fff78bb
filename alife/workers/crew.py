"""Ray, and who works for a run: the only file that knows Ray."""

from __future__ import annotations

import os
import socket
import time
import warnings
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from ..errors import AlifeError, BadOption
from ..spread import core_count

PATIENCE = 5.0
"""Seconds that a cluster's address has to answer."""
STARTING = 60.0
"""Seconds after which it is said that no worker has done anything yet."""


class WorkerLost(AlifeError):
    """A worker's process has ended, or its machine has gone."""


class Call:
    """Something that a worker has been asked to do.

    Args:
        worker: who does it.
        future: Ray's name for the result.
    """

    def __init__(self, worker: Any, future: Any) -> None:
        self.worker, self.future = worker, future


class Crew:
    """The right to have up to so many workers; they end with the `with` block, or with this process.

    Args:
        workers: how many at the same time.
        address: of a cluster, HOST:PORT or `auto`; None = this machine, on which Ray is started and ended.

    Raises:
        BadOption: Ray is not installed, nobody answers there, or it answers that it cannot be.
    """

    def __init__(self, workers: int, address: str | None = None) -> None:
        self.workers, self._local = workers, address is None
        self._ray = ray = _ray()
        if address is None:
            self._begin(address="local", num_cpus=max(workers, core_count()))  # whatever else runs on this machine
        else:
            _require_answer(address)
            self._begin(address=address)
        resources = ray.cluster_resources()
        cores = core_count() if address is None else int(resources.get("CPU", 0))
        self.cores = max(1, cores // workers)
        """Cores of each worker."""
        self._begun, self._heard = time.monotonic(), False
        self._devices = min(1.0, resources.get("GPU", 0) / workers)
        if workers > cores:
            where = "this machine has" if address is None else f"the cluster at {address} has now"
            then = "they share them" if address is None else "the others begin when more join"
            warnings.warn(f"{workers} workers, and {where} {cores} cores: {then}", UserWarning, stacklevel=2)

    def _begin(self, **where: Any) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if self._local:
            quiet["include_dashboard"] = False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # JAX warns of forks, and what Ray starts it only execs
                self._ray.init(**quiet, **where)
        except (ConnectionError, RuntimeError, ValueError, OSError) as cause:
            raise BadOption(
                f"Ray cannot be used ({' '.join(str(cause).split())[:200]}); without --ray it is started here, "
                "with --ray HOST:PORT it must run there: `ray start --head` on one machine, if it asks for a token, "
                "with RAY_AUTH_MODE=token on all, here too"
            ) from cause

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def hire(self, work: type) -> Any:
        """A new worker, as soon as there is room for one: an object of this class in a process of its own."""
        needs = {"num_cpus": 1 if self._local else self.cores, "num_gpus": self._devices}
        return self._ray.remote(**needs, max_restarts=0)(work).remote(self.cores)

    def ask(self, worker: Any, method: str, *given: Any) -> Call:
        """Asks a worker for something, behind all that it has been asked for before."""
        return Call(worker, getattr(worker, method).remote(*given))

    def done(self, calls: Sequence[Call], seconds: float) -> list[Call]:
        """Those that have ended by now; waits up to so many seconds for the first."""
        if not calls:
            return []
        by_future = {call.future: call for call in calls}
        ready, _ = self._ray.wait(list(by_future), num_returns=1, timeout=seconds)
        more, _ = self._ray.wait(list(by_future), num_returns=len(by_future), timeout=0)
        self._say_if_nothing_begins(bool(ready))
        return [by_future[future] for future in dict.fromkeys([*ready, *more])]

    def _say_if_nothing_begins(self, heard: bool) -> None:
        self._heard = self._heard or heard
        if not self._heard and time.monotonic() - self._begun > STARTING:
            self._heard = True
            warnings.warn(
                f"no worker has begun for {STARTING:.0f} s: `ray status` says whether there is room, and Ray's "
                "logs, in /tmp/ray/session_latest/logs, why processes end",
                UserWarning,
                stacklevel=2,
            )

    def result(self, call: Call) -> Any:
        """What came out.

        Raises:
            WorkerLost: the worker is no more.
            AlifeError: it says what is wrong.
        """
        from ray.exceptions import RayActorError, RayError, RayTaskError

        try:
            found = self._ray.get(call.future)
        except RayTaskError as failure:
            raise AlifeError(f"a worker failed: {' '.join(str(failure.cause).split())}") from failure
        except (RayActorError, RayError) as gone:
            raise WorkerLost(str(gone).strip().splitlines()[0]) from gone
        if isinstance(found, Refusal):
            raise AlifeError(found.said)
        return found

    def dismiss(self, worker: Any) -> None:
        """Ends a worker at once, so that its place is free."""
        self._ray.kill(worker)


class Refusal:
    """What a worker says that cannot do what it has been asked for; errors themselves do not all travel."""

    def __init__(self, said: str) -> None:
        self.said = said


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves this machine
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns
    try:
        import ray
        from ray._private import worker
    except ImportError:
        raise BadOption("--workers needs the package ray: pip install 'alife[ray]'") from None
    # of a worker that is lost Ray would print a page into the progress; who leads the run says it in a line
    worker.print_to_stdstream = lambda *given, **how: None
    return ray


def _require_answer(address: str) -> None:
    """Ray itself would try for a minute."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdigit():
        raise BadOption(f"--ray {address}: expected HOST:PORT, such as 10.0.0.7:6379, or auto")
    try:
        socket.create_connection((host, int(port)), PATIENCE).close()
    except OSError as cause:
        raise BadOption(
            f"nobody answers at {address} ({cause}); start Ray there with `ray start --head --port={port}`, "
            "or leave --ray away to use this machine"
        ) from None
