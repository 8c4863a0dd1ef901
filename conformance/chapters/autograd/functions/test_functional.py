"""torch.autograd.functional on polynomials of three variables; copies, pickles and checkpoints of leaves and graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.autograd.leaf_values import Leaves, drawn, leaves
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.reference.numerics.polynomials import Polynomial, hessian, jacobian

Array = npt.NDArray[Any]

# Two functions of (x0, x1, x2), and a scalar one, as torch code of x.
TWO = (Polynomial({(2, 1, 0): 1, (0, 0, 1): -3}), Polynomial({(1, 0, 1): 2, (0, 2, 0): 1}))
# Without numbers as operands: forward mode over a batch imports torch._dynamo for those.
TWO_TEXT = """
def two(x):
    a, b, c = x[0], x[1], x[2]
    return torch.stack([a * a * b - c - c - c, a * c + c * a + b * b])
"""
ONE = Polynomial({(2, 1, 0): 1, (0, 1, 2): 2, (1, 1, 1): -1, (0, 0, 1): 5})
ONE_TEXT = """
def one(x):
    a, b, c = x[0], x[1], x[2]
    return a * a * b + b * c * c + c * c * b - a * b * c + c + c + c + c + c
"""
# The scalar function of two inputs, (x0, x1) and x2.
PAIR_TEXT = "def pair(a, b): return one(torch.cat([a, b]))"
SPLIT_TEXT = "def split(a, b): return two(torch.cat([a, b]))[0], two(torch.cat([a, b]))[1:] * 2"


def _points(cell: Cell, names: str = "xuv") -> list[Leaves]:
    generator = cell.generator()
    return [leaves(cell, (3,), generator, names=names) for _ in range(max(2, cell.profile.examples // 2))]


@clause("autograd.functional.jacobian-holds-every-derivative")
def test_jacobian(cell: Cell) -> None:
    for point in _points(cell):
        expected = jacobian(TWO, point["x"])
        trial = cell.trial(**point.tensors)
        trial.run("J = torch.autograd.functional.jacobian")
        trial.run(TWO_TEXT)
        for call in (
            "J(two, x)",
            "J(func=two, inputs=x)",
            "J(two, x, create_graph=True)",
            "J(two, x, strict=True)",
            "J(two, x, vectorize=True)",
            "J(two, (x,))[0]",
        ):
            trial.expect(call, point.cast(expected), UNSIGNED_ZERO)
        # Several outputs by several inputs: a tuple of tuples, outputs first.
        trial.run(SPLIT_TEXT)
        for options in ("", ", vectorize=True", ", create_graph=True"):
            trial.run(f"answer = J(split, (x[:2], x[2:]){options})")
            trial.expect_equal("(type(answer), len(answer), [len(each) for each in answer])", (tuple, 2, [2, 2]))
            for row, block in enumerate((expected[0], 2 * expected[1:])):
                trial.expect(f"answer[{row}][0]", point.cast(block[..., :2]), UNSIGNED_ZERO)
                trial.expect(f"answer[{row}][1]", point.cast(block[..., 2:]), UNSIGNED_ZERO)
        trial.expect(
            "J(lambda m: m * m.sum(), x.reshape(1, 3)).reshape(3, 3)", point.cast(_row_sums(point["x"])), UNSIGNED_ZERO
        )
        trial.expect_equal("tuple(J(lambda m: m[0], x.reshape(1, 3)).shape)", (3, 1, 3))


def _row_sums(x: Array) -> Array:
    """Return the Jacobian of x times its sum: the sum on the diagonal, plus x along each row."""
    return np.asarray(np.eye(3) * x.sum() + x[:, None])


@clause("autograd.functional.jacobian-forward-mode-agrees")
def test_forward_jacobian(cell: Cell) -> None:
    for point in _points(cell):
        trial = cell.trial(**point.tensors)
        trial.run(TWO_TEXT)
        trial.run("J = torch.autograd.functional.jacobian")
        trial.expect(
            "J(two, x, vectorize=True, strategy='forward-mode')", point.cast(jacobian(TWO, point["x"])), UNSIGNED_ZERO
        )
        trial.expect_error("J(two, x, strategy='forward-mode')", NotImplementedError)


@clause("autograd.functional.hessian-holds-second-derivatives")
def test_hessian(cell: Cell) -> None:
    for point in _points(cell):
        expected = hessian(ONE, point["x"])
        trial = cell.trial(**point.tensors)
        trial.run("H = torch.autograd.functional.hessian")
        trial.run(ONE_TEXT)
        trial.run(PAIR_TEXT)
        for call in (
            "H(one, x)",
            "H(func=one, inputs=x)",
            "H(one, x, create_graph=True)",
            "H(one, x, vectorize=True)",
            "H(one, x, strict=True)",
        ):
            trial.expect(call, point.cast(expected), UNSIGNED_ZERO)
        for options in ("", ", vectorize=True"):
            trial.run(f"answer = H(pair, (x[:2], x[2:]){options})")
            for row, rows in enumerate((slice(0, 2), slice(2, 3))):
                for column, columns in enumerate((slice(0, 2), slice(2, 3))):
                    trial.expect(f"answer[{row}][{column}]", point.cast(expected[rows, columns]), UNSIGNED_ZERO)
        trial.expect_error("H(lambda x: x * x, x)", RuntimeError)
        trial.expect_error("H(one, x, outer_jacobian_strategy='forward-mode')", NotImplementedError)


@clause("autograd.functional.products-with-jacobian-and-hessian")
def test_products(cell: Cell) -> None:
    for point in _points(cell):
        x, u, v = (point[name] for name in "xuv")
        first, second = jacobian(TWO, x), hessian(ONE, x)
        trial = cell.trial(**point.tensors)
        trial.run("F = torch.autograd.functional")
        for text in (TWO_TEXT, ONE_TEXT, PAIR_TEXT):
            trial.run(text)
        values = np.array([each.value(*x) for each in TWO])
        value = ONE.value(*x)
        for call, wanted, product in (
            ("F.vjp(two, x, u[:2])", values, u[:2] @ first),
            ("F.vjp(func=two, inputs=x, v=u[:2])", values, u[:2] @ first),
            ("F.vjp(two, x, u[:2], create_graph=True)", values, u[:2] @ first),
            ("F.vjp(one, x)", value, jacobian([ONE], x)[0]),
            ("F.jvp(two, x, v)", values, first @ v),
            ("F.jvp(func=two, inputs=x, v=v)", values, first @ v),
            ("F.jvp(two, x, v, create_graph=True)", values, first @ v),
            ("F.vhp(one, x, v)", value, v @ second),
            ("F.vhp(one, x, v, create_graph=True)", value, v @ second),
            ("F.hvp(one, x, v)", value, second @ v),
            ("F.hvp(one, x, v, create_graph=True)", value, second @ v),
        ):
            trial.run(f"answer = {call}")
            trial.expect_equal("(type(answer), len(answer))", (tuple, 2))
            trial.expect("answer[0]", point.cast(wanted), UNSIGNED_ZERO)
            trial.expect("answer[1]", point.cast(product), UNSIGNED_ZERO)
        for name in ("vhp", "hvp"):
            trial.run(f"value, (a, b) = F.{name}(pair, (x[:2], x[2:]), (v[:2], v[2:]))")
            trial.expect("torch.cat([a, b])", point.cast(second @ v), UNSIGNED_ZERO)
        trial.run("value, (a, b) = F.vjp(lambda a, b: two(torch.cat([a, b])), (x[:2], x[2:]), u[:2])")
        trial.expect("torch.cat([a, b])", point.cast(u[:2] @ first), UNSIGNED_ZERO)


@clause("autograd.functional.create-graph-decides-whether-answers-have-history")
def test_functional_graph(cell: Cell) -> None:
    point = _points(cell)[0]
    trial = cell.trial(**point.tensors)
    trial.run("F = torch.autograd.functional; x.requires_grad_()")
    trial.run(TWO_TEXT)
    trial.run(ONE_TEXT)
    for call in (
        "jacobian(two, x",
        "hessian(one, x",
        "vjp(two, x, u[:2]",
        "jvp(two, x, v",
        "vhp(one, x, v",
        "hvp(one, x, v",
    ):
        which = "" if call.startswith(("jac", "hes")) else "[1]"
        trial.expect_true(f"not F.{call}){which}.requires_grad", "answers require no gradient without create_graph")
        trial.expect_true(
            f"not F.{call}, create_graph=False){which}.requires_grad",
            "answers require no gradient without create_graph",
        )
        trial.expect_true(f"F.{call}, create_graph=True){which}.requires_grad", "answers belong to the graph of x")
    trial.expect_true("x.grad is None and x.requires_grad", "the input is as it was")
    trial.run("torch.autograd.functional.vjp(one, x, create_graph=True)[1].backward(v)")
    trial.expect("x.grad", point.cast(hessian(ONE, point["x"]) @ point["v"]), UNSIGNED_ZERO)


@clause("autograd.functional.strict-refuses-independent-outputs")
def test_strict(cell: Cell) -> None:
    point = _points(cell)[0]
    trial = cell.trial(**point.tensors)
    trial.run("F = torch.autograd.functional")
    trial.run("def constant(x): return torch.ones(2, dtype=x.dtype, device=device)")
    trial.run("def none(x): return torch.ones((), dtype=x.dtype, device=device)")
    trial.expect("F.jacobian(constant, x)", point.cast(np.zeros((2, 3))), UNSIGNED_ZERO)
    trial.expect("F.vjp(constant, x, u[:2])[1]", point.cast(np.zeros(3)), UNSIGNED_ZERO)
    trial.expect("F.jvp(constant, x, v)[1]", point.cast(np.zeros(2)), UNSIGNED_ZERO)
    trial.expect("F.hessian(none, x)", point.cast(np.zeros((3, 3))), UNSIGNED_ZERO)
    trial.expect("F.hvp(none, x, v)[1]", point.cast(np.zeros(3)), UNSIGNED_ZERO)
    for call in (
        *("jacobian(constant, x", "vjp(constant, x, u[:2]", "jvp(constant, x, v", "hessian(none, x"),
        *("hvp(none, x, v", "vhp(none, x, v"),
    ):
        trial.expect_error(f"F.{call}, strict=True)", RuntimeError)
    trial.expect_error("F.jacobian(constant, x, strict=True, vectorize=True)", RuntimeError)


@clause("autograd.functional.vectors-must-fit")
def test_vectors(cell: Cell) -> None:
    trial = cell.trial(**_points(cell)[0].tensors)
    trial.run("F = torch.autograd.functional")
    trial.run(TWO_TEXT)
    trial.run(ONE_TEXT)
    for call in (
        *("vjp(two, x)", "vjp(two, x, v)", "vjp(two, x, u[:1])", "jvp(two, x)", "jvp(two, x, u[:2])"),
        *("hvp(one, x)", "hvp(one, x, v[:2])", "vhp(one, x)", "vhp(one, x, v[:2])", "vhp(two, x, v)", "hvp(two, x, v)"),
    ):
        trial.expect_error(f"F.{call}", RuntimeError)


@clause("autograd.copy.deepcopy-of-a-leaf")
def test_deepcopy(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("import copy")
        trial.run("x.requires_grad_()")
        trial.run(f"y = {formula.text}")
        trial.run("y.backward(g, retain_graph=True)")
        trial.run("c, d = copy.deepcopy(x), copy.deepcopy(w)")
        trial.expect("c", case.cast(case["x"]))
        trial.expect("c.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        trial.expect_equal("(c.requires_grad, c.is_leaf, d.requires_grad, d.grad)", (True, True, False, None))
        trial.expect_true(
            "c.stride() == x.stride() and c is not x and c.grad is not x.grad",
            "a copy has the strides of the tensor and a gradient of its own",
        )
        trial.run("c.grad.zero_(); (c * w).backward(g)")
        trial.expect("c.grad", case.cast(case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
        for call in ("copy.deepcopy(y)", "copy.deepcopy([x, x[...]])", "copy.deepcopy(x * 1)"):
            trial.expect_error(call, RuntimeError)


@clause("autograd.copy.pickled-leaf-requires-grad")
def test_pickle(cell: Cell) -> None:
    for case, _ in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("import pickle, io")
        trial.run("x.requires_grad_()")
        trial.run("(x * w).backward(g)")
        trial.run("file = io.BytesIO(); torch.save([x, w], file)")
        for load in ("pickle.loads(pickle.dumps([x, w]))", "torch.load(io.BytesIO(file.getvalue()))"):
            trial.run(f"c, d = {load}")
            trial.expect("c", case.cast(case["x"]))
            trial.expect_equal("(c.requires_grad, c.is_leaf, c.grad, d.requires_grad)", (True, True, None, False))
            trial.run("(c * c).backward(g)")
            trial.expect("c.grad", case.cast(2 * case["g"] * np.conj(case["x"])), UNSIGNED_ZERO)
        trial.expect("x.grad", case.cast(case["g"] * np.conj(case["w"])), UNSIGNED_ZERO)


@clause("autograd.copy.clone-passes-gradients-on")
def test_clone(cell: Cell) -> None:
    for case, formula in drawn(cell):
        for call in (
            "x.clone()",
            "torch.clone(x)",
            "x.clone(memory_format=torch.contiguous_format)",
            "x.contiguous().clone()",
        ):
            trial = cell.trial(**case.tensors)
            trial.run("x.requires_grad_()")
            trial.run(f"c = {call}; address = c.data_ptr()")
            trial.expect_true("c.requires_grad and not c.is_leaf", "a clone is a result")
            trial.run(f"y = (lambda x: {formula.text})(c); x.detach().zero_()")
            trial.expect("c", case.cast(case["x"]))
            trial.run("y.backward(g)")
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)


@clause("autograd.checkpoint.recomputes-with-the-same-gradients")
def test_checkpoint(cell: Cell) -> None:
    for case, formula in drawn(cell):
        trial = cell.trial(**case.tensors)
        trial.run("from torch.utils.checkpoint import checkpoint")
        trial.run("calls = []")
        trial.run(
            f"def f(x, w, *, shift=0):\n    calls.append(torch.is_grad_enabled())\n    return {formula.text} + shift"
        )
        for options, flags in (("use_reentrant=False", [True, True]), ("use_reentrant=True", [False, True])):
            trial.run("x.requires_grad_(); w.requires_grad_(); x.grad = w.grad = None; calls.clear()")
            trial.run(f"y = checkpoint(f, x, w, {options})")
            trial.expect("y", case.cast(formula.polynomial.value(case["x"], case["w"])), UNSIGNED_ZERO)
            trial.expect_equal("len(calls)", 1)
            trial.run("y.backward(g)")
            trial.expect("x.grad", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)
            trial.expect("w.grad", case.cast(formula.pullback(1, case)), UNSIGNED_ZERO)
            trial.expect_equal("calls", flags)
        trial.run("y = checkpoint(f, x, w, use_reentrant=False, shift=2)")
        trial.expect("y", case.cast(formula.polynomial.value(case["x"], case["w"]) + 2), UNSIGNED_ZERO)
        trial.run("a, = torch.autograd.grad(y, x, g)")
        trial.expect("a", case.cast(formula.pullback(0, case)), UNSIGNED_ZERO)


@clause("autograd.empty.gradients-have-no-elements")
def test_empty(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((0,), (2, 0), (0, 3), (1, 0, 2)):
        case = leaves(cell, size, generator)
        trial = cell.trial(**case.tensors)
        trial.run("x.requires_grad_(); w.requires_grad_()")
        trial.run("s = (x * w).real.sum()")
        trial.expect_equal("(s.requires_grad, tuple(s.shape), s.item())", (True, (), 0.0))
        trial.run("s.backward()")
        trial.expect("x.grad", case.cast(0 * case["x"]))
        trial.expect("w.grad", case.cast(0 * case["w"]))
        trial.run("a, b = torch.autograd.grad((x * w + x).reshape(-1), (x, w), g.reshape(-1))")
        trial.expect("a", case.cast(case["g"]))
        trial.expect("b", case.cast(case["g"]))
        # A leaf with elements of which none is used.
        trial.run("v = torch.ones(3, 2, dtype=x.dtype, device=device, requires_grad=True)")
        trial.run("v[3:].sum().real.backward()")
        trial.expect("v.grad", case.cast(np.zeros((3, 2))), UNSIGNED_ZERO)
        trial.expect_error("(x * w).backward()", RuntimeError)
