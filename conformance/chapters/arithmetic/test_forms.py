"""Arithmetic beyond one operator on two tensors of a size: broadcasting, numbers, alpha, rounding modes, powers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO, absolute
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.inputs.values import pool
from torch_conformance.conformance.judging.accuracy import distance, rule_around, rule_of
from torch_conformance.reference.model.casting import cast
from torch_conformance.reference.model.dtypes import finfo, is_floating, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import arithmetic

BROADCAST = {
    "add": (np.add, ("torch.add(a, b)", "a.add(b)", "a + b", "torch.broadcast_tensors(a, b)[0] + b")),
    "sub": (np.subtract, ("torch.sub(a, b)", "a.sub(b)", "a - b")),
    "mul": (np.multiply, ("torch.mul(a, b)", "a.mul(b)", "a * b")),
    "maximum": (np.maximum, ("torch.maximum(a, b)", "a.maximum(b)")),
    "eq": (np.equal, ("torch.eq(a, b)", "a.eq(b)", "a == b")),
    "lt": (np.less, ("torch.lt(a, b)", "a.lt(b)", "a < b")),
}
PAIRS = (
    *(((3, 1), (1, 4)), ((2, 3, 4), (4,)), ((2, 3, 4), (3, 1)), ((1,), (5, 6)), ((), (2, 3)), ((3,), ())),
    *(
        ((2, 1, 3, 1), (4, 1, 5)),
        ((0, 3), (1, 3)),
        ((2, 0), (1,)),
        ((1, 0), (3, 1)),
        ((7, 33), (33,)),
        ((181, 1), (1, 183)),
    ),
)
MISFITS = (((2,), (3,)), ((2, 3), (2,)), ((4, 3), (4, 2)), ((0,), (2,)), ((2, 1, 3), (3, 2)))


def operands(
    sizes: tuple[tuple[int, ...], tuple[int, ...]], dtype: str, seed: int, domain: str = "small"
) -> list[Strided]:
    """Return two contiguous tensors with values of a pool."""
    values = pool(dtype, domain, seed)
    generator = np.random.default_rng(seed)
    return [Strided.from_array(values[generator.integers(0, 256, size)]) for size in sizes]


@clause("arithmetic.broadcasting.repeats-dimensions-of-size-one")
@given(seed=st.integers(0, 99))
def test_broadcasting(cell: Cell, seed: int) -> None:
    for sizes in PAIRS:
        a, b = operands(sizes, cell.dtype, seed)
        trial = cell.trial(a=a, b=b)
        for function, spellings in BROADCAST.values():
            expected = np.asarray(function(a.array, b.array))
            assert expected.shape == arithmetic.broadcast_size(*sizes)
            for spelling in spellings:
                trial.expect(spelling, expected)


@clause("arithmetic.broadcasting.refuses-other-sizes")
def test_broadcasting_refuses(cell: Cell) -> None:
    for sizes in MISFITS:
        with pytest.raises(arithmetic.BroadcastError):
            arithmetic.broadcast_size(*sizes)
        a, b = operands(sizes, cell.dtype, 1)
        trial = cell.trial(a=a, b=b)
        for statement in ("a + b", "torch.mul(a, b)", "a.maximum(b)", "a == b", "torch.broadcast_tensors(a, b)"):
            trial.expect_error(statement, RuntimeError)
        trial.expect("a", a)
        trial.expect("a + a", a.array + a.array)


NUMBERS: dict[str, Callable[..., Any]] = {
    "a + n": np.add,
    "torch.add(a, n)": np.add,
    "a.add(n)": np.add,
    "a.__radd__(n)": np.add,
    "n + a": np.add,
    "a - n": np.subtract,
    "torch.sub(a, n)": np.subtract,
    "torch.rsub(a, n)": lambda a, n: np.subtract(n, a),
    "n - a": lambda a, n: np.subtract(n, a),
    "a * n": np.multiply,
    "torch.mul(a, n)": np.multiply,
    "a.mul(n)": np.multiply,
    "n * a": np.multiply,
}


@clause("arithmetic.number.is-an-operand-of-the-same-dtype")
@given(sweep=sweeps(), number=st.sampled_from([0, 1, 2, 3, 5]))
def test_numbers(cell: Cell, sweep: Sweep, number: int) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "small")
        other = np.asarray(number, dtype=a.array.dtype)
        trial = cell.trial(a=a, n=number)
        with np.errstate(over="ignore"):
            for spelling, function in NUMBERS.items():
                trial.expect(spelling, np.asarray(function(a.array, other)), UNSIGNED_ZERO)


DIVISIONS: dict[str, Callable[..., Any]] = {
    "a / n": np.divide,
    "torch.div(a, n)": np.divide,
    "n / a": lambda a, n: n / a,
    "a.__rtruediv__(n)": lambda a, n: n / a,
}


@clause("arithmetic.number.divides-and-is-divided")
@given(sweep=sweeps(), number=st.sampled_from([1, 2, 3, 7, 0.5]))
def test_division_by_numbers(cell: Cell, sweep: Sweep, number: float) -> None:
    rule = rule_of("div.number", cell.dtype, cell.device)
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "moderate")
        wide = a.array.astype(np.longdouble if cell.dtype == "float64" else np.float64)
        trial = cell.trial(a=a, n=number)
        with np.errstate(divide="ignore", invalid="ignore"):
            for spelling, function in DIVISIONS.items():
                trial.expect(spelling, np.asarray(function(wide, wide.dtype.type(number))), rule, dtype=cell.dtype)


@clause("arithmetic.alpha.scales-the-second-operand")
@given(sweep=sweeps(), alpha=st.sampled_from([0, 1, 2, 3, -1]))
def test_alpha(cell: Cell, sweep: Sweep, alpha: int) -> None:
    if cell.dtype == "uint8":
        alpha = abs(alpha)
    for recipe in sweep:
        a, b = recipe.tensor(cell.dtype, "small"), recipe.tensor(cell.dtype, "small", variant=1)
        scaled = np.multiply(b.array, np.asarray(alpha).astype(b.array.dtype))
        total, difference = a.array + scaled, a.array - scaled
        trial = cell.trial(a=a, b=b, alpha=alpha)
        for spelling in ("torch.add(a, b, alpha=alpha)", "a.add(b, alpha=alpha)", "a.clone().add_(b, alpha=alpha)"):
            trial.expect(spelling, total, UNSIGNED_ZERO)
        for spelling in ("torch.sub(a, b, alpha=alpha)", "a.sub(b, alpha=alpha)", "torch.rsub(b, a, alpha=alpha)"):
            trial.expect(spelling, difference, UNSIGNED_ZERO)


@clause("arithmetic.alpha.refuses-a-fraction-for-integers")
def test_alpha_refuses(cell: Cell) -> None:
    a, b = operands(((3,), (3,)), cell.dtype, 2)
    trial = cell.trial(a=a, b=b)
    for statement in ("torch.add(a, b, alpha=0.5)", "a.sub(b, alpha=1.5)", "a.add_(b, alpha=0.5)"):
        trial.expect_error(statement, RuntimeError)
    trial.expect("a", a)


@clause("arithmetic.div.of-integers-gives-the-default-float")
@given(sweep=sweeps())
def test_true_division_of_integers(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a, b = recipe.tensor(cell.dtype, "any"), recipe.tensor(cell.dtype, "any", variant=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = cast(a.array, "float32") / cast(b.array, "float32")
        trial = cell.trial(a=a, b=b)
        for spelling in ("torch.div(a, b)", "a.div(b)", "a / b", "torch.true_divide(a, b)", "torch.divide(a, b)"):
            trial.expect(spelling, expected)


def divisors(recipe_values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values that nothing is undefined about as divisors: not 0, and not -1 under a lowest integer."""
    zero = (recipe_values == 0) | (recipe_values == (-1 if dtype != "uint8" else 0))
    return np.where(zero, recipe_values.dtype.type(3), recipe_values)


@clause("arithmetic.div.rounding-modes-round")
@given(sweep=sweeps())
def test_rounding_modes(cell: Cell, sweep: Sweep) -> None:
    floating = is_floating(cell.dtype)
    for recipe in sweep:
        domain = "small" if floating else "any"
        a = recipe.tensor(cell.dtype, domain)
        b = Strided.from_array(divisors(recipe.array(cell.dtype, domain, variant=1), cell.dtype))
        if floating:
            exact = a.array.astype(np.float64) / b.array.astype(np.float64)
            toward_zero, down = (function(exact).astype(b.array.dtype) for function in (np.trunc, np.floor))
        else:
            toward_zero, down = arithmetic.truncated_quotient(a.array, b.array), np.floor_divide(a.array, b.array)
        trial = cell.trial(a=a, b=b)
        for spelling in ("torch.div(a, b, rounding_mode='trunc')", "a.div(b, rounding_mode='trunc')"):
            trial.expect(spelling, toward_zero, UNSIGNED_ZERO)
        for spelling in (
            "torch.div(a, b, rounding_mode='floor')",
            "a // b",
            "torch.floor_divide(a, b)",
            "a.floor_divide(b)",
        ):
            trial.expect(spelling, down, UNSIGNED_ZERO)


@clause("arithmetic.div.refuses-other-rounding-modes")
def test_rounding_mode_refused(cell: Cell) -> None:
    a, b = operands(((3,), (3,)), cell.dtype, 2)
    trial = cell.trial(a=a, b=b)
    for statement in ("torch.div(a, b, rounding_mode='nearest')", "a.div(b, rounding_mode='')"):
        trial.expect_error(statement, RuntimeError)


@clause("arithmetic.integers.refuse-division-by-zero")
def test_integer_division_by_zero(cell: Cell) -> None:
    values = np.array([1, 0, 5], dtype=numpy_dtype(cell.dtype))
    a, zero = Strided.from_array(values + values.dtype.type(1)), Strided.from_array(values)
    trial = cell.trial(a=a, zero=zero)
    for statement in (
        "a // zero",
        "torch.div(a, zero, rounding_mode='trunc')",
        "torch.remainder(a, zero)",
        "a % zero",
        "a.fmod(zero)",
    ):
        trial.expect_error(statement, RuntimeError)
    trial.expect("a + zero", a.array + zero.array)


@clause("arithmetic.bool.refuses-subtraction-and-negation")
def test_bool_refuses(cell: Cell) -> None:
    a = Strided.from_array(np.array([True, False, True]))
    trial = cell.trial(a=a)
    for statement in ("a - a", "torch.sub(a, a)", "a.sub(a)", "-a", "torch.neg(a)", "a.neg()"):
        trial.expect_error(statement, RuntimeError)
    trial.expect("a", a)


@clause("arithmetic.pow.of-integers-is-exact-and-wraps")
@given(sweep=sweeps())
def test_integer_powers(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "small")
        b = Strided.from_array(np.abs(recipe.array(cell.dtype, "small", variant=1)))
        expected = arithmetic.integer_power(a.array, b.array)
        trial = cell.trial(a=a, b=b)
        for spelling in ("torch.pow(a, b)", "a.pow(b)", "a ** b", "a.__pow__(b)"):
            trial.expect(spelling, expected)
        for exponent in (0, 1, 2, 3, 5, 13):
            powers = arithmetic.integer_power(a.array, np.full(a.size, exponent, dtype=a.array.dtype))
            number = cell.trial(a=a, n=exponent)
            for spelling in ("torch.pow(a, n)", "a.pow(n)", "a ** n"):
                number.expect(spelling, powers)


@clause("arithmetic.pow.refuses-negative-powers-of-integers")
def test_negative_integer_powers(cell: Cell) -> None:
    a = Strided.from_array(np.array([1, 2, 3], dtype=numpy_dtype(cell.dtype)))
    trial = cell.trial(a=a)
    for statement in ("torch.pow(a, -1)", "a.pow(-2)", "a ** -1"):
        trial.expect_error(statement, RuntimeError)


EXPONENTS = (0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5)


@clause("arithmetic.pow.takes-number-exponents-and-bases")
@given(sweep=sweeps())
def test_number_powers(cell: Cell, sweep: Sweep) -> None:
    rule = rule_of("pow.number", cell.dtype, cell.device, signed_zero=False)
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "unit")
        wide = a.array.astype(np.longdouble if cell.dtype == "float64" else np.float64)
        for exponent in EXPONENTS:
            trial = cell.trial(a=a, n=exponent)
            with np.errstate(divide="ignore", over="ignore"):
                expected = np.power(wide, wide.dtype.type(exponent))
            for spelling in ("torch.pow(a, n)", "a.pow(n)", "a ** n"):
                trial.expect(spelling, expected, rule, dtype=cell.dtype)
        for base in (2, 0.5, 3.0):
            trial = cell.trial(a=a, n=base)
            expected = np.power(wide.dtype.type(base), wide)
            for spelling in ("torch.pow(n, a)", "n ** a", "a.__rpow__(n)"):
                trial.expect(spelling, expected, rule, dtype=cell.dtype)


@clause("arithmetic.pow.of-exponent-zero-is-one")
def test_power_zero(cell: Cell) -> None:
    a = Strided.from_array(pool(cell.dtype, "any", 0).copy())
    one = np.ones(a.size, dtype=a.array.dtype)
    trial = cell.trial(a=a)
    for spelling in ("torch.pow(a, 0)", "a ** 0", "a.pow(torch.zeros_like(a))", "torch.pow(torch.ones_like(a), a)"):
        trial.expect(spelling, one)


@clause("arithmetic.addcmul.result")
@given(sweep=sweeps(), value=st.sampled_from([1, 2, 3]))
def test_addcmul(cell: Cell, sweep: Sweep, value: int) -> None:
    for recipe in sweep:
        a, b, c = (recipe.tensor(cell.dtype, "small", variant=variant) for variant in range(3))
        expected = a.array + np.asarray(value).astype(a.array.dtype) * b.array * c.array
        trial = cell.trial(a=a, b=b, c=c, value=value)
        for spelling in (
            "torch.addcmul(a, b, c, value=value)",
            "a.addcmul(b, c, value=value)",
            "a.clone().addcmul_(b, c, value=value)",
        ):
            trial.expect(spelling, expected, UNSIGNED_ZERO)


@clause("arithmetic.addcdiv.result")
@given(sweep=sweeps(), value=st.sampled_from([1, 2, -1]))
def test_addcdiv(cell: Cell, sweep: Sweep, value: int) -> None:
    for recipe in sweep:
        a, b, c = (recipe.tensor(cell.dtype, "small", variant=variant) for variant in range(3))
        c = Strided.from_array(np.where(c.array == 0, c.array.dtype.type(3), c.array))
        wide = [each.array.astype(np.longdouble) for each in (a, b, c)]
        quotient = value * wide[1] / wide[2]
        expected = wide[0] + quotient
        bound = distance(cell, "addcdiv.quotient", quotient) + distance(cell, "addcdiv.sum", expected)
        trial = cell.trial(a=a, b=b, c=c, value=value)
        for spelling in (
            "torch.addcdiv(a, b, c, value=value)",
            "a.addcdiv(b, c, value=value)",
            "a.clone().addcdiv_(b, c, value=value)",
        ):
            trial.expect(spelling, expected, absolute(bound), dtype=cell.dtype)


@clause("arithmetic.lerp.result")
@given(sweep=sweeps(), weight=st.sampled_from([0.0, 1.0, 0.25, 0.5, 0.75]))
def test_lerp(cell: Cell, sweep: Sweep, weight: float) -> None:
    for recipe in sweep:
        a, b = recipe.tensor(cell.dtype, "small"), recipe.tensor(cell.dtype, "small", variant=1)
        expected = a.array + a.array.dtype.type(weight) * (b.array - a.array)
        trial = cell.trial(a=a, b=b, weight=weight)
        trial.run("weights = torch.full_like(a, weight)")
        for spelling in (
            "torch.lerp(a, b, weight)",
            "a.lerp(b, weight)",
            "torch.lerp(a, b, weights)",
            "a.clone().lerp_(b, weight)",
        ):
            trial.expect(spelling, expected, UNSIGNED_ZERO)


@clause("arithmetic.clamp.result")
@given(sweep=sweeps())
def test_clamp(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "any")
        kind = a.array.dtype.type
        low, high = 2, 5
        trial = cell.trial(a=a, low=low, high=high)
        trial.run("lows = torch.full_like(a, low)")
        trial.run("highs = torch.full_like(a, high)")
        both = arithmetic.clamp(a.array, kind(low), kind(high))
        for spelling in (
            "torch.clamp(a, low, high)",
            "a.clamp(low, high)",
            "torch.clip(a, min=low, max=high)",
            "a.clamp(min=lows, max=highs)",
            "a.clone().clamp_(low, high)",
            "torch.clamp(torch.clamp(a, min=low), max=high)",
        ):
            trial.expect(spelling, both)
        trial.expect("torch.clamp(a, min=low)", arithmetic.clamp(a.array, kind(low), None))
        trial.expect("a.clamp_min(low)", arithmetic.clamp(a.array, kind(low), None))
        trial.expect("torch.clamp_max(a, high)", arithmetic.clamp(a.array, None, kind(high)))
        trial.expect("torch.clamp(a, high, low)", arithmetic.clamp(a.array, kind(high), kind(low)))


@clause("arithmetic.nan-to-num.result")
@given(sweep=sweeps())
def test_nan_to_num(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "any")
        trial = cell.trial(a=a)
        plain = arithmetic.nan_to_num(a.array, cell.dtype)
        for spelling in ("torch.nan_to_num(a)", "a.nan_to_num()", "a.clone().nan_to_num_()"):
            trial.expect(spelling, plain)
        replaced = arithmetic.nan_to_num(a.array, cell.dtype, 7, 8, 9)
        for spelling in ("torch.nan_to_num(a, nan=7, posinf=8, neginf=9)", "a.nan_to_num(7, 8, 9)"):
            trial.expect(spelling, replaced)


@clause("arithmetic.isclose.result")
@given(sweep=sweeps(), equal_nan=st.booleans())
def test_isclose(cell: Cell, sweep: Sweep, *, equal_nan: bool) -> None:
    for recipe in sweep:
        a, b = recipe.tensor(cell.dtype, "any"), recipe.tensor(cell.dtype, "any", variant=1)
        wide = [each.array.astype(np.float64) for each in (a, b)]
        # Distances of whole binary fractions: |a - b| <= 0.25 + 0.5 |b| rounds nowhere near equality for these pools.
        with np.errstate(invalid="ignore", over="ignore"):
            gap = np.abs(np.abs(wide[0] - wide[1]) - (0.25 + 0.5 * np.abs(wide[1])))
            decided = ~(gap <= 1e-2 * (1 + np.abs(wide[0]) + np.abs(wide[1])))
            moderate = (np.abs(wide[0]) < finfo(cell.dtype).max / 4) & (np.abs(wide[1]) < finfo(cell.dtype).max / 4)
        keep = Strided.from_array((decided & moderate) | ~np.isfinite(wide[0]) | ~np.isfinite(wide[1]))
        expected = arithmetic.isclose(wide[0], wide[1], 0.5, 0.25, equal_nan=equal_nan) & keep.array
        trial = cell.trial(a=a, b=b, keep=keep, equal_nan=equal_nan)
        trial.expect("torch.isclose(a, b, rtol=0.5, atol=0.25, equal_nan=equal_nan) & keep", expected)
        trial.expect("a.isclose(b, 0.5, 0.25, equal_nan) & keep", expected)
        itself = equal_nan or not bool(np.isnan(wide[0]).any())
        trial.expect_equal("torch.allclose(a, a.clone(), equal_nan=equal_nan)", value=itself)
        trial.expect_equal("a.allclose(a.clone(), equal_nan=equal_nan)", value=itself)
        trial.run("c = torch.where(keep, a, torch.zeros_like(a))")
        trial.run("d = torch.where(keep, b, torch.zeros_like(b))")
        trial.expect_equal(
            "torch.allclose(c, d, rtol=0.5, atol=0.25, equal_nan=equal_nan)", value=bool((expected | ~keep.array).all())
        )


@clause("arithmetic.equal.compares-sizes-and-elements")
@given(sweep=sweeps())
def test_equal(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "small")
        trial = cell.trial(a=a)
        trial.expect_equal("torch.equal(a, a.clone())", value=True)
        trial.expect_equal("a.equal(a.contiguous())", value=True)
        trial.expect_equal("torch.equal(a, a.unsqueeze(0))", value=False)
        if a.numel:
            trial.run("b = a.clone(memory_format=torch.contiguous_format)")
            trial.run("b.view(-1)[-1:].logical_not_()" if cell.dtype == "bool" else "b.view(-1)[-1:] += 1")
            trial.expect_equal("torch.equal(a, b)", value=False)


@clause("arithmetic.complex-product.result")
@given(sweep=sweeps())
def test_complex_products(cell: Cell, sweep: Sweep) -> None:
    for recipe in sweep:
        a, b = recipe.tensor(cell.dtype, "moderate"), recipe.tensor(cell.dtype, "moderate", variant=1)
        expected = arithmetic.complex_product(a.array, b.array)
        sizes = [np.abs(each.array.astype(np.clongdouble)) for each in (a, b)]
        rule = rule_around(cell, "mul.complex", sizes[0] * sizes[1])
        trial = cell.trial(a=a, b=b)
        for spelling in ("torch.mul(a, b)", "a * b", "a.mul(b)"):
            trial.expect(spelling, expected, rule, dtype=cell.dtype)
