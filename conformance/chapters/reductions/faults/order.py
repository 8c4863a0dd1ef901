"""Faults of sorting, selection, distinct values, counts, differences and integrals."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.arguments import (
    Pair,
    changed,
    dim_of,
    is_strided,
    last_replaced,
    with_dim,
    without,
)
from torch_conformance.conformance.power.registry import Function


@changed("sort-nan-first", "sort puts NaN first.", (torch, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not x.is_floating_point() or not x.isnan().any() or "out" in k:
        return f(x, *a, **k)
    _, order = f(x.nan_to_num(-torch.inf, torch.inf, -torch.inf), *a, **k)
    return Pair(x.gather(k.get("dim", a[0] if a and isinstance(a[0], int) else -1), order), order)


@changed("sort-descending-keyword-ignored", "The method sort drops the keyword descending.", (Tensor, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **(without(k, "descending") if "stable" not in k else k))


@changed("msort-sorts-last-dim", "msort sorts the last dim.", (torch, "msort"))
def _(_f: Function, x: Tensor) -> Any:
    return torch.sort(x, -1).values


@changed("sort-of-strided-along-storage", "sort of a transposed matrix sorts the other dim.", (torch, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 and x.size(0) > 1 and x.size(1) > 1 and "stable" not in k and "out" not in k:
        a, k = with_dim(a, k, 1 - dim_of(a, k, -1) % 2)
    return f(x, *a, **k)


@changed(
    "stable-sort-descending-reverses-equals",
    "A stable descending sort reverses equals.",
    (torch, "sort"),
    (Tensor, "sort"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = k.get("dim", -1)
    if not k.get("stable") or not k.get("descending") or not x.dim():
        return f(x, *a, **k)
    values, order = f(x, *a, **{**k, "descending": False})
    return Pair(values.flip(dim), order.flip(dim))


@changed("stable-sort-swaps-negative-zero", "A stable sort puts -0.0 before 0.0.", (Tensor, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not k.get("stable") or not x.is_floating_point():
        return f(x, *a, **k)
    key = torch.where(x == 0, torch.where(x.signbit(), -1e-30, 0.0).to(x.dtype), x)
    order = f(
        key.double() if x.dtype != torch.float16 else torch.where(x.signbit() & (x == 0), -1e-30, x.double()), *a, **k
    )[1]
    return Pair(x.gather(k["dim"], order), order)


@changed("argsort-method-ignores-descending", "The method argsort drops descending.", (Tensor, "argsort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "descending"))


@changed("argsort-stable-ignored", "A stable argsort reverses equals.", (torch, "argsort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not k.get("stable") or not x.dim():
        return f(x, *a, **k)
    return x.size(k["dim"]) - 1 - f(x.flip(k["dim"]), *a, **k)


@changed("topk-smallest-with-nan-first", "topk of the smallest takes NaN for the smallest.", (torch, "topk"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    largest = k.get("largest", a[2] if len(a) > 2 else True)
    if largest or not x.is_floating_point() or "out" in k:
        return f(x, *a, **k)
    places = f(x.nan_to_num(-torch.inf, torch.inf, -torch.inf), *a, **k)[1]
    return Pair(x.gather(k.get("dim", a[1] if len(a) > 1 else -1), places), places)


@changed("topk-method-ignores-largest", "The method topk gives the largest.", (Tensor, "topk"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:2], **without(k, "largest", "sorted"))


@changed(
    "topk-of-whole-dimension-unsorted", "topk of a whole dimension keeps its order.", (torch, "topk"), (Tensor, "topk")
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    count = k.get("k", a[0] if a else 0)
    dim = k.get("dim", a[1] if len(a) > 1 else -1)
    result = f(x, *a, **k)
    if "out" in k or not x.dim() or count != x.size(dim):
        return result
    places = result[1].sort(dim).values
    return Pair(x.gather(dim, places), places)


@changed("topk-of-negative-dim-over-last", "topk takes the last dim for negative ones.", (torch, "topk"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    dim = k.get("dim", a[1] if len(a) > 1 else -1)
    if isinstance(dim, int) and dim < -1 and x.size(-1) >= k.get("k", a[0] if a else 0):
        return f(x, *a[:1], -1, *a[2:]) if len(a) > 1 else f(x, *a, **{**k, "dim": -1})
    return f(x, *a, **k)


@changed("kthvalue-counts-from-zero", "kthvalue counts from 0.", (torch, "kthvalue"))
def _(f: Function, x: Tensor, k: int, dim: int = -1, *a: Any, **o: Any) -> Any:
    return f(x, min(k + 1, x.size(dim)) if x.dim() and 0 < k <= x.size(dim) else k, dim, *a, **o)


@changed("kthvalue-method-ignores-dim", "The method kthvalue selects along the last dim.", (Tensor, "kthvalue"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], -1, *a[2:], **without(k, "dim"))


@changed("kthvalue-accepts-zero", "kthvalue takes 0 for 1.", (Tensor, "kthvalue"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, 1, *a[1:], **k) if a and a[0] == 0 else f(x, *a, **k)


def _ranks(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if isinstance(result, Tensor):
        return result
    return Pair(result[0], torch.full_like(result[1], (x.size(dim_of(a, k)) - 1) // 2))


changed("median-indices-are-ranks", "The indices of median are those in the sorted lane.", (torch, "median"))(_ranks)
changed("nanmedian-indices-are-ranks", "The indices of nanmedian are ranks.", (Tensor, "nanmedian"))(_ranks)


@changed("mode-is-the-smallest", "mode is the smallest element.", (Tensor, "mode"))
def _(_f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    values, indices = torch.min(x, *a, **k)
    return Pair(values, indices)


@changed("mode-index-of-first-element", "The index of mode is 0.", (torch, "mode"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return Pair(result[0], torch.zeros_like(result[1]))


@changed("sort-complex-by-real-part", "sort of complex64 compares real parts.", (torch, "sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.real if x.dtype == torch.complex64 else x, *a, **k)


@changed("amax-method-of-complex-by-modulus", "The method amin of complex compares moduli.", (Tensor, "amin"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.abs() if x.is_complex() else x, *a, **k)


@changed("unique-unsorted-when-counted", "unique with counts is in descending order.", (torch, "unique"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    if k.get("dim") is None and k.get("return_counts") and k.get("return_inverse"):
        return result[0].flip(0), result[0].numel() - 1 - result[1], result[2].flip(0)
    return result


@changed("unique-method-counts-short", "The method unique counts all but one.", (Tensor, "unique"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return (*result[:-1], last_replaced(result[-1])) if k.get("return_counts") and x.numel() > 32 else result


@changed("unique-inverse-flat", "unique gives a flat inverse.", (torch, "unique"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return (
        (result[0], result[1].reshape(-1), *result[2:]) if k.get("return_inverse") and k.get("dim") is None else result
    )


@changed("unique-along-dim-flattens-counts", "unique along a dim counts one too many.", (torch, "unique"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return (*result[:-1], result[-1] + 1) if k.get("dim") is not None and k.get("return_counts") else result


@changed("unique-negative-dim-is-first", "The method unique takes negative dims for the first.", (Tensor, "unique"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if (k.get("dim") or 0) < 0:
        k["dim"] = 0
    return f(x, *a, **k)


@changed("unique-consecutive-sorts", "unique_consecutive sorts first.", (torch, "unique_consecutive"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.reshape(-1).sort().values if not k else x, *a, **k)


@changed(
    "unique-consecutive-last-run-short",
    "unique_consecutive counts the last run one short.",
    (Tensor, "unique_consecutive"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return (
        (*result[:-1], last_replaced(result[-1], result[-1][-1] - 1))
        if k.get("return_counts") and x.numel()
        else result
    )


@changed("bincount-method-ignores-minlength", "The method bincount drops minlength.", (Tensor, "bincount"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a[:1], **without(k, "minlength"))


@changed("bincount-weights-rounded", "bincount adds weights of float64 in float32.", (torch, "bincount"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    result = f(x, *a, **k)
    return result.float() if result.dtype == torch.float64 else result


@changed("bincount-of-strided-reads-storage", "bincount of a strided vector reads neighbours.", (torch, "bincount"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.as_strided(x.size(), (1,), x.storage_offset()) if is_strided(x) else x, *a, **k)


@changed("bincount-drops-negatives", "bincount leaves out negative integers.", (torch, "bincount"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x[x >= 0] if not a and not k and x.dim() == 1 else x, *a, **k)


@changed("bincount-method-flattens", "The method bincount takes matrices.", (Tensor, "bincount"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.reshape(-1), *a, **k)


@changed("histc-last-bin-open", "histc leaves out the upper end.", (torch, "histc"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    high = k.get("max", a[2] if len(a) > 2 else None)
    return f(x[x != high] if high else x, *a, **k)


@changed("histc-method-clamps-outside", "The method histc counts what lies outside in the end bins.", (Tensor, "histc"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    low, high = k.get("min", a[1] if len(a) > 1 else 0), k.get("max", a[2] if len(a) > 2 else 0)
    return f(x.clamp(low, high) if low != high else x, *a, **k)


@changed("histc-default-range-is-unit", "histc without a range takes 0 to 1.", (torch, "histc"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, min=0, max=1, **k) if len(a) == 1 and not k else f(x, *a, **k)


@changed("diff-method-ignores-n", "The method diff takes the first difference.", (Tensor, "diff"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, 1, *a[1:], **without(k, "n"))


@changed("diff-append-twice", "diff appends twice.", (torch, "diff"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if k.get("append") is not None:
        k["append"] = torch.cat([k["append"], k["append"]], k["dim"])
    return f(x, *a, **k)


@changed("diff-of-uint8-saturates", "diff of uint8 stops at 0.", (torch, "diff"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x.int(), *a, **k).clamp(min=0).byte() if x.dtype == torch.uint8 and not k and len(a) < 3 else f(x, *a, **k)


@changed("trapz-ignores-spacing", "trapz drops dx.", (torch, "trapz"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **without(k, "dx"))


@changed("cumulative-trapezoid-of-dx-one", "cumulative_trapezoid drops dx.", (torch, "cumulative_trapezoid"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **without(k, "dx"))


@changed("trapezoid-over-last-dim-only", "trapezoid integrates along the last dim.", (torch, "trapezoid"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(x, *a, **({**k, "dim": -1} if not a else k))
