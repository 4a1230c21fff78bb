"""`pixels`: the picture itself, made small; the plainest embedding, to compare others with.

It knows where things are and what colour they have, and nothing else: a shifted picture is a different one.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from alife import hookimpl
from alife.errors import BadOption

VERSION = "pixels-1"
"""Part of the identity of every embedding: to be raised by any change of what `embed_images` returns."""

# Means and standard deviations of red, green and blue over ImageNet, as DINO's preprocessing has them.
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class Pixels:
    """Embeds pictures by their pixels; knows no text.

    The picture is averaged over `size` x `size` equal squares, each colour is centred and scaled, and the numbers (red
    first, row by row) are brought to unit length.

    Args:
        size: squares along one edge, 1 or more; the published 28 are blocks of 8 x 8 pixels at 224.
        image_size: edge at which frames are best drawn, pixels; any size is understood.

    Raises:
        BadOption: an option below 1.

    Source: Kumar et al. 2024 (arXiv:2412.17799), the `pixels` model of the published code.  There a size that 8 does
    not divide is refused, and a picture of exactly the mean colour gives NaN; here squares may cut pixels (each counts
    by its area), and that one picture gives the vector of equal numbers.

    >>> z = Pixels(size=2).embed_images(jnp.zeros((1, 4, 4, 3)))
    >>> z.shape, round(float(jnp.linalg.norm(z)), 3), bool(z[0, 0] < 0)
    ((1, 12), 1.0, True)
    """

    def __init__(self, size: int = 28, image_size: int = 224) -> None:
        if size < 1 or image_size < 1:
            raise BadOption(f"pixels got size={size}, image_size={image_size}; both are 1 or more, say 28 and 224")
        self.size, self.image_size = int(size), int(image_size)
        self.dim = 3 * self.size**2
        self.identity = f"{VERSION}-{self.size}"

    def embed_images(self, images: Float[Array, "B H W 3"]) -> Float[Array, "B D"]:
        """Unit vectors; pictures are red green blue in [0, 1], of any size."""
        rows, columns = (_shares(pixels, self.size) for pixels in images.shape[1:3])

        def embed(image: Float[Array, "H W 3"]) -> Float[Array, " D"]:
            normal = (image - MEAN) / DEVIATION
            small = jnp.einsum("iy,yxc,jx->cij", rows, normal, columns, precision="highest")
            # Far below any visible colour, so that only the exact mean colour is told by it.
            z = small.ravel() + 1e-9
            return z / jnp.linalg.norm(z)

        # One by one: within one product over the batch a picture's last bit depends on how many there are.
        return jax.lax.map(embed, images)


def _shares(pixels: int, squares: int) -> Float[np.ndarray, "squares pixels"]:
    """How much of each square each pixel covers; every row adds up to 1.

    >>> (3 * _shares(3, 2)).round().astype(int).tolist()
    [[2, 1, 0], [0, 1, 2]]
    """
    edges, steps = np.arange(squares + 1) * pixels / squares, np.arange(pixels)
    covered = np.minimum(edges[1:, None], steps + 1) - np.maximum(edges[:-1, None], steps)
    return (np.clip(covered, 0, None) * squares / pixels).astype(np.float32)


@hookimpl
def register_models(register: Callable[..., None]) -> None:
    register(
        "pixels",
        "alife.plugins.pixels:Pixels",
        summary="the picture itself, averaged over 28 x 28 squares; knows no text",
        test_options={"size": 4, "image_size": 16},
        source="Kumar et al. 2024, arXiv:2412.17799",
    )
