"""Creation against cases worked by hand and exact arithmetic."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.ops import creation


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (10, "int64", ()),
        (True, "bool", ()),
        (1.5, "float32", ()),
        (1j, "complex64", ()),
        ([], "float32", (0,)),
        ([[], []], "float32", (2, 0)),
        ([[10.0, 20, 30], [20, 30, 40]], "float32", (2, 3)),
        ([True, 2], "int64", (2,)),
        ([1, 2j], "complex64", (2,)),
        (((1,), (2,)), "int64", (2, 1)),
        (np.float64(1), "float64", ()),
        ([np.int8(1), np.int16(2)], "int16", (2,)),
        (np.zeros((2, 3)), "float64", (2, 3)),
    ],
)
def test_inference(data: object, dtype: str, shape: tuple[int, ...]) -> None:
    assert creation.infer(data) == dtype
    assert creation.tensor(data).shape == shape


def test_inference_follows_the_default() -> None:
    assert creation.infer(1.0, default="float64") == "float64"
    assert creation.infer(1j, default="float64") == "complex128"
    assert creation.infer([], default="float16") == "float16"
    assert creation.infer([1, 2.0], default="bfloat16") == "bfloat16"
    for default in ("float16", "bfloat16"):
        with pytest.raises(TypeError, match="no complex dtype"):
            creation.infer([1.0, 1j], default=default)
    assert creation.infer(1, default="float64") == "int64"


def test_values_are_those_of_the_leaves() -> None:
    assert creation.tensor([[1, 2.5], [True, -3]]).tolist() == [[1, 2.5], [1, -3]]
    assert creation.tensor([1.9, -1.9], "int32").tolist() == [1, -1]
    assert creation.tensor(2**63 - 1).item() == 2**63 - 1
    assert creation.tensor([-(2**63), 2**63 - 1]).tolist() == [-(2**63), 2**63 - 1]
    assert creation.tensor([0.1, 1]).tolist() == [float(np.float32(0.1)), 1.0]
    assert creation.tensor([0.1, 1j], "complex128").tolist() == [0.1, 1j]
    with pytest.raises(OverflowError):
        creation.tensor([2**63])


def test_arrays_are_copied_and_may_nest_in_lists() -> None:
    source = np.arange(6.0).reshape(2, 3).T
    result = creation.tensor(source)
    assert result.tolist() == source.tolist()
    assert not np.shares_memory(result, source)
    nested = creation.tensor([np.array([1, 2], dtype=np.int16), [True, 3]])
    assert nested.tolist() == [[1, 2], [1, 3]]
    assert nested.dtype == np.int64
    assert creation.tensor([np.zeros((2, 0)), np.zeros((2, 0))]).shape == (2, 2, 0)
    with pytest.raises(creation.RaggedError):
        creation.tensor([np.zeros(2), [1]])


@pytest.mark.parametrize("value", ["text", None, object()])
def test_other_types_have_no_dtype(value: object) -> None:
    with pytest.raises(TypeError, match="no dtype"):
        creation.infer([1, value])


@given(
    st.recursive(
        st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(width=32) | st.complex_numbers(width=64),
        lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
        max_leaves=12,
    )
)
def test_shape_and_dtype_against_numpy(data: object) -> None:
    try:
        wanted = np.array(data)
    except ValueError:
        with pytest.raises(creation.RaggedError):
            creation.tensor(data)
        return
    result = creation.tensor(data, default="float64")
    assert result.shape == wanted.shape
    # NumPy's categories are torch's: bool < integers < floats < complex; and nothing is float64.
    assert result.dtype == wanted.dtype
    assert np.array_equal(result, wanted, equal_nan=result.dtype.kind in "fc")


@pytest.mark.parametrize("data", [[[1], [1, 2]], [1, [2]], [[[1]], [1]]])
def test_ragged_data_have_no_shape(data: list[object]) -> None:
    with pytest.raises(creation.RaggedError):
        creation.tensor(data)


@pytest.mark.parametrize(
    ("start", "end", "step", "expected"),
    [
        (0, 10, 2, [0, 2, 4, 6, 8]),
        (0, 9, 2, [0, 2, 4, 6, 8]),
        (5, 0, -2, [5, 3, 1]),
        (3, 3, 1, []),
        (1, 2.5, 0.5, [1, 1.5, 2]),
        (2**62, 2**62 + 3, 2, [2**62, 2**62 + 2]),
        (-(2**63), -(2**63) + 2, 1, [-(2**63), -(2**63) + 1]),
    ],
)
def test_ranges(start: float, end: float, step: float, expected: list[float]) -> None:
    assert creation.arange(start, end, step) == [Fraction(value) for value in expected]


@pytest.mark.parametrize(
    ("start", "end", "step"), [(0, 1, 0), (0, 1, -1), (1, 0, 1), (0, math.inf, 1), (0, math.nan, 1)]
)
def test_ranges_that_are_refused(start: float, end: float, step: float) -> None:
    with pytest.raises(ValueError, match=r"step|finite"):
        creation.arange_length(start, end, step)


def test_length_near_a_whole_number_of_steps_is_undecided() -> None:
    assert not creation.arange_is_decided(0, 0.3, 0.1)
    assert creation.arange_is_decided(0, 0.35, 0.1)
    assert creation.arange_is_decided(0, 1.5, 0.5)
    assert creation.arange_is_decided(0, 2**62, 3)


def test_linspace_ends_and_spacing() -> None:
    values = creation.linspace(0, 11, 10)
    assert values[0] == 0
    assert values[-1] == 11
    assert {b - a for a, b in itertools.pairwise(values)} == {Fraction(11, 9)}
    assert creation.linspace(3, 5, 1) == [3]
    assert creation.linspace(3, 5, 0) == []
    # The documented examples.
    assert creation.linspace(3, 10, 5) == [3, 4.75, 6.5, 8.25, 10]
    assert creation.linspace(-10, 10, 5) == [-10, -5, 0, 5, 10]
    assert creation.linspace(-10, 10, 1) == [-10]
    with pytest.raises(ValueError, match="not negative"):
        creation.linspace(0, 1, -1)


def test_rounded_to_longdouble_keeps_more_than_double() -> None:
    third = creation.rounded([Fraction(1, 3)], "float64")[0]
    if np.finfo(np.longdouble).nmant > 52:
        assert abs(Fraction(float(third)) - Fraction(1, 3)) > 0
        assert third != np.longdouble(1 / 3)


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [
        ((2, 3), (3, 1), (3, 1)),
        ((2, 3), (1, 2), (1, 2)),
        # Not dense, in row-major order: "contiguous_format" and "the dense format" are one.
        ((2, 3), (6, 2), (3, 1)),
        # Not dense, in another order, or in none: they are two.
        ((2, 3), (2, 6), None),
        ((2, 3), (0, 1), None),
        ((2, 3), (2, 2), None),
        ((2, 1, 3), (12, 50, 2), None),
        ((4, 2, 3), (1, 4, 8), (1, 4, 8)),
        ((2, 1, 3), (3, 50, 1), (3, 50, 1)),
        ((0, 3), (1, 1), None),
    ],
)
def test_format_is_preserved_where_dense(
    size: tuple[int, ...], stride: tuple[int, ...], expected: tuple[int, ...] | None
) -> None:
    assert creation.preserved_strides(size, stride) == expected


def test_channels_last() -> None:
    assert creation.channels_last_strides((2, 3, 4, 5)) == (60, 1, 15, 3)
    assert creation.channels_last_strides((2, 3, 4, 5, 6)) == (360, 1, 90, 18, 3)
    for size in ((2, 3, 4), (1,) * 6):
        with pytest.raises(ValueError, match="4 or 5"):
            creation.channels_last_strides(size)


def test_dense_strides_keep_the_order() -> None:
    assert creation.dense_strides((2, 3, 4), (100, 2, 10)) == (12, 1, 3)
    assert creation.dense_strides((2, 3), (6, 2)) == (3, 1)
    assert creation.dense_strides((2, 3), (2, 6)) == (1, 2)
    assert creation.dense_strides((2, 3), (0, 1)) is None
    assert creation.dense_strides((2, 3), (1, 1)) is None
    assert creation.dense_strides((), ()) == ()


@given(st.permutations(range(4)), st.tuples(*[st.integers(2, 4)] * 4), st.integers(1, 3))
def test_a_stepped_permutation_becomes_the_permutation(
    order: list[int], size: tuple[int, int, int, int], gap: int
) -> None:
    block = np.zeros(size, dtype=np.int8).transpose(order)
    dense = tuple(block.strides)
    assert creation.is_non_overlapping_and_dense(block.shape, dense)
    assert creation.dense_strides(block.shape, [gap * step for step in dense]) == dense


def test_eye_and_full() -> None:
    assert creation.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert creation.eye(2).tolist() == [[1, 0], [0, 1]]
    assert creation.eye(3, 1, "bool").tolist() == [[True], [False], [False]]
    assert creation.eye(0, 2).shape == (0, 2)
    assert creation.zeros((2, 0), "bfloat16").shape == (2, 0)
    assert creation.zeros((2,)).tolist() == [0, 0]
    assert creation.ones((), "complex64").tolist() == 1
    assert [creation.full((), fill).dtype for fill in (True, np.int8(1), 1.0, 1j)] == ["bool", "int8", "f4", "c8"]
    assert creation.full((2,), 10).dtype == np.int64
    assert creation.full((2,), 0.1, "float64").tolist() == [0.1, 0.1]
    assert creation.full((1,), 300, "uint8").tolist() == [44]
