"""The tutorial's second regression: loader, layer, loss and optimiser together, against NumPy fed the same batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.training.runs import BY_HAND
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import absolute
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.training import regression
from torch_conformance.reference.training.regression import Descent, Path

Array = npt.NDArray[Any]

START = np.array([0.5, -0.25])
COUNT = 100


def _data(dtype: str, *, wide: bool = False) -> tuple[Array, Array]:
    """Return the tutorial's samples as the dtype holds them; `wide` for the reference to compute with."""
    features, targets, _ = regression.make_regression(COUNT, noise=10, bias=1.5, random_state=0)
    kind = numpy_dtype(dtype)
    x, y = features[:, 0].astype(kind), targets.astype(kind)
    return (x.astype(np.longdouble), y.astype(np.longdouble)) if wide else (x, y)


def _begin(cell: Cell, **inputs: Any) -> Trial:
    """Begin with `x`, `y` of shape (100, 1) and a linear layer whose parameters are (0.5, -0.25)."""
    x, y = _data(cell.dtype)
    trial = cell.trial(x=Strided.from_array(x[:, None]), y=Strided.from_array(y[:, None]), **inputs)
    trial.run("model = torch.nn.Linear(1, 1, device=device, dtype=x.dtype)")
    trial.run("with torch.no_grad(): model.weight.fill_(0.5); model.bias.fill_(-0.25)")
    trial.run("losses, weights, biases = [], [], []")
    return trial


def _judge(trial: Trial, path: Path, dtype: str) -> None:
    __tracebackhide__ = True
    for name, column in (("weights", 0), ("biases", 1)):
        rule = absolute(path.weight_bounds[1:, column])
        trial.expect(f"torch.stack({name}).flatten()", path.weights[1:, column], rule, dtype=dtype)
    trial.expect("torch.stack(losses)", path.losses, absolute(path.loss_bounds), dtype=dtype)


_KEEP = "losses.append(loss.detach()); weights.append(model.weight.detach().clone())"
KEEP = f"{_KEEP}; biases.append(model.bias.detach().clone())"
EPOCHS = f"""
for epoch in range(epochs):
    for xb, yb, places in loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        {KEEP}; order.append(places)
"""


@clause("training.regression.follows-the-tutorial")
def test_tutorial(cell: Cell) -> None:
    epochs = 12 if cell.profile.name == "smoke" else 100
    trial = _begin(cell, epochs=epochs, seed=cell.seed % 2**31)
    trial.run("order = []")
    trial.run("dataset = torch.utils.data.TensorDataset(x, y, torch.arange(100))")
    trial.run("generator = torch.Generator().manual_seed(seed)")
    trial.run("loader = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=True, generator=generator)")
    trial.run("criterion = torch.nn.MSELoss()")
    trial.run("optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)")
    trial.run(EPOCHS)
    trial.expect_equal("[len(places) for places in order]", [16, 16, 16, 16, 16, 16, 4] * epochs)
    trial.expect_true(
        "all(sorted(torch.cat(order[7 * e : 7 * e + 7]).tolist()) == list(range(100)) for e in range(epochs))",
        "every epoch has every sample once",
    )
    trial.expect_true(
        "len({tuple(torch.cat(order[7 * e :])[:100].tolist()) for e in range(5)}) == 5",
        "each of five epochs has an order of its own",
    )
    batches = [np.array(each) for each in trial.evaluate("[places.tolist() for places in order]")]
    x, y = _data(cell.dtype)
    path = regression.descend(x, y, batches, START, Descent(1e-2), cell.dtype)
    _draw(cell, trial, path)
    _judge(trial, path, cell.dtype)


def _draw(cell: Cell, trial: Trial, path: Path) -> None:
    """Put the losses, and the fitted line beside those of NumPy and of least squares, into the report."""
    losses = trial.evaluate("torch.stack(losses).tolist()")
    steps = np.arange(len(losses))[3::7]  # a batch of each epoch
    curves = (
        ("torch", "observed", steps, np.array(losses)[steps]),
        ("NumPy", "expected", steps, path.losses[steps]),
    )
    cell.picture("Loss of the tutorial's regression", ("step", "mean squared error"), curves, logarithmic=True)
    x, y = _data(cell.dtype, wide=True)
    ends = np.array([x.min(), x.max()], np.float64)
    weight, bias = trial.evaluate("[weights[-1].item(), biases[-1].item()]")
    slope, intercept = regression.least_squares(x, y).astype(np.float64)
    lines = (
        ("samples", "data", x, y),
        ("torch", "observed", ends, weight * ends + bias),
        ("NumPy", "expected", ends, path.weights[-1, 0] * ends + path.weights[-1, 1]),
        ("least squares", "expected", ends, slope * ends + intercept),
    )
    cell.picture("The fitted line", ("x", "y"), lines)


def _batches(generator: np.random.Generator, epochs: int, size: int = 16) -> list[Array]:
    return [batch for _ in range(epochs) for batch in np.split(generator.permutation(COUNT), range(size, COUNT, size))]


STEPS = f"""
for places in batches:
    loss = torch.nn.functional.mse_loss(model(x[places]), y[places])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    {KEEP}
"""
# Each option alone and with others: (options, momentum form).
OPTIONS: tuple[dict[str, Any], ...] = (
    {"lr": 0.01, "momentum": 0.9},
    {"lr": 0.05, "weight_decay": 0.25},
    {"lr": 0.02, "momentum": 0.9, "nesterov": True},
    {"lr": 0.05, "momentum": 0.5, "dampening": 0.25},
    {"lr": 0.03, "momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
    {"lr": 0.03, "momentum": 0.5, "weight_decay": 0.5, "dampening": 0.75},
    {"lr": 0.001, "momentum": 0.5, "maximize": True},
    {"lr": 0.001, "weight_decay": 0.5, "maximize": True},
)


@clause("training.regression.follows-sgd-options")
def test_options(cell: Cell) -> None:
    x, y = _data(cell.dtype)
    generator = cell.generator()
    epochs = 1 if cell.profile.name == "smoke" else 3
    for turn, options in enumerate(OPTIONS):
        batches = _batches(generator, epochs, (16, 25, 100)[turn % 3] if epochs > 1 else 25)
        path = regression.descend(x, y, batches, START, Descent(**options), cell.dtype)
        for foreach in (None, bool(turn % 2)):
            trial = _begin(cell, batches=[each.tolist() for each in batches], options={**options, "foreach": foreach})
            trial.run("optimizer = torch.optim.SGD(model.parameters(), **options)")
            trial.run(STEPS)
            _judge(trial, path, cell.dtype)


FULL = f"""
for _ in range(steps):
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    {{step}}
    model.zero_grad()
    {KEEP}
"""
# A step by hand over the module's parameters, or by the optimiser.
WAYS = (
    "for each in model.parameters(): each.data -= lr * each.grad",
    *(each.replace("in parameters", "in model.parameters()").strip() for each in BY_HAND[:1]),
    "optimizer.step()",
)


def _full_batch(cell: Cell, start: npt.ArrayLike, lr: float, steps: int, way: str, **inputs: Any) -> Trial:
    trial = _begin(cell, steps=steps, lr=lr, start=tuple(np.asarray(start, np.float64).tolist()), **inputs)
    trial.run("with torch.no_grad(): model.weight.fill_(start[0]); model.bias.fill_(start[1])")
    trial.run("optimizer = torch.optim.SGD(model.parameters(), lr=lr)")
    trial.run(FULL.format(step=way))
    return trial


def _path(cell: Cell, start: npt.ArrayLike, lr: float, steps: int) -> Path:
    x, y = _data(cell.dtype)
    return regression.descend(x, y, [np.arange(COUNT)] * steps, np.array(start), Descent(lr), cell.dtype)


@clause("training.regression.ends-at-least-squares")
def test_least_squares(cell: Cell) -> None:
    wide = _data(cell.dtype, wide=True)
    solution = regression.least_squares(*wide)
    for way, lr in zip(WAYS, (0.45, 0.4, 0.5), strict=True):
        steps = 80
        path = _path(cell, START, lr, steps)
        # What 80 steps leave of the distance, in exact arithmetic, and what rounding may add.
        left = np.abs(regression.closed_form(*wide, START, lr, steps)[-1] - solution).astype(np.float64)
        trial = _full_batch(cell, START, lr, steps, way)
        for name, column in (("weights", 0), ("biases", 1)):
            rule = absolute(left[column] + path.weight_bounds[-1, column])
            trial.expect(f"{name}[-1].flatten()", solution[column : column + 1], rule, dtype=cell.dtype)
        least = regression.mean_squared_error(solution, *wide)
        rule = absolute(float(path.loss_bounds[-1]) + float(abs(path.losses[-1] - least)))
        trial.expect("losses[-1]", np.asarray(least), rule, dtype=cell.dtype)


@clause("training.regression.converges-at-the-rate-of-the-hessian")
def test_rate(cell: Cell) -> None:
    wide = _data(cell.dtype, wide=True)
    eigenvalues, basis = regression.principal_axes(wide[0])
    solution = regression.least_squares(*wide)
    steps = 30
    kind = numpy_dtype(cell.dtype)
    for way, lr in zip(WAYS, (0.05, 0.1, 0.2), strict=True):
        # Along one axis and then the other: the distance along it shrinks by 1 - lr * eigenvalue at each step.
        for axis in range(2):
            start = (solution + 64 * basis[:, axis]).astype(kind).astype(np.float64)
            path = _path(cell, start, lr, steps)
            exact = regression.closed_form(*wide, start, lr, steps)[1:]
            trial = _full_batch(cell, start, lr, steps, way)
            for name, column in (("weights", 0), ("biases", 1)):
                rule = absolute(path.weight_bounds[1:, column])
                trial.expect(f"torch.stack({name}).flatten()", exact[:, column], rule, dtype=cell.dtype)
            shrunk = float(1 - lr * eigenvalues[axis])
            assert abs(float(np.linalg.norm((exact[0] - solution).astype(np.float64))) / 64 - abs(shrunk)) < 1e-5


@clause("training.regression.diverges-beyond-two-over-the-curvature")
def test_divergence(cell: Cell) -> None:
    wide = _data(cell.dtype, wide=True)
    eigenvalues, basis = regression.principal_axes(wide[0])
    solution = regression.least_squares(*wide)
    steps = 25
    start = (solution + 16 * basis[:, 0]).astype(numpy_dtype(cell.dtype)).astype(np.float64)
    for way in WAYS:
        for factor, word in ((2.1, ">"), (1.9, "<")):
            lr = factor / float(eigenvalues[0])
            trial = _full_batch(cell, start, lr, steps, way)
            _judge(trial, _path(cell, start, lr, steps), cell.dtype)
            curve = f"all(after {word} before for before, after in zip(losses, losses[1:]))"
            trial.expect_true(curve, "the loss grows at each step beyond 2 / L, and falls below")


@clause("training.regression.loss-falls-below-one-over-the-curvature")
def test_monotone(cell: Cell) -> None:
    wide = _data(cell.dtype, wide=True)
    eigenvalues, _ = regression.principal_axes(wide[0])
    generator = cell.generator()
    steps = 20
    for way, factor in zip(WAYS * 2, (0.1, 0.5, 0.9, 1.0, 0.75, 0.25), strict=True):
        start = generator.integers(-80, 81, 2) / 2
        lr = factor / float(eigenvalues[0])
        path = _path(cell, start, lr, steps)
        trial = _full_batch(cell, start, lr, steps, way, slack=float(2 * np.max(path.loss_bounds)))
        falls = "all(after <= before + slack for before, after in zip(losses, losses[1:]))"
        trial.expect_true(falls, "no step raises the loss of a convex problem below 1 / L")
        trial.expect_true("losses[-1] < losses[0]", "training lowers the loss")
        _judge(trial, path, cell.dtype)
