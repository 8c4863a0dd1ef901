"""Tensors made from data, sizes and ranges.

Source: PyTorch documentation, torch.tensor, torch.full, torch.arange, torch.linspace, torch.logspace, torch.eye,
torch.memory_format.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from torch_conformance.reference.casting import cast
from torch_conformance.reference.dtypes import finfo, name_of, numpy_dtype
from torch_conformance.reference.promotion import promote_types
from torch_conformance.reference.strided import row_major

Array = npt.NDArray[Any]
Size = tuple[int, ...]


class RaggedError(ValueError):
    """Nested sequences of unequal length have no shape."""


def scalar_dtype(value: object, default: str = "float32") -> str:
    """Return the dtype that torch.tensor gives a Python or NumPy scalar."""
    if isinstance(value, np.ndarray | np.generic):
        return name_of(value.dtype)
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64"
    if isinstance(value, float):
        return default
    if isinstance(value, complex):
        return "complex128" if default == "float64" else "complex64"
    raise TypeError(f"no dtype is documented for {type(value).__name__}")


def shape_of(data: Any) -> Size:
    """Return the shape of nested lists and tuples.

    Raises:
        RaggedError: When sequences of one level differ in length, or mix with scalars.
    """
    if isinstance(data, np.ndarray):
        return tuple(int(extent) for extent in data.shape)
    if not isinstance(data, list | tuple):
        return ()
    shapes = {shape_of(item) for item in data}
    if len(shapes) > 1:
        raise RaggedError("sequences of unequal length have no shape")
    return (len(data), *(shapes.pop() if shapes else ()))


def infer(data: Any, default: str = "float32") -> str:
    """Return the dtype that torch.tensor infers: that of the data's leaves promoted; the default for no leaf."""
    leaves = _leaves(data)
    if not leaves:
        return default
    dtype = scalar_dtype(leaves[0], default)
    for leaf in leaves[1:]:
        dtype = promote_types(dtype, scalar_dtype(leaf, default))
    return dtype


def _leaves(data: Any) -> list[Any]:
    if isinstance(data, list | tuple):
        return [leaf for item in data for leaf in _leaves(item)]
    return [data]


def tensor(data: Any, dtype: str | None = None, default: str = "float32") -> Array:
    """Return the elements of torch.tensor(data).

    Args:
        data: A scalar, nested lists or tuples of scalars, or a NumPy array.
        dtype: The asked dtype; inferred where None.
        default: The default floating dtype.

    Raises:
        RaggedError: For nested sequences without a shape.
    """
    target = dtype or infer(data, default)
    shape = shape_of(data)
    if isinstance(data, np.ndarray):
        return cast(data, target)
    result = np.zeros(math.prod(shape), dtype=numpy_dtype(target))
    for index, leaf in enumerate(_leaves(data)[: result.size]):
        result[index] = _leaf(leaf, target)
    return result.reshape(shape)


def _leaf(leaf: Any, target: str) -> Any:
    """Return a leaf as an element: Python numbers are double or 64-bit, and converted once."""
    if isinstance(leaf, np.generic | np.ndarray):
        return cast(np.asarray(leaf), target)[()]
    kind = {bool: np.bool_, int: np.int64, float: np.float64, complex: np.complex128}[type(leaf)]
    return cast(np.asarray(leaf, dtype=kind), target)[()]


def full_dtype(fill: object, default: str = "float32") -> str:
    """Return the dtype that torch.full infers from a fill value: bool, int64, the default float or complex."""
    return scalar_dtype(fill, default)


def full(size: Size, fill: bool | complex, dtype: str | None = None, default: str = "float32") -> Array:
    """Return a tensor filled with a value."""
    target = dtype or full_dtype(fill, default)
    return np.full(size, _leaf(fill, target), dtype=numpy_dtype(target))


def eye(rows: int, columns: int, dtype: str = "float32") -> Array:
    """Return ones where row and column are equal, and zeros elsewhere."""
    return np.asarray(np.arange(rows)[:, None] == np.arange(columns)[None, :]).astype(numpy_dtype(dtype))


def arange_dtype(*bounds: object, default: str = "float32") -> str:
    """Return the dtype that torch.arange infers: the default float if any argument is a float, else int64."""
    return default if any(isinstance(bound, float) for bound in bounds) else "int64"


def arange_length(start: float, end: float, step: float) -> int:
    """Return ceil((end - start) / step) of the arguments as written, in exact arithmetic; at least 0.

    Raises:
        ValueError: For step 0, a step that leads away from the end, or arguments that are not finite.
    """
    if not all(math.isfinite(value) for value in (start, end, step)):
        raise ValueError("start, end and step are finite")
    if step == 0:
        raise ValueError("step is not zero")
    steps = (Fraction(end) - Fraction(start)) / Fraction(step)
    if steps < 0:
        raise ValueError("step leads from start to end")
    return math.ceil(steps)


def arange_is_decided(start: float, end: float, step: float) -> bool:
    """Return whether every documented way of computing the length gives the same one.

    The quotient is computed in float64: where the exact one lies within a few roundings of a whole number, the
    length is that number or the next.
    """
    steps = (Fraction(end) - Fraction(start)) / Fraction(step)
    if all(isinstance(value, int) for value in (start, end, step)):
        return True
    distance = abs(steps - round(steps))
    spread = (abs(Fraction(start)) + abs(Fraction(end))) / abs(Fraction(step)) + abs(steps)
    return (distance == 0 and _exact_in_double(start, end, step)) or distance > spread * Fraction(4, 2**53)


def _exact_in_double(start: float, end: float, step: float) -> bool:
    difference = Fraction(end) - Fraction(start)
    return Fraction(float(difference)) == difference and Fraction(
        float(difference / Fraction(step))
    ) == difference / Fraction(step)


def arange(start: float, end: float, step: float) -> list[Fraction]:
    """Return the exact values start + i * step."""
    first, each = Fraction(start), Fraction(step)
    return [first + index * each for index in range(arange_length(start, end, step))]


def arange_integers(start: int, end: int, step: int, dtype: str) -> Array:
    """Return arange of integers, exact, in an integral or floating dtype that holds every value."""
    length = arange_length(start, end, step)
    values = np.array([start + index * step for index in range(length)], dtype=object)
    return values.astype(numpy_dtype(dtype)) if length else np.zeros(0, dtype=numpy_dtype(dtype))


def arange_bound(start: float, end: float, step: float, dtype: str) -> float:
    """Return how far an element of a floating arange may lie from start + i * step, absolutely.

    An element is at most: start and step rounded to the dtype in which values are accumulated (the result's dtype or
    wider), one product and one sum, and one rounding to the result. With u the unit roundoff of the result's dtype
    and M = max(|start|, |end|) + |step| the bound is (u|step| i + u|start|) + u|i step| + u M + u M <= 5 u M' where
    M' = |start| + |end - start| + |step|. A vectorised kernel adds a base of i * step per vector to a lane's offset:
    two products and one sum more, 3 u M'.
    """
    largest = abs(start) + abs(end - start) + abs(step)
    return 8 * finfo(dtype).eps / 2 * largest + finfo(dtype).smallest_subnormal


def linspace(start: float, end: float, steps: int) -> list[Fraction]:
    """Return the exact values of linspace: steps of them, evenly spaced, both ends included."""
    first, last = Fraction(start), Fraction(end)
    if steps == 1:
        return [first]
    return [first + (last - first) * index / (steps - 1) for index in range(steps)]


def linspace_bound(start: float, end: float, dtype: str) -> float:
    """Return how far an element of a floating linspace may lie from the exact one, absolutely.

    The ends are rounded to the dtype (u|start|, u|end|), their difference and its quotient by steps - 1 are rounded
    (2u relative of each step, at most half the steps are added from the nearer end, or all of them from the start),
    the product and the sum are rounded. With M = max(|start|, |end|), |end - start| <= 2M: u M + 2u 2M + u 2M + u M
    + the ends' u M twice = 10 u M; a vectorised kernel splits the product once more, 2 u M.
    """
    largest = max(abs(start), abs(end))
    return 12 * finfo(dtype).eps / 2 * largest + 4 * finfo(dtype).smallest_subnormal


def rounded(values: Sequence[Fraction], dtype: str) -> Array:
    """Return exact values in a float type that is at least as wide as a floating dtype: float64 or longdouble."""
    if dtype in ("float64", "complex128"):
        return np.array([_longdouble(value) for value in values], dtype=np.longdouble)
    return np.array([float(value) for value in values], dtype=np.float64)


def _longdouble(value: Fraction) -> np.longdouble:
    high = float(value)
    return np.longdouble(np.longdouble(high) + np.longdouble(float(value - Fraction(high))))


def channels_last_strides(size: Size) -> tuple[int, ...]:
    """Return the strides of torch.channels_last (4 dimensions) or torch.channels_last_3d (5)."""
    order = [0, *range(2, len(size)), 1]
    return _strides_in_order(size, order)


def _strides_in_order(size: Size, order: Sequence[int]) -> tuple[int, ...]:
    dense = row_major(tuple(size[dim] for dim in order))
    strides = [0] * len(size)
    for position, dim in enumerate(order):
        strides[dim] = dense[position]
    return tuple(strides)


def is_non_overlapping_and_dense(size: Size, stride: Sequence[int]) -> bool:
    """Return whether the elements fill one block of storage, each place once, in some order of the dimensions."""
    dims = sorted((step, extent) for step, extent in zip(stride, size, strict=True) if extent != 1)
    expected = 1
    for step, extent in dims:
        if step != expected:
            return False
        expected *= extent
    return True


def preserved_strides(size: Size, stride: Sequence[int]) -> tuple[int, ...] | None:
    """Return the strides of a result that preserves a tensor's format, where they are documented.

    A non-overlapping and dense tensor's strides are kept (torch.preserve_format). For others "the output strides
    follow torch.contiguous_format" or the order of the input's dimensions; None where that is not one answer.
    """
    if 0 in size:
        return None
    if is_non_overlapping_and_dense(size, stride):
        return tuple(stride)
    return None
