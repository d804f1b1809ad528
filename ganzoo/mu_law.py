"""Mu-law companding of sound (ITU-T G.711): values that are close together near 0, as hearing is more exact there."""

import functools
import math

import numpy as np
from keras import ops

from ganzoo.types import Tensor


def codes(audio: Tensor, levels: int = 256) -> Tensor:
    """The numbers of the values nearest to samples after companding, int32, from 0 to levels - 1.

    Args:
        audio: samples, clipped to [-1, 1].
        levels: number of values; mu is one less.

    Example:
        from ganzoo import mu_law

        mu_law.codes(np.float32([-1.0, 0.0, 1.0]))      # 0, 128, 255
    """
    audio, mu = ops.clip(ops.cast(audio, "float32"), -1.0, 1.0), levels - 1
    # Not log1p, which not every export format has; near 0 the codes are coarser than the rounding of log.
    companded = ops.sign(audio) * ops.log(1.0 + mu * ops.abs(audio)) / math.log1p(mu)
    return ops.cast(ops.floor((companded + 1.0) / 2.0 * mu + 0.5), "int32")


@functools.lru_cache(maxsize=8)
def values(levels: int = 256) -> np.ndarray:
    """The samples that codes stand for, in increasing order, float32 (levels,).

    Example:
        from ganzoo import mu_law

        sound = mu_law.values()[np.asarray(mu_law.codes(np.float32([0.5])))]        # 0.4986
    """
    mu = levels - 1
    companded = 2.0 * np.arange(levels) / mu - 1.0
    found = (np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(mu)) / mu).astype("float32")
    found.flags.writeable = False
    return found
