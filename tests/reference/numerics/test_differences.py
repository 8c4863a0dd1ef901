"""Derivatives by differences against derivatives by hand."""

from __future__ import annotations

import numpy as np

from torch_conformance.reference.numerics.differences import along


def test_polynomials_are_exact() -> None:
    x, y = np.array([1.0, 2.0], np.longdouble), np.array([3.0, -1.0], np.longdouble)
    dx, dy = np.array([1.0, -2.0]), np.array([0.5, 4.0])
    found = along(lambda x, y: (x**3 * y).sum(), [x, y], [dx, dy])
    expected = (3 * x**2 * y * dx + x**3 * dy).sum()
    assert abs(found - expected) < 1e-14 * abs(expected)


def test_exponentials_are_close() -> None:
    x = np.linspace(-3, 3, 7).astype(np.longdouble)
    found = along(np.exp, [x], [np.ones(7)])
    assert np.abs(found / np.exp(x) - 1).max() < 1e-13


def test_other_arrays_stay() -> None:
    x = np.longdouble(2)
    assert along(lambda a, b: a * b**2, [x, x], [np.ones(()), np.zeros(())]) == 4
