"""Logistic and softmax regression and networks of two layers: whole trajectories, in every spelling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.training.runs import (
    BACKWARD,
    BY_HAND,
    CLEARED_BY_HAND,
    CLEARED_BY_MODULE,
    CLEARED_BY_OPTIMISER,
    Model,
    begin,
    few_bits,
    judge,
    kinkless,
    loop,
    one_layer,
    split,
    two_layers,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.training.networks import Batch, Network, Optimiser, train

Array = npt.NDArray[Any]

LOSSES = {
    "mse": (
        "((model(xb) - yb) ** 2).mean()",
        "torch.nn.functional.mse_loss(model(xb), yb)",
        "torch.nn.MSELoss()(model(xb), yb)",
        "(model(xb) - yb).square().sum() / yb.numel()",
    ),
    "bce": (
        "torch.nn.functional.binary_cross_entropy(torch.sigmoid(model(xb)), yb)",
        "torch.nn.BCELoss()(model(xb).sigmoid(), yb)",
        "torch.nn.BCELoss(reduction='sum')(torch.nn.Sigmoid()(model(xb)), yb) / yb.numel()",
        "-(yb * torch.sigmoid(model(xb)).log() + (1 - yb) * (1 - torch.sigmoid(model(xb))).log()).mean()",
    ),
    "bce-with-logits": (
        "torch.nn.functional.binary_cross_entropy_with_logits(model(xb), yb)",
        "torch.nn.BCEWithLogitsLoss()(model(xb), yb)",
        "torch.nn.BCEWithLogitsLoss(reduction='none')(model(xb), yb).mean()",
        "torch.nn.functional.softplus(torch.where(yb > 0, -model(xb), model(xb))).mean()",
    ),
    "cross-entropy": (
        "torch.nn.functional.cross_entropy(model(xb), yb)",
        "torch.nn.CrossEntropyLoss()(model(xb), yb)",
        "torch.nn.functional.nll_loss(torch.log_softmax(model(xb), 1), yb)",
        "torch.nn.NLLLoss(reduction='sum')(torch.nn.LogSoftmax(dim=1)(model(xb)), yb) / len(yb)",
        "(torch.logsumexp(model(xb), 1) - model(xb).gather(1, yb[:, None])[:, 0]).mean()",
        "-torch.log_softmax(model(xb), dim=-1)[range(len(yb)), yb].mean()",
    ),
}
SIZES = {"full": ((8,), 5), "mini": ((3, 3, 2), 2)}


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is trained: how the model is spelled, the network in the reference, and the shape of parameters and targets.

    Attributes:
        models: Spellings.
        network: The reference's.
        sizes: Shapes of the parameters.
    """

    models: tuple[Model, ...]
    network: Network
    sizes: tuple[tuple[int, ...], ...]

    def case(self, generator: np.random.Generator, batching: str) -> tuple[list[Array], list[Batch]]:
        """Return parameters to start from, and batches of 8 samples."""
        start = [few_bits(generator, *size) if len(size) > 1 else kinkless(generator, *size) for size in self.sizes]
        x = few_bits(generator, 8, self.sizes[0][1])
        y: Array = few_bits(generator, 8, *self.sizes[-1])
        if self.network.loss == "cross-entropy":
            y = generator.permutation(np.arange(8) % self.sizes[-1][0])
        elif self.network.loss != "mse":
            y = generator.integers(0, 2, y.shape).astype(np.float64)
        sizes, epochs = SIZES[batching]
        return start, split(x, y, sizes, epochs)


_TWO = ((4, 3), (4,), (2, 4), (2,))
SUBJECTS = {
    "tanh-network": Subject(two_layers("tanh"), Network("tanh", "mse"), _TWO),
    "relu-network": Subject(two_layers("relu"), Network("relu", "mse"), _TWO),
    "sigmoid-network": Subject(two_layers("sigmoid"), Network("sigmoid", "bce-with-logits"), _TWO),
    "classifying-network": Subject(two_layers("relu"), Network("relu", "cross-entropy"), _TWO),
    "logistic-regression": Subject(one_layer(3, 1), Network("", "bce-with-logits"), ((1, 3), (1,))),
    "regression-of-probabilities": Subject(one_layer(3, 1), Network("", "bce"), ((1, 3), (1,))),
    "softmax-regression": Subject(one_layer(3, 4), Network("", "cross-entropy"), ((4, 3), (4,))),
}


@dataclasses.dataclass(frozen=True)
class Updates:
    """How parameters are updated: the reference's optimiser, and torch's; by hand where torch's is not named."""

    make: Callable[[], Optimiser]
    spelled: str


BY_HAND_UPDATES = (Updates(lambda: Optimiser("SGD", lr=0.125), ""),)
# Every option of SGD, alone and with others.
SGD_UPDATES = (
    Updates(lambda: Optimiser("SGD", lr=0.125), "torch.optim.SGD(parameters, lr=0.125)"),
    Updates(lambda: Optimiser("SGD", lr=0.0625, momentum=0.75), "torch.optim.SGD(parameters, 0.0625, 0.75)"),
    Updates(
        lambda: Optimiser("SGD", lr=0.0625, momentum=0.5, nesterov=True),
        "torch.optim.SGD(parameters, lr=0.0625, momentum=0.5, nesterov=True)",
    ),
    Updates(
        lambda: Optimiser("SGD", lr=0.125, weight_decay=0.25),
        "torch.optim.SGD(parameters, lr=0.125, weight_decay=0.25)",
    ),
    Updates(
        lambda: Optimiser("SGD", lr=0.125, momentum=0.5, dampening=0.25, weight_decay=0.125),
        "torch.optim.SGD(parameters, lr=0.125, momentum=0.5, dampening=0.25, weight_decay=0.125)",
    ),
    Updates(
        lambda: Optimiser("SGD", lr=0.0625, momentum=0.5, maximize=True),
        "torch.optim.SGD(parameters, lr=0.0625, momentum=0.5, maximize=True)",
    ),
)
# An eps that matters beside the root, so that rounding of a small gradient is not blown up to a step of lr.
ADAM_UPDATES = (
    Updates(lambda: Optimiser("Adam", lr=0.0625, eps=0.03125), "torch.optim.Adam(parameters, lr=0.0625, eps=0.03125)"),
    Updates(
        lambda: Optimiser("Adam", lr=0.0625, betas=(0.5, 0.75), eps=0.125, amsgrad=True),
        "torch.optim.Adam(parameters, 0.0625, (0.5, 0.75), 0.125, amsgrad=True)",
    ),
    Updates(
        lambda: Optimiser("Adam", lr=0.0625, eps=0.03125, weight_decay=0.25),
        "torch.optim.Adam(parameters, lr=0.0625, eps=0.03125, weight_decay=0.25)",
    ),
    Updates(
        lambda: Optimiser("AdamW", lr=0.0625, eps=0.03125, weight_decay=0.01),
        "torch.optim.AdamW(parameters, lr=0.0625, eps=0.03125)",
    ),
    Updates(
        lambda: Optimiser("AdamW", lr=0.0625, betas=(0.75, 0.5), eps=0.0625, weight_decay=0.5),
        "torch.optim.AdamW(parameters, lr=0.0625, betas=(0.75, 0.5), eps=0.0625, weight_decay=0.5)",
    ),
    Updates(
        lambda: Optimiser("AdamW", lr=0.0625, eps=0.03125, maximize=True, weight_decay=0.125, amsgrad=True),
        "torch.optim.AdamW(parameters, lr=0.0625, eps=0.03125, weight_decay=0.125, amsgrad=True, maximize=True)",
    ),
)


def _turns(cell: Cell) -> range:
    """Return turns: in six of them, each spelling of a model, a loss, an update and of clearing comes up."""
    return range(cell.seed % 60, cell.seed % 60 + {"smoke": 2, "standard": 6}.get(cell.profile.name, 30))


def _follow(cell: Cell, updates: tuple[Updates, ...]) -> None:
    """Judge runs of the clause's subject."""
    __tracebackhide__ = True
    generator = cell.generator()
    subject = SUBJECTS[cell.clause.subject]
    losses = LOSSES[subject.network.loss]
    for turn in _turns(cell):
        start, batches = subject.case(generator, ("full", "mini")[turn % 2])
        model, update = subject.models[turn % len(subject.models)], updates[turn % len(updates)]
        trial = begin(cell, model, start, batches, lr=0.125)
        if update.spelled:
            trial.run(f"optimizer = {update.spelled}")
        is_module = "model.parameters()" in "".join(model.lines)
        cleared = CLEARED_BY_OPTIMISER if update.spelled else CLEARED_BY_MODULE if is_module else CLEARED_BY_HAND
        loop(
            trial,
            losses[turn % len(losses)],
            "optimizer.step()" if update.spelled else BY_HAND[turn % len(BY_HAND)],
            cleared[turn // 2 % len(cleared)],
            backward=BACKWARD[turn % len(BACKWARD)],
        )
        judge(trial, train(subject.network, start, batches, update.make(), cell.dtype))


@clause("training.*.follows-updates-by-hand")
def test_by_hand(cell: Cell) -> None:
    _follow(cell, BY_HAND_UPDATES)


@clause("training.*.follows-sgd")
def test_sgd(cell: Cell) -> None:
    _follow(cell, SGD_UPDATES)


@clause("training.*.follows-adam")
def test_adam(cell: Cell) -> None:
    _follow(cell, ADAM_UPDATES)
