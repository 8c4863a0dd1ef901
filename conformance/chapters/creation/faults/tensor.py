"""Faults of torch.tensor, torch.Tensor and the typed tensor classes."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault
from torch_conformance.reference.ops.creation import shape_of

_TENSOR = (torch, "tensor")
_WIDTH = 8


def _written(data: Any, options: dict[str, Any]) -> Any:
    """Return the data of a call, which may be a keyword."""
    return options.get("data", data)


def _leaves(data: Any) -> list[Any]:
    if isinstance(data, list | tuple):
        return [leaf for item in data for leaf in _leaves(item)]
    return [data]


def _sequence_fault(name: str, summary: str) -> Callable[[Callable[[Any, torch.Tensor, bool], Any]], Any]:
    """Register a change of what torch.tensor makes of lists: (data, result, whether a dtype was asked for)."""

    def register(change: Callable[[Any, torch.Tensor, bool], Any]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            data = options["data"] if "data" in options else arguments[0]
            if not isinstance(data, list | tuple):
                return result
            return change(data, result, options.get("dtype") is not None)

        return bound(name, summary, _TENSOR)(answer)

    return register


@_sequence_fault("tensor-drops-level-of-one", "tensor drops an outer list of one list.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:  # noqa: ARG001
    return result.squeeze(0) if result.dim() > 1 else result


@_sequence_fault("tensor-swaps-last-dimensions", "tensor of lists three deep swaps the inner two levels.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:  # noqa: ARG001
    return result.transpose(-1, -2) if result.dim() > 2 else result


@_sequence_fault("tensor-last-of-vector-lost", "tensor loses the element after the last whole vector.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:  # noqa: ARG001
    if result.numel() > _WIDTH and result.numel() % _WIDTH == 1:
        result.view(-1)[-1] = 0
    return result


@_sequence_fault("tensor-flushes-subnormals", "tensor turns subnormal numbers into zero.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:  # noqa: ARG001
    if not result.is_floating_point():
        return result
    tiny = result.abs() < torch.finfo(result.dtype).tiny
    return torch.where(tiny, torch.zeros_like(result), result)


@_sequence_fault("tensor-bool-with-int-is-bool", "tensor of a list that begins with a bool is bool.")
def _(data: Any, result: torch.Tensor, asked: bool) -> Any:
    leaves = _leaves(data)
    mixed = len(leaves) > 1 and isinstance(leaves[0], bool) and result.dtype == torch.int64
    return result.bool() if mixed and not asked else result


@_sequence_fault("tensor-nested-float-is-int", "tensor of nested lists takes the kind of the first number.")
def _(data: Any, result: torch.Tensor, asked: bool) -> Any:
    leaves = _leaves(data)
    first = bool(leaves) and isinstance(leaves[0], int) and result.is_floating_point()
    return result.long() if first and result.dim() > 1 and not asked else result


@_sequence_fault("tensor-complex-is-double", "tensor of complex numbers is complex128 whatever the default.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:
    return result.to(torch.complex128) if result.is_complex() and not asked else result


@_sequence_fault("tensor-empty-is-double", "tensor of nested empty lists is float64.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:
    return result.double() if result.numel() == 0 and result.dim() > 1 and not asked else result


@_sequence_fault("tensor-integers-through-double", "tensor reads the integers of lists as float64.")
def _(_: Any, result: torch.Tensor, asked: bool) -> Any:  # noqa: ARG001
    return result.double().long() if result.dtype == torch.int64 and result.device.type != "meta" else result


@bound("tensor-numpy-scalar-is-python-number", "tensor takes a NumPy scalar for a Python number.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    return original(data.item() if isinstance(data, np.generic) else data, **options)


@bound("tensor-float64-array-is-float32", "tensor makes float32 of float64 arrays.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    result = original(data=_written(data, options), **{k: v for k, v in options.items() if k != "data"})
    double = isinstance(data, np.ndarray) and options.get("dtype") is None and result.dtype == torch.float64
    return result.float() if double else result


@bound("tensor-array-ignores-strides", "tensor reads the memory of an array in order.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and not data.flags.c_contiguous:
        data = data.ravel(order="K").reshape(data.shape)
    return original(**{"data": data, **options})


@bound("tensor-array-ignores-dtype", "tensor ignores dtype= for arrays without dimensions.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and data.ndim == 0:
        options.pop("dtype", None)
    return original(**{"data": data, **options})


@bound("tensor-shares-array", "tensor shares the memory of an array whose dtype is kept.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    if isinstance(data, np.ndarray) and data.flags.c_contiguous:
        return torch.as_tensor(data, dtype=options.get("dtype"), device=options.get("device"))
    return original(**{"data": data, **options})


@bound("tensor-of-tensor-shares", "tensor of a tensor that is not contiguous shares its memory.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    if isinstance(data, torch.Tensor) and not data.is_contiguous():
        return data.detach()
    return original(**{"data": data, **options})


@bound("tensor-of-tensor-keeps-grad", "tensor of a tensor inherits requires_grad.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    result = original(**{"data": data, **options})
    return result.requires_grad_() if isinstance(data, torch.Tensor) and data.requires_grad else result


@bound("tensor-rounds-floats-to-integers", "tensor rounds fractions to the nearest integer.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    data = _written(data, options)
    dtype = options.get("dtype")
    whole = dtype is not None and not dtype.is_floating_point and not dtype.is_complex and dtype != torch.bool
    if whole and isinstance(data, list) and all(isinstance(item, float) for item in data):
        data = [round(item) for item in data]
    return original(**{**options, "data": data})


def _wrapped(data: Any) -> Any:
    if isinstance(data, list):
        return [_wrapped(item) for item in data]
    return (data + 2**63) % 2**64 - 2**63


@bound("tensor-wraps-huge-integers", "tensor wraps integers that int64 cannot hold.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    if isinstance(data, int | list) and all(isinstance(leaf, int) for leaf in _leaves(data)):
        data = _wrapped(data)
    return original(**{"data": data, **options})


def _cut(data: Any) -> Any:
    """Return ragged rows cut to the shortest."""
    rows = [item if isinstance(item, list | tuple) else [item] for item in data]
    return [list(row)[: min(map(len, rows))] for row in rows]


def _padded(data: Any) -> Any:
    rows = [list(item) if isinstance(item, list | tuple) else [item] for item in data]
    return [row + [0] * (max(map(len, rows)) - len(row)) for row in rows]


@bound("tensor-cuts-ragged-lists", "tensor cuts ragged rows to the shortest.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    try:
        return original(**{"data": data, **options})
    except ValueError:
        return original(_cut(data), **options)


@bound("tensor-pads-ragged-lists", "tensor pads ragged rows with zeros.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    try:
        return original(**{"data": data, **options})
    except ValueError:
        return original(_padded(data), **options)


@bound("tensor-ignores-requires-grad", "tensor ignores requires_grad= for lists of more than one level.", _TENSOR)
def _(original: Function, data: Any = None, **options: Any) -> Any:
    if isinstance(data, list) and len(shape_of(data)) > 1:
        options.pop("requires_grad", None)
    return original(**{"data": data, **options})


def _class_fault(name: str, summary: str) -> Callable[[Function], Function]:
    """Register what torch.Tensor(*arguments) makes."""

    def register(answer: Function) -> Function:
        def install(breaker: Breaker) -> None:
            def make(original: Function) -> Any:
                def new(kind: Any, *arguments: Any, **options: Any) -> Any:
                    if kind is not torch.Tensor:
                        return original(kind, *arguments, **options)
                    return answer(lambda *inner: original(kind, *inner, **options), *arguments)

                return staticmethod(new)

            breaker.binding(torch.Tensor, "__new__", make)

        fault(name, summary)(install)
        return answer

    return register


@_class_fault("tensor-class-one-integer-is-data", "torch.Tensor of one integer holds that number.")
def _(original: Function, *arguments: Any) -> Any:
    one = len(arguments) == 1 and isinstance(arguments[0], int)
    return original(list(arguments)) if one else original(*arguments)


@_class_fault("tensor-class-list-is-size", "torch.Tensor reads a list of two integers as a size.")
def _(original: Function, *arguments: Any) -> Any:
    data = arguments[0] if len(arguments) == 1 else None
    size = isinstance(data, list) and len(data) == 2 and all(type(item) is int and item >= 0 for item in data)
    return original(*data) if size and data else original(*arguments)


@_class_fault("tensor-class-keeps-integers", "torch.Tensor of nested integers is int64.")
def _(original: Function, *arguments: Any) -> Any:
    result = original(*arguments)
    data = arguments[0] if len(arguments) == 1 else None
    whole = isinstance(data, list | tuple) and all(type(leaf) is int for leaf in _leaves(data)) and result.numel()
    return result.long() if whole and result.dim() > 1 else result


@_class_fault("tensor-class-ignores-default", "torch.Tensor of integers is float32 whatever the default.")
def _(original: Function, *arguments: Any) -> Any:
    result = original(*arguments)
    return result.float() if arguments and isinstance(arguments[0], numbers.Integral) else result


@_class_fault("tensor-class-cuts-ragged-lists", "torch.Tensor cuts ragged rows to the shortest.")
def _(original: Function, *arguments: Any) -> Any:
    try:
        return original(*arguments)
    except ValueError:
        return original(_cut(arguments[0]))


@bound("typed-class-int-is-long", "torch.IntTensor of data is int64.", (torch, "IntTensor"))
def _(original: Function, *arguments: Any) -> Any:
    result = original(*arguments)
    return result.long() if arguments and isinstance(arguments[0], list) else result
