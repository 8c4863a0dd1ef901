"""Faults of operators with a number: on one side, in one spelling, of one kind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.forms import answered


def _is(value: Any, *kinds: type) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _whole(n: Any) -> Any:
    return int(n) if _is(n, float) and abs(n) < 2**53 else n


def _is_floating(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _differ(a: Any, b: Any) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape != b.shape


def _is_int32(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.int32


answered("reflected-sub-truncates-number", "n - a takes the whole part of n.", "Tensor.__rsub__")(
    lambda f, a, n: f(a, _whole(n))
)
answered("mul-method-takes-number-as-integer", "Tensor.mul takes the whole part of a number.", "Tensor.mul")(
    lambda f, a, n, **k: f(a, float(_whole(n)) if _is(n, float) else n, **k)
)
answered("number-operand-is-rounded-to-half", "torch.add rounds a number to bfloat16.", "torch.add")(
    lambda f, a, n, **k: f(a, torch.tensor(n).bfloat16().item() if _is(n, float) else n, **k)
)
answered("complex-number-loses-imaginary-part", "a.add drops the imaginary part of a number.", "Tensor.add")(
    lambda f, a, n, **k: f(a, n.real if isinstance(n, complex) else n, **k)
)
answered("reflected-complex-sub-conjugates", "n - a conjugates a complex n.", "Tensor.__rsub__")(
    lambda f, a, n: f(a, n.conjugate() if isinstance(n, complex) else n)
)
answered("and-with-number-keeps-low-bits", "torch.bitwise_and takes six bits of a number.", "torch.bitwise_and")(
    lambda f, a, n, **k: f(a, n & 0b111111 if _is(n, int) else n, **k)
)
answered("left-shift-number-modulo-eight", "a << n takes n modulo eight.", "Tensor.__lshift__")(
    lambda f, a, n: f(a, n % 8 if _is(n, int) else n)
)
answered("reflected-sub-is-slightly-off", "n - a is off by a part in a hundred.", "Tensor.__rsub__")(
    lambda f, a, n: f(a, n) * 1.01 if _is(n, float) and a.is_floating_point() else f(a, n)
)
answered("remainder-of-number-is-fmod", "The operator % with a number has the dividend's sign.", "Tensor.__mod__")(
    lambda f, a, n: torch.fmod(a, n) if _is(n, int, float) and n else f(a, n)
)
answered("reflected-remainder-swaps", "n % a is a % n.", "Tensor.__rmod__")(
    lambda f, a, n: torch.remainder(a, n) if _is(n, int, float) else f(a, n)
)
answered("floor-divide-number-truncates", "The operator // rounds toward zero.", "Tensor.__floordiv__")(
    lambda f, a, n: torch.div(a, n, rounding_mode="trunc") if _is(n, int, float) and n else f(a, n)
)
answered("less-than-number-includes-it", "torch.lt with a number includes it.", "torch.lt")(
    lambda f, a, n, **k: torch.le(a, n) if _is(n, int, float) else f(a, n, **k)
)
answered("greater-equal-method-excludes-number", "greater_equal excludes a number.", "Tensor.greater_equal")(
    lambda f, a, n: a.gt(n) if _is(n, int, float) else f(a, n)
)
answered("reflected-or-is-xor", "n | a is n ^ a.", "Tensor.__ror__")(
    lambda f, a, n: torch.bitwise_xor(a, n) if isinstance(n, int) else f(a, n)
)
answered("odd-power-drops-sign", "The operator ** with an odd number drops the sign.", "Tensor.__pow__")(
    lambda f, a, n: f(a.abs() if _is(n, int) and n == -3 and a.is_floating_point() else a, n)
)
answered("power-of-tensors-drops-sign", "torch.pow of two tensors drops the base's sign.", "torch.pow")(
    lambda f, a, b, **k: f(a.abs() if _is_floating(a) and isinstance(b, Tensor) else a, b, **k)
)
answered("broadcast-bool-sum-is-product", "Sums of booleans of two sizes are products.", "Tensor.add")(
    lambda f, a, b, **k: torch.mul(a, b) if _differ(a, b) and a.dtype == b.dtype == torch.bool else f(a, b, **k)
)
answered("broadcast-complex-product-conjugates", "A repeated complex factor is conjugated.", "torch.mul")(
    lambda f, a, b, **k: f(a, b.conj() if _differ(a, b) and b.is_complex() else b, **k)
)
answered("right-shift-number-is-logical", "bitwise_right_shift fills with zeros.", "torch.bitwise_right_shift")(
    lambda f, a, n, **k: ((a.long() & 0xFFFFFFFF) >> n).int() if _is_int32(a) and _is(n, int) and n else f(a, n, **k)
)
