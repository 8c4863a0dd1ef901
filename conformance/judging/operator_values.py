"""Judge the values of an elementwise operator, in every spelling."""

from __future__ import annotations

from collections.abc import Sequence

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Recipe, Sweep
from torch_conformance.conformance.judging.elementwise import OperatorCase, case_of, hard_case
from torch_conformance.reference.model.dtypes import is_floating
from torch_conformance.spec.operators import operators

# A sweep of no recipe stands for the hard values of the operator: every exponent, the neighbours of every edge, and
# all 65,536 values in 16 bits.
HARD_VALUES = Sweep(())

_MANY = 3_000
# Among several spellings of one kernel, so many are judged on tensors of many elements.
_SPELLINGS_OF_MANY = 2


def _beyond_the_grain() -> Sweep:
    """Return recipes beyond the parallel grain, which the drawn sweeps hold most of the time, not surely."""
    wanted = {("contiguous", (65_539,)), ("transposed", (181, 183)), ("contiguous", (32_769,))}
    found = [each for each in SIZE_CLASSES["grain"] if (each.layout, each.size) in wanted]
    return Sweep(tuple(Recipe(each, seed, b"grain") for seed, each in enumerate(found)))


BEYOND_THE_GRAIN = _beyond_the_grain()


def judge(cell: Cell, case: OperatorCase, spellings: Sequence[str]) -> None:
    """Compare spellings with the reference, and see that the operands stay as they were."""
    trial = cell.trial(**case.operands)
    for spelling in spellings:
        trial.expect(spelling, case.expected, case.rule, dtype=case.dtype)
    for name, operand in case.operands.items():
        trial.expect(name, operand)


def judge_sweep(cell: Cell, sweep: Sweep) -> None:
    """Judge an operator on a sweep, or on its hard values."""
    row = operators()[cell.clause.subject.replace("-", "_")]
    quick = cell.profile.name == "smoke"
    recipes = cell.in_turn(tuple(sweep), 0, 1) if quick and sweep is BEYOND_THE_GRAIN else sweep
    for turn, recipe in enumerate(recipes):
        case = case_of(row, recipe, cell.dtype, cell.device)
        spellings = row.spellings
        if case.expected.size > _MANY:
            start = (recipe.seed + cell.seed + turn) % len(spellings)
            spellings = (*spellings, *spellings)[start : start + _SPELLINGS_OF_MANY]
        judge(cell, case, spellings)
    if not len(sweep) and is_floating(cell.dtype):
        case = hard_case(row.name, cell.dtype, cell.device, cell.profile.samples)
        judge(cell, case, cell.in_turn(row.spellings, 0, 1) if quick else row.spellings)
