"""Faults of attention, MultiheadAttention and the layers of the Transformer."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_conformance.conformance.faults.library import Breaker, Function, fault
from torch_conformance.conformance.faults.nn_gradients import gradient_changed
from torch_conformance.conformance.faults.replacing import bound

_SDPA = (functional, "scaled_dot_product_attention")
_NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def _by_name(names: tuple[str, ...], a: tuple[Any, ...], k: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(names, a, strict=False)), **k}


def _sdpa(name: str, summary: str, change: Function) -> None:
    """Register a fault of scaled_dot_product_attention that changes its arguments, by name."""

    def answer(f: Function, *a: Any, **k: Any) -> Tensor:
        return f(**change(_by_name(_NAMES, a, k)))

    bound(name, summary, _SDPA)(answer)


def _scaled(k: dict[str, Any], factor: float) -> dict[str, Any]:
    return {**k, "query": k["query"] * factor}


def _without(k: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in k.items() if name not in names}


_sdpa("module-sdpa-unscaled", "The scores are not scaled.", lambda k: _scaled(k, math.sqrt(k["query"].shape[-1])))
_sdpa(
    "module-sdpa-scales-by-value-width",
    "The scores are scaled by the width of the value.",
    lambda k: _scaled(k, math.sqrt(k["query"].shape[-1] / k["value"].shape[-1])),
)
_sdpa(
    "module-sdpa-bool-mask-forbids",
    "True in a bool mask forbids.",
    lambda k: {**k, "attn_mask": ~k["attn_mask"]} if _is_bool(k.get("attn_mask")) else k,
)
_sdpa(
    "module-sdpa-float-mask-scaled",
    "A floating mask is scaled with the scores.",
    lambda k: {**k, "attn_mask": k["attn_mask"] / 2} if _is_float(k.get("attn_mask")) else k,
)
_sdpa("module-sdpa-causal-ignored", "is_causal is ignored.", lambda k: _without(k, "is_causal"))
_sdpa("module-sdpa-scale-ignored", "scale is ignored.", lambda k: _without(k, "scale"))
_sdpa(
    "module-sdpa-scale-multiplied",
    "scale comes on top of 1 / sqrt(features).",
    lambda k: {**k, "scale": k["scale"] / math.sqrt(k["query"].shape[-1])} if k.get("scale") else k,
)
_sdpa(
    "module-sdpa-value-gradient-one-percent-off",
    "The gradient of the value is 1% large.",
    lambda k: {**k, "value": gradient_changed(k["value"], lambda g: g * 1.01)},
)
_sdpa(
    "module-sdpa-key-gradient-lost",
    "The key gets half its gradient.",
    lambda k: {**k, "key": gradient_changed(k["key"], lambda g: g / 2)},
)
_sdpa("module-sdpa-dropout-ignored", "dropout_p is ignored.", lambda k: {**k, "dropout_p": 0.0})
_sdpa(
    "module-sdpa-drops-at-half-the-rate",
    "Weights are dropped with probability 0.9 p.",
    lambda k: {**k, "dropout_p": 0.9 * k.get("dropout_p", 0.0)},
)


def _is_bool(mask: Any) -> bool:
    return isinstance(mask, Tensor) and mask.dtype == torch.bool


def _is_float(mask: Any) -> bool:
    return isinstance(mask, Tensor) and mask.dtype != torch.bool


@bound("module-sdpa-softmax-over-queries", "Weights are normalised over the queries.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Tensor:
    named = _by_name(_NAMES, a, k)
    if named.get("attn_mask") is not None or named.get("is_causal") or "scale" in named or named.get("dropout_p"):
        return f(*a, **k)
    q, key, value = (named[name] for name in _NAMES[:3])
    return (q @ key.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-2) @ value


@bound("module-sdpa-causal-to-the-last-key", "The last query attends to the last key.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Tensor:
    named = _by_name(_NAMES, a, k)
    rows, columns = named["query"].shape[-2], named["key"].shape[-2]
    if named.get("is_causal") and rows < columns:
        mask = torch.ones(rows, columns, dtype=torch.bool).tril(columns - rows)
        return f(**{**named, "is_causal": False, "attn_mask": mask})
    return f(*a, **k)


@bound("module-sdpa-groups-interleaved", "Query heads share key heads in turn.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Tensor:
    named = _by_name(_NAMES, a, k)
    if named.pop("enable_gqa", False):
        times = named["query"].shape[-3] // named["key"].shape[-3]
        named |= {name: named[name].repeat(1, times, 1, 1) for name in ("key", "value")}
    return f(**named)


_FORWARD = (nn.MultiheadAttention, "forward")
_HEADS = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")


def _multihead(name: str, summary: str, change: Function) -> None:
    """Register a fault of MultiheadAttention that changes its arguments, by name."""

    def answer(f: Function, self: nn.MultiheadAttention, *a: Any, **k: Any) -> Any:
        return f(self, **change(self, _by_name(_HEADS, a, k)))

    bound(name, summary, _FORWARD)(answer)


def _swapped(_: Any, k: dict[str, Any]) -> dict[str, Any]:
    fits = k["key"].shape == k["value"].shape
    return {**k, "key": k["value"], "value": k["key"]} if fits else k


def _first_head(self: nn.MultiheadAttention, k: dict[str, Any]) -> dict[str, Any]:
    mask = k.get("attn_mask")
    if mask is not None and mask.dim() == 3:
        k["attn_mask"] = mask[:: self.num_heads].repeat_interleave(self.num_heads, 0)
    return k


def _cut(_: Any, k: dict[str, Any]) -> dict[str, Any]:
    keys = k["key"].shape[0]
    if k.get("key_padding_mask") is not None and k["key_padding_mask"].shape[-1] != keys:
        k["key_padding_mask"] = None
    return k


_multihead("module-multihead-swaps-key-and-value", "Key and value are swapped.", _swapped)
_multihead(
    "module-multihead-bool-mask-allows",
    "True in a bool mask allows.",
    lambda _, k: {**k, "attn_mask": ~k["attn_mask"]} if _is_bool(k.get("attn_mask")) else k,
)
_multihead(
    "module-multihead-padding-ignored", "The padding mask is ignored.", lambda _, k: _without(k, "key_padding_mask")
)
_multihead("module-multihead-one-mask-for-all-heads", "Each head has the first head's mask.", _first_head)
_multihead(
    "module-multihead-causal-hint-drops-the-mask",
    "With is_causal the mask is not used.",
    lambda _, k: _without(k, "attn_mask", "is_causal") if k.get("is_causal") and k.get("attn_mask") is not None else k,
)
_multihead("module-multihead-cuts-masks-to-fit", "A padding mask that does not fit is dropped.", _cut)


_multihead(
    "module-multihead-float-mask-forbids-without-gradients",
    "Without gradients, what is not 0 in a floating mask forbids.",
    lambda _, k: (
        {**k, "attn_mask": k["attn_mask"] != 0} if not torch.is_grad_enabled() and _is_float(k.get("attn_mask")) else k
    ),
)
_multihead(
    "module-multihead-float-padding-ignored",
    "A floating padding mask is ignored.",
    lambda _, k: _without(k, "key_padding_mask") if _is_float(k.get("key_padding_mask")) else k,
)


@bound("module-multihead-weights-of-the-first-head", "Averaged weights are the first head's.", _FORWARD)
def _(f: Function, self: nn.MultiheadAttention, *a: Any, **k: Any) -> Any:
    named = _by_name(_HEADS, a, k)
    if named.get("need_weights", True) and named.get("average_attn_weights", True):
        output, weights = f(self, **{**named, "average_attn_weights": False})
        return output, weights.select(-3, 0)
    return f(self, *a, **k)


@bound("module-multihead-zero-attention-ignored", "add_zero_attn is ignored.", (nn.MultiheadAttention, "__init__"))
def _(f: Function, self: nn.MultiheadAttention, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    self.add_zero_attn = False


def _through(change: Function) -> Function:
    """Return a change of arguments of multi_head_attention_forward, by name."""
    names = (
        *(
            "query",
            "key",
            "value",
            "embed_dim_to_check",
            "num_heads",
            "in_proj_weight",
            "in_proj_bias",
            "bias_k",
            "bias_v",
        ),
        *("add_zero_attn", "dropout_p", "out_proj_weight", "out_proj_bias", "training", "key_padding_mask"),
        *("need_weights", "attn_mask"),
    )

    def answer(f: Function, *a: Any, **k: Any) -> Any:
        return f(**change(_by_name(names, a, k)))

    return answer


_FUNCTION = (functional, "multi_head_attention_forward")
bound("module-multihead-bias-kv-ignored", "bias_k and bias_v are ignored.", _FUNCTION)(
    _through(lambda k: {**k, "bias_k": None, "bias_v": None})
)
bound("module-multihead-weight-gradient-one-percent-off", "The output projection's gradient is 1% small.", _FUNCTION)(
    _through(lambda k: {**k, "out_proj_weight": gradient_changed(k["out_proj_weight"], lambda g: g * 0.99)})
)
bound("module-multihead-bias-gradient-lost", "The input biases of the query get no gradient.", _FUNCTION)(
    _through(
        lambda k: (
            {**k, "in_proj_bias": gradient_changed(k["in_proj_bias"], lambda g: g * (torch.arange(g.numel()) > 3))}
            if k["in_proj_bias"] is not None
            else k
        )
    )
)
bound("module-multihead-drops-in-evaluation", "Attention drops in evaluation too.", _FUNCTION)(
    _through(lambda k: {**k, "training": True})
)
bound("module-multihead-never-drops", "Attention never drops.", _FUNCTION)(_through(lambda k: {**k, "dropout_p": 0.0}))


@bound(
    "module-multihead-parameters-in-another-order",
    "The output projection comes first.",
    (nn.MultiheadAttention, "__init__"),
)
def _(f: Function, self: nn.MultiheadAttention, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    items = sorted(self._parameters.items(), key=lambda item: "weight" in item[0])
    self._parameters.clear()
    self._parameters.update(items)


_ENCODER, _DECODER = nn.TransformerEncoderLayer, nn.TransformerDecoderLayer


@bound("module-encoder-norm-first-ignored", "norm_first is ignored.", (_ENCODER, "__init__"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> None:
    f(self, *a, **k)
    self.norm_first = False


@bound("module-encoder-gelu-by-tanh", "GELU is approximated by tanh in training.", (functional, "gelu"))
def _(f: Function, x: Tensor, *_: Any, **__: Any) -> Tensor:
    return f(x, approximate="tanh")


@bound("module-layer-norm-eps-outside-the-root", "eps is added to the deviation.", (functional, "layer_norm"))
def _(_f: Function, input: Tensor, _shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Tensor:  # noqa: A002
    centred = input - input.mean(-1, keepdim=True)
    result = centred / (centred.square().mean(-1, keepdim=True).sqrt() + eps)
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


def _layer(name: str, summary: str, owner: type, *dropped: str) -> None:
    """Register a fault of a layer's forward that ignores some arguments."""
    names = {
        _ENCODER: ("src", "src_mask", "src_key_padding_mask", "is_causal"),
        _DECODER: (
            *("tgt", "memory", "tgt_mask", "memory_mask", "tgt_key_padding_mask", "memory_key_padding_mask"),
            *("tgt_is_causal", "memory_is_causal"),
        ),
    }[owner]

    def answer(f: Function, self: Any, *a: Any, **k: Any) -> Any:
        return f(self, **_without(_by_name(names, a, k), *dropped))

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
def _(f: Function, self: Any, x: Tensor) -> Tensor:
    return f(self, gradient_changed(x, lambda g: g * 1.01))


@bound("module-encoder-residual-gradient-lost", "Half the gradient reaches a layer's input.", (_ENCODER, "forward"))
def _(f: Function, self: Any, src: Tensor, *a: Any, **k: Any) -> Tensor:
    return f(self, gradient_changed(src, lambda g: g / 2), *a, **k)


@bound("module-decoder-memory-skipped", "A decoder layer does not attend to the memory.", (_DECODER, "_mha_block"))
def _(_f: Function, _self: Any, x: Tensor, *_: Any, **__: Any) -> Tensor:
    return torch.zeros_like(x)


@bound("module-decoder-norms-swapped", "The first and last norm of a decoder layer are swapped.", (_DECODER, "forward"))
def _(f: Function, self: Any, *a: Any, **k: Any) -> Tensor:
    self.norm1, self.norm3 = self.norm3, self.norm1
    try:
        return f(self, *a, **k)
    finally:
        self.norm1, self.norm3 = self.norm3, self.norm1


@bound("module-decoder-memory-gradient-lost", "The memory gets no gradient through the values.", (_DECODER, "forward"))
def _(f: Function, self: Any, tgt: Tensor, memory: Tensor, *a: Any, **k: Any) -> Tensor:
    return f(self, tgt, gradient_changed(memory, lambda g: g / 2), *a, **k)


@bound(
    "module-decoder-norm-gradient-one-percent-off",
    "The gradient of a decoder's feed-forward is 1% off.",
    (_DECODER, "_ff_block"),
)
def _(f: Function, self: Any, x: Tensor) -> Tensor:
    return gradient_changed(f(self, x), lambda g: g * 0.99)


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
def _(f: Function, self: Any, *a: Any, **k: Any) -> Tensor:
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
def _(f: Function, self: Any, tgt: Tensor, memory: Tensor, *a: Any, **k: Any) -> Tensor:
    return f(self, tgt, memory.flip(-1), *a, **k)
