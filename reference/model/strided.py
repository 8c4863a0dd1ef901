"""A strided tensor: a one-dimensional storage, and the arithmetic that finds each element in it.

Source: PyTorch documentation, "Tensor Views", torch.Tensor.stride, torch.as_strided.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.model.dtypes import name_of

Array = npt.NDArray[Any]


def row_major(size: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a contiguous tensor of this size, in elements."""
    strides = [1] * len(size)
    for dim in range(len(size) - 2, -1, -1):
        strides[dim] = strides[dim + 1] * max(size[dim + 1], 1)
    return tuple(strides)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Strided:
    """A tensor as torch lays it out.

    Attributes:
        storage: One-dimensional array, shared by every view of it.
        size: Extent of each dimension.
        stride: Step in the storage along each dimension, in elements.
        offset: Place of the first element in the storage.

    Raises:
        ValueError: When the storage is not one block of one dimension, ranks differ, an extent, a stride or the
            offset is negative, or an element lies outside the storage.
    """

    storage: Array
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no tensor."""
        if self.storage.ndim != 1:
            raise ValueError(f"a storage has one dimension, not {self.storage.ndim}")
        if not self.storage.flags.c_contiguous:
            raise ValueError("a storage is one block of memory, not a slice with steps")
        if len(self.size) != len(self.stride):
            raise ValueError(f"size {self.size} and stride {self.stride} differ in rank")
        if self.size and min(self.size) < 0:
            raise ValueError(f"negative extent in size {self.size}")
        if self.offset < 0 or (self.stride and min(self.stride) < 0):
            raise ValueError(f"negative stride or offset: stride {self.stride}, offset {self.offset}")
        if self.numel and self._last() >= self.storage.size:
            raise ValueError(f"element {self._last()} lies outside a storage of {self.storage.size}")

    def _last(self) -> int:
        steps = zip(self.size, self.stride, strict=True)
        return self.offset + sum((extent - 1) * step for extent, step in steps)

    @classmethod
    def from_array(cls, array: Array) -> Strided:
        """Return a contiguous tensor with a copy of an array's elements."""
        return cls(np.array(array).ravel(), array.shape, row_major(array.shape))

    @property
    def dtype(self) -> str:
        """The dtype's torch name; KeyError where torch has no such dtype."""
        return name_of(self.storage.dtype)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.size)

    @property
    def numel(self) -> int:
        """Number of elements."""
        return math.prod(self.size)

    @property
    def array(self) -> Array:
        """The elements as a NumPy array that shares the storage (torch.as_strided); of zero elements, a new one."""
        if not self.numel:
            return np.empty(self.size, dtype=self.storage.dtype)
        width = self.storage.itemsize
        strides = tuple(step * width for step in self.stride)
        bytes_of = self.storage.view(np.uint8).data
        view: Array = np.ndarray(self.size, self.storage.dtype, bytes_of, self.offset * width, strides)
        return view

    def values(self) -> Array:
        """Return a contiguous copy of the elements."""
        return np.array(self.array, order="C")

    def addresses(self) -> Array:
        """Return the place in the storage of each element, as an int64 array of the tensor's size."""
        places = np.full(self.size, self.offset, dtype=np.int64)
        for dim, (extent, step) in enumerate(zip(self.size, self.stride, strict=True)):
            shape = [1] * self.ndim
            shape[dim] = extent
            places += (np.arange(extent) * step).reshape(shape)
        return places

    def is_contiguous(self) -> bool:
        """Whether elements lie in row-major order without gaps; dimensions of size 1 do not count."""
        if not self.numel:
            return True
        expected = 1
        for extent, step in zip(reversed(self.size), reversed(self.stride), strict=True):
            if extent != 1:
                if step != expected:
                    return False
                expected *= extent
        return True
