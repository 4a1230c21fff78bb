"""Every error this package raises on purpose, as one tree.

```
AlifeError
|- UnknownName       a substrate, world, model, score, search or key that does not exist
|- BadOption         an option, count or configuration value of the wrong type or range
|- BadWorld          a world file that cannot be read as a world
|- BadGenotype       a genotype that does not fit its substrate or search
|- DoesNotFit       a run that needs more memory or disk than there is
|- PluginError       a plugin that cannot be loaded or breaks its contract
`- ArchiveError      a run directory that cannot be used
   |- ArchiveExists   the place asked for is taken
   |- ArchiveLocked   another process writes this archive
   |- NoSuchLifeform  an id that the archive does not hold
   `- ArchiveDamaged  stored bytes differ from what was written
```

A message says what was given, what was expected and what to do next.  The command line prints it after
`error:` and exits with 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 72
"""Characters of an expression that a message shows."""


class AlifeError(Exception):
    """Root of the tree: catch this to catch everything the package raises on purpose."""


class UnknownName(AlifeError):
    """A name that nothing is registered under; the message suggests near ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        message = f"no {kind} is called {name!r}; {suggest(name, names)}"
        stop = "" if message.endswith("?") else "."
        super().__init__(f"{message}{stop} {hint}" if hint else message)
        self.kind, self.name, self.known = kind, name, names


class BadOption(AlifeError):
    """An option, count or configuration value of the wrong type or out of range."""


class BadWorld(AlifeError):
    """A world file that cannot be read as a world."""


class BadGenotype(AlifeError):
    """A genotype that does not fit its substrate, or that this search cannot vary."""


class DoesNotFit(AlifeError):
    """A run that needs more memory or disk than is free."""


class PluginError(AlifeError):
    """A plugin that cannot be loaded, or that breaks the contract it registered for."""


class ArchiveError(AlifeError):
    """A run directory that cannot be used as an archive."""


class ArchiveExists(ArchiveError):
    """The place asked for already holds something."""


class ArchiveLocked(ArchiveError):
    """Another process is writing this archive."""


class NoSuchLifeform(ArchiveError, IndexError):
    """An id that the archive does not hold; also an IndexError, so that an archive behaves as a list."""


class ArchiveDamaged(ArchiveError):
    """Stored bytes differ from what was written; the message names the lifeforms concerned."""


def first_line(cause: BaseException) -> str:
    """What an exception says, in one line.

    >>> first_line(ValueError("one\\ntwo"))
    'one'
    """
    return next(iter(str(cause).strip().splitlines()), "")


def suggest(name: str, known: Iterable[str]) -> str:
    """The near names, or all of them when none is near.

    >>> suggest("lena", ["lenia", "life"])
    'did you mean lenia or life?'
    >>> suggest("xyz", ["lenia", "life"])
    'known: lenia, life'
    """
    names = list(known)
    plain = {known_name.lower(): known_name for known_name in names}
    near = [plain[match] for match in get_close_matches(name.lower(), plain, n=3, cutoff=0.5)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(names)}" if names else "none is registered"


def point_at(text: str, first: int, last: int | None = None) -> str:
    """The first line of a text on a line of its own, with carets under the characters first..last-1.

    >>> print(point_at("mass<2 scor>1", 7, 11))
    <BLANKLINE>
      mass<2 scor>1
             ^^^^
    """
    line = text.splitlines()[0] if text else ""
    start = max(0, first - SHOWN // 2)  # of a long expression only the surroundings are shown
    carets = "^" * max(1, min(last or first + 1, start + SHOWN) - first)
    return f"\n  {line[start : start + SHOWN]}\n  {' ' * (first - start)}{carets}"
