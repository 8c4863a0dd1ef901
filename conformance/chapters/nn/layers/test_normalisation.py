"""Normalisation of each sample: by layer, root mean square, group, instance and neighbouring channels."""

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
    HALF,
    Form,
    arranged,
    function,
    judge_gradients,
    judge_values,
    module,
    plainly,
    rounded,
    selected,
    whole,
    within,
    within_bound,
)
from torch_conformance.reference.model.dtypes import finfo
from torch_conformance.reference.nn import normalisation
from torch_conformance.reference.nn.normalisation import Normalised

Array = npt.NDArray[Any]

_LAYERS = (
    ((4, 3), (3,)),
    ((2, 3, 5), (3, 5)),
    ((2, 3, 4), (4,)),
    ((6,), (6,)),
    ((2, 1, 3, 2), (1, 3, 2)),
    ((3, 17), (17,)),
)


@clause("nn.layer-norm.normalises-each-sample-over-its-last-dimensions")
def test_layer_norm(cell: Cell) -> None:
    _judge_layers(cell, "values")


@clause("nn.layer-norm.has-gradients-through-the-statistics")
def test_layer_norm_gradients(cell: Cell) -> None:
    _judge_layers(cell, "gradients")


def _flat_parts(inputs: dict[str, Any], w: Array | None, b: Array | None, cell: Cell) -> dict[str, Any]:
    return inputs | {
        "w": None if w is None else arranged(w, cell.dtype),
        "b": None if b is None else arranged(b, cell.dtype),
    }


def _judge_layers(cell: Cell, kind: str) -> None:
    __tracebackhide__ = True
    for turn, ((size, shape), eps) in selected(cell, list(itertools.product(_LAYERS, EPS))):
        x, w, b, g = operands_of(cell.generator(), size, shape)
        axes = tuple(range(len(size) - len(shape), len(size)))
        done = normalisation.normalised(wide(x), axes, eps)
        affine = turn % 4 != 3
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "shape": shape if turn % 2 or len(shape) > 1 else shape[0],
            "sizes": shape,
            "eps": eps,
            "affine": affine,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        inputs = _flat_parts(inputs, w if affine else None, b if affine else None, cell)
        leaves = "(x, w, b)" if affine else "(x,)"
        forms = [
            module("m = torch.nn.LayerNorm(shape, eps, affine, device=device, dtype=x.dtype)"),
            function("y = torch.nn.functional.layer_norm(x, sizes, w, b, eps)", leaves=leaves),
            module(f"m = torch.nn.LayerNorm(normalized_shape=shape, eps=eps, elementwise_affine=affine, {MADE})"),
            function("y = torch.layer_norm(x, sizes, weight=w, bias=b, eps=eps)", leaves=leaves),
        ]
        lead = (1,) * (x.ndim - len(shape))
        weights = (w.reshape(lead + shape), b.reshape(lead + shape)) if affine else None
        _judge_shaped(cell, inputs, forms, done, weights, g, axes, kind=kind, lead=len(lead))


def _judge_shaped(  # noqa: PLR0913
    cell: Cell,
    inputs: dict[str, Any],
    forms: list[Form],
    done: Normalised,
    affine: tuple[Array, Array] | None,
    g: Array,
    axes: tuple[int, ...],
    *,
    kind: str,
    lead: int,
    centred: bool = True,
) -> None:
    """Judge a layer whose weights have the shape of the last dimensions."""
    __tracebackhide__ = True
    count = roundings_of(cell, done)
    w, b = affine or (np.ones(()), np.zeros(()))
    value = done.values * w + b
    answer = rounded(value, (np.abs(done.values) + 1) * np.abs(w) + np.abs(b), cell, count)
    if kind == "values":
        judge_values(cell, inputs, forms, answer)
        return
    gradient, size = normalisation.input_gradient(done, g * w, axes, centred=centred)
    answers = [rounded(gradient, size, cell, roundings_of(cell, done, "gradient"))]
    if affine:
        over = tuple(range(lead))
        batch = count + math.prod(g.shape[:lead])
        answers.append(
            rounded(
                (g * done.values).sum(axis=over), (np.abs(g) * (np.abs(done.values) + 1)).sum(axis=over), cell, batch
            )
        )
        if inputs.get("b") is not None:
            answers.append(rounded(g.sum(axis=over), np.abs(g).sum(axis=over), cell, batch))
    judge_gradients(cell, inputs, forms, answers, value=answer)


@clause("nn.rms-norm.divides-by-the-root-mean-square")
def test_rms_norm(cell: Cell) -> None:
    for turn, ((size, shape), eps) in selected(cell, list(itertools.product(_LAYERS, (None, 0.5)))):
        x, w, _, g = operands_of(cell.generator(), size, shape)
        axes = tuple(range(len(size) - len(shape), len(size)))
        # Without eps the dtype's own is taken, or that of the dtype which moments are taken in.
        given = finfo(cell.dtype).eps if eps is None else eps
        done = normalisation.normalised(wide(x) + 0.5, axes, given, centred=False)
        affine = turn % 4 != 3
        inputs = {
            "x": arranged(x + 0.5, cell.dtype, turn),
            "shape": shape if turn % 2 or len(shape) > 1 else shape[0],
            "sizes": shape,
            "eps": eps,
            "affine": affine,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        inputs = _flat_parts(inputs, w if affine else None, None, cell)
        leaves = "(x, w)" if affine else "(x,)"
        forms = [
            Form(
                (
                    "m = torch.nn.RMSNorm(shape, eps, affine, device=device, dtype=x.dtype)",
                    "with torch.no_grad(): [p.copy_(w) for p in m.parameters()]",
                    "y = m(x)",
                ),
                "(x, *m.parameters())",
            ),
            function("y = torch.nn.functional.rms_norm(x, sizes, w, eps)", leaves=leaves),
            function("y = torch.rms_norm(x, sizes, weight=w, eps=eps)", leaves=leaves),
        ]
        lead = x.ndim - len(shape)
        weights = (w.reshape((1,) * lead + shape), np.zeros(())) if affine else None
        for kind in ("values", "gradients"):
            _judge_shaped(cell, inputs, forms, done, weights, g, axes, kind=kind, lead=lead, centred=False)


_GROUPS = (((3, 4), 2), ((2, 4, 3), 4), ((2, 6, 2, 2), 3), ((1, 2, 5), 1), ((2, 3, 1, 2, 2), 1), ((2, 4, 3), 1))


@clause("nn.group-norm.normalises-groups-of-channels")
def test_group_norm(cell: Cell) -> None:
    _judge_groups(cell, "values")


@clause("nn.group-norm.has-gradients-through-the-statistics")
def test_group_norm_gradients(cell: Cell) -> None:
    _judge_groups(cell, "gradients")


def _regrouped(done: Normalised, size: tuple[int, ...]) -> Normalised:
    """Return a normalisation of grouped channels in the shape of the input."""
    groups = done.mean.shape[1]
    wide = (size[0], groups, size[1] // groups, *[1] * (len(size) - 2))

    def ungrouped(moment: Array) -> Array:
        return np.broadcast_to(moment.reshape(size[0], groups, 1, *[1] * (len(size) - 2)), wide).reshape(
            size[0], size[1], *[1] * (len(size) - 2)
        )

    mean, variance, scale = (ungrouped(each) for each in (done.mean, done.variance, done.scale))
    return Normalised(done.values.reshape(size), mean, variance, scale, done.count, done.condition)


def _judge_grouped(  # noqa: PLR0913, PLR0917
    cell: Cell,
    inputs: dict[str, Any],
    forms: list[Form],
    x: Array,
    groups: int,
    eps: float,
    affine: tuple[Array, Array] | None,
    g: Array,
    kind: str,
) -> None:
    """Judge a layer that normalises groups of channels of each sample."""
    __tracebackhide__ = True
    size = x.shape
    grouped = (size[0], groups, size[1] // groups, *size[2:])
    axes = tuple(range(2, len(grouped)))
    done = normalisation.normalised(wide(x).reshape(grouped), axes, eps)
    flat = _regrouped(done, size)
    count = roundings_of(cell, done)
    ndim = len(size)
    w, b = (per_channel(each, ndim) for each in affine) if affine else (np.ones((1,) * ndim), np.zeros((1,) * ndim))
    value = flat.values * w + b
    answer = rounded(value, (np.abs(flat.values) + 1) * np.abs(w) + np.abs(b), cell, count)
    if kind != "gradients":
        judge_values(cell, inputs, forms, answer)
    if kind != "values":
        gradient, extent = normalisation.input_gradient(done, (g * w).reshape(grouped), axes)
        answers = [rounded(gradient.reshape(size), extent.reshape(size), cell, roundings_of(cell, done, "gradient"))]
        if affine:
            over = (0, *range(2, ndim))
            total = count + math.prod(size)
            answers += [
                rounded(
                    (g * flat.values).sum(axis=over),
                    (np.abs(g) * (np.abs(flat.values) + 1)).sum(axis=over),
                    cell,
                    total,
                ),
                rounded(g.sum(axis=over), np.abs(g).sum(axis=over), cell, total),
            ]
        judge_gradients(cell, inputs, forms, answers, value=answer)


def _judge_groups(cell: Cell, kind: str) -> None:
    __tracebackhide__ = True
    for turn, ((size, groups), eps) in selected(cell, list(itertools.product(_GROUPS, EPS))):
        x, w, b, g = operands_of(cell.generator(), size, (size[1],))
        affine = turn % 4 != 3
        # In torch 2.0 the gradient of five half-width dimensions with channels innermost is NaN.
        layout = plainly(turn, size) if len(size) > 4 and cell.dtype in HALF else turn
        inputs = {
            "x": arranged(x, cell.dtype, layout),
            "groups": groups,
            "n": size[1],
            "eps": eps,
            "affine": affine,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        inputs = _flat_parts(inputs, w if affine else None, b if affine else None, cell)
        leaves = "(x, w, b)" if affine else "(x,)"
        forms = [
            module("m = torch.nn.GroupNorm(groups, n, eps, affine, device=device, dtype=x.dtype)"),
            function("y = torch.nn.functional.group_norm(x, groups, w, b, eps)", leaves=leaves),
            module(f"m = torch.nn.GroupNorm(num_groups=groups, num_channels=n, eps=eps, affine=affine, {MADE})"),
            function("y = torch.group_norm(x, groups, weight=w, bias=b, eps=eps)", leaves=leaves),
        ]
        _judge_grouped(cell, inputs, forms, x, groups, eps, (w, b) if affine else None, g, kind)


@clause("nn.instance-norm.normalises-each-channel-of-each-sample")
def test_instance_norm(cell: Cell) -> None:
    sizes = ((2, 3, 5), (1, 2, 7), (2, 2, 3, 2), (2, 3, 2, 2, 2))
    for turn, (size, eps) in selected(cell, list(itertools.product(sizes, EPS))):
        x, w, b, g = operands_of(cell.generator(), size, (size[1],))
        affine = turn % 2 == 0
        dims = len(size) - 2
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "n": size[1],
            "eps": eps,
            "affine": affine,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        inputs = _flat_parts(inputs, w if affine else None, b if affine else None, cell)
        leaves = "(x, w, b)" if affine else "(x,)"
        forms = [
            module(f"m = torch.nn.InstanceNorm{dims}d(n, eps, affine=affine, device=device, dtype=x.dtype)"),
            function("y = torch.nn.functional.instance_norm(x, weight=w, bias=b, eps=eps)", leaves=leaves),
            module(f"m = torch.nn.InstanceNorm{dims}d(n, eps=eps, affine=affine, device=device, dtype=x.dtype).eval()"),
        ]
        _judge_grouped(cell, inputs, forms, x, size[1], eps, (w, b) if affine else None, g, "both")
    size = (2, 3, 5)
    x, *_ = operands_of(cell.generator(), size, (3,))
    done = normalisation.normalised(wide(x[0]), (1,), 1e-5)
    forms = [function("y = torch.nn.InstanceNorm1d(3, device=device, dtype=x.dtype)(x)", leaves="(x,)")]
    answer = rounded(done.values, np.abs(done.values) + 1, cell, roundings_of(cell, done))
    judge_values(cell, {"x": arranged(x[0], cell.dtype, 2)}, forms, answer)


@clause("nn.instance-norm.keeps-running-statistics-when-asked")
def test_instance_norm_running(cell: Cell) -> None:
    for turn, (size, momentum) in enumerate(itertools.product(((2, 3, 5), (3, 2, 2, 3)), (0.1, 0.5))):
        x, *_ = operands_of(cell.generator(), size, (size[1],))
        long = wide(x)
        axes = tuple(range(2, len(size)))
        count = math.prod(size[2:])
        trial = cell.trial(x=arranged(x, cell.dtype, turn), n=size[1], momentum=momentum)
        trial.run(f"m = torch.nn.InstanceNorm{len(size) - 2}d(n, momentum=momentum, track_running_stats=True, {MADE})")
        trial.run("y = m(x)")
        mean = normalisation.running(np.zeros(size[1]), long.mean(axis=(0, *axes)), momentum, 1)
        spread = (long.var(axis=axes) * count / (count - 1)).mean(axis=0)
        variance = normalisation.running(np.ones(size[1]), spread, momentum, 1)
        room = distance(cell, "nn.instance-norm.running", (long**2).mean(axis=(0, *axes)) + 2, terms=count)
        trial.expect("m.running_mean", mean, within(mean, room).rule, dtype=cell.dtype)
        trial.expect("m.running_var", variance, within(variance, room).rule, dtype=cell.dtype)
        shape = (1, -1, *[1] * len(axes))
        trial.run("m.eval(); m.running_mean.fill_(2); m.running_var.fill_(4); z = m(x)")
        done = normalisation.with_moments(
            long, np.full(size[1], 2.0).reshape(shape), np.full(size[1], 4.0).reshape(shape), 1e-5
        )
        answer = rounded(done.values, np.abs(done.values) + 1, cell, roundings_of(cell, done))
        trial.expect("z", answer.values, answer.rule, dtype=cell.dtype)


@clause("nn.local-response-norm.divides-by-neighbouring-channels")
def test_local_response(cell: Cell) -> None:
    cases: tuple[dict[str, Any], ...] = (
        {"size": 2},
        {"size": 3, "alpha": 0.5},
        {"size": 4, "alpha": 1.0, "beta": 0.5, "k": 2.0},
        {"size": 5, "alpha": 2.0, "beta": 1.5},
    )
    for turn, (size, options) in enumerate(itertools.product(((2, 5, 3), (1, 6, 2, 3), (2, 3, 2, 2, 2)), cases)):
        generator = cell.generator()
        x, g = whole(generator, size, 3), whole(generator, size, 2)
        # Five dimensions that are not contiguous are refused.
        layout = 0 if len(size) > 4 else turn
        full = {"alpha": 1e-4, "beta": 0.75, "k": 1.0} | options
        value, _ = normalisation.local_response(wide(x), **full)
        gradient, room = normalisation.local_response_gradient(wide(x), g, **full)
        inputs = {"x": arranged(x, cell.dtype, layout), "options": options, "g": arranged(g, cell.dtype, layout)}
        forms = [
            function("y = torch.nn.functional.local_response_norm(x, **options)", leaves="(x,)"),
            function("y = torch.nn.LocalResponseNorm(**options)(x)", leaves="(x,)"),
            function("y = torch.nn.functional.local_response_norm(x, *options.values())", leaves="(x,)"),
        ]
        slope = within_bound(cell, "nn.local-response-norm", gradient, 2 * room)
        answer = within_bound(cell, "nn.local-response-norm", value, value)
        judge_gradients(cell, inputs, forms, [slope], leaves="x", value=answer)


@clause("nn.norms.refuse-what-does-not-fit")
def test_norms_refuse(cell: Cell) -> None:
    trial = cell.trial(x=arranged(np.ones((2, 6, 3)), "float32"))
    trial.expect_error("torch.nn.LayerNorm(4, device=device)(x)", RuntimeError)
    trial.expect_error("torch.nn.functional.layer_norm(x, (6,))", RuntimeError)
    trial.expect_error("torch.nn.functional.layer_norm(x, (3,), torch.ones(6, device=device))", RuntimeError)
    trial.expect_error("torch.nn.GroupNorm(4, 6, device=device)", ValueError)
    trial.expect_error("torch.nn.functional.group_norm(x, 4)", RuntimeError)
    trial.expect_error("torch.nn.GroupNorm(2, 4, device=device)(x)", RuntimeError)
    trial.expect_error("torch.nn.InstanceNorm2d(6, device=device)(x[0, 0])", ValueError)
    trial.expect_error("torch.nn.InstanceNorm1d(6, device=device)(x[:, :, :1])", ValueError)
    trial.expect_error("torch.nn.LocalResponseNorm(2)(x[0, 0])", ValueError)
    trial.expect("x", np.ones((2, 6, 3), dtype=np.float32))
