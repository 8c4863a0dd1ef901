"""Functions beyond the elementwise rows on one floating dtype: decimals, integers, complex numbers, exponents."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.inputs.recipes import SIZE_CLASSES, Structure, Sweep, sweeps
from torch_conformance.conformance.judging.accuracy import rule_around, rule_of
from torch_conformance.conformance.judging.elementwise import rule_for
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.numerics import exponents
from torch_conformance.reference.ops import elementwise
from torch_conformance.spec.operators import Operator, operators

Array = npt.NDArray[Any]


@clause("functions.round.takes-decimals")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_round_decimals(cell: Cell, sweep: Sweep) -> None:
    generator = cell.generator()
    for recipe in sweep:
        for decimals in (-2, -1, 0, 1, 2):
            # Whole multiples of a quarter step, kept off the halves that a rounded product could miss.
            step = 10.0**-decimals
            quarters = generator.integers(-40, 40, recipe.structure.length) * 4 + generator.choice((-1, 0, 1))
            storage = (quarters * step / 4).astype(numpy_dtype(cell.dtype))
            structure = recipe.structure
            a = Strided(storage, structure.size, structure.stride, structure.offset)
            expected = exponents.round_to_decimals(a.array.astype(np.longdouble), decimals)
            bound = rule_around(cell, "round.decimals", expected)
            trial = cell.trial(a=a, n=decimals)
            for spelling in (
                "torch.round(a, decimals=n)",
                "a.round(decimals=n)",
                "torch.special.round(a, decimals=n)",
                "a.clone().round_(decimals=n)",
                "torch.round(a, decimals=n, out=torch.empty_like(a))",
            ):
                trial.expect(spelling, expected, bound, dtype=cell.dtype)


def _structures() -> tuple[Structure, ...]:
    found = (*SIZE_CLASSES["tail"], *SIZE_CLASSES["grain"])
    wanted = {("contiguous", (7,)), ("transposed", (5, 33)), ("sliced", (33,)), ("contiguous", (32_769,))}
    return tuple(each for each in found if (each.layout, each.size) in wanted)


STRUCTURES = _structures()


def _whole_numbers(row: Operator, dtype: str, structure: Structure) -> Strided:
    values = np.arange(0 if row.domain in ("positive", "unit") else -7, 12)
    if dtype == "bool":
        values = np.arange(2)
    if dtype == "uint8":
        values = np.abs(values)
    storage = np.resize(values, structure.length).astype(numpy_dtype(dtype))
    return Strided(storage, structure.size, structure.stride, structure.offset)


@clause("functions.integers.are-taken-as-the-default-float")
def test_integers(cell: Cell) -> None:
    rows = [row for row in operators().values() if row.integers == "default-float" and row.operands == 1]
    for turn, row in enumerate(rows):
        for structure in STRUCTURES if turn % 4 == cell.seed % 4 else STRUCTURES[:3]:
            a = _whole_numbers(row, cell.dtype, structure)
            wide = cast(a.array, "float32").astype(np.float64)
            with np.errstate(all="ignore"):
                expected = np.asarray(elementwise.UNARY[row.name](wide))
            rule = rule_for(row, "float32", cell.device)
            exact = rule.is_exact
            trial = cell.trial(a=a)
            for spelling in row.spellings if a.numel < 1_000 else row.spellings[:1]:
                trial.expect(spelling, expected.astype(np.float32) if exact else expected, rule, dtype="float32")


@clause("functions.complex.elementary-functions-continue-the-real-ones")
def test_complex_functions(cell: Cell) -> None:
    # A region around 0, off every branch cut and pole.
    generator = cell.generator()
    part = "float32" if cell.dtype == "complex64" else "float64"
    wide_type = np.complex128 if cell.dtype == "complex64" else np.clongdouble
    for turn, (name, function) in enumerate(elementwise.COMPLEX.items()):
        for structure in (*STRUCTURES[:3], *STRUCTURES[3:][: (turn + cell.seed) % 3 == 0]):
            real, imaginary = (
                generator.integers(2, 14, structure.length) / 8 * generator.choice((-1, 1), structure.length)
                for _ in range(2)
            )
            storage = (real + 1j * imaginary).astype(numpy_dtype(cell.dtype))
            z = Strided(storage, structure.size, structure.stride, structure.offset)
            expected = np.asarray(function(z.array.astype(wide_type)))
            is_complex = np.iscomplexobj(expected)
            # Both parts are judged within a part of the magnitude.
            rule = rule_around(cell, "complex.elementary", expected)
            trial = cell.trial(z=z)
            for spelling in (f"torch.{name}(z)", f"z.{name}()"):
                trial.expect(spelling, expected, rule, dtype=cell.dtype if is_complex else part)
            if is_complex:
                trial.expect(f"torch.{name}(z, out=torch.empty_like(z))", expected, rule, dtype=cell.dtype)
            trial.expect("z", z)


@clause("functions.float-power.computes-in-double-precision")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_float_power(cell: Cell, sweep: Sweep) -> None:
    rule = rule_of("float_power", "float64", cell.device, signed_zero=False)
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "small")
        for exponent in (0, 1, 2, 3, 11):
            # Powers of small whole numbers that float64 holds.
            expected = np.power(a.array.astype(np.float64), float(exponent))
            b = Strided.from_array(np.full(a.size, exponent).astype(a.array.dtype))
            trial = cell.trial(a=a, n=exponent, b=b)
            for spelling in ("torch.float_power(a, n)", "a.float_power(n)", "torch.float_power(a, b)"):
                if cell.dtype != "bool" or exponent < 2:
                    trial.expect(spelling, expected, rule, dtype="float64")


@clause("functions.ldexp.multiplies-by-a-power-of-two")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_ldexp(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "small")
        powers = (recipe.indices(variant=1).astype(np.int32) % 9 - 4).astype(np.int32)
        b = Strided(powers, a.size, a.stride, a.offset)
        expected = np.ldexp(a.array.astype(np.float64), b.array).astype(a.array.dtype)
        trial = cell.trial(a=a, b=b)
        for spelling in ("torch.ldexp(a, b)", "a.ldexp(b)", "a.clone().ldexp_(b)"):
            trial.expect(spelling, expected)


@clause("functions.frexp.splits-mantissa-and-exponent")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_frexp(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "finite")
        mantissa, exponent = np.frexp(a.array.astype(np.float64))
        trial = cell.trial(a=a)
        for spelling in ("torch.frexp(a)", "a.frexp()"):
            trial.run(f"r = {spelling}")
            trial.expect("r.mantissa", mantissa.astype(a.array.dtype))
            trial.expect("r.exponent", exponent.astype(np.int32))


@clause("functions.nextafter.steps-to-the-neighbour")
@given(sweep=sweeps(classes=("scalar", "small", "empty", "tail")))
def test_nextafter(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a, b = recipe.tensor(cell.dtype, "any"), recipe.tensor(cell.dtype, "any", variant=1)
        expected = np.nextafter(a.array, b.array)
        trial = cell.trial(a=a, b=b)
        for spelling in ("torch.nextafter(a, b)", "a.nextafter(b)", "a.clone().nextafter_(b)"):
            trial.expect(spelling, expected)
