"""Connectionist temporal classification: the loss of a sequence of labels, summed over its alignments.

Source: PyTorch documentation, torch.nn.CTCLoss; A. Graves et al. (2006), "Connectionist temporal classification",
section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.reference.nn.activations import log_softmax

Array = npt.NDArray[Any]


def _with_blanks(labels: Sequence[int], blank: int) -> list[int]:
    """Return a blank before, between and after the labels."""
    found = [blank]
    for label in labels:
        found += [label, blank]
    return found


def _forward(logs: Array, states: Sequence[int], blank: int) -> Array:
    """Return, per step and state, the logarithm of the probability of all beginnings that end there."""
    alpha = np.full((len(logs), len(states)), -np.inf, dtype=logs.dtype)
    alpha[0, :2] = logs[0, states[:2]]
    for step in range(1, len(logs)):
        for place, state in enumerate(states):
            before = alpha[step - 1, max(place - 1, 0) : place + 1]
            # Over a blank it may be skipped, but not between two equal labels.
            if place > 1 and state not in (blank, states[place - 2]):
                before = alpha[step - 1, place - 2 : place + 1]
            alpha[step, place] = np.logaddexp.reduce(before) + logs[step, state]
    return alpha


def loss(logits: Array, labels: Sequence[int], blank: int = 0) -> tuple[Any, Array]:
    """Return minus the log-probability of labels, and its gradient by the logits.

    Args:
        logits: Steps by classes, longdouble.
        labels: Without blanks.
        blank: The class of the blank.

    Returns:
        The loss, infinite where no alignment fits, with a gradient of 0 then.
    """
    logs, states = log_softmax(logits, 1), _with_blanks(labels, blank)
    alpha = _forward(logs, states, blank)
    # Endings are beginnings of the reversed sequence.
    beta = _forward(logs[::-1], states[::-1], blank)[::-1, ::-1]
    total = np.logaddexp.reduce(alpha[-1, -2:])
    if total == -np.inf:
        return np.inf, np.zeros_like(logits)
    expected = np.zeros_like(logits)
    for place, state in enumerate(states):
        expected[:, state] += np.exp(alpha[:, place] + beta[:, place] - logs[:, state] - total)
    return -total, np.exp(logs) - expected
