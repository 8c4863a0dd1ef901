"""Elman networks, LSTM and GRU: names and shapes of weights, one step, whole sequences in layers and directions.

Source: PyTorch documentation, torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU, torch.nn.RNNCell, torch.nn.LSTMCell,
torch.nn.GRUCell.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable
from torch_conformance.reference.ops.derivatives import UNARY

Array = npt.NDArray[Any]
State = tuple[Variable, ...]
Weights = Mapping[str, Variable]

_GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}


@dataclasses.dataclass(frozen=True)
class Network:
    """What a recurrent network consists of.

    Attributes:
        kind: "tanh" or "relu" (of the Elman network), "lstm" or "gru".
        inputs: Features of the input.
        hidden: Features of the hidden state.
        layers: How many are stacked.
        bidirectional: Whether each layer has a second direction, from the last step to the first.
        bias: Whether there are biases.
        projected: Features that the LSTM's hidden state is projected to; 0 for none.
    """

    kind: str
    inputs: int
    hidden: int
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    projected: int = 0

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 2 if self.bidirectional else 1

    @property
    def output(self) -> int:
        """Features of the hidden state as it leaves a step."""
        return self.projected or self.hidden

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Features of each part of the state: hidden, and the LSTM's cell."""
        return (self.output, self.hidden) if self.kind == "lstm" else (self.output,)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the weights' names, in order, with their shapes."""
        found: dict[str, tuple[int, ...]] = {}
        rows = _GATES[self.kind] * self.hidden
        for layer in range(self.layers):
            for end in ("", "_reverse")[: self.directions]:
                entering = self.inputs if layer == 0 else self.output * self.directions
                found[f"weight_ih_l{layer}{end}"] = (rows, entering)
                found[f"weight_hh_l{layer}{end}"] = (rows, self.output)
                if self.bias:
                    found[f"bias_ih_l{layer}{end}"] = (rows,)
                    found[f"bias_hh_l{layer}{end}"] = (rows,)
                if self.projected:
                    found[f"weight_hr_l{layer}{end}"] = (self.projected, self.hidden)
        return found


def step(kind: str, x: Variable, state: State, weights: Weights, end: str = "") -> State:
    """Return the state after one step.

    Args:
        kind: As in `Network`.
        x: Batch by features.
        state: Hidden state, and the LSTM's cell state, each batch by features.
        weights: Those of `Network.shapes`, by name.
        end: What names end with, after "weight_ih" and so on.
    """
    tanh, sigmoid = UNARY["tanh"], UNARY["sigmoid"]
    hidden, width = state[0], weights[f"weight_hh{end}"].shape[0] // _GATES[kind]
    entering, recurring = ((each, weights[f"weight_{n}{end}"]) for each, n in ((x, "ih"), (hidden, "hh")))
    biases = [weights[name] for name in (f"bias_ih{end}", f"bias_hh{end}") if name in weights]
    total = tape.linear([entering, recurring], biases)
    if kind in ("tanh", "relu"):
        return (UNARY[kind](total),)
    parts = [total[:, gate * width : (gate + 1) * width] for gate in range(_GATES[kind])]
    if kind == "lstm":
        i, f, g, o = parts
        cell = sigmoid(f) * state[1] + sigmoid(i) * tanh(g)
        leaving = sigmoid(o) * tanh(cell)
        projection = weights.get(f"weight_hr{end}")
        return (leaving if projection is None else tape.linear([(leaving, projection)]), cell)
    reset, update = (sigmoid(each) for each in parts[:2])
    # Of the third part the two products stay apart.
    last, pairs = slice(2 * width, None), enumerate((entering, recurring))
    inner, outer = (tape.linear([pair], biases[place : place + 1])[:, last] for place, pair in pairs)
    fresh = tanh(inner + reset * outer)
    return ((1 - update) * fresh + update * hidden,)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a network gives for one batch.

    Attributes:
        outputs: One per step, batch by directions times features, of the last layer.
        finals: For each part of the state, one per layer and direction, batch by features.
    """

    outputs: tuple[Variable, ...]
    finals: tuple[tuple[Variable, ...], ...]


def side_by_side(places: list[Array]) -> Array:
    """Return arrays one after the other along their second dimension."""
    return np.concatenate(places, axis=1)


def run(
    network: Network, steps: Sequence[Variable], states: Sequence[State], weights: Weights, *, between: float = 1.0
) -> Answer:
    """Return outputs and final states for sequences of equal length.

    Args:
        network: What is run.
        steps: The input, one per step, batch by features.
        states: Initial states, one per layer and direction, that of layer l and direction d at l * directions + d.
        weights: Those of `Network.shapes`, by name.
        between: Factor on what passes from one layer to the next: 0 where dropout takes all.
    """
    finals: list[State] = []
    outputs = list(steps)
    for layer in range(network.layers):
        entering = [each * between for each in outputs] if layer and between != 1.0 else outputs
        directions = []
        for direction, end in enumerate(("", "_reverse")[: network.directions]):
            state = states[len(finals)]
            passed: list[Variable] = []
            for x in reversed(entering) if direction else entering:
                state = step(network.kind, x, state, weights, f"_l{layer}{end}")
                passed.append(state[0])
            finals.append(state)
            directions.append(passed[::-1] if direction else passed)
        if network.directions == 1:
            outputs = directions[0]
        else:
            outputs = [tape.joined(pair, side_by_side) for pair in zip(*directions, strict=True)]
    return Answer(tuple(outputs), tuple(zip(*finals, strict=True)))


def run_alone(
    network: Network, x: Variable, lengths: Sequence[int], states: Sequence[State], weights: Weights
) -> list[Answer]:
    """Return the answer for each sequence of a padded batch by itself.

    Args:
        network: What is run.
        x: Steps by batch by features, of which sequence n has the first lengths[n] steps.
        lengths: One per sequence.
        states: As for `run`, of the whole batch.
        weights: As for `run`.
    """
    answers = []
    for n, length in enumerate(lengths):
        own = [tuple(part[n : n + 1] for part in state) for state in states]
        answers.append(run(network, [x[t, n : n + 1] for t in range(length)], own, weights))
    return answers
