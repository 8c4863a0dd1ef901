"""gradcheck, gradgradcheck and anomaly detection: what is right passes, what is wrong does not."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO

# x * x with a derivative that is off by a factor, or whose own derivative is.
SCALED = """
class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * x
    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return 2 * x.conj() * grad * ctx.factor, None
class Second(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * x
    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return Factor.apply(x, grad, ctx.factor), None
class Factor(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, grad, factor):
        ctx.save_for_backward(x, grad)
        ctx.factor = factor
        return 2 * x.conj() * grad
    @staticmethod
    def backward(ctx, back):
        x, grad = ctx.saved_tensors
        return 2 * grad * back.conj() * ctx.factor, 2 * x * back, None
"""
FORMS = ("", ", fast_mode=True", ", check_undefined_grad=False", ", check_batched_grad=True")


@clause("autograd.check.accepts-a-right-derivative")
def test_accepts(cell: Cell) -> None:
    case = leaves(cell, (2, 2), cell.generator(), names="xw")
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_(); w.requires_grad_()")
    trial.run(SCALED)
    for form in FORMS:
        trial.expect_equal(f"torch.autograd.gradcheck(lambda x, w: x * x * w, (x, w){form})", value=True)
        trial.expect_equal(f"torch.autograd.gradcheck(lambda x: Scaled.apply(x, 1.0), x{form})", value=True)
    trial.expect_equal("torch.autograd.gradcheck(lambda x, w: (x * w, w.sum(0)), [x, w.detach()])", value=True)
    trial.expect_equal(
        "torch.autograd.gradcheck(lambda x, n: x * n, (x, 3), eps=1e-5, atol=1e-6, rtol=1e-4)", value=True
    )
    trial.expect_true("x.grad is None and w.grad is None and x.requires_grad", "the inputs are as they were")
    trial.expect("x", case.cast(case["x"]))


@clause("autograd.check.refuses-a-wrong-derivative")
def test_refuses(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (2, 2), cell.generator(), names="xw").tensors)
    # All of one sign: fast mode judges a weighted sum of the derivatives, which must not be near zero.
    trial.run("x = x.abs().requires_grad_(); w.requires_grad_()")
    trial.run("from torch.autograd.gradcheck import GradcheckError")
    trial.run(SCALED)
    trial.expect_true("issubclass(GradcheckError, RuntimeError)", "the error is a RuntimeError")
    for factor in ("1.01", "-1.0", "0.0", "0.99"):
        for form in FORMS:
            trial.expect_error(
                f"torch.autograd.gradcheck(lambda x: Scaled.apply(x, {factor}), (x,){form})", RuntimeError
            )
        trial.expect_equal(
            f"torch.autograd.gradcheck(lambda x: Scaled.apply(x, {factor}), (x,), raise_exception=False)", value=False
        )
        trial.expect_equal(
            f"torch.autograd.gradcheck(lambda x, w: w + Scaled.apply(x, {factor}), (x, w), raise_exception=False)",
            value=False,
        )
    trial.expect_error("torch.autograd.gradcheck(lambda x: x.detach() * x, x)", RuntimeError)


@clause("autograd.check.tolerances-decide")
def test_tolerances(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (2, 2), cell.generator(), names="x").tensors)
    trial.run("x = x.abs().requires_grad_()")
    trial.run(SCALED)
    # Derivatives are 2 to 6, so a factor of 1.01 is off by 0.02 to 0.06.
    for options, wanted in (
        ("rtol=0.02", True),
        ("rtol=0.005", False),
        ("rtol=0, atol=0.2", True),
        ("rtol=0, atol=0.01", False),
        ("atol=0.2", True),
        ("rtol=0.02, fast_mode=True", True),
        ("rtol=0.0001, fast_mode=True", False),
    ):
        trial.expect_equal(
            f"torch.autograd.gradcheck(lambda x: Scaled.apply(x, 1.01), x, {options}, raise_exception=False)", wanted
        )


@clause("autograd.check.needs-an-input-that-requires-grad")
def test_no_input(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (2, 2), cell.generator(), names="xw").tensors)
    trial.expect_error("torch.autograd.gradcheck(lambda x: x * x, (x,))", ValueError)
    trial.expect_error("torch.autograd.gradcheck(lambda x, w: x * w, (x, w), raise_exception=True)", ValueError)


@clause("autograd.check.second-derivatives-are-judged-too")
def test_second(cell: Cell) -> None:
    trial = cell.trial(**leaves(cell, (2,), cell.generator(), names="xw").tensors)
    trial.run("x.requires_grad_(); w.requires_grad_()")
    trial.run(SCALED)
    trial.expect_equal("torch.autograd.gradgradcheck(lambda x, w: x * x * w, (x, w))", value=True)
    trial.expect_equal("torch.autograd.gradgradcheck(lambda x: Second.apply(x, 1.0), x)", value=True)
    trial.expect_equal("torch.autograd.gradgradcheck(lambda x: x * x, x, w.detach().requires_grad_())", value=True)
    trial.expect_equal("torch.autograd.gradcheck(lambda x: Second.apply(x, 1.02), x)", value=True)
    for factor in ("1.02", "-1.0", "0.0"):
        trial.expect_error(f"torch.autograd.gradgradcheck(lambda x: Second.apply(x, {factor}), (x,))", RuntimeError)
        trial.expect_equal(
            f"torch.autograd.gradgradcheck(lambda x: Second.apply(x, {factor}), x, raise_exception=False)", value=False
        )
    trial.expect_equal(
        "torch.autograd.gradgradcheck(lambda x: Second.apply(x, 1.02), x, rtol=0.05, raise_exception=False)", value=True
    )


NAN = """
class Nan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 1
    @staticmethod
    def backward(ctx, grad):
        bad = grad.clone()
        bad.view(-1)[-1] = float('nan')
        return bad
"""


@clause("autograd.anomaly.nan-in-backward-is-refused")
def test_nan(cell: Cell) -> None:
    for size in ((2, 3), (), (1,)):
        trial = cell.trial(**leaves(cell, size, cell.generator(), contiguous=True).tensors)
        trial.run("import warnings")
        trial.run("warnings.simplefilter('ignore')")
        trial.run("x.requires_grad_()")
        trial.run(NAN)
        trial.run("y = Nan.apply(x)")
        trial.run("y.backward(g, retain_graph=True)")
        trial.expect_true("bool(x.grad.isnan().any())", "without detection NaN goes through")
        trial.run("x.grad = None")
        for context in (
            "detect_anomaly()",
            "detect_anomaly(check_nan=True)",
            "set_detect_anomaly(True)",
            "set_detect_anomaly(mode=True)",
        ):
            trial.expect_error(f"with torch.autograd.{context}: Nan.apply(x).backward(g)", RuntimeError)
            trial.expect_true("x.grad is None", "no gradient is accumulated in the leaf")
            trial.run(f"with torch.autograd.{context}: (x * w).backward(g)")
            trial.expect_true("torch.equal(x.grad, g * w)", "a gradient without NaN passes")
            trial.run("x.grad = None")
            trial.expect_true("not torch.is_anomaly_enabled()", "detection ends with its context")
        for context in (
            "detect_anomaly(check_nan=False)",
            "set_detect_anomaly(True, check_nan=False)",
            "set_detect_anomaly(False)",
        ):
            trial.run(f"with torch.autograd.{context}: Nan.apply(x).backward(g)")
            trial.expect_true("bool(x.grad.isnan().any())", "NaN is not looked for")
            trial.run("x.grad = None")


@clause("autograd.anomaly.mode-is-switched-and-restored")
def test_anomaly_mode(cell: Cell) -> None:
    trial = cell.trial()
    trial.run("import warnings")
    trial.run("warnings.simplefilter('ignore')")
    trial.run("on, nan, A = torch.is_anomaly_enabled, torch.is_anomaly_check_nan_enabled, torch.autograd")
    trial.expect_equal("(on(), nan())", (False, True))
    trial.run("seen = []")
    trial.run("with A.detect_anomaly(): seen.append((on(), nan()))")
    trial.run("with A.detect_anomaly(check_nan=False): seen.append((on(), nan()))")
    trial.run(
        "with A.set_detect_anomaly(True, False):\n"
        "    with A.set_detect_anomaly(False): seen.append((on(), nan()))\n"
        "    seen.append((on(), nan()))"
    )
    trial.expect_equal("seen", [(True, True), (True, False), (False, True), (True, False)])
    trial.expect_equal("(on(), nan())", (False, True))
    trial.expect_error("with A.detect_anomaly(check_nan=False): {}[0]", KeyError)
    trial.expect_equal("(on(), nan())", (False, True))
    trial.run("A.set_detect_anomaly(True)")
    trial.expect_equal("(on(), nan())", (True, True))
    trial.run("A.set_detect_anomaly(False)")
    trial.expect_equal("(on(), nan())", (False, True))


@clause("autograd.threads.graphs-of-their-own-do-not-mix")
def test_threads(cell: Cell) -> None:
    case = leaves(cell, (4, 3), cell.generator(), contiguous=True)
    trial = cell.trial(**case.tensors)
    trial.run("import threading")
    trial.run("rows = [each.clone().requires_grad_() for each in x]")
    trial.run("def work(row, w, g):\n    for _ in range(3): (row * w * row).backward(g)")
    trial.run("threads = [threading.Thread(target=work, args=each) for each in zip(rows, w, g)]")
    trial.run("for each in threads: each.start()")
    trial.run("for each in threads: each.join()")
    expected = 3 * 2 * case["g"] * np.conj(case["w"] * case["x"])
    for row in range(4):
        trial.expect(f"rows[{row}].grad", case.cast(expected[row]), UNSIGNED_ZERO)


@clause("autograd.threads.share-a-kept-graph")
def test_shared_graph(cell: Cell) -> None:
    case = leaves(cell, (4, 3), cell.generator(), contiguous=True)
    trial = cell.trial(**case.tensors)
    trial.run("import threading")
    trial.run("x.requires_grad_(); w.requires_grad_()")
    trial.run("y = (x * w * x).sum(0); answers = [None] * 4")
    trial.run("def work(place):\n    answers[place] = torch.autograd.grad(y, (x, w), g[place], retain_graph=True)")
    trial.run("threads = [threading.Thread(target=work, args=(place,)) for place in range(4)]")
    trial.run("for each in threads: each.start()")
    trial.run("for each in threads: each.join()")
    for row in range(4):
        g = case["g"][row]
        trial.expect(f"answers[{row}][0]", case.cast(2 * g * np.conj(case["x"] * case["w"])), UNSIGNED_ZERO)
        trial.expect(f"answers[{row}][1]", case.cast(g * np.conj(case["x"] ** 2)), UNSIGNED_ZERO)
    trial.expect_true("x.grad is None and w.grad is None", "no leaf's grad is written")
