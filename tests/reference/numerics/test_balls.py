"""Ball arithmetic: exact middles, and radii that hold every computation in the element type and little more."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from torch_conformance.reference.numerics.balls import Ball

GENERATOR = np.random.default_rng(0)


def _ball(values: np.ndarray, rad: float = 0.0) -> Ball:
    ball = Ball.exact(values.astype(np.float32), "float32")
    return Ball(ball.mid, ball.rad + rad, "float32")


def _contains(ball: Ball, values: np.ndarray) -> bool:
    return bool(np.all(np.abs(values.astype(np.float64) - ball.mid) <= ball.rad))


A, B = (GENERATOR.standard_normal((50, 40)).astype(np.float32) for _ in range(2))


@pytest.mark.parametrize("operation", [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b])
def test_elementwise(operation: object) -> None:
    result = operation(_ball(A), _ball(B))
    assert _contains(result, operation(A, B))
    moved = operation(_ball(A, 1e-3), _ball(np.abs(B) + 1, 1e-3))
    for da in (-1e-3, 1e-3):
        for db in (-1e-3, 1e-3):
            exact = operation(A.astype(np.float64) + da, np.abs(B).astype(np.float64) + 1 + db)
            assert np.all(np.abs(exact - moved.mid) <= moved.rad)
    assert np.median(result.rad / np.abs(result.mid)) < 16 * 2**-24


def test_sums_and_products_of_matrices() -> None:
    product = _ball(A) @ _ball(B).T
    assert _contains(product, A @ B.T)
    assert np.max(product.rad) < 1e-3
    assert _contains(_ball(A).sum(0), np.cumsum(A, 0)[-1])
    assert _contains(_ball(A).mean(), np.float32(np.cumsum(A.ravel())[-1]) / np.float32(A.size))
    moved = _ball(A, 1e-4) @ _ball(B, 1e-4).T
    signs = GENERATOR.choice([-1e-4, 1e-4], A.shape)
    assert np.all(np.abs((A + signs) @ (B - signs).T.astype(np.float64) - moved.mid) <= moved.rad)


@pytest.mark.parametrize(
    ("name", "exact"),
    [
        ("tanh", mpmath.tanh),
        ("exp", mpmath.exp),
        ("sigmoid", lambda x: 1 / (1 + mpmath.exp(-x))),
        ("softplus", lambda x: mpmath.log(1 + mpmath.exp(x))),
    ],
)
def test_elementary(name: str, exact: object) -> None:
    points = np.array([-8.0, -3.0, -0.5, 0.0, 0.25, 1.0, 5.0])
    for shift in (0.0, 0.01, -0.01):
        ball = getattr(_ball(points, 0.01), name)()
        wanted = np.array([float(exact(mpmath.mpf(float(each) + shift))) for each in points])
        assert np.all(np.abs(wanted - ball.mid) <= ball.rad)
    sharp = getattr(_ball(points), name)()
    assert np.all(sharp.rad <= 70 * 2**-24 * np.maximum(np.abs(sharp.mid), 1))


def test_logarithm_and_root() -> None:
    points = np.array([0.25, 1.0, 3.0])
    assert _contains(_ball(points).log(), np.log(points.astype(np.float32)))
    assert _contains(_ball(points).sqrt(), np.sqrt(points.astype(np.float32)))


def test_relu_and_its_step() -> None:
    ball = _ball(np.array([-1.0, 0.0, 2.0, 1e-5]), 1e-4)
    assert ball.relu().mid.tolist() == [0, 0, 2, float(np.float32(1e-5))]
    assert ball.relu().rad.tolist() == [0, 1e-4, 1e-4, 1e-4]
    assert ball.step().mid.tolist() == [0, 0, 1, 1]
    assert ball.step().rad.tolist() == [0, 1, 0, 1]
    assert _ball(np.array([0.0])).step().rad.tolist() == [0]


def test_numbers_on_either_side() -> None:
    ball = _ball(np.array([0.5, -2.0]))
    assert (1.0 - ball).mid.tolist() == [0.5, 3.0]
    assert (2.0 * ball + 1.0).mid.tolist() == [2.0, -3.0]
    assert (np.ones(2) - ball).mid.tolist() == [0.5, 3.0]
    assert np.isinf((ball / _ball(np.array([1e-9, 1.0]), 1e-6)).rad).tolist() == [True, False]
