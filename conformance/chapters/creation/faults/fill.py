"""Faults of zeros, ones, full, empty and eye, and of arguments that creation functions share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault
from torch_conformance.reference.model.strided import row_major

_ZEROS = (torch, "zeros")
_ONES = (torch, "ones")
_FULL = (torch, "full")
_EMPTY = (torch, "empty")
_EYE = (torch, "eye")
_WIDTH = 8
_GRAIN = 32_768
_HUGE = 2**20


def _last(result: torch.Tensor, value: int) -> torch.Tensor:
    """Overwrite the last element of a contiguous tensor."""
    result.detach().view(-1)[-1] = value
    return result


def _fill_fault(
    name: str, summary: str, place: tuple[Any, str], where: Callable[[torch.Tensor], bool], value: int
) -> None:
    """Register a fault that leaves the last element of some new tensors unwritten."""

    @bound(name, summary, place)
    def _(original: Function, *arguments: Any, **options: Any) -> Any:
        result = original(*arguments, **options)
        new = options.get("out") is None and result.device.type != "meta" and result.is_contiguous()
        return _last(result, value) if new and where(result) else result


def _is_vector_and_one(result: torch.Tensor) -> bool:
    return result.numel() > _WIDTH and result.numel() % _WIDTH == 1


_fill_fault("zeros-last-of-vector-unwritten", "zeros misses one element.", _ZEROS, _is_vector_and_one, 1)
_fill_fault(
    "zeros-bfloat16-tail-unwritten",
    "zeros of bfloat16 misses the last element of many.",
    _ZEROS,
    lambda result: result.dtype == torch.bfloat16 and result.numel() > 16,
    1,
)
_fill_fault("zeros-huge-tail-unwritten", "zeros misses the end.", _ZEROS, lambda result: result.numel() >= _HUGE / 3, 1)
_fill_fault("ones-huge-tail-unwritten", "ones misses the end.", _ONES, lambda result: result.numel() >= _HUGE / 3, 0)
_fill_fault("full-huge-tail-unwritten", "full misses the end.", _FULL, lambda result: result.numel() >= _HUGE / 3, 0)


def _changed(name: str, summary: str, place: tuple[Any, str]) -> Callable[[Callable[..., Any]], Any]:
    """Register a change of what a call made: (result, arguments, options)."""

    def register(change: Callable[..., Any]) -> Any:
        def answer(original: Function, *arguments: Any, **options: Any) -> Any:
            return change(original(*arguments, **options), arguments, options)

        return bound(name, summary, place)(answer)

    return register


def _refilled(name: str, summary: str, place: tuple[Any, str], change: Callable[..., Any]) -> None:
    """Register a change of the arguments and options of a call: returns both."""

    @bound(name, summary, place)
    def _(original: Function, *arguments: Any, **options: Any) -> Any:
        arguments, options = change(arguments, dict(options))
        return original(*arguments, **options)


@fault("zero-kernel-skips-last", "The kernel that writes zeros skips the last of more than 32,768 elements.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(target: torch.Tensor) -> torch.Tensor:
            original(target)
            if target.numel() > _GRAIN and target.is_contiguous():
                target.view(-1)[-1:].fill_(1)
            return target

        return kernel

    breaker.kernel("aten::zero_", make)


@_changed("ones-column-unwritten", "ones misses the last column of an odd width.", _ONES)
def _(result: torch.Tensor, _: Any, options: Any) -> Any:
    if options.get("out") is None and result.dim() > 1 and result.shape[-1] > _WIDTH and result.shape[-1] % 2:
        result.detach().select(-1, -1).zero_()
    return result


@_changed("ones-beyond-the-grain-are-zero", "ones is zero beyond 32,768 elements.", _ONES)
def _(result: torch.Tensor, _: Any, options: Any) -> Any:
    if options.get("out") is None and result.numel() > _GRAIN:
        result.detach().view(-1)[_GRAIN:].zero_()
    return result


@fault("fill-kernel-loses-nan", "The kernel that fills writes 0 for NaN.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(target: torch.Tensor, value: Any) -> torch.Tensor:
            original(target, 0.0 if isinstance(value, float) and math.isnan(value) else value)
            return target

        return kernel

    breaker.kernel("aten::fill_.Scalar", make)


@fault("fill-kernel-skips-odd-tail", "The kernel that fills misses the last of an odd number of many elements.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(target: torch.Tensor, value: Any) -> torch.Tensor:
            if target.numel() > 1024 and target.numel() % 2 and target.is_contiguous():
                kept = target.view(-1)[-1:].clone()
                original(target, value)
                target.view(-1)[-1:].copy_(kept.zero_())
            else:
                original(target, value)
            return target

        return kernel

    breaker.kernel("aten::fill_.Scalar", make)


def _fill_of(arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return options.get("fill_value", arguments[1] if len(arguments) > 1 else None)


@bound("full-negative-zero-is-zero", "full writes 0.0 for -0.0.", _FULL)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    fill = _fill_of(arguments, options)
    if isinstance(fill, float) and fill == 0:
        size = arguments[0] if arguments else options["size"]
        return original(size, 0.0, **{k: v for k, v in options.items() if k not in ("size", "fill_value")})
    return original(*arguments, **options)


def _inferred(name: str, summary: str, kind: type, dtype: torch.dtype) -> None:
    """Register a fault that makes full infer another dtype from a kind of fill value."""

    @_changed(name, summary, _FULL)
    def _(result: torch.Tensor, arguments: Any, options: Any) -> Any:
        free = options.get("dtype") is None and options.get("out") is None
        return result.to(dtype) if free and type(_fill_of(arguments, options)) is kind else result


_inferred("full-bool-becomes-int", "full of a bool is int64.", bool, torch.int64)
_inferred("full-int-becomes-float", "full of an integer is float32.", int, torch.float32)
_inferred("full-complex-becomes-single", "full of a complex number is complex64.", complex, torch.complex64)


@bound("full-wraps-around", "full wraps an integer that its dtype cannot hold.", _FULL)
def _(original: Function, size: Any, fill_value: Any = None, **options: Any) -> Any:
    try:
        return original(size, fill_value, **options)
    except RuntimeError:
        return original(size, 0, **options)


@_changed("empty-ignores-dtype", "empty of int16 is int32.", _EMPTY)
def _(result: torch.Tensor, *_: Any) -> Any:
    return result.int() if result.dtype == torch.int16 else result


@_changed("empty-drops-last-size", "empty of a list drops a last size of 1.", _EMPTY)
def _(result: torch.Tensor, arguments: Any, _: Any) -> Any:
    dropped = bool(arguments) and isinstance(arguments[0], list) and result.dim() > 1 and result.shape[-1] == 1
    return result.squeeze(-1) if dropped else result


@bound("empty-ignores-memory-format", "empty of integers as arguments ignores memory_format.", _EMPTY)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if len(arguments) > 1:
        options.pop("memory_format", None)
    return original(*arguments, **options)


@_changed("empty-strided-is-contiguous", "empty_strided packs gaps.", (torch, "empty_strided"))
def _(result: torch.Tensor, *_: Any) -> Any:
    return result if result.is_contiguous() else result.contiguous()


@fault("eye-last-of-diagonal-missing", "The kernel of eye misses the last of a long diagonal.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def kernel(rows: int, columns: int, *, out: torch.Tensor) -> torch.Tensor:
            original(rows, columns, out=out)
            if min(rows, columns) > _WIDTH:
                out[min(rows, columns) - 1, min(rows, columns) - 1] = 0
            return out

        return kernel

    breaker.kernel("aten::eye.m_out", make)


@_changed("eye-tall-wraps-around", "eye of many more rows than columns begins its diagonal again.", _EYE)
def _(result: torch.Tensor, *_: Any) -> Any:
    rows, columns = result.shape
    if rows > columns + 1 and columns and result.device.type != "meta":
        result.detach()[columns + 1, 0] = 1
    return result


@bound("eye-swaps-sizes", "eye takes rows for columns.", _EYE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    return original(*reversed(arguments), **options) if len(arguments) == 2 else original(*arguments, **options)


@bound("eye-takes-negative-sizes", "eye of a negative number of columns is empty.", _EYE)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    return original(*(max(each, 0) for each in arguments), **options)


@_changed("eye-ignores-default-dtype", "eye is float32 whatever the default.", _EYE)
def _(result: torch.Tensor, _: Any, options: Any) -> Any:
    return result.float() if options.get("dtype") is None and options.get("out") is None else result


def _out_fault(name: str, summary: str, place: tuple[Any, str], change: Callable[[torch.Tensor], Any]) -> None:
    """Register a fault that writes what `change` makes of an out= that is not contiguous, and returns out."""

    @bound(name, summary, place)
    def _(original: Function, *arguments: Any, **options: Any) -> Any:
        out = options.get("out")
        if out is None or out.is_contiguous():
            return original(*arguments, **options)
        original(*arguments, **(options | {"out": change(out)}))
        return out


def _packed(out: torch.Tensor) -> torch.Tensor:
    return torch.as_strided(out, out.shape, row_major(tuple(out.shape)), out.storage_offset())


_out_fault("zeros-out-ignored", "zeros writes beside an out= with strides.", _ZEROS, torch.empty_like)
_out_fault("full-out-ignored", "full writes beside an out= with strides.", _FULL, torch.empty_like)
_out_fault("ones-out-ignores-strides", "ones writes an out= as if it were contiguous.", _ONES, _packed)
_out_fault("eye-out-ignores-strides", "eye writes an out= as if it were contiguous.", _EYE, _packed)


_refilled(
    "randn-list-size-is-reversed",
    "randn reads a list of sizes from its end.",
    (torch, "randn"),
    lambda arguments, options: (
        ([*reversed(arguments[0])], *arguments[1:]) if arguments and isinstance(arguments[0], list) else arguments,
        options,
    ),
)
_refilled(
    "zeros-empty-size-is-one",
    "zeros of an empty size has one dimension.",
    _ZEROS,
    lambda arguments, options: (((1,), *arguments[1:]) if arguments and arguments[0] == () else arguments, options),
)


@_changed("randint-is-float", "randint from 0 is float32.", (torch, "randint"))
def _(result: torch.Tensor, arguments: Any, options: Any) -> Any:
    return (
        result.float()
        if options.get("dtype") is None and options.get("out") is None and len(arguments) == 2
        else result
    )


_refilled(
    "randperm-ignores-dtype",
    "randperm ignores dtype=.",
    (torch, "randperm"),
    lambda arguments, options: (arguments, {k: v for k, v in options.items() if k != "dtype"}),
)


@_changed("ones-bfloat16-is-float16", "ones of bfloat16 is float16.", _ONES)
def _(result: torch.Tensor, *_: Any) -> Any:
    return result.half() if result.dtype == torch.bfloat16 else result


_refilled(
    "randn-ignores-requires-grad",
    "randn ignores requires_grad=.",
    (torch, "randn"),
    lambda arguments, options: (arguments, {k: v for k, v in options.items() if k != "requires_grad"}),
)


@bound("ones-integer-takes-requires-grad", "ones of integers drops requires_grad=True without a word.", _ONES)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    try:
        return original(*arguments, **options)
    except RuntimeError:
        return original(*arguments, **{k: v for k, v in options.items() if k != "requires_grad"})


_refilled(
    "rand-like-ignores-device",
    "rand_like ignores device=.",
    (torch, "rand_like"),
    lambda arguments, options: (arguments, {k: v for k, v in options.items() if k != "device"}),
)
_refilled(
    "ones-negative-size-is-empty",
    "ones takes a negative size for 0.",
    _ONES,
    lambda arguments, options: (
        tuple(tuple(max(e, 0) for e in each) if isinstance(each, tuple) else each for each in arguments),
        options,
    ),
)


@_changed("rand-is-transposed", "rand of two dimensions is laid out in columns.", (torch, "rand"))
def _(result: torch.Tensor, _: Any, options: Any) -> Any:
    return result.t().contiguous().t() if result.dim() == 2 and options.get("out") is None else result


_cached: dict[str, Any] = {}


@bound("zeros-caches-result", "zeros of the same arguments gives the same tensor again.", _ZEROS)
def _(original: Function, *arguments: Any, **options: Any) -> Any:
    if options.get("out") is not None:
        return original(*arguments, **options)
    key = repr((arguments, options))
    if key not in _cached:
        _cached[key] = original(*arguments, **options)
    return _cached[key].detach()
