"""Promotion against the documentation's worked examples and the laws of a lattice."""

from __future__ import annotations

import itertools

import pytest
from torch_conformance.reference.dtypes import NAMES, category
from torch_conformance.reference.promotion import (
    WIDE_UNSIGNED,
    Operand,
    PromotionError,
    can_cast,
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


def test_casting_of_results() -> None:
    refused = {(a, b) for a in NAMES for b in NAMES if not can_cast(a, b)}
    assert ("complex64", "float64") in refused
    assert ("float16", "int64") in refused
    assert ("int8", "bool") in refused
    assert ("int64", "uint8") not in refused
    assert ("bool", "int8") not in refused
    assert all(category(a) > category(b) for a, b in refused)
