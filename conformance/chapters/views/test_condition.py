"""Clauses on when view is possible, and on strides, offsets and contiguity as torch tells them."""

from __future__ import annotations

import itertools
import math

import numpy as np

from torch_conformance.conformance.chapters.views.formats import formatted
from torch_conformance.conformance.chapters.views.whole_operations import VIEW, impossible_views, is_viewable
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.operations import ViewCall, some, valid_dims, with_unknown
from torch_conformance.conformance.judging.views import expect_layout, expect_refused, tensors
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import views_memory, views_size

_VIEWING = ("x.view(size)", "x.view(*size)", "x.view(list(size))", "x.view(torch.Size(size))")
_STEPS = (0, 1, 2, 3, 4, 6, 8, 12)


def _layouts(cell: Cell, count: int) -> list[Strided]:
    """Return tensors of up to four dimensions whose strides are drawn freely, so that some of them merge."""
    rng = cell.generator()
    found = []
    for _ in range(count):
        rank = int(rng.integers(1, 5))
        size = tuple(int(extent) for extent in rng.choice((1, 2, 2, 3, 4), rank))
        stride = [int(step) for step in rng.choice(_STEPS, rank)]
        for dim in range(rank - 2, -1, -1):
            if rng.random() < 0.6:
                stride[dim] = stride[dim + 1] * size[dim + 1]
        offset = int(rng.integers(0, 4))
        length = offset + 1 + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
        found.append(Strided(np.arange(length, dtype=np.int16), size, tuple(stride), offset))
    return found


def _targets(numel: int) -> list[tuple[int, ...]]:
    """Return every size of up to three dimensions with this many elements."""
    extents = [extent for extent in range(1, numel + 1) if numel % extent == 0]
    sizes = [size for rank in (1, 2, 3) for size in itertools.product(extents, repeat=rank)]
    return [size for size in sizes if math.prod(size) == numel]


@clause("views.view.exists-exactly-when-strides-allow")
def test_view_condition(cell: Cell) -> None:
    rng = cell.generator()
    for x in _layouts(cell, 150 if cell.profile.name != "deep" else 3_000):
        possible: list[tuple[int, ...]] = []
        refused: list[tuple[int, ...]] = []
        for size in some(rng, _targets(x.numel), 16):
            (possible if is_viewable(x, size) else refused).append(size)
        trial = cell.trial(x=x, possible=possible, refused=refused)
        for place, size in enumerate(possible):
            trial.run(f"size = possible[{place}]")
            expect_layout(trial, _VIEWING[place % 4], views_size.view(x, size), exact=False)
        for place in range(len(refused)):
            trial.run(f"size = refused[{place}]")
            trial.expect_error(_VIEWING[place % 4], RuntimeError)


@clause("views.view.refuses-what-strides-forbid")
def test_view_refuses(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 150, 20):
        for arguments in some(rng, impossible_views(x, rng), 3):
            expect_refused(cell, x, ViewCall(VIEW[0], arguments, RuntimeError), rng)
            trial = cell.trial(x=x, **arguments)
            trial.expect_equal("x.contiguous().view(size).numel()", x.numel)
            if -1 not in arguments["size"]:
                trial.expect_error("x.view_as(torch.empty(size, device=device))", RuntimeError)


@clause("views.view.infers-one-dimension")
def test_view_infers(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 120, 8):
        sizes = {with_unknown(size, rng) for size in ((x.numel,), (1, x.numel), x.size, (x.numel, 1))}
        for size in sorted(size for size in sizes if is_viewable(x, size)):
            trial = cell.trial(x=x, size=size)
            for spelling in _VIEWING if size else _VIEWING[:1]:
                trial.expect_equal(f"tuple({spelling}.shape)", views_size.infer(size, x.numel))


@clause("views.stride.tells-every-step")
def test_stride(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 170, 8):
        trial = cell.trial(x=x)
        trial.expect_equal("x.stride()", x.stride)
        trial.expect_equal("torch.Tensor.stride(x)", x.stride)
        for dim in valid_dims(x.ndim) if x.ndim else ():
            trial = cell.trial(x=x, dim=dim)
            trial.expect_equal("(x.stride(dim), x.stride(dim=dim))", (x.stride[dim],) * 2)


@clause("views.storage-offset.tells-the-first-place")
def test_storage_offset(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 170, 8):
        trial = cell.trial(x=x, place=x.offset + x.stride[0] if x.ndim and x.size[0] > 1 else x.offset)
        trial.expect_equal("x.storage_offset()", x.offset)
        if x.ndim and x.size[0] > 1:
            trial.expect_equal("x[1].storage_offset()", x.offset + x.stride[0])
            trial.expect_equal("x[1:].storage_offset()", x.offset + x.stride[0])


_ASKING = ("x.is_contiguous()", "x.is_contiguous(memory_format=torch.contiguous_format)")


@clause("views.is-contiguous.follows-the-definition")
def test_is_contiguous(cell: Cell) -> None:
    for x in (*tensors(cell, cell.generator(), 200, 20), *_layouts(cell, 100)):
        if 1 in x.size or not x.numel:
            continue
        trial = cell.trial(x=x)
        for spelling in _ASKING:
            trial.expect_equal(spelling, views_memory.is_contiguous(x))


@clause("views.is-contiguous.ignores-dimensions-of-size-1")
def test_is_contiguous_units(cell: Cell) -> None:
    rng = cell.generator()
    for size in ((1,), (1, 1), (1, 3), (3, 1), (2, 1, 3), (1, 2, 1, 3, 1), (1, 65, 1), (1, 1, 1, 1)):
        for step in (0, 1, 2, 5, 999):
            for inner in (1, 2):
                stride = [step] * len(size)
                expected = inner
                for dim in range(len(size) - 1, -1, -1):
                    if size[dim] != 1:
                        stride[dim] = expected
                        expected *= size[dim]
                length = 1 + sum((extent - 1) * each for extent, each in zip(size, stride, strict=True))
                offset = int(rng.integers(0, 3))
                x = Strided(np.zeros(length + offset, np.float32), size, tuple(stride), offset)
                trial = cell.trial(x=x)
                for spelling in _ASKING:
                    trial.expect_equal(spelling, views_memory.is_contiguous(x))


@clause("views.is-contiguous.holds-without-elements")
def test_is_contiguous_empty(cell: Cell) -> None:
    for size in ((0,), (0, 3), (3, 0), (2, 0, 3), (0, 0), (1, 0), (2, 3, 0, 4)):
        for stride in ((0,) * len(size), (1,) * len(size), (7,) * len(size), tuple(range(len(size), 0, -1))):
            for offset in (0, 3):
                trial = cell.trial(x=Strided(np.zeros(5, np.int8), size, stride, offset))
                for spelling in _ASKING:
                    trial.expect_equal(spelling, True)  # noqa: FBT003
                trial.expect_true("x.contiguous() is x", "a tensor that is contiguous is returned itself")


_FORMATS = ("channels_last", "channels_last_3d")


@clause("views.is-contiguous.knows-channels-last")
def test_is_channels_last(cell: Cell) -> None:
    for x in formatted(cell):
        trial = cell.trial(x=x)
        for name in _FORMATS:
            expected = views_memory.is_contiguous(x, name)
            trial.expect_equal(f"x.is_contiguous(memory_format=torch.{name})", expected)
