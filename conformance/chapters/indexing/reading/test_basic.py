"""Clauses on basic indexing: integers, slices, None, Ellipsis; select, narrow and iteration."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    INDEXED,
    MANY,
    STANDING,
    STORAGE,
    Choices,
    basic_index,
    whole,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, structures, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Index = tuple[Any, ...]
_VIEWED = ("scalar", "small", "empty", "tail")


def indices_for(recipe: Recipe, count: int) -> dict[str, Any]:
    """Return inputs i0, i1, ... that index a recipe's tensor."""
    return {f"i{turn}": basic_index(recipe.size, Choices(recipe, turn)) for turn in range(count)}


@clause("indexing.basic.selects-elements")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_selects_elements(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        indices = indices_for(recipe, 2 if x.numel > MANY else len(INDEXED))
        trial = cell.trial(x=x, **indices)
        for expression, index in zip(INDEXED, indices.values(), strict=False):
            trial.expect(expression, indexing.basic_view(x, index))


_BLOCK = np.arange(60, dtype=np.int32).reshape(3, 4, 5)
_ITEMS: tuple[Any, ...] = (
    *(0, 2, -1, -2, slice(None), slice(1, None), slice(None, -1), slice(-2, None), slice(None, None, 2)),
    *(slice(1, None, 3), slice(2, 2), None, Ellipsis),
)


def _combinations() -> list[Index]:
    """Return every index of up to three items, and those of four with None or an Ellipsis among them."""
    found = [index for count in range(4) for index in itertools.product(_ITEMS, repeat=count)]
    few = (1, -1, slice(None), slice(1, None, 2), None, Ellipsis)
    found += [index for index in itertools.product(few, repeat=4) if None in index or Ellipsis in index]
    return [index for index in found if index.count(Ellipsis) < 2]


def _usable(index: Index) -> bool:
    return len(index) - index.count(None) - index.count(Ellipsis) <= _BLOCK.ndim


_INDICES = [index for index in _combinations() if _usable(index)]
_LAYOUTS = (
    Strided.from_array(_BLOCK),
    Strided(np.arange(200, dtype=np.int32), (3, 4, 5), (2, 31, 6), 7),
    Strided(np.arange(60, dtype=np.int32), (3, 4, 5), (0, 5, 1), 3),
)


@clause("indexing.basic.composes-item-by-item")
def test_composes_item_by_item(cell: Cell) -> None:
    for x in _LAYOUTS:
        trial = cell.trial(x=x, indices=_INDICES)
        trial.expect_equal("[x[i].tolist() for i in indices]", [x.array[index].tolist() for index in _INDICES])


@clause("indexing.basic.follows-the-strided-model")
def test_follows_the_strided_model(cell: Cell) -> None:
    for x in _LAYOUTS:
        views = [indexing.basic_view(x, index) for index in _INDICES]
        trial = cell.trial(x=x, indices=_INDICES)
        trial.expect_equal("[tuple(x[i].shape) for i in indices]", [view.size for view in views])
        # A dimension of size 1 is never stepped along, and a tensor without elements begins nowhere.
        full = [(index, view) for index, view in zip(_INDICES, views, strict=True) if view.numel]
        steps = [[step for n, step in zip(view.size, view.stride, strict=True) if n > 1] for _, view in full]
        trial = cell.trial(x=x, indices=[index for index, _ in full])
        trial.expect_equal("[x[i].storage_offset() for i in indices]", [view.offset for _, view in full])
        trial.expect_equal("[[s for n, s in zip(x[i].shape, x[i].stride()) if n > 1] for i in indices]", steps)


@clause("indexing.basic.writes-through-to-the-tensor")
@given(sweep=sweeps(classes=_VIEWED, overlapping=False, repeat=2))
def test_writes_through(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor("float32", "finite")
        indices = indices_for(recipe, 4)
        trial = cell.trial(x=x, **whole(x), **indices)
        trial.run(f"saved = {STORAGE}.clone()")
        for expression, index in zip(INDEXED, indices.values(), strict=False):
            trial.run(f"{STORAGE}.copy_(saved)")
            trial.run(f"y = {expression}")
            trial.run("y.fill_(77)")
            trial.expect(STORAGE, indexing.written(x, index, 77))


@clause("indexing.basic.sees-later-writes")
@given(sweep=sweeps(classes=_VIEWED, overlapping=False, repeat=2))
def test_sees_later_writes(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, other = recipe.tensor("int32"), recipe.tensor("int32", variant=1)
        indices = indices_for(recipe, 4)
        trial = cell.trial(x=x, other=other, **indices)
        trial.run("saved = x.clone()")
        for expression, index in zip(INDEXED, indices.values(), strict=False):
            trial.run("x.copy_(saved)")
            trial.run(f"y = {expression}")
            trial.run("x.copy_(other)")
            trial.expect("y", indexing.basic_view(other, index))


_ENDS = (None, *range(-7, 8))
_STEPS = (None, 1, 2, 3, 6)
_SLICES = [slice(start, stop, step) for start in _ENDS for stop in _ENDS for step in _STEPS]


@clause("indexing.slice.counts-as-in-python")
def test_slice_counts_as_in_python(cell: Cell) -> None:
    for extent in range(6):
        x = np.arange(10, 10 + 2 * extent, dtype=np.int64).reshape(extent, 2)
        trial = cell.trial(x=Strided.from_array(x), slices=_SLICES, most=slice(-(2**62), 2**62, 2**31))
        trial.expect_equal("[x[s].tolist() for s in slices]", [x[s].tolist() for s in _SLICES])
        trial.expect_equal("[x.T[:, s].tolist() for s in slices]", [x.T[:, s].tolist() for s in _SLICES])
        trial.expect("x[most]", x[:1].copy())
        trial.expect("x[-9223372036854775808:9223372036854775807]", x)


_CUBE = np.arange(120, dtype=np.int32).reshape(2, 3, 4, 5)


@clause("indexing.basic.accepts-integer-likes")
def test_accepts_integer_likes(cell: Cell) -> None:
    for first, second in ((0, 0), (1, -1), (-2, 2), (1, -3)):
        trial = cell.trial(
            x=Strided.from_array(_CUBE),
            i=first,
            j=second,
            n=np.int64(first),
            m=np.int32(second),
            t=Strided.from_array(np.array(first)),
            u=Strided.from_array(np.array(second, dtype=np.int32)),
            small=Strided.from_array(np.array(first, dtype=np.int8)),
            short=Strided.from_array(np.array(second, dtype=np.int16)),
        )
        trial.run("Whole = type('Whole', (), {'__init__': lambda self, n: setattr(self, 'n', n)})")
        trial.run("Whole.__index__ = lambda self: self.n")
        expected = _CUBE[first, second].copy()
        for expression in (
            "x[i, j]",
            "x[i][j]",
            "x[n, m]",
            "x[t, u]",
            "x[small, short]",
            "x[t][u]",
            "x[small][:][short]",
            "x[Whole(i), Whole(j)]",
            "x.__getitem__((i, m))",
        ):
            trial.expect(expression, expected)
        trial.expect("x[n:, :m]", _CUBE[first:, :second].copy())
        trial.expect("x[t:, :, u:]", _CUBE[first:, :, second:].copy())
        trial.expect("x[Whole(i):, None, Whole(j)]", _CUBE[first:, None, second].copy())


_OUT_OF_RANGE = ("x[i]", "x[i, 0]", "x[:, j]", "x[..., k]", "x[0, :, k]", "x[None, i]", "x[None, ..., None, k]")


@clause("indexing.basic.refuses-integers-out-of-range")
def test_refuses_integers_out_of_range(cell: Cell) -> None:
    x = Strided.from_array(_CUBE[0].copy())
    for beyond in (0, 1, 7, 2**31, 2**61):
        for i, j, k in ((3 + beyond, 4 + beyond, 5 + beyond), (-4 - beyond, -5 - beyond, -6 - beyond)):
            trial = cell.trial(x=x, i=i, j=j, k=k)
            for expression in _OUT_OF_RANGE:
                trial.expect_error(expression, IndexError)
                trial.expect_error(f"{expression} = 1", IndexError)
            trial.expect("x", x)
    for size in ((0,), (0, 3), (2, 0)):
        trial = cell.trial(x=Strided.from_array(np.zeros(size, dtype=np.float32)))
        for expression in ("x[0]", "x[-1]") if size[0] == 0 else ("x[0, 0]", "x[:, -1]", "x[..., 0]"):
            trial.expect_error(expression, IndexError)


@clause("indexing.basic.refuses-too-many-indices")
def test_refuses_too_many_indices(cell: Cell) -> None:
    for size, expressions in (
        ((), ("x[0]", "x[:]", "x[..., 0]", "x[None, 0]", "x[-1]")),
        ((3,), ("x[0, 0]", "x[:, :]", "x[..., 0, 0]", "x[0, None, 0]", "x[0][0]")),
        ((2, 3), ("x[0, 0, 0]", "x[:, :, :]", "x[0, ..., 0, 0]", "x[:, None, :, :]", "x[[0], [1], [1]]")),
    ):
        x = Strided.from_array(np.ones(size, dtype=np.float32))
        trial = cell.trial(x=x)
        for expression in expressions:
            trial.expect_error(expression, IndexError)
            trial.expect_error(f"{expression} = 2", IndexError)
        trial.expect("x", x)


@clause("indexing.slice.refuses-steps-below-one")
def test_refuses_steps_below_one(cell: Cell) -> None:
    x = Strided.from_array(_CUBE)
    trial = cell.trial(x=x)
    for expression in (
        "x[::-1]",
        "x[::0]",
        "x[:, 2:0:-1]",
        "x[..., ::-2]",
        "x[0, 1:2:-9223372036854775808]",
        "x[:, :, ::0]",
    ):
        trial.expect_error(expression, ValueError)
        trial.expect_error(f"{expression} = 1", ValueError)
    trial.expect("x", x)


@clause("indexing.basic.refuses-what-is-no-index")
def test_refuses_what_is_no_index(cell: Cell) -> None:
    x = Strided.from_array(_CUBE)
    trial = cell.trial(x=x, real=Strided.from_array(np.array([0.0, 1.0], dtype=np.float32)))
    for expression in (
        "x[1.5]",
        "x[0, 1.0]",
        "x[{}]",
        "x[1j]",
        "x['a']",
        "x[object()]",
        "x[real]",
        "x[:, real.double()]",
    ):
        trial.expect_error(expression, IndexError, TypeError)
        trial.expect_error(f"{expression} = 1", IndexError, TypeError)
    for expression in ("x['a':]", "x[0.5:]", "x[:, ::2.0]"):
        trial.expect_error(expression, IndexError, TypeError)
    trial.expect("x", x)


@clause("indexing.select.equals-an-integer-index")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_select(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        for dim, extent in enumerate(recipe.size):
            for place in {0, extent - 1, extent // 2} if extent else ():
                trial = cell.trial(x=x, dim=dim, place=place, back=dim - x.ndim, behind=place - extent)
                expected = indexing.basic_view(x, indexing.along(place, dim, x.ndim))
                trial.expect("torch.select(x, dim, place)", expected)
                trial.expect("x.select(dim=back, index=behind)", expected)
                if x.numel < MANY:
                    trial.expect("torch.select(input=x, dim=back, index=place)", expected)
                    trial.expect("x.select(dim, behind)", expected)


@clause("indexing.narrow.equals-a-slice")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_narrow(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        choices = Choices(recipe, 0)
        for dim, extent in enumerate(recipe.size):
            start = choices.pick(extent + 1)
            length = choices.pick(extent - start + 1)
            trial = cell.trial(
                x=x,
                dim=dim,
                start=start,
                length=length,
                back=dim - x.ndim,
                behind=start - extent if start < extent else start,
                place=Strided.from_array(np.array(start)),
            )
            expected = indexing.basic_view(x, indexing.along(slice(start, start + length), dim, x.ndim))
            trial.expect("torch.narrow(x, dim, start, length)", expected)
            trial.expect("x.narrow(back, behind, length)", expected)
            if x.numel < MANY:
                trial.expect("torch.narrow(input=x, dim=dim, start=behind, length=length)", expected)
                trial.expect("x.narrow(dim=dim, start=start, length=length)", expected)
                trial.expect("x.narrow(back, place, length)", expected)


@clause("indexing.narrow-copy.copies-a-slice")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_narrow_copy(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        choices = Choices(recipe, 1)
        for dim, extent in enumerate(recipe.size):
            start = choices.pick(extent + 1)
            length = choices.pick(extent - start + 1)
            trial = cell.trial(x=x, dim=dim, start=start, length=length, back=dim - x.ndim, dtype=cell.torch_dtype)
            expected = indexing.basic_view(x, indexing.along(slice(start, start + length), dim, x.ndim))
            trial.run("y = x.narrow_copy(dim, start, length)")
            trial.expect("torch.narrow_copy(x, back, start, length)", expected)
            trial.run("y.fill_(1)")
            trial.expect("x", x)


@clause("indexing.select.refuses-what-is-out-of-range")
def test_select_and_narrow_refuse(cell: Cell) -> None:
    x = Strided.from_array(_CUBE)
    trial = cell.trial(x=x, scalar=Strided.from_array(np.array(1.0)))
    for statement in (
        "torch.select(x, 0, 2)",
        "x.select(0, -3)",
        "x.select(4, 0)",
        "torch.select(x, -5, 0)",
        "scalar.select(0, 0)",
        "x.select(dim=3, index=5)",
    ):
        trial.expect_error(statement, IndexError)
    trial.expect("x.select(3, 4)", _CUBE[..., 4].copy())


@clause("indexing.narrow.refuses-what-is-out-of-range")
def test_narrow_refuses(cell: Cell) -> None:
    x = Strided.from_array(_CUBE)
    trial = cell.trial(x=x, scalar=Strided.from_array(np.array(1.0)))
    for statement in (
        "torch.narrow(x, 0, 0, 3)",
        "x.narrow(0, 1, 2)",
        "x.narrow(1, -1, 2)",
        "x.narrow(1, 0, -1)",
        "x.narrow(4, 0, 1)",
        "x.narrow(-5, 0, 1)",
        "x.narrow(2, 5, 0)",
        "x.narrow(2, -5, 1)",
        "scalar.narrow(0, 0, 0)",
        "x.narrow_copy(0, 0, 3)",
        "x.narrow_copy(1, 2, 2)",
    ):
        trial.expect_error(statement, IndexError, RuntimeError)
    trial.expect("x.narrow(2, 4, 0)", _CUBE[:, :, 4:4].copy())
    trial.expect("x.narrow(2, 1, 3)", _CUBE[:, :, 1:4].copy())


_LISTED = (
    *((1,), (3,), (5,), (2, 3), (4, 3), (3, 1), (1, 4), (5, 2, 3), (3, 2, 1, 2)),
    *((0,), (0, 3), (3, 0), (2, 0, 3)),
)
_ROWS = ("[0]", "[1]", "[2]", "[3]", "[4]")


@clause("indexing.iteration.goes-along-the-first-dimension")
def test_iteration(cell: Cell) -> None:
    for size in _LISTED:
        for structure in structures(size):
            x = Recipe(structure, 0, bytes(range(32))).tensor("float64")
            trial = cell.trial(x=x)
            trial.expect_equal("len(x)", size[0])
            trial.run("rows, again, behind = list(x), [*x], list(reversed([row for row in x]))[::-1]")
            trial.expect_equal("(len(rows), len(again), len(behind))", (size[0],) * 3)
            for place, row in zip(_ROWS, x.array, strict=False):
                trial.expect(f"rows{place}", row)
                trial.expect(f"again{place}", row)
                trial.expect(f"behind{place}", row)


@clause("indexing.iteration.refuses-scalars")
def test_iteration_refuses_scalars(cell: Cell) -> None:
    for value in (1.5, True, 7):
        trial = cell.trial(x=Strided.from_array(np.array(value)))
        for statement in ("len(x)", "list(x)", "iter(x)", "[*x]", "for row in x: pass"):
            trial.expect_error(statement, TypeError)
        trial.expect("x", np.array(value))
