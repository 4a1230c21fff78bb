"""What a substrate costs and what it tells of itself: one check with a limit, and remarks that never fail."""

from __future__ import annotations

import inspect
import time
from functools import partial

import jax

from ..substrate import measure_meanings
from .report import CheckFailed
from .slowness import slow_loops, slow_parts
from .subject import CROWD, ENDS, SubstrateSubject, call, has, shape_of

MEMORY_MB = 512
"""That 8 worlds of a checked substrate take at most, where it declares no `memory_mb`."""
PICTURE = 224
"""Edge of a picture whose loops are counted, pixels."""
TOLD = {
    "parameters": "nobody can turn it live, and genotypes have no names",
    "measures": "no numbers to search, sort and plot by but those of the model",
}


def check_memory(subject: SubstrateSubject) -> str:
    """8 worlds and their pictures fit in `memory_mb` megabytes, which the class may declare; else in 512."""
    bound = getattr(subject.substrate, "memory_mb", MEMORY_MB)
    if not isinstance(bound, int | float) or not bound > 0:
        raise CheckFailed(f"memory_mb = {bound!r}", "megabytes, more than 0", "declare a number")
    used = subject.crowd.memory_analysis()
    taken = used.temp_size_in_bytes + used.output_size_in_bytes + used.argument_size_in_bytes
    if taken > bound * 1e6:
        raise CheckFailed(
            f"a step and a picture of {CROWD} worlds take {taken / 1e6:,.0f} MB",
            f"at most {bound:g}, as {'memory_mb says' if hasattr(subject.substrate, 'memory_mb') else 'is usual'}",
            "avoid arrays of every part with every other; or declare memory_mb in the class",
        )
    return f"{CROWD} worlds take {taken / 1e6:.2g} MB"


def check_speed(subject: SubstrateSubject) -> str:
    """How long a step takes, and what in the traced program is known to be slow; a remark, and never a failure."""
    subject.worlds  # noqa: B018  # compiled, or told why not
    began = time.perf_counter()
    jax.block_until_ready(subject.history(subject.params[0], subject.keys[1, 0]))
    spent = (time.perf_counter() - began) / ENDS[-1]
    _, expressed, state = subject.shapes
    step = partial(call, subject.substrate, "step_state")
    draw = partial(call, subject.substrate, "render_state", img_size=PICTURE)
    found = [*slow_parts(step, jax.random.key(0), state, expressed), *slow_loops(PICTURE, draw, state, expressed)]
    return "; ".join([f"{spent * 1000:.3g} ms a step", *(found or ["nothing in it is known to be slow"])])


def check_declared(subject: SubstrateSubject) -> str | None:
    """What people are told of it; a remark where something is missing, and never a failure."""
    missing = [f"no {ability}: {why}" for ability, why in TOLD.items() if not has(subject.substrate, ability)]
    if not inspect.getdoc(type(subject.substrate)):
        missing.append("no docstring: say what it is, and which publication it follows")
    measures = _measures(subject)
    nameless = [name for name in measures if name not in measure_meanings(subject.substrate)]
    if nameless:
        missing.append(f"no meaning of {', '.join(nameless)}: lines `name: meaning, unit` in the docstring of measures")
    return "; ".join(missing) or None


def _measures(subject: SubstrateSubject) -> list[str]:
    """Names of the measures, if there are any."""
    if not has(subject.substrate, "measures"):
        return []
    _, expressed, state = subject.shapes
    return sorted(shape_of(subject.substrate, "measures", state, expressed))
