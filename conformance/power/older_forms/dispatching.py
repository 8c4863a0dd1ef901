"""Short forms for faults of kernels and of what calls answer: conditions, damage, registration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import replaced
from torch_conformance.conformance.power.registry import Breaker, Function, fault

GRAIN = 32_768
WIDTH = 8


def kernel(name: str, summary: str, *operators: str, key: str = "CPU") -> Callable[[Function], Function]:
    """Register the decorated `answer(original, *arguments, **options)` as a fault of kernels at the dispatcher."""

    def register(answer: Function) -> Function:
        def install(breaker: Breaker) -> None:
            for operator in operators:
                breaker.kernel(f"aten::{operator}", replaced(answer), key=key)

        fault(name, summary)(install)
        return answer

    return register


def changed(name: str, summary: str, *places: tuple[Any, str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated `change(result, *arguments, **options)` of what bindings answered.

    A call is left as it is where the change returns None.
    """

    def register(change: Callable[..., Any]) -> Callable[..., Any]:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            other = change(result, *arguments, **options)
            return result if other is None else other

        def install(breaker: Breaker) -> None:
            breaker.bindings(places, replaced(answer))

        fault(name, summary)(install)
        return change

    return register


def spoil(result: Tensor) -> Tensor:
    """Overwrite the last element of a tensor that has one."""
    if result.numel():
        last = result.detach()
        for _ in range(result.dim()):
            last = last.select(0, -1)
        last.fill_(1 if last.item() == 0 else 0)
    return result


def is_strided(*tensors: Any) -> bool:
    """Whether one of several arguments is a tensor that is not contiguous."""
    return any(isinstance(each, Tensor) and not each.is_contiguous() for each in tensors)


def dense_misread(tensor: Tensor) -> Tensor:
    """Return what a kernel reads that ignores the strides of a tensor."""
    if tensor.is_contiguous() or not tensor.numel():
        return tensor
    room = tensor.untyped_storage().nbytes() // tensor.element_size()
    if tensor.storage_offset() + tensor.numel() > room:
        return tensor.flatten().flip(0).view(tensor.shape)
    steps = [1] * tensor.dim()
    for dim in range(tensor.dim() - 2, -1, -1):
        steps[dim] = steps[dim + 1] * tensor.size(dim + 1)
    return tensor.as_strided(tensor.shape, steps)


def functions(*names: str) -> tuple[tuple[Any, str], ...]:
    """Return the functions of torch of these names."""
    return tuple((torch, name) for name in names)


def methods(*names: str) -> tuple[tuple[Any, str], ...]:
    """Return the methods of torch.Tensor of these names."""
    return tuple((torch.Tensor, name) for name in names)


def both(*names: str) -> tuple[tuple[Any, str], ...]:
    """Return the functions and the methods of these names."""
    return functions(*names) + methods(*names)
