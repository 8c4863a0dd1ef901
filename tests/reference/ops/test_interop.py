"""Python values and NumPy twins against the documentation's lists and values decoded by hand."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np
import pytest

from torch_conformance.reference.model.dtypes import NAMES, category, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import interop

PYTHON_TYPES = (bool, int, float, complex)


def test_twins_go_both_ways() -> None:
    for name in interop.SHARED_DTYPES:
        assert np.dtype(name) == interop.numpy_twin(name)
        assert interop.torch_twin(np.dtype(name)) == name
    assert set(NAMES) - set(interop.SHARED_DTYPES) == {"bfloat16"}
    assert set(interop.SHARED_DTYPES) - set(interop.FROM_NUMPY_DTYPES) == {"uint16", "uint32", "uint64"}
    assert len(interop.FROM_NUMPY_DTYPES) == len(set(interop.FROM_NUMPY_DTYPES)) == 11


def test_what_has_no_twin() -> None:
    with pytest.raises(KeyError):
        interop.numpy_twin("bfloat16")
    for dtype in (ml_dtypes.bfloat16, "S1", "U1", "O", "M8[s]", ">f4", ">i8", "V2"):
        with pytest.raises(KeyError):
            interop.torch_twin(np.dtype(dtype))


@pytest.mark.parametrize("name", NAMES)
def test_python_values_have_the_type_of_the_category(name: str) -> None:
    array = np.array([0, 1], dtype=numpy_dtype(name))
    for element in (array[1], array[1:].reshape(())):
        value = interop.python_value(element)
        assert type(value) is PYTHON_TYPES[category(name)]
        assert value == 1
    flat = interop.tolist(Strided(array, (2,), (1,)))
    assert flat == [0, 1]
    assert {type(value) for value in flat} == {PYTHON_TYPES[category(name)]}


def test_values_are_exact() -> None:
    assert interop.python_value(np.int64(2**63 - 1)) == 2**63 - 1
    assert interop.python_value(np.uint64(2**64 - 1)) == 2**64 - 1
    assert interop.python_value(np.float32(0.1)) == 13421773 / 2**27
    assert interop.python_value(np.float64(5e-324)) == 5e-324
    assert interop.python_value(np.complex64(0.1 - 0j)) == complex(13421773 / 2**27, 0)
    # 0x3DCD is the bfloat16 next to 0.1: 205 / 2**11.
    pattern = np.array([0x3DCD], dtype=np.uint16).view(ml_dtypes.bfloat16)
    assert interop.python_value(pattern[0]) == 205 / 2**11
    assert interop.tolist(Strided(pattern, (), ())) == 205 / 2**11


def test_special_values_of_bfloat16() -> None:
    patterns = np.array([0x7F80, 0xFF80, 0x8000, 0x7F81], dtype=np.uint16).view(ml_dtypes.bfloat16)
    plus, minus, zero, nan = interop.tolist(Strided(patterns, (4,), (1,)))
    assert (plus, minus, math.copysign(1, zero)) == (math.inf, -math.inf, -1)
    assert math.isnan(nan)


def test_lists_follow_the_strides() -> None:
    assert interop.tolist(Strided(np.arange(4), (2, 2), (1, 2))) == [[0, 2], [1, 3]]
    assert interop.tolist(Strided(np.arange(4), (2, 3), (2, 0), 1)) == [[1, 1, 1], [3, 3, 3]]
    assert interop.tolist(Strided(np.arange(4), (), (), 3)) == 3
    assert interop.tolist(Strided(np.arange(4), (2, 0), (1, 1))) == [[], []]
    assert interop.tolist(Strided(np.arange(4), (0, 2), (1, 1))) == []
