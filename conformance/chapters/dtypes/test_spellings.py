"""Every way to ask for a conversion gives the dtype asked for and the values that `to` gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.dtypes.spellings import LEGACY, SHORTHANDS, TO_DTYPE, TO_OTHER, TYPE_DTYPE
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import (
    CLASSIC,
    PRESENT,
    converted,
    grain_recipes,
    in_turn,
    present,
    recipes,
    spread,
    tables,
)
from torch_conformance.conformance.inputs.recipes import Recipe, structures
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

_ELSEWHERE = ("x.cpu().type(torch.{}).to(device)",)
CLASS_SPELLINGS = {
    "cpu": ("x.type(torch.{})", "x.type(dtype=torch.{})", "x.type(torch.{}, non_blocking=True)"),
    "cuda": ("x.type(torch.cuda.{})", *_ELSEWHERE),
}
STRING_SPELLINGS = {
    "cpu": ("x.type('torch.{}')", "x.type(dtype='torch.{}')"),
    "cuda": ("x.type('torch.cuda.{}')", "x.cpu().type('torch.{}').to(device)"),
}

FROM_LIST = (
    *("torch.tensor(data, dtype=dtype, device=device)", "torch.as_tensor(data, dtype=dtype, device=device)"),
    *("torch.asarray(data, dtype=dtype, device=device)", "x.new_tensor(data, dtype=dtype)"),
)
FROM_TENSOR = (
    *("torch.as_tensor(x, dtype=dtype)", "torch.asarray(x, dtype=dtype)", "torch.asarray(x, dtype=dtype, copy=True)"),
    *("torch.as_tensor(x, dtype=dtype, device=device)", "torch.asarray(x, dtype=dtype, device=device)"),
)
COPIES = ("y.copy_(x)", "y.copy_(x, non_blocking=True)", "y.copy_(x, True)", "y[...] = x", "y.data.copy_(x)")


@clause("dtypes.to.takes-a-dtype-in-every-form")
def test_to_dtype(cell: Cell) -> None:
    for turn, recipe in enumerate(recipes(cell)):
        for place, target in enumerate(PRESENT):
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            for spelling in in_turn(TO_DTYPE, turn + place, 4):
                trial.expect(spelling, expected)


@clause("dtypes.to.takes-the-dtype-of-another-tensor")
def test_to_other(cell: Cell) -> None:
    for turn, recipe in enumerate(recipes(cell)):
        for place, target in enumerate(PRESENT):
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x, other=Strided.from_array(np.ones((2, 1), numpy_dtype(target))))
            for spelling in in_turn(TO_OTHER, turn + place, 2):
                trial.expect(spelling, expected)


@clause("dtypes.type-as.takes-the-dtype-of-another-tensor")
def test_type_as(cell: Cell) -> None:
    for recipe in recipes(cell):
        for target in PRESENT:
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x, other=Strided.from_array(np.zeros((0, 3), numpy_dtype(target))))
            trial.expect("x.type_as(other)", expected)
            trial.expect("x.type_as(other=other)", expected)


@clause("dtypes.shorthand.converts-as-to-does")
def test_shorthand(cell: Cell) -> None:
    for recipe in recipes(cell):
        for spelling, target in SHORTHANDS:
            x, expected = converted(recipe, cell.dtype, target)
            cell.trial(x=x).expect(spelling, expected)


@clause("dtypes.type.takes-a-dtype")
def test_type_dtype(cell: Cell) -> None:
    for turn, recipe in enumerate(recipes(cell)):
        for place, target in enumerate(PRESENT):
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            for spelling in in_turn(TYPE_DTYPE, turn + place, 2):
                trial.expect(spelling, expected)


def _judge_legacy(cell: Cell, spellings: tuple[str, ...]) -> None:
    for recipe in recipes(cell):
        for name, target in LEGACY:
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x)
            for spelling in spellings:
                trial.expect(spelling.format(name), expected)


@clause("dtypes.type.takes-a-legacy-class")
def test_type_legacy_class(cell: Cell) -> None:
    _judge_legacy(cell, CLASS_SPELLINGS.get(cell.torch_device.type, _ELSEWHERE))


@clause("dtypes.type.takes-a-legacy-name")
def test_type_legacy_name(cell: Cell) -> None:
    fallback = STRING_SPELLINGS["cuda"][1:]
    _judge_legacy(cell, STRING_SPELLINGS.get(cell.torch_device.type, fallback))


@clause("dtypes.type.without-argument-names-the-type")
def test_type_names(cell: Cell) -> None:
    prefix = {"cpu": "torch.", "cuda": "torch.cuda."}.get(cell.torch_device.type)
    for name, dtype in LEGACY:
        for size in ((), (3,), (0, 2), (2, 3)):
            trial = cell.trial(x=Strided.from_array(np.zeros(size, numpy_dtype(dtype))))
            if prefix is None:
                trial.expect_true("x.cpu().type().startswith('torch.')", "the name of a CPU type begins with torch")
            else:
                trial.expect_equal("x.type()", prefix + name)
                trial.expect_equal("x[...].type(None)", prefix + name)


@clause("dtypes.type.refuses-an-unknown-name")
def test_type_unknown(cell: Cell) -> None:
    for name in ("torch.NoTensor", "torch.Double", "float64", "DoubleTensor", ""):
        trial = cell.trial(x=Strided.from_array(np.arange(3.0)), name=name)
        trial.expect_error("x.type(name)", ValueError)
        trial.expect("x", np.arange(3.0))


def _destination(recipe: Recipe, target: str) -> Strided:
    """Return a tensor of the recipe's size in a layout of its own, each element at its own address."""
    layouts = [each for each in structures(recipe.size) if each.layout != "expanded"]
    layout = layouts[recipe.seed % len(layouts)]
    storage = np.resize(pool(target, "small", recipe.seed), layout.length)
    return Strided(storage, layout.size, layout.stride, layout.offset)


@clause("dtypes.copy.converts-into-the-destination")
def test_copy(cell: Cell) -> None:
    for turn, recipe in enumerate((*recipes(cell), *grain_recipes(cell))):
        for place, target in enumerate(PRESENT):
            values, results = tables(cell.dtype, target, recipe.seed)
            y = _destination(recipe, target)
            after = Strided(y.storage.copy(), y.size, y.stride, y.offset)
            if after.numel:
                after.array[...] = spread(recipe, results).array
            x = spread(recipe, values)
            for spelling in in_turn(COPIES, turn + place, 1):
                trial = cell.trial(x=x, y=y, length=y.storage.size)
                trial.run(spelling)
                # The storage as a whole, so that elements beside the destination are judged too.
                trial.expect("torch.as_strided(y, (length,), (1,), 0)", after.storage)


@clause("dtypes.copy.returns-the-destination")
def test_copy_returns(cell: Cell) -> None:
    for source in CLASSIC:
        for size in ((), (3,), (2, 5), (0,)):
            x = Strided.from_array(np.ones(size, numpy_dtype(source)))
            y = Strided.from_array(np.zeros(size, numpy_dtype(cell.dtype)))
            trial = cell.trial(x=x, y=y)
            trial.expect_true("y.copy_(x) is y", "copy_ returns the tensor that it writes to")
            trial.expect("y", np.ones(size, numpy_dtype(cell.dtype)))


@clause("dtypes.constructor.converts-python-numbers")
def test_constructor_from_numbers(cell: Cell) -> None:
    target, generator = cell.dtype, cell.generator()
    whole = pool(target, "small", cell.seed % 256)[:33].real.astype(np.int64 if target != "bool" else np.bool_)
    tables_of = [whole]
    if not dtypes.is_complex(target):
        positive = not dtypes.is_signed(target)
        quarters = generator.integers(0 if positive else -400, 400, 33) / 4
        tables_of += [np.abs(quarters) if positive else quarters, np.array([True, False])]
    for values in tables_of:
        for size in ((values.size,), (1, values.size)):
            data = values.reshape(size)
            x = Strided.from_array(np.zeros(1, numpy_dtype("float32")))
            # Python floats are float64, and reach a 16-bit dtype by the same two roundings.
            expected = casting.cast(data, target)
            trial = cell.trial(x=x, data=data.tolist(), dtype=TORCH_DTYPES[target])
            for spelling in FROM_LIST:
                trial.expect(spelling, expected)


@clause("dtypes.constructor.converts-numpy-arrays")
def test_constructor_from_arrays(cell: Cell) -> None:
    x = Strided.from_array(np.zeros(1, numpy_dtype("float32")))
    for source in present(dtypes.NAMES):
        if source in ("bfloat16", "uint16", "uint32", "uint64"):
            continue
        values, results = tables(source, cell.dtype, cell.seed % 256)
        trial = cell.trial(x=x, grid=np.resize(values, (3, 67)), dtype=TORCH_DTYPES[cell.dtype])
        expected = np.resize(results, (3, 67))
        for view, wanted in (
            *(("grid", expected), ("grid.T", expected.T), ("grid[:, ::2]", expected[:, ::2])),
            *(("grid[1:, 3:40]", expected[1:, 3:40]), ("grid[2]", expected[2]), ("grid[:, :0]", expected[:, :0])),
            ("grid[2, 5, ...]", expected[2, 5, ...]),
        ):
            trial.run(f"data = {view}")
            for spelling in FROM_LIST:
                trial.expect(spelling, wanted)


@clause("dtypes.constructor.converts-tensors")
def test_constructor_from_tensors(cell: Cell) -> None:
    for turn, recipe in enumerate(recipes(cell)):
        for place, target in enumerate(PRESENT):
            x, expected = converted(recipe, cell.dtype, target)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            for spelling in in_turn(FROM_TENSOR, turn + place, 2):
                trial.expect(spelling, expected)
