"""Batch normalisation: values, gradients, running statistics, training and evaluation."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.layers.normalisation_cases import (
    EPS,
    MADE,
    operands_of,
    per_channel,
    roundings_of,
    wide,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.conformance.judging.layers import (
    Form,
    arranged,
    function,
    judge_gradients,
    judge_values,
    module,
    rounded,
    selected,
    whole,
    within,
)
from torch_conformance.reference.nn import normalisation
from torch_conformance.reference.nn.normalisation import Normalised

Array = npt.NDArray[Any]

_BATCHES = {
    "batch-norm1d": ((4, 3), (3, 2, 5), (6, 1), (2, 3, 1)),
    "batch-norm2d": ((2, 3, 2, 3), (1, 2, 3, 2), (3, 1, 2, 2)),
    "batch-norm3d": ((2, 2, 2, 1, 3), (1, 3, 2, 2, 2)),
}


def _judge(  # noqa: PLR0913
    cell: Cell,
    inputs: dict[str, Any],
    forms: list[Form],
    done: Normalised,
    affine: tuple[Array, Array] | None,
    g: Array,
    axes: tuple[int, ...],
    *,
    kind: str = "both",
    centred: bool = True,
    bias: bool = True,
) -> None:
    """Judge values or gradients; `affine` broadcasts to the input."""
    __tracebackhide__ = True
    count = roundings_of(cell, done)
    w, b = affine or (np.ones(()), np.zeros(()))
    value = done.values * w + b
    answer = rounded(value, (np.abs(done.values) + 1) * np.abs(w) + np.abs(b), cell, count)
    if kind != "gradients":
        judge_values(cell, inputs, forms, answer)
    if kind != "values":
        gradient, size = normalisation.input_gradient(done, g * w, axes, centred=centred)
        answers = [rounded(gradient, size, cell, roundings_of(cell, done, "gradient"))]
        if affine:
            parts = ((g * done.values, np.abs(g) * (np.abs(done.values) + 1)), (g, np.abs(g)))
            for part, extent in parts[: 1 + bias]:
                shape = np.shape(w)
                total, room = normalisation.summed_to(part, shape), normalisation.summed_to(extent, shape)
                flat = inputs["w"].size
                answers.append(rounded(total.reshape(flat), room.reshape(flat), cell, count + math.prod(g.shape)))
        judge_gradients(cell, inputs, forms, answers, value=answer)


def _batch_forms(cls: str, *, affine: bool) -> list[Form]:
    function_leaves = "(x, w, b)" if affine else "(x,)"
    return [
        module(f"m = torch.nn.{cls}(n, eps, 0.1, affine, device=device, dtype=x.dtype)"),
        function("y = torch.nn.functional.batch_norm(x, None, None, w, b, True, 0.1, eps)", leaves=function_leaves),
        module(f"m = torch.nn.{cls}(num_features=n, eps=eps, affine=affine, track_running_stats=False, {MADE})"),
        function(
            "y = torch.nn.functional.batch_norm(x, s * 0, s * 1, weight=w, bias=b, training=True, eps=eps)",
            leaves=function_leaves,
        ),
    ]


def _cls(subject: str) -> str:
    return f"BatchNorm{subject[-2]}d"


def _each_batch(cell: Cell) -> Any:
    """Yield turn, size, epsilon and whether there are weights."""
    sizes = _BATCHES[cell.clause.subject]
    for turn, (size, eps) in selected(cell, list(itertools.product(sizes, EPS))):
        yield turn, size, eps, turn % 3 != 2


@clause("nn.batch-norm[123]d*.normalises-by-the-batch-in-training")
def test_batch_norm(cell: Cell) -> None:
    _judge_batches(cell, "values")


@clause("nn.batch-norm[123]d*.has-gradients-through-the-statistics")
def test_batch_norm_gradients(cell: Cell) -> None:
    _judge_batches(cell, "gradients")


def _judge_batches(cell: Cell, kind: str) -> None:
    __tracebackhide__ = True
    for turn, size, eps, affine in _each_batch(cell):
        x, w, b, g = operands_of(cell.generator(), size, (size[1],))
        axes = (0, *range(2, len(size)))
        done = normalisation.normalised(wide(x), axes, eps)
        inputs: dict[str, Any] = {
            "x": arranged(x, cell.dtype, turn),
            "w": arranged(w, cell.dtype) if affine else None,
            "b": arranged(b, cell.dtype) if affine else None,
            "s": arranged(np.ones(size[1]), cell.dtype),
            "n": size[1],
            "eps": eps,
            "affine": affine,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        weights = (per_channel(w, x.ndim), per_channel(b, x.ndim)) if affine else None
        _judge(cell, inputs, _batch_forms(_cls(cell.clause.subject), affine=affine), done, weights, g, axes, kind=kind)


@clause("nn.batch-norm.keeps-running-statistics")
def test_running(cell: Cell) -> None:
    for turn, (name, momentum) in enumerate(itertools.product(_BATCHES, (0.1, 0.25, None, 1.0))):
        size = _BATCHES[name][turn % 2]
        if math.prod(size) // size[1] < 2:
            continue
        generator = cell.generator()
        axes = (0, *range(2, len(size)))
        batches = [operands_of(generator, size, (size[1],))[0] for _ in range(3)]
        given = {f"x{number}": arranged(x, cell.dtype, number) for number, x in enumerate(batches, 1)}
        trial = cell.trial(n=size[1], momentum=momentum, dtype=cell.torch_dtype, **given)
        trial.run(f"m = torch.nn.{_cls(name)}(n, momentum=momentum, device=device, dtype=dtype)")
        trial.run("f, v = m.running_mean.clone(), m.running_var.clone()")
        trial.expect("m.running_mean", np.zeros(size[1]), dtype=cell.dtype)
        trial.expect("m.running_var", np.ones(size[1]), dtype=cell.dtype)
        trial.expect("m.num_batches_tracked", np.array(0))
        mean, variance = np.zeros(size[1], dtype=np.longdouble), np.ones(size[1], dtype=np.longdouble)
        room = np.zeros(size[1])
        for batch, x in enumerate(map(wide, batches), 1):
            count = x.size // size[1]
            mean = normalisation.running(mean, x.mean(axis=axes), momentum, batch)
            # Running variances are unbiased, unlike those of the batch.
            variance = normalisation.running(variance, x.var(axis=axes) * count / (count - 1), momentum, batch)
            room = room + distance(cell, "nn.batch-norm.running", (x * x).mean(axis=axes) + 2, terms=count)
            trial.run(f"x = x{batch}; y = m(x)")
            trial.expect("m.running_mean", mean, within(mean, room).rule, dtype=cell.dtype)
            trial.expect("m.running_var", variance, within(variance, room).rule, dtype=cell.dtype)
            trial.expect("m.num_batches_tracked", np.array(batch))
            if momentum is not None:
                trial.run("z = torch.nn.functional.batch_norm(x, f, v, training=True, momentum=momentum)")
                trial.expect("f", mean, within(mean, room).rule, dtype=cell.dtype)
                trial.expect("v", variance, within(variance, room).rule, dtype=cell.dtype)
        trial.run("m.eval(); y = m(x)")
        trial.expect("m.running_mean", mean, within(mean, room).rule, dtype=cell.dtype)
        trial.expect("m.num_batches_tracked", np.array(3))
        trial.run("m.reset_running_stats()")
        trial.expect("m.running_var", np.ones(size[1]), dtype=cell.dtype)
        trial.expect("m.num_batches_tracked", np.array(0))


@clause("nn.batch-norm.normalises-by-running-statistics-in-evaluation")
def test_evaluation(cell: Cell) -> None:
    for turn, (name, eps) in selected(cell, list(itertools.product(_BATCHES, EPS))):
        size = _BATCHES[name][turn % 2]
        generator = cell.generator()
        x, w, b, g = operands_of(generator, size, (size[1],))
        mean, variance = whole(generator, (size[1],), 3), generator.integers(1, 9, size[1]) / 2.0
        ndim = x.ndim
        done = normalisation.with_moments(wide(x), per_channel(mean, ndim), per_channel(wide(variance), ndim), eps)
        inputs: dict[str, Any] = {
            "x": arranged(x, cell.dtype, turn),
            "w": arranged(w, cell.dtype),
            "b": arranged(b, cell.dtype),
            "f": arranged(mean, cell.dtype),
            "v": arranged(variance, cell.dtype),
            "n": size[1],
            "eps": eps,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        form = module(
            f"m = torch.nn.{_cls(name)}(n, eps, device=device, dtype=x.dtype).eval()",
            "m.running_mean.copy_(f); c = m.running_var.copy_(v)",
        )
        forms = [
            form,
            function("y = torch.nn.functional.batch_norm(x, f, v, w, b, False, 0.5, eps)"),
            function("y = torch.nn.functional.batch_norm(x, f, v, weight=w, bias=b, eps=eps)"),
        ]
        _judge(cell, inputs, forms, done, (per_channel(w, ndim), per_channel(b, ndim)), g, ())
        trial = cell.trial(**inputs)
        trial.run(form.lines[0])
        trial.run(form.lines[1])
        trial.run("y = m(x); z = torch.nn.functional.batch_norm(x, f, v, w, b, False, 1.0, eps)")
        for expression, values in (("m.running_mean", mean), ("f", mean), ("m.running_var", variance), ("v", variance)):
            trial.expect(expression, values, dtype=cell.dtype)


@clause("nn.batch-norm.without-tracking-always-normalises-by-the-batch")
def test_untracked(cell: Cell) -> None:
    for turn, name in enumerate(_BATCHES):
        size = _BATCHES[name][0]
        x, w, b, g = operands_of(cell.generator(), size, (size[1],))
        axes = (0, *range(2, len(size)))
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "w": arranged(w, cell.dtype),
            "b": arranged(b, cell.dtype),
            "n": size[1],
            "g": arranged(g, cell.dtype),
        }
        made = "track_running_stats=False, device=device, dtype=x.dtype"
        forms = [module(f"m = torch.nn.{_cls(name)}(n, {made}){mode}") for mode in ("", ".eval()")]
        done = normalisation.normalised(wide(x), axes, 1e-5)
        _judge(cell, inputs, forms, done, (per_channel(w, x.ndim), per_channel(b, x.ndim)), g, axes)
        trial = cell.trial(n=size[1], dtype=cell.torch_dtype)
        trial.run(f"m = torch.nn.{_cls(name)}(n, track_running_stats=False, device=device, dtype=dtype)")
        trial.expect_true("m.running_mean is None and m.running_var is None", "there are no running statistics")
        trial.expect_true("m.num_batches_tracked is None", "no batches are counted")


@clause("nn.batch-norm.refuses-what-does-not-fit")
def test_batch_norm_refuses(cell: Cell) -> None:
    trial = cell.trial(x=arranged(np.ones((2, 3, 2)), "float32"))
    trial.expect_error("torch.nn.BatchNorm1d(4, device=device)(x)", RuntimeError)
    trial.expect_error("torch.nn.BatchNorm2d(3, device=device)(x)", ValueError)
    trial.expect_error("torch.nn.BatchNorm3d(3, device=device)(x)", ValueError)
    trial.expect_error("torch.nn.BatchNorm1d(3, device=device)(x[0, 0])", ValueError)
    trial.expect_error("torch.nn.BatchNorm1d(3, device=device)(x[:1, :, 0])", ValueError)
    trial.run("m = torch.nn.BatchNorm1d(3, device=device)")
    trial.expect_error("m(x[:, :2])", RuntimeError)
    trial.expect("m.running_mean", np.zeros(3, dtype=np.float32))
    trial.expect_error("torch.nn.functional.batch_norm(x, None, None)", RuntimeError)
