"""The rows of accuracy.toml as rules of comparison, and as numbers of roundings."""

from __future__ import annotations

import functools

from torch_conformance.conformance.engine.comparison import Rule
from torch_conformance.reference.model.dtypes import finfo
from torch_conformance.spec import load

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
    absolute = bound.eps * facts.eps + bound.tiny * facts.tiny + bound.floor
    return Rule(ulps=bound.ulp_from_exact or 0.0, absolute=absolute, signed_zero=signed_zero)


def roundings(operation: str, dtype: str, device: str, *, terms: float = 0, condition: float = 0) -> float:
    """Return how many roundings a result of so many terms, and of such a condition, may have.

    Each is u, half the distance from 1 to the next value of the dtype, relative to the magnitude that the row names.

    Raises:
        SpecificationError: Where accuracy.toml has no bound for it.
    """
    return load().bound(operation, dtype, device).count(terms, condition)
