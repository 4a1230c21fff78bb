"""Searches and scores that ship, one file per algorithm.

A search is any object with

```
init(key, space, population) -> state                    state: a pytree of arrays, so that a run resumes exactly
ask(key, state)              -> (genotypes [N, G], state)
tell(state, genotypes, evaluation) -> (state, Verdict)   which worlds to keep as lifeforms, and where they came from
```

`space` is the `alife.types.Space` of the substrate, `population` the number of worlds of one generation (N).
Generation 0 begins with `space.starts` where the world names genotypes.

A search that comes to an end has `finished(state) -> bool`; the run stops when it is true.

A search may have the attribute `axes`: texts, each an axis on which every world gets a place, see `alife.axes`; `tell`
finds the places in `evaluation.axes`.  Where its constructor's option `axes` is None by default and nothing is given,
the run chooses two.
"""
