"""Faults of requires_grad, leaves, retained gradients and detach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power import forms
from torch_conformance.conformance.power.argument_forms import option_ignored
from torch_conformance.conformance.power.damage import clone, sequence
from torch_conformance.conformance.power.forms import input_changed, replaced, result_changed
from torch_conformance.conformance.power.registry import Function

SWITCH, RETAIN, DETACH, DETACH_ = "Tensor.requires_grad_", "Tensor.retain_grad", "Tensor.detach", "Tensor.detach_"

# What makes tensors.
_FACTORIES = (("full", "full", "size fill_value"), ("like", "full_like", "input fill_value"))
for _word, _factory, _order in (*_FACTORIES, ("window", "hann_window", "window_length")):
    option_ignored(
        f"autograd-{_word}-ignores-requires-grad",
        f"{_factory} drops requires_grad.",
        f"torch.{_factory}",
        option="requires_grad",
        order=_order,
    )
replaced("autograd-new-tensors-inherit-requires-grad", "new_zeros requires grad as its tensor.", "Tensor.new_zeros")(
    lambda f, x, *a, requires_grad=False, **k: f(x, *a, **k, requires_grad=requires_grad or x.requires_grad)
)


@replaced("autograd-integer-factories-drop-requires-grad", "ones of integers drops requires_grad.", "torch.ones")
def _(f: Function, *a: Any, requires_grad: Any = False, dtype: Any = None, **k: Any) -> Any:
    continuous = dtype is None or dtype.is_floating_point or dtype.is_complex
    return f(*a, dtype=dtype, requires_grad=requires_grad and continuous, **k)


# What requires grad.
replaced("autograd-requires-grad-method-only-sets", "requires_grad_(False) does nothing.", SWITCH)(
    lambda f, x, requires_grad=True: f(x) if requires_grad else x
)
replaced("autograd-requires-grad-of-integers-is-ignored", "requires_grad_ passes integers over.", SWITCH)(
    lambda f, x, *a, **k: f(x, *a, **k) if x.is_floating_point() or x.is_complex() else x
)
replaced("autograd-results-may-be-frozen", "requires_grad_(False) of a result is silent.", SWITCH)(
    lambda f, x, requires_grad=True: f(x, requires_grad) if requires_grad or x.is_leaf else x
)
_ALIAS = "autograd-requires-grad-method-returns-an-alias"
result_changed(_ALIAS, "requires_grad_ returns an alias.", SWITCH, change=lambda y: y.view_as(y))
replaced("autograd-cat-looks-at-the-first-operand", "cat requires grad as its first operand does.", "torch.cat")(
    lambda f, xs, *a, **k: f(xs, *a, **k) if xs[0].requires_grad else f(xs, *a, **k).detach()
)
_CONSTANT = (
    ("lerp-detaches-its-end", "lerp is constant in its end.", "torch.lerp", 1),
    ("addcmul-detaches-its-factor", "addcmul is constant in its second factor.", "torch.addcmul", 2),
    ("diagonal-is-detached", "diagonal has no history.", "Tensor.diagonal", 0),
)
for _name, _summary, _place, _which in _CONSTANT:
    input_changed(f"autograd-{_name}", _summary, _place, change=Tensor.detach, which=_which)
replaced("autograd-argmax-is-differentiable", "argmax gives numbers that require grad.", "Tensor.argmax")(
    lambda f, x, *a, **k: f(x, *a, **k) + x.sum() * 0
)
forms.attribute_changed(
    "autograd-clones-are-leaves",
    "A clone is a leaf.",
    "Tensor.is_leaf",
    get=lambda x, leaf: leaf or x.grad_fn.name().startswith("Clone"),
)


# What keeps its grad.
@replaced("autograd-results-keep-their-grad", "backward keeps the grad of its roots.", "autograd.backward")
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for each in sequence(tensors):
        if each.grad_fn is not None:
            each.retain_grad()
    return f(tensors, *a, **k)


@replaced("autograd-retain-grad-keeps-the-last", "A retained grad is of the last backward.", "autograd.backward")
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for each in sequence(tensors):
        if each.retains_grad:
            each.grad = None
    return f(tensors, *a, **k)


@replaced("autograd-retain-grad-of-a-leaf-counts-twice", "retain_grad of a leaf doubles its grad.", RETAIN)
def _(f: Function, x: Tensor) -> None:
    if x.is_leaf and x.requires_grad:
        register: Callable[..., Any] = x.register_hook
        register(lambda g: g * 2)
    f(x)


replaced("autograd-retain-grad-does-nothing", "retain_grad does nothing.", RETAIN)(forms.nothing)
replaced("autograd-retain-grad-of-a-constant-is-silent", "retain_grad passes constants over.", RETAIN)(
    lambda f, x: f(x) if x.requires_grad else None
)


# What writes, and what is detached.
def _unguarded(name: str, summary: str, place: str) -> None:
    @replaced(name, summary, place)
    def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not (x.is_leaf and x.requires_grad)):
            return f(x, *a, **k)


_unguarded("autograd-leaf-is-written-by-index", "A leaf is written by index.", "Tensor.__setitem__")
_unguarded("autograd-leaf-is-written-by-copy", "copy_ writes a leaf.", "Tensor.copy_")
forms.attribute_changed("autograd-data-copies", "data is a copy.", "Tensor.data", get=lambda _, data: data.clone())
result_changed("autograd-detach-copies", "detach copies.", DETACH, change=clone)
replaced("autograd-detach-keeps-requires-grad", "What detach gives requires grad.", DETACH)(
    lambda f, x: f(x).requires_grad_(x.requires_grad)
)
replaced("autograd-detach-has-its-own-version", "Writes to a detached tensor do not count.", DETACH)(
    lambda _f, x: x.data
)
replaced("autograd-detach-lets-gradients-through", "detach gives the tensor itself.", DETACH, "torch.detach")(
    lambda _f, x: x
)
replaced("autograd-detach-in-place-does-nothing", "detach_ leaves its graph as it is.", DETACH_)(lambda _f, x: x)
replaced("autograd-detach-in-place-takes-views", "detach_ of a view is silent.", DETACH_)(
    lambda f, x: x if x._is_view() else f(x)  # noqa: SLF001
)
replaced("autograd-detach-in-place-returns-an-alias", "detach_ returns an alias.", DETACH_, "torch.detach_")(
    lambda f, x: f(x).view_as(x)
)
