"""Operands, incoming gradients and expected gradients of elementwise operators.

An operand takes few values, so that the reference derives an operator once for all of them (or all pairs of two), and
tensors of any size and layout are filled by looking values and derivatives up.
"""

from __future__ import annotations

import dataclasses
import functools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.inputs.recipes import Structure, structures
from torch_conformance.reference.model.dtypes import is_complex, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics import bounded, bounded_sums, tape
from torch_conformance.reference.numerics.bounded import Bounded
from torch_conformance.reference.ops import derivatives
from torch_conformance.spec.operators import operators

Array = npt.NDArray[Any]
Size = tuple[int, ...]

_MANY, _FEW = 256, 16
# Multiples of 1/8 that a multiple of 1/16 is never a multiple of: where quotients are whole, fmod and remainder jump.
_DIVISORS = (0.5, 0.75, 1, 1.5, 2, 3, -0.5, -0.75, -1, -1.5, -2, -3, 2.5, -2.5, 4, -4)
_INCOMING = (1, -1, 2, -2, 0.5, 3, -3, 0, 4, 1.5, -0.5, 5, -1.5, 6, -4, 0.25)


def small_values(dtype: str, size: Size, generator: np.random.Generator, *, zero: bool = True) -> Array:
    """Return multiples of 1/2 of at most 4 in size, complex ones where the dtype is."""
    values = generator.integers(-8, 9, size) / 2
    if not zero:
        values = np.where(values == 0, 1.5, values)
    if is_complex(dtype):
        values = values + 1j * generator.integers(-8, 9, size) / 2
    return np.asarray(values).astype(numpy_dtype(dtype))


def moderate_values(dtype: str, size: Size, generator: np.random.Generator) -> Array:
    """Return values of a dtype between -2 and 2, complex ones where the dtype is."""
    values = generator.uniform(-2, 2, size)
    if is_complex(dtype):
        values = values + 1j * generator.uniform(-2, 2, size)
    return np.asarray(values).astype(numpy_dtype(dtype))


def laid_out(values: Array, layout: str) -> Strided:
    """Return a copy of an array in a memory layout that its size has (see `recipes.structures`), else contiguous."""
    found = {each.layout: each for each in structures(values.shape) if each.layout != "expanded"}
    structure = found.get(layout) or found["contiguous"]
    result = Strided(np.ones(structure.length, values.dtype), structure.size, structure.stride, structure.offset)
    if values.size:
        result.array[...] = values
    return result


LAYOUTS = ("contiguous", "transposed", "sliced", "offset", "gapped")


@dataclasses.dataclass(frozen=True)
class Table:
    """What an operator's operands take, and its derivatives there.

    Attributes:
        operands: By name, the values in the dtype.
        derivatives: By name, for each value (for pairs, for each of a with each of b), row-major.
    """

    operands: dict[str, Array]
    derivatives: dict[str, Bounded]


def _generator(name: str, dtype: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([zlib.crc32(f"{name}/{dtype}".encode()), seed])


def _drawn(ends: tuple[float, float], at: Sequence[float], count: int, generator: np.random.Generator) -> Array:
    """Return numbers between two ends, those planted among them first."""
    values = generator.uniform(*ends, count)
    values[: len(at)] = at
    return values


def _unary_values(name: str, dtype: str, seed: int) -> Array:
    gradient = operators()[name].gradient
    return _drawn(gradient.a, gradient.at, _MANY, _generator(name, dtype, seed)).astype(numpy_dtype(dtype))


def _paired_values(name: str, dtype: str, seed: int) -> tuple[Array, Array]:
    generator, gradient = _generator(name, dtype, seed), operators()[name].gradient
    if gradient.pairs == "off-jumps":
        first, second = (2 * generator.integers(-40, 40, _FEW) + 1) / 16, np.array(_DIVISORS)
    else:
        first = _drawn(gradient.a, gradient.at, _FEW, generator)
        second = _drawn(gradient.b, (), _FEW, generator)
    if gradient.pairs == "tied":
        second[: _FEW // 2] = first[: _FEW // 2]
    if gradient.pairs == "apart":
        first, second = generator.integers(-16, 17, _FEW) / 4, (2 * generator.integers(-16, 16, _FEW) + 1) / 8
    return first.astype(numpy_dtype(dtype)), second.astype(numpy_dtype(dtype))


@functools.lru_cache(maxsize=64)
def unary_table(name: str, dtype: str, seed: int) -> Table:
    """Return 256 values and an operator's derivatives there."""
    values = _unary_values(name, dtype, seed)
    x = tape.variable(values, dtype)
    with np.errstate(all="ignore"):
        (slope,) = tape.gradients(derivatives.UNARY[name](x), [x], tape.constant(np.ones(values.shape), x))
    assert slope is not None
    return Table({"a": values}, {"a": slope.data})


@functools.lru_cache(maxsize=64)
def paired_table(name: str, dtype: str, seed: int) -> Table:
    """Return 16 values of each operand and an operator's derivatives at every pair."""
    first, second = _paired_values(name, dtype, seed)
    pair = (np.repeat(first, _FEW), np.tile(second, _FEW))
    variables = [tape.variable(each, dtype) for each in pair]
    with np.errstate(all="ignore"):
        result = derivatives.BINARY[name](*variables)
        slopes = tape.gradients(result, variables, tape.constant(np.ones(_FEW * _FEW), result))
    data = {which: slope.data for which, slope in zip("ab", slopes, strict=True) if slope is not None}
    return Table({"a": first, "b": second}, data)


@dataclasses.dataclass(frozen=True)
class GradientCase:
    """Operands a (and b) and the incoming gradient g of a call, and the gradients expected of it.

    Attributes:
        inputs: By name.
        expected: By operand, when g arrives.
        plain: By operand, when ones arrive.
    """

    inputs: dict[str, Strided]
    expected: dict[str, Bounded]
    plain: dict[str, Bounded]


def case(table: Table, dtype: str, layouts: Sequence[Structure], generator: np.random.Generator) -> GradientCase:
    """Return a call's operands, each in a layout of its own, the last layout for g; all of one size."""
    names = tuple(table.operands)
    codes = {}
    inputs = {}
    for name, structure in zip(names, layouts, strict=False):
        drawn = generator.integers(0, table.operands[name].size, structure.length)
        inputs[name] = _spread(table.operands[name][drawn], structure)
        codes[name] = _spread(drawn, structure).array
    places = codes["a"] if len(names) == 1 else codes["a"] * _FEW + codes["b"]
    structure = layouts[-1]
    incoming = np.array(_INCOMING).astype(numpy_dtype(dtype))[generator.integers(0, _FEW, structure.length)]
    inputs["g"] = _spread(incoming, structure)
    g = bounded.exact(inputs["g"].array, dtype)
    plain = {name: bounded_sums.taken(table.derivatives[name], places) for name in names}
    return GradientCase(inputs, {name: g * slope for name, slope in plain.items()}, plain)


def _spread(storage: Array, structure: Structure) -> Strided:
    return Strided(storage, structure.size, structure.stride, structure.offset)
