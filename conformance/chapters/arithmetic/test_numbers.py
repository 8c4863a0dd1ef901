"""Operators with a Python number on either side, in every spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import given

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO, Rule
from torch_conformance.conformance.inputs.recipes import Sweep, sweeps
from torch_conformance.conformance.judging.accuracy import rule_of
from torch_conformance.reference.model.dtypes import iinfo, is_signed, numpy_dtype
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import arithmetic, elementwise

Array = npt.NDArray[Any]
Spellings = Mapping[str, Callable[[Array, Array], Any]]

SMALL = ("scalar", "small", "empty", "tail")

SUMS: Spellings = {
    "a + n": np.add,
    "n + a": np.add,
    "torch.add(a, n)": np.add,
    "torch.add(input=a, other=n)": np.add,
    "a.add(other=n)": np.add,
    "a.__radd__(n)": np.add,
    "a - n": np.subtract,
    "torch.subtract(a, n)": np.subtract,
    "a.sub(n)": np.subtract,
    "n - a": lambda a, n: np.subtract(n, a),
    "a.__rsub__(n)": lambda a, n: np.subtract(n, a),
    "torch.rsub(a, n)": lambda a, n: np.subtract(n, a),
    "a * n": np.multiply,
    "n * a": np.multiply,
    "a.__rmul__(n)": np.multiply,
    "torch.multiply(a, n)": np.multiply,
    "torch.mul(input=a, other=n)": np.multiply,
    "a.mul(n)": np.multiply,
}
# Numbers that every floating dtype holds.
FRACTIONS = (0.5, -1.5, 2.75, -0.125, 96.0)


def _judge(cell: Cell, a: Strided, number: complex, spellings: Spellings, rule: Rule = UNSIGNED_ZERO) -> None:
    """Compare spellings with functions of the tensor and the number, both in the tensor's dtype."""
    other = np.asarray(number).astype(a.array.dtype)
    trial = cell.trial(a=a, n=number)
    with np.errstate(over="ignore"):
        for spelling, function in spellings.items():
            trial.expect(spelling, np.asarray(function(a.array, other)), rule)
    trial.expect("a", a)


@clause("arithmetic.number.fraction-is-an-operand-of-floating-tensors")
@given(sweep=sweeps(classes=SMALL))
def test_fractions(cell: Cell, sweep: Sweep) -> None:
    for turn, recipe in enumerate(sweep):
        # Results of a few bits, which every dtype holds exactly.
        _judge(cell, recipe.tensor(cell.dtype, "small"), FRACTIONS[(recipe.seed + turn) % len(FRACTIONS)], SUMS)


@clause("arithmetic.number.is-rounded-with-the-result-only")
@given(sweep=sweeps(classes=SMALL))
def test_numbers_of_many_bits(cell: Cell, sweep: Sweep) -> None:
    wide_type = np.longdouble if cell.dtype == "float64" else np.float64
    rule = rule_of("add.number", cell.dtype, cell.device, signed_zero=False)
    for turn, recipe in enumerate(sweep):
        a = recipe.tensor(cell.dtype, "unit")
        number = (0.1, -3.3, 1e-2, 12.7)[(recipe.seed + turn) % 4]
        kind = np.float64 if cell.dtype == "float64" else np.float32
        # The number is first rounded to the type in which the kernel computes.
        other = wide_type(kind(number))
        wide = a.array.astype(wide_type)
        trial = cell.trial(a=a, n=number)
        for spelling, function in SUMS.items():
            trial.expect(spelling, np.asarray(function(wide, other)), rule, dtype=cell.dtype)


@clause("arithmetic.number.meets-complex-tensors")
@given(sweep=sweeps(classes=SMALL))
def test_complex_numbers(cell: Cell, sweep: Sweep) -> None:
    for turn, recipe in enumerate(sweep):
        number = (2 - 1j, 0.5j, -3 + 0.5j, 1.5, -2)[(recipe.seed + turn) % 5]
        _judge(cell, recipe.tensor(cell.dtype, "small"), number, SUMS)


REMAINDERS: Spellings = {
    "a % n": elementwise.remainder,
    "torch.remainder(a, n)": elementwise.remainder,
    "a.remainder(n)": elementwise.remainder,
    "torch.fmod(a, n)": np.fmod,
    "a.fmod(n)": np.fmod,
    "a // n": elementwise.floor_divide,
    "torch.floor_divide(a, n)": elementwise.floor_divide,
    "a.floor_divide(n)": elementwise.floor_divide,
    "torch.div(a, n, rounding_mode='floor')": elementwise.floor_divide,
    "a.div(n, rounding_mode='floor')": elementwise.floor_divide,
    "torch.div(a, n, rounding_mode='trunc')": elementwise.trunc_divide,
    "torch.divide(a, n, rounding_mode='trunc')": elementwise.trunc_divide,
}
REFLECTED_REMAINDERS: Spellings = {
    "n % a": lambda a, n: elementwise.remainder(n, a),
    "torch.remainder(n, a)": lambda a, n: elementwise.remainder(n, a),
    "n // a": lambda a, n: elementwise.floor_divide(n, a),
    "a.__rfloordiv__(n)": lambda a, n: elementwise.floor_divide(n, a),
    "a.__rmod__(n)": lambda a, n: elementwise.remainder(n, a),
}


@clause("arithmetic.number.rounds-quotients-and-leaves-remainders")
@given(sweep=sweeps(classes=SMALL))
def test_remainders(cell: Cell, sweep: Sweep) -> None:
    numbers = (3, 2, 7, 5, -3, -2) if is_signed(cell.dtype) else (3, 2, 7, 5)
    for turn, recipe in enumerate(sweep):
        number = numbers[(recipe.seed + turn) % len(numbers)]
        a = recipe.tensor(cell.dtype, "small")
        _judge(cell, a, number, REMAINDERS)
        values = a.storage
        divisors = np.where(values == 0, values.dtype.type(4), values)
        _judge(cell, Strided(divisors, a.size, a.stride, a.offset), number * 5, REFLECTED_REMAINDERS)


COMPARISONS: Spellings = {
    "a == n": np.equal,
    "n == a": np.equal,
    "torch.eq(a, n)": np.equal,
    "a.eq(n)": np.equal,
    "a != n": np.not_equal,
    "torch.ne(a, n)": np.not_equal,
    "torch.not_equal(a, n)": np.not_equal,
    "a < n": np.less,
    "torch.lt(a, n)": np.less,
    "a.less(n)": np.less,
    "n < a": np.greater,
    "a > n": np.greater,
    "a.gt(n)": np.greater,
    "torch.greater(a, n)": np.greater,
    "n > a": np.less,
    "a <= n": np.less_equal,
    "torch.le(a, n)": np.less_equal,
    "a.less_equal(n)": np.less_equal,
    "n <= a": np.greater_equal,
    "a >= n": np.greater_equal,
    "torch.ge(a, n)": np.greater_equal,
    "a.greater_equal(n)": np.greater_equal,
    "n >= a": np.less_equal,
}


@clause("arithmetic.number.is-compared-with-elements")
@given(sweep=sweeps(classes=SMALL))
def test_comparisons(cell: Cell, sweep: Sweep) -> None:
    for turn, recipe in enumerate(sweep):
        a = recipe.tensor(cell.dtype, "any" if turn % 2 else "small")
        # Mostly a number that stands among the elements.
        found = a.array.ravel()[recipe.seed % a.numel].item() if a.numel and recipe.seed % 4 else 2
        number = found if found == found else float("inf")  # noqa: PLR0124 (NaN)
        _judge(cell, a, number, COMPARISONS)


BITS: Spellings = {
    "a & n": np.bitwise_and,
    "n & a": np.bitwise_and,
    "torch.bitwise_and(a, n)": np.bitwise_and,
    "torch.bitwise_and(n, a)": np.bitwise_and,
    "a.bitwise_and(n)": np.bitwise_and,
    "a | n": np.bitwise_or,
    "n | a": np.bitwise_or,
    "torch.bitwise_or(a, n)": np.bitwise_or,
    "a.bitwise_or(n)": np.bitwise_or,
    "a ^ n": np.bitwise_xor,
    "n ^ a": np.bitwise_xor,
    "torch.bitwise_xor(a, n)": np.bitwise_xor,
    "a.bitwise_xor(n)": np.bitwise_xor,
}


@clause("arithmetic.number.joins-bits")
@given(sweep=sweeps(classes=SMALL))
def test_bits(cell: Cell, sweep: Sweep) -> None:
    numbers = (True, False) if cell.dtype == "bool" else (0b1010101, 0b110011, 1, 0, 0b1111111)
    for turn, recipe in enumerate(sweep):
        _judge(cell, recipe.tensor(cell.dtype, "any"), numbers[(recipe.seed + turn) % len(numbers)], BITS)


_SHIFTS = ("a {0} n", "torch.bitwise_{1}_shift(a, n)", "a.bitwise_{1}_shift(n)")
LEFT, RIGHT = (
    tuple(
        form.format(operator, name) for form in ("a {0} n", "torch.bitwise_{1}_shift(a, n)", "a.bitwise_{1}_shift(n)")
    )
    for operator, name in (("<<", "left"), (">>", "right"))
)


@clause("arithmetic.number.shifts-bits")
@given(sweep=sweeps(classes=SMALL))
def test_shifts(cell: Cell, sweep: Sweep) -> None:
    bits = iinfo(cell.dtype).bits
    kind = numpy_dtype(cell.dtype).type
    for turn, recipe in enumerate(sweep):
        a = recipe.tensor(cell.dtype, "any")
        count = (recipe.seed * 7 + turn) % (bits - 1)
        trial = cell.trial(a=a, n=count)
        for spelling in LEFT:
            trial.expect(spelling, np.left_shift(a.array, kind(count)))
        for spelling in RIGHT:
            trial.expect(spelling, np.right_shift(a.array, kind(count)))
        counts = Strided((np.abs(a.storage.astype(np.int64)) % (bits - 1)).astype(kind), a.size, a.stride, a.offset)
        trial = cell.trial(a=counts, n=3)
        for spelling in ("n << a", "torch.bitwise_left_shift(n, a)", "a.__rlshift__(n)"):
            trial.expect(spelling, np.left_shift(kind(3), counts.array))
        trial = cell.trial(a=counts, n=93)
        for spelling in ("n >> a", "torch.bitwise_right_shift(n, a)", "a.__rrshift__(n)"):
            trial.expect(spelling, np.right_shift(kind(93), counts.array))


_PAIRS = (((3, 1), (1, 4)), ((2, 3, 4), (3, 1)), ((1,), (5, 6)), ((), (2, 3)), ((0, 3), (1, 3)), ((17, 1), (1, 33)))
_COMPLEX_FORMS: Spellings = {
    "a + b": np.add,
    "torch.add(a, b)": np.add,
    "a.sub(b)": np.subtract,
    "torch.mul(a, b)": np.multiply,
    "a == b": np.equal,
    "torch.ne(a, b)": np.not_equal,
}
_BOOL_FORMS: Spellings = {
    "a + b": np.logical_or,
    "torch.add(a, b)": np.logical_or,
    "a.add(b)": np.logical_or,
    "a * b": np.logical_and,
    "torch.mul(a, b)": np.logical_and,
    "a & b": np.logical_and,
    "a.logical_or(b)": np.logical_or,
    "a ^ b": np.logical_xor,
    "torch.maximum(a, b)": np.logical_or,
    "a < b": np.less,
    "torch.eq(a, b)": np.equal,
}


@clause("arithmetic.broadcasting.holds-for-bool-and-complex")
def test_broadcasting_of_bool_and_complex(cell: Cell) -> None:
    generator = cell.generator()
    forms = _BOOL_FORMS if cell.dtype == "bool" else _COMPLEX_FORMS
    for sizes in _PAIRS:
        a, b = (
            (generator.integers(-3, 4, size) + 1j * generator.integers(-3, 4, size) * (cell.dtype != "bool"))
            for size in sizes
        )
        left, right = (np.asarray(each.real > 0 if cell.dtype == "bool" else each) for each in (a, b))
        left, right = left.astype(numpy_dtype(cell.dtype)), right.astype(numpy_dtype(cell.dtype))
        assert np.broadcast_shapes(*sizes) == arithmetic.broadcast_size(*sizes)
        trial = cell.trial(a=Strided.from_array(left), b=Strided.from_array(right))
        for spelling, function in forms.items():
            trial.expect(spelling, np.asarray(function(left, right)), UNSIGNED_ZERO)


@clause("arithmetic.pow.of-negative-bases-keeps-the-sign")
@given(sweep=sweeps(classes=SMALL))
def test_powers_of_negative_bases(cell: Cell, sweep: Sweep) -> None:
    rule = rule_of("pow.negative-base", cell.dtype, cell.device)
    for recipe in sweep:
        a = recipe.tensor(cell.dtype, "small")
        for exponent in (2, 3, -1, -2, -3):
            with np.errstate(divide="ignore"):
                expected = np.power(a.array.astype(np.longdouble), np.longdouble(exponent))
            b = Strided.from_array(np.full(a.size, exponent, a.array.dtype))
            trial = cell.trial(a=a, n=exponent, b=b)
            for spelling in ("a ** n", "torch.pow(a, n)", "a.pow(b)", "torch.pow(a, b)"):
                trial.expect(spelling, expected, rule, dtype=cell.dtype)
