"""Who may import whom (design: layout), and nothing but the folders' own names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INNER = ("plugins", "worlds", "search", "storage")
PUBLIC = {
    "hookimpl",
    "errors",
    "types",
    "substrate",
    "model",
    "genotype",
    "worlds",
    "hookspecs",
    "options",
    "registry",
    "config",
    "browser",
}
MAY = {
    "plugins": PUBLIC | {"make_substrate", "make_model", "make_search", "rollout", "evaluate_genotypes", "plugins"},
    "worlds": {"types", "substrate", "errors", "worlds"},
    "search": {"types", "errors", "options", "hookspecs", "search"},
    "storage": {"types", "config", "errors", "storage"},
}


def imported(source: str, package: str) -> set[str]:
    """Names directly below `alife` that a module of `alife.<package>` imports, for type checking or not."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        modules = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = f"alife.{package}" if node.level == 1 else "alife" if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            modules = [f"alife.{alias.name}" for alias in node.names] if module == "alife" else [module]
        names |= {module.split(".")[1] for module in modules if module.startswith("alife.")}
    return names


def literal(source: str) -> set[str]:
    """Top-level folders imported by their bare names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.split(".")[0])
    return found & set(INNER)


def files() -> list[Path]:
    own = [
        path for place in ("", "browser/", "commands/", "page/", "testing/") for path in ROOT.glob(f"alife/{place}*.py")
    ]
    return [*own, *(path for folder in INNER for path in (ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_design(path: Path) -> None:
    source, folder = path.read_text("utf-8"), path.relative_to(ROOT).parts[0]
    assert not literal(source), f"{path} imports a folder by its bare name; write alife.{literal(source).pop()}"
    if folder in MAY:
        assert imported(source, folder) <= MAY[folder]
    else:
        assert "plugins" not in imported(source, "")


@pytest.mark.parametrize("source", ["from alife.run import x", "from alife import evaluate", "import alife.cli"])
def test_the_rule_bites(source: str) -> None:
    assert not imported(source, "storage") <= MAY["storage"]
    assert literal("import search") and literal("from storage.schema import x")


def test_no_public_name_is_a_module() -> None:
    import alife

    modules = {path.stem for path in (ROOT / "alife").iterdir()}
    assert not modules & set(alife.__all__)
    assert all(callable(getattr(alife, name)) for name in alife.__all__)
