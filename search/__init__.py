"""Searches and scores that ship, one file per algorithm.

A search is any object with

```
init(key, space, population) -> state                    state: a pytree of arrays, so that a run resumes exactly
ask(key, state)              -> (genotypes [N, G], state)
tell(state, genotypes, evaluation) -> (state, Verdict)   which worlds to keep as lifeforms, and where they came from
```

`space` is the `alife.types.Space` of the substrate, `population` the number of worlds of one generation (N).  The
first genotype of generation 0 is `space.start` where the world names one.
"""
