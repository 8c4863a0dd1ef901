"""Faults in the values of conversions: the kernel of copy_, through which every conversion on the CPU goes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.registry import Breaker, Function, fault

Change = Callable[[Function, Tensor, Tensor], Any]
Condition = Callable[[Tensor, Tensor], bool]

_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_HALF = (torch.float16, torch.bfloat16)
_WIDE = (torch.float32, torch.float64)
_FLOAT = (*_HALF, *_WIDE)
_COMPLEX = (torch.complex64, torch.complex128)
_GRAIN = 32_768


def _always(target: Tensor, source: Tensor) -> bool:  # noqa: ARG001
    return True


def _strided(target: Tensor, source: Tensor) -> bool:  # noqa: ARG001
    return not source.is_contiguous()


def _target_strided(target: Tensor, source: Tensor) -> bool:  # noqa: ARG001
    return not target.is_contiguous()


def _large(target: Tensor, source: Tensor) -> bool:  # noqa: ARG001
    return target.numel() > _GRAIN


def _has_tail(target: Tensor, source: Tensor) -> bool:  # noqa: ARG001
    return target.numel() > 8 and target.numel() % 8 != 0


def _last(tensor: Tensor) -> Tensor:
    """Return a view of the last element."""
    return tensor[tuple(-1 for _ in tensor.shape)]


def copying(
    name: str,
    summary: str,
    sources: tuple[torch.dtype, ...],
    targets: tuple[torch.dtype, ...],
    when: Condition = _always,
) -> Callable[[Change], Change]:
    """Register a fault of the kernel of copy_ for some pairs of dtypes.

    The decorated function is given the original kernel, the destination and the source, and fills the former.
    """

    def register(change: Change) -> Change:
        def make(original: Function) -> Function:
            def copy(target: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
                # The dispatcher hands over a wrapped number as a Python number.
                given = source if isinstance(source, Tensor) else torch.tensor(source)
                pair = given.dtype in sources and target.dtype in targets and given.dtype != target.dtype
                if pair and target.numel() and when(target, given):
                    change(original, target, given)
                else:
                    original(target, given, non_blocking)
                return target

            return copy

        def install(breaker: Breaker) -> None:
            breaker.kernel("aten::copy_", make)

        fault(name, summary)(install)
        return change

    return register


@copying("int-narrowing-saturates", "A narrowing integer conversion clamps instead of wrapping around.", _INT, _INT)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    facts = torch.iinfo(target.dtype)
    wide = source.element_size() > target.element_size()
    copy(target, source.clamp(facts.min, facts.max) if wide else source)


@copying("int64-to-int32-tail-lost", "The last element of a tail is zero.", (torch.int64,), (torch.int32,), _has_tail)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    _last(target).zero_()


@copying("int64-to-float64-through-float32", "int64 passes through float32.", (torch.int64,), (torch.float64,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.to(torch.float32))


@copying("uint8-to-half-off-beyond-grain", "Large tensors end wrong.", (torch.uint8,), (torch.float16,), _large)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    _last(target).add_(1)


@copying("int64-to-float-ties-away", "Ties go away from zero.", (torch.int64,), (torch.float32,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(source.abs() < 2**62, source + source.sign(), source))


@copying("floating-to-integer-rounds", "Fractions are rounded instead of dropped.", _FLOAT, _INT)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.round(source))


@copying(
    "floating-to-integer-floors-when-strided", "Tensors with gaps are rounded down.", _FLOAT, (torch.int32,), _strided
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.floor(source))


@copying("double-to-long-through-float", "float64 passes through float32.", (torch.float64,), (torch.int64,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.to(torch.float32))


@copying("float-to-char-saturates-early", "int8 never becomes -128.", (torch.float32,), (torch.int8,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.clamp(-127, 127))


def _chop(source: Tensor, bits: int) -> Tensor:
    """Return float32 values with their lowest bits cleared."""
    return (source.contiguous().view(torch.int32) & -(1 << bits)).view(torch.float32)


@copying(
    "float-to-bfloat16-truncates-last-element",
    "The last element is cut off instead of rounded.",
    (torch.float32,),
    (torch.bfloat16,),
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    copy(_last(target), _chop(_last(source), 16))


@copying(
    "float-to-half-rounds-down-when-strided",
    "Tensors with gaps are cut off instead of rounded.",
    (torch.float32,),
    (torch.float16,),
    _strided,
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(torch.isfinite(source), _chop(source, 13), source))


@copying("float-to-bfloat16-ties-away", "Ties go away from zero.", (torch.float32,), (torch.bfloat16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    up = ((source.contiguous().view(torch.int32) + 0x8000) & -65_536).view(torch.float32)
    copy(target, torch.where(torch.isfinite(source), up, source))


@copying("double-to-float-ties-up", "Ties go up.", (torch.float64,), (torch.float32,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    above = torch.nextafter(target, torch.full_like(target, math.inf))
    tie = (source - target.double()) == (above.double() - source)
    copy(target, torch.where(tie & torch.isfinite(above), above, target))


@copying("half-overflow-saturates", "Overflow gives the largest finite value.", _WIDE, (torch.float16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(torch.isfinite(source), source.clamp(-65504, 65504), source))


@copying("bfloat16-overflows-early", "The largest finite value becomes infinity.", _WIDE, (torch.bfloat16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    top = torch.finfo(torch.bfloat16).max
    copy(target, torch.where(source.abs() >= top, source.sign() * math.inf, source))


@copying("float-to-half-flushes-subnormals", "Subnormal results are zero.", _WIDE, (torch.float16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(source.abs() < 2.0**-14, source * 0, source))


@copying("double-to-float-flushes-subnormals", "Subnormal results are zero.", (torch.float64,), (torch.float32,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(source.abs() < 2.0**-126, source * 0, source))


@copying(
    "half-to-float-tail-wrong", "The last element of a tail is wrong.", (torch.float16,), (torch.float32,), _has_tail
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    _last(target).add_(1)


def _permuted(target: Tensor, source: Tensor) -> bool:  # noqa: ARG001
    room = source.untyped_storage().nbytes() // source.element_size() - source.storage_offset()
    return not source.is_contiguous() and room >= source.numel()


@copying(
    "float-to-double-ignores-strides",
    "Elements are read in the order in which they lie in memory.",
    (torch.float32,),
    (torch.float64,),
    _permuted,
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    stride = torch.empty(source.shape, device="meta").stride()
    copy(target, source.as_strided(source.shape, stride, source.storage_offset()))


@copying("bfloat16-to-float-flushes-subnormals", "Subnormals become zero.", (torch.bfloat16,), _WIDE)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.masked_fill_(target.abs() < 2.0**-126, 0)


@copying("double-to-float-drops-minus-zero", "-0.0 becomes 0.0.", (torch.float64,), (torch.float32,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source + 0.0)


@copying("nan-to-bfloat16-becomes-infinity", "NaN becomes infinity.", (torch.float32,), (torch.bfloat16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(torch.isnan(source), math.inf, source))


@copying("one-bfloat16-pattern-wrong", "One of 65,536 values is lost.", (torch.bfloat16,), (torch.float32,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.masked_fill_(source.view(torch.int16) == 0x3F01, 0)


@copying("half-max-to-double-wrong", "The largest float16 is off by one.", (torch.float16,), (torch.float64,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.masked_fill_(source == 65504, 65503)


@copying("char-minimum-to-float-wrong", "-128 becomes 128.", (torch.int8,), (torch.float32,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.masked_fill_(source == -128, 128)


@copying("one-int16-wrong-in-bfloat16", "One of 65,536 values is lost.", (torch.int16,), (torch.bfloat16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.masked_fill_(source == -12_345, 0)


@copying("nan-to-bool-is-false", "NaN becomes False.", _FLOAT, (torch.bool,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.where(torch.isnan(source), 0, source))


@copying("fraction-to-bool-is-false", "Values between -1 and 1 become False.", _FLOAT, (torch.bool,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.trunc(source))


@copying("bool-to-char-is-minus-one", "True becomes -1.", (torch.bool,), (torch.int8,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.neg_()


@copying("bool-to-double-beyond-grain", "Large tensors end wrong.", (torch.bool,), (torch.float64,), _large)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    _last(target).add_(1)


_UINT16 = getattr(torch, "uint16", torch.int16)
_UINT32 = getattr(torch, "uint32", torch.int32)


@copying("uint16-converts-as-signed", "uint16 is read as int16.", (_UINT16,), (torch.int32, torch.int64, *_WIDE))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.view(torch.int16))


@copying("uint32-to-float-as-signed", "uint32 is read as int32.", (_UINT32,), _WIDE)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.view(torch.int32))


@copying("long-to-uint16-saturates", "int64 is clamped to uint16.", (torch.int64,), (_UINT16,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.clamp(0, 65_535))


@copying("complex-to-real-takes-magnitude", "A complex value becomes its magnitude.", _COMPLEX, _FLOAT)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source.abs())


@copying("complex-to-integer-takes-imaginary-part", "The imaginary part is taken.", _COMPLEX, _INT)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.view_as_real(source.resolve_conj())[..., 1])


@copying("complex-to-bool-takes-real-part", "The imaginary part does not count.", _COMPLEX, (torch.bool,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.view_as_real(source.resolve_conj())[..., 0])


@copying("half-to-complex-doubles-as-imaginary", "The value is the imaginary part too.", _HALF, _COMPLEX)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.complex(source.float(), source.float()))


@copying(
    "complex-narrowing-conjugates-tail",
    "The last element of a tail is conjugated.",
    (torch.complex128,),
    (torch.complex64,),
    _has_tail,
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    torch.view_as_real(_last(target))[1].neg_()


@copying(
    "complex-narrowing-nan-spreads",
    "NaN in one part makes both NaN.",
    (torch.complex128,),
    (torch.complex64,),
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    target.masked_fill_(torch.isnan(source), complex(math.nan, math.nan))


@copying(
    "copy-rounds-integers-when-strided", "A destination with gaps gets rounded values.", _FLOAT, _INT, _target_strided
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, torch.round(source))


def _large_strided(target: Tensor, source: Tensor) -> bool:
    return _large(target, source) and _target_strided(target, source)


@copying(
    "copy-skips-last-beyond-grain",
    "The last element of a large destination with gaps is not written.",
    _FLOAT,
    _INT,
    _large_strided,
)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    before = _last(target).item()
    copy(target, source)
    _last(target).fill_(before)


@copying("conversion-zeroes-nan-of-input", "NaN in the input becomes 0.", (torch.float32,), (torch.float64,))
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    source.masked_fill_(torch.isnan(source), 0) if source.is_contiguous() else None
