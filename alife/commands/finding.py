"""`alife find`: lifeforms by what they look like, by their numbers, by their relatives."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .looking import model_option
from .options import PLACE, plugin_option, registry_for, remarks
from .tables import new_table, print_table

if TYPE_CHECKING:
    from ..find import Found, Likeness
    from ..storage import Archive
    from ..storage.remote import Place


@click.command("find")
@click.argument("run", type=PLACE)
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--minus", multiple=True, metavar="TEXT", help="What they should not look like (repeatable).")
@click.option("--like", multiple=True, type=int, metavar="ID", help="A lifeform they should look like (repeatable).")
@click.option("--unlike", multiple=True, type=int, metavar="ID", help="One they should not look like (repeatable).")
@click.option("--image", "images", multiple=True, metavar="FILE", help="A picture to look like (repeatable).")
@click.option(
    "--where", default="", metavar="TEXT", help='Only these: "mass<2 score>=0.4 operator=mutate not favourite tag=odd".'
)
@click.option("--sort", default="", metavar="[-]COLUMN", help="Lowest first; with a minus highest first: --sort -mass.")
@click.option("--different", is_flag=True, help="As unlike each other as there are, the best one first.")
@click.option("--ancestors", type=int, metavar="ID", help="Only what this lifeform comes from.")
@click.option("--descendants", type=int, metavar="ID", help="Only what comes from this lifeform.")
@click.option("-n", "count", type=click.IntRange(min=1), default=12, show_default=True, help="How many to show.")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Draw them on a contact sheet (.png).")
@model_option
@plugin_option
def find_command(
    run: Place,
    texts: tuple[str, ...],
    minus: tuple[str, ...],
    like: tuple[int, ...],
    unlike: tuple[int, ...],
    images: tuple[str, ...],
    where: str,
    sort: str,
    different: bool,
    ancestors: int | None,
    descendants: int | None,
    count: int,
    target: Path | None,
    model: str | None,
    plugins: tuple[str, ...],
) -> int:
    """Show the lifeforms of RUN whose last picture is most like TEXT; of several texts and pictures, like all at once.

    Without anything to be like, the highest score comes first.  Without --model the run's own model looks; if it knows
    no text and there is some, builtin does, and what it sees is kept for the next time.
    """
    from ..find import Likeness, find_lifeforms, write_found
    from ..seen import who_looks
    from ..storage import open_archive
    from ..storage.media import check_target

    if target is not None:
        check_target(target, (".png",))
    archive, likeness = open_archive(run), Likeness(texts, minus, like, unlike, images)
    with remarks():
        words = bool(texts or minus)
        who, embedder = who_looks(archive, words, bool(images), lambda: registry_for(archive, plugins), model)
        found = find_lifeforms(
            archive,
            likeness,
            where=where,
            sort=sort,
            different=different,
            ancestors_of=ancestors,
            descendants_of=descendants,
            n=count,
            embedder=embedder,
        )
    if found.damaged:
        click.echo(f"note: {found.damaged} damaged lifeforms are left out; alife check-archive {run}", err=True)
    _print(archive, found)
    click.echo(f"showing {len(found.ids)} of {found.total}: {_order(likeness, different, sort, who)}")
    if target is not None:
        write_found(archive, found, target, title=run.name)
        click.echo(f"wrote {target}")
    if len(found.ids):
        click.echo(f"look at one: alife export {shlex.quote(str(run))} {found.ids[0]} --to {found.ids[0]}.gif")
    return 0


def _order(likeness: Likeness, different: bool, sort: str, who: str) -> str:
    if different or any(likeness):
        return f"the most {'different' if different else 'alike'} first, as model {who} sees them"
    name = sort.removeprefix("-") or "score"
    return f"{'highest' if sort.startswith('-') or not sort else 'lowest'} {name} first"


def _print(archive: Archive, found: Found) -> None:
    measures = archive.measures
    similarity = [] if found.similarity is None else [f"{value:.3f}" for value in found.similarity.tolist()]
    table = new_table("id", *(["similarity"] if similarity else []), "score", *measures)
    for place, i in enumerate(found.ids.tolist()):
        lifeform = archive[i]
        numbers = [f"{lifeform.measures[name]:.4g}" if name in lifeform.measures else "" for name in measures]
        table.add_row(str(i), *similarity[place : place + 1], f"{lifeform.score:.4g}", *numbers)
    if len(found.ids):
        print_table(table)
