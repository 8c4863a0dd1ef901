"""Indexing: hand-worked cases, and NumPy's own views, loops and brute force."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

BLOCK = np.arange(24).reshape(2, 3, 4)
A, B = np.array([0, 1, 1]), np.array([2, 0, 1])


@pytest.mark.parametrize(
    ("index", "rank", "expected"),
    [
        (0, 2, (0, slice(None))),
        ((..., 1), 3, (slice(None), slice(None), 1)),
        ((None, slice(2), ...), 2, (None, slice(2), slice(None))),
        ((True, 0), 1, (True, 0)),
        ((), 0, ()),
        ((0, ..., 1), 2, (0, 1)),
    ],
)
def test_index_is_completed(index: Any, rank: int, expected: Any) -> None:
    assert indexing.completed(index, rank) == expected


def test_mask_stands_for_as_many_dimensions_as_it_has() -> None:
    assert indexing.consumed(np.ones((2, 3), dtype=bool)) == 2
    assert indexing.consumed(np.ones((2, 3), dtype=int)) == 1
    with pytest.raises(IndexError):
        indexing.completed((np.ones((2, 3), dtype=bool), 0), 2)


ITEMS = (0, -1, slice(None), slice(1, None), slice(None, None, 2), slice(5, 9), slice(-2, None), None)


def test_basic_view_is_numpys_view() -> None:
    storage = np.arange(60)
    tensor = Strided(storage, (2, 3, 4), (25, 1, 6), 3)
    for index in itertools.product(ITEMS, repeat=3):
        view, expected = indexing.basic_view(tensor, index), tensor.array[index]
        assert np.array_equal(view.array, expected)
        if expected.size:
            assert view.storage is storage
            steps = [step // 8 for extent, step in zip(expected.shape, expected.strides, strict=True) if extent > 1]
            assert [step for extent, step in zip(view.size, view.stride, strict=True) if extent > 1] == steps


def test_basic_view_refuses() -> None:
    tensor = Strided.from_array(BLOCK)
    for index in (2, -3, (0, 3), (0, 0, 0, 0), (..., 4)):
        with pytest.raises(IndexError):
            indexing.basic_view(tensor, index)
    for step in (0, -1):
        with pytest.raises(ValueError, match="step"):
            indexing.basic_view(tensor, slice(None, None, step))


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ((A, B), True),
        ((A, slice(None), B), True),
        ((A, None, B), True),
        ((0, A), True),
        ((slice(None), A, 1), True),
        ((0, slice(None), A), False),
        ((slice(None), A, ..., B), True),
        ((A, slice(None), 0), True),
        ((slice(None), A, None, 0), False),
        ((0, slice(None), 1), True),
    ],
)
def test_expressions_that_numpy_and_torch_read_alike(index: Any, expected: Any) -> None:
    # With three dimensions, an Ellipsis between the second and the third stands for none.
    if any(item is Ellipsis for item in index):
        assert indexing.is_unambiguous(index, 4) is True
        assert indexing.is_unambiguous(index, 3) is False
    else:
        assert indexing.is_unambiguous(index, 3) is expected


def test_read_copies() -> None:
    result = indexing.read(BLOCK, slice(None))
    assert not np.shares_memory(result, BLOCK)
    assert indexing.read(BLOCK, (A, slice(None), B)).shape == (3, 3)


def test_written_touches_selected_addresses_only() -> None:
    tensor = Strided(np.zeros(12, dtype=int), (2, 3), (6, 2), 1)
    assert indexing.written(tensor, (1, slice(1, None)), [[7, 8]]).tolist() == [0] * 9 + [7, 0, 8]
    assert indexing.written(tensor, (0, 0), np.array([[5]])).tolist() == [0, 5] + [0] * 10
    assert indexing.written(tensor, np.array([[False, True, False]] * 2), 3).tolist() == [0, 0, 0, 3] + [0] * 5 + [
        3,
        0,
        0,
    ]
    assert indexing.stored(tensor, np.arange(6).reshape(2, 3)).tolist() == [0, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5]
    assert not tensor.storage.any()
    with pytest.raises(ValueError, match="broadcast"):
        indexing.written(tensor, 0, [1, 2])


@pytest.mark.parametrize("dtype", ["int8", "float32", "complex64"])
def test_accumulated_counts_every_repetition_and_broadcasts(dtype: str) -> None:
    tensor = Strided.from_array(np.zeros(4, dtype=dtype))
    index = np.array([[0, 1], [1, 2]])
    assert indexing.accumulated(tensor, index, np.array([1, 2], dtype=dtype)).tolist() == [1, 3, 2, 0]
    assert indexing.accumulated(tensor, index, np.array([[1], [2]], dtype=dtype)).tolist() == [1, 3, 2, 0]
    assert indexing.accumulated(tensor, (np.array([-1, -1, 3]),), np.ones((), dtype=dtype)).tolist() == [0, 0, 0, 3]


def places(index: Any) -> Any:
    return itertools.product(*map(range, index.shape))


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_gather_by_loops(dim: int) -> None:
    index = np.random.default_rng(0).integers(0, BLOCK.shape[dim], (2, 2, 3))
    result = indexing.gather(BLOCK, dim, index)
    for place in places(index):
        source = list(place)
        source[dim] = index[place]
        assert result[place] == BLOCK[tuple(source)]


@pytest.mark.parametrize("dim", [0, 1, 2, -1])
def test_take_along_dim_is_numpys(dim: int) -> None:
    order = np.argsort(-BLOCK, axis=dim)
    assert np.array_equal(indexing.take_along_dim(BLOCK, order, dim), np.take_along_axis(BLOCK, order, dim))
    single = np.zeros((1, 1, 1), dtype=int)
    assert np.array_equal(indexing.take_along_dim(BLOCK, single, dim), np.take_along_axis(BLOCK, single, dim))
    assert indexing.take_along_dim(BLOCK, np.array([[5], [0]]), None).tolist() == [5, 0]


def test_take_and_put() -> None:
    assert indexing.take(BLOCK.transpose(2, 0, 1), np.array([[1, -1]])).tolist() == [[4, 23]]
    zeros = np.zeros((2, 2), dtype=int)
    assert indexing.put(zeros, np.array([1, -1]), np.array([5, 6])).tolist() == [[0, 5], [0, 6]]
    assert indexing.put(zeros, np.array([[1], [1]]), np.array([[5], [6]]), accumulate=True).tolist() == [
        [0, 11],
        [0, 0],
    ]


COMBINE = {"sum": sum, "prod": np.prod, "amax": max, "amin": min, "mean": np.mean}


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("reduce", indexing.REDUCTIONS)
@pytest.mark.parametrize("dim", [0, 1])
def test_scatter_reduce_by_loops(reduce: str, dim: int, *, include_self: bool) -> None:
    generator = np.random.default_rng(1)
    array = generator.integers(-4, 5, (3, 4)).astype(np.float64)
    index = generator.integers(0, array.shape[dim], (3, 3))
    source = generator.integers(-4, 5, (4, 4)).astype(np.float64)
    groups = {place: [array[place]] if include_self else [] for place in places(array)}
    for place in places(index):
        target = list(place)
        target[dim] = index[place]
        groups[tuple(target)].append(source[place])
    result = indexing.scatter_reduce(array, dim, index, source, reduce, include_self=include_self)
    for place, values in groups.items():
        assert result[place] == (COMBINE[reduce](values) if values else array[place])


def test_scatter() -> None:
    zeros = np.zeros((2, 3), dtype=int)
    index = np.array([[0, 1, 0]])
    assert indexing.scatter(zeros, 0, index, np.array([[7, 8, 9], [0, 0, 0]])).tolist() == [[7, 0, 9], [0, 8, 0]]
    assert indexing.scatter(zeros, 0, index, 5).tolist() == [[5, 0, 5], [0, 5, 0]]
    assert indexing.scatter_reduce(np.array(2), 0, np.array(0), np.array(3), "sum").tolist() == 5


def test_slices() -> None:
    rows = np.array([2, 0, 2])
    matrix = np.arange(6).reshape(3, 2)
    assert indexing.index_select(matrix, 0, rows).tolist() == [[4, 5], [0, 1], [4, 5]]
    assert indexing.index_select(matrix, -1, np.array([1])).tolist() == [[1], [3], [5]]
    assert indexing.index_select(np.array(7), 0, np.array([0])).tolist() == 7
    ones = np.ones((3, 2), dtype=int)
    assert indexing.index_add(matrix, 0, rows, ones, 10).tolist() == [[10, 11], [2, 3], [24, 25]]
    assert indexing.index_copy(matrix, 0, np.array([1]), np.array([[8, 9]])).tolist() == [[0, 1], [8, 9], [4, 5]]
    assert indexing.index_copy(matrix, 1, np.array([1, 1]), 0).tolist() == [[0, 0], [2, 0], [4, 0]]
    assert indexing.index_add(np.array(1), 0, np.array([0]), np.array(2)).tolist() == 3


def test_masks() -> None:
    matrix = np.arange(6).reshape(2, 3)
    column = np.array([True, False, True])
    assert indexing.masked_select(matrix, column).tolist() == [0, 2, 3, 5]
    assert indexing.masked_select(np.array([1, 2]), np.array([[True], [False]])).tolist() == [1, 2]
    assert indexing.masked_fill(matrix, column, 9).tolist() == [[9, 1, 9], [9, 4, 9]]
    assert indexing.masked_scatter(matrix, column, np.arange(10, 16)).tolist() == [[10, 1, 11], [12, 4, 13]]


def test_nonzero() -> None:
    assert indexing.nonzero(np.array([[0, 1], [float("nan"), -0.0]])).tolist() == [[0, 1], [1, 0]]
    assert indexing.nonzero(np.array(3)).shape == (1, 0)
    assert indexing.nonzero(np.array(0)).shape == (0, 0)
    assert indexing.nonzero(np.zeros((0, 2))).shape == (0, 2)
