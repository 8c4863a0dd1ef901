"""Attention and Transformer layers as cases: few-bit values, masks in every form, and the code that runs them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.nn.recurrent.cases import few_bits
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.nn import attention
from torch_conformance.reference.nn.attention import OPEN, Mask
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]

Shapes = Mapping[str, tuple[int, ...]]


def exact(values: Array, cell: Cell) -> Variable:
    """Return few-bit values as leaves."""
    return tape.variable(values, cell.dtype)


def stored(values: Any, cell: Cell) -> Strided:
    """Return few-bit values, or a mask, as an input of the cell's dtype; bool stays bool."""
    array = np.asarray(values.data.values if isinstance(values, Variable) else values)
    return Strided.from_array(array if array.dtype == np.bool_ else cast(array.astype(np.float64), cell.dtype))


def drawn(shapes: Shapes, cell: Cell, generator: np.random.Generator) -> dict[str, Variable]:
    """Return few-bit weights."""
    return {name: exact(few_bits(generator, size), cell) for name, size in shapes.items()}


# Puts the weights into the module `net`, which has exactly these.
FILL = """
held = dict(net.named_parameters())
assert list(held) == names, list(held)
for name, weight in zip(names, weights): held[name].data.copy_(weight)
"""


def weighted(weights: Mapping[str, Variable], cell: Cell) -> dict[str, Any]:
    """Return the inputs that `FILL` reads, and the dtype."""
    found = [stored(each, cell) for each in weights.values()]
    return {"names": list(weights), "weights": found, "dtype": cell.torch_dtype}


def judge_gradients(
    trial: Trial, cell: Cell, outputs: list[Variable], cotangents: list[Array], leaves: Mapping[str, Variable]
) -> None:
    """Compare the gradient of each leaf, by the expression that names it."""
    given = [exact(each, cell) for each in cotangents]
    for expression, each in zip(leaves, tape.gradients_of(outputs, list(leaves.values()), given), strict=True):
        assert each is not None
        expect(trial, expression, each.data)


def forbidding(generator: np.random.Generator, size: tuple[int, ...]) -> Array:
    """Return a mask, true for about a third of the places, and nowhere for the first key."""
    mask = generator.random(size) < 0.35
    mask[..., 0] = False
    return mask


@dataclasses.dataclass(frozen=True)
class Masking:
    """A mask as an argument, and what it means.

    Attributes:
        argument: What torch is given: a bool or floating array, or None.
        mask: What the reference is given.
    """

    argument: Array | None
    mask: Mask = OPEN


def true_forbids(generator: np.random.Generator, size: tuple[int, ...]) -> Masking:
    """Return a bool mask as modules take it, true where attention is forbidden."""
    mask = forbidding(generator, size)
    return Masking(mask, Mask(~mask))


def floating(generator: np.random.Generator, size: tuple[int, ...]) -> Masking:
    """Return a mask of numbers to add, -inf among them."""
    numbers = np.where(forbidding(generator, size), -np.inf, few_bits(generator, size))
    return Masking(numbers, attention.added(numbers))


def infinite(generator: np.random.Generator, size: tuple[int, ...]) -> Masking:
    """Return a floating mask of 0 and -inf."""
    mask = forbidding(generator, size)
    return Masking(np.where(mask, -np.inf, 0.0), Mask(~mask))


def reshaped(mask: Mask, *size: int) -> Mask:
    """Return a mask in another shape."""
    assert not isinstance(mask.added, Variable)
    allowed, added = (None if each is None else each.reshape(size) for each in (mask.allowed, mask.added))
    return Mask(allowed, added)
