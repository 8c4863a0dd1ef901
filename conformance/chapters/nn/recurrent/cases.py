"""Recurrent networks as cases: combinations of options, few-bit weights and inputs, and the torch code to run them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.nn import recurrent
from torch_conformance.reference.nn.recurrent import Network
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.roundoff import TF32
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]

_BY_NAME = "input_size=inputs, hidden_size=hidden, num_layers=layers, bias=bias, batch_first=batch_first"
_REST = "dropout=0.0, bidirectional=bidirectional, device=device, dtype=dtype"
_BY_PLACE = "inputs, hidden, layers, bias, batch_first, 0.0, bidirectional"
# By name, and as far by place as every version takes.
_CONSTRUCTORS = {
    "tanh": (
        f"net = torch.nn.RNN(nonlinearity='tanh', {_BY_NAME}, {_REST})",
        f"net = torch.nn.RNN(inputs, hidden, layers, bias=bias, batch_first=batch_first, {_REST})",
    ),
    "relu": (
        f"net = torch.nn.RNN({_BY_NAME}, {_REST}, nonlinearity='relu')",
        f"net = torch.nn.RNN(inputs, hidden, layers, nonlinearity='relu', bias=bias, batch_first=batch_first, {_REST})",
    ),
    "lstm": (
        f"net = torch.nn.LSTM({_BY_NAME}, {_REST})",
        f"net = torch.nn.LSTM({_BY_PLACE}, device=device, dtype=dtype)",
    ),
    "gru": (
        f"net = torch.nn.GRU({_BY_NAME}, {_REST})",
        f"net = torch.nn.GRU({_BY_PLACE}, device=device, dtype=dtype)",
    ),
}
_PROJECTED = f"net = torch.nn.LSTM({_BY_NAME}, {_REST}, proj_size=projected)"


@dataclasses.dataclass(frozen=True)
class RecurrentCase:
    """One network and how it is called.

    Attributes:
        network: The network.
        batch_first: Whether batches come first in input and output.
        batched: Whether there is a batch.
        given: Whether the initial states are given.
        steps: Length of the sequences.
        batch: Size of the batch.
    """

    network: Network
    batch_first: bool = False
    batched: bool = True
    given: bool = True
    steps: int = 3
    batch: int = 2


# layers, bidirectional, bias, batch first, batched, states given, steps
_OPTIONS = (
    *((2, True, True, True, True, True, 3), (1, False, False, False, False, False, 3)),
    *((1, True, True, False, False, True, 2), (3, False, False, True, True, False, 2)),
    *((1, False, True, False, True, False, 1), (2, True, False, False, True, True, 4)),
)


def kinds_of(subject: str) -> tuple[str, ...]:
    """Return the kinds of networks that a clause's subject covers."""
    return ("tanh", "relu") if subject == "rnn" else (subject,)


def cases(cell: Cell, *, projected: bool = False) -> list[RecurrentCase]:
    """Return the combinations that this profile tries, each kind with the first."""
    kinds = kinds_of(cell.clause.subject)
    count = min(len(_OPTIONS), max(2, cell.profile.examples))
    found = []
    for place, (layers, bidirectional, bias, batch_first, batched, given, steps) in enumerate(_OPTIONS[:count]):
        for kind in kinds if place == 0 else (kinds[place % len(kinds)],):
            sizes = (3, 4 if place % 2 else 3)
            network = Network(kind, *sizes, layers, bidirectional, bias, 2 if projected else 0)
            found.append(RecurrentCase(network, batch_first, batched, given, steps))
    return found


def few_bits(generator: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Return multiples of 1/8 from -1 to 1, which every floating dtype holds, few of them 0."""
    drawn = generator.integers(1, 9, size) / 8
    return np.asarray(drawn * generator.choice([-1.0, 1.0], size))


def shortened(cell: Cell) -> float:
    """Return the unit roundoff that factors may be shortened to: cuDNN may by default multiply float32 in TF32."""
    return TF32 if cell.dtype == "float32" and not cell.device.startswith("cpu") else 0.0


class Example:
    """Values of a case, the transcript's inputs, and the reference's answer."""

    def __init__(self, cell: Cell, case: RecurrentCase, generator: np.random.Generator) -> None:
        """Draw the values."""
        self.cell, self.case, network = cell, case, case.network
        batch = case.batch if case.batched else 1
        self.names = tuple(network.shapes())
        self.weights = {name: self._leaf(few_bits(generator, size)) for name, size in network.shapes().items()}
        self.x = self._leaf(few_bits(generator, (case.steps, batch, network.inputs)))
        rows = network.layers * network.directions
        drawn = [few_bits(generator, (rows, batch, size)) for size in network.state_sizes]
        self.states = [self._leaf(each if case.given else np.zeros_like(each)) for each in drawn]
        self.cotangents = [few_bits(generator, (case.steps, batch, network.output * network.directions))]
        self.cotangents += [few_bits(generator, each.shape) for each in self.states]

    def _leaf(self, values: Array) -> Variable:
        return tape.variable(values, self.cell.dtype, shortened(self.cell))

    def _stored(self, values: Array, *, batch_axis: int | None = None) -> Strided:
        """Return values as an input of the cell's dtype, without the batch where the case has none."""
        if batch_axis is not None and not self.case.batched:
            values = values.squeeze(batch_axis)
        return Strided.from_array(cast(values.astype(np.float64), self.cell.dtype))

    def inputs(self) -> dict[str, Any]:
        """Return the inputs of a transcript: x, states, cotangents, weights with their names, and options."""
        network = self.case.network
        return {
            "x": self._stored(self.x.data.values, batch_axis=1),
            "states": [self._stored(each.data.values, batch_axis=1) for each in self.states],
            "cotangents": [self._stored(each, batch_axis=1) for each in self.cotangents],
            "names": list(self.names),
            "weights": [self._stored(each.data.values) for each in self.weights.values()],
            "inputs": network.inputs,
            "hidden": network.hidden,
            "layers": network.layers,
            "bidirectional": network.bidirectional,
            "bias": network.bias,
            "batch_first": self.case.batch_first,
            "projected": network.projected,
            "dtype": self.cell.torch_dtype,
        }

    def trial(self, **more: Any) -> Trial:
        """Begin a transcript with a network `net` of these weights, and the inputs."""
        trial = self.cell.trial(**self.inputs(), **more)
        trial.run(self._constructor())
        trial.run("for name, weight in zip(names, weights): getattr(net, name).data.copy_(weight)")
        return trial

    def _constructor(self) -> str:
        network = self.case.network
        if network.projected:
            return _PROJECTED
        return _CONSTRUCTORS[network.kind][network.layers == 2]

    def call(self) -> str:
        """Return the line that runs `net`, leaving output y and final states f."""
        x = "x.transpose(0, 1)" if self.case.batch_first and self.case.batched else "x"
        states = ", tuple(states)" if self.case.network.kind == "lstm" else ", states[0]"
        return f"y, f = net({x}{states if self.case.given else ''})"

    def answer(self, *, between: float = 1.0) -> tuple[Variable, list[Variable]]:
        """Return the reference's output, steps first, and final states, with a batch in any case."""
        network, steps = self.case.network, [self.x[t] for t in range(self.case.steps)]
        rows = range(network.layers * network.directions)
        states = [tuple(part[row] for part in self.states) for row in rows]
        found = recurrent.run(network, steps, states, self.weights, between=between)
        return stacked(found.outputs), [stacked(part) for part in found.finals]

    def judge(self, trial: Trial, output: Variable, finals: list[Variable]) -> None:
        """Compare output y and final states f."""
        swapped = self.case.batch_first and self.case.batched
        self.compare(trial, "y.transpose(0, 1)" if swapped else "y", output)
        parts = ["f[0]", "f[1]"] if self.case.network.kind == "lstm" else ["f"]
        for part, final in zip(parts, finals, strict=True):
            self.compare(trial, part, final)

    def compare(self, trial: Trial, expression: str, result: Variable, *, axis: int = 1) -> None:
        """Compare a tensor of the transcript, without the batch where the case has none."""
        places = tape.places_of(result.shape)
        expect(trial, expression, result if self.case.batched else tape.taken(result, places.squeeze(axis)))

    def gradients(self, outputs: list[Variable], cotangents: list[Array]) -> list[Variable]:
        """Return the gradients of x, of the states, and of every weight."""
        leaves = [self.x, *self.states, *self.weights.values()]
        found = tape.gradients_of(outputs, leaves, [self._leaf(each) for each in cotangents])
        pairs = zip(leaves, found, strict=True)
        return [tape.constant(np.zeros(leaf.shape), leaf) if each is None else each for leaf, each in pairs]

    def judge_gradients(self, trial: Trial, outputs: list[Variable]) -> None:
        """Compare the gradients of x, of states that are given, and of every weight."""
        found = self.gradients(outputs, self.cotangents)
        parts = "[y, *f]" if self.case.network.kind == "lstm" else "[y, f]"
        trial.run("if batch_first and x.dim() == 3: y = y.transpose(0, 1)")
        trial.run(f"torch.autograd.backward({parts}, cotangents)")
        self.compare(trial, "x.grad", found[0])
        if self.case.given:
            for place in range(len(self.states)):
                self.compare(trial, f"states[{place}].grad", found[1 + place])
        for name, each in zip(self.names, found[1 + len(self.states) :], strict=True):
            expect(trial, f"net.{name}.grad", each)


def stacked(parts: Sequence[Variable]) -> Variable:
    """Return parts along a new first dimension."""
    return tape.joined(parts, np.stack)
