"""Weights: found on the hub or in a file of yours, read without torch where they are safetensors."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alife.errors import BadOption, first_line
from alife.worlds.cache import cache_folder

from .installed import EXTRA

SUFFIXES = (".safetensors", ".bin", ".pt", ".pth")
SAFE_NAME, PICKLE_NAME = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
"""What open_clip calls weights in a hub repository where nothing else is said."""


def is_file_name(text: str) -> bool:
    """Whether what was given for weights means a file rather than a tag."""
    try:
        return text.endswith(SUFFIXES) or Path(text).is_file()
    except OSError:  # longer than any name of a file
        return False


def fetch(repository: str, *files: str) -> Path:
    """The first of these files that a hub repository holds, downloaded once.

    Raises:
        BadOption: it cannot be had.
    """
    try:
        import huggingface_hub as hub
        from huggingface_hub.errors import EntryNotFoundError
    except ImportError:
        raise BadOption(f"downloading needs the library huggingface_hub; {EXTRA} brings it") from None
    for file in files:
        kept = hub.try_to_load_from_cache(repository, file)
        if isinstance(kept, str):
            return Path(kept)
    for file in files:
        try:
            # one request first: the download itself would try for half a minute where there is no network
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, file), timeout=10)
            return Path(hub.hf_hub_download(repository, file))
        except EntryNotFoundError:
            continue
        except Exception as cause:  # the library has a dozen kinds, and network libraries their own
            raise BadOption(f"{repository}/{file} cannot be downloaded: {first_line(cause)}") from None
    raise BadOption(f"the hub repository {repository} does not hold {' or '.join(files)}")


def fetched(said: Mapping[str, Any], name: str) -> Path:
    """The weights file of a pretrained tag of open_clip or timm: as safetensors where there is one.

    Args:
        said: the tag's entry in the package's table.
        name: architecture and tag, for messages.

    Raises:
        BadOption: it cannot be had; the message says that a local file can be given.
    """
    repository, files = _where(said, name)
    try:
        return fetch(repository, *files)
    except BadOption as cause:
        instead = f"{name.partition(':')[0]}:FILE.safetensors"
        raise BadOption(f"{name}: {cause}; with no network, give a local file: {instead}") from None


def _where(said: Mapping[str, Any], name: str) -> tuple[str, tuple[str, ...]]:
    """Repository, and the names that the file may have in it."""
    if "hf_hub_id" in said:  # timm: a trailing slash leaves the repository's name to the architecture and tag
        place = said["hf_hub_id"]
        own = said.get("hf_hub_filename")
        repository = place + name.replace(":", ".") if place.endswith("/") else place
        return repository, (own,) if own else ("model.safetensors", "pytorch_model.bin")
    place = said.get("hf_hub", "")
    if not place:
        raise BadOption(f"{name} is at {said.get('url') or 'no known place'}; download it and give the file")
    repository, _, file = place.rpartition("/")
    if not file:
        return repository, (SAFE_NAME, PICKLE_NAME)
    return repository, (str(Path(file).with_suffix(".safetensors")), file)


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a weights file by name.

    Raises:
        BadOption: there is no such file, or it is damaged or of another kind.
    """
    if not path.is_file():
        raise BadOption(f"there is no weights file {path}; expected one ending in {', '.join(SUFFIXES)}")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    kept = _kept(path)
    if kept and kept.is_file():
        return _safetensors(kept)
    state = _pickled(path)
    if kept:
        _keep(state, kept)
    return state


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        from safetensors import safe_open
    except ImportError:
        raise BadOption("weights need the library safetensors: pip install safetensors") from None
    try:
        with safe_open(path, framework="flax") as file:  # unlike NumPy's, this one knows bfloat16
            return {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except Exception as cause:
        raise BadOption(
            f"{path} is not a safetensors file, or is damaged: {first_line(cause)}; download it again"
        ) from None


def _pickled(path: Path) -> dict[str, np.ndarray]:
    """A pickle, read as weights only, or a TorchScript archive, through torch."""
    try:
        import torch
    except ImportError:
        raise BadOption(
            f"{path} is a pickle, which only torch can read; {EXTRA} brings it, or give the weights as .safetensors"
        ) from None
    try:
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except RuntimeError:
            state = torch.jit.load(path, map_location="cpu").state_dict()
        state = next((state[name] for name in ("state_dict", "model") if name in state), state)
        plain = {name: array for name, array in state.items() if name not in _SIZES}
        return {name: array.detach().float().numpy() for name, array in plain.items()}
    except Exception as cause:
        raise BadOption(f"{path} does not hold weights that torch can read: {cause!r}") from None


_SIZES = ("input_resolution", "context_length", "vocab_size")
"""Numbers that OpenAI's own files carry among the weights."""


def _kept(path: Path) -> Path | None:
    """Where a pickle's weights are kept as safetensors; another size or time of the file is another place."""
    home = cache_folder()
    about = path.stat()
    told = f"{path.resolve()} {about.st_size} {about.st_mtime_ns}"
    return (
        home / "weights" / f"{path.stem}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.safetensors" if home else None
    )


def _keep(state: Mapping[str, np.ndarray], kept: Path) -> None:
    """Write them whole or not at all; a folder that cannot be written is no error."""
    from safetensors.numpy import save_file

    part = kept.with_suffix(f".{os.getpid()}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: np.ascontiguousarray(array) for name, array in state.items()}, part)
        part.replace(kept)
    except OSError:
        part.unlink(missing_ok=True)
