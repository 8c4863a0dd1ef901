"""Bounds of sums and products of matrices against exact fractions and sums in the dtype, in several orders."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.numerics import bounded, bounded_sums
from torch_conformance.reference.numerics.bounded import Bounded, exact
from torch_conformance.reference.numerics.roundoff import TF32, gamma, held, quantum, spacing

Array = npt.NDArray[Any]
U = 2.0**-24


def _contains(answer: Bounded, values: Array) -> bool:
    return bool(np.all(np.abs(values.astype(np.longdouble) - answer.values) <= answer.bound))


def _orders(terms: Array) -> list[Array]:
    """Sums over the first axis: from one end, from the other, by size, and pairwise."""
    by_size = np.sort(terms, axis=0)
    pairs = terms
    while len(pairs) > 1:
        odd = pairs[len(pairs) // 2 * 2 :]
        pairs = np.concatenate([pairs[: len(pairs) // 2 * 2 : 2] + pairs[1 : len(pairs) // 2 * 2 : 2], odd])
    return [np.cumsum(each, axis=0, dtype=terms.dtype)[-1] for each in (terms, terms[::-1], by_size)] + [pairs[0]]


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.sampled_from(["float32", "float64"]))
def test_sums_in_every_order_lie_within_the_bound(seed: int, count: int, dtype: str) -> None:
    terms = np.random.default_rng(seed).standard_normal((count, 3)).astype(numpy_dtype(dtype))
    answer = bounded_sums.total(exact(terms, dtype), (0,))
    for found in _orders(terms):
        assert _contains(answer, found)
    magnitude = np.sum(np.abs(terms), axis=0)
    assert np.all(answer.bound <= (1.01 * gamma(count - 1, answer.unit) + 1e-3 * answer.unit) * magnitude)
    wanted = [float(sum(Fraction(float(each)) for each in column)) for column in terms.T]
    assert np.allclose(answer.values.astype(float), wanted, rtol=1e-14, atol=1e-14)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from(["float32", "float64"]))
def test_products_summed_in_every_order_lie_within_the_bound(seed: int, depth: int, dtype: str) -> None:
    generator = np.random.default_rng(seed)
    left, right = (generator.standard_normal((each, depth)).astype(numpy_dtype(dtype)) for each in (4, 3))
    answer = bounded_sums.matmul(exact(left, dtype), exact(right.T, dtype))
    products = left[:, None, :] * right[None, :, :]
    for found in [left @ right.T, *_orders(np.moveaxis(products, -1, 0))]:
        assert _contains(answer, found)
    assert np.all(answer.bound <= 1.01 * gamma(depth, answer.unit) * (np.abs(left) @ np.abs(right.T)))


def test_bounds_of_factors_come_through() -> None:
    generator = np.random.default_rng(1)
    left, right = generator.standard_normal((5, 7)), generator.standard_normal((7, 4))
    by = 1e-4
    moved = [bounded.like(exact(each, "float32"), each, np.full(each.shape, by)) for each in (left, right)]
    answer = bounded_sums.matmul(*moved)
    for _ in range(20):
        signs = [generator.choice([-by, by], each.shape) for each in (left, right)]
        assert _contains(answer, (left + signs[0]) @ (right + signs[1]))
    worst = np.abs(left) @ np.full((7, 4), by) + np.full((5, 7), by) @ np.abs(right)
    assert np.all(answer.bound <= 1.01 * worst + 1e-5)


def test_whole_multiples_are_exact() -> None:
    eighths = np.array([[0.125, -0.5], [1.0, 0.375]])
    for dtype in ("float16", "float32", "float64"):
        x = exact(eighths, dtype)
        for answer in (
            bounded_sums.total(x, (0, 1)),
            bounded_sums.running_total(x, 0),
            bounded_sums.matmul(x, x),
            bounded_sums.linear([(x, x), (x, x)], [x[0]]),
            bounded_sums.accumulated([x, x, x]),
        ):
            assert not answer.bound.any()
    assert bounded_sums.matmul(x, x).values.tolist() == (eighths @ eighths).tolist()
    assert bounded_sums.linear([(x, x)], [x[0]]).values.tolist() == (eighths @ eighths.T + eighths[0]).tolist()
    assert quantum(eighths) == 0.125
    assert quantum(np.array([1 / 3])) is None
    # The sum of magnitudes passes 2**24.
    assert bounded_sums.total(exact(np.array([16777216.0, 1.0]), "float32"), (0,)).bound.any()


def test_affine_maps_add_their_terms_in_any_order() -> None:
    generator = np.random.default_rng(2)
    x, weight, h, other = (generator.standard_normal((4, 6)).astype(np.float32) for _ in range(4))
    first, second = (1000 * generator.standard_normal(4).astype(np.float32) for _ in range(2))
    pairs = [(exact(x, "float32"), exact(weight, "float32")), (exact(h, "float32"), exact(other, "float32"))]
    answer = bounded_sums.linear(pairs, [exact(first, "float32"), exact(second, "float32")])
    for found in (
        (x @ weight.T + first) + (h @ other.T + second),
        ((first + second) + x @ weight.T) + h @ other.T,
        _orders(
            np.concatenate(
                [
                    np.broadcast_to(first, (1, 4, 4)),
                    np.moveaxis(x[:, None, :] * weight[None], -1, 0),
                    np.moveaxis(h[:, None, :] * other[None], -1, 0),
                    np.broadcast_to(second, (1, 4, 4)),
                ]
            )
        )[0],
    ):
        assert _contains(answer, found)
    magnitude = np.abs(x) @ np.abs(weight.T) + np.abs(h) @ np.abs(other.T) + np.abs(first) + np.abs(second)
    assert np.all(answer.bound <= 1.01 * 14 * U * magnitude)


def test_sixteen_bits_are_summed_in_float32_and_rounded_once() -> None:
    ones = exact(np.full(3_000, 1 / 3), "float16")
    answer = bounded_sums.total(ones, (0,))
    assert float(answer.bound) < 2 * 2.0**-11 * 1_000
    # Kept in the dtype each partial sum is rounded.
    terms = [exact(np.full(1, 1 / 3), "float16")] * 4
    assert bounded_sums.accumulated(terms).bound[0] == pytest.approx(3 * 2.0**-11 * 4 / 3, rel=0.01)


def test_shortened_factors() -> None:
    x = exact(np.array([[1 / 3, 2 / 3]], np.float32), "float32", TF32)
    answer = bounded_sums.matmul(x, bounded.like(x, x.values.T, x.bound.T))
    assert answer.bound[0, 0] == pytest.approx(2 * TF32 * 5 / 9, rel=0.01)
    few = exact(np.array([[0.375, 0.25]]), "float32", TF32)
    assert not bounded_sums.matmul(few, bounded.like(few, few.values.T, few.bound.T)).bound.any()
    assert held(np.array([1 + 2.0**-10, 1 + 2.0**-11]), "float32", TF32).tolist() == [True, False]


def test_scattered_sums() -> None:
    x = exact(np.array([1.0, 2.0, 0.1]), "float32")
    answer = bounded_sums.put(x, np.array([2, 2, 0]), (2, 2))
    assert np.allclose(answer.values.astype(float), [[0.1, 0], [3, 0]])
    assert bounded_sums.taken(x, np.array([[1, 1]])).values.tolist() == [[2, 2]]


def test_complex_products_count_four_times() -> None:
    generator = np.random.default_rng(4)
    z, w = ((generator.standard_normal((3, 3)) + 1j * generator.standard_normal((3, 3))) for _ in range(2))
    z, w = z.astype(np.complex64), w.astype(np.complex64)
    answer = bounded_sums.matmul(exact(z, "complex64"), exact(w, "complex64"))
    assert np.all(np.abs((z @ w).astype(np.clongdouble) - answer.values) <= answer.bound)
    assert np.all(answer.bound <= 1.01 * 16 * U * (np.abs(z) @ np.abs(w)))
    # Sums go part by part.
    total = bounded_sums.total(exact(z, "complex64"), (0,))
    assert np.all(total.bound <= 1.01 * 2 * U * np.sum(np.abs(z), axis=0))


def test_units_in_the_last_place() -> None:
    assert spacing(np.array([1.0, 1.99, 0.5, 0.0]), "float32", U).tolist() == [2 * U, 2 * U, U, 2.0**-149]
