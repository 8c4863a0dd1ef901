"""Joining, splitting, repeating and reordering: where each element of the result comes from.

Source: PyTorch documentation, torch.cat, torch.stack, torch.hstack, torch.vstack, torch.dstack, torch.column_stack,
torch.split, torch.chunk, torch.tensor_split, torch.block_diag, torch.cartesian_prod, torch.meshgrid,
torch.Tensor.repeat, torch.tile, torch.repeat_interleave, torch.roll, torch.flip, torch.rot90.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import name_of
from torch_conformance.reference.model.promotion import promote_types

Array = npt.NDArray[Any]


def _promoted(arrays: Sequence[Array]) -> list[Array]:
    names = [name_of(array.dtype) for array in arrays]
    dtype = functools.reduce(promote_types, names)
    return [array if name == dtype else cast(array, dtype) for array, name in zip(arrays, names, strict=True)]


def cat(arrays: Sequence[Array], dim: int = 0) -> Array:
    """Return arrays joined along a dimension, in the dtype to which theirs promote.

    One-dimensional arrays without elements are skipped, whatever the rank of the others.

    Raises:
        ValueError: When extents differ in another dimension, or ranks do.
    """
    wide = _promoted(arrays)
    return np.concatenate([array for array in wide if array.shape != (0,)] or wide[:1], axis=dim)


def stack(arrays: Sequence[Array], dim: int = 0) -> Array:
    """Return arrays of one shape joined along a new dimension, in the dtype to which theirs promote."""
    return np.stack(_promoted(arrays), axis=dim)


def _row(array: Array) -> Array:
    return array.reshape(1) if array.ndim == 0 else array


def hstack(arrays: Sequence[Array]) -> Array:
    """Return arrays joined along dimension 1, or 0 when they have one dimension; scalars have one element."""
    rows = [_row(array) for array in arrays]
    return cat(rows, dim=0 if rows[0].ndim == 1 else 1)


def vstack(arrays: Sequence[Array]) -> Array:
    """Return arrays joined along dimension 0; those of fewer than two dimensions are rows."""
    return cat([array if array.ndim > 1 else array.reshape(1, -1) for array in arrays])


def dstack(arrays: Sequence[Array]) -> Array:
    """Return arrays joined along dimension 2; vectors are (1, n, 1), matrices (n, m, 1)."""
    planes = [array if array.ndim > 1 else array.reshape(1, -1) for array in arrays]
    return cat([array if array.ndim > 2 else array[:, :, None] for array in planes], dim=2)


def column_stack(arrays: Sequence[Array]) -> Array:
    """Return arrays joined along dimension 1; those of fewer than two dimensions are columns."""
    return cat([array if array.ndim > 1 else array.reshape(-1, 1) for array in arrays], dim=1)


JOINS: dict[str, Callable[[Sequence[Array]], Array]] = {
    "hstack": hstack,
    "vstack": vstack,
    "dstack": dstack,
    "column-stack": column_stack,
}


def _slab(array: Array, dim: int, piece: slice) -> Array:
    key = (*(slice(None),) * (dim % array.ndim), piece)
    return np.asarray(array[key])


def pieces(array: Array, lengths: Sequence[int], dim: int) -> list[Array]:
    """Return consecutive pieces of these lengths along a dimension."""
    ends = np.cumsum([0, *lengths])
    return [_slab(array, dim, slice(int(a), int(b))) for a, b in itertools.pairwise(ends)]


def split_lengths(extent: int, length: int) -> list[int]:
    """Return the lengths of pieces of at most `length`; the last may be shorter; one piece of an empty dimension."""
    if extent == 0:
        return [0]
    return [min(length, extent - start) for start in range(0, extent, length)]


def chunk_lengths(extent: int, chunks: int) -> list[int]:
    """Return the lengths of at most `chunks` pieces, each as long as the first but for the last.

    An empty dimension gives `chunks` empty pieces.
    """
    if extent == 0:
        return [0] * chunks
    return split_lengths(extent, -(-extent // chunks))


def section_lengths(extent: int, sections: int) -> list[int]:
    """Return the lengths of exactly `sections` pieces: the first ones longer by one where it does not divide."""
    short, longer = divmod(extent, sections)
    return [short + (place < longer) for place in range(sections)]


def at_indices(array: Array, indices: Sequence[int], dim: int) -> list[Array]:
    """Return the slices between consecutive indices, as Python slices them."""
    ends = zip([0, *indices], [*indices, array.shape[dim]], strict=True)
    return [_slab(array, dim, slice(start, stop)) for start, stop in ends]


def block_diag(arrays: Sequence[Array]) -> Array:
    """Return a matrix with the arrays, as matrices, along its diagonal and zeros elsewhere.

    A scalar is a 1 by 1 matrix, a vector a row.
    """
    blocks = [array.reshape(1, -1) if array.ndim < 2 else array for array in _promoted(arrays)]
    size = tuple(sum(block.shape[side] for block in blocks) for side in (0, 1))
    result = np.zeros(size, dtype=blocks[0].dtype)
    row = column = 0
    for block in blocks:
        result[row : row + block.shape[0], column : column + block.shape[1]] = block
        row, column = row + block.shape[0], column + block.shape[1]
    return result


def meshgrid(arrays: Sequence[Array], indexing: str) -> list[Array]:
    """Return grids of coordinates; "xy" exchanges the first two dimensions of "ij"."""
    vectors = [_row(array) for array in arrays]
    size = tuple(vector.size for vector in vectors)
    grids = []
    for place, vector in enumerate(vectors):
        shape = [1] * len(size)
        shape[place] = vector.size
        grid = np.array(np.broadcast_to(vector.reshape(shape), size))
        grids.append(grid.swapaxes(0, 1) if indexing == "xy" and len(size) > 1 else grid)
    return grids


def cartesian_prod(arrays: Sequence[Array]) -> Array:
    """Return all tuples of one element of each vector, the last changing fastest; a lone vector as it is."""
    if len(arrays) == 1:
        return np.asarray(arrays[0].copy())
    return np.stack([grid.ravel() for grid in meshgrid(arrays, "ij")], axis=-1)


def repeat(array: Array, repeats: Sequence[int]) -> Array:
    """Return the array repeated along each dimension; more repeats than dimensions lead."""
    lead = (1,) * (len(repeats) - array.ndim)
    return np.tile(array.reshape(lead + array.shape), tuple(repeats))


def tile(array: Array, repeats: Sequence[int]) -> Array:
    """Return the array repeated; fewer repeats than dimensions stand for the last ones."""
    return repeat(array, (*(1,) * (array.ndim - len(repeats)), *repeats))


def repeat_interleave(array: Array, repeats: int | Array, dim: int | None) -> Array:
    """Return each element, or slice along `dim`, repeated where it stands; of the flat array without `dim`."""
    return np.repeat(array, repeats, axis=dim)


def roll(array: Array, shifts: Sequence[int], dims: Sequence[int] | None) -> Array:
    """Return elements moved along dimensions, those beyond the end at the beginning; of the flat array without."""
    if dims is None:
        return np.roll(array.ravel(), shifts[0]).reshape(array.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        array = np.roll(array, shift, axis=dim)
    return array


def flip(array: Array, dims: Sequence[int]) -> Array:
    """Return elements in reverse order along dimensions."""
    return np.array(np.flip(array, axis=tuple(dims))) if dims else array.copy()


def rot90(array: Array, k: int, dims: Sequence[int]) -> Array:
    """Return elements rotated k times by 90 degrees, from the first of two dimensions toward the second."""
    return np.array(np.rot90(array, k, axes=(dims[0], dims[1])))
