"""Faults of grad modes and inference mode."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._contextlib import _DecoratorContextManager

from torch_conformance.conformance.power.older_forms.arguments import without
from torch_conformance.conformance.power.older_forms.leaf_gradients import static
from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault

_set = torch._C._set_grad_enabled  # noqa: SLF001
ENTER, EXIT = "__enter__", "__exit__"


@bound("autograd-no-grad-does-nothing", "no_grad leaves the mode as it is.", (torch.no_grad, ENTER))
def _(_f: Function, self: Any) -> None:
    self.prev = torch.is_grad_enabled()


@bound(
    "autograd-set-grad-enabled-ignores-false", "set_grad_enabled always enables.", (torch.set_grad_enabled, "__init__")
)
def _(f: Function, self: Any, mode: Any) -> None:  # noqa: ARG001
    f(self, True)  # noqa: FBT003


@bound("autograd-enable-grad-does-nothing", "enable_grad leaves the mode as it is.", (torch.enable_grad, ENTER))
def _(_f: Function, self: Any) -> None:
    self.prev = torch.is_grad_enabled()


@bound(
    "autograd-modes-restore-true",
    "After no_grad and enable_grad grad mode is on.",
    (torch.no_grad, EXIT),
    (torch.enable_grad, EXIT),
)
def _(_f: Function, *_: Any) -> None:
    _set(True)  # noqa: FBT003


@bound(
    "autograd-set-grad-enabled-restores-true", "After set_grad_enabled grad mode is on.", (torch.set_grad_enabled, EXIT)
)
def _(_f: Function, *_: Any) -> None:
    _set(True)  # noqa: FBT003


@bound(
    "autograd-inference-mode-does-nothing",
    "inference_mode leaves the mode as it is.",
    (torch.inference_mode, ENTER),
    (torch.inference_mode, EXIT),
)
def _(_f: Function, *_: Any) -> None:
    return None


@bound("autograd-no-grad-lost-by-exceptions", "An exception leaves no_grad on.", (torch.no_grad, EXIT))
def _(f: Function, self: Any, kind: Any, *rest: Any) -> None:
    if kind is None:
        f(self, kind, *rest)


@bound(
    "autograd-set-grad-enabled-lost-by-exceptions",
    "An exception keeps set_grad_enabled from being undone.",
    (torch.set_grad_enabled, EXIT),
)
def _(f: Function, self: Any, kind: Any, *rest: Any) -> None:
    if kind is None:
        f(self, kind, *rest)


def _decorating(name: str, summary: str) -> Callable[[Function], Function]:
    return bound(name, summary, (_DecoratorContextManager, "__call__"))


@_decorating("autograd-decorated-functions-lose-their-name", "A decorated function is nameless.")
def _(f: Function, self: Any, function: Function) -> Any:
    decorated = f(self, function)

    def wrapper(*a: Any, **k: Any) -> Any:
        return decorated(*a, **k)

    return wrapper


@_decorating("autograd-decorator-holds-for-the-first-call", "A decorated function is bare from its second call.")
def _(f: Function, self: Any, function: Function) -> Any:
    decorated = f(self, function)
    calls: list[bool] = []

    @functools.wraps(function)
    def wrapper(*a: Any, **k: Any) -> Any:
        calls.append(True)
        return (decorated if len(calls) == 1 else function)(*a, **k)

    return wrapper


@_decorating("autograd-decorator-drops-keywords", "A decorated function gets no keywords.")
def _(f: Function, self: Any, function: Function) -> Any:
    decorated = f(self, function)
    return functools.wraps(function)(lambda *a, **_: decorated(*a))


@_decorating("autograd-decorated-generators-are-not-wrapped", "A generator function is left as it is.")
def _(f: Function, self: Any, function: Function) -> Any:
    return function if inspect.isgeneratorfunction(function) else f(self, function)


@_decorating("autograd-decorated-generators-leak-their-mode", "The mode of a generator holds for its caller too.")
def _(f: Function, self: Any, function: Function) -> Any:
    if not inspect.isgeneratorfunction(function):
        return f(self, function)

    def wrapper(*a: Any, **k: Any) -> Any:
        with self.clone():
            yield from function(*a, **k)

    return wrapper


@fault("autograd-bare-enable-grad-is-no-grad", "enable_grad without parentheses disables.")
def _(breaker: Breaker) -> None:
    if torch.enable_grad.__new__ is object.__new__:
        raise FaultUnavailable("enable_grad decorates with parentheses alone here")

    def new(original: Function, cls: Any, function: Any = None) -> Any:
        return original(cls) if function is None else torch.no_grad()(function)

    breaker.binding(torch.enable_grad, "__new__", static(new))


@bound(
    "autograd-set-grad-enabled-waits-for-with",
    "set_grad_enabled called as a function does nothing.",
    (torch.set_grad_enabled, "__init__"),
)
def _(f: Function, self: Any, mode: Any) -> None:
    f(self, mode)
    _set(self.prev)


@bound("autograd-factories-under-no-grad-drop-requires-grad", "ones under no_grad requires no grad.", (torch, "ones"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **(k if torch.is_grad_enabled() else without(k, "requires_grad")))


@fault("autograd-parameters-under-no-grad-are-constant", "A Parameter made under no_grad requires no grad.")
def _(breaker: Breaker) -> None:
    def new(original: Function, cls: Any, data: Any = None, requires_grad: Any = True) -> Any:
        return original(cls, data, requires_grad and torch.is_grad_enabled())

    breaker.binding(torch.nn.Parameter, "__new__", static(new))


@fault("autograd-modes-are-inherited-by-threads", "A thread begins with the grad mode of the one that starts it.")
def _(breaker: Breaker) -> None:
    def start(original: Function, self: Any) -> Any:
        self.inherited = torch.is_grad_enabled()
        return original(self)

    def run(original: Function, self: Any) -> Any:
        _set(getattr(self, "inherited", True))
        return original(self)

    breaker.binding(threading.Thread, "start", replaced(start))
    breaker.binding(threading.Thread, "run", replaced(run))


@bound(
    "autograd-inference-mode-ignores-false",
    "inference_mode(False) is inference_mode().",
    (torch.inference_mode, "__init__"),
)
def _(f: Function, self: Any, mode: Any = True) -> None:  # noqa: ARG001
    f(self, True)  # noqa: FBT003


@fault("autograd-inference-mode-is-no-grad", "inference_mode does what no_grad does.")
def _(breaker: Breaker) -> None:
    def enter(_f: Function, self: Any) -> None:
        self.before = torch.is_grad_enabled()
        _set(not self.mode)

    breaker.binding(torch.inference_mode, ENTER, replaced(enter))
    breaker.binding(torch.inference_mode, EXIT, replaced(lambda _f, self, *_: _set(self.before)))


@bound("autograd-inference-tensors-are-written", "add_ writes inference tensors anywhere.", (Tensor, "add_"))
def _(f: Function, self: Tensor, *a: Any, **k: Any) -> Any:
    if not self.is_inference():
        return f(self, *a, **k)
    with torch.inference_mode():
        return f(self, *a, **k)


@bound(
    "autograd-inference-tensors-may-require-grad",
    "requires_grad_ passes inference tensors over.",
    (Tensor, "requires_grad_"),
)
def _(f: Function, self: Tensor, *a: Any, **k: Any) -> Any:
    return self if self.is_inference() else f(self, *a, **k)
