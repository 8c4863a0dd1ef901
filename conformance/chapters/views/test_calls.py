"""Clauses that hold for every operation of chapter views: elements, layout, memory, in-place forms, refusals."""

from __future__ import annotations

from hypothesis import given

from torch_conformance.conformance.chapters.views.whole_operations import VIEWS
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging import views as judgement


@clause("views.*.places-every-element")
@given(sweep=sweeps())
def test_places_every_element(cell: Cell, sweep: Sweep) -> None:
    judgement.judge_elements(cell, VIEWS[cell.clause.subject], sweep)


@clause("views.*.has-size-and-stride")
def test_has_size_and_stride(cell: Cell) -> None:
    judgement.judge_layout(cell, VIEWS[cell.clause.subject])


@clause("views.*.shares-memory")
def test_shares_memory(cell: Cell) -> None:
    judgement.judge_sharing(cell, VIEWS[cell.clause.subject])


@clause("views.*.copies-otherwise")
def test_copies_otherwise(cell: Cell) -> None:
    judgement.judge_copying(cell, VIEWS[cell.clause.subject])


@clause("views.*.works-in-place")
def test_works_in_place(cell: Cell) -> None:
    judgement.judge_in_place(cell, VIEWS[cell.clause.subject])


@clause("views.*.refuses-bad-arguments")
def test_refuses_bad_arguments(cell: Cell) -> None:
    judgement.judge_refusals(cell, VIEWS[cell.clause.subject])


@clause("views.gradient.reaches-every-element")
def test_gradient(cell: Cell) -> None:
    for subject, rows in VIEWS.items():
        if subject not in ("detach", "narrow-copy"):
            judgement.judge_gradient(cell, rows)
