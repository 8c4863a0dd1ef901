"""Clauses that hold for every operation of chapter shape: elements, layout, memory, in-place forms, refusals."""

from __future__ import annotations

from hypothesis import given

from torch_conformance.conformance.chapters.shape.operations import SHAPE
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging import views as judgement


@clause("shape.*.places-every-element")
@given(sweep=sweeps())
def test_places_every_element(cell: Cell, sweep: Sweep) -> None:
    judgement.judge_elements(cell, SHAPE[cell.clause.subject], sweep)


@clause("shape.*.has-size-and-stride")
def test_has_size_and_stride(cell: Cell) -> None:
    judgement.judge_layout(cell, SHAPE[cell.clause.subject])


@clause("shape.*.shares-memory")
def test_shares_memory(cell: Cell) -> None:
    judgement.judge_sharing(cell, SHAPE[cell.clause.subject])


@clause("shape.*.copies-otherwise")
def test_copies_otherwise(cell: Cell) -> None:
    judgement.judge_copying(cell, SHAPE[cell.clause.subject])


@clause("shape.*.works-in-place")
def test_works_in_place(cell: Cell) -> None:
    judgement.judge_in_place(cell, SHAPE[cell.clause.subject])


@clause("shape.*.refuses-bad-arguments")
def test_refuses_bad_arguments(cell: Cell) -> None:
    # The refusals of unflatten take milliseconds each.
    small = 6 if cell.clause.subject == "unflatten" else 40
    judgement.judge_refusals(cell, SHAPE[cell.clause.subject], small)


@clause("shape.gradient.reaches-every-element")
def test_gradient(cell: Cell) -> None:
    for rows in SHAPE.values():
        judgement.judge_gradient(cell, rows)
