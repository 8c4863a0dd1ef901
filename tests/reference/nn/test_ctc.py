"""CTC against the sum over all paths, written out, and against differences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from torch_conformance.reference.nn import ctc
from torch_conformance.reference.numerics.differences import along

Array = npt.NDArray[Any]


def _by_paths(logits: Array, labels: list[int], blank: int) -> Any:
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    total = np.longdouble(0)
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        merged = [label for place, label in enumerate(path) if place == 0 or path[place - 1] != label]
        if [label for label in merged if label != blank] == labels:
            total += np.prod([shares[step, label] for step, label in enumerate(path)])
    return -np.log(total)


@pytest.mark.parametrize(("labels", "blank"), [([1, 2], 0), ([1, 1], 0), ([], 0), ([0, 1, 0], 2), ([2], 1)])
def test_sum_over_paths(labels: list[int], blank: int) -> None:
    logits = np.random.default_rng(3).normal(size=(4, 3)).astype(np.longdouble)
    value, gradient = ctc.loss(logits, labels, blank)
    assert abs(value - _by_paths(logits, labels, blank)) < 1e-15
    direction = np.random.default_rng(4).normal(size=(4, 3))
    found = along(lambda x: ctc.loss(x, labels, blank)[0], [logits], [direction])
    assert abs(found - (gradient * direction).sum()) < 1e-10


def test_too_short() -> None:
    value, gradient = ctc.loss(np.zeros((2, 3), np.longdouble), [1, 1])
    assert value == np.inf
    assert not gradient.any()
