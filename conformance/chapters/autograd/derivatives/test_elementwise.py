"""Gradients of every elementwise operator: values, layouts, spellings, broadcasting."""

from __future__ import annotations

from torch_conformance.conformance.chapters.autograd.derivatives import cases
from torch_conformance.conformance.chapters.autograd.derivatives.cases import GradientCase, Size
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Structure, structures
from torch_conformance.spec.operators import Operator, operators

# Judged in every spelling, of which the second in layouts with gaps, the last with more elements than vectors hold.
_SPELLED: tuple[Size, ...] = ((2, 3), (3, 2), (17,))
_OTHERS: tuple[tuple[Size, ...], ...] = (
    ((), (0,), (5, 33), (2, 3, 2, 2)),
    ((), (2, 0, 3), (257,), (3, 1, 4)),
    ((1,), (), (3, 0), (65,)),
)
_BEYOND_THE_GRAIN: tuple[Size, ...] = ((32_771,), (3, 10_925))


def _layouts(size: Size, turn: int, count: int) -> list[Structure]:
    """Return a layout for each operand and for the incoming gradient."""
    found = structures(size)
    if size == _SPELLED[1]:
        found = tuple(each for each in found if each.layout in ("transposed", "sliced", "gapped", "expanded"))
    return [found[(turn + 2 * number + number * number) % len(found)] for number in range(count)]


def _judge_spelling(cell: Cell, case: GradientCase, spelling: str, way: int) -> None:
    """Judge one spelling by torch.autograd.grad, by backward, or when ones arrive from a sum."""
    __tracebackhide__ = True
    names = [name for name in case.inputs if name != "g"]
    if len(names) == 2 and way % 4 in (1, 2):
        # One operand alone requires a gradient.
        names = names[way % 4 - 1 :][:1]
    trial = cell.trial(**case.inputs)
    for name in names:
        trial.run(f"{name}.requires_grad_()")
    expected = case.expected
    if way % 3 == 0:
        trial.run(f"grads = torch.autograd.grad({spelling}, ({', '.join(names)},), g)")
        answers = [f"grads[{number}]" for number in range(len(names))]
    elif way % 3 == 1:
        trial.run(f"({spelling}).backward(g)")
        answers = [f"{name}.grad" for name in names]
    else:
        expected = case.plain
        trial.run(f"({spelling}).sum().backward()")
        answers = [f"{name}.grad" for name in names]
    for name, answer in zip(names, answers, strict=True):
        expect(trial, answer, expected[name])


def _judge_inplace(cell: Cell, case: GradientCase, call: str, way: int) -> None:
    """Judge a write in place: by the tensor written, by the other operand too (a constant every third time)."""
    __tracebackhide__ = True
    trial = cell.trial(**case.inputs)
    trial.run("x = a.requires_grad_()")
    trial.run("a = x.clone()")
    if "b" in case.inputs and way % 3:
        trial.run("b.requires_grad_()")
        trial.run(call)
        trial.run("grads = torch.autograd.grad(a, (x, b), g)")
        expect(trial, "grads[0]", case.expected["a"])
        expect(trial, "grads[1]", case.expected["b"])
        return
    trial.run(call)
    expect(trial, "torch.autograd.grad(a, x, g)[0]", case.expected["a"])


def _table(row: Operator, cell: Cell, turn: int) -> cases.Table:
    make = cases.unary_table if row.operands == 1 else cases.paired_table
    return make(row.name, cell.dtype, (cell.seed + turn) % 1_000)


@clause("autograd.*.gradient")
def test_gradient(cell: Cell) -> None:
    row = operators()[cell.clause.subject.replace("-", "_")]
    generator = cell.generator()
    start = int(generator.integers(0, 60))
    spellings = row.derived_spellings
    turns = range(start, start + max(1, cell.profile.examples // 3))
    sizes = [(size, turn) for turn in turns for size in (*_SPELLED, *_OTHERS[turn % 3])]
    sizes.append((_BEYOND_THE_GRAIN[start % 2], start))
    for number, (size, turn) in enumerate(sizes, start):
        table = _table(row, cell, turn)
        case = cases.case(table, cell.dtype, _layouts(size, number, row.operands + 1), generator)
        for way, spelling in enumerate(spellings):
            if way == number % len(spellings) or (size in _SPELLED and turn == start):
                _judge_spelling(cell, case, spelling, way + number)
        if row.inplace and row.gradient.inplace and size in _SPELLED:
            _judge_inplace(cell, case, row.inplace[number % len(row.inplace)], number)
