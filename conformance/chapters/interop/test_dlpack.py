"""Tensors handed over through DLPack, between torch and itself and between torch and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import example, given

from torch_conformance.conformance.chapters.interop.interchange import ARRAY, LADDER, SAME, array_inputs, written
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided

_TO_TORCH = (
    "t = torch.from_dlpack(x)",
    "t = torch.from_dlpack(x.__dlpack__())",
    "t = torch.utils.dlpack.from_dlpack(x)",
    "t = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))",
    "t = torch.asarray(x.__dlpack__())",
)


def _free_strides(value: Strided) -> tuple[int, ...]:
    """Return the strides that addresses depend on; DLPack leaves those of dimensions of size 1 open."""
    return tuple(step for extent, step in zip(value.size, value.stride, strict=True) if extent > 1)


def _round_trip(trial: Trial, value: Strided, first: np.ndarray[Any, Any], *, writable: bool) -> None:
    trial.run("import torch.utils.dlpack")
    for statement in _TO_TORCH:
        trial.run(statement)
        trial.expect("t", value)
        if value.numel:
            trial.expect_true("t.data_ptr() == x.data_ptr()", "the memory is shared")
            trial.expect_equal("tuple(s for n, s in zip(t.shape, t.stride()) if n > 1)", _free_strides(value))
    if value.numel and writable:
        trial.run("t.copy_(y)")
        trial.expect("x", first)
        trial.run("x.zero_()")
        trial.expect("t", np.zeros(value.size, first.dtype))


@clause("interop.dlpack.round-trip-shares")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=2))
def test_dlpack_round_trip_shares(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        first = recipe.array(cell.dtype, variant=1)
        trial = cell.trial(x=value, y=Strided.from_array(first))
        _round_trip(trial, value, first, writable=not recipe.overlaps)


@clause("interop.dlpack.carries-*")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=2))
def test_dlpack_carries(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        first = recipe.array(cell.dtype, variant=1)
        trial = cell.trial(x=value, y=Strided.from_array(first))
        _round_trip(trial, value, first, writable=not recipe.overlaps)
        _numpy_reads(cell, recipe)
        if not recipe.overlaps:
            _torch_reads(cell, recipe)


def _numpy_reads(cell: Cell, recipe: Recipe) -> None:
    value = recipe.tensor(cell.dtype, "finite")
    first = recipe.array(cell.dtype, "finite", variant=1)
    # NumPy has no bfloat16: its bits cross as int16.
    carried = "int16" if cell.dtype == "bfloat16" else cell.dtype
    trial = cell.trial(
        x=value,
        y=Strided.from_array(first),
        carrier=getattr(torch, carried),
        wanted=value.values().view(carried),
        written=first.view(carried),
    )
    trial.run(SAME)
    trial.run("h = x.cpu().view(carrier)")
    trial.run("n = np.from_dlpack(h)")
    trial.expect_true("same(n, wanted)", "the array has every element of the tensor")
    if not value.numel:
        return
    trial.expect_true("n.ctypes.data == h.data_ptr()", "the memory is shared")
    if not recipe.overlaps:
        trial.run("h.copy_(y.view(carrier))")
        trial.expect_true("same(n, written)", "the array sees what is written to the tensor")


@clause("interop.dlpack.numpy-reads-tensor")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=2))
def test_dlpack_numpy_reads_tensor(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        _numpy_reads(cell, recipe)


def _torch_reads(cell: Cell, recipe: Recipe) -> None:
    value = recipe.tensor(cell.dtype, "finite")
    first, second = (recipe.array(cell.dtype, "finite", variant=variant) for variant in (1, 2))
    carried = "int16" if cell.dtype == "bfloat16" else cell.dtype
    carrier = Strided(value.storage.view(carried), value.size, value.stride, value.offset)
    trial = cell.trial(
        **array_inputs(carrier),
        first=Strided.from_array(first),
        second=second.view(carried),
        wanted=written(value, first).view(carried),
        untouched=carrier.storage,
        dtype=cell.torch_dtype,
    )
    trial.run(SAME)
    trial.run(ARRAY)
    for statement in ("t = torch.from_dlpack(a).view(dtype)", "t = torch.from_dlpack(a.__dlpack__()).view(dtype)"):
        trial.run(statement)
        trial.expect("t.to(device)", value)
        if not value.numel:
            continue
        trial.expect_true("t.data_ptr() == a.ctypes.data", "the memory is shared")
        trial.expect_equal("tuple(s for n, s in zip(t.shape, t.stride()) if n > 1)", _free_strides(value))
        trial.run("t.copy_(first)")
        trial.expect_true("same(base, wanted)", "the array's memory holds what was written to the tensor")
        trial.run("a[...] = second")
        trial.expect("t.to(device)", second)
        trial.run("base[...] = untouched")


@clause("interop.dlpack.tensor-reads-numpy")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), overlapping=False, repeat=2))
def test_dlpack_tensor_reads_numpy(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        _torch_reads(cell, recipe)


_EXPORTS = ("torch.from_dlpack(y)", "y.__dlpack__()", "torch.utils.dlpack.from_dlpack(y)")


@clause("interop.dlpack.refuses-requires-grad")
def test_dlpack_refuses_requires_grad(cell: Cell) -> None:
    for size in ((), (3,), (0,), (2, 3)):
        ones = np.ones(size, numpy_dtype(cell.dtype))
        trial = cell.trial(x=Strided.from_array(ones))
        trial.run("import torch.utils.dlpack")
        for making in (
            "y = x.clone().requires_grad_()",
            "y = x.clone().requires_grad_() * 2",
            "y = x.clone().requires_grad_()[...]",
        ):
            trial.run(making)
            for statement in _EXPORTS:
                trial.expect_error(statement, BufferError, RuntimeError)
            trial.expect_error("np.from_dlpack(y.cpu())", BufferError, RuntimeError)
            trial.expect_equal("y.requires_grad", value=True)
        trial.expect("torch.from_dlpack(y.detach())", ones)


@clause("interop.dlpack.refuses-conjugate")
def test_dlpack_refuses_conjugate(cell: Cell) -> None:
    for size in ((), (3,), (0,), (2, 3)):
        values = np.full(size, 1 + 2j, numpy_dtype(cell.dtype))
        trial = cell.trial(x=Strided.from_array(values))
        trial.run("import torch.utils.dlpack")
        trial.run("y = x.conj()")
        for statement in _EXPORTS:
            trial.expect_error(statement, BufferError, RuntimeError)
        trial.expect_error("np.from_dlpack(y.cpu())", BufferError, RuntimeError)
        trial.expect("torch.from_dlpack(y.resolve_conj())", values.conj())


@clause("interop.dlpack.names-device")
def test_dlpack_names_device(cell: Cell) -> None:
    device = cell.torch_device
    # Codes of the DLPack standard; a torch for ROCm calls its devices cuda.
    code = {"cpu": 1, "cuda": 10 if torch.version.hip else 2}.get(device.type)
    for size in ((), (3,), (0,), (40_000,)):
        trial = cell.trial(size=size)
        trial.run("kind, index = torch.zeros(size, device=device).__dlpack_device__()")
        if code is not None:
            trial.expect_equal("int(kind)", code)
        trial.expect_equal("index", device.index or 0)
        trial.expect_true("isinstance(kind, int) or int(kind) >= 1", "the kind of device is a number")


@clause("interop.dlpack.copy-true-copies")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "tail"), overlapping=False))
def test_dlpack_copy_true_copies(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value)
        trial.run("t = torch.from_dlpack(x, copy=True)")
        trial.expect("t", value)
        trial.run("t.zero_()")
        trial.expect("x", value)
        trial.run("t = torch.from_dlpack(x, device=x.device, copy=False)")
        trial.expect_true("t.data_ptr() == x.data_ptr()", "copy=False shares the memory")
        trial.run("t = torch.from_dlpack(x, device=x.device, copy=None)")
        trial.expect_true("t.data_ptr() == x.data_ptr()", "copy=None shares the memory where it can")
