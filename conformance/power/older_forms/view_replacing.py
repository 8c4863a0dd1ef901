"""Short forms for faults of views: what spoils an answer, where, and for which tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import replaced
from torch_conformance.conformance.power.registry import Breaker, Function, fault

Condition = Callable[[Tensor], bool]
Place = tuple[Any, str]

as_strided = torch.as_strided
contiguous = Tensor.contiguous
clone = Tensor.clone


def both(name: str) -> tuple[Place, Place]:
    """Return the places of a function and of the method of the same name."""
    return (torch, name), (Tensor, name)


def always(x: Tensor) -> bool:  # noqa: ARG001
    """Hold for every tensor."""
    return True


def is_gapped(x: Tensor) -> bool:
    """Hold for tensors that are not contiguous."""
    return not x.is_contiguous()


def is_offset(x: Tensor) -> bool:
    """Hold for tensors that do not begin at the first place of their storage."""
    return x.storage_offset() > 0


def is_large(x: Tensor) -> bool:
    """Hold for tensors beyond the grain."""
    return x.numel() > 32_768


def of(*dtypes: torch.dtype) -> Condition:
    """Hold for tensors of some dtypes."""
    return lambda x: x.dtype in dtypes


def rank(count: int) -> Condition:
    """Hold for tensors of at least so many dimensions."""
    return lambda x: x.dim() >= count


def copied(x: Tensor) -> Tensor:
    """Return a copy with the same strides."""
    return x.new_empty(0) if not x.numel() else _copy_of_storage(x)


def _copy_of_storage(x: Tensor) -> Tensor:
    storage = x.untyped_storage()
    count = storage.nbytes() // x.element_size()
    return as_strided(clone(as_strided(x, (count,), (1,), 0)), x.shape, x.stride(), x.storage_offset())


def dense(x: Tensor) -> Tensor:
    """Return a contiguous copy."""
    return clone(x, memory_format=torch.contiguous_format)


def in_memory_order(x: Tensor) -> Tensor:
    """Return a dense tensor of the same size with the elements in the order in which they lie in memory."""
    if x.numel() < 2:
        return x
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    size = [x.shape[dim] for dim in order]
    flat = dense(as_strided(x, size, [x.stride(dim) for dim in order], x.storage_offset()))
    return as_strided(flat, x.shape, torch.empty(x.shape, device="meta").stride(), 0)


def rotated(x: Tensor) -> Tensor:
    """Return a dense tensor of the same size whose elements are moved one place on."""
    if x.numel() < 2:
        return x
    return torch.roll(x, 1)


def without_last(x: Tensor) -> Tensor:
    """Return a dense tensor of the same size whose last element is that before it."""
    flat = dense(x)
    if flat.numel() > 1:
        line = as_strided(flat, (flat.numel(),), (1,), 0)
        line[-1] = line[-2]
    return flat


def _first_tensor(arguments: Iterable[Any], options: dict[str, Any]) -> Tensor:
    for value in (*arguments, *options.values()):
        if isinstance(value, Tensor):
            return value
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
            return value[0]
    raise TypeError("no tensor was given")


def _mapped(answer: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(answer, Tensor):
        return change(answer)
    return tuple(change(piece) for piece in answer)


def spoiled(
    name: str, summary: str, places: tuple[Place, ...], change: Callable[[Tensor], Tensor], when: Condition = always
) -> None:
    """Register a fault that changes what some functions answer, for tensors for which `when` holds."""

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        x = _first_tensor(arguments, options)
        apply = when(x)
        result = original(*arguments, **options)
        return _mapped(result, change) if apply else result

    def install(breaker: Breaker) -> None:
        breaker.bindings(places, replaced(answer))

    fault(name, summary)(install)


def forgiving(name: str, summary: str, places: tuple[Place, ...], instead: Function, *errors: type[Exception]) -> None:
    """Register a fault that answers `instead(original, ...)` where some functions refuse."""
    caught = errors or (IndexError, RuntimeError, ValueError)

    def answer(original: Function, *arguments: Any, **options: Any) -> Any:
        try:
            return original(*arguments, **options)
        except caught:
            return instead(original, *arguments, **options)

    def install(breaker: Breaker) -> None:
        breaker.bindings(places, replaced(answer))

    fault(name, summary)(install)


def attribute(name: str, summary: str, place: str, answer: Callable[[Callable[[Tensor], Any], Tensor], Any]) -> None:
    """Register a fault of an attribute of Tensor: `answer(get, x)`."""

    def make(original: Any) -> Any:
        return property(lambda x: answer(original.__get__, x))

    fault(name, summary)(lambda breaker: breaker.binding(Tensor, place, make))


def kernel(name: str, summary: str, operator: str, answer: Callable[..., Any]) -> None:
    """Register a fault of the kernel of an operator: `answer(original, *arguments)`."""
    fault(name, summary)(lambda breaker: breaker.kernel(f"aten::{operator}", replaced(answer)))


def itself(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Tensor:  # noqa: ARG001
    """Return the tensor as it is."""
    return x
