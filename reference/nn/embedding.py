"""Embeddings: rows of a table by number, alone or in bags, and the gradients of the table.

Source: PyTorch documentation, torch.nn.Embedding, torch.nn.EmbeddingBag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def frequencies(indices: Array, rows: int) -> Array:
    """Return how often each row is looked up."""
    return np.bincount(indices.reshape(-1), minlength=rows)


def table_gradient(
    g: Array, indices: Array, rows: int, *, padding: int | None = None, by_frequency: bool = False
) -> Array:
    """Return the gradient of the table: the sum of the gradients of each row's look-ups.

    Args:
        g: (*indices, columns).
        indices: Row numbers.
        rows: Number of rows.
        padding: A row, counted from either end, whose gradient is 0.
        by_frequency: Whether each row is divided by the number of its look-ups.
    """
    flat = indices.reshape(-1)
    total = np.zeros((rows, g.shape[-1]), dtype=g.dtype)
    np.add.at(total, flat, g.reshape(len(flat), g.shape[-1]))
    if by_frequency:
        total = total / np.maximum(frequencies(flat, rows), 1)[:, None]
    if padding is not None:
        total[padding] = 0
    return total


def renormalised(table: Array, indices: Array, limit: float, power: float) -> Array:
    """Return the table whose looked-up rows are scaled down to a p-norm of at most `limit`."""
    norms = (np.abs(table) ** power).sum(axis=-1, keepdims=True) ** (1 / np.asarray(power, dtype=table.dtype))
    used = np.isin(np.arange(len(table)), indices)[:, None]
    return np.where(used & (norms > limit), table * (limit / np.maximum(norms, limit)), table)


def bags(indices: Array, offsets: Sequence[int], padding: int | None = None) -> list[Array]:
    """Return the places in `indices` of each bag's members; bags begin at the offsets, and padding is no member."""
    ends = [*offsets[1:], len(indices)]
    places = [np.arange(begin, end) for begin, end in zip(offsets, ends, strict=True)]
    return [each[indices[each] != padding] for each in places]


def bag(table: Array, indices: Array, members: Sequence[Array], mode: str, weights: Array | None = None) -> Array:
    """Return the sum, mean or maximum of the rows of each bag, 0 for an empty one."""
    rows = table[indices] if weights is None else table[indices] * weights[:, None]
    result = np.zeros((len(members), table.shape[1]), dtype=table.dtype)
    for number, places in enumerate(members):
        if not len(places):
            continue
        if mode == "max":
            result[number] = rows[places].max(axis=0)
        else:
            result[number] = rows[places].sum(axis=0) / (len(places) if mode == "mean" else 1)
    return result


def bag_gradient(
    table: Array, indices: Array, members: Sequence[Array], mode: str, g: Array, weights: Array | None = None
) -> Array:
    """Return the gradient of the table of `bag`."""
    total = np.zeros_like(table)
    columns = np.arange(table.shape[1])
    for number, places in enumerate(members):
        if not len(places):
            continue
        rows = indices[places]
        if mode == "max":
            np.add.at(total, (rows[table[rows].argmax(axis=0)], columns), g[number])
            continue
        share = g[number] / (len(places) if mode == "mean" else 1)
        factors = np.ones(len(places), dtype=table.dtype) if weights is None else weights[places]
        np.add.at(total, rows, factors[:, None] * share)
    return total


def weights_gradient(table: Array, indices: Array, members: Sequence[Array], g: Array) -> Array:
    """Return the gradient of the weights of a sum's members: the product of row and gradient."""
    result = np.zeros(len(indices), dtype=table.dtype)
    for number, places in enumerate(members):
        result[places] = table[indices[places]] @ g[number]
    return result
