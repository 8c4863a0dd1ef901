"""Activations against mpmath, hand-worked numbers and finite differences."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from torch_conformance.reference.nn import activations
from torch_conformance.reference.nn.activations import ACTIVATIONS

X = np.array([-7.3, -3.1, -2.6, -1.1, -0.37, -0.2, 0.2, 0.37, 0.9, 1.7, 2.6, 3.1, 5.5, 7.3], dtype=np.longdouble)
OPTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "leaky-relu": ({}, {"negative_slope": 0.3}),
    "elu": ({}, {"alpha": 0.7}),
    "celu": ({}, {"alpha": 0.7}),
    "gelu": ({}, {"approximate": "tanh"}),
    "softplus": ({}, {"beta": 2.0}, {"beta": 0.5, "threshold": 1.5}),
    "softshrink": ({}, {"lambd": 1.2}),
    "hardshrink": ({}, {"lambd": 1.2}),
    "hardtanh": ({}, {"min_val": -2.5, "max_val": 0.3}),
    "threshold": ({"threshold": 0.5, "value": -3.0},),
    "rrelu": ({}, {"lower": 0.1, "upper": 0.9}),
}
CASES = [(name, options) for name in ACTIVATIONS for options in OPTIONS.get(name, ({},))]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_derivatives_are_differences(name: str, options: dict[str, Any]) -> None:
    row = ACTIVATIONS[name]
    step = np.longdouble(2.0**-22)
    rise = (row.value(X + step, **options) - row.value(X - step, **options)) / (2 * step)
    assert np.allclose(row.derivative(X, **options).astype(float), rise.astype(float), atol=1e-10)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_sizes_cover_values(name: str, options: dict[str, Any]) -> None:
    row = ACTIVATIONS[name]
    if row.size:
        assert (np.abs(row.value(X, **options)) <= row.size(X, **options) * (1 + 1e-15)).all()
    if row.slope_size:
        assert (np.abs(row.derivative(X, **options)) <= row.slope_size(X, **options) * 1.2).all()


EXACT = {
    "gelu": lambda x: x * mpmath.ncdf(x),
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log(1 + mpmath.exp(x))),
    "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "tanhshrink": lambda x: x - mpmath.tanh(x),
    "logsigmoid": lambda x: -mpmath.log(1 + mpmath.exp(-x)),
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "celu": lambda x: x if x > 0 else mpmath.expm1(x),
    "selu": lambda x: (
        mpmath.mpf("1.0507009873554804934193349852946")
        * (x if x > 0 else mpmath.mpf("1.6732632423543772848170429916717") * mpmath.expm1(x))
    ),
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
}


@pytest.mark.parametrize("name", EXACT)
def test_values_are_those_of_mpmath(name: str) -> None:
    with mpmath.workdps(40):
        wanted = [float(EXACT[name](mpmath.mpf(float(x)))) for x in X]
    values = ACTIVATIONS[name].value(X.astype(np.float64).astype(np.longdouble))
    assert np.allclose(values.astype(float), wanted, rtol=1e-15, atol=1e-17)


def test_by_hand() -> None:
    x = np.array([-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 7.0])
    assert ACTIVATIONS["relu"].value(x).tolist() == [0, 0, 0, 0, 1, 3, 7]
    assert ACTIVATIONS["relu"].derivative(x).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert ACTIVATIONS["relu6"].value(x).tolist() == [0, 0, 0, 0, 1, 3, 6]
    assert np.allclose(ACTIVATIONS["hardswish"].value(x).astype(float), [0, 0, -1 / 3, 0, 2 / 3, 3, 7])
    assert np.allclose(ACTIVATIONS["hardsigmoid"].value(x).astype(float), [0, 0, 1 / 3, 1 / 2, 2 / 3, 1, 1])
    assert ACTIVATIONS["softshrink"].value(x, lambd=2).tolist() == [-2, -1, 0, 0, 0, 1, 5]
    assert ACTIVATIONS["hardshrink"].value(x, lambd=2).tolist() == [-4, -3, 0, 0, 0, 3, 7]
    assert ACTIVATIONS["threshold"].value(x, 1, 9).tolist() == [9, 9, 9, 9, 9, 3, 7]
    assert activations.prelu(x, np.array(2.0)).tolist() == [-8, -6, -2, 0, 1, 3, 7]
    assert activations.glu(np.array([2.0, 3.0, 0.0, 0.0]), 0).tolist() == [1, 1.5]


def test_soft_functions() -> None:
    x, g = (np.random.default_rng(seed).standard_normal((3, 4)).astype(np.longdouble) for seed in (0, 1))
    y = activations.softmax(x, 1)
    assert np.allclose(y.sum(axis=1).astype(float), 1)
    assert np.allclose(np.log(y).astype(float), activations.log_softmax(x, 1).astype(float))
    logs = activations.log_softmax(x, 1)
    pairs = (
        (activations.softmax, activations.softmax_gradient(y, g, 1)),
        (activations.log_softmax, activations.log_softmax_gradient(logs, g, 1)),
        (activations.glu, None),
    )
    for function, gradient in pairs:
        h = g if gradient is not None else g[:, :2]
        slope = activations.glu_gradient(x, h, 1) if gradient is None else gradient
        for index in np.ndindex(3, 4):
            step = np.zeros_like(x)
            step[index] = 1e-6
            rise = (h * (function(x + step, 1) - function(x - step, 1))).sum() / np.longdouble(2e-6)
            assert abs(float(rise - slope[index])) < 1e-9
