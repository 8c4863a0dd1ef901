"""Statistics that judge random numbers, with bounds on how often a right generator fails them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def dkw_bound(count: int, error_rate: float) -> float:
    """Return the distance between empirical and true distribution that is exceeded with at most `error_rate`.

    Source: Dvoretzky, Kiefer, Wolfowitz (1956) with the constant of Massart (1990): P(D > e) <= 2 exp(-2 n e^2), for
    every distribution, discrete ones included.
    """
    return math.sqrt(math.log(2 / error_rate) / (2 * count))


def ks_statistic(sample: Array, distribution: Callable[[Array], Array]) -> float:
    """Return the largest distance between the empirical distribution of a sample and a continuous one."""
    ordered = np.sort(np.asarray(sample, dtype=np.float64).ravel())
    count = ordered.size
    expected = distribution(ordered)
    above = np.arange(1, count + 1) / count - expected
    below = expected - np.arange(count) / count
    return float(max(above.max(), below.max()))


def discrete_statistic(sample: Array, low: int, high: int) -> float:
    """Return the largest distance of the distribution of integers from the uniform one on low .. high - 1."""
    values = np.asarray(sample).astype(np.int64).ravel()
    counts = np.bincount(values - low, minlength=high - low)
    empirical = np.cumsum(counts) / values.size
    return float(np.abs(empirical - np.arange(1, high - low + 1) / (high - low)).max())


def normal_cdf(values: Array) -> Array:
    """Return the standard normal distribution function, by the complementary error function."""
    return np.array([0.5 * math.erfc(-value / math.sqrt(2)) for value in np.asarray(values).tolist()])


def uniform_cdf(values: Array) -> Array:
    """Return the distribution function of the uniform distribution on [0, 1]."""
    return np.clip(np.asarray(values, dtype=np.float64), 0, 1)


def normal_mean_bound(count: int, error_rate: float) -> float:
    """Return the size of a mean of `count` standard normals that is exceeded with at most `error_rate`.

    Source: the tail of the normal distribution, P(|Z| > t) <= 2 exp(-t^2 / 2) (Chernoff).
    """
    return math.sqrt(2 * math.log(2 / error_rate) / count)


def chi_square_interval(freedom: int, error_rate: float) -> tuple[float, float]:
    """Return an interval that a chi-square variable leaves with at most `error_rate`.

    Source: Laurent and Massart (2000), lemma 1: P(X - k >= 2 sqrt(k x) + 2 x) <= exp(-x), P(k - X >= 2 sqrt(k x)) <=
    exp(-x).
    """
    exponent = math.log(2 / error_rate)
    spread = 2 * math.sqrt(freedom * exponent)
    return freedom - spread, freedom + spread + 2 * exponent


def correlation_bound(count: int, error_rate: float) -> float:
    """Return the size of the mean of products of `count` pairs of independent uniforms on [-1, 1], likewise.

    Source: Hoeffding (1963), for variables bounded by 1: P(|mean| > t) <= 2 exp(-n t^2 / 2).
    """
    return math.sqrt(2 * math.log(2 / error_rate) / count)


def is_permutation(values: Array) -> bool:
    """Return whether integers are 0 .. n - 1 in some order."""
    ordered = np.sort(np.asarray(values).astype(np.int64).ravel())
    return bool(np.array_equal(ordered, np.arange(ordered.size)))
