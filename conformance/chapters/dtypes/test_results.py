"""What a conversion returns: self or a new tensor, in which memory layout, and what flows back through it."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.chapters.dtypes.spellings import LEGACY, SHORTHANDS, TO_DTYPE, TYPE_DTYPE
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import (
    COMPLEX,
    FLOATING,
    PRESENT,
    converted,
    grain_recipes,
    in_turn,
    keep_settled,
    recipes,
    tables,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Structure, structures
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major

SHORTHAND_OF = {target: spelling for spelling, target in SHORTHANDS}
LEGACY_OF = {target: name for name, target in LEGACY}

SAME = (
    *("x.to(dtype)", "x.to(dtype=dtype)", "x.to(device, dtype)", "x.to(device=device, dtype=dtype)", "x.to(device)"),
    *("x.to(dtype, non_blocking=True)", "x.to(dtype, False, False)", "x.to(dtype, copy=False)", "x.to(x)"),
    *("x.to(other)", "x.type(dtype)", "x.type(dtype=dtype)", "x.type(x.type())", "x.type_as(other)", "x.type_as(x)"),
    *("x.to(dtype, memory_format=torch.preserve_format)", "x.to(None, dtype)", "x.to(dtype).to(dtype)"),
)
COPY = (
    *("x.to(dtype, copy=True)", "x.to(dtype=dtype, copy=True)", "x.to(dtype, False, True)"),
    *("x.to(device, copy=True)", "x.to(device, dtype, copy=True)", "x.to(x, copy=True)", "x.to(other, copy=True)"),
    *("x.to(device, dtype, False, True)", "x.to(dtype, copy=True, memory_format=torch.preserve_format)"),
    *("x.to(x.dtype, copy=True)",),
)
FORMATS = {
    4: (
        ("torch.contiguous_format", (0, 1, 2, 3)),
        ("torch.channels_last", (0, 2, 3, 1)),
    ),
    5: (
        ("torch.contiguous_format", (0, 1, 2, 3, 4)),
        ("torch.channels_last_3d", (0, 2, 3, 4, 1)),
    ),
}
FORMAT_SPELLINGS = (
    *("x.to(dtype, memory_format={})", "x.to(dtype=dtype, memory_format={})"),
    *("x.to(device, dtype, memory_format={})", "x.to(other, memory_format={})"),
    *("x.to(dtype, copy=True, memory_format={})",),
)
STRIDE_SPELLINGS = (
    *("x.to(dtype)", "x.type(dtype)", "x.to(dtype, copy=True)", "x.to(device, dtype)"),
    *("x.to(dtype, memory_format=torch.preserve_format)", "x.to(dtype=dtype)"),
)
GRADIENT_SPELLINGS = (
    *("x.to(dtype)", "x.to(device, dtype)", "x.type(dtype)", "x.to(other)", "x.type_as(other)"),
    *("x.to(dtype, copy=True)", "torch.zeros(size, dtype=dtype, device=device).copy_(x)"),
)


@clause("dtypes.same-dtype.returns-self")
def test_same_dtype(cell: Cell) -> None:
    for recipe in recipes(cell):
        x = recipe.tensor(cell.dtype)
        other = Strided.from_array(np.zeros((2,), numpy_dtype(cell.dtype)))
        trial = cell.trial(x=x, other=other, dtype=TORCH_DTYPES[cell.dtype])
        for spelling in SAME:
            trial.expect_true(f"{spelling} is x", "a conversion to the tensor's own dtype and device returns it")
        if cell.dtype in SHORTHAND_OF:
            trial.expect_true(f"{SHORTHAND_OF[cell.dtype]} is x", "a shorthand for the tensor's own dtype returns it")
        if cell.dtype in LEGACY_OF and cell.device == "cpu":
            name = LEGACY_OF[cell.dtype]
            trial.expect_true(f"x.type(torch.{name}) is x", "a conversion to the tensor's own type returns it")
        trial.expect_true("x._version == 0", "a conversion writes nothing")
        trial.expect("x", x)


@clause("dtypes.copy-argument.gives-new-memory")
def test_copy_argument(cell: Cell) -> None:
    for turn, recipe in enumerate((*recipes(cell), grain_recipes(cell)[1])):
        x = recipe.tensor(cell.dtype)
        zero = Strided.from_array(np.zeros(recipe.size, numpy_dtype(cell.dtype)))
        trial = cell.trial(x=x, other=zero, dtype=TORCH_DTYPES[cell.dtype])
        for spelling in in_turn(COPY, turn, 3):
            trial.run(f"y = {spelling}")
            trial.expect("y", x)
            trial.expect_true("y is not x", "a copy is another tensor")
            trial.run("y.zero_()")
            trial.expect("y", zero)
        trial.expect("x", x)


@clause("dtypes.conversion.shares-no-memory")
def test_no_aliasing(cell: Cell) -> None:
    spellings = (*TO_DTYPE, *TYPE_DTYPE)
    for turn, recipe in enumerate(recipes(cell, overlapping=False, share=0.25)):
        for place, target in enumerate(PRESENT):
            if target == cell.dtype:
                continue
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            for spelling in in_turn(spellings, turn + place, 1):
                trial.run(f"y = {spelling}")
                trial.run("y.zero_()")
                trial.expect("x", x)
                trial.run(f"y = {spelling}")
                trial.run("x.zero_()")
                trial.expect("y", expected)


@clause("dtypes.conversion.leaves-its-input-as-it-was")
def test_input_untouched(cell: Cell) -> None:
    large = grain_recipes(cell)[1]
    for recipe in (*recipes(cell, share=0.25), large):
        for target in ("bool", "int16", "bfloat16") if recipe is large else PRESENT:
            x, _ = converted(recipe, cell.dtype, target)
            other = Strided.from_array(np.zeros(1, numpy_dtype(target)))
            trial = cell.trial(x=x, other=other, dtype=TORCH_DTYPES[target], length=x.storage.size)
            trial.run("y = x.to(dtype), x.type(dtype), x.type_as(other), x.to(other, copy=True)")
            trial.expect("torch.as_strided(x, (length,), (1,), 0)", x.storage)
            trial.expect_true("x._version == 0", "a conversion does not count as a write")
            trial.expect_equal("tuple(x.stride())", x.stride)


@clause("dtypes.conversion.has-the-dtype-and-size")
def test_dtype_and_size(cell: Cell) -> None:
    spellings = (*TO_DTYPE, *TYPE_DTYPE, "x.to(other)", "x.type_as(other)")
    for turn, recipe in enumerate(recipes(cell, ("scalar", "empty", "small"))):
        for place, target in enumerate(PRESENT):
            x, _ = converted(recipe, cell.dtype, target)
            other = Strided.from_array(np.zeros(1, numpy_dtype(target)))
            trial = cell.trial(x=x, other=other, dtype=TORCH_DTYPES[target])
            for spelling in in_turn(spellings, turn + place, 3):
                trial.expect_true(f"({spelling}).dtype is dtype", "the result has the dtype asked for")
                trial.expect_equal(f"tuple(({spelling}).shape)", x.size)


_DENSE_SIZES = ((3,), (2, 3), (5, 2), (2, 3, 4), (3, 2, 2), (2, 3, 2, 4), (3, 4, 2, 2), (2, 3, 2, 2, 3), (7, 9), (33,))


def _permutation(size: tuple[int, ...], order: tuple[int, ...]) -> Structure:
    """Return the dense layout whose dimensions lie in memory in this order, outermost first."""
    dense = row_major(tuple(size[dim] for dim in order))
    stride = [0] * len(size)
    for position, dim in enumerate(order):
        stride[dim] = dense[position]
    return Structure("permuted", math.prod(size), size, tuple(stride), 0)


@clause("dtypes.conversion.preserves-dense-strides")
@given(order=st.permutations(range(5)), offset=st.sampled_from((0, 5)))
def test_preserves_strides(cell: Cell, order: list[int], offset: int) -> None:
    start = order[0] * 2
    for size in (*_DENSE_SIZES, *_DENSE_SIZES)[start : start + 5]:
        layout = _permutation(size, tuple(dim for dim in order if dim < len(size)))
        storage = np.resize(pool(cell.dtype, "small", 0), layout.length + offset)
        for place, target in enumerate(PRESENT):
            x = Strided(keep_settled(storage, target), size, layout.stride, offset)
            expected = casting.cast(x.array, target)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            for spelling in in_turn(STRIDE_SPELLINGS, place + order[0], 1):
                trial.run(f"y = {spelling}")
                trial.expect_equal("tuple(y.stride())", layout.stride)
                trial.expect("y", expected)
            if target in SHORTHAND_OF:
                trial.expect_equal(f"tuple({SHORTHAND_OF[target]}.stride())", layout.stride)


_FORMAT_SIZES = ((2, 3, 4, 5), (1, 3, 2, 2), (3, 2, 1, 4), (2, 3, 2, 3, 2), (1, 2, 3, 2, 2))


@clause("dtypes.memory-format.decides-strides")
@given(number=st.integers(0, 6))
def test_memory_format(cell: Cell, number: int) -> None:
    for size in (*_FORMAT_SIZES, *_FORMAT_SIZES)[number % 5 :][:3]:
        layouts = [each for each in structures(size) if each.layout != "odd-unit-strides"]
        layout = layouts[number % len(layouts)]
        storage = np.resize(pool(cell.dtype, "small", number), layout.length)
        for target in PRESENT:
            if target == cell.dtype:
                continue
            x = Strided(keep_settled(storage, target), size, layout.stride, layout.offset)
            other = Strided.from_array(np.zeros(1, numpy_dtype(target)))
            trial = cell.trial(x=x, other=other, dtype=TORCH_DTYPES[target])
            expected = casting.cast(x.array, target)
            for name, order in FORMATS[len(size)]:
                stride = _permutation(size, order).stride
                spelling = FORMAT_SPELLINGS[number % len(FORMAT_SPELLINGS)]
                trial.run(f"y = {spelling.format(name)}")
                trial.expect_equal("tuple(y.stride())", stride)
                trial.expect("y", expected)
                if target in SHORTHAND_OF:
                    trial.run(f"y = {SHORTHAND_OF[target][:-1]}memory_format={name})")
                    trial.expect_equal("tuple(y.stride())", stride)
                    trial.expect("y", expected)


@clause("dtypes.gradient.is-required-of-inexact-results")
def test_requires_grad(cell: Cell) -> None:
    for size in ((), (3,), (2, 0), (2, 3)):
        x = Strided.from_array(np.ones(size, numpy_dtype(cell.dtype)))
        for target in PRESENT:
            inexact = target in (*FLOATING, *COMPLEX)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            trial.run("x.requires_grad_()")
            for spelling in ("x.to(dtype)", "x.type(dtype)", "x.to(dtype, copy=True)", "x.to(device, dtype)"):
                trial.expect_equal(f"{spelling}.requires_grad", inexact)
                trial.expect_equal(f"x.detach(){spelling[1:]}.requires_grad", False)  # noqa: FBT003
            trial.expect_equal("x.to(dtype, copy=True).is_leaf", not inexact)


def _gradient(recipe: Recipe, source: str, target: str) -> tuple[Strided, Strided, Strided]:
    """Return the input, the gradient of the result, and the gradient of the input."""
    x, _ = converted(recipe, source, target)
    values, results = tables(target, source, recipe.seed)
    contiguous = Strided.from_array
    take = recipe.tensor("uint8", variant=1).array
    return x, contiguous(values[take]), contiguous(results[take])


@clause("dtypes.gradient.returns-in-the-source-dtype")
def test_gradient(cell: Cell) -> None:
    for turn, recipe in enumerate(recipes(cell, overlapping=False)):
        for place, target in enumerate((*FLOATING, *COMPLEX)):
            x, upstream, expected = _gradient(recipe, cell.dtype, target)
            other = Strided.from_array(np.zeros(1, numpy_dtype(target)))
            inputs = {"x": x, "g": upstream, "other": other, "dtype": TORCH_DTYPES[target], "size": x.size}
            trial = cell.trial(**inputs)
            trial.run("x.requires_grad_()")
            for spelling in in_turn(GRADIENT_SPELLINGS, turn + place, 3):
                trial.run(f"y = {spelling}")
                if target != cell.dtype:
                    trial.expect("torch.autograd.grad(y, x, g)[0]", expected)
            if target in SHORTHAND_OF and target != cell.dtype:
                trial.expect(f"torch.autograd.grad({SHORTHAND_OF[target]}, x, g)[0]", expected)


@clause("dtypes.gradient.passes-through-a-chain")
def test_gradient_chain(cell: Cell) -> None:
    # Small whole numbers are exact in every dtype, so every path gives the same gradient.
    values = pool("float64", "small", 3)[:35].reshape(5, 7)
    x, g = casting.cast(values, cell.dtype), casting.cast(values + 1, cell.dtype)
    for middle in (*FLOATING, *COMPLEX):
        for last in (*FLOATING, *COMPLEX):
            inputs = {"x": Strided.from_array(x), "g": Strided.from_array(casting.cast(g, last))}
            trial = cell.trial(**inputs, middle=TORCH_DTYPES[middle], last=TORCH_DTYPES[last])
            trial.run("x.requires_grad_()")
            trial.run("x.to(middle).t().to(last).backward(g.t())")
            trial.expect("x.grad", g)
            trial.run("x.to(middle)[:, 2:].to(last).backward(g[:, 2:])")
            trial.expect("x.grad[:, 2:]", 2 * g[:, 2:])
            trial.expect("x.grad[:, :2]", g[:, :2])
            if dtypes.is_complex(middle) or dtypes.is_complex(last):
                trial.expect_equal("x.grad.dtype is x.dtype", True)  # noqa: FBT003
