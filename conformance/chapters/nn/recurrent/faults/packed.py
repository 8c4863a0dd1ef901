"""Faults of packing and padding sequences of several lengths."""

from __future__ import annotations

from typing import Any

from torch.nn.utils.rnn import PackedSequence

from torch_conformance.conformance.power.argument_forms import option_ignored
from torch_conformance.conformance.power.forms import answer_changed, replaced

_PACK, _PAD, _PAD_PACKED, _UNPACK, _UNPAD = (
    f"nn.utils.rnn.{name}"
    for name in ("pack_padded_sequence", "pad_sequence", "pad_packed_sequence", "unpack_sequence", "unpad_sequence")
)
_CONVERT = "nn.utils.rnn.PackedSequence.to"


def _in_sorted_order(packed: Any) -> Any:
    """Return a packed batch that has forgotten in which order its sequences came."""
    return PackedSequence(packed.data, packed.batch_sizes)


option_ignored(
    "recurrent-pack-never-enforces-sorted",
    "Packing sorts instead of refusing.",
    _PACK,
    option="enforce_sorted",
    value=False,
)
answer_changed("recurrent-pack-loses-the-order", "A packed batch forgets the order of its sequences.", _PACK)(
    lambda packed, *_a, **_k: _in_sorted_order(packed)
)
replaced("recurrent-pad-packed-in-sorted-order", "pad_packed_sequence leaves sequences sorted.", _PAD_PACKED)(
    lambda f, packed, *a, **k: f(_in_sorted_order(packed), *a, **k)
)
replaced("recurrent-unpack-in-sorted-order", "unpack_sequence leaves sequences sorted.", _UNPACK)(
    lambda f, packed: f(_in_sorted_order(packed))
)
replaced("recurrent-unpad-sequence-one-step-short", "unpad_sequence gives at most three steps.", _UNPAD)(
    lambda f, *a, **k: [each[:3] for each in f(*a, **k)]
)
replaced("recurrent-pad-sequence-detached", "pad_sequence passes no gradient to the first sequence.", _PAD)(
    lambda f, sequences, *a, **k: f([sequences[0].detach(), *sequences[1:]], *a, **k)
)
answer_changed(
    "recurrent-packed-conversion-always-copies", "Converting a packed batch never returns itself.", _CONVERT
)(lambda other, *_a, **_k: PackedSequence(*other))
answer_changed("recurrent-packed-conversion-loses-the-order", "Converting a packed batch forgets its order.", _CONVERT)(
    lambda other, self, *_a, **_k: None if other is self else _in_sorted_order(other)
)
