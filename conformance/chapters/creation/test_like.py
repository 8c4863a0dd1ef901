"""Clauses on the `_like` functions and the `new_` methods."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from torch_conformance.conformance.chapters.creation.fills import POISON, fill_value, spellings_for
from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import creation

_LIKE_ENDINGS = (
    *("(x{0})", "(input=x{1})", "(x{0}, dtype=dtype)", "(x{0}, device=device)"),
    *("(x{0}, memory_format=torch.contiguous_format)", "(x{0}, memory_format=torch.preserve_format)"),
)
_LIKE_ARGUMENTS = {"zeros-like": ("", ""), "ones-like": ("", ""), "full-like": (", fill", ", fill_value=fill")}
LIKE_SPELLINGS: dict[str, tuple[str, ...]] = {
    subject: tuple(f"torch.{subject.replace('-', '_')}" + each.format(*arguments) for each in _LIKE_ENDINGS)
    for subject, arguments in _LIKE_ARGUMENTS.items()
}


@clause("creation.*-like.fills-the-shape-of-its-input")
@given(sweep=sweeps())
def test_fills_the_shape_of_its_input(cell: Cell, sweep: Sweep) -> None:
    subject = cell.clause.subject
    for recipe in sweep:
        fill: Any = fill_value(recipe, cell.dtype) if subject == "full-like" else int(subject == "ones-like")
        x = recipe.tensor(cell.dtype)
        trial = cell.trial(x=x, fill=fill, size=recipe.size, other=int(fill == 0), dtype=cell.torch_dtype)
        expected = creation.full(recipe.size, fill, cell.dtype)
        for spelling in spellings_for(LIKE_SPELLINGS[subject], recipe):
            trial.run(POISON)
            trial.expect(spelling, expected)
        trial.expect("x", x)


# Every function of the family, with whatever it needs besides the tensor.
_FAMILY = (
    *("torch.zeros_like(x{})", "torch.ones_like(x{})", "torch.full_like(x, 1{})", "torch.empty_like(x{})"),
    "torch.randint_like(x, 2{})",
)
_FLOATING_FAMILY = ("torch.rand_like(x{})", "torch.randn_like(x{})")


def _family(dtype: str) -> tuple[str, ...]:
    # Random integers are not documented for complex tensors and the wide unsigned types, uniform and normal numbers
    # only for inexact ones.
    limited = dtypes.is_complex(dtype) or dtype in ("uint16", "uint32", "uint64")
    members = _FAMILY[:4] if limited else _FAMILY
    inexact = dtypes.is_floating(dtype) or dtypes.is_complex(dtype)
    return (*members, *_FLOATING_FAMILY) if inexact else members


@clause("creation.like.keeps-dtype-and-device")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_like_keeps_dtype_and_device(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        trial = cell.trial(x=recipe.tensor(cell.dtype), dtype=cell.torch_dtype, size=recipe.size)
        for call in _family(cell.dtype):
            trial.run(f"y = {call.format('')}")
            trial.expect_true("y.dtype == dtype", "the dtype is the input's")
            trial.expect_true("y.device == x.device", "the device is the input's")
            trial.expect_equal("tuple(y.shape)", recipe.size)


@clause("creation.like.takes-another-dtype")
def test_like_takes_another_dtype(cell: Cell) -> None:
    for other, target in TORCH_DTYPES.items():
        calls = _family(other)
        for size in ((2, 3), (), (0,)):
            x = creation.full(size, 0, cell.dtype)
            trial = cell.trial(x=Strided.from_array(x), dtype=target, size=size)
            for call in calls:
                trial.run(f"y = {call.format(', dtype=dtype')}")
                trial.expect_true("y.dtype == dtype", "dtype= decides, not the input")
                trial.expect_equal("tuple(y.shape)", size)


@clause("creation.like.preserves-dense-strides")
@given(sweep=sweeps(classes=("scalar", "small", "tail"), overlapping=False, repeat=3))
def test_like_preserves_dense_strides(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        structure = recipe.structure
        if structure.layout not in ("contiguous", "offset", "transposed", "channels-last"):
            continue
        # The stride of a dimension of size 1 means nothing, and is not judged.
        wide = [dim for dim, extent in enumerate(structure.size) if extent > 1]
        strides = [structure.stride[dim] for dim in wide]
        trial = cell.trial(x=recipe.tensor(cell.dtype), wide=wide, dtype=cell.torch_dtype)
        for call in _family(cell.dtype):
            for order in ("", ", memory_format=torch.preserve_format"):
                trial.run(f"y = {call.format(order)}")
                trial.expect_equal("[y.stride(dim) for dim in wide]", strides)
            trial.run(f"y = {call.format(', dtype=torch.complex128')}" if "rand" not in call else "y = x")
            trial.expect_equal("[y.stride(dim) for dim in wide]", strides)


@clause("creation.like.follows-memory-format")
@given(sweep=sweeps(classes=("scalar", "small", "tail"), repeat=3))
def test_like_follows_memory_format(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        trial = cell.trial(x=recipe.tensor(cell.dtype))
        orders = {"torch.contiguous_format": row_major(recipe.size)}
        if len(recipe.size) == 4:
            orders["torch.channels_last"] = creation.channels_last_strides(recipe.size)
        for call in _family(cell.dtype):
            for order, strides in orders.items():
                trial.run(f"y = {call.format(f', memory_format={order}')}")
                trial.expect_equal("y.stride()", strides)
                trial.expect_equal("tuple(y.shape)", recipe.size)


@clause("creation.like.shares-no-memory")
@given(sweep=sweeps(classes=("scalar", "small", "tail")))
def test_like_shares_no_memory(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        trial = cell.trial(x=x)
        for call in _family(cell.dtype):
            trial.run(f"y = {call.format('')}")
            trial.expect_true("y is not x and y.data_ptr() != x.data_ptr()", "the result has memory of its own")
            trial.run("y.fill_(1)")
        trial.expect("x", x)


@clause("creation.like.does-not-inherit-requires-grad")
@given(sweep=sweeps(classes=("scalar", "small", "empty")))
def test_like_does_not_inherit_requires_grad(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        trial = cell.trial(x=recipe.tensor(cell.dtype))
        trial.run("x.requires_grad_()")
        for call in _family(cell.dtype):
            trial.run(f"y = {call.format('')}")
            trial.expect_true("not y.requires_grad and y.is_leaf", "the result records no gradient unless asked")
            trial.run(f"y = {call.format(', requires_grad=True')}")
            trial.expect_true("y.requires_grad and y.is_leaf", "the result is a leaf that records gradients")


_NEW_SIZES = ("size", "list(size)", "torch.Size(size)", "size=size", "*size")
NEW_SPELLINGS: dict[str, tuple[str, ...]] = {
    "new-zeros": tuple(f"x.new_zeros({form})" for form in _NEW_SIZES),
    "new-ones": tuple(f"x.new_ones({form})" for form in _NEW_SIZES),
    "new-full": (
        *(f"x.new_full({form}, fill)" for form in _NEW_SIZES[:3]),
        *("x.new_full(size, fill_value=fill)", "x.new_full(size=size, fill_value=fill, dtype=None)"),
    ),
}


@clause("creation.new-*.fills-asked-size")
@given(sweep=sweeps())
def test_new_fills_asked_size(cell: Cell, sweep: Sweep) -> None:
    subject = cell.clause.subject
    for recipe in sweep:
        fill: Any = fill_value(recipe, cell.dtype) if subject == "new-full" else int(subject == "new-ones")
        # The tensor whose method it is lends dtype and device, and neither its shape nor its strides.
        x = Strided(creation.full((4,), 0, cell.dtype), (2, 2), (1, 2))
        trial = cell.trial(x=x, fill=fill, size=recipe.size, other=int(fill == 0), dtype=cell.torch_dtype)
        expected = creation.full(recipe.size, fill, cell.dtype)
        for spelling in spellings_for(NEW_SPELLINGS[subject], recipe):
            trial.run(POISON)
            trial.run(f"y = {spelling}")
            trial.expect("y", expected)
            trial.expect_equal("y.stride()", row_major(recipe.size))


_NEW_FAMILY = (
    *("x.new_zeros(size{})", "x.new_ones(size{})", "x.new_full(size, 1{})", "x.new_empty(size{})"),
    *("x.new_empty_strided(size, stride{})", "x.new_tensor(data{})"),
)


@clause("creation.new.keeps-dtype-and-device")
@given(sweep=sweeps(classes=("scalar", "small", "empty")))
def test_new_keeps_dtype_and_device(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        size = recipe.size
        data = creation.full(size, 1, "int64").tolist()
        trial = cell.trial(x=recipe.tensor(cell.dtype), size=size, stride=row_major(size), data=data)
        for call in _NEW_FAMILY:
            trial.run(f"y = {call.format('')}")
            trial.expect_true("y.dtype == x.dtype and y.device == x.device", "dtype and device are the tensor's")
            trial.expect_true("not y.requires_grad", "nothing records gradients unless asked")


@clause("creation.new.takes-another-dtype")
def test_new_takes_another_dtype(cell: Cell) -> None:
    for target in TORCH_DTYPES.values():
        for size in ((2, 3), (), (0,)):
            data = creation.full(size, 1, "int64").tolist()
            x = Strided.from_array(creation.full((3,), 0, cell.dtype))
            trial = cell.trial(x=x, size=size, stride=row_major(size), data=data, dtype=target)
            for call in _NEW_FAMILY:
                trial.run(f"y = {call.format(', dtype=dtype')}")
                trial.expect_true("y.dtype == dtype", "dtype= decides, not the tensor")
                trial.expect_equal("tuple(y.shape)", size)


@clause("creation.new.tensor-copies-data")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_new_tensor_copies_data(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        source = recipe.tensor(cell.dtype, "small")
        values = source.values()
        x = Strided.from_array(creation.full((1,), 0, cell.dtype))
        trial = cell.trial(x=x, source=source, data=values.tolist())
        trial.expect("x.new_tensor(data)", creation.tensor(values.tolist(), cell.dtype))
        trial.run("y = x.new_tensor(source)")
        trial.run("source.fill_(1)")
        trial.expect("y", values)
