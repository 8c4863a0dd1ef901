"""Type promotion: which dtype the result of operands of several dtypes has.

Source: PyTorch documentation, "Tensor Attributes", section "torch.dtype" (type promotion), torch.result_type,
torch.promote_types, torch.can_cast, torch.set_default_dtype.

That page still says "Complex types are not yet supported" of promotion, while its rules rank complex highest and its
examples add complex tensors; what is stated here of complex operands follows the rules.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Literal, NamedTuple

from torch_conformance.reference.model.dtypes import BOOL, COMPLEX, FLOATING, INTEGRAL, NAMES, category, complex_of

ValueCategory = Literal["dimensioned", "zero-dim", "number"]

# Unsigned integers wider than 8 bits are documented to have limited support: they promote with themselves and with
# floating dtypes; what they become with any other dtype is not documented.
WIDE_UNSIGNED = frozenset({"uint16", "uint32", "uint64"})

# The order of each signed integer and of each floating dtype by what it can hold.
_SIGNED = ("int8", "int16", "int32", "int64")
_FLOATING = ("float16", "bfloat16", "float32", "float64")


class Operand(NamedTuple):
    """An operand as promotion sees it.

    Attributes:
        dtype: A dtype name; for a Python number, the name of its type: bool, int, float or complex.
        value_category: "dimensioned", "zero-dim", or "number" for a Python number.
    """

    dtype: str
    value_category: ValueCategory


class PromotionError(TypeError):
    """No dtype is documented for these operands."""


def _promote_integers(first: str, second: str) -> str:
    if "uint8" in (first, second):
        other = second if first == "uint8" else first
        return "int16" if other == "int8" else other
    return max(first, second, key=_SIGNED.index)


def _promote_floating(first: str, second: str) -> str:
    if {first, second} == {"float16", "bfloat16"}:
        return "float32"
    return max(first, second, key=_FLOATING.index)


def _promote_complex(first: str, second: str) -> str:
    if "complex128" in (first, second) or "float64" in (first, second):
        return "complex128"
    return "complex64"


@functools.cache
def promote_types(first: str, second: str) -> str:
    """Return the smallest dtype of the highest category of two that holds the values of both.

    Raises:
        PromotionError: Where none is documented (uint16, uint32, uint64 with a dtype that is not floating).
    """
    if first == second:
        return first
    if not is_documented(first, second):
        raise PromotionError(f"no promotion of {first} with {second} is documented")
    low, high = sorted((first, second), key=category)
    if category(high) == COMPLEX:
        return _promote_complex(low, high)
    if category(low) != category(high):
        return high
    return _promote_integers(low, high) if category(high) == INTEGRAL else _promote_floating(low, high)


def default_complex(default: str) -> str:
    """Return the default complex dtype that a default floating dtype implies (torch.set_default_dtype).

    Raises:
        PromotionError: For float16, whose complex32 is none of the dtypes here, and bfloat16, which has none.
    """
    if default not in ("float32", "float64"):
        raise PromotionError(f"the default dtype {default} implies no complex dtype of the suite")
    return complex_of(default)


def number_dtype(kind: str, default: str = "float32") -> str:
    """Return the dtype of a Python number by the name of its type: bool, int, float or complex.

    Raises:
        PromotionError: For complex where the default implies no complex dtype (see `default_complex`).
    """
    if kind == "complex":
        return default_complex(default)
    return {"bool": "bool", "int": "int64", "float": default}[kind]


def result_type(operands: Iterable[Operand], *, default: str = "float32") -> str:
    """Return the dtype of the result of operands.

    Tensors with dimensions decide, unless a zero-dim tensor or a number is of a higher category; then that one's
    dtype is joined in. Numbers weigh less than zero-dim tensors in the same way.

    Args:
        operands: Tensors and Python numbers.
        default: The default floating dtype.

    Raises:
        PromotionError: Where none is documented.
    """
    groups: dict[str, str | None] = {"dimensioned": None, "zero-dim": None, "number": None}
    for operand in operands:
        is_number = operand.value_category == "number"
        dtype = number_dtype(operand.dtype, default) if is_number else operand.dtype
        held = groups[operand.value_category]
        groups[operand.value_category] = dtype if held is None else promote_types(held, dtype)
    result: str | None = None
    for name in ("dimensioned", "zero-dim", "number"):
        dtype_of_group = groups[name]
        if dtype_of_group is None:
            continue
        if result is None:
            result = dtype_of_group
        elif category(dtype_of_group) > category(result):
            result = promote_types(result, dtype_of_group)
    if result is None:
        raise PromotionError("no operand")
    return result


def can_cast(source: str, target: str) -> bool:
    """Return whether a result of dtype `source` may be stored as `target`.

    A complex may not become real, nor a floating one integral, nor anything but bool become bool.
    """
    if category(source) == COMPLEX and category(target) != COMPLEX:
        return False
    if category(source) == FLOATING and category(target) in (INTEGRAL, BOOL):
        return False
    return not (category(target) == BOOL and category(source) != BOOL)


def is_documented(first: str, second: str) -> bool:
    """Return whether a promotion of two dtypes is documented."""
    if first == second or not WIDE_UNSIGNED & {first, second}:
        return True
    return FLOATING in (category(first), category(second))


def pairs() -> tuple[tuple[str, str], ...]:
    """Return every pair of dtypes with a documented promotion."""
    return tuple((a, b) for a in NAMES for b in NAMES if is_documented(a, b))
