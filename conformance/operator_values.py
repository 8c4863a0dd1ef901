"""Judge the values of an elementwise operator, in every spelling."""

from __future__ import annotations

from torch_conformance.conformance.cell import Cell
from torch_conformance.conformance.elementwise import Case, case_of, hard_case
from torch_conformance.conformance.recipes import Sweep
from torch_conformance.reference.dtypes import is_floating
from torch_conformance.spec.operators import Operator, operators

# A sweep of no recipe stands for the hard values of the operator: every exponent, the neighbours of every edge, and
# all 65,536 values in 16 bits.
HARD_VALUES = Sweep(())


def judge(cell: Cell, row: Operator, case: Case) -> None:
    """Compare every spelling with the reference, and see that the operands stay as they were."""
    trial = cell.trial(**case.operands)
    for spelling in row.spellings:
        trial.expect(spelling, case.expected, case.rule, dtype=case.dtype)
    for name, operand in case.operands.items():
        trial.expect(name, operand)


def judge_sweep(cell: Cell, sweep: Sweep) -> None:
    """Judge an operator on a sweep, or on its hard values."""
    row = operators()[cell.clause.subject.replace("-", "_")]
    for recipe in sweep:
        judge(cell, row, case_of(row, recipe, cell.dtype))
    if not len(sweep) and is_floating(cell.dtype):
        judge(cell, row, hard_case(row.name, cell.dtype))
