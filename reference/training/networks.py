"""Training written out: layers, losses, and whole trajectories of parameters under an optimiser, with bounds.

Each model is a chain of linear layers with one activation between them; logistic and softmax regression are the chains
of one layer. Gradients come from the tape, steps from the optimisers' rules.

Source: PyTorch documentation, torch.nn.Linear, torch.nn.MSELoss, torch.nn.BCELoss, torch.nn.BCEWithLogitsLoss,
torch.nn.CrossEntropyLoss, torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import bounded, bounded_functions, bounded_sums, tape
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops import derivatives_reductions as reductions
from torch_conformance.reference.ops.derivatives import UNARY, uncertain
from torch_conformance.reference.training.optimisers import RULES, StepRule

Array = npt.NDArray[Any]
Values = list[Bounded]
Batch = tuple[Array, Array]
Loss = Callable[[Variable, Array], Variable]

# A formula of softplus that rounds 1 + exp(x) errs by so many units of 1 in small results.
_SOFTPLUS = 4


def _mean_squared_error(outputs: Variable, targets: Array) -> Variable:
    residuals = outputs - tape.constant(targets, outputs)
    return reductions.mean(residuals * residuals)


def softplus(x: Variable) -> Variable:
    """Return log(1 + exp(x)), whose derivative is the sigmoid."""
    data = bounded_functions.elementary(lambda v: np.maximum(v, 0) + np.log1p(np.exp(-np.abs(v))), x.data)
    return tape.node(uncertain(data, _SOFTPLUS), (x, lambda g: g * UNARY["sigmoid"](x)))


def _cross_entropy_of_logits(outputs: Variable, targets: Array) -> Variable:
    return reductions.mean(softplus(outputs) - outputs * tape.constant(targets, outputs))


def _cross_entropy_of_probabilities(outputs: Variable, targets: Array) -> Variable:
    """Return the loss of sigmoid(outputs), as nn.BCELoss after a sigmoid."""
    chance, wanted = UNARY["sigmoid"](outputs), tape.constant(targets, outputs)
    return reductions.mean(-(UNARY["log"](chance) * wanted + UNARY["log"](1 - chance) * (1 - wanted)))


def _cross_entropy(outputs: Variable, targets: Array) -> Variable:
    """Return the loss of logits (n, classes) for class numbers (n,)."""
    return reductions.mean(-reductions.log_softmax(outputs, 1)[np.arange(targets.size), targets])


LOSSES: dict[str, Loss] = {
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

    def gradients(self, parameters: Sequence[Bounded], inputs: Array, targets: Array) -> tuple[Bounded, Values]:
        """Return the loss and its gradient by each parameter.

        Args:
            parameters: Weight (out, in) and bias (out,) of each layer in turn.
            inputs: Shape (n, in).
            targets: Shape (n, out), or class numbers (n,).
        """
        leaves = [Variable(each) for each in parameters]
        value = tape.variable(inputs, parameters[0].dtype)
        for place in range(0, len(leaves), 2):
            entering = UNARY[self.activation](value) if place else value
            value = tape.linear([(entering, leaves[place])], [leaves[place + 1]])
        loss = LOSSES[self.loss](value, targets)
        found = tape.gradients(loss, leaves, tape.constant(np.ones(()), loss))
        return loss.data, [each.data for each in found if each is not None]


class Optimiser:
    """An optimiser of torch.optim over several parameters.

    Attributes:
        name: The class's name, as in `optimisers.RULES`.
        options: What the rule of each parameter is given; may be changed between steps.
    """

    def __init__(self, name: str, **options: Any) -> None:
        """Begin without memory."""
        self.name, self.options = name, options
        self._rules: list[StepRule] = []

    def step(self, parameters: Values, gradients: Values) -> Values:
        """Return the parameters after a step."""
        if not self._rules:
            self._rules = [RULES[self.name](**self.options) for _ in parameters]
        for rule in self._rules:
            rule.options.update(self.options)
        return [
            rule.step(parameter, gradient)
            for rule, parameter, gradient in zip(self._rules, parameters, gradients, strict=True)
        ]


class Grouped:
    """An optimiser with parameter groups: each has its own options and memory."""

    def __init__(self, groups: Sequence[tuple[Sequence[int], Optimiser]]) -> None:
        """Take the places of each group's parameters, and what steps them."""
        self._groups = groups

    def step(self, parameters: Values, gradients: Values) -> Values:
        """Return the parameters after a step."""
        after = list(parameters)
        for places, optimiser in self._groups:
            moved = optimiser.step([parameters[each] for each in places], [gradients[each] for each in places])
            for place, value in zip(places, moved, strict=True):
                after[place] = value
        return after


def clip_norm(gradients: Values, largest: float) -> Values:
    """Return gradients scaled so that the norm of all of them together is at most `largest` (clip_grad_norm_)."""
    squares = [(each * each).reshape(-1) for each in gradients]
    norm = bounded_sums.total(bounded.joined(squares, 0), (0,)).sqrt()
    factor = largest / (norm + 1e-6)
    if float(factor.values) >= 1:
        return gradients
    return [each * factor for each in gradients]


def clip_value(gradients: Values, largest: float) -> Values:
    """Return gradients whose elements are kept within [-largest, largest] (clip_grad_value_)."""
    return [each.clipped(-largest, largest) for each in gradients]


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """Parameters before the first step and after each, stacked along a first axis, and the loss before each step."""

    parameters: tuple[Bounded, ...]
    losses: Bounded


def train(
    network: Network,
    start: Sequence[Array],
    batches: Sequence[Batch],
    optimiser: Optimiser | Grouped,
    dtype: str,
    *,
    between: Callable[[int, Values], Values] | None = None,
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
    current = [bounded.exact(each, dtype) for each in start]
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
    parameters = tuple(bounded.stacked([each[place] for each in history]) for place in range(len(current)))
    return Trajectory(parameters, bounded.stacked(losses))
