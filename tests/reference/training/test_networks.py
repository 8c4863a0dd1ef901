"""Networks, losses and optimisers: gradients against central differences, trajectories against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from torch_conformance.reference.numerics.balls import Ball
from torch_conformance.reference.training.networks import LOSSES, Adam, Network, Sgd, clip_norm, clip_value, train
from torch_conformance.reference.training.regression import Descent

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
        return float(network.gradients([Ball.exact(each, "float64") for each in parameters], x, y)[0].mid)

    _, gradients = network.gradients([Ball.exact(each, "float64") for each in start], x, y)
    step = 1e-5
    for place, parameter in enumerate(start):
        for index in np.ndindex(parameter.shape):
            ends = []
            for sign in (1, -1):
                moved = [each.astype(np.longdouble) for each in start]
                moved[place][index] += sign * step
                exact = [Ball(each, np.zeros(each.shape), "float64") for each in moved]
                ends.append(float(network.gradients(exact, x, y)[0].mid))
            assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float(gradients[place].mid[index]), abs=1e-8)
    assert np.isfinite(value(start))


def test_losses_by_hand() -> None:
    outputs = Ball.exact(np.array([[0.0], [np.log(3)]]), "float64")
    loss, gradient = LOSSES["bce-with-logits"](outputs, np.array([[1.0], [0.0]]))
    assert float(loss.mid) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert gradient.mid.ravel().tolist() == pytest.approx([-0.25, 0.375])
    loss, gradient = LOSSES["bce"](outputs, np.array([[1.0], [0.0]]))
    assert float(loss.mid) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert gradient.mid.ravel().tolist() == pytest.approx([-0.25, 0.375])
    loss, gradient = LOSSES["cross-entropy"](Ball.exact(np.array([[0.0, np.log(3)]]), "float64"), np.array([0]))
    assert float(loss.mid) == pytest.approx(np.log(4))
    assert gradient.mid.ravel().tolist() == pytest.approx([-0.75, 0.75])


def _plain_step(optimiser: object, parameters: list, gradients: list, memory: dict, kind: type) -> list:
    """The algorithm boxes of torch.optim, in plain floating arithmetic."""
    memory["t"] = t = memory.get("t", 0) + 1
    after = []
    for place, (parameter, slope) in enumerate(zip(parameters, gradients, strict=True)):
        if isinstance(optimiser, Sgd):
            how = optimiser.how
            g = (-slope if how.maximize else slope) + kind(how.weight_decay) * parameter
            if how.momentum:
                b = memory.get(place)
                b = g if b is None else kind(how.momentum) * b + kind(1 - how.dampening) * g
                memory[place] = b
                g = g + kind(how.momentum) * b if how.nesterov else b
            after.append(parameter - kind(how.lr) * g)
            continue
        o = optimiser
        g = -slope if o.maximize else slope
        p = parameter - kind(o.lr * o.weight_decay) * parameter if o.decoupled else parameter
        g = g if o.decoupled else g + kind(o.weight_decay) * parameter
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
    lambda: Sgd(Descent(0.125)),
    lambda: Sgd(Descent(0.125, momentum=0.5, dampening=0.25, weight_decay=0.125)),
    lambda: Sgd(Descent(0.0625, momentum=0.75, nesterov=True)),
    lambda: Adam(lr=0.05, eps=1 / 32),
    lambda: Adam(lr=0.05, betas=(0.5, 0.75), eps=0.125, weight_decay=0.25, amsgrad=True),
    lambda: Adam(lr=0.05, eps=1 / 32, weight_decay=0.25, decoupled=True, maximize=True),
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
            for found, ball in zip(parameters, path.parameters, strict=True):
                room = slack or ball.rad[number + 1]
                assert np.all(np.abs(found - ball.mid[number + 1]) <= room)
    assert max(float(np.max(each.rad)) for each in path.parameters) < 2e-3
    assert max(float(np.median(each.rad)) for each in path.parameters) < 2e-4


def test_clipping_by_hand() -> None:
    gradients = [Ball.exact(np.array([3.0, 0.0]), "float64"), Ball.exact(np.array([[-4.0]]), "float64")]
    small = clip_norm(gradients, 1.0)
    assert np.concatenate([each.mid.ravel() for each in small]).astype(float) == pytest.approx([0.6, 0, -0.8], rel=1e-6)
    assert clip_norm(gradients, 6.0) is gradients
    assert [each.mid.ravel().tolist() for each in clip_value(gradients, 3.5)] == [[3.0, 0.0], [-3.5]]


def test_frozen_parameters_stay() -> None:
    network, start, x, y = _case("tanh", "mse")
    path = train(network, start, [(x, y)] * 3, Sgd(Descent(0.25, momentum=0.5)), "float32", frozen=(0, 1))
    assert np.array_equal(path.parameters[0].mid[-1], start[0])
    assert not np.array_equal(path.parameters[2].mid[-1], start[2])
