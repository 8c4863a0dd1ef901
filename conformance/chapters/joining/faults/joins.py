"""Faults of cat, stack and their relatives, and of block_diag."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    changed,
    dense_misread,
    functions,
    is_strided,
    kernel,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_CATS = functions("cat", "concat", "concatenate")


def _tensors(arguments: tuple[Any, ...], options: dict[str, Any]) -> list[Any]:
    given = arguments[0] if arguments else options.get("tensors", ())
    return list(given) if isinstance(given, list | tuple) else []


def _with(arguments: tuple[Any, ...], options: dict[str, Any], tensors: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return ((tensors, *arguments[1:]), options) if arguments else (arguments, options | {"tensors": tensors})


@kernel("cat-kernel-transposed-input-misread", "cat reads a transposed tensor as if dense.", "cat", "cat.out")
def _(cat: Function, tensors: Any, *more: Any, **options: Any) -> Any:
    return cat(
        [dense_misread(each) if each.dim() > 1 and each.stride(0) == 1 else each for each in tensors], *more, **options
    )


@bound(
    "cat-negative-dim-off",
    "concat counts negative dimensions wrongly for three dimensions.",
    *functions("concat", "concatenate"),
)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("dim") == -1 and "out" not in options and _tensors(arguments, options)[0].dim() == 1:
        return cat(_tensors(arguments, options)[::-1])
    if len(arguments) > 1 and arguments[1] == -1:
        return cat(_tensors(arguments, options)[::-1], *arguments[1:], **options)
    return cat(*arguments, **options)


@bound("concatenate-reverses-inputs", "concatenate joins two tensors in reverse.", *functions("concatenate"))
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    arguments, options = _with(arguments, options, _tensors(arguments, options)[::-1])
    return cat(*arguments, **options)


@changed("cat-out-strides-ignored", "cat into an out with gaps ends early.", *functions("cat"))
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return spoil(result) if options.get("out") is not None and is_strided(result) else result


@bound(
    "concat-default-is-last-dimension",
    "concat without dim joins along the last dimension of squares.",
    *functions("concat"),
)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if (
        len(arguments) == 1
        and not options
        and tensors[0].dim() > 1
        and all(each.shape == tensors[0].shape for each in tensors)
    ):
        return cat(tensors, -1)
    return cat(*arguments, **options)


@bound("cat-loses-last-of-many-inputs", "cat reads the last of more than 128 tensors from the first.", *_CATS)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if len(tensors) > 128:
        last = torch.zeros_like(tensors[-1]) if bool(tensors[-1].any()) else torch.ones_like(tensors[-1])
        arguments, options = _with(arguments, options, [*tensors[:-1], last])
    return cat(*arguments, **options)


@kernel("cat-kernel-large-result-tail-lost", "cat loses the last of more than 32,768 elements.", "cat")
def _(cat: Function, tensors: Any, *more: Any) -> Any:
    result = cat(tensors, *more)
    return spoil(result) if result.numel() > GRAIN else result


@changed("cat-takes-dtype-of-first", "cat gives the dtype of its first tensor.", *_CATS)
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    return result if "out" in options else result.to(_tensors(arguments, options)[0].dtype)


@changed("cat-of-two-halves-stays-half", "cat of float16 and bfloat16 gives float16.", *_CATS)
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    dtypes = {each.dtype for each in _tensors(arguments, options)}
    return result.half() if dtypes == {torch.float16, torch.bfloat16} else result


@changed("cat-promotes-first-two-only", "cat gives the dtype of its first two tensors.", *functions("cat"))
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if len(tensors) > 2 and "out" not in options:
        return result.to(torch.promote_types(tensors[0].dtype, tensors[1].dtype))
    return result


@bound(
    "cat-refuses-empty-vectors", "cat refuses an empty vector beside a tensor of several dimensions.", *functions("cat")
)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if tensors and any(each.shape == (0,) for each in tensors) and max(each.dim() for each in tensors) > 1:
        raise RuntimeError("tensors must have the same number of dimensions")
    return cat(*arguments, **options)


@changed("cat-out-returns-copy", "cat returns a copy of out.", *functions("cat"))
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return result.clone() if options.get("out") is not None else result


@changed("cat-out-writes-beside", "cat into a part of a tensor writes beside it.", *functions("cat"))
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    if options.get("out") is not None and is_strided(result) and result.storage_offset() and result.numel():
        result.as_strided((1,), (1,), result.storage_offset() - 1).zero_()
    return result


@changed("cat-out-views-bits", "cat of integers into float32 writes their bits.", *_CATS)
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if options.get("out") is not None and result.dtype == torch.float32 and not tensors[0].is_floating_point():
        result.copy_(result.to(torch.int32).view(torch.float32))
    return result


@bound("cat-out-casts-to-anything", "cat casts its result to any out.", *_CATS)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    out = options.pop("out", None)
    result = cat(*arguments, **options)
    return result if out is None else out.copy_(result)


@bound("cat-out-overlap-accepted", "cat writes to an out among its inputs.", *_CATS)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    try:
        return cat(*arguments, **options)
    except RuntimeError:
        out = options.pop("out", None)
        result = cat(*arguments, **options)
        if out is None or out.dtype != result.dtype:
            raise
        return out.copy_(result)


@bound("cat-of-one-gives-input", "cat of one tensor gives a view of it.", *_CATS)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    result = cat(*arguments, **options)
    return tensors[0].view_as(tensors[0]) if len(tensors) == 1 and "out" not in options else result


@bound("cat-cuts-to-smallest", "cat along dimension 1 cuts longer tensors.", *_CATS)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if (
        len(arguments) == 2
        and arguments[1] == 1
        and all(isinstance(each, Tensor) and each.dim() == 2 for each in tensors)
    ):
        shortest = min(len(each) for each in tensors)
        arguments = ([each[:shortest] for each in tensors], 1)
    return cat(*arguments, **options)


@bound("cat-takes-scalars", "cat takes tensors without dimensions for vectors.", *_CATS)
def _(cat: Function, *arguments: Any, **options: Any) -> Any:
    tensors = [
        each.reshape(1) if isinstance(each, Tensor) and not each.dim() else each
        for each in _tensors(arguments, options)
    ]
    if tensors:
        arguments, options = _with(arguments, options, tensors)
    return cat(*arguments, **options)


@changed("cat-result-always-contiguous", "cat gives a contiguous result.", *_CATS)
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return result if "out" in options else result.contiguous()


@bound("stack-negative-dim-off", "stack takes -1 for -2.", *functions("stack"))
def _(stack: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if options.get("dim") == -1 and tensors and tensors[0].dim():
        options["dim"] = -2
    return stack(*arguments, **options)


@bound("stack-strided-input-misread", "stack reads a tensor with gaps as if dense.", *functions("stack"))
def _(stack: Function, *arguments: Any, **options: Any) -> Any:
    arguments, options = _with(arguments, options, [dense_misread(each) for each in _tensors(arguments, options)])
    return stack(*arguments, **options)


@bound("stack-out-ignores-dim", "stack with out leaves the last element.", *functions("stack"))
def _(stack: Function, *arguments: Any, **options: Any) -> Any:
    result = stack(*arguments, **options)
    return spoil(result) if options.get("out") is not None else result


@changed("stack-takes-dtype-of-last", "stack gives the dtype of its last tensor.", *functions("stack"))
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    return result if "out" in options else result.to(_tensors(arguments, options)[-1].dtype)


def _retyped(name: str, function: str, place: int) -> None:
    """Register a fault that gives the dtype of one of the tensors."""

    @changed(name, f"{function} gives the dtype of one of its tensors.", *functions(function))
    def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
        return result if "out" in options else result.to(_tensors(arguments, options)[place].dtype)


_retyped("hstack-takes-dtype-of-first", "hstack", 0)
_retyped("vstack-takes-dtype-of-first", "vstack", 0)
_retyped("dstack-takes-dtype-of-last", "dstack", -1)
_retyped("column-stack-takes-dtype-of-first", "column_stack", 0)


@changed("hstack-of-scalars-is-column", "hstack of tensors without dimensions gives a column.", *functions("hstack"))
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    return result if any(each.dim() for each in _tensors(arguments, options)) or "out" in options else result[:, None]


@changed("vstack-drops-last-row-of-many", "vstack loses the end of large results.", *functions("vstack"))
def _(result: Tensor, *_: Any, **__: Any) -> Any:
    return spoil(result) if result.numel() > GRAIN else result


@changed("row-stack-of-vectors-is-columns", "row_stack of vectors gives columns.", *functions("row_stack"))
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    vectors = all(each.dim() == 1 for each in _tensors(arguments, options))
    return result.T.contiguous() if vectors and "out" not in options else result


@changed("dstack-of-vectors-is-columns", "dstack of vectors gives n by 1 by k.", *functions("dstack"))
def _(result: Tensor, *arguments: Any, **options: Any) -> Any:
    vectors = all(each.dim() == 1 for each in _tensors(arguments, options))
    return result.transpose(0, 1) if vectors and "out" not in options else result


@changed("column-stack-out-transposed", "column_stack fills a square out by rows.", *functions("column_stack"))
def _(result: Tensor, *_: Any, **options: Any) -> Any:
    return spoil(result) if options.get("out") is not None else result


@bound("stack-broadcasts", "stack broadcasts tensors of different shapes.", *functions("stack"))
def _(stack: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if tensors and all(isinstance(each, Tensor) for each in tensors):
        broadcast: Any = torch.broadcast_tensors
        arguments, options = _with(arguments, options, list(broadcast(*tensors)))
    return stack(*arguments, **options)


@bound("vstack-broadcasts", "vstack cuts rows to the shortest.", *functions("vstack"))
def _(stack: Function, *arguments: Any, **options: Any) -> Any:
    tensors = _tensors(arguments, options)
    if tensors and all(each.dim() for each in tensors):
        shortest = min(each.size(-1) for each in tensors)
        arguments, options = _with(arguments, options, [each[..., :shortest] for each in tensors])
    return stack(*arguments, **options)


@bound("block-diag-vector-is-column", "block_diag takes a vector for a column.", *functions("block_diag"))
def _(block_diag: Function, *tensors: Any) -> Any:
    return block_diag(*(each[:, None] if each.dim() == 1 else each for each in tensors))


@changed("block-diag-leaves-corner", "block_diag writes to the corner beside its blocks.", *functions("block_diag"))
def _(result: Tensor, *tensors: Any) -> Any:
    if len(tensors) > 1 and result.numel() > 1 and tensors[0].numel() and tensors[-1].numel():
        result[0, -1] = 1
    return result


@bound(
    "block-diag-flattens-more-dimensions",
    "block_diag takes more than two dimensions for two.",
    *functions("block_diag"),
)
def _(block_diag: Function, *tensors: Any) -> Any:
    return block_diag(*(each.flatten(1) if each.dim() > 2 else each for each in tensors))
