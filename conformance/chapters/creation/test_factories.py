"""Clauses that all creation functions share: sizes, default dtype, device, gradients, layout, memory, out=."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Sweep, structures, sweeps
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import creation

_SIZES: tuple[tuple[int, ...], ...] = ((2, 3), (3, 1), (1, 3), (4, 5, 6), (2, 3, 1, 2), (0, 3), (5,), ())
_SIZED = ("zeros", "ones", "empty", "rand", "randn")
_FORMS = ("size", "list(size)", "torch.Size(size)", "size=size", "*size")


@clause("creation.factories.take-sizes-in-every-form")
@given(sweep=sweeps(repeat=2))
def test_factories_take_sizes_in_every_form(cell: Cell, sweep: Sweep) -> None:
    for number, size in enumerate((*_SIZES, *(recipe.size for recipe in sweep))):
        trial = cell.trial(size=size)
        for form in _FORMS if size else _FORMS[:-1]:
            for name in _SIZED if math.prod(size) < 5_000 else _SIZED[number % 5 :][:1]:
                trial.expect_equal(f"tuple(torch.{name}({form}, device=device).shape)", size)
        for form in _FORMS[:3]:
            trial.expect_equal(f"tuple(torch.full({form}, 1.5, device=device).shape)", size)
            trial.expect_equal(f"tuple(torch.randint(9, {form}, device=device).shape)", size)
            trial.expect_equal(f"tuple(torch.randint(2, 9, {form}, device=device).shape)", size)
        trial.expect_equal("tuple(torch.full(size=size, fill_value=1, device=device).shape)", size)
        trial.expect_equal("tuple(torch.randint(low=0, high=9, size=size, device=device).shape)", size)
        trial.expect_equal("tuple(torch.randint(high=9, size=size, device=device).shape)", size)


# Calls without what follows the positional arguments; each gives a floating tensor of the default dtype.
_FLOATING_CALLS = (
    *("torch.zeros(2, 3{})", "torch.ones(2, 3{})", "torch.empty(2, 3{})", "torch.full((2, 3), 1.5{})"),
    *("torch.rand(2, 3{})", "torch.randn(2, 3{})", "torch.arange(3.0{})", "torch.linspace(0, 1, 3{})"),
    *("torch.logspace(0, 1, 3{})", "torch.eye(3{})", "torch.tensor([1.5, 2]{})", "torch.tensor([]{})"),
    *("torch.tensor(0.5{})", "torch.eye(3, 2{})", "torch.empty_strided((2, 3), (3, 1){})"),
)
_INTEGER_CALLS = (
    *("torch.full((2,), 1{})", "torch.arange(3{})", "torch.tensor(1{})", "torch.randint(9, (2,){})"),
    *("torch.randperm(3{})", "torch.tensor([1, 2]{})", "torch.randint(2, 9, (2,){})"),
)


@clause("creation.factories.use-the-default-dtype")
def test_factories_use_the_default_dtype(cell: Cell) -> None:
    for default in ("float64", "float32"):
        trial = cell.trial(default=TORCH_DTYPES[default])
        trial.run("torch.set_default_dtype(default)")
        for call in _FLOATING_CALLS:
            trial.expect_equal(f"{call.format(', device=device')}.dtype", TORCH_DTYPES[default])
            trial.expect_equal(f"{call.format(', dtype=None, device=device')}.dtype", TORCH_DTYPES[default])
        for call in _INTEGER_CALLS:
            trial.expect_equal(f"{call.format(', device=device')}.dtype", TORCH_DTYPES["int64"])
        trial.run("torch.set_default_dtype(torch.float32)")


_ANY_DTYPE_CALLS = (
    *("torch.zeros(2, 3{})", "torch.ones(2, 3{})", "torch.empty(2, 3{})", "torch.full((2, 3), 1{})"),
    *("torch.tensor([[1, 0], [0, 1]]{})", "torch.empty_strided((2, 3), (3, 1){})", "torch.full((), True{})"),
    *("torch.zeros((){})", "torch.ones(0{})", "torch.tensor(1{})"),
)
_REAL_CALLS = (
    *("torch.arange(3{})", "torch.arange(0, 3.0, 1{})", "torch.linspace(0, 1, 3{})", "torch.randperm(3{})"),
    *("torch.randint(0, 2, (3,){})", "torch.randint(2, (3,){})"),
)
_INEXACT_CALLS = ("torch.rand(2, 3{})", "torch.randn(2, 3{})")


def _calls(dtype: str) -> tuple[str, ...]:
    """Return the calls that take this dtype."""
    inexact = dtypes.is_floating(dtype) or dtypes.is_complex(dtype)
    real = not dtypes.is_complex(dtype) and dtype not in ("bool", "uint16", "uint32", "uint64")
    return _ANY_DTYPE_CALLS + (_REAL_CALLS if real else ()) + (_INEXACT_CALLS if inexact else ())


@clause("creation.factories.take-dtype")
def test_factories_take_dtype(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype)
    for call in _calls(cell.dtype):
        trial.expect_equal(f"{call.format(', dtype=dtype, device=device')}.dtype", cell.torch_dtype)
        trial.expect_equal(f"{call.format(', device=device, dtype=dtype')}.dtype", cell.torch_dtype)


@clause("creation.factories.take-requires-grad")
def test_factories_take_requires_grad(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype)
    for call in _calls(cell.dtype):
        if "randperm" in call or "randint" in call:
            continue
        trial.run(f"y = {call.format(', dtype=dtype, device=device, requires_grad=True')}")
        trial.expect_true("y.requires_grad and y.is_leaf and y.grad is None", "a leaf that records gradients")
        trial.run(f"y = {call.format(', dtype=dtype, device=device, requires_grad=False')}")
        trial.expect_true("not y.requires_grad and y.is_leaf", "nothing records gradients unless asked")
        trial.run(f"y = {call.format(', dtype=dtype, device=device')}")
        trial.expect_true("not y.requires_grad and y.is_leaf", "nothing records gradients unless asked")


@clause("creation.factories.refuse-gradients-of-integers")
def test_factories_refuse_gradients_of_integers(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype)
    for call in _calls(cell.dtype):
        trial.expect_error(call.format(", dtype=dtype, device=device, requires_grad=True"), RuntimeError)


@clause("creation.factories.take-device")
def test_factories_take_device(cell: Cell) -> None:
    trial = cell.trial()
    calls = dict.fromkeys((*_FLOATING_CALLS, *_INTEGER_CALLS))
    for call in calls:
        # Torch takes seconds to load what these need on meta: too long for the short profiles.
        slow = not cell.profile.exhaustive and ("space" in call or "eye" in call)
        for device in () if slow else ('"meta"', 'torch.device("meta")'):
            trial.expect_equal(f"{call.format(f', device={device}')}.device.type", "meta")
        trial.expect_equal(f"{call.format(', device=device')}.device.type", cell.torch_device.type)
        trial.expect_equal(f"{call.format(', device=str(device)')}.device.type", cell.torch_device.type)
        for device in ("", ', device="cpu"', ", device=None"):
            trial.expect_equal(f"{call.format(device)}.device.type", "cpu")
        if not slow:
            trial.run(f"with torch.device('meta'): y = {call.format('')}")
            trial.expect_equal("y.device.type", "meta")
    trial.run("x = torch.zeros(2, 3, device=device)")
    for name in ("zeros", "ones", "empty", "rand", "randn"):
        trial.expect_equal(f"torch.{name}_like(x).device.type", cell.torch_device.type)
        trial.expect_equal(f"torch.{name}_like(x, device='meta').device.type", "meta")
    for name in ("zeros", "ones", "empty"):
        trial.expect_equal(f"x.new_{name}(2).device.type", cell.torch_device.type)
        trial.expect_equal(f"x.new_{name}(2, device='meta').device.type", "meta")
    trial.expect_equal("torch.full_like(x, 1, device='meta').device.type", "meta")
    trial.expect_equal("x.new_full((2,), 1, device='meta').device.type", "meta")
    trial.expect_equal("x.new_tensor([1], device='meta').device.type", "meta")


@clause("creation.factories.refuse-negative-sizes")
def test_factories_refuse_negative_sizes(cell: Cell) -> None:
    for size in ((-1,), (2, -1), (-3, 2), (0, -1), (-(2**31),), (2, 3, -4)):
        trial = cell.trial(size=size)
        trial.run("x = torch.zeros(2, device=device)")
        for form in _FORMS:
            for name in _SIZED:
                trial.expect_error(f"torch.{name}({form}, device=device)", RuntimeError)
        trial.expect_error("torch.full(size, 1, device=device)", RuntimeError)
        trial.expect_error("torch.randint(9, size, device=device)", RuntimeError)
        trial.expect_error("x.new_zeros(size)", RuntimeError)
        trial.expect_error("x.new_full(size, 1)", RuntimeError)


@clause("creation.factories.are-contiguous")
@given(sweep=sweeps())
def test_factories_are_contiguous(cell: Cell, sweep: Sweep) -> None:
    for size in (*_SIZES, *(recipe.size for recipe in sweep)):
        trial = cell.trial(size=size)
        for call in (
            *("torch.zeros(size{})", "torch.ones(size{})", "torch.full(size, 1.5{})", "torch.empty(size{})"),
            *("torch.rand(size{})", "torch.randn(size{})", "torch.randint(9, size{})"),
        ):
            trial.run(f"y = {call.format(', device=device')}")
            trial.expect_equal("(y.stride(), y.storage_offset())", (row_major(size), 0))
            trial.expect_true("y.is_contiguous()", "a new tensor is contiguous")


@clause("creation.factories.have-memory-of-their-own")
def test_factories_have_memory_of_their_own(cell: Cell) -> None:
    trial = cell.trial()
    for call in (*_FLOATING_CALLS, *_INTEGER_CALLS):
        if "tensor([]" in call:
            continue
        trial.run(f"y = {call.format(', device=device')}")
        trial.run(f"z = {call.format(', device=device')}")
        trial.run("kept = z.clone()")
        trial.expect_true("y.data_ptr() != z.data_ptr()", "two calls give two memories")
        trial.run("y.fill_(1); y.zero_()")
        trial.expect_true("bool(((z == kept) | (z != z)).all())", "writing to one result leaves the other as it was")


_OUT_CALLS: dict[str, tuple[str, ...]] = {
    "zeros": ("torch.zeros(size, out=out)", "torch.zeros(*size, out=out)", "torch.zeros(size, dtype=dtype, out=out)"),
    "ones": ("torch.ones(size, out=out)", "torch.ones(*size, out=out)", "torch.ones(size, dtype=dtype, out=out)"),
    "full": ("torch.full(size, 3, out=out)", "torch.full(size, fill_value=3, dtype=dtype, out=out)"),
    "eye": ("torch.eye(*size, out=out)", "torch.eye(size[0], m=size[1], out=out)"),
    "arange": ("torch.arange(n, out=out)", "torch.arange(0, n, 1, out=out)", "torch.arange(0, n, out=out)"),
    "linspace": ("torch.linspace(0, n - 1, n, out=out)", "torch.linspace(0, n - 1, steps=n, out=out)"),
    "logspace": ("torch.logspace(0, n, n, 1.0, out=out)", "torch.logspace(0, n, steps=n, base=1, out=out)"),
}
_FLAT = ((1,), (2,), (7,), (33,), (100,))
_OUT_SIZES: dict[str, tuple[tuple[int, ...], ...]] = {
    "eye": ((2, 2), (3, 5), (5, 3), (1, 7), (33, 31), (0, 3), (181, 183)),
    **dict.fromkeys(("arange", "linspace", "logspace"), (*_FLAT, (1025,), (40_001,))),
    **dict.fromkeys(("zeros", "ones", "full"), ((7,), (33,), (2, 3), (5, 17), (2, 3, 4), (0, 3), (181, 183))),
}


def _written(subject: str, size: tuple[int, ...], dtype: str) -> Any:
    if subject == "eye":
        return creation.eye(size[0], size[1], dtype)
    if subject in ("arange", "linspace"):
        return np.arange(size[0]).astype(dtypes.numpy_dtype(dtype))
    return creation.full(size, {"zeros": 0, "full": 3}.get(subject, 1), dtype)


def _largest(dtype: str) -> int:
    """Return how many whole numbers from 0 the dtype counts without a gap."""
    if dtypes.is_floating(dtype):
        return int(2 / dtypes.finfo(dtype).eps)
    return dtypes.iinfo(dtype).max if dtypes.is_integral(dtype) else 2**24


@clause("creation.*.writes-out")
def test_writes_out(cell: Cell) -> None:
    subject = cell.clause.subject
    counts = subject in ("arange", "linspace")
    for size in _OUT_SIZES[subject]:
        if counts and size[0] > _largest(cell.dtype):
            continue
        expected = _written(subject, size, cell.dtype)
        for structure in structures(size):
            if structure.layout == "expanded":
                continue
            storage = creation.full((structure.length,), subject == "zeros", cell.dtype)
            out = Strided(storage, size, structure.stride, structure.offset)
            after = Strided(storage.copy(), size, structure.stride, structure.offset)
            after.array[...] = expected
            trial = cell.trial(out=out, size=size, n=size[0], length=structure.length, dtype=cell.torch_dtype)
            for call in _OUT_CALLS[subject][: None if expected.size < 5_000 else 1]:
                trial.run(f"r = {call}")
                trial.expect_true("r is out", "the result is the tensor given as out=")
                trial.expect_equal("(tuple(out.shape), out.stride())", (size, structure.stride))
                trial.expect("torch.as_strided(out, (length,), (1,), 0)", after.storage)
                trial.run(f"out.fill_({subject == 'zeros':d})")
        trial = cell.trial(size=size, n=size[0], dtype=cell.torch_dtype)
        trial.run("out = torch.empty(0, dtype=dtype, device=device)")
        trial.run(f"r = {_OUT_CALLS[subject][0]}")
        trial.expect_true("r is out", "an empty tensor given as out= grows")
        trial.expect("out", expected)
