"""Faults of the gradients of elementwise operators: one or two for each, of classes in turn."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.altering import (
    gradient_changed,
    gradients_exchanged,
    in_storage_order,
    last_lost,
    passed_straight,
    scaled,
)

FLAT = ("sign", "ceil", "floor", "round", "trunc")
UNARY = (
    *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh"),
    *("cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "sigmoid", "sinc", "lgamma", "digamma", "logit"),
    *("sqrt", "rsqrt", "reciprocal", "square", "abs", "neg", "positive", "frac", "rad2deg", "deg2rad"),
)
BINARY = (
    *("add", "sub", "mul", "div", "pow", "atan2", "hypot", "logaddexp", "logaddexp2", "xlogy"),
    *("copysign", "maximum", "minimum", "fmax", "fmin", "fmod", "remainder"),
)
_GRAIN = 32_768


def _is_strided(x: Tensor) -> bool:
    return not x.is_contiguous()


def _unary(name: str, turn: int) -> None:
    function, method = ((torch, name),), ((Tensor, name),)
    off = f"gradient-{name}-one-percent-off"
    if turn % 2:
        gradient_changed(off, f"The gradient of torch.{name} is 1% too large.", function, scaled(1.01))
    else:
        gradient_changed(off, f"The gradient of Tensor.{name} is 1% too small.", method, scaled(0.99))
    match turn % 6:
        case 0:
            text = f"The gradient of Tensor.{name} has the other sign beyond 16 elements."
            gradient_changed(
                f"gradient-{name}-negated-when-many", text, method, scaled(-1), when=lambda x: x.numel() > 16
            )
        case 1:
            text = f"The gradient of torch.{name} is doubled for strided tensors."
            gradient_changed(f"gradient-{name}-doubled-when-strided", text, function, scaled(2), when=_is_strided)
        case 2:
            text = f"The gradient of torch.{name} misses the last element."
            gradient_changed(f"gradient-{name}-last-lost", text, function, last_lost)
        case 3:
            text = f"The gradient of torch.{name} misses the last element beyond the parallel grain."
            gradient_changed(
                f"gradient-{name}-last-lost-beyond-the-grain",
                text,
                (*function, *method),
                last_lost,
                when=lambda x: x.numel() > _GRAIN,
            )
        case 4:
            text = f"The gradient of torch.{name} is 1% off for 0-d tensors."
            gradient_changed(
                f"gradient-{name}-off-when-0-d", text, (*function, *method), scaled(1.01), when=lambda x: not x.dim()
            )
        case _:
            text = f"The gradient of Tensor.{name} reads the incoming one in the order of storage."
            gradient_changed(f"gradient-{name}-in-storage-order", text, method, in_storage_order)


def _binary(name: str, turn: int) -> None:
    function, method = (torch, name), (Tensor, name)
    if name in ("add", "sub"):
        text = f"The gradient of torch.{name} by its second operand is 1% off."
        gradient_changed(f"gradient-{name}-second-off", text, (function,), scaled(1.01), which=1)
    else:
        gradients_exchanged(f"gradient-{name}-operands-exchanged", f"torch.{name} exchanges the gradients.", function)
    which = turn % 2
    if name == "copysign":
        which = 0
    changes = (("negated", scaled(-1)), ("one-percent-off", scaled(1.01)), ("last-lost", last_lost))
    word, change = changes[turn % 3]
    text = f"The gradient of Tensor.{name} by operand {'ab'[which]} is wrong: {word}."
    gradient_changed(f"gradient-{name}-{'ab'[which]}-{word}", text, (method,), change, which=which)


for _turn, _name in enumerate(UNARY):
    _unary(_name, _turn)
for _turn, _name in enumerate(BINARY):
    _binary(_name, _turn)
for _name in FLAT:
    passed_straight(f"gradient-{_name}-passed-straight", f"torch.{_name} passes the gradient as it is.", (torch, _name))
