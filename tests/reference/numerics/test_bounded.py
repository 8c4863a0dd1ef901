"""Bounds against hand-worked cases, mpmath, and evaluations in NumPy's narrow types, in several orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.numerics import bounded, bounded_functions, special
from torch_conformance.reference.numerics.bounded import Bounded, exact, number, power
from torch_conformance.reference.ops import elementwise

Array = npt.NDArray[Any]
U = 2.0**-24
_GENERATOR = np.random.default_rng(0)
A, B = (_GENERATOR.standard_normal((50, 40)).astype(np.float32) for _ in range(2))


def _contains(answer: Bounded, values: Array) -> bool:
    return bool(np.all(np.abs(values.astype(np.longdouble) - answer.values) <= answer.bound))


def _moved(values: Array, by: float) -> Bounded:
    return bounded.like(exact(values, "float32"), values.astype(np.float64), np.full(values.shape, by))


OPERATIONS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_one_operation_is_charged_two_roundings(operation: Callable[[Any, Any], Any]) -> None:
    result = operation(exact(A, "float32"), exact(B, "float32"))
    assert _contains(result, operation(A, B))
    size = np.abs(result.values)
    assert np.all(result.bound <= 2 * U * size + 2.0**-148)
    assert np.all((result.bound >= 2 * U * size) | (result.bound == 0))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_operands_bring_is_passed_on(operation: Callable[[Any, Any], Any]) -> None:
    divisors = np.abs(B) + 1
    moved = operation(_moved(A, 1e-3), _moved(divisors, 1e-3))
    for da in (-1e-3, 1e-3):
        for db in (-1e-3, 1e-3):
            assert _contains(moved, operation(A.astype(np.float64) + da, divisors.astype(np.float64) + db))
    assert np.all(moved.bound < 5e-3 * (1 + np.abs(moved.values)))


def test_by_hand() -> None:
    x = exact(np.array([3.0]), "float32")
    assert (x * x).bound.tolist() == [0]
    third = x / 9
    assert third.bound[0] == pytest.approx(2 * U / 3, rel=1e-6)
    # 2 u of 1/3 come in, half as much again of 1/9 twice over, 2 u of 1/9 are its own.
    assert (third * third).bound[0] == pytest.approx((4 + 2) * U / 9, rel=1e-6)
    assert (third - third).bound[0] == pytest.approx(4 * U / 3, rel=1e-6)
    assert (third / third).bound[0] == pytest.approx((4 + 2) * U, rel=1e-6)
    # A tenth is rounded to the dtype, then multiplied.
    assert (x * 0.1).bound[0] == pytest.approx((1 + 2) * U * 0.3, rel=1e-6)
    assert (third * third).sqrt().bound[0] == pytest.approx((3 + 2) * U / 3, rel=1e-6)


def test_what_is_exact_has_no_bound() -> None:
    x = exact(np.array([-2.0, 3.0, 0.0]), "float16")
    for result in (-x, abs(x), x + x, x * x, x / 4, x.maximum(1.0), x.where(x.values > 0, -x), (x * x * 0.25).sqrt()):
        assert not result.bound.any()
    assert x.maximum(1.0).values.tolist() == [1, 3, 1]
    assert x.where(np.array([True, False, True]), -x).values.tolist() == [-2, -3, 0]
    assert x[1:].reshape(2, 1).values.tolist() == [[3], [0]]
    # A quotient may be a product with a reciprocal, even where it is whole.
    assert (exact(np.array([6.0]), "float16") / 3).bound[0] > 0
    large = exact(np.array([2048.0]), "float16")
    assert (large + 1).bound[0] > 0


def test_limits() -> None:
    x = _moved(np.array([-1.0, 0.3, 2.0]), 1e-3)
    clipped = x.clipped(0.1, 1.0)
    assert clipped.values.tolist() == [0.1, 0.3, 1.0]
    assert np.all(clipped.bound >= 1e-3)
    assert exact(np.array([5.0]), "float32").clipped(0.0, 0.1).bound[0] == pytest.approx(0.1 * U)


def test_nothing_is_known_where_a_divisor_may_vanish() -> None:
    divisor = _moved(np.array([1e-9, 1.0]), 1e-6)
    assert np.isfinite((1 / divisor).bound).tolist() == [False, True]


def test_precisions_meet_in_the_coarser() -> None:
    half = exact(np.ones(1), "bfloat16")
    for result in (half * number(0.1), number(0.1) * half):
        assert result.dtype == "bfloat16"
        assert result.bound[0] == pytest.approx(3 * 2.0**-8 * 0.1, rel=0.01)
    assert (number(1.0) - number(0.9)).bound == 0
    shortened = exact(np.array([1 / 3], np.float32), "float32", 2.0**-11)
    assert (shortened * shortened).bound[0] == pytest.approx(2 * 2.0**-11 / 9, rel=1e-3)
    assert (exact(np.array([3.0]), "float32", 2.0**-11) * 5).bound[0] == 0


@pytest.mark.parametrize(("base", "exponent", "value"), [(0.5, 3, 0.125), (4.0, 0.5, 2.0), (0.9, 2, 0.81)])
def test_powers(base: float, exponent: float, value: float) -> None:
    result = power(base, exponent)
    assert float(result.values) == pytest.approx(value, rel=1e-15)
    assert float(result.bound) in (2.0**-52 * value, pytest.approx(2.0**-53))


def test_complex_products_are_charged_more_than_sums() -> None:
    z = exact(np.array([1 / 3 + 1j / 7], np.complex64), "complex64")
    assert (z + z / 3).bound[0] < (z * z).bound[0] * 4
    assert (z * z).bound[0] == pytest.approx(8 * U * float(np.abs(z.values[0])) ** 2, rel=1e-6)
    # A real factor multiplies each part.
    assert (z * 5).bound[0] == pytest.approx(2 * U * 5 * float(np.abs(z.values[0])), rel=1e-6)
    assert z.conjugate().values[0] == np.conj(z.values[0])


EXACT: dict[str, Callable[[Any], Any]] = {
    "tanh": mpmath.tanh,
    "exp": mpmath.exp,
    "log": mpmath.log,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "erf": mpmath.erf,
    "sin": mpmath.sin,
    "expm1": mpmath.expm1,
}


@pytest.mark.parametrize("name", sorted(EXACT))
def test_elementary_functions_contain_their_values_over_the_interval(name: str) -> None:
    points = np.array([0.03125, 0.25, 1.0, 1.25, 5.0] + ([] if name == "log" else [-0.5, -1.0]))
    function = elementwise.UNARY[name]
    answer = bounded_functions.elementary(function, _moved(points, 0.01))
    for shift in (0.0, 0.01, -0.01):
        wanted = np.array([float(EXACT[name](mpmath.mpf(float(each)) + shift)) for each in points])
        assert np.all(np.abs(wanted - answer.values) <= answer.bound * (1 + 1e-12))
    assert np.all(answer.bound <= 0.011 * np.maximum(np.abs(EXACT[name](5.01)), 60))


@pytest.mark.parametrize("name", sorted(EXACT))
def test_elementary_functions_have_four_units_in_the_last_place(name: str) -> None:
    points = np.array([0.03125, 0.25, 1.0, 1.25, 5.0], np.float32)
    answer = bounded_functions.elementary(elementwise.UNARY[name], exact(points, "float32"))
    wanted = np.array([float(EXACT[name](mpmath.mpf(float(each)))) for each in points])
    assert np.all(answer.bound <= 4.001 * np.maximum(np.spacing(np.abs(wanted).astype(np.float32)), 2.0**-149))
    assert np.all(np.abs(wanted - answer.values) <= 1e-3 * answer.bound)


def test_the_hyperbolic_tangent_of_one_has_a_few_units() -> None:
    answer = bounded_functions.elementary(np.tanh, exact(np.ones(1), "float32"))
    assert answer.bound[0] / float(np.spacing(np.float32(np.tanh(1)))) == 4


def test_steps_take_either_side_within_a_bound() -> None:
    x = bounded.like(exact(np.zeros(4), "float32"), np.array([-1.0, 0.0, 2.0, 1e-5]), np.full(4, 1e-4))
    step = bounded_functions.passed_on(lambda v: (v > 0).astype(v.dtype), x)
    assert step.values.tolist() == [0, 0, 1, 1]
    assert step.bound.tolist() == [0, 1, 0, 1]
    positive = bounded_functions.passed_on(lambda v: np.maximum(v, 0), x)
    assert positive.bound.tolist() == pytest.approx([0, 1e-4, 1e-4, 1e-4])
    assert not bounded_functions.passed_on(np.abs, exact(np.array([-1.5]), "float32")).bound.any()


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(powers / powers.sum(-1, keepdims=True))


def test_softmax_contains_what_float32_and_moved_arguments_give() -> None:
    x = (4 * _GENERATOR.standard_normal((200, 7))).astype(np.float32)
    answer = bounded_functions.softmax(exact(x, "float32"), (1,))
    assert _contains(answer, _softmax(x))
    assert np.max(answer.bound / answer.values) < 80 * U
    by = 1e-2
    moved = bounded_functions.softmax(_moved(x, by), (1,))
    logs = bounded_functions.log_softmax(_moved(x, by), (1,))
    total = bounded_functions.logsumexp(_moved(x, by), (1,))
    for _ in range(20):
        shift = x.astype(np.longdouble) + _GENERATOR.choice([-by, by], x.shape)
        assert _contains(moved, _softmax(shift))
        assert _contains(logs, np.log(_softmax(shift)))
        assert _contains(total, np.log(np.exp(shift).sum(1, keepdims=True)))
    assert np.max(moved.bound / moved.values) < 2.1 * by
    assert np.max(logs.bound) < 2.1 * by
    masked = bounded_functions.softmax(exact(np.array([[0.0, -np.inf]]), "float32"), (1,))
    assert masked.values.tolist() == [[1, 0]]
    assert masked.bound[0, 1] == 0


def _narrow(formula: Callable[..., Any], arrays: list[Array], dtype: str) -> Array:
    kind = numpy_dtype(dtype)
    return np.asarray(formula(*(each.astype(kind) for each in arrays), kind.type))


def _formula(x: Any, y: Any, z: Any, _: Any) -> Any:
    return (x * y - z) / (abs(z) + abs(x * y) * 0.5) + x * x


def _rearranged(x: Any, y: Any, z: Any, kind: Any) -> Any:
    """The same, of equal parts put together otherwise."""
    return x * x + (x * y - z) * (kind(1) / (abs(z) + kind(0.5) * abs(x * y)))


@given(st.integers(0, 2**32 - 1), st.sampled_from(["float32", "float64", "float16"]))
def test_evaluations_in_the_dtype_lie_within_the_bound(seed: int, dtype: str) -> None:
    generator = np.random.default_rng(seed)
    arrays = [generator.uniform(0.25, 4, 64) * generator.choice([-1, 1], 64) for _ in range(3)]
    arrays = [each.astype(numpy_dtype(dtype)) for each in arrays]
    answer = _formula(*(exact(each, dtype) for each in arrays), None)
    for formula in (_formula, _rearranged):
        assert _contains(answer, _narrow(formula, arrays, dtype))
    assert np.max(answer.bound) < 200 * answer.unit * 16


@given(st.integers(0, 2**32 - 1))
def test_composed_functions_lie_within_the_bound(seed: int) -> None:
    x, y = np.random.default_rng(seed).uniform(-2, 2, (2, 64)).astype(np.float32)

    def formula(a: Any, b: Any, of: Callable[[str, Any], Any]) -> Any:
        return of("tanh", a * b) / (of("exp", a) + 1) - of("sigmoid", b) * a

    answer = formula(
        exact(x, "float32"),
        exact(y, "float32"),
        lambda name, v: bounded_functions.elementary(elementwise.UNARY[name], v),
    )
    narrow = {"tanh": np.tanh, "exp": np.exp, "sigmoid": lambda v: 1 / (1 + np.exp(-v))}
    assert _contains(answer, formula(x, y, lambda name, v: narrow[name](v)))
    assert np.max(answer.bound) < 64 * U


def test_error_function_of_the_normal_distribution() -> None:
    x = exact(np.linspace(-3, 3, 13), "float32")
    answer = (bounded_functions.elementary(special.erf, x * np.sqrt(np.longdouble(0.5))) + 1) * 0.5 * x
    wanted = np.array([float(mpmath.ncdf(each) * each) for each in x.values])
    assert np.allclose(answer.values, wanted, atol=1e-15)
    assert np.all(answer.bound <= 16 * U * np.abs(x.values) + 2.0**-140)
