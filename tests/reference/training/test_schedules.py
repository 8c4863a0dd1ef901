import math

import numpy as np
import pytest

from torch_conformance.reference.training import schedules


def test_steps_and_milestones() -> None:
    assert schedules.step(8.0, 4, step_size=2, gamma=0.5).tolist() == [8, 8, 4, 4, 2]
    assert schedules.multi_step(8.0, 4, milestones=[3, 1, 3], gamma=0.5).tolist() == [8, 4, 4, 1, 1]
    assert schedules.exponential(8.0, 2, gamma=0.5).tolist() == [8, 4, 2]


def test_constant_linear_polynomial() -> None:
    assert schedules.constant(8.0, 3, factor=0.25, total_iters=2).tolist() == [2, 2, 8, 8]
    assert schedules.linear(8.0, 3, start_factor=0.5, end_factor=1.0, total_iters=2).tolist() == [4, 6, 8, 8]
    assert schedules.polynomial(8.0, 3, total_iters=2, power=2.0).tolist() == [8, 2, 0, 0]


def test_cosines() -> None:
    assert schedules.cosine(1.0, 4, T_max=2, eta_min=0.5) == pytest.approx([1, 0.75, 0.5, 0.75, 1])
    half = 0.5 + 0.5 * (1 + math.cos(math.pi / 4)) / 2
    restarted = schedules.warm_restarts(1.0, 4, T_0=2, T_mult=2, eta_min=0.5)
    assert restarted == pytest.approx([1, 0.75, 1, half, 0.75])


def test_functions() -> None:
    assert schedules.by_function(2.0, 2, factor=lambda count: count + 1).tolist() == [2, 4, 6]
    assert schedules.multiplied(2.0, 3, factor=lambda count: count).tolist() == [2, 2, 4, 12]


def test_cycles() -> None:
    assert schedules.cyclic(5, low=1.0, high=3.0, up=1, down=2).tolist() == [1, 3, 2, 1, 3, 2]
    halved = schedules.cyclic(3, low=1.0, high=3.0, up=1, down=1, scale=lambda cycle, _: 0.5 ** (cycle - 1))
    assert halved.tolist() == [1, 3, 1, 2]
    # Rise until 0.5 * 6 - 1 = 2, fall until 5.
    line = schedules.one_cycle(5, top=4.0, first=2.0, last=1.0, total_steps=6, pct_start=0.5, anneal_strategy="linear")
    assert line.tolist() == [2, 3, 4, 3, 2, 1]
    # Rise until 2, fall until 4, on to 11.
    phases = schedules.one_cycle(
        11, top=4.0, first=2.0, last=1.0, total_steps=12, pct_start=0.25, anneal_strategy="linear", three_phase=True
    )
    assert phases[:5].tolist() == [2, 3, 4, 3, 2]
    assert phases[11] == 1
    assert schedules.one_cycle(4, top=4.0, first=2.0, last=1.0, total_steps=8, pct_start=0.625)[2] == pytest.approx(3)


def test_plateau() -> None:
    metrics = [3.0, 3.0, 3.0, 2.0, 2.0, 2.0]
    assert schedules.plateau(8.0, metrics, factor=0.5, patience=1).tolist() == [8, 8, 8, 4, 4, 4, 2]
    assert schedules.plateau(8.0, metrics, factor=0.5, patience=0, cooldown=1).tolist() == [8, 8, 4, 4, 4, 2, 2]
    assert schedules.plateau(8.0, [1.0, 2.0, 2.0], mode="max", factor=0.5, patience=0).tolist() == [8, 8, 8, 4]
    assert schedules.plateau(8.0, [4.0, 3.5, 3.5], factor=0.5, patience=0, threshold=0.25).tolist() == [8, 8, 4, 2]
    assert schedules.plateau(8.0, [4.0, 4.0, 4.0], factor=0.5, patience=0, min_lr=3.0).tolist() == [8, 8, 4, 3]
    assert schedules.plateau(8.0, [4.0, 4.0], factor=0.5, patience=0, eps=5.0).tolist() == [8, 8, 8]


def test_sequence_and_bound() -> None:
    parts = [np.array([1.0, 2.0, 3.0, 4.0]), np.array([9.0, 8.0, 7.0, 6.0])]
    assert schedules.sequential(parts, [2], 3).tolist() == [1, 2, 9, 8]
    assert schedules.bound(np.array([[1.0, 4.0], [2.0, 0.0]])).tolist() == [
        [512 * 2.0**-53 * 2 * 2, 512 * 2.0**-53 * 2 * 4],
        [512 * 2.0**-53 * 3 * 2, 512 * 2.0**-53 * 3 * 4],
    ]
