"""Faults of the gradients of reductions, products, and what places elements."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from torch_conformance.conformance.power.damage import (
    Change,
    Condition,
    always,
    as_if_transposed,
    is_strided,
    last_lost,
    off,
    rank,
    scaled,
)
from torch_conformance.conformance.power.forms import answer_changed, replaced
from torch_conformance.conformance.power.gradient_forms import gradient_changed, gradients_exchanged, with_gradient
from torch_conformance.conformance.power.registry import Function


def _has_zero(x: Tensor) -> bool:
    return bool((x == 0).any())


def _first_row(g: Tensor) -> Tensor:
    """Return a gradient in which every row is the first: one contribution instead of each one's own."""
    return g[:1].expand_as(g) if g.dim() and g.shape[0] > 1 else g * 1.01


# Subject, what is broken, where, how, for which tensors, by which argument.
Row = tuple[str, str, str, Change, Condition, int]
ROWS: tuple[Row, ...] = (
    ("reshape", "x-reshaped", "Tensor.reshape", as_if_transposed, always, 0),
    ("reshape", "flattened", "torch.flatten Tensor.flatten", last_lost, always, 0),
    ("transpose", "dims-exchanged", "Tensor.transpose", off, always, 0),
    ("transpose", "t", "Tensor.t", as_if_transposed, always, 0),
    ("permute", "three-dims", "torch.permute", as_if_transposed, always, 0),
    ("permute", "method", "Tensor.permute", scaled(-1), is_strided, 0),
    ("squeeze", "one-dim", "torch.squeeze", off, always, 0),
    ("squeeze", "method", "Tensor.squeeze", last_lost, always, 0),
    ("unsqueeze", "last-dim", "torch.unsqueeze", scaled(2), always, 0),
    ("slice", "narrow", "Tensor.narrow", off, always, 0),
    ("slice", "diagonals", "torch.diagonal Tensor.diagonal", last_lost, always, 0),
    ("slice", "unfolded", "Tensor.unfold", lambda g: g.clamp(-3, 3), always, 0),
    ("index", "repeats", "Tensor.__getitem__", lambda g: g.clamp(-4, 4), lambda x: x.dim() == 2, 0),
    ("index", "taken", "torch.take", off, always, 0),
    ("gather", "repeats", "torch.gather", lambda g: g.clamp(-4, 4), always, 0),
    ("gather", "along-dims", "torch.take_along_dim", off, always, 0),
    ("index-select", "repeats", "torch.index_select", lambda g: g.clamp(-4, 4), always, 0),
    ("index-select", "method", "Tensor.index_select", scaled(-1), is_strided, 0),
    ("masked-select", "function", "torch.masked_select", off, always, 0),
    ("masked-select", "method", "Tensor.masked_select", as_if_transposed, always, 0),
    ("where", "first-choice", "torch.where", off, always, 1),
    ("where", "second-choice", "torch.where", scaled(0), always, 2),
    ("repeat", "copies", "Tensor.repeat", scaled(0.5), always, 0),
    ("repeat", "interleaved", "Tensor.repeat_interleave", off, always, 0),
    ("flip", "turned", "torch.flip", lambda g: g.flip(0), always, 0),
    ("flip", "several-dims", "Tensor.flip", lambda g: g.flip(-1), always, 0),
    ("roll", "same-way", "torch.roll", lambda g: g.roll(1, 0), always, 0),
    ("roll", "method", "Tensor.roll", last_lost, always, 0),
    ("triangle", "lower", "torch.tril", off, always, 0),
    ("triangle", "upper", "Tensor.triu", last_lost, rank(3), 0),
    ("masked-fill", "kept", "torch.masked_fill", scaled(2), always, 0),
    ("masked-fill", "value", "Tensor.masked_fill", scaled(0.5), always, 2),
    ("copy", "cloned", "Tensor.clone", off, always, 0),
    ("scatter", "source", "Tensor.index_add", off, always, 3),
    ("scatter", "index-put", "Tensor.index_put", scaled(2), always, 0),
    ("scatter", "alpha", "torch.index_add", scaled(0.5), always, 3),
    ("sort", "method", "Tensor.sort", lambda g: g.flip(-1), always, 0),
    ("sort", "largest", "torch.topk", off, always, 0),
    ("sort", "median", "Tensor.median", scaled(2), always, 0),
    ("sum", "one-dim", "Tensor.sum", off, lambda x: x.dim() == 3, 0),
    ("sum", "function", "torch.sum", last_lost, lambda x: x.dim() == 3, 0),
    ("mean", "function", "torch.mean", off, always, 0),
    ("mean", "method", "Tensor.mean", scaled(1.01), is_strided, 0),
    ("prod", "zeros", "torch.prod Tensor.prod", scaled(0), _has_zero, 0),
    ("prod", "method", "Tensor.prod", off, always, 0),
    ("var", "function", "torch.var", scaled(1.01), always, 0),
    ("var", "strided", "Tensor.var", scaled(-1), is_strided, 0),
    ("std", "function", "torch.std", scaled(0.99), always, 0),
    ("std", "method", "Tensor.std", last_lost, always, 0),
    ("norm", "vectors", "linalg.vector_norm", off, always, 0),
    ("norm", "method", "Tensor.norm", torch.abs, always, 0),
    ("norm-inf", "ties", "linalg.vector_norm", torch.sign, always, 0),
    ("norm-inf", "method", "Tensor.norm", torch.abs, always, 0),
    ("amax", "ties", "torch.amax", torch.sign, always, 0),
    ("amax", "all", "Tensor.max", scaled(0.99), always, 0),
    ("amin", "ties", "Tensor.amin", torch.sign, always, 0),
    ("amin", "all", "torch.min", scaled(-1), always, 0),
    ("max", "function", "torch.max", lambda g: g.flip(1), rank(2), 0),
    ("max", "method", "Tensor.min", off, always, 0),
    ("logsumexp", "function", "torch.logsumexp", off, always, 0),
    ("logsumexp", "method", "Tensor.logsumexp", last_lost, always, 0),
    ("softmax", "function", "torch.softmax", scaled(0.99), always, 0),
    ("softmax", "functional", "F.softmax", off, always, 0),
    ("log-softmax", "function", "torch.log_softmax", lambda g: g + 0.01, always, 0),
    ("log-softmax", "method", "Tensor.log_softmax", scaled(0.99), always, 0),
    ("cumsum", "same-end", "torch.cumsum", lambda g: g.flip(1), always, 0),
    ("cumsum", "method", "Tensor.cumsum", last_lost, always, 0),
    ("cumprod", "zeros", "Tensor.cumprod", lambda g: g.nan_to_num() * 0.99, always, 0),
    ("cumprod", "function", "torch.cumprod", scaled(0), _has_zero, 0),
    ("logcumsumexp", "function", "torch.logcumsumexp", off, always, 0),
    ("logcumsumexp", "method", "Tensor.logcumsumexp", last_lost, always, 0),
    ("cummax", "function", "torch.cummax", off, always, 0),
    ("cummax", "smallest", "Tensor.cummin", last_lost, always, 0),
    ("matmul", "operator", "Tensor.__matmul__", off, always, 1),
    ("matmul", "batches", "torch.matmul", scaled(2), rank(3), 1),
    ("matmul", "vectors", "Tensor.matmul", scaled(-1), lambda x: x.dim() == 1, 0),
    ("mm", "second", "torch.mm", off, always, 1),
    ("mm", "first", "Tensor.mm", as_if_transposed, always, 0),
    ("bmm", "second", "torch.bmm", _first_row, always, 1),
    ("bmm", "first", "Tensor.bmm", scaled(0.99), always, 0),
    ("mv", "vector", "torch.mv", off, always, 1),
    ("mv", "matrix", "Tensor.mv", as_if_transposed, always, 0),
    ("dot", "method", "Tensor.dot", off, always, 1),
    ("outer", "second", "torch.outer", off, always, 1),
    ("outer", "einsum", "torch.einsum", scaled(0.99), always, 1),
    ("addmm", "summand", "Tensor.addmm", scaled(0.5), always, 0),
    ("addmm", "factor", "torch.addmv", off, always, 1),
    ("addmm", "bias", "F.linear", scaled(0.5), always, 2),
    ("addmm", "batches", "torch.baddbmm", scaled(-1), always, 0),
)

for _subject, _what, _places, _change, _when, _which in ROWS:
    _called = _places.split()[0].partition(".")[2]
    _text = f"{_called} passes a wrong gradient to argument {_which}: {_subject}, {_what}."
    _name = f"gradient-{_subject}-of-{_what}-wrong"
    gradient_changed(_name, _text, *_places.split(), change=_change, when=_when, which=_which)

gradients_exchanged("gradient-dot-of-vectors-exchanged", "dot exchanges the gradients of its vectors.", "torch.dot")
for _joins in ("cat", "stack"):
    _name, _text = (
        f"gradient-{_joins}-of-the-last-operand-wrong",
        f"{_joins} passes its last operand a gradient 1% off.",
    )
    replaced(_name, _text, f"torch.{_joins}")(
        lambda f, tensors, *a, **k: f([*tensors[:-1], with_gradient(tensors[-1], off)], *a, **k)
    )
answer_changed(
    "gradient-split-of-later-pieces-lost", "Pieces but the first pass none.", "Tensor.split", "Tensor.unbind"
)(lambda pieces, *_, **__: (*pieces[:1], *(with_gradient(piece, scaled(0)) for piece in pieces[1:])))


@replaced(
    "gradient-expand-of-copies-not-summed", "The gradient of expand is the copies' mean, no sum.", "Tensor.expand"
)
def _(f: Function, x: Tensor, *sizes: Any, **options: Any) -> Any:
    count = f(x, *sizes, **options).numel()
    return f(with_gradient(x, scaled(x.numel() / max(count, 1))), *sizes, **options)
