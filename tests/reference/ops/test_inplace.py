"""What methods in place must store, against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.ops import inplace

FOUR = np.array([1.0, 2.0, 3.0, 4.0])
GRID = np.arange(6, dtype=np.int64).reshape(2, 3)


def test_fused_arithmetic():
    two, three = np.full(4, 2.0), np.full(4, 3.0)
    assert inplace.addcmul(FOUR, two, three, value=2).tolist() == [13, 14, 15, 16]
    assert inplace.addcdiv(FOUR, three, two).tolist() == [2.5, 3.5, 4.5, 5.5]
    assert inplace.lerp(FOUR, np.full(4, 5.0), 0.25).tolist() == [2, 2.75, 3.5, 4.25]
    assert inplace.ldexp(FOUR, np.array([0, 1, -1, 2])).tolist() == [1, 4, 1.5, 16]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float16", "bfloat16"])
def test_the_dtype_is_kept(dtype: str):
    a = np.array([1, 2], numpy_dtype(dtype))
    for result in (inplace.addcmul(a, a, a), inplace.clamp(a, 1, 1), inplace.fill(a, 3), inplace.cumsum(a, 0)):
        assert result.dtype == a.dtype


def test_integers_wrap_around():
    assert inplace.add(np.array([250], np.uint8), np.array([10], np.uint8)).tolist() == [4]
    assert inplace.add(np.array([100], np.int8), 100).tolist() == [-56]


def test_bool_sums_are_ors():
    assert inplace.add(np.array([True, False]), np.array([True, False])).tolist() == [True, False]
    assert inplace.add(np.array([False]), np.array([True]), alpha=False).tolist() == [False]


def test_clamp():
    values = np.array([-1.0, 1.5, 9.0, np.nan, -np.inf, np.inf])
    assert np.array_equal(inplace.clamp(values, 1, 2), [1, 1.5, 2, np.nan, 1, 2], equal_nan=True)
    assert np.array_equal(inplace.clamp(values, 3, 1), [1, 1, 1, np.nan, 1, 1], equal_nan=True)
    assert inplace.clamp_max(FOUR, 2).tolist() == [1, 2, 2, 2]


def test_nan_to_num():
    values = np.array([np.nan, np.inf, -np.inf, 1], np.float32)
    top = np.finfo(np.float32).max
    assert inplace.nan_to_num(values).tolist() == [0, top, -top, 1]
    assert inplace.nan_to_num(values, 2, 3, 4).tolist() == [2, 3, 4, 1]


def test_masks():
    mask = np.array([True, False, True])
    assert inplace.masked_fill(GRID, mask, 9).tolist() == [[9, 1, 9], [9, 4, 9]]
    assert inplace.masked_scatter(GRID, mask, np.array([7, 8, 9, 10])).tolist() == [[7, 1, 8], [9, 4, 10]]


def test_rows():
    source = np.array([[1, 1, 1], [2, 2, 2]])
    assert inplace.index_add(GRID, 0, np.array([1, 1]), source, alpha=2).tolist() == [[0, 1, 2], [9, 10, 11]]
    assert inplace.index_copy(GRID, 0, np.array([1, 0]), source).tolist() == [[2, 2, 2], [1, 1, 1]]
    assert inplace.index_fill(GRID, 1, np.array([2]), 7).tolist() == [[0, 1, 7], [3, 4, 7]]
    assert inplace.index_put(GRID, (np.array([1]),), np.array(7)).tolist() == [[0, 1, 2], [7, 7, 7]]
    assert inplace.index_put(GRID[0], (np.array([1, 1]),), np.array([7, 8]), accumulate=True).tolist() == [0, 16, 2]
    reduced = inplace.index_reduce(GRID, 0, np.array([1, 1]), source, "prod")
    assert reduced.tolist() == [[0, 1, 2], [6, 8, 10]]
    alone = inplace.index_reduce(GRID, 0, np.array([1, 1]), source, "prod", include_self=False)
    assert alone.tolist() == [[0, 1, 2], [2, 2, 2]]


def test_places():
    assert inplace.put(GRID, np.array([0, 5]), np.array([7, 8])).tolist() == [[7, 1, 2], [3, 4, 8]]
    assert inplace.put(GRID, np.array([0, 5]), np.array([7, 8]), accumulate=True).tolist() == [[7, 1, 2], [3, 4, 13]]


def test_scatter():
    index = np.array([[1, 0, 1], [0, 1, 0]])
    source = np.array([[10, 20, 30], [40, 50, 60]])
    assert inplace.scatter(GRID, 0, index, source).tolist() == [[40, 20, 60], [10, 50, 30]]
    assert inplace.scatter(GRID, 0, index[:1], value=9).tolist() == [[0, 9, 2], [9, 4, 9]]
    assert inplace.scatter_add(GRID, 0, index, source).tolist() == [[40, 21, 62], [13, 54, 35]]
    assert inplace.scatter_reduce(GRID, 0, index, source, "amin").tolist() == [[0, 1, 2], [3, 4, 5]]
    alone = inplace.scatter_reduce(GRID, 0, index, source, "amin", include_self=False)
    assert alone.tolist() == [[40, 20, 60], [10, 50, 30]]


def test_triangles_and_diagonals():
    square = np.arange(1, 10).reshape(3, 3)
    assert inplace.tril(square).tolist() == [[1, 0, 0], [4, 5, 0], [7, 8, 9]]
    assert inplace.tril(square, 1).tolist() == [[1, 2, 0], [4, 5, 6], [7, 8, 9]]
    assert inplace.triu(square, 1).tolist() == [[0, 2, 3], [0, 0, 6], [0, 0, 0]]
    tall = np.zeros((5, 2), np.int64)
    assert inplace.fill_diagonal(tall, 1).tolist() == [[1, 0], [0, 1], [0, 0], [0, 0], [0, 0]]
    # The diagonal begins again after a row of its own, as numpy.fill_diagonal has it.
    wrapped = tall.copy()
    np.fill_diagonal(wrapped, 1, wrap=True)
    assert inplace.fill_diagonal(tall, 1, wrap=True).tolist() == wrapped.tolist()


def test_products():
    a, x, y = np.ones((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    assert inplace.addmm(a, x, y, beta=2, alpha=3).tolist() == [[8, 5], [14, 11]]
    assert inplace.addmv(np.ones(2), x, np.array([1.0, 1.0])).tolist() == [4, 8]
    assert inplace.addr(a, np.array([1.0, 2.0]), np.array([3.0, 4.0])).tolist() == [[4, 5], [7, 9]]
    batch = np.stack([x, x])
    assert inplace.addbmm(a, batch, np.stack([y, y])).tolist() == [[5, 3], [9, 7]]
    assert inplace.baddbmm(np.stack([a, a]), batch, np.stack([y, y]))[1].tolist() == [[3, 2], [5, 4]]


def test_unary():
    assert inplace.sgn(np.array([-2.0, 0.0, 3.0])).tolist() == [-1, 0, 1]
    assert inplace.relu(np.array([-2, 0, 3])).tolist() == [0, 0, 3]
    assert inplace.conj_physical(np.array([1 + 2j])).tolist() == [1 - 2j]
    assert inplace.power(np.array([-2.0, 3.0]), 3).tolist() == [-8, 27]
    assert inplace.nextafter(np.array([1.0]), np.array([2.0])).tolist() == [1 + 2**-52]
    assert inplace.cumprod(np.array([2, 3, 4]), 0).tolist() == [2, 6, 24]
