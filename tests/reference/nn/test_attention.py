"""Attention and Transformer layers against plain NumPy with SciPy, and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from torch_conformance.reference.nn import attention
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]


def _leaf(values: Array) -> Variable:
    return tape.variable(np.asarray(values, dtype=np.float64), "float64")


def _plain_heads(q: Array, k: Array, v: Array, w: dict[str, Array], heads: int, mask: Array) -> Array:
    """One sequence, head by head."""
    width = q.shape[1] // heads
    wq, wk, wv = np.split(w["in_proj_weight"], 3)
    bq, bk, bv = np.split(w["in_proj_bias"], 3)
    q, k, v = q @ wq.T + bq, k @ wk.T + bk, v @ wv.T + bv
    parts = []
    for head in range(heads):
        at = slice(head * width, (head + 1) * width)
        parts.append(special.softmax(q[:, at] @ k[:, at].T / np.sqrt(width) + mask, axis=1) @ v[:, at])
    return np.concatenate(parts, axis=1) @ w["out_proj.weight"].T + w["out_proj.bias"]


def _normal(x: Array, w: dict[str, Array], name: str, eps: float) -> Array:
    centred = x - x.mean(1, keepdims=True)
    return centred / np.sqrt(x.var(1, keepdims=True) + eps) * w[f"{name}.weight"] + w[f"{name}.bias"]


def _under(w: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in w.items() if name.startswith(prefix)}


def _draw(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: generator.uniform(-1, 1, size) for name, size in shapes.items()}


def test_softmax_and_masks() -> None:
    scores = np.array([[0.0, np.log(3.0), 50.0], [1.0, 1.0, 1.0]])
    mask = attention.added(np.array([[0.0, 0.0, -np.inf], [np.log(2.0), 0.0, 0.0]]))
    assert np.allclose(
        attention.softmax(_leaf(scores), mask).data.values.astype(float), [[0.25, 0.75, 0], [0.5, 0.25, 0.25]]
    )
    both = attention.causal(2, 3) & mask
    assert both.allowed is not None
    assert both.allowed.tolist() == [[True, False, False], [True, True, False]]


def test_scaled_dot_product_by_hand() -> None:
    q, k, v = np.array([[2.0, 0]]), np.array([[np.log(3.0), 5], [0, 7]]), np.array([[4.0], [8.0]])
    result, weights = attention.scaled_dot_product(_leaf(q), _leaf(k), _leaf(v), scale=0.5)
    assert np.allclose(weights.data.values.astype(float), [[0.75, 0.25]])
    assert np.allclose(result.data.values.astype(float), [[5.0]])


def test_multi_head_adds_keys() -> None:
    w = {"in_proj_weight": np.eye(2)[[0, 1, 0, 1, 0, 1]], "out_proj.weight": np.eye(2)}
    w |= {"bias_k": np.zeros((1, 1, 2)), "bias_v": np.array([[[2.0, 4.0]]])}
    x = _leaf(np.zeros((1, 1, 2)))
    result, weights = attention.multi_head(
        (x, x, x), {name: _leaf(value) for name, value in w.items()}, 1, zero_attention=True
    )
    assert np.allclose(weights.data.values.astype(float), 1 / 3)
    assert np.allclose(result.data.values.astype(float), [[[2 / 3, 4 / 3]]])


def test_gelu() -> None:
    x = np.linspace(-4, 4, 17)
    entering = _leaf(x)
    result = attention.gelu(entering)
    assert np.allclose(result.data.values.astype(float), x * special.ndtr(x), atol=1e-15)
    moved = [(x + d) * special.ndtr(x + d) for d in (1e-6, -1e-6)]
    (slope,) = tape.gradients(result, [entering], _leaf(np.ones(17)))
    assert slope is not None
    assert np.allclose(slope.data.values.astype(float), (moved[0] - moved[1]) / 2e-6, atol=1e-9)


@pytest.mark.parametrize("norm_first", [False, True])
def test_layers_against_plain_numpy(*, norm_first: bool) -> None:
    w = _draw(attention.layer_shapes(4, 5, decoder=True), 3)
    generator = np.random.default_rng(4)
    x, memory = generator.uniform(-1, 1, (3, 4)), generator.uniform(-1, 1, (2, 4))
    eps = 0.25
    no_mask, mask = np.zeros((3, 2)), np.where(np.tril(np.ones((3, 3))) > 0, 0, -np.inf)

    def norm(y: Array, place: int) -> Array:
        return _normal(y, w, f"norm{place}", eps)

    def feed(y: Array) -> Array:
        return np.maximum(y @ w["linear1.weight"].T + w["linear1.bias"], 0) @ w["linear2.weight"].T + w["linear2.bias"]

    def own(y: Array) -> Array:
        return _plain_heads(y, y, y, _under(w, "self_attn."), 2, mask)

    def other(y: Array) -> Array:
        return _plain_heads(y, memory, memory, _under(w, "multihead_attn."), 2, no_mask)

    if norm_first:
        y = x + own(norm(x, 1))
        encoded = y + feed(norm(y, 2))
        z = y + other(norm(y, 2))
        decoded = z + feed(norm(z, 3))
    else:
        y = norm(x + own(x), 1)
        encoded = norm(y + feed(y), 2)
        z = norm(y + other(y), 2)
        decoded = norm(z + feed(z), 3)
    layer = attention.Layer(2, "relu", norm_first, eps)
    leaves = {name: _leaf(value) for name, value in w.items()}
    entering, remembered = _leaf(x[:, None]), _leaf(memory[:, None])
    # A block of attention or feed-forward charges about 60 operations of values up to 4, twice over in a residual. Its
    # normalisation multiplies by 1 / sqrt(0.25) at most, and what entered comes through values, mean and variance.
    block, growth = 512 * 2 * 2.0**-53, 8
    result = attention.encoder_layer(layer, entering, leaves, attention.causal(3, 3))
    assert np.all(np.abs(result.data.values[:, 0] - encoded) <= result.data.bound[:, 0])
    assert result.data.bound.max() < block * (1 + growth)
    result = attention.decoder_layer(layer, entering, remembered, leaves, (attention.causal(3, 3), attention.OPEN))
    assert np.all(np.abs(result.data.values[:, 0] - decoded) <= result.data.bound[:, 0])
    assert result.data.bound.max() < block * (1 + growth + growth**2)


def test_layer_gradients_against_finite_differences() -> None:
    w = _draw(attention.layer_shapes(4, 3), 6)
    x = np.random.default_rng(7).uniform(-1, 1, (2, 1, 4))
    layer = attention.Layer(2, "gelu")
    cotangent = np.arange(8.0).reshape(2, 1, 4)

    def run(given: dict[str, Array]) -> tuple[Variable, dict[str, Variable]]:
        leaves = {name: _leaf(value) for name, value in given.items()}
        return attention.encoder_layer(layer, _leaf(x), leaves), leaves

    result, leaves = run(w)
    found = tape.gradients(result, list(leaves.values()), _leaf(cotangent))
    for (name, value), got in zip(w.items(), found, strict=True):
        assert got is not None
        index = tuple(extent // 2 for extent in value.shape)
        ends = []
        for move in (1e-6, -1e-6):
            moved = {key: each.copy() for key, each in w.items()}
            moved[name][index] += move
            ends.append(float((run(moved)[0].data.values * cotangent).sum()))
        assert abs((ends[0] - ends[1]) / 2e-6 - float(got.data.values[index])) < 1e-7, name
