"""Clauses on repeat, tile, repeat_interleave, meshgrid, cartesian_prod."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    LAYOUTS,
    MANY,
    STANDING,
    STANDING_WITH_DIMENSIONS,
    Choices,
    filled,
    laid_out,
    some_of,
)
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import joining

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_REPEAT = (
    "x.repeat(repeats)",
    "x.repeat(*repeats)",
    "x.repeat(list(repeats))",
    "x.repeat(torch.Size(repeats))",
    "x.repeat(repeats=repeats)",
)
_TILE = (
    "torch.tile(x, repeats)",
    "x.tile(repeats)",
    "x.tile(*repeats)",
    "torch.tile(input=x, dims=list(repeats))",
    "x.tile(dims=repeats)",
)


def _repeats(x: Strided, choices: Choices, count: int) -> Size:
    most = 2 if x.numel > MANY else 4
    return tuple((1, 2, 3, 0)[choices.pick(most)] for _ in range(count))


@clause("joining.repeat.repeats-along-each-dimension")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_repeat(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for turn in range(1 if x.numel > MANY else 2):
            choices = Choices(recipe, turn)
            repeats = _repeats(x, choices, min(x.ndim + (0, 0, 1, 2)[choices.pick(4)], 7))
            trial = cell.trial(x=x, repeats=repeats)
            expected = joining.repeat(x.array, repeats)
            for spelling in some_of(_REPEAT, x, recipe):
                if repeats or "*" not in spelling:
                    trial.expect(spelling, expected)


@clause("joining.tile.repeats-the-last-dimensions")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_tile(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for turn in range(1 if x.numel > MANY else 2):
            choices = Choices(recipe, turn)
            repeats = _repeats(x, choices, choices.pick(x.ndim + 2))
            trial = cell.trial(x=x, repeats=repeats)
            expected = joining.tile(x.array, repeats)
            for spelling in some_of(_TILE, x, recipe):
                if repeats or "*" not in spelling:
                    trial.expect(spelling, expected)


_INTERLEAVE = (
    "torch.repeat_interleave(x, repeats, dim)",
    "x.repeat_interleave(repeats, back)",
    "torch.repeat_interleave(input=x, repeats=repeats, dim=back)",
    "x.repeat_interleave(repeats=repeats, dim=dim)",
    "torch.repeat_interleave(x, repeats, dim=dim, output_size=total)",
    "x.repeat_interleave(repeats, dim=back, output_size=total)",
)


@clause("joining.repeat-interleave.repeats-slices-in-place")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=("small", "empty", "tail", "grain")))
def test_repeat_interleave(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        number = (2, 1, 3, 0)[choices.pick(3 if x.numel > MANY else 4)]
        counts = choices.integers(0, 4, (x.size[dim],))
        if choices.pick(4) == 3:
            counts = np.array([number])
        dtype = np.int32 if choices.pick(2) else np.int64
        for repeats, given_repeats in (
            (number, number),
            (counts, laid_out(counts.astype(dtype), LAYOUTS[choices.pick(3)])),
        ):
            expected = joining.repeat_interleave(x.array, repeats, dim)
            trial = cell.trial(x=x, dim=dim, back=dim - x.ndim, repeats=given_repeats, total=expected.shape[dim])
            for spelling in some_of(_INTERLEAVE, x, recipe):
                trial.expect(spelling, expected)


@clause("joining.repeat-interleave.repeats-the-flat-tensor")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_repeat_interleave_flat(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        number, counts = (2, 1, 3, 0)[choices.pick(4)], choices.integers(0, 4, (x.numel,))
        flat = np.ascontiguousarray(x.array).ravel()
        trial = cell.trial(x=x, number=number, counts=Strided.from_array(counts))
        for spelling in (
            "torch.repeat_interleave(x, number)",
            "x.repeat_interleave(number)",
            "x.repeat_interleave(number, dim=None)",
        ):
            trial.expect(spelling, joining.repeat_interleave(flat, number, None))
        for spelling in ("torch.repeat_interleave(x, counts)", "x.repeat_interleave(repeats=counts)"):
            trial.expect(spelling, joining.repeat_interleave(flat, counts, None))


@clause("joining.repeat-interleave.lists-places-of-counts")
def test_repeat_interleave_of_counts(cell: Cell) -> None:
    generator = cell.generator()
    tables = [np.array(each, dtype=np.int64) for each in ([1, 2, 0], [0, 0], [], [5])]
    for counts in (*tables, *[generator.integers(0, 5, n) for n in (17, 65, 1_025, 40_001)]):
        for dtype in (np.int64, np.int32):
            given_counts = counts.astype(dtype)
            expected = np.repeat(np.arange(len(counts)), counts).astype(dtype)
            for layout in LAYOUTS[:3]:
                trial = cell.trial(counts=laid_out(given_counts, layout), total=int(counts.sum()))
                trial.expect("torch.repeat_interleave(counts)", expected)
                trial.expect("torch.repeat_interleave(repeats=counts, output_size=total)", expected)


@clause("joining.repeat.refuses-what-does-not-fit")
def test_repeat_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(
        x=Strided.from_array(x),
        short=Strided.from_array(np.array([1, 2])),
        less=Strided.from_array(np.array([1, -2, 1])),
        real=Strided.from_array(np.array([1.0, 2.0, 1.0])),
        plane=Strided.from_array(np.array([[1, 2, 1]])),
    )
    for statement in (
        *("x.repeat(2)", "x.repeat((1,))", "x.repeat(())", "x.repeat(-1, 1)", "x.repeat(1, 2, -1)", "x.tile(-1)"),
        *(
            "torch.tile(x, (2, -1))",
            "torch.repeat_interleave(x, -1)",
            "x.repeat_interleave(2, 2)",
            "x.repeat_interleave(2, -3)",
        ),
        *("x.repeat_interleave(short, 0)", "x.repeat_interleave(less, 0)", "x.repeat_interleave(plane, 0)"),
        *("x.repeat_interleave(short)", "torch.repeat_interleave(plane)", "torch.repeat_interleave(less)"),
    ):
        trial.expect_error(statement, RuntimeError, IndexError)
    for statement in ("x.repeat_interleave(real, 0)", "torch.repeat_interleave(real)"):
        trial.expect_error(statement, RuntimeError, NotImplementedError)
    trial.expect("x", x)
    trial.expect("x.repeat(1, 2)", np.tile(x, (1, 2)))


_VECTORS: tuple[tuple[Size, ...], ...] = (
    *(((3,),), ((),), ((2,), (3,)), ((3,), ()), ((), ()), ((2,), (3,), (4,)), ((0,), (3,)), ((1,), (5,))),
    *(((2,), (1,), (3,), (2,)), ((17,), (33,)), ((65,), (3,), (7,))),
)


@clause("joining.meshgrid.makes-grids")
def test_meshgrid(cell: Cell) -> None:
    generator = cell.generator()
    for sizes in _VECTORS:
        arrays = [filled(generator, size, cell.dtype) for size in sizes]
        for indexing in ("ij", "xy"):
            grids = joining.meshgrid(arrays, indexing)
            for layout in LAYOUTS[:3]:
                trial = cell.trial(tensors=[laid_out(each, layout) for each in arrays], indexing=indexing)
                for spelling in (
                    "torch.meshgrid(*tensors, indexing=indexing)",
                    "torch.meshgrid(tensors, indexing=indexing)",
                    "torch.meshgrid(tuple(tensors), indexing=indexing)",
                ):
                    trial.run(f"y = {spelling}")
                    trial.expect_equal("len(y)", len(grids))
                    for expression, grid in zip(("y[0]", "y[1]", "y[2]", "y[3]"), grids, strict=False):
                        trial.expect(expression, grid)


@clause("joining.meshgrid.refuses-what-does-not-fit")
def test_meshgrid_refuses(cell: Cell) -> None:
    trial = cell.trial(
        v=Strided.from_array(np.arange(3)),
        w=Strided.from_array(np.arange(2, dtype=np.float32)),
        m=Strided.from_array(np.zeros((2, 2), dtype=np.int64)),
    )
    for statement in (
        "torch.meshgrid(v, w, indexing='ij')",
        "torch.meshgrid(m, v, indexing='ij')",
        "torch.meshgrid(v, v, indexing='ji')",
        "torch.meshgrid([v, m], indexing='xy')",
        "torch.cartesian_prod(v, m)",
        "torch.cartesian_prod(m)",
        "torch.cartesian_prod(v, w)",
    ):
        trial.expect_error(statement, RuntimeError)
    trial.expect("torch.meshgrid(v, indexing='ij')[0]", np.arange(3))


@clause("joining.cartesian-prod.lists-all-tuples")
def test_cartesian_prod(cell: Cell) -> None:
    generator = cell.generator()
    for sizes in (
        ((3,),),
        ((2,), (3,)),
        ((3,), (1,), (2,)),
        ((0,), (2,)),
        ((17,), (9,)),
        ((65,), (33,), (3,)),
        ((2,),) * 5,
    ):
        arrays = [filled(generator, size, cell.dtype) for size in sizes]
        for layout in LAYOUTS[:3]:
            trial = cell.trial(tensors=[laid_out(each, layout) for each in arrays])
            trial.expect("torch.cartesian_prod(*tensors)", joining.cartesian_prod(arrays))
