"""Training written out: layers forward and backward, losses, optimisers, and whole trajectories, in ball arithmetic.

Each model is a chain of linear layers with one activation between them, its gradients written by hand from the chain
rule; logistic and softmax regression are the chains of one layer.

Source: PyTorch documentation, torch.nn.Linear, torch.nn.MSELoss, torch.nn.BCELoss, torch.nn.BCEWithLogitsLoss,
torch.nn.CrossEntropyLoss, torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW (the algorithm boxes);
torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics.balls import Ball, stacked
from torch_conformance.reference.training.regression import Descent

Array = npt.NDArray[Any]
Balls = list[Ball]
Batch = tuple[Array, Array]

_ACTIVATIONS: dict[str, Callable[[Ball], Ball]] = {"tanh": Ball.tanh, "relu": Ball.relu, "sigmoid": Ball.sigmoid}


def _through_activation(name: str, entered: Ball, left: Ball, gradient: Ball) -> Ball:
    """Return the gradient before an activation, from what entered it, what left it, and the gradient after it."""
    if name == "tanh":
        return gradient * (1.0 - left * left)
    if name == "sigmoid":
        return gradient * (left * (1.0 - left))
    return gradient * entered.step()


def _mean_squared_error(outputs: Ball, targets: Array) -> tuple[Ball, Ball]:
    residuals = outputs - targets
    return (residuals * residuals).mean(), residuals * (2.0 / targets.size)


def _cross_entropy_of_logits(outputs: Ball, targets: Array) -> tuple[Ball, Ball]:
    losses = outputs.softplus() - outputs * targets
    return losses.mean(), (outputs.sigmoid() - targets) / float(targets.size)


def _cross_entropy_of_probabilities(outputs: Ball, targets: Array) -> tuple[Ball, Ball]:
    """Return the loss of sigmoid(outputs), as nn.BCELoss after a sigmoid, with the factors that it divides by."""
    chance = outputs.sigmoid()
    losses = -(chance.log() * targets + (1.0 - chance).log() * (1 - targets))
    spread = chance * (1.0 - chance)
    return losses.mean(), (chance - targets) / spread / float(targets.size) * spread


def _cross_entropy(outputs: Ball, targets: Array) -> tuple[Ball, Ball]:
    """Return the loss of logits (n, classes) for class numbers (n,)."""
    count = targets.size
    shift = np.max(outputs.mid, axis=1, keepdims=True)
    exponentials = (outputs - shift).exp()
    totals = exponentials.sum(1, keepdims=True)
    chosen = (outputs - shift)[np.arange(count), targets]
    wanted = np.eye(outputs.mid.shape[1])[targets]
    losses = totals.log().reshape(count) - chosen
    return losses.mean(), (exponentials / totals - wanted) / float(count)


LOSSES: dict[str, Callable[[Ball, Array], tuple[Ball, Ball]]] = {
    "mse": _mean_squared_error,
    "bce-with-logits": _cross_entropy_of_logits,
    "bce": _cross_entropy_of_probabilities,
    "cross-entropy": _cross_entropy,
}


@dataclasses.dataclass(frozen=True)
class Network:
    """A chain of linear layers: `activation` between them, `loss` behind them."""

    activation: str
    loss: str

    def gradients(self, parameters: Sequence[Ball], inputs: Array, targets: Array) -> tuple[Ball, Balls]:
        """Return the loss and its gradient by each parameter.

        Args:
            parameters: Weight (out, in) and bias (out,) of each layer in turn.
            inputs: Shape (n, in).
            targets: Shape (n, out), or class numbers (n,).
        """
        layers = [(parameters[i], parameters[i + 1]) for i in range(0, len(parameters), 2)]
        value = Ball.exact(inputs, parameters[0].dtype)
        entering, before = [], []
        for number, (weight, bias) in enumerate(layers):
            entering.append(value)
            before.append(value @ weight.T + bias)
            last = number == len(layers) - 1
            value = before[-1] if last else _ACTIVATIONS[self.activation](before[-1])
        loss, gradient = LOSSES[self.loss](value, targets)
        found: Balls = []
        for number in reversed(range(len(layers))):
            found[:0] = [gradient.T @ entering[number], gradient.sum(0)]
            if number:
                back = gradient @ layers[number][0]
                gradient = _through_activation(self.activation, before[number - 1], entering[number], back)
        return loss, found


class Optimiser(Protocol):
    """What turns parameters and gradients into the next parameters, and remembers what it needs."""

    def step(self, parameters: Balls, gradients: Balls) -> Balls:
        """Return the parameters after a step."""


class Sgd:
    """torch.optim.SGD."""

    def __init__(self, how: Descent) -> None:
        """Begin without a momentum buffer."""
        self.how = how
        self.lr = how.lr
        self._buffers: Balls = []

    def step(self, parameters: Balls, gradients: Balls) -> Balls:
        """Return the parameters after a step."""
        how = self.how
        moves = [-each if how.maximize else each for each in gradients]
        if how.weight_decay:
            moves = [move + each * how.weight_decay for move, each in zip(moves, parameters, strict=True)]
        if how.momentum:
            self._buffers = (
                [
                    buffer * how.momentum + move * (1 - how.dampening)
                    for buffer, move in zip(self._buffers, moves, strict=True)
                ]
                if self._buffers
                else list(moves)
            )
            moves = (
                [move + buffer * how.momentum for move, buffer in zip(moves, self._buffers, strict=True)]
                if how.nesterov
                else self._buffers
            )
        return [each - move * self.lr for each, move in zip(parameters, moves, strict=True)]


class Grouped:
    """An optimiser with parameter groups: each has its own options and memory."""

    def __init__(self, groups: Sequence[tuple[Sequence[int], Optimiser]]) -> None:
        """Take the places of each group's parameters, and what steps them."""
        self._groups = groups

    def step(self, parameters: Balls, gradients: Balls) -> Balls:
        """Return the parameters after a step."""
        after = list(parameters)
        for places, optimiser in self._groups:
            moved = optimiser.step([parameters[each] for each in places], [gradients[each] for each in places])
            for place, value in zip(places, moved, strict=True):
                after[place] = value
        return after


@dataclasses.dataclass
class Adam:
    """torch.optim.Adam, or AdamW where `decoupled`."""

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    amsgrad: bool = False
    maximize: bool = False
    decoupled: bool = False
    steps: int = 0
    _state: list[tuple[Ball, Ball, Ball]] = dataclasses.field(default_factory=list)

    def step(self, parameters: Balls, gradients: Balls) -> Balls:
        """Return the parameters after a step."""
        self.steps += 1
        if not self._state:
            zeros = [each * 0.0 for each in gradients]
            self._state = [(each, each, each) for each in zeros]
        updated: Balls = []
        states: list[tuple[Ball, Ball, Ball]] = []
        for parameter, gradient, state in zip(parameters, gradients, self._state, strict=True):
            after, kept = self._one(parameter, -gradient if self.maximize else gradient, state)
            updated.append(after)
            states.append(kept)
        self._state = states
        return updated

    def _one(
        self, parameter: Ball, gradient: Ball, state: tuple[Ball, Ball, Ball]
    ) -> tuple[Ball, tuple[Ball, Ball, Ball]]:
        first, second = self.betas
        mean, square, largest = state
        if self.weight_decay and self.decoupled:
            parameter = parameter * (1 - self.lr * self.weight_decay)
        elif self.weight_decay:
            gradient = gradient + parameter * self.weight_decay
        mean = mean * first + gradient * (1 - first)
        square = square * second + gradient * gradient * (1 - second)
        largest = _larger(largest, square)
        spread = (largest if self.amsgrad else square).sqrt() / float(np.sqrt(1 - second**self.steps)) + self.eps
        parameter = parameter - mean * (self.lr / (1 - first**self.steps)) / spread
        return parameter, (mean, square, largest)


def _larger(a: Ball, b: Ball) -> Ball:
    """Return the elementwise maximum, which rounds nothing."""
    return Ball(np.maximum(a.mid, b.mid), np.maximum(a.rad, b.rad), a.dtype)


def clip_norm(gradients: Balls, largest: float) -> Balls:
    """Return gradients scaled so that the norm of all of them together is at most `largest` (clip_grad_norm_)."""
    squares = [(each * each).sum().reshape(1) for each in gradients]
    norm = stacked(squares).sum().sqrt()
    factor = Ball(norm.mid * 0 + largest, norm.rad * 0, norm.dtype) / (norm + 1e-6)
    if float(factor.mid) >= 1:
        return gradients
    return [each * factor for each in gradients]


def clip_value(gradients: Balls, largest: float) -> Balls:
    """Return gradients whose elements are kept within [-largest, largest] (clip_grad_value_)."""
    return [Ball(np.clip(each.mid, -largest, largest), each.rad, each.dtype) for each in gradients]


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Parameters before the first step and after each, stacked along a first axis, and the loss before each step."""

    parameters: tuple[Ball, ...]
    losses: Ball


def train(
    network: Network,
    start: Sequence[Array],
    batches: Sequence[Batch],
    optimiser: Optimiser,
    dtype: str,
    *,
    between: Callable[[int, Balls], Balls] | None = None,
    frozen: Sequence[int] = (),
) -> Trajectory:
    """Follow a training run.

    Args:
        network: Model and loss.
        start: Parameters before the first step.
        batches: Inputs and targets of each step.
        optimiser: Fresh.
        dtype: The element type that computes.
        between: Given the number of the step and the gradients, returns those that the optimiser takes.
        frozen: Numbers of the parameters that are not trained.
    """
    current = [Ball.exact(each, dtype) for each in start]
    history, losses = [current], []
    for number, (inputs, targets) in enumerate(batches):
        loss, gradients = network.gradients(current, inputs, targets)
        if between is not None:
            gradients = between(number, gradients)
        moving = [place for place in range(len(current)) if place not in frozen]
        moved = optimiser.step([current[each] for each in moving], [gradients[each] for each in moving])
        current = list(current)
        for place, value in zip(moving, moved, strict=True):
            current[place] = value
        history.append(current)
        losses.append(loss)
    parameters = tuple(stacked([each[place] for each in history]) for place in range(len(current)))
    return Trajectory(parameters, stacked(losses))
