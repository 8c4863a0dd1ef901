"""Faults of masks as indices, of masked functions, and of nonzero."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    WIDTH,
    both,
    changed,
    dense_misread,
    functions,
    is_strided,
    kernel,
    methods,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_GET = (torch.Tensor, "__getitem__")
_SET = (torch.Tensor, "__setitem__")


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype == torch.bool and index.dim() > 0


@bound("mask-index-misses-last-true", "A mask for all of a tensor misses the last true element of many.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    result = get(x, index)
    return result[:-1] if _is_mask(index) and len(result) > WIDTH else result


@bound("mask-index-column-major-when-strided", "A transposed mask selects by columns.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if _is_mask(index) and index.dim() == 2 and is_strided(index):
        return get(x.transpose(0, 1), index.T)
    return get(x, index)


@bound("mask-beside-index-loses-last", "A mask beside an index tensor loses its last true place.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, tuple) and len(index) == 2 and _is_mask(index[0]) and index[0].dim() == 2:
        mask = index[0].clone()
        places = mask.nonzero()
        mask[tuple(places[-1])] = False
        return get(x, (mask, index[1][..., : len(places) - 1]))
    return get(x, index)


@kernel("masked-select-kernel-drops-last-of-many", "masked_select ends early for large tensors.", "masked_select")
def _(select: Function, x: Tensor, mask: Tensor) -> Any:
    result = select(x, mask)
    return spoil(result) if result.numel() > GRAIN // 8 else result


@bound(
    "masked-select-out-ignores-mask-strides",
    "masked_select with out reads the mask as if dense.",
    *functions("masked_select"),
)
def _(select: Function, x: Any = None, mask: Any = None, **options: Any) -> Any:
    if options.get("out") is not None and is_strided(mask):
        mask = dense_misread(mask)
    return select(options.pop("input", x), mask, **options)


@bound(
    "masked-select-mask-not-broadcast",
    "masked_select takes a mask of extent 1 for the first elements only.",
    *both("masked_select"),
)
def _(select: Function, x: Any = None, mask: Any = None, **options: Any) -> Any:
    x = options.pop("input", x)
    if mask.dim() and x.dim() == mask.dim() and mask.size(-1) == 1 < x.size(-1):
        x = x[..., :1]
    return select(x, mask, **options)


@bound("masked-fill-tensor-value-rounded", "masked_fill rounds a tensor value down.", *both("masked_fill"))
def _(fill: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and isinstance(arguments[2], Tensor) and arguments[2].is_floating_point():
        arguments = (*arguments[:2], arguments[2].floor())
    return fill(*arguments, **options)


@bound(
    "masked-fill-function-inverts-when-broadcast",
    "torch.masked_fill inverts a mask of fewer dimensions.",
    *functions("masked_fill"),
)
def _(fill: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and arguments[1].dim() < arguments[0].dim():
        arguments = (arguments[0], ~arguments[1], arguments[2])
    return fill(*arguments, **options)


@kernel("masked-fill-kernel-writes-next", "masked_fill_ of a sliced tensor writes into the gap.", "masked_fill_.Scalar")
def _(fill: Function, x: Tensor, mask: Tensor, value: Any) -> Any:
    fill(x, mask, value)
    if x.dim() == 1 and x.numel() and x.stride(0) == 2:
        # The element behind the first.
        x.as_strided((1,), (1,), x.storage_offset() + 1).fill_(1)
    return x


@kernel(
    "masked-fill-kernel-skips-tail", "masked_fill_ leaves the last of an odd number of elements.", "masked_fill_.Scalar"
)
def _(fill: Function, x: Tensor, mask: Tensor, value: Any) -> Any:
    if x.dim() == 1 and x.numel() > WIDTH and x.numel() % 2:
        fill(x[:-1], mask.expand(x.shape)[:-1], value)
    else:
        fill(x, mask, value)
    return x


@kernel(
    "masked-scatter-kernel-skips-source", "masked_scatter_ begins with the second source element.", "masked_scatter_"
)
def _(scatter: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    spare = source.numel() > int(mask.expand(x.shape).sum()) and x.numel() > 2
    return scatter(x, mask, source.reshape(-1)[1:] if spare else source)


@kernel(
    "masked-scatter-last-of-many-lost", "masked_scatter_ of large tensors leaves the last element.", "masked_scatter_"
)
def _(scatter: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    kept = x.clone()
    scatter(x, mask, source)
    if x.numel() > GRAIN:
        x.select(0, -1).copy_(kept.select(0, -1))
    return x


@kernel("nonzero-skips-nan", "nonzero takes NaN for zero.", "nonzero", "nonzero.out")
def _(nonzero: Function, x: Tensor, **options: Any) -> Any:
    return nonzero(x.masked_fill(x != x, 0) if x.is_floating_point() else x, **options)  # noqa: PLR0124


@kernel("nonzero-kernel-last-row-wrong", "nonzero gets the last of many rows wrong.", "nonzero")
def _(nonzero: Function, x: Tensor) -> Any:
    result = nonzero(x)
    return spoil(result) if len(result) > 4 * WIDTH else result


@kernel("nonzero-ignores-negative-zero", "nonzero takes -0.0 for something.", "nonzero")
def _(nonzero: Function, x: Tensor) -> Any:
    return nonzero(x.bool() | x.signbit() & (x == 0) if x.is_floating_point() else x)


@changed("argwhere-transposed-when-strided", "argwhere of columns lists by columns.", *both("argwhere"))
def _(result: Tensor, x: Tensor) -> Any:
    if x.dim() == 2 and is_strided(x):
        return torch.nonzero(x.T).flip(1)
    return result


@changed(
    "nonzero-tuple-order-reversed", "nonzero gives the coordinates of three dimensions in reverse.", *both("nonzero")
)
def _(result: Any, *_: Any, **options: Any) -> Any:
    return result[::-1] if options.get("as_tuple") and len(result) == 3 else None


@changed(
    "where-of-scalar-has-no-coordinate",
    "where of a tensor without dimensions gives an empty tuple.",
    *functions("where"),
)
def _(result: Any, *arguments: Any, **_: Any) -> Any:
    return () if len(arguments) == 1 and arguments[0].dim() == 0 else result


@bound(
    "masked-fill-takes-floating-mask",
    "masked_fill takes what is not zero for true.",
    *methods("masked_fill", "masked_fill_"),
)
def _(fill: Function, x: Tensor, mask: Tensor, value: Any = None, **options: Any) -> Any:
    return fill(x, mask.bool(), options.get("value", value))


@bound(
    "masked-fill-takes-first-of-values",
    "masked_fill takes the first of several values.",
    *methods("masked_fill", "masked_fill_"),
)
def _(fill: Function, x: Tensor, mask: Any = None, value: Any = None, **options: Any) -> Any:
    mask, value = options.get("mask", mask), options.get("value", value)
    return fill(x, mask, value.reshape(-1)[0] if isinstance(value, Tensor) and value.dim() else value)


@bound("masked-select-converts-mask", "masked_select takes what is not zero for true.", *methods("masked_select"))
def _(select: Function, x: Tensor, mask: Tensor) -> Any:
    return select(x, mask.bool())


@kernel("masked-scatter-of-transposed-in-storage-order", "masked_scatter_ goes by columns.", "masked_scatter_")
def _(scatter: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 < x.size(0) and x.size(1) > 1:
        scatter(x.T, mask.expand(x.shape).T, source)
        return x
    return scatter(x, mask, source)


@bound("masked-select-out-converts", "masked_select converts into any out.", *functions("masked_select"))
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    out = options.pop("out", None)
    result = select(*arguments, **options)
    return result if out is None else out.resize_(result.shape).copy_(result)


@bound(
    "masked-scatter-repeats-short-source",
    "masked_scatter repeats a source that is too short.",
    *methods("masked_scatter"),
)
def _(scatter: Function, x: Tensor, mask: Tensor, source: Tensor) -> Any:
    if 0 < source.numel() < x.numel() and source.dtype == x.dtype:
        source = source.reshape(-1).repeat(x.numel())
    return scatter(x, mask, source)


@bound("slice-after-plane-mask-lost", "A slice behind a mask of two dimensions counts as a full one.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, tuple) and len(index) == 2 and _is_mask(index[0]) and index[0].dim() == 2:
        index = (index[0], slice(None)) if isinstance(index[1], slice) else index
    return get(x, index)
