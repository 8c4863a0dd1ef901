"""Ranges, moments and distributions of initial values, judged in a transcript.

A check of a distribution fails on a right generator with probability 1e-12 at most; a run makes fewer than a thousand
of them, so that a run fails falsely with probability 1e-9 at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.reference.nn import initialisation
from torch_conformance.reference.numerics import random

Array = npt.NDArray[Any]
_ERROR_RATE = 1e-12


def judge_uniform(trial: Trial, cell: Cell, expression: str, low: float, high: float) -> None:
    """Judge range and distribution of a tensor; both ends are reached as nearly as the sample's size demands."""
    trial.run(f"v = ({expression}).detach().double().cpu().numpy().ravel()")
    count = trial.namespace["v"].size
    slack = float(distance(cell, "nn.init.uniform", 1))
    room = (high - low) * slack
    trial.expect_true(f"v.min() >= {low - room!r} and v.max() <= {high + room!r}", f"within {low:.6g} and {high:.6g}")
    short = (initialisation.largest_shortfall(count, _ERROR_RATE) + slack) * (high - low)
    if short < high - low:
        trial.expect_true(f"v.min() <= {low + short!r} and v.max() >= {high - short!r}", "the whole range is used")
    points = np.linspace(0.03125, 0.96875, 31)
    judge_distribution(trial, count, low + points * (high - low), points, slack)


def judge_normal(trial: Trial, cell: Cell, expression: str, mean: float, std: float) -> None:
    """Judge mean, variance and distribution of a tensor."""
    trial.run(f"v = (({expression}).detach().double().cpu().numpy().ravel() - {mean!r}) / {std!r}")
    count = trial.namespace["v"].size
    slack = float(distance(cell, "nn.init.normal", 1 + abs(mean / std)))
    bound = random.normal_mean_bound(count, _ERROR_RATE) + slack
    trial.expect_true(f"abs(v.mean()) <= {bound!r}", f"the mean is {mean:g}")
    low, high = random.normal_variance_interval(count, _ERROR_RATE)
    why = f"the standard deviation is {std:g}"
    trial.expect_true(f"{low - slack!r} <= v.var(ddof=1) <= {high + slack!r}", why)
    points = np.linspace(-3, 3, 31)
    judge_distribution(trial, count, points, random.normal_cdf(points), slack)


def judge_distribution(trial: Trial, count: int, points: Array, probabilities: Array, slack: float) -> None:
    """Compare the empirical distribution of the variable v with the true one at some points."""
    bound = random.dkw_bound(count, _ERROR_RATE) + slack
    trial.run(f"points, probabilities = np.array({points.tolist()}), np.array({probabilities.tolist()})")
    empirical = "np.abs(np.searchsorted(np.sort(v), points, side='right') / v.size - probabilities)"
    trial.expect_true(f"{empirical}.max() <= {bound!r}", f"distributed within {bound:.4f} of the documented")
