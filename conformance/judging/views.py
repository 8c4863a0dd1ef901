"""How a tensor that torch gives is compared with a strided tensor of the model: layout, elements, memory, errors."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.inputs.recipes import Recipe, Structure, Sweep
from torch_conformance.conformance.judging.operations import (
    LARGE_STRUCTURES,
    SMALL_STRUCTURES,
    Row,
    ViewCall,
    accepted,
    counting,
    refused,
    some,
)
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops.views_memory import address

Array = npt.NDArray[Any]
Rows = tuple[Row, ...]

# The wide unsigned types have limited support: not every kernel that a memory check needs.
_LIMITED = ("uint16", "uint32", "uint64")
_DTYPES = tuple(name for name in TORCH_DTYPES if name not in _LIMITED)
_MANY = 5_000
_WHOLE = "torch.as_strided(x, (total,), (1,), 0)"
_EXACT = "(tuple(y.shape), y.stride(), y.storage_offset())"
_EXACT_EMPTY = "(tuple(y.shape), y.stride())"
# No address depends on the stride of a dimension of size 1, nor on any stride or offset of a tensor without elements.
_SETTLED = "(tuple(y.shape), [step for extent, step in zip(y.shape, y.stride()) if extent != 1], y.storage_offset())"
_SETTLED_EMPTY = "(tuple(y.shape), 'no elements')"
_PIECES = {form: f"[{form} for y in ys]" for form in (_EXACT, _EXACT_EMPTY, _SETTLED, _SETTLED_EMPTY)}


def _layout(answer: Strided, form: str) -> tuple[Any, ...]:
    """Return what an expression for the layout gives."""
    if form == _EXACT:
        return answer.size, answer.stride, answer.offset
    if form == _EXACT_EMPTY:
        return answer.size, answer.stride
    if form == _SETTLED_EMPTY:
        return answer.size, "no elements"
    settled = [step for extent, step in zip(answer.size, answer.stride, strict=True) if extent != 1]
    return answer.size, settled, answer.offset


def expect_layout(trial: Trial, spelling: str, answer: Any, *, exact: bool) -> None:
    """Compare size, and where they are settled strides and offset, of one tensor or of several."""
    __tracebackhide__ = True
    pieces = isinstance(answer, tuple)
    # The offset of pieces without elements is as free as that of a tensor.
    hollow = any(not piece.numel for piece in answer) if pieces else not answer.numel
    form = (_EXACT_EMPTY if hollow else _EXACT) if exact else (_SETTLED_EMPTY if hollow else _SETTLED)
    if pieces:
        trial.run(f"ys = {spelling}")
        trial.expect_equal(_PIECES[form], [_layout(piece, form) for piece in answer])
    else:
        trial.run(f"y = {spelling}")
        trial.expect_equal(form, _layout(answer, form))


_PLAIN = tuple(each for each in SMALL_STRUCTURES if each.size == (2, 3) and each.layout in ("contiguous", "transposed"))


def structures(cell: Cell, rng: np.random.Generator, small: int, large: int) -> list[Structure]:
    """Return structures drawn for a cell: small ones of every kind, and some of many elements."""
    scale = {"smoke": 0.2, "standard": 1}.get(cell.profile.name, 6)
    counts = (math.ceil(count * scale) for count in (small, large))
    drawn = (some(rng, found, count) for found, count in zip((SMALL_STRUCTURES, LARGE_STRUCTURES), counts, strict=True))
    # Few are drawn in a quick profile: the plain ones at the end see to it that every property has something to judge.
    return [*(each for found in drawn for each in found), *_PLAIN]


def tensors(
    cell: Cell, rng: np.random.Generator, small: int = 200, large: int = 12, dtypes: tuple[str, ...] = _DTYPES
) -> list[Strided]:
    """Return tensors of drawn structures, in each of the dtypes in turn or in the cell's."""
    drawn = structures(cell, rng, small, large)
    if cell.dtype in TORCH_DTYPES:
        dtypes = (cell.dtype,)
    start = int(rng.integers(len(dtypes)))
    return [counting(each, dtypes[(start + turn) % len(dtypes)]) for turn, each in enumerate(drawn)]


def judge_layout(cell: Cell, rows: Rows) -> None:
    """Compare size, stride and offset of what every spelling gives."""
    rng = cell.generator()
    for x in tensors(cell, rng):
        for call in accepted(rows, x, rng, 3):
            trial = cell.trial(x=x, **call.arguments)
            for spelling in call.spellings(call.row.spellings):
                expect_layout(trial, spelling, call.answer, exact=call.row.exact)


def _of_rank(count: int) -> list[Structure]:
    """Return structures of so many dimensions, at least two of which have several positions."""
    return [each for each in SMALL_STRUCTURES if len(each.size) == count and sum(n > 1 for n in each.size) > 1]


_MATRICES, _CUBES = _of_rank(2), _of_rank(3)


def _besides(sweep: Sweep) -> Iterator[Recipe]:
    """Yield recipes for operations that few recipes of a sweep are of use to."""
    for recipe in sweep.recipes[:1]:
        rng = np.random.default_rng([*recipe.codes[4:8], recipe.seed])
        for structure in (*some(rng, _MATRICES, 2), *some(rng, _CUBES, 1)):
            yield dataclasses.replace(recipe, structure=structure)


def judge_elements(cell: Cell, rows: Rows, sweep: Sweep) -> None:
    """Compare every element of what the spellings give, for the sweep and for some matrices and cubes besides."""
    calls = 2 if len(rows) < 3 else 1
    for recipe in (*sweep, *_besides(sweep)):
        large = recipe.structure.length > _MANY
        rng = _generator(recipe, cell)
        x = recipe.tensor(cell.dtype)
        for call in accepted(rows, x, rng, 1 if large else calls):
            trial = cell.trial(x=x, **call.arguments)
            for spelling in some(rng, call.spellings(call.row.spellings), 1 if large else 2):
                _expect_elements(trial, spelling, call.answer)


def _generator(recipe: Recipe, cell: Cell) -> np.random.Generator:
    return np.random.default_rng([*recipe.codes[:4], recipe.seed, cell.seed % 2**32])


def _expect_elements(trial: Trial, spelling: str, answer: Any) -> None:
    __tracebackhide__ = True
    if isinstance(answer, Strided):
        trial.expect(spelling, answer.array)
        return
    trial.run(f"ys = {spelling}")
    trial.expect_equal("len(ys)", len(answer))
    for place in sorted({0, len(answer) // 2, len(answer) - 1}) if answer else ():
        trial.expect(f"ys[{place}]", answer[place].array)


def _pieces(spelling: str, answer: Any, rng: np.random.Generator) -> tuple[str, Strided | None]:
    """Return a statement that binds y to a tensor, one with elements if there are several, and the model's tensor."""
    if isinstance(answer, Strided):
        return f"y = {spelling}", answer if answer.numel else None
    full = [place for place, piece in enumerate(answer) if piece.numel]
    if not full:
        return "", None
    place = full[int(rng.integers(len(full)))]
    return f"y = {spelling}[{place}]", answer[place]


def position(x: Strided, rng: np.random.Generator) -> tuple[int, ...]:
    """Return the index of an element."""
    return tuple(int(rng.integers(extent)) for extent in x.size)


def inverted(storage: Array) -> Array:
    """Return other values in every place of the storage of `counting`."""
    return ~storage if storage.dtype.kind == "b" else (98 - storage.real).astype(storage.dtype) + storage.dtype.type(1)


def expect_shared(trial: Trial, x: Strided, y: Strided, rng: np.random.Generator) -> None:
    """Check that y reads and writes the memory of x: by address, by a write to y, and by a write to x's storage.

    The trial has x, y, the `total` length of the storage of x, and `fresh`, other values for it.
    """
    __tracebackhide__ = True
    at = position(y, rng)
    after = x.storage.copy()
    there = after.view(y.storage.dtype)
    value = int(there[address(y, at)] == 0)
    there[address(y, at)] = value
    trial.expect_true("y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()", "both use one storage")
    trial.run(f"y[{at}] = {value}")
    trial.expect(_WHOLE, after)
    fresh = inverted(x.storage)
    trial.run(f"{_WHOLE}.copy_(fresh)")
    trial.expect("y", Strided(fresh.view(y.storage.dtype), y.size, y.stride, y.offset).array)


def memory_trial(cell: Cell, x: Strided, arguments: dict[str, Any]) -> Trial:
    """Begin a transcript that can write to the storage of x as a whole."""
    fresh = Strided.from_array(inverted(x.storage))
    return cell.trial(x=x, total=x.storage.size, fresh=fresh, **arguments)


def judge_sharing(cell: Cell, rows: Rows) -> None:
    """Check that what every spelling gives shares memory with x wherever the model's answer does."""
    rng = cell.generator()
    found = tensors(cell, rng, 60, 3)
    for number, x in enumerate(found):
        # What is drawn may give no element; the plain tensors at the end are tried more often.
        for call in accepted(rows, x, rng, 1 if number < len(found) - len(_PLAIN) else 6):
            for spelling in call.spellings(call.row.spellings):
                statement, answer = _pieces(spelling, call.answer, rng)
                if answer is None or not np.shares_memory(answer.storage, x.storage):
                    continue
                trial = memory_trial(cell, x, call.arguments)
                trial.run(statement)
                expect_shared(trial, x, answer, rng)


def judge_copying(cell: Cell, rows: Rows) -> None:
    """Check that what every spelling gives has memory of its own, and is contiguous, wherever the model copies."""
    rng = cell.generator()
    for x in tensors(cell, rng, 120, 6):
        for call in accepted(rows, x, rng, 2):
            answer = call.answer
            if not answer.numel or np.shares_memory(answer.storage, x.storage):
                continue
            trial = memory_trial(cell, x, call.arguments)
            for spelling in call.spellings(call.row.spellings):
                trial.run(f"y = {spelling}")
                trial.expect_true(
                    "y.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()", "the copy has its own storage"
                )
                trial.expect_true("y.is_contiguous()", "the copy is contiguous")
            trial.run("y.fill_(0)")
            trial.expect(_WHOLE, x.storage)
            trial.run(f"{_WHOLE}.copy_(fresh)")
            trial.expect("y", np.zeros(answer.size, answer.storage.dtype))


def judge_in_place(cell: Cell, rows: Rows) -> None:
    """Check that in-place spellings return self, change its layout as the model does, and leave its memory."""
    rng = cell.generator()
    for x in tensors(cell, rng, 80, 4):
        for call in accepted(rows, x, rng, 2):
            for spelling in call.row.in_place:
                trial = cell.trial(x=x, total=x.storage.size, **call.arguments)
                trial.run("memory = x.untyped_storage().data_ptr()")
                trial.expect_true(f"{spelling} is x", "the tensor itself is returned")
                expect_layout(trial, "x", call.answer, exact=call.row.exact)
                trial.expect_true("x.untyped_storage().data_ptr() == memory", "the storage stays")
                trial.expect("x", call.answer.array)


def expect_refused(cell: Cell, x: Strided, call: ViewCall, rng: np.random.Generator) -> None:
    """Check the exception of drawn spellings, and that x stays as it was.

    A refusal costs as much as a thousand answers in some versions of torch.
    """
    __tracebackhide__ = True
    trial = cell.trial(x=x, total=x.storage.size, **call.arguments)
    for spelling in some(rng, call.spellings(call.row.spellings + call.row.in_place), 4):
        trial.expect_error(spelling, *(call.row.refusals or (call.answer,)))
    trial.expect_equal("(tuple(x.shape), x.stride(), x.storage_offset())", (x.size, x.stride, x.offset))
    trial.expect(_WHOLE, x.storage)


def judge_refusals(cell: Cell, rows: Rows, small: int = 40) -> None:
    """Check that every spelling refuses what the model refuses, changes nothing, and works in the next call."""
    rng = cell.generator()
    for x in tensors(cell, rng, small, 2):
        for call in refused(rows, x, rng, 2):
            expect_refused(cell, x, call, rng)
        for call in accepted(rows[:1], x, rng, 1):
            trial = cell.trial(x=x, **call.arguments)
            spelling = some(rng, call.spellings(call.row.spellings), 1)[0]
            expect_layout(trial, spelling, call.answer, exact=call.row.exact)


def judge_gradient(cell: Cell, rows: Rows, dtype: str = "float64") -> None:
    """Check that weights given to the elements of a view come back as the gradient of the elements of x."""
    rng = cell.generator()
    for structure in structures(cell, rng, 12, 1):
        if _overlaps(structure):
            continue
        # The values of `places` are addresses, in a copy of it too.
        places = Strided(
            np.arange(structure.length, dtype=np.float64), structure.size, structure.stride, structure.offset
        )
        x = counting(structure, dtype)
        for call in accepted(rows, places, rng, 1):
            answers = call.answer if isinstance(call.answer, tuple) else (call.answer,)
            if not answers:
                continue
            weights = [np.asarray(rng.integers(1, 9, each.size), dtype=np.float64) for each in answers]
            expected = np.zeros(structure.length)
            for answer, weight in zip(answers, weights, strict=True):
                np.add.at(expected, answer.array.astype(np.int64), weight)
            given = [Strided.from_array(weight.astype(x.storage.dtype)) for weight in weights]
            trial = cell.trial(x=x, weights=given, **call.arguments)
            trial.run("x.requires_grad_()")
            for spelling in some(rng, call.spellings(call.row.spellings), 2):
                form = spelling if isinstance(call.answer, tuple) else f"[{spelling}]"
                trial.run(f"g, = torch.autograd.grad({form}, [x], weights)")
                trial.expect("g", expected[places.array.astype(np.int64)].astype(x.storage.dtype))


def _overlaps(structure: Structure) -> bool:
    tensor = Strided(np.zeros(structure.length, dtype=np.bool_), structure.size, structure.stride, structure.offset)
    return np.unique(tensor.addresses()).size != tensor.numel
