"""Faults of hooks on tensors and nodes."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power import forms, gradient_forms
from torch_conformance.conformance.power.forms import nothing, replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, Function, fault

REGISTER, POST, HANDLE = (
    "Tensor.register_hook",
    "Tensor.register_post_accumulate_grad_hook",
    "utils.hooks.RemovableHandle",
)
MULTI = "autograd.graph.register_multi_grad_hook"
_register: Function = Tensor.register_hook
_NOTHING = types.SimpleNamespace(remove=nothing)


def _wrapped(name: str, summary: str) -> Callable[[Any], Any]:
    """Register a fault of every hook: the decorated function is called with the tensor, the hook and the gradient."""

    def register(answer: Any) -> Any:
        replaced(name, summary, REGISTER)(lambda f, x, hook: f(x, lambda gradient: answer(x, hook, gradient)))
        return answer

    return register


def _answered(name: str, summary: str) -> Callable[[Any], Any]:
    """Register a fault of what every hook answers: `change(tensor, gradient, answer)`."""

    def register(change: Any) -> Any:
        _wrapped(name, summary)(lambda x, hook, g: change(x, g, hook(g)))
        return change

    return register


_wrapped("autograd-hooks-of-leaves-see-the-sum", "A hook of a leaf is given the accumulated gradient.")(
    lambda x, hook, g: hook(g + x.grad if x.is_leaf and x.grad is not None else g)
)
_wrapped("autograd-hooks-are-called-twice", "A hook is called twice.")(lambda _x, hook, g: (hook(g), hook(g))[1])
_answered("autograd-hook-answers-are-ignored", "What a hook returns is dropped.")(nothing)
_answered("autograd-hooks-of-leaves-do-not-replace", "What a leaf's hook returns is dropped.")(
    lambda x, _g, answer: None if x.is_leaf else answer
)
_answered("autograd-none-from-a-hook-means-zero", "A hook that returns None makes the gradient zero.")(
    lambda _x, g, answer: torch.zeros_like(g) if answer is None else answer
)
_answered("autograd-hook-answers-are-replaced-when-they-misfit", "A hook's answer of another shape is dropped.")(
    lambda _x, g, answer: g if isinstance(answer, Tensor) and answer.shape != g.shape else answer
)
_answered("autograd-hook-answers-of-other-types-are-dropped", "A hook's answer that is no tensor is dropped.")(
    lambda _x, _g, answer: answer if isinstance(answer, Tensor) else None
)


@_wrapped("autograd-hook-exceptions-are-swallowed", "An exception in a hook goes unnoticed.")
def _(_x: Tensor, hook: Any, g: Tensor) -> Any:
    try:
        return hook(g)
    except Exception:  # noqa: BLE001
        return None


@_wrapped("autograd-hook-exceptions-become-runtime-errors", "An exception in a hook becomes a RuntimeError.")
def _(_x: Tensor, hook: Any, g: Tensor) -> Any:
    try:
        return hook(g)
    except LookupError as error:
        raise RuntimeError("a hook failed") from error


@replaced("autograd-hooks-run-in-reverse", "Hooks run from the last to the first.", REGISTER)
def _(f: Function, x: Tensor, hook: Any) -> Any:
    hooks = x.__dict__.setdefault("reversed_hooks", [])

    def run(gradient: Tensor) -> Tensor:
        for each in hooks:
            answer = each(gradient)
            gradient = gradient if answer is None else answer
        return gradient

    if not hooks:
        f(x, run)
    hooks.insert(0, hook)
    return types.SimpleNamespace(remove=lambda: hooks.remove(hook))


class _EveryHandle:
    """A handle that removes all hooks of its tensor."""

    def __init__(self, handles: list[Any]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for each in self.handles:
            each.remove()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


@replaced("autograd-removing-one-hook-removes-all", "remove of a handle removes all hooks of its tensor.", REGISTER)
def _(f: Function, x: Tensor, hook: Any) -> Any:
    handles = x.__dict__.setdefault("all_handles", [])
    handles.append(f(x, hook))
    return _EveryHandle(handles)


replaced("autograd-removing-a-hook-does-nothing", "remove of a handle does nothing.", f"{HANDLE}.remove")(nothing)
replaced("autograd-hook-handles-are-no-contexts", "A handle's context ends in nothing.", f"{HANDLE}.__exit__")(nothing)
replaced("autograd-hooks-on-constants-are-silent", "register_hook passes constants over.", REGISTER)(
    lambda f, x, hook: f(x, hook) if x.requires_grad else _NOTHING
)


def _silenced(name: str, summary: str, call: str, *, counts: Callable[[Any], bool], leaves: bool) -> None:
    """Register a fault in which hooks of leaves, or of results, do not run during the calls that count."""
    running: list[bool] = []

    def during(original: Function, *a: Any, **k: Any) -> Any:
        running.append(counts(k))
        try:
            return original(*a, **k)
        finally:
            running.pop()

    def register(original: Function, x: Tensor, hook: Any) -> Any:
        return original(x, lambda g: None if any(running) and x.is_leaf == leaves else hook(g))

    @fault(name, summary)
    def _(breaker: Breaker) -> None:
        breaker.replace((call,), wrapping(during))
        breaker.replace((REGISTER,), wrapping(register))


_silenced(
    "autograd-hooks-of-leaves-do-not-run-with-grad",
    "Hooks of leaves do not run in torch.autograd.grad.",
    "autograd.grad",
    counts=lambda _: True,
    leaves=True,
)
_silenced(
    "autograd-hooks-of-results-do-not-run-with-inputs",
    "Hooks of results do not run in backward with inputs.",
    "autograd.backward",
    counts=lambda options: options.get("inputs") is not None,
    leaves=False,
)
replaced("autograd-retain-grad-ignores-hooks", "A retained grad is of its turn among hooks.", "Tensor.retain_grad")(
    lambda _f, x: _register(x, lambda g: setattr(x, "grad", g.clone()))
)


@fault("autograd-mul-in-place-moves-hooks", "After mul_ the hooks see the gradient of the new value.")
def _(breaker: Breaker) -> None:
    def register(original: Function, x: Tensor, hook: Any) -> Any:
        handle = original(x, hook)
        x.__dict__.setdefault("held_hooks", []).append((handle, hook))
        return handle

    def multiply(original: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        held = x.__dict__.get("held_hooks", [])
        for handle, _ in held:
            handle.remove()
        answer = original(x, *a, **k)
        for _, hook in held:
            _register(x, hook)
        return answer

    breaker.replace((REGISTER,), wrapping(register))
    breaker.replace(("Tensor.mul_",), wrapping(multiply))


# Hooks after accumulation, before nodes, and of several tensors.
replaced("autograd-post-accumulate-hooks-run-before", "Post-accumulate hooks run before the sum.", POST)(
    lambda _f, x, hook: _register(x, lambda _: nothing(hook(x)))
)
replaced("autograd-post-accumulate-hooks-are-given-the-grad", "Post-accumulate hooks are given the grad.", POST)(
    lambda f, x, hook: f(x, lambda leaf: hook(leaf.grad))
)
replaced("autograd-post-accumulate-hooks-on-results-are-silent", "Those of results are dropped.", POST)(
    lambda f, x, hook: f(x, hook) if x.is_leaf and x.requires_grad else _NOTHING
)


class _Swapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, other: Tensor) -> Tensor:
        ctx.save_for_backward(x, other)
        return torch.mul(x, other)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, other = ctx.saved_tensors
        return gradients[0] * x.conj(), gradients[0] * other.conj()


replaced("autograd-mul-grads-swapped", "The gradients of a product's factors are swapped.", "Tensor.__mul__")(
    lambda f, x, y: gradient_forms.applied(_Swapped, x, y) if isinstance(y, Tensor) and y.shape == x.shape else f(x, y)
)


class _WithoutPrehooks:
    def __init__(self, node: Any) -> None:
        self.node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)

    def register_prehook(self, _hook: Any) -> Any:
        return _NOTHING


forms.attribute_changed(
    "autograd-node-prehooks-do-not-run",
    "Prehooks of nodes do not run.",
    "Tensor.grad_fn",
    get=lambda _, node: None if node is None else _WithoutPrehooks(node),
)
replaced("autograd-multi-grad-hooks-run-at-the-first", "A multi-grad hook runs at the first gradient.", MULTI)(
    lambda _f, tensors, hook, **_: _register(tensors[0], lambda g: hook([g] + [None] * (len(tensors) - 1)))
)
replaced("autograd-multi-grad-handles-remove-nothing", "The handle of a multi-grad hook removes nothing.", MULTI)(
    lambda f, *a, **k: (f(*a, **k), _NOTHING)[1]
)
