"""Which tensors of a graph may be written in place, and what gradients then are."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from torch_conformance.conformance.chapters.inplace.writes import (
    each_implemented,
    few_recipes,
    stored,
    tiny,
    write,
    written,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.inputs.recipes import Recipe
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.strided import Strided
from torch_conformance.spec.operators import Operator

# Views of a leaf of any size but (), whose elements may be written outside a graph.
LEAF_VIEWS = ("x[...]", "x[:1]", "x.view(x.shape)", "x.unsqueeze(0)", "x.transpose(0, -1)")


def _recipes(cell: Cell, row: Operator) -> list[Recipe]:
    return few_recipes(cell, len(row.name))


def _each_row(cell: Cell, judge: Callable[[Operator], None]) -> None:
    """Judge every row but the logical ones, which torch lets write a leaf that requires grad."""
    __tracebackhide__ = True
    rows = (row for row in written(cell.dtype) if row.family != "logical")
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))


@clause("inplace.leaf.that-requires-grad-is-refused")
def test_leaf(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        for turn, recipe in enumerate(_recipes(cell, row)):
            case = write(cell, row, recipe)
            trial = cell.trial(**case.operands)
            trial.run("a.requires_grad_()" if turn % 2 else "a = a.clone().requires_grad_()")
            for call in row.inplace:
                trial.expect_error(call, RuntimeError)
            trial.expect("a", case.operands["a"])
            trial.expect_true("a._version == 0 and a.is_leaf and a.requires_grad", "a refused write changes nothing")

    _each_row(cell, judge)


@clause("inplace.leaf.seen-through-a-view-is-refused")
def test_leaf_view(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        for turn, recipe in enumerate(_recipes(cell, row)):
            if not recipe.size:
                continue
            case = write(cell, row, recipe)
            x = case.operands.pop("a")
            case.operands.pop("b", None)
            trial = cell.trial(x=x)
            trial.run("x.requires_grad_()" if turn % 2 else "x = x.clone().requires_grad_()")
            trial.run(f"a = {LEAF_VIEWS[turn % len(LEAF_VIEWS)]}")
            trial.run("b = a.detach().clone()")
            for call in row.inplace:
                trial.expect_error(call, RuntimeError)
            trial.expect("x", x)
            trial.expect_true("x._version == 0", "a refused write counts for nothing")

    _each_row(cell, judge)


@clause("inplace.leaf.is-written-under-no-grad")
def test_no_grad(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        for recipe in _recipes(cell, row):
            case = write(cell, row, recipe)
            for call in row.inplace:
                trial = cell.trial(**case.operands)
                trial.run("held = a.requires_grad_()")
                trial.run(f"with torch.no_grad(): {call}")
                trial.expect("held", stored(row, cell.dtype, case.expected), case.rule, dtype=cell.dtype)
                trial.expect_true("held.is_leaf and held.requires_grad", "the tensor stays a leaf that requires grad")
                trial.expect_true("held.grad_fn is None and held._version == 1", "the graph has no part in the write")

    _each_row(cell, judge)


# Steps on y, which begins as a copy of x and ends as a multiple of it plus a constant, and the factor of each row.
STEPS = (
    (("y.mul_(3)", "y.add_(b)", "y.sub_(b)"), lambda f: 3 * f),
    (("y *= 2", "y += b", "y -= 1", "y.neg_()"), lambda f: -2 * f),
    (("y[1:].mul_(2)",), lambda f: np.concatenate([f[:1], 2 * f[1:]])),
    (("y[::2] += b[::2]", "y[1] *= 4"), lambda f: np.concatenate([f[:1], 4 * f[1:2], f[2:]])),
    (("y.t()[0].mul_(3)",), lambda f: f * np.where(np.arange(3) == 0, 3, 1)),
    (("y.div_(2)", "y.view(-1)[3:].zero_()"), lambda f: f / 2 * np.array([[1], [0], [0]])),
    (("y[0].fill_(2)", "y.add_(b, alpha=2)"), lambda f: f * np.array([[0], [1], [1]])),
    (("y[2].copy_(b[2])",), lambda f: f * np.array([[1], [1], [0]])),
    (("y.masked_fill_(m, 1)",), lambda f: f * np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])),
)
_MASK = np.array([[1, 0, 1], [0, 1, 0], [1, 0, 1]], dtype=np.bool_)


@clause("inplace.gradient.follows-the-write")
def test_gradient(cell: Cell) -> None:
    generator = cell.generator()
    for turn in range(cell.profile.examples):
        x, b, g = (tiny(cell.dtype, 9, generator).reshape(3, 3) for _ in range(3))
        for steps, factor in STEPS:
            inputs = {name: Strided.from_array(value) for name, value in (("x", x), ("b", b), ("g", g), ("m", _MASK))}
            trial = cell.trial(**inputs)
            trial.run("x.requires_grad_()")
            trial.run("y = x.clone()" if turn % 2 else "y = x * 1")
            for step in steps:
                trial.run(step)
            wide = g.astype(np.complex128 if cell.dtype.startswith("complex") else np.float64)
            trial.expect("torch.autograd.grad(y, x, g)[0]", cast(np.asarray(factor(wide)), cell.dtype), UNSIGNED_ZERO)
            trial.expect_true("not y.is_leaf and y.requires_grad", "the written tensor belongs to the graph")


@clause("inplace.gradient.other-draws-self-into-the-graph")
def test_other_requires_grad(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((), (3,), (2, 3), (0,), (17,)):
        a, b, g = (tiny(cell.dtype, int(np.prod(size)), generator).reshape(size) for _ in range(3))
        for call, factor in (("a.add_(b)", 1), ("a -= b", -1), ("a.copy_(b)", 1), ("a.add_(b, alpha=2)", 2)):
            trial = cell.trial(**{name: Strided.from_array(each) for name, each in (("a", a), ("b", b), ("g", g))})
            trial.run("b.requires_grad_()")
            trial.run("held = a")
            trial.run(call)
            trial.expect_true("held.requires_grad and not held.is_leaf", "the result depends on a tensor of the graph")
            trial.expect("torch.autograd.grad(held, b, g)[0]", cast(np.asarray(factor * g), cell.dtype), UNSIGNED_ZERO)
