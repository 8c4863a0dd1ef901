"""Faults of packing and padding sequences of several lengths."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn.utils import rnn as packing

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function


@bound(
    "recurrent-pack-ignores-batch-first",
    "pack_padded_sequence takes the batch second.",
    (packing, "pack_padded_sequence"),
)
def _(f: Function, x: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    if batch_first and x.shape[0] == x.shape[1]:
        batch_first = False
    return (
        f(x, lengths, batch_first=False, enforce_sorted=enforce_sorted)
        if batch_first
        else f(x, lengths, batch_first, enforce_sorted)
    )


@bound(
    "recurrent-pack-loses-the-order",
    "A packed batch forgets the order of its sequences.",
    (packing, "pack_padded_sequence"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    packed = f(*a, **k)
    return packing.PackedSequence(packed.data, packed.batch_sizes)


def _padded(f: Function, a: tuple[Any, ...], k: dict[str, Any], **changes: Any) -> Any:
    names = ("sequence", "batch_first", "padding_value", "total_length")
    return f(**{**dict(zip(names, a, strict=False)), **k, **changes})


@bound(
    "recurrent-pad-packed-ignores-padding-value", "pad_packed_sequence pads with 0.", (packing, "pad_packed_sequence")
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return _padded(f, a, k, padding_value=0.0)


@bound(
    "recurrent-pad-packed-ignores-total-length",
    "pad_packed_sequence pads to the longest.",
    (packing, "pad_packed_sequence"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return _padded(f, a, k, total_length=None)


def _sorted_order(packed: Any) -> Any:
    return packing.PackedSequence(packed.data, packed.batch_sizes)


@bound(
    "recurrent-pad-packed-in-sorted-order",
    "pad_packed_sequence leaves sequences sorted.",
    (packing, "pad_packed_sequence"),
)
def _(f: Function, packed: Any, *a: Any, **k: Any) -> Any:
    return f(_sorted_order(packed), *a, **k)


@bound("recurrent-unpack-in-sorted-order", "unpack_sequence leaves sequences sorted.", (packing, "unpack_sequence"))
def _(f: Function, packed: Any) -> Any:
    return f(_sorted_order(packed))


@bound("recurrent-pack-never-enforces-sorted", "Packing sorts instead of refusing.", (packing, "pack_padded_sequence"))
def _(f: Function, x: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    del enforce_sorted
    return f(x, lengths, batch_first, enforce_sorted=False)


@bound("recurrent-pad-sequence-ignores-padding-value", "pad_sequence pads with 0.", (packing, "pad_sequence"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a[:2], **{**k, "padding_value": 0.0})


@bound(
    "recurrent-unpad-sequence-one-step-short",
    "unpad_sequence loses the last step of long sequences.",
    (packing, "unpad_sequence"),
)
def _(f: Function, *a: Any, **k: Any) -> Any:
    return [each[:3] for each in f(*a, **k)]


@bound("recurrent-pad-sequence-always-right", "pad_sequence pads behind.", (packing, "pad_sequence"))
def _(f: Function, *a: Any, **k: Any) -> Any:
    return f(*a[:3], **{name: value for name, value in k.items() if name != "padding_side"})


@bound(
    "recurrent-pack-gradient-one-percent-off",
    "The gradient through packing is 1% large.",
    (packing, "pack_padded_sequence"),
)
def _(f: Function, x: Tensor, *a: Any, **k: Any) -> Any:
    return f(changing_gradient(x, lambda g: g * 1.01), *a, **k)


@bound(
    "recurrent-pad-sequence-detached",
    "pad_sequence passes no gradient to the first sequence.",
    (packing, "pad_sequence"),
)
def _(f: Function, sequences: Any, *a: Any, **k: Any) -> Any:
    first, *rest = sequences
    return f([first.detach(), *rest], *a, **k)


@bound(
    "recurrent-packed-conversion-loses-the-order",
    "Converting a packed batch forgets its order.",
    (packing.PackedSequence, "to"),
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    other = f(self, *a, **k)
    return other if other is self else packing.PackedSequence(other.data, other.batch_sizes)


@bound(
    "recurrent-packed-conversion-always-copies",
    "Converting a packed batch never returns itself.",
    (packing.PackedSequence, "to"),
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    other = f(self, *a, **k)
    return packing.PackedSequence(*other)
