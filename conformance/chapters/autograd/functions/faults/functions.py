"""Faults of torch.autograd.Function and its context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx

from torch_conformance.conformance.power.older_forms.leaf_gradients import attribute, static
from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, Function, fault

BACKWARD = (BackwardCFunction, "apply")


def _as_tuple(answer: Any) -> tuple[Any, ...]:
    return answer if isinstance(answer, tuple) else (answer,)


@bound("autograd-function-backward-off-by-one-percent", "A custom gradient is 1% too large.", BACKWARD)
def _(f: Function, self: Any, *gradients: Any) -> Any:
    return tuple(each * 1.01 if isinstance(each, Tensor) else each for each in _as_tuple(f(self, *gradients)))


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

    breaker.binding(BackwardCFunction, "__setattr__", replaced(put))
    breaker.binding(BackwardCFunction, "apply", replaced(apply))


def _applied(name: str, summary: str) -> Callable[[Function], Function]:
    """Register a fault of apply: the decorated function is called with the true one, the class and the arguments."""

    def register(answer: Function) -> Function:
        def make(original: Any) -> Any:
            return classmethod(lambda cls, *a, **k: answer(original.__func__, cls, *a, **k))

        fault(name, summary)(lambda breaker: breaker.binding(torch.autograd.Function, "apply", make))
        return answer

    return register


@_applied("autograd-setup-context-gets-the-default", "setup_context is given 1 for a last number.")
def _(f: Function, cls: Any, *a: Any, **k: Any) -> Any:
    setup = cls.__dict__.get("setup_context")
    if setup is not None and not hasattr(cls, "changed_setup"):
        cls.changed_setup = True
        cls.setup_context = staticmethod(
            lambda ctx, inputs, output: setup.__func__(ctx, (*inputs[:-1], 1), output),
        )
    return f(cls, *a, **k)


@_applied("autograd-function-ignores-no-grad", "A custom function is recorded under no_grad.")
def _(f: Function, cls: Any, *a: Any, **k: Any) -> Any:
    with torch.inference_mode(mode=False), torch.enable_grad():
        return f(cls, *a, **k)


attribute(
    "autograd-needs-input-grad-is-always-true",
    "needs_input_grad is true for every argument.",
    BackwardCFunction,
    "needs_input_grad",
    get=lambda _, needs: tuple(True for _ in needs),
)


@bound("autograd-none-from-backward-is-zeros", "None from a custom backward is taken for zeros.", BACKWARD)
def _(f: Function, self: Any, *gradients: Any) -> Any:
    needs = self.needs_input_grad
    answers = _as_tuple(f(self, *gradients))
    return tuple(
        torch.zeros_like(gradients[0]) if each is None and place < len(needs) and needs[place] else each
        for place, each in enumerate(answers)
    )


@bound("autograd-surplus-gradients-are-dropped", "More gradients than arguments are dropped.", BACKWARD)
def _(f: Function, self: Any, *gradients: Any) -> Any:
    return _as_tuple(f(self, *gradients))[: len(self.needs_input_grad)]


@bound("autograd-missing-gradients-are-none", "Fewer gradients than arguments are filled with None.", BACKWARD)
def _(f: Function, self: Any, *gradients: Any) -> Any:
    answers = _as_tuple(f(self, *gradients))
    return answers + (None,) * (len(self.needs_input_grad) - len(answers))


@bound(
    "autograd-misfit-gradients-are-replaced", "A gradient that does not fit is replaced by the incoming one.", BACKWARD
)
def _(f: Function, self: Any, *gradients: Any) -> Any:
    return tuple(
        gradients[0] if isinstance(each, Tensor) and each.shape != gradients[0].shape else each
        for each in _as_tuple(f(self, *gradients))
    )


@bound("autograd-function-backward-grads-reversed", "backward is given gradients from the last output.", BACKWARD)
def _(f: Function, self: Any, *gradients: Any) -> Any:
    return f(self, *gradients[::-1])


@bound(
    "autograd-set-materialize-grads-is-ignored",
    "set_materialize_grads does nothing.",
    (FunctionCtx, "set_materialize_grads"),
)
def _(_f: Function, _self: Any, _value: Any) -> None:
    return None


@bound(
    "autograd-grads-are-never-materialized",
    "Missing gradients are always None.",
    (FunctionCtx, "set_materialize_grads"),
)
def _(f: Function, self: Any, _value: Any) -> None:
    f(self, False)  # noqa: FBT003


@bound(
    "autograd-mark-non-differentiable-is-ignored",
    "mark_non_differentiable does nothing.",
    (FunctionCtx, "mark_non_differentiable"),
)
def _(_f: Function, *_: Any) -> None:
    return None


@bound(
    "autograd-mark-non-differentiable-takes-the-last",
    "mark_non_differentiable takes the last output alone.",
    (FunctionCtx, "mark_non_differentiable"),
)
def _(f: Function, self: Any, *outputs: Any) -> None:
    f(self, *outputs[-1:])


@bound("autograd-mark-dirty-is-ignored", "mark_dirty does nothing.", (FunctionCtx, "mark_dirty"))
def _(_f: Function, *_: Any) -> None:
    return None


@bound(
    "autograd-once-differentiable-records",
    "once_differentiable does nothing.",
    (torch.autograd.function, "once_differentiable"),
)
def _(_f: Function, function: Function) -> Any:
    return function


attribute(
    "autograd-function-saved-tensors-are-detached",
    "Saved tensors of a custom function are constants.",
    BackwardCFunction,
    "saved_tensors",
    get=lambda _, tensors: tuple(each if each is None else each.detach() for each in tensors),
)


@bound("autograd-save-for-backward-copies", "save_for_backward copies.", (FunctionCtx, "save_for_backward"))
def _(f: Function, self: Any, *tensors: Any) -> None:
    f(self, *(each.clone() if isinstance(each, Tensor) else each for each in tensors))


@fault("autograd-save-for-backward-keeps-references", "Saved tensors are neither checked nor freed.")
def _(breaker: Breaker) -> None:
    def save(_f: Function, self: Any, *tensors: Any) -> None:
        self.kept = tensors

    breaker.binding(FunctionCtx, "save_for_backward", replaced(save))
    breaker.binding(BackwardCFunction, "saved_tensors", lambda _: property(lambda self: self.kept))


@bound(
    "autograd-function-instances-are-callable",
    "A Function is called as an instance.",
    (torch.autograd.Function, "__call__"),
)
def _(_f: Function, self: Any, *a: Any, **k: Any) -> Any:
    return type(self).apply(*a, **k)


@fault("autograd-function-without-backward-has-none", "A Function without backward has no gradient.")
def _(breaker: Breaker) -> None:
    for name in ("backward", "vjp"):
        breaker.binding(torch.autograd.Function, name, static(lambda _f, _ctx, *_: None))
