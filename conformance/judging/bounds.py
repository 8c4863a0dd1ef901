"""Comparison with answers of the reference that carry a bound."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.engine.comparison import EXACT, UNSIGNED_ZERO, Rule, absolute
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.numerics.bounded import Bounded


def rule_of(answer: Bounded, *, signed_zero: bool = False) -> Rule:
    """Return the comparison rule that an answer asks for.

    Args:
        answer: What is expected.
        signed_zero: Whether the sign of an exact zero counts; those of the parts of complex zeros are not documented.

    Raises:
        ValueError: Where the bound of a finite number says nothing: every answer would be correct.
    """
    if not answer.bound.any():
        return EXACT if signed_zero and not is_complex(answer.dtype) else UNSIGNED_ZERO
    finite = np.isfinite(answer.values)
    if not np.all(np.isfinite(answer.bound) | ~finite):
        raise ValueError("the bound says nothing about a finite answer")
    # Infinities and NaN are compared as they are.
    return absolute(np.where(finite, answer.bound, 0.0))


def expect(trial: Trial, expression: str, answer: Bounded, *, signed_zero: bool = False) -> None:
    """Compare a tensor with an answer: exactly where that has no bound."""
    __tracebackhide__ = True
    values = answer.values if answer.bound.any() else answer.values.astype(numpy_dtype(answer.dtype))
    trial.expect(expression, values, rule_of(answer, signed_zero=signed_zero), dtype=answer.dtype)
