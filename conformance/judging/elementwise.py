"""Elementwise operators on the bench: operands from recipes, expected results through the value pools.

Values come from a pool of 256 per dtype, so the reference computes 256 results (65,536 for two operands) and the
sizes beyond the vector width and the parallel grain are filled by looking them up.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.engine.comparison import Rule
from torch_conformance.conformance.inputs.recipes import Recipe
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.conformance.judging.accuracy import has_bound, rule_of
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import finfo, iinfo, is_complex, is_floating, is_integral, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import elementwise as reference
from torch_conformance.spec.operators import Operator, operators

Array = npt.NDArray[Any]

# Pools per dtype: few, since a table of results is computed for each pair and kept.
_SEEDS = 3


@dataclasses.dataclass(frozen=True)
class OperatorCase:
    """Operands and what the reference expects of them.

    Attributes:
        operands: By name, a and b.
        expected: In a type at least as wide as the result's.
        dtype: The result's dtype.
        rule: Accepted distance.
    """

    operands: dict[str, Strided]
    expected: Array
    dtype: str
    rule: Rule


def operand_pool(row: Operator, dtype: str, seed: int, name: str) -> Array:
    """Return the 256 values that an operand takes."""
    if name == "b" and row.second is not None:
        return pool(dtype, row.second, seed)
    values = _limited(row, pool(dtype, _pool_domain(row, dtype), seed), dtype)
    if name != "b":
        return values
    if row.domain.endswith("divisor") and (is_integral(dtype) or row.domain.startswith("small")):
        # Division of integers by zero is refused, that of the lowest integer by -1 is undefined in C++.
        excluded = values == 0
        if is_integral(dtype) and iinfo(dtype).min:
            excluded |= values == -1
        return np.where(excluded, values.dtype.type(3), values)
    if row.domain == "shift":
        return (np.abs(values.astype(np.int64)) % (iinfo(dtype).bits - 1)).astype(values.dtype)
    return values


def _pool_domain(row: Operator, dtype: str) -> str:
    if is_complex(dtype):
        return "moderate"
    if row.domain == "divisor":
        return "finite" if is_integral(dtype) else "moderate"
    return {"number": "finite", "small-divisor": "small", "shift": "any"}.get(row.domain, row.domain)


def _limited(row: Operator, values: Array, dtype: str) -> Array:
    if row.limit is None:
        return values
    limit = row.limit[dtype == "float64"]
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(values) & (np.abs(values) > limit), values.dtype.type(1), values)


def _operand(row: Operator, values: Array, dtype: str) -> Array:
    """Return operands in the type in which the reference computes a row.

    A single IEEE operation is computed in the dtype itself, in 16 bits by way of float32 and rounded once more, which
    changes nothing (24 >= 2 * 11 + 2).
    """
    if has_bound(row.name):
        return reference.widened(values, dtype)
    if is_floating(dtype) and values.dtype.itemsize == 2:
        return values.astype(np.float32)
    return values


def _result(row: Operator, results: Array, dtype: str) -> Array:
    if row.result == "bool":
        return results.astype(np.bool_)
    return results if has_bound(row.name) else results.astype(numpy_dtype(dtype))


@functools.lru_cache(maxsize=512)
def _table(name: str, dtype: str, seed: int, second: int) -> Array:
    """Return the reference's results for the pool (one operand), or for every pair of two pools."""
    row = operators()[name]
    with np.errstate(all="ignore"):
        first = _operand(row, operand_pool(row, dtype, seed, "a"), dtype)
        if row.operands == 1:
            return _result(row, np.asarray(reference.UNARY[name](first)), dtype)
        other = _operand(row, operand_pool(row, dtype, second, "b"), dtype)
        return _result(row, np.asarray(reference.BINARY[name](first[:, None], other[None, :])), dtype)


def result_dtype(row: Operator, dtype: str) -> str:
    """Return the dtype of the result for operands of a dtype among the row's own."""
    return "bool" if row.result == "bool" else dtype


def rule_for(row: Operator, dtype: str, device: str) -> Rule:
    """Return the accepted distance of a row's results in a dtype on a device: from accuracy.toml, or exact."""
    if row.result == "bool":
        return Rule()
    if not has_bound(row.name):
        # Complex sums are documented as those of real parts; alpha, a product by one, may turn the sign of a zero.
        return Rule(signed_zero=row.signed_zero and not is_complex(dtype))
    return rule_of(row.name, dtype, device, signed_zero=row.signed_zero)


def case_of(row: Operator, recipe: Recipe, dtype: str, device: str) -> OperatorCase:
    """Return operands laid out by a recipe, and the results expected on a device."""
    operands, expected = values_of(row, recipe, dtype)
    return OperatorCase(operands, expected, result_dtype(row, dtype), rule_for(row, dtype, device))


def values_of(row: Operator, recipe: Recipe, dtype: str) -> tuple[dict[str, Strided], Array]:
    """Return operands laid out by a recipe, by name, and the reference's results of the recipe's size."""
    structure = recipe.structure
    seed, second = recipe.seed % _SEEDS, (recipe.seed // _SEEDS) % _SEEDS
    indices = recipe.indices()
    operands = {
        "a": Strided(operand_pool(row, dtype, seed, "a")[indices], structure.size, structure.stride, structure.offset)
    }
    table = _table(row.name, dtype, seed, second)
    if row.operands == 1:
        results = table[indices]
    else:
        others = recipe.indices(variant=1)
        storage = operand_pool(row, dtype, second, "b")[others]
        operands["b"] = Strided(storage, structure.size, structure.stride, structure.offset)
        results = table[indices, others]
    return operands, _laid_out(results, recipe)


def _laid_out(storage: Array, recipe: Recipe) -> Array:
    structure = recipe.structure
    if not storage.size or 0 in structure.size:
        return np.empty(structure.size, dtype=storage.dtype)
    strides = tuple(step * storage.itemsize for step in structure.stride)
    return np.lib.stride_tricks.as_strided(storage[structure.offset :], structure.size, strides, writeable=False)


def hard_values(row: Operator, dtype: str) -> Array:
    """Return values where kernels go wrong: all 65,536 in 16 bits; else every exponent and the neighbours of edges."""
    values = _limited(row, _hard(dtype), dtype)
    if row.domain.startswith("small"):
        return values[:0]
    if row.domain in ("positive", "unit"):
        values = np.abs(values[np.isfinite(values) & (values != 0)])
    if row.domain == "unit":
        values = values[values <= 1]
    if row.domain in ("moderate", "divisor"):
        values = values[np.abs(values) < values.dtype.type(1000)]
    if row.domain == "divisor":
        # Where a quotient exceeds the range of the dtype, SLEEF leaves fmod undefined.
        values = values[np.abs(values) > values.dtype.type(1e-3)]
    return values[np.isfinite(values)] if row.domain in ("number", "finite", "divisor") else values


@functools.cache
def _hard(dtype: str) -> Array:
    target = numpy_dtype(dtype)
    if target.itemsize == 2:
        values: Array = np.arange(2**16, dtype=np.uint16).view(target).copy()
        values[np.isnan(values)] = np.nan
        return values
    facts = finfo(dtype)
    generator = np.random.default_rng(2)
    low, high, step = (-1074, 1024, 5) if dtype == "float64" else (-149, 128, 1)
    span = np.arange(low, high, step, dtype=np.float64)
    powers = np.exp2(span)
    edges = [
        np.pi / 2 * np.arange(1, 200),
        np.log(facts.max) * np.array([1, 0.5, -1]),
        np.log2(facts.max) * np.array([1, -1]),
    ]
    near_one = 1 + np.concatenate([np.exp2(-np.arange(1.0, 60)), -np.exp2(-np.arange(1.0, 60))])
    half = np.arange(-20, 20) + 0.5
    with np.errstate(all="ignore"):
        base = np.concatenate([powers, *edges, near_one, half, generator.normal(0, 20, 800)]).astype(target)
        around = [base, np.nextafter(base, target.type(np.inf)), np.nextafter(base, target.type(-np.inf))]
        mantissas = (powers * generator.uniform(1, 2, powers.size)).astype(target)
    values = np.concatenate([*around, mantissas])
    return np.concatenate([values, -values, np.array([0, -0.0, np.inf, -np.inf, np.nan], dtype=target)])


@functools.lru_cache(maxsize=256)
def hard_case(name: str, dtype: str, device: str, most: int) -> OperatorCase:
    """Return a row's hard values with the results expected on a device.

    A second operand is the same values in another order. Of more than `most` values it takes every n-th, where an odd
    n meets all low bits.
    """
    row = operators()[name]
    values = hard_values(row, dtype)
    values = values[:: math.ceil(values.size / most) | 1]
    operands = {"a": Strided.from_array(values)}
    if row.operands == 2:
        other = np.random.default_rng(3).permutation(values)
        if row.second_limit is not None:
            other = cast(np.clip(other.astype(np.float64), -row.second_limit, row.second_limit), dtype)
        operands["b"] = Strided.from_array(other)
    functions = reference.UNARY if row.operands == 1 else reference.BINARY
    with np.errstate(all="ignore"):
        wide = [_operand(row, operand.storage, dtype) for operand in operands.values()]
        expected = _result(row, np.asarray(functions[name](*wide)), dtype)
    return OperatorCase(operands, expected, result_dtype(row, dtype), rule_for(row, dtype, device))


def rows(**wanted: object) -> Iterator[Operator]:
    """Return the rows whose fields have these values."""
    return (row for row in operators().values() if all(getattr(row, key) == value for key, value in wanted.items()))
