"""Views of another size: the condition of torch.Tensor.view, and everything that rests on it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops.views import Size, ViewError, wrap


def infer(size: Sequence[int], numel: int) -> Size:
    """Return a size with its -1 replaced by what gives `numel` elements.

    Raises:
        ViewError: When there is no such size, or more than one.
    """
    unknown = [place for place, extent in enumerate(size) if extent == -1]
    if len(unknown) > 1 or any(extent < -1 for extent in size):
        raise ViewError(f"size {tuple(size)}")
    known = math.prod(extent for extent in size if extent != -1)
    if not unknown:
        if known != numel:
            raise ViewError(f"size {tuple(size)} for {numel} elements")
        return tuple(size)
    if known == 0 or numel % known:
        raise ViewError(f"size {tuple(size)} for {numel} elements")
    return tuple(numel // known if extent == -1 else extent for extent in size)


def runs(x: Strided) -> list[tuple[int, int]]:
    """Return (elements, stride of the last) of each longest run of dimensions that one dimension can span.

    Neighbours d and d + 1 belong together where stride[d] = stride[d + 1] * size[d + 1], as torch.Tensor.view
    documents it. Dimensions of size 1 lead to no address, so that they neither join nor part.
    """
    found: list[tuple[int, int]] = []
    for extent, step in zip(x.size, x.stride, strict=True):
        if extent == 1:
            continue
        if found and found[-1][1] == step * extent:
            found[-1] = (found[-1][0] * extent, step)
        else:
            found.append((extent, step))
    return found


def view(x: Strided, size: Sequence[int]) -> Strided:
    """Return the view of another size (torch.Tensor.view).

    Raises:
        ViewError: Unless each new dimension lies within one run of old ones, or for a size of other elements.
    """
    target = infer(size, x.numel)
    if not x.numel:
        return Strided(x.storage, target, row_major(target), x.offset)
    places = [place for place, extent in enumerate(target) if extent != 1]
    stride = list(row_major(target))
    for elements, step in reversed(runs(x)):
        left = elements
        while left > 1:
            place = places.pop()
            if left % target[place]:
                raise ViewError(f"dimension {place} of {target} spans dimensions of {x.size} with a gap between")
            stride[place] = step * (elements // left)
            left //= target[place]
    return Strided(x.storage, target, tuple(stride), x.offset)


def copy(x: Strided) -> Strided:
    """Return a contiguous tensor with a storage of its own."""
    return Strided.from_array(x.values())


def reshape(x: Strided, size: Sequence[int]) -> Strided:
    """Return a view of another size where there is one, else a contiguous copy (torch.reshape)."""
    target = infer(size, x.numel)
    try:
        return view(x, target)
    except ViewError:
        return Strided.from_array(x.values().reshape(target))


def flatten(x: Strided, start_dim: int = 0, end_dim: int = -1) -> Strided:
    """Return x with a range of dimensions made one: x itself, a view, or a copy (torch.flatten)."""
    first, last = wrap(start_dim, x.ndim), wrap(end_dim, x.ndim)
    if first > last:
        raise ViewError(f"dimension {first} comes after {last}")
    if not x.ndim:
        return view(x, (1,))
    if first == last:
        return x
    return reshape(x, (*x.size[:first], math.prod(x.size[first : last + 1]), *x.size[last + 1 :]))


def ravel(x: Strided) -> Strided:
    """Return the elements in one contiguous dimension, copied only if needed (torch.ravel)."""
    flat = reshape(x, (-1,))
    return flat if flat.is_contiguous() else copy(flat)


def unflatten(x: Strided, dim: int, sizes: Sequence[int]) -> Strided:
    """Return the view with one dimension made several (torch.unflatten)."""
    place = wrap(dim, x.ndim)
    if not sizes:
        raise ViewError("no sizes")
    inner = infer(sizes, x.size[place])
    steps = tuple(step * x.stride[place] for step in row_major(inner))
    size = (*x.size[:place], *inner, *x.size[place + 1 :])
    return Strided(x.storage, size, (*x.stride[:place], *steps, *x.stride[place + 1 :]), x.offset)


def repeat(x: Strided, repeats: Sequence[int]) -> Strided:
    """Return a copy with x repeated along each dimension (torch.Tensor.repeat)."""
    added = len(repeats) - x.ndim
    if added < 0 or min(repeats, default=0) < 0:
        raise ViewError(f"repeats {tuple(repeats)} for a tensor with {x.ndim} dimensions")
    values = x.values().reshape((1,) * added + x.size)
    for dim, count in enumerate(repeats):
        pieces = list(range(values.shape[dim])) * count
        values = values.take(pieces, axis=dim)
    return Strided.from_array(values)


def tile(x: Strided, dims: Sequence[int]) -> Strided:
    """Return a copy with x repeated, missing repetitions being ones in front (torch.tile)."""
    return repeat(x, (*(1,) * (x.ndim - len(dims)), *dims))
