"""Faults of functions beyond one floating dtype: decimals, integers, complex numbers, exponents."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.power.older_forms.arguments import changed
from torch_conformance.conformance.power.registry import Function

Tensor = torch.Tensor


def _is_integral(x: Tensor) -> bool:
    return not x.is_floating_point() and not x.is_complex() and x.dtype != torch.bool


@changed("round-ignores-decimals", "torch.round rounds to whole numbers whatever is asked for.", (torch, "round"))
def _(f: Function, x: Tensor, *, decimals: int = 0, **options: Any) -> Any:
    return f(x, decimals=min(decimals, 0), **options)


@changed(
    "round-method-negative-decimals-positive", "Tensor.round takes the size of a number of decimals.", (Tensor, "round")
)
def _(f: Function, x: Tensor, *, decimals: int = 0) -> Any:
    return f(x, decimals=abs(decimals))


@changed("sqrt-of-integers-truncates", "torch.sqrt of integers gives whole numbers.", (torch, "sqrt"))
def _(f: Function, x: Tensor, **options: Any) -> Any:
    return f(x, **options).trunc() if _is_integral(x) else f(x, **options)


@changed("exp-method-of-integers-is-double", "Tensor.exp of integers is float64.", (Tensor, "exp"))
def _(f: Function, x: Tensor) -> Any:
    return f(x.double()) if x.dtype == torch.int64 else f(x)


@changed("log-of-bool-is-half", "torch.log of booleans is float16.", (torch, "log"))
def _(f: Function, x: Tensor, **options: Any) -> Any:
    return f(x, **options).half() if x.dtype == torch.bool else f(x, **options)


@changed("complex-sqrt-other-branch", "torch.sqrt of complex numbers gives the other root.", (torch, "sqrt"))
def _(f: Function, x: Tensor, **options: Any) -> Any:
    return torch.where(x.real < 0, -f(x), f(x)) if x.is_complex() and not options else f(x, **options)


@changed("complex-exp-method-drops-phase", "Tensor.exp of complex numbers drops a sign.", (Tensor, "exp"))
def _(f: Function, x: Tensor) -> Any:
    return f(x).conj() if x.is_complex() and x.numel() > 1 else f(x)


@changed("complex-angle-in-degrees", "torch.angle of complex numbers is off by a thousandth.", (torch, "angle"))
def _(f: Function, x: Tensor, **options: Any) -> Any:
    return f(x, **options) * 1.001 if x.is_complex() else f(x, **options)


@changed("float-power-of-float32-stays", "torch.float_power of float32 is float32.", (torch, "float_power"))
def _(f: Function, a: Any, b: Any, **options: Any) -> Any:
    return f(a, b, **options).float() if isinstance(a, Tensor) and a.dtype == torch.float32 else f(a, b, **options)


@changed(
    "float-power-method-of-integers-truncates",
    "Tensor.float_power of integers goes through int32.",
    (Tensor, "float_power"),
)
def _(f: Function, a: Tensor, b: Any) -> Any:
    return f(a, b).clamp(-(2.0**31), 2.0**31 - 1) if _is_integral(a) else f(a, b)


@changed("ldexp-drops-negative-exponents", "torch.ldexp takes negative powers for 0.", (torch, "ldexp"))
def _(f: Function, a: Tensor, b: Tensor) -> Any:
    return f(a, b.clamp(min=0))


@changed("frexp-mantissa-from-one-to-two", "torch.frexp gives mantissas from 1 to 2.", (torch, "frexp"))
def _(f: Function, x: Tensor, **options: Any) -> Any:
    mantissa, exponent = f(x, **options)
    return torch.return_types.frexp((mantissa * 2, exponent - 1))


@changed("nextafter-steps-upwards", "torch.nextafter steps toward infinity.", (torch, "nextafter"))
def _(f: Function, a: Tensor, b: Tensor, **options: Any) -> Any:
    return f(a, torch.full_like(b, float("inf")), **options)
