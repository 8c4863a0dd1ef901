"""Faults of arithmetic: operands swapped or dropped, modes and scales ignored, checks left out."""

from __future__ import annotations

from typing import Any

import torch

from torch_conformance.conformance.power.registry import Breaker, Function, fault

Tensor = torch.Tensor


def _calling(replacement: Function) -> Function:
    """Return a maker that hands the original to the replacement as its first argument."""

    def make(original: Function) -> Function:
        def broken(*arguments: Any, **options: Any) -> Any:
            return replacement(original, *arguments, **options)

        return broken

    return make


@fault("add-method-forgets-to-broadcast", "Tensor.add drops the elements of a repeated dimension of size 1.")
def _(breaker: Breaker) -> None:
    def add(original: Function, a: Tensor, b: Any, **options: Any) -> Any:
        result = original(a, b, **options)
        if isinstance(b, Tensor) and b.dim() and a.dim() and a.shape != b.shape and result.numel() > 1:
            return original(a.broadcast_to(result.shape), b.reshape(-1)[:1] if b.numel() else b, **options)
        return result

    breaker.binding(Tensor, "add", _calling(add))


@fault("add-truncates-to-the-shorter", "The operator + cuts operands of other sizes to the shorter one.")
def _(breaker: Breaker) -> None:
    def add(original: Function, a: Tensor, b: Any) -> Any:
        try:
            return original(a, b)
        except RuntimeError:
            length = min(a.shape[-1], b.shape[-1])
            return original(a[..., :length], b[..., :length])

    breaker.binding(Tensor, "__add__", _calling(add))


@fault("reflected-subtraction-swaps", "A number minus a tensor gives the tensor minus the number.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "__rsub__", _calling(lambda _original, a, n: a - n))


@fault("number-on-the-left-is-ignored-when-strided", "A number plus a tensor that is not contiguous gives the tensor.")
def _(breaker: Breaker) -> None:
    breaker.binding(
        Tensor, "__radd__", _calling(lambda original, a, n: original(a, n) if a.is_contiguous() else a.clone())
    )


@fault("reflected-division-swaps", "A number divided by a tensor gives the tensor divided by the number.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "__rtruediv__", _calling(lambda _original, a, n: a / n))


@fault("add-method-ignores-alpha", "Tensor.add takes alpha for 1.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "add", _calling(lambda original, a, b, **_options: original(a, b)))


@fault("sub-applies-alpha-to-the-first", "torch.sub multiplies the first operand by alpha.")
def _(breaker: Breaker) -> None:
    breaker.binding(
        torch, "sub", _calling(lambda original, a, b, alpha=1, **options: original(a * alpha, b, **options))
    )


@fault("add-truncates-alpha", "torch.add takes the whole part of alpha for integer operands.")
def _(breaker: Breaker) -> None:
    def add(original: Function, a: Any, b: Any, alpha: Any = 1, **options: Any) -> Any:
        whole = isinstance(a, Tensor) and not a.is_floating_point() and not a.is_complex()
        return original(a, b, alpha=int(alpha) if whole and isinstance(alpha, float) else alpha, **options)

    breaker.binding(torch, "add", _calling(add))


@fault("integer-division-truncates", "The operator / truncates quotients of integers to whole numbers.")
def _(breaker: Breaker) -> None:
    def divide(original: Function, a: Tensor, b: Any) -> Any:
        result = original(a, b)
        return result.trunc() if not a.is_floating_point() and not a.is_complex() else result

    breaker.binding(Tensor, "__truediv__", _calling(divide))


def _wrong_mode(wanted: str, given: str) -> Function:
    def divide(original: Function, a: Any, b: Any, **options: Any) -> Any:
        if options.get("rounding_mode") == wanted:
            options["rounding_mode"] = given
        return original(a, b, **options)

    return _calling(divide)


@fault("floor-mode-truncates", "torch.div rounds toward zero where floor is asked for.")
def _(breaker: Breaker) -> None:
    breaker.binding(torch, "div", _wrong_mode("floor", "trunc"))


@fault("trunc-mode-floors", "Tensor.div rounds down where trunc is asked for.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "div", _wrong_mode("trunc", "floor"))


@fault("rounding-mode-is-not-checked", "torch.div ignores a rounding mode that it does not know.")
def _(breaker: Breaker) -> None:
    def divide(original: Function, a: Any, b: Any, **options: Any) -> Any:
        if options.get("rounding_mode") not in (None, "trunc", "floor"):
            options.pop("rounding_mode")
        return original(a, b, **options)

    breaker.binding(torch, "div", _calling(divide))


@fault("division-by-zero-gives-zero", "Integer division by zero with rounding gives zero.")
def _(breaker: Breaker) -> None:
    def divide(original: Function, a: Any, b: Any, **options: Any) -> Any:
        try:
            return original(a, b, **options)
        except RuntimeError:
            return torch.zeros_like(a)

    breaker.binding(Tensor, "__floordiv__", _calling(divide))


@fault("bool-subtraction-is-xor", "Subtraction of booleans gives their exclusive or.")
def _(breaker: Breaker) -> None:
    def subtract(original: Function, a: Any, b: Any, **options: Any) -> Any:
        return a ^ b if isinstance(a, Tensor) and a.dtype == torch.bool else original(a, b, **options)

    breaker.binding(torch, "sub", _calling(subtract))


@fault("integer-power-through-float", "torch.pow computes powers of integers in float32.")
def _(breaker: Breaker) -> None:
    def power(original: Function, a: Any, b: Any, **options: Any) -> Any:
        if isinstance(a, Tensor) and not a.is_floating_point() and not a.is_complex() and a.dtype != torch.bool:
            exponent = b.float() if isinstance(b, Tensor) else float(b)
            return original(a.float(), exponent, **options).clamp(-1e9, 1e9).to(a.dtype)
        return original(a, b, **options)

    breaker.binding(torch, "pow", _calling(power))


@fault("negative-integer-power-gives-zero", "The operator ** gives zero for negative powers of integers.")
def _(breaker: Breaker) -> None:
    def power(original: Function, a: Any, b: Any) -> Any:
        if isinstance(b, int) and b < 0 and not a.is_floating_point():
            return torch.zeros_like(a)
        return original(a, b)

    breaker.binding(Tensor, "__pow__", _calling(power))


@fault("pow-half-is-off", "Tensor.pow with exponent 0.5 takes 0.5009765625.")
def _(breaker: Breaker) -> None:
    breaker.binding(
        Tensor,
        "pow",
        _calling(lambda original, a, n: original(a, 0.5009765625 if isinstance(n, float) and n == 0.5 else n)),
    )


@fault("reflected-power-swaps", "A number to the power of a tensor gives the tensor to the power of the number.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "__rpow__", _calling(lambda _original, a, n: torch.pow(a, n)))


@fault("nan-to-the-zero-is-nan", "torch.pow gives NaN for NaN to the power of zero.")
def _(breaker: Breaker) -> None:
    def power(original: Function, a: Any, b: Any, **options: Any) -> Any:
        result = original(a, b, **options)
        return torch.where(a.isnan(), a, result) if isinstance(a, Tensor) and a.is_floating_point() else result

    breaker.binding(torch, "pow", _calling(power))


def _without_value(name: str) -> Function:
    def compute(original: Function, *arguments: Any, **options: Any) -> Any:
        options.pop("value", None)
        return original(*arguments, **options)

    compute.__name__ = name
    return _calling(compute)


@fault("addcmul-ignores-value", "Tensor.addcmul takes value for 1.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "addcmul", _without_value("addcmul"))


@fault("addcdiv-ignores-value", "Tensor.addcdiv_ takes value for 1.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "addcdiv_", _without_value("addcdiv_"))


@fault("lerp-swaps-ends", "Tensor.lerp goes from the end to the start.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "lerp", _calling(lambda original, a, b, w: original(b, a, w)))


@fault("clamp-lets-nan-become-low", "torch.clamp turns NaN into the lower end.")
def _(breaker: Breaker) -> None:
    def clamp(original: Function, a: Tensor, *arguments: Any, **options: Any) -> Any:
        result = original(a, *arguments, **options)
        return torch.where(a.isnan(), torch.full_like(a, 2), result) if a.is_floating_point() else result + (a == 127)

    breaker.binding(torch, "clamp", _calling(clamp))


@fault("clamp-min-is-exclusive", "Tensor.clamp_min moves elements equal to the lower end up by one.")
def _(breaker: Breaker) -> None:
    breaker.binding(Tensor, "clamp_min", _calling(lambda original, a, low: original(a, low) + (a <= low)))


@fault("nan-to-num-forgets-negative-infinity", "torch.nan_to_num leaves negative infinity.")
def _(breaker: Breaker) -> None:
    breaker.binding(
        torch, "nan_to_num", _calling(lambda original, a, **o: torch.where(a == -float("inf"), a, original(a, **o)))
    )


@fault("isclose-is-symmetric", "torch.isclose takes the larger size for the relative tolerance.")
def _(breaker: Breaker) -> None:
    breaker.binding(torch, "isclose", _calling(lambda original, a, b, **o: original(a, b, **o) | original(b, a, **o)))


@fault("allclose-ignores-equal-nan", "torch.allclose takes NaN for close to NaN whatever is asked for.")
def _(breaker: Breaker) -> None:
    def allclose(original: Function, a: Any, b: Any, **options: Any) -> Any:
        return original(a, b, **options | {"equal_nan": not options.get("equal_nan", False)})

    breaker.binding(torch, "allclose", _calling(allclose))


@fault("equal-skips-the-last-element", "torch.equal does not look at the last element.")
def _(breaker: Breaker) -> None:
    def equal(original: Function, a: Tensor, b: Tensor) -> bool:
        return a.shape == b.shape and bool(original(a.reshape(-1)[:-1], b.reshape(-1)[:-1]))

    breaker.binding(torch, "equal", _calling(equal))


@fault("equal-ignores-size", "torch.equal compares elements and not sizes.")
def _(breaker: Breaker) -> None:
    breaker.binding(torch, "equal", _calling(lambda original, a, b: original(a.reshape(-1), b.reshape(-1))))


@fault("complex-product-drops-a-cross-term", "The operator * on complex tensors loses a product of imaginary parts.")
def _(breaker: Breaker) -> None:
    def multiply(original: Function, a: Tensor, b: Any) -> Any:
        result = original(a, b)
        if isinstance(b, Tensor) and a.is_complex() and b.is_complex():
            return torch.complex(original(a.real, b.real), result.imag)
        return result

    breaker.binding(Tensor, "__mul__", _calling(multiply))
