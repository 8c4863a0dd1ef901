"""Views of parts that together make up a tensor: split, chunk, tensor_split and their relatives, unbind."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops.views import ViewError, narrow, select, sliced, wrap

Pieces = tuple[Strided, ...]


def _dimension(x: Strided, dim: int) -> tuple[int, int]:
    """Return a dimension counted from the front, and its size."""
    if not x.ndim:
        raise ViewError("a tensor without dimensions has no parts")
    place = wrap(dim, x.ndim)
    return place, x.size[place]


def _lengths(x: Strided, dim: int, lengths: Sequence[int]) -> Pieces:
    starts = itertools.accumulate(lengths, initial=0)
    return tuple(narrow(x, dim, start, length) for start, length in zip(starts, lengths, strict=False))


def split(x: Strided, sizes: int | Sequence[int], dim: int = 0) -> Pieces:
    """Return pieces of one size, the last one maybe smaller, or of the sizes given (torch.split)."""
    place, extent = _dimension(x, dim)
    if not isinstance(sizes, int):
        if min(sizes, default=0) < 0 or sum(sizes) != extent:
            raise ViewError(f"pieces of {tuple(sizes)} from a dimension of size {extent}")
        return _lengths(x, place, sizes)
    if sizes < 0 or (sizes == 0 and extent):
        raise ViewError(f"pieces of {sizes}")
    if not extent:
        return (narrow(x, place, 0, 0),)
    return _lengths(x, place, [min(sizes, extent - start) for start in range(0, extent, sizes)])


def chunk(x: Strided, chunks: int, dim: int = 0) -> Pieces:
    """Return at most `chunks` pieces of one size, the last one maybe smaller (torch.chunk).

    A dimension of size 0 gives no documented number of pieces and is refused with ValueError.
    """
    place, extent = _dimension(x, dim)
    if chunks < 1:
        raise ViewError(f"{chunks} chunks")
    if not extent:
        raise ValueError("chunks of nothing")
    return split(x, -(-extent // chunks), place)


def tensor_split(x: Strided, sections: int | Sequence[int], dim: int = 0) -> Pieces:
    """Return pieces as equal as can be, larger ones first, or those between positions (torch.tensor_split)."""
    place, extent = _dimension(x, dim)
    if isinstance(sections, int):
        if sections < 1:
            raise ViewError(f"{sections} sections")
        size, larger = divmod(extent, sections)
        return _lengths(x, place, [size + 1] * larger + [size] * (sections - larger))
    ends = [0, *sections, extent]
    return tuple(sliced(x, place, slice(begin, end)) for begin, end in itertools.pairwise(ends))


def directional_split(x: Strided, direction: str, sections: int | Sequence[int]) -> Pieces:
    """Return pieces along one direction: h (dimension 1, or the only one), v (0) or d (2) (torch.hsplit, ...).

    Raises:
        ViewError: For too few dimensions, or a number of sections that does not divide the size.
    """
    if x.ndim < {"h": 1, "v": 2, "d": 3}[direction]:
        raise ViewError(f"{direction}split of a tensor with {x.ndim} dimensions")
    dim = {"h": min(x.ndim - 1, 1), "v": 0, "d": 2}[direction]
    if isinstance(sections, int) and (sections < 1 or x.size[dim] % sections):
        raise ViewError(f"{sections} equal sections of a dimension of size {x.size[dim]}")
    return tensor_split(x, sections, dim)


def unbind(x: Strided, dim: int = 0) -> Pieces:
    """Return the view at each position of a dimension (torch.unbind)."""
    if not x.ndim:
        raise IndexError("a tensor without dimensions has none to take")
    place = wrap(dim, x.ndim)
    return tuple(select(x, place, index) for index in range(x.size[place]))
