"""Four substrates as published code writes them: no import of alife, no registration, habits of their own."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class Drift:
    """`img_size=None` draws the state as it is; a dict of parameters; options with defaults."""

    def __init__(self, grid_size=16, dt=0.1):
        self.grid_size = grid_size
        self.dt = dt

    def default_params(self, rng):
        return {"wind": jax.random.normal(rng, (2,)), "decay": jnp.zeros(())}

    def init_state(self, rng, params):
        return {"field": jax.random.uniform(rng, (self.grid_size, self.grid_size)), "time": jnp.zeros((), jnp.int32)}

    def step_state(self, rng, state, params):
        field = state["field"]
        moved = field + self.dt * jnp.tanh(params["wind"][0]) * (jnp.roll(field, 1, 0) - field)
        return {"field": jnp.clip(moved * jax.nn.sigmoid(5 + params["decay"]), 0, 1), "time": state["time"] + 1}

    def render_state(self, state, params, img_size=None):
        img = jnp.repeat(state["field"][:, :, None], 3, axis=-1)
        return img if img_size is None else jax.image.resize(img, (img_size, img_size, 3), method="nearest")


class Carried:
    """Parameters travel in the state, and the methods look at them there."""

    def default_params(self, rng):
        return jax.random.normal(rng, (6,))

    def init_state(self, rng, params):
        return {"x": jax.random.uniform(rng, (12, 2)), "params": params}

    def step_state(self, rng, state, params):
        p = state["params"].reshape(3, 2)
        x = (state["x"] + 0.01 * jnp.sin(6.28 * state["x"] @ p[:2]) + 0.01 * p[2]) % 1.0
        return {"x": x, "params": state["params"]}

    def render_state(self, state, params, img_size=None):
        grid = (jnp.arange(img_size) + 0.5) / img_size
        far = (grid[:, None, None] - state["x"][:, 1]) ** 2 + (grid[None, :, None] - state["x"][:, 0]) ** 2
        light = jnp.exp(-far * 400).max(-1)
        return jnp.stack([light, light * 0.5, 1 - light], axis=-1)


class Rule:
    """One integer for a genotype."""

    def __init__(self, grid_size=32):
        self.grid_size = grid_size

    def default_params(self, rng):
        return jax.random.randint(rng, (), 0, 256)

    def init_state(self, rng, params):
        row = jax.random.bernoulli(rng, 0.5, (self.grid_size,)).astype(jnp.uint8)
        return jnp.zeros((self.grid_size, self.grid_size), jnp.uint8).at[-1].set(row)

    def step_state(self, rng, state, params):
        row = state[-1].astype(jnp.int32)
        code = 4 * jnp.roll(row, 1) + 2 * row + jnp.roll(row, -1)
        return jnp.concatenate([state[1:], ((params >> code) & 1).astype(jnp.uint8)[None]])

    def render_state(self, state, params, img_size=None):
        img = jnp.broadcast_to(state[..., None].astype(jnp.float32), (*state.shape, 3))
        return jax.image.resize(img, (img_size, img_size, 3), "nearest")


class Cells(nn.Module):
    """The network of `Neural`."""

    d_state: int

    @nn.compact
    def __call__(self, x):
        y = nn.relu(nn.Conv(features=16, kernel_size=(3, 3), padding="CIRCULAR")(x))
        return nn.Conv(features=self.d_state, kernel_size=(1, 1))(y)


class Neural:
    """A Flax network made in the constructor; its weights are the parameters."""

    def __init__(self, grid_size=16, d_state=4):
        self.grid_size = grid_size
        self.d_state = d_state
        self.net = Cells(d_state=d_state)

    def default_params(self, rng):
        return self.net.init(rng, jnp.zeros((self.grid_size, self.grid_size, self.d_state)))

    def init_state(self, rng, params):
        return jax.random.normal(rng, (self.grid_size, self.grid_size, self.d_state))

    def step_state(self, rng, state, params):
        return jnp.tanh(state + 0.1 * self.net.apply(params, state))

    def render_state(self, state, params, img_size=None):
        return jax.image.resize(0.5 + 0.5 * state[..., :3], (img_size, img_size, 3), "nearest")
