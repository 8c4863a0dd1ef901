"""Calls of view operations: every spelling, arguments drawn for a tensor, and what the strided model answers."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Structure
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided

Arguments = dict[str, Any]
Answer = Strided | tuple[Strided, ...]
Candidates = Callable[[Strided, np.random.Generator], Sequence[Arguments]]


def _none(x: Strided, rng: np.random.Generator) -> list[Arguments]:  # noqa: ARG001
    return []


def no_arguments(x: Strided, rng: np.random.Generator) -> list[Arguments]:  # noqa: ARG001
    """Return the one call without arguments."""
    return [{}]


@dataclasses.dataclass(frozen=True)
class Row:
    """One way of calling an operation.

    Attributes:
        spellings: Expressions in `x` and the names of the arguments.
        answer: The model; given the tensor and the arguments.
        candidates: Arguments that the model accepts, for a tensor.
        refused: Arguments that the model refuses.
        in_place: Expressions that change `x` itself.
        refusals: Exceptions that are accepted where the model's is not documented and torch's varies.
        exact: Whether strides are settled even where no address depends on them: kept dimensions keep theirs.
    """

    spellings: tuple[str, ...]
    answer: Callable[..., Answer]
    candidates: Candidates = no_arguments
    refused: Candidates = _none
    in_place: tuple[str, ...] = ()
    refusals: tuple[type[Exception], ...] = ()
    exact: bool = False


@dataclasses.dataclass(frozen=True)
class ViewCall:
    """A row with arguments, and the model's answer or the exception that it raises."""

    row: Row
    arguments: Arguments
    answer: Any

    def spellings(self, forms: tuple[str, ...]) -> tuple[str, ...]:
        """Return the spellings that these arguments allow; nothing can be unpacked into a call of *sizes."""
        hollow = [f"(*{name})" for name, value in self.arguments.items() if value in ((), [])]
        return tuple(form for form in forms if not any(each in form for each in hollow))


def some(rng: np.random.Generator, values: Sequence[Any], count: int) -> list[Any]:
    """Return at most `count` of the values, drawn without order."""
    if len(values) <= count:
        return list(values)
    return [values[place] for place in rng.choice(len(values), count, replace=False)]


def accepted(rows: Sequence[Row], x: Strided, rng: np.random.Generator, count: int) -> Iterator[ViewCall]:
    """Yield calls that the model answers, at most `count` of each row."""
    for row in rows:
        for arguments in some(rng, row.candidates(x, rng), count):
            yield ViewCall(row, arguments, row.answer(x, **arguments))


def refused(rows: Sequence[Row], x: Strided, rng: np.random.Generator, count: int) -> Iterator[ViewCall]:
    """Yield calls that the model refuses; their answer is the type of the exception."""
    for row in rows:
        for arguments in some(rng, row.refused(x, rng), count):
            try:
                row.answer(x, **arguments)
            except IndexError:
                yield ViewCall(row, arguments, IndexError)
            except RuntimeError:
                yield ViewCall(row, arguments, RuntimeError)


def valid_dims(ndim: int) -> range:
    """Return every dimension, counted from either end; a tensor without dimensions counts as having one."""
    return range(-max(ndim, 1), max(ndim, 1))


def invalid_dims(ndim: int) -> tuple[int, ...]:
    """Return dimensions just beyond either end, and far beyond."""
    count = max(ndim, 1)
    return (count, -count - 1, count + 7, -count - 100)


def either_sign(dims: Sequence[int], ndim: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return the dimensions, some of them counted from the end."""
    return tuple(dim - ndim * int(negative) for dim, negative in zip(dims, rng.integers(0, 2, len(dims)), strict=True))


# Strides that slicing a dense tensor does not give: overlapping, shuffled, mergeable in part, with steps throughout.
ODD_STRUCTURES = tuple(
    Structure("odd", 2 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)), size, stride, offset)
    for size, stride, offset in (
        *(((3, 4), (1, 1), 0), ((3, 4), (4, 0), 3), ((3, 4), (0, 0), 1), ((2, 3), (10, 3), 7), ((4,), (3,), 2)),
        *(((2, 2, 3), (1, 2, 4), 0), ((2, 3, 4), (4, 8, 1), 1), ((2, 3, 4), (12, 1, 3), 2), ((4, 6), (12, 2), 5)),
        *(((2, 3, 4), (24, 8, 2), 3), ((2, 3, 4), (0, 4, 1), 1), ((2, 3, 4), (4, 0, 1), 2), ((2, 3, 4), (1, 2, 6), 0)),
        *(((1, 4), (0, 1), 4), ((2, 1, 3), (3, 0, 1), 0), ((2, 1, 3), (3, 50, 1), 6), ((3, 3), (2, 2), 1)),
        *(((2, 2, 2), (6, 3, 1), 2), ((2, 2, 6), (24, 12, 2), 0), ((2, 3, 2, 2), (1, 8, 4, 2), 3)),
        *(((2, 3, 2, 2), (12, 1, 6, 3), 1), ((2, 2, 3, 2), (2, 4, 8, 1), 0), ((6, 4), (1, 6), 2), ((1, 1), (9, 5), 3)),
        *(((2, 3, 4, 2), (0, 0, 2, 1), 0), ((2, 3, 2, 1, 2), (12, 1, 6, 77, 3), 0), ((0, 4), (3, 5), 2)),
        *(((2, 0, 3), (0, 1, 2), 9), ((12, 12), (12, 1), 0), ((4, 6), (6, 1), 2)),
    )
)
SMALL_STRUCTURES = (
    *(each for name in ("scalar", "small", "empty") for each in SIZE_CLASSES[name]),
    *ODD_STRUCTURES,
)
LARGE_STRUCTURES = (*SIZE_CLASSES["tail"], *SIZE_CLASSES["grain"])


def counting(structure: Structure, dtype: str) -> Strided:
    """Return a tensor whose storage counts 1, 2, ... 97 and again; parts of complex numbers differ, bools alternate."""
    numbers = np.arange(structure.length) % 97 + 1
    if dtype == "bool":
        storage = numbers % 2 == 1
    elif dtype.startswith("complex"):
        storage = (numbers - 1j * (numbers + 3)).astype(numpy_dtype(dtype))
    else:
        storage = numbers.astype(numpy_dtype(dtype))
    return Strided(storage, structure.size, structure.stride, structure.offset)


def factors(numel: int) -> list[tuple[int, int]]:
    """Return the ways to write a positive number as a product of two, both above 1."""
    return [(low, numel // low) for low in range(2, min(numel, 1_000)) if numel % low == 0 and numel // low > 1]


def other_sizes(x: Strided, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Return sizes with as many elements as x: dimensions merged, split, of size 1 added or dropped, and shuffled."""
    size, numel = x.size, x.numel
    found = [size, (*size, 1), (1, *size), tuple(extent for extent in size if extent != 1)]
    for dim in range(x.ndim - 1):
        found += [(*size[:dim], size[dim] * size[dim + 1], *size[dim + 2 :])]
        found += [(*size[:dim], 1, size[dim] * size[dim + 1], *size[dim + 2 :])]
    for dim, extent in enumerate(size):
        found += [(*size[:dim], *pair, *size[dim + 1 :]) for pair in factors(extent)[:3]]
    if x.ndim >= 3:
        found += [(math.prod(size[:-1]), size[-1]), (size[0], math.prod(size[1:]))]
    found += [(numel,), (1, numel), (numel, 1, 1), tuple(reversed(size))]
    found += [pair for pair in some(rng, factors(numel), 3) for pair in (pair, (*pair, 1))]
    if not numel:
        found += [(0,), (0, 5), (3, 0, 2), (0, 0)]
    return list(dict.fromkeys(each for each in found if math.prod(each) == numel))


def with_unknown(size: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    """Return a size with one of its dimensions written as -1, where the others determine it."""
    places = [place for place in range(len(size)) if math.prod(size[:place] + size[place + 1 :])]
    if not places:
        return size
    place = places[int(rng.integers(len(places)))]
    return (*size[:place], -1, *size[place + 1 :])


def refused_sizes(x: Strided) -> list[tuple[int, ...]]:
    """Return sizes that do not have as many elements as x, or are no sizes."""
    numel = x.numel
    found = [(numel + 1,), (2, numel + 1), (-1, -1), (-2, max(numel, 1)), (-1, numel + 1, 2)]
    found += [(max(numel - 1, 0),)] if numel else [(1,), (-1, 0), (0, -1, 3), (2, 3)]
    found += [(0,), (-1, 0), (0, -1)] if numel else []
    found += [()] if numel != 1 else []
    return found


def permutations(ndim: int, rng: np.random.Generator, count: int = 6) -> list[tuple[int, ...]]:
    """Return orders of dimensions, some dimensions counted from the end."""
    if ndim <= 3:
        orders = list(itertools.permutations(range(ndim)))
    else:
        orders = [tuple(int(dim) for dim in rng.permutation(ndim)) for _ in range(count)]
    return [either_sign(order, ndim, rng) for order in orders]
