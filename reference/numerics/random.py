"""Statistics that judge random numbers, with bounds on how often a right generator fails them.

Every bound holds for any sample size, not asymptotically, and is two-sided unless it says otherwise. A suite that
makes m such checks at `error_rate` each fails a right generator with at most m times that (Boole).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def dkw_bound(count: int, error_rate: float) -> float:
    """Return the distance between empirical and true distribution that is exceeded with at most `error_rate`.

    Source: Dvoretzky, Kiefer and Wolfowitz (1956), Annals of Mathematical Statistics 27, with the constant of Massart
    (1990), "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18:
    P(D > e) <= 2 exp(-2 n e^2), for every distribution, discrete ones included.
    """
    return math.sqrt(math.log(2 / error_rate) / (2 * count))


def ks_statistic(sample: Array, distribution: Callable[[Array], Array]) -> float:
    """Return the largest distance between the empirical distribution of a sample and a continuous one.

    Source: Kolmogorov (1933), "Sulla determinazione empirica di una legge di distribuzione".

    Args:
        sample: Real numbers, of any shape; one at least.
        distribution: The distribution function, of sorted float64 values.
    """
    ordered = np.sort(np.asarray(sample, dtype=np.float64).ravel())
    count = ordered.size
    expected = distribution(ordered)
    above = np.arange(1, count + 1) / count - expected
    below = expected - np.arange(count) / count
    return float(max(above.max(), below.max()))


def discrete_statistic(sample: Array, low: int, high: int) -> float:
    """Return the largest distance of the distribution of integers from the uniform one on low .. high - 1.

    Compare it with `dkw_bound`, which holds for discrete distributions too. Values outside count as such.

    Args:
        sample: Integers, of any shape and integral dtype.
        low: Least value.
        high: One more than the greatest.

    Raises:
        ValueError: For an empty sample or an empty range.
    """
    values = np.asarray(sample).ravel()
    if not values.size or high <= low:
        raise ValueError("a sample and a range are not empty")
    places, counts = np.unique(values, return_counts=True)
    reached = np.cumsum(counts) / values.size
    # Places relative to low can exceed int64. Between two places the empirical function is constant and the uniform
    # one rises, so that the largest distance lies at a place or just before one.
    relative = np.array([(place - low) / (high - low) for place in places.tolist()])
    step = 1 / (high - low)
    at_place = np.abs(reached - np.clip(relative + step, 0, 1))
    before = np.abs(reached - counts / values.size - np.clip(relative, 0, 1))
    return float(max(at_place.max(), before.max()))


def normal_cdf(values: Array) -> Array:
    """Return the standard normal distribution function, by the complementary error function; float64, same shape."""
    flat = np.asarray(values, dtype=np.float64)
    results = [0.5 * math.erfc(value) for value in (flat.ravel() * -math.sqrt(0.5)).tolist()]
    return np.array(results, dtype=np.float64).reshape(flat.shape)


def uniform_cdf(values: Array) -> Array:
    """Return the distribution function of the uniform distribution on [0, 1]."""
    return np.clip(np.asarray(values, dtype=np.float64), 0, 1)


def normal_mean_bound(count: int, error_rate: float) -> float:
    """Return the size of a mean of `count` standard normals that is exceeded with at most `error_rate`.

    Source: the tail of the normal distribution, P(|Z| > t) <= 2 exp(-t^2 / 2) (Chernoff).
    """
    return math.sqrt(2 * math.log(2 / error_rate) / count)


def chi_square_bound(freedom: int, error_rate: float) -> float:
    """Return what a chi-square variable exceeds with at most `error_rate`; one-sided.

    Pearson's statistic is chi-square only for many expected counts per class: keep five or more, and prefer
    `discrete_statistic`, whose bound holds for any sample.

    Source: Laurent and Massart (2000), "Adaptive estimation of a quadratic functional by model selection", Annals of
    Statistics 28, lemma 1: P(X - k >= 2 sqrt(k x) + 2 x) <= exp(-x).
    """
    exponent = math.log(1 / error_rate)
    return freedom + 2 * math.sqrt(freedom * exponent) + 2 * exponent


def chi_square_interval(freedom: int, error_rate: float) -> tuple[float, float]:
    """Return an interval that a chi-square variable leaves with at most `error_rate`.

    Source: Laurent and Massart (2000), lemma 1: `chi_square_bound`, and P(k - X >= 2 sqrt(k x)) <= exp(-x).
    """
    exponent = math.log(2 / error_rate)
    return max(0.0, freedom - 2 * math.sqrt(freedom * exponent)), chi_square_bound(freedom, error_rate / 2)


def normal_variance_interval(count: int, error_rate: float) -> tuple[float, float]:
    """Return an interval that the variance of `count` standard normals, by count - 1, leaves with at most `error_rate`.

    Source: (n - 1) s^2 is chi-square with n - 1 degrees of freedom (Fisher, 1925), then `chi_square_interval`.
    """
    low, high = chi_square_interval(count - 1, error_rate)
    return low / (count - 1), high / (count - 1)


def hoeffding_bound(count: int, error_rate: float, width: float) -> float:
    """Return how far the mean of `count` variables on an interval of `width` strays from its expectation, likewise.

    Source: Hoeffding (1963), "Probability inequalities for sums of bounded random variables", Journal of the American
    Statistical Association 58, theorem 2: P(|mean - m| >= t) <= 2 exp(-2 n t^2 / width^2).
    """
    return width * math.sqrt(math.log(2 / error_rate) / (2 * count))


def bernstein_bound(count: int, error_rate: float, variance: float, largest: float) -> float:
    """Return how far a mean strays from its expectation, sharper than `hoeffding_bound` where the variance is small.

    Source: Bernstein (1946), as in Boucheron, Lugosi and Massart (2013), "Concentration inequalities", corollary 2.11:
    P(|mean - m| >= sqrt(2 v x / n) + b x / (3 n)) <= 2 exp(-x), for variables with |X - m| <= b.

    Args:
        count: Size of the sample.
        error_rate: Probability of straying farther, at most.
        variance: Variance of one variable.
        largest: Greatest distance of one variable from its expectation.
    """
    exponent = math.log(2 / error_rate)
    return math.sqrt(2 * variance * exponent / count) + largest * exponent / (3 * count)


def correlation_bound(count: int, error_rate: float) -> float:
    """Return the size of the mean of products of `count` pairs of independent uniforms on [-1, 1], likewise.

    Source: `hoeffding_bound`, for products on [-1, 1].
    """
    return hoeffding_bound(count, error_rate, 2.0)


def is_permutation(values: Array) -> bool:
    """Return whether integers are 0 .. n - 1 in some order."""
    ordered = np.sort(np.asarray(values).astype(np.int64).ravel())
    return bool(np.array_equal(ordered, np.arange(ordered.size)))
