"""Clauses on cat, concat and concatenate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.index_expressions import (
    LAYOUTS,
    MANY,
    STANDING_WITH_DIMENSIONS,
    WITH_DIMENSIONS,
    Choices,
    filled,
    laid_out,
    some_of,
)
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import promotion
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import joining

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_CAT = (
    "torch.cat(tensors, dim)",
    "torch.cat(tensors=tensors, dim=back)",
    "torch.cat(tuple(tensors), dim)",
    "torch.concat(tensors, back)",
    "torch.concat(tensors=tuple(tensors), dim=dim)",
    "torch.concatenate(tensors, dim)",
    "torch.concatenate(tensors=tensors, dim=back)",
    "torch.cat(tensors, dim, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.cat(tensors, back, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.concat(tensors, dim=dim, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.concatenate(tensors, dim=dim, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.cat(tensors, dim=dim, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


def with_extent(size: Size, dim: int, extent: int) -> Size:
    """Return a size with another extent in one dimension."""
    return (*size[:dim], extent, *size[dim + 1 :])


def _beside(x: Strided, dim: int, choices: Choices, dtype: str, count: int) -> list[Strided]:
    """Return tensors of several layouts that can be joined to one along a dimension."""
    extents = (1, x.size[dim], 2, 0, 3, 9) if x.numel < MANY else (1, x.size[dim])
    found = []
    for _ in range(count):
        size = with_extent(x.size, dim, extents[choices.pick(len(extents))])
        array = np.asarray(pool(dtype, "any", 1)[choices.integers(0, 256, size)])
        found.append(laid_out(array, LAYOUTS[choices.pick(len(LAYOUTS))]))
    return found


@clause("joining.cat.joins-along-a-dimension")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS))
def test_cat(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        for dim in range(x.ndim) if x.numel < MANY else (choices.pick(x.ndim),):
            tensors = _beside(x, dim, choices, cell.dtype, (1, 0, 2, 4)[choices.pick(4)] if x.numel < MANY else 1)
            tensors.insert(choices.pick(len(tensors) + 1), x)
            expected = joining.cat([each.array for each in tensors], dim)
            trial = cell.trial(
                tensors=tensors, dim=dim, back=dim - x.ndim, dtype=cell.torch_dtype, shape=expected.shape
            )
            for spelling in some_of(_CAT if expected.size != 1 else _CAT[:-1], x, recipe):
                trial.expect(spelling, expected)


@clause("joining.cat.joins-along-the-first-dimension-by-default")
@given(sweep=sweeps(classes=("small", "empty", "tail"), repeat=3))
def test_cat_default(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor("float32")
        for tensors in ([x, x], [x, *_beside(x, 0, Choices(recipe, 0), "float32", 2)]):
            trial = cell.trial(tensors=tensors)
            expected = joining.cat([each.array for each in tensors])
            for spelling in ("torch.cat(tensors)", "torch.concat(tensors)", "torch.concatenate(tuple(tensors))"):
                trial.expect(spelling, expected)


@clause("joining.cat.joins-any-number")
def test_cat_joins_any_number(cell: Cell) -> None:
    generator = cell.generator()
    for count in (1, 2, 3, 5, 16, 33, 130):
        for size, dim in (((1,), 0), ((3,), 0), ((2, 3), 0), ((2, 1, 3), 1), ((1, 2, 2), 2)):
            tensors = []
            for _ in range(count):
                extent = int(generator.integers(0, 4)) if size != (3,) else 3
                array = filled(generator, with_extent(size, dim, extent), cell.dtype)
                tensors.append(laid_out(array, LAYOUTS[int(generator.integers(0, 4))]))
            trial = cell.trial(tensors=tensors, dim=dim)
            expected = joining.cat([each.array for each in tensors], dim)
            trial.expect("torch.cat(tensors, dim)", expected)
            trial.expect("torch.concat(tuple(tensors), dim=dim)", expected)


@clause("joining.cat.joins-very-large-tensors")
def test_cat_joins_very_large_tensors(cell: Cell) -> None:
    generator = cell.generator()
    for sizes, dim in (
        (((40_001,), (3,), (33_333,)), 0),
        (((3, 20_001), (5, 20_001)), 0),
        (((20_001, 3), (20_001, 4)), 1),
        (((181, 183, 1), (181, 7, 1)), 1),
    ):
        tensors = [
            laid_out(filled(generator, size, cell.dtype), LAYOUTS[int(generator.integers(0, 4))]) for size in sizes
        ]
        trial = cell.trial(tensors=tensors, dim=dim)
        trial.expect("torch.cat(tensors, dim)", joining.cat([each.array for each in tensors], dim))


@clause("joining.cat.promotes")
def test_cat_promotes(cell: Cell) -> None:
    for other in TORCH_DTYPES:
        wide = promotion.WIDE_UNSIGNED & {other, cell.dtype}
        if not promotion.is_documented(cell.dtype, other) or (wide and cell.dtype not in wide):
            continue
        a, b = pool(cell.dtype, "small", 0)[:6].reshape(2, 3), pool(other, "small", 1)[:9].reshape(3, 3)
        for arrays in ((a, b), (b, a), (a, b, a), (b[:0], a)):
            trial = cell.trial(tensors=[Strided.from_array(each) for each in arrays])
            expected = joining.cat(arrays)
            trial.expect("torch.cat(tensors)", expected)
            trial.expect("torch.concatenate(tensors, dim=0)", expected)
            trial.expect("torch.cat([t.T for t in tensors], dim=1)", np.ascontiguousarray(expected.T))


@clause("joining.cat.promotes-among-many")
def test_cat_promotes_among_many(cell: Cell) -> None:
    names = ("bool", "uint8", "int8", "int16", "int64", "float16", "float32", "complex64")
    for count in range(2, len(names) + 1):
        for start in range(len(names) - count + 1):
            chosen = names[start : start + count]
            arrays = [pool(name, "small", 0)[1:4] for name in chosen]
            for order in (arrays, arrays[::-1], arrays[1:] + arrays[:1]):
                trial = cell.trial(tensors=[Strided.from_array(each) for each in order])
                trial.expect("torch.cat(tensors)", joining.cat(order))
                trial.expect("torch.stack(tensors, dim=1)", joining.stack(order, 1))


@clause("joining.cat.skips-empty-vectors")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=("small", "empty", "tail"), repeat=2))
def test_cat_skips_empty_vectors(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        dim = choices.pick(x.ndim)
        none = Strided.from_array(np.zeros(0, dtype=x.storage.dtype))
        beside = _beside(x, dim, choices, cell.dtype, 1)[0]
        for tensors in ([none, x], [x, none], [x, none, beside], [none, none, x, none], [none], [none, none]):
            expected = joining.cat([each.array for each in tensors], dim if x in tensors else 0)
            trial = cell.trial(
                tensors=tensors, dim=dim if x in tensors else 0, back=dim - x.ndim if x in tensors else -1
            )
            trial.expect("torch.cat(tensors, dim)", expected)
            trial.expect("torch.cat(tensors, dim=back)", expected)


@clause("joining.cat.writes-to-out")
def test_cat_writes_to_out(cell: Cell) -> None:
    generator = cell.generator()
    for size, dim in (((2, 3), 0), ((2, 3), 1), ((33,), 0), ((3, 65), 1), ((2, 2, 3, 3), 1)):
        arrays = [filled(generator, with_extent(size, dim, extent), "float32", "moderate") for extent in (1, 4, 2)]
        expected = joining.cat(arrays, dim)
        size_out = expected.shape
        inputs = {"tensors": [Strided.from_array(each) for each in arrays], "dim": dim, "shape": size_out}
        trial = cell.trial(**inputs, wrong=with_extent(size_out, dim, 1), short=(0,) * len(size_out))
        for out in (
            "torch.ones(shape, device=device)",
            "torch.ones(shape[::-1], device=device).permute(*range(len(shape) - 1, -1, -1))",
            "torch.ones((*shape, 3), device=device)[..., 1]",
            "torch.ones((*shape[:-1], shape[-1] + 2), device=device)[..., 1:-1]",
            "torch.empty(0, device=device)",
            "torch.empty(short, device=device)",
        ):
            trial.run(f"out = {out}")
            trial.expect_true("torch.cat(tensors, dim, out=out) is out", "what out= was given is returned")
            trial.expect("out", expected)
            trial.expect_true("torch.concat(tensors, dim=dim, out=out) is out", "what out= was given is returned")
            trial.expect("out", expected)
        # Around a part of a larger tensor, nothing is written.
        trial.run("outer = torch.full((*shape[:-1], shape[-1] + 2), 7.0, device=device)")
        trial.run("torch.cat(tensors, dim, out=outer[..., 1:-1])")
        padded = np.full((*size_out[:-1], size_out[-1] + 2), 7, dtype=np.float32)
        padded[..., 1:-1] = expected
        trial.expect("outer", padded)


@clause("joining.cat.converts-into-out")
def test_cat_converts_into_out(cell: Cell) -> None:
    a, b = np.array([[1, 2], [3, 0]], dtype=np.int16), np.array([[5, 7]], dtype=np.uint8)
    for dtype in ("int16", "int32", "int64", "float32", "float64", "complex64", "int8"):
        expected = cast(joining.cat([a, b]), dtype)
        trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b), dtype=TORCH_DTYPES[dtype])
        for spelling in ("torch.cat", "torch.concat", "torch.concatenate"):
            trial.expect(f"{spelling}([a, b], out=torch.empty(0, dtype=dtype, device=device))", expected)
            trial.expect(f"{spelling}([a, b], 0, out=torch.ones((3, 2), dtype=dtype, device=device))", expected)


@clause("joining.cat.refuses-an-out-of-a-lower-category")
def test_cat_refuses_lower_category(cell: Cell) -> None:
    for dtype, outs in (
        ("float32", ("int64", "uint8", "bool")),
        ("complex64", ("float64", "int32", "bool")),
        ("int32", ("bool",)),
    ):
        x = np.ones((2, 2), dtype=numpy_dtype(dtype))
        for out in outs:
            trial = cell.trial(x=Strided.from_array(x), out=Strided.from_array(np.zeros((4, 2), numpy_dtype(out))))
            for statement in (
                "torch.cat([x, x], out=out)",
                "torch.concat([x, x], 0, out=out)",
                "torch.concatenate([x, x], out=out)",
            ):
                trial.expect_error(statement, RuntimeError, TypeError)
            trial.expect("out", np.zeros((4, 2), numpy_dtype(out)))


@clause("joining.cat.refuses-an-out-that-overlaps")
def test_cat_refuses_overlap(cell: Cell) -> None:
    base = np.arange(24, dtype=np.float32).reshape(6, 4)
    trial = cell.trial(base=Strided.from_array(base))
    for statement in (
        "torch.cat([base[:3], base[3:]], out=base)",
        "torch.cat([base[:2], base[2:4]], out=base[1:5])",
        "torch.concat([base[1:3], base[:1]], out=base[2:5])",
        "torch.cat([base[:1], base[5:]], 0, out=base[4:6])",
    ):
        trial.expect_error(statement, RuntimeError)
        trial.expect("base", base)
    trial.expect("torch.cat([base[:2], base[2:4]], out=torch.empty(0, device=device))", base[:4].copy())


@clause("joining.cat.gives-a-copy")
def test_cat_gives_a_copy(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(x=Strided.from_array(x), none=Strided.from_array(np.zeros(0, dtype=np.float32)))
    for expression in (
        *("torch.cat([x])", "torch.concat((x,), 1)", "torch.concatenate([x], dim=-1)", "torch.cat([x, none])"),
        *(
            "torch.cat([none, x], 1)",
            "torch.cat([x, x[:0]])",
            "torch.cat([x[0]])",
            "torch.stack([x])",
            "torch.hstack([x])",
        ),
        *(
            "torch.vstack([x])",
            "torch.dstack([x])",
            "torch.column_stack([x])",
            "torch.row_stack([x])",
            "torch.stack([x], 2)",
        ),
        *("torch.block_diag(x)", "x.repeat(1, 1)", "torch.tile(x, (1,))", "x.tile(1, 1)", "x.repeat_interleave(1, 0)"),
        *("torch.roll(x, 0)", "x.roll(3, 0)", "torch.flip(x, ())", "x.flip(0)", "torch.rot90(x, 0)", "x.rot90(4)"),
        *("torch.fliplr(x)", "torch.flipud(x)", "torch.flip(x[:1], (0,))", "torch.flip(x[:, :1], (1,))"),
    ):
        trial.run(f"y = {expression}")
        trial.run("y.fill_(77)")
        trial.expect("x", x)


@clause("joining.cat.refuses-what-does-not-fit")
def test_cat_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(
        x=Strided.from_array(x),
        y=Strided.from_array(np.zeros((3, 3), dtype=np.float32)),
        z=Strided.from_array(np.zeros((1, 3, 4), dtype=np.float32)),
        v=Strided.from_array(np.zeros(4, dtype=np.float32)),
        s=Strided.from_array(np.zeros((), dtype=np.float32)),
    )
    for function in ("torch.cat", "torch.concat", "torch.concatenate"):
        for arguments in (
            *("([x, y])", "([x, z])", "([x, v])", "([x, x], 2)", "([x, x], dim=-3)", "([s, s])", "([s])", "([v, s])"),
            *("([x, x[:0, :3]])", "([x, y[:2]], 1)", "([z, x], 0)", "([x, x, x, y], 0)", "([])"),
        ):
            trial.expect_error(f"{function}{arguments}", RuntimeError, IndexError, ValueError, TypeError)
        trial.expect_error(f"{function}(5)", TypeError)
        trial.expect_error(f"{function}([x, 1])", TypeError)
    trial.expect("x", x)
    trial.expect("torch.cat([x, y], 1)", np.concatenate([x, np.zeros((3, 3), np.float32)], 1))


@clause("joining.cat.keeps-channels-last")
def test_cat_keeps_channels_last(cell: Cell) -> None:
    for size in ((2, 3, 4, 5), (1, 2, 3, 3), (3, 5, 2, 7)):
        for dim in range(4):
            trial = cell.trial(size=size, other=with_extent(size, dim, 2), dim=dim)
            trial.run("a = torch.zeros(size, device=device).to(memory_format=torch.channels_last)")
            trial.run("b = torch.ones(other, device=device).to(memory_format=torch.channels_last)")
            trial.run("y = torch.cat([a, b, a], dim)")
            trial.expect_true(
                "y.is_contiguous(memory_format=torch.channels_last)", "inputs in channels-last order give such a result"
            )
            trial.expect(
                "y",
                joining.cat(
                    [
                        np.zeros(size, np.float32),
                        np.ones(with_extent(size, dim, 2), np.float32),
                        np.zeros(size, np.float32),
                    ],
                    dim,
                ),
            )
