"""Clauses on stack, hstack, vstack, dstack, column_stack and block_diag."""

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
    STANDING,
    Choices,
    filled,
    laid_out,
    some_of,
)
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import promotion
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import joining

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_STACK = (
    "torch.stack(tensors, dim)",
    "torch.stack(tuple(tensors), back)",
    "torch.stack(tensors=tensors, dim=back)",
    "torch.stack(tensors, dim=dim, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.stack(tensors, back, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.stack(tensors, dim, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


@clause("joining.stack.joins-along-a-new-dimension")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_stack(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        for dim in range(x.ndim + 1) if x.numel < MANY else (choices.pick(x.ndim + 1),):
            tensors = [x]
            for variant in range((1, 0, 2, 4)[choices.pick(4)] if x.numel < MANY else 1):
                array = recipe.array(cell.dtype, variant=variant + 1)
                tensors.insert(choices.pick(2), laid_out(array, LAYOUTS[choices.pick(len(LAYOUTS))]))
            expected = joining.stack([each.array for each in tensors], dim)
            trial = cell.trial(
                tensors=tensors, dim=dim, back=dim - x.ndim - 1, dtype=cell.torch_dtype, shape=expected.shape
            )
            for spelling in some_of(_STACK if expected.size != 1 else _STACK[:-1], x, recipe):
                trial.expect(spelling, expected)
            if dim == 0:
                trial.expect("torch.stack(tensors)", expected)


@clause("joining.stack.promotes")
def test_stack_promotes(cell: Cell) -> None:
    for other in TORCH_DTYPES:
        wide = promotion.WIDE_UNSIGNED & {other, cell.dtype}
        if not promotion.is_documented(cell.dtype, other) or (wide and cell.dtype not in wide):
            continue
        for size in ((), (3,), (2, 2)):
            count = int(np.prod(size))
            a, b = (np.asarray(pool(name, "small", 0)[1 : 1 + count].reshape(size)) for name in (cell.dtype, other))
            trial = cell.trial(a=Strided.from_array(a), b=Strided.from_array(b))
            trial.expect("torch.stack([a, b])", joining.stack([a, b]))
            trial.expect("torch.stack((b, a, a), dim=-1)", joining.stack([b, a, a], -1))


_SETS: tuple[tuple[Size, ...], ...] = (
    *(
        ((),),
        ((), ()),
        ((3,),),
        ((3,), (3,)),
        ((), (1,), (1,)),
        ((2, 3),),
        ((2, 3), (2, 3), (2, 3)),
        ((1,), ()),
        ((0,), (0,)),
    ),
    *(
        ((4, 2, 3), (4, 2, 3)),
        ((2, 1, 3, 2), (2, 1, 3, 2)),
        ((1, 3), (1, 3)),
        ((65,), (65,), (65,)),
        ((7, 33), (7, 33)),
    ),
)
_MIXED: dict[str, tuple[tuple[Size, ...], ...]] = {
    "hstack": (((3,), (5,), (0,), ()), ((2, 3), (2, 1), (2, 0)), ((2, 3, 4), (2, 5, 4)), ((), (4,)), ((40_001,), (7,))),
    "vstack": (((3,), (2, 3), (1, 3)), ((2, 3), (3,)), ((1, 3, 4), (5, 3, 4)), ((), (4, 1)), ((3, 20_001), (20_001,))),
    "dstack": (
        ((3,), (1, 3), (1, 3, 2)),
        ((2, 3), (2, 3, 4)),
        ((2, 3, 4), (2, 3, 1)),
        ((), (1, 1, 2)),
        ((181, 183), (181, 183, 2)),
    ),
    "column-stack": (
        ((3,), (3, 2), (3, 0)),
        ((3, 2), (3,), (3,)),
        ((2, 3, 4), (2, 5, 4)),
        ((), (1, 3)),
        ((20_001,), (20_001, 3)),
    ),
}
_NAMES = {
    "hstack": ("torch.hstack",),
    "vstack": ("torch.vstack", "torch.row_stack"),
    "dstack": ("torch.dstack",),
    "column-stack": ("torch.column_stack",),
}


@clause("joining.*.joins-as-documented")
def test_joins_as_documented(cell: Cell) -> None:
    subject, generator = cell.clause.subject, cell.generator()
    for sizes in (*_SETS, *_MIXED[subject]):
        arrays = [filled(generator, size, cell.dtype) for size in sizes]
        expected = joining.JOINS[subject](arrays)
        for layout in LAYOUTS if expected.size < MANY else LAYOUTS[:1]:
            tensors = [laid_out(each, layout) for each in arrays]
            trial = cell.trial(tensors=tensors, dtype=cell.torch_dtype, shape=expected.shape)
            for name in _NAMES[subject]:
                trial.expect(f"{name}(tensors)", expected)
                trial.expect(f"{name}(tensors=tuple(tensors))", expected)
                trial.expect(f"{name}(tensors, out=torch.empty(0, dtype=dtype, device=device))", expected)
                trial.expect(f"{name}(tuple(tensors), out=torch.ones(shape, dtype=dtype, device=device))", expected)


_PAIRS = (("bool", "uint8"), ("int8", "uint8"), ("int64", "float16"), ("float16", "bfloat16"), ("float64", "complex64"))


@clause("joining.*.promotes-as-cat")
def test_promotes_as_cat(cell: Cell) -> None:
    subject = cell.clause.subject
    for pair in _PAIRS:
        for size in ((), (3,), (2, 3), (2, 3, 1)):
            arrays = [np.asarray(pool(name, "small", 0)[1 : 1 + int(np.prod(size))].reshape(size)) for name in pair]
            trial = cell.trial(a=Strided.from_array(arrays[0]), b=Strided.from_array(arrays[1]))
            for name in _NAMES[subject]:
                trial.expect(f"{name}([a, b])", joining.JOINS[subject](arrays))
                trial.expect(f"{name}((b, a, b))", joining.JOINS[subject]([arrays[1], arrays[0], arrays[1]]))


@clause("joining.stack.refuses-what-does-not-fit")
def test_stack_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(
        x=Strided.from_array(x),
        y=Strided.from_array(np.zeros((3, 3), dtype=np.float32)),
        z=Strided.from_array(np.zeros((1, 3, 4), dtype=np.float32)),
        v=Strided.from_array(np.zeros(5, dtype=np.float32)),
    )
    for statement in (
        *(
            "torch.stack([x, y])",
            "torch.stack([x, x.T])",
            "torch.stack([x, z])",
            "torch.stack([x, x], 3)",
            "torch.stack([])",
        ),
        *(
            "torch.stack([x, x], dim=-4)",
            "torch.stack([x, x[:1]])",
            "torch.stack([x, x[0]], 1)",
            "torch.stack([v, v[:0]])",
        ),
        *("torch.hstack([])", "torch.vstack([])", "torch.dstack([])", "torch.column_stack([])", "torch.hstack([x, v])"),
        *("torch.hstack([x, x[:2]])", "torch.vstack([x, v])", "torch.vstack([x, y])", "torch.dstack([x, y])"),
        *(
            "torch.dstack([x, v])",
            "torch.column_stack([x, v])",
            "torch.column_stack([v, v[:4]])",
            "torch.row_stack([x, y])",
        ),
        *("torch.stack([x, x], out=torch.empty(0, dtype=torch.int64, device=device))", "torch.stack([x, 1])"),
        *("torch.hstack([x, x], out=torch.empty(0, dtype=torch.int64, device=device))",),
    ):
        trial.expect_error(statement, RuntimeError, IndexError, ValueError, TypeError)
    trial.expect("x", x)
    trial.expect("torch.stack([x, x], -3)", np.stack([x, x]))


_BLOCKS: tuple[tuple[Size, ...], ...] = (
    *(
        ((),),
        ((3,),),
        ((2, 3),),
        ((), ()),
        ((2, 3), ()),
        ((), (3,), (2, 2)),
        ((1, 4), (4, 1), (2, 2)),
        ((0, 3), (2, 1)),
    ),
    *(((3, 0), (2, 2)), ((17, 33), (9,), (5, 65)), ((180, 7), (3, 183), ()), ((1, 1),) * 9),
)


@clause("joining.block-diag.puts-blocks-on-the-diagonal")
def test_block_diag(cell: Cell) -> None:
    generator = cell.generator()
    for sizes in _BLOCKS:
        arrays = [filled(generator, size, cell.dtype) for size in sizes]
        expected = joining.block_diag(arrays)
        for layout in LAYOUTS if expected.size < MANY else LAYOUTS[-1:]:
            trial = cell.trial(tensors=[laid_out(each, layout) for each in arrays])
            trial.expect("torch.block_diag(*tensors)", expected)


@clause("joining.block-diag.refuses-more-than-two-dimensions")
def test_block_diag_refuses(cell: Cell) -> None:
    for size in ((1, 1, 1), (2, 3, 4), (0, 1, 2, 3)):
        trial = cell.trial(x=Strided.from_array(np.zeros(size, dtype=np.float32)))
        trial.expect_error("torch.block_diag(x)", RuntimeError)
        trial.expect_error("torch.block_diag(x.new_ones(2, 2), x)", RuntimeError)
        trial.expect("torch.block_diag(x.new_ones(2, 2))", np.ones((2, 2), dtype=np.float32))
