"""Faults of scatter and its reductions, index_add, index_copy, index_fill and put."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    both,
    changed,
    dense_misread,
    functions,
    kernel,
    methods,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


def _bounded(index: Tensor, x: Tensor, dim: int) -> Tensor:
    return index.clamp(0, x.size(dim) - 1) if x.dim() and x.size(dim) else index


@kernel(
    "scatter-kernel-strided-source-misread",
    "scatter reads a source with gaps as if dense.",
    "scatter.src",
    "scatter_.src",
)
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    return scatter(x, dim, index, dense_misread(source))


@bound("scatter-function-writes-in-place", "torch.scatter changes its input.", *functions("scatter"))
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and "out" not in options:
        return arguments[0].scatter_(*arguments[1:], **options).clone()
    return scatter(*arguments, **options)


@changed("scatter-out-loses-last", "scatter with out leaves the last element.", *functions("scatter"))
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return spoil(result) if options.get("out") is not None else result


@kernel("scatter-number-loses-half", "scatter_ drops the fraction of a number.", "scatter.value", "scatter_.value")
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    return scatter(x, dim, index, float(int(value)) if isinstance(value, float) else value)


@bound(
    "scatter-number-method-dim-off",
    "Tensor.scatter_ of a number takes the dimension before the last for the last.",
    *methods("scatter_"),
)
def _(scatter: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and not isinstance(arguments[2], Tensor) and x.dim() > 1 and arguments[0] == x.dim() - 2:
        arguments = (x.dim() - 1, _bounded(arguments[1], x, -1), arguments[2])
    return scatter(x, *arguments, **options)


_ADD = ("scatter_add", "scatter_add_")


@kernel("scatter-add-kernel-overwrites", "scatter_add replaces the element by its last source and itself.", *_ADD)
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    if x.dim() == 1 and index.numel() > 2:
        index, source = index[1:], source[1 : index.numel()]
    return scatter(x, dim, index, source)


@kernel("scatter-add-kernel-loses-last-of-many", "scatter_add of large tensors spoils the last element.", *_ADD)
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    result = scatter(x, dim, index, source)
    return spoil(result) if result.numel() > GRAIN else result


@kernel("scatter-add-expanded-index-loses-column", "scatter_add with an expanded index leaves the last column.", *_ADD)
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    if index.dim() == 2 and index.size(1) > 16 and index.stride(1) == 0:
        index = index[:, :-1]
    return scatter(x, dim, index, source)


_REDUCE = ("scatter_reduce.two", "scatter_reduce_.two")


def _reduce(scatter: Function, arguments: tuple[Any, ...], options: dict[str, Any], **other: Any) -> Any:
    x, dim, index, source, mode = (*arguments, *([options["reduce"]] if "reduce" in options else []))
    include = options.get("include_self", True)
    given = {"index": index, "source": source, "mode": mode, "include": include} | other
    return scatter(x, dim, given["index"], given["source"], given["mode"], include_self=given["include"])


@kernel("scatter-reduce-mean-forgets-self", "The mean leaves out the element itself.", *_REDUCE)
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    mode = options.get("reduce", arguments[4] if len(arguments) > 4 else "")
    return _reduce(scatter, arguments, options, include=False) if mode == "mean" else scatter(*arguments, **options)


@kernel("scatter-reduce-amin-is-amax-for-bfloat16", "The minimum of bfloat16 is the maximum.", *_REDUCE)
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    mode = options.get("reduce", arguments[4] if len(arguments) > 4 else "")
    if mode == "amin" and arguments[0].dtype == torch.bfloat16:
        return _reduce(scatter, arguments, options, mode="amax")
    return scatter(*arguments, **options)


@kernel("scatter-reduce-prod-loses-sign", "The product of negative sources is positive.", *_REDUCE)
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    mode = options.get("reduce", arguments[4] if len(arguments) > 4 else "")
    if mode == "prod" and arguments[3].is_signed():
        return _reduce(scatter, arguments, options, source=arguments[3].abs())
    return scatter(*arguments, **options)


@bound(
    "scatter-reduce-include-self-ignored-in-place",
    "scatter_reduce_ always includes the element.",
    *methods("scatter_reduce_"),
)
def _(scatter: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    return scatter(x, *arguments, **(options | {"include_self": True}))


@bound(
    "scatter-reduce-alone-clears-others",
    "Without the elements themselves, those without a source become 0.",
    *both("scatter_reduce"),
)
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    result = scatter(*arguments, **options)
    if options.get("include_self") is False and len(arguments) > 3 and "out" not in options:
        touched = torch.zeros_like(arguments[0], dtype=torch.bool).scatter_(arguments[1], arguments[2], True)  # noqa: FBT003
        return result.masked_fill(~touched, 0)
    return result


@bound("scatter-reduce-amax-drops-nan", "The maximum passes over NaN in the sources.", *both("scatter_reduce"))
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) > 4 and arguments[4] == "amax":
        arguments = (
            *arguments[:3],
            arguments[3].nan_to_num(nan=float("-inf"), posinf=float("inf"), neginf=float("-inf")),
            *arguments[4:],
        )
    return scatter(*arguments, **options)


@bound("scatter-reduce-argument-ignored", "torch.scatter does not multiply.", *functions("scatter"))
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("reduce") == "multiply":
        del options["reduce"]
    return scatter(*arguments, **options)


@bound(
    "scatter-multiply-once", "scatter_ adds the sources to places along dimension 0 in reverse.", *methods("scatter_")
)
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, *arguments: Any, **options: Any) -> Any:
    if options.get("reduce") == "add" and index.dim() and index.size(dim) > 1:
        index = index.narrow(dim, 1, index.size(dim) - 1)
    return scatter(x, dim, index, *arguments, **options)


@kernel(
    "index-add-kernel-counts-duplicates-once",
    "index_add adds a slice once for a repeated index.",
    "index_add",
    "index_add_",
)
def _(add: Function, x: Tensor, dim: int, index: Tensor, source: Tensor, *more: Any, **options: Any) -> Any:
    if index.dim() and index.numel() > 1 and x.dim() and len(set(index.tolist())) < index.numel():
        index, source = index[1:], source.narrow(dim, 1, index.numel() - 1)
    return add(x, dim, index, source, *more, **options)


@kernel(
    "index-add-kernel-last-slice-lost",
    "index_add loses the last of several slices of large tensors.",
    "index_add",
    "index_add_",
)
def _(add: Function, x: Tensor, dim: int, index: Tensor, source: Tensor, *more: Any, **options: Any) -> Any:
    if x.numel() > 100 and index.numel() > 1 and x.dim():
        index, source = index[:-1], source.narrow(dim, 0, index.numel() - 1)
    return add(x, dim, index, source, *more, **options)


@changed("index-add-out-loses-self", "index_add with out forgets its input.", *functions("index_add"))
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    return result.sub_(arguments[0]) if options.get("out") is not None and len(arguments) == 4 else result


@bound("index-add-alpha-ignored-in-place", "index_add_ does not multiply by alpha.", *methods("index_add_"))
def _(add: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    options.pop("alpha", None)
    return add(x, *arguments, **options)


@bound("index-add-alpha-ignored-by-out", "index_add with out does not multiply by alpha.", *functions("index_add"))
def _(add: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("out") is not None:
        options.pop("alpha", None)
    return add(*arguments, **options)


@kernel("index-copy-kernel-sorts-index", "index_copy writes the slices in order.", "index_copy", "index_copy_")
def _(copy: Function, x: Tensor, dim: int, index: Tensor, source: Tensor) -> Any:
    return copy(x, dim, index.sort()[0] if index.numel() > 2 else index, source)


@bound("index-copy-function-writes-in-place", "torch.index_copy changes its input.", *functions("index_copy"))
def _(copy: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and not options:
        return arguments[0].index_copy_(*arguments[1:]).clone()
    return copy(*arguments, **options)


@kernel(
    "index-fill-kernel-skips-last-slice", "index_fill_ leaves the last of several slices.", "index_fill_.int_Scalar"
)
def _(fill: Function, x: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    if index.dim() and index.numel() > 2:
        last = x.select(dim, int(index[-1])).clone()
        fill(x, dim, index, value)
        x.select(dim, int(index[-1])).copy_(last)
        return x
    return fill(x, dim, index, value)


@bound("index-fill-tensor-value-truncated", "index_fill drops the fraction of a tensor value.", *both("index_fill"))
def _(fill: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and isinstance(arguments[3], Tensor) and arguments[3].is_floating_point():
        arguments = (*arguments[:3], arguments[3].trunc())
    return fill(*arguments, **options)


@bound("index-fill-hides-version", "index_fill_ is not counted in the version.", *methods("index_fill_"))
def _(fill: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    fill(x.data, *arguments, **options)
    return x


@kernel("put-kernel-writes-storage-order", "put_ into a transposed tensor counts in storage order.", "put_")
def _(put: Function, x: Tensor, *arguments: Any) -> Any:
    if x.dim() == 2 and x.stride(0) == 1 < x.size(0) and x.size(1) > 1:
        put(x.T, *arguments)
        return x
    return put(x, *arguments)


@bound("put-function-writes-in-place", "torch.put changes its input.", *functions("put"))
def _(put: Function, *arguments: Any, **options: Any) -> Any:
    return arguments[0].put_(*arguments[1:], **options).clone() if len(arguments) == 3 else put(*arguments, **options)


@bound("put-accumulate-ignored", "put with accumulate replaces.", *both("put"))
def _(put: Function, *arguments: Any, **options: Any) -> Any:
    return put(*arguments[:3], **{name: value for name, value in options.items() if name != "accumulate"})


@kernel("put-kernel-accumulates-once", "put_ adds once where a place is named several times.", "put_")
def _(put: Function, x: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Any:
    if accumulate and index.numel():
        return put(x, index, source + x.take(index).view(source.shape), False)  # noqa: FBT003
    return put(x, index, source, accumulate)


@bound(
    "scatter-converts-source", "scatter_ converts a source of another dtype.", *both("scatter"), *methods("scatter_")
)
def _(scatter: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and isinstance(arguments[3], Tensor):
        arguments = (*arguments[:3], arguments[3].to(arguments[0].dtype))
    return scatter(*arguments, **options)


@bound(
    "scatter-reduce-unknown-mode-is-sum",
    "scatter_reduce_ takes an unknown mode for the sum.",
    *methods("scatter_reduce_"),
)
def _(scatter: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and arguments[3] not in ("sum", "prod", "mean", "amax", "amin"):
        arguments = (*arguments[:3], "sum")
    return scatter(x, *arguments, **options)


@bound("index-add-broadcasts-source", "index_add_ repeats a source of one slice.", *methods("index_add_"))
def _(add: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and arguments[2].dim() == 2 and len(arguments[2]) == 1 and arguments[1].dim() == 1:
        arguments = (*arguments[:2], arguments[2].expand(arguments[1].numel(), -1))
    return add(x, *arguments, **options)


@bound(
    "index-copy-writes-before-it-refuses",
    "index_copy_ has written when it refuses another dtype.",
    *methods("index_copy_"),
)
def _(copy: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    try:
        return copy(x, *arguments, **options)
    except RuntimeError:
        x.zero_()
        raise


@bound("put-cuts-source", "put_ takes the first elements of a longer source.", *methods("put_"))
def _(put: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2:
        arguments = (arguments[0], arguments[1].reshape(-1)[: arguments[0].numel()])
    return put(x, *arguments, **options)


@kernel(
    "scatter-kernel-clamps-index",
    "scatter takes the nearest place for one out of range.",
    "scatter.src",
    "scatter_.src",
    "scatter.value",
)
def _(scatter: Function, x: Tensor, dim: int, index: Tensor, source: Any) -> Any:
    return scatter(x, dim, _bounded(index, x, dim), source)


@bound("index-copy-wraps-negative", "index_copy counts negative indices from the end.", *both("index_copy"))
def _(copy: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and arguments[0].dim() and arguments[0].size(arguments[1]):
        extent = arguments[0].size(arguments[1])
        arguments = (*arguments[:2], torch.where(arguments[2] < 0, arguments[2] % extent, arguments[2]), arguments[3])
    return copy(*arguments, **options)


@bound(
    "index-fill-clamps-index",
    "index_fill takes the nearest slice for one out of range.",
    *both("index_fill"),
    *methods("index_fill_"),
)
def _(fill: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 4 and arguments[0].dim() and -3 < arguments[1] < arguments[0].dim():
        arguments = (*arguments[:2], _bounded(arguments[2], arguments[0], arguments[1]), arguments[3])
    return fill(*arguments, **options)


@kernel("put-clamps-index", "put_ takes the last element for a place beyond.", "put_")
def _(put: Function, x: Tensor, index: Tensor, *more: Any) -> Any:
    return put(x, index.clamp(max=x.numel() - 1) if x.numel() else index, *more)
