"""Small worlds for whole runs, and a plugin that logs what was acknowledged."""

from __future__ import annotations

from pathlib import Path

WORLD = ["--set", "options.size=32", "--set", "steps=8", "--frames", "2", "--population", "4", "--set", "img_size=32"]
"""Arguments that make a search of `life` take milliseconds."""
TINY = [*WORLD, "--model", "pixels"]
"""The same with the model that is compiled soonest, where it does not matter who looks."""

ACKNOWLEDGE = """
import os
import alife

@alife.hookimpl
def generation_finished(report):
    with open(os.environ["ACKNOWLEDGED"], "a") as log:
        log.write(f"{report.generation} {report.lifeforms}\\n")
"""

BROKEN = """
import jax.numpy as jnp
import alife

class Broken:
    def default_params(self, rng):
        return jnp.zeros(2)
    def init_state(self, rng, params):
        return jnp.zeros((4, 4))
    def step_state(self, rng, state, params):
        return state + 1
    def render_state(self, state, params, img_size):
        return jnp.zeros((img_size, img_size, 3))
{replaced}

@alife.hookimpl
def register_substrates(register):
    register("broken", Broken, summary="", horizon=10)
"""


def write(path: Path, text: str) -> Path:
    """A file with this text."""
    path.write_text(text)
    return path


def broken(path: Path, method: str, body: str) -> Path:
    """A plugin file with the substrate `broken`, one method of which does something else."""
    arguments = {
        "init_state": "rng, params",
        "step_state": "rng, state, params",
        "render_state": "state, params, img_size",
    }
    replaced = f"    def {method}(self, {arguments[method]}):\n        {body}\n"
    return write(path, BROKEN.format(replaced=replaced))
