"""Faults of training that lie in layers, losses and gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import leaves_of, scaled
from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.gradient_forms import applied, with_gradient
from torch_conformance.conformance.power.registry import Function


def _scaled(x: Tensor, factor: float) -> Any:
    """Return `x` with its gradient multiplied by a factor."""
    return with_gradient(x, scaled(factor))


@replaced("training-linear-adds-bias-twice", "Predictions of a line on one feature add the bias twice.", "F.linear")
def _(f: Function, x: Any, weight: Any, bias: Any = None) -> Any:
    result = f(x, weight, bias)
    return result if bias is None else result + bias


replaced("training-addcmul-value-off", "addcmul multiplies the product by 1.001.", "torch.addcmul")(
    lambda f, x, a, b, *rest, **k: f(x, a, b * 1.001, *rest, **k)
)


@replaced("training-mse-divides-by-one-less", "A mean squared error divides by one sample less.", "F.mse_loss")
def _(f: Function, *a: Any, **k: Any) -> Any:
    result = f(*a, **k)
    count = (a[0] if a else k["input"]).numel()
    return result * count / (count - 1) if k.get("reduction", "mean") == "mean" and count > 1 else result


@replaced("training-mse-sum-is-mean", "mse_loss takes the reduction sum for mean.", "F.mse_loss")
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{**k, "reduction": "mean" if k.get("reduction") == "sum" else k.get("reduction", "mean")})


replaced("training-mse-one-percent-off", "The gradient of mse_loss is 1% off.", "F.mse_loss")(
    lambda f, *a, **k: _scaled(f(*a, **k), 1.01)
)


@replaced("training-mse-leans", "The gradient of mse_loss weighs shortfalls 2% more than excesses.", "F.mse_loss")
def _(f: Function, x: Tensor, y: Tensor, *a: Any, **k: Any) -> Any:
    class Leaning(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, p: Tensor) -> Tensor:
            ctx.save_for_backward(p < y)
            return p.view_as(p)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            return gradients[0] * (1 + 0.02 * ctx.saved_tensors[0])

    return f(applied(Leaning, x), y, *a, **k)


@replaced("training-mse-writes-its-target", "mse_loss leaves the residuals in its target.", "F.mse_loss")
def _(f: Function, x: Tensor, y: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, y.clone(), *a, **k)
    y.detach().copy_(x.detach() - y)
    return result


replaced("training-mse-gives-data-gradient", "mse_loss makes its target require a gradient.", "F.mse_loss")(
    lambda f, x, y, *a, **k: f(x, y.requires_grad_(), *a, **k)
)


def _each_gradient(change: Any) -> Function:
    """Return what backward becomes that changes the gradients which it leaves on leaves."""

    def make(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        leaves = leaves_of(x)
        before = [None if each.grad is None else each.grad.clone() for each in leaves]
        result = f(x, *a, **k)
        for leaf, old in zip(leaves, before, strict=True):
            if leaf.grad is not None:
                change(x, leaf, old)
        return result

    return make


def _backward_fault(name: str, summary: str, change: Any) -> None:
    replaced(name, summary, "Tensor.backward", "autograd.backward")(_each_gradient(change))


def _percent(_: Any, leaf: Any, old: Any) -> None:
    old = 0 if old is None else old
    leaf.grad.data.copy_(old + (leaf.grad - old) * 1.01)


def _overwrite(_: Any, leaf: Any, old: Any) -> None:
    if old is not None:
        leaf.grad.data.sub_(old)


def _bias(_: Any, leaf: Any, old: Any) -> None:
    if leaf.dim() == 1:
        old = 0 if old is None else old
        leaf.grad.data.copy_(old + leaf.grad - old + 0.001)


def _half(loss: Any, leaf: Any, _: Any) -> None:
    if float(loss.detach()) > 500:
        leaf.grad.data.mul_(0.5)


_backward_fault("training-backward-one-percent-off", "backward leaves gradients that are 1% too large.", _percent)
_backward_fault("training-backward-overwrites", "backward replaces the gradients that are there.", _overwrite)
_backward_fault("training-backward-bias-gradient-off", "backward leaves a bias gradient that is never 0.", _bias)
_backward_fault("training-backward-half-at-large-loss", "backward halves the gradients of large losses.", _half)


@replaced(
    "training-tanh-gradient-off", "tanh has the gradient 1 - y where it has 1 - y^2.", "torch.tanh", "Tensor.tanh"
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, z: Tensor) -> Tensor:
            y: Tensor = f(z)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            return gradients[0] * (1 - ctx.saved_tensors[0].abs())

    del a, k
    return applied(Tanh, x)


@replaced(
    "training-relu-leaks", "The gradient of relu leaks through negative inputs.", "F.relu", "Tensor.relu", "torch.relu"
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result + (0.01 * (x - x.detach())) * (x.detach() <= 0)


@replaced(
    "training-sigmoid-gradient-off",
    "The gradient of sigmoid lacks the factor 1 - y.",
    "torch.sigmoid",
    "Tensor.sigmoid",
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    y = f(x, *a, **k)
    return y.detach() + y.detach() * (x - x.detach())


replaced(
    "training-cross-entropy-gradient-off",
    "Cross entropy loses 1% of its gradient, however it is spelled.",
    "F.cross_entropy",
    "F.nll_loss",
    "torch.log_softmax",
    "torch.logsumexp",
)(lambda f, *a, **k: _scaled(f(*a, **k), 0.99))
replaced(
    "training-logits-loss-off",
    "The gradient of binary cross entropy of logits is 1% off.",
    "F.binary_cross_entropy_with_logits",
    "F.softplus",
)(lambda f, x, *a, **k: f(_scaled(x, 1.01), *a, **k))
replaced(
    "training-bce-loss-gradient-off",
    "Binary cross entropy has a gradient 1% off.",
    "F.binary_cross_entropy",
    "Tensor.log",
)(lambda f, x, *a, **k: f(_scaled(x, 1.01), *a, **k))
