"""Clauses on scatter, scatter_add and scatter_reduce."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import EXACT, UNSIGNED_ZERO, Rule
from torch_conformance.conformance.inputs.index_expressions import (
    LAYOUTS,
    MANY,
    STANDING,
    STORAGE,
    Choices,
    expanded,
    filled,
    laid_out,
    some_dims,
    some_of,
    whole,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.conformance.judging.accuracy import rule_of
from torch_conformance.reference.model.dtypes import is_signed, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Array = npt.NDArray[Any]
Size = tuple[int, ...]


def _spellings(function: str, arguments: str, keywords: str, *, out: bool = True) -> tuple[str, ...]:
    """Return the out-of-place spellings of a function whose first positional argument after x is a dimension."""
    made = "torch.ones(shape, dtype=dtype, device=device)"
    found = (
        f"torch.{function}(x, dim, {arguments})",
        f"x.{function}(back, {arguments})",
        f"torch.{function}(input=x, dim=back, {keywords})",
        f"x.{function}(dim=dim, {keywords})",
    )
    if not out:
        return found
    return (
        *found,
        f"torch.{function}(x, dim, {arguments}, out=torch.empty(0, dtype=dtype, device=device))",
        f"torch.{function}(x, back, {arguments}, out={made})",
        f"torch.{function}(x, dim, {arguments}, out={made.replace('(shape', '((*shape, 2)')}[..., 0])",
    )


def _in_place(function: str, arguments: str, keywords: str) -> tuple[str, ...]:
    return (f"x.{function}_(dim, {arguments})", f"x.{function}_(dim=back, {keywords})")


def _judge(
    cell: Cell,
    recipe: Recipe,
    inputs: dict[str, Any],
    expected: Array,
    spellings: tuple[tuple[str, ...], tuple[str, ...]],
    rule: Rule = EXACT,
) -> None:
    """Judge every spelling; the out-of-place ones must leave x alone, the in-place ones everything beside x."""
    x = inputs["x"]
    more = {"dtype": cell.torch_dtype, "shape": expected.shape, **whole(x)}
    trial = cell.trial(**inputs, **more)
    for spelling in some_of(spellings[0], x, recipe):
        trial.expect(spelling, expected, rule)
    trial.expect("x", x)
    storage = indexing.stored(x, expected)
    for spelling in spellings[1] if x.numel < MANY else spellings[1][:1]:
        trial = cell.trial(**inputs, **more)
        trial.expect_true(f"({spelling}) is x", "an in-place method returns its tensor")
        trial.expect(STORAGE, storage, rule)


def _layout(choices: Choices) -> str:
    return LAYOUTS[choices.pick(len(LAYOUTS))]


def _scatter_index(x: Strided, dim: int, choices: Choices, *, distinct: bool) -> Array:
    """Return an index tensor no larger than x outside `dim`; distinct along `dim` if asked for."""
    if not x.ndim:
        return np.zeros((), dtype=np.int64)
    shorter = choices.pick(3) == 1
    size = [extent - (shorter and extent > 1) for extent in x.size]
    extent = x.size[dim]
    if not extent:
        return np.zeros((*size[:dim], 0, *size[dim + 1 :]), dtype=np.int64)
    if distinct:
        size[dim] = extent
        order = choices.distinct(extent, (extent,))
        # A rotation of one permutation per line keeps each line free of repetition.
        turn = np.arange(math.prod(size) // extent).reshape([1 if d == dim else n for d, n in enumerate(size)])
        shape = [extent if d == dim else 1 for d in range(x.ndim)]
        index = (order.reshape(shape) + turn) % extent
        keep = extent - choices.pick(2)
        return np.ascontiguousarray(index[tuple(slice(0, keep if d == dim else None) for d in range(x.ndim))])
    size[dim] = min((3, 1, 2, 0, 7)[choices.pick(5)], 2 * extent)
    return choices.integers(0, extent, tuple(size))


def _source(index: Array, choices: Choices, dtype: str, domain: str) -> Strided:
    """Return a source at least as large as the index."""
    size = tuple(extent + (choices.pick(4) == 1) for extent in index.shape)
    values = np.asarray(pool(dtype, domain, 0)[choices.integers(0, 256, size)])
    return laid_out(values, _layout(choices))


_SCATTER = (
    _spellings("scatter", "index, source", "index=index, src=source"),
    _in_place("scatter", "index, source", "index=index, src=source"),
)
_SCATTER_VALUE = (
    _spellings("scatter", "index, value", "index=index, value=value"),
    _in_place("scatter", "index, value", "index=index, value=value"),
)


def _inputs(x: Strided, dim: int, index: Strided, **more: Any) -> dict[str, Any]:
    return {"x": x, "dim": dim, "back": dim - (x.ndim or 1), "index": index, **more}


@clause("indexing.scatter.writes-a-source")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_scatter(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        for dim in some_dims(x, choices):
            index = _scatter_index(x, dim, choices, distinct=True)
            source = _source(index, choices, cell.dtype, "any")
            expected = indexing.scatter(x.array, dim, index, source.array)
            inputs = _inputs(x, dim, laid_out(index, _layout(choices)), source=source)
            _judge(cell, recipe, inputs, expected, _SCATTER)


@clause("indexing.scatter.writes-a-number")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_scatter_value(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        value = pool(cell.dtype, "moderate", 0)[recipe.codes[1] % 16]
        for dim in some_dims(x, choices):
            index = _scatter_index(x, dim, choices, distinct=False)
            expected = indexing.scatter(x.array, dim, index, value)
            inputs = _inputs(x, dim, laid_out(index, _layout(choices)), value=value.item())
            _judge(cell, recipe, inputs, expected, _SCATTER_VALUE)


_SCATTER_ADD = (
    _spellings("scatter_add", "index, source", "index=index, src=source"),
    _in_place("scatter_add", "index, source", "index=index, src=source"),
)


@clause("indexing.scatter-add.adds-every-source")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_scatter_add(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        # Sums of a few of these are exact in every dtype.
        x, choices = recipe.tensor(cell.dtype, "small"), Choices(recipe, 0)
        for dim in some_dims(x, choices):
            index = _scatter_index(x, dim, choices, distinct=False)
            source = _source(index, choices, cell.dtype, "small")
            expected = indexing.scatter_reduce(x.array, dim, index, source.array, "sum")
            inputs = _inputs(x, dim, laid_out(index, _layout(choices)), source=source)
            _judge(cell, recipe, inputs, expected, _SCATTER_ADD)


@clause("indexing.scatter-add.takes-an-expanded-index")
def test_scatter_add_with_expanded_index(cell: Cell) -> None:
    generator = cell.generator()
    for rows, size in ((3, (5, 7)), (17, (15, 33)), (40, (33, 2, 9)), (65, (129, 17)), (35, (40, 1))):
        x = filled(generator, size, cell.dtype, "small")
        source = filled(generator, (rows, *size[1:]), cell.dtype, "small")
        vector = generator.integers(0, size[0], rows)
        expected = indexing.index_add(x, 0, vector, source)
        index = expanded(vector, source.shape)
        for layout in LAYOUTS:
            trial = cell.trial(x=laid_out(x, layout), index=index, source=laid_out(source, layout))
            trial.expect("torch.scatter_add(x, 0, index, source)", expected)
            trial.expect("x.scatter_reduce(0, index, source, reduce='sum')", expected)
            trial.expect("x.scatter_add_(0, index, source)", expected)


def _reduced(dtype: str, reduce: str, size: Size, choices: Choices) -> Array:
    """Return values whose reduction is exact, or is one of them."""
    if reduce in ("amax", "amin"):
        return np.asarray(pool(dtype, "any", 0)[choices.integers(0, 256, size)])
    if reduce == "prod":
        numbers = [1, 2, 1, 2, 1, -1 if is_signed(dtype) else 1, 0, 2]
        return np.asarray(numbers, dtype=np.float64).astype(numpy_dtype(dtype))[choices.integers(0, 8, size)]
    return np.asarray(pool(dtype, "small", 0)[choices.integers(0, 256, size)])


_REDUCE = (
    "torch.scatter_reduce(x, dim, index, source, reduce)",
    "x.scatter_reduce(back, index, source, reduce)",
    "torch.scatter_reduce(input=x, dim=back, index=index, src=source, reduce=reduce)",
    "x.scatter_reduce(dim, index, source, reduce=reduce, include_self=True)",
    "torch.scatter_reduce(x, dim, index, source, reduce, out=torch.ones(shape, dtype=dtype, device=device))",
)
_ALONE = "torch.scatter_reduce(x, dim, index, source, reduce, include_self=False"
_REDUCE_ALONE = (
    f"{_ALONE})",
    "x.scatter_reduce(back, index, source, reduce, include_self=False)",
    "x.scatter_reduce(dim=dim, index=index, src=source, reduce=reduce, include_self=False)",
    f"{_ALONE}, out=torch.empty(0, dtype=dtype, device=device))",
)
_REDUCE_IN_PLACE = (
    "x.scatter_reduce_(dim, index, source, reduce)",
    "x.scatter_reduce_(back, index, source, reduce=reduce, include_self=True)",
)
_REDUCE_ALONE_IN_PLACE = ("x.scatter_reduce_(dim, index, source, reduce, include_self=False)",)
# A mean is one division of an exact sum.


def _rule(cell: Cell, reduce: str) -> Rule:
    if reduce == "mean":
        return rule_of("scatter_reduce.mean", cell.dtype, cell.device, signed_zero=False)
    return EXACT if reduce == "sum" else UNSIGNED_ZERO


def _judge_reductions(cell: Cell, sweep: Sweep, modes: tuple[str, ...], *, include_self: bool) -> None:
    spellings = (_REDUCE, _REDUCE_IN_PLACE) if include_self else (_REDUCE_ALONE, _REDUCE_ALONE_IN_PLACE)
    for recipe in sweep:
        for turn, reduce in enumerate(modes):
            choices = Choices(recipe, turn)
            x = recipe.tensor(cell.dtype, "any" if reduce in ("amax", "amin") else "small")
            if reduce == "prod":
                storage = _reduced(cell.dtype, reduce, x.storage.shape, choices)
                x = Strided(storage, x.size, x.stride, x.offset)
            if x.numel > MANY and recipe.codes[4] % len(modes) != turn:
                continue
            for dim in some_dims(x, choices, most=1):
                index = _scatter_index(x, dim, choices, distinct=False)
                values = _reduced(cell.dtype, reduce, index.shape, choices)
                expected = indexing.scatter_reduce(x.array, dim, index, values, reduce, include_self=include_self)
                source = laid_out(values, _layout(choices))
                inputs = _inputs(x, dim, laid_out(index, _layout(choices)), source=source, reduce=reduce)
                _judge(cell, recipe, inputs, expected, spellings, _rule(cell, reduce))


def _modes(dtype: str) -> tuple[str, ...]:
    # How a mean of integers is rounded is not documented.
    return indexing.REDUCTIONS if numpy_dtype(dtype).kind not in "iu" else ("sum", "prod", "amax", "amin")


@clause("indexing.scatter-reduce.combines-with-self")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_scatter_reduce(cell: Cell, sweep: Sweep) -> None:
    _judge_reductions(cell, sweep, _modes(cell.dtype), include_self=True)


@clause("indexing.scatter-reduce.leaves-self-out")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_scatter_reduce_alone(cell: Cell, sweep: Sweep) -> None:
    _judge_reductions(cell, sweep, _modes(cell.dtype), include_self=False)


@clause("indexing.scatter-reduce.gives-nan-for-nan")
def test_scatter_reduce_nan(cell: Cell) -> None:
    nan, inf = float("nan"), float("inf")
    values = np.array([nan, 1, inf, -inf, nan, 2, 3, nan], dtype=np.float64).astype(numpy_dtype(cell.dtype))
    index = np.array([0, 0, 1, 1, 2, 3, 3, 4])
    x = np.array([0, nan, -1, 5, 1, nan], dtype=np.float64).astype(numpy_dtype(cell.dtype))
    for order in (np.arange(8), np.arange(8)[::-1], np.array([3, 1, 0, 2, 7, 6, 5, 4])):
        source, places = np.ascontiguousarray(values[order]), np.ascontiguousarray(index[order])
        for include_self in (True, False):
            for reduce in ("amax", "amin", "sum", "prod"):
                with np.errstate(invalid="ignore"):
                    expected = indexing.scatter_reduce(x, 0, places, source, reduce, include_self=include_self)
                trial = cell.trial(
                    x=Strided.from_array(x),
                    index=Strided.from_array(places),
                    source=Strided.from_array(source),
                    reduce=reduce,
                    include=include_self,
                )
                trial.expect("torch.scatter_reduce(x, 0, index, source, reduce, include_self=include)", expected)
                trial.expect("x.scatter_reduce_(0, index, source, reduce, include_self=include)", expected)


_OLD_REDUCE = (
    ("torch.scatter(x, dim, index, source, reduce=reduce)", "x.scatter(back, index, source, reduce=reduce)"),
    ("x.scatter_(dim, index, source, reduce=reduce)",),
)
_OLD_VALUE = (
    ("torch.scatter(x, dim, index, value, reduce=reduce)", "x.scatter(back, index, value, reduce=reduce)"),
    ("x.scatter_(dim, index, value, reduce=reduce)",),
)


@clause("indexing.scatter.adds-or-multiplies")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_scatter_with_reduce(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        for turn, reduce in enumerate(("add", "multiply")):
            choices = Choices(recipe, turn)
            name = {"add": "sum", "multiply": "prod"}[reduce]
            x = recipe.tensor(cell.dtype, "small")
            x = Strided(_reduced(cell.dtype, name, x.storage.shape, choices), x.size, x.stride, x.offset)
            for dim in some_dims(x, choices, most=1):
                index = _scatter_index(x, dim, choices, distinct=False)
                values = _reduced(cell.dtype, name, index.shape, choices)
                given_index = laid_out(index, _layout(choices))
                expected = indexing.scatter_reduce(x.array, dim, index, values, name)
                inputs = _inputs(x, dim, given_index, source=laid_out(values, _layout(choices)), reduce=reduce)
                _judge(cell, recipe, inputs, expected, _OLD_REDUCE, UNSIGNED_ZERO)
                expected = indexing.scatter_reduce(x.array, dim, index, 2, name)
                inputs = _inputs(x, dim, given_index, value=2, reduce=reduce)
                _judge(cell, recipe, inputs, expected, _OLD_VALUE, UNSIGNED_ZERO)
