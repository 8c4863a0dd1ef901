"""Faults of basic indexing, select, narrow and iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.chapters.indexing.reading.faults.indices import (
    first,
    has,
    is_basic,
    is_integer,
    is_mask,
    is_stepped,
    items,
    reading,
    writing,
)
from torch_conformance.conformance.power.damage import GRAIN, is_strided, last_spoiled, last_spoiled_beyond, shifted
from torch_conformance.conformance.power.forms import functions, methods
from torch_conformance.conformance.power.operations import Operation
from torch_conformance.conformance.power.registry import Function

_NARROW = "x/input dim start length"
_SELECT = "x/input dim index"
narrow, narrow_copy = (Operation(name, order=_NARROW) for name in ("narrow", "narrow_copy"))
length = Operation("length", *methods("__len__"))


@reading.answers("slice step lost in last dimension", "a step beyond 2 is 2 in the last place of an index")
def _(original: Function, x: Tensor, index: Any) -> Any:
    *before, last = items(index) or (None,)
    if before and is_stepped(last) and last.step > 2:
        return original(x, (*before, slice(last.start, last.stop, 2)))
    return original(x, index)


@reading.answers("negative integer off beyond first dimension", "-1 is the last but one in a later dimension")
def _(original: Function, x: Tensor, index: Any) -> Any:
    *before, last = items(index) or (None,)
    if x.dim() > 2 and len(before) == x.dim() - 1 and x.size(-1) > 1 and is_integer(last) and last == -1:
        return original(x, (*before, -2))
    return original(x, index)


@reading.answers("ellipsis stands for one dimension")
def _(original: Function, x: Tensor, index: Any) -> Any:
    parts = items(index)
    if len(parts) > 1 and parts[0] is Ellipsis and isinstance(parts[-1], slice) and x.dim() > len(parts):
        return original(x, (slice(None), *parts[1:]))
    return original(x, index)


reading.answers("sliced result is made contiguous")(
    lambda result, x, index: (
        result.contiguous() if isinstance(index, tuple) and is_basic(index) and result.dim() == x.dim() else result
    )
)
for _mutation, _applies in (
    ("integer index restarts storage", lambda index, y: is_integer(first(index)) and y.dim() == 1),
    ("basic index with none copies", lambda index, _: is_basic(index) and has(index, None)),
    ("basic index with step copies", lambda index, _: is_basic(index) and any(map(is_stepped, items(index)))),
    ("basic index with ellipsis copies", lambda index, _: is_basic(index) and has(index, Ellipsis)),
):
    reading.answers(_mutation)(
        lambda result, index, applies=_applies: result.clone() if applies(index, result) else result
    )
reading.given(
    "slice negative start beyond extent counts on",
    "a start before the beginning counts from the end twice",
    index=lambda x, index: (
        slice(index.start + 2 * len(x), index.stop, index.step)
        if isinstance(index, slice) and x.dim() and -2 * len(x) < (index.start or 0) < -len(x)
        else index
    ),
)
reading.refuses(
    "slice stop below start is an error",
    lambda index: isinstance(index, slice) and None not in (index.start, index.stop) and 0 <= index.stop < index.start,
    IndexError,
)
reading.given(
    "numpy integer loses sign",
    index=lambda index: _each(index, lambda item: abs(int(item)) if isinstance(item, np.integer) else item),
)
reading.given(
    "integer index wraps around",
    index=lambda x, index: index % len(x) if is_integer(index) and x.dim() and len(x) else index,
)
reading.given(
    "extra indices ignored",
    index=lambda x, index: (
        index[: max(x.dim(), 1)]
        if isinstance(index, tuple) and is_basic(index) and not has(index, None) and not has(index, Ellipsis)
        else index
    ),
)
reading.answers("negative step flips")(
    lambda original, x, index: (
        original(x, slice(index.start, index.stop)).flip(0)
        if isinstance(index, slice) and index.step == -1
        else original(x, index)
    )
)
reading.given("floating index is truncated", index=lambda index: int(index) if isinstance(index, float) else index)
Operation("", *methods("__getitem__", "__setitem__"), order="x index value").given(
    "floating tensor index is truncated",
    index=lambda index: index.long() if isinstance(index, Tensor) and index.is_floating_point() else index,
)
reading.given(
    "list index taken as tuple",
    "a list of two integers is one place",
    index=lambda x, index: (
        tuple(index) if _is_list(index) and len(index) == 2 <= x.dim() and all(map(is_integer, index)) else index
    ),
)
reading.given(
    "boolean list taken as integers",
    index=lambda index: _each(index, lambda item: [*map(int, item)] if _is_list(item, bool) else item),
)
reading.given(
    "numpy index transposed",
    "a NumPy array of two dimensions is read by columns",
    index=lambda index: _each(
        index,
        lambda item: np.ascontiguousarray(item.T) if isinstance(item, np.ndarray) and item.dtype != np.bool_ else item,
    ),
)
reading.answers("index of every row gives view")(
    lambda result, x, index: (
        x.view_as(x) if not is_basic(index) and result.shape == x.shape and bool(torch.eq(result, x).all()) else result
    )
)
reading.given("scalar mask false gives all", index=lambda index: None if index is False else index)
reading.given(
    "mask of extent one broadcasts",
    index=lambda x, index: index.expand(len(x)) if is_mask(index) and index.shape == (1,) and x.dim() else index,
)


def _each(index: Any, change: Function) -> Any:
    """Return an index with each of its parts changed."""
    return tuple(map(change, index)) if isinstance(index, tuple) else change(index)


def _is_list(item: Any, of: type = object) -> bool:
    return isinstance(item, list) and bool(item) and isinstance(item[0], of)


@reading.answers("int16 scalar tensor keeps dimension")
def _(original: Function, x: Tensor, index: Any) -> Any:
    *before, last = items(index) or (None,)
    if isinstance(last, Tensor) and last.dtype == torch.int16 and last.dim() == 0:
        return original(x, (*before, last.long().reshape(1)))
    return original(x, index)


@reading.answers("indices cut to shortest", "index lists of different lengths are cut to the shortest")
def _(original: Function, x: Tensor, index: Any) -> Any:
    lists = [item for item in items(index) if _is_list(item) and not _is_list(item, bool)]
    if len(lists) > 1:
        shortest = min(map(len, lists))
        index = tuple(item[:shortest] if isinstance(item, list) else item for item in index)
    return original(x, index)


@reading.answers("index tensor after none off", "the last element of an index tensor behind None and a slice is 0")
def _(original: Function, x: Tensor, index: Any) -> Any:
    parts = items(index)
    if len(parts) == 3 and parts[0] is None and isinstance(parts[1], slice) and isinstance(parts[2], Tensor):
        last = parts[2].clone()
        last.select(-1, -1).zero_()
        return original(x, (*parts[:2], last))
    return original(x, index)


Operation("select", *functions("select"), order=_SELECT).given(
    "negative dim off by one", dim=lambda dim: dim + 1 if dim < -1 else dim
)
Operation("select method", *methods("select"), order=_SELECT).given(
    "loses negative index", "takes -1 for 0", index=lambda index: 0 if index == -1 else index
)
Operation("select", order=_SELECT).given(
    "takes the last beyond", index=lambda x, dim, index: min(index, len(x) - 1) if x.dim() and dim == 0 else index
)
narrow.answers("drops last of long")(lambda result: last_spoiled(result.clone()) if result.numel() > 100 else result)
narrow.given("tensor start ignored", start=lambda start: 0 if isinstance(start, Tensor) else start)
narrow.given(
    "shortens what is too long",
    length=lambda x, dim, start, length: (
        min(length, x.size(dim) - int(start)) if x.dim() > abs(dim) and int(start) >= 0 else length
    ),
)
narrow_copy.replaced("gives view")(lambda _, *arguments, **options: torch.narrow(*arguments, **options))
narrow_copy.answers("wrong beyond grain", "gets the last of many wrong")(last_spoiled_beyond(GRAIN // 2))
length.answers("is number of elements")(lambda result, x: x.numel() if x.dim() == 2 else result)
Operation("scalar", *methods("__len__")).answers("has length one")(
    lambda original, x: int(original(x)) if x.dim() else 1
)


Operation("iteration", *methods("__iter__")).answers("skips last", "ends before the last of several rows")(
    lambda result: iter(rows[:-1] if len(rows := list(result)) > 2 else rows)
)
writing.answers("integer assignment out of range ignored")(
    lambda original, x, index, value: (
        None if is_integer(first(index)) and x.dim() and first(index) >= len(x) else original(x, index, value)
    )
)
writing.given(
    "setitem ignores step with tensor value",
    "a step beyond 1 is 1 where one value is assigned",
    index=lambda index, value: (
        (slice(first(index).start, first(index).stop), *items(index)[1:])
        if is_stepped(first(index)) and isinstance(value, Tensor) and value.numel() == 1
        else index
    ),
)
writing.given(
    "setitem offset lost when sliced",
    "a basic assignment to a tensor with gaps starts one element early",
    x=lambda x, index, value: (
        shifted(x, -1)
        if is_basic(index) and isinstance(value, Tensor) and value.numel() > 1 and is_strided(x) and x.storage_offset()
        else x
    ),
)
writing.given(
    "setitem number loses negative zero", value=lambda value: 0.0 if isinstance(value, float) and value == 0 else value
)
writing.given(
    "setitem complex number loses imaginary part",
    "a complex number loses its imaginary part with a mask",
    value=lambda index, value: value.real if isinstance(value, complex) and not is_basic(index) else value,
)
writing.given(
    "setitem views bits of other dtype",
    "an int32 value is read as the bits of float32",
    value=lambda x, value: (
        value.view(x.dtype)
        if isinstance(value, Tensor) and (value.dtype, x.dtype) == (torch.int32, torch.float32)
        else value
    ),
)
writing.given(
    "setitem hides version with mask",
    "an assignment to a mask is not counted in the version",
    x=lambda x, index: x.data if isinstance(index, Tensor) and index.dtype == torch.bool else x,
)
writing.given(
    "assignment loses second slice",
    "a slice between two integers is taken for a full one",
    index=lambda index: (
        (index[0], slice(None), index[2])
        if isinstance(index, tuple) and [*map(type, index)] == [int, slice, int]
        else index
    ),
)


@writing.forgives("setitem cuts long values", "a vector too long for a row is cut")
def _(original: Function, x: Tensor, index: Any, value: Any) -> None:
    extent = x[index].size(-1)
    if not is_basic(index) or value.dim() != 1 or value.numel() < extent:
        raise RuntimeError("shape mismatch")
    original(x, index, value[:extent])


@writing.answers("refused mask assignment clears", "an assignment to a mask that is refused has cleared its elements")
def _(original: Function, x: Tensor, index: Any, value: Any) -> None:
    try:
        original(x, index, value)
    except RuntimeError:
        if isinstance(index, Tensor) and index.dtype == torch.bool:
            original(x, index, 0)
        raise


writing.answers("scalar mask assignment ignored", "an assignment to True writes nothing")(
    lambda original, x, index, value: None if index is True else original(x, index, value)
)
Operation("isub", *methods("__isub__"), order="x other").answers("of index adds")(lambda x, other: x.add_(other))
