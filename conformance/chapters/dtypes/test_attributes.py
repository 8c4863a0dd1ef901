"""What a dtype says about itself, and a tensor about its dtype."""

from __future__ import annotations

import math

import numpy as np

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.conversions import FLOATING, PRESENT
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import finfo, iinfo, numpy_dtype
from torch_conformance.reference.model.strided import Strided

ALIASES = (
    *(("torch.float", "float32"), ("torch.double", "float64"), ("torch.half", "float16")),
    *(("torch.short", "int16"), ("torch.int", "int32"), ("torch.long", "int64")),
    *(("torch.cfloat", "complex64"), ("torch.cdouble", "complex128")),
)
_SIZES = ((), (1,), (3,), (0,), (2, 3), (0, 2), (3, 5, 7))


def _tensors(cell: Cell) -> list[Trial]:
    """Begin a trial with a tensor `x` of each of a few sizes, and a view `v` of it with gaps."""
    trials = []
    for size in _SIZES:
        x = Strided.from_array(np.zeros(size, numpy_dtype(cell.dtype)))
        trial = cell.trial(x=x, dtype=TORCH_DTYPES[cell.dtype])
        trial.run("v = x[..., None].expand(*x.shape, 3)[..., ::2]")
        trials.append(trial)
    return trials


@clause("dtypes.attribute.is-floating-point")
def test_is_floating_point(cell: Cell) -> None:
    expected = dtypes.is_floating(cell.dtype)
    for trial in _tensors(cell):
        trial.expect_equal("dtype.is_floating_point", expected)
        for spelling in ("torch.is_floating_point({})", "torch.is_floating_point(input={})", "{}.is_floating_point()"):
            trial.expect_equal(spelling.format("x"), expected)
            trial.expect_equal(spelling.format("v"), expected)


@clause("dtypes.attribute.is-complex")
def test_is_complex(cell: Cell) -> None:
    expected = dtypes.is_complex(cell.dtype)
    for trial in _tensors(cell):
        trial.expect_equal("dtype.is_complex", expected)
        for spelling in ("torch.is_complex({})", "torch.is_complex(input={})", "{}.is_complex()"):
            trial.expect_equal(spelling.format("x"), expected)
            trial.expect_equal(spelling.format("v"), expected)


@clause("dtypes.attribute.is-signed")
def test_is_signed(cell: Cell) -> None:
    expected = dtypes.is_signed(cell.dtype)
    for trial in _tensors(cell):
        for expression in ("dtype.is_signed", "x.is_signed()", "v.is_signed()", "x.dtype.is_signed"):
            trial.expect_equal(expression, expected)


@clause("dtypes.attribute.itemsize")
def test_itemsize(cell: Cell) -> None:
    width = dtypes.bits(cell.dtype) // 8
    for trial in _tensors(cell):
        for expression in ("dtype.itemsize", "x.itemsize", "v.itemsize", "x.dtype.itemsize"):
            trial.expect_equal(expression, width)
        trial.expect_true("x.nbytes == x.numel() * x.itemsize", "nbytes counts the elements' bytes")
        trial.expect_true("v.nbytes == v.numel() * v.itemsize", "nbytes counts the elements' bytes")


@clause("dtypes.attribute.element-size")
def test_element_size(cell: Cell) -> None:
    width = dtypes.bits(cell.dtype) // 8
    for trial in _tensors(cell):
        trial.expect_equal("x.element_size()", width)
        trial.expect_equal("v.element_size()", width)
        trial.expect_equal("torch.empty(5, dtype=dtype, device=device).element_size()", width)


@clause("dtypes.attribute.tensor-has-its-dtype")
def test_tensor_dtype(cell: Cell) -> None:
    for trial in _tensors(cell):
        for expression in ("x.dtype", "v.dtype", "x[...].dtype", "x.detach().dtype", "torch.empty_like(x).dtype"):
            trial.expect_true(f"{expression} is dtype", "a tensor's dtype is the one it was made with")


@clause("dtypes.attribute.aliases")
def test_aliases(cell: Cell) -> None:
    trial = cell.trial(aliases=[name for name, _ in ALIASES])
    for alias, name in ALIASES:
        trial.expect_true(f"{alias} is torch.{name}", "an alias is the dtype itself")
        trial.expect_true(
            f"torch.empty(2, dtype={alias}, device=device).dtype is torch.{name}", "dtype= takes the alias"
        )


@clause("dtypes.attribute.prints-its-name")
def test_prints(cell: Cell) -> None:
    trial = cell.trial(names=list(PRESENT))
    for name in PRESENT:
        trial.expect_equal(f"str(torch.{name})", f"torch.{name}")
        trial.expect_equal(f"repr(torch.empty(0, dtype=torch.{name}, device=device).dtype)", f"torch.{name}")
        trial.expect_true(f"getattr(torch, str(torch.{name})[6:]) is torch.{name}", "the name finds the dtype")


def _resolution(name: str) -> float:
    """Return 10 to the minus number of decimal digits that survive a round trip: floor((p - 1) log10 2)."""
    return float(f"1e-{math.floor(-math.log2(finfo(name).eps) * math.log10(2))}")


@clause("dtypes.finfo.gives-the-limits")
def test_finfo(cell: Cell) -> None:
    for name in FLOATING:
        facts = finfo(name)
        trial = cell.trial(dtype=TORCH_DTYPES[name], resolution=_resolution(name))
        for call in ("torch.finfo(dtype)", "torch.finfo(type=dtype)"):
            trial.expect_equal(f"{call}.bits", facts.bits)
            trial.expect_equal(f"{call}.max", facts.max)
            trial.expect_equal(f"{call}.min", -facts.max)
            trial.expect_equal(f"{call}.eps", facts.eps)
            trial.expect_equal(f"{call}.tiny", facts.tiny)
            trial.expect_equal(f"{call}.smallest_normal", facts.tiny)
            trial.expect_equal(f"{call}.dtype", name)
            near = f"abs({call}.resolution - resolution) <= 1e-12 * resolution"
            trial.expect_true(near, "resolution is ten to the minus number of decimal digits")


@clause("dtypes.finfo.defaults-to-the-default-dtype")
def test_finfo_default(cell: Cell) -> None:
    for name in FLOATING:
        trial = cell.trial(dtype=TORCH_DTYPES[name])
        trial.run("torch.set_default_dtype(dtype)")
        trial.expect_equal("torch.finfo().dtype", name)
        trial.expect_equal("torch.finfo().bits", finfo(name).bits)
        trial.expect_equal("torch.finfo().max", finfo(name).max)
        trial.expect_equal("torch.finfo().eps", finfo(name).eps)
        trial.expect_equal("torch.finfo().tiny", finfo(name).tiny)
        trial.run("torch.set_default_dtype(torch.float32)")


@clause("dtypes.iinfo.gives-the-limits")
def test_iinfo(cell: Cell) -> None:
    for name in PRESENT:
        if not dtypes.is_integral(name):
            continue
        facts = iinfo(name)
        trial = cell.trial(dtype=TORCH_DTYPES[name])
        for call in ("torch.iinfo(dtype)", "torch.iinfo(type=dtype)"):
            trial.expect_equal(f"{call}.bits", facts.bits)
            if name != "uint64":
                trial.expect_equal(f"{call}.max", facts.max)
            trial.expect_equal(f"{call}.min", facts.min)
            trial.expect_equal(f"{call}.dtype", name)


@clause("dtypes.info.refuses-other-dtypes")
def test_info_refuses(cell: Cell) -> None:
    for name in PRESENT:
        trial = cell.trial(dtype=TORCH_DTYPES[name])
        if not dtypes.is_integral(name):
            trial.expect_error("torch.iinfo(dtype)", TypeError)
        if dtypes.is_integral(name) or name == "bool":
            trial.expect_error("torch.finfo(dtype)", TypeError)
    cell.trial().expect_error("torch.iinfo()", TypeError)
