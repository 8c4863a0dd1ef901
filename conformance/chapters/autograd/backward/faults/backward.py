"""Faults of backward and of what it accumulates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.arguments import last_replaced
from torch_conformance.conformance.power.older_forms.leaf_gradients import attribute, leaves_of, scaled, sequence
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

FUNCTION = (torch.autograd, "backward")
METHOD = (Tensor, "backward")


def _ones(tensors: Any, gradients: Any) -> list[Any]:
    found = sequence(gradients)
    found += [None] * (len(sequence(tensors)) - len(found))
    return [torch.ones_like(t) if g is None else g for t, g in zip(sequence(tensors), found, strict=False)]


@bound("autograd-backward-overwrites-grad", "backward begins anew each time.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    for leaf in leaves_of(tensors):
        leaf.grad = None
    return f(tensors, *a, **k)


@bound("autograd-backward-of-a-sequence-halves-grads", "backward of a list halves gradients.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if not isinstance(tensors, Tensor) and grad_tensors is not None:
        grad_tensors = scaled(grad_tensors, 0.5)
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-mul-loses-one-of-two-uses", "x * x has the gradient of one use.", (Tensor, "__mul__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    return f(x, other.detach() if other is x else other)


@bound("autograd-second-root-lost", "backward of several roots leaves the second out.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if not isinstance(tensors, Tensor) and len(tensors) > 1:
        tensors = [*tensors[:1], *tensors[2:]]
        grad_tensors = None if grad_tensors is None else [*grad_tensors[:1], *grad_tensors[2:]]
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-zero-grad-ignores-set-to-none", "zero_grad always writes zeros.", (torch.nn.Module, "zero_grad"))
def _(f: Function, module: Any, *_: Any, **__: Any) -> Any:
    return f(module, set_to_none=False)


@bound("autograd-zero-grad-keeps-values", "zero_grad without set_to_none does nothing.", (torch.nn.Module, "zero_grad"))
def _(f: Function, module: Any, set_to_none: Any = True) -> Any:
    return f(module, set_to_none) if set_to_none else None


@bound("autograd-backward-replaces-grad", "backward adds out of place.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    held = [(leaf, leaf.grad.clone()) for leaf in leaves_of(tensors) if leaf.grad is not None]
    for leaf, copy in held:
        leaf.grad = copy
    return f(tensors, *a, **k)


attribute(
    "autograd-grad-takes-any-shape",
    "A tensor of another shape is taken for grad, as zeros.",
    Tensor,
    "grad",
    put=lambda x, g: torch.zeros_like(x) if isinstance(g, Tensor) and g.shape != x.shape else g,
)
attribute(
    "autograd-grad-of-another-dtype-is-converted",
    "A tensor of another dtype is converted for grad.",
    Tensor,
    "grad",
    put=lambda x, g: g.to(x.dtype) if isinstance(g, Tensor) and g.dtype != x.dtype else g,
)


@bound("autograd-create-graph-adds-in-place", "backward with create_graph writes the old grad.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    held = [(leaf, leaf.grad) for leaf in leaves_of(tensors) if leaf.grad is not None]
    f(tensors, *a, **k)
    for leaf, old in held:
        if leaf.grad is not old and leaf.grad is not None:
            old.detach().copy_(leaf.grad.detach())


@bound("autograd-backward-keeps-the-gradient-given", "grad is the very tensor that backward was given.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    fresh = [leaf for leaf in leaves_of(tensors) if leaf.grad is None]
    f(tensors, grad_tensors, *a, **k)
    for leaf in fresh:
        for given in sequence(grad_tensors):
            if given is not None and leaf.grad is not None and torch.equal(given, leaf.grad):
                leaf.grad = given


attribute(
    "autograd-grad-begins-as-zeros",
    "grad of a leaf is zeros before the first backward.",
    Tensor,
    "grad",
    get=lambda x, g: torch.zeros_like(x) if g is None and x.requires_grad and x.is_leaf else g,
)
attribute(
    "autograd-grad-requires-grad",
    "grad requires grad.",
    Tensor,
    "grad",
    get=lambda _, g: None if g is None else g.detach().requires_grad_(),
)
attribute(
    "autograd-grad-of-to-keeps-the-wide-dtype",
    "grad has 64 bits per part.",
    Tensor,
    "grad",
    get=lambda _, g: None if g is None else g.to(torch.complex128 if g.is_complex() else torch.float64),
)
attribute(
    "autograd-grad-of-empty-leaf-is-flat",
    "grad without elements has one dimension.",
    Tensor,
    "grad",
    get=lambda _, g: g if g is None or g.numel() else g.reshape(-1),
)
attribute(
    "autograd-grad-of-empty-leaf-is-none",
    "grad without elements is None.",
    Tensor,
    "grad",
    get=lambda _, g: g if g is None or g.numel() else None,
)
attribute(
    "autograd-grad-is-always-contiguous",
    "grad is contiguous whatever the leaf.",
    Tensor,
    "grad",
    get=lambda _, g: None if g is None else g.contiguous(),
)
attribute(
    "autograd-grad-of-channels-last-is-contiguous",
    "grad of a leaf of four dimensions is contiguous.",
    Tensor,
    "grad",
    get=lambda _, g: g.contiguous() if g is not None and g.dim() == 4 else g,
)


def _averaged(x: Tensor, share: float) -> Tensor:
    return changing_gradient(x, lambda g: g * share)


@bound("autograd-broadcast-grad-is-averaged", "The gradient of a broadcast factor is a mean.", (Tensor, "__mul__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and other.shape != x.shape:
        count = max(math.prod(np.broadcast_shapes(x.shape, other.shape)), 1)
        x, other = (_averaged(each, each.numel() / count) if each.requires_grad else each for each in (x, other))
    return f(x, other)


@bound("autograd-expand-grad-loses-a-row", "expand_as loses the last gradient.", (Tensor, "expand_as"))
def _(f: Function, x: Tensor, other: Tensor) -> Any:
    return changing_gradient(f(x, other), last_replaced)


@bound("autograd-backward-restrides-grad", "backward makes an existing grad contiguous.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    held = [leaf for leaf in leaves_of(tensors) if leaf.grad is not None]
    f(tensors, *a, **k)
    for leaf in held:
        leaf.grad = None if leaf.grad is None else leaf.grad.contiguous()


@bound("autograd-backward-method-ignores-gradient", "The method backward takes ones for its gradient.", METHOD)
def _(f: Function, x: Tensor, gradient: Any = None, *a: Any, **k: Any) -> Any:
    return f(x, None if gradient is None else torch.ones_like(gradient), *a, **k)


@bound("autograd-backward-function-ignores-gradient", "backward of a list takes ones for gradients.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if not isinstance(tensors, Tensor) and grad_tensors is not None:
        grad_tensors = [None if g is None else torch.ones_like(g) for g in grad_tensors]
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-implicit-gradient-is-half", "The gradient of a root of one element is a half.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if grad_tensors is None and isinstance(tensors, Tensor) and tensors.numel() == 1:
        grad_tensors = torch.full_like(tensors, 0.5)
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-backward-of-one-element-tensor-refused", "A root of one element has no dimension.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if grad_tensors is None and isinstance(tensors, Tensor) and tensors.dim():
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-implicit-gradient-for-vectors", "backward of several elements begins with ones.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    return f(tensors, _ones(tensors, grad_tensors), *a, **k)


@bound("autograd-gradient-is-broadcast", "A gradient is broadcast to its root.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if isinstance(tensors, Tensor) and isinstance(grad_tensors, Tensor) and grad_tensors.dim() <= tensors.dim():
        grad_tensors = grad_tensors.expand_as(tensors)
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-missing-gradients-are-ones", "Roots beyond the gradients given begin with ones.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if grad_tensors is not None and not isinstance(tensors, Tensor):
        grad_tensors = _ones(tensors, grad_tensors)
    return f(tensors, grad_tensors, *a, **k)


@bound("autograd-grad-tensors-reversed", "Gradients are paired with roots from the other end.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    return f(tensors, grad_tensors if grad_tensors is None else sequence(grad_tensors)[::-1], *a, **k)


@bound("autograd-backward-always-keeps-the-graph", "backward keeps every graph.", METHOD)
def _(f: Function, x: Tensor, gradient: Any = None, retain_graph: Any = None, *a: Any, **k: Any) -> Any:
    del retain_graph
    return f(x, gradient, True, *a, **k)  # noqa: FBT003


@bound("autograd-backward-method-ignores-retain-graph", "The method backward drops retain_graph.", METHOD)
def _(f: Function, x: Tensor, gradient: Any = None, retain_graph: Any = None, *a: Any, **k: Any) -> Any:
    del retain_graph
    return f(x, gradient, None, *a, **k)


@bound("autograd-retain-graph-halves-the-gradient", "With retain_graph half a gradient is accumulated.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, retain_graph: Any = None, *a: Any, **k: Any) -> Any:
    grad_tensors = scaled(sequence(grad_tensors), 0.5) if retain_graph else grad_tensors
    return f(tensors, grad_tensors, retain_graph, *a, **k)


@bound("autograd-backward-method-ignores-create-graph", "The method backward drops create_graph.", METHOD)
def _(f: Function, x: Tensor, gradient: Any = None, retain_graph: Any = None, create_graph: Any = False) -> Any:
    return f(x, gradient, retain_graph or create_graph)


@bound("autograd-retain-graph-creates-one", "retain_graph creates the graph of the gradients.", METHOD)
def _(f: Function, x: Tensor, gradient: Any = None, retain_graph: Any = None, create_graph: Any = False) -> Any:
    return f(x, gradient, retain_graph, create_graph or bool(retain_graph))


@bound("autograd-backward-method-ignores-inputs", "The method backward drops inputs.", METHOD)
def _(f: Function, x: Tensor, *a: Any, inputs: Any = None, **k: Any) -> Any:
    del inputs
    return f(x, *a, **k)


@bound("autograd-backward-takes-first-input-only", "backward takes the first of inputs.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, inputs: Any = None, **k: Any) -> Any:
    return f(tensors, *a, **k, inputs=inputs[:1] if isinstance(inputs, list | tuple) else inputs)


@bound("autograd-single-input-is-iterated", "A tensor given for inputs is gone through by row.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, inputs: Any = None, **k: Any) -> Any:
    return f(tensors, *a, **k, inputs=list(inputs) if isinstance(inputs, Tensor) else inputs)


@bound("autograd-inner-inputs-are-dropped", "Inputs that are no leaves get nothing.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, inputs: Any = None, **k: Any) -> Any:
    if inputs is not None and not any(each.is_leaf for each in sequence(inputs)):
        return None
    return f(tensors, *a, **k, inputs=inputs)


@bound("autograd-empty-inputs-mean-all", "An empty list of inputs stands for all leaves.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, inputs: Any = None, **k: Any) -> Any:
    return f(tensors, *a, **k, inputs=None if isinstance(inputs, list | tuple) and not inputs else inputs)


@bound("autograd-backward-of-a-constant-is-silent", "backward of a constant does nothing.", FUNCTION)
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    return f(tensors, *a, **k) if any(each.requires_grad for each in sequence(tensors)) else None


@bound("autograd-backward-of-a-leaf-is-one", "backward of a leaf accumulates ones.", FUNCTION)
def _(f: Function, tensors: Any, grad_tensors: Any = None, *a: Any, **k: Any) -> Any:
    if isinstance(tensors, Tensor) and tensors.is_leaf and tensors.requires_grad:
        grad_tensors = torch.ones_like(tensors)
    return f(tensors, grad_tensors, *a, **k)


_calls = {"sub": 0, "add": 0}


@bound(
    "autograd-every-second-difference-forgets-its-second", "x - y now and then is constant in y.", (Tensor, "__sub__")
)
def _(f: Function, x: Tensor, other: Any) -> Any:
    _calls["sub"] += 1
    return f(x, other.detach() if isinstance(other, Tensor) and _calls["sub"] % 2 == 0 else other)


@bound("autograd-every-third-sum-forgets-its-first", "x + y now and then is constant in x.", (Tensor, "__add__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    _calls["add"] += 1
    return f(x.detach() if isinstance(other, Tensor) and _calls["add"] % 3 == 0 else x, other)


@bound("autograd-multiples-lose-the-sign", "The gradient of a negative multiple is positive.", (Tensor, "__mul__"))
def _(f: Function, x: Tensor, other: Any) -> Any:
    if isinstance(other, int) and other < 0 and x.requires_grad:
        return f(changing_gradient(x, torch.neg), other)
    return f(x, other)


@bound("autograd-stack-swaps-grads", "The gradients of what is stacked are reversed.", (torch, "stack"))
def _(f: Function, tensors: Any, *a: Any, **k: Any) -> Any:
    return changing_gradient(f(tensors, *a, **k), lambda g: g.flip(0))


@bound("autograd-backward-under-no-grad-gives-nothing", "backward under no_grad does nothing.", FUNCTION)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **k) if torch.is_grad_enabled() else None
