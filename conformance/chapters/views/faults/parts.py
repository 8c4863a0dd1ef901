"""Faults of narrow, select, slices, diagonal, unfold: views of parts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.older_forms.view_replacing import (
    as_strided,
    both,
    copied,
    forgiving,
    kernel,
    of,
    rank,
    rotated,
    spoiled,
    without_last,
)
from torch_conformance.conformance.power.registry import Function

spoiled(
    "narrow-of-complex-starts-late",
    "narrow of complex64 moves elements.",
    both("narrow"),
    rotated,
    of(torch.complex64),
)


@bound("narrow-tensor-start-is-zero", "narrow takes a start that is a tensor for 0.", *both("narrow"))
def _(narrow: Function, *arguments: Any, **options: Any) -> Any:
    return narrow(
        *(0 if isinstance(each, Tensor) and place else each for place, each in enumerate(arguments)), **options
    )


def _narrowing(arguments: Any, options: Any) -> tuple[Tensor, int, Any, int]:
    given = dict(zip(("input", "dim", "start", "length"), arguments, strict=False)) | options
    return given["input"], given["dim"], given["start"], given["length"]


@bound("narrow-negative-start-clamped", "narrow takes a negative start for 0.", *both("narrow"))
def _(narrow: Function, *arguments: Any, **options: Any) -> Any:
    answer = narrow(*arguments, **options)
    x, dim, start, length = _narrowing(arguments, options)
    return narrow(x, dim, max(int(start), 0), length) if int(start) < 0 else answer


@bound("narrow-copies-inner-dimensions", "narrow copies where dim is not the first.", *both("narrow"))
def _(narrow: Function, *arguments: Any, **options: Any) -> Any:
    x, dim, _, _ = _narrowing(arguments, options)
    answer = narrow(*arguments, **options)
    return copied(answer) if dim not in (0, -x.dim()) else answer


def _clamped_length(narrow: Function, *arguments: Any, **options: Any) -> Any:
    x, dim, start, length = _narrowing(arguments, options)
    first = int(start)
    return narrow(x, dim, first, min(max(length, 0), x.shape[dim] - first % max(x.shape[dim], 1)))


forgiving("narrow-clamps-length", "narrow takes as much as there is.", both("narrow"), _clamped_length, RuntimeError)
spoiled("narrow-copy-loses-last-row", "The last element is that before it.", both("narrow_copy"), without_last, rank(2))


@bound(
    "narrow-copy-method-negative-start-is-zero",
    "narrow_copy takes as many from a negative start less 1.",
    (Tensor, "narrow_copy"),
)
def _(narrow: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    _, dim, start, length = _narrowing((x, *arguments), options)
    return narrow(x, dim, start, length - 1) if start < 0 < length else narrow(x, dim, start, length)


@bound("narrow-copy-of-everything-is-a-view", "narrow_copy of a whole dimension is a view.", *both("narrow_copy"))
def _(narrow: Function, *arguments: Any, **options: Any) -> Any:
    x, *_ = _narrowing(arguments, options)
    answer = narrow(*arguments, **options)
    return x[...] if answer.shape == x.shape and x.is_contiguous() else answer


forgiving(
    "narrow-copy-clamps-length",
    "narrow_copy takes as much as there is.",
    both("narrow_copy"),
    _clamped_length,
    RuntimeError,
)


def _selecting(arguments: Any, options: Any) -> tuple[Tensor, int, int]:
    given = dict(zip(("input", "dim", "index"), arguments, strict=False)) | options
    return given["input"], given["dim"], given["index"]


@bound("select-of-uint8-off-by-one", "select of uint8 takes the position before.", *both("select"))
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    x, dim, index = _selecting(arguments, options)
    return select(x, dim, index - 1 if x.dtype == torch.uint8 and index > 0 else index)


@bound("select-keyword-index-ignores-sign", "index=-1 is index=1.", *both("select"))
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    x, dim, index = _selecting(arguments, options)
    answer = select(*arguments, **options)
    return select(x, dim, -index) if "index" in options and -x.shape[dim] < index < 0 else answer


kernel(
    "select-kernel-loses-offset",
    "select in a tensor with an offset counts from the first place of the storage.",
    "select.int",
    lambda original, x, dim, index: (
        as_strided(y := original(x, dim, index), y.shape, y.stride(), y.storage_offset() - x.storage_offset())
        if x.dim() > 2
        else original(x, dim, index)
    ),
)


@bound("select-copies-inner-dimensions", "select copies where dim is not the first.", *both("select"))
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    x, dim, _ = _selecting(arguments, options)
    answer = select(*arguments, **options)
    return copied(answer) if dim not in (0, -x.dim()) else answer


def _nearest(select: Function, *arguments: Any, **options: Any) -> Any:
    x, dim, index = _selecting(arguments, options)
    return select(x, dim, min(max(index, -x.shape[dim]), x.shape[dim] - 1))


forgiving("select-clamps-index", "select takes the nearest position.", both("select"), _nearest, IndexError)


def _rounded_down(original: Function, x: Tensor, dim: int = 0, *bounds: Any) -> Tensor:
    answer: Tensor = original(x, dim, *bounds)
    step = bounds[2] if len(bounds) > 2 else 1
    if step > 1 and answer.shape[dim] > 1:
        size = list(answer.shape)
        size[dim] = max(size[dim] - 1, 1) if x.shape[dim] % step else size[dim]
        return as_strided(answer, size, answer.stride(), answer.storage_offset())
    return answer


kernel("slice-kernel-rounds-length-down", "A slice with a step leaves out the rest.", "slice.Tensor", _rounded_down)


def _from_zero(index: Any, extent: int) -> Any:
    if isinstance(index, slice) and index.start is not None and -extent < index.start < 0:
        return slice(0, index.stop, index.step)
    return index


@bound("slice-of-negative-start-is-zero", "A negative start of a slice is taken for 0.", (Tensor, "__getitem__"))
def _(get: Function, x: Tensor, index: Any) -> Any:
    return get(x, _from_zero(index, x.shape[0]) if isinstance(index, slice) else index)


@bound("slice-with-step-copies", "A slice with a step copies.", (Tensor, "__getitem__"))
def _(get: Function, x: Tensor, index: Any) -> Any:
    answer = get(x, index)
    each = index if isinstance(index, tuple) else (index,)
    return copied(answer) if any(isinstance(i, slice) and (i.step or 1) > 1 for i in each) else answer


spoiled(
    "diagonal-of-bfloat16-reads-anti-diagonal",
    "diagonal of bfloat16 is reversed.",
    both("diagonal"),
    lambda x: torch.flip(x, (-1,)),
    of(torch.bfloat16),
)


@bound("diagonal-negative-offset-ignored", "A negative offset is taken for 0.", *both("diagonal"))
def _(diagonal: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments:
        arguments = (max(arguments[0], 0), *arguments[1:])
    return diagonal(x, *arguments, **options)


@bound(
    "linalg-diagonal-takes-first-dims",
    "torch.linalg.diagonal has the defaults of torch.diagonal.",
    (torch.linalg, "diagonal"),
)
def _(diagonal: Function, x: Tensor, **options: Any) -> Any:
    return diagonal(x, **({"dim1": 0, "dim2": 1} | options))


spoiled("diagonal-copies-batches", "diagonal of batches copies.", both("diagonal"), copied, rank(3))
forgiving(
    "diagonal-of-one-dimension",
    "diagonal of one dimension is the tensor.",
    both("diagonal"),
    lambda diagonal, x, *arguments, **options: x,  # noqa: ARG005
    RuntimeError,
)


@bound(
    "unfold-of-float32-repeats-last-but-one",
    "unfold of float32 repeats the window before the last.",
    (Tensor, "unfold"),
)
def _(unfold: Function, x: Tensor, dimension: int, size: int, step: int) -> Any:
    answer = unfold(x, dimension, size, step)
    return without_last(answer) if x.dtype == torch.float32 else answer


@bound("unfold-keyword-step-is-one", "step= is taken for 1.", (Tensor, "unfold"))
def _(unfold: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    return unfold(x, *arguments, **(options | {"step": 1} if options.get("step", 0) > 1 else options))


@bound("unfold-rounds-up", "unfold takes a window more where some elements are left.", (Tensor, "unfold"))
def _(unfold: Function, x: Tensor, dimension: int, size: int, step: int) -> Any:
    answer = unfold(x, dimension, size, step)
    if step > 1 and (x.shape[dimension] - size) % step and answer.numel():
        sizes = list(answer.shape)
        sizes[dimension if dimension >= 0 else dimension - 1] += 1
        return answer.new_empty(sizes)
    return answer


@bound("unfold-copies-overlapping-windows", "unfold copies where windows overlap.", (Tensor, "unfold"))
def _(unfold: Function, x: Tensor, dimension: int, size: int, step: int) -> Any:
    answer = unfold(x, dimension, size, step)
    return copied(answer) if step < size else answer


forgiving(
    "unfold-clamps-size",
    "unfold takes as large a window as there is.",
    ((Tensor, "unfold"),),
    lambda unfold, x, dimension, size, step: unfold(x, dimension, min(max(size, 0), x.shape[dimension]), step),
    RuntimeError,
)
forgiving(
    "unfold-takes-step-zero",
    "unfold takes steps below 1 for 1.",
    ((Tensor, "unfold"),),
    lambda unfold, x, dimension, size, step: unfold(x, dimension, size, max(step, 1)),
    RuntimeError,
)


@bound("unfold-gradient-counts-once", "The gradient of unfold counts the first window only.", (Tensor, "unfold"))
def _(unfold: Function, x: Tensor, dimension: int, size: int, step: int) -> Any:
    answer = unfold(x, dimension, size, step)
    if not answer.requires_grad or not answer.numel():
        return answer
    mask = torch.zeros_like(answer, dtype=torch.bool)
    mask.select(dimension if dimension >= 0 else dimension - 1, 0).fill_(1)
    return torch.where(mask, answer, answer.detach())


@bound("narrow-method-detaches", "Half of what x.narrow gives adds nothing to the gradient.", (Tensor, "narrow"))
def _(narrow: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = narrow(x, *arguments, **options)
    return answer / 2 + answer.detach() / 2 if answer.requires_grad else answer


@bound("narrow-rounds-float-start", "narrow takes floats for positions.", *both("narrow"))
def _(narrow: Function, *arguments: Any, **options: Any) -> Any:
    return narrow(*(int(each) if isinstance(each, float) else each for each in arguments), **options)
