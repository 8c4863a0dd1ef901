"""Clauses on split, chunk, tensor_split, hsplit, vsplit, dsplit and unbind: the values of the pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.index_expressions import (
    MANY,
    STANDING_WITH_DIMENSIONS,
    WITH_DIMENSIONS,
    Choices,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import joining

Array = npt.NDArray[Any]

_PIECES = tuple(f"y[{place}]" for place in range(24))


def _judge(trial: Trial, spellings: tuple[str, ...], pieces: list[Array]) -> None:
    """Compare the number of pieces of each spelling, and every piece of a short list."""
    for spelling in spellings:
        trial.run(f"y = {spelling}")
        trial.expect_equal("(type(y), len(y))", (tuple, len(pieces)))
        for expression, piece in zip(_PIECES, pieces, strict=False):
            trial.expect(expression, piece)


def _some(spellings: tuple[str, ...], x: Strided, recipe: Recipe, dim: int) -> tuple[str, ...]:
    """Return every spelling for a small tensor, and where a dimension is the first, those that leave it out."""
    given_dim = tuple(each for each in spellings if dim == 0 or "dim" in each or "back" in each)
    return given_dim if x.numel < MANY else (given_dim[recipe.codes[3] % len(given_dim)],)


_SPLIT = (
    "torch.split(x, length, dim)",
    "x.split(length, back)",
    "torch.split(x, split_size_or_sections=length, dim=back)",
    "torch.split(tensor=x, split_size_or_sections=length, dim=dim)",
    "x.split(split_size=length, dim=dim)",
    "x.split(length)",
    "torch.split(x, length)",
)


@clause("joining.split.cuts-pieces-of-one-length")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_split(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        extent = x.size[dim]
        length = 1 + choices.pick(min(extent, 200) + 2) if extent < 20 else 1 + extent // (2 + choices.pick(9))
        pieces = joining.pieces(x.array, joining.split_lengths(extent, length), dim)
        trial = cell.trial(x=x, dim=dim, back=dim - x.ndim, length=length)
        _judge(trial, _some(_SPLIT, x, recipe, dim), pieces)


_SECTIONS = (
    "torch.split(x, lengths, dim)",
    "x.split(lengths, back)",
    "torch.split(x, tuple(lengths), dim=dim)",
    "x.split(split_size=lengths, dim=back)",
    "torch.split_with_sizes(x, lengths, dim)",
    "x.split_with_sizes(lengths, dim=back)",
    "x.split(lengths)",
)


def _lengths(extent: int, choices: Choices) -> list[int]:
    """Return lengths, 0 among them, that add up to an extent."""
    found, left = [], extent
    for _ in range(choices.pick(5)):
        length = choices.pick(left + 1) if left < 200 else left // 3 + choices.pick(40)
        found.append(length)
        left -= length
    return [*found, left]


@clause("joining.split.cuts-pieces-of-given-lengths")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_split_with_sizes(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        lengths = _lengths(x.size[dim], choices)
        trial = cell.trial(x=x, dim=dim, back=dim - x.ndim, lengths=lengths)
        _judge(trial, _some(_SECTIONS, x, recipe, dim), joining.pieces(x.array, lengths, dim))


_CHUNK = (
    "torch.chunk(x, chunks, dim)",
    "x.chunk(chunks, back)",
    "torch.chunk(input=x, chunks=chunks, dim=back)",
    "x.chunk(chunks=chunks, dim=dim)",
    "x.chunk(chunks)",
    "torch.chunk(x, chunks)",
)


@clause("joining.chunk.cuts-at-most-so-many-pieces")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_chunk(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim, chunks = choices.pick(x.ndim), 1 + choices.pick(9)
        pieces = joining.pieces(x.array, joining.chunk_lengths(x.size[dim], chunks), dim)
        trial = cell.trial(x=x, dim=dim, back=dim - x.ndim, chunks=chunks)
        _judge(trial, _some(_CHUNK, x, recipe, dim), pieces)


@clause("joining.chunk.counts-for-every-extent")
def test_chunk_counts(cell: Cell) -> None:
    for extent in range(30):
        x = np.arange(extent, dtype=np.int64)
        trial = cell.trial(x=Strided.from_array(x), counts=list(range(1, 34)))
        lengths = [joining.chunk_lengths(extent, chunks) for chunks in range(1, 34)]
        trial.expect_equal("[[len(y) for y in torch.chunk(x, n)] for n in counts]", lengths)
        trial.expect_equal("[[len(y) for y in x.chunk(n, -1)] for n in counts]", lengths)
        lengths = [joining.split_lengths(extent, length) for length in range(1, 34)]
        trial.expect_equal("[[len(y) for y in torch.split(x, n)] for n in counts]", lengths)
        lengths = [joining.section_lengths(extent, sections) for sections in range(1, 34)]
        trial.expect_equal("[[len(y) for y in torch.tensor_split(x, n)] for n in counts]", lengths)


_TENSOR_SPLIT = (
    "torch.tensor_split(x, sections, dim)",
    "x.tensor_split(sections, back)",
    "torch.tensor_split(x, sections, dim=dim)",
    "x.tensor_split(sections, dim=back)",
    "torch.tensor_split(x, torch.tensor(sections), dim)",
    "x.tensor_split(sections)",
)
_AT_INDICES = (
    "torch.tensor_split(x, indices, dim)",
    "x.tensor_split(tuple(indices), back)",
    "torch.tensor_split(x, tuple(indices), dim=dim)",
    "x.tensor_split(indices, dim=back)",
    "torch.tensor_split(x, torch.tensor(indices, dtype=torch.int64), dim)",
    "x.tensor_split(indices)",
)


@clause("joining.tensor-split.cuts-so-many-pieces")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_tensor_split(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim, sections = choices.pick(x.ndim), 1 + choices.pick(9)
        pieces = joining.pieces(x.array, joining.section_lengths(x.size[dim], sections), dim)
        trial = cell.trial(x=x, dim=dim, back=dim - x.ndim, sections=sections)
        _judge(trial, _some(_TENSOR_SPLIT, x, recipe, dim), pieces)


@clause("joining.tensor-split.cuts-at-indices")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_tensor_split_at_indices(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        reach = min(x.size[dim] + 2, 200)
        indices = [choices.pick(2 * reach + 1) - reach for _ in range(choices.pick(4))]
        trial = cell.trial(x=x, dim=dim, back=dim - x.ndim, indices=indices)
        _judge(trial, _some(_AT_INDICES, x, recipe, dim), joining.at_indices(x.array, indices, dim))


_EVENLY = {
    "hsplit": ("torch.hsplit(x, n)", "x.hsplit(n)"),
    "vsplit": ("torch.vsplit(x, n)", "x.vsplit(n)"),
    "dsplit": ("torch.dsplit(x, n)", "x.dsplit(n)"),
}


@clause("joining.*.cuts-along-its-dimension")
def test_cuts_along_its_dimension(cell: Cell) -> None:
    subject, generator = cell.clause.subject, cell.generator()
    for size in ((6,), (12, 6), (6, 4), (4, 6, 12), (2, 12, 6), (0, 6, 6), (12, 3, 6, 2)):
        dim = {"hsplit": 1 if len(size) > 1 else 0, "vsplit": 0, "dsplit": 2}[subject]
        if len(size) < {"hsplit": 1, "vsplit": 2, "dsplit": 3}[subject]:
            continue
        x = generator.integers(0, 100, size).astype(np.int32)
        for layout in (Strided.from_array(x), Strided(x.T.ravel(), size, _transposed(size))):
            values = layout.array
            for sections in (1, 2, 3, 6):
                if size[dim] % sections == 0:
                    lengths = joining.section_lengths(size[dim], sections)
                    _judge(cell.trial(x=layout, n=sections), _EVENLY[subject], joining.pieces(values, lengths, dim))
            for indices in ([], [2], [1, 3], [-2, 9], [4, 1]):
                expected = joining.at_indices(values, indices, dim)
                _judge(cell.trial(x=layout, n=indices), _EVENLY[subject], expected)


def _transposed(size: tuple[int, ...]) -> tuple[int, ...]:
    strides = [1]
    for extent in size[:-1]:
        strides.append(strides[-1] * max(extent, 1))
    return tuple(strides)


_UNBIND = (
    "torch.unbind(x, dim)",
    "x.unbind(back)",
    "torch.unbind(input=x, dim=back)",
    "x.unbind(dim=dim)",
    "x.unbind()",
)


@clause("joining.unbind.takes-the-slices-apart")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_unbind(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        if x.size[dim] > 1_100:
            dim = int(np.argmin(x.size))
        if x.size[dim] > 1_100:
            continue
        pieces = [np.asarray(each) for each in np.moveaxis(x.array, dim, 0)]
        trial = cell.trial(x=x, dim=dim, back=dim - x.ndim)
        _judge(trial, _some(_UNBIND, x, recipe, dim), pieces)
        trial.expect_equal("len(torch.unbind(x, dim))", len(pieces))


@clause("joining.split.is-undone-by-cat")
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_split_is_undone_by_cat(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor("float32"), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        trial = cell.trial(x=x, dim=dim, length=1 + x.size[dim] // (1 + choices.pick(7)), chunks=1 + choices.pick(7))
        trial.expect("torch.cat(torch.split(x, length, dim), dim)", x)
        trial.expect("torch.cat(torch.chunk(x, chunks, dim), dim)", x)
        trial.expect("torch.cat(torch.tensor_split(x, chunks, dim), dim)", x)
        if 0 < x.size[dim] < 1_100:
            trial.expect("torch.stack(torch.unbind(x, dim), dim)", x)


@clause("joining.split.refuses-what-does-not-fit")
def test_split_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(x=Strided.from_array(x), s=Strided.from_array(np.zeros((), dtype=np.float32)))
    for statement in (
        *("torch.split(x, 0)", "x.split(-1)", "torch.split(x, [1, 1])", "x.split([2, 2], 0)", "x.split([5, -1], 1)"),
        *(
            "torch.split(x, 2, 2)",
            "x.split(2, -3)",
            "torch.split(s, 1)",
            "x.split([4], dim=2)",
            "x.split_with_sizes([1, 1, 1, 1])",
        ),
        *("torch.chunk(x, 0)", "x.chunk(-2)", "torch.chunk(x, 2, 2)", "torch.chunk(s, 1)", "x.chunk(2, dim=-3)"),
        *("torch.tensor_split(x, 0)", "x.tensor_split(-1)", "x.tensor_split(2, 2)", "torch.tensor_split(s, 1)"),
        *("x.tensor_split(torch.tensor(1.5))", "x.tensor_split([1], dim=-3)"),
        *("torch.hsplit(x, 3)", "x.vsplit(2)", "torch.dsplit(x, 1)", "torch.hsplit(s, 1)", "torch.vsplit(x[0], 1)"),
        *("torch.unbind(s)", "x.unbind(2)", "torch.unbind(x, -3)"),
    ):
        trial.expect_error(statement, RuntimeError, IndexError)
    trial.expect("x", x)
    trial.expect("x.split([1, 2])[1]", x[1:].copy())
