"""Views of strided tensors: what happens to size, stride and offset while the storage stays.

Every function returns tensors that share the storage of `x`, or raises what torch raises: IndexError for a dimension
or position that does not exist, ViewError (torch's RuntimeError) for anything else.

Source: PyTorch documentation, "Tensor Views", and the docstring of the torch function of the same name.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch_conformance.reference.model.strided import Strided

Size = tuple[int, ...]


class ViewError(RuntimeError):
    """The tensor has no such view, or the arguments describe none."""


def wrap(dim: int, ndim: int) -> int:
    """Return a dimension counted from the front; a tensor without dimensions is treated as having one.

    Raises:
        IndexError: When the dimension does not exist.
    """
    count = max(ndim, 1)
    if not -count <= dim < count:
        raise IndexError(f"dimension {dim} of a tensor with {ndim}")
    return dim % count


def wrap_all(dims: Sequence[int], ndim: int) -> Size:
    """Return dimensions counted from the front.

    Raises:
        IndexError: When one does not exist.
        ViewError: When one is named twice.
    """
    found = tuple(wrap(dim, ndim) for dim in dims)
    if len(set(found)) != len(found):
        raise ViewError(f"a dimension is named twice in {tuple(dims)}")
    return found


def _existing(dim: int, x: Strided) -> int:
    """Return a dimension that must exist even in a tensor without dimensions."""
    if not x.ndim:
        raise IndexError("a tensor without dimensions has none to take")
    return wrap(dim, x.ndim)


def _swapped(values: Size, first: int, second: int) -> Size:
    changed = list(values)
    changed[first], changed[second] = values[second], values[first]
    return tuple(changed)


def _with(values: Size, dim: int, *replacement: int) -> Size:
    return (*values[:dim], *replacement, *values[dim + 1 :])


def permute(x: Strided, dims: Sequence[int]) -> Strided:
    """Return the view whose dimension i is dimension dims[i] of x (torch.permute)."""
    if len(dims) != x.ndim:
        raise ViewError(f"{len(dims)} dimensions named for a tensor with {x.ndim}")
    order = wrap_all(dims, x.ndim)
    return Strided(x.storage, tuple(x.size[dim] for dim in order), tuple(x.stride[dim] for dim in order), x.offset)


def transpose(x: Strided, dim0: int, dim1: int) -> Strided:
    """Return the view with two dimensions exchanged (torch.transpose)."""
    first, second = wrap(dim0, x.ndim), wrap(dim1, x.ndim)
    if not x.ndim:
        return x
    return Strided(x.storage, _swapped(x.size, first, second), _swapped(x.stride, first, second), x.offset)


def t(x: Strided) -> Strided:
    """Return the transposed matrix; a tensor of fewer dimensions as it is (torch.t)."""
    if x.ndim > 2:
        raise ViewError(f"t of a tensor with {x.ndim} dimensions")
    return transpose(x, 0, 1) if x.ndim == 2 else x


def matrix_transpose(x: Strided) -> Strided:
    """Return the view with the last two dimensions exchanged (torch.Tensor.mT)."""
    if x.ndim < 2:
        raise ViewError(f"matrices have two dimensions, not {x.ndim}")
    return transpose(x, -2, -1)


def movedim(x: Strided, source: int | Sequence[int], destination: int | Sequence[int]) -> Strided:
    """Return the view with dimensions moved, the others in their order (torch.movedim)."""
    moved = (source,) if isinstance(source, int) else tuple(source)
    places = (destination,) if isinstance(destination, int) else tuple(destination)
    if len(moved) != len(places):
        raise ViewError(f"{len(moved)} dimensions moved to {len(places)} places")
    moved, places = wrap_all(moved, x.ndim), wrap_all(places, x.ndim)
    if not x.ndim:
        return x
    rest = iter(dim for dim in range(x.ndim) if dim not in moved)
    to = dict(zip(places, moved, strict=True))
    return permute(x, [to[place] if place in to else next(rest) for place in range(x.ndim)])


def squeeze(x: Strided, dim: int | Sequence[int] | None = None) -> Strided:
    """Return the view without the named dimensions that have size 1, or without all of them (torch.squeeze)."""
    if dim is None:
        named: Size = tuple(range(x.ndim))
    else:
        named = wrap_all((dim,) if isinstance(dim, int) else dim, x.ndim)
    kept = [place for place in range(x.ndim) if place not in named or x.size[place] != 1]
    return Strided(x.storage, tuple(x.size[i] for i in kept), tuple(x.stride[i] for i in kept), x.offset)


def unsqueeze(x: Strided, dim: int) -> Strided:
    """Return the view with a dimension of size 1 in front of dimension `dim` (torch.unsqueeze)."""
    place = wrap(dim, x.ndim + 1)
    step = x.size[place] * x.stride[place] if place < x.ndim else 1
    size = (*x.size[:place], 1, *x.size[place:])
    return Strided(x.storage, size, (*x.stride[:place], step, *x.stride[place:]), x.offset)


def expand(x: Strided, size: Sequence[int]) -> Strided:
    """Return the view in which dimensions of size 1, and new ones in front, repeat with stride 0 (Tensor.expand)."""
    added = len(size) - x.ndim
    if added < 0:
        raise ViewError(f"{len(size)} sizes for a tensor with {x.ndim} dimensions")
    strides, sizes = [], []
    for place, wanted in enumerate(size):
        existing = x.size[place - added] if place >= added else None
        if existing is None and wanted < 0:
            raise ViewError("a new dimension needs a size")
        if existing is not None and existing != 1 and wanted not in (-1, existing):
            raise ViewError(f"dimension {place} of size {existing} cannot become {wanted}")
        if wanted < -1:
            raise ViewError(f"size {wanted}")
        extent = existing if existing is not None and wanted == -1 else wanted
        kept = existing is not None and existing == extent
        sizes.append(extent)
        strides.append(x.stride[place - added] if kept else 0)
    return Strided(x.storage, tuple(sizes), tuple(strides), x.offset)


def select(x: Strided, dim: int, index: int) -> Strided:
    """Return the view at one position of a dimension, without that dimension (torch.select)."""
    place = _existing(dim, x)
    extent = x.size[place]
    if not -extent <= index < extent:
        raise IndexError(f"position {index} of a dimension of size {extent}")
    offset = x.offset + index % extent * x.stride[place]
    return Strided(x.storage, _with(x.size, place), _with(x.stride, place), offset)


def narrow(x: Strided, dim: int, start: int, length: int) -> Strided:
    """Return the view of `length` positions of a dimension from `start`, which may be negative (torch.narrow)."""
    if not x.ndim:
        raise ViewError("narrow of a tensor without dimensions")
    place = wrap(dim, x.ndim)
    extent = x.size[place]
    if length < 0:
        raise ViewError(f"length {length}")
    if not -extent <= start <= extent:
        raise IndexError(f"start {start} in a dimension of size {extent}")
    first = start + extent if start < 0 else start
    if first + length > extent:
        raise ViewError(f"{length} positions from {first} in a dimension of size {extent}")
    return Strided(x.storage, _with(x.size, place, length), x.stride, x.offset + first * x.stride[place])


def sliced(x: Strided, dim: int, bounds: slice) -> Strided:
    """Return the view of every step-th position of a dimension, bounds as Python's slices have them (Tensor[...])."""
    place = _existing(dim, x)
    start, stop, step = bounds.indices(x.size[place])
    if step < 1:
        raise ValueError(f"step {step}")
    extent = len(range(start, stop, step))
    offset = x.offset + (start * x.stride[place] if extent else 0)
    return Strided(x.storage, _with(x.size, place, extent), _with(x.stride, place, x.stride[place] * step), offset)


def diagonal(x: Strided, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Strided:
    """Return the view of a diagonal of two dimensions, which is appended as the last dimension (torch.diagonal)."""
    rows, columns = (_existing(dim, x) for dim in (dim1, dim2))
    if rows == columns:
        raise ViewError("a diagonal has two dimensions")
    down, right = max(-offset, 0), max(offset, 0)
    length = max(min(x.size[rows] - down, x.size[columns] - right), 0)
    begin = x.offset + (down * x.stride[rows] + right * x.stride[columns] if length else 0)
    others = [dim for dim in range(x.ndim) if dim not in (rows, columns)]
    size = (*(x.size[dim] for dim in others), length)
    return Strided(x.storage, size, (*(x.stride[dim] for dim in others), x.stride[rows] + x.stride[columns]), begin)


def unfold(x: Strided, dimension: int, size: int, step: int) -> Strided:
    """Return the view of all windows of a dimension, window elements in a new last dimension (Tensor.unfold)."""
    place = wrap(dimension, x.ndim)
    extent = x.size[place]
    if size < 0 or step < 1 or size > extent:
        raise ViewError(f"windows of {size} with step {step} in a dimension of size {extent}")
    windows = (extent - size) // step + 1
    stride = (*_with(x.stride, place, x.stride[place] * step), x.stride[place])
    return Strided(x.storage, (*_with(x.size, place, windows), size), stride, x.offset)


def as_strided(x: Strided, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Strided:
    """Return the view with these sizes, strides and offset, whatever those of x are (torch.as_strided)."""
    offset = x.offset if storage_offset is None else storage_offset
    try:
        return Strided(x.storage, tuple(size), tuple(stride), offset)
    except ValueError as error:
        raise ViewError(str(error)) from error


def at_least(x: Strided, count: int) -> Strided:
    """Return the view with at least 1, 2 or 3 dimensions (torch.atleast_1d, atleast_2d, atleast_3d).

    A vector becomes one row of a matrix, and the middle dimension of three; a matrix gets its third dimension last.
    """
    for ndim in range(x.ndim, count):
        x = unsqueeze(x, -1 if ndim == 2 else 0)
    return x
