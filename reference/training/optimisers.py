"""The steps of the optimisers, element by element, with a bound on the rounding of each.

A rule keeps the state of one parameter (or of many, laid end to end: no rule mixes elements). Complex parameters are
pairs of real ones.

Source: PyTorch documentation, torch.optim, the algorithm in each optimiser's description; ASGD, which shows none, after
Polyak and Juditsky (1992), with the decay of the step as in Bottou (2010).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import bounded
from torch_conformance.reference.numerics.bounded import ROUNDINGS, Bounded, exact, number, power

Array = npt.NDArray[Any]

_SINGLE = 2.0**-24
_ONE = number(1.0)


def _zeros(operand: Bounded) -> Bounded:
    return bounded.like(operand, np.zeros_like(operand.values), np.zeros(operand.shape))


def _in_single(scalar: Bounded) -> Bounded:
    """Return a scalar that is kept in single precision, whatever the parameter's, and computed with in double."""
    return bounded.like(scalar, scalar.values, scalar.bound + ROUNDINGS * _SINGLE * scalar.reach)


def _average(old: Bounded, new: Bounded, decay: float) -> Bounded:
    """Return decay old + (1 - decay) new."""
    weight = number(decay)
    return weight * old + (_ONE - weight) * new


class StepRule:
    """An optimiser's step for one parameter.

    Attributes:
        defaults: Documented options with their default values.
        options: Those in force; may be changed between steps.
        count: Steps taken.
    """

    defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        """Begin with no step taken.

        Raises:
            TypeError: For an option that the optimiser does not have.
        """
        unknown = options.keys() - self.defaults.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no option {sorted(unknown)}")
        self.options = {**self.defaults, **options}
        self.count = 0
        self._state: dict[str, Bounded] = {}

    def step(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        """Return the parameter after one more step."""
        self.count += 1
        options = self.options
        if options.get("maximize"):
            gradient = -gradient
        decay = options.get("weight_decay", 0)
        if decay:
            if options.get("decoupled_weight_decay"):
                parameter = parameter - number(options["lr"]) * number(decay) * parameter
            else:
                gradient = gradient + number(decay) * parameter
        return self._update(parameter, gradient)

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        raise NotImplementedError

    def _remembered(self, name: str, like: Bounded) -> Bounded:
        return self._state.get(name) or _zeros(like)

    def _correction(self, index: int) -> Bounded:
        return _ONE - power(self.options["betas"][index], self.count)

    def _moments(self, gradient: Bounded) -> tuple[Bounded, Bounded]:
        """Return the running averages of the gradient and of its square."""
        first, second = self.options["betas"]
        mean = _average(self._remembered("mean", gradient), gradient, first)
        square = _average(self._remembered("square", gradient), gradient * gradient, second)
        self._state |= {"mean": mean, "square": square}
        return mean, square


class SGD(StepRule):
    """Gradient descent with momentum; the first momentum is the gradient, undamped."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "momentum": 0,
        "dampening": 0,
        "weight_decay": 0,
        "nesterov": False,
        "maximize": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        momentum = self.options["momentum"]
        if momentum:
            buffer = gradient
            if "buffer" in self._state:
                undamped = _ONE - number(self.options["dampening"])
                buffer = number(momentum) * self._state["buffer"] + undamped * gradient
            self._state["buffer"] = buffer
            gradient = gradient + number(momentum) * buffer if self.options["nesterov"] else buffer
        return parameter - number(self.options["lr"]) * gradient


class Adam(StepRule):
    """Adam; amsgrad keeps the largest second moment before it is corrected."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0,
        "amsgrad": False,
        "maximize": False,
        "decoupled_weight_decay": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        mean, square = self._moments(gradient)
        if self.options["amsgrad"]:
            square = self._state["largest"] = self._remembered("largest", square).maximum(square)
        root = (square / self._correction(1)).sqrt() + number(self.options["eps"])
        return parameter - number(self.options["lr"]) * (mean / self._correction(0)) / root


class AdamW(Adam):
    """Adam whose weight decay bypasses the moments."""

    defaults: ClassVar[dict[str, Any]] = {**Adam.defaults, "weight_decay": 1e-2, "decoupled_weight_decay": True}


class RMSprop(StepRule):
    """Gradient over the root of its running mean square, or variance when centered."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-2,
        "alpha": 0.99,
        "eps": 1e-8,
        "weight_decay": 0,
        "momentum": 0,
        "centered": False,
        "maximize": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        alpha = self.options["alpha"]
        square = _average(self._remembered("square", gradient), gradient * gradient, alpha)
        self._state["square"] = square
        if self.options["centered"]:
            mean = _average(self._remembered("mean", gradient), gradient, alpha)
            self._state["mean"] = mean
            square = square - mean * mean
        move = gradient / (square.sqrt() + number(self.options["eps"]))
        if self.options["momentum"] > 0:
            move = number(self.options["momentum"]) * self._remembered("buffer", gradient) + move
            self._state["buffer"] = move
        return parameter - number(self.options["lr"]) * move


class Adagrad(StepRule):
    """Gradient over the root of the sum of all squares."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-2,
        "lr_decay": 0,
        "weight_decay": 0,
        "initial_accumulator_value": 0,
        "eps": 1e-10,
        "maximize": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        start = _zeros(gradient) + number(self.options["initial_accumulator_value"])
        total = self._state.get("total", start) + gradient * gradient
        self._state["total"] = total
        rate = number(self.options["lr"]) / (_ONE + number(self.count - 1) * number(self.options["lr_decay"]))
        return parameter - rate * gradient / (total.sqrt() + number(self.options["eps"]))


class Adadelta(StepRule):
    """Gradient scaled by the roots of the running mean squares of steps and gradients."""

    defaults: ClassVar[dict[str, Any]] = {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0, "maximize": False}

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        rho, eps = self.options["rho"], number(self.options["eps"])
        square = _average(self._remembered("square", gradient), gradient * gradient, rho)
        moved = self._remembered("moved", gradient)
        move = (moved + eps).sqrt() / (square + eps).sqrt() * gradient
        self._state |= {"square": square, "moved": _average(moved, move * move, rho)}
        return parameter - number(self.options["lr"]) * move


class Adamax(StepRule):
    """Adam with the largest gradient, fading, in place of the mean square."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 2e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0,
        "maximize": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        first, second = self.options["betas"]
        mean = _average(self._remembered("mean", gradient), gradient, first)
        faded = number(second) * self._remembered("largest", gradient)
        largest = faded.maximum(abs(gradient) + number(self.options["eps"]))
        self._state |= {"mean": mean, "largest": largest}
        return parameter - number(self.options["lr"]) / self._correction(0) * mean / largest


class NAdam(StepRule):
    """Adam with Nesterov's momentum, whose weight grows by a schedule."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 2e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0,
        "momentum_decay": 4e-3,
        "decoupled_weight_decay": False,
        "maximize": False,
    }

    def _weight(self, count: int) -> Bounded:
        fading = power(0.96, count * self.options["momentum_decay"])
        return number(self.options["betas"][0]) * (_ONE - number(0.5) * fading)

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        mean, square = self._moments(gradient)
        now, then = self._weight(self.count), self._weight(self.count + 1)
        product = _in_single(self._state.get("product", _ONE) * now)
        self._state["product"] = product
        root = (square / self._correction(1)).sqrt() + number(self.options["eps"])
        ahead = then / (_ONE - product * then) * mean + (_ONE - now) / (_ONE - product) * gradient
        return parameter - number(self.options["lr"]) * ahead / root


class RAdam(StepRule):
    """Adam that goes without the second moment until its variance is known well enough."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-3,
        "betas": (0.9, 0.999),
        "eps": 1e-8,
        "weight_decay": 0,
        "decoupled_weight_decay": False,
        "maximize": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        mean, square = self._moments(gradient)
        move = number(self.options["lr"]) * (mean / self._correction(0))
        two, four = number(2.0), number(4.0)
        beta = self.options["betas"][1]
        limit = two / (_ONE - number(beta)) - _ONE
        length = limit - two * number(self.count) * power(beta, self.count) / self._correction(1)
        if length.values > 5:
            quotient = (length - four) * (length - two) * limit / ((limit - four) * (limit - two) * length)
            root = square.sqrt() + number(self.options["eps"])
            move = move * quotient.sqrt() * (self._correction(1).sqrt() / root)
        return parameter - move


class Rprop(StepRule):
    """Steps of a size of their own, in the direction of the gradient's sign; a change of sign skips a step."""

    defaults: ClassVar[dict[str, Any]] = {"lr": 1e-2, "etas": (0.5, 1.2), "step_sizes": (1e-6, 50), "maximize": False}

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        shrink, grow = self.options["etas"]
        low, high = self.options["step_sizes"]
        size = self._state.get("size", _zeros(gradient) + number(self.options["lr"]))
        turn = np.sign(gradient.values * self._remembered("previous", gradient).values)
        scaled = (size * number(grow)).where(turn > 0, (size * number(shrink)).where(turn < 0, size))
        size = scaled.clipped(low, high)
        gradient = gradient.where(turn >= 0, _zeros(gradient))
        self._state |= {"size": size, "previous": gradient}
        return parameter - size * np.sign(gradient.values)


class ASGD(StepRule):
    """Gradient descent with a fading step; the average of the parameters is kept aside and not used."""

    defaults: ClassVar[dict[str, Any]] = {
        "lr": 1e-2,
        "lambd": 1e-4,
        "alpha": 0.75,
        "t0": 1e6,
        "weight_decay": 0,
        "maximize": False,
    }

    def _update(self, parameter: Bounded, gradient: Bounded) -> Bounded:
        lr, lambd, alpha = (self.options[name] for name in ("lr", "lambd", "alpha"))
        base = np.longdouble(1) + np.longdouble(lambd) * np.longdouble(lr) * (self.count - 1)
        value = np.longdouble(lr) / (np.power(base, np.longdouble(alpha)) if self.count > 1 else 1)
        rate = _in_single(bounded.like(_ONE, value, np.zeros(())))
        return parameter - number(lambd) * rate * parameter - rate * gradient


RULES: dict[str, type[StepRule]] = {
    each.__name__: each for each in (SGD, Adam, AdamW, RMSprop, Adagrad, Adadelta, Adamax, NAdam, RAdam, Rprop, ASGD)
}


def trajectory(rule: StepRule, start: Bounded, gradients: Array) -> Bounded:
    """Return the parameter after each step, along a first axis.

    Args:
        rule: Whose steps are taken; keeps its state.
        start: The parameter before them.
        gradients: One gradient a row, exact in the parameter's precision.
    """
    parameter, found = start, []
    for row in gradients:
        parameter = rule.step(parameter, exact(row, start.dtype))
        found.append(parameter)
    return bounded.stacked(found)
