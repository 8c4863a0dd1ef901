"""Memory formats, and views that read the same memory as another dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops.views import Size, ViewError

# Dimensions from the outermost in memory to the innermost.
ORDERS = {"channels_last": (0, 2, 3, 1), "channels_last_3d": (0, 2, 3, 4, 1)}


def format_stride(size: Size, memory_format: str) -> Size:
    """Return the strides of a dense tensor in a memory format.

    Raises:
        ViewError: When the format has another number of dimensions.
    """
    if memory_format == "contiguous_format":
        return row_major(size)
    order = ORDERS[memory_format]
    if len(order) != len(size):
        raise ViewError(f"{memory_format} of {len(size)} dimensions")
    dense = row_major(tuple(size[dim] for dim in order))
    return tuple(dense[order.index(dim)] for dim in range(len(size)))


def is_contiguous(x: Strided, memory_format: str = "contiguous_format") -> bool:
    """Whether x is dense in the order of a memory format; dimensions of size 1 do not count.

    A tensor of another number of dimensions than the format's has it not (torch.Tensor.is_contiguous).
    """
    if memory_format == "contiguous_format":
        return x.is_contiguous()
    order = ORDERS[memory_format]
    if len(order) != x.ndim:
        return False
    return Strided(
        x.storage, tuple(x.size[i] for i in order), tuple(x.stride[i] for i in order), x.offset
    ).is_contiguous()


def contiguous(x: Strided, memory_format: str = "contiguous_format") -> Strided:
    """Return x itself where it is dense in the order of a memory format, else a copy that is (Tensor.contiguous)."""
    stride = format_stride(x.size, memory_format)
    if is_contiguous(x, memory_format):
        return x
    result = Strided(np.empty(x.numel, dtype=x.storage.dtype), x.size, stride)
    if x.numel:
        result.array[...] = x.array
    return result


def view_dtype(x: Strided, dtype: str) -> Strided:
    """Return the view of the same bytes in another dtype, as torch.Tensor.view(dtype) documents it.

    The last dimension shrinks or grows with the ratio of the element sizes. The storage must end with a whole element.

    Raises:
        ViewError: When a documented condition is not met.
    """
    target = dtypes.numpy_dtype(dtype)
    old, new = x.storage.itemsize, target.itemsize
    if old == new:
        return Strided(x.storage.view(target), x.size, x.stride, x.offset)
    if not x.ndim:
        raise ViewError("no last dimension")
    if x.stride[-1] != 1:
        raise ViewError("the last dimension has gaps")
    if old > new:
        ratio = old // new
        stride = (*(step * ratio for step in x.stride[:-1]), 1)
        return Strided(x.storage.view(target), (*x.size[:-1], x.size[-1] * ratio), stride, x.offset * ratio)
    ratio = new // old
    if any(value % ratio for value in (x.size[-1], x.offset, *x.stride[:-1])):
        raise ViewError(f"size, offset or stride is no multiple of {ratio}")
    stride = (*(step // ratio for step in x.stride[:-1]), 1)
    return Strided(x.storage.view(target), (*x.size[:-1], x.size[-1] // ratio), stride, x.offset // ratio)


def _parts(x: Strided, part: int) -> Strided:
    reals = x.storage.view(dtypes.numpy_dtype(dtypes.real_of(x.dtype)))
    return Strided(reals, x.size, tuple(2 * step for step in x.stride), 2 * x.offset + part)


def real(x: Strided) -> Strided:
    """Return the view of the real parts; x itself where it is real (torch.real)."""
    return _parts(x, 0) if dtypes.is_complex(x.dtype) else x


def imag(x: Strided) -> Strided:
    """Return the view of the imaginary parts of a complex tensor (torch.imag)."""
    if not dtypes.is_complex(x.dtype):
        raise ViewError("a real tensor has no imaginary parts to view")
    return _parts(x, 1)


def view_as_real(x: Strided) -> Strided:
    """Return the view of real and imaginary parts in a new last dimension (torch.view_as_real)."""
    if not dtypes.is_complex(x.dtype):
        raise ViewError("only complex tensors have two parts")
    parts = _parts(x, 0)
    return Strided(parts.storage, (*parts.size, 2), (*parts.stride, 1), parts.offset)


_COMPLEX: dict[str, np.dtype[Any]] = {"float32": np.dtype(np.complex64), "float64": np.dtype(np.complex128)}


def view_as_complex(x: Strided) -> Strided:
    """Return the view of pairs in the last dimension as complex numbers (torch.view_as_complex).

    Raises:
        ViewError: For other dtypes than float32 and float64, or when pairs do not lie as complex numbers do.
    """
    if x.dtype not in _COMPLEX or not x.ndim or x.size[-1] != 2 or x.stride[-1] != 1:
        raise ViewError("no pairs of neighbours in the last dimension")
    if x.offset % 2 or any(step % 2 for step in x.stride[:-1]):
        raise ViewError("pairs begin at odd places")
    pairs = x.storage[: x.storage.size // 2 * 2].view(np.dtype(_COMPLEX[x.dtype]))
    return Strided(pairs, x.size[:-1], tuple(step // 2 for step in x.stride[:-1]), x.offset // 2)


def address(x: Strided, index: Size) -> int:
    """Return the place in the storage of one element."""
    return x.offset + sum(at * step for at, step in zip(index, x.stride, strict=True))
