from __future__ import annotations

import numpy as np
import pytest

from torch_conformance.reference.numerics.polynomials import Polynomial, hessian, jacobian, power

# 3 x^2 y - 5 y^3 + 2 x - 7
CUBIC = Polynomial({(2, 1): 3, (0, 3): -5, (1, 0): 2, (0, 0): -7})


def test_values_and_derivatives_worked_by_hand():
    x, y = np.array([2.0, -1.0]), np.array([1.0, 3.0])
    assert CUBIC.value(x, y).tolist() == [12 - 5 + 4 - 7, 9 - 135 - 2 - 7]
    assert CUBIC.partial(0).value(x, y).tolist() == [12 + 2, -18 + 2]
    assert CUBIC.partial(1).value(x, y).tolist() == [12 - 15, 3 - 135]
    assert CUBIC.pullback(1, np.array([2.0, -1.0]), x, y).tolist() == [-6, 132]
    assert CUBIC.pushforward([np.array([1.0, 0.0]), np.array([10.0, 1.0])], x, y).tolist() == [14 - 30, -132]


def test_value_broadcasts_and_a_constant_has_no_derivative():
    assert CUBIC.value(np.ones((2, 1)), np.ones(3)).shape == (2, 3)
    assert not CUBIC.partial(0).partial(0).partial(0).value(np.ones(2), np.ones(2)).any()


def test_jacobian_and_hessian_worked_by_hand():
    point = np.array([4, -3])
    assert hessian(CUBIC, point).tolist() == [[-18, 24], [24, 90]]
    assert jacobian([CUBIC, Polynomial({(1, 1): 1})], point).tolist() == [[-70, -87], [-3, 4]]
    assert jacobian([], point).shape == (0, 2)


@pytest.mark.parametrize("place", [0, 1])
def test_derivative_against_complex_step(place: int):
    at = [np.array([1.5, -2.0], dtype=complex), np.array([0.5, 3.0], dtype=complex)]
    stepped = list(at)
    stepped[place] = at[place] + 1e-20j
    expected = CUBIC.value(*stepped).imag / 1e-20
    assert np.allclose(CUBIC.partial(place).value(*at).real, expected, rtol=1e-14)


def test_complex_gradient_is_the_conjugate_derivative():
    # The gradient of the real part of g.conj() * z ** 2 by (real, imaginary): by finite differences.
    z, g, step = 1 + 2j, 3 - 1j, 1e-6
    square = Polynomial({(2,): 1})

    def real_part(at: complex) -> float:
        return float((np.conj(g) * square.value(np.array(at))).real)

    by_real = (real_part(z + step) - real_part(z - step)) / (2 * step)
    by_imaginary = (real_part(z + 1j * step) - real_part(z - 1j * step)) / (2 * step)
    assert np.isclose(square.pullback(0, np.array(g), np.array(z)), by_real + 1j * by_imaginary)


def test_power():
    x = np.array([2.0, -3.0])
    assert power(4, 0, x).tolist() == [16, 81]
    assert power(4, 1, x).tolist() == [32, -108]
    assert power(4, 3, x).tolist() == [48, -72]
    assert power(4, 4, x).tolist() == [24, 24]
    assert power(4, 5, x).tolist() == [0, 0]
