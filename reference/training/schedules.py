"""Learning rates after each step of a schedule, in closed form.

Every function returns the rates after 0, 1, ..., `steps` steps, for one parameter group, as float64.

Source: PyTorch documentation, torch.optim.lr_scheduler; Smith (2017), "Cyclical Learning Rates for Training Neural
Networks"; Loshchilov and Hutter (2017), "SGDR"; Smith and Topin (2018), "Super-Convergence".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_UNIT = 2.0**-53


def bound(rates: Array) -> Array:
    """Return how far rates that are worked out step by step may lie from the closed form.

    A schedule may multiply the last rate by a factor. With periods of at most ten steps a factor's relative condition
    is below 64, and few operations give it: at most 512 units of rounding a step, of the largest rate.
    """
    count = np.arange(2, len(rates) + 2, dtype=np.float64)
    count = count.reshape(-1, *([1] * (rates.ndim - 1)))
    return np.asarray(512 * _UNIT * count * np.max(np.abs(rates), axis=0))


def _times(steps: int) -> Array:
    return np.arange(steps + 1)


def step(base: float, steps: int, *, step_size: int, gamma: float = 0.1) -> Array:
    """Return the rate times gamma for every `step_size` steps."""
    return np.asarray(base * float(gamma) ** (_times(steps) // step_size))


def multi_step(base: float, steps: int, *, milestones: Sequence[int], gamma: float = 0.1) -> Array:
    """Return the rate times gamma for each milestone that has been reached, counted as often as it is named."""
    reached = np.searchsorted(np.sort(milestones), _times(steps), side="right")
    return np.asarray(base * float(gamma) ** reached)


def exponential(base: float, steps: int, *, gamma: float) -> Array:
    """Return the rate times gamma for each step."""
    return np.asarray(base * float(gamma) ** _times(steps))


def constant(base: float, steps: int, *, factor: float = 1 / 3, total_iters: int = 5) -> Array:
    """Return the rate times a factor until `total_iters` steps have been taken."""
    return np.where(_times(steps) < total_iters, base * factor, base)


def linear(
    base: float, steps: int, *, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
) -> Array:
    """Return the rate times a factor that goes from one end to the other on a line."""
    along = np.minimum(_times(steps), total_iters) / total_iters
    return np.asarray(base * (start_factor + (end_factor - start_factor) * along))


def polynomial(base: float, steps: int, *, total_iters: int = 5, power: float = 1.0) -> Array:
    """Return the rate times a power of what is left of `total_iters`."""
    return np.asarray(base * (1 - np.minimum(_times(steps), total_iters) / total_iters) ** power)


def cosine(base: float, steps: int, *, T_max: int, eta_min: float = 0.0) -> Array:  # noqa: N803 (torch's name)
    """Return rates on a cosine from the base to `eta_min` in T_max steps, and back."""
    return np.asarray(eta_min + (base - eta_min) * (1 + np.cos(np.pi * _times(steps) / T_max)) / 2)


def warm_restarts(
    base: float,
    steps: int,
    *,
    T_0: int,  # noqa: N803 (torch's name)
    T_mult: int = 1,  # noqa: N803 (torch's name)
    eta_min: float = 0.0,
) -> Array:
    """Return rates on half cosines, each T_mult times as long as the one before."""
    rates, place, length = [], 0, T_0
    for _ in _times(steps):
        if place == length:
            place, length = 0, length * T_mult
        rates.append(eta_min + (base - eta_min) * (1 + math.cos(math.pi * place / length)) / 2)
        place += 1
    return np.array(rates)


def by_function(base: float, steps: int, *, factor: Callable[[int], float]) -> Array:
    """Return the rate times what a function gives for each count of steps."""
    return np.array([base * factor(int(each)) for each in _times(steps)])


def multiplied(base: float, steps: int, *, factor: Callable[[int], float]) -> Array:
    """Return the rate times all that a function gave for the counts from one."""
    factors = [1.0, *(factor(int(each)) for each in _times(steps)[1:])]
    return np.asarray(base * np.cumprod(factors))


def _between(start: float, end: float, share: float, strategy: str) -> float:
    if strategy == "linear":
        return start + (end - start) * share
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def one_cycle(
    steps: int,
    *,
    top: float,
    first: float,
    last: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    three_phase: bool = False,
) -> Array:
    """Return rates that go from `first` to `top` in a share of the steps, and then to `last`, at once or in two phases.

    With `three_phase`, the second phase returns to `first` in as long a time. A phase ends one step before the share,
    as steps count from zero. Momentum takes the same course with its ends exchanged.
    """
    rise = pct_start * total_steps - 1
    ends = [(0.0, rise, first, top)]
    if three_phase:
        fall = 2 * pct_start * total_steps - 2
        ends += [(rise, fall, top, first), (fall, total_steps - 1, first, last)]
    else:
        ends += [(rise, total_steps - 1, top, last)]
    rates = []
    for time in range(steps + 1):
        begin, end, start, stop = next((each for each in ends if time <= each[1]), ends[-1])
        rates.append(_between(start, stop, (time - begin) / (end - begin), anneal_strategy))
    return np.array(rates)


def cyclic(
    steps: int,
    *,
    low: float,
    high: float,
    up: int,
    down: int,
    scale: Callable[[int, int], float] = lambda _cycle, _count: 1.0,
) -> Array:
    """Return rates that rise from `low` to `high` and fall back, scaled by what `scale(cycle, count)` gives.

    Args:
        steps: How many.
        low: The rate at the start of a cycle.
        high: The rate at its top, where the scale is one.
        up: Steps of the rise.
        down: Steps of the fall.
        scale: Of the cycle, counted from one, and of the count of steps.
    """
    rates = []
    for time in range(steps + 1):
        cycle, place = divmod(time, up + down)
        share = place / up if place <= up else (up + down - place) / down
        rates.append(low + (high - low) * share * scale(cycle + 1, time))
    return np.array(rates)


def plateau(  # noqa: PLR0913 (torch's options)
    base: float,
    metrics: Sequence[float],
    *,
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: float = 0.0,
    eps: float = 1e-8,
) -> Array:
    """Return the rate before any metric and after each, cut after more than `patience` metrics that are no better."""
    sign = 1 if mode == "min" else -1
    best, bad, resting, rate, rates = math.inf * sign, 0, 0, base, [base]
    for metric in metrics:
        needed = best - sign * threshold if threshold_mode == "abs" else best * (1 - sign * threshold)
        if sign * metric < sign * needed:
            best, bad = metric, 0
        else:
            bad += 1
        if resting:
            resting, bad = resting - 1, 0
        if bad > patience:
            smaller = max(rate * factor, min_lr)
            rate = smaller if rate - smaller > eps else rate
            resting, bad = cooldown, 0
        rates.append(rate)
    return np.array(rates)


def sequential(parts: Sequence[Array], milestones: Sequence[int], steps: int) -> Array:
    """Return rates of one schedule after another, each counted from its milestone."""
    starts, ends = [0, *milestones], [*milestones, steps + 1]
    return np.concatenate([part[: end - start] for part, start, end in zip(parts, starts, ends, strict=True)])
