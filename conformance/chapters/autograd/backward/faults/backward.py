"""Faults of backward and of what it accumulates."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power import argument_forms, forms
from torch_conformance.conformance.power.argument_forms import arguments_changed
from torch_conformance.conformance.power.damage import last_replaced, leaves_of, scaled, sequence
from torch_conformance.conformance.power.forms import Named, replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function

FUNCTION, METHOD, ZERO_GRAD = "autograd.backward", "Tensor.backward", "nn.Module.zero_grad"
PRODUCT, GRAD = "Tensor.__mul__", "Tensor.grad"


def _ones(tensors: Any, gradients: Any) -> list[Any]:
    pairs = itertools.zip_longest(sequence(tensors), sequence(gradients))
    return [torch.ones_like(t) if g is None else g for t, g in pairs]


def _listed(given: Named, change: Callable[[Tensor], Tensor]) -> None:
    """Change the gradients for roots that are given as a list."""
    if not isinstance(given["tensors"], Tensor) and given.get("grad_tensors") is not None:
        given["grad_tensors"] = [None if g is None else change(g) for g in given["grad_tensors"]]


def _begun(name: str, summary: str) -> Callable[[Any], Any]:
    """Register a fault that begins with the decorated `change(root, gradient)` where one root is given."""

    def answer(change: Any) -> None:
        replaced(name, summary, FUNCTION)(
            lambda f, x, grad_tensors=None, *a, **k: f(
                x, change(x, grad_tensors) if isinstance(x, Tensor) else grad_tensors, *a, **k
            )
        )

    return answer


# What roots are given.
arguments_changed("autograd-backward-of-a-sequence-halves-grads", "backward of a list halves gradients.", FUNCTION)(
    lambda k: _listed(k, scaled(0.5))
)
arguments_changed("autograd-backward-function-ignores-gradient", "backward takes ones for listed gradients.", FUNCTION)(
    lambda k: _listed(k, torch.ones_like)
)
arguments_changed("autograd-grad-tensors-reversed", "Gradients are paired with roots from the other end.", FUNCTION)(
    lambda k: k.update(grad_tensors=sequence(k.get("grad_tensors"))[::-1])
)
arguments_changed("autograd-implicit-gradient-for-vectors", "backward of vectors begins with ones.", FUNCTION)(
    lambda k: k.update(grad_tensors=_ones(k["tensors"], k.get("grad_tensors")))
)
replaced("autograd-backward-method-ignores-gradient", "The method backward takes ones for its gradient.", METHOD)(
    lambda f, x, gradient=None, *a, **k: f(x, None if gradient is None else torch.ones_like(gradient), *a, **k)
)
_begun("autograd-implicit-gradient-is-half", "The gradient of a root of one element is a half.")(
    lambda x, g: torch.full_like(x, 0.5) if g is None and x.numel() == 1 else g
)
_begun("autograd-gradient-is-broadcast", "A gradient is broadcast to its root.")(
    lambda x, g: g.expand_as(x) if isinstance(g, Tensor) and g.dim() <= x.dim() else g
)
_begun("autograd-backward-of-a-leaf-is-one", "backward of a leaf accumulates ones.")(
    lambda x, g: torch.ones_like(x) if x.is_leaf and x.requires_grad else g
)


@_begun("autograd-backward-of-one-element-tensor-refused", "A root of one element has no dimension.")
def _(x: Tensor, g: Any) -> Any:
    if g is None and x.dim():
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    return g


@arguments_changed("autograd-missing-gradients-are-ones", "Roots beyond the gradients given begin with ones.", FUNCTION)
def _(given: Named) -> None:
    if given.get("grad_tensors") is not None and not isinstance(given["tensors"], Tensor):
        given["grad_tensors"] = _ones(given["tensors"], given["grad_tensors"])


@arguments_changed("autograd-second-root-lost", "backward of several roots leaves the second out.", FUNCTION)
def _(given: Named) -> None:
    if not isinstance(given["tensors"], Tensor):
        given.update({key: [*each[:1], *each[2:]] for key, each in given.items() if isinstance(each, list | tuple)})


# Its options.
for _option in ("retain_graph", "inputs"):
    _name = f"autograd-backward-method-ignores-{_option.replace('_', '-')}"
    argument_forms.option_ignored(_name, f"The method backward drops {_option}.", METHOD, option=_option)
arguments_changed("autograd-backward-always-keeps-the-graph", "backward keeps every graph.", METHOD)(
    lambda k: k.update(retain_graph=True)
)
arguments_changed("autograd-retain-graph-creates-one", "retain_graph creates the graph of the gradients.", METHOD)(
    lambda k: k.update(create_graph=k.get("create_graph", False) or bool(k.get("retain_graph")))
)
arguments_changed("autograd-backward-method-ignores-create-graph", "The method backward drops create_graph.", METHOD)(
    lambda k: k.update(retain_graph=k.get("retain_graph") or k.pop("create_graph", False), create_graph=False)
)
replaced("autograd-backward-takes-first-input-only", "backward takes the first of inputs.", FUNCTION)(
    lambda f, x, *a, inputs=None, **k: f(x, *a, **k, inputs=inputs[:1] if isinstance(inputs, list | tuple) else inputs)
)
replaced("autograd-single-input-is-iterated", "A tensor given for inputs is gone through by row.", FUNCTION)(
    lambda f, x, *a, inputs=None, **k: f(x, *a, **k, inputs=list(inputs) if isinstance(inputs, Tensor) else inputs)
)
replaced("autograd-empty-inputs-mean-all", "An empty list of inputs stands for all leaves.", FUNCTION)(
    lambda f, x, *a, inputs=None, **k: f(x, *a, **k, inputs=sequence(inputs) or None)
)
replaced("autograd-inner-inputs-are-dropped", "Inputs that are no leaves get nothing.", FUNCTION)(
    lambda f, x, *a, inputs=None, **k: (
        f(x, *a, **k, inputs=inputs) if inputs is None or any(each.is_leaf for each in sequence(inputs)) else None
    )
)
replaced("autograd-backward-of-a-constant-is-silent", "backward of a constant does nothing.", FUNCTION)(
    lambda f, x, *a, **k: f(x, *a, **k) if any(each.requires_grad for each in sequence(x)) else None
)
replaced("autograd-backward-under-no-grad-gives-nothing", "backward under no_grad does nothing.", FUNCTION)(
    lambda f, *a, **k: f(*a, **k) if torch.is_grad_enabled() else None
)


@arguments_changed("autograd-retain-graph-halves-the-gradient", "retain_graph accumulates half a gradient.", FUNCTION)
def _(given: Named) -> None:
    if given.get("retain_graph"):
        given["grad_tensors"] = [None if g is None else g * 0.5 for g in sequence(given.get("grad_tensors"))]


# What leaves have before and after it.
@replaced("autograd-backward-overwrites-grad", "backward begins anew each time.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for leaf in leaves_of(tensors):
        leaf.grad = None
    return f(tensors, *a, **k)


@replaced("autograd-backward-replaces-grad", "backward adds out of place.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for leaf in leaves_of(tensors):
        leaf.grad = None if leaf.grad is None else leaf.grad.clone()
    return f(tensors, *a, **k)


@replaced("autograd-create-graph-adds-in-place", "backward with create_graph writes the old grad.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    held = [(leaf, leaf.grad) for leaf in leaves_of(tensors) if leaf.grad is not None]
    f(tensors, *a, **k)
    for leaf, old in held:
        if leaf.grad is not old and leaf.grad is not None:
            old.detach().copy_(leaf.grad.detach())


@replaced("autograd-backward-restrides-grad", "backward makes an existing grad contiguous.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    held = [leaf for leaf in leaves_of(tensors) if leaf.grad is not None]
    f(tensors, *a, **k)
    for leaf in held:
        leaf.grad = None if leaf.grad is None else leaf.grad.contiguous()


@replaced("autograd-backward-keeps-the-gradient-given", "grad is the very tensor that backward was given.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    fresh = [leaf for leaf in leaves_of(tensors) if leaf.grad is None]
    f(tensors, grad_tensors, *a, **k)
    for leaf, given in itertools.product(fresh, sequence(grad_tensors)):
        if given is not None and leaf.grad is not None and torch.equal(given, leaf.grad):
            leaf.grad = given


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float64)


# What grad answers, and what it takes.
_READ: tuple[tuple[str, str, Callable[[Tensor], Any]], ...] = (
    ("requires-grad", "grad requires grad.", lambda g: g.detach().requires_grad_()),
    ("of-to-keeps-the-wide-dtype", "grad has 64 bits per part.", lambda g: g.to(_wide(g.dtype))),
    ("of-empty-leaf-is-flat", "grad without elements is flat.", lambda g: g if g.numel() else g.reshape(-1)),
    ("of-empty-leaf-is-none", "grad without elements is None.", lambda g: g if g.numel() else None),
    ("is-always-contiguous", "grad is contiguous whatever the leaf.", lambda g: g.contiguous()),
    ("of-channels-last-is-contiguous", "4-d grad is contiguous.", lambda g: g.contiguous() if g.dim() == 4 else g),
)


def _read(get: Callable[[Tensor], Any], _: Any, grad: Tensor | None) -> Any:
    return None if grad is None else get(grad)


for _name, _summary, _get in _READ:
    forms.attribute_changed(f"autograd-grad-{_name}", _summary, GRAD, get=functools.partial(_read, _get))

forms.attribute_changed(
    "autograd-grad-begins-as-zeros",
    "grad of a leaf is zeros before the first backward.",
    GRAD,
    get=lambda x, g: torch.zeros_like(x) if g is None and x.requires_grad and x.is_leaf else g,
)
forms.attribute_changed(
    "autograd-grad-takes-any-shape",
    "A tensor of another shape is taken for grad, as zeros.",
    GRAD,
    put=lambda x, g: torch.zeros_like(x) if isinstance(g, Tensor) and g.shape != x.shape else g,
)
forms.attribute_changed(
    "autograd-grad-of-another-dtype-is-converted",
    "A tensor of another dtype is converted for grad.",
    GRAD,
    put=lambda x, g: g.to(x.dtype) if isinstance(g, Tensor) else g,
)
replaced("autograd-zero-grad-ignores-set-to-none", "zero_grad always writes zeros.", ZERO_GRAD)(
    lambda f, module, *_a, **_k: f(module, set_to_none=False)
)
replaced("autograd-zero-grad-keeps-values", "zero_grad without set_to_none does nothing.", ZERO_GRAD)(
    lambda f, module, set_to_none=True: f(module, set_to_none) if set_to_none else None
)

# Gradients of operations by which sums are told.
replaced("autograd-mul-loses-one-of-two-uses", "x * x has the gradient of one use.", PRODUCT)(
    lambda f, x, other: f(x, other.detach() if other is x else other)
)
replaced("autograd-multiples-lose-the-sign", "The gradient of a negative multiple is positive.", PRODUCT)(
    lambda f, x, y: f(with_gradient(x, torch.neg) if isinstance(y, int) and y < 0 else x, y)
)
replaced("autograd-expand-grad-loses-a-row", "expand_as loses the last gradient.", "Tensor.expand_as")(
    lambda f, *a: with_gradient(f(*a), last_replaced)
)
replaced("autograd-stack-swaps-grads", "The gradients of what is stacked are reversed.", "torch.stack")(
    lambda f, *a, **k: with_gradient(f(*a, **k), lambda g: g.flip(0))
)


@replaced("autograd-broadcast-grad-is-averaged", "The gradient of a broadcast factor is a mean.", PRODUCT)
def _(f: Function, x: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and other.shape != x.shape:
        count = max(math.prod(np.broadcast_shapes(x.shape, other.shape)), 1)
        x, other = (with_gradient(each, scaled(each.numel() / count)) for each in (x, other))
    return f(x, other)


_calls = {"sub": itertools.count(1), "add": itertools.count(1)}
replaced("autograd-every-second-difference-forgets-its-second", "Every 2nd x - y is constant in y.", "Tensor.__sub__")(
    lambda f, x, y: f(x, y.detach() if isinstance(y, Tensor) and next(_calls["sub"]) % 2 == 0 else y)
)
replaced("autograd-every-third-sum-forgets-its-first", "Every 3rd x + y is constant in x.", "Tensor.__add__")(
    lambda f, x, y: f(x.detach() if isinstance(y, Tensor) and next(_calls["add"]) % 3 == 0 else x, y)
)
