"""What all reductions share: result dtypes, wrap-around, dtype=, empty dimensions, NaN, errors, untouched inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Sweep, structures, sweeps
from torch_conformance.conformance.inputs.reductions import expect_answers, is_exact, lightened, rotating
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import reductions

Array = npt.NDArray[Any]

_ACCUMULATING: dict[str, Callable[..., Bounded]] = {
    "sum": reductions.sum,
    "nansum": reductions.nansum,
    "prod": reductions.prod,
    "cumsum": reductions.cumsum,
    "cumprod": reductions.cumprod,
}
_FORMS = (
    *("torch.{}(x, dim)", "x.{}(dim)", "torch.{}(x, dim=dim)", "x.{}(dim=dim)", "torch.{}(input=x, dim=dim)"),
    "torch.{}(x, dim, dtype=None)",
)
_SIZES = ((5,), (), (2, 3), (17, 3), (3, 33), (0, 2), (2, 0))


@clause("reductions.integers.become-int64")
def test_integers_become_int64(cell: Cell) -> None:
    values = pool(cell.dtype, "small", 1)
    for number, size in enumerate(_SIZES):
        array = np.resize(values[number:], size) if 0 not in size else np.zeros(size, values.dtype)
        trial = cell.trial(x=Strided.from_array(array), dim=-1)
        for name, reference in _ACCUMULATING.items():
            expected = reference(array, -1)
            for form in _FORMS:
                expect_answers(trial, form.format(name), expected)
            if not name.startswith("cum"):
                expect_answers(trial, f"torch.{name}(x)", reference(array))
                expect_answers(trial, f"x.{name}()", reference(array))


@clause("reductions.integers.wrap-around")
@given(sweep=sweeps())
def test_integers_wrap_around(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = recipe.tensor(cell.dtype, "finite")
        array = tensor.array
        dim = recipe.seed % max(len(recipe.size), 1)
        trial = cell.trial(x=tensor, dim=dim)
        for name, reference in _ACCUMULATING.items():
            expected = reference(array, dim)
            for form in rotating(_FORMS, recipe.seed, 2):
                expect_answers(trial, form.format(name), expected)
        expect_answers(trial, "x.sum()", reductions.sum(array))
        expect_answers(trial, "x.prod()", reductions.prod(array))


@clause("reductions.mean.refuses-integers")
def test_mean_refuses_integers(cell: Cell) -> None:
    for size in ((3,), (2, 3), (0,), ()):
        array = np.ones(size, numpy_dtype(cell.dtype))
        trial = cell.trial(x=Strided.from_array(array), dim=-1)
        for name in ("mean", "nanmean", "var", "std"):
            for form in ("torch.{}(x)", "x.{}()", "torch.{}(x, dim)", "x.{}(dim=dim)"):
                trial.expect_error(form.format(name), RuntimeError)
        for spelling in (
            *("torch.norm(x)", "x.norm()", "torch.linalg.vector_norm(x)", "torch.linalg.vector_norm(x, 1, dim)"),
            *("torch.var_mean(x)", "torch.std_mean(x, dim)"),
        ):
            trial.expect_error(spelling, RuntimeError)
        trial.expect("x", array)


def _targets(dtype: str) -> tuple[str, ...]:
    """Return the dtypes that `dtype=` may name: those of the same category or a wider one, and int64."""
    rank = dtypes.category(dtype)
    names = [name for name in TORCH_DTYPES if name not in ("bool", "uint16", "uint32", "uint64")]
    half = {"float16"} if is_exact(dtype) or dtype != "float16" else set()
    return tuple(
        name
        for name in names
        if name not in half and (dtypes.category(name) >= rank or (name == "int64" and rank == dtypes.FLOATING))
    )


_WITH_DTYPE = ("torch.{}(x, dim, dtype=dtype)", "x.{}(dim, dtype=dtype)", "torch.{}(x, dim=dim, dtype=dtype)")


@clause("reductions.dtype.converts-first")
def test_dtype_converts_first(cell: Cell) -> None:
    table: Array = np.array([300, 0.5, 3, 1.5, 40, 7, 2.75, 300, 20, 1, 300, 6], np.float64)
    if dtypes.is_signed(cell.dtype):
        table[[2, 6]] *= -1
    with np.errstate(over="ignore"):
        table = casting.cast(table, cell.dtype) if cell.dtype != "bool" else table > 2
    for size in ((12,), (3, 4), (4, 1, 3)):
        array = table.reshape(size)
        for target in _targets(cell.dtype):
            trial = cell.trial(x=Strided.from_array(array), dim=0, dtype=TORCH_DTYPES[target])
            converted = casting.cast(array, target)
            complex_target = dtypes.is_complex(target)
            for name, reference in _ACCUMULATING.items():
                if name == "nansum" and (complex_target or is_exact(target) != is_exact(cell.dtype)):
                    continue
                expected = reference(converted, 0, dtype=target)
                for form in _WITH_DTYPE:
                    expect_answers(trial, form.format(name), expected)
                if not name.startswith("cum"):
                    expect_answers(trial, f"torch.{name}(x, dtype=dtype)", reference(converted, dtype=target))
            if not is_exact(target):
                for form in _WITH_DTYPE:
                    expect_answers(trial, form.format("mean"), reductions.mean(converted, 0))
                expect_answers(trial, "x.mean(dtype=dtype)", reductions.mean(converted))


@clause("reductions.softmax.dtype-converts-first")
def test_softmax_dtype_converts_first(cell: Cell) -> None:
    array = pool(cell.dtype, "moderate", 3)[:60].reshape(4, 15)
    for target in ("float32", "float64"):
        trial = cell.trial(x=Strided.from_array(array), dim=1, dtype=TORCH_DTYPES[target])
        converted = casting.cast(array, target)
        for name, reference in (("softmax", reductions.softmax), ("log_softmax", reductions.log_softmax)):
            expected = reference(converted, 1)
            for form in (*_WITH_DTYPE, "torch.nn.functional.{}(x, dim, dtype=dtype)"):
                expect_answers(trial, form.format(name), expected)


_EMPTY = (((0,), 0), ((0, 3), 0), ((3, 0), 1), ((2, 0, 3), 1), ((2, 0, 3), -2), ((0, 0), 0), ((40, 0), -1))
# What is found where there is nothing, and whether integers have it.
_NEUTRAL: tuple[tuple[str, float, bool], ...] = (
    *(("sum", 0, True), ("nansum", 0, True), ("prod", 1, True), ("mean", np.nan, False), ("nanmean", np.nan, False)),
    *(("logsumexp", -np.inf, False), ("var", np.nan, False), ("std", np.nan, False)),
)


@clause("reductions.empty.has-the-neutral-element")
def test_empty_has_the_neutral_element(cell: Cell) -> None:
    exact = is_exact(cell.dtype)
    for size, dim in _EMPTY:
        array = np.zeros(size, numpy_dtype(cell.dtype))
        rest = tuple(extent for place, extent in enumerate(size) if place != dim % len(size))
        kept = tuple(1 if place == dim % len(size) else extent for place, extent in enumerate(size))
        trial = cell.trial(x=Strided.from_array(array), dim=dim)
        for name, value, for_integers in _NEUTRAL:
            if exact and not for_integers:
                continue
            dtype = np.dtype(np.int64) if exact else array.dtype
            for form in ("torch.{}(x, dim)", "x.{}(dim)", "x.{}(dim=dim)"):
                trial.expect(form.format(name), np.full(rest, value, dtype))
            trial.expect(f"torch.{name}(x, dim, keepdim=True)", np.full(kept, value, dtype))
            if name != "logsumexp":
                trial.expect(f"torch.{name}(x)", np.full((), value, dtype))
        truth = np.dtype(np.uint8) if cell.dtype == "uint8" else np.dtype(np.bool_)
        for form in ("torch.{}(x, dim)", "x.{}(dim)"):
            trial.expect(form.format("all"), np.ones(rest, truth))
            trial.expect(form.format("any"), np.zeros(rest, truth))
            trial.expect(form.format("count_nonzero"), np.zeros(rest, np.int64))
        trial.expect("x.all()", np.ones((), truth))
        trial.expect("torch.any(x)", np.zeros((), truth))
        if not exact:
            for order in (1, 2, 3, 0, 0.5):
                trial.expect(f"torch.linalg.vector_norm(x, {order}, dim)", np.zeros(rest, array.dtype))
            trial.expect("x.norm()", np.zeros((), array.dtype))


_EXTREMES_OVER = (
    *("torch.{}(x, dim)", "x.{}(dim)", "torch.{}(x, dim=dim, keepdim=True)", "x.{}(dim=dim, keepdim=True)"),
)


@clause("reductions.empty.extremes-are-an-error")
def test_empty_extremes(cell: Cell) -> None:
    for size, dim in cell.in_turn(_EMPTY, 0, 3):
        trial = cell.trial(x=Strided.from_array(np.zeros(size, numpy_dtype(cell.dtype))), dim=dim)
        for name in ("max", "min", "amax", "amin", "argmax", "argmin", "median", "mode"):
            for form in _EXTREMES_OVER:
                trial.expect_error(form.format(name), RuntimeError, IndexError)
        for name in ("max", "min", "argmax", "argmin", "aminmax"):
            trial.expect_error(f"torch.{name}(x)", RuntimeError, IndexError)
            trial.expect_error(f"x.{name}()", RuntimeError, IndexError)
        trial.expect_error("torch.aminmax(x, dim=dim)", RuntimeError, IndexError)


_POISONED = (
    *("sum", "mean", "prod", "amax", "amin", "logsumexp", "var", "std"),
    *("max", "min", "median"),
)
_FIRST_OF = ("max", "min", "median")


@clause("reductions.nan.reaches-every-lane")
def test_nan_reaches_every_lane(cell: Cell) -> None:
    """A NaN on the diagonal of a matrix sits at another place of each row and column."""
    for extent in (1, 2, 5, 17, 67, 130):
        for name in ("contiguous", "transposed"):
            structure = next(each for each in structures((extent, extent)) if each.layout == name)
            storage = np.resize(pool(cell.dtype, "positive", extent), structure.length)
            storage[:: extent + 1] = np.nan
            tensor = Strided(storage, structure.size, structure.stride, structure.offset)
            for dim in (0, 1):
                trial = cell.trial(x=tensor, dim=dim)
                expected = np.full(extent, np.nan, storage.dtype)
                for each in _POISONED if extent > 1 else _POISONED[:6]:
                    pick = "[0]" if each in _FIRST_OF else ""
                    trial.expect(f"torch.{each}(x, dim){pick}", expected)
                    trial.expect(f"x.{each}(dim){pick}", expected)
                for order in ("1", "2", "3", "float('inf')", "-float('inf')"):
                    trial.expect(f"torch.linalg.vector_norm(x, {order}, dim)", expected)
                for each in ("argmax(x, dim)", "argmin(x, dim)", "max(x, dim)[1]", "min(x, dim)[1]"):
                    trial.expect(f"torch.{each}", np.arange(extent))
                for each in ("max", "min", "sum", "mean", "median"):
                    trial.expect(f"x.{each}()", expected[0])


@clause("reductions.infinity.is-kept")
def test_infinity_is_kept(cell: Cell) -> None:
    for extent in (2, 5, 17, 67, 130):
        # Between 1 and 1.5, so that no product vanishes.
        array = np.resize(pool("float32", "unit", extent), (extent, extent)) / 2 + 1
        array = array.astype(numpy_dtype(cell.dtype))
        top, bottom, both = array.copy(), array.copy(), array.copy()
        diagonal = np.arange(extent)
        top[diagonal, diagonal] = np.inf
        bottom[diagonal, diagonal] = -np.inf
        both[diagonal, diagonal] = np.inf
        both[diagonal, (diagonal + 1) % extent] = -np.inf
        infinite, missing = np.full(extent, np.inf, array.dtype), np.full(extent, np.nan, array.dtype)
        for dim in (0, 1):
            trial = cell.trial(
                x=Strided.from_array(top), y=Strided.from_array(bottom), z=Strided.from_array(both), dim=dim
            )
            for each in ("sum", "mean", "prod", "amax", "logsumexp"):
                trial.expect(f"torch.{each}(x, dim)", infinite)
                trial.expect(f"x.{each}(dim)", infinite)
            for each in ("sum", "mean", "amin", "prod"):
                trial.expect(f"torch.{each}(y, dim)", -infinite)
                trial.expect(f"y.{each}(dim)", -infinite)
            for each in ("sum", "mean", "var", "std"):
                trial.expect(f"torch.{each}(z, dim)", missing)
                trial.expect(f"z.{each}(dim)", missing)
            trial.expect("torch.linalg.vector_norm(y, 2, dim)", infinite)
            trial.expect("torch.argmax(x, dim)", diagonal)
            trial.expect("torch.argmin(y, dim)", diagonal)
            everywhere = cell.trial(x=Strided.from_array(np.full((extent, 3), -np.inf, array.dtype)))
            everywhere.expect("torch.logsumexp(x, 0)", np.full(3, -np.inf, array.dtype))
            everywhere.expect("torch.softmax(x, 0)", np.full((extent, 3), np.nan, array.dtype))


_ONE_DIM = (
    *("sum", "nansum", "prod", "amax", "amin", "argmax", "argmin", "max", "min", "all", "any", "median", "mode"),
    *("cumsum", "cumprod", "cummax", "cummin", "sort", "argsort", "count_nonzero", "nanmedian"),
)
_ONE_DIM_INEXACT = ("mean", "nanmean", "var", "std", "logsumexp", "softmax", "log_softmax", "logcumsumexp")


@clause("reductions.dims.outside-is-an-error")
def test_dims_outside(cell: Cell) -> None:
    names = _ONE_DIM if is_exact(cell.dtype) else (*_ONE_DIM, *_ONE_DIM_INEXACT)
    for size in cell.in_turn(((), (3,), (2, 3), (2, 1, 3)), 0, 2):
        array = np.ones(size, numpy_dtype(cell.dtype))
        rank = max(len(size), 1)
        for dim in (rank, -rank - 1, rank + 7):
            trial = cell.trial(x=Strided.from_array(array), dim=dim, dims=(0, dim))
            for name in cell.in_turn(names, rank + abs(dim), 6):
                if not size and name in ("cummax", "cummin"):
                    continue
                trial.expect_error(f"torch.{name}(x, dim)", IndexError)
                trial.expect_error(f"x.{name}(dim=dim)", IndexError)
            for name in ("sum", "amax", *(("mean", "var") if not is_exact(cell.dtype) else ())):
                trial.expect_error(f"torch.{name}(x, dims)", IndexError)
            trial.expect_error("torch.topk(x, 1, dim)", IndexError)
            trial.expect_error("x.kthvalue(1, dim)", IndexError)
            trial.expect("x", array)


_TWICE = ("torch.{}(x, dim)", "x.{}(dim=dim)", "torch.{}(x, dim=list(dim), keepdim=True)")


@clause("reductions.dims.twice-is-an-error")
def test_dims_twice(cell: Cell) -> None:
    names = ("sum", "nansum", "amax", "amin") + (() if is_exact(cell.dtype) else ("mean", "var", "std", "logsumexp"))
    for size in ((3,), (2, 3), (2, 1, 3)):
        array = np.ones(size, numpy_dtype(cell.dtype))
        rank = len(size)
        for dims in cell.in_turn(((0, 0), (0, -rank), (-1, rank - 1), (rank - 1, 0, rank - 1)), rank, 2):
            trial = cell.trial(x=Strided.from_array(array), dim=dims)
            for name in names:
                for form in cell.in_turn(_TWICE, len(name), 1):
                    trial.expect_error(form.format(name), RuntimeError)


_TOUCHING = (
    *(f"x.{name}(0)" for name in _ONE_DIM),
    *("torch.msort(x)", "x.topk(2, 0)", "x.kthvalue(2, 0)", "x.unique()", "torch.unique_consecutive(x)"),
    *(
        "x.median()",
        "x.nanmedian()",
        "x.argmax()",
        "x.sum()",
        "x.prod()",
        "x.max()",
        "x.min()",
        "torch.unique(x, dim=0)",
    ),
    *("x.diff()", "torch.sort(x, 0, True)", "torch.topk(x, 3, 0, False, False)", "torch.aminmax(x)"),
)
_TOUCHING_INEXACT = (
    *(f"x.{name}(0)" for name in _ONE_DIM_INEXACT),
    *("x.norm()", "torch.linalg.vector_norm(x, 3)", "x.var()", "torch.std_mean(x)", "torch.trapezoid(x)"),
)


@clause("reductions.inputs.stay-unchanged")
def test_inputs_stay_unchanged(cell: Cell) -> None:
    spellings = _TOUCHING if is_exact(cell.dtype) else (*_TOUCHING, *_TOUCHING_INEXACT)
    for size in ((19,), (5, 7), (33, 3)):
        for structure in structures(size):
            if structure.layout == "expanded":
                continue
            storage = np.roll(np.resize(pool(cell.dtype, "finite", 5), structure.length), len(size))
            tensor = Strided(storage, structure.size, structure.stride, structure.offset)
            trial = cell.trial(x=tensor)
            for spelling in spellings:
                trial.run(f"r = {spelling}")
            trial.expect("x", tensor)
            trial.expect_equal("x.stride()", structure.stride)
