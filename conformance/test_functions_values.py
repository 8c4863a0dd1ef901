"""Values of the elementwise functions of the chapter, in every spelling."""

from __future__ import annotations

from hypothesis import example, given

from torch_conformance.conformance.binding import clause
from torch_conformance.conformance.cell import Cell
from torch_conformance.conformance.operator_values import BEYOND_THE_GRAIN, HARD_VALUES, judge_sweep
from torch_conformance.conformance.recipes import Sweep, sweeps


@clause("functions.*.value")
@given(sweep=sweeps())
@example(sweep=HARD_VALUES)
@example(sweep=BEYOND_THE_GRAIN)
def test_function_values(cell: Cell, sweep: Sweep) -> None:
    judge_sweep(cell, sweep)
