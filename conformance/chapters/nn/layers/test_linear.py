"""Linear and bilinear maps, and layers that only reshape."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import roundings
from torch_conformance.conformance.judging.layers import (
    Answer,
    Form,
    arranged,
    constant,
    function,
    judge_gradients,
    judge_values,
    module,
    nearly_whole,
    rounded,
    selected,
    whole,
)
from torch_conformance.reference.numerics.roundoff import gamma, unit_roundoff

Array = npt.NDArray[Any]

_LEADS: tuple[tuple[int, ...], ...] = ((3,), (), (2, 3), (0,), (1,), (2, 1, 2), (17,))
_FEATURES = ((4, 3), (1, 5), (5, 1), (17, 3), (3, 9))


def _linear_forms(*, bias: bool) -> list[Form]:
    made = "device=device, dtype=x.dtype"
    forms = [
        module(f"m = torch.nn.Linear(w.shape[1], w.shape[0], bias, {made})"),
        function("y = torch.nn.functional.linear(x, w, b)"),
        module(f"m = torch.nn.Linear(in_features=w.shape[1], out_features=w.shape[0], bias=bias, {made})"),
        function("y = torch.nn.functional.linear(input=x, weight=w, bias=b)"),
    ]
    if not bias:
        forms += [function("y = torch.nn.functional.linear(x, w)")]
    return forms


def _linear_cases(cell: Cell) -> Any:
    """Yield turn, inputs, input, weight, bias."""
    for turn, (lead, (ins, outs)) in selected(cell, list(itertools.product(_LEADS, _FEATURES)), scale=2):
        generator = cell.generator()
        x, w = whole(generator, (*lead, ins), 2), whole(generator, (outs, ins), 2)
        b = whole(generator, (outs,), 9) if turn % 3 else None
        inputs: dict[str, Any] = {
            "x": arranged(x, cell.dtype, turn),
            "w": arranged(w, cell.dtype, turn // 2),
            "b": None if b is None else arranged(b, cell.dtype, turn % 3),
            "bias": b is not None,
        }
        yield turn, inputs, x, w, b


@clause("nn.linear.multiplies-by-the-transposed-weight-and-adds-the-bias")
def test_linear(cell: Cell) -> None:
    for turn, inputs, x, w, b in _linear_cases(cell):
        shift = 0 if b is None else b
        answer = nearly_whole(x @ w.T + shift, np.abs(x) @ np.abs(w).T + np.abs(shift), cell)
        forms = _linear_forms(bias=b is not None)
        judge_values(cell, inputs, forms if turn < 8 else forms[turn % 2 :: 2], answer)


@clause("nn.linear.has-gradients-of-input-weight-and-bias")
def test_linear_gradients(cell: Cell) -> None:
    for turn, inputs, x, w, b in _linear_cases(cell):
        size = (*x.shape[:-1], w.shape[0])
        g = np.ones(size) if turn % 4 == 3 else whole(cell.generator(), size, 1)
        given = inputs | {"g": constant(size, cell.dtype) if turn % 4 == 3 else arranged(g, cell.dtype, turn + 1)}
        rows, flat = g.reshape(-1, w.shape[0]), x.reshape(-1, w.shape[1])
        slopes = [
            nearly_whole(g @ w, np.abs(g) @ np.abs(w), cell),
            nearly_whole(rows.T @ flat, np.abs(rows).T @ np.abs(flat), cell),
            *([] if b is None else [nearly_whole(rows.sum(axis=0), np.abs(rows).sum(axis=0), cell)]),
        ]
        forms = _linear_forms(bias=b is not None)
        judge_gradients(cell, given, forms[turn % 2 :: 2] if turn > 4 else forms, slopes)
        if turn % 5 == 0:
            for names, kept in (("w b", slopes[1:]), ("x", slopes[:1])):
                form = Form(forms[1].lines, f"[t for t in ({names.replace(' ', ', ')},) if t is not None]")
                judge_gradients(cell, given, [form], kept, leaves=names)


@clause("nn.linear.keeps-the-precision-of-its-dtype")
def test_linear_precision(cell: Cell) -> None:
    generator = cell.generator()
    for ins, outs in ((33, 5), (7, 16), (129, 3)):
        x, w, b = (generator.standard_normal(size).astype(cell.dtype) for size in ((4, ins), (outs, ins), (outs,)))
        long = [each.astype(np.longdouble) for each in (x, w, b)]
        value = np.einsum("ni,oi->no", *long[:2]) + long[2]
        size = np.einsum("ni,oi->no", *map(np.abs, long[:2])) + np.abs(long[2])
        unit = unit_roundoff(cell.dtype)
        bound = 2 * gamma(roundings(cell, "nn.linear", terms=ins), unit) / unit
        inputs = {
            "x": arranged(x, cell.dtype),
            "w": arranged(w, cell.dtype),
            "b": arranged(b, cell.dtype),
            "bias": True,
        }
        judge_values(cell, inputs, _linear_forms(bias=True)[:2], rounded(value, size, cell, bound))


@clause("nn.linear.refuses-other-sizes")
def test_linear_refuses(cell: Cell) -> None:
    trial = cell.trial(x=arranged(np.ones((2, 3)), "float32"), w=arranged(np.ones((4, 5)), "float32"))
    trial.expect_error("torch.nn.functional.linear(x, w)", RuntimeError)
    trial.expect_error("torch.nn.Linear(5, 4, device=device)(x)", RuntimeError)
    trial.expect_error("torch.nn.Linear(5, 4, bias=False, device=device)(x[0])", RuntimeError)
    trial.expect_error("torch.nn.functional.linear(x, w[:, :3], torch.ones(3, device=device))", RuntimeError)
    trial.expect_error("torch.nn.Linear(3, 4, device=device)(x.double())", RuntimeError)
    trial.expect_error("torch.nn.functional.bilinear(x, x[:1], torch.ones(2, 3, 3, device=device))", RuntimeError)
    trial.expect("x", np.ones((2, 3), dtype=np.float32))


@clause("nn.bilinear.multiplies-both-inputs-with-its-weight")
def test_bilinear(cell: Cell) -> None:
    for turn, lead in enumerate(_LEADS):
        generator = cell.generator()
        first, second, outs = ((2, 3, 4), (1, 4, 2), (3, 2, 1))[turn % 3]
        x, u = whole(generator, (*lead, first), 2), whole(generator, (*lead, second), 2)
        w = whole(generator, (outs, first, second), 2)
        b = whole(generator, (outs,), 9) if turn % 2 else None
        shift = 0 if b is None else b
        value = np.einsum("...i,oij,...j->...o", x, w, u) + shift
        size = np.einsum("...i,oij,...j->...o", *map(np.abs, (x, w, u))) + np.abs(shift)
        g = whole(generator, value.shape, 1)
        inputs: dict[str, Any] = {
            "x": arranged(x, cell.dtype, turn),
            "u": arranged(u, cell.dtype, turn + 1),
            "w": arranged(w, cell.dtype, turn),
            "b": None if b is None else arranged(b, cell.dtype),
            "bias": b is not None,
            "g": arranged(g, cell.dtype, turn + 2),
        }
        given = "[t for t in (x, u, w, b) if t is not None]"
        made = "m = torch.nn.Bilinear(w.shape[1], w.shape[2], w.shape[0], bias, device=device, dtype=x.dtype)"
        forms = [
            function("y = torch.nn.functional.bilinear(x, u, w, b)", leaves=given),
            Form((*module(made).lines[:-1], "y = m(x, u)"), "(x, u, *m.parameters())"),
        ]
        answer = nearly_whole(value, size, cell)
        judge_values(cell, inputs, forms, answer)
        ones = [np.reshape(each, (-1, each.shape[-1])) for each in (g, x, u)]
        parts = [
            ("...o,oij,...j->...i", (g, w, u)),
            ("...o,...i,oij->...j", (g, x, w)),
            ("no,ni,nj->oij", tuple(ones)),
        ]
        slopes = [
            nearly_whole(np.einsum(text, *given), np.einsum(text, *map(np.abs, given)), cell) for text, given in parts
        ]
        if b is not None:
            slopes.append(nearly_whole(ones[0].sum(axis=0), np.abs(ones[0]).sum(axis=0), cell))
        judge_gradients(cell, inputs, forms, slopes, leaves="x u w b", value=answer)


@clause("nn.identity.returns-its-input")
def test_identity(cell: Cell) -> None:
    for turn, size in enumerate(((), (3,), (2, 3), (0, 2))):
        x = whole(cell.generator(), size)
        trial = cell.trial(x=arranged(x, cell.dtype, turn))
        trial.run("m = torch.nn.Identity(54, unused_argument1=0.1, unused_argument2=False)")
        trial.expect_true("m(x) is x and m.eval()(x) is x", "the input itself is returned")
        trial.expect("m(x)", x, dtype=cell.dtype)


@clause("nn.flatten.joins-dimensions-and-unflatten-splits-them")
def test_flatten(cell: Cell) -> None:
    cases: tuple[tuple[tuple[int, ...], dict[str, int], tuple[int, ...]], ...] = (
        ((2, 3, 4), {}, (2, 12)),
        ((2, 3, 4), {"start_dim": 0}, (24,)),
        ((2, 3, 4), {"start_dim": 0, "end_dim": 1}, (6, 4)),
        ((2, 1, 3, 2), {"start_dim": -3, "end_dim": -2}, (2, 3, 2)),
        ((0, 3, 2), {}, (0, 6)),
        ((5, 2), {}, (5, 2)),
    )
    for turn, (size, options, after) in enumerate(cases):
        x = whole(cell.generator(), size, 9)
        g = whole(cell.generator(), after, 2)
        inputs = {"x": arranged(x, cell.dtype, turn), "options": options, "g": arranged(g, cell.dtype, turn)}
        forms = [
            function("y = torch.nn.Flatten(**options)(x)", leaves="(x,)"),
            function("y = torch.nn.Flatten(*options.values())(x)", leaves="(x,)"),
        ]
        judge_gradients(cell, inputs, forms, [Answer(g.reshape(size))], leaves="x", value=Answer(x.reshape(after)))
    splits: tuple[tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, ...]], ...] = (
        ((2, 12), 1, (3, 4), (2, 3, 4)),
        ((2, 12), -1, (2, -1, 3), (2, 2, 2, 3)),
        ((6, 4), 0, (3, 2), (3, 2, 4)),
        ((2, 6, 3), 1, (1, 6), (2, 1, 6, 3)),
    )
    for turn, (size, dim, sizes, after) in enumerate(splits):
        x, g = whole(cell.generator(), size, 9), whole(cell.generator(), after, 2)
        inputs = {"x": arranged(x, cell.dtype, turn), "dim": dim, "sizes": sizes, "g": arranged(g, cell.dtype, turn)}
        forms = [
            function("y = torch.nn.Unflatten(dim, sizes)(x)", leaves="(x,)"),
            function("y = torch.nn.Unflatten(dim, torch.Size(sizes))(x)", leaves="(x,)"),
        ]
        judge_gradients(cell, inputs, forms, [Answer(g.reshape(size))], leaves="x", value=Answer(x.reshape(after)))
