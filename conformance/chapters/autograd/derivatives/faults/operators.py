"""Faults of second derivatives and of forward mode that first derivatives in reverse mode do not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd import forward_ad

from torch_conformance.conformance.power.forms import answer_changed, both, replaced
from torch_conformance.conformance.power.gradient_forms import gradient_changed
from torch_conformance.conformance.power.registry import Function

gradient_changed(
    "gradient-double-sigmoid-off",
    "The second derivative of sigmoid is 1% too large, the first is right.",
    *both("sigmoid"),
    "special.expit",
    change=lambda g: g + 0.01 * (g - g.detach()),
)
gradient_changed(
    "gradient-double-atan2-by-b-lost",
    "The gradient of atan2 by its second operand has no gradient.",
    *both("atan2", "arctan2"),
    change=Tensor.detach,
    which=1,
)

# Torch leaves these without types.
_unpack_dual: Callable[..., Any] = forward_ad.unpack_dual
_make_dual: Callable[..., Any] = forward_ad.make_dual


def _tangent_of(x: Any) -> Tensor | None:
    """Return the tangent of a dual number of the level entered, None where there is none."""
    if not isinstance(x, Tensor) or forward_ad._current_level < 0:  # noqa: SLF001
        return None
    tangent: Tensor | None = _unpack_dual(x).tangent
    return tangent


@answer_changed("gradient-forward-log1p-off", "Forward mode of log1p is 1% too small.", *both("log1p"))
def _(y: Any, *_a: Any, **_k: Any) -> Any:
    tangent = _tangent_of(y)
    return None if tangent is None else _make_dual(_unpack_dual(y).primal, tangent * 0.99)


_PRODUCTS = (*both("mul", "multiply"), "Tensor.__mul__")


@replaced("gradient-forward-mul-second-lost", "Forward mode of mul forgets the second tangent.", *_PRODUCTS)
def _(f: Function, x: Any, y: Any, *a: Any, **k: Any) -> Any:
    if _tangent_of(x) is not None and _tangent_of(y) is not None:
        y = _unpack_dual(y).primal
    return f(x, y, *a, **k)
