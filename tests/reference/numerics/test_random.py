"""Statistics against SciPy's exact distributions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from torch_conformance.reference.numerics import random


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
    assert random.discrete_statistic(np.array([3, 3, 3, 3]), 0, 4) == pytest.approx(0.75)
    assert random.discrete_statistic(np.array([-1, 0, 1, 2]), -1, 3) == 0
    # Outside: half of the sample below the range, or all of it above.
    assert random.discrete_statistic(np.array([-5, -5, 0, 1]), 0, 2) == pytest.approx(0.5)
    assert random.discrete_statistic(np.array([9, 9]), 0, 4) == 1
    for sample, low, high in (([], 0, 4), ([1], 4, 4)):
        with pytest.raises(ValueError, match="not empty"):
            random.discrete_statistic(np.array(sample, dtype=np.int64), low, high)


def test_discrete_statistic_over_the_whole_of_int64() -> None:
    ends = np.array([-(2**63), 2**63 - 1])
    assert random.discrete_statistic(ends, -(2**63), 2**63) == pytest.approx(0.5)


@pytest.mark.parametrize("high", [2, 7, 1000])
def test_discrete_statistic_against_every_place(high: int) -> None:
    sample = np.random.default_rng(high).integers(0, high, 300)
    expected = max(abs((sample <= k).mean() - (k + 1) / high) for k in range(high))
    assert random.discrete_statistic(sample, 0, high) == pytest.approx(expected, abs=1e-12)


def test_distribution_functions_keep_shape() -> None:
    assert random.normal_cdf(np.zeros((2, 3), dtype=np.float32)).shape == (2, 3)
    assert random.normal_cdf(np.array(0.0)).tolist() == 0.5
    assert random.uniform_cdf(np.array([[-1, 0.25], [1, 2]])).tolist() == [[0, 0.25], [1, 1]]


@pytest.mark.parametrize("freedom", [50, 5000])
def test_chi_square_interval(freedom: int) -> None:
    low, high = random.chi_square_interval(freedom, 1e-6)
    outside = scipy.stats.chi2.cdf(low, freedom) + scipy.stats.chi2.sf(high, freedom)
    assert 0 < outside <= 1e-6


@pytest.mark.parametrize("freedom", [1, 9, 50, 5000])
@pytest.mark.parametrize("rate", [1e-3, 1e-9])
def test_chi_square_bound_is_one_sided_and_not_vast(freedom: int, rate: float) -> None:
    bound = random.chi_square_bound(freedom, rate)
    assert scipy.stats.chi2.sf(bound, freedom) <= rate
    assert bound < 2 * scipy.stats.chi2.isf(rate, freedom)
    low, _ = random.chi_square_interval(freedom, rate)
    assert 0 <= low < freedom
    assert scipy.stats.chi2.cdf(low, freedom) <= rate / 2


@pytest.mark.parametrize("count", [20, 10_000])
def test_normal_variance_interval(count: int) -> None:
    low, high = random.normal_variance_interval(count, 1e-6)
    law = scipy.stats.chi2(count - 1, scale=1 / (count - 1))
    assert 0 < law.cdf(low) + law.sf(high) <= 1e-6


@pytest.mark.parametrize(("count", "chance"), [(200, 0.5), (5000, 0.5), (5000, 0.01), (100_000, 0.001)])
@pytest.mark.parametrize("rate", [1e-3, 1e-9])
def test_bounds_of_means_hold_for_the_binomial(count: int, chance: float, rate: float) -> None:
    variance = chance * (1 - chance)
    hoeffding = random.hoeffding_bound(count, rate, 1.0)
    bernstein = random.bernstein_bound(count, rate, variance, 1 - chance)
    law = scipy.stats.binom(count, chance)
    for bound in (hoeffding, bernstein):
        assert law.sf(count * (chance + bound)) + law.cdf(count * (chance - bound)) <= rate
    # Within a small factor of six or so standard deviations, and the sharper one sharper where it should be.
    assert bernstein < 2.5 * scipy.stats.norm.isf(rate / 2) * np.sqrt(variance / count)
    assert (bernstein < hoeffding) == (chance < 0.5)


def test_bounds_grow_narrower_with_the_root_of_the_sample() -> None:
    assert random.hoeffding_bound(400, 1e-9, 2.0) == pytest.approx(2 * random.hoeffding_bound(1600, 1e-9, 2.0))
    assert random.correlation_bound(100, 1e-6) == pytest.approx(np.sqrt(2 * np.log(2e6) / 100))
    assert random.dkw_bound(100, 0.05) == pytest.approx(0.1358, abs=1e-4)


def test_mean_bound() -> None:
    bound = random.normal_mean_bound(400, 1e-6)
    assert 1e-9 < 2 * scipy.stats.norm.sf(bound * 20) <= 1e-6


def test_permutations() -> None:
    assert random.is_permutation(np.array([2, 0, 1]))
    assert not random.is_permutation(np.array([0, 0, 2]))
    assert not random.is_permutation(np.array([1, 2, 3]))
    assert random.is_permutation(np.array([]))
