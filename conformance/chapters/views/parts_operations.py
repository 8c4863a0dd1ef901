"""The operations of chapter views that give a part of a tensor: narrow, select, slices, diagonal, unfold."""

from __future__ import annotations

from typing import Any

import numpy as np

from torch_conformance.conformance.judging.operations import Arguments, Row, invalid_dims, valid_dims
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import views, views_size

Generator = np.random.Generator


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
        bad = [(0, extent + 1), (extent + 1, 0), (0, -1), (extent, 1), (extent + 1, 1)]
        # Versions differ on which of two things is wrong where a dimension has no positions.
        bad += [(-extent - 1, 1), (1, extent)] if extent else []
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
        bad = [(extent + 1, 1), (min(extent, 1), 0), (min(extent, 1), -1)]
        # Torch 2.0 makes tensors of negative sizes where another size is 0.
        bad += [(-1, 1)] if x.numel else []
        found += [{"dimension": dim, "size": size, "step": step} for size, step in bad]
    return found


UNFOLD = Row(
    spellings=("x.unfold(dimension, size, step)", "x.unfold(dimension=dimension, size=size, step=step)"),
    answer=views.unfold,
    candidates=_windows,
    refused=_bad_windows,
)

PARTS: dict[str, tuple[Row, ...]] = {
    "narrow": (NARROW,),
    "narrow-copy": (NARROW_COPY,),
    "select": (SELECT,),
    "slice": (SLICE,),
    "diagonal": DIAGONAL,
    "unfold": (UNFOLD,),
}
