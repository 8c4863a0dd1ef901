"""Second derivatives and forward mode of every elementwise operator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.autograd.derivatives.cases import (
    LAYOUTS,
    case,
    laid_out,
    paired_table,
    small_values,
    unary_table,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import structures
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.reference.numerics import bounded, tape
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives
from torch_conformance.spec.operators import operators

TWICE = tuple(name for name in derivatives.SMOOTH if name in operators() and operators()[name].gradient.twice)
PAIRS_TWICE = ("mul", "div", *(name for name in derivatives.SMOOTH_PAIRS if name in operators()))
_SIZE = (3, 4)


def _with_room(cell: Cell, answer: Bounded, terms: npt.NDArray[np.float64]) -> Bounded:
    room = distance(cell, "gradient.other-formula", 1 + terms)
    return bounded.like(answer, answer.values, answer.bound + room)


def _applied(name: str, operands: list[Variable]) -> Variable:
    return (derivatives.UNARY if len(operands) == 1 else derivatives.BINARY)[name](*operands)


def _judge_twice(cell: Cell, name: str, number: int, generator: np.random.Generator) -> None:
    """Derive the gradients by all operands, each along numbers of its own, by the operands and what arrived."""
    __tracebackhide__ = True
    names = "a" if name in derivatives.SMOOTH else "ab"
    make = unary_table if len(names) == 1 else paired_table
    table = make(name, cell.dtype, cell.seed % 1_000)
    arrays = [table.operands[each][generator.integers(0, table.operands[each].size, _SIZE)] for each in names]
    for value in operators()[name].gradient.twice_not_at:
        # The gradient is given by continuity there; what the gradient of that is nothing says.
        arrays = [np.where(each == value, np.asarray(1.5, each.dtype), each) for each in arrays]
    g = small_values(cell.dtype, _SIZE, generator, zero=False)
    along = [small_values(cell.dtype, _SIZE, generator, zero=False) for _ in names]
    leaves = [tape.variable(each, cell.dtype) for each in (*arrays, g)]
    with np.errstate(all="ignore"):
        firsts = tape.gradients(_applied(name, leaves[:-1]), leaves[:-1], leaves[-1])
        total = tape.constant(np.zeros(_SIZE), leaves[-1])
        for first, direction in zip(firsts, along, strict=True):
            assert first is not None
            total = total + tape.multiply(first, tape.variable(direction, cell.dtype))
        seconds = tape.gradients(total, leaves, tape.constant(np.ones(_SIZE), total))
    directions = {f"u_{each}": laid_out(u, LAYOUTS[number % 5]) for each, u in zip(names, along, strict=True)}
    inputs = {each: laid_out(v, LAYOUTS[(number + 1) % 5]) for each, v in zip(names, arrays, strict=True)}
    spellings = operators()[name].derived_spellings
    trial = cell.trial(**inputs, **directions, g=laid_out(g, LAYOUTS[(number + 2) % 5]))
    listed = ", ".join(names)
    trial.run(f"for x in ({listed}, g): x.requires_grad_()")
    trial.run(f"firsts = torch.autograd.grad({spellings[number % len(spellings)]}, ({listed},), g, create_graph=True)")
    trial.run(f"seconds = torch.autograd.grad(firsts, ({listed}, g), ({', '.join(directions)},), allow_unused=True)")
    # What a gradient does not depend on may get None or zeros.
    trial.run(f"seconds = [torch.zeros_like(x) if s is None else s for x, s in zip(({listed}, g), seconds)]")
    for place, second in enumerate(seconds):
        data = tape.constant(np.zeros(_SIZE), leaves[0]).data if second is None else second.data
        expect(trial, f"seconds[{place}]", Variable(_with_room(cell, data, np.abs(data.values).astype(np.float64))))


@clause("autograd.double.of-every-elementwise-operator")
def test_double_of_operators(cell: Cell) -> None:
    generator = cell.generator()
    start = int(generator.integers(0, 60))
    for number, name in enumerate((*TWICE, *PAIRS_TWICE), start):
        _judge_twice(cell, name, number, generator)


def _judge_forward(cell: Cell, name: str, number: int, generator: np.random.Generator) -> None:
    """Judge the derivative along g by a, and along g times 2 by b."""
    __tracebackhide__ = True
    is_pair = name in derivatives.BINARY
    table = (paired_table if is_pair else unary_table)(name, cell.dtype, cell.seed % 1_000)
    size = ((2, 3), (17,), (), (0, 3))[number % 4]
    # torch refuses some expanded tangents (RuntimeError), which is no matter of values.
    found = [each for each in structures(size) if each.layout != "expanded"]
    layouts = [found[(number + 2 * place) % len(found)] for place in range(2 + is_pair)]
    drawn = case(table, cell.dtype, layouts, generator)
    answer = drawn.expected["a"]
    terms = np.abs(answer.values).astype(np.float64)
    if is_pair:
        second = drawn.expected["b"] * 2
        answer = answer + second
        terms = terms + np.abs(second.values).astype(np.float64)
    if name not in derivatives.PIECEWISE and name not in derivatives.PIECEWISE_PAIRS:
        answer = _with_room(cell, answer, terms)
    spellings = operators()[name].derived_spellings
    spelling = spellings[number % len(spellings)]
    trial = cell.trial(**drawn.inputs)
    if number % 3:
        trial.run("from torch.autograd import forward_ad")
        trial.run("with forward_ad.dual_level(): a = forward_ad.make_dual(a, g)" + _dual_of(spelling, is_pair=is_pair))
    else:
        trial.run(f"f = lambda {'a, b' if is_pair else 'a'}: {spelling}")
        given = "(a, b), (g, g * 2)" if is_pair else "(a,), (g,)"
        trial.run(f"value, tangent = torch.func.jvp(f, {given})")
    expect(trial, "tangent", Variable(answer))


def _dual_of(spelling: str, *, is_pair: bool) -> str:
    other = "; b = forward_ad.make_dual(b, g * 2)" if is_pair else ""
    return f"{other}; value, tangent = forward_ad.unpack_dual({spelling})"


@clause("autograd.jvp.of-every-elementwise-operator")
def test_jvp_of_operators(cell: Cell) -> None:
    generator = cell.generator()
    start = int(generator.integers(0, 60))
    rows = [name for name in (*derivatives.UNARY, *derivatives.BINARY) if name in operators()]
    for number, name in enumerate(rows, start):
        _judge_forward(cell, name, number, generator)
        _judge_forward(cell, name, number + 5, generator)
