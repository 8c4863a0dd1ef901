"""Dtypes against the documentation's tables and IEEE 754 parameters."""

from __future__ import annotations

import numpy as np
import pytest

from torch_conformance.reference.model import dtypes

# Significand bits (the hidden one included) and exponent bits.
FORMATS = {"float16": (11, 5), "bfloat16": (8, 8), "float32": (24, 8), "float64": (53, 11)}


def test_names_and_numpy_types_go_both_ways() -> None:
    assert len(dtypes.NAMES) == 15
    assert [dtypes.name_of(dtypes.numpy_dtype(name)) for name in dtypes.NAMES] == list(dtypes.NAMES)
    assert dtypes.name_of(np.dtype("longlong")) == "int64"
    with pytest.raises(KeyError):
        dtypes.name_of(np.dtype("U3"))
    with pytest.raises(KeyError):
        dtypes.numpy_dtype("float")


@pytest.mark.parametrize(
    ("name", "category", "bits", "signed"),
    [
        ("bool", dtypes.BOOL, 8, False),
        ("uint8", dtypes.INTEGRAL, 8, False),
        ("int8", dtypes.INTEGRAL, 8, True),
        ("int16", dtypes.INTEGRAL, 16, True),
        ("int32", dtypes.INTEGRAL, 32, True),
        ("int64", dtypes.INTEGRAL, 64, True),
        ("uint16", dtypes.INTEGRAL, 16, False),
        ("uint32", dtypes.INTEGRAL, 32, False),
        ("uint64", dtypes.INTEGRAL, 64, False),
        ("float16", dtypes.FLOATING, 16, True),
        ("bfloat16", dtypes.FLOATING, 16, True),
        ("float32", dtypes.FLOATING, 32, True),
        ("float64", dtypes.FLOATING, 64, True),
        ("complex64", dtypes.COMPLEX, 64, True),
        ("complex128", dtypes.COMPLEX, 128, True),
    ],
)
def test_facts(name: str, category: int, bits: int, *, signed: bool) -> None:
    assert dtypes.category(name) == category
    assert dtypes.bits(name) == bits
    assert dtypes.is_signed(name) is signed
    assert dtypes.is_integral(name) is (category == dtypes.INTEGRAL)
    assert dtypes.is_floating(name) is (category == dtypes.FLOATING)
    assert dtypes.is_complex(name) is (category == dtypes.COMPLEX)


def test_categories_are_ranked() -> None:
    assert dtypes.BOOL < dtypes.INTEGRAL < dtypes.FLOATING < dtypes.COMPLEX


@pytest.mark.parametrize("name", FORMATS)
def test_limits_of_floating_types_follow_from_their_formats(name: str) -> None:
    significand, exponent = FORMATS[name]
    emax = 2 ** (exponent - 1) - 1
    facts = dtypes.finfo(name)
    assert facts.bits == significand + exponent
    assert facts.eps == 2.0 ** (1 - significand)
    assert facts.max == (2 - 2.0 ** (1 - significand)) * 2.0**emax
    assert facts.tiny == 2.0 ** (1 - emax)
    assert facts.smallest_subnormal == 2.0 ** (1 - emax) * 2.0 ** (1 - significand)


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64"])
def test_limits_of_integers(name: str) -> None:
    facts = dtypes.iinfo(name)
    width = int(name.lstrip("uint"))
    assert facts.bits == width
    assert (facts.min, facts.max) == (
        (0, 2**width - 1) if name[0] == "u" else (-(2 ** (width - 1)), 2 ** (width - 1) - 1)
    )


def test_complex_and_real_go_both_ways() -> None:
    assert [dtypes.complex_of(name) for name in ("float32", "float64")] == ["complex64", "complex128"]
    assert [dtypes.real_of(name) for name in ("complex64", "complex128", "int8")] == ["float32", "float64", "int8"]
    assert dtypes.finfo("complex64") == dtypes.finfo("float32")
    for name in ("float16", "bfloat16", "int32"):
        with pytest.raises(KeyError):
            dtypes.complex_of(name)
