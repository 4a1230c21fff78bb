"""Every conformance check rejects a toy that is broken in its way, and a good toy passes them all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from alife.testing import (
    MODEL_CHECKS,
    SUBSTRATE_CHECKS,
    CheckFailed,
    ModelSubject,
    Result,
    SubstrateConformance,
    SubstrateSubject,
    check_model,
    check_substrate,
)
from alife.testing.costs import check_declared, check_speed
from alife.testing.report import check_name
from alife.types import Parameter

# --- substrates: a good one with every ability, a good one with none, and the broken ones


class Warmth:
    """Heat that spreads on a torus from a random start, and fades."""

    def __init__(self, size: int = 8, rate: float = 0.5) -> None:
        if size < 2 or not 0 < rate < 1:
            raise ValueError(f"size {size}, rate {rate}")
        self.size, self.rate = size, rate

    def default_params(self, rng: Any) -> Any:
        return {"fade": 0.1 * jax.random.normal(rng, (3,))}

    def express(self, params: Any) -> Any:
        return {"keep": jax.nn.sigmoid(4 + params["fade"])}

    def init_state(self, rng: Any, params: Any) -> Any:
        return {"heat": jax.random.uniform(rng, (self.size, self.size, 3))}

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        heat = state["heat"]
        return {"heat": params["keep"] * ((1 - self.rate) * heat + self.rate * jnp.roll(heat, 1, axis=0))}

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jax.image.resize(state["heat"], (img_size, img_size, 3), "nearest")

    def measures(self, state: Any, params: Any) -> Any:
        return {"mass": state["heat"].mean()}

    def keep_state(self, state: Any, params: Any) -> Any:
        return {"heat": (255 * state["heat"]).astype(jnp.uint8)}

    def moment(self, state: Any, params: Any) -> Any:
        return {"warmest": state["heat"].max()}

    def individuals(self, state: Any, params: Any) -> Any:
        return {"id": jnp.array([0, -1, 1]), "parent": jnp.array([-1, -1, 0])}

    def poke(self, state: Any, params: Any, place: Any, radius: Any, strength: Any) -> Any:
        return {"heat": jnp.clip(state["heat"] + 0.1 * strength, 0, 1)}

    def reward(self, state: Any, params: Any) -> Any:
        return state["heat"].max()

    def mutate(self, rng: Any, params: Any) -> Any:
        return {"fade": params["fade"] + 0.1 * jax.random.normal(rng, (3,))}

    def crossover(self, rng: Any, first: Any, second: Any) -> Any:
        return {"fade": jnp.where(jax.random.bernoulli(rng, shape=(3,)), first["fade"], second["fade"])}

    def parameters(self) -> Any:
        return {
            "rate": Parameter(0.1, 0.9, "per step", "how fast heat moves on"),
            "fade": Parameter(-1.0, 1.0, "", "what each colour keeps", (0, 3)),
        }

    def scaled(self, times: int) -> Any:
        return self.size**2 * times, {"size": int(self.size * times**0.5)}

    def bounds(self) -> Any:
        return {"fade": jnp.full(3, -9.0)}, {"fade": jnp.full(3, 9.0)}


class Clock:
    """A counter that is drawn as a grey: no abilities, no randomness, an integer for a genotype."""

    deterministic = True

    def default_params(self, rng: Any) -> Any:
        return jnp.int32(3)

    def init_state(self, rng: Any, params: Any) -> Any:
        return jnp.int32(0)

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return (state + params) % 256

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jnp.full((img_size, img_size, 3), state / 255)


class Bare:
    """Only a name."""


class OtherWord(Warmth):
    def render_state(self, state: Any, params: Any, size: int) -> Any:  # type: ignore[override]
        return jnp.zeros((size, size, 3))


class NotANumberBorn(Warmth):
    def default_params(self, rng: Any) -> Any:
        return {"fade": jnp.array([0.0, jnp.nan, 0.0])}


class MixedKinds(Warmth):
    def default_params(self, rng: Any) -> Any:
        return {"fade": jax.random.normal(rng, (3,)), "kind": jax.random.randint(rng, (), 0, 3)}


class NotTraceable(Warmth):
    def default_params(self, rng: Any) -> Any:
        return {"fade": jnp.full(3, float(jax.random.normal(rng)))}


class ExpressIgnored(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {"heat": state["heat"] * jax.nn.sigmoid(params["fade"])}  # expects the genotype itself


class ExpressesText(Warmth):
    def express(self, params: Any) -> Any:
        return {**super().express(params), "name": "warmth"}


class HalfPrecision(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {"heat": super().step_state(rng, state, params)["heat"].astype(jnp.float16)}


class Growing(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {**super().step_state(rng, state, params), "age": jnp.int32(0)}


class OwnClass(Warmth):
    """Its state is an object that JAX cannot look into."""

    def init_state(self, rng: Any, params: Any) -> Any:
        return Warmth()


class FixedPicture(Warmth):
    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jax.image.resize(state["heat"], (24, 24, 3), "nearest")


class BytePicture(Warmth):
    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return (255 * super().render_state(state, params, img_size)).astype(jnp.uint8)


class TooBright(Warmth):
    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return 255 * super().render_state(state, params, img_size)


class NotANumberDrawn(Warmth):
    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        image = super().render_state(state, params, img_size)
        return image + jnp.where(img_size == 37, jnp.nan, 0.0)  # only at a size that does not divide


class Curtain(Warmth):
    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jnp.full((img_size, img_size, 3), 0.5)


class Passport(Warmth):
    """Shows who it is, not what happens."""

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jnp.broadcast_to(params["keep"], (img_size, img_size, 3))


class NumPyDice(Warmth):
    def init_state(self, rng: Any, params: Any) -> Any:
        return {"heat": jnp.asarray(np.random.random((self.size, self.size, 3)), jnp.float32)}


class OneWorld(Warmth):
    def default_params(self, rng: Any) -> Any:
        return {"fade": jnp.zeros(3)}

    def init_state(self, rng: Any, params: Any) -> Any:
        return super().init_state(jax.random.key(0), params)


class SaysDeterministic(Warmth):
    deterministic = True


class EagerOnly(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        slower = 1.0 if isinstance(state["heat"], jax.core.Tracer) else 0.9
        return {"heat": slower * super().step_state(rng, state, params)["heat"]}


class Crowd(Warmth):
    """Takes the mean over the batch when there is one."""

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {"heat": crowd(super().step_state(rng, state, params)["heat"])}


@jax.custom_batching.custom_vmap
def crowd(heat: Any) -> Any:
    return heat


@crowd.def_vmap
def _(size: int, batched: Any, heat: Any) -> Any:
    return jnp.broadcast_to(heat.mean(0), heat.shape), True


class Runaway(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {"heat": 2 * state["heat"]}

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        return jnp.clip(super().render_state(state, params, img_size), 0, 1)


class PythonNumber(Warmth):
    """Its first state holds a number of Python's own, later ones an array's: two programs."""

    def init_state(self, rng: Any, params: Any) -> Any:
        return {**super().init_state(rng, params), "time": 0.0}

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {**super().step_state(rng, state, params), "time": state["time"] + jnp.float32(1)}


class EveryWithEvery(Warmth):
    memory_mb = 5

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        heat = super().step_state(rng, state, params)["heat"]
        far = jnp.abs(heat.ravel() - jax.random.uniform(rng, (4000, 1)))
        return {"heat": heat + 1e-9 * jnp.sort(far, axis=0)[0].reshape(heat.shape)}


class BoundOfText(Warmth):
    memory_mb = "little"


class Chatty(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        jax.debug.print("step {}", state["heat"].sum())
        return super().step_state(rng, state, params)


class AsksPython(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        heat = super().step_state(rng, state, params)["heat"]
        # inside a loop inside a function, where a look at the surface would miss it
        ask = jax.jit(lambda x: jax.pure_callback(np.asarray, jax.ShapeDtypeStruct(x.shape, x.dtype), x))
        return {"heat": jax.lax.fori_loop(0, 2, lambda _, x: ask(x), heat)}


class IgnoresOption(Warmth):
    def __init__(self, size: int = 8, rate: float = 0.5, dt: float = 0.1) -> None:
        super().__init__(size, rate)


class OnlyMultiplesOfFour(Warmth):
    def init_state(self, rng: Any, params: Any) -> Any:
        return {"heat": jax.random.uniform(rng, (self.size // 4, 4, self.size, 3)).reshape(self.size, self.size, 3)}


class Shared(Warmth):
    latest = 0.5

    def __init__(self, size: int = 8, rate: float = 0.5) -> None:
        super().__init__(size, rate)
        Shared.latest = rate

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        return {"heat": state["heat"] * self.latest * params["keep"]}


class Remembers(Warmth):
    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        self.last = state
        return super().step_state(rng, state, params)


class Counts(Warmth):
    def __init__(self, size: int = 8) -> None:
        super().__init__(size)
        self.calls: list[int] = []

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        self.calls.append(1)
        return super().step_state(rng, state, params)


class MeasuresAll(Warmth):
    def measures(self, state: Any, params: Any) -> Any:
        return {"mass": state["heat"].mean((0, 1))}


class MeasuresNothing(Warmth):
    def measures(self, state: Any, params: Any) -> Any:
        return {"order": jnp.log(state["heat"].mean() - state["heat"].mean())}


class MeasuresAnew(Warmth):
    count = 0

    def measures(self, state: Any, params: Any) -> Any:
        MeasuresAnew.count += 1
        return {f"mass_{self.count}": state["heat"].mean()}


class KeepsNothing(Warmth):
    def keep_state(self, state: Any, params: Any) -> Any:
        return {}


class KeepsTooMuch(Warmth):
    def keep_state(self, state: Any, params: Any) -> Any:
        return {"heat": (1e6 * state["heat"]).astype(jnp.float16)}


class KeepsText(Warmth):
    def keep_state(self, state: Any, params: Any) -> Any:
        return {"heat": state["heat"], "unit": "kelvin"}


class KeepsKeys(Warmth):
    def keep_state(self, state: Any, params: Any) -> Any:
        return {"heat": state["heat"], "key": jax.random.key(0)}


class TellsAll(Warmth):
    def moment(self, state: Any, params: Any) -> Any:
        return {"heat": state["heat"]}


class TellsNothing(Warmth):
    def moment(self, state: Any, params: Any) -> Any:
        return {"warmest": state["heat"].max() / 0}


class Twins(Warmth):
    def individuals(self, state: Any, params: Any) -> Any:
        return {"id": jnp.array([0, -1, 0]), "parent": jnp.array([-1, -1, -1])}


class YoungParents(Warmth):
    def individuals(self, state: Any, params: Any) -> Any:
        return {"id": jnp.array([0, -1, 1]), "parent": jnp.array([1, -1, -1])}


class Orphans(Warmth):
    def individuals(self, state: Any, params: Any) -> Any:
        return {"id": jnp.array([0, -1, 1])}


class HalfAFamily(Warmth):
    def individuals(self, state: Any, params: Any) -> Any:
        return {"id": jnp.array([0, -1, 1]), "parent": jnp.array([-1, -1])}


class PokesNothing(Warmth):
    def poke(self, state: Any, params: Any, place: Any, radius: Any, strength: Any) -> Any:
        return state


class PokesAnotherShape(Warmth):
    def poke(self, state: Any, params: Any, place: Any, radius: Any, strength: Any) -> Any:
        return {"heat": state["heat"][:, :, 0]}


class PokesToInfinity(Warmth):
    def poke(self, state: Any, params: Any, place: Any, radius: Any, strength: Any) -> Any:
        return {"heat": state["heat"] / (1 - strength)}


class RewardsAll(Warmth):
    def reward(self, state: Any, params: Any) -> Any:
        return state["heat"]


class RewardsNothing(Warmth):
    def reward(self, state: Any, params: Any) -> Any:
        return jnp.sqrt(-1 - state["heat"].mean())


class MutatesNothing(Warmth):
    def mutate(self, rng: Any, params: Any) -> Any:
        return params


class MutatesToVector(Warmth):
    def mutate(self, rng: Any, params: Any) -> Any:
        return params["fade"]


class MutatesToNaN(Warmth):
    def mutate(self, rng: Any, params: Any) -> Any:
        return {"fade": jnp.log(-1 - params["fade"] ** 2)}


class CopiesFirst(Warmth):
    def crossover(self, rng: Any, first: Any, second: Any) -> Any:
        return first


class CrossesExpressed(Warmth):
    def crossover(self, rng: Any, first: Any, second: Any) -> Any:
        return {"fade": (first["keep"] + second["keep"]) / 2}


class ParametersBare(Warmth):
    def parameters(self) -> Any:
        return {"rate": (0.1, 0.9, "", "as a tuple")}


class ParametersSwapped(Warmth):
    def parameters(self) -> Any:
        return {"rate": Parameter(0.9, 0.1, "", "from high to low")}


class ParametersRefused(Warmth):
    def parameters(self) -> Any:
        return {"rate": Parameter(0.1, 2.0, "", "the constructor takes less than 1")}


class ParametersOfNobody(Warmth):
    def parameters(self) -> Any:
        return {"weather": Parameter(0.0, 1.0, "", "there is no such option")}


class ParametersOutside(Warmth):
    def parameters(self) -> Any:
        return {"fade": Parameter(0.0, 1.0, "", "the genotype has three numbers", (0, 4))}


class ParametersMute(Warmth):
    def parameters(self) -> Any:
        return {"rate": Parameter(0.1, 0.9, "", "")}


class ScaledNot(Warmth):
    def scaled(self, times: int) -> Any:
        return self.size**2, {"size": self.size}


class ScaledBare(Warmth):
    def scaled(self, times: int) -> Any:
        return {"size": self.size * times}


class ScaledRefused(Warmth):
    def scaled(self, times: int) -> Any:
        return self.size * times, {"width": 4}


class BoundsSwapped(Warmth):
    def bounds(self) -> Any:
        return super().bounds()[::-1]


class BoundsScalar(Warmth):
    def bounds(self) -> Any:
        return -9.0, 9.0


class BoundsNarrow(Warmth):
    def bounds(self) -> Any:
        return {"fade": jnp.full(3, -1e-3)}, {"fade": jnp.full(3, 1e-3)}


BROKEN: dict[str, list[type]] = {
    "methods": [Bare, OtherWord],
    "params": [NotANumberBorn, MixedKinds, NotTraceable],
    "express": [ExpressIgnored, ExpressesText],
    "state keeps its layout": [HalfPrecision, Growing, OwnClass],
    "picture size": [FixedPicture, BytePicture],
    "picture range": [TooBright, NotANumberDrawn],
    "picture follows state": [Curtain, Passport],
    "same key same history": [NumPyDice],
    "keys matter": [OneWorld, SaysDeterministic],
    "jit equals eager": [EagerOnly],
    "vmap equals single": [Crowd],
    "stays finite": [Runaway],
    "types settle": [PythonNumber],
    "no host calls": [Chatty, AsksPython],
    "options are kept": [IgnoresOption, OnlyMultiplesOfFour],
    "instances are independent": [Shared],
    "instance stays as made": [Remembers, Counts],
    "memory": [EveryWithEvery, BoundOfText],
    "measures": [MeasuresAll, MeasuresNothing, MeasuresAnew],
    "keep state": [KeepsNothing, KeepsTooMuch, KeepsText, KeepsKeys],
    "moment": [TellsAll, TellsNothing],
    "individuals": [Twins, YoungParents, Orphans, HalfAFamily],
    "poke": [PokesNothing, PokesAnotherShape, PokesToInfinity],
    "reward": [RewardsAll, RewardsNothing],
    "mutate": [MutatesNothing, MutatesToVector, MutatesToNaN],
    "crossover": [CopiesFirst, CrossesExpressed],
    "parameters": [
        ParametersBare,
        ParametersSwapped,
        ParametersRefused,
        ParametersOfNobody,
        ParametersOutside,
        ParametersMute,
    ],
    "scaled": [ScaledNot, ScaledBare, ScaledRefused],
    "bounds": [BoundsSwapped, BoundsScalar, BoundsNarrow],
}


REMARKS = {"declared", "speed"}
"""Checks that tell, and never fail."""


@pytest.mark.parametrize("check", [c for c in SUBSTRATE_CHECKS if check_name(c) not in REMARKS], ids=check_name)
def test_substrate_check_bites(check: Callable[[SubstrateSubject], None]) -> None:
    for toy in BROKEN[check_name(check)]:  # a new check without a toy fails here
        with pytest.raises(CheckFailed, match=r"seen: .*; expected: .*; to mend it: ") as failed:
            check(SubstrateSubject(toy, {}))
        assert "\n" not in str(failed.value)


@pytest.mark.parametrize("toy", [Warmth, Clock])
def test_a_good_substrate_passes_every_check(toy: type) -> None:
    results = check_substrate(toy)
    assert [str(result) for result in results if not result.passed] == []
    assert len(results) == len(SUBSTRATE_CHECKS)


@pytest.mark.parametrize("toy", [TooBright, Curtain, SaysDeterministic, EagerOnly, Crowd, IgnoresOption, CopiesFirst])
def test_one_fault_fails_one_check(toy: type) -> None:
    failed = [result.name for result in check_substrate(toy) if not result.passed]
    assert [toy in BROKEN[name] for name in failed] == [True]


def test_what_fails_many_checks_is_told_once() -> None:
    results = [result for result in check_substrate(NotTraceable) if not result.passed]
    told = [result for result in results if not result.message.startswith("for the same reason as")]
    assert len(told) < len(results) / 3
    assert told[0].name == "params"


class SlowWarmth(Warmth):
    """A sort, a grouped convolution, and a picture drawn row by row."""

    def step_state(self, rng: Any, state: Any, params: Any) -> Any:
        field = state["heat"].transpose(2, 0, 1)[None]
        near = jax.lax.conv_general_dilated(field, jnp.ones((3, 1, 3, 3)) / 9, (1, 1), "SAME", feature_group_count=3)
        order = jnp.sort(jax.random.uniform(rng, (500,)))
        return {"heat": params["keep"] * near[0].transpose(1, 2, 0) + 1e-9 * order[0]}

    def render_state(self, state: Any, params: Any, img_size: int) -> Any:
        image = super().render_state(state, params, img_size)
        rows = jax.lax.map(lambda row: image[row], jnp.arange(img_size))
        return jnp.clip(rows, 0, 1)


def test_what_is_slow_is_remarked_and_nothing_else() -> None:
    said = check_speed(SubstrateSubject(SlowWarmth, {}))
    assert "sorts 500 numbers" in said and "grouped convolution" in said and "loops 224 times" in said
    assert re.fullmatch(
        r"[\d.e+-]+ ms a step; nothing in it is known to be slow", check_speed(SubstrateSubject(Warmth, {}))
    )


def test_what_people_are_not_told_is_remarked() -> None:
    assert check_declared(SubstrateSubject(Warmth, {})) == (
        "no meaning of mass: lines `name: meaning, unit` in the docstring of measures"
    )
    said = check_declared(SubstrateSubject(Clock, {}))
    assert said is not None and said.startswith("no parameters: ") and "no measures: " in said


def test_a_failure_that_is_declared_must_happen() -> None:
    reason = {"picture range": "it is drawn for another screen"}
    assert all(result.passed for result in check_substrate(TooBright, expected_failures=reason))
    (lied,) = [result for result in check_substrate(Clock, expected_failures=reason) if not result.passed]
    assert lied.message == "declared to fail (it is drawn for another screen), and it passes: take that back"
    (unknown,) = [
        result for result in check_substrate(Clock, expected_failures={"pictur range": ""}) if not result.passed
    ]
    assert "did you mean picture range" in unknown.message


@pytest.mark.parametrize("toy, broken", [(Warmth, 0), (TooBright, 1)])
def test_the_same_checks_are_a_class_for_pytest(toy: type, broken: int) -> None:
    class TestToy(SubstrateConformance):
        factory, options = toy, {"size": 6}

    tests = [name for name in dir(TestToy) if name.startswith("test_")]
    assert len(tests) == len(SUBSTRATE_CHECKS)
    failed = []
    for name in tests:
        try:
            getattr(TestToy(), name)()
        except AssertionError as error:
            failed.append(str(error))
    assert len(failed) == broken and all("seen: pictures" in said for said in failed)


def test_a_ready_made_one_is_checked_too() -> None:
    assert [str(result) for result in check_substrate(Warmth(6, 0.25)) if not result.passed] == []
    assert "rate" in SubstrateSubject(Warmth(6, 0.25), {}).options
    failed = [result.name for result in check_substrate(TooBright(6)) if not result.passed]
    assert failed == ["picture range"]


def test_options_reach_the_substrate() -> None:
    assert not all(result.passed for result in check_substrate(Warmth, {"size": 1}))
    assert "size 1" in check_substrate(Warmth, {"size": 1})[0].message
    assert SubstrateSubject(lambda **options: Warmth(**options), {"size": 6}).numbers() == {"size": 6, "rate": 0.5}


# --- models


class Mosaic:
    """The mean colours of 4 x 4 parts."""

    image_size, dim, identity = 32, 49, "mosaic-1"

    def features(self, images: Any) -> Any:
        parts = jax.image.resize(images, (len(images), 4, 4, 3), "linear").reshape(len(images), 48)
        return jnp.concatenate([parts, jnp.ones((len(images), 1))], axis=1)

    def embed_images(self, images: Any) -> Any:
        z = self.features(images)
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)

    def embed_text(self, texts: list[str]) -> Any:
        z = np.stack([np.random.default_rng(sum(map(ord, text))).normal(size=self.dim) for text in texts])
        return z / np.linalg.norm(z, axis=1, keepdims=True)


class OutsideJax(Mosaic):
    """Computes in NumPy, says so, and knows no text."""

    traceable = False
    embed_text = None

    def embed_images(self, images: Any) -> Any:
        assert isinstance(images, np.ndarray)
        return np.asarray(super().embed_images(images))


class NoSize(Mosaic):
    image_size = None


class NoEmbedding:
    image_size, dim, identity = 32, 49, "none"


class WrongLength(Mosaic):
    dim = 48


class OneSize(Mosaic):
    def features(self, images: Any) -> Any:
        return images.reshape(len(images), 4, 8, 4, 8, 3).mean((2, 4)).reshape(len(images), 48)


class EvenPicturesBreak(Mosaic):
    def features(self, images: Any) -> Any:
        z = super().features(images)
        return z / images.std((1, 2, 3))[:, None]


class NotUnit(Mosaic):
    def embed_images(self, images: Any) -> Any:
        return 2 * super().embed_images(images)


class Blind(Mosaic):
    def features(self, images: Any) -> Any:
        return jnp.ones((len(images), self.dim))


class Company(Mosaic):
    def features(self, images: Any) -> Any:
        z = super().features(images)
        return z + z.mean(0)


class NumPyInside(Mosaic):
    def features(self, images: Any) -> Any:
        return super().features(jnp.asarray(np.asarray(images)))


class KeepsPictures(Mosaic):
    def embed_images(self, images: Any) -> Any:
        self.last = images
        return super().embed_images(images)


class GivesLists(OutsideJax):
    def embed_images(self, images: Any) -> Any:
        return super().embed_images(images).tolist()


class NewName(Mosaic):
    def __init__(self) -> None:
        self.identity = f"mosaic-{id(self)}"


class NoName(Mosaic):
    identity = 7


class NewWeights(Mosaic):
    def __init__(self) -> None:
        self.weights = np.random.default_rng().random(49)

    def features(self, images: Any) -> Any:
        return super().features(images) * self.weights


class TextElsewhere(Mosaic):
    def embed_text(self, texts: list[str]) -> Any:
        return np.eye(len(texts))


class Illiterate(Mosaic):
    def embed_text(self, texts: list[str]) -> Any:
        return np.stack([np.eye(self.dim)[0] for _ in texts])


class Weighted(Mosaic):
    """Has weights, which it takes as an argument, and knows motion."""

    def __init__(self) -> None:
        scale = np.random.default_rng(5).uniform(0.5, 1.5, self.dim).astype(np.float32)
        self.weights = {"scale": jnp.asarray(scale), "places": jnp.arange(self.dim)}

    def scaled(self, z: Any, weights: Any) -> Any:
        z = z[:, weights["places"]] * weights["scale"]
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)

    def embed_images(self, images: Any, weights: Any = None) -> Any:
        return self.scaled(self.features(images), self.weights if weights is None else weights)

    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        b, k, h, w, c = frames.shape
        later = jnp.linspace(1.0, 2.0, k)[None, :, None]
        z = self.features(frames.reshape(b * k, h, w, c)).reshape(b, k, -1)
        return self.scaled((z * later).mean(1), self.weights if weights is None else weights)


class WeightsIgnored(Weighted):
    def embed_images(self, images: Any, weights: Any = None) -> Any:
        return super().embed_images(images)


class WeightsNotTaken(Weighted):
    def embed_images(self, images: Any) -> Any:
        return super().embed_images(images)


class WeightsHalfTaken(Weighted):
    def scaled(self, z: Any, weights: Any) -> Any:
        z = z[:, self.weights["places"]] * weights["scale"]
        return z / jnp.linalg.norm(z, axis=1, keepdims=True)


class WeightsKeptInVideo(Weighted):
    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        return super().embed_video(frames)


class WeightsFromNowhere(Weighted):
    """What it is handed is used, but it is not what it uses when left alone."""

    def embed_images(self, images: Any, weights: Any = None) -> Any:
        return super().embed_images(images, weights) if weights else Mosaic.embed_images(self, images)


class WeightsOfText(Weighted):
    def __init__(self) -> None:
        super().__init__()
        self.weights["name"] = "mosaic"


class VideoOfFrames(Weighted):
    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        return self.embed_images(frames.reshape(-1, *frames.shape[2:]), weights)


class VideoNotUnit(Weighted):
    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        return 0.5 * super().embed_video(frames, weights)


class VideoOfChanges(Weighted):
    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        return super().embed_video(frames[:, 1:] - frames[:, :-1], weights)


class VideoCompany(Weighted):
    def embed_video(self, frames: Any, weights: Any = None) -> Any:
        return super().embed_video(0.5 * frames + 0.5 * frames.mean(0), weights)


class VideoOfChance(OutsideJax):
    def embed_video(self, frames: Any) -> Any:
        z = np.random.default_rng().normal(size=(len(frames), self.dim))
        return z / np.linalg.norm(z, axis=1, keepdims=True)


BROKEN_MODELS: dict[str, list[type]] = {
    "attributes": [NoSize, NoEmbedding],
    "vectors": [WrongLength, OneSize],
    "finite": [EvenPicturesBreak],
    "unit length": [NotUnit],
    "tells pictures apart": [Blind],
    "batch does not matter": [Company],
    "traceable as declared": [NumPyInside, KeepsPictures, GivesLists],
    "identity": [NewName, NoName, NewWeights],
    "text": [TextElsewhere, Illiterate],
    "weights": [
        WeightsIgnored,
        WeightsNotTaken,
        WeightsHalfTaken,
        WeightsKeptInVideo,
        WeightsFromNowhere,
        WeightsOfText,
    ],
    "video": [VideoOfFrames, VideoNotUnit, VideoOfChanges, VideoCompany, VideoOfChance],
}


@pytest.mark.parametrize("check", MODEL_CHECKS, ids=check_name)
def test_model_check_bites(check: Callable[[ModelSubject], None]) -> None:
    for toy in BROKEN_MODELS[check_name(check)]:
        with pytest.raises(CheckFailed, match=r"seen: .*; expected: .*; to mend it: ") as failed:
            check(ModelSubject(toy, {}))
        assert "\n" not in str(failed.value)


@pytest.mark.parametrize("toy", [Mosaic, OutsideJax, Weighted])
def test_a_good_model_passes_every_check(toy: type) -> None:
    results = check_model(toy)
    assert [str(result) for result in results if not result.passed] == []
    assert len(results) == len(MODEL_CHECKS)


# --- the report


def test_an_exception_inside_a_check_is_a_failure_not_a_crash() -> None:
    class Explodes:
        def __init__(self) -> None:
            raise RuntimeError("no such weights")

    results: list[Result] = check_model(Explodes)
    assert not any(result.passed for result in results if result.name != "text")
    assert "no such weights" in results[0].message
    assert str(results[0]).startswith("FAIL  attributes")


def test_no_check_is_without_a_toy_and_no_toy_without_a_check() -> None:
    assert set(BROKEN) | REMARKS == {check_name(check) for check in SUBSTRATE_CHECKS}
    assert set(BROKEN_MODELS) == {check_name(check) for check in MODEL_CHECKS}
