"""Faults of gradients of gradients: the first gradient stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


def _changed_back(change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a tensor's copy whose own gradient is changed where it is differentiated itself."""
    return lambda g: changing_gradient(g, change) if g.requires_grad and torch.is_grad_enabled() else g


def _twice(name: str, summary: str, function: str, change: Callable[[Tensor], Tensor]) -> None:
    """Register a fault of what passes through the gradient of a function's result, at its second differentiation."""

    def answer(f: Function, *a: Any, **k: Any) -> Any:
        y = f(*a, **k)
        return changing_gradient(y, change) if y.requires_grad and torch.is_grad_enabled() else y

    bound(name, summary, (functional, function))(answer)


_twice("nn-second-linear-detached", "linear's gradient is cut off its factors.", "linear", Tensor.detach)
_twice("nn-second-conv2d-detached", "conv2d's gradient is cut off its factors.", "conv2d", Tensor.detach)
_twice("nn-second-softmax-detached", "softmax's gradient is cut off its result.", "softmax", Tensor.detach)
_twice(
    "nn-second-cross-entropy-detached",
    "cross_entropy's gradient is cut off the loss's.",
    "cross_entropy",
    Tensor.detach,
)
_twice("nn-second-layer-norm-detached", "layer_norm's gradient is cut off the result's.", "layer_norm", Tensor.detach)
_twice("nn-second-batch-norm-detached", "batch_norm's gradient is cut off the result's.", "batch_norm", Tensor.detach)
for _function in ("conv_transpose1d", "gelu", "mse_loss"):
    _twice(
        f"nn-second-{_function.replace('_', '-')}-one-percent-off",
        f"The second derivative of {_function} is 1% off.",
        _function,
        _changed_back(lambda g: g * 1.01),
    )
