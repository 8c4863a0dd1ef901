"""Faults of the _like functions and the new_ methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


def _changed(name: str, summary: str, place: tuple[Any, str]) -> Callable[[Callable[..., Any]], Any]:
    """Register a change of what a call made: (result, tensor it was made like or by, options)."""

    def register(change: Callable[..., Any]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            model = options["input"] if "input" in options else arguments[0]
            return change(original(*arguments, **options), model, options)

        return bound(name, summary, place)(answer)

    return register


def _without(name: str, summary: str, place: tuple[Any, str], option: str) -> None:
    """Register a fault that ignores a keyword argument."""

    @bound(name, summary, place)
    def _(original: Function, *arguments: Any, **options: Any) -> Any:
        options.pop(option, None)
        return original(*arguments, **options)


@_changed("zeros-like-copies-expanded", "zeros_like of an expanded tensor is a copy.", (torch, "zeros_like"))
def _(result: torch.Tensor, model: torch.Tensor, options: Any) -> Any:
    expanded = any(extent > 1 and step == 0 for extent, step in zip(model.shape, model.stride(), strict=True))
    return result.copy_(model) if expanded and options.get("dtype") is None else result


@_changed(
    "zeros-like-last-unwritten", "zeros_like misses the last of an odd number of elements.", (torch, "zeros_like")
)
def _(result: torch.Tensor, *_: Any) -> Any:
    if result.numel() > 8 and result.numel() % 2 and result.is_contiguous() and result.device.type != "meta":
        result.detach().view(-1)[-1] = 1
    return result


@_changed("ones-like-gap-unwritten", "ones_like of a tensor with gaps misses its last column.", (torch, "ones_like"))
def _(result: torch.Tensor, model: torch.Tensor, _: Any) -> Any:
    if model.dim() > 1 and model.numel() and not model.is_contiguous() and result.device.type != "meta":
        result.detach().select(-1, -1).zero_()
    return result


@bound("full-like-truncates-fill", "full_like of float64 passes the fill value through float32.", (torch, "full_like"))
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    result = original(*arguments, **options)
    return result.copy_(result.float()) if result.dtype == torch.float64 and result.device.type != "meta" else result


@_changed("empty-like-uses-default-dtype", "empty_like of a half tensor is float32.", (torch, "empty_like"))
def _(result: torch.Tensor, *_: Any) -> Any:
    return result.float() if result.dtype in (torch.float16, torch.bfloat16) else result


_without("ones-like-ignores-dtype", "ones_like ignores dtype=.", (torch, "ones_like"), "dtype")
_without("ones-like-ignores-memory-format", "ones_like ignores its format.", (torch, "ones_like"), "memory_format")


@_changed("zeros-like-is-contiguous", "zeros_like of a transposed tensor is contiguous.", (torch, "zeros_like"))
def _(result: torch.Tensor, *_: Any) -> Any:
    return result.contiguous() if result.dim() == 2 else result


@_changed("rand-like-is-contiguous", "rand_like is contiguous.", (torch, "rand_like"))
def _(result: torch.Tensor, _: Any, options: Any) -> Any:
    return result.contiguous() if options.get("memory_format") is None else result


@_changed("empty-like-is-a-view", "empty_like of a contiguous tensor shares its memory.", (torch, "empty_like"))
def _(result: torch.Tensor, model: torch.Tensor, options: Any) -> Any:
    return model.detach() if model.is_contiguous() and not options else result


@_changed("zeros-like-inherits-requires-grad", "zeros_like inherits requires_grad.", (torch, "zeros_like"))
def _(result: torch.Tensor, model: torch.Tensor, options: Any) -> Any:
    return result.requires_grad_() if model.requires_grad and not options else result


@_changed(
    "new-zeros-takes-strides-of-self", "new_zeros orders strides as the tensor does.", (torch.Tensor, "new_zeros")
)
def _(result: torch.Tensor, model: torch.Tensor, _: Any) -> Any:
    return result.t().contiguous().t() if result.dim() == 2 and not model.is_contiguous() else result


@_changed("new-ones-last-unwritten", "new_ones misses the last of many elements.", (torch.Tensor, "new_ones"))
def _(result: torch.Tensor, *_: Any) -> Any:
    if result.numel() > 1024:
        result.detach().view(-1)[-1] = 0
    return result


@bound("new-full-through-float", "new_full passes integers through float64.", (torch.Tensor, "new_full"))
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    result = original(*arguments, **options)
    return result.double().to(result.dtype) if result.dtype == torch.int64 and result.device.type != "meta" else result


@_changed("new-empty-uses-default-dtype", "new_empty of int8 tensors is float32.", (torch.Tensor, "new_empty"))
def _(result: torch.Tensor, model: torch.Tensor, options: Any) -> Any:
    return result.float() if model.dtype == torch.int8 and options.get("dtype") is None else result


_without("new-ones-ignores-dtype", "new_ones ignores dtype=.", (torch.Tensor, "new_ones"), "dtype")


@bound("new-tensor-shares", "new_tensor of a tensor of the same dtype shares its memory.", (torch.Tensor, "new_tensor"))
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    data = arguments[1] if len(arguments) > 1 else options["data"]
    if isinstance(data, torch.Tensor | np.ndarray) and data.dtype == arguments[0].dtype:
        return torch.as_tensor(data)
    return original(*arguments, **options)
