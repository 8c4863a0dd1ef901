"""Initial values of parameters: fans, gains, ranges and spreads, and the distributions that go with them.

Sources: PyTorch documentation, torch.nn.init, and of each layer "Variables"; X. Glorot and Y. Bengio (2010),
"Understanding the difficulty of training deep feedforward neural networks"; K. He et al. (2015), "Delving deep into
rectifiers"; A. Saxe et al. (2013), "Exact solutions to the nonlinear dynamics of learning in deep linear networks".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics.random import normal_cdf

Array = npt.NDArray[Any]


def fans(size: tuple[int, ...]) -> tuple[int, int]:
    """Return fan_in and fan_out of a weight: the feature dimensions, each times the kernel's elements.

    Raises:
        ValueError: For fewer than two dimensions.
    """
    if len(size) < 2:
        raise ValueError("fans are of weights of two dimensions and more")
    kernel = math.prod(size[2:])
    return size[1] * kernel, size[0] * kernel


def gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the recommended gain of a nonlinearity; `param` is the negative slope of leaky_relu, 0.01 by default."""
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2 / (1 + slope * slope))
    return {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}.get(nonlinearity, 1.0)


def xavier_std(size: tuple[int, ...], factor: float = 1.0) -> float:
    """Return the standard deviation of Glorot's initialisation."""
    return factor * math.sqrt(2 / sum(fans(size)))


def kaiming_std(size: tuple[int, ...], a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> float:
    """Return the standard deviation of He's initialisation; `a` is the negative slope of leaky_relu."""
    fan = fans(size)[("fan_in", "fan_out").index(mode)]
    return gain(nonlinearity, a if nonlinearity == "leaky_relu" else None) / math.sqrt(fan)


def uniform_bound(std: float) -> float:
    """Return the bound b for which the uniform distribution on [-b, b] has a standard deviation."""
    return math.sqrt(3) * std


def largest_shortfall(count: int, error_rate: float) -> float:
    """Return by what share of its interval the largest of `count` uniform numbers falls short, with at most that rate.

    Source: P(max < 1 - e) = (1 - e)**n <= exp(-n e), for uniform numbers on [0, 1].
    """
    return -math.log(error_rate) / count


def truncated_normal_cdf(points: Array, mean: float, std: float, a: float, b: float) -> Array:
    """Return the distribution function of a normal distribution confined to [a, b]."""
    low, high, at = (normal_cdf((np.asarray(each) - mean) / std) for each in (a, b, np.clip(points, a, b)))
    return np.asarray((at - low) / (high - low))


def eye(rows: int, columns: int) -> Array:
    """Return ones on the main diagonal."""
    return np.eye(rows, columns)


def dirac(size: tuple[int, ...], groups: int = 1) -> Array:
    """Return a kernel that passes as many input channels of each group as it can: 1 in its middle."""
    result = np.zeros(size)
    per_group = size[0] // groups
    middle = tuple(extent // 2 for extent in size[2:])
    for group in range(groups):
        for channel in range(min(per_group, size[1])):
            place = (group * per_group + channel, channel, *middle)
            result[place] = 1
    return result
