"""Promotion against the documentation's worked examples and the laws of a lattice."""

from __future__ import annotations

import itertools

import pytest

from torch_conformance.reference.model.dtypes import NAMES, category
from torch_conformance.reference.model.promotion import (
    WIDE_UNSIGNED,
    Operand,
    PromotionError,
    can_cast,
    default_complex,
    is_documented,
    promote_types,
    result_type,
)

CLASSIC = [name for name in NAMES if name not in WIDE_UNSIGNED]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("int32", "float32", "float32"),
        ("uint8", "int64", "int64"),
        ("uint8", "int8", "int16"),
        ("bool", "uint8", "uint8"),
        ("int64", "float16", "float16"),
        ("float16", "bfloat16", "float32"),
        ("float64", "complex64", "complex128"),
        ("int64", "complex64", "complex64"),
        ("uint16", "float16", "float16"),
    ],
)
def test_documented_pairs(first: str, second: str, expected: str) -> None:
    assert promote_types(first, second) == promote_types(second, first) == expected


# The whole table, written by hand: u1 uint8, i1 .. i8 signed, f2 bf f4 f8 floating, c8 c16 complex.
SHORT = {
    "b1": "bool", "u1": "uint8", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64",
    "f2": "float16", "bf": "bfloat16", "f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128",
}  # fmt: skip
TABLE = """
      b1  u1  i1  i2  i4  i8  f2  bf  f4  f8  c8  c16
b1    b1  u1  i1  i2  i4  i8  f2  bf  f4  f8  c8  c16
u1    u1  u1  i2  i2  i4  i8  f2  bf  f4  f8  c8  c16
i1    i1  i2  i1  i2  i4  i8  f2  bf  f4  f8  c8  c16
i2    i2  i2  i2  i2  i4  i8  f2  bf  f4  f8  c8  c16
i4    i4  i4  i4  i4  i4  i8  f2  bf  f4  f8  c8  c16
i8    i8  i8  i8  i8  i8  i8  f2  bf  f4  f8  c8  c16
f2    f2  f2  f2  f2  f2  f2  f2  f4  f4  f8  c8  c16
bf    bf  bf  bf  bf  bf  bf  f4  bf  f4  f8  c8  c16
f4    f4  f4  f4  f4  f4  f4  f4  f4  f4  f8  c8  c16
f8    f8  f8  f8  f8  f8  f8  f8  f8  f8  f8  c16 c16
c8    c8  c8  c8  c8  c8  c8  c8  c8  c8  c16 c8  c16
c16   c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16 c16
"""


def test_the_whole_table() -> None:
    header, *rows = (line.split() for line in TABLE.strip().splitlines())
    assert [SHORT[row[0]] for row in rows] == CLASSIC
    for first, *results in rows:
        for second, result in zip(header, results, strict=True):
            assert promote_types(SHORT[first], SHORT[second]) == SHORT[result], (first, second)


def test_promotion_is_associative() -> None:
    for a, b, c in itertools.product(CLASSIC, repeat=3):
        assert promote_types(promote_types(a, b), c) == promote_types(a, promote_types(b, c))


def test_promotion_is_idempotent_commutative_and_never_lowers_the_category() -> None:
    for first, second in itertools.product(CLASSIC, CLASSIC):
        result = promote_types(first, second)
        assert result == promote_types(second, first)
        assert category(result) == max(category(first), category(second))
        assert promote_types(result, first) == result
    assert all(promote_types(name, name) == name for name in NAMES)


def test_wide_unsigned_is_documented_with_itself_and_floating_only() -> None:
    assert [name for name in NAMES if is_documented("uint32", name)] == [
        "uint32", "float16", "bfloat16", "float32", "float64",
    ]  # fmt: skip
    with pytest.raises(PromotionError):
        promote_types("uint16", "int32")
    for other in ("bool", "uint8", "uint32", "complex64"):
        with pytest.raises(PromotionError):
            promote_types(other, "uint16")
    assert promote_types("uint64", "bfloat16") == "bfloat16"


def test_default_complex_follows_the_default() -> None:
    assert [default_complex(name) for name in ("float32", "float64")] == ["complex64", "complex128"]
    for name in ("float16", "bfloat16"):
        with pytest.raises(PromotionError, match=name):
            default_complex(name)
        with pytest.raises(PromotionError, match=name):
            result_type([Operand("int8", "dimensioned"), Operand("complex", "number")], default=name)
        assert result_type([Operand("int8", "dimensioned"), Operand("float", "number")], default=name) == name
    with pytest.raises(PromotionError, match="no operand"):
        result_type([])


D, Z, N = "dimensioned", "zero-dim", "number"


@pytest.mark.parametrize(
    ("operands", "default", "expected"),
    [
        # The worked examples of "Tensor Attributes".
        ([Operand("float32", D), Operand("int32", D)], "float32", "float32"),
        ([Operand("int32", D), Operand("int", N)], "float32", "int32"),
        ([Operand("int32", D), Operand("float", N)], "float32", "float32"),
        ([Operand("float32", D), Operand("float64", Z)], "float32", "float32"),
        ([Operand("int64", D), Operand("float32", Z)], "float32", "float32"),
        ([Operand("int32", D), Operand("int64", Z)], "float32", "int32"),
        ([Operand("bool", D), Operand("int", N)], "float32", "int64"),
        ([Operand("uint8", D), Operand("int", N)], "float32", "uint8"),
        ([Operand("int32", D), Operand("float", N)], "float64", "float64"),
        ([Operand("int32", Z), Operand("float", N)], "float32", "float32"),
        ([Operand("float32", D), Operand("complex", N)], "float32", "complex64"),
        ([Operand("float64", D), Operand("complex", N)], "float32", "complex128"),
        ([Operand("float16", Z), Operand("float32", Z)], "float32", "float32"),
    ],
)
def test_documented_results(operands: list[Operand], default: str, expected: str) -> None:
    assert result_type(operands, default=default) == expected
    assert result_type(operands[::-1], default=default) == expected


def test_zero_dim_weighs_more_than_a_number_and_less_than_dimensions() -> None:
    assert result_type([Operand("uint8", D), Operand("int16", Z), Operand("int", N)]) == "uint8"
    assert result_type([Operand("int16", Z), Operand("int", N)]) == "int16"
    assert result_type([Operand("bool", D), Operand("int16", Z), Operand("int", N)]) == "int16"
    assert result_type([Operand("int8", D), Operand("float16", Z), Operand("float64", Z)]) == "float64"
    assert result_type([Operand("uint16", D), Operand("int", N)]) == "uint16"
    assert result_type([Operand("bool", N), Operand("int", N)]) == "int64"


def test_casting_of_results() -> None:
    # "allowed" and "disallowed" of the page's casting examples, then the three rules over all pairs.
    for source, target in (("float64", "float32"), ("int64", "int32"), ("int32", "uint8"), ("bool", "float32")):
        assert can_cast(source, target)
    for source, target in (("float32", "int32"), ("int32", "bool"), ("uint8", "bool"), ("complex64", "float32")):
        assert not can_cast(source, target)
    for source, target in itertools.product(NAMES, NAMES):
        real, integral = not target.startswith("complex"), "int" in target
        floating = "float" in source
        refused = (
            (source.startswith("complex") and real)
            or (floating and integral)
            or (source != "bool" and target == "bool")
        )
        assert can_cast(source, target) is not refused
