"""Clauses on masks: as an index, masked_select, masked_fill, masked_scatter, nonzero and argwhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    INDEXED,
    LAYOUTS,
    MANY,
    STANDING,
    STANDING_WITH_DIMENSIONS,
    STORAGE,
    WITH_DIMENSIONS,
    Choices,
    filled,
    inputs_of,
    laid_out,
    mask_index,
    some_of,
    whole,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Array = npt.NDArray[Any]
Size = tuple[int, ...]
FULL = indexing.FULL


@clause("indexing.mask.selects-true-elements")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, repeat=2))
def test_selects_true_elements(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        count = 2 if x.numel > MANY else len(INDEXED)
        indices = [mask_index(recipe.size, Choices(recipe, turn)) for turn in range(count)]
        full = Choices(recipe, count).mask(recipe.size)
        trial = cell.trial(x=x, **inputs_of(indices, recipe), m=laid_out(full, LAYOUTS[-1 - recipe.codes[4] % 2]))
        for expression, index in zip(INDEXED, indices, strict=False):
            trial.expect(expression, indexing.read(x.array, index))
        trial.expect("x[m]", indexing.read(x.array, full))


_CUBE = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


@clause("indexing.mask.stands-for-its-true-places")
def test_stands_for_its_true_places(cell: Cell) -> None:
    row, column = np.array([True, False, True]), np.array([True, False, True, False])
    plane = np.zeros((3, 4), dtype=np.bool_)
    plane[[0, 2], [3, 1]] = True
    two, one = np.array([1, -1]), np.array([[2], [0], [1]])
    for index in (
        *((row, two), (two, column), (row, column), (row, FULL, two), (FULL, column, two), (plane, two)),
        *((one, column), (row, one), (plane, one), (row, column, two), (row, None, two), (row, column, 0)),
        *((row, slice(1, 3), np.array([4])), (FULL, column, -1), (2, column)),
    ):
        places = tuple(
            each
            for item in index
            for each in (item.nonzero() if isinstance(item, np.ndarray) and item.dtype == np.bool_ else (item,))
        )
        expected = indexing.read(_CUBE, places)
        for layout in LAYOUTS:
            given_index = tuple(laid_out(item, layout) if isinstance(item, np.ndarray) else item for item in index)
            trial = cell.trial(x=Strided.from_array(_CUBE), i=given_index)
            trial.expect("x[i]", expected)


@clause("indexing.mask.of-several-dimensions-leaves-the-rest")
def test_leaves_the_rest(cell: Cell) -> None:
    x = np.arange(360, dtype=np.int32).reshape(3, 4, 5, 6)
    plane, behind = np.zeros((3, 4), dtype=np.bool_), np.zeros((4, 5), dtype=np.bool_)
    plane[[0, 2, 2], [3, 0, 1]] = behind[[0, 3], [4, 2]] = True
    items = (0, -1, FULL, slice(1, None), slice(None, -1, 2), None, Ellipsis)
    indices: list[Any] = [(plane, item) for item in items]
    indices += [(plane, item, other) for item in items for other in (2, slice(1, 3))]
    indices += [(item, behind, other) for item in (FULL, slice(1, None)) for other in items]
    indices += [(..., behind, slice(1, 4)), (None, plane, slice(2, None))]
    for layout in LAYOUTS:
        tensor = laid_out(x, layout)
        for index in indices:
            trial = cell.trial(
                x=tensor,
                i=tuple(laid_out(item, layout) if isinstance(item, np.ndarray) else item for item in index),
                **whole(tensor),
            )
            trial.expect("x[i]", indexing.read(x, index))
            trial.run("x[i] = -1")
            trial.expect(STORAGE, indexing.written(tensor, index, -1))


@clause("indexing.mask.of-no-dimension-adds-one")
@given(sweep=sweeps(classes=("scalar", "small", "empty")))
def test_of_no_dimension_adds_one(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor("float32")
        for truth in (True, False):
            trial = cell.trial(x=x, b=truth, t=Strided.from_array(np.array(truth)))
            expected = np.array(x.array)[None][: int(truth)]
            for expression in ("x[b]", "x[b, ...]", "x[t]", "x[t, ...]", "x[(b,)]"):
                trial.expect(expression, expected)
            trial.run("y = x.clone()")
            trial.run("y[b] = 5")
            trial.expect("y", np.full_like(x.array, 5) if truth else x.array)


@clause("indexing.mask.refuses-other-shapes")
def test_refuses_other_shapes(cell: Cell) -> None:
    x = Strided.from_array(_CUBE)
    for size in ((2,), (4,), (1,), (0,), (3, 5), (3, 1), (1, 4), (4, 3), (3, 4, 4), (1, 1, 1)):
        trial = cell.trial(x=x, m=Strided.from_array(np.ones(size, dtype=np.bool_)), l=np.ones(size, dtype=np.bool_))
        for expression in ("x[m]", "x[m, ...]", "x[l]"):
            trial.expect_error(expression, IndexError)
            trial.expect_error(f"{expression} = 1", IndexError)
        trial.expect("x", x)
    trial = cell.trial(x=x, m=Strided.from_array(np.ones((3, 4, 5, 1), dtype=np.bool_)))
    trial.expect_error("x[m]", IndexError)
    trial.expect_error("x[:, [True, False, True]]", IndexError)
    trial.expect("x[:, [True, False, True, False]]", _CUBE[:, [0, 2]].copy())


def _mask(size: Size, choices: Choices) -> tuple[Strided, Array]:
    """Return a mask that broadcasts to a size, in some layout, and its array."""
    way = choices.pick(4)
    if way == 1:
        size = size[choices.pick(len(size) + 1) :]
    elif way == 2:
        size = tuple(1 if choices.pick(2) else extent for extent in size)
    array = choices.mask(size)
    return laid_out(array, LAYOUTS[choices.pick(len(LAYOUTS))]), array


_SELECT = (
    "torch.masked_select(x, mask)",
    "x.masked_select(mask)",
    "torch.masked_select(input=x, mask=mask)",
    "x.masked_select(mask=mask)",
    "torch.masked_select(x, mask, out=torch.empty(0, dtype=dtype, device=device))",
    "torch.masked_select(x, mask, out=torch.ones(shape, dtype=dtype, device=device))",
    "torch.masked_select(x, mask, out=torch.ones((*shape, 2), dtype=dtype, device=device)[..., 0])",
)


@clause("indexing.masked-select.lists-elements-in-order")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_masked_select(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        mask, array = _mask(recipe.size, Choices(recipe, 0))
        expected = indexing.masked_select(x.array, array)
        trial = cell.trial(x=x, mask=mask, dtype=cell.torch_dtype, shape=expected.shape)
        for spelling in some_of(_SELECT, x, recipe):
            trial.expect(spelling, expected)


@clause("indexing.masked-select.broadcasts-both-ways")
def test_masked_select_broadcasts(cell: Cell) -> None:
    generator = cell.generator()
    for size, shape in (
        *(((), (3,)), ((1,), (4,)), ((3, 1), (1, 5)), ((2, 3), (4, 1, 3)), ((1, 3), (2, 4, 3)), ((5,), ())),
        *(((65, 1), (65, 67)), ((1, 0), (3, 1)), ((2, 1, 3), (2, 5, 1))),
    ):
        x = filled(generator, size, "float32")
        mask = generator.random(shape) < 0.6
        trial = cell.trial(x=Strided.from_array(x), mask=Strided.from_array(np.asarray(mask)))
        for spelling in _SELECT[:4]:
            trial.expect(spelling, indexing.masked_select(x, np.asarray(mask)))


_FILL = (
    "torch.masked_fill(x, mask, value)",
    "x.masked_fill(mask, value)",
    "torch.masked_fill(input=x, mask=mask, value=value)",
    "x.masked_fill(mask=mask, value=value)",
    "torch.masked_fill(x, mask, tensor)",
    "x.masked_fill(mask, tensor)",
)
_FILL_IN_PLACE = (
    "x.masked_fill_(mask, value)",
    "x.masked_fill_(mask=mask, value=value)",
    "x.masked_fill_(mask, tensor)",
)


@clause("indexing.masked-fill.fills-true-places")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_masked_fill(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        mask, array = _mask(recipe.size, Choices(recipe, 0))
        value = pool(cell.dtype, "moderate", 0)[recipe.codes[1] % 16]
        trial = cell.trial(x=x, mask=mask, value=value.item(), tensor=Strided.from_array(np.array(value)))
        expected = indexing.masked_fill(x.array, array, value)
        for spelling in some_of(_FILL, x, recipe):
            trial.expect(spelling, expected)
        trial.expect("x", x)


@clause("indexing.masked-fill.writes-true-places-only")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_masked_fill_in_place(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        mask, array = _mask(recipe.size, Choices(recipe, 0))
        value = pool(cell.dtype, "moderate", 0)[recipe.codes[1] % 16]
        inputs = {"mask": mask, "value": value.item(), "tensor": Strided.from_array(np.array(value)), **whole(x)}
        expected = indexing.stored(x, indexing.masked_fill(x.array, array, value))
        for spelling in some_of(_FILL_IN_PLACE, x, recipe):
            trial = cell.trial(x=x, **inputs)
            trial.expect_true(f"({spelling}) is x", "an in-place method returns its tensor")
            trial.expect(STORAGE, expected)


@clause("indexing.masked-scatter.fills-in-order")
@example(sweep=STANDING)
@given(sweep=sweeps(overlapping=False))
def test_masked_scatter(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x, choices = recipe.tensor(cell.dtype), Choices(recipe, 0)
        if recipe.structure.layout in ("transposed", "channels-last"):
            x = laid_out(x.values(), "sliced")
        mask, array = _mask(recipe.size, choices)
        # As many elements as are needed, and some more, which are left.
        source = pool(cell.dtype, "any", 1)[choices.integers(0, 256, (x.numel + choices.pick(3),))]
        trial = cell.trial(x=x, mask=mask, source=laid_out(source, LAYOUTS[choices.pick(3)]), **whole(x))
        expected = indexing.masked_scatter(x.array, array, source)
        for spelling in some_of(
            (
                "torch.masked_scatter(x, mask, source)",
                "x.masked_scatter(mask, source)",
                "torch.masked_scatter(input=x, mask=mask, source=source)",
            ),
            x,
            recipe,
        ):
            trial.expect(spelling, expected)
        trial.expect_true("x.masked_scatter_(mask, source) is x", "an in-place method returns its tensor")
        trial.expect(STORAGE, indexing.stored(x, expected))


@clause("indexing.masked-scatter.fills-transposed-tensors")
def test_masked_scatter_transposed(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((2, 3), (3, 2), (4, 7), (2, 3, 4), (17, 33), (181, 183)):
        for layout in ("tensor", "transposed"):
            x, mask = filled(generator, size, "float32"), generator.random(size) < 0.5
            source = filled(generator, (x.size,), "float32", "finite")
            tensor = laid_out(x, "transposed")
            trial = cell.trial(
                x=tensor, mask=laid_out(mask, layout), source=Strided.from_array(source), **whole(tensor)
            )
            expected = indexing.masked_scatter(x, mask, source)
            trial.expect("torch.masked_scatter(x, mask, source)", expected)
            trial.run("x.masked_scatter_(mask, source)")
            trial.expect(STORAGE, indexing.stored(tensor, expected))


_PLACES = (
    "torch.nonzero(x)",
    "x.nonzero()",
    "torch.nonzero(x, as_tuple=False)",
    "x.nonzero(as_tuple=False)",
    "torch.nonzero(x, out=torch.empty(0, dtype=torch.int64, device=device))",
    "torch.nonzero(x, out=torch.ones(shape, dtype=torch.int64, device=device))",
)


def _sparse(recipe: Recipe, dtype: str) -> Strided:
    """Return a recipe's tensor with many zeros among its elements."""
    x = recipe.tensor(dtype)
    storage = np.where(recipe.indices(variant=2) % 3 == 0, x.storage.dtype.type(0), x.storage)
    return Strided(storage.astype(x.storage.dtype), x.size, x.stride, x.offset)


@clause("indexing.nonzero.lists-coordinates-in-order")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_nonzero(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = _sparse(recipe, cell.dtype)
        expected = indexing.nonzero(x.array)
        trial = cell.trial(x=x, shape=expected.shape)
        for spelling in some_of(_PLACES, x, recipe):
            trial.expect(spelling, expected)


@clause("indexing.argwhere.equals-nonzero")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_argwhere(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = _sparse(recipe, cell.dtype)
        trial = cell.trial(x=x)
        for spelling in ("torch.argwhere(x)", "x.argwhere()"):
            trial.expect(spelling, indexing.nonzero(x.array))


_TUPLES = (
    "torch.nonzero(x, as_tuple=True)",
    "x.nonzero(as_tuple=True)",
    "torch.where(x)",
    "torch.where(condition=x)",
)


@clause("indexing.nonzero.gives-a-tuple-of-coordinates")
@example(sweep=STANDING)
@given(sweep=sweeps())
def test_nonzero_as_tuple(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = _sparse(recipe, cell.dtype)
        # A tensor without dimensions is treated as one of a single dimension.
        columns = [np.ascontiguousarray(each) for each in np.atleast_1d(x.array).nonzero()]
        trial = cell.trial(x=x)
        for spelling in some_of(_TUPLES, x, recipe):
            trial.run(f"y = {spelling}")
            trial.expect_true("type(y) is tuple", "the coordinates are a tuple of tensors")
            trial.expect_equal("len(y)", len(columns))
            for expression, column in zip(("y[0]", "y[1]", "y[2]", "y[3]", "y[4]", "y[5]"), columns, strict=False):
                trial.expect(expression, column.astype(np.int64))


@clause("indexing.masked-fill.refuses-what-does-not-fit")
def test_masked_functions_refuse(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(
        x=Strided.from_array(x),
        mask=Strided.from_array(np.ones((3, 3), dtype=np.bool_)),
        tall=Strided.from_array(np.ones((2, 3, 4), dtype=np.bool_)),
        fits=Strided.from_array(np.array([True, False, True, True])),
        ones=Strided.from_array(np.ones(4, dtype=np.float32)),
    )
    for statement in (
        "x.masked_fill_(mask, 1)",
        "torch.masked_fill(x, mask, 1)",
        "x.masked_fill_(tall, 1)",
        "x.masked_fill_(fits, ones)",
        "x.masked_fill(fits, ones)",
        "x.masked_fill_(fits, 1j)",
    ):
        trial.expect_error(statement, RuntimeError, IndexError, TypeError)
    trial.expect("x", x)
    trial.expect("x.masked_fill(fits, 0)", indexing.masked_fill(x, np.array([True, False, True, True]), 0))


@clause("indexing.masked-select.refuses-what-does-not-fit")
def test_masked_select_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(
        x=Strided.from_array(x),
        mask=Strided.from_array(np.ones((3, 3), dtype=np.bool_)),
        fits=Strided.from_array(np.array([True, False, True, True])),
    )
    for statement in (
        "torch.masked_select(x, mask)",
        "x.masked_select(mask)",
        "torch.masked_select(x, fits, out=torch.empty(0, dtype=torch.int64, device=device))",
    ):
        trial.expect_error(statement, RuntimeError, IndexError)
    trial.expect("x", x)
    trial.expect("x.masked_select(fits)", indexing.masked_select(x, np.array([True, False, True, True])))


@clause("indexing.masked-scatter.refuses-what-does-not-fit")
def test_masked_scatter_refuses(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    statements = ["x.masked_scatter_(mask, many)", "x.masked_scatter_(fits, long)"]
    if cell.torch_device.type == "cpu":
        # Elsewhere the number of true elements is checked where the data are, if at all.
        statements += ["x.masked_scatter(fits, few)", "x.masked_scatter(fits, few[:0])"]
    trial = cell.trial(
        x=Strided.from_array(x),
        mask=Strided.from_array(np.ones((3, 3), dtype=np.bool_)),
        fits=Strided.from_array(np.array([True, False, True, True])),
        many=Strided.from_array(np.ones(12, dtype=np.float32)),
        few=Strided.from_array(np.ones(8, dtype=np.float32)),
        long=Strided.from_array(np.ones(12, dtype=np.int64)),
    )
    for statement in statements:
        trial.expect_error(statement, RuntimeError, IndexError)
    trial.expect("x", x)
    trial.expect("x.masked_scatter(fits, many)", np.where([True, False, True, True], np.float32(1), x))


@clause("indexing.masked-functions.refuse-masks-of-other-dtypes")
def test_refuse_masks_of_other_dtypes(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    for dtype in ("float32", "int64", "int32", "complex64"):
        trial = cell.trial(x=Strided.from_array(x), mask=Strided.from_array(np.ones(4, dtype=dtype)))
        for statement in (
            *("x.masked_fill_(mask, 1)", "x.masked_fill(mask, 1)", "torch.masked_fill(x, mask, 1)"),
            *("x.masked_select(mask)", "torch.masked_select(x, mask)"),
            *("x.masked_scatter_(mask, x.neg())", "x.masked_scatter(mask, x.neg())"),
        ):
            trial.expect_error(statement, RuntimeError)
            trial.expect("x", x)
