"""Normalisation against hand-worked numbers and finite differences; embeddings against loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from torch_conformance.reference.nn import embedding, normalisation

GENERATOR = np.random.default_rng(0)


def _differences(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    gradient = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = 1e-5
        gradient[index] = float((function(x + step) - function(x - step)).sum() / np.longdouble(2e-5))
    return gradient


def test_normalises_by_hand() -> None:
    done = normalisation.normalised(np.array([[-1.0, 5.0], [1.0, -5.0]]), (1,), 0.0)
    assert done.values.tolist() == [[-1, 1], [1, -1]]
    done = normalisation.normalised(np.array([[1.0, 3.0]]), (1,), 3.0)
    assert (done.values.tolist(), done.mean.tolist(), done.variance.tolist()) == ([[-0.5, 0.5]], [[2]], [[1]])
    root = normalisation.normalised(np.array([[3.0, 3.0]]), (1,), 7.0, centred=False)
    assert root.values.tolist() == [[0.75, 0.75]]
    given = normalisation.with_moments(np.array([[5.0]]), np.array([[1.0]]), np.array([[3.0]]), 1.0)
    assert given.values.tolist() == [[2]]


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("axes", [(1,), (0, 2), (1, 2)])
def test_gradients_are_differences(axes: tuple[int, ...], centred: bool) -> None:  # noqa: FBT001
    x = GENERATOR.standard_normal((2, 3, 4)).astype(np.longdouble)
    h = GENERATOR.standard_normal((2, 3, 4)).astype(np.longdouble)
    done = normalisation.normalised(x, axes, 0.3, centred=centred)
    gradient, size = normalisation.input_gradient(done, h, axes, centred=centred)
    wanted = _differences(lambda at: h * normalisation.normalised(at, axes, 0.3, centred=centred).values, x)
    assert np.allclose(gradient.astype(float), wanted, atol=1e-8)
    assert (np.abs(gradient) <= size).all()


def test_running_statistics_by_hand() -> None:
    old, new = np.array([4.0]), np.array([8.0])
    assert normalisation.running(old, new, 0.25, 3).tolist() == [5]
    assert normalisation.running(old, new, None, 4).tolist() == [5]


def test_local_response_by_hand() -> None:
    x = np.array([[[1.0], [2.0], [3.0]]], dtype=np.longdouble)
    value, inner = normalisation.local_response(x, 2, 2.0, 1.0, 1.0)
    # Of two channels around, the one before.
    assert inner.ravel().tolist() == [2, 6, 14]
    assert np.allclose(value.astype(float).ravel(), [1 / 2, 2 / 6, 3 / 14])


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_local_response_gradient(size: int) -> None:
    x, g = (GENERATOR.standard_normal((2, 5, 2)).astype(np.longdouble) for _ in range(2))
    gradient, _ = normalisation.local_response_gradient(x, g, size, 0.7, 0.6, 1.5)
    wanted = _differences(lambda at: g * normalisation.local_response(at, size, 0.7, 0.6, 1.5)[0], x)
    assert np.allclose(gradient.astype(float), wanted, atol=1e-8)


def test_embedding_gradients_by_hand() -> None:
    g = np.array([[1.0], [2.0], [4.0]])
    indices = np.array([2, 0, 2])
    assert embedding.table_gradient(g, indices, 3).tolist() == [[2], [0], [5]]
    assert embedding.table_gradient(g, indices, 3, by_frequency=True).tolist() == [[2], [0], [2.5]]
    assert embedding.table_gradient(g, indices, 3, padding=-1).tolist() == [[2], [0], [0]]
    table = np.array([[3.0, 4.0], [6.0, 8.0], [0.3, 0.4]])
    assert embedding.renormalised(table, np.array([0, 2]), 2.5, 2.0).tolist() == [[1.5, 2], [6, 8], [0.3, 0.4]]


def test_bags_by_hand() -> None:
    table = np.array([[1.0, 9.0], [2.0, 5.0], [4.0, 3.0]])
    indices = np.array([0, 2, 1, 1, 2])
    members = embedding.bags(indices, (0, 2, 2), padding=1)
    assert [each.tolist() for each in members] == [[0, 1], [], [4]]
    assert embedding.bag(table, indices, members, "sum").tolist() == [[5, 12], [0, 0], [4, 3]]
    assert embedding.bag(table, indices, members, "mean").tolist() == [[2.5, 6], [0, 0], [4, 3]]
    assert embedding.bag(table, indices, members, "max").tolist() == [[4, 9], [0, 0], [4, 3]]
    g = np.array([[2.0, 4.0], [8.0, 8.0], [1.0, 1.0]])
    assert embedding.bag_gradient(table, indices, members, "mean", g).tolist() == [[1, 2], [0, 0], [2, 3]]
    assert embedding.bag_gradient(table, indices, members, "max", g).tolist() == [[0, 4], [0, 0], [3, 1]]
    weights = np.array([1.0, 10.0, 0.0, 0.0, 100.0])
    assert embedding.bag(table, indices, members, "sum", weights).tolist() == [[41, 39], [0, 0], [400, 300]]
    assert embedding.bag_gradient(table, indices, members, "sum", g, weights)[2].tolist() == [120, 140]
    assert embedding.weights_gradient(table, indices, members, g).tolist() == [38, 20, 0, 0, 7]
