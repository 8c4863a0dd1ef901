"""Tensors, dimension arguments and spellings for reductions.

Tensors are made of whole numbers that leave no room for rounding, whatever the order of summation and the precision
of partial results: so few of them differ from the neutral element that the sum (or product) of all magnitudes is a
number that the dtype holds. Every element still counts, since the places of those few are drawn anew each time, the
first and the last among them.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.recipes import Recipe
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.numerics.roundoff import whole_limit
from torch_conformance.reference.ops.reductions import Dims

Array = npt.NDArray[Any]
Maker = Callable[[Recipe, str], Strided]

LARGE = 3_000
_BUDGET_LIMIT = 2.0**24
_PRIMES = (2, 3, 5, 7)


def budget(dtype: str) -> float:
    """Return the sum of magnitudes up to which sums in a dtype are exact in any order and precision."""
    return min(whole_limit(dtype), _BUDGET_LIMIT) if not is_exact(dtype) else _BUDGET_LIMIT


def is_exact(dtype: str) -> bool:
    """Whether the dtype is bool or an integer type."""
    return dtypes.category(dtype) in (dtypes.BOOL, dtypes.INTEGRAL)


def is_inexact(dtype: str) -> bool:
    """Whether the dtype is a floating or complex type."""
    return not is_exact(dtype)


def _laid_out(recipe: Recipe, storage: Array) -> Strided:
    structure = recipe.structure
    return Strided(storage, structure.size, structure.stride, structure.offset)


def _last_place(recipe: Recipe) -> int:
    """Return the place of the last element in the storage."""
    structure = recipe.structure
    steps = zip(structure.size, structure.stride, strict=True)
    return structure.offset + sum((max(extent, 1) - 1) * step for extent, step in steps)


def _places(recipe: Recipe, count: int) -> Array:
    """Return up to `count` distinct places in the storage, the first and last element's among them."""
    structure = recipe.structure
    last = _last_place(recipe)
    generator = np.random.default_rng([recipe.seed, *recipe.codes[:4]])
    drawn = generator.integers(0, max(structure.length, 1), max(count - 2, 0))
    places = np.unique(np.concatenate([drawn, [structure.offset, last]]))
    return places[places < structure.length]


def _repeats(recipe: Recipe) -> int:
    return max(1, int(np.prod(recipe.size, dtype=np.int64)) // max(recipe.structure.length, 1))


def summable(recipe: Recipe, dtype: str) -> Strided:
    """Return whole numbers of both signs whose magnitudes add up to at most the dtype's budget."""
    structure = recipe.structure
    affordable = budget(dtype) / _repeats(recipe) if dtype != "bool" else 0
    if structure.length * 8 <= affordable:
        return recipe.tensor(dtype, "small")
    storage = np.zeros(structure.length, numpy_dtype(dtype))
    places = _places(recipe, max(2, int(affordable // 4)) if dtype != "bool" else structure.length // 2)
    values = np.array([1, 3, 2, 1] if not dtypes.is_signed(dtype) else [1, -1, 2, -2, 3, 1, -1])
    storage[places] = values[(np.arange(places.size) + recipe.seed) % values.size].astype(storage.dtype)
    return _laid_out(recipe, storage)


def multipliable(recipe: Recipe, dtype: str) -> Strided:
    """Return ones of both signs and a few small primes, whose product every dtype but bool holds."""
    structure = recipe.structure
    generator = np.random.default_rng([recipe.seed, *recipe.codes[:4], 1])
    storage = np.ones(structure.length, numpy_dtype(dtype))
    if dtypes.is_signed(dtype):
        storage[generator.random(structure.length) < 0.4] = -1
    places = generator.permutation(_places(recipe, 6))
    values: tuple[int, ...] = (0,) if recipe.seed % 8 == 7 or dtype == "bool" else _PRIMES
    if recipe.overlaps:
        values = ()
    for place, value in zip(places.tolist(), values, strict=False):
        storage[place] = value
    return _laid_out(recipe, storage)


def _planted(recipe: Recipe, dtype: str, common: Array, rare: Array) -> Strided:
    """Return common values, with rare ones at no, one, or a few places."""
    structure = recipe.structure
    generator = np.random.default_rng([recipe.seed, *recipe.codes[:4], 2])
    storage = common[generator.integers(0, common.size, structure.length)].astype(numpy_dtype(dtype))
    count = (0, 1, 1, 2, 5)[recipe.seed % 5]
    places = generator.permutation(_places(recipe, max(count, 3)))[:count]
    storage[places] = rare[generator.integers(0, rare.size, places.size)]
    return _laid_out(recipe, storage)


def _falsy(dtype: str) -> Array:
    zeros = [0.0, -0.0] if dtypes.is_floating(dtype) or dtypes.is_complex(dtype) else [0]
    return np.array(zeros).astype(numpy_dtype(dtype))


def _truthy(dtype: str) -> Array:
    if dtype == "uint8":
        # What all and any of uint8 make of other numbers is a clause of its own.
        return np.ones(1, np.uint8)
    values = pool(dtype, "any", 1)
    return np.asarray(values[values != 0])


def mostly_true(recipe: Recipe, dtype: str) -> Strided:
    """Return values that are not 0 (NaN and infinities among them), with zeros at few places."""
    return _planted(recipe, dtype, _truthy(dtype), _falsy(dtype))


def mostly_false(recipe: Recipe, dtype: str) -> Strided:
    """Return zeros of both signs, with other values at few places."""
    return _planted(recipe, dtype, _falsy(dtype), _truthy(dtype))


def any_values(recipe: Recipe, dtype: str) -> Strided:
    """Return values of the dtype: any, with NaN; finite ones; or small ones with one extreme, first or last of all."""
    if recipe.seed % 3 == 1 and dtype != "bool" and 0 not in recipe.size:
        return _with_extreme(recipe, dtype)
    return recipe.tensor(dtype, "any" if recipe.seed % 3 == 0 else "finite")


def _with_extreme(recipe: Recipe, dtype: str) -> Strided:
    structure = recipe.structure
    storage = recipe.tensor(dtype, "small").storage.copy()
    extreme = -100 if dtypes.is_signed(dtype) and recipe.seed % 2 else 100
    storage[structure.offset if recipe.seed % 5 == 0 else _last_place(recipe)] = extreme
    return _laid_out(recipe, storage)


def finite_values(recipe: Recipe, dtype: str) -> Strided:
    """Return values without NaN and infinities."""
    return recipe.tensor(dtype, "finite")


def moderate_values(recipe: Recipe, dtype: str) -> Strided:
    """Return values of a few units in size."""
    return recipe.tensor(dtype, "moderate")


def with_nans(maker: Maker) -> Maker:
    """Return a maker of the same tensors with NaN at a few places, of floating dtypes."""

    def make(recipe: Recipe, dtype: str) -> Strided:
        tensor = maker(recipe, dtype)
        if not dtypes.is_floating(dtype) or recipe.seed % 4 == 0 or not recipe.structure.length:
            return tensor
        storage = tensor.storage.copy()
        generator = np.random.default_rng([recipe.seed, *recipe.codes[:4], 3])
        storage[generator.permutation(_places(recipe, 7))[: 1 + recipe.seed % 5]] = np.nan
        return Strided(storage, tensor.size, tensor.stride, tensor.offset)

    return make


def plain(values: Array, dtype: str | None = None) -> Bounded:
    """Return an exact answer."""
    return Bounded(values, np.zeros(()), dtype or dtypes.name_of(values.dtype))


@dataclasses.dataclass(frozen=True)
class Reduction:
    """How a reduction is spelled and what it gives.

    Attributes:
        whole: Spellings that reduce all of `x`.
        over: Spellings with `dim` and `keepdim`.
        reference: (array, dim, keepdim) to the answer, or to the answers of a function with several.
        tensor: Makes inputs.
        several: Whether several dimensions may be given.
        refuses_empty: Whether reducing no elements is an error.
        whole_reference: (array,) to the answers over all of `x`, where they differ in kind.
        signed_zero: Whether the sign of a zero counts.
        scalar_dims: Whether 0-d tensors are judged with `dim` and `keepdim`.
    """

    whole: tuple[str, ...]
    over: tuple[str, ...]
    reference: Callable[..., Bounded | tuple[Bounded, ...]]
    tensor: Maker
    several: bool = True
    refuses_empty: bool = False
    whole_reference: Callable[..., Bounded | tuple[Bounded, ...]] | None = None
    signed_zero: bool = True
    scalar_dims: bool = True


def spelled(name: str, *, owner: str = "torch", method: bool = True, options: str = "") -> tuple[str, ...]:
    """Return the spellings of a reduction over dimensions: function and method, positional and by keyword."""
    rest = f", {options}" if options else ""
    found = [
        f"{owner}.{name}(x, dim, keepdim{rest})",
        f"{owner}.{name}(x, dim=dim, keepdim=keepdim{rest})",
        f"{owner}.{name}(input=x, keepdim=keepdim, dim=dim{rest})",
    ]
    if method:
        found += [f"x.{name}(dim, keepdim{rest})", f"x.{name}(dim=dim, keepdim=keepdim{rest})"]
    return tuple(found)


def dims_of(ndim: int, *, several: bool) -> list[Dims]:
    """Return `dim` arguments for a rank: each dimension counted from one end or the other, pairs, all."""
    if ndim == 0:
        return [0, -1]
    single: list[Dims] = [each - ndim if (each + ndim) % 2 else each for each in range(ndim)]
    single += [each if isinstance(each, int) and each < 0 else each - ndim for each in single if isinstance(each, int)]
    found: list[Dims] = list(dict.fromkeys(single))
    if several:
        found += [(0,), (-1,), tuple(range(ndim))]
        found += [(a, b - ndim) for a, b in itertools.combinations(range(ndim), 2)]
        found += [(b, a) for a, b in itertools.combinations(range(ndim), 2) if b - a > 1]
        found += [c for c in itertools.combinations(range(ndim), 3) if ndim > 3]
    return found


def chosen(recipe: Recipe, options: list[Any], count: int) -> list[Any]:
    """Return `count` of the options, others for other recipes."""
    if len(options) <= count:
        return options
    start = recipe.seed + sum(recipe.codes[:2])
    step = max(1, len(options) // count)
    return [options[(start + step * each) % len(options)] for each in range(count)]


def lightened(sweep: Iterable[Recipe]) -> Iterator[Recipe]:
    """Yield the recipes of a sweep, large ones every other time: they cost the most."""
    for recipe in sweep:
        if recipe.structure.length <= LARGE or (recipe.seed + sum(recipe.codes)) % 2:
            yield recipe


def rotating(spellings: tuple[str, ...], start: int, count: int) -> Iterator[str]:
    """Yield `count` of the spellings, beginning with another for another start."""
    for each in range(min(count, len(spellings))):
        yield spellings[(start + each) % len(spellings)]


def expect_answers(
    trial: Trial, spelling: str, answers: Bounded | tuple[Bounded, ...], *, signed_zero: bool = True
) -> None:
    """Compare a tensor, or each tensor of a tuple, with the reference."""
    __tracebackhide__ = True
    if isinstance(answers, Bounded):
        expect(trial, spelling, answers, signed_zero=signed_zero)
        return
    trial.run(f"r = {spelling}")
    for place, each in enumerate(answers):
        expect(trial, f"r[{place}]", each, signed_zero=signed_zero)


def _reduced_extent(size: tuple[int, ...], dim: Dims) -> int:
    if not size or dim is None:
        return int(np.prod(size, dtype=np.int64))
    return int(np.prod([size[each] for each in ((dim,) if isinstance(dim, int) else dim)], dtype=np.int64))


def judge_reduction(cell: Cell, reduction: Reduction, recipe: Recipe) -> None:
    """Compare a reduction of one tensor over many choices of dimensions with the reference."""
    __tracebackhide__ = True
    tensor = reduction.tensor(recipe, cell.dtype)
    array = tensor.array
    large = recipe.structure.length > LARGE or array.size > LARGE
    whole_reference = reduction.whole_reference or reduction.reference
    start = recipe.seed
    # A count that 5 spellings do not divide, so that every spelling meets every kind of dimension.
    spellings_each = 1 if large else 2
    if reduction.whole and not (reduction.refuses_empty and not array.size):
        trial = cell.trial(x=tensor)
        answers = whole_reference(array)
        for spelling in rotating(reduction.whole, start, 1 if large else 9):
            expect_answers(trial, spelling, answers, signed_zero=reduction.signed_zero)
    options = dims_of(len(recipe.size), several=reduction.several)
    if not recipe.size and not reduction.scalar_dims:
        options = []
    for number, dim in enumerate(chosen(recipe, options, 2 if large else 5)):
        if reduction.refuses_empty and not _reduced_extent(recipe.size, dim):
            continue
        keepdim = bool((start // 16 + number) % 2)
        listed = list(dim) if isinstance(dim, tuple) and number % 2 else dim
        trial = cell.trial(x=tensor, dim=listed, keepdim=keepdim)
        answers = reduction.reference(array, dim, keepdim=keepdim)
        for spelling in rotating(reduction.over, start + 3 * number, spellings_each):
            expect_answers(trial, spelling, answers, signed_zero=reduction.signed_zero)
