"""Faults of scans, of accuracy, and of exponentials."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import (
    changed,
    dim_of,
    is_many,
    is_strided,
    with_dim,
    without,
)
from torch_conformance.conformance.power.registry import Function

_HALF = (torch.float16, torch.bfloat16)


@changed("cumsum-method-exclusive", "The method cumsum leaves out each element itself.", (Tensor, "cumsum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) - x


@changed(
    "cumsum-of-transposed-along-storage", "cumsum of a transposed matrix runs along the other dim.", (torch, "cumsum")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 and x.size(0) > 1 and x.size(1) > 1 and "out" not in k:
        a, k = with_dim(a, k, 1 - dim_of(a, k) % 2)
    return f(x, *a, **k)


@changed("cumsum-in-place-returns-copy", "cumsum_ returns a copy.", (Tensor, "cumsum_"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).clone()


@changed("cumprod-restarts-beyond-grain", "cumprod of many elements restarts.", (torch, "cumprod"), (Tensor, "cumprod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    dim = dim_of(a, k)
    if is_many(x) and x.size(dim) > 100:
        half = x.size(dim) // 2
        result = torch.cat([result.narrow(dim, 0, half), f(x.narrow(dim, half, x.size(dim) - half), dim)], dim)
    return result


@changed("cumprod-method-stops-at-zero", "The method cumprod forgets signs.", (Tensor, "cumprod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.abs() if x.is_floating_point() else x, *a, **k)


@changed("logcumsumexp-negative-dim-off", "logcumsumexp takes dim -2 for -1.", (torch, "logcumsumexp"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if dim_of(a, k) == -1 and x.dim() > 1:
        a, k = with_dim(a, k, -2)
    return f(x, *a, **k)


@changed("logcumsumexp-method-misses-last", "The method logcumsumexp ends one early.", (Tensor, "logcumsumexp"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    dim = dim_of(a, k)
    if x.dim() and x.size(dim) > 1:
        result.select(dim, -1).copy_(result.select(dim, -2))
    return result


def _pair(result: Any, values: Tensor, indices: Tensor) -> Any:
    return type(result)((values, indices))


@changed("cummax-forgets-nan", "cummax forgets a NaN.", (torch, "cummax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.nan_to_num(0.0, float("inf"), -float("inf")) if x.is_floating_point() else x, *a, **k)


@changed("cummax-indices-are-positions", "The indices of cummax are positions.", (torch, "cummax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    places = torch.ones_like(result[1]).cumsum(dim_of(a, k)) - 1 if "out" not in k else result[1]
    return _pair(result, result[0], places)


@changed(
    "cummax-method-of-strided-restarts", "The method cummax of strided tensors restarts midway.", (Tensor, "cummax")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if is_strided(x) and x.size(dim) > 2:
        half = x.size(dim) // 2
        parts = [f(x.narrow(dim, 0, half), dim), f(x.narrow(dim, half, x.size(dim) - half), dim)]
        return _pair(parts[0], torch.cat([p[0] for p in parts], dim), torch.cat([parts[0][1], parts[1][1] + half], dim))
    return f(x, *a, **k)


@changed("cummin-method-is-cummax-for-uint8", "The method cummin of uint8 is cummax.", (Tensor, "cummin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.cummax(x, *a, **k) if x.dtype == torch.uint8 else f(x, *a, **k)


@changed("cummin-last-index-zero", "The last index of cummin is 0.", (torch, "cummin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.dim() and x.numel() > 1:
        result[1].select(dim_of(a, k), -1).zero_()
    return result


def _narrowed(name: str, summary: str, attribute: str, owner: Any, wide: torch.dtype, narrow: torch.dtype) -> None:
    """Register a fault that computes in a narrower dtype."""

    @changed(name, summary, (owner, attribute))
    def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        if x.dtype != wide or k:
            return f(x, *a, **k)
        return f(x.to(narrow), *a).to(wide)


_SINGLE, _DOUBLE = torch.float32, torch.float64
_narrowed("sum-of-float64-in-float32", "sum of float64 adds in float32.", "sum", torch, _DOUBLE, _SINGLE)
_narrowed("mean-of-float64-in-float32", "mean of float64 adds in float32.", "mean", torch, _DOUBLE, _SINGLE)
_narrowed("cumsum-of-float64-in-float32", "cumsum of float64 adds in float32.", "cumsum", Tensor, _DOUBLE, _SINGLE)


@changed("sum-of-strided-complex-in-half", "sum of strided complex64 rounds its elements.", (Tensor, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype == torch.complex64 and is_strided(x):
        x = torch.complex(x.real.bfloat16().float(), x.imag.bfloat16().float())
    return f(x, *a, **k)


@changed("prod-through-logarithms", "prod of float32 is the exponential of a sum of logarithms.", (torch, "prod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype != _SINGLE or k:
        return f(x, *a, **k)
    return torch.exp(torch.sum(torch.log(x.abs()), *a)) * torch.sign(f(torch.sign(x), *a)) * (1 + 2.0**-13)


@changed("var-correction-two-is-one", "var takes any correction but 0 for 1.", (torch, "var"), (Tensor, "var"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if k.get("correction", 0) > 1:
        k["correction"] = 1
    return f(x, *a, **k)


@changed("std-method-unbiased-ignored", "The method std drops unbiased.", (Tensor, "std"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "unbiased"))


def _order(a: tuple[Any, ...], k: dict[str, Any]) -> Any:
    return k.get("ord", k.get("p", a[0] if a else 2))


def _with_order(a: tuple[Any, ...], k: dict[str, Any], order: float) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for name in ("ord", "p"):
        if name in k:
            return a, {**k, name: order}
    return (order, *a[1:]), k


@changed("vector-norm-zero-counts-all", "vector_norm of order 0 counts zeros.", (torch.linalg, "vector_norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(torch.ones_like(x) if _order(a, k) == 0 else x, *a, **k)


@changed("vector-norm-minus-infinity-is-infinity", "Order -inf is inf.", (torch.linalg, "vector_norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if _order(a, k) == -float("inf"):
        a, k = _with_order(a, k, float("inf"))
    return f(x, *a, **k)


@changed("norm-of-half-order-is-one", "The method norm of order 0.5 is that of order 1.", (Tensor, "norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if _order(a, k) == 0.5:
        a, k = _with_order(a, k, 1)
    return f(x, *a, **k)


@changed("softmax-over-last-dim-only", "softmax runs along the last dim.", (torch, "softmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    a, k = with_dim(a, k, -1)
    return f(x, *a, **k)


@changed(
    "softmax-method-of-strided-unnormalised",
    "The method softmax of strided tensors is a twentieth short.",
    (Tensor, "softmax"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result * 0.95 if is_strided(x) else result


@changed("log-softmax-last-of-lane-off", "log_softmax misses one of more than 16.", (torch, "log_softmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    dim = dim_of(a, k)
    if x.dim() and x.size(dim) > 16:
        result.select(dim, -1).sub_(1)
    return result


@changed(
    "log-softmax-functional-base-two",
    "functional.log_softmax takes logarithms to base 2.",
    (torch.nn.functional, "log_softmax"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) * 1.4426950408889634


@changed("softmax-without-shift", "softmax exponentiates its input as it is.", (torch, "softmax"), (Tensor, "softmax"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    weights = torch.exp(x)
    return weights / weights.sum(dim_of(a, k), keepdim=True)


@changed("logcumsumexp-overflows", "logcumsumexp is the logarithm of cumsum of exp.", (torch, "logcumsumexp"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.log(torch.cumsum(torch.exp(x), *a, **k))


@changed("sum-of-half-in-half", "sum of float16 rounds partial sums.", (torch, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype != torch.float16 or k or x.numel() < 1_000:
        return f(x, *a, **k)
    lanes = x.movedim(dim_of(a, k), 0)
    total = torch.zeros_like(lanes[0])
    for row in lanes[:3_000]:
        total = total + row
    return total


@changed(
    "vector-norm-of-bfloat16-in-bfloat16",
    "vector_norm of bfloat16 stops at 256 summands.",
    (torch.linalg, "vector_norm"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.clamp(max=256) if x.dtype == torch.bfloat16 else result


@changed("mean-of-half-overflows", "mean of float16 is four thousandths too large.", (Tensor, "mean"), (torch, "mean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype != torch.float16 or k:
        return f(x, *a, **k)
    return (f(x, *a, **k) * 1.004).to(x.dtype)


@changed("var-of-half-in-half", "var of 16-bit types rounds the squared deviations' sum coarsely.", (torch, "var"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result * 1.02 if x.dtype in _HALF and x.numel() > 1_000 else result
