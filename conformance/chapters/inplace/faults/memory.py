"""Faults in what operators in place do to identity, memory, versions, graphs and overlapping tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import method
from torch_conformance.conformance.chapters.inplace.faults.values import kernel
from torch_conformance.conformance.power.registry import Breaker, Function, fault


@method("floor-in-place-returns-a-view", "floor_ returns a view of its tensor.", "floor_")
def _(floor: Function, self: Tensor) -> Any:
    return floor(self).view_as(self)


@method("add-in-place-of-nothing-returns-other", "add_ on an empty tensor returns a new one.", "add_")
def _(add: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = add(self, *arguments, **options)
    return answer.detach() if self.numel() == 0 else answer


@method("neg-in-place-makes-contiguous", "neg_ of columns moves them to new memory.", "neg_")
def _(neg: Function, self: Tensor) -> Any:
    if self.dim() == 2 and not self.is_contiguous():
        self.data = self.data.contiguous()
    return neg(self)


@method("pow-in-place-replaces-memory", "pow_ binds the result out of place.", "pow_")
def _(_: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    self.data = self.detach().pow(*arguments, **options)
    return self


@method("less-in-place-becomes-bool", "less_ makes its tensor bool.", "less_")
def _(_: Function, self: Tensor, other: Any) -> Any:
    self.data = self.detach().lt(other)
    return self


@method("div-in-place-widens-half", "true_divide_ of float16 becomes float32.", "true_divide_")
def _(divide: Function, self: Tensor, other: Any) -> Any:
    if self.dtype == torch.float16:
        self.data = self.detach().float()
    return divide(self, other)


@method("xor-in-place-is-not-counted", "bitwise_xor_ does not change the version.", "bitwise_xor_")
def _(xor: Function, self: Tensor, other: Any) -> Any:
    xor(self.data, other)
    return self


@method("sinh-in-place-counts-twice", "sinh_ counts two writes.", "sinh_")
def _(sinh: Function, self: Tensor) -> Any:
    return sinh(self).mul_(1)


@method("detached-tensor-has-its-own-version", "detach begins a version of its own.", "detach")
def _(_: Function, self: Tensor) -> Any:
    return self.data


@method("product-in-place-of-views-is-not-counted", "imul on a whole view changes no version.", "__imul__")
def _(imul: Function, self: Tensor, other: Any) -> Any:
    imul(self.data, other)
    return self


@method("atan2-in-place-scratches-other", "atan2_ leaves its work in the last element of other.", "atan2_")
def _(atan2: Function, self: Tensor, other: Tensor) -> Any:
    answer = atan2(self, other)
    if other.numel() > 1 and other.dim() == 1:
        other.data[-1] = 0.125
    return answer


@method("gcd-in-place-counts-a-write-of-other", "gcd_ counts a write to its other operand.", "gcd_")
def _(gcd: Function, self: Tensor, other: Tensor) -> Any:
    answer = gcd(self, other)
    other.add_(0)
    return answer


@kernel("exp-in-place-overruns", "exp_ writes one element beyond its tensor.", "aten::exp_")
def _(exp: Function, self: Tensor) -> Any:
    end = self.storage_offset() + self.numel()
    room = self.untyped_storage().nbytes() // self.element_size()
    if self.is_contiguous() and self.numel() and end < room:
        torch.as_strided(self, (1,), (1,), end).fill_(7)
    return exp(self)


@method("abs-in-place-fills-gaps", "abs_ of a slice with steps writes the elements between.", "abs_")
def _(absolute: Function, self: Tensor) -> Any:
    if self.dim() == 1 and self.numel() > 4 and self.stride(0) == 2:
        absolute(torch.as_strided(self, (2 * self.numel() - 1,), (1,), self.storage_offset()))
        return self
    return absolute(self)


@method("ceil-in-place-of-transposed-writes-a-copy", "ceil_ of transposed elements writes a copy.", "ceil_")
def _(ceil: Function, self: Tensor) -> Any:
    if self.dim() > 1 and not self.is_contiguous():
        self.data = ceil(self.detach().clone())
        return self
    return ceil(self)


@method("element-selected-is-a-copy", "An element picked by indices is a copy.", "__getitem__")
def _(getitem: Function, self: Tensor, index: Any) -> Any:
    answer = getitem(self, index)
    single = isinstance(index, tuple) and all(type(each) is int for each in index)
    return answer.clone() if single else answer


@kernel("sub-with-itself-reads-what-it-wrote", "a.sub_(a) reads elements after writing them.", "aten::sub_.Tensor")
def _(sub: Function, self: Tensor, other: Tensor, **options: Any) -> Any:
    same = self.data_ptr() == other.data_ptr() and self.stride() == other.stride()
    if same and self.numel() > 4 and self.dim() == 1:
        return sub(self, other.flip(0), **options)
    return sub(self, other, **options)


@method("add-with-itself-is-refused", "add_ refuses a tensor that shares memory with it.", "add_")
def _(add: Function, self: Tensor, other: Any, **options: Any) -> Any:
    if isinstance(other, Tensor) and other is not self and other.data_ptr() == self.data_ptr() and self.numel() > 1:
        raise RuntimeError("unsupported operation: the tensors overlap")
    return add(self, other, **options)


@kernel("partial-overlap-is-accepted", "mul_ copies an operand that overlaps.", "aten::mul_.Tensor")
def _(mul: Function, self: Tensor, other: Tensor) -> Any:
    return mul(self, other.clone())


@method("shared-elements-are-written-by-sqrt", "sqrt_ writes an expanded tensor.", "sqrt_")
def _(sqrt: Function, self: Tensor) -> Any:
    if 0 in self.stride() and self.numel():
        kept = torch.as_strided(self, (1,), (1,), self.storage_offset())
        sqrt(kept)
        return self
    return sqrt(self)


@kernel("shared-elements-are-added-to", "add_ takes an expanded tensor.", "aten::add_.Tensor")
def _(add: Function, self: Tensor, other: Tensor, **options: Any) -> Any:
    shares = any(step == 0 and size > 1 for size, step in zip(self.size(), self.stride(), strict=True))
    return self if shares else add(self, other, **options)


@method("add-in-place-grows", "add_ of one element grows to the size of other.", "add_")
def _(add: Function, self: Tensor, other: Any, **options: Any) -> Any:
    if isinstance(other, Tensor) and self.numel() == 1 and other.numel() > 1 and not self.requires_grad:
        self.data = self.data + other.data
        return self
    return add(self, other, **options)


@method("isub-growth-keeps-first-rows", "The operator -= takes the first of many rows.", "__isub__")
def _(isub: Function, self: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and other.dim() > self.dim() and other.numel():
        other = other.reshape(-1)[: self.numel()].reshape(self.shape)
    return isub(self, other)


@method("longer-operand-is-cut", "mul_ cuts a longer operand.", "mul_")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    if isinstance(other, Tensor) and other.dim() == self.dim() == 1 < self.size(0) < other.size(0):
        other = other[: self.size(0)]
    return mul(self, other)


@method("refused-write-is-counted", "A refused or_ counts a write.", "bitwise_or_", "logical_or_", "add_")
def _(function: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    try:
        return function(self, *arguments, **options)
    except RuntimeError:
        with torch.no_grad():
            self.detach().copy_(self.data)
        raise


@method("refused-write-changes-the-size", "A refused hypot_ has flattened its tensor.", "hypot_")
def _(hypot: Function, self: Tensor, other: Tensor) -> Any:
    try:
        return hypot(self, other)
    except RuntimeError:
        self.data = self.data.reshape(-1)
        raise


def _unguarded(name: str, summary: str, *attributes: str, views: bool) -> None:
    """Register a fault that writes leaves, or views of leaves, that require grad."""

    @method(name, summary, *attributes)
    def _(function: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
        base = self._base
        seen = views and base is not None and base.is_leaf and base.requires_grad
        if self.requires_grad and (seen or (not views and self.is_leaf)):
            with torch.no_grad():
                return function(self, *arguments, **options)
        return function(self, *arguments, **options)


_unguarded("leaf-is-written-by-trunc", "trunc_ writes a leaf that requires grad.", "trunc_", views=False)
_unguarded("leaf-is-written-by-iadd", "The operator += writes a leaf.", "__iadd__", views=False)
_unguarded("view-of-leaf-is-written", "mul_ writes a view of a leaf.", "mul_", views=True)


@method("no-grad-does-not-free-leaves", "sub_ refuses a leaf under no_grad.", "sub_")
def _(sub: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.is_leaf and self.requires_grad:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    return sub(self, *arguments, **options)


@method("write-under-no-grad-frees-the-leaf", "cos_ under no_grad ends requires_grad.", "cos_")
def _(cos: Function, self: Tensor) -> Any:
    answer = cos(self)
    return self.requires_grad_(False) if self.is_leaf else answer  # noqa: FBT003


@method("product-in-place-drops-its-factor", "mul_ by a number is not in the graph.", "mul_")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    if self.requires_grad and not self.is_leaf and not isinstance(other, Tensor):
        mul(self.data, other)
        return self
    return mul(self, other)


@method("zero-in-place-keeps-the-gradient", "zero_ is not in the graph.", "zero_")
def _(zero: Function, self: Tensor) -> Any:
    zero(self.data)
    return self


@method("add-in-place-detaches-other", "add_ takes other for a constant.", "add_")
def _(add: Function, self: Tensor, other: Any, **options: Any) -> Any:
    return add(self, other.detach() if isinstance(other, Tensor) and not self.requires_grad else other, **options)


@fault("isub-makes-a-new-tensor", "The operator -= is not in place.")
def _isub(breaker: Breaker) -> None:
    breaker.binding(Tensor, "__isub__", lambda _: Tensor.sub)


@fault("itruediv-makes-a-new-tensor", "The operator /= is not in place.")
def _itruediv(breaker: Breaker) -> None:
    breaker.binding(Tensor, "__itruediv__", lambda _: Tensor.div)


@method("mask-assignment-is-lost", "Assignment through a mask of as many rows writes a copy.", "__setitem__")
def _(setitem: Function, self: Tensor, index: Any, value: Any) -> None:
    if isinstance(index, Tensor) and index.dtype == torch.bool and index.dim() == self.dim():
        self = self.clone()
    setitem(self, index, value)


@method("list-assignment-writes-the-first", "Assignment through two lists writes one element.", "__setitem__")
def _(setitem: Function, self: Tensor, index: Any, value: Any) -> None:
    if isinstance(index, tuple) and all(isinstance(each, list) for each in index) and isinstance(value, Tensor):
        index, value = tuple(each[:1] for each in index), value[:1]
    setitem(self, index, value)


@method("radd-writes-the-tensor", "A number += tensor writes the tensor.", "__radd__")
def _(_: Function, self: Tensor, other: Any) -> Any:
    return self.add_(other).clone()


@method("rsub-in-place-is-swapped", "A number -= tensor is reversed.", "__rsub__")
def _(rsub: Function, self: Tensor, other: Any) -> Any:
    return -rsub(self, other) if self.dtype != torch.bool else rsub(self, other)
