"""Faults of scans, of accuracy, and of exponentials."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import Change, is_many, is_strided, of
from torch_conformance.conformance.power.forms import afterwards, answered, both
from torch_conformance.conformance.power.registry import Function

_is_half = of(torch.float16, torch.bfloat16)


def _pair(result: Any, values: Tensor, indices: Tensor) -> Any:
    return type(result)((values, indices))


def _is_columns(x: Tensor) -> bool:
    return x.dim() == 2 and x.stride(0) == 1 and x.size(0) > 1 and x.size(1) > 1


def _instead(order: float, taken: float) -> Change:
    return lambda given: taken if given == order else given


def _halves(x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Return the first and the second half of every lane."""
    half = x.size(dim) // 2
    return x.narrow(dim, 0, half), x.narrow(dim, half, x.size(dim) - half)


# Scans.
@answered("cumprod-restarts-beyond-grain", "cumprod of many elements restarts.", *both("cumprod"))
def _(f: Function, x: Tensor, dim: int, **k: Any) -> Any:
    if is_many(x) and x.size(dim) > 100:
        return torch.cat([f(each, dim, **k) for each in _halves(x, dim)], dim)
    return f(x, dim, **k)


afterwards("logcumsumexp-method-misses-last", "The method logcumsumexp ends one early.", "Tensor.logcumsumexp")(
    lambda r, x, dim: r.select(dim, -1).copy_(r.select(dim, -2)) if x.dim() and x.size(dim) > 1 else None
)


@answered("cummax-indices-are-positions", "The indices of cummax are positions.", "torch.cummax")
def _(f: Function, x: Tensor, dim: int, **k: Any) -> Any:
    result = f(x, dim, **k)
    return result if "out" in k else _pair(result, result[0], torch.ones_like(result[1]).cumsum(dim) - 1)


@answered("cummax-method-of-strided-restarts", "cummax of strided tensors restarts midway.", "Tensor.cummax")
def _(f: Function, x: Tensor, dim: int) -> Any:
    if not is_strided(x) or x.size(dim) <= 2:
        return f(x, dim)
    first, second = (f(each, dim) for each in _halves(x, dim))
    indices = torch.cat([first[1], second[1] + x.size(dim) // 2], dim)
    return _pair(first, torch.cat([first[0], second[0]], dim), indices)


afterwards("cummin-last-index-zero", "The last index of cummin is 0.", "torch.cummin")(
    lambda r, x, dim, **_k: r[1].select(dim, -1).zero_() if x.dim() and x.numel() > 1 else None
)


answered("cumsum-method-exclusive", "The method cumsum leaves out each element itself.", "Tensor.cumsum")(
    lambda f, x, *a, **k: f(x, *a, **k) - x
)
answered("cumsum-of-transposed-along-storage", "cumsum of columns runs along the other dim.", "torch.cumsum")(
    lambda f, x, dim, **k: f(x, 1 - dim % 2 if _is_columns(x) and "out" not in k else dim, **k)
)
answered("cumsum-in-place-returns-copy", "cumsum_ returns a copy.", "Tensor.cumsum_")(
    lambda f, *a, **k: f(*a, **k).clone()
)
answered("cumprod-method-stops-at-zero", "The method cumprod forgets signs.", "Tensor.cumprod")(
    lambda f, x, *a, **k: f(x.abs() if x.is_floating_point() else x, *a, **k)
)
answered("logcumsumexp-negative-dim-off", "logcumsumexp takes dim -2 for -1.", "torch.logcumsumexp")(
    lambda f, x, dim, **k: f(x, -2 if dim == -1 and x.dim() > 1 else dim, **k)
)
answered("logcumsumexp-overflows", "logcumsumexp is the logarithm of cumsum of exp.", "torch.logcumsumexp")(
    lambda _f, x, *a, **k: torch.log(torch.cumsum(torch.exp(x), *a, **k))
)
answered("cummax-forgets-nan", "cummax takes NaN for 0.", "torch.cummax")(
    lambda f, x, *a, **k: f(x.nan_to_num(0.0, torch.inf, -torch.inf) if x.is_floating_point() else x, *a, **k)
)
answered("cummin-method-is-cummax-for-uint8", "The method cummin of uint8 is cummax.", "Tensor.cummin")(
    lambda f, x, *a, **k: torch.cummax(x, *a, **k) if x.dtype == torch.uint8 else f(x, *a, **k)
)

# Accuracy.
for _place in ("torch.sum", "torch.mean", "Tensor.cumsum"):
    _operator = _place.partition(".")[2]
    answered(f"{_operator}-of-float64-in-float32", f"{_place} of float64 adds in float32.", _place)(
        lambda f, x, *a, **k: f(x.float(), *a).double() if x.dtype == torch.float64 and not k else f(x, *a, **k)
    )


@answered("sum-of-strided-complex-in-half", "sum of strided complex64 rounds its elements.", "Tensor.sum")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype == torch.complex64 and is_strided(x):
        x = torch.complex(x.real.bfloat16().float(), x.imag.bfloat16().float())
    return f(x, *a, **k)


@answered("prod-through-logarithms", "prod of float32 is the exponential of a sum of logarithms.", "torch.prod")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype != torch.float32 or k:
        return f(x, *a, **k)
    return torch.exp(torch.sum(torch.log(x.abs()), *a)) * torch.sign(f(torch.sign(x), *a)) * (1 + 2.0**-13)


@answered("sum-of-half-in-half", "sum of float16 rounds partial sums.", "torch.sum")
def _(f: Function, x: Tensor, dim: Any = None, *a: Any, **k: Any) -> Any:
    if x.dtype != torch.float16 or k or a or x.numel() < 1_000:
        return f(x, dim, *a, **k)
    lanes = x.movedim(dim, 0)
    total = torch.zeros_like(lanes[0])
    for row in lanes[:3_000]:
        total = total + row
    return total


answered("vector-norm-of-bfloat16-in-bfloat16", "vector_norm of bfloat16 is at most 256.", "linalg.vector_norm")(
    lambda f, x, *a, **k: f(x, *a, **k).clamp(max=256) if x.dtype == torch.bfloat16 else f(x, *a, **k)
)
answered("mean-of-half-overflows", "mean of float16 is four thousandths too large.", *both("mean"))(
    lambda f, x, *a, **k: f(x, *a, **k) * (1.004 if x.dtype == torch.float16 and not k else 1)
)
answered("var-of-half-in-half", "var of many 16-bit numbers is two hundredths too large.", "torch.var")(
    lambda f, x, *a, **k: f(x, *a, **k) * (1.02 if _is_half(x) and x.numel() > 1_000 else 1)
)

# Moments and norms.
option_changed("std-method-unbiased-ignored", "std drops unbiased.", "Tensor.std", option="unbiased", place=2)
answered("var-correction-two-is-one", "var takes any correction but 0 for 1.", *both("var"))(
    lambda f, x, *a, **k: f(x, *a, **k | ({"correction": 1} if k.get("correction", 0) > 1 else {}))
)
answered("vector-norm-zero-counts-all", "vector_norm of order 0 counts zeros.", "linalg.vector_norm")(
    lambda f, x, *a, **k: f(x if k.get("ord", a[0] if a else 2) else torch.ones_like(x), *a, **k)
)
for _name, _place, _option, _order, _taken in (
    ("vector-norm-minus-infinity-is-infinity", "linalg.vector_norm", "ord", -torch.inf, torch.inf),
    ("norm-of-half-order-is-one", "Tensor.norm", "p", 0.5, 1),
):
    _summary = f"{_place} of order {_order} is that of order {_taken}."
    option_changed(_name, _summary, _place, option=_option, place=1, change=_instead(_order, _taken))

# Exponentials.
answered("softmax-over-last-dim-only", "softmax runs along the last dim.", "torch.softmax")(
    lambda f, x, dim, *a, **k: f(x, dim * 0 - 1, *a, **k)
)
answered(
    "softmax-method-of-strided-unnormalised", "softmax of strided tensors is a twentieth short.", "Tensor.softmax"
)(lambda f, x, *a, **k: f(x, *a, **k) * (0.95 if is_strided(x) else 1))
answered("log-softmax-functional-base-two", "F.log_softmax is to base 2.", "F.log_softmax")(
    lambda f, *a, **k: f(*a, **k) * 1.4426950408889634
)


afterwards("log-softmax-last-of-lane-off", "log_softmax misses one of more than 16.", "torch.log_softmax")(
    lambda r, x, dim, *_a, **_k: r.select(dim, -1).sub_(1) if x.dim() and x.size(dim) > 16 else None
)


@answered("softmax-without-shift", "softmax exponentiates its input as it is.", *both("softmax"))
def _(_f: Function, x: Tensor, dim: int, **_k: Any) -> Any:
    weights = torch.exp(x)
    return weights / weights.sum(dim, keepdim=True)
