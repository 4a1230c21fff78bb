"""Conformance checks for plugin authors: does my substrate or model keep the contract?

```
from alife.testing import check_substrate

def test_my_world() -> None:
    for result in check_substrate(MyWorld, {"size": 16}):
        assert result.passed, result
```

`alife check NAME` and `alife check FILE.py:Class` do the same from the command line.  A check is a plain function
that takes a subject and raises `CheckFailed`, so one of them can be run alone:
`check_stays_finite(SubstrateSubject(MyWorld, {"size": 16}))`.
"""

from .model_subject import ModelSubject
from .models import MODEL_CHECKS, check_model
from .report import CheckFailed, Result
from .subject import SubstrateSubject
from .substrates import SUBSTRATE_CHECKS, check_substrate

__all__ = [
    "MODEL_CHECKS",
    "SUBSTRATE_CHECKS",
    "CheckFailed",
    "ModelSubject",
    "Result",
    "SubstrateSubject",
    "check_model",
    "check_substrate",
]
