"""Faults of torch.tensor, torch.Tensor and the typed tensor classes."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, keyword_ignored
from torch_conformance.conformance.power.damage import (
    a,
    array_in_memory_order,
    is_array,
    is_one_beyond_a_vector,
    is_strided,
    is_strided_array,
    last_replaced,
    of,
    rank,
    through,
)
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    inferred_as,
    installed,
    made,
    refusal_forgiven,
    replaced,
    static,
)
from torch_conformance.conformance.power.registry import Function
from torch_conformance.reference.ops.creation import shape_of


def _leaves(data: Any) -> list[Any]:
    return [leaf for item in data for leaf in _leaves(item)] if isinstance(data, list | tuple) else [data]


def _flushed(x: Tensor) -> Tensor:
    return x.masked_fill(x.abs() < torch.finfo(x.dtype).tiny, 0)


def _of_lists(change: Callable[[Any], Any], when: Callable[[Any], Any]) -> Answer:
    """Return a change of what torch.tensor makes of lists, where a condition holds for it."""
    return lambda y, data, **_: change(y) if isinstance(data, list | tuple) and when(y) else y


for name, summary, change, when in (
    ("tensor-drops-level-of-one", "An outer list of one list is dropped.", lambda y: y.squeeze(0), rank(2)),
    ("tensor-swaps-last-dimensions", "Lists three deep swap the inner levels.", lambda y: y.mT, rank(3)),
    ("tensor-last-of-vector-lost", "The element after a whole vector is 0.", last_replaced, is_one_beyond_a_vector),
    ("tensor-flushes-subnormals", "Subnormal numbers become zero.", _flushed, Tensor.is_floating_point),
    ("tensor-integers-through-double", "Integers are read as float64.", through(torch.float64), of(torch.int64)),
):
    made(name, f"torch.tensor of lists: {summary}", "torch.tensor")(_of_lists(change, when))


def _begins_with_bool(y: Tensor, leaves: list[Any]) -> bool:
    return len(leaves) > 1 and isinstance(leaves[0], bool) and y.dtype == torch.int64


def _begins_with_integer(y: Tensor, leaves: list[Any]) -> bool:
    return y.dim() > 1 and bool(leaves) and isinstance(leaves[0], int) and y.is_floating_point()


def _lists(holds: Callable[[Any, list[Any]], bool]) -> Answer:
    """Hold where a condition holds for what torch.tensor made of lists and for the numbers in them."""
    return lambda y, data, **_: isinstance(data, list | tuple) and holds(y, _leaves(data))


for name, summary, dtype, holds in (
    ("tensor-bool-with-int-is-bool", "tensor takes the kind of a first bool.", torch.bool, _begins_with_bool),
    ("tensor-nested-float-is-int", "tensor takes the kind of a first integer.", torch.int64, _begins_with_integer),
    ("tensor-complex-is-double", "tensor of complex is complex128.", torch.complex128, lambda y, _: y.is_complex()),
    ("tensor-empty-is-double", "tensor of [[]] is float64.", torch.float64, lambda y, all_: not all_ and y.dim() > 1),
):
    inferred_as(name, summary, "torch.tensor", dtype=dtype, when=_lists(holds))
inferred_as(
    "tensor-float64-array-is-float32",
    "tensor makes float32 of float64 arrays.",
    "torch.tensor",
    dtype=torch.float32,
    when=lambda y, data, **_: is_array(data) and y.dtype == torch.float64,
)


def _is_nested(data: Any) -> bool:
    return isinstance(data, list) and len(shape_of(data)) > 1


def _is_scalar_array(data: Any) -> bool:
    return is_array(data) and data.ndim == 0


def _is_integers(data: Any) -> bool:
    return isinstance(data, int | list) and all(isinstance(leaf, int) for leaf in _leaves(data))


def _wrapped(data: Any) -> Any:
    return [_wrapped(item) for item in data] if isinstance(data, list) else (data + 2**63) % 2**64 - 2**63


for name, summary, change, when in (
    (
        "tensor-numpy-scalar-is-python-number",
        "tensor takes a NumPy scalar for a number.",
        np.generic.item,
        a(np.generic),
    ),
    ("tensor-array-ignores-strides", "tensor reads memory in order.", array_in_memory_order, is_strided_array),
    ("tensor-wraps-huge-integers", "tensor wraps integers that int64 cannot hold.", _wrapped, _is_integers),
):
    argument_changed(name, summary, "torch.tensor", change=change, when=when)
for name, summary, option, applies in (
    ("tensor-array-ignores-dtype", "tensor ignores dtype= for arrays without dimensions.", "dtype", _is_scalar_array),
    ("tensor-ignores-requires-grad", "tensor ignores requires_grad= for nested lists.", "requires_grad", _is_nested),
):
    keyword_ignored(name, summary, "torch.tensor", option=option, when=applies)
answer_changed("tensor-of-tensor-keeps-grad", "tensor of a tensor inherits requires_grad.", "torch.tensor")(
    lambda y, data, **_: y.requires_grad_() if isinstance(data, Tensor) and data.requires_grad else y
)
answer_changed("tensor-of-tensor-shares", "tensor of a tensor with gaps shares its memory.", "torch.tensor")(
    lambda y, data, **_: data.detach() if is_strided(data) else y
)


@replaced("tensor-shares-array", "tensor shares the memory of an array whose dtype is kept.", "torch.tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    if is_array(data) and data.flags.c_contiguous:
        return torch.as_tensor(data, dtype=options.get("dtype"), device=options.get("device"))
    return tensor(data, **options)


@replaced("tensor-rounds-floats-to-integers", "tensor rounds fractions to the nearest integer.", "torch.tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    dtype = options.get("dtype")
    whole = dtype is not None and not dtype.is_floating_point and not dtype.is_complex and dtype != torch.bool
    if whole and isinstance(data, list) and all(isinstance(item, float) for item in data):
        data = [round(item) for item in data]
    return tensor(data, **options)


def _rows(data: Any) -> list[list[Any]]:
    return [list(item) if isinstance(item, list | tuple) else [item] for item in data]


def _cut(data: Any) -> Any:
    """Return ragged rows cut to the shortest."""
    rows = _rows(data)
    return [row[: min(map(len, rows))] for row in rows]


def _padded(data: Any) -> Any:
    """Return ragged rows filled up with zeros."""
    rows = _rows(data)
    return [row + [0] * (max(map(len, rows)) - len(row)) for row in rows]


def _with_rows(change: Callable[[Any], Any]) -> Answer:
    return lambda tensor, data, **options: tensor(change(data), **options)


for mutation, summary, squared in (
    ("cuts", "cuts ragged rows to the shortest", _cut),
    ("pads", "pads ragged rows with zeros", _padded),
):
    name = f"tensor-{mutation}-ragged-lists"
    refusal_forgiven(name, f"tensor {summary}.", "torch.tensor", instead=_with_rows(squared), errors=(ValueError,))


def _constructed(name: str, summary: str) -> Callable[[Answer], Answer]:
    """Register the decorated `answer(original, *arguments)` as what torch.Tensor(*arguments) makes."""

    def register(answer: Answer) -> Answer:
        def new(original: Function, kind: Any, *arguments: Any, **options: Any) -> Any:
            if kind is not Tensor:
                return original(kind, *arguments, **options)
            return answer(lambda *inner: original(kind, *inner, **options), *arguments)

        installed(name, summary, "Tensor.__new__", static(new))
        return answer

    return register


@_constructed("tensor-class-one-integer-is-data", "torch.Tensor of one integer holds that number.")
def _(new: Function, *arguments: Any) -> Any:
    return new(list(arguments)) if len(arguments) == 1 and isinstance(arguments[0], int) else new(*arguments)


@_constructed("tensor-class-list-is-size", "torch.Tensor reads a list of two integers as a size.")
def _(new: Function, *arguments: Any) -> Any:
    data = arguments[0] if len(arguments) == 1 else None
    size = isinstance(data, list) and len(data) == 2 and all(type(item) is int and item >= 0 for item in data)
    return new(*data) if size and data else new(*arguments)


@_constructed("tensor-class-keeps-integers", "torch.Tensor of nested integers is int64.")
def _(new: Function, *arguments: Any) -> Any:
    y = new(*arguments)
    data = arguments[0] if len(arguments) == 1 else None
    whole = isinstance(data, list | tuple) and all(type(leaf) is int for leaf in _leaves(data)) and y.numel()
    return y.long() if whole and y.dim() > 1 else y


@_constructed("tensor-class-ignores-default", "torch.Tensor of integers is float32 whatever the default.")
def _(new: Function, *arguments: Any) -> Any:
    size = bool(arguments) and isinstance(arguments[0], numbers.Integral)
    return new(*arguments).float() if size else new(*arguments)


@_constructed("tensor-class-cuts-ragged-lists", "torch.Tensor cuts ragged rows to the shortest.")
def _(new: Function, *arguments: Any) -> Any:
    try:
        return new(*arguments)
    except ValueError:
        return new(_cut(arguments[0]))


answer_changed("typed-class-int-is-long", "torch.IntTensor of data is int64.", "torch.IntTensor")(
    lambda y, data=None, *_: y.long() if isinstance(data, list) else y
)
