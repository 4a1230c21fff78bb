"""`alife embed` and `alife caption`: what a model sees, in numbers and in words."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..registry import registry_with
from .options import PLACE, plugin_option, registry_for, remarks
from .tables import new_table, print_table

if TYPE_CHECKING:
    import numpy as np

    from ..caption import Captions
    from ..registry import Registry
    from ..storage.remote import Place

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".apng", ".avif")
"""Endings by which a name that is no file is known to be meant as one."""

model_option = click.option("--model", metavar="NAME[:WHICH]", help="Who looks, see `alife list models`.")


@click.command("embed")
@click.argument("things", nargs=-1, required=True, metavar="FILE|TEXT...")
@model_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@plugin_option
def embed_command(things: tuple[str, ...], model: str | None, as_json: bool, plugins: tuple[str, ...]) -> int:
    """Show how alike a model finds pictures and texts: cosines, from -1 to 1; 1 = the same to it.

    Files are pictures, of which the middle square is seen, and of a film its first picture; all else is text.  Rows are
    pictures, columns texts; of pictures or texts alone, each is compared with each.  Without --model: builtin.
    """
    from ..config import DEFAULT_TEXT_MODEL, model_table

    files = [thing for thing in things if _is_file(thing)]
    texts = [thing for thing in things if thing not in files]
    registry = registry_with(plugins)
    with remarks():
        entry, made = registry.models.make(model_table(model or DEFAULT_TEXT_MODEL))
    pictures, words = _vectors(entry.name, made, files, texts, registry)
    rows, columns = files or texts, texts or files
    cosines = (pictures if files else words) @ (words if texts else pictures).T
    if as_json:
        said = {"model": entry.name, "identity": made.identity, "rows": rows, "columns": columns}
        click.echo(json.dumps({**said, "cosines": cosines.round(6).tolist()}, indent=2))
        return 0
    _print_cosines(rows, columns, cosines)
    return 0


def _is_file(thing: str) -> bool:
    if Path(thing).suffix.lower() in PICTURES:
        return True
    try:
        return Path(thing).is_file()
    except OSError:  # longer than any name of a file
        return False


def _vectors(
    name: str, model: Any, files: list[str], texts: list[str], registry: Registry
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of pictures and of texts, empty where there are none."""
    import numpy as np

    from ..embedding import Embedder
    from ..targets import read_picture, require_text

    embedder = Embedder(model)
    if texts:
        require_text(embedder, name, registry)
    pictures = [read_picture(file, model.image_size) for file in files]
    none = np.zeros((0, model.dim), np.float32)
    with remarks():
        words = embedder.texts(texts) if texts else none
    return embedder.pictures(np.stack(pictures)) if pictures else none, words


def _print_cosines(rows: list[str], columns: list[str], cosines: np.ndarray) -> None:
    """A table in which the highest number of each row stands out; with itself a thing is not compared."""
    from rich.text import Text

    table = new_table("", *columns)
    same = rows == columns
    for i, row in enumerate(rows):
        rivals = [float(c) for j, c in enumerate(cosines[i]) if not (same and i == j)]
        cells = [
            Text("·" if same and i == j else f"{c:.3f}", "bold" if rivals and c == max(rivals) else "")
            for j, c in enumerate(cosines[i].tolist())
        ]
        table.add_row(row, *cells)
    print_table(table)


@click.command("caption")
@click.argument("run", type=PLACE)
@model_option
@click.option("--phrases", "file", type=click.Path(path_type=Path), help="Text file of what to call them, one a line.")
@click.option("--kinds", type=int, help="How many kinds [default: the fewest that tell them well apart, at most 12].")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Write .csv, .json, or a sheet of kinds (.png).")
@plugin_option
def caption_command(
    run: Place, model: str | None, file: Path | None, kinds: int | None, target: Path | None, plugins: tuple[str, ...]
) -> int:
    """Name each lifeform of RUN by its nearest phrases, and sort them into named kinds, by their last pictures.

    Without --model the run's own model looks if it knows text, else builtin.  Names say what is like what, not what
    is: a kind is called by the phrase that tells it best from the other kinds.
    """
    from ..caption import ENDINGS, caption_archive, known_phrases, read_phrases, write_captions
    from ..embedding import Embedder
    from ..seen import reader_of_texts
    from ..storage import open_archive
    from ..storage.media import check_target
    from ..targets import require_text

    if target is not None:
        check_target(target, ENDINGS)
    archive = open_archive(run)
    registry = registry_for(archive, plugins)
    with remarks():
        entry, made = reader_of_texts(archive.config, model, registry)
    require_text(Embedder(made), entry.name, registry)
    phrases = read_phrases(file) if file else known_phrases(made, registry)
    with remarks():
        found = caption_archive(archive, Embedder(made), phrases, kinds)
    if found.damaged:
        click.echo(f"note: {found.damaged} damaged lifeforms are left out; alife check-archive {run}", err=True)
    _print_kinds(found)
    if target is not None:
        write_captions(archive, found, target)
        click.echo(f"wrote {target}")
    click.echo(
        f"look at one: alife export {shlex.quote(str(run))} {found.kinds[0].best} --to {found.kinds[0].best}.gif"
    )
    return 0


def _print_kinds(found: Captions) -> None:
    table = new_table("kind", "how many", "best", "also")
    for kind in found.kinds:
        name, *others = kind.phrases
        table.add_row(name, str(len(kind.ids)), str(kind.best), ", ".join(others))
    print_table(table)
