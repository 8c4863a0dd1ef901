"""Tensors that are written: operands in any layout, and what the written tensor must hold afterwards.

Operands take 256 values each; results of one operand are computed for those, and looked up.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell, Unsupported
from torch_conformance.conformance.engine.comparison import Rule
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Recipe, Structure, structures
from torch_conformance.conformance.judging.accuracy import has_bound
from torch_conformance.conformance.judging.elementwise import operand_pool, rule_for, values_of
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import is_floating, is_signed, numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.ops import elementwise
from torch_conformance.spec import load
from torch_conformance.spec.operators import Operator, operators

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_POOL = 256
# So many of the first values of a pool hold the edges of every dtype: zeros, ends, subnormals, infinities, NaN.
_EDGES = 48
BELOW_GRAIN = ("scalar", "small", "empty", "tail")
# Layouts of the sizes in which identity, storage and refusals are judged, where values do not matter.
FEW_SIZES: tuple[Size, ...] = ((), (0,), (3,), (2, 0), (2, 3), (17,), (3, 1, 2))

# Augmented assignments.
STATEMENTS = ("+=", "-=", "*=", "/=", "//=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>=")
# Size, stride and storage length of tensors whose elements share memory.
SHARED = (((3,), (0,), 1), ((2, 3), (0, 1), 3), ((2, 3), (1, 0), 2), ((2, 1, 4), (4, 4, 0), 5), ((17, 33), (0, 0), 1))


class _Pool(Recipe):
    """Every value of the pool, in order."""

    def indices(self, *, variant: int = 0) -> Array:  # noqa: ARG002
        return np.arange(_POOL, dtype=np.uint8)


_POOL_STRUCTURE = Structure("contiguous", _POOL, (_POOL,), (1,), 0)


@functools.lru_cache(maxsize=4096)
def _unary(name: str, dtype: str, seed: int) -> tuple[Array, Array]:
    """Return the pool of an operator of one operand, and the results for it."""
    found, expected = values_of(operators()[name], _Pool(_POOL_STRUCTURE, seed, b"\1"), dtype)
    return found["a"].storage, expected


@functools.lru_cache(maxsize=4096)
def operands(name: str, dtype: str, seed: int, which: str) -> Array:
    """Return the 256 values that operand a or b of an operator takes."""
    row = operators()[name]
    return _unary(name, dtype, seed)[0] if row.operands == 1 else operand_pool(row, dtype, seed, which)


def result(row: Operator, dtype: str, a: Array, b: Array) -> Array:
    """Return the result of two operands out of place, in its dtype or, where a bound holds, a wider type."""
    if has_bound(row.name):
        a, b = (elementwise.widened(each, dtype) for each in (a, b))
    elif is_floating(dtype) and a.dtype.itemsize == 2:
        # One IEEE operation in float32, rounded once more, is the one in 16 bits.
        a, b = (each.astype(np.float32) for each in (a, b))
    with np.errstate(all="ignore"):
        answer = np.asarray(elementwise.BINARY[row.name](a, b))
        if row.result == "bool":
            return answer.astype(np.bool_)
        return answer if has_bound(row.name) else answer.astype(numpy_dtype(dtype))


@dataclasses.dataclass
class Write:
    """Operands of a call that writes a, and what computes the elements that a must have afterwards."""

    operands: dict[str, Any]
    compute: Callable[[], Array]
    rule: Rule

    @functools.cached_property
    def expected(self) -> Array:
        """The elements that the reference gives."""
        return self.compute()


def _spread(codes: Array, structure: Structure, values: Array) -> Strided:
    return Strided(values[codes], structure.size, structure.stride, structure.offset)


@functools.cache
def layouts(size: Size) -> tuple[Structure, ...]:
    """Return the layouts of a size."""
    return structures(size)


@functools.cache
def writable(size: Size) -> tuple[Structure, ...]:
    """Return the layouts of a size in which no two elements share memory."""
    return tuple(each for each in structures(size) if each.layout != "expanded")


@functools.cache
def broadcastable(size: Size) -> tuple[Structure, ...]:
    """Return contiguous layouts of the sizes that are broadcast to a size."""
    smaller = {size[1:], (*size[:-1], 1), (1, *size[1:]), ()} if size else set()
    return tuple(Structure("broadcast", math.prod(each), each, row_major(each), 0) for each in sorted(smaller - {size}))


@functools.cache
def others(size: Size) -> tuple[Structure, ...]:
    """Return layouts of a second operand: of the same size, and of sizes that are broadcast to it."""
    return (*structures(size), *broadcastable(size))


def write(cell: Cell, row: Operator, recipe: Recipe, other: Structure | None = None) -> Write:
    """Return operands of an operator with a laid out by a recipe, and b by a structure (the recipe's own by default).

    What is expected is the result out of place: bool for a comparison.
    """
    dtype, seed = cell.dtype, recipe.seed % 8
    codes, rule = recipe.indices(), rule_for(row, dtype, cell.device)
    a = _spread(codes, recipe.structure, operands(row.name, dtype, seed, "a"))
    if row.operands == 1:
        places = Strided(codes, a.size, a.stride, a.offset).array
        return Write({"a": a}, lambda: _unary(row.name, dtype, seed)[1][places], rule)
    layout = other or recipe.structure
    second = dataclasses.replace(recipe, structure=layout).indices(variant=1)
    b = _spread(second, layout, operands(row.name, dtype, seed, "b"))
    return Write({"a": a, "b": b}, lambda: result(row, dtype, a.array, np.broadcast_to(b.array, a.size)), rule)


def edge_write(cell: Cell, row: Operator, layout: str) -> Write:
    """Return every pair of the edge values of two operands, or every value of one, in a layout of one dimension."""
    dtype, seed, rule = cell.dtype, cell.seed % 8, rule_for(row, cell.dtype, cell.device)
    count = _POOL + 1 if row.operands == 1 else _EDGES**2 + 1
    structure = next(each for each in writable((count,)) if each.layout == layout)
    places = np.arange(count)
    if row.operands == 1:
        values, results = _unary(row.name, dtype, seed)
        codes = places % _POOL
        return Write({"a": _filled(structure, values[codes])}, lambda: results[codes], rule)
    a = operands(row.name, dtype, seed, "a")[places // _EDGES % _EDGES]
    b = operands(row.name, dtype, seed, "b")[places % _EDGES]
    inputs = {"a": _filled(structure, a), "b": Strided.from_array(b)}
    return Write(inputs, lambda: result(row, dtype, a, b), rule)


def _filled(structure: Structure, values: Array) -> Strided:
    """Return a tensor of given elements in a layout; the rest of its memory holds the last of them."""
    storage = np.resize(values[::-1], structure.length)
    tensor = Strided(storage, structure.size, structure.stride, structure.offset)
    tensor.array[...] = values
    return tensor


def stored(row: Operator, dtype: str, expected: Array) -> Array:
    """Return a result as a tensor of the operands' dtype holds it."""
    return cast(expected, dtype) if row.result == "bool" != dtype else expected


def in_dtype(names: str, dtype: str) -> bool:
    """Whether a dtype belongs to a set."""
    return dtype in load().dtype_sets[names]


def is_undisputed(row: Operator, dtype: str) -> bool:
    """Whether every supported torch agrees on the values of an operator, so that other facts can be judged by them."""
    return row.disputed is None or not in_dtype(row.disputed, dtype)


def written(dtype: str, family: str | None = None) -> Iterator[Operator]:
    """Return the operators of a family that are judged in place in a dtype, or the undisputed ones of all families."""
    rows = (row for row in operators().values() if row.inplace and in_dtype(row.dtypes, dtype))
    return (row for row in rows if (row.family == family if family else is_undisputed(row, dtype)))


def recipes(cell: Cell, classes: Iterable[str] = BELOW_GRAIN, *, share: float = 0.25) -> list[Recipe]:
    """Return recipes of tensors that can be written, of each size class, chosen by the cell's seed.

    Args:
        cell: Whose seed and profile decide.
        classes: Names of SIZE_CLASSES.
        share: Recipes of a class per drawn example of the profile.
    """
    generator = cell.generator()
    chosen = []
    for name in classes:
        options = [each for each in SIZE_CLASSES[name] if each.layout != "expanded"]
        for _ in range(max(1, round(cell.profile.examples * share))):
            structure = options[int(generator.integers(len(options)))]
            chosen.append(Recipe(structure, cell.seed % 256, generator.bytes(32)))
    return chosen


def grain_recipes(cell: Cell) -> list[Recipe]:
    """Return a contiguous recipe beyond the size at which loops are split over threads, and one in another layout."""
    generator = cell.generator()
    found = []
    for contiguous in (True, False):
        options = [
            each
            for each in SIZE_CLASSES["grain"]
            if (each.layout == "contiguous") == contiguous and each.layout not in ("offset", "expanded")
        ]
        found.append(Recipe(options[int(generator.integers(len(options)))], cell.seed % 256, generator.bytes(32)))
    return found


def row_recipes(cell: Cell, row: Operator, *, share: float = 0.25) -> list[Recipe]:
    """Return recipes for an operator: of each size class, and beyond the grain.

    Results beyond the grain take long to judge: operators take turns with them where their values are not the subject.
    """
    found, large = recipes(cell, share=share), grain_recipes(cell)
    exact = not rule_for(row, cell.dtype, cell.device).ulps or cell.profile.exhaustive
    turn = (cell.seed + sum(map(ord, row.name))) % 4
    if share > 0.2:
        return [*found, *(large if exact else large[turn % 2 : turn % 2 + 1])]
    return [*found, *large[turn : turn + 1]]


def few_recipes(cell: Cell, turn: int, sizes: Sequence[Size] = FEW_SIZES, *, least: int = 2) -> list[Recipe]:
    """Return recipes of some of a few sizes, others and in other layouts at each turn; of all where time is no object.

    Facts about identity, memory and refusals hold for every operator and dtype: sizes go round among these.
    """
    count = min(len(sizes), max(least, cell.profile.examples // 4))
    start = turn + cell.seed % 97
    found = []
    for place in range(start, start + count):
        options = writable(sizes[place % len(sizes)])
        found.append(Recipe(options[(turn + place) % len(options)], cell.seed % 16, bytes(range(1, 33))))
    return found


def each_implemented(cell: Cell, parts: Iterable[tuple[str, Callable[[], None]]]) -> None:
    """Judge every part; a part that the device does not implement ends the cell only after all others were judged."""
    __tracebackhide__ = True
    missing: dict[str, str] = {}
    for name, judge in parts:
        try:
            judge()
        except Unsupported as gap:
            missing.setdefault(name, str(gap.msg))
    if missing:
        cell.unsupported(f"not implemented: {', '.join(missing)} ({next(iter(missing.values()))})")


def structure_of(size: Size, turn: int, call: str = "") -> Structure:
    """Return a layout of a size in which a tensor can be written, another at each turn.

    Left out by name: fill_diagonal_ with wrap=True of a tensor that is not contiguous, where torch counts places in
    memory as if it were, and writes outside the tensor.
    """
    options = writable(size)
    if "wrap=True" in call:
        options = tuple(each for each in options if each.layout in ("contiguous", "offset"))
    return options[turn % len(options)]


def tiny(dtype: str, count: int, generator: np.random.Generator) -> Array:
    """Return whole numbers from -3 to 3, or from 0 in unsigned dtypes; complex ones have such parts."""
    low = -3 if is_signed(dtype) else 0
    high = 2 if dtype == "bool" else 4
    values = generator.integers(low, high, count)
    if dtype.startswith("complex"):
        return np.asarray(values + 1j * generator.integers(-3, 4, count)).astype(numpy_dtype(dtype))
    return cast(values, dtype)
