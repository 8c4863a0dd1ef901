"""Tensors made from data, sizes and ranges.

Source: PyTorch documentation, torch.tensor, torch.full, torch.arange, torch.linspace, torch.logspace, torch.eye,
torch.memory_format. Bounds of floating ranges are in `ranges`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import NAMES, name_of, numpy_dtype
from torch_conformance.reference.model.promotion import number_dtype, promote_types
from torch_conformance.reference.model.strided import row_major

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_NUMBERS: dict[type, type[np.generic]] = {
    bool: np.bool_,
    int: np.int64,
    float: np.float64,
    complex: np.complex128,
}
"""What a Python number is before it is converted to an element, once."""


class RaggedError(ValueError):
    """Nested sequences of unequal length have no shape."""


def scalar_dtype(value: object, default: str = "float32") -> str:
    """Return the dtype that torch.tensor gives a Python number, or a NumPy scalar or array.

    Raises:
        TypeError: For other types, and for a complex number where the default implies no complex dtype.
        KeyError: For a NumPy dtype that torch does not have.
    """
    if isinstance(value, np.ndarray | np.generic):
        return name_of(value.dtype)
    for kind in (bool, int, float, complex):
        if isinstance(value, kind):
            return number_dtype(kind.__name__, default)
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
    """Return the dtype that torch.tensor infers: those of the data's leaves promoted; the default for no leaf.

    Raises:
        TypeError: For leaves without a dtype, or whose promotion is not documented.
    """
    names = {scalar_dtype(leaf, default) for leaf in _leaves(data)}
    if len(names) == 1:
        return names.pop()
    # Promotion is associative where it is documented; sorted, so that a refusal does not depend on the order of a set.
    return functools.reduce(promote_types, sorted(names, key=NAMES.index)) if names else default


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
        OverflowError: For an int outside int64.
    """
    target = dtype or infer(data, default)
    if isinstance(data, np.ndarray):
        return cast(data, target)
    shape = shape_of(data)
    leaves = _leaves(data)
    kinds = {type(leaf) for leaf in leaves}
    if len(kinds) == 1 and kinds <= _NUMBERS.keys():
        return cast(np.array(leaves, dtype=_NUMBERS[kinds.pop()]), target).reshape(shape)
    parts = [_elements(leaf, target).ravel() for leaf in leaves]
    result = np.concatenate(parts) if parts else np.zeros(0, dtype=numpy_dtype(target))
    return result.reshape(shape)


def _elements(leaf: Any, target: str) -> Array:
    """Return a leaf as elements: Python numbers are double or 64-bit, and converted once."""
    dtype = None if isinstance(leaf, np.generic | np.ndarray) else _NUMBERS[type(leaf)]
    return cast(np.asarray(leaf, dtype=dtype), target)


def full_dtype(fill: object, default: str = "float32") -> str:
    """Return the dtype that torch.full infers from a fill value: bool, int64, the default float or complex."""
    return scalar_dtype(fill, default)


def full(size: Size, fill: complex, dtype: str | None = None, default: str = "float32") -> Array:
    """Return a tensor filled with a value: a Python number, or a NumPy scalar.

    A fill that does not fit the dtype is converted by `cast`; what torch.full does with it is not documented.
    """
    target = dtype or full_dtype(fill, default)
    return np.full(size, _elements(fill, target), dtype=numpy_dtype(target))


def zeros(size: Size, dtype: str = "float32") -> Array:
    """Return a tensor of zeros."""
    return np.zeros(size, dtype=numpy_dtype(dtype))


def ones(size: Size, dtype: str = "float32") -> Array:
    """Return a tensor of ones."""
    return np.ones(size, dtype=numpy_dtype(dtype))


def eye(rows: int, columns: int | None = None, dtype: str = "float32") -> Array:
    """Return ones where row and column are equal, and zeros elsewhere; square without columns."""
    return np.eye(rows, columns, dtype=numpy_dtype(dtype))


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


def linspace(start: float, end: float, steps: int) -> list[Fraction]:
    """Return the exact values of linspace: steps of them, evenly spaced, both ends included.

    Raises:
        ValueError: For negative steps, or ends that are not finite.
    """
    if steps < 0 or not (math.isfinite(start) and math.isfinite(end)):
        raise ValueError("steps are not negative, and start and end are finite")
    first, last = Fraction(start), Fraction(end)
    if steps == 1:
        return [first]
    return [first + (last - first) * index / (steps - 1) for index in range(steps)]


def rounded(values: Sequence[Fraction], dtype: str) -> Array:
    """Return exact values as float64, or as longdouble for the dtypes of which float64 would be the rounding."""
    if dtype in ("float64", "complex128"):
        return np.array([_longdouble(value) for value in values], dtype=np.longdouble)
    return np.array([float(value) for value in values], dtype=np.float64)


def _longdouble(value: Fraction) -> np.longdouble:
    high = float(value)
    total: np.longdouble = np.longdouble(high) + np.longdouble(float(value - Fraction(high)))
    return total


def channels_last_strides(size: Size) -> tuple[int, ...]:
    """Return the strides of torch.channels_last (4 dimensions) or torch.channels_last_3d (5).

    Raises:
        ValueError: For another rank.
    """
    if len(size) not in (4, 5):
        raise ValueError(f"channels-last is for 4 or 5 dimensions, not {len(size)}")
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

    A non-overlapping and dense tensor's strides are kept (torch.preserve_format). Of others the pages disagree:
    "Tensor Attributes" says that the strides follow torch.contiguous_format, torch.empty_like that "the output is
    converted to the dense format"; where those two (`row_major`, `dense_strides`) are one, that one.

    Returns:
        Strides in elements; None for a tensor of zero elements, and where the documentation gives no one answer: the
        two disagree, or a tensor that is not dense has a dimension of size 1, whose stride is then anything.
    """
    if 0 in size:
        return None
    if is_non_overlapping_and_dense(size, stride):
        return tuple(stride)
    dense = dense_strides(size, stride)
    return dense if dense == row_major(size) and 1 not in size else None


def dense_strides(size: Size, stride: Sequence[int]) -> tuple[int, ...] | None:
    """Return the strides without gaps that keep the order in which a tensor's dimensions lie in memory.

    Returns:
        Strides in elements; None where two dimensions of more than one element have equal strides, or one has stride
        0, since the order is then not given by the strides. The stride of a dimension of size 1 means nothing.
    """
    spread = [step for step, extent in zip(stride, size, strict=True) if extent != 1]
    if len(set(spread)) < len(spread) or 0 in spread:
        return None
    return _strides_in_order(size, sorted(range(len(size)), key=lambda dim: -stride[dim]))
