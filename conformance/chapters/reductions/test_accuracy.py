"""Accuracy: sums, moments, norms and exponentials stay within the bounds that an error analysis gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.reductions import expect_answers, lightened, moderate_values, rotating
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import reductions

Array = npt.NDArray[Any]

# Lanes that cross vectors, cascades of partial sums, and the grain of threads; each along both dimensions.
_LANES = ((17, 3), (3, 63), (129, 5), (5, 257), (1025, 3), (3, 4_099), (33_001, 1))


def _drawn(generator: np.random.Generator, size: tuple[int, ...], dtype: str) -> Array:
    values = generator.standard_normal(size)
    if dtypes.is_complex(dtype):
        values = values + 1j * generator.standard_normal(size)
    return np.asarray(values).astype(numpy_dtype(dtype))


def _cancelling(generator: np.random.Generator, size: tuple[int, int], dtype: str) -> Array:
    """Return values of very different sizes, nearly all of which cancel along dimension 0 and along dimension 1."""
    values = _drawn(generator, size, dtype) * (2.0 ** generator.integers(-8, 12, size)).astype(numpy_dtype(dtype))
    rows, columns = size[0] // 2, size[1] // 2
    values[rows : 2 * rows] = -values[:rows]
    values[:, columns : 2 * columns] = -values[:, :columns]
    return np.asarray(values.astype(numpy_dtype(dtype)))


def _matrices(cell: Cell) -> list[tuple[str, Array]]:
    generator = cell.generator()
    found = []
    for size in _LANES if not dtypes.is_complex(cell.dtype) else _LANES[:-1]:
        found += [
            ("drawn", _drawn(generator, size, cell.dtype)),
            ("cancelling", _cancelling(generator, size, cell.dtype)),
        ]
        positive = np.abs(_drawn(generator, size, cell.dtype)).astype(numpy_dtype(cell.dtype))
        found += [("positive", positive)]
    return found


_SUMMED: dict[str, Callable[..., Bounded]] = {
    "sum": reductions.sum,
    "mean": reductions.mean,
    "cumsum": reductions.cumsum,
}


@clause("reductions.*.stays-within-summation-bound")
def test_stays_within_summation_bound(cell: Cell) -> None:
    name = cell.clause.subject
    reference = _SUMMED[name]
    for _, array in _matrices(cell):
        for tensor in (Strided.from_array(array), _transposed(array)):
            for dim in (0, 1):
                trial = cell.trial(x=tensor, dim=dim)
                expected = reference(array, dim)
                expect_answers(trial, f"torch.{name}(x, dim)", expected)
                expect_answers(trial, f"x.{name}(dim)", expected)
        if name != "cumsum":
            expect_answers(cell.trial(x=Strided.from_array(array)), f"x.{name}()", reference(array))


def _transposed(array: Array) -> Strided:
    """Return the same matrix, stored by columns."""
    return Strided(np.ascontiguousarray(array.T).reshape(-1), array.shape, (1, array.shape[0]))


@clause("reductions.prod.stays-within-bound")
def test_prod_stays_within_bound(cell: Cell) -> None:
    generator = cell.generator()
    for size in _LANES[:6]:
        near = np.exp(generator.standard_normal(size) / np.sqrt(max(size)))
        array = (near * np.where(generator.random(size) < 0.5, -1, 1)).astype(numpy_dtype(cell.dtype))
        if dtypes.is_complex(cell.dtype):
            array = (array * np.exp(1j * generator.random(size))).astype(array.dtype)
        for tensor in (Strided.from_array(array), _transposed(array)):
            for dim in (0, 1):
                trial = cell.trial(x=tensor, dim=dim)
                expect_answers(trial, "torch.prod(x, dim)", reductions.prod(array, dim))
                expect_answers(trial, "x.prod(dim)", reductions.prod(array, dim))
                expect_answers(trial, "x.cumprod(dim)", reductions.cumprod(array, dim))
            expect_answers(trial, "x.prod()", reductions.prod(array))


_SPREADS = {"var": reductions.var, "std": reductions.std}


@clause("reductions.var.keeps-digits-beside-a-large-mean")
def test_var_beside_a_large_mean(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((3, 17), (17, 3), (5, 40), (65, 2), (2, 300)):
        for mean in (100, 2.0**11, 2.0**20):
            array = (_drawn(generator, size, cell.dtype) + mean).astype(numpy_dtype(cell.dtype))
            for tensor in (Strided.from_array(array), _transposed(array)):
                for dim in (0, 1):
                    trial = cell.trial(x=tensor, dim=dim)
                    for name, reference in _SPREADS.items():
                        expected = reference(array, dim)
                        expect_answers(trial, f"torch.{name}(x, dim)", expected)
                        expect_answers(trial, f"x.{name}(dim)", expected)
                        expect_answers(trial, f"torch.{name}_mean(x, dim)[0]", expected)
                for name, reference in _SPREADS.items():
                    expect_answers(trial, f"x.{name}()", reference(array))


_CORRECTED = (
    *("torch.{}(x, dim, correction=c)", "torch.{}(x, dim=dim, correction=c, keepdim=False)"),
    *("torch.{}_mean(x, dim, correction=c)[0]", "x.{}(dim, correction=c)", "x.{}(dim=dim, correction=c)"),
)
_UNBIASED = (
    *("torch.{}(x, dim, unbiased)", "torch.{}(x, dim, unbiased=unbiased)", "x.{}(dim, unbiased)"),
    *("x.{}(dim=dim, unbiased=unbiased)", "torch.{}_mean(x, dim, unbiased)[0]"),
)


@clause("reductions.var.takes-correction")
@given(sweep=sweeps(classes=("small", "tail", "grain")))
def test_var_takes_correction(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = moderate_values(recipe, cell.dtype)
        dim = recipe.seed % len(recipe.size)
        for c in (0, 1, 2, 3) if recipe.structure.length < 3_000 else (recipe.seed % 3,):
            # With as many elements as corrections the quotient is 0 / 0, or a rounding error over 0.
            if recipe.size[dim] <= c:
                continue
            trial = cell.trial(x=tensor, dim=dim, c=c, unbiased=bool(c))
            for name, reference in _SPREADS.items():
                expected = reference(tensor.array, dim, correction=c)
                forms = _CORRECTED if c > 1 else (*_CORRECTED, *_UNBIASED)
                for form in rotating(forms, recipe.seed, 4 if recipe.structure.length < 3_000 else 1):
                    expect_answers(trial, form.format(name), expected)


_ORDERS = (0, 1, 2, 3, 4, 0.5, 1.5, -1, -2, float("inf"), -float("inf"))
_NORMS = (
    *("torch.linalg.vector_norm(x, p, dim)", "torch.linalg.vector_norm(x, ord=p, dim=dim, keepdim=False)"),
    *("torch.norm(x, p, dim)", "x.norm(p, dim)", "x.norm(p=p, dim=dim)"),
)


def _with_zeros(tensor: Strided) -> Strided:
    """Return a tensor with every third element of its storage 0, which order 0 does not count."""
    storage = tensor.storage.copy()
    storage[::3] = 0
    return dataclasses.replace(tensor, storage=storage)


@clause("reductions.vector-norm.takes-any-order")
@given(sweep=sweeps(classes=("small", "tail", "grain")))
def test_vector_norm_takes_any_order(cell: Cell, sweep: Sweep) -> None:
    for number, recipe in enumerate(lightened(sweep)):
        # Away from 0, so that negative orders stay finite.
        drawn = recipe.tensor(cell.dtype, "positive" if number % 2 == 0 else "moderate")
        dim = recipe.seed % len(recipe.size)
        large = recipe.structure.length > 3_000
        for p in _ORDERS if not large else (_ORDERS[recipe.seed % len(_ORDERS)],):
            tensor = drawn if p else _with_zeros(drawn)
            array = tensor.array
            if p < 0 and (array == 0).any():
                continue
            trial = cell.trial(x=tensor, dim=dim, p=p)
            expected = reductions.vector_norm(array, p, dim)
            for form in _NORMS:
                expect_answers(trial, form, expected)
            expect_answers(trial, "torch.linalg.vector_norm(x, p)", reductions.vector_norm(array, p))


_SOFTMAX = (
    *("torch.{}(x, dim)", "x.{}(dim)", "torch.{}(x, dim=dim)", "x.{}(dim=dim)"),
    *("torch.nn.functional.{}(x, dim=dim)", "torch.nn.functional.{}(x, dim)", "torch.{}(input=x, dim=dim)"),
)
_NORMALISED = {"softmax": reductions.softmax, "log-softmax": reductions.log_softmax}


@clause("reductions.*.normalises-along-dim")
@given(sweep=sweeps())
def test_normalises_along_dim(cell: Cell, sweep: Sweep) -> None:
    name = cell.clause.subject.replace("-", "_")
    reference = _NORMALISED[cell.clause.subject]
    # torch 2.0 takes some bfloat16 lanes relative to another lane's maximum, which shows beyond a spread of 88.
    domain = "moderate" if cell.dtype in ("float32", "float64") else "small"
    for recipe in lightened(sweep):
        # torch adds up float16 lanes in float16, which overflows beyond that many elements.
        if cell.dtype == "float16" and max(recipe.size, default=0) > 65_504:
            continue
        tensor = recipe.tensor(cell.dtype, domain)
        rank = max(len(recipe.size), 1)
        large = recipe.structure.length > 3_000
        for dim in range(rank) if not large else [recipe.seed % rank]:
            signed = dim - rank if recipe.seed % 2 else dim
            trial = cell.trial(x=tensor, dim=signed)
            expected = reference(tensor.array, dim)
            for form in _SOFTMAX if not large else (_SOFTMAX[recipe.seed % len(_SOFTMAX)],):
                expect_answers(trial, form.format(name), expected)


@clause("reductions.exponentials.do-not-overflow")
def test_exponentials_do_not_overflow(cell: Cell) -> None:
    generator = cell.generator()
    for shift in (-3e4, -1000.0, 90.0, 1000.0, 6e4):
        for size in ((3, 5), (17, 4), (2, 129)):
            array = (_drawn(generator, size, cell.dtype).astype(np.float64) * 3 + shift).astype(numpy_dtype(cell.dtype))
            for dim in (0, 1):
                trial = cell.trial(x=Strided.from_array(array), dim=dim)
                for name, reference in (
                    ("logsumexp", reductions.logsumexp),
                    ("softmax", reductions.softmax),
                    ("log_softmax", reductions.log_softmax),
                    ("logcumsumexp", reductions.logcumsumexp),
                ):
                    expected = reference(array, dim)
                    expect_answers(trial, f"torch.{name}(x, dim)", expected)
                    expect_answers(trial, f"x.{name}(dim=dim)", expected)


_IN_SINGLE = (
    ("sum", reductions.sum),
    ("mean", reductions.mean),
    ("logsumexp", reductions.logsumexp),
    ("cumsum", reductions.cumsum),
)


@clause("reductions.halves.accumulate-in-float32")
def test_halves_accumulate_in_float32(cell: Cell) -> None:
    generator = cell.generator()
    for lane in (300, 2_049, 2_500, 4_099, 10_001):
        flat = np.where(generator.random((lane, 3)) < 0.9, 1, 0.75).astype(numpy_dtype(cell.dtype))
        for array in (flat, np.ascontiguousarray(flat.T)):
            dim = 0 if array.shape[0] == lane else 1
            for tensor in (Strided.from_array(array), _transposed(array)):
                trial = cell.trial(x=tensor, dim=dim)
                for name, reference in _IN_SINGLE:
                    expected = reference(array, dim)
                    expect_answers(trial, f"torch.{name}(x, dim)", expected)
                    expect_answers(trial, f"x.{name}(dim)", expected)
                for p in (1, 2, 3):
                    expect_answers(
                        trial, f"torch.linalg.vector_norm(x, {p}, dim)", reductions.vector_norm(array, p, dim)
                    )
                expect_answers(trial, "torch.softmax(x, dim)", reductions.softmax(array, dim))
                expect_answers(trial, "x.sum()", reductions.sum(array))
                expect_answers(trial, "x.mean()", reductions.mean(array))


@clause("reductions.halves.vary-around-their-mean")
def test_halves_vary(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((3, 17), (129, 2), (2, 1025), (2500, 3)):
        array = (_drawn(generator, size, cell.dtype).astype(np.float32) + 1).astype(numpy_dtype(cell.dtype))
        for tensor in (Strided.from_array(array), _transposed(array)):
            for dim in (0, 1):
                trial = cell.trial(x=tensor, dim=dim)
                for name, reference in _SPREADS.items():
                    expect_answers(trial, f"torch.{name}(x, dim)", reference(array, dim))
                    expect_answers(trial, f"x.{name}(dim)", reference(array, dim))
                    expect_answers(trial, f"x.{name}()", reference(array))
