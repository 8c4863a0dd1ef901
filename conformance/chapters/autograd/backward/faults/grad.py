"""Faults of torch.autograd.grad."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.arguments import without
from torch_conformance.conformance.power.older_forms.leaf_gradients import sequence
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

GRAD = (torch.autograd, "grad")


@bound("autograd-implicit-gradient-of-grad-for-vectors", "grad of several elements begins with ones.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, grad_outputs: Any = None, *a: Any, **k: Any) -> Any:
    found = sequence(grad_outputs)
    if all(g is None for g in found):
        grad_outputs = [torch.ones_like(each) for each in sequence(outputs)]
    return f(outputs, inputs, grad_outputs, *a, **k)


@bound("autograd-grad-always-keeps-the-graph", "grad keeps every graph.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{**k, "retain_graph": True})


@bound("autograd-grad-of-a-constant-is-zero", "grad of a constant is zero.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    if not any(each.requires_grad for each in sequence(outputs)):
        return tuple(torch.zeros_like(each) for each in sequence(inputs))
    return f(outputs, inputs, *a, **k)


@bound("autograd-grad-reverses-its-answers", "grad of several inputs answers from the last.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **k)[::-1]


@bound("autograd-grad-ignores-keyword-grad-outputs", "grad drops the keyword grad_outputs.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    if k.get("grad_outputs") is not None:
        k["grad_outputs"] = [torch.ones_like(each) for each in sequence(k["grad_outputs"])]
    return f(*a, **k)


@bound("autograd-grad-of-one-is-bare", "grad of one input is no tuple.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    return answer if len(answer) > 1 else answer[0][None]


@bound("autograd-grad-accumulates", "grad adds to the leaves' grad too.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    answer = f(outputs, inputs, *a, **k)
    for each, gradient in zip(sequence(inputs), answer, strict=True):
        if each.is_leaf and gradient is not None:
            each.grad = gradient.detach() if each.grad is None else each.grad + gradient.detach()
    return answer


@bound("autograd-grad-of-first-output-alone", "grad leaves all outputs but the first out.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, grad_outputs: Any = None, *a: Any, **k: Any) -> Any:
    if not isinstance(outputs, Tensor) and grad_outputs is not None:
        outputs, grad_outputs = outputs[:1], grad_outputs[:1]
    return f(outputs, inputs, grad_outputs, *a, **k)


@bound("autograd-grad-pairs-gradients-reversed", "grad pairs gradients with outputs from the other end.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, grad_outputs: Any = None, *a: Any, **k: Any) -> Any:
    if not isinstance(grad_outputs, Tensor) and grad_outputs is not None:
        grad_outputs = grad_outputs[::-1]
    return f(outputs, inputs, grad_outputs, *a, **k)


@bound("autograd-grad-always-allows-unused", "grad takes unused inputs.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{**k, "allow_unused": True})


@bound("autograd-allow-unused-gives-zeros", "The gradient of an unused input is zeros.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    answer = f(outputs, inputs, *a, **k)
    return tuple(torch.zeros_like(x) if g is None else g for x, g in zip(sequence(inputs), answer, strict=True))


@bound("autograd-allow-unused-forgets-the-rest", "With one unused input no input has a gradient.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    return (None,) * len(answer) if any(each is None for each in answer) else answer


@bound("autograd-materialized-grads-have-the-wrong-shape", "Materialised gradients are of one element.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    if not k.get("materialize_grads"):
        return f(*a, **k)
    answer = f(*a, **{**without(k, "materialize_grads"), "allow_unused": True})
    return tuple(torch.zeros(1) if each is None else each for each in answer)


@bound("autograd-materialize-grads-ignored", "materialize_grads gives None.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    if k.get("materialize_grads"):
        return f(*a, **{**without(k, "materialize_grads"), "allow_unused": True})
    return f(*a, **k)


_calls = {"created": 0}


@bound("autograd-grad-creates-every-second-graph", "Every second create_graph is ignored.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    if k.get("create_graph"):
        _calls["created"] += 1
        if _calls["created"] % 2 == 0:
            return f(*a, **{**k, "create_graph": False, "retain_graph": True})
    return f(*a, **k)


@bound("autograd-higher-derivative-one-percent-off", "A derivative of a derivative is 1% off.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    if not k.get("create_graph"):
        return answer
    return tuple(each if each is None else changing_gradient(each, lambda g: g * 1.01) for each in answer)


@bound("autograd-mixed-derivative-loses-a-sign", "A derivative of a derivative has the wrong sign.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    if not k.get("create_graph"):
        return answer
    return tuple(each if each is None else changing_gradient(each, torch.neg) for each in answer)


@bound("autograd-grad-ignores-retain-graph", "grad drops retain_graph.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "retain_graph"))


@bound("autograd-create-graph-frees", "grad with create_graph frees the graph unless told otherwise.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{"retain_graph": False, **k})


@bound("autograd-grad-of-inner-inputs-stops-early", "Beside an inner input a leaf has gradient zero.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    answer = f(outputs, inputs, *a, **k)
    if all(each.is_leaf for each in sequence(inputs)):
        return answer
    return tuple(g * 0 if x.is_leaf and g is not None else g for x, g in zip(inputs, answer, strict=True))


@bound("autograd-constant-inputs-have-none", "The gradient of a constant input is None.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    if all(each.requires_grad for each in sequence(inputs)):
        return f(outputs, inputs, *a, **k)
    return (None,) * len(sequence(inputs))


@bound("autograd-batched-grads-repeat-the-first", "Batched gradients are those of the first row.", GRAD)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    return tuple(each[:1].expand_as(each) for each in answer) if k.get("is_grads_batched") else answer
