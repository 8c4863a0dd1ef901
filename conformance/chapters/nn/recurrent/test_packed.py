"""Sequences of several lengths: packing, padding, and recurrent networks run on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.recurrent.cases import Example, RecurrentCase, kinds_of, stacked
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.nn import recurrent
from torch_conformance.reference.nn.recurrent import Network, side_by_side
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]

# Lengths in descending order, in any order, all equal, of one sequence.
LENGTHS = ((4, 2, 1), (1, 4, 3, 4), (2, 2), (3,), (5, 1, 1, 2, 5))


def _batch(cell: Cell, lengths: tuple[int, ...], generator: np.random.Generator, features: tuple[int, ...]) -> Array:
    """Return steps by batch by features of whole numbers, none of them 0, also in the padding."""
    size = (max(lengths), len(lengths), *features)
    values = generator.permutation(np.arange(1, int(np.prod(size)) + 1)).reshape(size)
    return values.astype(numpy_dtype(cell.dtype))


def _order(lengths: tuple[int, ...]) -> Array:
    """Return the places of sequences from the longest to the shortest, equal ones as they come."""
    return np.argsort(-np.array(lengths), kind="stable")


def _packed(x: Array, lengths: tuple[int, ...], order: Array) -> tuple[Array, Array]:
    """Return the data and the batch sizes of a packed batch."""
    sizes = [sum(length > step for length in lengths) for step in range(max(lengths))]
    rows = [x[step, order[:size]] for step, size in enumerate(sizes)]
    return np.concatenate(rows), np.array(sizes, dtype=np.int64)


def _padded(x: Array, lengths: tuple[int, ...], value: float, steps: int) -> Array:
    """Return the batch with `value` in the padding, up to `steps`."""
    size = (steps, *x.shape[1:])
    result = np.full(size, value).astype(x.dtype)
    for n, length in enumerate(lengths):
        result[:length, n] = x[:length, n]
    return result


@clause("nn.packed.pack-interleaves-the-steps")
def test_pack(cell: Cell) -> None:
    generator = cell.generator()
    for turn, lengths in enumerate(LENGTHS):
        x = _batch(cell, lengths, generator, ((), (2,), (2, 3))[turn % 3])
        is_sorted = list(lengths) == sorted(lengths, reverse=True)
        trial = cell.trial(x=Strided.from_array(x), lengths=list(lengths))
        calls = [
            "torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)",
            "torch.nn.utils.rnn.pack_padded_sequence(x.transpose(0, 1), lengths, True, False)",
            "torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)",
            "torch.nn.utils.rnn.pack_sequence([x[:n, i] for i, n in enumerate(lengths)], enforce_sorted=False)",
        ]
        order = _order(lengths)
        for call in calls:
            trial.run(f"packed = {call}")
            trial.expect_equal("packed.batch_sizes.tolist()", _packed(x, lengths, order)[1].tolist())
            trial.run("order = packed.sorted_indices.tolist()")
            _judge_order(trial, lengths)
            given = np.array(trial.evaluate("order"))
            trial.expect("packed.data", _packed(x, lengths, given)[0])
        if is_sorted:
            for call in (
                "torch.nn.utils.rnn.pack_padded_sequence(x, lengths)",
                "torch.nn.utils.rnn.pack_padded_sequence(input=x.transpose(0, 1), lengths=lengths, batch_first=True)",
                "torch.nn.utils.rnn.pack_sequence([x[:n, i] for i, n in enumerate(lengths)])",
            ):
                trial.run(f"packed = {call}")
                trial.expect("packed.data", _packed(x, lengths, np.arange(len(lengths)))[0])
                trial.expect_true(
                    "packed.sorted_indices is None and packed.unsorted_indices is None",
                    "with enforce_sorted there are no sorted_indices",
                )


def _judge_order(trial: Any, lengths: tuple[int, ...]) -> None:
    """Check that the given order is one from the longest to the shortest; equal ones may come in any order."""
    trial.expect_equal("[lengths[i] for i in order]", sorted(lengths, reverse=True))
    trial.expect_equal("sorted(order)", list(range(len(lengths))))
    trial.expect_true(
        "packed.unsorted_indices[packed.sorted_indices].tolist() == sorted(order)",
        "unsorted_indices is the inverse of sorted_indices",
    )


@clause("nn.packed.pad-undoes-pack")
def test_pad_packed(cell: Cell) -> None:
    generator = cell.generator()
    for turn, lengths in enumerate(LENGTHS):
        x = _batch(cell, lengths, generator, ((2,), (), (2, 3))[turn % 3])
        trial = cell.trial(x=Strided.from_array(x), lengths=list(lengths), steps=max(lengths) + 2)
        trial.run("packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)")
        for arguments, value, more in (
            ("packed", 0, 0),
            ("packed, False, 7.0", 7, 0),
            ("packed, padding_value=-3.0, total_length=steps", -3, 2),
            ("packed, False, 0.0, steps", 0, 2),
        ):
            expected = _padded(x, lengths, value, max(lengths) + more)
            trial.run(f"y, n = torch.nn.utils.rnn.pad_packed_sequence({arguments})")
            trial.expect("y", expected)
            trial.expect_equal("n.tolist()", list(lengths))
            batch_first = (
                arguments.replace("False", "True") if "False" in arguments else f"{arguments}, batch_first=True"
            )
            trial.run(f"y, n = torch.nn.utils.rnn.pad_packed_sequence({batch_first})")
            trial.expect("y", expected.swapaxes(0, 1))
            trial.expect_equal("n.tolist()", list(lengths))
        trial.run("parts = torch.nn.utils.rnn.unpack_sequence(packed)")
        for n, length in enumerate(lengths):
            trial.expect(f"parts[{n}]", x[:length, n])
        trial.run("short = steps - 3")
        trial.expect_error("torch.nn.utils.rnn.pad_packed_sequence(packed, total_length=short)", ValueError)


@clause("nn.packed.refuses-lengths-that-do-not-fit")
def test_refuses(cell: Cell) -> None:
    trial = cell.trial(x=Strided.from_array(np.arange(12.0).reshape(4, 3)), good=[4, 2, 1])
    for lengths in ("[4, 1, 2]", "[1, 2, 4]", "[2, 4, 4]"):
        trial.expect_error(f"torch.nn.utils.rnn.pack_padded_sequence(x, {lengths})", RuntimeError)
        trial.expect_error(f"torch.nn.utils.rnn.pack_padded_sequence(x, {lengths}, enforce_sorted=True)", RuntimeError)
    for lengths in ("[4, 2, 0]", "[4, 2, 1, 1]", "[4, 2, -1]", "[]"):
        trial.expect_error(
            f"torch.nn.utils.rnn.pack_padded_sequence(x, {lengths}, enforce_sorted=False)",
            *(RuntimeError, ValueError, IndexError),
        )
    trial.expect_error("torch.nn.utils.rnn.pack_sequence([x[:1, 0], x[:, 1]])", RuntimeError)
    trial.run("packed = torch.nn.utils.rnn.pack_padded_sequence(x, good)")
    trial.expect_equal("len(packed.data)", 7)


@clause("nn.packed.pad-sequence-stacks-with-padding")
def test_pad_sequence(cell: Cell) -> None:
    generator = cell.generator()
    for turn, lengths in enumerate((*LENGTHS, (2, 0, 1))):
        x = _batch(cell, lengths, generator, ((2,), (), (2, 3))[turn % 3])
        trial = cell.trial(x=Strided.from_array(x), lengths=list(lengths))
        trial.run("parts = [x[:n, i] for i, n in enumerate(lengths)]")
        for arguments, value, batch_first in (
            ("parts", 0, False),
            ("parts, True", 0, True),
            ("tuple(parts), False, 5.0", 5, False),
            ("parts, padding_value=-2, batch_first=True", -2, True),
            ("sequences=parts, padding_value=3", 3, False),
        ):
            expected = _padded(x, lengths, value, max(lengths))
            expected = expected.swapaxes(0, 1) if batch_first else expected
            trial.expect(f"torch.nn.utils.rnn.pad_sequence({arguments})", expected)
        trial.run("y = torch.nn.utils.rnn.pad_sequence(parts, True)")
        trial.run("back = torch.nn.utils.rnn.unpad_sequence(y, torch.tensor(lengths), batch_first=True)")
        for n, length in enumerate(lengths):
            trial.expect(f"back[{n}]", x[:length, n])


@clause("nn.packed.pad-sequence-pads-on-the-asked-side")
def test_padding_side(cell: Cell) -> None:
    generator = cell.generator()
    for lengths in LENGTHS:
        x = _batch(cell, lengths, generator, (2,))
        trial = cell.trial(x=Strided.from_array(x), lengths=list(lengths))
        trial.run("parts = [x[:n, i] for i, n in enumerate(lengths)]")
        left = np.full_like(x, 9)
        for n, length in enumerate(lengths):
            left[max(lengths) - length :, n] = x[:length, n]
        trial.expect("torch.nn.utils.rnn.pad_sequence(parts, padding_value=9, padding_side='left')", left)
        trial.expect("torch.nn.utils.rnn.pad_sequence(parts, True, 9, 'left')", left.swapaxes(0, 1))
        right = _padded(x, lengths, 9, max(lengths))
        trial.expect("torch.nn.utils.rnn.pad_sequence(parts, padding_value=9, padding_side='right')", right)


@clause("nn.packed.gradient-reaches-every-step-and-no-padding")
def test_gradient(cell: Cell) -> None:
    generator = cell.generator()
    for lengths in LENGTHS:
        x = _batch(cell, lengths, generator, (2,))
        g = _batch(cell, (max(lengths) + 1, *lengths[1:]), generator, (2,))
        trial = cell.trial(x=Strided.from_array(x), g=Strided.from_array(g), lengths=list(lengths))
        trial.run("x.requires_grad_()")
        trial.run("packed = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)")
        trial.run("y, _ = torch.nn.utils.rnn.pad_packed_sequence(packed, padding_value=2.0, total_length=len(g))")
        trial.run("y.backward(g)")
        trial.expect("x.grad", _padded(g[:-1], lengths, 0, max(lengths)))
        trial.run("x.grad = None")
        trial.run("y = torch.nn.utils.rnn.pad_sequence([x[:n, i] for i, n in enumerate(lengths)], padding_value=2.0)")
        trial.run("y.backward(g[:-1])")
        trial.expect("x.grad", _padded(g[:-1], lengths, 0, max(lengths)))


@clause("nn.packed.moves-and-converts")
def test_converts(cell: Cell) -> None:
    trial = cell.trial(x=Strided.from_array(np.arange(12.0).reshape(4, 3)))
    trial.run("packed = torch.nn.utils.rnn.pack_padded_sequence(x, [1, 4, 2], enforce_sorted=False)")
    for call, name in (
        ("float()", "float32"),
        ("to(torch.float32)", "float32"),
        ("half()", "float16"),
        ("int()", "int32"),
        ("to(dtype=torch.bfloat16)", "bfloat16"),
        ("long()", "int64"),
        ("double()", "float64"),
    ):
        trial.run(f"other = packed.{call}")
        expected = _packed(np.arange(12.0).reshape(4, 3), (1, 4, 2), np.array([1, 2, 0]))[0]
        trial.expect("other.data", expected.astype(numpy_dtype(name)))
        trial.expect_equal("other.batch_sizes.tolist()", [3, 2, 1, 1])
        trial.expect_equal("(other.sorted_indices.tolist(), other.unsorted_indices.tolist())", ([1, 2, 0], [2, 0, 1]))
    trial.expect_true("packed.to(x.device) is packed and packed.double() is packed", "nothing to do returns self")
    trial.expect_true(
        "packed.is_cuda == x.is_cuda and not packed.is_pinned()", "is_cuda and is_pinned tell where the data are"
    )


# Lengths of the batch: in any order, then sorted; layers, bidirectional, batch first, states given.
_RUNS = (((2, 4, 1), 2, True, False, True), ((3, 3, 1), 1, True, True, False), ((1, 3), 2, False, False, True))


@clause("nn.*.runs-each-packed-sequence-alone")
def test_packed_run(cell: Cell) -> None:
    generator, kinds = cell.generator(), kinds_of(cell.clause.subject)
    for turn, (lengths, layers, bidirectional, batch_first, given) in enumerate(_RUNS[: cell.profile.examples]):
        network = Network(kinds[turn % len(kinds)], 2, 3, layers, bidirectional)
        case = RecurrentCase(network, batch_first, given=given, steps=max(lengths), batch=len(lengths))
        _judge_packed_run(Example(cell, case, generator), lengths)


def _judge_packed_run(example: Example, lengths: tuple[int, ...]) -> None:
    lstm = example.case.network.kind == "lstm"
    trial = example.trial(lengths=list(lengths), ordered=list(lengths) == sorted(lengths, reverse=True))
    trial.run("for each in [x, *states]: each.requires_grad_()")
    trial.run("padded = x.transpose(0, 1) if batch_first else x")
    trial.run("pack, pad = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence")
    trial.run("packed = pack(padded, lengths, batch_first=batch_first, enforce_sorted=ordered)")
    states = ", tuple(states)" if lstm else ", states[0]"
    trial.run(f"y, f = net(packed{states if example.case.given else ''})")
    trial.expect_true("isinstance(y, torch.nn.utils.rnn.PackedSequence)", "a packed input gives a packed output")
    trial.run("y, n = pad(y, batch_first=batch_first)")
    trial.expect_equal("n.tolist()", list(lengths))
    output, finals = _alone(example, lengths)
    example.judge(trial, output, finals)
    example.judge_gradients(trial, [output, *finals])


def _alone(example: Example, lengths: tuple[int, ...]) -> tuple[Variable, list[Variable]]:
    """Return the padded output and the final states of sequences run one by one."""
    network = example.case.network
    rows = range(network.layers * network.directions)
    states = [tuple(part[row] for part in example.states) for row in rows]
    answers = recurrent.run_alone(network, example.x, lengths, states, example.weights)
    steps = max(lengths)
    filler = tape.constant(np.zeros((1, network.output * network.directions)), example.x)
    columns = [stacked([*each.outputs, *[filler] * (steps - len(each.outputs))]) for each in answers]
    parts = range(len(network.state_sizes))
    finals = [tape.joined([stacked(each.finals[part]) for each in answers], side_by_side) for part in parts]
    return tape.joined(columns, side_by_side), finals
