"""The models as the rest of the program meets them; with the small architecture that ships, so nothing is needed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.errors import BadOption
from alife.plugins.open_clip import convert, installed
from alife.plugins.open_clip.architectures import open_clip_architecture
from alife.plugins.open_clip.models import Dino, OpenClip

from .twins import noise


@pytest.fixture(scope="module")
def model() -> OpenClip:
    return OpenClip("tiny")


def state_of(name: str) -> dict[str, np.ndarray]:
    """Random weights of an architecture under the names of a file."""
    architecture = open_clip_architecture(name)
    assert architecture.text is not None
    parts = convert.parts_of_pictures(architecture.picture, "visual.") + convert.parts_of_texts(architecture.text, "")
    rng = np.random.default_rng(0)
    state = {"logit_scale": np.zeros(())}
    for part in parts:
        for i in range(max(part.depth, 1)):
            state[part.theirs.replace("#", str(i))] = rng.normal(0, 0.1, part.shape).astype(np.float32)
    return state


def saved(state: dict[str, np.ndarray], file: Path) -> Path:
    safetensors = pytest.importorskip("safetensors.numpy")
    safetensors.save_file(state, file)
    return file


def test_pictures_do_not_depend_on_the_company(model: OpenClip) -> None:
    """20 pictures are two chunks, 5 are one."""
    images = jnp.asarray(noise(32, 20))
    embed = jax.jit(model.embed_images)
    np.testing.assert_allclose(embed(images)[:5], embed(images[:5]), atol=1e-6)
    np.testing.assert_allclose(embed(images)[17:], embed(images[17:]), atol=1e-6)


def test_weights_are_an_argument_of_the_program(model: OpenClip) -> None:
    images = jnp.asarray(noise(32))
    program = jax.jit(model.embed_images)
    np.testing.assert_allclose(program(images, model.weights), model.embed_images(images), atol=1e-6)
    assert not np.allclose(program(images, jax.tree.map(lambda w: 1.1 * w, model.weights)), program(images), atol=1e-4)
    held = jax.make_jaxpr(model.embed_images)(images, model.weights).consts
    assert sum(np.size(array) for array in held) < 100


def test_compiling_does_not_grow_with_depth() -> None:
    """As many equations in the program of 12 blocks as in that of 3."""

    def equations(depth: int) -> int:
        from alife.plugins.open_clip.towers import Pictures

        tower = open_clip_architecture("tiny").picture
        deep = Pictures(replace(tower, blocks=replace(tower.blocks, depth=depth)))
        images = jnp.zeros((1, 32, 32, 3))
        weights = jax.eval_shape(deep.init, jax.random.key(0), images)
        return len(jax.make_jaxpr(deep.apply)(weights, images).eqns)

    assert equations(3) == equations(12)


def test_identity_follows_weights_and_size(model: OpenClip, tmp_path: Path) -> None:
    state = state_of("tiny")
    first = OpenClip(f"tiny:{saved(state, tmp_path / 'a.safetensors')}")
    assert first.identity == OpenClip(f"tiny:{saved(state, tmp_path / 'b.safetensors')}").identity
    state["ln_final.bias"] = state["ln_final.bias"] + 1e-3
    other = OpenClip(f"tiny:{saved(state, tmp_path / 'c.safetensors')}")
    sized = OpenClip(f"tiny:{tmp_path / 'a.safetensors'}", image_size=64)
    assert len({model.identity, first.identity, other.identity, sized.identity}) == 4


def test_half_precision_files_are_read(tmp_path: Path) -> None:
    import ml_dtypes

    state = state_of("tiny")
    half = {name: array.astype(ml_dtypes.bfloat16) for name, array in state.items()}
    safetensors = pytest.importorskip("safetensors.flax")
    safetensors.save_file({name: jnp.asarray(array) for name, array in half.items()}, tmp_path / "half.safetensors")
    whole = OpenClip(f"tiny:{saved(state, tmp_path / 'whole.safetensors')}")
    images = jnp.asarray(noise(32))
    z = OpenClip(f"tiny:{tmp_path / 'half.safetensors'}").embed_images(images)
    assert 0 < np.abs(z - whole.embed_images(images)).max() < 0.02


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("visual.proj"), r"1 missing: visual.proj\); name the architecture"),
        (lambda state: state.update(extra=np.zeros(2)), "1 unknown: extra"),
        (lambda state: state.update({"visual.proj": np.zeros((3, 3))}), r"visual.proj is \(3, 3\), not \(64, 32\)"),
    ],
)
def test_a_wrong_weights_file_is_refused(tmp_path: Path, change: Any, told: str) -> None:
    state = state_of("tiny")
    change(state)
    with pytest.raises(BadOption, match=told):
        OpenClip(f"tiny:{saved(state, tmp_path / 'wrong.safetensors')}")


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="there is no weights file"):
        OpenClip("tiny:missing.safetensors")
    pytest.importorskip("safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(b"no such header" * 20)
    with pytest.raises(BadOption, match="is damaged"):
        OpenClip(f"tiny:{tmp_path / 'damaged.safetensors'}")
    (tmp_path / "shape.json").write_text("{}")
    with pytest.raises(BadOption, match="not an architecture"):
        OpenClip(f"{tmp_path / 'shape.json'}:random")


def test_pictures_must_be_square_and_patches_fit(model: OpenClip) -> None:
    with pytest.raises(BadOption, match="40 x 32 pixels; expected square"):
        model.embed_images(jnp.zeros((1, 40, 32, 3)))
    with pytest.raises(BadOption, match="image_size is 4"):
        OpenClip("tiny", image_size=4)


def test_a_dino_knows_no_text() -> None:
    assert not hasattr(Dino("tiny"), "embed_text")


def test_the_package_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    installed.configurations.cache_clear()
    with pytest.raises(BadOption, match=r"'open_clip' is not installed.*pip install 'alife\[clip\]'"):
        OpenClip("ViT-B-32")


def test_safetensors_need_no_torch(model: OpenClip, tmp_path: Path) -> None:
    """Pictures and texts of a published architecture, and none of the heavy packages in the process."""
    if not installed.is_installed("open_clip"):
        pytest.skip("open_clip_torch is not installed")
    file = saved(state_of("ViT-S-32-alt"), tmp_path / "small.safetensors")
    program = f"""
        import sys
        import jax.numpy as jnp
        from alife.plugins.open_clip.models import OpenClip
        model = OpenClip("ViT-S-32-alt:{file}")
        print(model.embed_images(jnp.zeros((1, 64, 64, 3))).shape, model.embed_text(["a ring"]).shape)
        print(sorted({{"torch", "open_clip", "timm"}} & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["(1, 256) (1, 256)", "[]"], done.stderr


def test_a_tag_decides_activation_and_preparation(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI's weights of ViT-B-32 need quick gelu, which the architecture's file does not say."""
    from alife.plugins.open_clip.models import _as_trained, _chosen

    if not installed.is_installed("open_clip"):
        pytest.skip("open_clip_torch is not installed")
    architecture = open_clip_architecture("ViT-L-14")
    monkeypatch.setattr("alife.plugins.open_clip.weights.fetched", lambda said, name: Path(name))
    activations, means = {}, {}
    for rest, tag in (("", ""), ("laion2b_s32b_b82k", ""), ("w.safetensors", ""), ("w.safetensors", "openai")):
        said, _ = _chosen(architecture, rest, tag)
        trained = _as_trained(architecture, said, None)
        assert trained.text is not None
        assert trained.text.blocks.activation == trained.picture.blocks.activation
        activations[rest, tag], means[rest, tag] = trained.picture.blocks.activation, said["mean"][0]
    assert list(activations.values()) == ["quick_gelu", "gelu", "gelu", "quick_gelu"]
    assert list(means.values()) == [0.48145466, 0.5, 0.48145466, 0.48145466]
    assert _chosen(open_clip_architecture("ViT-B-16-SigLIP2"), "w.safetensors", "")[0]["mean"] == (0.5, 0.5, 0.5)
