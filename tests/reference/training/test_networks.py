"""Networks, losses and optimisers: gradients against central differences, trajectories against plain NumPy."""

from __future__ import annotations

import types

import numpy as np
import pytest

from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.bounded import Bounded, exact
from torch_conformance.reference.training.networks import LOSSES, Network, Optimiser, clip_norm, clip_value, train
from torch_conformance.reference.training.optimisers import RULES

GENERATOR = np.random.default_rng(1)


def _few_bits(*size: int) -> np.ndarray:
    return GENERATOR.integers(-8, 9, size) / 8


def _case(activation: str, loss: str) -> tuple[Network, list[np.ndarray], np.ndarray, np.ndarray]:
    outputs = 3 if loss == "cross-entropy" else 2
    # Biases between the multiples of 1/64 that products of inputs and weights are: no unit at the kink of relu.
    start = [_few_bits(4, 3), _few_bits(4) + 1 / 128, _few_bits(outputs, 4), _few_bits(outputs)]
    x = _few_bits(6, 3)
    y = _few_bits(6, outputs) if loss == "mse" else GENERATOR.integers(0, 2, (6, outputs)).astype(float)
    if loss == "cross-entropy":
        y = np.array([0, 2, 1, 1, 0, 2])
    return Network(activation, loss), start, x, y


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_gradients_are_central_differences(activation: str, loss: str) -> None:
    network, start, x, y = _case(activation, loss)

    def value(parameters: list[np.ndarray]) -> float:
        return float(network.gradients([exact(each, "float64") for each in parameters], x, y)[0].values)

    _, gradients = network.gradients([exact(each, "float64") for each in start], x, y)
    step = 1e-5
    for place, parameter in enumerate(start):
        for index in np.ndindex(parameter.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.astype(np.longdouble) for each in start]
                moved[place][index] += sign * step
                leaves = [Bounded(each, np.zeros(each.shape), "float64") for each in moved]
                ends.append(float(network.gradients(leaves, x, y)[0].values))
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(gradients[place].values[index]), abs=1e-8)
    assert np.isfinite(value(start))


def _loss(name: str, outputs: list[list[float]], targets: np.ndarray) -> tuple[float, list[float]]:
    entering = tape.variable(np.array(outputs), "float64")
    loss = LOSSES[name](entering, targets)
    (gradient,) = tape.gradients(loss, [entering], tape.constant(np.ones(()), loss))
    assert gradient is not None
    assert float(loss.data.bound) < 1e-14
    assert np.all(gradient.data.bound < 1e-14)
    return float(loss.data.values), gradient.data.values.ravel().astype(float).tolist()


def test_losses_by_hand() -> None:
    for name in ("bce-with-logits", "bce"):
        loss, gradient = _loss(name, [[0.0], [np.log(3)]], np.array([[1.0], [0.0]]))
        assert loss == pytest.approx((np.log(2) + np.log(4)) / 2)
        assert gradient == pytest.approx([-0.25, 0.375])
    loss, gradient = _loss("cross-entropy", [[0.0, np.log(3)]], np.array([0]))
    assert loss == pytest.approx(np.log(4))
    assert gradient == pytest.approx([-0.75, 0.75])
    assert _loss("mse", [[1.0, 3.0]], np.array([[0.0, 1.0]])) == (2.5, [1.0, 2.0])


def _plain_step(optimiser: Optimiser, parameters: list, gradients: list, memory: dict, kind: type) -> list:
    """The algorithm boxes of torch.optim, in plain floating arithmetic."""
    memory["t"] = t = memory.get("t", 0) + 1
    o = types.SimpleNamespace(**{**RULES[optimiser.name].defaults, **optimiser.options})
    after = []
    for place, (parameter, slope) in enumerate(zip(parameters, gradients, strict=True)):
        if optimiser.name == "SGD":
            g = (-slope if o.maximize else slope) + kind(o.weight_decay) * parameter
            if o.momentum:
                b = memory.get(place)
                b = g if b is None else kind(o.momentum) * b + kind(1 - o.dampening) * g
                memory[place] = b
                g = g + kind(o.momentum) * b if o.nesterov else b
            after.append(parameter - kind(o.lr) * g)
            continue
        g = -slope if o.maximize else slope
        p = parameter - kind(o.lr * o.weight_decay) * parameter if o.decoupled_weight_decay else parameter
        g = g if o.decoupled_weight_decay else g + kind(o.weight_decay) * parameter
        m, v, top = memory.get(place, (0 * g, 0 * g, 0 * g))
        m = kind(o.betas[0]) * m + kind(1 - o.betas[0]) * g
        v = kind(o.betas[1]) * v + kind(1 - o.betas[1]) * g * g
        top = np.maximum(top, v)
        memory[place] = (m, v, top)
        mean = m / kind(1 - o.betas[0] ** t)
        spread = np.sqrt((top if o.amsgrad else v) / kind(1 - o.betas[1] ** t)) + kind(o.eps)
        after.append(p - kind(o.lr) * mean / spread)
    return after


def _plain(activation: str, parameters: list, x: np.ndarray, y: np.ndarray) -> list:
    """Gradients of the mean squared error of a two-layer network in the arrays' own arithmetic."""
    w1, b1, w2, b2 = parameters
    z = x @ w1.T + b1
    h = np.tanh(z) if activation == "tanh" else np.maximum(z, 0)
    d = (h @ w2.T + b2 - y) * np.asarray(2 / y.size, x.dtype)
    e = d @ w2 * ((1 - h * h) if activation == "tanh" else (z > 0))
    return [e.T @ x, e.sum(0), d.T @ h, d.sum(0)]


OPTIMISERS = [
    lambda: Optimiser("SGD", lr=0.125),
    lambda: Optimiser("SGD", lr=0.125, momentum=0.5, dampening=0.25, weight_decay=0.125),
    lambda: Optimiser("SGD", lr=0.0625, momentum=0.75, nesterov=True),
    lambda: Optimiser("Adam", lr=0.05, eps=1 / 32),
    lambda: Optimiser("Adam", lr=0.05, betas=(0.5, 0.75), eps=0.125, weight_decay=0.25, amsgrad=True),
    lambda: Optimiser("AdamW", lr=0.05, eps=1 / 32, weight_decay=0.25, maximize=True),
]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("make", OPTIMISERS)
def test_trajectories_hold_computations_and_little_more(activation: str, make: object) -> None:
    network, start, x, y = _case(activation, "mse")
    batches = [(x, y), (x[:4], y[:4]), (x[4:], y[4:])] * 2
    path = train(network, start, batches, make(), "float32")
    for kind, slack in ((np.longdouble, 1e-12), (np.float32, 0)):
        parameters, memory, optimiser = [each.astype(kind) for each in start], {}, make()
        for number, (xs, ys) in enumerate(batches):
            gradients = _plain(activation, parameters, xs.astype(kind), ys.astype(kind))
            parameters = _plain_step(optimiser, parameters, gradients, memory, kind)
            for found, answer in zip(parameters, path.parameters, strict=True):
                room = slack or answer.bound[number + 1]
                assert np.all(np.abs(found - answer.values[number + 1]) <= room)
    assert max(float(np.max(each.bound)) for each in path.parameters) < 2e-3
    assert max(float(np.median(each.bound)) for each in path.parameters) < 2e-4


def test_clipping_by_hand() -> None:
    gradients = [exact(np.array([3.0, 0.0]), "float64"), exact(np.array([[-4.0]]), "float64")]
    small = clip_norm(gradients, 1.0)
    assert np.concatenate([each.values.ravel() for each in small]).astype(float) == pytest.approx(
        [0.6, 0, -0.8], rel=1e-6
    )
    assert clip_norm(gradients, 6.0) is gradients
    assert [each.values.ravel().tolist() for each in clip_value(gradients, 3.5)] == [[3.0, 0.0], [-3.5]]


def test_frozen_parameters_stay() -> None:
    network, start, x, y = _case("tanh", "mse")
    path = train(network, start, [(x, y)] * 3, Optimiser("SGD", lr=0.25, momentum=0.5), "float32", frozen=(0, 1))
    assert np.array_equal(path.parameters[0].values[-1], start[0])
    assert not np.array_equal(path.parameters[2].values[-1], start[2])
