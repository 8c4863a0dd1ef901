"""Pooling against hand-worked numbers, loops and finite differences."""

from __future__ import annotations

import numpy as np

from torch_conformance.reference.nn import pooling, resampling


def _plan(n: int, k: int, s: int, p: int = 0, d: int = 1, *, ceil: bool = False) -> pooling.Windows:
    return pooling.sliding((n,), (k,), (s,), (p,), (d,), ceil=ceil)


def test_windows_by_hand() -> None:
    assert _plan(5, 2, 2).places.tolist() == [[0, 1], [2, 3]]
    assert _plan(5, 2, 2, ceil=True).places.tolist() == [[0, 1], [2, 3], [4, -1]]
    assert _plan(5, 3, 2, 1).places.tolist() == [[0, 1, -1], [1, 2, 3], [3, 4, -1]]
    assert _plan(6, 2, 2, 0, 3).places.tolist() == [[0, 3], [2, 5]]
    # A last window that would begin in the padding behind is left out.
    assert _plan(4, 2, 2, 1, ceil=True).outs == (3,)
    assert _plan(5, 2, 2, 1, ceil=True).outs == (3,)
    assert _plan(5, 3, 3, 1, ceil=True).padded.tolist() == [3, 3]
    assert _plan(6, 3, 2, 0, ceil=True).padded.tolist() == [3, 3, 2]


def test_maximum_by_hand() -> None:
    x = np.array([[3.0, -1.0, 4.0, 1.0, -5.0]])
    values, places = pooling.maximum(x, _plan(5, 3, 2, 1))
    assert values.tolist() == [[3, 4, 1]]
    assert places.tolist() == [[0, 2, 3]]
    assert pooling.placed(np.array([[1.0, 2.0, 4.0]]), np.array([[0, 2, 2]]), (5,)).tolist() == [[1, 0, 6, 0, 0]]


def test_average_by_hand() -> None:
    x = np.array([[6.0, 12.0, 18.0, 24.0, 30.0]])
    plan = _plan(5, 3, 2, 1)
    with_pad = pooling.divisors(plan, include_pad=True, override=None)
    without = pooling.divisors(plan, include_pad=False, override=None)
    assert pooling.average(x, plan, with_pad).tolist() == [[6, 18, 18]]
    assert pooling.average(x, plan, without).tolist() == [[9, 18, 27]]
    assert pooling.average(x, plan, pooling.divisors(plan, include_pad=True, override=6)).tolist() == [[3, 9, 9]]
    assert pooling.average_gradient(np.array([[6.0, 3.0, 12.0]]), plan, with_pad).tolist() == [[2, 3, 1, 5, 4]]


def test_adaptive_windows_by_hand() -> None:
    assert pooling.adaptive((5,), (3,)).places.tolist() == [[0, 1, -1], [1, 2, 3], [3, 4, -1]]
    assert pooling.adaptive((2,), (3,)).places.tolist() == [[0, -1], [0, 1], [1, -1]]


def test_two_dimensions_are_products() -> None:
    x = np.arange(30.0).reshape(1, 5, 6)
    plan = pooling.sliding((5, 6), (2, 3), (2, 2), (1, 0), (1, 1))
    values, places = pooling.maximum(x, plan)
    wide = np.pad(x, [(0, 0), (1, 1), (0, 0)], constant_values=-np.inf)
    loops = [[wide[0, i : i + 2, j : j + 3].max() for j in (0, 2)] for i in (0, 2, 4)]
    assert values[0].tolist() == loops
    assert (x.reshape(-1)[places[0]] == values[0]).all()


def test_power_means_and_their_gradient() -> None:
    x = np.array([[3.0, 4.0, 1.0, 2.0]], dtype=np.longdouble)
    plan = _plan(4, 2, 1)
    assert np.allclose(pooling.power_mean(x, plan, 2).astype(float), [[5, 17**0.5, 5**0.5]])
    g = np.array([[1.0, -2.0, 3.0]], dtype=np.longdouble)
    gradient = pooling.power_mean_gradient(x, g, plan, 3)
    for at in range(4):
        step = np.zeros_like(x)
        step[0, at] = 1e-6
        rise = pooling.power_mean(x + step, plan, 3) - pooling.power_mean(x - step, plan, 3)
        assert abs(float((g * rise).sum() / 2e-6 - gradient[0, at])) < 1e-8


def test_pixel_shuffle_by_hand() -> None:
    x = np.arange(8.0).reshape(1, 4, 1, 2)
    assert resampling.pixel_shuffle(x, 2).tolist() == [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]
    assert (resampling.pixel_unshuffle(resampling.pixel_shuffle(x, 2), 2) == x).all()


def test_upsampling_by_hand() -> None:
    assert resampling.repeated(np.array([[1.0, 2.0]]), (2, 3)).tolist() == [[1, 1, 1, 2, 2, 2]] * 2
    assert resampling.repeated_gradient(np.arange(6.0).reshape(1, 6), (1, 3)).tolist() == [[3, 12]]
    assert resampling.linear_weights(3, 5, align_corners=True).astype(float).tolist() == [
        [1, 0, 0],
        [0.5, 0.5, 0],
        [0, 1, 0],
        [0, 0.5, 0.5],
        [0, 0, 1],
    ]
    assert resampling.linear_weights(2, 4, align_corners=False).astype(float).tolist() == [
        [1, 0],
        [0.75, 0.25],
        [0.25, 0.75],
        [0, 1],
    ]
    assert resampling.linear_weights(2, 1, align_corners=False).astype(float).tolist() == [[0.5, 0.5]]
    x = np.array([[2.0, 4.0], [6.0, 8.0]])
    halves = [resampling.linear_weights(2, 3, align_corners=True)] * 2
    assert resampling.applied(x, halves).astype(float).tolist() == [[2, 3, 4], [4, 5, 6], [6, 7, 8]]
