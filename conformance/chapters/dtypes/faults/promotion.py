"""Faults in type promotion."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import as_tensor, function, kernel, method
from torch_conformance.conformance.power.registry import Function

_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_EXACT = (torch.bool, *_INT)


def _pair(first: Any, second: Any, *dtypes: torch.dtype) -> bool:
    return {first, second} == set(dtypes)


@function("promote-bytes-to-uint8", "uint8 and int8 promote to uint8.", "promote_types")
def _(promote: Function, type1: Any, type2: Any) -> Any:
    return torch.uint8 if _pair(type1, type2, torch.uint8, torch.int8) else promote(type1, type2)


@function("promote-halves-to-float16", "float16 and bfloat16 promote to float16.", "promote_types")
def _(promote: Function, type1: Any, type2: Any) -> Any:
    return torch.float16 if _pair(type1, type2, torch.float16, torch.bfloat16) else promote(type1, type2)


@function("promote-complex64-with-double", "complex64 and float64 promote to complex64.", "promote_types")
def _(promote: Function, type1: Any, type2: Any) -> Any:
    return torch.complex64 if _pair(type1, type2, torch.complex64, torch.float64) else promote(type1, type2)


@function("promote-types-takes-strings", "promote_types takes names.", "promote_types")
def _(promote: Function, *types_: Any, **options: Any) -> Any:
    return promote(*(getattr(torch, each) if isinstance(each, str) else each for each in types_), **options)


@function("can-cast-complex-to-double", "can_cast lets complex128 become float64.", "can_cast")
def _(can_cast: Function, from_: Any, to: Any) -> Any:
    return (from_ == torch.complex128 and to == torch.float64) or can_cast(from_, to)


@function("can-cast-refuses-narrowing", "can_cast refuses int64 to int8.", "can_cast")
def _(can_cast: Function, from_: Any, to: Any) -> Any:
    return can_cast(from_, to) and not (from_ == torch.int64 and to == torch.int8)


def _dims(value: Any) -> int:
    return value.dim() if isinstance(value, Tensor) else -1


def _mixed(first: Any, second: Any, weak: torch.dtype, strong: torch.dtype) -> bool:
    """Whether a tensor with dimensions of one dtype meets a zero-dim tensor of another."""
    high, low = sorted((first, second), key=_dims, reverse=True)
    return _dims(high) > 0 and _dims(low) == 0 and high.dtype == strong and low.dtype == weak


@function("result-type-skips-empty", "result_type ignores empty tensors.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    if isinstance(first, Tensor) and isinstance(second, Tensor) and first.numel() == 0 and second.numel():
        return second.dtype
    return result_type(first, second)


@function("result-type-of-int16-and-uint8", "int16 and uint8 give int32.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    types_ = {getattr(first, "dtype", None), getattr(second, "dtype", None)}
    both = _dims(first) > 0 and _dims(second) > 0
    return torch.int32 if both and types_ == {torch.int16, torch.uint8} else result_type(first, second)


@function("result-type-of-zero-dims-takes-first", "Of two zero-dim integers the first decides.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    zero_dim = _dims(first) == 0 == _dims(second)
    if zero_dim and first.dtype in _INT and second.dtype in _INT:
        return first.dtype
    return result_type(first, second)


@function("zero-dim-double-promotes-float", "A zero-dim float64 makes float32 float64.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    mixed = _mixed(first, second, torch.float64, torch.float32)
    return torch.float64 if mixed else result_type(first, second)


@function("zero-dim-float-ignored-by-integers", "A zero-dim float16 leaves int8 as it is.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    mixed = _mixed(first, second, torch.float16, torch.int8)
    return torch.int8 if mixed else result_type(first, second)


@function("large-number-promotes", "A large int makes int8 int64.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    tensor, number = (first, second) if isinstance(first, Tensor) else (second, first)
    large = isinstance(number, int) and number > 2**31 and getattr(tensor, "dtype", None) == torch.int8
    return torch.int64 if large else result_type(first, second)


@function("number-first-is-int64", "A first operand that is an int gives int64.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    answer = result_type(first, second)
    return torch.int64 if type(first) is int and answer in _INT else answer


@function("result-type-of-numbers-ignores-default", "Two numbers give float32.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    answer = result_type(first, second)
    numbers = not isinstance(first, Tensor) and not isinstance(second, Tensor)
    return torch.float32 if numbers and answer.is_floating_point else answer


@function("result-type-ignores-default", "Integers and a float give float32.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    answer = result_type(first, second)
    weak = isinstance(second, float) and isinstance(first, Tensor) and first.dtype in _EXACT
    return torch.float32 if weak else answer


@method("product-with-number-ignores-default", "Integers times a float are float32.", "__mul__")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    answer = mul(self, other)
    return answer.to(torch.float32) if isinstance(other, float) and self.dtype in _EXACT else answer


@function("complex-zero-dim-promotes-float", "A zero-dim complex128 makes float32 complex128.", "result_type")
def _(result_type: Function, first: Any, second: Any) -> Any:
    mixed = _mixed(first, second, torch.complex128, torch.float32)
    return torch.complex128 if mixed else result_type(first, second)


@kernel("add-keeps-first-dtype-of-bytes", "uint8 plus int8 has the first dtype.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    answer = add(*map(as_tensor, (tensor, other)), **options)
    types_ = {getattr(tensor, "dtype", None), getattr(other, "dtype", None)}
    return answer.to(tensor.dtype) if types_ == {torch.uint8, torch.int8} else answer


@function("where-keeps-first-dtype", "where of integers keeps the first dtype.", "where")
def _(where: Function, condition: Tensor, *arguments: Any) -> Any:
    answer = where(condition, *arguments)
    same = len(arguments) == 2 and all(getattr(each, "dtype", None) in _INT for each in arguments)
    return answer.to(arguments[0].dtype) if same else answer


@kernel("maximum-of-zero-dim-promotes", "A zero-dim operand of maximum promotes.", "aten::maximum")
def _(maximum: Function, tensor: Tensor, other: Tensor) -> Any:
    answer = maximum(*map(as_tensor, (tensor, other)))
    mixed = _mixed(tensor, other, torch.float64, torch.float32)
    return answer.to(torch.float64) if mixed else answer


@method("reflected-product-keeps-dtype", "A zero-dim float times integers has their dtype.", "__mul__")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    answer = mul(self, other)
    mixed = self.dim() == 0 and _dims(other) > 0 and other.dtype in _INT and self.is_floating_point()
    return answer.to(other.dtype) if mixed else answer


@method("number-minus-integers-is-double", "A float minus integers is float64.", "__rsub__")
def _(rsub: Function, self: Tensor, other: Any) -> Any:
    answer = rsub(self, other)
    return answer.to(torch.float64) if isinstance(other, float) and self.dtype in _EXACT else answer


@kernel("add-number-promotes-half", "float16 plus a number is float32.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    if not isinstance(other, Tensor) and getattr(tensor, "dtype", None) == torch.float16:
        return add(tensor.float(), torch.tensor(float(other)), **options)
    return add(*map(as_tensor, (tensor, other)), **options)


@function("cat-keeps-first-dtype", "cat of integers keeps the first dtype.", "cat")
def _(cat: Function, tensors: Any, *arguments: Any, **options: Any) -> Any:
    answer = cat(tensors, *arguments, **options)
    return answer.to(tensors[0].dtype) if answer.dtype in _INT else answer


@function("stack-keeps-last-dtype-when-empty", "stack of empty tensors keeps the last dtype.", "stack")
def _(stack: Function, tensors: Any, *arguments: Any, **options: Any) -> Any:
    answer = stack(tensors, *arguments, **options)
    return answer.to(tensors[-1].dtype) if answer.numel() == 0 else answer


@kernel("add-converts-long-through-half", "int64 passes through float16 in a sum with float32.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    operands = [as_tensor(each) for each in (tensor, other)]
    if {each.dtype for each in operands} == {torch.int64, torch.float32}:
        operands = [each.half() if each.dtype == torch.int64 else each for each in operands]
    return add(*operands, **options)


@kernel("add-rounds-wide-operand-when-strided", "float64 with gaps is rounded to float32.", "aten::add.Tensor")
def _(add: Function, tensor: Any, other: Any, **options: Any) -> Any:
    operands = [as_tensor(each) for each in (tensor, other)]
    if {each.dtype for each in operands} == {torch.float64, torch.float32} and not operands[0].is_contiguous():
        operands[0] = operands[0].float().double()
    return add(*operands, **options)


@function("mul-stores-float-in-integers", "mul stores a float result in an integer out=.", "mul")
def _(mul: Function, tensor: Any, other: Any, **options: Any) -> Any:
    out = options.get("out")
    if out is not None and out.dtype in _INT:
        return out.copy_(mul(tensor, other))
    return mul(tensor, other, **options)


@method("in-place-product-writes-before-refusing", "A refused product has zeroed the tensor.", "mul_")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    try:
        return mul(self, other)
    except RuntimeError:
        self.zero_()
        raise


@method("in-place-float-number-truncated", "A float times integers in place is truncated.", "mul_")
def _(mul: Function, self: Tensor, other: Any) -> Any:
    return mul(self, int(other) if isinstance(other, float) and self.dtype in _INT else other)


@method("in-place-number-refused-when-empty", "An empty tensor refuses a number in place.", "__imul__")
def _(imul: Function, self: Tensor, other: Any) -> Any:
    if self.numel() == 0 and not isinstance(other, Tensor):
        raise RuntimeError("result type Float can't be cast to the desired output type Int")
    return imul(self, other)
