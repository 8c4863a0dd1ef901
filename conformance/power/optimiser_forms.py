"""Forms for faults of optimisers: options changed during a step, parameters or state changed after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.registry import Function, fault

Group = dict[str, Any]
After = Callable[[Any, Group, Tensor, Tensor], None]


def always(_: Group) -> bool:
    """Return that a fault acts on every group."""
    return True


def during_step(
    name: str, summary: str, owner: Any, change: Callable[[Group], Group], when: Callable[[Group], bool] = always
) -> None:
    """Register a fault under which a class takes its steps with other options: those that `change(group)` gives."""

    def make(original: Function) -> Function:
        def step(self: Any, *arguments: Any, **options: Any) -> Any:
            kept = []
            for group in self.param_groups:
                if when(group):
                    new = change(group)
                    kept.append((group, {key: group[key] for key in new}))
                    group.update(new)
            try:
                return original(self, *arguments, **options)
            finally:
                for group, old in kept:
                    group.update(old)

        return step

    fault(name, summary)(lambda breaker: breaker.binding(owner, "step", make))


def after_step(name: str, summary: str, owner: Any, when: Callable[[Group], bool] = always) -> Callable[[After], After]:
    """Register a fault that runs `change(optimiser, group, parameter, old value)` after a class's step."""

    def register(change: After) -> After:
        def make(original: Function) -> Function:
            def step(self: Any, *arguments: Any, **options: Any) -> Any:
                held = [(group, p, p.detach().clone()) for group in self.param_groups for p in group["params"]]
                result = original(self, *arguments, **options)
                with torch.no_grad():
                    for group, parameter, old in held:
                        if when(group):
                            change(self, group, parameter, old)
                return result

            return step

        fault(name, summary)(lambda breaker: breaker.binding(owner, "step", make))
        return change

    return register


def after_loading(name: str, summary: str, owner: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """Register a fault that changes the state of each parameter after load_state_dict."""

    def make(original: Function) -> Function:
        def load(self: Any, state_dict: Any) -> None:
            original(self, state_dict)
            for state in self.state.values():
                change(state)

        return load

    fault(name, summary)(lambda breaker: breaker.binding(owner, "load_state_dict", make))


def constructed(name: str, summary: str, owner: Any, change: Callable[[dict[str, Any]], None]) -> None:
    """Register a fault that changes the options that a class is made with, a dict that it may change in place."""

    def make(original: Function) -> Function:
        names = list(inspect.signature(original).parameters)[2:]

        def construct(self: Any, params: Any, *arguments: Any, **options: Any) -> None:
            options.update(zip(names, arguments, strict=False))
            change(options)
            original(self, params, **options)

        return construct

    fault(name, summary)(lambda breaker: breaker.binding(owner, "__init__", make))
