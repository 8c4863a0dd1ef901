"""Faults of gradients in graphs, of gradients of gradients, of forward mode, at kinks, and of complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.altering import (
    altered,
    applied,
    gradient_changed,
    last_lost,
    scaled,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_FUNCTIONAL = torch.nn.functional
_AUTOGRAD = torch.autograd.functional
_OFF = scaled(1.01)


def _needs(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled()


@bound("gradient-graph-product-by-itself-halved", "x * x derives to x.", (Tensor, "__mul__"))
def _(f: Function, x: Any, y: Any) -> Any:
    return f(x, y.detach()) if x is y and _needs(x) else f(x, y)


@bound(
    "gradient-graph-shared-value-counted-once", "What is used twice gets the last gradient alone.", (Tensor, "__sub__")
)
def _(f: Function, x: Any, y: Any) -> Any:
    return f(x, y.detach()) if _needs(y) and _needs(x) and x.shape != y.shape else f(x, y)


@bound("gradient-graph-relu-leaks", "relu passes a hundredth below zero.", (torch, "relu"))
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) + 0.01 * (x - x.detach()) if _needs(x) else f(x, *a, **k)


gradient_changed(
    "gradient-graph-sum-of-last-dim-off",
    "The gradient of the sum over the last dimension is 1% off.",
    ((Tensor, "sum"),),
    _OFF,
)


@bound(
    "gradient-graph-written-row-keeps-its-gradient",
    "A row that is written loses none of its gradient.",
    (Tensor, "__setitem__"),
)
def _(f: Function, x: Tensor, key: Any, value: Any) -> Any:
    if isinstance(key, int) and _needs(value):
        value = value + (x[key] - x[key].detach())
    return f(x, key, value)


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


@bound("gradient-double-of-tanh-off", "The gradient of tanh has no gradient by its argument.", (Tensor, "tanh"))
def _(f: Function, x: Any) -> Any:
    return applied(_TanhTwiceOff, x) if _needs(x) else f(x)


class _ProductOnce(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return x.detach() * y.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, y = ctx.saved_tensors
        return gradients[0] * y.detach(), gradients[0] * x.detach()


@bound("gradient-double-of-product-detached", "The gradients of a product have no gradients.", (Tensor, "__mul__"))
def _(f: Function, x: Any, y: Any) -> Any:
    if _needs(x) and isinstance(y, Tensor) and x.shape == y.shape:
        return applied(_ProductOnce, x, y)
    return f(x, y)


@bound("gradient-jvp-of-func-off", "torch.func.jvp is 1% off.", (torch.func, "jvp"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    value, tangent = f(*a, **k)
    return value, tangent * 1.01


@bound("gradient-jvp-of-functional-negated", "torch.autograd.functional.jvp has the other sign.", (_AUTOGRAD, "jvp"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    value, tangent = f(*a, **k)
    return value, -tangent


@bound(
    "gradient-jvp-tangent-of-dual-off",
    "unpack_dual gives a tangent that is 1% off.",
    (torch.autograd.forward_ad, "unpack_dual"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    primal, tangent = f(*a, **k)
    return torch.autograd.forward_ad.UnpackedDualTensor(primal, tangent * 1.01)


@bound("gradient-jacobian-turned-around", "jacobian turns the last dimension around.", (_AUTOGRAD, "jacobian"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    result = f(*a, **k)
    return result.flip(-1) if isinstance(result, Tensor) and result.dim() else result


@bound("gradient-jacobian-hessian-halved", "hessian is half of what it should be.", (_AUTOGRAD, "hessian"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **k) / 2


@bound("gradient-by-hand-of-mse-mean-lost", "mse_loss passes half the gradient.", (_FUNCTIONAL, "mse_loss"))
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    return f(altered(x, scaled(0.5)), *a, **k)


gradient_changed(
    "gradient-by-hand-of-products-off",
    "The operators * and @ pass a gradient that is 1% off to their second operand.",
    ((Tensor, "__mul__"), (Tensor, "__matmul__")),
    _OFF,
    which=1,
)


@bound("gradient-broadcast-mul-averaged", "mul averages the gradient of a broadcast operand.", (torch, "mul"))
def _(f: Function, a: Any, b: Any, **k: Any) -> Any:
    result = f(a, b, **k)
    if isinstance(b, Tensor) and 0 < b.numel() < result.numel():
        return f(a, altered(b, scaled(b.numel() / result.numel())), **k)
    return result


@bound("gradient-broadcast-add-last-lost", "add loses the last gradient of a broadcast operand.", (torch, "add"))
def _(f: Function, a: Any, b: Any, **k: Any) -> Any:
    result = f(a, b, **k)
    if isinstance(a, Tensor) and 0 < a.numel() < result.numel():
        return f(altered(a, lambda g: last_lost(g) if g.numel() > 2 else g * 0), b, **k)
    return result


@bound("gradient-number-alpha-ignored", "add passes the gradient without alpha.", (torch, "add"))
def _(f: Function, a: Any, b: Any, **k: Any) -> Any:
    alpha = k.get("alpha", 1)
    return f(a, altered(b, scaled(1 / alpha)) if alpha else b, **k)


gradient_changed("gradient-number-power-off", "The gradient of a power by ** is 1% off.", ((Tensor, "__pow__"),), _OFF)


@bound(
    "gradient-number-reflected-negated", "A number less a tensor passes the gradient as it is.", (Tensor, "__rsub__")
)
def _(f: Function, x: Any, other: Any) -> Any:
    return f(altered(x, scaled(-1)), other)


def _kinked(name: str, summary: str, owner: Any, attribute: str, change: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Register a fault that turns the gradient g by an operand x into `change(g, x)`."""

    @fault(name, summary)
    def _(breaker: Breaker) -> None:
        def make(original: Function) -> Function:
            def broken(x: Any, *arguments: Any, **options: Any) -> Any:
                if not _needs(x):
                    return original(x, *arguments, **options)
                held = x.detach()
                return original(altered(x, lambda g: change(g, held)), *arguments, **options)

            return broken

        breaker.binding(owner, attribute, make)


def _filled_at_zero(value: float) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda g, x: torch.where(x == 0, torch.full_like(g, value), g)


_kinked("gradient-abs-at-zero-is-one", "The gradient of abs at 0 is 1.", torch, "abs", _filled_at_zero(1))
_kinked("gradient-relu-at-zero-is-one", "The gradient of relu at 0 is 1.", torch, "relu", _filled_at_zero(1))
_kinked("gradient-sqrt-at-zero-is-zero", "The gradient of sqrt at 0 is 0.", Tensor, "sqrt", _filled_at_zero(0))
_kinked(
    "gradient-norm-at-zero-is-one",
    "The gradient of a norm at zeros is 1.",
    torch.linalg,
    "vector_norm",
    _filled_at_zero(1),
)
gradient_changed(
    "gradient-relu-of-functional-off", "The gradient of functional.relu is 1% off.", ((_FUNCTIONAL, "relu"),), _OFF
)


@bound("gradient-clamp-outside-leaks", "clamp passes a tenth of the gradient from outside.", (torch, "clamp"))
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result + 0.1 * (x - x.detach()) if _needs(x) else result


@bound("gradient-clamp-bound-lost", "The method clamp passes tensors of bounds no gradient.", (Tensor, "clamp"))
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    options = {name: each.detach() * 1.0 + 0 * each if _needs(each) else each for name, each in k.items()}
    return f(x, *a, **options)


class _Unconjugated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return x.detach() * y.detach()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        x, y = ctx.saved_tensors
        return (gradients[0] * y).sum_to_size(x.shape), (gradients[0] * x).sum_to_size(y.shape)


@bound(
    "gradient-complex-mul-unconjugated", "A product passes the other operand, not its conjugate.", (Tensor, "__mul__")
)
def _(f: Function, x: Any, y: Any) -> Any:
    if _needs(x) and _needs(y) and x.is_complex():
        return applied(_Unconjugated, x, y)
    return f(x, y)


_kinked(
    "gradient-complex-exp-unconjugated",
    "The gradient of exp is that by the conjugate.",
    torch,
    "exp",
    lambda g, x: g.conj().resolve_conj() if x.is_complex() else g,
)


@bound(
    "gradient-complex-imag-negated",
    "The imaginary part passes the gradient with the other sign.",
    (torch, "view_as_real"),
)
def _(f: Function, x: Any) -> Any:
    return f(altered(x, lambda g: g.conj().resolve_conj()))


gradient_changed(
    "gradient-complex-abs-doubled", "The gradient of abs is twice too large.", ((torch, "abs"),), scaled(2)
)


@bound("gradient-complex-conj-unconjugated", "conj passes the gradient as it is.", (Tensor, "conj"))
def _(f: Function, x: Any) -> Any:
    return f(altered(x, lambda g: g.conj().resolve_conj()))
