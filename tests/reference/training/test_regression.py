"""The tutorial's regressions: hand-worked numbers, scikit-learn's stream, closed forms, bounds that hold."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from torch_conformance.reference.training import regression
from torch_conformance.reference.training.regression import Descent

X, Y = regression.HOUSE_SIZES, regression.HOUSE_PRICES
FULL = np.arange(3)


def test_house_prices_by_hand() -> None:
    path = regression.descend(X, Y, [FULL], np.array([3.0, 50.0]), Descent(1e-4), "float64")
    assert path.losses[0] == pytest.approx(8300 / 3, rel=1e-18)
    weight = Fraction(3) + Fraction(31600, 3) / 10000
    assert float(path.weights[1, 0]) == pytest.approx(float(weight), rel=1e-15)
    assert float(path.weights[1, 1]) == pytest.approx(50.01, rel=1e-15)
    assert np.all(path.weight_bounds[1] < 5e-14)


def test_make_regression_is_that_of_numpys_frozen_stream() -> None:
    features, targets, coefficient = regression.make_regression(100, noise=10, bias=1.5, random_state=0)
    # Printed by scikit-learn 1.9.1.
    assert features[:3, 0].tolist() == [-0.3595531615405413, 0.9766390364837128, 0.402341641177549]
    assert targets[:3].tolist() == [-18.45588560987958, 22.839772713627262, 13.056894577030542]
    assert coefficient == 42.38550485581797
    assert 1.764052345967664 in features


@pytest.mark.parametrize(("count", "noise", "bias", "seed"), [(100, 10, 1.5, 0), (7, 0, 0.0, 3), (30, 2.5, -4.0, 42)])
def test_make_regression_is_scikit_learns(count: int, noise: float, bias: float, seed: int) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    wanted = datasets.make_regression(count, 1, noise=noise, bias=bias, random_state=seed, coef=True)
    found = regression.make_regression(count, noise=noise, bias=bias, random_state=seed)
    assert np.array_equal(found[0], wanted[0])
    assert np.array_equal(found[1], wanted[1])
    assert found[2] == float(wanted[2])


def test_least_squares_and_hessian() -> None:
    features, targets, _ = regression.make_regression(100, noise=10, bias=1.5, random_state=0)
    x = features[:, 0]
    slope, intercept = np.polyfit(x, targets, 1)
    assert regression.least_squares(x, targets) == pytest.approx([slope, intercept], rel=1e-12)
    assert np.linalg.eigvalsh(regression.hessian(x)) == pytest.approx([1.89822402, 2.14058322], rel=1e-8)
    eigenvalues, basis = regression.principal_axes(x)
    assert np.allclose(basis @ np.diag(eigenvalues) @ basis.T, regression.hessian(x), rtol=1e-14)
    assert eigenvalues[0] > eigenvalues[1]
    step = 1e-3
    centre = np.array([1.0, 2.0])
    losses = [
        regression.mean_squared_error(centre + step * np.array(each), x, targets)
        for each in ((1, 1), (1, -1), (-1, 1), (-1, -1))
    ]
    mixed = (losses[0] - losses[1] - losses[2] + losses[3]) / (4 * step * step)
    assert mixed == pytest.approx(regression.hessian(x)[0, 1], abs=1e-4)


def _naive(
    x: np.ndarray, y: np.ndarray, batches: list[np.ndarray], start: np.ndarray, how: Descent, kind: type
) -> np.ndarray:
    """The algorithm box of torch.optim.SGD, one operation at a time in the element type."""
    state, buffer, rows = start.astype(kind), None, [start.astype(kind)]
    x, y = x.astype(kind), y.astype(kind)
    for batch in batches:
        residual = state[0] * x[batch] + state[1] - y[batch]
        gradient = np.array([np.mean(2 * residual * x[batch]), np.mean(2 * residual)], kind)
        if how.maximize:
            gradient = -gradient
        gradient = gradient + kind(how.weight_decay) * state
        if how.momentum:
            kept = kind(how.momentum) * buffer + kind(1 - how.dampening) * gradient if buffer is not None else gradient
            buffer = kept
            gradient = gradient + kind(how.momentum) * buffer if how.nesterov else buffer
        state = state - kind(how.lr) * gradient
        rows.append(state)
    return np.array(rows)


@pytest.mark.parametrize(
    "how",
    [
        Descent(0.01),
        Descent(0.05, weight_decay=0.25),
        Descent(0.01, momentum=0.9),
        Descent(0.01, momentum=0.5, dampening=0.25, weight_decay=0.125),
        Descent(0.01, momentum=0.9, nesterov=True),
        Descent(0.0001, momentum=0.5, maximize=True),
    ],
)
def test_bounds_hold_and_stay_small(how: Descent) -> None:
    features, targets, _ = regression.make_regression(100, noise=10, bias=1.5, random_state=0)
    x, y = features[:, 0].astype(np.float32), targets.astype(np.float32)
    generator = np.random.default_rng(0)
    batches = [batch for _ in range(10) for batch in np.split(generator.permutation(100), range(16, 100, 16))]
    start = np.array([0.5, -0.25])
    path = regression.descend(x, y, batches, start, how, "float32")
    exact = _naive(x, y, batches, start, how, np.longdouble)
    assert np.allclose(exact.astype(float), path.weights.astype(float), rtol=1e-12, atol=1e-12)
    computed = _naive(x, y, batches, start, how, np.float32)
    assert np.all(np.abs(computed - path.weights) <= path.weight_bounds)
    assert np.max(path.weight_bounds) < 1e-3


def test_closed_form_is_the_iteration() -> None:
    features, targets, _ = regression.make_regression(100, noise=10, bias=1.5, random_state=0)
    x = features[:, 0]
    start = np.array([0.5, -0.25])
    path = regression.descend(x, targets, [np.arange(100)] * 40, start, Descent(0.4), "float64")
    closed = regression.closed_form(x, targets, start, 0.4, 40)
    assert np.allclose(closed, path.weights.astype(float), rtol=1e-12, atol=1e-12)
    assert np.allclose(closed[-1], regression.least_squares(x, targets), rtol=1e-8)
