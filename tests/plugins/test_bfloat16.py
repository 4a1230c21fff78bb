"""`bfloat16`: near the model itself, in fewer digits; worlds are run and drawn as ever."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import alife
from alife.errors import BadOption
from alife.evaluate import Evaluator
from alife.genotype import GenotypeSpace
from alife.plugins.bfloat16 import Bfloat16
from alife.registry import Registry, default_registry
from alife.testing.model_subject import pictures
from alife.worlds.schedule import Schedule

MODELS = default_registry().models
OUTSIDE = """
import alife

class Outside:
    image_size, dim, identity, traceable = 16, 2, "outside", False
    def embed_images(self, images):
        return images.mean((1, 2))[:, :2]

@alife.hookimpl
def register_models(register):
    register("outside", Outside)
"""


def half(name: str) -> Bfloat16:
    return Bfloat16({"name": name, **MODELS[name].test_options})


@pytest.mark.filterwarnings("ignore:tiny is untrained")
@pytest.mark.parametrize("name", [name for name in MODELS if name != "bfloat16"])
def test_vectors_are_near_those_of_the_model_and_have_another_identity(name):
    model = half(name)
    images = np.concatenate([pictures(32), np.random.default_rng(1).random((4, 32, 32, 3), np.float32) ** 4])
    seen = jax.jit(model.embed_images)(images)
    cosines = (np.asarray(jax.jit(model.model.embed_images)(images)) * np.asarray(seen)).sum(1)
    assert cosines.min() > 0.99 and seen.dtype == np.float32
    assert np.allclose(np.linalg.norm(seen, axis=1), 1, atol=1e-6)
    assert model.identity != model.model.identity and model.model.identity in model.identity
    if model.embed_video is not None:
        films = np.stack([images[:4], images[:4][::-1]])
        both = (np.asarray(jax.jit(see)(films)) for see in (model.embed_video, model.model.embed_video))
        assert np.multiply(*both).sum(1).min() > 0.99


@pytest.mark.filterwarnings("ignore:tiny is untrained")
@pytest.mark.parametrize("name", ["builtin", "structure", "open_clip", "dino"])
def test_towers_multiply_in_half_precision(name):
    model = half(name)
    assert {leaf.dtype for leaf in jax.tree.leaves(model.weights)} == {jnp.dtype(jnp.bfloat16)}
    size = (1, model.image_size, model.image_size, 3)
    program = jax.jit(model.embed_images).lower(jnp.zeros(size), model.weights).as_text()
    products = [line for line in program.splitlines() if "stablehlo.dot_general" in line]
    assert sum("xbf16>" in line.split("->")[1] for line in products) > 0.6 * len(products) > 4


@pytest.mark.filterwarnings("ignore:tiny is untrained")
def test_no_bit_of_a_frame_changes():
    space = GenotypeSpace(alife.make_substrate("lenia", **default_registry().substrates["lenia"].test_options), "lenia")
    keys = jax.random.split(jax.random.key(0), 3)
    genotypes = np.asarray(space.sample(jax.random.key(1), 3))
    model = half("open_clip")
    plain, halved = (Evaluator(space, m, Schedule(6, 2)).observe(genotypes, keys) for m in (model.model, model))
    assert np.array_equal(plain.frames, halved.frames)
    assert halved.z.dtype == np.float32 and not np.array_equal(plain.z, halved.z)
    assert (plain.z * halved.z).sum(-1).min() > 0.99


def test_texts_motions_and_members_are_those_of_the_model():
    builtin, both = Bfloat16(), Bfloat16({"name": "ensemble", **MODELS["ensemble"].test_options})
    assert np.array_equal(builtin.embed_text(["a red spiral"]), builtin.model.embed_text(["a red spiral"]))
    assert builtin.motions_in("growing").words == ["growing"] and builtin.phrases() and builtin.parts is None
    assert both.parts == both.model.parts and both.embed_text is None and both.weights is None


def test_a_model_outside_of_jax_is_refused(tmp_path):
    (tmp_path / "outside.py").write_text(OUTSIDE)
    with pytest.raises(BadOption, match=r"outside is no JAX program, .* leave out bfloat16:"):
        Bfloat16("outside", Registry([tmp_path / "outside.py"]))
