"""Indexing, gathering and scattering: which elements are read, and where elements are written.

Basic indices (integers, slices with a positive step, None, Ellipsis) are applied to a strided tensor and give a
strided tensor. Index arrays and masks follow NumPy's advanced indexing, in the expressions for which its rule and
torch's place the result's dimensions alike (`is_unambiguous`).

Source: PyTorch documentation, "Tensor Views", torch.Tensor.index_put_, torch.Tensor.scatter_,
torch.Tensor.scatter_reduce_, torch.gather, torch.take, torch.Tensor.put_, torch.index_select,
torch.Tensor.index_add_, torch.masked_select, torch.Tensor.masked_scatter_, torch.nonzero; NumPy documentation,
"Indexing on ndarrays".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]
FULL = slice(None)
REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def as_tuple(index: Any) -> tuple[Any, ...]:
    """Return an index as the tuple that it stands for."""
    return index if isinstance(index, tuple) else (index,)


def consumed(item: Any) -> int:
    """Return how many dimensions of the indexed tensor one item of an index stands for; 0 for Ellipsis."""
    if item is None or item is Ellipsis or isinstance(item, bool | np.bool_):
        return 0
    if isinstance(item, np.ndarray) and item.dtype == np.bool_:
        return item.ndim
    return 1


def completed(index: Any, rank: int) -> tuple[Any, ...]:
    """Return an index with Ellipsis and what is missing at the end written out as full slices.

    Raises:
        IndexError: When the index stands for more dimensions than there are.
    """
    items = as_tuple(index)
    missing = rank - sum(consumed(item) for item in items)
    if missing < 0:
        raise IndexError(f"too many indices for {rank} dimensions")
    # `Ellipsis in items` would compare arrays with Ellipsis.
    places = [place for place, item in enumerate(items) if item is Ellipsis]
    at = places[0] if places else len(items)
    return (*items[:at], *[FULL] * missing, *items[at + bool(places) :])


def basic_view(tensor: Strided, index: Any) -> Strided:
    """Return the view of a tensor that a basic index selects.

    Args:
        tensor: Any strided tensor.
        index: Integers, slices, None, Ellipsis; one, or a tuple of them.

    Returns:
        A tensor on the same storage. The stride of a dimension of size 1 that None inserts has no meaning.

    Raises:
        IndexError: For an integer out of range, or too many indices.
        ValueError: For a slice whose step is not positive.
    """
    size: list[int] = []
    stride: list[int] = []
    offset, dim = tensor.offset, 0
    for item in completed(index, tensor.ndim):
        if item is None:
            size.append(1)
            stride.append(1)
            continue
        extent, step = tensor.size[dim], tensor.stride[dim]
        dim += 1
        if isinstance(item, slice):
            if item.step is not None and item.step < 1:
                raise ValueError(f"a slice's step must be positive, not {item.step}")
            chosen = range(extent)[item]
            offset += chosen.start * step if len(chosen) else 0
            size.append(len(chosen))
            stride.append(step * chosen.step)
        else:
            if not -extent <= item < extent:
                raise IndexError(f"index {item} is out of range for an extent of {extent}")
            offset += (item % extent) * step
    return Strided(tensor.storage, tuple(size), tuple(stride), offset)


def _place_of_block(items: Sequence[Any], *, integers_join: bool) -> int:
    """Return how many dimensions of the result precede those that the index arrays make together."""
    first, passed, left = -1, 0, False
    for item in items:
        if isinstance(item, np.ndarray) or (integers_join and isinstance(item, int) and not isinstance(item, bool)):
            if left:
                return 0
            if first < 0:
                first = passed
        elif isinstance(item, int) and not isinstance(item, bool):
            continue
        else:
            left = first >= 0
            passed += 1
    return first


def is_unambiguous(index: Any, rank: int) -> bool:
    """Return whether NumPy and torch place the dimensions made by index arrays alike.

    They do not where an integer stands apart from the index arrays (NumPy takes it for one of them, torch selects
    with it first), nor where an Ellipsis that stands for no dimension separates index arrays.
    """
    items = completed(index, rank)
    if not any(isinstance(item, np.ndarray) for item in items):
        return True
    if len(items) < len(as_tuple(index)):
        return False
    return _place_of_block(items, integers_join=True) == _place_of_block(items, integers_join=False)


def read(array: Array, index: Any) -> Array:
    """Return a copy of the elements that an index selects.

    Args:
        array: What is indexed.
        index: Integers, slices, None, Ellipsis, bools, integer arrays and masks; one, or a tuple of them.

    Raises:
        IndexError: For indices out of range, and for index arrays that do not broadcast.
    """
    return np.array(array[index])


def stored(tensor: Strided, values: Array) -> Array:
    """Return a copy of a tensor's storage with the tensor's elements replaced, and everything else as it was."""
    storage = tensor.storage.copy()
    storage[tensor.addresses()] = values
    return np.asarray(storage)


def _add_at(target: Array, places: Array, values: Any, operate: Callable[..., Any] = np.add.at) -> None:
    """Combine values with the elements of a flat array, one after the other.

    Both are made flat first: `ufunc.at` of some NumPy versions misreads values that it has to broadcast.
    """
    flat = np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=target.dtype), places.shape)).ravel()
    with np.errstate(over="ignore", invalid="ignore"):
        operate(target, places.ravel(), flat)


def written(tensor: Strided, index: Any, value: Any) -> Array:
    """Return a copy of a tensor's storage after an assignment to an index.

    Args:
        tensor: Whose elements do not overlap.
        index: As for `read`; where an element is selected several times, `value` must give it one value.
        value: Broadcast to the selected elements; leading dimensions of size 1 do not count.

    Raises:
        ValueError: When the value does not broadcast.
    """
    storage = tensor.storage.copy()
    places = np.asarray(tensor.addresses()[index])
    given = np.asarray(value)
    while given.ndim > places.ndim and given.shape[0] == 1:
        given = given[0]
    storage[places] = given
    return np.asarray(storage)


def accumulated(tensor: Strided, index: Any, value: Array) -> Array:
    """Return a copy of a tensor's storage after adding to each selected element, as often as it is selected."""
    storage = tensor.storage.copy()
    _add_at(storage, np.asarray(tensor.addresses()[index]), value)
    return np.asarray(storage)


def _grid(index: Array, dim: int) -> tuple[Array, ...]:
    """Return coordinates like those of each element of an index array, but along `dim` its own values."""
    coordinates: list[Array] = list(np.indices(index.shape, sparse=True))
    coordinates[dim] = index
    return tuple(coordinates)


def gather(array: Array, dim: int, index: Array) -> Array:
    """Return array[..., index[i, j, k], ...] for each element of an index array of the same rank."""
    if index.ndim == 0:
        return np.array(array)
    return np.array(array[_grid(index, dim)])


def take(array: Array, index: Array) -> Array:
    """Return elements by their place in row-major order; negative places count from the end."""
    return np.array(array.ravel()[index])


def take_along_dim(array: Array, index: Array, dim: int | None) -> Array:
    """Return elements by index arrays that broadcast against the array outside `dim`; of the flat array for None."""
    if dim is None:
        return np.array(array.ravel()[index.ravel()])
    dim %= array.ndim
    shapes = [tuple(1 if d == dim else n for d, n in enumerate(each.shape)) for each in (array, index)]
    common = np.broadcast_shapes(*shapes)
    source = np.broadcast_to(array, (*common[:dim], array.shape[dim], *common[dim + 1 :]))
    target = np.broadcast_to(index, (*common[:dim], index.shape[dim], *common[dim + 1 :]))
    return gather(source, dim, target)


def put(array: Array, index: Array, source: Array, *, accumulate: bool = False) -> Array:
    """Return a copy whose elements at places in row-major order are replaced, or added to."""
    result = array.copy().ravel()
    if accumulate:
        _add_at(result, index.ravel(), source.ravel())
    else:
        result[index.ravel()] = source.ravel()
    return np.asarray(result.reshape(array.shape))


def _clipped(source: Any, index: Array) -> Any:
    """Return the leading part of a source tensor that an index array of the same rank stands for."""
    return source[tuple(slice(0, extent) for extent in index.shape)] if isinstance(source, np.ndarray) else source


def scatter(array: Array, dim: int, index: Array, source: Any) -> Array:
    """Return a copy with result[..., index[i, j, k], ...] = source[i, j, k]; `source` may be a number."""
    result = array.copy()
    if index.ndim == 0:
        return np.array(source, dtype=array.dtype).reshape(()) if index.size else result
    result[_grid(index, dim)] = _clipped(source, index)
    return np.asarray(result)


_COMBINE: dict[str, Callable[..., Any]] = {
    "sum": np.add.at,
    "prod": np.multiply.at,
    "amax": np.maximum.at,
    "amin": np.minimum.at,
}


def scatter_reduce(
    array: Array, dim: int, index: Array, source: Any, reduce: str, *, include_self: bool = True
) -> Array:
    """Return a copy in which elements of `source` are combined at their targets.

    Args:
        array: Any rank.
        dim: Along which `index` gives places.
        index: Of the same rank.
        source: An array of the same rank and dtype, or a number.
        reduce: One of REDUCTIONS; "mean" divides in the array's dtype.
        include_self: Whether the elements of `array` take part; an element without a source is kept in any case.
    """
    shape = array.shape
    if array.ndim == 0:
        array, index = array.reshape(1), index.reshape(1)
        source = source.reshape(1) if isinstance(source, np.ndarray) else source
    places = np.arange(array.size).reshape(array.shape)[_grid(index, dim)].ravel()
    given = np.ravel(np.broadcast_to(np.asarray(_clipped(source, index), dtype=array.dtype), index.shape))
    result, counts = np.array(array).ravel(), np.full(array.size, int(include_self))
    _add_at(counts, places, 1)
    if not include_self:
        # Any one of the sources is neutral for amax and amin.
        result[places] = {"sum": 0, "mean": 0, "prod": 1}.get(reduce, given)
    _add_at(result, places, given, _COMBINE.get(reduce, np.add.at))
    if reduce == "mean":
        result = np.where(counts > 1, result / np.maximum(counts, 1).astype(array.dtype), result)
    return result.reshape(shape)


def along(index: Any, dim: int, rank: int) -> tuple[Any, ...]:
    """Return the index of whole slices along one dimension of a tensor with dimensions."""
    return (*[FULL] * (dim % rank), index)


def index_select(array: Array, dim: int, index: Array) -> Array:
    """Return slices along a dimension; a tensor without dimensions is its own only slice."""
    if array.ndim == 0:
        return np.asarray(array.copy())
    return np.array(array[along(np.atleast_1d(index), dim, array.ndim)])


def index_add(array: Array, dim: int, index: Array, source: Array, alpha: Any = 1) -> Array:
    """Return a copy to whose slices those of `source`, times alpha, are added one after the other."""
    result = array.reshape(array.shape or (1,)).copy()
    given = source.reshape(source.shape or (1,))
    np.add.at(result, along(np.atleast_1d(index), dim, result.ndim), given * np.asarray(alpha).astype(array.dtype))
    return np.asarray(result.reshape(array.shape))


def index_copy(array: Array, dim: int, index: Array, source: Any) -> Array:
    """Return a copy whose slices are replaced by those of `source`, an array or a number."""
    result = array.reshape(array.shape or (1,)).copy()
    given = source.reshape(source.shape or (1,)) if isinstance(source, np.ndarray) and array.ndim == 0 else source
    result[along(np.atleast_1d(index), dim, result.ndim)] = given
    return np.asarray(result.reshape(array.shape))


def masked_fill(array: Array, mask: Array, value: Any) -> Array:
    """Return a copy, broadcast against the mask, with a number where the mask is true."""
    shape = np.broadcast_shapes(array.shape, mask.shape)
    return np.where(mask, np.asarray(value).astype(array.dtype), np.broadcast_to(array, shape)).astype(array.dtype)


def masked_select(array: Array, mask: Array) -> Array:
    """Return the elements where the mask is true, in row-major order of the common shape."""
    shape = np.broadcast_shapes(array.shape, mask.shape)
    return np.array(np.broadcast_to(array, shape)[np.broadcast_to(mask, shape)])


def masked_scatter(array: Array, mask: Array, source: Array) -> Array:
    """Return a copy whose elements under the mask are replaced by those of `source` in order."""
    result = array.copy()
    places = np.broadcast_to(mask, array.shape)
    result[places] = source.ravel()[: int(places.sum())]
    return np.asarray(result)


def nonzero(array: Array) -> Array:
    """Return the coordinates of the elements that are not zero, one row each, in row-major order, as int64.

    NaN is not zero. A tensor without dimensions has rows without columns.
    """
    truth = array != 0
    if array.ndim == 0:
        return np.zeros((int(truth), 0), dtype=np.int64)
    return np.argwhere(truth).astype(np.int64)
