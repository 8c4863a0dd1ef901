"""Faults of sorting, selection, distinct values, counts, differences and integrals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import Change, is_strided, last_replaced
from torch_conformance.conformance.power.forms import answered, both
from torch_conformance.conformance.power.registry import Function


def _pair(values: Tensor, indices: Tensor) -> Any:
    """Return values and indices, by place and by name."""
    return torch.return_types.sort((values, indices))


def _nan_lowest(x: Tensor) -> Tensor:
    return x.nan_to_num(-torch.inf, torch.inf, -torch.inf)


def _is_columns(x: Tensor) -> bool:
    return x.dim() == 2 and x.stride(0) == 1 and x.size(0) > 1 and x.size(1) > 1


# Options left out.
option_changed(
    "argsort-method-ignores-descending",
    "The method argsort drops descending.",
    "Tensor.argsort",
    option="descending",
    place=2,
)
option_changed(
    "bincount-method-ignores-minlength",
    "The method bincount drops minlength.",
    "Tensor.bincount",
    option="minlength",
    place=2,
)
option_changed("trapz-ignores-spacing", "trapz drops dx.", "torch.trapz", option="dx")
option_changed(
    "cumulative-trapezoid-of-dx-one", "cumulative_trapezoid drops dx.", "torch.cumulative_trapezoid", option="dx"
)
answered("sort-descending-keyword-ignored", "The method sort drops descending without stable.", "Tensor.sort")(
    lambda f, x, *a, descending=False, **k: f(x, *a, descending=descending and "stable" in k, **k)
)
answered("topk-method-ignores-largest", "The method topk gives the largest.", "Tensor.topk")(
    lambda f, x, k, dim=-1, *_a, **_k: f(x, k, dim)
)
answered("kthvalue-method-ignores-dim", "The method kthvalue selects along the last dim.", "Tensor.kthvalue")(
    lambda f, x, k, dim=-1, *a, **o: f(x, k, dim * 0 - 1, *a, **o)
)
answered("diff-method-ignores-n", "The method diff takes the first difference.", "Tensor.diff")(
    lambda f, x, n=1, *a, **k: f(x, n * 0 + 1, *a, **k)
)
answered("trapezoid-over-last-dim-only", "trapezoid integrates along the last dim.", "torch.trapezoid")(
    lambda f, x, *a, **k: f(x, *a, **(k if a else k | {"dim": -1}))
)
answered("unique-negative-dim-is-first", "The method unique takes negative dims for the first.", "Tensor.unique")(
    lambda f, x, *a, dim=None, **k: f(x, *a, dim=dim if dim is None else max(dim, 0), **k)
)


# Sorting.
@answered("sort-nan-first", "sort puts NaN first.", "torch.sort")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not x.is_floating_point() or not x.isnan().any() or "out" in k:
        return f(x, *a, **k)
    _, order = f(_nan_lowest(x), *a, **k)
    return _pair(x.gather(k.get("dim", a[0] if a and isinstance(a[0], int) else -1), order), order)


@answered("sort-of-strided-along-storage", "sort of a transposed matrix sorts the other dim.", "torch.sort")
def _(f: Function, x: Tensor, dim: int = -1, *a: Any, **k: Any) -> Any:
    other = _is_columns(x) and "stable" not in k and "out" not in k
    return f(x, *a, dim=1 - dim % 2 if other else dim, **k)


@answered("stable-sort-descending-reverses-equals", "A stable descending sort reverses equals.", *both("sort"))
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not k.get("stable") or not k.get("descending") or not x.dim():
        return f(x, *a, **k)
    values, order = f(x, *a, **k | {"descending": False})
    return _pair(values.flip(k.get("dim", -1)), order.flip(k.get("dim", -1)))


@answered("stable-sort-swaps-negative-zero", "A stable sort puts -0.0 before 0.0.", "Tensor.sort")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not k.get("stable") or not x.is_floating_point():
        return f(x, *a, **k)
    order = f(torch.where((x == 0) & x.signbit(), -1e-30, x.double()), *a, **k)[1]
    return _pair(x.gather(k["dim"], order), order)


@answered("argsort-stable-ignored", "A stable argsort reverses equals.", "torch.argsort")
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    if not k.get("stable") or not x.dim():
        return f(x, *a, **k)
    return x.size(k["dim"]) - 1 - f(x.flip(k["dim"]), *a, **k)


answered("msort-sorts-last-dim", "msort sorts the last dim.", "torch.msort")(lambda _f, x: torch.sort(x, -1).values)
answered("sort-complex-by-real-part", "sort of complex64 compares real parts.", "torch.sort")(
    lambda f, x, *a, **k: f(x.real if x.dtype == torch.complex64 else x, *a, **k)
)
answered("amax-method-of-complex-by-modulus", "The method amin of complex compares moduli.", "Tensor.amin")(
    lambda f, x, *a, **k: f(x.abs() if x.is_complex() else x, *a, **k)
)


# Selection.
@answered("topk-smallest-with-nan-first", "topk of the smallest takes NaN for the smallest.", "torch.topk")
def _(f: Function, x: Tensor, k: int, dim: int = -1, largest: bool = True, *a: Any, **o: Any) -> Any:
    if largest or not x.is_floating_point() or "out" in o:
        return f(x, k, dim, largest, *a, **o)
    places = f(_nan_lowest(x), k, dim, largest, *a, **o)[1]
    return _pair(x.gather(dim, places), places)


@answered("topk-of-whole-dimension-unsorted", "topk of a whole dimension keeps its order.", *both("topk"))
def _(f: Function, x: Tensor, k: int, dim: int = -1, *a: Any, **o: Any) -> Any:
    result = f(x, k, dim, *a, **o)
    if "out" in o or not x.dim() or k != x.size(dim):
        return result
    places = result[1].sort(dim).values
    return _pair(x.gather(dim, places), places)


answered("topk-of-negative-dim-over-last", "topk takes the last dim for negative ones.", "torch.topk")(
    lambda f, x, k, dim=-1, *a, **o: f(x, k, -1 if dim < -1 and x.size(-1) >= k else dim, *a, **o)
)


answered("kthvalue-counts-from-zero", "kthvalue counts from 0.", "torch.kthvalue")(
    lambda f, x, k, dim=-1, *a, **o: f(
        x, min(k + 1, x.size(dim)) if x.dim() and 0 < k <= x.size(dim) else k, dim, *a, **o
    )
)
answered("kthvalue-accepts-zero", "kthvalue takes 0 for 1.", "Tensor.kthvalue")(
    lambda f, x, k, *a, **o: f(x, k or 1, *a, **o)
)


def _ranks(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    """Answer the place of the median in the sorted lane for that in the lane."""
    result = f(x, *a, **k)
    if isinstance(result, Tensor):
        return result
    return _pair(result[0], torch.full_like(result[1], (x.size(k.get("dim", a[0] if a else 0)) - 1) // 2))


answered("median-indices-are-ranks", "The indices of median are those in the sorted lane.", "torch.median")(_ranks)
answered("nanmedian-indices-are-ranks", "The indices of nanmedian are ranks.", "Tensor.nanmedian")(_ranks)
answered("mode-is-the-smallest", "mode is the smallest element.", "Tensor.mode")(
    lambda _f, *a, **k: _pair(*torch.min(*a, **k))
)
answered("mode-index-of-first-element", "The index of mode is 0.", "torch.mode")(
    lambda f, *a, **k: _pair(f(*a, **k)[0], torch.zeros_like(f(*a, **k)[1]))
)


# Distinct values and counts.
def _counted(name: str, summary: str, place: str, change: Change, when: Callable[..., Any]) -> None:
    """Register a fault of the counts, the last of several results, where `when(x, **options)` holds."""

    @answered(name, summary, place)
    def _(f: Function, x: Tensor, **k: Any) -> Any:
        result = f(x, **k)
        return (*result[:-1], change(result[-1])) if k.get("return_counts") and when(x, **k) else result


_counted(
    "unique-method-counts-short",
    "The method unique counts all but one.",
    "Tensor.unique",
    change=last_replaced,
    when=lambda x, **_: x.numel() > 32,
)
_counted(
    "unique-along-dim-flattens-counts",
    "unique along a dim counts one too many.",
    "torch.unique",
    change=lambda counts: counts + 1,
    when=lambda _x, dim=None, **_: dim is not None,
)
_counted(
    "unique-consecutive-last-run-short",
    "unique_consecutive counts the last run one short.",
    "Tensor.unique_consecutive",
    change=lambda counts: last_replaced(counts, counts[-1] - 1),
    when=lambda x, **_: x.numel(),
)


@answered("unique-unsorted-when-counted", "unique with counts is in descending order.", "torch.unique")
def _(f: Function, x: Tensor, *a: Any, dim: int | None = None, **k: Any) -> Any:
    result = f(x, *a, dim=dim, **k)
    if dim is None and k.get("return_counts") and k.get("return_inverse"):
        return result[0].flip(0), result[0].numel() - 1 - result[1], result[2].flip(0)
    return result


@answered("unique-inverse-flat", "unique gives a flat inverse.", "torch.unique")
def _(f: Function, x: Tensor, *a: Any, dim: int | None = None, **k: Any) -> Any:
    result = f(x, *a, dim=dim, **k)
    return (result[0], result[1].flatten(), *result[2:]) if k.get("return_inverse") and dim is None else result


answered("unique-consecutive-sorts", "unique_consecutive sorts first.", "torch.unique_consecutive")(
    lambda f, x, *a, **k: f(x if k else x.reshape(-1).sort().values, *a, **k)
)
answered("bincount-weights-rounded", "bincount with weights of float64 is float32.", "torch.bincount")(
    lambda f, *a, **k: f(*a, **k).float() if f(*a, **k).dtype == torch.float64 else f(*a, **k)
)
answered("bincount-of-strided-reads-storage", "bincount of a strided vector reads neighbours.", "torch.bincount")(
    lambda f, x, *a, **k: f(x.as_strided(x.size(), (1,), x.storage_offset()) if is_strided(x) else x, *a, **k)
)
answered("bincount-drops-negatives", "bincount leaves out negative integers.", "torch.bincount")(
    lambda f, x, *a, **k: f(x[x >= 0] if not a and not k and x.dim() == 1 else x, *a, **k)
)
answered("bincount-method-flattens", "The method bincount takes matrices.", "Tensor.bincount")(
    lambda f, x, *a, **k: f(x.reshape(-1), *a, **k)
)


def _range(*a: Any, **k: Any) -> tuple[Any, Any]:
    given = dict(zip(("bins", "min", "max"), a, strict=False)) | k
    return given.get("min", 0), given.get("max", 0)


answered("histc-last-bin-open", "histc leaves out the upper end.", "torch.histc")(
    lambda f, x, *a, **k: f(x[x != _range(*a, **k)[1]] if _range(*a, **k)[1] else x, *a, **k)
)
answered("histc-method-clamps-outside", "The method histc counts what lies outside in the end bins.", "Tensor.histc")(
    lambda f, x, *a, **k: f(x.clamp(*_range(*a, **k)) if len(set(_range(*a, **k))) > 1 else x, *a, **k)
)
answered("histc-default-range-is-unit", "histc without a range takes 0 to 1.", "torch.histc")(
    lambda f, x, *a, **k: f(x, *a, **k or {"min": 0, "max": 1}) if len(a) == 1 else f(x, *a, **k)
)

# Differences.
answered("diff-append-twice", "diff appends twice.", "torch.diff")(
    lambda f, x, *a, append=None, **k: f(
        x, *a, append=append if append is None else torch.cat([append] * 2, k["dim"]), **k
    )
)
answered("diff-of-uint8-saturates", "diff of uint8 stops at 0.", "torch.diff")(
    lambda f, x, *a, **k: f(x.int(), *a).clamp(min=0).byte() if _is_plain_uint8(x, a, k) else f(x, *a, **k)
)


def _is_plain_uint8(x: Tensor, a: tuple[Any, ...], k: dict[str, Any]) -> bool:
    return x.dtype == torch.uint8 and not k and len(a) < 3
