"""Faults of saved tensors, their check and their hooks, and of views written in place."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor
from torch.autograd import graph

from torch_conformance.conformance.power.older_forms.arguments import last_replaced
from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, Function, fault

HOOKS = graph.saved_tensors_hooks


def _uncounted(name: str, summary: str, method: str) -> None:
    @bound(name, summary, (Tensor, method))
    def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        f(x.data, *a, **k)
        return x


_uncounted("autograd-mul-in-place-is-not-counted", "A write by mul_ does not count.", "mul_")
_uncounted("autograd-add-in-place-is-not-counted", "A write by add_ does not count.", "add_")
_uncounted("autograd-fill-in-place-is-not-counted", "A write by fill_ does not count.", "fill_")


@bound("autograd-exp-saves-a-copy", "exp keeps a copy of its result.", (Tensor, "exp"), (Tensor, "tanh"))
def _(f: Function, x: Tensor) -> Any:
    return f(x).clone()


@bound("autograd-neg-saves-its-operand", "The negative saves its operand.", (Tensor, "__neg__"))
def _(_f: Function, x: Tensor) -> Any:
    return torch.mul(x, torch.full_like(x.detach(), -1).requires_grad_(x.requires_grad))


@bound("autograd-mul-saves-a-copy-of-its-constant", "A product keeps a copy of a constant.", (Tensor, "__mul__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    return f(x, other.clone() if isinstance(other, Tensor) and not other.requires_grad else other)


@bound("autograd-mul-saves-both", "A product with a constant saves both.", (Tensor, "__mul__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and x.requires_grad and not other.requires_grad:
        other = other.detach().requires_grad_()
    return f(x, other)


@bound(
    "autograd-saved-hooks-are-not-installed",
    "saved_tensors_hooks does nothing.",
    (HOOKS, "__enter__"),
    (HOOKS, "__exit__"),
)
def _(_f: Function, *_: Any) -> None:
    return None


@bound("autograd-saved-hooks-outlive-their-context", "saved_tensors_hooks never ends.", (HOOKS, "__exit__"))
def _(_f: Function, *_: Any) -> None:
    return None


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

    breaker.binding(HOOKS, "__enter__", replaced(enter))
    breaker.binding(HOOKS, "__exit__", replaced(leave))


@bound(
    "autograd-disabling-saved-hooks-does-nothing",
    "disable_saved_tensors_hooks does nothing.",
    (graph, "disable_saved_tensors_hooks"),
)
def _(_f: Function, *_: Any) -> Any:
    return contextlib.nullcontext()


@bound("autograd-save-on-cpu-loses-the-last-element", "save_on_cpu loses an element.", (graph, "save_on_cpu"))
def _(_f: Function, *_: Any, **__: Any) -> Any:
    return HOOKS(lambda t: t.detach().clone(), last_replaced)


@bound("autograd-index-write-detaches-its-source", "What is written by index is a constant.", (Tensor, "__setitem__"))
def _(f: Function, x: Tensor, index: Any, value: Any) -> Any:
    return f(x, index, value.detach() if isinstance(value, Tensor) else value)


@bound("autograd-view-copy-detaches-its-source", "What copy_ writes into a view is a constant.", (Tensor, "copy_"))
def _(f: Function, x: Tensor, source: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, source.detach() if x._is_view() else source, *a, **k)  # noqa: SLF001


@bound("autograd-view-is-cut-from-its-base", "view of a result copies it.", (Tensor, "view"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x if x.is_leaf else x.clone(), *a, **k)


@bound("autograd-mul-in-place-forgets-its-factor", "mul_ is constant in its factor.", (Tensor, "mul_"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    return f(x, other.detach() if isinstance(other, Tensor) else other)


@bound("autograd-views-under-no-grad-are-copies", "Indexing under no_grad copies.", (Tensor, "__getitem__"))
def _(f: Function, x: Tensor, index: Any) -> Any:
    return f(x, index) if torch.is_grad_enabled() else f(x, index).clone()


@bound("autograd-unbind-views-are-single", "unbind gives views that may be written.", (Tensor, "unbind"))
def _(_f: Function, x: Tensor, dim: int = 0) -> Any:
    return tuple(x.select(dim, place) for place in range(x.size(dim)))


@bound("autograd-split-gives-copies", "split gives copies.", (Tensor, "split"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return tuple(each.clone() for each in f(x, *a, **k))
