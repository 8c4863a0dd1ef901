"""Dropout: what is kept and scaled, how often, the gradient's mask, evaluation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.layers import HALF, arranged, unit, whole
from torch_conformance.reference.numerics import random

Array = npt.NDArray[Any]

# Of one comparison; a run makes a few hundred of them.
_ERROR_RATE = 1e-13
_TRAINING = (
    "torch.nn.Dropout(p)(x)",
    "torch.nn.functional.dropout(x, p)",
    "torch.nn.functional.dropout(input=x, p=p, training=True)",
    "torch.dropout(x, p, train=True)",
    "torch.nn.Dropout(p=p, inplace=True)(x * 1)",
    "torch.nn.functional.dropout(x * 1, p, True, True)",
)
_SIZES: tuple[tuple[int, ...], ...] = ((40,), (5, 7), (2, 3, 4), (), (0, 3), (33,))


def _nonzero(generator: np.random.Generator, size: tuple[int, ...]) -> Array:
    return generator.choice(np.array([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 5.0]), size)


@clause("nn.dropout.zeroes-or-scales-each-element")
def test_scaled(cell: Cell) -> None:
    for turn, (size, p) in enumerate((size, p) for size in _SIZES for p in (0.5, 0.25, 0.75)):
        x = _nonzero(cell.generator(), size)
        g = _nonzero(cell.generator(), size)
        trial = cell.trial(
            x=arranged(x, cell.dtype, turn),
            g=arranged(g, cell.dtype, turn + 1),
            p=p,
            u=4 * unit(cell.dtype),
            seed=cell.seed % 2**63,
        )
        trial.run("torch.manual_seed(seed); x.requires_grad_()")
        for call in _TRAINING:
            trial.run(f"y = {call}; d, = torch.autograd.grad(y, x, g)")
            trial.expect_true(
                "y.shape == x.shape and y.dtype == x.dtype and d.dtype == x.dtype", "shape and dtype stay"
            )
            trial.run("kept = (y != 0); v = (y / x).detach().double() * (1 - p); s = (d / g).double() * (1 - p)")
            trial.expect_true("((v[kept] - 1).abs() <= u).all()", "what is kept is divided by 1 - p")
            trial.expect_true("(d[~kept] == 0).all()", "what is dropped has no gradient")
            trial.expect_true("((s[kept] - 1).abs() <= u).all()", "the gradient of what is kept is divided by 1 - p")


@clause("nn.dropout.drops-with-its-probability")
def test_statistics(cell: Cell) -> None:
    count = cell.profile.samples // (4 if cell.dtype in HALF else 1)
    for turn, p in enumerate((0.5, 0.1, 0.25, 0.9)):
        trial = cell.trial(n=count, p=p, dtype=cell.torch_dtype, seed=cell.seed % 2**63)
        trial.run("torch.manual_seed(seed); x = torch.ones(n, device=device, dtype=dtype)")
        for call in (_TRAINING[turn % 3], _TRAINING[3 + turn % 3]):
            trial.run(f"v = ({call} == 0).double().cpu().numpy()")
            bound = random.bernstein_bound(count, _ERROR_RATE, p * (1 - p), 1.0)
            trial.expect_true(f"abs(v.mean() - p) <= {bound!r}", "the share of dropped elements is p")
            # Products of neighbours with mean 0 are martingale differences, of size at most 1.
            bound = random.hoeffding_bound(count - 1, _ERROR_RATE, 2.0)
            for lag in (1, 2, 8, 32):
                expression = f"abs(((v[{lag}:] - p) * (v[:-{lag}] - p)).mean()) <= {bound!r}"
                trial.expect_true(expression, "whether one element is dropped says nothing about another")
            trial.run(f"w = ({call} == 0).double().cpu().numpy()")
            trial.expect_true(f"abs(((v - p) * (w - p)).mean()) <= {bound!r}", "each call draws anew")


@clause("nn.dropout.draws-for-every-element-of-expanded-inputs")
def test_expanded(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**63, dtype=cell.torch_dtype)
    trial.run("torch.manual_seed(seed); x = torch.ones(1, 64, device=device, dtype=dtype).requires_grad_()")
    for call in ("torch.nn.Dropout(0.5)(x.expand(4, 64))", "torch.nn.functional.dropout(x.expand(4, 64))"):
        trial.run(f"y = {call}; d, = torch.autograd.grad(y.sum(), x)")
        # Two rows of 64 fair coins are equal with a probability of 2^-64.
        trial.expect_true("len({tuple(row) for row in y.tolist()}) == 4", "rows of the same storage differ")
        trial.expect_true("torch.equal(d, y.sum(0, keepdim=True))", "their gradients add up")


@clause("nn.dropout.repeats-itself-after-the-same-seed")
def test_seed(cell: Cell) -> None:
    trial = cell.trial(seed=cell.seed % 2**63, dtype=cell.torch_dtype)
    trial.run("x = torch.ones(200, device=device, dtype=dtype)")
    for call in (
        "torch.nn.Dropout()(x)",
        "torch.nn.functional.dropout(x)",
        "torch.nn.functional.dropout2d(x.view(5, 10, 2, 2))",
    ):
        trial.run(f"torch.manual_seed(seed); y = {call}; z = {call}; torch.manual_seed(seed); w = {call}")
        trial.expect_true("torch.equal(y, w)", "the same seed drops the same elements")
        # Two draws of 50 fair coins are equal with probability 2^-50.
        trial.expect_true("not torch.equal(y, z)", "the stream goes on from call to call")


_EVALUATION = (
    "torch.nn.Dropout(p).eval()(x)",
    "torch.nn.functional.dropout(x, p, training=False)",
    "torch.nn.functional.dropout(x, p, False)",
    "torch.dropout(x, p, False)",
    "torch.nn.Dropout(p, inplace=True).eval()(x)",
    "torch.nn.Dropout1d(p).eval()(x)",
    "torch.nn.Dropout2d(p).eval()(x)",
    "torch.nn.Dropout3d(p).eval()(x)",
    "torch.nn.AlphaDropout(p).eval()(x)",
    "torch.nn.functional.alpha_dropout(x, p)",
    "torch.nn.FeatureAlphaDropout(p).eval()(x)",
)


@clause("nn.dropout.is-the-identity-in-evaluation")
def test_evaluation(cell: Cell) -> None:
    for turn, p in enumerate((0.5, 0.0, 1.0, 0.9)):
        x, g = whole(cell.generator(), (2, 3, 4), 5), whole(cell.generator(), (2, 3, 4), 2)
        trial = cell.trial(x=arranged(x, cell.dtype, turn), g=arranged(g, cell.dtype, turn + 1), p=p)
        trial.run("x.requires_grad_()")
        for call in _EVALUATION:
            trial.run(f"y = {call}")
            trial.expect("y", x, dtype=cell.dtype)
            trial.expect("torch.autograd.grad(y + 0, x, g)[0]", g, dtype=cell.dtype)
        trial.expect("x", x, dtype=cell.dtype)


@clause("nn.dropout.keeps-all-at-zero-and-none-at-one")
def test_extremes(cell: Cell) -> None:
    for turn, size in enumerate(_SIZES):
        x, g = _nonzero(cell.generator(), size), whole(cell.generator(), size, 2)
        for p, kept in ((0.0, 1), (1.0, 0), (0, 1), (1, 0)):
            trial = cell.trial(x=arranged(x, cell.dtype, turn), g=arranged(g, cell.dtype), p=p)
            trial.run("x.requires_grad_()")
            for call in _TRAINING:
                trial.run(f"y = {call}")
                trial.expect("y.abs()", np.abs(x * kept), dtype=cell.dtype)
                trial.expect("torch.autograd.grad(y, x, g)[0].abs()", np.abs(g * kept), dtype=cell.dtype)


@clause("nn.dropout.writes-its-input-when-inplace")
def test_inplace(cell: Cell) -> None:
    trial = cell.trial(x=arranged(_nonzero(cell.generator(), (64,)), cell.dtype), seed=cell.seed % 2**63)
    trial.run("torch.manual_seed(seed)")
    for call in (
        "torch.nn.Dropout(0.5, inplace=True)(z)",
        "torch.nn.functional.dropout(z, 0.5, True, True)",
        "torch.dropout_(z, 0.5, True)",
    ):
        trial.run(f"z = x.clone(); y = {call}")
        trial.expect_true("y is z", "the input itself is returned")
        trial.expect_true("((z == 0) | (z == 2 * x)).all()", "it holds what was kept")
        # 64 elements are all kept with probability 2^-64.
        trial.expect_true("(z == 0).any() and (z != 0).any()", "some are dropped and some are kept")
    trial.run("z = x.clone(); y = torch.nn.functional.dropout(z, 0.5)")
    trial.expect_true("y is not z and torch.equal(z, x)", "without inplace the input stays")


@clause("nn.dropout.of-channels-drops-whole-channels")
def test_channels(cell: Cell) -> None:
    for dims in (1, 2, 3):
        size = (40, 25, *(2, 1, 3)[:dims])
        trial = cell.trial(
            p=0.25, seed=cell.seed % 2**63, dtype=cell.torch_dtype, size=size, dims=tuple(range(2, 2 + dims))
        )
        trial.run("torch.manual_seed(seed); x = torch.full(size, 3.0, device=device, dtype=dtype).requires_grad_()")
        for call in (
            f"torch.nn.Dropout{dims}d(p)(x)",
            f"torch.nn.functional.dropout{dims}d(x, p)",
            f"torch.nn.Dropout{dims}d(p, inplace=True)(x * 1)",
        ):
            trial.run(f"y = {call}; d, = torch.autograd.grad(y, x, torch.ones_like(y))")
            trial.expect_true(
                "((y == 0) | (y == 4)).all() and ((d == 0) == (y == 0)).all()", "elements are 0 or scaled"
            )
            trial.expect_true("(y.amax(dims) == y.amin(dims)).all()", "a channel is dropped as a whole")
            trial.run("v = (y.amax(dims) == 0).double().cpu().numpy()")
            bound = random.bernstein_bound(1000, _ERROR_RATE, 0.1875, 1.0)
            trial.expect_true(f"abs(v.mean() - p) <= {bound!r}", "channels are dropped with probability p")
            trial.expect_true(
                "(v.min(0) < v.max(0)).any() and (v.min(1) < v.max(1)).any()", "of each sample on its own"
            )


@clause("nn.dropout.of-channels-takes-a-sample-without-a-batch")
def test_sample(cell: Cell) -> None:
    # Of two dimensions more torch warns that it takes the first for the batch.
    for dims in (1, 3):
        trial = cell.trial(size=(80, *(2, 1, 3)[:dims]), seed=cell.seed % 2**63, dtype=cell.torch_dtype)
        trial.run("torch.manual_seed(seed); x = torch.ones(size, device=device, dtype=dtype)")
        for call in (f"torch.nn.Dropout{dims}d(0.5)(x)", f"torch.nn.functional.dropout{dims}d(x)"):
            trial.run(f"y = {call}.flatten(1)")
            trial.expect_true("((y == 0) | (y == 2)).all() and (y.amax(1) == y.amin(1)).all()", "channels as a whole")
            # 80 channels are all kept, or all dropped, with a probability of 2^-79.
            trial.expect_true("0 < (y[:, 0] == 0).sum() < 80", "some are dropped and some are kept")


@clause("nn.alpha-dropout.keeps-mean-and-variance")
def test_alpha(cell: Cell) -> None:
    count = cell.profile.samples // 4
    # The value that a dropped element takes before scaling: the lower limit of selu.
    floor = -1.0507009873554804934193349852946 * 1.6732632423543772848170429916717
    for p in (0.5, 0.1, 0.25):
        keep = 1 - p
        a = (keep + floor**2 * keep * p) ** -0.5
        b = -a * floor * p
        trial = cell.trial(n=count, p=p, dtype=cell.torch_dtype, seed=cell.seed % 2**63)
        trial.run("torch.manual_seed(seed); x = torch.randn(n, device=device, dtype=dtype).requires_grad_()")
        for call in ("torch.nn.AlphaDropout(p)(x)", "torch.nn.functional.alpha_dropout(x, p, training=True)"):
            trial.run(f"y = {call}; d, = torch.autograd.grad(y, x, torch.ones_like(y))")
            trial.run("v, h, s = (each.detach().double().cpu().numpy() for each in (y, d, x))")
            trial.run(f"moved = np.where(h == 0, {a * floor + b!r}, {a!r} * s + {b!r})")
            room = 16 * unit(cell.dtype)
            trial.expect_true(
                f"(np.abs(v - moved) <= {room!r} * (np.abs(s) + 3)).all()",
                "elements are moved and scaled, or at the lower limit",
            )
            trial.expect_true(f"(np.abs(h[h != 0] - {a!r}) <= {room!r} * 2).all()", "the gradient is the scale")
            bound = random.bernstein_bound(count, _ERROR_RATE, p * (1 - p), 1.0)
            trial.expect_true(f"abs((h == 0).mean() - p) <= {bound!r}", "elements are dropped with probability p")
            # Means of n numbers of variance 1, and of their squares (of kurtosis at most 3), by eight deviations.
            trial.expect_true(f"abs(v.mean()) <= {8 / math.sqrt(count) + room!r}", "the mean stays 0")
            trial.expect_true(f"abs(v.var() - 1) <= {16 / math.sqrt(count) + 4 * room!r}", "the variance stays 1")


@clause("nn.dropout.refuses-what-is-no-probability")
def test_refuses(cell: Cell) -> None:
    trial = cell.trial(x=arranged(np.ones((2, 3, 4)), "float32"))
    for p in (-0.1, 1.5):
        trial.run(f"p = {p}")
        for cls in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout"):
            trial.expect_error(f"torch.nn.{cls}(p)", ValueError)
        for name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"):
            trial.expect_error(f"torch.nn.functional.{name}(x, p)", ValueError)
        trial.expect_error("torch.dropout(x, p, True)", RuntimeError)
    trial.expect("x", np.ones((2, 3, 4), dtype=np.float32))
