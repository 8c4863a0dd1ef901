"""Gradients of what places elements: views, slices, indexing with repeats, joining, repeating, writing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.autograd.derivatives.calls import DerivedCall, distinct, judge_all, placed
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.dtypes import is_complex
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable, joined, selected

Array = npt.NDArray[Any]

_I = np.array([2, 0, 2, 2, 1])
_J = np.array([0, 3, 0, -1, 0])
_TABLE = np.array([[0, 2, 2, 1], [1, 1, 1, 0]])
_DISTINCT = np.array([[0, 2], [1, 0]])
_COLUMN = np.array([[2], [0], [2]])
_MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
_ROWS = np.array([True, False, True])


def _zero_scalar(x: Variable) -> Variable:
    return tape.constant(np.zeros(()), x)


def _triangle(x: Variable, mask: Array) -> Variable:
    return selected(mask, x, _zero_scalar(x))


def _scattered(x: Variable, y: Variable, places: Array) -> Variable:
    return tape.written(x, places, y)


def _added(x: Variable, y: Variable, places: Array, factor: float = 1) -> Variable:
    return x + tape.put(y, places, x.shape) * factor


def _sorted_places(x: Variable, *, descending: bool) -> Array:
    values = x.data.values
    order = np.argsort(-values if descending else values, axis=-1, kind="stable")
    return np.take_along_axis(tape.places_of(x.shape), order, -1)


def _along_rows(x: Variable, *, descending: bool) -> Array:
    values = x.data.values
    order = np.argsort(-values if descending else values, axis=0, kind="stable")
    return np.take_along_axis(tape.places_of(x.shape), order, 0)


def _grid(shape: tuple[int, ...]) -> Array:
    return tape.places_of(shape)


_PLACES = _grid((3, 4))

CALLS: dict[str, tuple[DerivedCall, ...]] = {
    "reshape": (
        placed("x.reshape(3, 2)", (2, 3), lambda p: p.reshape(3, 2)),
        placed("torch.reshape(x, (-1,))", (2, 3, 2), lambda p: p.reshape(-1)),
        placed("x.clone().contiguous().view(4, 3)", (2, 6), lambda p: p.reshape(4, 3)),
        placed("x.flatten(1)", (2, 3, 2), lambda p: p.reshape(2, 6)),
        placed("torch.flatten(x)", (), lambda p: p.reshape(1)),
        placed("x.unflatten(0, (2, 3))", (6, 2), lambda p: p.reshape(2, 3, 2)),
        placed("x.ravel()", (3, 3), lambda p: p.reshape(-1)),
        placed("x.reshape(3, 0)", (0, 2), lambda p: p.reshape(3, 0)),
    ),
    "transpose": (
        placed("x.transpose(0, 2)", (2, 3, 4), lambda p: p.transpose(2, 1, 0)),
        placed("torch.transpose(x, -1, 0)", (2, 3), lambda p: p.T),
        placed("x.t()", (4, 3), lambda p: p.T),
        placed("x.T", (3, 2), lambda p: p.T),
        placed("x.mT", (2, 3, 4), lambda p: p.swapaxes(1, 2)),
        placed("x.swapaxes(0, 1)", (2, 3, 2), lambda p: p.swapaxes(0, 1)),
        placed("torch.movedim(x, 0, 2)", (2, 3, 4), lambda p: np.moveaxis(p, 0, 2)),
    ),
    "permute": (
        placed("x.permute(2, 0, 1)", (2, 3, 4), lambda p: p.transpose(2, 0, 1)),
        placed("torch.permute(x, (1, 2, 0))", (2, 3, 4), lambda p: p.transpose(1, 2, 0)),
        placed("x.permute(-1, -3, -2)", (3, 2, 4), lambda p: p.transpose(2, 0, 1)),
        placed("x.permute(1, 0)", (0, 3), lambda p: p.T),
    ),
    "expand": (
        placed("x.expand(4, 2, 3)", (2, 3), lambda p: np.broadcast_to(p, (4, 2, 3))),
        placed("x.expand(2, 5)", (2, 1), lambda p: np.broadcast_to(p, (2, 5))),
        placed("x.expand(3, -1, 4)", (1, 2, 1), lambda p: np.broadcast_to(p, (3, 2, 4))),
        placed("torch.broadcast_to(x, (3, 2))", (), lambda p: np.broadcast_to(p, (3, 2))),
        placed("x.expand_as(torch.empty(7, 3, device=device))", (3,), lambda p: np.broadcast_to(p, (7, 3))),
        placed("x.expand(0, 3)", (1, 3), lambda p: np.broadcast_to(p, (0, 3))),
    ),
    "squeeze": (
        placed("x.squeeze()", (1, 3, 1), lambda p: p.reshape(3)),
        placed("torch.squeeze(x, 1)", (2, 1, 3), lambda p: p.reshape(2, 3)),
        placed("x.squeeze(-1)", (2, 3, 1), lambda p: p.reshape(2, 3)),
        placed("x.squeeze(0)", (2, 1), lambda p: p),
    ),
    "unsqueeze": (
        placed("x.unsqueeze(1)", (2, 3), lambda p: p[:, None]),
        placed("torch.unsqueeze(x, -1)", (2, 3), lambda p: p[..., None]),
        placed("x.unsqueeze(0)", (), lambda p: p[None]),
    ),
    "slice": (
        placed("x[1]", (3, 4), lambda p: p[1]),
        placed("x[:, ::2]", (3, 5), lambda p: p[:, ::2]),
        placed("x[1:, -1]", (3, 4), lambda p: p[1:, -1]),
        placed("x[..., 0]", (2, 3, 2), lambda p: p[..., 0]),
        placed("x[None, 1:3]", (4,), lambda p: p[None, 1:3]),
        placed("x.narrow(1, 1, 2)", (2, 4), lambda p: p[:, 1:3]),
        placed("torch.select(x, 0, -1)", (3, 2), lambda p: p[-1]),
        placed("x[2:2]", (3, 2), lambda p: p[2:2]),
        placed("x[1::3, None, :2]", (7, 3), lambda p: p[1::3, None, :2]),
        placed("x[()]", (), lambda p: p),
        placed("x.diagonal(1)", (3, 4), lambda p: np.diagonal(p, 1)),
        placed("torch.diagonal(x, -1, 0, 2)", (3, 2, 3), lambda p: np.diagonal(p, -1, 0, 2)),
        placed("torch.diag(x, -1)", (4, 3), lambda p: np.diag(p, -1)),
        placed("x.diag()", (2, 3), np.diag),
        placed("x.unfold(0, 3, 2)", (7,), lambda p: np.stack([p[0:3], p[2:5], p[4:7]])),
        placed("x.clone().contiguous().as_strided((2, 3), (1, 1), 1)", (5,), lambda p: np.stack([p[1:4], p[2:5]])),
    ),
    "index": (
        placed("x[i]", (3, 4), lambda p: p[_I], i=_I),
        placed("x[:, i]", (2, 3), lambda p: p[:, _I], i=_I),
        placed("x[i, j]", (3, 4), lambda p: p[_I, _J], i=_I, j=_J),
        placed("x[i, :, j]", (3, 2, 4), lambda p: p[_I, :, _J], i=_I, j=_J),
        placed("x[c, j]", (3, 4), lambda p: p[_COLUMN, _J], c=_COLUMN, j=_J),
        placed("x[t]", (3,), lambda p: p[_TABLE], t=_TABLE),
        placed("x[[0, 0, 1]]", (2, 3), lambda p: p[[0, 0, 1]]),
        placed("x[m]", (3, 4), lambda p: p[_MASK], m=_MASK),
        placed("x[r, 1:]", (3, 4), lambda p: p[_ROWS, 1:], r=_ROWS),
        placed("x[i, None, 1]", (3, 4), lambda p: p[_I, None, 1], i=_I),
        placed("torch.take(x, i)", (3, 4), lambda p: p.reshape(-1)[_I], i=_I),
    ),
    "gather": (
        placed("torch.gather(x, 1, t)", (3, 4), lambda p: np.take_along_axis(p[:2], _TABLE, 1), t=_TABLE),
        placed("x.gather(-2, t)", (3, 5), lambda p: np.take_along_axis(p[:, :4], _TABLE, 0), t=_TABLE),
        placed("torch.take_along_dim(x, c, 0)", (3, 1), lambda p: np.take_along_axis(p, _COLUMN, 0), c=_COLUMN),
        placed("x.gather(0, i)", (3,), lambda p: p[_I], i=_I),
    ),
    "index-select": (
        placed("torch.index_select(x, 0, i)", (3, 4), lambda p: p[_I], i=_I),
        placed("x.index_select(-1, i)", (2, 3), lambda p: p[:, _I], i=_I),
        placed("x.index_select(1, i)", (2, 3, 2), lambda p: p[:, _I], i=_I),
        placed("x.index_select(0, i[:1] * 0)", (), lambda p: p, i=_I),
    ),
    "masked-select": (
        placed("torch.masked_select(x, m)", (3, 4), lambda p: p[_MASK], m=_MASK),
        placed("x.masked_select(m)", (4,), lambda p: np.broadcast_to(p, (3, 4))[_MASK], m=_MASK),
        placed("x.masked_select(m[:, :1])", (3, 2), lambda p: p[_MASK[:, 0]].reshape(-1), m=_MASK),
    ),
    "where": (
        DerivedCall("torch.where(m, x, y)", lambda x, y: selected(_MASK, x, y), ((3, 4), (3, 4)), {"m": _MASK}),
        DerivedCall("x.where(m, y)", lambda x, y: selected(_MASK, x, y), ((3, 1), (4,)), {"m": _MASK}),
        DerivedCall("torch.where(m, x, 2.0)", lambda x: selected(_MASK, x, x * 0), ((3, 4),), {"m": _MASK}),
        DerivedCall("torch.where(m, -1.0, x)", lambda x: selected(_MASK, x * 0, x), ((4,),), {"m": _MASK}),
    ),
    "cat": (
        DerivedCall("torch.cat((x, y), 0)", lambda x, y: joined([x, y], np.concatenate), ((2, 3), (1, 3))),
        DerivedCall(
            "torch.cat([x, y, z], -1)",
            lambda *each: joined(each, lambda p: np.concatenate(p, -1)),
            ((2, 3), (2, 0), (2, 2)),
        ),
        DerivedCall("torch.cat([x, x], 1)", lambda x: joined([x, x], lambda p: np.concatenate(p, 1)), ((2, 3),)),
        DerivedCall("torch.concat((x, y), dim=1)", lambda *each: joined(each, np.hstack), ((2, 1), (2, 4))),
        DerivedCall("torch.hstack((x, y))", lambda *each: joined(each, np.hstack), ((3,), (2,))),
        DerivedCall("torch.vstack((x, y))", lambda *each: joined(each, np.vstack), ((3,), (2, 3))),
    ),
    "stack": (
        DerivedCall("torch.stack((x, y), 0)", lambda *each: joined(each, np.stack), ((2, 3), (2, 3))),
        DerivedCall(
            "torch.stack([x, y, x], -1)", lambda x, y: joined([x, y, x], lambda p: np.stack(p, -1)), ((3,), (3,))
        ),
        DerivedCall("torch.stack([x, y], 1)", lambda *each: joined(each, lambda p: np.stack(p, 1)), ((2, 3), (2, 3))),
        DerivedCall("torch.stack([x, y])", lambda *each: joined(each, np.stack), ((), ())),
    ),
    "split": (
        DerivedCall(
            "x.split(2, 1)[1] - x.chunk(2, 1)[0]",
            lambda x: tape.taken(x, _PLACES[:, 2:]) - tape.taken(x, _PLACES[:, :2]),
            ((3, 4),),
        ),
        placed("torch.split(x, [1, 3, 1])[1]", (5, 2), lambda p: p[1:4]),
        placed("torch.tensor_split(x, 3, 1)[2]", (2, 7), lambda p: p[:, 5:]),
        DerivedCall(
            "x.unbind(1)[0] + 3 * x.unbind(1)[3]",
            lambda x: tape.taken(x, _PLACES[:, 0]) + tape.taken(x, _PLACES[:, 3]) * 3,
            ((3, 4),),
        ),
    ),
    "repeat": (
        placed("x.repeat(2, 3)", (2, 2), lambda p: np.tile(p, (2, 3))),
        placed("x.repeat(2, 1, 2)", (2, 3), lambda p: np.tile(p, (2, 1, 2))),
        placed("torch.tile(x, (3,))", (2, 3), lambda p: np.tile(p, 3)),
        placed("x.repeat_interleave(3, 1)", (2, 3), lambda p: np.repeat(p, 3, 1)),
        placed("torch.repeat_interleave(x, 2)", (2, 3), lambda p: np.repeat(p, 2)),
        placed("x.repeat(0, 2)", (2,), lambda p: np.tile(p, (0, 2))),
    ),
    "flip": (
        placed("torch.flip(x, (0,))", (3, 4), lambda p: p[::-1]),
        placed("x.flip(0, -1)", (3, 2, 4), lambda p: p[::-1, :, ::-1]),
        placed("torch.fliplr(x)", (2, 3), np.fliplr),
        placed("x.flipud()", (3, 2), np.flipud),
        placed("torch.rot90(x, 1, (0, 1))", (2, 3), np.rot90),
    ),
    "roll": (
        placed("torch.roll(x, 1, 0)", (3, 2), lambda p: np.roll(p, 1, 0)),
        placed("x.roll(-2, -1)", (2, 5), lambda p: np.roll(p, -2, -1)),
        placed("x.roll((1, 2), (0, 1))", (3, 4), lambda p: np.roll(p, (1, 2), (0, 1))),
        placed("torch.roll(x, 4)", (3, 3), lambda p: np.roll(p, 4)),
    ),
    "triangle": (
        DerivedCall("torch.tril(x)", lambda x: _triangle(x, np.tri(3, 4) > 0), ((3, 4),)),
        DerivedCall("x.triu(1)", lambda x: _triangle(x, np.tri(3, 4) == 0), ((2, 3, 4),)),
        DerivedCall("x.tril(-1)", lambda x: _triangle(x, np.tri(3, 3, -1) > 0), ((3, 3),)),
    ),
    "masked-fill": (
        DerivedCall("x.masked_fill(m, 5.0)", lambda x: selected(_MASK, x * 0, x), ((3, 4),), {"m": _MASK}),
        DerivedCall("torch.masked_fill(x, m, 0)", lambda x: selected(_MASK, x * 0, x), ((4,),), {"m": _MASK}),
        DerivedCall("x.masked_fill(m, y)", lambda x, y: selected(_MASK, y, x), ((3, 4), ()), {"m": _MASK}),
    ),
    "copy": (
        DerivedCall("x.clone()", lambda x: x + 0, ((2, 3),)),
        DerivedCall("x.contiguous()", lambda x: x + 0, ((2, 3, 2),)),
        DerivedCall("x.new_zeros(3, 2).copy_(x)", lambda x: tape.expand(x, (3, 2)), ((2,),)),
    ),
    "scatter": (
        DerivedCall(
            "x.scatter(0, c, y)",
            lambda x, y: _scattered(x, y, np.take_along_axis(_PLACES[:, :2], _DISTINCT, 0)),
            ((3, 4), (2, 2)),
            {"c": _DISTINCT},
        ),
        DerivedCall(
            "torch.scatter_add(x, 1, t, y)",
            lambda x, y: _added(x, y, np.take_along_axis(_PLACES[:2], _TABLE, 1)),
            ((3, 4), (2, 4)),
            {"t": _TABLE},
        ),
        DerivedCall("x.index_add(0, i, y)", lambda x, y: _added(x, y, _PLACES[_I]), ((3, 4), (5, 4)), {"i": _I}),
        DerivedCall(
            "torch.index_add(x, 1, i, y, alpha=2)",
            lambda x, y: _added(x, y, _PLACES[:, _I], 2),
            ((3, 4), (3, 5)),
            {"i": _I},
        ),
        DerivedCall(
            "x.index_put((i, j), y, accumulate=True)",
            lambda x, y: _added(x, y, _PLACES[_I, _J]),
            ((3, 4), (5,)),
            {"i": _I, "j": _J},
        ),
        DerivedCall(
            "x.index_copy(0, i[1:3], y)", lambda x, y: _scattered(x, y, _PLACES[[0, 2]]), ((3, 4), (2, 4)), {"i": _I}
        ),
        DerivedCall("torch.select_scatter(x, y, 1, 2)", lambda x, y: _scattered(x, y, _PLACES[:, 2]), ((3, 4), (3,))),
        DerivedCall(
            "torch.slice_scatter(x, y, 1, 0, 4, 2)", lambda x, y: _scattered(x, y, _PLACES[:, ::2]), ((3, 4), (3, 2))
        ),
        DerivedCall(
            "x.masked_scatter(m, y)",
            lambda x, y: _scattered(x, tape.taken(y, np.arange(6)), _PLACES[_MASK]),
            ((3, 4), (7,)),
            {"m": _MASK},
        ),
    ),
}

ORDERED: dict[str, tuple[DerivedCall, ...]] = {
    "sort": (
        DerivedCall(
            "x.sort()[0]", lambda x: tape.taken(x, _sorted_places(x, descending=False)), ((3, 5),), {}, distinct
        ),
        DerivedCall(
            "torch.sort(x, descending=True)[0]",
            lambda x: tape.taken(x, _sorted_places(x, descending=True)),
            ((7,),),
            {},
            distinct,
        ),
        DerivedCall(
            "torch.topk(x, 2)[0]",
            lambda x: tape.taken(x, _sorted_places(x, descending=True)[..., :2]),
            ((3, 5),),
            {},
            distinct,
        ),
        DerivedCall(
            "x.kthvalue(2)[0]",
            lambda x: tape.taken(x, _sorted_places(x, descending=False)[..., 1]),
            ((3, 5),),
            {},
            distinct,
        ),
        DerivedCall(
            "x.median(-1)[0]",
            lambda x: tape.taken(x, _sorted_places(x, descending=False)[..., 1]),
            ((3, 4),),
            {},
            distinct,
        ),
        *(
            DerivedCall(text, reference, ((4, 3),), {}, distinct)
            for text, reference in (
                ("x.sort(0, descending=True).values", lambda x: tape.taken(x, _along_rows(x, descending=True))),
                ("torch.sort(x, dim=-2, stable=True)[0]", lambda x: tape.taken(x, _along_rows(x, descending=False))),
                ("torch.msort(x)", lambda x: tape.taken(x, _along_rows(x, descending=False))),
                ("x.topk(3, 0, largest=False)[0]", lambda x: tape.taken(x, _along_rows(x, descending=False)[:3])),
                ("torch.kthvalue(x, 3, 0, True)[0]", lambda x: tape.taken(x, _along_rows(x, descending=False)[2:3])),
                ("torch.median(x, 0, True)[0]", lambda x: tape.taken(x, _along_rows(x, descending=False)[1:2])),
                ("x.nanmedian(0).values", lambda x: tape.taken(x, _along_rows(x, descending=False)[1])),
            )
        ),
        DerivedCall(
            "x.median()", lambda x: tape.taken(x, _sorted_places(x, descending=False)[2]), ((5,),), {}, distinct
        ),
    ),
}


@clause("autograd.*.gradient-of-placed-elements")
def test_placement(cell: Cell) -> None:
    # torch says of these two itself that they do not derive complex results.
    real_only = ("torch.select_scatter", "torch.slice_scatter") if is_complex(cell.dtype) else ()
    judge_all(cell, [call for call in CALLS[cell.clause.subject] if not call.text.startswith(real_only)])


@clause("autograd.*.gradient-of-ordered-elements")
def test_order(cell: Cell) -> None:
    judge_all(cell, ORDERED[cell.clause.subject])
