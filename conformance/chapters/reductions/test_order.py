"""Sorting and selection along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, structures, sweeps
from torch_conformance.conformance.inputs.reductions import LARGE, lightened, rotating
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import ordering

Array = npt.NDArray[Any]


def _tensor(recipe: Recipe, dtype: str) -> Strided:
    """Return any values, or few different ones with many ties."""
    return recipe.tensor(dtype, ("any", "small", "finite")[recipe.seed % 3])


def _dims(recipe: Recipe) -> list[int]:
    rank = max(len(recipe.size), 1)
    dims = [dim - rank if (dim + recipe.seed) % 2 else dim for dim in range(rank)]
    return dims if recipe.structure.length <= LARGE else [dims[recipe.seed % rank]]


def _count(recipe: Recipe, small: int) -> int:
    return 1 if recipe.structure.length > LARGE else small


_SORTS = (
    *("torch.sort(x, dim, descending)", "torch.sort(x, dim=dim, descending=descending)"),
    *("x.sort(dim, descending)", "x.sort(dim=dim, descending=descending)"),
    *("torch.sort(input=x, descending=descending, dim=dim)",),
)
_STABLE_SORTS = (
    *("torch.sort(x, stable=True, dim=dim, descending=descending)",),
    *("x.sort(stable=True, dim=dim, descending=descending)",),
)


@clause("reductions.sort.orders-along-dim")
@given(sweep=sweeps())
def test_sort_orders(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = _tensor(recipe, cell.dtype)
        for number, dim in enumerate(_dims(recipe)):
            descending = bool((recipe.seed // 16 + number) % 2)
            expected, _ = ordering.sort(tensor.array, dim, descending=descending)
            trial = cell.trial(x=tensor, dim=dim, descending=descending)
            for form in rotating(_SORTS, recipe.seed + number, _count(recipe, 3)):
                trial.run(f"r = {form}")
                trial.expect("r.values", expected, UNSIGNED_ZERO)
                trial.expect_true("r.indices.dtype == torch.int64", "indices are int64")
                trial.expect("x.gather(dim, r.indices)", expected, UNSIGNED_ZERO)
                trial.expect("r.indices.sort(dim).values.transpose(dim, -1)", _places(expected, dim))
        if recipe.size:
            trial = cell.trial(x=tensor)
            trial.expect("torch.sort(x)[0]", ordering.sort(tensor.array)[0], UNSIGNED_ZERO)
            trial.expect("x.sort().values", ordering.sort(tensor.array)[0], UNSIGNED_ZERO)
            trial.expect("torch.msort(x)", ordering.sort(tensor.array, 0)[0], UNSIGNED_ZERO)
            trial.expect("x.msort()", ordering.sort(tensor.array, 0)[0], UNSIGNED_ZERO)


def _places(array: Array, dim: int) -> Array:
    """Return 0, 1, 2 ... in every lane along a dimension, which is exchanged with the last one."""
    if not array.ndim:
        return np.zeros((), np.int64)
    shape = np.swapaxes(array, dim, -1).shape
    return np.broadcast_to(np.arange(shape[-1]), shape)


@clause("reductions.sort.stable-keeps-order-of-equals")
@given(sweep=sweeps())
def test_stable_sort(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = recipe.tensor(cell.dtype, "any" if recipe.seed % 2 else "small")
        for number, dim in enumerate(_dims(recipe)):
            descending = bool((recipe.seed // 16 + number) % 2)
            values, order = ordering.sort(tensor.array, dim, descending=descending)
            trial = cell.trial(x=tensor, dim=dim, descending=descending)
            for form in rotating(_STABLE_SORTS, recipe.seed + number, _count(recipe, 2)):
                trial.run(f"r = {form}")
                trial.expect("r[0]", values)
                trial.expect("r[1]", order)


_ARGSORTS = (
    *("torch.argsort(x, dim, descending)", "torch.argsort(x, dim=dim, descending=descending)"),
    *("x.argsort(dim, descending)", "x.argsort(dim=dim, descending=descending)"),
)
_STABLE_ARGSORTS = (
    *("torch.argsort(x, dim=dim, descending=descending, stable=True)",),
    *("x.argsort(dim=dim, descending=descending, stable=True)",),
)


@clause("reductions.argsort.gives-the-order")
@given(sweep=sweeps())
def test_argsort(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        tensor = _tensor(recipe, cell.dtype)
        for number, dim in enumerate(_dims(recipe)):
            descending = bool((recipe.seed // 16 + number) % 2)
            values, order = ordering.sort(tensor.array, dim, descending=descending)
            trial = cell.trial(x=tensor, dim=dim, descending=descending)
            for form in rotating(_ARGSORTS, recipe.seed + number, _count(recipe, 4)):
                trial.run(f"r = {form}")
                trial.expect("x.gather(dim, r)", values, UNSIGNED_ZERO)
            for form in rotating(_STABLE_ARGSORTS, recipe.seed, _count(recipe, 2)):
                trial.expect(form, order)


_TOPKS = (
    *("torch.topk(x, k, dim, largest, sorted)", "torch.topk(x, k, dim=dim, largest=largest, sorted=sorted)"),
    *("x.topk(k, dim, largest, sorted)", "x.topk(k=k, dim=dim, largest=largest, sorted=sorted)"),
)


@clause("reductions.topk.gives-the-first-k")
@given(sweep=sweeps())
def test_topk(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        if not recipe.size:
            continue
        tensor = _tensor(recipe, cell.dtype)
        for number, dim in enumerate(_dims(recipe)):
            extent = recipe.size[dim]
            largest, in_order = bool((recipe.seed // 16 + number) % 2), bool((recipe.seed // 16 + number) % 3)
            for k in sorted({0, 1, min(extent, 3), extent // 2, extent} & set(range(extent + 1)))[
                : _count(recipe, 4) * 2
            ]:
                expected = ordering.topk(tensor.array, k, dim, largest=largest)
                trial = cell.trial(x=tensor, k=k, dim=dim, largest=largest, sorted=in_order)
                for form in rotating(_TOPKS, recipe.seed + number, 1):
                    trial.run(f"r = {form}")
                    ordered = "r.values" if in_order else "torch.sort(r.values, dim, largest).values"
                    trial.expect(ordered, expected, UNSIGNED_ZERO)
                    gathered = "x.gather(dim, r.indices)"
                    trial.expect(
                        gathered if in_order else f"torch.sort({gathered}, dim, largest).values",
                        expected,
                        UNSIGNED_ZERO,
                    )
            trial = cell.trial(x=tensor, k=extent + 1, dim=dim)
            trial.expect_error("torch.topk(x, k, dim)", RuntimeError)
            trial.expect_error("x.topk(k=k, dim=dim)", RuntimeError)


_KTH = (
    *("torch.kthvalue(x, k, dim, keepdim)", "torch.kthvalue(x, k, dim=dim, keepdim=keepdim)"),
    *("x.kthvalue(k, dim, keepdim)", "x.kthvalue(k=k, dim=dim, keepdim=keepdim)"),
)


@clause("reductions.kthvalue.selects-from-below")
@given(sweep=sweeps())
def test_kthvalue(cell: Cell, sweep: Sweep) -> None:
    for recipe in lightened(sweep):
        if not recipe.size or 0 in recipe.size:
            continue
        tensor = _tensor(recipe, cell.dtype)
        for number, dim in enumerate(_dims(recipe)):
            extent = recipe.size[dim]
            keepdim = bool((recipe.seed // 16 + number) % 2)
            # Along an expanded dimension selection reads beyond the tensor, in every version so far.
            if recipe.structure.stride[dim] == 0:
                continue
            for k in sorted({1, (extent + 1) // 2, extent})[: _count(recipe, 3)]:
                expected = ordering.kthvalue(tensor.array, k, dim, keepdim=keepdim)
                trial = cell.trial(x=tensor, k=k, dim=dim, keepdim=keepdim)
                for form in rotating(_KTH, recipe.seed + number, 2):
                    trial.run(f"r = {form}")
                    trial.expect("r.values", expected, UNSIGNED_ZERO)
                    trial.run(f"i = r.indices{'' if keepdim else '.unsqueeze(dim)'}")
                    trial.expect(f"x.gather(dim, i){'' if keepdim else '.squeeze(dim)'}", expected, UNSIGNED_ZERO)
            trial = cell.trial(x=tensor, above=extent + 1, dim=dim)
            trial.expect_error("torch.kthvalue(x, above, dim)", RuntimeError)
            trial.expect_error("x.kthvalue(0, dim)", RuntimeError)


_MEDIANS = ("torch.{}(x, dim)", "x.{}(dim)", "torch.{}(x, dim=dim)", "x.{}(dim=dim)")


@clause("reductions.*.indices-point-at-the-value")
@given(sweep=sweeps(classes=("small", "tail", "grain"), overlapping=False))
def test_median_indices(cell: Cell, sweep: Sweep) -> None:
    name = cell.clause.subject
    for recipe in lightened(sweep):
        tensor = _tensor(recipe, cell.dtype)
        for number, dim in enumerate(_dims(recipe)):
            expected = ordering.median(tensor.array, dim, keepdim=True, ignore_nan=name == "nanmedian")
            trial = cell.trial(x=tensor, dim=dim)
            for form in rotating(_MEDIANS, recipe.seed + number, _count(recipe, 2)):
                trial.run(f"r = {form.format(name)}")
                trial.expect_true("r.indices.dtype == torch.int64", "indices are int64")
                trial.expect("x.gather(dim, r.indices.unsqueeze(dim))", expected, UNSIGNED_ZERO)


_MODES = (
    *("torch.mode(x, dim, keepdim)", "torch.mode(x, dim=dim, keepdim=keepdim)"),
    *("x.mode(dim, keepdim)", "x.mode(dim=dim, keepdim=keepdim)"),
)


def _with_winner(generator: np.random.Generator, size: tuple[int, int], dtype: str) -> tuple[Array, Array]:
    """Return lanes (along dimension 1) in which one value occurs most often, and that value."""
    lanes, extent = size
    # More than half of the places; the others occur once or twice each.
    most = extent // 2 + 1
    winners = generator.integers(0, 100, (lanes, 1))
    others = (winners + 50 + np.arange(extent - most) // 2 % 26) % 127
    rows = np.concatenate([np.repeat(winners, most, axis=1), others], axis=1)
    return generator.permuted(rows, axis=1).astype(numpy_dtype(dtype)), winners[:, 0].astype(numpy_dtype(dtype))


@clause("reductions.mode.finds-the-most-frequent")
def test_mode(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((1, 1), (4, 1), (3, 2), (5, 3), (2, 16), (7, 17), (3, 50), (2, 104)):
        rows, winners = _with_winner(generator, size, cell.dtype)
        for array, dim in ((rows, 1), (rows.T, 0)):
            for keepdim in (False, True):
                expected = np.expand_dims(winners, dim) if keepdim else winners
                for structure in structures(array.shape)[:4]:
                    storage = np.zeros(structure.length, array.dtype)
                    laid_out = Strided(storage, structure.size, structure.stride, structure.offset)
                    laid_out.array[...] = array
                    trial = cell.trial(x=laid_out, dim=dim, keepdim=keepdim)
                    for form in _MODES:
                        trial.run(f"r = {form}")
                        trial.expect("r.values", expected)
                        trial.run(f"i = r.indices{'' if keepdim else '.unsqueeze(dim)'}")
                        trial.expect(f"x.gather(dim, i){'' if keepdim else '.squeeze(dim)'}", expected)


@clause("reductions.order.refuses-complex")
def test_order_refuses_complex(cell: Cell) -> None:
    for size in ((3,), (2, 3)):
        trial = cell.trial(x=Strided.from_array(np.ones(size, numpy_dtype(cell.dtype))), dim=0)
        for name in ("sort", "argsort", "median", "kthvalue", "topk", "mode", "cummax", "max", "amin", "argmax"):
            call = "1, dim" if name in ("kthvalue", "topk") else "dim"
            trial.expect_error(f"torch.{name}(x, {call})", RuntimeError, TypeError, ValueError)
            trial.expect_error(f"x.{name}({call})", RuntimeError, TypeError, ValueError)
