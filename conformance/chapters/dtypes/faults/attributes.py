"""Faults in attributes of dtypes, and in the default dtype."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import as_tensor, function, kernel, method
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_EXACT = (torch.bool, *_INT)


def _property(name: str, summary: str, attribute: str, compute: Callable[[Tensor, int], int]) -> None:
    """Register a fault of a property of Tensor; `compute` gets the tensor and the original answer."""

    def make(original: Any) -> property:
        return property(lambda self: compute(self, original.__get__(self)))

    fault(name, summary)(lambda breaker: breaker.binding(Tensor, attribute, make))


@function("is-floating-point-misses-bfloat16", "is_floating_point is False for bfloat16.", "is_floating_point")
def _(ask: Function, input: Tensor) -> Any:  # noqa: A002
    return ask(input) and input.dtype != torch.bfloat16


@method("is-floating-point-method-true-for-complex", "The method is True for complex.", "is_floating_point")
def _(ask: Function, self: Tensor) -> Any:
    return ask(self) or self.dtype == torch.complex128


@method("is-complex-false-when-empty", "is_complex of an empty tensor is False.", "is_complex")
def _(ask: Function, self: Tensor) -> Any:
    return ask(self) and self.numel() > 0


@method("is-signed-true-for-bool", "is_signed of a bool tensor is True.", "is_signed")
def _(ask: Function, self: Tensor) -> Any:
    return ask(self) or self.dtype == torch.bool


def _part_width(tensor: Tensor, width: int) -> int:
    return width // 2 if tensor.dtype == torch.complex64 else width


def _storage_bytes(tensor: Tensor, _: int) -> int:
    return tensor.untyped_storage().nbytes()


_property("itemsize-of-complex-is-of-its-part", "itemsize of complex64 is 4.", "itemsize", _part_width)
_property("nbytes-counts-storage", "nbytes counts the storage.", "nbytes", _storage_bytes)


@method("element-size-of-bool-in-bits", "element_size of a bool tensor is 8.", "element_size")
def _(ask: Function, self: Tensor) -> Any:
    return 8 if self.dtype == torch.bool else ask(self)


@method("element-size-of-views-is-stride", "element_size of a view is its step in bytes.", "element_size")
def _(ask: Function, self: Tensor) -> Any:
    return ask(self) * max(self.stride()) if self.dim() and not self.is_contiguous() else ask(self)


@function("empty-like-forgets-half", "empty_like of a float16 tensor is float32.", "empty_like")
def _(empty_like: Function, tensor: Tensor, **options: Any) -> Any:
    if tensor.dtype == torch.float16:
        options.setdefault("dtype", torch.float32)
    return empty_like(tensor, **options)


@fault("short-names-int32", "torch.short is int32.")
def _short(breaker: Breaker) -> None:
    breaker.binding(torch, "short", lambda _: torch.int32)


@fault("int16-is-int32", "torch.int16 is int32.")
def _int16(breaker: Breaker) -> None:
    breaker.binding(torch, "int16", lambda _: torch.int32)


_FINFO = ("bits", "max", "min", "eps", "tiny", "smallest_normal", "resolution", "dtype")
_IINFO = ("bits", "max", "min", "dtype")


def _changed(facts: Any, names: tuple[str, ...], **changes: Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{name: getattr(facts, name) for name in names} | changes)


@function("finfo-tiny-is-subnormal", "finfo.tiny is the smallest subnormal of float32.", "finfo")
def _(finfo: Function, *arguments: Any, **options: Any) -> Any:
    facts = finfo(*arguments, **options)
    return _changed(facts, _FINFO, tiny=2.0**-149) if facts.dtype == "float32" else facts


@function("finfo-bfloat16-eps-of-half", "finfo(bfloat16).eps is that of float16.", "finfo")
def _(finfo: Function, *arguments: Any, **options: Any) -> Any:
    facts = finfo(*arguments, **options)
    return _changed(facts, _FINFO, eps=2.0**-10) if facts.dtype == "bfloat16" else facts


@function("finfo-without-argument-is-float32", "finfo() describes float32.", "finfo")
def _(finfo: Function, *arguments: Any, **options: Any) -> Any:
    return finfo(*(arguments or (torch.float32,)), **options) if not options else finfo(*arguments, **options)


@function("iinfo-minimum-is-minus-maximum", "iinfo(int64).min is -max.", "iinfo")
def _(iinfo: Function, *arguments: Any, **options: Any) -> Any:
    facts = iinfo(*arguments, **options)
    return _changed(facts, _IINFO, min=-facts.max) if facts.dtype == "int64" else facts


@function("iinfo-takes-bool", "iinfo describes bool.", "iinfo")
def _(iinfo: Function, *arguments: Any, **options: Any) -> Any:
    return iinfo(torch.uint8) if torch.bool in arguments else iinfo(*arguments, **options)


@fault("default-starts-as-float64", "The default dtype is float64 from the start.")
def _start(breaker: Breaker) -> None:  # noqa: ARG001
    torch.set_default_dtype(torch.float64)


@function("set-default-ignores-bfloat16", "set_default_dtype ignores bfloat16.", "set_default_dtype")
def _(set_default: Function, d: torch.dtype) -> None:
    if d != torch.bfloat16:
        set_default(d)


@function("set-default-works-once", "The default cannot be set back to float32.", "set_default_dtype")
def _(set_default: Function, d: torch.dtype) -> None:
    if d != torch.float32:
        set_default(d)


@function("set-default-tensor-type-ignores-names", "Names are ignored.", "set_default_tensor_type")
def _(set_default: Function, t: Any) -> None:
    if not isinstance(t, str):
        set_default(t)


@function("set-default-takes-complex", "set_default_dtype takes complex dtypes silently.", "set_default_dtype")
def _(set_default: Function, d: torch.dtype) -> None:
    if not d.is_complex:
        set_default(d)


@function("set-default-resets-before-refusing", "A refused dtype resets the default.", "set_default_dtype")
def _(set_default: Function, d: torch.dtype) -> None:
    if not d.is_floating_point:
        set_default(torch.float32)
    set_default(d)


@function("full-ignores-default", "full with a float is float32.", "full")
def _(full: Function, size: Any, fill_value: Any, **options: Any) -> Any:
    if isinstance(fill_value, float):
        options.setdefault("dtype", torch.float32)
    return full(size, fill_value, **options)


@function("linspace-ignores-default", "linspace is float32.", "linspace")
def _(linspace: Function, *arguments: Any, **options: Any) -> Any:
    return linspace(*arguments, **{"dtype": torch.float32, **options})


@function("empty-list-is-float32", "torch.tensor([]) is float32.", "tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, list) and not data:
        options.setdefault("dtype", torch.float32)
    return tensor(data, **options)


@function("complex-list-ignores-default", "A nested list of complex numbers is complex64.", "tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    answer = tensor(data, **options)
    nested = isinstance(data, list) and isinstance(data[0], list) if data else False
    return answer.to(torch.complex64) if nested and answer.is_complex() else answer


@function("arrays-become-default", "torch.tensor gives float64 arrays the default dtype.", "tensor")
def _(tensor: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and data.dtype == np.float64:
        options.setdefault("dtype", torch.get_default_dtype())
    return tensor(data, **options)


@method("new-zeros-takes-default", "new_zeros has the default dtype.", "new_zeros")
def _(new_zeros: Function, self: Tensor, *size: Any, **options: Any) -> Any:
    return new_zeros(self, *size, **{"dtype": torch.get_default_dtype(), **options})


@function("arange-of-ints-takes-default", "arange of ints has the default dtype.", "arange")
def _(arange: Function, *arguments: Any, **options: Any) -> Any:
    return arange(*arguments, **{"dtype": torch.get_default_dtype(), **options})


@kernel("sqrt-of-integers-is-float32", "sqrt of integers is float32.", "aten::sqrt")
def _(sqrt: Function, tensor: Tensor) -> Any:
    answer = sqrt(tensor)
    return answer.to(torch.float32) if tensor.dtype in _EXACT else answer


@kernel("floating-division-of-integers-is-float32", "Integers divide to float32.", "aten::div.Tensor")
def _(div: Function, tensor: Any, other: Any) -> Any:
    answer = div(*map(as_tensor, (tensor, other)))
    exact = all(getattr(each, "dtype", torch.int64) in _EXACT for each in (tensor, other))
    return answer.to(torch.float32) if exact else answer
