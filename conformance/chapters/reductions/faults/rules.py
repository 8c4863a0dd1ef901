"""Faults of what reductions share: result dtypes, wrap-around, dtype=, empty dims, NaN, errors, inputs, out=."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import (
    changed,
    dim_of,
    is_strided,
    kernel_changed,
    last_replaced,
    with_dim,
    without,
)
from torch_conformance.conformance.power.registry import Function

_INT64 = torch.iinfo(torch.int64)


def _is_exact(x: Tensor) -> bool:
    return not (x.is_floating_point() or x.is_complex())


@changed("sum-of-int8-stays-int8", "sum of int8 is int8.", (torch, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.to(x.dtype) if x.dtype == torch.int8 and k.get("dtype") is None else result


@changed("cumprod-method-of-bool-stays-bool", "The method cumprod of bool is bool.", (Tensor, "cumprod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.bool() if x.dtype == torch.bool else result


@changed("sum-of-int64-through-float64", "sum of int64 adds in float64.", (torch, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype == torch.int64 and k.get("dtype") is None:
        return f(x.double(), *a, **k).long()
    return f(x, *a, **k)


@changed("cumsum-of-int32-saturates", "The method cumsum of int32 stops at its ends.", (Tensor, "cumsum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.clamp(-(2**31), 2**31 - 1) if x.dtype == torch.int32 else result


@changed("prod-of-int64-saturates", "prod of int64 stops at the ends of its range.", (Tensor, "prod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.dtype == torch.int64 and x.numel() and k.get("dtype") is None:
        wide = f(x.double(), *a, **k)
        result = torch.where(wide >= 2.0**63, _INT64.max, torch.where(wide < -(2.0**63), _INT64.min, result))
    return result


@changed("mean-of-int32-is-float", "mean of int32 is the mean of its floats.", (torch, "mean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.float() if x.dtype == torch.int32 and not k.get("dtype") else x, *a, **k)


@changed("std-method-accepts-integers", "The method std takes integers.", (Tensor, "std"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.float() if _is_exact(x) else x, *a, **k)


def _last(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    """Convert the result instead of the elements."""
    dtype = k.get("dtype")
    if dtype is not None and (x.dtype.is_floating_point or not dtype.is_floating_point):
        return f(x, *a, **without(k, "dtype")).to(dtype)
    return f(x, *a, **k)


changed("sum-dtype-converts-last", "sum with dtype converts its result.", (torch, "sum"))(_last)
changed("mean-dtype-converts-last", "mean with dtype converts its result.", (Tensor, "mean"))(_last)
changed("softmax-dtype-converts-last", "softmax with dtype converts its result.", (torch, "softmax"))(_last)


@changed("prod-method-ignores-dtype", "The method prod drops dtype.", (Tensor, "prod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **without(k, "dtype"))


def _of_nothing(name: str, summary: str, attribute: str, value: Any) -> None:
    @changed(name, summary, (torch, attribute), (Tensor, attribute))
    def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        result = f(x, *a, **k)
        return torch.full_like(result, value) if not x.numel() else result


_of_nothing("prod-of-nothing-is-zero", "prod over no elements is 0.", "prod", 0)
_of_nothing("mean-of-nothing-is-zero", "mean over no elements is 0.", "mean", 0)
_of_nothing("all-of-nothing-is-false", "all over no elements is false.", "all", 0)


@changed("amax-of-nothing-is-zero", "amax over no elements is 0.", (torch, "amax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) if x.numel() else torch.sum(x, *a, **k).to(x.dtype)


@changed("argmin-method-of-nothing-is-zero", "The method argmin over no elements is 0.", (Tensor, "argmin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) if x.numel() else torch.zeros((), dtype=torch.int64)


@changed("amin-misses-nan-at-the-end", "amin misses a NaN at the end of more than 64.", (torch, "amin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.is_floating_point() and x.numel() > 64 and bool(x.reshape(-1)[-1].isnan()):
        x = last_replaced(x, 1)
    return f(x, *a, **k)


@kernel_changed("median-kernel-misses-nan", "The kernel median over all sorts NaN last.", "aten::median")
def _(f: Function, x: Tensor) -> Any:
    return f(x.nan_to_num(3.0e4) if x.is_floating_point() else x)


@changed("argmax-skips-nan", "argmax along a dim skips NaN.", (torch, "argmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.nan_to_num(-3.0e4) if x.is_floating_point() else x, *a, **k)


@changed("vector-norm-infinity-drops-nan", "vector_norm of order inf skips NaN.", (torch.linalg, "vector_norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    order = k.get("ord", a[0] if a else 2)
    return f(x.nan_to_num(0.0, float("inf"), -float("inf")) if order == float("inf") else x, *a, **k)


@changed("logsumexp-of-infinity-is-nan", "logsumexp subtracts infinity from infinity.", (torch, "logsumexp"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return torch.where(result == torch.inf, result - result, result)


@changed("sum-of-both-infinities-is-zero", "sum of both infinities is 0.", (Tensor, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return (
        result.nan_to_num(0.0, float("inf"), -float("inf")) if x.is_floating_point() and not x.isnan().any() else result
    )


@changed("sum-dim-modulo-rank", "sum takes dims modulo the rank.", (torch, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if isinstance(dim, int):
        a, k = with_dim(a, k, dim % max(x.dim(), 1))
    return f(x, *a, **k)


@changed("sort-method-clamps-dim", "The method sort takes the last dim for larger ones.", (Tensor, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if isinstance(dim, int):
        a, k = with_dim(a, k, min(dim, max(x.dim(), 1) - 1))
    return f(x, *a, **k)


def _deduplicated(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if isinstance(dim, tuple | list):
        a, k = with_dim(a, k, list(dict.fromkeys(each % x.dim() for each in dim)))
    return f(x, *a, **k)


changed("amax-drops-repeated-dims", "amax drops repeated dims.", (torch, "amax"))(_deduplicated)
changed("sum-list-dims-deduplicated", "The method sum drops repeated dims.", (Tensor, "sum"))(_deduplicated)


@changed("kthvalue-partitions-its-input", "kthvalue sorts its input.", (Tensor, "kthvalue"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    x.copy_(x.flatten().flip(0).reshape(x.shape))
    return result


@changed("sort-method-sorts-strided-input", "The method sort orders a strided input.", (Tensor, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if is_strided(x):
        x.copy_(result[0])
    return result


@changed("sum-out-not-written-when-strided", "sum does not write into a strided out.", (torch, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    out = k.get("out")
    return f(x, *a, **without(k, "out")) if out is not None and is_strided(out) else f(x, *a, **k)


@changed("amax-out-returns-copy", "amax with out returns a copy.", (torch, "amax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.clone() if k.get("out") is not None else result


@changed("std-out-is-variance", "std with out is the variance.", (torch, "std"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.mul_(result) if k.get("out") is not None else result


@changed("cumsum-out-misses-last", "cumsum with out misses the last element.", (torch, "cumsum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if k.get("out") is not None and result.dim():
        result[tuple(-1 for _ in range(result.dim()))] = 0
    return result


@changed("max-out-indices-not-written", "max with out leaves its indices.", (torch, "max"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    out = k.get("out")
    if out is None:
        return f(x, *a, **k)
    values, places = f(x, *a, **without(k, "out"))
    out[0].resize_(values.shape).copy_(values) if not out[0].numel() else out[0].copy_(values)
    return out[0], places


@changed("sort-out-values-unsorted-when-strided", "sort into a strided out copies the input.", (torch, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    out = k.get("out")
    if out is not None and is_strided(out[0]):
        out[0].copy_(x)
    return result


@changed("amin-out-converts", "amin converts into an out of any dtype.", (torch, "amin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    out = k.get("out")
    return out.copy_(f(x, *a, **without(k, "out"))) if out is not None and out.dtype != x.dtype else f(x, *a, **k)


@changed("argmax-out-writes-before-refusing", "argmax writes into an out that it refuses.", (torch, "argmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if k.get("out") is not None:
        k["out"].zero_()
    return f(x, *a, **k)
