"""Attention, multi-head attention, and the encoder and decoder layers of the Transformer.

Sources: PyTorch documentation, torch.nn.functional.scaled_dot_product_attention, torch.nn.MultiheadAttention,
torch.nn.TransformerEncoderLayer, torch.nn.TransformerDecoderLayer; A. Vaswani et al. (2017), "Attention is all you
need".
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import running_tape as running
from torch_conformance.reference.numerics.running_tape import Running
from torch_conformance.reference.numerics.special import PI, erf

Array = npt.NDArray[Any]
Weights = Mapping[str, Running]


@dataclasses.dataclass(frozen=True)
class Mask:
    """What queries may attend to.

    Attributes:
        allowed: True where a query may attend to a key; broadcasts to the scores. At least one per query.
        added: Numbers added to the scores, exact, or None; as a leaf where their gradients are asked for.
    """

    allowed: Array | None = None
    added: Array | Running | None = None

    def __and__(self, other: Mask) -> Mask:
        """Return the mask that applies both."""
        allowed = [each.allowed for each in (self, other) if each.allowed is not None]
        added = [_values(each.added) for each in (self, other) if each.added is not None]
        return Mask(
            None if not allowed else np.asarray(np.logical_and(allowed[0], allowed[-1])),
            None if not added else np.asarray(added[0] + added[1] if len(added) == 2 else added[0]),
        )


def _values(numbers: Array | Running) -> Array:
    return numbers.values if isinstance(numbers, Running) else numbers


OPEN = Mask()


def added(mask: Array) -> Mask:
    """Return the mask of a floating array, in which -inf forbids and other numbers are added."""
    finite = np.isfinite(mask)
    return Mask(finite, np.where(finite, mask, 0.0))


def causal(queries: int, keys: int) -> Mask:
    """Return the mask by which query i attends to keys 0 to i."""
    return Mask(np.tril(np.ones((queries, keys), dtype=np.bool_)))


def softmax(scores: Running, mask: Mask = OPEN) -> Running:
    """Return exp(scores) over its sum along the last dimension, of what the mask allows."""
    if mask.added is not None:
        scores = scores + (mask.added if isinstance(mask.added, Running) else Running(mask.added, 0, scores.unit))
    allowed = np.broadcast_to(np.True_ if mask.allowed is None else mask.allowed, scores.shape)
    # Any shift gives the same quotient; this one keeps exponentials at most 1.
    top = np.max(np.where(allowed, scores.values, -np.inf), axis=-1, keepdims=True)
    weights = running.exp(running.kept(scores - Running(top, 0, scores.unit), allowed))
    weights = running.kept(weights, allowed)
    return weights * running.reciprocal(weights.summed(len(scores.shape) - 1))


def scaled_dot_product(
    query: Running, key: Running, value: Running, mask: Mask = OPEN, scale: float | None = None
) -> tuple[Running, Running]:
    """Return softmax(query key^T scale) value, and the weights; the scale is 1 / sqrt(features) by default."""
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = softmax((query @ key.transposed()).scaled(factor), mask)
    return weights @ value, weights


def linear(x: Running, weight: Running, bias: Running | None) -> Running:
    """Return x weight^T + bias."""
    product = x @ weight.transposed()
    return product if bias is None else product + bias


def _heads(x: Running, heads: int) -> Running:
    """Return steps by batch by features as batch by heads by steps by features of a head."""
    steps, batch, features = x.shape
    return x.reshaped(steps, batch, heads, features // heads).transposed(1, 2, 0, 3)


def multi_head(
    inputs: tuple[Running, Running, Running],
    weights: Weights,
    heads: int,
    mask: Mask = OPEN,
    *,
    zero_attention: bool = False,
    dropped: bool = False,
) -> tuple[Running, Running]:
    """Return multi-head attention and its weights per head.

    Args:
        inputs: Query, key and value, each steps by batch by features.
        weights: in_proj_weight, or q_proj_weight, k_proj_weight and v_proj_weight; in_proj_bias; bias_k and bias_v;
            out_proj.weight and out_proj.bias, as far as there are.
        heads: How many.
        mask: Over batch by heads by queries by keys, without the keys that are added here.
        zero_attention: Whether a key and a value of zeros are added.
        dropped: Whether all attention weights are dropped.

    Returns:
        Steps by batch by features; batch by heads by queries by keys.
    """
    features = inputs[0].shape[-1]
    parts = [slice(place * features, (place + 1) * features) for place in range(3)]
    joint, bias = weights.get("in_proj_weight"), weights.get("in_proj_bias")
    own = [
        joint[part] if joint is not None else weights[f"{n}_proj_weight"] for part, n in zip(parts, "qkv", strict=True)
    ]
    query, key, value = (
        linear(x, weight, None if bias is None else bias[part])
        for x, weight, part in zip(inputs, own, parts, strict=True)
    )
    more = 0
    if "bias_k" in weights:
        key, value = (_appended(x, weights[name]) for x, name in ((key, "bias_k"), (value, "bias_v")))
        more += 1
    if zero_attention:
        nothing = Running(np.zeros((1, 1, features)), 0, query.unit)
        key, value = _appended(key, nothing), _appended(value, nothing)
        more += 1
    query, key, value = (_heads(x, heads) for x in (query, key, value))
    result, attention = scaled_dot_product(query, key, value, _widened(mask, more))
    if dropped:
        result = result.scaled(0.0)
    merged = result.transposed(2, 0, 1, 3).reshaped(*inputs[0].shape)
    return linear(merged, weights["out_proj.weight"], weights.get("out_proj.bias")), attention


def _appended(x: Running, row: Running) -> Running:
    """Return x with a row for every batch behind its last step."""
    zeros = Running(np.zeros((1, *x.shape[1:])), 0, x.unit)
    return running.joined([x, row + zeros], 0)


def _widened(mask: Mask, more: int) -> Mask:
    """Return a mask with `more` keys behind the last, which all may attend to."""

    def wider(array: Array | None, filler: Any) -> Array | None:
        if array is None or not more:
            return array
        return np.concatenate([array, np.full((*array.shape[:-1], more), filler)], axis=-1)

    return Mask(wider(mask.allowed, np.True_), wider(None if mask.added is None else _values(mask.added), 0.0))


def layer_norm(x: Running, weights: Weights, name: str, eps: float) -> Running:
    """Return (x - mean) / sqrt(variance + eps) along the last dimension, the variance by n, times weight plus bias."""
    axis, count = len(x.shape) - 1, x.shape[-1]
    centred = x - x.summed(axis).scaled(1 / count)
    variance = (centred * centred).summed(axis).scaled(1 / count)
    normal = centred * running.reciprocal(running.root(variance + Running(np.asarray(eps), 0, x.unit)))
    scaled = normal * weights[f"{name}.weight"]
    return scaled + weights[f"{name}.bias"] if f"{name}.bias" in weights else scaled


def gelu(a: Running) -> Running:
    """Return a Phi(a); its slope is at most 1.13, and its second derivative at most 0.8."""
    phi = (1 + erf(a.values / np.sqrt(np.longdouble(2)))) / 2
    density = np.exp(-a.values * a.values / 2) / np.sqrt(2 * PI)
    slope_error = np.minimum(0.8 * a.error + 2 * a.unit * (1 + np.abs(a.values).astype(np.float64)), 2.3)
    slope = Running(phi + a.values * density, slope_error, a.unit)
    error = 1.13 * a.error + 2 * a.unit * np.abs(a.values).astype(np.float64)
    return Running(a.values * phi, error, a.unit, ((a, lambda g: g * slope),))


@dataclasses.dataclass(frozen=True)
class Layer:
    """Options of an encoder or decoder layer.

    Attributes:
        heads: How many.
        activation: "relu" or "gelu".
        norm_first: Whether normalisation comes before attention and feed-forward, or after the sum.
        eps: Of the normalisation.
    """

    heads: int
    activation: str = "relu"
    norm_first: bool = False
    eps: float = 1e-5


def _under(weights: Weights, prefix: str) -> dict[str, Running]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _feed_forward(layer: Layer, x: Running, weights: Weights) -> Running:
    inner = linear(x, weights["linear1.weight"], weights.get("linear1.bias"))
    active = {"relu": running.relu, "gelu": gelu}[layer.activation](inner)
    return linear(active, weights["linear2.weight"], weights.get("linear2.bias"))


def encoder_layer(layer: Layer, x: Running, weights: Weights, mask: Mask = OPEN) -> Running:
    """Return self-attention and feed-forward, each with a residual and a normalisation; steps by batch by features."""
    own = _under(weights, "self_attn.")
    if layer.norm_first:
        normal = layer_norm(x, weights, "norm1", layer.eps)
        x = x + multi_head((normal, normal, normal), own, layer.heads, mask)[0]
        return x + _feed_forward(layer, layer_norm(x, weights, "norm2", layer.eps), weights)
    x = layer_norm(x + multi_head((x, x, x), own, layer.heads, mask)[0], weights, "norm1", layer.eps)
    return layer_norm(x + _feed_forward(layer, x, weights), weights, "norm2", layer.eps)


def decoder_layer(
    layer: Layer, x: Running, memory: Running, weights: Weights, masks: tuple[Mask, Mask] = (OPEN, OPEN)
) -> Running:
    """Return self-attention, attention to the memory, and feed-forward; masks of the two attentions."""
    own, other = _under(weights, "self_attn."), _under(weights, "multihead_attn.")
    if layer.norm_first:
        normal = layer_norm(x, weights, "norm1", layer.eps)
        x = x + multi_head((normal, normal, normal), own, layer.heads, masks[0])[0]
        normal = layer_norm(x, weights, "norm2", layer.eps)
        x = x + multi_head((normal, memory, memory), other, layer.heads, masks[1])[0]
        return x + _feed_forward(layer, layer_norm(x, weights, "norm3", layer.eps), weights)
    x = layer_norm(x + multi_head((x, x, x), own, layer.heads, masks[0])[0], weights, "norm1", layer.eps)
    attended = multi_head((x, memory, memory), other, layer.heads, masks[1])[0]
    x = layer_norm(x + attended, weights, "norm2", layer.eps)
    return layer_norm(x + _feed_forward(layer, x, weights), weights, "norm3", layer.eps)


def layer_shapes(features: int, inner: int, *, decoder: bool = False, bias: bool = True) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of an encoder or decoder layer's parameters, in order."""
    found: dict[str, tuple[int, ...]] = {}

    def add(name: str, *size: int) -> None:
        found[f"{name}.weight"] = size
        if bias:
            found[f"{name}.bias"] = size[:1]

    for name in ("self_attn", "multihead_attn")[: 1 + decoder]:
        found[f"{name}.in_proj_weight"] = (3 * features, features)
        if bias:
            found[f"{name}.in_proj_bias"] = (3 * features,)
        add(f"{name}.out_proj", features, features)
    add("linear1", inner, features)
    add("linear2", features, inner)
    for place in range(2 + decoder):
        add(f"norm{place + 1}", features)
    return found
