"""The forms of faults of gradients: the value stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import arguments_changed, replaced_by_name
from torch_conformance.conformance.power.damage import Change, Condition, always, off
from torch_conformance.conformance.power.forms import Answer, Named, input_changed, replaced
from torch_conformance.conformance.power.registry import Function


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


def with_gradient(x: Any, change: Change) -> Any:
    """Return a tensor equal to `x` whose gradient arrives changed at `x`; of a tuple the first; others as they are."""
    if isinstance(x, tuple):
        return (with_gradient(x[0], change), *x[1:])
    if isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled():
        return applied(Altered, x, change)
    return x


def differentiated_as(value: Tensor, other: Tensor) -> Tensor:
    """Return a value with the gradient of another function."""
    return value.detach() + (other - other.detach())


def gradient_changed(
    name: str, summary: str, *places: str, change: Change = off, when: Condition = always, which: int = 0
) -> None:
    """Register a fault of the gradient by the argument at place `which`; the value stays."""
    input_changed(name, summary, *places, change=lambda x: with_gradient(x, change), when=when, which=which)


def argument_gradient_changed(
    name: str, summary: str, *places: str, argument: str, change: Change = off, order: str = ""
) -> None:
    """Register a fault of the gradient by an argument that is told by name."""

    def spoil(given: Named) -> None:
        given[argument] = with_gradient(given.get(argument), change)

    arguments_changed(name, summary, *places, order=order)(spoil)


def result_gradient_changed(name: str, summary: str, *places: str, change: Change = off) -> None:
    """Register a fault of the gradient that a result passes back; the value stays."""
    replaced(name, summary, *places)(lambda original, *a, **k: with_gradient(original(*a, **k), change))


def gradients_exchanged(name: str, summary: str, *places: str) -> None:
    """Register a fault that gives each of two operands the gradient of the other."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        first = arguments[:2]
        if len(first) == 2 and all(isinstance(each, Tensor) and each.requires_grad for each in first):
            arguments = (*(applied(_Exchanged, *first) if torch.is_grad_enabled() else first), *arguments[2:])
        return original(*arguments, **options)

    replaced(name, summary, *places)(answer)


def gradient_passed_straight(name: str, summary: str, *places: str) -> None:
    """Register a fault that passes the gradient of a result to the first argument besides."""

    def answer(original: Function, x: Any, *arguments: Any, **options: Any) -> Any:
        result = original(x, *arguments, **options)
        needs = isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled()
        return result + (x - x.detach()).to(result.dtype) if needs and result.shape == x.shape else result

    replaced(name, summary, *places)(answer)


def differentiated(
    name: str, summary: str, *places: str, when: Callable[[Named], Any] = always, order: str = ""
) -> Callable[[Answer], Answer]:
    """Register the decorated `other(given)` as what has the gradient of the result, where `when` holds for `given`."""

    def register(other: Answer) -> Answer:
        def answer(original: Function, given: Named) -> Any:
            result = original(**given)
            return differentiated_as(result, other(given).to(result.dtype)) if when(given) else result

        replaced_by_name(name, summary, *places, order=order)(answer)
        return other

    return register
