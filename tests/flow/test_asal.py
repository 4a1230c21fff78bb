"""Genotypes found with ASAL: its flat order is ours, and its files become archives."""

from __future__ import annotations

import numpy as np
import pytest

from alife.asal import PUBLISHED, world_of
from alife.cli import run_command
from alife.genotype import GenotypeSpace
from alife.registry import default_registry
from alife.search.given import read_genotypes
from alife.storage import open_archive


def layers(prefix, *sizes):
    """Leaves of a published network: bias before kernel, layers in order."""
    leaves = []
    for name, *kernel in sizes:
        leaves += [(f"{prefix}/params/{name}/bias", (kernel[-1],)), (f"{prefix}/params/{name}/kernel", tuple(kernel))]
    return leaves


DOCUMENTED = {
    "boids": layers("net_params", ("Dense_0", 4, 8), ("Dense_1", 8, 8), ("Dense_2", 8, 8), ("Dense_3", 8, 1)),
    "particle_life": [("alpha", (6, 6)), ("beta", (6,))],
    "particle_life_plus": layers("alpha", ("Dense_0", 12, 8), ("Dense_1", 8, 8), ("Dense_2", 8, 8), ("Dense_3", 8, 7)),
    "particle_lenia": [("", (6,))],
    "lenia": [("", (45 + 32 * 32 * 3,))],
    "life": [("", ())],
    **{
        f"nca {d}": layers("net_params", ("Conv_0", 3, 3, d, 4), ("Conv_1", 1, 1, 4, 16), ("Conv_2", 1, 1, 16, d))
        for d in (1, 3)
    },
    "dnca": [
        ("init", (1, 8)),
        *layers("net_params", ("Conv_0", 3, 3, 8, 4), ("Conv_1", 1, 1, 4, 16), ("Conv_2", 1, 1, 16, 8)),
    ],
}
"""Leaves and shapes of the eight parameter trees, in the order in which ASAL joins them."""


@pytest.fixture(params=PUBLISHED, ids=lambda published: " ".join(map(str, (published[0], *published[1].values()))))
def published(request):
    name, options = request.param
    return name, options, DOCUMENTED[" ".join(map(str, (name, *options.values())))]


def found(leaves, n):
    """n genotypes with small numbers that differ from place to place."""
    size = sum(int(np.prod(shape)) for _, shape in leaves)
    if size == 1:
        return np.array([6152, 224, 6, 110][:n])
    return (np.sin(np.arange(n * size)) / 4).reshape(n, size).astype(np.float32)


def told(file):
    return world_of(read_genotypes(file), file, default_registry())


def leaf_at(tree, path):
    for step in filter(None, path.split("/")):
        tree = tree[step]
    return np.asarray(tree)


def test_every_leaf_gets_the_numbers_that_asal_meant_for_it(published):
    name, options, leaves = published
    space = GenotypeSpace(default_registry().substrates[name].make(**options), name)
    size = sum(int(np.prod(shape)) for _, shape in leaves)
    assert space.size == size
    tree, first = space.unflatten(np.arange(size).astype(space.dtype)), 0
    for path, shape in leaves:
        last = first + int(np.prod(shape))
        assert np.array_equal(leaf_at(tree, path), np.arange(first, last).reshape(shape)), path
        first = last


def test_files_become_archives(published, tmp_path):
    name, options, leaves = published
    genotypes = found(leaves, 3)
    np.savez(tmp_path / "found.npz", params=genotypes)
    assert told(tmp_path / "found.npz") == (name, options)
    tiny = {"steps": 3, "frames": 2, "img_size": 16, "model.name": "pixels"}
    settings = [part for key, value in tiny.items() for part in ("--set", f"{key}={value}")]
    assert run_command(["import", "asal", str(tmp_path / "found.npz"), "--first", "2", *settings]) == 0
    archive = open_archive(tmp_path / "found")
    assert archive.substrates == (name,) and len(archive) == 2
    kept = np.stack([archive[i].genotype for i in range(2)])
    assert np.array_equal(kept, genotypes[:2].reshape(2, -1))
    assert archive[0].frames.shape == (2, 16, 16, 3) and np.isclose(
        np.linalg.norm(archive[0].embedding[0]), 1, atol=1e-5
    )


def test_other_settings_are_named_by_the_user(tmp_path, capsys):
    np.savez(tmp_path / "small.npz", params=found([("alpha", (2, 2)), ("beta", (2,))], 2))
    tiny = ["--set", "steps=2", "--set", "frames=2", "--set", "img_size=16", "--set", "options.n_particles=50"]
    tiny += ["--set", "model.name=pixels"]
    command = ["import", "asal", str(tmp_path / "small.npz"), "--world", "particle_life", *tiny]
    assert run_command([*command, "--set", "options.n_colors=2"]) == 0
    assert len(open_archive(tmp_path / "small")) == 2
    assert run_command([*command, "--out", str(tmp_path / "six")]) == 2
    assert "has 6 numbers; expected 42 real number(s)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "write, said",
    [
        (lambda path: np.savez(path, params=np.zeros((2, 77))), "77 numbers, which none of ASAL's substrates has"),
        (lambda path: np.savez(path, images=np.zeros((2, 8))), "holds ['images']"),
        (lambda path: path.write_bytes(b"PK no zip"), "is not a file of plain arrays"),
    ],
)
def test_files_of_another_kind_are_refused(write, said, tmp_path, capsys):
    write(tmp_path / "file.npz")
    assert run_command(["import", "asal", str(tmp_path / "file.npz")]) == 2
    assert said in capsys.readouterr().err and not (tmp_path / "file").exists()


def test_what_belongs_to_asal_is_not_taken_for_others(tmp_path, capsys):
    assert run_command(["import", "life", str(tmp_path / "gun.rle"), "--first", "2"]) == 2
    assert "belong to `alife import asal`" in capsys.readouterr().err


def test_rules_that_do_not_exist_are_refused(tmp_path, capsys):
    np.savez(tmp_path / "rules.npz", params=np.array([6152, 300_000]))
    assert run_command(["import", "asal", str(tmp_path / "rules.npz")]) == 2
    assert "has 300000 at place 0 of row 1; 'life' allows 0 to 262143 there" in capsys.readouterr().err


def test_one_genotype_alone_is_one_genotype(tmp_path):
    np.savez(tmp_path / "one.npz", params=np.zeros(193, np.float32))
    assert told(tmp_path / "one.npz") == ("boids", {})
