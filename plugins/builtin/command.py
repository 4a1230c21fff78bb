"""`alife train-builtin`: the recipe of the embedded model, and its evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import click

from alife.errors import BadOption


@click.command("train-builtin")
@click.option("--out", type=click.Path(path_type=Path), default=Path("builtin-training"), show_default=True)
@click.option("--steps", type=int, help="Stop after so many steps in all [default: the whole recipe].")
@click.option("--evaluate", is_flag=True, help="Do not train: print what the shipped weights, or --weights, can do.")
@click.option("--weights", type=click.Path(path_type=Path), help="Weights to evaluate.")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Write the evaluation as .json too.")
def train_builtin(out: Path, steps: int | None, evaluate: bool, weights: Path | None, target: Path | None) -> int:
    """Train the embedded picture-text model anew, exactly as it was made (about an hour on two cores).

    The folder --out is resumed where it was left.  It ends with weights.safetensors (use them with
    --model builtin:FILE) and curve.json, the loss of every ten steps.
    """
    return _evaluate(weights, target) if evaluate else _train(out, steps)


def _train(out: Path, steps: int | None) -> int:
    from safetensors.numpy import save_file

    from alife.worlds.cache import use_compilation_cache

    from .training import STEPS, shipped, train

    use_compilation_cache()
    until = STEPS if steps is None else steps
    curve = train(out, until=until, tell=click.echo)
    (out / "curve.json").write_text(json.dumps(curve))
    click.echo(f"wrote {out / 'curve.json'}")
    if until < STEPS:
        click.echo(f"{until} of {STEPS} steps; the same command with more --steps goes on")
        return 0
    save_file(shipped(out), out / "weights.safetensors")
    click.echo(f"wrote {out / 'weights.safetensors'}; see what they can do with --evaluate --weights")
    return 0


def _evaluate(weights: Path | None, target: Path | None) -> int:
    from alife.worlds.cache import use_compilation_cache

    from .evaluation import evaluate, milliseconds
    from .model import Builtin, Structure

    if target is not None and not target.parent.is_dir():
        raise BadOption(f"{target} cannot be written: there is no folder {target.parent}; make it first")
    use_compilation_cache()
    which = None if weights is None else str(weights)
    model = Builtin(which)
    table = evaluate(model, Structure(which), tell=click.echo)
    click.echo(f"milliseconds per picture of 224 pixels, in a batch of 16: {milliseconds(model):.2f}")
    if target is not None:
        target.write_text(json.dumps(table, indent=1) + "\n")
        click.echo(f"wrote {target}")
    return 0
