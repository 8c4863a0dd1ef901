"""Means to break derivatives: a tensor whose gradient is altered on its way back, and the leaves of a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor

from torch_conformance.conformance.power.registry import Function, fault


def sequence(tensors: Any) -> list[Any]:
    """Return one tensor or several as a list."""
    return [tensors] if tensors is None or isinstance(tensors, Tensor) else list(tensors)


def leaves_of(tensors: Any) -> list[Tensor]:
    """Return the leaves that backward of some tensors would reach."""
    waiting: list[Any] = []
    found: dict[int, Tensor] = {}
    for each in sequence(tensors):
        if each.grad_fn is not None:
            waiting.append(each.grad_fn)
        elif each.requires_grad:
            found[id(each)] = each
    seen = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        waiting += [following for following, _ in node.next_functions]
    return list(found.values())


def scaled(tensors: Iterable[Any], factor: float) -> list[Any]:
    """Return tensors times a factor, None as None."""
    return [None if each is None else each * factor for each in tensors]


def attribute(
    name: str,
    summary: str,
    owner: type,
    attribute_name: str,
    get: Callable[[Any, Any], Any] | None = None,
    put: Callable[[Any, Any], Any] | None = None,
) -> None:
    """Register a fault of an attribute: what reading answers, or what writing stores.

    Args:
        name: Of the fault.
        summary: Of the fault.
        owner: The class.
        attribute_name: The attribute.
        get: Given the object and the true value, returns what is read.
        put: Given the object and the value that is written, returns what is stored.
    """

    def make(original: Any) -> property:
        def read(self: Any) -> Any:
            value = original.__get__(self, owner)
            return value if get is None else get(self, value)

        def write(self: Any, value: Any) -> None:
            original.__set__(self, value if put is None else put(self, value))

        return property(read, write, original.__delete__)

    fault(name, summary)(lambda breaker: breaker.binding(owner, attribute_name, make))


def static(answer: Function) -> Callable[[Function], Any]:
    """Return what `Breaker.binding` takes for a static method, for `answer(original, *arguments, **options)`."""
    return lambda original: staticmethod(lambda *arguments, **options: answer(original, *arguments, **options))
