"""Reductions with out=: written in place, strides kept, returned; inputs and neighbours untouched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import EXACT
from torch_conformance.conformance.inputs.reductions import is_exact, plain
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import ordering, reductions

Array = npt.NDArray[Any]
Answer = Callable[[Array, int], Bounded]


@dataclasses.dataclass(frozen=True)
class _Row:
    """A call that writes into `out`, and its answers; `inexact` where integers have none."""

    spelling: str
    answers: tuple[Answer, ...]
    inexact: bool = False


def _truth(every: Any) -> Answer:
    def answer(array: Array, dim: int) -> Bounded:
        result = np.asarray(every(array != 0, axis=dim))
        return plain(result.astype(np.uint8) if array.dtype == np.uint8 else result)

    return answer


def _extreme(array: Array, dim: int) -> Bounded:
    return plain(ordering.extreme(array, dim, largest=True))


def _smallest(array: Array, dim: int) -> Bounded:
    return plain(ordering.extreme(array, dim, largest=False))


def _place(array: Array, dim: int) -> Bounded:
    return plain(ordering.argextreme(array, dim, largest=True))


def _smallest_place(array: Array, dim: int) -> Bounded:
    return plain(ordering.argextreme(array, dim, largest=False))


_ROWS = (
    _Row("torch.sum(x, dim, out=out)", (reductions.sum,)),
    _Row("torch.nansum(x, dim, out=out)", (reductions.nansum,)),
    _Row("torch.prod(x, dim, out=out)", (reductions.prod,)),
    _Row("torch.cumsum(x, dim, out=out)", (reductions.cumsum,)),
    _Row("torch.cumprod(x, dim, out=out)", (reductions.cumprod,)),
    _Row("torch.amax(x, dim, out=out)", (_extreme,)),
    _Row("torch.amin(x, dim, out=out)", (_smallest,)),
    _Row("torch.argmax(x, dim, out=out)", (_place,)),
    _Row("torch.argmin(x, dim, out=out)", (_smallest_place,)),
    _Row("torch.all(x, dim, out=out)", (_truth(np.all),)),
    _Row("torch.any(x, dim, out=out)", (_truth(np.any),)),
    _Row("torch.mean(x, dim, out=out)", (reductions.mean,), inexact=True),
    _Row("torch.nanmean(x, dim, out=out)", (reductions.nanmean,), inexact=True),
    _Row("torch.logsumexp(x, dim, out=out)", (reductions.logsumexp,), inexact=True),
    _Row("torch.var(x, dim, correction=1, out=out)", (reductions.var,), inexact=True),
    _Row("torch.std(x, dim, correction=1, out=out)", (reductions.std,), inexact=True),
    _Row(
        "torch.linalg.vector_norm(x, 2, dim, out=out)",
        (lambda x, dim: reductions.vector_norm(x, 2, dim),),
        inexact=True,
    ),
    _Row("torch.logcumsumexp(x, dim, out=out)", (reductions.logcumsumexp,), inexact=True),
    _Row("torch.softmax(x, dim, out=out)", (reductions.softmax,), inexact=True),
    _Row("torch.log_softmax(x, dim, out=out)", (reductions.log_softmax,), inexact=True),
)
_PAIRS = (
    _Row("torch.max(x, dim, out=(out, places))", (_extreme, _place)),
    _Row("torch.min(x, dim, out=(out, places))", (_smallest, _smallest_place)),
    _Row("torch.aminmax(x, dim=dim, out=(out, places))", (_smallest, _extreme)),
    _Row(
        "torch.sort(x, dim, out=(out, places))",
        (lambda x, dim: plain(ordering.sort(x, dim)[0]), lambda x, dim: plain(ordering.sort(x, dim)[1])),
    ),
    _Row(
        "torch.topk(x, 2, dim, out=(out, places))",
        (
            lambda x, dim: plain(ordering.topk(x, 2, dim)),
            lambda x, dim: plain(np.take(ordering.argsort(x, dim, descending=True), [0, 1], axis=dim)),
        ),
    ),
    _Row(
        "torch.kthvalue(x, 2, dim, out=(out, places))",
        (
            lambda x, dim: plain(ordering.kthvalue(x, 2, dim)),
            lambda x, dim: plain(np.take(ordering.argsort(x, dim), 1, axis=dim)),
        ),
    ),
    _Row(
        "torch.median(x, dim, out=(out, places))",
        (
            lambda x, dim: plain(ordering.median(x, dim)),
            lambda x, dim: plain(np.take(ordering.argsort(x, dim), (x.shape[dim] - 1) // 2, axis=dim)),
        ),
    ),
    _Row(
        "torch.cummax(x, dim, out=(out, places))",
        (
            lambda x, dim: plain(ordering.cumulative_extreme(x, dim, largest=True)),
            lambda x, dim: plain(_cumulative_place(x, dim, largest=True)),
        ),
    ),
    _Row(
        "torch.cummin(x, dim, out=(out, places))",
        (
            lambda x, dim: plain(ordering.cumulative_extreme(x, dim, largest=False)),
            lambda x, dim: plain(_cumulative_place(x, dim, largest=False)),
        ),
    ),
)


def _cumulative_place(array: Array, dim: int, *, largest: bool) -> Array:
    """Return where each running extreme was met; elements of a lane are distinct."""
    running = ordering.cumulative_extreme(array, dim, largest=largest)
    met = np.where(array == running, np.arange(array.shape[dim]).reshape((-1, 1) if dim % 2 == 0 else (1, -1)), 0)
    return np.maximum.accumulate(met, axis=dim).astype(np.int64)


def _distinct(dtype: str, size: tuple[int, int], generator: np.random.Generator) -> Array:
    """Return small whole numbers, distinct along each dimension."""
    rows, columns = generator.permutation(size[0])[:, None], generator.permutation(size[1])[None, :]
    return ((rows + columns) % max(size) + 1).astype(numpy_dtype(dtype))


_MATRICES = ((3, 17), (5, 4), (33, 3), (9, 9), (2, 70))


def _judge(cell: Cell, rows: tuple[_Row, ...]) -> None:
    """Write into an empty tensor, one of the right size, and every second column of a wider one."""
    generator = cell.generator()
    for number, size in enumerate(_MATRICES):
        array = _distinct(cell.dtype, size, generator)
        for row in rows:
            if row.inexact and is_exact(cell.dtype):
                continue
            dim = number % 2 - (2 if number > 2 else 0)
            answers = [answer(array, dim) for answer in row.answers]
            for layout in ("empty", "dense", "strided"):
                bases = [_base(answer, layout) for answer in answers]
                names = ("base", "other")[: len(bases)]
                trial = cell.trial(x=Strided.from_array(array), dim=dim, **dict(zip(names, bases, strict=True)))
                # Storage made by NumPy cannot grow.
                view = {"strided": "[..., ::2]", "dense": "", "empty": ".clone()"}[layout]
                trial.run(f"out = base{view}")
                if len(bases) > 1:
                    trial.run(f"places = other{view}")
                trial.run(f"r = {row.spelling}")
                _expect(trial, answers, layout, pair=len(bases) > 1)
                trial.expect("x", array)


def _base(answer: Bounded, layout: str) -> Strided:
    shape = answer.values.shape
    wanted = {"empty": (0,), "dense": shape, "strided": (*shape[:-1], shape[-1] * 2)}[layout]
    return Strided.from_array(np.full(wanted, 1, numpy_dtype(answer.dtype)))


def _expect(trial: Any, answers: list[Bounded], layout: str, *, pair: bool) -> None:
    for place, (name, base, answer) in enumerate(zip(("out", "places"), ("base", "other"), answers, strict=False)):
        expect(trial, name, answer, signed_zero=True)
        result = f"r[{place}]" if pair else "r"
        expect(trial, result, answer, signed_zero=True)
        trial.expect_true(f"{result}.data_ptr() == {name}.data_ptr()", "the result is the tensor given as out")
        if layout == "strided":
            between = np.full(answer.values.shape, 1, numpy_dtype(answer.dtype))
            trial.expect(f"{base}[..., 1::2]", between, EXACT)
            trial.expect_equal(f"{name}.stride() == {base}[..., ::2].stride()", value=True)


@clause("reductions.out.receives-the-result")
def test_out_receives_the_result(cell: Cell) -> None:
    _judge(cell, _ROWS)


@clause("reductions.out.receives-both-results")
def test_out_receives_both_results(cell: Cell) -> None:
    _judge(cell, _PAIRS)


@clause("reductions.out.of-another-dtype-is-an-error")
def test_out_of_another_dtype(cell: Cell) -> None:
    array = pool(cell.dtype, "small", 2)[:12].reshape(3, 4)
    for name in ("amax", "amin", "argmax", "argmin", "cummax"):
        pair = name == "cummax"
        for wrong in (numpy_dtype("int16" if cell.dtype != "int16" else "int32"), np.dtype(np.float64)):
            if wrong == array.dtype:
                continue
            out = Strided.from_array(np.full((3,) if not pair else (3, 4), 1, wrong))
            trial = cell.trial(
                x=Strided.from_array(array), out=out, places=Strided.from_array(np.zeros((3, 4), np.int64))
            )
            target = "(out, places)" if pair else "out"
            trial.expect_error(f"torch.{name}(x, 1, out={target})", RuntimeError)
            trial.expect("out", out)
