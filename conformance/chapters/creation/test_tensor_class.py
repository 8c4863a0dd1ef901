"""Clauses on torch.Tensor(...) and the typed tensor classes, which read integers as sizes and sequences as data."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.ops import creation

# These constructors make CPU tensors; on another device the result is carried there to be looked at.
_CLASSES = {
    "float32": "FloatTensor",
    "float64": "DoubleTensor",
    "float16": "HalfTensor",
    "bfloat16": "BFloat16Tensor",
    "uint8": "ByteTensor",
    "int8": "CharTensor",
    "int16": "ShortTensor",
    "int32": "IntTensor",
    "int64": "LongTensor",
    "bool": "BoolTensor",
}


@clause("creation.tensor-class.reads-integers-as-sizes")
@given(sweep=sweeps(classes=("small", "empty", "tail"), repeat=4))
def test_reads_integers_as_sizes(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        trial = cell.trial(size=recipe.size)
        for spelling in ("torch.Tensor(*size)", "torch.Tensor(torch.Size(size))", "torch.FloatTensor(*size)"):
            trial.expect_equal(f"tuple({spelling}.shape)", recipe.size)
    trial = cell.trial()
    trial.expect_equal("tuple(torch.Tensor().shape)", (0,))
    for count in (0, 1, 2, 7, 1025):
        cell.trial(count=count).expect_equal("tuple(torch.Tensor(count).shape)", (count,))


@clause("creation.tensor-class.reads-sequences-as-data")
@given(sweep=sweeps(classes=("small", "empty", "tail"), repeat=2))
def test_reads_sequences_as_data(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        for dtype in ("bool", "int64", "float64"):
            data = recipe.array(dtype, "moderate").tolist()
            expected = creation.tensor(data, "float32")
            trial = cell.trial(data=data)
            trial.expect("torch.Tensor(data).to(device)", expected)
            trial.expect("torch.Tensor(tuple(data)).to(device)", expected)
    for data in ([2], [2, 3], [[2, 3]], (2, 3), [True, 2, 2.5], [2**24 + 1], [1e40, -1e40], [0.1, -0.0]):
        trial = cell.trial(data=data)
        trial.expect("torch.Tensor(data).to(device)", creation.tensor(data, "float32"))


@clause("creation.tensor-class.has-default-dtype")
def test_has_default_dtype(cell: Cell) -> None:
    lists: tuple[Any, ...] = ([1, 2], [True], [1.5], [], [[1], [2]])
    for default in ("float64", "float32"):
        for data in lists:
            trial = cell.trial(data=data, default=TORCH_DTYPES[default])
            trial.run("torch.set_default_dtype(default)")
            trial.expect_equal("torch.Tensor(data).dtype", TORCH_DTYPES[default])
            trial.expect_equal("torch.Tensor(2, 3).dtype", TORCH_DTYPES[default])
            trial.expect_equal("torch.Tensor().dtype", TORCH_DTYPES[default])
            trial.expect("torch.Tensor(data).to(device)", creation.tensor(data, default))
    cell.trial().run("torch.set_default_dtype(torch.float32)")


@clause("creation.tensor-class.typed-classes-fix-dtype")
@given(sweep=sweeps(classes=("small", "tail"), repeat=2))
def test_typed_classes_fix_dtype(cell: Cell, sweep: Sweep) -> None:
    name = _CLASSES[cell.dtype]
    for recipe in sweep:
        array = recipe.array(cell.dtype, "finite")
        trial = cell.trial(data=array.tolist(), size=recipe.size)
        trial.expect(f"torch.{name}(data).to(device)", array)
        trial.expect_equal(f"torch.{name}(*size).dtype", cell.torch_dtype)
        trial.expect_equal(f"tuple(torch.{name}(*size).shape)", recipe.size)


@clause("creation.tensor-class.refuses-ragged-data")
def test_tensor_class_refuses_ragged_data(cell: Cell) -> None:
    lists: tuple[Any, ...] = ([[1, 2], [3]], [[1], [2, 3]], [[1, 2], 3], [[[1], [2]], [[3]]])
    for data in lists:
        trial = cell.trial(data=data)
        trial.expect_error("torch.Tensor(data)", ValueError, TypeError)
        trial.expect_error("torch.DoubleTensor(data)", ValueError, TypeError)
        trial.expect_error("torch.LongTensor(data)", ValueError, TypeError)
