"""Faults in what operators store in place: values, numbers, alpha, rounding modes, casts."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import Wrapper, method
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_GRAIN = 32_768
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def kernel(name: str, summary: str, *operators: str) -> Callable[[Wrapper], Wrapper]:
    """Register a fault of CPU kernels; the wrapper gets the original first, and numbers as zero-dim tensors."""

    def register(wrapper: Wrapper) -> Wrapper:
        def make(original: Function, *, boxed: bool) -> Function:
            def replaced(*arguments: Any, **options: Any) -> Any:
                if boxed:
                    arguments = tuple(each if isinstance(each, Tensor) else torch.tensor(each) for each in arguments)
                return wrapper(original, *arguments, **options)

            return replaced

        def install(breaker: Breaker) -> None:
            for operator in operators:
                tensors = operator.endswith((".Tensor", ".out"))
                breaker.kernel(operator, functools.partial(make, boxed=tensors))

        fault(name, summary)(install)
        return wrapper

    return register


def kept(self: Tensor, function: Function, where: Any, *arguments: Any, **options: Any) -> Any:
    """Run a write and put back what the tensor held at some places."""
    before = self.detach().clone()
    function(self, *arguments, **options)
    with torch.no_grad():
        self.data[where] = before[where]
    return self


@kernel("add-in-place-misses-last-of-vector", "add_ skips one element after full vectors.", "aten::add_.Tensor")
def _(add: Function, self: Tensor, other: Tensor, **options: Any) -> Any:
    if self.dim() == 1 and self.numel() > 8 and self.numel() % 8 == 1:
        return kept(self, add, -1, other, **options)
    return add(self, other, **options)


@kernel("mul-in-place-stops-at-the-grain", "mul_ leaves the end of large tensors.", "aten::mul_.Tensor")
def _(mul: Function, self: Tensor, other: Tensor) -> Any:
    if self.numel() > _GRAIN and self.size(0) > 1:
        return kept(self, mul, -1, other)
    return mul(self, other)


@method("subtract-in-place-is-reversed-when-strided", "subtract_ of columns gives b - a.", "subtract_")
def _(subtract: Function, self: Tensor, other: Any, **options: Any) -> Any:
    if self.dim() > 1 and not self.is_contiguous() and isinstance(other, Tensor):
        return subtract(self, other, **options).neg_()
    return subtract(self, other, **options)


@kernel("exp-in-place-misses-last-beyond-grain", "exp_ leaves the last element of large tensors.", "aten::exp_")
def _(exp: Function, self: Tensor) -> Any:
    return kept(self, exp, (-1,) * self.dim()) if self.numel() > _GRAIN else exp(self)


@method("log1p-in-place-adds-first", "log1p_ computes log(1 + x).", "log1p_")
def _(_: Function, self: Tensor) -> Any:
    return self.add_(1).log_()


@method("arcsin-in-place-is-arcsinh", "The spelling arcsin_ computes asinh.", "arcsin_")
def _(_: Function, self: Tensor) -> Any:
    return self.asinh_()


@method("hypot-in-place-overflows", "hypot_ squares first.", "hypot_")
def _(_: Function, self: Tensor, other: Tensor) -> Any:
    return self.mul_(self).add_(other * other).sqrt_()


@kernel("sqrt-in-place-of-bfloat16-truncates", "sqrt_ of bfloat16 rounds down.", "aten::sqrt_")
def _(sqrt: Function, self: Tensor) -> Any:
    if self.dtype != torch.bfloat16:
        return sqrt(self)
    bits = torch.sqrt(self.float()).view(torch.int32) & ~0xFFFF
    return self.copy_(bits.view(torch.float32))


@method("copysign-in-place-ignores-minus-zero", "copysign_ takes -0 as positive.", "copysign_")
def _(copysign: Function, self: Tensor, other: Any) -> Any:
    return copysign(self, other + 0 if isinstance(other, Tensor) else other)


@method("negative-in-place-saturates", "negative_ of the lowest int8 is the highest.", "negative_")
def _(negative: Function, self: Tensor) -> Any:
    return negative(self.clamp_(min=-127) if self.dtype == torch.int8 else self)


@method("round-in-place-takes-halves-away", "round_ takes halves away from zero.", "round_")
def _(round_: Function, self: Tensor, **options: Any) -> Any:
    if not self.is_floating_point() or options:
        return round_(self, **options)
    halves = (self - self.trunc()).abs() == 0.5
    away = self.trunc() + self.sign()
    return self.copy_(torch.where(halves, away, round_(self.clone())))


@method("fix-in-place-floors", "The spelling fix_ is floor_.", "fix_")
def _(_: Function, self: Tensor) -> Any:
    return self.floor_()


@method("logical-xor-in-place-is-or", "logical_xor_ of two NaN is true.", "logical_xor_")
def _(xor: Function, self: Tensor, other: Tensor) -> Any:
    both = torch.isnan(self) & torch.isnan(other)
    return xor(self, other).masked_fill_(both, 1)


@kernel("logical-not-in-place-of-strided-inverts-first", "logical_not_ reads one stride.", "aten::logical_not_")
def _(invert: Function, self: Tensor) -> Any:
    if self.dim() == 1 and self.numel() > 1 and self.stride(0) == 2:
        return self.fill_(bool(self[0] == 0))
    return invert(self)


def _or(_: Function, self: Tensor, other: Any) -> Any:
    return self.bitwise_or_(other)


method("iand-is-ior", "The operator &= computes |.", "__iand__")(_or)


@method("shift-in-place-fills-with-zeros", "bitwise_right_shift_ of int16 fills with zeros.", "bitwise_right_shift_")
def _(shift: Function, self: Tensor, other: Tensor) -> Any:
    if self.dtype != torch.int16:
        return shift(self, other)
    return self.copy_((self.int() & 0xFFFF) >> other)


@method("not-equal-in-place-of-nan-is-false", "not_equal_ of two NaN is 0.", "not_equal_")
def _(not_equal: Function, self: Tensor, other: Any) -> Any:
    if not isinstance(other, Tensor):
        return not_equal(self, other)
    both = torch.isnan(self) & torch.isnan(other)
    return not_equal(self, other).masked_fill_(both, 0)


@method("greater-equal-in-place-is-greater-in-half", "ge_ of float16 is gt_.", "ge_")
def _(greater_equal: Function, self: Tensor, other: Any) -> Any:
    return self.gt_(other) if self.dtype == torch.float16 else greater_equal(self, other)


@method("heaviside-in-place-is-half-at-zero", "heaviside_ ignores the values at zero.", "heaviside_")
def _(heaviside: Function, self: Tensor, values: Tensor) -> Any:
    return heaviside(self, torch.ones_like(values))


@method("gcd-in-place-keeps-the-sign", "gcd_ of a negative number with 0 is negative.", "gcd_")
def _(gcd: Function, self: Tensor, other: Tensor) -> Any:
    return self.copy_(torch.where(other == 0, self, gcd(self.clone(), other)))


@method("lcm-in-place-is-the-product", "lcm_ multiplies.", "lcm_")
def _(_: Function, self: Tensor, other: Tensor) -> Any:
    return self.mul_(other).abs_()


@kernel("column-in-place-broadcast-as-its-first-element", "mul_ reads one row of a column.", "aten::mul_.Tensor")
def _(mul: Function, self: Tensor, other: Tensor) -> Any:
    column = other.dim() > 1 and other.size(-1) == 1 < self.size(-1) and other.numel() > 1
    return mul(self, other[:1] if column else other)


@method("leading-dimension-in-place-broadcast-from-the-right", "add_ aligns sizes at the left.", "add_")
def _(add: Function, self: Tensor, other: Any, **options: Any) -> Any:
    if isinstance(other, Tensor) and other.dim() == 1 and self.dim() == 2 and self.size(0) == self.size(1) > 1:
        return add(self, other[:, None], **options)
    if isinstance(other, Tensor) and 1 < other.dim() < self.dim():
        return add(self, other.flip(0), **options)
    return add(self, other, **options)


@method("isub-number-saturates-bytes", "The operator -= with a number stops at 0 in uint8.", "__isub__")
def _(isub: Function, self: Tensor, other: Any) -> Any:
    if isinstance(other, int) and self.dtype == torch.uint8:
        return isub(self.clamp_(min=other), other)
    return isub(self, other)


@kernel("number-in-place-misses-last-beyond-grain", "Adding a number leaves the last element.", "aten::add_.Tensor")
def _(add: Function, self: Tensor, other: Tensor, **options: Any) -> Any:
    if self.numel() > _GRAIN and other.dim() == 0:
        return kept(self, add, (-1,) * self.dim(), other, **options)
    return add(self, other, **options)


@method("iadd-truncates-a-float-for-int32", "The operator += truncates a float for int32.", "__iadd__")
def _(iadd: Function, self: Tensor, other: Any) -> Any:
    return iadd(self, int(other) if isinstance(other, float) and self.dtype == torch.int32 else other)


@method("imul-drops-imaginary-part", "The operator *= takes the real part of a complex number.", "__imul__")
def _(imul: Function, self: Tensor, other: Any) -> Any:
    real = isinstance(other, complex) and not self.is_complex()
    return imul(self, other.real if real else other)


@method("subtract-in-place-ignores-alpha", "subtract_ ignores alpha=.", "subtract_")
def _(subtract: Function, self: Tensor, other: Any, **_: Any) -> Any:
    return subtract(self, other)


@method("add-in-place-alpha-zero-is-one", "add_ takes alpha=0 for not given.", "add_")
def _(add: Function, self: Tensor, *arguments: Any, alpha: Any = 1, **options: Any) -> Any:
    return add(self, *arguments, alpha=alpha or type(alpha)(1), **options)


@method("alpha-truncated-for-integers", "add_ of int64 truncates alpha=.", "add_")
def _(add: Function, self: Tensor, *arguments: Any, alpha: Any = 1, **options: Any) -> Any:
    whole = self.dtype == torch.int64 and isinstance(alpha, float)
    return add(self, *arguments, alpha=int(alpha) if whole else alpha, **options)


@method("div-in-place-trunc-floors", "div_ with rounding_mode='trunc' floors int16.", "div_")
def _(div: Function, self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Any:
    floors = rounding_mode == "trunc" and self.dtype == torch.int16
    return div(self, other, rounding_mode="floor" if floors else rounding_mode)


@method("divide-in-place-ignores-rounding-mode", "divide_ of float64 ignores rounding_mode=.", "divide_")
def _(divide: Function, self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Any:
    return divide(self, other, rounding_mode=None if self.dtype == torch.float64 else rounding_mode)


@method("div-in-place-reads-rounding-mode-loosely", "div_ ignores case and blanks of rounding_mode=.", "div_")
def _(div: Function, self: Tensor, other: Any, *, rounding_mode: str | None = None) -> Any:
    return div(self, other, rounding_mode=rounding_mode.strip().lower() if rounding_mode else rounding_mode)


@kernel("add-in-place-casts-float-into-int32", "add_ stores a float sum in int32.", "aten::add_.Tensor")
def _(add: Function, self: Tensor, other: Tensor, **options: Any) -> Any:
    cast = self.dtype == torch.int32 and other.is_floating_point()
    return add(self, other.to(torch.int32) if cast else other, **options)


@method("remainder-in-place-takes-zero-dim-double", "remainder_ of int64 takes a zero-dim float.", "remainder_")
def _(remainder: Function, self: Tensor, other: Any) -> Any:
    weak = isinstance(other, Tensor) and other.dim() == 0 and other.is_floating_point() and self.dtype == torch.int64
    return remainder(self, other.to(torch.int64) if weak else other)


@method("refused-division-has-written", "A refused floor_divide_ has changed the tensor.", "floor_divide_")
def _(divide: Function, self: Tensor, other: Any) -> Any:
    try:
        return divide(self, other)
    except RuntimeError:
        self.data.zero_()
        raise


@method("sqrt-in-place-of-int64-truncates", "sqrt_ of int64 stores whole parts.", "sqrt_")
def _(sqrt: Function, self: Tensor) -> Any:
    return self.copy_(torch.sqrt(self)) if self.dtype == torch.int64 else sqrt(self)


@method("empty-integers-take-functions", "expm1_ of no integers is accepted.", "expm1_")
def _(expm1: Function, self: Tensor) -> Any:
    return self if self.numel() == 0 else expm1(self)


@kernel("mixed-dtypes-in-place-miss-last", "mul_ of two dtypes skips one element.", "aten::mul_.Tensor")
def _(mul: Function, self: Tensor, other: Tensor) -> Any:
    if self.dtype != other.dtype and self.numel() > 8 and other.dim():
        return kept(self, mul, -1, other)
    return mul(self, other)


@method("eq-in-place-compares-as-bool", "eq_ converts the other operand to bool.", "eq_")
def _(equal: Function, self: Tensor, other: Any) -> Any:
    narrow = self.dtype == torch.bool and isinstance(other, Tensor)
    return equal(self, other.bool() if narrow else other)


@method("copy-of-double-saturates", "copy_ of float64 into float16 saturates.", "copy_")
def _(copy: Function, self: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.dtype == torch.float16 and source.dtype == torch.float64:
        source = source.clamp(-65504, 65504)
    return copy(self, source, *arguments, **options)


@method("copy-of-int32-into-strided-misses-last", "copy_ of int32 into gaps skips the last element.", "copy_")
def _(copy: Function, self: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    if source.dtype == torch.int32 and not self.is_contiguous() and self.numel() > 4:
        return kept(self, copy, (-1,) * self.dim(), source, *arguments, **options)
    return copy(self, source, *arguments, **options)


@method("copy-cuts-its-source", "copy_ takes the first elements of a longer tensor.", "copy_")
def _(copy: Function, self: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    if self.numel() == 1 < source.numel():
        source = source.reshape(-1)[0]
    return copy(self, source, *arguments, **options)


@method("fill-of-bool-takes-the-low-bit", "fill_ of bool takes a number's lowest bit.", "fill_")
def _(fill: Function, self: Tensor, value: Any) -> Any:
    low = self.dtype == torch.bool and type(value) is int
    return fill(self, bool(value & 1) if low else value)


@method("fill-with-a-tensor-truncates", "fill_ with a zero-dim tensor truncates.", "fill_")
def _(fill: Function, self: Tensor, value: Any) -> Any:
    fraction = isinstance(value, Tensor) and value.is_floating_point()
    return fill(self, value.trunc() if fraction else value)
