"""The operations of chapter views that give the whole tensor: view, expand, as_strided, detach, and complex parts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torch_conformance.conformance.chapters.views.parts_operations import PARTS
from torch_conformance.conformance.chapters.views.pieces_operations import PIECES
from torch_conformance.conformance.judging.operations import (
    Arguments,
    Row,
    other_sizes,
    refused_sizes,
    some,
    with_unknown,
)
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import views, views_memory, views_size
from torch_conformance.reference.ops.views import ViewError

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
        wrong: list[int] = [extent + 1] if extent != 1 else []
        # Torch makes tensors of negative sizes where another size is 0.
        wrong += [-2] if x.numel else []
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


def _layouts(x: Strided, rng: Generator, count: int = 5) -> list[Arguments]:
    """Return sizes, strides and offsets that lie within the storage."""
    found = []
    for _ in range(count):
        room = x.storage.size - 1
        size: list[int] = []
        stride: list[int] = []
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
    **PARTS,
    "as-strided": AS_STRIDED,
    "detach": (DETACH,),
    **PIECES,
}
