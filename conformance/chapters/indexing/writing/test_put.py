"""Clauses on index_put: values, accumulation, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import example, given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.index_expressions import (
    LAYOUTS,
    MANY,
    STANDING_WITH_DIMENSIONS,
    STORAGE,
    WITH_DIMENSIONS,
    Choices,
    advanced_index,
    filled,
    laid_out,
    one,
    selected,
    value_for,
    whole,
)
from torch_conformance.conformance.inputs.recipes import Recipe, Sweep, sweeps
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import indexing

Array = npt.NDArray[Any]

_PUT = (
    "torch.index_put(x, places, value)",
    "x.index_put(places, value)",
    "x.index_put(indices=places, values=value, accumulate=False)",
    "torch.index_put(x, list(places), value, False)",
    "x.clone().index_put_(places, value)",
)
_PUT_IN_PLACE = (
    "x.index_put_(places, value)",
    "x.index_put_(indices=places, values=value)",
    "torch.index_put_(x, places, value, accumulate=False)",
)
_ADD = (
    "torch.index_put(x, places, value, accumulate=True)",
    "x.index_put(places, value, True)",
    "x.index_put(indices=places, values=value, accumulate=True)",
)
_ADD_IN_PLACE = (
    "x.index_put_(places, value, accumulate=True)",
    "x.index_put_(indices=places, values=value, accumulate=True)",
    "torch.index_put_(x, places, value, True)",
)


def _places(recipe: Recipe, choices: Choices, *, distinct: bool) -> tuple[Array, ...]:
    """Return index arrays for the leading dimensions, or a mask."""
    if choices.pick(4) == 3:
        return (choices.mask(recipe.size),)
    index = advanced_index(recipe.size[:1], choices, distinct=distinct)
    places = [each for each in index if isinstance(each, np.ndarray)]
    if len(recipe.size) > 1 and recipe.size[1] and choices.pick(2):
        places.append(choices.integers(-recipe.size[1], recipe.size[1], places[0].shape))
    return tuple(places)


def _judge_put(cell: Cell, sweep: Sweep, spellings: tuple[str, ...], in_place: tuple[str, ...], *, add: bool) -> None:
    for recipe in sweep:
        choices = Choices(recipe, 1)
        x = recipe.tensor(cell.dtype, "small" if add else "any")
        places = _places(recipe, choices, distinct=not add)
        size = selected(recipe.size, places)
        value = value_for(size, choices, cell.dtype, "small" if add else "any")
        if len(value.size) > len(size):
            value = one(cell.dtype)
        array = _few(value.array) if add else value.array
        value = Strided.from_array(array)
        inputs = {
            "places": tuple(laid_out(each, LAYOUTS[choices.pick(4)]) for each in places),
            "value": value,
            **whole(x),
        }
        storage = indexing.accumulated(x, places, array) if add else indexing.written(x, places, array)
        expected = Strided(storage, x.size, x.stride, x.offset)
        trial = cell.trial(x=x, **inputs)
        for spelling in spellings if x.numel < MANY else spellings[:1]:
            trial.expect(spelling, expected)
        trial.expect("x", x)
        for spelling in in_place if x.numel < MANY else (in_place[recipe.codes[5] % len(in_place)],):
            trial = cell.trial(x=x, **inputs)
            trial.expect_true(f"({spelling}) is x", "an in-place method returns its tensor")
            trial.expect(STORAGE, storage)


def _few(values: Array) -> Array:
    """Return values of at most 2 in size: several dozen add up exactly in every dtype."""
    return np.where(np.abs(values) > 2, np.ones((), dtype=values.dtype), values).astype(values.dtype)


@clause("indexing.index-put.writes-values")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, overlapping=False))
def test_index_put(cell: Cell, sweep: Sweep) -> None:
    _judge_put(cell, sweep, _PUT, _PUT_IN_PLACE, add=False)


@clause("indexing.index-put.accumulates-duplicates")
@example(sweep=STANDING_WITH_DIMENSIONS)
@given(sweep=sweeps(classes=WITH_DIMENSIONS, overlapping=False))
def test_index_put_accumulates(cell: Cell, sweep: Sweep) -> None:
    _judge_put(cell, sweep, _ADD, _ADD_IN_PLACE, add=True)


@clause("indexing.index-put.accumulates-very-many")
def test_index_put_accumulates_very_many(cell: Cell) -> None:
    generator = cell.generator()
    for size in ((33_333,), (20_001, 3)):
        x = filled(generator, size, cell.dtype, "small")
        index = generator.integers(-size[0], size[0], 40_001)
        value = _few(filled(generator, (40_001, *size[1:]), cell.dtype, "small"))
        tensor = laid_out(x, LAYOUTS[int(generator.integers(0, 4))])
        trial = cell.trial(
            x=tensor,
            places=(Strided.from_array(index),),
            value=laid_out(value, LAYOUTS[int(generator.integers(0, 4))]),
            **whole(tensor),
        )
        trial.run("x.index_put_(places, value, accumulate=True)")
        trial.expect(STORAGE, indexing.accumulated(tensor, index, value))


@clause("indexing.index-put.refuses-another-dtype")
def test_index_put_refuses_another_dtype(cell: Cell) -> None:
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    trial = cell.trial(
        x=Strided.from_array(x),
        double=Strided.from_array(np.ones(4)),
        long=Strided.from_array(np.ones((2, 4), dtype=np.int64)),
        i=Strided.from_array(np.array([2, 0])),
        real=Strided.from_array(np.array([2.0, 0.0])),
    )
    for statement in (
        "x.index_put_((i,), double)",
        "x.index_put((i,), long)",
        "torch.index_put(x, (i,), double, accumulate=True)",
        "x.index_put_((real,), double.float())",
        "x.index_put_((i, i, i), double.float())",
    ):
        trial.expect_error(statement, RuntimeError, IndexError)
        trial.expect("x", x)
    trial.expect(
        "x.index_put((i,), double.float())", indexing.written(Strided.from_array(x), np.array([2, 0]), 1).reshape(3, 4)
    )
