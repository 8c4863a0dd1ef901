import numpy as np
import pytest

from torch_conformance.reference.numerics import running_error
from torch_conformance.reference.numerics.running_error import Tracked, number, power, tensor


def test_bounds_hold_for_single_precision() -> None:
    generator = np.random.default_rng(3)
    a, b, c = (generator.integers(-99, 100, 2000) / 8 for _ in range(3))
    c = np.where(c == 0, 1, c)
    x, y, z = (tensor(each, "float32") for each in (a, b, c))
    tracked = (abs(x * y - z) / abs(z) + x * x).sqrt()
    f, g, h = (each.astype(np.float32) for each in (a, b, c))
    computed = np.sqrt(np.abs(f * g - h) / np.abs(h) + f * f)
    assert np.all(np.abs(computed.astype(np.longdouble) - tracked.value) <= tracked.error)
    # The bound is no more than a hundred roundings of the value.
    assert np.max(tracked.error / np.maximum(tracked.value, 1e-3)) < 100 * 2.0**-24


def test_exact_operations_add_no_error() -> None:
    x = tensor(np.array([-2.0, 3.0]), "float32")
    assert (-x).error.tolist() == [0, 0]
    assert abs(x).value.tolist() == [2, 3]
    assert x.maximum(tensor(np.array([1.0, 1.0]), "float32")).value.tolist() == [1, 3]
    assert x.where(np.array([True, False]), -x).value.tolist() == [-2, -3]


def test_zero_stays_exact() -> None:
    x = tensor(np.zeros(2), "float16")
    assert ((x * x) / number(0.5)).error.tolist() == [0, 0]
    assert x.sqrt().error.tolist() == [0, 0]


def test_coarser_precision_prevails() -> None:
    assert (tensor(np.ones(1), "bfloat16") * number(3.0)).unit == 2.0**-8
    assert (number(1.0) + number(3.0)).unit == 2.0**-53


def test_nothing_is_known_where_a_divisor_may_vanish() -> None:
    divisor = Tracked(np.longdouble(1.0), np.longdouble(2.0), 2.0**-53, 0.0)
    assert np.isnan((number(1.0) / divisor).error)


def test_cancellation_is_charged() -> None:
    x = tensor(np.array([1.0]), "float32") * number(1 / 3)
    assert (x - x).error[0] >= 2.0**-24 / 3


@pytest.mark.parametrize(("base", "exponent", "value"), [(0.5, 3, 0.125), (4.0, 0.5, 2.0), (0.0, 1, 0.0)])
def test_powers(base: float, exponent: float, value: float) -> None:
    result = power(base, exponent)
    assert float(result.value) == value
    assert float(result.error) == running_error.ROUNDINGS * 2.0**-53 * value
