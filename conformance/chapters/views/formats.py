"""Tensors in memory formats, or near them."""

from __future__ import annotations

import numpy as np

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES
from torch_conformance.conformance.judging.operations import counting
from torch_conformance.reference.model.strided import Strided


def formatted(cell: Cell) -> list[Strided]:
    """Return tensors of one to five dimensions, in each memory format or near it."""
    rng = cell.generator()
    found = [counting(each, "float32") for each in SIZE_CLASSES["small"]]
    for _ in range(120):
        rank = int(rng.choice((3, 4, 4, 4, 5, 5, 5)))
        size = tuple(int(extent) for extent in rng.choice((1, 2, 3, 4), rank))
        order = {4: (0, 2, 3, 1), 5: (0, 2, 3, 4, 1)}.get(rank, tuple(range(rank)))
        order = order if rng.random() < 0.7 else tuple(int(dim) for dim in rng.permutation(rank))
        stride, step = [0] * rank, int(rng.choice((1, 1, 1, 2)))
        for dim in reversed(order):
            stride[dim] = step
            step *= size[dim]
        length = 1 + sum((extent - 1) * each for extent, each in zip(size, stride, strict=True))
        found.append(Strided(np.arange(length, dtype=np.float32), size, tuple(stride)))
    return found
