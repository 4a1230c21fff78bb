"""Small networks as genotypes, as Flax would lay them out: what the substrates that steer by one have in common."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from alife.genotype import places
from alife.substrate import Substrate
from alife.types import Parameter, PRNGKey, Tree


def random_network(rng: PRNGKey, shapes: Mapping[str, tuple[int, ...]]) -> Tree:
    """A network before any training: kernels of variance 1/inputs (LeCun normal), no biases.

    Args:
        shapes: of the kernel of each layer, by its name; the last two axes are inputs and outputs.

    >>> jax.tree.map(jnp.shape, random_network(jax.random.key(0), {"Dense_0": (4, 8)}))
    {'params': {'Dense_0': {'bias': (8,), 'kernel': (4, 8)}}}
    """
    kernel = jax.nn.initializers.lecun_normal()
    layers = zip(shapes.items(), jax.random.split(rng, len(shapes)), strict=True)
    return {
        "params": {name: {"bias": jnp.zeros(shape[-1]), "kernel": kernel(key, shape)} for (name, shape), key in layers}
    }


def layer_parameters(substrate: Substrate, meanings: Mapping[str, str]) -> dict[str, Parameter]:
    """The layers of a substrate's `net_params` as parts of the genotype.

    Args:
        substrate: whose genotype holds the network.
        meanings: what each layer does, by its name.
    """
    tree = places(jax.eval_shape(substrate.default_params, jax.random.key(0)))
    return {
        f"{name}/{part}": Parameter(
            -3, 3, "", f"{part} of the layer that {does}", tree[f"net_params/params/{name}/{part}"]
        )
        for name, does in meanings.items()
        for part in ("bias", "kernel")
    }
