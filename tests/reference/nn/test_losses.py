"""Losses against hand-worked numbers, and their slopes against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from torch_conformance.reference.nn import losses
from torch_conformance.reference.nn.losses import Terms

GENERATOR = np.random.default_rng(0)


def _real(*size: int) -> np.ndarray:
    return GENERATOR.standard_normal(size).astype(np.longdouble)


def _some(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.longdouble)


def test_by_hand() -> None:
    x, y = _some(1, 4, 2), _some(3, 4, 2.25)
    assert losses.l1(x, y).values.tolist() == [2, 0, 0.25]
    assert losses.mse(x, y).values.tolist() == [4, 0, 0.0625]
    assert losses.smooth_l1(x, y, 0.5).values.tolist() == [1.75, 0, 0.0625]
    assert losses.huber(x, y, 0.5).values.tolist() == [0.875, 0, 0.03125]
    assert losses.hinge_embedding(_some(2, -3, 0.5), _some(1, -1, -1), 1).values.tolist() == [2, 4, 0.5]
    assert losses.margin_ranking(_some(1, 1), _some(3, 3), _some(1, -1), 0.5).values.tolist() == [2.5, 0]
    assert losses.bce(_some(0, 1), _some(1, 1)).values.tolist() == [100, 0]
    assert losses.kl_div(_some(-1, -2), _some(1, 0)).values.tolist() == [1, 0]
    margins = losses.multi_margin(np.array([[1.0, 3.0, 2.0]]), np.array([0]), margin=0.5)
    assert math.isclose(margins.values[0], 4 / 3)
    # The documentation's own example.
    scores = np.array([[0.1, 0.2, 0.4, 0.8]])
    assert math.isclose(losses.multilabel_margin(scores, np.array([[3, 0, -1, 1]])).values[0], 0.85)


def test_classes_by_hand() -> None:
    logs = np.log(np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]], dtype=np.longdouble))
    target, weight = np.array([0, 2]), np.array([2.0, 1.0, 4.0])
    terms = losses.nll(logs, target, weight)
    assert np.allclose(terms.values.astype(float), [2 * math.log(2), 4 * math.log(4)])
    assert terms.count == 6
    assert losses.nll(logs, target, weight, ignore_index=2).values[1] == 0
    assert losses.nll(logs, target, weight, ignore_index=2).count == 2
    assert np.allclose(losses.cross_entropy(logs, target, weight).values.astype(float), terms.values.astype(float))
    shares = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    by_share = losses.cross_entropy(logs, shares, weight, label_smoothing=0.3)
    by_number = losses.cross_entropy(logs, target, weight, label_smoothing=0.3)
    assert np.allclose(by_share.values.astype(float), by_number.values.astype(float))
    assert (by_share.count, by_number.count) == (2, 6)
    value, _ = losses.reduced(by_number, "mean")
    assert math.isclose(float(value), float(by_number.values.sum() / 6))


def test_distances_by_hand() -> None:
    value, *_ = losses.cosine(_some(3, 4)[None], _some(4, 3)[None])
    assert math.isclose(value[0], 0.96)
    assert losses.distance(_some(1, 5)[None], _some(4, 1)[None], 2, 0)[0].tolist() == [5]
    assert losses.distance(_some(1, 5)[None], _some(4, 1)[None], 1, 1)[0].tolist() == [7]
    assert losses.distance(_some(1, 5)[None], _some(4, 1)[None], np.inf, 0)[0].tolist() == [4]
    triplet = losses.triplet_margin(_some(0, 0)[None], _some(3, 4)[None], _some(3, 0)[None], 1, eps=0)
    assert triplet.values.tolist() == [3]
    assert (
        losses.triplet_margin(_some(0, 0)[None], _some(3, 4)[None], _some(3, 3)[None], 1, eps=0, swap=True).values[0]
        == 5
    )


SIGNS = np.where(GENERATOR.random((3, 4)) < 0.5, -1.0, 1.0)
ROWS = np.array([1.0, -1.0, 1.0])
TARGET = np.array([1, 0, 3])
WEIGHT = np.array([1.0, 2.0, 0.5, 3.0])
A, B, C = _real(3, 4), _real(3, 4), _real(3, 4)
P, V = 1 / (1 + np.exp(-A)), np.exp(C)
Case = tuple[Callable[..., Terms], tuple[np.ndarray, ...], int, dict[str, Any]]
# A function, its arguments, how many of them are differentiated, and options.
CASES: list[Case] = [
    (losses.l1, (A, B), 2, {}),
    (losses.mse, (A, B), 2, {}),
    (losses.smooth_l1, (A, B), 2, {"beta": 0.7}),
    (losses.huber, (A, B), 2, {"delta": 0.7}),
    (losses.bce, (P, P[::-1]), 1, {"weight": WEIGHT}),
    (losses.bce_with_logits, (A, P), 1, {"weight": WEIGHT, "pos_weight": WEIGHT[::-1]}),
    (losses.kl_div, (A, P), 1, {}),
    (losses.kl_div, (A, B), 1, {"log_target": True}),
    (losses.hinge_embedding, (A, SIGNS), 1, {"margin": 0.6}),
    (lambda x, u: losses.margin_ranking(x, u, SIGNS, 0.3), (A, B), 2, {}),
    (losses.soft_margin, (A, SIGNS), 1, {}),
    (losses.poisson_nll, (A, V), 1, {"full": True}),
    (losses.poisson_nll, (V, P), 1, {"log_input": False, "eps": 0.2}),
    (lambda x, v: losses.gaussian_nll(x, B, v, full=True), (A, V), 2, {}),
    (losses.multi_margin, (A, TARGET), 1, {"p": 2, "margin": 0.8, "weight": WEIGHT}),
    (losses.multilabel_margin, (A, np.array([[2, 0, -1, 1], [1, -1, 0, 0], [3, 2, 1, -1]])), 1, {}),
    (losses.multilabel_soft_margin, (A, P), 1, {"weight": WEIGHT}),
    (losses.cross_entropy, (A, TARGET), 1, {"weight": WEIGHT, "label_smoothing": 0.2, "ignore_index": 0}),
    (losses.cross_entropy, (A, P), 1, {"weight": WEIGHT, "label_smoothing": 0.2}),
    (losses.nll, (A, TARGET), 1, {"weight": WEIGHT}),
    (lambda x, u: losses.cosine_embedding(x, u, ROWS, -0.9), (A, B), 2, {}),
    (losses.triplet_margin, (A, B, C), 3, {"margin": 4, "p": 3, "eps": 0.1}),
    (losses.triplet_margin, (A, B, C), 3, {"margin": 4, "p": 2, "swap": True}),
]


@pytest.mark.parametrize(("function", "arguments", "count", "options"), CASES)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_gradients_are_differences(
    function: Callable[..., Terms],
    arguments: tuple[np.ndarray, ...],
    count: int,
    options: dict[str, Any],
    reduction: str,
) -> None:
    terms = function(*arguments, **options)
    value, size = losses.reduced(terms, reduction)
    assert (np.abs(value) <= size * 1.0001).all()
    g = _real(*value.shape)
    for which, (gradient, _) in enumerate(losses.gradients(terms, reduction, g)):
        assert gradient.shape == arguments[which].shape
        for index in np.ndindex(*gradient.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.copy() for each in arguments]
                moved[which][index] += sign * 1e-6
                ends.append((g * losses.reduced(function(*moved, **options), reduction)[0]).sum())
            assert abs(float((ends[0] - ends[1]) / np.longdouble(2e-6) - gradient[index])) < 1e-8
    assert which == count - 1


def test_slopes_of_distances() -> None:
    value, first, second = losses.cosine(A, B, axis=0)
    for index in np.ndindex(3, 4):
        step = np.zeros_like(A)
        step[index] = 1e-6
        for slope, moved in ((first, (A + step, B)), (second, (A, B + step))):
            rise = float((losses.cosine(*moved, axis=0)[0] - value)[index[1]]) / 1e-6
            assert abs(rise - float(slope[index])) < 1e-5
