"""Pixel shuffles and upsampling.

Shapes: (batch, channels, *extents); pixel shuffles take any number of leading dimensions.

Source: PyTorch documentation, torch.nn.PixelShuffle, torch.nn.Upsample, torch.nn.functional.interpolate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def pixel_shuffle(x: Array, factor: int) -> Array:
    """Return (*, c f f, h, w) as (*, c, h f, w f)."""
    *lead, channels, height, width = x.shape
    blocks = x.reshape(*lead, channels // factor**2, factor, factor, height, width)
    first = len(lead)
    moved = np.moveaxis(
        blocks, [first + 3, first + 1, first + 4, first + 2], [first + 1, first + 2, first + 3, first + 4]
    )
    return moved.reshape(*lead, channels // factor**2, height * factor, width * factor)


def pixel_unshuffle(x: Array, factor: int) -> Array:
    """Return (*, c, h f, w f) as (*, c f f, h, w)."""
    *lead, channels, height, width = x.shape
    blocks = x.reshape(*lead, channels, height // factor, factor, width // factor, factor)
    first = len(lead)
    moved = np.moveaxis(
        blocks, [first + 2, first + 4, first + 1, first + 3], [first + 1, first + 2, first + 3, first + 4]
    )
    return moved.reshape(*lead, channels * factor**2, height // factor, width // factor)


def repeated(x: Array, factors: Sequence[int]) -> Array:
    """Return each element repeated along its last dimensions."""
    for dim, factor in zip(range(x.ndim - len(factors), x.ndim), factors, strict=True):
        x = np.repeat(x, factor, axis=dim)
    return x


def repeated_gradient(g: Array, factors: Sequence[int]) -> Array:
    """Return the gradient of `repeated`: the sum over the copies of each element."""
    for dim, factor in zip(range(g.ndim - len(factors), g.ndim), factors, strict=True):
        shape = (*g.shape[:dim], g.shape[dim] // factor, factor, *g.shape[dim + 1 :])
        g = g.reshape(shape).sum(axis=dim + 1)
    return g


def linear_weights(extent: int, out: int, *, align_corners: bool) -> Array:
    """Return the matrix (out, extent) of linear interpolation.

    With aligned corners the first and last elements keep their places; otherwise elements are squares whose outer
    edges keep theirs, and what lies beyond the outermost centres is the outermost element.
    """
    places = np.arange(out, dtype=np.longdouble)
    if align_corners:
        at = places * (extent - 1) / (out - 1) if out > 1 else np.zeros(1, dtype=np.longdouble)
    else:
        at = np.maximum((places + np.longdouble(0.5)) * extent / out - np.longdouble(0.5), 0)
    low = np.minimum(np.floor(at).astype(np.int64), extent - 1)
    high = np.minimum(low + 1, extent - 1)
    weights = np.zeros((out, extent), dtype=np.longdouble)
    np.add.at(weights, (np.arange(out), low), 1 - (at - low))
    np.add.at(weights, (np.arange(out), high), at - low)
    return weights


def applied(x: Array, matrices: Sequence[Array]) -> Array:
    """Return the last dimensions of `x` multiplied by a matrix (out, extent) each."""
    for dim, matrix in zip(range(x.ndim - len(matrices), x.ndim), matrices, strict=True):
        x = np.moveaxis(np.tensordot(matrix, np.moveaxis(x, dim, 0), axes=1), 0, dim)
    return x
