"""What a value becomes in another real dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.inputs.conversions import (
    COMPLEX,
    FLOATING,
    INTEGRAL,
    PRESENT,
    WIDE_UNSIGNED,
    fractions,
    grain_recipes,
    judge,
    judge_table,
    present,
    recipes,
    spread,
)
from torch_conformance.conformance.inputs.values import POOL_SIZE, pool
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.model.dtypes import finfo, iinfo, numpy_dtype

Array = npt.NDArray[Any]

# Significant bits, the hidden one included.
PRECISION = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
HALF = ("float16", "bfloat16")
NARROWER = {
    "float64": ("float32", "float16", "bfloat16"),
    "float32": ("float16", "bfloat16"),
    "float16": ("bfloat16",),
    "bfloat16": ("float16",),
    "complex64": HALF,
    "complex128": ("complex64", "float32", "float16", "bfloat16"),
}
WIDER = {
    "float16": ("float32", "float64", "complex64", "complex128"),
    "bfloat16": ("float32", "float64", "complex64", "complex128"),
    "float32": ("float64", "complex64", "complex128"),
    "float64": ("complex128",),
}


def patterns(dtype: str) -> Array:
    """Return every value of a dtype of 8 or 16 bits, 0 first."""
    if dtype == "bool":
        return np.array([False, True])
    bits = dtypes.bits(dtype)
    return np.arange(2**bits, dtype=f"uint{bits}").view(numpy_dtype(dtype))


def as_dtype(values: Array | list[float], dtype: str) -> Array:
    """Return float64 values rounded into a floating or complex dtype."""
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        return np.asarray(values, dtype=np.float64).astype(numpy_dtype(dtype))


def both_signs(values: Array) -> Array:
    """Return the values and their negatives."""
    return np.concatenate([values, -values])


def midpoints(source: str, target: str, generator: np.random.Generator) -> Array:
    """Return the middles between neighbours of a floating target, and what lies just beside them.

    All middles of a 16-bit target; a sample for float32. "Just beside" is one step of float32 for a 16-bit target,
    since torch may round float64 through float32.
    """
    if target in HALF:
        positive = np.arange(0x7F80 if target == "bfloat16" else 0x7C00, dtype=np.uint16)
        low = positive.view(numpy_dtype(target)).astype(np.float64)
        middle: Array = ((low[1:] + low[:-1]) / 2).astype(np.float32)
        beside: list[Array] = [np.nextafter(middle, np.float32(0)), np.nextafter(middle, np.float32(np.inf))]
    else:
        bits = generator.integers(0, 0x7F7FFFFF, 8_000, dtype=np.uint32)
        low, high = bits.view(np.float32).astype(np.float64), (bits + 1).view(np.float32).astype(np.float64)
        middle = (low + high) / 2
        beside = [np.nextafter(middle, 0), np.nextafter(middle, np.inf)]
    return both_signs(as_dtype(np.concatenate([middle, *beside]), source))


def integer_midpoints(source: str, target: str, generator: np.random.Generator) -> Array:
    """Return integers at the middle between neighbours of a floating target, one beside, and small ones."""
    facts, precision = iinfo(source), PRECISION[dtypes.real_of(target)]
    found = [0, 1, 2, 127, 2049, 2051, 65503, 65504, 65519, 65520, 65536, facts.max, facts.min, facts.min + 1]
    for exponent in range(precision, facts.bits):
        step = 1 << (exponent - precision)
        for k in generator.integers(0, min(1 << (precision - 1), 2**62), 12).tolist():
            middle = (1 << exponent) + (2 * k + 1) * step
            found += [middle, middle + 1, middle - 1]
    signed = [each for value in found for each in (value, -value)]
    return np.array([v for v in signed if facts.min <= v <= facts.max], dtype=numpy_dtype(source))


@clause("dtypes.integer-to-integer.wraps-around")
def test_integer_to_integer(cell: Cell) -> None:
    judge(cell, cell.dtype, INTEGRAL)


@clause("dtypes.integer-to-floating.rounds-to-nearest-even")
def test_integer_to_floating(cell: Cell) -> None:
    judge(cell, cell.dtype, (*FLOATING, *COMPLEX))


@clause("dtypes.integer-to-floating.ties-go-to-even")
def test_integer_midpoints(cell: Cell) -> None:
    for target in (*FLOATING, *COMPLEX):
        judge_table(cell, integer_midpoints(cell.dtype, target, cell.generator()), target)


@clause("dtypes.floating-to-integer.truncates-toward-zero")
def test_floating_to_integer(cell: Cell) -> None:
    judge(cell, cell.dtype, INTEGRAL)


@clause("dtypes.floating-to-integer.reaches-the-ends-of-the-range")
def test_floating_to_integer_range(cell: Cell) -> None:
    for target in INTEGRAL:
        judge_table(cell, fractions(cell.dtype, target, cell.generator(), count=4_099), target)


@clause("dtypes.narrowing.rounds-to-nearest")
def test_narrowing(cell: Cell) -> None:
    judge(cell, cell.dtype, NARROWER[cell.dtype])


@clause("dtypes.narrowing.ties-go-to-even")
def test_narrowing_midpoints(cell: Cell) -> None:
    for target in NARROWER[cell.dtype]:
        part = dtypes.real_of(target)
        judge_table(cell, midpoints(cell.dtype, part, cell.generator()), target)


@clause("dtypes.narrowing.overflow-becomes-infinity")
def test_narrowing_overflow(cell: Cell) -> None:
    for target in NARROWER[cell.dtype]:
        part = dtypes.real_of(target)
        top = finfo(part).max
        half_step = top * finfo(part).eps / (2 - finfo(part).eps) / 2
        middle = np.array([top + half_step], dtype=np.float32 if part in HALF else np.float64)
        below, above = np.nextafter(middle, 0), np.nextafter(middle, np.inf)
        values = np.concatenate([[top, top + half_step / 2, top * 2, finfo(cell.dtype).max], middle, below, above])
        judge_table(cell, np.tile(both_signs(as_dtype(values, cell.dtype)), 5), target)


@clause("dtypes.narrowing.keeps-subnormals")
def test_narrowing_subnormals(cell: Cell) -> None:
    generator = cell.generator()
    for target in NARROWER[cell.dtype]:
        smallest = finfo(target).smallest_subnormal
        steps = round(finfo(target).tiny / smallest)
        whole = np.arange(steps) if steps <= 2_048 else generator.integers(0, steps, 2_048)
        parts = np.concatenate([whole + fraction for fraction in (0, 0.25, 0.5, 0.75)])
        judge_table(cell, both_signs(as_dtype(parts * smallest, cell.dtype)), target)


@clause("dtypes.widening.is-exact")
def test_widening(cell: Cell) -> None:
    judge(cell, cell.dtype, WIDER[cell.dtype])


@clause("dtypes.widening.keeps-subnormals")
def test_widening_subnormals(cell: Cell) -> None:
    facts = finfo(cell.dtype)
    steps = np.unique(np.geomspace(1, facts.tiny / facts.smallest_subnormal, 999).astype(np.int64))
    values = both_signs(as_dtype(steps * facts.smallest_subnormal, cell.dtype))
    for target in WIDER[cell.dtype]:
        judge_table(cell, values, target)


@clause("dtypes.floating-to-floating.keeps-special-values")
def test_special_values(cell: Cell) -> None:
    real = np.resize(as_dtype([0.0, -0.0, np.inf, -np.inf, np.nan], dtypes.real_of(cell.dtype)), POOL_SIZE)
    values = real
    targets = tuple(name for name in (*FLOATING, *COMPLEX) if name != cell.dtype)
    if dtypes.is_complex(cell.dtype):
        values = np.empty(POOL_SIZE, dtype=numpy_dtype(cell.dtype))
        values.real, values.imag = real, np.roll(real, 2)
    for recipe in (*recipes(cell), *grain_recipes(cell)):
        x = spread(recipe, values)
        for target in targets:
            trial = cell.trial(x=x, dtype=TORCH_DTYPES[target])
            trial.expect("x.to(dtype)", spread(recipe, casting.cast(values, target)).array)


@clause("dtypes.half.every-value-converts")
def test_half_patterns(cell: Cell) -> None:
    values = patterns(cell.dtype)
    for target in PRESENT:
        if target != cell.dtype:
            judge_table(cell, values, target)


@clause("dtypes.small-integer.every-value-converts")
def test_small_integer_patterns(cell: Cell) -> None:
    for source in ("bool", "uint8", "int8", "int16"):
        if source != cell.dtype:
            judge_table(cell, patterns(source), cell.dtype)


@clause("dtypes.to-bool.is-false-for-zero-alone")
def test_to_bool(cell: Cell) -> None:
    judge(cell, cell.dtype, ("bool",))
    if dtypes.is_floating(cell.dtype) or dtypes.is_complex(cell.dtype):
        facts = finfo(cell.dtype)
        edges = [0.0, -0.0, facts.smallest_subnormal, facts.tiny, facts.eps, 0.5, np.nan, np.inf, -np.inf]
        judge_table(cell, np.tile(both_signs(as_dtype(edges, cell.dtype)), 3), "bool")


@clause("dtypes.from-bool.is-zero-or-one")
def test_from_bool(cell: Cell) -> None:
    judge(cell, "bool", tuple(name for name in PRESENT if name != "bool"))


@clause("dtypes.unsigned-wide.converts-to-every-dtype")
def test_from_unsigned_wide(cell: Cell) -> None:
    judge(cell, cell.dtype, tuple(name for name in PRESENT if name != cell.dtype))


@clause("dtypes.unsigned-wide.takes-every-dtype")
def test_to_unsigned_wide(cell: Cell) -> None:
    for source in (*INTEGRAL, *present(WIDE_UNSIGNED), *FLOATING, *COMPLEX):
        if source != cell.dtype:
            judge(cell, source, (cell.dtype,))


@clause("dtypes.complex-to-real.drops-the-imaginary-part")
def test_complex_to_real(cell: Cell) -> None:
    judge(cell, cell.dtype, (*FLOATING, *INTEGRAL))


@clause("dtypes.complex-to-bool.counts-the-imaginary-part")
def test_complex_to_bool(cell: Cell) -> None:
    part = dtypes.real_of(cell.dtype)
    values = np.empty(POOL_SIZE, dtype=numpy_dtype(cell.dtype))
    values.real, values.imag = 0, pool(part, "any", 0)
    values.real[1::4] = -0.0
    for recipe in (*recipes(cell), *grain_recipes(cell)):
        trial = cell.trial(x=spread(recipe, values))
        trial.expect("x.to(torch.bool)", spread(recipe, values.imag != 0).array)
        trial.expect("x.bool()", spread(recipe, values.imag != 0).array)


@clause("dtypes.real-to-complex.has-no-imaginary-part")
def test_real_to_complex(cell: Cell) -> None:
    for source in ("bool", *INTEGRAL, *FLOATING):
        judge(cell, source, (cell.dtype,))


@clause("dtypes.complex-to-complex.converts-each-part")
def test_complex_to_complex(cell: Cell) -> None:
    other = "complex128" if cell.dtype == "complex64" else "complex64"
    judge(cell, cell.dtype, (other,))
    part = dtypes.real_of(cell.dtype)
    edges = pool(part, "any", cell.seed % 256)[:48]
    grid = np.empty((48, 48), dtype=numpy_dtype(cell.dtype))
    grid.real, grid.imag = edges[:, None], edges[None, :]
    judge_table(cell, grid.ravel(), other)
