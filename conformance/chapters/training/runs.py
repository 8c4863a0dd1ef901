"""Training runs as transcripts: the ways to spell a model, its updates and the clearing of gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine import bounds
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.training.networks import Batch, Trajectory

Array = npt.NDArray[Any]

BY_TENSORS = ("parameters = [each.clone().requires_grad_() for each in start]",)
LOADED = (
    "parameters = list(model.parameters())",
    "for each, value in zip(parameters, start): each.data.copy_(value)",
)
SUBCLASS = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear({inputs}, {hidden}, device=device, dtype=start[0].dtype)
        self.second = torch.nn.Linear({hidden}, {outputs}, device=device, dtype=start[0].dtype)

    def forward(self, x):
        return self.second({activation}(self.first(x)))
"""


@dataclasses.dataclass(frozen=True)
class Model:
    """How a model is spelled: lines that define `model` and `parameters`, given `start`."""

    name: str
    lines: tuple[str, ...]


def two_layers(activation: str) -> tuple[Model, ...]:
    """Return the spellings of a network of two layers, 3 inputs, 4 hidden units and 2 outputs."""
    module = {"tanh": "torch.nn.Tanh()", "relu": "torch.nn.ReLU()", "sigmoid": "torch.nn.Sigmoid()"}[activation]
    functional = {"tanh": "torch.tanh", "relu": "torch.nn.functional.relu", "sigmoid": "torch.sigmoid"}[activation]
    layers = "torch.nn.Linear({}, {}, device=device, dtype=start[0].dtype)"
    first, second = layers.format(3, 4), layers.format(4, 2)
    subclass = SUBCLASS.format(inputs=3, hidden=4, outputs=2, activation=functional)
    linear = "torch.nn.functional.linear"
    return (
        Model(
            "tensors",
            (
                *BY_TENSORS,
                "w1, b1, w2, b2 = parameters",
                f"model = lambda x: {functional}(x @ w1.t() + b1) @ w2.t() + b2",
            ),
        ),
        Model("sequential", (f"model = torch.nn.Sequential({first}, {module}, {second})", *LOADED)),
        Model("module", (subclass, "model = Net()", *LOADED)),
        Model(
            "functional",
            (
                *BY_TENSORS,
                "w1, b1, w2, b2 = parameters",
                f"model = lambda x: {linear}({linear}(x, w1, b1).{activation}(), w2, b2)",
            ),
        ),
        Model(
            "sequential-loaded",
            (
                f"model = torch.nn.Sequential({first}, {module}, {second})",
                "model.load_state_dict(dict(zip(model.state_dict(), start)))",
                "parameters = list(model.parameters())",
            ),
        ),
    )


def one_layer(inputs: int, outputs: int) -> tuple[Model, ...]:
    """Return the spellings of a linear model."""
    layer = f"torch.nn.Linear({inputs}, {outputs}, device=device, dtype=start[0].dtype)"
    return (
        Model("tensors", (*BY_TENSORS, "w, b = parameters", "model = lambda x: x @ w.t() + b")),
        Model("module", (f"model = {layer}", *LOADED)),
        Model(
            "functional",
            (*BY_TENSORS, "w, b = parameters", "model = lambda x: torch.nn.functional.linear(x, weight=w, bias=b)"),
        ),
        Model("sequential", (f"model = torch.nn.Sequential({layer})", *LOADED)),
        Model("addmm", (*BY_TENSORS, "w, b = parameters", "model = lambda x: torch.addmm(b, x, w.mT)")),
    )


LOOP = """
for number, (xb, yb) in enumerate(batches):
    loss = {loss}
    {backward}
    {between}
    {step}
    {clear}
    losses.append(loss.detach())
    history.append([each.detach().clone() for each in parameters])
"""
# How parameters are written by hand, given `lr`.
BY_HAND = (
    """
    with torch.no_grad():
        for each in parameters:
            each -= lr * each.grad
""",
    """
    for each in parameters:
        each.data.add_(each.grad, alpha=-lr)
""",
    """
    with torch.no_grad():
        for each in parameters:
            each.copy_(each - lr * each.grad)
""",
    """
    with torch.autograd.set_grad_enabled(False):
        for each in parameters:
            each.sub_(each.grad.mul(lr))
""",
)
CLEARED_BY_HAND = (
    "for each in parameters: each.grad = None",
    "for each in parameters: each.grad.zero_()",
    "for each in parameters: each.grad = torch.zeros_like(each)",
    "for each in parameters: each.grad.detach_().mul_(0)",
)
CLEARED_BY_OPTIMISER = (
    "optimizer.zero_grad()",
    "optimizer.zero_grad(set_to_none=False)",
    "optimizer.zero_grad(set_to_none=True)",
    "optimizer.zero_grad(True)",
)
CLEARED_BY_MODULE = (
    "model.zero_grad()",
    "model.zero_grad(set_to_none=False)",
    "model.requires_grad_().zero_grad(True)",
)
BACKWARD = (
    "loss.backward()",
    "torch.autograd.backward(loss)",
    "loss.backward(torch.ones_like(loss))",
    "loss.backward(inputs=parameters)",
)


def strided(array: Array, dtype: str) -> Strided:
    """Return a tensor input; class numbers stay int64."""
    return Strided.from_array(array if array.dtype.kind == "i" else array.astype(numpy_dtype(dtype)))


def begin(cell: Cell, model: Model, start: Sequence[Array], batches: Sequence[Batch], **inputs: Any) -> Trial:
    """Begin a trial that has `model`, `parameters`, `batches`, `losses` and `history`."""
    trial = cell.trial(
        start=[strided(each, cell.dtype) for each in start],
        batches=[(strided(x, cell.dtype), strided(y, cell.dtype)) for x, y in batches],
        **inputs,
    )
    for line in model.lines:
        trial.run(line)
    trial.run("losses, history = [], []")
    return trial


def loop(trial: Trial, loss: str, step: str, clear: str, *, backward: str = BACKWARD[0], between: str = "pass") -> None:
    """Train over `batches`."""
    text = LOOP.format(loss=loss, backward=backward, between=between, step=step.strip(), clear=clear)
    trial.run(text)


def judge(trial: Trial, path: Trajectory, *, losses: bool = True) -> None:
    """Compare every parameter after every step, and every loss unless told not to, with the reference."""
    __tracebackhide__ = True
    for place, values in enumerate(path.parameters):
        bounds.expect(trial, f"torch.stack([each[{place}] for each in history])", values[1:])
    if losses:
        bounds.expect(trial, "torch.stack(losses)", path.losses)


def few_bits(generator: np.random.Generator, *size: int) -> Array:
    """Return multiples of 1/8 up to 1 in modulus."""
    return np.asarray(generator.integers(-8, 9, size) / 8)


def kinkless(generator: np.random.Generator, *size: int) -> Array:
    """Return odd multiples of 1/128, which no sum of products of few-bit factors cancels: no ReLU is at its kink."""
    return few_bits(generator, *size) + 1 / 128


def split(x: Array, y: Array, sizes: Sequence[int], epochs: int = 1) -> list[Batch]:
    """Return batches of consecutive samples."""
    ends = np.cumsum(sizes)
    return [(x[end - size : end], y[end - size : end]) for end, size in zip(ends, sizes, strict=True)] * epochs
