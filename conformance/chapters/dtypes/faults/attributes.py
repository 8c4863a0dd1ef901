"""Faults in attributes of dtypes, and in the default dtype."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.chapters.dtypes.faults.spellings import as_tensor
from torch_conformance.conformance.power.argument_forms import argument_changed
from torch_conformance.conformance.power.damage import always_called
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    attribute_changed,
    inferred_as,
    installed,
    replaced,
)
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_EXACT = (torch.bool, *_INT)


answer_changed("is-floating-point-misses-bfloat16", "bfloat16 is not floating.", "torch.is_floating_point")(
    lambda y, x: y and x.dtype != torch.bfloat16
)
answer_changed("is-floating-point-method-true-for-complex", "complex128 is floating.", "Tensor.is_floating_point")(
    lambda y, x: y or x.dtype == torch.complex128
)
answer_changed("is-complex-false-when-empty", "is_complex of an empty tensor is False.", "Tensor.is_complex")(
    lambda y, x: y and x.numel() > 0
)
answer_changed("is-signed-true-for-bool", "is_signed of a bool tensor is True.", "Tensor.is_signed")(
    lambda y, x: y or x.dtype == torch.bool
)
attribute_changed(
    "itemsize-of-complex-is-of-its-part",
    "itemsize of complex64 is 4.",
    "Tensor.itemsize",
    get=lambda x, width: width // 2 if x.dtype == torch.complex64 else width,
)
attribute_changed(
    "nbytes-counts-storage",
    "nbytes counts the storage.",
    "Tensor.nbytes",
    get=lambda x, _: x.untyped_storage().nbytes(),
)
answer_changed("element-size-of-bool-in-bits", "element_size of a bool tensor is 8.", "Tensor.element_size")(
    lambda y, x: 8 if x.dtype == torch.bool else y
)
answer_changed("element-size-of-views-is-stride", "element_size of a view is its step.", "Tensor.element_size")(
    lambda y, x: y * max(x.stride()) if x.dim() and not x.is_contiguous() else y
)
installed("short-names-int32", "torch.short is int32.", "torch.short", lambda _: torch.int32)
installed("int16-is-int32", "torch.int16 is int32.", "torch.int16", lambda _: torch.int32)


_FINFO = ("bits", "max", "min", "eps", "tiny", "smallest_normal", "resolution", "dtype")
_IINFO = ("bits", "max", "min", "dtype")


def _changed(facts: Any, names: tuple[str, ...], **changes: Any) -> types.SimpleNamespace:
    return types.SimpleNamespace(**{name: getattr(facts, name) for name in names} | changes)


answer_changed("finfo-tiny-is-subnormal", "finfo.tiny is the smallest subnormal of float32.", "torch.finfo")(
    lambda facts, *_, **__: _changed(facts, _FINFO, tiny=2.0**-149) if facts.dtype == "float32" else facts
)
answer_changed("finfo-bfloat16-eps-of-half", "finfo(bfloat16).eps is that of float16.", "torch.finfo")(
    lambda facts, *_, **__: _changed(facts, _FINFO, eps=2.0**-10) if facts.dtype == "bfloat16" else facts
)
answer_changed("iinfo-minimum-is-minus-maximum", "iinfo(int64).min is -max.", "torch.iinfo")(
    lambda facts, *_, **__: _changed(facts, _IINFO, min=-facts.max) if facts.dtype == "int64" else facts
)
replaced("finfo-without-argument-is-float32", "finfo() describes float32.", "torch.finfo")(
    lambda finfo, *a, **k: finfo(*a, **k) if a or k else finfo(torch.float32)
)
argument_changed(
    "iinfo-takes-bool",
    "iinfo describes bool.",
    "torch.iinfo",
    change=lambda _: torch.uint8,
    when=lambda dtype: dtype is torch.bool,
)


@fault("default-starts-as-float64", "The default dtype is float64 from the start.")
def _start(breaker: Breaker) -> None:  # noqa: ARG001
    torch.set_default_dtype(torch.float64)


def _set_where(holds: Callable[[Any], bool]) -> Answer:
    """Return what sets the default where a condition holds for it."""
    return lambda set_default, default: set_default(default) if holds(default) else None


for name, summary, operation, holds in (
    ("set-default-ignores-bfloat16", "bfloat16 is ignored.", "dtype", lambda dtype: dtype != torch.bfloat16),
    ("set-default-works-once", "float32 cannot be set again.", "dtype", lambda dtype: dtype != torch.float32),
    ("set-default-takes-complex", "Complex is taken silently.", "dtype", lambda dtype: not dtype.is_complex),
    ("set-default-tensor-type-ignores-names", "Names are ignored.", "tensor_type", lambda kind: type(kind) is not str),
):
    replaced(name, f"set_default_{operation}: {summary}", f"torch.set_default_{operation}")(_set_where(holds))


@replaced("set-default-resets-before-refusing", "A refused dtype resets the default.", "torch.set_default_dtype")
def _(set_default: Function, dtype: torch.dtype) -> None:
    if not dtype.is_floating_point:
        set_default(torch.float32)
    set_default(dtype)


def _of_float_fill(_: Any, *arguments: Any, **options: Any) -> bool:
    return any(isinstance(each, float) for each in (*arguments[1:], options.get("fill_value")))


def _of_nested_complex(y: Tensor, data: Any = None, **_: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], list) and y.is_complex()


def _is_half(y: Tensor, *_: Any, **__: Any) -> bool:
    return y.dtype == torch.float16


def _of_empty_list(_: Any, data: Any = None, **__: Any) -> bool:
    return isinstance(data, list) and not data


def _of_double_array(_: Any, data: Any = None, **__: Any) -> bool:
    return isinstance(data, np.ndarray) and data.dtype == np.float64


for name, summary, place, dtype, when in (
    ("full-ignores-default", "full with a float is float32.", "torch.full", torch.float32, _of_float_fill),
    ("linspace-ignores-default", "linspace is float32.", "torch.linspace", torch.float32, always_called),
    ("empty-list-is-float32", "tensor([]) is float32.", "torch.tensor", torch.float32, _of_empty_list),
    ("complex-list-ignores-default", "[[1j]] is complex64.", "torch.tensor", torch.complex64, _of_nested_complex),
    ("arrays-become-default", "float64 arrays get the default.", "torch.tensor", None, _of_double_array),
    ("new-zeros-takes-default", "new_zeros has the default dtype.", "Tensor.new_zeros", None, always_called),
    ("empty-like-forgets-half", "A float16 gives float32.", "torch.empty_like", torch.float32, _is_half),
    ("arange-of-ints-takes-default", "arange of ints has the default dtype.", "torch.arange", None, always_called),
):
    inferred_as(name, summary, place, dtype=dtype, when=when)


@replaced("sqrt-of-integers-is-float32", "sqrt of integers is float32.", "aten::sqrt")
def _(sqrt: Function, tensor: Tensor) -> Any:
    answer = sqrt(tensor)
    return answer.to(torch.float32) if tensor.dtype in _EXACT else answer


@replaced("floating-division-of-integers-is-float32", "Integers divide to float32.", "aten::div.Tensor")
def _(div: Function, tensor: Any, other: Any) -> Any:
    answer = div(*map(as_tensor, (tensor, other)))
    exact = all(getattr(each, "dtype", torch.int64) in _EXACT for each in (tensor, other))
    return answer.to(torch.float32) if exact else answer
