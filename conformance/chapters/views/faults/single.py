"""Faults of view, expand, as_strided."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import as_strided, copied, is_offset, is_strided, last_repeated, shifted
from torch_conformance.conformance.power.forms import kernels, methods
from torch_conformance.conformance.power.gradient_forms import differentiated_as
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_STRIDED = "x/input size stride storage_offset"
_reshape = torch.reshape
view, expand = (Operation(name, *methods(name), order="x size/dtype") for name in ("view", "expand"))
strided = Operation("as_strided", order=_STRIDED)
strided_method = Operation("as_strided method", *methods("as_strided"), order=_STRIDED)


def _row_major(size: Any) -> list[int]:
    steps = list(itertools.accumulate(reversed(size[1:]), lambda step, extent: step * max(extent, 1), initial=1))
    return steps[::-1] if len(size) else []


def _size_of(arguments: Any) -> list[int] | None:
    """Return the size that arguments of view or expand ask for, unless they ask for a dtype."""
    if not arguments or isinstance(arguments[0], torch.dtype):
        return None
    return list(arguments[0]) if not isinstance(arguments[0], int) else list(arguments)


@Operation("view kernel", *kernels("view"), order="x size").answers("of expanded reads on")
def _(result: Tensor, x: Tensor) -> Tensor:
    last = sum((extent - 1) * step for extent, step in zip(x.shape, x.stride(), strict=True))
    return last_repeated(result) if last + 1 < x.numel() else result


view.answers("of lists loses offset", "of a list begins at the first place of the storage")(
    lambda result, size: shifted(result, -result.storage_offset()) if isinstance(size, list) else result
)
view.answers("of strided takes row-major strides")(
    lambda result, x, size: (
        as_strided(result, result.shape, _row_major(result.shape))
        if is_strided(x) and not isinstance(size, torch.dtype) and result.numel()
        else result
    )
)
view.refuses("takes row-major strides only", lambda x, size: is_strided(x) and not isinstance(size, torch.dtype))


@view.replaced("copies where impossible", "copies where there is no view")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    try:
        return original(x, *arguments, **options)
    except RuntimeError:
        return original(x.contiguous() if _size_of(arguments) else x, *arguments, **options)


Operation("view_as", *methods("view_as"), order="x other").forgives(
    "copies where impossible", "copies where there is no view"
)(lambda x, other: _reshape(x, other.shape))


@view.replaced("infers one for empty", "takes -1 for 1 for tensors without elements")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    size = _size_of(arguments)
    answer = original(x, *arguments, **options)
    # The product is not 0, so that -1 is all that leaves nothing.
    inferred = size is not None and -1 in size and not x.numel() and 0 not in size
    return x.new_empty([abs(extent) for extent in size or ()]) if inferred else answer


@view.replaced("truncates", "of fewer elements leaves out the rest")
def _(original: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    size = _size_of(arguments)
    if size and min(size) > 0 and math.prod(size) < x.numel():
        return as_strided(x, size, _row_major(size))
    return original(x, *arguments, **options)


@Operation("expand", *methods("expand", "broadcast_to"), "torch.broadcast_to").replaced("of minus one is one")
def _(original: Function, x: Tensor, *size: Any) -> Any:
    sizes, answer = _size_of(size), original(x, *size)
    return answer[..., :1] if sizes and sizes[-1] == -1 and answer.shape[-1] > 1 else answer


@expand.replaced("repeats any size", "repeats the first of several")
def _(original: Function, x: Tensor, *size: Any) -> Any:
    try:
        return original(x, *size)
    except RuntimeError:
        return original(x[(slice(0, 1),) * x.dim()], _size_of(size))


@expand.replaced("takes minus one in front", "takes a new dimension of -1 for 1")
def _(original: Function, x: Tensor, *size: Any) -> Any:
    sizes = _size_of(size) or []
    added = len(sizes) - x.dim()
    return original(x, [abs(extent) if place < added else extent for place, extent in enumerate(sizes)])


@Operation("expand", "Tensor.expand", "torch.broadcast_to").replaced("gradient averages")
def _(original: Function, x: Tensor, *size: Any) -> Any:
    answer = original(x, *size)
    if answer.requires_grad and answer.numel() > x.numel():
        return differentiated_as(answer, answer * (x.numel() / answer.numel()))
    return answer


strided.answers("default offset is zero", "without an offset begins at 0")(
    lambda original, x, size, stride, storage_offset: original(x, size, stride, storage_offset or 0)
)
strided.given(
    "of lists reverses strides",
    "takes a list of strides in reverse",
    stride=lambda size, stride: stride[::-1] if isinstance(stride, list) and len({*size}) == 1 else stride,
)
strided_method.answers("copies when offset")(lambda result: copied(result) if is_offset(result) else result)
strided_method.forgives("clamps to storage", "takes what there is")(
    lambda original, x, size, stride, storage_offset=0: original(
        x, [1 for _ in size], [max(step, 0) for step in stride], 0 if size else max(storage_offset, 0)
    )
)
Operation("as_strided", *methods("as_strided_"), order=_STRIDED).answers("in place ignores offset")(
    lambda original, x, size, stride, storage_offset=0: original(
        x, size, stride, min(x.storage_offset(), storage_offset)
    )
)
