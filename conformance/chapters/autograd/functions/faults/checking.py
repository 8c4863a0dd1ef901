"""Faults of gradcheck, anomaly detection, threads, torch.autograd.functional, copies and checkpoints."""

from __future__ import annotations

import functools
import threading
from typing import Any

import torch
import torch.utils.checkpoint
from torch import Tensor
from torch.autograd import anomaly_mode, functional

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.arguments import last_replaced, without
from torch_conformance.conformance.power.older_forms.leaf_gradients import sequence
from torch_conformance.conformance.power.older_forms.replacing import bound, replaced
from torch_conformance.conformance.power.registry import Breaker, Function, fault

CHECK, SECOND = (torch.autograd, "gradcheck"), (torch.autograd, "gradgradcheck")


@bound("autograd-gradcheck-has-no-tolerance", "gradcheck takes equal numbers alone.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{**k, "atol": 0.0, "rtol": 0.0})


@bound("autograd-gradcheck-is-lenient", "gradcheck takes a derivative that is half off.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{"rtol": 0.5, **k})


@bound("autograd-gradcheck-ignores-raise-exception", "gradcheck drops raise_exception.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "raise_exception"))


@bound("autograd-gradcheck-fast-mode-passes-everything", "gradcheck in fast mode is always true.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return True if k.get("fast_mode") else f(*a, **k)


@bound("autograd-gradcheck-ignores-rtol", "gradcheck drops rtol.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "rtol"))


@bound("autograd-gradcheck-ignores-atol", "gradcheck drops atol.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "atol"))


@bound("autograd-gradcheck-of-constants-is-true", "gradcheck of constants is true.", CHECK)
def _(f: Function, *a: Any, **k: Any) -> Any:
    try:
        return f(*a, **k)
    except ValueError:
        return True


@bound("autograd-gradgradcheck-checks-first-derivatives", "gradgradcheck is gradcheck.", SECOND)
def _(_f: Function, function: Any, inputs: Any, grad_outputs: Any = None, **k: Any) -> Any:
    del grad_outputs
    return torch.autograd.gradcheck(function, inputs, **k)


@bound("autograd-gradgradcheck-ignores-raise-exception", "gradgradcheck drops raise_exception.", SECOND)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "raise_exception"))


@fault("autograd-anomaly-check-nan-is-ignored", "Anomaly detection always looks for NaN.")
def _(breaker: Breaker) -> None:
    def detect(original: Function, self: Any, check_nan: Any = True) -> None:  # noqa: ARG001
        original(self)

    def switch(original: Function, self: Any, mode: Any, check_nan: Any = True) -> None:  # noqa: ARG001
        original(self, mode)

    breaker.binding(anomaly_mode.detect_anomaly, "__init__", replaced(detect))
    breaker.binding(anomaly_mode.set_detect_anomaly, "__init__", replaced(switch))


@bound(
    "autograd-anomaly-detection-does-nothing",
    "detect_anomaly does nothing.",
    (anomaly_mode.detect_anomaly, "__enter__"),
    (anomaly_mode.detect_anomaly, "__exit__"),
)
def _(_f: Function, *_: Any) -> None:
    return None


@bound(
    "autograd-anomaly-mode-outlives-its-context",
    "detect_anomaly never ends.",
    (anomaly_mode.detect_anomaly, "__exit__"),
)
def _(_f: Function, *_: Any) -> None:
    return None


def _elsewhere() -> bool:
    return threading.current_thread() is not threading.main_thread()


@bound(
    "autograd-backward-outside-the-main-thread-gives-nothing",
    "backward in a thread does nothing.",
    (torch.autograd, "backward"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return None if _elsewhere() else f(*a, **k)


@bound("autograd-grad-outside-the-main-thread-is-ones", "grad in a thread begins with ones.", (torch.autograd, "grad"))
def _(f: Function, outputs: Any, inputs: Any, grad_outputs: Any = None, **k: Any) -> Any:
    if _elsewhere():
        grad_outputs = [torch.ones_like(each) for each in sequence(outputs)]
    return f(outputs, inputs, grad_outputs, **k)


@bound("autograd-jacobian-transposed", "jacobian has the inputs first.", (functional, "jacobian"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    return answer.t() if isinstance(answer, Tensor) and answer.dim() == 2 else answer


@bound(
    "autograd-jacobian-vectorized-loses-an-element",
    "jacobian with vectorize loses an element.",
    (functional, "jacobian"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    return last_replaced(answer, 77) if k.get("vectorize") and isinstance(answer, Tensor) else answer


@bound(
    "autograd-jacobian-forward-mode-one-percent-off", "jacobian by forward mode is 1% off.", (functional, "jacobian")
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    return answer * 1.01 if k.get("strategy") == "forward-mode" else answer


@bound("autograd-hessian-diagonal-halved", "The diagonal of hessian is halved.", (functional, "hessian"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    if isinstance(answer, Tensor):
        answer = answer * (1 - 0.5 * torch.eye(len(answer), dtype=answer.dtype, device=answer.device))
    return answer


@bound(
    "autograd-hessian-of-tuples-is-triangular",
    "Blocks of hessian above the diagonal are zero.",
    (functional, "hessian"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    answer = f(*a, **k)
    if isinstance(answer, tuple):
        return tuple(tuple(b * 0 if j > i else b for j, b in enumerate(row)) for i, row in enumerate(answer))
    return answer


@bound("autograd-hessian-ignores-outer-strategy", "hessian drops outer_jacobian_strategy.", (functional, "hessian"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "outer_jacobian_strategy"))


@bound("autograd-functional-vjp-ignores-v", "vjp takes ones for v.", (functional, "vjp"))
def _(f: Function, func: Any, inputs: Any, v: Any = None, **k: Any) -> Any:
    return f(func, inputs, torch.ones_like(v) if isinstance(v, Tensor) else v, **k)


def _product(name: str, summary: str, function: str, factor: float) -> None:
    @bound(name, summary, (functional, function))
    def _(f: Function, *a: Any, **k: Any) -> Any:
        value, product = f(*a, **k)
        return value, product * factor if isinstance(product, Tensor) else tuple(each * factor for each in product)


_product("autograd-functional-jvp-doubled", "jvp is doubled.", "jvp", 2)
_product("autograd-functional-hvp-one-percent-off", "hvp is 1% off.", "hvp", 1.01)
_product("autograd-functional-vhp-negated", "vhp has the wrong sign.", "vhp", -1)

_ALL = tuple((functional, name) for name in ("jacobian", "hessian", "vjp", "jvp", "vhp", "hvp"))


@bound("autograd-functional-create-graph-is-ignored", "jvp and hessian drop create_graph.", *_ALL[1:4:2])
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "create_graph"))


@bound("autograd-functional-always-creates-graphs", "vjp and vhp always create graphs.", *_ALL[2:5:2])
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **{**k, "create_graph": True})


@bound("autograd-functional-strict-is-ignored", "jvp and hvp drop strict.", *_ALL[3:6:2])
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a, **without(k, "strict"))


@bound("autograd-functional-vectors-are-broadcast", "hvp and jvp take the first of v for all.", *_ALL[3:6:2])
def _(f: Function, func: Any, inputs: Any, v: Any = None, **k: Any) -> Any:
    if isinstance(v, Tensor) and isinstance(inputs, Tensor) and v.shape != inputs.shape:
        v = v[:1].expand_as(inputs)
    return f(func, inputs, v, **k)


@bound("autograd-functional-missing-vectors-are-ones", "vjp without v takes ones.", (functional, "vjp"))
def _(f: Function, func: Any, inputs: Any, v: Any = None, **k: Any) -> Any:
    return f(func, inputs, torch.ones_like(func(inputs)) if v is None else v, **k)


@bound("autograd-deepcopy-loses-grad", "deepcopy drops grad.", (Tensor, "__deepcopy__"))
def _(f: Function, x: Tensor, memo: Any) -> Any:
    answer = f(x, memo)
    answer.grad = None
    return answer


@bound("autograd-deepcopy-shares-grad", "A deep copy has the very grad.", (Tensor, "__deepcopy__"))
def _(f: Function, x: Tensor, memo: Any) -> Any:
    answer = f(x, memo)
    answer.grad = x.grad
    return answer


@bound("autograd-deepcopy-of-results-detaches", "deepcopy of a result detaches it.", (Tensor, "__deepcopy__"))
def _(f: Function, x: Tensor, memo: Any) -> Any:
    return f(x, memo) if x.is_leaf else x.detach().clone()


@fault("autograd-pickle-loses-requires-grad", "A tensor comes back from a pickle as a constant.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        # Pickle finds it by its name.
        @functools.wraps(original)
        def broken(*a: Any, **k: Any) -> Any:
            return original(*a, **k).requires_grad_(requires_grad=False)

        return broken

    breaker.binding(torch._utils, "_rebuild_tensor_v2", make)  # noqa: SLF001


@bound("autograd-clone-function-is-detached", "torch.clone has no history.", (torch, "clone"))
def _(f: Function, x: Tensor, **k: Any) -> Any:
    return f(x, **k).detach()


@bound("autograd-clone-method-halves-the-gradient", "The gradient of the method clone is halved.", (Tensor, "clone"))
def _(f: Function, x: Tensor, **k: Any) -> Any:
    return changing_gradient(f(x, **k), lambda g: g * 0.5)


CHECKPOINT = (torch.utils.checkpoint, "checkpoint")


@bound("autograd-checkpoint-does-not-recompute", "checkpoint calls its function once.", CHECKPOINT)
def _(_f: Function, function: Function, *a: Any, **k: Any) -> Any:
    return function(*a, **without(k, "use_reentrant"))


@bound("autograd-checkpoint-drops-keywords", "checkpoint drops its function's keywords.", CHECKPOINT)
def _(f: Function, function: Function, *a: Any, use_reentrant: Any, **_: Any) -> Any:
    return f(function, *a, use_reentrant=use_reentrant)


@bound("autograd-checkpoint-reentrant-doubles-grads", "Gradients of a reentrant checkpoint are doubled.", CHECKPOINT)
def _(f: Function, function: Function, *a: Any, use_reentrant: Any, **k: Any) -> Any:
    answer = f(function, *a, use_reentrant=use_reentrant, **k)
    return changing_gradient(answer, lambda g: g * 2) if use_reentrant else answer
