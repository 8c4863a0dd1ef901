"""Initialisation against hand-worked numbers and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from torch_conformance.reference.nn import initialisation


def test_fans_and_spreads() -> None:
    assert initialisation.fans((3, 5)) == (5, 3)
    assert initialisation.fans((4, 2, 3, 5)) == (30, 60)
    with pytest.raises(ValueError, match="two dimensions"):
        initialisation.fans((3,))
    assert initialisation.xavier_std((3, 5)) == 0.5
    assert initialisation.kaiming_std((8, 2), 0, "fan_out", "linear") == 1 / math.sqrt(8)
    assert math.isclose(initialisation.kaiming_std((8, 3), math.sqrt(5)), 1 / 3)
    assert math.isclose(initialisation.uniform_bound(1 / math.sqrt(3)), 1)


def test_gains() -> None:
    assert initialisation.gain("tanh") == 5 / 3
    assert initialisation.gain("leaky_relu") == math.sqrt(2 / 1.0001)
    assert initialisation.gain("leaky_relu", 1) == 1
    assert [initialisation.gain(each) for each in ("linear", "conv2d", "sigmoid", "selu")] == [1, 1, 1, 0.75]


def test_truncated_normal_against_scipy() -> None:
    points = np.linspace(-3, 3, 25)
    for mean, std, a, b in ((0, 1, -2, 2), (1, 2, 0, 1.5), (-3, 1, 0, 2)):
        expected = stats.truncnorm.cdf(points, (a - mean) / std, (b - mean) / std, mean, std)
        assert np.allclose(initialisation.truncated_normal_cdf(points, mean, std, a, b), expected, atol=1e-12)


def test_shortfall() -> None:
    assert math.isclose(initialisation.largest_shortfall(1000, 1e-9), 9 * math.log(10) / 1000)


def test_patterns() -> None:
    assert initialisation.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert initialisation.dirac((2, 1, 3)).tolist() == [[[0, 1, 0]], [[0, 0, 0]]]
    grouped = initialisation.dirac((4, 2, 1), groups=2)
    assert grouped[:, :, 0].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]
