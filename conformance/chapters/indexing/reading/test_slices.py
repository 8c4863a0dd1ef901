"""Clauses on index_add, index_copy, index_fill, put, and on what functions that write by index tensors refuse."""

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
    STORAGE,
    Choices,
    laid_out,
    some_dims,
    some_of,
    whole,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Array = npt.NDArray[Any]
Size = tuple[int, ...]


def _judge(
    cell: Cell, recipe: Recipe, inputs: dict[str, Any], expected: Array, spellings: tuple[str, ...], *in_place: str
) -> None:
    """Judge every spelling; the out-of-place ones must leave x alone, the in-place ones everything beside x."""
    x = inputs["x"]
    more = {"dtype": cell.torch_dtype, "shape": expected.shape, **whole(x)}
    trial = cell.trial(**inputs, **more)
    for spelling in some_of(spellings, x, recipe):
        trial.expect(spelling, expected)
    trial.expect("x", x)
    storage = indexing.stored(x, expected)
    for spelling in in_place if x.numel < MANY else in_place[:1]:
        trial = cell.trial(**inputs, **more)
        trial.expect_true(f"({spelling}) is x", "an in-place method returns its tensor")
        trial.expect(STORAGE, storage)


def _layout(choices: Choices) -> str:
    return LAYOUTS[choices.pick(len(LAYOUTS))]


def _vector(x: Strided, dim: int, choices: Choices, *, distinct: bool) -> Array:
    extent = x.size[dim] if x.ndim else 1
    if distinct:
        return choices.distinct(extent, (extent - (choices.pick(2) if extent else 0),))
    count = (3, 1, 2, 0, 5)[choices.pick(5)] if extent and x.ndim else extent
    return choices.integers(0, max(extent, 1), (count,))


def _slices(x: Strided, dim: int, count: int, choices: Choices, dtype: str, domain: str) -> Array:
    size = tuple(count if each == dim else n for each, n in enumerate(x.size))
    return np.asarray(pool(dtype, domain, 0)[choices.integers(0, 256, size)])


_MADE = "torch.ones(shape, dtype=dtype, device=device)"
_INDEX_ADD = (
    "torch.index_add(x, dim, index, source)",
    "x.index_add(back, index, source)",
    "torch.index_add(input=x, dim=back, index=index, source=source)",
    "x.index_add(dim=dim, index=index, source=source, alpha=1)",
    "torch.index_add(x, dim, index, source, out=torch.empty(0, dtype=dtype, device=device))",
    f"torch.index_add(x, dim, index, source, out={_MADE})",
)
_INDEX_ADD_ALPHA = (
    "torch.index_add(x, dim, index, source, alpha=alpha)",
    "x.index_add(back, index, source, alpha=alpha)",
    f"torch.index_add(x, dim, index, source, alpha=alpha, out={_MADE})",
)
_INDEX_COPY = (
    "torch.index_copy(x, dim, index, source)",
    "x.index_copy(back, index, source)",
    "torch.index_copy(input=x, dim=back, index=index, source=source)",
    "x.index_copy(dim=dim, index=index, source=source)",
    "torch.index_copy(x, dim, index, source, out=torch.empty(0, dtype=dtype, device=device))",
    f"torch.index_copy(x, dim, index, source, out={_MADE})",
)
_INDEX_FILL = (
    "torch.index_fill(x, dim, index, value)",
    "x.index_fill(back, index, value)",
    "torch.index_fill(input=x, dim=back, index=index, value=value)",
    "x.index_fill(dim=dim, index=index, value=value)",
    "torch.index_fill(x, back, index, tensor)",
    "x.index_fill(dim, index, tensor)",
)
_ALPHAS = (2, 3, 0, 1)


def _add_inputs(cell: Cell, recipe: Recipe, dim: int, choices: Choices) -> tuple[dict[str, Any], Array, Array]:
    x = recipe.tensor(cell.dtype, "small")
    index = _vector(x, dim, choices, distinct=False)
    source = _slices(x, dim, len(index), choices, cell.dtype, "small")
    given_index = laid_out(index.astype(np.int32 if choices.pick(2) else np.int64), LAYOUTS[choices.pick(3)])
    inputs = {
        "x": x,
        "dim": dim,
        "back": dim - (x.ndim or 1),
        "index": given_index,
        "source": laid_out(source, _layout(choices)),
    }
    return inputs, index, source


@clause("indexing.index-add.adds-every-slice")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_index_add(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        choices = Choices(recipe, 0)
        for dim in some_dims(recipe.tensor(cell.dtype), choices):
            inputs, index, source = _add_inputs(cell, recipe, dim, choices)
            expected = indexing.index_add(inputs["x"].array, dim, index, source)
            in_place = ("x.index_add_(dim, index, source)", "x.index_add_(dim=back, index=index, source=source)")
            _judge(cell, recipe, inputs, expected, _INDEX_ADD, *in_place)


@clause("indexing.index-add.multiplies-by-alpha")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False, classes=("scalar", "small", "tail", "grain")))
def test_index_add_alpha(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        choices = Choices(recipe, 1)
        for dim in some_dims(recipe.tensor(cell.dtype), choices):
            inputs, index, source = _add_inputs(cell, recipe, dim, choices)
            alpha = _ALPHAS[choices.pick(len(_ALPHAS))]
            expected = indexing.index_add(inputs["x"].array, dim, index, source, alpha)
            inputs["alpha"] = alpha
            _judge(cell, recipe, inputs, expected, _INDEX_ADD_ALPHA, "x.index_add_(dim, index, source, alpha=alpha)")


@clause("indexing.index-copy.writes-slices")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_index_copy(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        for dim in some_dims(x, choices):
            index = _vector(x, dim, choices, distinct=True)
            if not x.ndim:
                index = np.zeros(1, dtype=np.int64)
            source = _slices(x, dim, len(index), choices, cell.dtype, "any")
            expected = indexing.index_copy(x.array, dim, index, source)
            inputs = {
                "x": x,
                "dim": dim,
                "back": dim - (x.ndim or 1),
                "index": laid_out(index, LAYOUTS[choices.pick(3)]),
                "source": laid_out(source, _layout(choices)),
            }
            in_place = ("x.index_copy_(dim, index, source)", "x.index_copy_(dim=back, index=index, source=source)")
            _judge(cell, recipe, inputs, expected, _INDEX_COPY, *in_place)


@clause("indexing.index-fill.fills-slices")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_index_fill(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        value = pool(cell.dtype, "moderate", 0)[recipe.codes[1] % 16]
        for dim in some_dims(x, choices):
            index = _vector(x, dim, choices, distinct=False)
            expected = indexing.index_copy(x.array, dim, index, value)
            inputs = {
                "x": x,
                "dim": dim,
                "back": dim - (x.ndim or 1),
                "index": laid_out(index, LAYOUTS[choices.pick(3)]),
                "value": value.item(),
                "tensor": Strided.from_array(np.array(value)),
            }
            in_place = (
                "x.index_fill_(dim, index, value)",
                "x.index_fill_(dim=back, index=index, value=value)",
                "x.index_fill_(dim, index, tensor)",
            )
            _judge(cell, recipe, inputs, expected, _INDEX_FILL, *in_place)


_PUT = ("torch.put(x, index, source)", "x.put(index, source)", "torch.put(input=x, index=index, source=source)")
_PUT_ADD = ("torch.put(x, index, source, accumulate=True)", "x.put(index, source, True)")


def _flat(x: Strided, choices: Choices, *, distinct: bool) -> Array:
    shapes: tuple[Size, ...] = ((2,), (1,), (3,), (2, 2), (0,), (5,), (3, 5))
    if not x.numel:
        return np.zeros((0,), dtype=np.int64)
    size = shapes[choices.pick(len(shapes))]
    if x.numel > MANY and choices.pick(2):
        size = (x.numel - 3,)
    if not distinct:
        return choices.integers(-x.numel, x.numel, size)
    size = size if int(np.prod(size)) <= x.numel else (x.numel,)
    places = choices.distinct(x.numel, size)
    return np.where(choices.mask(size), places - x.numel, places)


@clause("indexing.put.writes-in-row-major-order")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_put(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        index = _flat(x, choices, distinct=True)
        source = np.asarray(pool(cell.dtype, "any", 0)[choices.integers(0, 256, index.shape)])
        inputs = {"x": x, "index": laid_out(index, _layout(choices)), "source": laid_out(source, _layout(choices))}
        in_place = ("x.put_(index, source)", "x.put_(index=index, source=source, accumulate=False)")
        _judge(cell, recipe, inputs, indexing.put(x.array, index, source), _PUT, *in_place)


@clause("indexing.put.accumulates-duplicates")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_put_accumulates(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype, "small"), Choices(recipe, 0)
        index = _flat(x, choices, distinct=False)
        source = np.asarray(pool(cell.dtype, "small", 0)[choices.integers(0, 256, index.shape)])
        inputs = {"x": x, "index": laid_out(index, _layout(choices)), "source": laid_out(source, _layout(choices))}
        expected = indexing.put(x.array, index, source, accumulate=True)
        in_place = ("x.put_(index, source, accumulate=True)", "x.put_(index, source, True)")
        _judge(cell, recipe, inputs, expected, _PUT_ADD, *in_place)


_REFUSED = (
    "x.scatter_(0, i, w)",
    "x.scatter_(2, s, w)",
    "x.scatter_(-3, s, 1)",
    "x.scatter_(0, s, double)",
    "torch.scatter(x, 0, s.float(), w)",
    "x.scatter_(0, long, w)",
    "x.scatter_(1, tall, 1)",
    "x.scatter(0, s, double)",
    "x.scatter_(0, s, w, reduce='mean')",
    "x.scatter_(0, s, w[:, :3])",
    "x.scatter_add_(0, i, w)",
    "x.scatter_add_(2, s, w)",
    "x.scatter_add_(0, s, double)",
    "torch.scatter_add(x, 0, s.float(), w)",
    "x.scatter_add_(0, long, w)",
    "x.scatter_add_(0, s, w[:, :3])",
    "x.scatter_reduce_(0, i, w, 'sum')",
    "x.scatter_reduce_(2, s, w, 'sum')",
    "x.scatter_reduce_(0, s, w, 'median')",
    "x.scatter_reduce_(0, s, double, 'sum')",
    "x.scatter_reduce_(0, s, w[:, :3], 'amax')",
    "x.index_add_(0, s, w)",
    "x.index_add_(2, i, w)",
    "x.index_add_(0, i, double)",
    "x.index_add_(0, i, w[:1])",
    "x.index_add_(0, i.float(), w)",
    "x.index_add_(0, i, w[:, :3])",
    "x.index_add(0, i, w[:, :3])",
    "x.index_copy_(0, s, w)",
    "x.index_copy_(2, i, w)",
    "x.index_copy_(0, i, double)",
    "x.index_copy_(0, i, w[:1])",
    "x.index_copy_(0, i.float(), w)",
    "x.index_copy_(0, i, w[:, :3])",
    "x.index_copy(0, i, w[:, :3])",
    "x.index_fill_(0, i.float(), 1)",
    "x.index_fill_(2, i, 1)",
    "x.index_fill_(0, i, w)",
    "x.index_fill_(0, i, 1j)",
    "x.index_fill(-3, i, 1)",
    "x.put_(i, double)",
    "x.put_(i.float(), w[0, :2])",
    "x.put_(i, w)",
    "x.put_(i, w[0, :1])",
    "x.put(i, w)",
)


@clause("indexing.writing-functions.refuse-arguments-that-do-not-fit")
def test_refuses_arguments_that_do_not_fit(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for layout in LAYOUTS:
        trial = cell.trial(
            x=laid_out(x, layout),
            i=Strided.from_array(np.array([2, 0])),
            s=Strided.from_array(np.array([[2, 0, 1, 2], [0, 1, 2, 0]])),
            w=Strided.from_array(np.full((2, 4), 9, dtype=np.float32)),
            double=Strided.from_array(np.full((2, 4), 9, dtype=np.float64)),
            long=Strided.from_array(np.zeros((2, 5), dtype=np.int64)),
            tall=Strided.from_array(np.zeros((4, 1), dtype=np.int64)),
        )
        for statement in _REFUSED:
            trial.expect_error(statement, RuntimeError, IndexError)
            trial.expect("x", x)
        trial.expect("x.index_fill(0, i, 1)", indexing.index_copy(x, 0, np.array([2, 0]), np.float32(1)))


_BEYOND = (
    "x.scatter_(0, high[:, None], w)",
    "x.scatter(0, low[:, None], 1)",
    "torch.scatter(x, 1, wide[None], w)",
    "x.scatter_add_(0, high[:, None], w)",
    "x.scatter_add(0, low[:, None], w)",
    "x.scatter_reduce_(0, high[:, None], w, 'sum')",
    "x.scatter_reduce(0, low[:, None], w, 'amax')",
    "x.index_add_(0, high, w)",
    "x.index_add(0, low, w)",
    "torch.index_add(x, 1, wide, w.T)",
    "x.index_copy_(0, high, w)",
    "x.index_copy(0, low, w)",
    "torch.index_copy(x, 1, wide, v)",
    "x.index_fill_(0, high, 1)",
    "x.index_fill(0, low, 1)",
    "torch.index_fill(x, 1, wide, 1)",
    "x.put_(flat, w[:, 0])",
    "x.put(-1 - flat, w[:, 0])",
    "x.put_(flat, w[:, 0], accumulate=True)",
)


@clause("indexing.writing-functions.refuse-targets-out-of-range")
def test_refuses_targets_out_of_range(cell: Cell) -> None:
    if cell.torch_device.type != "cpu":
        cell.unsupported("an index tensor out of range is a device-side assertion that ends the process")
    x = Strided.from_array(np.arange(12, dtype=np.float32).reshape(3, 4))
    for beyond in (0, 1, 100, 2**31, 2**40):
        for count in (1, 2, 3):
            ends = {"high": 3, "wide": 4, "low": -4, "flat": 12}
            tensors = {
                name: np.array([0] * (count - 1) + [end + (beyond if end > 0 else -beyond)])
                for name, end in ends.items()
            }
            trial = cell.trial(
                x=x,
                w=Strided.from_array(np.ones((count, 4), dtype=np.float32)),
                v=Strided.from_array(np.ones((3, count), dtype=np.float32)),
                **{name: Strided.from_array(each) for name, each in tensors.items()},
            )
            for statement in _BEYOND:
                trial.expect_error(statement, IndexError, RuntimeError)


_COPIES = (
    *("x.index_select(0, rows)", "torch.gather(x, 0, grid)", "x.take(flat)", "torch.take_along_dim(x, grid, 0)"),
    *("torch.where(mask, x, x)", "x.masked_select(mask)", "x.masked_fill(~mask, 0)", "x.masked_scatter(mask, x)"),
    *("x.index_fill(0, rows[:0], 0)", "x.index_copy(0, rows, x)", "x.index_add(0, rows[:0], x[:0])"),
    *("x.scatter(0, grid, x)", "x.scatter_add(0, grid[:0], x)", "x.put(flat, x)", "x.index_put((rows,), x)"),
    *("x.scatter_reduce(0, grid[:0], x, 'amax')", "x[rows]", "x[mask]", "x[rows[:, None], rows[None, :3]]"),
)


@clause("indexing.functions.give-copies")
def test_functions_give_copies(cell: Cell) -> None:
    for size in ((3, 3), (5, 5), (65, 65)):
        extent = size[0]
        x = np.arange(extent * extent, dtype=np.int64).reshape(size).astype(numpy_dtype("int32"))
        rows = np.arange(extent)
        trial = cell.trial(
            x=Strided.from_array(x),
            rows=Strided.from_array(rows),
            grid=Strided.from_array(np.repeat(rows, extent).reshape(size)),
            flat=Strided.from_array(np.arange(x.size).reshape(size)),
            mask=Strided.from_array(np.ones(size, dtype=np.bool_)),
        )
        for expression in _COPIES:
            trial.run(f"y = {expression}")
            trial.run("y.fill_(-7)")
            trial.expect("x", x)
