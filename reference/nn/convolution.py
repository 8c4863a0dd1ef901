"""Convolution, its transpose, sliding blocks and padding, with their adjoints.

Everything is a sum over the taps of a kernel: the part of the input that one tap meets is a strided slice. The
gradient with respect to the input adds into the same slices, and a transposed convolution is that gradient.

Shapes: input (batch, channels, *extents), weight (out channels, channels / groups, *kernel), output gradient
(batch, out channels, *out extents). Arrays are of any type whose arithmetic is exact enough for the caller.

Source: PyTorch documentation, torch.nn.Conv2d, torch.nn.ConvTranspose2d, torch.nn.Unfold, torch.nn.Fold,
torch.nn.functional.pad.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Ints = Sequence[int]


def spread(value: int | Ints, count: int) -> tuple[int, ...]:
    """Return an option per dimension: a single number stands for all of them."""
    if isinstance(value, int):
        return (value,) * count
    values = tuple(value)
    return values * count if len(values) == 1 else values


def source_places(extent: int, low: int, high: int, mode: str) -> Array:
    """Return where each element of a padded dimension comes from, -1 for a constant.

    Args:
        extent: Extent before padding.
        low: Elements added in front; negative takes away.
        high: Elements added behind; negative takes away.
        mode: zeros (or constant), reflect (the edge is not repeated), replicate or circular.
    """
    places = np.arange(-low, extent + high)
    if mode == "replicate":
        return np.clip(places, 0, extent - 1)
    if mode == "circular":
        return places % extent
    if mode == "reflect":
        if extent == 1:
            return np.zeros_like(places)
        folded = places % (2 * extent - 2)
        return np.where(folded < extent, folded, 2 * extent - 2 - folded)
    return np.where((places >= 0) & (places < extent), places, -1)


def pad(x: Array, amounts: Sequence[tuple[int, int]], mode: str = "zeros", value: float = 0) -> Array:
    """Return `x` padded in its last dimensions, one (low, high) for each of them, first to last."""
    for dim, (low, high) in zip(range(x.ndim - len(amounts), x.ndim), amounts, strict=True):
        places = source_places(x.shape[dim], low, high, mode)
        shape = [1] * x.ndim
        shape[dim] = places.size
        x = np.where(
            (places < 0).reshape(shape), np.asarray(value, dtype=x.dtype), np.take(x, np.maximum(places, 0), dim)
        )
    return x


def pad_gradient(g: Array, extents: Ints, amounts: Sequence[tuple[int, int]], mode: str = "zeros") -> Array:
    """Return the gradient of `pad` with respect to its input, whose last extents were `extents`."""
    first = g.ndim - len(amounts)
    for number, (low, high) in enumerate(amounts):
        places = source_places(extents[number], low, high, mode)
        kept = np.flatnonzero(places >= 0)
        lead = np.moveaxis(g, first + number, 0)
        total = np.zeros((extents[number], *lead.shape[1:]), dtype=g.dtype)
        np.add.at(total, places[kept], lead[kept])
        g = np.moveaxis(total, 0, first + number)
    return g


def out_extents(extents: Ints, kernel: Ints, stride: Ints, dilation: Ints) -> tuple[int, ...]:
    """Return how often a dilated kernel fits into each (padded) extent."""
    options = zip(extents, kernel, stride, dilation, strict=True)
    return tuple((extent - step * (taps - 1) - 1) // move + 1 for extent, taps, move, step in options)


def _taps(kernel: Ints, stride: Ints, dilation: Ints, outs: Ints) -> Iterator[tuple[Any, Any]]:
    """Yield the index of each tap of a kernel, and of what it meets, in the last dimensions."""
    for tap in itertools.product(*map(range, kernel)):
        options = zip(tap, stride, dilation, outs, strict=True)
        slices = [slice(t * step, t * step + move * (out - 1) + 1, move) for t, move, step, out in options]
        yield (Ellipsis, *tap), (Ellipsis, *slices)


def correlate(x: Array, w: Array, stride: Ints, dilation: Ints, groups: int = 1) -> Array:
    """Return the convolution of a padded input: each output adds weight times input over channels and taps."""
    kernel = w.shape[2:]
    outs = out_extents(x.shape[2:], kernel, stride, dilation)
    xs = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    ws = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    y = np.zeros((x.shape[0], groups, ws.shape[1], *outs), dtype=x.dtype)
    for tap, met in _taps(kernel, stride, dilation, outs):
        y += np.einsum("ngi...,goi->ngo...", xs[met], ws[tap])
    return y.reshape(x.shape[0], w.shape[0], *outs)


def correlate_input_gradient(g: Array, w: Array, extents: Ints, stride: Ints, dilation: Ints, groups: int = 1) -> Array:
    """Return the gradient of `correlate` with respect to an input of these (padded) extents."""
    kernel, outs = w.shape[2:], g.shape[2:]
    gs = g.reshape(g.shape[0], groups, -1, *outs)
    ws = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    x = np.zeros((g.shape[0], groups, w.shape[1], *extents), dtype=g.dtype)
    for tap, met in _taps(kernel, stride, dilation, outs):
        x[met] += np.einsum("ngo...,goi->ngi...", gs, ws[tap])
    return x.reshape(g.shape[0], groups * w.shape[1], *extents)


def correlate_weight_gradient(g: Array, x: Array, kernel: Ints, stride: Ints, dilation: Ints, groups: int = 1) -> Array:
    """Return the gradient of `correlate` with respect to its weight."""
    outs = g.shape[2:]
    gs = g.reshape(g.shape[0], groups, -1, math.prod(outs))
    xs = x.reshape(x.shape[0], groups, -1, *x.shape[2:])
    w = np.zeros((groups, gs.shape[2], xs.shape[2], *kernel), dtype=g.dtype)
    for tap, met in _taps(kernel, stride, dilation, outs):
        part = xs[met].reshape(*xs.shape[:3], -1)
        w[tap] = np.einsum("ngil,ngol->goi", part, gs)
    return w.reshape(-1, xs.shape[2], *kernel)


def bias_gradient(g: Array) -> Array:
    """Return the gradient of a bias per channel: the sum over batch and extents."""
    return np.asarray(g.sum(axis=(0, *range(2, g.ndim)), dtype=g.dtype))


def with_bias(y: Array, bias: Array | None) -> Array:
    """Return `y` with a number added to each channel."""
    return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))


def same_amounts(kernel: Ints, dilation: Ints) -> list[tuple[int, int]]:
    """Return the padding that keeps extents at stride 1; an odd total adds the extra one behind."""
    totals = [step * (taps - 1) for taps, step in zip(kernel, dilation, strict=True)]
    return [(total // 2, total - total // 2) for total in totals]


def transposed_extents(
    extents: Ints, kernel: Ints, stride: Ints, padding: Ints, output_padding: Ints, dilation: Ints
) -> tuple[int, ...]:
    """Return the extents of a transposed convolution's result."""
    options = zip(extents, kernel, stride, padding, output_padding, dilation, strict=True)
    return tuple((n - 1) * move - 2 * p + step * (k - 1) + extra + 1 for n, k, move, p, extra, step in options)


def transposed(
    x: Array, w: Array, stride: Ints, padding: Ints, output_padding: Ints, dilation: Ints, groups: int = 1
) -> Array:
    """Return the transposed convolution; `w` is (channels, out channels / groups, *kernel)."""
    none = (0,) * len(stride)
    full = transposed_extents(x.shape[2:], w.shape[2:], stride, none, output_padding, dilation)
    y = correlate_input_gradient(x, w, full, stride, dilation, groups)
    return pad(y, [(-each, -each) for each in padding])


def unfold(x: Array, kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Array:
    """Return sliding blocks as columns: (batch, channels * taps, blocks)."""
    x = pad(x, [(each, each) for each in padding])
    outs = out_extents(x.shape[2:], kernel, stride, dilation)
    blocks = [x[met] for _, met in _taps(kernel, stride, dilation, outs)]
    return np.stack(blocks, axis=2).reshape(x.shape[0], -1, math.prod(outs))


def fold(columns: Array, extents: Ints, kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Array:
    """Return the sum of sliding blocks, each put back at its place in an image of these extents."""
    wide = tuple(extent + 2 * each for extent, each in zip(extents, padding, strict=True))
    outs = out_extents(wide, kernel, stride, dilation)
    channels = columns.shape[1] // math.prod(kernel)
    blocks = columns.reshape(columns.shape[0], channels, math.prod(kernel), *outs)
    x = np.zeros((columns.shape[0], channels, *wide), dtype=columns.dtype)
    for number, (_, met) in enumerate(_taps(kernel, stride, dilation, outs)):
        x[met] += blocks[:, :, number]
    return pad(x, [(-each, -each) for each in padding])
