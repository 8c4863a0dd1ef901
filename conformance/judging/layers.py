"""Judge a layer in all its forms: as a module, as a function, and the gradients of its inputs and parameters.

A form is a few lines of torch code that end with `y`, and the tensors that gradients are asked of. Inputs are named
x, w, b (as far as there are any) and g, the gradient of the result.
"""

from __future__ import annotations

import dataclasses
import functools
import platform
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO, Rule, absolute
from torch_conformance.conformance.engine.trial import Trial
from torch_conformance.conformance.judging.accuracy import distance, roundings
from torch_conformance.reference.model.dtypes import finfo, numpy_dtype
from torch_conformance.reference.model.strided import Strided, row_major
from torch_conformance.reference.numerics.roundoff import unit_roundoff

Array = npt.NDArray[Any]
Item = TypeVar("Item")

HALF = ("float16", "bfloat16")
_SUMS_PLAINLY = platform.machine().lower() in ("x86_64", "amd64")
# What lies in a storage between the elements: whoever ignores strides meets it.
_BETWEEN = 7
LAYOUTS = 5
# Gives a module the weights of the trial; its parameters come in the order of its constructor's documentation.
LOAD = "with torch.no_grad(): [p.copy_(v) for p, v in zip(m.parameters(), (w, b))]"
MODULE_LEAVES = "(x, *m.parameters())"
LEAVES = "[t for t in (x, w, b) if t is not None]"


@dataclasses.dataclass(frozen=True)
class Form:
    """One way of writing a layer.

    Attributes:
        lines: Torch code; the last line defines y.
        leaves: What gradients are asked of, as a sequence.
    """

    lines: tuple[str, ...]
    leaves: str = LEAVES


def module(*lines: str) -> Form:
    """Return the form of a module `m` that is given weights and applied to x."""
    return Form((*lines, LOAD, "y = m(x)"), MODULE_LEAVES)


def function(*lines: str, leaves: str = LEAVES) -> Form:
    """Return the form of a function of x, w and b."""
    return Form(lines, leaves)


@dataclasses.dataclass(frozen=True)
class Answer:
    """An expected tensor, and how far a correct one may lie from it."""

    values: Array
    rule: Rule = UNSIGNED_ZERO


def within(values: Array, bound: Array | float) -> Answer:
    """Return an answer with an absolute bound per element."""
    return Answer(np.asarray(values), absolute(np.asarray(bound)))


@functools.cache
def unit(dtype: str) -> float:
    """Return half the distance from 1 to the next value of a dtype."""
    return unit_roundoff(dtype)


def within_bound(
    cell: Cell, operation: str, values: Array, magnitude: Array, *, terms: float = 0, condition: float = 0
) -> Answer:
    """Return an answer within the bound that accuracy.toml has for an operation in the cell's dtype.

    Args:
        cell: Where it ran.
        operation: As accuracy.toml names it.
        values: What is expected.
        magnitude: What roundings are relative to: mostly the sum of magnitudes of the terms.
        terms: How many terms were added.
        condition: The condition number.
    """
    # Below the normal numbers each rounding is to a multiple of the smallest.
    least = finfo(cell.dtype).smallest_subnormal * roundings(cell, operation, terms=terms, condition=condition)
    return within(values, distance(cell, operation, magnitude, terms=terms, condition=condition) + least)


def rounded(values: Array, magnitude: Array, cell: Cell, count: float) -> Answer:
    """Return an answer of `count` roundings in the cell's dtype, relative to the sum of magnitudes of the terms."""
    # Below the normal numbers each rounding is to a multiple of the smallest.
    least = finfo(cell.dtype).smallest_subnormal
    return within(values, count * (unit(cell.dtype) * np.abs(magnitude) + least))


def nearly_whole(values: Array, magnitude: Array, cell: Cell) -> Answer:
    """Return whole numbers summed by an algorithm that torch chooses.

    Plain summation gives them exactly, and so do the processors that it was tried on.
    """
    if cell.torch_device.type == "cpu" and _SUMS_PLAINLY:
        return Answer(values)
    summed = "float64" if cell.dtype == "float64" else "float32"
    return within(values, distance(cell, "nn.conv.whole", np.asarray(magnitude, dtype=np.float64), dtype=summed))


def arranged(array: Array, dtype: str, turn: int = 0) -> Strided:
    """Return the elements as a tensor in one of five memory layouts."""
    values = np.asarray(array).astype(numpy_dtype(dtype))
    layout = turn % LAYOUTS
    if layout == 0 or not values.ndim:
        return Strided.from_array(values)
    if layout == 1:
        storage = np.full(values.size + 5, _BETWEEN, dtype=values.dtype)
        storage[3 : 3 + values.size] = values.ravel()
        return Strided(storage, values.shape, row_major(values.shape), 3)
    if layout == 2:
        storage = np.full(2 * values.size + 2, _BETWEEN, dtype=values.dtype)
        storage[1 : 1 + 2 * values.size : 2] = values.ravel()
        return Strided(storage, values.shape, tuple(2 * step for step in row_major(values.shape)), 1)
    order = list(reversed(range(values.ndim)))
    if layout == 4 and values.ndim > 2:
        order = [0, *range(2, values.ndim), 1]
    moved = values.transpose(order)
    stride = [0] * values.ndim
    for dim, step in zip(order, row_major(moved.shape), strict=True):
        stride[dim] = step
    return Strided(moved.ravel(), values.shape, tuple(stride), 0)


def whole(generator: np.random.Generator, size: Sequence[int], limit: int = 2) -> Array:
    """Return whole numbers from -limit to limit, as float64."""
    return generator.integers(-limit, limit, tuple(size), endpoint=True).astype(np.float64)


# Cases per cell by profile: of float32, of float64, of a half-width dtype. All others judge whole tables.
_CASES = {"smoke": (6, 6, 3), "standard": (16, 10, 5)}


def selected(cell: Cell, cases: Sequence[Item], *, scale: float = 1) -> list[tuple[int, Item]]:
    """Return the cases of a table that the cell judges, numbered: a drawn part, or all where there is time."""
    if cell.profile.name not in _CASES:
        return list(enumerate(cases))
    column = 2 if cell.dtype in HALF else 1 if cell.dtype == "float64" else 0
    count = round(_CASES[cell.profile.name][column] * scale)
    if count >= len(cases):
        return list(enumerate(cases))
    chosen = sorted(cell.generator().permutation(len(cases))[:count])
    return [(int(number), cases[int(number)]) for number in chosen]


def _expect(trial: Trial, expression: str, answer: Answer, dtype: str) -> None:
    __tracebackhide__ = True
    values = answer.values
    if answer.rule.is_exact:
        # In the result's own dtype equal bits are seen at once.
        values = values.astype(numpy_dtype(dtype))
    trial.expect(expression, values, answer.rule, dtype=dtype)


def _run(trial: Trial, form: Form) -> None:
    for line in form.lines:
        trial.run(line)


def judge_values(cell: Cell, inputs: Mapping[str, Any], forms: Sequence[Form], answer: Answer) -> Trial:
    """Compare the result of every form."""
    __tracebackhide__ = True
    trial = cell.trial(**inputs)
    for form in forms:
        _run(trial, form)
        _expect(trial, "y", answer, cell.dtype)
    return trial


def judge_gradients(
    cell: Cell,
    inputs: Mapping[str, Any],
    forms: Sequence[Form],
    answers: Sequence[Answer],
    *,
    leaves: str = "x w b",
    value: Answer | None = None,
) -> Trial:
    """Compare the gradients of every form, in the order of its leaves, and where `value` is given y itself.

    `g` is the gradient of y. Layers may take another way where a graph is recorded: y is then judged here as well.
    """
    __tracebackhide__ = True
    trial = cell.trial(**inputs)
    for name in leaves.split():
        if inputs.get(name) is not None:
            trial.run(f"{name}.requires_grad_()")
    for form in forms:
        _run(trial, form)
        if value is not None:
            _expect(trial, "y", value, cell.dtype)
        trial.run(f"d = torch.autograd.grad(y, {form.leaves}, g)")
        for number, answer in enumerate(answers):
            _expect(trial, f"d[{number}]", answer, cell.dtype)
    return trial


def plainly(turn: int, size: Sequence[int]) -> int:
    """Return the turn, or 0 where it would lay out a tensor of these sizes with its second dimension innermost."""
    return 0 if turn % LAYOUTS == LAYOUTS - 1 and len(size) > 2 else turn


def constant(size: Sequence[int], dtype: str, value: float = 1) -> Strided:
    """Return a tensor whose elements are all one element of storage, as the gradient of a sum is."""
    return Strided(np.array([value]).astype(numpy_dtype(dtype)), tuple(size), (0,) * len(size), 0)
