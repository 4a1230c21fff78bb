"""Conformance checks for plugin authors: does my substrate, model, score or search keep the contract?

One list of plain `check_*` functions for each kind, behind three doors:

```
from alife.testing import SubstrateConformance, check_substrate

class TestMyWorld(SubstrateConformance):    # in pytest: a test for each check
    factory = MyWorld
    options = {"size": 16}

for result in check_substrate(MyWorld, {"size": 16}):    # in Python
    print(result)

alife check my_world                        # on the command line; FILE.py:Class for a class in a file
```

A check takes a subject and raises `CheckFailed`, so one of them can be run alone:
`check_stays_finite(SubstrateSubject(MyWorld, {"size": 16}))`.

A failure that is meant is declared, with a reason, as `expected_failures = {"stays finite": "it grows by design"}` in
the class; it must then fail.
"""

from .conformance import ModelConformance, ScoreConformance, SearchConformance, SubstrateConformance
from .contract import CONTRACTS, Contract, check_model, check_score, check_search, check_substrate
from .model_subject import ModelSubject
from .models import MODEL_CHECKS
from .report import CheckFailed, Result
from .scores import SCORE_CHECKS, ScoreSubject
from .searches import SEARCH_CHECKS, SearchSubject
from .subject import SubstrateSubject
from .substrates import SUBSTRATE_CHECKS

__all__ = [
    "CONTRACTS",
    "MODEL_CHECKS",
    "SCORE_CHECKS",
    "SEARCH_CHECKS",
    "SUBSTRATE_CHECKS",
    "CheckFailed",
    "Contract",
    "ModelConformance",
    "ModelSubject",
    "Result",
    "ScoreConformance",
    "ScoreSubject",
    "SearchConformance",
    "SearchSubject",
    "SubstrateConformance",
    "SubstrateSubject",
    "check_model",
    "check_score",
    "check_search",
    "check_substrate",
]
