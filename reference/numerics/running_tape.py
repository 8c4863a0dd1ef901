"""Arithmetic that carries, beside each value, a bound on the rounding error of any correct evaluation; and its tape.

Each operation adds to the errors that its operands bring what it may itself round, after J. H. Wilkinson's running
error analysis (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", section 3.3), but charges sixteen
roundings for one: a sum may then be taken in any order together with sums next to it, factors may be regrouped, and
elementary functions may be as loose as the vector libraries in use. Values are held in longdouble, so that their own
error does not count.

Every result remembers how it came about: `gradients` goes back along the tape, by the same arithmetic, so that
derivatives have bounds too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo

Array = npt.NDArray[Any]

_CHARGE = 16
_WIDE = np.longdouble


def charge(dtype: str) -> float:
    """Return the relative error that one operation in a dtype is allowed."""
    return _CHARGE * (finfo(dtype).eps / 2 + float(np.finfo(_WIDE).eps) / 2)


class Running:
    """Values of an expression, how far a correct evaluation may lie from them, and what they were made of.

    Attributes:
        values: The exact values, longdouble.
        error: Bound on the distance of a correct evaluation, float64, of the same shape.
        unit: Relative error that one operation is charged.
        parents: Operands, and for each what takes the cotangent of this result to its own.
    """

    __slots__ = ("error", "parents", "unit", "values")

    def __init__(
        self,
        values: Array,
        error: Array | float,
        unit: float,
        parents: tuple[tuple[Running, Callable[[Running], Running]], ...] = (),
    ) -> None:
        """Hold values with an error that broadcasts to them."""
        self.values = np.asarray(values, dtype=_WIDE)
        bound = np.asarray(error, dtype=np.float64)
        # An infinite error times an exact zero is a NaN, which says as little as infinity does.
        bound = bound if np.isfinite(bound).all() else np.where(np.isfinite(bound), bound, np.inf)
        self.error = np.broadcast_to(bound, self.values.shape)
        self.unit = unit
        self.parents = parents

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the values."""
        return self.values.shape

    @property
    def size(self) -> Array:
        """Return the largest magnitude that a correct evaluation may have."""
        return np.asarray(np.abs(self.values).astype(np.float64) + self.error)

    def __add__(self, other: Running) -> Running:
        """Return the sum, broadcast."""
        error = self.error + other.error + self.unit * (self.size + other.size)
        back = ((self, lambda g: _fit(g, self.shape)), (other, lambda g: _fit(g, other.shape)))
        return Running(self.values + other.values, error, self.unit, back)

    def __neg__(self) -> Running:
        """Return the negated values."""
        return Running(-self.values, self.error, self.unit, ((self, lambda g: -g),))

    def __sub__(self, other: Running) -> Running:
        """Return the difference, broadcast."""
        return self + (-other)

    def __mul__(self, other: Running) -> Running:
        """Return the product, broadcast."""
        error = _product_error(self, other, np.multiply) + self.unit * self.size * other.size
        back = ((self, lambda g: _fit(g * other, self.shape)), (other, lambda g: _fit(g * self, other.shape)))
        return Running(self.values * other.values, error, self.unit, back)

    def __matmul__(self, other: Running) -> Running:
        """Return the matrix product of operands of two dimensions or more, with broadcast batches."""
        terms = self.shape[-1]
        error = _product_error(self, other, np.matmul) + (terms + 1) * self.unit * (self.size @ other.size)
        back = (
            (self, lambda g: _fit(g @ other.transposed(), self.shape)),
            (other, lambda g: _fit(self.transposed() @ g, other.shape)),
        )
        return Running(self.values @ other.values, error, self.unit, back)

    def __getitem__(self, index: Any) -> Running:
        """Return a part, by a basic index."""

        def back(cotangent: Running) -> Running:
            values, error = np.zeros(self.shape, _WIDE), np.zeros(self.shape)
            values[index], error[index] = cotangent.values, cotangent.error
            return Running(values, error, self.unit)

        return Running(self.values[index], self.error[index], self.unit, ((self, back),))

    def transposed(self, *order: int) -> Running:
        """Return with dimensions in another order; without one, the last two swapped."""
        axes = order or (*range(len(self.shape) - 2), len(self.shape) - 1, len(self.shape) - 2)
        inverse = tuple(int(each) for each in np.argsort(axes))
        back = ((self, lambda g: g.transposed(*inverse)),)
        return Running(self.values.transpose(axes), self.error.transpose(axes), self.unit, back)

    def reshaped(self, *shape: int) -> Running:
        """Return in another shape."""
        back = ((self, lambda g: g.reshaped(*self.shape)),)
        return Running(self.values.reshape(shape), self.error.reshape(shape), self.unit, back)

    def summed(self, axis: int) -> Running:
        """Return the sum along a dimension, kept with size 1."""
        error = np.sum(self.error, axis, keepdims=True)
        error = error + self.shape[axis] * self.unit * np.sum(self.size, axis, keepdims=True)
        zero = Running(np.zeros(self.shape), 0, 0)
        back = ((self, lambda g: Running(g.values + zero.values, g.error + zero.error, self.unit)),)
        return Running(np.sum(self.values, axis, keepdims=True), error, self.unit, back)

    def scaled(self, factor: float) -> Running:
        """Return a multiple by an exact number."""
        return self * Running(np.asarray(factor, dtype=_WIDE), 0, self.unit)


def _product_error(a: Running, b: Running, multiply: Callable[[Array, Array], Array]) -> Array:
    left, right = np.abs(a.values).astype(np.float64), np.abs(b.values).astype(np.float64)
    return np.asarray(multiply(left, b.error) + multiply(a.error, right) + multiply(a.error, b.error))


def _fit(cotangent: Running, shape: tuple[int, ...]) -> Running:
    """Return the sum of a cotangent over what was broadcast."""
    while len(cotangent.shape) > len(shape):
        cotangent = cotangent.summed(0).reshaped(*cotangent.shape[1:])
    for axis, extent in enumerate(shape):
        if extent == 1 != cotangent.shape[axis]:
            cotangent = cotangent.summed(axis)
    return cotangent


def leaf(values: Array, dtype: str, *, unit: float | None = None) -> Running:
    """Return exact values, whose operations are rounded to `dtype`, or are charged `unit`."""
    return Running(values, 0, charge(dtype) if unit is None else unit)


def joined(parts: Sequence[Running], axis: int) -> Running:
    """Return parts one after the other along a dimension."""
    back, start = [], 0
    for part in parts:
        index = (*(slice(None) for _ in range(axis)), slice(start, start + part.shape[axis]))
        back.append((part, lambda g, index=index: g[index]))
        start += part.shape[axis]
    values = np.concatenate([part.values for part in parts], axis)
    error = np.concatenate([part.error for part in parts], axis)
    return Running(values, error, parts[0].unit, tuple(back))


def kept(a: Running, mask: Array) -> Running:
    """Return `a` where the mask is true, and exact zeros elsewhere."""
    back = ((a, lambda g: _fit(kept(g, mask), a.shape)),)
    values = np.where(mask, a.values, np.zeros((), _WIDE))
    return Running(values, np.where(mask, a.error, 0), a.unit, back)


def tanh(a: Running) -> Running:
    """Return the hyperbolic tangent, whose slope is at most 1."""
    result = Running(np.tanh(a.values), a.error + 2 * a.unit, a.unit)
    one = Running(np.ones((), _WIDE), 0, a.unit)
    result.parents = ((a, lambda g: g * (one - result * result)),)
    return result


def sigmoid(a: Running) -> Running:
    """Return 1 / (1 + exp(-a)), whose slope is at most 1/4."""
    result = Running(1 / (1 + np.exp(-a.values)), a.error / 4 + 2 * a.unit, a.unit)
    one = Running(np.ones((), _WIDE), 0, a.unit)
    result.parents = ((a, lambda g: g * (result * (one - result))),)
    return result


def relu(a: Running) -> Running:
    """Return the positive part; where the error reaches across 0, either slope is correct."""
    unsure = (np.abs(a.values) <= a.error) & (a.error > 0)
    slope = Running((a.values > 0).astype(_WIDE), unsure.astype(np.float64), a.unit)
    return Running(np.maximum(a.values, 0), a.error, a.unit, ((a, lambda g: g * slope),))


def exp(a: Running) -> Running:
    """Return the exponential."""
    values = np.exp(a.values)
    error = np.abs(values).astype(np.float64) * (np.expm1(a.error) + 2 * a.unit * np.exp(a.error))
    result = Running(values, error, a.unit)
    result.parents = ((a, lambda g: g * result),)
    return result


def reciprocal(a: Running) -> Running:
    """Return 1 / a; the error is infinite where that of `a` reaches 0."""
    values = 1 / a.values
    size = np.abs(a.values).astype(np.float64)
    nearest = np.where(size > a.error, size - a.error, np.nan)
    result = Running(values, a.error / (size * nearest) + a.unit / nearest, a.unit)
    result.parents = ((a, lambda g: -(g * (result * result))),)
    return result


def root(a: Running) -> Running:
    """Return the square root of positive values."""
    values = np.sqrt(a.values)
    low = np.sqrt(np.maximum(a.values.astype(np.float64) - a.error, 0))
    error = a.error / (values.astype(np.float64) + low) + a.unit * (values.astype(np.float64) + a.error)
    result = Running(values, error, a.unit)
    result.parents = ((a, lambda g: g * reciprocal(result.scaled(2))),)
    return result


def gradients(outputs: Sequence[Running], cotangents: Sequence[Array], leaves: Sequence[Running]) -> list[Running]:
    """Return the vector-Jacobian products of leaves, given exact cotangents of the outputs; 0 where none depends."""
    order: list[Running] = []
    seen: set[int] = set()
    stack = [(each, False) for each in outputs]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    found: dict[int, Running] = {}
    for output, cotangent in zip(outputs, cotangents, strict=True):
        given = Running(np.broadcast_to(cotangent, output.shape), 0, output.unit)
        found[id(output)] = found[id(output)] + given if id(output) in found else given
    for node in reversed(order):
        cotangent_here = found.get(id(node))
        if cotangent_here is None:
            continue
        for parent, back in node.parents:
            share = back(cotangent_here)
            found[id(parent)] = found[id(parent)] + share if id(parent) in found else share
    return [found.get(id(each), Running(np.zeros(each.shape, _WIDE), 0, each.unit)) for each in leaves]
