"""Activation functions: values and derivatives of modules, functions, methods and in-place forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import absolute
from torch_conformance.conformance.judging.accuracy import distance, specific
from torch_conformance.conformance.judging.layers import (
    Answer,
    Form,
    arranged,
    function,
    judge_gradients,
    judge_values,
    whole,
    within_bound,
)
from torch_conformance.reference.nn import activations
from torch_conformance.reference.nn.activations import ACTIVATIONS
from torch_conformance.spec.layers import Layer, layers

Array = npt.NDArray[Any]

# Few-bit numbers that every floating dtype holds: around every kink, and where exponentials vanish or saturate.
_POINTS = np.concatenate(
    [np.arange(-36, 37) / 8.0, [-100.0, -24.0, -17.0, -12.0, -6.0, 6.0, 6.5, 12.0, 17.0, 21.0, 24.0, 100.0]]
)
_SIZES: tuple[tuple[int, ...], ...] = ((85,), (5, 7), (2, 3, 4), (), (0, 3), (1,), (3, 2, 2, 5))


def _forms(row: Layer) -> tuple[Form, ...]:
    """Return every way to write an activation of x with `options`."""
    f, m = f"torch.nn.functional.{row.function}", f"torch.nn.{row.module}"
    writes = list(row.writes)
    if any(option.name == "inplace" for option in row.options):
        writes += [f"{f}(z, **options, inplace=True)", f"{m}(**options, inplace=True)(z)"]
    by_position = () if row.by_name_alone else (f"{f}(x, *options.values())", f"{m}(*options.values())(x)")
    calls = (f"{f}(x, **options)", f"{m}(**options)(x)", *by_position, f"{f}(input=x, **options)", *row.spellings)
    return (
        *(function(f"y = {call}", leaves="(x,)") for call in calls),
        *(function("z = x * 1", f"y = {call}", "assert y is z", leaves="(x,)") for call in writes),
    )


def _tensor(cell: Cell, turn: int, kinks: Sequence[float]) -> Array:
    """Return points in a shape that changes in turn, without the kinks, each at another place every time."""
    points = _POINTS[~np.isin(_POINTS, np.asarray(kinks, dtype=np.float64))]
    size = _SIZES[turn % len(_SIZES)]
    return np.resize(cell.generator().permutation(points), size)


def _answer(cell: Cell, values: Array, size: Array | None) -> Answer:
    return within_bound(cell, "nn.activation", values, values if size is None else size)


@clause("nn.*.has-its-value-and-derivative")
def test_activation(cell: Cell) -> None:
    subject = cell.clause.subject
    row, cases, forms = ACTIVATIONS[subject], layers()[subject].cases, _forms(layers()[subject])
    first = int(cell.generator().integers(100))
    for turn in range(2 * len(cases) + cell.profile.examples // 2):
        options = dict(cases[turn % len(cases)])
        x = _tensor(cell, first + turn if turn >= len(cases) else turn % 3, ())
        long = x.astype(np.longdouble)
        inputs = {"x": arranged(x, cell.dtype, turn), "options": options}
        answer = _answer(cell, row.value(long, **options), row.size(long, **options) if row.size else None)
        judge_values(cell, inputs, forms, answer)
        x = _tensor(cell, first + turn if turn >= len(cases) else turn % 3, row.kinks(**options))
        long = x.astype(np.longdouble)
        g = whole(cell.generator(), x.shape, 2)
        slope = g * row.derivative(long, **options)
        size = np.abs(g) * (
            np.abs(row.derivative(long, **options)) if row.slope_size is None else row.slope_size(long, **options)
        )
        inputs = {"x": arranged(x, cell.dtype, turn), "options": options, "g": arranged(g, cell.dtype, turn + 1)}
        answer = within_bound(cell, specific(cell, f"nn.{subject}.slope", "nn.activation"), slope, size)
        judge_gradients(cell, inputs, forms[turn % 2 :: 2] if turn else forms, [answer], leaves="x")


@clause("nn.rrelu.has-a-slope-between-its-bounds")
def test_rrelu(cell: Cell) -> None:
    row = ACTIVATIONS["rrelu"]
    for turn, options in enumerate(map(dict, layers()["rrelu"].cases)):
        x = _tensor(cell, turn, (0,))
        g = whole(cell.generator(), x.shape, 2)
        inputs = {"x": arranged(x, cell.dtype, turn), "options": options, "g": arranged(g, cell.dtype)}
        forms = [
            function("y = torch.nn.RReLU(**options).eval()(x)", leaves="(x,)"),
            function("y = torch.nn.functional.rrelu(x, **options)", leaves="(x,)"),
            function("y = torch.rrelu(x, **options, training=False)", leaves="(x,)"),
            function("y = torch.nn.functional.rrelu(x, *options.values(), training=False)", leaves="(x,)"),
        ]
        long = x.astype(np.longdouble)
        judge_values(cell, inputs, forms, _answer(cell, row.value(long, **options), None))
        slope = g * row.derivative(long, **options)
        judge_gradients(cell, inputs, forms, [_answer(cell, slope, None)], leaves="x")
        lower, upper = options.get("lower", 1 / 8), options.get("upper", 1 / 3)
        trial = cell.trial(**inputs, lower=lower, upper=upper, seed=cell.seed % 2**63)
        trial.run("torch.manual_seed(seed); x.requires_grad_()")
        for call in ("torch.nn.RReLU(**options)(x)", "torch.nn.functional.rrelu(x, **options, training=True)"):
            trial.run(f"y = {call}; d, = torch.autograd.grad(y, x, torch.ones_like(y))")
            trial.expect("torch.where(x > 0, y, x)", x, dtype=cell.dtype)
            trial.run("s = (y / x).detach()[x < 0].double(); t = d[x < 0].double(); e = torch.finfo(x.dtype).eps * 2")
            trial.expect_true("((s >= lower - e) & (s <= upper + e)).all()", "every slope lies between the bounds")
            trial.expect_true("((s - t).abs() <= e).all()", "the gradient has the slope of the value")
            if lower < upper and x.size > 30:
                trial.expect_true("s.max() - s.min() > (upper - lower) / 8", "slopes are drawn one by one")


@clause("nn.prelu.weighs-negative-elements")
def test_prelu(cell: Cell) -> None:
    for turn, (size, count) in enumerate(
        (((7, 3), 1), ((4, 3), 3), ((2, 3, 5), 3), ((2, 4, 3, 3), 4), ((9,), 1), ((0, 3), 3))
    ):
        generator = cell.generator()
        x = whole(generator, size, 6)
        x = np.where(x == 0, 5, x)
        w = np.array([0.25, -2.0, 0.5, 3.0])[:count]
        shape = (1, count, *[1] * (len(size) - 2)) if count > 1 else (1,) * len(size)
        g = whole(generator, size, 2)
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "w": arranged(w, cell.dtype, turn),
            "b": None,
            "n": count,
            "g": arranged(g, cell.dtype, turn + 2),
        }
        make = "m = torch.nn.PReLU(n, device=device, dtype=x.dtype)"
        forms = [
            function("y = torch.nn.functional.prelu(x, w)", leaves="(x, w)"),
            Form((make, "with torch.no_grad(): m.weight.copy_(w)", "y = m(x)"), "(x, m.weight)"),
            function("y = torch.prelu(x, w)", leaves="(x, w)"),
            function("y = x.prelu(w)", leaves="(x, w)"),
        ]
        judge_values(cell, inputs, forms, Answer(activations.prelu(x, w.reshape(shape))))
        part = np.where(x > 0, 0, g * x)
        axes = tuple(dim for dim in range(len(size)) if shape[dim] == 1)
        slopes = [Answer(g * np.where(x > 0, 1, w.reshape(shape))), Answer(part.sum(axis=axes).reshape(count))]
        judge_gradients(cell, inputs, forms, slopes)
    trial = cell.trial(dtype=cell.torch_dtype)
    trial.expect("torch.nn.PReLU(3, device=device, dtype=dtype).weight", np.full(3, 0.25), dtype=cell.dtype)
    trial.expect("torch.nn.PReLU(init=0.5, device=device, dtype=dtype).weight", np.full(1, 0.5), dtype=cell.dtype)


@clause("nn.glu.gates-one-half-by-the-other")
def test_glu(cell: Cell) -> None:
    for turn, (size, dim) in enumerate(
        (((6,), -1), ((4, 6), -1), ((4, 6), 0), ((2, 4, 3), 1), ((2, 4, 6), -1), ((2, 2, 2, 5), -3))
    ):
        generator = cell.generator()
        x = whole(generator, size, 4).astype(np.longdouble)
        value = activations.glu(x, dim)
        g = whole(generator, value.shape, 2)
        inputs = {"x": arranged(x, cell.dtype, turn), "dim": dim, "g": arranged(g, cell.dtype, turn + 1)}
        forms = [
            function("y = torch.nn.functional.glu(x, dim)", leaves="(x,)"),
            function("y = torch.nn.GLU(dim=dim)(x)", leaves="(x,)"),
            function("y = torch.nn.GLU(dim)(x)", leaves="(x,)"),
        ]
        if dim == -1:
            forms += [
                function("y = torch.nn.functional.glu(x)", leaves="(x,)"),
                function("y = torch.nn.GLU()(x)", leaves="(x,)"),
            ]
        judge_values(cell, inputs, forms, _answer(cell, value, None))
        # The sigmoid of the second half and what it lacks to 1 are subtracted from each other.
        size_of = np.concatenate([np.abs(g), np.abs(g * value)], axis=dim)
        judge_gradients(cell, inputs, forms, [_answer(cell, activations.glu_gradient(x, g, dim), size_of)], leaves="x")
    trial = cell.trial(x=arranged(np.zeros((3, 5)), cell.dtype))
    trial.expect_error("torch.nn.functional.glu(x)", RuntimeError)
    trial.expect_error("torch.nn.GLU(1)(x)", RuntimeError)


_DIMS = (
    ((5,), 0),
    ((4, 7), 1),
    ((4, 7), 0),
    ((3, 4, 5), -2),
    ((2, 3, 2, 5), 1),
    ((2, 3, 17), -1),
    ((1, 33), 1),
    ((0, 3), 1),
    ((3, 1), 1),
)


@clause("nn.soft*.normalises-exponentials-over-a-dim")
def test_softmax(cell: Cell) -> None:
    _judge_soft(cell)


@clause("nn.log-softmax.normalises-logarithms-over-a-dim")
def test_log_softmax(cell: Cell) -> None:
    _judge_soft(cell)


def _judge_soft(cell: Cell) -> None:
    __tracebackhide__ = True
    row = layers()[cell.clause.subject]
    name, cls = row.function, row.module
    sign = -1 if row.name == "softmin" else 1
    logarithm = row.name == "log-softmax"
    for turn, (size, dim) in enumerate(_DIMS):
        generator = cell.generator()
        x = whole(generator, size, 6) + 90 * (turn % 2)
        long = sign * x.astype(np.longdouble)
        y = (activations.log_softmax if logarithm else activations.softmax)(long, dim)
        g = whole(generator, size, 2)
        gradient = sign * (activations.log_softmax_gradient if logarithm else activations.softmax_gradient)(y, g, dim)
        value_size = np.abs(y) + np.abs(x) + 1 if logarithm else y
        if logarithm:
            # An error of y is one of the same size in proportion to its exponential.
            size_of = np.abs(g) + np.exp(y) * (1 + np.abs(y)) * np.abs(g).sum(axis=dim, keepdims=True)
        else:
            size_of = y * (np.abs(g) + (np.abs(g) * y).sum(axis=dim, keepdims=True))
        inputs = {"x": arranged(x, cell.dtype, turn), "dim": dim, "g": arranged(g, cell.dtype, turn + 1)}
        forms = [
            function(f"y = torch.nn.functional.{name}(x, dim)", leaves="(x,)"),
            function(f"y = torch.nn.{cls}(dim)(x)", leaves="(x,)"),
            function(f"y = torch.nn.{cls}(dim=dim)(x)", leaves="(x,)"),
            function(f"y = torch.nn.functional.{name}(input=x, dim=dim)", leaves="(x,)"),
        ]
        forms += [function(f"y = {call}", leaves="(x,)") for call in row.spellings]
        value = within_bound(cell, "nn.softmax", y, value_size, terms=size[dim])
        slope = within_bound(cell, "nn.softmax", gradient, size_of, terms=size[dim])
        judge_values(cell, inputs, forms, value)
        judge_gradients(cell, inputs, forms[turn % 2 :: 2], [slope], leaves="x")
        trial = cell.trial(**inputs)
        wide = absolute(distance(cell, "nn.softmax.dtype", value_size, dtype="float64"))
        trial.expect(f"torch.nn.functional.{name}(x, dim, dtype=torch.float64)", y, wide, dtype="float64")
    _judge_forbidden(cell, row, sign)
    if row.name == "softmax":
        x = whole(cell.generator(), (2, 3, 2, 2), 3)
        y = activations.softmax(x.astype(np.longdouble), 1)
        forms = [function("y = torch.nn.Softmax2d()(x)", leaves="(x,)")]
        for given, answer in ((x, y), (x[0], y[0])):
            inputs = {"x": arranged(given, cell.dtype, 4)}
            judge_values(cell, inputs, forms, within_bound(cell, "nn.softmax2d", answer, answer))


def _judge_forbidden(cell: Cell, row: Layer, sign: int) -> None:
    """Judge elements that -inf excludes: their share is 0, and the others' is as if they were not there."""
    __tracebackhide__ = True
    x = np.array([[1.0, -np.inf, 2.0, 0.5], [-np.inf, 3.0, -np.inf, -np.inf]])
    trial = cell.trial(x=arranged(sign * x, cell.dtype))
    trial.run("x.requires_grad_()")
    allowed = "x[:1, [0, 2, 3]]"
    for form in ("torch.nn.functional.{row.function}({given}, 1)", "torch.nn.{row.module}(1)({given})"):
        trial.run(f"y = {form.format(row=row, given='x')}")
        shares = "y.exp()" if row.name == "log-softmax" else "y"
        trial.expect_true(f"({shares}[x.isinf()] == 0).all() and {shares}[1, 1] == 1", "what is excluded has no share")
        trial.expect_true(f"torch.equal(y[:1, [0, 2, 3]], {form.format(row=row, given=allowed)})", "others do")
        trial.run("d, = torch.autograd.grad(y[0, 0] + y[1, 1], x)")
        trial.expect_true("d.isfinite().all() and (d[x.isinf()] == 0).all() and d[1, 1] == 0", "nor a gradient")
