"""Faults of split, chunk, tensor_split, hsplit, vsplit, dsplit and unbind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.older_forms.view_replacing import both, copied, forgiving, of, rotated, spoiled
from torch_conformance.conformance.power.registry import Function

_narrow = torch.narrow
_unbind = torch.unbind


def _given(names: tuple[str, ...], arguments: Any, options: Any) -> tuple[Any, ...]:
    """Return the tensor, what to split by, and the dimension."""
    given = dict(zip(names, arguments, strict=False)) | options
    return (*(given[name] for name in names[:-1]), given.get("dim", 0))


def _split_arguments(arguments: Any, options: Any) -> tuple[Any, ...]:
    named = {{"input": "tensor", "split_size_or_sections": "split_size"}.get(k, k): v for k, v in options.items()}
    return _given(("tensor", "split_size", "dim"), arguments, named)


def _reversed(x: Tensor) -> Tensor:
    return torch.flip(x, (0,)) if x.dim() else x


@bound("split-of-int64-drops-last-piece", "split of int64 leaves out the last of several pieces.", *both("split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    pieces = split(*arguments, **options)
    return pieces[:-1] if len(pieces) > 1 and pieces[0].dtype == torch.int64 else pieces


@bound("split-of-sizes-ignores-dim", "split of square matrices by sizes takes dimension 0.", *both("split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    x, sizes, _ = _split_arguments(arguments, options)
    pieces = split(*arguments, **options)
    if not isinstance(sizes, int) and x.dim() and sum(sizes) == x.shape[0]:
        return split(x, sizes, 0)
    return pieces


@bound("split-keyword-dim-ignored", "split takes dim= for 0.", *both("split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    pieces = split(*arguments, **options)
    x, sizes, _ = _split_arguments(arguments, options)
    return split(x, sizes, 0) if "dim" in options and isinstance(sizes, int) and x.shape[0] else pieces


def _last_copied(pieces: Any) -> Any:
    return (*pieces[:-1], copied(pieces[-1])) if len(pieces) > 1 else pieces


@bound("split-copies-last-piece", "The last piece of split is a copy.", *both("split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    return _last_copied(split(*arguments, **options))


def _short(split: Function, *arguments: Any, **options: Any) -> Any:
    x, sizes, dim = _split_arguments(arguments, options)
    if isinstance(sizes, int) or min(sizes) < 0:
        return split(x, sizes, dim)
    return [x for _ in sizes]


forgiving("split-takes-sizes-that-fall-short", "split takes any sizes.", both("split"), _short, RuntimeError)
_CHUNK = ("input", "chunks", "dim")
spoiled(
    "chunk-of-float32-moves-elements", "chunk moves elements of float32.", both("chunk"), rotated, of(torch.float32)
)


@bound("chunk-divides-evenly", "chunk gives as many pieces as asked for.", *both("chunk"))
def _(chunk: Function, *arguments: Any, **options: Any) -> Any:
    pieces = chunk(*arguments, **options)
    x, chunks, dim = _given(_CHUNK, arguments, options)
    return torch.tensor_split(x, chunks, dim) if len(pieces) < chunks else pieces


@bound("chunk-negative-dim-is-zero", "chunk takes a negative dimension for 0.", *both("chunk"))
def _(chunk: Function, *arguments: Any, **options: Any) -> Any:
    x, chunks, dim = _given(_CHUNK, arguments, options)
    return chunk(x, chunks, 0 if -x.dim() <= dim < 0 else dim)


spoiled("chunk-copies", "chunk copies.", both("chunk"), copied)


def _once(chunk: Function, *arguments: Any, **options: Any) -> Any:
    x, chunks, dim = _given(_CHUNK, arguments, options)
    return chunk(x, max(chunks, 1), dim)


forgiving("chunk-takes-zero", "chunk takes 0 for 1.", both("chunk"), _once, RuntimeError)
spoiled(
    "tensor-split-of-bool-moves-elements", "tensor_split moves bools.", both("tensor_split"), rotated, of(torch.bool)
)
_SECTIONS = ("input", "sections", "dim")


@bound("tensor-split-larger-sections-last", "tensor_split puts larger sections last.", *both("tensor_split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    x, sections, dim = _given(_SECTIONS, arguments, options)
    pieces = split(*arguments, **options)
    if isinstance(sections, int) and sections <= x.shape[dim]:
        return torch.split(x, [piece.shape[dim] for piece in reversed(pieces)], dim)
    return pieces


@bound("tensor-split-sorts-indices", "tensor_split sorts positions.", *both("tensor_split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    x, sections, dim = _given(_SECTIONS, arguments, options)
    if isinstance(sections, tuple | list):
        return split(x, tuple(sorted(sections)), dim)
    return split(*arguments, **options)


@bound("tensor-split-of-tensor-copies", "tensor_split by a tensor copies.", *both("tensor_split"))
def _(split: Function, *arguments: Any, **options: Any) -> Any:
    pieces = split(*arguments, **options)
    return tuple(copied(piece) for piece in pieces) if isinstance(arguments[1], Tensor) else pieces


def _one_section(split: Function, *arguments: Any, **options: Any) -> Any:
    x, sections, dim = _given(_SECTIONS, arguments, options)
    return split(x, 1, dim) if not isinstance(sections, Tensor) else split(x, sections, dim)


forgiving("tensor-split-takes-zero", "tensor_split takes 0 for 1.", both("tensor_split"), _one_section, RuntimeError)
spoiled(
    "vsplit-of-complex64-moves-elements",
    "vsplit of complex64 moves elements.",
    both("vsplit"),
    rotated,
    of(torch.complex64),
)


@bound("hsplit-of-vectors-drops-last", "hsplit of vectors leaves out the last of several pieces.", *both("hsplit"))
def _(split: Function, x: Tensor, sections: Any) -> Any:
    pieces = split(x, sections)
    return pieces[:-1] if x.dim() == 1 and len(pieces) > 1 else pieces


@bound("dsplit-splits-last-dim", "dsplit takes the last of more than three dimensions.", *both("dsplit"))
def _(split: Function, x: Tensor, sections: Any) -> Any:
    pieces = split(x, sections)
    return torch.tensor_split(x, sections, -1) if x.dim() > 3 else pieces


spoiled("dsplit-copies", "dsplit copies.", both("dsplit"), copied)


def _uneven(_: Function, x: Tensor, sections: Any) -> Any:
    return torch.tensor_split(x, max(sections, 1), min(x.dim() - 1, 1))


forgiving("hsplit-takes-uneven-sections", "hsplit takes any number of sections.", both("hsplit"), _uneven, RuntimeError)


@bound("unbind-of-int64-reverses", "unbind of int64 gives pieces in reverse.", *both("unbind"))
def _(unbind: Function, *arguments: Any, **options: Any) -> Any:
    pieces = unbind(*arguments, **options)
    return pieces[::-1] if pieces and pieces[0].dtype == torch.int64 else pieces


@bound("unbind-method-negative-dim-off-by-one", "x.unbind takes -1 for the last but one.", (Tensor, "unbind"))
def _(unbind: Function, x: Tensor, dim: int = 0) -> Any:
    return unbind(x, -2 if dim == -1 and x.dim() > 1 else dim)


@bound("unbind-copies-inner-dimensions", "unbind copies where dim is not the first.", *both("unbind"))
def _(unbind: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    pieces = unbind(x, *arguments, **options)
    dim = (*arguments, *options.values(), 0)[0]
    return tuple(copied(piece) for piece in pieces) if dim not in (0, -x.dim()) else pieces


def _wrapped(unbind: Function, x: Tensor, *arguments: Any, **options: Any) -> Any:
    return unbind(x, (*arguments, *options.values(), 0)[0] % max(x.dim(), 1))


forgiving("unbind-wraps-dims-round", "unbind counts on from the first.", both("unbind"), _wrapped, IndexError)
