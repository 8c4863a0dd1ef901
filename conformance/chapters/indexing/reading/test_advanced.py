"""Clauses on reading with index tensors, lists, NumPy arrays and masks."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    INDEXED,
    LAYOUTS,
    MANY,
    STANDING_WITH_DIMENSIONS,
    WITH_DIMENSIONS,
    Choices,
    advanced_index,
    filled,
    inputs_of,
    laid_out,
    written_down,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Index = tuple[Any, ...]

_LARGEST = 400_000
FULL = indexing.FULL


def _indices(recipe: Recipe, count: int) -> list[Index]:
    """Return indices whose result is not much larger than the tensor."""
    found = [advanced_index(recipe.size, Choices(recipe, turn)) for turn in range(count)]
    if recipe.structure.length <= MANY:
        return found
    holder = np.broadcast_to(np.int8(0), recipe.size)
    return [index for index in found if holder[index].size < _LARGEST]


@clause("indexing.advanced.selects-elements")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, repeat=2))
def test_selects_elements(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        indices = _indices(recipe, 2 if x.numel > MANY else len(INDEXED))
        trial = cell.trial(x=x, **inputs_of(indices, recipe))
        for expression, index in zip(INDEXED, indices, strict=False):
            trial.expect(expression, indexing.read(x.array, index))


_KINDS: tuple[Any, ...] = (1, -1, FULL, slice(1, None), slice(None, None, 2), None, Ellipsis)


def _combined() -> list[Index]:
    """Return every index of two or three items of which one to three are index arrays."""
    row, wide, column = np.array([1, -1, 0]), np.array([[0, 1, 2]]), np.array([[1], [-3]])
    found: list[Index] = []
    for first in (row, wide, column):
        found += [index for item in _KINDS for index in ((first, item), (item, first))]
        for item, other in itertools.product(_KINDS, repeat=2):
            found += [(first, item, other), (item, first, other), (item, other, first)]
        for second in (row, column):
            found += [(first, second), *(index for item in _KINDS for index in _threes(first, second, item))]
        found += [(first, row, column), (first, column, row)]
    return [index for index in found if sum(item is Ellipsis for item in index) < 2]


def _threes(first: Any, second: Any, item: Any) -> tuple[Index, ...]:
    return (first, second, item), (first, item, second), (item, first, second)


_COMBINED = [index for index in _combined() if indexing.is_unambiguous(index, 4)]
# Layouts of index tensors, each with another of the indexed tensor.
_PAIRS = (("tensor", "transposed"), ("sliced", "offset"), ("transposed", "tensor"), ("offset", "sliced"))


@clause("indexing.advanced.composes-item-by-item")
def test_advanced_composes_item_by_item(cell: Cell) -> None:
    x = np.arange(3 * 3 * 4 * 5, dtype=np.int32).reshape(3, 3, 4, 5)
    values = [indexing.read(x, index) for index in _COMBINED]
    for form, layout in _PAIRS:
        indices = [
            tuple(laid_out(item, form) if isinstance(item, np.ndarray) else item for item in index)
            for index in _COMBINED
        ]
        trial = cell.trial(x=laid_out(x, layout), indices=indices)
        trial.expect_equal("[tuple(x[i].shape) for i in indices]", [each.shape for each in values])
        trial.expect_equal("[x[i].tolist() for i in indices]", [each.tolist() for each in values])


_MANY_SIZES: tuple[tuple[int, ...], ...] = ((97,), (61, 3), (3, 61), (2, 37, 5), (40_001,), (181, 183))


@clause("indexing.advanced.selects-very-many-elements")
def test_selects_very_many_elements(cell: Cell) -> None:
    generator = cell.generator()
    for size in _MANY_SIZES:
        x = filled(generator, size, cell.dtype)
        dim = int(generator.integers(0, len(size)))
        count = 33_001 // (x.size // size[dim]) + 7
        index = generator.integers(-size[dim], size[dim], count)
        pair = tuple(generator.integers(0, extent, 33_013) for extent in size[:2])
        layout, other = (LAYOUTS[choice] for choice in generator.integers(0, len(LAYOUTS), 2))
        trial = cell.trial(
            x=laid_out(x, layout),
            i=indexing.along(laid_out(index, other), dim, x.ndim),
            pair=tuple(laid_out(each, layout) for each in pair),
        )
        trial.expect("x[i]", indexing.read(x, indexing.along(index, dim, x.ndim)))
        trial.expect("x[pair]", indexing.read(x, pair))


_BLOCK = np.arange(120, dtype=np.int64).reshape(2, 3, 4, 5)
_A, _B, _C = np.array([0, 1, 1, 0, 1, 0, 1]), np.array([2, 0, 1, -1, 0, 1, 2]), np.array([[3], [-4], [0]])
_TOGETHER: tuple[Index, ...] = (
    *((_A,), (FULL, _B), (FULL, FULL, _C), (..., _B), (_A, _B), (FULL, _B, _C), (_A, _B, _C)),
    *((FULL, _A, _B, FULL), (..., _B, _A), (FULL, None, _B, _C), (None, _A, _B), (_A, _B, None)),
    *((slice(1, None), _B, _C, slice(1, 4, 2)), (FULL, FULL, _C, _B), (_A, ...), (FULL, _B, ..., None)),
    *((FULL, _A, 1), (FULL, 1, _A), (0, _B), (FULL, FULL, 2, _A), (1, _B, _C), (None, FULL, _B, -1, FULL)),
)
_APART: tuple[Index, ...] = (
    *((_A, FULL, _B), (_A, FULL, FULL, _B), (FULL, _B, FULL, _A), (_A, None, _B), (_A, ..., _B)),
    *((_A, _B, FULL, _C), (_A, FULL, _B, _C), (FULL, _A, None, _B), (None, _A, slice(0, 2), _C)),
    *((slice(1, None), _B, None, _C, slice(1, 4, 2)), (_A, None, None, _B), (_A, slice(2, 2), _C)),
)


def _judge_places(cell: Cell, indices: tuple[Index, ...]) -> None:
    x = Strided.from_array(_BLOCK)
    for index in indices:
        expected = indexing.read(_BLOCK, index)
        trial = cell.trial(x=x, **{name: written_down(index, name) for name in ("tensor", "list", "array", "sliced")})
        for expression in ("x[tensor]", "x[list]", "x[array]", "x[sliced]"):
            trial.expect(expression, expected)


@clause("indexing.advanced.puts-adjacent-dimensions-in-place")
def test_adjacent_indices(cell: Cell) -> None:
    _judge_places(cell, _TOGETHER)


@clause("indexing.advanced.puts-separated-dimensions-first")
def test_separated_indices(cell: Cell) -> None:
    _judge_places(cell, _APART)


_LISTS: tuple[Any, ...] = (
    *([0], [1, 0], [0, -1, 0], [], [[0, 1, 1], [1, 0, 0]], [[0, 1], [0, 0]], [[[1]]], [True, False], [False, False]),
    *((0, 1), [np.int64(1), np.int64(0)], [np.array([0, 1])[1], 0]),
)


@clause("indexing.advanced.takes-lists-and-arrays")
def test_takes_lists_and_arrays(cell: Cell) -> None:
    x = Strided.from_array(_BLOCK)
    for given_index in _LISTS:
        index = np.asarray(given_index, dtype=None if len(given_index) else np.int64)
        trial = cell.trial(x=x, i=list(given_index), a=index, t=Strided.from_array(index))
        expected = indexing.read(_BLOCK, index)
        for expression in ("x[i, ...]", "x[a, ...]", "x[t]", "x[(i,)]", "x[[*i], :]", "x[(a, ...)]"):
            trial.expect(expression, expected)
        if index.ndim == 1:
            trial.expect("x[i]", expected)
            trial.expect("x[a]", expected)
        trial.expect("x.transpose(0, 2)[:, :, i]", indexing.read(_BLOCK.swapaxes(0, 2), (FULL, FULL, index)))
    # The tutorial's worked examples.
    data = _BLOCK[0, :, :].copy()
    trial = cell.trial(x=Strided.from_array(data))
    trial.expect("x[[0, 1], [1, 2]]", np.array([data[0, 1], data[1, 2]]))
    trial.expect("x[[[0], [1]], [1, 2]]", np.array([[data[0, 1], data[0, 2]], [data[1, 1], data[1, 2]]]))


_INDEX_DTYPES = ("int64", "int32")


@clause("indexing.advanced.takes-int32-and-int64")
def test_takes_int32_and_int64(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((5,), (4, 7), (3, 2, 9), (65, 3), (1025,)):
        x = filled(generator, size, "float32")
        for count in (0, 1, 2, 9, 65, 1_001):
            index = generator.integers(-size[0], size[0], count)
            last = generator.integers(-size[-1], size[-1], count)
            for dtype in _INDEX_DTYPES:
                for layout in LAYOUTS[:3]:
                    trial = cell.trial(
                        x=Strided.from_array(x),
                        i=laid_out(index.astype(dtype), layout),
                        j=laid_out(last.astype(dtype), layout),
                    )
                    trial.expect("x[i]", indexing.read(x, index))
                    trial.expect("x[..., j]", indexing.read(x, (..., last)))
                    trial.run("y = x.clone()")
                    trial.run("y[i] = 5")
                    trial.expect("y", indexing.written(Strided.from_array(x), index, 5).reshape(size))


@clause("indexing.advanced.gives-a-copy")
@given(sweep=sweeps(classes=("small", "empty", "tail"), overlapping=False, repeat=2))
def test_gives_a_copy(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor("float32", "finite")
        indices = [advanced_index(recipe.size, Choices(recipe, turn)) for turn in range(4)]
        # Every element in its place: nothing but the storage tells the result from a view.
        indices += [(np.arange(recipe.size[0]),), (np.ones(recipe.size, dtype=np.bool_),)]
        trial = cell.trial(x=x, **inputs_of(indices, recipe))
        for expression, index in zip(INDEXED, indices, strict=True):
            trial.run(f"y = {expression}")
            trial.run("y.fill_(77)")
            trial.expect("x", x)
            trial.run("x.neg_()")
            trial.expect("y", np.full(indexing.read(x.array, index).shape, 77, dtype=np.float32))
            trial.run("x.neg_()")


@clause("indexing.advanced.takes-no-index-at-all")
def test_takes_no_index_at_all(cell: Cell) -> None:
    none = np.zeros(0, dtype=np.int64)
    for size in ((0,), (3,), (0, 3), (3, 0), (2, 3, 4), (2, 0, 3)):
        x = np.arange(int(np.prod(size)), dtype=np.float32).reshape(size)
        for index in (none, none.reshape(0, 2), none.reshape(3, 0), np.zeros(size, dtype=np.bool_)):
            for place in range(len(size)) if index.dtype != np.bool_ else (0,):
                trial = cell.trial(
                    x=Strided.from_array(x), i=indexing.along(Strided.from_array(index), place, len(size))
                )
                trial.expect("x[i]", indexing.read(x, indexing.along(index, place, len(size))))
                trial.run("x[i] = 5")
                trial.expect("x", x)
        trial = cell.trial(x=Strided.from_array(x))
        trial.expect("x[[]]", indexing.read(x, none))


_ODD = ("x[i]", "x[:, j]", "x[..., k]", "x[i, j]", "x[i, :, k]", "x[[0, 3]]", "x[..., [-6]]", "x[[-4]]")


@clause("indexing.advanced.refuses-indices-out-of-range")
def test_refuses_indices_out_of_range(cell: Cell) -> None:
    if cell.torch_device.type != "cpu":
        cell.unsupported("an index tensor out of range is a device-side assertion that ends the process")
    x = Strided.from_array(_BLOCK[0].copy())
    for beyond in (0, 1, 9, 2**31, 2**62):
        for signed in (1, -1):
            ends = [extent + beyond if signed > 0 else -extent - 1 - beyond for extent in (3, 4, 5)]
            for shape in ((1,), (3,), (33,)):
                tensors = [np.zeros(shape, dtype=np.int64) for _ in ends]
                for tensor, end in zip(tensors, ends, strict=True):
                    tensor[-1] = end
                trial = cell.trial(x=x, **dict(zip("ijk", map(Strided.from_array, tensors), strict=True)))
                for expression in _ODD:
                    trial.expect_error(expression, IndexError)
                trial.expect("x", x)
                trial.expect("x[i[:-1]]", indexing.read(x.array, tensors[0][:-1]))


@clause("indexing.advanced.refuses-indices-that-do-not-broadcast")
def test_refuses_indices_that_do_not_broadcast(cell: Cell) -> None:
    x = Strided.from_array(_BLOCK)
    trial = cell.trial(x=x, i=Strided.from_array(_A), j=Strided.from_array(_B[:3]), k=Strided.from_array(_C.T.copy()))
    for expression in (
        "x[i, j]",
        "x[[0, 1], [0, 1, 2]]",
        "x[i, :, j]",
        "x[i, k]",
        "x[:, j, ..., i]",
        "x[[0, 1], [], :]",
        "x[[0, 1], [True, True, True]]",
    ):
        trial.expect_error(expression, IndexError)
        trial.expect_error(f"{expression} = 1", IndexError)
    trial.expect("x", x)
    trial.expect("x[i[:3], j]", indexing.read(_BLOCK, (_A[:3], _B[:3])))
