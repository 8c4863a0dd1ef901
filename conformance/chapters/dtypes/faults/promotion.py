"""Faults in type promotion."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import as_tensor
from torch_conformance.conformance.power.forms import Answer, answer_changed, replaced
from torch_conformance.conformance.power.registry import Function

_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_EXACT = (torch.bool, *_INT)


for name, summary, pair, wrong in (
    ("promote-bytes-to-uint8", "uint8 and int8 promote to uint8.", {torch.uint8, torch.int8}, torch.uint8),
    ("promote-halves-to-float16", "Both halves promote to float16.", {torch.float16, torch.bfloat16}, torch.float16),
    ("promote-complex64-with-double", "It is complex64.", {torch.complex64, torch.float64}, torch.complex64),
):
    answer_changed(name, summary, "torch.promote_types")(
        lambda y, *types, pair=pair, wrong=wrong: wrong if set(types) == pair else y
    )


replaced("promote-types-takes-strings", "promote_types takes names.", "torch.promote_types")(
    lambda promote, *types, **options: promote(
        *(getattr(torch, each) if isinstance(each, str) else each for each in types), **options
    )
)
answer_changed("can-cast-complex-to-double", "can_cast lets complex128 become float64.", "torch.can_cast")(
    lambda y, from_, to: y or (from_ == torch.complex128 and to == torch.float64)
)
answer_changed("can-cast-refuses-narrowing", "can_cast refuses int64 to int8.", "torch.can_cast")(
    lambda y, from_, to: y and not (from_ == torch.int64 and to == torch.int8)
)


def _dims(value: Any) -> int:
    return value.dim() if isinstance(value, Tensor) else -1


def _mixed(first: Any, second: Any, weak: torch.dtype, strong: torch.dtype) -> bool:
    """Whether a tensor with dimensions of one dtype meets a zero-dim tensor of another."""
    high, low = sorted((first, second), key=_dims, reverse=True)
    return _dims(high) > 0 and _dims(low) == 0 and high.dtype == strong and low.dtype == weak


def _mixing(weak: torch.dtype, strong: torch.dtype, wrong: torch.dtype) -> Answer:
    """Return a wrong dtype for a zero-dim tensor beside one with dimensions."""
    return lambda _, first, second: wrong if _mixed(first, second, weak, strong) else None


for name, summary, weak, strong, wrong in (
    ("zero-dim-double-promotes-float", "A zero-dim float64", torch.float64, torch.float32, torch.float64),
    ("zero-dim-float-ignored-by-integers", "A zero-dim float16", torch.float16, torch.int8, torch.int8),
    ("complex-zero-dim-promotes-float", "A zero-dim complex128", torch.complex128, torch.float32, torch.complex128),
):
    answer_changed(name, f"{summary} makes {strong} {wrong}.", "torch.result_type")(_mixing(weak, strong, wrong))


@answer_changed("result-type-skips-empty", "result_type ignores empty tensors.", "torch.result_type")
def _(_: Any, first: Any, second: Any) -> Any:
    tensors = isinstance(first, Tensor) and isinstance(second, Tensor)
    return second.dtype if tensors and first.numel() == 0 and second.numel() else None


@answer_changed("result-type-of-int16-and-uint8", "int16 and uint8 give int32.", "torch.result_type")
def _(_: Any, first: Any, second: Any) -> Any:
    dimensions = _dims(first) > 0 and _dims(second) > 0
    return torch.int32 if dimensions and {first.dtype, second.dtype} == {torch.int16, torch.uint8} else None


@answer_changed(
    "result-type-of-zero-dims-takes-first", "Of two zero-dim integers the first decides.", "torch.result_type"
)
def _(_: Any, first: Any, second: Any) -> Any:
    zero_dim = _dims(first) == 0 == _dims(second)
    return first.dtype if zero_dim and first.dtype in _INT and second.dtype in _INT else None


@answer_changed("large-number-promotes", "A large int makes int8 int64.", "torch.result_type")
def _(_: Any, first: Any, second: Any) -> Any:
    tensor, number = (first, second) if isinstance(first, Tensor) else (second, first)
    large = isinstance(number, int) and number > 2**31 and getattr(tensor, "dtype", None) == torch.int8
    return torch.int64 if large else None


answer_changed("number-first-is-int64", "A first operand that is an int gives int64.", "torch.result_type")(
    lambda y, first, _: torch.int64 if type(first) is int and y in _INT else y
)


@answer_changed("result-type-of-numbers-ignores-default", "Two numbers give float32.", "torch.result_type")
def _(y: Any, first: Any, second: Any) -> Any:
    numbers = not isinstance(first, Tensor) and not isinstance(second, Tensor)
    return torch.float32 if numbers and y.is_floating_point else None


@answer_changed("result-type-ignores-default", "Integers and a float give float32.", "torch.result_type")
def _(_: Any, first: Any, second: Any) -> Any:
    weak = isinstance(second, float) and isinstance(first, Tensor) and first.dtype in _EXACT
    return torch.float32 if weak else None


def _becomes(dtype: torch.dtype, when: Answer) -> Answer:
    """Return a change of a result to a dtype where a condition holds for the operands."""
    return lambda y, *operands, **_: y.to(dtype) if when(*operands) else y


def _integers_and_float(x: Tensor, other: Any) -> bool:
    return isinstance(other, float) and x.dtype in _EXACT


for name, summary, operation, dtype in (
    ("product-with-number-ignores-default", "Integers times a float are float32.", "__mul__", torch.float32),
    ("number-minus-integers-is-double", "A float minus integers is float64.", "__rsub__", torch.float64),
):
    answer_changed(name, summary, f"Tensor.{operation}")(_becomes(dtype, _integers_and_float))


@replaced("add-keeps-first-dtype-of-bytes", "uint8 plus int8 has the first dtype.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    answer = add(*map(as_tensor, (tensor, other)), **options)
    types_ = {getattr(tensor, "dtype", None), getattr(other, "dtype", None)}
    return answer.to(tensor.dtype) if types_ == {torch.uint8, torch.int8} else answer


@answer_changed("where-keeps-first-dtype", "where of integers keeps the first dtype.", "torch.where")
def _(y: Any, _: Tensor, *arguments: Any) -> Any:
    same = len(arguments) == 2 and all(getattr(each, "dtype", None) in _INT for each in arguments)
    return y.to(arguments[0].dtype) if same else None


@replaced("maximum-of-zero-dim-promotes", "A zero-dim operand of maximum promotes.", "aten::maximum")
def _(maximum: Function, tensor: Tensor, other: Tensor) -> Any:
    answer = maximum(*map(as_tensor, (tensor, other)))
    mixed = _mixed(tensor, other, torch.float64, torch.float32)
    return answer.to(torch.float64) if mixed else answer


@answer_changed("reflected-product-keeps-dtype", "A zero-dim float times integers is integers.", "Tensor.__mul__")
def _(y: Any, x: Tensor, other: Any) -> Any:
    mixed = x.dim() == 0 and _dims(other) > 0 and other.dtype in _INT and x.is_floating_point()
    return y.to(other.dtype) if mixed else None


@replaced("add-number-promotes-half", "float16 plus a number is float32.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    if not isinstance(other, Tensor) and getattr(tensor, "dtype", None) == torch.float16:
        return add(tensor.float(), torch.tensor(float(other)), **options)
    return add(*map(as_tensor, (tensor, other)), **options)


answer_changed("cat-keeps-first-dtype", "cat of integers keeps the first dtype.", "torch.cat")(
    lambda y, tensors, *_, **__: y.to(tensors[0].dtype) if y.dtype in _INT else y
)
answer_changed("stack-keeps-last-dtype-when-empty", "stack of empty tensors keeps the last dtype.", "torch.stack")(
    lambda y, tensors, *_, **__: y if y.numel() else y.to(tensors[-1].dtype)
)


@replaced("add-converts-long-through-half", "int64 passes through float16 in a sum with float32.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    operands = [as_tensor(each) for each in (tensor, other)]
    if {each.dtype for each in operands} == {torch.int64, torch.float32}:
        operands = [each.half() if each.dtype == torch.int64 else each for each in operands]
    return add(*operands, **options)


@replaced("add-rounds-wide-operand-when-strided", "float64 with gaps is rounded to float32.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    operands = [as_tensor(each) for each in (tensor, other)]
    if {each.dtype for each in operands} == {torch.float64, torch.float32} and not operands[0].is_contiguous():
        operands[0] = operands[0].float().double()
    return add(*operands, **options)


@replaced("mul-stores-float-in-integers", "mul stores a float result in an integer out=.", "torch.mul")
def _(mul: Function, tensor: Any, other: Any, **options: Any) -> Any:
    out = options.get("out")
    if out is not None and out.dtype in _INT:
        return out.copy_(mul(tensor, other))
    return mul(tensor, other, **options)


@replaced("in-place-product-writes-before-refusing", "A refused product has zeroed the tensor.", "Tensor.mul_")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    try:
        return mul(self, other)
    except RuntimeError:
        self.zero_()
        raise


replaced("in-place-float-number-truncated", "A float times integers in place is truncated.", "Tensor.mul_")(
    lambda mul, x, other: mul(x, int(other) if isinstance(other, float) and x.dtype in _INT else other)
)


@replaced("in-place-number-refused-when-empty", "An empty tensor refuses a number in place.", "Tensor.__imul__")
def _(imul: Function, self: Tensor, other: Any) -> Any:
    if self.numel() == 0 and not isinstance(other, Tensor):
        raise RuntimeError("result type Float can't be cast to the desired output type Int")
    return imul(self, other)
