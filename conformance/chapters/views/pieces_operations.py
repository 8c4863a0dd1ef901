"""The operations of chapter views that give several tensors: split, chunk, tensor_split, hsplit and others, unbind."""

from __future__ import annotations

from typing import Any

import numpy as np

from torch_conformance.conformance.judging.operations import Arguments, Candidates, Row, invalid_dims, valid_dims
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import views_pieces

Generator = np.random.Generator
_MANY = 300


def _dims(x: Strided) -> list[tuple[int, int]]:
    """Return every dimension, counted from either end, with its size."""
    return [(dim, x.size[dim]) for dim in valid_dims(x.ndim)] if x.ndim else []


def _lengths(extent: int, rng: Generator) -> tuple[int, ...]:
    """Return lengths that add up to `extent`, zero among them now and then."""
    cuts = sorted(int(cut) for cut in rng.integers(0, extent + 1, int(rng.integers(0, 4))))
    return tuple(np.diff([0, *cuts, extent]).tolist())


def _sizes(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim, extent in _dims(x):
        sizes = {1, 2, 3, max(extent, 1), extent + 4, max(extent // 2, 1), max(extent - 1, 1)}
        sizes = {size for size in sizes if extent <= size * _MANY}
        found += [{"sizes": size, "dim": dim} for size in sorted(sizes)]
        found += [{"sizes": _lengths(extent, rng), "dim": dim}]
    return found


def _bad_sizes(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if not x.ndim:
        return [{"sizes": 1, "dim": 0}, {"sizes": 1, "dim": -1}]
    found: list[Arguments] = [{"sizes": 1, "dim": dim} for dim in invalid_dims(x.ndim)]
    for dim, extent in enumerate(x.size):
        bad: tuple[Any, ...] = (-1, -5, (extent, 1), (extent + 1, -1), (*(1,) * min(extent, 9), 5 + extent), (-1,))
        found += [{"sizes": each, "dim": dim} for each in (*bad, *((0,) if extent else ()))]
    return found


_SPLIT_FORMS = (
    *("torch.split(x, sizes, dim)", "x.split(sizes, dim)", "torch.split(x, sizes, dim=dim)", "x.split(sizes, dim=dim)"),
    *("torch.split(tensor=x, split_size_or_sections=sizes, dim=dim)", "x.split(split_size=sizes, dim=dim)"),
)


def _first(candidates: Candidates, name: str = "dim") -> Candidates:
    """Return the candidates for dimension 0, without naming it."""

    def first(x: Strided, rng: Generator) -> list[Arguments]:
        found = [each for each in candidates(x, rng) if each[name] == 0]
        return [{key: value for key, value in each.items() if key != name} for each in found]

    return first


def _listed(x: Strided, rng: Generator) -> list[Arguments]:
    return [{"sizes": _lengths(extent, rng), "dim": dim} for dim, extent in _dims(x)]


SPLIT = (
    Row(_SPLIT_FORMS, views_pieces.split, _sizes, _bad_sizes, exact=True),
    Row(("torch.split(x, sizes)", "x.split(sizes)"), views_pieces.split, _first(_sizes), exact=True),
    Row(
        spellings=("x.split_with_sizes(sizes, dim)", "x.split(list(sizes), dim)", "torch.split(x, list(sizes), dim)"),
        answer=views_pieces.split,
        candidates=_listed,
        exact=True,
    ),
)


def _chunks(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim, extent in _dims(x):
        counts = {1, 2, 3, extent, extent + 2, int(rng.integers(1, extent + 2))}
        found += [{"chunks": count, "dim": dim} for count in sorted(counts) if extent and count <= _MANY]
    return found


def _bad_chunks(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if not x.ndim:
        return [{"chunks": 1, "dim": 0}]
    if not x.numel:
        return []
    found = [{"chunks": 1, "dim": dim} for dim in invalid_dims(x.ndim)]
    return found + [{"chunks": count, "dim": dim} for dim in range(x.ndim) for count in (0, -1, -4)]


CHUNK = (
    Row(
        spellings=(
            *("torch.chunk(x, chunks, dim)", "x.chunk(chunks, dim)", "torch.chunk(x, chunks=chunks, dim=dim)"),
            *("x.chunk(chunks=chunks, dim=dim)", "torch.chunk(input=x, chunks=chunks, dim=dim)"),
        ),
        answer=views_pieces.chunk,
        candidates=_chunks,
        refused=_bad_chunks,
        exact=True,
    ),
    Row(("torch.chunk(x, chunks)", "x.chunk(chunks)"), views_pieces.chunk, _first(_chunks), exact=True),
)


def _sections(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim, extent in _dims(x):
        found += [{"sections": count, "dim": dim} for count in (1, 2, 3, min(extent, 50) + 1, int(rng.integers(1, 9)))]
    return found


def _places(x: Strided, rng: Generator) -> list[Arguments]:
    found: list[Arguments] = []
    for dim, extent in _dims(x):
        for _ in range(3):
            cuts = tuple(int(cut) for cut in rng.integers(-extent - 1, extent + 3, int(rng.integers(1, 4))))
            found += [{"sections": cuts, "dim": dim}, {"sections": tuple(sorted(abs(cut) for cut in cuts)), "dim": dim}]
    return found


def _bad_sections(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    if not x.ndim:
        return [{"sections": 1, "dim": 0}]
    found: list[Arguments] = [{"sections": 2, "dim": dim} for dim in invalid_dims(x.ndim)]
    return found + [{"sections": count, "dim": dim} for dim in range(x.ndim) for count in (0, -1, -3)]


_TENSOR_SPLIT = (
    *("torch.tensor_split(x, sections, dim)", "x.tensor_split(sections, dim)", "x.tensor_split(sections, dim=dim)"),
    *("torch.tensor_split(x, sections, dim=dim)", "torch.tensor_split(x, torch.tensor(sections), dim)"),
    *("x.tensor_split(torch.tensor(sections), dim=dim)",),
)
TENSOR_SPLIT = (
    Row(_TENSOR_SPLIT, views_pieces.tensor_split, _sections, _bad_sections, exact=True),
    Row((*_TENSOR_SPLIT, "torch.tensor_split(x, list(sections), dim)"), views_pieces.tensor_split, _places, exact=True),
    Row(
        spellings=("torch.tensor_split(x, sections)", "x.tensor_split(sections)"),
        answer=views_pieces.tensor_split,
        candidates=_first(_sections),
        exact=True,
    ),
)


def _directional(direction: str) -> Row:
    def answer(x: Strided, sections: Any) -> tuple[Strided, ...]:
        return views_pieces.directional_split(x, direction, sections)

    def candidates(x: Strided, rng: Generator) -> list[Arguments]:
        if x.ndim < {"h": 1, "v": 2, "d": 3}[direction]:
            return []
        extent = x.size[{"h": min(x.ndim - 1, 1), "v": 0, "d": 2}[direction]]
        counts = [count for count in (1, 2, 3, 5, extent) if count and extent % count == 0 and count <= _MANY]
        places = [tuple(int(cut) for cut in rng.integers(-extent - 1, extent + 3, count)) for count in (1, 2, 3)]
        return [{"sections": each} for each in (*counts, *places)]

    def refused(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
        if x.ndim < {"h": 1, "v": 2, "d": 3}[direction]:
            return [{"sections": 1}, {"sections": (1,)}]
        extent = x.size[{"h": min(x.ndim - 1, 1), "v": 0, "d": 2}[direction]]
        return [{"sections": count} for count in (0, extent + 1, extent - 1) if count != 1 and (extent or not count)]

    name = f"{direction}split"
    return Row((f"torch.{name}(x, sections)", f"x.{name}(sections)"), answer, candidates, refused, exact=True)


def _bindings(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim": dim} for dim, extent in _dims(x) if extent <= _MANY]


def _bad_bindings(x: Strided, rng: Generator) -> list[Arguments]:  # noqa: ARG001
    return [{"dim": dim} for dim in (invalid_dims(x.ndim) if x.ndim else (0, -1))]


UNBIND = (
    Row(
        spellings=("torch.unbind(x, dim)", "x.unbind(dim)", "torch.unbind(x, dim=dim)", "x.unbind(dim=dim)"),
        answer=views_pieces.unbind,
        candidates=_bindings,
        refused=_bad_bindings,
        exact=True,
    ),
    Row(("torch.unbind(x)", "x.unbind()", "list(x)"), views_pieces.unbind, _first(_bindings), exact=True),
)

PIECES: dict[str, tuple[Row, ...]] = {
    "split": SPLIT,
    "chunk": CHUNK,
    "tensor-split": TENSOR_SPLIT,
    "directional-split": tuple(_directional(direction) for direction in "hvd"),
    "unbind": UNBIND,
}
