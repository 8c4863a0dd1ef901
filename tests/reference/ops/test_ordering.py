"""Order and counts against cases worked by hand."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from torch_conformance.reference.ops import ordering

NAN = np.nan


def test_sort_is_stable_both_ways() -> None:
    values, order = ordering.sort(np.array([2, 1, 2, 1]))
    assert values.tolist() == [1, 1, 2, 2]
    assert order.tolist() == [1, 3, 0, 2]
    assert ordering.argsort(np.array([2, 1, 2, 1]), descending=True).tolist() == [0, 2, 1, 3]


def test_nan_is_largest_and_zeros_are_equal() -> None:
    array = np.array([NAN, -0.0, np.inf, 0.0, NAN], np.float32)
    assert ordering.argsort(array).tolist() == [1, 3, 2, 0, 4]
    assert ordering.argsort(array, descending=True).tolist() == [0, 4, 2, 1, 3]
    half = array.astype(ml_dtypes.bfloat16)
    assert ordering.argsort(half).tolist() == [1, 3, 2, 0, 4]


def test_selection() -> None:
    array = np.array([[3, 1, 2], [9, 7, 8]])
    assert ordering.topk(array, 2, 1).tolist() == [[3, 2], [9, 8]]
    assert ordering.topk(array, 2, 0, largest=False).tolist() == [[3, 1, 2], [9, 7, 8]]
    assert ordering.kthvalue(array, 2, 1).tolist() == [2, 8]
    assert ordering.kthvalue(array, 1, 0, keepdim=True).tolist() == [[3, 1, 2]]


def test_median() -> None:
    assert ordering.median(np.array([4.0, 1, 3, 2])) == 2
    assert np.isnan(ordering.median(np.array([4.0, NAN, 3])))
    assert ordering.median(np.array([4.0, NAN, 3]), ignore_nan=True) == 3
    assert np.isnan(ordering.median(np.array([NAN, NAN]), ignore_nan=True))
    assert ordering.median(np.array([[1.0, 2], [3, 0]]), 0, keepdim=True).tolist() == [[1, 0]]


def test_extremes() -> None:
    array = np.array([[1, 5, 5], [NAN, 0, 2]], np.float32)
    assert np.array_equal(ordering.extreme(array, 1, largest=True), np.array([5, NAN], np.float32), equal_nan=True)
    assert ordering.argextreme(array, 1, largest=True).tolist() == [1, 0]
    assert ordering.argextreme(array, 1, largest=False).tolist() == [0, 0]
    assert ordering.argextreme(array, largest=True) == 3
    running = ordering.cumulative_extreme(np.array([2, 1, 3]), 0, largest=True)
    assert running.tolist() == [2, 2, 3]


def test_counts() -> None:
    values, inverse, counts = ordering.unique(np.array([[3, 1], [3, 2]]))
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([1, 2, 3], [[2, 0], [2, 1]], [1, 1, 2])
    rows, _, repeats = ordering.unique(np.array([[1, 0], [0, 5], [1, 0]]), 0)
    assert (rows.tolist(), repeats.tolist()) == ([[0, 5], [1, 0]], [1, 2])
    runs = ordering.unique_consecutive(np.array([1, 1, 2, 1]))
    assert [each.tolist() for each in runs] == [[1, 2, 1], [0, 0, 1, 2], [2, 1, 1]]
    assert ordering.bincount(np.array([0, 2, 2]), minlength=4).tolist() == [1, 0, 2, 0]
    assert ordering.bincount(np.array([1, 1]), np.array([0.5, 2])).tolist() == [0, 2.5]
    assert ordering.histc(np.array([0, 0.5, 1, 2, 3]), 2, 0, 2).tolist() == [2, 2]
    assert ordering.histc(np.array([1.0, 3, 3]), 2, 0, 0).tolist() == [1, 2]
