"""Polynomials with whole coefficients, and their exact derivatives.

A gradient of torch is the conjugate Wirtinger derivative: for a holomorphic function it is the incoming gradient
times the conjugate of the complex derivative. Source: PyTorch documentation, "Autograd mechanics".
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Exponents = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Polynomial:
    """A sum of products of powers of variables.

    Attributes:
        terms: The coefficient of each tuple of exponents, one exponent per variable.
    """

    terms: Mapping[Exponents, int]

    def value(self, *variables: Array) -> Array:
        """Return the value at variables that broadcast with each other, in their type; exact for whole numbers."""
        total = np.zeros(np.broadcast_shapes(*(np.shape(each) for each in variables)), np.result_type(*variables))
        for exponents, coefficient in self.terms.items():
            factor = np.ones_like(total)
            for variable, exponent in zip(variables, exponents, strict=True):
                for _ in range(exponent):
                    factor = factor * variable
            total = total + coefficient * factor
        return np.asarray(total)

    def partial(self, place: int) -> Polynomial:
        """Return the derivative by the variable at `place`."""
        terms: dict[Exponents, int] = {}
        for exponents, coefficient in self.terms.items():
            if exponents[place]:
                lower = (*exponents[:place], exponents[place] - 1, *exponents[place + 1 :])
                terms[lower] = terms.get(lower, 0) + coefficient * exponents[place]
        return Polynomial(terms)

    def pullback(self, place: int, gradient: Array, *variables: Array) -> Array:
        """Return the gradient by the variable at `place`, element by element, for the gradient of the value."""
        return np.asarray(gradient * np.conj(self.partial(place).value(*variables)))

    def pushforward(self, tangents: Sequence[Array], *variables: Array) -> Array:
        """Return the directional derivative along one tangent per variable, element by element."""
        parts = [self.partial(place).value(*variables) * tangent for place, tangent in enumerate(tangents)]
        return np.asarray(sum(parts[1:], parts[0]))


def jacobian(functions: Sequence[Polynomial], point: Array) -> Array:
    """Return the matrix of derivatives of each function by each coordinate of a point.

    Args:
        functions: m polynomials of n variables.
        point: Shape (n,).

    Returns:
        Shape (m, n).
    """
    rows = [[function.partial(place).value(*point) for place in range(len(point))] for function in functions]
    return np.array(rows, dtype=point.dtype).reshape(len(functions), len(point))


def hessian(function: Polynomial, point: Array) -> Array:
    """Return the matrix of second derivatives at a point of shape (n,), of shape (n, n)."""
    return jacobian([function.partial(place) for place in range(len(point))], point)


def power(exponent: int, order: int, x: Array) -> Array:
    """Return the derivative of `order` of x ** exponent, at whole or complex numbers."""
    if order > exponent:
        return np.zeros_like(x)
    return np.asarray(math.perm(exponent, order) * x ** (exponent - order))
