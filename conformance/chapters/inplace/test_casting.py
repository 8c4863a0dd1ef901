"""Which results an operation in place may store, for all pairs of dtypes and categories of values."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from torch_conformance.conformance.chapters.inplace.writes import (
    each_implemented,
    grain_recipes,
    in_dtype,
    recipes,
    structure_of,
    tiny,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import CLASSIC, PRESENT, converted
from torch_conformance.reference.model import promotion
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import INTEGRAL, category, is_complex, numpy_dtype
from torch_conformance.reference.model.promotion import Operand
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import elementwise
from torch_conformance.spec.operators import Operator, operators

# Sizes of both tensors; neighbours differ in the category of the second.
SIZES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (((2, 3), (3,)), ((3,), ()), ((0,), (1,)), ((), ()))


def _result(row: Operator, first: Operand, second: Operand) -> str:
    """Return the dtype of the result out of place."""
    wanted = promotion.result_type((first, second))
    if row.result == "bool":
        return "bool"
    return "float32" if row.integers == "default-float" and category(wanted) <= INTEGRAL else wanted


def _operand(dtype: str, size: tuple[int, ...]) -> Operand:
    return Operand(dtype, "dimensioned" if size else "zero-dim")


def _binary() -> list[Operator]:
    return [row for row in operators().values() if row.operands == 2 and row.inplace]


@clause("inplace.cast.higher-category-is-refused")
def test_refused(cell: Cell) -> None:
    for place, row in enumerate(_binary()):
        for other in CLASSIC:
            for turn, (size, second) in enumerate(cell.in_turn(SIZES, place, 2)):
                result = _result(row, _operand(cell.dtype, size), _operand(other, second))
                if promotion.can_cast(result, cell.dtype):
                    continue
                structure = structure_of(size, turn + place)
                # Zeros and ones are what a fill, or a product by one, would leave as they were.
                storage = (2 + np.arange(structure.length) % 3).astype(numpy_dtype(cell.dtype))
                a = Strided(storage, size, structure.stride, structure.offset)
                trial = cell.trial(a=a, b=Strided.from_array(np.full(second, 3).astype(numpy_dtype(other))))
                for call in cell.in_turn(row.inplace, place + turn + len(other), 1):
                    trial.expect_error(call, RuntimeError)
                trial.expect("a", a)
                trial.expect_true("a._version == 0", "a refused write counts for nothing")


@clause("inplace.cast.functions-of-integers-are-refused")
def test_functions_of_integers(cell: Cell) -> None:
    rows = [row for row in operators().values() if row.integers == "default-float" and row.inplace]
    for place, row in enumerate(rows):
        for turn, size in enumerate(cell.in_turn(((3,), (), (2, 3), (0,), (17,)), place, 2)):
            structure = structure_of(size, turn + place)
            # Zeros and ones are what a fill before the error would leave behind.
            storage = (2 + np.arange(structure.length) % 3).astype(numpy_dtype(cell.dtype))
            a = Strided(storage, size, structure.stride, structure.offset)
            trial = cell.trial(a=a, b=Strided.from_array(a.array))
            for call in row.inplace:
                trial.expect_error(call, RuntimeError)
            trial.expect("a", a)


# Rows whose results are exact for small whole numbers in every dtype; by set of dtypes.
EXACT_ROWS = (
    *(("add", "classic"), ("mul", "classic"), ("sub", "numeric"), ("eq", "real"), ("ne", "real")),
    *(("lt", "real"), ("ge", "real"), ("le", "real"), ("gt", "real"), ("logical_and", "classic")),
    *(("logical_or", "classic"), ("bitwise_and", "exact"), ("bitwise_or", "exact"), ("bitwise_xor", "exact")),
)


def _exact(name: str, a: Any, b: Any, wanted: str, target: str) -> Any:
    """Return a result of operands that were promoted, stored in another dtype."""
    x, y = (cast(np.ascontiguousarray(each).reshape(each.shape), wanted) for each in (a, b))
    if wanted != "bool" and not in_dtype("exact", wanted):
        x, y = (each.astype(np.complex128 if is_complex(wanted) else np.float64) for each in (x, y))
    with np.errstate(all="ignore"):
        return cast(np.asarray(elementwise.BINARY[name](x, y)), target)


@clause("inplace.cast.lower-category-is-converted")
def test_converted(cell: Cell) -> None:
    generator = cell.generator()

    def judge(name: str, allowed: str) -> None:
        row = operators()[name]
        for place, other in enumerate(CLASSIC):
            for turn, (size, second) in enumerate((*SIZES, ((17,), (17,)))):
                operands = (_operand(cell.dtype, size), _operand(other, second))
                wanted = promotion.result_type(operands)
                if not promotion.can_cast(_result(row, *operands), cell.dtype) or not in_dtype(allowed, wanted):
                    continue
                if name == "sub" and "bool" in (cell.dtype, other):
                    continue
                # A complex zero-dim operand of float16 makes complex numbers of 16-bit parts.
                if in_dtype("half", cell.dtype) and is_complex(other):
                    continue
                structure = structure_of(size, turn + place)
                storage = tiny(cell.dtype, structure.length, generator)
                a = Strided(storage, size, structure.stride, structure.offset)
                b = Strided.from_array(tiny(other, int(np.prod(second)), generator).reshape(second))
                expected = _exact(name, a.array, np.broadcast_to(b.array, size), wanted, cell.dtype)
                trial = cell.trial(a=a, b=b)
                trial.run("held = a")
                trial.run(row.inplace[(turn + place) % len(row.inplace)])
                trial.expect("held", expected, UNSIGNED_ZERO)

    each_implemented(cell, ((name, functools.partial(judge, name, allowed)) for name, allowed in EXACT_ROWS))


@clause("inplace.copy.takes-any-dtype")
def test_copy(cell: Cell) -> None:
    for turn, recipe in enumerate((*recipes(cell), grain_recipes(cell)[cell.seed % 2])):
        for place, source in enumerate(PRESENT):
            if recipe.structure.length > 30_000 and (place + cell.seed) % 4:
                continue
            b, expected = converted(recipe, source, cell.dtype)
            structure = structure_of(recipe.size, turn + place)
            storage = np.ones(structure.length, numpy_dtype(cell.dtype))
            a = Strided(storage, structure.size, structure.stride, structure.offset)
            whole = a.storage.copy()
            Strided(whole, a.size, a.stride, a.offset).array[...] = expected
            trial = cell.trial(a=a, b=b, length=a.storage.size)
            trial.expect_true("a.copy_(b) is a", "copy_ returns its tensor")
            trial.expect("torch.as_strided(a, (length,), (1,), 0)", whole)
            trial.expect("b", b)


@clause("inplace.copy.refuses-growth")
def test_copy_growth(cell: Cell) -> None:
    for other in ("float32", cell.dtype):
        for size, second in (((3,), (2, 3)), ((1,), (3,)), ((), (3,)), ((2, 3), (3, 2)), ((0,), (2,))):
            a = Strided.from_array((2 + np.arange(math.prod(size)) % 3).reshape(size).astype(numpy_dtype(cell.dtype)))
            trial = cell.trial(a=a, b=Strided.from_array(np.zeros(second, numpy_dtype(other))))
            trial.expect_error("a.copy_(b)", RuntimeError)
            trial.expect("a", a)
            trial.expect_true("a.dtype is torch.float32 or a._version == 0", "a refused write counts for nothing")


@clause("inplace.fill.number-is-converted")
def test_fill_number(cell: Cell) -> None:
    numbers: list[Any] = [0, 1, True, False, 3, 100]
    if category(cell.dtype) > INTEGRAL:
        numbers += [0.5, -2.25, float("inf"), float("nan"), 0.1]
    if is_complex(cell.dtype):
        numbers += [1.5 - 2j, 1j]
    for turn, recipe in enumerate((*recipes(cell), *grain_recipes(cell))):
        structure = structure_of(recipe.size, turn)
        for number in numbers if structure.length < 30_000 else numbers[turn % 2 :: 3]:
            old = np.ones(structure.length, numpy_dtype(cell.dtype))
            a = Strided(old, structure.size, structure.stride, structure.offset)
            whole = old.copy()
            Strided(whole, a.size, a.stride, a.offset).array[...] = cast(np.asarray(number), cell.dtype)
            trial = cell.trial(a=a, n=number, dtype=TORCH_DTYPES[cell.dtype], length=structure.length)
            trial.run("whole = torch.as_strided(a, (length,), (1,), 0)")
            trial.run("a.fill_(n)")
            trial.expect("whole", whole)
            trial.run("whole.fill_(1)")
            trial.run("a.fill_(torch.tensor(n, dtype=dtype, device=device))")
            trial.expect("whole", whole)
