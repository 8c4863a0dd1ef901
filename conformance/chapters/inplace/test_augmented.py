"""Augmented assignment: which object a name is bound to, and assignment through an index."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from torch_conformance.conformance.chapters.inplace.writes import (
    STATEMENTS,
    each_implemented,
    few_recipes,
    in_dtype,
    stored,
    tiny,
    write,
    written,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import is_complex
from torch_conformance.reference.model.strided import Strided
from torch_conformance.spec.operators import Operator

Array = np.ndarray[Any, Any]


@clause("inplace.augmented.name-keeps-its-tensor")
def test_name(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        for recipe in few_recipes(cell, len(row.name)):
            case = write(cell, row, recipe)
            for call in row.inplace:
                if not any(f"a {sign} b" == call for sign in STATEMENTS):
                    continue
                trial = cell.trial(**case.operands)
                trial.run("held = a")
                trial.run(call)
                trial.expect_true("a is held", "the name is bound to the tensor that was written")
                trial.expect("a", stored(row, cell.dtype, case.expected), case.rule, dtype=cell.dtype)
                trial.run("holder = {'t': a, 'l': [a]}")
                trial.run(call.replace("a ", "holder['t'] ", 1))
                trial.run(call.replace("a ", "holder['l'][0] ", 1))
                trial.expect_true(
                    "holder['t'] is held and holder['l'][0] is held", "entries of containers stay bound to the tensor"
                )
                trial.expect_true("held._version == 3", "each assignment wrote once")

    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in written(cell.dtype)))


def _added(where: Any, number: Any) -> Callable[[Array, Array], None]:
    def write_to(x: Array, _: Array) -> None:
        x[where] = x[where] + x.dtype.type(number)

    return write_to


def _joined(where: Any) -> Callable[[Array, Array], None]:
    def write_to(x: Array, b: Array) -> None:
        x[where] = x[where] + b[where]

    return write_to


_MASK = np.array([[True, False, True, False]] * 5)
THROUGH_INDEX: tuple[tuple[str, Callable[[Array, Array], None]], ...] = (
    ("x[1:] += b[1:]", _joined(np.s_[1:])),
    ("x[0] += b[0]", _joined(np.s_[0])),
    ("x[..., 1] += b[..., 1]", _joined(np.s_[..., 1])),
    ("x[::2, 1:3] += 1", _added(np.s_[::2, 1:3], 1)),
    ("x[2, 3] += 2", _added(np.s_[2, 3], 2)),
    ("x[-1] += 1", _added(np.s_[-1], 1)),
    ("x[:] += 1", _added(np.s_[:], 1)),
    ("x[[0, 2]] += 1", _added(([0, 2],), 1)),
    ("x[[3, 1], [0, 2]] += b[[3, 1], [0, 2]]", _joined(([3, 1], [0, 2]))),
    ("x[m] += 2", _added(_MASK, 2)),
    ("x.t()[2] += 1", _added(np.s_[:, 2], 1)),
    ("x[1][2] += 1", _added(np.s_[1, 2], 1)),
    ("x[None, 1:2] += 1", _added(np.s_[1:2], 1)),
)


@clause("inplace.augmented.index-writes-through")
def test_index(cell: Cell) -> None:
    generator = cell.generator()
    for turn in range(cell.profile.examples):
        x, b = (tiny(cell.dtype, 20, generator).reshape(5, 4) for _ in range(2))
        wide_type = np.complex128 if is_complex(cell.dtype) else np.float64
        for statement, write_to in THROUGH_INDEX:
            wide, other = (each if in_dtype("exact", cell.dtype) else each.astype(wide_type) for each in (x.copy(), b))
            with np.errstate(all="ignore"):
                write_to(wide, other)
            inputs = {"x": Strided.from_array(x), "b": Strided.from_array(b), "m": Strided.from_array(_MASK)}
            if turn % 2:
                # The same elements in columns.
                inputs["x"] = Strided(np.ascontiguousarray(x.T).ravel(), (5, 4), (1, 5))
            trial = cell.trial(**inputs)
            trial.run("held = x")
            trial.run(statement)
            trial.expect("held", cast(np.asarray(wide), cell.dtype), UNSIGNED_ZERO)
            trial.expect_true("x is held", "the name of the indexed tensor stays bound to it")
            trial.expect("b", b)


NUMBER_FIRST: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    *(("n += a", lambda n, a: n + a), ("n -= a", lambda n, a: n - a), ("n *= a", lambda n, a: n * a)),
)


@clause("inplace.augmented.number-is-rebound")
def test_number(cell: Cell) -> None:
    generator = cell.generator()
    for recipe in few_recipes(cell, 0):
        structure = recipe.structure
        storage = tiny(cell.dtype, structure.length, generator)
        a = Strided(storage, structure.size, structure.stride, structure.offset)
        for statement, function in NUMBER_FIRST:
            wide = a.array.astype(np.complex128 if is_complex(cell.dtype) else np.float64)
            with np.errstate(all="ignore"):
                # Whole numbers modulo the width of the dtype come from its own arithmetic.
                number = a.array.dtype.type(2)
                kept = in_dtype("exact", cell.dtype)
                expected = function(number, a.array) if kept else cast(np.asarray(function(2, wide)), cell.dtype)
            trial = cell.trial(a=a, n=2)
            trial.run(statement)
            trial.expect("n", np.asarray(expected), UNSIGNED_ZERO)
            trial.expect_true("n is not a and a._version == 0", "a new tensor is made; the operand is only read")
            trial.expect("a", a)
