"""The two linear regressions of the tutorial, gradient descent on them, and how far rounding may carry it.

Gradient descent on a mean squared error is an affine map of the state s (weight, bias, and their momentum), so that
errors follow e[k+1] = M[k] e[k] + d[k] exactly, with M[k] the linear part of step k and d[k] the rounding of that
step alone. The bound on the state after k steps is the sum over j of |M[k-1] ... M[j+1]| |d[j]|: early errors decay
as the iteration converges, instead of growing as moduli would.

Source: scikit-learn documentation, sklearn.datasets.make_regression; PyTorch documentation, torch.optim.SGD,
torch.nn.MSELoss; J. Nocedal and S. J. Wright, "Numerical Optimization", section 3.3 (convergence of steepest
descent on a quadratic).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics.bounded import ROUNDINGS
from torch_conformance.reference.numerics.roundoff import gamma, unit_roundoff

Array = npt.NDArray[Any]

HOUSE_SIZES = np.array([80.0, 100.0, 120.0])
HOUSE_PRICES = np.array([320.0, 400.0, 480.0])


def make_regression(
    n_samples: int = 100, *, noise: float = 0.0, bias: float = 0.0, random_state: int = 0
) -> tuple[Array, Array, float]:
    """Return what sklearn.datasets.make_regression(n_samples, 1, noise=, bias=, random_state=, coef=True) returns.

    The draws are those of numpy.random.RandomState, whose stream NumPy has frozen: standard normal features, one
    coefficient 100 times uniform, normal noise, then a shuffle of the samples.

    Returns:
        Features of shape (n_samples, 1), targets of shape (n_samples,), and the coefficient; float64.
    """
    generator = np.random.RandomState(random_state)
    features = generator.standard_normal(size=(n_samples, 1))
    coefficient = 100 * generator.uniform(size=(1, 1))
    targets = features @ coefficient + bias
    if noise > 0:
        targets = targets + generator.normal(scale=noise, size=targets.shape)
    order = np.arange(n_samples)
    generator.shuffle(order)
    return features[order], targets[order, 0], float(coefficient[0, 0])


@dataclasses.dataclass(frozen=True)
class Descent:
    """How torch.optim.SGD steps: its options, of the same names."""

    lr: float
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False
    maximize: bool = False


@dataclasses.dataclass(frozen=True)
class Path:
    """A trajectory with bounds.

    Attributes:
        weights: (steps + 1, 2): weight and bias before the first step and after each.
        weight_bounds: How far a correct computation may lie from them.
        losses: (steps,): mean squared error of each batch before its step.
        loss_bounds: How far a correct computation may lie from them.
    """

    weights: Array
    weight_bounds: Array
    losses: Array
    loss_bounds: Array


def hessian(x: Array) -> Array:
    """Return the second derivative of the loss by (weight, bias): 2 / n [[sum x^2, sum x], [sum x, n]]."""
    design = np.stack([x, np.ones_like(x)])
    return np.asarray(2 * design @ design.T / x.size)


def least_squares(x: Array, y: Array) -> Array:
    """Return (weight, bias) of the least mean squared error: covariance over variance, and through the means."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = np.sum(dx * dy) / np.sum(dx * dx)
    return np.array([slope, y.mean() - slope * x.mean()])


def mean_squared_error(weights: Array, x: Array, y: Array) -> Array:
    """Return the loss of (weight, bias) rows."""
    residuals = weights[..., :1] * x + weights[..., 1:] - y
    return np.asarray(np.mean(residuals**2, axis=-1))


def principal_axes(x: Array) -> tuple[Array, Array]:
    """Return the eigenvalues of the Hessian, largest first, and its eigenvectors as columns, in the type of `x`."""
    upper, mixed, lower = (hessian(x)[place] for place in ((0, 0), (0, 1), (1, 1)))
    angle = np.arctan2(2 * mixed, upper - lower) / 2
    half = np.hypot(upper - lower, 2 * mixed) / 2
    centre = (upper + lower) / 2
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([centre + half, centre - half]), np.array([[cosine, -sine], [sine, cosine]])


def closed_form(x: Array, y: Array, start: Array, lr: float, steps: int) -> Array:
    """Return (steps + 1, 2) iterates of full-batch descent without iterating, in the type of `x`.

    In the eigenbasis of the Hessian, the distance to the solution is multiplied by 1 - lr * eigenvalue at each step.
    """
    eigenvalues, basis = principal_axes(x)
    solution = least_squares(x, y)
    distance = basis.T @ (start - solution)
    factors = (1 - lr * eigenvalues) ** np.arange(steps + 1)[:, None]
    return np.asarray(solution + (factors * distance) @ basis.T)


def batch_gradient(x: Array, y: Array, weights: Array, moduli: Array, unit: float) -> tuple[Array, Array, Array]:
    """Return the gradient by (weight, bias), the bound on its rounding, and (loss, rounding of the loss).

    Args:
        x: Features of the batch.
        y: Targets of the batch.
        weights: (weight, bias), exact.
        moduli: The largest moduli that the computed ones may have.
        unit: Unit roundoff.
    """
    count = x.size
    residuals = weights[0] * x + weights[1] - y
    # At each prediction: the product and two sums, in any order, each of at most these terms.
    slack = ROUNDINGS * unit * (moduli[0] * np.abs(x) + moduli[1] + np.abs(y))
    # The residual of the computed weights, which may differ a little more than the exact one's.
    reach = np.abs(residuals) + slack + (moduli[0] - np.abs(weights[0])) * np.abs(x) + moduli[1] - np.abs(weights[1])
    summing = gamma(count + 2 * ROUNDINGS, unit)
    gradient = np.array([np.sum(x * residuals), np.sum(residuals)]) * 2 / count
    rounding = np.array([np.sum(np.abs(x) * (slack + summing * reach)), np.sum(slack + summing * reach)]) * 2 / count
    loss = np.mean(residuals**2)
    loss_rounding = np.mean(2 * reach * slack + slack**2 + summing * reach**2)
    return gradient, rounding.astype(np.float64), np.array([loss, loss_rounding])


def _linear_parts(how: Descent, *, first: bool) -> tuple[float, float, float, float]:
    """Return a, b, c, d of: buffer' = a buffer + b gradient; weights' = weights - lr (c buffer' + d gradient)."""
    if not how.momentum:
        return 0.0, 0.0, 0.0, 1.0
    a, b = (0.0, 1.0) if first else (how.momentum, 1 - how.dampening)
    return (a, b, how.momentum, 1.0) if how.nesterov else (a, b, 1.0, 0.0)


def descend(x: Array, y: Array, batches: Sequence[Array], start: Array, how: Descent, dtype: str) -> Path:
    """Follow stochastic gradient descent on the mean squared error of weight * x + bias.

    Args:
        x: Features, shape (n,), as the element type holds them.
        y: Targets, shape (n,).
        batches: The samples of each step.
        start: (weight, bias).
        how: Options of torch.optim.SGD.
        dtype: The element type that computes.
    """
    kind = np.float64 if dtype == "float32" else np.longdouble
    unit = unit_roundoff(dtype) + float(np.finfo(kind).eps) / 2
    x, y = x.astype(kind), y.astype(kind)
    sign = -1.0 if how.maximize else 1.0
    state = np.concatenate([start.astype(kind), np.zeros(2, kind)])
    products, rounding = np.zeros((0, 4, 4)), np.zeros((0, 4))
    weights, bounds, losses, loss_bounds = [state[:2]], [np.zeros(2)], [], []
    error = np.zeros(4)
    for number, batch in enumerate(batches):
        xs, ys = x[batch], y[batch]
        moduli = np.abs(state).astype(np.float64) + error
        gradient, slack, (loss, loss_slack) = batch_gradient(xs, ys, state[:2], moduli[:2], unit)
        curvature = hessian(xs).astype(np.float64)
        losses.append(loss)
        # A change e of the weights changes the loss by g e + e H e / 2.
        loss_bounds.append(
            float(
                loss_slack + np.abs(gradient.astype(np.float64)) @ error[:2] + error[:2] @ np.abs(curvature) @ error[:2]
            )
        )
        total = sign * gradient + how.weight_decay * state[:2]
        slope = sign * curvature + how.weight_decay * np.eye(2)
        reach = np.abs(gradient).astype(np.float64) + np.abs(curvature) @ error[:2] + how.weight_decay * moduli[:2]
        slack = slack + ROUNDINGS * unit * reach
        a, b, c, d = _linear_parts(how, first=number == 0)
        buffer = a * state[2:] + b * total
        moved = c * buffer + d * total
        buffer_slack = b * slack + ROUNDINGS * unit * (a * moduli[2:] + b * (reach + slack))
        buffer_reach = a * moduli[2:] + b * reach + buffer_slack
        moved_slack = c * buffer_slack + d * slack + ROUNDINGS * unit * (c * buffer_reach + d * (reach + slack))
        moved_reach = c * buffer_reach + d * reach + moved_slack
        step = how.lr * moved_slack + ROUNDINGS * unit * (moduli[:2] + how.lr * moved_reach)
        state = np.concatenate([state[:2] - how.lr * moved, buffer])
        matrix = np.block(
            [[np.eye(2) - how.lr * (c * b + d) * slope, -how.lr * c * a * np.eye(2)], [b * slope, a * np.eye(2)]]
        )
        fresh = np.concatenate([step, buffer_slack])
        products = np.concatenate([matrix @ products, np.eye(4)[None]])
        rounding = np.concatenate([rounding, fresh[None]])
        error = np.einsum("kij,kj->i", np.abs(products), rounding)
        weights.append(state[:2])
        bounds.append(error[:2])
    return Path(np.array(weights), np.array(bounds), np.array(losses), np.array(loss_bounds))
