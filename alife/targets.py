"""What worlds are held against: prompts, pictures to look like, and negatives, each embedded once per run."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float

from .config import RunConfig, replace
from .embedding import Embedder
from .errors import BadOption
from .liked import with_liking
from .model import Model
from .registry import Registry

LARGEST_PIXELS = 100_000_000
"""Of a picture that is looked at: larger ones take gigabytes."""


class Targets(NamedTuple):
    """Unit vectors of what frames should show, and of what they should not."""

    wanted: Float[np.ndarray, "P D"] | None = None
    """The prompts, then the pictures, each in the order given: a timeline."""
    unwanted: Float[np.ndarray, "Q D"] | None = None
    """The negatives."""
    pictures: Float[np.ndarray, "R D"] | None = None
    """Those of `wanted` that are pictures."""
    liked: Float[np.ndarray, "L D"] | None = None
    """Lifeforms that people like."""


def with_seen(config: RunConfig, embedder: Embedder, img_size: int) -> RunConfig:
    """A configuration that holds what the model sees in its pictures and liked lifeforms: all that a run needs of them.

    Raises:
        AlifeError: a file or lifeform that cannot be had.
    """
    images = with_vectors(config.images, embedder, img_size)
    return replace(config, images=images, liked=with_liking(config.liked, embedder))


def targets_of(config: RunConfig, embedder: Embedder) -> Targets:
    """What the worlds of a configuration are held against, which is as `with_seen` gives it."""
    images: Any = config.images
    liked: Any = config.liked
    texts = {"prompts": config.prompts, "negatives": config.negatives}
    return embed_targets(embedder, images=images, liked=liked, **texts)


def embed_targets(
    embedder: Embedder,
    *,
    prompts: Sequence[str] = (),
    images: Sequence[Mapping[str, str]] = (),
    negatives: Sequence[str] = (),
    liked: Sequence[Mapping[str, str]] = (),
) -> Targets:
    """What worlds are held against, as unit vectors.

    Args:
        embedder: the model of the run.
        prompts: texts that the frames should show.
        images: pictures that they should look like, as `with_vectors` gives them.
        negatives: texts that no frame should show.
        liked: lifeforms, as `alife.liked.with_liking` gives them.

    Raises:
        BadOption: the model knows no text and is given some, or refuses one.
    """
    if any(not text.strip() for text in (*prompts, *negatives)):
        raise BadOption("a prompt or negative is empty; expected words such as 'a ring of red dots'")
    texts = [embedder.texts(prompts)] if prompts else []
    pictures = [_stored(image) for image in images]
    return Targets(
        wanted=np.concatenate([*texts, *pictures]) if prompts or images else None,
        unwanted=embedder.texts(negatives) if negatives else None,
        pictures=np.concatenate(pictures) if images else None,
        liked=np.concatenate([_stored(one) for one in liked]) if liked else None,
    )


def _stored(seen: Mapping[str, str]) -> Float[np.ndarray, "1 D"]:
    return np.frombuffer(bytes.fromhex(seen["z"]), "<f4").astype(np.float32)[None]


def with_vectors(images: Sequence[str | Mapping[str, str]], embedder: Embedder, img_size: int) -> list[dict[str, str]]:
    """Pictures with what the model sees in them: stored with a run, so that it goes on without the files.

    Args:
        images: file names, or what this function gave before: then nothing is read, unless another model saw them.
        embedder: the model of the run.
        img_size: edge at which the run draws frames, pixels; pictures are seen at the same size.

    Raises:
        BadOption: a file that is missing or no picture.
    """
    return [_with_vector({"file": image} if isinstance(image, str) else image, embedder, img_size) for image in images]


def _with_vector(image: Mapping[str, str], embedder: Embedder, img_size: int) -> dict[str, str]:
    if image.get("model") == embedder.model.identity and "z" in image:
        return dict(image)
    z = embedder.pictures(read_picture(image["file"], img_size)[None])[0]
    file = str(Path(image["file"]).resolve())
    return {"file": file, "model": embedder.model.identity, "z": z.astype("<f4").tobytes().hex()}


def read_picture(file: str | Path | BinaryIO, size: int) -> Float[np.ndarray, "S S 3"]:
    """The largest square in the middle of a picture, red green blue in [0, 1]; the first picture of a film.

    What is transparent becomes black, the ground of most worlds.

    Args:
        file: .png .jpg .gif .webp or any other kind that Pillow reads.
        size: edge that it is brought to, pixels.

    Raises:
        BadOption: a file that is missing or no picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as opened:
            if opened.width * opened.height > LARGEST_PIXELS:
                raise ValueError(f"it has {opened.width} x {opened.height} pixels, more than {LARGEST_PIXELS:,}")
            upright = ImageOps.exif_transpose(opened)
            if upright.mode[0] in "IF":  # 16 bits, or numbers of any size: Pillow would cut them off at 255
                raise ValueError(f"its pixels are {upright.mode}, not 8-bit colours; save it as an ordinary .png")
            upright = upright.convert("RGBA")
    except FileNotFoundError:
        raise BadOption(f"{file}: there is no such file; expected a picture, such as .png or .jpg") from None
    except Exception as cause:  # what a decoder makes of a broken file is anybody's guess
        said = "is no picture" if isinstance(cause, Image.UnidentifiedImageError) else f"cannot be read: {cause}"
        raise BadOption(f"{file} {said}; expected a picture, such as .png or .jpg") from None
    solid = Image.alpha_composite(Image.new("RGBA", upright.size, "black"), upright).convert("RGB")
    return np.asarray(ImageOps.fit(solid, (size, size), Image.Resampling.BICUBIC), np.float32) / 255


def require_text(embedder: Embedder, name: str, registry: Registry) -> None:
    """Raise BadOption, naming the models that do, where the model of this name knows no text."""
    if embedder.knows_text:
        return
    able = [other for other in registry.models.able("embed_text") if other != name]
    instead = f"use --model {' or '.join(able)}" if able else "none of the installed models does"
    raise BadOption(f"words need a model that knows text; model {name!r} sees pictures and knows none; {instead}")


def tell_of_motions(model: Model, prompts: Sequence[str]) -> None:
    """Warn of words that single frames do not show, where the model knows which ones those are.

    Raises:
        BadOption: a text says nothing else.
    """
    motions_in = getattr(model, "motions_in", None)
    found = [motions_in(text) for text in prompts] if motions_in else []
    words = list(dict.fromkeys(word for motions in found for word in motions.words))
    alone = next((text for text, motions in zip(prompts, found, strict=False) if motions.only), None)
    if alone is not None:
        raise BadOption(f"{alone!r} names only motion, which no single frame shows; say --score video")
    if words:
        warnings.warn(
            f"{', '.join(words)}: no single frame shows that; --score video sees how worlds move", stacklevel=2
        )
