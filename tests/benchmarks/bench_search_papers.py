"""Three papers' own claims, small: the learned rule of survival, natural niches, steps of low rank; and their costs.

python tests/benchmarks/bench_search_papers.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from alife.search.dominated_novelty import dominated_novelty
from alife.search.learned_qd import LEARNED, LearnedQd, competition, read_rule
from alife.search.learned_qd_training import problems, quality, random_rule
from alife.search.low_rank import LowRank
from alife.search.natural_niches import NaturalNiches
from alife.testing.spaces import Box, evaluation
from tests.search.test_low_rank import FULL, Network, climb
from tests.search.test_natural_niches import AnyMate, joined_after, niches_alive, populations_after


def least(act: Callable[[], object], repeats: int = 15) -> float:
    """Least milliseconds of several calls, after one that compiles."""
    jax.block_until_ready(act())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(act())
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def learned_rule() -> None:
    """QD-scores on problems that the rule has not seen."""
    rules = {
        "learned": partial(competition, read_rule(LEARNED)),
        "dominated novelty": lambda scores, places, alive: dominated_novelty(scores, places, 3),
        "plain fitness": lambda scores, places, alive: scores,
        "random rule": partial(competition, random_rule(7)),
    }
    unseen = problems(10**6, 64)
    worth = {name: np.asarray(jax.jit(partial(quality, rule))(unseen)) for name, rule in rules.items()}
    for name, scores in worth.items():
        ratio = worth["learned"].mean() / scores.mean()
        ahead = np.mean(worth["learned"] > scores)
        print(
            f"QD-score, 64 unseen problems: {name:18} {scores.mean():.4f}; learned / it {ratio:5.3f}, ahead {ahead:.0%}"
        )


def natural_niches() -> None:
    """Niches alive with and without limits; generations until two halves are joined, with and without attraction."""
    options = {"resources": list("abcd"), "size": 24, "sigma": 0.3}
    for name, sharing in (("limited", 1.0), ("unlimited", 0.0)):
        search = NaturalNiches(**options, sharing=sharing)
        alive = [niches_alive(state) for state in populations_after(search, range(5))]
        print(f"niches alive of 4 after 60 generations, resources {name:9}: {np.mean(alive):.1f}")
    couples = {"attraction": NaturalNiches, "random mates": AnyMate}
    for name, kind in couples.items():
        search = kind(resources=["left", "right"], size=24, sigma=0.01)
        print(f"generations until two halves are joined, {name:12}: {np.mean([*joined_after(search, range(12))]):.1f}")


def low_rank() -> None:
    """Loss of a small network at equal evaluations, and time and memory of drawing a large population."""
    inputs, goal = jax.random.normal(jax.random.key(5), (64, 8)), jax.random.normal(jax.random.key(6), (8, 4))
    begin = 0.1 * jax.random.normal(jax.random.key(7), (1, 416))  # opposite steps around 0 are equally good
    space = Network((8, 32), (32,), (32, 4), starts=begin)

    def loss(genotypes: jax.Array) -> jax.Array:
        first, bias, second = jnp.split(genotypes, (256, 288), axis=-1)
        hidden = jnp.tanh(
            jnp.einsum("bi,...ij->...bj", inputs, first.reshape(*first.shape[:-1], 8, 32)) + bias[..., None, :]
        )
        shown = jnp.einsum("...bj,...jk->...bk", hidden, second.reshape(*second.shape[:-1], 32, 4))
        return jnp.mean((shown - jnp.tanh(inputs @ goal)) ** 2, axis=(-1, -2))

    ends = {}
    for rank in (1, 4, FULL):
        search = LowRank(rank=rank, sigma=0.1, rate=0.03)
        ends[rank] = np.mean([float(loss(climb(search, space, 64, lambda g: -loss(g), 300, s))) for s in (0, 10, 20)])
        name = "full" if rank == FULL else f"rank {rank}"
        ratio = ends[rank] / ends[1]
        print(f"network regression, 19,200 evaluations, {name:6}: loss {ends[rank]:.4f}, {ratio:.2f} of rank 1")
    large, population = Network((256, 512), (512,), (512, 64)), 64
    for rank in (1, FULL):
        search = LowRank(rank=rank)
        state = search.init(jax.random.key(0), large, population)
        told = (state, jnp.arange(64.0), jnp.ones(64, bool))
        memory = [
            p.lower(*a).compile().memory_analysis().temp_size_in_bytes / 2**20
            for p, a in ((search._draw, (state,)), (search._move, told))
        ]
        times = least(lambda s=search, t=state: s._draw(t)), least(lambda s=search, t=told: s._move(*t))
        name = "full" if rank == FULL else f"rank {rank}"
        whole = population * large.size / 2**18
        print(
            f"{large.size:,} numbers, population {population} ({whole:.0f} MB), {name:6}: ask {times[0]:.1f} ms, "
            f"tell {times[1]:.1f} ms; beside it {memory[0]:.1f} and {memory[1]:.1f} MB"
        )


def costs() -> None:
    """Milliseconds of ask and tell together."""
    for size, n in ((128, 16), (256, 256), (1024, 1024)):
        for name, search, width in (
            ("learned_qd", LearnedQd(["a", "b"], size=size), 2),
            ("natural_niches, 8 texts", NaturalNiches(list("abcdefgh"), size=size), 8),
            ("natural_niches, 512-number embeddings", NaturalNiches(size=size), 512),
        ):
            state = search.init(jax.random.key(0), Box(64), n)
            rng = np.random.default_rng(0)
            z = rng.normal(size=(n, 1, 512))
            told = evaluation(rng.normal(size=n), z=z, axes=rng.normal(size=(n, width)).astype(np.float32))
            for g in range(1 + size // n):
                genotypes, state = search.ask(jax.random.key(g), state)
                state, _ = search.tell(state, genotypes, told)
            ask = least(lambda s=search, t=state: s.ask(jax.random.key(1), t), 5)
            tell = least(lambda s=search, t=state, g=genotypes, e=told: s.tell(t, g, e), 5)
            print(f"{name:38} population {n:5}, {size:5} members: ask {ask:8.2f} ms, tell {tell:8.2f} ms")


def main() -> None:
    """Print every figure."""
    learned_rule()
    natural_niches()
    low_rank()
    costs()


if __name__ == "__main__":
    main()
