"""Clauses on where with three arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.index_expressions import LAYOUTS, MANY, STANDING, Choices, laid_out, some_of
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import promotion
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import is_complex, is_floating, numpy_dtype
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_WHERE = (
    "torch.where(c, a, b)",
    "a.where(c, b)",
    "torch.where(condition=c, input=a, other=b)",
    "a.where(condition=c, other=b)",
    "torch.where(c, a, b, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.where(c, a, b, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.where(c, a, b, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


@clause("indexing.where.chooses-by-condition")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_where(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        choices = Choices(recipe, 0)
        a, other = recipe.tensor(cell.dtype), recipe.array(cell.dtype, variant=1)
        b, mask = laid_out(other, LAYOUTS[choices.pick(4)]), choices.mask(recipe.size)
        if choices.pick(3) == 2:
            a, b = b, a
        expected = np.where(mask, a.array, b.array)
        trial = cell.trial(
            a=a, b=b, c=laid_out(mask, LAYOUTS[choices.pick(4)]), dtype=cell.torch_dtype, shape=expected.shape
        )
        for spelling in some_of(_WHERE, a, recipe):
            trial.expect(spelling, expected)


def _narrowed(size: Size, choices: Choices) -> Size:
    way = choices.pick(3)
    if way == 0:
        return size
    if way == 1:
        return size[choices.pick(len(size) + 1) :]
    return tuple(1 if choices.pick(2) else extent for extent in size)


@clause("indexing.where.broadcasts-all-three")
@given(sweep=sweeps(repeat=3))
def test_where_broadcasts(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        for turn in range(1 if recipe.structure.length > MANY else 3):
            choices = Choices(recipe, turn)
            arrays = [
                np.asarray(pool("float32", "any", variant)[choices.integers(0, 256, _narrowed(recipe.size, choices))])
                for variant in range(2)
            ]
            mask = choices.mask(_narrowed(recipe.size, choices))
            a, b = (laid_out(each, LAYOUTS[choices.pick(4)]) for each in arrays)
            trial = cell.trial(a=a, b=b, c=laid_out(mask, LAYOUTS[choices.pick(4)]))
            expected = np.where(mask, *arrays)
            for spelling in _WHERE[:4]:
                trial.expect(spelling, expected)


_CATEGORIES: tuple[tuple[promotion.ValueCategory, Size], ...] = (("dimensioned", (3,)), ("zero-dim", ()))


@clause("indexing.where.promotes")
def test_where_promotes(cell: Cell) -> None:
    mask = np.array([True, False, True])
    for other in TORCH_DTYPES:
        if not promotion.is_documented(cell.dtype, other) or (_wide(other) and not _wide(cell.dtype)):
            continue
        for kind, size in _CATEGORIES:
            for other_kind, other_size in _CATEGORIES:
                if _is_disputed(cell.dtype, kind, other, other_kind):
                    continue
                # Zero and small integers are the same number in every dtype.
                a = np.asarray(pool(cell.dtype, "small", 0)[1:4] if size else pool(cell.dtype, "small", 0)[1])
                b = np.asarray(pool(other, "small", 1)[1:4] if other_size else pool(other, "small", 1)[1])
                dtype = promotion.result_type(
                    (promotion.Operand(cell.dtype, kind), promotion.Operand(other, other_kind))
                )
                trial = cell.trial(
                    a=Strided.from_array(a),
                    b=Strided.from_array(b),
                    c=Strided.from_array(mask),
                    n=Strided.from_array(~mask),
                )
                wide = [np.broadcast_to(cast(each, dtype), (3,)) for each in (a, b)]
                trial.expect("torch.where(c, a, b)", np.where(mask, *wide))
                trial.expect("torch.where(n, b, a)", np.where(mask, *wide))
                trial.expect("a.where(c, b)", np.where(mask, *wide))


def _is_disputed(first: str, kind: str, second: str, other_kind: str) -> bool:
    """Whether a floating tensor with dimensions meets a complex one without, which torch does not widen for."""
    if kind == other_kind:
        return False
    dimensioned, scalar = (first, second) if kind == "dimensioned" else (second, first)
    return is_floating(dimensioned) and is_complex(scalar)


def _wide(dtype: str) -> bool:
    return dtype in promotion.WIDE_UNSIGNED


_NUMBERS: tuple[Any, ...] = (True, False, 0, 7, 1.5, -0.0, float("inf"), float("nan"), 2.5 - 3j)


@clause("indexing.where.takes-python-numbers")
def test_where_takes_python_numbers(cell: Cell) -> None:
    mask = np.array([[True, False, True], [False, False, True]])
    for size in ((2, 3), (3,), (1, 1)):
        a = np.asarray(pool(cell.dtype, "small", 0)[1 : 1 + int(np.prod(size))].reshape(size))
        for number in _NUMBERS:
            kind = type(number).__name__
            if kind == "complex" and cell.dtype in ("float16", "bfloat16"):
                continue
            dtype = promotion.result_type(
                (promotion.Operand(cell.dtype, "dimensioned"), promotion.Operand(kind, "number"))
            )
            value = np.asarray(number).astype(numpy_dtype(dtype))
            expected = np.where(mask, cast(a, dtype), value)
            trial = cell.trial(a=Strided.from_array(a), number=number, c=Strided.from_array(mask))
            trial.expect("torch.where(c, a, number)", expected)
            trial.expect("torch.where(~c, number, a)", expected)
            trial.expect("torch.where(condition=c, input=a, other=number)", expected)
            trial.expect("a.where(c, number)", expected)


@clause("indexing.where.takes-two-python-numbers")
def test_where_takes_two_python_numbers(cell: Cell) -> None:
    mask = np.array([[True, False, True], [False, False, True]])
    for default in ("float32", "float64"):
        for first in _NUMBERS:
            for second in _NUMBERS:
                kinds = [promotion.Operand(type(each).__name__, "number") for each in (first, second)]
                dtype = promotion.result_type(kinds, default=default)
                values = [np.asarray(each).astype(numpy_dtype(dtype)) for each in (first, second)]
                trial = cell.trial(a=first, b=second, c=Strided.from_array(mask), default=TORCH_DTYPES[default])
                trial.run("torch.set_default_dtype(default)")
                trial.expect("torch.where(c, a, b)", np.where(mask, *values))
                trial.expect("torch.where(c[:, :0], a, b)", np.where(mask[:, :0], *values))
    cell.trial().run("torch.set_default_dtype(torch.float32)")


@clause("indexing.where.does-not-mix-in-the-other-branch")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_where_does_not_mix(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        mask = Choices(recipe, 0).mask(recipe.size)
        dtype = numpy_dtype(cell.dtype)
        a, b = recipe.array(cell.dtype, "finite"), np.full(recipe.size, float("nan")).astype(dtype)
        inputs = {"c": Strided.from_array(mask), "a": Strided.from_array(a), "b": Strided.from_array(b)}
        trial = cell.trial(**inputs)
        trial.expect("torch.where(c, a, b)", np.where(mask, a, b))
        trial.expect("torch.where(c, b, a)", np.where(mask, b, a))


@clause("indexing.where.refuses-what-does-not-fit")
def test_where_refuses(cell: Cell) -> None:
    a, b = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((2, 3), dtype=np.float32)
    trial = cell.trial(
        a=Strided.from_array(a),
        b=Strided.from_array(b),
        c=Strided.from_array(np.array([[True, False, True]])),
        bad=Strided.from_array(np.array([True, False])),
    )
    for statement in (
        "torch.where(bad, a, b)",
        "torch.where(c, a, b[:, :2])",
        "a.where(c, b[:, :2])",
        "torch.where(a, a, b)",
        "torch.where(c.long(), a, b)",
        "a.where(c.float(), b)",
    ):
        trial.expect_error(statement, RuntimeError, IndexError)
    trial.expect("a", a)
    trial.expect("torch.where(c, a, b)", np.where([True, False, True], a, b))
