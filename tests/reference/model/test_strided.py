"""Strided tensors against addresses worked by hand and NumPy's own strided views."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.reference.model.dtypes import NAMES, numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major

STORAGE = np.arange(24, dtype=np.int64)


def test_elements_and_addresses() -> None:
    tensor = Strided(STORAGE, (2, 3), (1, 4), 5)
    assert tensor.array.tolist() == [[5, 9, 13], [6, 10, 14]]
    assert tensor.addresses().tolist() == [[5, 9, 13], [6, 10, 14]]
    assert tensor.values().tolist() == tensor.array.tolist()


def test_array_shares_the_storage() -> None:
    storage = np.zeros(4, dtype=np.float32)
    Strided(storage, (2,), (2,), 1).array[:] = 7
    assert storage.tolist() == [0, 7, 0, 7]


def test_stride_zero_repeats() -> None:
    assert Strided(STORAGE, (3, 2), (0, 1), 4).array.tolist() == [[4, 5]] * 3


@pytest.mark.parametrize("name", NAMES)
def test_every_dtype_is_readable_in_place(name: str) -> None:
    tensor = Strided(np.array([0, 1, 1, 0], dtype=numpy_dtype(name)), (2, 2), (1, 2))
    assert tensor.dtype == name
    assert (tensor.array == np.array([[0, 1], [1, 0]])).all()


def test_against_numpy_views() -> None:
    base = STORAGE.reshape(2, 3, 4)
    for order in itertools.permutations(range(3)):
        view = base.transpose(order)[:, ::2, :]
        stride = tuple(step // base.itemsize for step in view.strides)
        assert np.array_equal(Strided(STORAGE, view.shape, stride).array, view)


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [
        ((2, 3), (3, 1), True),
        ((2, 3), (1, 2), False),
        ((2, 1, 3), (3, 99, 1), True),
        ((1,), (5,), True),
        ((), (), True),
        ((0, 3), (7, 7), True),
        ((3,), (2,), False),
        ((2, 2), (3, 1), False),
        ((3,), (0,), False),
    ],
)
def test_contiguity(size: tuple[int, ...], stride: tuple[int, ...], *, expected: bool) -> None:
    assert Strided(STORAGE, size, stride).is_contiguous() is expected


def test_row_major_of_zero_size_counts_it_as_one() -> None:
    assert row_major((2, 0, 3)) == (3, 3, 1)
    assert row_major(()) == ()


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((2,), (1, 1), 0, "differ in rank"),
        ((2,), (-1,), 1, "negative stride"),
        ((2,), (1,), -1, "negative stride or offset"),
        ((-1,), (1,), 0, "negative extent"),
        ((2, -3), (1, 1), 0, "negative extent"),
        ((25,), (1,), 0, "lies outside"),
        ((2,), (1,), 23, "lies outside"),
    ],
)
def test_refuses(size: tuple[int, ...], stride: tuple[int, ...], offset: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Strided(STORAGE, size, stride, offset)
    with pytest.raises(ValueError, match="one dimension"):
        Strided(STORAGE.reshape(2, 12), (1,), (1,))
    with pytest.raises(ValueError, match="one block"):
        Strided(STORAGE[::2], (1,), (1,))


def test_last_element_and_offset_of_nothing_are_accepted() -> None:
    assert Strided(STORAGE, (2, 3), (11, 6), 0).array[1, 2] == 23
    assert Strided(STORAGE, (0,), (1,), 24).array.shape == (0,)


def test_from_array_copies_in_row_major_order() -> None:
    source = STORAGE.reshape(4, 6).T
    tensor = Strided.from_array(source)
    assert (tensor.size, tensor.stride, tensor.offset) == ((6, 4), (4, 1), 0)
    assert np.array_equal(tensor.array, source)
    assert not np.shares_memory(tensor.storage, source)
    assert Strided.from_array(np.array(5.0)).stride == ()


@given(st.lists(st.integers(0, 4), max_size=4), st.data())
def test_addresses_are_where_values_lie(size: list[int], data: st.DataObject) -> None:
    stride = data.draw(st.tuples(*[st.integers(0, 5) for _ in size]))
    offset = data.draw(st.integers(0, 9))
    last = offset + sum(max(extent - 1, 0) * step for extent, step in zip(size, stride, strict=True))
    storage = np.arange(last + 1, dtype=np.int64)
    tensor = Strided(storage, tuple(size), stride, offset)
    assert np.array_equal(tensor.values(), tensor.addresses())
    assert tensor.numel == tensor.array.size
    # Contiguity by its meaning: elements, read in row-major order, lie one after the other.
    one_after_the_other = np.array_equal(tensor.addresses().ravel(), offset + np.arange(tensor.numel))
    assert tensor.is_contiguous() is one_after_the_other
