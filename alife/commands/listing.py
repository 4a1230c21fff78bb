"""`alife list`: what there is."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

import click

from ..errors import UnknownName
from ..loading import is_spec, split
from ..registry import registry_with
from .options import plugin_option

if TYPE_CHECKING:
    from ..registry import Plugin, Registry

_SINGULAR = {
    "plugins": "plugin",
    "searches": "search",
    "substrates": "substrate",
    "worlds": "world",
    "models": "model",
    "scores": "score",
}
KINDS = ("substrates", "worlds", "models", "searches", "scores", "plugins")


@click.command("list")
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs: with options and their defaults.")
@plugin_option
def list_command(kind: str | None, name: str | None, as_json: bool, plugins: tuple[str, ...]) -> int:
    """Show what there is: substrates, worlds, models, searches, scores, plugins; with NAME, all about one of them."""
    if kind is not None and kind not in KINDS:
        raise UnknownName("list", kind, KINDS)
    registry = registry_with([*plugins, name] if name and is_spec(name) else plugins)
    if kind and name:
        name = split(name)[1] or name
        return _show(registry, kind, name, as_json)
    kinds = [kind] if kind else list(KINDS)
    if as_json:
        click.echo(json.dumps({k: _rows(registry, k, full=True) for k in kinds}, indent=2, default=str))
        return 0
    for k in kinds:
        rows = _rows(registry, k, full=False)
        click.echo(click.style(k, bold=True))
        width = max([len(row["name"]) for row in rows], default=0)
        for row in rows:
            source = f" [{row['source']}]" if kind and row.get("source") else ""
            click.echo(f"  {row['name']:{width}}  {_remark(row)}{click.style(source, dim=True)}")
        if kind == "substrates":
            for absent in registry.substrates.absent.values():
                click.echo(click.style(f"  {absent.lacks()}", dim=True))
    return 0


def _show(registry: Registry, kind: str, name: str, as_json: bool) -> int:
    """Everything about one thing: what its author wrote, its options, and what a substrate offers besides."""
    entry = None if kind in ("worlds", "plugins") else registry.of_kind(_SINGULAR[kind])[name]
    rows = [row for row in _rows(registry, kind, full=True) if row["name"] == name]
    if not rows:
        raise UnknownName(_SINGULAR[kind], name, [row["name"] for row in _rows(registry, kind, full=False)])
    row = {**rows[0], **(_abilities(registry, name) if kind == "substrates" else {})}
    if kind == "models":  # a model of many weights says which there are: {what `which` takes: a remark}
        variants = getattr(registry.models[name].resolve(), "variants", None)
        row["variants"] = variants() if variants else {}
    if as_json:
        click.echo(json.dumps(row, indent=2, default=str))
        return 0
    about = inspect.getdoc(entry.resolve()) if entry else None
    click.echo("\n\n".join(filter(None, [f"{click.style(name, bold=True)}: {_remark(row)}", about])))
    plain = {key: value for key, value in row.items() if not isinstance(value, dict)}
    for key in [key for key, value in plain.items() if value and key not in ("name", "summary", "error")]:
        value = ", ".join(plain[key]) if isinstance(plain[key], list) else plain[key]
        click.echo(f"\n{click.style(key, bold=True)}  {value}")
    for key in [key for key in row if key not in plain and row[key]]:
        click.echo(f"\n{click.style(key, bold=True)}")
        width = max(map(len, row[key]))
        for inner, value in row[key].items():
            click.echo(f"  {inner:{width}}  {_one_line(value)}")
    return 0


def _abilities(registry: Registry, name: str) -> dict[str, Any]:
    """A substrate's genotype, measures, numbers to turn and ready-made worlds."""
    from ..config import catalog_names, catalog_summary
    from ..genotype import GenotypeSpace
    from ..substrate import measure_meanings

    substrate = registry.substrates[name].make()
    return {
        "genotype": GenotypeSpace(substrate, name).layout,
        "parameters": getattr(substrate, "parameters", dict)(),
        "measures": measure_meanings(substrate),
        "worlds": [world for world in catalog_names() if catalog_summary(world)[0] == name],
    }


def _one_line(value: Any) -> str:
    """An option's default, or what is said of a parameter or a measure."""
    from ..types import Parameter  # brings JAX

    if isinstance(value, Parameter):
        where = "option" if value.place is None else f"genotype {value.place[0]}:{value.place[1]}"
        return f"{value.low:g} to {value.high:g} {value.unit}".rstrip() + f" ({where}): {value.meaning}"
    return str(value)


def _remark(row: dict[str, Any]) -> str:
    if row.get("error"):
        return click.style(f"does not load: {row['error']}", fg="red")
    return row.get("summary") or row.get("where", "")


def _rows(registry: Any, kind: str, full: bool) -> list[dict[str, Any]]:
    """One dict for each thing of a kind."""
    if kind == "plugins":
        return [{**vars(plugin), "summary": _told(plugin)} for plugin in registry.plugins]
    if kind == "worlds":
        from ..config import catalog_names, catalog_summary

        found = [(name, *catalog_summary(name)) for name in catalog_names()]
        return [{"name": name, "substrate": substrate, "summary": summary} for name, substrate, summary in found]
    rows = []
    for name, entry in getattr(registry, kind).items():
        row = {"name": name, "summary": entry.summary, "plugin": entry.plugin, "source": entry.source}
        if full:
            row["options"] = {key: _default(value) for key, value in (entry.options() or {}).items()}
            if kind == "substrates":
                row["horizon"] = entry.horizon
        rows.append(row)
    return rows


def _told(plugin: Plugin) -> str:
    """Who brought a plugin, how long it took to load, and what it brings."""
    hooks = ", ".join(plugin.hooks)
    return f"{plugin.where}, {plugin.seconds * 1000:.0f} ms, {hooks}: {', '.join(plugin.brings) or 'nothing to name'}"


def _default(value: Any) -> Any:
    return "needed" if value is inspect.Parameter.empty else value
