"""Embeddings and bags of them: rows, gradients, padding, renormalisation."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.judging.accuracy import distance
from torch_conformance.conformance.judging.layers import (
    Answer,
    Form,
    arranged,
    function,
    judge_gradients,
    judge_values,
    selected,
    whole,
    within,
    within_bound,
)
from torch_conformance.reference.nn import embedding

Array = npt.NDArray[Any]

_ROWS, _COLUMNS = 6, 3
_SIZES: tuple[tuple[int, ...], ...] = ((4,), (2, 3), (), (0,), (2, 1, 4), (19,))
_MADE = "device=device, dtype=w.dtype"
_FILL = "with torch.no_grad(): c = m.weight.copy_(w)"


def _table_form(make: str) -> Form:
    return Form((make, _FILL, "y = m(i)"), "(m.weight,)")


def _indices(generator: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Return row numbers with repeats; the last row is not looked up."""
    return np.asarray(generator.integers(0, _ROWS - 1, size))


@clause("nn.embedding.looks-up-rows")
def test_embedding(cell: Cell) -> None:
    for turn, (size, kind) in enumerate(itertools.product(_SIZES, ("int64", "int32"))):
        generator = cell.generator()
        w, i = whole(generator, (_ROWS, _COLUMNS), 9), np.asarray(generator.integers(0, _ROWS, size))
        inputs = {"w": arranged(w, cell.dtype, turn), "i": arranged(i, kind, turn + 1), "n": _ROWS, "columns": _COLUMNS}
        forms = [
            function("y = torch.nn.functional.embedding(i, w)", leaves="(w,)"),
            _table_form(f"m = torch.nn.Embedding(n, columns, {_MADE})"),
            function("y = torch.nn.Embedding.from_pretrained(w)(i)", leaves="(w,)"),
            function("y = torch.nn.functional.embedding(input=i, weight=w, padding_idx=1)", leaves="(w,)"),
        ]
        judge_values(cell, inputs, forms, Answer(w[i]))


@clause("nn.embedding.adds-the-gradients-of-repeated-rows")
def test_embedding_gradients(cell: Cell) -> None:
    cases = list(itertools.product(_SIZES, (None, 2, -3), (False, True)))
    for turn, (size, padding, by_frequency) in selected(cell, cases):
        generator = cell.generator()
        w, i = whole(generator, (_ROWS, _COLUMNS), 9), _indices(generator, size)
        if i.size > 3:
            i.reshape(-1)[:4] = (2, 3, 2, 3)
        g = whole(generator, (*size, _COLUMNS), 2)
        inputs = {
            "w": arranged(w, cell.dtype, turn),
            "i": arranged(i, ("int64", "int32")[turn % 2], turn),
            "options": {"padding_idx": padding, "scale_grad_by_freq": by_frequency},
            "n": _ROWS,
            "columns": _COLUMNS,
            "g": arranged(g, cell.dtype, turn + 1),
        }
        forms = [
            function("y = torch.nn.functional.embedding(i, w, **options)", leaves="(w,)"),
            _table_form(f"m = torch.nn.Embedding(n, columns, **options, {_MADE})"),
            Form(("m = torch.nn.Embedding.from_pretrained(w, freeze=False, **options)", "y = m(i)"), "(m.weight,)"),
        ]
        exact = embedding.table_gradient(g.astype(np.longdouble), i, _ROWS, padding=padding, by_frequency=by_frequency)
        size_of = embedding.table_gradient(
            np.abs(g).astype(np.longdouble), i, _ROWS, padding=padding, by_frequency=by_frequency
        )
        most = int(embedding.frequencies(i, _ROWS).max()) if by_frequency else 0
        slope = (
            within_bound(cell, "nn.embedding.by-frequency", exact, size_of, terms=most)
            if by_frequency
            else Answer(exact)
        )
        # The module that is made of w itself needs a leaf that does not require grad.
        judge_gradients(cell, inputs, forms[:2], [slope], leaves="w")
        judge_gradients(cell, inputs, forms[2:], [slope], leaves="")
        if not by_frequency and size:
            trial = cell.trial(**inputs)
            trial.run("w.requires_grad_(); y = torch.nn.functional.embedding(i, w, sparse=True, **options)")
            trial.run("d, = torch.autograd.grad(y, w, g)")
            trial.expect_true("d.is_sparse", "the gradient holds the rows that were looked up")
            trial.expect("d.to_dense()", exact, Answer(exact).rule, dtype=cell.dtype)


@clause("nn.embedding.scales-rows-down-to-max-norm")
def test_max_norm(cell: Cell) -> None:
    for turn, (size, limit, power) in enumerate(itertools.product(((4,), (2, 3)), (1.0, 5.0), (2.0, 1.0, 3.0))):
        generator = cell.generator()
        w, i = whole(generator, (_ROWS, _COLUMNS), 6), _indices(generator, size)
        w[0] = (1, 0, 0)
        exact = embedding.renormalised(w.astype(np.longdouble), i, limit, power)
        answer = within(exact, distance(cell, "nn.embedding.max-norm", exact))
        inputs = {
            "w": arranged(w, cell.dtype, turn % 2),
            "i": arranged(i, "int64", turn),
            "limit": limit,
            "p": power,
            "n": _ROWS,
            "columns": _COLUMNS,
        }
        trial = cell.trial(**inputs)
        trial.run("v = w.clone(); y = torch.nn.functional.embedding(i, v, max_norm=limit, norm_type=p)")
        trial.expect("v", exact, answer.rule, dtype=cell.dtype)
        trial.expect_true("torch.equal(y, v[i])", "the rows come from the table as it is afterwards")
        trial.run(f"m = torch.nn.Embedding(n, columns, max_norm=limit, norm_type=p, {_MADE})")
        trial.run(_FILL)
        trial.run("y = m(i)")
        trial.expect("m.weight", exact, answer.rule, dtype=cell.dtype)
        trial.expect_true("torch.equal(y, m.weight[i])", "the rows come from the table as it is afterwards")


@clause("nn.embedding.begins-with-a-row-of-zeros-for-padding")
def test_padding_row(cell: Cell) -> None:
    for row in (0, 2, -1):
        trial = cell.trial(row=row, dtype=cell.torch_dtype)
        trial.run("m = torch.nn.Embedding(5, 3, padding_idx=row, device=device, dtype=dtype)")
        trial.expect("m.weight[row]", np.zeros(3), dtype=cell.dtype)
        trial.expect_true("int((m.weight == 0).all(1).sum()) == 1", "no other row is zero")
        trial.expect_equal("m.padding_idx", row % 5)
        trial.run("w = torch.ones(5, 3, device=device, dtype=dtype)")
        trial.expect("torch.nn.Embedding.from_pretrained(w, padding_idx=row).weight", np.ones((5, 3)), dtype=cell.dtype)
        trial.expect_true("not torch.nn.Embedding.from_pretrained(w).weight.requires_grad", "freeze is the default")


@clause("nn.embedding.refuses-what-is-no-row")
def test_embedding_refuses(cell: Cell) -> None:
    trial = cell.trial(w=arranged(np.ones((5, 3)), "float32"), i=arranged(np.array([0, 4]), "int64"))
    # On an accelerator a row out of range ends the process's use of the device.
    if cell.torch_device.type == "cpu":
        trial.expect_error("torch.nn.functional.embedding(i + 1, w)", IndexError, RuntimeError)
        trial.expect_error("torch.nn.functional.embedding(i - 1, w)", IndexError, RuntimeError)
        trial.expect_error("torch.nn.Embedding(4, 3, device=device)(i)", IndexError, RuntimeError)
    trial.expect_error("torch.nn.functional.embedding(i.float(), w)", RuntimeError)
    trial.expect_error("torch.nn.Embedding(5, 3, padding_idx=5, device=device)", AssertionError)
    trial.expect_error("torch.nn.Embedding(5, 3, padding_idx=-6, device=device)", AssertionError)
    trial.expect_error("torch.nn.functional.embedding(i, w, padding_idx=5)", AssertionError)
    trial.expect_error("torch.nn.functional.embedding_bag(i, w)", ValueError)
    trial.expect_error("torch.nn.functional.embedding_bag(i[None], w, i)", ValueError)
    trial.expect_error("torch.nn.functional.embedding_bag(i[None], w, mode='median')", ValueError)
    trial.expect_error(
        "torch.nn.functional.embedding_bag(i[None], w, mode='mean', per_sample_weights=w[:1, :2])", NotImplementedError
    )
    trial.expect("w", np.ones((5, 3), dtype=np.float32))


_OFFSETS = ((0, 2, 2, 5), (0,), (0, 1, 4), (0, 3, 7, 7))


def _bag_case(
    cell: Cell, turn: int, mode: str, padding: int | None, *, weighted: bool
) -> tuple[dict[str, Any], Array, Array, Any]:
    """Return inputs, table, indices and bags; every second case has no offsets but equal bags."""
    generator = cell.generator()
    w = np.stack([generator.permutation(_ROWS) - 2 for _ in range(_COLUMNS)], axis=1).astype(np.float64)
    offsets: tuple[int, ...] = _OFFSETS[turn % len(_OFFSETS)]
    square = turn % 2 == 1
    i = _indices(generator, (3, 4) if square else (7,))
    if padding is not None:
        i.reshape(-1)[:1] = padding
    flat = i.reshape(-1)
    begins = (0, 4, 8) if square else offsets
    last = turn % 4 == 2
    s = whole(generator, i.shape, 3) if weighted else None
    inputs = {
        "w": arranged(w, cell.dtype, turn // 2),
        "i": arranged(i, "int64", turn),
        "o": None if square else arranged(np.array([*offsets, *([7] if last else [])]), "int64"),
        "s": None if s is None else arranged(s, cell.dtype, turn),
        "mode": mode,
        "last": last and not square,
        "padding": padding,
        "n": _ROWS,
        "columns": _COLUMNS,
    }
    members = embedding.bags(flat, begins, padding)
    return inputs, w, flat, (members, None if s is None else s.reshape(-1), i.shape)


_BAG_CASES = [*itertools.product(("sum", "mean", "max"), (None, 1), (False,)), ("sum", None, True), ("sum", 1, True)]


def _bag_forms(*, weighted: bool) -> list[Form]:
    leaves = "(w, s)" if weighted else "(w,)"
    weights = ", per_sample_weights=s" if weighted else ""
    options = "mode=mode, include_last_offset=last, padding_idx=padding"
    return [
        function(f"y = torch.nn.functional.embedding_bag(i, w, o, {options}{weights})", leaves=leaves),
        Form(
            (f"m = torch.nn.EmbeddingBag(n, columns, {options}, {_MADE})", _FILL, f"y = m(i, o{weights})"),
            "(m.weight, s)" if weighted else "(m.weight,)",
        ),
    ]


def _each_bag(cell: Cell) -> Any:
    cases = list(itertools.product(range(4), _BAG_CASES))
    for number, (turn, (mode, padding, weighted)) in selected(cell, cases, scale=2.5):
        yield number, mode, weighted, _bag_case(cell, turn, mode, padding, weighted=weighted)


@clause("nn.embedding-bag.sums-averages-or-takes-the-largest-of-bags")
def test_bags(cell: Cell) -> None:
    for _, mode, weighted, (inputs, w, i, (members, weights, _)) in _each_bag(cell):
        value = embedding.bag(w.astype(np.longdouble), i, members, mode, weights)
        judge_values(cell, inputs, _bag_forms(weighted=weighted), within_bound(cell, "nn.embedding-bag", value, value))


@clause("nn.embedding-bag.has-gradients-of-table-and-weights")
def test_bag_gradients(cell: Cell) -> None:
    for turn, mode, weighted, (inputs, w, i, (members, weights, shape)) in _each_bag(cell):
        long = w.astype(np.longdouble)
        g = whole(cell.generator(), (len(members), _COLUMNS), 2)
        given = inputs | {"g": arranged(g, cell.dtype, turn + 1)}
        size = None if weights is None else np.abs(weights)
        slope = embedding.bag_gradient(long, i, members, mode, g, weights)
        room = embedding.bag_gradient(long, i, members, mode, np.abs(g), size)
        slopes = [within_bound(cell, "nn.embedding-bag", slope, room, terms=len(i))]
        if weighted:
            slopes.append(Answer(embedding.weights_gradient(long, i, members, g).reshape(shape)))
        value = embedding.bag(long, i, members, mode, weights)
        answer = within_bound(cell, "nn.embedding-bag", value, value)
        judge_gradients(cell, given, _bag_forms(weighted=weighted), slopes, leaves="w s", value=answer)
