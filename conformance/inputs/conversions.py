"""Tables of values whose conversion to another dtype has one documented result, laid out as recipes say.

A conversion works element by element, so a table of 256 values is converted by the reference once and both sides
are then spread over a recipe's storage by the same indices.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Recipe
from torch_conformance.conformance.inputs.values import POOL_SIZE, pool
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.model.strided import Strided

Array = npt.NDArray[Any]

WIDE_UNSIGNED = ("uint16", "uint32", "uint64")
CLASSIC = tuple(name for name in dtypes.NAMES if name not in WIDE_UNSIGNED)
INTEGRAL = ("uint8", "int8", "int16", "int32", "int64")
FLOATING = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
# The dtypes that the installed torch has; every other tuple of names is a choice among these.
PRESENT = tuple(TORCH_DTYPES)
BELOW_GRAIN = ("scalar", "small", "empty", "tail")


def settled(array: Array, target: str) -> npt.NDArray[np.bool_]:
    """Return where the documentation leaves one result for a conversion.

    Left out: what does not fit an integral target (undefined); values wider than float32 whose 16-bit rounding
    depends on whether it passes through float32; and complex numbers with real part 0 that become bool, which
    torch before 2.5 judged by the real part alone.
    """
    good = casting.defined(array, target) & ~casting.double_rounded(array, target)
    if target == "bool" and array.dtype.kind == "c":
        good &= (array.real != 0) | (array.imag == 0)
    if target == "float16" and array.dtype == np.complex128:
        good &= ~casting.double_rounded(np.ascontiguousarray(array.real), target)
    if target == "bfloat16":
        real = np.ascontiguousarray(array.real) if array.dtype.kind == "c" else array
        if real.dtype == np.float64:
            good &= ~casting.double_rounded(real, target)
        elif real.dtype.kind in "iu" and real.dtype.itemsize >= 4:
            single = real.astype(np.float32)
            inexact = single.astype(np.longdouble) != real.astype(np.longdouble)
            tie = (single.view(np.uint32) & np.uint32(0xFFFF)) == np.uint32(0x8000)
            good &= ~(inexact & tie)
    return good


def keep_settled(array: Array, target: str) -> Array:
    """Return the values with 0 in place of those whose conversion is not settled."""
    return np.where(settled(array, target), array, np.zeros((), dtype=array.dtype))


def join(real: Array, imag: Array, dtype: str) -> Array:
    """Return complex values with these parts; unlike `real + 1j * imag`, exact for infinities and zeros."""
    joined = np.empty(real.shape, dtype=dtypes.numpy_dtype(dtype))
    joined.real, joined.imag = real, imag
    return joined


def fractions(source: str, target: str, generator: np.random.Generator, count: int = POOL_SIZE) -> Array:
    """Return real values with fractional parts that span an integral dtype, its ends included, simplest first.

    Args:
        source: A floating or complex dtype name.
        target: An integral dtype name.
        generator: Source of the values after the edges.
        count: How many.
    """
    facts = dtypes.iinfo(target)
    low, high = float(facts.min), float(facts.max)
    edges = [0.0, 1.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.999, -0.999, -1.0, -7.75, 7.75, 127.5, -128.5, 254.75]
    edges += [-0.0, 5e-324, -5e-324, 1e-40, high, high - 0.5, high + 0.5, high + 0.99, low, low - 0.5, low - 0.99]
    edges += [high / 2 + 0.5, low / 2 - 0.5, 2.0**24 + 1, 2.0**31, 2.0**53 - 1, -(2.0**31), 2.0**63, 2.0**62]
    top = np.log2(high)
    random = np.exp2(generator.uniform(-2, top, count - len(edges))) * generator.choice([-1.0, 1.0], count - len(edges))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        real = np.concatenate([edges, random]).astype(dtypes.numpy_dtype(dtypes.real_of(source)))
        # What the source rounds out of range goes to the next value inside.
        if not dtypes.is_signed(target):
            real = np.where(np.asarray(real, dtype=np.float64) <= -1, -real, real)
    if dtypes.is_complex(source):
        return join(real, pool(dtypes.real_of(source), "any", 1), source)
    return np.asarray(real)


@functools.lru_cache(maxsize=4096)
def tables(source: str, target: str, seed: int) -> tuple[Array, Array]:
    """Return 256 values of a dtype with one documented result each, and the results."""
    if dtypes.is_integral(target) and dtypes.category(source) > dtypes.category(target):
        values = fractions(source, target, np.random.default_rng([seed, len(source), len(target)]))
    else:
        values = pool(source, "any", seed)
    values = keep_settled(values, target)
    return values, casting.cast(values, target)


def spread(recipe: Recipe, table: Array) -> Strided:
    """Return a recipe's tensor with values of a table of 256; the simplest code is entry 0."""
    codes = recipe.tensor("uint8")
    return Strided(table[codes.storage], codes.size, codes.stride, codes.offset)


def converted(recipe: Recipe, source: str, target: str) -> tuple[Strided, Array]:
    """Return a tensor of a dtype and its elements in another."""
    values, results = tables(source, target, recipe.seed)
    return spread(recipe, values), spread(recipe, results).array


def recipes(
    cell: Cell, classes: tuple[str, ...] = BELOW_GRAIN, *, overlapping: bool = True, share: float = 0.375
) -> list[Recipe]:
    """Return recipes of each size class, chosen by the cell's seed, smallest class first.

    A table of all pairs of dtypes needs few structures for each and no shrinking: the first failure is of the
    smallest class. That leaves out the engine, which would cost more than the checks. Every second recipe of a class
    is neither contiguous nor offset.

    Args:
        cell: Whose seed and profile decide.
        classes: Names of SIZE_CLASSES.
        overlapping: Whether expanded tensors may be among them.
        share: Recipes of a class per drawn example of the profile.
    """
    generator = cell.generator()
    chosen = []
    for name in classes:
        options = [each for each in SIZE_CLASSES[name] if overlapping or each.layout != "expanded"]
        gapped = [each for each in options if each.layout not in ("contiguous", "offset")]
        for number in range(max(2, round(cell.profile.examples * share))):
            among = gapped if number % 2 and gapped else options
            structure = among[int(generator.integers(len(among)))]
            chosen.append(Recipe(structure, int(generator.integers(256)), generator.bytes(32)))
    return chosen


def grain_recipes(cell: Cell) -> tuple[Recipe, Recipe]:
    """Return a contiguous recipe beyond the size at which loops are split over threads, and one with gaps."""
    generator = cell.generator()
    dense = [each for each in SIZE_CLASSES["grain"] if each.layout == "contiguous"]
    others = [each for each in SIZE_CLASSES["grain"] if each.layout not in ("contiguous", "offset", "expanded")]
    first, second = (options[int(generator.integers(len(options)))] for options in (dense, others))
    codes = generator.bytes(32)
    return Recipe(first, 1, codes), Recipe(second, 2, codes)


def judge(cell: Cell, source: str, targets: tuple[str, ...]) -> None:
    """Compare `to` with the reference for every target, over every size class and layout."""
    __tracebackhide__ = True
    for recipe in (*recipes(cell), *grain_recipes(cell)):
        for target in targets:
            x, expected = converted(recipe, source, target)
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            trial.expect("x.to(dtype)", expected)


def in_turn(spellings: tuple[str, ...], turn: int, count: int) -> tuple[str, ...]:
    """Return `count` neighbours of a cyclic list, other ones at each turn."""
    start = turn * count % len(spellings)
    return (*spellings, *spellings)[start : start + count]


def judge_table(cell: Cell, values: Array, target: str) -> None:
    """Compare the conversion of a table of any length: whole, and every second and third element of it.

    Conversions that are not settled are judged as conversions of 0.
    """
    __tracebackhide__ = True
    kept = keep_settled(values, target)
    expected = casting.cast(kept, target)
    trial = cell.trial(x=Strided.from_array(kept), dtype=TORCH_DTYPES[target])
    trial.expect("x.to(dtype)", expected)
    trial.expect("x[1::2].to(dtype)", expected[1::2])
    trial.expect("x[2::3].to(dtype)", expected[2::3])
    trial.expect("torch.empty_like(x, dtype=dtype).copy_(x)", expected)


def present(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of some dtypes that the installed torch has."""
    return tuple(name for name in names if name in PRESENT)
