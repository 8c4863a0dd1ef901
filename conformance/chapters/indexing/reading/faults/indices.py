"""What an index is made of, and where tensors are indexed: shared by the faults of reading."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.forms import methods
from torch_conformance.conformance.power.operations import Operation

# Their faults are named by the mutation alone: what it does to an index names the operation.
reading = Operation("", *methods("__getitem__"), order="x index")
writing = Operation("", *methods("__setitem__"), order="x index value")


def items(index: Any) -> tuple[Any, ...]:
    """Return the parts of an index."""
    return index if isinstance(index, tuple) else (index,)


def first(index: Any) -> Any:
    """Return the first part of an index, None of an empty one."""
    return next(iter(items(index)), None)


def is_integer(item: Any) -> bool:
    """Whether a part of an index is a Python integer."""
    return isinstance(item, int) and not isinstance(item, bool)


def is_basic(index: Any) -> bool:
    """Whether an index is of integers, slices, None and Ellipsis alone."""
    return all(item is None or item is Ellipsis or isinstance(item, slice) or is_integer(item) for item in items(index))


def has(index: Any, kind: Any) -> bool:
    """Whether a singleton is among the parts of an index."""
    return any(item is kind for item in items(index))


def is_mask(index: Any) -> bool:
    """Whether an index is a mask with dimensions."""
    return isinstance(index, Tensor) and index.dtype == torch.bool and index.dim() > 0


def is_indices(index: Any, dtype: torch.dtype) -> bool:
    """Whether an index is a tensor of a dtype."""
    return isinstance(index, Tensor) and index.dtype == dtype


def is_stepped(item: Any) -> bool:
    """Whether a part of an index is a slice with a step beyond 1."""
    return isinstance(item, slice) and (item.step or 1) > 1
