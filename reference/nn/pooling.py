"""Pooling over windows: maxima with their places, averages, power means, and their gradients.

A plan lists, per output element, the flat places of the input elements that its window holds; places beyond the
input are -1 and hold nothing. Everything is then a gather, and its gradient a scatter.

Shapes: input (batch, channels, *extents), results (batch, channels, *outs).

Source: PyTorch documentation, torch.nn.MaxPool2d, torch.nn.AvgPool2d, torch.nn.AdaptiveAvgPool2d, torch.nn.LPPool2d,
torch.nn.MaxUnpool2d.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Windows:
    """Which elements each window holds.

    Attributes:
        places: (windows, largest window) flat places, -1 for none.
        padded: Number of elements of each window, padding included.
        outs: Extents of the result.
        extents: Extents of the input.
    """

    places: Array
    padded: Array
    outs: Ints
    extents: Ints

    @property
    def held(self) -> Array:
        """Which entries of `places` are elements."""
        return self.places >= 0


def pooled_extent(extent: int, kernel: int, stride: int, padding: int, dilation: int, *, ceil: bool) -> int:
    """Return how many windows there are; with `ceil` also those that begin in the input or the padding before it."""
    room = extent + 2 * padding - dilation * (kernel - 1) - 1
    count = (-(-room // stride) if ceil else room // stride) + 1
    return count - 1 if ceil and (count - 1) * stride >= extent + padding else count


def _assembled(windows: Sequence[Sequence[list[int]]], sizes: Sequence[Sequence[int]], extents: Ints) -> Windows:
    """Return the plan whose windows are products of the windows of each dimension."""
    outs = tuple(len(each) for each in windows)
    found = []
    for window in itertools.product(*windows):
        flat = [
            functools.reduce(lambda total, pair: total * pair[0] + pair[1], zip(extents, place, strict=True), 0)
            for place in itertools.product(*window)
        ]
        found.append(flat)
    longest = max((len(each) for each in found), default=0)
    places = np.array([each + [-1] * (longest - len(each)) for each in found], dtype=np.int64)
    padded = np.array([math.prod(each) for each in itertools.product(*sizes)], dtype=np.int64)
    return Windows(places, padded, outs, extents)


@functools.lru_cache(maxsize=512)
def sliding(extents: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, *, ceil: bool = False) -> Windows:
    """Return the plan of windows that move by `stride`."""
    windows, sizes = [], []
    for n, k, move, p, step in zip(extents, kernel, stride, padding, dilation, strict=True):
        starts = [out * move - p for out in range(pooled_extent(n, k, move, p, step, ceil=ceil))]
        windows.append([[at for at in range(start, start + step * k, step) if 0 <= at < n] for start in starts])
        # A window that reaches beyond the padding is counted as far as the padding goes.
        sizes.append([min(start + k, n + p) - start for start in starts])
    return _assembled(windows, sizes, extents)


@functools.lru_cache(maxsize=256)
def adaptive(extents: Ints, outs: Ints) -> Windows:
    """Return the plan of windows floor(i n / out) to ceil((i + 1) n / out)."""
    windows = [
        [list(range(i * n // out, -(-(i + 1) * n // out))) for i in range(out)]
        for n, out in zip(extents, outs, strict=True)
    ]
    return _assembled(windows, [[len(each) for each in dim] for dim in windows], extents)


def _gathered(x: Array, plan: Windows, empty: float) -> Array:
    flat = x.reshape(*x.shape[: x.ndim - len(plan.extents)], -1)
    return np.where(plan.held, flat[..., np.maximum(plan.places, 0)], np.asarray(empty, dtype=x.dtype))


def _out(values: Array, plan: Windows) -> Array:
    return values.reshape(*values.shape[:-1], *plan.outs)


def maximum(x: Array, plan: Windows) -> tuple[Array, Array]:
    """Return the largest element of each window and its flat place in the input; padding is -inf."""
    values = _gathered(x, plan, -np.inf)
    best = np.argmax(values, axis=-1)
    places = plan.places[np.arange(len(plan.places)), best]
    return _out(np.take_along_axis(values, best[..., None], -1)[..., 0], plan), _out(places, plan)


def placed(g: Array, places: Array, extents: Ints) -> Array:
    """Return zeros of these extents to which each element of `g` is added at its flat place."""
    lead = g.shape[: g.ndim - len(extents)]
    x = np.zeros((math.prod(lead), math.prod(extents)), dtype=g.dtype)
    rows = np.arange(len(x))[:, None]
    np.add.at(x, (rows, places.reshape(len(x), -1)), g.reshape(len(x), -1))
    return x.reshape(*lead, *extents)


def average(x: Array, plan: Windows, divisor: Array) -> Array:
    """Return the sum of each window over its divisor."""
    return _out(_gathered(x, plan, 0).sum(axis=-1) / divisor, plan)


def average_gradient(g: Array, plan: Windows, divisor: Array) -> Array:
    """Return the gradient of `average`: each output's share goes to the elements of its window."""
    return spread_over(
        np.repeat((g.reshape(*g.shape[: g.ndim - len(plan.outs)], -1) / divisor)[..., None], plan.places.shape[1], -1),
        plan,
    )


def spread_over(shares: Array, plan: Windows) -> Array:
    """Return the sum, per input element, of the shares (..., windows, largest window) of the windows that hold it."""
    lead = shares.shape[:-2]
    x = np.zeros((*lead, math.prod(plan.extents)), dtype=shares.dtype)
    held = plan.held
    into: Any = (Ellipsis, plan.places[held])
    np.add.at(x, into, shares[..., held])
    return x.reshape(*lead, *plan.extents)


def divisors(plan: Windows, *, include_pad: bool, override: int | None) -> Array:
    """Return by what each window's sum is divided."""
    if override is not None:
        return np.full(len(plan.places), override, dtype=np.int64)
    return plan.padded if include_pad else plan.held.sum(axis=-1)


def power_mean(x: Array, plan: Windows, power: float) -> Array:
    """Return the root of the sum of powers of each window of positive elements."""
    return _out((_gathered(x, plan, 0) ** power).sum(axis=-1) ** (1 / np.asarray(power, dtype=x.dtype)), plan)


def power_mean_gradient(x: Array, g: Array, plan: Windows, power: float) -> Array:
    """Return the gradient of `power_mean`: (x / y)^(power - 1) of each window's share."""
    lead = x.shape[: x.ndim - len(plan.extents)]
    y = power_mean(x, plan, power).reshape(*lead, -1, 1)
    return spread_over((_gathered(x, plan, 1) / y) ** (power - 1) * g.reshape(*lead, -1, 1), plan)
