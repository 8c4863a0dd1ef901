"""Reductions against exact fractions, cases worked by hand, and simulated arithmetic of the dtype."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import reductions


def _inside(answer: Bounded, observed: np.ndarray) -> bool:
    exact = answer.values.astype(np.complex128 if answer.values.dtype.kind == "c" else np.float64)
    return bool(np.all(np.abs(observed.astype(exact.dtype) - exact) <= answer.bound))


def _one_by_one(values: np.ndarray) -> np.ndarray:
    total = np.zeros((), values.dtype)
    for each in values:
        total = (total + each).astype(values.dtype)
    return np.asarray(total)


@pytest.mark.parametrize("order", ["as drawn", "ascending", "descending"])
def test_every_order_of_float32_sums_is_inside(order: str) -> None:
    values = np.random.default_rng(3).standard_normal(3_000).astype(np.float32)
    if order != "as drawn":
        values = np.sort(values)[:: 1 if order == "ascending" else -1]
    answer = reductions.sum(values)
    assert float(answer.values) == pytest.approx(float(sum(Fraction(float(v)) for v in values)), rel=1e-12)
    assert _inside(answer, _one_by_one(values))


def test_sums_in_half_precision_are_outside() -> None:
    ones = np.ones(5_000, np.float16)
    answer = reductions.sum(ones)
    assert answer.dtype == "float16"
    assert _inside(answer, np.asarray(np.float16(5_000)))
    assert float(_one_by_one(ones)) == 2_048
    assert not _inside(answer, _one_by_one(ones))


def test_whole_numbers_leave_no_room() -> None:
    for dtype in ("float16", "bfloat16", "float32", "float64", "complex64"):
        values = np.arange(-8, 12).astype(numpy_dtype(dtype))
        answer = reductions.sum(values)
        assert not answer.bound.any()
        assert answer.values == 30
        assert answer.values.dtype == numpy_dtype(dtype)


def test_integers_wrap_and_widen() -> None:
    assert reductions.sum(np.array([2**63 - 1, 1])).values == -(2**63)
    assert reductions.sum(np.array([200, 200], np.uint8)).values == 400
    assert reductions.sum(np.array([True, True])).values.dtype == np.int64
    assert reductions.prod(np.array([2**40, 2**40])).values == 0
    assert reductions.sum(np.array([100, 100], np.int8), dtype="int8").values == -56


def test_dims() -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    assert reductions.axes(3, None) == reductions.axes(3, ()) == (0, 1, 2)
    assert reductions.axes(3, (-1, 0)) == (2, 0)
    assert reductions.axes(0, -1) == ()
    assert reductions.sum(array, (0, -1), keepdim=True).values.shape == (1, 3, 1)
    assert reductions.sum(array, (0, -1)).values.tolist() == [60, 92, 124]
    assert reductions.mean(array, 1).values.tolist() == [[4, 5, 6, 7], [16, 17, 18, 19]]


def test_nothing() -> None:
    empty = np.zeros((0, 2))
    assert reductions.sum(empty, 0).values.tolist() == [0, 0]
    assert reductions.prod(empty, 0).values.tolist() == [1, 1]
    assert np.isnan(reductions.mean(empty, 0).values).all()
    assert np.isnan(reductions.var(empty, 0).values).all()
    assert reductions.logsumexp(empty, 0).values.tolist() == [-np.inf, -np.inf]


def test_nan_is_left_out() -> None:
    array = np.array([[1, np.nan], [np.nan, np.nan]], np.float32)
    assert reductions.nansum(array, 1).values.tolist() == [1, 0]
    assert np.array_equal(reductions.nanmean(array, 1).values, [1, np.nan], equal_nan=True)


def test_variance_worked_by_hand() -> None:
    values = np.array([1.0, 2, 3, 6])
    assert float(reductions.var(values).values) == pytest.approx(14 / 3)
    assert float(reductions.var(values, correction=0).values) == 3.5
    assert float(reductions.std(values, correction=2).values) == pytest.approx(math.sqrt(7))


def test_textbook_variance_is_outside() -> None:
    values = (np.random.default_rng(1).standard_normal(20) + 2.0**11).astype(np.float32)
    answer = reductions.var(values)
    square = (np.sum(values * values, dtype=np.float32) - np.sum(values) ** 2 / np.float32(20)) / np.float32(19)
    assert not _inside(answer, np.asarray(square))
    assert _inside(answer, np.asarray(np.var(values, ddof=1)))


@pytest.mark.parametrize(
    ("order", "expected"), [(1, 7), (2, 5), (0, 2), (math.inf, 4), (-math.inf, 0), (3, 91 ** (1 / 3))]
)
def test_norms(order: float, expected: float) -> None:
    answer = reductions.vector_norm(np.array([3.0, -4, 0]), order)
    assert float(answer.values) == pytest.approx(expected, rel=1e-15)


def test_exponentials() -> None:
    values = np.array([1000.0, 1000 + math.log(3)])
    assert float(reductions.logsumexp(values, 0).values) == pytest.approx(1000 + math.log(4), rel=1e-15)
    assert reductions.softmax(values, 0).values.astype(float).tolist() == pytest.approx([0.25, 0.75])
    assert reductions.log_softmax(values, 0).values.astype(float).tolist() == pytest.approx(
        [-math.log(4), math.log(0.75)]
    )
    assert reductions.softmax(np.array([-np.inf, 0.0]), 0).values.tolist() == [0, 1]
    assert reductions.logcumsumexp(values, 0).values.astype(float).tolist() == pytest.approx([1000, 1000 + math.log(4)])


def test_scans() -> None:
    assert reductions.cumsum(np.array([[1, 2], [3, 4]]), 0).values.tolist() == [[1, 2], [4, 6]]
    assert reductions.cumprod(np.array([1, -2, 3], np.int8), 0).values.tolist() == [1, -2, -6]
    halves = reductions.cumsum(np.ones(300, ml_dtypes.bfloat16), 0)
    assert halves.bound[:256].max() > 0 or not halves.bound.any()
