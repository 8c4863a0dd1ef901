"""Gradients of reductions, scans, normalisations and products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.autograd.derivatives.calls import (
    DerivedCall,
    Maker,
    distinct,
    factors,
    judge_all,
    moderate,
    whole,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable, matmul, reshape
from torch_conformance.reference.ops import derivatives_reductions as r

Array = npt.NDArray[Any]
_SIZE = (3, 4, 2)


def _calls(values: Maker, *rows: tuple[str, Any], size: tuple[int, ...] = _SIZE) -> tuple[DerivedCall, ...]:
    return tuple(DerivedCall(text, reference, (size,), {}, values) for text, reference in rows)


def _index(x: Variable, dim: int, *, largest: bool, keepdim: bool = False) -> Variable:
    choose = np.argmax if largest else np.argmin
    return r.at(x, np.expand_dims(choose(x.data.values, dim), dim), dim, keepdim=keepdim)


def _running_index(x: Variable, dim: int, *, largest: bool) -> Variable:
    values = np.moveaxis(x.data.values if largest else -x.data.values, dim, -1)
    best = np.maximum.accumulate(values, -1)
    places = np.maximum.accumulate(np.where(values == best, np.arange(values.shape[-1]), 0), -1)
    return tape.taken(x, np.take_along_axis(tape.places_of(x.shape), np.moveaxis(places, -1, dim), dim))


def _norms(order: float) -> tuple[tuple[str, Any], ...]:
    p = f"float('{order}')" if math.isinf(order) else f"{order}"
    return (
        (f"torch.linalg.vector_norm(x, {p})", lambda x: r.vector_norm(x, order)),
        (f"torch.linalg.vector_norm(x, {p}, 1)", lambda x: r.vector_norm(x, order, 1)),
        (f"x.norm({p}, (0, 2), keepdim=True)", lambda x: r.vector_norm(x, order, (0, 2), keepdim=True)),
        (f"torch.norm(x, p={p}, dim=-1)", lambda x: r.vector_norm(x, order, -1)),
    )


REDUCTIONS: dict[str, tuple[DerivedCall, ...]] = {
    "sum": (
        *_calls(
            whole,
            ("torch.sum(x)", r.sum),
            ("x.sum(1)", lambda x: r.sum(x, 1)),
            ("torch.sum(x, (0, -1), keepdim=True)", lambda x: r.sum(x, (0, -1), keepdim=True)),
            ("x.nansum(2)", lambda x: r.sum(x, 2)),
        ),
        *_calls(whole, ("x.sum()", r.sum), ("x.sum(0)", lambda x: r.sum(x, 0)), size=(0, 3)),
        *_calls(whole, ("x.sum()", r.sum), size=()),
    ),
    "mean": _calls(
        moderate,
        ("torch.mean(x)", r.mean),
        ("x.mean(1)", lambda x: r.mean(x, 1)),
        ("torch.mean(x, (0, -1), keepdim=True)", lambda x: r.mean(x, (0, -1), keepdim=True)),
        ("x.nanmean(0)", lambda x: r.mean(x, 0)),
    ),
    "prod": (
        *_calls(
            factors,
            ("torch.prod(x, 1)", lambda x: r.prod(x, 1)),
            ("x.prod(0, keepdim=True)", lambda x: r.prod(x, 0, keepdim=True)),
            ("x.prod(-1)", lambda x: r.prod(x, -1)),
        ),
        *_calls(factors, ("x.prod()", r.prod), ("torch.prod(x)", r.prod), size=(2, 3)),
        *_calls(moderate, ("x.prod()", r.prod), ("x.prod(0)", lambda x: r.prod(x, 0)), size=(4,)),
        *_calls(factors, ("x.prod()", r.prod), size=()),
    ),
    "var": _calls(
        moderate,
        ("torch.var(x)", r.var),
        ("x.var(1)", lambda x: r.var(x, 1)),
        ("torch.var(x, (0, 2), keepdim=True)", lambda x: r.var(x, (0, 2), keepdim=True)),
        ("x.var(1, unbiased=False)", lambda x: r.var(x, 1, correction=0)),
        ("torch.var(x, 1, correction=2)", lambda x: r.var(x, 1, correction=2)),
        ("torch.var_mean(x, 0)[0]", lambda x: r.var(x, 0)),
    ),
    "std": _calls(
        moderate,
        ("torch.std(x)", r.std),
        ("x.std(1)", lambda x: r.std(x, 1)),
        ("torch.std(x, (0, 1), keepdim=True)", lambda x: r.std(x, (0, 1), keepdim=True)),
        ("x.std(0, unbiased=False)", lambda x: r.std(x, 0, correction=0)),
        ("torch.std(x, 1, correction=2)", lambda x: r.std(x, 1, correction=2)),
    ),
    "norm": _calls(moderate, *(call for order in (1, 2, 3, 1.5) for call in _norms(order))),
    "norm-inf": _calls(whole, *_norms(math.inf), *_norms(-math.inf)),
    "amax": _calls(
        whole,
        ("torch.amax(x, 1)", lambda x: r.amax(x, 1)),
        ("x.amax((0, 2), keepdim=True)", lambda x: r.amax(x, (0, 2), keepdim=True)),
        ("torch.amax(x, ())", r.amax),
        ("x.max()", r.amax),
        ("torch.max(x)", r.amax),
    ),
    "amin": _calls(
        whole,
        ("torch.amin(x, -1)", lambda x: r.amin(x, -1)),
        ("x.amin((0, 1))", lambda x: r.amin(x, (0, 1))),
        ("x.min()", r.amin),
        ("torch.min(x)", r.amin),
    ),
    "max": _calls(
        whole,
        ("torch.max(x, 1)[0]", lambda x: _index(x, 1, largest=True)),
        ("x.max(-1, keepdim=True).values", lambda x: _index(x, 2, largest=True, keepdim=True)),
        ("torch.min(x, 0)[0]", lambda x: _index(x, 0, largest=False)),
        ("x.min(dim=1)[0]", lambda x: _index(x, 1, largest=False)),
    ),
    "logsumexp": _calls(
        moderate,
        ("torch.logsumexp(x, 1)", lambda x: r.logsumexp(x, 1)),
        ("x.logsumexp((0, 2), keepdim=True)", lambda x: r.logsumexp(x, (0, 2), keepdim=True)),
    ),
    "softmax": _calls(
        moderate,
        ("torch.softmax(x, 1)", lambda x: r.softmax(x, 1)),
        ("x.softmax(-1)", lambda x: r.softmax(x, 2)),
        ("torch.nn.functional.softmax(x, dim=0)", lambda x: r.softmax(x, 0)),
        ("torch.special.softmax(x, 1)", lambda x: r.softmax(x, 1)),
    ),
    "log-softmax": _calls(
        moderate,
        ("torch.log_softmax(x, 1)", lambda x: r.log_softmax(x, 1)),
        ("x.log_softmax(-1)", lambda x: r.log_softmax(x, 2)),
        ("torch.nn.functional.log_softmax(x, dim=0)", lambda x: r.log_softmax(x, 0)),
    ),
    "cumsum": (
        *_calls(
            whole,
            ("torch.cumsum(x, 1)", lambda x: r.cumsum(x, 1)),
            ("x.cumsum(-1)", lambda x: r.cumsum(x, 2)),
            ("x.cumsum(0)", lambda x: r.cumsum(x, 0)),
        ),
        *_calls(whole, ("x.cumsum(0)", lambda x: r.cumsum(x, 0)), size=()),
    ),
    "cumprod": _calls(
        factors,
        ("torch.cumprod(x, 1)", lambda x: r.cumprod(x, 1)),
        ("x.cumprod(-1)", lambda x: r.cumprod(x, 2)),
        ("x.cumprod(0)", lambda x: r.cumprod(x, 0)),
    ),
    "logcumsumexp": _calls(
        moderate,
        ("torch.logcumsumexp(x, 1)", lambda x: r.logcumsumexp(x, 1)),
        ("x.logcumsumexp(0)", lambda x: r.logcumsumexp(x, 0)),
    ),
    "cummax": _calls(
        distinct,
        ("torch.cummax(x, 1)[0]", lambda x: _running_index(x, 1, largest=True)),
        ("x.cummin(0)[0]", lambda x: _running_index(x, 0, largest=False)),
    ),
}


def _vector(x: Variable, *, column: bool) -> Variable:
    return reshape(x, (*x.shape, 1) if column else (1, *x.shape))


def _product(x: Variable, y: Variable) -> Variable:
    """Return torch.matmul of any ranks from 1 on."""
    left = x if len(x.shape) > 1 else _vector(x, column=False)
    right = y if len(y.shape) > 1 else _vector(y, column=True)
    full = matmul(left, right)
    rows = full.shape[-2:-1] if len(x.shape) > 1 else ()
    columns = full.shape[-1:] if len(y.shape) > 1 else ()
    return reshape(full, (*full.shape[:-2], *rows, *columns))


def _outer(x: Variable, y: Variable) -> Variable:
    return matmul(_vector(x, column=True), _vector(y, column=False))


def _products(*rows: tuple[str, Any, tuple[tuple[int, ...], ...]]) -> tuple[DerivedCall, ...]:
    return tuple(DerivedCall(text, reference, sizes) for text, reference, sizes in rows)


_PAIRS = (
    *(((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)), ((3,), (2, 3, 2))),
    *(((2, 3), (4, 3, 2)), ((4, 2, 3), (3, 2)), ((2, 2, 3), (2, 3, 1)), ((2, 1, 2, 3), (3, 3, 2)), ((0, 3), (3, 2))),
    *(((2, 0), (0, 3)), ((5, 17), (17, 3))),
)

PRODUCTS: dict[str, tuple[DerivedCall, ...]] = {
    "matmul": _products(
        *((("torch.matmul(x, y)", "x @ y", "x.matmul(y)")[n % 3], _product, pair) for n, pair in enumerate(_PAIRS))
    ),
    "mm": _products(
        ("torch.mm(x, y)", _product, ((2, 3), (3, 4))),
        ("x.mm(y)", _product, ((5, 2), (2, 3))),
        ("x.mm(x.t())", lambda x: matmul(x, tape.transposed(x)), ((2, 3),)),
        ("torch.linalg.multi_dot((x, y))", _product, ((2, 3), (3, 2))),
    ),
    "bmm": _products(
        ("torch.bmm(x, y)", _product, ((2, 3, 4), (2, 4, 1))), ("x.bmm(y)", _product, ((3, 1, 2), (3, 2, 2)))
    ),
    "mv": _products(("torch.mv(x, y)", _product, ((2, 3), (3,))), ("x.mv(y)", _product, ((4, 2), (2,)))),
    "dot": _products(
        ("torch.dot(x, y)", _product, ((5,), (5,))),
        ("x.dot(y)", _product, ((3,), (3,))),
        ("torch.inner(x, y)", _product, ((4,), (4,))),
        ("torch.vdot(x, y)", lambda x, y: _product(tape.conjugate(x), y), ((4,), (4,))),
    ),
    "outer": _products(
        ("torch.outer(x, y)", _outer, ((2,), (3,))),
        ("x.outer(y)", _outer, ((4,), (2,))),
        ("torch.tensordot(x, y, 1)", _product, ((2, 3), (3, 2))),
        ("torch.einsum('ij,jk->ik', x, y)", _product, ((2, 3), (3, 2))),
        ("torch.einsum('i,j->ij', x, y)", _outer, ((2,), (3,))),
        ("torch.einsum('ij->j', x)", lambda x: r.sum(x, 0), ((2, 3),)),
    ),
    "addmm": _products(
        ("torch.addmm(x, y, z)", lambda x, y, z: x + matmul(y, z), ((2, 4), (2, 3), (3, 4))),
        (
            "x.addmm(y, z, beta=2, alpha=-3)",
            lambda x, y, z: x * 2 + matmul(y, z) * -3,
            ((4,), (2, 3), (3, 4)),
        ),
        ("torch.addmv(x, y, z, beta=3, alpha=2)", lambda x, y, z: x * 3 + _product(y, z) * 2, ((2,), (2, 3), (3,))),
        (
            "torch.baddbmm(x, y, z, beta=-1, alpha=2)",
            lambda x, y, z: matmul(y, z) * 2 - x,
            ((2, 2, 2), (2, 2, 3), (2, 3, 2)),
        ),
        ("torch.addr(x, y, z, beta=2, alpha=3)", lambda x, y, z: x * 2 + _outer(y, z) * 3, ((2, 3), (2,), (3,))),
        (
            "torch.nn.functional.linear(x, y, z)",
            lambda x, y, z: matmul(x, tape.transposed(y)) + z,
            ((4, 3), (2, 3), (2,)),
        ),
        ("torch.addcmul(x, y, z, value=2)", lambda x, y, z: x + tape.multiply(y, z) * 2, ((2, 3), (3,), (2, 1))),
    ),
}


@clause("autograd.*.gradient-over-dims")
def test_reductions(cell: Cell) -> None:
    judge_all(cell, REDUCTIONS[cell.clause.subject])


@clause("autograd.*.gradient-by-each-operand")
def test_products(cell: Cell) -> None:
    judge_all(cell, PRODUCTS[cell.clause.subject])
