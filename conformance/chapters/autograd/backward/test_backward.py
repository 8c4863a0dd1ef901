"""Calls of backward: gradients given, several roots, kept and freed graphs, chosen inputs, refusals."""

from __future__ import annotations

import itertools

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import BACKWARDS, drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO


@clause("autograd.backward.weighs-by-the-gradient-given")
def test_weighs(cell: Cell) -> None:
    for case, formula in drawn(cell):
        expected = case.cast(formula.pullback(0, case))
        for call in BACKWARDS:
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(call)
            trial.expect("x.grad", expected, UNSIGNED_ZERO)
            trial.expect_true("w.grad is None", "a tensor that requires no grad gets none")


# y has one element.
ONES = ("y.backward()", "y.backward(None)", "torch.autograd.backward(y)", "torch.autograd.backward([y], [None])")


@clause("autograd.backward.one-element-needs-no-gradient")
def test_one_element(cell: Cell) -> None:
    for case, formula in drawn(cell, sizes=((), (1,), (1, 1), (1, 1, 1)), names="xw"):
        expected = formula.polynomial.partial(0).value(case["x"], case["w"])
        for call in ONES:
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(call)
            trial.expect("x.grad", case.cast(expected), UNSIGNED_ZERO)


NEEDED = (
    "y.backward()",
    "y.backward(None)",
    "torch.autograd.backward(y)",
    "torch.autograd.backward([y], [None])",
    "torch.autograd.backward([y.sum(), y])",
    "torch.autograd.grad(y, x)",
    "torch.autograd.grad([y], [x], [None])",
)


@clause("autograd.backward.several-elements-need-a-gradient")
def test_needs_gradient(cell: Cell) -> None:
    for case, formula in drawn(cell, sizes=((2,), (2, 3), (0,), (1, 2), (2, 0))):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"y = {formula.text}")
        for call in NEEDED:
            trial.expect_error(call, RuntimeError)
            trial.expect_true("x.grad is None", "a refused call accumulates nothing")
        # The graph is still there.
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)


WRONG = ("g[:1]", "g[0]", "g.t()", "g.reshape(-1)", "g.sum()", "g[None]", "torch.cat([g, g])")


@clause("autograd.backward.refuses-a-gradient-of-another-shape")
def test_wrong_shape(cell: Cell) -> None:
    generator = cell.generator()
    for _ in range(2):
        case = leaves(cell, (2, 3), generator)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("y = x * w")
        for wrong in WRONG:
            trial.expect_error(f"y.backward({wrong})", RuntimeError)
            trial.expect_error(f"torch.autograd.backward(y, {wrong})", RuntimeError)
            trial.expect_error(f"torch.autograd.grad(y, x, {wrong})", RuntimeError)
        trial.run("z = y[0, 0]")
        for wrong in ("g[:1, 0]", "g[:1, :1]", "g"):
            trial.expect_error(f"z.backward({wrong})", RuntimeError)
        trial.expect_true("x.grad is None", "a refused call accumulates nothing")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)


@clause("autograd.backward.refuses-too-few-gradients")
def test_wrong_number(cell: Cell) -> None:
    case = leaves(cell, (3,), cell.generator())
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_()")
    trial.run("y, z = x * w, x * x")
    for call in (
        "torch.autograd.backward([y, z], [g])",
        "torch.autograd.backward((y, z), g)",
        "torch.autograd.grad([y, z], x, [g])",
    ):
        trial.expect_error(call, RuntimeError)
        trial.expect_true("x.grad is None", "a refused call accumulates nothing")


@clause("autograd.backward.sums-over-roots")
def test_roots(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgh"):
        g, h = case["g"], case["h"]
        first = formula.pullback(0, case), formula.pullback(1, case)
        for call in (
            "torch.autograd.backward([y, z], [g, h])",
            "torch.autograd.backward((z, y), (h, g))",
            "torch.autograd.backward([y, z], grad_tensors=[g, h])",
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run("z = x * w")
            trial.run(call)
            trial.expect("x.grad", case.cast(first[0] + h * np.conj(case["w"])), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(first[1] + h * np.conj(case["x"])), UNSIGNED_ZERO)
        # One root lies on the way to the other; a root of one element needs no gradient.
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("y = x * w; z = y * 2; s = x[()].real.sum()")
        trial.run("torch.autograd.backward([z, s, y], [g, None, h])")
        trial.expect("x.grad", case.cast((2 * g + h) * np.conj(case["w"]) + 1), UNSIGNED_ZERO)


AGAIN = ("y.backward(g)", "torch.autograd.grad(y, x, g)", "z.backward(g)", "y.backward(g, retain_graph=True)")


@clause("autograd.backward.a-freed-graph-is-refused")
def test_freed(cell: Cell) -> None:
    for turn, (case, formula) in enumerate(drawn(cell)):
        expected = formula.pullback(0, case)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        for first in ("y.backward(g)", "y.backward(g, retain_graph=False)", "torch.autograd.grad(y, x, g)"):
            trial.run(f"y = {formula.text}")
            trial.run("z = y * 1")
            trial.run(first)
            trial.run("x.grad = w.grad = None")
            # An error costs milliseconds in torch 2.0.
            for again in AGAIN if turn == 0 else (AGAIN[turn % len(AGAIN)],):
                trial.expect_error(again, RuntimeError)
            trial.expect_true("x.grad is None and w.grad is None", "a refused call accumulates nothing")
        # The leaves are as good as new.
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(expected), UNSIGNED_ZERO)


KEEPING = (
    "y.backward(g, retain_graph=True)",
    "y.backward(g, True)",
    "torch.autograd.backward(y, g, retain_graph=True)",
    "torch.autograd.backward(y, g, True)",
    "y.backward(g, create_graph=True)",
    "torch.autograd.backward(y, g, create_graph=True)",
)


@clause("autograd.backward.retain-graph-keeps-the-graph")
def test_kept(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(f"y = {formula.text}")
        for call in KEEPING:
            trial.run(call)
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(formula.pullback(1, case)), UNSIGNED_ZERO)
            trial.run("x.grad = w.grad = None")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        trial.expect_error("y.backward(g)", RuntimeError)


@clause("autograd.backward.create-graph-makes-grads-differentiable")
def test_create_graph(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgh"):
        # The gradient is g conj(f'), whose own gradient for h is conj(h) g conj(f'').
        first = formula.polynomial.partial(0)
        second = [first.partial(place).value(case["x"], case["w"]) for place in range(2)]
        second = [np.conj(case["h"]) * case["g"] * np.conj(each) for each in second]
        for call in (
            "y.backward(g, create_graph=True)",
            "y.backward(g, None, True)",
            "torch.autograd.backward(y, g, create_graph=True)",
            "torch.autograd.backward(y, g, None, True)",
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(call)
            trial.run("first = x.grad")
            trial.expect("first", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect_true("first.requires_grad", "the gradient belongs to a graph")
            trial.run("x.grad = w.grad = None")
            trial.run("torch.autograd.backward(first, h)")
            if first.partial(0).terms:
                trial.expect("x.grad", case.cast(second[0]), UNSIGNED_ZERO)
            if first.partial(1).terms:
                trial.expect("w.grad", case.cast(second[1]), UNSIGNED_ZERO)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        for call in ("y.backward(g)", "y.backward(g, create_graph=False)", "y.backward(g, retain_graph=True)"):
            trial.run(f"y = {formula.text}")
            trial.run("x.grad = w.grad = None")
            trial.run(call)
            trial.expect_true(
                "not x.grad.requires_grad and not w.grad.requires_grad",
                "gradients require no gradient without create_graph",
            )


@clause("autograd.backward.inputs-limits-where-gradients-go")
def test_inputs(cell: Cell) -> None:
    for case, formula in drawn(cell, names="xwgv"):
        expected = [formula.pullback(place, case) for place in range(2)]
        wanted = {"x": expected[0], "w": expected[1]}
        for names, call in (
            ("x", "y.backward(g, inputs=[x])"),
            ("w", "y.backward(g, inputs=[w])"),
            ("w", "y.backward(g, inputs=(w,))"),
            ("xw", "y.backward(g, inputs=[w, x])"),
            ("x", "y.backward(g, inputs=[x, v])"),
            ("w", "torch.autograd.backward(y, g, inputs=[w])"),
            ("x", "torch.autograd.backward([y], [g], inputs=(x,))"),
            ("xw", "torch.autograd.backward(y, g, inputs=(x, w))"),
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_(); v.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(call)
            for name in "xw":
                if name in names:
                    trial.expect(f"{name}.grad", case.cast(wanted[name]), UNSIGNED_ZERO)
                else:
                    trial.expect_true(f"{name}.grad is None", "nothing is accumulated elsewhere")
            trial.expect_true("v.grad is None", "an input that the graph does not reach gets no gradient")


@clause("autograd.backward.inputs-may-be-one-tensor")
def test_one_input(cell: Cell) -> None:
    for case, formula in drawn(cell, sizes=((2, 3), (3,), (1, 2, 2), (1,))):
        for call in ("y.backward(g, inputs=x)", "torch.autograd.backward(y, g, inputs=x)"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(call)
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect_true("w.grad is None", "nothing is accumulated elsewhere")


@clause("autograd.backward.inputs-may-lie-inside-the-graph")
def test_inner_inputs(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("m = x * w; y = m * m")
        trial.run("y.backward(g, inputs=[m])")
        trial.expect("m.grad", case.cast(2 * g * np.conj(case["x"] * w)), UNSIGNED_ZERO)
        trial.expect_true("x.grad is None and w.grad is None", "nothing is accumulated elsewhere")


@clause("autograd.backward.refuses-an-empty-list-of-inputs")
def test_empty_inputs(cell: Cell) -> None:
    case = leaves(cell, (3,), cell.generator())
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_()")
    trial.run("y = x * w")
    for call in ("y.backward(g, inputs=[])", "y.backward(g, inputs=())", "torch.autograd.backward(y, g, inputs=[])"):
        trial.expect_error(call, RuntimeError)
        trial.expect_true("x.grad is None", "a refused call accumulates nothing")


@clause("autograd.backward.without-a-graph-is-refused")
def test_no_graph(cell: Cell) -> None:
    for case, formula in drawn(cell, sizes=((2, 3), (), (0,), (1,))):
        trial = cell.trial(**case.tensors)
        trial.run(f"y = {formula.text}")
        for call in (*BACKWARDS, "torch.autograd.grad(y, x, g)", "w.backward(g)"):
            trial.expect_error(call, RuntimeError)
        trial.run("x.requires_grad_()")
        trial.run(f"y = ({formula.text}).detach()")
        for call in BACKWARDS:
            trial.expect_error(call, RuntimeError)
        trial.expect_true("x.grad is None and w.grad is None", "a refused call accumulates nothing")


@clause("autograd.backward.of-a-leaf-gives-the-gradient-itself")
def test_leaf_root(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("y = x.requires_grad_()")
        for times, call in enumerate(BACKWARDS[:3], 1):
            trial.run(call)
            trial.expect("x.grad", case.cast(times * case["g"]), UNSIGNED_ZERO)
        trial.expect("torch.autograd.grad(x, x, g)[0]", case.cast(case["g"]), UNSIGNED_ZERO)


@clause("autograd.backward.graph-follows-control-flow")
def test_control_flow(cell: Cell) -> None:
    branches = {True: "x * x * w", False: "x - w * 3"}
    for case, _ in drawn(cell, sizes=((3,), (2, 3), ())):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(
            "def f(x, w, flag, times):\n"
            "    y = x * x * w if flag else x - w * 3\n"
            "    for turn in range(times):\n"
            "        y = y + x if turn % 2 else y - w\n"
            "    return y"
        )
        x, w, g = (case[name] for name in "xwg")
        for flag, times in itertools.product(branches, (0, 1, 2, 3, 5)):
            trial.run(f"x.grad = w.grad = None; f(x, w, {flag}, {times}).backward(g)")
            by_x = g * np.conj(2 * x * w if flag else np.ones_like(x)) + times // 2 * g
            by_w = g * np.conj(x * x if flag else np.full_like(w, -3)) - (times + 1) // 2 * g
            trial.expect("x.grad", case.cast(by_x), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(by_w), UNSIGNED_ZERO)


@clause("autograd.backward.branches-on-values-decide-the-graph")
def test_values_decide(cell: Cell) -> None:
    generator = cell.generator()
    case = leaves(cell, (7,), generator, contiguous=True)
    g = case["g"]
    trial = cell.trial(**case.tensors)
    trial.run("leaf = x.clone().requires_grad_()")
    trial.run(
        "def f(t):\n"
        "    steps = 0\n"
        "    while float(t.detach()) < 20:\n"
        "        t = t * 2 if float(t.detach()) > 0 else t * -3\n"
        "        steps += 1\n"
        "    return t"
    )
    trial.run("y = torch.stack([f(each) for each in leaf.unbind()])")
    trial.run("y.backward(g)")
    slopes = []
    for value in case["x"].tolist():
        slope = 1.0
        while value * slope < 20:
            slope *= 2 if value * slope > 0 else -3
        slopes.append(slope)
    trial.expect("leaf.grad", case.cast(g * np.array(slopes)), UNSIGNED_ZERO)
