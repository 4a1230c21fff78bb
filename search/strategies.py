"""What is known of each algorithm of evosax: where it comes from, what it needs, and what was measured of it.

All of them see genotypes in units of the genotype's scale, counted from the middle of the prior: so step sizes,
learning rates and limits below are in that unit, and an algorithm's own constants mean the same for every substrate.
The table names what has to differ from evosax's own defaults, half of which stagnate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

FULL = 1000
"""Most numbers of a genotype for algorithms that keep a matrix of all pairs of numbers."""


@dataclass(frozen=True)
class Strategy:
    """One algorithm of evosax; `name` is the name of its class there."""

    name: str
    about: str
    """What it does, in one line."""
    source: str
    """Where it was published."""
    experimental: str = ""
    """Why it is not recommended: what was measured on a sphere of 100 numbers whose middle lies two
    scales away in each, with 28 worlds, in 250 generations."""
    from_population: bool = False
    """It begins with a population that has been evaluated: generation 0 is drawn from the prior."""
    operator: str = "distribution"
    """How its genotypes come about, of `alife.types.OPERATORS`."""
    sigma: float | None = None
    """First step size; None = it has none."""
    learning_rate: float | None = None
    """Step of the optimizer (Adam) in one generation; None = it has none."""
    restarts: bool = False
    """It narrows down to one place, and gains by beginning again elsewhere with more worlds."""
    remembers: bool = False
    """It compares scores of this generation with those of earlier ones."""
    even: bool = False
    """Worlds come in mirrored pairs."""
    groups: int = 1
    """Populations that the worlds of a generation are divided into."""
    most: int | None = None
    """Most numbers of a genotype."""
    ranks: bool = False
    """It follows a gradient: centred ranks take the place of scores, so that no unit and no outlier matters."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of its constructor."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Parameters that differ from evosax's default."""
    elite: float | None = None
    """Share of the population that has children."""
    generations: int | None = None
    """Length of its schedule; None = it goes on for ever."""


CMA = "Hansen 2016, arXiv:1604.00772"
LANGE = "Lange et al. 2023, arXiv:2211.11260"
NARROWS = "the distance shrank 2.2 times: the spread is gone before the middle arrives, its widening is not applied"
AMALGAM = "Bosman, Grahl and Thierens 2013, doi:10.1162/EVCO_a_00094"
NES = "Wierstra et al. 2014, JMLR 15:949-980"
by_ranks = partial(Strategy, sigma=0.1, learning_rate=0.05, even=True, ranks=True)
descends = partial(Strategy, sigma=1.0, restarts=True)
breeds = partial(Strategy, from_population=True, operator="mutate", remembers=True)

TABLE = (
    by_ranks("ARS", "random search along the better mirrored pairs", "Mania, Guy and Recht 2018, arXiv:1803.07055"),
    by_ranks(
        "ASEBO",
        "gradient from mirrored pairs, mostly along past gradients; up to 1,000 numbers",
        "Choromanski et al. 2019, arXiv:1903.04268",
        most=FULL,
    ),
    Strategy(
        "CMAAnchoredLES",
        "separable CMA-ES with learned corrections",
        "evosax, from Ros and Hansen 2008 (doi:10.1007/978-3-540-87700-4_30) and " + LANGE,
        sigma=1.0,
    ),
    descends("CMA_ES", "CMA-ES: learns how all numbers vary together; up to 1,000 numbers", CMA, most=FULL),
    descends(
        "CR_FM_NES",
        "natural gradient, one direction besides the axes",
        "Nomura and Ono 2022, arXiv:2201.11422",
        even=True,
    ),
    Strategy("DiscoveredES", "recombination weights found by meta-learning", LANGE, sigma=1.0),
    by_ranks("ESMC", "mirrored pairs, each clipped at the mean's own score", "Merchant et al. 2021, arXiv:2107.09661"),
    Strategy(
        "EvoTF_ES",
        "a transformer that learned to be an evolution strategy; up to 1,000 numbers",
        "Lange, Tian and Tang 2024, arXiv:2403.02985",
        sigma=1.0,
        most=FULL,
        given={"max_context_len": 8},
    ),
    Strategy(
        "GradientlessDescent",
        "samples around the best at all radii",
        "Golovin et al. 2019, arXiv:1911.06317",
        sigma=0.2,
        remembers=True,
    ),
    by_ranks(
        "GuidedES",
        "mirrored pairs; nothing guides it, as worlds give no gradient",
        "Maheswaranathan et al. 2018, arXiv:1806.10230",
        sigma=1.0,
        params={"alpha": 1.0},
    ),
    Strategy(
        "HillClimbing", "samples around the best", "Rechenberg 1973, the (1 + N) strategy", sigma=0.05, remembers=True
    ),
    Strategy("LearnedES", "an attention network weighs the worlds", LANGE, sigma=1.0),
    descends(
        "LM_MA_ES",
        "matrix adaptation with few vectors, for many numbers",
        "Loshchilov, Glasmachers and Beyer 2017, arXiv:1705.06693",
    ),
    descends(
        "MA_ES",
        "CMA-ES without a covariance matrix; up to 1,000 numbers",
        "Beyer and Sendhoff 2017, doi:10.1109/TEVC.2017.2680320",
        most=FULL,
    ),
    by_ranks(
        "NoiseReuseES",
        "mirrored pairs; made for lives cut in pieces, here a piece is a whole life",
        "Li et al. 2023, arXiv:2304.12180",
        params={"T": 1, "K": 1},
    ),
    by_ranks("Open_ES", "gradient from mirrored pairs", "Salimans et al. 2017, arXiv:1703.03864"),
    by_ranks(
        "PGPE",
        "gradient from mirrored pairs, also of the step sizes",
        "Sehnke et al. 2008, doi:10.1007/978-3-540-87536-9_40",
    ),
    by_ranks(
        "PersistentES",
        "mirrored pairs; made for lives cut in pieces, here a piece is a whole life",
        "Vicol, Metz and Sohl-Dickstein 2021, arXiv:2112.13835",
        params={"T": 1, "K": 1},
    ),
    Strategy(
        "RandomSearch",
        "samples of the prior",
        "Bergstra and Bengio 2012, JMLR 13:281-305",
        "it does not climb, the distance shrank 1.1 times; `random` does the same for any genotype",
        operator="sample",
    ),
    descends(
        "Rm_ES",
        "moves along a few past paths",
        "Li and Zhang 2018, doi:10.1109/TEVC.2017.2765682",
        sigma=0.3,
        params={"q_star": 0.0, "std_min": 1e-6},
    ),
    descends("SNES", "separable natural gradient", NES),
    Strategy(
        "SV_CMA_ES",
        "several CMA-ES that keep apart from each other; up to 1,000 numbers",
        "Braun, Lange and Toussaint 2024, arXiv:2410.10390",
        sigma=1.0,
        groups=2,
        most=FULL,
        params={"alpha": 0.1},
    ),
    by_ranks(
        "SV_Open_ES", "several Open_ES that keep apart from each other", "Liu et al. 2017, arXiv:1704.02399", groups=2
    ),
    descends(
        "Sep_CMA_ES",
        "separable CMA-ES: a mean and one step size per number",
        "Ros and Hansen 2008, doi:10.1007/978-3-540-87700-4_30",
    ),
    Strategy("SimpleES", "mean and spread of the better half", "Rechenberg 1973", sigma=1.0),
    Strategy(
        "SimulatedAnnealing",
        "goes to the best of a generation, at first also when it is worse than before",
        "Kirkpatrick, Gelatt and Vecchi 1983, doi:10.1126/science.220.4598.671",
        sigma=0.05,
        remembers=True,
        params={"boltzmann_constant": 0.01},
    ),
    Strategy(
        "iAMaLGaM_Full", "estimates a normal distribution from the better half", AMALGAM, NARROWS, sigma=0.01, most=FULL
    ),
    Strategy("iAMaLGaM_Univariate", "estimates a normal distribution, number by number", AMALGAM, NARROWS, sigma=0.01),
    descends(
        "xNES", "natural gradient, step sizes of all numbers together; up to 1,000 numbers", NES, sigma=0.3, most=FULL
    ),
    breeds(
        "DifferentialEvolution",
        "adds differences of members to the best one",
        "Storn and Price 1997, doi:10.1023/A:1008202821328",
        operator="crossover",
        params={"differential_weight_min": 0.5, "differential_weight_max": 1.0},
    ),
    Strategy(
        "DiffusionEvolution",
        "takes the noise out of a population, step by step",
        "Zhang et al. 2024, arXiv:2410.02543",
        "the distance shrank 1.2 times: it looks for the best within the prior, and then stands still",
        from_population=True,
        given={"num_latent_dims": 2},
        generations=128,
    ),
    breeds(
        "GESMR_GA",
        "mutation rates in groups; those of the best child live on",
        "Kumar et al. 2022, arXiv:2204.04817",
        sigma=0.2,
        elite=0.2,
    ),
    breeds("LearnedGA", "attention networks select and mutate", "Lange et al. 2023, arXiv:2304.03995", sigma=0.2),
    breeds(
        "MR15_GA",
        "doubles the mutation rate when more than one child in five is better",
        "Rechenberg 1978, doi:10.1007/978-3-642-81283-5_8",
        sigma=0.2,
    ),
    breeds(
        "PSO",
        "particles drawn to their own best and the best of all",
        "Kennedy and Eberhart 1995, doi:10.1109/ICNN.1995.488968",
        "the distance shrank 1.2 times: particles move between each other's places and never leave their span",
        operator="crossover",
    ),
    breeds(
        "SAMR_GA",
        "every member passes on its own mutation rate",
        "Baeck 1992, Self-adaptation in genetic algorithms",
        sigma=0.2,
        elite=0.2,
    ),
    breeds(
        "SimpleGA",
        "crossover and mutation of the best fifth",
        "Such et al. 2017, arXiv:1712.06567",
        operator="crossover",
        sigma=0.05,
        elite=0.2,
        params={"crossover_rate": 0.5},
    ),
)
STRATEGIES = {strategy.name: strategy for strategy in TABLE}


def options_of(strategy: Strategy) -> dict[str, Any]:
    """Options that a search with this algorithm has, with their defaults.

    >>> options_of(STRATEGIES["Open_ES"]), options_of(STRATEGIES["PSO"])
    ({'sigma': 0.1, 'learning_rate': 0.05}, {})
    """
    options: dict[str, Any] = {"sigma": strategy.sigma, "learning_rate": strategy.learning_rate}
    options["populations"] = strategy.groups if strategy.groups > 1 else None
    options["generations"] = strategy.generations
    options["restarts"] = "none" if strategy.restarts else None
    return {name: default for name, default in options.items() if default is not None}


OPTIONS = {
    "sigma": "first step size, in units of the typical size of a genotype's number, > 0.",
    "learning_rate": "step of the optimizer (Adam) in one generation, in the same units, > 0.",
    "populations": "how many populations the worlds of a generation are divided into, 2 or more.",
    "generations": "length of its schedule, after which it stands still, 2 or more.",
    "restarts": "begin again elsewhere when nothing is gained: none, ipop or bipop, see `alife.search.restarts`.",
}
"""What each option means."""
