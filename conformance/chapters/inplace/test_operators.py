"""Operators in place: what they store, for tensors, Python numbers, alpha= and rounding_mode=."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from torch_conformance.conformance.chapters.inplace.writes import (
    broadcastable,
    each_implemented,
    edge_write,
    few_recipes,
    grain_recipes,
    in_dtype,
    others,
    recipes,
    row_recipes,
    stored,
    tiny,
    write,
    written,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.inputs.recipes import Recipe
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import is_complex, is_floating, is_signed, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import elementwise, inplace
from torch_conformance.spec.operators import Operator


def _judge_row(cell: Cell, row: Operator) -> None:
    __tracebackhide__ = True
    for turn, recipe in enumerate(row_recipes(cell, row)):
        layouts = others(recipe.size)
        for place, call in enumerate(row.inplace):
            case = write(cell, row, recipe, layouts[(turn + place + cell.seed) % len(layouts)])
            trial = cell.trial(**case.operands)
            # `a += b` may bind another tensor to the name a.
            trial.run("held = a")
            trial.run(call)
            trial.expect("held", stored(row, cell.dtype, case.expected), case.rule, dtype=cell.dtype)
    for layout in ("contiguous", "sliced"):
        case = edge_write(cell, row, layout)
        for call in row.inplace:
            trial = cell.trial(**case.operands)
            trial.run("held = a")
            trial.run(call)
            trial.expect("held", stored(row, cell.dtype, case.expected), case.rule, dtype=cell.dtype)


@clause("inplace.*.stores-the-result")
def test_stores_the_result(cell: Cell) -> None:
    rows = written(cell.dtype, cell.clause.subject)
    each_implemented(cell, ((row.name, functools.partial(_judge_row, cell, row)) for row in rows))


@clause("inplace.broadcasting.other-is-expanded")
def test_broadcasting(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        sizes = ((2, 3), (3, 3), (2, 0), (3, 2, 4), (5, 33), (1, 1), (3, 1, 2))
        for turn, recipe in enumerate(few_recipes(cell, len(row.name), sizes, least=4)):
            for place, layout in enumerate(broadcastable(recipe.size)):
                case = write(cell, row, recipe, layout)
                trial = cell.trial(**case.operands)
                trial.run("held = a")
                trial.run(row.inplace[(turn + place) % len(row.inplace)])
                trial.expect("held", stored(row, cell.dtype, case.expected), case.rule, dtype=cell.dtype)

    rows = (row for row in written(cell.dtype) if row.operands == 2)
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))


# Calls with a number n beside the set of dtypes in which they are judged, and the numbers.
ANY_NUMBER: tuple[tuple[str, str], ...] = (
    *(("a.add_(n)", "add"), ("a += n", "add"), ("a.__iadd__(n)", "add"), ("a.add_(other=n)", "add")),
    *(("a.mul_(n)", "mul"), ("a *= n", "mul"), ("a.__imul__(n)", "mul"), ("a.multiply_(n)", "mul")),
    *(("a.sub_(n)", "sub"), ("a -= n", "sub"), ("a.subtract_(n)", "sub"), ("a.__isub__(n)", "sub")),
)
REAL_NUMBER: tuple[tuple[str, str], ...] = (
    *(("a.remainder_(n)", "remainder"), ("a %= n", "remainder"), ("a.fmod_(n)", "fmod")),
    *(("a.floor_divide_(n)", "floor_divide"), ("a //= n", "floor_divide")),
    *(("a.div_(n, rounding_mode='floor')", "floor_divide"), ("a.div_(n, rounding_mode='trunc')", "trunc_divide")),
    *(("a.lt_(n)", "lt"), ("a.less_(n)", "lt"), ("a.le_(n)", "le"), ("a.less_equal_(n)", "le")),
    *(("a.gt_(n)", "gt"), ("a.greater_(n)", "gt"), ("a.ge_(n)", "ge"), ("a.greater_equal_(n)", "ge")),
    *(("a.eq_(n)", "eq"), ("a.ne_(n)", "ne"), ("a.not_equal_(n)", "ne")),
)
FLOATING_NUMBER: tuple[tuple[str, str], ...] = (
    *(("a.div_(n)", "div"), ("a /= n", "div"), ("a.divide_(n)", "div"), ("a.true_divide_(n)", "div")),
    *(("a.__itruediv__(n)", "div"),),
)
POWER_NUMBER = (("a.pow_(n)", "pow"), ("a **= n", "pow"), ("a.__ipow__(n)", "pow"), ("a.pow_(exponent=n)", "pow"))
BIT_NUMBER: tuple[tuple[str, str], ...] = (
    *(("a.bitwise_and_(n)", "bitwise_and"), ("a &= n", "bitwise_and"), ("a.bitwise_or_(n)", "bitwise_or")),
    *(("a |= n", "bitwise_or"), ("a.bitwise_xor_(n)", "bitwise_xor"), ("a ^= n", "bitwise_xor")),
)


def _with_number(dtype: str) -> list[tuple[str, str, Any]]:
    """Return calls, reference and number: powers of two, by which quotients are exact on every device."""
    if dtype == "bool":
        return [("a.add_(n)", "logical_or", True), ("a *= n", "logical_and", False)] + [
            (call, name, True) for call, name in BIT_NUMBER
        ]
    found: list[tuple[str, str, Any]] = [(call, name, number) for call, name in ANY_NUMBER for number in (2, 3)]
    found += [(call, name, True) for call, name in ANY_NUMBER if name == "add"]
    if not is_complex(dtype):
        found += [(call, name, 2) for call, name in REAL_NUMBER]
        found += [(call, name, 3) for call, name in POWER_NUMBER]
    if is_floating(dtype):
        found += [(call, name, number) for call, name in FLOATING_NUMBER for number in (4, 0.5)]
        found += [(call, name, 0.5) for call, name in ANY_NUMBER]
        found += [(call, name, 1.5) for call, name in REAL_NUMBER if name in ("lt", "le", "gt", "ge", "eq", "ne")]
    if is_complex(dtype):
        found += [(call, name, 2j) for call, name in ANY_NUMBER] + [(call, name, 0.5) for call, name in ANY_NUMBER]
    if in_dtype("integral", dtype):
        found += [(call, name, 6) for call, name in BIT_NUMBER]
    return found


def _of_number(name: str, values: Any, number: Any, dtype: str) -> Any:
    """Return the reference's result for whole numbers and a number, exact in the dtype."""
    if not in_dtype("exact", dtype):
        values = values.astype(np.complex128 if is_complex(dtype) else np.float64)
    with np.errstate(all="ignore"):
        return cast(np.asarray(elementwise.BINARY[name](values, values.dtype.type(number))), dtype)


def _tiny_write(recipe: Recipe, dtype: str, variant: int = 0) -> Strided:
    structure = recipe.structure
    generator = np.random.default_rng([recipe.seed, variant, structure.length])
    return Strided(tiny(dtype, structure.length, generator), structure.size, structure.stride, structure.offset)


@clause("inplace.number.is-an-operand-of-the-tensors-dtype")
def test_number(cell: Cell) -> None:
    for turn, recipe in enumerate((*recipes(cell), *grain_recipes(cell))):
        a = _tiny_write(recipe, cell.dtype)
        calls = _with_number(cell.dtype)
        # Beyond the grain, a third of the calls at a time.
        for call, name, number in calls[turn % 3 :: 3] if a.numel > 2000 else calls:
            trial = cell.trial(a=a, n=number)
            trial.run("held = a")
            trial.run(call)
            trial.expect("held", _of_number(name, a.array, number, cell.dtype), UNSIGNED_ZERO)


@clause("inplace.number.higher-category-is-refused")
def test_number_refused(cell: Cell) -> None:
    numbers: tuple[Any, ...] = (0.5, 2.0, float("inf"), 1j) if in_dtype("exact", cell.dtype) else (1j, 2 + 0j)
    if cell.dtype == "bool":
        numbers += (1, 2)
    for recipe in few_recipes(cell, 0):
        a = _tiny_write(recipe, cell.dtype)
        for number in numbers:
            for call in ("a.add_(n)", "a += n", "a.mul_(n)", "a *= n", "a.__iadd__(n)", "a.multiply_(n)"):
                trial = cell.trial(a=a, n=number)
                trial.expect_error(call, RuntimeError)
                trial.expect("a", a)


ALPHA = (
    *("a.add_(b, alpha=k)", "a.sub_(b, alpha=-k)", "a.subtract_(b, alpha=-k)", "a.add_(other=b, alpha=k)"),
    *("a.add_(2, alpha=k)",),
)


@clause("inplace.alpha.scales-the-other-operand")
def test_alpha(cell: Cell) -> None:
    factors: tuple[Any, ...] = (2, 3, 0, 1)
    if is_floating(cell.dtype):
        factors += (0.5, -1.5)
    if is_complex(cell.dtype):
        factors += (1j, 2 - 1j, 0.5)
    if is_signed(cell.dtype):
        factors += (-1, -2)
    calls: tuple[str, ...] = ALPHA if is_signed(cell.dtype) else (ALPHA[0], ALPHA[3], ALPHA[4])
    if cell.dtype == "bool":
        calls, factors = ALPHA[:1], (True, False)
    for recipe in (*recipes(cell), grain_recipes(cell)[cell.seed % 2]):
        a, b = _tiny_write(recipe, cell.dtype), _tiny_write(recipe, cell.dtype, 1)
        for place, factor in enumerate(factors):
            call = calls[(place + cell.seed) % len(calls)]
            other = np.asarray(2) if call == ALPHA[4] else b.array
            trial = cell.trial(a=a, b=b, k=factor)
            trial.run(call)
            trial.expect("a", inplace.add(a.array, other, alpha=factor), UNSIGNED_ZERO)
        trial = cell.trial(a=a, b=b)
        trial.run("a.add_(b, alpha=1)")
        trial.expect("a", inplace.add(a.array, b.array), UNSIGNED_ZERO)


@clause("inplace.alpha.higher-category-is-refused")
def test_alpha_refused(cell: Cell) -> None:
    factors: tuple[Any, ...] = (1j,)
    if in_dtype("exact", cell.dtype):
        factors = (0.5, 1.0, 1j)
    for recipe in few_recipes(cell, 0):
        a, b = _tiny_write(recipe, cell.dtype), _tiny_write(recipe, cell.dtype, 1)
        for factor in factors:
            for call in ("a.add_(b, alpha=k)", "a.sub_(b, alpha=k)", "a.subtract_(b, alpha=k)"):
                trial = cell.trial(a=a, b=b, k=factor)
                trial.expect_error(call, RuntimeError)
                trial.expect("a", a)


QUOTIENTS = (
    *(("a.div_(b, rounding_mode='floor')", "floor_divide"), ("a.divide_(b, rounding_mode='floor')", "floor_divide")),
    *(("a.div_(b, rounding_mode='trunc')", "trunc_divide"), ("a.divide_(b, rounding_mode='trunc')", "trunc_divide")),
    *(("a.div_(b, rounding_mode=None)", "div"), ("a.divide_(b, rounding_mode=None)", "div"), ("a.div_(b)", "div")),
)


@clause("inplace.rounding-mode.decides-the-quotient")
def test_rounding_mode(cell: Cell) -> None:
    generator = cell.generator()
    for recipe in (*recipes(cell), grain_recipes(cell)[cell.seed % 2]):
        structure = recipe.structure
        values = generator.integers(-8 if is_signed(cell.dtype) else 0, 9, structure.length)
        a = Strided(cast(values, cell.dtype), structure.size, structure.stride, structure.offset)
        for call, name in QUOTIENTS:
            if name == "div" and not is_floating(cell.dtype):
                continue
            divisors = np.array([1, 2, 4] if name == "div" else [1, 2, 3, 5])
            if is_signed(cell.dtype):
                divisors = np.concatenate([divisors, -divisors])
            other = generator.choice(divisors, structure.length)
            b = Strided(cast(other, cell.dtype), structure.size, structure.stride, structure.offset)
            x, y = (each.array.astype(np.float64 if is_floating(cell.dtype) else np.int64) for each in (a, b))
            trial = cell.trial(a=a, b=b)
            trial.run(call)
            trial.expect("a", cast(np.asarray(elementwise.BINARY[name](x, y)), cell.dtype), UNSIGNED_ZERO)


@clause("inplace.rounding-mode.unknown-is-refused")
def test_rounding_mode_unknown(cell: Cell) -> None:
    for size in ((3,), (), (0,)):
        a = Strided.from_array(np.ones(size, numpy_dtype(cell.dtype)))
        for mode in ("round", "Floor", "", "ceil", "floor "):
            trial = cell.trial(a=a, b=a, mode=mode)
            trial.expect_error("a.div_(b, rounding_mode=mode)", RuntimeError)
            trial.expect_error("a.div_(2, rounding_mode=mode)", RuntimeError)
            trial.expect("a", a)
