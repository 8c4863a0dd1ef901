"""Losses before their reduction, with slopes, and the sizes of the terms that both are summed from.

A loss of elements has a value per element; a loss of rows has a value per sample, whose slopes fill a whole row.
Callers pass longdouble arrays. `reduced` and `gradients` then apply "none", "mean" or "sum".

Source: PyTorch documentation, torch.nn, "Loss Functions".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.nn.activations import log_softmax
from torch_conformance.reference.numerics.special import PI
from torch_conformance.reference.ops.elementwise import sigmoid

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Terms:
    """A loss before its reduction.

    Attributes:
        values: One per element or sample.
        slopes: For each differentiated input, the derivatives of the value that it belongs to.
        size: Sum of magnitudes of the terms of each value.
        slope_sizes: The same for the slopes.
        row_axis: Where a row of slopes lies, for losses of rows.
        count: What "mean" divides by; None for the number of values.
    """

    values: Array
    slopes: Sequence[Array]
    size: Array
    slope_sizes: Sequence[Array]
    row_axis: int | None = None
    count: Any = None

    def denominator(self, reduction: str) -> Any:
        """Return what the sum of the values is divided by."""
        if reduction in ("none", "sum"):
            return 1
        return self.values.size if self.count is None else self.count


def reduced(terms: Terms, reduction: str) -> tuple[Array, Array]:
    """Return the loss and the sum of magnitudes of its terms."""
    if reduction == "none":
        return terms.values, terms.size
    below = terms.denominator(reduction)
    return np.asarray(terms.values.sum() / below), np.asarray(terms.size.sum() / np.abs(below))


def gradients(terms: Terms, reduction: str, g: Array) -> list[tuple[Array, Array]]:
    """Return, per differentiated input, the gradient and the sum of magnitudes of its terms; `g` is the loss's."""
    share = np.broadcast_to(g / terms.denominator(reduction), terms.values.shape)
    if terms.row_axis is not None:
        share = np.expand_dims(share, terms.row_axis)
    pairs = zip(terms.slopes, terms.slope_sizes, strict=True)
    return [(share * slope, np.abs(share) * np.abs(size)) for slope, size in pairs]


def _plain(values: Array, *slopes: Array, row_axis: int | None = None) -> Terms:
    """Return terms without cancellation."""
    return Terms(values, slopes, np.abs(values), [np.abs(each) for each in slopes], row_axis)


def l1(x: Array, y: Array) -> Terms:
    """Return |x - y|; the slope is 0 where they are equal."""
    return _plain(np.abs(x - y), np.sign(x - y), np.sign(y - x))


def mse(x: Array, y: Array) -> Terms:
    """Return (x - y)^2."""
    return _plain((x - y) ** 2, 2 * (x - y), 2 * (y - x))


def smooth_l1(x: Array, y: Array, beta: float = 1) -> Terms:
    """Return (x - y)^2 / (2 beta) where |x - y| is less than beta, else |x - y| - beta / 2."""
    d = x - y
    if not beta:
        return l1(x, y)
    near = np.abs(d) < beta
    slope = np.where(near, d / beta, np.sign(d))
    return _plain(np.where(near, d * d / (2 * beta), np.abs(d) - beta / 2), slope, -slope)


def huber(x: Array, y: Array, delta: float = 1) -> Terms:
    """Return (x - y)^2 / 2 where |x - y| is at most delta, else delta (|x - y| - delta / 2)."""
    d = x - y
    near = np.abs(d) <= delta
    slope = np.where(near, d, delta * np.sign(d))
    return _plain(np.where(near, d * d / 2, delta * (np.abs(d) - delta / 2)), slope, -slope)


def _class_weights(weight: Array | None, count: int) -> Array:
    return np.ones(count, dtype=np.longdouble) if weight is None else weight.astype(np.longdouble)


def nll(x: Array, target: Array, weight: Array | None = None, ignore_index: int = -100) -> Terms:
    """Return minus the weighted log-probability of the target class; "mean" divides by the weights' sum.

    Args:
        x: Log-probabilities, (classes), (batch, classes) or (batch, classes, *extents).
        target: Class numbers, of the shape without classes.
        weight: One per class.
        ignore_index: A target that counts for nothing.
    """
    axis = 0 if x.ndim == 1 else 1
    weights = _class_weights(weight, x.shape[axis])
    kept = target != ignore_index
    classes = np.where(kept, target, 0)
    w = np.where(kept, weights[classes], 0)
    picked = np.take_along_axis(x, np.expand_dims(classes, axis), axis).squeeze(axis)
    chosen = np.expand_dims(classes, axis) == _class_axis(x.shape[axis], x.ndim, axis)
    slope = -np.expand_dims(w, axis) * chosen
    terms = _plain(-w * picked, slope, row_axis=axis)
    return dataclasses.replace(terms, count=w.sum())


def _class_axis(count: int, ndim: int, axis: int) -> Array:
    shape = [1] * ndim
    shape[axis] = count
    return np.arange(count).reshape(shape)


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0,
) -> Terms:
    """Return the cross entropy of logits with class numbers, or with probabilities of classes.

    With class numbers "mean" divides by the weights of the targets that are not ignored; with probabilities by the
    number of samples. Smoothing mixes each target with the uniform distribution.
    """
    axis = 0 if x.ndim == 1 else 1
    classes = x.shape[axis]
    weights = _class_weights(weight, classes).reshape([classes if dim == axis else 1 for dim in range(x.ndim)])
    logs = log_softmax(x, axis)
    if target.dtype.kind == "i":
        kept = np.expand_dims(target != ignore_index, axis)
        one_hot = np.expand_dims(target, axis) == _class_axis(classes, x.ndim, axis)
        count = (kept * one_hot * weights).sum()
    else:
        kept, one_hot, count = np.ones((), dtype=np.bool_), target, x.size // classes
    mixed = kept * weights * ((1 - label_smoothing) * one_hot + np.longdouble(label_smoothing) / classes)
    share = np.exp(logs)
    values = -(mixed * logs).sum(axis=axis)
    slope = share * mixed.sum(axis=axis, keepdims=True) - mixed
    slope_size = share * np.abs(mixed).sum(axis=axis, keepdims=True) + np.abs(mixed)
    room = np.abs(logs) + np.abs(x).max(axis=axis, keepdims=True) + 1
    return Terms(values, [slope], (np.abs(mixed) * room).sum(axis=axis), [slope_size], axis, count)


def bce(x: Array, y: Array, weight: Array | float = 1) -> Terms:
    """Return -w (y log x + (1 - y) log(1 - x)), each logarithm at least -100."""
    with np.errstate(divide="ignore"):
        first, second = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    values = -weight * (y * first + (1 - y) * second)
    slope = weight * (x - y) / np.maximum(x * (1 - x), 1e-12)
    size = np.abs(weight) * (y * np.abs(first) + (1 - y) * np.abs(second) + 1)
    return Terms(values, [slope], size, [np.abs(slope)])


def bce_with_logits(x: Array, y: Array, weight: Array | float = 1, pos_weight: Array | float = 1) -> Terms:
    """Return -w (p y log sigmoid(x) + (1 - y) log sigmoid(-x))."""
    low, high = np.logaddexp(0, -x), np.logaddexp(0, x)
    values = weight * (pos_weight * y * low + (1 - y) * high)
    slope = weight * ((1 - y) * sigmoid(x) - pos_weight * y * sigmoid(-x))
    scale = np.abs(weight * (pos_weight * y + (1 - y)))
    return Terms(values, [slope], scale * (np.abs(x) + 1), [scale + np.abs(weight) * (1 + np.abs(pos_weight))])


def kl_div(x: Array, y: Array, *, log_target: bool = False) -> Terms:
    """Return y (log y - x), 0 where y is 0; with `log_target` y is a logarithm itself."""
    if log_target:
        return Terms(np.exp(y) * (y - x), [-np.exp(y)], np.exp(y) * (np.abs(y) + np.abs(x) + 1), [np.exp(y)])
    logs = np.log(np.where(y > 0, y, 1))
    return Terms(np.where(y > 0, y * (logs - x), 0), [-y], y * (np.abs(logs) + np.abs(x) + 1), [np.abs(y)])


def hinge_embedding(x: Array, y: Array, margin: float = 1) -> Terms:
    """Return x where y is 1 and max(0, margin - x) where it is -1."""
    return _plain(np.where(y == 1, x, np.maximum(0, margin - x)), np.where(y == 1, 1, np.where(x < margin, -1, 0)))


def margin_ranking(x: Array, other: Array, y: Array, margin: float = 0) -> Terms:
    """Return max(0, -y (x - other) + margin)."""
    inner = -y * (x - other) + margin
    slope = np.where(inner > 0, -y, 0)
    return _plain(np.maximum(0, inner), slope, -slope)


def soft_margin(x: Array, y: Array) -> Terms:
    """Return log(1 + e^(-y x))."""
    values = np.logaddexp(0, -y * x)
    return Terms(values, [-y * sigmoid(-y * x)], values + np.abs(x), [np.ones_like(x)])


def poisson_nll(x: Array, y: Array, *, log_input: bool = True, full: bool = False, eps: float = 1e-8) -> Terms:
    """Return e^x - y x, or x - y log(x + eps); `full` adds Stirling's y log y - y + log(2 pi y) / 2 where y > 1."""
    values = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    slope = np.exp(x) - y if log_input else 1 - y / (x + eps)
    size = np.exp(x) + np.abs(y * x) if log_input else np.abs(x) + np.abs(y) * (np.abs(np.log(x + eps)) + 1)
    slope_size = np.exp(x) + np.abs(y) if log_input else 1 + np.abs(y / (x + eps))
    if full:
        many = np.where(y > 1, y, 1)
        stirling = many * np.log(many) - many + np.log(2 * PI * many) / 2
        values = values + np.where(y > 1, stirling, 0)
        size = size + np.where(y > 1, many * np.log(many) + many + np.log(2 * PI * many), 0)
    return Terms(values, [slope], size, [slope_size])


def gaussian_nll(x: Array, y: Array, var: Array, *, full: bool = False, eps: float = 1e-6) -> Terms:
    """Return (log v + (x - y)^2 / v) / 2 with v at least eps; `full` adds log(2 pi) / 2. Slopes of x and var."""
    v = np.maximum(var, eps)
    square = (x - y) ** 2 / v
    values = (np.log(v) + square) / 2 + (np.log(2 * PI) / 2 if full else 0)
    # The clamp of the variance is not differentiated.
    slopes = [(x - y) / v, (1 / v - square / v) / 2]
    sizes = [np.abs(slopes[0]), (1 / v + square / v) / 2]
    return Terms(values, slopes, (np.abs(np.log(v)) + square) / 2 + 2, sizes)


def multi_margin(x: Array, target: Array, p: int = 1, margin: float = 1, weight: Array | None = None) -> Terms:
    """Return, per row, the sum over the other classes of w max(0, margin - x[target] + x)^p over the classes."""
    classes = x.shape[-1]
    w = _class_weights(weight, classes)[target][..., None]
    chosen = target[..., None] == np.arange(classes)
    own = np.take_along_axis(x, target[..., None], -1)
    inner = np.where(chosen, 0, np.maximum(0, margin - own + x))
    slope = np.where(inner > 0, w * p * inner ** (p - 1), 0) / classes
    slope = slope - chosen * slope.sum(axis=-1, keepdims=True)
    return _plain((w * inner**p).sum(axis=-1) / classes, slope, row_axis=x.ndim - 1)


def multilabel_margin(x: Array, target: Array) -> Terms:
    """Return, per row, the sum of max(0, 1 - (x[label] - x[other])) over the classes; labels end at the first -1."""
    rows, labels = x.reshape(-1, x.shape[-1]), target.reshape(-1, x.shape[-1])
    values, slopes = np.zeros(len(rows), dtype=x.dtype), np.zeros_like(rows)
    for row, (scores, given) in enumerate(zip(rows, labels, strict=True)):
        end = int(np.argmax(given < 0)) if (given < 0).any() else len(given)
        own = [int(label) for label in given[:end]]
        for label in own:
            for other in set(range(len(scores))) - set(own):
                inner = 1 - (scores[label] - scores[other])
                if inner > 0:
                    values[row] += inner
                    slopes[row, label] -= 1
                    slopes[row, other] += 1
    lead = x.shape[:-1]
    return _plain(values.reshape(lead) / x.shape[-1], slopes.reshape(x.shape) / x.shape[-1], row_axis=x.ndim - 1)


def multilabel_soft_margin(x: Array, y: Array, weight: Array | float = 1) -> Terms:
    """Return, per row, the mean over classes of -w (y log sigmoid(x) + (1 - y) log sigmoid(-x))."""
    terms = bce_with_logits(x, y, weight)
    classes = x.shape[-1]
    return Terms(
        terms.values.mean(axis=-1),
        [terms.slopes[0] / classes],
        terms.size.mean(axis=-1),
        [terms.slope_sizes[0] / classes],
        x.ndim - 1,
    )


def cosine(x: Array, y: Array, axis: int = -1, eps: float = 1e-8) -> tuple[Array, Array, Array]:
    """Return the cosine of the angle between rows, and its slopes; the norms are at least eps."""
    norms = [np.maximum(np.sqrt((each**2).sum(axis=axis, keepdims=True)), eps) for each in (x, y)]
    value = (x * y).sum(axis=axis, keepdims=True) / (norms[0] * norms[1])
    free = [norm > eps for norm in norms]
    slopes = [
        other / (norms[0] * norms[1]) - np.where(kept, value * own / norm**2, 0)
        for own, other, norm, kept in ((x, y, norms[0], free[0]), (y, x, norms[1], free[1]))
    ]
    return value.squeeze(axis), slopes[0], slopes[1]


def cosine_embedding(x: Array, other: Array, y: Array, margin: float = 0) -> Terms:
    """Return 1 - cos where y is 1 and max(0, cos - margin) where it is -1."""
    value, first, second = cosine(x, other)
    sign = np.where(y == 1, -1, np.where(value > margin, 1, 0))
    values = np.where(y == 1, 1 - value, np.maximum(0, value - margin))
    slopes = [sign[..., None] * each for each in (first, second)]
    lengths = [1 / np.sqrt((each**2).sum(axis=-1, keepdims=True)) + 0 * each for each in (x, other)]
    return Terms(values, slopes, 2 + 0 * values, [2 * each for each in lengths], x.ndim - 1)


def distance(x: Array, y: Array, p: float = 2, eps: float = 1e-6) -> tuple[Array, Array]:
    """Return the p-norm of x - y + eps along the last dimension, and its slope for x."""
    d = x - y + eps
    if np.isinf(p):
        value = np.abs(d).max(axis=-1)
        return value, np.sign(d) * (np.abs(d) == value[..., None])
    value = (np.abs(d) ** p).sum(axis=-1) ** (1 / np.longdouble(p))
    return value, np.sign(d) * (np.abs(d) / value[..., None]) ** (p - 1)


def triplet_margin(
    a: Array, near: Array, far: Array, margin: float = 1, p: float = 2, eps: float = 1e-6, *, swap: bool = False
) -> Terms:
    """Return max(0, d(a, near) - d(a, far) + margin); with `swap`, d(near, far) where that is smaller."""
    first, slope_first = distance(a, near, p, eps)
    second, slope_second = distance(a, far, p, eps)
    anchor_far, near_far = slope_second, np.zeros_like(slope_second)
    if swap:
        third, slope_third = distance(near, far, p, eps)
        swapped = (third < second)[..., None]
        second = np.minimum(second, third)
        anchor_far, near_far = np.where(swapped, 0, slope_second), np.where(swapped, slope_third, 0)
    inner = first - second + margin
    on = (inner > 0)[..., None]
    slopes = [on * (slope_first - anchor_far), on * (-slope_first - near_far), on * (anchor_far + near_far)]
    sizes = [2 + np.abs(slope) for slope in slopes]
    return Terms(np.maximum(0, inner), slopes, first + second + abs(margin), sizes, a.ndim - 1)
