"""What Tensor.numpy and NumPy's own constructors make of a tensor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given

from torch_conformance.conformance.chapters.interop.interchange import LADDER, SAME, written
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model.dtypes import bits, numpy_dtype
from torch_conformance.reference.model.strided import Strided

# NumPy 2 warns at each np.array of a tensor, since torch's __array__ takes no copy=.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

# A tensor on an accelerator goes to the host first; numpy() itself is refused there, which is a clause of its own.
_TO_NUMPY = (
    "n = x.cpu().numpy()",
    "n = x.cpu().numpy(force=False)",
    "n = x.numpy(force=True)",
    "n = torch.Tensor.numpy(x.cpu())",
    "n = np.asarray(x.cpu())",
    "n = np.array(x.cpu())",
    "n = x.cpu().__array__()",
)


@clause("interop.numpy.maps-dtype")
def test_numpy_maps_dtype(cell: Cell) -> None:
    for size in ((), (3,), (0,), (2, 0, 3), (2, 3), (1, 1, 1, 1), (32_769,)):
        trial = cell.trial(size=size, dtype=cell.torch_dtype, wanted=numpy_dtype(cell.dtype).name)
        trial.run("x = torch.zeros(size, dtype=dtype, device=device)")
        for statement in _TO_NUMPY:
            trial.run(statement)
            trial.expect_true("type(n) is np.ndarray", "the answer is a NumPy array, of no dimension too")
            trial.expect_true("n.dtype == np.dtype(wanted)", "NumPy's dtype has the name of torch's")
            trial.expect_equal("n.shape", size)


@clause("interop.numpy.keeps-every-element")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=3))
def test_numpy_keeps_every_element(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value, wanted=value.values())
        trial.run(SAME)
        for statement in _TO_NUMPY:
            trial.run(statement)
            trial.expect_true("same(n, wanted)", "the array has every element of the tensor")


@clause("interop.numpy.keeps-strides")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), repeat=5))
def test_numpy_keeps_strides(cell: Cell, sweep: Sweep) -> None:
    width = bits(cell.dtype) // 8
    on_host = cell.torch_device.type == "cpu"
    for recipe in sweep:
        value = recipe.tensor(cell.dtype)
        trial = cell.trial(x=value, width=width)
        trial.run("h = x.cpu()")
        for statement in ("n = h.numpy()", "n = h.numpy(force=True)", "n = np.asarray(h)", "n = h.__array__()"):
            trial.run(statement)
            trial.expect_equal("n.shape", value.size)
            if not value.numel:
                continue
            trial.expect_true("n.ctypes.data == h.data_ptr()", "the array begins where the tensor begins")
            if on_host:
                trial.expect_equal("n.strides", tuple(step * width for step in value.stride))
            else:
                trial.expect_true("n.strides == tuple(step * width for step in h.stride())", "strides are in bytes")


@clause("interop.numpy.shares-memory")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "tail"), overlapping=False, repeat=2))
def test_numpy_shares_memory(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "finite")
        first, second = (recipe.array(cell.dtype, "finite", variant=variant) for variant in (1, 2))
        whole = Strided(written(value, second), (value.storage.size,), (1,), 0)
        trial = cell.trial(x=value, y=Strided.from_array(first), first=first, second=second)
        trial.run(SAME)
        trial.run("h = x.cpu()")
        for statement in ("n = h.numpy()", "n = h.numpy(force=True)", "n = np.asarray(h)", "n = h.__array__()"):
            trial.run(statement)
            trial.run("h.copy_(y)")
            trial.expect_true("same(n, first)", "the array sees what is written to the tensor")
            trial.run("n[...] = second")
            trial.expect("h.to(device)", second)
            trial.run("h.zero_()")
            trial.expect_true("not n.any()", "the array sees what is written to the tensor")
        if cell.torch_device.type == "cpu":
            trial.run("n[...] = second")
            trial.expect("torch.as_strided(h, (h.untyped_storage().nbytes() // h.element_size(),), (1,), 0)", whole)
        else:
            trial.run("x.copy_(y)")
            trial.run("n = x.numpy(force=True)")
            trial.run("n[...] = second")
            trial.expect("x", first)


@clause("interop.numpy.refuses-bfloat16")
def test_numpy_refuses_bfloat16(cell: Cell) -> None:
    for size in ((), (3,), (0,), (2, 3), (1025,)):
        trial = cell.trial(size=size)
        trial.run("x = torch.ones(size, dtype=torch.bfloat16, device=device)")
        for statement in (
            "x.cpu().numpy()",
            "x.cpu().numpy(force=False)",
            "x.numpy(force=True)",
            "np.asarray(x.cpu())",
            "np.array(x.cpu())",
            "x.cpu().__array__()",
        ):
            trial.expect_error(statement, TypeError)
        trial.expect("x", np.ones(size, numpy_dtype("bfloat16")))


_PLAIN = ("{}.numpy()", "{}.numpy(force=False)", "np.asarray({})", "np.array({})", "{}.__array__()")
_HISTORIES = (
    "y = x.cpu().detach().requires_grad_()",
    "y = x.clone().requires_grad_().cpu() * 2",
    "y = x.cpu().detach().requires_grad_()[...]",
    "y = x.cpu().detach().requires_grad_().reshape(-1)",
    "y = x.cpu().detach().requires_grad_().view_as(x)",
)


@clause("interop.numpy.refuses-requires-grad")
def test_numpy_refuses_requires_grad(cell: Cell) -> None:
    for size in ((), (1,), (3,), (0,), (2, 3), (32_769,)):
        ones = np.ones(size, numpy_dtype(cell.dtype))
        trial = cell.trial(x=Strided.from_array(ones))
        for statement in _HISTORIES:
            trial.run(statement)
            for spelling in _PLAIN:
                trial.expect_error(spelling.format("y"), RuntimeError)
            trial.expect_equal("y.requires_grad", value=True)
        trial.expect_error("torch.nn.Parameter(x.cpu()).numpy()", RuntimeError)
        if cell.dtype != "bfloat16":
            trial.run("y = x.cpu().detach().requires_grad_()")
            trial.expect_equal("y.detach().numpy().shape", size)
            trial.expect_equal("y.detach().numpy().tolist()", ones.tolist())


@clause("interop.numpy.refuses-conjugate")
def test_numpy_refuses_conjugate(cell: Cell) -> None:
    for size in ((), (1,), (3,), (0,), (2, 3), (1025,)):
        values = np.full(size, 1 + 2j, numpy_dtype(cell.dtype))
        trial = cell.trial(x=Strided.from_array(values), wanted=values.conj())
        trial.run(SAME)
        for lazy in ("y = x.cpu().conj()", "y = x.cpu().mT.conj()" if len(size) > 1 else "y = torch.conj(x.cpu())"):
            trial.run(lazy)
            for spelling in _PLAIN:
                trial.expect_error(spelling.format("y"), RuntimeError)
            trial.expect_equal("y.is_conj()", value=True)
        trial.expect_true("same(x.cpu().conj().resolve_conj().numpy(), wanted)", "resolve_conj makes it acceptable")
        trial.expect_true(
            "same(torch.resolve_conj(x.cpu().conj()).numpy(), wanted)",
            "the array of torch.resolve_conj has the conjugated values",
        )
        trial.expect_true("same(x.cpu().conj().conj().numpy(), wanted.conj())", "two conjugations leave no bit")


@clause("interop.numpy.refuses-negative-bit")
def test_numpy_refuses_negative_bit(cell: Cell) -> None:
    for size in ((), (1,), (3,), (0,), (2, 3), (1025,)):
        values = np.full(size, 1 + 2j, numpy_dtype(cell.dtype))
        trial = cell.trial(x=Strided.from_array(values), wanted=np.array(-values.imag))
        trial.run(SAME)
        for lazy in ("y = x.cpu().conj().imag", "y = torch.imag(x.cpu().conj())"):
            trial.run(lazy)
            for spelling in _PLAIN:
                trial.expect_error(spelling.format("y"), RuntimeError)
        trial.expect_true("same(y.resolve_neg().numpy(), wanted)", "resolve_neg makes it acceptable")
        trial.expect_true(
            "same(torch.resolve_neg(y).numpy(), wanted)", "the array of torch.resolve_neg has the negated values"
        )


@clause("interop.numpy.refuses-other-devices")
def test_numpy_refuses_other_devices(cell: Cell) -> None:
    # On the host the meta device stands for the others.
    elsewhere = "device" if cell.torch_device.type != "cpu" else "'meta'"
    for dtype in ("float32", "int64", "bool", "complex64"):
        for size in ((), (3,), (0,), (2, 3)):
            trial = cell.trial(size=size, code=dtype)
            trial.run(f"x = torch.zeros(size, dtype=getattr(torch, code), device={elsewhere})")
            for spelling in _PLAIN:
                trial.expect_error(spelling.format("x"), TypeError)
            trial.run("y = torch.zeros(size, dtype=getattr(torch, code), device=device)")
            trial.expect_equal("y.cpu().numpy().tolist()", np.zeros(size, dtype).tolist())


@clause("interop.numpy.refuses-sparse")
def test_numpy_refuses_sparse(cell: Cell) -> None:
    for size in ((3,), (2, 3), (40, 40)):
        trial = cell.trial(size=size)
        trial.run("x = torch.ones(size, device=device).to_sparse().cpu()")
        for spelling in (*_PLAIN, "{}.numpy(force=True)"):
            trial.expect_error(spelling.format("x"), TypeError)
        trial.expect_equal("x.to_dense().numpy().tolist()", np.ones(size).tolist())


@clause("interop.numpy.force-resolves")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small", "empty", "tail")))
def test_numpy_force_resolves(cell: Cell, sweep: Sweep) -> None:
    complex_dtype = numpy_dtype(cell.dtype).kind == "c"
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "finite")
        values = value.values()
        trial = cell.trial(
            x=value, values=values, conjugate=values.conj(), imaginary=values.conj().imag.copy(order="C")
        )
        trial.run(SAME)
        trial.run("leaf = x.detach().clone().requires_grad_()")
        trial.expect_true("same(x.numpy(force=True), values)", "a plain tensor is taken as it is")
        trial.expect_true("same(leaf.numpy(force=True), values)", "force ignores requires_grad")
        trial.expect_true("same(leaf.view_as(leaf).numpy(force=True), values)", "force ignores history")
        trial.expect_equal("leaf.requires_grad", value=True)
        if not complex_dtype:
            continue
        trial.expect_true("same(x.conj().numpy(force=True), conjugate)", "force resolves conjugation")
        trial.expect_true("same(leaf.conj().numpy(force=True), conjugate)", "force resolves all at once")
        trial.expect_true("same(x.conj().imag.numpy(force=True), imaginary)", "force resolves negation")
        trial.expect_true("same(leaf.conj().imag.numpy(force=True), imaginary)", "force resolves all at once")
        trial.expect_true("same(x.numpy(force=True), values)", "the tensor itself keeps its values")


@clause("interop.numpy.force-shares-where-it-can")
@example(sweep=LADDER)
@given(sweep=sweeps(("scalar", "small"), overlapping=False))
def test_numpy_force_shares_where_it_can(cell: Cell, sweep: Sweep) -> None:
    on_host = cell.torch_device.type == "cpu"
    complex_dtype = numpy_dtype(cell.dtype).kind == "c"
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "finite")
        trial = cell.trial(x=value)
        for number, statement in enumerate(
            (
                "n = x.numpy(force=True)",
                "n = x.detach().requires_grad_().numpy(force=True)",
                "n = x.detach().requires_grad_().view_as(x).numpy(force=True)",
            )
        ):
            trial.run(statement)
            trial.run(f"n[...] = {number}")
            trial.expect("x", np.full(value.size, number, value.storage.dtype) if on_host else value)
        if complex_dtype:
            other = recipe.tensor(cell.dtype, "finite", variant=1)
            for statement in ("n = x.conj().numpy(force=True)", "n = x.conj().imag.numpy(force=True)"):
                trial = cell.trial(x=other)
                trial.run(statement)
                trial.run("n[...] = 0")
                trial.expect("x", other)


@clause("interop.numpy.protocol-converts")
@given(sweep=sweeps(("scalar", "small", "empty", "tail"), overlapping=False))
def test_numpy_protocol_converts(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        value = recipe.tensor(cell.dtype, "small")
        values = value.values()
        targets = ("complex128",) if values.dtype.kind == "c" else ("float64", "int64", "bool", "complex64")
        for target in targets:
            trial = cell.trial(x=value, target=target, wanted=values.astype(target))
            trial.run(SAME)
            for expression in (
                "np.asarray(x.cpu(), dtype=target)",
                "np.array(x.cpu(), dtype=target)",
                "x.cpu().__array__(np.dtype(target))",
                "x.cpu().__array__(dtype=np.dtype(target))",
                "x.cpu().numpy().astype(target)",
            ):
                trial.expect_true(f"same({expression}, wanted)", "the array has the dtype that is asked for")
        trial = cell.trial(x=value)
        trial.run("n = np.array(x.cpu())")
        trial.run("n[...] = 0")
        trial.expect("x", value)
