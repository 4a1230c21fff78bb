"""Searching with several processes, on one machine or many: Ray runs them (the extra `ray`).

Two ways.  *Islands*: every worker searches by itself, into a store of its own, and now and then they exchange what they
have found; good for all worlds, and nobody waits for anybody.  *Steady*: one search, whose worlds the workers run, each
the next one in a queue; results count as they come; good where single worlds take long, or unlike long.

Reading order: cores (which a worker takes), crew (Ray, and who works), worker (what a process does), tally (numbers of
a run that several work on), islands and steady (the two ways), run (where both begin).
"""

from .run import resume_on_workers as resume_on_workers
from .run import search_on_workers as search_on_workers

__all__ = ["resume_on_workers", "search_on_workers"]
