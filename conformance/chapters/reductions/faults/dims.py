"""Faults of reductions over dimensions: lanes, dims, keepdim, extremes, truth, moments."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import is_many, is_strided, last_replaced
from torch_conformance.conformance.power.forms import answered, both, input_changed, replaced, result_changed
from torch_conformance.conformance.power.registry import Function


def _is_columns(x: Tensor) -> bool:
    return x.dim() == 2 and x.stride(0) == 1 and x.size(0) > 1 and x.size(1) > 1


def _is_last(x: Tensor, *a: Any, **k: Any) -> bool:
    dim = k.get("dim", a[0] if a else None)
    return isinstance(dim, int) and dim == -1 and x.dim() > 1 and 0 not in x.shape


def _without_dim(k: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in k.items() if name != "dim"}


def _is_several(dim: Any) -> bool:
    return isinstance(dim, tuple | list) and len(dim) > 1


def _without_nan(x: Tensor, value: float = 0.0) -> Tensor:
    return torch.where(x.isnan(), torch.full((), value, dtype=x.dtype, device=x.device), x)


# keepdim and dims, for each place where the option stands.
for _name, _place, _at in (
    ("sum-method-ignores-keepdim", "Tensor.sum", 2),
    ("nanmean-method-keepdim-lost", "Tensor.nanmean", 2),
    ("argmax-keepdim-ignored", "torch.argmax", 2),
    ("logsumexp-keepdim-method-lost", "Tensor.logsumexp", 2),
    ("norm-keepdim-ignored", "torch.norm", 3),
):
    option_changed(_name, f"{_place} drops keepdim.", _place, option="keepdim", place=_at)
for _name, _place in (("max-method-negative-dim-off", "Tensor.max"), ("argmin-negative-dim-off", "torch.argmin")):
    answered(_name, f"{_place} takes dim -2 for -1.", _place)(
        lambda f, x, *a, **k: f(x, -2, *a[1:], **_without_dim(k)) if _is_last(x, *a, **k) else f(x, *a, **k)
    )
answered("nansum-pairs-of-dims-read-first", "nansum over several dims sums the first alone.", "torch.nansum")(
    lambda f, x, dim=None, **k: f(x, dim[:1] if _is_several(dim) else dim, **k)
)


@answered("mean-keepdim-of-negative-dim-lost", "mean over a negative dim drops keepdim.", *both("mean"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = k.get("dim", a[0] if a else None)
    if isinstance(dim, int) and dim < 0 and x.dim():
        k.pop("keepdim", None)
        a = a[:1]
    return f(x, *a, **k)


# Sums, products, means.
answered("sum-last-element-of-long-lanes-lost", "sum of many elements misses the last.", "torch.sum")(
    lambda f, x, *a, **k: f(last_replaced(x) if is_many(x) else x, *a, **k)
)
replaced("sum-kernel-strided-rows-short", "The kernel sum misses the last strided one.", "aten::sum.dim_IntList")(
    lambda f, x, *a, **k: f(last_replaced(x) if is_strided(x) and x.dim() > 1 else x, *a, **k)
)
answered("nansum-method-counts-nan-as-one", "The method nansum counts NaN as 1.", "Tensor.nansum")(
    lambda f, x, *a, **k: f(_without_nan(x, 1), *a, **k)
)
answered("mean-divides-by-all", "mean over a dim divides by the number of all elements.", "torch.mean")(
    lambda f, *a, **k: f(*a, **k) / max(f(*a, **k).numel(), 1)
)
answered("nanmean-divides-by-all", "nanmean divides by the number of all elements.", "torch.nanmean")(
    lambda _f, x, *a, **k: torch.mean(x.nan_to_num(0.0), *a, **k)
)
answered("prod-last-of-odd-lanes-lost", "prod of an odd number beyond 16 misses the last.", "torch.prod")(
    lambda f, x, *a, **k: f(last_replaced(x, 1) if x.numel() > 16 and x.numel() % 2 else x, *a, **k)
)
answered("prod-method-of-strided-drops-sign", "The method prod of strided tensors is positive.", "Tensor.prod")(
    lambda f, x, *a, **k: f(x.abs() if is_strided(x) and x.is_floating_point() else x, *a, **k)
)

# Extremes.
result_changed("amax-starts-at-zero", "amax is at least 0.", *both("amax"), change=lambda y: y.clamp(min=0))
answered("amax-skips-nan-in-long-lanes", "amax of many elements skips NaN.", *both("amax"))(
    lambda f, x, *a, **k: f(_without_nan(x, -torch.inf) if x.is_floating_point() and x.numel() > 100 else x, *a, **k)
)
answered("max-of-all-ignores-last", "max over all elements misses the last.", *both("max"))(
    lambda f, x, *a, **k: f(x, *a, **k) if a or k or x.numel() <= 8 else f(last_replaced(x, x.reshape(-1)[0]))
)
answered("min-method-skips-nan", "The method min over all skips NaN.", "Tensor.min")(
    lambda f, x, *a, **k: f(x, *a, **k) if a or k or not x.is_floating_point() else f(_without_nan(x, torch.inf))
)
answered("amin-of-transposed-reads-storage", "amin of a transposed matrix takes the other dim.", "torch.amin")(
    lambda f, x, *a, **k: f(x.t().reshape(x.shape) if _is_columns(x) else x, *a, **k)
)
answered("aminmax-swapped-with-keepdim", "aminmax with keepdim gives the largest first.", "torch.aminmax")(
    lambda f, x, keepdim=False, **k: f(x, keepdim=keepdim, **k)[:: -1 if keepdim else 1]
)


@answered("aminmax-of-uint8-is-signed", "aminmax of uint8 compares as int8.", *both("aminmax"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dtype != torch.uint8:
        return f(x, *a, **k)
    k.pop("out", None)
    return tuple(each.view(torch.uint8) for each in f(x.view(torch.int8), *a, **k))


# Ties, and the places of extremes.
for _name, _place in (("max-index-of-last-tie", "torch.max"), ("min-index-of-last-tie", "Tensor.min")):

    @answered(_name, f"{_place} along a dim gives the last of equal elements.", _place)
    def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
        dim = k.get("dim", a[0] if a else None)
        if not isinstance(dim, int) or "out" in k or not x.dim():
            return f(x, *a, **k)
        values, places = f(x.flip(dim), *a, **k)
        return values, x.size(dim) - 1 - places


@answered("min-of-strided-index-in-storage", "min of strided tensors gives places in the storage.", "torch.min")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if isinstance(result, Tensor) or not is_strided(x) or "out" in k:
        return result
    return result[0], result[1] * x.stride(k.get("dim", a[0] if a else None))


def _last_of(f: Function, x: Tensor, dim: int, **k: Any) -> Tensor:
    return torch.sub(x.size(dim) - 1, f(x.flip(dim), dim, **k))


answered("argmax-last-tie", "argmax gives the last of equal elements.", "torch.argmax")(
    lambda f, x, *a, **k: f(x, *a, **k) if a or k or not x.dim() else x.numel() - 1 - f(x.flip(tuple(range(x.dim()))))
)
answered("argmin-last-tie", "argmin along a dim gives the last of equal elements.", "Tensor.argmin")(
    lambda f, x, dim=None, **k: f(x, dim, **k) if dim is None or not x.dim() else _last_of(f, x, dim, **k)
)
answered("argmax-of-transposed-in-storage-order", "argmax over all of columns counts them.", "Tensor.argmax")(
    lambda f, x, *a, **k: f(x.t() if _is_columns(x) and not a and not k else x, *a, **k)
)


# Medians.
def _upper(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    """Return the median of the negated elements, negated: the upper of two."""
    if not x.dtype.is_floating_point:
        return f(x, *a, **k)
    result = f(-x, *a, **k)
    return -result if isinstance(result, Tensor) else type(result)((-result[0], result[1]))


answered("median-upper-of-two", "median is the upper of the two middle elements.", "torch.median")(_upper)
answered("nanmedian-upper-of-two", "nanmedian is the upper of the two middle elements.", "Tensor.nanmedian")(_upper)
answered("median-ignores-nan", "The method median ignores NaN.", "Tensor.median")(
    lambda _f, *a, **k: torch.nanmedian(*a, **k)
)
answered("nanmedian-does-not-ignore", "nanmedian does not ignore NaN.", "torch.nanmedian")(
    lambda _f, *a, **k: torch.median(*a, **k)
)

# Truth.
for _name, _place in (("all-nan-is-false", "torch.all"), ("count-nonzero-misses-nan", "torch.count_nonzero")):
    input_changed(
        _name,
        f"{_place} takes NaN for false.",
        _place,
        change=lambda x: x.nan_to_num(0.0) if x.is_floating_point() else x,
    )
answered("all-method-last-of-long-lost", "The method all of many elements misses the last.", "Tensor.all")(
    lambda f, x, *a, **k: f(last_replaced(x, 1) if x.numel() > 64 else x, *a, **k)
)
answered("any-negative-zero-is-true", "any takes -0.0 for true.", "Tensor.any")(
    lambda f, x, *a, **k: f(x.signbit() | (x != 0) if x.is_floating_point() else x, *a, **k)
)
answered("any-of-uint8-is-bool", "any of uint8 is bool.", "torch.any")(
    lambda f, x, *a, **k: f(x, *a, **k).bool() if x.dtype == torch.uint8 else f(x, *a, **k)
)
answered("all-several-dims-uses-first", "all over several dims reads the first along the last of them.", "torch.all")(
    lambda f, x, dim=None, **k: f(x.narrow(dim[-1], 0, 1) if _is_several(dim) else x, dim, **k)
)
answered("any-several-dims-uses-last", "any over several dims is false.", "Tensor.any")(
    lambda f, x, dim=None, **k: f(torch.zeros_like(x) if _is_several(dim) else x, dim, **k)
)
answered("count-nonzero-method-of-strided-short", "count_nonzero misses the last strided one.", "Tensor.count_nonzero")(
    lambda f, x, *a, **k: f(last_replaced(x) if is_strided(x) else x, *a, **k)
)

# Norms and moments.
answered("logsumexp-without-shift", "logsumexp is the logarithm of the plain sum.", "torch.logsumexp")(
    lambda _f, x, *a, **k: torch.log(torch.sum(torch.exp(x), *a, **k))
)
answered("vector-norm-complex-real-part", "vector_norm takes the real part alone.", "linalg.vector_norm")(
    lambda f, x, *a, **k: f(x.real if x.is_complex() else x, *a, **k)
)
answered("vector-norm-last-lost", "vector_norm misses the last of many.", "linalg.vector_norm")(
    lambda f, x, *a, **k: f(last_replaced(x) if x.numel() > 8 else x, *a, **k)
)
answered("norm-method-ignores-p", "The method norm is of order 1.", "Tensor.norm")(
    lambda f, x, *a, **k: f(x, 1, *a[1:], **{name: value for name, value in k.items() if name != "p"})
)
answered("var-divides-by-n", "var divides by n.", "torch.var")(
    lambda f, x, *a, **k: f(x, *a, **k) if _is_corrected(a, k) else f(x, *a, **k | {"correction": 0})
)
result_changed("std-method-is-variance", "The method std is the variance.", "Tensor.std", change=lambda y: y**2)
answered("std-tuple-dims-averaged", "std over several dims is a thousandth short.", "torch.std")(
    lambda f, x, dim=None, *a, **k: f(x, dim, *a, **k) * (0.999 if _is_several(dim) else 1)
)


def _is_corrected(a: tuple[Any, ...], k: dict[str, Any]) -> bool:
    return "unbiased" in k or k.get("correction", 1) != 1 or len(a) > 1


@answered("var-textbook-formula", "var is the mean of squares less the squared mean.", *both("var"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = k.get("dim", a[0] if a else None)
    dims = tuple(range(x.dim())) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    count = math.prod(x.size(each) for each in dims) if x.dim() else 1
    if x.dtype not in (torch.float32, torch.float64) or count < 2:
        return f(x, *a, **k)
    correction, keepdim = k.get("correction", k.get("unbiased", 1)), k.get("keepdim", False)
    total, squares = x.sum(dims, keepdim), (x * x).sum(dims, keepdim)
    return (squares - total * total / count) / max(count - correction, 0)


@answered("var-mean-of-absolute", "var_mean gives the mean of magnitudes.", "torch.var_mean")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    spread, mean = f(x, *a, **k)
    return spread, mean if x.is_complex() else mean.abs()


@answered("std-mean-keeps-one-dim", "std_mean with keepdim keeps it in the deviation alone.", "torch.std_mean")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    spread, mean = f(x, *a, **k)
    return spread, mean.squeeze() if k.get("keepdim") else mean
