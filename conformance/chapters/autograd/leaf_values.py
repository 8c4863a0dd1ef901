"""Leaves of small whole numbers and formulas of them: values and gradients are exact in every dtype and order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import NO_DTYPE, Cell
from torch_conformance.conformance.inputs.recipes import structures
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.polynomials import Polynomial

Array = npt.NDArray[Any]
Size = tuple[int, ...]

SIZES: tuple[Size, ...] = ((2, 3), (), (0,), (3,), (1, 2, 2), (1,), (2, 0), (5,))

# Every way to call backward with a gradient.
BACKWARDS = (
    "y.backward(g)",
    "y.backward(gradient=g)",
    "torch.autograd.backward(y, g)",
    "torch.autograd.backward([y], [g])",
    "torch.autograd.backward(tensors=(y,), grad_tensors=(g,))",
)


@dataclasses.dataclass(frozen=True)
class Formula:
    """Torch code of x and w, and the polynomial that it is."""

    text: str
    polynomial: Polynomial

    def pullback(self, place: int, leaves: Leaves) -> Array:
        """Return the gradient of x (place 0) or w (1) for the gradient g of the formula's value."""
        return self.polynomial.pullback(place, leaves["g"], leaves["x"], leaves["w"])


# Each saves a tensor for backward, and neither derivative is the other's, nor independent of x and w.
FORMULAS = (
    Formula("x * w", Polynomial({(1, 1): 1})),
    Formula("x * x * w - 3 * x", Polynomial({(2, 1): 1, (1, 0): -3})),
    Formula("(x + w) * (x - w)", Polynomial({(2, 0): 1, (0, 2): -1})),
    Formula("w * (2 * x + w) + 5 * w", Polynomial({(1, 1): 2, (0, 2): 1, (0, 1): 5})),
    Formula("-(x * w).mul(w) - x", Polynomial({(1, 2): -1, (1, 0): -1})),
)


@dataclasses.dataclass(frozen=True)
class Leaves:
    """Tensors by name, and their elements as float64 or complex128.

    Attributes:
        dtype: The tensors' dtype.
        tensors: What a trial takes.
        wide: What a reference takes.
    """

    dtype: str
    tensors: Mapping[str, Strided]
    wide: Mapping[str, Array]

    def __getitem__(self, name: str) -> Array:
        """Return the elements of a tensor in the wide type."""
        return self.wide[name]

    def cast(self, array: Array) -> Array:
        """Return an expected answer in the tensors' dtype."""
        return cast(np.asarray(array), self.dtype)


def nonzero(dtype: str, count: int, generator: np.random.Generator) -> Array:
    """Return whole numbers of magnitude 1 to 3 in a floating or complex dtype; complex ones have such parts."""

    def part() -> Array:
        return np.asarray(generator.integers(1, 4, count) * generator.choice([-1.0, 1.0], count))

    return cast(part() + 1j * part() if dtype.startswith("complex") else part(), dtype)


def leaves(
    cell: Cell, size: Size, generator: np.random.Generator, *, names: str = "xwg", contiguous: bool = False
) -> Leaves:
    """Draw a tensor of nonzero whole numbers per name, of the cell's dtype (float64 where it has none).

    Args:
        cell: Whose dtype the tensors have.
        size: Their shape.
        generator: Draws values and layouts.
        names: One letter per tensor.
        contiguous: Leave out all other layouts.
    """
    dtype = "float64" if cell.dtype == NO_DTYPE else cell.dtype
    layouts = [each for each in structures(size) if each.layout != "expanded"]
    tensors: dict[str, Strided] = {}
    for name in names:
        layout = layouts[0 if contiguous else int(generator.integers(len(layouts)))]
        storage = nonzero(dtype, layout.length, generator)
        tensors[name] = Strided(storage, layout.size, layout.stride, layout.offset)
    wide_dtype = np.complex128 if dtype.startswith("complex") else np.float64
    wide = {name: np.asarray(each.array).astype(wide_dtype) for name, each in tensors.items()}
    return Leaves(dtype, tensors, wide)


def drawn(
    cell: Cell, *, names: str = "xwg", sizes: tuple[Size, ...] = SIZES, contiguous: bool = False
) -> Iterator[tuple[Leaves, Formula]]:
    """Yield leaves of several sizes and layouts, each with a formula; every formula comes up in every profile."""
    generator = cell.generator()
    shift = int(generator.integers(len(FORMULAS)))
    for turn in range(max(len(FORMULAS), cell.profile.examples)):
        drawn_leaves = leaves(cell, sizes[turn % len(sizes)], generator, names=names, contiguous=contiguous)
        yield drawn_leaves, FORMULAS[(turn + shift) % len(FORMULAS)]
