"""Faults of torch.autograd.Function and its context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power import forms
from torch_conformance.conformance.power.forms import nothing, replaced, wrapping
from torch_conformance.conformance.power.registry import Breaker, Function, fault

FUNCTION, CONTEXT, NODE = (f"autograd.function.{name}" for name in ("Function", "FunctionCtx", "BackwardCFunction"))
BACKWARD, SAVE, SAVED = f"{NODE}.apply", f"{CONTEXT}.save_for_backward", f"{NODE}.saved_tensors"
MATERIALIZE, CONSTANT = f"{CONTEXT}.set_materialize_grads", f"{CONTEXT}.mark_non_differentiable"


def _answering(name: str, summary: str) -> Callable[[Any], Any]:
    """Register a fault that answers `change(node, answers, gradients)` in place of what a custom backward gives."""

    def register(change: Any) -> Any:
        def answer(f: Function, node: Any, *gradients: Any) -> Any:
            answers = f(node, *gradients)
            return change(node, answers if isinstance(answers, tuple) else (answers,), gradients)

        replaced(name, summary, BACKWARD)(answer)
        return change

    return register


_answering("autograd-function-backward-off-by-one-percent", "A custom gradient is 1% too large.")(
    lambda _node, answers, _gradients: tuple(each * 1.01 if isinstance(each, Tensor) else each for each in answers)
)
_answering("autograd-none-from-backward-is-zeros", "None from a custom backward is taken for zeros.")(
    lambda node, answers, gradients: tuple(
        torch.zeros_like(gradients[0]) if each is None and any(node.needs_input_grad[place : place + 1]) else each
        for place, each in enumerate(answers)
    )
)
_answering("autograd-surplus-gradients-are-dropped", "More gradients than arguments are dropped.")(
    lambda node, answers, _gradients: answers[: len(node.needs_input_grad)]
)
_answering("autograd-missing-gradients-are-none", "Fewer gradients than arguments are filled with None.")(
    lambda node, answers, _gradients: answers + (None,) * (len(node.needs_input_grad) - len(answers))
)
_answering("autograd-misfit-gradients-are-replaced", "A misfit gradient is replaced by the incoming one.")(
    lambda _node, answers, gradients: tuple(
        gradients[0] if isinstance(each, Tensor) and each.shape != gradients[0].shape else each for each in answers
    )
)
replaced("autograd-function-backward-grads-reversed", "backward is given the last output's gradient first.", BACKWARD)(
    lambda f, self, *gradients: f(self, *gradients[::-1])
)


@fault("autograd-function-contexts-share-attributes", "Contexts share the attribute set last.")
def _(breaker: Breaker) -> None:
    shared: dict[str, Any] = {}

    def put(original: Function, self: Any, name: str, value: Any) -> None:
        if isinstance(value, int):
            shared[name] = value
        original(self, name, value)

    def apply(original: Function, self: Any, *gradients: Any) -> Any:
        for name, value in shared.items():
            object.__setattr__(self, name, value)
        return original(self, *gradients)

    breaker.replace((f"{NODE}.__setattr__",), wrapping(put))
    breaker.replace((BACKWARD,), wrapping(apply))


def _applied(name: str, summary: str) -> Callable[[Function], Function]:
    """Register a fault of apply: the decorated function is called with the true one, the class and the arguments."""

    def register(answer: Function) -> Function:
        def make(original: Any) -> Any:
            return classmethod(lambda cls, *a, **k: answer(original.__func__, cls, *a, **k))

        forms.installed(name, summary, f"{FUNCTION}.apply", make)
        return answer

    return register


@_applied("autograd-setup-context-gets-the-default", "setup_context is given 1 for a last number.")
def _(f: Function, cls: Any, *a: Any, **k: Any) -> Any:
    setup = cls.__dict__.get("setup_context")
    if setup is not None and not hasattr(cls, "changed_setup"):
        cls.changed_setup = True
        cls.setup_context = staticmethod(lambda ctx, inputs, y: setup.__func__(ctx, (*inputs[:-1], 1), y))
    return f(cls, *a, **k)


@_applied("autograd-function-ignores-no-grad", "A custom function is recorded under no_grad.")
def _(f: Function, cls: Any, *a: Any, **k: Any) -> Any:
    with torch.inference_mode(mode=False), torch.enable_grad():
        return f(cls, *a, **k)


# The context.
forms.attribute_changed(
    "autograd-needs-input-grad-is-always-true",
    "needs_input_grad is true for every argument.",
    f"{NODE}.needs_input_grad",
    get=lambda _, needs: (True,) * len(needs),
)
forms.attribute_changed(
    "autograd-function-saved-tensors-are-detached",
    "Saved tensors of a custom function are constants.",
    SAVED,
    get=lambda _, tensors: tuple(each if each is None else each.detach() for each in tensors),
)
replaced("autograd-set-materialize-grads-is-ignored", "set_materialize_grads does nothing.", MATERIALIZE)(nothing)
replaced("autograd-grads-are-never-materialized", "Missing gradients are always None.", MATERIALIZE)(
    lambda f, self, _value: f(self, False)  # noqa: FBT003
)
replaced("autograd-mark-non-differentiable-is-ignored", "mark_non_differentiable does nothing.", CONSTANT)(nothing)
replaced("autograd-mark-non-differentiable-takes-the-last", "Of outputs to mark the last one is.", CONSTANT)(
    lambda f, self, *outputs: f(self, *outputs[-1:])
)
replaced("autograd-mark-dirty-is-ignored", "mark_dirty does nothing.", f"{CONTEXT}.mark_dirty")(nothing)
replaced(
    "autograd-once-differentiable-records", "once_differentiable does nothing.", "autograd.function.once_differentiable"
)(lambda _f, function: function)
replaced("autograd-save-for-backward-copies", "save_for_backward copies.", SAVE)(
    lambda f, self, *tensors: f(self, *(each.clone() if isinstance(each, Tensor) else each for each in tensors))
)
replaced("autograd-function-instances-are-callable", "A Function is called as an instance.", f"{FUNCTION}.__call__")(
    lambda _f, self, *a, **k: type(self).apply(*a, **k)
)


@fault("autograd-save-for-backward-keeps-references", "Saved tensors are neither checked nor freed.")
def _(breaker: Breaker) -> None:
    breaker.replace((SAVE,), wrapping(lambda _f, self, *tensors: setattr(self, "kept", tensors)))
    breaker.replace((SAVED,), lambda _: property(lambda self: self.kept))


@fault("autograd-function-without-backward-has-none", "A Function without backward has no gradient.")
def _(breaker: Breaker) -> None:
    breaker.replace((f"{FUNCTION}.backward", f"{FUNCTION}.vjp"), forms.static(nothing))
