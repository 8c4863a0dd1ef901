"""Faults of basic indexing, select, narrow and iteration."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.dispatching import (
    GRAIN,
    both,
    changed,
    functions,
    is_strided,
    methods,
    spoil,
)
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_GET = (torch.Tensor, "__getitem__")
_SET = (torch.Tensor, "__setitem__")
_LONG = 100


def _items(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _is_integer(item: Any) -> bool:
    return isinstance(item, int) and not isinstance(item, bool)


def _is_basic(index: Any) -> bool:
    return all(
        item is None or item is Ellipsis or isinstance(item, slice) or _is_integer(item) for item in _items(index)
    )


def _has(index: Any, kind: Any) -> bool:
    return any(item is kind for item in _items(index))


@bound("slice-step-lost-in-last-dimension", "A step beyond 2 is taken for 2 in the last place of an index.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = _items(index)
    last = items[-1] if items else None
    if len(items) > 1 and isinstance(last, slice) and (last.step or 1) > 2:
        return get(x, (*items[:-1], slice(last.start, last.stop, 2)))
    return get(x, index)


@bound("negative-integer-off-beyond-first-dimension", "-1 selects the last but one in a later dimension.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = _items(index)
    if x.dim() > 2 and len(items) == x.dim() and x.size(-1) > 1 and _is_integer(items[-1]) and items[-1] == -1:
        return get(x, (*items[:-1], -2))
    return get(x, index)


@bound("ellipsis-stands-for-one-dimension", "An Ellipsis in front of a slice stands for one dimension.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = _items(index)
    if len(items) > 1 and items[0] is Ellipsis and isinstance(items[-1], slice) and x.dim() > len(items):
        return get(x, (slice(None), *items[1:]))
    return get(x, index)


@changed("sliced-result-is-made-contiguous", "A slice with gaps is made contiguous.", _GET)
def _(result: Tensor, x: Tensor, index: Any) -> Any:
    return result.contiguous() if isinstance(index, tuple) and _is_basic(index) and result.dim() == x.dim() else None


@changed("integer-index-restarts-storage", "The result of an integer is a tensor of its own storage.", _GET)
def _(result: Tensor, x: Tensor, index: Any) -> Any:  # noqa: ARG001
    return result.clone() if _is_integer(_items(index)[0] if _items(index) else None) and result.dim() == 1 else None


@changed("basic-index-with-none-copies", "None gives a copy.", _GET)
def _(result: Tensor, x: Tensor, index: Any) -> Any:  # noqa: ARG001
    return result.clone() if _is_basic(index) and _has(index, None) else None


@changed("basic-index-with-step-copies", "A step gives a copy.", _GET)
def _(result: Tensor, x: Tensor, index: Any) -> Any:  # noqa: ARG001
    steps = any(isinstance(item, slice) and (item.step or 1) > 1 for item in _items(index))
    return result.clone() if _is_basic(index) and steps else None


@changed("basic-index-with-ellipsis-copies", "An Ellipsis gives a copy.", _GET)
def _(result: Tensor, x: Tensor, index: Any) -> Any:  # noqa: ARG001
    return result.clone() if _is_basic(index) and _has(index, Ellipsis) else None


@bound("slice-negative-start-beyond-extent-counts-on", "A start before the beginning counts from the end twice.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, slice) and x.dim() and isinstance(index.start, int) and -2 * len(x) < index.start < -len(x):
        return get(x, slice(index.start + 2 * len(x), index.stop, index.step))
    return get(x, index)


@bound("slice-stop-below-start-is-an-error", "A slice whose stop lies below its start is refused.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if (
        isinstance(index, slice)
        and isinstance(index.start, int)
        and isinstance(index.stop, int)
        and 0 <= index.stop < index.start
    ):
        raise IndexError("slice ends before it starts")
    return get(x, index)


@bound("int16-scalar-tensor-keeps-dimension", "A tensor of int16 without dimensions keeps a dimension.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    last = _items(index)[-1] if _items(index) else None
    if isinstance(last, Tensor) and last.dtype == torch.int16 and last.dim() == 0:
        return get(x, (*_items(index)[:-1], last.long().reshape(1)))
    return get(x, index)


@bound("numpy-integer-loses-sign", "A negative NumPy integer counts from the beginning.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = tuple(abs(int(item)) if isinstance(item, np.integer) else item for item in _items(index))
    return get(x, items if isinstance(index, tuple) else items[0])


@bound("integer-index-wraps-around", "An integer beyond the extent starts again.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if _is_integer(index) and x.dim() and len(x):
        return get(x, index % len(x))
    return get(x, index)


@bound("integer-assignment-out-of-range-ignored", "An assignment beyond the last row does nothing.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> Any:
    first = _items(index)[0]
    if _is_integer(first) and x.dim() and first >= len(x):
        return
    assign(x, index, value)


@bound("extra-indices-ignored", "Indices beyond the number of dimensions are dropped.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, tuple) and not _has(index, None) and not _has(index, Ellipsis) and _is_basic(index):
        return get(x, index[: max(x.dim(), 1)])
    return get(x, index)


@bound("negative-step-flips", "A step of -1 reverses.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, slice) and index.step == -1:
        return get(x, slice(index.start, index.stop)).flip(0)
    return get(x, index)


@bound("floating-index-is-truncated", "A floating index loses its fraction.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    return get(x, int(index) if isinstance(index, float) else index)


@bound("floating-tensor-index-is-truncated", "A floating index tensor loses its fractions.", _GET, _SET)
def _(original: Function, x: Tensor, index: Any, *value: Any) -> Any:
    return original(x, index.long() if isinstance(index, Tensor) and index.is_floating_point() else index, *value)


@bound("select-negative-dim-off-by-one", "select counts negative dimensions wrongly.", *functions("select"))
def _(select: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("dim", 0) < -1:
        options["dim"] += 1
    return select(*arguments, **options)


@bound("select-method-loses-negative-index", "Tensor.select takes -1 for 0.", *methods("select"))
def _(select: Function, x: Tensor, dim: int, index: int) -> Any:
    return select(x, dim, 0 if index == -1 else index)


@changed("narrow-drops-last-of-long", "narrow reads the last of many elements wrongly.", *both("narrow"))
def _(result: Tensor, *_: Any, **__: Any) -> Any:
    return spoil(result.clone()) if result.numel() > _LONG else None


@bound("narrow-tensor-start-ignored", "narrow with a tensor starts at 0.", *both("narrow"))
def _(narrow: Function, *arguments: Any, **options: Any) -> Any:
    return narrow(
        *(0 if isinstance(each, Tensor) and place else each for place, each in enumerate(arguments)), **options
    )


@bound("narrow-copy-gives-view", "narrow_copy gives a view.", *both("narrow_copy"))
def _(_: Function, *arguments: Any, **options: Any) -> Any:
    return torch.narrow(*arguments, **options)


@changed("narrow-copy-wrong-beyond-grain", "narrow_copy reads the end of large tensors wrongly.", *both("narrow_copy"))
def _(result: Tensor, *_: Any, **__: Any) -> Any:
    return spoil(result) if result.numel() > GRAIN // 2 else None


@bound("select-takes-the-last-beyond", "select takes the last for an index beyond.", *both("select"))
def _(select: Function, x: Tensor, *arguments: int, **options: int) -> Any:
    if len(arguments) == 2 and x.dim() > 0 and arguments[0] == 0:
        return select(x, 0, min(arguments[1], len(x) - 1))
    return select(x, *arguments, **options)


@bound("narrow-shortens-what-is-too-long", "narrow takes what there is for a length beyond.", *both("narrow"))
def _(narrow: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 3 and x.dim() > abs(arguments[0]):
        dim, start, length = arguments
        return narrow(x, dim, start, min(length, x.size(dim) - int(start)) if int(start) >= 0 else length)
    return narrow(x, *arguments, **options)


@bound("iteration-skips-last", "Iteration ends before the last of several rows.", *methods("__iter__"))
def _(iterate: Function, x: Tensor) -> Any:
    rows = list(iterate(x))
    return iter(rows[:-1] if len(rows) > 2 else rows)


@bound("length-is-number-of-elements", "len gives the number of elements.", *methods("__len__"))
def _(length: Function, x: Tensor) -> int:
    return x.numel() if x.dim() == 2 else int(length(x))


@bound("scalar-has-length-one", "len of a tensor without dimensions is 1.", *methods("__len__"))
def _(length: Function, x: Tensor) -> int:
    return int(length(x)) if x.dim() else 1


@bound("setitem-ignores-step-with-tensor-value", "A step beyond 1 is taken for 1 where one value fits.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    first = _items(index)[0] if _items(index) else None
    if isinstance(first, slice) and (first.step or 1) > 1 and isinstance(value, Tensor) and value.numel() == 1:
        index = (slice(first.start, first.stop), *_items(index)[1:])
    assign(x, index, value)


@bound("setitem-offset-lost-when-sliced", "A basic assignment to a tensor with gaps starts one element early.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    if _is_basic(index) and isinstance(value, Tensor) and is_strided(x) and x.storage_offset() and value.numel() > 1:
        x = x.as_strided(x.shape, x.stride(), x.storage_offset() - 1)
    assign(x, index, value)


@bound("setitem-number-loses-negative-zero", "-0.0 is assigned as 0.0.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    assign(x, index, 0.0 if isinstance(value, float) and value == 0 else value)


@bound("setitem-complex-number-loses-imaginary-part", "A complex number loses its imaginary part with a mask.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    assign(x, index, value.real if isinstance(value, complex) and not _is_basic(index) else value)


@bound("setitem-views-bits-of-other-dtype", "An int32 value is read as the bits of float32.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    if isinstance(value, Tensor) and value.dtype == torch.int32 and x.dtype == torch.float32:
        value = value.view(torch.float32)
    assign(x, index, value)


@bound("setitem-cuts-long-values", "A vector too long for a row is cut.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    try:
        assign(x, index, value)
    except RuntimeError:
        target = x[index]
        if not _is_basic(index) or value.dim() != 1 or value.numel() < target.size(-1):
            raise
        assign(x, index, value[: target.size(-1)])


@bound("refused-mask-assignment-clears", "An assignment to a mask that is refused has cleared the elements.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    try:
        assign(x, index, value)
    except RuntimeError:
        if isinstance(index, Tensor) and index.dtype == torch.bool:
            assign(x, index, 0)
        raise


@bound("setitem-hides-version-with-mask", "An assignment to a mask is not counted.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    assign(x.data if isinstance(index, Tensor) and index.dtype == torch.bool else x, index, value)


@bound("isub-of-index-adds", "x[i] -= v adds where i is a tuple of slices.", *methods("__isub__"))
def _(_: Function, x: Tensor, other: Any) -> Tensor:
    x.add_(other)
    return x


@bound("list-index-taken-as-tuple", "A list of two integers is one place.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, list) and len(index) == 2 and all(map(_is_integer, index)) and x.dim() > 1:
        return get(x, tuple(index))
    return get(x, index)


@bound("boolean-list-taken-as-integers", "A list of bools is a list of 0 and 1.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = tuple(
        [int(each) for each in item] if isinstance(item, list) and item and isinstance(item[0], bool) else item
        for item in _items(index)
    )
    return get(x, items if isinstance(index, tuple) else items[0])


@bound("numpy-index-transposed", "A NumPy array of two dimensions is read by columns.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = tuple(
        np.ascontiguousarray(item.T) if isinstance(item, np.ndarray) and item.dtype != np.bool_ else item
        for item in _items(index)
    )
    return get(x, items if isinstance(index, tuple) else items[0])


@changed("index-of-every-row-gives-view", "An index tensor that selects all in order gives a view.", _GET)
def _(result: Tensor, x: Tensor, index: Any) -> Any:
    whole = not _is_basic(index) and result.shape == x.shape and bool(torch.eq(result, x).all())
    return x.view_as(x) if whole else None


@bound("scalar-mask-false-gives-all", "False as an index selects everything.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    return get(x, None if index is False else index)


@bound("scalar-mask-assignment-ignored", "An assignment to True writes nothing.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    if index is not True:
        assign(x, index, value)


@bound("mask-of-extent-one-broadcasts", "A mask of extent 1 counts for every row.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    if isinstance(index, Tensor) and index.dtype == torch.bool and index.shape == (1,) and x.dim():
        index = index.expand(len(x))
    return get(x, index)


@bound("indices-cut-to-shortest", "Index lists of different lengths are cut to the shortest.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    lists = [item for item in _items(index) if isinstance(item, list) and item and not isinstance(item[0], bool)]
    if len(lists) > 1:
        length = min(map(len, lists))
        index = tuple(item[:length] if isinstance(item, list) else item for item in index)
    return get(x, index)


@bound("index-tensor-after-none-off", "An index tensor behind None and a slice reads its last element wrongly.", _GET)
def _(get: Function, x: Tensor, index: Any) -> Any:
    items = _items(index)
    if len(items) == 3 and items[0] is None and isinstance(items[1], slice) and isinstance(items[2], Tensor):
        last = items[2].clone()
        last.select(-1, -1).zero_()
        return get(x, (*items[:2], last))
    return get(x, index)


@bound("assignment-loses-second-slice", "A slice between two integers is taken for a full one.", _SET)
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    items = _items(index)
    if len(items) == 3 and _is_integer(items[0]) and isinstance(items[1], slice) and _is_integer(items[2]):
        index = (items[0], slice(None), items[2])
    assign(x, index, value)
