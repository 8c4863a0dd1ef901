"""Faults in what operators store in place: values, numbers, alpha, rounding modes, casts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import option_changed
from torch_conformance.conformance.power.damage import is_many, is_strided
from torch_conformance.conformance.power.forms import answered, write_lost
from torch_conformance.conformance.power.registry import Function

# Dtypes of what is written and of its source.
_NARROWED = (torch.float16, torch.float64)


def _is_tensor(*values: Any) -> bool:
    return all(isinstance(each, Tensor) for each in values)


def _floor_for_int16(x: Tensor, mode: str | None) -> str | None:
    return "floor" if mode == "trunc" and x.dtype == torch.int16 else mode


def _at_two_nan(f: Function, x: Tensor, y: Any, value: int) -> Any:
    """Write what `f` does, and a value where both operands are NaN."""
    two = torch.isnan(x) & torch.isnan(y)
    return f(x, y).masked_fill_(two, value)


# Elements that are not written.
write_lost("add-in-place-misses-last-of-vector", "add_ skips one element after full vectors.", "aten::add_.Tensor")(
    lambda x, *_: x.dim() == 1 and x.numel() > 8 and x.numel() % 8 == 1
)
write_lost("mul-in-place-stops-at-the-grain", "mul_ leaves the end of large tensors.", "aten::mul_.Tensor")(
    lambda x, *_: is_many(x)
)
write_lost("exp-in-place-misses-last-beyond-grain", "exp_ leaves the last element of large tensors.", "aten::exp_")(
    is_many
)
write_lost("number-in-place-misses-last-beyond-grain", "Adding a number leaves the last element.", "aten::add_.Tensor")(
    lambda x, other: is_many(x) and other.dim() == 0
)
write_lost("mixed-dtypes-in-place-miss-last", "mul_ of two dtypes skips one element.", "aten::mul_.Tensor")(
    lambda x, other: x.dtype != other.dtype and x.numel() > 8 and other.dim() > 0
)
write_lost(
    "copy-of-int32-into-strided-misses-last", "copy_ of int32 into gaps skips the last element.", "Tensor.copy_"
)(lambda x, source, *_: source.dtype == torch.int32 and is_strided(x) and x.numel() > 4)

# One function in place of another.
answered("log1p-in-place-adds-first", "log1p_ computes log(1 + x).", "Tensor.log1p_")(lambda _f, x: x.add_(1).log_())
answered("arcsin-in-place-is-arcsinh", "arcsin_ computes asinh.", "Tensor.arcsin_")(lambda _f, x: x.asinh_())
answered("fix-in-place-floors", "The spelling fix_ is floor_.", "Tensor.fix_")(lambda _f, x: x.floor_())
answered("iand-is-ior", "The operator &= computes |.", "Tensor.__iand__")(lambda _f, x, y: x.bitwise_or_(y))
answered("lcm-in-place-is-the-product", "lcm_ multiplies.", "Tensor.lcm_")(lambda _f, x, y: x.mul_(y).abs_())
answered("hypot-in-place-overflows", "hypot_ squares first.", "Tensor.hypot_")(
    lambda _f, x, y: x.mul_(x).add_(y * y).sqrt_()
)
answered("heaviside-in-place-is-half-at-zero", "heaviside_ ignores the values at zero.", "Tensor.heaviside_")(
    lambda f, x, values: f(x, torch.ones_like(values))
)
answered("greater-equal-in-place-is-greater-in-half", "ge_ of float16 is gt_.", "Tensor.ge_")(
    lambda f, x, y: x.gt_(y) if x.dtype == torch.float16 else f(x, y)
)
answered("subtract-in-place-is-reversed-when-strided", "subtract_ of columns gives b - a.", "Tensor.subtract_")(
    lambda f, x, y, **k: f(x, y, **k).neg_() if x.dim() > 1 and is_strided(x) and _is_tensor(y) else f(x, y, **k)
)

# Values at the edges: zeros, halves, NaN, the ends of a range.
answered("copysign-in-place-ignores-minus-zero", "copysign_ takes -0 as positive.", "Tensor.copysign_")(
    lambda f, x, y: f(x, y + 0 if _is_tensor(y) else y)
)
answered("negative-in-place-saturates", "negative_ of the lowest int8 is the highest.", "Tensor.negative_")(
    lambda f, x: f(x.clamp_(min=-127) if x.dtype == torch.int8 else x)
)
answered("logical-xor-in-place-is-or", "logical_xor_ of two NaN is true.", "Tensor.logical_xor_")(
    lambda f, x, y: _at_two_nan(f, x, y, 1)
)
answered("not-equal-in-place-of-nan-is-false", "not_equal_ of two NaN is 0.", "Tensor.not_equal_")(
    lambda f, x, y: _at_two_nan(f, x, y, 0) if _is_tensor(y) else f(x, y)
)
answered("gcd-in-place-keeps-the-sign", "gcd_ of a negative number with 0 is negative.", "Tensor.gcd_")(
    lambda f, x, y: x.copy_(torch.where(y == 0, x, f(x.clone(), y)))
)
answered(
    "shift-in-place-fills-with-zeros", "bitwise_right_shift_ of int16 fills with zeros.", "Tensor.bitwise_right_shift_"
)(lambda f, x, y: x.copy_((x.int() & 0xFFFF) >> y) if x.dtype == torch.int16 else f(x, y))
answered("isub-number-saturates-bytes", "-= with a number stops at 0 in uint8.", "Tensor.__isub__")(
    lambda f, x, y: f(x.clamp_(min=y) if isinstance(y, int) and x.dtype == torch.uint8 else x, y)
)


@answered("sqrt-in-place-of-bfloat16-truncates", "sqrt_ of bfloat16 rounds down.", "aten::sqrt_")
def _(sqrt: Function, x: Tensor) -> Any:
    if x.dtype != torch.bfloat16:
        return sqrt(x)
    bits = torch.sqrt(x.float()).view(torch.int32) & ~0xFFFF
    return x.copy_(bits.view(torch.float32))


@answered("round-in-place-takes-halves-away", "round_ takes halves away from zero.", "Tensor.round_")
def _(round_: Function, x: Tensor, **options: Any) -> Any:
    if not x.is_floating_point() or options:
        return round_(x, **options)
    halves = (x - x.trunc()).abs() == 0.5
    return x.copy_(torch.where(halves, x.trunc() + x.sign(), round_(x.clone())))


@answered("logical-not-in-place-of-strided-inverts-first", "logical_not_ reads one stride.", "aten::logical_not_")
def _(invert: Function, x: Tensor) -> Any:
    every_second = x.dim() == 1 and x.numel() > 1 and x.stride(0) == 2
    return x.fill_(bool(x[0] == 0)) if every_second else invert(x)


# Operands of other sizes.
@answered("column-in-place-broadcast-as-its-first-element", "mul_ reads one row of a column.", "aten::mul_.Tensor")
def _(mul: Function, x: Tensor, other: Tensor) -> Any:
    column = other.dim() > 1 and other.size(-1) == 1 < x.size(-1) and other.numel() > 1
    return mul(x, other[:1] if column else other)


@answered("leading-dimension-in-place-broadcast-from-the-right", "add_ aligns sizes at the left.", "Tensor.add_")
def _(add: Function, x: Tensor, other: Any, **options: Any) -> Any:
    if isinstance(other, Tensor) and other.dim() == 1 and x.dim() == 2 and x.size(0) == x.size(1) > 1:
        return add(x, other[:, None], **options)
    if isinstance(other, Tensor) and 1 < other.dim() < x.dim():
        return add(x, other.flip(0), **options)
    return add(x, other, **options)


# Numbers, alpha and rounding modes.
answered("iadd-truncates-a-float-for-int32", "The operator += truncates a float for int32.", "Tensor.__iadd__")(
    lambda f, x, n: f(x, int(n) if isinstance(n, float) and x.dtype == torch.int32 else n)
)
answered("imul-drops-imaginary-part", "The operator *= takes the real part of a complex number.", "Tensor.__imul__")(
    lambda f, x, n: f(x, n.real if isinstance(n, complex) and not x.is_complex() else n)
)
option_changed("subtract-in-place-ignores-alpha", "subtract_ ignores alpha=.", "Tensor.subtract_", option="alpha")
answered("add-in-place-alpha-zero-is-one", "add_ takes alpha=0 for not given.", "Tensor.add_")(
    lambda f, x, *y, alpha=1, **k: f(x, *y, alpha=alpha or type(alpha)(1), **k)
)
answered("alpha-truncated-for-integers", "add_ of int64 truncates alpha=.", "Tensor.add_")(
    lambda f, x, *y, alpha=1: f(x, *y, alpha=int(alpha) if x.dtype == torch.int64 and type(alpha) is float else alpha)
)
answered("div-in-place-trunc-floors", "div_ with rounding_mode='trunc' floors int16.", "Tensor.div_")(
    lambda f, x, y, rounding_mode=None: f(x, y, rounding_mode=_floor_for_int16(x, rounding_mode))
)
answered("divide-in-place-ignores-rounding-mode", "divide_ of float64 ignores rounding_mode=.", "Tensor.divide_")(
    lambda f, x, y, **k: f(x, y) if x.dtype == torch.float64 else f(x, y, **k)
)
answered("div-in-place-reads-rounding-mode-loosely", "div_ ignores case and blanks of the mode.", "Tensor.div_")(
    lambda f, x, y, rounding_mode=None: f(x, y, rounding_mode=rounding_mode and rounding_mode.strip().lower())
)


# Casts, and refusals.
@answered(
    "remainder-in-place-takes-zero-dim-double", "remainder_ of int64 takes a zero-dim float.", "Tensor.remainder_"
)
def _(remainder: Function, x: Tensor, other: Any) -> Any:
    weak = isinstance(other, Tensor) and other.dim() == 0 and other.is_floating_point() and x.dtype == torch.int64
    return remainder(x, other.to(torch.int64) if weak else other)


@answered("refused-division-has-written", "A refused floor_divide_ has changed the tensor.", "Tensor.floor_divide_")
def _(divide: Function, x: Tensor, other: Any) -> Any:
    try:
        return divide(x, other)
    except RuntimeError:
        x.data.zero_()
        raise


answered("add-in-place-casts-float-into-int32", "add_ stores a float sum in int32.", "aten::add_.Tensor")(
    lambda f, x, y, **k: f(x, y.to(x.dtype) if x.dtype == torch.int32 and y.is_floating_point() else y, **k)
)
answered("sqrt-in-place-of-int64-truncates", "sqrt_ of int64 stores whole parts.", "Tensor.sqrt_")(
    lambda f, x: x.copy_(torch.sqrt(x)) if x.dtype == torch.int64 else f(x)
)
answered("empty-integers-take-functions", "expm1_ of no integers is accepted.", "Tensor.expm1_")(
    lambda f, x: f(x) if x.numel() else x
)
answered("eq-in-place-compares-as-bool", "eq_ converts the other operand to bool.", "Tensor.eq_")(
    lambda f, x, y: f(x, y.bool() if x.dtype == torch.bool and _is_tensor(y) else y)
)
answered("copy-of-double-saturates", "copy_ of float64 into float16 saturates.", "Tensor.copy_")(
    lambda f, x, y, *a: f(x, y.clamp(-65504, 65504) if (x.dtype, y.dtype) == _NARROWED else y, *a)
)
answered("copy-cuts-its-source", "copy_ takes the first elements of a longer tensor.", "Tensor.copy_")(
    lambda f, x, y, *a, **k: f(x, y.reshape(-1)[0] if x.numel() == 1 < y.numel() else y, *a, **k)
)
answered("fill-of-bool-takes-the-low-bit", "fill_ of bool takes a number's lowest bit.", "Tensor.fill_")(
    lambda f, x, n: f(x, bool(n & 1) if x.dtype == torch.bool and type(n) is int else n)
)
answered("fill-with-a-tensor-truncates", "fill_ with a zero-dim tensor truncates.", "Tensor.fill_")(
    lambda f, x, n: f(x, n.trunc() if _is_tensor(n) and n.is_floating_point() else n)
)
