"""Strategies that draw recipes for strided tensors: shape, memory layout and values, free of dtype.

One drawn example is a sweep: a recipe for each size class, so that one pass through the engine carries many
checks. Failing sweeps shrink by dropping classes first, then to simpler structures, then to simpler values.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model.strided import Strided, row_major

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_DRAWN_CODES = 32


@dataclasses.dataclass(frozen=True)
class Structure:
    """Shape and memory layout of a tensor: storage length, size, stride and offset in elements."""

    layout: str
    length: int
    size: Size
    stride: tuple[int, ...]
    offset: int


def _contiguous(size: Size) -> Structure:
    return Structure("contiguous", math.prod(size), size, row_major(size), 0)


def _offset(size: Size) -> Structure:
    return Structure("offset", math.prod(size) + 8, size, row_major(size), 5)


def _transposed(size: Size) -> Structure:
    stride = tuple(reversed(row_major(tuple(reversed(size)))))
    return Structure("transposed", math.prod(size), size, stride, 0)


def _sliced(size: Size) -> Structure:
    """Every second element of a tensor twice as long in its last dimension."""
    outer = (*size[:-1], size[-1] * 2)
    stride = (*row_major(outer)[:-1], 2)
    return Structure("sliced", math.prod(outer) + 1, size, stride, 1)


def _gapped(size: Size) -> Structure:
    """Rows of a wider tensor: unit stride inside, a gap between rows."""
    outer = (*size[:-1], size[-1] + 3)
    return Structure("gapped", math.prod(outer) + 2, size, row_major(outer), 2)


def _expanded(size: Size) -> Structure:
    """The first dimension repeats with stride 0."""
    inner = row_major(size[1:])
    return Structure("expanded", math.prod(size[1:]), size, (0, *inner), 0)


def _channels_last(size: Size) -> Structure:
    """Dimension 1 innermost, as torch.channels_last stores four dimensions."""
    order = [0, *range(2, len(size)), 1]
    dense = row_major(tuple(size[dim] for dim in order))
    stride = [0] * len(size)
    for position, dim in enumerate(order):
        stride[dim] = dense[position]
    return Structure("channels-last", math.prod(size), size, tuple(stride), 0)


def _odd_units(size: Size) -> Structure:
    """Contiguous but for the strides of its dimensions of size 1, which no address depends on."""
    base = row_major(size)
    stride = tuple(step + 7 if extent == 1 else step for extent, step in zip(size, base, strict=True))
    return Structure("odd-unit-strides", math.prod(size), size, stride, 0)


def structures(size: Size) -> tuple[Structure, ...]:
    """Return the layouts that exist for a size, simplest first."""
    numel = math.prod(size)
    found = [_contiguous(size), _offset(size)]
    if len(size) >= 1:
        found += [_sliced(size)]
    if len(size) >= 2:
        found += [_transposed(size), _gapped(size)]
    if len(size) >= 1 and numel:
        found += [_expanded(size)]
    if len(size) >= 4:
        found += [_channels_last(size)]
    if 1 in size and numel:
        found += [_odd_units(size)]
    return tuple(found)


_SMALL_SIZES: tuple[Size, ...] = (
    *((1,), (2,), (3,), (5,), (1, 1), (1, 3), (3, 1), (2, 2), (2, 3), (4, 3), (2, 1, 3), (1, 2, 1)),
    *((2, 3, 4), (3, 2, 1, 2), (2, 3, 2, 2), (1, 3, 2, 1), (2, 1, 2, 1, 3), (2, 1, 1, 2, 1, 2)),
)
_EMPTY_SIZES: tuple[Size, ...] = ((0,), (0, 3), (3, 0), (2, 0, 3), (1, 0), (0, 0))
# One more and one less than the widths of vector registers and unrolled loops, in elements.
_TAIL_SIZES: tuple[Size, ...] = (
    *((7,), (8,), (9,), (15,), (17,), (31,), (33,), (63,), (65,), (127,), (129,), (255,), (257,), (1025,)),
    *((3, 17), (17, 3), (5, 33), (33, 5), (7, 67), (2, 3, 65), (65, 2, 3), (3, 129), (2, 5, 7, 9)),
)
# Beyond 32,768 elements, where loops are split over threads, with remainders in every direction.
_GRAIN_SIZES: tuple[Size, ...] = (
    *(
        (32_769,),
        (65_539,),
        (181, 183),
        (3, 10_925),
        (10_925, 3),
        (2, 3, 5_477),
        (33, 31, 35),
        (2, 3, 73, 79),
    ),
)

SIZE_CLASSES: dict[str, tuple[Structure, ...]] = {
    "scalar": structures(()),
    "small": tuple(each for size in _SMALL_SIZES for each in structures(size)),
    "empty": tuple(each for size in _EMPTY_SIZES for each in structures(size)),
    "tail": tuple(each for size in _TAIL_SIZES for each in structures(size)),
    "grain": tuple(each for size in _GRAIN_SIZES for each in structures(size)),
}
ALL_CLASSES = tuple(SIZE_CLASSES)
# Before the structures of a large class stand a few small ones, for failing cases to shrink to.
_REFUGES = (*(_contiguous(size) for size in ((1,), (2,), (3,), (5,), (2, 3))), _sliced((3,)), _transposed((2, 3)))


def _drawn_structures(*, overlapping: bool) -> dict[str, st.SearchStrategy[Structure]]:
    strategies = {}
    for name, found in SIZE_CLASSES.items():
        kept = [each for each in found if overlapping or each.layout != "expanded"]
        strategies[name] = st.sampled_from([*_REFUGES, *kept] if name in ("tail", "grain") else kept)
    return strategies


_STRUCTURES = _drawn_structures(overlapping=True)
_DENSE_STRUCTURES = _drawn_structures(overlapping=False)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A tensor without a dtype.

    Attributes:
        structure: Shape and layout.
        seed: Which random values join the edge values.
        codes: Indices into the value pool, repeated through the storage; empty means drawn from the seed.
    """

    structure: Structure
    seed: int
    codes: bytes

    @property
    def size(self) -> Size:
        """The tensor's shape."""
        return self.structure.size

    @property
    def overlaps(self) -> bool:
        """Whether several elements share one address."""
        pairs = zip(self.structure.size, self.structure.stride, strict=True)
        return any(extent > 1 and step == 0 for extent, step in pairs)

    def tensor(self, dtype: str, domain: str = "any", *, variant: int = 0) -> Strided:
        """Return the tensor in a dtype, with values of a domain (see `values.pool`).

        Args:
            dtype: A dtype name.
            domain: A domain of `values.pool`.
            variant: Another number gives other values in the same layout, for a second operand.
        """
        structure = self.structure
        storage = pool(dtype, domain, self.seed)[self.indices(variant=variant)]
        return Strided(storage, structure.size, structure.stride, structure.offset)

    def array(self, dtype: str, domain: str = "any", *, variant: int = 0) -> Array:
        """Return the same elements as a contiguous array."""
        return np.ascontiguousarray(self.tensor(dtype, domain, variant=variant).array).reshape(self.size)

    def indices(self, *, variant: int = 0) -> Array:
        """Return the place in the pool of each element of the storage, as uint8."""
        length = self.structure.length
        if not any(self.codes):
            return np.zeros(length, dtype=np.uint8)
        if length <= len(self.codes):
            start = variant * 7 % len(self.codes)
            return np.frombuffer(self.codes[start:] + self.codes[:start], dtype=np.uint8, count=length)
        generator = np.random.default_rng([*self.codes[:4], self.seed, variant])
        return generator.integers(0, 256, length, dtype=np.uint8)


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Recipes of several size classes, drawn together."""

    recipes: tuple[Recipe, ...]

    def __iter__(self) -> Iterator[Recipe]:
        """Go through the recipes, in the order of `_in_telling_order`."""
        return iter(self.recipes)

    def __len__(self) -> int:
        """Return the number of recipes."""
        return len(self.recipes)

    def __repr__(self) -> str:
        """Return sizes and layouts; Hypothesis writes every explicit example down, whether it fails or not."""
        return f"Sweep({', '.join(f'{each.structure.layout} {each.size}' for each in self.recipes)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: FBT001 (IPython's protocol)
        printer.text("Sweep(...)" if cycle else repr(self))


# What every property can judge, and the first thing that Hypothesis draws.
_PLAINEST = _contiguous((2, 3))
_INCLUDED = st.sampled_from([False, True, True, True, True, True])
_SEEDS = st.integers(0, 255)
_CODES = st.binary(min_size=_DRAWN_CODES, max_size=_DRAWN_CODES)


@st.composite
def sweeps(
    draw: st.DrawFn, classes: tuple[str, ...] = ALL_CLASSES, *, overlapping: bool = True, repeat: int = 1
) -> Sweep:
    """Draw a recipe for most of the size classes.

    Args:
        draw: Given by Hypothesis.
        classes: Names of SIZE_CLASSES.
        overlapping: Whether expanded tensors may be drawn (not for tensors that are written to).
        repeat: How many recipes of the class "small".

    Shrinks to one recipe of a simple structure, with most values the simplest of the pool.
    """
    slots = [name for name in classes for _ in range(repeat if name == "small" else 1)]
    # Decided from the largest class down: the smaller of two failing choices is then the one with smaller tensors.
    chosen = [name for name in reversed(slots) if draw(_INCLUDED)]
    seed, codes = draw(_SEEDS), draw(_CODES)
    options = _STRUCTURES if overlapping else _DENSE_STRUCTURES
    recipes = [(name, Recipe(draw(options[name]), seed, codes)) for name in reversed(chosen)]
    if not recipes and "small" in classes:
        # Whatever is drawn, something is there to judge.
        return Sweep((Recipe(_PLAINEST, seed, codes),))
    return Sweep(tuple(_in_telling_order(recipes, codes)))


def _in_telling_order(recipes: Sequence[tuple[str, Recipe]], codes: bytes) -> list[Recipe]:
    """Put first what fails most often: a profile may stop after a few cases.

    Vector tails and small strided tensors, then the other classes in turn; large tensors cost most.
    """
    third = ("grain", "empty", "scalar", "empty")[codes[0] % 4]
    order = ("tail", "small", third)
    ranks = {name: rank for rank, name in enumerate(dict.fromkeys((*order, *ALL_CLASSES)))}
    return [recipe for name, recipe in sorted(recipes, key=lambda each: ranks[each[0]])]
