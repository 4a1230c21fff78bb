"""The embedded picture-text model: `builtin` and its other head `structure`, and the recipe that made them.

```
concepts, words, lexicon ........ what can be said, and how people say it
dice, things, textures, palettes  pictures drawn by rule, with the truth about each
measured, frames ................ frames of substrates, with what can be read off them
corpus -> losses -> training .... the recipe; films, motions: the same for words of motion
tower, motion, model ............ what runs: pictures, films and texts to unit vectors
evaluation, command ............. what it can do, and `alife train-builtin`
```
"""

from __future__ import annotations

from collections.abc import Callable

from alife.hookspecs import hookimpl


@hookimpl
def register_models(register: Callable[..., None]) -> None:
    register(
        "builtin",
        "alife.plugins.builtin.model:Builtin",
        summary="pictures, films and some 2,000 words in one space; small, offline, ships with its weights",
        source="this project: `alife train-builtin`",
    )
    register(
        "structure",
        "alife.plugins.builtin.model:Structure",
        summary="the other head of builtin: structure alone, whatever the colours; knows no text",
        source="this project: `alife train-builtin`",
    )


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    from .command import train_builtin

    register(train_builtin)
