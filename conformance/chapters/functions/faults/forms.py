"""Faults of functions beyond one floating dtype: decimals, integers, complex numbers, exponents."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import of
from torch_conformance.conformance.power.forms import answered
from torch_conformance.conformance.power.registry import Function

_is_integral = of(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)

answered("round-ignores-decimals", "torch.round rounds to whole numbers whatever is asked for.", "torch.round")(
    lambda f, x, decimals=0, **k: f(x, decimals=min(decimals, 0), **k)
)
answered("round-method-negative-decimals-positive", "Tensor.round takes the size of decimals.", "Tensor.round")(
    lambda f, x, decimals=0: f(x, decimals=abs(decimals))
)
answered("sqrt-of-integers-truncates", "torch.sqrt of integers gives whole numbers.", "torch.sqrt")(
    lambda f, x, **k: f(x, **k).trunc() if _is_integral(x) else f(x, **k)
)
answered("exp-method-of-integers-is-double", "Tensor.exp of integers is float64.", "Tensor.exp")(
    lambda f, x: f(x.double() if x.dtype == torch.int64 else x)
)
answered("log-of-bool-is-half", "torch.log of booleans is float16.", "torch.log")(
    lambda f, x, **k: f(x, **k).half() if x.dtype == torch.bool else f(x, **k)
)
answered("complex-sqrt-other-branch", "torch.sqrt of complex numbers gives the other root.", "torch.sqrt")(
    lambda f, x, **k: torch.where(x.real < 0, -f(x), f(x)) if x.is_complex() and not k else f(x, **k)
)
answered("complex-exp-method-drops-phase", "Tensor.exp of complex numbers drops a sign.", "Tensor.exp")(
    lambda f, x: f(x).conj() if x.is_complex() and x.numel() > 1 else f(x)
)
answered("complex-angle-in-degrees", "torch.angle of complex numbers is off by a thousandth.", "torch.angle")(
    lambda f, x, **k: f(x, **k) * (1.001 if x.is_complex() else 1)
)
answered("float-power-of-float32-stays", "torch.float_power of float32 is float32.", "torch.float_power")(
    lambda f, a, b, **k: f(a, b, **k).float() if getattr(a, "dtype", None) == torch.float32 else f(a, b, **k)
)
answered("float-power-method-of-integers-truncates", "Tensor.float_power of integers clamps.", "Tensor.float_power")(
    lambda f, a, b: f(a, b).clamp(-(2.0**31), 2.0**31 - 1) if _is_integral(a) else f(a, b)
)
answered("ldexp-drops-negative-exponents", "torch.ldexp takes negative powers for 0.", "torch.ldexp")(
    lambda f, a, b: f(a, b.clamp(min=0))
)
answered("nextafter-steps-upwards", "torch.nextafter steps toward infinity.", "torch.nextafter")(
    lambda f, a, b, **k: f(a, torch.full_like(b, torch.inf), **k)
)


@answered("frexp-mantissa-from-one-to-two", "torch.frexp gives mantissas from 1 to 2.", "torch.frexp")
def _(f: Function, x: Tensor, **options: Any) -> Any:
    mantissa, exponent = f(x, **options)
    return torch.return_types.frexp((mantissa * 2, exponent - 1))
