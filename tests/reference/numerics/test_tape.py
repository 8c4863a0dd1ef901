"""The tape against hand-worked graphs, and reductions and scans against finite differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from torch_conformance.reference.numerics import bounded, tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives
from torch_conformance.reference.ops import derivatives_reductions as reductions

_X = np.random.default_rng(1).uniform(-1.5, 1.5, (2, 3, 2))

_WEIGHT = tape.variable(np.arange(6.0).reshape(3, 2) / 4 - 0.5, "float64")


def _check(function: Callable[[Variable], Variable], x: np.ndarray = _X, tolerance: float = 1e-9) -> None:
    """Compare the gradient of a weighted sum of results with extrapolated central differences."""
    operand = tape.variable(x, "float64")
    result = function(operand)
    g = np.random.default_rng(2).uniform(-1, 1, result.shape)
    (gradient,) = tape.gradients(result, [operand], tape.variable(g, "float64"))
    assert gradient is not None
    assert gradient.shape == x.shape
    for place in range(x.size):

        def loss(shift: float, place: int = place) -> np.longdouble:
            moved = x.astype(np.longdouble)
            moved.flat[place] += shift
            data = bounded.Bounded(moved, np.zeros(x.shape), "float64")
            return np.sum(function(Variable(data)).data.values * g)

        h = 2.0**-10
        wide, near = (loss(h) - loss(-h)) / (2 * h), (loss(h / 2) - loss(-h / 2)) / h
        assert float(gradient.data.values.flat[place]) == pytest.approx(float((4 * near - wide) / 3), abs=tolerance)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: reductions.sum(x, (0, 2)),
        lambda x: reductions.mean(x, 1, keepdim=True),
        lambda x: reductions.prod(x, 1),
        reductions.prod,
        lambda x: reductions.var(x, 1),
        lambda x: reductions.var(x, (0, 1), correction=0),
        lambda x: reductions.std(x, 1),
        lambda x: reductions.vector_norm(x, 3, 1),
        lambda x: reductions.vector_norm(x, 2, (0, 2)),
        lambda x: reductions.vector_norm(x, 1, 1),
        lambda x: reductions.vector_norm(x, float("inf"), 1),
        lambda x: reductions.amax(x, (0, 1)),
        lambda x: reductions.amin(x, 1, keepdim=True),
        lambda x: reductions.logsumexp(x, (0, 1)),
        lambda x: reductions.softmax(x, 1),
        lambda x: reductions.log_softmax(x, 2),
        lambda x: reductions.cumsum(x, 1),
        lambda x: reductions.cumprod(x, 1),
        lambda x: reductions.logcumsumexp(x, 1),
        lambda x: tape.matmul(x, tape.transposed(x)),
        lambda x: tape.multiply(x, tape.total(x, (1,), keepdim=True)),
        lambda x: tape.divide(x, tape.multiply(x, x) + 1),
        lambda x: tape.permuted(x, (2, 0, 1))[1:] * x[0, 1, 1],
        lambda x: tape.linear([(x, _WEIGHT), (x * x, x[0])], [x[1, :, 0], _WEIGHT[:, 1]]),
        lambda x: tape.linear([(_WEIGHT, x[0])]) @ x[1],
    ],
)
def test_reductions_scans_products(function: Callable[[Variable], Variable]) -> None:
    _check(function, tolerance=1e-8)


def test_products_with_zeros() -> None:
    x = tape.variable(np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 5.0]]), "float64")
    result = reductions.prod(x, 1)
    (gradient,) = tape.gradients(result, [x], tape.constant(np.ones(2), x))
    assert gradient is not None
    assert gradient.data.values.tolist() == [[6, 0, 0], [0, 0, 0]]
    (running,) = tape.gradients(reductions.cumprod(x, 1), [x], tape.constant(np.ones((2, 3)), x))
    assert running is not None
    assert running.data.values.tolist() == [[1 + 2 + 6, 0, 0], [1, 0, 0]]


def test_the_squared_error_by_hand() -> None:
    x, w, b = (tape.variable(np.asarray(float(each)), "float32") for each in (5, 1, 3))
    error = tape.multiply(x, w) + b
    gradients = tape.gradients(tape.multiply(error, error), [w, b], tape.constant(np.ones(()), x))
    assert [float(each.data.values) for each in gradients if each is not None] == [80, 16]
    assert not any(each.data.bound.any() for each in gradients if each is not None)


def test_sharing_broadcasting_and_repeats_add_up() -> None:
    p, q = tape.variable(np.array([[1.0, 2.0], [3.0, 4.0]]), "float32"), tape.variable(np.array([10.0, 20]), "float32")
    rows = tape.taken(p, tape.places_of((2, 2))[[0, 0, 1]])
    loss = reductions.sum(tape.multiply(rows, q)) + reductions.sum(p) * 3
    first, second = tape.gradients(loss, [p, q], tape.constant(np.ones(()), p))
    assert first is not None
    assert second is not None
    assert first.data.values.tolist() == [[23, 43], [13, 23]]
    assert second.data.values.tolist() == [1 + 1 + 3, 2 + 2 + 4]


def test_writes_replace_what_was_there() -> None:
    x, y = tape.variable(np.array([1.0, 2.0, 3.0]), "float32"), tape.variable(np.array([7.0]), "float32")
    written = tape.written(x, np.array([1]), y)
    assert written.data.values.tolist() == [1, 7, 3]
    first, second = tape.gradients(written, [x, y], tape.variable(np.array([4.0, 5.0, 6.0]), "float32"))
    assert first is not None
    assert second is not None
    assert first.data.values.tolist() == [4, 0, 6]
    assert second.data.values.tolist() == [5]


def test_gradients_have_gradients() -> None:
    x = tape.variable(np.array([2.0, -3.0]), "float64")
    cube = tape.multiply(tape.multiply(x, x), x)
    ones = tape.constant(np.ones(2), x)
    (first,) = tape.gradients(cube, [x], ones)
    assert first is not None
    (second,) = tape.gradients(first, [x], ones)
    assert second is not None
    (third,) = tape.gradients(second, [x], ones)
    assert third is not None
    assert first.data.values.tolist() == [12, 27]
    assert second.data.values.tolist() == [12, -18]
    assert third.data.values.tolist() == [6, 6]
    sine = derivatives.UNARY["sin"](x)
    (slope,) = tape.gradients(sine, [x], ones)
    assert slope is not None
    (curve,) = tape.gradients(slope, [x], ones)
    assert curve is not None
    np.testing.assert_allclose(curve.data.values.astype(float), -np.sin([2.0, -3.0]), rtol=1e-15)


def test_complex_gradients_are_conjugate() -> None:
    z = tape.variable(np.array([1 + 2j]), "complex128")
    w = tape.variable(np.array([3 - 1j]), "complex128")
    first, second = tape.gradients(tape.multiply(z, w), [z, w], tape.constant(np.ones(1), z))
    assert first is not None
    assert second is not None
    assert first.data.values.tolist() == [3 + 1j]
    assert second.data.values.tolist() == [1 - 2j]


def test_none_where_no_path_leads() -> None:
    x, y = (tape.variable(np.ones(2), "float32") for _ in range(2))
    assert tape.gradients(x + 1, [x, y], tape.constant(np.ones(2), x))[1] is None


def test_roundings_are_bounded_and_exact_ones_are_none() -> None:
    x = tape.variable(np.array([1.0, 2.0, 3.0]).astype(np.float32), "float32")
    assert not tape.multiply(x, x).data.bound.any()
    assert not (x / 4).data.bound.any()
    third = x / 3
    assert np.all((third.data.bound > 0) & (third.data.bound < 1e-6))
    single = (np.array([1, 2, 3], np.float32) / np.float32(3)).astype(np.float64)
    assert np.all(np.abs(single - third.data.values) <= third.data.bound)
    large = tape.variable(np.array([16777216.0, 1.0], np.float32), "float32")
    assert tape.total(large, (0,)).data.bound.any()


def test_several_outputs_share_inputs() -> None:
    x, y, z = (tape.variable(np.array([each]), "float32") for each in (2.0, 3.0, 5.0))
    ones = tape.constant(np.ones(1), x)
    outputs = [tape.multiply(x, y), x + 1, x]
    first, second, third = tape.gradients_of(outputs, [x, y, z], [ones, ones * 10, ones * 100])
    assert first is not None
    assert second is not None
    assert first.data.values.tolist() == [3 + 10 + 100]
    assert second.data.values.tolist() == [2]
    assert third is None


def test_within_the_bound_of_a_corner_either_slope_is_right() -> None:
    x = Variable(bounded.Bounded(np.array([0.0, 1.0]), np.array([1e-9, 1e-9]), "float64"))
    (slope,) = tape.gradients(derivatives.UNARY["relu"](x), [x], tape.constant(np.ones(2), x))
    assert slope is not None
    assert slope.data.bound[0] >= 1
    assert slope.data.bound[1] < 1e-9


def _layer(x: np.ndarray, w: np.ndarray, b: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """A layer with a normalisation, forth and back, in the arrays' own arithmetic."""
    h = np.tanh(x @ w.T + b)
    c = h - h.mean(1, keepdims=True)
    r = 1 / np.sqrt((c * c).mean(1, keepdims=True) + x.dtype.type(0.5))
    y = c * r
    d = r * (g - g.mean(1, keepdims=True) - y * (g * y).mean(1, keepdims=True))
    d = d * (1 - h * h)
    return y, [d @ w, d.T @ x, d.sum(0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_computations_forth_and_back_lie_within_the_bound(dtype: str) -> None:
    generator = np.random.default_rng(8)
    for _ in range(30):
        arrays = [generator.uniform(-1, 1, size).astype(dtype) for size in ((3, 5), (4, 5), (4,), (3, 4))]
        x, w, b, g = (tape.variable(each, dtype) for each in arrays)
        h = derivatives.UNARY["tanh"](tape.linear([(x, w)], [b]))
        centred = h - reductions.mean(h, 1, keepdim=True)
        result = centred / derivatives.UNARY["sqrt"](reductions.mean(centred * centred, 1, keepdim=True) + 0.5)
        found = [result, *tape.gradients(result, [x, w, b], g)]
        y, slopes = _layer(*arrays)
        for answer, seen in zip(found, [y, *slopes], strict=True):
            assert answer is not None
            assert np.all(np.abs(seen.astype(np.longdouble) - answer.data.values) <= answer.data.bound)
            assert np.max(answer.data.bound) < 300 * np.finfo(dtype).eps


def test_large_graphs_are_shown_in_few_words() -> None:
    x = tape.variable(np.ones(1), "float32")
    for _ in range(64):
        x = x + x
    assert len(repr(x)) < 1_000
