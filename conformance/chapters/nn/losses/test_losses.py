"""Losses: values and gradients with every reduction and option, and distances between rows."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.losses.cases import LOSSES, Loss
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import distance, specific
from torch_conformance.conformance.judging.layers import (
    Answer,
    arranged,
    function,
    judge_gradients,
    judge_values,
    selected,
    whole,
    within,
    within_bound,
)
from torch_conformance.reference.nn import losses
from torch_conformance.spec.layers import layers

Array = npt.NDArray[Any]


def _tensor(array: Array, cell: Cell, turn: int) -> Any:
    return arranged(array, "int64" if array.dtype.kind == "i" else cell.dtype, turn)


def _answer(cell: Cell, values: Array, size: Array, count: int) -> Answer:
    operation = specific(cell, f"nn.{cell.clause.subject}", "nn.loss")
    return within(values, distance(cell, operation, size, terms=count))


def _judge(cell: Cell, loss: Loss, reduction: str, turn: int) -> None:
    __tracebackhide__ = True
    row = layers()[cell.clause.subject]
    terms, asked = loss.terms, reduction
    if reduction == "batchmean":
        terms, asked = dataclasses.replace(terms, count=loss.tensors["x"].shape[0]), "mean"
    value, size = losses.reduced(terms, asked)
    g = whole(cell.generator(), value.shape, 2) if turn % 3 else np.full(value.shape, 2.0)
    inputs: dict[str, Any] = {key: _tensor(each, cell, turn + len(key)) for key, each in loss.tensors.items()}
    inputs |= {
        key: _tensor(each, cell, 0) if isinstance(each, np.ndarray) else each for key, each in loss.inputs.items()
    }
    inputs |= {"reduction": reduction, "g": arranged(g, cell.dtype, turn)}
    comma = ", " if loss.extra else ""
    arguments = ", ".join(loss.tensors)
    leaves = f"({', '.join(loss.leaves.split())},)"
    lines = [
        f"y = torch.nn.functional.{row.function}({arguments}, {loss.extra}{comma}reduction=reduction)",
        f"y = torch.nn.{row.module}({loss.extra}{comma}reduction=reduction)({arguments})",
    ]
    if reduction == "mean":
        lines += [
            f"y = torch.nn.functional.{row.function}({arguments}{comma}{loss.extra})",
            f"y = torch.nn.{row.module}({loss.extra})({arguments})",
        ]
    forms = [function(line, leaves=leaves) for line in lines]
    count = loss.terms.values.size + loss.tensors["x"].size
    answer = _answer(cell, value, size, count)
    if loss.differentiable:
        slopes = [_answer(cell, each, extent, count) for each, extent in losses.gradients(terms, asked, g)]
        judge_gradients(cell, inputs, forms, slopes, leaves=loss.leaves, value=answer)
    else:
        judge_values(cell, inputs, forms, answer)


@clause("nn.*-loss.has-its-value-and-gradient")
def test_loss(cell: Cell) -> None:
    cases = LOSSES[cell.clause.subject](cell.generator())
    reductions = layers()[cell.clause.subject].values("reduction")
    for turn, (loss, reduction) in selected(cell, list(itertools.product(cases, reductions)), scale=2):
        _judge(cell, loss, reduction, turn)


@clause("nn.losses.refuse-what-does-not-fit")
def test_losses_refuse(cell: Cell) -> None:
    trial = cell.trial(x=arranged(np.ones((3, 4)), "float32"), t=arranged(np.zeros(3, dtype=np.int64), "int64"))
    for name in ("l1_loss", "mse_loss", "smooth_l1_loss", "huber_loss", "kl_div", "soft_margin_loss"):
        trial.expect_error(f"torch.nn.functional.{name}(x, x, reduction='average')", ValueError)
    for name in ("cross_entropy", "nll_loss", "multi_margin_loss"):
        trial.expect_error(f"torch.nn.functional.{name}(x, t, reduction='average')", ValueError)
        trial.expect_error(f"torch.nn.functional.{name}(x, t[:2])", ValueError, RuntimeError)
    for name in ("cross_entropy", "nll_loss"):
        trial.expect_error(f"torch.nn.functional.{name}(x, t, weight=torch.ones(3, device=device))", RuntimeError)
    trial.expect_error("torch.nn.functional.mse_loss(x, x[:2, :3])", RuntimeError)
    trial.expect_error("torch.nn.functional.binary_cross_entropy(x, x[:2])", ValueError)
    trial.expect_error("torch.nn.functional.binary_cross_entropy_with_logits(x, x[:2])", ValueError)
    trial.expect_error("torch.nn.SmoothL1Loss(beta=-1.0)(x, x)", RuntimeError)
    trial.expect_error("torch.nn.HuberLoss(delta=0.0)(x, x)", RuntimeError)
    trial.expect_error("torch.nn.functional.margin_ranking_loss(x, x, t[:2], reduction='mean')", RuntimeError)
    trial.expect_error("torch.nn.functional.gaussian_nll_loss(x, x, -x)", ValueError)
    trial.expect_error("torch.nn.functional.multi_margin_loss(x, t, p=3)", ValueError, RuntimeError)
    trial.expect("x", np.ones((3, 4), dtype=np.float32))


@clause("nn.gaussian-nll.takes-one-variance-for-many")
def test_shared_variance(cell: Cell) -> None:
    generator = cell.generator()
    x, t = whole(generator, (3, 4), 4) / 2, whole(generator, (3, 4), 4) / 2
    v = generator.integers(1, 9, (3, 1)) / 4.0
    trial = cell.trial(x=arranged(x, cell.dtype), t=arranged(t, cell.dtype), v=arranged(v, cell.dtype))
    trial.run("v.requires_grad_()")
    for reduction in ("mean", "sum", "none"):
        terms = losses.gaussian_nll(*(each.astype(np.longdouble) for each in (x, t, np.broadcast_to(v, x.shape))))
        value, size = losses.reduced(terms, reduction)
        slopes = losses.gradients(terms, reduction, np.ones(np.shape(value)))[1]
        slope, room = (each.sum(axis=1, keepdims=True) for each in slopes)
        for given, turned in (("v", ""), ("v[:, 0]", "")):
            trial.run(f"y = torch.nn.GaussianNLLLoss(reduction={reduction!r})(x, t, {given}){turned}")
            answer = _answer(cell, value, size, 24)
            trial.expect("y", answer.values, answer.rule, dtype=cell.dtype)
            answer = _answer(cell, slope, room, 24)
            trial.expect("torch.autograd.grad(y.sum(), v)[0]", slope, answer.rule, dtype=cell.dtype)


@clause("nn.triplet-distance.is-the-margin-loss-of-any-distance")
def test_triplet_distance(cell: Cell) -> None:
    generator = cell.generator()
    for turn, (margin, swap, reduction) in enumerate(
        itertools.product((1.0, 4.0), (False, True), ("mean", "sum", "none"))
    ):
        x, t, u = (whole(generator, (6, 3), 3) + shift for shift in (0.0, 0.25, -0.5))
        terms = losses.triplet_margin(_wide(x), _wide(t), _wide(u), margin=margin, p=1.0, eps=0.0, swap=swap)
        value, size = losses.reduced(terms, reduction)
        given = {name: arranged(each, cell.dtype, turn) for name, each in zip("xtu", (x, t, u), strict=True)}
        trial = cell.trial(**given, margin=margin, swap=swap, reduction=reduction)
        trial.run("distance = lambda a, b: (a - b).abs().sum(-1)")
        options = "distance_function=distance, margin=margin, swap=swap, reduction=reduction"
        answer = _answer(cell, value, size, 64)
        for call in (
            f"torch.nn.functional.triplet_margin_with_distance_loss(x, t, u, {options})",
            f"torch.nn.TripletMarginWithDistanceLoss({options})(x, t, u)",
        ):
            trial.expect(call, answer.values, answer.rule, dtype=cell.dtype)


def _wide(array: Array) -> Array:
    return array.astype(np.longdouble)


# Losses with the deprecated flags, and what they are called with.
_FLAGGED = {
    "l1-loss": "x, u",
    "mse-loss": "x, u",
    "nll-loss": "x, t",
    "smooth-l1-loss": "x, u",
    "cross-entropy-loss": "x, t",
    "kl-div-loss": "x, p",
    "bce-loss": "p, p.flip(0)",
    "bce-with-logits-loss": "x, p",
    "soft-margin-loss": "x, s",
    "hinge-embedding-loss": "x, s",
    "multi-margin-loss": "x, t",
    "poisson-nll-loss": "x, p",
}


@clause("nn.losses.obey-the-deprecated-flags")
def test_deprecated(cell: Cell) -> None:
    trial = cell.trial(
        x=arranged(whole(cell.generator(), (3, 4), 4) / 2 + 0.25, cell.dtype),
        t=arranged(np.array([1, 3, 0]), "int64"),
    )
    trial.run("u, s, p = x.flip(0).contiguous(), x.sign(), x.sigmoid()")
    for name, arguments in _FLAGGED.items():
        row = layers()[name]
        f = f"torch.nn.functional.{row.function}({arguments}, "
        for flags, reduction in (
            ("size_average=False", "sum"),
            ("size_average=True", "mean"),
            ("reduce=False", "none"),
            ("size_average=False, reduce=True", "sum"),
        ):
            why = f"{flags} means {reduction}"
            trial.expect_true(f"torch.equal({f}{flags}), {f}reduction={reduction!r}))", why)
            module = f"torch.nn.{row.module}({flags})({arguments})"
            trial.expect_true(f"torch.equal({module}, {f}reduction={reduction!r}))", why)


@clause("nn.cosine-similarity.is-the-cosine-of-the-angle")
def test_cosine_similarity(cell: Cell) -> None:
    cases: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
        ((4, 3), {}),
        ((3, 4, 2), {"dim": 1}),
        ((2, 5), {"dim": 0}),
        ((2, 3, 4), {"dim": -1, "eps": 1e-6}),
        ((2, 3), {"eps": 100.0}),
    )
    for turn, (size, options) in enumerate(cases):
        generator = cell.generator()
        x, t = (whole(generator, size, 3) + 0.5 for _ in range(2))
        axis, eps = options.get("dim", 1), options.get("eps", 1e-8)
        value, first, second = losses.cosine(x.astype(np.longdouble), t.astype(np.longdouble), int(axis), eps)
        g = whole(generator, value.shape, 2)
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "t": arranged(t, cell.dtype, turn + 1),
            "options": options,
            "g": arranged(g, cell.dtype, turn),
        }
        forms = [
            function("y = torch.nn.functional.cosine_similarity(x, t, **options)", leaves="(x, t)"),
            function("y = torch.nn.CosineSimilarity(**options)(x, t)", leaves="(x, t)"),
            function("y = torch.cosine_similarity(x, t, **options)", leaves="(x, t)"),
        ]
        if "dim" in options:
            forms += [function("y = torch.nn.functional.cosine_similarity(x, t, *options.values())", leaves="(x, t)")]
        norms = [np.maximum(np.sqrt((each**2).sum(axis=axis, keepdims=True)), eps) for each in (x, t)]
        lead = np.expand_dims(np.abs(g), axis)
        answer = within_bound(cell, "nn.distance", value, np.ones_like(value))
        slopes = [
            within_bound(cell, "nn.distance", np.expand_dims(g, axis) * slope, lead * (1 / norm + 1 / other))
            for slope, norm, other in ((first, *norms), (second, *norms[::-1]))
        ]
        small = eps < 1
        if small:
            judge_gradients(cell, inputs, forms, slopes, leaves="x t", value=answer)
        else:
            judge_values(cell, inputs, forms, answer)


@clause("nn.pairwise-distance.is-the-norm-of-the-difference")
def test_pairwise_distance(cell: Cell) -> None:
    cases: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
        ((4, 3), {}),
        ((3, 4), {"p": 1.0, "eps": 0.25}),
        ((5,), {"p": 3.0, "eps": 0.5}),
        ((2, 3, 4), {"p": 2.0, "eps": 0.25, "keepdim": True}),
        ((3, 5), {"p": float("inf"), "eps": 0.125}),
    )
    for turn, (size, options) in enumerate(cases):
        generator = cell.generator()
        x, t = whole(generator, size, 3), whole(generator, size, 3) + 0.5
        if options.get("p") == float("inf"):
            x[..., 0] += 16
        p, eps, keepdim = options.get("p", 2.0), options.get("eps", 1e-6), options.get("keepdim", False)
        value, slope = losses.distance(x.astype(np.longdouble), t.astype(np.longdouble), p, eps)
        g = whole(generator, value.shape, 2)
        gradient = g[..., None] * slope
        shown = np.s_[..., None] if keepdim else np.s_[...]
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "t": arranged(t, cell.dtype, turn + 1),
            "options": options,
            "g": arranged(g[shown], cell.dtype, turn),
        }
        forms = [
            function("y = torch.nn.functional.pairwise_distance(x, t, **options)", leaves="(x, t)"),
            function("y = torch.nn.PairwiseDistance(**options)(x, t)", leaves="(x, t)"),
            function("y = torch.pairwise_distance(x, t, **options)", leaves="(x, t)"),
            function("y = torch.nn.functional.pairwise_distance(x, t, *options.values())", leaves="(x, t)"),
        ]
        size_of = np.abs(g)[..., None] + 0 * gradient
        slopes = [within_bound(cell, "nn.distance", each, size_of) for each in (gradient, -gradient)]
        answer = within_bound(cell, "nn.distance", value[shown], value[shown])
        judge_gradients(cell, inputs, forms, slopes, leaves="x t", value=answer)
