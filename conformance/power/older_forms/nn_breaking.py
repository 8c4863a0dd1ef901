"""Short forms for faults of layers: arguments by name, results, and gradients that are not those of the value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

Named = dict[str, Any]
Place = tuple[Any, str]


def with_gradient(tensor: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a tensor whose gradient is changed on its way back; the first of a tuple; others as they are."""
    if isinstance(tensor, tuple):
        return (with_gradient(tensor[0], change), *tensor[1:])
    if not isinstance(tensor, Tensor) or not tensor.requires_grad:
        return tensor
    return changing_gradient(tensor, change)


def differentiated_as(value: Tensor, other: Tensor) -> Tensor:
    """Return a value with the gradient of another function."""
    return value.detach() + (other - other.detach())


def off(gradient: Tensor) -> Tensor:
    """Return a gradient that is 1 % off."""
    return gradient * 1.01


def functional(name: str) -> Place:
    """Return the place of a function in torch.nn.functional."""
    return F, name


def both(name: str) -> tuple[Place, Place]:
    """Return the places of a function that torch has as well."""
    return (F, name), (torch, name)


def named(name: str, summary: str, signature: str, *places: Place) -> Callable[[Function], Function]:
    """Register the decorated `answer(original, arguments)`, whose arguments are by name, at each place."""
    order = signature.split()

    def register(answer: Function) -> Function:
        def broken(original: Function, *arguments: Any, **options: Any) -> Any:
            given = dict(zip(order, arguments, strict=False)) | options
            return answer(original, given)

        bound(name, summary, *places)(broken)
        return answer

    return register


def changed(name: str, summary: str, signature: str, *places: Place) -> Callable[[Function], Function]:
    """Register the decorated change of the arguments by name, in place."""

    def register(change: Function) -> Function:
        def answer(original: Function, given: Named) -> Any:
            change(given)
            return original(**given)

        named(name, summary, signature, *places)(answer)
        return change

    return register


def ignored(name: str, summary: str, signature: str, option: str, *places: Place, value: Any = None) -> None:
    """Register a fault that ignores an option: it is what it is by default, or another value."""

    def change(given: Named) -> None:
        given.pop(option, None)
        if value is not None:
            given[option] = value

    changed(name, summary, signature, *places)(change)


def result_changed(name: str, summary: str, *places: Place) -> Callable[[Function], Function]:
    """Register the decorated `change(result)`."""

    def register(change: Function) -> Function:
        bound(name, summary, *places)(lambda original, *a, **k: change(original(*a, **k)))
        return change

    return register


def result_gradient(name: str, summary: str, *places: Place, change: Callable[[Tensor], Tensor] = off) -> None:
    """Register a fault that changes the gradient of a result."""
    result_changed(name, summary, *places)(lambda result: with_gradient(result, change))


def argument_gradient(
    name: str, summary: str, signature: str, argument: str, *places: Place, change: Callable[[Tensor], Tensor] = off
) -> None:
    """Register a fault that changes the gradient of one argument."""

    def spoil(given: Named) -> None:
        given[argument] = with_gradient(given.get(argument), change)

    changed(name, summary, signature, *places)(spoil)


def zeroed_last(gradient: Tensor) -> Tensor:
    """Return a gradient whose last element is lost."""
    lost = gradient.clone(memory_format=torch.contiguous_format)
    lost.view(-1)[-1:] = 0
    return lost
