"""The two towers in Flax: equal blocks, stacked and scanned, so that compiling takes no longer for a deep one.

One code for CLIP, SigLIP and timm's plain vision transformers: they differ in the choices of `architectures` only.
"""

from __future__ import annotations

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .shapes import Blocks, PictureTower, TextTower


def _gelu(x: Array) -> Array:
    """The exact one; by erf, which is cheaper than the erfc of jax.nn.gelu."""
    return 0.5 * x * (1 + jax.lax.erf(x * 0.5**0.5))


def _swiglu(x: Array) -> Array:
    gate, value = jnp.split(x, 2, axis=-1)
    return nn.silu(gate) * value


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": _gelu,
    "gelu_tanh": lambda x: nn.gelu(x, approximate=True),
    "quick_gelu": lambda x: x * nn.sigmoid(1.702 * x),
    "swiglu": _swiglu,
}


def _norm(eps: float, name: str) -> nn.LayerNorm:
    """Mean and variance in two passes: the fast one loses the sixth digit."""
    return nn.LayerNorm(epsilon=eps, use_fast_variance=False, name=name)


def _attend(
    query: Float[Array, "B Q H d"],
    key: Float[Array, "B T H d"],
    value: Float[Array, "B T H d"],
    mask: Float[Array, "Q T"] | None = None,
) -> Float[Array, "B Q W"]:
    logits = jnp.einsum("bqhd,bkhd->bhqk", query * query.shape[-1] ** -0.5, key).astype(jnp.float32)
    weights = nn.softmax(logits if mask is None else logits + mask).astype(value.dtype)
    mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, value)
    return mixed.reshape(*mixed.shape[:2], -1)


class Block(nn.Module):
    """Attention, then a two-layer network, each on the normed tokens and added to them."""

    blocks: Blocks
    keep: int | None = None
    """So many tokens are worked out, the first ones; None = all."""

    @nn.compact
    def __call__(
        self, x: Float[Array, "B T W"], mask: Float[Array, "T T"] | None
    ) -> tuple[Float[Array, "B K W"], None]:
        mixed = self._attention(_norm(self.blocks.eps, "norm_1")(x), mask)
        x = x[:, : self.keep] + self._scaled(mixed, "scale_1")
        x = x + self._scaled(self._network(_norm(self.blocks.eps, "norm_2")(x)), "scale_2")
        return x, None

    def _attention(self, x: Array, mask: Array | None) -> Array:
        width, heads = self.blocks.width, self.blocks.heads
        all_three = nn.Dense(3 * width, use_bias=self.blocks.qkv_bias, name="qkv")(x)
        parts = all_three.reshape(*x.shape[:2], 3, heads, width // heads)
        query, key, value = parts[:, : self.keep, 0], parts[:, :, 1], parts[:, :, 2]
        return nn.Dense(width, name="out")(_attend(query, key, value, mask))

    def _network(self, x: Array) -> Array:
        inner = ACTIVATIONS[self.blocks.activation](nn.Dense(self.blocks.hidden, name="up")(x))
        return nn.Dense(self.blocks.width, name="down")(inner)

    def _scaled(self, x: Array, name: str) -> Array:
        return x * self.param(name, nn.initializers.ones, (x.shape[-1],)) if self.blocks.layer_scale else x


def _stack(blocks: Blocks, x: Array, mask: Array | None = None, keep: int | None = None) -> Array:
    """All blocks; where few tokens are asked for, the last block works out only those, a share of 1 / depth less."""
    depth = blocks.depth if keep is None else blocks.depth - 1
    stacked = nn.scan(
        Block, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=nn.broadcast, length=depth
    )
    x, _ = stacked(blocks, name="blocks")(x, mask)
    return x if keep is None else Block(blocks, keep, name="last")(x, mask)[0]


def _head(x: Array, head: str, dim: int) -> Array:
    return x if head == "none" else nn.Dense(dim, use_bias=head in ("linear_bias", "trunk"), name="head")(x)


def _unit(x: Float[Array, "B D"]) -> Float[Array, "B D"]:
    x = x.astype(jnp.float32)
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


class AttentionPool(nn.Module):
    """One learned query that looks at all patches, and a two-layer network on what it finds."""

    blocks: Blocks

    @nn.compact
    def __call__(self, x: Float[Array, "B T W"]) -> Float[Array, "B W"]:
        width, heads = self.blocks.width, self.blocks.heads
        latent = self.param("latent", nn.initializers.normal(width**-0.5), (width,))
        query = nn.Dense(width, name="q")(latent[None, None]).reshape(1, 1, heads, -1)
        both = nn.Dense(2 * width, name="kv")(x).reshape(*x.shape[:2], 2, heads, -1)
        query = jnp.broadcast_to(query, (len(x), *query.shape[1:]))
        found = nn.Dense(width, name="out")(_attend(query, both[:, :, 0], both[:, :, 1]))[:, 0]
        inner = ACTIVATIONS[self.blocks.activation](
            nn.Dense(self.blocks.hidden, name="up")(_norm(self.blocks.eps, "norm")(found))
        )
        return found + nn.Dense(width, name="down")(inner)


class Pictures(nn.Module):
    """Prepared pictures to unit vectors."""

    tower: PictureTower

    @nn.compact
    def __call__(self, images: Float[Array, "B S S 3"]) -> Float[Array, "B D"]:
        tower = self.tower
        x = self._with_positions(nn.Dense(tower.blocks.width, tower.patch_bias, name="patch")(self._patches(images)))
        if tower.norm_first:
            x = _norm(tower.blocks.eps, "norm_first")(x)
        x = _stack(tower.blocks, x, keep=1 if tower.pool == "token" else None)
        norm = _norm(tower.blocks.eps, "norm_last")
        x = norm(self._pool(x)) if tower.norm_last == "after" else self._pool(norm(x))
        return _unit(_head(x, tower.head, tower.dim))

    def _patches(self, images: Float[Array, "B S S 3"]) -> Float[Array, "B P F"]:
        """Squares of patch x patch pixels, row by row, as flat vectors."""
        grid, patch = self.tower.grid, self.tower.patch
        kept = images[:, : grid * patch, : grid * patch]
        cut = kept.reshape(len(images), grid, patch, grid, patch, 3)
        return cut.swapaxes(2, 3).reshape(len(images), grid * grid, -1)

    def _with_positions(self, x: Float[Array, "B P W"]) -> Float[Array, "B T W"]:
        tower, width, small = self.tower, x.shape[-1], nn.initializers.normal(0.02)
        tokens = x.shape[1] + (tower.extra if tower.positions == "all" else 0)
        position = self.param("position", small, (tokens, width))
        first = []
        if tower.class_token:
            first.append(self.param("class_token", small, (1, width)))
        if tower.registers:
            first.append(self.param("registers", small, (tower.registers, width)))
        x = x if tower.positions == "all" else x + position
        x = jnp.concatenate([*(jnp.broadcast_to(t, (len(x), *t.shape)) for t in first), x], axis=1)
        return x + position if tower.positions == "all" else x

    def _pool(self, x: Float[Array, "B T W"]) -> Float[Array, "B W"]:
        if self.tower.pool == "token":
            return x[:, 0]
        patches = x[:, self.tower.extra :]
        return patches.mean(1) if self.tower.pool == "mean" else AttentionPool(self.tower.blocks, name="pool")(patches)


class Texts(nn.Module):
    """Tokens to unit vectors."""

    tower: TextTower

    @nn.compact
    def __call__(self, tokens: Int[Array, "P L"]) -> Float[Array, "P D"]:
        tower, small = self.tower, nn.initializers.normal(0.02)
        table = self.param("tokens", small, (tower.vocabulary, tower.blocks.width))
        x = table[tokens] + self.param("position", small, (tower.length, tower.blocks.width))
        ahead = jnp.triu(jnp.full((tower.length, tower.length), -jnp.inf), 1) if tower.causal else None
        x = _norm(tower.blocks.eps, "norm_last")(_stack(tower.blocks, x, ahead))
        return _unit(_head(x[jnp.arange(len(x)), self._place(tokens)], tower.head, tower.dim))

    def _place(self, tokens: Int[Array, "P L"]) -> Int[Array, " P"]:
        """Which token's vector stands for the whole text."""
        match self.tower.pool:
            case "argmax":
                return tokens.argmax(1)
            case "eos":
                return (tokens == self.tower.end).argmax(1)
            case "last":
                return jnp.full(len(tokens), self.tower.length - 1)
        return jnp.zeros(len(tokens), int)
