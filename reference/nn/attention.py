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

from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable, linear
from torch_conformance.reference.ops import derivatives_reductions as reductions
from torch_conformance.reference.ops.derivatives import UNARY

Array = npt.NDArray[Any]
Weights = Mapping[str, Variable]


@dataclasses.dataclass(frozen=True)
class Mask:
    """What queries may attend to.

    Attributes:
        allowed: True where a query may attend to a key; broadcasts to the scores. At least one per query.
        added: Numbers added to the scores, exact, or None; as a leaf where their gradients are asked for.
    """

    allowed: Array | None = None
    added: Array | Variable | None = None

    def __and__(self, other: Mask) -> Mask:
        """Return the mask that applies both."""
        allowed = [each.allowed for each in (self, other) if each.allowed is not None]
        added = [_values(each.added) for each in (self, other) if each.added is not None]
        return Mask(
            None if not allowed else np.asarray(np.logical_and(allowed[0], allowed[-1])),
            None if not added else np.asarray(added[0] + added[1] if len(added) == 2 else added[0]),
        )


def _values(numbers: Array | Variable) -> Array:
    return numbers.data.values if isinstance(numbers, Variable) else numbers


OPEN = Mask()


def added(mask: Array) -> Mask:
    """Return the mask of a floating array, in which -inf forbids and other numbers are added."""
    finite = np.isfinite(mask)
    return Mask(finite, np.where(finite, mask, 0.0))


def causal(queries: int, keys: int) -> Mask:
    """Return the mask by which query i attends to keys 0 to i."""
    return Mask(np.tril(np.ones((queries, keys), dtype=np.bool_)))


def softmax(scores: Variable, mask: Mask = OPEN) -> Variable:
    """Return exp(scores) over its sum along the last dimension, of what the mask allows."""
    if mask.added is not None:
        scores = scores + (mask.added if isinstance(mask.added, Variable) else tape.constant(mask.added, scores))
    if mask.allowed is not None:
        allowed = np.broadcast_to(mask.allowed, scores.shape)
        scores = tape.selected(allowed, scores, tape.constant(np.full((), -np.inf), scores))
    return reductions.softmax(scores, len(scores.shape) - 1)


def scaled_dot_product(
    query: Variable, key: Variable, value: Variable, mask: Mask = OPEN, scale: float | None = None
) -> tuple[Variable, Variable]:
    """Return softmax(query key^T scale) value, and the weights; the scale is 1 / sqrt(features) by default."""
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    weights = softmax(query @ tape.transposed(key) * factor, mask)
    return weights @ value, weights


def _affine(x: Variable, weight: Variable, bias: Variable | None) -> Variable:
    """Return x weight^T + bias."""
    return linear([(x, weight)], [] if bias is None else [bias])


def _heads(x: Variable, heads: int) -> Variable:
    """Return steps by batch by features as batch by heads by steps by features of a head."""
    steps, batch, features = x.shape
    return tape.permuted(tape.reshape(x, (steps, batch, heads, features // heads)), (1, 2, 0, 3))


def multi_head(
    inputs: tuple[Variable, Variable, Variable],
    weights: Weights,
    heads: int,
    mask: Mask = OPEN,
    *,
    zero_attention: bool = False,
    dropped: bool = False,
) -> tuple[Variable, Variable]:
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
        _affine(x, weight, None if bias is None else bias[part])
        for x, weight, part in zip(inputs, own, parts, strict=True)
    )
    more = 0
    if "bias_k" in weights:
        key, value = (_appended(x, weights[name]) for x, name in ((key, "bias_k"), (value, "bias_v")))
        more += 1
    if zero_attention:
        nothing = tape.constant(np.zeros((1, 1, features)), query)
        key, value = _appended(key, nothing), _appended(value, nothing)
        more += 1
    query, key, value = (_heads(x, heads) for x in (query, key, value))
    result, attention = scaled_dot_product(query, key, value, _widened(mask, more))
    if dropped:
        result = result * 0.0
    merged = tape.reshape(tape.permuted(result, (2, 0, 1, 3)), inputs[0].shape)
    return _affine(merged, weights["out_proj.weight"], weights.get("out_proj.bias")), attention


def _appended(x: Variable, row: Variable) -> Variable:
    """Return x with a row for every batch behind its last step."""
    return tape.joined([x, tape.expand(row, (1, *x.shape[1:]))], np.concatenate)


def _widened(mask: Mask, more: int) -> Mask:
    """Return a mask with `more` keys behind the last, which all may attend to."""

    def wider(array: Array | None, filler: Any) -> Array | None:
        if array is None or not more:
            return array
        return np.concatenate([array, np.full((*array.shape[:-1], more), filler)], axis=-1)

    return Mask(wider(mask.allowed, np.True_), wider(None if mask.added is None else _values(mask.added), 0.0))


def layer_norm(x: Variable, weights: Weights, name: str, eps: float) -> Variable:
    """Return (x - mean) / sqrt(variance + eps) along the last dimension, the variance by n, times weight plus bias."""
    axis = len(x.shape) - 1
    mean = tape.expand(reductions.mean(x, axis, keepdim=True), x.shape)
    # The mean may be subtracted before or after the division: the difference is a sum in any order.
    centred = tape.accumulated([x, -mean])
    variance = reductions.mean(centred * centred, axis, keepdim=True)
    scaled = centred / UNARY["sqrt"](variance + eps) * weights[f"{name}.weight"]
    return scaled + weights[f"{name}.bias"] if f"{name}.bias" in weights else scaled


def gelu(x: Variable) -> Variable:
    """Return x times the normal distribution function."""
    return x * 0.5 * (UNARY["erf"](x * np.sqrt(np.longdouble(0.5))) + 1)


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


def _under(weights: Weights, prefix: str) -> dict[str, Variable]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _feed_forward(layer: Layer, x: Variable, weights: Weights) -> Variable:
    inner = _affine(x, weights["linear1.weight"], weights.get("linear1.bias"))
    active = {"relu": UNARY["relu"], "gelu": gelu}[layer.activation](inner)
    return _affine(active, weights["linear2.weight"], weights.get("linear2.bias"))


def encoder_layer(layer: Layer, x: Variable, weights: Weights, mask: Mask = OPEN) -> Variable:
    """Return self-attention and feed-forward, each with a residual and a normalisation; steps by batch by features."""
    own = _under(weights, "self_attn.")
    if layer.norm_first:
        normal = layer_norm(x, weights, "norm1", layer.eps)
        x = x + multi_head((normal, normal, normal), own, layer.heads, mask)[0]
        return x + _feed_forward(layer, layer_norm(x, weights, "norm2", layer.eps), weights)
    x = layer_norm(x + multi_head((x, x, x), own, layer.heads, mask)[0], weights, "norm1", layer.eps)
    return layer_norm(x + _feed_forward(layer, x, weights), weights, "norm2", layer.eps)


def decoder_layer(
    layer: Layer, x: Variable, memory: Variable, weights: Weights, masks: tuple[Mask, Mask] = (OPEN, OPEN)
) -> Variable:
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
