"""Normalisation layers as cases: few-bit operands, and how many roundings a result may have."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import roundings
from torch_conformance.conformance.judging.layers import whole
from torch_conformance.reference.nn.normalisation import Normalised

Array = npt.NDArray[Any]

EPS = (1e-5, 0.5, 3.0)
MADE = "device=device, dtype=x.dtype"


def roundings_of(cell: Cell, done: Normalised, of: str = "value") -> float:
    """Return how many roundings a plain evaluation of moments and quotients may have.

    Args:
        cell: Where it ran.
        done: The normalisation, with the number of terms of its moments and their condition.
        of: The value, or the gradient of the input.
    """
    return roundings(cell, f"nn.normalisation.{of}", terms=done.count, condition=done.condition)


def wide(array: Array) -> Array:
    """Return the elements as longdouble."""
    return array.astype(np.longdouble)


def operands_of(
    generator: np.random.Generator, size: tuple[int, ...], weights: tuple[int, ...]
) -> tuple[Array, Array, Array, Array]:
    """Return few-bit input, weight, bias and gradient; each channel has a mean and a spread of its own."""
    x = whole(generator, size, 4) / 2 + np.arange(size[1] if len(size) > 1 else 1).reshape(-1, *[1] * (len(size) - 2))
    w, b = (
        generator.integers(1, 9, weights) / 4.0 * (-1.0) ** np.arange(weights[-1] if weights else 1) for _ in range(2)
    )
    return x, w, b, whole(generator, size, 2)


def per_channel(values: Array, ndim: int) -> Array:
    """Return one number per channel so that it broadcasts to an input of `ndim` dimensions."""
    return values.reshape(1, -1, *[1] * (ndim - 2))
