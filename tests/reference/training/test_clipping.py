import math

import numpy as np
import pytest

from torch_conformance.reference.training import clipping


def test_norms() -> None:
    gradients = [np.array([[3.0, 0.0]]), np.array(-4.0)]
    assert clipping.total_norm(gradients, 2) == 5
    assert clipping.total_norm(gradients, 1) == 7
    assert clipping.total_norm(gradients, math.inf) == 4
    assert clipping.total_norm([], 2) == 0
    assert clipping.total_norm(gradients, 3) == pytest.approx(91 ** (1 / 3))


def test_clipping() -> None:
    gradients = [np.array([3.0]), np.array([-4.0])]
    (first, slack), (second, _) = clipping.clipped(gradients, 2.5, 2, 2.0**-53)
    assert first.tolist() == [1.5]
    assert second.tolist() == [-2]
    assert 0 < slack[0] < 1e-6
    (kept, none), _ = clipping.clipped(gradients, 6.0, 2, 2.0**-53)
    assert kept.tolist() == [3]
    assert none.tolist() == [0]
