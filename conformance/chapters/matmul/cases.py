"""Operands and spellings of products.

Operands are whole numbers, as large as leaves every partial sum a number that the dtype holds: the product is then
exact, whatever the order, the blocking, or the precision in which partial sums meet.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.inputs.recipes import structures
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.roundoff import whole_limit

Array = npt.NDArray[Any]
Size = tuple[int, ...]

# Beside the widths of registers, tiles and blocks.
EDGES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129)
MATMULS = (
    *("torch.matmul(a, b)", "a @ b", "a.matmul(b)", "torch.linalg.matmul(a, b)", "torch.matmul(input=a, other=b)"),
    *("a.matmul(other=b)", "b.__rmatmul__(a)"),
)


def whole(generator: np.random.Generator, size: Size, dtype: str, depth: int, *, factors: int = 2) -> Array:
    """Return whole numbers whose products, `depth` of them added up, stay exact in a dtype.

    Args:
        generator: Source of values.
        size: Shape.
        dtype: A dtype name other than bool.
        depth: How many products a sum has.
        factors: How many operands are multiplied.
    """
    if dtypes.is_integral(dtype):
        low = -9 if dtypes.is_signed(dtype) else 0
        return generator.integers(low, 10, size).astype(numpy_dtype(dtype))
    limit = whole_limit(dtype) / (2 if dtypes.is_complex(dtype) else 1)
    top = min(8, int((limit / max(depth, 1)) ** (1 / factors)))
    if top >= 1:
        parts = generator.integers(-top, top + 1, (2, *size))
    else:
        filled = generator.random((2, *size)) < 0.25 * limit / depth
        parts = np.where(filled, generator.choice([-1, 1], (2, *size)), 0)
    values = parts[0] + 1j * parts[1] if dtypes.is_complex(dtype) else parts[0]
    return np.asarray(values).astype(numpy_dtype(dtype))


def drawn(generator: np.random.Generator, size: Size, dtype: str) -> Array:
    """Return normally distributed values."""
    values = generator.standard_normal(size)
    if dtypes.is_complex(dtype):
        values = values + 1j * generator.standard_normal(size)
    return np.asarray(values).astype(numpy_dtype(dtype))


def laid_out(array: Array, choice: int) -> Strided:
    """Return the array in one of the layouts of its size: contiguous, offset, sliced, transposed, gapped, ..."""
    options = [each for each in structures(array.shape) if each.layout != "expanded"]
    structure = options[choice % len(options)]
    # What lies between the elements must not be read: NaN where there is one.
    filler = np.nan if array.dtype.kind not in "iub" else 77
    storage = np.full(structure.length, filler, array.dtype)
    tensor = Strided(storage, structure.size, structure.stride, structure.offset)
    tensor.array[...] = array
    return tensor


def sizes(generator: np.random.Generator, count: int, *, most: int = 129) -> list[tuple[int, int, int]]:
    """Return rows, inner sizes and columns drawn jointly from the edges, small ones first."""
    edges = [edge for edge in EDGES if edge <= most]
    found = {tuple(int(each) for each in generator.choice(edges, 3)) for _ in range(count)}
    return sorted(found, key=math.prod)  # type: ignore[arg-type]
