"""Elementwise operators as operations of the tape, made of the rows of `elementwise`: value and derivative in one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import finfo
from torch_conformance.reference.numerics import bounded, bounded_functions, special, tape
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import elementwise

Array = npt.NDArray[Any]
Quantity = elementwise.Quantity

# The trigamma function that derives digamma cuts its asymptotic series at 1/(42 x**7): at most 1/30 / 6.5**9 is lost.
TRIGAMMA_CUT = 2e-9


def of(name: str, *operands: Quantity) -> Quantity:
    """Apply a function of one or two operands to arrays or variables."""
    if isinstance(operands[0], Variable):
        return (UNARY if len(operands) == 1 else BINARY)[name](*operands)
    return (elementwise.UNARY if len(operands) == 1 else elementwise.BINARY)[name](*operands)


def _where(mask: Array, first: Quantity, second: Quantity) -> Quantity:
    if isinstance(first, Variable):
        return tape.selected(mask, first, tape.lifted(second, first))
    return np.where(mask, first, second)


def _values(operand: Quantity) -> Array:
    return operand.data.values if isinstance(operand, Variable) else operand


def _constant(values: Array, like: Quantity) -> Quantity:
    return tape.constant(values, like) if isinstance(like, Variable) else values


def uncertain(operand: Bounded, units: float) -> Bounded:
    """Return a result that cancellation may have put off by some units of 1."""
    if not units:
        return operand
    return bounded.like(operand, operand.values, operand.bound + units * finfo(operand.dtype).eps)


def _trigamma(x: Quantity) -> Quantity:
    values = special.trigamma(_values(x))
    if not isinstance(x, Variable):
        return values
    cut = bounded.like(x.data, values, np.full(values.shape, TRIGAMMA_CUT))
    # A sum of series of about as many terms as so many elementary functions have roundings.
    return Variable(bounded.loosened(cut, 4 * bounded_functions.EXPONENTIAL))


_CALCULUS = elementwise.Calculus(of, _where, _values, _trigamma)
_CANCELLING = {
    **{name: row.cancels for name, row in elementwise.ROWS.items() if row.cancels},
    **{name: pair.cancels for name, pair in elementwise.PAIRS.items() if pair.cancels},
}

Derivative = Callable[[Quantity, Quantity], Quantity]
# By operator, its derivative of the argument x and the result y.
SMOOTH: MappingProxyType[str, Derivative] = MappingProxyType(
    {name: functools.partial(row.slope, _CALCULUS) for name, row in elementwise.ROWS.items() if row.slope}
)
Step = Callable[[Array], Array]
# By operator of straight pieces, its slope at wide values.
PIECEWISE: MappingProxyType[str, Step] = MappingProxyType(
    {name: row.pieces for name, row in elementwise.ROWS.items() if row.pieces}
)


def _smooth(name: str) -> Callable[[Variable], Variable]:
    function = elementwise.UNARY[name]

    def apply(x: Variable) -> Variable:
        def slope(values: Array) -> Array:
            return np.asarray(SMOOTH[name](values, function(values)))

        whole = tape.elementary(x, function, slope, SMOOTH[name])
        if name not in _CANCELLING:
            return whole
        return Variable(uncertain(whole.data, _CANCELLING[name]), whole.parents)

    return apply


def _piecewise(name: str) -> Callable[[Variable], Variable]:
    function = elementwise.UNARY[name]

    def apply(x: Variable) -> Variable:
        factor = Variable(bounded_functions.passed_on(PIECEWISE[name], x.data))
        return tape.node(bounded_functions.passed_on(function, x.data), (x, lambda g: tape.multiply(g, factor)))

    return apply


UNARY: MappingProxyType[str, Callable[[Variable], Variable]] = MappingProxyType(
    {**{name: _smooth(name) for name in SMOOTH}, **{name: _piecewise(name) for name in PIECEWISE}}
)

Partial = Callable[[Quantity, Quantity, Quantity], Quantity]
# By operator, its derivatives of the operands a and b and the result y.
SMOOTH_PAIRS: MappingProxyType[str, tuple[Partial, Partial]] = MappingProxyType(
    {
        name: (functools.partial(pair.partials[0], _CALCULUS), functools.partial(pair.partials[1], _CALCULUS))
        for name, pair in elementwise.PAIRS.items()
        if pair.partials
    }
)
# By operator of straight pieces, its two slopes at wide values of both operands.
PIECEWISE_PAIRS: MappingProxyType[str, elementwise.Weights] = MappingProxyType(
    {name: pair.pieces for name, pair in elementwise.PAIRS.items() if pair.pieces}
)


def _smooth_pair(name: str) -> Callable[[Variable, Variable], Variable]:
    function, partials = elementwise.BINARY[name], SMOOTH_PAIRS[name]

    def apply(a: Variable, b: Variable) -> Variable:
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = (each if each.shape == shape else tape.expand(each, shape) for each in (a, b))
        with np.errstate(all="ignore"):
            values = np.asarray(function(a.data.values, b.data.values))
            passed = np.zeros(shape)
            for operand, partial in zip((a, b), partials, strict=True):
                if operand.data.bound.any():
                    slope = np.abs(np.asarray(partial(a.data.values, b.data.values, values)))
                    passed = passed + slope.astype(np.float64) * operand.data.bound
        data = bounded_functions.computed(values, passed, a.data)
        # The result as the graph has it: partials that are written in it have derivatives through it.
        whole = tape.node(
            uncertain(data, _CANCELLING.get(name, 0)),
            (a, lambda g: tape.multiply(g, tape.conjugate(partials[0](a, b, whole)))),
            (b, lambda g: tape.multiply(g, tape.conjugate(partials[1](a, b, whole)))),
        )
        return whole

    return apply


def _piecewise_pair(name: str) -> Callable[[Variable, Variable], Variable]:
    function, weights = elementwise.BINARY[name], PIECEWISE_PAIRS[name]

    def apply(a: Variable, b: Variable) -> Variable:
        shape = np.broadcast_shapes(a.shape, b.shape)
        a, b = (each if each.shape == shape else tape.expand(each, shape) for each in (a, b))
        with np.errstate(all="ignore"):
            values = np.asarray(function(a.data.values, b.data.values))
            slopes = weights(a.data.values, b.data.values)
        passed = sum(
            (np.abs(slope).astype(np.float64) * each.data.bound for slope, each in zip(slopes, (a, b), strict=True)),
            np.zeros(shape),
        )
        factors = [tape.constant(slope, a) for slope in slopes]
        return tape.node(
            bounded.like(a.data, values, np.asarray(passed)),
            (a, lambda g: tape.multiply(g, factors[0])),
            (b, lambda g: tape.multiply(g, factors[1])),
        )

    return apply


BINARY: MappingProxyType[str, Callable[[Variable, Variable], Variable]] = MappingProxyType(
    {
        "add": tape.add,
        "sub": lambda a, b: tape.add(a, tape.negative(b)),
        "mul": tape.multiply,
        "div": tape.divide,
        **{name: _smooth_pair(name) for name in SMOOTH_PAIRS},
        **{name: _piecewise_pair(name) for name in PIECEWISE_PAIRS},
    }
)
