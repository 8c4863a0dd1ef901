"""Faults in what operators in place do to identity, memory, versions, graphs and overlapping tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.inplace.faults.methods import overrun
from torch_conformance.conformance.power.damage import Condition, dense, is_strided
from torch_conformance.conformance.power.forms import afterwards, answered, installed
from torch_conformance.conformance.power.registry import Function


def _uncounted(f: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    """Write past the version counter and the graph."""
    f(x.data, *arguments, **options)
    return x


def _moved(x: Tensor, values: Tensor) -> Tensor:
    """Bind other memory."""
    x.data = values
    return x


# Identity and memory.
answered("floor-in-place-returns-a-view", "floor_ returns a view of its tensor.", "Tensor.floor_")(
    lambda f, x: f(x).view_as(x)
)
answered("add-in-place-of-nothing-returns-other", "add_ on an empty tensor returns a new one.", "Tensor.add_")(
    lambda f, x, *a, **k: f(x, *a, **k) if x.numel() else f(x, *a, **k).detach()
)
answered("neg-in-place-makes-contiguous", "neg_ of columns moves them to new memory.", "Tensor.neg_")(
    lambda f, x: f(_moved(x, dense(x.data)) if x.dim() == 2 and is_strided(x) else x)
)
answered("pow-in-place-replaces-memory", "pow_ binds the result out of place.", "Tensor.pow_")(
    lambda _f, x, *a, **k: _moved(x, x.detach().pow(*a, **k))
)
answered("less-in-place-becomes-bool", "less_ makes its tensor bool.", "Tensor.less_")(
    lambda _f, x, y: _moved(x, x.detach().lt(y))
)
answered("div-in-place-widens-half", "true_divide_ of float16 becomes float32.", "Tensor.true_divide_")(
    lambda f, x, y: f(_moved(x, x.detach().float()) if x.dtype == torch.float16 else x, y)
)
answered("ceil-in-place-of-transposed-writes-a-copy", "ceil_ of columns writes a copy.", "Tensor.ceil_")(
    lambda f, x: _moved(x, f(x.detach().clone())) if x.dim() > 1 and is_strided(x) else f(x)
)
answered("exp-in-place-overruns", "exp_ writes one element beyond its tensor.", "aten::exp_")(
    lambda f, x: f(overrun(x, 7))
)
installed("isub-makes-a-new-tensor", "The operator -= is not in place.", "Tensor.__isub__", lambda _: Tensor.sub)
installed("itruediv-makes-a-new-tensor", "/= is not in place.", "Tensor.__itruediv__", lambda _: Tensor.div)
answered("radd-writes-the-tensor", "A number += tensor writes the tensor.", "Tensor.__radd__")(
    lambda _f, x, n: x.add_(n).clone()
)
answered("rsub-in-place-is-swapped", "A number -= tensor is reversed.", "Tensor.__rsub__")(
    lambda f, x, n: f(x, n) if x.dtype == torch.bool else -f(x, n)
)


@answered("element-selected-is-a-copy", "An element picked by indices is a copy.", "Tensor.__getitem__")
def _(getitem: Function, x: Tensor, index: Any) -> Any:
    single = isinstance(index, tuple) and all(type(each) is int for each in index)
    return getitem(x, index).clone() if single else getitem(x, index)


@answered("abs-in-place-fills-gaps", "abs_ of a slice with steps writes the elements between.", "Tensor.abs_")
def _(absolute: Function, x: Tensor) -> Any:
    if x.dim() == 1 and x.numel() > 4 and x.stride(0) == 2:
        absolute(torch.as_strided(x, (2 * x.numel() - 1,), (1,), x.storage_offset()))
        return x
    return absolute(x)


@answered("mask-assignment-is-lost", "Assignment through a mask of as many dims writes a copy.", "Tensor.__setitem__")
def _(setitem: Function, x: Tensor, index: Any, value: Any) -> None:
    mask = isinstance(index, Tensor) and index.dtype == torch.bool and index.dim() == x.dim()
    setitem(x.clone() if mask else x, index, value)


@answered("list-assignment-writes-the-first", "Assignment through two lists writes one element.", "Tensor.__setitem__")
def _(setitem: Function, x: Tensor, index: Any, value: Any) -> None:
    if isinstance(index, tuple) and all(isinstance(each, list) for each in index) and isinstance(value, Tensor):
        index, value = tuple(each[:1] for each in index), value[:1]
    setitem(x, index, value)


# Versions, and writes of the other operand.
answered("xor-in-place-is-not-counted", "bitwise_xor_ does not change the version.", "Tensor.bitwise_xor_")(_uncounted)
answered("product-in-place-of-views-is-not-counted", "*= changes no version.", "Tensor.__imul__")(_uncounted)
answered("sinh-in-place-counts-twice", "sinh_ counts two writes.", "Tensor.sinh_")(lambda f, x: f(x).mul_(1))
answered("detached-tensor-has-its-own-version", "detach begins a version of its own.", "Tensor.detach")(
    lambda _f, x: x.data
)


afterwards("atan2-in-place-scratches-other", "atan2_ leaves its work at the end of other.", "Tensor.atan2_")(
    lambda _r, _x, other: other.data[-1:].fill_(0.125) if other.numel() > 1 and other.dim() == 1 else None
)


afterwards("gcd-in-place-counts-a-write-of-other", "gcd_ counts a write to its other operand.", "Tensor.gcd_")(
    lambda _r, _x, other: other.add_(0)
)


@answered(
    "refused-write-is-counted",
    "A refused or_ or add_ counts a write.",
    "Tensor.bitwise_or_",
    "Tensor.logical_or_",
    "Tensor.add_",
)
def _(function: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    try:
        return function(x, *arguments, **options)
    except RuntimeError:
        with torch.no_grad():
            x.detach().copy_(x.data)
        raise


@answered("refused-write-changes-the-size", "A refused hypot_ has flattened its tensor.", "Tensor.hypot_")
def _(hypot: Function, x: Tensor, other: Tensor) -> Any:
    try:
        return hypot(x, other)
    except RuntimeError:
        x.data = x.data.reshape(-1)
        raise


# Overlapping operands, and operands of other sizes.
@answered("sub-with-itself-reads-what-it-wrote", "a.sub_(a) reads elements after writing them.", "aten::sub_.Tensor")
def _(sub: Function, x: Tensor, other: Tensor, **options: Any) -> Any:
    same = x.data_ptr() == other.data_ptr() and x.stride() == other.stride()
    return sub(x, other.flip(0) if same and x.numel() > 4 and x.dim() == 1 else other, **options)


@answered("add-with-itself-is-refused", "add_ refuses a tensor that shares memory with it.", "Tensor.add_")
def _(add: Function, x: Tensor, other: Any, **options: Any) -> Any:
    if isinstance(other, Tensor) and other is not x and other.data_ptr() == x.data_ptr() and x.numel() > 1:
        raise RuntimeError("unsupported operation: the tensors overlap")
    return add(x, other, **options)


@answered("shared-elements-are-written-by-sqrt", "sqrt_ writes an expanded tensor.", "Tensor.sqrt_")
def _(sqrt: Function, x: Tensor) -> Any:
    if 0 in x.stride() and x.numel():
        sqrt(torch.as_strided(x, (1,), (1,), x.storage_offset()))
        return x
    return sqrt(x)


@answered("shared-elements-are-added-to", "add_ takes an expanded tensor.", "aten::add_.Tensor")
def _(add: Function, x: Tensor, other: Tensor, **options: Any) -> Any:
    shares = any(step == 0 and size > 1 for size, step in zip(x.size(), x.stride(), strict=True))
    return x if shares else add(x, other, **options)


@answered("add-in-place-grows", "add_ of one element grows to the size of other.", "Tensor.add_")
def _(add: Function, x: Tensor, other: Any, **options: Any) -> Any:
    if isinstance(other, Tensor) and x.numel() == 1 and other.numel() > 1 and not x.requires_grad:
        return _moved(x, x.data + other.data)
    return add(x, other, **options)


@answered("isub-growth-keeps-first-rows", "The operator -= takes the first of many rows.", "Tensor.__isub__")
def _(isub: Function, x: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and other.dim() > x.dim() and other.numel():
        other = other.reshape(-1)[: x.numel()].reshape(x.shape)
    return isub(x, other)


@answered("longer-operand-is-cut", "mul_ cuts a longer operand.", "Tensor.mul_")
def _(mul: Function, x: Tensor, other: Any) -> Any:
    longer = isinstance(other, Tensor) and other.dim() == x.dim() == 1 < x.size(0) < other.size(0)
    return mul(x, other[: x.size(0)] if longer else other)


answered("partial-overlap-is-accepted", "mul_ copies an operand that overlaps.", "aten::mul_.Tensor")(
    lambda f, x, other: f(x, other.clone())
)


# Leaves and graphs.
def _is_leaf(x: Tensor) -> bool:
    return x.requires_grad and x.is_leaf


def _is_view_of_leaf(self: Tensor) -> bool:
    return self.requires_grad and self._base is not None and _is_leaf(self._base)


def _unguarded(name: str, summary: str, place: str, guarded: Condition) -> None:
    """Register a fault that writes what is guarded, outside the graph."""

    def answer(f: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not guarded(x)):
            return f(x, *arguments, **options)

    answered(name, summary, place)(answer)


_unguarded("leaf-is-filled", "masked_fill_ writes a leaf that requires grad.", "Tensor.masked_fill_", _is_leaf)
_unguarded("leaf-is-written-by-trunc", "trunc_ writes a leaf that requires grad.", "Tensor.trunc_", _is_leaf)
_unguarded("leaf-is-written-by-iadd", "The operator += writes a leaf.", "Tensor.__iadd__", _is_leaf)
_unguarded("view-of-leaf-is-written", "mul_ writes a view of a leaf.", "Tensor.mul_", _is_view_of_leaf)


@answered("no-grad-does-not-free-leaves", "sub_ refuses a leaf under no_grad.", "Tensor.sub_")
def _(sub: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if _is_leaf(x):
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    return sub(x, *arguments, **options)


@answered("product-in-place-drops-its-factor", "mul_ by a number is not in the graph.", "Tensor.mul_")
def _(mul: Function, x: Tensor, other: Any) -> Any:
    number = x.requires_grad and not x.is_leaf and not isinstance(other, Tensor)
    return _uncounted(mul, x, other) if number else mul(x, other)


answered("zero-in-place-keeps-the-gradient", "zero_ is not in the graph.", "Tensor.zero_")(_uncounted)
answered("write-under-no-grad-frees-the-leaf", "cos_ under no_grad ends requires_grad.", "Tensor.cos_")(
    lambda f, x: f(x).requires_grad_(requires_grad=False) if x.is_leaf else f(x)
)
answered("add-in-place-detaches-other", "add_ takes other for a constant.", "Tensor.add_")(
    lambda f, x, y, **k: f(x, y.detach() if isinstance(y, Tensor) and not x.requires_grad else y, **k)
)
