"""Values with a running bound on the rounding error of any reasonable way to compute them.

Every operation is worked out wide, and beside it a bound on how far the result in the dtype may lie from it: what the
operands' bounds let through, to first order, and the roundings of the operation itself (Higham, "Accuracy and Stability
of Numerical Algorithms", sections 3.1 to 3.3). A sum, difference or product of operands without error whose result the
dtype holds has no error, in whatever order it is computed.

Source: IEEE 754; PyTorch documentation, "Numerical accuracy".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo, is_complex, numpy_dtype, real_of
from torch_conformance.reference.ops.reductions import accumulation_unit, gamma, unit_roundoff, whole_limit, wide

Array = npt.NDArray[Any]

# Units in the last place of an elementary function: vector and CUDA libraries state 1 to 4.
ELEMENTARY = 8
# Another order of operations, another but equal formula, and terms of second order.
_FREEDOM = 2.0
# Whole numbers of quanta are looked for down to this power of two.
_FINEST = 12


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """What a computation in a dtype may give.

    Attributes:
        values: The exact result, in a type wider than the dtype.
        error: How far a computed element may lie from it, as float64 of the same shape; 0 where it is exact.
        dtype: The dtype's name.
    """

    values: Array
    error: Array
    dtype: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return tuple(self.values.shape)

    @property
    def bound(self) -> Array:
        """How far an answer is accepted: the error, with room for other formulas; 0 where that says nothing."""
        return np.where(np.isfinite(self.error), _FREEDOM * self.error, 0)

    @property
    def unit(self) -> float:
        """The dtype's unit roundoff."""
        return unit_roundoff(self.dtype)


def exact(array: Array, dtype: str) -> Rounded:
    """Return elements of a dtype (in its own NumPy type, or in a type that holds them) as operands without error."""
    target = numpy_dtype(dtype)
    values = wide(np.asarray(array).astype(target))
    return Rounded(values, np.zeros(values.shape), dtype)


def constant(value: complex, like: Rounded) -> Rounded:
    """Return a number as an operand: without error where the dtype holds it, else rounded once."""
    values = np.asarray(value).astype(like.values.dtype)
    error = np.where(_held(values, like.dtype), 0, like.unit * np.abs(values)).astype(np.float64)
    return Rounded(values, error, like.dtype)


def _held(values: Array, dtype: str) -> Array:
    """Tell which values the dtype holds."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values.astype(numpy_dtype(dtype)).astype(values.dtype) == values)


def _moduli(values: Array) -> Array:
    return np.abs(values).astype(np.float64)


def _smallest(dtype: str) -> float:
    return finfo(real_of(dtype) if is_complex(dtype) else dtype).smallest_subnormal


def _rounded(values: Array, passed: Array, dtype: str, roundings: float) -> Rounded:
    """Return a result that carries its operands' errors and was rounded some times; complex ones count fourfold."""
    values = np.asarray(values)
    factor = (4 if is_complex(dtype) else 1) * roundings * unit_roundoff(dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        error = passed + factor * (_moduli(values) + passed) + _smallest(dtype)
    untouched = (passed == 0) & _held(values, dtype)
    return Rounded(values, np.where(untouched, 0.0, error), dtype)


def loosened(operand: Rounded, roundings: float) -> Rounded:
    """Return an operand that may have been rounded some times more, exact or not."""
    more = (4 if is_complex(operand.dtype) else 1) * roundings * operand.unit
    error = operand.error + more * _moduli(operand.values) + _smallest(operand.dtype)
    return Rounded(operand.values, np.asarray(error), operand.dtype)


def add(left: Rounded, right: Rounded) -> Rounded:
    """Return the sum of two operands."""
    return _rounded(left.values + right.values, left.error + right.error, left.dtype, 1)


def negative(operand: Rounded) -> Rounded:
    """Return the operand with the other sign."""
    return Rounded(-operand.values, operand.error, operand.dtype)


def conjugate(operand: Rounded) -> Rounded:
    """Return the complex conjugate."""
    return Rounded(np.conjugate(operand.values), operand.error, operand.dtype)


def multiply(left: Rounded, right: Rounded) -> Rounded:
    """Return the product of two operands; 0 times infinity is NaN."""
    with np.errstate(invalid="ignore", over="ignore"):
        passed = _moduli(left.values) * right.error + _moduli(right.values) * left.error + left.error * right.error
        return _rounded(left.values * right.values, passed, left.dtype, 1)


def divide(left: Rounded, right: Rounded) -> Rounded:
    """Return the quotient; exact by powers of two alone, since elsewhere formulas differ in what they divide."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        values = left.values / right.values
        room = _moduli(right.values) - right.error
        passed = np.where(room > 0, (left.error + _moduli(values) * right.error) / np.maximum(room, 1e-300), np.inf)
    result = _rounded(values, passed, left.dtype, 1)
    mantissa, _ = np.frexp(_moduli(right.values))
    return result if bool(np.all(mantissa == 0.5)) else loosened(result, 2)


def elementary(function: Callable[[Array], Array], slope: Callable[[Array], Array], operand: Rounded) -> Rounded:
    """Return a function of an operand that a library computes to a few units in the last place.

    Args:
        function: Takes wide values.
        slope: Its derivative, which passes errors on.
        operand: Its argument.
    """
    with np.errstate(all="ignore"):
        values = np.asarray(function(operand.values))
        passed = np.zeros(values.shape) if not operand.error.any() else _moduli(slope(operand.values)) * operand.error
    return loosened(Rounded(values, np.where(np.isnan(passed), 0, passed), operand.dtype), ELEMENTARY)


def _quantum(values: Array) -> float | None:
    """Return a power of two, at most 1, of which all values are whole multiples."""
    parts = (values.real, values.imag) if values.dtype.kind == "c" else (values,)
    for power in range(0, _FINEST + 1, 3):
        scale = 2.0**power
        if all(bool(np.all(np.isfinite(part) & (part * scale == np.rint(part * scale)))) for part in parts):
            return 1 / scale
    return None


def _summed(values: Array, magnitude: Array, passed: Array, count: int, dtype: str, quantum: float | None) -> Rounded:
    """Return a sum of `count` terms in any order, accumulated as `reductions.accumulation_unit` has it."""
    whole = quantum is not None and float(magnitude.max(initial=0)) <= whole_limit(dtype) * quantum
    if whole and not passed.any():
        return Rounded(np.asarray(values), np.zeros(np.shape(values)), dtype)
    unit, own = unit_roundoff(dtype), accumulation_unit(dtype)
    factor = (4 if is_complex(dtype) else 1) * gamma(count, own) + (unit if unit != own else 0)
    error = passed * (1 + factor) + factor * magnitude + _smallest(dtype)
    return Rounded(np.asarray(values), np.asarray(error), dtype)


def total(operand: Rounded, along: tuple[int, ...], *, keepdim: bool = False) -> Rounded:
    """Return the sum over some dimensions, all counted from 0."""
    values = np.sum(operand.values, axis=along, keepdims=keepdim)
    magnitude = np.sum(_moduli(operand.values), axis=along, keepdims=keepdim)
    passed = np.sum(operand.error, axis=along, keepdims=keepdim)
    count = int(np.prod([operand.shape[dim] for dim in along], dtype=np.int64))
    return _summed(values, magnitude, passed, count, operand.dtype, _quantum(operand.values))


def running_total(operand: Rounded, dim: int) -> Rounded:
    """Return the running sum along a dimension."""
    values = np.cumsum(operand.values, axis=dim)
    magnitude, passed = (np.cumsum(each, axis=dim) for each in (_moduli(operand.values), operand.error))
    return _summed(values, magnitude, passed, operand.shape[dim], operand.dtype, _quantum(operand.values))


def accumulate(terms: list[Rounded]) -> Rounded:
    """Return the sum of terms of one shape, each partial sum of which is stored in the dtype, in any order."""
    if len(terms) == 1:
        return terms[0]
    dtype = terms[0].dtype
    stacked = np.stack([each.values for each in terms])
    values, magnitude = np.sum(stacked, axis=0), np.sum(_moduli(stacked), axis=0)
    passed = np.sum(np.stack([each.error for each in terms]), axis=0)
    plain = _summed(values, magnitude, passed, len(terms), dtype, _quantum(stacked))
    if not plain.error.any():
        return plain
    factor = (4 if is_complex(dtype) else 1) * gamma(len(terms), unit_roundoff(dtype))
    return Rounded(plain.values, np.asarray(plain.error + factor * (magnitude + passed)), dtype)


def matmul(left: Rounded, right: Rounded) -> Rounded:
    """Return the product of matrices, or of batches of them."""
    values = np.matmul(left.values, right.values)
    sizes = [_moduli(each.values) for each in (left, right)]
    magnitude = np.matmul(*sizes)
    passed = np.matmul(sizes[0] + left.error, right.error) + np.matmul(left.error, sizes[1])
    first, second = _quantum(left.values), _quantum(right.values)
    quantum = first * second if first is not None and second is not None else None
    return _summed(values, magnitude, passed, left.shape[-1], left.dtype, quantum)


def taken(operand: Rounded, places: Array) -> Rounded:
    """Return the elements at places of the flattened operand, in the shape of `places`."""
    return Rounded(operand.values.reshape(-1)[places], operand.error.reshape(-1)[places], operand.dtype)


def put(operand: Rounded, places: Array, shape: tuple[int, ...]) -> Rounded:
    """Return zeros of a shape with every element of the operand added at its place."""
    length = int(np.prod(shape, dtype=np.int64))
    sums = [np.zeros(length, kind) for kind in (operand.values.dtype, np.float64, np.float64)]
    for target, terms in zip(sums, (operand.values, _moduli(operand.values), operand.error), strict=True):
        np.add.at(target, places.reshape(-1), terms.reshape(-1))
    values, magnitude, passed = (each.reshape(shape) for each in sums)
    count = int(np.bincount(places.reshape(-1), minlength=1).max()) if places.size else 0
    if count <= 1:
        return Rounded(values, passed, operand.dtype)
    result = _summed(values, magnitude, passed, count, operand.dtype, _quantum(operand.values))
    if not result.error.any():
        return result
    # Sums of 16-bit elements may be kept in 16 bits there.
    factor = (4 if is_complex(operand.dtype) else 1) * gamma(count, operand.unit)
    return Rounded(result.values, np.asarray(result.error + factor * magnitude), operand.dtype)
