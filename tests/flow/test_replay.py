"""Every lifeform is run again from its record alone, and the verdict can fail."""

from __future__ import annotations

import copy
import json
import shutil

import imageio.v3 as iio
import numpy as np
import pytest

from alife.cli import run_command
from alife.errors import PluginError
from alife.replay import replay
from alife.storage import open_archive, resume_archive

from .worlds import BROKEN, TINY, write


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small search of life rules, of which a third of all worlds is kept besides, with clips and peaks."""
    place = tmp_path_factory.mktemp("runs") / "run"
    kept = ["--clip", "5", "--peak", "population", "--keep-states", "--sample", "0.3"]
    search = ["search", "life", "--out", str(place), "--generations", "5", "--set", "search.size=4"]
    assert run_command([*search, *kept, *TINY]) == 0
    return place


def test_every_lifeform_replays_to_the_same_bytes(run, capsys):
    archive = open_archive(run)
    kept = archive.table()
    assert 0 < (kept["sampled"] & ~kept["elite"]).sum() < len(archive) and kept["elite"].any()
    assert run_command(["replay", str(run), "0"]) == 0
    assert capsys.readouterr().out == "lifeform 0: same bytes\n"
    assert run_command(["replay", str(run), "--all"]) == 0
    assert capsys.readouterr().out == f"{len(archive)} lifeforms: {len(archive)} same bytes\n"


def test_clip_states_and_peak_are_of_the_same_world(run):
    archive = open_archive(run)
    ends = archive.config["steps"] * np.arange(1, 3) // 2
    for lifeform in archive:
        assert lifeform.clip.shape == (5, 32, 32, 3) and np.array_equal(lifeform.clip[-1], lifeform.frames[-1])
        (cells,) = lifeform.states.values()
        assert cells.shape == (2, 32, 32)
        assert cells[-1].mean() == pytest.approx(lifeform.measures["population"], abs=1e-6)
        assert lifeform.peak.value >= cells.mean((1, 2)).max() - 1e-6
        if lifeform.peak.step in ends:
            shown = lifeform.frames[list(ends).index(lifeform.peak.step)]
            assert np.array_equal(lifeform.peak.frame, shown)


class Forged:
    """An archive that holds one lifeform, part of which is not what was stored."""

    def __init__(self, archive, i, **changed):
        self.origins, self.record = archive.origins, copy.copy(archive[i])
        self.record.__dict__.update(changed)

    def __getitem__(self, i):
        return self.record

    def because_of(self, part, key, value):
        """What made it differs in one thing."""
        (origin,) = self.origins
        provenance = {**origin["provenance"], part: {**origin["provenance"][part], key: value}}
        self.origins = [{**origin, "provenance": provenance}]
        return self


def test_a_forged_record_replays_as_different(run):
    archive = open_archive(run)
    mine, other = archive[0].frames, archive[1].frames
    assert not np.array_equal(mine, other)
    near = mine.copy()
    near[0, 0, 0, 0] ^= 1

    def verdict(forged, **options):
        (result,) = replay(forged, [0], **options)
        return result

    told = [verdict(Forged(archive, 0, frames=frames)) for frames in (mine, near, other)]
    assert [result.verdict for result in told] == ["same bytes", "same picture", "differs"]
    assert verdict(Forged(archive, 0, frames=near), tolerance=0).verdict == "differs"
    assert verdict(Forged(archive, 0, frames=other), tolerance=255).verdict == "same picture"
    assert "not the same: embedding" in str(verdict(Forged(archive, 0, embedding=archive[1].embedding)))
    wrong = {**archive[0].measures, "population": 2.0}
    assert "not the same: population" in str(verdict(Forged(archive, 0, measures=wrong)))
    older = Forged(archive, 0, frames=other).because_of("versions", "jax", "0.0.1")
    assert "jax: 0.0.1 then" in str(verdict(older))
    edited = Forged(archive, 0, frames=other).because_of("substrate", "source", "abc")
    assert "substrate source: abc then" in str(verdict(edited))


def test_damaged_lifeforms_are_named_and_the_rest_is_proved(run, tmp_path, capsys):
    place = shutil.copytree(run, tmp_path / "run")
    (frames,) = (place / "frames").glob("c.0*")
    data = bytearray(frames.read_bytes())
    data[40] ^= 1  # in the first chunk
    frames.write_bytes(bytes(data))
    assert run_command(["replay", str(place), "--all"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("lifeform 0: damaged: ") and "damaged frames" in said
    assert said.endswith(
        f"{len(open_archive(place))} lifeforms: {len(open_archive(place)) - 1} same bytes, 1 damaged\n"
    )
    assert run_command(["replay", str(place), "0"]) == 2
    assert "lifeform 0 of" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["0", "--all"]])
def test_which_lifeform_must_be_said(run, capsys, arguments):
    assert run_command(["replay", str(run), *arguments]) == 2
    assert f"a lifeform's ID (0 to {len(open_archive(run)) - 1}) or --all" in capsys.readouterr().err


def test_what_is_stored_can_be_watched_without_running_anything(run, tmp_path, monkeypatch):
    monkeypatch.setattr("alife.replay.rollout", None)
    moving = next(x for x in open_archive(run) if (np.diff(x.clip.astype(int), axis=0) != 0).any((1, 2, 3)).all())
    export = ["export", str(run), str(moving.id), "--to", str(tmp_path / "one.webp"), "--stored"]
    assert run_command(export) == 0
    assert np.array_equal(np.stack(list(iio.imiter(tmp_path / "one.webp")))[..., :3], moving.clip)
    assert run_command([*export, "--size", "64"]) == 2


def test_a_plugin_that_is_gone_is_named(tmp_path, capsys):
    plugin, place = write(tmp_path / "mine.py", BROKEN.format(replaced="")), tmp_path / "run"
    search = ["search", "broken", "--plugin", str(plugin), "--out", str(place), "--generations", "1"]
    assert run_command([*search, "--population", "2", "--set", "img_size=32", "--search", "random"]) == 0
    with resume_archive(place) as writer:
        assert writer.archive[0].provenance["substrate"]["package"] == "file"
    export = ["export", str(place), "0", "--to", str(tmp_path / "one.gif")]
    moved = plugin.rename(tmp_path / "moved.py")
    assert run_command(export) == 2
    assert "--plugin FILE" in capsys.readouterr().err
    other = write(tmp_path / "other.py", "import alife\n@alife.hookimpl\ndef generation_finished(report): ...\n")
    assert run_command([*export, "--plugin", str(other)]) == 2
    said = capsys.readouterr().err
    assert "substrate 'broken' is not installed" in said and f"plugin '{plugin}' brought it: give its file" in said
    assert run_command([*export, "--plugin", str(moved)]) == 0
    assert run_command([*export, "--plugin", str(other), "--stored"]) == 0


def test_a_package_that_is_gone_is_named(run):
    gone = Forged(open_archive(run), 0).because_of("substrate", "package", "package alife-foo 1.2")
    gone.origins[0]["config"] = {**gone.origins[0]["config"], "substrate": "foo"}
    with pytest.raises(PluginError, match=r"package alife-foo 1\.2 brought it: pip install alife-foo"):
        list(replay(gone, [0]))


def test_a_record_as_a_file_holds_all_there_is(run, tmp_path):
    assert run_command(["export", str(run), "0", "--to", str(tmp_path / "one.npz")]) == 0
    lifeform = open_archive(run)[0]
    with np.load(tmp_path / "one.npz", allow_pickle=False) as record:
        for name in ("genotype", "frames", "embedding", "clip"):
            assert np.array_equal(record[name], getattr(lifeform, name))
        (moments,) = lifeform.states.values()
        assert any(np.array_equal(record[name], moments) for name in record if name.startswith("state_"))
        assert record["peak_value"] == lifeform.peak.value and record["operator"] == lifeform.operator
        assert json.loads(str(record["config"])) == lifeform.config
