"""Faults of reductions over dimensions: lanes, dims, keepdim, extremes, truth, moments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import (
    Pair,
    changed,
    dim_of,
    is_many,
    is_strided,
    kernel_changed,
    last_replaced,
    with_dim,
    without,
)
from torch_conformance.conformance.power.registry import Function


@changed("sum-last-element-of-long-lanes-lost", "sum of many elements misses the last.", (torch, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x), *a, **k) if is_many(x) else f(x, *a, **k)


@changed("sum-method-ignores-keepdim", "The method sum drops keepdim.", (Tensor, "sum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "keepdim"))


@kernel_changed(
    "sum-kernel-strided-rows-short", "The kernel sum misses the last strided element.", "aten::sum.dim_IntList"
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x) if is_strided(x) and x.dim() > 1 else x, *a, **k)


@changed("nansum-method-counts-nan-as-one", "The method nansum counts NaN as 1.", (Tensor, "nansum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(torch.where(x.isnan(), torch.ones((), dtype=x.dtype), x), *a, **k)


@changed("nansum-pairs-of-dims-read-first", "nansum over several dims sums the first alone.", (torch, "nansum"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if isinstance(dim, tuple | list) and len(dim) > 1 and x.shape[dim[-1]] > 1:
        a, k = with_dim(a, k, dim[:1])
    return f(x, *a, **k)


@changed("mean-divides-by-all", "mean over a dim divides by the number of all elements.", (torch, "mean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result / max(result.numel(), 1)


@changed(
    "mean-keepdim-of-negative-dim-lost", "mean over a negative dim drops keepdim.", (torch, "mean"), (Tensor, "mean")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    return f(x, *a[:1], **without(k, "keepdim")) if isinstance(dim, int) and dim < 0 and x.dim() else f(x, *a, **k)


@changed("nanmean-divides-by-all", "nanmean divides by the number of all elements.", (torch, "nanmean"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.mean(x.nan_to_num(0.0), *a, **k)


@changed("nanmean-method-keepdim-lost", "The method nanmean drops keepdim.", (Tensor, "nanmean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "keepdim"))


@changed("prod-last-of-odd-lanes-lost", "prod of an odd number beyond 16 misses the last.", (torch, "prod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x, 1) if x.numel() > 16 and x.numel() % 2 else x, *a, **k)


@changed("prod-method-of-strided-drops-sign", "The method prod of strided tensors is positive.", (Tensor, "prod"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.abs() if is_strided(x) and x.is_floating_point() else x, *a, **k)


@changed("amax-starts-at-zero", "amax is at least 0.", (torch, "amax"), (Tensor, "amax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k).clamp(min=0)


@changed("amax-skips-nan-in-long-lanes", "amax of many elements skips NaN.", (torch, "amax"), (Tensor, "amax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.is_floating_point() and x.numel() > 100:
        x = torch.where(x.isnan(), torch.full((), -torch.inf, dtype=x.dtype), x)
    return f(x, *a, **k)


@changed("max-of-all-ignores-last", "max over all elements misses the last.", (torch, "max"), (Tensor, "max"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x, x.reshape(-1)[0]) if not a and not k and x.numel() > 8 else x, *a, **k)


@changed("amin-of-transposed-reads-storage", "amin of a transposed matrix takes the other dim.", (torch, "amin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 and x.size(0) > 1 and x.size(1) > 1:
        return f(x.t().reshape(x.shape), *a, **k)
    return f(x, *a, **k)


@changed("min-method-skips-nan", "The method min over all skips NaN.", (Tensor, "min"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.is_floating_point() and not a and not k:
        x = torch.where(x.isnan(), torch.full((), torch.inf, dtype=x.dtype), x)
    return f(x, *a, **k)


@changed("aminmax-swapped-with-keepdim", "aminmax with keepdim gives the largest first.", (torch, "aminmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    low, high = f(x, *a, **k)
    return (high, low) if k.get("keepdim") else (low, high)


@changed("aminmax-of-uint8-is-signed", "aminmax of uint8 compares as int8.", (Tensor, "aminmax"), (torch, "aminmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype != torch.uint8:
        return f(x, *a, **k)
    low, high = f(x.view(torch.int8), *a, **without(k, "out"))
    return low.view(torch.uint8), high.view(torch.uint8)


def _last_tie(f: Function, x: Tensor, dim: int, *, keepdim: bool = False) -> Any:
    values, places = f(x.flip(dim), dim, keepdim)
    return values, (x.size(dim) - 1 - places if x.dim() else places)


@changed("max-index-of-last-tie", "max along a dim gives the last of equal elements.", (torch, "max"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim, keepdim = dim_of(a, k), k.get("keepdim", a[1] if len(a) > 1 else False)
    if not isinstance(dim, int) or "out" in k or not x.dim():
        return f(x, *a, **k)
    return _last_tie(f, x, dim, keepdim=keepdim)


@changed("min-index-of-last-tie", "min along a dim gives the last of equal elements.", (Tensor, "min"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim, keepdim = dim_of(a, k), k.get("keepdim", a[1] if len(a) > 1 else False)
    return _last_tie(f, x, dim, keepdim=keepdim) if isinstance(dim, int) and x.dim() else f(x, *a, **k)


@changed("max-method-negative-dim-off", "The method max takes dim -2 for -1.", (Tensor, "max"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if dim_of(a, k) == -1 and x.dim() > 1 and 0 not in x.shape:
        a, k = with_dim(a, k, -2)
    return f(x, *a, **k)


@changed("min-of-strided-index-in-storage", "min of strided tensors gives places in the storage.", (torch, "min"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if isinstance(result, Tensor) or x.is_contiguous() or "out" in k:
        return result
    return result[0], result[1] * x.stride(dim_of(a, k))


@changed("argmax-last-tie", "argmax gives the last of equal elements.", (torch, "argmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if dim is None and x.dim() and not k:
        return x.numel() - 1 - f(x.flip(tuple(range(x.dim()))))
    return f(x, *a, **k)


@changed(
    "argmax-of-transposed-in-storage-order",
    "argmax over all of a transposed matrix counts columns.",
    (Tensor, "argmax"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.t() if x.dim() == 2 and not a and not k and is_strided(x) and x.stride(0) == 1 else x, *a, **k)


@changed("argmax-keepdim-ignored", "argmax drops keepdim.", (torch, "argmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "keepdim"))


@changed("argmin-last-tie", "argmin along a dim gives the last of equal elements.", (Tensor, "argmin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if dim is None or not x.dim():
        return f(x, *a, **k)
    return x.size(dim) - 1 - f(x.flip(dim), *a, **k)


@changed("argmin-negative-dim-off", "argmin takes dim -2 for -1.", (torch, "argmin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if dim_of(a, k) == -1 and x.dim() > 1 and 0 not in x.shape:
        a, k = with_dim(a, k, -2)
    return f(x, *a, **k)


def _upper(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    """Return the median of the negated elements, negated: the upper of two."""
    if not x.dtype.is_floating_point:
        return f(x, *a, **k)
    result = f(-x, *a, **k)
    return -result if isinstance(result, Tensor) else Pair(-result[0], result[1])


changed("median-upper-of-two", "median is the upper of the two middle elements.", (torch, "median"))(_upper)
changed("nanmedian-upper-of-two", "nanmedian is the upper of the two middle elements.", (Tensor, "nanmedian"))(_upper)


@changed("median-ignores-nan", "The method median ignores NaN.", (Tensor, "median"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.nanmedian(x, *a, **k)


@changed("nanmedian-does-not-ignore", "nanmedian does not ignore NaN.", (torch, "nanmedian"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.median(x, *a, **k)


@changed("all-nan-is-false", "all takes NaN for false.", (torch, "all"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.nan_to_num(0.0) if x.is_floating_point() else x, *a, **k)


@changed("all-method-last-of-long-lost", "The method all of many elements misses the last.", (Tensor, "all"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x, 1) if x.numel() > 64 else x, *a, **k)


@changed("any-negative-zero-is-true", "any takes -0.0 for true.", (Tensor, "any"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.signbit() | (x != 0) if x.is_floating_point() else x, *a, **k)


@changed("any-of-uint8-is-bool", "any of uint8 is bool.", (torch, "any"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.bool() if x.dtype == torch.uint8 else result


@changed("all-several-dims-uses-first", "all over several dims reads the first along the last of them.", (torch, "all"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    if isinstance(dim, tuple | list) and len(dim) > 1:
        x = x.narrow(dim[-1], 0, 1)
    return f(x, *a, **k)


@changed("any-several-dims-uses-last", "any over several dims is false.", (Tensor, "any"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    dim = dim_of(a, k)
    return torch.zeros_like(result) if isinstance(dim, tuple | list) and len(dim) > 1 else result


@changed("count-nonzero-misses-nan", "count_nonzero does not count NaN.", (torch, "count_nonzero"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.nan_to_num(0.0) if x.is_floating_point() else x, *a, **k)


@changed(
    "count-nonzero-method-of-strided-short", "The method misses the last strided element.", (Tensor, "count_nonzero")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x) if is_strided(x) else x, *a, **k)


@changed("logsumexp-keepdim-method-lost", "The method logsumexp drops keepdim.", (Tensor, "logsumexp"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "keepdim"))


@changed("logsumexp-without-shift", "logsumexp is the logarithm of the plain sum.", (torch, "logsumexp"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return torch.log(torch.sum(torch.exp(x), *a, **k))


@changed("vector-norm-complex-real-part", "vector_norm takes the real part alone.", (torch.linalg, "vector_norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.real if x.is_complex() else x, *a, **k)


@changed("vector-norm-last-lost", "vector_norm misses the last of many.", (torch.linalg, "vector_norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(last_replaced(x) if x.numel() > 8 else x, *a, **k)


@changed("norm-method-ignores-p", "The method norm is of order 1.", (Tensor, "norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, 1, *a[1:], **without(k, "p"))


@changed("norm-keepdim-ignored", "norm drops keepdim.", (torch, "norm"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:2], **without(k, "keepdim"))


@changed("var-divides-by-n", "var divides by n.", (torch, "var"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if "unbiased" in k or k.get("correction", 1) != 1 or len(a) > 1:
        return f(x, *a, **k)
    return f(x, *a, **{**k, "correction": 0})


@changed(
    "var-textbook-formula",
    "var of float32 is the mean of squares less the squared mean.",
    (torch, "var"),
    (Tensor, "var"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype not in (torch.float32, torch.float64) or x.numel() < 2:
        return f(x, *a, **k)
    dim = dim_of(a, k)
    keepdim = k.get("keepdim", False)
    dims = tuple(range(x.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    count = 1
    for each in dims:
        count *= x.size(each)
    correction = k.get("correction", k.get("unbiased", 1))
    total, squares = x.sum(dims, keepdim), (x * x).sum(dims, keepdim)
    return (squares - total * total / count) / max(count - correction, 0) if count > 1 else f(x, *a, **k)


@changed("std-method-is-variance", "The method std is the variance.", (Tensor, "std"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **k) ** 2


@changed("std-tuple-dims-averaged", "std over several dims is a thousandth short.", (torch, "std"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = dim_of(a, k)
    result = f(x, *a, **k)
    return result * 0.999 if isinstance(dim, tuple | list) and len(dim) > 1 else result


@changed("var-mean-of-absolute", "var_mean gives the mean of magnitudes.", (torch, "var_mean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    spread, mean = f(x, *a, **k)
    return (spread, mean.abs()) if not x.is_complex() else (spread, mean)


@changed("std-mean-keeps-one-dim", "std_mean with keepdim keeps it in the deviation alone.", (torch, "std_mean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    spread, mean = f(x, *a, **k)
    return (spread, mean.squeeze()) if k.get("keepdim") else (spread, mean)
