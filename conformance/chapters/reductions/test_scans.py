"""Running sums, products, extremes and logarithms along a dimension."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.reductions import (
    LARGE,
    Maker,
    any_values,
    expect_answers,
    lightened,
    moderate_values,
    multipliable,
    rotating,
    summable,
)
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import ordering, reductions

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Scan:
    """A scan: its answer, its inputs, and whether it has an in-place form."""

    reference: Callable[[Array, int], Bounded]
    tensor: Maker
    in_place: bool = True


_SCANS = {
    "cumsum": Scan(reductions.cumsum, summable),
    "cumprod": Scan(reductions.cumprod, multipliable),
    "logcumsumexp": Scan(reductions.logcumsumexp, moderate_values, in_place=False),
}
_FORMS = (
    *("torch.{}(x, dim)", "x.{}(dim)", "torch.{}(x, dim=dim)", "x.{}(dim=dim)", "torch.{}(input=x, dim=dim)"),
    "torch.{}(x, dim, out=torch.empty_like(torch.{}(x, dim)))",
)


def _dims(recipe: Recipe) -> list[int]:
    rank = max(len(recipe.size), 1)
    dims = [dim - rank if (dim + recipe.seed) % 2 else dim for dim in range(rank)]
    return dims if recipe.structure.length <= LARGE else [dims[recipe.seed % rank]]


@clause("reductions.*.scans-along-dim")
@given(sweep=sweeps(overlapping=False))
def test_scans_along_dim(cell: Cell, sweep: Sweep) -> None:
    name = cell.clause.subject
    scan = _SCANS[name]
    for recipe in lightened(sweep):
        tensor = scan.tensor(recipe, cell.dtype)
        array = tensor.array
        for number, dim in enumerate(_dims(recipe)):
            trial = cell.trial(x=tensor, dim=dim)
            expected = scan.reference(array, dim)
            count = 1 if recipe.structure.length > LARGE else 4
            for form in rotating(_FORMS, recipe.seed + number, count):
                expect_answers(trial, form.replace("{}", name), expected)
            if scan.in_place and expected.dtype == cell.dtype:
                trial.run(f"y = x.{name}_(dim)")
                expect_answers(trial, "x", expected)
                trial.expect_true("y is x", "the in-place form returns its tensor")


_PAIR_FORMS = (
    *("torch.{}(x, dim)", "x.{}(dim)", "torch.{}(x, dim=dim)", "x.{}(dim=dim)", "torch.{}(input=x, dim=dim)"),
)


def _judge_extremes(trial: Trial, array: Array, dim: int, forms: list[str], *, largest: bool) -> None:
    """Compare values; every index must point at its value, at or before its own place, and never go back."""
    expected = ordering.cumulative_extreme(array, dim, largest=largest)
    for form in forms:
        trial.run(f"r = {form}")
        trial.expect("r.values", expected, UNSIGNED_ZERO)
        trial.expect_true("r.indices.dtype == torch.int64", "indices are int64")
        trial.expect("x.gather(dim, r.indices)", expected, UNSIGNED_ZERO)
        if array.ndim and array.size:
            trial.run("places = torch.arange(x.size(dim), device=device)")
            trial.run("places = places.reshape([-1 if d == dim % x.dim() else 1 for d in range(x.dim())])")
            trial.expect_true("bool((r.indices <= places).all())", "no index lies ahead of its place")
            trial.expect_true("bool((r.indices.diff(dim=dim) >= 0).all())", "indices never go back")


@clause("reductions.*.keeps-running-extreme")
@given(sweep=sweeps(overlapping=False))
def test_keeps_running_extreme(cell: Cell, sweep: Sweep) -> None:
    name = cell.clause.subject
    for recipe in lightened(sweep):
        if not recipe.size:
            continue
        tensor = any_values(recipe, cell.dtype)
        for number, dim in enumerate(_dims(recipe)):
            count = 1 if recipe.structure.length > LARGE else 2
            forms = [form.format(name) for form in rotating(_PAIR_FORMS, recipe.seed + number, count)]
            _judge_extremes(cell.trial(x=tensor, dim=dim), tensor.array, dim, forms, largest=name == "cummax")
