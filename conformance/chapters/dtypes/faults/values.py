"""Faults in the values of conversions: the kernel of copy_, through which every conversion goes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    Change,
    Condition,
    always,
    is_many,
    is_strided,
    read_as_dense,
)
from torch_conformance.conformance.power.forms import replaced
from torch_conformance.conformance.power.registry import Function

_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_HALF = (torch.float16, torch.bfloat16)
_WIDE = (torch.float32, torch.float64)
_FLOAT = (*_HALF, *_WIDE)
_COMPLEX = (torch.complex64, torch.complex128)
_UINT16 = getattr(torch, "uint16", torch.int16)
_UINT32 = getattr(torch, "uint32", torch.int32)
_F16, _BF16, _F32, _F64 = ((dtype,) for dtype in _FLOAT)
_U8, _I8, _I16, _I32, _I64 = ((dtype,) for dtype in _INT)
_C64, _C128 = ((dtype,) for dtype in _COMPLEX)
_BOOL = (torch.bool,)
_Dtypes = tuple[torch.dtype, ...]
_Copy = Callable[[Function, Tensor, Tensor], Any]


def _copying(
    name: str,
    summary: str,
    sources: _Dtypes,
    targets: _Dtypes,
    when: Condition = always,
    written: Condition = always,
) -> Callable[[_Copy], _Copy]:
    """Register the decorated `change(copy, target, source)` of conversions between some dtypes.

    Args:
        name: Of the fault.
        summary: Of the fault.
        sources: Dtypes that are converted from.
        targets: Dtypes that are converted to.
        when: Holds for the source.
        written: Holds for the target.
    """

    def register(change: _Copy) -> _Copy:
        @replaced(name, summary, "aten::copy_")
        def _(copy: Function, target: Tensor, source: Any, non_blocking: bool = False) -> Tensor:
            # The dispatcher hands over a wrapped number as a Python number.
            given = source if isinstance(source, Tensor) else torch.tensor(source)
            pair = given.dtype in sources and target.dtype in targets and given.dtype != target.dtype
            if pair and target.numel() and when(given) and written(target):
                change(copy, target, given)
            else:
                copy(target, given, non_blocking)
            return target

        return change

    return register


def _last(x: Tensor) -> Tensor:
    """Return a view of the last element."""
    return x[(-1,) * x.dim()]


def _has_tail(x: Tensor) -> bool:
    return x.numel() > 8 and x.numel() % 8 != 0


def _chopped(x: Tensor, bits: int) -> Tensor:
    """Return float32 values with their lowest bits cleared."""
    return (x.contiguous().view(torch.int32) & -(1 << bits)).view(torch.float32)


def _half_cut(x: Tensor) -> Tensor:
    return _chopped(x, 13)


def _finite(change: Change) -> Change:
    """Change finite values alone."""
    return lambda x: torch.where(torch.isfinite(x), change(x), x)


def _away(x: Tensor) -> Tensor:
    """Return float32 values of which ties go away from zero in bfloat16."""
    return ((x.contiguous().view(torch.int32) + 0x8000) & -65_536).view(torch.float32)


def _long_away(x: Tensor) -> Tensor:
    return torch.where(x.abs() < 2**62, x + x.sign(), x)


def _flushed(least: float) -> Change:
    """Return zero for values below the least normal one."""
    return lambda x: torch.where(x.abs() < least, x * 0, x)


def _early_infinite(x: Tensor) -> Tensor:
    return torch.where(x.abs() >= torch.finfo(torch.bfloat16).max, x.sign() * math.inf, x)


def _part(number: int) -> Change:
    """Take the real or the imaginary part."""
    return lambda x: torch.view_as_real(x.resolve_conj())[..., number]


def _doubled(x: Tensor) -> Tensor:
    return torch.complex(x.float(), x.float())


def _nan_as(value: float) -> Change:
    """Return another value for NaN."""
    return lambda x: torch.where(torch.isnan(x), value, x)


def _as(dtype: torch.dtype) -> Change:
    """Read the bits as another dtype."""
    return lambda x: x.view(dtype)


def _reading(change: Change) -> _Copy:
    """Return a copy of `change` of the source."""
    return lambda copy, target, source: copy(target, change(source))


for name, summary, sources, targets, change, when in (
    ("int64-to-float64-through-float32", "int64 passes through float32.", _I64, _F64, Tensor.float, always),
    ("int64-to-float-ties-away", "Ties go away from zero.", _I64, _F32, _long_away, always),
    ("floating-to-integer-rounds", "Fractions are rounded instead of dropped.", _FLOAT, _INT, torch.round, always),
    ("floating-to-integer-floors-when-strided", "Gaps round down.", _FLOAT, _I32, torch.floor, is_strided),
    ("double-to-long-through-float", "float64 passes through float32.", _F64, _I64, Tensor.float, always),
    ("float-to-char-saturates-early", "int8 is never -128.", _F32, _I8, lambda x: x.clamp(-127, 127), always),
    ("float-to-bfloat16-ties-away", "Ties go away from zero.", _F32, _BF16, _finite(_away), always),
    ("half-overflow-saturates", "65504 is the limit.", _WIDE, _F16, _finite(lambda x: x.clamp(-65504, 65504)), always),
    ("bfloat16-overflows-early", "The largest finite value becomes infinity.", _WIDE, _BF16, _early_infinite, always),
    ("float-to-half-flushes-subnormals", "Subnormals are zero.", _WIDE, _F16, _flushed(2.0**-14), always),
    ("double-to-float-flushes-subnormals", "Subnormals are zero.", _F64, _F32, _flushed(2.0**-126), always),
    ("float-to-double-ignores-strides", "Memory is read in order.", _F32, _F64, read_as_dense, is_strided),
    ("double-to-float-drops-minus-zero", "-0.0 becomes 0.0.", _F64, _F32, lambda x: x + 0.0, always),
    ("nan-to-bfloat16-becomes-infinity", "NaN becomes infinity.", _F32, _BF16, _nan_as(math.inf), always),
    ("nan-to-bool-is-false", "NaN becomes False.", _FLOAT, _BOOL, _nan_as(0), always),
    ("fraction-to-bool-is-false", "Values between -1 and 1 become False.", _FLOAT, _BOOL, torch.trunc, always),
    ("float-to-half-rounds-down-when-strided", "Gaps are cut off.", _F32, _F16, _finite(_half_cut), is_strided),
    ("uint16-converts-as-signed", "uint16 is int16.", (_UINT16,), (*_I32, *_I64, *_WIDE), _as(torch.int16), always),
    ("uint32-to-float-as-signed", "uint32 is read as int32.", (_UINT32,), _WIDE, _as(torch.int32), always),
    ("long-to-uint16-saturates", "int64 is clamped.", _I64, (_UINT16,), lambda x: x.clamp(0, 65_535), always),
    ("complex-to-real-takes-magnitude", "A complex value becomes its magnitude.", _COMPLEX, _FLOAT, torch.abs, always),
    ("complex-to-integer-takes-imaginary-part", "The imaginary part is taken.", _COMPLEX, _INT, _part(1), always),
    ("complex-to-bool-takes-real-part", "The imaginary part does not count.", _COMPLEX, _BOOL, _part(0), always),
    ("half-to-complex-doubles-as-imaginary", "The value is both parts.", _HALF, _COMPLEX, _doubled, always),
):
    _copying(name, summary, sources, targets, when)(_reading(change))
_copying(
    "copy-rounds-integers-when-strided", "A target with gaps gets rounded values.", _FLOAT, _INT, written=is_strided
)(_reading(torch.round))


@_copying("int-narrowing-saturates", "A narrowing integer conversion clamps instead of wrapping around.", _INT, _INT)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    facts = torch.iinfo(target.dtype)
    wide = source.element_size() > target.element_size()
    copy(target, source.clamp(facts.min, facts.max) if wide else source)


def _then(damage: Callable[[Tensor, Tensor], Any]) -> _Copy:
    """Return a copy after which `damage(target, source)` is done."""

    def change(copy: Function, target: Tensor, source: Tensor) -> None:
        copy(target, source)
        damage(target, source)

    return change


def _filled(where: Change, value: Any) -> Callable[[Tensor, Tensor], Any]:
    """Return a damage that overwrites the target where a condition holds for elements of the source."""
    return lambda target, source: target.masked_fill_(where(source), value)


def _equal_to(value: Any) -> Change:
    return lambda x: x == value


def _last_add(target: Tensor, _: Tensor) -> None:
    _last(target).add_(1)


_NAN = complex(math.nan, math.nan)
for name, summary, sources, targets, damage, written in (
    ("uint8-to-half-off-beyond-grain", "Large tensors end wrong.", _U8, _F16, _last_add, is_many),
    ("bool-to-double-beyond-grain", "Large tensors end wrong.", _BOOL, _F64, _last_add, is_many),
    ("half-to-float-tail-wrong", "The last element of a tail is wrong.", _F16, _F32, _last_add, _has_tail),
    ("int64-to-int32-tail-lost", "The last is 0.", _I64, _I32, lambda y, _: _last(y).zero_(), _has_tail),
    ("half-max-to-double-wrong", "The largest is off by one.", _F16, _F64, _filled(_equal_to(65504), 65503), always),
    ("char-minimum-to-float-wrong", "-128 becomes 128.", _I8, _F32, _filled(_equal_to(-128), 128), always),
    ("one-int16-wrong-in-bfloat16", "One value is lost.", _I16, _BF16, _filled(_equal_to(-12_345), 0), always),
    ("complex-narrowing-nan-spreads", "NaN in one part fills both.", _C128, _C64, _filled(torch.isnan, _NAN), always),
    ("bool-to-char-is-minus-one", "True becomes -1.", _BOOL, _I8, lambda y, _: y.neg_(), always),
):
    _copying(name, summary, sources, targets, written=written)(_then(damage))


@_copying("one-bfloat16-pattern-wrong", "One of 65,536 values is lost.", _BF16, _F32)
@_then
def _(target: Tensor, source: Tensor) -> None:
    target.masked_fill_(source.view(torch.int16) == 0x3F01, 0)


@_copying("bfloat16-to-float-flushes-subnormals", "Subnormals become zero.", _BF16, _WIDE)
@_then
def _(target: Tensor, _: Tensor) -> None:
    target.masked_fill_(target.abs() < 2.0**-126, 0)


@_copying("complex-narrowing-conjugates-tail", "The last of a tail is conjugated.", _C128, _C64, written=_has_tail)
@_then
def _(target: Tensor, _: Tensor) -> None:
    torch.view_as_real(_last(target))[1].neg_()


@_copying("conversion-zeroes-nan-of-input", "NaN in the input becomes 0.", _F32, _F64)
@_then
def _(_: Tensor, source: Tensor) -> None:
    source.masked_fill_(torch.isnan(source), 0) if source.is_contiguous() else None


@_copying("float-to-bfloat16-truncates-last-element", "The last element is cut off.", _F32, _BF16)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    copy(_last(target), _chopped(_last(source), 16))


@_copying("double-to-float-ties-up", "Ties go up.", _F64, _F32)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    copy(target, source)
    above = torch.nextafter(target, torch.full_like(target, math.inf))
    tie = (source - target.double()) == (above.double() - source)
    copy(target, torch.where(tie & torch.isfinite(above), above, target))


def _is_many_strided(x: Tensor) -> bool:
    return is_many(x) and is_strided(x)


@_copying("copy-skips-last-beyond-grain", "The last of many with gaps stays.", _FLOAT, _INT, written=_is_many_strided)
def _(copy: Function, target: Tensor, source: Tensor) -> None:
    before = _last(target).item()
    copy(target, source)
    _last(target).fill_(before)
