"""Comparison with answers of the reference that carry a bound."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.engine.comparison import EXACT, UNSIGNED_ZERO, Rule, absolute
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.tape import Variable


def rule_of(answer: Bounded, *, signed_zero: bool = False) -> Rule:
    """Return the comparison rule that an answer asks for.

    Infinities and NaN are compared as they are; any number is accepted where the bound says nothing.

    Args:
        answer: What is expected.
        signed_zero: Whether the sign of an exact zero counts; those of the parts of complex zeros are not documented.
    """
    if not answer.bound.any():
        return EXACT if signed_zero and not is_complex(answer.dtype) else UNSIGNED_ZERO
    bound = np.where(np.isnan(answer.bound), np.inf, answer.bound)
    return absolute(np.where(np.isfinite(answer.values), bound, 0.0))


def expect(trial: Trial, expression: str, answer: Bounded | Variable | None, *, signed_zero: bool = False) -> None:
    """Compare a tensor with an answer: exactly where that has no bound; None is a gradient that no path leads to."""
    __tracebackhide__ = True
    if answer is None:
        trial.expect_true(f"{expression} is None", "no path leads there")
        return
    data = answer.data if isinstance(answer, Variable) else answer
    values = data.values if data.bound.any() else data.values.astype(numpy_dtype(data.dtype))
    trial.expect(expression, values, rule_of(data, signed_zero=signed_zero), dtype=data.dtype)
