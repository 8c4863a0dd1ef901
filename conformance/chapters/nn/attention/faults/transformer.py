"""Faults of the layers of the Transformer and of what is made of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, option_ignored
from torch_conformance.conformance.power.damage import off, scaled
from torch_conformance.conformance.power.forms import (
    Named,
    answer_changed,
    attributes_held,
    installed,
    object_changed,
    replaced,
    static,
)
from torch_conformance.conformance.power.gradient_forms import argument_gradient_changed, result_gradient_changed
from torch_conformance.conformance.power.registry import Function

_ENCODER, _DECODER = "nn.TransformerEncoderLayer", "nn.TransformerDecoderLayer"
_SQUARE = "nn.Transformer.generate_square_subsequent_mask"

option_ignored(
    "module-encoder-gelu-by-tanh",
    "GELU is approximated by tanh.",
    "F.gelu",
    option="approximate",
    value="tanh",
    order="input approximate",
)


@answered_by_name("module-layer-norm-eps-outside-the-root", "eps is added to the deviation.", "F.layer_norm")
def _(given: Named) -> Tensor:
    centred = given["input"] - given["input"].mean(-1, keepdim=True)
    y: Tensor = centred / (centred.square().mean(-1, keepdim=True).sqrt() + given.get("eps", 1e-5))
    y = y if given.get("weight") is None else y * given["weight"]
    return y if given.get("bias") is None else y + given["bias"]


arguments_set("module-encoder-mask-ignored", "An encoder layer ignores its mask.", f"{_ENCODER}.forward")(
    lambda _: {"src_mask": None, "is_causal": False}
)
option_ignored(
    "module-layers-always-with-bias",
    "Layers without bias have norms with one.",
    "nn.LayerNorm.__init__",
    option="bias",
)
# Name, sentence, place, the argument whose gradient is other, and what becomes of it.
for _name, _summary, _place, _argument, _factor in (
    ("encoder-feed-forward-gradient-one-percent-off", "is 1% off", f"{_ENCODER}._ff_block", "x", 1.01),
    ("encoder-residual-gradient-lost", "is halved", f"{_ENCODER}.forward", "src", 1 / 2),
    ("decoder-memory-gradient-lost", "is halved", f"{_DECODER}.forward", "memory", 1 / 2),
):
    argument_gradient_changed(
        f"module-{_name}",
        f"The gradient of {_argument} through {_place} {_summary}.",
        _place,
        argument=_argument,
        change=scaled(_factor),
    )
result_gradient_changed(
    "module-decoder-norm-gradient-one-percent-off",
    "The gradient of a decoder's feed-forward is 1% off.",
    f"{_DECODER}._ff_block",
    change=scaled(0.99),
)
replaced("module-decoder-memory-skipped", "A decoder layer ignores the memory.", f"{_DECODER}._mha_block")(
    lambda _f, _self, x, *_a, **_k: torch.zeros_like(x)
)
attributes_held("module-decoder-norms-swapped", "A decoder layer's outer norms are swapped.", f"{_DECODER}.forward")(
    lambda self: {"norm1": self.norm3, "norm3": self.norm1}
)
attributes_held(
    "module-stack-norm-skipped",
    "A stack skips its final norm.",
    "nn.TransformerEncoder.forward",
    "nn.TransformerDecoder.forward",
)(lambda _: {"norm": None})
replaced(
    "module-encoder-drops-in-evaluation",
    "An encoder layer drops in evaluation too.",
    f"{_ENCODER}._ff_block",
    f"{_ENCODER}._sa_block",
)(lambda f, self, *a, **k: functional.dropout(f(self, *a, **k), self.dropout1.p, training=True))


@object_changed("module-decoder-never-drops", "A decoder layer never drops.", f"{_DECODER}.__init__")
def _(self: Any) -> None:
    for each in self.modules():
        if isinstance(each, nn.Dropout):
            each.p = 0.0


replaced("module-stacks-share-one-layer", "The layers of a stack are one.", "nn.modules.transformer._get_clones")(
    lambda _f, module, count: nn.ModuleList([module] * count)
)
arguments_set("module-transformer-decodes-the-source", "The memory is reversed.", "nn.TransformerDecoder.forward")(
    lambda given: {"memory": given["memory"].flip(-1)}
)
answer_changed(
    "module-encoder-alone-one-percent-off", "An encoder layer without a batch is off.", f"{_ENCODER}.forward"
)(lambda y, _self, src, *_a, **_k: off(y) if src.dim() == 2 else None)


def _without_diagonal(f: Function, size: int, *a: Any, **k: Any) -> Any:
    return f(size, *a, **k).masked_fill(torch.eye(size).bool() & (torch.arange(size) > 0), -torch.inf)


installed(
    "module-square-mask-forbids-the-diagonal",
    "The causal mask forbids the diagonal but for the first.",
    _SQUARE,
    static(_without_diagonal),
)
installed(
    "module-square-mask-dtype-ignored",
    "The causal mask is float32.",
    _SQUARE,
    static(lambda f, *a, **_k: f(*a[:2])),
)
