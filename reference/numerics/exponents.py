"""Rounding to decimal places.

Source: PyTorch documentation, "torch.round".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def round_to_decimals(x: Array, decimals: int) -> Array:
    """Return the nearest multiples of 10**-decimals, halves to the even one.

    Args:
        x: Real values, in a type wider than the one that is judged.
        decimals: Places after the point; negative ones before it.
    """
    factor = x.dtype.type(10) ** abs(decimals)
    return np.asarray(np.rint(x * factor) / factor if decimals >= 0 else np.rint(x / factor) * factor)
