"""What a comparison costs: bare torch and NumPy, a trial, and a drawn sweep, in comparisons per CPU second.

python tests/benchmarks/comparisons.py
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from hypothesis import HealthCheck, given, seed, settings

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.profiles import PROFILES
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Recipe, Sweep, sweeps
from torch_conformance.spec import load

SECONDS = 3.0
SMALL = [Recipe(structure, 1, bytes(range(32))) for structure in SIZE_CLASSES["small"]]


def rate(name: str, work: Callable[[], int]) -> None:
    """Repeat some work for a while and print how many comparisons a CPU second held."""
    began, count = time.process_time(), 0
    while time.process_time() - began < SECONDS:
        count += work()
    print(f"{name:<58} {count / (time.process_time() - began):10,.0f} comparisons per CPU second")  # noqa: T201


def a_cell() -> Cell:
    """Return a cell to run trials in."""
    clause = next(iter(load().clauses.values()))
    return Cell(clause, "cpu", "float32", PROFILES["standard"], 0)


def bare() -> int:
    """Add and compare what torch and NumPy give, with nothing around it."""
    for a, b in BARE:
        assert np.array_equal(torch.add(torch.from_numpy(a), torch.from_numpy(b)).numpy(), np.add(a, b))
    return len(BARE)


BARE = [(recipe.array("float32", "small"), recipe.array("float32", "small", variant=1)) for recipe in SMALL]


def trials() -> int:
    """The same through trials, in three spellings."""
    cell = a_cell()
    for recipe in SMALL:
        a, b = recipe.tensor("float32", "small"), recipe.tensor("float32", "small", variant=1)
        trial = cell.trial(a=a, b=b)
        expected = np.add(a.array, b.array)
        for spelling in ("torch.add(a, b)", "a.add(b)", "a + b"):
            trial.expect(spelling, expected)
    return cell.tally.comparisons


def drawn() -> int:
    """The same on drawn sweeps of every size class."""
    cell = a_cell()

    @seed(0)
    @settings(max_examples=20, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(sweep=sweeps())
    def judge(sweep: Sweep) -> None:
        for recipe in sweep:
            a, b = recipe.tensor("float32", "small"), recipe.tensor("float32", "small", variant=1)
            trial = cell.trial(a=a, b=b)
            expected = np.add(a.array, b.array)
            for spelling in ("torch.add(a, b)", "a.add(b)", "a + b"):
                trial.expect(spelling, expected)

    judge()
    return cell.tally.comparisons


if __name__ == "__main__":
    rate("bare torch.add and numpy.add, small tensors", bare)
    rate("trials, three spellings, small tensors", trials)
    rate("drawn sweeps, three spellings, tensors to 65,539 elements", drawn)
