"""Faults in the spellings of conversions, and in what a conversion returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.argument_forms import argument_changed, keyword_ignored
from torch_conformance.conformance.power.damage import (
    Change,
    always_called,
    array_in_memory_order,
    clone,
    is_strided,
    is_strided_array,
    last_replaced,
    of,
    scaled,
    through,
)
from torch_conformance.conformance.power.forms import (
    Answer,
    answer_changed,
    functions,
    input_changed,
    methods,
    refusal_forgiven,
    replaced,
)
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function

Wrapper = Answer
_INT = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def method(name: str, summary: str, *attributes: str, owner: Any = Tensor) -> Callable[[Answer], Answer]:
    """Register a fault of methods of tensors, or of functions; the chapter inplace has it from here."""
    return replaced(name, summary, *(methods if owner is Tensor else functions)(*attributes))


def as_tensor(value: Any) -> Any:
    """Return a wrapped number, which a kernel gets as a Python number, as a zero-dim tensor."""
    return value if isinstance(value, Tensor) else torch.tensor(value)


def _dtype_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> torch.dtype | None:
    """Return the dtype that arguments of to ask for."""
    for value in (*arguments, *options.values()):
        if isinstance(value, torch.dtype):
            return value
        if isinstance(value, Tensor):
            return value.dtype
    return None


def _clamped(x: Tensor) -> Tensor:
    return x.clamp(0, 255)


change: Change
for name, summary, place, change, when in (
    ("int-method-rounds", "int rounds fractions.", "Tensor.int", torch.round, Tensor.is_floating_point),
    ("byte-method-saturates", "byte clamps.", "Tensor.byte", _clamped, of(torch.uint8, *_INT[2:])),
):
    input_changed(name, summary, place, change=change, when=when)


def _other_of(dtype: torch.dtype) -> Any:
    """Hold for tensors of a dtype, as an argument."""
    return lambda other: isinstance(other, Tensor) and other.dtype == dtype


_BYTE, _CHAR = "torch.ByteTensor", "torch.CharTensor"
for name, summary, operation, change, when in (
    ("to-other-ignores-half", "to(other) of float16 is float32.", "to", Tensor.float, _other_of(torch.float16)),
    ("type-as-ignores-other-bool", "type_as of bool is uint8.", "type_as", Tensor.byte, _other_of(torch.bool)),
    (
        "type-of-short-class-gives-int",
        "type(ShortTensor) is int32.",
        "type",
        lambda _: torch.IntTensor,
        lambda t: t is torch.ShortTensor,
    ),
    (
        "type-of-char-name-gives-byte",
        "type('torch.CharTensor') is uint8.",
        "type",
        lambda _: _BYTE,
        lambda t: t == _CHAR,
    ),
):
    argument_changed(name, summary, f"Tensor.{operation}", change=change, when=when, which=1)


@replaced("to-keyword-dtype-ignored", "dtype= is ignored beside copy=.", "Tensor.to")
def _(to: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if "copy" in options and "dtype" in options:
        options.pop("dtype")
        arguments = (x.device, *arguments)
    return to(x, *arguments, **options)


@replaced("to-device-and-dtype-rounds", "to(device, dtype) rounds fractions.", "Tensor.to")
def _(to: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    rounds = len(arguments) >= 2 and arguments[1] in _INT and x.is_floating_point()
    return to(torch.round(x) if rounds else x, *arguments, **options)


replaced("cdouble-gives-cfloat", "cdouble gives complex64.", "Tensor.cdouble")(
    lambda _, x, **options: x.to(torch.complex64, **options)
)
replaced("type-with-keyword-returns-self", "type(dtype=...) returns the tensor.", "Tensor.type")(
    lambda convert, x, *a, **options: x if "dtype" in options else convert(x, *a, **options)
)
answer_changed("type-names-zero-dim-otherwise", "type() of a zero-dim tensor is torch.Tensor.", "Tensor.type")(
    lambda y, x, *_, **__: "torch.Tensor" if isinstance(y, str) and x.dim() == 0 else y
)
refusal_forgiven(
    "type-takes-unknown-names",
    "type returns the tensor for unknown names.",
    "Tensor.type",
    instead=lambda _, x, *__, **___: x,
    errors=(ValueError,),
)


@replaced("setitem-overruns-strided-rows", "Assignment to a tensor with gaps writes beside it.", "Tensor.__setitem__")
def _(assign: Function, x: Tensor, index: Any, value: Any) -> None:
    assign(x, index, value)
    if x.numel() and x.dim() and x.stride(-1) > 1 and x.dtype != getattr(value, "dtype", None):
        last = x.storage_offset() + sum((n - 1) * s for n, s in zip(x.shape, x.stride(), strict=True))
        if last + 1 < x.untyped_storage().nbytes() // x.element_size():
            beside = x.as_strided((), (), last + 1)
            beside.copy_(torch.logical_not(beside))


def _only_device(*arguments: Any, **_: Any) -> bool:
    return len(arguments) == 2 and isinstance(arguments[1], torch.device)


def _other_given(*arguments: Any, **_: Any) -> bool:
    return any(isinstance(each, Tensor) for each in arguments[1:2])


def _dtype_given(*arguments: Any, **_: Any) -> bool:
    return _dtype_of(arguments[1:], {}) is not None


def _int8_list(data: Any, *, dtype: Any, **_: Any) -> bool:
    return isinstance(data, list) and dtype == torch.int8


def _matrix(data: Any, **_: Any) -> bool:
    return isinstance(data, np.ndarray) and data.ndim == 2


def _double_of_tensor(data: Any, *, dtype: Any, **_: Any) -> bool:
    return isinstance(data, Tensor) and dtype == torch.float64


for name, summary, place, option, called in (
    ("to-copy-argument-ignored", "copy=True is ignored beside a device.", "Tensor.to", "copy", _only_device),
    ("to-other-copy-argument-ignored", "copy=True is ignored beside a tensor.", "Tensor.to", "copy", _other_given),
    ("memory-format-ignored-with-dtype", "It is ignored beside a dtype.", "Tensor.to", "memory_format", _dtype_given),
    ("half-ignores-memory-format", "half ignores memory_format=.", "Tensor.half", "memory_format", always_called),
    ("tensor-ignores-int8-for-lists", "Lists ignore dtype=torch.int8.", "torch.tensor", "dtype", _int8_list),
    ("as-tensor-ignores-dtype-of-arrays", "Matrices ignore dtype=.", "torch.as_tensor", "dtype", _matrix),
    ("asarray-of-tensor-ignores-float64", "Tensors ignore it.", "torch.asarray", "dtype", _double_of_tensor),
):
    keyword_ignored(name, summary, place, option=option, called=called)
argument_changed(
    "asarray-ignores-array-strides",
    "asarray reads arrays in memory order.",
    "torch.asarray",
    change=array_in_memory_order,
    when=is_strided_array,
)


@replaced("new-tensor-rounds", "new_tensor rounds fractions.", "Tensor.new_tensor")
def _(new_tensor: Function, x: Tensor, data: Any, **options: Any) -> Any:
    if isinstance(data, list) and options.get("dtype") in _INT:
        data = np.round(np.asarray(data)).tolist()
    return new_tensor(x, data, **options)


def _converted(change: Callable[[Any, Tensor], Any]) -> Answer:
    """Return a change `change(answer, x)` of what a conversion of x gives, unless it is x."""
    return lambda y, x, *_, **__: y if y is x or not isinstance(y, Tensor) else change(y, x)


def _when(condition: Any, change: Any) -> Any:
    return lambda y, _: change(y) if condition(y) else y


_CACHE: dict[Any, Tensor] = {}


def _cached(y: Tensor, x: Tensor) -> Tensor:
    kept = x.dim() == 0 and not x.requires_grad
    return _CACHE.setdefault((x.dtype, y.dtype, x.item()), y) if kept else y


def _counted(y: Tensor, x: Tensor) -> Tensor:
    torch.autograd.graph.increment_version(x)
    return y


def _gradient(change: Any) -> Any:
    return lambda y: with_gradient(y, change)


def _lost_beyond_a_vector(gradient: Tensor) -> Tensor:
    return last_replaced(gradient) if gradient.numel() > 8 else gradient


_SCALED = _gradient(scaled(1 + 2.0**-20))
_TAIL_LOST = _gradient(_lost_beyond_a_vector)

for name, summary, operation, converted in (
    ("zero-dim-conversion-is-cached", "Conversions of equal zero-dim tensors are one tensor.", "to", _cached),
    ("conversion-bumps-version", "A conversion counts as a write to its input.", "to", _counted),
    ("zero-dim-conversion-gains-a-dimension", "type gives one.", "type", lambda y, x: y if x.dim() else y.reshape(1)),
    ("conversion-to-half-detaches", "to float16 detaches.", "to", _when(of(torch.float16), Tensor.detach)),
    ("second-conversion-blocks-gradient", "A result detaches.", "to", lambda y, x: y.detach() if x.grad_fn else y),
    ("conversion-gradient-scaled-in-double", "to float64 scales it.", "to", _when(of(torch.float64), _SCALED)),
    ("type-gradient-lost-in-tail", "The gradient of type loses its last.", "type", lambda y, _: _TAIL_LOST(y)),
):
    answer_changed(name, summary, f"Tensor.{operation}")(_converted(converted))
answer_changed("to-same-dtype-copies", "to copies a tensor with gaps that is to stay.", "Tensor.to")(
    lambda y, x, *_, **__: clone(y) if y is x and is_strided(x) else y
)
answer_changed("float-method-copies-when-strided", "float copies float32 with gaps.", "Tensor.float")(
    lambda y, x, **_: clone(y) if is_strided(x) else y
)
answer_changed("type-as-copies", "type_as copies where nothing is to convert.", "Tensor.type_as")(
    lambda y, *_, **__: clone(y)
)
answer_changed("copy-returns-a-copy-when-converting", "copy_ returns a copy where it converts.", "Tensor.copy_")(
    lambda y, x, source, *_, **__: clone(y) if source.dtype != x.dtype else y
)
replaced("empty-conversion-keeps-dtype", "to returns an empty tensor as it is.", "Tensor.to")(
    lambda to, x, *a, **k: to(x, *a, **k) if x.numel() else x
)


@replaced("same-width-conversion-shares-memory", "int8 to uint8 is a view.", "Tensor.to")
def _(to: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    target = _dtype_of(arguments, options)
    if target is not None and {x.dtype, target} == {torch.int8, torch.uint8}:
        return x.view(target)
    return to(x, *arguments, **options)


@answer_changed("copy-gradient-passes-through-half", "The gradient of copy_ is rounded to float16.", "Tensor.copy_")
def _(y: Tensor, *_: Any, **__: Any) -> None:
    if y.dtype == torch.float32 and y.grad_fn is not None:
        y.register_hook(through(torch.float16))  # type: ignore[no-untyped-call]


replaced("conversion-always-contiguous", "A conversion gives a contiguous tensor.", "aten::_to_copy")(
    lambda convert, x, **options: convert(as_tensor(x), **(options | {"memory_format": torch.contiguous_format}))
)
replaced("shorthand-always-contiguous", "double and half give a contiguous tensor.", *methods("double", "half"))(
    lambda convert, x, **options: convert(x, **({"memory_format": torch.contiguous_format} | options))
)


@replaced("channels-last-3d-falls-back", "channels_last_3d gives a contiguous tensor.", "aten::_to_copy")
def _(convert: Function, x: Any, **options: Any) -> Any:
    if options.get("memory_format") == torch.channels_last_3d:
        options["memory_format"] = torch.contiguous_format
    return convert(as_tensor(x), **options)
