"""Trace, triangles, diagonals and cross products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.chapters.matmul.cases import laid_out, whole
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import products, reductions

Array = npt.NDArray[Any]


@clause("matmul.trace.adds-the-diagonal")
def test_trace(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((1, 1), (2, 3), (3, 2), (5, 5), (0, 0), (0, 3), (17, 33), (65, 63), (181, 183), (2, 40)):
        array = whole(generator, size, cell.dtype, max(min(size), 1), factors=1)
        answer = reductions.sum(np.diagonal(array))
        for layout in range(4):
            trial = cell.trial(x=laid_out(array, layout))
            for form in ("torch.trace(x)", "x.trace()", "torch.trace(input=x)"):
                trial.expect(form, answer.values, dtype=answer.dtype)
    for other in ((3,), (), (2, 2, 2)):
        trial = cell.trial(x=Strided.from_array(np.ones(other, numpy_dtype(cell.dtype))))
        trial.expect_error("torch.trace(x)", RuntimeError)
        trial.expect_error("x.trace()", RuntimeError)


_TRIANGLES = (
    *("torch.{}(x, d)", "torch.{}(x, diagonal=d)", "x.{}(d)", "x.{}(diagonal=d)", "torch.{}(input=x, diagonal=d)"),
    # Where out is a batch that is not contiguous, every version so far writes beyond it.
    *("torch.{}(x, d, out=torch.ones(x.shape, dtype=x.dtype, device=device))", "x.clone().{}_(d)"),
)


@clause("matmul.*.keeps-its-triangle")
@given(sweep=sweeps())
def test_triangles(cell: Cell, sweep: Sweep) -> None:
    name = cell.clause.subject
    for recipe in sweep:
        if len(recipe.size) < 2:
            continue
        tensor = recipe.tensor(cell.dtype, "any")
        rows, columns = recipe.size[-2:]
        offsets = {0, 1, -1, columns, -rows, columns - 1, 1 - rows, columns // 2, -(rows // 2)}
        large = recipe.structure.length > 3_000
        for number, diagonal in enumerate(sorted(offsets)[:: 3 if large else 1]):
            expected = products.triangle(tensor.array, diagonal, upper=name == "triu")
            trial = cell.trial(x=tensor, d=diagonal)
            for place in range(1 if large else 3):
                trial.expect(_TRIANGLES[(number + recipe.seed + place) % len(_TRIANGLES)].format(name), expected)
        trial = cell.trial(x=tensor)
        trial.expect(f"torch.{name}(x)", products.triangle(tensor.array, 0, upper=name == "triu"))
        if not recipe.overlaps:
            trial.run(f"r = x.{name}_(1)")
            trial.expect("x", products.triangle(tensor.array, 1, upper=name == "triu"))
            trial.expect_true("r is x", "the in-place form returns its tensor")


_DIAGONALS = (-4, -3, -2, -1, 0, 1, 2, 3, 4)
_DIAGS = ("torch.diag(x, d)", "torch.diag(x, diagonal=d)", "x.diag(d)", "x.diag(diagonal=d)")


@clause("matmul.diag.makes-and-takes-diagonals")
def test_diag(cell: Cell) -> None:
    values = pool(cell.dtype, "any", 2)
    for number, size in enumerate(((3,), (1,), (0,), (17,), (65,), (3, 3), (2, 5), (5, 2), (33, 17), (4, 0), (1, 1))):
        array = np.resize(np.roll(values, -number), size) if 0 not in size else np.zeros(size, values.dtype)
        for diagonal in _DIAGONALS:
            if len(size) == 2 and not -size[0] <= diagonal <= size[1]:
                continue
            expected = products.diag(array, diagonal)
            trial = cell.trial(x=laid_out(array, number + diagonal), d=diagonal)
            for form in _DIAGS:
                trial.expect(form, expected)
            trial.expect("torch.diag(x, d, out=torch.ones_like(torch.diag(x, d)))", expected)
        trial = cell.trial(x=laid_out(array, number))
        trial.expect("torch.diag(x)", products.diag(array))
        trial.expect("x.diag()", products.diag(array))


@clause("matmul.diagflat.makes-a-diagonal-of-all-elements")
def test_diagflat(cell: Cell) -> None:
    values = pool(cell.dtype, "any", 3)
    for size in ((3,), (), (2, 3), (0,), (2, 2, 3), (40,)):
        array = np.resize(values, size) if 0 not in size else np.zeros(size, values.dtype)
        for offset in (-3, -1, 0, 1, 2):
            expected = products.diag(array.reshape(-1), offset)
            trial = cell.trial(x=laid_out(array, 2), o=offset)
            for form in (
                "torch.diagflat(x, o)",
                "torch.diagflat(x, offset=o)",
                "x.diagflat(o)",
                "x.diagflat(offset=o)",
            ):
                trial.expect(form, expected)


_CROSSES = (
    *("torch.cross(a, b, dim=dim)", "torch.cross(a, b, dim)", "a.cross(b, dim=dim)", "a.cross(b, dim)"),
    *("torch.linalg.cross(a, b, dim=dim)", "torch.linalg.cross(input=a, other=b, dim=dim)"),
    "torch.linalg.cross(a, b, dim=dim, out=torch.empty_like(torch.linalg.cross(a, b, dim=dim)))",
)


@clause("matmul.cross.is-perpendicular")
def test_cross(cell: Cell) -> None:
    generator = cell.generator()
    cases: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...] = (
        *(((3,), (3,), 0), ((3,), (3,), -1), ((4, 3), (4, 3), 1), ((3, 5), (3, 5), 0), ((2, 3, 7), (2, 3, 7), -2)),
        *(
            ((1, 3), (5, 3), -1),
            ((3, 1), (3, 17), 0),
            ((0, 3), (0, 3), 1),
            ((65, 3), (65, 3), 1),
            ((11_003, 3), (11_003, 3), -1),
        ),
        *(((3, 11_003), (3, 11_003), 0), ((3, 3), (3, 3), 0), ((3, 3), (3, 3), 1)),
    )
    for number, (left, right, dim) in enumerate(cases):
        a, b = whole(generator, left, cell.dtype, 2), whole(generator, right, cell.dtype, 2)
        answer = products.cross(a, b, dim)
        for layout in range(4) if max(left) < 1000 else (number % 4,):
            trial = cell.trial(a=laid_out(a, layout), b=laid_out(b, layout // 2), dim=dim)
            for form in _CROSSES:
                expect(trial, form, answer)
            if dim % len(left) == len(left) - 1:
                expect(trial, "torch.linalg.cross(a, b)", answer)


@clause("matmul.cross.refuses-other-sizes")
def test_cross_refuses(cell: Cell) -> None:
    for left, right, dim in (
        ((4,), (4,), 0),
        ((2, 3), (2, 3), 0),
        ((3, 2), (3, 2), 1),
        ((3,), (2, 3), 0),
        ((2, 3), (4, 3), 1),
    ):
        a, b = np.ones(left, numpy_dtype(cell.dtype)), np.ones(right, numpy_dtype(cell.dtype))
        trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b), dim=dim)
        for form in _CROSSES[:6]:
            if len(left) == len(right):
                trial.expect_error(form, RuntimeError)
        if len(left) == len(right):
            trial.expect_error("torch.linalg.cross(a, b, dim=5)", IndexError)
