"""Clauses on torch.linspace and torch.logspace: length, ends, values, dtype, errors."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from torch_conformance.conformance.clauses import clause
from torch_conformance.conformance.engine.cell import Cell
from torch_conformance.conformance.engine.comparison import UNSIGNED_ZERO, absolute
from torch_conformance.conformance.engine.materialise import TORCH_DTYPES
from torch_conformance.conformance.judging.accuracy import roundings
from torch_conformance.reference.model import casting, dtypes
from torch_conformance.reference.model.strided import Strided
from torch_conformance.reference.ops import creation, ranges

_WITH = "dtype=dtype, device=device"
_LINSPACE = (
    f"torch.linspace(start, end, steps, {_WITH})",
    f"torch.linspace(start, end, steps=steps, {_WITH})",
    f"torch.linspace(start=start, end=end, steps=steps, {_WITH})",
)
_LOGSPACE = (
    f"torch.logspace(start, end, steps, base, {_WITH})",
    f"torch.logspace(start, end, steps, base=base, {_WITH})",
    f"torch.logspace(start=start, end=end, steps=steps, base=base, {_WITH})",
)
_STEPS = (2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 63, 65, 100, 129, 255, 257, 1000, 1025)
_LONG = (32_768, 32_769, 40_001, 65_539)
_MANY = 5_000


def _some(spellings: tuple[str, ...], steps: int) -> tuple[str, ...]:
    return spellings if steps < _MANY else (spellings[steps % len(spellings)],)


def _most(dtype: str) -> int:
    """Return up to how many steps are asked for: 16-bit types count no further in whole steps."""
    return 1025 if dtypes.bits(dtype) == 16 and dtypes.is_floating(dtype) else max(_LONG)


_END = st.one_of(st.floats(-100, 100, width=32), st.integers(-100, 100), st.sampled_from([0.0, 1.0, -1.0, 0.1, 11]))
_CASES = st.lists(st.tuples(_END, _END, st.sampled_from((*_STEPS, *_STEPS, *_LONG))), min_size=5, max_size=10)
Cases = list[tuple[float, float, int]]


@clause("creation.*space.has-asked-length")
def test_space_has_asked_length(cell: Cell) -> None:
    spellings = _LINSPACE if cell.clause.subject == "linspace" else _LOGSPACE
    for steps in (0, 1, *_STEPS, *_LONG):
        trial = cell.trial(start=0, end=1, steps=steps, base=2.0, dtype=cell.torch_dtype)
        for spelling in _some(spellings, steps):
            trial.expect_equal(f"tuple({spelling}.shape)", (steps,))
            trial.expect_true(f"{spelling}.dtype == dtype", "the dtype is the one asked for")


@clause("creation.linspace.hits-both-ends")
@given(cases=_CASES)
def test_linspace_hits_both_ends(cell: Cell, cases: Cases) -> None:
    for start, end, steps in cases:
        ends = np.array([start, end], dtype=np.float64)
        trial = cell.trial(start=start, end=end, steps=min(steps, _most(cell.dtype)), dtype=cell.torch_dtype)
        for spelling in _some(_LINSPACE, steps):
            trial.run(f"y = {spelling}")
            trial.expect("torch.stack([y[0], y[-1]])", casting.cast(ends, cell.dtype), UNSIGNED_ZERO)


@clause("creation.linspace.one-step-is-start")
def test_linspace_one_step_is_start(cell: Cell) -> None:
    for start, end in ((0, 1), (3, 7), (5, 5), (100, 1), (1, 100), (7, 0)):
        trial = cell.trial(start=start, end=end, steps=1, dtype=cell.torch_dtype)
        for spelling in _LINSPACE:
            trial.expect(spelling, creation.full((1,), start, cell.dtype))
        trial = cell.trial(start=start, end=end, steps=0, dtype=cell.torch_dtype)
        for spelling in _LINSPACE:
            trial.expect(spelling, creation.full((0,), 0, cell.dtype))


@clause("creation.*space.infers-dtype")
def test_space_infers_dtype(cell: Cell) -> None:
    name = cell.clause.subject
    pairs: tuple[tuple[complex, complex], ...] = ((0, 1), (0.0, 1), (0, 1.0), (1.5, 2.5), (True, 2))
    if name == "linspace":
        pairs = (*pairs, (0, 1j), (1j, 2.5), (0j, 1 + 1j))
    for default in ("float64", "float32"):
        for start, end in pairs:
            kind = 1j if isinstance(start, complex) or isinstance(end, complex) else 1.0
            trial = cell.trial(start=start, end=end, default=TORCH_DTYPES[default])
            trial.run("torch.set_default_dtype(default)")
            for form in ("start, end, 3", "start, end, steps=3", "start=start, end=end, steps=0"):
                expected = TORCH_DTYPES[creation.infer(kind, default)]
                trial.expect_equal(f"torch.{name}({form}, device=device).dtype", expected)
    cell.trial().run("torch.set_default_dtype(torch.float32)")


def _grids(cell: Cell) -> Iterator[tuple[Fraction, Fraction, int]]:
    """Yield start, step and steps of grids on which nothing is rounded."""
    generator = cell.generator()
    floating = dtypes.is_floating(cell.dtype)
    low, high = (-(2**24), 2**24) if floating else (dtypes.iinfo(cell.dtype).min, dtypes.iinfo(cell.dtype).max)
    for steps in (*_STEPS, *_STEPS, *_LONG):
        unit = Fraction(1, 2 ** int(generator.integers(0, 5))) if floating else Fraction(1)
        most = min((high - low) // steps, 64)
        step = unit * int(generator.integers(-most, most, endpoint=True)) if most else unit
        span = abs(step) * (steps - 1)
        room = int(min(high, 2**20) - max(low, -(2**20)) - span)
        if room < 0:
            continue
        start = unit * int(generator.integers(-40, 41)) if floating else Fraction(0)
        if not floating:
            start = Fraction(max(low, -(2**20)) + int(generator.integers(0, room, endpoint=True)))
            start = start if step >= 0 else start + span
        if not floating or ranges.is_exact_grid(start, step, steps, cell.dtype):
            yield start, step, steps


@clause("creation.linspace.gives-exact-grids")
def test_linspace_gives_exact_grids(cell: Cell) -> None:
    for start, step, steps in _grids(cell):
        end = start + step * (steps - 1)
        whole = not dtypes.is_floating(cell.dtype)
        first, last = (int(start), int(end)) if whole else (float(start), float(end))
        trial = cell.trial(start=first, end=last, steps=steps, dtype=cell.torch_dtype)
        expected = (float(start) + float(step) * np.arange(steps)).astype(dtypes.numpy_dtype(cell.dtype))
        for spelling in _some(_LINSPACE, steps):
            trial.expect(spelling, expected)


def _bound(cell: Cell, start: complex, end: complex, steps: int, dtype: str) -> float:
    return ranges.linspace_bounds(start, end, steps, dtype, roundings(cell, "linspace", dtype=dtype))


@clause("creation.linspace.is-accurate")
@given(cases=_CASES)
def test_linspace_is_accurate(cell: Cell, cases: Cases) -> None:
    for start, end, wanted in cases:
        steps = min(wanted, _most(cell.dtype))
        trial = cell.trial(start=start, end=end, steps=steps, dtype=cell.torch_dtype)
        bound = absolute(_bound(cell, start, end, steps, cell.dtype))
        expected = ranges.linspace_values(start, end, steps)
        for spelling in _some(_LINSPACE, steps):
            trial.expect(spelling, expected, bound, dtype=cell.dtype)


@clause("creation.linspace.reverses-with-its-ends")
@given(cases=_CASES)
def test_linspace_reverses_with_its_ends(cell: Cell, cases: Cases) -> None:
    for start, end, wanted in cases:
        steps = min(wanted, _most(cell.dtype))
        trial = cell.trial(start=start, end=end, steps=steps, dtype=cell.torch_dtype)
        trial.run(f"y = torch.linspace(start, end, steps, {_WITH}).double()")
        trial.run(f"z = torch.linspace(end, start, steps, {_WITH}).double().flip(0)")
        bound = absolute(2 * _bound(cell, start, end, steps, cell.dtype))
        trial.expect("y - z", np.zeros(steps), bound, dtype="float64")


@clause("creation.linspace.is-accurate-for-complex-ends")
def test_linspace_is_accurate_for_complex_ends(cell: Cell) -> None:
    for start, end in ((0, 1j), (1j, 2.5), (-1 - 2j, 3 + 0.1j), (0.1 + 0.2j, 0.1 + 0.2j), (7j, -7j), (1, 4)):
        for steps in (1, 2, 3, 10, 17, 100, 1025):
            trial = cell.trial(start=start, end=end, steps=steps, dtype=cell.torch_dtype)
            bound = absolute(_bound(cell, start, end, steps, dtypes.real_of(cell.dtype)))
            expected = ranges.complex_linspace(start, end, steps)
            for spelling in _LINSPACE:
                trial.expect(spelling, expected, bound, dtype=cell.dtype)


@clause("creation.linspace.stays-within-one-of-the-grid")
@given(
    cases=st.lists(
        st.tuples(st.integers(0, 127), st.integers(0, 127), st.integers(2, 300), st.booleans()),
        min_size=8,
        max_size=16,
    )
)
def test_linspace_stays_within_one(cell: Cell, cases: list[tuple[int, int, int, bool]]) -> None:
    for one, other, steps, wide in cases:
        scale = 100 if wide and dtypes.bits(cell.dtype) > 8 else 1
        sign = -1 if dtypes.is_signed(cell.dtype) and wide else 1
        start, end = sign * one * scale, other * scale
        trial = cell.trial(start=start, end=end, steps=steps, dtype=cell.torch_dtype)
        # Truncation loses less than one; single precision, which a device may compute in, a little more.
        bound = absolute(1 + _bound(cell, start, end, steps, "float32"))
        expected = ranges.linspace_values(start, end, steps)
        for spelling in _LINSPACE:
            trial.expect(spelling, expected, bound, dtype=cell.dtype)


@clause("creation.linspace.takes-tensor-ends")
def test_linspace_takes_tensor_ends(cell: Cell) -> None:
    for start, end, steps in ((0, 4, 5), (-3, 3, 7), (2, 2, 3), (8, 0, 9)):
        if start < 0 and not dtypes.is_signed(cell.dtype):
            continue
        ends = {
            name: Strided.from_array(creation.full((), value, cell.dtype))
            for name, value in (("first", start), ("last", end))
        }
        trial = cell.trial(start=start, end=end, steps=steps, **ends)
        expected = creation.rounded(creation.linspace(start, end, steps), "float32").astype(np.float32)
        for form in (
            "first, last, steps",
            "first, end, steps",
            "start, last, steps",
            "start=first, end=last, steps=steps",
        ):
            trial.expect(f"torch.linspace({form}, dtype=torch.float32, device=device)", expected)
            trial.expect(f"torch.logspace({form}, base=1, dtype=torch.float32, device=device)", np.ones_like(expected))


@clause("creation.*space.refuses-bad-steps")
def test_space_refuses_bad_steps(cell: Cell) -> None:
    name = cell.clause.subject
    for steps in (-1, -2, -100, -(2**40)):
        trial = cell.trial(steps=steps)
        trial.run("out = torch.ones(3, device=device)")
        trial.expect_error(f"torch.{name}(0, 1, steps, device=device)", RuntimeError)
        trial.expect_error(f"torch.{name}(start=0, end=1, steps=steps, device=device)", RuntimeError)
        trial.expect_error(f"torch.{name}(0, 1, steps, out=out)", RuntimeError)
        trial.expect("out", creation.full((3,), 1.0))
    trial = cell.trial()
    trial.expect_error(f"torch.{name}(0, 1, device=device)", TypeError)
    trial.expect_error(f"torch.{name}(0, 1, 2.5, device=device)", TypeError)


@clause("creation.logspace.is-accurate")
@given(
    cases=st.lists(
        st.tuples(st.floats(-3, 3, width=32), st.floats(-3, 3, width=32), st.sampled_from((1, 2, 3, 10, 17, 100, 257))),
        min_size=3,
        max_size=6,
    )
)
def test_logspace_is_accurate(cell: Cell, cases: Cases) -> None:
    grid, powers = roundings(cell, "linspace"), roundings(cell, "logspace")
    fixed: Cases = [(0, 2, 3), (-3, 3, 7), (0, 3, 4), (1, 1, 5)]
    for start, end, steps in (*fixed, *cases):
        for base in (10.0, 2.0, 0.5, 3.0):
            trial = cell.trial(start=start, end=end, steps=steps, base=base, dtype=cell.torch_dtype)
            bound = absolute(
                ranges.logspace_bounds((start, end), steps, base, cell.dtype, exponents=grid, powers=powers)
            )
            expected = ranges.logspace(start, end, steps, base)
            for spelling in _LOGSPACE:
                trial.expect(spelling, expected, bound, dtype=cell.dtype)
            if base == 10:
                trial.expect(f"torch.logspace(start, end, steps, {_WITH})", expected, bound, dtype=cell.dtype)
                trial.expect(f"torch.logspace(start, end, steps=steps, {_WITH})", expected, bound, dtype=cell.dtype)
