"""A short form for faults that replace what one or several bindings answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch_conformance.conformance.power.registry import Breaker, Function, fault


def replaced(answer: Function) -> Callable[[Function], Function]:
    """Return what `Breaker.binding` takes, for `answer(original, *arguments, **options)`."""

    def make(original: Function) -> Function:
        def broken(*arguments: Any, **options: Any) -> Any:
            return answer(original, *arguments, **options)

        return broken

    return make


def bound(name: str, summary: str, *places: tuple[Any, str]) -> Callable[[Function], Function]:
    """Register the decorated function as what a fault answers at every (owner, attribute) of `places`."""

    def register(answer: Function) -> Function:
        def install(breaker: Breaker) -> None:
            breaker.bindings(places, replaced(answer))

        fault(name, summary)(install)
        return answer

    return register
