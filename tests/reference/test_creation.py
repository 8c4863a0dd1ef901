"""Creation against cases worked by hand and exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from torch_conformance.reference import creation, interop
from torch_conformance.reference.strided import Strided


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
    assert creation.infer(1, default="float64") == "int64"


def test_values_are_those_of_the_leaves() -> None:
    assert creation.tensor([[1, 2.5], [True, -3]]).tolist() == [[1, 2.5], [1, -3]]
    assert creation.tensor([1.9, -1.9], "int32").tolist() == [1, -1]
    assert creation.tensor(2**63 - 1).item() == 2**63 - 1


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
    with pytest.raises(ValueError, match="step|finite"):
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
    assert {b - a for a, b in zip(values, values[1:], strict=False)} == {Fraction(11, 9)}
    assert creation.linspace(3, 5, 1) == [3]
    assert creation.linspace(3, 5, 0) == []


def sequential(start: float, end: float, steps: int, kind: type[np.floating]) -> list[np.floating]:
    step = (kind(end) - kind(start)) / kind(steps - 1)
    return [kind(start) + step * kind(index) for index in range(steps)]


@pytest.mark.parametrize(("kind", "name"), [(np.float32, "float32"), (np.float64, "float64"), (np.float16, "float16")])
def test_linspace_bound_holds_for_a_plain_loop_and_is_not_vast(kind: type[np.floating], name: str) -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        start, end = (float(kind(value)) for value in generator.normal(0, 100, 2))
        exact = creation.linspace(start, end, 101)
        bound = creation.linspace_bound(start, end, name)
        errors = [abs(Fraction(float(a)) - b) for a, b in zip(sequential(start, end, 101, kind), exact, strict=True)]
        assert max(errors) <= bound
        assert bound < 16 * float(np.finfo(kind).eps) * max(abs(start), abs(end))


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
        ((2, 3), (6, 2), None),
        ((2, 3), (0, 1), None),
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


def test_eye_and_full() -> None:
    assert creation.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert creation.full((2,), True).dtype == np.bool_
    assert creation.full((2,), 10).dtype == np.int64
    assert creation.full((2,), 0.1, "float64").tolist() == [0.1, 0.1]
    assert creation.full((1,), 300, "uint8").tolist() == [44]


def test_python_values_have_exact_types() -> None:
    assert [type(interop.python_value(x)) for x in (np.bool_(1), np.uint8(1), np.float16(1), np.complex64(1))] == [
        bool, int, float, complex,
    ]  # fmt: skip
    assert interop.tolist(Strided(np.arange(4), (2, 2), (1, 2))) == [[0, 2], [1, 3]]
    assert interop.tolist(Strided(np.arange(4), (), ())) == 0
    assert interop.tolist(Strided(np.arange(4), (2, 0), (1, 1))) == [[], []]
