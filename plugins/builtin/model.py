"""`builtin`: pictures, films and texts in one space, with weights that ship in the package; and its other head.

```
picture -> resized to 96 -> tower.see -> unit vector of what is seen ...... | 0 0 0 (one picture shows no motion)
film    -> mean over its frames ........................................... | motion.see
text    -> lexicon.parse -> sum of the vectors of its concepts ............ | 1 at the motions that it names
```
"""

from __future__ import annotations

import hashlib
import warnings
from functools import cache, reduce
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife.errors import AlifeError, BadOption
from alife.model import Motions
from alife.types import ArrayLike, Tree

from . import motion
from .concepts import ATTRIBUTES, PLACE, STATIC, places_of
from .lexicon import parse, phrases
from .tower import SIDE, STATIC_DIM, STRUCTURE_DIM, see, unit

VERSION = "builtin-1"
"""Part of the identity of every embedding: to be raised by any change of what the code makes of the same weights."""

WEIGHTS = Path(__file__).parent / "weights.safetensors"
MOTIONS = ATTRIBUTES["motion"]


class Builtin:
    """Sees pictures and films, and understands some 2,000 words, without network and in about a millisecond.

    Args:
        which: file of weights that `alife train-builtin` wrote; None = those of the package.

    Raises:
        AlifeError: the file is missing or holds other weights.

    >>> Builtin().embed_text(["a red spiral"]).shape
    (1, 121)
    """

    phrases = staticmethod(phrases)

    def __init__(self, which: str | None = None) -> None:
        self.image_size, self.dim = SIDE, STATIC_DIM + len(MOTIONS)
        self.identity, everything = _read(Path(which or WEIGHTS))
        self._concepts = unit(everything["concepts"])
        self.weights: Tree = {name: value for name, value in everything.items() if name != "concepts"}

    def embed_images(self, images: Float[ArrayLike, "B H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, of 16 pixels or more."""
        words, _ = see(self.weights if weights is None else weights, resized(images))
        return jnp.pad(unit(words), ((0, 0), (0, len(MOTIONS))))

    def embed_video(self, frames: Float[ArrayLike, "B K H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors of films: what their frames show on average, and how they move."""
        given = self.weights if weights is None else weights
        small = resized(frames.reshape(-1, *frames.shape[2:]))
        words, _ = see(given, small)
        shown = unit(unit(words).reshape(*frames.shape[:2], -1).mean(1))
        films = small.reshape(*frames.shape[:2], *small.shape[1:])
        return unit(jnp.concatenate([shown, motion.chances(given, films)], axis=-1))

    def embed_text(self, texts: list[str]) -> Float[np.ndarray, "P D"]:
        """Unit vectors of texts; words that are not known are ignored with a warning.

        Raises:
            BadOption: a text without any known word, or one that cannot be read; says what would be understood.
        """
        return np.stack([self._text(text) for text in texts])

    def motions_in(self, text: str) -> Motions:
        """The motions that a text names, such as "growing": what `embed_video` sees and `embed_images` does not."""
        named = parse(text).concepts
        words = [name.partition(":")[2] for name in named if name.startswith("motion:")]
        return Motions(words, len(words) == len(named))

    def _text(self, text: str) -> Float[np.ndarray, " D"]:
        parsed = parse(text)
        if parsed.remark():
            warnings.warn(f"{text!r}: {parsed.remark()}", stacklevel=4)
        weights = np.zeros(len(PLACE), np.float32)
        for concept, weight in parsed.concepts.items():
            weights[PLACE[concept]] = weight
        shown = weights[STATIC] @ np.asarray(self._concepts)[STATIC]
        moves = weights[places_of("motion")]
        # a sum of n concepts is about sqrt(n) long: the motions of a text weigh as much as they are of its concepts
        still = np.linalg.norm(weights[STATIC]) * np.asarray(unit(shown)) if weights[STATIC].any() else shown
        return np.asarray(unit(np.concatenate([still, moves])), np.float32)


class Structure:
    """The other head of `builtin`: what a picture is made of, whatever its colours, bright on dark or dark on bright.

    Args:
        which: file of weights that `alife train-builtin` wrote; None = those of the package.
    """

    def __init__(self, which: str | None = None) -> None:
        self.image_size, self.dim = SIDE, STRUCTURE_DIM
        identity, everything = _read(Path(which or WEIGHTS))
        self.identity = f"structure-{identity}"
        self.weights: Tree = {name: value for name, value in everything.items() if name != "concepts"}

    def embed_images(self, images: Float[ArrayLike, "B H W 3"], weights: Tree = None) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], square, of 16 pixels or more."""
        return unit(see(self.weights if weights is None else weights, resized(images))[1])


def resized(images: Float[ArrayLike, "B H W 3"]) -> Float[Array, "B 96 96 3"]:
    """Pictures at the model's own size: blocks of pixels are averaged first, what remains is resampled.

    Raises:
        BadOption: they are not square, or smaller than 16 pixels.
    """
    height, width = images.shape[1:3]
    if height != width or height < 16:
        raise BadOption(f"builtin got pictures of {height} x {width} pixels; it needs square ones of 16 or more")
    images = jnp.asarray(images, jnp.float32)
    block = max(1, height // SIDE)
    whole = height // block * block
    if block > 1:
        n, cut = whole // block, images[:, :whole, :whole]
        rows = cut.reshape(-1, n, block, whole * 3)  # slices added up: many times faster here than a mean over axes
        columns = reduce(jnp.add, [rows[:, :, i] for i in range(block)]).reshape(-1, n, n, block * 3)
        images = reduce(jnp.add, [columns[..., 3 * i : 3 * i + 3] for i in range(block)]) / block**2
    if images.shape[1] == SIDE:
        return images
    how = "linear" if images.shape[1] > SIDE else "nearest"  # a small picture has pixels, not blur
    return jax.image.resize(images, (len(images), SIDE, SIDE, 3), how, antialias=True)


@cache
def _read(file: Path) -> tuple[str, dict[str, Float[np.ndarray, "..."]]]:
    """Identity and weights of a file, read once."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = file.read_bytes()
        weights = {name: value.astype(np.float32) for name, value in load(content).items()}
    except OSError as cause:
        missing = f"there is no file {file}" if isinstance(cause, FileNotFoundError) else f"{file}: {cause.strerror}"
        raise AlifeError(f"builtin: {missing}; expected weights that `alife train-builtin` wrote") from None
    except SafetensorError as cause:
        raise AlifeError(f"builtin: {file} is damaged ({cause}); copy it again, or leave `which` out") from None
    if "concepts" not in weights or "stem_in" not in weights:
        raise AlifeError(
            f"builtin: {file} holds other weights ({', '.join(sorted(weights)[:3])} ...); "
            "expected those that `alife train-builtin` wrote"
        )
    content += (Path(__file__).parent / "lexicon.toml").read_bytes()  # decides what a text means
    return f"{VERSION}-{hashlib.sha256(content).hexdigest()[:12]}", weights
