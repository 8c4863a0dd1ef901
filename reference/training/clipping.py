"""Gradients scaled down to a norm, or cut to a range.

Source: PyTorch documentation, torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# What torch adds to the norm before it divides by it, so that a norm of zero divides too; nowhere documented.
SLACK = 1e-6


def total_norm(gradients: Sequence[Array], kind: float) -> float:
    """Return the norm of all elements of all gradients as one vector; 0 for none."""
    flat = np.concatenate([np.abs(each.astype(np.longdouble)).ravel() for each in gradients] or [np.zeros(0)])
    if not flat.size:
        return 0.0
    if math.isinf(kind):
        return float(flat.max())
    return float(np.sum(flat**kind) ** (np.longdouble(1) / kind))


def clipped(gradients: Sequence[Array], largest: float, kind: float, unit: float) -> list[tuple[Array, Array]]:
    """Return each gradient times largest / norm where the norm is larger, and how far a computed one may lie from it.

    Args:
        gradients: Of several parameters.
        largest: The norm that they may have together.
        kind: Which norm.
        unit: Relative error of one rounding. A norm of n elements takes at most 4 n + 16 of them.
    """
    norm = total_norm(gradients, kind)
    count = sum(each.size for each in gradients)
    found = []
    for each in gradients:
        wide = each.astype(np.longdouble)
        if norm <= largest:
            # The quotient may fall below one where the norm comes close to the largest.
            slack = SLACK / largest if norm + SLACK > largest * (1 - 1e-6) else 0.0
            found.append((wide, np.abs(wide) * slack))
            continue
        value = wide * (np.longdouble(largest) / np.longdouble(norm))
        found.append((value, np.abs(value) * ((4 * count + 16) * unit + SLACK / norm)))
    return found
