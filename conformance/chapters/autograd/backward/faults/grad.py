"""Faults of torch.autograd.grad."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import arguments_changed, default_changed, option_ignored
from torch_conformance.conformance.power.damage import Change, off, sequence
from torch_conformance.conformance.power.forms import Named, answer_changed, replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function

GRAD = "autograd.grad"


def _reversed(given: Any) -> Any:
    return given if given is None or isinstance(given, Tensor) else given[::-1]


# Its options.
option_ignored("autograd-grad-ignores-retain-graph", "grad drops retain_graph.", GRAD, option="retain_graph")
option_ignored(
    "autograd-grad-always-keeps-the-graph", "grad keeps every graph.", GRAD, option="retain_graph", value=True
)
option_ignored(
    "autograd-grad-always-allows-unused", "grad takes unused inputs.", GRAD, option="allow_unused", value=True
)
default_changed(
    "autograd-create-graph-frees", "create_graph frees the graph by default.", GRAD, option="retain_graph", value=False
)
arguments_changed("autograd-grad-ignores-keyword-grad-outputs", "grad takes ones for grad_outputs.", GRAD)(
    lambda k: k.update({key: [torch.ones_like(g) for g in sequence(k[key])] for key in k if key == "grad_outputs"})
)
arguments_changed("autograd-grad-pairs-gradients-reversed", "grad pairs gradients with the last output first.", GRAD)(
    lambda k: k.update(grad_outputs=_reversed(k.get("grad_outputs")))
)


@arguments_changed("autograd-implicit-gradient-of-grad-for-vectors", "grad of vectors begins with ones.", GRAD)
def _(given: Named) -> None:
    if all(g is None for g in sequence(given.get("grad_outputs"))):
        given["grad_outputs"] = [torch.ones_like(each) for each in sequence(given["outputs"])]


@arguments_changed("autograd-grad-of-first-output-alone", "grad leaves all outputs but the first out.", GRAD)
def _(given: Named) -> None:
    if not isinstance(given["outputs"], Tensor) and given.get("grad_outputs") is not None:
        given.update(outputs=given["outputs"][:1], grad_outputs=given["grad_outputs"][:1])


@arguments_changed("autograd-materialize-grads-ignored", "materialize_grads gives None.", GRAD)
def _(given: Named) -> None:
    if given.pop("materialize_grads", False):
        given["allow_unused"] = True


_calls = itertools.count(1)


@arguments_changed("autograd-grad-creates-every-second-graph", "Every second create_graph is ignored.", GRAD)
def _(given: Named) -> None:
    if given.get("create_graph") and next(_calls) % 2 == 0:
        given.update(create_graph=False, retain_graph=True)


# Its answers.
@replaced("autograd-grad-of-a-constant-is-zero", "grad of a constant is zero.", GRAD)
def _(f: Function, outputs: Any, inputs: Any, *a: Any, **k: Any) -> Any:
    if not any(each.requires_grad for each in sequence(outputs)):
        return tuple(torch.zeros_like(each) for each in sequence(inputs))
    return f(outputs, inputs, *a, **k)


answer_changed("autograd-grad-reverses-its-answers", "grad of several inputs answers from the last.", GRAD)(
    lambda answer, *_a, **_k: answer[::-1]
)
answer_changed("autograd-grad-of-one-is-bare", "grad of one input is no tuple.", GRAD)(
    lambda answer, *_a, **_k: answer if len(answer) > 1 else answer[0][None]
)
answer_changed("autograd-allow-unused-forgets-the-rest", "With one unused input no input has a gradient.", GRAD)(
    lambda answer, *_a, **_k: (None,) * len(answer) if any(each is None for each in answer) else answer
)
answer_changed("autograd-batched-grads-repeat-the-first", "Batched gradients are those of the first row.", GRAD)(
    lambda answer, *_, is_grads_batched=False, **__: (
        tuple(each[:1].expand_as(each) for each in answer) if is_grads_batched else answer
    )
)
answer_changed("autograd-allow-unused-gives-zeros", "The gradient of an unused input is zeros.", GRAD)(
    lambda answer, _outputs, inputs, *_a, **_k: tuple(
        torch.zeros_like(x) if g is None else g for x, g in zip(sequence(inputs), answer, strict=True)
    )
)
answer_changed("autograd-grad-of-inner-inputs-stops-early", "A leaf beside an inner input has gradient zero.", GRAD)(
    lambda answer, _outputs, inputs, *_a, **_k: (
        None
        if all(x.is_leaf for x in sequence(inputs))
        else tuple(g * 0 if x.is_leaf and g is not None else g for x, g in zip(inputs, answer, strict=True))
    )
)
replaced("autograd-constant-inputs-have-none", "The gradient of a constant input is None.", GRAD)(
    lambda f, y, x, *a, **k: (
        f(y, x, *a, **k) if all(each.requires_grad for each in sequence(x)) else (None,) * len(sequence(x))
    )
)


@answer_changed("autograd-grad-accumulates", "grad adds to the leaves' grad too.", GRAD)
def _(answer: Any, _outputs: Any, inputs: Any, *_: Any, **__: Any) -> None:
    for each, gradient in zip(sequence(inputs), answer, strict=True):
        if each.is_leaf and gradient is not None:
            each.grad = gradient.detach() if each.grad is None else each.grad + gradient.detach()


@replaced("autograd-materialized-grads-have-the-wrong-shape", "Materialised gradients are of one element.", GRAD)
def _(f: Function, *a: Any, materialize_grads: Any = False, **k: Any) -> Any:
    if not materialize_grads:
        return f(*a, **k)
    return tuple(torch.zeros(1) if each is None else each for each in f(*a, **{**k, "allow_unused": True}))


_HIGHER: tuple[tuple[str, str, Change], ...] = (
    ("higher-derivative-one-percent-off", "A derivative of a derivative is 1% off.", off),
    ("mixed-derivative-loses-a-sign", "A derivative of a derivative has the wrong sign.", torch.neg),
)
for _name, _summary, _change in _HIGHER:
    answer_changed(f"autograd-{_name}", _summary, GRAD)(
        lambda answer, *_, create_graph=False, change=_change, **__: (
            tuple(with_gradient(each, change) for each in answer) if create_graph else None
        )
    )
