"""Clauses on roll, flip, fliplr, flipud and rot90."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    MANY,
    STANDING,
    STANDING_WITH_DIMENSIONS,
    WITH_DIMENSIONS,
    Choices,
    some_of,
)
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import joining

_ROLL = (
    "torch.roll(x, shifts, dims)",
    "x.roll(shifts, dims)",
    "torch.roll(input=x, shifts=shifts, dims=back)",
    "x.roll(shifts=list(shifts), dims=list(back))",
)
_ROLL_FLAT = ("torch.roll(x, shift)", "x.roll(shift)", "torch.roll(input=x, shifts=shift)", "x.roll((shift,))")


def _dims(rank: int, choices: Choices) -> tuple[int, ...]:
    """Return distinct dimensions, in some order."""
    count = 1 + choices.pick(rank)
    order = np.roll(np.arange(rank), choices.pick(rank))
    return tuple(int(dim) for dim in (order[::-1] if choices.pick(2) else order)[:count])


@clause("joining.roll.moves-along-dimensions")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_roll(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for turn in range(1 if x.numel > MANY else 3):
            choices = Choices(recipe, turn)
            dims = _dims(x.ndim, choices)
            shifts = tuple((1, -1, 2, 0, x.size[dim], -x.size[dim] - 3, 1000)[choices.pick(7)] for dim in dims)
            trial = cell.trial(x=x, shifts=shifts, dims=dims, back=tuple(dim - x.ndim for dim in dims))
            expected = joining.roll(x.array, shifts, dims)
            for spelling in some_of(_ROLL, x, recipe):
                trial.expect(spelling, expected)
            if len(dims) == 1:
                trial = cell.trial(x=x, shift=shifts[0], dim=dims[0])
                trial.expect("torch.roll(x, shift, dim)", expected)
                trial.expect("x.roll(shifts=shift, dims=dim)", expected)


@clause("joining.roll.moves-along-the-flat-tensor")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_roll_flat(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        shift = (1, -1, 2, 0, x.numel, -x.numel - 3, 1000)[choices.pick(7)]
        trial = cell.trial(x=x, shift=shift)
        expected = joining.roll(x.array, (shift,), None)
        for spelling in some_of(_ROLL_FLAT, x, recipe):
            trial.expect(spelling, expected)


_FLIP = (
    "torch.flip(x, dims)",
    "x.flip(dims)",
    "x.flip(*dims)",
    "torch.flip(input=x, dims=list(back))",
    "x.flip(dims=back)",
)


@clause("joining.flip.reverses-dimensions")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_flip(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for turn in range(1 if x.numel > MANY else 3):
            choices = Choices(recipe, turn)
            dims = _dims(x.ndim, choices) if x.ndim and choices.pick(8) != 7 else ()
            trial = cell.trial(x=x, dims=dims, back=tuple(dim - x.ndim for dim in dims))
            expected = joining.flip(x.array, dims)
            for spelling in some_of(_FLIP, x, recipe):
                if dims or "*" not in spelling:
                    trial.expect(spelling, expected)


_NAMED = {
    "fliplr": ("torch.fliplr(x)", "x.fliplr()", "torch.fliplr(input=x)"),
    "flipud": ("torch.flipud(x)", "x.flipud()", "torch.flipud(input=x)"),
}


@clause("joining.*.equals-flip")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_equals_flip(cell: Cell, sweep: Sweep) -> None:
    subject = cell.clause.subject
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        if subject == "fliplr" and x.ndim < 2:
            continue
        trial = cell.trial(x=x)
        expected = joining.flip(x.array, (1,) if subject == "fliplr" else (0,))
        for spelling in _NAMED[subject]:
            trial.expect(spelling, expected)


_ROT90 = (
    "torch.rot90(x, k, dims)",
    "x.rot90(k, dims)",
    "torch.rot90(input=x, k=k, dims=back)",
    "x.rot90(k, list(dims))",
)


@clause("joining.rot90.turns-from-first-to-second-dimension")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, repeat=2))
def test_rot90(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        if x.ndim < 2:
            continue
        for turn in range(1 if x.numel > MANY else 3):
            choices = Choices(recipe, turn)
            first = choices.pick(x.ndim)
            dims = (first, (first + 1 + choices.pick(x.ndim - 1)) % x.ndim)
            k = choices.pick(11) - 5
            trial = cell.trial(x=x, k=k, dims=dims, back=tuple(dim - x.ndim for dim in dims))
            expected = joining.rot90(x.array, k, dims)
            for spelling in some_of(_ROT90, x, recipe):
                trial.expect(spelling, expected)
        trial.expect("torch.rot90(x)", joining.rot90(x.array, 1, (0, 1)))


@clause("joining.roll.refuses-what-does-not-fit")
def test_order_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(x=Strided.from_array(x), v=Strided.from_array(np.zeros(3)), s=Strided.from_array(np.zeros(())))
    for statement in (
        *(
            "torch.roll(x, (1, 2), (0,))",
            "x.roll(1, 2)",
            "x.roll((1,), (-3,))",
            "torch.roll(x, (1, 2))",
            "x.roll((1, 1, 1), (0, 1))",
        ),
        *(
            "torch.flip(x, (0, 0))",
            "x.flip(2)",
            "x.flip(0, -2)",
            "torch.flip(x, (-3,))",
            "torch.fliplr(v)",
            "torch.flipud(s)",
        ),
        *(
            "torch.rot90(x, 1, (0, 0))",
            "x.rot90(1, (0, -2))",
            "torch.rot90(v)",
            "x.rot90(1, (0, 2))",
            "x.rot90(1, (0,))",
        ),
        *("x.rot90(1, (0, 1, 1))",),
    ):
        trial.expect_error(statement, RuntimeError, IndexError)
    trial.expect("x", x)
    trial.expect("x.flip(0)", x[::-1].copy())
