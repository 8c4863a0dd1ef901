"""Clauses on assignment to an index, augmented assignment, and index_put."""

from __future__ import annotations

import itertools
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
    STORAGE,
    WITH_DIMENSIONS,
    Choices,
    advanced_index,
    basic_index,
    filled,
    inputs_of,
    laid_out,
    mask_index,
    one,
    selected,
    value_for,
    whole,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Array = npt.NDArray[Any]
Size = tuple[int, ...]

ASSIGNMENTS = ("x[i0] = v0", "x[i1] = v1", "x[i2] = v2", "x[i3] = v3")
FULL = indexing.FULL


def _judge(cell: Cell, recipe: Recipe, indices: list[Any], values: list[Any], inputs: dict[str, Any]) -> None:
    """Assign one after the other and look at all of the storage each time."""
    x = recipe.tensor(cell.dtype)
    given_values = {f"v{turn}": value for turn, value in enumerate(values)}
    trial = cell.trial(x=x, **whole(x), **inputs, **given_values)
    for statement, index, value in zip(ASSIGNMENTS, indices, values, strict=False):
        trial.run(statement)
        expected = indexing.written(x, index, value.array if isinstance(value, Strided) else value)
        trial.expect(STORAGE, expected)
        x = Strided(expected, x.size, x.stride, x.offset)


def _count(recipe: Recipe) -> int:
    return 1 if recipe.structure.length > MANY else len(ASSIGNMENTS)


@clause("indexing.assignment.writes-basic-indices")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_writes_basic_indices(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        turns = [Choices(recipe, turn) for turn in range(_count(recipe))]
        indices = [basic_index(recipe.size, choices) for choices in turns]
        values = [value_for(selected(recipe.size, i), c, cell.dtype) for i, c in zip(indices, turns, strict=True)]
        _judge(cell, recipe, indices, values, {f"i{turn}": index for turn, index in enumerate(indices)})


_ITEMS: tuple[Any, ...] = (0, -1, slice(None), slice(1, None), slice(None, -1, 2), slice(None, None, 3), None, ...)
_ROWS, _COLUMNS, _MASK = [2, 0], [[1], [-1]], [True, False, True]
_BASIC = [
    index for count in range(1, 4) for index in itertools.product(_ITEMS, repeat=count) if index.count(Ellipsis) < 2
]
_ADVANCED: list[Any] = [
    *((_ROWS, item) for item in _ITEMS),
    *((item, _ROWS) for item in _ITEMS),
    *((_ROWS, item, _COLUMNS) for item in _ITEMS if not isinstance(item, int)),
    *((item, _ROWS, _COLUMNS) for item in _ITEMS if not isinstance(item, int)),
    *((_MASK, item) for item in _ITEMS),
    *((_COLUMNS, _ROWS, item) for item in _ITEMS),
]


@clause("indexing.assignment.composes-item-by-item")
def test_assignment_composes_item_by_item(cell: Cell) -> None:
    x = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
    for tensor in (Strided.from_array(x), Strided(np.arange(200, dtype=np.int32), (3, 4, 5), (2, 31, 6), 7)):
        indices = [*_BASIC, *_ADVANCED]
        expected = [indexing.written(tensor, index, -1).tolist() for index in indices]
        trial = cell.trial(
            x=tensor, indices=indices, **whole(tensor), one=Strided.from_array(np.array([-1], dtype=np.int32))
        )
        trial.run(f"saved = {STORAGE}.clone()")
        trial.run(f"def write(i, v): {STORAGE}.copy_(saved); x[i] = v; return {STORAGE}.tolist()")
        trial.expect_equal("[write(i, -1) for i in indices]", expected)
        trial.expect_equal("[write(i, one) for i in indices]", expected)


@clause("indexing.assignment.writes-index-tensors")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, overlapping=False))
def test_writes_index_tensors(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        turns = [Choices(recipe, turn) for turn in range(_count(recipe))]
        indices = [advanced_index(recipe.size, choices, distinct=True) for choices in turns]
        values = [value_for(selected(recipe.size, i), c, cell.dtype) for i, c in zip(indices, turns, strict=True)]
        _judge(cell, recipe, indices, values, inputs_of(indices, recipe))


@clause("indexing.assignment.writes-masks")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, overlapping=False))
def test_writes_masks(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        turns = [Choices(recipe, turn) for turn in range(_count(recipe))]
        indices = [mask_index(recipe.size, choices) for choices in turns]
        values = [value_for(selected(recipe.size, i), c, cell.dtype) for i, c in zip(indices, turns, strict=True)]
        _judge(cell, recipe, indices, values, inputs_of(indices, recipe))


def _number(dtype: str, choices: Choices) -> Any:
    """Return a Python number that the dtype holds, of its own or a lower category."""
    numbers: tuple[Any, ...] = (1, 0, True, False, 7, 100)
    if dtype == "bool":
        numbers = (True, False, 1, 0)
    elif numpy_dtype(dtype).kind not in "iu":
        numbers += (0.5, -2.0, float("inf"), float("nan"), -0.0)
        numbers += (1j, 2.5 - 3j) if is_complex(dtype) else ()
    return numbers[choices.pick(len(numbers))]


@clause("indexing.assignment.takes-python-numbers")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_takes_python_numbers(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        turns = [Choices(recipe, turn) for turn in range(_count(recipe))]
        kinds = (basic_index, advanced_index, mask_index, basic_index) if recipe.size else (basic_index,) * 4
        first = recipe.codes[2]
        indices = [kinds[(first + turn) % 4](recipe.size, choices) for turn, choices in enumerate(turns)]
        values = [_number(cell.dtype, choices) for choices in turns]
        given_indices = [index if isinstance(index, tuple) else (index,) for index in indices]
        _judge(cell, recipe, indices, values, inputs_of(given_indices, recipe))


@clause("indexing.assignment.writes-very-many-elements")
def test_writes_very_many_elements(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((40_001,), (33_013, 2), (2, 33_013), (181, 183)):
        x = laid_out(filled(generator, size, cell.dtype), LAYOUTS[int(generator.integers(0, 4))])
        dim = int(np.argmax(size))
        places = generator.permutation(size[dim])[: size[dim] - 3]
        index = indexing.along(places - size[dim] * (places % 2), dim, len(size))
        value = filled(generator, _shape(size, dim, len(places)), cell.dtype)
        trial = cell.trial(
            x=x,
            **whole(x),
            i=indexing.along(laid_out(index[-1], LAYOUTS[int(generator.integers(0, 3))]), dim, len(size)),
            v=laid_out(value, LAYOUTS[int(generator.integers(0, 4))]),
        )
        trial.run("x[i] = v")
        trial.expect(STORAGE, indexing.written(x, index, value))


def _shape(size: Size, dim: int, extent: int) -> Size:
    return tuple(extent if each == dim else n for each, n in enumerate(size))


@clause("indexing.assignment.converts-to-the-dtype-of-the-tensor")
def test_converts_to_the_dtype(cell: Cell) -> None:
    x = pool(cell.dtype, "small", 0)[:24].reshape(2, 3, 4)
    for other in ("bool", "uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64"):
        if is_complex(other) and not is_complex(cell.dtype):
            continue
        value = np.abs(pool(other, "small", 0)[:4]).astype(numpy_dtype(other))
        trial = cell.trial(x=Strided.from_array(x), value=Strided.from_array(value), one=Strided.from_array(value[1]))
        for statement, index, given_value in (
            ("x[0, 1] = value", (0, 1), value),
            ("x[..., 1:] = value[1:]", (..., slice(1, None)), value[1:]),
            ("x[:, 0, None] = value", (FULL, 0, None), value),
            ("x[0, 0, 0] = one", (0, 0, 0), value[1]),
            ("x[1] = one", 1, value[1]),
        ):
            trial.run("y = x; x = x.clone()")
            trial.run(statement)
            trial.expect(
                "x",
                indexing.written(Strided.from_array(x), index, cast(np.asarray(given_value), cell.dtype)).reshape(
                    x.shape
                ),
            )
            trial.run("x = y")


_AUGMENTED = ("x[i0] += v0", "x[i1] -= v1", "x[i2] *= v2", "x[i3] += v3")
_OPERATE = (np.add, np.subtract, np.multiply, np.add)


@clause("indexing.augmented.works-on-the-selected-elements")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, overlapping=False))
def test_augmented(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        turns = [Choices(recipe, turn) for turn in range(_count(recipe))]
        first = recipe.codes[2]
        indices: list[Any] = []
        for turn, choices in enumerate(turns):
            kind = (first + turn) % 3
            made = (
                basic_index(recipe.size, choices)
                if kind == 0
                else advanced_index(recipe.size, choices, distinct=True)
                if kind == 1
                else mask_index(recipe.size, choices)
            )
            indices.append(made if isinstance(made, tuple) else (made,))
        # Sums and products of these are exact in every dtype.
        x = recipe.tensor(cell.dtype, "small")
        values = [
            value_for(selected(recipe.size, i), c, cell.dtype, "small") for i, c in zip(indices, turns, strict=True)
        ]
        values = [
            each
            if np.broadcast_shapes(each.size, selected(recipe.size, i)) == selected(recipe.size, i)
            else one(cell.dtype)
            for each, i in zip(values, indices, strict=True)
        ]
        trial = cell.trial(
            x=x, **whole(x), **inputs_of(indices, recipe), **{f"v{turn}": value for turn, value in enumerate(values)}
        )
        for statement, index, value, operate in zip(_AUGMENTED, indices, values, _OPERATE, strict=False):
            with np.errstate(over="ignore"):
                expected = indexing.written(x, index, operate(x.array[index], value.array))
            trial.run(statement)
            trial.expect(STORAGE, expected)
            x = Strided(expected, x.size, x.stride, x.offset)


@clause("indexing.augmented.counts-duplicates-once")
def test_augmented_counts_duplicates_once(cell: Cell) -> None:
    for size, index in (
        ((5,), np.array([0, 0, 3, 0, -1, 4])),
        ((3, 4), np.array([[1, 1], [-2, 1]])),
        ((65, 2), np.tile(np.arange(0, 65, 2), 7)),
        ((1,), np.zeros(40_001, dtype=np.int64)),
    ):
        x = pool(cell.dtype, "small", 0)[: int(np.prod(size))].reshape(size)
        for layout in LAYOUTS:
            trial = cell.trial(x=laid_out(x, layout), i=laid_out(index, layout), two=one(cell.dtype))
            trial.run("x[i] += two")
            expected = x.copy()
            expected[index] = x[index] + expected.dtype.type(1)
            trial.expect("x", expected)
            trial.run("x[i] -= 1")
            trial.expect("x", x)


_REFUSED = (
    *("x[0] = v3", "x[:, :2] = v3", "x[[0, 1]] = v3", "x[[0, 1, 2]] = v3", "x[mask] = v3", "x[...] = v3"),
    *("x[0] = v234", "x[[[0], [1]], [0, 1]] = v3", "x[0, 0] = v4", "x[mask, 0] = v3[:2]", "x[1:1] = v3"),
    *("x.index_put_((i,), v3)", "x[i] = v3", "x[:, [0, 2, 1]] = v4", "x[..., 1] = v4"),
)


@clause("indexing.assignment.refuses-values-that-do-not-fit")
def test_refuses_values_that_do_not_fit(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for layout in LAYOUTS:
        trial = cell.trial(
            x=laid_out(x, layout),
            v3=Strided.from_array(np.full(3, 9, dtype=np.float32)),
            v4=Strided.from_array(np.full(4, 9, dtype=np.float32)),
            v234=Strided.from_array(np.full((2, 3, 4), 9, dtype=np.float32)),
            mask=Strided.from_array(np.array([True, False, False])),
            i=Strided.from_array(np.array([2, 0])),
        )
        for statement in _REFUSED:
            trial.expect_error(statement, RuntimeError, IndexError)
            trial.expect("x", x)
        trial.run("x[i] = v4")
        trial.expect("x", indexing.written(Strided.from_array(x), np.array([2, 0]), 9).reshape(3, 4))


@clause("indexing.assignment.refuses-indices-out-of-range")
def test_assignment_refuses_indices_out_of_range(cell: Cell) -> None:
    if cell.torch_device.type != "cpu":
        cell.unsupported("an index tensor out of range is a device-side assertion that ends the process")
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for index in ([3], [-4], [0, 9], [2**40], [-(2**40)], [0] * 64 + [3]):
        trial = cell.trial(
            x=Strided.from_array(x),
            i=Strided.from_array(np.array(index)),
            rows=index,
            one=Strided.from_array(np.array([1], dtype=np.float32)),
        )
        for statement in (
            "x[i] = 1",
            "x[rows] = one",
            "x[:, [4]] = 1",
            "x[[-5], [0]] = one",
            "x.index_put_((i,), one)",
            "x.index_put_((i,), one, accumulate=True)",
            "x[i] += 1",
        ):
            trial.expect_error(statement, IndexError, RuntimeError)
        # Which of the valid places had been written is not documented.
        trial.expect("x[:0]", x[:0])


_STATEMENTS = (
    *("x[0] = 1", "x[...] = v", "x[i] = 1", "x[i] = v", "x[mask] = 1", "x[i] += 1", "x[0] += v", "x[1:, :2] = 1"),
    *("x.index_put_((i,), v)", "x.index_put_((i,), v, accumulate=True)", "x[None] = 2", "x[True] = 3", "x[:, i] = 0"),
    *("x.masked_fill_(mask, 2)", "x.index_fill_(0, i, 1)", "x.index_copy_(0, i, w)", "x.index_add_(0, i, w)"),
    *("x.put_(i, v[:2])", "x.scatter_(0, s, 1)", "x.scatter_(0, s, w)", "x.scatter_add_(0, s, w)"),
    *("x.masked_scatter_(mask, x.clone())", "x.scatter_reduce_(0, s, w, 'sum')", "x[0][1] = 5"),
)


@clause("indexing.assignment.bumps-the-version")
def test_bumps_the_version(cell: Cell) -> None:
    trial = cell.trial(
        x=Strided.from_array(np.arange(16, dtype=np.float32).reshape(4, 4)),
        v=Strided.from_array(np.arange(4, dtype=np.float32)),
        w=Strided.from_array(np.ones((2, 4), dtype=np.float32)),
        i=Strided.from_array(np.array([2, 0])),
        s=Strided.from_array(np.zeros((1, 4), dtype=np.int64)),
        mask=Strided.from_array(np.array([True, False, True, True])),
    )
    for statement in _STATEMENTS:
        trial.run("y, before = x, x._version")
        trial.run(statement)
        trial.expect_true("x is y and x._version > before", "a write to a tensor is counted in its version")
