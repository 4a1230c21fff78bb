"""From the names of weights files to ours.

Every number of ours has one name in the file, and every name in the file is used: else it is the wrong file.  Blocks
lie one by one in files and stacked with us; torch keeps matrices as [out, in], we as [in, out].
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from alife.errors import BadOption

from .shapes import PictureTower, TextTower
from .towers import Pictures, Texts

State = Mapping[str, np.ndarray]
Path = tuple[str, ...]

CLIP_BLOCK = {
    "norm_1": "ln_1",
    "qkv/kernel": "attn.in_proj_weight",
    "qkv/bias": "attn.in_proj_bias",
    "out": "attn.out_proj",
    "scale_1": "ls_1.gamma",
    "norm_2": "ln_2",
    "up": "mlp.c_fc",
    "down": "mlp.c_proj",
    "scale_2": "ls_2.gamma",
}
TIMM_BLOCK = {
    "norm_1": "norm1",
    "qkv": "attn.qkv",
    "out": "attn.proj",
    "scale_1": "ls1.gamma",
    "norm_2": "norm2",
    "up": "mlp.fc1",
    "down": "mlp.fc2",
    "scale_2": "ls2.gamma",
}
CLIP_PICTURE = {
    "patch": "conv1",
    "class_token": "class_embedding",
    "position": "positional_embedding",
    "norm_first": "ln_pre",
    "norm_last": "ln_post",
    "head/kernel": "proj",
    **{f"blocks/{ours}": f"transformer.resblocks.#.{theirs}" for ours, theirs in CLIP_BLOCK.items()},
}
TIMM_PICTURE = {
    "patch": "patch_embed.proj",
    "class_token": "cls_token",
    "registers": "reg_token",
    "position": "pos_embed",
    "norm_first": "norm_pre",
    "norm_last": "norm",
    "head": "head",
    "pool/latent": "attn_pool.latent",
    "pool/q": "attn_pool.q",
    "pool/kv": "attn_pool.kv",
    "pool/out": "attn_pool.proj",
    "pool/norm": "attn_pool.norm",
    "pool/up": "attn_pool.mlp.fc1",
    "pool/down": "attn_pool.mlp.fc2",
    **{f"blocks/{ours}": f"blocks.#.{theirs}" for ours, theirs in TIMM_BLOCK.items()},
}
TEXT = {
    "tokens": "token_embedding.weight",
    "position": "positional_embedding",
    "norm_last": "ln_final",
    "head/kernel": "text_projection",
    **{f"blocks/{ours}": f"transformer.resblocks.#.{theirs}" for ours, theirs in CLIP_BLOCK.items()},
}
"""Our parts by their names in weights files; # stands for the number of the block."""

LEAVES = {"kernel": ".weight", "scale": ".weight", "bias": ".bias"}
UNUSED = {"logit_scale", "logit_bias", "mask_token", "head.weight", "head.bias"}
"""What training needs and vectors of unit length do not; the class head of a picture-only tower."""


class Part(NamedTuple):
    """One of our arrays and what it is made of."""

    ours: Path
    theirs: str
    shape: tuple[int, ...]
    """Of the array in the file; for one block."""
    depth: int
    """0 for what is not in a block."""
    turned: bool
    """Whether it is a matrix of a layer, which the file keeps as [out, in]."""


def parts_of_pictures(tower: PictureTower, prefix: str) -> list[Part]:
    """The arrays of a picture tower."""
    names = dict(CLIP_PICTURE if tower.names == "clip" else TIMM_PICTURE)
    if tower.names != "clip":
        names["norm_last"] = "fc_norm" if tower.norm_last == "after" else "norm"
        trunk = "trunk." if prefix else ""
        names = {ours: prefix + trunk + theirs for ours, theirs in names.items()}
        if tower.head.startswith("linear"):
            names["head"] = f"{prefix}head.proj"
    else:
        names = {ours: prefix + theirs for ours, theirs in names.items()}
    images = jax.ShapeDtypeStruct((1, tower.image_size, tower.image_size, 3), jnp.float32)
    if tower.pool == "token":  # the last block lies apart, see towers
        last = str(tower.blocks.depth - 1)
        names |= {f"last{o[len('blocks') :]}": t.replace("#", last) for o, t in names.items() if o.startswith("blocks")}
    return _parts(Pictures(tower), images, names, tower)


def parts_of_texts(tower: TextTower, prefix: str) -> list[Part]:
    """The arrays of a text tower."""
    names = {ours: prefix + theirs for ours, theirs in TEXT.items()}
    if tower.head == "linear_bias":
        del names["head/kernel"]
        names["head"] = f"{prefix}text_projection"
    return _parts(Texts(tower), jax.ShapeDtypeStruct((1, tower.length), jnp.int32), names, None)


def _parts(module: Any, given: Any, names: Mapping[str, str], tower: PictureTower | None) -> list[Part]:
    leaves = jax.tree_util.tree_leaves_with_path(jax.eval_shape(module.init, jax.random.key(0), given)["params"])
    found = []
    for key_path, leaf in leaves:
        ours = tuple(key.key for key in key_path)
        depth, shape = (leaf.shape[0], leaf.shape[1:]) if ours[0] == "blocks" else (0, leaf.shape)
        # CLIP's last projections are bare arrays, not layers
        turned = ours[-1] == "kernel" and not (ours == ("head", "kernel") and "head/kernel" in names)
        theirs = _theirs(ours, names)
        found.append(Part(ours, theirs, _their_shape(ours, shape[::-1] if turned else shape, tower), depth, turned))
    return found


def _theirs(ours: Path, names: Mapping[str, str]) -> str:
    whole = "/".join(ours)
    return names[whole] if whole in names else names["/".join(ours[:-1])] + LEAVES[ours[-1]]


TOKENS = (("class_token",), ("registers",), ("position",))


def _their_shape(ours: Path, shape: tuple[int, ...], tower: PictureTower | None) -> tuple[int, ...]:
    """The shape in the file of what has `shape` with us."""
    if ours == ("patch", "kernel") and tower:
        return (shape[0], 3, tower.patch, tower.patch)
    if ours == ("pool", "latent"):
        return (1, 1, *shape)
    if ours in TOKENS and tower and tower.names != "clip":
        return (1, *shape)
    return shape[1:] if ours == ("class_token",) else shape


def _ours(part: Part, array: np.ndarray) -> Float[np.ndarray, "..."]:
    """One array of the file in our layout."""
    if part.ours == ("patch", "kernel"):
        return array.transpose(2, 3, 1, 0).reshape(-1, array.shape[0])
    if part.ours in TOKENS:
        return array.reshape(-1, array.shape[-1])
    if part.ours == ("pool", "latent"):
        return array.reshape(-1)
    return array.T if part.turned else array


def tidy(state: State) -> dict[str, np.ndarray]:
    """The arrays of a file under the names of today: without wrappers, EVA's two biases as one for all three."""
    start = "module."
    plain = {name[len(start) :] if name.startswith(start) else name: array for name, array in state.items()}
    for name in [name for name in plain if name.endswith("attn.q_bias")]:
        stem = name.removesuffix("q_bias")
        query, value = plain.pop(name), plain.pop(f"{stem}v_bias")
        plain[f"{stem}qkv.bias"] = np.concatenate([query, np.zeros_like(query), value])
    return plain


def fitted(state: State, parts: Iterable[Part], what: str, source: str) -> None:
    """Nothing, if the file holds the parts, of their shapes, and nothing else.

    Raises:
        BadOption: it does not; some of the names are told.
    """
    expected = {}
    for part in parts:
        for i in range(max(part.depth, 1)):
            expected[part.theirs.replace("#", str(i))] = part.shape
    missing = sorted(expected.keys() - state.keys())
    extra = sorted(state.keys() - expected.keys() - UNUSED)
    wrong = sorted(name for name in expected.keys() & state.keys() if np.shape(state[name]) != expected[name])
    told = [
        f"{len(names)} {fault}: {', '.join(names[:3])}"
        for names, fault in ((missing, "missing"), (extra, "unknown"))
        if names
    ]
    told += [f"{name} is {np.shape(state[name])}, not {expected[name]}" for name in wrong[:2]]
    if told:
        raise BadOption(
            f"{source} does not hold the weights of {what} ({'; '.join(told)}); name the architecture that it is of"
        )


def converted(state: State, parts: Iterable[Part]) -> dict[str, Any]:
    """Our tree of arrays, as float32."""
    tree: dict[str, Any] = {}
    for part in parts:
        rows = [_ours(part, state[part.theirs.replace("#", str(i))]) for i in range(max(part.depth, 1))]
        place = tree
        for key in part.ours[:-1]:
            place = place.setdefault(key, {})
        whole = np.stack(rows) if part.depth else rows[0]
        place[part.ours[-1]] = np.ascontiguousarray(whole, np.float32)
    return tree


def resized_positions(state: State, tower: PictureTower, parts: Iterable[Part]) -> State:
    """The same weights for pictures of another size: the embeddings of the patches' places on another grid."""
    name = next(part.theirs for part in parts if part.ours == ("position",))
    if name not in state:
        return state
    given = np.asarray(state[name], np.float32)
    flat = given.reshape(-1, given.shape[-1])
    first = tower.extra if tower.positions == "all" else 0
    grid = round(max(len(flat) - first, 0) ** 0.5)
    if grid in (0, tower.grid) or grid * grid != len(flat) - first:
        return state
    shape = (tower.grid, tower.grid, flat.shape[-1])
    places = jax.image.resize(flat[first:].reshape(grid, grid, -1), shape, "cubic", antialias=True)
    joined = np.concatenate([flat[:first], np.asarray(places).reshape(-1, shape[-1])])
    return {**state, name: joined.reshape(*given.shape[:-2], *joined.shape)}
