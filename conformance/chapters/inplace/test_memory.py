"""What an operation in place does to memory: identity, storage, versions, views, overlap, growth."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from torch_conformance.conformance.chapters.inplace.writes import (
    FEW_SIZES,
    SHARED,
    STATEMENTS,
    Write,
    each_implemented,
    edge_write,
    few_recipes,
    operands,
    others,
    result,
    row_recipes,
    stored,
    structure_of,
    write,
    written,
)
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import Recipe, Structure, structures
from torch_conformance.conformance.judging.elementwise import rule_for
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import elementwise
from torch_conformance.spec.operators import Operator

Array = np.ndarray[Any, Any]
Judge = Callable[[Operator, str, Write], None]


def _is_statement(call: str) -> bool:
    return any(f" {sign} " in call for sign in STATEMENTS)


def _each_call(cell: Cell, judge: Judge, sizes: tuple[tuple[int, ...], ...] = FEW_SIZES) -> None:
    """Judge every in-place call of every operator in a few sizes, with layouts taken in turn."""
    __tracebackhide__ = True

    def judge_row(row: Operator) -> None:
        for place, call in enumerate(row.inplace):
            for turn, recipe in enumerate(few_recipes(cell, place + len(row.name), sizes)):
                layouts = others(recipe.size)
                judge(row, call, write(cell, row, recipe, layouts[(turn + cell.seed) % len(layouts)]))

    each_implemented(cell, ((row.name, functools.partial(judge_row, row)) for row in written(cell.dtype)))


@clause("inplace.self.is-returned")
def test_returns_self(cell: Cell) -> None:
    def judge(_: Operator, call: str, case: Write) -> None:
        if not _is_statement(call):
            cell.trial(**case.operands).expect_true(f"({call}) is a", "a call in place returns its tensor")

    _each_call(cell, judge)


@clause("inplace.self.keeps-its-memory")
def test_keeps_memory(cell: Cell) -> None:
    def judge(_: Operator, call: str, case: Write) -> None:
        a = case.operands["a"]
        trial = cell.trial(**case.operands)
        trial.run("address, held = a.data_ptr(), a")
        trial.run(call)
        trial.expect_true("held.data_ptr() == address and a.data_ptr() == address", "the memory is the same")
        trial.expect_equal("held.storage_offset()", a.offset)
        trial.expect_equal("tuple(held.stride())", a.stride)
        trial.expect_equal("tuple(held.shape)", a.size)

    _each_call(cell, judge)


@clause("inplace.self.keeps-its-dtype")
def test_keeps_dtype(cell: Cell) -> None:
    def judge(_: Operator, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands, dtype=cell.torch_dtype)
        trial.run("held = a")
        trial.run(call)
        trial.expect_true("held.dtype is dtype and a.dtype is dtype", f"the tensor stays {cell.dtype}")

    _each_call(cell, judge)


@clause("inplace.version.grows-by-one")
def test_version(cell: Cell) -> None:
    def judge(_: Operator, call: str, case: Write) -> None:
        trial = cell.trial(**case.operands)
        trial.run("held, version = a, a._version")
        trial.run(call)
        trial.expect_true("held._version == version + 1", "one write counts once")

    _each_call(cell, judge)


@clause("inplace.version.is-shared-by-views")
def test_version_of_views(cell: Cell) -> None:
    def judge(_: Operator, call: str, case: Write) -> None:
        if not case.operands["a"].size:
            return
        trial = cell.trial(**case.operands)
        trial.run("base, window, cut, held = a, a[:1], a.detach(), a")
        trial.run("a = base[...]")
        trial.run(call)
        for name in ("base", "window", "cut", "held"):
            trial.expect_true(f"{name}._version == 1", "views and their base count writes together")

    _each_call(cell, judge, ((0,), (3,), (2, 3), (17,)))


@clause("inplace.other.is-left-as-it-was")
def test_other(cell: Cell) -> None:
    def judge(_: Operator, call: str, case: Write) -> None:
        if "b" not in case.operands:
            return
        b = case.operands["b"]
        trial = cell.trial(**case.operands, length=b.storage.size)
        trial.run(call)
        trial.expect("torch.as_strided(b, (length,), (1,), 0)", b.storage)
        trial.expect_true("b._version == 0", "reading does not count as a write")
        trial.expect_equal("(tuple(b.shape), tuple(b.stride()))", (b.size, b.stride))

    _each_call(cell, judge)


def _outside(a: Strided) -> Strided:
    """Return the places of the storage that are no element of a tensor."""
    free = np.ones(a.storage.size, dtype=np.bool_)
    if a.numel:
        free[a.addresses().ravel()] = False
    return Strided.from_array(np.flatnonzero(free))


@clause("inplace.view.leaves-the-rest-untouched")
def test_rest_untouched(cell: Cell) -> None:
    def with_gaps(recipe: Recipe) -> Recipe:
        options = [each for each in structures(recipe.size) if each.layout in ("sliced", "gapped", "offset")]
        return Recipe(options[(cell.seed + len(recipe.codes)) % len(options)], recipe.seed, recipe.codes)

    def judge(row: Operator) -> None:
        cases = [write(cell, row, with_gaps(recipe)) for recipe in row_recipes(cell, row, share=0.125)]
        cases += [edge_write(cell, row, layout) for layout in ("sliced", "offset")]
        for turn, case in enumerate(cases):
            a = case.operands["a"]
            outside = _outside(a)
            trial = cell.trial(**case.operands, length=a.storage.size, outside=outside)
            trial.run("whole = torch.as_strided(a, (length,), (1,), 0)")
            trial.run(row.inplace[turn % len(row.inplace)])
            trial.expect("whole[outside]", a.storage[outside.storage])

    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in written(cell.dtype)))


# Views of a tensor of size (4, 5, 6), as torch and as NumPy have them.
VIEWS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("base[1]", lambda x: x[1]),
    ("base[1:3]", lambda x: x[1:3]),
    ("base[..., ::2]", lambda x: x[..., ::2]),
    ("base[:, 2, None]", lambda x: x[:, 2, None]),
    ("base.transpose(0, 2)", lambda x: x.transpose(2, 1, 0)),
    ("base.permute(1, 2, 0)", lambda x: x.transpose(1, 2, 0)),
    ("base.view(20, 6)", lambda x: x.reshape(20, 6)),
    ("base.view(-1)", lambda x: x.reshape(-1)),
    ("base.narrow(1, 1, 3)", lambda x: x[:, 1:4]),
    ("base.select(2, 5)", lambda x: x[:, :, 5]),
    ("base.unsqueeze(1)", lambda x: x[:, None]),
    (
        "base.diagonal(0, 0, 1)",
        lambda x: np.lib.stride_tricks.as_strided(x, (6, 4), (x.strides[2], x.strides[0] + x.strides[1])),
    ),
    ("base.flatten(1)", lambda x: x.reshape(4, 30)),
    ("base.unfold(2, 2, 2)", lambda x: x.reshape(4, 5, 3, 2)),
    ("base.chunk(2, 0)[1]", lambda x: x[2:]),
    ("base.split(2, 1)[1]", lambda x: x[:, 2:4]),
    ("base.unbind(1)[3]", lambda x: x[:, 3]),
    ("base.detach()", lambda x: x),
    ("base.view_as(base)", lambda x: x),
    ("base[3, 4, 5]", lambda x: x[3, 4, 5:].reshape(())),
)


@clause("inplace.view.base-sees-the-write")
def test_base_sees(cell: Cell) -> None:
    rows = [row for row in written(cell.dtype) if not rule_for(row, cell.dtype, cell.device).ulps]

    def judge(row: Operator, place: int) -> None:
        first, second = (operands(row.name, cell.dtype, cell.seed % 16, which) for which in "ab")
        function = elementwise.UNARY.get(row.name)
        codes = np.random.default_rng(cell.seed).integers(0, 256, (4, 5, 6))
        call = row.inplace[place % len(row.inplace)]
        count = 7 if cell.profile.name != "deep" else len(VIEWS)
        for view, cut in (VIEWS * 2)[(place * 7) % len(VIEWS) :][:count]:
            base = first[codes]
            expected, window = base.copy(), cut(base)
            b = second[np.random.default_rng(place).integers(0, 256, window.shape)]
            inputs = {"base": Strided.from_array(base)}
            with np.errstate(all="ignore"):
                answer = result(row, cell.dtype, window, b) if function is None else function(window)
            if row.operands == 2:
                inputs["b"] = Strided.from_array(b)
            cut(expected)[...] = stored(row, cell.dtype, np.asarray(answer))
            trial = cell.trial(**inputs)
            trial.run(f"a = {view}")
            trial.run(call)
            trial.expect("base", expected, rule_for(row, cell.dtype, cell.device))

    parts = ((row.name, functools.partial(judge, row, place)) for place, row in enumerate(rows))
    each_implemented(cell, parts)


@clause("inplace.overlap.tensor-with-itself-is-allowed")
def test_with_itself(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        # The pools are equal, unless the second operand has a domain of its own.
        values, other = (operands(row.name, cell.dtype, cell.seed % 16, which) for which in "ab")
        if values.tobytes() != other.tobytes():
            return
        for turn, recipe in enumerate(row_recipes(cell, row, share=0.125)):
            structure = recipe.structure
            a = Strided(values[recipe.indices()], structure.size, structure.stride, structure.offset)
            expected = stored(row, cell.dtype, result(row, cell.dtype, a.array, a.array))
            call = row.inplace[turn % len(row.inplace)]
            for same in ("a", "a.detach()", "a[...]", "a.expand(a.shape)"):
                trial = cell.trial(a=a)
                trial.run("held = a")
                trial.run(f"b = {same}")
                trial.run(call)
                trial.expect("held", expected, rule_for(row, cell.dtype, cell.device), dtype=cell.dtype)
                if a.numel > 2000:
                    break

    rows = (row for row in written(cell.dtype) if row.operands == 2)
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))


# Two dense parts of one memory that share some of it, but not all.
PARTLY = (("x[1:]", "x[:-1]"), ("x[:-1]", "x[1:]"), ("x[2:8]", "x[5:11]"), ("x[4:8].view(2, 2)", "x[6:10].view(2, 2)"))


@clause("inplace.overlap.part-of-the-other-is-refused")
def test_partial_overlap(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        x = Strided.from_array(np.resize(operands(row.name, cell.dtype, cell.seed % 16, "a"), 41))
        for place, call in enumerate(row.inplace):
            for first, second in cell.in_turn(PARTLY, place + len(row.name), 2):
                trial = cell.trial(x=x)
                trial.run(f"a, b = {first}, {second}")
                trial.expect_error(call, RuntimeError)
                trial.expect("x", x)

    rows = (row for row in written(cell.dtype) if row.operands == 2)
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))


# Layouts in which several elements share memory: size, stride, length.


@clause("inplace.overlap.shared-elements-are-refused")
def test_shared_elements(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        first = operands(row.name, cell.dtype, cell.seed % 16, "a")
        for place, call in enumerate(row.inplace):
            for size, stride, length in cell.in_turn(SHARED, place + len(row.name), 2):
                a = Strided(first[:length].copy(), size, stride)
                b = Strided.from_array(np.full(size, 3).astype(numpy_dtype(cell.dtype)))
                trial = cell.trial(a=a, b=b) if row.operands == 2 else cell.trial(a=a)
                trial.expect_error(call, RuntimeError)
                trial.expect("a", a)

    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in written(cell.dtype)))


GROWING = (((3,), (2, 3)), ((1,), (3,)), ((1, 3), (2, 3)), ((2, 1), (2, 3)), ((), (3,)), ((), (1,)), ((1,), (0,)))
UNEQUAL = (((3,), (4,)), ((2, 3), (2,)), ((2, 3), (3, 2)), ((0,), (2,)), ((2, 3, 4), (2, 4, 4)))


def _judge_refused_sizes(cell: Cell, pairs: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]) -> None:
    __tracebackhide__ = True

    def judge(row: Operator) -> None:
        first = operands(row.name, cell.dtype, cell.seed % 16, "a")
        for place, call in enumerate(row.inplace):
            for turn, (size, other) in enumerate(cell.in_turn(pairs, place + len(row.name), 2)):
                structure = structure_of(size, turn + cell.seed)
                a = Strided(np.resize(first, structure.length), size, structure.stride, structure.offset)
                b = Strided.from_array(np.full(other, 3).astype(numpy_dtype(cell.dtype)))
                trial = cell.trial(a=a, b=b)
                trial.expect_error(call, RuntimeError)
                trial.expect("a", a)

    rows = (row for row in written(cell.dtype) if row.operands == 2)
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))


@clause("inplace.broadcasting.growth-is-refused")
def test_growth(cell: Cell) -> None:
    _judge_refused_sizes(cell, GROWING)


@clause("inplace.broadcasting.unequal-sizes-are-refused")
def test_unequal(cell: Cell) -> None:
    _judge_refused_sizes(cell, UNEQUAL)


_BASE = Structure("contiguous", 6, (2, 3), row_major((2, 3)), 0)


@clause("inplace.refusal.leaves-the-tensor-usable")
def test_usable_after_refusal(cell: Cell) -> None:
    def judge(row: Operator) -> None:
        case = write(cell, row, Recipe(_BASE, cell.seed % 16, bytes(range(1, 33))))
        wide = Strided.from_array(np.ones((2, 2, 3), numpy_dtype(cell.dtype)))
        for call in row.inplace:
            trial = cell.trial(**case.operands, wide=wide)
            trial.run("held, kept, b = a, b, wide")
            trial.expect_error(call, RuntimeError)
            trial.expect_true("held._version == 0 and a is held", "a refused write counts for nothing")
            trial.expect_equal("tuple(held.shape)", (2, 3))
            trial.run("b = kept")
            trial.run(call)
            trial.expect("held", stored(row, cell.dtype, case.expected), case.rule, dtype=cell.dtype)

    rows = (row for row in written(cell.dtype) if row.operands == 2)
    each_implemented(cell, ((row.name, functools.partial(judge, row)) for row in rows))
