"""What backward leaves in .grad: sums over calls and uses, assigned and reset gradients, dtype, shape and layout."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import BACKWARDS, SIZES, drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.inputs.recipes import structures
from torch_conformance.reference.model.strided import Strided

# Five spellings of one call.


@clause("autograd.accumulation.adds-over-backwards")
def test_adds_over_backwards(cell: Cell) -> None:
    for turn, (case, formula) in enumerate(drawn(cell)):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        for times in (1, 2, 3):
            trial.run(f"y = {formula.text}")
            trial.run(BACKWARDS[(turn + times) % len(BACKWARDS)])
            trial.expect("x.grad", case.cast(times * formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(times * formula.pullback(1, case)), UNSIGNED_ZERO)
        # With the graph of one call kept, two more backwards add just as much.
        trial.run("x.grad = None")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g, retain_graph=True)")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(2 * formula.pullback(0, case)), UNSIGNED_ZERO)


@clause("autograd.accumulation.sums-over-uses")
def test_sums_over_uses(cell: Cell) -> None:
    for case, _ in drawn(cell, names="xwgh"):
        x, w, g, h = (case[name] for name in "xwgh")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("w.requires_grad_()")
        trial.run("y, z = x * w, x * x + w")
        trial.run("torch.autograd.backward([y, z], [g, h])")
        trial.expect("x.grad", case.cast(g * np.conj(w) + 2 * h * np.conj(x)), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(g * np.conj(x) + h), UNSIGNED_ZERO)
        trial.run("v = x.detach().clone().requires_grad_()")
        trial.run("(v + v + v.clone() - v * 2 + v.neg() + v.view_as(v)).backward(g)")
        trial.expect("v.grad", case.cast(g), UNSIGNED_ZERO)
        # A tensor between leaf and result collects what comes from all its uses before it goes on.
        trial.run("u = w.detach().clone().requires_grad_()")
        trial.run("m = u * u; t = m + m * 2")
        trial.run("t.backward(g)")
        trial.expect("u.grad", case.cast(6 * g * np.conj(w)), UNSIGNED_ZERO)


# Statements after which x.grad is None, or zero.
NONE = ("x.grad = None", "holder.zero_grad()", "holder.zero_grad(set_to_none=True)", "del x.grad")
ZERO = (
    "x.grad.zero_()",
    "x.grad = torch.zeros_like(x)",
    "holder.zero_grad(set_to_none=False)",
    "x.grad *= 0",
    "x.grad.detach_().fill_(0)",
)


@clause("autograd.accumulation.begins-anew-after-a-reset")
def test_reset(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("holder = torch.nn.Module()")
        trial.run("holder.x = x = torch.nn.Parameter(x)")
        for number, reset in enumerate((*NONE, *ZERO)):
            trial.run(f"y = {formula.text}")
            trial.run("y.backward(g)")
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.run("held = x.grad")
            trial.run(reset)
            if number < len(NONE):
                trial.expect_true("x.grad is None", "the gradient is gone")
                trial.expect("held", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            else:
                trial.expect("x.grad", case.cast(0 * case["x"]), UNSIGNED_ZERO)


@clause("autograd.accumulation.adds-to-an-assigned-grad")
def test_assigned(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgs"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("x.grad = s")
        trial.expect_true("x.grad is s", "the very tensor is the gradient")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(case["s"] + formula.pullback(0, case)), UNSIGNED_ZERO)
        trial.expect_true("x.grad is s and not s.requires_grad", "it is added to in place")


# x has size (2, 3).
REFUSED = (
    ("x.grad = torch.ones(2, 2, dtype=x.dtype, device=device)", RuntimeError),
    ("x.grad = torch.ones(3, 2, dtype=x.dtype, device=device)", RuntimeError),
    ("x.grad = torch.ones(3, dtype=x.dtype, device=device)", RuntimeError),
    ("x.grad = torch.ones((), dtype=x.dtype, device=device)", RuntimeError),
    ("x.grad = torch.ones(2, 3, dtype=torch.int32, device=device)", RuntimeError),
    ("x.grad = x.detach().to(other)", RuntimeError),
    ("x.grad = x", RuntimeError),
    ("x.grad = 1.0", TypeError),
    ("x.grad = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]", TypeError),
)


@clause("autograd.accumulation.refuses-to-assign-what-does-not-fit")
def test_refused(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xs")
    trial = cell.trial(**case.tensors)
    trial.run("other = torch.complex64 if x.dtype == torch.complex128 else torch.float64")
    trial.run("other = torch.float32 if x.dtype == torch.float64 else other")
    trial.run("x.requires_grad_()")
    for statement, error in REFUSED:
        trial.expect_error(statement, error)
        trial.expect_true("x.grad is None", "a refused gradient is not kept")
    trial.run("x.grad = s")
    for statement, error in REFUSED:
        trial.expect_error(statement, error)
        trial.expect_true("x.grad is s", "the gradient stays")


@clause("autograd.accumulation.keeps-the-grad-tensor")
def test_in_place(cell: Cell) -> None:
    for case, formula in drawn(cell):
        expected = formula.pullback(0, case)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.run("held = x.grad")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect_true("x.grad is held", "without create_graph the gradient is added to in place")
        trial.expect("held", case.cast(2 * expected), UNSIGNED_ZERO)
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g, create_graph=True)")
        trial.expect_true("x.grad is not held", "with create_graph the sum is a new tensor")
        trial.expect("held", case.cast(2 * expected), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(3 * expected), UNSIGNED_ZERO)


@clause("autograd.accumulation.the-gradient-given-is-not-changed")
def test_given_gradient(cell: Cell) -> None:
    for case, _ in drawn(cell):
        g = case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        # Sums hand the gradient on as it is: what is kept must be a copy.
        for times in (1, 2, 3):
            trial.run("(x + w).backward(g)")
            trial.expect("g", case.cast(g), UNSIGNED_ZERO)
            trial.expect("x.grad", case.cast(times * g), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(times * g), UNSIGNED_ZERO)
        trial.run("x.grad.zero_()")
        trial.expect("g", case.cast(g), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(3 * g), UNSIGNED_ZERO)


@clause("autograd.accumulation.grad-has-no-history")
def test_no_history(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.expect_true("x.grad is None", "there is no gradient before the first backward")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect_true("not x.grad.requires_grad and x.grad.grad_fn is None", "the gradient is a constant")
        trial.expect_true("x.grad.is_leaf and x.requires_grad and x.is_leaf", "the leaf and its gradient are leaves")
        trial.expect_true("w.grad is None and g.grad is None", "what requires no grad gets none")


@clause("autograd.accumulation.grad-has-dtype-shape-and-device-of-its-leaf")
def test_dtype_and_shape(cell: Cell) -> None:
    generator = cell.generator()
    for size in (*SIZES, (0, 3), (1, 1), (2, 1, 0)):
        case = leaves(cell, size, generator)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        # By way of another dtype and another shape, the gradient comes back in those of the leaf.
        trial.run("wide = torch.complex128 if x.is_complex() else torch.float64")
        trial.run("y = (x.to(wide) * w.to(wide)).reshape(-1)")
        trial.run("y.backward(g.to(wide).reshape(-1))")
        trial.expect("x.grad", case.cast(case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)
        trial.expect_true("x.grad.device == x.device and x.grad.layout == x.layout", "device and layout are the same")
        trial.run("x.grad = None")
        trial.run(
            "(x.sum() * w.sum()).backward()" if not case.dtype.startswith("complex") else "x.real.sum().backward()"
        )
        trial.expect_true("x.grad.dtype == x.dtype and x.grad.shape == x.shape", "dtype and shape are the leaf's")
        trial.expect_true("x.grad.device == x.device", "device is the leaf's")


@clause("autograd.accumulation.broadcast-leaves-get-sums")
def test_broadcast(cell: Cell) -> None:
    generator = cell.generator()
    for small, large in (
        ((), (2, 3)),
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 3), (2, 3)),
        ((1, 1), (3, 1)),
        ((1,), (0,)),
    ):
        case, wide = leaves(cell, small, generator, names="x"), leaves(cell, large, generator, names="wg")
        terms = wide["g"] * np.conj(wide["w"])
        lead = terms.ndim - len(small)
        axes = (*range(lead), *(lead + dim for dim, extent in enumerate(small) if extent == 1 != large[lead + dim]))
        expected = terms.sum(axis=axes).reshape(small)
        for spelling in ("x * w", "w * x", "x.expand_as(w) * w", "torch.mul(w, x)"):
            trial = cell.trial(**case.tensors, **wide.tensors)
            trial.run("x.requires_grad_()")
            trial.run(f"y = {spelling}")
            trial.run("y.backward(g)")
            trial.expect("x.grad", case.cast(expected), UNSIGNED_ZERO)


@clause("autograd.accumulation.grad-has-the-layout-of-a-dense-leaf")
def test_layout(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((2, 3), (3, 2, 4), (2, 3, 2, 2), (3,)):
        w = leaves(cell, size, generator, names="wg", contiguous=True)
        for structure in structures(size):
            if structure.layout == "expanded":
                continue
            dense = structure.layout in ("contiguous", "transposed", "channels-last", "offset")
            values = leaves(cell, (structure.length,), generator, names="x", contiguous=True)
            x = Strided(values.tensors["x"].storage, size, structure.stride, structure.offset)
            # A dense leaf's strides are kept, any other gets a contiguous gradient.
            stride = structure.stride if dense else Strided.from_array(x.array).stride
            trial = cell.trial(x=x, **w.tensors)
            trial.run("x.requires_grad_()")
            trial.run("(x * w).backward(g)")
            trial.expect_equal("tuple(x.grad.stride())", stride)
            trial.expect("x.grad", w.cast(w["g"] * np.conj(w["w"])), UNSIGNED_ZERO)


@clause("autograd.accumulation.keeps-the-layout-of-an-assigned-grad")
def test_assigned_layout(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((2, 3), (3, 2, 4), (2, 3, 2, 2)):
        case = leaves(cell, size, generator, names="xwg", contiguous=True)
        for structure in structures(size):
            if structure.layout == "expanded":
                continue
            drawn_values = leaves(cell, (structure.length,), generator, names="s", contiguous=True)
            s = Strided(drawn_values.tensors["s"].storage, size, structure.stride, structure.offset)
            trial = cell.trial(s=s, **case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("x.grad = s")
            trial.run("(x * w).backward(g)")
            trial.expect_equal("tuple(x.grad.stride())", structure.stride)
            wide = np.asarray(s.array).astype(case["x"].dtype)
            trial.expect("x.grad", case.cast(wide + case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)
