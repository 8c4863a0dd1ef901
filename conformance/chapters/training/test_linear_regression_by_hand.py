"""The tutorial's house prices, by hand: predictions, loss, gradients, the first step, and the steps after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import EXACT, absolute
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import roundings, rule_around
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.roundoff import gamma, unit_roundoff
from torch_conformance.reference.training import regression

Array = npt.NDArray[Any]

START = np.array([3.0, 50.0])
RATE = 1e-4

SCALARS = (
    "w = torch.tensor(3.0, dtype=x.dtype, device=device, requires_grad=True)",
    "b = torch.tensor(50.0, dtype=x.dtype, device=device, requires_grad=True)",
)
VECTORS = (
    "w = torch.full((1,), 3.0, dtype=x.dtype, device=device).requires_grad_()",
    "b = torch.full((1,), 50.0, dtype=x.dtype, device=device).requires_grad_()",
)
MODULE = (
    "model = torch.nn.Linear(1, 1, device=device, dtype=x.dtype)",
    "with torch.no_grad(): model.weight.fill_(3.0); model.bias.fill_(50.0)",
    "w, b = model.weight, model.bias",
)
# How the model is set up, and how it predicts.
MODELS: tuple[tuple[tuple[str, ...], str], ...] = (
    (SCALARS, "w * x + b"),
    (SCALARS, "torch.add(torch.mul(x, w), b)"),
    (SCALARS, "torch.addcmul(b, x, w)"),
    (VECTORS, "x.mul(w).add(b)"),
    (VECTORS, "x[:, None] @ w + b"),
    (VECTORS, "torch.addmm(b, x[:, None], w[:, None])[:, 0]"),
    (VECTORS, "torch.nn.functional.linear(x[:, None], w[None], b).squeeze(1)"),
    (MODULE, "model(x[:, None])[:, 0]"),
    (MODULE, "model(x.unsqueeze(-1)).flatten()"),
)
LOSSES = (
    "((p - y) ** 2).mean()",
    "(p - y).pow(2).mean()",
    "torch.mean((y - p).square())",
    "((p - y) * (p - y)).sum() / 3",
    "torch.dot(p - y, p - y) / 3",
    "torch.nn.MSELoss()(p, y)",
    "torch.nn.MSELoss(reduction='mean')(p, y)",
    "torch.nn.functional.mse_loss(p, y)",
    "torch.nn.functional.mse_loss(p, y, reduction='sum') / y.numel()",
    "torch.nn.functional.mse_loss(input=p, target=y, reduction='none').mean()",
)
GRADIENTS = (
    "loss.backward()",
    "torch.autograd.backward(loss)",
    "w.grad, b.grad = torch.autograd.grad(loss, (w, b))",
)
STEPS = (
    "with torch.no_grad(): w -= lr * w.grad; b -= lr * b.grad",
    "with torch.no_grad(): w.sub_(lr * w.grad); b.sub_(b.grad * lr)",
    "with torch.no_grad(): w.add_(w.grad, alpha=-lr); b.sub_(b.grad, alpha=lr)",
    "with torch.no_grad(): w.copy_(w - lr * w.grad); b.copy_(b - lr * b.grad)",
    "w.data -= lr * w.grad.data; b.data -= lr * b.grad.data",
    "torch.optim.SGD([w, b], lr=lr).step()",
    "torch.optim.SGD([w, b], lr).step()",
    "torch.optim.SGD([{'params': [w]}, {'params': b}], lr=lr).step()",
    "torch.optim.SGD([{'params': [w], 'lr': lr}, {'params': [b], 'lr': lr}], lr=1.0).step()",
    "torch.optim.SGD([w, b], lr=lr, foreach=True).step()",
    "torch.optim.SGD((each for each in (w, b)), lr=lr, foreach=False).step()",
)


def _houses(cell: Cell, turn: int, steps: int = 1) -> Trial:
    """Begin with the model of a turn; x is 80, 100, 120 and y is 320, 400, 480, in two layouts."""
    kind = numpy_dtype(cell.dtype)
    sizes, prices = regression.HOUSE_SIZES.astype(kind), regression.HOUSE_PRICES.astype(kind)
    if turn % 2:
        pairs = np.stack([sizes, prices], axis=1).ravel()
        x, y = Strided(pairs, (3,), (2,), 0), Strided(pairs, (3,), (2,), 1)
    else:
        x, y = Strided.from_array(sizes), Strided.from_array(prices)
    trial = cell.trial(x=x, y=y, lr=RATE, steps=steps)
    for line in MODELS[turn % len(MODELS)][0]:
        trial.run(line)
    return trial


def _predict(trial: Trial, turn: int) -> None:
    trial.run(f"p = {MODELS[turn % len(MODELS)][1]}")


@clause("training.house-prices.predictions-by-hand")
def test_predictions(cell: Cell) -> None:
    kind = numpy_dtype(cell.dtype)
    for turn in range(2 * len(MODELS)):
        trial = _houses(cell, turn)
        _predict(trial, turn)
        trial.expect("p", np.array([290, 350, 410], kind))
        trial.expect("p - y", np.array([-30, -50, -70], kind))
        trial.expect_true("p.requires_grad and not p.is_leaf", "the predictions depend on the parameters")


@clause("training.house-prices.loss-by-hand")
def test_loss(cell: Cell) -> None:
    exact = np.array(np.longdouble(8300) / 3)
    rule = rule_around(cell, "mse_loss.of-three", float(exact))
    kind = numpy_dtype(cell.dtype)
    for turn in range(2):
        trial = _houses(cell, turn)
        _predict(trial, turn)
        for loss in LOSSES:
            trial.expect(loss, exact, rule, dtype=cell.dtype)
        trial.expect("torch.nn.functional.mse_loss(p, y, reduction='sum')", np.array(8300, kind))
        trial.expect("torch.nn.MSELoss(reduction='sum')(y, p)", np.array(8300, kind))
        trial.expect("torch.nn.MSELoss(reduction='none')(p, y)", np.array([900, 2500, 4900], kind))


@clause("training.house-prices.gradients-by-hand")
def test_gradients(cell: Cell) -> None:
    weight, bias = np.array(-np.longdouble(31600) / 3), np.array(np.longdouble(-100))
    # All terms of a sum have one sign, so that its roundings are relative to the sum.
    relative = gamma(roundings(cell, "mse_loss.gradient-of-three", terms=3), unit_roundoff(cell.dtype))
    for turn in range(len(MODELS)):
        for number, loss in enumerate(LOSSES):
            trial = _houses(cell, turn + number)
            _predict(trial, turn + number)
            trial.run(f"loss = {loss}")
            trial.run(GRADIENTS[(turn + number) % len(GRADIENTS)])
            rules = (absolute(relative * 31600 / 3), absolute(relative * 100))
            trial.expect("w.grad.reshape(())", weight, rules[0], dtype=cell.dtype)
            trial.expect("b.grad.reshape(())", bias, rules[1], dtype=cell.dtype)
            trial.expect_true("w.grad.shape == w.shape and b.grad.shape == b.shape", "a gradient has its leaf's shape")
            trial.expect_true("x.grad is None and y.grad is None", "data has no gradient")


@clause("training.house-prices.first-step-by-hand")
def test_first_step(cell: Cell) -> None:
    hand = (np.array(3 + np.longdouble(31600) / 30000), np.array(50 + np.longdouble(1) / 100))
    path = regression.descend(
        regression.HOUSE_SIZES, regression.HOUSE_PRICES, [np.arange(3)], START, regression.Descent(RATE), cell.dtype
    )
    rules = [absolute(float(each)) for each in path.weight_bounds[1]]
    for turn, step in enumerate(STEPS):
        for number in (turn, turn + 5):
            trial = _houses(cell, number)
            _predict(trial, number)
            trial.run(f"loss = {LOSSES[number % len(LOSSES)]}")
            trial.run("loss.backward()")
            trial.run(step)
            trial.expect("w.detach().reshape(())", hand[0], rules[0], dtype=cell.dtype)
            trial.expect("b.detach().reshape(())", hand[1], rules[1], dtype=cell.dtype)
            trial.expect_true("w.is_leaf and w.requires_grad and b.is_leaf", "a step leaves parameters leaves")


LOOP = """
for _ in range(steps):
    p = {prediction}
    loss = {loss}
    loss.backward()
    {step}
    w.grad = None; b.grad = None
    losses.append(loss.detach()); ws.append(w.detach().clone().reshape(())); bs.append(b.detach().clone().reshape(()))
"""


@clause("training.house-prices.later-steps-follow")
def test_later_steps(cell: Cell) -> None:
    steps = 12 if cell.profile.name == "smoke" else 60
    how = regression.Descent(RATE)
    sizes, prices = regression.HOUSE_SIZES, regression.HOUSE_PRICES
    path = regression.descend(sizes, prices, [np.arange(3)] * steps, START, how, cell.dtype)
    for turn, step in enumerate(STEPS):
        trial = _houses(cell, turn, steps)
        trial.run("losses, ws, bs = [], [], []")
        loss, prediction = LOSSES[(turn + 3) % len(LOSSES)], MODELS[turn % len(MODELS)][1]
        trial.run(LOOP.format(prediction=prediction, loss=loss, step=step))
        for name, column in (("ws", 0), ("bs", 1)):
            rule = absolute(path.weight_bounds[1:, column])
            trial.expect(f"torch.stack({name})", path.weights[1:, column], rule, dtype=cell.dtype)
        trial.expect("torch.stack(losses)", path.losses, absolute(path.loss_bounds), dtype=cell.dtype)


@clause("training.house-prices.inputs-are-left-as-they-were")
def test_inputs(cell: Cell) -> None:
    for turn, step in enumerate(STEPS):
        trial = _houses(cell, turn)
        trial.run("kept = [(each._version, each.stride(), each.data_ptr()) for each in (x, y)]")
        _predict(trial, turn)
        trial.run("loss = torch.nn.functional.mse_loss(p, y)")
        trial.run("loss.backward()")
        trial.run(step)
        kind = numpy_dtype(cell.dtype)
        trial.expect("x", regression.HOUSE_SIZES.astype(kind), EXACT)
        trial.expect("y", regression.HOUSE_PRICES.astype(kind), EXACT)
        trial.expect_true(
            "kept == [(each._version, each.stride(), each.data_ptr()) for each in (x, y)]",
            "training neither writes nor moves its data",
        )
        trial.expect_true("not x.requires_grad and x.grad is None and y.grad is None", "data takes no gradient")
