"""Faults of view, expand, as_strided, detach."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.older_forms.view_replacing import (
    as_strided,
    both,
    copied,
    dense,
    forgiving,
    is_gapped,
    is_offset,
    kernel,
    of,
    rotated,
    spoiled,
    without_last,
)
from torch_conformance.conformance.power.registry import Function

_view = Tensor.view
_reshape = torch.reshape
_VIEW = ((Tensor, "view"),)


def _row_major(size: Any) -> list[int]:
    steps = list(itertools.accumulate(reversed(size[1:]), lambda step, extent: step * max(extent, 1), initial=1))
    return steps[::-1] if len(size) else []


def _size_of(arguments: Any) -> list[int] | None:
    """Return the size that arguments of view ask for, unless they ask for a dtype."""
    if not arguments or isinstance(arguments[0], torch.dtype):
        return None
    return list(arguments[0]) if not isinstance(arguments[0], int) else list(arguments)


def _reads_on(original: Function, x: Tensor, size: Any) -> Tensor:
    answer: Tensor = original(x, size)
    last = sum((extent - 1) * step for extent, step in zip(x.shape, x.stride(), strict=True))
    return without_last(answer) if last + 1 < x.numel() else answer


kernel(
    "view-kernel-of-expanded-reads-on",
    "The last element of a view of an expanded tensor is that before it.",
    "view",
    _reads_on,
)


@bound("view-of-lists-loses-offset", "view of a list begins at the first place of the storage.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = view(x, *arguments, **options)
    return as_strided(answer, answer.shape, answer.stride(), 0) if isinstance(arguments[0], list) else answer


def _dense_strides(x: Tensor) -> Tensor:
    return as_strided(x, x.shape, _row_major(x.shape)) if x.numel() else x


@bound("view-of-strided-takes-row-major-strides", "Views of what is not contiguous have row-major strides.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = view(x, *arguments, **options)
    return _dense_strides(answer) if is_gapped(x) and _size_of(arguments) is not None else answer


spoiled("view-copies-when-offset", "view copies tensors with an offset.", _VIEW, copied, is_offset)
spoiled("view-as-copies", "view_as copies.", ((Tensor, "view_as"),), copied)


@bound("view-takes-row-major-strides-only", "view refuses all that is not contiguous.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if is_gapped(x) and _size_of(arguments) is not None:
        raise RuntimeError("the tensor is not contiguous")
    return view(x, *arguments, **options)


def _copied_instead(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    size = _size_of(arguments)
    if size is None:
        return view(x, *arguments, **options)
    return view(dense(x), *arguments, **options)


forgiving("view-copies-where-impossible", "view copies where there is no view.", _VIEW, _copied_instead, RuntimeError)
forgiving(
    "view-as-copies-where-impossible",
    "view_as copies where there is no view.",
    ((Tensor, "view_as"),),
    lambda view_as, x, other: _reshape(x, other.shape),  # noqa: ARG005
    RuntimeError,
)


@bound("view-infers-one-for-empty", "-1 becomes 1 for tensors without elements.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    size = _size_of(arguments)
    answer = view(x, *arguments, **options)
    # The product is not 0, so that -1 is all that leaves nothing.
    if size is not None and -1 in size and not x.numel() and 0 not in size:
        return x.new_empty([abs(extent) for extent in size])
    return answer


def _fewer(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    size = _size_of(arguments)
    if size and min(size) > 0 and math.prod(size) < x.numel():
        return as_strided(x, size, _row_major(size))
    return view(x, *arguments, **options)


forgiving("view-truncates", "view of fewer elements leaves out the rest.", _VIEW, _fewer, RuntimeError)
spoiled(
    "expand-of-int64-fills-with-zeros",
    "expand of int64 gives zeros after the first element.",
    ((Tensor, "expand"),),
    lambda x: x * (torch.arange(x.numel()).reshape(x.shape) == 0).to(x.dtype),
    of(torch.int64),
)
spoiled("broadcast-to-makes-contiguous", "broadcast_to copies.", both("broadcast_to"), dense)


@bound(
    "expand-of-minus-one-is-one", "expand takes -1 in a list of three for 1.", (Tensor, "expand"), *both("broadcast_to")
)
def _(expand: Function, x: Tensor, *size: Any) -> Any:
    sizes = list(size[0]) if not isinstance(size[0], int) else list(size)
    answer = expand(x, *size)
    return answer[..., :1] if sizes[-1:] == [-1] and answer.shape[-1] > 1 else answer


spoiled("expand-as-copies", "expand_as copies.", ((Tensor, "expand_as"),), copied)


def _copied_when_offset(original: Function, x: Tensor, size: Any, *rest: Any, **options: Any) -> Tensor:
    answer: Tensor = original(x, size, *rest, **options)
    return copied(answer) if is_offset(x) else answer


kernel("expand-kernel-copies-when-offset", "expand copies tensors with an offset.", "expand", _copied_when_offset)


def _any_size(expand: Function, x: Tensor, *size: Any) -> Any:
    sizes = list(size[0]) if not isinstance(size[0], int) else list(size)
    return expand(x[(slice(0, 1),) * x.dim()], sizes)


forgiving(
    "expand-repeats-any-size", "expand repeats the first of several.", ((Tensor, "expand"),), _any_size, RuntimeError
)


def _front(expand: Function, x: Tensor, *size: Any) -> Any:
    sizes = list(size[0]) if not isinstance(size[0], int) else list(size)
    added = len(sizes) - x.dim()
    return expand(x, [abs(extent) if place < added else extent for place, extent in enumerate(sizes)])


forgiving(
    "expand-takes-minus-one-in-front", "A new dimension of -1 has size 1.", ((Tensor, "expand"),), _front, RuntimeError
)
_STRIDED = both("as_strided")


@bound("as-strided-of-uint8-begins-late", "as_strided of uint8 begins a place late.", (Tensor, "as_strided"))
def _(method: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = method(x, *arguments, **options)
    return rotated(answer) if x.dtype == torch.uint8 else answer


@bound("as-strided-default-offset-is-zero", "as_strided without an offset begins at 0.", *_STRIDED)
def _(function: Function, x: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    return function(x, size, stride, storage_offset or 0)


@bound("as-strided-of-lists-reverses-strides", "as_strided takes a list of strides in reverse.", *_STRIDED)
def _(function: Function, x: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    equal = isinstance(stride, list) and len(set(size)) == 1
    return function(x, size, stride[::-1] if equal else stride, storage_offset)


@bound("as-strided-method-copies-when-offset", "x.as_strided copies with an offset.", (Tensor, "as_strided"))
def _(method: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = method(x, *arguments, **options)
    return copied(answer) if is_offset(answer) else answer


@bound("as-strided-in-place-ignores-offset", "as_strided_ leaves the offset.", (Tensor, "as_strided_"))
def _(method: Function, x: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    offset = x.storage_offset()
    method(x, size, stride, storage_offset)
    return method(x, size, stride, min(offset, storage_offset or 0))


def _within(function: Function, x: Tensor, size: Any, stride: Any, storage_offset: int = 0) -> Any:
    return function(x, [1 for _ in size], [max(step, 0) for step in stride], max(storage_offset, 0) if not size else 0)


forgiving(
    "as-strided-clamps-to-storage", "as_strided takes what there is.", ((Tensor, "as_strided"),), _within, RuntimeError
)
spoiled(
    "detach-of-float32-moves-elements",
    "detach of float32 moves elements.",
    ((Tensor, "detach"),),
    rotated,
    of(torch.float32),
)
spoiled("detach-function-makes-contiguous", "torch.detach copies.", ((torch, "detach"),), dense)
spoiled("detach-copies-expanded", "detach copies expanded tensors.", both("detach"), copied, lambda x: 0 in x.stride())


@bound("expand-gradient-averages", "The gradient of expand is an average.", (Tensor, "expand"), (torch, "broadcast_to"))
def _(expand: Function, x: Tensor, *size: Any) -> Any:
    answer = expand(x, *size)
    if answer.requires_grad and answer.numel() > x.numel():
        share = answer * (x.numel() / answer.numel())
        return share + (answer - share).detach()
    return answer
