"""Which samples make up which batch, how a dataset is split, and what a fair choice of samples looks like.

Source: PyTorch documentation, torch.utils.data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.numerics.random import bernstein_bound

Array = npt.NDArray[Any]


def batches(order: Sequence[int], batch_size: int, *, drop_last: bool = False) -> list[list[int]]:
    """Return the indices of each batch: `batch_size` of them, the last one shorter or dropped."""
    groups = [list(order[start : start + batch_size]) for start in range(0, len(order), batch_size)]
    return [each for each in groups if not drop_last or len(each) == batch_size]


def split_lengths(count: int, fractions: Sequence[float]) -> list[int]:
    """Return the lengths of a split by fractions: rounded down, what is left handed out one each from the first."""
    lengths = [math.floor(count * each) for each in fractions]
    left = count - sum(lengths)
    return [length + (left - place + len(lengths) - 1) // len(lengths) for place, length in enumerate(lengths)]


def frequencies_are_fair(counts: Array, probabilities: Array, error_rate: float) -> bool:
    """Return whether independent draws came out as often as their probabilities allow.

    Args:
        counts: How often each outcome was drawn.
        probabilities: Of each outcome; they need not be normalised.
        error_rate: With which a fair draw is found unfair, at most, by Bernstein's and Boole's inequalities.
    """
    total = int(np.sum(counts))
    shares = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities)
    rate = error_rate / len(shares)
    for count, share in zip(np.asarray(counts).tolist(), shares.tolist(), strict=True):
        # A share of zero or one leaves no room at all.
        variance, largest = share * (1 - share), max(share, 1 - share)
        room = bernstein_bound(total, rate, variance, largest) if 0 < share < 1 else 0.0
        if abs(count / total - share) > room:
            return False
    return True


def positions(permutations: Array) -> Array:
    """Return how often each sample (row) came at each place (column), for permutations one a row."""
    size = permutations.shape[1]
    return np.stack([np.bincount(permutations[:, place], minlength=size) for place in range(size)], axis=1)
