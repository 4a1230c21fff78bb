"""Colours of scenes, red green blue in [0, 1]: those of Kinetix for shapes."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

SKY = np.array([255, 255, 255]) / 255
FIXED = np.array([80, 80, 80]) / 255
ROLES = np.array([[160, 160, 160], [0, 204, 0], [0, 102, 204], [255, 102, 102]]) / 255
"""Neutral, green, blue, red; of fixed shapes half as bright, neutral ones dark grey."""
BINDINGS = np.array([[255, 209, 102], [239, 71, 111], [17, 138, 178], [6, 214, 160]]) / 255
"""Of joints, by the channel of their motor."""
LOOSE = np.array([70, 70, 70]) / 255
"""Of joints without a motor."""
NOZZLES = np.array([[60, 60, 70], [110, 70, 60]]) / 255
"""Of thrusters, by their channel."""
FLAME, CORE = np.array([255, 122, 24]) / 255, np.array([255, 230, 120]) / 255
DARK = np.concatenate([FIXED[None], ROLES[1:] / 2])
"""Of fixed shapes, by their roles."""
MARK = np.array([150, 150, 150]) / 255
"""Of the marks on the floor, a metre apart."""


def role_colours(role: Int[Array, " N"], fixed: Bool[Array, " N"]) -> Float[Array, "N 3"]:
    """Of shapes, by their roles; those that are fixed are darker."""
    return jnp.where(fixed[:, None], jnp.asarray(DARK)[role], jnp.asarray(ROLES)[role])
