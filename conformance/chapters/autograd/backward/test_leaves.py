"""requires_grad, is_leaf, grad_fn and retain_grad: which tensors are leaves, what may be asked of them."""

from __future__ import annotations

import itertools

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO

# Ways to make a tensor; `{}` takes the options.
MADE = (
    *("torch.tensor([1.0, 2.0], {})", "torch.tensor(1.0, {})", "torch.zeros(2, 3, {})", "torch.ones((2,), {})"),
    *("torch.full((2,), 3.0, {})", "torch.empty(2, {})", "torch.arange(3.0, {})", "torch.linspace(0, 1, 3, {})"),
    *("torch.logspace(0, 1, 3, {})", "torch.eye(2, {})", "torch.rand(2, {})", "torch.randn(2, {})"),
    *("torch.empty_strided((2,), (1,), {})", "torch.normal(0.0, 1.0, (2,), {})", "torch.asarray([1.0], {})"),
    *("torch.zeros(0, {})", "torch.hann_window(4, {})", "torch.bartlett_window(4, {})"),
)
LIKE = (
    *("torch.zeros_like(x, {})", "torch.ones_like(x, {})", "torch.full_like(x, 2.0, {})", "torch.empty_like(x, {})"),
    *("torch.rand_like(x, {})", "torch.randn_like(x, {})", "x.new_zeros((2,), {})", "x.new_ones((2,), {})"),
    *("x.new_full((2,), 1.0, {})", "x.new_empty((2,), {})", "x.new_tensor([1.0], {})"),
    *("x.new_empty_strided((2,), (1,), {})",),
)
COPIES = (
    *("x.detach()", "x.detach().clone()", "x.data", "x.clone().detach()", "torch.from_numpy(np.ones(2))"),
    *("torch.as_tensor([1.0], device=device)", "torch.nn.Parameter(x.detach())"),
)


@clause("autograd.leaf.made-with-requires-grad")
def test_made(cell: Cell) -> None:
    case = leaves(cell, (2,), cell.generator(), names="x")
    for calls, before in ((MADE, "x"), (LIKE, "x"), (LIKE, "x.requires_grad_()"), (LIKE, "x = x * 2")):
        trial = cell.trial(**case.tensors)
        trial.run(before)
        for call in calls:
            for options, wanted in (("", False), ("requires_grad=False", False), ("requires_grad=True", True)):
                device = ", device=device" if options else "device=device"
                trial.run(f"y = {call.format(options + device)}")
                trial.expect_equal("(y.requires_grad, y.is_leaf, y.grad_fn, y.grad)", (wanted, True, None, None))
            trial.expect_true("(y * 2).requires_grad and not (y * 2).is_leaf", "results of a leaf belong to a graph")


@clause("autograd.leaf.requires-grad-can-be-switched")
def test_switched(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (2,), cell.generator(), names="x").tensors)
    for call in COPIES:
        trial.run(f"y = {call}")
        for statement, wanted in (
            ("y.requires_grad_()", True),
            ("y.requires_grad_(False)", False),
            ("y.requires_grad_(True)", True),
            ("y.requires_grad = False", False),
            ("y.requires_grad = True", True),
            ("y.requires_grad_(requires_grad=False)", False),
            ("y.requires_grad_(requires_grad=True)", True),
        ):
            trial.run(statement)
            trial.expect_equal("(y.requires_grad, y.is_leaf, y.grad_fn)", (wanted, True, None))
            trial.expect_equal("((y * 2).requires_grad, (y * 2).is_leaf)", (wanted, not wanted))
        trial.expect_true("y.requires_grad_() is y and y.requires_grad_(False) is y", "the tensor itself comes back")


@clause("autograd.leaf.results-require-grad-when-an-operand-does")
def test_propagates(cell: Cell) -> None:
    case = leaves(cell, (2, 2), cell.generator(), names="xwg")
    calls = (
        *("x * w + g", "torch.where(x == w, x + w, g)", "torch.stack([x, w, g])", "torch.cat((x, w, g), 1)"),
        *("torch.addcmul(x, w, g)", "x.mul(w).sub(g)", "x.clone().mul_(w).add_(g)", "torch.lerp(x, w, g)"),
    )
    for flags in itertools.product((False, True), repeat=3):
        trial = cell.trial(**case.tensors)
        for name, flag in zip("xwg", flags, strict=True):
            trial.run(f"{name}.requires_grad_({flag})")
        for call in calls:
            trial.run(f"y = {call}")
            wanted = any(flags)
            trial.expect_equal("(y.requires_grad, y.is_leaf, y.grad_fn is not None)", (wanted, not wanted, wanted))


# Results that share memory with x, copy it, or change its form.
RESULTS = (
    *("x * 1", "x.clone()", "x + 0", "-x", "x[0]", "x[...]", "x.view(-1)", "x.reshape(3, 2)", "x.t()", "x.sum()"),
    *("x.transpose(0, 1)", "x.permute(1, 0)", "x.expand(4, 2, 3)", "x.unsqueeze(0)", "x.squeeze()", "x.flatten()"),
    *("x.to(torch.complex128)", "x.contiguous().mul(2)", "x.narrow(0, 0, 1)", "x.unbind()[0]", "x.split(1)[1]"),
    *("x.double().float()", "x.view_as(x)", "x.as_strided((2,), (1,))", "x.diagonal()", "torch.stack([x])"),
    *("x.masked_fill(x == 1, 0)", "x.to(x.dtype, copy=True)", "x.detach() * x", "x.type(torch.complex64)"),
)
# What returns x itself, or a tensor without a graph.
SAME = ("x.to(x.dtype)", "x.to(x.device)", "x.contiguous()", "x.requires_grad_()", "x.float()", "x.type_as(x)")


@clause("autograd.leaf.results-are-no-leaves")
def test_results(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="x", contiguous=True)
    trial = cell.trial(**case.tensors)
    trial.run("x = x.to(torch.float32).requires_grad_()")
    trial.expect_true("x.grad_fn is None and x.is_leaf", "x is a leaf")
    for call in RESULTS:
        trial.run(f"y = {call}")
        trial.expect_true("y.requires_grad and not y.is_leaf", "a result that requires grad is no leaf")
        trial.expect_true("y.grad_fn is not None", "a result has a grad_fn")
    for call in SAME:
        trial.expect_true(f"({call}) is x and x.is_leaf", "requires_grad_ returns the tensor itself, still a leaf")
    trial.run("y = torch.zeros(2, 3, device=device)")
    trial.run("y.copy_(x)")
    trial.expect_true("y.requires_grad and not y.is_leaf and y.grad_fn is not None", "a written tensor is a result")


@clause("autograd.leaf.integers-cannot-require-grad")
def test_integers(cell: Cell) -> None:
    dtype = cell.torch_dtype
    for call in (
        "torch.ones(2, dtype=dtype, device=device, requires_grad=True)",
        "torch.tensor([1, 0], dtype=dtype, device=device, requires_grad=True)",
        "torch.zeros(2, dtype=dtype, device=device).requires_grad_()",
        "torch.empty_like(x, requires_grad=True)",
        "x.requires_grad_()",
        "x.requires_grad_(True)",
        "x.requires_grad = True",
        "torch.nn.Parameter(x)",
        "x.new_zeros(2, requires_grad=True)",
        "x.detach().requires_grad_(requires_grad=True)",
    ):
        trial = cell.trial(dtype=dtype)
        trial.run("x = torch.zeros(3, dtype=dtype, device=device)")
        trial.expect_error(call, RuntimeError)
        trial.expect_true("not x.requires_grad and x.dtype is dtype", "the tensor is as it was")
        trial.run("x.requires_grad_(False)")
        trial.expect_true("torch.nn.Parameter(x, requires_grad=False).requires_grad is False", "False is no request")


@clause("autograd.leaf.results-of-whole-numbers-require-no-grad")
def test_integer_results(cell: Cell) -> None:
    case = leaves(cell, (2, 3), cell.generator(), names="xw")
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_(); w.requires_grad_()")
    for call in (
        *(
            "x == w",
            "x.argmax()",
            "x.argsort()",
            "x > 0",
            "x.long()",
            "x.bool()",
            "torch.isnan(x)",
            "x.to(torch.int32)",
        ),
        *("x.nonzero()", "x.sign().int()", "x.max(0).indices", "x.sort()[1]", "x.topk(1).indices", "x.signbit()"),
        *("torch.logical_and(x, w)", "torch.count_nonzero(x)", "x.ne(w)", "torch.isclose(x, w)", "x.kthvalue(1)[1]"),
    ):
        trial.run(f"y = {call}")
        trial.expect_equal("(y.requires_grad, y.is_leaf, y.grad_fn)", (False, True, None))
        trial.expect_error("y.requires_grad_()", RuntimeError)
    trial.expect_true(
        "x.max(0).values.requires_grad and x.sort()[0].requires_grad", "the values that come with indices require grad"
    )


@clause("autograd.leaf.requires-grad-of-a-result-cannot-be-cleared")
def test_cannot_clear(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"y = {formula.text}; v = x[...]")
        for statement in ("y.requires_grad = False", "y.requires_grad_(False)", "v.requires_grad_(False)"):
            trial.expect_error(statement, RuntimeError)
        trial.run("y.requires_grad_(); v.requires_grad_(True)")
        trial.expect_true(
            "y.requires_grad and v.requires_grad and not y.is_leaf", "the tensor and its view still belong to the graph"
        )
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)


@clause("autograd.leaf.frozen-leaf-gets-no-grad")
def test_frozen(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("w.requires_grad_(False)")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        trial.expect_true("w.grad is None", "a frozen leaf gets no gradient")
        # Thawed again, and the other frozen.
        trial.run("x.grad = None; w.requires_grad = True; x.requires_grad = False")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect("w.grad", case.cast(formula.pullback(1, case)), UNSIGNED_ZERO)
        trial.expect_true("x.grad is None", "a frozen leaf gets no gradient")


@clause("autograd.leaf.results-keep-no-grad")
def test_no_grad_kept(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("import warnings")
        trial.run("x.requires_grad_()")
        trial.run("y = x * w; z = y * y")
        trial.run("z.backward(g)")
        trial.run(
            "with warnings.catch_warnings(record=True) as seen:\n"
            "    warnings.simplefilter('always')\n"
            "    kept = (y.grad, z.grad)"
        )
        trial.expect_equal("kept", (None, None))
        trial.expect_true(
            "any(issubclass(each.category, UserWarning) for each in seen)",
            "reading the gradient of a tensor that is no leaf gives a UserWarning",
        )
        trial.expect_equal("(x.retains_grad, y.retains_grad)", (False, False))
        trial.expect("x.grad", case.cast(2 * case["g"] * np.conj(case["x"] * case["w"] ** 2)), UNSIGNED_ZERO)


@clause("autograd.leaf.retain-grad-keeps-the-grad-of-a-result")
def test_retain_grad(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("y = x * w; v = y[...]; z = v * v")
        trial.expect_true("y.retain_grad() is None and z.retain_grad() is None", "retain_grad returns None")
        trial.run("y.retain_grad()")
        trial.expect_equal("(y.retains_grad, z.retains_grad, v.retains_grad)", (True, True, False))
        inner = 2 * g * np.conj(x * w)
        for times in (1, 2):
            trial.run("z.backward(g, retain_graph=True)")
            trial.expect("y.grad", case.cast(times * inner), UNSIGNED_ZERO)
            trial.expect("z.grad", case.cast(times * g), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(2 * inner * np.conj(w)), UNSIGNED_ZERO)


@clause("autograd.leaf.retain-grad-of-a-leaf-does-nothing")
def test_retain_leaf(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("x.retain_grad()")
        trial.expect_true("not x.retains_grad and x.is_leaf", "a leaf keeps its gradient anyway")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        for call in ("w.retain_grad()", "(w * 2).retain_grad()", "(x * 2).detach().retain_grad()"):
            trial.expect_error(call, RuntimeError)
        trial.expect_true("not w.retains_grad", "a tensor that requires no grad retains none")


@clause("autograd.leaf.refuses-writes")
def test_refuses_writes(cell: Cell) -> None:
    for case, formula in drawn(cell, sizes=((2, 3), (3,), (1, 2, 2))):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run(f"y = {formula.text}")
        for statement in (
            *("x += 1", "x[0] = 1", "x.zero_()", "x.copy_(g)", "x[...][0] = 2", "x[0].mul_(2)"),
            *("torch.mul(g, g, out=x)", "x.fill_(w.sum())", "x[:1].add_(w[:1])"),
        ):
            trial.expect_error(statement, RuntimeError)
        trial.expect("x", case.cast(case["x"]))
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        # Without recording it may be written, and stays a leaf.
        trial.run("with torch.no_grad(): x[0] = 1; x.mul_(2); x[:1] -= g[:1]")
        wanted = 2 * case["x"]
        wanted[0] = 2 - case["g"][0]
        trial.expect("x", case.cast(wanted))
        trial.expect_true("x.is_leaf and x.requires_grad and x.grad is not None", "the tensor is the leaf that it was")


@clause("autograd.detach.shares-memory-without-history")
def test_detach(cell: Cell) -> None:
    for case, formula in drawn(cell):
        x = case["x"]
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"y = {formula.text}")
        for source in "xyw":
            for call in (f"{source}.detach()", f"torch.detach({source})", f"{source}.data"):
                trial.run(f"d = {call}")
                trial.expect_true(
                    f"d is not {source} and d.data_ptr() == {source}.data_ptr()", "a detached tensor shares its memory"
                )
                trial.expect_true("not d.requires_grad and d.is_leaf and d.grad_fn is None", "there is no history")
                layout = "({0}.stride(), {0}.storage_offset(), {0}.dtype, {0}.device)"
                trial.expect_true(f"{layout.format('d')} == {layout.format(source)}", "the layout is the same")
                trial.expect_true("d.grad is None", "a detached tensor has no gradient")
        trial.run("d = x.detach()")
        trial.run("d.mul_(2)")
        trial.expect("x", case.cast(2 * x))
        trial.run("with torch.no_grad(): x.add_(1)")
        trial.expect("d", case.cast(2 * x + 1))
        trial.expect_true("x.requires_grad and x.is_leaf", "the original is as it was")


@clause("autograd.detach.is-a-constant-of-the-graph")
def test_detach_constant(cell: Cell) -> None:
    for case, _ in drawn(cell):
        x, w, g = (case[name] for name in "xwg")
        for detached in (
            "y.detach()",
            "torch.detach(y)",
            "y.data",
            "y.clone().detach_()",
            "y.detach().requires_grad_()",
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run("y = x * w")
            trial.run(f"z = {detached} * y + x")
            trial.run("z.backward(g)")
            trial.expect("x.grad", case.cast(g * np.conj(x * w * w + 1)), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(g * np.conj(x * x * w)), UNSIGNED_ZERO)


@clause("autograd.detach.in-place-makes-a-leaf")
def test_detach_in_place(cell: Cell) -> None:
    for case, _ in drawn(cell):
        for call in ("y.detach_()", "torch.detach_(y)"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run("y = x * w; address = y.data_ptr()")
            trial.expect_true(f"({call}) is y and y.data_ptr() == address", "the tensor itself comes back")
            trial.expect_true(
                "y.is_leaf and not y.requires_grad and y.grad_fn is None", "a detached tensor has no history"
            )
            trial.run("y.requires_grad_()")
            trial.run("(y * y).backward(g)")
            trial.expect("y.grad", case.cast(2 * case["g"] * np.conj(case["x"] * case["w"])), UNSIGNED_ZERO)
            trial.expect_true("x.grad is None", "nothing reaches what it was made of")


@clause("autograd.detach.in-place-refuses-views")
def test_detach_views(cell: Cell) -> None:
    for case, _ in drawn(cell, sizes=((2, 3), (3,), (1, 2, 2))):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("y = x * w")
        for view in ("y[0]", "y.view_as(y)", "y.transpose(0, -1)", "y[:1]", "y.unsqueeze(0)"):
            trial.run(f"v = {view}")
            trial.expect_error("v.detach_()", RuntimeError)
            trial.expect_true("v.requires_grad and v.grad_fn is not None", "the view is as it was")


@clause("autograd.detach.a-write-to-it-is-noticed")
def test_detach_write(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        for write in ("y.detach().mul_(2)", "y.detach()[...].zero_()", "d = y.detach(); d += 1"):
            trial.run("y = x * 1; z = y * w")
            trial.run(write)
            trial.expect_error("z.backward(g)", RuntimeError)
        trial.expect_true("x.grad is None", "nothing was accumulated before the check")
