"""A tensor as a Python sequence: len, iteration and membership."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given

from torch_conformance.conformance.chapters.interop.interchange import LADDER
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import interop

_ON_SCALARS = {
    "len": ("len(x)", "x.__len__()", "torch.Tensor.__len__(x)"),
    "iter": ("iter(x)", "list(x)", "tuple(x)", "[*x]", "first, = x", "torch.stack([each for each in x])"),
}


@clause("interop.len.is-first-size")
@example(sweep=LADDER)
@given(sweep=sweeps(("small", "empty", "tail"), repeat=4))
def test_len_is_first_size(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        trial = cell.trial(x=recipe.tensor("float32"))
        trial.expect_equal("len(x)", recipe.size[0])
        trial.expect_equal("x.__len__()", recipe.size[0])
        trial.expect_equal("len(x.transpose(0, -1))", recipe.size[-1])
        trial.expect_equal("len(x[None])", 1)


@clause("interop.*.refuses-scalars")
def test_refuses_scalars(cell: Cell) -> None:
    for dtype in ("float32", "int64", "bool", "bfloat16"):
        trial = cell.trial(x=Strided.from_array(np.ones((), numpy_dtype(dtype))))
        for statement in _ON_SCALARS[cell.clause.subject]:
            trial.expect_error(statement, TypeError)


@clause("interop.iter.yields-slices")
@given(sweep=sweeps(("small", "empty", "tail"), repeat=4))
def test_iter_yields_slices(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value)
        for statement in ("parts = list(x)", "parts = [*x]", "parts = [each for each in x]", "parts = list(iter(x))"):
            trial.run(statement)
            trial.expect_equal("len(parts)", value.size[0])
        for index in range(min(value.size[0], 40)):
            part = Strided(
                value.storage,
                value.size[1:],
                value.stride[1:],
                value.offset + index * value.stride[0] * bool(value.numel),
            )
            trial.expect(f"parts[{index}]", part)
        if value.size[0] and value.numel:
            trial.expect("parts[-1]", value.array[-1])
            trial.expect_equal("parts[-1].stride()", value.stride[1:])
            trial.expect_true("parts[-1].data_ptr() == x[-1].data_ptr()", "each part is a view")
            if not recipe.overlaps:
                trial.run("parts[-1].zero_()")
                changed = value.values()
                changed[-1] = 0
                trial.expect("x", changed)


@clause("interop.contains.finds-members")
@example(sweep=LADDER)
@given(sweep=sweeps(("small", "empty", "tail")))
def test_contains_finds_members(cell: Cell, sweep: Sweep) -> None:
    absent = np.asarray(100, numpy_dtype(cell.dtype)) if cell.dtype != "bool" else np.asarray(1, np.bool_)
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "small")
        elements: np.ndarray[Any, Any] = value.values().reshape(-1)
        if cell.dtype == "bool":
            value = Strided(np.zeros_like(value.storage), value.size, value.stride, value.offset)
            elements = value.values().reshape(-1)
        missing = interop.python_value(absent)
        trial = cell.trial(x=value, missing=missing, y=Strided.from_array(absent))
        trial.expect_equal("missing in x", value=False)
        trial.expect_equal("x.__contains__(missing)", value=False)
        trial.expect_equal("y in x", value=False)
        trial.expect_equal("missing not in x", value=True)
        if not elements.size:
            continue
        for position in (0, elements.size // 2, elements.size - 1):
            # One element, wherever it stands, is enough.
            there = value.values()
            there.reshape(-1)[position] = absent
            trial = cell.trial(x=Strided.from_array(there), missing=missing, y=Strided.from_array(absent))
            trial.expect_equal("missing in x", value=True)
            trial.expect_equal("y in x", value=True)
            trial.expect_equal("x.__contains__(y.reshape(1))", value=True)
        trial = cell.trial(x=value, member=interop.python_value(elements[-1]))
        trial.expect_equal("member in x", value=True)
        trial.expect_equal("x[(0,) * x.ndim] in x", value=True)


@clause("interop.contains.compares-by-value")
def test_contains_compares_by_value(cell: Cell) -> None:
    nan, ones = np.full(5, np.nan, numpy_dtype(cell.dtype)), np.ones((3, 2), numpy_dtype(cell.dtype))
    trial = cell.trial(x=Strided.from_array(nan), ones=Strided.from_array(ones), nan=float("nan"))
    trial.expect_equal("nan in x", value=False)
    trial.expect_equal("x[0] in x", value=False)
    trial.expect_equal("-0.0 in ones * 0", value=True)
    trial.expect_equal("True in ones", value=True)
    trial.expect_equal("1 in ones", value=True)
    trial.expect_equal("1.0 in ones", value=True)
    # A tensor counts as present where it agrees with any element that it is broadcast against.
    trial.expect_equal("ones[0] in ones", value=True)
    trial.expect_equal("torch.stack([ones[0, 0], ones[0, 0] * 7]) in ones", value=True)
    trial.expect_equal("ones[0] * 7 in ones", value=False)
    infinite = pool(cell.dtype, "any", 0)
    trial = cell.trial(x=Strided.from_array(infinite))
    trial.expect_equal("float('inf') in x", value=True)
    trial.expect_equal("float('-inf') in x", value=True)


@clause("interop.contains.refuses-others")
def test_contains_refuses_others(cell: Cell) -> None:
    trial = cell.trial(x=Strided.from_array(np.ones((3, 2), np.float32)))
    for statement in (
        "'a' in x",
        "None in x",
        "[1.0] in x",
        "(1.0,) in x",
        "{} in x",
        "np.ones(2) in x",
        "object() in x",
    ):
        trial.expect_error(statement, RuntimeError, TypeError)
