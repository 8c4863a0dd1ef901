"""Products against exact fractions, loops and cases worked by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.ops import products


def _exactly(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    rows, inner, columns = left.shape[0], left.shape[1], right.shape[1]
    entries = [
        [
            float(sum(Fraction(float(left[i, k])) * Fraction(float(right[k, j])) for k in range(inner)))
            for j in range(columns)
        ]
        for i in range(rows)
    ]
    return np.array(entries)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matmul_is_exact_and_any_order_is_inside(dtype: str) -> None:
    generator = np.random.default_rng(0)
    left, right = (generator.standard_normal(size).astype(dtype) for size in ((4, 33), (33, 5)))
    answer = products.matmul(left, right)
    assert np.allclose(answer.values.astype(float), _exactly(left, right), rtol=1e-14, atol=1e-15)
    assert (np.abs((left @ right).astype(float) - answer.values.astype(float)) <= answer.bound).all()


def test_shortened_factors_are_outside() -> None:
    generator = np.random.default_rng(1)
    left, right = (generator.standard_normal(size).astype(np.float32) for size in ((4, 9), (9, 5)))
    answer = products.matmul(left, right)
    short = (left.view(np.int32) & -8192).view(np.float32) @ (right.view(np.int32) & -8192).view(np.float32)
    assert not (np.abs(short - answer.values.astype(float)) <= answer.bound).all()


def test_whole_numbers_leave_no_room() -> None:
    left, right = np.arange(6).reshape(2, 3), np.arange(12).reshape(3, 4)
    for dtype in ("float16", "bfloat16", "float32", "complex128"):
        answer = products.matmul(left.astype(numpy_dtype(dtype)), right.astype(numpy_dtype(dtype)))
        assert not answer.bound.any()
        assert answer.values.astype(np.complex128).real.tolist() == (left @ right).tolist()


def test_integers_wrap() -> None:
    assert products.matmul(np.array([100, 100], np.int8), np.array([2, 1], np.int8)).values == 44
    assert products.matmul(np.array([[2**62]]), np.array([[4]])).values == 0


def test_shapes() -> None:
    assert products.matmul_shape((2,), (2,)) == ()
    assert products.matmul_shape((2,), (5, 2, 3)) == (5, 3)
    assert products.matmul_shape((4, 1, 3, 2), (7, 2, 6)) == (4, 7, 3, 6)


def test_combined_ignores_its_base_without_beta() -> None:
    left, right = np.ones((2, 2), np.float32), np.ones((2, 2), np.float32)
    product, size = products.matmul(left, right), products.magnitude(left, right)
    base = np.full((2, 2), np.nan, np.float32)
    assert (products.combined(base, product, size, 0, 3).values == 6).all()
    assert (products.combined(np.ones_like(base), product, size, 2, -1).values == 0).all()
    assert products.combined(np.ones_like(base), product, size, 0.3, 1).bound.all()


def test_einsum_and_chain() -> None:
    left, right = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(3, 2)
    assert products.einsum("ij,jk->ki", left, right).values.tolist() == (left @ right).T.tolist()
    assert products.einsum("ii->", left[:, :2]).values == 4
    assert products.chain(left, right, left).values.tolist() == (left @ right @ left).tolist()
    assert products.chain(left[0], right).values.tolist() == (left[0] @ right).tolist()


def test_structure() -> None:
    array = np.arange(1, 10).reshape(3, 3)
    for diagonal in range(-3, 4):
        assert products.triangle(array, diagonal, upper=True).tolist() == np.triu(array, diagonal).tolist()
        assert products.triangle(array, diagonal, upper=False).tolist() == np.tril(array, diagonal).tolist()
        assert products.diag(array, diagonal).tolist() == np.diag(array, diagonal).tolist()
        assert products.diag(array[0], diagonal).tolist() == np.diag(array[0], diagonal).tolist()
    for left, right in ((array, array[0]), (array[0], array), (array[None], array), (np.array(2), array)):
        assert products.kron(left, right).tolist() == np.kron(left, right).tolist()


def test_cross() -> None:
    left, right = np.array([[1.0, 2, 3]]), np.array([[4.0, 5, 6], [1, 0, 0]])
    assert products.cross(left, right, 1).values.tolist() == [[-3, 6, -3], [0, 3, -2]]
    assert products.cross(left.T, right.T, 0).values.tolist() == [[-3, 0], [6, 3], [-3, -2]]
