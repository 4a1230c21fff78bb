"""Worlds searched by what they should look like: prompts, pictures, negatives, models by name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alife.cli import run_command
from alife.config import RunConfig, load_world, model_table
from alife.errors import BadOption
from alife.registry import Registry
from alife.run import resume_search, run_search
from alife.storage import open_archive

from .worlds import WORLD, write

PLUGIN = Path(__file__).with_name("hues.py")
HUES = ["--plugin", str(PLUGIN), "--model", "hues"]
SMALL = [*WORLD, "--search", "random"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def colour(path: Path, rgb, size=(40, 24), **options) -> Path:
    """A picture of one colour."""
    Image.new(options.pop("mode", "RGB"), size, rgb).save(path, **options)
    return path


def refused(capsys, *arguments) -> str:
    """The one line that a refused command prints."""
    assert run_command([str(a) for a in arguments]) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1 and "Traceback" not in captured.err
    assert not Path("run").exists()
    return lines[0]


def same(a: Path, b: Path) -> bool:
    one, two = open_archive(a), open_archive(b)
    columns = [np.array_equal(one.column(name), two.column(name)) for name in one.table()]
    return len(one) == len(two) > 0 and all(columns)


def test_prompts_and_negatives_are_what_is_scored():
    said = ["--prompt", "dark", "--prompt", "red", "--negative", "blue", "--negative", "green"]
    assert run_command(["search", "life", "--out", "run", "--generations", "2", *HUES, *said, *SMALL]) == 0
    archive = open_archive("run")
    assert archive.config["score"] == "prompt" and archive.config["model"] == {"name": "hues"}
    assert archive.provenance["model"]["identity"] == "hues-plain"
    for lifeform in archive:
        z = lifeform.embedding
        expected = (z[0, 0] + z[1, 1]) / 2 - np.maximum(z[:, 2], z[:, 3]).mean()
        assert lifeform.score == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("score", ["video", "prompt + 0.5*video + 0.1*motion", "agreement - novelty(k=1)"])
def test_every_score_with_a_target_runs_and_resumes_exactly(score):
    said = [*HUES, "--prompt", "brighter", "--score", score, *SMALL]
    assert run_command(["search", "life", "--out", "long", "--generations", "4", *said]) == 0
    assert run_command(["search", "life", "--out", "short", "--generations", "2", *said]) == 0
    assert run_command(["resume", "short", "--generations", "4"]) == 0
    assert same(Path("long"), Path("short"))


def test_prompts_are_embedded_once_in_a_run():
    registry = Registry([PLUGIN])
    hues = registry.models["hues"].resolve()
    small = {"population": 2, "steps": 4, "frames": 2, "img_size": 16, "options": {"size": 32}}
    run_search("life", out="run", registry=registry, prompts=["red"], model="hues", generations=3, **small)
    assert hues.asked == 1


@pytest.mark.parametrize("harm", ["remove", "change"])
def test_a_run_towards_a_picture_goes_on_without_the_file(harm):
    picture = colour(Path("light.png"), (250, 250, 250))
    said = ["--image", str(picture), "--model", "pixels", *SMALL]
    assert run_command(["search", "life", "--out", "long", "--generations", "4", *said]) == 0
    assert run_command(["search", "life", "--out", "short", "--generations", "2", *said]) == 0
    picture.unlink() if harm == "remove" else colour(picture, (0, 0, 0))
    assert run_command(["resume", "short", "--generations", "4"]) == 0
    assert same(Path("long"), Path("short"))
    assert run_command(["replay", "short", "0"]) == 0


def test_a_killed_run_without_a_generation_keeps_its_picture():
    picture = colour(Path("light.png"), (250, 250, 250))
    small = {"population": 2, "steps": 4, "frames": 2, "img_size": 16, "options": {"size": 32}, "generations": 2}
    run_search("life", out="none", images=[str(picture)], model="pixels", stop=lambda: True, **small)
    run_search("life", out="whole", images=[str(picture)], model="pixels", **small)
    picture.unlink()
    resume_search("none")
    assert same(Path("none"), Path("whole"))


def test_prompts_come_before_pictures():
    picture = colour(Path("green.png"), (0, 255, 0))
    said = ["--image", str(picture), "--prompt", "dark", "--generations", "1", *HUES, *SMALL]
    assert run_command(["search", "life", "--out", "run", *said]) == 0
    green = np.array([1 - 1.003 / 3, 0.001, 1.001, 0.001, 0])
    for lifeform in open_archive("run"):
        z = lifeform.embedding
        expected = (z[0, 0] + z[1] @ green / np.linalg.norm(green)) / 2
        assert lifeform.score == pytest.approx(expected, abs=1e-4)


def test_of_a_picture_the_middle_square_is_seen_and_nothing_is_black():
    from alife.targets import read_picture

    wide = Image.new("RGBA", (60, 20), (255, 0, 0, 255))
    wide.paste((0, 0, 255, 255), (20, 0, 30, 20))
    wide.paste((0, 255, 0, 0), (30, 0, 40, 20))
    wide.save("wide.png")
    seen = read_picture("wide.png", 10)
    assert seen.shape == (10, 10, 3)
    assert np.allclose(seen[:, 1], [0, 0, 1], atol=0.02) and np.allclose(seen[:, 8], 0, atol=0.02)


def test_a_world_file_says_all_of_it(tmp_path):
    folder = tmp_path / "worlds"
    folder.mkdir()
    colour(folder / "red.png", (255, 0, 0))
    text = (
        'substrate = "life"\nprompts = ["red"]\nimages = ["red.png"]\nnegatives = ["blue"]\n'
        'model = "hues:reddish"\nsteps = 8\nframes = 2\npopulation = 3\nimg_size = 16\n[options]\nsize = 32\n'
    )
    world = write(folder / "reds.toml", text)
    plugin = ["--plugin", str(PLUGIN)]
    assert run_command(["search", str(world), "--out", "run", "--generations", "1", *plugin]) == 0
    config = open_archive("run").config
    assert config["model"] == {"name": "hues", "which": "reddish"} and config["score"] == "prompt"
    assert [image["file"] for image in config["images"]] == [str(folder / "red.png")]
    assert len(json.dumps(config["images"])) < 1000
    # what the command line wants takes the place of what the file wants
    changed = load_world(str(world), {"life": 10}, images=["blue.png"])
    assert changed.images == ["blue.png"] and changed.prompts == () and changed.negatives == ["blue"]


def test_a_run_goes_on_only_with_the_model_it_began_with(capsys):
    plugin = write(Path("mine.py"), PLUGIN.read_text())
    said = ["--plugin", str(plugin), "--model", "hues", "--image", str(colour(Path("red.png"), (255, 0, 0)))]
    assert run_command(["search", "life", "--out", "run", "--generations", "1", *said, *SMALL]) == 0
    plugin.write_text(plugin.read_text().replace('f"hues-{which}"', 'f"hues-2-{which}"'))
    assert run_command(["resume", "run", "--generations", "2"]) == 2
    assert "model identity: hues-plain then, hues-2-plain now" in capsys.readouterr().err
    assert run_command(["resume", "run", "--generations", "2", "--anyway"]) == 0  # the picture is seen anew
    Path("red.png").unlink()
    assert run_command(["resume", "run", "--generations", "3", "--anyway"]) == 2
    assert "red.png: there is no such file" in capsys.readouterr().err


def test_a_model_that_is_not_jax_is_given_prompts_too():
    said = ["--plugin", str(PLUGIN), "--model", "outside", "--prompt", "dark", "--generations", "1", *SMALL]
    assert run_command(["search", "life", "--out", "run", *said]) == 0
    assert all(lifeform.score == pytest.approx(lifeform.embedding[:, 0].mean()) for lifeform in open_archive("run"))


def test_an_ensemble_of_a_plugin_file_agrees():
    said = ["--plugin", str(PLUGIN), "--model", "ensemble:hues+pixels", "--prompt", "red", "--score", "agreement"]
    assert run_command(["search", "life", "--out", "run", "--generations", "1", *said, *SMALL]) == 0
    archive = open_archive("run")
    assert archive.provenance["model"]["identity"] == "ensemble-1(hues-plain+pixels-1-28)"
    for lifeform in archive:  # pixels knows no text, so hues decides alone
        z = lifeform.embedding[:, :5]
        assert lifeform.score == pytest.approx((z[:, 1] / np.linalg.norm(z, axis=1)).mean(), abs=1e-5)


@pytest.mark.parametrize(
    "said, model",
    [
        ({}, "texture"),
        ({"images": ["a.png"]}, "texture"),
        ({"prompts": ["red"]}, "builtin"),
        ({"images": ["a.png"], "negatives": ["red"]}, "builtin"),
        ({"prompts": ["red"], "model": "open_clip:ViT-B-32:a/b.safetensors"}, "open_clip"),
        ({"model": {"colour": 0.2}}, "texture"),
    ],
)
def test_who_looks_when_nobody_is_named(said, model):
    config = RunConfig("life", 10, **said)
    assert config.model["name"] == model
    assert config.score == ("prompt" if "prompts" in said or "images" in said else "illumination")
    assert RunConfig(**config.as_json()) == RunConfig(**json.loads(json.dumps(config.as_json())))


def test_a_model_as_text():
    assert model_table("a:b:c") == {"name": "a", "which": "b:c"} and model_table({"name": "a"}) == {"name": "a"}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--model", "texture", "--prompt", "red"], "model 'texture' sees pictures and knows none; use --model"),
        (["--model", "texture", "--image", "light.png", "--negative", "red"], "model that knows text"),
        (["--model", "hues", "--negative", "red"], "say what the world should be with --prompt TEXT"),
        (["--model", "hues", "--prompt", " "], "prompt or negative is empty"),
        (["--model", "hues", "--prompt", "rde"], "hues does not know 'rde'"),
        (["--model", "hues", "--score", "prompt"], "give one or more --prompt TEXT or --image FILE"),
        (["--model", "hues", "--score", "1 - video"], "give one or more --prompt TEXT or --image FILE"),
        (["--model", "hues", "--prompt", "red", "--score", "prompt(negativ=2)"], "did you mean negative"),
        (["--model", "hues", "--prompt", "red", "--image", "light.png", "--prompt", "dark"], "at least 3 frames"),
        (["--model", "hues:rddish"], "expected plain or reddish"),
        (["--model", "texture:large"], "model 'texture' comes in one form; 'large' cannot be chosen"),
        (["--model", "hus:x"], "did you mean hues"),
        (["--model", "ensemble:hues"], "expected two or more models"),
        (["--model", "ensemble:hues+textur"], "did you mean texture"),
        (["--model", "ensemble:hues+texture", "--set", "model.registry=3"], "no option 'registry'"),
        (["--image", "none.png"], "none.png: there is no such file"),
        (["--image", "text.png"], "text.png is no picture"),
        (["--image", "cut.png"], "cut.png cannot be read"),
        (["--image", "."], "cannot be read"),
        (["--set", "images=3"], "images is 3; expected a list of picture files"),
        (["--set", "negatives=red"], "negatives is 'red'; expected a list of texts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_clear_line(capsys, arguments, said):
    colour(Path("light.png"), (255, 255, 255))
    write(Path("text.png"), "not a picture")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save("cut.png")
    Path("cut.png").write_bytes(Path("cut.png").read_bytes()[:2000])
    message = refused(
        capsys, "search", "life", "--out", "run", "--plugin", PLUGIN, "--generations", "1", *arguments, *WORLD
    )
    assert said in message


def test_a_world_file_with_a_model_that_is_neither_text_nor_table(capsys, tmp_path):
    world = write(tmp_path / "world.toml", 'substrate = "life"\nmodel = 3\n')
    assert "model is 3; expected a name, NAME:WHICH, or a table" in refused(capsys, "search", world, "--out", "run")


def test_a_film_does_not_need_the_model():
    """What a film does not need is not made: neither the model nor its pictures."""
    plugin = write(Path("mine.py"), PLUGIN.read_text())
    said = ["--plugin", str(plugin), "--model", "hues", "--prompt", "red", "--generations", "1"]
    assert run_command(["search", "life", "--out", "run", *said, *SMALL]) == 0
    plugin.write_text(plugin.read_text().replace("def __init__(self, which", "def __init__(self, weights_file, which"))
    assert run_command(["export", "run", "0", "--to", "film.gif", "--size", "32"]) == 0
    with pytest.raises(BadOption, match="weights_file"):
        resume_search("run")


def test_a_motion_that_no_frame_shows_is_told(capsys):
    said = ["search", "gray_scott", "--prompt", "growing spots", "--set", "steps=8", "--generations", "1"]
    small = ["--population", "4", "--frames", "2"]
    assert run_command([*said, *small, "--out", "still"]) == 0
    assert "growing: no single frame shows that" in capsys.readouterr().err
    assert run_command([*said, *small, "--score", "video", "--out", "moving"]) == 0
    assert "growing" not in capsys.readouterr().err.split("\n", 1)[1]


def test_favourites_of_another_run_are_what_a_search_looks_for():
    few = ["--generations", "2", "--search", "random", *WORLD]
    assert run_command(["search", "life", "--out", "seen", "--model", "pixels", *few]) == 0
    assert run_command(["mark", "seen", "1", "3", "--favourite"]) == 0
    assert (
        run_command(["search", "life", "--out", "run", "--model", "pixels", "--like", "seen", "--seed", "5", *few]) == 0
    )
    seen, run = open_archive("seen"), open_archive("run")
    assert run.config["score"] == "liked"
    liked = np.stack([seen[i].embedding[-1] for i in (1, 3)])
    for lifeform in run:
        assert lifeform.score == pytest.approx((liked @ lifeform.embedding[-1]).max(), abs=1e-5)


def test_a_search_for_what_is_liked_goes_on_without_the_other_run():
    few = ["--search", "random", *WORLD, *HUES]
    assert run_command(["search", "life", "--out", "seen", "--generations", "1", *few]) == 0
    for out, generations in ("long", "4"), ("short", "2"):
        said = ["--out", out, "--generations", generations, "--like", "seen:0,2", "--score", "liked + novelty"]
        assert run_command(["search", "life", *said, *few]) == 0
    shutil.rmtree("seen")
    assert run_command(["resume", "short", "--generations", "4"]) == 0
    assert same(Path("long"), Path("short"))


def test_another_model_looks_at_what_is_liked_itself():
    few = ["--search", "random", "--generations", "1", *WORLD]
    assert run_command(["search", "life", "--out", "seen", "--model", "texture", *few]) == 0
    assert run_command(["search", "life", "--out", "run", "--model", "pixels", "--like", "seen:1", *few]) == 0
    again = open_archive("run")
    assert max(again.column("score")) == pytest.approx(1, abs=1e-4)  # the same seed: its very world is among them


@pytest.mark.parametrize(
    "said, why",
    [
        (["--like", "seen"], "seen has no favourites; mark some, `alife mark seen ID --favourite`"),
        (["--like", "seen:99"], "99"),
        (["--like", "seen:best"], "'best' is no lifeform's number"),
        (["--like", "nowhere"], "nowhere"),
        (["--like", "seen:0", "--score", "motion"], "looks at no lifeform that is liked"),
        (["--score", "liked"], "--like RUN"),
    ],
)
def test_what_cannot_be_liked_is_refused(said, why, capsys):
    few = ["--model", "pixels", "--search", "random", *WORLD]
    assert run_command(["search", "life", "--out", "seen", "--generations", "1", *few]) == 0
    capsys.readouterr()
    assert why in refused(capsys, "search", "life", "--out", "run", *said, *few)


def test_a_world_file_names_liked_runs_beside_it(tmp_path):
    file = write(tmp_path / "mine.toml", 'substrate = "life"\nprompts = ["red"]\nliked = ["seen:3"]\n')
    config = load_world(str(file), {"life": 8})
    assert config.liked == [str(tmp_path / "seen:3")] and config.score == "prompt + liked"
    assert load_world(str(file), {"life": 8}, images=["a.png"]).liked == ()
