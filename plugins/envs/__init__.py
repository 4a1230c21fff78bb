"""Environments of other libraries as substrates, through one adapter; each library is an extra."""

from __future__ import annotations

from collections.abc import Callable

from alife.hookspecs import hookimpl

SMALL = {"hidden": 4}


@hookimpl
def register_substrates(register: Callable[..., None]) -> None:
    register(
        "gymnax",
        "alife.plugins.envs.gymnax_envs:gymnax_environment",
        summary="classic control and MinAtar of gymnax, steered by a network that is the genotype",
        horizon=500,
        test_options=SMALL,
        source="Lange 2022, gymnax (github.com/RobertTLange/gymnax)",
        needs={"gymnax": "alife[envs-gymnax]", "six": "alife[envs-gymnax]"},
    )
    register(
        "navix",
        "alife.plugins.envs.navix_envs:navix_environment",
        summary="MiniGrid's rooms with doors, keys and lava, explored by a network that is the genotype",
        horizon=100,
        test_options=SMALL,
        source="Pignatelli et al. 2024, NAVIX (arXiv:2407.19396)",
        needs={"navix": "alife[envs-navix]"},
    )
    register(
        "jaxmarl",
        "alife.plugins.envs.jaxmarl_envs:jaxmarl_environment",
        summary="several agents that meet, share or hunt, all with the one network that is the genotype",
        horizon=25,
        test_options=SMALL,
        source="Rutherford et al. 2023, JaxMARL (arXiv:2311.10090)",
        needs={"jaxmarl": "alife[envs-jaxmarl]"},
    )
    register(
        "craftax",
        "alife.plugins.envs.craftax_envs:craftax_environment",
        summary="gathering, building and fighting in a world of blocks, by a network that is the genotype",
        horizon=300,
        test_options=SMALL,
        source="Matthews et al. 2024, Craftax (arXiv:2402.16801)",
        needs={"craftax": "alife[envs-craftax]"},
    )
