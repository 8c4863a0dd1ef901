"""Faults of second derivatives and of forward mode that first derivatives in reverse mode do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from torch_conformance.conformance.power.older_forms.altering import gradient_changed
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

gradient_changed(
    "gradient-double-sigmoid-off",
    "The second derivative of sigmoid is 1% too large, the first is right.",
    ((torch, "sigmoid"), (Tensor, "sigmoid"), (torch.special, "expit")),
    lambda g: g + 0.01 * (g - g.detach()),
)
gradient_changed(
    "gradient-double-atan2-by-b-lost",
    "The gradient of atan2 by its second operand has no gradient.",
    ((torch, "atan2"), (Tensor, "atan2"), (torch, "arctan2"), (Tensor, "arctan2")),
    lambda g: g.detach(),
    which=1,
)

_MULTIPLICATIONS = ((torch, "mul"), (Tensor, "mul"), (Tensor, "__mul__"), (torch, "multiply"), (Tensor, "multiply"))


# Torch leaves these without types.
_unpack_dual: Callable[..., Any] = forward_ad.unpack_dual
_make_dual: Callable[..., Any] = forward_ad.make_dual


def _tangent_of(x: Any) -> Tensor | None:
    """Return the tangent of a dual number of the level entered, None where there is none."""
    if not isinstance(x, Tensor) or forward_ad._current_level < 0:  # noqa: SLF001
        return None
    tangent: Tensor | None = _unpack_dual(x).tangent
    return tangent


@bound("gradient-forward-log1p-off", "Forward mode of log1p is 1% too small.", (torch, "log1p"), (Tensor, "log1p"))
def _(f: Function, x: Any, *a: Any, **k: Any) -> Any:
    y = f(x, *a, **k)
    tangent = _tangent_of(y)
    if tangent is None:
        return y
    primal = _unpack_dual(y).primal
    return _make_dual(primal, tangent * 0.99)


@bound("gradient-forward-mul-second-lost", "Forward mode of mul forgets the second tangent.", *_MULTIPLICATIONS)
def _(f: Function, x: Any, y: Any, *a: Any, **k: Any) -> Any:
    if _tangent_of(x) is not None and _tangent_of(y) is not None:
        y = _unpack_dual(y).primal
    return f(x, y, *a, **k)
