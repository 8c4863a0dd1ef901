"""Distinct values, counts, differences and integrals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO, Rule
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.reductions import LARGE, lightened, rotating
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.conformance.judging.accuracy import rule_around
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import ordering

Array = npt.NDArray[Any]

_UNIQUE = ("torch.unique({})", "x.unique({})")


def _call(form: str, options: str) -> str:
    inside = f"x, {options}" if form.startswith("torch") and options else "x" if form.startswith("torch") else options
    return form.format(inside)


@clause("reductions.unique.sorts-and-counts")
@given(sweep=sweeps())
def test_unique(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = recipe.tensor(cell.dtype, "small" if recipe.seed % 2 else "finite")
        if (tensor.array == 0).any() and not tensor.dtype.startswith(("int", "uint", "bool")):
            # Which zero stands for both is not documented.
            tensor = recipe.tensor(cell.dtype, "small")
        values, inverse, counts = ordering.unique(tensor.array)
        trial = cell.trial(x=tensor)
        for form in _UNIQUE if recipe.structure.length <= LARGE else _UNIQUE[recipe.seed % 2 :][:1]:
            trial.expect(_call(form, ""), values)
            trial.run(f"r = {_call(form, 'return_inverse=True, return_counts=True')}")
            trial.expect("r[0]", values)
            trial.expect("r[1]", inverse)
            trial.expect("r[2]", counts)
            trial.run(f"r = {_call(form, 'sorted=True, return_counts=True')}")
            trial.expect("r[1]", counts)
            trial.expect(f"{_call(form, 'return_inverse=True')}[1]", inverse)


@clause("reductions.unique.compares-slices-along-dim")
@given(sweep=sweeps(classes=("small", "tail"), repeat=2))
def test_unique_along_dim(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        # Two values only, so that slices repeat.
        array = recipe.array(cell.dtype, "small") % 2 if cell.dtype != "bool" else recipe.array("bool")
        array = np.abs(array).astype(numpy_dtype(cell.dtype))
        # Slices of three dimensions and more are put in order by their elements; which come first is not documented,
        # and along the first two dimensions all versions agree.
        dim = recipe.seed % min(len(recipe.size), 2)
        values, inverse, counts = ordering.unique(array, dim)
        trial = cell.trial(x=Strided.from_array(array), dim=dim - len(recipe.size) if recipe.seed % 3 == 0 else dim)
        for form in _UNIQUE:
            trial.run(f"r = {_call(form, 'return_inverse=True, return_counts=True, dim=dim')}")
            trial.expect("r[0]", values)
            trial.expect("r[1]", inverse)
            trial.expect("r[2]", counts)
            trial.expect(_call(form, "dim=dim"), values)


@clause("reductions.unique-consecutive.keeps-one-of-each-run")
@given(sweep=sweeps())
def test_unique_consecutive(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        array = recipe.array(cell.dtype, "small")
        array = np.abs(array // 4).astype(array.dtype) if cell.dtype != "bool" else array
        values, runs, lengths = ordering.unique_consecutive(array)
        trial = cell.trial(x=Strided.from_array(array))
        for form in ("torch.unique_consecutive({})", "x.unique_consecutive({})"):
            trial.expect(_call(form, ""), values)
            trial.run(f"r = {_call(form, 'return_inverse=True, return_counts=True')}")
            trial.expect("r[0]", values)
            trial.expect("r[1]", runs)
            trial.expect("r[2]", lengths)


_WEIGHTED = (
    *("torch.bincount(x, w, m)", "torch.bincount(x, weights=w, minlength=m)", "x.bincount(w, m)"),
    *("x.bincount(weights=w, minlength=m)", "torch.bincount(input=x, weights=w, minlength=m)"),
)
_LENGTHS = (0, 1, 2, 3, 7, 33, 129, 1025, 40_001)


@clause("reductions.bincount.counts-each-integer")
def test_bincount(cell: Cell) -> None:
    generator = cell.generator()
    for length in _LENGTHS:
        for top in (1, 3, 100):
            storage = generator.integers(0, top, 2 * length + 1).astype(numpy_dtype(cell.dtype))
            weights = generator.integers(-8, 9, length)
            for stride in (1, 2):
                tensor = Strided(storage, (length,), (stride,), 1)
                for minlength in (0, 2, 130):
                    trial = cell.trial(x=tensor, m=minlength)
                    expected = ordering.bincount(tensor.array, minlength=minlength)
                    for form in ("torch.bincount(x, minlength=m)", "x.bincount(None, m)", "x.bincount(minlength=m)"):
                        trial.expect(form, expected)
                if stride == 2:
                    continue
                for weight_dtype in ("float32", "float64", "int64"):
                    weighted = weights.astype(numpy_dtype(weight_dtype))
                    trial = cell.trial(x=tensor, w=Strided.from_array(weighted), m=3)
                    expected = ordering.bincount(tensor.array, weighted, 3)
                    result = expected.astype(np.float32 if weight_dtype == "float32" else np.float64)
                    for form in rotating(_WEIGHTED, length + top, 3):
                        # An empty input counts in int64, weights or not.
                        trial.expect(form, result if length else np.zeros(3, np.int64))


@clause("reductions.bincount.refuses-negatives-and-matrices")
def test_bincount_refuses(cell: Cell) -> None:
    array = np.array([1, 2, 3], numpy_dtype(cell.dtype))
    trial = cell.trial(x=Strided.from_array(array), y=Strided.from_array(array.reshape(1, 3)))
    for spelling in ("torch.bincount(y)", "y.bincount()", "torch.bincount(x, minlength=-1)", "x.bincount(y)"):
        trial.expect_error(spelling, RuntimeError)
    trial.expect_error("torch.bincount(x, torch.ones(2, device=device))", RuntimeError)
    if dtypes.is_signed(cell.dtype):
        for place in range(3):
            negative = array.copy()
            negative[place] = -1
            trial = cell.trial(x=Strided.from_array(negative))
            trial.expect_error("torch.bincount(x)", RuntimeError)
            trial.expect_error("x.bincount(minlength=5)", RuntimeError)


# Bins of a width that is a power of two, so that every edge and every quotient is exact.
_BINS = ((8, 0, 8), (16, -4, 4), (4, -32, 32), (1, 0, 2), (128, -8, 8), (3, 0, 6), (100, -2, 98))
_HISTC = (
    *("torch.histc(x, bins, lo, hi)", "torch.histc(x, bins=bins, min=lo, max=hi)"),
    *("x.histc(bins, lo, hi)", "x.histc(bins=bins, min=lo, max=hi)"),
)


@clause("reductions.histc.counts-in-equal-bins")
@given(sweep=sweeps())
def test_histc(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        structure = recipe.structure
        storage = (recipe.indices().astype(np.float64) - 128) / 16
        tensor = Strided(storage.astype(numpy_dtype(cell.dtype)), structure.size, structure.stride, structure.offset)
        for number, (bins, low, high) in enumerate(
            _BINS if structure.length <= LARGE else _BINS[recipe.seed % 7 :][:1]
        ):
            trial = cell.trial(x=tensor, bins=bins, lo=low, hi=high)
            expected = ordering.histc(tensor.array, bins, low, high).astype(tensor.storage.dtype)
            for form in rotating(_HISTC, recipe.seed + number, 2):
                trial.expect(form, expected)


@clause("reductions.histc.takes-range-from-the-data")
def test_histc_of_data_range(cell: Cell) -> None:
    generator = cell.generator()
    for length in (2, 5, 33, 1025, 33_001):
        array = generator.integers(-32, 33, length).astype(numpy_dtype(cell.dtype)) / 4
        array[0], array[length // 2] = -8, 8
        array = array.astype(numpy_dtype(cell.dtype))
        for bins in (1, 4, 64):
            trial = cell.trial(x=Strided.from_array(array), bins=bins)
            expected = ordering.histc(array, bins, 0, 0).astype(array.dtype)
            for form in ("torch.histc(x, bins)", "x.histc(bins=bins)", "torch.histc(x, bins, 0, 0)"):
                trial.expect(form, expected)


_DIFFS = (
    *("torch.diff(x, n, dim)", "torch.diff(x, n=n, dim=dim)", "x.diff(n, dim)", "x.diff(n=n, dim=dim)"),
    *("torch.diff(input=x, dim=dim, n=n)", "torch.diff(x, n, dim, None, None)"),
)
_PADDED = (
    *("torch.diff(x, n, dim, p, a)", "torch.diff(x, n=n, dim=dim, prepend=p, append=a)"),
    *("x.diff(n, dim, p, a)", "x.diff(n=n, dim=dim, append=a, prepend=p)"),
)


def _difference(array: Array, n: int, dim: int) -> Array:
    for _ in range(n):
        if not array.shape[dim]:
            break
        ahead, behind = (
            np.take(array, range(*bounds), axis=dim) for bounds in ((1, array.shape[dim]), (0, array.shape[dim] - 1))
        )
        array = (ahead != behind) if array.dtype == np.bool_ else (ahead - behind).astype(array.dtype)
    return array


@clause("reductions.diff.subtracts-neighbours")
@given(sweep=sweeps(classes=("small", "empty", "tail", "grain")))
def test_diff(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = recipe.tensor(cell.dtype, "finite" if dtypes.is_integral(cell.dtype) else "small")
        array = tensor.array
        large = recipe.structure.length > LARGE
        for number, dim in enumerate(_dims(recipe)):
            for n in (0, 1, 2, 3) if not large else (1,):
                # Differences of whole numbers up to 8 stay exact for three rounds in every dtype.
                trial = cell.trial(x=tensor, n=n, dim=dim)
                expected = _difference(array, n, dim)
                for form in rotating(_DIFFS, recipe.seed + number, 2):
                    trial.expect(form, expected)
            padding = np.take(array, [0] if array.shape[dim] else [], axis=dim)
            ends = np.concatenate([padding, array, padding, padding], axis=dim)
            two = Strided.from_array(np.concatenate([padding, padding], axis=dim))
            trial = cell.trial(x=tensor, n=1, dim=dim, p=Strided.from_array(padding), a=two)
            for form in rotating(_PADDED, recipe.seed + number, 2):
                trial.expect(form, _difference(ends, 1, dim))


def _dims(recipe: Recipe) -> list[int]:
    rank = len(recipe.size)
    dims = [dim - rank if (dim + recipe.seed) % 2 else dim for dim in range(rank)]
    return dims if recipe.structure.length <= LARGE else [dims[recipe.seed % rank]]


_TRAPEZOIDS = ("torch.trapezoid", "torch.trapz")
_SPACED = ("{}(x, dim=dim)", "{}(x, dx=dx, dim=dim)", "{}(x, s, dim=dim)", "{}(y=x, x=s, dim=dim)")


def _areas(array: Array, dim: int, spacing: Array | float) -> Array:
    ahead, behind = (
        np.take(array, range(*bounds), axis=dim) for bounds in ((1, array.shape[dim]), (0, array.shape[dim] - 1))
    )
    if isinstance(spacing, np.ndarray):
        shape = [1] * array.ndim
        shape[dim] = -1
        spacing = np.diff(spacing).reshape(shape)
    return np.asarray((ahead + behind) * spacing / 2)


def _area_rule(cell: Cell, magnitude: Array, extent: int) -> Rule:
    """Return the rule for sums of areas: exact, but for complex ones, whose quotients may round for nothing."""
    return rule_around(cell, "trapezoid", magnitude, terms=extent) if is_complex(cell.dtype) else UNSIGNED_ZERO


@clause("reductions.trapezoid.adds-areas")
@given(sweep=sweeps(classes=("small", "tail")))
def test_trapezoid(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = recipe.tensor(cell.dtype, "small")
        array = tensor.array
        for dim in _dims(recipe):
            extent = array.shape[dim]
            points = (np.cumsum(pool("int64", "positive", recipe.seed)[np.arange(extent) % 250] % 3)).astype(
                array.real.dtype
            )
            trial = cell.trial(x=tensor, dim=dim, dx=0.5, s=Strided.from_array(points))
            spacings: tuple[Array | float, ...] = (1, 0.5, points, points)
            for form, spacing in zip(_SPACED, spacings, strict=True):
                areas = _areas(array, dim, spacing)
                total = areas.sum(axis=dim).astype(array.dtype)
                for name in _TRAPEZOIDS:
                    trial.expect(form.format(name), total, _area_rule(cell, np.abs(areas).sum(axis=dim), extent))
                running = _area_rule(cell, np.abs(areas).cumsum(axis=dim), extent)
                expected = areas.cumsum(axis=dim).astype(array.dtype)
                trial.expect(form.format("torch.cumulative_trapezoid"), expected, running)
