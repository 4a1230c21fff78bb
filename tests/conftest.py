"""Test-wide switches: annotated shapes are checked at run time while the tests run."""

from __future__ import annotations

import itertools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest
from beartype import BeartypeConf, beartype
from jax._src import compiler
from jaxtyping import install_import_hook

# The modules where people's words come in (config, registry, cli, commands) are left out: they are handed wrong types
# on purpose, and their own messages are what is tested; memory and replay are, to be tried on made-up archives.
NUMBERS = ("evaluate", "export", "export_table", "genotype", "lifeforms", "pipeline", "run", "score", "spread")
CHECKED = (*NUMBERS, "plugins", "search", "storage", "worlds")

checker = ModuleType("alife_type_checker")
checker.check = beartype(conf=BeartypeConf(is_pep484_tower=True))  # type: ignore[attr-defined]  # an int is a float
sys.modules[checker.__name__] = checker
install_import_hook([f"alife.{module}" for module in CHECKED], "alife_type_checker.check")


# Programs are compiled with little optimisation: three quarters of the time would be the compiler's, since most of them
# run for a blink.  Formulas are held against theirs in haste, too; that such programs compute what users' do is asked
# of every substrate in properties/test_batches.py, where bytes are asked of programs as users have them.
UNHURRIED = [Path(__file__).parent / place for place in ("properties/test_batches.py", "plugins/test_boids_rules.py")]
"""Compiled as users have them; worlds of the second run for so long that haste does not pay."""
PLAIN = "xla_cpu_use_fusion_emitters"
"""What XLA is to do without there: its newer way to write loops takes three times as long to compile."""

NUMBERS_OF_BUCKETS = itertools.count()

compile_options = compiler.get_compile_options


def hasty_options(*args: Any, env_options_overrides: dict[str, Any] | None = None, **kwargs: Any) -> Any:
    """What JAX tells the compiler; no public setting changes this between two programs of one process."""
    return compile_options(*args, env_options_overrides={PLAIN: False, **(env_options_overrides or {})}, **kwargs)


@contextmanager
def compiled(hasty: bool) -> Iterator[None]:
    """What is compiled meanwhile is compiled in haste or as users have it; in processes that are started, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", str(hasty))
        jax.config.update("jax_disable_most_optimizations", hasty)
        if hasty:
            patch.setenv("XLA_FLAGS", f"--{PLAIN}=false {os.environ.get('XLA_FLAGS', '')}")
            patch.setattr(compiler, "get_compile_options", hasty_options)
        yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(autouse=True, scope="module")
def programs(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compiled programs of one test file are of no use to the next, and hundreds of them are gigabytes."""
    with compiled(hasty=request.path not in UNHURRIED):
        yield
    jax.clear_caches()


@pytest.fixture(scope="session")
def _server() -> Iterator[str]:
    """The address of a store in the manner of S3 that runs in this process."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of its own on that store, and the variables by which a user says where the store is."""
    import boto3

    from alife.storage.bucket import bucket_of

    said = {"ENDPOINT_URL": _server, "ALLOW_HTTP": "true", "ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "mine"}
    for name, value in {**said, "REGION": "us-east-1", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"bucket-{next(NUMBERS_OF_BUCKETS)}"
    boto3.client("s3", endpoint_url=_server).create_bucket(Bucket=name)
    yield f"s3://{name}"
    bucket_of.cache_clear()


@pytest.fixture
def in_haste() -> Callable[[], AbstractContextManager[None]]:
    """For `with in_haste():`, where a test asks for it."""
    return partial(compiled, hasty=True)
