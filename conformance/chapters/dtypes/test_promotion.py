"""Type promotion: the dtype of a result of several operands, and which results an output may hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import (
    CLASSIC,
    FLOATING,
    PRESENT,
    WIDE_UNSIGNED,
    converted,
    grain_recipes,
    recipes,
)
from torch_conformance.reference.model import casting, dtypes, promotion
from torch_conformance.reference.model.dtypes import COMPLEX, INTEGRAL, category, numpy_dtype
from torch_conformance.reference.model.dtypes import FLOATING as FLOATING_CATEGORY
from torch_conformance.reference.model.promotion import Operand
from torch_conformance.reference.model.strided import Strided

NUMBERS: tuple[tuple[str, bool | int | float | complex], ...] = (
    *(("bool", True), ("int", 1), ("int", 2**40), ("float", 1.5), ("float", 1e300), ("complex", 1j)),
)
# Sizes of the first and the second operand; (0,) and (1,) have a dimension too.
DIMENSIONED = (((3,), (3,)), ((2, 3), (3,)), ((0,), (1,)), ((1,), (1, 1)), ((2, 0), (2, 1)))
MIXED = (((3,), ()), ((0,), ()), ((1, 1), ()), ((2, 3), ()))

ARITHMETIC = (
    *("torch.add(x, y)", "x.add(y)", "x + y", "torch.mul(x, y)", "x * y", "y * x", "x.mul(y)"),
    *("torch.where(c, x, y)", "x.where(c, y)", "torch.multiply(y, x)", "torch.add(y, x)"),
)
NOT_BOOL = ("torch.sub(x, y)", "x - y", "y - x", "x.sub(y)", "torch.subtract(x, y)", "torch.rsub(x, y)")
REAL = ("torch.maximum(x, y)", "torch.minimum(x, y)", "torch.fmax(x, y)", "x.fmin(y)")
DIVISION = ("torch.div(x, y)", "x / y", "y / x", "torch.true_divide(x, y)", "x.divide(y)")
COMPARISON = ("x == y", "torch.eq(x, y)", "x.ne(y)", "torch.logical_and(x, y)", "x.logical_or(y)")
JOINED = ("torch.cat([x, y])", "torch.cat((y, x), dim=0)", "torch.concat([x, y])", "torch.stack([x, y])")
WITH_NUMBER = ("x + n", "n + x", "torch.add(x, n)", "x.add(n)", "x * n", "n * x", "torch.mul(x, n)", "x.mul(n)")


def judged(first: str, second: str) -> bool:
    """Whether every torch that has both dtypes promotes them: wide unsigned with itself and with floating ones."""
    if first in WIDE_UNSIGNED or second in WIDE_UNSIGNED:
        return first == second or first in FLOATING or second in FLOATING
    return True


def partners(dtype: str) -> tuple[str, ...]:
    """Return the dtypes whose promotion with one is judged."""
    return tuple(other for other in PRESENT if judged(dtype, other))


# The complex dtype that torch gives for a real floating tensor and a complex operand that weighs less. For 16-bit
# ones that depends on the version, which may or may not have a complex dtype with such parts.
_KEPT = {"float32": "complex64", "float64": "complex128"}


def disputed(stronger: Operand, weaker: Operand, documented: str) -> bool:
    """Whether torch and the documentation differ on a real floating tensor and a complex operand that weighs less.

    Torch keeps the precision of the tensor; by the documentation the complex operand's joins in.
    """
    order = ("dimensioned", "zero-dim", "number")
    first, second = sorted((stronger, weaker), key=lambda each: order.index(each.value_category))
    if first.value_category in (second.value_category, "number"):
        return False
    meets = category(first.dtype) == FLOATING_CATEGORY and category(second.dtype) == COMPLEX
    return meets and _KEPT.get(first.dtype) != documented


def _ones(size: tuple[int, ...], dtype: str) -> Strided:
    return Strided.from_array(np.ones(size, numpy_dtype(dtype)))


def _operand(dtype: str, size: tuple[int, ...]) -> Operand:
    return Operand(dtype, "dimensioned" if size else "zero-dim")


def _torch(dtype: str) -> Any:
    return TORCH_DTYPES[dtype]


@clause("dtypes.promotion.promote-types")
def test_promote_types(cell: Cell) -> None:
    for other in partners(cell.dtype):
        wanted = promotion.promote_types(cell.dtype, other)
        trial = cell.trial(a=_torch(cell.dtype), b=_torch(other), wanted=_torch(wanted))
        for spelling in (
            *("torch.promote_types(a, b)", "torch.promote_types(b, a)", "torch.promote_types(type1=a, type2=b)"),
            *("torch.promote_types(a, type2=b)", "torch.promote_types(b, torch.promote_types(a, b))"),
        ):
            trial.expect_true(f"{spelling} is wanted", f"{cell.dtype} and {other} promote to {wanted}")


@clause("dtypes.promotion.promote-types-refuses-other-things")
def test_promote_types_refuses(cell: Cell) -> None:
    trial = cell.trial(d=_torch("float32"))
    for call in ("(d, 1)", "(1.5, d)", "(d, None)", "('float32', d)", "(d,)", "()", "(d, d, d)"):
        trial.expect_error(f"torch.promote_types{call}", TypeError)
        trial.expect_error(f"torch.can_cast{call}", TypeError)


@clause("dtypes.promotion.can-cast")
def test_can_cast(cell: Cell) -> None:
    for other in PRESENT:
        trial = cell.trial(a=_torch(cell.dtype), b=_torch(other))
        trial.expect_equal("torch.can_cast(a, b)", promotion.can_cast(cell.dtype, other))
        trial.expect_equal("torch.can_cast(b, a)", promotion.can_cast(other, cell.dtype))


def _judge_sizes(cell: Cell, sizes: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]) -> None:
    """Compare result_type for every second dtype, in both orders."""
    __tracebackhide__ = True
    for other in partners(cell.dtype):
        for first, second in sizes:
            for a, b in ((cell.dtype, other), (other, cell.dtype)):
                operands = (_operand(a, first), _operand(b, second))
                wanted = promotion.result_type(operands)
                if disputed(*operands, wanted):
                    continue
                trial = cell.trial(x=_ones(first, a), y=_ones(second, b), wanted=_torch(wanted))
                for spelling in ("torch.result_type(x, y)", "torch.result_type(y, x)"):
                    trial.expect_true(f"{spelling} is wanted", f"{a} {first} and {b} {second} give {wanted}")


@clause("dtypes.promotion.result-type-of-dimensioned-tensors")
def test_result_type_dimensioned(cell: Cell) -> None:
    _judge_sizes(cell, DIMENSIONED)


@clause("dtypes.promotion.result-type-of-zero-dim-tensors")
def test_result_type_zero_dim(cell: Cell) -> None:
    _judge_sizes(cell, (((), ()),))


@clause("dtypes.promotion.zero-dim-yields-within-a-category")
def test_result_type_mixed(cell: Cell) -> None:
    _judge_sizes(cell, MIXED)


@clause("dtypes.promotion.result-type-with-a-number")
def test_result_type_number(cell: Cell) -> None:
    for kind, number in NUMBERS:
        if cell.dtype in WIDE_UNSIGNED and kind == "complex":
            continue
        for size in ((3,), (0,), (), (2, 1)):
            operands = (_operand(cell.dtype, size), Operand(kind, "number"))
            wanted = promotion.result_type(operands)
            if disputed(*operands, wanted):
                continue
            trial = cell.trial(x=_ones(size, cell.dtype), n=number, wanted=_torch(wanted))
            for spelling in ("torch.result_type(x, n)", "torch.result_type(n, x)"):
                trial.expect_true(f"{spelling} is wanted", f"{cell.dtype} {size} and {number!r} give {wanted}")


@clause("dtypes.promotion.result-type-of-numbers")
def test_result_type_numbers(cell: Cell) -> None:
    for kind, first in NUMBERS:
        for other, second in NUMBERS:
            for default in ("float32", "float64"):
                operands = [Operand(kind, "number"), Operand(other, "number")]
                wanted = promotion.result_type(operands, default=default)
                trial = cell.trial(a=first, b=second, default=_torch(default), wanted=_torch(wanted))
                trial.run("torch.set_default_dtype(default)")
                trial.expect_true("torch.result_type(a, b) is wanted", f"{first!r} and {second!r} give {wanted}")
                trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.promotion.numbers-follow-the-default-dtype")
def test_numbers_follow_default(cell: Cell) -> None:
    for dtype in CLASSIC:
        for kind, number in NUMBERS:
            # A complex number's dtype is documented where the default is float32 or float64.
            if kind == "complex" and cell.dtype in ("float16", "bfloat16"):
                continue
            for size in ((3,), ()):
                operands = (_operand(dtype, size), Operand(kind, "number"))
                wanted = promotion.result_type(operands, default=cell.dtype)
                if disputed(*operands, wanted):
                    continue
                trial = cell.trial(default=cell.torch_dtype, x=_ones(size, dtype), n=number, wanted=_torch(wanted))
                trial.run("torch.set_default_dtype(default)")
                trial.expect_true("torch.result_type(x, n) is wanted", f"{dtype} and {number!r} give {wanted}")
                trial.expect_true("(x * n).dtype is wanted", f"{dtype} times {number!r} is {wanted}")
                trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.promotion.complex-keeps-precision-of-floating")
def test_complex_keeps_precision(cell: Cell) -> None:
    wanted = dtypes.complex_of(cell.dtype)
    for other in ("complex64", "complex128"):
        for size in ((3,), (0,), (2, 1)):
            trial = cell.trial(x=_ones(size, cell.dtype), y=_ones((), other), wanted=_torch(wanted))
            for expression in (
                *("torch.result_type(x, y)", "torch.result_type(y, x)", "(x + y).dtype", "(y * x).dtype"),
                *("torch.result_type(x, 1j)", "(1j * x).dtype", "torch.add(x, 1j).dtype"),
            ):
                trial.expect_true(f"{expression} is wanted", "the complex result has parts of the floating dtype")


def _expressions(first: str, second: str, wanted: str) -> list[tuple[str, str]]:
    """Return the operations that two dtypes allow, each with its result's dtype."""
    found = [(each, wanted) for each in ARITHMETIC]
    if "bool" not in (first, second):
        found += [(each, wanted) for each in NOT_BOOL]
    if category(wanted) != COMPLEX:
        found += [(each, wanted) for each in REAL]
    floating = wanted if category(wanted) > INTEGRAL else "float32"
    found += [(each, floating) for each in DIVISION]
    return found + [(each, "bool") for each in COMPARISON]


@clause("dtypes.promotion.arithmetic-result")
def test_arithmetic(cell: Cell) -> None:
    condition = Strided.from_array(np.array([True]))
    for other in CLASSIC:
        for first, second in (((2, 3), (3,)), ((3,), ()), ((), (3,)), ((), ())):
            operands = (_operand(cell.dtype, first), _operand(other, second))
            wanted = promotion.result_type(operands)
            if disputed(*operands, wanted):
                continue
            trial = cell.trial(x=_ones(first, cell.dtype), y=_ones(second, other), c=condition)
            for expression, dtype in _expressions(cell.dtype, other, wanted):
                trial.expect_true(f"({expression}).dtype is torch.{dtype}", f"{cell.dtype} with {other} is {dtype}")


@clause("dtypes.promotion.arithmetic-with-a-number")
def test_arithmetic_number(cell: Cell) -> None:
    for kind, number in (("bool", True), ("int", 1), ("float", 1.5), ("complex", 1j)):
        for size in ((3,), (), (0,)):
            operands = (_operand(cell.dtype, size), Operand(kind, "number"))
            wanted = promotion.result_type(operands)
            if disputed(*operands, wanted):
                continue
            trial = cell.trial(x=_ones(size, cell.dtype), n=number)
            for expression in WITH_NUMBER:
                trial.expect_true(f"({expression}).dtype is torch.{wanted}", f"{cell.dtype}, {kind}: {wanted}")
            if "bool" not in (cell.dtype, kind):
                for expression in ("x - n", "n - x", "torch.sub(x, n)", "x.sub(n)"):
                    trial.expect_true(f"({expression}).dtype is torch.{wanted}", f"{cell.dtype}, {kind}: {wanted}")


@clause("dtypes.promotion.joining-result")
def test_joining(cell: Cell) -> None:
    for other in CLASSIC:
        for size in ((3,), (2, 3), (0,), (1,)):
            wanted = promotion.promote_types(cell.dtype, other)
            trial = cell.trial(x=_ones(size, cell.dtype), y=_ones(size, other))
            for expression in JOINED:
                trial.expect_true(f"{expression}.dtype is torch.{wanted}", f"{cell.dtype} with {other} is {wanted}")


@clause("dtypes.promotion.operands-are-converted-first")
def test_operands_converted(cell: Cell) -> None:
    for recipe in (*recipes(cell, share=0.25), grain_recipes(cell)[1]):
        for other in CLASSIC:
            wanted = promotion.promote_types(cell.dtype, other)
            x, expected = converted(recipe, cell.dtype, wanted)
            trial = cell.trial(x=x, zero=Strided.from_array(np.zeros((1,) * x.ndim, numpy_dtype(other))))
            # Adding 0 is exact, so what is left is the conversion; only the sign of zero may change.
            trial.expect("x + zero", expected, UNSIGNED_ZERO)
            if category(wanted) != COMPLEX:
                # In complex numbers alpha = 1 times an infinity has NaN parts.
                trial.expect("torch.add(zero, x)", expected, UNSIGNED_ZERO)


def _numbers(dtype: str) -> Strided:
    return Strided.from_array(np.resize(np.array([1, 0, 1, 1, 0]), 35).astype(numpy_dtype(dtype)))


@clause("dtypes.promotion.output-must-be-castable")
def test_output(cell: Cell) -> None:
    # Ones and zeros are exact in every dtype, and their product is what can be stored.
    x = _numbers(cell.dtype)
    for other in CLASSIC:
        y, out = _numbers(other), np.full(35, 1).astype(numpy_dtype(cell.dtype))
        wanted = promotion.promote_types(cell.dtype, other)
        for target in CLASSIC:
            old = casting.cast(np.ones(35), target)
            trial = cell.trial(x=x, y=y, out=Strided.from_array(old))
            if promotion.can_cast(wanted, target):
                trial.expect("torch.mul(x, y, out=out)", casting.cast(x.array, target))
                trial.expect("out", casting.cast(x.array, target))
            else:
                trial.expect_error("torch.mul(x, y, out=out)", RuntimeError)
                trial.expect("out", old)
        trial = cell.trial(x=Strided.from_array(out), y=y)
        if promotion.can_cast(wanted, cell.dtype):
            trial.expect("x.mul_(y)", casting.cast(y.array, cell.dtype))
        else:
            trial.expect_error("x.mul_(y)", RuntimeError)
            trial.expect("x", out)


@clause("dtypes.promotion.number-keeps-its-category-in-place")
def test_in_place_number(cell: Cell) -> None:
    for kind, number in (("bool", True), ("int", 1), ("float", 1.0), ("complex", 1 + 0j)):
        for size in ((3,), (), (0,)):
            operands = (_operand(cell.dtype, size), Operand(kind, "number"))
            wanted = promotion.result_type(operands)
            if disputed(*operands, wanted):
                continue
            x = np.ones(size, numpy_dtype(cell.dtype))
            trial = cell.trial(x=Strided.from_array(x), n=number)
            for statement in ("x.mul_(n)", "x *= n"):
                if promotion.can_cast(wanted, cell.dtype):
                    trial.run(statement)
                else:
                    trial.expect_error(statement, RuntimeError)
                trial.expect("x", x)
