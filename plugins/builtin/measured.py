"""Truth read off a picture itself, drawn or simulated, with a dead band round every threshold.

What lies inside a dead band is unknown, and neither trains nor tests the model.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .concepts import ATTRIBUTES
from .palettes import NAMED
from .things import UNKNOWN, Said, orientation_of, place_of


def measured_field(field: Float[Array, "H W"]) -> Said:
    """Symmetry, orientation and density of a field of brightness in [0, 1]."""
    covered = jnp.mean(field > 0.5)
    dense = jnp.where(covered < 0.14, 0, jnp.where(covered > 0.45, 1, UNKNOWN))
    return {"symmetry": _symmetry(field), "orientation": _orientation(field), "density": dense}


def measured_picture(image: Float[Array, "H W 3"]) -> Said:
    """Light and palette of a picture."""
    mean = image.mean()
    light = jnp.where(mean < 0.22, 0, jnp.where(mean > 0.6, 1, UNKNOWN))
    hue, strength = _hues(image[::2, ::2])
    coloured = strength.mean()
    spread = 1 - jnp.abs((hue * strength).sum() / jnp.maximum(strength.sum(), 1e-6))
    many = jnp.where((coloured > 0.08) & (spread > 0.55), 0, UNKNOWN)
    return {"light": light, "palette": jnp.where(strength.max() < 0.06, 1, many)}


def _hues(image: Float[Array, "H W 3"]) -> tuple[Array, Float[Array, "H W"]]:
    """Hue as a unit complex number, and how strong it is in [0, 1]."""
    red, green, blue = jnp.moveaxis(image, -1, 0)
    plane = (red - 0.5 * (green + blue)) + 1j * (np.sqrt(3) / 2) * (green - blue)
    strength = jnp.abs(plane)
    return plane / jnp.maximum(strength, 1e-6), strength


def _symmetry(field: Float[Array, "H W"]) -> Int[Array, ""]:
    """Mirrored (left to right or top to bottom), radial (under quarter turns as well), or neither by far."""
    centred = field - field.mean()
    power = jnp.square(centred).sum() + 1e-6
    flips = [centred[:, ::-1], centred[::-1], centred.T, centred[::-1, ::-1].T]
    likeness = jnp.stack([(centred * other).sum() / power for other in flips])
    turned = (centred * jnp.rot90(centred)).sum() / power
    mirrored = likeness.max() > 0.96
    radial = (likeness.min() > 0.9) & (turned > 0.9)
    none = (likeness.max() < 0.4) & (turned < 0.4)
    plain = power < 1.0
    said = jnp.where(radial, 1, jnp.where(mirrored & (turned < 0.8), 0, jnp.where(none, 2, UNKNOWN)))
    return jnp.where(plain, UNKNOWN, said)


def _orientation(field: Float[Array, "H W"]) -> Int[Array, ""]:
    """The direction along which the picture changes least, where it clearly has one."""
    dy, dx = jnp.gradient(field)
    xx, yy, xy = (dx * dx).mean(), (dy * dy).mean(), (dx * dy).mean()
    coherence = jnp.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-6)
    along = 0.5 * jnp.arctan2(2 * xy, xx - yy) + np.pi / 2
    return jnp.where((coherence > 0.5) & (xx + yy > 1e-5), orientation_of(along), UNKNOWN)


def brightness(image: Float[Array, "H W 3"]) -> Float[Array, "H W"]:
    """How far each pixel is from the commonest colour, in [0, 1]: the field of a picture that was not drawn by us."""
    ground = ground_of(image)
    away = jnp.sqrt(jnp.square(image - ground).sum(-1))
    return away / jnp.maximum(away.max(), 0.05)


def ground_of(image: Float[Array, "H W 3"]) -> Float[Array, " 3"]:
    """The commonest colour: the mean of the fullest of 64 bins."""
    some = image[::2, ::2].reshape(-1, 3)
    bins = (jnp.clip(some, 0, 0.999) * 4).astype(jnp.int32) @ jnp.array([16, 4, 1])
    members = jax.nn.one_hot(bins, 64)
    counts = members.sum(0)
    return (members.T @ some)[jnp.argmax(counts)] / counts.max()


def colour_name(rgb: Float[Array, "... 3"]) -> Int[Array, "..."]:
    """Place of a colour's name in ATTRIBUTES["colour"], UNKNOWN between two names."""
    away = jnp.stack([NAMED[name].distance(rgb) for name in ATTRIBUTES["colour"]], -1)
    order = jnp.sort(away, -1)
    sure = (order[..., 0] < 0.5) & (order[..., 1] > 0.5)
    return jnp.where(sure, jnp.argmin(away, -1), UNKNOWN)


def simulated(image: Float[Array, "H W 3"]) -> Said:
    """All that can be said of a frame of a substrate: nothing of what its creatures are called."""
    field = brightness(image)
    covered = jnp.mean(field > 0.35)
    ground = colour_name(ground_of(image))
    strong = field > 0.6
    things = (image * strong[..., None]).sum((0, 1)) / jnp.maximum(strong.sum(), 1)
    spread = jnp.sqrt((jnp.square(image - things).sum(-1) * strong).sum() / jnp.maximum(strong.sum(), 1))
    one_colour = (spread < 0.22) & (strong.mean() > 0.004)
    plain = field.max() * jnp.sqrt(jnp.square(image - image.mean((0, 1))).mean()) < 0.01
    said = measured_field(field) | measured_picture(image)
    said["density"] = jnp.where(covered < 0.1, 0, jnp.where(covered > 0.5, 1, UNKNOWN))
    said["ground"] = jnp.where((covered < 0.5), ground, UNKNOWN)
    said["colour"] = jnp.where(one_colour & (covered < 0.5), colour_name(things), UNKNOWN)
    step = jnp.square(jnp.diff(field, axis=0))
    steep = jnp.sqrt((step * step).sum() / jnp.maximum(step.sum(), 1e-6))  # at the edges, not on the ground
    said["edge"] = jnp.where(steep > 0.45, place_of("edge", "sharp"), jnp.where(steep < 0.12, 0, UNKNOWN))
    kind = jnp.where(plain, place_of("kind", "empty"), UNKNOWN)
    hidden = {
        name: jnp.where(plain & (name not in ("light", "ground")), UNKNOWN, value) for name, value in said.items()
    }
    return hidden | {"kind": kind}
