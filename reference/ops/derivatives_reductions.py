"""Reductions, scans and normalisations as operations of the tape.

Source: PyTorch documentation, torch.sum, torch.mean, torch.prod, torch.var, torch.std, torch.linalg.vector_norm,
torch.amax (gradients are shared between equal values), torch.max (along a dimension they go to the element indexed),
torch.logsumexp, torch.softmax, torch.log_softmax, torch.cumsum, torch.cumprod, torch.logcumsumexp, torch.cummax.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import bounded, bounded_functions, tape
from torch_conformance.reference.numerics.tape import Variable, multiply, places_of, taken, total
from torch_conformance.reference.ops import derivatives
from torch_conformance.reference.ops.reductions import Dims, axes

Array = npt.NDArray[Any]


def _kept(operand: Variable, dim: Dims) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the dimensions that are reduced, and the shape in which they are kept with size 1."""
    along = axes(len(operand.shape), dim)
    return along, tuple(1 if each in along else extent for each, extent in enumerate(operand.shape))


def _dropped(operand: Variable, along: tuple[int, ...], *, keepdim: bool) -> Variable:
    if keepdim:
        return operand
    return tape.reshape(operand, tuple(n for each, n in enumerate(operand.shape) if each not in along))


def sum(x: Variable, dim: Dims = None, *, keepdim: bool = False) -> Variable:  # noqa: A001
    """Return the sum over dimensions."""
    return total(x, axes(len(x.shape), dim), keepdim=keepdim)


def mean(x: Variable, dim: Dims = None, *, keepdim: bool = False) -> Variable:
    """Return the sum over dimensions divided by how many elements it has."""
    along, _ = _kept(x, dim)
    return sum(x, dim, keepdim=keepdim) / math.prod(x.shape[each] for each in along)


def lanes(x: Variable, dim: Dims) -> list[Variable]:
    """Return the elements along the reduced dimensions as slices of the shape in which those have size 1."""
    along, kept = _kept(x, dim)
    places = np.moveaxis(places_of(x.shape), along, range(len(along)))
    flat = places.reshape(math.prod(x.shape[each] for each in along), *places.shape[len(along) :])
    return [taken(x, each.reshape(kept)) for each in flat]


def prod(x: Variable, dim: int | None = None, *, keepdim: bool = False) -> Variable:
    """Return the product over one dimension or all; its gradients may be worked out by division, and so be rounded."""
    along, kept = _kept(x, dim)
    result = tape.constant(np.ones(kept), x)
    parts = lanes(x, dim)
    for part in parts:
        result = multiply(result, part)
    data = bounded.loosened(result.data, len(parts)) if result.data.bound.any() else result.data
    count = len(parts)
    loose = tape.node(data, (result, lambda g: _loosened(g, count)))
    return _dropped(loose, along, keepdim=keepdim)


def _loosened(g: Variable, count: int) -> Variable:
    return tape.node(bounded.loosened(g.data, count + 2), (g, lambda h: h))


def var(x: Variable, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Variable:
    """Return the sum of squared deviations from the mean over n - correction."""
    along, _ = _kept(x, dim)
    count = math.prod(x.shape[each] for each in along)
    deviations = x - mean(x, dim, keepdim=True)
    return sum(multiply(deviations, deviations), dim, keepdim=keepdim) / (count - correction)


def std(x: Variable, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Variable:
    """Return the square root of the variance."""
    return derivatives.UNARY["sqrt"](var(x, dim, correction=correction, keepdim=keepdim))


def vector_norm(x: Variable, order: float = 2, dim: Dims = None, *, keepdim: bool = False) -> Variable:
    """Return (sum |x|**p)**(1/p) for finite p but 0; at zero its gradient is zero, that of least norm."""
    along, _ = _kept(x, dim)
    size = derivatives.UNARY["abs"](x)
    if math.isinf(order):
        return (amax if order > 0 else amin)(size, dim, keepdim=keepdim)
    if order == 1:
        return sum(size, dim, keepdim=keepdim)
    power = derivatives.BINARY["pow"]
    zero = x.data.values == 0
    safe = tape.selected(zero, tape.constant(np.ones(x.shape), x), size)
    raised = tape.selected(zero, tape.constant(np.zeros(x.shape), x), power(safe, tape.lifted(order, x)))
    whole = sum(raised, dim, keepdim=True)
    empty = whole.data.values == 0
    lifted = tape.selected(empty, tape.constant(np.ones(whole.shape), x), whole)
    root = power(lifted, tape.lifted(1 / order, x))
    return _dropped(tape.selected(empty, tape.constant(np.zeros(whole.shape), x), root), along, keepdim=keepdim)


def amax(x: Variable, dim: Dims = None, *, keepdim: bool = False) -> Variable:
    """Return the largest value over dimensions; equal ones share the gradient evenly."""
    along, kept = _kept(x, dim)
    values = x.data.values
    top = np.max(values, axis=along, keepdims=True)
    equal = values == top
    share = tape.constant(equal, x)
    count = tape.constant(np.sum(equal, axis=along, keepdims=True), x)
    bound = np.max(x.data.bound, axis=along, keepdims=True)
    best = tape.node(
        bounded.like(x.data, top, bound),
        (x, lambda g: multiply(tape.expand(g / count, x.shape), share)),
    )
    return _dropped(tape.reshape(best, kept), along, keepdim=keepdim)


def amin(x: Variable, dim: Dims = None, *, keepdim: bool = False) -> Variable:
    """Return the smallest value over dimensions; equal ones share the gradient evenly."""
    return tape.negative(amax(tape.negative(x), dim, keepdim=keepdim))


def at(x: Variable, indices: Array, dim: int, *, keepdim: bool = False) -> Variable:
    """Return the elements that indices (kept in shape) name along a dimension, as max, median and their like do."""
    if not x.shape:
        return x
    places = np.take_along_axis(places_of(x.shape), indices, dim)
    return taken(x, places if keepdim else np.squeeze(places, dim))


def gathered(x: Variable, indices: Array, dim: int) -> Variable:
    """Return the elements that indices name along a dimension, in the shape of the indices (torch.gather)."""
    places = places_of(x.shape)
    return taken(x, np.take_along_axis(places[tuple(slice(0, n) for n in _room(x, indices, dim))], indices, dim))


def _room(x: Variable, indices: Array, dim: int) -> list[int]:
    pairs = enumerate(zip(x.shape, indices.shape, strict=True))
    return [extent if each == dim % len(x.shape) else wanted for each, (extent, wanted) in pairs]


def logsumexp(x: Variable, dim: Dims, *, keepdim: bool = False) -> Variable:
    """Return log(sum(exp(x))), which derives to exp(x - result)."""
    along, _ = _kept(x, dim)

    def passed(g: Variable) -> Variable:
        return multiply(tape.expand(g, x.shape), derivatives.UNARY["exp"](x - whole))

    whole = tape.node(bounded_functions.logsumexp(x.data, along), (x, passed))
    return _dropped(whole, along, keepdim=keepdim)


def softmax(x: Variable, dim: int) -> Variable:
    """Return exp(x) over its sum along a dimension, y, which passes y (g - sum(g y))."""

    def passed(g: Variable) -> Variable:
        return multiply(whole, g - sum(multiply(g, whole), dim, keepdim=True))

    whole = tape.node(bounded_functions.softmax(x.data, axes(len(x.shape), dim)), (x, passed))
    return whole


def log_softmax(x: Variable, dim: int) -> Variable:
    """Return x - logsumexp(x) along a dimension, which passes g - exp(y) sum(g)."""

    def passed(g: Variable) -> Variable:
        return g - multiply(derivatives.UNARY["exp"](whole), sum(g, dim, keepdim=True))

    whole = tape.node(bounded_functions.log_softmax(x.data, axes(len(x.shape), dim)), (x, passed))
    return whole


def cumsum(x: Variable, dim: int) -> Variable:
    """Return the running sum along a dimension."""
    return tape.running_total(x, dim) if x.shape else x


def cumprod(x: Variable, dim: int) -> Variable:
    """Return the running product along a dimension; its gradients may be worked out by division."""
    if not x.shape:
        return x
    parts = lanes(x, dim)
    running: list[Variable] = []
    for part in parts:
        running.append(multiply(running[-1], part) if running else part)
    result = tape.joined(running, lambda places: np.concatenate(places, axis=dim))
    count = 2 * len(parts)
    return tape.node(result.data, (result, lambda g: _loosened(g, count)))


def logcumsumexp(x: Variable, dim: int) -> Variable:
    """Return log(cumsum(exp(x))) along a dimension: of each beginning, its logsumexp."""
    if not x.shape:
        return x
    places = np.moveaxis(places_of(x.shape), dim, 0)
    parts = [logsumexp(taken(x, places[: length + 1]), 0) for length in range(x.shape[dim])]
    return tape.joined(parts, lambda found: np.stack(found, axis=dim))
