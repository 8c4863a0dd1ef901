"""Arithmetic against hand-worked cases, Python's integers and NumPy's own broadcasting."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.ops import arithmetic

SIZES = st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4).map(tuple)


@given(SIZES, SIZES)
def test_broadcasting_agrees_with_numpy(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    try:
        expected = np.broadcast_shapes(first, second)
    except ValueError:
        with pytest.raises(arithmetic.BroadcastError):
            arithmetic.broadcast_size(first, second)
    else:
        assert arithmetic.broadcast_size(first, second) == expected


def test_quotients_toward_zero() -> None:
    a, b = np.array([7, -7, 7, -7, -128], dtype=np.int8), np.array([2, 2, -2, -2, 3], dtype=np.int8)
    assert arithmetic.truncated_quotient(a, b).tolist() == [3, -3, -3, 3, -42]


def test_powers_wrap() -> None:
    a, b = np.array([2, 3, -2, 0, 5], dtype=np.int8), np.array([7, 5, 3, 0, 4], dtype=np.int8)
    assert arithmetic.integer_power(a, b).tolist() == [-128, -13, -8, 1, 113]
    assert arithmetic.integer_power(np.array([3]), np.array([41])).tolist() == [(3**41 + 2**63) % 2**64 - 2**63]


def test_clamp() -> None:
    x = np.array([-3.0, 0.5, 9.0, math.nan])
    assert arithmetic.clamp(x, np.array(-1.0), np.array(2.0)).tolist()[:3] == [-1, 0.5, 2]
    assert math.isnan(arithmetic.clamp(x, np.array(-1.0), None)[3])
    assert arithmetic.clamp(x[:1], np.array(5.0), np.array(2.0)).tolist() == [2]


def test_nan_to_num() -> None:
    x = np.array([math.nan, math.inf, -math.inf, 1.5], dtype=np.float32)
    top = float(np.finfo(np.float32).max)
    assert arithmetic.nan_to_num(x, "float32").tolist() == [0, top, -top, 1.5]
    assert arithmetic.nan_to_num(x, "float32", 7, 8, 9).tolist() == [7, 8, 9, 1.5]


def test_isclose() -> None:
    a = np.array([1.0, 1.0, math.inf, math.inf, math.nan])
    b = np.array([1.1, 1.2, math.inf, 1.0, math.nan])
    assert arithmetic.isclose(a, b, 0.1, 0.0, equal_nan=False).tolist() == [True, False, True, False, False]
    assert arithmetic.isclose(a, b, 0.1, 0.0, equal_nan=True).tolist()[-1]


def test_complex_products() -> None:
    assert arithmetic.complex_product(np.array([1 + 2j]), np.array([3 - 1j])).tolist() == [5 + 5j]
