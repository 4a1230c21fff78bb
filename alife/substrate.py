"""The substrate contract: four methods, and abilities that the engine finds by their names.

A substrate is any object with the four methods below; there is no base class.  All of them are pure and work under
`jax.jit`, `jax.vmap` and `jax.lax.scan`.  The engine calls them in this order, for every world:

```
params = default_params(rng)               or a genotype from a search
params = express(params)                   where the substrate has it: everything that depends on the genotype but not
                                           on time; all later calls get its result as `params`
state  = init_state(rng, params)
state  = step_state(rng, state, params)    T times
image  = render_state(state, params, img_size=224)     K times
numbers = measures(state, params)          once, at the end, where the substrate has it; for a peak after every step
kept   = keep_state(state, params)         K times, where states are kept and the substrate has it
now    = moment(state, params)             after every step of a chronicle, and individuals(state, params), likewise
```

Where states are kept and a substrate has no `keep_state`, all of a state is kept and its reals become float16: right to
one part in 2048, so in a world 100 units wide a place is off by up to 1/32, and infinite beyond 65504.  A substrate for
which that is too coarse, or whose state people cannot read, says itself what is worth keeping.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Float

from .errors import BadGenotype
from .types import PRNGKey, Tree

METHODS = ("default_params", "init_state", "step_state", "render_state")
"""What every substrate has."""

ABILITIES = {
    "express": "express(params) -> params: what depends on the genotype but not on time, computed once per world",
    "measures": "measures(state, params) -> {name: number}: named numbers about a world",
    "keep_state": "keep_state(state, params) -> tree: what of a state is worth keeping, in the types to keep it in",
    "moment": "moment(state, params) -> {name: number}: numbers of the last step, for chronicles",
    "individuals": "individuals(state, params) -> {'id', 'parent'}: who lives in the world, for phylogenies",
    "poke": "poke(state, params, place, radius, strength) -> state: touched by a person, see below",
    "reward": "reward(state, params) -> number, higher is better",
    "mutate": "mutate(rng, params) -> params: a changed copy of a genotype",
    "crossover": "crossover(rng, params, params) -> params: a mix of two genotypes",
    "bounds": "bounds() -> (low, high), each shaped as params",
    "parameters": "parameters() -> {name: alife.types.Parameter}: numbers that a person may turn, for sliders",
    "scaled": "scaled(times) -> (parts, options): a world of so many times the default cells or particles, as crowded",
    "deterministic": "True where the world's key has no say: one genotype, one history",
    "from_text": "from_text(text) -> params: a genotype as people write it, such as B3/S23",
    "from_file": "from_file(path) -> [(name, options, params)]: worlds from a file format of the field",
}
"""What a substrate may have besides, found by attribute.

Worlds in which individuals live, such as societies, say by `individuals` who is alive: `id` of each slot, a whole
number counted over the whole life of the world, -1 where the slot is free; and the id of its `parent`, -1 = a founder.

A person who watches a world live may touch it: `poke` gives the state after that.  `place` is how far to the right and
down in the picture, in [0, 1], `radius` what is touched around it, in edges of the picture; `strength` in [-1, 1] says
how much of what lives there is added, or below 0 taken away; or, where bodies move, how hard they are pushed away from
there, or drawn near.
"""


@runtime_checkable
class Substrate(Protocol):
    """A family of dynamics.  Parameters and states are any pytrees of arrays."""

    def default_params(self, rng: PRNGKey) -> Tree:
        """A genotype from the substrate's own prior."""

    def init_state(self, rng: PRNGKey, params: Tree) -> Tree:
        """The first moment of a world."""

    def step_state(self, rng: PRNGKey, state: Tree, params: Tree) -> Tree:
        """The next moment: same tree, shapes and dtypes as `state`."""

    def render_state(self, state: Tree, params: Tree, img_size: int) -> Float[Array, "H W 3"]:
        """A square picture of the state, H = W = img_size, red green blue in [0, 1]."""


def describe_tree(params: Tree) -> str:
    """The leaves of a parameter tree with their shapes, in the order of the flat genotype.

    >>> describe_tree({"beta": np.zeros(6), "alpha": np.zeros((6, 6))})
    'alpha[6,6] beta[6]'
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    names = [(jax.tree_util.keystr(path, simple=True, separator="/"), np.shape(leaf)) for path, leaf in leaves]
    return " ".join(f"{name or 'array'}[{','.join(map(str, shape))}]" for name, shape in names)


def check_tree(params: Tree, example: Tree, name: str) -> None:
    """Raise BadGenotype unless a parameter tree has the leaves and shapes of the substrate's."""
    same = bool(jax.tree.structure(params) == jax.tree.structure(example))  # type: ignore[operator]
    leaves = zip(jax.tree.leaves(params), jax.tree.leaves(example), strict=same)
    if not same or any(np.shape(given) != np.shape(leaf) for given, leaf in leaves):
        raise BadGenotype(f"genotype is {describe_tree(params)}; expected {describe_tree(example)} for {name!r}")


def measure_meanings(substrate: Any) -> dict[str, str]:
    """What the documentation of a substrate's `measures` says of each, in lines such as `mass: sum of the cells`."""
    told = inspect.getdoc(getattr(substrate, "measures", None)) or ""
    lines = re.findall(r"^(\w+(?:, \w+)*): (.+)$", told, re.MULTILINE)
    return {name: meaning for names, meaning in lines for name in names.split(", ")}
