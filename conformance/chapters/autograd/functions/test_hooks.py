"""Hooks on tensors and nodes: what they are given, what they change, their order and removal."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO


@clause("autograd.hooks.are-given-the-gradient")
def test_given(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("seen = {}")
        trial.run("m = x * w")
        trial.run("m.register_hook(lambda grad: seen.setdefault('m', []).append(grad.clone()))")
        trial.run("x.register_hook(lambda grad: seen.setdefault('x', []).append(grad.clone()))")
        # Two uses of m: its hook is called once, with the sum.
        trial.run("y = m * 2 + m * w")
        trial.run("y.register_hook(lambda grad: seen.setdefault('y', []).append(grad.clone()))")
        trial.run("y.backward(g, retain_graph=True)")
        trial.expect_equal("[len(seen[name]) for name in 'xmy']", [1, 1, 1])
        inner = g * np.conj(2 + w)
        trial.expect("seen['y'][0]", case.cast(g), UNSIGNED_ZERO)
        trial.expect("seen['m'][0]", case.cast(inner), UNSIGNED_ZERO)
        trial.expect("seen['x'][0]", case.cast(inner * np.conj(w)), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(inner * np.conj(w)), UNSIGNED_ZERO)
        # The hook of a leaf sees the new gradient alone, not what has accumulated.
        trial.run("y.backward(g)")
        trial.expect_equal("[len(seen[name]) for name in 'xmy']", [2, 2, 2])
        trial.expect("seen['x'][1]", case.cast(inner * np.conj(w)), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(2 * inner * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.hooks.may-replace-the-gradient")
def test_replace(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        for place, by_x, by_w in (
            ("m", 3 * g * np.conj(w), 3 * g * np.conj(x)),
            ("x", 3 * g * np.conj(w), g * np.conj(x)),
            ("w", g * np.conj(w), 3 * g * np.conj(x)),
            ("y", 3 * g * np.conj(w), 3 * g * np.conj(x)),
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run("m = x * w; y = m + 1")
            trial.run(f"{place}.register_hook(lambda grad: grad * 3)")
            trial.run("a, b = torch.autograd.grad(y, (x, w), g, retain_graph=True)")
            trial.run("y.backward(g)")
            for answer, wanted in (("a", by_x), ("b", by_w), ("x.grad", by_x), ("w.grad", by_w)):
                trial.expect(answer, case.cast(wanted), UNSIGNED_ZERO)


@clause("autograd.hooks.run-in-the-order-of-registration")
def test_order(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        for place in ("x", "m"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("m = x * w; order = []")
            trial.run(f"{place}.register_hook(lambda grad: grad + 1)")
            trial.run(f"{place}.register_hook(lambda grad: order.append('none'))")
            trial.run(f"{place}.register_hook(lambda grad: order.append(grad.clone()) or grad * 2)")
            trial.run(f"{place}.register_hook(lambda grad: order.append('last'))")
            trial.run("m.backward(g)")
            into = g if place == "m" else g * np.conj(w)
            out = 2 * (into + 1)
            trial.expect_equal("(order[0], order[2], len(order))", ("none", "last", 3))
            trial.expect("order[1]", case.cast(into + 1), UNSIGNED_ZERO)
            trial.expect("x.grad", case.cast(out * np.conj(w) if place == "m" else out), UNSIGNED_ZERO)


@clause("autograd.hooks.are-removed-by-their-handle")
def test_removed(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        for place in ("x", "m"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("m = x * w")
            trial.run(f"two = {place}.register_hook(lambda grad: grad * 2)")
            trial.run(f"three = {place}.register_hook(lambda grad: grad * 3)")
            trial.run(f"five = {place}.register_hook(lambda grad: grad + grad * 4)")
            for statement, factor in (
                ("pass", 30),
                ("three.remove()", 10),
                ("two.remove()", 5),
                ("two.remove()", 5),
                ("five.remove()", 1),
            ):
                trial.run(statement)
                trial.run("a, = torch.autograd.grad(m, x, torch.ones_like(m), retain_graph=True)")
                trial.expect("a", case.cast(factor * np.conj(w)), UNSIGNED_ZERO)
            trial.run(f"with {place}.register_hook(lambda grad: grad * 7): m.backward(g, retain_graph=True)")
            trial.expect("x.grad", case.cast(7 * g * np.conj(w)), UNSIGNED_ZERO)
            trial.run("x.grad = None; m.backward(g)")
            trial.expect("x.grad", case.cast(g * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.hooks.need-a-tensor-that-requires-grad")
def test_needs_grad(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (3,), cell.generator()).tensors)
    for call in (
        "x.register_hook(print)",
        "(x * w).register_hook(print)",
        "x.requires_grad_().detach().register_hook(print)",
    ):
        trial.expect_error(call, RuntimeError)
    trial.run("x.requires_grad_(False)")
    trial.expect_error("x.register_hook(lambda grad: None)", RuntimeError)


@clause("autograd.hooks.result-must-fit-the-gradient")
def test_misfit(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator())
    for place in ("x", "m"):
        for hook, error in (
            ("lambda grad: grad[:1]", RuntimeError),
            ("lambda grad: grad.t()", RuntimeError),
            ("lambda grad: grad.sum()", RuntimeError),
            ("lambda grad: 3.0", TypeError),
            ("lambda grad: [grad]", TypeError),
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("m = x * w; y = m * 2")
            trial.run(f"{place}.register_hook({hook})")
            trial.expect_error("y.backward(g)", error)
            trial.expect_true("x.grad is None", "no gradient is accumulated in the leaf")


@clause("autograd.hooks.exception-passes-through-backward")
def test_exception(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator())
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_()")
    trial.run("m = x * w")
    trial.run("handle = m.register_hook(lambda grad: {}['missing'])")
    trial.expect_error("m.backward(g, retain_graph=True)", KeyError)
    trial.expect_error("torch.autograd.grad(m, x, g, retain_graph=True)", KeyError)
    trial.expect_true("x.grad is None", "no gradient is accumulated in the leaf")
    trial.run("handle.remove()")
    trial.run("m.backward(g)")
    trial.expect("x.grad", case.cast(case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)


@clause("autograd.hooks.run-when-their-tensor-gets-a-gradient")
def test_when(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (3,), cell.generator()).tensors)
    trial.run("x.requires_grad_(); w.requires_grad_()")
    trial.run("m = x * w; y = m * 2; seen = []")
    for name in ("x", "w", "m", "y"):
        trial.run(f"{name}.register_hook(lambda grad: seen.append('{name}'))")
    for call, names in (
        ("torch.autograd.grad(y, x, g, retain_graph=True)", ["m", "x", "y"]),
        ("torch.autograd.grad(y, [w], g, retain_graph=True)", ["m", "w", "y"]),
        ("torch.autograd.grad(y, m, g, retain_graph=True)", ["m", "y"]),
        ("torch.autograd.grad(m, (x, w), g, retain_graph=True)", ["m", "w", "x"]),
        ("y.backward(g, inputs=[w], retain_graph=True)", ["m", "w", "y"]),
        ("y.backward(g, retain_graph=True)", ["m", "w", "x", "y"]),
        ("(x * 2).backward(g)", ["x"]),
    ):
        trial.run(f"seen.clear(); {call}")
        trial.expect_equal("sorted(seen)", names)
        if "m" in names and "y" in names:
            trial.expect_true("seen.index('y') < seen.index('m')", "hooks run along the graph, backwards")


@clause("autograd.hooks.retained-grad-comes-after-them")
def test_retained(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        calls = ("m.retain_grad()", "m.register_hook(lambda grad: grad * 3)")
        for first, second in (calls, calls[::-1]):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("m = x * w; y = m * 2")
            trial.run(first)
            trial.run(second)
            trial.run("y.backward(g)")
            trial.expect("m.grad", case.cast(6 * g), UNSIGNED_ZERO)
            trial.expect("x.grad", case.cast(6 * g * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.hooks.belong-to-the-value-they-were-registered-for")
def test_in_place(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("m = x * w; seen = []")
        trial.run("m.register_hook(lambda grad: seen.append(('before', grad.clone())))")
        trial.run("m.retain_grad()")
        trial.run("m.mul_(3)")
        trial.run("m.register_hook(lambda grad: seen.append(('after', grad.clone())))")
        trial.run("m.backward(g)")
        trial.expect_equal("[name for name, _ in seen]", ["after", "before"])
        trial.expect("seen[0][1]", case.cast(g), UNSIGNED_ZERO)
        trial.expect("seen[1][1]", case.cast(3 * g), UNSIGNED_ZERO)
        # The retained gradient is that of the value which the tensor has now.
        trial.expect("m.grad", case.cast(g), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(3 * g * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.hooks.post-accumulate-runs-after-the-sum")
def test_post_accumulate(cell: Cell) -> None:
    for case, formula in drawn(cell):
        expected = formula.pullback(0, case)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("seen = []")
        trial.run("handle = x.register_post_accumulate_grad_hook(lambda t: seen.append((t, t.grad.clone())))")
        trial.run("x.register_post_accumulate_grad_hook(lambda t: seen.append('second'))")
        trial.run("x.register_hook(lambda grad: seen.append('tensor hook'))")
        for times in (1, 2):
            trial.run(f"y = {formula.text}")
            trial.run("y.backward(g)")
            trial.expect_equal(
                "(len(seen), seen[-3], seen[-1], seen[-2][0] is x)", (3 * times, "tensor hook", "second", True)
            )
            trial.expect("seen[-2][1]", case.cast(times * expected), UNSIGNED_ZERO)
        trial.run("handle.remove(); seen.clear()")
        trial.run(f"y = {formula.text}")
        trial.run("torch.autograd.grad(y, x, g, retain_graph=True)")
        trial.expect_equal("seen", ["tensor hook"])
        trial.run("seen.clear(); y.backward(g)")
        trial.expect_equal("seen", ["tensor hook", "second"])
        # A hook may use the gradient up.
        trial.run("w.register_post_accumulate_grad_hook(lambda t: setattr(t, 'grad', None))")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect_true("w.grad is None and x.grad is not None", "the hook has the last word")


@clause("autograd.hooks.post-accumulate-is-for-leaves-that-require-grad")
def test_post_accumulate_refused(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (3,), cell.generator()).tensors)
    trial.expect_error("x.register_post_accumulate_grad_hook(print)", RuntimeError)
    trial.run("x.requires_grad_(); y = x * w")
    trial.expect_error("y.register_post_accumulate_grad_hook(print)", RuntimeError)
    trial.expect_error("x[...].register_post_accumulate_grad_hook(print)", RuntimeError)
    trial.expect_error("x.detach().register_post_accumulate_grad_hook(print)", RuntimeError)


@clause("autograd.hooks.of-a-node-see-and-replace-gradients")
def test_node(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("seen = []")
        trial.run("y = x * w")
        trial.run("y.grad_fn.register_hook(lambda into, out: seen.append((*into, *out)))")
        trial.run("y.grad_fn.register_hook(lambda into, out: (into[0] * 2, into[1] * 3))")
        trial.run("y.backward(g)")
        for place, wanted in enumerate((g * np.conj(w), g * np.conj(x), g)):
            trial.expect(f"seen[0][{place}]", case.cast(wanted), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(2 * g * np.conj(w)), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(3 * g * np.conj(x)), UNSIGNED_ZERO)
        trial.run("x.grad = w.grad = None; y = x * w")
        trial.run("handle = y.grad_fn.register_prehook(lambda out: (out[0] * 5,))")
        trial.run("y.backward(g, retain_graph=True)")
        trial.expect("x.grad", case.cast(5 * g * np.conj(w)), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(5 * g * np.conj(x)), UNSIGNED_ZERO)
        trial.run("handle.remove(); x.grad = None; y.backward(g)")
        trial.expect("x.grad", case.cast(g * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.hooks.multi-grad-waits-for-all-gradients")
def test_multi(cell: Cell) -> None:
    for case, _ in drawn(cell, names="xwvg"):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_(); v.requires_grad_()")
        trial.run("seen = []")
        trial.run("handle = torch.autograd.graph.register_multi_grad_hook((x, v, w), seen.append)")
        trial.run("(x * w + v).backward(g)")
        trial.expect_equal("(len(seen), len(seen[0]))", (1, 3))
        for place, wanted in enumerate((g * np.conj(w), g, g * np.conj(x))):
            trial.expect(f"seen[0][{place}]", case.cast(wanted), UNSIGNED_ZERO)
        trial.run("(x * w).backward(g)")
        trial.expect_equal("(len(seen), seen[1][1])", (2, None))
        trial.expect("seen[1][2]", case.cast(g * np.conj(x)), UNSIGNED_ZERO)
        trial.run("handle.remove(); (x * w + v).backward(g)")
        trial.expect_equal("len(seen)", 2)
