"""Faults of operators with a number: on one side, in one spelling, of one kind."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.power.older_forms.arguments import changed
from torch_conformance.conformance.power.registry import Function

Tensor = torch.Tensor


def _is(value: Any, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


@changed("broadcast-bool-sum-is-product", "Sums of booleans of two sizes are products.", (Tensor, "add"))
def _(f: Function, a: Tensor, b: Any, **options: Any) -> Any:
    if isinstance(b, Tensor) and a.dtype == b.dtype == torch.bool and a.shape != b.shape:
        return torch.mul(a, b)
    return f(a, b, **options)


@changed("broadcast-complex-product-conjugates", "A repeated complex factor is conjugated.", (torch, "mul"))
def _(f: Function, a: Any, b: Any, **options: Any) -> Any:
    if isinstance(b, Tensor) and b.is_complex() and isinstance(a, Tensor) and a.shape != b.shape:
        return f(a, b.conj(), **options)
    return f(a, b, **options)


@changed("reflected-sub-truncates-number", "n - a takes the whole part of n.", (Tensor, "__rsub__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return f(a, int(n)) if _is(n, float) and abs(n) < 2**53 else f(a, n)


@changed("mul-method-takes-number-as-integer", "Tensor.mul takes the whole part of a number.", (Tensor, "mul"))
def _(f: Function, a: Tensor, n: Any = None, **options: Any) -> Any:
    return f(a, float(int(n))) if _is(n, float) and abs(n) < 2**53 else f(a, n, **options)


@changed("number-operand-is-rounded-to-half", "torch.add rounds a number to bfloat16.", (torch, "add"))
def _(f: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 2 and _is(arguments[1], float):
        return f(arguments[0], torch.tensor(arguments[1]).bfloat16().item(), **options)
    return f(*arguments, **options)


@changed("reflected-sub-is-slightly-off", "n - a is off by a part in a hundred.", (Tensor, "__rsub__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return f(a, n) * 1.01 if _is(n, float) and a.is_floating_point() else f(a, n)


@changed("complex-number-loses-imaginary-part", "a.add drops the imaginary part of a number.", (Tensor, "add"))
def _(f: Function, a: Tensor, other: Any = None, **options: Any) -> Any:
    return f(a, other.real if isinstance(other, complex) else other, **options)


@changed("reflected-complex-sub-conjugates", "n - a conjugates a complex n.", (Tensor, "__rsub__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return f(a, n.conjugate() if isinstance(n, complex) else n)


@changed("remainder-of-number-is-fmod", "The operator % with a number has the dividend's sign.", (Tensor, "__mod__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return torch.fmod(a, n) if _is(n, int, float) and n else f(a, n)


@changed("reflected-remainder-swaps", "n % a is a % n.", (Tensor, "__rmod__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return torch.remainder(a, n) if _is(n, int, float) else f(a, n)


@changed("floor-divide-number-truncates", "The operator // rounds toward zero.", (Tensor, "__floordiv__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return torch.div(a, n, rounding_mode="trunc") if _is(n, int, float) and n else f(a, n)


@changed("less-than-number-includes-it", "torch.lt with a number includes it.", (torch, "lt"))
def _(f: Function, a: Tensor, n: Any, **options: Any) -> Any:
    return torch.le(a, n) if _is(n, int, float) else f(a, n, **options)


@changed("greater-equal-method-excludes-number", "greater_equal excludes a number.", (Tensor, "greater_equal"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return a.gt(n) if _is(n, int, float) else f(a, n)


@changed("reflected-or-is-xor", "n | a is n ^ a.", (Tensor, "__ror__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return torch.bitwise_xor(a, n) if isinstance(n, int) else f(a, n)


@changed("and-with-number-keeps-low-bits", "torch.bitwise_and takes six bits of a number.", (torch, "bitwise_and"))
def _(f: Function, a: Any, n: Any, **options: Any) -> Any:
    return f(a, n & 0b111111 if _is(n, int) else n, **options)


@changed("left-shift-number-modulo-eight", "a << n takes n modulo eight.", (Tensor, "__lshift__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return f(a, n % 8 if _is(n, int) else n)


@changed("right-shift-number-is-logical", "bitwise_right_shift fills with zeros.", (torch, "bitwise_right_shift"))
def _(f: Function, a: Any, n: Any, **options: Any) -> Any:
    if isinstance(a, Tensor) and a.dtype == torch.int32 and _is(n, int) and n:
        return ((a.long() & 0xFFFFFFFF) >> n).int()
    return f(a, n, **options)


@changed("odd-power-drops-sign", "The operator ** with an odd number drops the sign.", (Tensor, "__pow__"))
def _(f: Function, a: Tensor, n: Any) -> Any:
    return f(a.abs(), n) if _is(n, int) and n == -3 and a.is_floating_point() else f(a, n)


@changed("power-of-tensors-drops-sign", "torch.pow of two tensors drops the base's sign.", (torch, "pow"))
def _(f: Function, a: Any, b: Any, **options: Any) -> Any:
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.is_floating_point():
        return f(a.abs(), b, **options)
    return f(a, b, **options)
