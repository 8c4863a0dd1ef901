"""Faults of arithmetic: operands swapped or dropped, modes and scales ignored, checks left out."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import Change, is_strided
from torch_conformance.conformance.power.forms import answered, refusal_forgiven
from torch_conformance.conformance.power.registry import Function


def _is_exact(x: Any) -> bool:
    return isinstance(x, Tensor) and not x.is_floating_point() and not x.is_complex()


def _is_floating(x: Any) -> bool:
    return isinstance(x, Tensor) and x.is_floating_point()


_mode_changed = functools.partial(option_changed, option="rounding_mode")


def _taken(wanted: str, given: str) -> Change:
    return lambda mode: given if mode == wanted else mode


def _known(mode: Any) -> Any:
    return mode if mode in ("trunc", "floor") else None


def _shorter(f: Function, a: Tensor, b: Any) -> Any:
    length = min(a.shape[-1], b.shape[-1])
    return f(a[..., :length], b[..., :length])


@answered("add-method-forgets-to-broadcast", "Tensor.add takes one element of a repeated operand.", "Tensor.add")
def _(f: Function, a: Tensor, b: Any, **options: Any) -> Any:
    result = f(a, b, **options)
    if isinstance(b, Tensor) and b.dim() and a.dim() and a.shape != b.shape and result.numel() > 1:
        return f(a.broadcast_to(result.shape), b.reshape(-1)[:1] if b.numel() else b, **options)
    return result


refusal_forgiven(
    "add-truncates-to-the-shorter",
    "The operator + cuts operands of other sizes to the shorter one.",
    "Tensor.__add__",
    instead=_shorter,
)
refusal_forgiven(
    "division-by-zero-gives-zero",
    "Integer division by zero with rounding gives zero.",
    "Tensor.__floordiv__",
    instead=lambda _f, a, *_a: torch.zeros_like(a),
)

# Operands swapped, taken for others, or computed by another function.
answered("reflected-subtraction-swaps", "A number minus a tensor is the tensor minus the number.", "Tensor.__rsub__")(
    lambda _f, a, n: a - n
)
answered("reflected-division-swaps", "A number divided by a tensor is the reverse.", "Tensor.__rtruediv__")(
    lambda _f, a, n: a / n
)
answered("reflected-power-swaps", "A number to the power of a tensor is the reverse.", "Tensor.__rpow__")(
    lambda _f, a, n: torch.pow(a, n)
)
answered("lerp-swaps-ends", "Tensor.lerp goes from the end to the start.", "Tensor.lerp")(lambda f, a, b, w: f(b, a, w))
answered("number-on-the-left-is-ignored-when-strided", "n + a of a strided a gives a.", "Tensor.__radd__")(
    lambda f, a, n: a.clone() if is_strided(a) else f(a, n)
)
answered("bool-subtraction-is-xor", "Subtraction of booleans gives their exclusive or.", "torch.sub")(
    lambda f, a, b, **k: a ^ b if isinstance(a, Tensor) and a.dtype == torch.bool else f(a, b, **k)
)
answered("sub-applies-alpha-to-the-first", "torch.sub multiplies the first operand by alpha.", "torch.sub")(
    lambda f, a, b, alpha=1, **k: f(a * alpha, b, **k)
)
answered("isclose-is-symmetric", "torch.isclose takes the larger size for the relative tolerance.", "torch.isclose")(
    lambda f, a, b, **k: f(a, b, **k) | f(b, a, **k)
)
answered("equal-skips-the-last-element", "torch.equal does not look at the last element.", "torch.equal")(
    lambda f, a, b: a.shape == b.shape and bool(f(a.reshape(-1)[:-1], b.reshape(-1)[:-1]))
)
answered("equal-ignores-size", "torch.equal compares elements and not sizes.", "torch.equal")(
    lambda f, a, b: f(a.reshape(-1), b.reshape(-1))
)

# Options and exponents ignored or taken for others.
option_changed("add-method-ignores-alpha", "Tensor.add takes alpha for 1.", "Tensor.add", option="alpha")
option_changed("addcmul-ignores-value", "Tensor.addcmul takes value for 1.", "Tensor.addcmul", option="value")
option_changed("addcdiv-ignores-value", "Tensor.addcdiv_ takes value for 1.", "Tensor.addcdiv_", option="value")
answered("add-truncates-alpha", "torch.add takes the whole part of alpha for integer operands.", "torch.add")(
    lambda f, a, b, alpha=1, **k: f(a, b, alpha=int(alpha) if _is_exact(a) and type(alpha) is float else alpha, **k)
)
_mode_changed("floor-mode-truncates", "torch.div truncates for floor.", "torch.div", change=_taken("floor", "trunc"))
_mode_changed("trunc-mode-floors", "Tensor.div floors for trunc.", "Tensor.div", change=_taken("trunc", "floor"))
_mode_changed("rounding-mode-is-not-checked", "torch.div ignores unknown rounding modes.", "torch.div", change=_known)
answered("pow-half-is-off", "Tensor.pow with exponent 0.5 takes 0.5009765625.", "Tensor.pow")(
    lambda f, a, n: f(a, 0.5009765625 if isinstance(n, float) and n == 0.5 else n)
)
answered("allclose-ignores-equal-nan", "torch.allclose takes equal_nan for its opposite.", "torch.allclose")(
    lambda f, a, b, equal_nan=False, **k: f(a, b, equal_nan=not equal_nan, **k)
)


# Results off for some dtypes or values.
@answered("integer-power-through-float", "torch.pow computes powers of integers in float32.", "torch.pow")
def _(f: Function, a: Any, b: Any, **options: Any) -> Any:
    if _is_exact(a) and a.dtype != torch.bool:
        return f(a.float(), b.float() if isinstance(b, Tensor) else float(b), **options).clamp(-1e9, 1e9).to(a.dtype)
    return f(a, b, **options)


@answered("complex-product-drops-a-cross-term", "a * b loses a product of imaginary parts.", "Tensor.__mul__")
def _(f: Function, a: Tensor, b: Any) -> Any:
    result = f(a, b)
    complex_ = isinstance(b, Tensor) and a.is_complex() and b.is_complex()
    return torch.complex(f(a.real, b.real), result.imag) if complex_ else result


answered("integer-division-truncates", "a / b truncates quotients of integers to whole numbers.", "Tensor.__truediv__")(
    lambda f, a, b: f(a, b).trunc() if _is_exact(a) else f(a, b)
)
answered("negative-integer-power-gives-zero", "Negative powers of integers are zero.", "Tensor.__pow__")(
    lambda f, a, n: torch.zeros_like(a) if isinstance(n, int) and n < 0 and not a.is_floating_point() else f(a, n)
)
answered("nan-to-the-zero-is-nan", "torch.pow gives NaN for NaN to the power of zero.", "torch.pow")(
    lambda f, a, b, **k: torch.where(a.isnan(), a, f(a, b, **k)) if _is_floating(a) else f(a, b, **k)
)
answered("clamp-lets-nan-become-low", "torch.clamp turns NaN, or 127, into another number.", "torch.clamp")(
    lambda f, a, *b, **k: torch.where(a.isnan(), 2, f(a, *b, **k)) if _is_floating(a) else f(a, *b, **k) + (a == 127)
)
answered("clamp-min-is-exclusive", "Tensor.clamp_min moves elements at the lower end up by one.", "Tensor.clamp_min")(
    lambda f, a, low: f(a, low) + (a <= low)
)
answered("nan-to-num-forgets-negative-infinity", "torch.nan_to_num leaves negative infinity.", "torch.nan_to_num")(
    lambda f, a, **k: torch.where(a == -torch.inf, a, f(a, **k))
)
