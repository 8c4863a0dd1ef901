"""Conversions against hand-worked cases, integer arithmetic and exhaustive bit patterns."""

from __future__ import annotations

import math
import struct
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.model import casting
from torch_conformance.reference.model.dtypes import NAMES, category, iinfo, numpy_dtype


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


def nearest_even(value: Fraction, significand: int, exponent_min: int, largest: Fraction) -> Fraction | float:
    """Round an exact value once, by whole-number arithmetic; the definition of IEEE 754."""
    if value == 0:
        return Fraction(0)
    power = max(floor_log2(abs(value)), exponent_min) - (significand - 1)
    unit = Fraction(2) ** power
    # Python's round of a Fraction is to nearest, ties to even.
    result = round(value / unit) * unit
    return result if abs(result) <= largest else math.copysign(math.inf, value)


def floor_log2(value: Fraction) -> int:
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if Fraction(2) ** guess <= value else guess - 1


FORMATS = {
    "float16": (11, -14, Fraction(65504)),
    "bfloat16": (8, -126, (2 - Fraction(1, 2**7)) * 2**127),
    "float32": (24, -126, (2 - Fraction(1, 2**23)) * 2**127),
}
INTEGERS = [name for name in NAMES if category(name) == 1]


def exactly(value: object) -> Fraction | float:
    number = float(str(value))
    return Fraction(number) if math.isfinite(number) else number


@pytest.mark.parametrize("target", ["float16", "bfloat16", "float32"])
@given(
    st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(-7e4, 7e4)
    # Near the ties of the 16-bit types, normal and subnormal.
    | st.builds(
        lambda top, power, extra: math.ldexp(top + math.ldexp(extra, -40), power),
        *(st.integers(-4097, 4097), st.integers(-145, 120), st.integers(-2, 2)),
    )
)
def test_float64_rounds_as_defined(target: str, value: float) -> None:
    array = np.array([value])
    seen = exactly(float(casting.cast(array, target)[0]))
    once = nearest_even(Fraction(value), *FORMATS[target])
    through = nearest_even(Fraction(value), *FORMATS["float32"])
    twice = nearest_even(through, *FORMATS[target]) if isinstance(through, Fraction) else through
    assert seen == twice
    if target != "float32":
        assert casting.double_rounded(array, target).tolist() == [once != twice]
        assert casting.double_rounded(array + 0j, target).tolist() == [once != twice]


@pytest.mark.parametrize("target", ["float16", "bfloat16"])
@given(
    st.builds(
        # Integers around ties of bfloat16 and of float32, where two roundings are apt to differ.
        lambda top, shift, extra, sign: max(-(2**63), min(2**63 - 1, sign * ((top << shift) + extra))),
        *(st.integers(128, 511), st.integers(0, 54), st.integers(-3, 3), st.sampled_from([-1, 1])),
    )
)
def test_integers_round_as_defined(target: str, value: int) -> None:
    array = np.array([value], dtype=np.int64)
    through = nearest_even(Fraction(value), *FORMATS["float32"])
    assert isinstance(through, Fraction)
    twice = nearest_even(through, *FORMATS[target])
    assert exactly(float(casting.cast(array, target)[0])) == twice
    assert casting.double_rounded(array, target).tolist() == [nearest_even(Fraction(value), *FORMATS[target]) != twice]


def test_double_rounding_is_named() -> None:
    # Just above the tie between 1 and 1 + 2**-10: one rounding goes up; through float32 the excess is lost.
    value = np.array([1 + 2.0**-11 + 2.0**-40])
    assert casting.double_rounded(value, "float16").tolist() == [True]
    assert casting.cast(value, "float16").tolist() == [1.0]
    assert casting.double_rounded(np.array([1 + 2.0**-8 + 2.0**-40]), "bfloat16").tolist() == [True]
    assert casting.double_rounded(np.array([1.5]), "bfloat16").tolist() == [False]
    for kind in (np.int64, np.uint64):
        integers = np.array([2**32 + 2**24 + 1, 2**32 + 2**24, 2**62 + 2**54 + 1], dtype=kind)
        assert casting.double_rounded(integers, "bfloat16").tolist() == [True, False, True]
    # Just below a tie with an odd neighbour: once goes down; float32 makes it the tie, which goes up.
    below = np.array([2**63 + 2**56 + 2**55 - 1, 2**63 + 2**55 - 1], dtype=np.uint64)
    assert casting.double_rounded(below, "bfloat16").tolist() == [True, False]
    assert not casting.double_rounded(np.array([1 + 2.0**-8 + 2.0**-40]), "complex64").any()


@pytest.mark.parametrize("source", ["float16", "bfloat16"])
def test_every_16_bit_pattern_in_every_direction(source: str) -> None:
    every = np.arange(2**16, dtype=np.uint16).view(numpy_dtype(source))
    other = "bfloat16" if source == "float16" else "float16"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = {target: casting.cast(every, target) for target in NAMES}
        fits = {target: casting.defined(every, target) for target in INTEGERS}
    values = [widened(pattern, source) for pattern in range(2**16)]
    assert results["bool"].tolist() == [value != 0 for value in values]
    for target in INTEGERS:
        facts = iinfo(target)
        whole = [int(value) if math.isfinite(value) else None for value in values]
        assert fits[target].tolist() == [part is not None and facts.min <= part <= facts.max for part in whole]
        assert results[target][fits[target]].tolist() == [p for p, ok in zip(whole, fits[target], strict=True) if ok]
    for target in ("float32", "float64", "complex64", "complex128"):
        assert all(same(a, b) for a, b in zip(results[target].real.tolist(), values, strict=True))
    rounded = results[other].astype(np.float64).tolist()
    for value, seen in zip(values, rounded, strict=True):
        wanted = nearest_even(Fraction(value), *FORMATS[other]) if math.isfinite(value) else value
        assert same(seen, float(wanted)) or (wanted == 0 == seen and math.copysign(1, seen) == math.copysign(1, value))


def widened(pattern: int, source: str) -> float:
    """Return the value of a 16-bit pattern, decoded field by field."""
    significand, exponent_min, _ = FORMATS[source]
    stored = significand - 1
    sign = -1.0 if pattern >> 15 else 1.0
    exponent, fraction = (pattern & 0x7FFF) >> stored, pattern & ((1 << stored) - 1)
    if exponent == (1 << (15 - stored)) - 1:
        return math.nan if fraction else sign * math.inf
    hidden = 1 << stored if exponent else 0
    return sign * math.ldexp(hidden + fraction, max(exponent, 1) - 1 + exponent_min - stored)


def same(first: float, second: float) -> bool:
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    return first == second and math.copysign(1, first) == math.copysign(1, second)


@pytest.mark.parametrize("target", NAMES)
def test_no_bit_pattern_warns(target: str) -> None:
    generator = np.random.default_rng(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for source in ("float32", "float64", "complex64", "complex128"):
            dtype = numpy_dtype(source)
            raw = generator.integers(0, 256, 256 * dtype.itemsize, dtype=np.uint8).view(dtype)
            signalling = {"float32": 0x7F800001, "float64": 0x7FF0000000000001}
            width = np.uint32 if dtype in (np.float32, np.complex64) else np.uint64
            nans = np.full(4, signalling["float32" if width is np.uint32 else "float64"], dtype=width).view(dtype)
            values = np.concatenate([raw, nans])
            for function in (casting.cast, casting.defined, casting.double_rounded):
                assert function(values, target).shape == values.shape


@pytest.mark.parametrize("source", NAMES)
def test_casting_twice_is_casting_once_and_wider_integers_keep_values(source: str) -> None:
    dtype = numpy_dtype(source)
    raw = np.random.default_rng(3).integers(0, 256, 1024 * dtype.itemsize, dtype=np.uint8)
    values = raw.view(dtype) if source != "bool" else (raw & 1).view(np.bool_)
    for target in NAMES:
        kept = np.where(casting.defined(values, target), values, np.zeros((), dtype=dtype)).astype(dtype)
        once = casting.cast(kept, target)
        again = casting.cast(once, target)
        assert again.tobytes() == once.tobytes()
        assert not np.shares_memory(again, once)
        if category(source) == 1 and category(target) == 1 and iinfo(target).bits >= iinfo(source).bits:
            assert casting.cast(once, source).tobytes() == values.tobytes()


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
