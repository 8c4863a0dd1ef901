"""The default floating dtype: what sets it, what it decides, and what it leaves alone."""

from __future__ import annotations

import torch

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import FLOATING, PRESENT
from torch_conformance.reference.model.dtypes import complex_of, is_floating

# The default as torch came up, before any cell could change it.
_AT_IMPORT = torch.get_default_dtype()

TENSOR_TYPES = (
    *(("torch.DoubleTensor", "float64"), ("torch.FloatTensor", "float32")),
    *(("torch.HalfTensor", "float16"), ("torch.BFloat16Tensor", "bfloat16")),
)
# What every floating dtype can hold, and what CPU kernels of every version compute in float32 and float64 alone.
FACTORIES = (
    *("torch.tensor(1.5, device=device)", "torch.tensor([1.5, 2], device=device)", "torch.tensor([], device=device)"),
    *("torch.tensor([True, 1.5], device=device)", "torch.tensor([[1], [2.5]], device=device)", "torch.Tensor(2)"),
    *("torch.Tensor([1, 2])", "torch.as_tensor(1.5, device=device)", "torch.asarray([1.5], device=device)"),
    *("torch.zeros(2, device=device)", "torch.zeros((2, 0), device=device)", "torch.ones([2], device=device)"),
    *("torch.empty(2, device=device)", "torch.empty((), device=device)", "torch.full((2,), 1.5, device=device)"),
    *("torch.empty_strided((2,), (1,), device=device)", "torch.zeros(2, dtype=None, device=device)", "torch.Tensor()"),
    *("torch.ones(2, dtype=None, device=device)", "torch.full([2], 0.0, device=device)"),
)
WIDE_FACTORIES = (
    *("torch.arange(2.0, device=device)", "torch.arange(0, 1, 0.5, device=device)", "torch.eye(2, device=device)"),
    *("torch.linspace(0, 1, 3, device=device)", "torch.logspace(0, 1, 3, device=device)"),
    *("torch.rand(2, device=device)", "torch.randn(2, device=device)", "torch.normal(0.0, 1.0, (2,), device=device)"),
    *("torch.hann_window(4, device=device)", "torch.arange(0.0, 3, device=device)", "torch.eye(2, 3, device=device)"),
)
COMPLEX_FACTORIES = (
    *("torch.tensor(1j, device=device)", "torch.tensor([1.5, 2j], device=device)"),
    *("torch.tensor([[1], [2j]], device=device)", "torch.as_tensor([1j], device=device)"),
    *("torch.full((2,), 1j, device=device)", "torch.asarray(2j, device=device)"),
    *("torch.complex(torch.zeros(1, device=device), torch.zeros(1, device=device))",),
    *("torch.tensor([True, 1j], device=device)", "torch.ones(2, dtype=torch.int8, device=device) * 1j"),
)
# Expression and the dtype that it has whatever the default.
FIXED = (
    *(("torch.tensor([1, 2], device=device)", "int64"), ("torch.tensor(True, device=device)", "bool")),
    *(("torch.arange(3, device=device)", "int64"), ("torch.full((2,), 7, device=device)", "int64")),
    *(("torch.full((2,), True, device=device)", "bool"), ("torch.randperm(3, device=device)", "int64")),
    *(("torch.zeros(2, dtype=torch.float32, device=device)", "float32"), ("torch.FloatTensor(2)", "float32")),
    *(("torch.zeros(2, dtype=torch.float64, device=device)", "float64"), ("torch.DoubleTensor(2)", "float64")),
    *(("torch.tensor(1.5, dtype=torch.float16, device=device)", "float16"), ("torch.LongTensor(2)", "int64")),
    *(("torch.tensor(np.zeros(2), device=device)", "float64"), ("torch.from_numpy(np.zeros(2))", "float64")),
    *(("torch.tensor(np.zeros(2, np.float32), device=device)", "float32"), ("torch.IntTensor([1])", "int32")),
    *(("torch.tensor(np.complex64(1j), device=device)", "complex64"), ("torch.HalfTensor(1)", "float16")),
    *(("single.new_zeros(2)", "float32"), ("torch.ones_like(double)", "float64"), ("single + 1.5", "float32")),
    *(("double * 2.0", "float64"), ("torch.empty_like(single)", "float32"), ("single.to(torch.float64)", "float64")),
    *(("single.double()", "float64"), ("double.float()", "float32"), ("torch.result_type(double, 1.5)", "float64")),
)
TO_FLOATING = (
    *("x / y", "torch.div(x, y)", "x.div(y)", "torch.true_divide(x, y)", "x / 2", "1 / y", "torch.sqrt(y)"),
    *("x.exp()", "torch.sin(x)", "torch.sigmoid(x)", "torch.tanh(x)", "torch.log(y)", "torch.log2(y)", "y.log10()"),
    *("torch.log1p(x)", "torch.expm1(x)", "torch.reciprocal(y)", "torch.atan2(x, y)", "x + 1.5", "2.5 * x"),
    *("torch.add(x, 1.5)", "x.mul(0.5)", "torch.rsqrt(y)", "torch.erf(x)", "torch.where(x == y, 1.5, x)"),
)


@clause("dtypes.default.is-float32")
def test_default(cell: Cell) -> None:
    trial = cell.trial(at_start=_AT_IMPORT)
    trial.expect_true("torch.get_default_dtype() is torch.float32", "the default dtype is float32")
    trial.expect_true("at_start is torch.float32", "the default dtype is float32 when torch comes up")
    trial.expect_true("torch.tensor(0.5, device=device).dtype is torch.float32", "a float becomes float32")


@clause("dtypes.default.is-what-was-set")
def test_set_default(cell: Cell) -> None:
    for name in FLOATING:
        trial = cell.trial(dtype=TORCH_DTYPES[name])
        trial.expect_true("torch.set_default_dtype(dtype) is None", "set_default_dtype returns nothing")
        trial.expect_true("torch.get_default_dtype() is dtype", "the default is the dtype that was set")
        trial.expect_true("torch.zeros(1, device=device).dtype is dtype", "new tensors have it")
        trial.run("torch.set_default_dtype(torch.float32)")
        trial.expect_true("torch.get_default_dtype() is torch.float32", "the default can be set back")


@clause("dtypes.default.is-set-by-tensor-type")
def test_set_default_tensor_type(cell: Cell) -> None:
    for tensor_type, name in TENSOR_TYPES:
        for setter in ("torch.set_default_tensor_type({})", "torch.set_default_tensor_type('{}')"):
            trial = cell.trial(dtype=TORCH_DTYPES[name])
            trial.run(setter.format(tensor_type))
            trial.expect_true("torch.get_default_dtype() is dtype", "the tensor type's dtype becomes the default")
            trial.expect_true("torch.zeros(1, device=device).dtype is dtype", "new tensors have it")
            trial.run("torch.set_default_tensor_type(torch.FloatTensor)")
            trial.expect_true("torch.get_default_dtype() is torch.float32", "the default can be set back")


@clause("dtypes.default.refuses-other-dtypes")
def test_default_refuses(cell: Cell) -> None:
    for name in PRESENT:
        if not is_floating(name):
            for before in ("float32", "float64"):
                trial = cell.trial(dtype=TORCH_DTYPES[name], before=TORCH_DTYPES[before])
                trial.run("torch.set_default_dtype(before)")
                trial.expect_error("torch.set_default_dtype(dtype)", TypeError)
                trial.expect_true("torch.get_default_dtype() is before", "a refused dtype changes nothing")
                trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.default.decides-floats")
def test_default_decides_floats(cell: Cell) -> None:
    wide = cell.dtype in ("float32", "float64")
    trial = cell.trial(dtype=cell.torch_dtype)
    trial.run("torch.set_default_dtype(dtype)")
    for factory in (*FACTORIES, *(WIDE_FACTORIES if wide else ())):
        trial.expect_true(f"({factory}).dtype is dtype", "a Python float, and no dtype at all, mean the default")
    trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.default.decides-complex-numbers")
def test_default_decides_complex(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype, wanted=TORCH_DTYPES[complex_of(cell.dtype)])
    trial.run("torch.set_default_dtype(dtype)")
    for factory in COMPLEX_FACTORIES:
        trial.expect_true(f"({factory}).dtype is wanted", "a Python complex has parts of the default dtype")
    trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.default.leaves-explicit-dtypes-alone")
def test_default_leaves_alone(cell: Cell) -> None:
    trial = cell.trial(dtype=cell.torch_dtype)
    trial.run("single = torch.zeros(3, dtype=torch.float32, device=device)")
    trial.run("double = torch.zeros(3, dtype=torch.float64, device=device)")
    trial.run("torch.set_default_dtype(dtype)")
    trial.expect_true("single.dtype is torch.float32", "an existing tensor keeps its dtype")
    for expression, name in FIXED:
        value = expression if expression.startswith("torch.result_type") else f"({expression}).dtype"
        trial.expect_true(f"{value} is torch.{name}", "an explicit or inherited dtype does not depend on the default")
    trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.default.is-what-integers-become-in-floating-operations")
def test_default_of_integers(cell: Cell) -> None:
    for name in ("bool", "uint8", "int8", "int16", "int32", "int64"):
        trial = cell.trial(dtype=cell.torch_dtype, source=TORCH_DTYPES[name])
        trial.run("torch.set_default_dtype(dtype)")
        trial.run("x = torch.zeros(3, dtype=source, device=device)")
        trial.run("y = torch.ones(3, dtype=source, device=device)")
        for expression in TO_FLOATING:
            trial.expect_true(f"({expression}).dtype is dtype", "integers become the default dtype")
        trial.run("torch.set_default_dtype(torch.float32)")
