"""Faults of saved tensors, their check and their hooks, and of views written in place."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import clone, last_replaced
from torch_conformance.conformance.power.forms import input_changed, nothing, replaced, result_changed, wrapping
from torch_conformance.conformance.power.registry import Breaker, Function, fault

ENTER, EXIT = (f"autograd.graph.saved_tensors_hooks.{name}" for name in ("__enter__", "__exit__"))
PRODUCT = "Tensor.__mul__"


def _uncounted(f: Function, x: Tensor, *a: Any, **k: Any) -> Tensor:
    f(x.data, *a, **k)
    return x


for _word in ("mul", "add", "fill"):
    _name = f"autograd-{_word}-in-place-is-not-counted"
    replaced(_name, f"A write by {_word}_ does not count.", f"Tensor.{_word}_")(_uncounted)


# What is saved.
def _is_constant(x: Tensor) -> bool:
    return not x.requires_grad


result_changed(
    "autograd-exp-saves-a-copy", "exp keeps a copy of its result.", "Tensor.exp", "Tensor.tanh", change=clone
)
input_changed(
    "autograd-mul-saves-a-copy-of-its-constant",
    "A product keeps a copy of a constant.",
    PRODUCT,
    change=clone,
    when=_is_constant,
    which=1,
)
replaced("autograd-mul-saves-both", "A product with a constant saves both.", PRODUCT)(
    lambda f, x, y: f(x, y.detach().requires_grad_(x.requires_grad or y.requires_grad) if isinstance(y, Tensor) else y)
)
replaced("autograd-neg-saves-its-operand", "The negative saves its operand.", "Tensor.__neg__")(
    lambda _f, x: torch.mul(x, torch.full_like(x.detach(), -1).requires_grad_(x.requires_grad))
)

# Hooks of what is saved.
replaced("autograd-saved-hooks-are-not-installed", "saved_tensors_hooks does nothing.", ENTER, EXIT)(nothing)
replaced("autograd-saved-hooks-outlive-their-context", "saved_tensors_hooks never ends.", EXIT)(nothing)


@fault("autograd-outermost-saved-hooks-count", "Of nested saved_tensors_hooks the outermost counts.")
def _(breaker: Breaker) -> None:
    depth: list[Any] = []

    def enter(original: Function, self: Any) -> None:
        depth.append(self)
        if len(depth) == 1:
            original(self)

    def leave(original: Function, self: Any, *rest: Any) -> None:
        depth.pop()
        if not depth:
            original(self, *rest)

    breaker.replace((ENTER,), wrapping(enter))
    breaker.replace((EXIT,), wrapping(leave))


replaced(
    "autograd-disabling-saved-hooks-does-nothing",
    "disable_saved_tensors_hooks does nothing.",
    "autograd.graph.disable_saved_tensors_hooks",
)(lambda *_: contextlib.nullcontext())
replaced("autograd-save-on-cpu-loses-the-last-element", "save_on_cpu loses an element.", "autograd.graph.save_on_cpu")(
    lambda *_, **__: torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), last_replaced)
)

# Views, and what is written in place.
_DETACHED = (
    ("index-write-detaches-its-source", "What is written by index is a constant.", "Tensor.__setitem__", 2),
    ("mul-in-place-forgets-its-factor", "mul_ is constant in its factor.", "Tensor.mul_", 1),
)
for _name, _summary, _place, _which in _DETACHED:
    input_changed(f"autograd-{_name}", _summary, _place, change=Tensor.detach, which=_which)
replaced("autograd-view-copy-detaches-its-source", "What copy_ writes into a view is a constant.", "Tensor.copy_")(
    lambda f, x, source, *a, **k: f(x, source.detach() if x._is_view() else source, *a, **k)  # noqa: SLF001
)
replaced("autograd-view-is-cut-from-its-base", "view of a result copies it.", "Tensor.view")(
    lambda f, x, *a, **k: f(x if x.is_leaf else x.clone(), *a, **k)
)
replaced("autograd-views-under-no-grad-are-copies", "Indexing under no_grad copies.", "Tensor.__getitem__")(
    lambda f, x, index: f(x, index) if torch.is_grad_enabled() else f(x, index).clone()
)
replaced("autograd-unbind-views-are-single", "unbind gives views that may be written.", "Tensor.unbind")(
    lambda _f, x, dim=0: tuple(x.select(dim, place) for place in range(x.size(dim)))
)
result_changed("autograd-split-gives-copies", "split gives copies.", "Tensor.split", change=clone)
