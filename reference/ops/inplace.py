"""What methods that write their tensor must store, computed by NumPy on arrays of the tensor's dtype.

Every function takes the tensor's elements and the method's arguments and returns the new elements. Arithmetic is done
in float64, complex128, or, for integers, modulo 2**bits, and converted once; callers use values with exact results.

Source: PyTorch documentation, torch.Tensor (the methods, and those without underscore that they are versions of).
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import finfo, is_complex, name_of

Array = npt.NDArray[Any]
Function = Callable[..., Array]


def _wide(value: Any) -> Array:
    """Return values in a type in which sums and products of small ones are exact; bool counts as an integer."""
    array = np.asarray(value)
    if array.dtype.kind in "biu":
        return array.astype(np.uint64 if array.dtype == np.uint64 else np.int64)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def _like(a: Array, value: Any) -> Array:
    """Return values converted to the dtype of a."""
    return np.asarray(cast(np.asarray(value), name_of(a.dtype)))


def addcmul(a: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    """Return a + value tensor1 tensor2."""
    return _like(a, _wide(a) + value * _wide(tensor1) * _wide(tensor2))


def addcdiv(a: Array, tensor1: Array, tensor2: Array, *, value: float = 1) -> Array:
    """Return a + value tensor1 / tensor2."""
    return _like(a, _wide(a) + value * _wide(tensor1) / _wide(tensor2))


def lerp(a: Array, end: Array, weight: Any) -> Array:
    """Return a + weight (end - a)."""
    return _like(a, _wide(a) + _wide(weight) * (_wide(end) - _wide(a)))


def clamp(a: Array, min: Any = None, max: Any = None) -> Array:  # noqa: A002
    """Return min(max(a, min), max); NaN stays NaN."""
    result = _wide(a)
    if min is not None:
        result = np.maximum(result, _wide(min))
    if max is not None:
        result = np.minimum(result, _wide(max))
    return _like(a, result)


def clamp_max(a: Array, max: Any) -> Array:  # noqa: A002
    """Return min(a, max)."""
    return clamp(a, None, max)


def fill(a: Array, value: Any) -> Array:
    """Return the value everywhere."""
    return np.asarray(np.broadcast_to(_like(a, value), a.shape).copy())


def zero(a: Array) -> Array:
    """Return 0 everywhere."""
    return np.zeros_like(a)


def copy(a: Array, src: Array, non_blocking: bool = False) -> Array:  # noqa: ARG001, FBT001, FBT002
    """Return src, broadcast, in a's dtype."""
    return np.asarray(np.broadcast_to(_like(a, src), a.shape).copy())


def masked_fill(a: Array, mask: Array, value: Any) -> Array:
    """Return the value where the mask is true."""
    return np.where(mask, _like(a, value), a)


def masked_scatter(a: Array, mask: Array, source: Array) -> Array:
    """Return elements of source, in order, where the mask is true."""
    result, places = a.copy(), np.broadcast_to(mask, a.shape)
    result[places] = source.reshape(-1)[: int(places.sum())]
    return np.asarray(result)


def nan_to_num(a: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """Return numbers in place of NaN and infinities, the largest finite ones where none are given."""
    facts = finfo(name_of(a.dtype))
    wide = _wide(a)
    wide = np.where(np.isposinf(wide), facts.max if posinf is None else posinf, wide)
    wide = np.where(np.isneginf(wide), -facts.max if neginf is None else neginf, wide)
    return _like(a, np.where(np.isnan(wide), nan, wide))


def sgn(a: Array) -> Array:
    """Return -1, 0 or 1 for real numbers."""
    return _like(a, (a > 0).astype(np.int64) - (a < 0).astype(np.int64))


def relu(a: Array) -> Array:
    """Return max(a, 0) for numbers."""
    return np.where(a > 0, a, np.zeros_like(a))


def conj_physical(a: Array) -> Array:
    """Return the complex conjugate."""
    return np.conjugate(a) if is_complex(name_of(a.dtype)) else a.copy()


def power(a: Array, exponent: Any) -> Array:
    """Return a to a power, by whole numbers."""
    return _like(a, _wide(a) ** int(exponent))


def ldexp(a: Array, other: Array) -> Array:
    """Return a 2**other."""
    return _like(a, np.ldexp(_wide(a), other))


def nextafter(a: Array, other: Array) -> Array:
    """Return the next value of the dtype toward other."""
    return np.asarray(np.nextafter(a, other))


def index_add(a: Array, dim: int, index: Array, source: Array, *, alpha: float = 1) -> Array:
    """Return a with alpha times each row of source added to the row that index names, repeated ones each time."""
    result = _wide(a)
    np.add.at(np.moveaxis(result, dim, 0), index, np.moveaxis(alpha * _wide(source), dim, 0))
    return _like(a, result)


def index_copy(a: Array, dim: int, index: Array, source: Array) -> Array:
    """Return a with the rows that index names replaced by those of source."""
    result = a.copy()
    np.moveaxis(result, dim, 0)[index] = np.moveaxis(source, dim, 0)
    return np.asarray(result)


def index_fill(a: Array, dim: int, index: Array, value: Any) -> Array:
    """Return a with the rows that index names filled with a value."""
    result = a.copy()
    np.moveaxis(result, dim, 0)[index] = _like(a, value)
    return np.asarray(result)


def index_put(a: Array, indices: tuple[Array, ...], values: Array, accumulate: bool = False) -> Array:  # noqa: FBT001, FBT002
    """Return a with values stored at, or added to, the elements that indices name."""
    result = a.copy()
    if accumulate:
        np.add.at(result, indices, values)
    else:
        result[indices] = values
    return np.asarray(result)


def _reduced(old: Array, new: Array, reduce: str) -> Array:
    functions: dict[str, Function] = {"sum": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}
    return functions[reduce](old, new)


def index_reduce(
    a: Array,
    dim: int,
    index: Array,
    source: Array,
    reduce: str,
    *,
    include_self: bool = True,
) -> Array:
    """Return a with the rows of source reduced into the rows that index names."""
    result = np.moveaxis(_wide(a), dim, 0).copy()
    rows = np.moveaxis(_wide(source), dim, 0)
    touched: set[int] = set()
    for place, row in zip(index.tolist(), rows, strict=True):
        first = not include_self and place not in touched
        result[place] = row if first else _reduced(result[place], row, reduce)
        touched.add(place)
    return _like(a, np.moveaxis(result, 0, dim))


def put(a: Array, index: Array, source: Array, accumulate: bool = False) -> Array:  # noqa: FBT001, FBT002
    """Return a with source stored at, or added to, places counted in row-major order."""
    result = _wide(a).reshape(-1)
    if accumulate:
        np.add.at(result, index, _wide(source))
    else:
        result[index] = _wide(source)
    return _like(a, result.reshape(a.shape))


def scatter(a: Array, dim: int, index: Array, src: Any = None, *, value: Any = None) -> Array:
    """Return a with src, or a value, stored along a dimension where index says; no place is named twice."""
    result = a.copy()
    values = np.broadcast_to(_like(a, value if src is None else src), index.shape)
    np.put_along_axis(result, index, values, axis=dim)
    return np.asarray(result)


def scatter_add(a: Array, dim: int, index: Array, src: Array) -> Array:
    """Return a with src added along a dimension where index says; no place is named twice."""
    return scatter_reduce(a, dim, index, src, "sum")


def scatter_reduce(
    a: Array,
    dim: int,
    index: Array,
    src: Array,
    reduce: str,
    *,
    include_self: bool = True,
) -> Array:
    """Return a with src reduced along a dimension into where index says; no place is named twice."""
    wide = _wide(a)
    old = np.take_along_axis(wide, index, axis=dim)
    new = _reduced(old, _wide(src), reduce) if include_self else _wide(src)
    np.put_along_axis(wide, index, new, axis=dim)
    return _like(a, wide)


def tril(a: Array, diagonal: int = 0) -> Array:
    """Return the lower triangles, 0 elsewhere."""
    keep = np.tri(a.shape[-2], a.shape[-1], diagonal, dtype=np.bool_)
    return np.where(keep, a, np.zeros_like(a))


def triu(a: Array, diagonal: int = 0) -> Array:
    """Return the upper triangles, 0 elsewhere."""
    keep = np.tri(a.shape[-2], a.shape[-1], diagonal - 1, dtype=np.bool_)
    return np.where(keep, np.zeros_like(a), a)


def fill_diagonal(a: Array, fill_value: Any, wrap: bool = False) -> Array:  # noqa: FBT001, FBT002
    """Return a matrix with its diagonal filled; `wrap` begins again below it in tall ones."""
    rows, columns = a.shape
    result = a.copy().reshape(-1)
    stop = None if wrap else min(rows, columns) * (columns + 1)
    result[: stop : columns + 1] = _like(a, fill_value)
    return np.asarray(result.reshape(a.shape))


def cumsum(a: Array, dim: int) -> Array:
    """Return sums from the beginning of a dimension."""
    return _like(a, np.cumsum(_wide(a), axis=dim))


def cumprod(a: Array, dim: int) -> Array:
    """Return products from the beginning of a dimension."""
    return _like(a, np.cumprod(_wide(a), axis=dim))


def addmm(a: Array, mat1: Array, mat2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """Return beta a + alpha mat1 mat2, for matrices and batches of them."""
    return _like(a, beta * _wide(a) + alpha * (_wide(mat1) @ _wide(mat2)))


def addmv(a: Array, mat: Array, vec: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """Return beta a + alpha mat vec."""
    return addmm(a, mat, vec, beta=beta, alpha=alpha)


def baddbmm(a: Array, batch1: Array, batch2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """Return beta a + alpha batch1 batch2, batch by batch."""
    return addmm(a, batch1, batch2, beta=beta, alpha=alpha)


def addbmm(a: Array, batch1: Array, batch2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """Return beta a + alpha times the sum over batches of batch1 batch2."""
    total = (_wide(batch1) @ _wide(batch2)).sum(axis=0)
    return _like(a, beta * _wide(a) + alpha * total)


def addr(a: Array, vec1: Array, vec2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """Return beta a + alpha vec1 vec2^T."""
    return _like(a, beta * _wide(a) + alpha * np.outer(_wide(vec1), _wide(vec2)))


def add(a: Array, other: Any, *, alpha: float = 1) -> Array:
    """Return a + alpha other, modulo 2**bits for integers; a bool sum is an or."""
    if a.dtype == np.bool_:
        return np.asarray(a | (_like(a, other) & bool(alpha)))
    return _like(a, _wide(a) + alpha * _wide(other))


METHODS: MappingProxyType[str, Function] = MappingProxyType(
    {
        **{function.__name__: function for function in (addcmul, addcdiv, lerp, clamp, clamp_max, fill, zero, copy)},
        **{function.__name__: function for function in (masked_fill, masked_scatter, nan_to_num, sgn, relu)},
        **{function.__name__: function for function in (conj_physical, ldexp, nextafter, index_add, index_copy)},
        **{function.__name__: function for function in (index_fill, index_put, index_reduce, put, scatter)},
        **{function.__name__: function for function in (scatter_add, scatter_reduce, tril, triu, fill_diagonal)},
        **{function.__name__: function for function in (cumsum, cumprod, addmm, addmv, addbmm, baddbmm, addr, add)},
        "clip": clamp,
        "clamp_min": clamp,
        "float_power": power,
    }
)
