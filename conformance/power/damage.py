"""What faults do to tensors, and to which: conditions on a tensor, and what becomes of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Condition = Callable[[Any], bool]
Change = Callable[[Any], Any]

# ATen gives a thread no fewer elements than this.
GRAIN = 32_768
# Elements of the narrowest vector of float32 that kernels use.
WIDTH = 8

# Kept from before any fault is installed.
as_strided = torch.as_strided
clone = Tensor.clone


def always(_: Any) -> bool:
    """Hold for every tensor."""
    return True


def always_called(*_: Any, **__: Any) -> bool:
    """Hold for every call."""
    return True


def is_strided(x: Any) -> bool:
    """Hold for tensors that are not contiguous."""
    return isinstance(x, Tensor) and not x.is_contiguous()


def is_offset(x: Tensor) -> bool:
    """Hold for tensors that do not begin at the first place of their storage."""
    return x.storage_offset() > 0


def is_many(x: Tensor) -> bool:
    """Hold for tensors that several threads share: of more elements than the parallel grain."""
    return x.numel() > GRAIN


def is_one_beyond_a_vector(x: Tensor) -> bool:
    """Hold for tensors that fill vectors and leave a tail of one element."""
    return x.numel() > WIDTH and x.numel() % WIDTH == 1


def longer_than(count: int) -> Condition:
    """Hold for tensors of more than so many elements."""
    return lambda x: bool(x.numel() > count)


def of(*dtypes: torch.dtype) -> Condition:
    """Hold for tensors of some dtypes."""
    return lambda x: x.dtype in dtypes


def rank(least: int) -> Condition:
    """Hold for tensors of at least so many dimensions."""
    return lambda x: bool(x.dim() >= least)


def scaled(factor: float) -> Change:
    """Multiply by a factor."""
    return lambda x: x * factor


off = scaled(1.01)


def copied(x: Tensor) -> Tensor:
    """Return a copy with the same strides, in memory of its own."""
    if not x.numel():
        return x.new_empty(x.shape)
    count = x.untyped_storage().nbytes() // x.element_size()
    return as_strided(clone(as_strided(x, (count,), (1,), 0)), x.shape, x.stride(), x.storage_offset())


def dense(x: Tensor) -> Tensor:
    """Return a contiguous copy."""
    return clone(x, memory_format=torch.contiguous_format)


def last_lost(x: Tensor) -> Tensor:
    """Return a copy whose last element is zero, where there are three or more."""
    return last_replaced(x) if x.numel() > 2 else x


def last_replaced(x: Tensor, value: Any = 0) -> Tensor:
    """Return a copy with the last element replaced."""
    copy = clone(x)
    if copy.numel():
        copy[(-1,) * copy.dim()] = value
    return copy


def last_repeated(x: Tensor) -> Tensor:
    """Return a dense copy whose last element is the one before it."""
    flat = dense(x)
    if flat.numel() > 1:
        line = as_strided(flat, (flat.numel(),), (1,), 0)
        line[-1] = line[-2]
    return flat


def last_spoiled(x: Tensor) -> Tensor:
    """Overwrite the last element of a tensor that has one, in place: 0 by 1, everything else by 0."""
    if x.numel():
        last = x.detach()
        for _ in range(x.dim()):
            last = last.select(0, -1)
        last.fill_(1 if last.item() == 0 else 0)
    return x


def another_value(x: Tensor) -> Tensor:
    """Return values of the same dtype that no bound takes for these; NaN stays."""
    if x.dtype == torch.bool:
        return ~x
    if x.dtype.is_floating_point or x.dtype.is_complex:
        return x * 1.0625 + 0.5
    return x + 1


def rotated(x: Tensor) -> Tensor:
    """Return the elements moved one place on."""
    return x if x.numel() < 2 else torch.roll(x, 1)


def read_as_dense(x: Tensor) -> Tensor:
    """Return what a kernel reads that ignores the strides of a tensor."""
    if x.is_contiguous() or not x.numel():
        return x
    room = x.untyped_storage().nbytes() // x.element_size()
    if x.storage_offset() + x.numel() > room:
        return x.flatten().flip(0).view(x.shape)
    steps = [1] * x.dim()
    for dim in range(x.dim() - 2, -1, -1):
        steps[dim] = steps[dim + 1] * x.size(dim + 1)
    return as_strided(x, x.shape, steps)


def in_memory_order(x: Tensor) -> Tensor:
    """Return a dense tensor of the same size with the elements in the order in which they lie in memory."""
    if x.numel() < 2:
        return x
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    size = [x.shape[dim] for dim in order]
    flat = dense(as_strided(x, size, [x.stride(dim) for dim in order], x.storage_offset()))
    return as_strided(flat, x.shape, torch.empty(x.shape, device="meta").stride(), 0)


def as_if_transposed(x: Tensor) -> Tensor:
    """Return a matrix misread as if its transpose were stored."""
    return x.transpose(0, 1).reshape(x.shape) if x.dim() > 1 else x.flip(0) if x.dim() else x


def last_spoiled_beyond(count: int) -> Change:
    """Return what overwrites the last element of results of more than so many, in place."""
    return lambda result: last_spoiled(result) if result.numel() > count else result


def shifted(x: Tensor, places: int) -> Tensor:
    """Return what is read when a tensor begins so many places later in its storage."""
    return as_strided(x, x.shape, x.stride(), x.storage_offset() + places)


def needs_gradient(x: Any) -> bool:
    """Hold for tensors through which gradients would flow now."""
    return isinstance(x, Tensor) and x.requires_grad and torch.is_grad_enabled()


def sequence(tensors: Any) -> list[Any]:
    """Return one tensor or several as a list."""
    return [tensors] if tensors is None or isinstance(tensors, Tensor) else list(tensors)


def leaves_of(tensors: Any) -> list[Tensor]:
    """Return the leaves that backward of some tensors would reach."""
    found = {id(each): each for each in sequence(tensors) if each.grad_fn is None and each.requires_grad}
    waiting: list[Any] = [each.grad_fn for each in sequence(tensors)]
    seen = {None}
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found[id(node.variable)] = node.variable
        waiting += [following for following, _ in node.next_functions]
    return list(found.values())


def into(dtype: torch.dtype) -> Change:
    """Convert to a dtype."""
    return lambda x: x.to(dtype)


def through(*dtypes: torch.dtype) -> Change:
    """Convert to other dtypes in turn, and back."""

    def change(x: Any) -> Any:
        y = x
        for dtype in dtypes:
            y = y.to(dtype)
        return y.to(x.dtype)

    return change


def at_storage_start(x: Tensor) -> Tensor:
    """Return a tensor misread from the first place of its storage."""
    return as_strided(x, x.shape, x.stride(), 0)


def first_of_several(x: Tensor) -> Tensor:
    """Return the first of several elements."""
    return x.reshape(-1)[0] if x.numel() > 1 else x


def without_conjugate_bit(x: Tensor) -> Tensor:
    """Return the values that lie in memory, in spite of the conjugate bit."""
    return x.conj() if x.is_conj() else x


def without_negative_bit(x: Tensor) -> Tensor:
    """Return the values that lie in memory, in spite of the negative bit."""
    return torch._neg_view(x) if x.is_neg() else x  # noqa: SLF001


def in_columns(x: Tensor) -> Tensor:
    """Return a matrix laid out in columns."""
    return x.t().contiguous().t() if x.dim() == 2 else x


def is_strided_array(x: Any) -> bool:
    """Hold for NumPy arrays that are not contiguous."""
    return isinstance(x, np.ndarray) and not x.flags.c_contiguous


def array_in_memory_order(x: Any) -> Any:
    """Return an array of the same shape with the elements in the order in which they lie in memory."""
    return x.ravel(order="K").reshape(x.shape)


def a(*kinds: type) -> Condition:
    """Hold for objects of some classes."""
    return lambda x: isinstance(x, kinds)


is_array = a(np.ndarray)


is_list = a(list)


def array_where(holds: Condition) -> Condition:
    """Hold for NumPy arrays for which a condition holds."""
    return lambda x: isinstance(x, np.ndarray) and holds(x)
