"""A form for faults of functions and methods that take a tensor first, positionally or as `input`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from torch_conformance.conformance.power.registry import Breaker, Function, fault

Change = Callable[..., Any]
GRAIN = 32_768


class Pair(NamedTuple):
    """Values and indices, by place and by name."""

    values: torch.Tensor
    indices: torch.Tensor


def changed(name: str, summary: str, *places: tuple[Any, str]) -> Callable[[Change], Change]:
    """Register a fault that answers `change(original, tensor, *arguments, **options)` at each (owner, attribute)."""

    def make(change: Change) -> Callable[[Function], Function]:
        def replace(original: Function) -> Function:
            def broken(*arguments: Any, **options: Any) -> Any:
                if not arguments and "input" in options:
                    arguments = (options.pop("input"),)
                if not arguments:
                    return original(**options)
                return change(original, *arguments, **options)

            return broken

        return replace

    def register(change: Change) -> Change:
        fault(name, summary)(lambda breaker: breaker.bindings(places, make(change)))
        return change

    return register


def kernel_changed(name: str, summary: str, *operators: str) -> Callable[[Change], Change]:
    """Register a fault of CPU kernels at the dispatcher."""

    def register(change: Change) -> Change:
        def make(original: Function) -> Function:
            return lambda *arguments, **options: change(original, *arguments, **options)

        def install(breaker: Breaker) -> None:
            for operator in operators:
                breaker.kernel(operator, make)

        fault(name, summary)(install)
        return change

    return register


def dim_of(arguments: tuple[Any, ...], options: dict[str, Any], default: Any = None) -> Any:
    """Return the `dim` argument, the first after the tensor."""
    return options.get("dim", arguments[0] if arguments else default)


def with_dim(arguments: tuple[Any, ...], options: dict[str, Any], dim: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments with another `dim`."""
    if "dim" in options or not arguments:
        return arguments, {**options, "dim": dim}
    return (dim, *arguments[1:]), options


def without(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the options without some."""
    return {name: value for name, value in options.items() if name not in names}


def last_replaced(tensor: torch.Tensor, value: Any = 0) -> torch.Tensor:
    """Return a copy with the last element replaced."""
    copy = tensor.clone()
    if copy.numel():
        copy[tuple(-1 for _ in range(copy.dim()))] = value
    return copy


def is_strided(tensor: torch.Tensor) -> bool:
    """Whether a tensor is not contiguous."""
    return not tensor.is_contiguous()


def is_many(tensor: torch.Tensor) -> bool:
    """Whether a tensor has more elements than one thread takes."""
    return tensor.numel() > GRAIN


def second(a: tuple[Any, ...], k: dict[str, Any]) -> torch.Tensor:
    """Return the second operand, positional or by any of its names."""
    return a[0] if a else next(value for name, value in k.items() if isinstance(value, torch.Tensor) and name != "out")
