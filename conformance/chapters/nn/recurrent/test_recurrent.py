"""RNN, LSTM and GRU: weights, outputs, final states, gradients, dropout between layers, single cells."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.chapters.nn.recurrent.cases import Example, RecurrentCase, cases, kinds_of, shortened
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.nn.recurrent import Network
from torch_conformance.reference.numerics.bounded import exact
from torch_conformance.reference.numerics.random import bernstein_bound

ERROR_RATE = 1e-9


@clause("nn.*.names-and-shapes-its-weights")
def test_names_and_shapes(cell: Cell) -> None:
    for case in cases(cell) + (cases(cell, projected=True) if cell.clause.subject == "lstm" else []):
        shapes = case.network.shapes()
        trial = Example(cell, case, cell.generator()).trial()
        trial.expect_equal("[name for name, _ in net.named_parameters()]", list(shapes))
        trial.expect_equal("list(net.state_dict())", list(shapes))
        trial.expect_equal("[tuple(each.shape) for each in net.parameters()]", list(shapes.values()))
        trial.expect_true("all(each.dtype == dtype for each in net.parameters())", "weights have the dtype asked for")
        trial.expect_true("all(each.requires_grad for each in net.parameters())", "weights require grad")
        trial.expect_true("all(getattr(net, n) is p for n, p in net.named_parameters())", "weights are attributes")
        trial.expect_true(
            "[id(each) for row in net.all_weights for each in row] == [id(each) for each in net.parameters()]",
            "all_weights lists the weights themselves",
        )


@clause("nn.*.gives-outputs-and-final-states")
def test_outputs(cell: Cell) -> None:
    generator = cell.generator()
    for case in cases(cell):
        _judge_outputs(Example(cell, case, generator))


def _judge_outputs(example: Example) -> None:
    trial = example.trial()
    output, finals = example.answer()
    trial.run(example.call())
    example.judge(trial, output, finals)
    trial.run("net.eval()")
    trial.run(f"with torch.no_grad(): {example.call()}")
    example.judge(trial, output, finals)
    trial.expect_true("not y.requires_grad", "nothing is recorded under no_grad")


@clause("nn.*.gives-gradients")
def test_gradients(cell: Cell) -> None:
    generator = cell.generator()
    found = cases(cell)
    for case in found if cell.dtype == "float64" else found[:2]:
        _judge_gradients(Example(cell, case, generator))


def _judge_gradients(example: Example) -> None:
    trial = example.trial()
    output, finals = example.answer()
    trial.run("for each in [x, *states]: each.requires_grad_()")
    trial.run(example.call())
    example.judge_gradients(trial, [output, *finals])


@clause("nn.lstm.projects-its-hidden-state")
def test_projection(cell: Cell) -> None:
    generator = cell.generator()
    for case in cases(cell, projected=True)[:3]:
        example = Example(cell, case, generator)
        _judge_outputs(example)
        _judge_gradients(example)


@clause("nn.*.drops-between-layers-in-training-alone")
def test_dropout(cell: Cell) -> None:
    generator = cell.generator()
    for kind in kinds_of(cell.clause.subject):
        for layers in (2, 3):
            example = Example(cell, RecurrentCase(Network(kind, 2, 3, layers, bidirectional=layers == 2)), generator)
            trial = example.trial()
            trial.run("net.dropout = 1.0")
            trial.run(example.call())
            example.judge(trial, *example.answer(between=0.0))
            trial.run("net.eval()")
            trial.run(example.call())
            example.judge(trial, *example.answer())
        single = Example(cell, RecurrentCase(Network(kind, 2, 3)), generator)
        trial = single.trial()
        trial.run("net.dropout = 0.5")
        trial.run(single.call())
        single.judge(trial, *single.answer())


# What passes from the first layer is a positive constant; the second layer adds up its share of what is kept.
_SHARE = """
with torch.no_grad():
    for each in net.parameters():
        each.zero_()
    net.bias_ih_l0.fill_(1)
    net.weight_ih_l1.copy_(torch.eye(hidden, device=device, dtype=dtype).repeat(rows, 1))
"""
_KEPT = {
    "rnn": "torch.nn.RNN(1, hidden, 2, dropout=p, nonlinearity='relu', device=device, dtype=dtype)",
    "lstm": "torch.nn.LSTM(1, hidden, 2, dropout=p, device=device, dtype=dtype)",
    "gru": "torch.nn.GRU(1, hidden, num_layers=2, dropout=p, device=device, dtype=dtype)",
}


@clause("nn.*.drops-at-the-given-rate")
def test_dropout_rate(cell: Cell) -> None:
    subject, hidden, batch = cell.clause.subject, 20, 400
    rows = {"rnn": 1, "lstm": 4, "gru": 3}[subject]
    for p in (0.25, 0.5, 0.75):
        seed = int(cell.generator().integers(2**31))
        trial = cell.trial(hidden=hidden, rows=rows, p=p, dtype=cell.torch_dtype, batch=batch, seed=seed)
        trial.run(f"net = {_KEPT[subject]}")
        trial.run(_SHARE)
        trial.run("_ = torch.manual_seed(seed)")
        trial.run("y = net(torch.zeros(1, batch, 1, device=device, dtype=dtype))[0][0]")
        trial.run("largest = y.max()")
        # One step from a state of 0: a dropped input leaves 0 behind, one that is kept does not.
        trial.expect_true("((y == 0) | ((y - largest).abs() < 1e-3)).all()", "what is kept is scaled alike")
        bound = bernstein_bound(hidden * batch, ERROR_RATE, p * (1 - p), max(p, 1 - p))
        trial.run("share = (y == 0).double().mean().item()")
        trial.expect_true(f"abs(share - p) <= {bound!r}", "the share of what is dropped is p")
        if subject == "rnn":
            expect(trial, "largest", exact(np.ones(()), cell.dtype, shortened(cell)) / (1 - p))
        trial.run("y = net.eval()(torch.zeros(1, 1, 1, device=device, dtype=dtype))[0]")
        trial.expect_true("(y != 0).all()", "nothing is dropped in evaluation")
        if subject == "rnn":
            expect(trial, "y", exact(np.ones((1, 1, hidden)), cell.dtype))


# Each takes what the network below it does not fit: a dimension, features, or a state of another size.
_MISFITS = (
    "net(x[..., :1])",
    "net(x[0, 0])",
    "net(x[None])",
    "net(x, states_of(states, 1, 0))",
    "net(x, states_of(states, 0, 1))",
    "net(x, states_of(states, 0, 0, 1))",
)
_STATES_OF = """
def states_of(states, rows, batch, features=0):
    cut = tuple(each[rows:, batch:, features:] for each in states)
    return cut if len(cut) == 2 else cut[0]
"""


@clause("nn.*.refuses-sizes-that-do-not-fit")
def test_misfits(cell: Cell) -> None:
    for kind in kinds_of(cell.clause.subject):
        example = Example(cell, RecurrentCase(Network(kind, 2, 3, 2)), cell.generator())
        trial = example.trial()
        trial.run(_STATES_OF)
        for call in _MISFITS:
            trial.expect_error(call, RuntimeError, ValueError, AssertionError)
        trial.run("y, f = net(x, states_of(states, 0, 0))")
        example.judge(trial, *example.answer())


@clause("nn.lstm.refuses-a-projection-as-wide-as-the-state")
def test_projection_misfit(cell: Cell) -> None:
    trial = cell.trial()
    for size in (3, 4, -1):
        trial.run(f"size = {size}")
        trial.expect_error("torch.nn.LSTM(2, 3, proj_size=size, device=device)", ValueError)
    for name in ("GRU", "RNN"):
        trial.expect_error(f"torch.nn.{name}(2, 3, proj_size=1)", ValueError, TypeError)


# By name, with biases; and by place.
_CELLS = {
    "tanh": (
        "torch.nn.RNNCell(2, 3, device=device, dtype=dtype)",
        "torch.nn.RNNCell(2, 3, bias, 'tanh', device, dtype)",
    ),
    "relu": (
        "torch.nn.RNNCell(2, 3, nonlinearity='relu', device=device, dtype=dtype)",
        "torch.nn.RNNCell(2, 3, bias, 'relu', device, dtype)",
    ),
    "lstm": ("torch.nn.LSTMCell(2, 3, device=device, dtype=dtype)", "torch.nn.LSTMCell(2, 3, bias, device, dtype)"),
    "gru": (
        "torch.nn.GRUCell(input_size=2, hidden_size=3, device=device, dtype=dtype)",
        "torch.nn.GRUCell(2, 3, bias, device, dtype)",
    ),
}


@clause("nn.*.cell-takes-one-step")
def test_cells(cell: Cell) -> None:
    generator = cell.generator()
    for kind in kinds_of(cell.clause.subject):
        # bias, batched, state given
        for bias, batched, given in ((True, True, True), (False, True, True), (True, False, True), (True, True, False)):
            case = RecurrentCase(Network(kind, 2, 3, bias=bias), batched=batched, given=given, steps=1)
            _judge_cell(Example(cell, case, generator), by_place=not bias or not batched)


def _judge_cell(example: Example, *, by_place: bool) -> None:
    lstm, given = example.case.network.kind == "lstm", example.case.given
    trial = example.cell.trial(**example.inputs())
    trial.run(f"net = {_CELLS[example.case.network.kind][by_place]}")
    trial.expect_equal("[name for name, _ in net.named_parameters()]", [name[:-3] for name in example.names])
    trial.run("for name, weight in zip(names, weights): getattr(net, name[:-3]).data.copy_(weight)")
    trial.run("x, states, cotangents = x[0], [each[0] for each in states], [each[0] for each in cotangents]")
    trial.run("for each in [x, *states]: each.requires_grad_()")
    state = ", tuple(states)" if lstm else ", states[0]"
    # A cell keeps nothing: the second call gives what the first gave.
    trial.run(f"f = net(x{state if given else ''}); f = net(x{state if given else ''})")
    _, finals = example.answer()
    parts = ("f[0]", "f[1]") if lstm else ("f",)
    for part, final in zip(parts, finals, strict=True):
        example.compare(trial, part, final[0], axis=0)
    trial.run(f"torch.autograd.backward([{', '.join(parts)}], cotangents[1:])")
    found = example.gradients(finals, example.cotangents[1:])
    example.compare(trial, "x.grad", found[0][0], axis=0)
    for place in range(len(example.states) if given else 0):
        example.compare(trial, f"states[{place}].grad", found[1 + place][0], axis=0)
    for name, each in zip(example.names, found[1 + len(example.states) :], strict=True):
        expect(trial, f"net.{name[:-3]}.grad", each)
