"""Faults of attention and MultiheadAttention."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from torch_conformance.conformance.chapters.nn.faults.layers import ATTENTION
from torch_conformance.conformance.power.argument_forms import answered_by_name, arguments_set, replaced_by_name
from torch_conformance.conformance.power.damage import Change, of, scaled
from torch_conformance.conformance.power.forms import Answer, Named, object_changed, result_changed
from torch_conformance.conformance.power.gradient_forms import with_gradient
from torch_conformance.conformance.power.registry import Function

_SDPA = "F.scaled_dot_product_attention"
_MODULE, _INIT = "nn.MultiheadAttention.forward", "nn.MultiheadAttention.__init__"
_FUNCTION = "F.multi_head_attention_forward"
# Kept from before any fault is installed.
_attention = functional.scaled_dot_product_attention


def _is_bool(mask: Any) -> bool:
    return isinstance(mask, Tensor) and mask.dtype == torch.bool


def _is_float(mask: Any) -> bool:
    return isinstance(mask, Tensor) and mask.dtype != torch.bool


def _width(given: Named) -> float:
    return math.sqrt(given["query"].shape[-1])


def _gradient(argument: str, change: Change) -> Answer:
    """Return the change of the gradient of one argument, where it is given."""
    return lambda given: {argument: with_gradient(given.get(argument), change)}


def _without_last_row(g: Tensor) -> Tensor:
    g = g.clone()
    g[..., -1, :] = 0
    return g


# Name, sentence, which arguments are other.
for _name, _summary, _values in (
    ("unscaled", "The scores are not scaled.", lambda given: {"query": given["query"] * _width(given)}),
    (
        "scales-by-value-width",
        "The scores are scaled by the width of the value.",
        lambda given: {"query": given["query"] * _width(given) / math.sqrt(given["value"].shape[-1])},
    ),
    (
        "bool-mask-forbids",
        "True in a bool mask forbids.",
        lambda given: {"attn_mask": ~given["attn_mask"]} if _is_bool(given.get("attn_mask")) else {},
    ),
    (
        "float-mask-scaled",
        "A floating mask is scaled with the scores.",
        lambda given: {"attn_mask": given["attn_mask"] / 2} if _is_float(given.get("attn_mask")) else {},
    ),
    (
        "scale-multiplied",
        "scale comes on top of 1 / sqrt(features).",
        lambda given: {"scale": given["scale"] / _width(given)} if given.get("scale") else {},
    ),
    (
        "drops-at-half-the-rate",
        "Weights are dropped with probability 0.9 p.",
        lambda given: {"dropout_p": 0.9 * given.get("dropout_p", 0.0)},
    ),
    ("key-gradient-lost", "The key gets half its gradient.", _gradient("key", scaled(1 / 2))),
    ("mask-gradient-lost", "A mask gets no gradient of its last row.", _gradient("attn_mask", _without_last_row)),
):
    arguments_set(f"module-sdpa-{_name}", _summary, _SDPA, order=ATTENTION)(_values)


def _is_plain(given: Named) -> bool:
    return not (given.get("attn_mask") is not None or any(given.get(o) for o in ("is_causal", "scale", "dropout_p")))


@answered_by_name(
    "module-sdpa-softmax-over-queries",
    "Weights are normalised over the queries.",
    _SDPA,
    when=_is_plain,
    order=ATTENTION,
)
def _(given: Named) -> Tensor:
    scores = given["query"] @ given["key"].transpose(-1, -2) / _width(given)
    weighed: Tensor = scores.softmax(-2) @ given["value"]
    return weighed


@arguments_set("module-sdpa-causal-to-the-last-key", "The last query sees the last key.", _SDPA, order=ATTENTION)
def _(given: Named) -> Named:
    rows, columns = given["query"].shape[-2], given["key"].shape[-2]
    mask = torch.ones(rows, columns, dtype=torch.bool).tril(columns - rows)
    return {"is_causal": False, "attn_mask": mask} if given.get("is_causal") and rows < columns else {}


@arguments_set("module-sdpa-groups-interleaved", "Query heads share key heads in turn.", _SDPA, order=ATTENTION)
def _(given: Named) -> Named:
    if not given.get("enable_gqa"):
        return {}
    times = given["query"].shape[-3] // given["key"].shape[-3]
    return {"enable_gqa": False} | {name: given[name].repeat(1, times, 1, 1) for name in ("key", "value")}


result_changed(
    "module-sdpa-bfloat16-one-tenth-off",
    "Attention in 16 bits is 10% off.",
    _SDPA,
    change=scaled(1.1),
    when=of(torch.bfloat16, torch.float16),
)


@replaced_by_name("module-sdpa-refuses-no-batch", "Attention refuses an empty batch.", _SDPA, order=ATTENTION)
def _(f: Function, given: Named) -> Any:
    y = f(**given)
    if not y.numel():
        raise RuntimeError("no batch")
    return y


def _first_head(given: Named) -> Named:
    mask, heads = given.get("attn_mask"), given["self"].num_heads
    if mask is None or mask.dim() != 3:
        return {}
    return {"attn_mask": mask[::heads].repeat_interleave(heads, 0)}


def _padding_that_fits(given: Named) -> Named:
    padding = given.get("key_padding_mask")
    return {} if padding is None or padding.shape[-1] == given["key"].shape[0] else {"key_padding_mask": None}


# Name, sentence, which arguments of the module are other, and when.
for _name, _summary, _values, _when in (
    (
        "swaps-key-and-value",
        "Key and value are swapped.",
        lambda given: {"key": given["value"], "value": given["key"]},
        lambda given: given["key"].shape == given["value"].shape,
    ),
    (
        "bool-mask-allows",
        "True in a bool mask allows.",
        lambda given: {"attn_mask": ~given["attn_mask"]},
        lambda given: _is_bool(given.get("attn_mask")),
    ),
    (
        "causal-hint-drops-the-mask",
        "With is_causal the mask is not used.",
        lambda _: {"attn_mask": None, "is_causal": False},
        lambda given: given.get("is_causal") and given.get("attn_mask") is not None,
    ),
    (
        "float-mask-forbids-without-gradients",
        "Without gradients, what is not 0 in a floating mask forbids.",
        lambda given: {"attn_mask": given["attn_mask"] != 0},
        lambda given: not torch.is_grad_enabled() and _is_float(given.get("attn_mask")),
    ),
    (
        "float-padding-ignored",
        "A floating padding mask is ignored.",
        lambda _: {"key_padding_mask": None},
        lambda given: _is_float(given.get("key_padding_mask")),
    ),
    ("one-mask-for-all-heads", "Each head has the first head's mask.", _first_head, lambda _: True),
    ("cuts-masks-to-fit", "A padding mask that does not fit is dropped.", _padding_that_fits, lambda _: True),
):
    arguments_set(f"module-multihead-{_name}", _summary, _MODULE, when=_when)(_values)


@replaced_by_name("module-multihead-weights-of-the-first-head", "Averaged weights are the first head's.", _MODULE)
def _(f: Function, given: Named) -> Any:
    if not (given.get("need_weights", True) and given.get("average_attn_weights", True)):
        return f(**given)
    output, weights = f(**(given | {"average_attn_weights": False}))
    return output, weights.select(-3, 0)


# Name, sentence, which arguments of the function below the module are other.
for _name, _summary, _values in (
    ("bias-kv-ignored", "bias_k and bias_v are ignored.", lambda _: {"bias_k": None, "bias_v": None}),
    ("drops-in-evaluation", "Attention drops in evaluation too.", lambda _: {"training": True}),
    ("never-drops", "Attention never drops.", lambda _: {"dropout_p": 0.0}),
    (
        "weight-gradient-one-percent-off",
        "The output projection's gradient is 1% small.",
        _gradient("out_proj_weight", scaled(0.99)),
    ),
    (
        "bias-gradient-lost",
        "The first four of the input biases get no gradient.",
        _gradient("in_proj_bias", lambda g: g * (torch.arange(g.numel()) > 3)),
    ),
):
    arguments_set(f"module-multihead-{_name}", _summary, _FUNCTION)(_values)


@object_changed("module-multihead-parameters-in-another-order", "The output projection comes first.", _INIT)
def _(self: Any) -> None:
    items = sorted(self._parameters.items(), key=lambda item: "weight" in item[0])
    self._parameters.clear()
    self._parameters.update(items)
