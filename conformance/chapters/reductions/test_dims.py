"""Every reduction over all choices of dimensions: values of every lane, shape, dtype, keepdim."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.reductions import (
    Reduction,
    any_values,
    judge_reduction,
    lightened,
    moderate_values,
    mostly_false,
    mostly_true,
    multipliable,
    plain,
    spelled,
    summable,
    with_nans,
)
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import ordering, reductions
from torch_conformance.reference.ops.reductions import Dims, axes

Array = npt.NDArray[Any]


def _extreme(*, largest: bool) -> Any:
    def answer(array: Array, dim: Dims = None, *, keepdim: bool = False) -> Bounded:
        return plain(ordering.extreme(array, dim, largest=largest, keepdim=keepdim))

    return answer


def _argextreme(*, largest: bool) -> Any:
    def answer(array: Array, dim: int | None = None, *, keepdim: bool = False) -> Bounded:
        return plain(ordering.argextreme(array, dim, largest=largest, keepdim=keepdim))

    return answer


def _extreme_and_place(*, largest: bool) -> Any:
    def answer(array: Array, dim: int, *, keepdim: bool = False) -> tuple[Bounded, Bounded]:
        values = ordering.extreme(array, dim, largest=largest, keepdim=keepdim)
        return plain(values), plain(ordering.argextreme(array, dim, largest=largest, keepdim=keepdim))

    return answer


def _both_extremes(array: Array, dim: Dims = None, *, keepdim: bool = False) -> tuple[Bounded, Bounded]:
    return _extreme(largest=False)(array, dim, keepdim=keepdim), _extreme(largest=True)(array, dim, keepdim=keepdim)


def _truth(*, every: bool) -> Any:
    def answer(array: Array, dim: Dims = None, *, keepdim: bool = False) -> Bounded:
        along = axes(array.ndim, dim)
        result = np.asarray((np.all if every else np.any)(array != 0, axis=along, keepdims=keepdim))
        # all and any of uint8 are uint8, as documented.
        return plain(result.astype(np.uint8) if array.dtype == np.uint8 else result)

    return answer


def _count(array: Array, dim: Dims = None) -> Bounded:
    return plain(np.asarray(np.sum(array != 0, axis=axes(array.ndim, dim), dtype=np.int64)))


def _with_mean(spread: Any) -> Any:
    def answer(array: Array, dim: Dims = None, *, keepdim: bool = False) -> tuple[Bounded, Bounded]:
        return spread(array, dim, keepdim=keepdim), reductions.mean(array, dim, keepdim=keepdim)

    return answer


def _middle(*, ignore_nan: bool) -> Any:
    def answer(array: Array, dim: int | None = None, *, keepdim: bool = False) -> Bounded:
        return plain(ordering.median(array, dim, keepdim=keepdim, ignore_nan=ignore_nan))

    return answer


def _norm(array: Array, dim: Dims = None, *, keepdim: bool = False) -> Bounded:
    return reductions.vector_norm(array, 2, dim, keepdim=keepdim)


def _whole(name: str) -> tuple[str, ...]:
    return (f"torch.{name}(x)", f"x.{name}()", f"torch.{name}(input=x)")


def _values(name: str) -> tuple[str, ...]:
    return tuple(f"{each}[0]" for each in spelled(name))


_OVER_SPREAD = (
    "torch.{}(x, dim, keepdim=keepdim)",
    "torch.{}(x, dim=dim, keepdim=keepdim, correction=1)",
    "torch.{}(x, dim, unbiased=True, keepdim=keepdim)",
)
_OVER_SPREAD_METHOD = ("x.{}(dim, keepdim=keepdim)", "x.{}(dim=dim, unbiased=True, keepdim=keepdim)")


def _over_spread(name: str, *, method: bool) -> tuple[str, ...]:
    return tuple(each.format(name) for each in (*_OVER_SPREAD, *(_OVER_SPREAD_METHOD if method else ())))


REDUCTIONS: dict[str, Reduction] = {
    "sum": Reduction(
        (*_whole("sum"), "x.sum(dim=None)", "x.sum(())"), spelled("sum"), reductions.sum, summable, refuses_empty=False
    ),
    "nansum": Reduction(_whole("nansum"), spelled("nansum"), reductions.nansum, with_nans(summable)),
    "mean": Reduction(_whole("mean"), spelled("mean"), reductions.mean, summable),
    "nanmean": Reduction(_whole("nanmean"), spelled("nanmean"), reductions.nanmean, with_nans(summable)),
    "prod": Reduction(_whole("prod"), spelled("prod"), reductions.prod, multipliable, several=False),
    "amax": Reduction(
        (*_whole("amax"), *_whole("max")),
        spelled("amax"),
        _extreme(largest=True),
        any_values,
        refuses_empty=True,
        signed_zero=False,
    ),
    "amin": Reduction(
        (*_whole("amin"), *_whole("min")),
        spelled("amin"),
        _extreme(largest=False),
        any_values,
        refuses_empty=True,
        signed_zero=False,
    ),
    "aminmax": Reduction(
        _whole("aminmax"),
        (
            "torch.aminmax(x, dim=dim, keepdim=keepdim)",
            "x.aminmax(dim=dim, keepdim=keepdim)",
            "torch.aminmax(input=x, keepdim=keepdim, dim=dim)",
        ),
        _both_extremes,
        any_values,
        several=False,
        # torch 2.0 gives a 0-d tensor a dimension there.
        scalar_dims=False,
        refuses_empty=True,
        signed_zero=False,
    ),
    "max": Reduction(
        (),
        spelled("max"),
        _extreme_and_place(largest=True),
        any_values,
        several=False,
        refuses_empty=True,
        signed_zero=False,
    ),
    "min": Reduction(
        (),
        spelled("min"),
        _extreme_and_place(largest=False),
        any_values,
        several=False,
        refuses_empty=True,
        signed_zero=False,
    ),
    "argmax": Reduction(
        _whole("argmax"), spelled("argmax"), _argextreme(largest=True), any_values, several=False, refuses_empty=True
    ),
    "argmin": Reduction(
        _whole("argmin"), spelled("argmin"), _argextreme(largest=False), any_values, several=False, refuses_empty=True
    ),
    "median": Reduction(
        _whole("median"),
        _values("median"),
        _middle(ignore_nan=False),
        any_values,
        several=False,
        refuses_empty=True,
        signed_zero=False,
    ),
    "nanmedian": Reduction(
        _whole("nanmedian"),
        _values("nanmedian"),
        _middle(ignore_nan=True),
        with_nans(any_values),
        several=False,
        refuses_empty=True,
        signed_zero=False,
    ),
    "all": Reduction(_whole("all"), spelled("all"), _truth(every=True), mostly_true, several=False),
    "any": Reduction(_whole("any"), spelled("any"), _truth(every=False), mostly_false, several=False),
    "logsumexp": Reduction((), spelled("logsumexp"), reductions.logsumexp, moderate_values),
    "vector-norm": Reduction(
        ("torch.linalg.vector_norm(x)", "torch.linalg.vector_norm(x, 2)", "torch.linalg.norm(x.reshape(-1))"),
        (
            "torch.linalg.vector_norm(x, 2, dim, keepdim)",
            "torch.linalg.vector_norm(x, dim=dim, keepdim=keepdim)",
            "torch.linalg.vector_norm(x, ord=2.0, dim=dim, keepdim=keepdim)",
        ),
        _norm,
        moderate_values,
    ),
    "norm": Reduction(
        ("torch.norm(x)", "x.norm()", "torch.norm(x, 2)", "x.norm(p=2)"),
        (
            "torch.norm(x, 2, dim, keepdim)",
            "torch.norm(x, p=2, dim=dim, keepdim=keepdim)",
            "x.norm(2, dim, keepdim)",
            "x.norm(p=2, dim=dim, keepdim=keepdim)",
        ),
        _norm,
        moderate_values,
    ),
    "var": Reduction(_whole("var"), _over_spread("var", method=True), reductions.var, moderate_values),
    "std": Reduction(_whole("std"), _over_spread("std", method=True), reductions.std, moderate_values),
    "var-mean": Reduction(
        ("torch.var_mean(x)",), _over_spread("var_mean", method=False), _with_mean(reductions.var), moderate_values
    ),
    "std-mean": Reduction(
        ("torch.std_mean(x)",), _over_spread("std_mean", method=False), _with_mean(reductions.std), moderate_values
    ),
}


_SUMS = ("sum", "nansum", "mean", "nanmean")


@clause("reductions.*.reduces-over-dims")
@given(sweep=sweeps())
def test_reduces_over_dims(cell: Cell, sweep: Sweep) -> None:
    subject = cell.clause.subject
    for recipe in lightened(sweep):
        # What repeats in an expanded tensor can sum up to more than the dtype holds every whole number to.
        if cell.dtype in ("float16", "bfloat16") and recipe.overlaps and subject in _SUMS and max(recipe.size) > 9:
            continue
        # float16 does not hold the number of elements.
        if cell.dtype == "float16" and "mean" in subject and math.prod(recipe.size) > 65_504:
            continue
        # median of an expanded dimension reads beyond the tensor, in every version so far.
        if not (recipe.overlaps and subject in ("median", "nanmedian")):
            judge_reduction(cell, REDUCTIONS[subject], recipe)


_TRUTH = {"all": (_truth(every=True), mostly_true), "any": (_truth(every=False), mostly_false)}


@clause("reductions.*.takes-several-dims")
@given(sweep=sweeps(classes=("small", "tail", "grain")))
def test_truth_takes_several_dims(cell: Cell, sweep: Sweep) -> None:
    reference, tensor = _TRUTH[cell.clause.subject]
    reduction = Reduction((), spelled(cell.clause.subject), reference, tensor)
    for recipe in lightened(sweep):
        judge_reduction(cell, reduction, recipe)


@clause("reductions.count-nonzero.counts-over-dims")
@given(sweep=sweeps())
def test_count_nonzero(cell: Cell, sweep: Sweep) -> None:
    spellings = (
        "torch.count_nonzero(x, dim)",
        "torch.count_nonzero(x, dim=dim)",
        "x.count_nonzero(dim)",
        "x.count_nonzero(dim=dim)",
    )

    def reference(array: Array, dim: Dims = None, *, keepdim: bool = False) -> Bounded:
        del keepdim
        return _count(array, dim)

    for number, recipe in enumerate(lightened(sweep)):
        tensor = (mostly_true, mostly_false)[number % 2]
        judge_reduction(cell, Reduction(_whole("count_nonzero"), spellings, reference, tensor), recipe)
