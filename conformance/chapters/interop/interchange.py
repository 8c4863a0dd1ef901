"""What the transcripts about NumPy arrays, buffers and Python numbers share."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Recipe, Sweep
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

ARRAY = "a = np.ndarray(size, base.dtype, base, offset, strides)"
"""Builds the NumPy array with the layout of `array_inputs`."""

SAME = (
    "same = lambda u, v: type(u) is np.ndarray and (u.dtype, u.shape) == (v.dtype, v.shape)"
    " and u.tobytes() == v.tobytes()"
)
"""Defines `same`: two NumPy arrays have one dtype, one shape and the same bits."""

EXACTLY = "exactly = lambda v: [exactly(u) for u in v] if type(v) is list else type(v).__name__ + repr(v)"
"""Defines `exactly`, which tells True from 1 and 1.0, and 0.0 from -0.0, inside lists."""


def exactly(value: Any) -> Any:
    """Return what EXACTLY makes of a Python number or a nested list of them."""
    return [exactly(each) for each in value] if isinstance(value, list) else type(value).__name__ + repr(value)


def array_inputs(value: Strided) -> dict[str, Any]:
    """Return the inputs from which ARRAY builds a NumPy array of the same storage, size and strides."""
    width = value.storage.itemsize
    return {
        "base": value.storage,
        "size": value.size,
        "offset": value.offset * width,
        "strides": tuple(step * width for step in value.stride),
    }


def written(value: Strided, elements: Array) -> Array:
    """Return a copy of the storage after `elements` are written to the tensor."""
    storage: Array = value.storage.copy()
    Strided(storage, value.size, value.stride, value.offset).array[...] = elements
    return storage


def drawn_seeds(cell: Cell) -> tuple[int, ...]:
    """Return seeds of value pools: the first, and more as the profile asks for."""
    drawn = cell.generator().integers(1, 256, cell.profile.examples // 4)
    return (0, *(int(seed) for seed in drawn))


def _ladder() -> Sweep:
    found = {(each.size, each.layout): each for name in ("small", "grain") for each in SIZE_CLASSES[name]}
    rungs = (
        *(((1,), "offset"), ((3,), "contiguous"), ((3,), "offset"), ((3,), "sliced"), ((1, 3), "odd-unit-strides")),
        *(((2, 3), "contiguous"), ((2, 3), "transposed"), ((2, 3), "gapped"), ((2, 3, 2, 2), "channels-last")),
        *(((32_769,), "contiguous"), ((181, 183), "transposed"), ((33, 31, 35), "offset")),
    )
    return Sweep(tuple(Recipe(found[rung], 1, bytes(range(1, 33))) for rung in rungs))


LADDER = _ladder()
"""Every layout once and, last, tensors beyond the size from which loops are split: one explicit example per cell.

Memory is shared or copied as a whole, so that drawing large tensors again and again would find nothing new; and a
fault that small ones show is found on these first.
"""
