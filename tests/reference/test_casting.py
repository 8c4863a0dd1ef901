"""Conversions against hand-worked cases, integer arithmetic and exhaustive bit patterns."""

from __future__ import annotations

import math
import struct
import warnings
from fractions import Fraction

import numpy as np
import pytest
from torch_conformance.reference import casting
from torch_conformance.reference.dtypes import NAMES, category, iinfo, numpy_dtype


def as_one(value: object, source: str, target: str) -> object:
    return casting.cast(np.array([value], dtype=numpy_dtype(source)), target)[0]


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (2.9, "float64", "int32", 2),
        (-2.9, "float64", "int32", -2),
        (-0.5, "float32", "uint8", 0),
        (255.99, "float32", "uint8", 255),
        (300, "int64", "uint8", 44),
        (-1, "int64", "uint8", 255),
        (200, "uint8", "int8", -56),
        (2**63 - 1, "int64", "int32", -1),
        (2**64 - 1, "uint64", "int64", -1),
        (2.0**63, "float64", "uint64", 2**63),
        (1e300, "float64", "float32", math.inf),
        (65520.0, "float32", "float16", math.inf),
        (65519.0, "float32", "float16", 65504.0),
        (2049.0, "float32", "float16", 2048.0),
        (2051.0, "float32", "float16", 2052.0),
        (16777217, "int64", "float32", 16777216.0),
        (3 + 4j, "complex128", "float32", 3.0),
        (0j, "complex64", "bool", False),
        (1j, "complex64", "bool", True),
        (5e-324, "float64", "bool", True),
        (-0.0, "float32", "bool", False),
        (True, "bool", "complex64", 1 + 0j),
    ],
)
def test_worked_by_hand(value: object, source: str, target: str, expected: object) -> None:
    assert as_one(value, source, target) == expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_everything_but_zero_is_true(value: float) -> None:
    assert as_one(value, "float64", "bool") == np.True_


def test_negative_zero_and_nan_survive_between_floating_types() -> None:
    assert math.copysign(1, float(str(as_one(-0.0, "float64", "float16")))) == -1
    assert math.isnan(float(str(as_one(math.nan, "float64", "bfloat16"))))


def nearest_even_bfloat16(bits: int) -> int:
    """Round the bits of a finite float32 to bfloat16 by integer arithmetic."""
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


def test_bfloat16_rounds_to_nearest_even() -> None:
    generator = np.random.default_rng(0)
    bits = generator.integers(0, 0x7F800000, 20_000, dtype=np.uint32)
    ties = (bits & np.uint32(0xFFFF0000)) | np.uint32(0x8000)
    for pattern in (*bits.tolist(), *ties.tolist()):
        value = np.array([pattern], dtype=np.uint32).view(np.float32)
        seen = int(casting.cast(value, "bfloat16").view(np.uint16)[0])
        assert seen == nearest_even_bfloat16(pattern)


def test_every_float16_goes_to_float32_and_back() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    back = casting.cast(casting.cast(every, "float32"), "float16")
    number = ~np.isnan(every)
    assert np.array_equal(back.view(np.uint16)[number], every.view(np.uint16)[number])
    assert np.isnan(back[~number]).all()


def test_float16_agrees_with_struct() -> None:
    generator = np.random.default_rng(1)
    values = np.exp2(generator.uniform(-26, 15.9, 5000)).astype(np.float32)
    packed = [struct.unpack("<e", struct.pack("<e", float(value)))[0] for value in values]
    assert casting.cast(values, "float16").astype(np.float64).tolist() == packed


@pytest.mark.parametrize("target", [name for name in NAMES if category(name) == 1])
def test_integers_wrap_modulo_their_width(target: str) -> None:
    facts = iinfo(target)
    values = np.array([-(2**63), -(2**33) - 5, -129, -1, 0, 1, 255, 2**31, 2**40 + 7, 2**63 - 1], dtype=np.int64)
    expected = [(value - facts.min) % 2**facts.bits + facts.min for value in values.tolist()]
    assert casting.cast(values, target).tolist() == expected


@pytest.mark.parametrize("target", [name for name in NAMES if category(name) == 1])
def test_defined_is_exactly_where_the_whole_part_fits(target: str) -> None:
    facts = iinfo(target)
    values = np.array([facts.min - 1.5, facts.min - 1.0, facts.min, -0.9, facts.max, facts.max + 0.5, facts.max + 1.0])
    expected = [facts.min <= int(Fraction(value)) <= facts.max for value in values.tolist()]
    assert casting.defined(values, target).tolist() == expected
    assert not casting.defined(np.array([math.nan, math.inf, -math.inf]), target).any()


def test_double_rounding_is_named() -> None:
    # Just above the tie between 1 and 1 + 2**-10: one rounding goes up; through float32 the excess is lost.
    value = np.array([1 + 2.0**-11 + 2.0**-40])
    assert casting.double_rounded(value, "float16").tolist() == [True]
    assert casting.cast(value, "float16").tolist() == [1.0]
    assert casting.double_rounded(np.array([1 + 2.0**-8 + 2.0**-40]), "bfloat16").tolist() == [True]
    assert casting.double_rounded(np.array([1.5]), "bfloat16").tolist() == [False]


def test_no_pair_warns_and_all_keep_shape() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in NAMES:
            for target in NAMES:
                for shape in ((), (0,), (2, 3)):
                    result = casting.cast(np.ones(shape, dtype=numpy_dtype(source)), target)
                    assert result.shape == shape
                    assert result.dtype == numpy_dtype(target)
                    assert (result == 1).all()
