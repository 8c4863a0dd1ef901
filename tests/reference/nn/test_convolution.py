"""Convolutions against loops, hand-worked numbers and finite differences of their own values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.signal import correlate as scipy_correlate

from torch_conformance.reference.nn import convolution

GENERATOR = np.random.default_rng(0)


def _whole(*size: int) -> np.ndarray:
    return GENERATOR.integers(-3, 4, size).astype(np.float64)


def test_pads_by_hand() -> None:
    x = np.array([1.0, 2.0, 3.0])
    wanted = {
        "zeros": [0, 0, 1, 2, 3, 0],
        "reflect": [3, 2, 1, 2, 3, 2],
        "replicate": [1, 1, 1, 2, 3, 3],
        "circular": [2, 3, 1, 2, 3, 1],
    }
    for mode, values in wanted.items():
        assert convolution.pad(x, [(2, 1)], mode).tolist() == values
    assert convolution.pad(x, [(-1, 1)], value=5).tolist() == [2, 3, 5]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_pads_as_numpy(mode: str) -> None:
    x = _whole(2, 4, 5)
    name = {"zeros": "constant", "replicate": "edge", "circular": "wrap"}.get(mode, mode)
    assert (convolution.pad(x, [(2, 1), (0, 3)], mode) == np.pad(x, [(0, 0), (2, 1), (0, 3)], mode=name)).all()  # type: ignore[call-overload]
    g = _whole(2, 7, 8)
    # The gradient is the adjoint: both inner products are the same number.
    gradient = convolution.pad_gradient(g, (4, 5), [(2, 1), (0, 3)], mode)
    assert (g * convolution.pad(x, [(2, 1), (0, 3)], mode)).sum() == (gradient * x).sum()


def test_correlates_as_scipy() -> None:
    x, w = _whole(2, 3, 6, 5), _whole(4, 3, 2, 3)
    y = convolution.correlate(x, w, (1, 1), (1, 1))
    for n, o in itertools.product(range(2), range(4)):
        assert (y[n, o] == sum(scipy_correlate(x[n, c], w[o, c], mode="valid") for c in range(3))).all()


def test_correlates_by_hand() -> None:
    x = np.arange(1.0, 8.0).reshape(1, 1, 7)
    w = np.array([[[1.0, 10.0]]])
    assert convolution.correlate(x, w, (2,), (3,)).tolist() == [[[41, 63]]]
    assert convolution.transposed(np.array([[[1.0, 2.0]]]), w, (2,), (0,), (1,), (1,)).tolist() == [[[1, 10, 2, 20, 0]]]
    assert convolution.transposed(np.array([[[1.0, 2.0]]]), w, (2,), (1,), (0,), (1,)).tolist() == [[[10, 2]]]


@pytest.mark.parametrize(
    ("stride", "dilation", "groups"), list(itertools.product(((1, 1), (2, 1)), ((1, 1), (1, 2)), (1, 2)))
)
def test_gradients_are_adjoint(stride: tuple[int, ...], dilation: tuple[int, ...], groups: int) -> None:
    x, w = _whole(2, 4, 5, 6), _whole(6, 4 // groups, 2, 3)
    y = convolution.correlate(x, w, stride, dilation, groups)
    g = _whole(*y.shape)
    total = (g * y).sum()
    assert (convolution.correlate_input_gradient(g, w, (5, 6), stride, dilation, groups) * x).sum() == total
    assert (convolution.correlate_weight_gradient(g, x, (2, 3), stride, dilation, groups) * w).sum() == total
    by_group = [
        convolution.correlate(part, kernel, stride, dilation)
        for part, kernel in zip(np.split(x, groups, axis=1), np.split(w, groups), strict=True)
    ]
    assert (y == np.concatenate(by_group, axis=1)).all()


def test_same_adds_the_odd_one_behind() -> None:
    assert convolution.same_amounts((3, 2, 4), (1, 1, 3)) == [(1, 1), (0, 1), (4, 5)]


def test_unfold_and_fold_by_hand() -> None:
    x = np.arange(1.0, 7.0).reshape(1, 1, 2, 3)
    columns = convolution.unfold(x, (2, 2), (1, 1), (0, 0), (1, 1))
    assert columns.tolist() == [[[1, 2], [2, 3], [4, 5], [5, 6]]]
    assert convolution.fold(columns, (2, 3), (2, 2), (1, 1), (0, 0), (1, 1)).tolist() == [[[[1, 4, 3], [4, 10, 6]]]]


def test_unfold_and_fold_are_adjoint() -> None:
    x = _whole(2, 3, 4, 5)
    options = ((2, 3), (1, 2), (1, 2), (2, 1))
    columns = convolution.unfold(x, *options)
    g = _whole(*columns.shape)
    assert (convolution.fold(g, (4, 5), *options) * x).sum() == (g * columns).sum()
