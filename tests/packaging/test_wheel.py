"""What is installed: one top-level name, everything the code reads, and no way for a user's own files to interfere."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy so that no build folder is left in the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to(os.readlink(ROOT / name))
        elif (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-2000:]
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_only_top_level_name_is_alife(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"alife"}


def test_everything_that_is_read_is_inside(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    folders = {"plugins": "plugins", "worlds": "worlds", "search": "search", "storage": "storage", "alife": ""}
    for folder, name in folders.items():
        for path in (ROOT / folder).rglob("*"):
            relative = path.relative_to(ROOT / folder)
            linked = folder == "alife" and relative.parts[0] in folders
            if path.suffix in (".py", ".toml", ".json", ".npz", ".typed", ".html", ".css", ".js") and not linked:
                expected = "/".join(part for part in ("alife", name, relative.as_posix()) if part)
                assert expected in inside, f"{path} is not in the wheel: name its package or data in pyproject.toml"


def test_users_own_files_break_nothing(tmp_path: Path) -> None:
    for name in ("search.py", "storage/__init__.py", "plugins/__init__.py", "worlds.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemExit('the user\\'s own file was imported')\n")
    command = [sys.executable, "-m", "alife", "list", "--json"]
    listed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    assert '"error": ""' in listed.stdout and "lenia" in listed.stdout


def test_links_point_to_the_real_folders() -> None:
    for name in ("plugins", "worlds", "search", "storage"):
        link = ROOT / "alife" / name
        assert link.is_symlink() and os.readlink(link) == f"../{name}"
