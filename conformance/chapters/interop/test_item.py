"""Tensor.item and Tensor.tolist: Python numbers, their types, and how they nest."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from hypothesis import given

from torch_conformance.conformance.chapters.interop.interchange import EXACTLY, drawn_seeds, exactly
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.dtypes import bits, category, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import interop

_PYTHON_TYPES = (bool, int, float, complex)


@functools.cache
def _every_value(dtype: str) -> np.ndarray[Any, Any]:
    """Return all values of a dtype of at most 16 bits; of a wider one its edges and many random ones."""
    width = bits(dtype)
    if dtype == "bool":
        return np.array([False, True])
    if width <= 16:
        patterns = np.arange(2**width, dtype=np.uint32).astype(np.dtype(f"uint{width}"))
        return patterns.view(numpy_dtype(dtype))
    return np.concatenate([pool(dtype, "any", seed) for seed in range(8)])


@clause("interop.item.gives-python-type")
def test_item_gives_python_type(cell: Cell) -> None:
    expected = _PYTHON_TYPES[category(cell.dtype)]
    trial = cell.trial(x=Strided.from_array(pool(cell.dtype, "any", 0)), kind=expected)
    for index in range(0, 256, 5):
        trial.expect_true(f"type(x[{index}].item()) is kind", "item gives the Python type of the dtype's category")
    trial = cell.trial(x=Strided.from_array(np.ones((1, 1), numpy_dtype(cell.dtype))), kind=expected)
    for expression in ("x.item()", "torch.Tensor.item(x)", "x[0].item()", "x[0, 0].tolist()"):
        trial.expect_true(f"type({expression}) is kind", "item gives the Python type of the dtype's category")


@clause("interop.item.is-exact")
def test_item_is_exact(cell: Cell) -> None:
    for seed in drawn_seeds(cell):
        values = pool(cell.dtype, "any", seed)
        wanted = [exactly(interop.python_value(element)) for element in values]
        trial = cell.trial(x=Strided.from_array(values))
        trial.run(EXACTLY)
        trial.expect_equal("[exactly(x[i].item()) for i in range(256)]", wanted)
        cell.tally.comparisons += 255


@clause("interop.item.takes-any-rank")
@given(sweep=sweeps(("small",), repeat=6))
def test_item_takes_any_rank(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        ones = (1,) * value.ndim
        # One element of a larger storage, as its last element, so that an ignored offset is seen.
        last = value.offset + sum((extent - 1) * step for extent, step in zip(value.size, value.stride, strict=True))
        single = Strided(value.storage, ones, value.stride, last)
        wanted = exactly(interop.python_value(value.storage[last]))
        trial = cell.trial(x=single)
        trial.run(EXACTLY)
        trial.expect_equal("exactly(x.item())", wanted)
        trial.expect_equal("exactly(torch.Tensor.item(x))", wanted)
        trial.expect_equal("exactly(x.reshape(()).item())", wanted)
        trial.expect_equal("exactly(x.expand(1, 1, *x.shape).item())", wanted)
        trial.expect_equal("exactly(x[(0,) * x.ndim].item())", wanted)
        trial.expect_equal("exactly(x.detach().item())", wanted)


@clause("interop.item.refuses-other-counts")
def test_item_refuses_other_counts(cell: Cell) -> None:
    for size in ((2,), (0,), (1, 0), (0, 3), (2, 2), (1, 2, 1), (40_000,)):
        trial = cell.trial(x=Strided.from_array(np.ones(size, numpy_dtype(cell.dtype))))
        trial.expect_error("x.item()", RuntimeError)
        trial.expect_error("torch.Tensor.item(x)", RuntimeError)
        trial.expect_equal("tuple(x.shape)", size)
    # Elements that share one address are still several.
    trial = cell.trial(x=Strided(np.ones(1, numpy_dtype(cell.dtype)), (2, 3), (0, 0), 0))
    trial.expect_error("x.item()", RuntimeError)


@clause("interop.*.resolves-lazy-bits")
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=2))
def test_resolves_lazy_bits(cell: Cell, sweep: Sweep) -> None:
    method = cell.clause.subject
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "finite")
        values = value.values()
        trial = cell.trial(x=value)
        trial.run(EXACTLY)
        for making, answer in (
            ("y = x.conj()", values.conj()),
            ("y = x.conj().imag", np.ascontiguousarray(values.conj().imag).reshape(value.size)),
            ("y = x.detach().clone().requires_grad_()", values),
            ("y = x.detach().clone().requires_grad_().conj()", values.conj()),
        ):
            trial.run(making)
            if method == "tolist":
                trial.expect_equal("exactly(y.tolist())", exactly(interop.tolist(Strided.from_array(answer))))
            elif value.numel:
                wanted = exactly(interop.python_value(answer.reshape(-1)[-1]))
                trial.expect_equal("exactly(y[(-1,) * y.ndim].item())", wanted)
                trial.expect_equal("exactly(y.reshape(-1)[-1:].item())", wanted)


@clause("interop.tolist.nests-by-dimension")
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=4))
def test_tolist_nests_by_dimension(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value)
        trial.run(EXACTLY)
        nested = exactly(interop.tolist(value))
        trial.expect_equal("exactly(x.tolist())", nested)
        trial.expect_equal("exactly(torch.Tensor.tolist(x))", nested)
        if value.ndim:
            trial.expect_equal("[exactly(each.tolist()) for each in x]", nested)
    if cell.profile.exhaustive:
        for structure in SIZE_CLASSES["small"] + SIZE_CLASSES["empty"]:
            storage = pool(cell.dtype, "any", 0)[: structure.length]
            value = Strided(storage, structure.size, structure.stride, structure.offset)
            trial = cell.trial(x=value)
            trial.run(EXACTLY)
            trial.expect_equal("exactly(x.tolist())", exactly(interop.tolist(value)))


@clause("interop.tolist.is-exact")
def test_tolist_is_exact(cell: Cell) -> None:
    every = _every_value(cell.dtype)
    # An odd step meets every low bit.
    values = every[:: math.ceil(every.size / cell.profile.samples) | 1]
    wanted = [exactly(interop.python_value(element)) for element in values]
    trial = cell.trial(x=Strided.from_array(values))
    trial.run(EXACTLY)
    trial.expect_equal("exactly(x.tolist())", wanted)
    cell.tally.comparisons += values.size - 1
    # Every second element of a storage twice as long, in two columns.
    if values.size > 2:
        spread = np.zeros(values.size * 2, values.dtype)
        spread[1::2] = values
        x = Strided(spread, (values.size // 2, 2), (4, 2), 1)
        trial = cell.trial(x=x)
        trial.run(EXACTLY)
        trial.expect_equal("exactly(x.tolist())", [wanted[i : i + 2] for i in range(0, len(wanted) - 1, 2)])
