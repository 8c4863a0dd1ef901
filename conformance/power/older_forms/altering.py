"""Forms for faults that leave a function's value as it is and alter the gradient that it passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.registry import Function, fault

Change = Callable[[Tensor], Tensor]
Place = tuple[Any, str]


class Altered(torch.autograd.Function):
    """The identity, which passes a changed gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, change: Change) -> Tensor:
        """Return a view."""
        ctx.change = change
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Return the changed gradient."""
        return ctx.change(gradients[0]), None


class _Exchanged(torch.autograd.Function):
    """The identity of two tensors, which passes to each the gradient of the other where the shapes are equal."""

    @staticmethod
    def forward(_ctx: Any, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        return a.view_as(a), b.view_as(b)

    @staticmethod
    def backward(_ctx: Any, *gradients: Any) -> Any:
        first, second = gradients
        return (second, first) if first.shape == second.shape else (first, second)


def applied(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    """Return what a custom function gives; torch leaves `apply` without types."""
    apply: Callable[..., Any] = function.apply
    return apply(*arguments)


def changing_gradient(x: Tensor, change: Change) -> Tensor:
    """Return a view of a tensor whose gradient is changed before it goes on."""
    view: Tensor = applied(Altered, x, change)
    return view


def altered(x: Any, change: Change) -> Any:
    """Return a tensor equal to `x` whose gradient arrives changed at `x`; what needs no gradient as it is."""
    if isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled():
        return changing_gradient(x, change)
    return x


def exchanged(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return two tensors equal to these, the gradients of which are exchanged where both need one."""
    if a.requires_grad and b.requires_grad and torch.is_grad_enabled():
        first, second = applied(_Exchanged, a, b)
        return first, second
    return a, b


def straight_through(result: Tensor, x: Any) -> Tensor:
    """Return the result, which passes its gradient to `x` besides."""
    if isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled() and result.shape == x.shape:
        return result + (x - x.detach()).to(result.dtype)
    return result


def scaled(factor: float) -> Change:
    """Return the change of a gradient by a factor."""
    return lambda g: g * factor


def last_lost(g: Tensor) -> Tensor:
    """Return the gradient without its last element, where it has three or more."""
    if g.numel() < 3:
        return g
    mask = torch.ones(g.numel(), dtype=g.dtype, device=g.device)
    mask[-1] = 0
    return g * mask.reshape(g.shape)


def in_storage_order(g: Tensor) -> Tensor:
    """Return a matrix of gradients misread as if its transpose were stored."""
    return g.transpose(0, 1).reshape(g.shape) if g.dim() > 1 else g.flip(0) if g.dim() else g


When = Callable[[Tensor], bool]


def always(_: Tensor) -> bool:
    """Return True."""
    return True


def gradient_changed(
    name: str, summary: str, places: tuple[Place, ...], change: Change, *, when: When = always, which: int = 0
) -> None:
    """Register a fault of the gradient by one argument.

    Args:
        name: The fault's name.
        summary: The fault's sentence.
        places: Owners and attributes that are broken.
        change: What becomes of the gradient.
        when: For which tensors.
        which: Which of the arguments.
    """

    def make(original: Function) -> Function:
        def broken(*arguments: Any, **options: Any) -> Any:
            values = list(arguments)
            if len(values) > which and isinstance(values[which], Tensor) and when(values[which]):
                values[which] = altered(values[which], change)
            return original(*values, **options)

        return broken

    fault(name, summary)(lambda breaker: breaker.bindings(places, make))


def gradients_exchanged(name: str, summary: str, *places: Place) -> None:
    """Register a fault that gives each of two operands the gradient of the other."""

    def make(original: Function) -> Function:
        def broken(*arguments: Any, **options: Any) -> Any:
            if len(arguments) > 1 and all(isinstance(each, Tensor) for each in arguments[:2]):
                arguments = (*exchanged(arguments[0], arguments[1]), *arguments[2:])
            return original(*arguments, **options)

        return broken

    fault(name, summary)(lambda breaker: breaker.bindings(places, make))


def passed_straight(name: str, summary: str, *places: Place) -> None:
    """Register a fault that passes the gradient of a result to the first argument besides."""

    def make(original: Function) -> Function:
        def broken(x: Any, *arguments: Any, **options: Any) -> Any:
            return straight_through(original(x, *arguments, **options), x)

        return broken

    fault(name, summary)(lambda breaker: breaker.bindings(places, make))
