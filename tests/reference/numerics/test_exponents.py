"""Rounding to decimal places, against Python's decimal numbers and hand-worked cases."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
import pytest

from torch_conformance.reference.numerics.exponents import round_to_decimals


@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 2])
def test_agrees_with_decimal_arithmetic(decimals: int) -> None:
    values = np.random.default_rng(0).integers(-4000, 4000, 500) / 8
    rounded = round_to_decimals(values.astype(np.longdouble), decimals)
    step = Decimal(1).scaleb(-decimals)
    for value, found in zip(values.tolist(), rounded.tolist(), strict=True):
        wanted = (Decimal(value) / step).quantize(Decimal(1), rounding=ROUND_HALF_EVEN) * step
        assert float(found) == pytest.approx(float(wanted), rel=1e-15, abs=0)


def test_hand_worked() -> None:
    found = round_to_decimals(np.array([1250.0, 1350.0, -1250.0, 149.0], dtype=np.longdouble), -2)
    assert found.tolist() == [1200, 1400, -1200, 100]
