"""The CTC loss: values, gradients, reductions, lengths, spellings of the targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.conformance.judging.layers import arranged, whole, within
from torch_conformance.reference.nn import ctc

Array = npt.NDArray[Any]

_STEPS, _CLASSES = 6, 4
# Lengths of inputs and of labels, and the blank; there is room for a blank between equal labels.
_CASES = (
    ((6, 6, 6), (2, 3, 1), 0),
    ((6, 5, 3), (3, 2, 0), 3),
    ((4, 6), (2, 2), 1),
    ((1,), (1,), 0),
    ((6, 5, 6, 4), (3, 3, 1, 2), 0),
)
_F = "torch.nn.functional.ctc_loss(logs"
_CALLS = (
    f"{_F}, padded, ins, outs, blank, reduction)",
    f"{_F}, joined, ins, outs, blank=blank, reduction=reduction)",
    f"{_F}, targets=padded, input_lengths=ins_tensor, target_lengths=outs_tensor, blank=blank, reduction=reduction)",
    "torch.nn.CTCLoss(blank, reduction)(logs, padded, ins, outs)",
    "torch.nn.CTCLoss(blank=blank, reduction=reduction)(logs, joined, ins_tensor, outs_tensor)",
)


def _labels(generator: np.random.Generator, length: int, blank: int) -> list[int]:
    """Return labels of which the first two are equal where there are two."""
    others = [each for each in range(_CLASSES) if each != blank]
    found = [others[each] for each in generator.integers(0, len(others), length)]
    return [found[0], found[0], *found[2:]] if length > 1 else found


def _reduced(values: Array, lengths: tuple[int, ...], reduction: str) -> tuple[Array, Array]:
    """Return the loss, and the share of each sample in it."""
    ones = np.ones(len(values), dtype=np.longdouble)
    if reduction == "none":
        return values, ones
    if reduction == "sum":
        return np.asarray(values.sum()), ones
    # "mean" divides by the lengths of the labels, then by the batch.
    shares = ones / np.maximum(lengths, 1) / len(values)
    return np.asarray((values * shares).sum()), shares


@clause("nn.ctc.sums-over-alignments")
def test_ctc(cell: Cell) -> None:
    for turn, (ins, outs, blank) in enumerate(_CASES):
        generator = cell.generator()
        x = whole(generator, (_STEPS, len(ins), _CLASSES), 12) / 4
        labels = [_labels(generator, length, blank) for length in outs]
        padded = np.full((len(ins), max(outs)), 1)
        for row, each in zip(padded, labels, strict=True):
            row[: len(each)] = each
        long = x.astype(np.longdouble)
        found = [ctc.loss(long[:length, n], labels[n], blank) for n, length in enumerate(ins)]
        values = np.array([value for value, _ in found], dtype=np.longdouble)
        slopes = np.zeros_like(long)
        for n, (length, (_, slope)) in enumerate(zip(ins, found, strict=True)):
            slopes[:length, n] = slope
        inputs = {
            "x": arranged(x, cell.dtype, turn),
            "padded": arranged(padded, "int64", turn % 2),
            "joined": arranged(np.array([label for each in labels for label in each], dtype=np.int64), "int64"),
            "ins": ins,
            "outs": outs,
            "blank": blank,
        }
        # Logarithms are up to 12 per step.
        rooms = [
            np.asarray(distance(cell, f"nn.ctc.{of}", 12 * _STEPS, terms=_STEPS * (2 * max(outs) + 1)))
            for of in ("value", "gradient")
        ]
        for number, reduction in enumerate(("mean", "sum", "none")):
            value, shares = _reduced(values, outs, reduction)
            g = whole(generator, value.shape, 2) + 0.5
            trial = cell.trial(**inputs, reduction=reduction, g=arranged(g, cell.dtype))
            trial.run("x.requires_grad_(); logs = x.log_softmax(-1)")
            trial.run("ins_tensor, outs_tensor = torch.tensor(ins), torch.tensor(outs)")
            for call in _CALLS[number % 2 :: 2] if turn else _CALLS:
                trial.run(f"y = {call}")
                trial.expect("y", value, within(value, np.full(value.shape, rooms[0])).rule, dtype=cell.dtype)
                expected = slopes * (g * shares)[:, None]
                trial.run("d, = torch.autograd.grad(y, x, g, retain_graph=True)")
                trial.expect("d", expected, within(expected, np.full(x.shape, rooms[1])).rule, dtype=cell.dtype)


@clause("nn.ctc.of-what-does-not-fit-is-infinite")
def test_infinite(cell: Cell) -> None:
    generator = cell.generator()
    x = whole(generator, (4, 2, 3), 4) / 2
    trial = cell.trial(x=arranged(x, cell.dtype))
    trial.run("x.requires_grad_(); logs = x.log_softmax(-1)")
    # Two equal labels need a blank between them.
    trial.run("targets, ins, outs = torch.tensor([[1, 1], [1, 2]], device=device), (2, 4), (2, 2)")
    value, slope = ctc.loss(x[:, 1].astype(np.longdouble), [1, 2])
    room = distance(cell, "nn.ctc.short", 1)
    f = "torch.nn.functional.ctc_loss(logs, targets, ins, outs, reduction='none'"
    trial.run(f"y = {f})")
    trial.expect_true("y[0] == torch.inf", "no alignment fits")
    trial.expect("y[1]", np.asarray(value), within(np.asarray(value), room).rule, dtype=cell.dtype)
    for call in (f"{f}, zero_infinity=True)", "torch.nn.CTCLoss(0, 'none', True)(logs, targets, ins, outs)"):
        trial.run(f"y = {call}; d, = torch.autograd.grad(y.sum(), x, retain_graph=True)")
        trial.expect_true("y[0] == 0 and (d[:, 0] == 0).all()", "zero_infinity makes it 0, and its gradient")
        trial.expect("d[:, 1]", slope, within(slope, np.full(slope.shape, room)).rule, dtype=cell.dtype)


@clause("nn.ctc.takes-a-single-sequence")
def test_single(cell: Cell) -> None:
    x = whole(cell.generator(), (5, 4), 8) / 4
    value, _ = ctc.loss(x.astype(np.longdouble), [2, 1])
    trial = cell.trial(x=arranged(x, cell.dtype))
    trial.run("logs, targets = x.log_softmax(-1), torch.tensor([2, 1], device=device)")
    room = distance(cell, "nn.ctc.short", 1)
    for reduction, expected in (("sum", value), ("mean", value / 2), ("none", value)):
        answer = within(np.asarray(expected), room)
        call = f"torch.nn.CTCLoss(reduction={reduction!r})(logs, targets, torch.tensor(5), torch.tensor(2))"
        trial.expect(call, np.asarray(expected), answer.rule, dtype=cell.dtype)
