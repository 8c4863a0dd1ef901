"""Faults of view(dtype), complex parts, contiguous, is_contiguous, stride and storage_offset."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.older_forms.view_replacing import (
    Condition,
    as_strided,
    attribute,
    copied,
    dense,
    forgiving,
    in_memory_order,
    is_gapped,
    is_large,
    is_offset,
    kernel,
    of,
    spoiled,
    without_last,
)
from torch_conformance.conformance.power.registry import Function

_view = Tensor.view
_contiguous = Tensor.contiguous
_is_contiguous = Tensor.is_contiguous
_view_as_real = torch.view_as_real
_VIEW = ((Tensor, "view"),)


def _dtype(arguments: Any, options: Any) -> torch.dtype | None:
    return next((each for each in (*arguments, *options.values()) if isinstance(each, torch.dtype)), None)


@bound("view-dtype-converts-int32", "view(dtype) of float32 as int32 converts.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if x.dtype != torch.int32 and x.element_size() == 4 and _dtype(arguments, options) == torch.int32:
        return x.to(torch.int32)
    answer = view(x, *arguments, **options)
    if _dtype(arguments, options) is not None and answer.dtype != x.dtype and answer.is_floating_point():
        return answer.neg()
    return answer


@bound("view-dtype-keyword-swaps-bytes", "view(dtype=...) of larger elements exchanges neighbours.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = view(x, *arguments, **options)
    return torch.flip(answer, (-1,)) if "dtype" in options and answer.dim() else answer


@bound("view-dtype-loses-offset", "view(dtype) begins at the first place of the storage.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = view(x, *arguments, **options)
    if _dtype(arguments, options) is None or not answer.numel():
        return answer
    return as_strided(answer, answer.shape, answer.stride(), 0)


@bound("view-dtype-keeps-outer-strides", "view(dtype) of matrices leaves the stride of rows dense.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = view(x, *arguments, **options)
    if _dtype(arguments, options) is None or answer.dim() != 2 or not answer.numel():
        return answer
    return as_strided(answer, answer.shape, (answer.shape[1], 1))


@bound("view-dtype-copies", "view(dtype) copies.", *_VIEW)
def _(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = view(x, *arguments, **options)
    return answer.clone() if _dtype(arguments, options) is not None else answer


def _dense_first(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    if _dtype(arguments, options) is None:
        return view(x, *arguments, **options)
    return view(dense(x), *arguments, **options)


forgiving("view-dtype-takes-strided", "view(dtype) copies what is not dense.", _VIEW, _dense_first, RuntimeError)


def _rounded(view: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    dtype = _dtype(arguments, options)
    if dtype is None or not x.dim():
        return view(x, *arguments, **options)
    ratio = max(dtype.itemsize // x.element_size(), 1)
    return view(dense(x[..., : x.shape[-1] // ratio * ratio]), *arguments, **options)


forgiving("view-dtype-rounds-size-down", "view(dtype) leaves out the rest.", _VIEW, _rounded, RuntimeError)
_REAL = ((torch, "real"),)


def _is_complex(x: Tensor) -> bool:
    return x.is_complex()


def _both_conditions(first: Condition, second: Condition) -> Condition:
    return lambda x: first(x) and second(x)


spoiled("real-function-takes-absolute", "torch.real gives absolute values.", _REAL, torch.abs, _is_complex)
attribute("real-makes-contiguous", "x.real copies.", "real", lambda get, x: dense(get(x)) if _is_complex(x) else get(x))
spoiled(
    "real-copies-when-strided",
    "torch.real copies what is not contiguous.",
    _REAL,
    copied,
    _both_conditions(_is_complex, is_gapped),
)
attribute(
    "imag-of-complex64-negates",
    "x.imag of complex64 has the opposite sign.",
    "imag",
    lambda get, x: -get(x) if x.dtype == torch.complex64 else get(x) + get(x) * 2,
)
attribute("imag-makes-contiguous", "x.imag copies.", "imag", lambda get, x: dense(get(x)))
spoiled("imag-function-copies", "torch.imag copies.", ((torch, "imag"),), copied)
_PARTS = ((torch, "view_as_real"),)
spoiled(
    "view-as-real-exchanges-parts-of-complex128",
    "The parts are exchanged.",
    _PARTS,
    lambda x: torch.flip(x, (-1,)),
    of(torch.complex128, torch.complex64),
)
spoiled("view-as-real-makes-contiguous", "view_as_real copies.", _PARTS, dense)
spoiled("view-as-real-copies-when-offset", "view_as_real copies with an offset.", _PARTS, copied, is_offset)
attribute(
    "real-of-real-copies", "x.real copies real tensors.", "real", lambda get, x: get(x) if _is_complex(x) else copied(x)
)
forgiving(
    "imag-of-real-is-zero",
    "torch.imag of a real tensor is zero.",
    ((torch, "imag"),),
    lambda imag, input: torch.zeros_like(input),  # noqa: A006, ARG005
    RuntimeError,
)
_PAIRS = ((torch, "view_as_complex"),)


def _last_conjugated(x: Tensor) -> Tensor:
    answer = dense(x)
    if answer.numel():
        line = as_strided(answer, (answer.numel(),), (1,), 0)
        line[-1] = line[-1].conj() + 1j
    return answer


spoiled("view-as-complex-conjugates-last", "The last number is conjugated.", _PAIRS, _last_conjugated)
spoiled("view-as-complex-makes-contiguous", "view_as_complex copies.", _PAIRS, dense)
spoiled("view-as-complex-copies-when-offset", "view_as_complex copies with an offset.", _PAIRS, copied, is_offset)
forgiving(
    "view-as-complex-takes-strided-pairs",
    "view_as_complex copies pairs with gaps.",
    _PAIRS,
    lambda view, input: view(dense(input)),  # noqa: A006
    RuntimeError,
)
forgiving(
    "view-as-complex-drops-the-rest",
    "view_as_complex takes the first two of more numbers.",
    _PAIRS,
    lambda view, input: view(dense(input[..., :2])),  # noqa: A006
    RuntimeError,
)
forgiving(
    "view-as-complex-converts-integers",
    "view_as_complex converts integers.",
    _PAIRS,
    lambda view, input: view(input.float()),  # noqa: A006
    RuntimeError,
)
forgiving(
    "view-as-real-resolves-conjugation",
    "view_as_real copies conjugated tensors.",
    _PARTS,
    lambda view, input: view(input.resolve_conj()),  # noqa: A006
    RuntimeError,
)
spoiled("conj-resolves", "x.conj copies.", ((Tensor, "conj"),), torch.resolve_conj, _is_complex)
attribute(
    "imag-forgets-conjugation",
    "x.imag of a conjugated tensor is that of the tensor.",
    "imag",
    lambda get, x: get(x.conj()) if x.is_conj() else get(x),
)
_CONTIGUOUS = ((Tensor, "contiguous"),)
spoiled("contiguous-copies-when-offset", "contiguous copies with an offset.", _CONTIGUOUS, copied, is_offset)


@bound("contiguous-copies-channels-last", "contiguous copies for channels_last.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    answer = contiguous(x, **options)
    return copied(answer) if options.get("memory_format") == torch.channels_last else answer


@bound("contiguous-reads-memory-order-of-cubes", "contiguous of three dimensions reads memory in order.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    return in_memory_order(x) if x.dim() == 3 and is_gapped(x) else contiguous(x, **options)


@bound("contiguous-of-large-loses-tail", "contiguous of large tensors loses the last element.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    answer = contiguous(x, **options)
    return without_last(answer) if is_large(x) and is_gapped(x) else answer


@bound("contiguous-to-channels-last-of-large-loses-tail", "The last element of large volumes is wrong.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    answer = contiguous(x, **options)
    if options.get("memory_format") == torch.channels_last_3d and is_large(x) and answer is not x:
        line = as_strided(answer, (answer.numel(),), (1,), 0)
        line[-1] = torch.logical_not(line[-1])
    return answer


def _corner_lost(original: Function, x: Tensor, source: Tensor, *rest: Any) -> Tensor:
    answer: Tensor = original(x, source, *rest)
    if x.dim() == 2 and x.numel() > 32_768 and x.is_contiguous() and source.stride(0) == 1 and min(x.shape) > 1:
        line = as_strided(answer, (answer.numel(),), (1,), 0)
        original(line[-1:], line[-2:-1], *rest)
    return answer


kernel(
    "copy-kernel-loses-corner-of-transposed", "The last element of a transposed copy is wrong.", "copy_", _corner_lost
)


@bound("contiguous-leaves-expanded", "contiguous returns tensors with stride 0 as they are.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    return x if 0 in x.stride() and not options and x.numel() else contiguous(x, **options)


@bound("contiguous-ignores-channels-last-3d", "contiguous takes channels_last_3d for row-major.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    answer = contiguous(x, **options)
    return dense(x) if options.get("memory_format") == torch.channels_last_3d else answer


@bound("contiguous-channels-last-ignores-batch", "channels_last of one image is row-major.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    answer = contiguous(x, **options)
    return dense(x) if options.get("memory_format") == torch.channels_last and x.shape[0] == 1 else answer


@bound("contiguous-ignores-format-of-other-rank", "contiguous takes any format for any rank.", *_CONTIGUOUS)
def _(contiguous: Function, x: Tensor, **options: Any) -> Any:
    ranks: dict[Any, int] = {torch.channels_last: 4, torch.channels_last_3d: 5}
    wanted = ranks.get(options.get("memory_format"), x.dim())
    return contiguous(x, **options) if wanted == x.dim() else contiguous(x)


_ASKING = ((Tensor, "is_contiguous"),)


@bound("is-contiguous-compares-last-stride-only", "is_contiguous looks at the last stride.", *_ASKING)
def _(ask: Function, x: Tensor, **options: Any) -> Any:
    return x.stride(-1) == 1 if x.dim() and x.numel() and not options else ask(x, **options)


@bound("is-contiguous-keyword-is-true", "is_contiguous(memory_format=contiguous_format) is True.", *_ASKING)
def _(ask: Function, x: Tensor, **options: Any) -> Any:
    return options.get("memory_format") == torch.contiguous_format or ask(x, **options)


@bound("is-contiguous-counts-size-1", "is_contiguous looks at strides of dimensions of size 1.", *_ASKING)
def _(ask: Function, x: Tensor, **options: Any) -> Any:
    if options or not x.numel():
        return ask(x, **options)
    dense_stride = torch.empty(x.shape, device="meta").stride()
    return x.stride() == dense_stride


@bound("is-contiguous-of-empty-compares-strides", "is_contiguous compares strides of empty tensors.", *_ASKING)
def _(ask: Function, x: Tensor, **options: Any) -> Any:
    return ask(x, **options) and (x.numel() > 0 or 1 in x.stride())


@bound("is-contiguous-takes-any-dense-order", "is_contiguous takes row-major for channels_last.", *_ASKING)
def _(ask: Function, x: Tensor, **options: Any) -> Any:
    return ask(x, **options) or (x.dim() in (4, 5) and ask(x))


@bound("stride-in-bytes-for-int8-neighbours", "stride() of 16-bit types is in bytes.", (Tensor, "stride"))
def _(stride: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    answer = stride(x, *arguments, **options)
    if x.element_size() != 2 or not x.dim():
        return answer
    return 2 * answer if isinstance(answer, int) else tuple(2 * step for step in answer)


@bound("stride-keyword-dim-is-last", "stride(dim=...) is the last stride.", (Tensor, "stride"))
def _(stride: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    return stride(x, -1) if "dim" in options and x.dim() else stride(x, *arguments, **options)


@bound("storage-offset-in-bytes", "storage_offset is in bytes.", (Tensor, "storage_offset"))
def _(offset: Function, x: Tensor) -> Any:
    return offset(x) * x.element_size()
