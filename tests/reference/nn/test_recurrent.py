"""Recurrent networks against hand-worked steps and finite differences of plain NumPy."""

from __future__ import annotations

import math

import numpy as np

from torch_conformance.reference.nn.recurrent import Network, run, run_alone, step
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable


def _leaf(values: object) -> Variable:
    return tape.variable(np.asarray(values, dtype=np.float64), "float64")


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_shapes() -> None:
    assert list(Network("lstm", 3, 4, 2, bidirectional=True, projected=2).shapes().items())[:10] == [
        ("weight_ih_l0", (16, 3)),
        ("weight_hh_l0", (16, 2)),
        ("bias_ih_l0", (16,)),
        ("bias_hh_l0", (16,)),
        ("weight_hr_l0", (2, 4)),
        ("weight_ih_l0_reverse", (16, 3)),
        ("weight_hh_l0_reverse", (16, 2)),
        ("bias_ih_l0_reverse", (16,)),
        ("bias_hh_l0_reverse", (16,)),
        ("weight_hr_l0_reverse", (2, 4)),
    ]
    assert Network("gru", 3, 4, 2, bias=False).shapes()["weight_ih_l1"] == (12, 4)
    assert len(Network("tanh", 3, 4, bias=False).shapes()) == 2


def test_lstm_step_by_hand() -> None:
    weights = {
        "weight_ih": _leaf([[1.0], [2.0], [3.0], [4.0]]),
        "weight_hh": _leaf([[0.5], [0.25], [-1.0], [0.0]]),
        "bias_ih": _leaf([0.0, 1.0, 0.0, 0.0]),
        "bias_hh": _leaf([0.0, 0.0, 0.5, 0.0]),
    }
    h, c = step("lstm", _leaf([[0.5]]), (_leaf([[2.0]]), _leaf([[3.0]])), weights)
    i, f, g, o = _sigmoid(1.5), _sigmoid(2.5), math.tanh(0.0), _sigmoid(2.0)
    cell = f * 3 + i * g
    assert abs(float(c.data.values[0, 0]) - cell) < 1e-15
    assert abs(float(h.data.values[0, 0]) - o * math.tanh(cell)) < 1e-15


def test_gru_step_by_hand() -> None:
    weights = {
        "weight_ih": _leaf([[1.0], [2.0], [3.0]]),
        "weight_hh": _leaf([[0.5], [0.25], [-1.0]]),
        "bias_ih": _leaf([0.0, 1.0, 0.25]),
        "bias_hh": _leaf([0.0, 0.0, 0.5]),
    }
    (h,) = step("gru", _leaf([[0.5]]), (_leaf([[2.0]]),), weights)
    r, z = _sigmoid(1.5), _sigmoid(2.5)
    n = math.tanh(1.75 + r * -1.5)
    assert abs(float(h.data.values[0, 0]) - ((1 - z) * n + z * 2)) < 1e-15


def test_directions_layers_and_alone() -> None:
    network = Network("tanh", 1, 1, layers=2, bidirectional=True, bias=False)
    weights = {name: _leaf(np.full(shape, 0.5)) for name, shape in network.shapes().items()}
    x = np.array([1.0, -2.0])
    zeros = [(_leaf([[0.0]]),) for _ in range(4)]
    answer = run(network, [_leaf([[each]]) for each in x], zeros, weights)

    def one(a: np.ndarray) -> np.ndarray:
        h, out = 0.0, []
        for each in a:
            h = math.tanh(each + 0.5 * h)
            out.append(h)
        return np.array(out)

    first = one(0.5 * x), one(0.5 * x[::-1])[::-1]
    entering = 0.5 * (first[0] + first[1])
    second = one(entering), one(entering[::-1])[::-1]
    for t in range(2):
        assert np.allclose(answer.outputs[t].data.values.astype(float), [[second[0][t], second[1][t]]], 1e-15)
    finals = [float(each.data.values[0, 0]) for each in answer.finals[0]]
    assert np.allclose(finals, [first[0][1], first[1][0], second[0][1], second[1][0]], 1e-15)
    (alone,) = run_alone(network, _leaf(x.reshape(2, 1, 1)), [2], zeros, weights)
    assert float(alone.outputs[1].data.values[0, 0]) == float(answer.outputs[1].data.values[0, 0])


def test_gradients_against_finite_differences() -> None:
    generator = np.random.default_rng(2)
    for kind, projected in (("lstm", 0), ("lstm", 2), ("gru", 0), ("tanh", 0), ("relu", 0)):
        network = Network(kind, 2, 3, layers=2, projected=projected)
        given = {name: generator.uniform(-1, 1, shape) for name, shape in network.shapes().items()}
        x = generator.uniform(-1, 1, (3, 1, 2))

        def loss(
            weights: dict[str, np.ndarray], network: Network = network, x: np.ndarray = x
        ) -> tuple[Variable, dict]:
            leaves = {name: _leaf(value) for name, value in weights.items()}
            states = [tuple(_leaf(np.zeros((1, size))) for size in network.state_sizes) for _ in range(2)]
            answer = run(network, [_leaf(each) for each in x], states, leaves)
            parts = [tape.total(each, (0, 1)) for each in (answer.outputs[0], answer.outputs[2], answer.finals[-1][0])]
            return parts[0] + parts[1] * parts[2], leaves

        total, leaves = loss(given)
        found = tape.gradients(total, list(leaves.values()), tape.constant(np.ones(()), total))
        for (name, value), got in zip(given.items(), found, strict=True):
            assert got is not None
            index = tuple(int(generator.integers(0, extent)) for extent in value.shape)
            ends = []
            for move in (1e-6, -1e-6):
                moved = {key: each.copy() for key, each in given.items()}
                moved[name][index] += move
                ends.append(float(loss(moved)[0].data.values))
            assert abs((ends[0] - ends[1]) / 2e-6 - float(got.data.values[index])) < 1e-8, (kind, name)
