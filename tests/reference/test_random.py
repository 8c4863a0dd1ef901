"""Statistics against SciPy's exact distributions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from torch_conformance.reference import random


def test_normal_distribution_function() -> None:
    points = np.linspace(-8, 8, 101)
    assert np.allclose(random.normal_cdf(points), scipy.stats.norm.cdf(points), rtol=1e-13, atol=0)


@pytest.mark.parametrize("count", [100, 10_000])
@pytest.mark.parametrize("rate", [1e-3, 1e-9, 1e-12])
def test_distance_bound_is_exceeded_no_more_often_than_stated_and_not_much_less(count: int, rate: float) -> None:
    bound = random.dkw_bound(count, rate)
    exact = scipy.stats.kstwo.sf(bound, count)
    assert exact <= rate
    assert exact >= rate / 10


def test_statistic_is_the_kolmogorov_smirnov_one() -> None:
    sample = np.random.default_rng(0).normal(size=1000)
    expected = scipy.stats.kstest(sample, "norm").statistic
    assert random.ks_statistic(sample, random.normal_cdf) == pytest.approx(expected, abs=1e-14)


def test_discrete_statistic_by_hand() -> None:
    assert random.discrete_statistic(np.array([0, 1, 2, 3]), 0, 4) == 0
    assert random.discrete_statistic(np.array([0, 0, 0, 0]), 0, 4) == pytest.approx(0.75)


@pytest.mark.parametrize("freedom", [50, 5000])
def test_chi_square_interval(freedom: int) -> None:
    low, high = random.chi_square_interval(freedom, 1e-6)
    outside = scipy.stats.chi2.cdf(low, freedom) + scipy.stats.chi2.sf(high, freedom)
    assert 0 < outside <= 1e-6


def test_mean_bound() -> None:
    bound = random.normal_mean_bound(400, 1e-6)
    assert 1e-9 < 2 * scipy.stats.norm.sf(bound * 20) <= 1e-6


def test_permutations() -> None:
    assert random.is_permutation(np.array([2, 0, 1]))
    assert not random.is_permutation(np.array([0, 0, 2]))
    assert not random.is_permutation(np.array([1, 2, 3]))
    assert random.is_permutation(np.array([]))
