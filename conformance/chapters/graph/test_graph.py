"""Define by run: the graph is what Python executed in this call, and gradients follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]


def _begin(cell: Cell, *values: Array, **inputs: Any) -> Trial:
    """Begin with leaves x, y, z of these values."""
    kind = numpy_dtype(cell.dtype)
    named = zip("xyz", values, strict=False)
    trial = cell.trial(**{name: Strided.from_array(np.asarray(each).astype(kind)) for name, each in named}, **inputs)
    for name in "xyz"[: len(values)]:
        trial.run(f"{name}.requires_grad_()")
    return trial


def _expect(cell: Cell, trial: Trial, expression: str, value: Any) -> None:
    __tracebackhide__ = True
    trial.expect(expression, np.asarray(value).astype(numpy_dtype(cell.dtype)), UNSIGNED_ZERO)


def _points(cell: Cell, count: int = 3) -> list[Array]:
    """Return vectors of four small whole numbers, none of them 0, whose sums are positive and negative in turn."""
    generator = cell.generator()
    found = []
    for turn in range(2 * count):
        magnitudes = generator.integers(1, 5, 4)
        signs = np.array([1, 1, -1, 1]) if turn % 2 else np.array([-1, 1, -1, -1])
        magnitudes[2] = 1
        found.append(magnitudes * signs + np.array([0, 4, 0, 0]) * (turn % 2))
    return [each if each.sum() else each + 1 for each in found]


BRANCHES = (
    """
def f(x):
    if x.sum() > 0:
        return (x * x).sum()
    else:
        return (3 * x).sum()
""",
    """
def f(x):
    return (x ** 2).sum() if x.sum().item() > 0 else x.sum() * 3
""",
    """
def f(x):
    choose = {True: lambda: x.mul(x), False: lambda: x.mul(3)}
    return choose[bool(x.detach().sum() > 0)]().sum()
""",
    """
def f(x):
    total = x.sum()
    match_positive = float(total) > 0
    while match_positive:
        return (x * x).sum()
    return torch.sum(x + x + x)
""",
    """
def f(x):
    try:
        if not x.sum() > 0:
            raise ValueError
        y = x.square()
    except ValueError:
        y = x * 3
    return y.sum()
""",
)


@clause("graph.branch.gradient-follows-the-one-taken")
def test_branch(cell: Cell) -> None:
    for text in BRANCHES:
        for point in _points(cell):
            trial = _begin(cell, point)
            trial.run(text)
            trial.run("loss = f(x)")
            positive = point.sum() > 0
            _expect(cell, trial, "loss", (point**2).sum() if positive else 3 * point.sum())
            trial.run("loss.backward()")
            _expect(cell, trial, "x.grad", 2 * point if positive else np.full(4, 3))


ELEMENT_BRANCH = """
def f(x):
    parts = []
    for each in x:
        if each > 0:
            parts.append(each * each)
        elif each < -2:
            parts.append(-each)
        else:
            parts.append(2 * each)
    return parts
"""


@clause("graph.branch.is-taken-per-element-in-a-loop")
def test_element_branch(cell: Cell) -> None:
    for join in ("sum(f(x))", "torch.stack(f(x)).sum()"):
        for point in _points(cell):
            trial = _begin(cell, point)
            trial.run(ELEMENT_BRANCH)
            trial.run(f"({join}).backward()")
            _expect(cell, trial, "x.grad", np.where(point > 0, 2 * point, np.where(point < -2, -1, 2)))


@clause("graph.branch.not-taken-has-no-gradient")
def test_not_taken(cell: Cell) -> None:
    text = "f = lambda x, y, z: (x * y).sum() if x.sum() > 0 else (x * z).sum()"
    for point in _points(cell):
        other, third = np.array([1, 2, 3, 4]), np.array([4, -1, 2, 5])
        trial = _begin(cell, point, other, third)
        trial.run(text)
        trial.run("f(x, y, z).backward()")
        positive = point.sum() > 0
        used, unused = ("y", "z") if positive else ("z", "y")
        _expect(cell, trial, "x.grad", other if positive else third)
        _expect(cell, trial, f"{used}.grad", point)
        trial.expect_true(f"{unused}.grad is None", "what the branch taken does not use has no gradient")
        trial.expect_error(f"torch.autograd.grad(f(x, y, z), {unused})", RuntimeError)


LOOPS = (
    """
def f(x):
    count = 0
    while x.sum() < 100:
        x = x * 2
        count += 1
    return x, count
""",
    """
def f(x):
    count = 0
    while True:
        if x.sum().item() >= 100:
            break
        x, count = x + x, count + 1
    return x, count
""",
    """
def f(x):
    for count in range(20):
        if float(x.detach().sum()) >= 100:
            return x, count
        x = 2 * x
""",
)


@clause("graph.loop.runs-as-long-as-the-data-says")
def test_loop(cell: Cell) -> None:
    for text in LOOPS:
        for total in (1, 3, 7, 25, 60, 100):
            point = np.array([0, total - 1, 0, 1])
            doublings = int(np.ceil(np.log2(100 / total)))
            trial = _begin(cell, point)
            trial.run(text)
            trial.run("y, count = f(x)")
            trial.expect_equal("count", doublings)
            _expect(cell, trial, "y", point * 2**doublings)
            trial.run("y.sum().backward()")
            _expect(cell, trial, "x.grad", np.full(4, 2**doublings))


@clause("graph.loop.adds-one-use-per-pass")
def test_uses(cell: Cell) -> None:
    factors = np.array([3, -2, 1, 2])
    texts = (
        "h = x\nfor each in range(count): h = h * y\n",
        "h = x\nfor each in [y] * count: h = each * h\n",
        "import functools\nh = functools.reduce(lambda h, each: h.mul(each), [y] * count, x)\n",
    )
    for text in texts:
        for count in range(5):
            point = np.array([1, 2, -1, 3])
            trial = _begin(cell, point, factors, count=count)
            trial.run(text)
            trial.run("(h + 0 * y).sum().backward()")
            _expect(cell, trial, "x.grad", factors**count)
            _expect(cell, trial, "y.grad", point * count * factors ** max(count - 1, 0))


RECURSIONS: tuple[tuple[str, Callable[[Array, int], Array], Callable[[Array, int], Array]], ...] = (
    (
        """
def f(x, n):
    return torch.ones_like(x) if n == 0 else x * f(x, n - 1)
""",
        lambda x, n: x**n,
        lambda x, n: n * x ** max(n - 1, 0),
    ),
    (
        """
def f(x, n):
    if n == 0:
        return x * 3
    half = f(x, n // 2)
    return half + half if n % 2 == 0 else half - x
""",
        lambda x, n: x * _halved(n),
        lambda x, n: 0 * x + _halved(n),
    ),
    (
        """
def f(x, n):
    return x * x if n < 2 else f(x, n - 1) + f(x, n - 2)
""",
        lambda x, n: x * x * _fibonacci(n),
        lambda x, n: 2 * x * _fibonacci(n),
    ),
)


def _halved(n: int) -> int:
    return 3 if n == 0 else 2 * _halved(n // 2) if n % 2 == 0 else _halved(n // 2) - 1


def _fibonacci(n: int) -> int:
    return 1 if n < 2 else _fibonacci(n - 1) + _fibonacci(n - 2)


@clause("graph.recursion.gradient-is-that-of-the-unrolled-calls")
def test_recursion(cell: Cell) -> None:
    point = np.array([1, -2, 2, -1])
    for text, value, gradient in RECURSIONS:
        for n in range(6):
            trial = _begin(cell, point, n=n)
            trial.run(text)
            trial.run("y = f(x, n)")
            _expect(cell, trial, "y", value(point, n))
            if n or "ones_like" not in text:
                trial.run("y.sum().backward()")
                _expect(cell, trial, "x.grad", gradient(point, n))


TREE = """
def f(tree):
    if isinstance(tree, torch.Tensor):
        return tree
    left, right = tree
    return 2 * f(left) - f(right)
"""


@clause("graph.recursion.over-a-tree-weighs-each-leaf")
def test_tree(cell: Cell) -> None:
    cases = (
        ("(x, y)", 2, -1, 0),
        ("((x, y), z)", 4, -2, -1),
        ("(x, (y, (z, x)))", 1, -2, 2),
        ("((z, z), (x, z))", -2, 0, 3),
    )
    for tree, *weights in cases:
        trial = _begin(cell, np.array([1, 2]), np.array([3, -1]), np.array([-2, 1]))
        trial.run(TREE)
        trial.run(f"f({tree}).sum().backward()")
        for name, weight in zip("xyz", weights, strict=True):
            if weight:
                _expect(cell, trial, f"{name}.grad", np.full(2, weight))
            else:
                trial.expect_true(f"{name}.grad is None", "a leaf that the tree lacks has no gradient")


@clause("graph.call.builds-a-graph-of-its-own")
def test_calls(cell: Cell) -> None:
    for text in BRANCHES:
        up, down = np.array([1, 2, 3, 1]), np.array([-1, -2, 1, -3])
        trial = _begin(cell, up, down)
        trial.run(text)
        trial.run("a, b, c = f(x), f(y), f(x)")
        trial.expect_true("a.grad_fn is not c.grad_fn", "each call has nodes of its own")
        trial.run("a.backward()")
        _expect(cell, trial, "x.grad", 2 * up)
        trial.expect_true("y.grad is None", "another call's graph is not touched")
        trial.run("c.backward()")
        _expect(cell, trial, "x.grad", 4 * up)
        trial.run("b.backward()")
        _expect(cell, trial, "y.grad", np.full(4, 3))
        # The same function goes the other way once its leaf has changed.
        trial.run("with torch.no_grad(): x.neg_(); x.grad.zero_()")
        trial.run("f(x).backward()")
        _expect(cell, trial, "x.grad", np.full(4, 3))


@clause("graph.call.without-gradients-leaves-a-constant")
def test_constant(cell: Cell) -> None:
    modes = (
        "with torch.no_grad(): scale = x.sum()",
        "scale = x.detach().sum()",
        "scale = x.sum().detach()",
        "scale = x.data.sum()",
        "with torch.set_grad_enabled(False): scale = (x * 1).sum()",
        "scale = torch.no_grad()(lambda: x.sum())()",
    )
    point = np.array([1, 2, 3, -1])
    for mode in modes:
        trial = _begin(cell, point)
        trial.run(mode)
        trial.expect_true(
            "scale.grad_fn is None and not scale.requires_grad", "a tensor without history records nothing"
        )
        trial.run("y = x * scale")
        _expect(cell, trial, "y", point * 5)
        trial.run("y.sum().backward()")
        _expect(cell, trial, "x.grad", np.full(4, 5))


NODES = (
    ("x + y", 2),
    ("x - y", 2),
    ("x * y", 2),
    ("x / y", 2),
    ("x ** 2", 1),
    ("-x", 1),
    ("x.exp()", 1),
    ("x.relu()", 1),
    ("x.sum()", 1),
    ("x @ y", 2),
    ("torch.where(x > 0, x, y)", 2),
)


@clause("graph.nodes.lead-back-to-the-leaves")
def test_nodes(cell: Cell) -> None:
    for expression, count in NODES:
        trial = _begin(cell, np.array([1, 2]), np.array([2, 4]))
        trial.run(f"r = {expression}")
        trial.expect_true("isinstance(r.grad_fn.name(), str) and not r.is_leaf", "a result has a named node")
        trial.run("leaves = [node.variable for node, _ in r.grad_fn.next_functions if node is not None]")
        wanted = "leaves[0] is x and leaves[1] is y" if count == 2 else "leaves[0] is x"
        trial.expect_equal("len(leaves)", count)
        trial.expect_true(wanted, "the node's next functions accumulate into the leaves, in the order of the operands")
        trial.expect_true("x.grad_fn is None and x.is_leaf", "leaves have no node")
        trial.run("s = (r.detach() + r).sum()")
        trial.run("after = [node for node, _ in s.grad_fn.next_functions[0][0].next_functions if node is not None]")
        trial.expect_true("len(after) == 1 and after[0] is r.grad_fn", "a detached operand has no node")


COUNT = """
def nodes(root):
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [each for each, _ in node.next_functions]
    return len(seen)
"""


@clause("graph.nodes.count-what-was-executed")
def test_node_count(cell: Cell) -> None:
    for count in range(6):
        trial = _begin(cell, np.array([1, 2]), count=count)
        trial.run(COUNT)
        trial.run("h = x.clone()")
        trial.run("for _ in range(count): h = h * 2")
        # A clone, the accumulation into x, and a node per pass.
        trial.expect_equal("nodes(h.grad_fn)", 2 + count)
        trial.run("shared = h + h")
        trial.expect_equal("nodes(shared.grad_fn)", 3 + count)
        trial.run("with torch.no_grad(): k = h * 2")
        trial.expect_equal("nodes(k.grad_fn)", 0)
