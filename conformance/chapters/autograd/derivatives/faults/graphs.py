"""Faults of gradients in graphs, of gradients of gradients, of forward mode, at kinks, and of complex numbers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import last_lost, needs_gradient, off, scaled
from torch_conformance.conformance.power.forms import answer_changed, replaced, result_changed
from torch_conformance.conformance.power.gradient_forms import applied, gradient_changed, with_gradient
from torch_conformance.conformance.power.registry import Function

PRODUCT = "Tensor.__mul__"


class _Product(torch.autograd.Function):
    """A product with gradients that other functions of the incoming one and the other operand give."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, derived: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(x, y)
        ctx.derived = derived
        return x.detach() * y.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, y = ctx.saved_tensors
        first, second = ctx.derived(gradients[0], y), ctx.derived(gradients[0], x)
        return first.sum_to_size(x.shape), second.sum_to_size(y.shape), None


def _detached(g: Tensor, other: Tensor) -> Tensor:
    return g * other.detach()


# Graphs.
replaced("gradient-graph-product-by-itself-halved", "x * x derives to x.", PRODUCT)(
    lambda f, x, y: f(x, y.detach()) if x is y and needs_gradient(x) else f(x, y)
)
replaced("gradient-graph-shared-value-counted-once", "What is used twice gets one gradient.", "Tensor.__sub__")(
    lambda f, x, y: f(x, y.detach()) if needs_gradient(y) and needs_gradient(x) and x.shape != y.shape else f(x, y)
)
for _name, _summary, _place, _share in (
    ("graph-relu-leaks", "relu passes a hundredth below zero.", "torch.relu", 0.01),
    ("clamp-outside-leaks", "clamp passes a tenth of the gradient from outside.", "torch.clamp", 0.1),
):
    answer_changed(f"gradient-{_name}", _summary, _place)(
        lambda y, x, *_, share=_share, **__: y + share * (x - x.detach()) if needs_gradient(x) else y
    )
for _name, _summary, _place in (
    ("graph-sum-of-last-dim-off", "The gradient of the sum over the last dimension is 1% off.", "Tensor.sum"),
    ("number-power-off", "The gradient of a power by ** is 1% off.", "Tensor.__pow__"),
    ("relu-of-functional-off", "The gradient of functional.relu is 1% off.", "F.relu"),
):
    gradient_changed(f"gradient-{_name}", _summary, _place, change=off)


@replaced("gradient-graph-written-row-keeps-its-gradient", "A row written keeps its gradient.", "Tensor.__setitem__")
def _(f: Function, x: Tensor, key: Any, value: Any) -> Any:
    if isinstance(key, int) and needs_gradient(value):
        value = value + (x[key] - x[key].detach())
    return f(x, key, value)


# Gradients of gradients, and forward mode.
class _TanhTwiceOff(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.tanh(x.detach())
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (y,) = ctx.saved_tensors
        return gradients[0] * (1 - y.detach() * y.detach())


replaced("gradient-double-of-tanh-off", "The gradient of tanh has no gradient by its argument.", "Tensor.tanh")(
    lambda f, x: applied(_TanhTwiceOff, x) if needs_gradient(x) else f(x)
)
replaced("gradient-double-of-product-detached", "The gradients of a product have no gradients.", PRODUCT)(
    lambda f, x, y: (
        applied(_Product, x, y, _detached)
        if needs_gradient(x) and isinstance(y, Tensor) and x.shape == y.shape
        else f(x, y)
    )
)
answer_changed("gradient-jvp-of-func-off", "torch.func.jvp is 1% off.", "func.jvp")(
    lambda y, *_, **__: (y[0], y[1] * 1.01)
)
answer_changed("gradient-jvp-of-functional-negated", "functional.jvp has the other sign.", "autograd.functional.jvp")(
    lambda y, *_, **__: (y[0], -y[1])
)
answer_changed("gradient-jvp-tangent-of-dual-off", "A tangent is 1% off.", "autograd.forward_ad.unpack_dual")(
    lambda y, *_, **__: torch.autograd.forward_ad.UnpackedDualTensor(y.primal, y.tangent * 1.01)
)
result_changed(
    "gradient-jacobian-turned-around",
    "jacobian turns the last dimension around.",
    "autograd.functional.jacobian",
    change=lambda y: y.flip(-1) if isinstance(y, Tensor) and y.dim() else y,
)
result_changed(
    "gradient-jacobian-hessian-halved", "hessian is half.", "autograd.functional.hessian", change=scaled(0.5)
)

# Known formulas, broadcasting, and numbers.
gradient_changed(
    "gradient-by-hand-of-mse-mean-lost", "mse_loss passes half the gradient.", "F.mse_loss", change=scaled(0.5)
)
gradient_changed(
    "gradient-by-hand-of-products-off",
    "The operators * and @ pass a gradient that is 1% off to their second operand.",
    PRODUCT,
    "Tensor.__matmul__",
    change=off,
    which=1,
)
gradient_changed(
    "gradient-number-reflected-negated",
    "A number less a tensor passes the gradient as it is.",
    "Tensor.__rsub__",
    change=scaled(-1),
)


@replaced("gradient-broadcast-mul-averaged", "mul averages the gradient of a broadcast operand.", "torch.mul")
def _(f: Function, a: Any, b: Any, **k: Any) -> Any:
    count = f(a, b, **k).numel()
    return f(a, with_gradient(b, scaled(b.numel() / count)) if isinstance(b, Tensor) and count else b, **k)


@replaced("gradient-broadcast-add-last-lost", "add loses the last gradient of a broadcast operand.", "torch.add")
def _(f: Function, a: Any, b: Any, **k: Any) -> Any:
    if isinstance(a, Tensor) and a.numel() < f(a, b, **k).numel():
        a = with_gradient(a, lambda g: last_lost(g) if g.numel() > 2 else g * 0)
    return f(a, b, **k)


replaced("gradient-number-alpha-ignored", "add passes the gradient without alpha.", "torch.add")(
    lambda f, a, b, *, alpha=1, **k: f(a, with_gradient(b, scaled(1 / alpha)) if alpha else b, alpha=alpha, **k)
)


# Kinks, bounds, and complex numbers.
def _kinked(name: str, summary: str, place: str, change: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Register a fault that turns the gradient g by an operand x into `change(g, x)`."""

    def answer(f: Function, x: Any, *a: Any, **k: Any) -> Any:
        return f(with_gradient(x, lambda g: change(g, x.detach())), *a, **k)

    replaced(name, summary, place)(answer)


def _at_zero(value: float, g: Tensor, x: Tensor) -> Tensor:
    return torch.where(x == 0, torch.full_like(g, value), g)


for _name, _place, _value in (
    ("abs", "torch.abs", 1),
    ("relu", "torch.relu", 1),
    ("sqrt", "Tensor.sqrt", 0),
    ("norm", "linalg.vector_norm", 1),
):
    _kinked(
        f"gradient-{_name}-at-zero-is-{('zero', 'one')[_value]}",
        f"The gradient of {_name} at 0 is {_value}.",
        _place,
        functools.partial(_at_zero, _value),
    )


replaced("gradient-clamp-bound-lost", "The method clamp passes tensors of bounds no gradient.", "Tensor.clamp")(
    lambda f, x, *a, **k: f(x, *a, **{name: with_gradient(each, scaled(0)) for name, each in k.items()})
)


def _conjugated(g: Tensor) -> Tensor:
    return g.conj().resolve_conj()


replaced("gradient-complex-mul-unconjugated", "A product passes the other operand, not its conjugate.", PRODUCT)(
    lambda f, x, y: (
        applied(_Product, x, y, torch.mul) if needs_gradient(x) and needs_gradient(y) and x.is_complex() else f(x, y)
    )
)
_kinked(
    "gradient-complex-exp-unconjugated",
    "The gradient of exp is that by the conjugate.",
    "torch.exp",
    lambda g, x: _conjugated(g) if x.is_complex() else g,
)
for _name, _summary, _place, _change in (
    ("imag-negated", "The imaginary part passes its gradient negated.", "torch.view_as_real", _conjugated),
    ("conj-unconjugated", "conj passes the gradient as it is.", "Tensor.conj", _conjugated),
    ("abs-doubled", "The gradient of abs is twice too large.", "torch.abs", scaled(2)),
):
    gradient_changed(f"gradient-complex-{_name}", _summary, _place, change=_change)
