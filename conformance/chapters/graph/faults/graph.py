"""Faults of the graph: branches, loops, recursion, nodes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import scaled
from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function


def _scaled(x: Any, factor: float) -> Any:
    """Return `x` with its gradient multiplied by a factor."""
    return with_gradient(x, scaled(factor))


replaced(
    "graph-square-gradient-halved",
    "The product of a tensor with itself has half its gradient.",
    "Tensor.__mul__",
    "Tensor.mul",
    "Tensor.__pow__",
    "torch.dot",
    "Tensor.square",
)(lambda f, x, y, *a, **k: f(x, y.detach(), *a, **k) if y is x else f(x, y, *a, **k))


@replaced("graph-truth-of-sum-inverted", "A comparison of a sum with 0 is inverted.", "Tensor.__gt__")
def _(f: Function, x: Any, y: Any) -> Any:
    result = f(x, y)
    return ~result if x.dim() == 0 and not isinstance(y, Tensor) and x.grad_fn is not None else result


@replaced("graph-sum-is-cached", "sum answers a second call on one tensor with the first result.", "Tensor.sum")
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    if a or k or not x.requires_grad:
        return f(x, *a, **k)
    if not hasattr(x, "kept_sum"):
        x.kept_sum = f(x)
    return x.kept_sum


@replaced("graph-iteration-detaches", "Iterating a tensor detaches its last element.", "Tensor.__iter__")
def _(f: Function, x: Any) -> Any:
    every = list(f(x))
    return iter([*every[:-1], every[-1].detach()])


@replaced(
    "graph-leaves-begin-with-zeros", "Leaves get a gradient of 0 as soon as they require one.", "Tensor.requires_grad_"
)
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if result.is_leaf:
        result.grad = torch.zeros_like(result)
    return result


@replaced("graph-unused-is-allowed", "grad gives zeros for tensors outside the graph.", "autograd.grad")
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    found = f(outputs, inputs, *a, **{**k, "allow_unused": True})
    return tuple(torch.zeros(()) if each is None else each for each in found)


@replaced(
    "graph-doubling-gradient-off",
    "A product with 2, or a sum of a tensor with itself, has the gradient 1.",
    "Tensor.__mul__",
    "Tensor.__rmul__",
    "Tensor.__add__",
)
def _(f: Function, x: Any, y: Any) -> Any:
    result = f(x, y)
    if y is x or (isinstance(y, int) and y == 2):
        return _scaled(result, 0.5)
    return result


@replaced("graph-long-loops-truncated", "A long graph loses the gradient of its oldest operations.", "Tensor.backward")
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    node, depth = x.grad_fn, 0
    while node is not None and node.next_functions:
        following = [each for each, _ in node.next_functions if each is not None]
        node, depth = (following[0] if following else None), depth + 1
    return f(x * 0, *a, **k) if depth > 4 else f(x, *a, **k)


@replaced(
    "graph-product-forgets-the-second",
    "Every product after a product loses the second operand's gradient.",
    "Tensor.__mul__",
    "Tensor.mul",
)
def _(f: Function, x: Any, y: Any, *a: Any, **k: Any) -> Any:
    late = isinstance(y, Tensor) and "Mul" in (type(y.grad_fn).__name__ + type(x.grad_fn).__name__)
    return f(x, y.detach(), *a, **k) if late else f(x, y, *a, **k)


@replaced("graph-difference-keeps-sign", "A difference has the gradient 1 by what is subtracted.", "Tensor.__sub__")
def _(f: Function, x: Any, y: Any) -> Any:
    result = f(x, y)
    return result + 2 * (y - y.detach()) if isinstance(y, Tensor) and y.requires_grad else result


replaced(
    "graph-shared-uses-counted-once", "A sum of a tensor with itself has the gradient of one use.", "Tensor.__add__"
)(lambda f, x, y: f(x, y.detach()) if y is x or getattr(y, "grad_fn", 0) is getattr(x, "grad_fn", 1) else f(x, y))


@replaced("graph-no-grad-records", "no_grad records all the same.", "no_grad.__enter__")
def _(_f: Function, mode: Any) -> Any:
    mode.prev = torch.is_grad_enabled()


replaced("graph-detach-records", "detach keeps the graph.", "Tensor.detach")(lambda _f, x: x.view_as(x))


@replaced(
    "graph-addition-swaps-its-nodes",
    "The node of a difference or a product leads to its operands in the wrong order.",
    "Tensor.__sub__",
    "Tensor.__mul__",
)
def _(f: Function, x: Any, y: Any) -> Any:
    if isinstance(y, Tensor) and f.__name__ in ("__mul__", "mul"):
        return f(y, x)
    return torch.add(-y, x) if isinstance(y, Tensor) else f(x, y)


replaced("graph-products-add-a-node", "A product with a number is recorded as two operations.", "Tensor.__mul__")(
    lambda f, x, y: f(f(x, y), 1) if isinstance(y, int) else f(x, y)
)
