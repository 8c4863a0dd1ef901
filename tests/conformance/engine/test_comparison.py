"""The comparator accepts what a rule allows and nothing else; its ULP distances agree with exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from torch_conformance.conformance.engine.comparison import (
    EXACT,
    UNSIGNED_ZERO,
    Rule,
    absolute,
    compare,
    ulp,
    ulp_distance,
    ulp_size,
)

NAN, INF = math.nan, math.inf
FLOATS = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32, "float64": np.float64}


def differs(seen: object, wanted: object, dtype: str, rule: Rule = EXACT, wide: type | None = None) -> bool:
    kind = FLOATS[dtype]
    return compare(np.array([seen], dtype=kind), np.array([wanted], dtype=wide or kind), dtype, rule) is not None


@pytest.mark.parametrize("dtype", FLOATS)
def test_exact(dtype: str) -> None:
    assert not differs(1.5, 1.5, dtype)
    assert not differs(NAN, NAN, dtype)
    assert not differs(-INF, -INF, dtype)
    assert differs(INF, -INF, dtype)
    assert differs(NAN, 0, dtype)
    assert differs(0, NAN, dtype)
    assert differs(-0.0, 0.0, dtype)
    assert not differs(-0.0, 0.0, dtype, UNSIGNED_ZERO)
    assert differs(1.0, 1.0 + float(ml_dtypes.finfo(FLOATS[dtype]).eps), dtype)


def test_nan_payload_is_free() -> None:
    payload = np.array([0x7FC00001], dtype=np.uint32).view(np.float32)
    assert compare(payload, np.array([NAN], dtype=np.float32), "float32") is None


@pytest.mark.parametrize("dtype", FLOATS)
def test_one_ulp_is_one_neighbour(dtype: str) -> None:
    kind = FLOATS[dtype]
    for value in (1.0, 3.0, 100.0, -1.0, 0.1):
        here = np.array([value], dtype=kind)
        away = here * kind(INF)
        up = np.nextafter(here, away)
        upper = np.nextafter(up, away)
        wanted = here.astype(np.float64)
        assert compare(up, wanted, dtype, ulp(1)) is None
        assert compare(up, wanted, dtype, ulp(0.9)) is not None
        assert compare(upper, wanted, dtype, ulp(1.9)) is not None


def test_half_an_ulp_accepts_the_rounded_result_alone() -> None:
    wanted = np.array([1 + 2.0**-25])
    assert compare(np.array([1], dtype=np.float32), wanted, "float32", ulp(0.5)) is None
    assert compare(np.array([1 + 2.0**-23], dtype=np.float32), wanted, "float32", ulp(0.5)) is not None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_ulp_sizes_at_edges(dtype: str) -> None:
    kind = FLOATS[dtype]
    facts = np.finfo(kind)
    points = [1.0, float(facts.tiny), float(facts.tiny) / 4, float(facts.max), 0.0]
    expected = [float(np.spacing(kind(point))) for point in points if point < float(facts.max)]
    expected.insert(3, float(facts.max) - float(np.nextafter(facts.max, kind(0))))
    assert [float(size) for size in ulp_size(np.array(points), dtype)] == expected


def test_overflow() -> None:
    top = float(np.finfo(np.float32).max)
    half_step = 2.0**103
    assert not differs(INF, top + half_step, "float32", ulp(0.5), np.float64)
    assert differs(INF, top, "float32", ulp(0.4), np.float64)
    assert not differs(top, top + half_step, "float32", ulp(1), np.float64)
    assert differs(-INF, top * 2, "float32", ulp(4), np.float64)
    assert differs(top, INF, "float32", ulp(4), np.float64)
    assert not differs(INF, 1e300, "float32", ulp(1), np.float64)


def test_only_an_exact_zero_has_a_sign_under_a_bound() -> None:
    assert not differs(0.0, 1e-60, "float32", ulp(1), np.float64)
    assert not differs(0.0, -1e-60, "float32", ulp(1), np.float64)
    assert differs(0.0, -0.0, "float32", ulp(1), np.float64)
    assert not differs(0.0, -0.0, "float32", ulp(1, signed_zero=False), np.float64)


def test_absolute_bounds_per_element() -> None:
    wanted = np.array([1.0, 2.0])
    seen = np.array([1.25, 2.25], dtype=np.float32)
    assert compare(seen, wanted, "float32", absolute(0.25)) is None
    mismatch = compare(seen, wanted, "float32", absolute(np.array([0.25, 0.125])))
    assert mismatch is not None
    assert (mismatch.first_index, mismatch.mismatches, mismatch.elements) == ((1,), 1, 2)
    assert compare(np.array([NAN, 2], dtype=np.float32), wanted, "float32", absolute(10)) is not None


def test_integers_are_exact_beyond_double() -> None:
    big = 2**63 - 1
    assert compare(np.array([big]), np.array([big]), "int64") is None
    assert compare(np.array([big]), np.array([big - 1]), "int64") is not None
    assert compare(np.array([2**64 - 1], dtype=np.uint64), np.array([2**64 - 2], dtype=np.uint64), "uint64") is not None


def test_complex_parts_are_judged_separately() -> None:
    seen = np.array([complex(1, -0.0)])
    assert compare(seen, np.array([complex(1, 0.0)]), "complex128") is not None
    assert compare(np.array([complex(NAN, 1)]), np.array([complex(NAN, 1)]), "complex128") is None
    assert compare(np.array([complex(NAN, 1)]), np.array([complex(NAN, 2)]), "complex128") is not None
    assert compare(np.array([complex(NAN, 1)]), np.array([complex(0, NAN)]), "complex128") is not None


def test_first_index_and_count() -> None:
    seen = np.zeros((3, 4), dtype=np.int32)
    wanted = seen.copy()
    wanted[1, 2] = wanted[2, 3] = 7
    mismatch = compare(seen, wanted, "int32")
    assert mismatch is not None
    assert (mismatch.first_index, mismatch.mismatches, mismatch.elements, mismatch.ulp) == ((1, 2), 2, 12, None)


def test_scalars_and_empty() -> None:
    assert compare(np.array(1.0), np.array(1.0), "float64") is None
    mismatch = compare(np.array(1.0), np.array(2.0), "float64")
    assert mismatch is not None
    assert mismatch.first_index == ()
    assert compare(np.zeros((0, 3)), np.zeros((0, 3)), "float64") is None


def test_distances_agree_with_exact_arithmetic() -> None:
    generator = np.random.default_rng(0)
    wanted = generator.normal(size=200)
    seen = wanted.astype(np.float32)
    distances = ulp_distance(seen, wanted, "float32")
    for here, there, distance in zip(seen.tolist(), wanted.tolist(), distances.tolist(), strict=True):
        size = Fraction(2) ** (math.frexp(there)[1] - 24)
        assert float(abs(Fraction(here) - Fraction(there)) / size) == pytest.approx(distance, rel=1e-9)
    assert distances.max() <= 0.5
