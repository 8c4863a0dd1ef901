"""Activation functions, their derivatives, and the sizes of the terms that both are summed from.

Callers pass longdouble (or float64) arrays. Each row gives value and derivative of x and the options; the size
functions bound the sum of magnitudes of the terms of a plain evaluation, so that a few roundings of terms of that
size are what a correct answer may lie off.

Source: PyTorch documentation, torch.nn, "Non-linear Activations".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import bounded_functions, special
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops.elementwise import sigmoid

Array = npt.NDArray[Any]
Function = Callable[..., Any]

_ONE = np.longdouble(1)
_SELU_ALPHA = np.longdouble("1.6732632423543772848170429916717")
_SELU_SCALE = np.longdouble("1.0507009873554804934193349852946")
_TANH_GELU = np.longdouble("0.044715")
_ROOT_HALF = np.sqrt(_ONE / 2)


def softplus(x: Array, beta: float = 1, threshold: float = 20) -> Array:
    """Return log(1 + e^(beta x)) / beta, and x itself where beta x is over the threshold."""
    scaled = beta * x
    return np.where(scaled > threshold, x, np.logaddexp(0, scaled) / beta)


def _normal_density(x: Array) -> Array:
    return np.asarray(np.exp(-x * x / 2) / np.sqrt(2 * special.PI))


def gelu(x: Array, approximate: str = "none") -> Array:
    """Return x times the normal distribution function, or its approximation by tanh."""
    if approximate == "tanh":
        return np.asarray(x / 2 * (1 + np.tanh(np.sqrt(2 / special.PI) * (x + _TANH_GELU * x**3))))
    return np.asarray(x / 2 * (1 + special.erf(x * _ROOT_HALF)))


def gelu_derivative(x: Array, approximate: str = "none") -> Array:
    """Return the derivative of `gelu`."""
    if approximate == "tanh":
        root = np.sqrt(2 / special.PI)
        curve = np.tanh(root * (x + _TANH_GELU * x**3))
        return np.asarray((1 + curve) / 2 + x / 2 * (1 - curve**2) * root * (1 + 3 * _TANH_GELU * x**2))
    return np.asarray((1 + special.erf(x * _ROOT_HALF)) / 2 + x * _normal_density(x))


def mish_derivative(x: Array) -> Array:
    """Return the derivative of x tanh(softplus(x))."""
    curve = np.tanh(softplus(x))
    return np.asarray(curve + x * (1 - curve**2) * sigmoid(x))


def _elu(x: Array, alpha: float = 1) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _elu_derivative(x: Array, alpha: float = 1) -> Array:
    return np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


def _clipped(x: Array, low: float, high: float) -> Array:
    return np.clip(x, low, high)


def _inside(x: Array, low: float, high: float) -> Array:
    return ((x > low) & (x < high)).astype(x.dtype)


def _hardswish_derivative(x: Array) -> Array:
    return np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6))


@dataclasses.dataclass(frozen=True)
class Activation:
    """A function of each element.

    Attributes:
        value: Of x and the options.
        derivative: Of x and the options.
        size: Sum of magnitudes of the value's terms, of x and the options; None for the value's own.
        slope_size: The same of the derivative; None for the derivative's own.
        kinks: The places without a derivative that the documentation settles, of the options.
    """

    value: Function
    derivative: Function
    size: Function | None = None
    slope_size: Function | None = None
    kinks: Function = lambda **_: ()


ACTIVATIONS: MappingProxyType[str, Activation] = MappingProxyType(
    {
        "relu": Activation(lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(x.dtype)),
        "relu6": Activation(lambda x: _clipped(x, 0, 6), lambda x: _inside(x, 0, 6), kinks=lambda: (0, 6)),
        "leaky-relu": Activation(
            lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
            lambda x, negative_slope=0.01: np.where(x > 0, 1, negative_slope * np.ones_like(x)),
        ),
        "elu": Activation(
            _elu,
            _elu_derivative,
            size=lambda x, alpha=1: np.abs(x) + abs(alpha),
            slope_size=lambda x, alpha=1: 1 + abs(alpha) + 0 * x,
            kinks=lambda alpha=1: () if alpha == 1 else (0,),
        ),
        "celu": Activation(
            lambda x, alpha=1: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
            lambda x, alpha=1: np.where(x > 0, 1, np.exp(np.minimum(x, 0) / alpha)),
            size=lambda x, alpha=1: np.abs(x) + alpha,
            slope_size=lambda x, **_: 2 + 0 * x,
        ),
        "selu": Activation(
            lambda x: _SELU_SCALE * _elu(x, _SELU_ALPHA),
            lambda x: _SELU_SCALE * _elu_derivative(x, _SELU_ALPHA),
            size=lambda x: np.abs(x) + 2,
            slope_size=lambda x: 4 + 0 * x,
            kinks=lambda: (0,),
        ),
        "gelu": Activation(
            gelu, gelu_derivative, size=lambda x, **_: np.abs(x), slope_size=lambda x, **_: 1 + np.abs(x)
        ),
        "silu": Activation(
            lambda x: x * sigmoid(x),
            lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
            slope_size=lambda x: sigmoid(x) * (1 + np.abs(x)),
        ),
        "mish": Activation(
            lambda x: x * np.tanh(softplus(x)),
            mish_derivative,
            size=np.abs,
            slope_size=lambda x: 1 + np.abs(x),
        ),
        "softplus": Activation(
            softplus,
            lambda x, beta=1, threshold=20: np.where(beta * x > threshold, 1, sigmoid(beta * x)),
            slope_size=lambda x, **_: 1 + 0 * x,
        ),
        "softsign": Activation(
            lambda x: x / (1 + np.abs(x)),
            lambda x: 1 / (1 + np.abs(x)) ** 2,
            slope_size=lambda x: 2 / (1 + np.abs(x)),
        ),
        "tanhshrink": Activation(
            lambda x: x - np.tanh(x),
            lambda x: np.tanh(x) ** 2,
            size=lambda x: np.abs(x) + np.abs(np.tanh(x)),
            slope_size=lambda x: 1 + 0 * x,
        ),
        "softshrink": Activation(
            lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
            lambda x, lambd=0.5: (np.abs(x) > lambd).astype(x.dtype),
            kinks=lambda lambd=0.5: (-lambd, lambd),
        ),
        "hardshrink": Activation(
            lambda x, lambd=0.5: np.where(np.abs(x) > lambd, x, 0),
            lambda x, lambd=0.5: (np.abs(x) > lambd).astype(x.dtype),
            kinks=lambda lambd=0.5: (-lambd, lambd),
        ),
        "hardtanh": Activation(
            lambda x, min_val=-1, max_val=1: _clipped(x, min_val, max_val),
            lambda x, min_val=-1, max_val=1: _inside(x, min_val, max_val),
            kinks=lambda min_val=-1, max_val=1: (min_val, max_val),
        ),
        "hardsigmoid": Activation(
            lambda x: _clipped(x / 6 + _ONE / 2, 0, 1),
            lambda x: _inside(x, -3, 3) / 6,
            size=lambda x: 1 + np.abs(x) / 6,
            kinks=lambda: (-3, 3),
        ),
        "hardswish": Activation(
            lambda x: x * _clipped(x + 3, 0, 6) / 6,
            _hardswish_derivative,
            slope_size=lambda x: np.where(np.abs(x) < 3, (2 * np.abs(x) + 3) / 6, 1),
            kinks=lambda: (-3, 3),
        ),
        "logsigmoid": Activation(
            lambda x: -softplus(-x, 1, np.inf), lambda x: sigmoid(-x), slope_size=lambda x: 1 + 0 * x
        ),
        "threshold": Activation(
            lambda x, threshold, value: np.where(x > threshold, x, value),
            lambda x, threshold, value: (x > threshold).astype(x.dtype),  # noqa: ARG005
            kinks=lambda threshold, value: (threshold,),  # noqa: ARG005
        ),
        "rrelu": Activation(
            lambda x, lower=1 / 8, upper=1 / 3: np.where(x >= 0, x, x * ((lower + upper) / 2)),
            lambda x, lower=1 / 8, upper=1 / 3: np.where(x >= 0, 1, (lower + upper) / 2 + 0 * x),
            kinks=lambda **_: (0,),
        ),
        "sigmoid": Activation(sigmoid, lambda x: sigmoid(x) * sigmoid(-x), slope_size=sigmoid),
        "tanh": Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2, slope_size=lambda x: 1 + 0 * x),
    }
)


def prelu(x: Array, weight: Array) -> Array:
    """Return x where it is positive and weight x elsewhere; `weight` broadcasts."""
    return np.where(x > 0, x, weight * x)


def glu(x: Array, dim: int) -> Array:
    """Return the first half along a dimension times the sigmoid of the second."""
    first, second = np.split(x, 2, axis=dim)
    return first * sigmoid(second)


def glu_gradient(x: Array, g: Array, dim: int) -> Array:
    """Return the gradient of `glu`."""
    first, second = np.split(x, 2, axis=dim)
    curve = sigmoid(second)
    return np.concatenate([g * curve, g * first * curve * sigmoid(-second)], axis=dim)


def softmax(x: Array, dim: int) -> Array:
    """Return e^x over its sum along a dimension."""
    return bounded_functions.softmax(_without_bound(x), (dim % x.ndim,)).values


def log_softmax(x: Array, dim: int) -> Array:
    """Return the logarithm of `softmax`."""
    return bounded_functions.log_softmax(_without_bound(x), (dim % x.ndim,)).values


def _without_bound(x: Array) -> Bounded:
    return Bounded(x, np.zeros(x.shape), "float64")


def softmax_gradient(y: Array, g: Array, dim: int) -> Array:
    """Return the gradient of `softmax`, of whose value `y` is."""
    return np.asarray(y * (g - (g * y).sum(axis=dim, keepdims=True)))


def log_softmax_gradient(y: Array, g: Array, dim: int) -> Array:
    """Return the gradient of `log_softmax`, of whose value `y` is."""
    return np.asarray(g - np.exp(y) * g.sum(axis=dim, keepdims=True))
