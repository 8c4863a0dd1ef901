"""Special functions against mpmath at 40 digits, in both types in which they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from torch_conformance.reference.numerics import special

GENERATOR = np.random.default_rng(0)
WIDE = np.finfo(np.longdouble).nmant > 52


def log_gamma(x: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log(abs(mpmath.gamma(x)))


POINTS = {
    "erf": np.concatenate([GENERATOR.normal(size=60) * 2, 10.0 ** GENERATOR.uniform(-12, 1, 40)]),
    "erfc": np.concatenate([GENERATOR.uniform(-3, 9, 80), [0.999, 1.0, 1.001, 1.9, 2.1, 26.0]]),
    "lgamma": np.concatenate([GENERATOR.uniform(2.1, 40, 40), 10.0 ** GENERATOR.uniform(-8, -1, 30), [0.7, 1e6]]),
    "digamma": np.concatenate([GENERATOR.uniform(1.6, 40, 40), 10.0 ** GENERATOR.uniform(-8, -1, 30), [1e6]]),
}
EXACT: dict[str, Callable[[Any], Any]] = {
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
    "lgamma": log_gamma,
    "digamma": mpmath.digamma,
}
# Relative errors that leave the judging of float32 (from float64) and float64 (from longdouble) undisturbed.
ALLOWED = {np.float64: 1e-13, np.longdouble: 2.0**-55 if WIDE else 1e-13}


def exactly(value: Any) -> mpmath.mpf:
    high = float(value)
    return mpmath.mpf(high) + mpmath.mpf(float(value - type(value)(high)))


@pytest.mark.parametrize("kind", [np.float64, np.longdouble])
@pytest.mark.parametrize("name", list(EXACT))
def test_against_mpmath(name: str, kind: Any) -> None:
    points = POINTS[name].astype(kind)
    results = getattr(special, name)(points)
    assert results.dtype == kind
    with mpmath.workdps(40):
        errors = [
            abs(exactly(result) / EXACT[name](exactly(point)) - 1)
            for point, result in zip(points, results, strict=True)
        ]
    assert max(errors) < ALLOWED[kind]


def test_special_values() -> None:
    edges = np.array([0.0, -0.0, np.inf, -np.inf, np.nan])
    assert [str(value) for value in special.erf(edges)] == ["0.0", "-0.0", "1.0", "-1.0", "nan"]
    assert [str(value) for value in special.erfc(edges)] == ["1.0", "1.0", "0.0", "2.0", "nan"]
    assert [str(value) for value in special.lgamma(edges)] == ["inf", "inf", "inf", "inf", "nan"]
    assert [str(value) for value in special.digamma(edges)] == ["-inf", "inf", "inf", "nan", "nan"]
    assert np.isinf(special.lgamma(np.array([-1.0, -2.0]))).all()
    assert np.isnan(special.digamma(np.array([-1.0, -2.0]))).all()


def test_reflection() -> None:
    with mpmath.workdps(30):
        for value in (-0.5, -1.3, -2.75):
            assert float(special.lgamma(np.array([value]))[0]) == pytest.approx(float(log_gamma(value)), rel=1e-13)
            assert float(special.digamma(np.array([value]))[0]) == pytest.approx(
                float(mpmath.digamma(value)), rel=1e-12
            )
