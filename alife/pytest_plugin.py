"""Fixtures for the tests of plugins; pytest finds them wherever `alife` is installed, and nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .registry import Registry


@pytest.fixture
def alife_registry() -> Registry:
    """A registry of what ships and nothing else, so that what else is installed does not matter; of this test alone."""
    from .registry import Registry

    return Registry(installed=False)


@pytest.fixture
def alife_plugin(tmp_path: Path) -> Callable[[str], Registry]:
    """A function that writes the text of a plugin file, and gives a registry of what ships and that file.

    The file is `registry.files[0]`, for `--plugin` of a command.
    """
    from .registry import Registry

    written: list[Path] = []

    def load(text: str) -> Registry:
        written.append(tmp_path / f"alife_plugin_{len(written)}.py")
        written[-1].write_text(text, "utf-8")
        return Registry([written[-1]], installed=False)

    return load


@pytest.fixture
def toy_world() -> Any:
    """A substrate of 64 cells that keeps every promise and compiles at once: `alife.testing.toy.Toy`."""
    from .testing.toy import Toy

    return Toy()
