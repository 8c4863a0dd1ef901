"""The rows of accuracy.toml as rules of comparison, and as numbers of roundings."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import Rule, absolute
from torch_conformance.reference.model.dtypes import finfo
from torch_conformance.spec import load

Array = npt.NDArray[Any]

# What the last rounding of a result that was computed in a wider dtype adds, in units of the narrower one.
_LAST_ROUNDING = 0.5


@functools.cache
def has_bound(operation: str) -> bool:
    """Whether an operation's results are judged by a bound, and not bit by bit."""
    return any(bound.operation == operation for bound in load().bounds)


@functools.cache
def rule_of(operation: str, dtype: str, device: str, *, signed_zero: bool = True) -> Rule:
    """Return the accepted distance of an operation's results from the infinitely precise ones.

    Args:
        operation: As accuracy.toml names it; a row in units in the last place.
        dtype: Of the result.
        device: A torch device string.
        signed_zero: Whether the sign of a zero result counts.

    Raises:
        SpecificationError: Where accuracy.toml has no bound for it.
    """
    bound = load().bound(operation, dtype, device)
    if bound.through is not None:
        inner = rule_of(operation, bound.through, device)
        ulps = _LAST_ROUNDING + inner.ulps * finfo(bound.through).eps / finfo(dtype).eps
        return Rule(ulps=ulps, absolute=inner.absolute, signed_zero=signed_zero)
    facts = finfo(dtype)
    beside = bound.eps * facts.eps + bound.tiny * facts.tiny + bound.floor
    return Rule(ulps=bound.ulp_from_exact or 0.0, absolute=beside, signed_zero=signed_zero)


def roundings(cell: Cell, operation: str, *, terms: float = 0, condition: float = 0, dtype: str | None = None) -> float:
    """Return how many roundings a result of so many terms, and of such a condition, may have.

    Each is u, half the distance from 1 to the next value of the dtype (the cell's, unless another is given), relative
    to the magnitude that the row names.

    Raises:
        SpecificationError: Where accuracy.toml has no bound for it.
    """
    return load().bound(operation, dtype or cell.dtype, cell.device).count(terms, condition)


def distance(
    cell: Cell,
    operation: str,
    magnitude: Array | float,
    *,
    terms: float = 0,
    condition: float = 0,
    dtype: str | None = None,
) -> Array:
    """Return how far results may lie from the precise ones: roundings, and what the row accepts beside them.

    Args:
        cell: Where the operation ran.
        operation: As accuracy.toml names it; a row with a formula.
        magnitude: What roundings are relative to, as the formula says; its sign does not count.
        terms: How many terms were added.
        condition: The condition number.
        dtype: Of the result, where it is not the cell's.

    Returns:
        A bound of the magnitude's shape.

    Raises:
        SpecificationError: Where accuracy.toml has no bound for it.
    """
    bound = load().bound(operation, dtype or cell.dtype, cell.device)
    facts = finfo(dtype or cell.dtype)
    relative = bound.count(terms, condition) * (facts.eps / 2) + bound.relative
    return np.asarray(relative * np.abs(magnitude) + (bound.eps * facts.eps + bound.tiny * facts.tiny + bound.floor))


def rule_around(cell: Cell, operation: str, magnitude: Array | float, *, terms: float = 0) -> Rule:
    """Return `distance` as a rule, in the cell's dtype."""
    return absolute(distance(cell, operation, magnitude, terms=terms))


def specific(cell: Cell, operation: str, general: str) -> str:
    """Return an operation that has a bound of its own in the cell's dtype, or the general one that it is a case of."""
    known = load()
    own = (bound for bound in known.bounds if bound.operation == operation)
    return operation if any(cell.dtype in known.dtype_sets[bound.dtypes] for bound in own) else general
