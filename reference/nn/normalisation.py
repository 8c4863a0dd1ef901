"""Normalisation: subtract the mean, divide by the root of variance plus epsilon, scale and shift.

All layers differ only in the axes over which they take moments and in the shape of their weights. Callers pass
longdouble arrays and the axes; weight and bias broadcast to the input.

Source: PyTorch documentation, torch.nn.BatchNorm2d, torch.nn.LayerNorm, torch.nn.GroupNorm, torch.nn.InstanceNorm2d,
torch.nn.RMSNorm, torch.nn.LocalResponseNorm.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Axes = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Normalised:
    """A normalised array and what it was normalised by.

    Attributes:
        values: The result before weight and bias.
        mean: The mean, keeping dimensions; 0 where none is subtracted.
        variance: The biased variance (or the mean square), keeping dimensions.
        scale: One over the root of variance plus epsilon.
        count: Number of elements of each moment.
        condition: How much larger the squares are than what is divided by, at most: what cancellation costs.
    """

    values: Array
    mean: Array
    variance: Array
    scale: Array
    count: int
    condition: float


def _condition(x: Array, axes: Axes, variance: Array, eps: float) -> float:
    square = (x * x).mean(axis=axes, keepdims=True)
    return float(np.max(1 + square / (variance + eps), initial=1))


def normalised(x: Array, axes: Axes, eps: float, *, centred: bool = True) -> Normalised:
    """Return (x - mean) / sqrt(variance + eps) over axes; not centred, x / sqrt(mean square + eps)."""
    mean = x.mean(axis=axes, keepdims=True) if centred else np.zeros((1,) * x.ndim, dtype=x.dtype)
    variance = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    scale = 1 / np.sqrt(variance + eps)
    count = math.prod(x.shape[axis] for axis in axes)
    return Normalised((x - mean) * scale, mean, variance, scale, count, _condition(x, axes, variance, eps))


def with_moments(x: Array, mean: Array, variance: Array, eps: float) -> Normalised:
    """Return (x - mean) / sqrt(variance + eps) with given moments, which broadcast."""
    scale = 1 / np.sqrt(variance + eps)
    centred = np.abs(x - mean).max(initial=1)
    condition = float(1 + np.abs(x).max(initial=0) / centred + np.abs(mean).max(initial=0) / centred)
    return Normalised((x - mean) * scale, mean, variance, scale, 1, condition)


def input_gradient(done: Normalised, h: Array, axes: Axes, *, centred: bool = True) -> tuple[Array, Array]:
    """Return the gradient through the moments, and the sum of magnitudes of its terms.

    Args:
        done: The normalisation.
        h: The gradient of the normalised values: of the result, times the weight.
        axes: Over which moments were taken; none for given moments.
        centred: Whether the mean was subtracted.
    """
    if not axes:
        return done.scale * h, np.abs(done.scale * h)
    along = (h * done.values).mean(axis=axes, keepdims=True)
    size_along = np.abs(h * done.values).mean(axis=axes, keepdims=True)
    middle = h.mean(axis=axes, keepdims=True) if centred else 0
    size_middle = np.abs(h).mean(axis=axes, keepdims=True) if centred else 0
    gradient = done.scale * (h - middle - done.values * along)
    return gradient, done.scale * (np.abs(h) + size_middle + np.abs(done.values) * size_along)


def summed_to(array: Array, shape: tuple[int, ...]) -> Array:
    """Return the sum over the dimensions that a shape of ones was broadcast in."""
    axes = tuple(dim for dim, extent in enumerate(shape) if extent == 1)
    return np.asarray(array.sum(axis=axes, keepdims=True))


def running(old: Array, observed: Array, momentum: float | None, batches: int) -> Array:
    """Return (1 - momentum) old + momentum observed; with no momentum the average of all batches so far."""
    share = np.longdouble(1) / batches if momentum is None else np.longdouble(momentum)
    return np.asarray((1 - share) * old + share * observed)


def local_response(x: Array, size: int, alpha: float, beta: float, k: float) -> tuple[Array, Array]:
    """Return x / (k + alpha / size sum of squares of `size` channels around)^beta, and the inner sum."""
    inner = k + np.longdouble(alpha) / size * _around(x * x, size)
    return np.asarray(x * inner ** -np.longdouble(beta)), inner


def local_response_gradient(x: Array, g: Array, size: int, alpha: float, beta: float, k: float) -> tuple[Array, Array]:
    """Return the gradient of `local_response`, and the sum of magnitudes of its terms."""
    _, inner = local_response(x, size, alpha, beta, k)
    power = np.longdouble(beta)
    own = g * inner**-power
    shares = g * x * inner ** (-power - 1)
    factor = 2 * power * np.longdouble(alpha) / size
    gradient = own - factor * x * _around(shares, size, reverse=True)
    return gradient, np.abs(own) + factor * np.abs(x) * _around(np.abs(shares), size, reverse=True)


def _around(values: Array, size: int, *, reverse: bool = False) -> Array:
    """Return the sum of channels c - size // 2 to c + (size - 1) // 2; reversed, of those that reach c."""
    before, after = size // 2, (size - 1) // 2
    if reverse:
        before, after = after, before
    total = np.zeros_like(values)
    channels = values.shape[1]
    for c in range(channels):
        total[:, c] = values[:, max(c - before, 0) : min(c + after, channels - 1) + 1].sum(axis=1)
    return total
