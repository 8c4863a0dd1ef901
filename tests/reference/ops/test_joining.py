"""Joining, splitting, repeating and reordering: hand-worked cases and the documentation's examples."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import scipy.linalg

from torch_conformance.reference.ops import joining

SIX = np.arange(6).reshape(2, 3)


def test_cat_joins_skips_and_promotes() -> None:
    assert joining.cat([SIX, SIX[:1]]).tolist() == [[0, 1, 2], [3, 4, 5], [0, 1, 2]]
    assert joining.cat([np.zeros(0, dtype=int), SIX], 1).tolist() == SIX.tolist()
    assert joining.cat([np.zeros(0), np.zeros(0)]).shape == (0,)
    assert joining.cat([np.array([1], dtype=np.uint8), np.array([2], dtype=np.int8)]).dtype == np.int16
    halves = joining.cat([np.array([1], dtype=np.float16), np.array([2], dtype=ml_dtypes.bfloat16)])
    assert halves.dtype == np.float32
    with pytest.raises(ValueError, match="dimension"):
        joining.cat([SIX, SIX[:, :2]])


def test_stacks() -> None:
    one, row = np.array(1), np.array([1, 2])
    assert joining.stack([row, row], 1).tolist() == [[1, 1], [2, 2]]
    assert joining.hstack([one, row]).tolist() == [1, 1, 2]
    assert joining.hstack([SIX, SIX[:, :1]]).tolist() == [[0, 1, 2, 0], [3, 4, 5, 3]]
    assert joining.vstack([row, row[None]]).tolist() == [[1, 2], [1, 2]]
    assert joining.dstack([row, row]).tolist() == [[[1, 1], [2, 2]]]
    assert joining.column_stack([row, row[:, None]]).tolist() == [[1, 1], [2, 2]]
    for name, function in (("hstack", np.hstack), ("vstack", np.vstack), ("dstack", np.dstack)):
        for arrays in ([SIX, SIX], [row, row], [one, one], [SIX[None], SIX[None]]):
            assert np.array_equal(joining.JOINS[name](arrays), function(arrays))


def test_lengths() -> None:
    # The documentation's examples of chunk and tensor_split.
    assert joining.chunk_lengths(11, 6) == [2, 2, 2, 2, 2, 1]
    assert joining.chunk_lengths(12, 6) == [2] * 6
    assert joining.chunk_lengths(13, 6) == [3, 3, 3, 3, 1]
    assert joining.chunk_lengths(0, 4) == [0] * 4
    assert joining.split_lengths(7, 3) == [3, 3, 1]
    assert joining.split_lengths(0, 2) == [0]
    assert joining.section_lengths(8, 3) == [3, 3, 2]
    for extent in range(12):
        for sections in range(1, 9):
            pieces = np.array_split(np.arange(extent), sections)
            assert joining.section_lengths(extent, sections) == [len(piece) for piece in pieces]


def test_pieces() -> None:
    assert [piece.tolist() for piece in joining.pieces(SIX, [1, 0, 2], -1)] == [[[0], [3]], [[], []], [[1, 2], [4, 5]]]
    for indices in ([], [1], [2, 1], [-1], [5], [-9, 2]):
        ours, numpys = joining.at_indices(SIX, indices, 1), np.split(SIX, indices, 1)
        assert all(np.array_equal(a, b) for a, b in zip(ours, numpys, strict=True))


def test_block_diag_is_scipys() -> None:
    for arrays in ([SIX], [np.array(1), SIX], [np.array([1, 2]), np.array([[3], [4]])], [SIX, SIX.T]):
        assert np.array_equal(joining.block_diag(arrays), scipy.linalg.block_diag(*arrays))


@pytest.mark.parametrize("indexing", ["ij", "xy"])
def test_meshgrid_is_numpys(indexing: str) -> None:
    for count in (1, 2, 3):
        arrays = [np.arange(2 + place) for place in range(count)]
        numpys = np.meshgrid(*arrays, indexing=indexing)
        assert all(np.array_equal(a, b) for a, b in zip(joining.meshgrid(arrays, indexing), numpys, strict=True))
    assert joining.meshgrid([np.array(3), np.array([1, 2])], "ij")[0].tolist() == [[3, 3]]


def test_cartesian_prod() -> None:
    assert joining.cartesian_prod([np.array([1, 2]), np.array([4, 5])]).tolist() == [[1, 4], [1, 5], [2, 4], [2, 5]]
    assert joining.cartesian_prod([np.array([1, 2])]).tolist() == [1, 2]


def test_repetitions() -> None:
    row = np.array([1, 2, 3])
    assert joining.repeat(row, (4, 2)).tolist() == [[1, 2, 3, 1, 2, 3]] * 4
    assert joining.repeat(row, (4, 2, 1)).shape == (4, 2, 3)
    assert joining.tile(np.array([[1, 2], [3, 4]]), (2,)).tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]
    assert joining.repeat_interleave(row, 2, None).tolist() == [1, 1, 2, 2, 3, 3]
    matrix = np.array([[1, 2], [3, 4]])
    assert joining.repeat_interleave(matrix, np.array([1, 2]), 0).tolist() == [[1, 2], [3, 4], [3, 4]]


def test_orders() -> None:
    # The documentation's examples of roll and rot90.
    x = np.arange(1, 9).reshape(4, 2)
    assert joining.roll(x, (1,), None).tolist() == [[8, 1], [2, 3], [4, 5], [6, 7]]
    assert joining.roll(x, (-1,), (0,)).tolist() == [[3, 4], [5, 6], [7, 8], [1, 2]]
    assert joining.roll(x, (2, 1), (0, 1)).tolist() == [[6, 5], [8, 7], [2, 1], [4, 3]]
    assert joining.rot90(np.arange(4).reshape(2, 2), 1, (0, 1)).tolist() == [[1, 3], [0, 2]]
    assert joining.flip(x, (0, 1)).tolist() == x[::-1, ::-1].tolist()
    assert joining.flip(np.array(1), ()).tolist() == 1
