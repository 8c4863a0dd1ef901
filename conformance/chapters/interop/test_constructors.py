"""What torch.tensor, as_tensor and asarray make of arrays, tensors and buffers: copy or share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given

from torch_conformance.conformance.chapters.interop.interchange import ARRAY, LADDER, SAME, array_inputs, written
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.model.strided import Strided

# torch advises against torch.tensor of a tensor.
pytestmark = pytest.mark.filterwarnings("ignore:To copy construct")

_COPYING = (
    "t = torch.tensor(a, device=device)",
    "t = torch.tensor(data=a, dtype=dtype, device=device)",
    "t = torch.asarray(a, device=device, copy=True)",
    "t = torch.asarray(obj=a, dtype=dtype, device=device, copy=True)",
)


def _array_trial(cell: Cell, recipe: Recipe) -> tuple[Trial, Strided]:
    """Begin a trial with the array `a` of a recipe, other elements `first` (a tensor) and `second` (an array)."""
    value = recipe.tensor(cell.dtype, "finite")
    trial = cell.trial(
        **array_inputs(value),
        dtype=cell.torch_dtype,
        untouched=value.storage,
        first=recipe.tensor(cell.dtype, "finite", variant=1),
        second=recipe.array(cell.dtype, "finite", variant=2),
        wanted=written(value, recipe.array(cell.dtype, "finite", variant=1)),
    )
    trial.run(SAME)
    trial.run(ARRAY)
    return trial, value


@clause("interop.tensor.copies-array")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), overlapping=False))
def test_tensor_copies_array(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        trial, value = _array_trial(cell, recipe)
        values = value.values()
        for statement in _COPYING:
            trial.run(statement)
            trial.expect("t", values)
            trial.run("t.copy_(first)")
            trial.expect_true("same(base, untouched)", "writing to the tensor leaves the array alone")
        trial.run("t = torch.tensor(a, device=device)")
        trial.run("u = torch.asarray(a, device=device, copy=True)")
        trial.run("a[...] = second")
        trial.expect("t", values)
        trial.expect("u", values)


@clause("interop.tensor.copies-read-only-array")
@given(sweep=sweeps(("scalar", "small", "tail")))
def test_tensor_copies_read_only_array(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(**array_inputs(value), untouched=value.storage)
        trial.run(SAME)
        trial.run(ARRAY)
        trial.run("a.setflags(write=False)")
        trial.run("t = torch.tensor(a, device=device)")
        trial.expect("t", value)
        trial.run("t.zero_()")
        trial.expect("t", np.zeros(value.size, value.storage.dtype))
        trial.expect_true("same(base, untouched)", "writing to the tensor leaves the read-only array alone")
        trial.expect_equal("a.flags.writeable", value=False)


_SHARING = (
    "t = torch.as_tensor(a, device=device)",
    "t = torch.as_tensor(a, dtype=dtype, device=device)",
    "t = torch.as_tensor(data=a, dtype=dtype, device=device)",
    "t = torch.asarray(a, device=device)",
    "t = torch.asarray(obj=a, dtype=dtype, device=device)",
    "t = torch.asarray(a, device=device, copy=None)",
)
_SHARING_ON_THE_HOST = (
    "t = torch.as_tensor(a)",
    "t = torch.as_tensor(a, dtype=dtype)",
    "t = torch.asarray(a)",
    "t = torch.asarray(a, copy=False)",
    "t = torch.asarray(a, dtype=dtype, device='cpu', copy=False)",
)


@clause("interop.as-tensor.shares-array")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), overlapping=False))
def test_as_tensor_shares_array(cell: Cell, sweep: Sweep) -> None:
    on_host = cell.torch_device.type == "cpu"
    for recipe in sweep:
        # torch takes a 0-d array for a NumPy scalar in asarray, and copies it.
        spellings = [each for each in (*_SHARING, *_SHARING_ON_THE_HOST) if recipe.size or "asarray" not in each]
        trial, value = _array_trial(cell, recipe)
        values, first = value.values(), recipe.array(cell.dtype, "finite", variant=1)
        second = recipe.array(cell.dtype, "finite", variant=2)
        for statement in spellings:
            shares = on_host or statement in _SHARING_ON_THE_HOST
            trial.run(statement)
            trial.expect("t.to(device)", values)
            trial.run("t.copy_(first)")
            if shares:
                trial.expect_true("same(base, wanted)", "the array's memory holds what was written to the tensor")
            else:
                trial.expect_true("same(base, untouched)", "a tensor on another device is a copy")
            trial.run("a[...] = second")
            trial.expect("t.to(device)", second if shares else first)
            trial.run("base[...] = untouched")


_KEPT = (
    "torch.as_tensor(x)",
    "torch.as_tensor(data=x)",
    "torch.as_tensor(x, dtype=dtype)",
    "torch.as_tensor(x, device=device)",
    "torch.as_tensor(x, dtype=dtype, device=device)",
)
_SHARED = (
    "torch.asarray(x)",
    "torch.asarray(x, dtype=dtype)",
    "torch.asarray(x, device=device)",
    "torch.asarray(obj=x, dtype=dtype, device=device, copy=None)",
    "torch.asarray(x, copy=False)",
)


@clause("interop.as-tensor.returns-same-tensor")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty")))
def test_as_tensor_returns_same_tensor(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value, dtype=cell.torch_dtype)
        for expression in _KEPT:
            trial.expect_true(f"{expression} is x", "a tensor that has what is asked for is returned itself")
        for expression in _SHARED:
            trial.run(f"t = {expression}")
            trial.expect("t", value)
            trial.expect_equal("t.stride()", value.stride)
            trial.expect_true("t.data_ptr() == x.data_ptr()", "the tensor's memory is shared")


@clause("interop.as-tensor.keeps-history")
def test_as_tensor_keeps_history(cell: Cell) -> None:
    other = "float64" if cell.dtype != "float64" else "float32"
    other = {"complex64": "complex128", "complex128": "complex64"}.get(cell.dtype, other)
    for size in ((), (3,), (0,), (2, 3)):
        ones = np.ones(size, numpy_dtype(cell.dtype))
        twos = np.full(size, 2, numpy_dtype(cell.dtype))
        trial = cell.trial(ones=Strided.from_array(ones), dtype=cell.torch_dtype, other=TORCH_DTYPES[other])
        trial.run("x = ones.clone().requires_grad_()")
        trial.run("y = x * 2")
        trial.expect_true("torch.as_tensor(x) is x", "a leaf is returned itself")
        trial.expect_true(
            "torch.as_tensor(y, dtype=dtype, device=device) is y", "as_tensor returns a tensor with history itself"
        )
        trial.run("t = torch.as_tensor(y, dtype=other)")
        trial.expect("t.detach()", twos.astype(numpy_dtype(other)))
        trial.expect_equal("t.requires_grad", value=True)
        trial.run("(gradient,) = torch.autograd.grad(t, x, torch.ones_like(t))")
        trial.expect("gradient", twos)
        trial.run("u = torch.tensor(x.detach(), dtype=other)")
        trial.expect_equal("u.requires_grad", value=False)
        trial.expect_equal("x.requires_grad", value=True)


_CAST = (
    "t = torch.tensor(a, dtype=dtype, device=device)",
    "t = torch.as_tensor(a, dtype=dtype, device=device)",
    "t = torch.asarray(a, dtype=dtype, device=device)",
)


@clause("interop.array.converts-dtype")
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), overlapping=False))
def test_array_converts_dtype(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "small")
        # Absolute values, since a negative float has no unsigned counterpart.
        storage = np.abs(value.storage).astype(value.storage.dtype) if not is_complex(cell.dtype) else value.storage
        value = Strided(storage, value.size, value.stride, value.offset)
        for target, dtype in TORCH_DTYPES.items():
            if target == cell.dtype or (is_complex(cell.dtype) and not is_complex(target)):
                continue
            wanted = value.values().astype(numpy_dtype(target))
            trial = cell.trial(**array_inputs(value), dtype=dtype, untouched=storage)
            trial.run(SAME)
            trial.run(ARRAY)
            for statement in _CAST:
                trial.run(statement)
                trial.expect("t", wanted)
                trial.run("t.zero_()")
                trial.expect_true("same(base, untouched)", "a tensor of another dtype is a copy")


@clause("interop.asarray.copy-true-copies")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty"), overlapping=False))
def test_asarray_copy_true_copies(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value, dtype=cell.torch_dtype)
        for expression in (
            "torch.asarray(x, copy=True)",
            "torch.asarray(x, dtype=dtype, device=device, copy=True)",
        ):
            trial.run(f"t = {expression}")
            trial.expect("t", value)
            trial.run("t.zero_()")
            trial.expect("x", value)
        trial.run("t = torch.asarray(x, copy=True)")
        trial.run("x.zero_()")
        trial.expect("t", value)


@clause("interop.asarray.copy-false-refuses")
def test_asarray_copy_false_refuses(cell: Cell) -> None:
    for size in ((3,), (2, 3), (0,)):
        ones = np.ones(size, numpy_dtype(cell.dtype))
        for target, dtype in TORCH_DTYPES.items():
            if target == cell.dtype:
                continue
            trial = cell.trial(a=ones, x=Strided.from_array(ones), dtype=dtype)
            trial.expect_error("torch.asarray(a, dtype=dtype, copy=False)", ValueError)
            trial.expect_error("torch.asarray(x, dtype=dtype, copy=False)", ValueError)
    trial = cell.trial(x=Strided.from_array(np.ones(3, numpy_dtype(cell.dtype))), dtype=cell.torch_dtype)
    trial.expect_error("torch.asarray([1, 2], dtype=dtype, device=device, copy=False)", ValueError)
    trial.expect_error("torch.asarray((0, 1), copy=False)", ValueError)
    trial.expect_error("torch.asarray(x, device='meta', copy=False)", ValueError)


@clause("interop.asarray.takes-numpy-scalars")
@given(sweep=sweeps(("scalar", "small")))
def test_asarray_takes_numpy_scalars(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        for element in recipe.array(cell.dtype).reshape(-1)[:12]:
            wanted = np.array(element)
            trial = cell.trial(a=wanted)
            trial.run("scalar = a[()]")
            trial.expect("torch.asarray(scalar, device=device)", wanted)
            trial.expect("torch.asarray(obj=scalar, device=device, copy=True)", wanted)
            trial.expect("torch.asarray(scalar).to(device)", wanted)


@clause("interop.asarray.reads-buffers")
@given(sweep=sweeps(("small", "tail"), repeat=4))
def test_asarray_reads_buffers(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        values = recipe.array(cell.dtype).reshape(-1)
        other = recipe.array(cell.dtype, variant=1).reshape(-1)
        trial = cell.trial(
            raw=values.view(np.uint8), other=Strided.from_array(other), wanted=other.tobytes(), dtype=cell.torch_dtype
        )
        for making in ("buffer = bytearray(raw)", "buffer = memoryview(bytearray(raw))"):
            trial.run(making)
            trial.run("t = torch.asarray(buffer, dtype=dtype)")
            trial.expect("t.to(device)", values)
            trial.run("u = torch.asarray(buffer, dtype=dtype, copy=True)")
            trial.run("t.copy_(other)")
            trial.expect_true("bytes(buffer) == wanted", "the buffer holds what was written to the tensor")
            trial.expect("u.to(device)", values)
        if cell.dtype == "float32":
            trial.expect("torch.asarray(bytearray(raw)).to(device)", values)


_REQUIRING = {
    "asarray": (
        "t = torch.asarray(a, device=device, requires_grad=True)",
        "t = torch.asarray(a, dtype=dtype, device=device, requires_grad=True, copy=True)",
        "t = torch.asarray(x.detach(), requires_grad=True)",
    ),
    "tensor": (
        "t = torch.tensor(a, device=device, requires_grad=True)",
        "t = torch.tensor(a, dtype=dtype, device=device, requires_grad=True)",
        "t = torch.tensor(x.detach(), requires_grad=True)",
    ),
}
_NOT_REQUIRING = {
    "asarray": (
        "t = torch.asarray(a, device=device)",
        "t = torch.asarray(a, device=device, requires_grad=False)",
        "t = torch.asarray(y, requires_grad=False)",
        "t = torch.asarray(y, requires_grad=False, copy=True)",
    ),
    "tensor": (
        "t = torch.tensor(a, device=device)",
        "t = torch.tensor(a, device=device, requires_grad=False)",
    ),
}


@clause("interop.*.sets-requires-grad")
def test_sets_requires_grad(cell: Cell) -> None:
    # NumPy has no bfloat16: its array is float32, and dtype= converts it.
    host = "float32" if cell.dtype == "bfloat16" else cell.dtype
    for size in ((), (3,), (2, 3), (0,), (1025,)):
        ones = np.ones(size, numpy_dtype(host))
        values = np.ones(size, numpy_dtype(cell.dtype))
        for statement in _REQUIRING[cell.clause.subject]:
            if host != cell.dtype and not size and "copy=True" in statement:
                # torch refuses to convert an array of no dimension with copy=True.
                continue
            trial = cell.trial(a=ones, x=Strided.from_array(values), dtype=cell.torch_dtype)
            trial.run(statement)
            trial.expect_equal("t.requires_grad", value=True)
            trial.expect_equal("t.is_leaf", value=True)
            trial.run("(t * 2).backward(torch.ones_like(t))")
            trial.expect_equal("t.grad.shape == t.shape", value=True)
        for statement in _NOT_REQUIRING[cell.clause.subject]:
            trial = cell.trial(a=ones, x=Strided.from_array(values))
            trial.run("y = x.clone().requires_grad_() * 2")
            trial.run(statement)
            trial.expect_equal("t.requires_grad", value=False)
            trial.expect_equal("t.grad_fn", None)
            trial.expect_equal("y.requires_grad", value=True)
