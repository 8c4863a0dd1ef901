"""Faults in the spellings of conversions, and in what a conversion returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_conformance.conformance.power.registry import Breaker, Function, fault

Wrapper = Callable[..., Any]


def method(name: str, summary: str, *attributes: str, owner: Any = Tensor) -> Callable[[Wrapper], Wrapper]:
    """Register a fault of attributes of Tensor, or of another owner; the wrapper gets the original first."""

    def register(wrapper: Wrapper) -> Wrapper:
        def make(original: Function) -> Function:
            def replaced(*arguments: Any, **options: Any) -> Any:
                return wrapper(original, *arguments, **options)

            return replaced

        def install(breaker: Breaker) -> None:
            for attribute in attributes:
                breaker.binding(owner, attribute, make)

        fault(name, summary)(install)
        return wrapper

    return register


def function(name: str, summary: str, *attributes: str) -> Callable[[Wrapper], Wrapper]:
    """Register a fault of functions of the module torch."""
    return method(name, summary, *attributes, owner=torch)


def kernel(name: str, summary: str, operator: str) -> Callable[[Wrapper], Wrapper]:
    """Register a fault of a kernel; the wrapper gets the original first."""

    def register(wrapper: Wrapper) -> Wrapper:
        def make(original: Function) -> Function:
            def replaced(*arguments: Any, **options: Any) -> Any:
                return wrapper(original, *arguments, **options)

            return replaced

        fault(name, summary)(lambda breaker: breaker.kernel(operator, make))
        return wrapper

    return register


def as_tensor(value: Any) -> Any:
    """Return a wrapped number, which a kernel gets as a Python number, as a zero-dim tensor."""
    return value if isinstance(value, Tensor) else torch.tensor(value)


def converting(name: str, summary: str) -> Callable[[Wrapper], Wrapper]:
    """Register a fault of the kernel behind to; the wrapper gets the original and the tensor first."""

    def register(wrapper: Wrapper) -> Wrapper:
        def make(original: Function) -> Function:
            def replaced(given: Any, **options: Any) -> Any:
                tensor = given if isinstance(given, Tensor) else torch.tensor(given)
                return wrapper(original, tensor, **options)

            return replaced

        fault(name, summary)(lambda breaker: breaker.kernel("aten::_to_copy", make))
        return wrapper

    return register


def _dtype_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> torch.dtype | None:
    """Return the dtype that arguments of to ask for."""
    for value in (*arguments, *options.values()):
        if isinstance(value, torch.dtype):
            return value
        if isinstance(value, Tensor):
            return value.dtype
    return None


def _is_integral(dtype: torch.dtype | None) -> bool:
    return dtype in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@method("to-keyword-dtype-ignored", "dtype= is ignored beside copy=.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if "copy" in options and "dtype" in options:
        options.pop("dtype")
        return to(self, self.device, *arguments, **options)
    return to(self, *arguments, **options)


@method("to-device-and-dtype-rounds", "to(device, dtype) rounds fractions.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) >= 2 and _is_integral(arguments[1]) and self.is_floating_point():
        return to(torch.round(self), *arguments, **options)
    return to(self, *arguments, **options)


@method("to-other-ignores-half", "to(other) gives float32 for float16.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and isinstance(arguments[0], Tensor) and arguments[0].dtype == torch.float16:
        return to(self, torch.float32)
    return to(self, *arguments, **options)


@method("type-as-ignores-other-bool", "type_as of a bool tensor gives uint8.", "type_as")
def _(type_as: Function, self: Tensor, other: Tensor) -> Any:
    return self.to(torch.uint8) if other.dtype == torch.bool else type_as(self, other)


@method("int-method-rounds", "int rounds fractions.", "int")
def _(convert: Function, self: Tensor, **options: Any) -> Any:
    return convert(torch.round(self) if self.is_floating_point() else self, **options)


@method("byte-method-saturates", "byte clamps.", "byte")
def _(convert: Function, self: Tensor, **options: Any) -> Any:
    return convert(self.clamp(0, 255) if _is_integral(self.dtype) and self.dtype != torch.int8 else self, **options)


@method("cdouble-gives-cfloat", "cdouble gives complex64.", "cdouble")
def _(convert: Function, self: Tensor, **options: Any) -> Any:  # noqa: ARG001
    return self.to(torch.complex64, **options)


@method("type-with-keyword-returns-self", "type(dtype=...) returns the tensor.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    return self if "dtype" in options else convert(self, *arguments, **options)


@method("type-of-short-class-gives-int", "type(torch.ShortTensor) gives int32.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and arguments[0] is torch.ShortTensor:
        arguments = (torch.IntTensor, *arguments[1:])
    return convert(self, *arguments, **options)


@method("type-of-char-name-gives-byte", "type('torch.CharTensor') gives uint8.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and arguments[0] == "torch.CharTensor":
        arguments = ("torch.ByteTensor", *arguments[1:])
    return convert(self, *arguments, **options)


@method("type-names-zero-dim-otherwise", "type() of a zero-dim tensor is torch.Tensor.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = convert(self, *arguments, **options)
    return "torch.Tensor" if isinstance(answer, str) and self.dim() == 0 else answer


@method("type-takes-unknown-names", "type returns the tensor for unknown names.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    try:
        return convert(self, *arguments, **options)
    except ValueError:
        return self


@method("copy-returns-a-copy-when-converting", "copy_ returns a copy where it converts.", "copy_")
def _(copy: Function, self: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = copy(self, source, *arguments, **options)
    return answer.clone() if source.dtype != self.dtype else answer


@method("setitem-overruns-strided-rows", "Assignment to a tensor with gaps writes beside it.", "__setitem__")
def _(assign: Function, self: Tensor, index: Any, value: Any) -> None:
    assign(self, index, value)
    if self.numel() and self.dim() and self.stride(-1) > 1 and self.dtype != getattr(value, "dtype", None):
        last = self.storage_offset() + sum((n - 1) * s for n, s in zip(self.shape, self.stride(), strict=True))
        if last + 1 < self.untyped_storage().nbytes() // self.element_size():
            beside = self.as_strided((), (), last + 1)
            beside.copy_(torch.logical_not(beside))


@method("tensor-ignores-int8-for-lists", "torch.tensor ignores dtype=torch.int8 for lists.", "tensor", owner=torch)
def _(tensor: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, list) and options.get("dtype") == torch.int8:
        options.pop("dtype")
    return tensor(data, **options)


@method("new-tensor-rounds", "new_tensor rounds fractions.", "new_tensor")
def _(new_tensor: Function, self: Tensor, data: Any, **options: Any) -> Any:
    if isinstance(data, list) and _is_integral(options.get("dtype")):
        data = np.round(np.asarray(data)).tolist()
    return new_tensor(self, data, **options)


@method("as-tensor-ignores-dtype-of-arrays", "as_tensor ignores dtype= for matrices.", "as_tensor", owner=torch)
def _(as_tensor: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and data.ndim == 2:
        options.pop("dtype", None)
    return as_tensor(data, **options)


@method("asarray-ignores-array-strides", "asarray reads arrays in memory order.", "asarray", owner=torch)
def _(asarray: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and not data.flags.c_contiguous:
        data = data.ravel(order="K").reshape(data.shape)
    return asarray(data, **options)


@method("asarray-of-tensor-ignores-float64", "asarray keeps a tensor's dtype for float64.", "asarray", owner=torch)
def _(asarray: Function, data: Any, **options: Any) -> Any:
    if isinstance(data, Tensor) and options.get("dtype") == torch.float64:
        options.pop("dtype")
    return asarray(data, **options)


@method("to-same-dtype-copies", "to copies a tensor with gaps where nothing is to convert.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = to(self, *arguments, **options)
    return answer.clone() if answer is self and not self.is_contiguous() else answer


@method("float-method-copies-when-strided", "float copies a float32 tensor with gaps.", "float")
def _(convert: Function, self: Tensor, **options: Any) -> Any:
    answer = convert(self, **options)
    return answer.clone() if not self.is_contiguous() else answer


@method("type-as-copies", "type_as copies where nothing is to convert.", "type_as")
def _(type_as: Function, self: Tensor, other: Tensor) -> Any:
    return type_as(self, other).clone()


@method("to-copy-argument-ignored", "copy=True is ignored beside a device alone.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if len(arguments) == 1 and isinstance(arguments[0], torch.device):
        options.pop("copy", None)
    return to(self, *arguments, **options)


@method("to-other-copy-argument-ignored", "copy=True is ignored beside another tensor.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if arguments and isinstance(arguments[0], Tensor):
        options.pop("copy", None)
    return to(self, *arguments, **options)


@method("same-width-conversion-shares-memory", "int8 to uint8 is a view.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    target = _dtype_of(arguments, options)
    if target is not None and {self.dtype, target} == {torch.int8, torch.uint8}:
        return self.view(target)
    return to(self, *arguments, **options)


_CACHE: dict[Any, Tensor] = {}


@method("zero-dim-conversion-is-cached", "Conversions of equal zero-dim tensors are one tensor.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = to(self, *arguments, **options)
    if self.dim() == 0 and answer is not self and not self.requires_grad:
        return _CACHE.setdefault((self.dtype, answer.dtype, self.item()), answer)
    return answer


@method("conversion-bumps-version", "A conversion counts as a write to its input.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = to(self, *arguments, **options)
    if answer is not self:
        torch.autograd.graph.increment_version(self)
    return answer


@method("empty-conversion-keeps-dtype", "to returns an empty tensor as it is.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    return self if self.numel() == 0 else to(self, *arguments, **options)


@method("zero-dim-conversion-gains-a-dimension", "type gives a zero-dim tensor a dimension.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = convert(self, *arguments, **options)
    return answer.reshape(1) if isinstance(answer, Tensor) and self.dim() == 0 else answer


@converting("conversion-always-contiguous", "A conversion gives a contiguous tensor.")
def _(to_copy: Function, self: Tensor, **options: Any) -> Any:
    return to_copy(self, **{**options, "memory_format": torch.contiguous_format})


@method("shorthand-always-contiguous", "double and half give a contiguous tensor.", "double", "half")
def _(convert: Function, self: Tensor, **options: Any) -> Any:
    return convert(self, **{"memory_format": torch.contiguous_format, **options})


@method("memory-format-ignored-with-dtype", "memory_format= is ignored beside a dtype.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    if _dtype_of(arguments, {}) is not None:
        options.pop("memory_format", None)
    return to(self, *arguments, **options)


@method("half-ignores-memory-format", "half ignores memory_format=.", "half")
def _(convert: Function, self: Tensor, **options: Any) -> Any:  # noqa: ARG001
    return convert(self)


@converting("channels-last-3d-falls-back", "channels_last_3d gives a contiguous tensor.")
def _(to_copy: Function, self: Tensor, **options: Any) -> Any:
    if options.get("memory_format") == torch.channels_last_3d:
        options["memory_format"] = torch.contiguous_format
    return to_copy(self, **options)


@method("conversion-to-half-detaches", "to float16 detaches.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = to(self, *arguments, **options)
    return answer.detach() if answer.dtype == torch.float16 and answer is not self else answer


def _hooked(tensor: Tensor, hook: Callable[[Tensor], Tensor]) -> Tensor:
    if tensor.requires_grad and tensor.grad_fn is not None:
        tensor.register_hook(hook)  # type: ignore[no-untyped-call]
    return tensor


@method("conversion-gradient-scaled-in-double", "The gradient of to float64 is off by a part in 2**20.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = to(self, *arguments, **options)
    if answer.dtype == torch.float64 and answer is not self:
        return _hooked(answer, lambda gradient: gradient * (1 + 2.0**-20))
    return answer


def _without_last(gradient: Tensor) -> Tensor:
    changed = gradient.clone()
    if changed.numel() > 8:
        changed[tuple(-1 for _ in changed.shape)] = 0
    return changed


@method("type-gradient-lost-in-tail", "The gradient of type is zero in the last element.", "type")
def _(convert: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = convert(self, *arguments, **options)
    return _hooked(answer, _without_last) if isinstance(answer, Tensor) else answer


@method("copy-gradient-passes-through-half", "The gradient of copy_ is rounded to float16.", "copy_")
def _(copy: Function, self: Tensor, source: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = copy(self, source, *arguments, **options)
    if self.dtype == torch.float32:
        return _hooked(answer, lambda gradient: gradient.half().to(gradient.dtype))
    return answer


@method("second-conversion-blocks-gradient", "The conversion of a result detaches it.", "to")
def _(to: Function, self: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = to(self, *arguments, **options)
    return answer.detach() if self.grad_fn is not None and answer is not self else answer
