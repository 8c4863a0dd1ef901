"""Faults of what reductions share: result dtypes, wrap-around, dtype=, empty dims, NaN, errors, inputs, out=."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import is_strided, last_replaced
from torch_conformance.conformance.power.forms import afterwards, answered, both, out_answered, replaced
from torch_conformance.conformance.power.registry import Function

_INT64 = torch.iinfo(torch.int64)


def _is_exact(x: Tensor) -> bool:
    return not (x.is_floating_point() or x.is_complex())


def _finite_nan(x: Tensor, value: float) -> Tensor:
    """Take a number for NaN and keep infinities."""
    return x.nan_to_num(value, torch.inf, -torch.inf) if x.is_floating_point() else x


# Result dtypes and wrap-around.
answered("sum-of-int8-stays-int8", "sum of int8 is int8.", "torch.sum")(
    lambda f, x, *a, dtype=None, **k: f(x, *a, dtype=dtype or (torch.int8 if x.dtype == torch.int8 else None), **k)
)
answered("cumprod-method-of-bool-stays-bool", "The method cumprod of bool is bool.", "Tensor.cumprod")(
    lambda f, x, *a, **k: f(x, *a, **k).bool() if x.dtype == torch.bool else f(x, *a, **k)
)
answered("sum-of-int64-through-float64", "sum of int64 adds in float64.", "torch.sum")(
    lambda f, x, *a, **k: f(x, *a, **k) if x.dtype != torch.int64 or k.get("dtype") else f(x.double(), *a, **k).long()
)
answered("cumsum-of-int32-saturates", "The method cumsum of int32 stops at its ends.", "Tensor.cumsum")(
    lambda f, x, *a, **k: f(x, *a, **k).clamp(-(2**31), 2**31 - 1) if x.dtype == torch.int32 else f(x, *a, **k)
)
answered("mean-of-int32-is-float", "mean of int32 is the mean of its floats.", "torch.mean")(
    lambda f, x, *a, **k: f(x.float() if x.dtype == torch.int32 and not k.get("dtype") else x, *a, **k)
)
answered("std-method-accepts-integers", "The method std takes integers.", "Tensor.std")(
    lambda f, x, *a, **k: f(x.float() if _is_exact(x) else x, *a, **k)
)


@answered("prod-of-int64-saturates", "prod of int64 stops at the ends of its range.", "Tensor.prod")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if x.dtype == torch.int64 and x.numel() and k.get("dtype") is None:
        wide = f(x.double(), *a, **k)
        result = torch.where(wide >= 2.0**63, _INT64.max, torch.where(wide < -(2.0**63), _INT64.min, result))
    return result


# dtype=.
def _converting_last(f: Function, x: Tensor, *a: Any, dtype: torch.dtype | None = None, **k: Any) -> Any:
    """Convert the result instead of the elements."""
    if dtype is not None and (x.dtype.is_floating_point or not dtype.is_floating_point):
        return f(x, *a, **k).to(dtype)
    return f(x, *a, dtype=dtype, **k)


answered("sum-dtype-converts-last", "sum with dtype converts its result.", "torch.sum")(_converting_last)
answered("mean-dtype-converts-last", "mean with dtype converts its result.", "Tensor.mean")(_converting_last)
answered("softmax-dtype-converts-last", "softmax with dtype converts its result.", "torch.softmax")(_converting_last)
option_changed("prod-method-ignores-dtype", "The method prod drops dtype.", "Tensor.prod", option="dtype")


# Nothing.
def _zero_of_nothing(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) if x.numel() else torch.zeros_like(f(x, *a, **k))


answered("prod-of-nothing-is-zero", "prod over no elements is 0.", *both("prod"))(_zero_of_nothing)
answered("mean-of-nothing-is-zero", "mean over no elements is 0.", *both("mean"))(_zero_of_nothing)
answered("all-of-nothing-is-false", "all over no elements is false.", *both("all"))(_zero_of_nothing)
answered("amax-of-nothing-is-zero", "amax over no elements is 0.", "torch.amax")(
    lambda f, x, *a, **k: f(x, *a, **k) if x.numel() else torch.sum(x, *a, **k).to(x.dtype)
)
answered("argmin-method-of-nothing-is-zero", "The method argmin over no elements is 0.", "Tensor.argmin")(
    lambda f, x, *a, **k: f(x, *a, **k) if x.numel() else torch.zeros((), dtype=torch.int64, device=x.device)
)

# NaN and infinities.
answered("amin-misses-nan-at-the-end", "amin misses the end of more than 64 where it is NaN.", "torch.amin")(
    lambda f, x, *a, **k: f(last_replaced(x, 1) if x.numel() > 64 and x.flatten()[-1].isnan() else x, *a, **k)
)
replaced("median-kernel-misses-nan", "The kernel median over all sorts NaN last.", "aten::median")(
    lambda f, x: f(_finite_nan(x, 3.0e4))
)
answered("argmax-skips-nan", "argmax along a dim skips NaN.", "torch.argmax")(
    lambda f, x, *a, **k: f(x.nan_to_num(-3.0e4) if x.is_floating_point() else x, *a, **k)
)
answered("vector-norm-infinity-drops-nan", "vector_norm of order inf skips NaN.", "linalg.vector_norm")(
    lambda f, x, *a, **k: f(_finite_nan(x, 0.0) if k.get("ord", a[0] if a else 2) == torch.inf else x, *a, **k)
)
answered("logsumexp-of-infinity-is-nan", "logsumexp subtracts infinity from infinity.", "torch.logsumexp")(
    lambda f, *a, **k: torch.where(f(*a, **k) == torch.inf, torch.nan, f(*a, **k))
)
answered("sum-of-both-infinities-is-zero", "sum of both infinities is 0.", "Tensor.sum")(
    lambda f, x, *a, **k: f(x, *a, **k) if x.isnan().any() else _finite_nan(f(x, *a, **k), 0.0)
)


# Dims that do not exist or are repeated.
def _deduplicated(f: Function, x: Tensor, dim: Any = None, *a: Any, **k: Any) -> Any:
    if isinstance(dim, tuple | list):
        dim = list(dict.fromkeys(each % x.dim() for each in dim))
    return f(x, dim, *a, **k)


answered("amax-drops-repeated-dims", "amax drops repeated dims.", "torch.amax")(_deduplicated)
answered("sum-list-dims-deduplicated", "The method sum drops repeated dims.", "Tensor.sum")(_deduplicated)
answered("sum-dim-modulo-rank", "sum takes dims modulo the rank.", "torch.sum")(
    lambda f, x, dim=None, *a, **k: f(x, dim % max(x.dim(), 1) if isinstance(dim, int) else dim, *a, **k)
)
answered("sort-method-clamps-dim", "The method sort takes the last dim for larger ones.", "Tensor.sort")(
    lambda f, x, dim=-1, *a, **k: f(x, *a, dim=min(dim, max(x.dim(), 1) - 1), **k)
)


# Inputs that are written.
afterwards("kthvalue-partitions-its-input", "kthvalue reverses its input.", "Tensor.kthvalue")(
    lambda _r, x, *_a, **_k: x.copy_(x.flatten().flip(0).reshape(x.shape))
)


afterwards("sort-method-sorts-strided-input", "The method sort orders a strided input.", "Tensor.sort")(
    lambda r, x, *_a, **_k: x.copy_(r[0]) if is_strided(x) else None
)


# out=.
out_answered("sum-out-not-written-when-strided", "sum does not write into a strided out.", "torch.sum")(
    lambda f, out, *a, **k: f(*a, **k) if is_strided(out) else f(*a, out=out, **k)
)
out_answered("amax-out-returns-copy", "amax with out returns a copy.", "torch.amax")(
    lambda f, out, *a, **k: f(*a, out=out, **k).clone()
)
out_answered("std-out-is-variance", "std with out is the variance.", "torch.std")(
    lambda f, out, *a, **k: f(*a, out=out, **k).square_()
)
out_answered("amin-out-converts", "amin converts into an out of any dtype.", "torch.amin")(
    lambda f, out, x, *a, **k: f(x, *a, out=out, **k) if out.dtype == x.dtype else out.copy_(f(x, *a, **k))
)
out_answered("argmax-out-writes-before-refusing", "argmax writes into an out that it refuses.", "torch.argmax")(
    lambda f, out, *a, **k: f(*a, out=out.zero_(), **k)
)


afterwards("cumsum-out-misses-last", "cumsum with out misses the last element.", "torch.cumsum")(
    lambda r, *_a, **k: r[(-1,) * r.dim()].zero_() if "out" in k and r.dim() else None
)


@out_answered("max-out-indices-not-written", "max with out leaves its indices.", "torch.max")
def _(f: Function, out: Any, *a: Any, **k: Any) -> Any:
    values, places = f(*a, **k)
    if not out[0].numel():
        out[0].resize_(values.shape)
    return out[0].copy_(values), places


afterwards("sort-out-values-unsorted-when-strided", "sort into a strided out copies the input.", "torch.sort")(
    lambda _r, x, *_a, out=None, **_k: out[0].copy_(x) if out is not None and is_strided(out[0]) else None
)
