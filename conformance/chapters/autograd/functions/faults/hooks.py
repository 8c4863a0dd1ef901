"""Faults of hooks on tensors and nodes."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import graph
from torch.utils.hooks import RemovableHandle

from torch_conformance.conformance.power.older_forms.altering import applied
from torch_conformance.conformance.power.older_forms.leaf_gradients import attribute
from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, Function, fault

REGISTER = (Tensor, "register_hook")
_register: Function = Tensor.register_hook
_NOTHING = types.SimpleNamespace(remove=lambda: None)


def _wrapped(name: str, summary: str) -> Callable[[Any], Any]:
    """Register a fault of every hook: the decorated function is called with the tensor, the hook and the gradient."""

    def register(answer: Any) -> Any:
        def broken(f: Function, x: Tensor, hook: Any) -> Any:
            return f(x, lambda gradient: answer(x, hook, gradient))

        bound(name, summary, REGISTER)(broken)
        return answer

    return register


@_wrapped("autograd-hooks-of-leaves-see-the-sum", "A hook of a leaf is given the accumulated gradient.")
def _(x: Tensor, hook: Any, g: Tensor) -> Any:
    return hook(g + x.grad if x.is_leaf and x.grad is not None else g)


@_wrapped("autograd-hooks-are-called-twice", "A hook is called twice.")
def _(_x: Tensor, hook: Any, g: Tensor) -> Any:
    hook(g)
    return hook(g)


@_wrapped("autograd-hook-answers-are-ignored", "What a hook returns is dropped.")
def _(_x: Tensor, hook: Any, g: Tensor) -> None:
    hook(g)


@_wrapped("autograd-hooks-of-leaves-do-not-replace", "What a leaf's hook returns is dropped.")
def _(x: Tensor, hook: Any, g: Tensor) -> Any:
    answer = hook(g)
    return None if x.is_leaf else answer


@_wrapped("autograd-none-from-a-hook-means-zero", "A hook that returns None makes the gradient zero.")
def _(_x: Tensor, hook: Any, g: Tensor) -> Any:
    answer = hook(g)
    return torch.zeros_like(g) if answer is None else answer


@_wrapped("autograd-hook-answers-are-replaced-when-they-misfit", "A hook's answer of another shape is dropped.")
def _(_x: Tensor, hook: Any, g: Tensor) -> Any:
    answer = hook(g)
    return g if isinstance(answer, Tensor) and answer.shape != g.shape else answer


@_wrapped("autograd-hook-answers-of-other-types-are-dropped", "A hook's answer that is no tensor is dropped.")
def _(_x: Tensor, hook: Any, g: Tensor) -> Any:
    answer = hook(g)
    return answer if isinstance(answer, Tensor) else None


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


@bound("autograd-hooks-run-in-reverse", "Hooks run from the last to the first.", REGISTER)
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


@bound("autograd-removing-one-hook-removes-all", "remove of a handle removes all hooks of its tensor.", REGISTER)
def _(f: Function, x: Tensor, hook: Any) -> Any:
    handle = f(x, hook)
    handles = x.__dict__.setdefault("all_handles", [])
    handles.append(handle)

    class Handle:
        def remove(self) -> None:
            for each in handles:
                each.remove()

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            self.remove()

    return Handle()


@bound("autograd-removing-a-hook-does-nothing", "remove of a handle does nothing.", (RemovableHandle, "remove"))
def _(_f: Function, _self: Any) -> None:
    return None


@bound(
    "autograd-hook-handles-are-no-contexts",
    "The end of a handle's context does nothing.",
    (RemovableHandle, "__exit__"),
)
def _(_f: Function, *_: Any) -> None:
    return None


@bound("autograd-hooks-on-constants-are-silent", "register_hook passes constants over.", REGISTER)
def _(f: Function, x: Tensor, hook: Any) -> Any:
    return f(x, hook) if x.requires_grad else _NOTHING


_running = {"grad": 0, "inputs": 0}


def _silenced(name: str, summary: str, call: str, flag: str, *, leaves: bool) -> None:
    """Register a fault in which hooks of leaves, or of results, do not run during some calls."""

    @fault(name, summary)
    def _(breaker: Breaker) -> None:
        def during(original: Function, *a: Any, **k: Any) -> Any:
            counts = flag == "grad" or k.get("inputs") is not None
            _running[flag] += counts
            try:
                return original(*a, **k)
            finally:
                _running[flag] -= counts

        def register(original: Function, x: Tensor, hook: Any) -> Any:
            return original(x, lambda g: None if _running[flag] and x.is_leaf == leaves else hook(g))

        breaker.binding(torch.autograd, call, replaced(during))
        breaker.binding(Tensor, "register_hook", replaced(register))


_silenced(
    "autograd-hooks-of-leaves-do-not-run-with-grad",
    "Hooks of leaves do not run in torch.autograd.grad.",
    "grad",
    "grad",
    leaves=True,
)
_silenced(
    "autograd-hooks-of-results-do-not-run-with-inputs",
    "Hooks of results do not run in backward with inputs.",
    "backward",
    "inputs",
    leaves=False,
)


@bound(
    "autograd-retain-grad-ignores-hooks",
    "A retained grad is kept when its turn among the hooks comes.",
    (Tensor, "retain_grad"),
)
def _(_f: Function, x: Tensor) -> None:
    _register(x, lambda g: setattr(x, "grad", g.clone()))


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

    breaker.binding(Tensor, "register_hook", replaced(register))
    breaker.binding(Tensor, "mul_", replaced(multiply))


POST = "register_post_accumulate_grad_hook"
_register_post = getattr(Tensor, POST, None)


def _post(name: str, summary: str) -> Callable[[Function], Function]:
    return bound(name, summary, (Tensor, POST))


@_post("autograd-post-accumulate-hooks-run-before", "Post-accumulate hooks run before the sum.")
def _(_f: Function, x: Tensor, hook: Any) -> Any:
    def run(_g: Tensor) -> None:
        hook(x)

    return _register(x, run)


@_post("autograd-post-accumulate-hooks-are-given-the-grad", "Post-accumulate hooks are given the grad.")
def _(f: Function, x: Tensor, hook: Any) -> Any:
    return f(x, lambda leaf: hook(leaf.grad))


@_post("autograd-post-accumulate-hooks-on-results-are-silent", "Post-accumulate hooks of results are dropped.")
def _(f: Function, x: Tensor, hook: Any) -> Any:
    return f(x, hook) if x.is_leaf and x.requires_grad else _NOTHING


class _Swapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, other: Tensor) -> Tensor:
        ctx.save_for_backward(x, other)
        return torch.mul(x, other)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        x, other = ctx.saved_tensors
        return gradients[0] * x.conj(), gradients[0] * other.conj()


@bound("autograd-mul-grads-swapped", "The gradients of a product's factors are swapped.", (Tensor, "__mul__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and other.shape == x.shape:
        return applied(_Swapped, x, other)
    return f(x, other)


class _WithoutPrehooks:
    def __init__(self, node: Any) -> None:
        self.node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)

    def register_prehook(self, _hook: Any) -> Any:
        return _NOTHING


attribute(
    "autograd-node-prehooks-do-not-run",
    "Prehooks of nodes do not run.",
    Tensor,
    "grad_fn",
    get=lambda _, node: None if node is None else _WithoutPrehooks(node),
)


@bound(
    "autograd-multi-grad-hooks-run-at-the-first",
    "A multi-grad hook runs at the first tensor's gradient.",
    (graph, "register_multi_grad_hook"),
)
def _(_f: Function, tensors: Any, hook: Any, **_: Any) -> Any:
    return _register(tensors[0], lambda g: hook([g] + [None] * (len(tensors) - 1)))


@bound(
    "autograd-multi-grad-handles-remove-nothing",
    "The handle of a multi-grad hook removes nothing.",
    (graph, "register_multi_grad_hook"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    f(*a, **k)
    return _NOTHING
