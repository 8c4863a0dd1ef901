"""Clauses on torch.tensor: shape, values, dtype inference, copies, errors."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.ops import creation

Array = npt.NDArray[Any]
_LISTED = ("scalar", "small", "empty", "tail")


def _nested(data: Any, kinds: tuple[type, ...]) -> Any:
    """Return nested lists again with each level of the kind given, the last one for all deeper levels."""
    if not isinstance(data, list):
        return data
    return kinds[0](_nested(item, kinds[1:] or kinds) for item in data)


_NESTINGS: tuple[tuple[type, ...], ...] = ((list,), (tuple,), (list, tuple), (tuple, list))
_TENSOR_SPELLINGS = (
    "torch.tensor(data, dtype=dtype, device=device)",
    "torch.tensor(data=data, dtype=dtype, device=device)",
)


@clause("creation.tensor.takes-shape-of-nesting")
@given(sweep=sweeps(classes=_LISTED, repeat=3))
def test_tensor_takes_shape_of_nesting(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        ones = np.ones(recipe.size, dtype=np.int64).tolist()
        for kinds in _NESTINGS:
            trial = cell.trial(data=_nested(ones, kinds))
            trial.run("y = torch.tensor(data, device=device)")
            # The nesting of an empty list ends there: its inner sizes are not written down.
            trial.expect_equal("tuple(y.shape)", creation.shape_of(ones))
            trial.expect_equal("y.dim()", len(creation.shape_of(ones)))


@clause("creation.tensor.holds-nested-data")
@given(sweep=sweeps(classes=_LISTED, repeat=2))
def test_tensor_holds_nested_data(cell: Cell, sweep: Sweep) -> None:
    for number, recipe in enumerate(sweep):
        array = recipe.array(cell.dtype)
        if cell.dtype == "uint64":
            array = array >> np.uint64(1)
        kinds = _NESTINGS[number % len(_NESTINGS)]
        trial = cell.trial(data=_nested(array.tolist(), kinds), dtype=cell.torch_dtype)
        expected = array.reshape(creation.shape_of(array.tolist()))
        for spelling in _TENSOR_SPELLINGS:
            trial.expect(spelling, expected)


_CATEGORY_VALUES = {"bool": (True, False), "int": (0, -7, 2**40), "float": (0.5, -2.0), "complex": (1j, 2.5 - 1j)}


def _mixed_lists() -> list[Any]:
    """Return lists with every mix and order of the four kinds of Python numbers, flat and nested."""
    found: list[Any] = [value for values in _CATEGORY_VALUES.values() for value in values]
    for count in (1, 2, 3, 4):
        for number, kinds in enumerate(itertools.product(_CATEGORY_VALUES, repeat=count)):
            flat = [_CATEGORY_VALUES[kind][number % 2] for kind in kinds]
            found.append(flat)
            if count == 4:
                found.append([flat[:2], flat[2:]])
            elif count > 1:
                found.append([[value] for value in flat])
    return found


@clause("creation.tensor.infers-dtype")
def test_tensor_infers_dtype(cell: Cell) -> None:
    for default in ("float32", "float64"):
        for data in _mixed_lists():
            trial = cell.trial(data=data, default=TORCH_DTYPES[default])
            trial.run("torch.set_default_dtype(default)")
            dtype = TORCH_DTYPES[creation.infer(data, default)]
            trial.expect_equal("torch.tensor(data, device=device).dtype", dtype)
    cell.trial().run("torch.set_default_dtype(torch.float32)")


@clause("creation.tensor.converts-mixed-data")
def test_tensor_converts_mixed_data(cell: Cell) -> None:
    for data in _mixed_lists():
        trial = cell.trial(data=data)
        trial.expect("torch.tensor(data, device=device)", creation.tensor(data))
        trial.expect("torch.tensor(data, dtype=None, device=device)", creation.tensor(data))


@clause("creation.tensor.keeps-numpy-scalar-dtype")
@given(codes=st.binary(min_size=8, max_size=8))
def test_tensor_keeps_numpy_scalar_dtype(cell: Cell, codes: bytes) -> None:
    kind = dtypes.numpy_dtype(cell.dtype).type
    for code in codes:
        # Small integers are values of every dtype.
        scalar = kind(code % 120)
        trial = cell.trial(data=scalar)
        trial.expect("torch.tensor(np.asarray(data), device=device)", np.asarray(scalar))
        if cell.dtype != "uint64":
            trial.expect("torch.tensor(data, device=device)", np.asarray(scalar))
            trial.expect("torch.tensor([data], device=device)", np.asarray([scalar]))
            trial.expect("torch.tensor([[data, data]], device=device)", np.asarray([[scalar, scalar]]))


_ARRAY_VIEWS = ("data", "data.T", "data[..., ::2]", "data[1:]", "np.asfortranarray(data)", "data[..., None]")


@clause("creation.tensor.keeps-array-dtype")
@given(sweep=sweeps())
def test_tensor_keeps_array_dtype(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        data = recipe.array(cell.dtype)
        trial = cell.trial(data=data)
        for view in _ARRAY_VIEWS if data.ndim else ("data", "data[..., None]"):
            expected = np.ascontiguousarray(eval(view, {"np": np}, {"data": data}))  # noqa: S307
            shape = expected.shape if data.ndim or view != "data" else ()
            trial.expect(f"torch.tensor({view}, device=device)", expected.reshape(shape))


@clause("creation.tensor.copies-arrays")
@given(sweep=sweeps())
def test_tensor_copies_arrays(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        data = recipe.array(cell.dtype)
        trial = cell.trial(data=data, one=np.ones((), dtype=data.dtype), zero=np.zeros((), dtype=data.dtype))
        trial.run("y = torch.tensor(data, device=device)")
        trial.run("z = torch.tensor(data, dtype=y.dtype, device=device)")
        trial.run("data[...] = one")
        trial.expect("y", data)
        trial.expect("z", data)
        trial.run("y.zero_()")
        trial.expect_true("(data == one).all()", "writing to the tensor leaves the array as it was")


@clause("creation.tensor.copies-tensors")
@given(sweep=sweeps())
def test_tensor_copies_tensors(cell: Cell, sweep: Sweep) -> None:
    inexact = dtypes.is_floating(cell.dtype) or dtypes.is_complex(cell.dtype)
    for recipe in sweep:
        x = recipe.tensor(cell.dtype)
        values = x.values().reshape(recipe.size)
        trial = cell.trial(x=x)
        if inexact:
            trial.run("x.requires_grad_()")
        trial.run("y = torch.tensor(x)")
        trial.expect_true("y.data_ptr() != x.data_ptr() or y.numel() == 0", "the result has memory of its own")
        trial.expect_true("y.is_leaf and not y.requires_grad", "the result is a leaf that records no gradient")
        trial.run("x.detach().fill_(1)")
        trial.expect("y", values)


_CONVERTED: tuple[tuple[Any, ...], ...] = (
    *((1.9, -1.9, 0.5, -0.5, 2.0, 100.999), (0, 1, 2, 100), (True, False, True), (0.0, -0.0, 1e-30, 3.5)),
    *((0.1, 1 / 3, 65519.0, 65504.0, 2049.0, 2051.0, 1.0009765625, 257.0, 259.0), (1j, 2.5 + 0j, 0j)),
)


def _convertible(value: complex, dtype: str) -> bool:
    """Whether a Python number has a value in a dtype without leaving its range or dropping a part."""
    if isinstance(value, complex):
        return dtypes.is_complex(dtype)
    if dtypes.is_integral(dtype):
        facts = dtypes.iinfo(dtype)
        return facts.min <= int(value) <= facts.max and (value >= 0 or facts.min < 0)
    return True


@clause("creation.tensor.converts-to-asked-dtype")
def test_tensor_converts_to_asked_dtype(cell: Cell) -> None:
    for values in _CONVERTED:
        data = [value for value in values if _convertible(value, cell.dtype)]
        expected = creation.tensor(data, cell.dtype)
        trial = cell.trial(data=data, dtype=cell.torch_dtype)
        for spelling in _TENSOR_SPELLINGS:
            trial.expect(spelling, expected)
        for value, element in zip(data, expected, strict=True):
            trial = cell.trial(data=value, dtype=cell.torch_dtype)
            for spelling in _TENSOR_SPELLINGS:
                trial.expect(spelling, np.asarray(element, dtype=expected.dtype))


@clause("creation.tensor.converts-arrays-to-asked-dtype")
@given(sweep=sweeps())
def test_tensor_converts_arrays(cell: Cell, sweep: Sweep) -> None:
    sources = [name for name in TORCH_DTYPES if name != "bfloat16" and not dtypes.is_complex(name)]
    domain = "small" if dtypes.is_signed(cell.dtype) or cell.dtype == "bool" else "positive"
    for number, recipe in enumerate(sweep):
        # Every source dtype for small arrays, one for large ones.
        large = recipe.structure.length > 5_000
        for name in sources[(recipe.seed + number) % len(sources) :][:1] if large else sources:
            data = recipe.array(name, "small")
            if domain == "positive" and dtypes.is_signed(name):
                data = np.asarray(np.abs(data))
            trial = cell.trial(data=data, dtype=cell.torch_dtype)
            trial.expect("torch.tensor(data, dtype=dtype, device=device)", casting.cast(data, cell.dtype))


@clause("creation.tensor.makes-empty-tensors")
def test_tensor_makes_empty_tensors(cell: Cell) -> None:
    empties: tuple[Any, ...] = ([], (), [[]], [[], []], ([], ()), [[[]]], [[[], []], [[], []], [[], []]], [((),)])
    for default in ("float32", "float64"):
        for data in empties:
            trial = cell.trial(data=data, default=TORCH_DTYPES[default])
            trial.run("torch.set_default_dtype(default)")
            trial.expect("torch.tensor(data, device=device)", creation.tensor(data, default=default))
            trial.expect("torch.tensor(data, dtype=torch.int16, device=device)", creation.tensor(data, "int16"))
    cell.trial().run("torch.set_default_dtype(torch.float32)")


_EXTREMES = (2**63 - 1, 2**63 - 2, -(2**63), -(2**63) + 1, 2**53 + 1, -(2**53) - 1, 2**62 + 1, 2**31, 2**32 + 1)


@clause("creation.tensor.holds-int64-extremes")
def test_tensor_holds_int64_extremes(cell: Cell) -> None:
    for value in _EXTREMES:
        trial = cell.trial(data=value, array=np.array([value, 0]))
        trial.expect("torch.tensor(data, device=device)", np.array(value))
        trial.expect("torch.tensor(data, dtype=torch.int64, device=device)", np.array(value))
        trial.expect("torch.tensor([0, data, True], device=device)", np.array([0, value, 1]))
        trial.expect("torch.tensor([[data], (1,)], dtype=torch.int64, device=device)", np.array([[value], [1]]))
        trial.expect("torch.tensor(array, device=device)", np.array([value, 0]))
        trial.expect("torch.full((3,), data, device=device)", np.array([value] * 3))


@clause("creation.tensor.refuses-integers-beyond-int64")
def test_tensor_refuses_integers_beyond_int64(cell: Cell) -> None:
    for value in (2**63, -(2**63) - 1, 2**64, 2**70, -(2**80)):
        trial = cell.trial(value=value)
        for spelling in (
            "torch.tensor(value, device=device)",
            "torch.tensor([value], device=device)",
            "torch.tensor([0, value], device=device)",
            "torch.tensor(value, dtype=torch.int64, device=device)",
            "torch.tensor([[1], [value]], dtype=torch.int64, device=device)",
        ):
            trial.expect_error(spelling, RuntimeError, ValueError, OverflowError)


@st.composite
def ragged(draw: st.DrawFn) -> Any:
    """Draw nested lists of which one place does not fit the others: longer, shorter, deeper or shallower."""
    size = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    size[0] = max(size[0], 2)
    data = np.ones(size, dtype=draw(st.sampled_from(["bool", "int64", "float64"]))).tolist()
    depth = draw(st.integers(1, len(size) - 1))
    place = data
    # Not the first item of the first level: the first of each list says what the others must be like.
    for level in range(depth - 1):
        place = place[draw(st.integers(int(level == 0), size[level] - 1))]
    index = draw(st.integers(1, len(place) - 1)) if len(place) > 1 else 0
    if place is not data and index == 0:
        place, index = data, len(data) - 1
    item = place[index]
    change = draw(st.sampled_from(["longer", "shorter", "scalar", "deeper"]))
    changed = {"longer": [*item, item[0]], "shorter": item[:-1], "scalar": 1, "deeper": [item] * len(item)}
    place[index] = changed[change]
    return data


@clause("creation.tensor.refuses-ragged-data")
@given(drawn=st.lists(ragged(), min_size=4, max_size=8))
def test_tensor_refuses_ragged_data(cell: Cell, drawn: list[Any]) -> None:
    fixed: list[Any] = [[[1, 2], [3]], [[1], [2, 3]], [[1, 2], 3], [1, [2, 3]], [[[1], [2]], [[3]]], [(1, 2), (3,)]]
    for data in (*fixed, *drawn):
        trial = cell.trial(data=data)
        trial.expect_error("torch.tensor(data, device=device)", ValueError, TypeError)
        trial.expect_error("torch.tensor(data, dtype=torch.float32, device=device)", ValueError, TypeError)
        trial.expect_error("torch.tensor(tuple(data), device=device)", ValueError, TypeError)


@clause("creation.tutorial.worked-examples")
def test_tutorial_worked_examples(cell: Cell) -> None:
    trial = cell.trial()
    for expression, data, dtype in (
        ("torch.tensor(10, device=device)", 10, "int64"),
        ("torch.tensor([10, 10], device=device)", [10, 10], "int64"),
        ("torch.tensor([[10, 10], [10, 10], [10, 10]], device=device)", [[10, 10]] * 3, "int64"),
        ("torch.tensor([[[10, 10], [10, 10], [10, 10]]], device=device)", [[[10, 10]] * 3], "int64"),
        ("torch.tensor([[10., 20, 30], [20, 30, 40]], device=device)", [[10, 20, 30], [20, 30, 40]], "float32"),
        ("torch.Tensor([2]).to(device)", [2], "float32"),
        ("torch.Tensor([[2, 3, 4], [5, 6, 7]]).to(device)", [[2, 3, 4], [5, 6, 7]], "float32"),
        ("torch.arange(0, 10, 2, device=device)", [0, 2, 4, 6, 8], "int64"),
        ("torch.zeros(2, 3, device=device)", [[0] * 3] * 2, "float32"),
        ("torch.ones(2, 3, device=device)", [[1] * 3] * 2, "float32"),
        ("torch.full([2, 3], 10, device=device)", [[10] * 3] * 2, "int64"),
        ("torch.zeros_like(torch.ones(2, 3, device=device))", [[0] * 3] * 2, "float32"),
        ("torch.ones_like(torch.zeros(2, 3, device=device))", [[1] * 3] * 2, "float32"),
    ):
        trial.expect(expression, creation.tensor(data, dtype))
    trial.expect_equal("tuple(torch.Tensor(2, 3).shape)", (2, 3))
    trial.expect_equal("torch.Tensor(2, 3).dtype", TORCH_DTYPES["float32"])
    trial.expect_equal("torch.linspace(0, 11, 10, device=device).numel()", 10)
    trial.expect_equal("tuple(torch.randn(2, 3, device=device).shape)", (2, 3))
    random = cell.generator().random((2, 3))
    cell.trial(data_np=random).expect("torch.tensor(data_np, device=device)", random)
