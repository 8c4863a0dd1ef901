"""Faults that change what a view gives, for some tensors: a copy in its place, or moved elements."""

from __future__ import annotations

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    Change,
    Condition,
    always,
    as_strided,
    copied,
    dense,
    is_offset,
    is_strided,
    last_repeated,
    of,
    rank,
    rotated,
)
from torch_conformance.conformance.power.forms import both, functions, kernels, methods, result_changed

_Row = tuple[str, tuple[str, ...], Change, Condition]


def _is_complex(x: Tensor) -> bool:
    return x.is_complex()


def _is_complex_and_strided(x: Tensor) -> bool:
    return x.is_complex() and is_strided(x)


def _is_expanded(x: Tensor) -> bool:
    return 0 in x.stride()


def _all_but_first_cleared(x: Tensor) -> Tensor:
    return x * (torch.arange(x.numel()).reshape(x.shape) == 0).to(x.dtype)


def _last_conjugated(x: Tensor) -> Tensor:
    answer = dense(x)
    if answer.numel():
        line = as_strided(answer, (answer.numel(),), (1,), 0)
        line[-1] = line[-1].conj() + 1j
    return answer


def _reversed(x: Tensor) -> Tensor:
    return torch.flip(x, (-1,))


ROWS: tuple[_Row, ...] = (
    ("view-copies-when-offset", methods("view"), copied, is_offset),
    ("view-as-copies", methods("view_as"), copied, always),
    ("expand-of-int64-fills-with-zeros", methods("expand"), _all_but_first_cleared, of(torch.int64)),
    ("expand-as-copies", methods("expand_as"), copied, always),
    ("expand-kernel-copies-when-offset", kernels("expand"), copied, is_offset),
    ("broadcast-to-makes-contiguous", both("broadcast_to"), dense, always),
    ("as-strided-of-uint8-moves-elements", methods("as_strided"), rotated, of(torch.uint8)),
    ("detach-of-float32-moves-elements", methods("detach"), rotated, of(torch.float32)),
    ("detach-function-makes-contiguous", functions("detach"), dense, always),
    ("detach-copies-expanded", both("detach"), copied, _is_expanded),
    ("real-function-takes-absolute", functions("real"), torch.abs, _is_complex),
    ("real-copies-when-strided", functions("real"), copied, _is_complex_and_strided),
    ("imag-function-copies", functions("imag"), copied, always),
    ("conj-resolves", methods("conj"), torch.resolve_conj, _is_complex),
    ("view-as-real-exchanges-parts", functions("view_as_real"), _reversed, always),
    ("view-as-real-makes-contiguous", functions("view_as_real"), dense, always),
    ("view-as-real-copies-when-offset", functions("view_as_real"), copied, is_offset),
    ("view-as-complex-conjugates-last", functions("view_as_complex"), _last_conjugated, always),
    ("view-as-complex-makes-contiguous", functions("view_as_complex"), dense, always),
    ("view-as-complex-copies-when-offset", functions("view_as_complex"), copied, is_offset),
    ("contiguous-copies-when-offset", methods("contiguous"), copied, is_offset),
    ("narrow-of-complex64-moves-elements", both("narrow"), rotated, of(torch.complex64)),
    ("narrow-copy-of-matrices-repeats-last", both("narrow_copy"), last_repeated, rank(2)),
    ("diagonal-of-bfloat16-reverses", both("diagonal"), _reversed, of(torch.bfloat16)),
    ("diagonal-copies-batches", both("diagonal"), copied, rank(3)),
    ("unfold-of-float32-repeats-last", methods("unfold"), last_repeated, of(torch.float32)),
    ("chunk-of-float32-moves-elements", both("chunk"), rotated, of(torch.float32)),
    ("chunk-copies", both("chunk"), copied, always),
    ("tensor-split-of-bool-moves-elements", both("tensor_split"), rotated, of(torch.bool)),
    ("vsplit-of-complex64-moves-elements", both("vsplit"), rotated, of(torch.complex64)),
    ("dsplit-copies", both("dsplit"), copied, always),
)

for _name, _places, _change, _when in ROWS:
    result_changed(_name, f"{_name.replace('-', ' ')}.", *_places, change=_change, when=_when)
