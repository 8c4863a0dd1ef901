"""Clauses on torch.arange: length, dtype, values, errors."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import absolute
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.judging.accuracy import roundings
from torch_conformance.reference.model import dtypes
from torch_conformance.reference.ops import creation, ranges

_WITH = "dtype=dtype, device=device"
_BOUNDED = (
    f"torch.arange(start, end, step, {_WITH})",
    f"torch.arange(start=start, end=end, step=step, {_WITH})",
    f"torch.arange(start, end, step=step, {_WITH})",
)
_UNIT_STEP = (f"torch.arange(start, end, {_WITH})", f"torch.arange(start=start, end=end, {_WITH})")
_FROM_ZERO = (f"torch.arange(end, {_WITH})", f"torch.arange(end=end, {_WITH})")
_MANY = 5_000


def _spellings(start: float, step: float, count: int, turn: int) -> tuple[str, ...]:
    """Return the ways of writing a range; one of them for a long one."""
    found = _BOUNDED + (_UNIT_STEP if step == 1 else ()) + (_FROM_ZERO if (start, step) == (0, 1) else ())
    return found if count < _MANY else (found[turn % len(found)],)


def _limits(dtype: str) -> tuple[int, int]:
    """Return the integers that every dtype of the real ones holds with all between them."""
    if dtypes.is_integral(dtype):
        facts = dtypes.iinfo(dtype)
        return facts.min, facts.max
    whole = int(2 / dtypes.finfo(dtype).eps)
    return -whole, whole


_COUNTS = (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 100, 129, 255, 257, 1025)
_LONG = (32_768, 32_769, 40_001)


def _integer_cases(cell: Cell) -> Iterator[tuple[int, int, int, int]]:
    """Yield start, end, step and length of ranges of integers inside the dtype's limits."""
    low, high = _limits(cell.dtype)
    generator = cell.generator()
    for turn, count in enumerate((*_COUNTS, *_COUNTS, *_LONG)):
        largest = min((high - low) // max(count, 1), 1000 if turn % 2 else 3)
        if largest < 1:
            continue
        step = int(generator.integers(1, largest, endpoint=True)) if turn % 5 else 1
        span = step * count
        start = low + int(generator.integers(0, min(high - low - span, 2**62), endpoint=True))
        start = 0 if turn % 3 == 0 and span <= high else start
        # The end may lie anywhere in the last step.
        rest = int(generator.integers(0, step)) if count else 0
        yield start, start + span - rest, step, count
        if step <= high:
            yield start + span, start + rest, -step, count
    yield from ((0, 10, 2, 5), (low, low + 5, 1, 5), (high - 5, high, 1, 5), (high, high - 5, -1, 5))


@clause("creation.arange.has-documented-length")
def test_arange_has_documented_length(cell: Cell) -> None:
    for start, end, step, count in _integer_cases(cell):
        trial = cell.trial(start=start, end=end, step=step, dtype=cell.torch_dtype)
        for spelling in _spellings(start, step, count, 0)[:: 1 if count < _MANY else 3]:
            trial.expect_equal(f"tuple({spelling}.shape)", (count,))
    if dtypes.is_floating(cell.dtype):
        for first, last, each in ((0, 1, 0.25), (0.5, 3, 0.75), (-1.5, 2.25, 0.125), (3.0, -1, -0.5), (0.0, 2.5, 1)):
            trial = cell.trial(start=first, end=last, step=each, dtype=cell.torch_dtype)
            for spelling in _BOUNDED:
                trial.expect_equal(f"tuple({spelling}.shape)", (creation.arange_length(first, last, each),))


@clause("creation.arange.rounds-length-up")
@given(
    cases=st.lists(
        st.tuples(st.floats(-50, 50), st.floats(0.01, 10), st.integers(0, 300), st.floats(0.01, 0.99)),
        min_size=5,
        max_size=8,
    )
)
def test_arange_rounds_length_up(cell: Cell, cases: list[tuple[float, float, int, float]]) -> None:
    for start, size, count, part in cases:
        for step in (size, -size):
            end = start + step * (count + part)
            if not creation.arange_is_decided(start, end, step):
                continue
            trial = cell.trial(start=start, end=end, step=step, dtype=cell.torch_dtype)
            for spelling in _BOUNDED:
                trial.expect_equal(f"tuple({spelling}.shape)", (creation.arange_length(start, end, step),))


_ARGUMENTS = (
    *((0, 5, 1), (1, 6, 2), (0, 5, 1.0), (0.0, 5, 1), (0, 5.0, 1), (0.5, 5.0, 1.5), (-3, 3, 1), (3, -3, -1)),
    *((True, 5, 1), (0, 2**40 + 2, 2**39), (3.0, 0, -1), (0, 0, 1), (0.0, 0.0, 1.0)),
)


@clause("creation.arange.infers-dtype")
def test_arange_infers_dtype(cell: Cell) -> None:
    for default in ("float64", "float32"):
        for start, end, step in _ARGUMENTS:
            trial = cell.trial(start=start, end=end, step=step, default=TORCH_DTYPES[default])
            trial.run("torch.set_default_dtype(default)")
            dtype = TORCH_DTYPES[creation.arange_dtype(start, end, step, default=default)]
            trial.expect_equal("torch.arange(start, end, step, device=device).dtype", dtype)
            trial.expect_equal("torch.arange(start=start, end=end, step=step, device=device).dtype", dtype)
            if step > 0 and end < 1000:
                dtype = TORCH_DTYPES[creation.arange_dtype(start, end, default=default)]
                trial.expect_equal("torch.arange(start, end, device=device).dtype", dtype)
                dtype = TORCH_DTYPES[creation.arange_dtype(end, default=default)]
                trial.expect_equal("torch.arange(end, device=device).dtype", dtype)
    cell.trial().run("torch.set_default_dtype(torch.float32)")


@clause("creation.arange.gives-exact-integers")
def test_arange_gives_exact_integers(cell: Cell) -> None:
    for turn, (start, end, step, count) in enumerate(_integer_cases(cell)):
        trial = cell.trial(start=start, end=end, step=step, dtype=cell.torch_dtype)
        values = np.arange(count, dtype=np.int64) * step + start
        expected = values.astype(dtypes.numpy_dtype(cell.dtype))
        for spelling in _spellings(start, step, count, turn):
            trial.expect(spelling, expected)


@clause("creation.arange.gives-exact-fractions")
@given(
    cases=st.lists(
        st.tuples(st.integers(-300, 300), st.integers(1, 40), st.integers(0, 6), st.sampled_from((*_COUNTS, *_LONG))),
        min_size=4,
        max_size=8,
    )
)
def test_arange_gives_exact_fractions(cell: Cell, cases: list[tuple[int, int, int, int]]) -> None:
    for first, units, exponent, count in cases:
        for sign in (1, -1):
            start, step = Fraction(first, 2**exponent), Fraction(sign * units, 2**exponent)
            if not ranges.is_exact_grid(start, step, count, cell.dtype):
                continue
            end = start + step * count
            trial = cell.trial(start=float(start), end=float(end), step=float(step), dtype=cell.torch_dtype)
            values = (first + sign * units * np.arange(count, dtype=np.float64)) / 2**exponent
            for spelling in _spellings(float(start), float(step), count, units):
                trial.expect(spelling, values.astype(dtypes.numpy_dtype(cell.dtype)))


@clause("creation.arange.is-accurate")
@given(
    cases=st.lists(
        st.tuples(st.floats(-100, 100), st.floats(0.001, 10), st.sampled_from((*_COUNTS, *_LONG))),
        min_size=4,
        max_size=8,
    )
)
def test_arange_is_accurate(cell: Cell, cases: list[tuple[float, float, int]]) -> None:
    for start, size, count in cases:
        if cell.dtype in ("float16", "bfloat16") and count > 1025:
            continue
        for step in (size, -size):
            end = start + step * (count - 0.5) if count else start
            if abs(start) + count * size > 60_000 or not creation.arange_is_decided(start, end, step):
                continue
            trial = cell.trial(start=start, end=end, step=step, dtype=cell.torch_dtype)
            bound = absolute(ranges.arange_bounds(start, step, count, cell.dtype, roundings(cell, "arange")))
            expected = ranges.arange_values(start, step, count)
            for spelling in _spellings(start, step, count, count):
                trial.expect(spelling, expected, bound, dtype=cell.dtype)


_TOP, _BOTTOM = 2**63 - 1, -(2**63)
# The span and one step more fit int64: beyond, the documented length is computed with overflow.
_EXTREME = (
    *((_TOP - 5, _TOP - 1, 1), (_BOTTOM, _BOTTOM + 4, 1), (_BOTTOM + 4, _BOTTOM, -1), (_TOP, _TOP - 9, -3)),
    *((2**53, 2**53 + 5, 1), (-(2**53) - 3, -(2**53) + 2, 1), (2**53 + 5, 2**53 - 2, -2), (2**31 - 2, 2**31 + 3, 1)),
    *((_TOP - 1, _TOP, 1), (_BOTTOM, _BOTTOM + 1, 1), (0, 2**62, 2**60), (-(2**61), 2**61, 2**59 + 1)),
    *((2**62 - 1, -(2**60), -(2**58) - 1), (_TOP - 70, _TOP, 7), (_BOTTOM + 65, _BOTTOM, -1), (-1, -(2**62), -(2**59))),
)


@clause("creation.arange.holds-int64-extremes")
def test_arange_holds_int64_extremes(cell: Cell) -> None:
    for start, end, step in _EXTREME:
        expected = creation.arange_integers(start, end, step, "int64")
        trial = cell.trial(start=start, end=end, step=step, dtype=TORCH_DTYPES["int64"])
        for spelling in _spellings(start, step, 0, 0):
            trial.expect(spelling, expected)
        trial.expect("torch.arange(start, end, step, device=device)", expected)


@clause("creation.arange.may-have-no-elements")
def test_arange_may_have_no_elements(cell: Cell) -> None:
    for start in (0, 1, 7, 100):
        for step in (1, 3, -1, -5):
            trial = cell.trial(start=start, end=start, step=step, dtype=cell.torch_dtype)
            expected = creation.full((0,), 0, cell.dtype)
            for spelling in _spellings(start, step, 0, 0):
                trial.expect(spelling, expected)


_REFUSED = (
    f"torch.arange(start, end, step, {_WITH})",
    f"torch.arange(start=start, end=end, step=step, {_WITH})",
    "torch.arange(start, end, step, out=out)",
)


@clause("creation.arange.refuses-step-zero")
def test_arange_refuses_step_zero(cell: Cell) -> None:
    for start, end in ((0, 5), (5, 0), (-3, 3), (0, 0), (7, 7)):
        trial = cell.trial(start=start, end=end, step=0, dtype=cell.torch_dtype)
        trial.run("out = torch.zeros(3, dtype=dtype, device=device)")
        for spelling in _REFUSED:
            trial.expect_error(spelling, RuntimeError, ValueError)
        trial.expect("out", creation.full((3,), 0, cell.dtype))


@clause("creation.arange.refuses-wrong-direction")
def test_arange_refuses_wrong_direction(cell: Cell) -> None:
    for start, end, step in ((0, 5, -1), (5, 0, 1), (1, 2, -3), (100, 99, 1), (3, 90, -2), (9, 1, 100)):
        trial = cell.trial(start=start, end=end, step=step, dtype=cell.torch_dtype)
        trial.run("out = torch.zeros(3, dtype=dtype, device=device)")
        for spelling in (*_REFUSED, *(_UNIT_STEP if step == 1 else ())):
            trial.expect_error(spelling, RuntimeError, ValueError)
        trial.expect("out", creation.full((3,), 0, cell.dtype))
    cell.trial(end=-3, dtype=cell.torch_dtype).expect_error(_FROM_ZERO[0], RuntimeError, ValueError)


@clause("creation.arange.refuses-unbounded-ranges")
def test_arange_refuses_unbounded_ranges(cell: Cell) -> None:
    infinity, nan = float("inf"), float("nan")
    for start, end, step in ((0.0, infinity, 1.0), (-infinity, 0.0, 1.0), (0.0, nan, 1.0), (nan, 1.0, 1.0)):
        trial = cell.trial(start=start, end=end, step=step, dtype=cell.torch_dtype)
        for spelling in _REFUSED[:2]:
            trial.expect_error(spelling, RuntimeError, ValueError)
