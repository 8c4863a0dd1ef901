"""From an answer with a bound to the rule that it asks for."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.engine.bounds import rule_of
from torch_conformance.conformance.engine.comparison import EXACT, UNSIGNED_ZERO
from torch_conformance.reference.numerics.bounded import Bounded


def test_answers_without_a_bound_are_exact() -> None:
    answer = Bounded(np.array([0.0, np.inf]), np.zeros(2), "float32")
    assert rule_of(answer) is UNSIGNED_ZERO
    assert rule_of(answer, signed_zero=True) is EXACT
    parts = Bounded(np.array([1j]), np.zeros(()), "complex64")
    assert rule_of(parts, signed_zero=True) is UNSIGNED_ZERO


def test_bounds_hold_element_by_element() -> None:
    values = np.array([1.0, 2.0, np.inf, np.nan, 3.0])
    rule = rule_of(Bounded(values, np.array([0.5, 0.0, np.nan, np.inf, np.nan]), "float32"))
    assert np.asarray(rule.absolute).tolist() == [0.5, 0.0, 0.0, 0.0, np.inf]
    assert not rule.is_exact
