"""Clauses of chapter shape beyond those that all its operations share: size, special cases, worked examples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from hypothesis import given

from torch_conformance.conformance.chapters.shape.operations import ADJOINT, FLATTEN, RAVEL
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging.operations import (
    SMALL_STRUCTURES,
    accepted,
    counting,
    invalid_dims,
    some,
    valid_dims,
)
from torch_conformance.conformance.judging.views import expect_layout, expect_shared, inverted, memory_trial, tensors
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import views, views_size

_RESHAPING = (
    *("torch.reshape(x, size)", "x.reshape(size)", "x.reshape(*size)", "x.reshape(list(size))", "x.view(size)"),
    *("torch.reshape(x, shape=size)", "x.reshape(torch.Size(size))", "x.view(*size)", "x.view(torch.Size(size))"),
)


def _products(numel: int, rank: int) -> list[tuple[int, ...]]:
    """Return every size of a rank with this many elements."""
    if rank == 1:
        return [(numel,)]
    heads = [head for head in range(1, numel + 1) if numel % head == 0] if numel else [0, 1, 2]
    return [(head, *tail) for head in heads for tail in _products(numel // head if head else 0, rank - 1)]


@clause("shape.reshape.infers-one-dimension")
def test_reshape_infers(cell: Cell) -> None:
    for numel in (1, 2, 6, 12, 17, 0):
        x = Strided.from_array(np.arange(numel))
        for rank in (1, 2, 3):
            for size in _products(numel, rank):
                for place in range(rank):
                    if not math.prod(size[:place] + size[place + 1 :]):
                        continue
                    asked = (*size[:place], -1, *size[place + 1 :])
                    trial = cell.trial(x=x, size=asked)
                    for spelling in _RESHAPING:
                        trial.expect_equal(f"tuple({spelling}.shape)", views_size.infer(asked, numel))


@clause("shape.reshape.keeps-row-major-order")
def test_reshape_order(cell: Cell) -> None:
    data = [[10, 20, 30], [40, 50, 60]]
    trial = cell.trial(
        x=Strided.from_array(np.array(data)), x_t=Strided(np.array([10, 40, 20, 50, 30, 60]), (2, 3), (1, 2))
    )
    for name in ("x", "x_t"):
        trial.expect(f"{name}.reshape(1, 6)", np.array([[10, 20, 30, 40, 50, 60]]))
        trial.expect(f"{name}.reshape(3, 2)", np.array([[10, 20], [30, 40], [50, 60]]))
        trial.expect(f"torch.reshape({name}, (6,))", np.array([10, 20, 30, 40, 50, 60]))
        trial.expect(f"{name}.T.reshape(-1)", np.array([10, 40, 20, 50, 30, 60]))
    rng = cell.generator()
    for rank in range(1, 6):
        for _ in range(12):
            size = tuple(int(extent) for extent in rng.integers(1, 5, rank))
            order = tuple(int(dim) for dim in rng.permutation(rank))
            x = views.permute(Strided.from_array(np.arange(math.prod(size)).reshape(size)), order)
            target = tuple(int(extent) for extent in rng.permutation(size))
            trial = cell.trial(x=x, size=target)
            trial.expect("x.reshape(size)", x.values().reshape(target))
            trial.expect("torch.reshape(x, size)", x.values().reshape(target))


@clause("shape.permute.equals-successive-transposes")
def test_permute_is_transposes(cell: Cell) -> None:
    rng = cell.generator()
    for _ in range(60):
        rank = int(rng.integers(2, 6))
        size = tuple(int(extent) for extent in rng.integers(1, 6, rank))
        swaps = [tuple(int(dim) for dim in rng.permutation(rank)[:2]) for _ in range(3)]
        order = list(range(rank))
        for first, second in swaps:
            order[first], order[second] = order[second], order[first]
        x = Strided.from_array(np.arange(math.prod(size), dtype=np.int32).reshape(size))
        expected = views.permute(x, order)
        trial = cell.trial(x=x, swaps=swaps, order=tuple(order))
        trial.run("y = x.transpose(*swaps[0]).transpose(*swaps[1]).transpose(*swaps[2])")
        trial.expect("y", expected)
        trial.expect("x.permute(order)", expected)
        trial.expect("torch.permute(x, order)", expected)
        trial.expect_equal("(y.stride(), x.permute(order).stride())", (expected.stride, expected.stride))


@clause("shape.reversal.reverses-all-dimensions")
def test_reversal(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 80, 3):
        expected = views.permute(x, range(x.ndim - 1, -1, -1))
        trial = memory_trial(cell, x, {})
        expect_layout(trial, "x.T", expected, exact=True)
        trial.expect("y", expected)
        if x.numel:
            expect_shared(trial, x, expected, rng)


@clause("shape.squeeze.leaves-other-dimensions")
def test_squeeze_leaves(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 80, 4):
        others = [dim for dim in valid_dims(x.ndim) if x.ndim and x.size[dim] != 1] if x.ndim else [0, -1]
        for dim in others:
            trial = cell.trial(x=x, dim=dim)
            for spelling in ("torch.squeeze(x, dim)", "x.squeeze(dim)", "x.squeeze((dim,))", "x[...].squeeze_(dim)"):
                expect_layout(trial, spelling, x, exact=True)


def conjugated(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the conjugates of complex elements, and others as they are."""
    return np.conj(array) if array.dtype.kind == "c" else array


@clause("shape.adjoint.conjugates-complex-elements")
@given(sweep=sweeps())
def test_adjoint_conjugates(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for call in accepted(ADJOINT, x, np.random.default_rng(recipe.seed), 1):
            trial = cell.trial(x=x)
            for spelling in call.row.spellings[:1] if x.storage.size > 5_000 else call.row.spellings:
                trial.expect(spelling, conjugated(call.answer.array))


@clause("shape.adjoint.shows-writes-conjugated")
def test_adjoint_memory(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 60, 2):
        for call in accepted(ADJOINT, x, rng, 1) if x.numel else ():
            for spelling in call.row.spellings:
                trial = memory_trial(cell, x, {})
                trial.run(f"y = {spelling}")
                trial.expect_true(
                    "y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()",
                    "the result uses the storage of the tensor",
                )
                trial.run("torch.as_strided(x, (total,), (1,), 0).copy_(fresh)")
                after = Strided(inverted(x.storage), call.answer.size, call.answer.stride, call.answer.offset)
                trial.expect("y", conjugated(after.array))


@clause("shape.flatten.returns-self-when-nothing-is-flattened")
def test_flatten_returns_self(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 100, 4):
        for dim in valid_dims(x.ndim) if x.ndim else ():
            trial = cell.trial(x=x, start_dim=dim, end_dim=dim % x.ndim)
            for spelling in FLATTEN[2].spellings:
                trial.expect_true(f"{spelling} is x", "the original object is returned")
        if x.ndim == 1:
            trial.expect_true("torch.flatten(x) is x and x.flatten() is x", "the original object is returned")


@clause("shape.ravel.is-contiguous")
def test_ravel_is_contiguous(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 150, 8):
        trial = cell.trial(x=x)
        for spelling in RAVEL.spellings:
            trial.run(f"y = {spelling}")
            trial.expect_equal("(tuple(y.shape), y.is_contiguous())", ((x.numel,), True))
            if x.numel > 1:
                trial.expect_equal("y.stride()", (1,))


_TELLING = ("x.shape", "x.size()", "torch.Tensor.size(x)")


@clause("shape.size.tells-every-extent")
def test_size(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 170, 6):
        trial = cell.trial(x=x, size=x.size)
        for spelling in _TELLING:
            trial.expect_equal(spelling, torch.Size(x.size))
        trial.expect_equal("list(x.shape)", list(x.size))
        trial.expect_true("x.shape == size and x.size() == torch.Size(size)", "a size equals the tuple of its numbers")
        for dim in valid_dims(x.ndim) if x.ndim else ():
            extents: tuple[Any, ...] = (x.size[dim],) * 3
            trial = cell.trial(x=x, dim=dim)
            trial.expect_equal("(x.size(dim), x.size(dim=dim), x.shape[dim])", extents)
        if x.ndim:
            trial.expect_equal("len(x)", x.size[0])


@clause("shape.size.refuses-missing-dimensions")
def test_size_refuses(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 60, 1):
        for dim in (0, -1, *invalid_dims(0)) if not x.ndim else invalid_dims(x.ndim):
            trial = cell.trial(x=x, dim=dim)
            for spelling in ("x.size(dim)", "x.size(dim=dim)", "x.shape[dim]", "x.stride(dim)", "x.stride(dim=dim)"):
                trial.expect_error(spelling, IndexError)
            trial.expect_equal("(tuple(x.size()), x.stride())", (x.size, x.stride))


@clause("shape.dim.counts-dimensions")
def test_dim(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 170, 4):
        trial = cell.trial(x=x)
        for spelling in ("x.dim()", "x.ndim", "x.ndimension()", "len(x.shape)", "len(x.stride())"):
            trial.expect_equal(spelling, x.ndim)


@clause("shape.numel.counts-elements")
def test_numel(cell: Cell) -> None:
    for x in tensors(cell, cell.generator(), 170, 10):
        trial = cell.trial(x=x)
        for spelling in ("x.numel()", "torch.numel(x)", "x.nelement()", "x.shape.numel()", "torch.numel(input=x)"):
            trial.expect_equal(spelling, x.numel)


_OTHER_TYPES = (
    *("torch.transpose(x, 0.5, 1)", "x.transpose('0', 1)", "x.transpose(0)", "x.transpose_(0.0, 1)"),
    *("x.permute(0.0, 1.0)", "torch.permute(x, 'ab')", "torch.permute(x)", "x.permute(None)"),
    *("x.reshape(2.0, 3)", "torch.reshape(x, '6')", "torch.reshape(x)", "x.reshape(None)", "x.reshape([1.5])"),
    *("x.unsqueeze(0.0)", "x.unsqueeze()", "torch.unsqueeze(x, None)", "x.unsqueeze_('0')", "torch.unsqueeze(x)"),
    *("x.squeeze(0.5)", "torch.squeeze(x, 1.0)", "x.squeeze_(0.0)", "x.movedim(0.0, 1)", "torch.movedim(x, 0)"),
    *("x.flatten(0.0)", "torch.flatten(x, 0.0, 1)", "torch.flatten(x, 0, end=1)", "x.repeat(1.5, 1)", "x.repeat('2')"),
    *("x.tile(1.5)", "torch.tile(x)", "torch.tile(x, '1')", "x.ravel(0)", "torch.t(x, 1)", "x.t(0)", "x.swapaxes(0)"),
    *("torch.swapdims(x, 0, 1.0)", "torch.moveaxis(x, 'a', 'b')", "x.reshape_as((2, 3))", "x.reshape_as(None)"),
    *("torch.transpose(data, 0, 1)", "torch.reshape(data, (6,))", "torch.squeeze(data)", "torch.permute(data, (1, 0))"),
)


@clause("shape.arguments.refuses-other-types")
def test_other_types(cell: Cell) -> None:
    data = [[1, 2, 3], [4, 5, 6]]
    for x in (Strided.from_array(np.array(data)), Strided(np.arange(8.0), (2, 3), (1, 2), 1)):
        trial = cell.trial(x=x, data=data, total=x.storage.size)
        for spelling in _OTHER_TYPES:
            trial.expect_error(spelling, TypeError)
        trial.expect_equal("(tuple(x.shape), x.stride(), x.storage_offset())", (x.size, x.stride, x.offset))
        trial.expect("torch.as_strided(x, (total,), (1,), 0)", x.storage)
        trial.expect("x.transpose(0, 1).reshape(-1).unsqueeze(0)", x.values().T.reshape(1, -1))


@clause("shape.unsqueeze.agrees-with-squeeze")
def test_unsqueeze_then_squeeze(cell: Cell) -> None:
    rng = cell.generator()
    for x in tensors(cell, rng, 80, 3):
        for dim in some(rng, range(-x.ndim - 1, x.ndim + 1), 4):
            trial = cell.trial(x=x, dim=dim)
            for spelling in ("x.unsqueeze(dim).squeeze(dim)", "torch.squeeze(torch.unsqueeze(x, dim), dim)"):
                expect_layout(trial, spelling, x, exact=True)
                trial.expect("y", x)
            trial.expect_equal("x.unsqueeze(dim).size(dim)", 1)


@clause("shape.flatten.makes-a-vector-of-a-scalar")
def test_flatten_scalar(cell: Cell) -> None:
    rng = cell.generator()
    spellings = (*FLATTEN[0].spellings, *FLATTEN[1].spellings, *FLATTEN[2].spellings, *RAVEL.spellings)
    for structure in (each for each in SMALL_STRUCTURES if each.size == ()):
        x = counting(structure, cell.dtype)
        for start in (0, -1):
            for spelling in spellings:
                trial = memory_trial(cell, x, {"start_dim": start, "end_dim": -1 - start})
                expect_layout(trial, spelling, Strided(x.storage, (1,), row_major((1,)), x.offset), exact=False)
                expect_shared(trial, x, Strided(x.storage, (1,), (1,), x.offset), rng)
