"""`open_clip` and `dino`: published vision transformers, run by our own JAX towers.

The package open_clip_torch (extra `clip`) says what there is: architectures, pretrained weights, vocabulary.  They are
read as files, so that neither it nor torch is imported; torch is needed once for weights that exist as pickles only.
The way of a model: `installed` and `architectures` (what it is, as `shapes`) -> `weights` (a file, from the hub or
yours) -> `convert` (to our names) -> `towers` (to vectors), with `pictures` and `tokens` in front of them.
"""

from __future__ import annotations

from collections.abc import Callable

from alife import hookimpl


@hookimpl
def register_models(register: Callable[..., None]) -> None:
    register(
        "open_clip",
        "alife.plugins.open_clip.models:OpenClip",
        summary="any CLIP or SigLIP with transformer towers, such as open_clip:ViT-B-32; knows pictures and texts",
        test_options={"which": "tiny"},
        source="Radford et al. 2021 (arXiv:2103.00020), Zhai et al. 2023 (arXiv:2303.15343); open_clip_torch",
    )
    register(
        "dino",
        "alife.plugins.open_clip.models:Dino",
        summary="picture-only vision transformers, such as dino:vit_small_patch14_dinov2; knows no text",
        test_options={"which": "tiny"},
        source="Oquab et al. 2023 (arXiv:2304.07193); timm",
    )
