"""Order along a dimension: extremes, sorting, selection, counting.

NaN is larger than everything, 0.0 and -0.0 are equal. Of equal elements the first counts.

Source: PyTorch documentation, torch.max, torch.argmax, torch.sort, torch.topk, torch.kthvalue, torch.median,
torch.nanmedian, torch.cummax, torch.unique, torch.unique_consecutive, torch.bincount, torch.histc.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.ops.reductions import Dims, axes

Array = npt.NDArray[Any]


def ranks(array: Array) -> Array:
    """Return each element's place among the distinct values of the array, NaN last, as int64."""
    keys = array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iub" else array
    _, inverse = np.unique(keys, return_inverse=True)
    return np.asarray(inverse, dtype=np.int64).reshape(array.shape)


def sorted_values(array: Array, dim: int) -> Array:
    """Return the values in ascending order along a dimension, NaN last; of 0.0 and -0.0 either may come first."""
    keys = array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iub" else array
    return np.asarray(np.sort(keys, axis=dim)).astype(array.dtype)


def _at_least_1d(array: Array) -> Array:
    return array.reshape(1) if array.ndim == 0 else array


def _take(array: Array, indices: Array, dim: int) -> Array:
    return np.take_along_axis(_at_least_1d(array), _at_least_1d(indices), dim).reshape(indices.shape)


def argsort(array: Array, dim: int = -1, *, descending: bool = False) -> Array:
    """Return the order that a stable sort along a dimension finds, as int64."""
    if not array.ndim:
        return np.zeros((), np.int64)
    keys = ranks(array)
    return np.asarray(np.argsort(-keys if descending else keys, axis=dim, kind="stable"), dtype=np.int64)


def sort(array: Array, dim: int = -1, *, descending: bool = False) -> tuple[Array, Array]:
    """Return the values of a stable sort along a dimension, and their indices."""
    order = argsort(array, dim, descending=descending)
    return _take(array, order, dim), order


def topk(array: Array, k: int, dim: int = -1, *, largest: bool = True) -> Array:
    """Return the k first values along a dimension, sorted."""
    if not array.ndim:
        return np.array(array) if k else array.reshape(1)[:0]
    values = sorted_values(array, dim)
    return np.take(np.flip(values, dim) if largest else values, np.arange(k), axis=dim)


def kthvalue(array: Array, k: int, dim: int = -1, *, keepdim: bool = False) -> Array:
    """Return the k-th smallest value along a dimension, counted from 1."""
    if not array.ndim:
        return np.array(array)
    kept = np.take(sorted_values(array, dim), [k - 1], axis=dim)
    return kept if keepdim else np.squeeze(kept, axis=dim)


def median(array: Array, dim: int | None = None, *, keepdim: bool = False, ignore_nan: bool = False) -> Array:
    """Return the lower of the middle values; NaN where one is NaN, unless NaN is ignored."""
    lanes = array.reshape(-1) if dim is None else _at_least_1d(array)
    axis = 0 if dim is None or not array.ndim else dim
    values = sorted_values(lanes, axis)
    missing = np.isnan(values) if array.dtype.kind not in "iub" else np.zeros(values.shape, np.bool_)
    extent = lanes.shape[axis]
    if ignore_nan:
        present = np.sum(~missing, axis=axis, keepdims=True)
        place = np.maximum(present - 1, 0) // 2
    else:
        place = np.where(np.any(missing, axis=axis, keepdims=True), extent - 1, (extent - 1) // 2)
    kept = np.take_along_axis(values, place, axis)
    if dim is None:
        return kept.reshape(())
    if keepdim and array.ndim:
        return kept
    return np.squeeze(kept, axis=axis)


def extreme(array: Array, dim: Dims = None, *, largest: bool, keepdim: bool = False) -> Array:
    """Return the largest or smallest value over dimensions; NaN where one is NaN."""
    narrow = array.dtype.itemsize == 2 and array.dtype.kind not in "iub"
    values = array.astype(np.float32) if narrow else array
    along = axes(array.ndim, dim)
    with np.errstate(invalid="ignore"):
        result = (np.max if largest else np.min)(values, axis=along, keepdims=keepdim)
    return np.asarray(result).astype(array.dtype)


def argextreme(array: Array, dim: int | None = None, *, largest: bool, keepdim: bool = False) -> Array:
    """Return the index of the first largest (smallest) value, or of the first NaN; over all elements for None."""
    if not array.ndim:
        return np.zeros((), np.int64)
    # NumPy finds the first NaN, too.
    keys = array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind not in "iub" else array
    find = np.argmax if largest else np.argmin
    if dim is None:
        flat = np.asarray(find(keys.reshape(-1)), dtype=np.int64)
        return flat.reshape((1,) * array.ndim) if keepdim else flat
    return np.asarray(find(keys, axis=dim, keepdims=keepdim), dtype=np.int64)


def cumulative_extreme(array: Array, dim: int, *, largest: bool) -> Array:
    """Return the running maximum or minimum along a dimension; NaN from the first NaN on."""
    if not array.ndim:
        return np.array(array)
    narrow = array.dtype.itemsize == 2 and array.dtype.kind not in "iub"
    values = array.astype(np.float32) if narrow else array
    with np.errstate(invalid="ignore"):
        result = (np.maximum if largest else np.minimum).accumulate(values, axis=dim)
    return np.asarray(result).astype(array.dtype)


def unique(array: Array, dim: int | None = None) -> tuple[Array, Array, Array]:
    """Return the distinct values in order (or distinct slices along a dimension), inverse indices and counts."""
    narrow = array.dtype.itemsize == 2 and array.dtype.kind not in "iub"
    values = array.astype(np.float32) if narrow else array
    found, inverse, counts = np.unique(values, return_inverse=True, return_counts=True, axis=dim)
    shape = array.shape if dim is None else (array.shape[dim],)
    return found.astype(array.dtype), inverse.astype(np.int64).reshape(shape), counts.astype(np.int64)


def unique_consecutive(array: Array) -> tuple[Array, Array, Array]:
    """Return the first of each run of equal elements in row-major order, the run of each element, run lengths."""
    flat = array.reshape(-1)
    starts = np.ones(flat.size, np.bool_)
    starts[1:] = flat[1:] != flat[:-1]
    runs = np.cumsum(starts) - 1
    return flat[starts], runs.astype(np.int64).reshape(array.shape), np.bincount(runs).astype(np.int64)


def bincount(array: Array, weights: Array | None = None, minlength: int = 0) -> Array:
    """Return how often each non-negative integer occurs, or the sum of weights at each."""
    if weights is None:
        return np.bincount(array.astype(np.int64), minlength=minlength).astype(np.int64)
    return np.bincount(array.astype(np.int64), weights.astype(np.float64), minlength)


def histc(array: Array, bins: int, low: float, high: float) -> Array:
    """Return counts in `bins` equal bins of [low, high], the last one closed; from the data when low equals high."""
    values = array.astype(np.float64).reshape(-1)
    if low == high and values.size:
        low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 1, high + 1
    inside = values[(values >= low) & (values <= high)]
    place = np.minimum(np.floor((inside - low) * bins / (high - low)), bins - 1).astype(np.int64)
    return np.bincount(place, minlength=bins)
