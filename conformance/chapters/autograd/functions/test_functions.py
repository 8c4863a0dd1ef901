"""Custom torch.autograd.Function: forward, backward, context, and what a backward may return."""

from __future__ import annotations

import itertools

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO

# The factors tell its own backward from the product's.
OWN = """
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, power=1):
        ctx.save_for_backward(x, w)
        ctx.power = power
        return x * w
    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad * w * 2 ** ctx.power, grad * x * 3, None
"""
# The same with the context set up apart.
APART = """
class Apart(torch.autograd.Function):
    @staticmethod
    def forward(x, w, power=1):
        return x * w, 7
    @staticmethod
    def setup_context(ctx, inputs, output):
        x, w, ctx.power = inputs
        ctx.seen = output
        ctx.save_for_backward(x, w)
    @staticmethod
    def backward(ctx, grad, nothing):
        x, w = ctx.saved_tensors
        assert ctx.seen[1] == 7 and nothing is None
        return grad * w * 2 ** ctx.power, grad * x * 3, None
"""


@clause("autograd.function.backward-defines-the-gradient")
def test_own_backward(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(OWN)
        for arguments, power in (("x, w", 1), ("x, w, 2", 2), ("x, w, 0", 0)):
            trial.run(f"y = Own.apply({arguments})")
            trial.expect("y", case.cast(x * w), UNSIGNED_ZERO)
            trial.expect_true(
                "y.requires_grad and not y.is_leaf and 'Own' in y.grad_fn.name()",
                "the result has a node of the custom function",
            )
            trial.run("a, b = torch.autograd.grad(y, (x, w), g)")
            trial.expect("a", case.cast(g * w * 2**power), UNSIGNED_ZERO)
            trial.expect("b", case.cast(g * x * 3), UNSIGNED_ZERO)
        # Twice in one graph, each call with its own context, beside and behind other operations.
        trial.run("(Own.apply(x * 2, w, 0) + Own.apply(x, w.detach(), 1)).mul(-1).backward(g)")
        trial.expect("x.grad", case.cast(-4 * g * w), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(-6 * g * x), UNSIGNED_ZERO)


@clause("autograd.function.context-may-be-set-up-apart")
def test_setup_context(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(APART)
        trial.run("y, seven = Apart.apply(x, w, 2)")
        trial.expect_equal("seven", 7)
        trial.expect("y", case.cast(x * w), UNSIGNED_ZERO)
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(4 * g * w), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(3 * g * x), UNSIGNED_ZERO)


NEEDS = """
class Needs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, number, w, g, text):
        seen.append(ctx.needs_input_grad)
        ctx.save_for_backward(x, w, g)
        return x * w + g
    @staticmethod
    def backward(ctx, grad):
        seen.append(ctx.needs_input_grad)
        x, w, g = ctx.saved_tensors
        needs = ctx.needs_input_grad
        return grad * w if needs[0] else None, None, grad * x if needs[2] else None, grad if needs[3] else None, None
"""


@clause("autograd.function.needs-input-grad-tells-what-is-wanted")
def test_needs_input_grad(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwgh")
    wanted = {"x": case["h"] * case["w"], "w": case["h"] * case["x"], "g": case["h"]}
    for flags in itertools.product((False, True), repeat=3):
        trial = cell.trial(**case.tensors)
        for name, flag in zip("xwg", flags, strict=True):
            trial.run(f"{name}.requires_grad_({flag})")
        trial.run("seen = []")
        trial.run(NEEDS)
        trial.run("y = Needs.apply(x, 3, w, g, 'text')")
        trial.expect_equal("seen", [(flags[0], False, flags[1], flags[2], False)])
        trial.expect_equal("y.requires_grad", any(flags))
        if any(flags):
            trial.run("y.backward(h)")
            trial.expect_equal("seen[1]", (flags[0], False, flags[1], flags[2], False))
        for name, flag in zip("xwg", flags, strict=True):
            if flag:
                trial.expect(f"{name}.grad", case.cast(wanted[name]), UNSIGNED_ZERO)
            else:
                trial.expect_true(f"{name}.grad is None", "what requires no grad gets none")


# A function of two tensors whose backward returns what stands in for the braces.
RETURNING = """
class Returning(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w): return x * w
    @staticmethod
    def backward(ctx, grad): return {}
"""


@clause("autograd.function.none-is-no-gradient")
def test_none(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator())
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_(); w.requires_grad_()")
    trial.run(RETURNING.format("None, grad * 2"))
    trial.run("m = x * 1; y = Returning.apply(m, w)")
    trial.run("a, b, c = torch.autograd.grad(y, (x, m, w), g, allow_unused=True, retain_graph=True)")
    trial.expect_true("a is None and b is None", "None goes on as no gradient")
    trial.expect("c", case.cast(2 * case["g"]), UNSIGNED_ZERO)
    trial.expect_error("torch.autograd.grad(y, x, g, retain_graph=True)", RuntimeError)
    trial.run("y.backward(g)")
    trial.expect_true("x.grad is None", "no gradient is accumulated")
    trial.expect("w.grad", case.cast(2 * case["g"]), UNSIGNED_ZERO)
    # Beside a gradient from elsewhere it counts for nothing.
    trial.run("(Returning.apply(x, w) + x * 3).backward(g)")
    trial.expect("x.grad", case.cast(3 * case["g"]), UNSIGNED_ZERO)


@clause("autograd.function.wrong-number-of-gradients-is-refused")
def test_wrong_number(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator())
    for answer in ("grad", "(grad,)", "(grad, grad, grad)", "()", "(grad, None, grad)"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(RETURNING.format(answer))
        trial.expect_error("Returning.apply(x, w).backward(g)", RuntimeError)
        trial.expect_true("x.grad is None and w.grad is None", "no gradient is accumulated in the leaf")


@clause("autograd.function.gradient-of-another-shape-is-refused")
def test_wrong_shape(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator())
    for answer in ("grad[:, :2], grad", "grad.t(), grad", "grad.reshape(-1), grad", "grad[0], grad"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(RETURNING.format(answer))
        trial.expect_error("Returning.apply(x, w).backward(g)", RuntimeError)
        trial.expect_true("x.grad is None", "no gradient is accumulated in the leaf")


SEVERAL = """
class Several(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.set_materialize_grads({})
        ctx.save_for_backward(x, w)
        return x * w, x + w, x.detach() * 5
    @staticmethod
    def backward(ctx, one, two, three):
        x, w = ctx.saved_tensors
        seen.append([each is None for each in (one, two, three)])
        one, two, three = (torch.zeros_like(x) if each is None else each for each in (one, two, three))
        given.append((one, two, three))
        return one * w + two + three * 5, one * x + two
"""


@clause("autograd.function.unused-outputs-have-zero-gradients")
def test_materialized(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        for flag in ("True", "False"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_(); seen, given = [], []")
            trial.run(SEVERAL.format(flag))
            for used, by_x, by_w in ((0, g * w, g * x), (1, g, g), (2, 5 * g, 0 * g)):
                trial.run("outputs = Several.apply(x, w); seen.clear(); given.clear()")
                trial.run(f"a, b = torch.autograd.grad(outputs[{used}], (x, w), g)")
                trial.expect("a", case.cast(by_x), UNSIGNED_ZERO)
                trial.expect("b", case.cast(by_w), UNSIGNED_ZERO)
                trial.expect_equal("seen", [[flag == "False" and place != used for place in range(3)]])
                trial.expect(f"given[0][{used}]", case.cast(g), UNSIGNED_ZERO)
                trial.expect(f"given[0][{(used + 1) % 3}]", case.cast(0 * g), UNSIGNED_ZERO)


@clause("autograd.function.several-outputs-share-one-backward")
def test_several(cell: Cell) -> None:
    for case, _ in drawn(cell, names="xwgh"):
        x, w, g, h = (case[name] for name in "xwgh")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_(); seen, given = [], []")
        trial.run(SEVERAL.format("True"))
        trial.run("a, b, c = Several.apply(x, w)")
        trial.expect("b", case.cast(x + w), UNSIGNED_ZERO)
        trial.expect_true(
            "a.requires_grad and b.requires_grad and c.requires_grad", "every output belongs to the graph"
        )
        trial.run("torch.autograd.backward([c, a], [g, h])")
        trial.expect_equal("len(seen)", 1)
        trial.expect("x.grad", case.cast(h * w + 5 * g), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(h * x), UNSIGNED_ZERO)


MARKED = """
class Marked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        other, flags = x * 2, x == x
        ctx.mark_non_differentiable(other, flags)
        return x * 3, other, flags
    @staticmethod
    def backward(ctx, grad, other, flags):
        seen.append((grad, other))
        return grad * 3
"""


@clause("autograd.function.non-differentiable-outputs-require-no-grad")
def test_marked(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); seen = []")
        trial.run(MARKED)
        trial.run("a, b, c = Marked.apply(x)")
        trial.expect_equal("(a.requires_grad, b.requires_grad, c.requires_grad)", (True, False, False))
        trial.expect_equal("(b.grad_fn, c.grad_fn, b.is_leaf)", (None, None, True))
        trial.expect("b", case.cast(2 * case["x"]), UNSIGNED_ZERO)
        trial.run("(a * b.detach() + b * w).backward(g)")
        trial.expect("x.grad", case.cast(3 * case["g"] * np.conj(2 * case["x"])), UNSIGNED_ZERO)
        trial.expect("seen[0][1]", case.cast(0 * case["x"]), UNSIGNED_ZERO)
        trial.expect_error("torch.autograd.grad(b, x, g)", RuntimeError)


DIRTY = """
class Dirty(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x
    @staticmethod
    def backward(ctx, grad): return grad * 3
"""


@clause("autograd.function.dirty-inputs-are-written-in-place")
def test_dirty(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(DIRTY)
        trial.run("m = x * w; version = m._version; y = Dirty.apply(m)")
        trial.expect_true("y is m and m._version > version", "the input itself comes back, and the write counts")
        trial.expect_true("'Dirty' in m.grad_fn.name()", "the input's history goes by way of the function")
        trial.expect("m", case.cast(3 * case["x"] * w), UNSIGNED_ZERO)
        trial.run("m.backward(g)")
        trial.expect("x.grad", case.cast(3 * g * np.conj(w)), UNSIGNED_ZERO)
        trial.run("m = x * 1; z = m * w.requires_grad_(); Dirty.apply(m)")
        trial.expect_error("z.backward(g)", RuntimeError)
        trial.expect_error("Dirty.apply(x)", RuntimeError)


ONCE = """
from torch.autograd.function import once_differentiable
class Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x * x
    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        seen.append(torch.is_grad_enabled())
        return 3 * x * x * grad
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        seen.append(torch.is_grad_enabled())
        return x * x * x
    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        seen.append(torch.is_grad_enabled())
        return 3 * x * x * grad
"""


@clause("autograd.function.once-differentiable-has-one-derivative")
def test_once(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, g = case["x"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); seen = []")
        trial.run(ONCE)
        trial.run("a, = torch.autograd.grad(Once.apply(x), x, g)")
        trial.expect("a", case.cast(3 * x * x * g), UNSIGNED_ZERO)
        trial.run("g.requires_grad_()")
        trial.run("a, = torch.autograd.grad(Once.apply(x), x, g, create_graph=True)")
        trial.expect("a", case.cast(3 * x * x * g), UNSIGNED_ZERO)
        trial.expect_equal("seen", [False, False])
        trial.expect_error("torch.autograd.grad(a, x, torch.ones_like(a))", RuntimeError)
        trial.expect_error("torch.autograd.grad(a, g, torch.ones_like(a))", RuntimeError)


@clause("autograd.function.backward-is-differentiated-again")
def test_twice(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, g = case["x"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); g.requires_grad_(); seen = []")
        trial.run(ONCE)
        trial.run("y = Twice.apply(x)")
        trial.run("a, = torch.autograd.grad(y, x, g, create_graph=True)")
        trial.run("b, c = torch.autograd.grad(a, (x, g), w, retain_graph=True)")
        trial.expect("b", case.cast(6 * np.conj(x * g) * case["w"]), UNSIGNED_ZERO)
        trial.expect("c", case.cast(3 * np.conj(x * x) * case["w"]), UNSIGNED_ZERO)
        trial.run("d, = torch.autograd.grad(y, x, g)")
        trial.expect_true("not d.requires_grad", "without create_graph the backward is not recorded")
        trial.expect_equal("seen", [False, True, False])


@clause("autograd.function.saved-tensors-are-checked")
def test_saved_check(cell: Cell) -> None:
    for case, _ in drawn(cell):
        for write in ("m.add_(1)", "w.mul_(2)", "m.detach().zero_()", "w[...].neg_()"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run(OWN)
            trial.run("m = x * 1; y = Own.apply(m, w)")
            trial.run(write)
            trial.expect_error("y.backward(g)", RuntimeError)
            trial.expect_true("x.grad is None", "no gradient of a wrong value is accumulated")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(OWN)
        trial.run("m = x * 1; y = Own.apply(m, w); y.backward(g)")
        trial.expect_error("y.backward(g)", RuntimeError)
        trial.expect("x.grad", case.cast(2 * case["g"] * case["w"]), UNSIGNED_ZERO)


@clause("autograd.function.outside-a-graph-runs-forward-alone")
def test_no_graph(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run(OWN)
        trial.run("y = Own.apply(x, w)")
        trial.expect_equal("(y.requires_grad, y.grad_fn)", (False, None))
        trial.run("x.requires_grad_()")
        for context in ("torch.no_grad()", "torch.inference_mode()", "torch.set_grad_enabled(False)"):
            trial.run(f"with {context}: y = Own.apply(x, w)")
            trial.expect_equal("(y.requires_grad, y.grad_fn)", (False, None))
            trial.expect("y", case.cast(case["x"] * case["w"]), UNSIGNED_ZERO)


@clause("autograd.function.is-not-called-as-an-instance")
def test_instance(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (3,), cell.generator()).tensors)
    trial.run("x.requires_grad_()")
    trial.run(OWN)
    trial.run("class Bare(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x): return x * 2")
    trial.run("class Empty(torch.autograd.Function): pass")
    trial.expect_error("Own()(x, w)", RuntimeError)
    trial.run("y = Bare.apply(x)")
    trial.expect_error("y.backward(g)", NotImplementedError)
    trial.expect_error("Empty.apply(x)", NotImplementedError)
    trial.expect_true("x.grad is None", "no gradient is accumulated in the leaf")
