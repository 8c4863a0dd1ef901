"""Faults of attention and MultiheadAttention."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from torch_conformance.conformance.power.older_forms.altering import changing_gradient
from torch_conformance.conformance.power.older_forms.arguments import without
from torch_conformance.conformance.power.older_forms.replacing import bound
from torch_conformance.conformance.power.registry import Function

_SDPA = (functional, "scaled_dot_product_attention")
_NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def by_name(names: tuple[str, ...], a: tuple[Any, ...], k: dict[str, Any]) -> dict[str, Any]:
    """Return arguments by name."""
    return {**dict(zip(names, a, strict=False)), **k}


def _sdpa(name: str, summary: str, change: Function) -> None:
    """Register a fault of scaled_dot_product_attention that changes its arguments, by name."""

    def answer(f: Function, *a: Any, **k: Any) -> Any:
        return f(**change(by_name(_NAMES, a, k)))

    bound(name, summary, _SDPA)(answer)


def _scaled(k: dict[str, Any], factor: float) -> dict[str, Any]:
    return {**k, "query": k["query"] * factor}


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
_sdpa("module-sdpa-causal-ignored", "is_causal is ignored.", lambda k: without(k, "is_causal"))
_sdpa("module-sdpa-scale-ignored", "scale is ignored.", lambda k: without(k, "scale"))
_sdpa(
    "module-sdpa-scale-multiplied",
    "scale comes on top of 1 / sqrt(features).",
    lambda k: {**k, "scale": k["scale"] / math.sqrt(k["query"].shape[-1])} if k.get("scale") else k,
)
_sdpa(
    "module-sdpa-value-gradient-one-percent-off",
    "The gradient of the value is 1% large.",
    lambda k: {**k, "value": changing_gradient(k["value"], lambda g: g * 1.01)},
)
_sdpa(
    "module-sdpa-key-gradient-lost",
    "The key gets half its gradient.",
    lambda k: {**k, "key": changing_gradient(k["key"], lambda g: g / 2)},
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
def _(f: Function, *a: Any, **k: Any) -> Any:
    named = by_name(_NAMES, a, k)
    if named.get("attn_mask") is not None or named.get("is_causal") or "scale" in named or named.get("dropout_p"):
        return f(*a, **k)
    q, key, value = (named[name] for name in _NAMES[:3])
    return (q @ key.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-2) @ value


@bound("module-sdpa-causal-to-the-last-key", "The last query attends to the last key.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Any:
    named = by_name(_NAMES, a, k)
    rows, columns = named["query"].shape[-2], named["key"].shape[-2]
    if named.get("is_causal") and rows < columns:
        mask = torch.ones(rows, columns, dtype=torch.bool).tril(columns - rows)
        return f(**{**named, "is_causal": False, "attn_mask": mask})
    return f(*a, **k)


@bound("module-sdpa-groups-interleaved", "Query heads share key heads in turn.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Any:
    named = by_name(_NAMES, a, k)
    if named.pop("enable_gqa", False):
        times = named["query"].shape[-3] // named["key"].shape[-3]
        named |= {name: named[name].repeat(1, times, 1, 1) for name in ("key", "value")}
    return f(**named)


_FORWARD = (nn.MultiheadAttention, "forward")
_HEADS = ("query", "key", "value", "key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")


def _multihead(name: str, summary: str, change: Function) -> None:
    """Register a fault of MultiheadAttention that changes its arguments, by name."""

    def answer(f: Function, self: nn.MultiheadAttention, *a: Any, **k: Any) -> Any:
        return f(self, **change(self, by_name(_HEADS, a, k)))

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
    "module-multihead-padding-ignored", "The padding mask is ignored.", lambda _, k: without(k, "key_padding_mask")
)
_multihead("module-multihead-one-mask-for-all-heads", "Each head has the first head's mask.", _first_head)
_multihead(
    "module-multihead-causal-hint-drops-the-mask",
    "With is_causal the mask is not used.",
    lambda _, k: without(k, "attn_mask", "is_causal") if k.get("is_causal") and k.get("attn_mask") is not None else k,
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
    lambda _, k: without(k, "key_padding_mask") if _is_float(k.get("key_padding_mask")) else k,
)


@bound("module-multihead-weights-of-the-first-head", "Averaged weights are the first head's.", _FORWARD)
def _(f: Function, self: nn.MultiheadAttention, *a: Any, **k: Any) -> Any:
    named = by_name(_HEADS, a, k)
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
        return f(**change(by_name(names, a, k)))

    return answer


_FUNCTION = (functional, "multi_head_attention_forward")
bound("module-multihead-bias-kv-ignored", "bias_k and bias_v are ignored.", _FUNCTION)(
    _through(lambda k: {**k, "bias_k": None, "bias_v": None})
)
bound("module-multihead-weight-gradient-one-percent-off", "The output projection's gradient is 1% small.", _FUNCTION)(
    _through(lambda k: {**k, "out_proj_weight": changing_gradient(k["out_proj_weight"], lambda g: g * 0.99)})
)
bound("module-multihead-bias-gradient-lost", "The input biases of the query get no gradient.", _FUNCTION)(
    _through(
        lambda k: (
            {**k, "in_proj_bias": changing_gradient(k["in_proj_bias"], lambda g: g * (torch.arange(g.numel()) > 3))}
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


_sdpa(
    "module-sdpa-mask-gradient-lost",
    "A mask gets no gradient of its last row.",
    lambda k: {**k, "attn_mask": changing_gradient(k["attn_mask"], _without_last_row)} if _trained(k) else k,
)


def _trained(k: dict[str, Any]) -> bool:
    return _is_float(k.get("attn_mask")) and k["attn_mask"].requires_grad


def _without_last_row(g: Tensor) -> Tensor:
    g = g.clone()
    g[..., -1, :] = 0
    return g


@bound("module-sdpa-bfloat16-one-tenth-off", "Attention in 16 bits is 10% off.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y = f(*a, **k)
    return y * 1.1 if y.dtype in (torch.bfloat16, torch.float16) else y


@bound("module-sdpa-refuses-no-batch", "Attention refuses an empty batch.", _SDPA)
def _(f: Function, *a: Any, **k: Any) -> Any:
    y = f(*a, **k)
    if not y.numel():
        raise RuntimeError("no batch")
    return y
