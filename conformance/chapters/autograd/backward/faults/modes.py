"""Faults of grad modes and inference mode."""

from __future__ import annotations

import functools
import inspect
import threading
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power import forms
from torch_conformance.conformance.power.argument_forms import option_ignored
from torch_conformance.conformance.power.forms import nothing, replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, FaultUnavailable, Function, fault

_set = torch._C._set_grad_enabled  # noqa: SLF001
SWITCH, INFERENCE, DECORATED = (
    "set_grad_enabled",
    "inference_mode",
    "utils._contextlib._DecoratorContextManager.__call__",
)


def _unentered(_f: Function, self: Any) -> None:
    self.prev = torch.is_grad_enabled()


def _enabling(*_: Any) -> None:
    _set(True)  # noqa: FBT003


# Entering and leaving.
for _mode in ("no_grad", "enable_grad"):
    _name = f"autograd-{_mode.replace('_', '-')}-does-nothing"
    replaced(_name, f"{_mode} leaves the mode as it is.", f"{_mode}.__enter__")(_unentered)
replaced("autograd-modes-restore-true", "A mode ends in on.", "no_grad.__exit__", "enable_grad.__exit__")(_enabling)
replaced("autograd-set-grad-enabled-restores-true", "set_grad_enabled ends in on.", f"{SWITCH}.__exit__")(_enabling)
replaced(
    "autograd-inference-mode-does-nothing",
    "inference_mode leaves the mode as it is.",
    f"{INFERENCE}.__enter__",
    f"{INFERENCE}.__exit__",
)(nothing)
for _mode in ("no_grad", SWITCH):
    _name = f"autograd-{_mode.replace('_', '-')}-lost-by-exceptions"
    replaced(_name, f"An exception keeps {_mode} from being undone.", f"{_mode}.__exit__")(
        lambda f, self, kind, *rest: f(self, kind, *rest) if kind is None else None
    )
option_ignored(
    "autograd-set-grad-enabled-ignores-false",
    "set_grad_enabled always enables.",
    f"{SWITCH}.__init__",
    option="mode",
    value=True,
)
option_ignored(
    "autograd-inference-mode-ignores-false",
    "inference_mode(False) is inference_mode().",
    f"{INFERENCE}.__init__",
    option="mode",
)


@replaced(
    "autograd-set-grad-enabled-waits-for-with", "Called alone set_grad_enabled does nothing.", f"{SWITCH}.__init__"
)
def _(f: Function, self: Any, mode: Any) -> None:
    f(self, mode)
    _set(self.prev)


@fault("autograd-inference-mode-is-no-grad", "inference_mode does what no_grad does.")
def _(breaker: Breaker) -> None:
    def enter(_f: Function, self: Any) -> None:
        self.before = torch.is_grad_enabled()
        _set(not self.mode)

    breaker.replace((f"{INFERENCE}.__enter__",), wrapping(enter))
    breaker.replace((f"{INFERENCE}.__exit__",), wrapping(lambda _f, self, *_: _set(self.before)))


@fault("autograd-bare-enable-grad-is-no-grad", "enable_grad without parentheses disables.")
def _(breaker: Breaker) -> None:
    if torch.enable_grad.__new__ is object.__new__:
        raise FaultUnavailable("enable_grad decorates with parentheses alone here")

    def new(original: Function, cls: Any, function: Any = None) -> Any:
        return original(cls) if function is None else torch.no_grad()(function)

    breaker.replace(("enable_grad.__new__",), forms.static(new))


# What is decorated.
replaced("autograd-decorated-functions-lose-their-name", "A decorated function is nameless.", DECORATED)(
    lambda f, self, function: functools.partial(f(self, function))
)


@replaced("autograd-decorator-holds-for-the-first-call", "A decorated function is bare from its 2nd call.", DECORATED)
def _(f: Function, self: Any, function: Function) -> Any:
    first = iter([f(self, function)])

    @functools.wraps(function)
    def wrapper(*a: Any, **k: Any) -> Any:
        return next(first, function)(*a, **k)

    return wrapper


@replaced("autograd-decorator-drops-keywords", "A decorated function gets no keywords.", DECORATED)
def _(f: Function, self: Any, function: Function) -> Any:
    decorated = f(self, function)
    return functools.wraps(function)(lambda *a, **_: decorated(*a))


@replaced("autograd-decorated-generators-leak-their-mode", "A generator's mode holds for its caller too.", DECORATED)
def _(f: Function, self: Any, function: Function) -> Any:
    def wrapper(*a: Any, **k: Any) -> Any:
        with self.clone():
            yield from function(*a, **k)

    return wrapper if inspect.isgeneratorfunction(function) else f(self, function)


replaced("autograd-decorated-generators-are-not-wrapped", "A generator function is left as it is.", DECORATED)(
    lambda f, self, function: function if inspect.isgeneratorfunction(function) else f(self, function)
)

# What a mode decides.
replaced("autograd-factories-under-no-grad-drop-requires-grad", "no_grad keeps ones from requiring.", "torch.ones")(
    lambda f, *a, requires_grad=False, **k: f(*a, **k, requires_grad=requires_grad and torch.is_grad_enabled())
)
forms.installed(
    "autograd-parameters-under-no-grad-are-constant",
    "A Parameter made under no_grad requires no grad.",
    "nn.Parameter.__new__",
    forms.static(lambda f, cls, x=None, requires_grad=True: f(cls, x, requires_grad and torch.is_grad_enabled())),
)


@fault("autograd-modes-are-inherited-by-threads", "A thread begins with the grad mode of the one that starts it.")
def _(breaker: Breaker) -> None:
    def start(original: Function, self: Any) -> Any:
        self.inherited = torch.is_grad_enabled()
        return original(self)

    def run(original: Function, self: Any) -> Any:
        _set(getattr(self, "inherited", True))
        return original(self)

    breaker.binding(threading.Thread, "start", wrapping(start))
    breaker.binding(threading.Thread, "run", wrapping(run))


@replaced("autograd-inference-tensors-are-written", "add_ writes inference tensors anywhere.", "Tensor.add_")
def _(f: Function, self: Tensor, *a: Any, **k: Any) -> Any:
    with torch.inference_mode(mode=torch.is_inference_mode_enabled() or self.is_inference()):
        return f(self, *a, **k)


replaced(
    "autograd-inference-tensors-may-require-grad", "requires_grad_ spares inference tensors.", "Tensor.requires_grad_"
)(lambda f, self, *a, **k: self if self.is_inference() else f(self, *a, **k))
