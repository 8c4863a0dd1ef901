"""Calls whose gradients are judged: an expression of torch, and the same in operations of the tape."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.chapters.autograd.derivatives.cases import (
    LAYOUTS,
    laid_out,
    moderate_values,
    small_values,
)
from torch_conformance.conformance.engine.bounds import expect
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics import tape
from torch_conformance.reference.numerics.tape import Variable

Array = npt.NDArray[Any]
Size = tuple[int, ...]
Maker = Callable[[str, Size, np.random.Generator], Array]
NAMES = ("x", "y", "z")


def distinct(dtype: str, size: Size, generator: np.random.Generator) -> Array:
    """Return whole numbers around zero, none of them twice."""
    count = int(np.prod(size, dtype=np.int64))
    return np.asarray(generator.permutation(count) - count // 2).reshape(size).astype(numpy_dtype(dtype))


def factors(dtype: str, size: Size, generator: np.random.Generator) -> Array:
    """Return numbers whose products stay small: signs, halves, twos, and now and then a zero."""
    choices = np.array([1, -1, 2, -2, 0.5, -0.5, 3, 1.5, 1, 0])
    return np.asarray(choices[generator.integers(0, choices.size, size)]).astype(numpy_dtype(dtype))


def positive(dtype: str, size: Size, generator: np.random.Generator) -> Array:
    """Return values between 1/4 and 4."""
    return np.asarray(generator.uniform(0.25, 4, size)).astype(numpy_dtype(dtype))


def whole(dtype: str, size: Size, generator: np.random.Generator) -> Array:
    """Return multiples of 1/2 of at most 4 in size."""
    return small_values(dtype, size, generator)


def moderate(dtype: str, size: Size, generator: np.random.Generator) -> Array:
    """Return values between -2 and 2."""
    return moderate_values(dtype, size, generator)


@dataclasses.dataclass(frozen=True)
class DerivedCall:
    """A differentiable expression.

    Attributes:
        text: Torch code in x (y, z) and the extras.
        reference: The same of variables.
        sizes: Of x, y, z.
        extras: Further inputs by name, which need no gradient.
        values: What the elements are.
    """

    text: str
    reference: Callable[..., Variable]
    sizes: tuple[Size, ...]
    extras: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    values: Maker = whole


def placed(text: str, size: Size, place: Callable[[Array], Array], **extras: Any) -> DerivedCall:
    """Return a call that takes elements of x to places: `place` does it to an array of any elements."""
    return DerivedCall(text, lambda x: tape.taken(x, place(tape.places_of(x.shape))), (size,), extras)


def _input(value: Any) -> Any:
    return Strided.from_array(value) if isinstance(value, np.ndarray) else value


def judge(cell: Cell, call: DerivedCall, generator: np.random.Generator, turn: int) -> None:
    """Judge the gradients of a call by every operand, from operands and an incoming gradient of drawn layouts."""
    __tracebackhide__ = True
    names = NAMES[: len(call.sizes)]
    arrays = [call.values(cell.dtype, size, generator) for size in call.sizes]
    variables = [tape.variable(each, cell.dtype) for each in arrays]
    result = call.reference(*variables)
    g = small_values(cell.dtype, result.shape, generator)
    expected = tape.gradients(result, variables, tape.variable(g, cell.dtype))
    layouts = [LAYOUTS[(turn + 2 * number) % len(LAYOUTS)] for number in range(len(names) + 1)]
    inputs = {name: laid_out(each, layout) for name, each, layout in zip(names, arrays, layouts, strict=False)}
    extras = {name: _input(value) for name, value in call.extras.items()}
    trial = cell.trial(**inputs, g=laid_out(g, layouts[-1]), **extras)
    for name in names:
        trial.run(f"{name}.requires_grad_()")
    if turn % 2:
        trial.run(f"({call.text}).backward(g)")
        answers = [f"{name}.grad" for name in names]
    else:
        trial.run(f"grads = torch.autograd.grad({call.text}, ({', '.join(names)},), g)")
        answers = [f"grads[{number}]" for number in range(len(names))]
    for answer, gradient in zip(answers, expected, strict=True):
        expect(trial, answer, gradient)


def judge_all(cell: Cell, calls: Sequence[DerivedCall]) -> None:
    """Judge every call once, and once more for each third example of the profile."""
    __tracebackhide__ = True
    generator = cell.generator()
    start = zlib.crc32(cell.clause.id.encode()) + int(generator.integers(0, 60))
    for turn in range(max(1, cell.profile.examples // 3)):
        for number, call in enumerate(calls):
            judge(cell, call, generator, start + turn + number)
