"""The bounds of ranges, against exact and high-precision values and against evaluations that must lie inside."""

from __future__ import annotations

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.ops import creation, ranges
from torch_conformance.spec import load


def _roundings(operation: str) -> float:
    return load().bound(operation, "float32").count()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("start", "step", "count"), [(0.0, 0.1, 50), (-3.7, 0.3, 1000), (100.0, -0.01, 300), (0.0, 1e-6, 40)]
)
def test_arange_evaluated_in_the_dtype_itself_lies_inside(dtype: str, start: float, step: float, count: int) -> None:
    kind = numpy_dtype(dtype).type
    index = np.arange(count).astype(numpy_dtype(dtype))
    computed = (kind(start) + index * kind(step)).astype(np.longdouble)
    exact = np.array([np.longdouble(start) + i * np.longdouble(step) for i in range(count)])
    assert (np.abs(computed - exact) <= ranges.arange_bounds(start, step, count, dtype, _roundings("arange"))).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    ("start", "end", "steps"), [(0.0, 11.0, 10), (-1.3, 2.7, 257), (0.0, 0.001, 1000), (5.0, 5.0, 3)]
)
def test_linspace_evaluated_from_either_end_lies_inside(dtype: str, start: float, end: float, steps: int) -> None:
    kind = numpy_dtype(dtype).type
    index = np.arange(steps).astype(numpy_dtype(dtype))
    step = (kind(end) - kind(start)) / kind(steps - 1)
    exact = creation.rounded(creation.linspace(start, end, steps), "float64")
    bound = ranges.linspace_bounds(start, end, steps, dtype, _roundings("linspace"))
    for computed in (kind(start) + index * step, kind(end) - index[::-1] * step):
        assert (np.abs(computed.astype(np.longdouble) - exact) <= bound).all()


def test_an_element_off_by_a_step_lies_outside() -> None:
    assert ranges.arange_bounds(0.0, 0.1, 100, "float32", _roundings("arange")).max() < 0.1 / 100
    assert ranges.linspace_bounds(0.0, 1.0, 100, "float32", _roundings("linspace")) < 0.01 / 100


def test_logspace_against_mpmath() -> None:
    with mpmath.workdps(40):
        wanted = [mpmath.mpf(10) ** (mpmath.mpf(-2) + mpmath.mpf(5) * i / 9) for i in range(10)]
        computed = ranges.logspace(-2, 3, 10, 10)
        for one, other in zip(wanted, computed, strict=True):
            assert abs(mpmath.mpf(float(other)) - one) <= one * mpmath.mpf(2) ** -52
    grid, powers = _roundings("linspace"), _roundings("logspace")
    bounds = ranges.logspace_bounds((-2, 3), 10, 10, "float32", exponents=grid, powers=powers)
    assert (bounds < computed * 1e-4).all()
    assert (bounds > computed * 1e-7).all()


def test_complex_linspace_is_even_in_both_parts() -> None:
    values = ranges.complex_linspace(1j, 4 - 2j, 4)
    assert values.astype(complex).tolist() == pytest.approx([1j, 4 / 3, 8 / 3 - 1j, 4 - 2j])


def test_values_against_exact_fractions() -> None:
    for start, end, steps in ((0.0, 1.0, 7), (-0.1, 3.3, 10), (5.0, -5.0, 2), (2.5, 9.0, 1)):
        exact = creation.linspace(start, end, steps)
        for value, wanted in zip(ranges.linspace_values(start, end, steps), exact, strict=True):
            assert abs(Fraction(float(value)) - wanted) <= abs(wanted) * Fraction(1, 2**52)
    exact = creation.arange(0.1, 5.05, 0.3)
    for value, wanted in zip(ranges.arange_values(0.1, 0.3, len(exact)), exact, strict=True):
        assert abs(Fraction(float(value)) - wanted) <= abs(wanted) * Fraction(1, 2**52)


def test_exact_grids() -> None:
    assert ranges.is_exact_grid(Fraction(0), Fraction(1), 2048, "float16")
    assert not ranges.is_exact_grid(Fraction(0), Fraction(1), 2049, "float16")
    assert ranges.is_exact_grid(Fraction(-1, 2), Fraction(1, 4), 100, "bfloat16")
    assert not ranges.is_exact_grid(Fraction(1, 3), Fraction(1, 3), 2, "float64")
    assert not ranges.is_exact_grid(Fraction(1), Fraction(40), 2000, "float16")
    # A unit of 2**-30 is no value of float16, however few there are of them.
    assert not ranges.is_exact_grid(Fraction(0), Fraction(1, 2**30), 10, "float16")
    assert ranges.is_exact_grid(Fraction(0), Fraction(1, 2**14), 10, "float16")
    assert ranges.is_exact_grid(Fraction(0), Fraction(1, 2**30), 10, "float32")


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(0, 40))
def test_integer_linspace_is_within_one_of_the_exact(start: int, end: int, steps: int) -> None:
    exact = creation.linspace(start, end, steps)
    lows, highs = ranges.integer_linspace_interval(start, end, steps)
    assert len(lows) == len(highs) == steps
    for index, (value, low, high) in enumerate(zip(exact, lows, highs, strict=True)):
        if index in (0, steps - 1):
            assert low == high == (end if index else start) == value
        else:
            assert (low, high) == (math.ceil(value - 1), math.floor(value + 1))
        assert low <= math.trunc(value) <= high


def test_integer_linspace_by_hand() -> None:
    # 0, 5/3, 10/3, 5
    assert ranges.integer_linspace_interval(0, 5, 4) == ([0, 1, 3, 5], [0, 2, 4, 5])
    assert ranges.integer_linspace_interval(2**62, -(2**62), 3) == ([2**62, -1, -(2**62)], [2**62, 1, -(2**62)])
    assert ranges.integer_linspace_interval(7, 9, 1) == ([7], [7])
    assert ranges.integer_linspace_interval(7, 9, 0) == ([], [])
