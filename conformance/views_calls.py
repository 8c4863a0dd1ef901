"""The operations of chapter views that give one tensor: view, expand, narrow, select, diagonal, unfold, and others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch_conformance.conformance.pieces_calls import PIECES
from torch_conformance.conformance.view_calls import (
    Arguments,
    Row,
    invalid_dims,
    other_sizes,
    refused_sizes,
    some,
    valid_dims,
    with_unknown,
)
from torch_conformance.reference import views, views_memory, views_size
from torch_conformance.reference.strided import Strided
from torch_conformance.reference.views import ViewError

Generator = np.random.Generator


def is_viewable(x: Strided, size: tuple[int, ...]) -> bool:
    """Whether the model has a view of this size."""
    try:
        views_size.view(x, size)
    except ViewError:
        return False
    return True


def _view_sizes(x: Strided, rng: Generator) -> list[Arguments]:
    sizes = some(rng, [size for size in other_sizes(x, rng) if is_viewable(x, size)], 8)
    return [{"size": with_unknown(size, rng) if place % 3 == 0 else size} for place, size in enumerate(sizes)]


def impossible_views(x: Strided, rng: Generator) -> list[Arguments]:
    """Return sizes of the right number of elements that the strides of x do not allow."""
    sizes = some(rng, [size for size in other_sizes(x, rng) if not is_viewable(x, size)], 8)
    return [{"size": with_unknown(size, rng) if place % 3 == 0 else size} for place, size in enumerate(sizes)]


def _bad_sizes(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"size": size} for size in refused_sizes(x)]


def _view_targets(x: Strided, rng: Generator) -> list[Arguments]:
    return [{"size": size} for size in some(rng, other_sizes(x, rng), 6) if is_viewable(x, size)]


VIEW = (
    Row(
        spellings=(
            *("x.view(size)", "x.view(*size)", "x.view(list(size))", "x.view(torch.Size(size))"),
            "torch.Tensor.view(x, size)",
        ),
        answer=views_size.view,
        candidates=_view_sizes,
        refused=_bad_sizes,
    ),
    Row(("x.view_as(torch.empty(size, device=device))",), views_size.view, _view_targets),
)


def _expansions(x: Strided, rng: Generator) -> list[tuple[int, ...]]:
    """Return sizes without -1 that x can be expanded to."""
    found = []
    for lead in ((), (), (2,), (3, 1), (1,), (0,)):
        grown = tuple(int(rng.integers(0, 5)) if extent == 1 else extent for extent in x.size)
        found += [(*lead, *grown)]
    found += [(1, *x.size), (*(2,), *(3 if extent == 1 else extent for extent in x.size))]
    return [each for each in dict.fromkeys(found) if math.prod(each) <= 200_000]


def _with_minus_one(x: Strided, rng: Generator) -> list[Arguments]:
    """Return sizes with -1 for some of the dimensions that x has."""
    found = []
    for size in _expansions(x, rng):
        added = len(size) - x.ndim
        keep = rng.integers(0, 2, len(size))
        size_of = tuple(-1 if keep[i] and i >= added else extent for i, extent in enumerate(size))
        found += [{"size": size_of}]
    return found


def _bad_expansions(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    found: list[tuple[int, ...]] = [(-1, *x.size), (2, -1, *x.size)]
    for dim, extent in enumerate(x.size):
        wrong = (extent + 1,) if extent != 1 else ()
        # Torch makes tensors of negative sizes where another size is 0.
        wrong += (-2,) if x.numel else ()
        found += [(*x.size[:dim], each, *x.size[dim + 1 :]) for each in wrong]
    found += [x.size[1:]] if x.ndim else []
    return [{"size": size} for size in found]


def _expansion_targets(x: Strided, rng: Generator) -> list[Arguments]:
    return [{"size": size} for size in _expansions(x, rng)]


def _bad_expansion_targets(x: Strided, rng: Generator) -> list[Arguments]:
    return [each for each in _bad_expansions(x, rng) if min(each["size"], default=0) >= 0]


EXPAND = (
    Row(
        spellings=(
            *("x.expand(size)", "x.expand(*size)", "x.expand(list(size))", "x.expand(torch.Size(size))"),
            *("torch.broadcast_to(x, size)", "x.broadcast_to(size)"),
        ),
        answer=views.expand,
        candidates=_with_minus_one,
        refused=_bad_expansions,
    ),
    Row(
        spellings=(
            *("x.expand_as(torch.empty(size, device=device))", "x.expand_as(other=torch.empty(size, device=device))"),
            *("torch.broadcast_to(x, list(size))", "x.broadcast_to(torch.Size(size))"),
            "torch.broadcast_tensors(torch.empty(size, device=device), x)[1]",
        ),
        answer=views.expand,
        candidates=_expansion_targets,
    ),
    Row(
        spellings=("x.expand_as(torch.empty(size, device=device))",),
        answer=views.expand,
        candidates=lambda x, rng: [],  # noqa: ARG005
        refused=_bad_expansion_targets,
    ),
)


def _narrowings(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim in valid_dims(x.ndim) if x.ndim else ():
        extent = x.size[dim]
        starts = [0, extent, *(int(start) for start in rng.integers(0, extent + 1, 2))]
        for start in starts:
            length = int(rng.integers(0, extent - start + 1))
            found += [{"dim": dim, "start": start, "length": each} for each in {length, extent - start}]
            if start < extent:
                found += [{"dim": dim, "start": start - extent, "length": length}]
    return found


def _bad_narrowings(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if not x.ndim:
        return [{"dim": 0, "start": 0, "length": 1}]
    found = [{"dim": dim, "start": 0, "length": 0} for dim in invalid_dims(x.ndim)]
    for dim, extent in enumerate(x.size):
        bad = ((0, extent + 1), (extent + 1, 0), (-extent - 1, 1), (0, -1), (extent, 1), (1, extent), (extent + 1, 1))
        found += [{"dim": dim, "start": start, "length": length} for start, length in bad]
    return found


NARROW = Row(
    spellings=(
        *("torch.narrow(x, dim, start, length)", "x.narrow(dim, start, length)"),
        *("torch.narrow(x, dim=dim, start=start, length=length)", "x.narrow(dim=dim, start=start, length=length)"),
        *("x.narrow(dim, torch.tensor(start), length)", "torch.narrow(x, dim, torch.tensor(start), length)"),
        "torch.narrow(input=x, dim=dim, start=start, length=length)",
    ),
    answer=views.narrow,
    candidates=_narrowings,
    refused=_bad_narrowings,
    exact=True,
)


def _copied(x: Strided, dim: int, start: int, length: int) -> Strided:
    return views_size.copy(views.narrow(x, dim, start, length))


NARROW_COPY = Row(
    spellings=(
        *("torch.narrow_copy(x, dim, start, length)", "x.narrow_copy(dim, start, length)"),
        "torch.narrow_copy(x, dim=dim, start=start, length=length)",
        "x.narrow_copy(dim=dim, start=start, length=length)",
    ),
    answer=_copied,
    candidates=_narrowings,
    refused=_bad_narrowings,
    refusals=(IndexError, RuntimeError),
)


def _positions(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim in valid_dims(x.ndim) if x.ndim else ():
        extent = x.size[dim]
        if extent:
            found += [{"dim": dim, "index": index} for index in (0, extent - 1, -1, -extent)]
            found += [{"dim": dim, "index": int(rng.integers(-extent, extent))}]
    return found


def _bad_positions(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if not x.ndim:
        return [{"dim": dim, "index": index} for dim in (0, -1, 1) for index in (0, -1)]
    # A dimension that does not exist is not the only thing wrong where no position exists either.
    found = [{"dim": dim, "index": 0} for dim in invalid_dims(x.ndim)]
    for dim, extent in enumerate(x.size):
        found += [{"dim": dim, "index": index} for index in (extent, -extent - 1, extent + 9)]
    return found


SELECT = Row(
    spellings=(
        *("torch.select(x, dim, index)", "x.select(dim, index)", "torch.select(x, dim=dim, index=index)"),
        *("x.select(dim=dim, index=index)", "torch.select(input=x, dim=dim, index=index)"),
    ),
    answer=views.select,
    candidates=_positions,
    refused=_bad_positions,
    exact=True,
)


def _slices(x: Strided, rng: Generator) -> list[Arguments]:
    if not x.ndim:
        return []
    found: list[Arguments] = []
    for _ in range(4):
        index = []
        for extent in x.size:
            ends = [None if end == extent + 2 else int(end) for end in rng.integers(-extent - 2, extent + 3, 2)]
            index += [slice(ends[0], ends[1], (None, 1, 2, 3)[int(rng.integers(4))])]
        found += [{"index": tuple(index)}, {"index": (Ellipsis, index[-1])}, {"index": index[0]}]
    return found


def _sliced(x: Strided, index: Any) -> Strided:
    if isinstance(index, slice):
        return views.sliced(x, 0, index)
    if index[0] is Ellipsis:
        return views.sliced(x, -1, index[1])
    for dim, bounds in enumerate(index):
        x = views.sliced(x, dim, bounds)
    return x


SLICE = Row(("x[index]", "x.__getitem__(index)"), _sliced, _slices)


def _diagonals(x: Strided, rng: Generator) -> list[Arguments]:
    if x.ndim < 2:
        return []
    found = []
    for _ in range(8):
        first, second = (int(dim) for dim in rng.permutation(x.ndim)[:2])
        signs = rng.integers(0, 2, 2) * x.ndim
        reach = max(x.size[first], x.size[second]) + 1
        offset = int(rng.integers(-reach, reach + 1)) if rng.integers(2) else int(rng.integers(-1, 2))
        found += [{"offset": offset, "dim1": first - int(signs[0]), "dim2": second - int(signs[1])}]
    return found


def _bad_diagonals(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if x.ndim < 2:
        return [{"offset": 0, "dim1": 0, "dim2": 1}]
    found = [(0, 0), (-1, x.ndim - 1), *((0, dim) for dim in invalid_dims(x.ndim))]
    found += [(dim, 1) for dim in invalid_dims(x.ndim)]
    return [{"offset": 0, "dim1": first, "dim2": second} for first, second in found]


def _main_diagonals(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"offset": offset} for offset in (0, 1, -1)] if x.ndim >= 2 else []


def _last_diagonals(x: Strided, offset: int) -> Strided:
    return views.diagonal(x, offset, -2, -1)


DIAGONAL = (
    Row(
        spellings=(
            *("torch.diagonal(x, offset, dim1, dim2)", "x.diagonal(offset, dim1, dim2)"),
            *(
                "torch.diagonal(x, offset=offset, dim1=dim1, dim2=dim2)",
                "x.diagonal(dim1=dim1, dim2=dim2, offset=offset)",
            ),
            "torch.linalg.diagonal(x, offset=offset, dim1=dim1, dim2=dim2)",
        ),
        answer=views.diagonal,
        candidates=_diagonals,
        refused=_bad_diagonals,
    ),
    Row(("torch.diagonal(x, offset)", "x.diagonal(offset=offset)"), views.diagonal, _main_diagonals),
    Row(("torch.linalg.diagonal(x, offset=offset)",), _last_diagonals, _main_diagonals),
)


def _windows(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim in valid_dims(x.ndim) if x.ndim else ():
        extent = x.size[dim]
        for size in {min(extent, 2), extent, int(rng.integers(0, min(extent, 6) + 1))}:
            step = int(rng.integers(1, 5)) if extent < 100 else extent // 3
            if size * (extent // step + 1) * x.numel <= 300_000 * max(extent, 1):
                found += [{"dimension": dim, "size": size, "step": step}]
    return found


def _bad_windows(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if not x.ndim:
        return []
    found = [{"dimension": dim, "size": 0, "step": 1} for dim in invalid_dims(x.ndim)]
    for dim, extent in enumerate(x.size):
        bad = ((extent + 1, 1), (min(extent, 1), 0), (min(extent, 1), -1), (-1, 1))
        found += [{"dimension": dim, "size": size, "step": step} for size, step in bad]
    return found


UNFOLD = Row(
    spellings=("x.unfold(dimension, size, step)", "x.unfold(dimension=dimension, size=size, step=step)"),
    answer=views.unfold,
    candidates=_windows,
    refused=_bad_windows,
)


def _layouts(x: Strided, rng: Generator, count: int = 5) -> list[Arguments]:
    """Return sizes, strides and offsets that lie within the storage."""
    found = []
    for _ in range(count):
        room = x.storage.size - 1
        size, stride = [], []
        for _ in range(int(rng.integers(0, 4))):
            extent = int(rng.integers(0, 5))
            step = int(rng.integers(0, max(min(room // max(extent - 1, 1), 40), 0) + 1)) if room > 0 else 0
            room -= max(extent - 1, 0) * step
            size, stride = [*size, extent], [*stride, step]
        if room >= 0:
            offset = int(rng.integers(0, room + 1))
            found += [{"size": tuple(size), "stride": tuple(stride), "storage_offset": offset}]
    return found


def _layouts_at_own_offset(x: Strided, rng: Generator) -> list[Arguments]:
    room = x.storage.size - x.offset
    if room < 1:
        return []
    extent = int(rng.integers(1, min(room, 5) + 1))
    step = int(rng.integers(0, (room - 1) // max(extent - 1, 1) + 1))
    return [{"size": size, "stride": (step,) * len(size)} for size in ((extent,), (), (extent, 1))]


def _bad_layouts(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    length = x.storage.size
    found: list[tuple[Any, Any, int]] = [((2,), (-1,), 0), ((2, 2), (1,), 0), ((1,), (1, 1), 0), ((1,), (1,), -1)]
    found += [((length + 1,), (1,), 0), ((2, 2), (length, 1), 0), ((1,), (1,), length), ((2,), (length + 3,), 0)]
    found += [((), (), length + 2), ((length,), (1,), 1)]
    return [{"size": size, "stride": stride, "storage_offset": offset} for size, stride, offset in found]


AS_STRIDED = (
    Row(
        spellings=(
            *("torch.as_strided(x, size, stride, storage_offset)", "x.as_strided(size, stride, storage_offset)"),
            "torch.as_strided(x, size=size, stride=stride, storage_offset=storage_offset)",
            "x.as_strided(size=size, stride=stride, storage_offset=storage_offset)",
            *("x.as_strided(list(size), list(stride), storage_offset)",),
            "torch.as_strided(x, torch.Size(size), stride, storage_offset=storage_offset)",
        ),
        answer=views.as_strided,
        candidates=_layouts,
        refused=_bad_layouts,
        in_place=(
            *("x.as_strided_(size, stride, storage_offset)", "torch.as_strided_(x, size, stride, storage_offset)"),
            "x.as_strided_(size=size, stride=stride, storage_offset=storage_offset)",
        ),
    ),
    Row(
        spellings=(
            *("torch.as_strided(x, size, stride)", "x.as_strided(size, stride)", "x.as_strided(size, stride, None)"),
            "torch.as_strided(x, size, stride, storage_offset=None)",
        ),
        answer=views.as_strided,
        candidates=_layouts_at_own_offset,
        in_place=("x.as_strided_(size, stride)",),
    ),
)
DETACH = Row(("x.detach()", "torch.detach(x)", "x.data"), lambda x: x, exact=True)
REAL = Row(("x.real", "torch.real(x)", "torch.real(input=x)"), views_memory.real)
IMAG = Row(("x.imag", "torch.imag(x)", "torch.imag(input=x)"), views_memory.imag)
AS_REAL = Row(("torch.view_as_real(x)", "torch.view_as_real(input=x)"), views_memory.view_as_real)
AS_COMPLEX = Row(("torch.view_as_complex(x)", "torch.view_as_complex(input=x)"), views_memory.view_as_complex)

COMPLEX: dict[str, Row] = {"real": REAL, "imag": IMAG, "view-as-real": AS_REAL}
VIEWS: dict[str, tuple[Row, ...]] = {
    "view": VIEW,
    "expand": EXPAND,
    "narrow": (NARROW,),
    "narrow-copy": (NARROW_COPY,),
    "select": (SELECT,),
    "slice": (SLICE,),
    "diagonal": DIAGONAL,
    "unfold": (UNFOLD,),
    "as-strided": AS_STRIDED,
    "detach": (DETACH,),
    **PIECES,
}
