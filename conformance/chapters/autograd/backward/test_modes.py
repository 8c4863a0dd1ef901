"""no_grad, enable_grad, set_grad_enabled and inference_mode: as contexts, functions and decorators, nested."""

from __future__ import annotations

import itertools

import numpy as np

from torch_conformance.conformance.chapters.autograd.leaf_values import drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO

# A context and what torch.is_grad_enabled() says inside.
CONTEXTS = (
    ("torch.no_grad()", False),
    ("torch.enable_grad()", True),
    ("torch.set_grad_enabled(True)", True),
    ("torch.set_grad_enabled(False)", False),
    ("torch.set_grad_enabled(mode=False)", False),
    ("torch.autograd.no_grad()", False),
    ("torch.autograd.enable_grad()", True),
    ("torch.autograd.set_grad_enabled(False)", False),
    ("torch.inference_mode()", False),
    ("torch.autograd.inference_mode()", False),
)
OFF = tuple(text for text, on in CONTEXTS if not on and "inference" not in text)
ON = tuple(text for text, on in CONTEXTS if on)


@clause("autograd.modes.no-grad-results-have-no-history")
def test_no_grad(cell: Cell) -> None:
    for case, formula in drawn(cell):
        for context in OFF:
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"with {context}: y = {formula.text}; v = x[...]; z = y * x")
            for name in "yvz":
                trial.expect_true(f"not {name}.requires_grad and {name}.grad_fn is None", "there is no graph")
                trial.expect_true(f"{name}.is_leaf", "a result without a graph is a leaf")
            trial.expect("y", case.cast(formula.polynomial.value(case["x"], case["w"])), UNSIGNED_ZERO)
            trial.expect_true("x.requires_grad and w.requires_grad", "the inputs are as they were")
            trial.run("(y * x).backward(g)")
            trial.expect(
                "x.grad", case.cast(case["g"] * np.conj(formula.polynomial.value(case["x"], case["w"]))), UNSIGNED_ZERO
            )


@clause("autograd.modes.enable-grad-records-inside-no-grad")
def test_enable_grad(cell: Cell) -> None:
    for case, formula in drawn(cell):
        for off, on in zip(OFF, itertools.cycle(ON)):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"with {off}:\n    a = {formula.text}\n    with {on}: y = {formula.text}\n    b = y * 2")
            trial.expect_true("y.requires_grad and y.grad_fn is not None", "the inner mode counts")
            trial.expect_true("not a.requires_grad and not b.requires_grad", "the outer mode is back afterwards")
            trial.run("y.backward(g)")
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)


@clause("autograd.modes.nest-and-are-restored")
def test_nesting(cell: Cell) -> None:
    case = leaves(cell, (2,), cell.generator())
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_()")
    trial.run("on = torch.is_grad_enabled")
    trial.run(
        "def nested(one, two, three):\n"
        "    seen = [on()]\n"
        "    with one():\n"
        "        seen.append(on())\n"
        "        with two():\n"
        "            seen.append(on())\n"
        "            with three(): seen.append((x * 2).requires_grad)\n"
        "            seen.append(on())\n"
        "        seen.append((x * 2).requires_grad)\n"
        "    return (*seen, on())"
    )
    for (a, one), (b, two), (c, three) in itertools.product(CONTEXTS[:4] + CONTEXTS[8:9], repeat=3):
        # Inside inference mode there is no recording, whatever the grad mode.
        inner = three and "inference" not in a + b + c
        after = one and "inference" not in a
        trial.expect_equal(f"nested(lambda: {a}, lambda: {b}, lambda: {c})", (True, one, two, inner, two, after, True))
    for context, _ in CONTEXTS[4:]:
        trial.run(f"with {context}: pass")
        trial.expect_true("on()", "grad mode is on outside")


@clause("autograd.modes.are-restored-after-an-exception")
def test_exceptions(cell: Cell) -> None:
    trial = cell.trial(x=leaves(cell, (2,), cell.generator()).tensors["x"])
    trial.run("on, inference = torch.is_grad_enabled, torch.is_inference_mode_enabled")
    trial.run(
        "def failing(context):\n"
        "    try:\n"
        "        with context: x.view(5)\n"
        "    except RuntimeError:\n"
        "        return on(), inference()"
    )
    trial.run(
        "def decorated(context):\n"
        "    try:\n"
        "        context(lambda: x.view(5))()\n"
        "    except RuntimeError:\n"
        "        return on(), inference()"
    )
    for context, _ in CONTEXTS:
        trial.expect_equal(f"failing({context})", (True, False))
        trial.expect_equal("(on(), inference())", (True, False))
        trial.run(f"context = {context}")
        trial.run("torch.set_grad_enabled(True)")
        trial.expect_equal("decorated(context)", (True, False))
        trial.run(f"with torch.no_grad(): answer = failing({context})")
        trial.expect_equal("answer", (False, False))
        trial.expect_equal("(on(), inference())", (True, False))


@clause("autograd.modes.decorate-functions")
def test_decorators(cell: Cell) -> None:
    case = leaves(cell, (3,), cell.generator())
    sum_of_both = case["x"] * case["w"] + 2
    for context, on in CONTEXTS:
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(
            f"@{context}\n"
            "def f(a, b, *rest, add=0, **more):\n"
            '    """Words."""\n'
            "    return a * b + add, torch.is_grad_enabled(), rest, more"
        )
        trial.run("torch.set_grad_enabled(True)")
        for _ in range(2):
            trial.run("y, on, rest, more = f(x, w, 5, add=2, other=7)")
            trial.expect_equal("(on, rest, more, torch.is_grad_enabled())", (on, (5,), {"other": 7}, True))
            trial.expect_equal("y.requires_grad", on)
            trial.expect("y", case.cast(sum_of_both), UNSIGNED_ZERO)
        trial.expect_equal("(f.__name__, f.__doc__)", ("f", "Words."))
        trial.run("with torch.no_grad(): y, inside, *_ = f(x, b=w, add=2); after = torch.is_grad_enabled()")
        trial.expect_equal("(inside, y.requires_grad, after)", (on, on, False))


@clause("autograd.modes.decorate-without-parentheses")
def test_bare_decorators(cell: Cell) -> None:
    case = leaves(cell, (3,), cell.generator())
    for mode, on in (("torch.no_grad", False), ("torch.enable_grad", True), ("torch.inference_mode", False)):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run(f"@{mode}\ndef f(a, *, b): return a * b, torch.is_grad_enabled()")
        trial.run("y, inside = f(x, b=w)")
        trial.expect_equal("(inside, y.requires_grad, torch.is_grad_enabled())", (on, on, True))
        trial.expect("y", case.cast(case["x"] * case["w"]), UNSIGNED_ZERO)
        trial.run("with torch.no_grad(): y, inside = f(a=x, b=w)")
        trial.expect_equal("(inside, y.requires_grad, f.__name__)", (on, on, "f"))


@clause("autograd.modes.decorate-generators")
def test_generators(cell: Cell) -> None:
    for context, on in CONTEXTS:
        trial = cell.trial(x=leaves(cell, (2,), cell.generator()).tensors["x"])
        trial.run("x.requires_grad_()")
        trial.run(
            f"@{context}\n"
            "def f(times):\n"
            "    for turn in range(times):\n"
            "        sent = yield torch.is_grad_enabled()\n"
            "    return turn"
        )
        trial.run("torch.set_grad_enabled(True)")
        trial.run("seen = []")
        trial.run("for inside in f(3): seen += [inside, torch.is_grad_enabled(), (x * 2).requires_grad]")
        trial.expect_equal("seen", [on, True, True] * 3)
        trial.run("with torch.no_grad(): seen = [(inside, torch.is_grad_enabled()) for inside in f(2)]")
        trial.expect_equal("seen", [(on, False)] * 2)
        trial.expect_true("torch.is_grad_enabled()", "grad mode is on outside")


@clause("autograd.modes.set-grad-enabled-is-a-function-too")
def test_function(cell: Cell) -> None:
    case = leaves(cell, (3,), cell.generator())
    trial = cell.trial(**case.tensors)
    trial.run("x.requires_grad_()")
    trial.run("flags = [torch.is_grad_enabled()]")
    trial.run(
        "with torch.enable_grad():\n    torch.set_grad_enabled(False); y = x * w; flags.append(torch.is_grad_enabled())"
    )
    trial.run("flags.append(torch.is_grad_enabled())")
    trial.run(
        "with torch.no_grad():\n    torch.set_grad_enabled(mode=True); z = x * w; flags.append(torch.is_grad_enabled())"
    )
    trial.run("flags.append(torch.is_grad_enabled())")
    trial.expect_equal("flags", [True, False, True, True, True])
    trial.expect_equal("(y.requires_grad, z.requires_grad)", (False, True))


@clause("autograd.modes.factories-keep-requires-grad-under-no-grad")
def test_factories(cell: Cell) -> None:
    for context in OFF:
        trial = cell.trial()
        for call in (
            "torch.ones(2, requires_grad=True, device=device)",
            "torch.tensor([1.0], requires_grad=True, device=device)",
            "torch.randn(2, requires_grad=True, device=device)",
            "torch.nn.Parameter(torch.zeros(2, device=device))",
            "torch.zeros(2, device=device).requires_grad_()",
        ):
            trial.run(f"with {context}: y = {call}; z = y * 2")
            trial.expect_true("y.requires_grad and y.is_leaf", "a tensor made by the user may require grad")
            trial.expect_true("not z.requires_grad", "results in the mode require no gradient")
            trial.expect_true("(y * 2).requires_grad", "results outside the mode require gradients")


@clause("autograd.modes.belong-to-their-thread")
def test_threads(cell: Cell) -> None:
    trial = cell.trial(x=leaves(cell, (2,), cell.generator()).tensors["x"])
    trial.run("import threading")
    trial.run("x.requires_grad_()")
    trial.run(
        "def elsewhere(context=None):\n"
        "    seen = []\n"
        "    def work():\n"
        "        seen.append(torch.is_grad_enabled())\n"
        "        if context is not None: context.__enter__()\n"
        "        seen.append((x * 2).requires_grad)\n"
        "    thread = threading.Thread(target=work)\n"
        "    thread.start(); thread.join()\n"
        "    return (*seen, torch.is_grad_enabled())"
    )
    for context, on in CONTEXTS[:3] + CONTEXTS[8:9]:
        trial.run(f"with {context}: seen = elsewhere()")
        trial.expect_equal("seen", (True, True, on))
        trial.expect_equal(f"elsewhere({context})", (True, on, True))


@clause("autograd.modes.do-not-hinder-backward")
def test_backward_inside(cell: Cell) -> None:
    for case, formula in drawn(cell):
        for context in OFF:
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(f"y = {formula.text}")
            trial.run(f"with {context}: y.backward(g, retain_graph=True); a, = torch.autograd.grad(y, w, g)")
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect("a", case.cast(formula.pullback(1, case)), UNSIGNED_ZERO)


@clause("autograd.modes.inference-results-are-inference-tensors")
def test_inference(cell: Cell) -> None:
    for case, formula in drawn(cell):
        for context in ("torch.inference_mode()", "torch.inference_mode(True)", "torch.inference_mode(mode=True)"):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_(); w.requires_grad_()")
            trial.run(
                f"with {context}:\n"
                f"    y = {formula.text}; n = torch.ones(2, device=device)\n"
                "    on = torch.is_inference_mode_enabled(); y.mul_(1); v = y[...]"
            )
            trial.expect_true("on and not torch.is_inference_mode_enabled()", "the mode ends with its context")
            trial.expect_true(
                "y.is_inference() and n.is_inference() and v.is_inference()", "tensors made in inference mode say so"
            )
            trial.expect_true("not y.requires_grad and y.grad_fn is None", "there is no graph")
            trial.expect_true("not x.is_inference() and x.requires_grad", "the inputs are as they were")
            trial.expect("y", case.cast(formula.polynomial.value(case["x"], case["w"])), UNSIGNED_ZERO)
        trial.run(f"with torch.inference_mode(False): y = {formula.text}; on = torch.is_inference_mode_enabled()")
        trial.expect_true("not on and y.requires_grad and not y.is_inference()", "inference_mode(False) records")
        trial.run(
            f"with torch.inference_mode():\n"
            f"    with torch.inference_mode(mode=False): y = {formula.text}; on = torch.is_inference_mode_enabled()"
        )
        trial.expect_true("not on and y.requires_grad and not y.is_inference()", "mode False inside it records")
        trial.run("y.backward(g)")
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)


@clause("autograd.modes.inference-tensors-stay-out-of-graphs")
def test_inference_refused(cell: Cell) -> None:
    for case, _ in drawn(cell, sizes=((2, 3), (3,), ())):
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_()")
        trial.run("with torch.inference_mode(): y = w * 2")
        for refused in ("y.add_(1)", "y.mul_(x)", "y[...].zero_()", "y.requires_grad_()", "x * y", "y.fill_(1)"):
            trial.expect_error(refused, RuntimeError)
        trial.run("with torch.inference_mode(): y = w * 2")
        # A copy is a normal tensor, and what need not be saved may be an inference tensor.
        trial.run("z = y.clone()")
        trial.expect_true("not z.is_inference()", "a copy made outside is a normal tensor")
        trial.run("(x * z).backward(g)")
        trial.expect("x.grad", case.cast(case["g"] * np.conj(2 * case["w"])), UNSIGNED_ZERO)
        trial.run("x.grad = None; (x + y).backward(g)")
        trial.expect("x.grad", case.cast(case["g"]), UNSIGNED_ZERO)
