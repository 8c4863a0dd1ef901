"""The running-error arithmetic: bounds hold for lower precisions, derivatives agree with complex steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from torch_conformance.reference.numerics import running_tape as running
from torch_conformance.reference.numerics.running_tape import Running, gradients, leaf

Array = npt.NDArray[Any]


def _softmax(a: Any, exp: Callable[[Any], Any]) -> Any:
    weights = exp(a)
    return weights * (1 / weights.sum(-1, keepdims=True))


def _plain(x: Array, w: Array, b: Array, dtype: Any) -> Array:
    """The same expression as `_tracked`, in a NumPy dtype."""
    x, w, b = (each.astype(dtype) for each in (x, w, b))
    y = np.tanh(x @ w.T + b)
    s = 1 / (1 + np.exp(-y))
    e = np.exp(s - y)
    mean = e.sum(1, keepdims=True) * dtype(0.25)
    spread = ((e - mean) ** 2).sum(1, keepdims=True) + dtype(0.5)
    return np.asarray(((e - mean) / np.sqrt(spread)).T[1:3].reshape(3, 2) * y[:, :1])


def _tracked(x: Running, w: Running, b: Running) -> Running:
    y = running.tanh(x @ w.transposed() + b)
    s = running.sigmoid(y)
    e = running.exp(s - y)
    mean = e.summed(1).scaled(0.25)
    centred = e - mean
    spread = (centred * centred).summed(1) + Running(np.asarray(0.5), 0, x.unit)
    normal = centred * running.reciprocal(running.root(spread))
    return normal.transposed()[1:3].reshaped(3, 2) * y[:, :1]


def _operands() -> tuple[Array, Array, Array]:
    generator = np.random.default_rng(5)
    return tuple(generator.integers(-8, 9, size) / 8 for size in ((3, 5), (4, 5), (4,)))  # type: ignore[return-value]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bound_holds_and_is_not_wide(dtype: str) -> None:
    operands = _operands()
    result = _tracked(*(leaf(each, dtype) for each in operands))
    seen = _plain(*operands, np.dtype(dtype).type)
    distance = np.abs(seen.astype(np.longdouble) - result.values)
    assert np.all(distance <= result.error)
    assert np.all(result.error <= 3e3 * np.finfo(dtype).eps)


def test_gradients_agree_with_complex_steps() -> None:
    operands = _operands()
    leaves = [leaf(each, "float64") for each in operands]
    cotangent = np.arange(6.0).reshape(3, 2) - 2
    found = gradients([_tracked(*leaves)], [cotangent], leaves)
    for place, (given, got) in enumerate(zip(operands, found, strict=True)):
        assert got.shape == given.shape
        for index in np.ndindex(*given.shape):
            moved = [each.astype(np.complex128) for each in operands]
            moved[place][index] += 1e-30j
            slope = float((_plain(*moved, np.complex128) * cotangent).sum().imag / 1e-30)
            assert abs(slope - float(got.values[index])) <= 1e-13
            # Three times as many operations as forth, of cotangents up to 3.
            assert got.error[index] <= 3 * 3 * 3e3 * np.finfo(np.float64).eps


def test_by_hand() -> None:
    a, b = leaf(np.array([[1.0, 2.0]]), "float64"), leaf(np.array([[3.0], [5.0]]), "float64")
    product = a @ b
    assert product.values.tolist() == [[13.0]]
    ga, gb = gradients([product], [np.array([[2.0]])], [a, b])
    assert ga.values.tolist() == [[6.0, 10.0]]
    assert gb.values.tolist() == [[2.0], [4.0]]
    both = running.joined([a, a + a], 1)
    assert both.values.tolist() == [[1.0, 2.0, 2.0, 4.0]]
    (ga,) = gradients([both], [np.array([[1.0, 1.0, 1.0, 10.0]])], [a])
    assert ga.values.tolist() == [[3.0, 21.0]]
    (ga,) = gradients([running.kept(a, np.array([[True, False]]))], [np.array([[7.0, 7.0]])], [a])
    assert ga.values.tolist() == [[7.0, 0.0]]
    (ga,) = gradients([running.relu(a - leaf(np.array([[1.5]]), "float64"))], [np.array([[7.0, 7.0]])], [a])
    assert ga.values.tolist() == [[0.0, 7.0]]
    (unused,) = gradients([a], [np.ones((1, 2))], [b])
    assert unused.values.tolist() == [[0.0], [0.0]]


def test_relu_within_its_error_has_either_slope() -> None:
    a = Running(np.array([0.0, 1.0]), np.array([1e-9, 1e-9]), 1e-16)
    (slope,) = gradients([running.relu(a)], [np.ones(2)], [a])
    assert slope.error[0] >= 1
    assert slope.error[1] < 1e-9
