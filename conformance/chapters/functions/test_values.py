"""Values of the elementwise functions of the chapter, in every spelling."""

from __future__ import annotations

from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging.operator_values import BEYOND_THE_GRAIN, HARD_VALUES, judge_sweep


@clause("functions.*.value")
@given(sweep=sweeps())
@example(sweep=HARD_VALUES)
@example(sweep=BEYOND_THE_GRAIN)
def test_function_values(cell: Cell, sweep: Sweep) -> None:
    judge_sweep(cell, sweep)
