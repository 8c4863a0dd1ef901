"""Values of the elementwise operators of the chapter, in every spelling."""

from __future__ import annotations

from hypothesis import example, given

from torch_conformance.conformance.binding import clause
from torch_conformance.conformance.cell import Cell
from torch_conformance.conformance.operator_values import HARD_VALUES, judge_sweep
from torch_conformance.conformance.recipes import Sweep, sweeps


@clause("arithmetic.*.value")
@given(sweep=sweeps())
@example(sweep=HARD_VALUES)
def test_arithmetic_values(cell: Cell, sweep: Sweep) -> None:
    judge_sweep(cell, sweep)
