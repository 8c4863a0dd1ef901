"""Faults of requires_grad, leaves, retained gradients and detach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import without
from torch_conformance.conformance.power.older_forms.leaf_gradients import attribute, sequence
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

SWITCH = (Tensor, "requires_grad_")
DETACH = (Tensor, "detach")


@bound("autograd-full-ignores-requires-grad", "full drops requires_grad.", (torch, "full"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "requires_grad"))


@bound(
    "autograd-new-tensors-inherit-requires-grad", "new_zeros requires grad as its tensor does.", (Tensor, "new_zeros")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **{**k, "requires_grad": k.get("requires_grad", False) or x.requires_grad})


@bound("autograd-like-ignores-requires-grad", "full_like drops requires_grad.", (torch, "full_like"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "requires_grad"))


@bound("autograd-window-ignores-requires-grad", "hann_window drops requires_grad.", (torch, "hann_window"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "requires_grad"))


@bound("autograd-requires-grad-method-only-sets", "requires_grad_(False) does nothing.", SWITCH)
def _(f: Function, x: Tensor, requires_grad: Any = True) -> Any:
    return f(x) if requires_grad else x


@bound("autograd-requires-grad-method-returns-an-alias", "requires_grad_ returns an alias.", SWITCH)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).view_as(x)


@bound("autograd-cat-looks-at-the-first-operand", "cat requires grad as its first operand does.", (torch, "cat"))
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    answer = f(tensors, *a, **k)
    return answer if tensors[0].requires_grad else answer.detach()


@bound("autograd-lerp-detaches-its-end", "lerp is constant in its end.", (torch, "lerp"))
def _(f: Function, x: Tensor, end: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, end.detach(), *a, **k)


@bound("autograd-addcmul-detaches-its-factor", "addcmul is constant in its second factor.", (torch, "addcmul"))
def _(f: Function, x: Tensor, one: Tensor, other: Tensor, **k: Any) -> Any:
    return f(x, one, other.detach(), **k)


@bound("autograd-diagonal-is-detached", "diagonal has no history.", (Tensor, "diagonal"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.detach(), *a, **k)


attribute(
    "autograd-clones-are-leaves",
    "A clone is a leaf.",
    Tensor,
    "is_leaf",
    get=lambda x, leaf: leaf or x.grad_fn.name().startswith("Clone"),
)


@bound("autograd-requires-grad-of-integers-is-ignored", "requires_grad_ passes integers over.", SWITCH)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) if x.is_floating_point() or x.is_complex() else x


@bound("autograd-integer-factories-drop-requires-grad", "ones of integers drops requires_grad.", (torch, "ones"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    whole = k.get("dtype") is not None and not (k["dtype"].is_floating_point or k["dtype"].is_complex)
    return f(*a, **(without(k, "requires_grad") if whole else k))


@bound("autograd-argmax-is-differentiable", "argmax gives numbers that require grad.", (Tensor, "argmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) + x.sum() * 0


@bound("autograd-results-may-be-frozen", "requires_grad_(False) of a result is silent.", SWITCH)
def _(f: Function, x: Tensor, requires_grad: Any = True) -> Any:
    return x if not requires_grad and not x.is_leaf else f(x, requires_grad)


@bound("autograd-results-keep-their-grad", "backward keeps the grad of its roots.", (torch.autograd, "backward"))
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for each in sequence(tensors):
        if each.grad_fn is not None:
            each.retain_grad()
    return f(tensors, *a, **k)


@bound("autograd-retain-grad-does-nothing", "retain_grad does nothing.", (Tensor, "retain_grad"))
def _(_f: Function, _x: Tensor) -> None:
    return None


@bound(
    "autograd-retain-grad-keeps-the-last", "A retained grad is that of the last backward.", (torch.autograd, "backward")
)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for each in sequence(tensors):
        if each.retains_grad:
            each.grad = None
    return f(tensors, *a, **k)


@bound(
    "autograd-retain-grad-of-a-leaf-counts-twice", "retain_grad of a leaf doubles its grad.", (Tensor, "retain_grad")
)
def _(f: Function, x: Tensor) -> None:
    if x.is_leaf and x.requires_grad:
        register: Callable[..., Any] = x.register_hook
        register(lambda g: g * 2)
    f(x)


@bound("autograd-retain-grad-of-a-constant-is-silent", "retain_grad passes constants over.", (Tensor, "retain_grad"))
def _(f: Function, x: Tensor) -> None:
    if x.requires_grad:
        f(x)


def _unguarded(name: str, summary: str, method: str) -> None:
    @bound(name, summary, (Tensor, method))
    def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        if not (x.is_leaf and x.requires_grad):
            return f(x, *a, **k)
        with torch.no_grad():
            return f(x, *a, **k)


_unguarded("autograd-leaf-is-written-by-index", "A leaf is written by index.", "__setitem__")
_unguarded("autograd-leaf-is-written-by-copy", "copy_ writes a leaf.", "copy_")


@bound("autograd-detach-copies", "detach copies.", DETACH)
def _(f: Function, x: Tensor) -> Any:
    return f(x).clone()


@bound("autograd-detach-keeps-requires-grad", "What detach gives requires grad.", DETACH)
def _(f: Function, x: Tensor) -> Any:
    return f(x).requires_grad_(x.requires_grad)


attribute("autograd-data-copies", "data is a copy.", Tensor, "data", get=lambda _, data: data.clone())


@bound("autograd-detach-lets-gradients-through", "detach gives the tensor itself.", DETACH, (torch, "detach"))
def _(_f: Function, x: Tensor) -> Any:
    return x


@bound("autograd-detach-in-place-does-nothing", "detach_ leaves the tensor in its graph.", (Tensor, "detach_"))
def _(_f: Function, x: Tensor) -> Any:
    return x


@bound(
    "autograd-detach-in-place-returns-an-alias", "detach_ returns an alias.", (Tensor, "detach_"), (torch, "detach_")
)
def _(f: Function, x: Tensor) -> Any:
    f(x)
    return x.view_as(x)


@bound("autograd-detach-in-place-takes-views", "detach_ of a view is silent.", (Tensor, "detach_"))
def _(f: Function, x: Tensor) -> Any:
    return x if x._is_view() else f(x)  # noqa: SLF001


@bound("autograd-detach-has-its-own-version", "Writes to a detached tensor do not count.", DETACH)
def _(_f: Function, x: Tensor) -> Any:
    return x.data
