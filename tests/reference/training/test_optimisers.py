"""Steps against hand-worked numbers: every expected value below follows from the formula with round numbers."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from torch_conformance.reference.numerics.bounded import exact
from torch_conformance.reference.training.optimisers import RULES, trajectory

Array = npt.NDArray[Any]


def run(name: str, gradients: list[float], start: float = 1.0, **options: Any) -> list[float]:
    steps = trajectory(RULES[name](**options), exact(np.array([start]), "float64"), np.array(gradients)[:, None])
    assert np.all(steps.bound < (1e-5 if name in ("NAdam", "ASGD") else 1e-12))
    return [float(each) for each in steps.values[:, 0]]


def test_sgd_plain_and_decayed() -> None:
    assert run("SGD", [2.0, -1.0], lr=0.5) == [0.0, 0.5]
    # 1 - 0.5 (2 + 0.25 * 1) = -0.125
    assert run("SGD", [2.0], lr=0.5, weight_decay=0.25) == [-0.125]
    assert run("SGD", [2.0], lr=0.5, maximize=True) == [2.0]
    # Decay is not turned round: 1 - 0.5 (-2 + 0.25)
    assert run("SGD", [2.0], lr=0.5, weight_decay=0.25, maximize=True) == [1.875]


def test_sgd_momentum() -> None:
    # b = 2, then 0.5 * 2 + 0.75 * 4 = 4, then 0.5 * 4 + 0.75 * 0 = 2; the first is not damped.
    assert run("SGD", [2.0, 4.0, 0.0], lr=0.25, momentum=0.5, dampening=0.25) == [0.5, -0.5, -1.0]
    # b = 2, 5; steps 2 + 0.5 * 2 = 3 and 4 + 0.5 * 5 = 6.5
    assert run("SGD", [2.0, 4.0], lr=0.25, momentum=0.5, nesterov=True) == [0.25, -1.375]


def test_adam_first_steps() -> None:
    # The first corrected moments are the gradient and its square: a step of lr g / (|g| + eps).
    assert run("Adam", [3.0], lr=0.5, eps=1.0) == [pytest.approx(1 - 0.5 * 3 / 4, abs=1e-15)]
    # Second: m = (0.5 * 0.5 * 3 + 0.5 * 1) / 0.75 = 5/3; v = (0.25 * 9 + 0.5 * 1) / 0.75 = 11/3
    second = 1 - 0.5 * 0.75 - 0.5 * (5 / 3) / (math.sqrt(11 / 3) + 1)
    assert run("Adam", [3.0, 1.0], lr=0.5, betas=(0.5, 0.5), eps=1.0)[1] == pytest.approx(second, abs=1e-15)
    # amsgrad: v of the second step is 2.75, below the 4.5 of the first; both before correction.
    second = 1 - 0.5 * 0.75 - 0.5 * (5 / 3) / (math.sqrt(4.5 / 0.75) + 1)
    assert run("Adam", [3.0, 1.0], lr=0.5, betas=(0.5, 0.5), eps=1.0, amsgrad=True)[1] == pytest.approx(
        second, abs=1e-15
    )


def test_adamw_decays_apart() -> None:
    expected = 2 * (1 - 0.5 * 0.25) - 0.5 * 3 / 4
    assert run("AdamW", [3.0], start=2.0, lr=0.5, eps=1.0, weight_decay=0.25) == [pytest.approx(expected, abs=1e-15)]
    assert run("Adam", [3.0], start=2.0, lr=0.5, eps=1.0, weight_decay=0.25, decoupled_weight_decay=True) == [
        pytest.approx(expected, abs=1e-15)
    ]


def test_rmsprop() -> None:
    # The mean square is a quarter of 16.
    assert run("RMSprop", [4.0], lr=0.5, alpha=0.75, eps=2.0) == [0.5]
    # The deviation is the root of 4 - 1.
    assert run("RMSprop", [4.0], lr=0.5, alpha=0.75, eps=2.0, centered=True) == [
        pytest.approx(1 - 2 / (math.sqrt(3) + 2), abs=1e-15)
    ]
    # b = 1, then v = 3 and b = 0.5 + 0 / ...
    assert run("RMSprop", [4.0, 0.0], lr=0.5, alpha=0.75, eps=2.0, momentum=0.5) == [0.5, 0.25]


def test_adagrad() -> None:
    # Sums 9 + 7 = 16 and 25; rates 0.5 and 0.5 / 1.5
    steps = run("Adagrad", [3.0, -3.0], lr=0.5, lr_decay=0.5, initial_accumulator_value=7.0, eps=1.0)
    assert steps == [pytest.approx(1 - 0.3, abs=1e-15), pytest.approx(0.7 + (0.5 / 1.5) * 3 / 6, abs=1e-15)]


def test_adadelta() -> None:
    # v = 0.5 * 4 = 2, step sqrt(2 / 4) * 2
    first = math.sqrt(0.5) * 2
    assert run("Adadelta", [2.0], lr=0.5, rho=0.5, eps=2.0) == [pytest.approx(1 - 0.5 * first, abs=1e-15)]


def test_adamax() -> None:
    # u = 3 + 1, then max(0.5 * 4, 0 + 1) = 2; m / correction = 3, then (0.5 * 1.5) / 0.75 = 1
    steps = run("Adamax", [3.0, 0.0], lr=0.5, betas=(0.5, 0.5), eps=1.0)
    assert steps == [pytest.approx(1 - 0.5 * 3 / 4, abs=1e-15), pytest.approx(0.625 - 0.5 * 1 / 2, abs=1e-15)]


def test_nadam() -> None:
    # momentum_decay 0: every weight is 0.5 * (1 - 0.5) = 0.25; the products are 0.25 and 0.0625.
    first = 0.25 * 1.5 / (1 - 0.0625) + 0.75 * 3 / 0.75
    steps = run("NAdam", [3.0], lr=0.5, betas=(0.5, 0.5), eps=1.0, momentum_decay=0.0)
    assert steps == [pytest.approx(1 - 0.5 * first / 4, abs=1e-7)]


def test_radam() -> None:
    # The first steps use the corrected mean alone.
    assert run("RAdam", [3.0], lr=0.5) == [pytest.approx(1 - 1.5, abs=1e-15)]
    beta, t = 0.9, 8
    limit = 2 / (1 - beta) - 1
    length = limit - 2 * t * beta**t / (1 - beta**t)
    assert length > 5
    rectified = math.sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
    steps = run("RAdam", [2.0] * t, lr=0.5, betas=(0.9, beta), eps=0.0)
    # Of a constant gradient the corrected moments are 2 and 4.
    assert steps[-2] - steps[-1] == pytest.approx(0.5 * rectified, abs=1e-12)


def test_rprop() -> None:
    steps = run("Rprop", [2.0, 3.0, -1.0, -1.0, -1.0], lr=0.5, etas=(0.5, 2.0), step_sizes=(0.25, 0.75))
    # Steps: 0.5; grown to 0.75, its limit; turned, none; size 0.375 as after a zero; grown to 0.75.
    assert steps == [0.5, -0.25, -0.25, 0.125, 0.875]


def test_asgd() -> None:
    # Rates 0.5 and 0.5 / (1 + 0.5 * 0.5): each shrinks by lambd times the rate.
    second = 0.5 / 1.25
    first = 1 * (1 - 0.25) - 0.5 * 2
    steps = run("ASGD", [2.0, 1.0], lr=0.5, lambd=0.5, alpha=1.0)
    assert steps == [pytest.approx(first, abs=1e-15), pytest.approx(first * (1 - 0.5 * second) - second, abs=1e-15)]


def test_unknown_options_are_refused() -> None:
    with pytest.raises(TypeError):
        RULES["SGD"](betas=(0.9, 0.9))


def _plain(name: str, rows: Array, start: Array, kind: type) -> Array:
    """Steps as the algorithm boxes write them, in the arrays' own arithmetic."""
    p, m, v, found = start.copy(), 0 * start, 0 * start, []
    lr, first, second, eps = (kind(each) for each in (0.1, 0.9, 0.99, 0.125))
    one = kind(1)
    for step, g in enumerate(rows, 1):
        if name == "SGD":
            m = g if step == 1 else first * m + g
            p = p - lr * m
        elif name == "RMSprop":
            v = second * v + (one - second) * g * g
            p = p - lr * (g / (np.sqrt(v) + eps))
        else:
            m, v = m + (one - first) * (g - m), second * v + (one - second) * (g * g)
            size = kind(0.1 / (1 - 0.9**step))
            p = p - size * (m / (np.sqrt(v) / kind(math.sqrt(1 - 0.99**step)) + eps))
        found.append(p)
    return np.array(found)


OPTIONS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "RMSprop": {"lr": 0.1, "alpha": 0.99, "eps": 0.125},
    "Adam": {"lr": 0.1, "betas": (0.9, 0.99), "eps": 0.125},
}


@pytest.mark.parametrize("name", sorted(OPTIONS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_in_the_dtype_lie_within_the_bound(name: str, dtype: str) -> None:
    generator = np.random.default_rng(5)
    start, rows = generator.uniform(-2, 2, 200).astype(dtype), generator.uniform(-1, 1, (8, 200)).astype(dtype)
    steps = trajectory(RULES[name](**OPTIONS[name]), exact(start, dtype), rows)
    seen = _plain(name, rows, start, np.dtype(dtype).type)
    assert np.all(np.abs(seen.astype(np.longdouble) - steps.values) <= steps.bound)
    assert np.max(steps.bound) < 100 * np.finfo(dtype).eps
