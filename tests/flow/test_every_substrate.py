"""Every substrate that ships can be searched, resumed and replayed, in its tiny form."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from alife.cli import run_command
from alife.registry import default_registry
from alife.storage import open_archive
from alife.worlds.engine import simulate

SUBSTRATES = default_registry().substrates


@pytest.mark.parametrize("name", SUBSTRATES)
def test_search_resume_replay(name, tmp_path, capsys):
    run = tmp_path / "run"
    options = [f"options.{key}={_said(value)}" for key, value in SUBSTRATES[name].test_options.items()]
    settings = [part for text in (*options, "steps=6", "img_size=24") for part in ("--set", text)]
    command = ["search", name, "--generations", "2", "--population", "4", "--frames", "3", "--model", "pixels"]
    command += ["--out", str(run), *settings]
    assert run_command(command) == 0, capsys.readouterr().err
    assert run_command(["resume", str(run), "--generations", "3"]) == 0
    archive = open_archive(run)
    assert archive.generation == 2 and len(archive) > 0
    assert run_command(["replay", str(run), str(len(archive) - 1)]) == 0
    assert "same bytes" in capsys.readouterr().out
    assert all(np.isfinite(archive.column(measure)).all() for measure in archive[0].measures)
    assert (tmp_path / "run.png").stat().st_size > 1000


def _said(value):
    """An option as people write it."""
    return str(value).lower() if isinstance(value, bool) else value


@pytest.mark.parametrize("name", SUBSTRATES.able("scaled"))
def test_large_worlds_can_be_written_down(name):
    """A hundred thousand parts and more: no number of the program outgrows its type (traced, not run)."""
    parts, options = SUBSTRATES[name].make().scaled(1)
    parts, options = SUBSTRATES[name].make().scaled(4 ** math.ceil(math.log(max(1, 100_000 / parts), 4)))
    world = SUBSTRATES[name].make(**options)
    params = jax.eval_shape(world.default_params, jax.random.key(0))
    lengths = jax.ShapeDtypeStruct((1,), np.int32)
    shapes = jax.eval_shape(lambda key, p, n: simulate(world, key, p, n, 64), jax.random.key(0), params, lengths)
    assert parts >= 100_000 and shapes.frames.shape == (1, 64, 64, 3)
