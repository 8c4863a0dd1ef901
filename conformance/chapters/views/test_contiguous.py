"""Clauses on contiguous: self or a copy, in every memory format."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given

from torch_conformance.conformance.chapters.views.formats import formatted
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging.views import expect_layout, memory_trial, tensors
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import views_memory

_PLAIN = (
    *("x.contiguous()", "x.contiguous(memory_format=torch.contiguous_format)"),
    "torch.Tensor.contiguous(x)",
)
_FORMATS = ("channels_last", "channels_last_3d")
_WHOLE = "torch.as_strided(x, (total,), (1,), 0)"


@clause("views.contiguous.returns-self")
def test_contiguous_returns_self(cell: Cell) -> None:
    for x in (*tensors(cell, cell.generator(), 200, 20), *formatted(cell)):
        trial = cell.trial(x=x)
        if x.is_contiguous():
            for spelling in _PLAIN:
                trial.expect_true(f"{spelling} is x", "a contiguous tensor is returned itself")
        for name in _FORMATS:
            if x.numel and views_memory.is_contiguous(x, name):
                trial.expect_true(
                    f"x.contiguous(memory_format=torch.{name}) is x", "a tensor in the format is returned itself"
                )


@clause("views.contiguous.keeps-every-element")
@given(sweep=sweeps())
def test_contiguous_elements(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        trial = cell.trial(x=x)
        for spelling in _PLAIN[recipe.seed % 3 :][:1] if recipe.structure.length > 5_000 else _PLAIN:
            trial.expect(spelling, x)
        if len(recipe.size) == 4:
            trial.expect("x.contiguous(memory_format=torch.channels_last)", x)


# Beyond the grain, transposed copies are blocked by tiles, whose remainders count.
_GRID = ((257, 255), (1, 65_537), (65_537, 1), (60, 1_093), (1_093, 60), (33, 35, 65))


@clause("views.contiguous.copies-large-transposed-tensors")
def test_contiguous_transposed(cell: Cell) -> None:
    rng = cell.generator()
    for size in _GRID:
        numel = math.prod(size)
        numbers = rng.integers(0, 128, numel)
        storage = (numbers % 2 == 1) if cell.dtype == "bool" else numbers.astype(numpy_dtype(cell.dtype))
        stride = tuple(reversed(row_major(tuple(reversed(size)))))
        x = Strided(storage, size, stride)
        trial = cell.trial(x=x)
        for spelling in ("x.contiguous()", "x.clone(memory_format=torch.contiguous_format)", "x.reshape(-1)"):
            expected = x.values()
            trial.expect(spelling, expected.reshape(-1) if "reshape" in spelling else expected)


_IMAGES = (
    ("channels_last", (2, 3, 73, 79)),
    ("channels_last_3d", (1, 5, 7, 31, 33)),
    ("channels_last", (3, 65, 13, 14)),
)


@clause("views.contiguous.copies-large-images")
def test_contiguous_images(cell: Cell) -> None:
    rng = cell.generator()
    for name, size in _IMAGES:
        numbers = rng.integers(0, 128, math.prod(size))
        storage = (numbers % 2 == 1) if cell.dtype == "bool" else numbers.astype(numpy_dtype(cell.dtype))
        rows = Strided(storage, size, row_major(size))
        dots = Strided(storage, size, views_memory.format_stride(size, name))
        trial = cell.trial(rows=rows, dots=dots)
        trial.expect(f"rows.contiguous(memory_format=torch.{name})", rows)
        trial.expect("dots.contiguous()", dots)
        trial.expect("dots.reshape(-1)", dots.values().reshape(-1))


@clause("views.contiguous.has-row-major-strides")
def test_contiguous_strides(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 200, 20):
        trial = cell.trial(x=x)
        for spelling in _PLAIN:
            trial.run(f"y = {spelling}")
            trial.expect_equal("(tuple(y.shape), y.is_contiguous())", (x.size, True))
            if x.numel:
                strides = [step for extent, step in zip(x.size, row_major(x.size), strict=True) if extent != 1]
                trial.expect_equal("[s for n, s in zip(y.shape, y.stride()) if n != 1]", strides)


@clause("views.contiguous.copies-what-is-not")
def test_contiguous_copies(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 150, 10):
        if x.is_contiguous():
            continue
        for spelling in _PLAIN:
            trial = memory_trial(cell, x, {})
            trial.run(f"y = {spelling}")
            trial.expect_true("y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()", "a copy has its own")
            trial.run("y.fill_(0)")
            trial.expect(_WHOLE, x.storage)
            trial.run(f"{_WHOLE}.copy_(fresh)")
            trial.expect("y", np.zeros(x.size, x.storage.dtype))


@clause("views.contiguous.makes-channels-last")
def test_contiguous_channels_last(cell: Cell) -> None:
    for x in formatted(cell):
        for name in _FORMATS:
            if len(views_memory.ORDERS[name]) != x.ndim:
                continue
            expected = views_memory.contiguous(x, name)
            trial = cell.trial(x=x)
            expect_layout(trial, f"x.contiguous(memory_format=torch.{name})", expected, exact=False)
            trial.expect_equal(f"y.is_contiguous(memory_format=torch.{name})", True)  # noqa: FBT003
            trial.expect("y", x)


@clause("views.contiguous.refuses-formats-of-another-rank")
def test_contiguous_refuses(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 80, 2):
        trial = cell.trial(x=x, total=x.storage.size)
        for name in _FORMATS:
            if len(views_memory.ORDERS[name]) != x.ndim:
                trial.expect_error(f"x.contiguous(memory_format=torch.{name})", RuntimeError)
        trial.expect_equal("(tuple(x.shape), x.stride(), x.storage_offset())", (x.size, x.stride, x.offset))
        trial.expect(_WHOLE, x.storage)
        trial.expect("x.contiguous()", x)
