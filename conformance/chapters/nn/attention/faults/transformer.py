"""Faults of the layers of the Transformer and of what is made of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_conformance.conformance.chapters.nn.attention.faults.attention import by_name
from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.arguments import without
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Breaker, Function, fault

_ENCODER, _DECODER = nn.TransformerEncoderLayer, nn.TransformerDecoderLayer
_ENCODER_NAMES = ("src", "src_mask", "src_key_padding_mask", "is_causal")
_DECODER_NAMES = (
    *("tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"),
    *("tgt_is_causal", "memory_is_causal"),
)


@bound("module-encoder-norm-first-ignored", "norm_first is ignored.", (_ENCODER, "__init__"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    self.norm_first = False


@bound("module-encoder-gelu-by-tanh", "GELU is approximated by tanh in training.", (functional, "gelu"))
def _(f: Function, x: Tensor, *_: Any, **__: Any) -> Any:
    return f(x, approximate="tanh")


@bound("module-layer-norm-eps-outside-the-root", "eps is added to the deviation.", (functional, "layer_norm"))
def _(_f: Function, input: Tensor, _shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:  # noqa: A002
    centred = input - input.mean(-1, keepdim=True)
    result = centred / (centred.square().mean(-1, keepdim=True).sqrt() + eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


def _layer(name: str, summary: str, owner: type, *dropped: str) -> None:
    """Register a fault of a layer's forward that ignores some arguments."""
    names = _ENCODER_NAMES if owner is _ENCODER else _DECODER_NAMES

    def answer(f: Function, self: Any, *a: Any, **k: Any) -> Any:
        return f(self, **without(by_name(names, a, k), *dropped))

    bound(name, summary, (owner, "forward"))(answer)


_layer("module-encoder-padding-ignored", "An encoder layer ignores padding.", _ENCODER, "src_key_padding_mask")
_layer("module-encoder-mask-ignored", "An encoder layer ignores its mask.", _ENCODER, "src_mask", "is_causal")
_layer("module-decoder-memory-mask-ignored", "A decoder layer ignores the memory's mask.", _DECODER, "memory_mask")
_layer(
    "module-decoder-memory-padding-ignored",
    "A decoder layer ignores the memory's padding.",
    _DECODER,
    "memory_key_padding_mask",
)
_layer("module-decoder-target-padding-ignored", "A decoder layer ignores padding.", _DECODER, "tgt_key_padding_mask")


@bound(
    "module-encoder-feed-forward-gradient-one-percent-off",
    "The feed-forward's gradient is 1% large.",
    (_ENCODER, "_ff_block"),
)
def _(f: Function, self: Any, x: Tensor) -> Any:
    return f(self, changing_gradient(x, lambda g: g * 1.01))


@bound("module-encoder-residual-gradient-lost", "Half the gradient reaches a layer's input.", (_ENCODER, "forward"))
def _(f: Function, self: Any, src: Tensor, *a: Any, **k: Any) -> Any:
    return f(self, changing_gradient(src, lambda g: g / 2), *a, **k)


@bound("module-decoder-memory-skipped", "A decoder layer does not attend to the memory.", (_DECODER, "_mha_block"))
def _(_f: Function, _self: Any, x: Tensor, *_: Any, **__: Any) -> Tensor:
    return torch.zeros_like(x)


@bound("module-decoder-norms-swapped", "The first and last norm of a decoder layer are swapped.", (_DECODER, "forward"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    self.norm1, self.norm3 = self.norm3, self.norm1
    try:
        return f(self, *a, **k)
    finally:
        self.norm1, self.norm3 = self.norm3, self.norm1


@bound("module-decoder-memory-gradient-lost", "The memory gets no gradient through the values.", (_DECODER, "forward"))
def _(f: Function, self: Any, tgt: Tensor, memory: Tensor, *a: Any, **k: Any) -> Any:
    return f(self, tgt, changing_gradient(memory, lambda g: g / 2), *a, **k)


@bound(
    "module-decoder-norm-gradient-one-percent-off",
    "The gradient of a decoder's feed-forward is 1% off.",
    (_DECODER, "_ff_block"),
)
def _(f: Function, self: Any, x: Tensor) -> Tensor:
    return changing_gradient(f(self, x), lambda g: g * 0.99)


@fault("module-layers-always-with-bias", "Layers without bias have norms with one.")
def _(breaker: Breaker) -> None:
    def make(original: Function) -> Function:
        def broken(self: Any, *a: Any, **k: Any) -> None:
            original(self, *a, **{name: value for name, value in k.items() if name != "bias"})

        return broken

    breaker.binding(nn.LayerNorm, "__init__", make)


@bound(
    "module-feed-forward-of-1024",
    "The feed-forward is 1024 wide by default.",
    (_ENCODER, "__init__"),
    (_DECODER, "__init__"),
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **(k if len(a) > 2 or "dim_feedforward" in k else {**k, "dim_feedforward": 1024}))


@bound(
    "module-encoder-drops-in-evaluation",
    "An encoder layer drops in evaluation too.",
    (_ENCODER, "_ff_block"),
    (_ENCODER, "_sa_block"),
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Tensor:
    return functional.dropout(f(self, *a, **k), self.dropout1.p, training=True)


@bound("module-decoder-never-drops", "A decoder layer never drops.", (_DECODER, "__init__"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    for each in self.modules():
        if isinstance(each, nn.Dropout):
            each.p = 0.0


@bound("module-stacks-share-one-layer", "The layers of a stack are one.", (nn.modules.transformer, "_get_clones"))
def _(_f: Function, module: Any, n: int) -> Any:
    return nn.ModuleList([module] * n)


@bound(
    "module-stack-norm-skipped",
    "A stack skips its final norm.",
    (nn.TransformerEncoder, "forward"),
    (nn.TransformerDecoder, "forward"),
)
def _(f: Function, self: Any, *a: Any, **k: Any) -> Any:
    held, self.norm = self.norm, None
    try:
        return f(self, *a, **k)
    finally:
        self.norm = held


_SQUARE = (nn.Transformer, "generate_square_subsequent_mask")


def _square(name: str, summary: str, change: Function) -> None:
    def install(breaker: Breaker) -> None:
        breaker.binding(*_SQUARE, lambda original: staticmethod(lambda *a, **k: change(original, *a, **k)))

    fault(name, summary)(install)


_square(
    "module-square-mask-forbids-the-diagonal",
    "The causal mask forbids the diagonal but for the first.",
    lambda f, *a, **k: f(*a, **k).masked_fill(torch.eye(a[0]).bool() & (torch.arange(a[0]) > 0), -torch.inf),
)
_square("module-square-mask-dtype-ignored", "The causal mask is float32.", lambda f, *a, **_: f(*a[:2]))


@bound("module-transformer-decodes-the-source", "The decoder is given the source.", (nn.TransformerDecoder, "forward"))
def _(f: Function, self: Any, tgt: Tensor, memory: Tensor, *a: Any, **k: Any) -> Any:
    return f(self, tgt, memory.flip(-1), *a, **k)


@bound("module-encoder-stack-padding-ignored", "A stack ignores padding.", (nn.TransformerEncoder, "forward"))
def _(f: Function, self: Any, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, **k: Any) -> Any:
    del src_key_padding_mask
    return f(self, src, mask, **k)


@bound("module-decoder-stack-memory-mask-ignored", "A stack drops memory_mask.", (nn.TransformerDecoder, "forward"))
def _(f: Function, self: Any, tgt: Tensor, memory: Tensor, tgt_mask: Any = None, *a: Any, **k: Any) -> Any:
    return f(self, tgt, memory, tgt_mask, *(None, *a[1:])[: len(a)], **without(k, "memory_mask"))


_TRANSFORMER_NAMES = (
    "src",
    "tgt",
    "src_mask",
    "tgt_mask",
    "memory_mask",
    *(f"{n}_key_padding_mask" for n in ("src", "tgt", "memory")),
)


def _whole(name: str, summary: str, dropped: str) -> None:
    def answer(f: Function, self: Any, *a: Any, **k: Any) -> Any:
        return f(self, **without(by_name(_TRANSFORMER_NAMES, a, k), dropped))

    bound(name, summary, (nn.Transformer, "forward"))(answer)


_whole("module-transformer-memory-padding-ignored", "Padding of the memory is ignored.", "memory_key_padding_mask")
_whole("module-transformer-source-mask-ignored", "The mask of the source is ignored.", "src_mask")


@bound("module-encoder-alone-one-percent-off", "An encoder layer without a batch is 1% off.", (_ENCODER, "forward"))
def _(f: Function, self: Any, src: Tensor, *a: Any, **k: Any) -> Any:
    y = f(self, src, *a, **k)
    return y * 1.01 if src.dim() == 2 else y
