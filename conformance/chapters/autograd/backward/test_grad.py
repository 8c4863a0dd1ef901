"""torch.autograd.grad: what it returns and leaves alone, unused inputs, higher derivatives, several outputs."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.reference.numerics.polynomials import power

# What is asked for, in order, and the call.
CALLS = (
    ("x", "torch.autograd.grad(y, x, g)"),
    ("w", "torch.autograd.grad(y, w, grad_outputs=g)"),
    ("xw", "torch.autograd.grad(y, [x, w], g)"),
    ("wx", "torch.autograd.grad([y], (w, x), [g])"),
    ("xw", "torch.autograd.grad(outputs=(y,), inputs=(x, w), grad_outputs=(g,))"),
    ("wxw", "torch.autograd.grad(y, (w, x, w), g)"),
)


@clause("autograd.grad.returns-the-gradients-of-its-inputs")
def test_returns(cell: Cell) -> None:
    for case, formula in drawn(cell):
        wanted = {"x": formula.pullback(0, case), "w": formula.pullback(1, case)}
        for names, call in CALLS:
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(f"answer = {call}")
            trial.expect_true("type(answer) is tuple", "the gradients come in a tuple")
            trial.expect_equal("len(answer)", len(names))
            for place, name in enumerate(names):
                trial.expect(f"answer[{place}]", case.cast(wanted[name]), UNSIGNED_ZERO)
                trial.expect_true(
                    f"not answer[{place}].requires_grad", "without create_graph an answer belongs to no graph"
                )


@clause("autograd.grad.leaves-grad-alone")
def test_leaves_grad_alone(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgs"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        for options in ("", ", retain_graph=True", ", create_graph=True"):
            trial.run(f"y = {formula.text}")
            trial.run(f"torch.autograd.grad(y, x, g{options})")
            trial.run(f"torch.autograd.grad({formula.text}, (x, w), g{options})")
            trial.expect_true("x.grad is None and w.grad is None", "no leaf's grad is written")
        trial.run("x.grad = s")
        trial.run(f"torch.autograd.grad({formula.text}, (x, w), g)")
        trial.expect("s", case.cast(case["s"]), UNSIGNED_ZERO)
        trial.expect_true("x.grad is s and w.grad is None", "no leaf's grad is written")


@clause("autograd.grad.sums-over-outputs")
def test_sums_over_outputs(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgh"):
        g, h = case["g"], case["h"]
        by_x = formula.pullback(0, case) + h * np.conj(case["w"])
        by_w = formula.pullback(1, case) + h * np.conj(case["x"])
        for call in (
            "torch.autograd.grad([y, z], [x, w], [g, h])",
            "torch.autograd.grad((z, y), (x, w), (h, g))",
            "torch.autograd.grad((y, z), (x, w), grad_outputs=[g, h])",
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y, z = {formula.text}, x * w")
            trial.run(f"by_x, by_w = {call}")
            trial.expect("by_x", case.cast(by_x), UNSIGNED_ZERO)
            trial.expect("by_w", case.cast(by_w), UNSIGNED_ZERO)
        # None stands for one, where the output has one element.
        trial.run("s = (x.real * 2).sum(); y = x * w")
        trial.run("by_x, = torch.autograd.grad([s, y], [x], [None, g])")
        trial.expect("by_x", case.cast(2 + g * np.conj(case["w"])), UNSIGNED_ZERO)


@clause("autograd.grad.refuses-an-unused-input")
def test_unused_refused(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgv"):
        for call in (
            "torch.autograd.grad(y, v, g)",
            "torch.autograd.grad(y, [x, v], g)",
            "torch.autograd.grad(y, [v, x], g, allow_unused=False)",
            "torch.autograd.grad([y, y * 2], [x, v], [g, g])",
            "torch.autograd.grad(y, [m], g)",
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_(); v.requires_grad_()")
            trial.run(f"y = {formula.text}; m = x * 2")
            trial.expect_error(call, RuntimeError)
            trial.expect_true("x.grad is None and v.grad is None", "a refused call accumulates nothing")


@clause("autograd.grad.allow-unused-gives-none")
def test_allow_unused(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgv"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_(); v.requires_grad_()")
        trial.run(f"y = {formula.text}")
        trial.run("a, b, c = torch.autograd.grad(y, (v, x, w), g, allow_unused=True)")
        trial.expect_true("a is None", "an unused input has no gradient")
        trial.expect("b", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        trial.expect("c", case.cast(formula.pullback(1, case)), UNSIGNED_ZERO)
        trial.run(f"y = {formula.text}")
        trial.expect_true("torch.autograd.grad(y, v, g, allow_unused=True) == (None,)", "the tuple has one None")


@clause("autograd.grad.materialize-grads-gives-zeros")
def test_materialize(cell: Cell) -> None:
    generator = cell.generator()
    for case, formula in drawn(cell):
        other = leaves(cell, (3, 1, 2), generator, names="v")
        for options in ("materialize_grads=True", "materialize_grads=True, allow_unused=True"):
            trial = cell.trial(**case.tensors, **other.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_(); v.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(f"a, b = torch.autograd.grad(y, (v, x), g, {options})")
            trial.expect("a", other.cast(np.zeros_like(other["v"])))
            trial.expect_true("a.device == v.device", "zeros are made on the device of the input")
            trial.expect("b", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        trial.run(f"y = {formula.text}")
        trial.expect_error("torch.autograd.grad(y, (v, x), g, materialize_grads=True, allow_unused=False)", ValueError)
        trial.expect_error("torch.autograd.grad(y, (v, x), g, materialize_grads=False)", RuntimeError)


@clause("autograd.grad.create-graph-gives-higher-derivatives")
def test_higher(cell: Cell) -> None:
    for case, _ in drawn(cell, names="x", sizes=((2, 3), (), (3,), (0,))):
        x = case["x"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("y = x * x * x")
        for order in (1, 2, 3):
            trial.run("y, = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)")
            trial.expect("y", case.cast(np.conj(power(3, order, x))), UNSIGNED_ZERO)
            # The third derivative does not depend on x any more.
            trial.expect_equal("y.requires_grad", order < 3)
        trial.run("y = x * x * x")
        trial.run("first, = torch.autograd.grad(y, x, torch.ones_like(y), retain_graph=True)")
        trial.expect_error("torch.autograd.grad(first, x, torch.ones_like(first))", RuntimeError)
        trial.run("first, = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=False)")
        trial.expect_true("first.grad_fn is None", "without create_graph there is no graph of the gradient")


@clause("autograd.grad.mixed-derivatives-do-not-depend-on-order")
def test_mixed(cell: Cell) -> None:
    for case, formula in drawn(cell):
        if formula.polynomial.partial(0).partial(1).terms == {}:
            continue
        second = formula.polynomial.partial(0).partial(1).value(case["x"], case["w"])
        for one, other in (("x", "w"), ("w", "x")):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(f"first, = torch.autograd.grad(y, {one}, torch.ones_like(y), create_graph=True)")
            trial.run(f"second, = torch.autograd.grad(first, {other}, torch.ones_like(first))")
            trial.expect("second", case.cast(np.conj(second)), UNSIGNED_ZERO)


@clause("autograd.grad.retain-graph-defaults-to-create-graph")
def test_retain_graph(cell: Cell) -> None:
    for case, formula in drawn(cell):
        expected = case.cast(formula.pullback(0, case))
        for options in ("retain_graph=True", "create_graph=True", "create_graph=True, retain_graph=True"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            for _ in range(3):
                trial.run(f"a, = torch.autograd.grad(y, x, g, {options})")
                trial.expect("a", expected, UNSIGNED_ZERO)
        for options in ("retain_graph=False", "create_graph=False", "create_graph=True, retain_graph=False"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(f"a, = torch.autograd.grad(y, x, g, {options})")
            trial.expect("a", expected, UNSIGNED_ZERO)
            trial.expect_error("torch.autograd.grad(y, x, g)", RuntimeError)


@clause("autograd.grad.inputs-may-lie-inside-the-graph")
def test_inner(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("m = x * w; n = m * m; y = n * x + m")
        trial.run("a, b, c, d = torch.autograd.grad(y, (m, n, x, y), g)")
        trial.expect("a", case.cast(2 * g * np.conj(x * x * w) + g), UNSIGNED_ZERO)
        trial.expect("b", case.cast(g * np.conj(x)), UNSIGNED_ZERO)
        trial.expect("c", case.cast(g * np.conj(3 * (x * w) ** 2 + w)), UNSIGNED_ZERO)
        trial.expect("d", case.cast(g), UNSIGNED_ZERO)
        trial.expect_true("m.grad_fn is not None and x.grad is None", "the graph is as it was")


@clause("autograd.grad.refuses-an-input-that-requires-no-grad")
def test_constant_input(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgv"):
        for options in ("", ", allow_unused=True", ", create_graph=True"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run(f"y = {formula.text}")
            for inputs in ("w", "[x, w]", "v", "x.detach()"):
                trial.expect_error(f"torch.autograd.grad(y, {inputs}, g{options})", RuntimeError)


@clause("autograd.grad.batched-grads-are-one-per-row")
def test_batched(cell: Cell) -> None:
    generator = cell.generator()
    for case, formula in drawn(cell, names="xw", sizes=((2, 3), (3,), ())):
        size = case["x"].shape
        rows = leaves(cell, (4, *size), generator, names="g")
        for options in ("is_grads_batched=True", "is_grads_batched=True, retain_graph=True"):
            trial = cell.trial(**case.tensors, **rows.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(f"a, b = torch.autograd.grad(y, (x, w), g, {options})")
            for place, name in enumerate("ab"):
                factor = formula.polynomial.partial(place).value(case["x"], case["w"])
                trial.expect(name, case.cast(rows["g"] * np.conj(factor)), UNSIGNED_ZERO)
