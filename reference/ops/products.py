"""Products of vectors and matrices, each with a bound on the rounding error of any correct order of summation.

The bounds are those of `numerics.bounded_sums`; integers are exact modulo 2**bits. Where |A| |B| stays within the whole
numbers that the result's dtype holds and all elements are whole, every partial sum is exact, whatever the order,
blocking or precision of accumulation, and the bound is 0.

Source: PyTorch documentation, torch.matmul, torch.addmm, torch.einsum, torch.tensordot, torch.kron, torch.linalg.cross,
"Numerical accuracy", "CUDA semantics".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import COMPLEX, FLOATING, category, name_of, numpy_dtype
from torch_conformance.reference.numerics import bounded_sums
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.roundoff import all_whole, gamma, unit_roundoff, wide

Array = npt.NDArray[Any]


def _is_inexact(name: str) -> bool:
    return category(name) in (FLOATING, COMPLEX)


def _computing(arrays: Sequence[Array]) -> list[Array]:
    """Return operands in the type in which the reference multiplies: float64 where it is exact, else wider.

    Whole numbers below 2**20 have exact sums of fewer than 2**13 products of two, of any sign, in float64.
    """
    if all(each.size == 0 or float(np.max(np.abs(each))) < 2**20 for each in arrays) and all(map(all_whole, arrays)):
        kind = np.complex128 if any(each.dtype.kind == "c" for each in arrays) else np.float64
        return [each.astype(kind) for each in arrays]
    return [wide(each) for each in arrays]


def _moduli(array: Array) -> Array:
    """Return magnitudes in float64, in which bounds are computed."""
    return np.abs(wide(array)).astype(np.float64)


def contracted(values: Array, magnitude: Array, depth: int, dtype: str, *, whole: bool) -> Bounded:
    """Return a sum of `depth` products with its bound, in its own dtype where it is exact.

    Args:
        values: The sum, computed wider.
        magnitude: The sum of the moduli of the products.
        depth: How many roundings a summand may go through.
        dtype: The result's dtype.
        whole: Whether every factor is a whole number.
    """
    result = bounded_sums.contracted(values, magnitude, depth, dtype, step=1.0 if whole else None)
    return result if result.bound.any() else Bounded(values.astype(numpy_dtype(dtype)), result.bound, dtype)


def einsum(equation: str, *operands: Array) -> Bounded:
    """Return the sum of products that an equation describes; operands share one dtype.

    The bound assumes nothing about the order in which operands are multiplied: each product of m factors has m - 1
    roundings, each sum as many as its length.
    """
    name = name_of(operands[0].dtype)
    if not _is_inexact(name):
        result = np.einsum(equation, *(each.astype(np.int64) for each in operands))
        return Bounded(np.asarray(result).astype(numpy_dtype(name)), np.zeros(np.shape(result)), name)
    values = _computing(operands)
    with np.errstate(invalid="ignore", over="ignore"):
        result = np.asarray(np.einsum(equation, *values))
        magnitude = np.asarray(np.einsum(equation, *map(_moduli, operands)))
        inputs = equation.replace(" ", "").split("->")[0].split(",")
        extents = {
            letter: each.shape[place]
            for letters, each in zip(inputs, operands, strict=True)
            if "." not in letters
            for place, letter in enumerate(letters)
        }
        summed = {
            letter: extent for letter, extent in extents.items() if letter not in equation.rsplit("->", maxsplit=1)[-1]
        }
        depth = len(operands) - 1 + int(np.prod([*summed.values(), 1]))
        whole = all(all_whole(each) for each in operands)
    return contracted(result, magnitude, depth, name, whole=whole)


def matmul(left: Array, right: Array) -> Bounded:
    """Return the matrix product of torch.matmul: 1-D operands as rows and columns, batch dimensions broadcast."""
    name = name_of(left.dtype)
    if not _is_inexact(name):
        result = np.matmul(left.astype(np.int64), right.astype(np.int64))
        return Bounded(np.asarray(result).astype(numpy_dtype(name)), np.zeros(np.shape(result)), name)
    first, second = _computing((left, right))
    with np.errstate(invalid="ignore", over="ignore"):
        result = np.asarray(np.matmul(first, second))
        size = magnitude(left, right)
    whole = all_whole(left) and all_whole(right)
    return contracted(result, size, left.shape[-1], name, whole=whole)


def chain(*factors: Array) -> Bounded:
    """Return the product of whole-numbered matrices (vectors at the ends), exact where all partial products are."""
    name = name_of(factors[0].dtype)
    integral = not _is_inexact(name)
    result, size = (factors[0].astype(np.int64) if integral else _computing(factors)[0]), _moduli(factors[0])
    for each in factors[1:]:
        result = np.matmul(result, each.astype(result.dtype))
        size = np.matmul(size, _moduli(each))
    if integral:
        return Bounded(np.asarray(result).astype(numpy_dtype(name)), np.zeros(np.shape(result)), name)
    depth = sum(each.shape[0] for each in factors)
    return contracted(np.asarray(result), np.asarray(size), depth, name, whole=True)


def combined(base: Array, product: Bounded, magnitude: Array, beta: complex, alpha: complex) -> Bounded:
    """Return beta * base + alpha * product; base does not count at all when beta is 0.

    Args:
        base: Broadcasts to the product's shape.
        product: A product of this module.
        magnitude: The sum of the moduli of the product's terms.
        beta: Factor of the base.
        alpha: Factor of the product.
    """
    name = product.dtype
    if not _is_inexact(name):
        scaled = product.values.astype(np.int64) * np.int64(int(alpha.real))
        if beta != 0:
            scaled = scaled + base.astype(np.int64) * np.int64(int(beta.real))
        return Bounded(scaled.astype(numpy_dtype(name)), np.zeros(scaled.shape), name)
    values = wide(product.values) if product.values.dtype == numpy_dtype(name) else product.values
    with np.errstate(invalid="ignore", over="ignore"):
        result = values * alpha
        size = magnitude * abs(alpha)
        if beta != 0:
            result = result + wide(base) * beta
            size = size + np.abs(wide(base)) * abs(beta)
    factors = [np.asarray(alpha), np.asarray(beta), base if beta != 0 else np.zeros(1, base.dtype)]
    exact = not product.bound.any() and all(all_whole(np.asarray(each)) for each in factors)
    if exact:
        return contracted(result, size, 4, name, whole=True)
    return _loose(result, size, product, alpha)


def _loose(result: Array, size: Array, product: Bounded, alpha: complex) -> Bounded:
    name = product.dtype
    bound = abs(alpha) * product.bound + gamma(8, unit_roundoff(name)) * size
    return Bounded(result, np.asarray(bound), name)


def magnitude(left: Array, right: Array) -> Array:
    """Return |left| |right|, the sum of the moduli of the terms of a matrix product."""
    if not _is_inexact(name_of(left.dtype)):
        return np.zeros(np.matmul(left.astype(np.int64), right.astype(np.int64)).shape)
    return np.asarray(np.matmul(_moduli(left), _moduli(right)))


def matmul_shape(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of a matrix product."""
    first = tuple(left) if len(left) > 1 else (1, *left)
    second = tuple(right) if len(right) > 1 else (*right, 1)
    batch = np.broadcast_shapes(first[:-2], second[:-2])
    rows = (first[-2],) if len(left) > 1 else ()
    columns = (second[-1],) if len(right) > 1 else ()
    return (*batch, *rows, *columns)


def triangle(array: Array, diagonal: int, *, upper: bool) -> Array:
    """Return matrices with the elements below (above) a diagonal set to 0."""
    rows, columns = np.arange(array.shape[-2])[:, None], np.arange(array.shape[-1])[None, :]
    kept = columns - rows >= diagonal if upper else columns - rows <= diagonal
    return np.where(kept, array, np.zeros((), array.dtype))


def diag(array: Array, diagonal: int = 0) -> Array:
    """Return the matrix with a vector on a diagonal, or a matrix's diagonal."""
    if array.ndim == 2:
        rows, columns = array.shape
        start = (max(-diagonal, 0), max(diagonal, 0))
        length = max(min(rows - start[0], columns - start[1]), 0)
        return np.asarray(array[start[0] + np.arange(length), start[1] + np.arange(length)])
    extent = array.size + abs(diagonal)
    result = np.zeros((extent, extent), array.dtype)
    places = np.arange(array.size)
    result[places + max(-diagonal, 0), places + max(diagonal, 0)] = array
    return result


def kron(left: Array, right: Array) -> Array:
    """Return the Kronecker product, dimension by dimension from the last, in the operands' dtype (exact values)."""
    rank = max(left.ndim, right.ndim)
    first = left.reshape((1,) * (rank - left.ndim) + left.shape)
    second = right.reshape((1,) * (rank - right.ndim) + right.shape)
    outer: tuple[int, ...] = first.shape
    inner: tuple[int, ...] = second.shape
    shape = tuple(a * b for a, b in zip(outer, inner, strict=True))
    spread = first.reshape(tuple(x for extent in outer for x in (extent, 1)))
    repeated = second.reshape(tuple(x for extent in inner for x in (1, extent)))
    return np.asarray(spread * repeated).astype(left.dtype).reshape(shape)


def cross(left: Array, right: Array, dim: int) -> Bounded:
    """Return the cross product of vectors of 3 along a dimension; dimensions of size 1 broadcast."""
    name = name_of(left.dtype)
    values = [wide(each) for each in np.broadcast_arrays(left, right)]
    first, second = (np.moveaxis(each, dim, -1) for each in values)
    ahead, behind = [1, 2, 0], [2, 0, 1]
    terms = (first[..., ahead] * second[..., behind], first[..., behind] * second[..., ahead])
    result = np.moveaxis(terms[0] - terms[1], -1, dim)
    if not _is_inexact(name):
        return Bounded(result.astype(numpy_dtype(name)), np.zeros(result.shape), name)
    size = np.moveaxis(np.abs(terms[0]) + np.abs(terms[1]), -1, dim)
    whole = all_whole(left) and all_whole(right)
    return contracted(result, size, 3, name, whole=whole)
