"""Clauses on functions that read by index tensors: index_select, gather, take, take_along_dim."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    LAYOUTS,
    MANY,
    STANDING,
    STANDING_WITH_DIMENSIONS,
    Choices,
    expanded,
    filled,
    laid_out,
    some_dims,
    some_of,
)
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Array = npt.NDArray[Any]
Size = tuple[int, ...]

# More than the parallel grain in the result, also from a small tensor.
_MANY_SIZES: tuple[Size, ...] = ((97,), (61, 3), (3, 61), (2, 37, 5), (40_001,), (181, 183), (10_925, 3))


def layout(choices: Choices) -> str:
    """Return a layout for an index tensor."""
    return LAYOUTS[choices.pick(len(LAYOUTS))]


_INDEX_SELECT = (
    "torch.index_select(x, dim, index)",
    "x.index_select(back, index)",
    "torch.index_select(input=x, dim=back, index=index)",
    "x.index_select(dim=dim, index=index)",
    "torch.index_select(x, back, index, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.index_select(x, dim, index, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.index_select(x, dim, index, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


def _vector(extent: int, choices: Choices) -> Array:
    """Return places along a dimension, as many as 0 to 65."""
    count = (3, 1, 2, 0, 5, 17, 33, 65)[choices.pick(8)] if extent else 0
    return choices.integers(0, extent, (count,)) if extent else np.zeros(0, dtype=np.int64)


@clause("indexing.index-select.takes-slices")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_index_select(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        for dim in some_dims(x, choices):
            index = _vector(x.size[dim] if x.ndim else 1, choices)
            if not x.ndim:
                # A tensor without dimensions is selected from once.
                index = np.zeros(1, dtype=np.int64)
            index = index[:3] if x.numel > MANY and x.size[dim] < 40 else index
            expected = indexing.index_select(x.array, dim, index)
            dtype = np.int32 if choices.pick(2) else np.int64
            given_index = laid_out(index.astype(dtype), layout(choices))
            trial = cell.trial(
                x=x, dim=dim, back=dim - (x.ndim or 1), index=given_index, dtype=cell.torch_dtype, shape=expected.shape
            )
            for spelling in some_of(_INDEX_SELECT, x, recipe):
                trial.expect(spelling, expected)


@clause("indexing.index-select.takes-very-many-slices")
def test_index_select_of_many(cell: Cell) -> None:
    generator = cell.generator()
    for size in _MANY_SIZES:
        dim = int(generator.integers(0, len(size)))
        x = filled(generator, size, cell.dtype)
        index = generator.integers(0, size[dim], 33_001 // (x.size // size[dim]) + 7)
        tensor = laid_out(x, LAYOUTS[int(generator.integers(0, 4))])
        trial = cell.trial(x=tensor, dim=dim, index=laid_out(index, LAYOUTS[int(generator.integers(0, 3))]))
        trial.expect("torch.index_select(x, dim, index)", indexing.index_select(x, dim, index))


_GATHER = (
    "torch.gather(x, dim, index)",
    "x.gather(back, index)",
    "torch.gather(input=x, dim=back, index=index)",
    "x.gather(dim=dim, index=index)",
    "torch.gather(x, dim, index, sparse_grad=False)",
    "torch.gather(x, back, index, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.gather(x, dim, index, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.gather(x, dim, index, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


def _gather_index(x: Strided, dim: int, choices: Choices) -> Array:
    """Return an index tensor that is no larger than x outside `dim`."""
    if not x.ndim:
        return np.zeros((), dtype=np.int64)
    shorter = choices.pick(3)
    size = [extent - (shorter == 1 and extent > 1) for extent in x.size]
    size[dim] = (3, 1, 2, 0, 7)[choices.pick(5)] if x.numel < MANY or x.size[dim] < 40 else x.size[dim]
    if x.size[dim] == 0:
        size[dim] = 0
    return choices.integers(0, max(x.size[dim], 1), tuple(size))


@clause("indexing.gather.reads-along-a-dimension")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_gather(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        for dim in some_dims(x, choices):
            index = _gather_index(x, dim, choices)
            expected = indexing.gather(x.array, dim, index)
            trial = cell.trial(
                x=x,
                dim=dim,
                back=dim - (x.ndim or 1),
                index=laid_out(index, layout(choices)),
                dtype=cell.torch_dtype,
                shape=index.shape,
            )
            for spelling in some_of(_GATHER, x, recipe):
                trial.expect(spelling, expected)


@clause("indexing.gather.takes-an-expanded-index")
def test_gather_with_expanded_index(cell: Cell) -> None:
    generator = cell.generator()
    for rows, size in ((3, (5, 7)), (17, (5, 33)), (40, (3, 2, 9)), (65, (129, 17)), (1_001, (7, 35)), (5, (40, 1))):
        x = filled(generator, size, cell.dtype)
        vector = generator.integers(0, size[0], rows)
        index = expanded(vector, (rows, *size[1:]))
        for each in LAYOUTS:
            trial = cell.trial(x=laid_out(x, each), index=index)
            trial.expect("torch.gather(x, 0, index)", x[vector])
            trial.expect("x.gather(dim=0, index=index)", x[vector])


_TAKE = (
    "torch.take(x, index)",
    "x.take(index)",
    "torch.take(input=x, index=index)",
    "x.take(index=index)",
    "torch.take(x, index, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.take(x, index, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.take(x, index, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


def _flat_index(x: Strided, choices: Choices) -> Array:
    shapes: tuple[Size, ...] = ((3,), (), (2, 3), (1, 4), (0,), (33,), (65, 3), (2, 3, 5, 7))
    size = shapes[choices.pick(len(shapes))] if x.numel else (0, 2)
    if x.numel > MANY and choices.pick(2):
        size = (33_013,)
    return choices.integers(-x.numel, max(x.numel, 1), size)


@clause("indexing.take.reads-in-row-major-order")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_take(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for turn in range(1 if x.numel > MANY else 3):
            choices = Choices(recipe, turn)
            index = _flat_index(x, choices)
            trial = cell.trial(x=x, index=laid_out(index, layout(choices)), dtype=cell.torch_dtype, shape=index.shape)
            expected = indexing.take(x.array, index)
            for spelling in some_of(_TAKE, x, recipe):
                trial.expect(spelling, expected)


_ALONG = (
    "torch.take_along_dim(x, index, dim)",
    "x.take_along_dim(index, dim)",
    "torch.take_along_dim(input=x, indices=index, dim=back)",
    "x.take_along_dim(indices=index, dim=back)",
    "torch.take_along_dim(x, index, dim=dim, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.take_along_dim(x, index, dim=back, out=torch.ones(shape, dtype=dtype, device=device))",
)


@clause("indexing.take-along-dim.broadcasts-the-index")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=("small", "empty", "tail", "grain"), repeat=2))
def test_take_along_dim(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        size = [1 if choices.pick(2) else extent for extent in x.size]
        size[dim] = (3, 1, 2, 0, 7)[choices.pick(5)] if x.size[dim] else 0
        index = choices.integers(0, max(x.size[dim], 1), tuple(size))
        expected = indexing.take_along_dim(x.array, index, dim)
        trial = cell.trial(
            x=x,
            dim=dim,
            back=dim - x.ndim,
            index=laid_out(index, layout(choices)),
            dtype=cell.torch_dtype,
            shape=expected.shape,
        )
        for spelling in some_of(_ALONG, x, recipe):
            trial.expect(spelling, expected)


@clause("indexing.take-along-dim.reads-the-flat-tensor")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_take_along_no_dim(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        if not x.is_contiguous():
            x = laid_out(x.values(), "offset")
        index = np.abs(_flat_index(x, choices)) % max(x.numel, 1)
        expected = indexing.take_along_dim(x.array, index, None)
        trial = cell.trial(x=x, index=laid_out(index, LAYOUTS[choices.pick(2)]))
        for spelling in (
            "torch.take_along_dim(x, index)",
            "x.take_along_dim(index)",
            "x.take_along_dim(index, dim=None)",
        ):
            trial.expect(spelling, expected)


@clause("indexing.take-along-dim.sorts-with-argsort")
def test_take_along_dim_sorts(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((5,), (4, 7), (3, 5, 2), (65, 9), (1, 6)):
        x = generator.standard_normal(size).astype(np.float32)
        for dim in range(len(size)):
            order = np.argsort(x, axis=dim)
            trial = cell.trial(x=Strided.from_array(x), order=Strided.from_array(order), dim=dim)
            trial.expect("torch.take_along_dim(x, order, dim)", np.sort(x, axis=dim))
            trial.expect("torch.gather(x, dim, order)", np.sort(x, axis=dim))


_INPUTS: dict[str, Any] = {
    "x": Strided.from_array(np.arange(12, dtype=np.float32).reshape(3, 4)),
    "i": Strided.from_array(np.array([2, 0])),
    "plane": Strided.from_array(np.array([[2, 0, 1]])),
    "real": Strided.from_array(np.array([1.0, 0.0], dtype=np.float32)),
    "wide": Strided.from_array(np.zeros((2, 5), dtype=np.int64)),
}
_REFUSED = (
    "torch.index_select(x, 0, plane)",
    "torch.index_select(x, 0, real)",
    "x.index_select(2, i)",
    "x.index_select(-3, i)",
    "torch.index_select(x, 0, i, out=torch.empty(0, dtype=torch.int64, device=device))",
    "torch.gather(x, 0, i)",
    "x.gather(0, real[None])",
    "x.gather(2, plane)",
    "x.gather(-3, plane)",
    "x.gather(0, wide)",
    "torch.gather(x, 1, plane, out=torch.empty(0, dtype=torch.float64, device=device))",
    "torch.take(x, real)",
    "x.take(real.double())",
    "torch.take(x[:0], i)",
    "torch.take(x, i, out=torch.empty(0, dtype=torch.int32, device=device))",
    "torch.take_along_dim(x, i, 0)",
    "torch.take_along_dim(x, real[:1, None], 0)",
    "torch.gather(x, 0, real[:, None])",
    "torch.take_along_dim(x, plane, 0)",
    "torch.take_along_dim(x, plane, 2)",
)


@clause("indexing.reading-functions.refuse-what-is-no-index")
def test_refuses_what_is_no_index(cell: Cell) -> None:
    trial = cell.trial(**_INPUTS)
    for statement in _REFUSED:
        trial.expect_error(statement, IndexError, RuntimeError)
        trial.expect("x", _INPUTS["x"])
    trial.expect("torch.gather(x, 1, plane)", indexing.gather(_INPUTS["x"].array, 1, np.array([[2, 0, 1]])))


_OUT_OF_RANGE = (
    "torch.index_select(x, 0, high)",
    "x.index_select(1, wide)",
    "x.index_select(0, low)",
    "torch.gather(x, 0, high[:, None])",
    "x.gather(1, wide[None])",
    "x.gather(0, low[:, None])",
    "torch.take(x, flat)",
    "x.take(flat[None])",
    "x.take(-1 - flat)",
    "x.take_along_dim(flat)",
)


@clause("indexing.reading-functions.refuse-places-out-of-range")
def test_refuses_places_out_of_range(cell: Cell) -> None:
    if cell.torch_device.type != "cpu":
        cell.unsupported("an index tensor out of range is a device-side assertion that ends the process")
    x = _INPUTS["x"]
    for beyond in (0, 1, 100, 2**31, 2**40):
        for count in (1, 2, 3):
            # The place out of range comes last.
            high, wide, low, flat = (
                np.array([0] * (count - 1) + [last]) for last in (3 + beyond, 4 + beyond, -4 - beyond, 12 + beyond)
            )
            tensors = {"high": high, "wide": wide, "low": low, "flat": flat}
            trial = cell.trial(x=x, **{name: Strided.from_array(each) for name, each in tensors.items()})
            for statement in _OUT_OF_RANGE:
                trial.expect_error(statement, IndexError, RuntimeError)
                trial.expect("x", x)
