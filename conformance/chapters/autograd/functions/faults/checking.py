"""Faults of gradcheck, anomaly detection, threads, torch.autograd.functional, copies and checkpoints."""

from __future__ import annotations

import functools
import threading
from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor

from torch_conformance.conformance.power import argument_forms, forms, gradient_forms
from torch_conformance.conformance.power.argument_forms import arguments_changed, option_ignored, option_value_changed
from torch_conformance.conformance.power.damage import Change, last_replaced, scaled, sequence
from torch_conformance.conformance.power.forms import answer_changed, nothing, replaced
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function, fault

CHECK, SECOND, COPY = "autograd.gradcheck", "autograd.gradgradcheck", "Tensor.__deepcopy__"
CHECKPOINT, ANOMALY = "utils.checkpoint.checkpoint", "autograd.anomaly_mode.detect_anomaly"


def _functional(*names: str) -> tuple[str, ...]:
    return tuple(f"autograd.functional.{name}" for name in names)


JACOBIAN, HESSIAN, VJP = _functional("jacobian", "hessian", "vjp")

# Options that are dropped: by what, which, and whether the name of the fault says so in another way.
_IGNORED = (
    ("gradcheck-ignores-raise-exception", "raise_exception", (CHECK,)),
    ("gradcheck-ignores-rtol", "rtol", (CHECK,)),
    ("gradcheck-ignores-atol", "atol", (CHECK,)),
    ("gradgradcheck-ignores-raise-exception", "raise_exception", (SECOND,)),
    ("hessian-ignores-outer-strategy", "outer_jacobian_strategy", (HESSIAN,)),
    ("functional-create-graph-is-ignored", "create_graph", _functional("hessian", "jvp")),
    ("functional-strict-is-ignored", "strict", _functional("jvp", "hvp")),
    (
        "anomaly-check-nan-is-ignored",
        "check_nan",
        (f"{ANOMALY}.__init__", "autograd.anomaly_mode.set_detect_anomaly.__init__"),
    ),
)
for _name, _option, _places in _IGNORED:
    option_ignored(f"autograd-{_name}", f"{_name.split('-')[0]} drops {_option}.", *_places, option=_option)

arguments_changed("autograd-gradcheck-has-no-tolerance", "gradcheck takes equal numbers alone.", CHECK)(
    lambda k: k.update(atol=0.0, rtol=0.0)
)
argument_forms.default_changed(
    "autograd-gradcheck-is-lenient", "gradcheck takes a derivative that is half off.", CHECK, option="rtol", value=0.5
)
replaced("autograd-gradcheck-fast-mode-passes-everything", "gradcheck in fast mode is always true.", CHECK)(
    lambda f, *a, **k: True if k.get("fast_mode") else f(*a, **k)
)
forms.refusal_forgiven(
    "autograd-gradcheck-of-constants-is-true",
    "gradcheck of constants is true.",
    CHECK,
    instead=lambda *_, **__: True,
    errors=(ValueError,),
)
replaced("autograd-gradgradcheck-checks-first-derivatives", "gradgradcheck is gradcheck.", SECOND)(
    lambda _f, function, inputs, _grad_outputs=None, **k: torch.autograd.gradcheck(function, inputs, **k)
)
replaced(
    "autograd-anomaly-detection-does-nothing",
    "detect_anomaly does nothing.",
    f"{ANOMALY}.__enter__",
    f"{ANOMALY}.__exit__",
)(nothing)
replaced("autograd-anomaly-mode-outlives-its-context", "detect_anomaly never ends.", f"{ANOMALY}.__exit__")(nothing)


# Threads.
def _elsewhere() -> bool:
    return threading.current_thread() is not threading.main_thread()


replaced(
    "autograd-backward-outside-the-main-thread-gives-nothing", "backward in a thread is void.", "autograd.backward"
)(lambda f, *a, **k: None if _elsewhere() else f(*a, **k))


@arguments_changed(
    "autograd-grad-outside-the-main-thread-is-ones", "grad in threads begins with ones.", "autograd.grad"
)
def _(given: forms.Named) -> None:
    if _elsewhere():
        given["grad_outputs"] = [torch.ones_like(each) for each in sequence(given["outputs"])]


# torch.autograd.functional.
answer_changed("autograd-jacobian-transposed", "jacobian has the inputs first.", JACOBIAN)(
    lambda y, *_, **__: y.t() if isinstance(y, Tensor) and y.dim() == 2 else y
)
answer_changed("autograd-jacobian-vectorized-loses-an-element", "jacobian with vectorize loses an element.", JACOBIAN)(
    lambda y, *_, vectorize=False, **__: last_replaced(y, 77) if vectorize and isinstance(y, Tensor) else y
)
answer_changed("autograd-jacobian-forward-mode-one-percent-off", "jacobian in forward mode is 1% off.", JACOBIAN)(
    lambda y, *_, strategy="", **__: y * 1.01 if strategy == "forward-mode" else y
)
answer_changed("autograd-hessian-diagonal-halved", "The diagonal of hessian is halved.", HESSIAN)(
    lambda y, *_, **__: y - 0.5 * torch.diag(torch.diag(y)) if isinstance(y, Tensor) else y
)
answer_changed("autograd-hessian-of-tuples-is-triangular", "Blocks of hessian above the diagonal are 0.", HESSIAN)(
    lambda y, *_, **__: (
        tuple(tuple(b * 0 if j > i else b for j, b in enumerate(row)) for i, row in enumerate(y))
        if isinstance(y, tuple)
        else y
    )
)
_PRODUCTS: tuple[tuple[str, str, Change], ...] = (
    ("jvp", "doubled", scaled(2)),
    ("hvp", "one-percent-off", scaled(1.01)),
    ("vhp", "negated", scaled(-1)),
)
for _product, _word, _change in _PRODUCTS:
    _name = f"autograd-functional-{_product}-{_word}"
    answer_changed(_name, f"{_product} is wrong: {_word}.", *_functional(_product))(
        lambda y, *_, change=_change, **__: (
            y[0],
            change(y[1]) if isinstance(y[1], Tensor) else tuple(change(each) for each in y[1]),
        )
    )
option_ignored(
    "autograd-functional-always-creates-graphs",
    "vjp and vhp always create graphs.",
    *_functional("vjp", "vhp"),
    option="create_graph",
    value=True,
)
option_value_changed(
    "autograd-functional-vjp-ignores-v",
    "vjp takes ones for v.",
    VJP,
    option="v",
    change=lambda v: torch.ones_like(v) if isinstance(v, Tensor) else v,
)
replaced("autograd-functional-missing-vectors-are-ones", "vjp without v takes ones.", VJP)(
    lambda f, func, inputs, v=None, **k: f(func, inputs, torch.ones_like(func(inputs)) if v is None else v, **k)
)


@replaced("autograd-functional-vectors-are-broadcast", "One element of v serves all.", *_functional("hvp", "jvp"))
def _(f: Function, func: Any, inputs: Any, v: Any = None, **k: Any) -> Any:
    if isinstance(v, Tensor) and isinstance(inputs, Tensor) and v.shape != inputs.shape:
        v = v[:1].expand_as(inputs)
    return f(func, inputs, v, **k)


# Copies.
def _with_grad(x: Tensor, grad: Any) -> Tensor:
    x.grad = grad
    return x


answer_changed("autograd-deepcopy-loses-grad", "deepcopy drops grad.", COPY)(lambda y, *_: _with_grad(y, None))
answer_changed("autograd-deepcopy-shares-grad", "A deep copy has the very grad.", COPY)(
    lambda y, x, _memo: _with_grad(y, x.grad)
)
replaced("autograd-deepcopy-of-results-detaches", "deepcopy of a result detaches it.", COPY)(
    lambda f, x, memo: f(x, memo) if x.is_leaf else x.detach().clone()
)
replaced("autograd-clone-function-is-detached", "torch.clone has no history.", "torch.clone")(
    lambda f, x, **k: f(x, **k).detach()
)
gradient_forms.result_gradient_changed(
    "autograd-clone-method-halves-the-gradient",
    "The gradient of the method clone is halved.",
    "Tensor.clone",
    change=scaled(0.5),
)


@fault("autograd-pickle-loses-requires-grad", "A tensor comes back from a pickle as a constant.")
def _(breaker: Any) -> None:
    def make(original: Function) -> Function:
        # Pickle finds it by its name.
        @functools.wraps(original)
        def broken(*a: Any, **k: Any) -> Any:
            return original(*a, **k).requires_grad_(requires_grad=False)

        return broken

    breaker.replace(("_utils._rebuild_tensor_v2",), make)


# Checkpoints.
replaced("autograd-checkpoint-does-not-recompute", "checkpoint calls its function once.", CHECKPOINT)(
    lambda _f, function, *a, **k: function(*a, **{key: k[key] for key in k if key != "use_reentrant"})
)
replaced("autograd-checkpoint-drops-keywords", "checkpoint drops its function's keywords.", CHECKPOINT)(
    lambda f, function, *a, use_reentrant, **_: f(function, *a, use_reentrant=use_reentrant)
)
answer_changed("autograd-checkpoint-reentrant-doubles-grads", "A reentrant checkpoint doubles gradients.", CHECKPOINT)(
    lambda y, *_, use_reentrant, **__: with_gradient(y, scaled(2)) if use_reentrant else y
)
