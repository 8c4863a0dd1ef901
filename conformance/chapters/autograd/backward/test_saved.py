"""Tensors saved for backward: the check that they were not written meanwhile, and hooks that pack them."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO

# Each call saves the tensor m, or is itself the saved result.
SAVES_OPERAND = (
    *("m * w", "w * m", "m * m", "m / w", "w / m", "m.square()", "torch.addcmul(x, m, w)", "m.cos()", "m.log()"),
    *("m.sin()", "m.abs()", "torch.atan2(m, w)", "m.view(-1).dot(w.reshape(-1))", "m.prod()", "m ** 3", "m.hypot(w)"),
    *("torch.nn.functional.softplus(m)", "torch.nn.functional.gelu(m)", "m.std()", "m.var(0)", "m.cumprod(0)"),
    *("m @ w.t()", "torch.einsum('ij,ij->i', m, w)", "torch.nn.functional.linear(w, m)", "m.norm()", "m.sinh()"),
)
SAVES_RESULT = (
    *("m.exp()", "m.sigmoid()", "m.tanh()", "m.relu()", "m.reciprocal()", "m.softmax(-1)", "m.log_softmax(-1)"),
    *("(m * m + 1).sqrt()", "(m * m + 1).rsqrt()", "m.expm1()", "m.tan()", "m.logsumexp(1, keepdim=True)"),
)
WRITES = (
    "{}.add_(1)",
    "{}.mul_(2)",
    "{}.zero_()",
    "{}[0] = 1",
    "{}.copy_(v)",
    "{}.detach().fill_(1)",
    "{}.view(-1)[1:].neg_()",
)
SAVES_NOTHING = (
    *("m + w", "m - w", "-m", "m * 3", "m.sum()", "m.view(-1)", "m.t()", "m.clone()", "m.expand(2, 2, 3)"),
    *("m[0]", "torch.stack([m, w])", "m.to(torch.float32)", "m.repeat(2, 1)", "torch.add(m, w, alpha=2)", "m.flip(0)"),
)


@clause("autograd.saved.written-operand-is-refused")
def test_operand(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwv", contiguous=True)
    for turn, call in enumerate(SAVES_OPERAND):
        for write in (WRITES[turn % len(WRITES)], WRITES[(turn + 3) % len(WRITES)]):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run("m = x * 1")
            trial.run(f"y = {call}")
            trial.run(write.format("m"))
            trial.expect_error("y.sum().backward()", RuntimeError)
            trial.expect_error("torch.autograd.grad(y.sum(), x)", RuntimeError)
            trial.expect_true("x.grad is None", "no gradient of a wrong value is accumulated")


@clause("autograd.saved.written-result-is-refused")
def test_result(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xv", contiguous=True)
    for turn, call in enumerate(SAVES_RESULT):
        for write in (WRITES[turn % 4], WRITES[5]):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("m = x * 1")
            trial.run(f"y = {call}")
            trial.run(write.format("y"))
            trial.expect_error("y.sum().backward()", RuntimeError)
            trial.expect_error("torch.autograd.grad(y.sum(), m)", RuntimeError)
            trial.expect_true("x.grad is None", "no gradient of a wrong value is accumulated")


@clause("autograd.saved.what-is-not-needed-may-be-written")
def test_not_needed(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwv", contiguous=True)
    for call in SAVES_NOTHING:
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("m = x * 1")
        trial.run(f"y = {call}")
        trial.run("before, = torch.autograd.grad(y.sum(), x, retain_graph=True)")
        trial.run("m.detach().mul_(7)")
        trial.run("y.sum().backward()")
        trial.expect_true("torch.equal(x.grad, before)", "the gradient does not depend on the value written over")


@clause("autograd.saved.factor-of-a-constant-may-be-written")
def test_constant_factor(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        # The product with a constant needs the constant alone.
        trial.run("m = x * 1; y = m * w; m.mul_(5)")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)
        trial.run("y = x * w; w.mul_(2)")
        trial.expect_error("y.backward(g)", RuntimeError)
        trial.run("x.grad = None")
        trial.run("y = x * w; torch.neg(w, out=w)")
        trial.expect_error("y.backward(g)", RuntimeError)
        trial.expect_true("x.grad is None", "no gradient of a wrong value is accumulated")


@clause("autograd.saved.views-share-the-check")
def test_views(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwgv", contiguous=True)
    for saved, written in (
        ("m", "m[0]"),
        ("m[0]", "m"),
        ("m[0]", "m[1]"),
        ("m.t()", "m"),
        ("m.detach()", "m"),
        ("m", "m.detach()[1]"),
    ):
        trial = cell.trial(**case.tensors)
        trial.run("w.requires_grad_()")
        trial.run(f"m = x.clone(); s = {saved}; y = s * w[0, 0]")
        trial.run(f"{written}.mul_(2)")
        # The check counts writes to the memory, whichever elements they were.
        trial.expect_error("y.real.sum().backward()", RuntimeError)
    trial.run("m = x.clone(); y = m * w; x.mul_(2)")
    trial.run("y.backward(g)")
    trial.expect("w.grad", case.cast(case["g"] * np.conj(case["x"])), UNSIGNED_ZERO)


HOOKS = "torch.autograd.graph.saved_tensors_hooks"


@clause("autograd.saved.hooks-pack-and-unpack")
def test_hooks(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("packed, unpacked = [], []")
        trial.run("def pack(t): packed.append(t.detach().clone()); return len(packed) - 1")
        trial.run("def unpack(place): unpacked.append(place); return packed[place] * 2")
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(f"with {HOOKS}(pack, unpack): y = x * w")
        trial.run("z = y * w")
        trial.expect_equal("(len(packed), unpacked)", (2, []))
        # They are packed in any order.
        trial.run("one, two = packed if torch.equal(packed[0], x) else reversed(packed)")
        trial.expect("one", case.cast(x))
        trial.expect("two", case.cast(w))
        trial.run("torch.autograd.backward(y, g, inputs=[x, w])")
        trial.expect_equal("sorted(unpacked)", [0, 1])
        # What unpack returns is used: here, doubles.
        trial.expect("x.grad", case.cast(2 * g * np.conj(w)), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(2 * g * np.conj(x)), UNSIGNED_ZERO)
        trial.run("a, = torch.autograd.grad((x * w).mul(w), x, g)")
        trial.expect("a", case.cast(g * np.conj(w * w)), UNSIGNED_ZERO)
        trial.expect_equal("len(packed)", 2)


@clause("autograd.saved.innermost-hooks-count")
def test_nested_hooks(cell: Cell) -> None:
    for case, _ in drawn(cell):
        w, g = case["w"], case["g"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"one = {HOOKS}(lambda t: t.detach().clone(), lambda t: t * 2)")
        trial.run(f"two = {HOOKS}(lambda t: t.detach().clone(), lambda t: t * 3)")
        trial.run("with one:\n    a = x * w\n    with two: b = x * w\n    c = x * w\nd = x * w")
        for name, factor in zip("abcd", (2, 3, 2, 1), strict=True):
            trial.expect(f"torch.autograd.grad({name}, x, g)[0]", case.cast(factor * g * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.saved.hooks-may-be-disabled")
def test_disabled(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (3,), cell.generator()).tensors)
    trial.run("x.requires_grad_()")
    trial.run(f"hooks = {HOOKS}(lambda t: t, lambda t: t)")
    trial.run("disabled = torch.autograd.graph.disable_saved_tensors_hooks")
    trial.expect_error("with disabled('no'): hooks.__enter__()", RuntimeError)
    trial.run("with hooks: y = x * w")
    trial.run("y.backward(g)")
    trial.expect_true("torch.equal(x.grad, g * w)", "outside the context gradients are as without hooks")


@clause("autograd.saved.on-cpu-gives-the-same-gradients")
def test_on_cpu(cell: Cell) -> None:
    for case, formula in drawn(cell):
        for options in ("", "pin_memory=False"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"with torch.autograd.graph.save_on_cpu({options}): y = {formula.text}")
            trial.run("y.backward(g)")
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(formula.pullback(1, case)), UNSIGNED_ZERO)


@clause("autograd.views.writes-join-the-graph-of-the-base")
def test_write_joins(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwgv", contiguous=True)
    w, g = case["w"], case["g"]
    first = np.array([[1], [0]])
    for write, by_x, by_w in (
        ("m[0].mul_(w[0])", g * np.conj(np.where(first == 1, w, 1)), g * np.conj(case["x"]) * first),
        ("m[0].copy_(w[0])", g * (1 - first), g * first),
        ("m[0] = w[0]", g * (1 - first), g * first),
        ("m.view(-1)[:3].copy_(w.view(-1)[:3])", g * (1 - first), g * first),
        ("m.t()[:, 0].add_(w[0])", g, g * first),
        ("m[0].detach().mul_(5)", g, 0 * g),
        ("m.narrow(0, 0, 1).sub_(w[:1])", g, -g * first),
        ("m[:1].zero_()", g * (1 - first), 0 * g),
        ("m.as_strided((3,), (1,)).add_(w[0], alpha=2)", g, 2 * g * first),
        ("m.unsqueeze(1)[0, 0].fill_(2)", g * (1 - first), 0 * g),
    ):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("m = x.clone()")
        trial.run(write)
        trial.run("(m + w * 0).backward(g)")
        trial.expect("x.grad", case.cast(by_x), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(by_w), UNSIGNED_ZERO)
    # A base that required no grad does after its view was written.
    trial = cell.trial(**case.tensors)
    trial.run("w.requires_grad_()")
    trial.run("m = x.clone(); m[0].copy_(w[0])")
    trial.expect_true("m.requires_grad and not m.is_leaf and m[1].requires_grad", "the base belongs to the graph")
    trial.run("m.backward(g)")
    trial.expect("w.grad", case.cast(g * first), UNSIGNED_ZERO)


@clause("autograd.views.follow-writes-to-the-base")
def test_follow(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwgv", contiguous=True)
    w, g = case["w"], case["g"]
    for view in ("m[...]", "m.view(2, 3)", "m.t().t()", "m.view(-1).view_as(m)", "m.as_strided((2, 3), (3, 1))"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(f"m = x * 1; v = {view}; before = v.grad_fn")
        trial.run("m.mul_(w)")
        trial.expect_true("v.grad_fn is not before and v.requires_grad", "the view's history is new")
        trial.run("v.backward(g)")
        trial.expect("x.grad", case.cast(g * np.conj(w)), UNSIGNED_ZERO)
        trial.expect("w.grad", case.cast(g * np.conj(case["x"])), UNSIGNED_ZERO)
    # The other way, and from one view to another.
    trial.run("x.grad = w.grad = None")
    trial.run("m = x * 1; v, u = m.view(-1), m.t(); v.mul_(w.view(-1)); u.add_(w.t())")
    trial.run("u.backward(g.t())")
    trial.expect("x.grad", case.cast(g * np.conj(w)), UNSIGNED_ZERO)
    trial.expect("w.grad", case.cast(g * np.conj(case["x"]) + g), UNSIGNED_ZERO)


@clause("autograd.views.made-under-no-grad-are-not-written-with-grad")
def test_no_grad_views(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwg", contiguous=True)
    for base in ("x * 1", "x"):
        for view in ("m[0]", "m.view(-1)", "m.t()", "m[...]"):
            trial = cell.trial(**case.tensors)
            trial.run("x = x.clone().requires_grad_()")
            trial.run(f"m = {base}")
            trial.run(f"with torch.no_grad(): v = {view}")
            trial.expect_error("v.mul_(2)", RuntimeError)
            trial.expect("m", case.cast(case["x"]))
            trial.run("with torch.no_grad(): v.mul_(2)")
            trial.expect_true("m.requires_grad", "the base belongs to the graph still")


@clause("autograd.views.one-of-several-is-not-written")
def test_several_views(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xwg", contiguous=True)
    for views in ("m.unbind()", "m.split(1)", "m.chunk(2)", "torch.unbind(m, 1)", "m.split([1, 2], dim=1)"):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"m = x * 1; v = {views}")
        for write in ("v[0].mul_(2)", "v[1].zero_()", "v[-1].add_(1)"):
            trial.expect_error(write, RuntimeError)
        trial.expect("m", case.cast(case["x"]))
        trial.run("m.backward(g)")
        trial.expect("x.grad", case.cast(case["g"]), UNSIGNED_ZERO)
